r"""Decode a urlencoded body.

Facts
-----
- A percent escape stands for one byte. In a charset that doesn't contain ASCII, it can only be meant as UTF-8.
- For a string full of percent signs, `urllib.parse.unquote_plus` takes 90 times the memory of the string.
- Quoted-printable is percent-encoding with another character. `binascii` decodes it in C, in a tenth of the time of
  `urllib.parse.unquote`. It drops soft line breaks and an unfinished escape at the end, and keeps invalid escapes.
"""

import re
from typing import Any, Final

from .._errors import DecodeError
from .payload import RawPayload, collect, owning
from .text import Header, to_text, wrong_charset

MAX_PAIRS: Final = 1_024

_ESCAPES: Final = re.compile("(?:%[0-9A-Fa-f]{2})+")

# This table turns a form into quoted-printable. "=" and "&" become the control characters 1 and 2. A control character
# in the form becomes 0xFF, which is never valid UTF-8. Escaped control characters are rejected before.
_EQUALS: Final = "\1"
_AMPERSAND: Final = "\2"
_AS_QUOTED_PRINTABLE: Final = bytes.maketrans(b"%+=&" + bytes(range(32)), b"= \1\2" + b"\xff" * 32)


def from_form(body: bytes | str, header: Header) -> RawPayload:
    """Decode a urlencoded body.

    :raises DecodeError: The body has too many fields, or holds bytes that are not in its charset.
    """
    codec = header.codec
    if codec == "utf-8" and isinstance(body, bytes) and (found := _plain_form(body)):
        return found
    text = to_text(body, codec)
    check_pairs(text.count("&") + 1)
    escaped = "utf-8" if codec.startswith("utf") else codec
    pairs = (piece.partition("=") for piece in text.split("&") if piece)
    try:
        return collect((_unescape(name, escaped), _unescape(value, escaped)) for name, _, value in pairs)
    except UnicodeDecodeError:
        raise wrong_charset(escaped) from None


def check_pairs(pairs: int) -> None:
    """Raise `DecodeError` if a form has too many fields."""
    if pairs > MAX_PAIRS:
        raise DecodeError(f"the form has more than {MAX_PAIRS} fields", status_hint=413)


def _plain_form(body: bytes) -> RawPayload | None:
    """Decode a form of distinct names, each with a value, and valid escapes; return None for any other form."""
    if not body.isascii() or b"%0" in body or body.endswith(b"%") or body.count(b"&") >= MAX_PAIRS:
        return None
    import binascii

    try:
        text = binascii.a2b_qp(body.translate(_AS_QUOTED_PRINTABLE)).decode()
    except UnicodeDecodeError:
        return None
    if "=" in text:  # The form has an invalid escape, or an escaped "=".
        return None
    pieces = text.split(_AMPERSAND)
    try:
        items: dict[str, Any] = dict([piece.split(_EQUALS) for piece in pieces])
    except ValueError:
        return None
    # An escaped NUL was rejected above, and decoded bytes can't hold a lone surrogate.
    return owning(items, True) if len(items) == len(pieces) and "" not in items else None


def _unescape(text: str, codec: str) -> str:
    return _ESCAPES.sub(lambda run: bytes.fromhex(run[0].replace("%", "")).decode(codec), text.replace("+", " "))
