"""Merge the events of one call, in any order and with any repetition.

Facts
-----
- Exotel repeats an event that was not acknowledged after 5 minutes, and again after 15 more. So an event can arrive up
  to three times, and ``answered`` can arrive after ``terminal``.
- A late event without a ``RecordingUrl`` doesn't mean that the known URL is wrong.

So a call is the set of its distinct events, and every field is a function of that set. The order doesn't matter.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import attrs

from .._enums import PROGRESS, CallStatus
from ._open import restorable
from .callback import CallFields, StatusCallback
from .event_key import instant


def _count(events: Sequence[StatusCallback]) -> str:
    return f"<{len(events)}>"


@restorable
@attrs.frozen(kw_only=True)
class Call(CallFields):
    """A merged call: the fields of its events, and the events. `merge` and `load_call` return it.

    The same events make an equal call in any order. Each field comes from the most authoritative event that has a value
    for it. A terminal event comes first, and an event with an unknown status comes last. Among the others, the later
    ``date_updated`` wins, and then the status that is further along.

    ``UNKNOWN`` never replaces a known value. None means that no event has the field. ``legs`` is merged as a whole, and
    ``issues`` holds the issues of all events. A call has no ``raw``; its events have it.
    """

    __module__ = "exotel_callback"

    events: tuple[StatusCallback, ...] = attrs.field(repr=_count)
    """The distinct events in the order of their keys. The order has no meaning, but is always the same."""


_MERGED: Final = tuple(field.name for field in attrs.fields(CallFields) if field.name != "issues")


def merge(*events_or_calls: StatusCallback | Call) -> Call:
    """Merge the events of one call.

    Any order gives the same call, and a repeated event changes nothing. So you can merge again after a crash. A
    terminal call stays terminal, and an event that lacks a field never erases its known value.

    :param events_or_calls: Callbacks, answers of the Call Details API, and merged calls; at least one.
    :return: The merged call.
    :raises ValueError: There is no argument, or the arguments belong to different calls.
    :raises TypeError: An argument is neither a `StatusCallback` nor a `Call`.
    """
    events = distinct((event.event_key, event) for event in _events_of(events_or_calls))
    if len({event.call_sid for event in events.values()}) != 1:
        raise ValueError(
            "merge() needs events with the same CallSid" if events else "merge() needs at least one event or call"
        )
    return merged(events)


merge.__module__ = "exotel_callback"


def _events_of(events_or_calls: Iterable[object]) -> Iterator[StatusCallback]:
    for item in events_or_calls:
        if not isinstance(item, StatusCallback | Call):
            raise TypeError(f"each argument of merge() must be a StatusCallback or a Call, not {type(item).__name__}")
        yield from (item,) if isinstance(item, StatusCallback) else item.events


def distinct(events: Iterable[tuple[str, StatusCallback]]) -> dict[str, StatusCallback]:
    """Return one event for each key, in the order of the keys."""
    found: dict[str, StatusCallback] = {}
    for key, event in events:
        found[key] = min(found[key], event, key=_tie_break) if key in found else event
    return dict(sorted(found.items()))


def merged(events: Mapping[str, StatusCallback]) -> Call:
    """Merge the distinct events of one call. `events` is in the order of its keys."""
    ranked = [event for _, event in sorted(events.items(), key=_event_rank, reverse=True)]
    # `min` returns the first of equal items, which is the most authoritative one.
    fields: dict[str, Any] = {
        name: min((getattr(event, name) for event in ranked), key=_emptiness_rank) for name in _MERGED
    }
    issues = dict.fromkeys(issue for event in events.values() for issue in event.issues)
    return Call(**fields, issues=tuple(issues), events=tuple(events.values()))


def _tie_break(event: StatusCallback) -> tuple[object, ...]:
    """Return the sort key among events with one event key, so that the same event is always kept.

    The event with fewer issues comes first, because a newer release read it. Of equal events, the one with ``raw``
    comes first.
    """
    dates = (event.date_updated, event.date_created, event.start_time, event.end_time)
    issues = [(issue.path, issue.value) for issue in event.issues]
    return len(issues), issues, [str(date) for date in dates], not event.raw


def _event_rank(item: tuple[str, StatusCallback]) -> tuple[object, ...]:
    key, event = item
    return (
        event.status.is_terminal,
        event.status is not CallStatus.UNKNOWN,
        -math.inf if event.date_updated is None else instant(event.date_updated),
        PROGRESS[event.status],
        key,
    )


def _emptiness_rank(value: object) -> int:
    if value is None or value == ():
        return 2
    return 1 if isinstance(value, StrEnum) and value.name == "UNKNOWN" else 0
