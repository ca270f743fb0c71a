"""Parse a callback in any ASGI framework or application: ``await parse_request(scope, receive, secret=...)``.

Facts
-----
- The second argument is the ``receive`` of the application, or an asynchronous iterable of bytes. Most frameworks have
  such a stream, for example ``request.stream()``.
- ASGI has a message for a sender that hangs up. A framework's stream raises an exception of the framework, or ends.

Source: https://asgi.readthedocs.io/en/latest/specs/www.html.
"""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Unpack, cast, overload

from exotel_callback._errors import DecodeError
from exotel_callback._model.callback import StatusCallback
from exotel_callback._parse import parse

from ._shared import (
    LOST,
    READS_QUERY,
    UNREADABLE,
    Event,
    Options,
    Reader,
    Settings,
    join_at_most,
    length_of,
    min_length_of,
    too_large,
)

__all__ = ["parse_request"]

Scope = MutableMapping[str, Any]
Body = Callable[[], Awaitable[MutableMapping[str, Any]]] | AsyncIterable[bytes]

# The key of a scope whose body was refused after a part of it was read.
_REFUSED = "exotel_callback.refused"


@overload
async def parse_request(scope: Scope, body: Body, **options: Unpack[Options]) -> StatusCallback: ...
@overload
async def parse_request(scope: Scope, body: Body, *, reader: Reader[Event], **options: Unpack[Options]) -> Event: ...
async def parse_request(scope: Scope, body: Body, *, reader: Reader[Any] = parse, **options: Unpack[Options]) -> Any:
    """Parse the StatusCallback, or another event, in a request. Later code can't read the body again.

    :param scope: The scope of the request.
    :param body: The application's ``receive``, or an asynchronous iterable of the body's parts.
    :param reader: The function that parses the request, as in `Reader`.
    :param options: The other arguments, as in `Options`.
    :return: The event that `reader` returns.
    :raises CallbackError: The secret is wrong, or the request can't be parsed. Answer with its ``status_hint``.
    :raises TypeError: `scope` isn't the scope of an HTTP request.
    """
    settings = Settings(reader, **options)
    if not isinstance(cast("object", scope), Mapping):
        raise TypeError(f"parse_request() takes the scope of an ASGI request, not {type(scope).__name__}")
    if scope.get("type") != "http":
        raise TypeError(f"parse_request() takes the scope of an HTTP request, not of type {scope.get('type')!r}")
    # The first value of a repeated header counts, as in the other adapters.
    received_headers = reversed([*scope["headers"]])
    headers = {bytes(name).lower(): bytes(value).decode("latin-1") for name, value in received_headers}
    length = length_of(headers.get(b"content-length"))
    query = scope.get("query_string", b"")
    settings.admit(query, length)
    if scope["method"] in READS_QUERY:
        return settings.parse_query(query)
    received = await _read(scope, body, settings.options.limits.body_bytes)
    min_length = min_length_of(length, headers.get(b"transfer-encoding"))
    return settings.parse_body(received, headers.get(b"content-type"), min_length)


async def _read(scope: Scope, body: Body, max_bytes: int) -> bytes:
    if _REFUSED in scope:
        raise DecodeError(LOST)
    # pyright loses the type of the parts in `isinstance`.
    parts: AsyncIterable[bytes] = body if isinstance(body, AsyncIterable) else _parts(body)  # pyright: ignore[reportUnknownVariableType]
    try:
        received = await join_at_most(parts, max_bytes)
    except Exception:  # noqa: BLE001 - see _shared
        problem = DecodeError(UNREADABLE)
    else:
        if len(received) <= max_bytes:
            return received
        scope[_REFUSED] = True  # Otherwise a second call would read the rest as a whole body.
        problem = too_large(max_bytes)
    raise problem


async def _parts(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":  # The sender hung up.
            raise DecodeError(UNREADABLE)
        yield message.get("body", b"")
        more = message.get("more_body", False)
