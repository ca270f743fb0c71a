"""From what the caller hands over to one `RawPayload`. After this, nothing knows whether it was JSON or a form.

Facts
-----
- ``StatusCallbackContentType`` decides the body: ``multipart/form-data`` (the default) or ``application/json``; other
  pages and handlers know ``application/x-www-form-urlencoded``.
  Source: https://developer.exotel.com/docs/voice-v1/api-reference/connect-two-numbers.
- Frameworks may have decoded it already, each into a mapping of its own.
- Whoever knows the URL can post anything. Each limit is checked before the work that it limits, and no exception but
  `DecodeError` leaves this module (`ImportError` apart, where a package hides the one that is needed).
- An exception of a decoder holds the payload in its attributes. So it is never kept, not even as a context: every
  `DecodeError` is raised after the handling of the other one is over.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, NoReturn, cast

from .._errors import DecodeError
from .._options import Limits
from .payload import MAX_DEPTH, MAX_INT_DIGITS, TOO_DEEP, RawPayload, Snapshot, collect, freeze_json

_FORM_PAIRS: Final = 1_024
_CONTENT_TYPE_LENGTH: Final = 1_024
BOUNDARY_LENGTH: Final = 200  # RFC 2046 allows 70

_TOKEN: Final = re.compile("[A-Za-z0-9-]+")
_ESCAPES: Final = re.compile("(?:%[0-9A-Fa-f]{2})+")
_STRINGS_AND_BRACKETS: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_STEPS: Final = {"[": 1, "{": 1, "]": -1, "}": -1}
_TRAILING_COMMA: Final = re.compile(r",[ \t\n\r]*(?=[\]}])")
_PARAMETER: Final = re.compile(r';\s*([^\s;=]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))')

# By label, in lower case and without ``-`` and ``_``. Only codecs that are linear in time.
_CODECS: Final = {
    "utf8": "utf-8",
    "ascii": "ascii",
    "usascii": "ascii",
    "iso88591": "latin-1",
    "latin1": "latin-1",
    "iso885915": "iso8859-15",
    "latin9": "iso8859-15",
    "windows1252": "cp1252",
    "cp1252": "cp1252",
    "utf16": "utf-16",
    "utf16le": "utf-16-le",
    "utf16be": "utf-16-be",
    "utf32": "utf-32",
    "utf32le": "utf-32-le",
    "utf32be": "utf-32-be",
}


Body = bytes | bytearray | memoryview | str


class _Header(NamedTuple):
    """What a ``Content-Type`` header says."""

    media_type: str
    codec: str = "utf-8"
    boundary: str = ""


def decode(payload: object, content_type: str | None, limits: Limits, *, if_xml: str = "") -> RawPayload:
    """Turn a body, a mapping or an iterable of pairs into the one representation that is read from here on.

    :param if_xml: What to say of a body that is XML, where that comes up.
    """
    if isinstance(payload, bytes | bytearray | memoryview | str):
        return _decode_body(cast("Body", payload), content_type, limits, if_xml)
    return _take_snapshot(payload, limits)


def decode_json(text: str) -> object:
    """Decode JSON, read-only; also of a text that stands in a field."""
    try:
        # So short a text has no number that Python refuses to read, and without `parse_int` all is decoded in C.
        value = (_JSON if len(text) <= MAX_INT_DIGITS else _LONG_JSON).decode(text)
    except json.JSONDecodeError as error:
        problem = _problem_of_json(text, error.pos)
    except RecursionError:
        problem = TOO_DEEP
    else:
        return freeze_json(value)
    raise DecodeError(problem)


def _problem_of_json(text: str, position: int) -> str:
    """Say why JSON is invalid, in the same way on every Python, although each reports and limits it differently."""
    depth = 0
    for match in _STRINGS_AND_BRACKETS.finditer(text, 0, position):
        depth += _STEPS.get(match[0], 0)
        if depth > MAX_DEPTH:
            return TOO_DEEP
    # Up to Python 3.12 a trailing comma is reported at the bracket after it, later at the comma.
    if comma := _TRAILING_COMMA.match(text, position):
        position = comma.end()
    line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
    return f"invalid JSON at line {line} column {column}"


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise DecodeError(message)


def _parse_int(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_INT_DIGITS else digits


_JSON: Final = json.JSONDecoder(parse_constant=_refuse_constant)
_LONG_JSON: Final = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_parse_int)


def _decode_body(body: Body, content_type: str | None, limits: Limits, if_xml: str) -> RawPayload:
    if size_of(body, limits.body_bytes) > limits.body_bytes:
        message = f"the body is larger than {limits.body_bytes} bytes"
        raise DecodeError(message, status_hint=413)
    data = body.removeprefix("\ufeff") if isinstance(body, str) else bytes(body).removeprefix(b"\xef\xbb\xbf")
    if if_xml and _start(data).startswith("<"):
        raise DecodeError(if_xml, status_hint=415)
    header = _parse_content_type(content_type) if content_type and not content_type.isspace() else _guess(data)
    decoder = _DECODERS.get(header.media_type)
    if decoder is None:
        message = f"the content type is not one of {', '.join(_DECODERS)}"
        raise DecodeError(message, status_hint=415)
    return decoder(data, header) if data else RawPayload()


def size_of(body: Body, limit: int) -> int:
    if isinstance(body, memoryview):
        return body.nbytes
    # A text of more characters has more bytes too, and is not encoded to count them.
    if isinstance(body, str) and len(body) <= limit:
        return len(body.encode("utf-8", "surrogatepass"))
    return len(body)


def guess_content_type(body: bytes | str) -> str | None:
    """Guess as `parse` does, and find the boundary of a multipart body in its first line; None leaves it to `parse`."""
    start = body[:1]
    if start in {b"{", "{"}:
        return "application/json"
    if start.isalpha():
        return "application/x-www-form-urlencoded"
    data = body.encode(errors="replace") if isinstance(body, str) else body
    found = re.match(rb"\s*--([\x00-\x7f]*?)(\r\n|$)", data)
    if not found:
        return None
    boundary = found[1].decode()
    return "multipart/form-data; boundary=" + (boundary if _TOKEN.fullmatch(boundary) else f'"{boundary}"')


def _guess(body: bytes | str) -> _Header:
    """Tell what a body without a header is: JSON begins with a brace, and all else is a urlencoded form."""
    start = _start(body)
    if start.startswith("--") and "content-disposition:" in start.lower():
        message = "a multipart body can only be read with its Content-Type header, which holds the boundary"
        raise DecodeError(message)
    return _Header("application/json" if start.startswith("{") else "application/x-www-form-urlencoded")


def _start(body: bytes | str) -> str:
    return (body if isinstance(body, str) else body.decode("latin-1")).lstrip()


@lru_cache(maxsize=32)  # a sender writes the same one each time, unless it has a boundary
def _parse_content_type(content_type: str) -> _Header:
    if len(content_type) > _CONTENT_TYPE_LENGTH:
        message = f"the content type is longer than {_CONTENT_TYPE_LENGTH} characters"
        raise DecodeError(message, status_hint=415)
    media_type, _, rest = content_type.partition(";")
    parameters: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(";" + rest):
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted else plain.strip()
        parameters.setdefault(name.lower(), value)
    charset = parameters.get("charset")
    return _Header(
        media_type=media_type.strip().lower(),
        codec=_codec(charset) if charset else "utf-8",
        boundary=parameters.get("boundary", ""),
    )


def _codec(charset: str) -> str:
    codec = _CODECS.get(charset.strip().lower().replace("-", "").replace("_", ""))
    if codec is None:
        message = "the charset is unknown"
        raise DecodeError(message, status_hint=415)
    return codec


def _text(body: bytes | str, codec: str) -> str:
    if isinstance(body, str):
        return body
    try:
        return body.decode(codec).removeprefix("\ufeff")
    except UnicodeDecodeError:
        pass
    raise _not_in(codec)


def _not_in(codec: str) -> DecodeError:
    return DecodeError(f"the body holds bytes that are not {codec}")


def _decode_json_body(body: bytes | str, header: _Header) -> RawPayload:
    value = decode_json(_text(body, header.codec))
    if isinstance(value, RawPayload):
        return value
    message = "the JSON body is not an object"
    raise DecodeError(message)


def _decode_urlencoded_body(body: bytes | str, header: _Header) -> RawPayload:
    text = _text(body, header.codec)
    _check_pairs(text.count("&") + 1)
    # An escape is of a byte, so in a charset that does not contain ASCII it can only be meant as UTF-8.
    codec = "utf-8" if header.codec.startswith("utf") else header.codec
    pairs = (piece.partition("=") for piece in text.split("&") if piece)
    try:
        return collect((_unescape(name, codec), _unescape(value, codec)) for name, _, value in pairs)
    except UnicodeDecodeError:
        pass
    raise _not_in(codec)


def _unescape(text: str, codec: str) -> str:
    """Do what `urllib.parse.unquote_plus` does, which takes 90 times the memory of a text full of percent signs."""
    return _ESCAPES.sub(lambda run: bytes.fromhex(run[0].replace("%", "")).decode(codec), text.replace("+", " "))


def _decode_multipart_body(body: bytes | str, header: _Header) -> RawPayload:
    from .from_multipart import read_parts  # noqa: PLC0415 - an ordinary JSON body does not need the package

    if not header.boundary.isascii() or not 1 <= len(header.boundary) <= BOUNDARY_LENGTH:
        message = "the content type multipart/form-data comes without a usable boundary"
        raise DecodeError(message)
    boundary = header.boundary.encode()
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    if len(data) > _FORM_PAIRS * len(boundary):  # else it can't hold as many
        _check_pairs(data.count(b"--" + boundary) - 1)
    parts = read_parts(data, boundary)
    if isinstance(body, str):  # whoever made text of the body has decoded its parts
        return collect([(name, value.decode("utf-8", "surrogatepass")) for name, _, value in parts])
    codecs = {charset: _codec(charset) if charset else header.codec for _, charset, _ in parts}
    return collect([(name, _text(value, codecs[charset])) for name, charset, value in parts])


def _check_pairs(pairs: int) -> None:
    if pairs > _FORM_PAIRS:
        message = f"more than {_FORM_PAIRS} fields in a form"
        raise DecodeError(message, status_hint=413)


# The content types that are accepted, and who decodes them.
_DECODERS: Final[dict[str, Callable[[bytes | str, _Header], RawPayload]]] = {
    "application/json": _decode_json_body,
    "application/x-www-form-urlencoded": _decode_urlencoded_body,
    "multipart/form-data": _decode_multipart_body,
}
CONTENT_TYPES: Final = tuple(_DECODERS)


def _take_snapshot(payload: object, limits: Limits) -> RawPayload:
    snapshot = Snapshot(limits.body_bytes)
    kind = type(payload).__name__
    try:
        if isinstance(payload, Mapping):
            return snapshot.of_mapping(cast("Mapping[object, Any]", payload))
        if isinstance(payload, Iterable):
            return snapshot.of_pairs(cast("Iterable[object]", payload))
    except DecodeError:
        raise
    except Exception as error:  # noqa: BLE001 - a caller's mapping may do anything while it is read
        problem = f"{type(error).__name__} while {kind} was read as a mapping or pairs"
    else:
        problem = f"{kind} is not a body, a mapping or an iterable of pairs"
    raise DecodeError(problem)
