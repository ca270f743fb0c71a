"""Decode a multipart body: a shortcut for ordinary bodies, and the package ``multipart`` for every other body.

``python-multipart`` before 0.0.13 installs another package named ``multipart``, which Python finds first.
"""

import re
from typing import Any, Final

from .._errors import DecodeError
from .from_form import MAX_PAIRS, check_pairs
from .payload import RawPayload, collect, owning
from .text import Header, codec_of, decoded

_BOUNDARY_LENGTH: Final = 200  # RFC 2046 allows 70.

_NAME_LENGTH: Final = 1_000
_PLAIN_BOUNDARY: Final = re.compile(rb"[0-9A-Za-z'()+_,./:=?-]+")
_PART: Final = b'\r\nContent-Disposition: form-data; name="'
_AFTER_NAME: Final = '"\r\n\r\n'


def from_multipart(body: bytes | str, header: Header) -> RawPayload:
    """Decode a multipart body.

    :raises DecodeError: The body has no usable boundary, has too many fields, is broken, or is cut off.
    :raises ImportError: ``python-multipart`` before 0.0.13 hides the package ``multipart``.
    """
    codec, boundary = header.codec, header.boundary  # The codec applies to parts without a charset.
    if not boundary.isascii() or not 1 <= len(boundary) <= _BOUNDARY_LENGTH:
        raise DecodeError("the content type multipart/form-data has no valid boundary; pass the whole header")
    delimiter = boundary.encode()
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    if codec == "utf-8" and isinstance(body, bytes) and (found := _plain_form(data, delimiter)):
        return found
    if len(data) > MAX_PAIRS * len(delimiter):  # A shorter body can't hold too many fields.
        check_pairs(data.count(b"--" + delimiter) - 1)
    parts = read_parts(data, delimiter)
    if isinstance(body, str):  # The caller has already decoded the body, and so every part.
        return collect([(name, value.decode("utf-8", "surrogatepass")) for name, _, value in parts])
    codecs = {charset: codec_of(charset) if charset else codec for _, charset, _ in parts}
    return collect([(name, decoded(value, codecs[charset])) for name, charset, value in parts])


def _plain_form(body: bytes, boundary: bytes) -> RawPayload | None:
    """Decode a body whose parts have one header, a plain name and a UTF-8 value. Return None for any other body."""
    first = b"--" + boundary
    delimiter = b"\r\n" + first
    if not body.startswith(first + _PART) or not _PLAIN_BOUNDARY.fullmatch(boundary):
        return None
    end = len(body) - len(delimiter) - (4 if body.endswith(b"--\r\n") else 2)
    if not body.startswith(delimiter + b"--", end):
        return None
    try:
        text = body[len(first) + len(_PART) : end].decode()
    except UnicodeDecodeError:
        return None
    pieces = text.split((delimiter + _PART).decode())
    if len(pieces) > MAX_PAIRS:
        return None
    items: dict[str, Any] = {
        name: value for piece in pieces for name, end, value in (piece.partition(_AFTER_NAME),) if end
    }
    names = "".join(items)
    if len(items) != len(pieces) or "" in items or not (names.isascii() and names.isprintable()):
        return None
    # These characters end or escape a name.
    if '"' in names or "\\" in names or "%" in names or "`" in names:
        return None
    # The package refuses a header of more than 4,096 characters.
    if len(names) > _NAME_LENGTH and max(map(len, items)) > _NAME_LENGTH:
        return None
    # A boundary holds no line break, so every other occurrence of it is within a name or a value.
    if first.decode() in "\n".join([*items, *items.values()]):
        return None
    return owning(items, "\0" not in text)  # Decoded bytes can't hold a lone surrogate.


def read_parts(body: bytes, boundary: bytes) -> list[tuple[str, str | None, bytes]]:
    """Return each field's name, declared charset and value. A part with a file name is an upload and is skipped.

    :raises DecodeError: The body is broken or cut off.
    :raises ImportError: ``python-multipart`` before 0.0.13 hides the package ``multipart``.
    """
    try:
        from multipart import MultipartError, MultipartSegment, PushMultipartParser
    except ImportError as error:
        raise ImportError(
            "multipart/form-data needs the package 'multipart', but python-multipart before 0.0.13 hides it; "
            "run pip install --upgrade python-multipart"
        ) from error

    parts: list[tuple[str, str | None, bytes]] = []
    segment: MultipartSegment | None = None
    value = b""
    try:
        with PushMultipartParser(boundary) as parser:
            for event in parser.parse(body):
                if event is None:
                    if segment is not None and segment.filename is None:
                        parts.append((segment.name or "", segment.charset, value))
                elif isinstance(event, MultipartSegment):
                    segment, value = event, b""
                else:
                    value += event
    except MultipartError:
        raise DecodeError(
            "not valid multipart/form-data: malformed, truncated, or with a boundary that differs from the header's"
        ) from None
    return parts
