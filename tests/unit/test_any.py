"""Test one URL for callbacks, Passthru requests and popups."""

import tomllib
from datetime import UTC

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import exotel_callback
from exotel_callback import (
    CallbackError,
    DecodeError,
    InvalidCallbackError,
    Limits,
    MissingFieldError,
    PassthruEvent,
    PopupEvent,
    StatusCallback,
    parse_any,
    parse_passthru,
    strategies,
)
from helpers import ENCODERS, LEAST, MULTIPART, READERS, SAMPLE_BODIES, multipart
from payloads import hostile_payloads

POPUP = {"CallSid": "a", "DialWhomNumber": "0", "Status": "busy", "EventType": "Dial"}


def outcome(read, payload, content_type=None, **options):
    """Return the event, or the type, message, issues and context of the error."""
    try:
        return read(payload, content_type, **options)
    except CallbackError as error:
        return type(error), str(error), error.status_hint, error.issues, error.__context__


@pytest.mark.parametrize(
    ("folder", "name", "content_type"),
    SAMPLE_BODIES,
    ids=[f"{folder.name}/{name}" for folder, name, _ in SAMPLE_BODIES],
)
def test_every_sample(folder, name, content_type):
    """parse_any() gives something else for a sample than the function that reads it."""
    own = tomllib.loads((folder / "about.toml").read_text()).get("function", "parse")
    given = (folder / name).read_bytes(), content_type or None
    result, expected = outcome(parse_any, *given), outcome(getattr(exotel_callback, own), *given)
    if isinstance(result, tuple):
        assert result in [outcome(read, *given) for read in READERS.values()]
        assert isinstance(expected, tuple) or own.startswith("parse_call_")
    else:
        assert outcome(READERS[type(result)], *given) == result
        # A sample can show an event that was sent to the URL of another.
        assert result == expected or isinstance(expected, tuple)


@pytest.mark.parametrize("encoding", [*ENCODERS, "mapping"])
@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (LEAST, StatusCallback),
        ({**LEAST, "CallType": "completed", "flow_id": "1"}, StatusCallback),
        ({"Sid": "a", "Status": "busy"}, StatusCallback),
        (POPUP, PopupEvent),
        ({**POPUP, "Status": None}, PopupEvent),
        ({**POPUP, "CallType": "completed"}, PopupEvent),
        ({"CallSid": "a", "CallType": "completed"}, PassthruEvent),
        ({"CallSid": "a", "CallType": "completed", "Status": "null"}, PassthruEvent),
        ({"CallSid": "a", "DialWhomNumber": "0"}, PassthruEvent),
        ({"CallSid": "a", "CurrentTime": "2026-03-04 10:15:09"}, PassthruEvent),
        ({"CallSid": "a", "Stream": {"Status": "completed"}}, PassthruEvent),
        ({"CallSid": "a", "Stream": '{"Status": "completed"}'}, PassthruEvent),
        ({"CallSid": "a", "Stream[Status]": "completed"}, PassthruEvent),
        ({"CallSid": "a", "Stream%5BStatus%5D": "completed"}, PassthruEvent),
        ({"CallSid": "a", "Stream%5bStatus%5d": "completed"}, PassthruEvent),
        ({"CallSid": "a", "StreamSid": "b"}, PassthruEvent),
        ({"CallSid": "a", "StreamSID": "b"}, PassthruEvent),
        ({"CallSid": "a", "StreamUrl": "wss://bot.example.com"}, PassthruEvent),
        ({"CallSid": "a", "AccountSid": "b", "EventType": "stream-start"}, PassthruEvent),
    ],
)
def test_the_payload_decides(payload, kind, encoding):
    """A payload is taken for another event, or the encoding matters."""
    given = ENCODERS[encoding](payload) if encoding in ENCODERS else (payload, None)
    event = parse_any(*given)
    assert type(event) is kind
    assert READERS[kind](*given) == event


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ("", "missing @ CallSid; missing @ Status. The payload is empty"),
        ("CallSid=a", "^missing @ Status$"),
        ("CallSid=a&From=0", "^missing @ Status$"),
        ("CallType=completed", "^missing @ CallSid$"),
        ("Status=busy", "^missing @ CallSid$"),
        ({"Call": {"Sid": "a", "Status": "busy"}}, "use parse_call_details"),
        ({"Call": {"Sid": "a", "Status": "busy"}, "CallSid": "a", "flow_id": "1"}, "use parse_call_details"),
        ({"Calls": []}, "use parse_call_list"),
        ({"SmsSid": "a", "Status": "sent"}, "an SMS callback"),
        ({"CallSid": "a", "AppUserID": "b", "CallState": "active", "AccountSid": "c"}, "a softphone"),
        ({"CallSid": "a", "DateUpdated": "", "Status": "", "AccountSid": "c"}, "^missing @ Status$"),
        ({}, "empty"),
    ],
)
def test_payloads_that_are_refused(payload, says):
    """A payload that is none of the three is accepted, or the message doesn't say what it is."""
    with pytest.raises(MissingFieldError, match=says):
        parse_any(payload)


@pytest.mark.parametrize("address", ["?", "https://example.com/exotel?", "/exotel?"])
@pytest.mark.parametrize("content_type", [None, "", " ", "application/x-www-form-urlencoded; charset=utf-8"])
@pytest.mark.parametrize("read", [parse_any, parse_passthru])
def test_an_address_before_a_query_is_cut(address, content_type, read):
    """The URL becomes part of the first name, for example if a framework reports a missing header as empty."""
    for sent in (f"{address}CallSid=a&flow_id=1", f"{address}CallSid=a&flow_id=1".encode()):
        event = read(sent, content_type)
        assert (event.call_sid, event.flow_id) == ("a", "1")
        assert event.raw.keys() == {"CallSid", "flow_id"}


def test_an_address_is_not_cut_from_json_and_multipart():
    """A question mark in JSON or multipart cuts the body."""
    assert parse_any('{"CallSid": "/a?b", "flow_id": "1"}', "application/json").call_sid == "/a?b"
    assert parse_any(multipart([("CallSid", "/a?b"), ("flow_id", "1")]), MULTIPART).call_sid == "/a?b"
    with pytest.raises(DecodeError, match="invalid JSON"):
        parse_any('?{"CallSid": "a", "flow_id": "1"}', "application/json")


def test_an_error_has_no_context():
    """The context of an error holds the payload."""
    with pytest.raises(DecodeError) as caught:
        parse_any(b"{")
    assert caught.value.__context__ is caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("cls", "payload"),
    [(StatusCallback, LEAST), (PassthruEvent, {"CallSid": "a", "CallType": "completed"}), (PopupEvent, POPUP)],
)
def test_options(cls, payload):
    """An option is ignored, or isn't passed to the function for the kind."""
    for read in (parse_any, READERS[cls]):
        with pytest.raises(InvalidCallbackError):
            read({**payload, "Direction": "sideways"}, strict=True)
        with pytest.raises(DecodeError, match="more than 1 fields"):
            read(payload, limits=Limits(fields=1))
        date = read({**payload, "EndTime": "2024-01-15 14:25:52"}, timezone=UTC).end_time
        assert date.isoformat() == "2024-01-15T14:25:52+00:00"
        for misused in ({"timezone": None}, {"strict": "0"}, {"content_type": 5}):
            with pytest.raises(TypeError, match=next(iter(misused))):
                read(payload, **misused)


@given(st.one_of(strategies.payloads(), strategies.passthru_payloads(), strategies.popup_payloads()), st.booleans())
def test_every_drawn_payload(payload, strict):
    """parse_any() gives something else than the function for the kind."""
    result = outcome(parse_any, payload, strict=strict)
    assert result in [outcome(read, payload, strict=strict) for read in READERS.values()]


@example(("/exotel?CallSid=a&Status=busy", None))
@given(hostile_payloads())
def test_hostile_payloads(hostile):
    """parse_any() gives something that no other function gives."""
    payload, content_type = hostile
    if not isinstance(payload, dict | bytes | str):
        return  # An iterator can be read only once.
    result = outcome(parse_any, payload, content_type)
    given = [payload]
    if isinstance(payload, bytes | str):
        given.append(payload.partition(b"?" if isinstance(payload, bytes) else "?")[2])  # `parse` cuts no address.
    assert result in [outcome(read, each, content_type) for read in READERS.values() for each in given]
