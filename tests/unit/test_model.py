"""Test the values: immutable, hashable and comparable, with a repr that masks personal data."""

import copy
import pickle

import attrs
import pytest
from hypothesis import given

from exotel_callback import (
    CallStatus,
    Issue,
    IssueCode,
    Leg,
    LegStatus,
    Limits,
    PassthruEvent,
    PassthruLeg,
    PopupEvent,
    StatusCallback,
    Stream,
    parse,
    strategies,
)
from exotel_callback._fields import table
from helpers import LEAST, PAGE, READERS

PERSONAL = {
    "From": "09876543210",
    "To": "+919123456789",
    "PhoneNumberSid": "08088912345",
    "RecordingUrl": "https://recordings.exotel.com/exotelrecordings/acme/f00.mp3?token=secret",
    "CustomField": "Asha, 12 Main Road",
}


EVENTS = {
    StatusCallback: {**PAGE, "Status": "free", "x": {"y": [1]}},
    PassthruEvent: {"CallSid": "a", "CallType": "free", "Legs[0][Cause]": "16", "Stream": {"Status": "failed"}},
    PopupEvent: {"CallSid": "a", "EventType": "Dial", "Status": "away", "x": {"y": [1]}},
}
PARTS = [Leg(), PassthruLeg(), Stream(), Limits(), Issue.at("Status", IssueCode.MISSING)]


def read(cls):
    return READERS[cls](EVENTS[cls])


def test_the_example_of_exotels_page():
    """A field of Exotel's example has another type or value."""
    callback = parse(PAGE)
    assert callback.call_sid == "80bfbec2d78bbbf10fb851f4fa165211"
    assert callback.status is CallStatus.COMPLETED
    assert callback.date_updated.isoformat() == "2024-01-15T14:30:45+05:30"
    assert callback.date_created.isoformat() == "2024-01-15T14:25:10+05:30"
    assert callback.start_time.isoformat() == "2024-01-15T14:25:12+05:30"
    assert callback.end_time.isoformat() == "2024-01-15T14:30:45+05:30"
    assert callback.recording_url == "https://s3-ap-southeast-1.amazonaws.com/..."
    assert callback.event_type == "terminal"
    assert callback.from_number == "09876543210"
    assert callback.to_number == "09123456789"
    assert callback.phone_number_sid == "0XXXXXX4890"
    assert callback.conversation_duration == 320
    assert callback.direction == "outbound-api"
    assert callback.custom_field == "order_12345"
    assert callback.legs == (
        Leg(on_call_duration=335, status=LegStatus.COMPLETED),
        Leg(on_call_duration=320, status=LegStatus.COMPLETED),
    )
    assert callback.issues == ()
    assert callback.is_terminal
    assert not callback.extra


@pytest.mark.parametrize("value", [*map(read, EVENTS), *PARTS], ids=lambda value: type(value).__name__)
def test_values_are_frozen_slotted_and_keyword_only(value):
    """An attribute can be set or added, or an argument can be passed by position."""
    name = attrs.fields(type(value))[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, name, None)
    with pytest.raises(AttributeError):
        value.another = 1
    with pytest.raises(TypeError):
        type(value)("positional")
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize("cls", EVENTS)
def test_equality_and_hash_ignore_raw(cls):
    """``raw`` changes equality or the hash."""
    one, other, another = (READERS[cls]({**EVENTS[cls], **more}) for more in ({}, {"Extra": "1"}, {"CallSid": "b"}))
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other, another}) == 2


@pytest.mark.parametrize(
    "clone", [copy.copy, copy.deepcopy, attrs.evolve, lambda value: pickle.loads(pickle.dumps(value))]
)
@pytest.mark.parametrize("cls", EVENTS)
def test_values_can_be_copied_and_pickled(cls, clone):
    """A copy or a pickle loses a field or ``raw``."""
    event = read(cls)
    assert (clone(event), hash(clone(event))) == (event, hash(event))
    assert clone(event).raw == event.raw


def test_match():
    """A class pattern can't match the fields by name."""
    match parse({**LEAST, "Legs": [{}, {"Status": "busy"}]}):
        case StatusCallback(status=CallStatus.COMPLETED, legs=(_, Leg(status=LegStatus.BUSY))):
            reached = True
        case _:
            reached = False
    assert reached


@pytest.mark.parametrize("name", PERSONAL)
def test_the_repr_masks_personal_data(name):
    """A repr, which ends up in logs, shows personal data."""
    shown = repr(parse({**LEAST, **PERSONAL}))
    for piece in PERSONAL[name].replace("https://recordings.exotel.com", "").split():
        assert piece not in shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("09876543210", "***210"),
        ("+919876543210", "***210"),
        ("0XXXXX30240", "***240"),
        ("sip:agent7", "***"),
        ("sip:agent12345@example", "***345"),
        ("911", "***"),
        ("1911", "***911"),
    ],
)
@pytest.mark.parametrize("name", ["From", "To", "PhoneNumberSid"])
def test_a_masked_number_shows_its_last_three_digits(name, number, shown):
    """A masked number shows more than its last three digits, or a short number shows any."""
    assert f"='{shown}'" in repr(parse({**LEAST, name: number}))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://recordings.exotel.com/a/b.mp3?x=1#y", "https://recordings.exotel.com/***"),
        ("https://recordings.exotel.com", "https://recordings.exotel.com/***"),
        ("HTTP://Example.com:8080?q", "HTTP://Example.com:8080/***"),
        ("https://user:secret@example.com/a", "***"),
        ("https://example.com\\@evil.com/a", "***"),
        ("https://[::1]/a", "***"),
        ("ftp://example.com/a", "***"),
        ("09876543210", "***"),
    ],
)
def test_a_masked_url_shows_its_host(url, shown):
    """A masked URL shows more than its host, or a string that isn't a plain URL shows anything."""
    assert f"recording_url='{shown}'" in repr(parse({**LEAST, "RecordingUrl": url}))


def test_a_masked_string_shows_nothing():
    """A masked string shows a part of itself or its length."""
    assert "custom_field='***'" in repr(parse({**LEAST, "CustomField": "order 1"}))


def test_none_is_not_masked():
    """None is masked."""
    shown = repr(parse(LEAST))
    for name in ("from_number", "to_number", "phone_number_sid", "recording_url", "custom_field"):
        assert f"{name}=None" in shown


def test_the_repr_of_an_issue_omits_its_value():
    """The repr of an issue shows its value, or the value isn't part of equality."""
    issue = Issue.at("From", IssueCode.INVALID_STRING, "09876543210")
    assert "09876543210" not in repr(issue)
    assert issue != Issue.at("From", IssueCode.INVALID_STRING, "09876543211")
    assert issue.message == "not a valid string @ From"
    assert Issue.at("From", IssueCode.INVALID_STRING).value == ""


def test_an_issue_of_a_reader_is_like_any_other():
    """An issue from a reader differs from one that a user makes."""
    issue = Issue.at("From", IssueCode.INVALID_STRING, "a" * 200)
    other = Issue(path="From", code=IssueCode.INVALID_STRING, message=issue.message, value="a" * 200)
    assert (type(issue), issue, hash(issue), repr(issue)) == (Issue, other, hash(other), repr(other))
    for clone in (copy.copy(issue), pickle.loads(pickle.dumps(issue)), attrs.evolve(issue)):
        assert (type(clone), clone, clone.message) == (Issue, issue, issue.message)


def test_the_message_of_a_contradiction():
    """Terminal events that disagree have the message of contradicting legs."""
    messages = {Issue.at(path, IssueCode.CONTRADICTING).message for path in ("Status", "Legs")}
    assert messages == {
        "terminal events disagree about the outcome @ Status",
        "`Legs` and the bracket keys disagree; using the bracket keys @ Legs",
    }


def test_an_issue_of_a_long_value():
    """An issue holds more than 200 characters, or two long values make one issue, or one makes two."""
    issues = [Issue.at("From", IssueCode.INVALID_STRING, "a" * 200 + end) for end in ("", "b", "c", "b")]
    assert {issue.value for issue in issues} == {"a" * 200}
    assert len(set(issues)) == 3
    assert "digest" not in repr(issues[1])
    for clone in (copy.copy(issues[1]), pickle.loads(pickle.dumps(issues[1])), attrs.evolve(issues[1])):
        assert (clone, hash(clone)) == (issues[1], hash(issues[1]))


def test_extra_holds_the_fields_that_are_not_known():
    """An unknown field is missing in ``extra``, or leaves an issue in strict mode."""
    unknown = {"CallType": "completed", "Legs[1][Insights][Status]": "x", "Stream[RecordingUrl]": "y", "n": 1}
    callback = parse({**PAGE, **unknown, "Legs[0][Status]": "completed", "Legs[0][NewField]": "z"}, strict=True)
    assert callback.extra == {**unknown, "Legs[0][NewField]": "z"}
    with pytest.raises(TypeError):
        callback.extra["x"] = 1
    assert "completed" not in repr(callback.extra)


@pytest.mark.parametrize(
    ("primary", "alias", "name"),
    [
        ("CallSid", "Sid", "call_sid"),
        ("From", "CallFrom", "from_number"),
        ("To", "CallTo", "to_number"),
    ],
)
def test_a_primary_name_wins_over_its_alias(primary, alias, name):
    """An alias wins over its primary name, isn't in ``extra``, or isn't used if the primary name is empty."""
    rest = {**LEAST}
    rest.pop(primary, None)
    both = parse({**rest, alias: "2", primary: "1"})
    assert (getattr(both, name), both.extra) == ("1", {alias: "2"})
    for nothing in ({}, {primary: ""}, {primary: None}, {primary: "null"}, {primary: []}):
        alone = parse({**rest, **nothing, alias: "2"})
        assert (getattr(alone, name), alone.extra, alone.issues) == ("2", {}, ())


@pytest.mark.parametrize(
    ("query", "sid", "problem"),
    [
        ("CallSid=&CallSid=b2&Sid=a1", "a1", ("CallSid", "b2")),
        ("CallSid=null&Sid=a1&CallSid=b2", "a1", ("CallSid", "b2")),
        ("Sid=a1&Sid=b2", "a1", ("Sid", "b2")),
        ("CallSid=a1&CallFrom=1&CallFrom=2", "a1", ("CallFrom", "2")),
        ("CallSid=a1&From=&CallFrom=1&CallFrom=2", "a1", ("CallFrom", "2")),
        ("CallSid=a1&From=&From=2&CallFrom=1", "a1", ("From", "2")),
        ("CallSid=a1&From=&CallFrom=&CallFrom=2", "a1", ("CallFrom", "2")),
        ("CallSid=a1&To=&To=2&CallTo=", "a1", ("To", "2")),
        ("CallSid=a1&From=1&CallFrom=2&CallFrom=3", "a1", None),
        ("CallSid=&CallSid=&Sid=a1&Sid=a1", "a1", None),
    ],
)
def test_a_repeated_name_beside_another_name_of_its_field(query, sid, problem):
    """A value that comes second under one of the names of a field is silently lost."""
    callback = parse(f"Status=busy&{query}")
    assert callback.call_sid == sid
    found = [(issue.path, issue.value) for issue in callback.issues if issue.code is IssueCode.REPEATED]
    assert found == ([problem] if problem else [])
    assert parse({**LEAST, "From": 5, "CallFrom": ["2", "3"]}).issues == ()


def test_values_that_users_make():
    """A user can't make a callback with a plain dict as ``raw``, or the dict isn't copied."""
    raw = {"CallSid": "a", "x": {"y": 1}}
    callback = StatusCallback(call_sid="a", status=CallStatus.BUSY, raw=raw)
    raw["x"]["y"] = 2
    assert callback.extra == {"x": {"y": 1}}
    assert StatusCallback(call_sid="a", status=CallStatus.BUSY).extra == {}


@pytest.mark.parametrize("raw", [None, 5, [("a", "b")]])
def test_raw_is_a_mapping(raw):
    """A ``raw`` that isn't a mapping is accepted."""
    with pytest.raises(TypeError, match=f"^expected a mapping, not {type(raw).__name__}$"):
        StatusCallback(call_sid="a", status=CallStatus.BUSY, raw=raw)


@given(strategies.json_bodies() | strategies.form_bodies() | strategies.multipart_bodies())
def test_extra_is_the_same_by_each_way(body):
    """A payload of usual names has unknown fields all the same, or reading ``raw`` changes ``extra``."""
    callback, read_before = parse(*body), parse(*body)
    assert dict(read_before.raw.items()) == dict(callback.raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "_has_only", lambda *_: False)
        without_shortcut = parse(*body).extra
    assert callback.extra == without_shortcut == read_before.extra
    assert parse(*body).extra == callback.extra
