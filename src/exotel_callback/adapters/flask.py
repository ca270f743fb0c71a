"""Parse a callback in a Flask view: ``callback = parse_request(secret=...)``."""

from io import BytesIO
from typing import TYPE_CHECKING, Any, Unpack, overload

import flask
from werkzeug.exceptions import RequestEntityTooLarge

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
    min_length_of,
    read_at_most,
    too_large,
)

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

__all__ = ["parse_request"]


@overload
def parse_request(request: "Request | None" = None, **options: Unpack[Options]) -> StatusCallback: ...
@overload
def parse_request(request: "Request | None" = None, *, reader: Reader[Event], **options: Unpack[Options]) -> Event: ...
def parse_request(request: "Request | None" = None, *, reader: Reader[Any] = parse, **options: Unpack[Options]) -> Any:
    """Parse the StatusCallback, or another event, in a request. Your view can still read the body afterwards.

    :param request: A request of Flask or Werkzeug. The default is Flask's current request.
    :param reader: The function that parses the request, as in `Reader`.
    :param options: The other arguments, as in `Options`.
    :return: The event that `reader` returns.
    :raises CallbackError: The secret is wrong, or the request can't be parsed. Answer with its ``status_hint``.
    """
    settings = Settings(reader, **options)
    request = flask.request if request is None else request
    length = request.content_length
    settings.admit(request.query_string, length)
    if request.method in READS_QUERY:
        return settings.parse_query(request.query_string)
    known = vars(request).keys()
    # Earlier code has used the stream without storing the body, so its beginning may be missing.
    if length is None and "stream" in known and known.isdisjoint({"form", "_cached_data"}):
        raise DecodeError(LOST)
    try:
        if length is None:
            _read(request, settings.options.limits.body_bytes)
        body = request.get_data()
        pairs = () if body else request.form.items(multi=True)
    except DecodeError:
        raise
    except RequestEntityTooLarge:
        problem = too_large()
    except Exception:  # noqa: BLE001 - see _shared
        problem = DecodeError(UNREADABLE)
    else:
        min_length = min_length_of(length, request.headers.get("Transfer-Encoding"))
        if body:
            return settings.parse_body(body, request.content_type, min_length)
        return settings.parse_form(pairs, min_length)
    raise problem


def _read(request: "Request", max_bytes: int) -> None:
    """Read a body whose size no header limits, and store it for `request.get_data` and `request.form`."""
    read = request.stream.read
    # Until the whole body is read, every other reader of the request gets an error.
    lost = UnreadableStream(RequestEntityTooLarge)
    vars(request)["stream"] = request.environ["wsgi.input"] = lost
    body = read_at_most(read, max_bytes + 1)
    if len(body) > max_bytes:
        raise too_large(max_bytes)
    vars(request)["stream"] = BytesIO(body)
