"""Compute the key of an event. A redelivery of the event has the same key, and every other event has another one.

Facts
-----
- ``CallSid`` and ``EventType`` don't identify an event. Exotel sends ``answered`` once per leg, with both the same.
- A redelivery can use another encoding, and can arrive after an upgrade of this library.

So the key is a digest of all fields of an event, and its version is a promise. ``v1`` digests the fields below and
never another field. For a Passthru request or a popup, it digests the kind of event too. It digests a date as an
instant, and an enum value in its normalized form.

For an unrecognized value, the key digests the whole string that was received. A later release that adds the value as a
member computes the same key. An alias for the value, or a reader that accepts an input that it rejects today, would
change keys and requires ``v2``.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from json.encoder import encode_basestring_ascii
from operator import attrgetter
from types import NoneType
from typing import Any, Final, NamedTuple

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
    normalized,
)
from .._errors import Issue, IssueCode, digest_of
from .instants import instant

_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


class KeyFields:
    """Fields that a key digests, in their order."""

    def __init__(self, **names: str) -> None:
        """Take the attributes, each with the path of its issues."""
        self.paths = tuple(names.values())
        self.values: Callable[[Any], tuple[Any, ...]] = attrgetter(*names)

    def pattern(self) -> str:
        """Return a pattern of the paths of their issues."""
        return "|".join(self.paths)


class KeyTable(NamedTuple):
    """The parts of an event that its key digests."""

    kind: tuple[str, ...]
    """The name of the class in the key, as JSON. Callbacks have none, so that their keys stay those of 1.0.0."""
    fields: KeyFields
    leg_fields: KeyFields | None = None
    stream_fields: KeyFields | None = None
    other_paths: str = "Sid|CallFrom|CallTo|PhoneNumber|Details"
    """A pattern of the paths of issues of other names. An issue at no path belongs to a field of a later release."""


@cache
def _pattern_of(table: KeyTable) -> re.Pattern[str]:
    """Return a pattern of the paths of the issues that are part of the key."""
    paths = f"{table.other_paths}|{table.fields.pattern()}"
    if table.leg_fields:
        paths += rf"|Legs(\[[0-9]+\](\.({table.leg_fields.pattern()}))?)?"
    if table.stream_fields:
        paths += rf"|Stream(\.(StreamSid|{table.stream_fields.pattern()}))?"
    return re.compile(paths)


CALLBACK_KEY: Final = KeyTable(
    (),
    KeyFields(
        call_sid="CallSid",
        status="Status",
        date_updated="DateUpdated",
        date_created="DateCreated",
        start_time="StartTime",
        end_time="EndTime",
        recording_url="RecordingUrl",
        event_type="EventType",
        from_number="From",
        to_number="To",
        phone_number_sid="PhoneNumberSid",
        conversation_duration="ConversationDuration",
        direction="Direction",
        custom_field="CustomField",
    ),
    KeyFields(on_call_duration="OnCallDuration", status="Status", answered_by="AnsweredBy"),
)
PASSTHRU_KEY: Final = KeyTable(
    ('"passthru"',),
    KeyFields(
        call_sid="CallSid",
        from_number="From",
        to_number="To",
        direction="Direction",
        created="Created",
        start_time="StartTime",
        end_time="EndTime",
        current_time="CurrentTime",
        recording_available_by="RecordingAvailableBy",
        call_type="CallType",
        dial_status="DialCallStatus",
        ring_and_talk_duration="DialCallDuration",
        dialed_number="DialWhomNumber",
        outgoing_number="OutgoingPhoneNumber",
        forwarded_from="ForwardedFrom",
        digits="digits",
        flow_id="flow_id",
        tenant_id="tenant_id",
        account_sid="AccountSid",
        event_type="EventType",
        recording_url="RecordingUrl",
        custom_field="CustomField",
        process_status="ProcessStatus",
    ),
    KeyFields(
        number="Number",
        type="Type",
        on_call_duration="OnCallDuration",
        caller_id="CallerId",
        cause="Cause",
        cause_code="CauseCode",
        disconnected_by="DisconnectedBy",
    ),
    KeyFields(
        stream_sid="StreamSID",
        status="Status",
        duration="Duration",
        recording_url="RecordingUrl",
        stream_url="StreamUrl",
        disconnected_by="DisconnectedBy",
        error="Error",
        detailed_status="DetailedStatus",
    ),
    "CallFrom|CallTo",
)
POPUP_KEY: Final = KeyTable(
    ('"popup"',),
    KeyFields(
        call_sid="CallSid",
        event_type="EventType",
        agent_status="Status",
        agent_email="AgentEmail",
        dialed_number="DialWhomNumber",
        from_number="From",
        to_number="To",
        direction="Direction",
        created="Created",
        current_time="CurrentTime",
        start_time="StartTime",
        end_time="EndTime",
        recording_url="RecordingUrl",
        recording_available_by="RecordingAvailableBy",
    ),
    other_paths="CallFrom|CallTo|DateCreated",
)

_ENUMS_IN_KEY: Final[Sequence[type[StrEnum]]] = (
    CallStatus,
    EventType,
    Direction,
    LegStatus,
    AnsweredBy,
    CallType,
    StreamStatus,
    PopupEventType,
    AgentStatus,
)
# The names and values of 1.0.0, which are part of keys that users have stored. Empty for an unrecognized value.
_MEMBERS_IN_KEY: Final[dict[Any, str]] = {
    member: "" if member.name == "UNKNOWN" else _encode(normalized(member)) for enum in _ENUMS_IN_KEY for member in enum
} | {LegStatus.NOT_ATTEMPTED: '"null"'}
_CODES_IN_KEY: Final = {IssueCode.UNKNOWN_VALUE: "unknown-word", IssueCode.INVALID_STRING: "not-text"}


def event_key(table: KeyTable, event: Any, legs: Sequence[object] = (), stream: object = None) -> str:
    """Return the key of an event: ``v1:`` and 32 hexadecimal digits.

    :param event: An object with the fields of the table, and with issues.
    """
    issues = event.issues
    unknown_values = {issue.path: issue for issue in issues if issue.code is IssueCode.UNKNOWN_VALUE}
    included: set[Issue] = set()

    def written(fields: KeyFields, part: object, path: str = "") -> str:
        texts = _texts(fields.values(part))
        if "" in texts:
            found = [unknown_values.get(path + name) for name in fields.paths]
            included.update(issue for text, issue in zip(texts, found, strict=True) if issue and not text)
            # Without an issue, the received value was not a string.
            texts = [
                text or (_unrecognized(issue) if issue else "false") for text, issue in zip(texts, found, strict=True)
            ]
        return _array(texts)

    parts = [*table.kind, written(table.fields, event)]
    if table.leg_fields:
        values = table.leg_fields.values
        # The other legs have strings, which can fill the memory, and would stay in the cache.
        is_small = table is CALLBACK_KEY
        parts.append(
            _array(
                [
                    (is_small and _leg(*values(leg))) or written(table.leg_fields, leg, f"Legs[{index}].")
                    for index, leg in enumerate(legs)
                ]
            )
        )
    if table.stream_fields:
        parts.append(written(table.stream_fields, stream, "Stream.") if stream else "null")
    other_issues = [
        _encode([issue.path, _CODES_IN_KEY.get(issue.code, issue.code.value), issue.value, *_digests(issue)])
        for issue in issues
        if issue not in included and _pattern_of(table).fullmatch(issue.path)
    ]
    text = _array((*parts, _array(other_issues)))
    return f"v1:{_sha256()(text.encode()).hexdigest()[:32]}"


def _texts(values: Iterable[Any]) -> list[str]:
    return [_writer_of(value.__class__, _written_subclass)(value) for value in values]


@lru_cache(maxsize=4_096, typed=True)  # Few legs differ. `True` isn't 1.
def _leg(*values: object) -> str:
    """Return the JSON of a leg. It is empty if the leg has an unrecognized value."""
    texts = _texts(values)
    return "" if "" in texts else _array(texts)


def _array(items: Iterable[str]) -> str:
    """Return the JSON of an array whose items are JSON already."""
    return f"[{','.join(items)}]"


def _written_subclass(value: object) -> str:
    """Return the JSON of a value whose type isn't in `_WRITERS_IN_KEY`."""
    return str(instant(value)) if isinstance(value, datetime) else _encode(value)


# These functions return the JSON of a value, which the key digests. It is empty for an unrecognized value.
# The encoder begins anew for each value, and takes ten times as long.
_WRITERS_IN_KEY: Final[Mapping[type, Callable[[Any], str]]] = {
    NoneType: lambda _: "null",
    str: encode_basestring_ascii,
    int: str,
    datetime: lambda date: str(instant(date)),
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
