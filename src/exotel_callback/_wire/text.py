"""Represent a ``Content-Type`` header, and decode bytes in its charset."""

from typing import Final, NamedTuple

from .._errors import DecodeError

# Python's codecs by charset, in lower case and without ``-`` and ``_``. All of them decode in linear time.
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


class Header(NamedTuple):
    """The parts of a ``Content-Type`` header that decoding needs."""

    media_type: str
    codec: str = "utf-8"
    boundary: str = ""


def codec_of(charset: str) -> str:
    """Return Python's name of a charset.

    :raises DecodeError: The charset is unknown.
    """
    codec = _CODECS.get(charset.strip().lower().replace("-", "").replace("_", ""))
    if codec is None:
        raise DecodeError("unsupported charset", status_hint=415)
    return codec


def to_text(body: bytes | str, codec: str) -> str:
    """Decode a body of bytes. Return a string unchanged.

    The byte order mark at the start of a body isn't part of it. `exotel_callback._wire.decode` skips the mark of UTF-8,
    and most codecs skip their own mark.

    :raises DecodeError: The bytes are not in this charset.
    """
    if isinstance(body, str):
        return body
    try:
        text = body.decode(codec)
    except UnicodeDecodeError:
        raise wrong_charset(codec) from None
    return text if codec == "utf-8" or not codec.endswith(("-le", "-be")) else text.removeprefix("\ufeff")


def decoded(value: bytes, codec: str) -> str:
    """Decode the bytes of a body or of one value, with any byte order mark.

    :raises DecodeError: The bytes are not in this charset.
    """
    try:
        return value.decode(codec)
    except UnicodeDecodeError:
        raise wrong_charset(codec) from None


def wrong_charset(codec: str) -> DecodeError:
    """Return the error for bytes that can't be decoded in their charset."""
    return DecodeError(f"the body is not valid {codec}")
