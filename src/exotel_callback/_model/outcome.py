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

# Nothing else is a reason. Members of two enums with one value are equal, so this serves calls and legs.
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
    """What became of the call, and at which leg it ended if a party was not reached."""

    outcome: Outcome
    unreached_leg: int | None = None


def outcome_of(
    status: CallStatus,
    leg_statuses: Sequence[LegStatus | None],
    answered_by: AnsweredBy | None,
    conversation_duration: int | None,
    direction: Direction | None,
) -> Result:
    """Follow the table of ``docs/reference/outcome.md``: the first row that applies decides.

    `answered_by` is that of the last completed leg after the first.
    """
    reason = FAILURES.get(status)
    first = leg_statuses[0] if leg_statuses else None
    others = leg_statuses[1:]
    unreached = max((index for index, leg in enumerate(leg_statuses) if index and leg in FAILURES), default=0)
    second = 1 if first in _REACHED else None

    if status in UNDER_WAY:  # 1
        return Result(Outcome.IN_PROGRESS)
    if first in FAILURES:  # 2
        return Result(FAILURES[first], 0)
    if first is LegStatus.NOT_ATTEMPTED and reason:  # 3
        return Result(reason, 0)
    if LegStatus.COMPLETED in others:  # 4
        return Result(Outcome.MACHINE if answered_by is AnsweredBy.MACHINE else Outcome.CONNECTED)
    if unreached:  # 5
        return Result(FAILURES[leg_statuses[unreached]], unreached)
    if status is CallStatus.UNKNOWN:  # 6
        return Result(Outcome.UNKNOWN)
    if reason:  # 7, and 9 where there are no others
        return Result(reason, second if others else None)
    if conversation_duration:  # 8, 10
        return Result(Outcome.CONNECTED)
    if others:  # 8
        return Result(Outcome.UNKNOWN) if conversation_duration is None else Result(Outcome.NO_ANSWER, second)
    # 10: an outbound call is completed only once the second party was there; that is believed if no duration was sent.
    is_connected = conversation_duration is None and direction in _OUTBOUND
    return Result(Outcome.CONNECTED if is_connected else Outcome.UNKNOWN)
