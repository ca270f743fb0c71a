"""Compute the key of an event. A redelivery of the event has the same key, and every other event has another one.

Facts
-----
- ``CallSid`` and ``EventType`` don't identify an event. Exotel sends ``answered`` once per leg, with both the same.
- A redelivery can use another encoding, and can arrive after an upgrade of this library.

So the key is a digest of all fields of a callback, and its version is a promise. ``v1`` digests the fields below and
never another field. It digests a date as an instant, and an enum value in its normalized form.

For an unrecognized value, the key digests the string in its issue. A later release that adds the value as a member
computes the same key. An alias for the value, or a reader that accepts an input that it rejects today, would change
keys and requires ``v2``.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from .._enums import LegStatus, normalized
from .._errors import Issue, IssueCode

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

# The names and values of 1.0.0, which are part of keys that users have stored.
_VALUES_IN_KEY: Final[dict[str, str]] = {LegStatus.NOT_ATTEMPTED: "null"}
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
    from hashlib import sha256

    unknown_values = {issue.path: issue for issue in issues if issue.code is IssueCode.UNKNOWN_VALUE}
    included: list[Issue] = []

    def normal(value: object, path: str) -> object:
        if isinstance(value, datetime):
            return instant(value)
        if not isinstance(value, StrEnum):
            return value
        if value.name != "UNKNOWN":
            return _VALUES_IN_KEY.get(value) or normalized(value)
        issue = unknown_values.get(path)
        if issue is None:  # The received value was not a string.
            return False
        included.append(issue)
        return normalized(issue.value) or issue.value

    fields = [normal(getattr(state, name), path) for name, path in _KEY_FIELDS.items()]
    legs_fields = [
        [normal(getattr(leg, name), f"Legs[{index}].{path}") for name, path in _KEY_LEG_FIELDS.items()]
        for index, leg in enumerate(legs)
    ]
    other_issues = [
        [issue.path, _CODES_IN_KEY.get(issue.code, issue.code.value), issue.value]
        for issue in issues
        if issue not in included and re.fullmatch(_PATH, issue.path)
    ]
    text = json.dumps([fields, legs_fields, other_issues], separators=(",", ":"))
    return f"v1:{sha256(text.encode()).hexdigest()[:32]}"
