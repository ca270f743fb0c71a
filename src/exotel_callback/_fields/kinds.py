"""From one value on the wire to one typed value: the kinds of fields and their strict readers.

Facts
-----
- A number is a JSON number in JSON, decimal text in forms, and text in some JSON as well. So every scalar is read as
  text, and ``-5`` and ``"-5"`` meet the same rule and leave the same issue.
- "Nothing" is null, an empty text, or one of three words in any case.
  Source: https://github.com/frappe/crm/pull/2780 (a literal ``null`` made call logs fail to save).
- Dates are ``YYYY-MM-DD HH:mm:ss`` without a zone, ISO 8601 with an offset, or (the Passthru applet's)
  ``Wed, 23 Feb 2022 12:31:59``. "Not yet" is the Unix epoch as it reads in India, or a date of zeros.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime, timezone, tzinfo
from enum import StrEnum
from typing import Any, Final, NamedTuple, cast

from .._enums import AnsweredBy, CallStatus, CallType, Direction, EventType, LegStatus, value_reader
from .._errors import IssueCode
from .._wire.payload import FilePart, RawPayload, Repeated, StandIn

EMPTY_VALUES: Final = frozenset({"", "null", "none", "undefined"})

# Placeholders are compared as text (in lower case), whatever the zone is.
EMPTY_DATES: Final = EMPTY_VALUES | {
    "1970-01-01 05:30:00",
    "1970-01-01t05:30:00",
    "0000-00-00 00:00:00",
    "0000-00-00t00:00:00",
    "0001-01-01 00:00:00z",
    "0001-01-01t00:00:00z",
}

# NUL can't be stored by most databases, and a lone surrogate can't be encoded.
UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")

_NOT_FINITE: Final = frozenset({"inf", "-inf", "nan"})

_SECONDS: Final = re.compile(r"([0-9]{1,9})(?:\.0+)?")

_ISO_DATE: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T](?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
    r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
# The first digit of the year is not 0, because dateutil would guess the century of ``0022`` by the clock.
_PASSTHRU_DATE: Final = (  # compiled by `re` when it is first needed
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
    r"[1-9][0-9]{3} (?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}"
)


class Kind(NamedTuple):
    """How the values of a field are read, and what remains of one that can't be read."""

    read: Callable[[str, tzinfo], object]
    """Reads a string; returns None for one that can't be read."""
    parse_issue: IssueCode
    """The issue of a string that can't be read."""
    type_issue: IssueCode
    """The issue of a value that is neither a string nor a number."""
    fallback: object = None
    """The result for a string that can't be read."""
    if_empty: object = None
    """The result for an empty value."""
    empty_values: frozenset[str] = EMPTY_VALUES
    """The strings, in lower case, that mean that there is no value."""
    trim: Callable[[str], str] = str.strip
    """Removes what may surround the value."""
    enum: type[StrEnum] | None = None
    """The enum of the values, if there is one."""


def _read_string(text: str, _: tzinfo) -> str:
    return text


def _read_seconds(text: str, _: tzinfo) -> int | None:
    match = _SECONDS.fullmatch(text)
    return int(match[1]) if match else None


def _read_date(text: str, zone: tzinfo) -> datetime | None:
    try:
        if match := _ISO_DATE.fullmatch(text):
            date = datetime.fromisoformat(text)
            return date if match[1] else in_zone(date, zone)
        if re.fullmatch(_PASSTHRU_DATE, text):
            from dateutil.parser import parse  # only the Passthru applet writes this

            return in_zone(parse(text, default=datetime(1, 1, 1)), zone)  # noqa: DTZ001 - the zone follows
    except (ValueError, OverflowError):  # no such day, or an offset or a zone that does not reach there
        pass
    return None


def in_zone(date: datetime, zone: tzinfo) -> datetime | None:
    """Give the date the offset that the zone has at that time: a fixed one, so that equal instants compare equal."""
    if isinstance(zone, timezone):
        return datetime.combine(date, date.time(), zone)  # which takes a fifth of the time of `replace`
    offset = zone.utcoffset(date.replace(tzinfo=zone))
    return None if offset is None else date.replace(tzinfo=timezone(offset))


def _enum(enum: type[StrEnum], if_empty: StrEnum | None = None) -> Kind:
    find = value_reader(enum)

    def read(text: str, _: tzinfo) -> StrEnum | None:
        return find(text)

    return Kind(read, IssueCode.UNKNOWN_VALUE, IssueCode.WRONG_TYPE, enum["UNKNOWN"], if_empty, enum=enum)


def _trim_quotes(text: str) -> str:
    """Cut the double quotes that the Passthru applet puts around the digits that the caller typed."""
    return text.strip().strip('"').strip()


STRING: Final = Kind(_read_string, IssueCode.INVALID_STRING, IssueCode.WRONG_TYPE)
SECONDS: Final = Kind(_read_seconds, IssueCode.NOT_A_NUMBER, IssueCode.NOT_A_NUMBER)
DATE: Final = Kind(_read_date, IssueCode.NOT_A_DATE, IssueCode.NOT_A_DATE, empty_values=EMPTY_DATES)
CALL_STATUS: Final = _enum(CallStatus)
LEG_STATUS: Final = _enum(LegStatus, LegStatus.NOT_ATTEMPTED)
ANSWERED_BY: Final = _enum(AnsweredBy)
DIRECTION: Final = _enum(Direction)
EVENT_TYPE: Final = _enum(EventType)
CALL_TYPE: Final = _enum(CallType)
DIGITS: Final = STRING._replace(trim=_trim_quotes)


def is_empty(value: object) -> bool:
    """Tell whether a value is null, empty, a word for nothing, or a file, which is no field at all."""
    if isinstance(value, Repeated):
        return not value or is_empty(value[0])
    return (
        value is None or isinstance(value, FilePart) or (type(value) is str and value.strip().lower() in EMPTY_VALUES)
    )


def as_text(value: object) -> str:
    """Return any value as text: what both JSON and forms write for numbers, empty for nothing, JSON for the rest."""
    text = "" if value is None else scalar_text(value)
    if text is None and isinstance(value, StandIn):
        return str(value)
    return _in_json(value) if text is None else text


def _jsonable(value: object) -> object:
    if isinstance(value, RawPayload):
        return dict(value)
    text = scalar_text(value)
    return float(cast("Any", value)) if text is None else text  # a decimal that is not finite, or one that is


_in_json: Final = json.JSONEncoder(default=_jsonable).encode


def scalar_text(value: object) -> str | None:
    """Return a text as it is and a number as decimal text; None for the rest, infinity and NaN among it."""
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    if type(value) is float:
        text = repr(value)
        return None if text in _NOT_FINITE else text
    # By its name, because `decimal` is not loaded for an ordinary payload (see `_raw._copy_atom`).
    return str(value) if type(value).__name__ == "Decimal" and cast("Any", value).is_finite() else None
