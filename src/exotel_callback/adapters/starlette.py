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
    body = bytearray()  # Each addition to `bytes` would copy all that was read before.
    try:
        async for chunk in request.stream():  # If the body was read before, this yields the stored body.
            body += chunk
            if len(body) > settings.options.limits.body_bytes:
                # Otherwise a second call, or another request of this connection's scope, would read the rest of the
                # stream as a whole body.
                request._stream_consumed = True  # pyright: ignore[reportPrivateUsage]
                request._receive = _disconnected  # pyright: ignore[reportPrivateUsage]
                raise too_large(settings.options.limits.body_bytes)
    except RuntimeError:  # Earlier code read the form, or read the body without storing it.
        form = getattr(request, "_form", None)
        return settings.parse_form(form.multi_items() if form else (), min_length)
    except ClientDisconnect:
        problem = DecodeError(UNREADABLE)
    else:
        # Starlette stores the body here for the next reader.
        request._body = stored = bytes(body)  # pyright: ignore[reportPrivateUsage]
        return settings.parse_body(stored, request.headers.get("content-type"), min_length)
    raise problem


async def _disconnected() -> dict[str, str]:
    return {"type": "http.disconnect"}
