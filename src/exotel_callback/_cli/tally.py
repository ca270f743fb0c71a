"""Count the events and calls that ``convert`` reads, for its summary and its report."""

import re
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta, tzinfo
from typing import Final, NamedTuple, Self, TypedDict

import attrs

from .._enums import Outcome
from .._model.instants import UNIX_EPOCH
from .._options import IST

_WEEKDAY_OF_DAY_0: Final = UNIX_EPOCH.weekday()
_PICKED_UP: Final = frozenset({Outcome.CONNECTED, Outcome.MACHINE})
_MAX_UNRECOGNIZED: Final = 1_000
_MAX_REASONS: Final = 100
_MAX_PLACES: Final = 3

# The minimum seconds of each class of durations, and of each class of lateness.
DURATIONS: Final = (0, 10, 30, 60, 120, 300, 600, 1_800, 3_600)
LATENESS: Final = (0, 2, 5, 15, 60, 300, 900, 3_600, 86_400)


class CallColumns(TypedDict):
    """The columns of merged calls that are counted."""

    outcome: Sequence[str]
    unreached_leg: Sequence[int | None]
    conversation_duration: Sequence[int | None]
    events: Sequence[int]
    """The numbers of the distinct events."""
    began: Sequence[int | None]
    """Microseconds since 1970."""


class Unrecognized(NamedTuple):
    """An unrecognized value, and its path."""

    path: str
    value: str


class Reason(NamedTuple):
    """Why rows can't be parsed."""

    error: str
    """The class of the error."""
    message: str
    """The message, without the numbers of lines and columns, which differ for the same reason."""


class HourOfWeek(NamedTuple):
    """An hour of a day of the week."""

    weekday: int
    """0 for Monday."""
    hour: int


class OutcomeAt(NamedTuple):
    """An outcome, and the time when its calls began, in the zone of the report."""

    time: int
    """The day since 1970, or the hour of the day."""
    outcome: str


class PartyOn(NamedTuple):
    """A party of the calls of one day."""

    day: int
    """The day since 1970, in the zone of the report."""
    party: int
    """0 for the party that was called first, 1 for the second."""


@attrs.define
class Tally:
    """The counts of some events and calls. It can be pickled, and tallies of parts can be added."""

    rows: int = 0
    unreadable_rows: int = 0
    reasons: Counter[Reason] = attrs.field(factory=Counter)
    """The unreadable rows by reason."""
    other_reasons: int = 0
    """The number of unreadable rows whose reason isn't in ``reasons``, because it was full."""
    places: dict[Reason, list[str]] = attrs.field(factory=dict[Reason, list[str]])
    """The source and the line of the first rows of each reason."""
    issues: Counter[str] = attrs.field(factory=Counter)
    """The issues by code."""
    unrecognized: Counter[Unrecognized] = attrs.field(factory=Counter)
    other_unrecognized: int = 0
    """The number of unrecognized values that aren't in ``unrecognized``, because it was full."""
    lateness: Counter[int] = attrs.field(factory=Counter)
    """The events with a date and ``received_at`` by the index of their class in `LATENESS`."""
    distinct_events: int = 0
    """The events without redeliveries."""
    outcomes: Counter[str] = attrs.field(factory=Counter)
    by_day: Counter[OutcomeAt] = attrs.field(factory=Counter)
    by_hour: Counter[OutcomeAt] = attrs.field(factory=Counter)
    by_weekday: Counter[HourOfWeek] = attrs.field(factory=Counter)
    called: Counter[PartyOn] = attrs.field(factory=Counter)
    """The calls in which a party was called."""
    picked_up: Counter[PartyOn] = attrs.field(factory=Counter)
    """The calls of ``called`` in which the party, or its answering machine, answered."""
    durations: Counter[int] = attrs.field(factory=Counter)
    """The connected calls by the index of their class in `DURATIONS`."""
    talk_seconds: int = 0
    """The duration of the conversation of all connected calls."""

    @property
    def events(self) -> int:
        """The number of rows that could be read."""
        return self.rows - self.unreadable_rows

    @property
    def redeliveries(self) -> int:
        """The number of events that repeat another one."""
        return self.events - self.distinct_events

    def add_unreadable(self, error: str, message: str, place: str) -> None:
        """Count a row that can't be parsed."""
        reason = Reason(error, re.sub(r"(line|column) [0-9]+", r"\1 N", message))
        self.unreadable_rows += 1
        self._add_reason(reason, 1, [place])

    def _add_reason(self, reason: Reason, number: int, places: Sequence[str]) -> None:
        if reason not in self.reasons and len(self.reasons) >= _MAX_REASONS:
            self.other_reasons += number
            return
        self.reasons[reason] += number
        self.places[reason] = [*self.places.get(reason, []), *places][:_MAX_PLACES]

    def add_lateness(self, microseconds: Iterable[int]) -> None:
        """Count the times from the dates of events to their receipt. Clocks differ, so they can be negative."""
        self.lateness.update([bisect(LATENESS, max(late, 0) / 1_000_000) - 1 for late in microseconds])

    def add_calls(self, calls: CallColumns, zone: tzinfo = IST) -> None:
        """Count merged calls."""
        outcomes = calls["outcome"]
        self.outcomes.update(outcomes)
        self.distinct_events += sum(calls["events"])
        durations = zip(outcomes, calls["conversation_duration"], strict=True)
        talks = [seconds for outcome, seconds in durations if outcome == Outcome.CONNECTED and seconds is not None]
        self.durations.update([bisect(DURATIONS, seconds) - 1 for seconds in talks])
        self.talk_seconds += sum(talks)
        hours = [_hour(microseconds, zone) for microseconds in calls["began"]]
        # Few of these differ, so most work is done once for each of them.
        for (outcome, unreached, hour), number in Counter(
            zip(outcomes, calls["unreached_leg"], hours, strict=True)
        ).items():
            if hour is not None:
                self._add_hour(outcome, unreached, hour, number)

    def _add_hour(self, outcome: str, unreached: int | None, hours: int, number: int) -> None:
        """Count calls with the same outcome that began in the same hour, which is counted from 1970."""
        day, hour = divmod(hours, 24)
        self.by_day[OutcomeAt(day, outcome)] += number
        self.by_hour[OutcomeAt(hour, outcome)] += number
        self.by_weekday[HourOfWeek((day + _WEEKDAY_OF_DAY_0) % 7, hour)] += number
        is_reached = outcome in _PICKED_UP
        if is_reached or unreached is not None:
            self._add_party(PartyOn(day, 0), number, picked_up=unreached != 0)
            if unreached != 0:
                self._add_party(PartyOn(day, 1), number, picked_up=is_reached)

    def _add_party(self, party: PartyOn, number: int, *, picked_up: bool) -> None:
        self.called[party] += number
        if picked_up:
            self.picked_up[party] += number

    def __iadd__(self, other: "Tally") -> Self:
        self.rows += other.rows
        self.unreadable_rows += other.unreadable_rows
        # An attacker who can post can send any number of values, so the number of stored values is limited.
        for reason, number in other.reasons.items():
            self._add_reason(reason, number, other.places[reason])
        self.other_reasons += other.other_reasons
        self.issues.update(other.issues)
        for value, number in other.unrecognized.items():
            if value in self.unrecognized or len(self.unrecognized) < _MAX_UNRECOGNIZED:
                self.unrecognized[value] += number
            else:
                self.other_unrecognized += number
        self.other_unrecognized += other.other_unrecognized
        self.lateness.update(other.lateness)
        self.distinct_events += other.distinct_events
        self.outcomes.update(other.outcomes)
        self.by_day.update(other.by_day)
        self.by_hour.update(other.by_hour)
        self.by_weekday.update(other.by_weekday)
        self.called.update(other.called)
        self.picked_up.update(other.picked_up)
        self.durations.update(other.durations)
        self.talk_seconds += other.talk_seconds
        return self


def _hour(microseconds: int | None, zone: tzinfo) -> int | None:
    """Return the hour of an instant on a clock in a zone, counted from 1970."""
    if microseconds is None:
        return None
    try:
        date = (UNIX_EPOCH + timedelta(microseconds=microseconds)).astimezone(zone)
    except OverflowError:  # Before the year 1, or after the year 9999.
        return None
    return 24 * (date.toordinal() - UNIX_EPOCH.toordinal()) + date.hour
