"""For FastAPI and Starlette: a dependency, or ``callback = await parse_request(request, secret=...)`` in a handler.

::

    @app.post("/exotel", openapi_extra=OPENAPI)
    async def exotel(callback: Annotated[StatusCallback, Depends(callback(secret=SECRET))]) -> None: ...
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Unpack

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

from exotel_callback._errors import CallbackError, DecodeError
from exotel_callback._model.callback import StatusCallback
from exotel_callback._wire.decode import CONTENT_TYPES

from ._shared import UNREADABLE, Options, Settings, least_of, length_of, query_values, too_large

__all__ = ["OPENAPI", "callback", "parse_request"]

OPENAPI: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "Exotel's StatusCallback",
        "content": {content_type: {"schema": {"type": "object"}} for content_type in CONTENT_TYPES},
    }
}
"""What a route that takes callbacks says of its body in OpenAPI: ``openapi_extra=OPENAPI``."""


async def parse_request(request: Request, **options: Unpack[Options]) -> StatusCallback:
    """Parse the StatusCallback that a request carries. The body is kept, so that it can be read again.

    :param request: A request of FastAPI or Starlette.
    :param options: ``secret``, ``secret_parameter``, ``strict``, ``timezone`` and ``limits``.
    :raises AuthenticationError: The secret is wrong or missing; before anything is read.
    :raises CallbackError: As `exotel_callback.parse`. Answer with its ``status_hint``.
    :raises ValueError: ``secret`` is given and empty, or ``secret_parameter`` is empty.
    :raises TypeError: An option is not what it should be.
    """
    return await _parse_request(request, Settings(**options))


def callback(**options: Unpack[Options]) -> Callable[[Request], Awaitable[StatusCallback]]:
    """Make a dependency that gives the handler its `StatusCallback`, and answers what can't be parsed.

    The answer has the error's ``status_hint``, and its message as ``detail``, which quotes nothing of the payload.

    Put no ``Form()`` or ``Body()`` parameter beside it: FastAPI would read the body before the secret is checked.

    :param options: As for `parse_request`; an empty ``secret`` raises when the application starts.
    """
    settings = Settings(**options)

    async def dependency(request: Request) -> StatusCallback:
        try:
            return await _parse_request(request, settings)
        except CallbackError as error:
            raise HTTPException(error.status_hint, str(error)) from None

    return dependency


async def _parse_request(request: Request, settings: Settings) -> StatusCallback:
    length = length_of(request.headers.get("content-length"))
    least = least_of(length, request.headers.get("transfer-encoding"))
    settings.admit(query_values(request.scope["query_string"], settings.secret_parameter), length)
    body = b""
    try:
        async for chunk in request.stream():  # which a body that was read before is, too
            body += chunk
            if len(body) > settings.options.limits.body_bytes:
                # Or whoever parses it again would take the rest for a whole one.
                request._stream_consumed = True  # pyright: ignore[reportPrivateUsage]
                raise too_large(settings.options.limits.body_bytes)
    except RuntimeError:  # the form was read, or the body by something that did not keep it
        form = getattr(request, "_form", None)
        return settings.parse_form(form.multi_items() if form else (), least)
    except ClientDisconnect:
        problem = DecodeError(UNREADABLE)
    else:
        # Where Starlette keeps it for whoever reads it next.
        request._body = body  # pyright: ignore[reportPrivateUsage]
        return settings.parse_body(body, request.headers.get("content-type"), least)
    raise problem
