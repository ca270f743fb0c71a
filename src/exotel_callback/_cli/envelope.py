"""Captured bodies as people keep them: alone, or a line of JSON each, in an envelope if they are of another kind."""

import base64
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any, Final

from ._decode import decode_json
from ._encode import FORM, JSON
from ._errors import DecodeError
from ._options import DEFAULT_LIMITS
from ._raw import RawPayload

# A body of the largest size, every byte of it escaped as JSON does.
LINE_BYTES: Final = 6 * DEFAULT_LIMITS.body_bytes + 4_096

_TOKEN: Final = re.compile("[A-Za-z0-9-]+")

# What counts in bytes only: a text is decoded already, so neither a charset nor a byte order mark matters to it.
_ENCODED: Final = re.compile("(?i:charset)|\ufeff")

_ENVELOPE: Final = frozenset({"content_type", "body", "body_base64", "received_at"})


def guess_content_type(body: bytes | str) -> str | None:
    """Guess as `parse` does, and find the boundary of a multipart body in its first line; None leaves it to `parse`."""
    start = body[:1]
    if start in {b"{", "{"}:
        return JSON
    if start.isalpha():
        return FORM
    data = body.encode(errors="replace") if isinstance(body, str) else body
    found = re.match(rb"\s*--([\x00-\x7f]*?)(\r\n|$)", data)
    if not found:
        return None
    boundary = found[1].decode()
    return "multipart/form-data; boundary=" + (boundary if _TOKEN.fullmatch(boundary) else f'"{boundary}"')


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
