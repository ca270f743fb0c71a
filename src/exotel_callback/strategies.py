"""Hypothesis strategies: what Exotel could post, and what that means. Needs the extra ``testing``.

Facts
-----
- Nothing here parses. A field is drawn together with what it means, from tables of spellings, so that the strategies
  can be held against the parser, and against your handler.
- Every strategy shrinks towards the least that Exotel sends, in the spelling of its documentation. So the documented
  spelling, and what is ordinary, stands first everywhere.

Words, placeholders and spellings: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback and
``docs/explanation/wire-format.md``.
"""

import json
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
    _message = "the strategies need an extra: pip install 'exotel-callback[testing]'"
    raise ImportError(_message) from _error

from ._call import Call, merge
from ._encode import FORM, JSON, Pairs, encode_form, encode_json, encode_multipart, form_pairs, multipart
from ._errors import Issue, IssueCode
from ._model import Leg, StatusCallback
from ._options import IST
from ._words import AnsweredBy, CallStatus, Direction, EventType, LegStatus
from .testing import RETRY_DELAYS, Delivery

__all__ = [
    "damaged_bodies",
    "deliveries",
    "form_bodies",
    "json_bodies",
    "legs",
    "multipart_bodies",
    "payloads",
    "status_callbacks",
]

Payload = dict[str, Any]
Body = tuple[bytes, str]


class _Sent(NamedTuple):
    """One field as it is sent, what that means, and what is odd about it."""

    wire: Any
    value: Any
    code: IssueCode | None = None


class _Field(NamedTuple):
    """What a field is called in Python, and what is sent for it."""

    attribute: str
    ordinary: st.SearchStrategy[_Sent]
    odd: tuple[_Sent, ...] = ()


_NOTHING: Final = tuple(_Sent(wire, None) for wire in (None, "", "null", "NULL", "None", "undefined"))
_NO_DATE: Final = tuple(
    _Sent(wire, None) for wire in ("1970-01-01 05:30:00", "0000-00-00 00:00:00", "0001-01-01T00:00:00Z")
)


def _is_nothing(text: str) -> bool:
    return text.lower() in {str(nothing.wire or "").lower() for nothing in _NOTHING}


_NOT_ATTEMPTED: Final = tuple(_Sent(nothing.wire, LegStatus.NOT_ATTEMPTED) for nothing in _NOTHING)

_OTHER_SPELLINGS: Final = {"canceled": "cancelled", "inbound": "incoming"}
_UNKNOWN_WORDS: Final = ("free", "to_leg_unanswered", "completed-no-answer", "unknown")
_NO_NUMBERS: Final = tuple(_Sent(wire, None, IssueCode.NOT_A_NUMBER) for wire in (-1, "1_000", "soon", 1.5))
_NO_DATES: Final = tuple(
    _Sent(wire, None, IssueCode.NOT_A_DATE) for wire in ("soon", "2024-02-30 12:00:00", "15/01/2024")
)

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _passthru_date(date: datetime) -> str:
    return f"{_DAYS[date.weekday()]}, {date.day:02} {_MONTHS[date.month - 1]} {date.year} {date.time()}"


# How a date is written, and the zone in which it is then read.
_DATE_WRITERS: Final[Sequence[tuple[Callable[[datetime], str], timezone]]] = (
    (lambda date: date.isoformat(" "), IST),
    (lambda date: date.isoformat("T"), IST),
    (lambda date: f"{date.isoformat(' ')}.000", IST),
    (lambda date: f"{date.isoformat()}Z", UTC),
    (lambda date: f"{date.isoformat()}-03:00", timezone(timedelta(hours=-3))),
    (_passthru_date, IST),
)


def _sid(number: int) -> str:
    """Write a number in 32 digits and letters: ids are not always hexadecimal."""
    digits = ""
    while len(digits) < 32:  # noqa: PLR2004 - the length of an id
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


_DIGITS: Final = st.integers(0, 10**10 - 1).map("{:010}".format)
_SIDS: Final = st.integers(0, 36**32 - 1).map(_sid)
_NUMBERS: Final = (
    _DIGITS.map("0{}".format) | _DIGITS.map("+91{}".format) | st.sampled_from(["0XXXXX30240", "sip:agent"])
)
_URLS: Final = _SIDS.map("https://recordings.exotel.com/exotelrecordings/example/{}.mp3".format)
# What every encoding can carry: no control characters, no half surrogates, no blanks around it, no word for nothing.
_TEXTS: Final = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
    .map(str.strip)
    .filter(lambda text: not _is_nothing(text))
)
_SECONDS: Final = st.integers(0, 999_999_999).map(lambda number: _Sent(number, number)) | st.integers(0, 9_999).map(
    lambda number: _Sent(str(number), number)
)
_DATES: Final = st.tuples(
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)),  # noqa: DTZ001 - the writer has the zone
    st.sampled_from(_DATE_WRITERS),
).map(lambda drawn: _written(drawn[0].replace(microsecond=0), *drawn[1]))


def _written(date: datetime, write: Callable[[datetime], str], zone: timezone) -> _Sent:
    return _Sent(write(date), date.replace(tzinfo=zone))


def _spellings(word: str) -> Iterable[str]:
    """Return a word in its other spellings."""
    spelled = (word.upper(), word.replace("-", " "), word.replace("-", "_"), _OTHER_SPELLINGS.get(word, word))
    return (other for other in spelled if other != word)


def _of_words(attribute: str, first: StrEnum, *nothing: _Sent) -> _Field:
    """Return a field of words: those that are documented, `first` before all, and other spellings of these."""
    enum = type(first)
    members = [member for member in (first, *enum) if member.name not in {"UNKNOWN", "NOT_ATTEMPTED"}]
    documented = [_Sent(member.value, member) for member in dict.fromkeys(members)]
    others = [_Sent(other, sent.value) for sent in documented for other in _spellings(sent.wire)]
    unknown = tuple(_Sent(word, enum["UNKNOWN"], IssueCode.UNKNOWN_WORD) for word in _UNKNOWN_WORDS)
    return _Field(attribute, st.sampled_from([*documented, *others, *nothing]), unknown)


def _of_dates(attribute: str) -> _Field:
    return _Field(attribute, _DATES | st.sampled_from(_NO_DATE + _NOTHING), _NO_DATES)


def _of_seconds(attribute: str) -> _Field:
    return _Field(attribute, _SECONDS | st.sampled_from((*_NOTHING, _Sent("12.0", 12), _Sent(7.0, 7))), _NO_NUMBERS)


def _of_text(attribute: str, texts: st.SearchStrategy[str]) -> _Field:
    return _Field(attribute, texts.map(lambda text: _Sent(text, text)) | st.sampled_from(_NOTHING))


# By the names on the wire, in the order of the model, in which issues come.
_REQUIRED: Final = {
    "CallSid": _Field("call_sid", _SIDS.map(lambda sid: _Sent(sid, sid))),
    "Status": _of_words("status", CallStatus.COMPLETED),
}
_OPTIONAL: Final = {
    "DateUpdated": _of_dates("date_updated"),
    "DateCreated": _of_dates("date_created"),
    "StartTime": _of_dates("start_time"),
    "EndTime": _of_dates("end_time"),
    "RecordingUrl": _of_text("recording_url", _URLS),
    "EventType": _of_words("event_type", EventType.TERMINAL, *_NOTHING),
    "From": _of_text("from_number", _NUMBERS),
    "To": _of_text("to_number", _NUMBERS),
    "PhoneNumberSid": _of_text("phone_number_sid", _NUMBERS),
    "ConversationDuration": _of_seconds("conversation_duration"),
    "Direction": _of_words("direction", Direction.OUTBOUND_API, *_NOTHING),
    "CustomField": _of_text("custom_field", _TEXTS | st.just('{"order": 42}')),
}
_LEG: Final = {
    "OnCallDuration": _of_seconds("on_call_duration"),
    "Status": _of_words("status", LegStatus.COMPLETED, *_NOT_ATTEMPTED),
    "AnsweredBy": _of_words("answered_by", AnsweredBy.HUMAN, *_NOTHING),
}
# Fields of which the library knows nothing.
_MORE: Final = {"Price": st.just("1.500"), "Carrier": _TEXTS}


def _sent(table: Mapping[str, _Field], *, allow_issues: bool) -> dict[str, st.SearchStrategy[_Sent]]:
    return {
        name: field.ordinary | st.sampled_from(field.odd) if allow_issues and field.odd else field.ordinary
        for name, field in table.items()
    }


def _present(
    required: Mapping[str, st.SearchStrategy[_Sent]], optional: Mapping[str, st.SearchStrategy[_Sent]]
) -> st.SearchStrategy[dict[str, _Sent]]:
    """Draw fields of which some are absent; each by itself, so that each can shrink away."""
    fields = {name: st.none() | field for name, field in optional.items() if name not in required}
    return st.fixed_dictionaries({**required, **fields}).map(
        lambda drawn: {name: sent for name, sent in drawn.items() if sent is not None}
    )


@cache
def _legs(*, allow_issues: bool) -> st.SearchStrategy[dict[str, _Sent]]:
    fields = _sent(_LEG, allow_issues=allow_issues)
    # A leg of which nothing is sent would not be there in a form, so one of these is.
    return st.one_of([_present({name: fields[name]}, fields) for name in ("Status", "OnCallDuration")])


@cache
def _events(*, allow_issues: bool) -> st.SearchStrategy[tuple[Payload, StatusCallback]]:
    """Draw payloads together with what they mean."""
    drawn = st.tuples(
        _present(_sent(_REQUIRED, allow_issues=allow_issues), _sent(_OPTIONAL, allow_issues=allow_issues)),
        st.none() | st.lists(_legs(allow_issues=allow_issues), max_size=3),
        st.fixed_dictionaries({}, optional=_MORE),
    )
    return drawn.map(lambda parts: _event(*parts))


def _event(
    fields: dict[str, _Sent], parties: list[dict[str, _Sent]] | None, more: Payload
) -> tuple[Payload, StatusCallback]:
    payload = {name: sent.wire for name, sent in fields.items()} | more
    if parties is not None:
        payload["Legs"] = [{name: sent.wire for name, sent in party.items()} for party in parties]
    issues = _issues(_REQUIRED | _OPTIONAL, fields)
    for number, party in enumerate(parties or ()):
        issues += _issues(_LEG, party, f"Legs[{number}].")
    means = _means(_REQUIRED | _OPTIONAL, fields)
    legs = tuple(Leg(**_means(_LEG, party)) for party in parties or ())
    return payload, StatusCallback(**means, legs=legs, issues=tuple(issues), raw=payload)


def _means(table: Mapping[str, _Field], sent: Mapping[str, _Sent]) -> dict[str, Any]:
    return {table[name].attribute: value for name, (_, value, _) in sent.items()}


def _issues(table: Mapping[str, _Field], sent: Mapping[str, _Sent], path: str = "") -> list[Issue]:
    known = {name: sent[name] for name in table if name in sent}
    return [Issue.at(path + name, code, str(wire)) for name, (wire, _, code) in known.items() if code]


@st.composite  # also so that the repr is short
def status_callbacks(draw: st.DrawFn, *, allow_issues: bool = True) -> StatusCallback:
    """Draw callbacks as `exotel_callback.parse` could return them, with their ``raw``.

    Shrinks to a ``completed`` call with a sid of zeros and nothing else. ``st.from_type(StatusCallback)`` is this.

    :param allow_issues: Whether there may be words that are in no table, and dates and numbers that can't be read. Each
        leaves an `exotel_callback.Issue`; only so there are ``UNKNOWN`` members.
    """
    return draw(_events(allow_issues=allow_issues))[1]


@st.composite
def legs(draw: st.DrawFn, *, allow_issues: bool = True) -> Leg:
    """Draw legs of callbacks. Shrinks to a completed one of which nothing else is known.

    :param allow_issues: As for `status_callbacks`; the issues themselves are the callback's.
    """
    return Leg(**_means(_LEG, draw(_legs(allow_issues=allow_issues))))


@st.composite
def _calls(draw: st.DrawFn) -> Call:
    """Draw merged calls, for ``st.from_type(Call)``."""
    first, *others = draw(st.lists(status_callbacks(), min_size=1, max_size=3))
    return merge(first, *(attrs.evolve(other, call_sid=first.call_sid) for other in others))


@st.composite
def payloads(draw: st.DrawFn, *, allow_issues: bool = True) -> Payload:
    """Draw payloads as Exotel's JSON has them, in all the spellings that were seen.

    Shrinks to a ``CallSid`` of zeros and the ``Status`` ``completed``.

    :param allow_issues: As for `status_callbacks`. Without, each is clean in strict mode.
    """
    return draw(_events(allow_issues=allow_issues))[0]


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
# As curl, a browser and Guzzle write them.
_BOUNDARIES: Final = ("------------------------d74496d66958873e", "----WebKitFormBoundaryAbCdEf012345", "5f3c8e1d9a7b")
_PART_HEADERS: Final = ("", "Content-Type: text/plain; charset=utf-8\r\n", "X-Part: 1\r\n")


@st.composite
def json_bodies(draw: st.DrawFn, *, payloads: st.SearchStrategy[Payload] | None = None) -> Body:
    """Draw JSON bodies, each with its content type. Shrinks to the least payload as `json.dumps` writes it.

    :param payloads: What is encoded; any payload if left out.
    """
    payload = draw(_or_any(payloads))
    write = draw(st.sampled_from(_JSON_WRITERS))
    return write(payload).encode(), draw(st.sampled_from([JSON, f"{JSON}; charset=utf-8", "Application/JSON"]))


@st.composite
def form_bodies(draw: st.DrawFn, *, payloads: st.SearchStrategy[Payload] | None = None) -> Body:
    """Draw urlencoded bodies, each with its content type.

    Legs are in bracket keys or JSON text, null is an empty text or ``null``. Shrinks to the least payload.

    :param payloads: What is encoded; any payload if left out.
    """
    pairs = draw(_pairs(payloads))
    write = draw(st.sampled_from(_FORM_WRITERS))
    return write(pairs).encode(), draw(st.sampled_from([FORM, f"{FORM}; charset=UTF-8"]))


@st.composite
def multipart_bodies(draw: st.DrawFn, *, payloads: st.SearchStrategy[Payload] | None = None) -> Body:
    """Draw multipart bodies, each with its content type, with the boundaries and part headers that clients write.

    Legs are in bracket keys or JSON text, null is an empty text or ``null``. Shrinks to the least payload, as curl
    writes it.

    :param payloads: What is encoded; any payload if left out.
    """
    pairs = draw(_pairs(payloads))
    return multipart(pairs, draw(st.sampled_from(_BOUNDARIES)), draw(st.sampled_from(_PART_HEADERS)))


def _or_any(chosen: st.SearchStrategy[Payload] | None) -> st.SearchStrategy[Payload]:
    return payloads() if chosen is None else chosen


@st.composite
def _pairs(draw: st.DrawFn, chosen: st.SearchStrategy[Payload] | None) -> Pairs:
    payload = draw(_or_any(chosen))
    null = draw(st.sampled_from(["", "null"]))
    write_legs = draw(st.sampled_from(_LEG_WRITERS))
    told: Payload = {"Legs": write_legs(payload["Legs"])} if "Legs" in payload else {}
    return tuple(form_pairs(payload | told, null))


def _bodies(chosen: st.SearchStrategy[Payload]) -> st.SearchStrategy[Body]:
    return json_bodies(payloads=chosen) | form_bodies(payloads=chosen) | multipart_bodies(payloads=chosen)


@st.composite
def damaged_bodies(draw: st.DrawFn) -> Body:
    """Draw bodies, each with a content type, that are no StatusCallback: with the default limits all are refused.

    Cut off, holding bytes that are no text, of another type or boundary than the header says, without ``CallSid`` or
    ``Status``, too large, nested too deep, or not of a call at all. A handler that hands body and header to
    `exotel_callback.parse`, or to an adapter, answers each with 400, 413, 415 or 422. Shrinks to an empty body.
    """
    return draw(st.one_of(_damages()))


@cache
def _damages() -> list[st.SearchStrategy[Body]]:
    whole = payloads(allow_issues=False)
    least = {"CallSid": "0" * 32, "Status": "completed"}
    nested: list[Any] = []
    for _ in range(20):
        nested = [nested]
    as_json, as_form, as_multipart = whole.map(encode_json), whole.map(encode_form), whole.map(encode_multipart)
    return [
        st.just((b"", JSON)),
        st.just((b"", FORM)),
        # An object is none without its last brace, nor a multipart body without what ends it.
        _cut(as_json, 1),
        _cut(as_multipart, len("--\r\n")),
        st.tuples(as_json | as_form, st.floats(0, 1)).map(lambda drawn: _with_a_byte(*drawn[0], drawn[1])),
        _called(as_json.map(_body), "multipart/form-data; boundary=x"),
        _called(as_form.map(_body), JSON),
        _called(as_multipart.map(_body), JSON, "multipart/form-data", "multipart/form-data; boundary=another"),
        _called(
            (as_json | as_form | as_multipart).map(_body), "text/plain", "application/xml", f"{JSON}; charset=klingon"
        ),
        _called(st.sampled_from([b"[]", b"null", b"1", b'"CallSid"', b'{"CallSid": "a", "Status": NaN}']), JSON),
        _bodies(
            st.tuples(whole, st.sampled_from(["CallSid", "Status"]), st.sampled_from([None, "", "null"])).map(
                lambda drawn: drawn[0] | {drawn[1]: drawn[2]}
            )
        ),
        _bodies(st.sampled_from([{"SmsSid": "0" * 32, "Status": "sent"}, {"CallSid": "0" * 32}, {}])),
        _bodies(st.just(least | {"CustomField": "x" * 66_000})),
        _bodies(st.just(least | {f"Field{number}": "" for number in range(300)})),
        st.just(encode_json(least | {"Nested": nested})),
    ]


def _body(body: Body) -> bytes:
    return body[0]


def _called(bodies: st.SearchStrategy[bytes], *content_types: str) -> st.SearchStrategy[Body]:
    return st.tuples(bodies, st.sampled_from(content_types))


def _cut(bodies: st.SearchStrategy[Body], least: int) -> st.SearchStrategy[Body]:
    """Cut bodies off, by at least so many bytes."""
    return st.tuples(bodies, st.floats(0, 1)).map(
        lambda drawn: (drawn[0][0][: int((len(drawn[0][0]) - least) * drawn[1])], drawn[0][1])
    )


def _with_a_byte(body: bytes, content_type: str, share: float) -> Body:
    """Put a byte into a body that is in no UTF-8."""
    place = int(len(body) * share)
    return body[:place] + b"\xff" + body[place:], content_type


@st.composite
def deliveries(draw: st.DrawFn, *, allow_issues: bool = True) -> list[Delivery]:
    """Draw what is posted for one call: its events duplicated, reordered and lost, in mixed encodings and spellings.

    The events are the two ``answered`` ones and the ``terminal`` one; at least one arrives. A repeated one has the
    delay of Exotel's repetition. A handler should come to what `exotel_callback.merge` of them all says. Shrinks to
    one delivery, of the least terminal event in JSON.

    :param allow_issues: As for `status_callbacks`, of the terminal event.
    """
    over = draw(payloads(allow_issues=allow_issues)) | {
        "Status": draw(st.sampled_from(["completed", "no-answer", "busy", "failed", "canceled"])),
        "EventType": "terminal",
        "DateUpdated": "2024-01-15 14:30:45",
    }
    events = [over, _answered(over["CallSid"], "14:25:18", None), _answered(over["CallSid"], "14:25:25", "in-progress")]
    came: list[Delivery] = []
    order = draw(st.lists(st.integers(0, len(events) - 1), min_size=1, max_size=6))
    for number, place in enumerate(order):
        body, content_type = draw(_bodies(st.just(events[place])))
        earlier = order[:number].count(place)
        delay = RETRY_DELAYS[min(earlier, len(RETRY_DELAYS)) - 1] if earlier else 0.0
        came.append(Delivery(content_type, body, delay))
    return came


def _answered(call_sid: str, time: str, second_party: str | None) -> Payload:
    """Return the event that is sent when a party has picked up."""
    return {
        "CallSid": call_sid,
        "Status": "in-progress",
        "EventType": "answered",
        "DateUpdated": f"2024-01-15 {time}",
        "Legs": [{"Status": "in-progress"}, {"Status": second_party}],
    }
