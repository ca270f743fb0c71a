"""Test the outcome: compare every combination with the table in the documentation."""

import itertools
import re

import pytest

from exotel_callback import AnsweredBy, CallStatus, Direction, Leg, LegStatus, Outcome, StatusCallback, parse
from helpers import LEAST, ROOT

PAGE = ROOT / "docs" / "reference" / "outcome.md"

FAILURES = {
    "no-answer": Outcome.NO_ANSWER,
    "busy": Outcome.BUSY,
    "canceled": Outcome.CANCELED,
    "failed": Outcome.FAILED,
}


class Facts:
    """The facts about a call that the table refers to, computed without the library."""

    def __init__(self, callback):
        self.status = callback.status.value
        self.legs = [leg.status and leg.status.value for leg in callback.legs]
        self.machine = [leg.answered_by == "Machine" for leg in callback.legs]
        self.duration = callback.conversation_duration
        self.outbound = str(callback.direction).startswith("outbound")

    @property
    def first(self):
        return self.legs[0] if self.legs else "there is none"

    def last(self, statuses):
        return max((index for index, leg in enumerate(self.legs) if index and leg in statuses), default=None)

    @property
    def second(self):
        return 1 if self.first in {"completed", "in-progress"} else None


def by_duration(facts, none_talked, absent):
    if facts.duration is None:
        return absent
    return Outcome.CONNECTED if facts.duration > 0 else none_talked


def row_8(facts):
    outcome = by_duration(facts, Outcome.NO_ANSWER, Outcome.UNKNOWN)
    return outcome, facts.second if outcome is Outcome.NO_ANSWER else None


# The rows of the page: the text of the cell "When", its condition, and its result.
ROWS = {
    "The status is queued, ringing or in-progress": (
        lambda facts: facts.status in {"queued", "ringing", "in-progress"},
        lambda _: (Outcome.IN_PROGRESS, None),
    ),
    "Leg 0 is no-answer, busy, canceled or failed": (
        lambda facts: facts.first in FAILURES,
        lambda facts: (FAILURES[facts.first], 0),
    ),
    "Leg 0 was not attempted, and the status is a failure": (
        lambda facts: facts.first == "not-attempted" and facts.status in FAILURES,
        lambda facts: (FAILURES[facts.status], 0),
    ),
    "A later leg is completed": (
        lambda facts: facts.last({"completed"}),
        lambda facts: (Outcome.MACHINE if facts.machine[facts.last({"completed"})] else Outcome.CONNECTED, None),
    ),
    "A later leg is a failure": (
        lambda facts: facts.last(FAILURES),
        lambda facts: (FAILURES[facts.legs[facts.last(FAILURES)]], facts.last(FAILURES)),
    ),
    "The status is unknown": (
        lambda facts: facts.status == "unknown",
        lambda _: (Outcome.UNKNOWN, None),
    ),
    "There is a later leg, and the status is a failure": (
        lambda facts: len(facts.legs) > 1 and facts.status in FAILURES,
        lambda facts: (FAILURES[facts.status], facts.second),
    ),
    "There is a later leg, and the status is completed": (
        lambda facts: len(facts.legs) > 1 and facts.status == "completed",
        row_8,
    ),
    "There is no later leg, and the status is a failure": (
        lambda facts: facts.status in FAILURES,
        lambda facts: (FAILURES[facts.status], None),
    ),
    "There is no later leg, and the status is completed": (
        lambda facts: facts.status == "completed",
        lambda facts: (
            by_duration(facts, Outcome.UNKNOWN, Outcome.CONNECTED if facts.outbound else Outcome.UNKNOWN),
            None,
        ),
    ),
}

LEG_STATUSES = [None, *LegStatus]
# For three legs, one status of each kind is enough, because the choice among legs depends only on the kind.
KINDS = [None, LegStatus.COMPLETED, LegStatus.BUSY, LegStatus.NO_ANSWER, LegStatus.IN_PROGRESS, LegStatus.UNKNOWN]
DURATIONS = [None, 0, 1]
DIRECTIONS = [None, *Direction]
ANSWERS = [None, AnsweredBy.HUMAN, AnsweredBy.MACHINE]
LEGS = {
    (status, answered_by): Leg(status=status, answered_by=answered_by)
    for status in LEG_STATUSES
    for answered_by in [None, *AnsweredBy]
}


def rows_of(callback):
    """Return the number of the first row that applies, and its result."""
    facts = Facts(callback)
    return next((number, says(facts)) for number, (when, says) in enumerate(ROWS.values(), 1) if when(facts))


def test_the_rows_are_those_of_the_page():
    """The rows that are tested differ from those that users read."""
    assert re.findall(r"^\| (\d+) \| ([^|]+) \|", PAGE.read_text(), re.MULTILINE) == [
        (str(number), when) for number, when in enumerate(ROWS, 1)
    ]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
@pytest.mark.parametrize("status", CallStatus)
def test_every_combination(status, count):
    """A combination of status, leg statuses, answers, duration and direction has another outcome."""
    for statuses in itertools.product(KINDS if count > 2 else LEG_STATUSES, repeat=count):
        for answered_by, duration, direction in itertools.product(ANSWERS, DURATIONS, DIRECTIONS):
            # A machine at leg 0 and an unsure answer between the legs must be ignored.
            answers = [AnsweredBy.MACHINE, AnsweredBy.NOT_SURE, answered_by] if count > 2 else [None, answered_by]
            callback = StatusCallback(
                call_sid="a",
                status=status,
                legs=tuple(LEGS[leg] for leg in zip(statuses, answers, strict=False)),
                conversation_duration=duration,
                direction=direction,
            )
            _, says = rows_of(callback)
            assert (callback.outcome, callback.unreached_leg) == says, callback


def test_every_row_is_the_first_to_apply():
    """A row is never the first one that applies, so nothing tests it."""
    decided = {
        rows_of(StatusCallback(call_sid="a", status=status, legs=tuple(Leg(status=leg) for leg in legs)))[0]
        for status in CallStatus
        for count in range(3)
        for legs in itertools.product(LEG_STATUSES, repeat=count)
    }
    assert decided == set(range(1, len(ROWS) + 1))


@pytest.mark.parametrize(
    ("legs", "expected"),
    [
        ([], None),
        ([("completed", "HUMAN")], None),
        ([("completed", "NA"), ("completed", "HUMAN")], AnsweredBy.HUMAN),
        ([("completed", "NA"), ("no-answer", "Machine")], AnsweredBy.MACHINE),
        ([("completed", "NA"), ("no-answer", "Machine"), ("busy", "Human")], AnsweredBy.MACHINE),
        ([("completed", "NA"), ("completed", "Machine"), ("completed", "Human")], AnsweredBy.HUMAN),
        ([("completed", "NA"), ("completed", "Machine"), ("completed", None)], None),
        ([("completed", "NA"), ("completed", "Machine"), ("busy", "Human")], AnsweredBy.MACHINE),
        ([("completed", "NA"), ("busy", "Human"), ("completed", "free")], AnsweredBy.UNKNOWN),
    ],
)
def test_who_answered(legs, expected):
    """``answered_by`` isn't that of the last completed leg after leg 0, or else of leg 1."""
    legs = [{"Status": status, "AnsweredBy": answered_by} for status, answered_by in legs]
    assert parse({**LEAST, "Legs": legs}).answered_by is expected


@pytest.mark.parametrize("status", [*CallStatus, *LegStatus], ids=str)
def test_the_page_says_how_every_status_counts(status):
    """The page doesn't describe a status, so a new member has an unplanned outcome."""
    table = PAGE.read_text().split("\n## The table\n")[1].split("\n## ")[0]
    subjects = {CallStatus: r"status is|\*failure\* is ", LegStatus: r"leg is|leg 0 is|leg that|\*failure\* is "}
    lines = "\n".join(line for line in table.splitlines() if re.search(subjects[type(status)], line, re.IGNORECASE))
    name = "not attempted" if status is LegStatus.NOT_ATTEMPTED else status.value
    assert re.search(rf"(?<![\w-]){name}(?![\w-])", lines), (
        f"docs/reference/outcome.md doesn't say what {type(status).__name__}.{status.name} means for the outcome: "
        "decide it in the code, and name it in a row of the table or in the sentence below"
    )


def test_the_page_lists_every_outcome():
    """The page lacks an outcome or its value, or has another order than the class."""
    assert re.findall(r"^\| `([A-Z_]+)` \| `([a-z-]+)` \|", PAGE.read_text(), re.MULTILINE) == [
        (member.name, member.value) for member in Outcome
    ]
