"""Count the events and calls that ``convert`` reads, for its summary and its report."""

import re
from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, NamedTuple, Self, TypedDict

import attrs

from .._enums import Outcome
from .._options import IST

_UNIX_DAY: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PICKED_UP: Final = frozenset({Outcome.CONNECTED, Outcome.MACHINE})
_MAX_UNRECOGNIZED: Final = 1_000
_MAX_REASONS: Final = 100
_MAX_PLACES: Final = 3

# The minimum seconds of each class of durations, and of each class of lateness.
DURATIONS: Final = (0, 10, 30, 60, 120, 300, 600, 1_800, 3_600)
LATENESS: Final = (0, 2, 5, 15, 60, 300, 900, 3_600, 86_400)


class CallRow(TypedDict):
    """The columns of a merged call that are counted. Dates are microseconds since 1970."""

    outcome: str
    unreached_leg: int | None
    conversation_duration: int | None
    events: Sequence[str]
    start_time: int | None
    date_created: int | None
    date_updated: int | None


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

    def add_lateness(self, microseconds: int) -> None:
        """Count the time from the date of an event to its receipt. Clocks differ, so it can be negative."""
        self.lateness[bisect(LATENESS, max(microseconds, 0) / 1_000_000) - 1] += 1

    def add_call(self, call: CallRow, zone: tzinfo = IST) -> None:
        """Count a merged call."""
        outcome, unreached, duration = call["outcome"], call["unreached_leg"], call["conversation_duration"]
        self.outcomes[outcome] += 1
        self.distinct_events += len(call["events"])
        if outcome == Outcome.CONNECTED and duration is not None:
            self.durations[bisect(DURATIONS, duration) - 1] += 1
            self.talk_seconds += duration
        dates = (call["start_time"], call["date_created"], call["date_updated"])
        began = next((date for date in dates if date is not None), None)
        if began is None:
            return
        try:
            date = (_UNIX_DAY + timedelta(microseconds=began)).astimezone(zone)
        except OverflowError:  # Before the year 1, or after the year 9999.
            return
        day = date.toordinal() - _UNIX_DAY.toordinal()
        self.by_day[OutcomeAt(day, outcome)] += 1
        self.by_hour[OutcomeAt(date.hour, outcome)] += 1
        self.by_weekday[HourOfWeek(date.weekday(), date.hour)] += 1
        is_reached = outcome in _PICKED_UP
        if is_reached or unreached is not None:
            self._add_party(PartyOn(day, 0), picked_up=unreached != 0)
            if unreached != 0:
                self._add_party(PartyOn(day, 1), picked_up=is_reached)

    def _add_party(self, party: PartyOn, *, picked_up: bool) -> None:
        self.called[party] += 1
        if picked_up:
            self.picked_up[party] += 1

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
