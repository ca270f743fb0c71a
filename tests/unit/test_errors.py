"""Test that an error holds nothing of the payload, except in the documented ``Issue.value``.

Errors go to logs and to services that collect them, which store attributes, notes and causes too.
"""

import base64
import json
import traceback
from collections import UserDict
from collections.abc import Mapping

import attrs
import pytest
from hypothesis import given

from exotel_callback import (
    CallbackError,
    Issue,
    Limits,
    dump,
    load,
    load_call,
    merge,
    parse,
)
from exotel_callback.adapters import aws_lambda
from helpers import EVERY_READER, FORM, JSON, LEAST, MULTIPART, PAGE, multipart
from payloads import hostile_payloads

PERSONAL = "personal-9876543210"
PART = "87654"  # A message may quote only these characters.


def holds(value, seen=None):
    """Return the path to the payload in an error or in an object that it holds. Return None if there is none."""
    seen = {} if seen is None else seen
    if id(value) in seen or isinstance(value, type | int | float | None):
        return None
    seen[id(value)] = value  # Storing the object keeps its id unique.
    if isinstance(value, str | bytes | bytearray):
        text = value if isinstance(value, str) else value.decode("latin-1")
        return "" if PART in text else None
    for name, inner in parts_of(value):
        path = holds(inner, seen)
        if path is not None:
            return f".{name}{path}"
    return None


def parts_of(value):
    """Yield the objects that an object holds, by name."""
    if isinstance(value, Issue):  # Its value is documented to quote the payload.
        yield from ((name, getattr(value, name)) for name in ("path", "code", "message"))
        return
    if isinstance(value, BaseException):
        yield from ((name, getattr(value, name)) for name in ("args", "__cause__", "__context__"))
        yield "repr", repr(value)
        yield "str", str(value)
        yield "report", "".join(traceback.format_exception_only(value))
    if isinstance(value, Mapping):
        yield from (("name", name) for name in value)
        yield from (("item", item) for item in value.values())
    elif isinstance(value, tuple | list | set | frozenset):
        yield from enumerate(value)
    # The traceback is omitted, because its frames always hold the payload.
    yield from getattr(value, "__dict__", {}).items()
    names = [name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ())]
    yield from ((name, getattr(value, name)) for name in names if hasattr(value, name))


class Raises(UserDict):
    """A mapping that raises an exception with the payload in all of its places."""

    def items(self):
        try:
            raise KeyError(PERSONAL)  # noqa: TRY301 - the cause is one of the paths
        except KeyError as cause:
            error = ValueError(PERSONAL, {"payload": PERSONAL})
            error.add_note(PERSONAL)
            error.payload = PERSONAL
            raise error from cause

    keys = __iter__ = __getitem__ = __len__ = items


def raising():
    """Yield one pair, and then raise an exception."""
    yield "CallSid", PERSONAL
    raise LookupError(PERSONAL)


DUMPED = dump(parse({**PAGE, "CustomField": PERSONAL}))
CALL = dump(merge(parse({**PAGE, "CustomField": PERSONAL})))
BAD = {**dict.fromkeys(PAGE, PERSONAL), "Status": "free", "Legs": [{"Status": PERSONAL}, PERSONAL]}

# The value with which an event can't be read, where a mapping is read as its content type says.
PAYLOADS = {
    "JSON that is cut off": (f'{{"CallSid": "{PERSONAL}'.encode(), JSON),
    "JSON with more after it": (f'{{"CallSid": "{PERSONAL}"}} {PERSONAL}'.encode(), JSON),
    "JSON that is a string": (json.dumps(PERSONAL).encode(), JSON),
    "JSON that is too deep": (json.dumps({PERSONAL: [[[[[[[[[[[[[[[[PERSONAL]]]]]]]]]]]]]]]]}).encode(), JSON),
    "JSON that is far too deep": (b'{"' + PERSONAL.encode() + b'":' + b"[" * 50_000, JSON),
    "JSON with NaN": (f'{{"{PERSONAL}": NaN}}'.encode(), JSON),
    "a number of JSON": (f'{{"{PERSONAL}": 1{"0" * 5_000}x}}'.encode(), JSON),
    "JSON that is not UTF-8": (PERSONAL.encode() + b"\xff", JSON),
    "JSON that is not UTF-16": (PERSONAL.encode() + b"\xd8", f"{JSON}; charset=utf-16"),
    "a form that is not UTF-8": (PERSONAL.encode() + b"\xff", FORM),
    "a form that is not UTF-8 when unescaped": (f"To={PERSONAL}%FF".encode(), FORM),
    "a form that is not ASCII": (f"To={PERSONAL}%FF".encode(), f"{FORM}; charset=ascii"),
    "a form of too many fields": (PERSONAL.encode() + b"&a" * 2_000, FORM),
    "multipart that is cut off": (multipart([(PERSONAL, PERSONAL)])[:-9], MULTIPART),
    "multipart with a broken header": (multipart([("a", PERSONAL)], headers=f"{PERSONAL}\r\n"), MULTIPART),
    "multipart with an unknown charset": (
        multipart([("a", "b")], headers=f"Content-Type: text/plain; charset={PERSONAL}\r\n"),
        MULTIPART,
    ),
    "multipart that is not UTF-8": (multipart([("a", PERSONAL)]).replace(b"9876", b"\xff9876543210"), MULTIPART),
    "multipart without a header": (multipart([("a", PERSONAL)]), None),
    "an unknown content type": (b"a", f"text/{PERSONAL}"),
    "an unknown charset": (b"a", f"{JSON}; charset={PERSONAL}"),
    "a long content type": (b"a", PERSONAL * 100),
    "a mapping that raises": (Raises(), None),
    "a mapping in a mapping that raises": ({"a": Raises()}, None),
    "pairs that raise": (raising, None),
    "pairs of something else": ([PERSONAL], None),
    "a name of another type": ({(PERSONAL,): PERSONAL}, None),
    "a mapping that is too deep": ({PERSONAL: [[[[[[[[[[[[[[[[[PERSONAL]]]]]]]]]]]]]]]]]}, None),
    "missing fields": ({name: value for name, value in BAD.items() if name not in LEAST}, None),
    "another event": ({"SmsSid": PERSONAL, "SmsStatus": PERSONAL, "DetailedStatusCode": PERSONAL}, None),
    "an answer of an error": ({"RestException": {"Status": 404, "Message": PERSONAL}}, None),
    "Call Details": ({"Call": {"Sid": PERSONAL, "Status": PERSONAL, "From": PERSONAL}}, None),
    "XML": (f"<Response>{PERSONAL}</Response>".encode(), None),
    "all values, strictly": (BAD, None),
    "a page with calls that are bad": ({"Calls": [BAD, {"Sid": PERSONAL}, PERSONAL], "Metadata": PERSONAL}, None),
    "a page of something else": ({"Calls": PERSONAL}, None),
    "an empty page": (f'[{{"a": "{PERSONAL}"}}]'.encode(), JSON),
}


def errors_of(payload, content_type, **options):
    """Yield the error of each reader, raised while the payload itself is being handled."""
    for read in EVERY_READER:
        try:
            read(payload() if callable(payload) else payload, content_type, strict=True, **options)
        except CallbackError as error:
            yield error


@pytest.mark.parametrize("name", PAYLOADS)
def test_an_error_holds_nothing_of_the_payload(name):
    """An argument, a note, a cause or another attribute of an error holds a part of the payload."""
    found = [*errors_of(*PAYLOADS[name])]
    assert found
    for error in found:
        assert holds(error) is None, type(error)
        assert error.__context__ is error.__cause__ is None


@pytest.mark.parametrize("read", EVERY_READER)
@pytest.mark.parametrize(
    "make",
    [type("Other", (), {"payload": PERSONAL}), lambda: iter([PERSONAL]), lambda: {PERSONAL}],
)
def test_the_error_for_misuse_holds_nothing_of_the_payload(read, make):
    """The error for an object that isn't a payload holds a part of the object."""
    payload = make()
    with pytest.raises(TypeError) as caught:
        read(payload)
    assert holds(caught.value) is None
    assert caught.value.__context__ is caught.value.__cause__ is None


@given(hostile_payloads())
def test_an_error_has_no_cause(hostile):
    """An error of a hostile payload has a cause or a context, which can hold the payload."""
    for error in errors_of(*hostile):
        assert error.__context__ is error.__cause__ is None


def test_an_error_in_the_callers_handler_holds_nothing_of_the_payload():
    """An error keeps the exception that its caller handles at that time."""
    try:
        raise ValueError(PERSONAL)  # noqa: TRY301 - the test needs an active exception
    except ValueError:
        for error in errors_of(b"{", JSON):
            assert holds(error) is None


def test_limits_hold_nothing_of_the_payload():
    """An error about the size holds a part of the payload."""
    found = [*errors_of(PAGE | {PERSONAL: PERSONAL}, None, limits=Limits(fields=3))]
    found += errors_of(PERSONAL.encode() * 10, FORM, limits=Limits(body_bytes=10))
    found += errors_of({PERSONAL: [PERSONAL] * 100}, None, limits=Limits(body_bytes=10))
    assert len(found) >= 3 * len(EVERY_READER) - 1
    assert [holds(error) for error in found] == [None] * len(found)


DUMPS = {
    "another type": PERSONAL,
    "an empty mapping": {},
    "another schema": {**DUMPED, "schema": PERSONAL},
    "a newer schema": {**DUMPED, "schema": 2},
    "an unknown name": {**DUMPED, PERSONAL: PERSONAL},
    "a status": {**DUMPED, "status": PERSONAL},
    "a date": {**DUMPED, "end_time": PERSONAL},
    "a number": {**DUMPED, "conversation_duration": PERSONAL},
    "legs": {**DUMPED, "legs": [{"status": PERSONAL}, PERSONAL, {PERSONAL: 1}]},
    "issues": {**DUMPED, "issues": [{"path": PERSONAL}, PERSONAL]},
    "a missing field": {name: value for name, value in DUMPED.items() if name != "call_sid"},
    "a mapping that raises": Raises(),
    "a mapping in it that raises": {**DUMPED, "legs": [Raises()]},
    "a call with another event": {**CALL, "events": [{**DUMPED, "status": PERSONAL}]},
    "a call without events": {**CALL, "custom_field": PERSONAL, "events": []},
    "a call with a name": {**CALL, PERSONAL: PERSONAL},
    "a call with events that raise": {**CALL, "events": [Raises()]},
}


@pytest.mark.parametrize("name", DUMPS)
def test_an_error_of_load_holds_nothing_of_the_dump(name):
    """An error about a dump holds a part of it."""
    for read in (load, load_call):
        with pytest.raises(CallbackError) as caught:
            read(DUMPS[name])
        assert holds(caught.value) is None
        assert caught.value.__context__ is caught.value.__cause__ is None


EVENTS = {
    "no base64": {"body": f"{PERSONAL}!", "isBase64Encoded": True},
    "bad JSON": {"body": f"{{{PERSONAL}", "headers": {"content-type": JSON}},
    "bad JSON in base64": {"body": base64.b64encode(b"{" + PERSONAL.encode()).decode(), "isBase64Encoded": True},
    "another type": {"body": {PERSONAL: PERSONAL}},
    "a wrong secret": {"body": PERSONAL, "rawQueryString": f"secret={PERSONAL}"},
}


@pytest.mark.parametrize("name", EVENTS)
def test_an_error_of_an_adapter_holds_nothing_of_the_event(name):
    """An adapter's error keeps the exception that it caught, or the secret that was wrong."""
    secret = {"secret": "right"} if "secret" in name else {}
    with pytest.raises(CallbackError) as caught:
        aws_lambda.parse_event(EVENTS[name], **secret)
    assert holds(caught.value) is None


@pytest.mark.parametrize("query", ["", f"secret={PERSONAL}"])
def test_an_error_of_flask_holds_nothing_of_the_request(query):
    """A stream that raises an exception with the payload is kept by the error."""
    pytest.importorskip("flask")
    from werkzeug.test import EnvironBuilder
    from werkzeug.wrappers import Request

    from exotel_callback.adapters import flask

    class Stream:
        def read(self, *_):
            raise OSError(PERSONAL)

        readline = readlines = __iter__ = read

    environ = EnvironBuilder(method="POST", query_string=query, content_type=JSON).get_environ()
    environ |= {"CONTENT_LENGTH": "100", "wsgi.input": Stream()}
    with pytest.raises(CallbackError) as caught:
        flask.parse_request(Request(environ), **({"secret": "right"} if query else {}))
    assert holds(caught.value) is None


def test_the_walk_finds_what_an_error_holds():
    """The tests above pass because the walk misses a place."""

    @attrs.frozen
    class Inner:
        value: object

    def with_(**attributes):
        error = CallbackError("message")
        for name, value in attributes.items():
            setattr(error, name, value)
        return error

    noted = CallbackError("message")
    noted.add_note(PERSONAL)
    places = [
        CallbackError(PERSONAL),
        CallbackError("message", advice=PERSONAL),
        with_(issues=(Issue(path=PERSONAL, code="missing", message=""),)),
        with_(__cause__=ValueError({PERSONAL: 1})),
        with_(__context__=with_(__context__=UnicodeDecodeError("utf-8", PERSONAL.encode(), 0, 1, ""))),
        with_(other=[{"a": (PERSONAL,)}]),
        with_(other=Inner(parse({"CallSid": PERSONAL, "Status": "busy"}).raw)),
        noted,
    ]
    assert [holds(place) is None for place in places] == [False] * len(places)
    issue = Issue(path="To", code="missing", message="", value=PERSONAL)
    assert holds(CallbackError("message", issues=(issue,))) is None
