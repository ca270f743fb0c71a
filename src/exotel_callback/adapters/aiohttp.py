"""Parse a callback in an aiohttp handler: ``callback = await parse_request(request, secret=...)``."""

from asyncio import IncompleteReadError
from typing import Any, Unpack, overload

from aiohttp import StreamReader, web

from exotel_callback._errors import CallbackError, DecodeError
from exotel_callback._model.callback import StatusCallback
from exotel_callback._parse import parse

from ._shared import READS_QUERY, UNREADABLE, Event, Options, Reader, Settings, too_large

__all__ = ["parse_request"]


@overload
async def parse_request(request: web.Request, **options: Unpack[Options]) -> StatusCallback: ...
@overload
async def parse_request(request: web.Request, *, reader: Reader[Event], **options: Unpack[Options]) -> Event: ...
async def parse_request(request: web.Request, *, reader: Reader[Any] = parse, **options: Unpack[Options]) -> Any:
    """Parse the StatusCallback, or another event, in a request. Your handler can still read the body afterwards.

    It can read the body with ``read``, ``text`` and ``json``, but not a multipart form with ``post``, because aiohttp
    reads that only from the connection.

    :param request: The handler's request.
    :param reader: The function that parses the request, as in `Reader`.
    :param options: The other arguments, as in `Options`.
    :return: The event that `reader` returns.
    :raises CallbackError: The secret is wrong, or the request can't be parsed. Answer with its ``status_hint``.
    """
    settings = Settings(reader, **options)
    query = request.rel_url.raw_query_string
    settings.admit(query, request.content_length)
    if request.method in READS_QUERY:
        return settings.parse_query(query)
    max_bytes = min(settings.options.limits.body_bytes, request.client_max_size or settings.options.limits.body_bytes)
    try:
        # aiohttp stores the body here for the next reader.
        stored = request._read_bytes  # pyright: ignore[reportPrivateUsage]
        body = stored or await _read_at_most(request, max_bytes)
        request._read_bytes = body  # pyright: ignore[reportPrivateUsage]
        # The size after decompression. The attribute is missing if there is no body.
        min_length = getattr(request.content, "total_bytes", 0)
        pairs = () if body or not min_length else (await request.post()).items()
    except CallbackError:
        raise
    except Exception:  # noqa: BLE001 - see _shared
        problem = DecodeError(UNREADABLE)
    else:
        if body:
            return settings.parse_body(body, request.headers.get("Content-Type"), min_length)
        return settings.parse_form(pairs, min_length)
    raise problem


async def _read_at_most(request: web.Request, max_bytes: int) -> bytes:
    try:
        await request.content.readexactly(max_bytes + 1)
    except IncompleteReadError as error:
        return error.partial
    # Otherwise `request.read` would return the rest of the stream as a whole body. The server still has the stream, and
    # reads it to its end to keep the connection.
    lost = StreamReader(request.protocol, max_bytes)
    lost.set_exception(web.HTTPRequestEntityTooLarge(max_bytes, max_bytes + 1))
    request._payload = request._cache["content"] = lost  # pyright: ignore[reportPrivateUsage]
    raise too_large(max_bytes)
