"""Change fields of requests, and leave their encoding and every other byte as they are.

Facts
-----
- In a multipart body, the parts without a file name are the fields, in the order in which the decoder returns them.
- `json.JSONDecoder.raw_decode` returns where a value ends. So one value can be replaced in a JSON body.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus, unquote_plus

from .._encode import FORM, IN_A_NAME, JSON
from .._errors import DecodeError
from .._fields.names import LEGS, STREAM, path_in
from .._options import DEFAULT_LIMITS
from .._wire.decode import decode, header_of
from .._wire.from_multipart import read_parts
from .._wire.text import Header, codec_of
from ..testing import Delivery

_DOTTED: Final = re.compile(r"\.([^.\[\]]+)")
_VALUES: Final = json.JSONDecoder(parse_int=str, parse_float=str)
_NUMBER_TOKEN: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_FILLABLE: Final = frozenset({"null", '""'})
# The decoder skips a byte order mark before a body.
_SPACE: Final = re.compile("[ \t\n\r\ufeff]*")


class _Change(NamedTuple):
    """A field and its new value."""

    name: str
    """The wire name, with brackets."""
    value: str
    is_added: bool
    """Whether a request that lacks the field gets it."""


def change_fields(deliveries: Sequence[Delivery], changes: Iterable[tuple[str, str]]) -> list[Delivery]:
    """Change each field in the requests that have it. If none has it, add it to all of them.

    :param changes: The wire name of each field, such as ``CustomField`` or ``Legs[0][Status]``, and its new value.
    :raises ValueError: A request can't be decoded or changed.
    """
    changed = list(deliveries)
    for name, value in changes:
        canonical = _DOTTED.sub(r"[\1]", name) if name.startswith((f"{LEGS}.", f"{LEGS}[", f"{STREAM}.")) else name
        for is_added in (False, True):
            change = _Change(canonical, value, is_added)
            found = [_changed(delivery, number, change) for number, delivery in enumerate(changed, 1)]
            if any(found):
                changed = [new or old for new, old in zip(found, changed, strict=True)]
                break
    return changed


def _changed(delivery: Delivery, number: int, change: _Change) -> Delivery | None:
    """Return a request with a field changed or added. Return None if it lacks a field that isn't to be added."""
    is_query = delivery.method == "GET" and not delivery.body
    body, content_type = (delivery.query.encode(), FORM) if is_query else (delivery.body, delivery.content_type)
    try:
        decode(body, content_type or None, DEFAULT_LIMITS)
        header = header_of(body, content_type or None)
        new = _EDITORS[header.media_type](body, header, change)
    except (DecodeError, ValueError) as error:
        raise ValueError(f"cannot set {change.name} in request {number}: {error}") from None
    if new is None:
        return None
    return delivery._replace(query=new.decode()) if is_query else delivery._replace(body=new)


def _in_form(body: bytes, header: Header, change: _Change) -> bytes | None:
    name, value, is_added = change
    escaped = "utf-8" if header.codec.startswith("utf") else header.codec
    pieces = _text_of(body, header).split("&")
    new = quote_plus(value, encoding=escaped)
    found = [
        index
        for index, piece in enumerate(pieces)
        if unquote_plus(piece.partition("=")[0], escaped, "replace").removeprefix("\ufeff") == name
    ]
    for index in found:
        pieces[index] = f"{pieces[index].partition('=')[0]}={new}"
    if not found and is_added:
        pieces = [*([] if pieces == [""] else pieces), f"{quote_plus(name, encoding=escaped)}={new}"]
    return "&".join(pieces).encode(header.codec) if found or is_added else None


def _in_multipart(body: bytes, header: Header, change: _Change) -> bytes | None:
    name, value, is_added = change
    boundary = header.boundary.encode()
    fields = read_parts(body, boundary)
    found = [index for index, field in enumerate(fields) if field[0] == name]
    if not found and not is_added:
        return None
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    parts = [index for index, piece in enumerate(pieces[:-1]) if index and b"filename" not in _head(piece).lower()]
    expected = [(field[0], field[2]) for field in fields]
    for index in found:
        charset = fields[index][1]
        new = value.encode(codec_of(charset) if charset else header.codec)
        expected[index] = name, new
        pieces[parts[index]] = _head(pieces[parts[index]]) + b"\r\n\r\n" + new
    if not found:
        new = value.encode(header.codec)
        expected.append((name, new))
        named = f'\r\nContent-Disposition: form-data; name="{name.translate(IN_A_NAME)}"\r\n\r\n'
        pieces.insert(-1, named.encode() + new)
    changed = (b"\r\n--" + boundary).join(pieces)[2:]
    if [(part[0], part[2]) for part in read_parts(changed, boundary)] != expected:
        raise ValueError("the value or the body contains the boundary at another place")
    return changed


def _head(piece: bytes) -> bytes:
    """Return the headers of a part."""
    return piece.partition(b"\r\n\r\n")[0]


def _in_json(body: bytes, header: Header, change: _Change) -> bytes | None:
    name, value, is_added = change
    text = _text_of(body, header)
    root, bracket, _ = name.partition("[")
    path = [root, *path_in(root, name)] if root and bracket else [name]
    start = _after_space(text, 0)
    if start == len(text):
        text += "{}"  # The body is empty.
    spans = {*_spans(text, start, [name]), *_spans(text, start, path)}
    if not spans and not is_added:
        return None
    for begin, end in sorted(spans, reverse=True):
        text = text[:begin] + _literal(value, text[begin:end]) + text[end:]
    return (text if spans else _with_member(text, start, path, value)).encode(header.codec)


def _spans(text: str, start: int, path: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield where the values of a path begin and end. There is more than one if a name is repeated."""
    for name, begin, end in _members(text, start):
        if name != path[0]:
            continue
        if len(path) == 1:
            yield begin, end
        elif text[begin] in "{[":
            yield from _spans(text, begin, path[1:])


def _members(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    """Yield the name or the index of each member of an object or a list, and where its value begins and ends."""
    is_object = text[start] == "{"
    position, index = _after_space(text, start + 1), 0
    while text[position] not in "]}":
        name = str(index)
        if is_object:
            name, position = _VALUES.raw_decode(text, position)
            position = _after_space(text, _after_space(text, position) + 1)
        end = _VALUES.raw_decode(text, position)[1]
        yield name, position, end
        position = _after_space(text, end)
        if text[position] == ",":
            position = _after_space(text, position + 1)
        index += 1


def _with_member(text: str, start: int, path: Sequence[str], value: str) -> str:
    """Add a value to the object or list at `start`, or to the last object or list of its path that is there."""
    name, *rest = path
    members = list(_members(text, start))
    for found, begin, end in members:
        if found == name:
            if text[begin] in "{[":
                return _with_member(text, begin, rest, value)
            if text[begin:end] not in _FILLABLE:
                raise ValueError(f"{name} isn't an object or a list")
            return text[:begin] + _nested(rest, value) + text[end:]
    new = _nested(rest, value)
    if text[start] == "{":
        new = f"{json.dumps(name)}: {new}"
    elif name != str(len(members)):
        raise ValueError(f"the list has {len(members)} elements, so [{name}] isn't the next one")
    position = members[-1][2] if members else start + 1
    return f"{text[:position]}{', ' if members else ''}{new}{text[position:]}"


def _nested(path: Sequence[str], value: str) -> str:
    """Return the JSON of a string in objects, or in a list if its index is 0."""
    nested: Any = value
    for name in reversed(path):
        nested = [nested] if name == "0" else {name: nested}
    return json.dumps(nested)


def _literal(value: str, old: str) -> str:
    """Return the JSON of a new value. It replaces a number by a number, and an object or a list by JSON, if it can."""
    if old[0] in "-0123456789":
        return value if _NUMBER_TOKEN.fullmatch(value) else json.dumps(value)
    if old[0] in "{[":
        try:
            return json.dumps(json.loads(value))
        except ValueError:
            pass
    return json.dumps(value)


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _text_of(body: bytes, header: Header) -> str:
    """Decode a body.

    :raises ValueError: The string would be encoded as other bytes.
    """
    text = body.decode(header.codec)
    if text.encode(header.codec) != body:
        raise ValueError(f"the body isn't written as {header.codec} usually is")
    return text


_EDITORS: Final[dict[str, Callable[[bytes, Header, _Change], bytes | None]]] = {
    JSON: _in_json,
    FORM: _in_form,
    "multipart/form-data": _in_multipart,
}
