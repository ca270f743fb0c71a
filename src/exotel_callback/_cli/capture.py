"""Record captured requests: append them to an archive, and remember what they say about each call."""

import base64
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import attrs
import click

from .._errors import CallbackError
from .._parse.any_event import parse_any
from .envelope import LINE_BYTES, Envelope, fields_of_envelope
from .requests import Request
from .view import Event, Located, in_brief, number_of_requests, outcome_of

# The size of the events that are remembered for the summary, and what an event without a body counts.
_MEMORY_BYTES: Final = 8_388_608
_EVENT_BYTES: Final = 2_048


def archive_line(request: Request, received_at: datetime) -> bytes:
    """Return the line of an archive that holds a request. The other commands read a line of this length."""
    envelope = Envelope(request.body, request.content_type, received_at.isoformat(), request.method, request.target)
    line = json.dumps(fields_of_envelope(envelope))
    if len(line) >= LINE_BYTES:  # JSON writes up to six characters for a byte, and base64 writes 1.4.
        encoded = base64.b64encode(request.body).decode()
        line = json.dumps({**fields_of_envelope(envelope._replace(body=b"")), "body_base64": encoded})
    return line.encode() + b"\n"


class ArchiveWriter:
    """An archive that is open to append requests. Each one is on the disk when `append` returns."""

    def __init__(self, path: Path) -> None:
        """Open the archive, and end a last line that is incomplete.

        :raises OSError: The file can't be written.
        """
        self._path = path
        # It contains personal data, so a new file is only for its owner.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._file = os.open(path, flags, 0o600)
        # Whether a part of a line may be at the end, because writing the rest failed.
        self._is_torn = False
        self._is_file = path.is_file()  # Otherwise it is a pipe or a device, which can't be synchronized.
        if self._is_file and not self._ends_with_a_line():
            self._write(b"\n")
            click.echo(f"Note: the last line of {path} was incomplete; the next request is on a new line", err=True)

    def _ends_with_a_line(self) -> bool:
        size = os.lseek(self._file, 0, os.SEEK_END)
        if not size:
            return True
        os.lseek(self._file, -1, os.SEEK_END)
        return os.read(self._file, 1) == b"\n"

    def append(self, request: Request, received_at: datetime) -> None:
        """Append a request.

        :raises OSError: The disk is full, or the file can't be written.
        """
        try:
            self._write(b"\n" * self._is_torn + archive_line(request, received_at))
            self._is_torn = False
        except OSError as error:
            self._is_torn = True
            raise OSError(error.errno, error.strerror, str(self._path)) from None

    def _write(self, data: bytes) -> None:
        # One call writes the line, so that the lines of two processes don't mix.
        while data:
            data = data[os.write(self._file, data) :]
        if self._is_file:
            os.fsync(self._file)

    def close(self) -> None:
        """Close the archive."""
        os.close(self._file)


def read_captured(request: Request) -> Event | CallbackError:
    """Read a request as the event that it is. A request without a body is read by its query string."""
    try:
        return parse_any(request.query) if request.is_query else parse_any(request.body, request.content_type)
    except CallbackError as error:
        return error


@attrs.define
class Summary:
    """The requests until now, and the events of each call. It forgets the oldest calls when the events are large."""

    answers: dict[int, int] = attrs.Factory(dict[int, int])
    """The number of requests by the status of the answer."""
    unreadable: int = 0
    """The number of requests that aren't an event."""
    forgotten: int = 0
    """The number of calls that were forgotten."""
    _calls: dict[str, "_CallSummary"] = attrs.Factory(dict[str, "_CallSummary"])
    _bytes: int = 0

    def add_answer(self, status: int) -> None:
        """Count an answer."""
        self.answers[status] = self.answers.get(status, 0) + 1

    def add_event(self, event: Event, size: int) -> None:
        """Remember an event whose request had this size."""
        call = self._calls.setdefault(event.call_sid, _CallSummary())
        call.requests += 1
        if event not in call.events:
            call.events[event] = None
            call.size += size + _EVENT_BYTES
            self._bytes += size + _EVENT_BYTES
        while self._bytes > _MEMORY_BYTES:
            oldest = next(iter(self._calls))
            self._bytes -= self._calls.pop(oldest).size
            self.forgotten += 1

    def lines(self) -> Iterator[str]:
        """Yield the lines of the summary: the number of requests, and the outcome of each call."""
        total = sum(self.answers.values())
        answers = ", ".join(f"{count} answered with {status}" for status, count in sorted(self.answers.items()))
        yield number_of_requests(total) + (f": {answers}" if answers else "")
        if self.unreadable:
            yield f"{self.unreadable} of them could not be read"
        for call_sid, call in self._calls.items():
            outcome = outcome_of([Located("", event) for event in call.events])
            shown = outcome.value if outcome else "only popups"
            yield f"{call_sid}: {shown} ({number_of_requests(call.requests)})"
        if self.forgotten:
            yield f"{self.forgotten} earlier calls are not listed; run explain on the archive to see them"


@attrs.define
class _CallSummary:
    requests: int = 0
    size: int = 0
    events: dict[Event, None] = attrs.Factory(dict[Event, None])


def line_about(event: Event | CallbackError) -> str:
    """Return an event in one line, without personal data."""
    if isinstance(event, CallbackError):
        return f"not read: {event}"
    return in_brief(event) + (f", issues: {len(event.issues)}" if event.issues else "")
