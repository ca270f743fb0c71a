"""The fast path gives what the plain one gives, or leaves the payload to it."""

import copy
import json
import pickle
import random
import tracemalloc
from datetime import datetime

import attrs
import pytest
from exotel_callback._fast import read_flat, read_ordinary
from hypothesis import given
from hypothesis import strategies as st

from exotel_callback import (
    AnsweredBy,
    CallStatus,
    Direction,
    EventType,
    Leg,
    LegStatus,
    Limits,
    StatusCallback,
    _fast,
    _parse,
    parse,
    strategies,
)
from exotel_callback._fields.kinds import EMPTY_DATES
from exotel_callback._wire.payload import RawPayload
from exotel_callback.testing import SCENARIOS
from fast_path import everything, sent
from helpers import ENCODERS, FORM, JSON, LEAST, MULTIPART, PAGE, multipart
from payloads import hostile_payloads

PLAIN = Limits()  # equal to the default limits, but not these: so the plain path reads


@given(st.integers(0, 2**32))
def test_it_gives_what_the_plain_path_gives(seed):
    """For what is ordinary, and for what is nearly so: value by value and type by type."""
    given, content_type = sent(random.Random(seed))
    assert everything(given, content_type) == everything(given, content_type, limits=PLAIN)


@given(hostile_payloads(), st.booleans())
def test_it_is_not_deceived(hostile, strict):
    """By what is made to be read in another way."""
    given, content_type = hostile
    options = {"strict": strict}
    assert everything(given, content_type, **options) == everything(given, content_type, limits=PLAIN, **options)


@given(
    strategies.json_bodies() | strategies.form_bodies() | strategies.multipart_bodies() | strategies.damaged_bodies()
)
def test_it_reads_bodies_as_the_plain_path_does(body):
    """In every spelling."""
    assert everything(*body) == everything(*body, limits=PLAIN)


@pytest.mark.parametrize("encoding", ENCODERS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_ordinary(name, encoding):
    """All that the scenarios send."""
    for content_type, body, _ in SCENARIOS[name].deliveries(ENCODERS[encoding]):
        assert read_ordinary(body, content_type) == parse(body, content_type, limits=PLAIN)


@pytest.mark.parametrize(
    "payload",
    [
        PAGE,
        LEAST,
        {**PAGE, "Price": "1.500"},
        {**PAGE, "Legs": []},
        {**PAGE, "To": "NULL", "CustomField": " uNdefined "},
        {**PAGE, "EndTime": "2024-01-15T14:30:45"},
    ],
)
def test_other_ordinary_forms(payload):
    """A mapping, a flat one, and what a multipart body was decoded to."""
    flat = dict(strategies.form_pairs(payload))
    assert read_ordinary(payload, None) == parse(payload, limits=PLAIN)
    assert read_ordinary(flat, None) == parse(flat, limits=PLAIN)
    assert read_flat(parse(*ENCODERS["multipart"](payload), limits=PLAIN).raw) == parse(payload, limits=PLAIN)


@pytest.mark.parametrize(
    "body",
    [
        b"CallSid=a%26b&Status=busy",
        b"CallSid=a&Status=busy&To=x%26From%26",
        b"CallSid=%61%2b+%2B&Status=busy&To=%e0%a4%85%7F%1F",
    ],
)
def test_ordinary_forms(body):
    """Whatever is escaped in them."""
    assert everything(body, FORM) == everything(body, FORM, limits=PLAIN)
    assert read_ordinary(body, FORM).raw == parse(body, FORM, limits=PLAIN).raw


@pytest.mark.parametrize("nothing", [None, "", "null"])
@pytest.mark.parametrize("name", ["EventType", "Direction", "AnsweredBy", "Status"])
def test_words_that_say_nothing(name, nothing):
    """In a callback and in its legs."""
    of_leg = {"OnCallDuration": 1, "Status": "busy", "AnsweredBy": "NA"}
    payload = {**PAGE, "Legs": [{**of_leg, name: nothing}]} if name in of_leg else {**PAGE, name: nothing}
    assert read_ordinary(payload, None) == parse(payload, limits=PLAIN)


@pytest.mark.parametrize("value", ["x", 1, 1.5, True, None])
def test_an_unknown_field(value):
    """Whatever scalar it is, it is no reason to take longer; nor is a content type with its charset."""
    body = json.dumps({**PAGE, "Price": value}).encode()
    assert read_ordinary(body, "application/json; charset=utf-8") == parse(body, limits=PLAIN)


LEG = {"OnCallDuration": 1, "Status": "busy"}

# A row for each reason to leave a payload to the plain path.
NOT_ORDINARY = {
    "too long": (ENCODERS["json"]({**PAGE, "CustomField": "x" * 3_000})[0], JSON),
    "form too long": (ENCODERS["form"]({**PAGE, "CustomField": "x" * 3_000})[0], FORM),
    "another type": (ENCODERS["json"](PAGE)[0], "Application/JSON"),
    "no type": (ENCODERS["json"](PAGE)[0], None),
    "text": (ENCODERS["json"](PAGE)[0].decode(), JSON),
    "an escape": (b'{"CallSid": "\\u0041", "Status": "busy"}', JSON),
    "a constant": (b'{"CallSid": "a", "Status": "busy", "Price": NaN}', JSON),
    "no object": (b"[]", JSON),
    "no JSON": (b"{", JSON),
    "a list where a word is": (b'{"CallSid": "a", "Status": []}', JSON),
    "more than JSON": (b'{"CallSid": "a", "Status": "busy"} x', JSON),
    "blanks that JSON does not know": (b'{"CallSid": "a", "Status": "busy"}\x0b', JSON),
    "nested in JSON": (b'{"CallSid": "a", "Status": "busy", "More": {"a": 1}}', JSON),
    "a list in JSON": (b'{"CallSid": "a", "Status": "busy", "More": [1]}', JSON),
    "too many legs in JSON": (json.dumps({**LEAST, "Legs": [{"OnCallDuration": 1, "Status": ""}] * 65}).encode(), JSON),
    "a leg shorter than nothing": (json.dumps({**LEAST, "Legs": [{**LEG, "OnCallDuration": -1}]}).encode(), JSON),
    "a leg that is true": (json.dumps({**LEAST, "Legs": [{**LEG, "OnCallDuration": True}]}).encode(), JSON),
    "too long a leg": (json.dumps({**LEAST, "Legs": [{**LEG, "OnCallDuration": 10**9}]}).encode(), JSON),
    "not UTF-8": (b'{"CallSid": "\xff"}', JSON),
    "deep": (b'{"CallSid": ' + b"[" * 2_900, JSON),
    "BOM": (b"\xef\xbb\xbfX=1&CallSid=a&Status=busy", FORM),
    "an escaped equals sign": (b"Call%3DSid=a&CallSid=a&Status=busy", FORM),
    "an escape that is none": (b"CallSid=a%zz&Status=busy", FORM),
    "an escape that is not over": (b"Status=busy&CallSid=a%", FORM),
    "half of an escape": (b"Status=busy&CallSid=a%4", FORM),
    "two percent signs": (b"CallSid=a%%41&Status=busy", FORM),
    "what would be a soft line break": (b"CallSid=a%\nb&Status=busy", FORM),
    "a control character": (b"CallSid=a\x01b&Status=busy", FORM),
    "an escaped control character": (b"CallSid=a&Status=busy&To=%02From%01y", FORM),
    "half of a letter": (b"CallSid=a&Status=busy&To=\xc3%A9", FORM),
    "an escaped BOM": (b"%EF%BB%BFX=1&CallSid=a&Status=busy", FORM),
    "no name": (b"CallSid=a&Status=busy&=x", FORM),
    "nothing after a name": (b"CallSid=a&Status=busy&To", FORM),
    "another equals sign": (b"CallSid=a&Status=busy&To=x%26From=y", FORM),
    "nothing after a name, and another equals sign": (b"CallSid=a&Status=busy&To&From=x=y", FORM),
    "nothing": (b"CallSid=a&&Status=busy", FORM),
    "an empty form": (b"", FORM),
    "NUL": (b"CallSid=a%00&Status=busy", FORM),
    "repeated": (b"CallSid=a&CallSid=b&Status=busy", FORM),
    "no UTF-8 in escapes": (b"CallSid=a&Status=busy&To=%C3", FORM),
    "quoted boundary": (ENCODERS["multipart"](PAGE)[0], ENCODERS["multipart"](PAGE)[1].replace("=", '="') + '"'),
    "a boundary that is quoted once": (multipart(LEAST.items(), '"x"'), 'multipart/form-data; boundary="x"'),
    "no boundary": (ENCODERS["multipart"](PAGE)[0], "multipart/form-data; boundary="),
    "a boundary of other letters": (ENCODERS["multipart"](PAGE)[0], "multipart/form-data; boundary=\u00e9"),
    "a long boundary": (multipart(LEAST.items(), "x" * 201), f"multipart/form-data; boundary={'x' * 201}"),
    "BOM in a part": (multipart({**LEAST, "To": "\ufeff1"}.items()), MULTIPART),
    "a part with a charset": (
        multipart(LEAST.items(), headers="Content-Type: text/plain; charset=utf-8\r\n"),
        MULTIPART,
    ),
    "a part twice": (multipart([*LEAST.items(), ("To", "1"), ("To", "2")]), MULTIPART),
    "a part with NUL": (multipart({**LEAST, "To": "\0"}.items()), MULTIPART),
    "a part that is not UTF-8": (multipart(LEAST.items()).replace(b"completed", b"comp\xff"), MULTIPART),
    "parts that break off": (multipart(LEAST.items())[:-9], MULTIPART),
    "many fields in a form": (b"CallSid=a&Status=busy" + b"".join(b"&n%d=" % n for n in range(300)), FORM),
    "alias": ({**LEAST, "CallFrom": "1"}, None),
    "alias in a form": (b"CallSid=a&Status=busy&CallTo=1", FORM),
    "another key of legs": ({**LEAST, "Legs[0]": "x"}, None),
    "a leg of which a part is missing": (b"CallSid=a&Status=busy&Legs[0][Status]=busy", FORM),
    "a hole": (b"CallSid=a&Status=busy&Legs[1][Status]=busy&Legs[1][OnCallDuration]=1", FORM),
    "legs as text": (b"CallSid=a&Status=busy&Legs=[]", FORM),
    "legs that are no list": ({**LEAST, "Legs": ""}, None),
    "a leg that is no object": ({**LEAST, "Legs": ["abc"]}, None),
    "a leg with more": (
        {**LEAST, "Legs": [{"OnCallDuration": 1, "Status": "busy", "AnsweredBy": "NA", "Id": 1}]},
        None,
    ),
    "a leg with another": ({**LEAST, "Legs": [{**LEG, "Id": 1}]}, None),
    "many legs": ({**LEAST, "Legs": [LEG] * 9}, None),
    "many fields": ({**LEAST, **{f"n{number}": 1 for number in range(63)}}, None),
    "nested": ({**LEAST, "More": {"a": 1}}, None),
    "a list": ({**LEAST, "More": ["a"]}, None),
    "a large number": ({**LEAST, "More": 10**4_000}, None),
    "a name that is no text": ({**LEAST, 5: "a"}, None),
    "legs that are bytes": ({**LEAST, "Legs": b""}, None),
    "a name of another kind": ({type("Text", (str,), {})("CallSid"): "a", "Status": "busy"}, None),
    "a text of another kind": ({**LEAST, "Status": type("Text", (str,), {})("busy")}, None),
    "a mapping of another kind": (type("Mapping", (dict,), {})(LEAST), None),
    "a leg of another kind": ({**LEAST, "Legs": [type("L", (dict,), {})(OnCallDuration=1, Status="busy")]}, None),
    "half a surrogate pair": ({**LEAST, "To": "\ud800"}, None),
    "NUL in a mapping": ({**LEAST, "To": "\0"}, None),
    "no sid": ({"CallSid": "null", "Status": "busy"}, None),
    "no status": ({"CallSid": "a"}, None),
    "an unknown word": ({**LEAST, "Status": "free"}, None),
    "a number where text is": ({**LEAST, "To": 5}, None),
    "a negative number": ({**LEAST, "ConversationDuration": -1}, None),
    "true": ({**LEAST, "ConversationDuration": True}, None),
    "too large a number": ({**LEAST, "ConversationDuration": 1_000_000_000}, None),
    "too large a number in text": ({**LEAST, "ConversationDuration": "1000000000"}, None),
    "other digits": ({**LEAST, "ConversationDuration": "\u0663"}, None),
    "a week": ({**LEAST, "EndTime": "2024-W03-1T14:25:12"}, None),
    "an offset": ({**LEAST, "EndTime": "2024-01-15T14:25+05"}, None),
    "another sign": ({**LEAST, "EndTime": "2024-01-15_14:25:12"}, None),
    "24 o'clock": ({**LEAST, "EndTime": "2024-01-15 24:00:00"}, None),
    "a date with a fraction": ({**LEAST, "EndTime": "2024-01-15 14:25:12.5"}, None),
}


@pytest.mark.parametrize("name", NOT_ORDINARY)
def test_what_is_not_ordinary(name):
    """Is left to the plain path, which says what it is."""
    payload, content_type = NOT_ORDINARY[name]
    assert read_ordinary(payload, content_type) is None
    assert everything(payload, content_type) == everything(payload, content_type, limits=PLAIN)


@pytest.mark.parametrize("placeholder", [None, "", "NULL", *sorted(EMPTY_DATES), *sorted(map(str.upper, EMPTY_DATES))])
def test_placeholders_for_no_date(placeholder):
    """Are none, in either case."""
    payload = {**LEAST, "EndTime": placeholder}
    assert read_ordinary(payload, None) is not None
    assert parse(payload) == parse(payload, limits=PLAIN) == parse(LEAST)


@pytest.mark.parametrize("name", ["CallSid", "RecordingUrl", "From", "To", "PhoneNumberSid", "CustomField"])
@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_text_that_can_not_be_stored(name, text):
    """Is left to the plain path, in whichever field."""
    payload = {**PAGE, name: text}
    assert read_ordinary(payload, None) is None
    assert everything(payload, None) == everything(payload, None, limits=PLAIN)


@pytest.mark.parametrize("name", ["CallSid", "RecordingUrl", "From", "To", "PhoneNumberSid", "CustomField"])
def test_short_texts(name):
    """They might be words for nothing, and are not."""
    payload = {**PAGE, name: "911"}
    assert read_ordinary(payload, None) == parse(payload, limits=PLAIN)


def test_parse_takes_it(monkeypatch):
    """Before all else, and for what a form was decoded to."""
    with monkeypatch.context() as patched:
        patched.setattr(_parse, "read_ordinary", lambda *given: given)
        assert parse("x", "y") == ("x", "y")
    with monkeypatch.context() as patched:
        patched.setattr(_parse, "read_ordinary", lambda *_: None)
        patched.setattr(_parse, "read_flat", lambda raw: raw)
        assert parse("x=y", FORM) == {"x": "y"}


WORDS = {"Status": CallStatus, "EventType": EventType, "Direction": Direction}


@pytest.mark.parametrize(("name", "enum"), WORDS.items())
def test_documented_words_are_ordinary(name, enum):
    """As they are, in capitals, and with blanks; a word for what is unknown is not."""
    for member in enum:
        for word in (member.value, member.value.upper(), member.value.replace("-", " ")):
            read = read_ordinary({**LEAST, name: word}, None)
            assert (read is None) == (member.name == "UNKNOWN"), word
            assert everything({**LEAST, name: word}, None) == everything({**LEAST, name: word}, None, limits=PLAIN)


@pytest.mark.parametrize(("name", "enum"), [("Status", LegStatus), ("AnsweredBy", AnsweredBy)])
def test_documented_words_of_legs_are_ordinary(name, enum):
    """As above."""
    for member in enum:
        for word in (member.value, member.value.upper(), member.value.replace("-", " ")):
            payload = {**LEAST, "Legs": [{"OnCallDuration": 1, "Status": "busy", "AnsweredBy": "NA", name: word}]}
            assert (read_ordinary(payload, None) is None) == (member.name == "UNKNOWN" or word == "NULL"), word
            assert everything(payload, None) == everything(payload, None, limits=PLAIN)


def test_24_oclock_in_newer_pythons(monkeypatch):
    """Which read it as the next day's first second; it is no date of ours."""
    monkeypatch.setattr(_fast, "_from_iso", lambda _: datetime(2024, 1, 16))  # noqa: DTZ001 - the zone follows
    assert read_ordinary({**LEAST, "EndTime": "2024-01-15 24:00:00"}, None) is None
    assert read_ordinary({**LEAST, "EndTime": "2024-01-16 00:00:00"}, None) is not None


@pytest.mark.parametrize("misused", [{"content_type": 5}, {"content_type": []}, {"strict": 1}, {"timezone": None}])
def test_misused_arguments_are_told(misused):
    """However ordinary the payload is."""
    for payload in (PAGE, ENCODERS["json"](PAGE)[0]):
        with pytest.raises(TypeError, match=next(iter(misused))):
            parse(payload, **misused)


def test_a_content_type_is_text():
    """Nothing that only equals it."""
    alike = type("Alike", (), {"__eq__": lambda _, other: other == JSON, "__hash__": lambda _: hash(JSON)})()
    with pytest.raises(TypeError, match="content_type"):
        parse(ENCODERS["json"](PAGE)[0], alike)


@pytest.mark.parametrize("value", [object(), ["a", "b"], 5])
def test_what_is_not_flat(value):
    """Texts alone are read at once, once a framework has decoded them."""
    pairs = [*LEAST.items(), ("To", value)]
    assert read_flat(parse(pairs, limits=PLAIN).raw) is None
    assert everything(pairs, None) == everything(pairs, None, limits=PLAIN)


@pytest.mark.parametrize(
    "large", [dict.fromkeys(map(str, range(100_000))), {**LEAST, "Legs": [LEG] * 100_000}], ids=["names", "legs"]
)
def test_a_large_mapping_is_not_copied(large):
    """Before it is known to be small."""
    tracemalloc.start()
    assert read_ordinary(large, None) is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000


def test_a_body_may_end_with_a_line_end():
    """As one from a file does."""
    body, content_type = ENCODERS["json"](PAGE)
    assert read_ordinary(body + b"\r\n", content_type) == parse(PAGE, limits=PLAIN)


def test_the_value_is_like_any_other():
    """Frozen, equal, hashable, picklable, and of the class itself."""
    fast, plain = parse(PAGE), parse(PAGE, limits=PLAIN)
    assert read_ordinary(PAGE, None) is not None
    assert (type(fast), type(fast.legs[0])) == (StatusCallback, Leg)
    for value, name in ((fast, "status"), (fast, "raw"), (fast.legs[0], "status")):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(value, name, None)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            delattr(value, name)
    assert hash(fast) == hash(plain)
    for same in (copy.copy(fast), copy.deepcopy(fast), pickle.loads(pickle.dumps(fast)), attrs.evolve(fast)):
        assert (same, same.raw, type(same)) == (plain, plain.raw, StatusCallback)
    assert (fast.event_key, fast.outcome, repr(fast)) == (plain.event_key, plain.outcome, repr(plain))


@pytest.mark.parametrize(
    "look",
    [
        lambda raw: raw["Legs"],
        lambda raw: raw.get("Legs"),
        lambda raw: dict(raw)["Legs"],
        lambda raw: dict(raw.items())["Legs"],
        lambda raw: list(raw.values())[-1],
        lambda raw: pickle.loads(pickle.dumps(raw))["Legs"],
        lambda raw: copy.deepcopy(raw)["Legs"],
    ],
)
def test_the_legs_in_raw_are_read_only(look):
    """However one looks at them first; and they stay the same."""
    callback = parse(*ENCODERS["json"](PAGE))
    legs = look(callback.raw)
    assert (type(legs), [type(leg) for leg in legs]) == (tuple, [RawPayload] * 2)
    assert legs == parse(*ENCODERS["json"](PAGE), limits=PLAIN).raw["Legs"]
    assert callback.raw["Legs"] is callback.raw["Legs"]
    assert callback.raw.get("Leg", []) == []


def test_what_is_given_is_not_changed():
    """Nor kept: what the caller does with it later does not matter."""
    mine = copy.deepcopy(PAGE)
    callback = parse(mine)
    assert mine == PAGE
    mine["Legs"][0]["Status"] = "busy"
    mine["Status"] = "busy"
    assert callback == parse(PAGE, limits=PLAIN)
    assert callback.raw == parse(PAGE, limits=PLAIN).raw
