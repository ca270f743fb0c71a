"""Define the kinds of fields. Each kind reads one wire value into one typed value, strictly.

Facts
-----
- A number is a JSON number in JSON, a decimal string in forms, and sometimes a string in JSON too. So every scalar is
  read as a string: ``-5`` and ``"-5"`` follow the same rule and leave the same issue.
- An absent value is null, an empty string, or one of three strings in any case.
  Source: https://github.com/frappe/crm/pull/2780 (a literal ``null`` made call logs fail to save).
- A date is ``YYYY-MM-DD HH:mm:ss`` without a zone, ISO 8601 with an offset, or, from the Passthru applet,
  ``Wed, 23 Feb 2022 12:31:59``. Before the date is known, it is the Unix epoch in some zone, or a date of zeros. No
  call was made before 1971.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timezone, tzinfo
from enum import StrEnum
from typing import Any, Final, NamedTuple, cast

from .._enums import (
    AgentStatus,
    AnsweredBy,
    CallStatus,
    CallType,
    Direction,
    EventType,
    LegStatus,
    PopupEventType,
    StreamStatus,
    value_reader,
)
from .._errors import IssueCode
from .._wire.payload import FilePart, RawPayload, Repeated, StandIn

EMPTY_VALUES: Final = frozenset({"", "null", "none", "undefined"})

# The usual placeholders of dates, compared as strings in lower case. `_read_date` finds the others.
EMPTY_DATES: Final = EMPTY_VALUES | {
    "1970-01-01 05:30:00",
    "1970-01-01t05:30:00",
    "0000-00-00 00:00:00",
    "0000-00-00t00:00:00",
    "0001-01-01 00:00:00z",
    "0001-01-01t00:00:00z",
}

# Most databases can't store NUL, and a lone surrogate can't be encoded.
UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")

_NOT_FINITE: Final = frozenset({"inf", "-inf", "nan"})

_SECONDS: Final = re.compile(r"([0-9]{1,9})(?:\.0+)?")

_ISO_DATE: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?"
)
_DATE_OF_ZEROS: Final = "0000-00-00"
_PASSTHRU_DATE: Final = (  # A string, because `re` compiles it only when it is first needed.
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
    r"((?!0000)[0-9]{4}) (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
)

# An earlier date means that the time isn't known yet. Its reader returns `NOT_YET`.
_FIRST_YEAR: Final = 1971
_FIRST_DATE: Final = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
NOT_YET: Final = object()

# A later date can't be converted to UTC.
_LAST_DATE: Final = datetime.max.replace(tzinfo=UTC)


class Kind(NamedTuple):
    """A kind of field: how its values are read, and the results for empty and invalid values."""

    read: Callable[[str, tzinfo], object]
    """The reader of a string. It returns None for an invalid one, and `NOT_YET` for the placeholder of a date."""
    parse_issue: IssueCode
    """The issue for an invalid string."""
    type_issue: IssueCode
    """The issue for a value that is neither a string nor a number."""
    fallback: object = None
    """The result for an invalid string."""
    if_empty: object = None
    """The result for an empty value."""
    empty_values: frozenset[str] = EMPTY_VALUES
    """The strings, in lower case, that mean an absent value."""
    trim: Callable[[str], str] = str.strip
    """The function that removes characters around the value."""
    enum: type[StrEnum] | None = None
    """The enum of the values, if there is one."""


def _read_string(text: str, _: tzinfo) -> str:
    return text


def _read_seconds(text: str, _: tzinfo) -> int | None:
    match = _SECONDS.fullmatch(text)
    return int(match[1]) if match else None


def _read_date(text: str, zone: tzinfo) -> object:
    if text.startswith(_DATE_OF_ZEROS) and _ISO_DATE.fullmatch(text):
        return NOT_YET
    try:
        date = _date_as_written(text)
        if date and date.year < _FIRST_YEAR - 1:  # The zone doesn't matter, and it may not reach that year.
            return NOT_YET
        if date and not date.tzinfo:
            date = in_zone(date, zone)
    except (ValueError, OverflowError, OSError):  # The day doesn't exist, or the zone doesn't reach it.
        return None
    if not date or date > _LAST_DATE:
        return None
    return NOT_YET if date < _FIRST_DATE else date


def _date_as_written(text: str) -> datetime | None:
    """Return the date, with its offset if it has one. Return None for another format."""
    if _ISO_DATE.fullmatch(text):
        return datetime.fromisoformat(text)
    if "," in text and (match := re.fullmatch(_PASSTHRU_DATE, text)):
        from dateutil.parser import parse  # Imported here because only the Passthru applet writes this format.

        if match[1] < "1000":  # dateutil would guess the century of ``0022`` by the clock.
            text = text.replace(match[1], "1600")  # Of a year before 1971, only that matters.
        return parse(text, default=datetime(1, 1, 1))  # noqa: DTZ001 - `_read_date` adds the zone
    return None


def in_zone(date: datetime, zone: tzinfo) -> datetime | None:
    """Return the date with the zone's offset at that time, which is fixed so that equal instants compare equal."""
    if isinstance(zone, timezone):
        return datetime.combine(date, date.time(), zone)  # This takes a fifth of the time of `replace`.
    offset = zone.utcoffset(date.replace(tzinfo=zone))
    return None if offset is None else date.replace(tzinfo=timezone(offset))


def _enum(enum: type[StrEnum], if_empty: StrEnum | None = None) -> Kind:
    return Kind(value_reader(enum), IssueCode.UNKNOWN_VALUE, IssueCode.WRONG_TYPE, enum["UNKNOWN"], if_empty, enum=enum)


def _trim_quotes(text: str) -> str:
    """Remove the double quotes that the Passthru applet puts around the digits that the caller typed."""
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
STREAM_STATUS: Final = _enum(StreamStatus)
POPUP_EVENT_TYPE: Final = _enum(PopupEventType)
AGENT_STATUS: Final = _enum(AgentStatus)
DIGITS: Final = STRING._replace(trim=_trim_quotes)


def is_empty(value: object) -> bool:
    """Return whether a value is absent: null, an empty string or one with the same meaning, or a file."""
    if isinstance(value, Repeated):
        return not value or is_empty(value[0])
    return (
        value is None or isinstance(value, FilePart) or (type(value) is str and value.strip().lower() in EMPTY_VALUES)
    )


def as_text(value: object) -> str:
    """Return any value as a string: a number as a decimal string, None as an empty string, and containers as JSON."""
    if value is None or type(value) is bool:
        return _TEXT_OF_CONSTANTS[value]
    text = scalar_text(value)
    if text is None and isinstance(value, StandIn):
        return str(value)
    return _in_json(value) if text is None else text


_TEXT_OF_CONSTANTS: Final = {None: "", False: "false", True: "true"}


def _jsonable(value: object) -> object:
    if isinstance(value, RawPayload):
        return dict(value)
    text = scalar_text(value)
    return float(cast("Any", value)) if text is None else text  # A `Decimal`; the float is infinity or NaN.


_in_json: Final = json.JSONEncoder(default=_jsonable).encode


def scalar_text(value: object) -> str | None:
    """Return a string unchanged and a finite number as a decimal string. Return None for anything else."""
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    if type(value) is float:
        text = repr(value)
        return None if text in _NOT_FINITE else text
    # The type is compared by name, because `decimal` isn't imported for an ordinary payload (see `_copy_atom`).
    return str(value) if type(value).__name__ == "Decimal" and cast("Any", value).is_finite() else None
