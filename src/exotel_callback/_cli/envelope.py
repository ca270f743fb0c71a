"""Read captured bodies as users store them: one per line, as JSON or in an envelope."""

import base64
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Final, NamedTuple

import click

from .._encode import JSON
from .._errors import DecodeError
from .._options import DEFAULT_LIMITS
from .._wire.decode import guess_content_type
from .._wire.from_json import decode_json
from .._wire.payload import RawPayload, unfrozen_items

CAPTURED_FILE: Final = click.Path(exists=True, dir_okay=False, allow_dash=True)

# The length of a line whose body has the maximum size, if JSON escapes each of its bytes.
LINE_BYTES: Final = 6 * DEFAULT_LIMITS.body_bytes + 4_096

_ENVELOPE: Final = frozenset({"content_type", "body", "body_base64", "received_at"})


class Envelope(NamedTuple):
    """A captured body with what was stored beside it, as it was received."""

    body: bytes | str
    content_type: str | None
    received_at: object = None


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file. A line that is too long is cut, so that it doesn't fill the memory."""
    while line := file.readline(LINE_BYTES + 1):
        ending = line
        while len(ending) > LINE_BYTES and not ending.endswith(b"\n"):
            ending = file.readline(LINE_BYTES + 1)
        yield line


def from_envelope(line: bytes) -> tuple[bytes | str, str | None]:
    """Return the body in an envelope, and its content type. A line that isn't an envelope is returned as a JSON body.

    :raises DecodeError: The line is too long, isn't JSON, or is an envelope without a body.
    """
    body, content_type, _ = open_envelope(line)
    return body, content_type or guess_content_type(body)


def open_envelope(line: bytes) -> Envelope:
    """Return the envelope in a line. A line that isn't an envelope is returned as a JSON body.

    :raises DecodeError: The line is too long, isn't JSON, or is an envelope without a body.
    """
    if len(line) > LINE_BYTES:
        raise DecodeError(f"the line is longer than {LINE_BYTES} bytes", status_hint=413)
    decoded = decode_json(line.decode("utf-8", "replace").removeprefix("\ufeff"))
    envelope = unfrozen_items(decoded) if isinstance(decoded, RawPayload) else {}
    if "CallSid" in envelope or _ENVELOPE.isdisjoint(envelope):
        return Envelope(line, JSON)
    content_type, body, encoded = envelope.get("content_type"), envelope.get("body"), envelope.get("body_base64")
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
    return Envelope(body, content_type, envelope.get("received_at"))


def depends_on_bytes(text: str) -> bool:
    """Return whether a string can mean something else as bytes, because it names a charset or has a byte order mark.

    A string is already decoded. As bytes it would be decoded again.
    """
    return "charset" in text.lower() or (not text.isascii() and "\ufeff" in text)
