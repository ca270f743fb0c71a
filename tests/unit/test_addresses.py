"""Test how other events are recognized, and the advice for each."""

import pytest

from exotel_callback import (
    MissingFieldError,
    dump,
    merge,
    parse,
    parse_call_details,
    parse_call_list,
    parse_passthru,
)
from helpers import ENCODERS, FORM, LEAST

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


@pytest.mark.parametrize(
    ("read", "payload", "advice"),
    [
        (parse, b"{}", "The payload is an empty JSON object."),
        (parse, "{ }", "The payload is an empty JSON object."),
        (parse_passthru, "", "The payload is empty; pass the query string of the request."),
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


def test_details_beside_a_call_sid_are_an_unknown_field():
    """A callback with an unknown field ``Details`` is refused."""
    callback = parse({**LEAST, "Sid": "a", "Details": {"x": 1}})
    assert list(callback.extra) == ["Sid", "Details"]


def test_a_callback_with_marks_of_others_is_a_callback():
    """A callback of an account-level webhook, which has names of the Passthru applet, is refused."""
    assert parse({**LEAST, "CallType": "completed", "DialWhomNumber": "0"}) == parse(LEAST)
