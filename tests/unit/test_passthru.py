"""Test the Passthru applet's request."""

import itertools
import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exotel_callback import (
    CallStatus,
    CallType,
    DecodeError,
    Direction,
    InvalidCallbackError,
    IssueCode,
    Limits,
    MissingFieldError,
    Outcome,
    PassthruEvent,
    PassthruLeg,
    Stream,
    StreamStatus,
    parse_passthru,
)
from helpers import ENCODERS, PAGE, Upload, encode_form

REQUEST = {
    "CallSid": "3a4b5c6d7e8f90a1b2c3d4e5f6071829",
    "CallFrom": "09876543210",
    "CallTo": "08088912345",
    "Direction": "incoming",
    "Created": "Wed, 23 Feb 2022 12:31:59",
    "DialCallDuration": "38",
    "RecordingUrl": "https://recordings.exotel.com/exotelrecordings/acme/f00.mp3",
    "StartTime": "2022-02-23 12:32:00",
    "EndTime": "1970-01-01 05:30:00",
    "CallType": "completed",
    "DialWhomNumber": "09123456789",
    "flow_id": "123456",
    "tenant_id": "7890",
    "RecordingAvailableBy": "Wed, 23 Feb 2022 12:37:41",
    "CurrentTime": "2022-02-23 12:32:41",
    "DialCallStatus": "completed",
    "ForwardedFrom": "null",
    "ProcessStatus": "null",
    "OutgoingPhoneNumber": "08088954321",
    "CustomField": "order_12345",
    "digits": '"42"',
    "Legs": [
        {
            "Number": "09123456789",
            "Type": "single",
            "OnCallDuration": "24",
            "CallerId": "08088912345",
            "CauseCode": "NORMAL_CLEARING",
            "Cause": "16",
            "DisconnectedBy": "Callee",
        },
    ],
}
QUERY = encode_form(REQUEST)[0].decode()


@pytest.mark.parametrize("payload", [REQUEST, QUERY, QUERY.encode(), encode_form(REQUEST)[0]], ids=type)
def test_every_field(payload):
    """A field is misread, from the query string or from a framework's parameters."""
    event = parse_passthru(payload)
    assert event.call_sid == "3a4b5c6d7e8f90a1b2c3d4e5f6071829"
    assert (event.from_number, event.to_number) == ("09876543210", "08088912345")
    assert event.direction is Direction.INBOUND
    assert event.created.isoformat() == "2022-02-23T12:31:59+05:30"
    assert event.start_time.isoformat() == "2022-02-23T12:32:00+05:30"
    assert event.end_time is None
    assert event.current_time.isoformat() == "2022-02-23T12:32:41+05:30"
    assert event.recording_available_by.isoformat() == "2022-02-23T12:37:41+05:30"
    assert event.call_type is CallType.COMPLETED
    assert event.dial_status is CallStatus.COMPLETED
    assert event.ring_and_talk_duration == 38
    assert event.dialed_number == "09123456789"
    assert event.outgoing_number == "08088954321"
    assert event.forwarded_from is event.process_status is None
    assert event.digits == "42"
    assert (event.flow_id, event.tenant_id) == ("123456", "7890")
    assert event.recording_url == REQUEST["RecordingUrl"]
    assert event.custom_field == "order_12345"
    assert event.legs == (
        PassthruLeg(
            number="09123456789",
            type="single",
            on_call_duration=24,
            caller_id="08088912345",
            cause="16",
            cause_code="NORMAL_CLEARING",
            disconnected_by="Callee",
        ),
    )
    assert (event.issues, dict(event.extra)) == ((), {})
    assert event.outcome is Outcome.CONNECTED


def test_the_url_counts_for_the_limit():
    """The URL before the query string doesn't count for the limit of the body."""
    query = f"/{'a' * 100}?CallSid=a"
    for sent in (query, query.encode(), memoryview(query.encode())):
        assert parse_passthru(sent, limits=Limits(body_bytes=len(query))).call_sid == "a"
        with pytest.raises(DecodeError, match="larger than"):
            parse_passthru(sent, limits=Limits(body_bytes=len(query) - 1))


@pytest.mark.parametrize("address", ["?", "https://example.com/passthru?", "HTTP://example.com?", "/passthru?", "/?"])
def test_the_url_before_the_query_is_removed(address):
    """The URL becomes part of the first name, so the sid or the secret is lost."""
    query = f"{address}key=own&{QUERY}"
    for sent in (query, query.encode(), bytearray(query.encode()), memoryview(query.encode())):
        event = parse_passthru(sent)
        assert event == parse_passthru(REQUEST)
        assert event.extra["key"] == "own"
    assert parse_passthru('{"CallSid": "http://example.com?a"}').call_sid == "http://example.com?a"
    assert parse_passthru("CallSid=a?b&x=?").call_sid == "a?b"


def test_the_smallest_request():
    """A request with only the sid is refused."""
    event = parse_passthru("CallSid=a", strict=True)
    assert event == PassthruEvent(call_sid="a")
    assert event.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("digits", "read"),
    [
        ('"42"', "42"),
        ("42", "42"),
        (' "42" ', "42"),
        ('" 4*2# "', "4*2#"),
        ('""', None),
        ('" "', None),
        ('"', None),
        ('"null"', None),
        ("null", None),
        ('"4"2"', '4"2'),
        ('"X42X"', "X42X"),
        (42, "42"),
    ],
)
def test_digits_lose_their_quotes(digits, read):
    """Digits keep their quotes, or lose something else."""
    event = parse_passthru({"CallSid": "a", "digits": digits}, strict=True)
    assert event.digits == read
    assert event.raw["digits"] == digits


def test_quotes_around_other_fields_stay():
    """Quotes around another field, which are part of its value, are removed."""
    assert parse_passthru({"CallSid": "a", "CustomField": '"42"'}).custom_field == '"42"'


@pytest.mark.parametrize("nothing", ["null", "", None, "undefined"])
@pytest.mark.parametrize("name", [name for name in REQUEST if name not in {"CallSid", "Legs"}])
def test_missing_values(name, nothing):
    """A missing value isn't None, or leaves an issue."""
    assert parse_passthru({"CallSid": "a", name: nothing}, strict=True) == PassthruEvent(call_sid="a")
    leg = dict.fromkeys(REQUEST["Legs"][0], nothing)
    assert parse_passthru({"CallSid": "a", "Legs": [leg]}, strict=True).legs == (PassthruLeg(),)


def test_ring_time_is_kept_apart_from_talk_time():
    """The ringing of a missed call counts as talk time."""
    leg = {"OnCallDuration": "0", "CauseCode": "RING_TIMEOUT", "Cause": "1003"}
    event = parse_passthru({"CallSid": "a", "DialCallDuration": "30", "DialCallStatus": "no-answer", "Legs": [leg]})
    assert (event.ring_and_talk_duration, event.legs[0].on_call_duration) == (30, 0)
    assert (event.legs[0].cause, event.legs[0].cause_code) == ("1003", "RING_TIMEOUT")


BY_DIAL_STATUS = {
    "completed": Outcome.CONNECTED,
    "no-answer": Outcome.NO_ANSWER,
    "busy": Outcome.BUSY,
    "failed": Outcome.FAILED,
    "canceled": Outcome.CANCELED,
    "from_leg_unanswered": Outcome.NO_ANSWER,
    "to_leg_unanswered": Outcome.NO_ANSWER,
    "from_leg_cancelled": Outcome.CANCELED,
    "to_leg_cancelled": Outcome.CANCELED,
    "from_leg_no_dial": Outcome.FAILED,
    "to_leg_no_dial": Outcome.FAILED,
    "queued": Outcome.IN_PROGRESS,
    "ringing": Outcome.IN_PROGRESS,
    "in-progress": Outcome.IN_PROGRESS,
}
BY_CALL_TYPE = {
    "completed": Outcome.CONNECTED,
    "client-hangup": Outcome.CANCELED,
    "incomplete": Outcome.NO_ANSWER,
    "voicemail": Outcome.NO_ANSWER,
    "call-attempt": Outcome.UNKNOWN,
    "free": Outcome.UNKNOWN,
    "null": Outcome.UNKNOWN,
}


BY_STREAM = {
    "completed": Outcome.CONNECTED,
    "failed": Outcome.FAILED,
    "cancelled": Outcome.CANCELED,
    "canceled": Outcome.CANCELED,
    "in-progress": Outcome.IN_PROGRESS,
    "free": None,
    "null": None,
}
EVENTS = {"stream-start": Outcome.IN_PROGRESS, "Stream_Start": Outcome.IN_PROGRESS, "other": None, "null": None}


@pytest.mark.parametrize(
    ("dial_status", "call_type"), list(itertools.product([*BY_DIAL_STATUS, "null", "free"], BY_CALL_TYPE))
)
def test_the_outcome(dial_status, call_type):
    """The outcome isn't that of the dial status, or else of the stream, or else of the call type."""
    for status, event_type in itertools.product(BY_STREAM, EVENTS):
        event = parse_passthru(
            {
                "CallSid": "a",
                "DialCallStatus": dial_status,
                "CallType": call_type,
                "EventType": event_type,
                "Stream": {"Status": status},
            }
        )
        by_stream = BY_STREAM[status] or EVENTS[event_type]
        assert event.outcome is (BY_DIAL_STATUS.get(dial_status) or by_stream or BY_CALL_TYPE[call_type])


def test_every_member_is_in_the_tables_above():
    """A new member has no expected outcome."""
    assert set(BY_DIAL_STATUS) == {status.value for status in CallStatus} - {"unknown"}
    assert set(BY_STREAM) - {"canceled", "free", "null"} == {status.value for status in StreamStatus} - {"unknown"}
    assert set(BY_CALL_TYPE) - {"free", "null"} == {call_type.value for call_type in CallType} - {"unknown"}


@pytest.mark.parametrize(
    ("name", "value", "path", "code"),
    [
        ("CallType", "free", "CallType", IssueCode.UNKNOWN_VALUE),
        ("DialCallStatus", "free", "DialCallStatus", IssueCode.UNKNOWN_VALUE),
        ("DialCallDuration", "-1", "DialCallDuration", IssueCode.NOT_A_NUMBER),
        ("Created", "yesterday", "Created", IssueCode.NOT_A_DATE),
        ("digits", "\0", "digits", IssueCode.INVALID_STRING),
        ("Legs", [{"OnCallDuration": "x"}], "Legs[0].OnCallDuration", IssueCode.NOT_A_NUMBER),
    ],
)
def test_invalid_values(name, value, path, code):
    """An invalid value leaves no issue, or doesn't raise in strict mode."""
    event = parse_passthru({**REQUEST, name: value})
    assert [(issue.path, issue.code) for issue in event.issues] == [(path, code)]
    with pytest.raises(InvalidCallbackError):
        parse_passthru({**REQUEST, name: value}, strict=True)


def test_own_query_parameters_and_new_fields_are_in_extra():
    """A query parameter of the user, or an unknown field, is missing in ``extra``."""
    query = f"{QUERY}&key=own&Legs[0][NewField]=x&From=1"
    event = parse_passthru(query)
    assert dict(event.extra) == {
        "key": "own",
        "Legs[0][NewField]": "x",
        "CallFrom": "09876543210",
    }


@pytest.mark.parametrize(
    ("fields", "extra"),
    [
        ({"Stream": {"Status": "failed", "New": "1"}}, {"Stream[New]": "1"}),
        ({"Stream": '{"Status": "failed", "New": "1"}'}, {"Stream[New]": "1"}),
        ({"Stream[Status]": "failed", "Stream[New]": "1"}, {"Stream[New]": "1"}),
        ({"Stream%5BStatus%5D": "failed", "Stream%5bNew%5d": "1"}, {"Stream[New]": "1"}),
        ({"Stream": {"New": "1", "Other": "3"}, "Stream[New]": "2"}, {"Stream[New]": "2", "Stream[Other]": "3"}),
        ({"Stream": {"New": {"a": ["1", {"b": "2"}]}}}, {"Stream[New][a][0]": "1", "Stream[New][a][1][b]": "2"}),
        ({"Stream": ['{"New": "1"}', '{"New": "2"}']}, {"Stream[New]": "1"}),
        ({"Stream": {"StreamSID": "a", "StreamSid": "b"}}, {}),
        ({"StreamSID": "a", "StreamSid": "b", "StreamUrl": "c"}, {}),
        ({"StreamStatus": "a", "Streams": "b", "stream": "c"}, {"StreamStatus": "a", "Streams": "b", "stream": "c"}),
        ({"Stream": "x"}, {}),
        ({"Stream": 5}, {}),
        ({"Stream": None}, {}),
        ({"Stream": []}, {}),
        ({"Stream": "[1]"}, {}),
        ({"Stream": Upload(), "Stream[New]": Upload()}, {}),
        ({"Stream": {"New": Upload(), "Other": "1"}}, {"Stream[Other]": "1"}),
    ],
)
def test_unknown_fields_of_a_stream(fields, extra):
    """An unknown field of a stream is missing in ``extra``, has another name there, or a known one is there."""
    assert dict(parse_passthru({"CallSid": "a", **fields}).extra) == extra


def test_unknown_fields_of_a_stream_that_brackets_cannot_hold():
    """A stream with a name that brackets can't hold is missing in ``extra``."""
    event = parse_passthru({"CallSid": "a", "Stream": {"a]b": "1", "Status": "failed"}})
    assert {name: dict(value) for name, value in event.extra.items()} == {"Stream": {"a]b": "1", "Status": "failed"}}


@pytest.mark.parametrize("encoding", ENCODERS)
def test_unknown_fields_of_a_stream_have_one_name_in_every_encoding(encoding):
    """An unknown field of a stream has another name in another encoding."""
    stream = {"Status": "failed", "New": "1", "Deep": {"a": "1", "b": [{"c": "2"}]}}
    extra = parse_passthru(*ENCODERS[encoding]({"CallSid": "a", "Stream": stream})).extra
    assert dict(extra) == {"Stream[New]": "1", "Stream[Deep][a]": "1", "Stream[Deep][b][0][c]": "2"}


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ("", "missing @ CallSid"),
        ("CallFrom=0&CallType=completed", "missing @ CallSid$"),
        (PAGE, "looks like a StatusCallback; use parse"),
        ({"SmsSid": "a"}, "SMS"),
        ({"Call": {}}, "parse_call_details"),
    ],
)
def test_other_events(payload, says):
    """The error for another event doesn't say what it is."""
    with pytest.raises(MissingFieldError, match=says):
        parse_passthru(payload)


def test_a_status_parameter_of_ones_own_does_not_make_it_a_callback():
    """A request with the user's own parameter ``Status`` is refused as a StatusCallback."""
    assert parse_passthru("CallSid=a&CallFrom=0&Status=open").from_number == "0"


STREAM = {
    "StreamSID": "6f048d2e897a0d2d4029560f3f540000",
    "Status": "completed",
    "Duration": "28",
    "RecordingUrl": "https://recordings.exotel.com/exotelrecordings/acme/f01.mp3",
    "StreamUrl": "wss://bot.example.com/media",
    "DisconnectedBy": "bot",
    "Error": "timed out",
    "DetailedStatus": "unreachable",
}
READ_STREAM = Stream(
    stream_sid="6f048d2e897a0d2d4029560f3f540000",
    status=StreamStatus.COMPLETED,
    duration=28,
    recording_url="https://recordings.exotel.com/exotelrecordings/acme/f01.mp3",
    stream_url="wss://bot.example.com/media",
    disconnected_by="bot",
    error="timed out",
    detailed_status="unreachable",
)
SHAPES = {
    "bracket keys": lambda stream: {f"Stream[{name}]": value for name, value in stream.items()},
    "escaped bracket keys": lambda stream: {f"Stream%5B{name}%5D": value for name, value in stream.items()},
    "escaped in lower case": lambda stream: {f"Stream%5b{name}%5d": value for name, value in stream.items()},
    "an object": lambda stream: {"Stream": stream},
    "a JSON string": lambda stream: {"Stream": f" {json.dumps(stream)} "},
    "a JSON string as parse_qs returns it": lambda stream: {"Stream": [json.dumps(stream)]},
    "lists as parse_qs returns them": lambda stream: {f"Stream[{name}]": [value] for name, value in stream.items()},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream(shape):
    """A field of a stream is lost in one of its shapes, or in one encoding of it."""
    payload = {"CallSid": "a", "flow_id": "1", **SHAPES[shape](STREAM)}
    event = parse_passthru(payload, strict=True)
    assert event.stream == READ_STREAM
    assert event.recording_url == READ_STREAM.recording_url
    for encode in ENCODERS.values() if "parse_qs" not in shape else ():
        assert parse_passthru(*encode(payload)) == event


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", STREAM)
def test_each_field_of_a_stream(name, shape):
    """A field of a stream is read only beside another, or an empty one isn't None."""
    only = parse_passthru({"CallSid": "a", **SHAPES[shape]({name: STREAM[name]})}).stream
    assert attrs.asdict(only).items() - attrs.asdict(Stream()).items() <= attrs.asdict(READ_STREAM).items()
    assert only != Stream()
    for nothing in ("", None, "null"):
        assert parse_passthru({"CallSid": "a", **SHAPES[shape]({name: nothing})}, strict=True).stream is None


def test_a_recording_of_the_call_comes_before_that_of_the_stream():
    """The recording of the stream replaces that of the call."""
    assert parse_passthru({**REQUEST, "Stream": STREAM}).recording_url == REQUEST["RecordingUrl"]
    assert parse_passthru({"CallSid": "a", "Stream": {"Status": "failed"}}).recording_url is None


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"StreamSid": "a", "StreamUrl": "b"}, Stream(stream_sid="a", stream_url="b")),
        ({"StreamSID": "a"}, Stream(stream_sid="a")),
        ({"Stream[StreamSid]": "a"}, Stream(stream_sid="a")),
        ({"Stream": {"StreamSid": "a"}}, Stream(stream_sid="a")),
        # An empty value doesn't hide another one.
        ({"Stream[Status]": "", "Stream": {"Status": "failed"}}, Stream(status=StreamStatus.FAILED)),
        ({"Stream": {"StreamSID": None}, "StreamSid": "a"}, Stream(stream_sid="a")),
        # The same value may occur twice.
        ({"Stream[StreamSID]": "a", "Stream": {"StreamSid": "a"}, "StreamSid": ["a", "a"]}, Stream(stream_sid="a")),
        ({"Stream": ""}, None),
        ({"Stream": "null"}, None),
        ({"Stream": None}, None),
        ({"Stream": []}, None),
        ({"Stream": "[]"}, None),
        ({"Stream": '""'}, None),
        ({"Stream": {}}, None),
        ({"Stream": "{}"}, None),
        ({"Stream": {"New": "x"}, "Stream[Deep][Status]": "x", "Stream[]": "x", "Stream[Status": "x"}, None),
    ],
)
def test_other_shapes_of_a_stream(sent, expected):
    """A stream in a shape that senders use is lost, or leaves an issue."""
    assert parse_passthru({"CallSid": "a", **sent}, strict=True).stream == expected


@pytest.mark.parametrize(
    ("sent", "expected", "issues"),
    [
        (
            {"Stream[StreamSID]": "a", "Stream": {"StreamSID": "b"}, "StreamSID": "c"},
            Stream(stream_sid="a"),
            [("Stream.StreamSID", IssueCode.REPEATED, "b")],
        ),
        (
            {"StreamSID": "c", "Stream": {"StreamSid": "b"}},
            Stream(stream_sid="b"),
            [("Stream.StreamSID", IssueCode.REPEATED, "c")],
        ),
        (
            {"StreamSID": "c", "Stream[StreamSid]": "a"},
            Stream(stream_sid="a"),
            [("Stream.StreamSID", IssueCode.REPEATED, "c")],
        ),
        (
            {"Stream[Status]": ["completed", "failed"]},
            Stream(status=StreamStatus.COMPLETED),
            [("Stream.Status", IssueCode.REPEATED, "failed")],
        ),
        ({"Stream[Status]": ["", "failed"]}, None, [("Stream.Status", IssueCode.REPEATED, "failed")]),
        (
            {"Stream": ['{"Status": "failed"}', '{"Status": "completed"}']},
            Stream(status=StreamStatus.FAILED),
            [("Stream", IssueCode.REPEATED, '{"Status": "completed"}')],
        ),
        (
            {"Stream": {"Status": "throttled"}},
            Stream(status=StreamStatus.UNKNOWN),
            [("Stream.Status", IssueCode.UNKNOWN_VALUE, "throttled")],
        ),
        ({"Stream": {"Status": {"a": 1}}}, None, [("Stream.Status", IssueCode.WRONG_TYPE, '{"a": 1}')]),
        ({"Stream[Duration]": "-1"}, None, [("Stream.Duration", IssueCode.NOT_A_NUMBER, "-1")]),
        ({"Stream[Error]": "\0"}, None, [("Stream.Error", IssueCode.INVALID_STRING, "\0")]),
        ({"Stream": "completed"}, None, [("Stream", IssueCode.WRONG_TYPE, "completed")]),
        ({"Stream": "{"}, None, [("Stream", IssueCode.WRONG_TYPE, "{")]),
        ({"Stream": "5"}, None, [("Stream", IssueCode.WRONG_TYPE, "5")]),
        ({"Stream": 5}, None, [("Stream", IssueCode.WRONG_TYPE, "5")]),
        ({"Stream": True}, None, [("Stream", IssueCode.WRONG_TYPE, "true")]),
        ({"Stream": [{"Status": "failed"}]}, None, [("Stream", IssueCode.WRONG_TYPE, '[{"Status": "failed"}]')]),
        (
            {"Stream": "completed", "Stream[Status]": "failed"},
            Stream(status=StreamStatus.FAILED),
            [("Stream", IssueCode.WRONG_TYPE, "completed")],
        ),
    ],
)
def test_streams_with_issues(sent, expected, issues):
    """A stream with an invalid value leaves another issue, or the value of another shape counts."""
    payload = {"CallSid": "a", "Created": "soon", "Legs": [{"OnCallDuration": "x"}], **sent}
    event = parse_passthru(payload)
    assert event.stream == expected
    assert [(issue.path, issue.code, issue.value) for issue in event.issues][2:] == issues
    assert [issue.path for issue in event.issues][:2] == ["Created", "Legs[0].OnCallDuration"]
    with pytest.raises(InvalidCallbackError) as caught:
        parse_passthru(payload, strict=True)
    assert caught.value.issues == event.issues


def test_a_stream_start():
    """The request before a stream is misread."""
    event = parse_passthru(
        b'{"CallSid": "a", "AccountSid": "b", "EventType": "stream-start", "Direction": "outbound", "StreamSid": "c"}',
        "application/json",
        strict=True,
    )
    assert (event.account_sid, event.event_type, event.direction) == ("b", "stream-start", Direction.OUTBOUND)
    assert event.stream == Stream(stream_sid="c")
    assert event.outcome is Outcome.IN_PROGRESS


OPTIONAL = {
    name: st.sampled_from([value, "null", "", "odd"])
    for name, value in REQUEST.items()
    if name not in {"CallSid", "Legs"}
}
SEVERAL_LEGS = st.sampled_from([[], REQUEST["Legs"], REQUEST["Legs"] * 2, [{"Cause": "16"}, {"Cause": "null"}]])


STREAMS = st.sampled_from([{}, STREAM, {"Status": "failed", "Duration": None}, json.dumps(STREAM)])


@given(st.fixed_dictionaries({"CallSid": st.just("a")}, optional={**OPTIONAL, "Legs": SEVERAL_LEGS, "Stream": STREAMS}))
def test_encodings_agree(payload):
    """A request differs between encodings."""
    event = parse_passthru(payload)
    assert {parse_passthru(*encode(payload)) for encode in ENCODERS.values()} == {event}


def test_the_repr_masks_personal_data():
    """The repr shows a number, a URL after its host, the custom field or the digits."""
    shown = repr(parse_passthru({**REQUEST, "ForwardedFrom": "09000000001", "Stream": STREAM}))
    assert "recording_url='https://recordings.exotel.com/***', stream_url='wss://bot.example.com/***'" in shown
    for personal in (
        "f01",
        "media",
        "9876543210",
        "8088912345",
        "9123456789",
        "8088954321",
        "9000000001",
        "f00",
        "order",
        "'42'",
    ):
        assert personal not in shown
    assert "from_number='***210'" in shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("no connection to wss://bot.example.com/s?token=abc", "no connection to ***"),
        ("(wss://bot.example.com/s)", "***"),
        ("no route to sip:asha@example.com now", "no route to *** now"),
        ("09876543210 hung up", "*** hung up"),
        ("to +91 98765-43210", "to ***"),
        ("to +91.98765.43210 or +91\u00a098765\u00a043210", "to *** or ***"),
        ("९८७६५ ४३२१० hung up", "*** hung up"),
        ("can't connect, code 1003", "can't connect, code 1003"),
        ("12345", "12345"),
        ("a\n", "a"),
    ],
)
@pytest.mark.parametrize("name", ["Stream[Error]", "Stream[DetailedStatus]", "ProcessStatus"])
def test_the_repr_masks_personal_parts_of_a_message(name, message, shown):
    """A number or a URL with a token in a message of Exotel is in logs."""
    assert f"={shown!r}" in repr(parse_passthru({"CallSid": "a", name: message}))
