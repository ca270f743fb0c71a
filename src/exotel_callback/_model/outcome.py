"""What became of a call, told from its status and its legs.

Facts
-----
- The top-level status does not say who failed to answer. Missed, rejected and answered inbound calls all came with
  ``completed`` there, and the truth was in the second leg.
- A first party who never picked up is ``no-answer`` with leg 0 ``no-answer`` and leg 1 null. A first party who hangs up
  while the other phone rings is ``failed`` at the top, with leg 0 ``completed`` and leg 1 ``canceled``.
- The default payload has no legs at all, so a ``completed`` in it says nothing of the second party.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from .._enums import AnsweredBy, CallStatus, Direction, LegStatus, Outcome

# The statuses that are the reason of a failure. Members of two enums with one value are equal, so this serves both.
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
    """The outcome of a call, and the leg at which it ended if a party was not reached."""

    outcome: Outcome
    unreached_leg: int | None = None


def outcome_of(
    status: CallStatus,
    legs: Sequence[LegStatus | None],
    answered_by: AnsweredBy | None,
    duration: int | None,
    direction: Direction | None,
) -> Result:
    """Follow the table of ``docs/reference/outcome.md``: the first row that applies decides.

    :param legs: The statuses of the legs.
    :param answered_by: That of the last completed leg after the first.
    :param duration: Seconds of conversation.
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
        # An outbound call is completed only once the second party was there, so it counts if no duration was sent.
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
