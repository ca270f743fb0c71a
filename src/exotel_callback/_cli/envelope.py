"""Captured bodies as people keep them: alone, or a line of JSON each, in an envelope if they are of another kind."""

import base64
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any, Final

from .._encode import JSON
from .._errors import DecodeError
from .._options import DEFAULT_LIMITS
from .._wire.decode import guess_content_type
from .._wire.from_json import decode_json
from .._wire.payload import RawPayload

# A body of the largest size, every byte of it escaped as JSON does.
LINE_BYTES: Final = 6 * DEFAULT_LIMITS.body_bytes + 4_096

# What counts in bytes only: a text is decoded already, so neither a charset nor a byte order mark matters to it.
_ENCODED: Final = re.compile("(?i:charset)|\ufeff")

_ENVELOPE: Final = frozenset({"content_type", "body", "body_base64", "received_at"})


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file. No more of one is kept than tells that it is too long."""
    while line := file.readline(LINE_BYTES + 1):
        ending = line
        while len(ending) > LINE_BYTES and not ending.endswith(b"\n"):  # skip the rest of it
            ending = file.readline(LINE_BYTES + 1)
        yield line


def from_envelope(line: bytes) -> tuple[Any, str | None]:
    """Take a body out of its envelope; a line that is no envelope is a JSON body itself.

    :raises DecodeError: The line is too long, no JSON, or an envelope without a body.
    """
    if len(line) > LINE_BYTES:
        message = f"the line is longer than {LINE_BYTES} bytes"
        raise DecodeError(message, status_hint=413)
    envelope = decode_json(line.decode("utf-8", "replace").removeprefix("\ufeff"))
    if not isinstance(envelope, RawPayload) or "CallSid" in envelope or _ENVELOPE.isdisjoint(envelope):
        return line, JSON
    content_type = envelope.get("content_type")
    body = envelope.get("body")
    if isinstance(encoded := envelope.get("body_base64"), str):
        try:
            body = base64.b64decode(encoded, validate=True)
        except ValueError:
            body = None
    if not isinstance(body, str | bytes) or not isinstance(content_type, str | None):
        message = "an envelope needs a body (text) or body_base64, and its content_type is text"
        raise DecodeError(message)
    if isinstance(body, str) and not _ENCODED.search(f"{content_type}{body}"):
        with suppress(UnicodeEncodeError):  # half a surrogate pair
            body = body.encode()  # which is read faster, and to the same value
    return body, content_type or guess_content_type(body)
