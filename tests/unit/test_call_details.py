"""Test that answers of the Call Details API become callbacks, which merge with received ones."""

import json
from decimal import Decimal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exotel_callback import (
    AnsweredBy,
    CallbackError,
    CallList,
    CallStatus,
    DecodeError,
    InvalidCallbackError,
    Issue,
    IssueCode,
    Leg,
    LegStatus,
    Limits,
    MissingFieldError,
    Outcome,
    dump,
    load,
    merge,
    parse,
    parse_call_details,
    parse_call_list,
    strategies,
)
from exotel_callback.testing import popup_payload
from helpers import JSON, PAGE

# The example of https://developer.exotel.com/docs/voice-v1/api-reference/call-details.
CALL = {
    "Sid": "b6cfaf5f5cef3ca0fc937749ef96d245",
    "ParentCallSid": None,
    "DateCreated": "2017-03-03 10:48:33",
    "DateUpdated": "2017-03-03 10:53:33",
    "AccountSid": "your_sid",
    "To": "0XXXXX38847",
    "From": "0XXXXX30240",
    "PhoneNumberSid": "0XXXXXX4890",
    "Status": "completed",
    "StartTime": "2017-03-03 10:48:33",
    "EndTime": "2017-03-03 10:49:50",
    "Duration": "17",
    "Price": "1.500",
    "Direction": "outbound-api",
    "AnsweredBy": None,
    "RecordingUrl": "https://s3-ap-southeast-1.amazonaws.com/.../recording.mp3",
    "Details": {
        "ConversationDuration": 8,
        "Leg1Status": "completed",
        "Leg2Status": "completed",
        "Legs": [{"Leg": {"Id": 1, "OnCallDuration": 21}}, {"Leg": {"Id": 2, "OnCallDuration": 8}}],
    },
}
ANSWER = {"Call": CALL}

XML = b'<?xml version="1.0"?>\n<TwilioResponse><Call><Sid>a</Sid><Status>busy</Status></Call></TwilioResponse>'


def with_details(**details):
    return parse_call_details({**CALL, "Details": details})


@pytest.mark.parametrize("answer", [ANSWER, CALL, json.dumps(ANSWER), json.dumps(ANSWER).encode()], ids=type)
def test_the_example_of_exotels_page(answer):
    """Exotel's example is misread, as a body or decoded, with or without its wrapper."""
    callback = parse_call_details(answer)
    assert callback.call_sid == CALL["Sid"]
    assert callback.status is CallStatus.COMPLETED
    assert callback.end_time.isoformat() == "2017-03-03T10:49:50+05:30"
    assert callback.conversation_duration == 8
    assert callback.legs == (
        Leg(on_call_duration=21, status=LegStatus.COMPLETED),
        Leg(on_call_duration=8, status=LegStatus.COMPLETED),
    )
    assert callback.outcome is Outcome.CONNECTED
    assert (callback.event_type, callback.issues) == (None, ())
    assert load(dump(callback)) == callback


def test_other_fields_are_in_extra():
    """A field that a callback doesn't have is not in ``extra``, or ``raw`` isn't the call as received."""
    callback = parse_call_details(ANSWER)
    assert callback.raw == parse_call_details(CALL).raw
    assert set(callback.raw) == set(CALL)
    assert callback.raw["Details"]["Legs"][1]["Leg"]["OnCallDuration"] == 8
    beside = ["ParentCallSid", "AccountSid", "Price", "AnsweredBy", "Details"]
    assert dict(callback.extra) == {name: callback.raw[name] for name in beside}
    assert (callback.extra["Price"], callback.duration) == ("1.500", 17)


def test_without_details():
    """An answer without details has legs or a duration, or leaves an issue."""
    callback = parse_call_details({"Call": {name: value for name, value in CALL.items() if name != "Details"}})
    assert (callback.legs, callback.conversation_duration, callback.issues) == ((), None, ())


def test_before_the_figures_are_settled():
    """An answer before the figures settle has an end time, or leaves an issue."""
    unsettled = {
        **CALL,
        "EndTime": None,
        "Duration": None,
        "Price": "",
        "Details": {**CALL["Details"], "ConversationDuration": None},
    }
    callback = parse_call_details({"Call": unsettled}, strict=True)
    assert (callback.is_terminal, callback.end_time, callback.conversation_duration) == (True, None, None)
    assert callback.event_key != parse_call_details(ANSWER).event_key
    settled = merge(callback, parse_call_details(ANSWER))
    assert settled.end_time is not None
    assert settled.conversation_duration == 8


def test_it_merges_with_the_callbacks_of_the_call():
    """A field that only the answer or only the callback has is lost."""
    answered = parse(
        {"CallSid": CALL["Sid"], "Status": "in-progress", "EventType": "answered", "CustomField": "order_12345"}
    )
    call = merge(answered, parse_call_details(ANSWER))
    assert (call.status, call.custom_field, call.conversation_duration) == (CallStatus.COMPLETED, "order_12345", 8)
    assert call.outcome is Outcome.CONNECTED


@pytest.mark.parametrize(
    ("details", "legs"),
    [
        ({}, ()),
        ({"Leg1Status": "completed", "Leg2Status": "no-answer"}, ("completed", "no-answer")),
        ({"Leg1Status": "no-answer", "Leg2Status": None}, ("no-answer", "not-attempted")),
        ({"Leg1Status": "no-answer", "Leg2Status": ""}, ("no-answer", "not-attempted")),
        ({"Leg1Status": "no-answer"}, ("no-answer",)),
        ({"Leg2Status": "busy"}, (None, "busy")),
        ({"Leg1Status": "completed", "Leg2Status": "busy", "Legs": []}, ("completed", "busy")),
        ({"Leg1Status": "completed", "Leg2Status": "busy", "Legs": None}, ("completed", "busy")),
        ({"Leg2Status": "busy", "Legs": {"Leg": {"Id": 2, "OnCallDuration": 5}}}, (None, "busy")),
        ({"Legs": [{"Leg": {"Id": 2, "OnCallDuration": 5}}]}, (None, None)),
    ],
)
def test_the_statuses_of_the_legs(details, legs):
    """The statuses of the legs aren't read from their two fields."""
    callback = with_details(**details)
    assert tuple(leg.status for leg in callback.legs) == legs
    assert callback.issues == ()


def test_the_durations_of_the_legs_go_by_their_ids():
    """A duration is at another leg than its id says. Ids count from 1."""
    legs = [{"Leg": {"Id": 2, "OnCallDuration": 5}}, {"Leg": {"Id": 1, "OnCallDuration": 7}}]
    callback = with_details(Leg1Status="completed", Leg2Status="busy", Legs=legs)
    assert callback.legs == (
        Leg(on_call_duration=7, status=LegStatus.COMPLETED),
        Leg(on_call_duration=5, status=LegStatus.BUSY),
    )


@pytest.mark.parametrize(
    ("call", "path", "code"),
    [
        ({"Details": {"Leg2Status": "free"}}, "Legs[1].Status", IssueCode.UNKNOWN_VALUE),
        (
            {"Details": {"Legs": [{"Leg": {"Id": 1, "OnCallDuration": -1}}]}},
            "Legs[0].OnCallDuration",
            IssueCode.NOT_A_NUMBER,
        ),
        ({"Details": {"ConversationDuration": "x"}}, "ConversationDuration", IssueCode.NOT_A_NUMBER),
        ({"Details": "odd"}, "Details", IssueCode.WRONG_TYPE),
        ({"Details": 5}, "Details", IssueCode.WRONG_TYPE),
        ({"Details": [{"Leg1Status": "busy"}]}, "Details", IssueCode.WRONG_TYPE),
        ({"Details": {"Legs": "odd"}}, "Legs", IssueCode.WRONG_TYPE),
        ({"EndTime": "soon"}, "EndTime", IssueCode.NOT_A_DATE),
    ],
)
def test_invalid_values(call, path, code):
    """An invalid value doesn't leave its issue, or doesn't raise in strict mode."""
    callback = parse_call_details({**CALL, **call})
    assert [(issue.path, issue.code) for issue in callback.issues] == [(path, code)]
    with pytest.raises(InvalidCallbackError):
        parse_call_details({**CALL, **call}, strict=True)


@pytest.mark.parametrize("nothing", [None, "", "null", [], {}])
def test_empty_details(nothing):
    """Empty details leave an issue."""
    call = {**CALL, "Details": nothing}
    assert parse_call_details(call).issues == parse_call_details(json.dumps(call)).issues == ()


@pytest.mark.parametrize("parse_answer", [parse_call_details, parse_call_list])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (XML, None),
        (XML, "application/xml"),
        (XML, JSON),
        (XML.decode(), "text/xml; charset=utf-8"),
        (b"\xef\xbb\xbf \n" + XML, None),
        (bytearray(XML), None),
        (memoryview(XML), None),
    ],
)
def test_xml(parse_answer, body, content_type):
    """The error for an XML answer doesn't say to add ``.json`` to the URL."""
    says = r"the body is XML; add \.json to the address to get JSON"
    with pytest.raises(DecodeError, match=f"^{says}$") as caught:
        parse_answer(body, content_type)
    assert caught.value.status_hint == 415


def test_a_callback_that_begins_like_xml():
    """`parse` refuses a form that begins with ``<``."""
    assert parse("<=1&CallSid=a&Status=busy").status is CallStatus.BUSY


@pytest.mark.parametrize("parse_answer", [parse_call_details, parse_call_list])
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"RestException": {"Status": 404, "Message": "Not found"}}, "RestException"),
        ({}, "missing @"),
        ({"SmsSid": "a"}, "SMS"),
    ],
)
def test_answers_without_a_call(parse_answer, answer, says):
    """The message for an answer without a call doesn't say what the answer is, or quotes it."""
    with pytest.raises(MissingFieldError, match=says) as caught:
        parse_answer(json.dumps(answer))
    assert "Not found" not in str(caught.value)


def test_a_missing_identifier_has_the_name_of_the_api():
    """The issue of a missing identifier has the name of a callback's field."""
    with pytest.raises(MissingFieldError) as caught:
        parse_call_details({"Call": {"Status": "busy"}})
    assert str(caught.value) == "missing @ Sid"


def test_a_list_in_a_list():
    """The advice for a list inside a list is to call the same function again."""
    with pytest.raises(MissingFieldError) as caught:
        parse_call_list({"Calls": [{"Calls": []}]}, strict=True)
    assert str(caught.value) == "missing @ Calls[0].Sid; missing @ Calls[0].Status"
    assert [issue.message for issue in parse_call_list({"Calls": [{"Calls": []}]}).errors] == ["missing @ Calls[0].Sid"]


@pytest.mark.parametrize("parse_answer", [parse_call_details, parse_call_list])
def test_another_content_type(parse_answer):
    """An answer with an unsupported content type is parsed."""
    with pytest.raises(DecodeError) as caught:
        parse_answer(json.dumps(ANSWER), "text/plain")
    assert caught.value.status_hint == 415


def test_the_other_of_the_two_functions_is_named():
    """The error for a list or for a single call doesn't name the right function."""
    with pytest.raises(MissingFieldError, match="use parse_call_list"):
        parse_call_details({"Calls": [CALL]})
    with pytest.raises(MissingFieldError, match="use parse_call_details"):
        parse_call_list(ANSWER)


PAGE_OF_CALLS = {
    "Metadata": {
        "Total": 120,
        "PageSize": 2,
        "NextPageUri": "/v1/Accounts/your_sid/Calls.json?After=x",
        "PrevPageUri": None,
    },
    "Calls": [CALL, {**CALL, "Sid": "a", "Status": "busy"}],
}


@pytest.mark.parametrize("answer", [PAGE_OF_CALLS, json.dumps(PAGE_OF_CALLS)], ids=type)
def test_a_list(answer):
    """A call in a list is read in another way than a single call, or the metadata is lost."""
    page = parse_call_list(answer)
    assert page.calls == (parse_call_details(CALL), parse_call_details(PAGE_OF_CALLS["Calls"][1]))
    assert page.metadata == PAGE_OF_CALLS["Metadata"]
    assert page.metadata["NextPageUri"].endswith("After=x")
    assert page.errors == ()
    assert hash(page) == hash(parse_call_list(answer))
    assert page == parse_call_list(answer) != parse_call_list({**PAGE_OF_CALLS, "Metadata": {}})


def test_a_list_whose_page_is_described_beside_the_calls():
    """Metadata outside of ``Metadata`` is lost."""
    assert parse_call_list({"Calls": [], "NextPageUri": "/x"}) == CallList(metadata={"NextPageUri": "/x"})


def test_a_call_with_too_many_fields_is_in_errors():
    """A call with too many fields affects the other calls of its page."""
    large = {**CALL, **{str(number): number for number in range(256)}}
    page = parse_call_list({"Calls": [large, CALL]})
    assert page.calls == (parse_call_details(CALL),)
    assert [(issue.path, issue.message) for issue in page.errors] == [("Calls[0]", "more than 256 fields @ Calls[0]")]
    assert page.errors[0].code is IssueCode.WRONG_TYPE
    with pytest.raises(InvalidCallbackError, match=r"more than 256 fields @ Calls\[0\]"):
        parse_call_list({"Calls": [large, CALL]}, strict=True)


def test_the_error_of_a_call_names_the_missing_field():
    """Another issue hides the missing field."""
    page = parse_call_list({"Calls": [{"Sid": ["a", "b"], "Status": None}, {"Sid": "\0", "Status": "busy"}]})
    assert [issue.message for issue in page.errors] == [
        "missing @ Calls[0].Status",
        "not a valid string @ Calls[1].Sid",
    ]


def test_wrapped_calls_in_a_list():
    """A call in a list with a wrapper around it is not read."""
    assert parse_call_list({"Calls": [ANSWER]}).calls == (parse_call_details(ANSWER),)


def test_the_message_of_many_issues_is_shortened():
    """The message of many issues isn't shortened, or the error lacks some issues."""
    with pytest.raises(MissingFieldError) as caught:
        parse_call_list({"Calls": [{}] * 500}, strict=True)
    assert len(caught.value.issues) == 1_000
    assert str(caught.value).endswith("; missing @ Calls[49].Status; and 900 more")
    with pytest.raises(MissingFieldError) as caught:
        parse_call_list({"Calls": [{}] * 50}, strict=True)
    assert str(caught.value).endswith("; missing @ Calls[49].Sid; missing @ Calls[49].Status")


def test_spellings_of_one_status_do_not_contradict_each_other():
    """A wrapped leg with its own status loses its duration, because two spellings of a status contradict."""
    legs = [{"Leg": {"Id": 1, "OnCallDuration": 21, "Status": "No Answer"}}]
    callback = with_details(Leg1Status="no-answer", Legs=legs)
    assert callback.legs == (Leg(on_call_duration=21, status=LegStatus.NO_ANSWER),)
    assert callback.issues == ()


BAD = [CALL, {}, "odd", {"Status": "busy"}, {**CALL, "Status": None}, {**CALL, "EndTime": "soon"}, ["a"], None]


def test_an_invalid_call_does_not_affect_its_page():
    """A call that can't be parsed affects other calls, or a call with issues is not in ``calls``."""
    page = parse_call_list({"Calls": BAD})
    assert [call.issues and call.issues[0].path for call in page.calls] == [(), "EndTime"]
    assert [issue.message for issue in page.errors] == [
        "missing @ Calls[1].Sid",
        "unexpected type @ Calls[2]",
        "missing @ Calls[3].Sid",
        "missing @ Calls[4].Status",
        "unexpected type @ Calls[6]",
        "unexpected type @ Calls[7]",
    ]


@pytest.mark.parametrize(
    ("call", "text"),
    [(5, "5"), ([1], "[1]"), ({"Sid": "\0", "Status": "busy"}, "\0")],
)
def test_the_value_of_an_error(call, text):
    """The value of an error's issue isn't the received value."""
    (error,) = parse_call_list({"Calls": [call]}).errors
    assert error.value == text


def test_the_value_of_invalid_details():
    """The value of the issue for invalid details isn't the received value."""
    assert [issue.value for issue in parse_call_details({**CALL, "Details": 5}).issues] == ["5"]


def test_strict_mode_raises_for_the_page():
    """Strict mode doesn't raise for an issue of a call, or the error lacks an issue or its path."""
    with pytest.raises(MissingFieldError, match=r"missing @ Calls\[1\]\.Sid; missing @ Calls\[1\]\.Status; ") as caught:
        parse_call_list({"Calls": BAD}, strict=True)
    assert [issue.path for issue in caught.value.issues] == [
        "Calls[1].Sid",
        "Calls[1].Status",
        "Calls[2]",
        "Calls[3].Sid",
        "Calls[4].Status",
        "Calls[5].EndTime",
        "Calls[6]",
        "Calls[7]",
    ]
    with pytest.raises(InvalidCallbackError, match=r"Calls\[0\]\.EndTime"):
        parse_call_list({"Calls": [{**CALL, "EndTime": "soon"}]}, strict=True)
    assert len(parse_call_list(PAGE_OF_CALLS, strict=True).calls) == 2


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        ({"x": 1}, IssueCode.MISSING, ""),
        ({"Calls": None}, IssueCode.MISSING, ""),
        ({"Calls": {}}, IssueCode.WRONG_TYPE, "{}"),
        ({"Calls": "x"}, IssueCode.WRONG_TYPE, "x"),
    ],
)
def test_calls_that_are_not_a_list(answer, code, text):
    """Calls that aren't a list don't raise, or the error has another issue."""
    issue = Issue.at("Calls", code, text)
    with pytest.raises(MissingFieldError) as caught:
        parse_call_list(answer)
    assert caught.value.issues == (issue,)
    assert str(caught.value) == issue.message


def test_the_limits_of_a_list():
    """The limit of 1 MiB is wrong, or the limits of fields and legs apply to the page and not to each call."""
    page = json.dumps({"Calls": [{**CALL, "CallerName": "x" * 1_000} for _ in range(500)]})
    assert len(parse_call_list(page).calls) == 500
    with pytest.raises(DecodeError) as caught:
        parse_call_list(page, limits=Limits())
    assert caught.value.status_hint == 413
    assert len(parse_call_list(page, limits=Limits(body_bytes=1_000_000, fields=len(CALL) + 1)).calls) == 500
    parse_call_details(ANSWER, limits=Limits(fields=len(CALL)))
    with pytest.raises(DecodeError, match=f"more than {len(CALL) - 1} fields"):
        parse_call_details(ANSWER, limits=Limits(fields=len(CALL) - 1))
    (callback,) = parse_call_list({"Calls": [CALL]}, limits=Limits(legs=1)).calls
    assert [issue.code for issue in callback.issues] == [IssueCode.TOO_MANY_LEGS]


@pytest.mark.parametrize("parse_answer", [parse_call_details, parse_call_list])
@pytest.mark.parametrize("options", [{"timezone": None}, {"limits": None}, {"content_type": b"x"}, {"strict": 1}])
def test_misuse(parse_answer, options):
    """A misused argument doesn't raise at once."""
    with pytest.raises(TypeError):
        parse_answer(ANSWER, **options)


def test_nothing_personal_is_shown():
    """The repr of a page or the message of an error shows personal data."""
    shown = repr(
        parse_call_list({"Calls": [{**CALL, "From": "09876543210"}, {"To": "09876543210"}], "Uri": "09876543210"})
    )
    assert "9876543210" not in shown
    assert "NextPageUri" in repr(parse_call_list(PAGE_OF_CALLS))


def test_a_callback_in_place_of_an_answer_is_read():
    """A callback is refused as an answer, although it has the same names."""
    assert parse_call_details(PAGE) == parse(PAGE)


HUMAN, MACHINE = AnsweredBy.HUMAN, AnsweredBy.MACHINE


def legs_answered_by(value, **details):
    callback = parse_call_details({**CALL, "AnsweredBy": value, "Details": details})
    return [leg.answered_by for leg in callback.legs], [issue.message for issue in callback.issues]


@pytest.mark.parametrize(
    ("value", "details", "answered_by"),
    [
        ("Machine", {}, [None, MACHINE]),
        ("HUMAN", {"Leg1Status": "completed"}, [None, HUMAN]),
        ("NOT_SURE", {"Leg1Status": "completed", "Leg2Status": "completed"}, [None, AnsweredBy.NOT_SURE]),
        ("Human", {"Leg1Status": "completed", "Leg2Status": "busy"}, [None, HUMAN]),
        (
            "Human",
            {"Legs": [{"Status": "completed"}, {"Status": "busy"}, {"Status": "completed"}]},
            [None, None, HUMAN],
        ),
        ("Human", {"Legs": [{}, {"Status": "completed"}, {"Status": "completed"}]}, [None, None, HUMAN]),
        ("Human", {"Legs": [{}, {"Status": "completed"}, {"Status": "busy"}]}, [None, HUMAN, None]),
        ("Human", {"Legs": [{}, {"Status": "busy"}, {"Status": "busy"}]}, [None, HUMAN, None]),
        ("Human", {"Legs": [{}, {"AnsweredBy": "Machine"}]}, [None, MACHINE]),
        ("Human", {"Legs": [{}, {"AnsweredBy": ""}]}, [None, HUMAN]),
        ("NA", {"Leg1Status": "completed", "Leg2Status": "busy"}, [None, AnsweredBy.NOT_APPLICABLE]),
        ("NA", {"Leg1Status": "completed"}, [None]),
        ("NA", {}, []),
        ("", {}, []),
        (None, {}, []),
        ("null", {"Leg2Status": "completed"}, [None, None]),
        ([], {}, []),
    ],
)
def test_the_answered_by_of_the_call(value, details, answered_by):
    """The ``AnsweredBy`` of the call is at another leg, replaces a leg's own value, or creates a leg in vain."""
    assert legs_answered_by(value, **details) == (answered_by, [])
    body = json.dumps({**CALL, "AnsweredBy": value, "Details": details})
    callback = parse_call_details(body)
    assert ([leg.answered_by for leg in callback.legs], callback.issues) == (answered_by, ())


@pytest.mark.parametrize(
    ("value", "answered_by", "message"),
    [
        ("robot", [None, AnsweredBy.UNKNOWN], "unrecognized value @ Legs[1].AnsweredBy"),
        ({"a": 1}, [], "unexpected type @ Legs[1].AnsweredBy"),
    ],
)
def test_an_invalid_answered_by_of_the_call(value, answered_by, message):
    """An invalid ``AnsweredBy`` of the call leaves no issue, or its path isn't that of the leg."""
    assert legs_answered_by(value) == (answered_by, [message])
    keys = {parse_call_details({**CALL, "AnsweredBy": other}).event_key for other in ("robot", "dog", "Human", None)}
    assert len(keys) == 4


def test_the_answered_by_of_the_call_respects_the_limit_of_legs():
    """The ``AnsweredBy`` of the call creates a leg beyond the limit."""
    callback = parse_call_details({**CALL, "AnsweredBy": "Human", "Details": {}}, limits=Limits(legs=1))
    assert callback.legs == ()
    assert [issue.message for issue in callback.issues] == ["more legs than the limit; using the first ones @ Legs"]


def test_flat_statuses():
    """The statuses of the legs and the duration are read only in ``Details``, or replace those of ``Details``."""
    flat = {name: value for name, value in CALL.items() if name != "Details"} | CALL["Details"]
    assert parse_call_details(flat) == parse_call_details(CALL)
    both = {**flat, "Details": {"Leg1Status": "no-answer", "Leg2Status": None, "ConversationDuration": 0}}
    callback = parse_call_details(both)
    assert [leg.status for leg in callback.legs] == [LegStatus.NO_ANSWER, LegStatus.NOT_ATTEMPTED]
    assert callback.conversation_duration == 0
    assert [leg.on_call_duration for leg in callback.legs] == [21, 8]  # `Details` lacks these.


@pytest.mark.parametrize("name", ["Details", "Leg1Status", "Leg2Status"])
@pytest.mark.parametrize("sid", [{"Sid": "a"}, {"Sid": "a", "CallSid": ""}, {"Sid": "a", "CallSid": None}])
def test_parse_refuses_a_call_whose_legs_it_would_lose(name, sid):
    """`parse` accepts a call of the Call Details API, and loses its legs."""
    with pytest.raises(MissingFieldError, match=r"^This looks like a call from .*; use parse_call_details\.$"):
        parse({**sid, "Status": "completed", name: "completed"})
    assert parse({"CallSid": "a", "Status": "completed", name: "completed"}).call_sid == "a"


def test_a_popup_is_not_a_call():
    """The ``busy`` of a popup, which is about an agent, ends the call."""
    with pytest.raises(MissingFieldError, match=r"^This looks like the popup request .*; use parse_popup\.$"):
        parse_call_details(popup_payload())


@pytest.mark.parametrize("custom_field", ["N/A", "n/a", " N/A "])
def test_no_custom_field(custom_field):
    """``N/A`` is a custom field in Call Details, or is none in a callback."""
    assert parse_call_details({**CALL, "CustomField": custom_field}).custom_field is None
    assert parse({**PAGE, "CustomField": custom_field}).custom_field == custom_field.strip()
    assert parse_call_details({**CALL, "CustomField": "N/A N/A"}).custom_field == "N/A N/A"


def test_the_exophone_of_a_list():
    """``PhoneNumber`` isn't the ExoPhone, or isn't part of the key."""
    call = {name: value for name, value in CALL.items() if name != "PhoneNumberSid"}
    callback = parse_call_details({**call, "PhoneNumber": CALL["PhoneNumberSid"]})
    assert callback == parse_call_details(CALL)
    assert callback.event_key == parse_call_details(CALL).event_key
    assert "PhoneNumber" not in callback.extra
    assert "PhoneNumber" in parse_call_details({**CALL, "PhoneNumber": "0"}).extra
    keys = {parse_call_details({**call, "PhoneNumber": number}).event_key for number in ("\0", "\0 1", "0")}
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("legs", "durations"),
    [
        ({"Id": 2, "OnCallDuration": 5}, [None, 5]),
        ({"Leg": {"Id": "2", "OnCallDuration": "5"}}, [None, 5]),
        ({"Leg": [{"Id": "2", "OnCallDuration": "5"}, {"Id": "1", "OnCallDuration": "7"}]}, [7, 5]),
        ([{"Id": 2, "OnCallDuration": 5}], [None, 5]),
        ([{"Id": 2, "OnCallDuration": 5}, {"Leg": {"Id": 1, "OnCallDuration": 7}}], [7, 5]),
        ([{"OnCallDuration": 5}, None], [5, None]),
    ],
)
def test_the_shapes_of_legs(legs, durations):
    """A leg isn't read in one of its shapes, or its ``Id`` doesn't decide its position."""
    callback = with_details(Legs=legs)
    assert ([leg.on_call_duration for leg in callback.legs], callback.issues) == (durations, ())


def test_two_ids_of_one_leg():
    """The outer id of a wrapped leg decides its position, or the disagreement leaves no issue."""
    callback = with_details(Legs=[{"Id": 1, "Leg": {"Id": 2, "OnCallDuration": 5}}])
    assert [leg.on_call_duration for leg in callback.legs] == [None, 5]
    assert [(issue.path, issue.code) for issue in callback.issues] == [("Legs[1]", IssueCode.REPEATED)]


# The examples of https://developer.exotel.com/docs/voice-v3/api-reference/call-details, with other numbers.
V3_CALL = {
    "sid": "a1b2c3d4e5f60718293a4b5c6d7e8f90",
    "direction": "outbound",
    "virtual_number": "+918040000001",
    "state": "terminal",
    "status": "completed",
    "legs": "/v3/accounts/your_sid/calls/a1b2c3d4e5f60718293a4b5c6d7e8f90/legs",
    "created_time": "2026-03-04 22:54:40+05:30",
    "updated_time": "2026-03-04 22:56:04+05:30",
    "start_time": "2026-03-04 22:54:57+05:30",
    "end_time": "2026-03-04 22:56:04+05:30",
    "total_duration": 84,
    "total_talk_time": 59,
    "custom_field": None,
    "app_id": None,
    "recordings": [{"url": "https://s3-ap-south-1.amazonaws.com/.../recording.mp3"}],
}


def v3_answer(http_code=200, **fields):
    return {
        "request_id": "9107ba6b",
        "method": "GET",
        "http_code": http_code,
        "response": {"code": 200, "status": "success", "call_details": {**V3_CALL, **fields}},
    }


@pytest.mark.parametrize("encode", [dict, json.dumps])
def test_version_3(encode):
    """A field of version 3 isn't read, or ``raw`` and ``extra`` don't hold the rest."""
    callback = parse_call_details(encode(v3_answer()), strict=True)
    assert callback == parse_call_details(
        {
            "Sid": V3_CALL["sid"],
            "Direction": "outbound",
            "PhoneNumberSid": "+918040000001",
            "Status": "completed",
            "DateCreated": "2026-03-04 22:54:40",
            "DateUpdated": "2026-03-04 22:56:04",
            "StartTime": "2026-03-04 22:54:57",
            "EndTime": "2026-03-04 22:56:04",
            "Duration": 84,
            "ConversationDuration": 59,
            "RecordingUrl": V3_CALL["recordings"][0]["url"],
        }
    )
    assert callback.raw["response"]["call_details"]["app_id"] is None
    assert dict(callback.extra) == {
        "request_id": "9107ba6b",
        "method": "GET",
        "state": "terminal",
        "legs": V3_CALL["legs"],
        "app_id": None,
    }
    assert load(dump(callback)) == callback


@pytest.mark.parametrize(
    ("fields", "status", "messages"),
    [
        ({"state": "active", "status": None}, CallStatus.IN_PROGRESS, []),
        ({"state": " Active ", "status": ""}, CallStatus.IN_PROGRESS, []),
        ({"state": "active", "status": "completed"}, CallStatus.COMPLETED, []),
        ({"status": None}, CallStatus.UNKNOWN, ["unrecognized value @ Status"]),
        ({"state": ["x"], "status": None}, CallStatus.UNKNOWN, ["unrecognized value @ Status"]),
        ({"status": "agent_unanswered"}, CallStatus.UNKNOWN, ["unrecognized value @ Status"]),
        ({"status": "from_leg_no_dial"}, CallStatus.FROM_LEG_NO_DIAL, []),
    ],
)
def test_the_status_of_version_3(fields, status, messages):
    """The status of version 3 isn't read, or its state doesn't replace a missing one."""
    callback = parse_call_details(v3_answer(**fields))
    assert (callback.status, [issue.message for issue in callback.issues]) == (status, messages)


def test_the_key_of_version_3_distinguishes_unrecognized_values():
    """The issues of version 3 have paths that the key doesn't know."""
    values = [("status", "free"), ("status", "gone"), ("direction", "up"), ("end_time", "soon"), ("end_time", "later")]
    keys = {parse_call_details(v3_answer(**{name: value})).event_key for name, value in values}
    assert len(keys) == len(values)


@pytest.mark.parametrize(
    ("recordings", "url"),
    [
        (None, None),
        ([], None),
        ([{}], None),
        ([{"url": None}], None),
        ([{"url": "https://a/b"}, {"url": "https://a/c"}], "https://a/b"),
        ({"url": "https://a/b"}, "https://a/b"),
        (["https://a/b"], "https://a/b"),
    ],
)
def test_the_recording_of_version_3(recordings, url):
    """The first recording isn't read, or a call without one leaves an issue."""
    for answer in (v3_answer(recordings=recordings), json.dumps(v3_answer(recordings=recordings))):
        callback = parse_call_details(answer)
        assert (callback.recording_url, callback.issues) == (url, ())


@pytest.mark.parametrize("http_code", [404, "404", 500, 202, {"a": 1}, True])
@pytest.mark.parametrize("response", [{"error_data": {}}, None, v3_answer()["response"]])
@pytest.mark.parametrize("read", [parse, parse_call_details, parse_call_list])
def test_an_error_of_version_3(http_code, response, read):
    """An error of version 3 is read as a call, or the message doesn't say that it is an error."""
    says = r"This looks like an error from Exotel's v3 API; see its error_data for the reason\.$"
    with pytest.raises(MissingFieldError, match=says) as caught:
        read({"request_id": "a", "http_code": http_code, "response": response})
    assert caught.value.status_hint == 422


@pytest.mark.parametrize("http_code", [200, "200", " 200 ", None, ""])
def test_a_success_of_version_3(http_code):
    """A successful answer of version 3 is taken for an error."""
    assert parse_call_details(v3_answer(http_code)).call_sid == V3_CALL["sid"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (v3_answer(), "an answer from the v3 Call Details API; use parse_call_details"),
        ({"http_code": 200, "response": {"leg_details": {}}}, "an answer from another v3 API; request"),
        ({"http_code": 200, "response": "odd"}, "an answer from another v3 API; request"),
        (V3_CALL, "a call without the answer around it; pass the whole answer"),
        ({"TwilioResponse": {"Calls": {"Call": []}}}, "a list of calls from the Call Details API; use parse_call_list"),
        ({"TwilioResponse": {"Call": CALL}}, "an answer from the Call Details API; use parse_call_details"),
    ],
)
def test_parse_names_the_answer(answer, says):
    """`parse` doesn't say which answer it was given."""
    with pytest.raises(MissingFieldError) as caught:
        parse(json.dumps(answer))
    assert caught.value.advice.startswith(f"This looks like {says}")


def test_a_call_of_version_3_without_an_object():
    """Call details that aren't an object raise another error."""
    with pytest.raises(MissingFieldError, match=r"^missing @ Sid; missing @ Status$"):
        parse_call_details({"http_code": 200, "response": {"call_details": "odd"}})


def test_extra_of_a_callback_with_names_of_version_3():
    """A callback with unknown fields that look like an answer of version 3 loses them in ``extra``."""
    answer = v3_answer()
    assert dict(parse({**PAGE, **answer}).extra)["response"]["code"] == 200
    assert parse_call_details({**CALL, **answer}).call_sid == CALL["Sid"]


@pytest.mark.parametrize(
    "calls",
    [
        {"TwilioResponse": {"Calls": {"Call": [CALL]}}},
        {"TwilioResponse": {"Calls": {"Call": CALL}}},
        {"TwilioResponse": {"Calls": [{"Call": CALL}]}},
        {"TwilioResponse": {"Call": [CALL]}},
        {"Calls": {"Call": [CALL]}},
        {"Calls": CALL},
        {"Calls": [{"TwilioResponse": {"Call": CALL}}]},
    ],
)
def test_shapes_of_a_list(calls):
    """A list in one of its shapes isn't read."""
    for answer in (calls, json.dumps(calls)):
        page = parse_call_list(answer)
        assert page == CallList(calls=(parse_call_details(CALL),))


DETAILS = st.fixed_dictionaries(
    {},
    optional={
        "Leg1Status": st.sampled_from(["completed", "no-answer", "busy", "free", "", None]),
        "Leg2Status": st.sampled_from(["completed", "canceled", "failed", "free", "", None]),
        "ConversationDuration": st.sampled_from([0, 12, "12", "", None, "soon"]),
        "Legs": st.lists(
            st.fixed_dictionaries({"OnCallDuration": st.sampled_from([0, 20, "20", None, -1])}), max_size=3
        ),
    },
)


@st.composite
def calls(draw):
    """Draw the fields of a call and its details."""
    payload = draw(strategies.payloads())
    fields = {name: value for name, value in payload.items() if name not in {"EventType", "Legs"} and "[" not in name}
    fields["Sid"] = fields.pop("CallSid")
    for name in ("AnsweredBy", "Duration"):
        fields[name] = draw(st.sampled_from([None, "", "NA", "HUMAN", "Machine", "robot", "40", 40]))
    return fields, draw(DETAILS)


def result_of(answer):
    """Return a call without what a shape changes."""
    try:
        return attrs.evolve(parse_call_details(answer), raw={})
    except CallbackError as error:
        return error.issues


@given(calls())
def test_shapes_agree(call):
    """A call differs between the shapes of version 1."""
    fields, details = call
    details.pop("ConversationDuration", None) if "ConversationDuration" in fields else None
    legs = [{"Leg": {"Id": index, **leg}} for index, leg in enumerate(details.get("Legs", ()), 1)]
    nested = {**fields, "Details": details | ({"Legs": legs} if "Legs" in details else {})}
    unwrapped_legs = [leg["Leg"] for leg in reversed(legs)]
    shapes = [
        {"Call": nested},
        {**fields, **details},
        {"TwilioResponse": {"Call": nested}},
        json.dumps({**fields, **details, "Legs": {"Leg": unwrapped_legs}} if legs else {**fields, **details}),
        {**fields, "Details": {**details, "Legs": unwrapped_legs}},
    ]
    expected = result_of(nested)
    for shape in shapes:
        assert result_of(shape) == expected
    page = parse_call_list(json.dumps({"TwilioResponse": {"Calls": {"Call": nested}}}))
    assert [attrs.evolve(callback, raw={}) for callback in page.calls] == [expected]


V1_OF_V3 = {
    "sid": "Sid",
    "status": "Status",
    "created_time": "DateCreated",
    "updated_time": "DateUpdated",
    "start_time": "StartTime",
    "end_time": "EndTime",
    "virtual_number": "PhoneNumberSid",
    "direction": "Direction",
    "custom_field": "CustomField",
    "total_talk_time": "ConversationDuration",
    "total_duration": "Duration",
}


@given(calls())
def test_versions_agree(call):
    """A call differs between version 1 and version 3."""
    fields, _ = call
    fields.setdefault("Status", "completed")
    v1 = {name: fields[name] for name in V1_OF_V3.values() if name in fields}
    v3 = {name: fields[v1_name] for name, v1_name in V1_OF_V3.items() if v1_name in fields}
    if "RecordingUrl" in fields:
        v1["RecordingUrl"], v3["recordings"] = fields["RecordingUrl"], [{"url": fields["RecordingUrl"]}]
    assert result_of({"http_code": 200, "response": {"call_details": v3}}) == result_of(v1)


DEEP = {}
for _ in range(20):
    DEEP = {"Leg": [DEEP]}
ODD = st.sampled_from(
    [DEEP, [DEEP], Decimal("NaN"), Decimal("sNaN"), 10**4_000, b"x", object(), float("inf"), "\ud800"]
)
ODD |= st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.floats()
    | st.sampled_from(["", "null", "NA", "n/a", "\0", "completed"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Leg", "Legs", "Id", "url", "Call", "Calls", "call_details", "Sid", "Status", "0", ""]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@given(st.data(), st.booleans())
def test_only_our_errors_escape_from_odd_answers(data, strict):
    """A value of an unexpected type, at any place of an answer, raises an exception that isn't a `CallbackError`."""
    answer = data.draw(st.sampled_from([ANSWER, {**CALL, **CALL["Details"]}, v3_answer(), PAGE_OF_CALLS]))
    if data.draw(st.booleans()):
        answer = {"TwilioResponse": answer}
    odd = with_odd_value(json.loads(json.dumps(answer)), data.draw)
    for read in (parse_call_details, parse_call_list, parse):
        for given_answer in (odd, as_json(odd)):
            try:
                value = read(given_answer, strict=strict)
            except CallbackError:
                continue
            for call in value.calls if isinstance(value, CallList) else [value]:
                assert load(dump(call)) == call
                assert isinstance(dict(call.extra), dict)
                assert call.event_key


def as_json(answer):
    return json.dumps(answer, default=str)


def with_odd_value(answer, draw):
    """Replace one value of an answer, at any depth, by an unexpected one."""
    names = list(answer) if isinstance(answer, dict) else list(range(len(answer)))
    if not names:
        return answer
    name = draw(st.sampled_from(names))
    inner = answer[name]
    if isinstance(inner, dict | list) and inner and draw(st.booleans()):
        answer[name] = with_odd_value(inner, draw)
    else:
        answer[name] = draw(ODD)
    return answer
