"""Test how other events are recognized, and the advice for each."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exotel_callback import (
    CallbackError,
    CallStatus,
    DecodeError,
    MissingFieldError,
    Outcome,
    dump,
    merge,
    parse,
    parse_any,
    parse_call_details,
    parse_call_list,
    parse_passthru,
    parse_popup,
)
from helpers import ENCODERS, FORM, JSON, LEAST, MULTIPART

OTHERS = [
    ({"SmsSid": "a", "To": "0", "Status": "sent", "DetailedStatus": "DELIVERED_TO_HANDSET"}, "SMS"),
    ({"SMSMessage": {"Sid": "a", "Status": "sent"}}, "SMS"),
    ({"whatsapp": {"messages": [{"callback_type": "dlr", "sid": "a", "exo_status_code": 30002}]}}, "WhatsApp"),
    ({"rcs": {"messages": []}}, "RCS"),
    ({"sid": "a", "from": "0", "to": "0", "status": "delivered", "exo_status_code": 30002}, "WhatsApp"),
    ({"type": "message_status", "account_sid": "a", "data": {"message_sid": "b"}}, "WhatsApp"),
    ({"event": "incoming_message", "message": {}, "contact": {}}, "WhatsApp"),
    ({"campaign_sid": "a", "call_sid": "b", "number": "0", "status": "completed"}, "campaign"),
    (
        {"timestamp": "t", "status_type": "OK", "incoming_affected": [], "outgoing_affected": [], "data": {}},
        "heartbeat",
    ),
    ({"CallSid": "a", "CallFrom": "0", "CallTo": "0", "CallType": "completed", "flow_id": "1"}, "Passthru"),
    ({"CallSid": "a", "DialCallStatus": "completed", "DialCallDuration": "5", "DialWhomNumber": "0"}, "Passthru"),
    ({"Call": {"Sid": "a", "Status": "completed"}}, "parse_call_details"),
    ({"Metadata": {"Total": 1}, "Calls": [{"Sid": "a", "Status": "completed"}]}, "parse_call_list"),
    ({"RestException": {"Status": 404, "Message": "x"}}, "RestException"),
    ({"event_sid": "a", "event_type": "leg_action_event", "event_name": "leg_answered", "data": {}}, "ExoML"),
    ({"event": "call_ringing", "call_sid": "a", "status": "ringing", "timestamp": "t"}, "softphone"),
    ({"CallSid": "a", "AppUserID": "b", "CallState": "active", "Direction": "outbound", "CallStatus": ""}, "softphone"),
    (
        {"call_sid": "a", "event_type": "call.answered", "call_state": "active", "call_direction": "outbound"},
        "contact-center",
    ),
    ({"connection_id": "a", "call_sid": "b", "from": "0", "to": "0", "dial_call_status": "completed"}, "ExoBridge"),
    ({"TwilioResponse": {"Call": {"Sid": "a", "Status": "completed"}}}, "parse_call_details"),
    (
        {"request_id": "a", "method": "GET", "http_code": 200, "response": {"call_details": {"sid": "a"}}},
        "v3 Call Details API; use parse_call_details",
    ),
    ({"CallSid": "a", "CallFrom": "0", "flow_id": "1", "CallStatus": "ringing"}, "numbers to dial; answer it"),
    (
        {"headers": {"user-agent": "Exotel Servers"}, "params": {}, "query": {}, "body": LEAST},
        "n8n item; pass its body",
    ),
    ({"headers": {}, "body": LEAST}, "n8n item; pass its body"),
    (
        {"version": "2.0", "headers": {}, "requestContext": {"http": {}}, "body": "CallSid=a"},
        "API Gateway; use parse_event",
    ),
    ({"httpMethod": "GET", "path": "/", "headers": {}, "body": None}, "API Gateway; use parse_event"),
    (dump(parse(LEAST)), "use load"),
    (dump(merge(parse(LEAST))), "use load_call"),
]


@pytest.mark.parametrize(("payload", "says"), OTHERS, ids=[says for _, says in OTHERS])
def test_the_message_names_the_event(payload, says):
    """The message doesn't say which other event the payload looks like."""
    with pytest.raises(MissingFieldError, match=f"This looks like .*{says}"):
        parse(payload)


@pytest.mark.parametrize(("encoding", "what"), [("json", "JSON"), ("multipart", "multipart")])
def test_a_body_that_was_read_as_a_form(encoding, what):
    """The message for JSON or multipart with the content type of a form, as curl sends it, doesn't say so."""
    body, _ = ENCODERS[encoding](LEAST)
    says = f"This looks like {what} that was read as a form; pass its own content type."
    for read in (parse, parse_passthru, parse_call_details):
        with pytest.raises(MissingFieldError, match=says):
            read(body, FORM)


PASSTHRU = "a Passthru request; use parse_passthru"
SOFTPHONE = "a softphone (WebRTC) notification; set a separate URL in the app's settings"
WHATSAPP = "a WhatsApp or RCS callback; use a separate status_callback URL for messages"


@pytest.mark.parametrize(
    ("marks", "says"),
    [
        ("DialCallStatus", PASSTHRU),
        ("DialCallDuration", PASSTHRU),
        ("DialWhomNumber", PASSTHRU),
        ("CallType", PASSTHRU),
        ("flow_id", PASSTHRU),
        ("CallState", SOFTPHONE),
        ("AppUserID", SOFTPHONE),
        ("event call_sid", SOFTPHONE),
        ("connection_id", "an ExoBridge event; use a separate URL for ExoBridge"),
        ("greenpin_id", "an ExoBridge event; use a separate URL for ExoBridge"),
        ("whatsapp", WHATSAPP),
        ("rcs", WHATSAPP),
        ("exo_status_code", WHATSAPP),
        ("type account_sid data", WHATSAPP),
        ("event message contact", WHATSAPP),
    ],
)
def test_a_mark_alone_is_enough(marks, says):
    """An event isn't recognized by its marks alone, or the message lacks the advice."""
    with pytest.raises(MissingFieldError) as caught:
        parse({"CallSid": "a", "x": "1", **dict.fromkeys(marks.split(), "x")})
    assert str(caught.value) == f"missing @ Status. This looks like {says}."


@pytest.mark.parametrize("payload", [{}, b"", "", []])
def test_an_empty_payload(payload):
    """The message for an empty payload doesn't explain how a payload becomes empty."""
    with pytest.raises(MissingFieldError, match=r"\. The payload is empty\. If Exotel sends JSON, pass the raw body, "):
        parse(payload)


@pytest.mark.parametrize("payload", [{}, b"", "", []])
@pytest.mark.parametrize("read", [parse, parse_passthru])
def test_a_get_request_without_a_body(read, payload):
    """The message for an empty payload doesn't say that the request may be a probe."""
    with pytest.raises(MissingFieldError, match="a probe of the URL"):
        read(payload)


@pytest.mark.parametrize(
    ("read", "payload", "advice"),
    [
        (parse, b"{}", "The payload is an empty JSON object."),
        (parse, "{ }", "The payload is an empty JSON object."),
        (
            parse_passthru,
            "",
            "The payload is empty; pass the query string of the request. A request without one is a probe of the URL.",
        ),
        (parse_call_details, b"{}", "The payload is an empty JSON object."),
        (parse_call_details, {"Call": {}}, "The answer is empty."),
        (parse_call_list, {}, "The answer is empty."),
    ],
)
def test_empty_payloads_that_are_no_form(read, payload, advice):
    """The advice speaks of a form, but the payload is a JSON object, a query string or an API's answer."""
    with pytest.raises(MissingFieldError) as caught:
        read(payload)
    assert caught.value.advice == advice


@pytest.mark.parametrize("payload", [{"a": "b"}, {"CallSid": "a"}, {"Status": "completed"}])
def test_an_unrecognized_payload_gets_no_advice(payload):
    """An unrecognized payload gets wrong advice."""
    with pytest.raises(MissingFieldError) as caught:
        parse(payload)
    assert "looks like" not in str(caught.value)


@pytest.mark.parametrize(
    ("parse_it", "payload"),
    [
        (parse, {"CallSid": "", "Status": "busy", "DateUpdated": "2024-01-15 14:30:45"}),
        (parse_call_details, {"Call": "odd"}),
        (parse_call_list, {"Calls": "odd"}),
    ],
)
def test_a_function_does_not_advise_to_call_itself(parse_it, payload):
    """A function advises to call itself."""
    with pytest.raises(MissingFieldError) as caught:
        parse_it(payload)
    assert "looks like" not in str(caught.value)


@pytest.mark.parametrize(
    "payload",
    [
        {"Sid": "a", "Status": "completed", "Details": {"Leg2Status": "no-answer"}},
        "Sid=a&Status=completed&Details[Leg2Status]=no-answer",
    ],
)
def test_a_call_of_the_call_details_api_is_not_a_callback(payload):
    """`parse` accepts a call of the Call Details API without its wrapper, and loses its legs."""
    with pytest.raises(MissingFieldError, match=r"This looks like a call .*; use parse_call_details"):
        parse(payload)


POPUP = {
    "CallSid": "a1b2c3d4e5f60718293a4b5c6d7e8f90",
    "Direction": "outbound-dial",
    "From": "09800000001",
    "DialWhomNumber": "09700000002",
    "Status": "busy",
    "EventType": "Answered",
}


def bodies(payload):
    """Yield a payload as a mapping, as pairs, and in each encoding."""
    return [(payload, None), (list(payload.items()), None), *(encode(payload) for encode in ENCODERS.values())]


@given(
    st.sampled_from(["busy", "free", "completed", " Busy ", ""]),
    st.sampled_from(["Dial", "Ringing", " Answered", "Terminal", "terminal", ""]),
    st.fixed_dictionaries(
        {}, optional={name: st.just("x") for name in ("AgentEmail", "CallState", "flow_id", "CallStatus", "CallType")}
    ),
    st.sampled_from([parse, parse_passthru]),
)
def test_the_popup_is_no_callback(status, event_type, others, read):
    """The popup of the Connect applet is read as a callback or as Passthru, so an agent's `busy` is the call's."""
    for body in bodies({**POPUP, **others, "Status": status, "EventType": event_type}):
        with pytest.raises(MissingFieldError, match=r"popup request.*; use parse_popup") as caught:
            read(*body)
        assert (caught.value.status_hint, caught.value.advice in str(caught.value)) == (422, True)
        assert caught.value.advice


@pytest.mark.parametrize(
    "name", ["DateUpdated", "Legs", "Legs[0][Status]", "Legs%5B0%5D%5BStatus%5D", "Legs%5b0%5d%5bStatus%5d"]
)
def test_a_callback_that_resembles_the_popup(name):
    """A callback that has names of the popup is refused."""
    payload = {**POPUP, name: ""}
    assert parse(payload).status is CallStatus.BUSY
    assert parse(list(payload.items())).status is CallStatus.BUSY


def test_passthru_that_resembles_the_popup():
    """A Passthru request with names of the popup is refused."""
    assert parse_passthru({**POPUP, "DialCallStatus": "busy"}).outcome is Outcome.BUSY


def test_the_request_for_numbers_is_like_passthru():
    """The Connect applet's request for numbers can't be read, although it has the names of Passthru."""
    assert parse_passthru({"CallSid": "a", "CallFrom": "0", "CallStatus": "ringing"}).from_number == "0"


N8N = [{"headers": {"user-agent": "Exotel Servers"}, "body": LEAST}]


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (N8N, "an n8n item; pass its body"),
        ([LEAST], "Pass each object of the list by itself"),
        ([{}], "Pass each object of the list by itself"),
        ([{"SmsSid": "a"}], "an SMS callback"),
    ],
)
@pytest.mark.parametrize("read", [parse, parse_passthru, parse_call_details, parse_call_list])
def test_a_list_of_objects(read, payload, says):
    """The message for a list of objects doesn't say what the objects look like."""
    for body in (payload, tuple(payload), json.dumps(payload), f" {json.dumps(payload)}".encode()):
        with pytest.raises(DecodeError, match=says) as caught:
            read(body)
        assert (type(caught.value), caught.value.status_hint) == (DecodeError, 400)
        assert caught.value.advice in str(caught.value)


def test_a_list_of_other_callbacks_names_their_reader():
    """The message for a list of callbacks doesn't name their function."""
    payload = [{**LEAST, "DateUpdated": "x"}]
    with pytest.raises(DecodeError, match="looks like a StatusCallback; use parse"):
        parse_passthru(payload)
    with pytest.raises(DecodeError, match="Pass each object of the list by itself"):
        parse(payload)


TEXTS = {
    "{'CallSid': 'a', 'Status': 'busy'}": "a Python object that was printed, as in a log; pass the body itself",
    "INFO payload: {'CallSid': 'a', 'Status': 'busy'}": "a Python object that was printed",
    "<QueryDict: {'CallSid': ['a'], 'Status': ['busy']}>": "a Python object that was printed",
    "ImmutableMultiDict([('CallSid', 'a'), ('Status', 'busy')])": "a Python object that was printed",
    'POST /x HTTP/1.1\r\nHost: a\r\n\r\n{"CallSid": "a", "Status": "busy"}': "a whole HTTP request; pass its body",
    "POST /x?key=1 HTTP/1.1\r\nHost: a\r\n\r\nCallSid=a&Status=busy": "a whole HTTP request",
    "GET /x?CallSid=a&CallType=completed HTTP/1.1\r\nHost: a\r\n\r\n": "a whole HTTP request",
}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("content_type", [None, JSON, FORM, MULTIPART])
@pytest.mark.parametrize("read", [parse, parse_passthru])
def test_a_text_that_is_no_body(read, content_type, text):
    """The message for a copied log line or request doesn't say so, or differs between types of bodies."""
    messages = set()
    for body in (text, text.encode(), bytearray(text.encode()), memoryview(text.encode())):
        with pytest.raises(CallbackError, match=TEXTS[text]) as caught:
            read(body, content_type)
        messages.add((str(caught.value), caught.value.advice))
    assert len(messages) == 1


def test_other_invalid_bodies_get_no_advice():
    """An invalid body gets advice, although nothing says what it is."""
    for body in ('{"CallSid": "it\'s"', b"{'", b'{"To": "a", x}', "x" * 70_000):
        with pytest.raises(DecodeError) as caught:
            parse(body, JSON)
        assert caught.value.advice == ""


def test_a_body_that_is_too_large_is_not_searched():
    """A body over the limit gets advice, so all of it was copied."""
    with pytest.raises(DecodeError) as caught:
        parse("{'CallSid': 'a'}" * 10_000)
    assert (caught.value.status_hint, caught.value.advice) == (413, "")


def test_details_beside_a_call_sid_are_an_unknown_field():
    """A callback with an unknown field ``Details`` is refused."""
    callback = parse({**LEAST, "Sid": "a", "Details": {"x": 1}})
    assert list(callback.extra) == ["Sid", "Details"]


def test_a_callback_with_marks_of_others_is_a_callback():
    """A callback of an account-level webhook, which has names of the Passthru applet, is refused."""
    assert parse({**LEAST, "CallType": "completed", "DialWhomNumber": "0"}) == parse(LEAST)


DUMPS = {
    "a callback that dump() converted; use load": dump(parse(LEAST)),
    "a call that dump() converted; use load_call": dump(merge(parse(LEAST))),
    "a Passthru request that dump() converted; use load_passthru": dump(
        parse_passthru("CallSid=a&flow_id=1&CallType=completed")
    ),
    "a popup request that dump() converted; use load_popup": dump(parse_popup("CallSid=a&EventType=Dial")),
}


@pytest.mark.parametrize("read", [parse, parse_passthru, parse_popup, parse_any])
@pytest.mark.parametrize("what", DUMPS)
def test_a_dump_instead_of_a_payload(read, what):
    """The message for a dict that `dump` returned doesn't say which function loads it."""
    for mapping in (DUMPS[what], {name: value for name, value in DUMPS[what].items() if value is not None}):
        with pytest.raises(MissingFieldError) as caught:
            read(mapping)
        assert caught.value.advice == f"This looks like {what}."


@pytest.mark.parametrize(
    "kind", [None, 5, 10**5_000, ["call"], {"call": 1}, "Call", ""], ids=lambda kind: type(kind).__name__
)
def test_a_dump_with_another_type(kind):
    """A dict with an unknown or hostile ``type`` counts as a dump of another kind, or raises another exception."""
    with pytest.raises(MissingFieldError, match="a callback that dump"):
        parse({**dump(parse(LEAST)), "type": kind})
