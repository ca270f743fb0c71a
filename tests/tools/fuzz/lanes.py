"""Compare each quick lane with the general code that it stands in for, on random payloads.

A quick lane may leave a payload to the general code. If it takes the payload, both must give the same result, value by
value and type by type. A payload that claims to be storable must not hold a string with NUL or a lone surrogate. The
program exits with 1 at the first difference::

    python tests/tools/fuzz/lanes.py --count 2000000 --seed 1 --lane form --jobs 2

The payloads are ordinary ones with a few changes, so most of them almost fit. The tests in
``tests/unit/test_quick_lanes.py`` use the same generators.
"""

import argparse
import copy
import json
import multiprocessing
import random
import sys
import time
from collections import UserDict
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from datetime import UTC, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unittest import mock
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import attrs
from werkzeug.datastructures import MultiDict

from exotel_callback import (
    IST,
    CallbackError,
    CallStatus,
    Leg,
    PassthruEvent,
    PassthruLeg,
    PopupEvent,
    StatusCallback,
    parse,
    parse_passthru,
)
from exotel_callback._encode import form_pairs
from exotel_callback._fields.kinds import EMPTY_DATES, UNSTORABLE
from exotel_callback._fields.quick import quick_reader
from exotel_callback._fields.reader import FieldReader
from exotel_callback._fields.shapes import normal
from exotel_callback._fields.table import wire_fields
from exotel_callback._model._open import open_class
from exotel_callback._parse import event, legs
from exotel_callback._wire import from_form, from_json, from_mapping, from_multipart
from exotel_callback._wire.payload import RawPayload, freeze_json, unfrozen_items
from exotel_callback._wire.text import Header, to_text
from helpers import PAGE

LEG_CLASSES = (Leg, PassthruLeg)
CLASSES = (StatusCallback, PassthruEvent, PopupEvent, *LEG_CLASSES)
MAX_VALUES = 65_536


class Comparison(NamedTuple):
    """The results of a quick lane and of the general code for one payload."""

    share: float
    """How much of it the quick lane took, from 0 to 1."""
    quick: object
    general: object


# --- Values

DATES = [
    "2024-01-15 14:25:12",
    "2024-01-15T14:25:12",
    "2024-02-29 00:00:00",
    "1970-01-01 05:30:00",
    "0000-00-00 00:00:00",
    "0001-01-01 00:00:00",
    "9999-12-31 23:59:59",
    "2024-02-30 12:00:00",
    "2024-01-15 24:00:00",
    "2024-01-15 23:59:60",
    "2024-01-15_14:25:12",
    "2024-01-15 14:25:",
    "2024-01-15 14:25:1",
    "2024-01-15 14:25:1Z",
    "2024-W03-1T14:25:12",
    "20240115T142512.123",
    "2024-01-15T14:25+05",
    "2024-01-15 14:25:1\u0662",
    "\uff12024-01-15 14:25:12",
    " 024-01-15 14:25:12",
    "2024-01-15 14:25:12 ",
    "2024-01-15T14:25:12Z",
    "2024-01-15 14:25:12+05:30",
    "2024-01-15 14:25:12.5",
    "2024-01-15 14:25:12+05:60",
    "1970-12-31 23:59:59",
    "1971-01-01 05:29:59",
    "1971-01-01 05:30:00",
    "1000-01-01 00:00:00",
    "0000-00-00 00:00:00.000",
    "1970-01-01 05:30:00+05:30",
    "Thu, 1 Jan 1970 05:30:00",
    "Fri, 1 Jan 1971 05:30:00",
    "2024-01-15T14:25:12-0530",
    "2024-01-15 14:25:12+05",
    "2024-01-15 14:25:12+05:30:15",
    "2024-01-15 14:25:12+053015",
    "2024-01-15 14:25:12+05:3",
    "2024-01-15T14:25:12z",
    "2024-01-15T14:25:12+24:00",
    "2024-01-15T14:25:12.5+05:30",
    "2024-01-15_14:25:12+05:30",
    "2024-01-15 24:00:00+05:30",
    "2024-01-15 00:00:00Z",
    "2024-W03-1T14:25:12Z",
    "1969-12-31 23:59:59",
    "1970-01-01T00:00:00Z",
    "0001-01-01T00:00:00+05:30",
    "0000-00-00T00:00:00Z",
    "Mon, 15 Jan 2024 14:25:12",
    # Sorted, because the order of a set differs from process to process, and the payloads of a seed must not.
    *sorted(EMPTY_DATES),
    *map(str.upper, sorted(EMPTY_DATES)),
]
ENUM_VALUES = ["completed", "COMPLETED", "in-progress", "in progress", "In_Progress", "cancelled", "free", "unknown"]
ENUM_VALUES += [
    "terminal",
    "answered",
    "inbound",
    "incoming",
    "outgoing",
    "outbound-api",
    "Human",
    "NA",
    "not sure",
    " busy ",
]
ENUM_VALUES += ["not-attempted", "client-hangup", "call-attempt", "to_leg_canceled", "ringing", "b\u0131sy"]
EMPTY = [None, "", " ", "null", "NULL", "None", "undefined", "nul", "\x1f", "\u2003"]
NUMBERS = [0, 5, 999_999_999, 1_000_000_000, -1, 1.5, 12.0, -0.0, True, False, "0", "007", "12.0", "999999999"]
NUMBERS += ["1000000000", "-1", "1_0", "\u0661", "\u00b2", " 5 ", "+5", "5\n", 10**30, float("1e300")]
STRINGS = ["x", " x ", "a\0b", "\ud800", "\U0001f600", "caf\u00e9", "a&b=c", "a+b", "100%", "%41", '"q"', "\\u0041"]
STRINGS += ["\\", "\ufeffx", "\0", "\x85x", "911", "a\rb", "a\r\nb", "--x", "\r\n--x", "a;b", "\x7f", '"1"']
NESTED = [[], [1], {}, {"a": 1}, ["a", "a"], [{"a": ["\0"]}], {"\0": {}}, [[[]]], 10**400]
POOLS = [DATES, ENUM_VALUES, EMPTY, NUMBERS, STRINGS, NESTED]
USUAL = {
    **dict.fromkeys(("DateUpdated", "DateCreated", "StartTime", "EndTime", "Created", "CurrentTime"), DATES),
    **dict.fromkeys(("Status", "EventType", "Direction", "AnsweredBy", "CallType", "DialCallStatus"), ENUM_VALUES),
    **dict.fromkeys(("ConversationDuration", "OnCallDuration", "DialCallDuration"), NUMBERS),
}
NAMES = ["CallFrom", "CallTo", "Sid", "Price", "Carrier", "Legs[0][Status]", "Legs[1][OnCallDuration]", "Legs[0]"]
NAMES += ["legs", "Legs[2][Status]", "Legs%5B0%5D%5BStatus%5D", "Legs[0][Insights][Status]", "\ufeffX", "a=b", ""]
NAMES += ["Legsy", "status", "a b", "a+b", "\0", "\ud800", 'a"b', "a\\b", "a%22b", "a;b", "caf\u00e9", "_charset_"]


class _Text(str):
    __slots__ = ()


class _Number(int):
    pass


class _Real(float):
    pass


class _Color(IntEnum):
    RED = 3


class _Upload:
    filename = "a.wav"


@cache
def objects():
    """Return values that only a mapping of a framework or a caller can hold."""
    named = [type(name, (), {})() for name in ("Thing", "123", "", "null")]
    numbers = [Decimal("1.50"), Decimal(5), Decimal("NaN"), Decimal("sNaN"), _Number(5), _Color.RED, _Real(2)]
    strings = [_Text("busy"), _Text("a\0b"), CallStatus.BUSY, b"busy"]
    return [*named, *numbers, *strings, _Upload(), {1}, ("a",), ["a", "b"]]


def value_of(name, rng):
    """Choose a value, most often one of the kind that the field has."""
    pool = USUAL.get(name, STRINGS) if rng.random() < 0.6 else rng.choice(POOLS)
    return copy.deepcopy(rng.choice(pool))


def leg(rng):
    """Make a leg."""
    made = {"OnCallDuration": rng.choice([0, 5, "5", "", None]), "Status": rng.choice(["completed", "busy", None, ""])}
    if rng.random() < 0.3:
        made["AnsweredBy"] = rng.choice(["Human", "Machine", None, "", "NotSure"])
    if rng.random() < 0.1:
        made.pop(rng.choice(list(made)))
    if rng.random() < 0.1:
        name = rng.choice(["OnCallDuration", "Status", "AnsweredBy", "Id", "Leg"])
        made[name] = value_of(name, rng)
    return made


def payload(rng):
    """Make an ordinary payload with a few changes, or without any."""
    made = {**PAGE, "CallSid": f"{rng.getrandbits(128):032x}"}
    made["Legs"] = [leg(rng) for _ in range(rng.choice([0, 1, 2, 2, 2, 3]))]
    for _ in range(rng.choice([0, 0, 1, 1, 2, 4])):
        match rng.randrange(6):
            case 0:
                made.pop(rng.choice(list(made)), None)
            case 1 | 2 | 3:
                name = rng.choice(list(PAGE))
                made[name] = value_of(name, rng)
            case 4:
                made[rng.choice(NAMES)] = value_of("", rng)
            case _:
                items = list(made.items())
                rng.shuffle(items)
                made = dict(items)
    return made


def pairs_of(made, rng):
    """Return a payload as the pairs of a form, sometimes with a repeated name."""
    found = list(form_pairs(made, rng.choice(["", "null"])))
    if rng.random() < 0.1 and found:
        found.append(rng.choice(found) if rng.random() < 0.5 else (rng.choice(found)[0], "other"))
    return found


def damaged(body, tokens, rng):
    """Insert a token, or cut a few bytes."""
    at = rng.randrange(len(body) + 1)
    return body[:at] + rng.choice(tokens) + body[at + rng.choice([0, 0, 0, 1, 5]) :]


def as_string(body, rng):
    """Decode a few of the bodies to strings, as some callers do."""
    return body.decode("utf-8", "surrogateescape") if rng.random() < 0.05 else body


# --- JSON

_JSON_TOKENS = [b"\xff", b"\0", b"\\u0000", b"\\ud800", b"\\u0041", b"NaN", b"-Infinity", b"[", b"]", b"{", b"}"]
_JSON_TOKENS += [b" ", b"\n"]
_JSON_TOKENS += [b"\x0b", b",", b'"', b"\\", b'"a":1,', b'"Status":"busy",', b"\xef\xbb\xbf", b"\xed\xa0\x80"]
_JSON_TOKENS += [b"9" * 400, b"1e999"]
_AROUND = [b" ", b"\r\n", b"\t", b"\x0b", b"\xc2\xa0", b"\xef\xbb\xbf", b"x", b"{}", b","]


def json_body(rng):
    """Make a JSON body and its header."""
    made = payload(rng)
    if rng.random() < 0.1:
        made["More"] = rng.choice(["x" * 3_000, 10 ** rng.choice([2_000, 4_000]), ["x"] * 200])
    if rng.random() < 0.1:
        for _ in range(rng.randrange(20)):
            made = {"a": made, **made} if rng.random() < 0.3 else {"a": [made.get("Status", made)]}
    layout = rng.choice([{}, {}, {"separators": (",", ":")}, {"indent": 1}])
    text = json.dumps(made, ensure_ascii=rng.random() < 0.6, **layout)
    codec = rng.choice(["utf-8"] * 12 + ["utf-16", "latin-1", "ascii"])
    body = text.encode(codec, "replace" if codec in {"latin-1", "ascii"} else "surrogatepass")
    if rng.random() < 0.2:
        body = damaged(body, _JSON_TOKENS, rng)
    if rng.random() < 0.1:
        body = rng.choice(_AROUND) + body
    if rng.random() < 0.1:
        body += rng.choice(_AROUND)
    if rng.random() < 0.01:
        body = rng.choice([b"", b" ", b"[]", b"null", b"\xef\xbb\xbf", b"\xff\xfe", b"5", b'""', body[1:], body[:-1]])
    return as_string(body, rng), Header("application/json", codec)


def compare_json(body, header):
    """Read JSON by the scanner, and by the decoder with every value frozen at once."""
    decoded = []

    def decode(text, general=from_json._decode):
        decoded.append(text)
        return general(text)

    with mock.patch.object(from_json, "_decode", decode):
        quick = outcome(from_json.from_json, body, header)
    return Comparison(not decoded, quick, outcome(_general_json, body, header))


def _general_json(body, header):
    value = from_json._decode(to_text(body, header.codec))
    if type(value) is not dict:
        raise from_json.not_an_object(value)
    return freeze_json(value)


# --- Forms

_FORM_TOKENS = [b"\xff", b"\0", b"&", b"=", b"&&", b"%", b"%0", b"%00", b"%0A", b"%1", b"%1f", b"%zz", b"%%41"]
_FORM_TOKENS += [b"%C3", b"%A9"]
_FORM_TOKENS += [b"%c3%a9", b"\xc3\xa9", b"\xc3%A9", b"+", b" ", b"\n", b"\r\n", b"%\n", b"%3D", b"%26", b"%25"]
_FORM_TOKENS += [b"%2B", b"\1", b"\2"]
_FORM_TOKENS += [b"%ED%A0%80", b"%EF%BB%BF", b"\xef\xbb\xbf", b"%7F", b"_", b"\t", b";", b"&a", b"&=a", b"&a="]
_FORM_TOKENS += [b"&a=b=c", b"%u0041"]


def form_body(rng):
    """Make a urlencoded body and its header."""
    quoted = {"quote_via": quote} if rng.random() < 0.3 else {}
    safe = rng.choice(["", "", "[]", "[]:", "[]: &="])
    text = urlencode(pairs_of(payload(rng), rng), errors="surrogatepass", safe=safe, **quoted)
    if rng.random() < 0.1:
        text = text.replace("%2", "%2", 1).lower() if rng.random() < 0.5 else text.replace("=", "", 1)
    body = text.encode()
    if rng.random() < 0.01:
        body += b"".join(b"&n%d=1" % number for number in range(rng.choice([900, 1_000, 1_010, 1_100])))
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
        body = damaged(body, _FORM_TOKENS, rng)
    if rng.random() < 0.05:
        body += rng.choice([b"%", b"%4", b"%41", b"&", b"=", b"\r\n", b" "])
    codec = rng.choice(["utf-8"] * 12 + ["latin-1", "ascii", "utf-16"])
    return as_string(body, rng), Header("application/x-www-form-urlencoded", codec)


def compare_form(body, header):
    """Read a form by `binascii`, and escape by escape."""
    return _compare_forms(from_form, from_form.from_form, body, header)


# Plain functions stand in for the quick lanes, because a mock takes longer to make than a payload takes to parse.
def _leave(*_given):
    """Leave a payload to the general code."""


def _scan_nothing(_text, _start):
    raise ValueError


def _compare_forms(module, decoder, body, header):
    taken = []

    def plain_form(*given, quick=module._plain_form):
        taken.append(quick(*given) is not None)
        return quick(*given)

    with mock.patch.object(module, "_plain_form", plain_form):
        quick = outcome(decoder, body, header)
    with mock.patch.object(module, "_plain_form", _leave):
        general = outcome(decoder, body, header)
    return Comparison(any(taken), quick, general)


# --- Multipart

_BOUNDARIES = ["x", "0a1b2c", "----WebKitFormBoundary7MA4YWxk"] * 20
_BOUNDARIES += ["x--", "-", "--", "-x", "a'b", "(x)", "=_x?", "b.c/d:e"]
_BOUNDARIES += ["x y", 'x"', "caf\u00e9", "", "b" * 70, "b" * 201, "x\r\n", "%", "[x]"]
_PART_HEADERS = ["Content-Type: text/plain\r\n", "Content-Type: text/plain; charset=latin1\r\n", "X-Other: 1\r\n"]
_PART_HEADERS += ["A" * 5_000 + ": 1\r\n"]
_DISPOSITIONS = [
    'Content-Disposition: form-data; name="{}"',
    "Content-Disposition: form-data; name={}",
    'content-disposition: form-data; name="{}"',
    'Content-Disposition:form-data; name="{}"',
    'Content-Disposition: form-data;name="{}"',
    'Content-Disposition: form-data; name="{}"; filename="a.txt"',
    'Content-Disposition: form-data; filename=""; name="{}"',
    "Content-Disposition: form-data; name=\"{}\"; filename*=utf-8''a",
    'Content-Disposition: form-data; name="{}";',
    'Content-Disposition: form-data; name="{}" ',
    'Content-Disposition: form-data; name="{}"; name="b"',
    'Content-Disposition: attachment; name="{}"',
    "Content-Disposition: form-data",
]
_PART_TOKENS = [b"\xff", b"\0", b"\r\n", b"\n", b"\r", b"--", b"-", b'"', b"\\", b"%22", b" ", b"\t"]
_PART_TOKENS += [b"\xef\xbb\xbf", b"\xc3\xa9", b"\xc3"]
_PART_TOKENS += [b'\r\nContent-Disposition: form-data; name="a"\r\n\r\n', b'"\r\n\r\n', b"\r\n\r\n", b";"]
_PART_TOKENS += [b"X-A: 1\r\n"]


def multipart_body(rng):
    """Make a multipart body and its header."""
    boundary = rng.choice(_BOUNDARIES)
    pairs = pairs_of(payload(rng), rng)
    if rng.random() < 0.05:
        pairs[0:1] = [(rng.choice(NAMES) * rng.choice([1, 1, 2, 500, 4_050]), "1")]
    line = rng.choice(["\r\n"] * 60 + ["\n", "\r"])
    text = rng.choice([""] * 90 + ["preamble", line, "--\r\n", f"--{boundary}\r\n"])
    for name, value in pairs:
        disposition, others, shown = _DISPOSITIONS[0], ["", ""], value
        if rng.random() < 0.004:
            disposition = rng.choice(_DISPOSITIONS)
        if rng.random() < 0.004:
            others[rng.randrange(2)] = rng.choice(_PART_HEADERS)
        if rng.random() < 0.005:
            delimiter = f"--{boundary}"
            shown = rng.choice(["", delimiter, *(f"\r\n{delimiter}{end}" for end in ("", "y", "--")), f"-{value}"])
        text += f"--{boundary}{line}{others[0]}{disposition.format(name)}{line}{others[1]}{line}{shown}{line}"
    ends = ["--\r\n", "--"] * 25 + ["", "\r\n", "-"]
    text += rng.choice([f"--{boundary}{end}" for end in ends] + ["", "--"])
    text += rng.choice([""] * 90 + ["epilogue", "\r\n", "--\r\n", f"\r\n--{boundary}--\r\n", " ", "\n"])
    body = text.encode("utf-8", "surrogatepass")
    for _ in range(rng.choice([0] * 6 + [1, 2])):
        body = damaged(body, [*_PART_TOKENS, f"--{boundary}".encode(), f"\r\n--{boundary}\r\n".encode()], rng)
    codec = rng.choice(["utf-8"] * 20 + ["latin-1", "utf-16"])
    if rng.random() < 0.01:
        boundary = rng.choice(_BOUNDARIES)
    return as_string(body, rng), Header("multipart/form-data", codec, boundary)


def compare_multipart(body, header):
    """Split a body by its boundary, and let the package ``multipart`` read it."""
    return _compare_forms(from_multipart, from_multipart.from_multipart, body, header)


# --- Mappings and pairs

_NAMES_OF_OTHER_TYPES = [_Text("Status"), _Text("Other"), 0, 5, None, b"a", True, ("a",)]


def mapping(rng):
    """Make a function that returns a mapping or pairs, the same each time, and how many values it may hold."""
    made = payload(rng)
    if rng.random() < 0.5:
        made = dict(pairs_of(made, rng))
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        made[rng.choice(list(made) or ["a"])] = rng.choice(objects())
    if rng.random() < 0.05:
        made[rng.choice(_NAMES_OF_OTHER_TYPES)] = "x"
    if rng.random() < 0.05:
        made["More"] = made.copy()
        for _ in range(rng.randrange(20)):
            made["More"] = rng.choice([dict, UserDict])(More=made["More"]) if rng.random() < 0.6 else [made["More"]]
    pairs = list(made.items())
    if rng.random() < 0.2:
        pairs.append((rng.choice(pairs)[0] if pairs else "a", "again"))
    if rng.random() < 0.02:
        pairs.append(rng.choice([("a",), ["a", "b"], "ab", 5, ("a", "b", "c"), []]))
    kinds = [
        lambda: made,
        lambda: made,
        lambda: made,
        lambda: UserDict(made),
        lambda: type("Mapping", (dict,), {})(made),
        lambda: MultiDict([pair for pair in pairs if isinstance(pair, tuple) and len(pair) == 2]),
        lambda: {name: [value] for name, value in made.items()},
        lambda: pairs,
        lambda: iter(pairs),
        lambda: [*map(list, made.items())],
    ]
    return rng.choice(kinds), rng.choice([MAX_VALUES] * 20 + [2 * len(made), 2 * len(made) + 6])


def compare_mapping(make, max_values):
    """Copy a mapping of plain names at once, and value by value."""
    given = make()
    is_quick = type(given) is dict and all(type(name) is str for name in given)
    if isinstance(given, list) and all(type(pair) is tuple and len(pair) == 2 for pair in given):
        is_quick = len(dict(given)) == len(given) and all(type(item) is str for pair in given for item in pair)
    quick = outcome(from_mapping.copy_payload, make(), max_values)
    # The lanes check that all types are in these sets. With empty sets, the check fails for every payload.
    with mock.patch.multiple(from_mapping, _DICT=frozenset(), _PAIR=frozenset()):
        general = outcome(from_mapping.copy_payload, make(), max_values)
    return Comparison(is_quick, quick, general)


# --- Fields

ZONES = [IST, UTC, timezone(timedelta(hours=-5, minutes=-1)), ZoneInfo("Asia/Kolkata"), ZoneInfo("America/New_York")]


def items(rng):
    """Make a class, the items of a payload for it, a zone, and whether to claim that they are storable."""
    cls = rng.choice(CLASSES)
    names = [name for field in wire_fields(cls) for name in field.names]
    made = {}
    for name in names:
        if rng.random() < 0.85:
            made[name] = rng.choice(objects()) if rng.random() < 0.05 else value_of(name, rng)
    found = unfrozen_items(from_mapping.copy_payload(made, MAX_VALUES))
    for name in found:  # The decoder of JSON doesn't freeze objects and lists.
        if rng.random() < 0.03:
            found[name] = copy.deepcopy(rng.choice(NESTED))
    return cls, found, rng.choice(ZONES), rng.random() < 0.5


def compare_fields(cls, made, zone, claim):
    """Read each field by its quick lookup and, if that reads it, by its full reader, which must find no issue."""
    is_storable = claim and not has_unstorable(RawPayload(copy.deepcopy(made)))
    unread = []
    value = quick_reader(cls)(made, zone, unread, is_storable)
    fields = FieldReader(RawPayload(made), zone)
    quick, general = [], []
    for row in wire_fields(cls):
        if row.attribute in unread:
            if cls in LEG_CLASSES and row.names[0] not in made:
                general.append((row.attribute, "an unread field that the leg doesn't have"))
            continue
        quick.append((row.attribute, typed(getattr(value, row.attribute))))
        general.append((row.attribute, typed(_full(cls, fields, row))))
    return Comparison(len(quick) / len(wire_fields(cls)), quick, [*general, *fields.issues])


def _full(cls, fields, row):
    if cls not in LEG_CLASSES:
        return fields.field(row)
    # A leg's field that was not sent is None, even if an empty one has another meaning.
    name = row.names[0]
    return fields.value(row.kind, fields.raw[name], name) if name in fields.raw else None


# --- The whole parser


def sent(rng):
    """Make a payload in any encoding, and its content type."""
    lane = rng.choice(["json", "json", "form", "multipart", "mapping"])
    given, header = LANES[lane].make(rng)
    if lane == "mapping":
        given = given()
        return (list(given) if not isinstance(given, list | Mapping) else given), None
    charset = "" if header.codec == "utf-8" else f"; charset={header.codec}"
    boundary = f'; boundary="{header.boundary}"' if lane == "multipart" else ""
    content_type = f"{header.media_type}{charset}{boundary}"
    return given, content_type if lane == "multipart" or rng.random() < 0.9 else None


@contextmanager
def without_lanes():
    """Leave every payload and every field to the general code."""
    with (
        mock.patch.multiple(from_json, _SCAN_SHORT=_scan_nothing, _SCAN_LONG=_scan_nothing),
        mock.patch.object(from_form, "_plain_form", _leave),
        mock.patch.object(from_multipart, "_plain_form", _leave),
        mock.patch.multiple(from_mapping, _DICT=frozenset(), _PAIR=frozenset()),
        mock.patch.multiple(event, quick_event_reader=_reader_of_nothing, read_legs=_read_legs),
    ):
        yield


def _reader_of_nothing(cls, _leg_cls):
    def read(_items, _zone, unread, _is_storable, _max_legs, _unread_legs):
        unread.extend(row.attribute for row in wire_fields(cls))
        value = open_class(cls)()
        value.legs = None
        return value

    return read


def _read_legs(cls, fields, max_legs, more):
    found = legs._legs_of_any_shape(cls, fields, max_legs, more)
    return tuple(
        cls(
            **{
                row.attribute: fields.value(row.kind, normal(leg[row.names[0]]), f"Legs[{position}].{row.names[0]}")
                for row in wire_fields(cls)
                if row.names[0] in leg
            }
        )
        for position, leg in enumerate(found)
    )


def everything(read, payload, content_type, **options):
    """Return all of an event with its types, or all of the error."""
    try:
        value = read(payload, content_type, **options)
    except CallbackError as error:
        return type(error), str(error), error.status_hint, error.issues
    fields = [typed(getattr(value, field.name)) for field in attrs.fields(type(value)) if field.name != "legs"]
    return type(value), fields, [(type(leg), typed(attrs.astuple(leg))) for leg in value.legs], hash(value)


def compare_parse(payload, content_type):
    """Parse an event with every quick lane, and without any."""
    read = parse_passthru if isinstance(payload, Mapping) and "DialCallStatus" in payload else parse
    full = []

    def field(self, row, read_fully=FieldReader.field):
        full.append(row)
        return read_fully(self, row)

    with mock.patch.object(FieldReader, "field", field):
        quick = everything(read, payload, content_type)
    with without_lanes():
        general = everything(read, payload, content_type)
    is_read = not issubclass(quick[0], CallbackError)
    return Comparison(is_read and 1 - len(full) / len(wire_fields(quick[0])), quick, general)


# --- Results


def typed(value):
    """Return a value with the types of everything in it."""
    kind = type(value)
    if kind is str:
        return value
    if isinstance(value, tuple):
        return kind, [typed(item) for item in value]
    if isinstance(value, RawPayload):
        return kind, [(typed(name), typed(item)) for name, item in value.items()]
    if hasattr(value, "tzinfo"):
        return kind, value.isoformat(), repr(value.tzinfo), value.fold
    return kind, repr(value)


def has_unstorable(value):
    """Return whether a string anywhere in a value, names included, holds NUL or a lone surrogate."""
    if isinstance(value, str):
        return UNSTORABLE.search(str(value)) is not None
    if isinstance(value, RawPayload):
        return any(has_unstorable(name) or has_unstorable(item) for name, item in value.items())
    return isinstance(value, tuple) and any(map(has_unstorable, value))


def outcome(decoder, *given):
    """Return all of a decoded payload, or of the error."""
    try:
        raw = decoder(*given)
    except CallbackError as error:
        return type(error), str(error), error.status_hint
    except TypeError as error:
        if str(error).startswith(from_mapping._EXPECTED):  # It isn't a payload, and not the sender's fault.
            return type(error), str(error)
        raise
    if raw.is_storable and has_unstorable(raw):
        return "it claims to be storable, and is not"
    return typed(raw)


class Lane(NamedTuple):
    """A generator of payloads, and the comparison that reads them."""

    make: Callable[[random.Random], tuple]
    compare: Callable[..., Comparison]


LANES = {
    "json": Lane(json_body, compare_json),
    "form": Lane(form_body, compare_form),
    "multipart": Lane(multipart_body, compare_multipart),
    "mapping": Lane(mapping, compare_mapping),
    "fields": Lane(items, compare_fields),
    "parse": Lane(sent, compare_parse),
}


def run(name, count, seed):
    """Compare `count` payloads and return how much the quick lane took, and how many both refused.

    :param seed: A number or a string.
    """
    make, compare = LANES[name]
    rng = random.Random(seed)
    taken, refused = 0.0, 0
    for number in range(count):
        given = make(rng)
        try:
            share, quick, general = compare(*given)
        except Exception as error:
            error.add_note(f"{name} {number}: {given!r}")
            raise
        if quick != general:
            raise AssertionError(f"{name} {number}: {given!r}\nquick:   {quick}\ngeneral: {general}")
        taken += share
        refused += isinstance(quick, tuple) and issubclass(quick[0], CallbackError)
    return taken, refused


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="the number of processes, each with a seed of its own")
    parser.add_argument("--lane", choices=[*LANES, "all"], default="all")
    options = parser.parse_args()
    seeds = [f"{options.seed} {job}" for job in range(options.jobs)]
    each = -(-options.count // options.jobs)
    total = each * options.jobs
    with multiprocessing.Pool(options.jobs) as pool:
        for name in LANES if options.lane == "all" else [options.lane]:
            start = time.perf_counter()
            results = pool.starmap(run, [(name, each, seed) for seed in seeds], chunksize=1)
            taken, refused = map(sum, zip(*results, strict=True))
            print(
                f"{name}: {total:,} compared in {time.perf_counter() - start:.0f} s, no difference; "
                f"{taken / total:.0%} by the quick lane, {refused / total:.0%} refused",
                flush=True,
            )


if __name__ == "__main__":
    main()
