"""Parse a callback in a Starlette handler: ``callback = await parse_request(request, secret=...)``."""

from typing import Any, Unpack, overload

from starlette.requests import ClientDisconnect, Request

from exotel_callback._errors import DecodeError
from exotel_callback._model.callback import StatusCallback
from exotel_callback._parse import parse

from ._shared import (
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


@overload
async def parse_request(request: Request, **options: Unpack[Options]) -> StatusCallback: ...
@overload
async def parse_request(request: Request, *, reader: Reader[Event], **options: Unpack[Options]) -> Event: ...
async def parse_request(request: Request, *, reader: Reader[Any] = parse, **options: Unpack[Options]) -> Any:
    """Parse the StatusCallback, or another event, in a request. Your handler can still read the body afterwards.

    :param request: A request of Starlette, or of a framework on top of it.
    :param reader: The function that parses the request, as in `Reader`.
    :param options: The other arguments, as in `Options`.
    :return: The event that `reader` returns.
    :raises CallbackError: The secret is wrong, or the request can't be parsed. Answer with its ``status_hint``.
    """
    return await read_request(request, Settings(reader, **options))


async def read_request(request: Request, settings: Settings[Event]) -> Event:
    """Parse a request with options that were validated before."""
    length = length_of(request.headers.get("content-length"))
    min_length = min_length_of(length, request.headers.get("transfer-encoding"))
    query = request.scope["query_string"]
    settings.admit(query, length)
    if request.method in READS_QUERY:
        return settings.parse_query(query)
    if getattr(request, "_is_disconnected", False):  # Some servers then block the next read for ever.
        raise DecodeError(UNREADABLE)
    max_bytes = settings.options.limits.body_bytes
    try:
        body = await join_at_most(request.stream(), max_bytes)  # If the body was read before, it is the stored body.
    except RuntimeError:  # Earlier code read the form, or read the body without storing it.
        form = getattr(request, "_form", None)
        return settings.parse_form(form.multi_items() if form else (), min_length)
    except ClientDisconnect:
        problem = DecodeError(UNREADABLE)
    else:
        if len(body) > max_bytes:
            # Otherwise a second call, or another request of this connection's scope, would read the rest of the stream
            # as a whole body.
            request._stream_consumed = True  # pyright: ignore[reportPrivateUsage]
            request._receive = _disconnected  # pyright: ignore[reportPrivateUsage]
            raise too_large(max_bytes)
        request._body = body  # pyright: ignore[reportPrivateUsage] - Starlette stores it here for the next reader.
        return settings.parse_body(body, request.headers.get("content-type"), min_length)
    raise problem


async def _disconnected() -> dict[str, str]:
    return {"type": "http.disconnect"}
