"""Test the ASGI and WSGI adapters with raw requests over real connections, also with invalid ones."""

import asyncio
import gzip
import json
import re
import socket
import threading
from contextlib import contextmanager
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from exotel_callback import CallbackError, parse_any
from exotel_callback.adapters import asgi, wsgi
from helpers import FORM

OPTIONS = {"reader": parse_any, "secret": "right"}
BODY = b"CallSid=a&Status=busy"
FIELDS = ["CallSid", "Status"]
LENGTH = b"Content-Length: %d" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked"


async def asgi_app(scope, receive, send):
    """Answer with the names in the event, or with the status of the error."""
    try:
        event = await asgi.parse_request(scope, receive, **OPTIONS)
        status, body = 200, json.dumps([*event.raw]).encode()
    except CallbackError as error:
        status, body = error.status_hint, b""
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def wsgi_app(environ, start_response):
    """Answer as the ASGI application does."""
    try:
        event = wsgi.parse_request(environ, **OPTIONS)
        status, body = 200, json.dumps([*event.raw]).encode()
    except CallbackError as error:
        status, body = error.status_hint, b""
    start_response(f"{status} -", [("Content-Length", str(len(body)))])
    return [body]


class Quiet(WSGIRequestHandler):
    """A handler that logs nothing."""

    def log_message(self, *_):
        """Log nothing."""


@contextmanager
def serving_asgi():
    uvicorn = pytest.importorskip("uvicorn")
    pytest.importorskip("h11")
    server = uvicorn.Server(uvicorn.Config(asgi_app, http="h11", lifespan="off", log_level="critical"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(10)


@contextmanager
def serving_wsgi():
    with make_server("127.0.0.1", 0, wsgi_app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join(10)


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def kind(request):
    """Return the kind of the application that `talk` calls."""
    return request.param


@pytest.fixture(scope="module")
def talk(kind):
    """Return a function that sends bytes, and returns the statuses of the answers and the names in the events."""
    with {"asgi": serving_asgi, "wsgi": serving_wsgi}[kind]() as port:

        def send(*parts, hangs_up=False):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                for part in parts:
                    connection.sendall(part)
                if hangs_up:
                    connection.shutdown(socket.SHUT_WR)
                received = connection.makefile("rb").read()
            answers = re.split(rb"HTTP/1\.[01] (\d{3}) ", received)[1:]
            bodies = [answer.partition(b"\r\n\r\n")[2] for answer in answers[1::2]]
            names = [json.loads(body) for body in bodies if body.startswith(b"[")]
            return [int(status) for status in answers[::2]], names

        yield send


def raw(*headers, method=b"POST", target=b"/x?secret=right", body=BODY, version=b"1.1", close=True):
    """Return the bytes of a request."""
    lines = [
        b"%s %s HTTP/%s" % (method, target, version),
        b"Host: x",
        *([b"Connection: close"] if close else []),
        b"Content-Type: " + FORM.encode(),
        *headers,
    ]
    return b"\r\n".join([*lines, b"", body])


@pytest.mark.parametrize(
    "request_bytes",
    [
        raw(LENGTH),
        raw(LENGTH, version=b"1.0"),
        raw(LENGTH, method=b"PUT"),
        raw(LENGTH, target=b"/x?s%65cret=%72ight"),
        raw(LENGTH, target=b"/x?a=%FF&secret=right&&=&%"),
        raw(b"Content-Length: 00021"),
        raw(LENGTH, b"Content-Encoding: identity"),
        raw(LENGTH + b"\r\nX_Secret: wrong\r\nsecret: wrong"),
    ],
)
def test_requests_that_are_read(talk, request_bytes):
    """A complete request with the secret isn't read."""
    assert talk(request_bytes) == ([200], [FIELDS])


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_requests_without_a_body(talk, method):
    """The query of a GET request isn't read, or the secret is in ``raw``."""
    target = b"/x?CallSid=a&%73ecret=right&CallType=completed"
    statuses, names = talk(raw(method=method, target=target, body=b""))
    assert statuses == [200]
    assert names == [["CallSid", "CallType"]] or method == b"HEAD"


@pytest.mark.parametrize(
    "query",
    [
        b"",
        b"?",
        b"?secret",
        b"?secret=wrong",
        b"?secret=right&secret=right",
        b"?secret=wrong&%73ecret=right",
        b"?secret=&secret=right",
        b"?secret=right+",
        b"?secret=%2572ight",
        b"?secret=right%00",
        b"?secret[]=right",
        b"?SECRET=right",
        b"?a=1;secret=right",
        b"/secret=right",
    ],
)
def test_the_secret(talk, query):
    """A request without the one secret in its query is read, also if the secret is somewhere else."""
    body = BODY + b"&secret=right"
    length = b"Content-Length: %d" % len(body)
    assert talk(raw(length, b"secret: right", target=b"/x" + query, body=body))[0] == [401]


def test_a_body_in_chunks(kind, talk):
    """A chunked body is misread, or is read from a WSGI server that doesn't mark its end."""
    body = b"5;name=value\r\n%s\r\n10\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (BODY[:5], BODY[5:])
    assert talk(raw(CHUNKED, body=body)) == (([200], [FIELDS]) if kind == "asgi" else ([400], []))


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([b"Content-Length: 22"], BODY),
        ([b"Content-Length: 21"], b""),
        ([CHUNKED], b"15\r\n" + BODY + b"\r\n"),
        ([CHUNKED], b"ff\r\n" + BODY),
        ([CHUNKED], b"zz\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ],
)
def test_a_body_that_breaks_off(talk, headers, body):
    """A part of a body is read as a whole body."""
    statuses, _ = talk(raw(*headers, body=body), hangs_up=True)
    assert statuses in ([400], [])  # Uvicorn doesn't answer a client that is gone.


@pytest.mark.parametrize(
    "headers",
    [
        [b"Content-Length: -1"],
        [b"Content-Length: +21"],
        [b"Content-Length: 2_1"],
        [b"Content-Length: x"],
        [b"Transfer-Encoding: gzip, chunked"],
    ],
)
def test_invalid_lengths(talk, headers):
    """A body whose length is unclear is read."""
    assert talk(raw(*headers))[0] in ([400], [422])


def test_a_body_that_is_too_large(talk):
    """A body that is too large is read, or its sender gets no answer before it has sent all."""
    assert talk(raw(b"Content-Length: 65537", body=b""))[0] == [413]


def test_a_compressed_body(talk):
    """A compressed body is read without being decompressed."""
    body = gzip.compress(BODY)
    headers = (b"Content-Encoding: gzip", b"Content-Length: %d" % len(body))
    assert talk(raw(*headers, body=body))[0] == [400]


def test_a_slow_sender(talk):
    """A body that arrives byte by byte is misread."""
    request = raw(LENGTH)
    assert talk(request[:-21], *(request[index : index + 1] for index in range(-21, -1)), request[-1:])[0] == [200]


@pytest.mark.parametrize("target", [b"/x?secret=right", b"/x?secret=wrong"])
def test_a_request_within_a_body(kind, talk, target):
    """A body that looks like a request is read as one, or the request after it is lost."""
    inner = raw(LENGTH)
    length = b"Content-Length: %d" % len(inner)
    statuses, _ = talk(raw(length, target=target, body=inner, close=False) + raw(LENGTH))
    first = 422 if target.endswith(b"right") else 401
    assert statuses == ([first, 200] if kind == "asgi" else [first])  # The server of wsgiref closes the connection.


@pytest.mark.parametrize("other", ["application/json", "text/plain"])
def test_a_repeated_content_type(talk, other):
    """The adapters take different values of a repeated header, so that they read one request differently."""
    statuses, _ = talk(raw(LENGTH, f"Content-Type: {other}".encode()))
    assert statuses == [200]
