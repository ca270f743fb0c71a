"""Test `dump` and `load`."""

import inspect
import json
import tracemalloc
from collections import UserDict

import attrs
import cattrs
import pytest
from cattrs.preconf.json import make_converter as make_json_converter

from exotel_callback import DecodeError, Issue, Leg, StatusCallback, converters, dump, load, load_call, merge, parse
from helpers import LEAST, PAGE, without_none

ODD = {
    **PAGE,
    "Status": "free",
    "EndTime": "2024-01-15T09:05:00.5-03:30",
    "Legs": [{"Status": None}, {}, {"OnCallDuration": "x", "AnsweredBy": "HUMAN"}],
    "CustomField": "नमस्ते",
}


@attrs.frozen
class Order:
    """A user's class that contains a callback."""

    number: int
    callback: StatusCallback


def test_dump():
    """A dump has another name or form of a value."""
    assert without_none(dump(parse(ODD))) == {
        "schema": 1,
        "type": "status_callback",
        "call_sid": "80bfbec2d78bbbf10fb851f4fa165211",
        "status": "unknown",
        "date_updated": "2024-01-15T14:30:45+05:30",
        "date_created": "2024-01-15T14:25:10+05:30",
        "start_time": "2024-01-15T14:25:12+05:30",
        "end_time": "2024-01-15T09:05:00.500000-03:30",
        "recording_url": "https://s3-ap-southeast-1.amazonaws.com/...",
        "event_type": "terminal",
        "from_number": "09876543210",
        "to_number": "09123456789",
        "phone_number_sid": "0XXXXXX4890",
        "conversation_duration": 320,
        "direction": "outbound-api",
        "custom_field": "नमस्ते",
        "legs": [
            {"status": "not-attempted"},
            {},
            {"answered_by": "Human"},
        ],
        "issues": [
            {
                "path": "Status",
                "code": "unknown-value",
                "message": "unrecognized value @ Status",
                "value": "free",
            },
            {
                "path": "Legs[2].OnCallDuration",
                "code": "not-a-number",
                "message": "not a valid number of seconds @ Legs[2].OnCallDuration",
                "value": "x",
            },
        ],
    }


def test_absent_values_are_dumped_as_none():
    """An absent field of a callback or a leg is omitted from the dump."""
    dumped = dump(parse({**LEAST, "Legs": [{}, {}]}))
    names = {field.name for field in attrs.fields(StatusCallback)} - {"raw"}
    assert dumped.keys() == {"schema", "type", *names}
    assert dumped["legs"][0] == {field.name: None for field in attrs.fields(Leg)}


@pytest.mark.parametrize("payload", [PAGE, LEAST, ODD])
def test_dump_and_load(payload):
    """A callback isn't equal after `dump`, JSON and `load`."""
    callback = parse(payload)
    dumped = dump(callback)
    assert json.loads(json.dumps(dumped)) == dumped
    assert load(json.loads(json.dumps(dumped))) == callback
    assert not load(dumped).raw


def test_all_values_are_plain():
    """A dump contains an enum, a date or a tuple, which some queues refuse."""

    def kinds(value):
        yield type(value)
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from kinds(item)

    assert set(kinds(dump(parse(ODD)))) == {dict, list, str, int, type(None)}


def test_fields_that_an_older_release_did_not_write():
    """A dump without optional fields, of an older release, can't be loaded."""
    assert load({"schema": 1, "type": "status_callback", "call_sid": "a", "status": "busy"}) == parse(
        {"CallSid": "a", "Status": "busy"}
    )


class Broken(UserDict):
    """A mapping that can't be copied."""

    def __iter__(self):
        raise RuntimeError


GOOD = dump(parse(ODD))
LONG_ISSUE = {**GOOD["issues"][0], "value": "x" * 201}


@pytest.mark.parametrize(
    ("dumped", "says"),
    [
        (None, "not NoneType"),
        ("{}", "not str"),
        ([], "not list"),
        ({}, "with schema 1 and type status_callback"),
        ({**GOOD, "schema": "1"}, "with schema 1 and type status_callback"),
        ({**GOOD, "schema": True}, "with schema 1 and type status_callback"),
        ({**GOOD, "schema": 0}, "with schema 1 and type status_callback"),
        ({**GOOD, "schema": 10**5_000}, "with schema 1 and type status_callback"),
        ({**GOOD, "schema": 2}, "newer version of exotel-callback made this .schema 2.; upgrade"),
        ({**GOOD, "type": "call"}, "type status_callback"),
        ({**GOOD, "more": 1}, r"^unexpected names @ \$$"),
        ({name: value for name, value in GOOD.items() if name != "status"}, r"missing @ \$.status"),
        ({**GOOD, "call_sid": 5}, r"^invalid value @ \$.call_sid$"),
        ({**GOOD, "call_sid": None}, "call_sid"),
        ({**GOOD, "status": "free"}, r"\$.status"),
        ({**GOOD, "status": "Completed"}, r"\$.status"),
        ({**GOOD, "direction": ["inbound"]}, r"\$.direction"),
        ({**GOOD, "end_time": "2024-01-15"}, r"\$.end_time"),
        ({**GOOD, "end_time": 5}, r"\$.end_time"),
        ({**GOOD, "end_time": "2024-01-15T09:05:00Z"}, r"\$.end_time"),
        ({**GOOD, "end_time": "2024-01-15 09:05:00+05:30"}, r"\$.end_time"),
        ({**GOOD, "end_time": "20240115T090500+0530"}, r"\$.end_time"),
        ({**GOOD, "conversation_duration": True}, r"\$.conversation_duration"),
        ({**GOOD, "conversation_duration": "5"}, r"\$.conversation_duration"),
        ({**GOOD, "conversation_duration": -5}, r"\$.conversation_duration"),
        ({**GOOD, "conversation_duration": 10**9}, r"\$.conversation_duration"),
        ({**GOOD, "to_number": ["0"]}, r"\$.to_number"),
        ({**GOOD, "legs": "ab"}, r"\$.legs"),
        ({**GOOD, "legs": None}, r"\$.legs"),
        ({**GOOD, "legs": [{"status": "free"}]}, r"\$.legs\[0\].status"),
        ({**GOOD, "legs": [5]}, r"\$.legs\[0\]"),
        ({**GOOD, "issues": [{"path": "x"}]}, r"missing @ \$.issues\[0\].code; missing @ \$.issues\[0\].message"),
        ({**GOOD, "issues": [LONG_ISSUE]}, r"^invalid value @ \$.issues\[0\]$"),
        (Broken(GOOD), "invalid value"),
    ],
)
def test_anything_else_is_a_decode_error(dumped, says):
    """Another mapping is loaded, or the error lacks the path or quotes a value."""
    with pytest.raises(DecodeError, match=says) as caught:
        load(dumped)
    assert caught.value.__context__ is None


CALL = dump(merge(parse(ODD)))
HALF_BAD = {**GOOD, "legs": [5] * 60}


@pytest.mark.parametrize(
    ("read", "dumped", "first", "count"),
    [
        (load, {**GOOD, "legs": [5] * 100}, "invalid value @ $.legs[0]", 100),
        (load, {**GOOD, "legs": [5] * 101}, "invalid value @ $.legs[0]", 101),
        (load, {**GOOD, "issues": [{}] * 50_000}, "missing @ $.issues[0].path", 101),
        (load, {**HALF_BAD, "issues": [{}] * 50_000}, "invalid value @ $.legs[0]", 101),
        (load_call, {**CALL, "events": [5] * 10_000}, "expected a mapping made by dump(), not int @ $.events[0]", 101),
        (load_call, {**CALL, "events": [HALF_BAD] * 10_000}, "invalid value @ $.events[0].legs[0]", 101),
    ],
)
def test_the_message_lists_the_first_hundred_problems(read, dumped, first, count):
    """Many problems make a message that fills a log, or take seconds and hundreds of megabytes."""
    tracemalloc.start()
    with pytest.raises(DecodeError) as caught:
        read(dumped)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
    problems = str(caught.value).split("; ")
    assert (problems[0], len(problems)) == (first, count)
    assert (problems[-1] == "and more") == (count > 100)


# The errors that a user's converter raises for a field, with the message of the field's reader.
WORDS = [
    ("to_number", 5, TypeError, "must be str, not int"),
    ("end_time", 5, TypeError, "must be str, not int"),
    ("legs", None, TypeError, "must be list, not NoneType"),
    ("conversation_duration", "5", TypeError, "must be int, not str"),
    ("conversation_duration", -5, ValueError, "the number of seconds must not be negative"),
    ("conversation_duration", 10**9, ValueError, "the number of seconds must have at most nine digits"),
    (
        "issues",
        [{**GOOD["issues"][0], "value": "x" * 201}],
        ValueError,
        "the value of an issue has at most 200 characters",
    ),
    ("end_time", "2024-01-15T09:05:00Z", ValueError, "not a date with an offset as datetime.isoformat() writes it"),
]


@pytest.mark.parametrize(("field", "value", "error", "says"), WORDS)
def test_the_error_of_a_field_in_a_users_converter(field, value, error, says):
    """Without detailed validation, a user's converter raises another error for a field."""
    converter = cattrs.Converter(detailed_validation=False)
    converters.configure_converter(converter)
    with pytest.raises(error) as caught:
        converter.structure({**GOOD, field: value}, StatusCallback)
    assert str(caught.value) == says


@pytest.mark.parametrize("value", [None, {}, GOOD, Leg(), [parse(LEAST)]])
def test_an_argument_of_the_wrong_type(value):
    """`dump` accepts a value that is neither an event nor a call."""
    says = r"dump\(\) takes a StatusCallback, a Call, a PassthruEvent or a PopupEvent"
    with pytest.raises(TypeError, match=rf"^{says}, not {type(value).__name__}$"):
        dump(value)


# Older versions of cattrs lack this option.
USE_ALIAS = {"use_alias": True} if "use_alias" in inspect.signature(cattrs.Converter).parameters else {}


@pytest.mark.parametrize(
    "converter",
    [
        cattrs.Converter(),
        cattrs.Converter(detailed_validation=False),
        cattrs.Converter(forbid_extra_keys=True, omit_if_default=True, **USE_ALIAS),
        make_json_converter(),
    ],
    ids=["plain", "not detailed", "strict", "json"],
)
def test_a_users_converter(converter):
    """A user's converter unstructures a callback in another way than `dump`."""
    converters.configure_converter(converter)
    order = Order(5, parse(ODD))
    plain = converter.unstructure(order)
    assert plain == {"number": 5, "callback": dump(order.callback)}
    assert converter.structure(plain, Order) == order
    assert converter.structure(json.loads(json.dumps(plain)), Order) == order


def test_a_users_converter_keeps_its_own_hooks():
    """Our hooks change how a user's converter handles other classes."""
    converter = cattrs.Converter()
    converters.configure_converter(converter)
    assert converter.structure("5", int) == 5


def test_a_converter_of_our_own():
    """``make_converter`` can't convert a leg or an issue."""
    converter = converters.make_converter()
    callback = parse(ODD)
    for value, kind in [(callback.legs[2], Leg), (callback.issues[0], Issue), (callback, StatusCallback)]:
        assert converter.structure(converter.unstructure(value), kind) == value


def test_errors_are_reported_in_the_way_of_the_users_converter():
    """An error in a user's class has no path."""
    converter = converters.make_converter()
    with pytest.raises(cattrs.ClassValidationError) as caught:
        converter.structure({"number": 5, "callback": {**GOOD, "status": "free"}}, Order)
    assert any("$.callback.status" in problem for problem in cattrs.transform_error(caught.value))
