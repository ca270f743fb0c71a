"""Test decoding: bodies, content types, charsets and limits."""

import gc
import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest

from exotel_callback import (
    CallStatus,
    DecodeError,
    Limits,
    MissingFieldError,
    parse,
    parse_call_details,
    parse_call_list,
    parse_passthru,
)
from helpers import ENCODERS, FORM, JSON, LEAST, MULTIPART, PAGE, encode_json, multipart

LEAST_PAIRS = list(LEAST.items())


READERS = [parse, parse_call_details, parse_call_list, parse_passthru]


def refusal(payload, content_type=None, read=parse, **options):
    """Return the status hint and the message of the error, and check that it has no context."""
    with pytest.raises(DecodeError) as caught:
        read(payload, content_type, **options)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    return caught.value.status_hint, str(caught.value)


KINDS = {"bytes": bytes, "bytearray": bytearray, "memoryview": memoryview, "str": bytes.decode}


@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_bodies(encode, kind):
    """A body is not read as bytes, bytearray, memoryview or str, in one of the three encodings."""
    body, content_type = encode(PAGE)
    assert parse(kind(body), content_type) == parse(PAGE)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=UTF-8",
        "  application/json ; charset = utf8 ; x=y",
        'application/json; charset="utf-8"',
        "application/json; charset=",
        "application/json;",
        None,
        "",
        " ",
    ],
)
def test_content_types_of_json(content_type):
    """A content type of JSON is not recognized, or JSON without one is not recognized by its brace."""
    assert parse(encode_json(PAGE)[0], content_type) == parse(PAGE)


@pytest.mark.parametrize("blank", ["", " ", "\n\t"])
def test_without_a_content_type_a_brace_means_json(blank):
    """The first character that isn't whitespace doesn't decide between JSON and a form."""
    assert parse(blank + json.dumps(LEAST)) == parse(LEAST)
    assert parse("CallSid=a&Status=busy" + blank).status == "busy"


@pytest.mark.parametrize("boundary", ["x", "----WebKitFormBoundaryABC123", "a b;c", 'quo"te\\d'])
def test_boundaries(boundary):
    """A quoted boundary, or one with special characters, is misread."""
    quoted = boundary.replace("\\", "\\\\").replace('"', '\\"')
    body = multipart(LEAST_PAIRS, boundary)
    assert parse(body, f'multipart/form-data; boundary="{quoted}"; charset=utf-8') == parse(LEAST)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "image/png", "json", "application/jsonp", "multipart/mixed; boundary=x", ";"],
)
def test_an_unknown_content_type_names_those_that_are_accepted(content_type):
    """The message for an unsupported content type doesn't list the supported ones."""
    accepted = "application/json, application/x-www-form-urlencoded, multipart/form-data"
    assert refusal(b"{}", content_type) == (415, f"unsupported content type; expected one of {accepted}")


def test_an_endless_content_type():
    """A content type of more than 1,024 characters is parsed."""
    assert refusal(encode_json(LEAST)[0], (JSON + "; a=").ljust(1025, "b"))[0] == 415
    assert parse(encode_json(LEAST)[0], (JSON + "; a=").ljust(1024, "b")) == parse(LEAST)


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("utf-8", "utf-8"),
        ("UTF8", "utf-8"),
        ("us-ascii", "ascii"),
        ("ASCII", "ascii"),
        ("iso-8859-1", "latin-1"),
        ("ISO_8859-1", "latin-1"),
        ("latin1", "latin-1"),
        ("iso-8859-15", "iso8859-15"),
        ("latin-9", "iso8859-15"),
        ("windows-1252", "cp1252"),
        ("cp1252", "cp1252"),
        ("utf-16", "utf-16"),
        ("utf-16le", "utf-16-le"),
        ("UTF-16BE", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("utf-32le", "utf-32-le"),
        ("utf-32be", "utf-32-be"),
    ],
)
@pytest.mark.parametrize("kind", ["json", "form", "part"])
def test_charsets(charset, codec, kind):
    """A body, or a part of multipart, is decoded in another charset than its header says."""
    word = "order" if codec == "ascii" else "caf\xe9"
    if kind == "json":
        body = f'{{"CallSid": "a", "Status": "busy", "CustomField": "{word}"}}'.encode(codec)
        callback = parse(body, f"{JSON}; charset={charset}")
    elif kind == "form":
        body = f"CallSid=a&Status=busy&CustomField={word}".encode(codec)
        callback = parse(body, f"{FORM}; charset={charset}")
    else:
        body = multipart([("CallSid", "a"), ("Status", "busy"), ("CustomField", "@")])
        head = b'name="CustomField"\r\n'
        body = body.replace(head, head + f"Content-Type: text/plain; charset={charset}\r\n".encode())
        callback = parse(body.replace(b"@", word.encode(codec)), MULTIPART)
    assert callback.custom_field == word


@pytest.mark.parametrize(
    ("content_type", "escaped"),
    [
        (FORM, "caf%C3%A9"),
        (f"{FORM}; charset=iso-8859-1", "caf%E9"),
        (f"{FORM}; charset=utf-16", "caf%C3%A9"),
    ],
)
def test_escapes_are_in_the_charset_of_the_body(content_type, escaped):
    """An escape is decoded in another charset. In a charset without ASCII, escapes are UTF-8, as in browsers."""
    text = f"CallSid=a&Status=busy&CustomField={escaped}"
    body = text.encode("utf-16") if "utf-16" in content_type else text.encode()
    assert parse(body, content_type).custom_field == "caf\xe9"


@pytest.mark.parametrize("charset", ["x-none", "rot13", "idna", "punycode", "base64", "unicode_escape", "utf-7", "\0"])
@pytest.mark.parametrize("media_type", [JSON, FORM])
def test_an_unknown_charset(charset, media_type):
    """A charset that is never used for text, such as one of Python's other codecs, is accepted."""
    assert refusal(b"{}", f"{media_type}; charset={charset}") == (415, "unsupported charset")


def test_an_unknown_charset_of_a_part():
    """The charset of a part is not checked."""
    body = multipart(LEAST_PAIRS, headers="Content-Type: text/plain; charset=x-none\r\n")
    assert refusal(body, MULTIPART)[0] == 415


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"CallSid": "\xff"}', JSON),
        (b"CallSid=\xff", FORM),
        (b"CallSid=%FF", FORM),
        (b"CallSid=a&%FF=1", FORM),
        (multipart([("CallSid", "@")]).replace(b"@", b"\xff"), MULTIPART),
        (b'{"CallSid": "\xe9"}', f"{JSON}; charset=us-ascii"),
    ],
)
def test_bytes_that_are_not_in_the_charset(body, content_type):
    """A body with bytes that aren't in its charset is accepted."""
    hint, message = refusal(body, content_type)
    assert hint == 400
    assert "the body is not valid " in message


@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
def test_a_byte_order_mark_is_skipped(encode):
    """A byte order mark, which Windows tools write, is not skipped."""
    body, content_type = encode(PAGE)
    assert parse(b"\xef\xbb\xbf" + body, content_type) == parse(PAGE)
    assert parse("\ufeff" + body.decode(), content_type) == parse(PAGE)


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("content_type", [JSON, FORM])
def test_a_byte_order_mark_of_another_charset(charset, content_type):
    """The byte order mark of a body in another charset becomes part of the body."""
    text = ENCODERS[{JSON: "json", FORM: "form"}[content_type]](LEAST)[0].decode()
    body = ("" if charset == "utf-16" else "\ufeff") + text
    assert parse(body.encode(charset), f"{content_type}; charset={charset}") == parse(LEAST)


@pytest.mark.parametrize("value", ["\ufefforder 5", "\ufeffnull", "\ufeff", "\ufeffbusy", "\ufeff\ufeff1", "a\ufeff"])
def test_a_byte_order_mark_in_a_value(value):
    """The mark at the start of a value is part of it in some encodings only, so the event has several keys."""
    payload = {**LEAST, "CustomField": value, "Legs": [{"Status": value}]}
    expected = parse(payload)
    assert expected.custom_field == expected.raw["CustomField"] == value
    assert [issue.value for issue in expected.issues] == [value]
    for encode in ENCODERS.values():
        body, content_type = encode(payload)
        callback = parse(body, content_type)
        assert (callback, callback.event_key, callback.raw["CustomField"]) == (expected, expected.event_key, value)
    for name in ("CustomField", "Legs"):
        text = {**LEAST, name: "\ufeff[]"}
        assert {parse(*encode(text)) for encode in ENCODERS.values()} == {parse(text)}


def test_only_one_byte_order_mark_is_skipped():
    """Bytes and a string with two byte order marks mean different things."""
    text = "\ufeff\ufeff{}"
    assert refusal(text.encode(), JSON) == refusal(text, JSON) == (400, "invalid JSON at line 1 column 1")
    text = "\ufeff\ufeffx=1&CallSid=a&Status=busy"
    for body, charset in ((text, "utf-8"), (text.encode(), "utf-8"), (text.encode("utf-16-le"), "utf-16-le")):
        assert parse(body, f"{FORM}; charset={charset}").extra == {"\ufeffx": "1"}


@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
def test_a_body_may_end_with_a_line_end(encode):
    """A body from a file is refused or changed."""
    body, content_type = encode(PAGE)
    assert parse(body.rstrip(b"\r\n") + b"\r\n", content_type).call_sid == PAGE["CallSid"]


def test_a_content_type_that_only_equals_a_string():
    """An object that equals a content type is taken for one."""
    alike = type("Alike", (), {"__eq__": lambda _, other: other == JSON, "__hash__": lambda _: hash(JSON)})()
    with pytest.raises(TypeError, match="content_type"):
        parse(encode_json(PAGE)[0], alike)


@pytest.mark.parametrize("body", [b"", "", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("content_type", [None, JSON, FORM, MULTIPART])
def test_an_empty_body_is_an_empty_form(body, content_type):
    """An empty body raises `DecodeError`, so the message doesn't name the missing fields."""
    with pytest.raises(MissingFieldError, match="missing @ CallSid; missing @ Status"):
        parse(body, content_type)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"CallSid": "a", "Status"', "invalid JSON at line 1 column 26"),
        (b'{\n"CallSid": "a",\n"Status": busy}', "invalid JSON at line 3 column 11"),
        (b"nope", "invalid JSON at line 1 column 1"),
        (b" ", "invalid JSON at line 1 column 2"),
        (b"\xef\xbb\xbf\xef\xbb\xbf", "invalid JSON at line 1 column 1"),
        (b'{"Status": "busy"} x', "invalid JSON at line 1 column 20"),
        (b'{"Status": "busy", "To": "a', "invalid JSON at line 1 column 26"),
        (b"[1]", "the JSON body is not an object"),
        (b'"text"', "the JSON body is not an object"),
        (b"null", "the JSON body is not an object"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
    ],
)
def test_invalid_json_bodies(body, says):
    """The message lacks the position, quotes the body, or depends on the Python version."""
    assert refusal(body, JSON) == (400, says)


def test_json_that_is_only_a_byte_order_mark():
    """A body that decodes to an empty string escapes as another exception."""
    assert refusal(b"\xff\xfe", f"{JSON}; charset=utf-16") == (400, "invalid JSON at line 1 column 1")


@pytest.mark.parametrize(
    ("body", "column"), [(b'{"a": 1,}', 9), (b'{"a": 1 , }', 11), (b'{"a": [1,\t] }', 11), (b"{,}", 3), (b"[1,,]", 5)]
)
def test_the_position_of_a_trailing_comma(body, column):
    """The position of a trailing comma depends on the Python version. Python 3.13 reports another one than 3.12."""
    assert refusal(body, JSON) == (400, f"invalid JSON at line 1 column {column}")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"a": ' + b"[" * 16,
        b'{"a": ' + b"[" * 500 + b"]" * 500 + b", x}",
        rb'{"\\": ["]", "\"]", ' + b"[" * 15,
    ],
)
def test_json_that_is_invalid_and_nested_too_deep(body):
    """The message for JSON that is invalid and nested too deeply depends on the Python version."""
    assert refusal(body, JSON) == (400, "the payload is nested deeper than 16 levels")


@pytest.mark.parametrize(
    "body", [b"[" * 16, b'{"a": "' + b"[" * 50, b"[[],{}," * 10, rb'{"\"[[[[[[[[[[[[[[[[[": ', b"[] x" + b"[" * 50]
)
def test_invalid_json_that_is_not_nested_too_deep(body):
    """A bracket in a string, a closed one, or one after the error counts as nesting."""
    assert refusal(body, JSON)[1].startswith("invalid JSON at line 1 column")


def test_a_repeated_json_key():
    """Another value than the last one is used for a repeated JSON key."""
    assert parse(b'{"CallSid": "a", "Status": "busy", "Status": "failed"}').status == "failed"


def test_a_number_of_very_many_digits():
    """A number with thousands of digits makes the whole body invalid, as in Python's own decoder."""
    body = b'{"CallSid": "a", "Status": "busy", "ConversationDuration": %s}' % (b"9" * 5000)
    callback = parse(body)
    assert callback.conversation_duration is None
    assert [issue.value for issue in callback.issues] == ["9" * 200]


def test_the_largest_numbers():
    """The largest allowed number isn't a number, or a larger one is."""
    body = b'{"CallSid": "a", "Status": "busy", "x": %s, "y": %s}' % (b"9" * 3000, b"9" * 3001)
    raw = parse(body).raw
    assert (raw["x"], raw["y"]) == (int("9" * 3000), "9" * 3001)
    raw = parse({**LEAST, "x": 2**10_000 - 1, "y": 2**10_000}).raw
    assert (raw["x"], raw["y"]) == (2**10_000 - 1, "int")
    raw = parse({**LEAST, "Legs": [{"x": 2**10_000 - 1, "y": 2**10_000}]}).raw
    assert (raw["Legs"][0]["x"], raw["Legs"][0]["y"]) == (2**10_000 - 1, "int")


@pytest.mark.parametrize("depth", [16, 17, 500, 20_000])
@pytest.mark.parametrize("kind", ["object", "list"])
def test_nesting(depth, kind):
    """A payload of 16 levels is refused, or a deeper one is accepted."""
    inner = depth - 1
    value = "[" * inner + "]" * inner if kind == "list" else '{"a":' * inner + "1" + "}" * inner
    body = f'{{"CallSid": "a", "Status": "busy", "deep": {value}}}'
    limits = Limits(body_bytes=1_000_000)
    if depth <= 16:
        assert parse(body, limits=limits).extra["deep"]
    else:
        assert refusal(body, limits=limits) == (400, "the payload is nested deeper than 16 levels")


@pytest.mark.parametrize("depth", [16, 17])
def test_nesting_of_a_mapping(depth):
    """A decoded mapping of 16 levels is refused, or a deeper one is accepted."""
    value = 1
    for _ in range(depth - 1):
        value = {"a": value}
    if depth <= 16:
        assert parse({**LEAST, "deep": value}).extra["deep"]
    else:
        assert refusal({**LEAST, "deep": value})[0] == 400


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=é"]
)
def test_multipart_without_a_usable_boundary(content_type):
    """Multipart without a usable boundary is accepted."""
    assert "boundary" in refusal(multipart(LEAST_PAIRS), content_type)[1]


def test_a_boundary_has_at_most_200_characters():
    """A boundary of 200 characters is refused, or a longer one is accepted."""
    for length, ok in [(200, True), (201, False)]:
        boundary = "b" * length
        body = multipart(LEAST_PAIRS, boundary)
        for sent in (body, body.decode()):
            if ok:
                assert parse(sent, f"multipart/form-data; boundary={boundary}") == parse(LEAST)
            else:
                says = "the content type multipart/form-data has no valid boundary; pass the whole header"
                assert refusal(sent, f"multipart/form-data; boundary={boundary}") == (400, says)


@pytest.mark.parametrize("start", [b"", b"\r\n", b" "])
def test_multipart_without_its_header_says_so(start):
    """The message for multipart without its header, the most common mistake, doesn't say so."""
    says = "a multipart body needs its Content-Type header, which has the boundary; pass it as content_type"
    assert refusal(start + multipart(LEAST_PAIRS)) == (400, says)


@pytest.mark.parametrize("body", ["--&CallSid=a&Status=busy", "CallSid=a&Status=busy&x=Content-Disposition:"])
def test_a_form_that_looks_a_little_like_multipart(body):
    """A form that looks like multipart is refused."""
    assert parse(body).status == "busy"


def test_decoded_multipart_with_a_lone_surrogate():
    """A lone surrogate in multipart raises an exception, or leaves no issue."""
    text = multipart([*LEAST_PAIRS, ("CustomField", "?")]).decode().replace("?", "\ud800")
    assert parse(text, MULTIPART).raw["CustomField"] == "\ud800"


@pytest.mark.parametrize(
    "body",
    [
        multipart(LEAST_PAIRS)[:-10],
        multipart(LEAST_PAIRS)[:40],
        multipart(LEAST_PAIRS, "y"),
        multipart(LEAST_PAIRS).replace(b"\r\n", b"\n"),
        multipart(LEAST_PAIRS).replace(b"form-data", b"attachment"),
        multipart(LEAST_PAIRS).replace(b"Content-Disposition: ", b"\xff"),
        multipart(LEAST_PAIRS, headers="X: " + "a" * 5000 + "\r\n"),
        b"garbage",
    ],
)
def test_broken_multipart(body):
    """Broken multipart is accepted: cut off, with another boundary, or not multipart."""
    hint, message = refusal(body, MULTIPART)
    assert hint == 400
    assert "not valid multipart/form-data" in message


def test_file_parts_are_not_fields():
    """An upload is read as a field."""
    file = '--x\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\nfailed\r\n'
    body = (file % ("Status", "a.txt") + file % ("Attachment", "")).encode() + multipart(LEAST_PAIRS)
    callback = parse(body, MULTIPART)
    assert callback == parse(LEAST)
    assert set(callback.raw) == set(LEAST)


def test_a_part_without_a_name():
    """A part without a name is lost."""
    body = b"--x\r\nContent-Disposition: form-data\r\n\r\nv\r\n" + multipart(LEAST_PAIRS)
    assert dict(parse(body, MULTIPART).extra) == {"": "v"}


def test_a_part_of_multiple_chunks_and_an_empty_one():
    """A value that looks like the start of a boundary is cut."""
    value = "a\r\n--y\r\n--\r\n"
    callback = parse(multipart([*LEAST_PAIRS, ("CustomField", value + "z"), ("To", "")]), MULTIPART)
    assert callback.custom_field == value + "z"
    assert callback.to_number is None


@pytest.mark.parametrize("limit", [1, 2_000, 65_536])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_limit_of_the_body(limit, kind):
    """A body of exactly the limit is refused, or a larger one is accepted. A string counts as UTF-8."""
    start = "CallSid=a&Status=busy&CustomField="
    fits = (start + "é" * ((limit - len(start)) // 2)).encode().ljust(limit, b"x")[:limit]
    limits = Limits(body_bytes=limit)
    if limit > 1:
        assert parse(kind(fits), limits=limits).call_sid == "a"
    hint, message = refusal(kind(fits + b"x"), limits=limits)
    assert hint == 413
    assert str(limit) in message


@pytest.mark.parametrize("extra", [254, 255])
@pytest.mark.parametrize("encode", [*ENCODERS.values(), lambda payload: (payload, None)], ids=[*ENCODERS, "mapping"])
def test_the_limit_of_fields(encode, extra):
    """The limit of 256 top-level names is wrong, or bracket keys of legs count more than once."""
    legs = [{"OnCallDuration": 1, "Status": "completed", "AnsweredBy": "NA", "Foo": 1}] * 64
    payload = {**LEAST, "Legs": legs, **{f"f{index}": "" for index in range(extra - 1)}}
    body, content_type = encode(payload)
    if extra == 254:
        assert len(parse(body, content_type).extra) >= 253
    else:
        assert refusal(body, content_type) == (413, "more than 256 fields")


@pytest.mark.parametrize("pairs", [1_024, 1_025])
@pytest.mark.parametrize("encoding", ["form", "multipart"])
def test_the_form_decoder_stops_at_1024_pairs(pairs, encoding):
    """A form of more than 1,024 pairs, repeated names included, is decoded."""
    many = [*LEAST_PAIRS, *[("a", "1")] * (pairs - 2)]
    if encoding == "form":
        body, content_type = "&".join(f"{name}={value}" for name, value in many), FORM
    else:
        body, content_type = multipart(many), MULTIPART
    if pairs == 1_024:
        assert parse(body, content_type).raw["a"] == ("1",) * 1_022
    else:
        assert refusal(body, content_type) == (413, "the form has more than 1024 fields")


def test_a_urlencoded_form_without_values():
    """A name without a value, or an empty piece, is read in another way than in browsers."""
    callback = parse("&&CallSid=a&Status=busy&To&From=&=x&")
    assert (callback.to_number, callback.from_number) == (None, None)
    assert dict(callback.extra) == {"": "x"}


def test_a_plus_sign_that_was_not_escaped():
    """An unescaped plus sign isn't read as whitespace, which is removed from the number."""
    assert parse("CallSid=a&Status=busy&From=+919876543210").from_number == "919876543210"
    assert parse("CallSid=a&Status=busy&From=%2B919876543210").from_number == "+919876543210"


EXPECTED = "the payload must be a body, a mapping or an iterable of pairs"


@pytest.mark.parametrize("payload", [None, 5, 1.5, True, Decimal("1.5")])
@pytest.mark.parametrize("read", READERS)
def test_another_value_that_json_can_hold(read, payload):
    """The sender of ``5`` or ``null`` raises another exception than `DecodeError`, so the handler answers 500."""
    assert refusal(payload, read=read) == (400, f"{EXPECTED}, not {type(payload).__name__}")


@pytest.mark.parametrize("payload", [[1], ["ab"], [("a",)], (1, 2), iter([("a",)]), [None]])
def test_a_list_that_holds_no_pairs(payload):
    """The sender of a JSON list, or of a pair without a value, raises another exception than `DecodeError`."""
    assert refusal(payload) == (400, EXPECTED)


class Request:
    """An object with the attributes of a request."""

    method = "POST"
    headers = Mapping

    def __iter__(self):
        return iter(())


class RequestMapping(Request, dict):
    """A request that is a mapping of other data, as in Starlette and aiohttp."""


class File:
    """An object with the method of a file."""

    def __iter__(self):
        return iter(())

    def read(self):
        """Read nothing."""


class Later:
    """An object as asyncio's Future, which is iterable too."""

    def __await__(self):
        return iter(())

    __iter__ = __await__


class Proxy:
    """An object that stands for another one, as Werkzeug's LocalProxy does."""

    def __init__(self, target):
        self.target = target

    def __getattr__(self, name):
        return getattr(self.target, name)

    @property
    def __class__(self):
        return self.target.__class__

    def __await__(self):
        return self.target.__await__()

    def __call__(self):
        return self.target()

    def __iter__(self):
        return iter(self.target)


async def body_of_request():
    return b""


async def chunks():
    yield b""


AWAIT = "; did you forget await?"
CALL = "; did you forget to call it?"
ADAPTER = "; use an adapter, or pass the body: "
SET = "; pass a list, because a set has no order"
READ = "; pass the result of its read()"
MISUSES = {
    "an object": (object, ", not object"),
    "a date": (lambda: date(2024, 1, 15), ", not date"),
    "chunks that are not awaited": (chunks, ", not async_generator"),
    "an awaitable": (Later, f", not Later{AWAIT}"),
    "a function": (lambda: parse, f", not function{CALL}"),
    "a method": (lambda: b"".decode, f", not builtin_function_or_method{CALL}"),
    "a class": (lambda: dict, f", not type{CALL}"),
    "a class that is iterable": (lambda: CallStatus, f", not EnumType{CALL}"),
    "a request": (Request, f", not Request{ADAPTER}"),
    "a request that is a mapping": (RequestMapping, f", not RequestMapping{ADAPTER}"),
    "a proxy of a request": (lambda: Proxy(Request()), f", not Request{ADAPTER}"),
    "a file": (File, f", not File{READ}"),
    "lines": (lambda: BytesIO(b"a=b"), f", not BytesIO{READ}"),
    "a set": (lambda: {("CallSid", "a"), ("Status", "busy")}, f", not set{SET}"),
    "a frozen set": (frozenset, f", not frozenset{SET}"),
    "chunks": (lambda: map(bytes, [b"CallSid=a"]), "; the map yields bytes; pass the whole body instead"),
    "numbers": (lambda: range(3), "; the range yields int; pass the whole body instead"),
    "names": (LEAST.keys, "; the dict_keys yields str; pass the whole body instead"),
}


@pytest.mark.parametrize(("make", "says"), MISUSES.values(), ids=MISUSES)
@pytest.mark.parametrize("read", READERS)
def test_misuse(read, make, says):
    """A mistake of the calling code looks like a mistake of the sender, or the message doesn't say what to pass."""
    for content_type in (None, JSON):
        with pytest.raises(TypeError, match=f"^{re.escape(EXPECTED + says)}") as caught:
            read(make(), content_type)
        assert caught.value.__context__ is None


@pytest.mark.parametrize("read", READERS)
def test_a_coroutine_that_is_not_awaited(read):
    """The message for a forgotten ``await`` doesn't say so, or Python's own warning is hidden."""
    with pytest.warns(RuntimeWarning, match="was never awaited"):
        expect_type_error(read, body_of_request)


def expect_type_error(read, make):
    with pytest.raises(TypeError, match=r"not coroutine; did you forget await\?$"):
        read(make())
    gc.collect()


def test_payloads_that_only_look_like_misuse():
    """The sender's names, or a proxy of a form, make a payload look like a mistake of the calling code."""

    class Attributes(dict):
        __getattr__ = dict.get

    assert parse(Attributes(LEAST, headers="a", method="b", read="c", lists="d")) == parse(LEAST)
    assert parse(Proxy(LEAST)) == parse(LEAST)
    assert parse(Proxy(LEAST_PAIRS)) == parse(LEAST)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("content_type", [None, JSON])
def test_a_memoryview_that_was_released(read, content_type):
    """A memoryview that was released, as after a ``with`` block, raises an exception that isn't a `DecodeError`."""
    with memoryview(bytearray(b"CallSid=a")) as view:
        pass
    message = "the payload is a memoryview that was released; pass bytes instead"
    assert refusal(view, content_type, read=read) == (400, message)
