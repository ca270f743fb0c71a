"""Compute the outcome of a call from its status and its legs.

Facts
-----
- The top-level status doesn't say which party failed to answer. Missed, rejected and answered inbound calls were all
  seen with ``completed`` there. Only the second leg showed the difference.
- If the first party never answers, the status is ``no-answer``, leg 0 is ``no-answer`` and leg 1 is null. If the first
  party hangs up while the other phone rings, the status is ``failed``, leg 0 is ``completed`` and leg 1 ``canceled``.
- The default payload has no legs, so ``completed`` in it doesn't say whether the second party was reached.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from .._enums import AnsweredBy, CallStatus, Direction, LegStatus, Outcome

# The statuses that are the reason for a failure. Members of `CallStatus` and `LegStatus` with the same value are equal,
# so one dict is enough for both.
FAILURES: Final[Mapping[str | None, Outcome]] = {
    CallStatus.NO_ANSWER: Outcome.NO_ANSWER,
    CallStatus.BUSY: Outcome.BUSY,
    CallStatus.CANCELED: Outcome.CANCELED,
    CallStatus.FAILED: Outcome.FAILED,
}
UNDER_WAY: Final = frozenset({CallStatus.QUEUED, CallStatus.RINGING, CallStatus.IN_PROGRESS})

_REACHED: Final = frozenset({LegStatus.COMPLETED, LegStatus.IN_PROGRESS})
_OUTBOUND: Final = frozenset({Direction.OUTBOUND_DIAL, Direction.OUTBOUND_API})


class Result(NamedTuple):
    """The outcome of a call, and the index of the leg whose party was not reached."""

    outcome: Outcome
    unreached_leg: int | None = None


def outcome_of(
    status: CallStatus,
    legs: Sequence[LegStatus | None],
    answered_by: AnsweredBy | None,
    duration: int | None,
    direction: Direction | None,
) -> Result:
    """Return the outcome by the table in ``docs/reference/outcome.md``. The first row that applies decides.

    :param legs: The statuses of the legs.
    :param answered_by: The ``answered_by`` of the last completed leg after leg 0.
    :param duration: The seconds of conversation.
    """
    failure = FAILURES.get(status)
    first, *later = legs or (None,)
    at_first = FAILURES.get(first)
    position, at_later = next(
        ((len(legs) - n, FAILURES[leg]) for n, leg in enumerate(reversed(later), 1) if leg in FAILURES), (None, None)
    )
    connected = Outcome.MACHINE if answered_by is AnsweredBy.MACHINE else Outcome.CONNECTED
    second = 1 if first in _REACHED else None
    if_zero, if_absent = (
        (Outcome.NO_ANSWER, Outcome.UNKNOWN)
        if later
        # Without legs and duration, a completed outbound call was connected: Exotel completes it only after the second
        # party answers.
        else (Outcome.UNKNOWN, Outcome.CONNECTED if direction in _OUTBOUND else Outcome.UNKNOWN)
    )
    by_duration = if_absent if duration is None else if_zero if duration == 0 else Outcome.CONNECTED

    rows: tuple[tuple[object, Outcome | None, int | None], ...] = (
        (status in UNDER_WAY, Outcome.IN_PROGRESS, None),  # 1
        (at_first, at_first, 0),  # 2
        (first is LegStatus.NOT_ATTEMPTED and failure, failure, 0),  # 3
        (LegStatus.COMPLETED in later, connected, None),  # 4
        (at_later, at_later, position),  # 5
        (status is CallStatus.UNKNOWN, Outcome.UNKNOWN, None),  # 6
        (later and failure, failure, second),  # 7
        (later, by_duration, second if by_duration is Outcome.NO_ANSWER else None),  # 8
        (failure, failure, None),  # 9
        (True, by_duration, None),  # 10
    )
    return next(Result(outcome, leg) for applies, outcome, leg in rows if applies and outcome)
