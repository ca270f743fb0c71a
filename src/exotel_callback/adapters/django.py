"""For Django: ``callback = parse_request(request, secret=...)`` in a view, which must be exempt from CSRF checks."""

from typing import Unpack

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, RawPostDataException

from exotel_callback._errors import DecodeError
from exotel_callback._model.callback import StatusCallback

from ._shared import LOST, UNREADABLE, Options, Settings, least_of, length_of, query_values, read_at_most, too_large

__all__ = ["parse_request"]


def parse_request(request: HttpRequest, **options: Unpack[Options]) -> StatusCallback:
    """Parse the StatusCallback that a request carries. The body is kept, so that it can be read again.

    The view needs ``django.views.decorators.csrf.csrf_exempt``: Exotel has no token of yours.

    :param request: The view's request. Under ASGI, Django has read its whole body before any view is called.
    :param options: ``secret``, ``secret_parameter``, ``strict``, ``timezone`` and ``limits``.
    :raises AuthenticationError: The secret is wrong or missing; before anything is read.
    :raises CallbackError: As `exotel_callback.parse`. Answer with its ``status_hint``.
    :raises ValueError: ``secret`` is given and empty, or ``secret_parameter`` is empty.
    :raises TypeError: An option is not what it should be.
    """
    settings = Settings(**options)
    length = length_of(request.META.get("CONTENT_LENGTH"))
    least = least_of(length, request.META.get("HTTP_TRANSFER_ENCODING"))
    settings.admit(query_values(_query(request), settings.secret_parameter), length)
    environ = getattr(request, "environ", {})
    try:
        body = request.body
        # Without a length Django reads no body. A server that marks the end of its stream can be read, up to the limit
        # and once: after a failure the rest would pass for a whole body.
        if not body and length is None and environ.pop("wsgi.input_terminated", False):
            body = read_at_most(environ["wsgi.input"].read, settings.options.limits.body_bytes + 1)
            request._body = body
    except RawPostDataException:  # the form was read, from a stream that can't be read again
        if getattr(request._stream, "_pos", least) < least:
            raise DecodeError(LOST) from None
        pairs = [(name, value) for name, values in request.POST.lists() for value in values]
        return settings.parse_form(pairs, least)
    except RequestDataTooBig:
        problem = too_large()
    except Exception:  # noqa: BLE001 - see _shared
        problem = DecodeError(UNREADABLE)
    else:
        return settings.parse_body(body, request.META.get("CONTENT_TYPE"), least)
    raise problem


def _query(request: HttpRequest) -> bytes:
    raw: bytes | None = getattr(request, "scope", {}).get("query_string")  # under ASGI
    # To WSGI each byte is a character.
    return request.META.get("QUERY_STRING", "").encode("latin-1", "replace") if raw is None else raw
