"""Merge the events of one call, in any order and with any repetition.

Facts
-----
- Exotel repeats an event that was not acknowledged after 5 minutes, and again after 15 more. So an event can arrive up
  to three times, and ``answered`` can arrive after ``terminal``.
- A late event without a ``RecordingUrl`` doesn't mean that the known URL is wrong.
- ``answered`` events have a ``ConversationDuration`` of 0, although the parties go on to talk.
- Call Details answer with fewer legs and without ``EndTime`` until their figures settle.

So a call is the set of its distinct events, and every field is a function of that set. The order doesn't matter.
Each part of a call (a field, or a field of a leg) comes from the first event by some order, its source. So the sources
of a call and a new event give the same call as all of its events and the new one, and merging an event is quick.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

import attrs

from .._enums import PROGRESS, AnsweredBy, CallStatus, Direction, EventType, LegStatus, Outcome
from .._errors import CallbackError, Issue, IssueCode, digest_of
from ._open import maker, restorable
from ._validated import validated
from .callback import CallFields, Leg, StatusCallback
from .instants import instant
from .outcome import FINAL_LEGS

MAX_EVENTS: Final = 10_000
"""The number of events of one call that `merge` accepts. Exotel sends a handful."""


def _count(events: Sequence[StatusCallback]) -> str:
    return f"<{len(events)}>"


@validated
@restorable
@attrs.frozen(kw_only=True)
class Call(CallFields):
    """A merged call: the fields of its events, and the events. `merge` and `load_call` return it.

    The same events make an equal call in any order. Each field comes from the most authoritative event that knows it.
    A terminal event comes first, then one with a known status, then one with an ``end_time``. Of the others, the one
    with the later ``date_updated`` comes first. None and ``UNKNOWN`` aren't known.

    ``legs`` are merged leg by leg. ``issues`` holds the issues of all events, and one more at ``Status`` if terminal
    events disagree about the outcome. A call has no ``raw``; its events have it. See ``docs/reference/events.md``.
    """

    __module__ = "exotel_callback"

    events: tuple[StatusCallback, ...] = attrs.field(repr=_count)
    """The distinct events in the order of their keys. The order has no meaning, but is always the same."""


_FIELDS_OF_CALL: Final = tuple(field.name for field in attrs.fields(CallFields) if field.name not in {"legs", "issues"})
_FIELDS_OF_LEG: Final = tuple(field.name for field in attrs.fields(Leg))
_values_of_call: Final[Callable[[Any], tuple[Any, ...]]] = attrgetter(*_FIELDS_OF_CALL)
_UNRECOGNIZED_MEMBERS: Final[Mapping[type, StrEnum]] = {
    enum: enum["UNKNOWN"] for enum in (CallStatus, EventType, Direction, LegStatus, AnsweredBy)
}

# The number of events that a call remembers as its sources without a search for those that it needs.
_MAX_SOURCES: Final = 8

# Only terminal events know these once there is one. Earlier events have figures that aren't final.
_FINAL_FIELDS: Final = frozenset({"conversation_duration", "duration", "on_call_duration", "answered_by"})

# A leg's status is replaced only by a stronger one.
_STRENGTH: Final[Mapping[LegStatus | None, int]] = {
    **dict.fromkeys(FINAL_LEGS, 6),
    LegStatus.IN_PROGRESS: 5,
    LegStatus.RINGING: 4,
    LegStatus.QUEUED: 3,
    LegStatus.UNKNOWN: 2,
    LegStatus.NOT_ATTEMPTED: 1,
    None: 0,
}


def merge(*events_or_calls: StatusCallback | Call) -> Call:
    """Merge the events of one call.

    Any order gives the same call, and a repeated event changes nothing. So you can merge again after a crash. A
    terminal call stays terminal, and an event that lacks a field never erases its known value.

    Exotel sends a handful of events per call. A sender who has your secret can invent more, so `merge` refuses more
    than 10,000 distinct ones. Catch `CallbackError` in your worker, and go on with the next call.

    :param events_or_calls: Callbacks, answers of the Call Details API, and merged calls; at least one.
    :return: The merged call.
    :raises ValueError: There is no argument, or the arguments belong to different calls.
    :raises CallbackError: The call has more than 10,000 distinct events.
    :raises TypeError: An argument is neither a `StatusCallback` nor a `Call`.
    """
    groups = [_keyed(item) for item in events_or_calls]
    events = distinct(groups)
    if len({event.call_sid for event in events.values()}) != 1:
        raise ValueError(
            "merge() needs events with the same CallSid" if events else "merge() needs at least one event or call"
        )
    if len(events) > MAX_EVENTS:
        raise CallbackError(f"more than {MAX_EVENTS:,} events of one call; skip its other events")
    # If two events with one key differ, the call can't be made from the sources alone, because one of them may be gone.
    is_consistent = sum(map(len, groups)) == len(events) or all(
        events[key] is event or events[key] == event for group in groups for key, event in group.items()
    )
    sources = {key for item, group in zip(events_or_calls, groups, strict=True) for key in _sources_of(item, group)}
    return merged(events, sources if is_consistent else events)


merge.__module__ = "exotel_callback"


def _keyed(item: object) -> dict[str, StatusCallback]:
    if not isinstance(item, StatusCallback | Call):
        raise TypeError(
            "each argument of merge() must be a StatusCallback or a Call (for a list, write merge(*events)), "
            f"not {type(item).__name__}"
        )
    events = (item,) if isinstance(item, StatusCallback) else item.events
    return {event.event_key: event for event in events}


def _sources_of(item: StatusCallback | Call, keys: Iterable[str]) -> Iterable[str]:
    """Return the keys of the events that the fields of a call come from. An unpickled call doesn't know them."""
    return getattr(item, "_sources", keys)


def distinct(groups: Iterable[Mapping[str, StatusCallback]]) -> dict[str, StatusCallback]:
    """Return one event for each key, in the order of the keys."""
    found: dict[str, StatusCallback] = {}
    for group in groups:
        twice = {key: min(found[key], group[key], key=_tie_break) for key in found.keys() & group.keys()}
        found |= group
        found |= twice
    return {key: found[key] for key in sorted(found)}


def merged(events: Mapping[str, StatusCallback], sources: Iterable[str] | None = None) -> Call:
    """Merge the distinct events of one call.

    :param events: The events in the order of their keys.
    :param sources: The keys of the events that fields can come from. The default is all.
    """
    keys = events if sources is None else sources
    ranked = _ranked([(key, events[key]) for key in keys])
    if len(ranked) > _MAX_SOURCES:
        needed = _needed(ranked)
        ranked = [item for item in ranked if item[0] in needed]
    by_authority = [event for _, event in ranked]
    first = by_authority[0]
    # The events that know the final fields: the terminal ones, if there are any.
    is_over = first.is_terminal
    final = [event for event in by_authority if event.status in CallStatus.FINAL] if is_over else by_authority
    values: Sequence[Any] = _values_of_call(first)
    legs = tuple(first.legs)
    if len(ranked) > 1:
        values = _completed_values(values, by_authority, final)
        legs = _legs(by_authority, final)
    issues = dict.fromkeys([issue for event in events.values() for issue in event.issues])
    outcomes = {event.outcome for event in final} - {Outcome.UNKNOWN} if len(final) > 1 and is_over else ()
    if len(outcomes) > 1:
        issues[Issue.at("Status", IssueCode.CONTRADICTING, ", ".join(sorted(outcomes)))] = None
    return _make_call(*values, legs, tuple(issues), tuple(events.values()), frozenset([key for key, _ in ranked]))


_make_call: Final = maker(Call, [*_FIELDS_OF_CALL, "legs", "issues", "events", "_sources"])

Keyed = tuple[str, StatusCallback]


def _ranked(items: Sequence[Keyed]) -> Sequence[Keyed]:
    """Sort events by authority, the most authoritative first."""
    if len(items) == 1:
        return items
    ranks = {_authority(item[1]): item for item in items}
    if len(ranks) == len(items):
        return [ranks[rank] for rank in sorted(ranks, reverse=True)]
    # To count the known fields takes longer than the rest, and rarely matters.
    return sorted(items, key=lambda item: (*_authority(item[1]), _known_fields(item[1]), item[0]), reverse=True)


def _completed_values(
    values: Sequence[Any], by_authority: Sequence[StatusCallback], final: Sequence[StatusCallback]
) -> list[Any]:
    """Complete the values of the first event with those of the others."""
    completed = list(values)
    for index, value in enumerate(values):
        if value is None or value is _UNRECOGNIZED_MEMBERS.get(value.__class__):
            name = _FIELDS_OF_CALL[index]
            known_by = final if name in _FINAL_FIELDS else by_authority
            if len(known_by) > 1:
                completed[index] = _strongest(value, [getattr(event, name) for event in known_by], _knowledge)
    return completed


def _legs(by_authority: Sequence[StatusCallback], final: Sequence[StatusCallback]) -> tuple[Leg, ...]:
    """Complete the legs of the base, which is the terminal event with the most final leg statuses."""
    base = max(final, key=_final_legs) if len(final) > 1 else final[0]
    most = max([len(event.legs) for event in by_authority])
    if len(final) == 1 and len(base.legs) == most and FINAL_LEGS.issuperset([leg.status for leg in base.legs]):
        return tuple(base.legs)
    legs: list[Leg] = []
    items = by_authority
    while items := [event for event in items if len(event.legs) > len(legs)]:
        position = len(legs)
        own = base.legs[position] if position < len(base.legs) else Leg()
        if len(final) > 1 or own.status not in FINAL_LEGS:
            known_by = [event.legs[position] for event in final if position < len(event.legs)]
            own = _completed(own, [event.legs[position] for event in items], known_by)
        legs.append(own)
    return tuple(legs)


def _completed(own: Leg, legs: Sequence[Leg], final: Sequence[Leg]) -> Leg:
    """Complete a leg of the base with the legs of all events and of those that know the final fields."""
    fields = {
        name: _strongest(
            getattr(own, name), [getattr(leg, name) for leg in (final if name in _FINAL_FIELDS else legs)], strength
        )
        for name, strength in _STRENGTHS_OF_LEG.items()
    }
    return Leg(**fields)


def _strongest(own: Any, values: Iterable[Any], strength: Callable[[Any], int]) -> Any:
    """Return the strongest value. Of equally strong ones, the first one counts, and `own` before all others."""
    best = strength(own)
    for value in values:
        if strength(value) > best:
            own, best = value, strength(value)
    return own


def _needed(ranked: Sequence[Keyed]) -> set[str]:
    """Return the keys of the events that decide a part of the call, also if another event becomes the base."""
    is_over = ranked[0][1].is_terminal
    final = [item for item in ranked if item[1].is_terminal == is_over]
    base, _ = max(final, key=lambda item: _final_legs(item[1]))
    outcomes: dict[Outcome, str] = {}
    for key, event in final:
        outcomes.setdefault(event.outcome, key)
    needed = {base, *outcomes.values()}
    for name in _FIELDS_OF_CALL:
        known_by = final if name in _FINAL_FIELDS else ranked
        needed.add(max(known_by, key=lambda item: _knowledge(getattr(item[1], name)))[0])
    items, position = ranked, 0
    while items := [item for item in items if len(item[1].legs) > position]:
        for name, strength in _STRENGTHS_OF_LEG.items():
            known_by = [item for item in items if item[1].is_terminal == is_over] if name in _FINAL_FIELDS else items
            strongest = max(known_by, key=lambda item: strength(getattr(item[1].legs[position], name)), default=None)
            needed.update(strongest[:1] if strongest else ())
        position += 1
    return needed


def _tie_break(event: StatusCallback) -> tuple[object, ...]:
    """Return the sort key among events with one event key, so that the same event is always kept.

    The event with fewer issues comes first, because a newer release read it. Then an event that knows ``duration``,
    which isn't part of the key, comes before one that doesn't. Of equal events, the one with ``raw`` comes first.
    """
    dates = (event.date_updated, event.date_created, event.start_time, event.end_time)
    issues = [(issue.path, issue.code, issue.value, digest_of(issue)) for issue in event.issues]
    duration = math.inf if event.duration is None else event.duration
    return len(issues), duration, issues, [str(date) for date in dates], not event.raw


def _authority(event: StatusCallback) -> tuple[Any, ...]:
    return (
        event.status in CallStatus.FINAL,
        event.status is not CallStatus.UNKNOWN,
        event.end_time is not None,
        -math.inf if event.date_updated is None else instant(event.date_updated),
        PROGRESS[event.status],
    )


def _known_fields(event: StatusCallback) -> int:
    """Return the number of fields that an event knows, including those of its legs."""
    values = [getattr(event, name) for name in _FIELDS_OF_CALL]
    values += [getattr(leg, name) for leg in event.legs for name in _FIELDS_OF_LEG]
    return sum(_knowledge(value) == _KNOWN for value in values)


def _final_legs(event: StatusCallback) -> int:
    return sum(leg.status in FINAL_LEGS for leg in event.legs) if event.is_terminal else 0


_KNOWN: Final = 2


def _knowledge(value: object) -> int:
    """Return 2 for a known value, 1 for an unrecognized one, and 0 for none."""
    if value is None:
        return 0
    return 1 if value is _UNRECOGNIZED_MEMBERS.get(type(value)) else _KNOWN


_STRENGTHS_OF_LEG: Final[Mapping[str, Callable[[Any], int]]] = {
    name: _STRENGTH.__getitem__ if name == "status" else _knowledge for name in _FIELDS_OF_LEG
}
