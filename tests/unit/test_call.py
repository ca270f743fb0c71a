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
    CallbackError,
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
    parse_call_details,
    strategies,
)
from exotel_callback._model import call as call_module
from helpers import LEAST, PAGE
from payloads import events

FIELDS = [field.name for field in attrs.fields(StatusCallback) if field.name not in {"raw", "issues", "legs"}]
FINAL = ["completed", "busy", "failed", "no-answer", "canceled"]
STRENGTHS = [None, "not-attempted", "unknown", "queued", "ringing", "in-progress"]

events_of_a_call = events(parse, parse_call_details)


def is_known(value):
    return value is not None and getattr(value, "name", None) != "UNKNOWN"


def strength(value):
    """Return how strongly a leg's status counts, or a value of another field. An unrecognized status was attempted."""
    if isinstance(value, LegStatus):
        return len(STRENGTHS) if value in FINAL else STRENGTHS.index(value)
    return 0 if value is None else 1 + is_known(value)


def authority(event):
    """Return the documented order of events."""
    along = ["unknown", "queued", "ringing", "in-progress"]
    values = [getattr(event, name) for name in FIELDS]
    values += [value for leg in event.legs for value in (leg.status, leg.on_call_duration, leg.answered_by)]
    return (
        event.is_terminal,
        event.status.value != "unknown",
        event.end_time is not None,
        event.date_updated is not None,
        event.date_updated and event.date_updated.timestamp(),
        not event.is_terminal and along.index(event.status.value),
        sum(map(is_known, values)),
        event.event_key,
    )


def first_strongest(values):
    """Return the strongest value; of equally strong ones, the first."""
    return max(values, key=strength, default=None)


def expected_call(events):
    """Return the fields of the call of these distinct events, by the page and without the library."""
    ranked = sorted(events, key=authority, reverse=True)
    over = [event for event in ranked if event.is_terminal]
    fields = {
        name: first_strongest(
            getattr(event, name) for event in (over or ranked if name.endswith("duration") else ranked)
        )
        for name in FIELDS
    }
    final_legs = [sum(leg.status in FINAL for leg in event.legs) for event in over]
    ordered = [over[final_legs.index(max(final_legs))], *ranked] if over else ranked
    legs = []
    for position in range(max(len(event.legs) for event in events)):
        having = [event for event in ordered if position < len(event.legs)]
        final = [event for event in having if event.is_terminal or not over]
        legs.append(
            Leg(
                status=first_strongest(event.legs[position].status for event in having),
                on_call_duration=first_strongest(event.legs[position].on_call_duration for event in final),
                answered_by=first_strongest(event.legs[position].answered_by for event in final),
            )
        )
    outcomes = {event.outcome for event in over} - {Outcome.UNKNOWN}
    return fields, tuple(legs), len(outcomes) > 1


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


@given(events_of_a_call, events_of_a_call)
def test_a_call_remembers_what_it_needs(events, more):
    """A call with many events doesn't remember an event that a later one needs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(call_module, "_MAX_SOURCES", 1)
        step_by_step = merge(events[0])
        for event in [*events[1:], *more]:
            step_by_step = merge(step_by_step, event)
        at_once = merge(*events, *more)
    assert step_by_step == at_once == merge(*events, *more)


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
    over = [event for event in events if event.is_terminal]
    for name in FIELDS:
        values = [getattr(event, name) for event in (over or events if name.endswith("duration") else events)]
        assert is_known(getattr(call, name)) is any(map(is_known, values))
        assert getattr(call, name) in values or not is_known(getattr(call, name))


@given(events_of_a_call)
def test_no_leg_is_forgotten(events):
    """A terminal event knows a field of a leg, or an event knows an attempted leg, and the merged call doesn't."""
    call = merge(*events)
    for event in events:
        for leg, merged in zip(event.legs, call.legs[: len(event.legs)], strict=True):
            if leg.status not in {None, LegStatus.NOT_ATTEMPTED}:
                assert merged.status not in {None, LegStatus.NOT_ATTEMPTED}
            assert strength(merged.status) >= strength(leg.status)
            if event.is_terminal:
                assert is_known(merged.on_call_duration) >= is_known(leg.on_call_duration)
                assert is_known(merged.answered_by) >= is_known(leg.answered_by)


@given(events_of_a_call)
def test_every_field_follows_the_page(events):
    """A field or a leg comes from another event than the documented order says, or a contradiction isn't an issue."""
    call = merge(*events)
    fields, legs, is_contradicting = expected_call(call.events)
    assert {name: getattr(call, name) for name in FIELDS} == fields
    assert call.legs == legs
    assert any(issue.code == "contradicting" and issue.path == "Status" for issue in call.issues) is is_contradicting


@given(events_of_a_call)
def test_when_a_call_is_settled(events):
    """``is_settled`` isn't true exactly for a call that is over, whose end and parties are known."""
    for call in (*events, merge(*events)):
        says = call.conversation_duration is not None or any(leg.status in FINAL for leg in call.legs)
        assert call.is_settled is (call.is_terminal and call.end_time is not None and says)


@given(events_of_a_call)
def test_the_events_are_a_set_in_the_order_of_their_keys(events):
    """An event is repeated or out of order, or an issue is lost or repeated."""
    call = merge(*events)
    assert [event.event_key for event in call.events] == sorted({event.event_key for event in events})
    assert set(call.events) <= set(events)
    own = {issue for event in call.events for issue in event.issues}
    assert {issue for issue in call.issues if issue.code != "contradicting"} == own
    assert len(set(call.issues)) == len(call.issues)


@given(strategies.payloads())
def test_a_call_of_one_event_equals_the_event(payload):
    """A call of one event differs from the event in a field or a property."""
    event = parse(payload)
    call = merge(event)
    derived = ["is_terminal", "is_settled", "outcome", "unreached_leg", "answered_by", "event_key", "issues", "legs"]
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
    busy = parse({**LEAST, "Status": "busy", "DateUpdated": "1980-01-15 14:30:45"})
    failed = parse({**LEAST, "Status": "failed"})
    completed = parse({**LEAST, "DateUpdated": "2024-01-15 14:30:45"})
    assert merge(failed, busy).status is CallStatus.BUSY
    assert merge(completed, failed, busy).status is CallStatus.COMPLETED


def test_the_event_with_more_fields_counts():
    """Of two events of one second, the hash decides although one of them knows more."""
    short = parse({**LEAST, "To": "01"})
    for number in range(20):
        long = parse({**LEAST, "To": "02", "From": str(number)})
        with_leg = parse({**LEAST, "To": "03", "Legs": [{"Status": "completed", "OnCallDuration": number}]})
        assert merge(short, long).to_number == "02"
        assert merge(short, long, with_leg).to_number == "03"


def test_an_event_of_an_unknown_status_comes_last():
    """A late event with an unknown status wins over another event."""
    known = parse({**LEAST, "Status": "ringing", "DateUpdated": "2024-01-15 14:30:45", "From": "01"})
    unknown = parse({**LEAST, "Status": "free", "DateUpdated": "2024-01-15 14:30:46", "From": "02"})
    assert merge(known, unknown).from_number == "01"


def test_the_more_detailed_legs_are_the_base():
    """A terminal event with fewer final legs hides what another one reports, or loses what it knows itself."""
    reported = parse({**LEAST, "Legs": [{"Status": "completed", "OnCallDuration": 20}, {"Status": "busy"}]})
    later = parse(
        {**LEAST, "DateUpdated": "2024-01-15 14:30:45", "Legs": [{"OnCallDuration": 21}, {"Status": None}, {}]}
    )
    legs = merge(reported, later).legs
    assert [leg.status for leg in legs] == [LegStatus.COMPLETED, LegStatus.BUSY, None]
    assert legs[0].on_call_duration == 20


def test_the_base_is_remembered():
    """An event whose legs are the base isn't a source of the call, because others have each of its statuses too."""
    base = parse({**LEAST, "Legs": [{"Status": "completed"}, {"Status": "busy"}]})
    later = [
        parse({**LEAST, "DateUpdated": f"2024-01-15 14:30:4{second}", "Legs": legs})
        for second, legs in enumerate([[{"Status": "busy"}], [{"OnCallDuration": 5}, {"Status": "busy"}]])
    ]
    last = parse({**LEAST, "DateUpdated": "2024-01-15 14:30:49", "Legs": [{"Status": "canceled"}]})
    call = merge(merge(base, *later), last)
    assert call == merge(base, *later, last)
    assert [leg.status for leg in call.legs] == [LegStatus.COMPLETED, LegStatus.BUSY]


def test_a_machine_is_not_lost_to_call_details():
    """Call Details that don't say who answered make a person of a machine."""
    legs = [{"Status": "completed", "AnsweredBy": "NA"}, {"Status": "completed", "AnsweredBy": "Machine"}]
    callback = parse({**LEAST, "DateUpdated": "2026-03-04 10:16:05", "ConversationDuration": 12, "Legs": legs})
    details = parse_call_details(
        {
            "Sid": LEAST["CallSid"],
            "Status": "completed",
            "DateUpdated": "2026-03-04 10:18:05",
            "EndTime": "2026-03-04 10:16:02",
            "Details": {"ConversationDuration": 12, "Leg1Status": "completed", "Leg2Status": "completed"},
        }
    )
    assert merge(callback, details).outcome is Outcome.MACHINE
    assert merge(callback, details).is_settled


def test_a_reason_is_not_lost_to_call_details():
    """Call Details without the statuses of the legs make no-answer of busy."""
    callback = parse({**LEAST, "ConversationDuration": 0, "Legs": [{"Status": "completed"}, {"Status": "busy"}]})
    details = parse_call_details(
        {
            "Sid": LEAST["CallSid"],
            "Status": "completed",
            "DateUpdated": "2026-03-04 10:18:05",
            "EndTime": "2026-03-04 10:16:02",
            "Details": {
                "ConversationDuration": 0,
                "Legs": [{"Leg": {"Id": 1, "OnCallDuration": 20}}, {"Leg": {"Id": 2, "OnCallDuration": 0}}],
            },
        }
    )
    call = merge(callback, details)
    assert (call.outcome, call.unreached_leg) == (Outcome.BUSY, 1)
    assert [leg.on_call_duration for leg in call.legs] == [20, 0]


@pytest.mark.parametrize("second", [20, 21])
def test_a_settled_answer_wins(second):
    """Of two Call Details answers, the hash or the later date decides, and not that one is settled."""
    call = {"Sid": "0" * 32, "Status": "completed", "From": "09800000001"}
    talked = {"ConversationDuration": 30, "Leg1Status": "completed", "Leg2Status": "completed"}
    early = parse_call_details(
        {
            **call,
            "DateUpdated": f"2026-03-04 10:16:{second}",
            "To": "08040000001",
            "Direction": "inbound",
            "Details": talked,
        }
    )
    for seconds in range(20, 30):
        settled = parse_call_details(
            {
                **call,
                "DateUpdated": "2026-03-04 10:16:20",
                "EndTime": "2026-03-04 10:16:18",
                "To": "sip:agent",
                "Details": {**talked, "ConversationDuration": seconds},
            }
        )
        merged = merge(early, settled)
        assert (merged.to_number, merged.conversation_duration, early.is_settled) == ("sip:agent", seconds, False)


def test_figures_of_a_call_that_was_not_over_do_not_count():
    """The 0 of an ``answered`` event makes a missed call of a conversation."""
    answered = {**LEAST, "Status": "in-progress", "ConversationDuration": 0, "Duration": 3}
    early = parse({**answered, "Legs": [{"Status": "in-progress"}, {"AnsweredBy": "Machine", "OnCallDuration": 0}]})
    assert (merge(early).conversation_duration, merge(early).answered_by) == (0, AnsweredBy.MACHINE)
    call = merge(early, parse(LEAST))
    assert (call.conversation_duration, call.duration, call.answered_by) == (None, None, None)
    assert call.legs == (Leg(status=LegStatus.IN_PROGRESS), Leg())
    assert call.outcome is Outcome.UNKNOWN


def test_terminal_events_that_disagree_leave_an_issue():
    """Two outcomes of one call leave no issue, or one that depends on the order."""
    busy, failed = parse({**LEAST, "Status": "busy"}), parse({**LEAST, "Status": "failed"})
    issue = Issue.at("Status", IssueCode.CONTRADICTING, "busy, failed")
    assert merge(busy, failed).issues == merge(merge(failed), busy, parse(LEAST)).issues == (issue,)
    assert issue.message == "terminal events disagree about the outcome @ Status"
    later = parse({**LEAST, "Status": "failed", "DateUpdated": "2024-01-15 14:30:45"})
    assert merge(merge(busy, later), parse({**LEAST, "Status": "in-progress"})).issues == (issue,)
    assert merge(busy, parse(LEAST), parse({**LEAST, "Status": "in-progress"})).issues == ()


def test_v1_and_v3_statuses_of_one_outcome_do_not_disagree():
    """A ``completed`` call whose second party didn't answer contradicts ``to_leg_unanswered``."""
    v1 = parse({**LEAST, "Legs": [{"Status": "completed"}, {"Status": "no-answer"}]})
    v3 = parse({**LEAST, "Status": "to_leg_unanswered"})
    call = merge(v1, v3)
    assert (call.outcome, call.unreached_leg, call.issues) == (Outcome.NO_ANSWER, 1, ())


def test_properties_follow_from_the_merged_fields():
    """The outcome is computed from one event and not from the merged fields."""
    answered = parse({**LEAST, "Status": "in-progress", "Legs": [{"Status": "completed"}, {"Status": "ringing"}]})
    call = merge(answered, parse({**LEAST, "ConversationDuration": 0}))
    assert (call.outcome, call.unreached_leg) == (Outcome.NO_ANSWER, 1)


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


def test_an_event_that_knows_the_duration_is_kept():
    """Of two readings of one event, the one that an older release read without ``duration`` is kept."""
    event = parse({**LEAST, "Duration": 60})
    assert merge(attrs.evolve(event, duration=None), event).duration == 60
    assert merge(event, attrs.evolve(event, duration=None)).duration == 60
    spelled = [parse({**LEAST, "Status": "free", "Duration": 0}), parse({**LEAST, "Status": "Free"})]
    assert merge(*spelled).duration == merge(*reversed(spelled)).duration == 0


def test_another_reading_of_a_stored_event_counts():
    """An event has another reading that knows less, and what the other events know in its place is lost."""
    event = parse({**LEAST, "DateUpdated": "2024-01-15 14:30:45", "To": "01"})
    issue = Issue.at("NewField", IssueCode.INVALID_STRING, "x")
    stored = attrs.evolve(event, duration=60, issues=(issue,))
    earlier = parse({**LEAST, "DateUpdated": "2024-01-15 14:30:44", "To": "02", "Duration": 40})
    call = merge(stored, earlier)
    assert (call.duration, stored.event_key == event.event_key) == (60, True)
    assert merge(call, event) == merge(event, earlier)
    assert merge(call, event).duration == 40


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
        (([parse(LEAST)],), TypeError, r"write merge\(\*events\)\), not list"),
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
        (GOOD["events"][0], r"use load\(\) for type status_callback$"),
        ({**GOOD, "schema": 2}, "newer version of exotel-callback"),
        ({**GOOD, "more": 1}, "unexpected names"),
        ({**GOOD, "events": []}, "^a call has 1 to 10,000 events$"),
        ({**GOOD, "events": GOOD["events"] * 5_001}, "^a call has 1 to 10,000 events$"),
        ({**GOOD, "events": None}, r"\$.events"),
        ({**GOOD, "events": [*GOOD["events"], {**GOOD["events"][0], "call_sid": "another"}]}, "invalid value"),
        ({**GOOD, "events": [{**GOOD["events"][0], "status": "free"}]}, r"\$.events\[0\].status"),
        ({**GOOD, "events": [GOOD]}, "type status_callback"),
        ({**GOOD, "status": "free"}, r"\$.status"),
        ({**GOOD, "legs": [{"status": "free"}]}, r"\$.legs\[0\].status"),
        ({name: value for name, value in GOOD.items() if name != "events"}, "missing"),
        (None, "not NoneType"),
    ],
)
def test_anything_else_is_a_decode_error(dumped, says):
    """A dump that `dump` didn't make, or that isn't a merged call, is loaded."""
    with pytest.raises(DecodeError, match=says) as caught:
        load_call(dumped)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "dumped",
    [
        {**GOOD, "status": "busy", "issues": [], "legs": []},
        {**GOOD, "events": GOOD["events"][::-1]},
        {**GOOD, "events": GOOD["events"] + GOOD["events"][:1]},
    ],
    ids=["other fields", "another order", "repeated"],
)
def test_the_fields_of_a_stored_call_follow_from_its_events(dumped):
    """A call that another release merged by its own rules can't be loaded, or keeps the fields of that release."""
    assert load_call(dumped) == CALL


def test_a_call_has_a_maximum_number_of_events():
    """A sender with the secret can make `merge` take ever longer, or the error isn't one that a worker catches."""
    events = [attrs.evolve(parse(LEAST), to_number=str(number)) for number in range(10_001)]
    call = merge(*events[1:])
    assert len(call.events) == 10_000
    assert merge(call, events[5]) == call
    with pytest.raises(CallbackError, match=r"^more than 10,000 events of one call; skip its other events$"):
        merge(call, events[0])


def test_many_events_in_any_order():
    """The order of 900 events changes the call."""
    events = [parse({**PAGE, "ConversationDuration": second}) for second in range(900)]
    call = merge(*random.Random(1).sample(events, len(events)))
    assert len(call.events) == 900
    assert isinstance(call, Call)
    assert call.conversation_duration == max(events, key=lambda event: event.event_key).conversation_duration
