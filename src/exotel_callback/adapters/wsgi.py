"""Parse a callback in any WSGI framework or application: ``callback = parse_request(environ, secret=...)``.

Facts
-----
- A chunked body has no ``CONTENT_LENGTH``. Only a server that sets ``wsgi.input_terminated`` marks its end. With any
  other server, a read past the body may wait for ever, so such a body is refused.

Source: https://peps.python.org/pep-3333/.
"""

from io import BytesIO
from typing import Any, Unpack, cast, overload

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
    UnreadableStream,
    length_of,
    min_length_of,
    read_at_most,
    too_large,
)

__all__ = ["parse_request"]


@overload
def parse_request(environ: dict[str, Any], **options: Unpack[Options]) -> StatusCallback: ...
@overload
def parse_request(environ: dict[str, Any], *, reader: Reader[Event], **options: Unpack[Options]) -> Event: ...
def parse_request(environ: dict[str, Any], *, reader: Reader[Any] = parse, **options: Unpack[Options]) -> Any:
    """Parse the StatusCallback, or another event, in a request. Later code can still read ``wsgi.input``.

    :param environ: The environ of the request.
    :param reader: The function that parses the request, as in `Reader`.
    :param options: The other arguments, as in `Options`.
    :return: The event that `reader` returns.
    :raises CallbackError: The secret is wrong, or the request can't be parsed. Answer with its ``status_hint``.
    :raises TypeError: `environ` isn't a dict.
    """
    settings = Settings(reader, **options)
    if not isinstance(cast("object", environ), dict):
        raise TypeError(f"parse_request() takes the environ of a WSGI request, not {type(environ).__name__}")
    length = length_of(environ.get("CONTENT_LENGTH"))
    # In WSGI, each character of a string is one byte.
    query = environ.get("QUERY_STRING", "").encode("latin-1", "replace")
    settings.admit(query, length)
    if environ["REQUEST_METHOD"] in READS_QUERY:
        return settings.parse_query(query)
    body = _read(environ, length, settings.options.limits.body_bytes)
    min_length = min_length_of(length, environ.get("HTTP_TRANSFER_ENCODING"))
    return settings.parse_body(body, environ.get("CONTENT_TYPE"), min_length)


def _read(environ: dict[str, Any], length: int | None, max_bytes: int) -> bytes:
    """Read the body, and store it for the next reader of ``wsgi.input``."""
    if length is None:
        length = max_bytes + 1 if environ.get("wsgi.input_terminated") else 0
    stream = environ["wsgi.input"]
    # Until the whole body is read, every other reader of the request gets an error.
    environ["wsgi.input"] = UnreadableStream(lambda: DecodeError(UNREADABLE))
    try:
        body = read_at_most(stream.read, length)
    except Exception:  # noqa: BLE001 - see _shared
        problem = DecodeError(UNREADABLE)
    else:
        if len(body) > max_bytes:
            raise too_large(max_bytes)
        environ["wsgi.input"] = BytesIO(body)
        return body
    raise problem
