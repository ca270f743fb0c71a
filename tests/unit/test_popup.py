"""Test the Connect applet's popup."""

import pytest

from exotel_callback import (
    AgentStatus,
    Direction,
    InvalidCallbackError,
    IssueCode,
    MissingFieldError,
    PopupEvent,
    PopupEventType,
    parse_popup,
)
from helpers import ENCODERS, PAGE, encode_form, label

REQUEST = {
    "CallSid": "3a4b5c6d7e8f90a1b2c3d4e5f6071829",
    "CallFrom": "09876543210",
    "CallTo": "08088912345",
    "Direction": "outbound-dial",
    "Created": "Wed, 23 Feb 2022 12:31:59",
    "CurrentTime": "2022-02-23 12:32:41",
    "StartTime": "2022-02-23 12:32:00",
    "EndTime": "2022-02-23 12:32:40",
    "DialWhomNumber": "09123456789",
    "AgentEmail": "agent@example.com",
    "Status": "free",
    "EventType": "Terminal",
    "RecordingUrl": "https://recordings.exotel.com/exotelrecordings/acme/f00.mp3",
    "RecordingAvailableBy": "Wed, 23 Feb 2022 12:37:41",
}
QUERY = encode_form(REQUEST)[0].decode()
SMALLEST = {"CallSid": "a", "EventType": "Dial"}


@pytest.mark.parametrize("payload", [REQUEST, QUERY, QUERY.encode(), f"https://example.com/popup?{QUERY}"], ids=label)
def test_every_field(payload):
    """A field is misread, from the query string or from a framework's parameters."""
    event = parse_popup(payload)
    assert event.call_sid == "3a4b5c6d7e8f90a1b2c3d4e5f6071829"
    assert event.event_type is PopupEventType.TERMINAL
    assert event.agent_status is AgentStatus.FREE
    assert event.agent_email == "agent@example.com"
    assert event.dialed_number == "09123456789"
    assert (event.from_number, event.to_number) == ("09876543210", "08088912345")
    assert event.direction is Direction.OUTBOUND_DIAL
    assert event.created.isoformat() == "2022-02-23T12:31:59+05:30"
    assert event.current_time.isoformat() == "2022-02-23T12:32:41+05:30"
    assert event.start_time.isoformat() == "2022-02-23T12:32:00+05:30"
    assert event.end_time.isoformat() == "2022-02-23T12:32:40+05:30"
    assert event.recording_url == REQUEST["RecordingUrl"]
    assert event.recording_available_by.isoformat() == "2022-02-23T12:37:41+05:30"
    assert (event.issues, dict(event.extra)) == ((), {})


@pytest.mark.parametrize("encoding", ENCODERS)
def test_encodings_agree(encoding):
    """A popup differs between encodings."""
    assert parse_popup(*ENCODERS[encoding](REQUEST)) == parse_popup(REQUEST)


@pytest.mark.parametrize(
    ("name", "other", "attribute"),
    [("From", "CallFrom", "from_number"), ("To", "CallTo", "to_number"), ("Created", "DateCreated", "created")],
)
def test_fields_with_two_names(name, other, attribute):
    """A field isn't read by its second name, or the second name counts although the first has a value."""
    first, second = "2022-02-23 12:32:00", "2022-02-23 12:32:01"
    expected = [getattr(parse_popup({**SMALLEST, name: value}), attribute) for value in (first, second)]
    assert None not in expected
    found = [{other: first}, {name: "null", other: first}, {name: first, other: second}, {name: second, other: first}]
    assert [getattr(parse_popup({**SMALLEST, **names}), attribute) for names in found] == [
        *[expected[0]] * 3,
        expected[1],
    ]
    assert dict(parse_popup({**SMALLEST, name: first, other: second}).extra) == {other: second}


@pytest.mark.parametrize(
    ("value", "member"),
    [
        *((member.value, member) for member in PopupEventType if member is not PopupEventType.UNKNOWN),
        (" Answered", PopupEventType.ANSWERED),
        ("answered", PopupEventType.ANSWERED),
    ],
)
def test_events(value, member):
    """An event isn't recognized in a spelling that was seen."""
    assert parse_popup({**SMALLEST, "EventType": value}, strict=True).event_type is member


def test_the_smallest_request():
    """A request with only the required fields is refused."""
    assert parse_popup(SMALLEST, strict=True) == PopupEvent(call_sid="a", event_type=PopupEventType.DIAL)


@pytest.mark.parametrize("nothing", ["null", "", None, "undefined"])
@pytest.mark.parametrize("name", [name for name in REQUEST if name not in {"CallSid", "EventType"}])
def test_missing_values(name, nothing):
    """A missing value isn't None, or leaves an issue."""
    event = parse_popup({**SMALLEST, "DialWhomNumber": "", "Status": "", name: nothing}, strict=True)
    assert event == PopupEvent(call_sid="a", event_type=PopupEventType.DIAL)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("EventType", "Transferred", IssueCode.UNKNOWN_VALUE),
        ("EventType", {"a": "Dial"}, IssueCode.WRONG_TYPE),
        ("Status", "away", IssueCode.UNKNOWN_VALUE),
        ("Direction", "sideways", IssueCode.UNKNOWN_VALUE),
        ("Created", "yesterday", IssueCode.NOT_A_DATE),
        ("AgentEmail", "\0", IssueCode.INVALID_STRING),
        ("DialWhomNumber", {"a": "0"}, IssueCode.WRONG_TYPE),
        ("DialWhomNumber", ["0", "1"], IssueCode.REPEATED),
    ],
)
def test_invalid_values(name, value, code):
    """An invalid value leaves no issue, or doesn't raise in strict mode."""
    event = parse_popup({**REQUEST, name: value})
    assert [(issue.path, issue.code) for issue in event.issues] == [(name, code)]
    if name == "EventType":
        assert event.event_type is PopupEventType.UNKNOWN
    with pytest.raises(InvalidCallbackError):
        parse_popup({**REQUEST, name: value}, strict=True)


@pytest.mark.parametrize(
    ("payload", "says", "paths"),
    [
        ("", "missing @ CallSid; missing @ EventType. The payload is empty", ["CallSid", "EventType"]),
        ("EventType=Dial", "missing @ CallSid$", ["CallSid"]),
        ("CallSid=a", "missing @ EventType$", ["EventType"]),
        ("CallSid=a&EventType=null", "missing @ EventType$", ["EventType"]),
        (PAGE, "looks like a StatusCallback; use parse", []),
        ("CallSid=a&EventType=stream-start&flow_id=1", "looks like a Passthru request; use parse_passthru", []),
        ("CallSid=a&EventType=stream-start&StreamSid=b", "looks like a Passthru request; use parse_passthru", []),
        ("CallSid=a&EventType=x&Stream[Status]=failed", "looks like a Passthru request; use parse_passthru", []),
        ({"SmsSid": "a"}, "missing @ CallSid; missing @ EventType. This looks like an SMS", ["CallSid", "EventType"]),
        ({"Call": {}}, "parse_call_details", ["CallSid", "EventType"]),
    ],
)
def test_other_events(payload, says, paths):
    """The error for another event doesn't say what it is, or which fields are missing."""
    with pytest.raises(MissingFieldError, match=says) as caught:
        parse_popup(payload)
    assert [issue.path for issue in caught.value.issues] == paths
    assert caught.value.__context__ is None


def test_own_query_parameters_are_in_extra():
    """A query parameter of the user, or an unknown field, is missing in ``extra``."""
    assert dict(parse_popup(f"{QUERY}&key=own").extra) == {"key": "own"}


def test_the_repr_masks_personal_data():
    """The repr shows a number, a URL after its host, or the agent's email address."""
    shown = repr(parse_popup(REQUEST))
    for personal in ("9876543210", "8088912345", "9123456789", "f00", "agent@", "example"):
        assert personal not in shown
    assert "dialed_number='***789'" in shown
