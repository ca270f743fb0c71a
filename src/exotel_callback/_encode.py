"""A payload as bytes, in the three encodings that Exotel uses. Shares nothing with what decodes them.

Facts
-----
- Forms have Python's and PHP's bracket keys for what is nested, and an empty text or the word ``null`` for null.
- Nobody's public code shows the exact bytes of Exotel's multipart; here they are as curl writes them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import urlencode

Pairs = Iterable[tuple[str, str]]

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
_BOUNDARY: Final = "------------------------d74496d66958873e"

# What would end a name in a part's header, as the HTML standard writes it.
_IN_A_NAME: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


def form_pairs(payload: Mapping[str, Any], null: str = "") -> Iterator[tuple[str, str]]:
    """Flatten a payload: ``Legs[0][Status]`` for what is nested."""
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
    """Return a JSON body and its content type.

    :raises ValueError: There is a NaN or an infinity in it, which JSON does not have.
    """
    return json.dumps(payload, allow_nan=False).encode(), JSON


def encode_form(payload: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return a urlencoded body and its content type. Legs get bracket keys, None becomes an empty text."""
    return urlencode(list(form_pairs(payload)), errors="surrogatepass").encode(), FORM


def encode_multipart(payload: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return a multipart body, Exotel's default, and its content type. Legs get bracket keys, None an empty text."""
    return multipart(form_pairs(payload))


def multipart(pairs: Pairs, boundary: str = _BOUNDARY, headers: str = "") -> tuple[bytes, str]:
    """Return a multipart body of pairs, and its content type.

    :param boundary: Made longer where a value contains it.
    :param headers: Lines that each part has besides its ``Content-Disposition``, each with its line end.
    """
    parts = [
        f'Content-Disposition: form-data; name="{name.translate(_IN_A_NAME)}"\r\n{headers}\r\n{value}\r\n'
        for name, value in pairs
    ]
    while any(f"--{boundary}" in part for part in parts):
        boundary += "x"
    body = "".join(f"--{boundary}\r\n{part}" for part in parts) + f"--{boundary}--\r\n"
    return body.encode("utf-8", "surrogatepass"), f"multipart/form-data; boundary={boundary}"


for _encoder in (encode_json, encode_form, encode_multipart):
    _encoder.__module__ = "exotel_callback.testing"
