"""For aiohttp's server: ``callback = await parse_request(request, secret=...)`` in a handler."""

from asyncio import IncompleteReadError
from typing import Unpack

from aiohttp import web

from exotel_callback._errors import CallbackError, DecodeError
from exotel_callback._model import StatusCallback

from ._shared import Options, Settings

__all__ = ["parse_request"]


async def parse_request(request: web.Request, **options: Unpack[Options]) -> StatusCallback:
    """Parse the StatusCallback that a request carries. The body is kept, so that it can be read again.

    :param request: The handler's request.
    :param options: ``secret``, ``secret_parameter``, ``strict``, ``timezone`` and ``limits``.
    :raises AuthenticationError: The secret is wrong or missing; before anything is read.
    :raises CallbackError: As `exotel_callback.parse`. Answer with its ``status_hint``.
    :raises ValueError: ``secret`` is given and empty.
    """
    settings = Settings(**options)
    length = request.content_length
    settings.admit(request.query.getall(settings.secret_parameter, []), length)
    try:
        if length is None:  # then only so much is read
            # Where aiohttp keeps it for whoever reads it next.
            kept = request._read_bytes  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            body = await _at_most(request, settings) or kept
            request._read_bytes = body  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        body = await request.read()
        pairs = () if body or length == 0 else (await request.post()).items()
    except CallbackError:
        raise
    except web.HTTPRequestEntityTooLarge:
        problem = settings.too_large()
    except (ValueError, OSError):
        problem = DecodeError("the body could not be read to its end, or its form is broken")
    else:
        if body:
            return settings.parse_body(body, request.headers.get("Content-Type"), length)
        return settings.parse_form(pairs, length)
    raise problem


async def _at_most(request: web.Request, settings: Settings) -> bytes:
    try:
        await request.content.readexactly(settings.limits.body_bytes + 1)
    except IncompleteReadError as error:
        return error.partial
    raise settings.too_large()
