"""Test the counts of ``convert``: how a call changes each counter, and how tallies are added."""

import pickle
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import attrs
import pytest

from exotel_callback._cli.tally import DURATIONS, LATENESS, Tally


def microseconds(*date):
    return (datetime(*date, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def call(outcome, unreached_leg=None, seconds=None, began=None):
    fields = {"outcome": outcome, "unreached_leg": unreached_leg, "conversation_duration": seconds}
    return {**fields, "began": began, "events": 1}


def tally_of(*calls, **options):
    tally = Tally()
    tally.add_calls({name: [row[name] for row in calls] for name in call("")}, **options)
    return tally


DAY_0 = microseconds(1970, 1, 1, 12)  # 17:30 in India


@pytest.mark.parametrize(
    ("row", "day", "hour"),
    [
        (call("no-answer", began=DAY_0), 0, 17),
        (call("failed", began=microseconds(1970, 1, 1, 18, 30)), 1, 0),
        (call("failed", began=microseconds(1970, 1, 1, 18, 29)), 0, 23),
        (call("busy", began=microseconds(1, 1, 1)), -719_162, 5),
        (call("busy", began=microseconds(9999, 12, 31, 18, 29)), 2_932_896, 23),
    ],
)
def test_a_call_counts_for_the_day_and_hour_in_india_at_which_it_began(row, day, hour):
    """A call is counted at another time."""
    tally = tally_of(row)
    assert tally.outcomes == {row["outcome"]: 1}
    assert tally.by_day == {(day, row["outcome"]): 1}
    assert tally.by_hour == {(hour, row["outcome"]): 1}


@pytest.mark.parametrize(
    "dates",
    [
        {},
        {"began": microseconds(9999, 12, 31, 23)},
        {"began": microseconds(1, 1, 1) - 6 * 3_600_000_000},
    ],
)
def test_a_call_without_a_day_counts_for_its_outcome_only(dates):
    """A call without a date, or with one that has no day in India, isn't counted or has a day."""
    assert tally_of(call("no-answer", 0, 5, **dates)) == Tally(outcomes=Counter({"no-answer": 1}), distinct_events=1)


@pytest.mark.parametrize(
    ("row", "called", "picked_up"),
    [
        (call("no-answer", 0, began=DAY_0), {(0, 0)}, set()),
        (call("busy", 1, began=DAY_0), {(0, 0), (0, 1)}, {(0, 0)}),
        (call("connected", began=DAY_0), {(0, 0), (0, 1)}, {(0, 0), (0, 1)}),
        (call("machine", began=DAY_0), {(0, 0), (0, 1)}, {(0, 0), (0, 1)}),
        (call("failed", began=DAY_0), set(), set()),
    ],
)
def test_a_party_counts_as_called_only_if_the_events_say_so(row, called, picked_up):
    """A party counts as called without evidence, so the report shows a wrong rate of answers."""
    tally = tally_of(row)
    assert tally.called == dict.fromkeys(called, 1)
    assert tally.picked_up == dict.fromkeys(picked_up, 1)


def test_each_class_of_durations_ends_before_the_next_one_begins():
    """A duration is counted in the next or the previous class."""
    ends = [0, 9, 10, 29, 30, 59, 60, 119, 120, 299, 300, 599, 600, 1_799, 1_800, 3_599, 3_600, 10**9]
    assert [[*tally_of(call("connected", seconds=seconds)).durations] for seconds in ends] == [
        [index // 2] for index in range(2 * len(DURATIONS))
    ]


def test_only_connected_calls_with_a_duration_have_one():
    """Another call is counted among the durations."""
    assert not tally_of(call("connected"), call("machine", seconds=5)).durations


NUMBERS = ["other_unrecognized", "other_reasons", "distinct_events", "talk_seconds"]


def full_tally():
    """Return a tally in which every counter counts something."""
    values = {name: number for number, name in enumerate(NUMBERS, 2)}
    values |= {"rows": 5, "unreadable_rows": 2, "places": {("DecodeError", "x"): ["in:1"]}}
    keys = {"issues": "missing", "unrecognized": ("Status", "x"), "outcomes": "busy", "durations": 4}
    keys |= {"reasons": ("DecodeError", "x"), "lateness": 2}
    fields = [field.name for field in attrs.fields(Tally)]
    return Tally(**{name: values.get(name) or Counter({keys.get(name, (0, 1)): 1}) for name in fields})


def test_every_counter_adds_up():
    """A counter is omitted when tallies are added."""
    total = full_tally()
    total += full_tally()
    for field in attrs.fields(Tally):
        one, both = getattr(full_tally(), field.name), getattr(total, field.name)
        if field.name == "places":
            assert both == {("DecodeError", "x"): ["in:1", "in:1"]}
        else:
            assert both == (2 * one if isinstance(one, int) else one + one), field.name
    assert total.events == 6
    assert total.redeliveries == 6 - total.distinct_events


def test_a_tally_can_be_pickled():
    """A process can't send its counts to the one that adds them up."""
    assert pickle.loads(pickle.dumps(full_tally())) == full_tally()


def test_the_number_of_unrecognized_values_is_bounded():
    """An attacker who posts many made-up values fills the memory."""
    tally = Tally()
    values = [str(number) for number in range(1_002)]
    for value in [*values, "0", "1001"]:
        tally += Tally(unrecognized=Counter({("Status", value): 1}))
    assert tally.unrecognized == {("Status", value): 1 for value in values[:1_000]} | {("Status", "0"): 2}
    assert tally.other_unrecognized == 3


def test_the_hours_are_those_of_a_zone():
    """A call is counted by another zone than the one of the option, or for a wrong day of the week."""
    # The clocks in Paris are one hour ahead of UTC in January, and 15 January 2024 is a Monday.
    calls = [call("busy", began=microseconds(2024, 1, day, 23, 30)) for day in (15, 16)]
    tally = tally_of(*calls, zone=ZoneInfo("Europe/Paris"))
    assert tally.by_hour == {(0, "busy"): 2}
    assert tally.by_weekday == {(1, 0): 1, (2, 0): 1}


def test_the_talk_time_is_that_of_connected_calls():
    """The talk time omits a call, or counts one that a machine answered."""
    calls = [call("connected", seconds=5), call("connected", seconds=60), call("machine", seconds=7), call("connected")]
    assert tally_of(*calls).talk_seconds == 65


def test_each_class_of_lateness_ends_before_the_next_one_begins():
    """A lateness is counted in the next or the previous class, or a negative one isn't counted as the least."""
    tally = Tally()
    for seconds in LATENESS:
        tally.add_lateness([seconds * 1_000_000, seconds * 1_000_000 - 1])
    assert tally.lateness == {0: 3} | dict.fromkeys(range(1, len(LATENESS) - 1), 2) | {len(LATENESS) - 1: 1}


def test_reasons_are_grouped():
    """The same error at another position is another reason, or the first places of a reason aren't stored."""
    tally = Tally()
    for number in range(1, 5):
        part = Tally()
        part.add_unreadable("DecodeError", f"invalid JSON at line 1 column {number}", f"in:{number}")
        tally += part
    tally.add_unreadable("DecodeError", "the body is not valid utf-8", "in:5")
    invalid = ("DecodeError", "invalid JSON at line N column N")
    assert tally.reasons == {invalid: 4, ("DecodeError", "the body is not valid utf-8"): 1}
    assert tally.places[invalid] == ["in:1", "in:2", "in:3"]
    assert (tally.unreadable_rows, tally.other_reasons) == (5, 0)


def test_the_number_of_reasons_is_bounded():
    """Rows that can't be parsed for many reasons fill the memory, or aren't counted."""
    tally = Tally()
    for number in [*range(102), 0]:
        tally.add_unreadable("MissingFieldError", f"{number}", "in:1")
    assert (len(tally.reasons), tally.reasons["MissingFieldError", "0"], tally.other_reasons) == (100, 2, 2)
    tally += tally
    assert (tally.reasons["MissingFieldError", "0"], tally.other_reasons, tally.unreadable_rows) == (4, 4, 206)
