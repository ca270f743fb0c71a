"""Test merged calls: the laws of `merge`, and an example for each."""

import copy
import pickle
import random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exotel_callback import (
    AnsweredBy,
    Call,
    CallStatus,
    DecodeError,
    Issue,
    IssueCode,
    Leg,
    LegStatus,
    Outcome,
    StatusCallback,
    dump,
    load_call,
    merge,
    parse,
    strategies,
)
from helpers import LEAST, PAGE
from payloads import deliveries

FIELDS = [field.name for field in attrs.fields(StatusCallback) if field.name not in {"raw", "issues"}]

events_of_a_call = deliveries().map(lambda payloads: [parse(payload) for payload in payloads])


def is_known(value):
    return value is not None and value != () and getattr(value, "name", None) != "UNKNOWN"


@given(events_of_a_call, st.randoms(use_true_random=False))
def test_the_order_does_not_count(events, rng):
    """The order or the repetition of events changes the merged call."""
    shuffled = events + rng.choices(events, k=2)
    rng.shuffle(shuffled)
    assert merge(*shuffled) == merge(*events)
    assert hash(merge(*shuffled)) == hash(merge(*events))


@given(events_of_a_call, events_of_a_call, events_of_a_call)
def test_calls_merge_as_their_events_do(some, more, others):
    """Merging merged calls gives another call than merging all of their events."""
    together = merge(*some, *more, *others)
    assert merge(merge(*some), merge(*more, *others)) == together
    assert merge(merge(*some, *more), *others) == together
    assert merge(together) == merge(together, together) == merge(together, *more) == together


@given(events_of_a_call)
def test_a_stored_call_is_the_same_call(events):
    """A call that was dumped and loaded merges differently with later events."""
    call = merge(*events)
    assert load_call(dump(call)) == call
    assert merge(load_call(dump(call)), *events) == call


@given(events_of_a_call)
def test_a_terminal_call_never_goes_back(events):
    """A terminal call becomes non-terminal through another event."""
    call = merge(events[0])
    for event in events:
        was_over = call.is_terminal
        call = merge(call, event)
        assert call.is_terminal is (was_over or event.is_terminal)


@given(events_of_a_call)
def test_nothing_known_is_erased(events):
    """A field that some event knows is None or ``UNKNOWN`` in the merged call."""
    call = merge(*events)
    for name in FIELDS:
        values = [getattr(event, name) for event in events]
        assert is_known(getattr(call, name)) is any(map(is_known, values))
        assert getattr(call, name) in values


@given(events_of_a_call)
def test_the_most_authoritative_event_that_has_a_value_wins(events):
    """A field comes from another event than the documented order says."""
    along = ["unknown", "queued", "ringing", "in-progress"]

    def authority(event):
        return (
            event.is_terminal,
            event.status.value != "unknown",
            event.date_updated is not None,
            event.date_updated and event.date_updated.timestamp(),
            not event.is_terminal and along.index(event.status.value),
            event.event_key,
        )

    call = merge(*events)
    for name in FIELDS:
        if is_known(getattr(call, name)):
            winner = max((event for event in events if is_known(getattr(event, name))), key=authority)
            assert getattr(call, name) == getattr(winner, name), name


@given(events_of_a_call)
def test_the_events_are_a_set_in_the_order_of_their_keys(events):
    """An event is repeated or out of order, or an issue is lost or repeated."""
    call = merge(*events)
    assert [event.event_key for event in call.events] == sorted({event.event_key for event in events})
    assert set(call.events) <= set(events)
    assert set(call.issues) == {issue for event in call.events for issue in event.issues}
    assert len(set(call.issues)) == len(call.issues)


@given(strategies.payloads())
def test_a_call_of_one_event_equals_the_event(payload):
    """A call of one event differs from the event in a field or a property."""
    event = parse(payload)
    call = merge(event)
    derived = ["is_terminal", "outcome", "unreached_leg", "answered_by", "event_key", "issues"]
    assert [getattr(call, name) for name in FIELDS + derived] == [getattr(event, name) for name in FIELDS + derived]
    assert call.events == (event,)


def test_a_late_answered_does_not_undo_a_call_that_is_over():
    """A late ``answered`` event changes a known field of a call that is over."""
    over = parse({**PAGE, "To": None})
    late = parse({**PAGE, "Status": "in-progress", "EventType": "answered", "EndTime": None, "DateUpdated": None})
    call = merge(over, late)
    assert (call.status, call.event_type, call.end_time) == (CallStatus.COMPLETED, "terminal", over.end_time)
    assert call.to_number == PAGE["To"]


def test_a_recording_that_is_known_stays_known():
    """A later event without a recording erases the known one."""
    first, second = parse(PAGE), parse({**PAGE, "RecordingUrl": "", "DateUpdated": "2024-01-15 15:00:00"})
    assert merge(first, second).recording_url == PAGE["RecordingUrl"]


def test_a_correction_of_a_terminal_status_counts():
    """Of two terminal events, the earlier one wins, or one without a date wins over one with a date."""
    busy = parse({**LEAST, "Status": "busy", "DateUpdated": "1960-01-15 14:30:45"})
    failed = parse({**LEAST, "Status": "failed"})
    completed = parse({**LEAST, "DateUpdated": "2024-01-15 14:30:45"})
    assert merge(failed, busy).status is CallStatus.BUSY
    assert merge(completed, failed, busy).status is CallStatus.COMPLETED


def test_an_event_of_an_unknown_status_comes_last():
    """A late event with an unknown status wins over another event."""
    known = parse({**LEAST, "Status": "ringing", "DateUpdated": "2024-01-15 14:30:45", "From": "01"})
    unknown = parse({**LEAST, "Status": "free", "DateUpdated": "2024-01-15 14:30:46", "From": "02"})
    assert merge(known, unknown).from_number == "01"


def test_legs_are_one_value():
    """The legs of two events are mixed."""
    first = parse({**LEAST, "DateUpdated": "2024-01-15 14:30:45", "Legs": [{"Status": "completed"}]})
    second = parse({**LEAST, "Legs": [{"OnCallDuration": 5}, {"OnCallDuration": 6}]})
    assert merge(first, second, parse(LEAST)).legs == (Leg(status=LegStatus.COMPLETED),)


def test_properties_follow_from_the_merged_fields():
    """The outcome is computed from one event and not from the merged fields."""
    legs = [{"Status": "completed"}, {"Status": None, "AnsweredBy": "Human"}]
    answered = parse({**LEAST, "Status": "in-progress", "Legs": legs})
    call = merge(answered, parse({**LEAST, "ConversationDuration": 0}))
    assert (call.outcome, call.unreached_leg, call.answered_by) == (Outcome.NO_ANSWER, 1, AnsweredBy.HUMAN)


@pytest.mark.parametrize("later", ["To", "Legs[0].Status"])
def test_a_newly_recognized_value_replaces_the_unknown_one(later):
    """An event that an older release read wins over its redelivery."""
    issues = (Issue.at("Status", IssueCode.UNKNOWN_VALUE, "No Answer"), Issue.at(later, IssueCode.INVALID_STRING, "x"))
    stored = StatusCallback(call_sid="a", status=CallStatus.UNKNOWN, issues=issues)
    newer = attrs.evolve(stored, status=CallStatus.NO_ANSWER, issues=issues[1:])
    assert merge(stored, newer).events == merge(newer, stored).events == (newer,)


def test_of_two_spellings_of_one_event_always_the_same_is_kept():
    """The order decides which of two spellings of one event is kept."""
    payload = {**LEAST, "Status": "free", "EndTime": "2024-01-15T09:00:45Z"}
    for other in ({**payload, "Status": "Free"}, {**payload, "EndTime": "2024-01-15 14:30:45"}):
        calls = merge(parse(payload), parse(other)), merge(parse(other), parse(payload))
        assert len(calls[0].events) == 1
        assert dump(calls[0]) == dump(calls[1])


def test_a_call_that_is_under_way_goes_on():
    """Without dates, an earlier status wins over a later one."""
    queued, ringing, answered = (parse({**LEAST, "Status": word}) for word in ("queued", "ringing", "in-progress"))
    assert merge(ringing, queued).status is CallStatus.RINGING
    assert merge(answered, queued).status is merge(ringing, answered).status is CallStatus.IN_PROGRESS


def test_the_payload_of_an_event_is_kept_if_it_is_known():
    """A redelivery doesn't restore the ``raw`` of a stored event."""
    event = parse(PAGE)
    for call in (merge(event, load_call(dump(merge(event)))), merge(load_call(dump(merge(event))), event)):
        assert call.events[0].raw == event.raw


def test_calls_are_values():
    """A call isn't hashable, picklable, copyable, frozen or slotted."""
    call = merge(parse(PAGE), parse({**PAGE, "Status": "free"}))
    for clone in (copy.copy(call), copy.deepcopy(call), pickle.loads(pickle.dumps(call))):
        assert (clone, hash(clone)) == (call, hash(call))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        call.status = CallStatus.BUSY
    assert not hasattr(call, "__dict__")
    assert not hasattr(call, "raw")


def test_the_repr_of_a_call_masks_personal_data_and_counts_the_events():
    """The repr of a call shows personal data, or lists all events."""
    shown = repr(merge(parse(PAGE), parse({**PAGE, "Status": "free"})))
    assert shown.startswith("Call(")
    assert "events=<2>" in shown
    for personal in (PAGE["From"], PAGE["To"], PAGE["PhoneNumberSid"], PAGE["CustomField"], "..."):
        assert personal not in shown


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ((), ValueError, r"^merge\(\) needs at least one event or call$"),
        (
            (parse(LEAST), parse({**LEAST, "CallSid": "another"})),
            ValueError,
            r"^merge\(\) needs events with the same CallSid$",
        ),
        ((merge(parse(LEAST)), parse({**LEAST, "CallSid": "another"})), ValueError, "same CallSid"),
        (([parse(LEAST)],), TypeError, "not list"),
        ((LEAST,), TypeError, "not dict"),
    ],
)
def test_misuse(arguments, error, says):
    """A misused argument doesn't raise, or the message doesn't say what is wrong."""
    with pytest.raises(error, match=says):
        merge(*arguments)


CALL = merge(parse(PAGE), parse({**PAGE, "Status": "in-progress", "EventType": "answered", "EndTime": "soon"}))
GOOD = dump(CALL)


def test_the_dump_of_a_call():
    """The dump of a call lacks a field, or an event is dumped in another form."""
    assert list(GOOD) == [*dump(CALL.events[0]), "events"]
    assert (GOOD["schema"], GOOD["type"], GOOD["status"]) == (1, "call", "completed")
    assert GOOD["events"] == [dump(event) for event in CALL.events]


@pytest.mark.parametrize(
    ("dumped", "says"),
    [
        (GOOD["events"][0], "load_call"),
        ({**GOOD, "schema": 2}, "newer version of exotel-callback"),
        ({**GOOD, "more": 1}, "unexpected names"),
        ({**GOOD, "events": []}, "^the fields of the call don't match its events$"),
        ({**GOOD, "events": GOOD["events"][:1]}, "^the fields of the call don't match its events$"),
        ({**GOOD, "events": GOOD["events"][::-1]}, "don't match"),
        ({**GOOD, "events": GOOD["events"] + GOOD["events"][:1]}, "don't match"),
        ({**GOOD, "events": [*GOOD["events"], {**GOOD["events"][0], "call_sid": "another"}]}, "invalid value"),
        ({**GOOD, "events": [{**GOOD["events"][0], "status": "free"}]}, r"\$.events\[0\].status"),
        ({**GOOD, "events": [GOOD]}, "type status_callback"),
        ({**GOOD, "status": "busy"}, "don't match"),
        ({**GOOD, "issues": []}, "don't match"),
        ({name: value for name, value in GOOD.items() if name != "events"}, "missing"),
        (None, "not NoneType"),
    ],
)
def test_anything_else_is_a_decode_error(dumped, says):
    """A dump that `dump` didn't make, or that isn't a merged call, is loaded."""
    with pytest.raises(DecodeError, match=says) as caught:
        load_call(dumped)
    assert caught.value.__context__ is None


def test_many_events_in_any_order():
    """The order of 900 events changes the call."""
    events = [parse({**PAGE, "ConversationDuration": second}) for second in range(900)]
    call = merge(*random.Random(1).sample(events, len(events)))
    assert len(call.events) == 900
    assert isinstance(call, Call)
    assert call.conversation_duration == max(events, key=lambda event: event.event_key).conversation_duration
