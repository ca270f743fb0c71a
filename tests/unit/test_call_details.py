"""Test that answers of the Call Details API become callbacks, which merge with received ones."""

import json

import pytest

from exotel_callback import (
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
)
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
