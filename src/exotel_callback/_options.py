"""The options that a caller may set: strictness, the zone of dates that name none, and the limits."""

from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final, NamedTuple

import attrs

from ._model._open import restorable

IST: Final = timezone(timedelta(hours=5, minutes=30), "IST")
"""Indian Standard Time, UTC+05:30, in which Exotel writes dates."""


def _check_limit(_: object, attribute: "attrs.Attribute[int]", value: object) -> None:
    if type(value) is not int:
        raise TypeError(f"{attribute.name} must be an integer, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{attribute.name} must be at least 1")


def _limit(default: int) -> int:
    return attrs.field(default=default, validator=_check_limit)


@restorable
@attrs.frozen(kw_only=True)
class Limits:
    """How much of a payload is read. A larger one is a `DecodeError` or, for legs, an issue.

    Raises `TypeError` or `ValueError` for a limit that isn't an integer of at least 1.
    """

    __module__ = "exotel_callback"

    body_bytes: int = _limit(65_536)
    """The largest body, in bytes (a string counts as UTF-8)."""
    fields: int = _limit(256)
    """The maximum number of top-level names; all bracket keys of ``Legs`` count as one."""
    legs: int = _limit(64)
    """The maximum number of legs; the first ones are kept."""


DEFAULT_LIMITS: Final = Limits()


class ReadOptions(NamedTuple):
    """The options of every reader and every adapter. `read_options` makes them."""

    strict: bool
    timezone: tzinfo
    limits: Limits


def read_options(strict: bool, timezone: tzinfo, limits: Limits) -> ReadOptions:  # noqa: FBT001 - in the order of the class
    """Validate the options of a reader.

    :raises TypeError: An option isn't what it should be.
    """
    if strict is not True and strict is not False:  # such as an environment variable's "0", which would be true
        raise TypeError(f"strict must be True or False, not {type(strict).__name__}")
    if timezone is not IST:
        _check_timezone(timezone)
    if not isinstance(limits, Limits):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"limits must be exotel_callback.Limits, not {type(limits).__name__}")
    return ReadOptions(strict, timezone, limits)


def _check_timezone(timezone: object) -> None:
    if not isinstance(timezone, tzinfo):
        raise TypeError(f"timezone must be a datetime.tzinfo such as zoneinfo.ZoneInfo, not {type(timezone).__name__}")
    if hasattr(timezone, "localize"):
        # Attached to a datetime, a pytz zone gives the local mean time of its city, for Kolkata 7 to 23 minutes off.
        raise TypeError("timezone must not be a pytz zone; use zoneinfo.ZoneInfo")
    try:
        has_offset = timezone.utcoffset(datetime(2000, 1, 1)) is not None  # noqa: DTZ001 - any date serves
    except NotImplementedError:  # of a bare tzinfo
        has_offset = False
    if not has_offset:
        raise TypeError("timezone must have an offset from UTC")
