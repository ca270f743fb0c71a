"""Combine a callback and the Passthru requests of one call into one outcome, for a row per call.

Facts
-----
- A call that goes through a flow has Passthru requests. It has callbacks too only if you made the call and asked for
  them. They don't report the steps of the flow: during a call with a voice bot, only the first party is on the call.
- A call can have multiple Passthru requests, and they arrive in any order and repeatedly.
"""

import math
from typing import Final, cast

from .._enums import Outcome
from .call import Call
from .callback import StatusCallback
from .instants import instant
from .passthru import PassthruEvent

# The outcomes of a callback that a Passthru request can refine.
_REFINABLE: Final = frozenset({Outcome.FIRST_PARTY_ONLY, Outcome.UNKNOWN})
_TALKED: Final = frozenset({Outcome.CONNECTED, Outcome.MACHINE})


def combined_outcome(callback: StatusCallback | Call | None, *passthru_events: PassthruEvent) -> Outcome:
    """Return the outcome of a call from its callbacks and its Passthru requests, in any order.

    The callback counts. If its outcome is ``FIRST_PARTY_ONLY`` or ``UNKNOWN``, the Passthru requests refine it. A
    request with a known outcome comes first, then one whose call is over, then the one with the later
    ``current_time``. A request never turns a terminal callback into ``IN_PROGRESS``.

    :param callback: The callback, or the merged call. None if there is none, as for every inbound call in a flow.
    :param passthru_events: The Passthru requests of the same call. Repeated ones change nothing.
    :return: The outcome. ``UNKNOWN`` if nothing says what happened.
    :raises ValueError: There is no event, or the events belong to different calls.
    :raises TypeError: An argument has another type.
    """
    if not isinstance(cast("object", callback), StatusCallback | Call | None):
        raise TypeError(f"callback must be a StatusCallback, a Call or None, not {type(callback).__name__}")
    for event in passthru_events:
        if not isinstance(cast("object", event), PassthruEvent):
            raise TypeError(f"each other argument must be a PassthruEvent, not {type(event).__name__}")
    events = passthru_events if callback is None else (callback, *passthru_events)
    if len({event.call_sid for event in events}) != 1:
        raise ValueError(
            "combined_outcome() needs events with the same CallSid"
            if events
            else "combined_outcome() needs at least one event"
        )
    refined = max(map(_rank, passthru_events), default=(Outcome.UNKNOWN,))[-1]
    if callback is None:
        return refined
    is_refined = refined is not Outcome.UNKNOWN and not (callback.is_terminal and refined is Outcome.IN_PROGRESS)
    return refined if is_refined and callback.outcome in _REFINABLE else callback.outcome


combined_outcome.__module__ = "exotel_callback"


def _rank(event: PassthruEvent) -> tuple[bool, bool, float, bool, Outcome]:
    """Return the sort key of a request. It ends with the outcome, so that the choice doesn't depend on the order."""
    outcome = event.outcome
    return (
        outcome is not Outcome.UNKNOWN,
        outcome is not Outcome.IN_PROGRESS,
        -math.inf if event.current_time is None else instant(event.current_time),
        outcome in _TALKED,
        outcome,
    )
