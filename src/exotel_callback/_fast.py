r"""The ordinary payload, read at once. The value is finished, or it is None: then the plain path reads the payload.

Nothing is decided here that the plain path does not decide: without this module parsing takes longer, and that is all.
A law holds the two equal. So it knows what an ordinary payload has, the documented fields in the usual spellings, and
gives up at whatever else there is: an issue, an alias, a limit that is not far away.

Facts
-----
- Indexing costs nothing until it fails, so a field that is missing is found by its ``KeyError``.
- JSON in UTF-8 holds a NUL or half of a surrogate pair as an escape only, so one look for ``\u`` spares one a field.
- `datetime.fromisoformat` reads much that is no date of ours, so the signs in it are looked at first; and combining its
  parts with a zone takes a fifth of the time of ``replace``.
- When a call is over, ``DateUpdated`` mostly is its ``EndTime``.
- Quoted-printable is percent-encoding with another sign, and `binascii` decodes it in C, in a tenth of the time that
  `urllib.parse.unquote` takes. It drops soft line breaks and an unfinished escape at the end, and lets others stand.
"""

import json
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NoReturn, cast

from ._enums import AnsweredBy, CallStatus, Direction, EventType, LegStatus, value_reader
from ._fields.kinds import EMPTY_DATES, EMPTY_VALUES, TEXT
from ._fields.table import wire_fields
from ._model._open import opened
from ._model.callback import Leg, StatusCallback
from ._options import IST
from ._wire.decode import BOUNDARY_LENGTH
from ._wire.payload import ATOMS, MAX_INT_DIGITS, RawPayload, Repeated

_JSON_TYPES: Final = frozenset({"application/json", "application/json; charset=utf-8"})
_FORM: Final = "application/x-www-form-urlencoded"
_MULTIPART: Final = "multipart/form-data; boundary="
_JSON_BLANKS: Final = " \t\n\r"

# What a form becomes for `binascii.a2b_qp`. Its separators become control characters, and those that it had become
# bytes that are no UTF-8. Escaped ones are refused, so that these two stand for separators and nothing else.
_EQUALS: Final = "\1"
_BETWEEN: Final = "\2"
_AS_QUOTED: Final = bytes.maketrans(b"%+=&" + bytes(range(32)), b"= \1\2" + b"\xff" * 32)

# Of this size nothing reaches a limit, and no number in it has too many digits.
_BODY_BYTES: Final = MAX_INT_DIGITS
_FIELDS: Final = 64
_LEGS: Final = 8
_INT_BITS: Final = 64
_MOST_SECONDS: Final = 999_999_999
_SECONDS_DIGITS: Final = 9
_LEG_FIELDS: Final = 3
_LONGEST_NOTHING: Final = max(map(len, EMPTY_VALUES))

# The plain path compares in lower case.
_NO_DATE: Final = EMPTY_DATES | frozenset(map(str.upper, EMPTY_DATES))
# Of a date that is as long as "2024-01-15 14:30:45"; shorter ones with these are no dates.
_SIGNS: Final = slice(4, None, 3)
_DATE_SIGNS: Final = frozenset({"-- ::", "--T::"})

# Exact types, as frozensets because type checkers take apart what is compared with a class.
_DICT: Final = frozenset({dict})
_LIST: Final = frozenset({list})
_TEXT: Final = frozenset({str})

_NAMES: Final = frozenset(field.names[0] for field in wire_fields(StatusCallback))
_ALIASES: Final = frozenset(name for field in wire_fields(StatusCallback) for name in field.names[1:])
_TEXTS: Final = tuple(field.names[0] for field in wire_fields(StatusCallback) if field.kind is TEXT)
_ABSENT: Final = {field.names[0]: None for field in wire_fields(StatusCallback) if not field.required}
_BRACKETS: Final = tuple(
    (f"Legs[{place}][OnCallDuration]", f"Legs[{place}][Status]", f"Legs[{place}][AnsweredBy]") for place in range(_LEGS)
)

_Fields = dict[str, Any]


def _spellings(enum: type[StrEnum]) -> dict[object, Any]:
    """Return the members of an enum by their usual spellings."""
    read = value_reader(enum)
    words = [member.value for member in enum if member.name not in {"UNKNOWN", "NOT_ATTEMPTED"}]
    return {spelled: read(word) for word in words for spelled in (word, word.upper(), word.replace("-", " "))}


_CALL_STATUS: Final = _spellings(CallStatus)
_EVENT_TYPE: Final = _spellings(EventType) | dict.fromkeys((None, "", "null"))
_DIRECTION: Final = _spellings(Direction) | dict.fromkeys((None, "", "null"))
_ANSWERED_BY: Final = _spellings(AnsweredBy) | dict.fromkeys((None, "", "null"))
_LEG_STATUS: Final = _spellings(LegStatus) | dict.fromkeys((None, "", "null"), LegStatus.NOT_ATTEMPTED)

_new_leg: Final = opened(Leg)
_new_callback: Final = opened(StatusCallback)


class _NotOrdinaryError(Exception):
    """The plain path has to read this one."""


# What the lines below raise at whatever is not ordinary.
_GIVE_UP: Final = (_NotOrdinaryError, LookupError, ValueError, TypeError, AttributeError, RuntimeError)


def _refuse(_: str) -> NoReturn:
    raise _NotOrdinaryError


_decode_json: Final = json.JSONDecoder(parse_constant=_refuse).raw_decode
_from_iso: Final = datetime.fromisoformat
_combine: Final = datetime.combine


def read_ordinary(payload: object, content_type: object) -> StatusCallback | None:
    """Read what `parse` takes, with the default options."""
    try:
        if type(payload) is bytes:
            if len(payload) > _BODY_BYTES or type(content_type) is not str:
                return None
            if content_type in _JSON_TYPES:
                text = payload.decode()
                if "\\" in text and "\\u" in text:
                    return None
                fields, end = _decode_json(text)
                if end != len(text) and text[end:].strip(_JSON_BLANKS):
                    return None
            elif content_type == _FORM:
                fields = _fields_of_form(payload)
            else:
                fields = _fields_of_multipart(payload, content_type)
            return _callback(fields, RawPayload(fields))
        if content_type is None or type(content_type) is str:
            fields = _copied(payload)
            _check_storable(fields)
            callback = _callback(fields, RawPayload(fields))
            if "Legs" in fields:
                fields["Legs"] = Repeated(map(RawPayload, fields["Legs"]))
            return callback
    except _GIVE_UP:
        pass
    return None


def read_flat(raw: RawPayload) -> StatusCallback | None:
    """Read what a form was decoded to."""
    try:
        fields = dict(raw.items())
        if not _TEXT.issuperset(map(type, fields.values())):
            return None
        _check_storable(fields)
        return _callback(fields, raw)
    except _GIVE_UP:
        return None


def _fields_of_form(body: bytes) -> _Fields:
    if not body.isascii() or b"%0" in body or body.endswith(b"%"):
        raise _NotOrdinaryError
    import binascii  # noqa: PLC0415 - JSON does not need it

    text = binascii.a2b_qp(body.translate(_AS_QUOTED)).decode()
    if "=" in text or text[0] == "\ufeff":  # what was no escape, or escaped itself
        raise _NotOrdinaryError
    fields: _Fields = {}
    pieces = text.split(_BETWEEN)
    for piece in pieces:
        name, value = piece.split(_EQUALS)
        fields[name] = value
    if len(fields) != len(pieces) or "" in fields:
        raise _NotOrdinaryError
    return fields


def _fields_of_multipart(body: bytes, content_type: str) -> _Fields:
    if not content_type.startswith(_MULTIPART) or b"\xef\xbb\xbf" in body:
        raise _NotOrdinaryError
    boundary = content_type[len(_MULTIPART) :]
    if len(boundary) > BOUNDARY_LENGTH or not boundary.replace("-", "").isalnum():
        raise _NotOrdinaryError
    from ._wire.from_multipart import read_parts  # noqa: PLC0415 - JSON does not need the package

    parts = read_parts(body, boundary.encode("ascii"))
    fields: _Fields = {}
    for name, charset, value in parts:
        if charset:
            raise _NotOrdinaryError
        fields[name] = value.decode()
    if len(fields) != len(parts):
        raise _NotOrdinaryError
    _check_storable(fields)
    return fields


def _copied(given: Any) -> _Fields:
    """Copy a dict, and the legs in it, of which nothing is of a subclass."""
    if type(given) not in _DICT or len(given) > _FIELDS:
        raise _NotOrdinaryError
    fields: _Fields = given.copy()
    for name, value in fields.items():
        if type(name) is not str:
            raise _NotOrdinaryError
        if type(value) is not str and type(value) not in ATOMS:
            if type(value) not in _LIST or len(value) > _LEGS:
                raise _NotOrdinaryError
            fields[name] = [_copied(leg) for leg in value]
    return fields


def _check_storable(fields: _Fields) -> None:
    """Give up if a text holds NUL or half of a surrogate pair; what reads the other fields knows neither."""
    texts = "".join(filter(None, map(fields.get, _TEXTS)))
    if not texts.isascii():
        texts.encode()  # fails for half of a surrogate pair
    if "\0" in texts:
        raise _NotOrdinaryError


def _callback(fields: _Fields, raw: RawPayload) -> StatusCallback:
    """Read the legs, then all else."""
    if "Legs" in fields:
        parties, of_legs = fields["Legs"], 1
    else:
        parties, of_legs = _parties(fields)
    if type(parties) not in _LIST or len(parties) > _LEGS:
        raise _NotOrdinaryError
    legs: list[Leg] = []
    for party in parties:
        size = len(party)
        if size > _LEG_FIELDS:
            raise _NotOrdinaryError
        leg = _new_leg()
        seconds = party["OnCallDuration"]
        leg.on_call_duration = seconds if type(seconds) is int and 0 <= seconds <= _MOST_SECONDS else _seconds(seconds)
        leg.status = _LEG_STATUS[party["Status"]]
        leg.answered_by = _ANSWERED_BY[party["AnsweredBy"]] if size == _LEG_FIELDS else None
        leg.__class__ = Leg
        legs.append(leg)
    if len(fields) == len(_NAMES) + of_legs:
        try:
            return _filled(fields, tuple(legs), raw)
        except KeyError as error:
            if error.args[0] not in _NAMES:  # a word, and not a field that is missing while another one is there
                raise
    _check_others(fields, of_legs)
    return _filled({**_ABSENT, **fields}, tuple(legs), raw)


def _parties(fields: _Fields) -> tuple[list[_Fields], int]:
    """Put together what bracket keys tell of each leg, and count these keys."""
    parties: list[_Fields] = []
    count = 0
    for seconds, status, answered_by in _BRACKETS:
        if status not in fields:
            break
        party = {"OnCallDuration": fields[seconds], "Status": fields[status]}
        if answered_by in fields:
            party["AnsweredBy"] = fields[answered_by]
        parties.append(party)
        count += len(party)
    return parties, count


def _filled(fields: _Fields, legs: tuple[Leg, ...], raw: RawPayload) -> StatusCallback:
    callback = _new_callback()
    callback.status = _CALL_STATUS[fields["Status"]]
    callback.event_type = _EVENT_TYPE[fields["EventType"]]
    callback.direction = _DIRECTION[fields["Direction"]]
    seconds = fields["ConversationDuration"]
    callback.conversation_duration = (
        seconds if type(seconds) is int and 0 <= seconds <= _MOST_SECONDS else _seconds(seconds)
    )
    callback.call_sid = _text(fields["CallSid"])
    callback.recording_url = _text(fields["RecordingUrl"])
    callback.from_number = _text(fields["From"])
    callback.to_number = _text(fields["To"])
    callback.phone_number_sid = _text(fields["PhoneNumberSid"])
    callback.custom_field = _text(fields["CustomField"])
    updated, ended = fields["DateUpdated"], fields["EndTime"]
    callback.date_updated = _date(updated)
    callback.date_created = _date(fields["DateCreated"])
    callback.start_time = _date(fields["StartTime"])
    callback.end_time = callback.date_updated if ended == updated else _date(ended)
    callback.legs = legs
    callback.issues = ()
    callback.raw = raw
    if callback.call_sid is None:
        raise _NotOrdinaryError
    callback.__class__ = StatusCallback
    return cast("StatusCallback", callback)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text: str = value.strip()
    return text if len(text) > _LONGEST_NOTHING or text.lower() not in EMPTY_VALUES else None


def _seconds(value: Any) -> int | None:
    if type(value) is str and value.isdecimal() and value.isascii() and len(value) <= _SECONDS_DIGITS:
        return int(value)
    if value is None or value in {"", "null"}:
        return None
    raise _NotOrdinaryError


def _date(text: Any) -> datetime | None:
    if text is None:
        return None
    # No placeholder begins with 2.
    if text[_SIGNS] in _DATE_SIGNS and text[0] == "2":
        date = _from_iso(text)
        if date.hour or text[11] == "0":  # newer Pythons read 24 o'clock, as the next day
            return _combine(date, date.time(), IST)
    elif text in _NO_DATE:
        return None
    raise _NotOrdinaryError


def _check_others(fields: _Fields, of_legs: int) -> None:
    """Give up if a name that is not in the tables may mean something, or holds what has to be made read-only."""
    if len(fields) > _FIELDS:
        raise _NotOrdinaryError
    found = 0
    for name, value in fields.items():
        if name in _NAMES:
            continue
        if name.startswith("Legs"):
            found += 1
        elif name in _ALIASES or type(value) not in ATOMS or (type(value) is int and value.bit_length() > _INT_BITS):
            raise _NotOrdinaryError
    if found != of_legs:
        raise _NotOrdinaryError
