"""What is known of one call after some of its events, in whatever order and however often they came.

Facts
-----
- Exotel repeats an event that was not acknowledged, after 5 and after 15 more minutes. So an event comes up to three
  times, and an ``answered`` after ``terminal``.
- A late event without a ``RecordingUrl`` says nothing against the one that is known.

So a call is the set of its distinct events, and every field is a function of that set: nothing depends on the order.
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
    """What is known of a call: the fields of its events merged, and the events.

    Made by `merge`, and by `load_call`. The same events make an equal call, in whatever order they came. For each field
    the most authoritative event that has a value wins: a terminal one before others, and one with an unknown status
    last; then the one updated later; then the one further along. ``UNKNOWN`` is no value where another one is known.
    None means that no event has the field. ``legs`` are one value. ``issues`` are those of all events. There is no
    ``raw``: the events have it.
    """

    __module__ = "exotel_callback"

    events: tuple[StatusCallback, ...] = attrs.field(repr=_count)
    """The distinct events in the order of their keys, which means nothing but is always the same."""


_MERGED: Final = tuple(field.name for field in attrs.fields(CallFields) if field.name != "issues")


def merge(*events_or_calls: StatusCallback | Call) -> Call:
    """Put together what is known of one call.

    Any order gives the same call, and an event that is there already changes nothing, so what is merged again after a
    crash does no harm. A terminal call never goes back, and nothing known is erased by an event that lacks it.

    :param events_or_calls: Callbacks, answers of the Call Details API, and calls merged before; at least one.
    :raises ValueError: There is nothing to merge, or not all are of one call.
    :raises TypeError: An argument is none of these.
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
    """Put together the distinct events of one call, which come by their keys, in the order of these."""
    ranked = [event for _, event in sorted(events.items(), key=_event_rank, reverse=True)]
    # Of equal ones `min` takes the first.
    fields: dict[str, Any] = {
        name: min((getattr(event, name) for event in ranked), key=_emptiness_rank) for name in _MERGED
    }
    issues = dict.fromkeys(issue for event in events.values() for issue in event.issues)
    return Call(**fields, issues=tuple(issues), events=tuple(events.values()))


def _tie_break(event: StatusCallback) -> tuple[object, ...]:
    """Return what events of one key can differ in, so that the same one is always kept.

    That is the one with fewer issues, which a newer release read; of equal ones, one that has its ``raw``.
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
