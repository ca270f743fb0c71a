"""Test the adapters in one process: each way in which a framework stores a request, and the check of the secret."""

import asyncio
import base64
import importlib
import io
import sys
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial
from types import SimpleNamespace
from typing import Annotated

import pytest

from exotel_callback import (
    AuthenticationError,
    CallbackError,
    DecodeError,
    IssueCode,
    Limits,
    MissingFieldError,
    PassthruEvent,
    PopupEvent,
    StatusCallback,
    dump,
    load,
    load_passthru,
    parse,
    parse_any,
    parse_passthru,
    parse_popup,
)
from exotel_callback.adapters import asgi, wsgi
from exotel_callback.adapters._shared import Settings, length_of, read_at_most
from exotel_callback.adapters.aws_lambda import parse_event
from helpers import ENCODERS, FORM, JSON, LEAST, MULTIPART, PAGE

CALLBACK = parse(PAGE)
RIGHT = "right"

# A middleware may do anything with a broken form.
ON_BROKEN = {True: suppress(Exception), False: nullcontext()}


@dataclass(kw_only=True)
class Call:
    """One request to an adapter: the data that is sent, and the code that reads it earlier."""

    body: bytes = b""
    content_type: str | None = None
    query: str = ""
    before: str | None = None
    chunked: bool = False
    length: str | None = None
    most: int = 100_000
    is_broken: bool = False
    method: str = "POST"


def sent(encoding, payload, **more):
    body, content_type = ENCODERS[encoding](payload)
    return Call(body=body, content_type=content_type, **more)


def environ_of(call):
    """Return the environ that a WSGI server makes for a request."""
    stream = Gone() if call.before == "gone" else io.BytesIO(call.body)
    environ = {"REQUEST_METHOD": call.method, "wsgi.input": stream}
    environ |= {"QUERY_STRING": call.query} if call.query else {}
    environ |= {"CONTENT_TYPE": call.content_type} if call.content_type else {}
    if call.chunked:
        return {**environ, "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    length = call.length or (str(len(call.body)) if call.method == "POST" else None)
    return {**environ, "CONTENT_LENGTH": length} if length else environ


def asgi_scope(call):
    """Return the scope that an ASGI server makes for a request, without the body."""
    length = (call.length or str(len(call.body))).encode()
    headers = [(b"transfer-encoding", b"chunked") if call.chunked else (b"content-length", length)]
    headers += [(b"content-type", call.content_type.encode())] if call.content_type else []
    return {
        "type": "http",
        "method": call.method,
        "path": "/",
        "query_string": call.query.encode("latin-1"),
        "headers": headers if call.method == "POST" else [],
    }


def call_flask(call, **options):
    flask = pytest.importorskip("flask")
    from exotel_callback.adapters.flask import parse_request

    environ = environ_of(call)
    app = flask.Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = call.most
    with app.test_request_context(method=call.method, environ_overrides=environ):
        match call.before:
            case "form":
                _ = flask.request.form
            case "body":
                flask.request.get_data()
            case "lost":
                flask.request.stream.read()
            case "begun":
                flask.request.stream.read(2)
        callback = parse_request(**options)
        assert parse_request(flask.request, **options) == callback
        return callback


def set_up_django():
    pytest.importorskip("django")
    from django.conf import settings

    if not settings.configured:
        settings.configure()
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000


def call_django(call, **options):
    set_up_django()
    from django.core.handlers.wsgi import WSGIRequest

    return use_django(WSGIRequest(environ_of(call)), call, **options)


def call_django_asgi(call, **options):
    set_up_django()
    from django.core.handlers.asgi import ASGIRequest

    return use_django(ASGIRequest(asgi_scope(call), io.BytesIO(call.body)), call, **options)


def use_django(request, call, **options):
    from exotel_callback.adapters.django import parse_request

    match call.before:
        case "form":
            with ON_BROKEN[call.is_broken]:
                _ = request.POST
        case "body":
            _ = request.body
        case "lost":
            request.read()
        case "begun":
            request.read(2)
    callback = parse_request(request, **options)
    assert parse_request(request, **options) == callback
    return callback


def messages_of(call):
    """Return the messages that an ASGI server sends to an application, except those that earlier code received."""
    half = len(call.body) // 2
    messages = [
        {"type": "http.request", "body": call.body[:half], "more_body": True},
        {"type": "http.request", "body": call.body[half:], "more_body": False},
        {"type": "http.disconnect"},
    ]
    return messages[{"gone": 2, "begun": 1}.get(call.before, 0) :]


def receiver(messages):
    """Return the ``receive`` of an application. It takes the messages out of the list."""

    async def receive():
        return messages.pop(0)

    return receive


def call_starlette(call, **options):
    pytest.importorskip("starlette")
    from starlette.requests import Request

    from exotel_callback.adapters.starlette import parse_request

    async def run():
        request = Request(asgi_scope(call), receiver(messages_of(call)))
        match call.before:
            case "form":
                with ON_BROKEN[call.is_broken]:
                    await request.form()
            case "body":
                await request.body()
            case "lost":
                async for _ in request.stream():
                    pass
        callback = await parse_request(request, **options)
        body = call.body if call.before == "form" else await request.body()
        assert (body, type(body)) == (call.body, bytes)
        return callback

    return asyncio.run(run())


def call_asgi(call, **options):
    receive = receiver(messages_of(call))

    async def stream():
        yield call.body[:2]
        if call.before == "gone":
            raise ConnectionResetError
        yield call.body[2:]

    async def run():
        if call.before == "begun":
            return await asgi.parse_request(asgi_scope(call), receive, **options)
        callback = await asgi.parse_request(asgi_scope(call), stream(), **options)
        assert await asgi.parse_request(asgi_scope(call), receive, **options) == callback
        return callback

    return asyncio.run(run())


def call_wsgi(call, **options):
    environ = environ_of(call)
    match call.before:
        case "lost":
            environ["wsgi.input"].read()
        case "begun":
            environ["wsgi.input"].read(2)
    callback = wsgi.parse_request(environ, **options)
    assert wsgi.parse_request(environ, **options) == callback
    return callback


def call_aiohttp(call, **options):
    pytest.importorskip("aiohttp")
    from aiohttp import StreamReader
    from aiohttp.base_protocol import BaseProtocol
    from aiohttp.test_utils import make_mocked_request

    from exotel_callback.adapters.aiohttp import parse_request

    headers = {} if call.chunked else {"Content-Length": call.length or str(len(call.body))}
    if call.content_type:
        headers["Content-Type"] = call.content_type

    async def run():
        content = StreamReader(BaseProtocol(asyncio.get_running_loop()), 2**16)
        content.feed_data(call.body)
        content.feed_eof()
        request = make_mocked_request(
            call.method, f"/?{call.query}", headers=headers, payload=content, client_max_size=call.most
        )
        match call.before:
            case "form":
                with ON_BROKEN[call.is_broken]:
                    await request.post()
            case "body":
                await request.read()
            case "lost":
                await content.read()
            case "gone":
                content.set_exception(ConnectionResetError())
            case "begun":
                await content.read(2)
        callback = await parse_request(request, **options)
        assert await parse_request(request, **options) == callback
        return callback

    return asyncio.run(run())


def call_lambda_2(call, **options):
    event = {
        "version": "2.0",
        "rawQueryString": call.query,
        "headers": {"content-type": call.content_type} if call.content_type else {},
        "requestContext": {"http": {"method": call.method}},
        "body": base64.b64encode(call.body).decode(),
        "isBase64Encoded": True,
    }
    return parse_event(event, **options)


FRAMEWORKS = {
    "flask": call_flask,
    "django": call_django,
    "django under asgi": call_django_asgi,
    "fastapi": call_starlette,
    "aiohttp": call_aiohttp,
    "asgi": call_asgi,
    "wsgi": call_wsgi,
    "lambda": call_lambda_2,
}
SERVERS = [name for name in FRAMEWORKS if name != "lambda"]

by_framework = pytest.mark.parametrize("framework", FRAMEWORKS)
by_server = pytest.mark.parametrize("framework", SERVERS)


@by_framework
@pytest.mark.parametrize("encoding", ENCODERS)
@pytest.mark.parametrize("before", [None, "form", "body"])
def test_an_ordinary_callback(framework, encoding, before):
    """An adapter can't parse a callback in one of the encodings, or after earlier code read the form or the body."""
    callback = FRAMEWORKS[framework](sent(encoding, PAGE, query="key=1", before=before))
    assert callback == CALLBACK
    assert callback.extra == {}


@by_framework
def test_query_parameters_are_not_fields(framework):
    """A query parameter of the callback URL is read as a field, or is in ``raw`` or ``extra``."""
    call = sent("form", LEAST, query="secret=right&Status=busy&To=0")
    callback = FRAMEWORKS[framework](call, secret=RIGHT)
    assert callback == parse(LEAST)
    assert set(callback.raw) == set(LEAST)


@by_framework
@pytest.mark.parametrize(
    "query",
    [
        "",
        "secret=",
        "secret=wrong",
        "key=right",
        "secret=right&secret=right",
        "secret=right&secret=",
        "secret=wrong&secret=right",
    ],
)
def test_a_wrong_secret(framework, query):
    """A request with a missing, empty, wrong, misnamed or repeated secret is accepted."""
    with pytest.raises(AuthenticationError) as caught:
        FRAMEWORKS[framework](Call(body=b"{", content_type=JSON, query=query), secret=RIGHT)
    assert caught.value.status_hint == 401


@by_framework
@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("secret=right", {"secret": "right"}),
        ("secret=old", {"secret": ["right", "old"]}),
        ("key=a%20b%26%2B", {"secret": "a b&+", "secret_parameter": "key"}),
    ],
)
def test_the_right_secret(framework, query, options):
    """A request with one of multiple secrets, or with the secret in another parameter, is refused."""
    assert FRAMEWORKS[framework](sent("json", PAGE, query=query), **options) == CALLBACK


@by_framework
@pytest.mark.parametrize(
    ("query", "secret"),
    [
        ("secret=%FF%FE", b"\xff\xfe"),
        ("secret=%FF%FE", [b"old", b"\xff\xfe"]),
        ("secret=%FF%FE", "\udcff\udcfe"),  # `os.environ` decodes bytes that aren't UTF-8 like this.
        ("secret=%C3%A9", b"\xc3\xa9"),
        ("secret=%C3%A9", "\xe9"),
        ("secret=a%00%80+b", b"a\x00\x80 b"),
        ("secret=%ED%A0%80", b"\xed\xa0\x80"),  # This would be a lone surrogate.
        ("%FF=right", b"right"),
    ],
)
def test_a_secret_of_bytes(framework, query, secret):
    """A secret of any bytes doesn't match the same bytes in the query, or matches others."""
    name = {"secret_parameter": "\udcff"} if query.startswith("%") else {}
    assert FRAMEWORKS[framework](sent("json", PAGE, query=query), secret=secret, **name) == CALLBACK
    for wrong in ("secret=%FF%FD", "secret=%EF%BF%BD%EF%BF%BD", "secret=%C3%BF%C3%BE", "secret=%ED%B3%BF%ED%B3%BE"):
        with pytest.raises(AuthenticationError):
            FRAMEWORKS[framework](sent("json", PAGE, query=wrong), secret=secret, **name)


@by_framework
@pytest.mark.parametrize("secret", [None, "", [], [""]])
def test_an_empty_expected_secret_raises(framework, secret):
    """An empty secret, such as that of an unset environment variable, accepts every request."""
    with pytest.raises(ValueError, match=r"^the secret is None or empty: .* To check nothing, omit `secret`\.$"):
        FRAMEWORKS[framework](sent("json", PAGE, query="secret="), secret=secret)


@pytest.mark.parametrize(
    ("header", "length"),
    [
        (None, None),
        ("", None),
        ("21", 21),
        ("-5", None),
        ("+5", None),
        ("x", None),
        ("\u0663", None),
        ("9" * 5_000, 10**19 - 1),
        ("0" * 5_000 + "71", 71),
        ("000", 0),
    ],
)
def test_the_content_length_header(header, length):
    """A ``Content-Length`` is misread, or an invalid one raises an exception."""
    assert length_of(header) == length


@by_framework
def test_an_ellipsis_is_not_a_secret(framework):
    """An Ellipsis that a user pastes from the documentation turns the check off."""
    with pytest.raises(TypeError, match="must be str, bytes or a list"):
        FRAMEWORKS[framework](sent("json", PAGE), secret=...)


@by_framework
@pytest.mark.parametrize("encoding", ENCODERS)
def test_a_body_that_is_too_large(framework, encoding):
    """A body that is too large by its ``Content-Length`` is read."""
    call = sent(encoding, {**PAGE, "CustomField": "x" * 70_000})
    with pytest.raises(DecodeError, match="larger than 65536 bytes") as caught:
        FRAMEWORKS[framework](call)
    assert caught.value.status_hint == 413


@by_server
def test_a_body_without_a_length(framework):
    """A body without a ``Content-Length`` is read beyond the limit, or isn't refused."""
    call = FRAMEWORKS[framework]
    assert call(sent("json", PAGE, chunked=True)) == CALLBACK
    assert call(sent("json", PAGE, chunked=True), limits=Limits(body_bytes=len(ENCODERS["json"](PAGE)[0]))) == CALLBACK
    for before in (None, "body", "form"):
        assert call(sent("form", PAGE, chunked=True, before=before)) == CALLBACK
    for before in (None, "body"):
        with pytest.raises(DecodeError, match="larger than 65536 bytes") as caught:
            call(sent("json", {**PAGE, "CustomField": "x" * 70_000}, chunked=True, before=before))
        assert caught.value.status_hint == 413


@by_server
def test_a_length_that_is_too_large(framework):
    """The body of a request with a ``Content-Length`` over the limit is read."""
    with pytest.raises(DecodeError, match="larger than 65536 bytes"):
        FRAMEWORKS[framework](sent("json", PAGE, length="65537", before="gone"))


@pytest.mark.parametrize("framework", ["flask", "django", "wsgi"])
def test_how_much_is_read(framework, monkeypatch):
    """More than one byte over the limit is read of a body without a ``Content-Length``."""
    stream = io.BytesIO(b"x" * 70_000)
    monkeypatch.setattr(io, "BytesIO", lambda _: stream)
    with pytest.raises(DecodeError, match="larger than 65536 bytes"):
        FRAMEWORKS[framework](Call(chunked=True))
    assert stream.tell() == 65_537


@by_framework
@pytest.mark.parametrize("before", [None, "form"])
def test_repeated_fields(framework, before):
    """A repeated field of a form that earlier code read is lost."""
    body = b"CallSid=a&Status=busy&Status=failed"
    callback = FRAMEWORKS[framework](Call(body=body, content_type=FORM, before=before))
    assert callback == parse(body, FORM)
    assert [issue.code for issue in callback.issues] == [IssueCode.REPEATED]


@by_framework
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", JSON, 400),
        (b"\xff", JSON, 400),
        (ENCODERS["multipart"](PAGE)[0][:-20], ENCODERS["multipart"](PAGE)[1], 400),
        (b"x", "multipart/form-data", 400),
        (b"CallSid=a&Status=busy", "text/plain", 415),
        (b"{}", JSON, 422),
        (b"", None, 422),
        (b"", JSON, 422),
    ],
)
def test_invalid_bodies(framework, body, content_type, status):
    """An invalid body raises another exception than ours, or the error has another status."""
    with pytest.raises(CallbackError) as caught:
        FRAMEWORKS[framework](Call(body=body, content_type=content_type))
    assert caught.value.status_hint == status


# Django doesn't read a chunked body, so nothing is lost. ASGI has no body that other code stores.
by_loser = pytest.mark.parametrize(
    ("framework", "chunked"),
    [
        (framework, chunked)
        for framework in SERVERS
        for chunked in (False, True)
        if (framework, chunked) not in {("django", True), ("asgi", False), ("asgi", True)}
    ],
)


@by_loser
def test_a_broken_form_that_was_read_before(framework, chunked):
    """A broken form that earlier code read is parsed, although nothing is left of it."""
    body = b"CallSid=a&Status=busy"
    with pytest.raises(DecodeError):
        FRAMEWORKS[framework](Call(body=body, content_type=MULTIPART, before="form", is_broken=True, chunked=chunked))


@by_loser
def test_a_body_that_was_read_and_not_stored(framework, chunked):
    """The error for a body that earlier code consumed doesn't say so, or the body counts as empty."""
    says = "^the body is incomplete or malformed, or other code has already read it$"
    with pytest.raises(DecodeError, match=says):
        FRAMEWORKS[framework](sent("json", PAGE, before="lost", chunked=chunked))


@by_framework
def test_a_request_without_a_body(framework):
    """A request without a body, such as a GET that probes the URL, raises another exception than ours."""
    with pytest.raises(CallbackError) as caught:
        FRAMEWORKS[framework](Call(method="GET"))
    assert caught.value.status_hint == 422


@by_framework
def test_options_are_passed_on(framework):
    """An adapter doesn't pass strict mode, the time zone or the limits to `parse`."""
    call = FRAMEWORKS[framework]
    odd = sent("json", {**LEAST, "EndTime": "soon"})
    assert call(odd).issues
    with pytest.raises(CallbackError, match="EndTime"):
        call(odd, strict=True)
    with pytest.raises(DecodeError, match="larger than 10 bytes"):
        call(sent("json", PAGE), limits=Limits(body_bytes=10))
    more = {"timezone": UTC, "limits": Limits(legs=1)}
    assert call(sent("json", PAGE), **more) == parse(PAGE, **more) != CALLBACK
    assert [issue.code for issue in call(sent("json", PAGE), limits=more["limits"]).issues] == [IssueCode.TOO_MANY_LEGS]
    misused = [{"timezone": None}, {"limits": None}, {"unknown": 1}, {"strict": "no"}, {"secret_parameter": ("a",)}]
    for option in misused:
        with pytest.raises(TypeError):
            call(sent("json", PAGE), **option)
    with pytest.raises(ValueError, match="secret_parameter"):
        call(sent("json", PAGE, query="=right"), secret=RIGHT, secret_parameter="")


@pytest.mark.parametrize("framework", ["flask", "django", "aiohttp"])
def test_a_body_over_the_frameworks_own_limit(framework):
    """A body over the framework's own limit raises an exception of the framework."""
    with pytest.raises(DecodeError, match=r"larger than (the framework's own limit|100000 bytes)") as caught:
        FRAMEWORKS[framework](sent("json", {**PAGE, "CustomField": "x" * 110_000}), limits=Limits(body_bytes=200_000))
    assert caught.value.status_hint == 413


def test_an_application_of_aiohttp_without_a_limit():
    """An aiohttp application with a limit of 0, which means no limit, refuses every body."""
    assert call_aiohttp(sent("json", PAGE, most=0)) == CALLBACK


class Gone(io.RawIOBase):
    """A connection that the sender closed, or that has invalid chunks. Each server raises its own exception."""

    def read(self, *_):
        message = "a server's own"
        raise LookupError(message)


def test_a_request_of_aiohttp_that_has_no_body_at_all():
    """An aiohttp request without a body object raises `AttributeError`."""
    pytest.importorskip("aiohttp")
    from aiohttp.streams import EMPTY_PAYLOAD
    from aiohttp.test_utils import make_mocked_request

    from exotel_callback.adapters.aiohttp import parse_request

    with pytest.raises(MissingFieldError):
        asyncio.run(parse_request(make_mocked_request("GET", "/", payload=EMPTY_PAYLOAD)))


def test_a_request_of_werkzeug():
    """A Werkzeug request can't be parsed without a Flask application."""
    werkzeug = pytest.importorskip("werkzeug")
    from exotel_callback.adapters.flask import parse_request

    assert parse_request(werkzeug.Request(environ_of(sent("multipart", PAGE)))) == CALLBACK


def test_a_stream_that_returns_few_bytes_at_a_time():
    """A stream is not read to its end, or is read beyond the limit."""
    stream = io.BytesIO(b"abcdef")
    body = read_at_most(lambda size: stream.read(min(size, 2)), 5)
    assert (body, type(body)) == (b"abcde", bytes)


def test_values_of_a_stored_form():
    """A form's string or bytes are misread, or an upload is read as a field."""
    pairs = [
        ("CallSid", b"a"),
        ("Status", bytearray(b"busy")),
        ("x", b"\xff"),
        ("y", SimpleNamespace(filename="y.txt")),
    ]
    assert Settings(parse).parse_form(pairs, 1).raw == {"CallSid": "a", "Status": "busy", "x": "\udcff"}


# Under ASGI, Django has read the whole body before it makes a request.
@pytest.mark.parametrize("framework", [name for name in SERVERS if name != "django under asgi"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_sender_that_hangs_up(framework, chunked):
    """A body that broke off is parsed, or raises an exception of the server."""
    with pytest.raises(DecodeError, match=r"^could not read the whole body$") as caught:
        FRAMEWORKS[framework](sent("json", PAGE, before="gone", chunked=chunked))
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("framework", "chunked"),
    # In a chunked body, ASGI and WSGI can't detect it, and Django doesn't read one.
    [
        ("flask", False),
        ("flask", True),
        ("django", False),
        ("fastapi", False),
        ("aiohttp", False),
        ("aiohttp", True),
        ("asgi", False),
        ("wsgi", False),
    ],
)
def test_a_body_of_which_something_read_the_beginning(framework, chunked):
    """A body whose beginning was read by earlier code is parsed as if it were complete."""
    call = sent("form", {"x": "1", **PAGE}, before="begun", chunked=chunked)
    with pytest.raises(DecodeError, match="incomplete"):
        FRAMEWORKS[framework](call)


def test_a_multipart_form_of_django_that_broke_off():
    """Django's form of a body that broke off is parsed as if it were complete."""
    call = sent("multipart", PAGE, before="form")
    assert call_django(call) == CALLBACK
    call.length = str(len(call.body) + 40)
    with pytest.raises(DecodeError, match="incomplete"):
        call_django(call)


class Dying(io.BytesIO):
    """A stream that fails once and then returns the bytes that it had before, as gunicorn's does."""

    def read(self, *arguments):
        if not self.tell():
            self.seek(1)
            raise OSError
        self.seek(0)
        return super().read(*arguments)


def test_a_chunked_body_of_django_is_read_once():
    """A second call parses the rest of a chunked body that broke off."""
    set_up_django()
    from django.core.handlers.wsgi import WSGIRequest

    from exotel_callback.adapters.django import parse_request

    environ = {**environ_of(sent("form", LEAST, chunked=True)), "wsgi.input": Dying(sent("form", LEAST).body)}
    request = WSGIRequest(environ)
    for _ in range(2):
        with pytest.raises(DecodeError):
            parse_request(request)


# A limit in the middle of a body: what comes before it is a callback, and so is what comes after the next byte.
PREFIX = b"CallSid=a&Status=busy&"
LONG = Call(body=PREFIX + b"&CallSid=b&Status=failed", content_type=FORM, chunked=True)
SHORT = {"limits": Limits(body_bytes=len(PREFIX))}


def refuse(read, *errors):
    """Check that reading a request raises one of the framework's errors."""
    with pytest.raises(errors):
        read()


@pytest.mark.parametrize("body", [LONG.body, PREFIX + b"x" * 70_000], ids=["one chunk", "large"])
def test_no_later_code_reads_a_part_of_a_flask_body(body):
    """After a body of unknown length was refused, a part of it is read as a whole body."""
    flask = pytest.importorskip("flask")
    from werkzeug.exceptions import RequestEntityTooLarge

    from exotel_callback.adapters.flask import parse_request

    readers = [
        lambda request: request.get_data(),
        lambda request: request.form,
        lambda request: request.values,
        lambda request: request.data,
        lambda request: request.stream.read(),
        lambda request: request.stream.readline(),
        lambda request: list(request.stream),
        lambda request: request.input_stream.read(10),
        lambda request: request.environ["wsgi.input"].read(),
        lambda request: flask.Request(request.environ).get_data(),
    ]
    for read in readers:
        environ = environ_of(replace(LONG, body=body))
        with flask.Flask(__name__).test_request_context(method="POST", environ_overrides=environ):
            with pytest.raises(DecodeError, match="larger than 22 bytes"):
                parse_request(**SHORT)
            refuse(partial(read, flask.request), RequestEntityTooLarge)
            refuse(parse_request, DecodeError)
            refuse(partial(parse_request, flask.Request(flask.request.environ)), DecodeError)


def test_no_later_code_reads_a_part_of_a_django_body():
    """After a body of unknown length was refused, a part of it is read as a whole body."""
    set_up_django()
    from django.core.exceptions import RequestDataTooBig
    from django.core.handlers.wsgi import WSGIRequest
    from django.http import RawPostDataException

    from exotel_callback.adapters.django import parse_request

    for content_type in (FORM, MULTIPART):
        request = WSGIRequest(environ_of(replace(LONG, content_type=content_type)))
        for says in ("larger than 22 bytes", "already read it", "already read it"):
            with pytest.raises(DecodeError, match=says):
                parse_request(request, **SHORT)
            refuse(lambda: request.body, RawPostDataException)  # noqa: B023 - called at once
            refuse(request.read, RequestDataTooBig)
            refuse(request.environ["wsgi.input"].read, RequestDataTooBig)
            assert not request.POST
        # The server of HTTP/2 has no header for a body of unknown length.
        del request.META["HTTP_TRANSFER_ENCODING"]
        with pytest.raises(DecodeError, match="already read it"):
            parse_request(request)


def test_later_code_reads_all_of_a_django_body_under_asgi():
    """Under ASGI, where Django has the whole body, later code reads less than that."""
    set_up_django()
    from django.core.handlers.asgi import ASGIRequest

    from exotel_callback.adapters.django import parse_request

    request = ASGIRequest(asgi_scope(LONG), io.BytesIO(LONG.body))
    with pytest.raises(DecodeError, match="larger than 22 bytes"):
        parse_request(request, **SHORT)
    assert request.body == LONG.body
    assert parse_request(request) == parse(LONG.body, FORM)


def test_no_later_code_reads_a_part_of_an_aiohttp_body():
    """After a body of unknown length was refused, a part of it is read as a whole body."""
    pytest.importorskip("aiohttp")
    from aiohttp import StreamReader, web
    from aiohttp.base_protocol import BaseProtocol
    from aiohttp.test_utils import make_mocked_request

    from exotel_callback.adapters.aiohttp import parse_request

    async def run():
        content = StreamReader(BaseProtocol(asyncio.get_running_loop()), 2**16)
        content.feed_data(LONG.body)
        content.feed_eof()
        request = make_mocked_request("POST", "/", headers={"Content-Type": FORM}, payload=content)
        with pytest.raises(DecodeError, match="larger than 22 bytes"):
            await parse_request(request, **SHORT)
        for read in (request.read, request.text, request.post, request.content.read):
            with pytest.raises(web.HTTPRequestEntityTooLarge):
                await read()
        with pytest.raises(DecodeError, match="could not read the whole body"):
            await parse_request(request)
        assert await content.read() == LONG.body[len(PREFIX) + 1 :]  # The server still has its stream.

    asyncio.run(run())


def test_no_later_code_reads_a_part_of_a_fastapi_body():
    """After a body of unknown length was refused, a part of it is read as a whole body."""
    pytest.importorskip("fastapi")
    from starlette.requests import ClientDisconnect, Request

    from exotel_callback.adapters.fastapi import parse_request

    messages = [
        {"type": "http.request", "body": LONG.body, "more_body": True},
        {"type": "http.request", "body": b"CallSid=c&Status=busy"},
    ]

    async def run():
        request = Request(asgi_scope(LONG), receiver(messages))
        with pytest.raises(DecodeError, match="larger than 22 bytes"):
            await parse_request(request, **SHORT)
        for read in (request.body, request.form, request.json):
            with pytest.raises(RuntimeError, match="Stream consumed"):
                await read()
        with pytest.raises(DecodeError, match="already read it"):
            await parse_request(request)
        with pytest.raises(ClientDisconnect):
            await Request(request.scope, request.receive).body()
        with pytest.raises(DecodeError, match="could not read the whole body"):
            await parse_request(Request(request.scope, request.receive))

    asyncio.run(run())


def test_no_later_call_reads_a_part_of_an_asgi_body():
    """After a body of unknown length was refused, a second call parses the rest of it."""
    messages = [
        {"type": "http.request", "body": LONG.body, "more_body": True},
        {"type": "http.request", "body": b"CallSid=c&Status=busy"},
    ]
    scope = asgi_scope(LONG)
    for says in ("larger than 22 bytes", "already read it"):
        with pytest.raises(DecodeError, match=says):
            asyncio.run(asgi.parse_request(scope, receiver(messages), **SHORT))
    assert len(messages) == 1


@pytest.mark.parametrize("chunked", [False, True])
def test_a_sender_that_hangs_up_on_an_asgi_application(chunked):
    """Half a body is parsed after the message that the sender hung up."""
    messages = [{"type": "http.request", "body": PREFIX, "more_body": True}, {"type": "http.disconnect"}]
    call = Call(body=PREFIX, content_type=FORM, chunked=chunked)
    with pytest.raises(DecodeError, match=r"^could not read the whole body$") as caught:
        asyncio.run(asgi.parse_request(asgi_scope(call), receiver(messages)))
    assert caught.value.__context__ is None


def test_no_later_code_reads_a_part_of_a_wsgi_body():
    """After a body of unknown length was refused, a part of it is read as a whole body."""
    environ = environ_of(LONG)
    with pytest.raises(DecodeError, match="larger than 22 bytes"):
        wsgi.parse_request(environ, **SHORT)
    refuse(environ["wsgi.input"].read, DecodeError)
    refuse(partial(wsgi.parse_request, environ), DecodeError)


def test_a_chunked_body_whose_end_no_wsgi_server_marks():
    """The adapter waits for the end of a body that the server doesn't mark, or takes the body for empty."""
    environ = {**environ_of(sent("form", PAGE, chunked=True)), "wsgi.input_terminated": False}
    with pytest.raises(DecodeError, match="incomplete"):
        wsgi.parse_request(environ)


@pytest.mark.parametrize(("length", "status"), [(5, 422), (60_000, 400)])
@pytest.mark.parametrize("framework", ["asgi", "wsgi"])
def test_a_wrong_content_length(framework, length, status):
    """A body that is shorter than its ``Content-Length`` is parsed, or WSGI reads past the length."""
    call = Call(body=b"CallSid=a&Status=busy", content_type=FORM, length=str(length))
    if (framework, length) == ("asgi", 5):
        assert call_asgi(call) == parse(call.body, FORM)  # The server cuts the body, not the application.
        return
    with pytest.raises(CallbackError) as caught:
        FRAMEWORKS[framework](call)
    assert caught.value.status_hint == status


def test_headers_of_asgi_in_upper_case():
    """A header isn't found because a server, against the standard, sends its name in upper case."""
    body, content_type = ENCODERS["multipart"](PAGE)
    headers = [(b"Content-Type", content_type.encode()), (b"CONTENT-LENGTH", b"70000")]

    async def receive():
        return {"type": "http.request", "body": body}

    scope = {"type": "http", "method": "POST", "headers": headers[:1]}
    assert asyncio.run(asgi.parse_request(scope, receive)) == CALLBACK
    with pytest.raises(DecodeError, match="larger than"):
        asyncio.run(asgi.parse_request({**scope, "headers": headers}, receive))


@pytest.mark.parametrize(
    ("scope", "says"),
    [
        ({"type": "lifespan"}, "takes the scope of an HTTP request, not of type 'lifespan'$"),
        ({"type": "websocket"}, "takes the scope of an HTTP request, not of type 'websocket'$"),
        ({}, "takes the scope of an HTTP request, not of type None$"),
        (None, "takes the scope of an ASGI request, not NoneType$"),
    ],
)
def test_a_scope_that_is_not_of_a_request(scope, says):
    """The scope of a websocket or of the server's start is read as a request, or the message doesn't name it."""
    with pytest.raises(TypeError, match=says):
        asyncio.run(asgi.parse_request(scope, None))


def test_an_environ_that_is_a_request():
    """The message for a request instead of its environ doesn't say what to pass."""
    with pytest.raises(TypeError, match=r"takes the environ of a WSGI request, not SimpleNamespace$"):
        wsgi.parse_request(SimpleNamespace())


def test_starlette_without_fastapi(monkeypatch):
    """The adapter of Starlette needs FastAPI."""
    pytest.importorskip("starlette")
    for name in ("fastapi", "exotel_callback.adapters.starlette"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "exotel_callback.adapters.starlette")
    assert importlib.import_module("exotel_callback.adapters.starlette").__all__ == ["parse_request"]


def test_a_fastapi_sender_that_hung_up_before():
    """After earlier code noticed that the sender hung up, the adapter waits for more, with hypercorn for ever."""
    pytest.importorskip("fastapi")
    from starlette.requests import ClientDisconnect, Request

    from exotel_callback.adapters.fastapi import parse_request

    messages = [{"type": "http.request", "body": b"CallSid=a&", "more_body": True}, {"type": "http.disconnect"}]

    async def run():
        request = Request(asgi_scope(LONG), receiver(messages))
        with pytest.raises(ClientDisconnect):
            await request.form()
        for _ in range(2):
            with pytest.raises(DecodeError, match="could not read the whole body"):
                await parse_request(request)

    asyncio.run(run())


@pytest.mark.parametrize("framework", ["flask", "django", "wsgi"])
def test_no_later_code_reads_the_rest_of_a_body_that_broke_off(framework):
    """After a chunked body broke off, the bytes that its server returns later are read as a whole body."""
    environ = {**environ_of(sent("form", LEAST, chunked=True)), "wsgi.input": Dying(sent("form", LEAST).body)}
    with suppress(DecodeError):
        if framework == "flask":
            flask = pytest.importorskip("flask")
            from exotel_callback.adapters.flask import parse_request

            parse_request(flask.Request(environ))
        elif framework == "wsgi":
            wsgi.parse_request(environ)
        else:
            set_up_django()
            from django.core.handlers.wsgi import WSGIRequest

            from exotel_callback.adapters.django import parse_request

            parse_request(WSGIRequest(environ))
    with pytest.raises(Exception, match=r"413|^$|^could not read the whole body$"):
        environ["wsgi.input"].read()


@pytest.mark.parametrize("framework", ["flask", "django", "wsgi"])
@pytest.mark.parametrize("length", ["abc", "21,21", "\xb2", "1e3", "-5", "9" * 5_000])
def test_an_invalid_content_length(framework, length):
    """An invalid ``Content-Length`` that a server passes on raises another exception than ours."""
    with pytest.raises(CallbackError):
        FRAMEWORKS[framework](sent("form", LEAST, length=length))


# Some senders don't escape a query, which is against the standard. Servers pass it on unchanged.
RAW_E = "secret=\xc3\xa9"


@pytest.mark.parametrize("framework", ["flask", "django", "wsgi"])
def test_an_unescaped_query(framework):
    """A secret in an unescaped query is not found, or one that isn't UTF-8 raises an exception of the framework."""
    call = FRAMEWORKS[framework]
    assert call(sent("json", PAGE, query=RAW_E), secret="\xe9") == CALLBACK
    for query in ("secret=\xff", "secret=%FF", f"\xff&{RAW_E}\xff"):
        with pytest.raises(AuthenticationError):
            call(sent("json", PAGE, query=query), secret=["\xe9", "\ufffd"])


@pytest.mark.parametrize("framework", ["django under asgi", "fastapi", "asgi"])
def test_an_unescaped_query_under_asgi(framework):
    """A secret in unescaped bytes is not found, or bytes that aren't UTF-8 raise an exception."""
    assert FRAMEWORKS[framework](sent("json", PAGE, query=RAW_E), secret="\xe9") == CALLBACK


def test_a_query_of_django_that_no_server_makes():
    """A query with characters that WSGI doesn't allow raises an exception of Python."""
    with pytest.raises(AuthenticationError):
        call_django(sent("json", PAGE, query="secret=\u20ac"), secret="\u20ac")


@by_framework
def test_a_query_of_many_parameters(framework):
    """A query with many parameters hides the secret, or raises an exception."""
    call = sent("json", PAGE, query="a=1&" * 2_000 + "secret=right")
    assert FRAMEWORKS[framework](call, secret=RIGHT) == CALLBACK


@pytest.fixture(params=[True, False], ids=["with python-multipart", "without"])
def fastapi_client(request, monkeypatch):
    """Return a client of an application with the dependency, with and without FastAPI's package for forms."""
    fastapi = pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    from exotel_callback.adapters.fastapi import callback

    if not request.param:
        for name in ("multipart", "python_multipart"):
            monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.delitem(sys.modules, "multipart")
    app = fastapi.FastAPI()

    @app.post("/exotel")
    async def exotel(callback: Annotated[StatusCallback, fastapi.Depends(callback(secret=RIGHT))]):
        return dump(callback)

    return TestClient(app)


@pytest.mark.parametrize("encoding", ENCODERS)
def test_the_dependency_of_fastapi(fastapi_client, encoding):
    """The dependency doesn't pass the callback to the handler."""
    body, content_type = ENCODERS[encoding](PAGE)
    answer = fastapi_client.post("/exotel?secret=right", content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, load(answer.json())) == (200, CALLBACK)


@pytest.mark.parametrize(
    ("sent", "status", "detail"),
    [
        (("", b"{}", JSON), 401, "the secret is wrong or missing"),
        (("?secret=wrong", b"{}", JSON), 401, "the secret is wrong or missing"),
        (("?secret=right", b"{", JSON), 400, "invalid JSON at line 1 column 2"),
        (("?secret=right", b"x" * 70_000, FORM), 413, "the body is larger than 65536 bytes"),
        (("?secret=right", b"x", "text/plain"), 415, "unsupported content type; expected one of"),
        (
            ("?secret=right", b'{"SmsSid": "1"}', JSON),
            422,
            "missing @ CallSid; missing @ Status. This looks like an SMS callback",
        ),
    ],
)
def test_the_dependency_answers_an_error(fastapi_client, sent, status, detail):
    """The dependency answers with another status, or its message quotes the payload."""
    query, body, content_type = sent
    answer = fastapi_client.post(f"/exotel{query}", content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, list(answer.json())) == (status, ["detail"])
    assert answer.json()["detail"].startswith(detail)


def refusing_app(**options):
    """Return a client of an application whose dependency handles errors in a given way."""
    fastapi = pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    from exotel_callback.adapters.fastapi import callback

    app = fastapi.FastAPI()

    @app.post("/exotel/{order}")
    async def exotel(callback: Annotated[StatusCallback, fastapi.Depends(callback(secret=RIGHT, **options))]):
        return dump(callback)

    @app.exception_handler(CallbackError)
    async def on_callback_error(_, error):
        return fastapi.responses.JSONResponse({"mine": type(error).__name__}, error.status_hint)

    return TestClient(app)


def test_the_dependency_logs_what_it_refuses(caplog):
    """A refused request leaves no log record, or the record contains data of the request."""
    client = refusing_app()
    assert client.post("/exotel/5?secret=wrong").status_code == 401
    assert client.post("/exotel/5?secret=right", json={"Status": "7"}).status_code == 422
    records = [record for record in caplog.records if record.name.startswith("exotel_callback")]
    assert [record.levelname for record in records] == ["WARNING"] * 2
    assert {record.msg for record in records} == {"refused a request: %s"}
    assert [record.error for record in records] == ["AuthenticationError", "MissingFieldError"]
    assert [record.status_hint for record in records] == [401, 422]
    assert [record.issues for record in records] == [[], ["missing @ CallSid", "unknown-value @ Status"]]
    assert {record.route for record in records} == {"/exotel/{order}"}


@pytest.mark.parametrize("is_async", [False, True])
def test_the_dependency_calls_on_error(caplog, is_async):
    """``on_error`` isn't called or awaited, or the error is logged or answered in another way."""
    calls = []

    def on_error(request, error):
        calls.append((request.url.path, type(error)))

    async def on_error_async(request, error):
        await asyncio.sleep(0)
        on_error(request, error)

    client = refusing_app(on_error=on_error_async if is_async else on_error)
    answer = client.post("/exotel/5?secret=wrong")
    assert (answer.status_code, answer.json()) == (401, {"detail": "the secret is wrong or missing"})
    assert calls == [("/exotel/5", AuthenticationError)]
    assert not [record for record in caplog.records if record.name.startswith("exotel_callback")]


def test_the_dependency_lets_an_error_through():
    """The application's handler of ``CallbackError`` isn't called, although the dependency raises the error."""
    pytest.importorskip("fastapi")
    from exotel_callback.adapters.fastapi import raise_error

    answer = refusing_app(on_error=raise_error).post("/exotel/5?secret=wrong")
    assert (answer.status_code, answer.json()) == (401, {"mine": "AuthenticationError"})


def test_the_dependency_keeps_the_cause():
    """An application's handler of ``HTTPException`` can't find the error that caused it."""
    fastapi = pytest.importorskip("fastapi")
    from exotel_callback.adapters.fastapi import callback

    request = fastapi.Request(asgi_scope(Call(query="secret=wrong")))
    with pytest.raises(fastapi.HTTPException) as caught:
        asyncio.run(callback(secret=RIGHT)(request))
    assert type(caught.value.__cause__) is AuthenticationError


@pytest.mark.parametrize("on_error", ["raise", None])
def test_a_wrong_on_error(on_error):
    """An ``on_error`` that isn't a function raises only when the first request is refused."""
    pytest.importorskip("fastapi")
    from exotel_callback.adapters.fastapi import callback

    with pytest.raises(
        TypeError, match=f"^on_error must be a function such as raise_error, not {type(on_error).__name__}$"
    ):
        callback(on_error=on_error)


@pytest.mark.parametrize("options", [{"secret": ""}, {"secret": None}, {"limits": 5}, {"unknown": 1}])
def test_a_misused_dependency_fails_when_the_application_starts(options):
    """An invalid option of the dependency raises only when the first callback arrives."""
    pytest.importorskip("fastapi")
    from exotel_callback.adapters.fastapi import callback

    with pytest.raises((ValueError, TypeError)):
        callback(**options)


FORM_BODY = ENCODERS["form"](PAGE)[0].decode()

# The shapes of https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
# and https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html, shortened.
EVENTS = {
    "HTTP API, 2.0": {
        "version": "2.0",
        "rawPath": "/exotel",
        "rawQueryString": "secret=a%20b&key=1",
        "headers": {"content-type": FORM, "content-length": "1"},
        "queryStringParameters": {"secret": "a b", "key": "1"},
        "requestContext": {"http": {"method": "POST", "path": "/exotel"}},
        "body": base64.b64encode(FORM_BODY.encode()).decode(),
        "isBase64Encoded": True,
    },
    "function URL, text": {
        "version": "2.0",
        "rawQueryString": "secret=a+b",
        "headers": {"content-type": FORM},
        "body": FORM_BODY,
        "isBase64Encoded": False,
    },
    "REST API, 1.0": {
        "version": "1.0",
        "httpMethod": "POST",
        "headers": {"Content-Type": FORM},
        "multiValueHeaders": {"Content-Type": [FORM]},
        "queryStringParameters": {"secret": "a b"},
        "multiValueQueryStringParameters": {"secret": ["a b"]},
        "requestContext": {"httpMethod": "POST"},
        "body": FORM_BODY,
        "isBase64Encoded": False,
    },
    "REST API with one value each": {
        "headers": {"CONTENT-TYPE": FORM},
        "multiValueHeaders": None,
        "queryStringParameters": {"secret": "a b"},
        "multiValueQueryStringParameters": None,
        "body": FORM_BODY,
    },
    "load balancer": {
        "requestContext": {"elb": {"targetGroupArn": "arn"}},
        "httpMethod": "POST",
        "queryStringParameters": {"secret": "a%20b"},
        "headers": {"content-type": FORM},
        "body": FORM_BODY,
        "isBase64Encoded": False,
    },
    "load balancer with several values": {
        "requestContext": {"elb": {"targetGroupArn": "arn"}},
        "multiValueQueryStringParameters": {"secret": ["a+b"]},
        "multiValueHeaders": {"content-type": [FORM]},
        "body": FORM_BODY,
        "isBase64Encoded": False,
    },
}


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_events_of_lambda(event):
    """An event shape that AWS documents can't be parsed, or its secret is not found."""
    assert parse_event(event, secret="a b") == CALLBACK
    with pytest.raises(AuthenticationError):
        parse_event(event, secret="another")


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({}, 422),
        ({"body": None, "headers": None, "queryStringParameters": None}, 422),
        ({"body": "!", "isBase64Encoded": True}, 400),
        ({"body": "é", "isBase64Encoded": True}, 400),
        ({"body": "A" * 100_000, "isBase64Encoded": True}, 413),
        ({"body": "CallSid=a&Status=busy", "headers": {"content-type": "text/plain"}}, 415),
        ({"body": "CallSid=a&Status=busy", "multiValueHeaders": {"Content-Type": ["text/plain"]}}, 415),
        ({"body": "{", "multiValueHeaders": {"content-type": []}}, 400),
        ({"body": "!" * 100_000, "isBase64Encoded": True}, 413),  # It is too large to be decoded.
        ({"body": [1]}, 400),
        ({"body": 5}, 400),
        ({"body": 5, "isBase64Encoded": True}, 400),
        ({"body": {"CallSid": "a"}, "isBase64Encoded": True}, 400),
        ({"body": "{}", "isBase64Encoded": "false"}, 422),
        ({"body": "{", "rawQueryString": ["a"], "headers": "x", "requestContext": 5}, 400),
        ({"body": "{", "headers": {"content-type": 5, 6: "x"}}, 400),
        ({"body": "{", "multiValueHeaders": {"content-type": "text/plain"}}, 400),
        ({"body": "{", "multiValueHeaders": {"content-type": [None]}}, 400),
    ],
)
def test_invalid_events_of_lambda(event, status):
    """An invalid event raises another exception than ours, or the error has another status."""
    with pytest.raises(CallbackError) as caught:
        parse_event(event)
    assert caught.value.status_hint == status


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"body": [1]}, "the event's body must be a string, not list"),
        ({"body": "!", "isBase64Encoded": True}, "the event's body is not valid base64"),
    ],
)
def test_the_message_for_an_invalid_event_of_lambda(event, says):
    """The message doesn't say what is wrong, or quotes the event."""
    with pytest.raises(DecodeError) as caught:
        parse_event(event)
    assert str(caught.value) == says


@pytest.mark.parametrize(
    "query",
    [
        {"rawQueryString": None},
        {"rawQueryString": ["secret=right"]},
        {"multiValueQueryStringParameters": {"secret": "right"}},
        {"multiValueQueryStringParameters": {"secret": [None]}, "requestContext": {"elb": {}}},
        {"multiValueQueryStringParameters": {"secret": ["right", None]}},
        {"multiValueQueryStringParameters": ["secret"]},
        {"queryStringParameters": {"secret": ["right"]}},
        {"queryStringParameters": {"secret": None}, "requestContext": "elb"},
    ],
)
def test_an_event_of_lambda_without_a_secret(query):
    """An event without a secret is accepted."""
    with pytest.raises(AuthenticationError):
        parse_event({"body": FORM_BODY, **query}, secret=RIGHT)


def test_a_load_balancer_escapes_names_too():
    """An escaped parameter name of a load balancer is not found."""
    event = {"queryStringParameters": {"my%20key": "a%20b"}, "requestContext": {"elb": {}}, "body": FORM_BODY}
    assert parse_event(event, secret="a b", secret_parameter="my key") == CALLBACK


@pytest.mark.parametrize(
    "query",
    [
        {"secret": "wrong", "%73ecret": "right"},
        {"%73ecret": "right", "secret": "wrong"},
        {"secret": "right", "s%65cret": "right"},
        {"secret": "", "%73%65%63%72%65%74": "right"},
    ],
)
@pytest.mark.parametrize("has_several", [False, True])
def test_a_load_balancer_repeats_a_secret(query, has_several):
    """A repeated secret is accepted if its names are escaped differently."""
    if has_several:
        member = {"multiValueQueryStringParameters": {name: [value] for name, value in query.items()}}
    else:
        member = {"queryStringParameters": query}
    with pytest.raises(AuthenticationError):
        parse_event({"requestContext": {"elb": {}}, "body": FORM_BODY, **member}, secret=RIGHT)


def test_a_secret_of_bytes_behind_a_load_balancer():
    """A secret of bytes that aren't UTF-8 is not found in a load balancer's event."""
    event = {"queryStringParameters": {"secret": "%FF%fe+a"}, "requestContext": {"elb": {}}, "body": FORM_BODY}
    assert parse_event(event, secret=b"\xff\xfe a") == CALLBACK


@pytest.mark.parametrize("event", [None, "text", [("body", FORM_BODY)]])
def test_an_event_of_the_wrong_type(event):
    """A value that isn't a mapping doesn't raise `TypeError`."""
    with pytest.raises(TypeError, match=f"AWS passes to a handler, not {type(event).__name__}"):
        parse_event(event)


def test_an_event_of_the_largest_size():
    """A body of exactly the limit in base64 is refused."""
    body = f"CallSid=a&Status=busy&x={'x' * (65_536 - 24)}".encode()
    assert len(body) == 65_536
    for piece in (body, body[:-1], body[:-2]):
        event = {"body": base64.b64encode(piece).decode(), "isBase64Encoded": True}
        assert parse_event(event) == parse(piece)


FLOW = {"CallSid": "a", "CallType": "incomplete", "CallFrom": "0", "key": "1", "Legs": [{"Cause": "16"}]}
RING = {"CallSid": "a", "EventType": "Dial", "Status": "busy", "DialWhomNumber": "0", "key": "1"}
BODY_OF = {parse: LEAST, parse_passthru: FLOW, parse_popup: RING}
READS = [(reader, payload) for kind, payload in BODY_OF.items() for reader in (kind, parse_any)]
IDS = [f"{reader.__name__} {len(payload)}" for reader, payload in READS]
by_reader = pytest.mark.parametrize(("reader", "payload"), READS, ids=IDS)


def query_of(payload):
    return ENCODERS["form"](payload)[0].decode()


@by_framework
@by_reader
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_get_request_is_read_from_its_query(framework, reader, payload, method):
    """The query of a GET request isn't read, or its secret is checked late or reaches ``raw`` or ``extra``."""
    call = FRAMEWORKS[framework]
    expected = reader(payload)
    query = query_of(payload)
    event = call(Call(method=method, query=query), reader=reader)
    assert (event, type(event), event.raw.keys()) == (expected, type(expected), reader(query).raw.keys())
    for with_secret in (f"secret=right&{query}", f"{query}&secret=right", f"{query}&%73ecre%74=right&"):
        event = call(Call(method=method, query=with_secret), reader=reader, secret=RIGHT)
        assert (event, event.event_key) == (expected, expected.event_key)
        assert (dict(event.raw), dict(event.extra)) == (dict(reader(query).raw), dict(reader(query).extra))
    for wrong in ("secret=wrong", "", "secret=right&s%65cret=right", "secret=right&secret=wrong"):
        with pytest.raises(AuthenticationError):
            call(Call(method=method, query=f"{query}&{wrong}"), reader=reader, secret=RIGHT)


@by_framework
@by_reader
@pytest.mark.parametrize("encoding", ENCODERS)
def test_a_post_request_is_read_from_its_body(framework, reader, payload, encoding):
    """The body of a POST request isn't read, the query is, or a secret in the body reaches ``raw`` or ``extra``."""
    call = partial(FRAMEWORKS[framework], reader=reader, secret=RIGHT)
    expected = reader(*ENCODERS[encoding](payload))
    query = "secret=right&CallSid=b&Status=failed&flow_id=2"
    for before in (None, "form"):
        event = call(sent(encoding, {**payload, "secret": "right"}, query=query, before=before))
        assert (event, type(event), event.event_key) == (expected, type(expected), expected.event_key)
        assert (event.raw.keys(), event.extra) == (expected.raw.keys(), expected.extra)
    with pytest.raises(AuthenticationError):
        call(sent(encoding, {**payload, "secret": "right"}, query="secret=wrong"))


@by_framework
@pytest.mark.parametrize("before", [None, "form"])
def test_a_secret_that_a_body_repeats(framework, before):
    """A secret in the body, repeated or percent-encoded, reaches ``raw`` or ``extra``."""
    body = b"secret=right&CallSid=a&s%65cret=x&flow_id=1&secret="
    call = Call(body=body, content_type=FORM, query="secret=right", before=before)
    event = FRAMEWORKS[framework](call, reader=parse_any, secret=RIGHT)
    assert (dict(event.raw), dict(event.extra)) == ({"CallSid": "a", "flow_id": "1"}, {})


@by_framework
def test_without_a_secret_every_parameter_stays(framework):
    """A parameter that is named ``secret`` is removed although the adapter checks none."""
    for call in (Call(method="GET", query="CallSid=a&flow_id=1&secret=x"), sent("form", {**FLOW, "secret": "x"})):
        event = FRAMEWORKS[framework](call, reader=parse_any)
        assert event.raw["secret"] == event.extra["secret"] == "x"


@by_framework
def test_another_parameter_for_the_secret_is_removed(framework):
    """With ``secret_parameter``, the secret stays in ``raw``, or the parameter ``secret`` is removed."""
    call = Call(method="GET", query="CallSid=a&flow_id=1&k%C3%A9y=right&secret=x")
    event = FRAMEWORKS[framework](call, reader=parse_any, secret=RIGHT, secret_parameter="k\xe9y")
    assert dict(event.raw) == {"CallSid": "a", "flow_id": "1", "secret": "x"}


@by_framework
def test_a_secret_of_bytes_in_a_query_that_is_read(framework):
    """A secret that isn't UTF-8 makes the rest of the query unreadable."""
    call = Call(method="GET", query="CallSid=a&flow_id=1&secret=%FF%FE")
    assert FRAMEWORKS[framework](call, reader=parse_any, secret=b"\xff\xfe") == parse_any("CallSid=a&flow_id=1")


@by_framework
@pytest.mark.parametrize("reader", [parse_passthru, parse_any])
def test_a_query_that_is_not_utf_8(framework, reader):
    """A query that isn't UTF-8 raises another exception than `DecodeError`."""
    with pytest.raises(DecodeError, match="not valid utf-8") as caught:
        FRAMEWORKS[framework](Call(method="GET", query="CallSid=a&flow_id=%FF"), reader=reader)
    assert caught.value.status_hint == 400


@by_framework
@pytest.mark.parametrize("reader", [parse, parse_passthru, parse_popup, parse_any])
@pytest.mark.parametrize("query", ["", "&", "secret=right", "secret=right&"])
def test_an_empty_query_is_a_probe(framework, reader, query):
    """The message for a GET request without fields doesn't say that it is a probe."""
    options = {"secret": RIGHT} if "secret" in query else {}
    with pytest.raises(MissingFieldError, match="a probe of the URL") as caught:
        FRAMEWORKS[framework](Call(method="GET", query=query), reader=reader, **options)
    assert caught.value.status_hint == 422


@by_framework
def test_a_reader_that_gets_another_event(framework):
    """The error for an event that the reader can't read doesn't say which function reads it."""
    for payload, reader, says in [
        (RING, parse, "use parse_popup"),
        (RING, parse_passthru, "use parse_popup"),
        (PAGE, parse_popup, "use parse"),
        (FLOW, parse, "use parse_passthru"),
    ]:
        for call in (Call(method="GET", query=query_of(payload)), sent("json", payload)):
            with pytest.raises(MissingFieldError, match=says):
                FRAMEWORKS[framework](call, reader=reader)


@by_framework
def test_options_reach_every_reader(framework):
    """Strict mode, the time zone or the limits don't reach the reader."""
    call = partial(FRAMEWORKS[framework], reader=parse_any)
    query = "CallSid=a&flow_id=1&StartTime=2022-02-23+12:32:00&Legs[0][Cause]=1&Legs[1][Cause]=1"
    get = Call(method="GET", query=query)
    more = {"timezone": UTC, "limits": Limits(legs=1)}
    assert call(get, **more) == parse_passthru(query, **more) != parse_passthru(query)
    with pytest.raises(DecodeError, match="larger than 50 bytes"):
        call(get, limits=Limits(body_bytes=50))
    with pytest.raises(CallbackError, match="Direction"):
        call(replace(get, query=f"{query}&Direction=x"), strict=True)


@by_framework
@pytest.mark.parametrize("reader", ["parse_any", None, 5, [parse]], ids=lambda reader: type(reader).__name__)
def test_a_wrong_reader(framework, reader):
    """A reader that isn't a function raises another exception than `TypeError`."""
    with pytest.raises(TypeError, match=f"^reader must be a function such as parse_any, not {type(reader).__name__}$"):
        FRAMEWORKS[framework](sent("json", PAGE), reader=reader)


def test_the_dependency_of_fastapi_with_a_reader():
    """The dependency doesn't pass a Passthru request to the handler, or the secret reaches it."""
    fastapi = pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    from exotel_callback.adapters.fastapi import callback

    app = fastapi.FastAPI()

    @app.api_route("/exotel", methods=["GET", "POST"])
    def exotel(
        event: Annotated[
            StatusCallback | PassthruEvent | PopupEvent, fastapi.Depends(callback(reader=parse_any, secret=RIGHT))
        ],
    ):
        return {"dump": dump(event), "extra": sorted(event.extra)}

    client = TestClient(app)
    answer = client.get(f"/exotel?secret=right&{query_of(FLOW)}")
    assert (answer.status_code, load_passthru(answer.json()["dump"])) == (200, parse_any(FLOW))
    assert answer.json()["extra"] == ["key"]
    assert client.get(f"/exotel?{query_of(FLOW)}").status_code == 401
    assert client.get("/exotel?secret=right").status_code == 422
    assert client.post("/exotel?secret=right", json=RING).json()["dump"]["type"] == "popup_event"
    with pytest.raises(TypeError, match="reader must be"):
        callback(reader="parse_any")


# The GET requests of the shapes in EVENTS.
GETS = {
    "HTTP API, 2.0": {
        "version": "2.0",
        "rawQueryString": "CallSid=a&flow_id=1&CallFrom=0%2B1&secret=a%20b",
        "requestContext": {"http": {"method": "GET"}},
        "queryStringParameters": {"CallSid": "wrong"},
        "isBase64Encoded": False,
    },
    "REST API, 1.0": {
        "httpMethod": "GET",
        "multiValueQueryStringParameters": {
            "CallSid": ["a"],
            "flow_id": ["1"],
            "CallFrom": ["0+1"],
            "secret": ["a b"],
        },
        "body": None,
    },
    "REST API with one value each": {
        "httpMethod": "GET",
        "queryStringParameters": {"CallSid": "a", "flow_id": "1", "CallFrom": "0+1", "secret": "a b"},
        "multiValueQueryStringParameters": None,
        "requestContext": {"httpMethod": "GET"},
    },
    "load balancer": {
        "requestContext": {"elb": {"targetGroupArn": "arn"}},
        "httpMethod": "GET",
        "queryStringParameters": {"CallSid": "a", "flow_id": "1", "CallFrom": "0%2B1", "s%65cret": "a%20b"},
        "body": "",
    },
    "load balancer with several values": {
        "requestContext": {"elb": {"targetGroupArn": "arn"}},
        "httpMethod": "HEAD",
        "multiValueQueryStringParameters": {
            "CallSid": ["a"],
            "flow_id": ["1"],
            "CallFrom": ["0%2B1"],
            "secret": ["a+b"],
        },
    },
}


@pytest.mark.parametrize("event", GETS.values(), ids=GETS)
def test_get_requests_of_lambda(event):
    """The query of a GET request can't be read in one of the shapes of AWS, or its secret reaches ``raw``."""
    found = parse_event(event, reader=parse_any, secret="a b")
    assert dict(found.raw) == {"CallSid": "a", "flow_id": "1", "CallFrom": "0+1"}
    assert found == parse_passthru("CallSid=a&flow_id=1&CallFrom=0%2B1")
    with pytest.raises(AuthenticationError):
        parse_event(event, reader=parse_any, secret="another")
    without_query = {name: value for name, value in event.items() if "query" not in name.lower()}
    with pytest.raises(MissingFieldError, match="a probe of the URL"):
        parse_event(without_query, reader=parse_passthru)


def test_repeated_fields_in_a_query_of_lambda():
    """A field that a GET request repeats loses its values, or leaves no issue."""
    event = {"httpMethod": "GET", "multiValueQueryStringParameters": {"CallSid": ["a"], "flow_id": ["1", "2"]}}
    found = parse_event(event, reader=parse_passthru)
    assert found == parse_passthru("CallSid=a&flow_id=1&flow_id=2")
    assert [issue.code for issue in found.issues] == [IssueCode.REPEATED]


@pytest.mark.parametrize(
    "event",
    [
        {"httpMethod": 5, "body": FORM_BODY},
        {"httpMethod": None, "body": FORM_BODY, "requestContext": {"http": "GET"}},
        {"body": FORM_BODY, "requestContext": {"http": {"method": ["POST"]}}},
        {"body": FORM_BODY, "requestContext": None},
    ],
)
def test_an_event_of_lambda_without_a_method(event):
    """An event with an odd method raises another exception than ours, or its body isn't read."""
    assert parse_event(event, reader=parse_any) == CALLBACK
