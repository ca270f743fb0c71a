"""Define the options of every reader: strict mode, the time zone of dates without one, and the limits."""

from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final, NamedTuple

import attrs

from ._model._open import restorable

IST: Final = timezone(timedelta(hours=5, minutes=30), "IST")
"""The time zone in which Exotel writes dates: Indian Standard Time, UTC+05:30."""


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
    """The maximum size of a payload. A larger payload raises `DecodeError`; legs over the limit leave an issue.

    A limit that isn't an integer raises `TypeError`, and a limit below 1 raises `ValueError`.
    """

    __module__ = "exotel_callback"

    body_bytes: int = _limit(65_536)
    """The maximum size of a body, in bytes. A string counts as UTF-8."""
    fields: int = _limit(256)
    """The maximum number of top-level names. All bracket keys of ``Legs`` count as one name."""
    legs: int = _limit(64)
    """The maximum number of legs. The first ones are kept."""


DEFAULT_LIMITS: Final = Limits()


class ReadOptions(NamedTuple):
    """The validated options of a reader or an adapter. `read_options` returns them."""

    strict: bool
    timezone: tzinfo
    limits: Limits


_DEFAULT_OPTIONS: Final = ReadOptions(strict=False, timezone=IST, limits=DEFAULT_LIMITS)


def read_options(strict: bool, timezone: tzinfo, limits: Limits) -> ReadOptions:  # noqa: FBT001 - in the order of the class
    """Validate the options of a reader.

    :raises TypeError: An option has the wrong type.
    """
    if limits is DEFAULT_LIMITS and timezone is IST and strict is False:
        return _DEFAULT_OPTIONS
    if strict is not True and strict is not False:  # The string "0" of an environment variable would be true.
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
        # A pytz zone that is attached directly gives the local mean time of its city. For Kolkata it is 7 to 23 minutes
        # wrong.
        raise TypeError("timezone must not be a pytz zone; use zoneinfo.ZoneInfo")
    try:
        has_offset = timezone.utcoffset(datetime(2000, 1, 1)) is not None  # noqa: DTZ001 - any date will do
    except NotImplementedError:  # The base class `tzinfo` raises this.
        has_offset = False
    if not has_offset:
        raise TypeError("timezone must have an offset from UTC")
