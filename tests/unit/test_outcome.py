"""Test the outcome: compare every combination with the table in the documentation."""

import itertools
import math
import re

import pytest
from hypothesis import settings

from exotel_callback import AnsweredBy, CallStatus, Direction, Leg, LegStatus, Outcome, StatusCallback, parse
from exotel_callback._model.outcome import outcome_of
from helpers import LEAST, ROOT

PAGE = ROOT / "docs" / "reference" / "outcome.md"

REASONS = {
    "no-answer": Outcome.NO_ANSWER,
    "from_leg_unanswered": Outcome.NO_ANSWER,
    "to_leg_unanswered": Outcome.NO_ANSWER,
    "busy": Outcome.BUSY,
    "canceled": Outcome.CANCELED,
    "from_leg_cancelled": Outcome.CANCELED,
    "to_leg_cancelled": Outcome.CANCELED,
    "failed": Outcome.FAILED,
    "from_leg_no_dial": Outcome.FAILED,
    "to_leg_no_dial": Outcome.FAILED,
}
NAMED = {
    "from_leg_unanswered": 0,
    "from_leg_no_dial": 0,
    "to_leg_unanswered": 1,
    "to_leg_cancelled": 1,
    "to_leg_no_dial": 1,
    "from_leg_cancelled": 1,
}


class Facts:
    """The facts about a call that the table refers to, computed without the library."""

    def __init__(self, callback):
        self.status = callback.status.value
        self.legs = [leg.status and leg.status.value for leg in callback.legs]
        self.answers = [leg.answered_by and leg.answered_by.value for leg in callback.legs]
        self.duration = callback.conversation_duration
        self.outbound = callback.direction not in {None, "inbound", "unknown"}
        self.first = self.legs[0] if self.legs else "there is none"
        self.later = range(1, len(self.legs))

    def last(self, is_such):
        return max(filter(is_such, self.later), default=None)

    @property
    def second(self):
        return 1 if self.later and self.first in {"completed", "in-progress"} else None

    @property
    def talking(self):
        statuses = {"completed", "in-progress"} if self.status == "completed" else {"completed"}
        return self.last(lambda index: self.legs[index] in statuses)

    @property
    def failing(self):
        return self.last(lambda index: self.legs[index] in REASONS)

    @property
    def heard(self):
        says = {"Human", "NotSure", "Machine"}
        return self.last(lambda index: self.legs[index] is None and self.answers[index] in says)

    @property
    def answered_by(self):
        completed = self.last(lambda index: self.legs[index] == "completed")
        if completed is not None:
            return self.answers[completed]
        if self.later and self.answers[1] is not None:
            return self.answers[1]
        if not self.legs or any(self.legs[index] not in {None, "not-attempted"} for index in self.later):
            return None
        return None if self.answers[0] == "NA" else self.answers[0]

    def unless_machine(self, outcome, answer):
        return (Outcome.MACHINE if answer == "Machine" else outcome), None


# The rows of the page: the text of the cell "When", its condition, and its result.
ROWS = {
    "The status is queued, ringing or in-progress": (
        lambda facts: facts.status in {"queued", "ringing", "in-progress"},
        lambda _: (Outcome.IN_PROGRESS, None),
    ),
    "Leg 0 has a reason": (
        lambda facts: facts.first in REASONS,
        lambda facts: (REASONS[facts.first], 0),
    ),
    "The status of leg 0 is null (not attempted), and the status of the call is a reason": (
        lambda facts: facts.first == "not-attempted" and facts.status in REASONS,
        lambda facts: (REASONS[facts.status], NAMED.get(facts.status, 0)),
    ),
    "A later leg is completed. Or the status is completed, and a later leg is in-progress": (
        lambda facts: facts.talking is not None,
        lambda facts: facts.unless_machine(Outcome.CONNECTED, facts.answers[facts.talking]),
    ),
    "A later leg has a reason": (
        lambda facts: facts.failing is not None,
        lambda facts: (REASONS[facts.legs[facts.failing]], facts.failing),
    ),
    "The status is unknown": (
        lambda facts: facts.status == "unknown",
        lambda _: (Outcome.UNKNOWN, None),
    ),
    "The status is a reason": (
        lambda facts: facts.status in REASONS,
        lambda facts: (REASONS[facts.status], NAMED.get(facts.status, facts.second)),
    ),
    ("Leg 0 is completed, each later leg is null (not attempted) or there is none, and the duration isn't above 0"): (
        lambda facts: (
            facts.first == "completed"
            and all(facts.legs[index] == "not-attempted" for index in facts.later)
            and not facts.duration
        ),
        lambda facts: facts.unless_machine(Outcome.FIRST_PARTY_ONLY, facts.answered_by),
    ),
    "The duration is above 0": (
        lambda facts: facts.duration is not None and facts.duration > 0,
        lambda facts: facts.unless_machine(Outcome.CONNECTED, facts.answered_by),
    ),
    "A later leg whose status was not sent has the `answered_by` Human, NotSure or Machine": (
        lambda facts: facts.heard is not None,
        lambda facts: facts.unless_machine(Outcome.CONNECTED, facts.answers[facts.heard]),
    ),
    "The duration is 0, and the status of a later leg isn't null": (
        lambda facts: facts.duration == 0 and any(facts.legs[index] != "not-attempted" for index in facts.later),
        lambda facts: (Outcome.NO_ANSWER, facts.second),
    ),
    "There is no duration and no later leg, and the direction is outbound": (
        lambda facts: facts.duration is None and not facts.later and facts.outbound,
        lambda _: (Outcome.CONNECTED, None),
    ),
    "None of these rows applies": (lambda _: True, lambda _: (Outcome.UNKNOWN, None)),
}

LEG_STATUSES = [None, *LegStatus]
ANSWERS = [None, *AnsweredBy]
# For three legs, one status or answer of each kind is enough, because the choice among legs depends only on the kind.
KINDS = [None, LegStatus.COMPLETED, LegStatus.BUSY, LegStatus.NO_ANSWER, LegStatus.IN_PROGRESS]
KINDS += [LegStatus.NOT_ATTEMPTED, LegStatus.UNKNOWN]
ANSWER_KINDS = [None, AnsweredBy.HUMAN, AnsweredBy.MACHINE, AnsweredBy.NOT_APPLICABLE]
DURATIONS = [None, 0, 1]
DIRECTIONS = [None, *Direction]
LEGS = {
    (status, answered_by): Leg(status=status, answered_by=answered_by)
    for status in LEG_STATUSES
    for answered_by in ANSWERS
}
# The thorough profile checks every combination of two legs, the quick one every 31st. The numbers have no common
# factor with those of the choices, so each choice meets each other one.
STEP = 1 if settings.default.max_examples > 50 else 31


def row_of(facts):
    """Return the number of the first row that applies, and its result."""
    return next((number, says(facts)) for number, (when, says) in enumerate(ROWS.values(), 1) if when(facts))


def combinations(count, step):
    """Return every combination of legs, duration and direction for a number of legs, or every so many of them."""
    statuses, answers = (KINDS, ANSWER_KINDS) if count > 2 else (LEG_STATUSES, ANSWERS)
    legs = [LEGS[leg] for leg in itertools.product(statuses, answers)]
    # With a later leg, the direction has no meaning.
    directions = DIRECTIONS if count < 2 else [Direction.INBOUND, Direction.OUTBOUND_API]
    choices = [*[legs] * count, DURATIONS, directions]
    for number in range(0, math.prod(map(len, choices)), step):
        chosen, rest = [], number
        for options in choices:
            rest, index = divmod(rest, len(options))
            chosen.append(options[index])
        yield tuple(chosen[:count]), *chosen[count:]


def test_the_rows_are_those_of_the_page():
    """The rows that are tested differ from those that users read."""
    assert re.findall(r"^\| (\d+) \| ([^|]+) \|", PAGE.read_text(), re.MULTILINE) == [
        (str(number), when) for number, when in enumerate(ROWS, 1)
    ]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
@pytest.mark.parametrize("status", CallStatus)
def test_every_combination(status, count):
    """A combination of status, leg statuses, answers, duration and direction has another outcome."""
    for legs, duration, direction in combinations(count, {2: STEP, 3: 97 * STEP}.get(count, 1)):
        callback = StatusCallback(
            call_sid="a", status=status, legs=legs, conversation_duration=duration, direction=direction
        )
        facts = Facts(callback)
        _, says = row_of(facts)
        assert (callback.outcome, callback.unreached_leg) == says, callback
        assert callback.answered_by == facts.answered_by, callback


def test_every_row_is_the_first_to_apply():
    """A row is never the first one that applies, so nothing tests it."""
    callbacks = (
        StatusCallback(call_sid="a", status=status, legs=legs, conversation_duration=duration, direction=direction)
        for status in CallStatus
        for count in range(3)
        for legs, duration, direction in combinations(count, 31 if count else 1)
    )
    decided = {row_of(Facts(callback))[0] for callback in callbacks}
    assert decided == set(range(1, len(ROWS) + 1))


@pytest.mark.parametrize(
    ("legs", "expected"),
    [
        ([], None),
        ([("completed", "HUMAN")], AnsweredBy.HUMAN),
        ([("completed", "NA")], None),
        ([("completed", "Machine"), (None, None)], AnsweredBy.MACHINE),
        ([("completed", "Machine"), (None, "NA")], AnsweredBy.NOT_APPLICABLE),
        ([("completed", "Machine"), ("ringing", None)], None),
        ([("completed", "Machine"), ("free", None)], None),
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


def test_a_string_changes_no_other_outcome():
    """An event that a test made with strings changes the outcome of later events, because results are cached."""
    answers = [None, AnsweredBy.MACHINE, AnsweredBy.NOT_APPLICABLE]
    parts = itertools.product(CallStatus, [*LegStatus, None], [*LegStatus, None], answers, answers)
    for status, first, second, answer, other in parts:
        members = (status, (first, second), (answer, other))
        texts = (status.value, *(tuple(value and value.value for value in values) for values in members[1:]))
        assert outcome_of(*texts, None, Direction.INBOUND) == outcome_of(*members, None, Direction.INBOUND)


@pytest.mark.parametrize("status", [*CallStatus, *LegStatus], ids=str)
def test_the_page_says_how_every_status_counts(status):
    """The page doesn't describe a status, so a new member has an unplanned outcome."""
    table = PAGE.read_text().split("\n## The table\n")[1].split("\n## ")[0]
    name = "not attempted" if status is LegStatus.NOT_ATTEMPTED else status.value
    assert re.search(rf"(?<![\w-]){name}(?![\w-])", table), (
        f"docs/reference/outcome.md doesn't say what {type(status).__name__}.{status.name} means for the outcome: "
        "decide it in the code, and name it in a row of the table or in the sentence below"
    )


def test_the_reasons_are_those_of_the_page():
    """The page gives a status another outcome, or another leg that it names."""
    text = PAGE.read_text()
    rows = re.findall(r"^  \| ([a-z_, -]+) \| `(\w+)` \|$", text, re.MULTILINE)
    assert {status: Outcome[outcome] for statuses, outcome in rows for status in statuses.split(", ")} == REASONS
    named = text.split("*leg that the status names*")[1].split("\n- ")[0]
    for leg, names in enumerate(re.split("It is leg 1", named)):
        assert set(re.findall(r"\w+_leg_\w+", names)) == {name for name, number in NAMED.items() if number == leg}


def test_the_page_lists_every_outcome():
    """The page lacks an outcome or its value, or has another order than the class."""
    assert re.findall(r"^\| `([A-Z_]+)` \| `([a-z-]+)` \|", PAGE.read_text(), re.MULTILINE) == [
        (member.name, member.value) for member in Outcome
    ]
