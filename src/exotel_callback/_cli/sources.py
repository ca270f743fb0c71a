"""Recognize captured input by its content, and read the events in it, without printing anything.

A source is split into pieces first: the lines of an archive, the items of a JSON list, HTTP requests or bodies that
follow each other. The first row of `_OBJECT_FORMATS` that matches reads a JSON object, and any other piece is a body.

Facts
-----
- n8n shows a webhook as an item with ``headers``, ``params``, ``query`` and ``body``. Pinned data and exported
  executions have the item under ``json``.
  Source: https://docs.n8n.io/integrations/builtin/core-nodes/n8n-nodes-base.webhook/.
- A tool that stores a chunked request may have decoded the chunks but kept the header.
"""

import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import IO, Any, Final, NamedTuple, cast

import attrs

from .._encode import FORM
from .._errors import CallbackError, DecodeError, IssueCode
from .._model.call import Call
from .._parse.any_event import parse_any
from .._parse.call_details import LIST_LIMITS, XML, CallList, parse_call_details, parse_call_list
from .._parse.diagnose import decode_for, identify
from .._serialize import LOADERS
from .._wire.decode import guess_content_type
from ..adapters.aws_lambda import parse_event
from .envelope import GZIP_START, Resumed, bodies_in, is_blank, is_envelope, lines_of, open_envelope
from .view import Event

# The functions that `OtherEvent.reader` names for an answer of the API. `parse_any` reads every other body.
_BODY_READERS: Final[Mapping[str | None, Callable[[Any, str | None], Event | CallList]]] = {
    "parse_call_details": parse_call_details,
    "parse_call_list": parse_call_list,
}

# The bytes of a source that are in memory at once, unless it is an archive of lines.
MAX_SOURCE_BYTES: Final = LIST_LIMITS.body_bytes

# The lines in which an archive is recognized. The first one can be torn.
_FIRST_LINES: Final = 5
_BLOCK_BYTES: Final = 65_536
_BOM: Final = b"\xef\xbb\xbf"

_START_OF_REQUEST: Final = re.compile(rb"\s*(GET|HEAD|POST|PUT) (\S+) HTTP/[0-9.]{1,3}[ \t]*(?:\r?\n|\Z)")
_NEXT_REQUEST: Final = re.compile(rb"\n(?=(?:GET|HEAD|POST|PUT) \S+ HTTP/[0-9.]{1,3}[ \t]*\r?\n)")
_EMPTY_LINE: Final = re.compile(rb"\n\r?\n|\Z")
_CHUNK_START: Final = re.compile(rb"(?:\r?\n)?([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\n]*)?(?:\r?\n|\Z)")
_LENGTH_DIGITS: Final = re.compile("[0-9]{1,9}")

Read = tuple[Sequence[Event], Sequence[str]]
"""Events, and messages about what can't be read."""


class Kind(NamedTuple):
    """The name of a kind of piece, for a sentence."""

    one: str
    many: str
    """With ``{}`` for their number."""


class Found(NamedTuple):
    """The content of one piece of a source."""

    kind: Kind | None
    """None for a problem of the whole source."""
    place: str
    """Where the piece is in the source. Empty if the source has no other pieces."""
    events: Sequence[Event]
    problems: Sequence[str]


class Format(NamedTuple):
    """A kind of JSON object, how to recognize it, and how to read it."""

    kind: Kind
    matches: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any], bytes], Read]
    """It gets the decoded object and its JSON."""


BODY: Final = Kind("a body", "{} bodies")
ENVELOPE: Final = Kind("an archive of 1 request", "an archive of {} requests")
_GATEWAY_EVENT: Final = Kind("an API Gateway event", "{} API Gateway events")
_N8N_ITEM: Final = Kind("an n8n item", "{} n8n items")
_HTTP_REQUEST: Final = Kind("a raw HTTP request", "{} raw HTTP requests")


def events_in(body: Any, content_type: str | None) -> Read:
    """Read a body with the function for its kind of event. Return its events, and the messages of invalid events.

    :param body: A body, or the fields that were decoded from one.
    """
    try:
        raw = decode_for("parse", body, content_type, LIST_LIMITS, if_xml=XML)
    except DecodeError:
        with suppress(CallbackError):  # A form can begin like XML.
            return [parse_any(body, content_type)], []
        raise
    other = identify(raw)
    misread_by = other.misread_by if other else ()
    # `parse` reads such a payload, even with names of other events, which account-level webhooks add.
    if "Status" in raw and ("CallSid" in raw or ("Sid" in raw and "parse" not in misread_by)):
        other = None
    result = _BODY_READERS.get(other and other.reader, parse_any)(body, content_type)
    if isinstance(result, CallList):
        return result.calls, [issue.message for issue in result.errors]
    return [result], []


def read_source(file: IO[bytes], content_type: str | None = None) -> Iterator[Found]:
    """Yield the pieces of a source, which can be gzip-compressed. No content raises an exception.

    :param content_type: The source is one body of this type. If you omit it, the content decides.
    """
    damage = ""
    start = file.read(MAX_SOURCE_BYTES + 1)
    if start.startswith(GZIP_START):
        file = cast("IO[bytes]", gzip.GzipFile(fileobj=io.BufferedReader(Resumed(start, file))))
        start, damage = _readable_start(file)
    if content_type:
        yield _found(BODY, "", lambda: events_in(start, content_type))
        return
    is_archive = _is_archive(start)
    try:
        for place, piece in _archive_pieces(start, file) if is_archive else _other_pieces(start):
            yield _read_piece(place, piece)
    except _CORRUPT as error:
        damage = _message_of(error)
    if damage:
        yield Found(None, "", [], [f"the gzip data is corrupt, and was read up to the damage: {damage}"])
    elif len(start) > MAX_SOURCE_BYTES and not is_archive:
        yield Found(None, "", [], [f"only the first {MAX_SOURCE_BYTES} bytes were read; split the file"])


_CORRUPT: Final = (EOFError, zlib.error, gzip.BadGzipFile)


def _readable_start(file: IO[bytes]) -> tuple[bytes, str]:
    """Return the first bytes of compressed data, up to the damage, and the message about the damage."""
    start = b""
    try:
        while missing := MAX_SOURCE_BYTES + 1 - len(start):
            block = cast("io.BufferedReader", file).read1(min(missing, _BLOCK_BYTES))
            if not block:
                break
            start += block
    except _CORRUPT as error:
        return start, _message_of(error)
    return start, ""


def _message_of(error: Exception) -> str:
    """Return the message without the checksums, because one of them is a part of the file."""
    return str(error).partition(" 0x")[0]


def _is_archive(start: bytes) -> bool:
    """Return whether each line of a source is a piece: a line has a known format, or a large source has JSON lines."""
    lines = islice(filter(bytes.strip, start.removeprefix(_BOM).splitlines()), _FIRST_LINES)
    objects = [fields for fields in map(_object_in, lines) if fields is not None]
    return any(_format_of(fields) for fields in objects) or (len(start) > MAX_SOURCE_BYTES and bool(objects))


def _archive_pieces(start: bytes, file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    lines = lines_of(cast("IO[bytes]", io.BufferedReader(Resumed(start, file))))
    for number, line in enumerate(lines, 1):
        if not is_blank(line):
            yield f"line {number}", line.removeprefix(_BOM)


def _other_pieces(start: bytes) -> Iterator[tuple[str, bytes]]:
    data = start.removeprefix(_BOM)
    pieces = _items_in(data) or _requests_in(data) or bodies_in(data)
    # The last piece of a source that is too large isn't complete. A single one has an error of its own.
    complete = pieces[:-1] if len(start) > MAX_SOURCE_BYTES and len(pieces) > 1 else pieces
    for number, piece in enumerate(complete, 1):
        yield (f"{number} of {len(pieces)}" if len(pieces) > 1 else ""), piece


def _items_in(data: bytes) -> list[bytes]:
    """Return the objects in a JSON list. Empty if the data isn't such a list."""
    if not data.lstrip().startswith(b"["):
        return []
    try:
        items: Any = json.loads(data)
        if all(isinstance(item, dict) for item in items):
            return [json.dumps(item).encode() for item in items]
    except (ValueError, RecursionError):
        pass
    return []


def _object_in(data: bytes) -> dict[str, Any] | None:
    try:
        value: Any = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _format_of(fields: Mapping[str, Any]) -> Format | None:
    return next((row for row in _OBJECT_FORMATS if row.matches(fields)), None)


def _read_piece(place: str, piece: bytes) -> Found:
    if _START_OF_REQUEST.match(piece):
        return _found(_HTTP_REQUEST, place, lambda: _read_request(piece))
    fields = _object_in(piece) or {}
    row = _format_of(fields)
    if row:
        return _found(row.kind, place, lambda: row.read(fields, piece))
    return _found(BODY, place, lambda: events_in(piece, guess_content_type(piece)))


def wrapper_of(piece: bytes) -> Kind | None:
    """Return the kind of a piece that has a body and headers, which only `read_source` separates. Else return None."""
    if _START_OF_REQUEST.match(piece):
        return _HTTP_REQUEST
    # Few pieces contain these names, so that few are decoded.
    fields = (_object_in(piece) or {}) if b'"requestContext"' in piece or b'"headers"' in piece else {}
    if _is_gateway_event(fields):
        return _GATEWAY_EVENT
    has_body = _is_n8n_item(fields) and isinstance(_unwrapped_item(fields).get("body"), str)
    return _N8N_ITEM if has_body else None


def _found(kind: Kind, place: str, read: Callable[[], Read]) -> Found:
    try:
        return Found(kind, place, *read())
    except CallbackError as error:
        return Found(kind, place, [], [_describe(error)])


def _describe(error: CallbackError) -> str:
    """Return the message for a piece that can't be read."""
    missing = [issue.path for issue in error.issues if issue.code is IssueCode.MISSING]
    if len(missing) > 1 and not error.advice:
        return f"this doesn't look like a StatusCallback: it has no {' and no '.join(missing)}"
    return f"{type(error).__name__}: {error}"


def _read_envelope(_: Mapping[str, Any], data: bytes) -> Read:
    envelope = open_envelope(data)
    return events_in(envelope.body, envelope.likely_type)


def _is_row(fields: Mapping[str, Any]) -> bool:
    return {"call_sid", "outcome", "legs"} <= fields.keys() and "schema" not in fields


def _read_row(fields: Mapping[str, Any], _: bytes) -> Read:
    """Read a row of `convert`. The body of a row with an error is read again, because it can be another event."""
    if fields.get("error") is None:
        return _load("status_callback", {**fields, "schema": 1, "type": "status_callback"})
    body = {name: fields[name] for name in ("body", "body_base64") if fields.get(name) is not None}
    if not body:
        raise DecodeError("the row has an error and no body")
    return _read_envelope(body, json.dumps(body).encode())


def _is_dump(fields: Mapping[str, Any]) -> bool:
    kind = fields.get("type")
    return "schema" in fields and isinstance(kind, str) and kind in LOADERS


def _read_dump(fields: Mapping[str, Any], _: bytes) -> Read:
    return _load(fields["type"], fields)


def _load(kind: str, fields: Mapping[str, Any]) -> Read:
    """Load the fields of a dump, without the values that derive from them."""
    cls, loader = LOADERS[kind]
    names = {"schema", "type", *(field.alias for field in attrs.fields(cls))}
    loaded = loader({name: value for name, value in fields.items() if name in names and value is not None})
    return (loaded.events if isinstance(loaded, Call) else [loaded]), []


def _is_gateway_event(fields: Mapping[str, Any]) -> bool:
    return isinstance(fields.get("requestContext"), dict) and "CallSid" not in fields


def _read_gateway_event(fields: Mapping[str, Any], _: bytes) -> Read:
    return [parse_event(fields, reader=parse_any)], []


def _is_n8n_item(fields: Mapping[str, Any]) -> bool:
    item = _unwrapped_item(fields)
    return isinstance(item.get("headers"), dict) and ("body" in item or "query" in item)


def _unwrapped_item(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = fields.get("json")
    return cast("dict[str, Any]", inner) if isinstance(inner, dict) else fields


def _read_n8n_item(fields: Mapping[str, Any], _: bytes) -> Read:
    item = _unwrapped_item(fields)
    body, headers = item.get("body") or item.get("query"), item["headers"]
    if isinstance(body, str):
        declared = headers.get("content-type")
        return events_in(body, declared if isinstance(declared, str) else guess_content_type(body))
    return events_in(body, None)  # n8n has decoded the body.


# The formats of JSON objects. A format is above those that have some of its names.
_OBJECT_FORMATS: Final = (
    Format(Kind("a line of parse", "{} lines of parse"), _is_dump, _read_dump),
    Format(Kind("a row of convert", "{} rows of convert"), _is_row, _read_row),
    Format(_GATEWAY_EVENT, _is_gateway_event, _read_gateway_event),
    Format(_N8N_ITEM, _is_n8n_item, _read_n8n_item),
    Format(ENVELOPE, is_envelope, _read_envelope),
)


def _requests_in(data: bytes) -> list[bytes]:
    """Return the HTTP requests that follow each other. Empty if the data doesn't begin with one."""
    requests: list[bytes] = []
    start = 0
    while _START_OF_REQUEST.match(data, start):
        end = _request_at(data, start).end
        requests.append(data[start:end])
        start = end
    return requests


class _Request(NamedTuple):
    method: bytes
    target: bytes
    content_type: str | None
    body: bytes
    end: int


def _read_request(data: bytes) -> Read:
    request = _request_at(data, 0)
    if request.method in {b"GET", b"HEAD"} and not request.body.strip():
        return events_in(request.target.partition(b"?")[2], FORM)
    return events_in(request.body, request.content_type or guess_content_type(request.body))


def _request_at(data: bytes, start: int) -> _Request:
    """Parse the request at a position. It begins with a line that `_START_OF_REQUEST` matches."""
    first = cast("re.Match[bytes]", _START_OF_REQUEST.match(data, start))
    # The request line ends with the line end before the first header, or with the data.
    head_end = cast("re.Match[bytes]", _EMPTY_LINE.search(data, max(first.end() - 1, start)))
    headers: dict[str, str] = {}
    for line in data[first.end() : head_end.start()].decode("latin-1").splitlines():
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    body, end = _body_at(data, head_end.end(), headers)
    return _Request(first[1], first[2], headers.get("content-type"), body, end)


def _body_at(data: bytes, start: int, headers: Mapping[str, str]) -> tuple[bytes, int]:
    """Return the body at a position, and its end."""
    if "chunked" in headers.get("transfer-encoding", "").lower() and (found := _dechunked(data, start)):
        return found
    length = headers.get("content-length", "")
    if _LENGTH_DIGITS.fullmatch(length):
        end = min(start + int(length), len(data))
        # Copied text has other line ends, so its length can be wrong.
        if not data[end:].strip() or _START_OF_REQUEST.match(data, end):
            return data[start:end], end
    following = _NEXT_REQUEST.search(data, start - 1)
    end = following.end() if following else len(data)
    return data[start:end], end


def _dechunked(data: bytes, start: int) -> tuple[bytes, int] | None:
    """Return the chunked body at a position, and its end, or None if the body isn't chunked."""
    body = bytearray()
    position = start
    while chunk := _CHUNK_START.match(data, position):
        size = int(chunk[1], 16)
        body += data[chunk.end() : chunk.end() + size]
        position = min(chunk.end() + size, len(data))
        if not size:
            break
    return (bytes(body), position) if position > start else None
