"""Read captured bodies as users store them: one per line, as JSON or in an envelope, or one after the other."""

import base64
import io
import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from typing import IO, Any, Final, NamedTuple, cast

import click

from .._encode import FORM, JSON
from .._errors import DecodeError
from .._options import DEFAULT_LIMITS
from .._wire.decode import guess_content_type
from .._wire.from_json import decode_json
from .._wire.payload import RawPayload, unfrozen_items
from ..adapters._shared import READS_QUERY

CAPTURED_FILE: Final = click.Path(exists=True, dir_okay=False, allow_dash=True)

# The length of a line whose body has the maximum size, if JSON escapes each of its bytes.
LINE_BYTES: Final = 6 * DEFAULT_LIMITS.body_bytes + 4_096

# The first bytes of a gzip-compressed file.
GZIP_START: Final = b"\x1f\x8b"

_ENVELOPE: Final = frozenset({"content_type", "body", "body_base64", "received_at"})

# The beginning of a body after another one, and the delimiter with which a multipart body begins.
_NEXT_BODY: Final = re.compile(rb"\s+(?=\{|--|(?:\S*&|(?:(?:https?:)?/\S*)?\?)?CallSid=)")
_DELIMITER: Final = re.compile(rb"\s*(--[^\r\n]+)\r?\n")


def bodies_in(data: bytes) -> list[bytes]:
    """Split bodies that follow each other, each on new lines. Unrecognized lines stay in the body before them."""
    text = data.decode("latin-1")  # One character for each byte.
    bodies: list[bytes] = []
    start = 0
    while (end := _end_of_body(data, text, start)) and (found := _NEXT_BODY.match(data, end)):
        bodies.append(data[start : found.start()])
        start = found.end()
    return [*bodies, data[start:]]


def _end_of_body(data: bytes, text: str, start: int) -> int | None:
    """Return the end of the body at `start`: the last line of multipart, the end of an object, or the end of a line."""
    if delimiter := _DELIMITER.match(data, start):
        end = data.find(delimiter[1] + b"--", delimiter.end())
        return None if end < 0 else end + len(delimiter[1]) + 2
    if text.startswith("{", start):
        try:
            return _ANY_JSON.raw_decode(text, start)[1]
        except (ValueError, RecursionError):
            return None
    end = data.find(b"\n", start)
    return None if end < 0 else end


_ANY_JSON: Final = json.JSONDecoder()


class Envelope(NamedTuple):
    """A captured body, and the fields of its envelope, without any conversion."""

    body: bytes | str
    """The body, or the query string of a GET or HEAD request without a body."""
    content_type: str | None
    received_at: object = None
    method: object = None
    path: object = None
    """The path and the query string of the request."""

    @property
    def likely_type(self) -> str | None:
        """The content type of the body, or else a guess."""
        return self.content_type or guess_content_type(self.body)


def open_input(name: str) -> AbstractContextManager[IO[bytes]]:
    """Open a captured file. The name ``-`` is standard input. If that is a terminal, say what to do.

    :raises click.ClickException: Standard input is closed.
    """
    if name == "-" and cast("object", sys.stdin) is None:
        raise click.ClickException("standard input is closed; pass the name of a file")
    if name == "-" and sys.stdin.isatty():
        click.echo("reading standard input; paste a body, then press Ctrl-D; or pass a FILE", err=True)
    return cast("AbstractContextManager[IO[bytes]]", click.open_file(name, "rb"))


class Resumed(io.RawIOBase):
    """A file whose first bytes were read to recognize its format."""

    def __init__(self, start: bytes, file: IO[bytes]) -> None:
        self._start = start
        self._file = cast("io.BufferedReader", file)

    def readable(self) -> bool:
        """Return True, which `io.BufferedReader` asks for."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the first bytes again, and then the rest of the file."""
        view = memoryview(buffer)
        found = self._start[: len(view)] or self._file.read1(len(view))
        self._start = self._start[len(found) :]
        view[: len(found)] = found
        return len(found)


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file. A line that is too long is cut, so that it doesn't fill the memory."""
    while line := file.readline(LINE_BYTES + 1):
        ending = line
        while len(ending) > LINE_BYTES and not ending.endswith(b"\n"):
            ending = file.readline(LINE_BYTES + 1)
        yield line


def is_blank(line: bytes) -> bool:
    """Return whether a line of `lines_of` holds nothing. The rest of a line that was cut isn't known."""
    return len(line) <= LINE_BYTES and line.isspace()


def envelopes_in(file: IO[bytes]) -> Iterator[tuple[int, Envelope | DecodeError]]:
    """Yield the number of each line that isn't blank, counted from 1, and its envelope or the error for the line."""
    for number, line in enumerate(lines_of(file), 1):
        if is_blank(line):
            continue
        try:
            yield number, open_envelope(line.rstrip(b"\r\n"))
        except DecodeError as error:
            yield number, error


def is_envelope(fields: Mapping[str, object]) -> bool:
    """Return whether a JSON object is an envelope. Otherwise it is a body."""
    return "CallSid" not in fields and not _ENVELOPE.isdisjoint(fields)


def open_envelope(line: bytes) -> Envelope:
    """Return the envelope in a line. A line that isn't an envelope is returned as a JSON body.

    :raises DecodeError: The line is too long, isn't JSON, or is an envelope without a body.
    """
    if len(line) > LINE_BYTES:
        raise DecodeError(f"the line is longer than {LINE_BYTES} bytes", status_hint=413)
    decoded = decode_json(line.decode("utf-8", "replace").removeprefix("\ufeff"))
    envelope = unfrozen_items(decoded) if isinstance(decoded, RawPayload) else {}
    if not is_envelope(envelope):
        return Envelope(line, JSON)
    content_type, body, encoded = envelope.get("content_type"), envelope.get("body"), envelope.get("body_base64")
    method, path = envelope.get("method"), envelope.get("path")
    if isinstance(encoded, str):
        try:
            body = base64.b64decode(encoded, validate=True)
        except ValueError:
            body = None
    if not isinstance(body, str | bytes) or not isinstance(content_type, str | None):
        raise DecodeError("an envelope needs body (a string) or body_base64, and its content_type must be a string")
    if isinstance(body, str) and not (depends_on_bytes(body) or (content_type and depends_on_bytes(content_type))):
        with suppress(UnicodeEncodeError):  # The body has a lone surrogate.
            body = body.encode()  # `parse` reads bytes faster than a string, with an equal result.
    if not body and method in READS_QUERY and isinstance(path, str):
        body, content_type = path.partition("?")[2], FORM
    return Envelope(body, content_type, envelope.get("received_at"), method, path)


def fields_of_envelope(envelope: Envelope) -> dict[str, Any]:
    """Return an envelope as an object that JSON can hold, and that `open_envelope` reads as the same envelope."""
    body, content_type, received_at, method, path = envelope
    fields: dict[str, Any] = {}
    if isinstance(method, str):
        fields["method"] = method
    if isinstance(path, str):
        fields["path"] = path
    if isinstance(content_type, str):  # A Parquet file can have another type.
        fields["content_type"] = content_type
    if isinstance(received_at, str | int) or (isinstance(received_at, float) and math.isfinite(received_at)):
        fields["received_at"] = received_at
    text = text_of(body) if isinstance(body, bytes) else body  # The body of a null row is None.
    if isinstance(body, bytes) and (text is None or depends_on_bytes(f"{content_type}{text}")):
        return {**fields, "body_base64": base64.b64encode(body).decode()}
    return {**fields, "body": text}


def text_of(body: bytes) -> str | None:
    """Return a body as a string, or None if it isn't UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def depends_on_bytes(text: str) -> bool:
    """Return whether a string can mean something else as bytes, because it names a charset or has a byte order mark.

    A string is already decoded. As bytes it would be decoded again.
    """
    return "charset" in text.lower() or (not text.isascii() and "\ufeff" in text)
