"""Compute the key of an event. A redelivery of the event has the same key, and every other event has another one.

Facts
-----
- ``CallSid`` and ``EventType`` don't identify an event. Exotel sends ``answered`` once per leg, with both the same.
- A redelivery can use another encoding, and can arrive after an upgrade of this library.

So the key is a digest of all fields of a callback, and its version is a promise. ``v1`` digests the fields below and
never another field. It digests a date as an instant, and an enum value in its normalized form.

For an unrecognized value, the key digests the whole string that was received. A later release that adds the value as a
member computes the same key. An alias for the value, or a reader that accepts an input that it rejects today, would
change keys and requires ``v2``.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from json.encoder import encode_basestring_ascii
from operator import attrgetter
from types import NoneType
from typing import Any, Final

from .._enums import AnsweredBy, CallStatus, Direction, EventType, LegStatus, normalized
from .._errors import Issue, IssueCode, digest_of

# The attributes in their order, each with the path of its issues.
_KEY_FIELDS: Final = {
    "call_sid": "CallSid",
    "status": "Status",
    "date_updated": "DateUpdated",
    "date_created": "DateCreated",
    "start_time": "StartTime",
    "end_time": "EndTime",
    "recording_url": "RecordingUrl",
    "event_type": "EventType",
    "from_number": "From",
    "to_number": "To",
    "phone_number_sid": "PhoneNumberSid",
    "conversation_duration": "ConversationDuration",
    "direction": "Direction",
    "custom_field": "CustomField",
}
_KEY_LEG_FIELDS: Final = {"on_call_duration": "OnCallDuration", "status": "Status", "answered_by": "AnsweredBy"}

# The paths of issues that are part of a key. An issue at another path belongs to a field of a later release.
_PATH: Final = (
    rf"Sid|CallFrom|CallTo|PhoneNumber|Details|{'|'.join(_KEY_FIELDS.values())}|"
    rf"Legs(\[[0-9]+\](\.({'|'.join(_KEY_LEG_FIELDS.values())}))?)?"
)

_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
_key_values: Final[Callable[[Any], tuple[Any, ...]]] = attrgetter(*_KEY_FIELDS)
_key_values_of_leg: Final[Callable[[Any], tuple[Any, ...]]] = attrgetter(*_KEY_LEG_FIELDS)

_ENUMS_IN_KEY: Final[Sequence[type[StrEnum]]] = (CallStatus, EventType, Direction, LegStatus, AnsweredBy)
# The names and values of 1.0.0, which are part of keys that users have stored. Empty for an unrecognized value.
_MEMBERS_IN_KEY: Final[dict[Any, str]] = {
    member: "" if member.name == "UNKNOWN" else _encode(normalized(member)) for enum in _ENUMS_IN_KEY for member in enum
} | {LegStatus.NOT_ATTEMPTED: '"null"'}
_CODES_IN_KEY: Final = {IssueCode.UNKNOWN_VALUE: "unknown-word", IssueCode.INVALID_STRING: "not-text"}

_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def instant(date: datetime) -> int:
    """Return a date as microseconds since 1970 in UTC. `datetime.astimezone` fails on the first and the last day."""
    return (date - _UNIX_EPOCH) // _MICROSECOND


def event_key(state: object, legs: Sequence[object], issues: Sequence[Issue]) -> str:
    """Return the key of an event: ``v1:`` and 32 hexadecimal digits.

    :param state: An object with the fields of a callback.
    """
    unknown_values = {issue.path: issue for issue in issues if issue.code is IssueCode.UNKNOWN_VALUE}
    included: set[Issue] = set()

    def unknown_value(path: str) -> str:
        issue = unknown_values.get(path)
        if issue is None:  # The received value was not a string.
            return "false"
        included.add(issue)
        return _unrecognized(issue)

    fields = [_writer_of(value.__class__, _written_subclass)(value) for value in _key_values(state)]
    if "" in fields:
        fields = [text or unknown_value(path) for text, path in zip(fields, _KEY_FIELDS.values(), strict=True)]
    legs_fields: list[str] = []
    for index, leg in enumerate(legs):
        texts = [_writer_of(value.__class__, _written_subclass)(value) for value in _key_values_of_leg(leg)]
        if "" in texts:
            paths = [f"Legs[{index}].{name}" for name in _KEY_LEG_FIELDS.values()]
            texts = [text or unknown_value(path) for text, path in zip(texts, paths, strict=True)]
        legs_fields.append(f"[{','.join(texts)}]")
    other_issues = [
        _encode([issue.path, _CODES_IN_KEY.get(issue.code, issue.code.value), issue.value, *_digests(issue)])
        for issue in issues
        if issue not in included and re.fullmatch(_PATH, issue.path)
    ]
    text = f"[[{','.join(fields)}],[{','.join(legs_fields)}],[{','.join(other_issues)}]]"
    return f"v1:{_sha256()(text.encode()).hexdigest()[:32]}"


def _written_subclass(value: object) -> str:
    """Return the JSON of a value whose type isn't in `_WRITERS_IN_KEY`."""
    return str(instant(value)) if isinstance(value, datetime) else _encode(value)


# These functions return the JSON of a value, which the key digests. It is empty for an unrecognized value.
# The encoder begins anew for each value, and takes ten times as long.
_WRITERS_IN_KEY: Final[Mapping[type, Callable[[Any], str]]] = {
    NoneType: lambda _: "null",
    str: encode_basestring_ascii,
    int: str,
    datetime: lambda date: str((date - _UNIX_EPOCH) // _MICROSECOND),
    **dict.fromkeys(_ENUMS_IN_KEY, _MEMBERS_IN_KEY.__getitem__),
}
_writer_of: Final = _WRITERS_IN_KEY.get


def _unrecognized(issue: Issue) -> str:
    """Return the JSON of an unrecognized value. A digest is in a list, so it differs from every value."""
    kind, _, digest = digest_of(issue).partition(":")
    return _encode([digest] if kind == "sha256" else digest or normalized(issue.value) or issue.value)


def _digests(issue: Issue) -> list[str]:
    return [digest] if (digest := digest_of(issue)) else []


@cache
def _sha256() -> Callable[[bytes], Any]:
    from hashlib import sha256  # Imported here, because a program may never need a key.

    return sha256
