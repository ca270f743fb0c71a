"""Decode a JSON body, or a JSON string in a field.

Facts
-----
- A number isn't longer than the body that holds it. A body of at most `MAX_INT_DIGITS` characters holds no integer that
  Python refuses to read, so `json` can decode all of it in C.
- A payload with at most `MAX_DEPTH` opening brackets can't be nested too deeply. Its nested values are checked and
  frozen when they are first read.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn, cast

from .._errors import DecodeError
from .payload import (
    EMPTY_OBJECT,
    MAX_DEPTH,
    MAX_INT_DIGITS,
    TOO_DEEP,
    ListOfObjectsError,
    RawPayload,
    freeze_json,
    owning,
)
from .text import Header, to_text

_STRINGS_AND_BRACKETS: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_WHITESPACE: Final = " \t\n\r"
_STEPS: Final = {"[": 1, "{": 1, "]": -1, "}": -1}
_TRAILING_COMMA: Final = re.compile(r",[ \t\n\r]*(?=[\]}])")


def from_json(body: bytes | str, header: Header) -> RawPayload:
    """Decode a JSON request body.

    :raises DecodeError: The body isn't valid JSON, isn't an object, or is nested too deeply.
    """
    codec, text, end = header[1], "", -1
    value: Any = None
    try:  # As in `to_text` and `_scan`, without calls.
        text = body.decode(codec) if isinstance(body, bytes) else body
        value, end = (_SCAN_SHORT if len(text) <= MAX_INT_DIGITS else _SCAN_LONG)(text, 0)
    except (StopIteration, ValueError, RecursionError):
        pass
    if end != len(text):  # There is whitespace around the value, or the body isn't valid JSON in this charset.
        text = to_text(body, codec)
        value = _decode(text)
    if type(value) not in _OBJECT:
        raise not_an_object(value)
    if not value:
        return EMPTY_OBJECT
    # Most payloads have one list, of legs, and no other objects. To look for more takes less time than to count all.
    before, _, after = text.partition("[")
    has_more = "[" in after or before.rfind("{") or after.count("{") > MAX_DEPTH - 2
    if has_more and text.count("[") + text.count("{") > MAX_DEPTH:
        freeze_json(value)
    # Decoded bytes can't hold a lone surrogate. JSON can hold NUL only as an escape.
    return owning(value, type(body) is bytes and ("\\" not in text or "\\u" not in text))


def not_an_object(value: Any) -> DecodeError:
    """Return the error for a JSON body that isn't an object."""
    message = "the JSON body is not an object"
    first = cast("list[object]", value)[:1] if type(value) is list else []
    if _OBJECT.issuperset(map(type, first)) and first:
        return ListOfObjectsError(message, cast("list[dict[str, object]]", first)[0])
    return DecodeError(message)


def decode_json(text: str) -> object:
    """Decode any JSON value and freeze it.

    :raises DecodeError: The string isn't valid JSON, or is nested too deeply.
    """
    value = _scan(text.rstrip(_WHITESPACE))
    return freeze_json(_decode(text) if value is None else value)


def _scan(text: str) -> Any:
    """Decode a JSON value without whitespace around it. Return None for any other string, and for null."""
    try:
        value, end = (_SCAN_SHORT if len(text) <= MAX_INT_DIGITS else _SCAN_LONG)(text, 0)
    except (StopIteration, ValueError, RecursionError):
        return None
    return value if end == len(text) else None


def _decode(text: str) -> Any:
    try:
        return (_SHORT if len(text) <= MAX_INT_DIGITS else _LONG).decode(text)
    except json.JSONDecodeError as error:
        raise DecodeError(_problem(text, error.pos)) from None
    except RecursionError:
        raise DecodeError(TOO_DEEP) from None


def _problem(text: str, position: int) -> str:
    """Return why JSON is invalid. The message is the same on every Python version, although the versions differ."""
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
    raise DecodeError(f"{name} is not JSON")


def _parse_int(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_INT_DIGITS else digits


_SHORT: Final = json.JSONDecoder(parse_constant=_refuse_constant)
_LONG: Final = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_parse_int)

# A set, because type checkers narrow the type after a comparison with a class.
_OBJECT: Final = frozenset({dict})

# These are the scanners that `JSONDecoder.decode` calls after it skips whitespace.
_SCAN_SHORT: Final[Callable[[str, int], tuple[Any, int]]] = cast("Any", _SHORT).scan_once
_SCAN_LONG: Final[Callable[[str, int], tuple[Any, int]]] = cast("Any", _LONG).scan_once
