"""Compute the outcome of a call from its status and its legs.

Facts
-----
- The top-level status doesn't say which party failed to answer. Missed, rejected and answered inbound calls were all
  seen with ``completed`` there. Only the second leg showed the difference.
- If the first party never answers, the status is ``no-answer``, leg 0 is ``no-answer`` and leg 1 is null. If the first
  party hangs up while the other phone rings, the status is ``failed``, leg 0 is ``completed`` and leg 1 ``canceled``.
- The default payload has no legs, so ``completed`` in it doesn't say whether the second party was reached.
- Answering-machine detection is for the second leg. A call with one party, such as a voice bot, has it for leg 0.
- The statuses of the v3 API name a leg. For ``from_leg_cancelled`` it is inferred: the first party gave up while the
  second party's phone was ringing.
"""

from collections.abc import Container, Mapping, Sequence
from typing import Final, NamedTuple

from .._enums import AnsweredBy, CallStatus, Direction, LegStatus, Outcome

# The statuses that are the reason for a failure. Members of `CallStatus` and `LegStatus` with the same value are equal,
# so one dict is enough for both.
FAILURES: Final[Mapping[str | None, Outcome]] = {
    CallStatus.NO_ANSWER: Outcome.NO_ANSWER,
    CallStatus.FROM_LEG_UNANSWERED: Outcome.NO_ANSWER,
    CallStatus.TO_LEG_UNANSWERED: Outcome.NO_ANSWER,
    CallStatus.BUSY: Outcome.BUSY,
    CallStatus.CANCELED: Outcome.CANCELED,
    CallStatus.FROM_LEG_CANCELLED: Outcome.CANCELED,
    CallStatus.TO_LEG_CANCELLED: Outcome.CANCELED,
    CallStatus.FAILED: Outcome.FAILED,
    CallStatus.FROM_LEG_NO_DIAL: Outcome.FAILED,
    CallStatus.TO_LEG_NO_DIAL: Outcome.FAILED,
}
UNDER_WAY: Final = frozenset({CallStatus.QUEUED, CallStatus.RINGING, CallStatus.IN_PROGRESS})
FINAL_LEGS: Final = frozenset({status for status in LegStatus if status in FAILURES} | {LegStatus.COMPLETED})
"""The statuses of a leg that is over."""

_NAMED_LEGS: Final[Mapping[str, int]] = {
    CallStatus.FROM_LEG_UNANSWERED: 0,
    CallStatus.TO_LEG_UNANSWERED: 1,
    CallStatus.FROM_LEG_CANCELLED: 1,
    CallStatus.TO_LEG_CANCELLED: 1,
    CallStatus.FROM_LEG_NO_DIAL: 0,
    CallStatus.TO_LEG_NO_DIAL: 1,
}
_COMPLETED_LEG: Final = frozenset({LegStatus.COMPLETED})
_REACHED: Final = frozenset({LegStatus.COMPLETED, LegStatus.IN_PROGRESS})
_NOT_TRIED: Final = frozenset({LegStatus.NOT_ATTEMPTED, None})
_OUTBOUND: Final = frozenset({Direction.OUTBOUND_DIAL, Direction.OUTBOUND_API, Direction.OUTBOUND})
_ANSWERS: Final = frozenset({AnsweredBy.HUMAN, AnsweredBy.NOT_SURE, AnsweredBy.MACHINE})


class Result(NamedTuple):
    """The outcome of a call, and the index of the leg whose party was not reached."""

    outcome: Outcome
    unreached_leg: int | None = None


def outcome_of(
    status: CallStatus,
    legs: Sequence[LegStatus | None],
    answers: Sequence[AnsweredBy | None],
    duration: int | None,
    direction: Direction | None,
) -> Result:
    """Return the outcome by the table in ``docs/reference/outcome.md``. The first row that applies decides.

    Members are compared by value, because `CallFields` caches results by values that are equal. A string that equals
    a member must not change the result of the member.

    :param legs: The statuses of the legs.
    :param answers: The ``answered_by`` of the legs.
    :param duration: The seconds of conversation.
    """
    first, later = (legs[0], legs[1:]) if legs else (None, ())
    failure, first_failure = FAILURES.get(status), FAILURES.get(first)
    talking = _last(legs, _REACHED if status == CallStatus.COMPLETED else _COMPLETED_LEG)
    failing = _last(legs, FAILURES)
    heard = _last(_answers_without_status(legs, answers), _ANSWERS) if None in later else 0
    machine = Outcome.MACHINE if answered_by_of(legs, answers) == AnsweredBy.MACHINE else None
    second = 1 if later and first in _REACHED else None
    is_alone = later.count(LegStatus.NOT_ATTEMPTED) == len(later)
    has_talked = duration is not None and duration > 0

    rows: tuple[tuple[object, Outcome | None, int | None], ...] = (
        (status in UNDER_WAY, Outcome.IN_PROGRESS, None),  # 1
        (first_failure, first_failure, 0),  # 2
        (failure and first == LegStatus.NOT_ATTEMPTED, failure, _NAMED_LEGS.get(status, 0)),  # 3
        (talking, _reached(answers, talking), None),  # 4
        (failing, FAILURES.get(legs[failing] if legs else None), failing),  # 5
        (status == CallStatus.UNKNOWN, Outcome.UNKNOWN, None),  # 6
        (failure, failure, _NAMED_LEGS.get(status, second)),  # 7
        (is_alone and first in _COMPLETED_LEG and not has_talked, machine or Outcome.FIRST_PARTY_ONLY, None),  # 8
        (has_talked, machine or Outcome.CONNECTED, None),  # 9
        (heard, _reached(answers, heard), None),  # 10
        (duration == 0 and not is_alone, Outcome.NO_ANSWER, second),  # 11
        (duration is None and not later and direction in _OUTBOUND, Outcome.CONNECTED, None),  # 12
        (True, Outcome.UNKNOWN, None),  # 13
    )
    return next(Result(outcome, leg) for applies, outcome, leg in rows if applies and outcome)


def answered_by_of(legs: Sequence[LegStatus | None], answers: Sequence[AnsweredBy | None]) -> AnsweredBy | None:
    """Return who answered: the answer of the last completed leg after leg 0, or else of leg 1, or else of leg 0.

    Leg 0 counts only if no leg after it was attempted, and its answer isn't ``NA``. A leg was attempted if its status
    was sent and isn't `LegStatus.NOT_ATTEMPTED`.
    """
    if completed := _last(legs, _COMPLETED_LEG):
        return answers[completed]
    if len(answers) > 1 and answers[1] is not None:
        return answers[1]
    is_alone = _NOT_TRIED.issuperset(legs[1:])
    return answers[0] if answers and is_alone and answers[0] != AnsweredBy.NOT_APPLICABLE else None


def _last(values: Sequence[object], accepted: Container[object]) -> int:
    """Return the index of the last of these values after the first leg. 0 means that there is none."""
    for index in range(len(values) - 1, 0, -1):
        if values[index] in accepted:
            return index
    return 0


def _answers_without_status(
    legs: Sequence[LegStatus | None], answers: Sequence[AnsweredBy | None]
) -> list[AnsweredBy | None]:
    return [answer if leg is None else None for leg, answer in zip(legs, answers, strict=True)]


def _reached(answers: Sequence[AnsweredBy | None], leg: int) -> Outcome:
    return Outcome.MACHINE if leg and answers[leg] == AnsweredBy.MACHINE else Outcome.CONNECTED
