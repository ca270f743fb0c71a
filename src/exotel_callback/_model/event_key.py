"""The key of an event: what a redelivery of it has in common with it, and no other event.

Facts
-----
- ``CallSid`` and ``EventType`` do not identify an event: ``answered`` comes once per leg, with both of them the same.
- A redelivery may come in another encoding, and after an upgrade of this library.

So the key is a digest of all that a callback says, and its version is a promise. ``v1`` digests the fields below and
never another one: an instant as such, whatever its offset, and a word without what matching ignores. A word that this
release does not know has left its text in an issue; a release that knows it makes the same key of it. For that to hold,
a word that becomes known must become a member, and a reader must not accept more than it does: else it is ``v2``.
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

# Issues at other paths are those of fields that came later.
_PATH: Final = (
    rf"Sid|CallFrom|CallTo|Details|{'|'.join(_KEY_FIELDS.values())}|"
    rf"Legs(\[[0-9]+\](\.({'|'.join(_KEY_LEG_FIELDS.values())}))?)?"
)

# Names and values of 1.0.0, which are part of the keys that users have stored.
_VALUES_IN_KEY: Final[dict[str, str]] = {LegStatus.NOT_ATTEMPTED: "null"}
_CODES_IN_KEY: Final = {IssueCode.UNKNOWN_VALUE: "unknown-word", IssueCode.INVALID_STRING: "not-text"}

_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def instant(date: datetime) -> int:
    """Return the microseconds since 1970 in UTC. `datetime.astimezone` can't reach the first and the last day."""
    return (date - _UNIX_EPOCH) // _MICROSECOND


def event_key(state: object, legs: Sequence[object], issues: Sequence[Issue]) -> str:
    """Return ``v1:`` and 32 hexadecimal digits for what has the fields of a callback, its legs and its issues."""
    from hashlib import sha256

    unknown_words = {issue.path: issue for issue in issues if issue.code is IssueCode.UNKNOWN_VALUE}
    told: list[Issue] = []

    def normal(value: object, path: str) -> object:
        if isinstance(value, datetime):
            return instant(value)
        if not isinstance(value, StrEnum):
            return value
        if value.name != "UNKNOWN":
            return _VALUES_IN_KEY.get(value) or normalized(value)
        issue = unknown_words.get(path)
        if issue is None:  # what came was no word at all
            return False
        told.append(issue)
        return normalized(issue.value) or issue.value

    fields = [normal(getattr(state, name), path) for name, path in _KEY_FIELDS.items()]
    legs_fields = [
        [normal(getattr(leg, name), f"Legs[{index}].{path}") for name, path in _KEY_LEG_FIELDS.items()]
        for index, leg in enumerate(legs)
    ]
    other_issues = [
        [issue.path, _CODES_IN_KEY.get(issue.code, issue.code.value), issue.value]
        for issue in issues
        if issue not in told and re.fullmatch(_PATH, issue.path)
    ]
    text = json.dumps([fields, legs_fields, other_issues], separators=(",", ":"))
    return f"v1:{sha256(text.encode()).hexdigest()[:32]}"
