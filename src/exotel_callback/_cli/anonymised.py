"""Replace the personal values in a body or an envelope, and change nothing else.

Facts
-----
- A report needs the bytes around the values as they are: the order, the whitespace, the boundary and the escapes. So
  this module doesn't decode and encode a body. It finds the values in the string, also in an invalid one.
- A value can hold another encoding: a form has JSON in ``Legs``, and an envelope has a whole body.

Each value is split into units. A unit is a part of the body, and stands for one character. It stays as it is written
if the character doesn't change.
"""

import base64
import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import chain
from typing import Final, NamedTuple, cast

from .._errors import DecodeError
from .._fields.answers import V3_NAMES
from .._fields.kinds import DATE, EMPTY_VALUES, SECONDS, Kind
from .._fields.names import LEG_ID, LEGS, STREAM
from .._fields.table import wire_fields
from .._model.callback import Leg, StatusCallback
from .._model.passthru import PassthruEvent, PassthruLeg, Stream
from .._model.popup import PopupEvent
from .._options import IST
from .._wire.decode import parse_header
from .._wire.text import Header
from .envelope import GZIP_START, open_envelope
from .pseudonyms import Secret, moved_date, moved_seconds, pseudonym

# A function that replaces the value of a name.
_Change = Callable[[str, str], str]

# The classes whose fields can be in a body.
_EVENT_CLASSES: Final = (StatusCallback, Leg, PassthruEvent, PassthruLeg, Stream, PopupEvent)

# A value of these names stays if it looks like one of an enum, because a report is often about a new value.
_VALUE_NAMES: Final = frozenset(
    {"callstatus", "cause", "causecode", "code", "detailedstatus", "disconnectedby", "error", "eventtype", "httpcode"}
    | {"leg1status", "leg2status", "method", "processstatus", "schema", "state", "status", "type"}
)
_VALUE: Final = re.compile(r"[A-Za-z]+(?:[_-][A-Za-z]+)*|[0-9]{1,4}")
_VALUE_LENGTH: Final = 40
_INVALID_DATE: Final = re.compile(
    r"[0-9]{1,4}([-/.])[0-9]{1,2}\1[0-9]{1,4}(?:[ T,]+[0-9]{1,2}(?::[0-9]{1,2}){0,2}(?:\.[0-9]{1,6})?)?"
    r"\s?(?:Z|[+-][0-9]{2}:?[0-9]{2}|[AaPp][Mm])?"
)
# A value of `Id` that can be the number of a leg.
_SHORT_ID: Final = re.compile("[0-9.+-]{1,4}")
_NOT_APPLICABLE: Final = EMPTY_VALUES | {"n/a", "na"}
# A name has no more than 40 letters and digits in a row. A longer run is data, such as a body in base64.
_NAME: Final = re.compile(r"(?!.*[0-9]{4})(?!.*\w{41})\w[\w.\[\]% -]{0,99}", re.ASCII)
_ROOT: Final = re.compile(rf"(?:{LEGS}|{STREAM})(?:\[|%5[Bb])(?:[0-9]{{1,3}}(?=\]))?")
_IN_BRACKETS: Final = re.compile(r"\[([^\]]+)\]$")

_ADDRESS_BEFORE_QUERY: Final = re.compile(r"(?i)(?:(?:https?:)?/[^?]*)?\?")
_FORM_PAIR: Final = re.compile("([^&=]*)(=?)([^&]*)(&?)")
_UNIT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+|[%+]|[^%+]+")
_JSON_TOKEN: Final = re.compile(
    r'"(?P<string>[^"\\]*(?:\\.[^"\\]*)*)(?P<end>"?)(?P<colon>\s*:)?'
    r"|(?P<number>-?[0-9][0-9.]*)(?P<exponent>[eE][+-]?[0-9]+)?"
    r"|(?P<other>[^\s\",:\[\]{}]+)",
    re.DOTALL,
)
_HEX: Final = "[0-9A-Fa-f]"
_JSON_UNIT: Final = re.compile(
    rf"\\u[Dd][89ABab]{_HEX}{{2}}\\u[Dd][C-Fc-f]{_HEX}{{2}}|\\u{_HEX}{{4}}|\\.?|[^\\]+", re.DOTALL
)
_JSON_ESCAPES: Final[dict[str, str]] = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "/": "/"}
# A NUL in the first characters means UTF-16 or UTF-32 without a charset.
_START_LENGTH: Final = 4
_BINARY: Final = "the body is compressed, or UTF-16 or UTF-32; decompress it, or pass --content-type with its charset"
_LITERALS: Final = frozenset({"true", "false", "null", "NaN", "Infinity", "-Infinity"})
_BOUNDARY_MAX: Final = 70  # RFC 2046 allows no longer one.
_PART_NAME: Final = re.compile(r'(?im)^(content-disposition:[^\r\n]*[; ]name="?)([^"\r\n;]*)')
_OTHER_HEADER: Final = re.compile(r"(?im)^(?!content-disposition:).*$")
_NUMBER_IN_HEADER: Final = re.compile("[0-9]{6,}")
_FILE_NAME: Final = re.compile(r"(?i)(filename\*?=)([^\r\n]*)")
_END_OF_HEADERS: Final = re.compile(r"\r?\n\r?\n")
_BIG_ENDIAN: Final = (b"\xfe\xff", b"\0\0\xfe\xff")
_ENVELOPE_NAMES_KEPT: Final = frozenset({"content_type", "method", "error", "line", "status_hint"})


class _Unit(NamedTuple):
    """An escaped character, or characters that aren't escaped."""

    written: str
    characters: str


def anonymised_line(secret: Secret, line: bytes) -> bytes:
    """Replace the personal values in a line of an archive.

    :raises DecodeError: The line is neither an envelope nor JSON, or its body isn't in its charset.
    """
    text = line.decode("utf-8", "surrogateescape")
    envelope = open_envelope(line)
    if envelope.body is line:
        return anonymised(secret, line, envelope.content_type)

    def change(name: str, value: str) -> str:
        if name in _ENVELOPE_NAMES_KEPT:
            return value
        if name == "received_at" and re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", value):
            return moved_seconds(secret, value)
        if name == "path":
            path, mark, query = value.partition("?")
            return _pseudonym(secret, path, "utf-8") + mark + _form(query, "utf-8", partial(_value, secret, "utf-8"))
        if name == "body":
            return _text(secret, value, envelope.content_type, "utf-8")
        if name == "body_base64" and (body := _from_base64(value)) is not None:
            return base64.b64encode(anonymised(secret, body, envelope.content_type)).decode()
        return _value(secret, "utf-8", name, value)

    return _json(text, change).encode("utf-8", "surrogateescape")


def _from_base64(value: str) -> bytes | None:
    """Decode base64. Return None for any other value, which an inner object can have under this name."""
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return None


def anonymised(secret: Secret, body: bytes, content_type: str | None) -> bytes:
    """Replace the personal values in a body. The result has the same length.

    :raises DecodeError: The body isn't in its charset, or it is binary or XML.
    """
    codec = _codec_for(body, content_type)
    # Each byte that isn't valid becomes a lone surrogate, which stays.
    errors = "strict" if codec.startswith(("utf-16", "utf-32")) else "surrogateescape"
    try:
        text = body.decode(codec, errors)
    except UnicodeDecodeError:
        raise DecodeError("the body isn't in its charset") from None
    # In UTF-16, each character would be a token of its own, and anyone could undo the replacement of single digits.
    if "\0" in text[:_START_LENGTH] or body.startswith(GZIP_START):
        raise DecodeError(_BINARY)
    return _text(secret, text, content_type, codec).encode(codec, errors)


def _codec_for(body: bytes, content_type: str | None) -> str:
    header = _header(content_type)
    codec = header.codec if header else "utf-8"
    if codec in {"utf-16", "utf-32"}:  # The codecs with a byte order keep the mark.
        return f"{codec}-be" if body.startswith(_BIG_ENDIAN) else f"{codec}-le"
    return codec


def _header(content_type: str | None) -> Header | None:
    """Parse a content type. Return None for one that no reader accepts."""
    try:
        return parse_header(content_type) if content_type else None
    except DecodeError:
        return None


def _text(secret: Secret, text: str, content_type: str | None, codec: str) -> str:
    """Replace the values in a body. Its beginning decides how it is read, because its content type can be wrong."""
    if text.startswith("\ufeff"):
        return text[0] + _text(secret, text[1:], content_type, codec)
    start = text.lstrip()
    change = partial(_value, secret, codec)
    if start.startswith("<"):
        raise DecodeError("the body is XML; this command reads JSON, forms and multipart")
    if start.startswith(("{", "[")):
        return _json(text, change)
    if start.startswith("--"):
        header = _header(content_type)
        declared = header.boundary if header else ""
        boundary = declared if declared and f"--{declared}" in text else _first_boundary(start)
        return _multipart(text, boundary, change)
    return _form(text, codec, change)


def _first_boundary(text: str) -> str:
    """Return the boundary in the first line. A line that is too long isn't a boundary, and could be personal."""
    line = text[2:].split("\n", 1)[0].rstrip()
    return line if len(line) <= _BOUNDARY_MAX else ""


def _value(secret: Secret, codec: str, name: str, text: str) -> str:
    """Replace a value. Enum values, durations and placeholders stay, and a date is moved."""
    stripped = text.strip()
    leaf = _leaf(name)
    kinds = _kinds().get(leaf, ())
    if stripped.lower() in _NOT_APPLICABLE or (leaf == LEG_ID.lower() and _SHORT_ID.fullmatch(stripped)):
        return text
    date = moved_date(secret, text)
    if date is not None:
        return date
    if any(_is_read(kind, stripped) for kind in kinds):
        return text
    if leaf.endswith("duration") and SECONDS.read(stripped, IST) is not None:
        return text
    is_value = leaf in _VALUE_NAMES or any(kind.enum for kind in kinds)
    if is_value and len(stripped) <= _VALUE_LENGTH and _VALUE.fullmatch(stripped):
        return text
    if DATE in kinds and _INVALID_DATE.fullmatch(stripped):
        return text
    if stripped.startswith(("{", "[")):
        return _json(text, partial(_value, secret, codec))
    return _pseudonym(secret, text, codec)


def _is_read(kind: Kind, text: str) -> bool:
    """Return whether a value is one of an enum, or a number of seconds."""
    return (kind.enum is not None or kind is SECONDS) and kind.read(text, IST) is not None


@cache
def _kinds() -> dict[str, tuple[Kind, ...]]:
    """Return the kinds of each field, by its name in lower case without ``_``."""
    kinds: dict[str, tuple[Kind, ...]] = {}
    for field in chain.from_iterable(map(wire_fields, _EVENT_CLASSES)):
        for name in (*field.names, field.attribute):
            leaf = _leaf(name)
            kinds[leaf] = (*kinds.get(leaf, ()), field.kind)
    return {_leaf(name): kinds[_leaf(name_of_v1)] for name, name_of_v1 in V3_NAMES.items()} | kinds


def _leaf(name: str) -> str:
    """Return the last name of a bracket key, in lower case without ``_``, so that names of every version are equal."""
    name = re.sub("(?i)%5([BD])", lambda found: "[" if found[1] in "Bb" else "]", name)
    found = _IN_BRACKETS.search(name)
    return (found[1] if found else name).lower().replace("_", "")


def _pseudonym(secret: Secret, text: str, codec: str) -> str:
    """Replace the tokens of a string, in which characters can be percent-encoded."""
    return _rewritten(_form_units(text, codec, plus=""), partial(pseudonym, secret, codec=codec), _escaped(codec))


def _name(name: str, change: _Change) -> str:
    """Return a field's name. Only a string that can't be a name is replaced, without the root of a bracket key."""
    if _NAME.fullmatch(name):
        return name
    found = _ROOT.match(name)
    root = found[0] if found else ""
    return root + change("", name[len(root) :])


def _form(text: str, codec: str, change: _Change) -> str:
    """Replace the values of a form, or of a query string with the address before it."""
    found = _ADDRESS_BEFORE_QUERY.match(text)
    address = found[0] if found else ""
    encode = _escaped(codec)

    def replace(pair: re.Match[str]) -> str:
        name = "".join(unit.characters for unit in _form_units(pair[1], codec))
        new_name = _rewritten(_form_units(pair[1], codec), partial(_name, change=change), encode)
        value = _rewritten(_form_units(pair[3], codec), partial(change, name), encode)
        return f"{new_name}{pair[2]}{value}{pair[4]}"

    return change("", address) + _FORM_PAIR.sub(replace, text[len(address) :])


def _form_units(text: str, codec: str, plus: str = "+") -> Iterator[_Unit]:
    codec = "utf-8" if codec.startswith("utf") else codec
    for written in cast("list[str]", _UNIT.findall(text)):
        if written[0] != "%" or written == "%":
            yield _Unit(written, " " if written == plus else written)
            continue
        start = 0
        for character in bytes.fromhex(written.replace("%", "")).decode(codec, "surrogateescape"):
            end = start + 3 * len(character.encode(codec, "surrogateescape"))
            yield _Unit(written[start:end], character)
            start = end


def _escaped(codec: str) -> Callable[[str, str], str]:
    codec = "utf-8" if codec.startswith("utf") else codec

    def encode(characters: str, written: str) -> str:
        if len(written) == len(characters):
            return characters
        escaped = "".join(f"%{byte:02X}" for byte in characters.encode(codec))
        return escaped.lower() if written != written.upper() else escaped

    return encode


def _json(text: str, change: _Change) -> str:
    """Replace the values of JSON, also of JSON that is broken or cut off."""
    name = ""

    def replace(token: re.Match[str]) -> str:
        nonlocal name
        if token["other"]:
            return token[0] if token["other"] in _LITERALS else change("", token[0])
        if token["number"]:
            return change(name, token["number"]) + (token["exponent"] or "")
        units = list(_json_units(token["string"]))
        if token["colon"]:
            name = "".join(unit.characters for unit in units)
        action = partial(_name, change=change) if token["colon"] else partial(change, name)
        return f'"{_rewritten(units, action, _escaped_in_json)}{token["end"]}{token["colon"] or ""}'

    return _JSON_TOKEN.sub(replace, text)


def _json_units(text: str) -> Iterator[_Unit]:
    for written in cast("list[str]", _JSON_UNIT.findall(text)):
        characters = written
        if written.startswith("\\u") and len(written) > 2:
            characters = bytes.fromhex(written.replace("\\u", "")).decode("utf-16-be", "surrogatepass")
        elif written[0] == "\\":
            # A backslash stays, and so does an invalid escape.
            characters = _JSON_ESCAPES.get(written[1:], "\\")
        yield _Unit(written, characters)


def _escaped_in_json(characters: str, written: str) -> str:
    if len(written) == 2 or len(written) == len(characters):
        return characters
    units = characters.encode("utf-16-be").hex()
    units = units if written[2:] == written[2:].lower() else units.upper()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def _multipart(text: str, boundary: str, change: _Change) -> str:
    """Replace the values and the file names of a multipart body, also of one that is cut off."""
    first, *parts = text.split(f"--{boundary}")
    return f"--{boundary}".join([change("", first), *(_part(part, change) for part in parts)])


def _part(part: str, change: _Change) -> str:
    end = _END_OF_HEADERS.search(part)
    headers, value = (part[: end.end()], part[end.end() :]) if end else (part, "")
    found = _PART_NAME.search(headers)
    if not found and not end:
        return change("", part)  # The end of the body, or a boundary within a value.
    headers = _OTHER_HEADER.sub(
        lambda line: _NUMBER_IN_HEADER.sub(lambda number: change("", number[0]), line[0]), headers
    )
    named = _PART_NAME.sub(lambda name: name[1] + _name(name[2], change), headers)
    named = _FILE_NAME.sub(lambda file: file[1] + change("", file[2]), named)
    # The line end after a value belongs to the delimiter.
    content = value.removesuffix("\r\n")
    return named + change(found[2] if found else "", content) + value[len(content) :]


def _rewritten(
    units: Iterator[_Unit] | list[_Unit], change: Callable[[str], str], encode: Callable[[str, str], str]
) -> str:
    """Change the string that units stand for, and write each changed unit as the one that it replaces."""
    given = list(units)
    changed = change("".join(unit.characters for unit in given))
    written: list[str] = []
    start = 0
    for unit in given:
        end = start + len(unit.characters)
        part = changed[start:end]
        written.append(unit.written if part == unit.characters else encode(part, unit.written))
        start = end
    return "".join(written)
