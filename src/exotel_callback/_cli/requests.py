"""Read HTTP requests from a connection, and refuse whatever isn't a plain, complete and small request.

Facts
-----
- A request with a ``Content-Length`` and a ``Transfer-Encoding``, or with two lengths, has two meanings. A server
  rejects it (RFC 9112, section 6.3).
- ``chunked`` is the only transfer coding that a client may use without asking (RFC 9112, section 7).
- A client that expects ``100-continue`` waits for it before it sends the body (RFC 9110, section 10.1.1).
- A character after ASCII must be percent-encoded in a URL. Some clients send it as it is.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

from .._options import DEFAULT_LIMITS
from ..adapters._shared import query_values, without_parameter

HEAD_BYTES: Final = 16_384
SECRET_PARAMETER: Final = "secret"  # noqa: S105 - the name of a query parameter
METHODS: Final = ("GET", "HEAD", "POST")

_REQUEST_LINE: Final = re.compile(rb"([A-Za-z]{1,20}) ([!-\xff]{1,8192}) HTTP/1\.([01])")
_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -\x7e\x80-\xff]*?)[ \t]*")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t -\xff]*)?\r\n")
_LENGTH: Final = re.compile("[0-9]+")
_LONGEST_NUMBER: Final = 19
_ASCII: Final = "".join(map(chr, range(0x21, 0x7F)))
_TOO_LARGE: Final = f"the body is larger than {DEFAULT_LIMITS.body_bytes} bytes"


class Head(NamedTuple):
    """The request line and the headers of a request."""

    method: str
    target: str
    """The path and the query string."""
    headers: Mapping[str, str]
    """The headers by their names in lower case."""
    is_http_1_0: bool

    @property
    def is_last(self) -> bool:
        """Whether the client asks to close the connection after this request."""
        return self.is_http_1_0 or "close" in self.headers.get("connection", "").lower()

    @property
    def secrets(self) -> Sequence[str]:
        """The values of the query parameter that holds the secret."""
        return query_values(self.target.partition("?")[2], SECRET_PARAMETER)


class Request(NamedTuple):
    """A complete request."""

    method: str
    target: str
    """The path and the query string, without the secret."""
    content_type: str | None
    user_agent: str | None
    body: bytes

    @property
    def query(self) -> str:
        """The query string, without the secret."""
        return self.target.partition("?")[2]

    @property
    def is_query(self) -> bool:
        """Whether the event is in the query string, because the request has no body."""
        return not self.body and self.method != "POST"


class RefusedError(Exception):
    """A request that isn't read. Its connection is then closed, because the rest of the request is still to come."""

    def __init__(self, status: int, reason: str, head: Head | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.head = head


def without_secret(target: str) -> str:
    """Remove the parameter of the secret from a path with a query string. The other parameters stay as they are."""
    path, mark, query = target.partition("?")
    kept = without_parameter(query, SECRET_PARAMETER)
    return f"{path}{mark}{kept}" if kept else path


def parse_head(data: bytes) -> Head:
    """Parse the bytes before the body, which end with an empty line.

    :raises RefusedError: They aren't a request, or it has a method other than those of Exotel.
    """
    first, *lines = data.strip(b"\r\n").split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(first)
    if not match:
        raise RefusedError(400, "the request line is invalid")
    headers: dict[str, str] = {}
    fields = [_HEADER.fullmatch(line) for line in lines]
    for field in fields:
        if not field:
            raise RefusedError(400, "a header is invalid")
        name, value = field[1].decode().lower(), field[2].decode("latin-1")
        if name in {"content-length", "content-type", "transfer-encoding", "expect"} and name in headers:
            raise RefusedError(400, f"the header {name} is repeated")
        headers[name] = value
    head = Head(match[1].decode(), _target(match[2]), headers, is_http_1_0=match[3] == b"0")
    if head.method not in METHODS:
        raise RefusedError(405, "the method is none of GET, HEAD and POST", head)
    return head


def _target(received: bytes) -> str:
    """Return the path and the query string of a target, which can be a whole URL."""
    target = quote(received, safe=_ASCII).partition("#")[0]
    if target.startswith("/"):
        return target
    try:
        url = urlsplit(target)
    except ValueError:
        url = urlsplit("")
    if url.scheme not in {"http", "https"}:
        raise RefusedError(400, "the request's target is neither a path nor a URL")
    return (url.path or "/") + (f"?{url.query}" if url.query else "")


def _framing_of(head: Head) -> int | None:
    """Return the length of the body, or None if it is chunked.

    :raises RefusedError: The length is invalid, contradicting or too large.
    """
    coding, length = head.headers.get("transfer-encoding"), head.headers.get("content-length")
    if coding is not None:
        if length is not None or head.is_http_1_0:
            raise RefusedError(400, "Transfer-Encoding contradicts Content-Length or HTTP/1.0", head)
        if coding.lower() != "chunked":
            raise RefusedError(501, "the Transfer-Encoding isn't chunked", head)
        return None
    if length is None:
        return 0
    if not _LENGTH.fullmatch(length):
        raise RefusedError(400, "the Content-Length isn't a number", head)
    if len(length) > _LONGEST_NUMBER or int(length) > DEFAULT_LIMITS.body_bytes:
        raise RefusedError(413, _TOO_LARGE, head)
    return int(length)


async def read_request(
    first: bytes, reader: asyncio.StreamReader, admit: Callable[[Head], None], send_continue: Callable[[], None]
) -> tuple[Head, Request]:
    """Read the next request of a connection.

    :param first: The first byte, which was read to wait for the request.
    :param reader: The connection, with `HEAD_BYTES` as its limit.
    :param admit: A function that raises `RefusedError` before the body is read, for example for a wrong secret.
    :param send_continue: A function that asks the client for the body.
    :raises RefusedError: The request is invalid, incomplete or too large, or `admit` refuses it.
    """
    try:
        head = parse_head(first + await reader.readuntil(b"\r\n\r\n"))
    except asyncio.LimitOverrunError:
        raise RefusedError(431, f"the headers are larger than {HEAD_BYTES} bytes") from None
    except asyncio.IncompleteReadError:
        raise RefusedError(400, "the request is incomplete") from None
    admit(head)
    length = _framing_of(head)
    expected = head.headers.get("expect")
    if expected is not None:
        if expected.lower() != "100-continue":
            raise RefusedError(417, "the header Expect isn't 100-continue", head)
        send_continue()
    try:
        body = await _read_chunks(reader, head) if length is None else await reader.readexactly(length)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise RefusedError(400, "the body is incomplete or malformed", head) from None
    headers = head.headers
    target = without_secret(head.target)
    return head, Request(head.method, target, headers.get("content-type"), headers.get("user-agent"), body)


async def _read_chunks(reader: asyncio.StreamReader, head: Head) -> bytes:
    body = bytearray()
    while size := await _chunk_size(reader, head):
        if len(body) + size > DEFAULT_LIMITS.body_bytes:
            raise RefusedError(413, _TOO_LARGE, head)
        chunk = await reader.readexactly(size + 2)
        if not chunk.endswith(b"\r\n"):
            raise RefusedError(400, "a chunk of the body has another size than it says", head)
        body += chunk[:-2]
    left = HEAD_BYTES
    while (line := await reader.readuntil(b"\r\n")) != b"\r\n":  # Trailing headers, which nothing needs.
        left -= len(line)
        if left < 0:
            raise RefusedError(431, f"the trailing headers are larger than {HEAD_BYTES} bytes", head)
    return bytes(body)


async def _chunk_size(reader: asyncio.StreamReader, head: Head) -> int:
    match = _CHUNK.fullmatch(await reader.readuntil(b"\r\n"))
    if not match:
        raise RefusedError(400, "the size of a chunk is invalid", head)
    return int(match[1], 16)
