"""Count the events and calls that ``convert`` reads, for its summary and its report."""

from bisect import bisect
from collections import Counter
from typing import Final, NamedTuple, Self, TypedDict

import attrs

from .._enums import Outcome

_HOUR_MICROSECONDS: Final = 3_600_000_000
_IST_MICROSECONDS: Final = 5 * _HOUR_MICROSECONDS + _HOUR_MICROSECONDS // 2
_DAYS_OF_DATES: Final = range(-719_162, 2_932_897)  # the years 1 to 9999, in days since 1970
_PICKED_UP: Final = frozenset({Outcome.CONNECTED, Outcome.MACHINE})
_MAX_UNRECOGNIZED: Final = 1_000

# The minimum seconds of each class of durations.
DURATIONS: Final = (0, 10, 30, 60, 120, 300, 600, 1_800, 3_600)


class CallRow(TypedDict):
    """The columns of a merged call that are counted. Dates are microseconds since 1970."""

    outcome: str
    unreached_leg: int | None
    conversation_duration: int | None
    start_time: int | None
    date_created: int | None
    date_updated: int | None


class Unrecognized(NamedTuple):
    """An unrecognized value, and its path."""

    path: str
    value: str


class OutcomeAt(NamedTuple):
    """An outcome, and the time when its calls began, in Indian Standard Time."""

    time: int
    """The day since 1970, or the hour of the day."""
    outcome: str


class PartyOn(NamedTuple):
    """A party of the calls of one day."""

    day: int
    """The day since 1970, in Indian Standard Time."""
    party: int
    """0 for the party that was called first, 1 for the second."""


@attrs.define
class Tally:
    """The counts of some events and calls. It can be pickled, and tallies of parts can be added."""

    rows: int = 0
    unreadable_rows: int = 0
    issues: Counter[str] = attrs.field(factory=Counter)
    """The issues by code."""
    unrecognized: Counter[Unrecognized] = attrs.field(factory=Counter)
    other_unrecognized: int = 0
    """The number of unrecognized values that aren't in ``unrecognized``, because it was full."""
    outcomes: Counter[str] = attrs.field(factory=Counter)
    by_day: Counter[OutcomeAt] = attrs.field(factory=Counter)
    by_hour: Counter[OutcomeAt] = attrs.field(factory=Counter)
    called: Counter[PartyOn] = attrs.field(factory=Counter)
    """The calls in which a party was called."""
    picked_up: Counter[PartyOn] = attrs.field(factory=Counter)
    """The calls of ``called`` in which the party, or its answering machine, answered."""
    durations: Counter[int] = attrs.field(factory=Counter)
    """The connected calls by the index of their class in `DURATIONS`."""

    @property
    def events(self) -> int:
        """The number of rows that could be read."""
        return self.rows - self.unreadable_rows

    def add_call(self, call: CallRow) -> None:
        """Count a merged call."""
        outcome, unreached, duration = call["outcome"], call["unreached_leg"], call["conversation_duration"]
        self.outcomes[outcome] += 1
        if outcome == Outcome.CONNECTED and duration is not None:
            self.durations[bisect(DURATIONS, duration) - 1] += 1
        dates = (call["start_time"], call["date_created"], call["date_updated"])
        began = next((date for date in dates if date is not None), None)
        if began is None:
            return
        day, hour = divmod((began + _IST_MICROSECONDS) // _HOUR_MICROSECONDS, 24)
        if day not in _DAYS_OF_DATES:
            return
        self.by_day[OutcomeAt(day, outcome)] += 1
        self.by_hour[OutcomeAt(hour, outcome)] += 1
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
        self.issues.update(other.issues)
        # An attacker who can post can send any number of values, so the number of stored values is limited.
        for value, number in other.unrecognized.items():
            if value in self.unrecognized or len(self.unrecognized) < _MAX_UNRECOGNIZED:
                self.unrecognized[value] += number
            else:
                self.other_unrecognized += number
        self.other_unrecognized += other.other_unrecognized
        self.outcomes.update(other.outcomes)
        self.by_day.update(other.by_day)
        self.by_hour.update(other.by_hour)
        self.called.update(other.called)
        self.picked_up.update(other.picked_up)
        self.durations.update(other.durations)
        return self
