"""Test how ``listen`` reads requests from a connection, without sockets."""

import asyncio

import pytest

from exotel_callback import Limits
from exotel_callback._cli.requests import HEAD_BYTES, RefusedError, Request, read_request, without_secret

LIMIT = Limits().body_bytes


def read(data, admit=lambda _: None):
    """Read a request from bytes that end. Return the request, the answers before it, and the rest of the bytes."""
    answers = []

    async def run():
        reader = asyncio.StreamReader(limit=HEAD_BYTES)
        reader.feed_data(data)
        reader.feed_eof()
        first = await reader.read(1)
        head, request = await read_request(first, reader, admit, lambda: answers.append("continue"))
        return head, request, await reader.read()

    return *asyncio.run(run()), answers


def post(*headers, body=b"", version=b"1.1"):
    return b"\r\n".join([b"POST /exotel HTTP/" + version, *headers, b"", b""]) + body


CHUNKED = b"Transfer-Encoding: chunked"


def test_a_request():
    """A part of a request is lost, or bytes of the next one are read."""
    data = post(b"Content-Type: application/json", b"Content-Length:  2 ", b"User-Agent: x", body=b"{}GET")
    head, request, rest, answers = read(data)
    assert request == Request("POST", "/exotel", "application/json", "x", b"{}")
    assert (rest, answers, head.is_last) == (b"GET", [], False)


def test_a_query():
    """The query string changes, or the secret reaches the request."""
    head, request, *_ = read(b"\r\nGET /a%20b?x=%41+b&secret=s&sec%72et=t&y HTTP/1.1\r\n\r\n")
    assert request == Request("GET", "/a%20b?x=%41+b&y", None, None, b"")
    assert (request.query, request.is_query, head.secrets) == ("x=%41+b&y", True, ["s", "t"])


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"http://example.com", "/"),
        (b"https://example.com/x?a=b", "/x?a=b"),
        (b"/caf\xc3\xa9?a=\xff", "/caf%C3%A9?a=%FF"),
        (b"/x?a#b", "/x?a"),
        (b"/?secret=a", "/"),
    ],
)
def test_targets(target, expected):
    """A target is read as another path than the client means."""
    assert read(b"GET " + target + b" HTTP/1.1\r\n\r\n")[1].target == expected


@pytest.mark.parametrize("target", ["/x?secret=a", "/x?secret", "/x", "/x?"])
def test_only_the_secret_is_removed(target):
    """A path without other parameters ends in a question mark, or still has the secret."""
    assert without_secret(target) == "/x"


@pytest.mark.parametrize(
    ("version", "header", "is_last"),
    [(b"1.0", b"X: y", True), (b"1.1", b"X: y", False), (b"1.1", b"Connection: Close", True)],
)
def test_the_last_request(version, header, is_last):
    """The connection stays open although the client asks to close it, or the other way round."""
    assert read(post(header, version=version))[0].is_last == is_last


def test_chunks():
    """Chunks with extensions or trailing headers are read wrongly."""
    body = b"3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\nrest"
    _, request, rest, _ = read(post(CHUNKED, body=body))
    assert (request.body, rest) == (b"abc0123456789", b"rest")


def test_the_largest_body():
    """A body of the maximum size is refused."""
    body = bytes(LIMIT)
    assert read(post(b"Content-Length: %d" % LIMIT, body=body))[1].body == body
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (LIMIT, body)
    assert read(post(CHUNKED, body=chunks))[1].body == body


def test_a_client_that_waits_for_an_answer():
    """A client that expects 100-continue never sends its body."""
    assert read(post(b"Expect: 100-Continue", b"Content-Length: 2", body=b"ab"))[3] == ["continue"]


REFUSED = {
    "not HTTP": (b"\x16\x03\x01\r\n\r\n", 400),
    "only line ends": (b"\r\n\r\n\r\n\r\n", 400),
    "a target that isn't a path": (b"GET * HTTP/1.1\r\n\r\n", 400),
    "an invalid URL": (b"GET http://[ HTTP/1.1\r\n\r\n", 400),
    "another scheme": (b"GET ftp://example.com/ HTTP/1.1\r\n\r\n", 400),
    "another version": (b"GET / HTTP/2.0\r\n\r\n", 400),
    "another method": (b"DELETE / HTTP/1.1\r\n\r\n", 405),
    "a long path": (b"GET /" + b"x" * 8192 + b" HTTP/1.1\r\n\r\n", 400),
    "incomplete headers": (b"GET / HTTP/1.1\r\nX: y\r\n", 400),
    "large headers": (b"GET / HTTP/1.1\r\nX: " + b"y" * HEAD_BYTES, 431),
    "large complete headers": (b"GET / HTTP/1.1\r\nX: " + b"y" * HEAD_BYTES + b"\r\n\r\n", 431),
    "a header without a name": (post(b": y"), 400),
    "a header with a space": (post(b"Content-Length : 2"), 400),
    "a header on two lines": (post(b"X: y", b" z"), 400),
    "a header with a NUL": (post(b"X: \x00"), 400),
    "a header with a line feed": (post(b"X: y\nContent-Length: 2"), 400),
    "two lengths": (post(b"Content-Length: 2", b"Content-Length: 2", body=b"ab"), 400),
    "a list of lengths": (post(b"Content-Length: 2, 2", body=b"ab"), 400),
    "a negative length": (post(b"Content-Length: -2"), 400),
    "a signed length": (post(b"Content-Length: +2", body=b"ab"), 400),
    "digits that aren't ASCII": (post(b"Content-Length: \xb2", body=b"ab"), 400),
    "no length": (post(b"Content-Length:"), 400),
    "a length of many digits": (post(b"Content-Length: " + b"1" * 5000), 413),
    "a large length": (post(b"Content-Length: %d" % (LIMIT + 1)), 413),
    "an incomplete body": (post(b"Content-Length: 3", body=b"ab"), 400),
    "a length and chunks": (post(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"), 400),
    "chunks in HTTP/1.0": (post(CHUNKED, body=b"0\r\n\r\n", version=b"1.0"), 400),
    "another coding": (post(b"Transfer-Encoding: gzip, chunked"), 501),
    "another expectation": (post(b"Expect: more", b"Content-Length: 0"), 417),
    "a chunk without a size": (post(CHUNKED, body=b"\r\n"), 400),
    "a negative chunk": (post(CHUNKED, body=b"-1\r\n"), 400),
    "a chunk that is longer than it says": (post(CHUNKED, body=b"1\r\nabc\r\n0\r\n\r\n"), 400),
    "a chunk without its line end": (post(CHUNKED, body=b"1\r\nabc0\r\n\r\n"), 400),
    "a chunk that is shorter than it says": (post(CHUNKED, body=b"9\r\nabc\r\n"), 400),
    "a huge chunk": (post(CHUNKED, body=b"ffffffffffffffff\r\n"), 413),
    "endless chunks": (post(CHUNKED, body=b"1\r\nx\r\n" * (LIMIT + 1)), 413),
    "an endless chunk extension": (post(CHUNKED, body=b"1;" + b"x" * 2 * HEAD_BYTES), 400),
    "no last chunk": (post(CHUNKED, body=b"1\r\nx\r\n"), 400),
    "endless trailing headers": (post(CHUNKED, body=b"0\r\n" + b"X: y\r\n" * HEAD_BYTES), 431),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_requests(name):
    """A request that is invalid, or that could mean two things, is read, or it gets another status."""
    data, status = REFUSED[name]
    with pytest.raises(RefusedError) as caught:
        read(data)
    assert caught.value.status == status


# The path is known as soon as the headers are valid.
REASONS = {
    "another version": ("the request line is invalid", None),
    "incomplete headers": ("the request is incomplete", None),
    "another method": ("the method is none of GET, HEAD and POST", "/"),
    "no length": ("the Content-Length isn't a number", "/exotel"),
    "a large length": ("the body is larger than 65536 bytes", "/exotel"),
    "an incomplete body": ("the body is incomplete or malformed", "/exotel"),
    "a length and chunks": ("Transfer-Encoding contradicts Content-Length or HTTP/1.0", "/exotel"),
    "another coding": ("the Transfer-Encoding isn't chunked", "/exotel"),
    "another expectation": ("the header Expect isn't 100-continue", "/exotel"),
    "a negative chunk": ("the size of a chunk is invalid", "/exotel"),
    "a chunk that is longer than it says": ("a chunk of the body has another size than it says", "/exotel"),
    "a huge chunk": ("the body is larger than 65536 bytes", "/exotel"),
    "endless trailing headers": ("the trailing headers are larger than 16384 bytes", "/exotel"),
}


@pytest.mark.parametrize("name", REASONS)
def test_why_a_request_is_refused(name):
    """``listen`` doesn't show the path of a request that it refuses, or why."""
    with pytest.raises(RefusedError) as caught:
        read(REFUSED[name][0])
    head = caught.value.head
    assert (str(caught.value), head and head.target) == REASONS[name]


def test_a_refusal_comes_before_the_body():
    """The body is read although the request is refused for its secret, or the client is asked for the body."""

    def refuse(head):
        raise RefusedError(401, "no", head)

    with pytest.raises(RefusedError, match="no") as caught:
        read(post(b"Expect: 100-continue", b"Content-Length: 99999999"), admit=refuse)
    assert caught.value.head.target == "/exotel"
