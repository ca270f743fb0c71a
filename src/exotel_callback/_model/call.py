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
from typing import Any, Final

import attrs

from .._enums import PROGRESS, CallStatus, LegStatus, Outcome
from .._errors import CallbackError, Issue, IssueCode, digest_of
from ._open import restorable
from .callback import CallFields, Leg, StatusCallback
from .event_key import instant
from .outcome import FINAL_LEGS

MAX_EVENTS: Final = 10_000
"""The number of events of one call that `merge` accepts. Exotel sends a handful."""


def _count(events: Sequence[StatusCallback]) -> str:
    return f"<{len(events)}>"


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
        raise TypeError(f"each argument of merge() must be a StatusCallback or a Call, not {type(item).__name__}")
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
    ranked = sorted(((key, events[key]) for key in keys), key=_authority, reverse=True)
    parts = _Parts(ranked)
    fields = {name: parts.field(name) for name in _FIELDS_OF_CALL}
    legs = parts.legs()
    outcomes = parts.outcomes()
    issues = dict.fromkeys(issue for event in events.values() for issue in event.issues)
    if len(outcomes) > 1:
        issues[Issue.at("Status", IssueCode.CONTRADICTING, ", ".join(sorted(outcomes)))] = None
    call = Call(**fields, legs=legs, issues=tuple(issues), events=tuple(events.values()))
    object.__setattr__(call, "_sources", frozenset(parts.sources))
    return call


Keyed = tuple[str, StatusCallback]


class _Parts:
    """Choose the value of each part of a call, and note the keys of the events that the values come from."""

    def __init__(self, ranked: Sequence[Keyed]) -> None:
        """:param ranked: The events with their keys, the most authoritative first."""
        self.ranked = ranked
        self.is_over = ranked[0][1].is_terminal
        # The events that know the final fields: the terminal ones, if there are any.
        self.final = [item for item in ranked if item[1].is_terminal == self.is_over]
        self.sources: set[str] = set()

    def field(self, name: str) -> Any:
        items = self.final if name in _FINAL_FIELDS else self.ranked
        return self._strongest([(key, getattr(event, name)) for key, event in items], _knowledge)

    def legs(self) -> tuple[Leg, ...]:
        """Complete the legs of the base, which is the terminal event with the most final leg statuses."""
        base_key, base = max(self.final, key=lambda item: _final_legs(item[1]))
        self.sources.add(base_key)
        items = self.ranked
        legs: list[Leg] = []
        while items := [item for item in items if len(item[1].legs) > len(legs)]:
            legs.append(self._leg(len(legs), items, base))
        return tuple(legs)

    def _leg(self, position: int, items: Sequence[Keyed], base: StatusCallback) -> Leg:
        final = [item for item in items if item[1].is_terminal == self.is_over]
        own = base.legs[position] if position < len(base.legs) else Leg()
        fields: dict[str, Any] = {}
        for name in _FIELDS_OF_LEG:
            strength = _STRENGTH.__getitem__ if name == "status" else _knowledge
            known_by = final if name in _FINAL_FIELDS else items
            value = self._strongest([(key, getattr(event.legs[position], name)) for key, event in known_by], strength)
            own_value = getattr(own, name)
            fields[name] = own_value if strength(own_value) >= strength(value) else value
        return Leg(**fields)

    def outcomes(self) -> dict[Outcome, str]:
        """Return the known outcomes of the terminal events, each with the key of an event."""
        found: dict[Outcome, str] = {}
        for key, event in self.ranked:
            if event.is_terminal and event.outcome is not Outcome.UNKNOWN:
                found.setdefault(event.outcome, key)
        self.sources.update(found.values())
        return found

    def _strongest(self, values: Sequence[tuple[str, Any]], strength: Callable[[Any], int]) -> Any:
        """Return the strongest value. Of equally strong ones, that of the most authoritative event counts."""
        if not values:
            return None
        key, value = max(values, key=lambda item: strength(item[1]))
        self.sources.add(key)
        return value


def _tie_break(event: StatusCallback) -> tuple[object, ...]:
    """Return the sort key among events with one event key, so that the same event is always kept.

    The event with fewer issues comes first, because a newer release read it. Then an event that knows ``duration``,
    which isn't part of the key, comes before one that doesn't. Of equal events, the one with ``raw`` comes first.
    """
    dates = (event.date_updated, event.date_created, event.start_time, event.end_time)
    issues = [(issue.path, issue.code, issue.value, digest_of(issue)) for issue in event.issues]
    duration = math.inf if event.duration is None else event.duration
    return len(issues), duration, issues, [str(date) for date in dates], not event.raw


def _authority(item: Keyed) -> tuple[object, ...]:
    key, event = item
    return (
        event.is_terminal,
        event.status is not CallStatus.UNKNOWN,
        event.end_time is not None,
        -math.inf if event.date_updated is None else instant(event.date_updated),
        PROGRESS[event.status],
        _known_fields(event),
        key,
    )


def _known_fields(event: StatusCallback) -> int:
    """Return the number of fields that an event knows, including those of its legs."""
    values = [getattr(event, name) for name in _FIELDS_OF_CALL]
    values += [getattr(leg, name) for leg in event.legs for name in _FIELDS_OF_LEG]
    return sum(_knowledge(value) == 2 for value in values)


def _final_legs(event: StatusCallback) -> int:
    return sum(leg.status in FINAL_LEGS for leg in event.legs) if event.is_terminal else 0


def _knowledge(value: object) -> int:
    """Return 2 for a known value, 1 for an unrecognized one, and 0 for none."""
    if value is None:
        return 0
    return 1 if isinstance(value, StrEnum) and value.name == "UNKNOWN" else 2
