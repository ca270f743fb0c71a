"""Parse a callback in a Django view, which must be exempt from CSRF checks: ``parse_request(request, secret=...)``."""

from typing import Any, Unpack, overload

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, RawPostDataException

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
    UnreadableStream,
    length_of,
    min_length_of,
    read_at_most,
    too_large,
)

__all__ = ["parse_request"]


@overload
def parse_request(request: HttpRequest, **options: Unpack[Options]) -> StatusCallback: ...
@overload
def parse_request(request: HttpRequest, *, reader: Reader[Event], **options: Unpack[Options]) -> Event: ...
def parse_request(request: HttpRequest, *, reader: Reader[Any] = parse, **options: Unpack[Options]) -> Any:
    """Parse the StatusCallback, or another event, in a request. Your view can still read the body afterwards.

    The view needs ``django.views.decorators.csrf.csrf_exempt``, because Exotel doesn't have your CSRF token.

    :param request: The view's request, also of Django REST framework or Django Ninja. Under ASGI, Django has already
        read the whole body.
    :param reader: The function that parses the request, as in `Reader`.
    :param options: The other arguments, as in `Options`.
    :return: The event that `reader` returns.
    :raises CallbackError: The secret is wrong, or the request can't be parsed. Answer with its ``status_hint``.
    """
    settings = Settings(reader, **options)
    request = getattr(request, "_request", request)  # Django REST framework wraps the request of Django.
    length = length_of(request.META.get("CONTENT_LENGTH"))
    min_length = min_length_of(length, request.META.get("HTTP_TRANSFER_ENCODING"))
    query = _query(request)
    settings.admit(query, length)
    if request.method in READS_QUERY:
        return settings.parse_query(query)
    environ = getattr(request, "environ", {})
    try:
        body = request.body
        # Django reads no body without a length. If the server marks the end of its stream, the stream can be read, up
        # to the limit. It is read only once, because after a failure the rest would look like a whole body.
        if not body and length is None and environ.pop("wsgi.input_terminated", False):
            body = _read(request, environ, settings.options.limits.body_bytes)
    except DecodeError:
        raise
    except RawPostDataException:  # Earlier code read the form, and the stream can't be read again.
        if isinstance(request._stream, UnreadableStream) or getattr(request._stream, "_pos", min_length) < min_length:
            raise DecodeError(LOST) from None
        pairs = [(name, value) for name, values in request.POST.lists() for value in values]
        return settings.parse_form(pairs, min_length)
    except RequestDataTooBig:
        problem = too_large()
    except Exception:  # noqa: BLE001 - see _shared
        problem = DecodeError(UNREADABLE)
    else:
        return settings.parse_body(body, request.META.get("CONTENT_TYPE"), min_length)
    raise problem


def _read(request: HttpRequest, environ: dict[str, Any], max_bytes: int) -> bytes:
    """Read a body whose size no header limits, and store it for ``request.body`` and ``request.POST``."""
    read = environ["wsgi.input"].read
    # Until the whole body is read, every other reader of the request gets an error.
    environ["wsgi.input"] = vars(request)["_stream"] = UnreadableStream(RequestDataTooBig)
    del request._body  # It is empty, because Django reads no body without a length.
    body = read_at_most(read, max_bytes + 1)
    if len(body) > max_bytes:
        raise too_large(max_bytes)
    request._body = body
    return body


def _query(request: HttpRequest) -> bytes:
    raw: bytes | None = getattr(request, "scope", {}).get("query_string")  # Only ASGI has a scope.
    # In WSGI, each character of a string is one byte.
    return request.META.get("QUERY_STRING", "").encode("latin-1", "replace") if raw is None else raw
