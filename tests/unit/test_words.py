"""A word is matched however it is spelled, and what is in no table is unknown."""

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

# How each enum is reached: the payload with a word, and the value of a callback.
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
def test_a_word_is_matched_however_it_is_spelled(member, spell):
    """Case, blanks, hyphens and underscores do not count."""
    assert read(type(member), spell(member.value)) == (member, ())


@pytest.mark.parametrize(
    ("word", "member"),
    [
        ("cancelled", CallStatus.CANCELED),
        ("Cancelled", LegStatus.CANCELED),
        ("incoming", Direction.INBOUND),
    ],
)
def test_other_spellings_of_a_word(word, member):
    """British spelling and the Passthru applet's word mean the documented one."""
    assert read(type(member), word) == (member, ())


@pytest.mark.parametrize("enum", PLACES, ids=lambda enum: enum.__name__)
@pytest.mark.parametrize(
    "word", ["free", "to_leg_unanswered", "completed-no-answer", "['completed']", "unknown", "UNKNOWN", "5"]
)
def test_a_word_in_no_table_is_unknown_and_an_issue(enum, word):
    """The event survives an unknown word, ``unknown`` among them; the word is kept in the issue."""
    value, issues = read(enum, word)
    assert value is enum.UNKNOWN
    assert [(issue.path, issue.code, issue.value) for issue in issues] == [
        (PLACES[enum][2], IssueCode.UNKNOWN_VALUE, word)
    ]


@pytest.mark.parametrize(
    ("enum", "word"),
    [
        (AnsweredBy, "not-applicable"),
        (Direction, "outbound"),
        (Direction, "dial"),
        (CallStatus, "canceled2"),
        (CallStatus, "cømpleted"),
    ],
)
def test_words_that_only_resemble_documented_ones_are_unknown(enum, word):
    """Nothing is guessed."""
    assert read(enum, word)[0] is enum.UNKNOWN


@pytest.mark.parametrize("status", CallStatus)
def test_is_terminal(status):
    """A call is over when it is completed, failed, busy, no-answer or canceled."""
    over = {"completed", "failed", "busy", "no-answer", "canceled"}
    assert parse({**LEAST, "Status": status.value}).is_terminal is (status.value in over)


# Whether a row that holds the second one may be overwritten with the first one, by what is said of each.
FURTHER = ["queued", "ringing", "in-progress"]


@pytest.mark.parametrize("other", CallStatus)
@pytest.mark.parametrize("status", CallStatus)
def test_supersedes(status, other):
    """A terminal status is a correction, one before the end only goes forward, an unknown one never counts."""
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
    """A row that holds anything else is a mistake of the caller."""
    with pytest.raises(ValueError, match="CallStatus"):
        status.supersedes(other)
