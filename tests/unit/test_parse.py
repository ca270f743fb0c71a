"""Test `parse` as a whole: tolerant by default, strict on request, and missing fields."""

import pickle
from datetime import UTC, tzinfo

import pytest

from exotel_callback import (
    AuthenticationError,
    CallbackError,
    CallStatus,
    DecodeError,
    InvalidCallbackError,
    IssueCode,
    Limits,
    MissingFieldError,
    parse,
)
from helpers import ENCODERS, FORM, LEAST, MULTIPART, PAGE, encode_form, label, multipart

# An invalid value for every field, and the code of its issue.
ODD = {
    "Status": ("free", IssueCode.UNKNOWN_VALUE),
    "DateUpdated": ("soon", IssueCode.NOT_A_DATE),
    "DateCreated": ("2024-02-30 00:00:00", IssueCode.NOT_A_DATE),
    "StartTime": ("14:25", IssueCode.NOT_A_DATE),
    "EndTime": ("-", IssueCode.NOT_A_DATE),
    "RecordingUrl": ("https://example.com/\0", IssueCode.INVALID_STRING),
    "EventType": ("dial", IssueCode.UNKNOWN_VALUE),
    "From": ("0987\x006543210", IssueCode.INVALID_STRING),
    "To": ("\0", IssueCode.INVALID_STRING),
    "PhoneNumberSid": ("\0", IssueCode.INVALID_STRING),
    "ConversationDuration": ("-1", IssueCode.NOT_A_NUMBER),
    "Direction": ("sideways", IssueCode.UNKNOWN_VALUE),
    "CustomField": ("\0", IssueCode.INVALID_STRING),
}


@pytest.mark.parametrize("encode", [*ENCODERS.values(), lambda payload: (payload, None)], ids=[*ENCODERS, "mapping"])
def test_issues_are_in_the_order_of_the_fields(encode):
    """Issues are in another order, or differ between encodings."""
    payload = {"Legs": [{"Status": "free"}], **{name: value for name, (value, _) in reversed(ODD.items())}}
    callback = parse(*encode({**payload, "CallSid": "a"}))
    assert [(issue.path, issue.code) for issue in callback.issues] == [
        *((name, code) for name, (_, code) in ODD.items()),
        ("Legs[0].Status", IssueCode.UNKNOWN_VALUE),
    ]
    assert [issue.value for issue in callback.issues[:-1]] == [value for value, _ in ODD.values()]
    assert callback.status is CallStatus.UNKNOWN


def test_strict_mode_raises_with_all_issues_at_once():
    """The message of strict mode lacks a path, or quotes a value."""
    payload = {**LEAST, **{name: value for name, (value, _) in ODD.items()}}
    with pytest.raises(InvalidCallbackError) as caught:
        parse(payload, strict=True)
    error = caught.value
    assert error.status_hint == 422
    assert error.issues == parse(payload).issues
    assert all(f"@ {name}" in str(error) for name in ODD)
    assert not any(value in str(error) for value, _ in ODD.values() if len(value) > 2)


@pytest.mark.parametrize("payload", [PAGE, LEAST, {**LEAST, "x": "1", "To": None, "EndTime": "1970-01-01 05:30:00"}])
def test_strict_mode_accepts_documented_payloads(payload):
    """Strict mode refuses an unknown field, an empty value or a placeholder."""
    assert parse(payload, strict=True) == parse(payload)


@pytest.mark.parametrize(
    ("payload", "issues"),
    [
        ({}, [("CallSid", "missing"), ("Status", "missing")]),
        ({"CallSid": "a"}, [("Status", "missing")]),
        ({"CallSid": "a", "Status": ""}, [("Status", "missing")]),
        ({"CallSid": "a", "Status": "null"}, [("Status", "missing")]),
        ({"Status": "busy"}, [("CallSid", "missing")]),
        ({"CallSid": " ", "Status": "busy"}, [("CallSid", "missing")]),
        ({"CallSid": "", "Sid": "null", "Status": "busy"}, [("CallSid", "missing")]),
        ({"CallSid": "a\0", "Status": "busy"}, [("CallSid", "invalid-string")]),
        ({"CallSid": {"a": 1}, "Status": "busy"}, [("CallSid", "wrong-type")]),
        ({"Status": "busy", "EndTime": "soon"}, [("CallSid", "missing"), ("EndTime", "not-a-date")]),
    ],
    ids=label,
)
@pytest.mark.parametrize("strict", [False, True])
def test_a_missing_required_field(payload, issues, strict):
    """A missing required field doesn't raise, or the error lacks the other issues."""
    with pytest.raises(MissingFieldError) as caught:
        parse(payload, strict=strict)
    assert caught.value.status_hint == 422
    assert [(issue.path, issue.code) for issue in caught.value.issues] == issues


@pytest.mark.parametrize("status", ["a\0", {"a": 1}, True])
def test_an_invalid_status_is_unknown(status):
    """An invalid status raises, although it still reports that something happened."""
    callback = parse({"CallSid": "a", "Status": status})
    assert callback.status is CallStatus.UNKNOWN
    assert [issue.path for issue in callback.issues] == ["Status"]


@pytest.mark.parametrize("encode", [encode_form, lambda payload: (multipart(payload), MULTIPART)])
def test_a_repeated_field_in_a_form(encode):
    """Another value than the first one is used, or an equal value leaves an issue."""
    pairs = [*LEAST.items(), ("To", "1"), ("To", "1"), ("From", "1"), ("From", "2"), ("From", "3")]
    if encode is encode_form:
        callback = parse("&".join(f"{name}={value}" for name, value in pairs), FORM)
    else:
        callback = parse(*encode(pairs))
    assert (callback.to_number, callback.from_number) == ("1", "1")
    assert [(issue.path, issue.code, issue.value) for issue in callback.issues] == [("From", "repeated", "2")]


def test_the_first_of_repeated_values_is_used_even_if_it_is_empty():
    """A later value of a repeated name replaces an empty first one."""
    callback = parse("CallSid=a&Status=busy&To=&To=1", FORM)
    assert callback.to_number is None
    assert [(issue.path, issue.code) for issue in callback.issues] == [("To", "repeated")]
    with pytest.raises(MissingFieldError):
        parse("CallSid=a&Status=&Status=busy", FORM)


def test_null_and_an_empty_string_are_equal():
    """Null and an empty string count as different values of a repeated name."""
    assert parse({**LEAST, "To": [None, ""]}).issues == ()


@pytest.mark.parametrize("timezone", [None, "Asia/Kolkata", 5.5])
def test_an_invalid_timezone(timezone):
    """An invalid ``timezone`` doesn't raise for every payload."""
    says = f"timezone must be a datetime.tzinfo such as zoneinfo.ZoneInfo, not {type(timezone).__name__}"
    with pytest.raises(TypeError, match=f"^{says}$"):
        parse(b"garbage", timezone=timezone)


def test_a_pytz_zone():
    """A pytz zone, whose local mean time is minutes off, is accepted."""

    class PytzZone(tzinfo):
        def localize(self, when):
            return when

    with pytest.raises(TypeError, match=r"^timezone must not be a pytz zone; use zoneinfo\.ZoneInfo$"):
        parse(LEAST, timezone=PytzZone())


def test_the_base_class_is_not_a_timezone():
    """A bare `tzinfo`, which has no offset, is accepted."""
    with pytest.raises(TypeError, match=r"^timezone must have an offset from UTC$"):
        parse(LEAST, timezone=tzinfo())


def test_a_zone_without_an_offset():
    """A zone without an offset, which gives naive dates, is accepted."""

    class Nowhere(tzinfo):
        def utcoffset(self, _):
            return None

    with pytest.raises(TypeError, match="offset"):
        parse(LEAST, timezone=Nowhere())
    assert parse(LEAST, timezone=UTC) == parse(LEAST)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"content_type": b"application/json"}, "content_type must be the header's value as str or None, not bytes"),
        ({"content_type": 1}, "content_type must be the header's value as str or None, not int"),
        ({"limits": 65_536}, "limits must be exotel_callback.Limits, not int"),
        ({"strict": "0"}, "strict must be True or False, not str"),
    ],
)
def test_other_misused_arguments(options, says):
    """The message for a misused argument doesn't name it."""
    with pytest.raises(TypeError, match=f"^{says}$"):
        parse(LEAST, **options)


@pytest.mark.parametrize(
    ("value", "error", "says"),
    [
        (0, ValueError, "must be at least 1"),
        (-1, ValueError, "must be at least 1"),
        (1.5, TypeError, "must be an integer, not float"),
        ("1", TypeError, "must be an integer, not str"),
        (True, TypeError, "must be an integer, not bool"),
    ],
)
@pytest.mark.parametrize("name", ["body_bytes", "fields", "legs"])
def test_limits_are_integers_of_at_least_one(name, value, error, says):
    """An invalid limit doesn't raise."""
    with pytest.raises(error, match=f"^{name} {says}$"):
        Limits(**{name: value})


def test_the_default_limits():
    """A default limit changed, which users rely on."""
    assert Limits() == Limits(body_bytes=65_536, fields=256, legs=64)


@pytest.mark.parametrize(
    ("error", "hint"),
    [(DecodeError, 400), (MissingFieldError, 422), (InvalidCallbackError, 422), (AuthenticationError, 401)],
)
def test_errors(error, hint):
    """An error isn't a `ValueError`, has another status hint, or can't be pickled."""
    issue = parse({**LEAST, "Status": "free"}).issues
    plain, full = error("x"), error("x", issues=issue, status_hint=413)
    assert isinstance(plain, CallbackError)
    assert isinstance(plain, ValueError)
    assert (plain.status_hint, plain.issues, str(plain)) == (hint, (), "x")
    copied = pickle.loads(pickle.dumps(full))
    assert (type(copied), copied.status_hint, copied.issues, str(copied)) == (error, 413, issue, "x")
