"""Test that each quick lane gives the result of the general code, or leaves the payload to it.

The generators are those of ``tests/tools/fuzz/lanes.py``.
"""

import copy
import json
import pickle
from datetime import UTC, datetime
from unittest import mock
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exotel_callback import (
    IST,
    IssueCode,
    Leg,
    Limits,
    PassthruEvent,
    PopupEvent,
    StatusCallback,
    parse,
    parse_passthru,
    parse_popup,
    strategies,
)
from exotel_callback._enums import NOT_SENT_NAMES
from exotel_callback._fields import quick as lookups
from exotel_callback._fields.quick import quick_reader
from exotel_callback._fields.table import table_of, wire_fields
from exotel_callback._parse import event
from exotel_callback._wire import from_form, from_json, from_multipart
from exotel_callback._wire.decode import decode
from exotel_callback._wire.payload import unfrozen_items
from exotel_callback._wire.text import Header
from exotel_callback.testing import SCENARIOS
from helpers import ENCODERS, FORM, JSON, LEAST, MULTIPART, PAGE, multipart
from lanes import (
    CLASSES,
    LANES,
    LEG_CLASSES,
    POOLS,
    compare_fields,
    compare_form,
    compare_json,
    compare_mapping,
    compare_multipart,
    compare_parse,
    everything,
    has_unstorable,
    objects,
    without_lanes,
)
from payloads import hostile_payloads

VALUES = [*(value for pool in POOLS for value in pool), *objects()]
FIELDS = [(cls, row) for cls in CLASSES for row in wire_fields(cls)]


def header(content_type=FORM, codec="utf-8"):
    return Header(content_type, codec, "x")


# --- Laws


@given(st.randoms(use_true_random=False))
@pytest.mark.parametrize("name", LANES)
def test_a_quick_lane_gives_what_the_general_code_gives(name, rng):
    """The result differs by value or by type, or a payload with NUL or a lone surrogate claims to be storable."""
    make, compare = LANES[name]
    _, quick, general = compare(*make(rng))
    assert quick == general


@given(hostile_payloads(), st.booleans())
def test_hostile_payloads_are_read_in_one_way(hostile, strict):
    """A hostile payload is read or refused in another way by the quick lanes."""
    for read in (parse, parse_passthru):
        quick = everything(read, *hostile, strict=strict)
        with without_lanes():
            assert everything(read, *hostile, strict=strict) == quick


@given(
    strategies.json_bodies() | strategies.form_bodies() | strategies.multipart_bodies() | strategies.damaged_bodies()
)
def test_bodies_are_read_in_one_way(body):
    """A body of the public strategies is read in another way by the quick lanes."""
    _, quick, general = compare_parse(*body)
    assert quick == general


@given(st.text() | st.binary())
def test_any_body_is_decoded_in_one_way(body):
    """A random body is decoded in another way by a quick lane."""
    for compare in (compare_json, compare_form, compare_multipart):
        _, quick, general = compare(body, header())
        assert quick == general


@given(st.dictionaries(st.text(), st.text()) | st.lists(st.tuples(st.text(), st.text())))
def test_any_strings_are_copied_in_one_way(payload):
    """A mapping or pairs of strings are copied in another way at once than one by one."""
    for max_values in (2 * len(payload), 2 * len(payload) - 1):
        _, quick, general = compare_mapping(lambda: payload, max_values)
        assert quick == general


@pytest.mark.parametrize("claim", [False, True])
@pytest.mark.parametrize(("cls", "row"), FIELDS, ids=lambda value: getattr(value, "attribute", None) or value.__name__)
def test_each_value_of_each_field_is_read_in_one_way(cls, row, claim):
    """A quick lookup gives another value than the full reader, or no issue where that finds one."""
    for name in row.names:
        for value in VALUES:
            made = unfrozen_items(decode({name: copy.deepcopy(value)}, None, Limits()))
            for zone in (IST, ZoneInfo("America/New_York")):
                _, quick, general = compare_fields(cls, made, zone, claim)
                assert quick == general, value


@pytest.mark.parametrize("cls", LEG_CLASSES)
def test_a_missing_field_of_a_leg_is_read_quickly(cls):
    """The full reader of a leg's field looks for the name, so a lookup must not leave a missing one to it."""
    unread = []
    quick_reader(cls)({}, IST, unread, False)
    assert unread == []


# --- Ordinary payloads take the quick lane


def takes(content_type, body):
    """Return whether a quick lane decodes the body."""
    raw = {
        JSON: lambda: from_json._SCAN_SHORT(body.decode(), 0)[1] == len(body),
        FORM: lambda: from_form._plain_form(body),
        "multipart/form-data": lambda: from_multipart._plain_form(body, content_type.partition("=")[2].encode()),
    }
    return bool(raw[content_type.partition(";")[0]]())


@pytest.mark.parametrize("encoding", ENCODERS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_is_read_quickly(name, encoding):
    """An ordinary body, or one of its fields, is left to the general code, which takes several times as long."""
    for content_type, body, *_ in SCENARIOS[name].deliveries(ENCODERS[encoding]):
        assert takes(content_type, body)
        share, quick, general = compare_parse(body, content_type)
        assert (share, quick) == (1, general)


@pytest.mark.parametrize(
    "payload",
    [
        PAGE,
        {**PAGE, "Price": "1.500", "Carrier": None},
        {**PAGE, "Legs": []},
        {**PAGE, "To": "911", "CustomField": " uNdefined "},
        {**PAGE, "From": None, "CallFrom": "08012345678", "To": ""},
        {**PAGE, "Sid": "a"},
        {"Sid": "a", "Status": "busy"},
        {**PAGE, "StartTime": "2024-01-15T14:25:12+05:30", "EndTime": "2024-01-15 14:25:12Z"},
        {**PAGE, "StartTime": "0000-00-00 00:00:00"},
        {**PAGE, "EndTime": "2024-01-15T14:30:45"},
        {**PAGE, "EndTime": "1970-01-01 05:30:00", "StartTime": "", "RecordingUrl": "null", "EventType": ""},
        {**PAGE, "Status": "NO-ANSWER", "Direction": "outbound api", "ConversationDuration": "0320"},
    ],
)
def test_ordinary_fields_are_read_quickly(payload):
    """A usual spelling of a value is left to the full reader."""
    share, quick, general = compare_parse(payload, None)
    assert (share, quick) == (1, general)


@pytest.mark.parametrize(("cls", "row"), [(cls, row) for cls, row in FIELDS if row.kind.enum])
def test_documented_values_are_read_quickly(cls, row):
    """A documented value is left to the full reader, or one for an unknown value is not."""
    for member in row.kind.enum:
        for value in (member.value, member.value.upper(), member.value.replace("-", " ")):
            unread = []
            quick_reader(cls)({row.names[0]: value}, IST, unread, True)
            assert (row.attribute in unread) == (member.name in NOT_SENT_NAMES and value.lower() != "null"), value


def test_the_first_second_of_a_day_is_not_24_oclock(monkeypatch):
    """Newer Pythons read 24 o'clock as the next day, and the lookup takes it."""
    read = quick_reader(StatusCallback)
    monkeypatch.setitem(read.__globals__, "from_iso", lambda _: datetime(2024, 1, 16))  # noqa: DTZ001 - the lookup adds the zone
    monkeypatch.setattr(lookups, "datetime", mock.Mock(fromisoformat=lambda _: datetime(2024, 1, 16, tzinfo=UTC)))
    for offset in ("", "Z"):
        unread = []
        read({"EndTime": f"2024-01-16 00:00:00{offset}"}, IST, unread, False)
        assert "end_time" not in unread
        read({"EndTime": f"2024-01-15 24:00:00{offset}"}, IST, unread, False)
        assert "end_time" in unread


# --- Bodies that almost fit

# The quick lane takes these forms.
FORMS = [
    b"CallSid=a&Status=busy",
    b"CallSid=a%26b&Status=busy",
    b"CallSid=a&Status=busy&To=x%26From%26",
    b"CallSid=%61%2b+%2B&Status=busy&To=%e0%a4%85%7F%1F",
    b"%EF%BB%BFX=1&CallSid=a&Status=busy",
    b"CallSid=a&Status=&To=",
]
# It leaves these to the general code.
OTHER_FORMS = {
    "empty": b"",
    "byte order mark": b"\xef\xbb\xbfX=1&CallSid=a",
    "escaped equals sign in a name": b"Call%3DSid=a&CallSid=a",
    "invalid escape": b"CallSid=a%zz",
    "percent sign at the end": b"Status=busy&CallSid=a%",
    "half an escape at the end": b"Status=busy&CallSid=a%4",
    "two percent signs": b"CallSid=a%%41",
    "soft line break": b"CallSid=a%\nb",
    "control character": b"CallSid=a\x01b",
    "escaped separator of its own": b"CallSid=a&To=%02From%01y",
    "half of a character": b"CallSid=a&To=\xc3%A9",
    "not UTF-8 when unescaped": b"CallSid=a&To=%C3",
    "surrogate when unescaped": b"CallSid=a&To=%ED%A0%80",
    "no name": b"CallSid=a&=x",
    "no equals sign": b"CallSid=a&To",
    "two equals signs": b"CallSid=a&To=x%26From=y",
    "one too few and one too many": b"CallSid=a&To&From=x=y",
    "empty pair": b"CallSid=a&&Status=busy",
    "separator at the end": b"CallSid=a&",
    "NUL": b"CallSid=a%00",
    "repeated": b"CallSid=a&CallSid=b",
    "too many fields": b"&".join(b"n%d=1" % n for n in range(1_025)),
}


@pytest.mark.parametrize("body", FORMS)
def test_plain_forms(body):
    """A plain form is left to the general code."""
    share, quick, general = compare_form(body, header())
    assert (share, quick) == (True, general)


@pytest.mark.parametrize("name", OTHER_FORMS)
def test_other_forms(name):
    """A form that is not plain is taken by the quick lane, or read in another way."""
    share, quick, general = compare_form(OTHER_FORMS[name], header())
    assert (share, quick) == (False, general)


@pytest.mark.parametrize("codec", ["latin-1", "ascii", "utf-16"])
def test_other_charsets(codec):
    """A form of another charset, or one that was decoded before, is taken by the quick lane and read as UTF-8."""
    form, parts = b"CallSid=caf%C3%A9", multipart([("CallSid", "caf\u00e9")])
    for compare, body in ((compare_form, form), (compare_multipart, parts)):
        for arguments in ((body, header(codec=codec)), (body.decode(), header())):
            share, quick, general = compare(*arguments)
            assert (share, quick) == (False, general)


LEAST_JSON = json.dumps(LEAST).encode()
JSON_BODIES = [
    LEAST_JSON,
    json.dumps({**PAGE, "CustomField": "x" * 3_000, "More": 10**4_000}).encode(),
    b'{"a": "\\u0000", "b": "\\ud800"}',
    b'{"a": 1, "a": {"b": [1]}}',
    b'{"a":' + b"[" * 15 + b"]" * 15 + b"}",
    b'{"a":' + b"[" * 16 + b"]" * 16 + b"}",  # nested one level too deep
    b'{"a": {}, "b": [' + b'{"a":' * 14 + b"1" + b"}" * 14 + b"]}",
    b'{"a": [' + b'{"a":' * 15 + b"1" + b"}" * 15 + b"]}",  # nested one level too deep
    b"{}",
]
OTHER_JSON_BODIES = {
    "empty": b"",
    "whitespace before": b" " + LEAST_JSON,
    "line end after": LEAST_JSON + b"\r\n",
    "more after": LEAST_JSON + b" x",
    "whitespace that JSON doesn't have": LEAST_JSON + b"\x0b",
    "NaN": b'{"a": NaN}',
    "cut off": LEAST_JSON[:-1],
    "not UTF-8": b'{"CallSid": "\xff"}',
    "control character": b'{"a": "\0"}',
    "nested too deeply": b'{"a":' + b"[" * 10_000,
}


@pytest.mark.parametrize("body", JSON_BODIES, ids=range(len(JSON_BODIES)))
def test_plain_json(body):
    """JSON without whitespace around it is left to the general code."""
    share, quick, general = compare_json(body, header(JSON))
    assert (share, quick) == (True, general)


@pytest.mark.parametrize("name", OTHER_JSON_BODIES)
def test_other_json(name):
    """Other JSON is taken by the scanner, or read in another way."""
    share, quick, general = compare_json(OTHER_JSON_BODIES[name], header(JSON))
    assert quick == general
    assert not share or name == "not UTF-8"  # Such a body is refused before.


PARTS = multipart(LEAST.items())
OTHER_PARTS = {
    "empty": b"",
    "another header": multipart(LEAST.items(), headers="Content-Type: text/plain; charset=latin1\r\n"),
    "file": PARTS.replace(b'"Status"', b'"Status"; filename="a"'),
    "header in lower case": PARTS.replace(b"Content-D", b"content-d"),
    "name without quotes": PARTS.replace(b'"Status"', b"Status"),
    "two names": PARTS.replace(b'"Status"', b'"Status"; name="x"'),
    "escaped quote in a name": multipart([("a", "1"), ('a\\"b', "2")]),
    "percent sign in a name": multipart([("a", "1"), ("a%22b", "2")]),
    "backslash in a name": multipart([("a", "1"), ("a\\b", "2")]),
    "backtick in a name": multipart([("a", "1"), ("a`b", "2")]),
    "name without an end": multipart([("a", "1"), ("b", "2")]).replace(b'"b"\r\n\r\n2', b'"b'),
    "character in a name that isn't ASCII": multipart([("caf\u00e9", "1")]),
    "no name": multipart([("", "1")]),
    "long name": multipart([("a" * 5_000, "1")]),
    "line feeds": PARTS.replace(b"\r\n", b"\n"),
    "no boundary at the end": PARTS.replace(b"--x--", b""),
    "another boundary at the end": PARTS.replace(b"--x--", b"--y--"),
    "cut off": PARTS[:-6],
    "text before": b"text\r\n" + PARTS,
    "text after": PARTS + b"text",
    "ends twice": PARTS + b"--x--\r\n",
    "boundary in a value": multipart([("a", "--x"), ("b", "2")]),
    "longer boundary in a value": multipart([("a", "\r\n--xy\r\n"), ("b", "2")]),
    "end in a value": multipart([("a", "\r\n--x--"), ("b", "2")]),
    "repeated": multipart([("a", "1"), ("a", "2")]),
    "not UTF-8": PARTS.replace(b"completed", b"comp\xff"),
    "too many parts": multipart([(f"n{number}", "") for number in range(1_025)]),
}


@pytest.mark.parametrize(
    "body",
    [
        PARTS,
        PARTS.rstrip(),
        multipart([("a", ""), ("b", "\r\n"), ("c", '"\r\n\r\n'), ("d", "-\r\n--"), ("e", "\0")]),
        multipart([("a", "\ufeff1")]),
        multipart([("Legs[0][Status]", "caf\u00e9"), ("a b;c=d", "2"), ("a" * 1_000, "3")]),
    ],
    ids=range(5),
)
def test_plain_multipart(body):
    """A body whose parts are plain is left to the package."""
    share, quick, general = compare_multipart(body, header(MULTIPART))
    assert (share, quick) == (True, general)


@pytest.mark.parametrize("name", OTHER_PARTS)
def test_other_multipart(name):
    """A body that is not plain is taken by the quick lane, or read in another way than the package reads it."""
    share, quick, general = compare_multipart(OTHER_PARTS[name], header(MULTIPART))
    assert (share, quick) == (False, general)


@pytest.mark.parametrize("boundary", ["----WebKitFormBoundaryABC123", "-", "--", "x--", "'()+_,./:=?", "b" * 200])
def test_plain_boundaries(boundary):
    """A boundary of the usual characters is left to the package, or splits a body in another way."""
    share, quick, general = compare_multipart(multipart(LEAST.items(), boundary), Header("", "utf-8", boundary))
    assert (share, quick) == (True, general)


@pytest.mark.parametrize("boundary", ["a b;c", 'quo"te', "%", "*"])
def test_other_boundaries(boundary):
    """A boundary of other characters is taken by the quick lane."""
    share, quick, general = compare_multipart(multipart(LEAST.items(), boundary), Header("", "utf-8", boundary))
    assert (share, quick) == (False, general)


LEG = {"OnCallDuration": 1, "Status": "busy", "AnsweredBy": "NA"}
LEG_KEYS = {f"Legs[0][{name}]": value for name, value in LEG.items()}
LEGS = {
    "two": {"Legs": [LEG, {"Status": None}]},
    "empty": {"Legs": [{}, {}]},
    "as many as the limit": {"Legs": [LEG] * 64},
    "too many": {"Legs": [LEG] * 65},
    "tuple": {"Legs": (LEG,)},
    "number as a name": {"Legs": [{**LEG, 5: "x"}]},
    "not a list": {"Legs": ""},
    "bytes": {"Legs": b""},
    "JSON string": {"Legs": json.dumps([LEG])},
    "not an object": {"Legs": ["abc"]},
    "null": {"Legs": [LEG, None]},
    "wrapped": {"Legs": [{"Leg": {"Id": 2, **LEG}}]},
    "id": {"Legs": [{**LEG, "Id": 2}]},
    "negative duration": {"Legs": [{**LEG, "OnCallDuration": -1}]},
    "NUL": {"Legs": [{**LEG, "Status": "\0"}]},
    "bracket keys": LEG_KEYS,
    "bracket keys and a list": {**LEG_KEYS, "Legs": [{**LEG, "Status": "failed"}]},
    "bracket keys and an empty list": {**LEG_KEYS, "Legs": []},
    "bracket keys and an empty string": {**LEG_KEYS, "Legs": ""},
    "bracket keys with a hole": {**LEG_KEYS, "Legs[2][Status]": "busy"},
    "bracket keys without the first": {"Legs[1][Status]": "busy"},
    "percent-encoded bracket keys": {"Legs%5B0%5D%5BStatus%5D": "busy"},
    "another bracket key": {**LEG_KEYS, "Legs[0][Cause]": "16"},
    "deeper bracket key": {**LEG_KEYS, "Legs[0][Status][0]": "busy"},
    "more than usual": {f"Legs[{position}][Status]": "busy" for position in range(12)},
    "unknown field": {**LEG_KEYS, "Price": "1"},
    "as many bracket keys as fields": {**LEG_KEYS, "Legs": [LEG], "Legs[0][Cause]": "16"},
    "invalid values in bracket keys": {**LEG_KEYS, "Legs[0][OnCallDuration]": -1, "Legs[1][Status]": "odd"},
    "name that resembles a bracket key": {**LEG_KEYS, "MyLegs": "1"},
}


@pytest.mark.parametrize("name", LEGS)
def test_legs_of_many_shapes(name):
    """Legs of one shape are read in another way at once than by their positions."""
    payload = {**LEAST, **LEGS[name]}
    for arguments in ((payload, None), (list(payload.items()), None)):
        _, quick, general = compare_parse(*arguments)
        assert quick == general
    if name not in {"bytes", "tuple"}:
        _, quick, general = compare_parse(json.dumps(payload).encode(), JSON)
        assert quick == general


# These legs are read by quick lookups, and others by the reader of any shape.
USUAL_LEGS = ["two", "empty", "as many as the limit", "id", "negative duration", "NUL", "bracket keys", "unknown field"]
USUAL_LEGS += ["invalid values in bracket keys"]


@pytest.mark.parametrize("name", LEGS)
def test_usual_legs_are_read_quickly(name):
    """Legs in a list or in usual bracket keys are left to the reader of any shape, or others are not."""
    with mock.patch.object(event, "read_legs", return_value=()) as read_legs:
        parse({**LEAST, **LEGS[name]})
    assert read_legs.called is (name not in USUAL_LEGS)


@pytest.mark.parametrize("encoding", ENCODERS)
def test_legs_are_read_quickly_beside_other_fields(encoding):
    """Another field that is unknown, missing or invalid leaves the legs to the reader of any shape."""
    for changes in ({"Price": "1"}, {"CallFrom": "1"}, {"From": ..., "EventType": ...}, {"Status": "odd"}):
        payload = {name: value for name, value in {**PAGE, **changes}.items() if value is not ...}
        body, content_type = ENCODERS[encoding](payload)
        with mock.patch.object(event, "read_legs") as read_legs:
            assert len(parse(body, content_type).legs) == 2
        assert not read_legs.called


def test_a_missing_status_does_not_hide_a_bracket_key():
    """The missing name is counted as received, so that the bracket key seems to be a known name."""
    payload = {"CallSid": "a", "Legs": [{"Status": "busy"}], "Legs[0][Status]": "failed"}
    _, quick, general = compare_parse(payload, None)
    assert quick == general
    assert IssueCode.CONTRADICTING in [issue.code for issue in quick[-1]]


def test_usual_bracket_keys_over_the_limit():
    """The quick lookups read more legs than the limit, or leave no issue."""
    value = parse({**LEAST, **LEG_KEYS, "Legs[1][Status]": "busy"}, limits=Limits(legs=1))
    assert (len(value.legs), [issue.code for issue in value.issues]) == (1, [IssueCode.TOO_MANY_LEGS])


# --- What a payload claims


@pytest.mark.parametrize(
    ("body", "content_type", "claim"),
    [
        (LEAST_JSON, JSON, True),
        (LEAST_JSON.decode(), JSON, False),
        (b'{"CallSid": "\\u0041"}', JSON, False),
        (LEAST_JSON.decode().encode("utf-16"), f"{JSON}; charset=utf-16", True),
        (b"CallSid=caf%C3%A9", FORM, True),
        (b"CallSid=%00", FORM, False),
        ("CallSid=\ud800", FORM, False),
        (PARTS, MULTIPART, True),
        (multipart([("a", "\0")]), MULTIPART, False),
        (PARTS.decode(), MULTIPART, False),
        (LEAST, None, False),
    ],
)
def test_a_payload_that_claims_to_be_storable(body, content_type, claim):
    """A decoder claims it of a string that may hold NUL or a lone surrogate, or not of an ordinary body."""
    raw = decode(body, content_type, Limits())
    assert raw.is_storable is claim
    assert not (claim and has_unstorable(raw))


# --- A value that was read quickly is like any other


@pytest.mark.parametrize(
    ("read", "payload", "cls"),
    [
        (parse, PAGE, StatusCallback),
        (parse_passthru, {"CallSid": "a"}, PassthruEvent),
        (parse_popup, {"CallSid": "a", "EventType": "Dial"}, PopupEvent),
    ],
)
def test_the_class_is_the_public_one(read, payload, cls):
    """A value keeps the mutable class with which it was filled."""
    value = read(payload)
    assert type(value) is cls
    assert {type(leg) for leg in getattr(value, "legs", ())} <= {Leg}


def test_each_attribute_is_set():
    """An attribute is neither read nor set, which raises `AttributeError` when it is used."""
    popup = parse_popup({"CallSid": "a", "EventType": "Dial"})
    for value in (parse(LEAST), parse_passthru({"CallSid": "a"}), popup, *parse(PAGE).legs):
        assert not [name for name in table_of(type(value)).rows if not hasattr(value, name)]


def test_the_value_is_like_any_other():
    """It is mutable, or differs from one that was read field by field."""
    quick = parse(PAGE)
    with without_lanes():
        general = parse(PAGE)
    for value, name in ((quick, "status"), (quick, "raw"), (quick.legs[0], "status")):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(value, name, None)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            delattr(value, name)
    assert hash(quick) == hash(general)
    for same in (copy.copy(quick), copy.deepcopy(quick), pickle.loads(pickle.dumps(quick)), attrs.evolve(quick)):
        assert (same, same.raw, type(same)) == (general, general.raw, StatusCallback)
    assert (quick.event_key, quick.outcome, repr(quick)) == (general.event_key, general.outcome, repr(general))
