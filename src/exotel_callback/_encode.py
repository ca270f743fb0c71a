"""Encode a payload in the encodings that Exotel uses. This module shares no code with the decoders.

Facts
-----
- A form has bracket keys, as in PHP, for nested values. Null is an empty string or the string ``null``. In a query
  string of the Passthru applet, it is ``null``.
- No public code shows the exact bytes of Exotel's multipart bodies. This module writes them as curl does.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import urlencode

Pairs = Iterable[tuple[str, str]]

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
_BOUNDARY: Final = "------------------------d74496d66958873e"

# The escapes of the HTML standard for characters that would end a name in a part's header.
IN_A_NAME: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


def form_pairs(payload: Mapping[str, Any], null: str = "") -> Iterator[tuple[str, str]]:
    """Flatten a payload to pairs. A nested value gets a name such as ``Legs[0][Status]``."""
    for name, value in payload.items():
        yield from _flat(name, value, null)


def _flat(name: str, value: Any, null: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        items: Iterable[tuple[object, Any]] = cast("Mapping[str, Any]", value).items()
    elif isinstance(value, list | tuple):
        items = enumerate(cast("Iterable[Any]", value))
    else:
        yield name, _text(value, null)
        return
    for key, item in items:
        yield from _flat(f"{name}[{key}]", item, null)


def _text(value: Any, null: str) -> str:
    if value is None or value == {}:
        return null if value is None else ""
    return value if isinstance(value, str) else json.dumps(value, allow_nan=False)


def encode_json(payload: Mapping[str, Any]) -> tuple[bytes, str]:
    """Encode a payload as JSON, and return the body and its content type.

    :raises ValueError: The payload contains NaN or infinity, which JSON can't represent.
    """
    return json.dumps(payload, allow_nan=False).encode(), JSON


def encode_form(payload: Mapping[str, Any]) -> tuple[bytes, str]:
    """Encode a payload as a urlencoded form, and return the body and its content type.

    Legs get bracket keys, and None becomes an empty string.
    """
    return urlencode(list(form_pairs(payload)), errors="surrogatepass").encode(), FORM


def encode_query(payload: Mapping[str, Any]) -> str:
    """Encode a payload as the query string of a GET request, as the Passthru and Connect applets do.

    Legs and streams get bracket keys, and None becomes ``null``.
    """
    return urlencode(list(form_pairs(payload, "null")), errors="surrogatepass")


def encode_multipart(payload: Mapping[str, Any]) -> tuple[bytes, str]:
    """Encode a payload as multipart, which is Exotel's default, and return the body and its content type.

    Legs get bracket keys, and None becomes an empty string.
    """
    return multipart(form_pairs(payload))


def multipart(pairs: Pairs, boundary: str = _BOUNDARY, headers: str = "") -> tuple[bytes, str]:
    """Encode pairs as multipart, and return the body and its content type.

    :param boundary: The boundary. It is extended if a part contains it.
    :param headers: More header lines for each part, each with its line end.
    """
    parts = [
        f'Content-Disposition: form-data; name="{name.translate(IN_A_NAME)}"\r\n{headers}\r\n{value}\r\n'
        for name, value in pairs
    ]
    if any(f"--{boundary}" in part for part in parts):
        # One search finds how long the boundary must be. To try one character after another takes quadratic time.
        runs = re.findall(f"(?=--{re.escape(boundary)}(x*))", "\n".join(parts))
        boundary += "x" * (max(map(len, runs)) + 1)
    body = "".join(f"--{boundary}\r\n{part}" for part in parts) + f"--{boundary}--\r\n"
    return body.encode("utf-8", "surrogatepass"), f"multipart/form-data; boundary={boundary}"


for _encoder in (encode_json, encode_form, encode_multipart, encode_query):
    _encoder.__module__ = "exotel_callback.testing"
