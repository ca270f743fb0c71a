"""For aiohttp's server: ``callback = await parse_request(request, secret=...)`` in a handler."""

from asyncio import IncompleteReadError
from typing import Unpack

from aiohttp import StreamReader, web

from exotel_callback._errors import CallbackError, DecodeError
from exotel_callback._model.callback import StatusCallback

from ._shared import UNREADABLE, Options, Settings, query_values, too_large

__all__ = ["parse_request"]


async def parse_request(request: web.Request, **options: Unpack[Options]) -> StatusCallback:
    """Parse the StatusCallback that a request carries. The body is kept, so that it can be read again.

    Again means ``read``, ``text`` and ``json``: aiohttp's ``post`` reads a multipart form from the connection only.

    :param request: The handler's request.
    :param options: ``secret``, ``secret_parameter``, ``strict``, ``timezone`` and ``limits``.
    :raises AuthenticationError: The secret is wrong or missing; before anything is read.
    :raises CallbackError: As `exotel_callback.parse`. Answer with its ``status_hint``.
    :raises ValueError: ``secret`` is given and empty, or ``secret_parameter`` is empty.
    :raises TypeError: An option is not what it should be.
    """
    settings = Settings(**options)
    settings.admit(query_values(request.rel_url.raw_query_string, settings.secret_parameter), request.content_length)
    most = min(settings.options.limits.body_bytes, request.client_max_size or settings.options.limits.body_bytes)
    try:
        # Where aiohttp keeps it for whoever reads it next.
        kept = request._read_bytes  # pyright: ignore[reportPrivateUsage]
        body = kept or await _at_most(request.content, most)
        request._read_bytes = body  # pyright: ignore[reportPrivateUsage]
        least = getattr(request.content, "total_bytes", 0)  # decompressed; missing where there is no body at all
        pairs = () if body or not least else (await request.post()).items()
    except CallbackError:
        raise
    except Exception:  # noqa: BLE001 - see _shared
        problem = DecodeError(UNREADABLE)
    else:
        if body:
            return settings.parse_body(body, request.headers.get("Content-Type"), least)
        return settings.parse_form(pairs, least)
    raise problem


async def _at_most(content: StreamReader, most: int) -> bytes:
    try:
        await content.readexactly(most + 1)
    except IncompleteReadError as error:
        return error.partial
    raise too_large(most)
