"""Test how a value is matched to an enum member, and unrecognized values."""

import pytest

from exotel_callback import (
    AnsweredBy,
    CallStatus,
    CallType,
    Direction,
    EventType,
    IssueCode,
    LegStatus,
    parse,
    parse_passthru,
)
from helpers import LEAST

# For each enum: a payload with a value, the attribute that reads it, and the path of the issue.
PLACES = {
    CallStatus: (lambda word: {"Status": word}, lambda callback: callback.status, "Status"),
    LegStatus: (
        lambda word: {"Legs": [{"Status": word}]},
        lambda callback: callback.legs[0].status,
        "Legs[0].Status",
    ),
    AnsweredBy: (
        lambda word: {"Legs": [{"AnsweredBy": word}]},
        lambda callback: callback.legs[0].answered_by,
        "Legs[0].AnsweredBy",
    ),
    Direction: (lambda word: {"Direction": word}, lambda callback: callback.direction, "Direction"),
    EventType: (lambda word: {"EventType": word}, lambda callback: callback.event_type, "EventType"),
    CallType: (lambda word: {"CallType": word}, lambda event: event.call_type, "CallType"),
}

KNOWN = [member for enum in PLACES for member in enum if member.name not in {"UNKNOWN", "NOT_ATTEMPTED"}]


def read(enum, word):
    payload, value, _ = PLACES[enum]
    callback = (parse_passthru if enum is CallType else parse)({**LEAST, **payload(word)})
    return value(callback), callback.issues


@pytest.mark.parametrize("member", KNOWN, ids=repr)
@pytest.mark.parametrize(
    "spell",
    [
        str,
        str.upper,
        str.title,
        lambda word: f"  {word}\n",
        lambda word: word.replace("-", " "),
        lambda word: word.replace("-", "_"),
        lambda word: word.replace("-", ""),
        "-".join,
    ],
    ids=["as is", "upper", "title", "blanks around", "blank inside", "underscore", "joined", "hyphens"],
)
def test_a_value_is_matched_in_every_spelling(member, spell):
    """Case, whitespace, hyphens or underscores prevent a match."""
    assert read(type(member), spell(member.value)) == (member, ())


@pytest.mark.parametrize(
    ("word", "member"),
    [
        ("cancelled", CallStatus.CANCELED),
        ("Cancelled", LegStatus.CANCELED),
        ("incoming", Direction.INBOUND),
        ("outgoing", Direction.OUTBOUND),
        ("from_leg_canceled", CallStatus.FROM_LEG_CANCELLED),
        ("To-Leg-Canceled", CallStatus.TO_LEG_CANCELLED),
    ],
)
def test_aliases(word, member):
    """British spelling, or the Passthru applet's spelling, doesn't match the documented value."""
    assert read(type(member), word) == (member, ())


@pytest.mark.parametrize("enum", PLACES, ids=lambda enum: enum.__name__)
@pytest.mark.parametrize(
    "word", ["free", "from_leg_busy", "completed-no-answer", "['completed']", "unknown", "UNKNOWN", "5"]
)
def test_an_unrecognized_value_is_unknown_and_an_issue(enum, word):
    """An unrecognized value, such as ``unknown``, raises or isn't in its issue."""
    value, issues = read(enum, word)
    assert value is enum.UNKNOWN
    assert [(issue.path, issue.code, issue.value) for issue in issues] == [
        (PLACES[enum][2], IssueCode.UNKNOWN_VALUE, word)
    ]


@pytest.mark.parametrize(
    ("enum", "word"),
    [
        (AnsweredBy, "not-applicable"),
        (Direction, "outbound-call"),
        (Direction, "dial"),
        (LegStatus, "to_leg_unanswered"),
        (CallStatus, "canceled2"),
        (CallStatus, "cømpleted"),
    ],
)
def test_values_that_resemble_documented_ones_are_unknown(enum, word):
    """A value that only resembles a documented one matches it."""
    assert read(enum, word)[0] is enum.UNKNOWN


@pytest.mark.parametrize("status", CallStatus)
def test_is_terminal(status):
    """A status is terminal although the call isn't over, or the reverse."""
    not_over = {"queued", "ringing", "in-progress", "unknown"}
    assert parse({**LEAST, "Status": status.value}).is_terminal is (status.value not in not_over)
    assert (status in CallStatus.FINAL) is (status.value not in not_over)


def test_the_final_statuses_can_not_be_changed():
    """`CallStatus.FINAL` is a member, can be changed, or holds other values than strings."""
    assert type(CallStatus.FINAL) is frozenset
    assert "FINAL" not in CallStatus.__members__
    assert {"completed", "to_leg_no_dial"} <= CallStatus.FINAL


# The statuses before the end, in their order.
FURTHER = ["queued", "ringing", "in-progress"]


@pytest.mark.parametrize("other", CallStatus)
@pytest.mark.parametrize("status", CallStatus)
def test_supersedes(status, other):
    """A status replaces another one against the documented order."""
    if status is CallStatus.UNKNOWN:
        expected = False
    elif status.is_terminal or other is CallStatus.UNKNOWN:
        expected = True
    else:
        expected = not other.is_terminal and FURTHER.index(status.value) >= FURTHER.index(other.value)
    assert status.supersedes(other) is expected
    assert status.supersedes(other.value) is expected


@pytest.mark.parametrize("status", [CallStatus.BUSY, CallStatus.UNKNOWN])
@pytest.mark.parametrize("other", ["free", None, "null"])
def test_supersedes_compares_with_a_status(status, other):
    """A stored value that isn't a status doesn't raise."""
    with pytest.raises(ValueError, match="CallStatus"):
        status.supersedes(other)
