"""Test the kit for unit tests: payloads, encoders, scenarios, and an assertion that shows every issue."""

import json
import os
import subprocess
import sys
from urllib.parse import parse_qsl

import pytest

from exotel_callback import (
    AnsweredBy,
    CallStatus,
    DecodeError,
    Direction,
    EventType,
    Leg,
    LegStatus,
    Limits,
    PassthruEvent,
    PopupEvent,
    PopupEventType,
    StatusCallback,
    StreamStatus,
    combined_outcome,
    merge,
    parse,
    parse_any,
    parse_passthru,
    parse_popup,
)
from exotel_callback._encode import form_pairs
from exotel_callback.testing import (
    FLOW_SCENARIOS,
    PATIENCE,
    RETRY_DELAYS,
    SCENARIOS,
    Delivery,
    assert_valid,
    encode_form,
    encode_json,
    encode_multipart,
    encode_query,
    passthru_payload,
    payload,
    popup_payload,
)
from helpers import LEAST, TESTS, multipart

STORED = TESTS / "scenarios.json"
ENCODERS = [encode_json, encode_form, encode_multipart]


def test_a_payload():
    """The default payload has issues, or lacks a field of a connected call that the API started."""
    callback = assert_valid(payload())
    assert (callback.outcome, callback.is_terminal, len(callback.legs)) == ("connected", True, 2)
    assert not callback.extra
    assert all(value is not None for value in (callback.recording_url, callback.start_time, callback.custom_field))


def test_a_passthru_payload():
    """The default payload has issues or unknown fields, or lacks a field of a conversation with an agent."""
    event = assert_valid(passthru_payload(), reader=parse_passthru)
    assert (event.outcome, len(event.legs), event.digits, event.stream) == ("connected", 1, "1", None)
    assert event.extra.keys() == {"CallFrom", "CallTo"}
    assert parse_passthru(encode_query(passthru_payload())) == event


def test_a_popup_payload():
    """The default payload has issues or unknown fields, or isn't an agent who answered."""
    event = assert_valid(popup_payload(), reader=parse_popup)
    assert (event.event_type, event.agent_status) == ("Answered", "busy")
    assert event.extra.keys() == {"CallFrom", "CallTo"}
    assert parse_popup(encode_query(popup_payload())) == event


def test_overrides():
    """An override is lost, or an undocumented name doesn't become one more field."""
    changed = payload(Status="busy", Legs=[], Price="1.500")
    assert parse(changed).status is CallStatus.BUSY
    assert parse(changed).legs == ()
    assert parse(changed).extra == {"Price": "1.500"}
    stream = passthru_payload(
        Stream={"Status": "failed"}, DialCallStatus=None, digits='"9"', flow_id="1", tenant_id="2"
    )
    event = parse_passthru(encode_query(stream))
    assert (event.stream.status, event.dial_status, event.digits) == (StreamStatus.FAILED, None, "9")
    assert parse_popup(encode_query(popup_payload(EventType="Dial", key="own"))).extra["key"] == "own"


def test_a_payload_is_yours_to_change():
    """Changing a payload changes the next one, or the caller's own list."""
    payload()["Legs"].clear()
    legs = [{"Status": "busy"}]
    payload(Legs=legs)["Legs"].clear()
    assert legs
    assert len(payload()["Legs"]) == 2
    passthru_payload()["Legs"].clear()
    assert len(passthru_payload()["Legs"]) == 1


@pytest.mark.parametrize("name", ["status", "call_sid", "legs", "raw", "answered_by", "on_call_duration", "outcome"])
def test_a_python_name_is_not_a_field(name):
    """payload() accepts a Python name, so a test would send an unknown field instead."""
    with pytest.raises(TypeError, match=rf"^payload\(\) takes wire names such as Status and CallSid, not {name}$"):
        payload(**{name: "busy"})


@pytest.mark.parametrize(
    ("make", "name", "says"),
    [
        (passthru_payload, "call_type", "CallType and CallSid"),
        (passthru_payload, "cause_code", "CallType and CallSid"),
        (passthru_payload, "stream_sid", "CallType and CallSid"),
        (popup_payload, "event_type", "EventType and CallSid"),
    ],
)
def test_a_python_name_is_not_a_field_of_a_flow(make, name, says):
    """A Python name is accepted, so a test would send an unknown field instead."""
    with pytest.raises(TypeError, match=rf"^{make.__name__}\(\) takes wire names such as {says}, not {name}$"):
        make(**{name: "x"})


NESTED = {
    "CallSid": "a",
    "Legs": [{"Status": None}, {"Status": "busy", "Insights": {"X": 1.5}}],
    "Empty": [],
    "T": ("é", True),
}


def test_encoding_json():
    """The body isn't the payload as JSON, or NaN is accepted."""
    body, content_type = encode_json(NESTED)
    assert json.loads(body) == {**NESTED, "T": ["é", True]}
    assert content_type == "application/json"
    with pytest.raises(ValueError, match="JSON"):
        encode_json({"CallSid": float("nan")})


@pytest.mark.parametrize("encode", ENCODERS)
@pytest.mark.parametrize("value", [float("inf"), b"bytes", {1}, [object()]])
def test_values_that_json_can_not_hold(encode, value):
    """An encoder accepts a value that JSON can't hold."""
    with pytest.raises((ValueError, TypeError)):
        encode({"CallSid": value})


DELIMITER = f"--{'-' * 24}d74496d66958873e"


@pytest.mark.parametrize(
    "text", ["x", f"{DELIMITER} x", f"{DELIMITER}x --x", f"a\r\n{DELIMITER}\r\n{DELIMITER}xx\r\n{DELIMITER}x\r\nb"]
)
def test_a_boundary_is_in_no_value(text):
    """A value that contains the boundary ends its part."""
    assert parse(*encode_multipart({**LEAST, "CustomField": text})).custom_field == text


def test_null_in_a_form():
    """Null or an empty leg is written in another way than documented."""
    assert [*form_pairs({"a": None, "Legs": [{}]}, null="null")] == [("a", "null"), ("Legs[0]", "")]
    assert [*form_pairs({"a": None})] == [("a", "")]


def test_a_name_in_a_multipart_body():
    """A field's name can end the header of its part, because it isn't escaped as browsers do."""
    body, _ = encode_multipart({'a"b\r\nX-Header: 1': "x"})
    assert b'name="a%22b%0D%0AX-Header: 1"\r\n\r\nx\r\n' in body


@pytest.mark.parametrize("encode", ENCODERS)
def test_a_lone_surrogate(encode):
    """A lone surrogate can't be encoded, or it isn't refused as it would be in a real request."""
    body, content_type = encode({"CallSid": "a", "Status": "busy", "To": "\ud800"})
    if encode is encode_json:
        assert [issue.path for issue in parse(body, content_type).issues] == ["To"]
    else:
        with pytest.raises(DecodeError, match="not valid utf-8"):
            parse(body, content_type)


@pytest.mark.parametrize("encode", ENCODERS)
def test_an_empty_leg(encode):
    """An empty leg is lost in an encoding."""
    legs = parse(*encode(payload(Legs=[{"Status": "busy"}, {}]))).legs
    assert legs == (Leg(status=LegStatus.BUSY), Leg())


def test_encoding_forms():
    """Bracket keys, null or an empty list are written in another way than documented."""
    pairs = [
        ("CallSid", "a"),
        ("Legs[0][Status]", ""),
        ("Legs[1][Status]", "busy"),
        ("Legs[1][Insights][X]", "1.5"),
        ("T[0]", "é"),
        ("T[1]", "true"),
    ]
    body, content_type = encode_form(NESTED)
    assert parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True) == pairs
    assert content_type == "application/x-www-form-urlencoded"
    body, content_type = encode_multipart(NESTED)
    boundary = content_type.partition("boundary=")[2]
    assert body == multipart(pairs, boundary)


def test_encoding_a_query():
    """Bracket keys, null or an empty list are written in another way than Exotel writes them."""
    pairs = [
        ("CallSid", "a"),
        ("Legs[0][Status]", "null"),
        ("Legs[1][Status]", "busy"),
        ("Legs[1][Insights][X]", "1.5"),
        ("T[0]", "\xe9"),
        ("T[1]", "true"),
    ]
    assert parse_qsl(encode_query(NESTED), keep_blank_values=True, strict_parsing=True) == pairs
    assert encode_query({"a b": "c&d"}) == "a+b=c%26d"
    with pytest.raises(DecodeError, match="not valid utf-8"):
        parse_passthru(encode_query({"CallSid": "a", "digits": "\ud800"}))


def test_a_multipart_body_as_another_program_reads_it():
    """Werkzeug reads other values from a body whose names and values look like the end of a part."""
    pytest.importorskip("werkzeug")
    from werkzeug.test import EnvironBuilder
    from werkzeug.wrappers import Request

    odd = {
        'a"b': "1",
        "line\r\nend": "2",
        "boundary": encode_multipart({})[1],
        "text": f"\r\n{DELIMITER}",
    }
    body, content_type = encode_multipart(odd)
    request = Request(EnvironBuilder(method="POST", data=body, content_type=content_type).get_environ())
    assert list(request.form.values()) == list(odd.values())


@pytest.mark.parametrize("encode", ENCODERS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenarios(name, encode):
    """A scenario has issues, depends on the encoding, or has another outcome than it states."""
    scenario = SCENARIOS[name]
    deliveries = list(scenario.deliveries(encode))
    events = [assert_valid(delivery.body, delivery.content_type) for delivery in deliveries]
    assert merge(*events) == merge(*(parse(delivery.body, delivery.content_type) for delivery in scenario.deliveries()))
    assert merge(*events).outcome is scenario.outcome
    assert {event.call_sid for event in events} == {scenario.call_sid}
    assert all(delivery.delay >= 0 for delivery in deliveries)
    assert {(delivery.method, delivery.query) for delivery in deliveries} == {("POST", "")}
    assert scenario.name == name


def flow_events(name, encode=encode_multipart):
    """Return the events of a call in a flow by their class."""
    events = {StatusCallback: [], PassthruEvent: [], PopupEvent: []}
    for delivery in FLOW_SCENARIOS[name].deliveries(encode):
        sent = (delivery.body, delivery.content_type) if delivery.method == "POST" else (delivery.query,)
        event = assert_valid(*sent, reader=parse_any)
        events[type(event)].append(event)
        assert delivery.delay >= 0
        is_get = type(event) is PopupEvent or (type(event) is PassthruEvent and event.event_type != "stream-start")
        assert delivery.method == ("GET" if is_get else "POST")
        if is_get:
            assert (delivery.content_type, delivery.body) == ("", b"")
        else:
            assert delivery.query == ""
            assert delivery.content_type == encode_json({})[1] or type(event) is StatusCallback
    return events


@pytest.mark.parametrize("encode", ENCODERS)
@pytest.mark.parametrize("name", FLOW_SCENARIOS)
def test_scenarios_of_flows(name, encode):
    """A scenario has issues, depends on the encoding, or has another outcome than it states."""
    scenario = FLOW_SCENARIOS[name]
    events = flow_events(name, encode)
    callbacks = events[StatusCallback]
    assert combined_outcome(merge(*callbacks) if callbacks else None, *events[PassthruEvent]) is scenario.outcome
    assert {event.call_sid for found in events.values() for event in found} == {scenario.call_sid}
    assert events == flow_events(name)
    assert scenario.name == name


def test_scenarios_are_of_different_calls():
    """Two scenarios share a CallSid, so they can't be played against one table."""
    scenarios = [*SCENARIOS.values(), *FLOW_SCENARIOS.values()]
    assert len({scenario.call_sid for scenario in scenarios}) == len(scenarios)
    assert all(len(scenario.call_sid) == 32 for scenario in scenarios)


def test_scenarios_of_flows_are_what_their_names_say():
    """A scenario isn't what its name says."""
    missed, connected = flow_events("flow-missed"), flow_events("flow-connected")
    assert missed[StatusCallback] == connected[StatusCallback] == []
    assert [event.event_type for event in missed[PopupEvent]] == ["Dial", "Ringing", "Terminal"]
    assert [event.event_type for event in connected[PopupEvent]] == ["Dial", "Ringing", "Answered", "Terminal"]
    assert [event.agent_status for event in connected[PopupEvent]] == ["busy", "busy", "busy", "free"]
    assert connected[PopupEvent][-1].event_type is PopupEventType.TERMINAL
    (request,) = missed[PassthruEvent]
    assert (request.call_type, request.dial_status, request.direction) == ("incomplete", "no-answer", "inbound")
    for name, status, by in (("bot-hangs-up", "completed", "bot"), ("bot-fails", "failed", "NA")):
        events = flow_events(name)
        start, end = events[PassthruEvent]
        assert (start.event_type, start.stream.stream_sid) == ("stream-start", end.stream.stream_sid)
        assert (end.stream.status, end.stream.disconnected_by) == (status, by)
        assert bool(end.stream.error) == (status == "failed")
        assert [len(event.legs) for event in events[StatusCallback]] == [1]
    assert [event.call_type for event in flow_events("flow-menu")[PassthruEvent]] == ["call-attempt"]
    outbound = flow_events("flow-outbound")
    assert [event.event_type for event in outbound[StatusCallback]] == ["answered", "terminal"]
    assert [event.dial_status for event in outbound[PassthruEvent]] == ["completed"]


def test_scenarios_are_what_their_names_say():
    """A scenario isn't what its name says."""

    def events(name):
        return [parse(delivery.body, delivery.content_type) for delivery in SCENARIOS[name].deliveries()]

    both = [event for event in events("connected") if event.event_type is EventType.ANSWERED]
    assert len({event.event_key for event in both}) == 2
    assert {(event.status, event.end_time) for event in both} == {(CallStatus.IN_PROGRESS, None)}
    assert both[0].raw["EndTime"] == "1970-01-01 05:30:00"
    assert events("canceled")[-1].status is CallStatus.FAILED
    assert len(events("default-payload-only")[0].raw) == 4
    assert events("inbound-missed")[0].status is CallStatus.COMPLETED
    assert events("inbound-missed")[0].direction is Direction.INBOUND
    assert [leg.answered_by for leg in events("machine")[-1].legs] == [AnsweredBy.HUMAN, AnsweredBy.MACHINE]
    *_, last, second, third = SCENARIOS["redelivered"].deliveries()
    assert last.body == second.body == third.body
    assert (second.delay, third.delay) == (300, 900)
    assert [event.is_terminal for event in events("out-of-order")] == [True, False, False]
    first, *_ = events("ringing")
    assert (first.event_type, first.status) == (EventType.RINGING, CallStatus.RINGING)
    last = events("to-leg-unanswered")[-1]
    assert (last.status, last.legs) == (CallStatus.TO_LEG_UNANSWERED, ())


@pytest.mark.parametrize("scenario", [*SCENARIOS.values(), *FLOW_SCENARIOS.values()], ids=lambda each: each.name)
def test_fields_of_a_scenario_are_changed(scenario):
    """A request keeps its CallSid, lacks a new field, or another field or delay changes."""
    before, after = list(scenario.deliveries()), list(scenario.deliveries(CallSid="a", NewField="x"))
    assert [each.delay for each in after] == [each.delay for each in before]
    for old, new in zip(before, after, strict=True):
        old_event, new_event = (parse_any(each.body or each.query, each.content_type or None) for each in (old, new))
        assert dict(new_event.raw) == {**old_event.raw, "CallSid": "a", "NewField": "x"}
    assert list(scenario.deliveries()) == before


def test_a_field_is_added_only_if_no_request_of_the_scenario_has_it():
    """A field of the callbacks is added to the popups or Passthru requests of the call, or isn't changed in all."""
    scenario = FLOW_SCENARIOS["flow-outbound"]
    for encode in ENCODERS:
        first, passthru, last = scenario.deliveries(encode, ConversationDuration=7, CustomField="order_1")
        assert [parse(each.body, each.content_type).conversation_duration for each in (first, last)] == [7, 7]
        assert "ConversationDuration" not in passthru.query
        assert "CustomField=order_1" in passthru.query
    with pytest.raises(
        TypeError, match=r"^deliveries\(\) takes wire names such as CallSid and CustomField, not call_sid$"
    ):
        scenario.deliveries(call_sid="a")
    with pytest.raises(TypeError, match="not stream_sid"):
        scenario.deliveries(encode_json, stream_sid="a")


def test_the_scenarios_are_as_stored():
    """The scenarios changed, which can break users' tests.

    If you mean it, run `PYTHONPATH=tests python tests/unit/test_testing.py`.
    """
    stored = json.loads(STORED.read_text())
    assert scenarios() == stored
    assert [*SCENARIOS, *FLOW_SCENARIOS] == list(stored["scenarios"])


def test_scenarios_do_not_change():
    """A user can change the table of scenarios, or two runs of one differ."""
    for scenarios in (SCENARIOS, FLOW_SCENARIOS):
        with pytest.raises(TypeError):
            scenarios["busy"] = None
    assert isinstance(next(SCENARIOS["busy"].deliveries()), Delivery)
    assert list(SCENARIOS["busy"].deliveries()) == list(SCENARIOS["busy"].deliveries())


def test_assert_valid_accepts_the_arguments_of_parse():
    """assert_valid() doesn't accept a payload or an option of `parse`."""
    assert isinstance(assert_valid(b"CallSid=a&Status=busy", "application/x-www-form-urlencoded"), StatusCallback)
    with pytest.raises(AssertionError, match="larger than 5 bytes"):
        assert_valid(b"CallSid=a&Status=busy", limits=Limits(body_bytes=5))
    with pytest.raises(TypeError, match="timezone"):
        assert_valid({"CallSid": "a", "Status": "busy"}, timezone=None)


ODD = {
    "CallSid": "a",
    "Status": "exploded",
    "From": "09876543210",
    "To": {"a": "09876543210"},
    "Legs": [{"OnCallDuration": "-5"}],
}


def test_assert_valid_takes_another_reader():
    """assert_valid() ignores its reader, or the message names the wrong event."""
    query = encode_query(popup_payload())
    assert isinstance(assert_valid(query, reader=parse_any), PopupEvent)
    with pytest.raises(AssertionError, match=r"^not a valid payload for parse_popup\(\) \(InvalidCallbackError\):\n"):
        assert_valid(popup_payload(EventType="x"), reader=parse_popup)
    with pytest.raises(AssertionError, match=r"^not a valid StatusCallback \(MissingFieldError\):\n"):
        assert_valid(passthru_payload())
    with pytest.raises(AssertionError, match="larger than 5 bytes"):
        assert_valid(query, reader=parse_popup, limits=Limits(body_bytes=5))


@pytest.mark.parametrize(
    ("odd", "lines"),
    [
        (
            ODD,
            [
                "(InvalidCallbackError):",
                "  - unrecognized value @ Status",
                "  - unexpected type @ To",
                "  - not a valid number of seconds @ Legs[0].OnCallDuration",
            ],
        ),
        (
            {"SmsSid": "1"},
            [
                "(MissingFieldError):",
                "  - missing @ CallSid",
                "  - missing @ Status",
                "  - This looks like an SMS callback",
            ],
        ),
        (b"{", ["(DecodeError):", "  - invalid JSON at line 1 column 2"]),
    ],
)
def test_assert_valid_shows_all_issues(odd, lines):
    """An issue or the advice of the error isn't shown, or a value is."""
    with pytest.raises(AssertionError) as caught:
        assert_valid(odd)
    told = str(caught.value).splitlines()
    assert told[0].endswith(lines[0])
    assert len(told) == len(lines)
    assert all(line.startswith(expected) for line, expected in zip(told[1:], lines[1:], strict=True))
    assert "9876543210" not in str(caught.value)
    assert caught.value.__context__ is None


def test_assert_valid_in_pytest(tmp_path):
    """A failure shows code of the library in place of the line of the user's test."""
    test = tmp_path / "test_it.py"
    test.write_text(f"from exotel_callback.testing import assert_valid\n\ndef test_it():\n    assert_valid({ODD!r})\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", tmp_path, test]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # loading plugins takes longer than the test
    shown = subprocess.run(command, capture_output=True, text=True, check=False, env=environment).stdout
    assert ">       assert_valid({'CallSid': 'a'" in shown
    assert "E         - unrecognized value @ Status" in shown
    assert "error.issues" not in shown  # nothing of our own code


def scenarios():
    """Return each scenario with its deliveries, and the delays of Exotel."""
    told = {
        name: {
            "name": scenario.name,
            "description": scenario.description,
            "outcome": scenario.outcome,
            "deliveries": [
                [delivery.delay, json.loads(delivery.body) if delivery.body else delivery.query]
                for delivery in scenario.deliveries(encode_json)
            ],
        }
        for name, scenario in {**SCENARIOS, **FLOW_SCENARIOS}.items()
    }
    payloads = {"payload": payload(), "passthru payload": passthru_payload(), "popup payload": popup_payload()}
    return {"patience": PATIENCE, "retry delays": list(RETRY_DELAYS), **payloads, "scenarios": told}


if __name__ == "__main__":
    STORED.write_text(json.dumps(scenarios(), indent=1) + "\n")
