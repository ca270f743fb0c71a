"""What a caller may set: the limits, and the zone of dates that name none."""

from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final

import attrs

IST: Final = timezone(timedelta(hours=5, minutes=30), "IST")
"""Indian Standard Time, UTC+05:30, in which Exotel writes dates."""


def _check_limit(_: object, attribute: "attrs.Attribute[int]", value: object) -> None:
    if type(value) is not int:
        message = f"{attribute.name} must be a whole number, not {type(value).__name__}"
        raise TypeError(message)
    if value < 1:
        message = f"{attribute.name} must be at least 1"
        raise ValueError(message)


def _limit(default: int) -> int:
    return attrs.field(default=default, validator=_check_limit)


@attrs.frozen(kw_only=True)
class Limits:
    """How much of a payload is read; more than that is a `DecodeError` or, for legs, an issue.

    Raises `TypeError` or `ValueError` for what is not a whole number of at least 1.
    """

    body_bytes: int = _limit(65_536)
    """The largest body, in bytes (text counts as UTF-8)."""
    fields: int = _limit(256)
    """The most top-level names, all bracket keys of ``Legs`` counted as one."""
    legs: int = _limit(64)
    """The most legs; of more, the first ones stay."""


DEFAULT_LIMITS: Final = Limits()


def check_options(timezone: object, limits: object, *, strict: object = False, content_type: object = None) -> None:
    """Raise `TypeError` at once for a misused argument, whatever the payload."""
    if not isinstance(content_type, str | None):
        message = f"content_type must be the header's value as str or None, not {type(content_type).__name__}"
        raise TypeError(message)
    if not isinstance(strict, bool):  # such as the text of an environment variable, of which "0" would be true
        message = f"strict must be True or False, not {type(strict).__name__}"
        raise TypeError(message)
    if not isinstance(timezone, tzinfo):
        message = f"timezone must be a datetime.tzinfo such as zoneinfo.ZoneInfo, not {type(timezone).__name__}"
        raise TypeError(message)
    if hasattr(timezone, "localize"):
        # Attached to a datetime, a pytz zone gives the local mean time of its city, for Kolkata 7 to 23 minutes off.
        message = "timezone must not be a pytz zone: use zoneinfo.ZoneInfo"
        raise TypeError(message)
    if timezone is not IST and not _has_offset(timezone):
        message = "timezone must have an offset from UTC"
        raise TypeError(message)
    if not isinstance(limits, Limits):
        message = f"limits must be exotel_callback.Limits, not {type(limits).__name__}"
        raise TypeError(message)


def _has_offset(timezone: tzinfo) -> bool:
    try:
        return timezone.utcoffset(datetime(2000, 1, 1)) is not None  # noqa: DTZ001 - any date does
    except NotImplementedError:  # of a bare tzinfo
        return False
