"""Provide Hypothesis strategies for payloads that Exotel can send, and for the events that the parsers return.

It needs the extra ``testing``.

Facts
-----
- The strategies don't use the parser. Each field is drawn together with its parsed value, from tables of spellings.
  So tests can compare the strategies with the parser, and with your handler.
- Every strategy shrinks to the smallest payload that Exotel sends, in the documented spelling. So absence comes first
  in each list of choices, and the documented spelling comes before the others.

Values, placeholders and spellings: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback,
https://support.exotel.com/support/solutions/articles/48283-working-with-passthru-applet and
``docs/explanation/wire-format.md``.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from functools import cache, partial
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import attrs

try:
    from hypothesis import strategies as st
except ModuleNotFoundError as _error:
    raise ImportError("the strategies need the extra 'testing'; run pip install 'exotel-callback[testing]'") from _error

from ._encode import FORM, JSON, Pairs, encode_form, encode_json, encode_multipart, form_pairs, multipart
from ._enums import (
    AgentStatus,
    AnsweredBy,
    CallStatus,
    CallType,
    Direction,
    EventType,
    LegStatus,
    PopupEventType,
    StreamStatus,
)
from ._errors import Issue, IssueCode
from ._model.call import Call, merge
from ._model.callback import Leg, StatusCallback
from ._model.passthru import PassthruEvent, PassthruLeg, Stream
from ._model.popup import PopupEvent
from ._options import IST
from .testing import RETRY_DELAYS, Delivery

__all__ = [
    "damaged_bodies",
    "deliveries",
    "form_bodies",
    "json_bodies",
    "legs",
    "multipart_bodies",
    "passthru_events",
    "passthru_payloads",
    "payloads",
    "popup_events",
    "popup_payloads",
    "query_strings",
    "status_callbacks",
]

Payload = dict[str, Any]
Body = tuple[bytes, str]


class _WireValue(NamedTuple):
    """A value as Exotel sends it, the value that `parse` returns for it, and the issue that it leaves."""

    wire: Any
    parsed: Any
    issue: IssueCode | None = None


_Optional = st.SearchStrategy[_WireValue | None]


class _Field(NamedTuple):
    """A field's Python name, and the strategies of its values. A drawn None means that the field is absent."""

    attribute: str
    clean: _Optional
    with_issues: _Optional


_NULLS: Final = tuple(_WireValue(wire, None) for wire in (None, "", "null", "NULL", "None", "undefined"))
_DATE_PLACEHOLDERS: Final = tuple(
    _WireValue(wire, None)
    for wire in (
        "1970-01-01 05:30:00",
        "0000-00-00 00:00:00",
        "0001-01-01T00:00:00Z",
        "1970-01-01 05:30:00+05:30",
        "0000-00-00T00:00:00.000",
        "Thu, 01 Jan 1970 05:30:00",
    )
)
_NOT_ATTEMPTED: Final = tuple(_WireValue(null.wire, LegStatus.NOT_ATTEMPTED) for null in _NULLS)

_OTHER_SPELLINGS: Final = {
    "canceled": "cancelled",
    "cancelled": "canceled",
    "from_leg_cancelled": "from_leg_canceled",
    "to_leg_cancelled": "to_leg_canceled",
    "inbound": "incoming",
    "outbound": "outgoing",
}
_UNRECOGNIZED: Final = ("free", "completed-no-answer", "['completed']", "unknown")
_INVALID_NUMBERS: Final = tuple(_WireValue(wire, None, IssueCode.NOT_A_NUMBER) for wire in (-1, "1_000", "soon", 1.5))
_INVALID_DATES: Final = tuple(
    _WireValue(wire, None, IssueCode.NOT_A_DATE)
    for wire in ("soon", "2024-02-30 12:00:00", "15/01/2024", "2024-01-15 14:30:45+05:60")
)

_DAY_NAMES: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _passthru_date(date: datetime) -> str:
    """Write a date as Passthru does. `strftime` is not used because it depends on the locale."""
    return f"{_DAY_NAMES[date.weekday()]}, {date.day:02} {_MONTHS[date.month - 1]} {date.year} {date.time()}"


# Each function that writes a date, with the time zone in which the string is read.
_DATE_WRITERS: Final[Sequence[tuple[Callable[[datetime], str], timezone]]] = (
    (lambda date: date.isoformat(" "), IST),
    (lambda date: date.isoformat("T"), IST),
    (lambda date: f"{date.isoformat(' ')}.000", IST),
    (lambda date: f"{date.isoformat()}Z", UTC),
    (lambda date: f"{date.isoformat()}-03:00", timezone(timedelta(hours=-3))),
    (_passthru_date, IST),
)


def _sid(number: int) -> str:
    """Write a number in 32 digits and letters, because not all identifiers are hexadecimal."""
    digits = ""
    while len(digits) < 32:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


def _is_null(text: str) -> bool:
    return text.lower() in {str(null.wire or "").lower() for null in _NULLS}


def _as_sent(value: object) -> _WireValue:
    """Return a value that `parse` leaves as it is."""
    return _WireValue(value, value)


_SIDS: Final = st.integers(0, 36**32 - 1).map(lambda number: _as_sent(_sid(number)))
# Moments in all months and on all days of the week, and a leap day. The roundest one comes first.
_MOMENTS: Final = [
    *(datetime(2000 + 9 * n, n + 1, 1 + 2 * n, 2 * n, 5 * n, 4 * n) for n in range(12)),  # noqa: DTZ001 - as below
    datetime(2024, 2, 29, 23, 59, 59),  # noqa: DTZ001 - each spelling adds its own time zone
]
_WIRE_DATES: Final = [
    _WireValue(write(moment), moment.replace(tzinfo=zone)) for write, zone in _DATE_WRITERS for moment in _MOMENTS
]
_DURATIONS: Final = (0, 1, 59, 320, 3_600, 86_400, 999_999_999)
_NUMBERS: Final = [
    f"{prefix}{digits}" for prefix in ("0", "+91") for digits in ("0000000000", "8012345678", "9876543210")
]
_NO_DIGITS: Final = (_WireValue('""', None), _WireValue('"null"', None))
_URLS: Final = [
    f"https://recordings.exotel.com/exotelrecordings/example/{_sid(number)}.mp3" for number in (0, 35, 36**31)
]
# Characters that every encoding can carry: no control characters and no lone surrogates.
_CHARACTERS: Final = st.characters(exclude_categories=["Cs", "Cc"])
_TEXTS: Final = st.text(_CHARACTERS, min_size=1, max_size=20).map(lambda text: _as_sent(_meaningful(text)))


def _meaningful(text: str) -> str:
    """Return a string without whitespace around it. Replace a spelling of null with ``0``."""
    stripped = text.strip()
    return "0" if _is_null(stripped) else stripped


def _spellings(value: str) -> Iterable[str]:
    """Return the other spellings of a documented value."""
    divided = [re.sub("[-_]", divider, value) for divider in (" ", "_", "-")]
    spelled = (value.upper(), *divided, _OTHER_SPELLINGS.get(value, value))
    return (other for other in spelled if other != value)


def _field(
    attribute: str, valid: Sequence[_WireValue], invalid: Sequence[_WireValue] = (), *, required: bool
) -> _Field:
    """Return a field with fixed values.

    It is one `st.sampled_from`, because unions and maps would make every payload slower to draw. An optional field is
    absent in about one payload of four.
    """
    absent = [] if required else [None] * (1 + len(valid) // 3)
    return _Field(attribute, st.sampled_from([*absent, *valid]), st.sampled_from([*absent, *valid, *invalid]))


def _drawn_field(attribute: str, drawn: _Optional) -> _Field:
    """Return a field that never has an issue."""
    return _Field(attribute, drawn, drawn)


def _enum_field(attribute: str, first: StrEnum, *nulls: _WireValue, required: bool = False) -> _Field:
    """Return a field with the values of an enum and their other spellings. `first` is the first choice."""
    enum = type(first)
    members = [member for member in (first, *enum) if member.name not in {"UNKNOWN", "NOT_ATTEMPTED"}]
    documented = [_WireValue(member.value, member) for member in dict.fromkeys(members)]
    others = [_WireValue(other, value.parsed) for value in documented for other in _spellings(value.wire)]
    unrecognized = [value for value in _UNRECOGNIZED if value not in {member.value for member in members}]
    unknown = [_WireValue(value, enum["UNKNOWN"], IssueCode.UNKNOWN_VALUE) for value in unrecognized]
    return _field(attribute, [*documented, *others, *nulls], unknown, required=required)


def _date_field(attribute: str) -> _Field:
    return _field(attribute, [*_WIRE_DATES, *_DATE_PLACEHOLDERS, *_NULLS], _INVALID_DATES, required=False)


def _seconds_field(attribute: str) -> _Field:
    numbers = [_WireValue(write(number), number) for write in (int, str) for number in _DURATIONS]
    floats = [_WireValue("12.0", 12), _WireValue(7.0, 7)]
    return _field(attribute, [*numbers, *_NULLS, *floats], _INVALID_NUMBERS, required=False)


def _text_field(attribute: str, texts: Iterable[str]) -> _Field:
    return _field(attribute, [*map(_as_sent, texts), *_NULLS], required=False)


def _number_field(attribute: str) -> _Field:
    return _text_field(attribute, [*_NUMBERS, "0XXXXX30240", "sip:agent"])


# The fields by wire name, in the order of the model, because `parse` reports issues in that order.
_REQUIRED: Final = {
    "CallSid": _drawn_field("call_sid", _SIDS),
    "Status": _enum_field("status", CallStatus.COMPLETED, required=True),
}
_OPTIONAL: Final = {
    "DateUpdated": _date_field("date_updated"),
    "DateCreated": _date_field("date_created"),
    "StartTime": _date_field("start_time"),
    "EndTime": _date_field("end_time"),
    "RecordingUrl": _text_field("recording_url", _URLS),
    "EventType": _enum_field("event_type", EventType.TERMINAL, *_NULLS),
    "From": _number_field("from_number"),
    "To": _number_field("to_number"),
    "PhoneNumberSid": _number_field("phone_number_sid"),
    "ConversationDuration": _seconds_field("conversation_duration"),
    "Duration": _seconds_field("duration"),
    "Direction": _enum_field("direction", Direction.OUTBOUND_API, *_NULLS),
    "CustomField": _drawn_field(
        "custom_field", st.none() | _TEXTS | st.sampled_from([_as_sent('{"order": 42}'), *_NULLS])
    ),
}
_LEG: Final = {
    "OnCallDuration": _seconds_field("on_call_duration"),
    "Status": _enum_field("status", LegStatus.COMPLETED, *_NOT_ATTEMPTED),
    "AnsweredBy": _enum_field("answered_by", AnsweredBy.HUMAN, *_NULLS),
}
_DOCUMENTED: Final = _REQUIRED | _OPTIONAL
# Fields that the library doesn't know, so they have no attribute.
_UNDOCUMENTED: Final = {
    "Price": _drawn_field("", st.sampled_from([None, _as_sent("1.500")])),
    "Carrier": _drawn_field("", st.none() | _TEXTS),
}
# The fields of a Passthru request and of a popup, in the order of the model, and the other names of some of them.
_PASSTHRU_FIELDS: Final = {
    "CallSid": _drawn_field("call_sid", _SIDS),
    "From": _number_field("from_number"),
    "To": _number_field("to_number"),
    "Direction": _enum_field("direction", Direction.INBOUND, *_NULLS),
    "Created": _date_field("created"),
    "StartTime": _date_field("start_time"),
    "EndTime": _date_field("end_time"),
    "CurrentTime": _date_field("current_time"),
    "RecordingAvailableBy": _date_field("recording_available_by"),
    "CallType": _enum_field("call_type", CallType.COMPLETED, *_NULLS),
    "DialCallStatus": _enum_field("dial_status", CallStatus.COMPLETED, *_NULLS),
    "DialCallDuration": _seconds_field("ring_and_talk_duration"),
    "DialWhomNumber": _number_field("dialed_number"),
    "OutgoingPhoneNumber": _number_field("outgoing_number"),
    "ForwardedFrom": _number_field("forwarded_from"),
    "digits": _field(
        "digits",
        [*(_WireValue(f'"{digits}"', digits) for digits in ("0", "42", "4*2#")), _as_sent("42"), *_NULLS, *_NO_DIGITS],
        required=False,
    ),
    "flow_id": _text_field("flow_id", ["123456"]),
    "tenant_id": _text_field("tenant_id", ["7890"]),
    "AccountSid": _text_field("account_sid", ["example"]),
    "EventType": _text_field("event_type", ["stream-start", "Stream-Start"]),
    "RecordingUrl": _text_field("recording_url", _URLS),
    "CustomField": _OPTIONAL["CustomField"],
    "ProcessStatus": _text_field("process_status", ["x"]),
}
_PASSTHRU_LEG: Final = {
    "Number": _number_field("number"),
    "Type": _text_field("type", ["single"]),
    "OnCallDuration": _seconds_field("on_call_duration"),
    "CallerId": _number_field("caller_id"),
    "Cause": _text_field("cause", ["16", "1003"]),
    "CauseCode": _text_field("cause_code", ["NORMAL_CLEARING", "USER_BUSY", "RING_TIMEOUT"]),
    "DisconnectedBy": _text_field("disconnected_by", ["Caller", "Callee", "Exotel"]),
}
_STREAM: Final = {
    "StreamSID": _drawn_field("stream_sid", st.none() | _SIDS),
    "Status": _enum_field("status", StreamStatus.COMPLETED, *_NULLS),
    "Duration": _seconds_field("duration"),
    "RecordingUrl": _text_field("recording_url", _URLS),
    "StreamUrl": _text_field("stream_url", ["wss://bot.example.com/media"]),
    "DisconnectedBy": _text_field("disconnected_by", ["user", "bot", "NA"]),
    "Error": _text_field("error", ["timeout"]),
    "DetailedStatus": _text_field("detailed_status", ["x"]),
}
# A popup has the first three fields always.
_POPUP_FIELDS: Final = {
    "CallSid": _drawn_field("call_sid", _SIDS),
    "EventType": _enum_field("event_type", PopupEventType.DIAL, required=True),
    "Status": _enum_field("agent_status", AgentStatus.BUSY, *_NULLS, required=True),
    "AgentEmail": _text_field("agent_email", ["agent@example.com"]),
    "DialWhomNumber": _field("dialed_number", [*map(_as_sent, _NUMBERS), *_NULLS], required=True),
    **{name: _PASSTHRU_FIELDS[name] for name in ("From", "To", "Direction", "Created", "CurrentTime")},
    **{name: _PASSTHRU_FIELDS[name] for name in ("StartTime", "EndTime", "RecordingUrl", "RecordingAvailableBy")},
}
_OTHER_NAMES: Final = {"From": "CallFrom", "To": "CallTo"}
_OTHER_NAMES_OF_POPUP: Final = {**_OTHER_NAMES, "Created": "DateCreated"}

_COMPLETED: Final = _WireValue("completed", LegStatus.COMPLETED)


def _draw_fields(draw: st.DrawFn, table: Mapping[str, _Field], *, allow_issues: bool) -> dict[str, _WireValue]:
    """Draw each field by itself, absent or present, so that each can shrink away."""
    drawn = {name: draw(field.with_issues if allow_issues else field.clean) for name, field in table.items()}
    return {name: value for name, value in drawn.items() if value is not None}


@st.composite
def _leg_fields(draw: st.DrawFn, *, allow_issues: bool) -> dict[str, _WireValue]:
    """Draw the fields of a leg."""
    fields = _draw_fields(draw, _LEG, allow_issues=allow_issues)
    # A form can't carry a leg without fields, so a leg has at least one of these.
    return fields if fields.keys() & {"Status", "OnCallDuration"} else {"Status": _COMPLETED, **fields}


@st.composite
def _events(draw: st.DrawFn, *, allow_issues: bool) -> tuple[Payload, StatusCallback]:
    """Draw payloads, each with the callback that `parse` returns for it."""
    fields = _draw_fields(draw, _DOCUMENTED, allow_issues=allow_issues)
    parties = draw(_parties(allow_issues=allow_issues))
    undocumented = _draw_fields(draw, _UNDOCUMENTED, allow_issues=allow_issues)

    payload = _wire(fields | undocumented)
    issues = _issues(fields)
    if parties is not None:
        payload["Legs"] = [_wire(party) for party in parties]
        for index, party in enumerate(parties):
            issues += _issues(party, f"Legs[{index}].")
    callback = StatusCallback(
        **_attributes(_DOCUMENTED, fields),
        legs=tuple(Leg(**_attributes(_LEG, party)) for party in parties or ()),
        issues=tuple(issues),
        raw=payload,
    )
    return payload, callback


@st.composite
def _renamed(
    draw: st.DrawFn, fields: dict[str, _WireValue], other_names: Mapping[str, str]
) -> tuple[dict[str, _WireValue], Payload]:
    """Draw the names of the fields that have two. Return the fields by the names that an issue has, and the payload."""
    chosen = {name: draw(st.sampled_from((name, other))) for name, other in other_names.items() if name in fields}
    sent = {chosen.get(name, name): value for name, value in fields.items()}
    return sent, _wire(sent)


@st.composite
def _streams(draw: st.DrawFn, *, allow_issues: bool) -> tuple[Payload, Stream | None, list[Issue]]:
    """Draw the fields of a payload that describe a stream, in one of its shapes, and what they mean."""
    shape = draw(st.sampled_from(_STREAM_SHAPES))
    if shape is None:
        return {}, None, []
    fields = _draw_fields(draw, _STREAM, allow_issues=allow_issues)
    if shape is _at_top:
        fields = {name: value for name, value in fields.items() if name in {"StreamSID", "StreamUrl"}}
    stream = Stream(**_attributes(_STREAM, fields))
    return shape(_wire(fields)), None if stream == Stream() else stream, _issues(fields, "Stream.")


def _at_top(fields: Payload) -> Payload:
    """Return the fields as a ``stream-start`` has them: beside the other fields, and with another spelling."""
    return {"StreamSid" if name == "StreamSID" else name: value for name, value in fields.items()}


_STREAM_SHAPES: Final[Sequence[Callable[[Payload], Payload] | None]] = (
    None,
    lambda fields: {f"Stream[{name}]": value for name, value in fields.items()},
    lambda fields: {"Stream": fields},
    lambda fields: {"Stream": json.dumps(fields)},
    _at_top,
)


@st.composite
def _passthru(draw: st.DrawFn, *, allow_issues: bool) -> tuple[Payload, PassthruEvent]:
    """Draw payloads of Passthru requests, each with the event that `parse_passthru` returns for it."""
    fields = _draw_fields(draw, _PASSTHRU_FIELDS, allow_issues=allow_issues)
    sent, payload = draw(_renamed(fields, _OTHER_NAMES))
    parties = draw(_passthru_parties(allow_issues=allow_issues))
    in_stream, stream, stream_issues = draw(_streams(allow_issues=allow_issues))
    payload |= in_stream | _wire(_draw_fields(draw, _UNDOCUMENTED, allow_issues=allow_issues))
    issues = _issues(sent)
    if parties is not None:
        payload["Legs"] = [_wire(party) for party in parties]
        for index, party in enumerate(parties):
            issues += _issues(party, f"Legs[{index}].")
    attributes = _attributes(_PASSTHRU_FIELDS, fields)
    if stream and not attributes.get("recording_url"):
        attributes["recording_url"] = stream.recording_url
    event = PassthruEvent(
        **attributes,
        legs=tuple(PassthruLeg(**_attributes(_PASSTHRU_LEG, party)) for party in parties or ()),
        stream=stream,
        issues=(*issues, *stream_issues),
        raw=payload,
    )
    return payload, event


@st.composite
def _passthru_leg_fields(draw: st.DrawFn, *, allow_issues: bool) -> dict[str, _WireValue]:
    """Draw the fields of a leg, at least one of them."""
    return _draw_fields(draw, _PASSTHRU_LEG, allow_issues=allow_issues) or {"Type": _as_sent("single")}


@cache
def _passthru_parties(*, allow_issues: bool) -> st.SearchStrategy[list[dict[str, _WireValue]] | None]:
    return st.none() | st.lists(_passthru_leg_fields(allow_issues=allow_issues), max_size=3)


@st.composite
def _popups(draw: st.DrawFn, *, allow_issues: bool) -> tuple[Payload, PopupEvent]:
    """Draw payloads of popups, each with the event that `parse_popup` returns for it."""
    fields = _draw_fields(draw, _POPUP_FIELDS, allow_issues=allow_issues)
    sent, payload = draw(_renamed(fields, _OTHER_NAMES_OF_POPUP))
    payload |= _wire(_draw_fields(draw, _UNDOCUMENTED, allow_issues=allow_issues))
    event = PopupEvent(**_attributes(_POPUP_FIELDS, fields), issues=tuple(_issues(sent)), raw=payload)
    return payload, event


@cache
def _parties(*, allow_issues: bool) -> st.SearchStrategy[list[dict[str, _WireValue]] | None]:
    return st.none() | st.lists(_leg_fields(allow_issues=allow_issues), max_size=3)


def _wire(fields: Mapping[str, _WireValue]) -> Payload:
    return {name: value.wire for name, value in fields.items()}


def _attributes(table: Mapping[str, _Field], fields: Mapping[str, _WireValue]) -> dict[str, Any]:
    return {table[name].attribute: value.parsed for name, value in fields.items()}


def _issues(fields: Mapping[str, _WireValue], path: str = "") -> list[Issue]:
    return [Issue.at(path + name, issue, str(wire)) for name, (wire, _, issue) in fields.items() if issue]


@st.composite  # This also keeps the repr short.
def status_callbacks(draw: st.DrawFn, *, allow_issues: bool = True) -> StatusCallback:
    """Draw callbacks as `exotel_callback.parse` can return them, with their ``raw``.

    They shrink to a ``completed`` call whose sid is all zeros, without any other field.
    ``st.from_type(StatusCallback)`` is this strategy.

    :param allow_issues: Whether to draw unrecognized values, and dates and numbers that can't be read. Each adds an
        `exotel_callback.Issue`. Without them, no field is ``UNKNOWN``.
    """
    return draw(_events(allow_issues=allow_issues))[1]


@st.composite
def legs(draw: st.DrawFn, *, allow_issues: bool = True) -> Leg:
    """Draw legs of callbacks. They shrink to a completed leg without any other field.

    :param allow_issues: As for `status_callbacks`. A leg has no issues of its own; they belong to the callback.
    """
    return Leg(**_attributes(_LEG, draw(_leg_fields(allow_issues=allow_issues))))


@st.composite
def _calls(draw: st.DrawFn) -> Call:
    """Draw merged calls, for ``st.from_type(Call)``."""
    first, *others = draw(st.lists(status_callbacks(), min_size=1, max_size=3))
    return merge(first, *(attrs.evolve(other, call_sid=first.call_sid) for other in others))


@st.composite
def payloads(draw: st.DrawFn, *, allow_issues: bool = True) -> Payload:
    """Draw payloads in the shape of Exotel's JSON, in every spelling that was observed.

    They shrink to a ``CallSid`` of zeros and the ``Status`` ``completed``.

    :param allow_issues: As for `status_callbacks`. Without issues, strict mode accepts every payload.
    """
    return draw(_events(allow_issues=allow_issues))[0]


@st.composite
def passthru_events(draw: st.DrawFn, *, allow_issues: bool = True) -> PassthruEvent:
    """Draw Passthru requests as `exotel_callback.parse_passthru` can return them, with their ``raw``.

    They shrink to a request with a sid of zeros and no other field. ``st.from_type(PassthruEvent)`` is this strategy.

    :param allow_issues: As for `status_callbacks`.
    """
    return draw(_passthru(allow_issues=allow_issues))[1]


@st.composite
def passthru_payloads(draw: st.DrawFn, *, allow_issues: bool = True) -> Payload:
    """Draw payloads of Passthru requests, before or after a stream or a call, in every spelling that was observed.

    A stream is in bracket keys, in a mapping, in a JSON string, or beside the other fields. They shrink to a
    ``CallSid`` of zeros.

    :param allow_issues: As for `status_callbacks`. Without issues, strict mode accepts every payload.
    """
    return draw(_passthru(allow_issues=allow_issues))[0]


@st.composite
def popup_events(draw: st.DrawFn, *, allow_issues: bool = True) -> PopupEvent:
    """Draw popups as `exotel_callback.parse_popup` can return them, with their ``raw``.

    They shrink to the event ``Dial`` of a busy agent. ``st.from_type(PopupEvent)`` is this strategy.

    :param allow_issues: As for `status_callbacks`.
    """
    return draw(_popups(allow_issues=allow_issues))[1]


@st.composite
def popup_payloads(draw: st.DrawFn, *, allow_issues: bool = True) -> Payload:
    """Draw payloads of popups, in every spelling that was observed. They shrink to the event ``Dial`` of a busy agent.

    :param allow_issues: As for `status_callbacks`. Without issues, strict mode accepts every payload.
    """
    return draw(_popups(allow_issues=allow_issues))[0]


@st.composite
def _passthru_legs(draw: st.DrawFn) -> PassthruLeg:
    """Draw legs of Passthru requests, for ``st.from_type(PassthruLeg)``."""
    return PassthruLeg(**_attributes(_PASSTHRU_LEG, draw(_passthru_leg_fields(allow_issues=True))))


@st.composite
def _only_streams(draw: st.DrawFn) -> Stream:
    """Draw streams with at least one value, for ``st.from_type(Stream)``."""
    stream = Stream(**_attributes(_STREAM, _draw_fields(draw, _STREAM, allow_issues=True)))
    return Stream(status=StreamStatus.COMPLETED) if stream == Stream() else stream


_JSON_WRITERS: Final[Sequence[Callable[[Payload], str]]] = (
    json.dumps,
    partial(json.dumps, separators=(",", ":"), ensure_ascii=False),
    partial(json.dumps, indent=2, sort_keys=True),
)
_FORM_WRITERS: Final[Sequence[Callable[[Pairs], str]]] = (
    lambda pairs: urlencode(list(pairs), safe="[]"),
    lambda pairs: urlencode(list(pairs)),
    lambda pairs: urlencode(list(pairs), quote_via=quote),
)
_LEG_WRITERS: Final[Sequence[Callable[[Any], object]]] = (list, json.dumps)
# The boundaries of curl, of a browser and of Guzzle.
_BOUNDARIES: Final = ("------------------------d74496d66958873e", "----WebKitFormBoundaryAbCdEf012345", "5f3c8e1d9a7b")
_PART_HEADERS: Final = ("", "Content-Type: text/plain; charset=utf-8\r\n", "X-Part: 1\r\n")


@st.composite
def json_bodies(draw: st.DrawFn, *, payloads: st.SearchStrategy[Payload] | None = None) -> Body:
    """Draw JSON bodies, each with its content type. They shrink to the smallest payload, as `json.dumps` writes it.

    :param payloads: The payloads to encode. The default is any payload.
    """
    payload = draw(_or_any(payloads))
    write = draw(st.sampled_from(_JSON_WRITERS))
    return write(payload).encode(), draw(st.sampled_from([JSON, f"{JSON}; charset=utf-8", "Application/JSON"]))


@st.composite
def form_bodies(draw: st.DrawFn, *, payloads: st.SearchStrategy[Payload] | None = None) -> Body:
    """Draw urlencoded bodies, each with its content type.

    Legs are in bracket keys or a JSON string. Null is an empty string or ``null``. They shrink to the smallest payload.

    :param payloads: The payloads to encode. The default is any payload.
    """
    pairs = draw(_pairs(payloads))
    write = draw(st.sampled_from(_FORM_WRITERS))
    return write(pairs).encode(), draw(st.sampled_from([FORM, f"{FORM}; charset=UTF-8"]))


@st.composite
def multipart_bodies(draw: st.DrawFn, *, payloads: st.SearchStrategy[Payload] | None = None) -> Body:
    """Draw multipart bodies, each with its content type, with the boundaries and part headers of multiple clients.

    Legs are in bracket keys or a JSON string. Null is an empty string or ``null``. They shrink to the smallest payload,
    as curl writes it.

    :param payloads: The payloads to encode. The default is any payload.
    """
    pairs = draw(_pairs(payloads))
    return multipart(pairs, draw(st.sampled_from(_BOUNDARIES)), draw(st.sampled_from(_PART_HEADERS)))


@st.composite
def query_strings(draw: st.DrawFn, *, payloads: st.SearchStrategy[Payload] | None = None) -> str:
    """Draw query strings of GET requests, as the Passthru and Connect applets send them.

    Legs and streams are in bracket keys or a JSON string. Null is an empty string or ``null``.

    :param payloads: The payloads to encode. The default is any payload of a popup or a Passthru request. They shrink to
        the smallest popup.
    """
    chosen = popup_payloads() | passthru_payloads() if payloads is None else payloads
    return draw(st.sampled_from(_FORM_WRITERS))(draw(_pairs(chosen)))


def _or_any(chosen: st.SearchStrategy[Payload] | None) -> st.SearchStrategy[Payload]:
    return payloads() if chosen is None else chosen


@st.composite
def _pairs(draw: st.DrawFn, chosen: st.SearchStrategy[Payload] | None) -> Pairs:
    payload = draw(_or_any(chosen))
    null = draw(st.sampled_from(["", "null"]))
    write_legs = draw(st.sampled_from(_LEG_WRITERS))
    written: Payload = {"Legs": write_legs(payload["Legs"])} if "Legs" in payload else {}
    return tuple(form_pairs(payload | written, null))


def _bodies(chosen: st.SearchStrategy[Payload]) -> st.SearchStrategy[Body]:
    return json_bodies(payloads=chosen) | form_bodies(payloads=chosen) | multipart_bodies(payloads=chosen)


@st.composite
def damaged_bodies(draw: st.DrawFn) -> Body:
    """Draw bodies, each with a content type, that aren't a StatusCallback. The default limits apply.

    A body is cut off, isn't UTF-8, has another type or boundary than its header, lacks ``CallSid`` or ``Status``, is
    too large, is nested too deeply, or doesn't describe a call. A handler that passes the body and the header to
    `exotel_callback.parse`, or to an adapter, answers each with 400, 413, 415 or 422. They shrink to an empty body.
    """
    return draw(_damaged())


@cache
def _damaged() -> st.SearchStrategy[Body]:
    whole = payloads(allow_issues=False)
    smallest = {"CallSid": "0" * 32, "Status": "completed"}
    nested: list[Any] = []
    for _ in range(20):
        nested = [nested]
    as_json, as_form, as_multipart = whole.map(encode_json), whole.map(encode_form), whole.map(encode_multipart)
    return st.one_of(
        st.just((b"", JSON)),
        st.just((b"", FORM)),
        # Each is damaged without its last bytes: an object's brace, and the end of a multipart body.
        _cut_off(as_json, len("}")),
        _cut_off(as_multipart, len("--\r\n")),
        st.tuples(as_json | as_form, st.floats(0, 1)).map(lambda drawn: _with_invalid_utf8(*drawn[0], drawn[1])),
        _labeled(as_json, "multipart/form-data; boundary=x"),
        _labeled(as_form, JSON),
        _labeled(as_multipart, JSON, "multipart/form-data", "multipart/form-data; boundary=another"),
        _labeled(as_json | as_form | as_multipart, "text/plain", "application/xml", f"{JSON}; charset=klingon"),
        st.sampled_from([b"[]", b"null", b"1", b'"CallSid"', b'{"CallSid": "a", "Status": NaN}']).map(
            lambda body: (body, JSON)
        ),
        _bodies(
            st.tuples(whole, st.sampled_from(["CallSid", "Status"]), st.sampled_from([None, "", "null"])).map(
                lambda drawn: drawn[0] | {drawn[1]: drawn[2]}
            )
        ),
        _bodies(st.sampled_from([{"SmsSid": "0" * 32, "Status": "sent"}, {"CallSid": "0" * 32}, {}])),
        _bodies(st.just(smallest | {"CustomField": "x" * 66_000})),
        _bodies(st.just(smallest | {f"Field{number}": "" for number in range(300)})),
        st.just(encode_json(smallest | {"Nested": nested})),
    )


def _labeled(bodies: st.SearchStrategy[Body], *content_types: str) -> st.SearchStrategy[Body]:
    """Draw bodies with one of these content types in place of their own."""
    return st.tuples(bodies, st.sampled_from(content_types)).map(lambda drawn: (drawn[0][0], drawn[1]))


def _cut_off(bodies: st.SearchStrategy[Body], minimum: int) -> st.SearchStrategy[Body]:
    """Draw bodies without their end, which is at least `minimum` bytes long."""
    return st.tuples(bodies, st.floats(0, 1)).map(
        lambda drawn: (drawn[0][0][: int((len(drawn[0][0]) - minimum) * drawn[1])], drawn[0][1])
    )


def _with_invalid_utf8(body: bytes, content_type: str, share: float) -> Body:
    """Insert a byte that is never part of UTF-8, after this share of the body."""
    index = int(len(body) * share)
    return body[:index] + b"\xff" + body[index:], content_type


@st.composite
def deliveries(draw: st.DrawFn, *, allow_issues: bool = True) -> list[Delivery]:
    """Draw the requests for one call: its events repeated, reordered and lost, in mixed encodings and spellings.

    The events are two ``answered`` events and the ``terminal`` event. At least one of them arrives. A repeated event
    has the delay of Exotel's redelivery. Your handler should store the state that `exotel_callback.merge` returns for
    all of them. They shrink to one delivery of the smallest terminal event in JSON.

    :param allow_issues: As for `status_callbacks`. It applies to the terminal event.
    """
    terminal = draw(payloads(allow_issues=allow_issues)) | {
        "Status": draw(st.sampled_from([status.value for status in CallStatus if status.is_terminal])),
        "EventType": "terminal",
        "DateUpdated": "2024-01-15 14:30:45",
    }
    call_sid = terminal["CallSid"]
    events = [terminal, _answered(call_sid, "14:25:18", None), _answered(call_sid, "14:25:25", "in-progress")]
    order = draw(st.lists(st.integers(0, len(events) - 1), min_size=1, max_size=6))
    drawn: list[Delivery] = []
    for position, event in enumerate(order):
        body, content_type = draw(_bodies(st.just(events[event])))
        earlier = order[:position].count(event)
        delay = RETRY_DELAYS[min(earlier, len(RETRY_DELAYS)) - 1] if earlier else 0.0
        drawn.append(Delivery(content_type, body, delay))
    return drawn


def _answered(call_sid: str, time: str, second_leg: str | None) -> Payload:
    """Return the event that Exotel sends when a party answers."""
    return {
        "CallSid": call_sid,
        "Status": "in-progress",
        "EventType": "answered",
        "DateUpdated": f"2024-01-15 {time}",
        "Legs": [{"Status": "in-progress"}, {"Status": second_leg}],
    }
