r"""The ordinary payload, read at once. The value is finished, or it is None: then the plain path reads the payload.

Nothing is decided here that the plain path does not decide: without this module parsing takes longer, and that is all.
A law holds the two equal. So it knows what an ordinary payload has, the documented fields in the usual spellings, and
gives up at whatever else there is: an issue, an alias, a limit that is not far away.

Facts
-----
- A frozen class sets each field by a call. A subclass that sets them as any object does, and becomes the frozen class
  when it is done, needs a fifth of the time. It has ``__delattr__`` too, or CPython takes the slow way all the same.
- Indexing costs nothing until it fails, so a field that is missing is found by its ``KeyError``.
- JSON in UTF-8 holds a NUL or half of a surrogate pair as an escape only, so one look for ``\u`` spares one a field.
- `datetime.fromisoformat` reads much that is no date of ours, so the signs in it are looked at first; and combining its
  parts with a zone takes an eighth of the time of ``replace``.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from operator import itemgetter
from typing import Any, Final, NoReturn, cast

from ._model import Leg, StatusCallback
from ._options import IST
from ._raw import MAX_INT_DIGITS, RawPayload, Repeated
from ._read import NO_DATE, NOTHING
from ._words import AnsweredBy, CallStatus, Direction, EventType, LegStatus, word_reader

_JSON_TYPES: Final = frozenset({"application/json", "application/json; charset=utf-8"})
_FORM_TYPES: Final = frozenset({"application/x-www-form-urlencoded"})

# Of this size nothing reaches a limit, and no number in it has too many digits.
_BODY_BYTES: Final = MAX_INT_DIGITS
_FIELDS: Final = 64
_LEGS: Final = 8
_INT_BITS: Final = 64
_MOST_SECONDS: Final = 999_999_999
_SECONDS_DIGITS: Final = 9
_LEG_FIELDS: Final = 3
# The plain path compares in lower case.
_NO_DATE: Final = NO_DATE | frozenset(map(str.upper, NO_DATE))
_LONGEST_NOTHING: Final = max(map(len, NOTHING))

# Of a date that is as long as "2024-01-15 14:30:45"; shorter ones with these are no dates.
_DATE_SIGNS: Final = frozenset({"-- ::", "--T::"})

# Exact types, as frozensets because type checkers take apart what is compared with a class.
_DICT: Final = frozenset({dict})
_LIST: Final = frozenset({list})
_TEXT: Final = frozenset({str})
_ATOMS: Final = frozenset({str, int, float, bool, type(None)})
_ATOMS_AND_LIST: Final = _ATOMS | {list}

_Fields = dict[str, Any]


class _OpenLeg(Leg):
    __slots__ = ()
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__


class _OpenCallback(StatusCallback):
    __slots__ = ()
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__


_new_leg, _new_callback = _OpenLeg.__new__, _OpenCallback.__new__

_TEXTS: Final = ("CallSid", "RecordingUrl", "From", "To", "PhoneNumberSid", "CustomField")
_DATES: Final = ("DateUpdated", "DateCreated", "StartTime", "EndTime")
_OTHERS: Final = ("Status", "EventType", "Direction", "ConversationDuration")
_all: Final = itemgetter(*_TEXTS, *_DATES, *_OTHERS)
_NAMES: Final = frozenset({*_TEXTS, *_DATES, *_OTHERS})
_ABSENT: Final[_Fields] = dict.fromkeys(_NAMES - {"CallSid", "Status"})
_ALIASES: Final = frozenset({"Sid", "CallFrom", "CallTo"})
_BRACKETS: Final = tuple(
    (f"Legs[{place}][OnCallDuration]", f"Legs[{place}][Status]", f"Legs[{place}][AnsweredBy]") for place in range(_LEGS)
)


def _words(enum: type[StrEnum]) -> dict[object, Any]:
    """Return the members of an enum by their usual spellings."""
    read = word_reader(enum)
    words = [member.value for member in enum if member.name not in {"UNKNOWN", "NOT_ATTEMPTED"}]
    return {spelled: read(word) for word in words for spelled in (word, word.upper(), word.replace("-", " "))}


_CALL_STATUS: Final = _words(CallStatus)
_EVENT_TYPE: Final = _words(EventType) | dict.fromkeys((None, "", "null"))
_DIRECTION: Final = _words(Direction) | dict.fromkeys((None, "", "null"))
_ANSWERED_BY: Final = _words(AnsweredBy) | dict.fromkeys((None, "", "null"))
_LEG_STATUS: Final = _words(LegStatus) | dict.fromkeys((None, "", "null"), LegStatus.NOT_ATTEMPTED)


class _NotOrdinaryError(Exception):
    """The plain path has to read this one."""


# What the lines below raise at whatever is not ordinary.
_GIVE_UP: Final = (_NotOrdinaryError, LookupError, ValueError, TypeError, AttributeError, RuntimeError)


def _refuse(_: str) -> NoReturn:
    raise _NotOrdinaryError


_decode: Final = json.JSONDecoder(parse_constant=_refuse).decode


def read_ordinary(payload: object, content_type: object) -> StatusCallback | None:
    """Read what `parse` takes, with the default options."""
    kind = type(payload)
    if kind is bytes and type(content_type) is str:
        if content_type in _JSON_TYPES:
            return _from_json(cast("bytes", payload))
        return _from_form(cast("bytes", payload)) if content_type in _FORM_TYPES else None
    if kind is dict and (content_type is None or type(content_type) is str):
        return _from_dict(cast("dict[Any, Any]", payload))
    return None


def _from_json(body: bytes) -> StatusCallback | None:
    """Read a JSON body."""
    if len(body) > _BODY_BYTES:
        return None
    try:
        if b"\\" in body and b"\\u" in body:
            return None
        fields = _decode(body.decode())
        legs, count = _legs(fields, tuple)
        return _callback(fields, legs, count)
    except _GIVE_UP:
        return None


def _from_form(body: bytes) -> StatusCallback | None:
    """Read a urlencoded body. What is escaped is not taken apart before: so no sign that would be taken for another."""
    from urllib.parse import unquote  # noqa: PLC0415 - JSON does not need it

    if len(body) > _BODY_BYTES:
        return None
    try:
        text = body.decode()
        if "%26" in text or "%3D" in text or "%3d" in text or text[0] == "\ufeff":
            return None
        text = unquote(text.replace("+", " "), errors="strict")
        pieces = text.split("&")
        fields = dict([piece.split("=", 1) for piece in pieces])
        if len(fields) != len(pieces) or "\0" in text:
            return None
        legs, count = _legs(fields, tuple)
        return _callback(fields, legs, count)
    except _GIVE_UP:
        return None


def _from_dict(payload: dict[Any, Any]) -> StatusCallback | None:
    """Read a dict, nested or flat, of which the result keeps a copy."""
    try:
        if not (_TEXT.issuperset(map(type, payload)) and _ATOMS_AND_LIST.issuperset(map(type, payload.values()))):
            return None
        fields = dict(payload)
        if type(fields.get("Legs")) in _LIST:
            fields["Legs"] = [_copied(leg) for leg in fields["Legs"]]
        legs, count = _legs(fields, Repeated)
        texts = "".join([cast("str", fields.get(name) or "") for name in _TEXTS])
        texts.encode()  # fails for half of a surrogate pair
        return None if "\0" in texts else _callback(fields, legs, count)
    except _GIVE_UP:
        return None


def read_flat(raw: RawPayload) -> StatusCallback | None:
    """Read what a form of texts was decoded to."""
    try:
        fields = dict(raw)
        if not _TEXT.issuperset(map(type, fields.values())):
            return None
        texts = "".join([cast("str", fields.get(name) or "") for name in _TEXTS])
        texts.encode()
        legs, count = _legs(fields, tuple)
        return None if "\0" in texts else _callback(fields, legs, count)
    except _GIVE_UP:
        return None


def _copied(leg: Any) -> _Fields:
    if type(leg) in _DICT and _TEXT.issuperset(map(type, leg)) and _ATOMS.issuperset(map(type, leg.values())):
        return dict(leg)
    raise _NotOrdinaryError


def _legs(fields: _Fields, container: type[tuple[Any, ...]]) -> tuple[tuple[Leg, ...], int]:
    """Return the legs, and how many names of `fields` tell of them; those under ``Legs`` become read-only."""
    legs: list[Leg] = []
    if "Legs" not in fields:
        count = 0
        for seconds, status, answered_by in _BRACKETS:
            if status not in fields:
                break
            has_answered_by = answered_by in fields
            count += 3 if has_answered_by else 2
            legs.append(_leg(fields[seconds], fields[status], fields[answered_by] if has_answered_by else None))
        return tuple(legs), count
    parties: Any = fields["Legs"]
    if type(parties) not in _LIST or len(parties) > _LEGS:
        raise _NotOrdinaryError
    for party in parties:
        size = len(party)
        if type(party) not in _DICT or size > _LEG_FIELDS:
            raise _NotOrdinaryError
        legs.append(
            _leg(party["OnCallDuration"], party["Status"], party["AnsweredBy"] if size == _LEG_FIELDS else None)
        )
    fields["Legs"] = container([RawPayload(party) for party in parties])
    return tuple(legs), 1


def _leg(seconds: Any, status: Any, answered_by: Any) -> Leg:
    leg: Any = _new_leg(_OpenLeg)
    leg.on_call_duration = seconds if type(seconds) is int and 0 <= seconds <= _MOST_SECONDS else _seconds(seconds)
    leg.status = _LEG_STATUS[status]
    leg.answered_by = None if answered_by is None else _ANSWERED_BY[answered_by]
    leg.__class__ = Leg
    return cast("Leg", leg)


def _seconds(value: Any) -> int | None:
    if type(value) is str and value.isdecimal() and value.isascii() and len(value) <= _SECONDS_DIGITS:
        return int(value)
    if value is None or value in {"", "null"}:
        return None
    raise _NotOrdinaryError


def _callback(fields: _Fields, legs: tuple[Leg, ...], count: int) -> StatusCallback | None:
    """Read the fields, of which `count` names tell of the legs, and keep them."""
    values = _values(fields) if len(fields) == len(_NAMES) + count else None
    if values is None:
        _check_others(fields, count)
        values = _values({**_ABSENT, **fields})
    if values is None:
        return None
    callback: Any = _new_callback(_OpenCallback)
    texts: list[str | None] = []
    for text in values[:6]:
        if text is None:
            texts.append(None)
            continue
        stripped = text.strip()
        is_nothing = len(stripped) <= _LONGEST_NOTHING and stripped.lower() in NOTHING
        texts.append(None if is_nothing else stripped)
    (
        callback.call_sid,
        callback.recording_url,
        callback.from_number,
        callback.to_number,
        callback.phone_number_sid,
        callback.custom_field,
    ) = texts
    dates: list[datetime | None] = []
    for text in values[6:10]:
        if text is None or text in _NO_DATE:
            dates.append(None)
            continue
        # Newer Pythons read 24 o'clock, as the next day.
        if text[4::3] not in _DATE_SIGNS or text[11:13] == "24":
            return None
        date = datetime.fromisoformat(text)
        dates.append(datetime.combine(date, date.time(), IST))
    callback.date_updated, callback.date_created, callback.start_time, callback.end_time = dates
    status, event_type, direction, seconds = values[10:]
    callback.status = _CALL_STATUS[status]
    callback.event_type = _EVENT_TYPE[event_type]
    callback.direction = _DIRECTION[direction]
    callback.conversation_duration = (
        seconds if type(seconds) is int and 0 <= seconds <= _MOST_SECONDS else _seconds(seconds)
    )
    callback.legs = legs
    callback.issues = ()
    callback.raw = RawPayload(fields)
    callback.__class__ = StatusCallback
    return None if callback.call_sid is None else cast("StatusCallback", callback)


def _values(fields: Mapping[str, Any]) -> tuple[Any, ...] | None:
    try:
        return cast("tuple[Any, ...]", _all(fields))
    except KeyError:
        return None


def _check_others(fields: _Fields, count: int) -> None:
    """Give up if a name that is not in the tables may mean something, or holds what has to be made read-only."""
    if len(fields) > _FIELDS:
        raise _NotOrdinaryError
    of_legs = 0
    for name, value in fields.items():
        if name in _NAMES:
            continue
        if name.startswith("Legs"):
            of_legs += 1
        elif name in _ALIASES or type(value) not in _ATOMS or (type(value) is int and value.bit_length() > _INT_BITS):
            raise _NotOrdinaryError
    if of_legs != count:
        raise _NotOrdinaryError
