"""Test the outcome of a row: of a callback and the Passthru requests of the same call."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exotel_callback import (
    CallStatus,
    Outcome,
    PassthruEvent,
    StatusCallback,
    combined_outcome,
    merge,
    parse,
    parse_any,
    parse_passthru,
)
from exotel_callback.testing import FLOW_SCENARIOS

REFINABLE = {Outcome.UNKNOWN, Outcome.FIRST_PARTY_ONLY}
STREAM_START = parse_passthru({"CallSid": "a", "EventType": "stream-start", "StreamSid": "b"})


class Bot(StatusCallback):
    """A callback of a call on which only the first party was."""

    outcome = Outcome.FIRST_PARTY_ONLY


BOT = Bot(call_sid="a", status=CallStatus.COMPLETED)
CALLBACKS = [
    None,
    BOT,
    *(parse({"CallSid": "a", "Status": status}) for status in ("completed", "busy", "in-progress", "free")),
    parse({"CallSid": "a", "Status": "completed", "ConversationDuration": 5}),
]


def request(dial_status, time=None):
    return parse_passthru({"CallSid": "a", "DialCallStatus": dial_status, "CurrentTime": time})


TIMES = ["2026-03-04 10:15:01", "2026-03-04 10:15:02"]
REQUESTS = [
    STREAM_START,
    *(
        request(status, time)
        for status in ("completed", "busy", "failed", "no-answer", "in-progress", None)
        for time in (None, *TIMES)
    ),
]


def test_a_callback_alone_counts():
    """The outcome of a callback changes without a Passthru request."""
    for callback in CALLBACKS[1:]:
        assert combined_outcome(callback) is callback.outcome
    assert combined_outcome(merge(CALLBACKS[-1])) is Outcome.CONNECTED


def test_requests_alone_count():
    """An inbound call in a flow, which has only Passthru requests, has no outcome."""
    for event in REQUESTS:
        assert combined_outcome(None, event) is event.outcome


@pytest.mark.parametrize("callback", CALLBACKS[1:])
def test_a_request_refines_only_what_a_callback_does_not_know(callback):
    """A request changes a known outcome, doesn't refine an unknown one, or reopens a call that is over."""
    for event in REQUESTS:
        outcome = combined_outcome(callback, event)
        if callback.outcome not in REFINABLE or event.outcome is Outcome.UNKNOWN:
            assert outcome is callback.outcome
        elif event.outcome is Outcome.IN_PROGRESS:
            assert outcome is (callback.outcome if callback.is_terminal else Outcome.IN_PROGRESS)
        else:
            assert outcome is event.outcome


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        # A known outcome comes before an unknown one, and one of a call that is over before one that isn't.
        ([request("busy"), request(None, TIMES[1])], Outcome.BUSY),
        ([request("in-progress"), request(None, TIMES[1])], Outcome.IN_PROGRESS),
        ([request("busy"), request("in-progress", TIMES[1])], Outcome.BUSY),
        ([request("completed"), STREAM_START], Outcome.CONNECTED),
        # Then the later time counts.
        ([request("completed", TIMES[0]), request("busy", TIMES[1])], Outcome.BUSY),
        ([request("busy", TIMES[0]), request("completed", TIMES[1])], Outcome.CONNECTED),
        ([request("completed"), request("busy", TIMES[0])], Outcome.BUSY),
        ([request("busy", "2026-03-04T10:15:02+05:30"), request("failed", "2026-03-04T04:45:01Z")], Outcome.BUSY),
        # If no time decides, a conversation comes before a failure, and any choice is always the same.
        ([request("completed"), request("no-answer")], Outcome.CONNECTED),
        ([request("completed", TIMES[0]), request("failed", TIMES[0])], Outcome.CONNECTED),
        ([request("busy"), request("no-answer")], Outcome.NO_ANSWER),
    ],
)
def test_the_choice_among_requests(events, outcome):
    """Another request decides than the page says, or their order matters."""
    for ordered in (events, events[::-1], [*events, *events]):
        assert combined_outcome(None, *ordered) is outcome
        assert combined_outcome(BOT, *ordered) is (BOT.outcome if outcome is Outcome.IN_PROGRESS else outcome)


@given(st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=4), st.sampled_from(CALLBACKS), st.randoms())
def test_the_order_and_repetitions_do_not_count(events, callback, random):
    """The order of the requests, or a repeated one, changes the outcome."""
    expected = combined_outcome(callback, *events)
    repeated = [*events, random.choice(events)]
    random.shuffle(repeated)
    assert combined_outcome(callback, *repeated) is expected
    assert expected in {event.outcome for event in events} | ({callback.outcome} if callback else set())


@given(st.lists(st.sampled_from(REQUESTS), max_size=3), st.sampled_from(REQUESTS), st.sampled_from(CALLBACKS[1:]))
def test_a_terminal_call_stays_terminal(events, late, callback):
    """A late request makes a call that is over one that is in progress."""
    before, after = combined_outcome(callback, *events), combined_outcome(callback, *events, late)
    if before is not Outcome.IN_PROGRESS and (callback.is_terminal or before is not Outcome.UNKNOWN):
        assert after is not Outcome.IN_PROGRESS


@pytest.mark.parametrize("name", FLOW_SCENARIOS)
def test_scenarios(name):
    """The outcome of a scenario depends on the order in which its requests arrive."""
    scenario = FLOW_SCENARIOS[name]
    events = [parse_any(delivery.body or delivery.query, delivery.content_type) for delivery in scenario.deliveries()]
    callbacks = [event for event in events if isinstance(event, StatusCallback)]
    requests = [event for event in events if isinstance(event, PassthruEvent)]
    for ordered in itertools.permutations(requests):
        assert combined_outcome(merge(*callbacks) if callbacks else None, *ordered) is scenario.outcome


@pytest.mark.parametrize("arguments", [(CALLBACKS[-1],), (None, REQUESTS[0])])
def test_events_of_two_calls(arguments):
    """Events of different calls are combined."""
    with pytest.raises(ValueError, match=r"^combined_outcome\(\) needs events with the same CallSid$"):
        combined_outcome(*arguments, PassthruEvent(call_sid="b"))


def test_no_event():
    """Nothing has an outcome."""
    with pytest.raises(ValueError, match=r"^combined_outcome\(\) needs at least one event$"):
        combined_outcome(None)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((STREAM_START,), "callback must be a StatusCallback, a Call or None, not PassthruEvent"),
        (([],), "callback must be a StatusCallback, a Call or None, not list"),
        ((None, BOT), "each other argument must be a PassthruEvent, not Bot"),
        ((None, [STREAM_START]), "each other argument must be a PassthruEvent, not list"),
    ],
)
def test_arguments_of_another_type(arguments, says):
    """An argument of another type fails in a way that doesn't say what to pass."""
    with pytest.raises(TypeError, match=f"^{says}$"):
        combined_outcome(*arguments)
