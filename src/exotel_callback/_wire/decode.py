"""Decode a body, a mapping or pairs into one `RawPayload`. Later code doesn't depend on whether it was JSON or a form.

Facts
-----
- ``StatusCallbackContentType`` decides the body: ``multipart/form-data`` (the default) or ``application/json``; other
  pages and handlers know ``application/x-www-form-urlencoded``.
  Source: https://developer.exotel.com/docs/voice-v1/api-reference/connect-two-numbers.
- A framework may have decoded the body already, each framework into its own mapping type.
- An attacker who knows the URL can post anything. So each limit is checked before the work that it limits, and only
  `DecodeError` leaves this package (and `ImportError`, if another package hides the one that is needed).
"""

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Final, cast

from .._errors import DecodeError
from .._options import Limits
from .from_form import from_form
from .from_json import from_json
from .from_mapping import copy_payload
from .payload import RawPayload
from .text import Header, codec_of

_HEADER_LENGTH: Final = 1_024
_MULTIPART: Final = "multipart/form-data"
_PARAMETER: Final = re.compile(r';\s*([^\s;=]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))')
_BOUNDARY_TOKEN: Final = re.compile("[A-Za-z0-9-]+")

_ADDRESS: Final = r"(?i)\A(?:(?:https?:)?/[^?]*)?\?"

Body = bytes | bytearray | memoryview | str
_UTF_8_BOM: Final = b"\xef\xbb\xbf"
_BODY: Final = (bytes, bytearray, memoryview, str)


def decode(payload: Any, content_type: object, limits: Limits, if_xml: str = "") -> RawPayload:
    """Turn a body, a mapping or an iterable of pairs into a `RawPayload`.

    :param if_xml: The error message for an XML body. If it is empty, XML gets no message of its own.
    :raises DecodeError: The payload can't be decoded as its content type, or it is too large.
    :raises TypeError: `content_type` is neither a string nor None, or the payload has a type that JSON can't have.
    """
    if content_type is not None and not isinstance(content_type, str):
        raise TypeError(f"content_type must be the header's value as str or None, not {type(content_type).__name__}")
    if type(payload) is bytes:
        size = len(payload)
        body: bytes | str = payload.removeprefix(_UTF_8_BOM)
    elif isinstance(payload, _BODY):
        given = cast("Body", payload)
        size = size_of(given, limits.body_bytes)
        body = given.removeprefix("\ufeff") if isinstance(given, str) else bytes(given).removeprefix(_UTF_8_BOM)
    else:
        return copy_payload(payload, limits.body_bytes)
    if size > limits.body_bytes:
        raise DecodeError(f"the body is larger than {limits.body_bytes} bytes", status_hint=413)
    if if_xml and _start(body).startswith("<"):
        raise DecodeError(if_xml, status_hint=415)
    header = (parse_header(content_type) if content_type else None) or _guess_header(body)
    decoder = _DECODERS.get(header[0])
    if decoder is None:
        raise DecodeError(f"unsupported content type; expected one of {', '.join(_DECODERS)}", status_hint=415)
    return decoder(body, header) if body else RawPayload()


def without_address(payload: Any, content_type: object, limits: Limits) -> Any:
    """Remove the address before a query string, because it would become part of the first name.

    JSON and multipart have no address, but may contain a question mark.
    """
    given: Any = payload
    if not isinstance(payload, _BODY) or not _may_be_query(content_type):
        return given
    body = cast("Body", payload)
    if size_of(body, limits.body_bytes) > limits.body_bytes:  # `decode` rejects it.
        return body
    return re.sub(_ADDRESS, "", body) if isinstance(body, str) else re.sub(_ADDRESS.encode(), b"", bytes(body))


def _may_be_query(content_type: object) -> bool:
    # Frameworks report a missing header as an empty string. `decode` rejects a value that isn't a string.
    header = parse_header(content_type) if content_type and isinstance(content_type, str) else None
    return header is None or header.media_type == _FORM_HEADER.media_type


def size_of(body: Body, limit: int) -> int:
    """Return the size of a body in bytes. For a string of more than `limit` characters, return its length instead.

    :raises DecodeError: The body is a `memoryview` that was released.
    """
    if isinstance(body, memoryview):
        try:
            return body.nbytes
        except ValueError:
            raise DecodeError("the payload is a memoryview that was released; pass bytes instead") from None
    # A string has at least as many bytes as characters, so a string over the limit doesn't have to be encoded.
    if isinstance(body, str) and len(body) <= limit:
        return len(body.encode("utf-8", "surrogatepass"))
    return len(body)


def guess_content_type(body: bytes | str) -> str | None:
    """Guess the type of a body as `decode` does, and find the boundary of multipart in its first line.

    Return None to leave the guess to `decode`.
    """
    start = body[:1]
    if start == ("{" if isinstance(start, str) else b"{"):  # Under ``python -bb``, a comparison of both types raises.
        return "application/json"
    if start.isalpha():
        return "application/x-www-form-urlencoded"
    data = body.encode(errors="replace") if isinstance(body, str) else body
    found = re.match(rb"\s*--([\x00-\x7f]*?)(\r\n|$)", data)
    if not found:
        return None
    boundary = found[1].decode()
    return f"{_MULTIPART}; boundary=" + (boundary if _BOUNDARY_TOKEN.fullmatch(boundary) else f'"{boundary}"')


def header_of(body: bytes | str, content_type: str | None) -> Header:
    """Parse the ``Content-Type`` header of a body, or guess it as `decode` does.

    :raises DecodeError: The header is too long, its charset is unknown, or a multipart body has no header.
    """
    return (parse_header(content_type) if content_type else None) or _guess_header(body)


def _guess_header(body: bytes | str) -> Header:
    """Guess the header of a body that came without one: a brace or a bracket means JSON, and anything else a form."""
    start = _start(body)
    if start.startswith("--") and "content-disposition:" in start.lower():
        raise DecodeError(
            "a multipart body needs its Content-Type header, which has the boundary; pass it as content_type"
        )
    return _JSON_HEADER if start.startswith(("{", "[")) else _FORM_HEADER


def _start(body: bytes | str) -> str:
    return (body if isinstance(body, str) else body.decode("latin-1")).lstrip()


@lru_cache(maxsize=32)  # A sender repeats the same header, unless the header holds a boundary.
def parse_header(content_type: str) -> Header | None:
    """Parse a ``Content-Type`` header. Return None if it is only whitespace."""
    if content_type.isspace():
        return None
    if len(content_type) > _HEADER_LENGTH:
        raise DecodeError(f"the content type is longer than {_HEADER_LENGTH} characters", status_hint=415)
    media_type, _, rest = content_type.partition(";")
    parameters: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(";" + rest):
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted else plain.strip()
        parameters.setdefault(name.lower(), value)
    charset = parameters.get("charset")
    return Header(
        media_type=media_type.strip().lower(),
        codec=codec_of(charset) if charset else "utf-8",
        boundary=parameters.get("boundary", ""),
    )


def _decode_multipart(body: bytes | str, header: Header) -> RawPayload:
    return _multipart_decoder()(body, header)


@cache  # An import takes a microsecond each time.
def _multipart_decoder() -> Callable[[bytes | str, Header], RawPayload]:
    from .from_multipart import from_multipart

    return from_multipart


# The accepted content types, each with its decoder.
_DECODERS: Final[dict[str, Callable[[bytes | str, Header], RawPayload]]] = {
    "application/json": from_json,
    "application/x-www-form-urlencoded": from_form,
    _MULTIPART: _decode_multipart,
}
CONTENT_TYPES: Final = tuple(_DECODERS)
_JSON_HEADER: Final = Header("application/json")
_FORM_HEADER: Final = Header("application/x-www-form-urlencoded")
