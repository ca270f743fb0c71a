"""Test that a payload means the same in every encoding, whatever its shape is.

JSON, two kinds of forms, multipart, nested and flat mappings, pairs and a multi-dict are compared. The strategies don't
draw values that a form can't express: empty objects and lists below a leg, booleans in a field, names with ``]``, and
lone surrogates.
"""

import json
from collections import UserDict
from urllib.parse import parse_qs, urlencode

from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from exotel_callback import CallbackError, Limits, parse, parse_passthru
from exotel_callback._fields.kinds import as_text
from exotel_callback._fields.shapes import normal
from helpers import FORM, JSON, LEAST, MULTIPART, multipart

SMALL = Limits(legs=3)
ALPHABET = "ab01.\u0663\ufeff %"
NAMES = ["OnCallDuration", "Status", "AnsweredBy", "Number", "Cause", "Id", "Leg", "RingingDuration", "Insights"]
INDEXES = [
    *"0123",
    "00",
    "01",
    "-1",
    "",
    "a",
    "\u0663",
    " 0",
    "0 ",
    "+1",
    "1.0",
    "0x1",
    "9" * 30,
    "[0",
    "Leg",
    "Status",
]
WORDS = ["completed", "busy", "no-answer", "in-progress", "free", "Human", "NA", "", "null", "41", "-5", "4.39", "007"]
WORDS += ["[", "[]", "{}", "\ufeffbusy", "\ufeff", "true", "1e300", "2024-01-15 14:30:45", " busy ", "a\0b", "a&b=c"]

names = st.sampled_from(NAMES) | st.sampled_from(INDEXES) | st.text(ALPHABET, max_size=3)
texts = st.sampled_from(WORDS) | st.text(ALPHABET, max_size=4)
numbers = st.sampled_from([0, 1, 41, -5, 4.39, 1e300, 12.0, 10**20, 10**400])
leaves = st.none() | texts | numbers
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(names, inner, min_size=1, max_size=3),
    max_leaves=5,
)
fields = st.dictionaries(st.sampled_from(NAMES[:6]), leaves, max_size=4) | st.dictionaries(names, values, max_size=4)
ids = st.sampled_from([1, 2, "1", "2", "0", "02", "x", 3, 4, 10**20, "9" * 5_000, None])
wrapped = st.builds(
    lambda number, inner, beside: {"Leg": {"Id": number, **inner}, **beside},
    ids,
    fields,
    st.just({}) | st.just({}) | fields,
)
one_leg = fields | wrapped | st.fixed_dictionaries({"Leg": values}) | values | st.sampled_from([{}, [], True])
legs = (
    st.lists(one_leg, max_size=5)
    | st.dictionaries(st.sampled_from(INDEXES), one_leg, max_size=4)
    | st.fixed_dictionaries({"Leg": st.lists(one_leg, max_size=3) | one_leg})
    | values
    | st.sampled_from([[], {}, False])
)
TOP = [
    "DateUpdated",
    "To",
    "CallTo",
    "From",
    "CallFrom",
    "Sid",
    "ConversationDuration",
    "Direction",
    "CustomField",
    "X",
]
scalars = st.dictionaries(st.sampled_from(TOP), leaves, max_size=3)
# `CallSid` and `Status` are sometimes missing or invalid, too.
starts = st.sampled_from([LEAST, LEAST, LEAST, {"Status": "busy"}, {"CallSid": ""}, {**LEAST, "Status": "\ufefffree"}])


def text_of(value):
    """Write a value as a form does."""
    if value is None or value in ([], {}):
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def flattened(name, value):
    """Write a value as PHP's ``http_build_query`` does, except that an empty one has a name, too."""
    if not value or not isinstance(value, dict | list):
        return [(name, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [pair for key, item in items for pair in flattened(f"{name}[{key}]", item)]


def bodies(pairs):
    """Return each kind of form, and what frameworks decode from it."""
    pairs = [(name, text_of(value)) for name, value in pairs]
    return {
        "urlencoded": (urlencode(pairs).encode(), FORM),
        "multipart": (multipart(pairs), MULTIPART),
        "pairs": (pairs, None),
        "multi-dict": (MultiDict(pairs), None),
        "parse_qs": (parse_qs(urlencode(pairs), keep_blank_values=True), None),
    }


def encoded(payload):
    """Return a payload in every encoding."""
    told = payload.get("Legs")
    brackets = [
        pair
        for name, value in payload.items()
        for pair in (flattened(name, value) if name == "Legs" else [(name, value)])
    ]
    as_json = {**payload, "Legs": told if isinstance(told, str) else json.dumps(told)} if "Legs" in payload else payload
    found = {
        "JSON": (json.dumps(payload).encode(), JSON),
        "JSON with bracket keys": (json.dumps(dict(brackets)).encode(), JSON),
        "flat dict": (dict(brackets), None),
        **bodies(brackets),
        **{f"{name} with JSON": body for name, body in bodies(as_json.items()).items()},
    }
    # In a mapping, a list of strings is the values of a repeated name.
    if not (told and isinstance(told, list) and all(isinstance(leg, str) for leg in told)):
        found["nested dict"] = payload, None
        found["nested mapping"] = UserDict(payload), None
    return found


def meaning(payload, content_type, read=parse, **options):
    """Return all of an event or of its error, in a form that doesn't depend on the encoding."""
    try:
        event = read(payload, content_type, **options)
    except CallbackError as error:
        return type(error), str(error), error.status_hint, [(*issue_of(issue),) for issue in error.issues]
    extra = [(name, shown(value)) for name, value in event.extra.items()]
    key = event.event_key if read is parse else None
    return event, [(*issue_of(issue),) for issue in event.issues], extra, key


def shown(value):
    """Write an unknown field as a form does. ``parse_qs`` makes a list of each value."""
    if isinstance(value, tuple):
        return "|".join(map(shown, value))
    return as_text(normal(value)) if value != {} else ""


def issue_of(issue):
    return issue.path, issue.code, issue.message, issue.value


@given(
    starts, scalars, legs, st.booleans(), st.sampled_from([parse, parse_passthru]), st.sampled_from([Limits(), SMALL])
)
def test_every_encoding_has_one_meaning(start, more, told, strict, read, limits):
    """The fields, issues, unknown fields, key or error of a payload depend on its encoding."""
    found = encoded({**start, **more, "Legs": told})
    expected = meaning(*found.pop("JSON"), read, strict=strict, limits=limits)
    for name, body in found.items():
        assert meaning(*body, read, strict=strict, limits=limits) == expected, name


pairs = st.lists(
    st.tuples(
        st.sampled_from(["CallSid", "Status", "Sid", *TOP, "Legs"])
        | st.builds("Legs[{}]".format, st.sampled_from(INDEXES))
        | st.builds("Legs[{}][{}]".format, st.sampled_from(INDEXES), names)
        | st.builds("Legs[{}][Leg][{}]".format, st.sampled_from("012"), names)
        | st.builds("Legs[{}][{}][{}]".format, st.sampled_from("012"), names, names)
        | st.sampled_from(["Legs%5B0%5D%5BStatus%5D", "Legs%5b00%5d", "Legs[0", "Legs[0]x", "Legs[", "Legs%5B"]),
        texts,
    ),
    max_size=8,
)


@given(starts, pairs, st.booleans(), st.sampled_from([parse, parse_passthru]))
def test_repeated_names_have_one_meaning(start, more, strict, read):
    """The meaning of repeated, broken or contradicting names depends on the encoding."""
    found = bodies([*start.items(), *more])
    expected = meaning(*found.pop("urlencoded"), read, strict=strict)
    for name, body in found.items():
        assert meaning(*body, read, strict=strict) == expected, name
