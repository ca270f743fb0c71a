"""Parse a callback in FastAPI with a dependency, or in your own handler with `parse_request`.

::

    @app.post("/exotel", openapi_extra=OPENAPI)
    async def exotel(callback: Annotated[StatusCallback, Depends(callback(secret=SECRET))]) -> None: ...
"""

import logging
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, Final, NoReturn, Unpack, cast, overload

from fastapi import HTTPException, Request

from exotel_callback._encode import JSON, form_pairs
from exotel_callback._errors import CallbackError
from exotel_callback._model.callback import StatusCallback
from exotel_callback._parse import parse
from exotel_callback._wire.decode import CONTENT_TYPES
from exotel_callback.schemas import openapi_schema

from ._shared import Event, Options, Reader, Settings
from .starlette import parse_request, read_request

__all__ = ["OPENAPI", "callback", "log_error", "parse_request", "raise_error"]

_LOG: Final = logging.getLogger(__name__)

OnError = Callable[[Request, CallbackError], object]

_WIRE: Final = openapi_schema("wire")
_EXAMPLE: Final = _WIRE.pop("examples")[0]
# A form has bracket keys instead of `Legs`, and its values are strings.
_FORM: Final = {
    **_WIRE,
    "properties": {name: _WIRE["properties"][name] for name in _WIRE["properties"] if name != "Legs"},
}

_ERROR_ANSWERS: Final = {
    "400": "The body can't be decoded.",
    "401": "The secret is wrong or missing.",
    "413": "The body is too large, or has too many fields.",
    "415": "The content type or the charset isn't supported.",
    "422": "A required field is missing or, in strict mode, a value is invalid.",
}
# Its type is open, because FastAPI describes its own 422 at the same place.
_DETAIL: Final = {"type": "object", "properties": {"detail": {"description": "The message of the error."}}}

OPENAPI: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "secret",
            "in": "query",
            "description": "Your secret, if the adapter checks one.",
            "schema": {"type": "string"},
        }
    ],
    "requestBody": {
        "required": True,
        "description": "Exotel's StatusCallback",
        "content": {
            content_type: {"schema": _WIRE, "example": _EXAMPLE}
            if content_type == JSON
            else {"schema": _FORM, "example": dict(form_pairs(_EXAMPLE))}
            for content_type in CONTENT_TYPES
        },
    },
    "responses": {
        "200": {"description": "The callback was accepted."},
        **{
            status: {"description": description, "content": {JSON: {"schema": _DETAIL}}}
            for status, description in _ERROR_ANSWERS.items()
        },
    },
}
"""The OpenAPI description of a callback. Pass it to the route: ``openapi_extra=OPENAPI``.

It describes the fields with their values, an example in each encoding, the query parameter ``secret``, and the answers.
"""


def log_error(request: Request, error: CallbackError) -> None:
    """Log a refused request as a warning of the logger ``exotel_callback.adapters.fastapi``.

    The message is ``refused a request: `` and the message of the error, which quotes nothing of the payload. The record
    has these attributes: ``error`` (the name of the class), ``status_hint``, ``issues`` (the code and path of each
    issue) and ``route``. The route is your own path, such as ``/exotel/{order}``, without the values of its parameters.
    """
    extra = {
        "error": type(error).__name__,
        "status_hint": error.status_hint,
        "issues": [f"{issue.code} @ {issue.path}" for issue in error.issues],
        "route": getattr(request.scope.get("route"), "path", None),
    }
    _LOG.warning("refused a request: %s", error, extra=extra)


def raise_error(_: Request, error: CallbackError) -> NoReturn:
    """Raise the error itself, so that your ``exception_handler(CallbackError)`` answers."""
    raise error


@overload
def callback(
    *, on_error: OnError = ..., **options: Unpack[Options]
) -> Callable[[Request], Awaitable[StatusCallback]]: ...
@overload
def callback(
    *, reader: Reader[Event], on_error: OnError = ..., **options: Unpack[Options]
) -> Callable[[Request], Awaitable[Event]]: ...
def callback(
    *, reader: Reader[Any] = parse, on_error: OnError = log_error, **options: Unpack[Options]
) -> Callable[[Request], Awaitable[Any]]:
    """Return a dependency that passes the `StatusCallback` or other event to your handler, or answers with an error.

    The answer has the ``status_hint`` of the `CallbackError` and its message as ``detail``. The message quotes nothing
    of the payload. The error is the ``__cause__`` of the ``HTTPException``.

    Don't add a ``Form()`` or ``Body()`` parameter to the handler. FastAPI would read the body before the dependency
    checks the secret.

    :param reader: As for `parse_request`.
    :param on_error: A function, or a coroutine function, that the dependency calls with the request and the error
        before it answers. The default is `log_error`. If the function raises an exception, FastAPI handles that
        exception instead; `raise_error` raises the error itself. A plain function must not block, because it runs in
        the event loop.
    :param options: As for `parse_request`. They are checked when this function is called, at the start of the
        application.
    :raises TypeError: `on_error` can't be called.
    """
    settings = Settings(reader, **options)
    if not callable(cast("object", on_error)):
        raise TypeError(f"on_error must be a function such as raise_error, not {type(on_error).__name__}")

    async def dependency(request: Request) -> Any:
        try:
            return await read_request(request, settings)
        except CallbackError as error:
            result = on_error(request, error)
            if isawaitable(result):
                await result
            raise HTTPException(error.status_hint, str(error)) from error

    return dependency
