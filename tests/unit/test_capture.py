"""Test the archive that ``listen`` writes, and its summary."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exotel_callback import CallbackError, Limits, StatusCallback
from exotel_callback._cli import capture
from exotel_callback._cli.capture import ArchiveWriter, Summary, archive_line, line_about, read_captured
from exotel_callback._cli.envelope import LINE_BYTES, open_envelope
from exotel_callback._cli.requests import Request
from exotel_callback.testing import FLOW_SCENARIOS, SCENARIOS

TIME = datetime(2024, 1, 15, 9, 0, 45, tzinfo=UTC)


def request(body=b"CallSid=a&Status=busy", content_type=None, method="POST", target="/exotel"):
    return Request(method, target, content_type, None, body)


@given(st.binary(max_size=300), st.sampled_from([None, "application/json", "text/plain; charset=latin-1", "\xff"]))
def test_a_line_holds_the_request(body, content_type):
    """A body or its content type changes in the archive."""
    line = archive_line(request(body, content_type), TIME)
    envelope = open_envelope(line)
    assert line.count(b"\n") == 1
    assert (envelope.body, envelope.content_type) == (body, content_type)
    assert (envelope.method, envelope.path) == ("POST", "/exotel")
    assert envelope.received_at == "2024-01-15T09:00:45+00:00"


def test_the_longest_line():
    """The line of a body that JSON escapes is too long for the other commands."""
    body = bytes(Limits().body_bytes)
    line = archive_line(request(body, "\xff" * 8_000, target="/" + "x" * 8_000), TIME)
    assert len(line) <= LINE_BYTES
    assert open_envelope(line).body == body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_requests_of_a_flow_are_read(method):
    """A request without a body isn't read by its query string, or its line in the archive is read otherwise."""
    for delivery in FLOW_SCENARIOS["flow-missed"].deliveries():
        got = Request(method, f"/x?{delivery.query}", delivery.content_type, None, delivery.body)
        assert not isinstance(read_captured(got), CallbackError)
        assert open_envelope(archive_line(got, TIME)).body == delivery.query


def test_an_archive_is_continued(tmp_path):
    """A second run overwrites the archive, or a new archive can be read by other users."""
    path = tmp_path / "a.ndjson"
    for _ in range(2):
        writer = ArchiveWriter(path)
        writer.append(request(), TIME)
        writer.close()
    assert path.read_bytes() == archive_line(request(), TIME) * 2
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_incomplete_last_line(tmp_path, capsys):
    """After a run that was killed, the next request is on the same line as a part of another one."""
    path = tmp_path / "a.ndjson"
    path.write_bytes(b'{"body": "a"}\n{"bo')
    writer = ArchiveWriter(path)
    writer.append(request(), TIME)
    writer.close()
    assert path.read_bytes() == b'{"body": "a"}\n{"bo\n' + archive_line(request(), TIME)
    assert "incomplete; the next request is on a new line" in capsys.readouterr().err


def test_a_line_is_written_in_pieces(tmp_path, monkeypatch):
    """A part of a line is lost when the system writes less than requested, or the line isn't on the disk."""
    synced, write = [], os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:7]))
    monkeypatch.setattr(os, "fsync", lambda _: synced.append((tmp_path / "a").read_bytes()))
    writer = ArchiveWriter(tmp_path / "a")
    writer.append(request(), TIME)
    writer.close()
    assert synced == [archive_line(request(), TIME)]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe(tmp_path):
    """A request can't be archived into a named pipe, which another program reads."""
    os.mkfifo(tmp_path / "a")
    writer = ArchiveWriter(tmp_path / "a")
    file = os.open(tmp_path / "a", os.O_RDONLY)
    writer.append(request(), TIME)
    writer.close()
    assert os.read(file, 10_000) == archive_line(request(), TIME)
    os.close(file)


def test_a_line_after_a_torn_one(tmp_path, monkeypatch):
    """A request that is archived right after the disk was full is on the line of another one, so it is lost."""
    write, results = os.write, [5, OSError(28, "No space left on device")]

    def fail_in_the_middle(file, data):
        size = results.pop(0) if results else len(data)
        if isinstance(size, OSError):
            raise size
        return write(file, data[:size])

    monkeypatch.setattr(os, "write", fail_in_the_middle)
    writer = ArchiveWriter(tmp_path / "a")
    with pytest.raises(OSError, match="No space left"):
        writer.append(request(), TIME)
    writer.append(request(), TIME)
    writer.append(request(), TIME)
    writer.close()
    line = archive_line(request(), TIME)
    assert (tmp_path / "a").read_bytes() == line[:5] + b"\n" + line + line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_full_disk():
    """The error of a full disk doesn't name the archive."""
    writer = ArchiveWriter(Path("/dev/full"))
    with pytest.raises(OSError, match="No space left") as caught:
        writer.append(request(), TIME)
    writer.close()
    assert caught.value.filename == "/dev/full"


def summarized(*requests):
    summary = Summary()
    for each in requests:
        summary.add_answer(200)
        event = read_captured(each)
        assert not isinstance(event, CallbackError)
        summary.add_event(event, len(each.body))
    return summary


def test_the_summary():
    """The summary has another outcome than `explain`, or counts a redelivery as a call."""
    callbacks = [request(each.body, each.content_type) for each in SCENARIOS["redelivered"].deliveries()]
    popup = next(iter(FLOW_SCENARIOS["flow-missed"].deliveries()))
    assert popup.query
    summary = summarized(*callbacks, request(b"", method="GET", target=f"/x?{popup.query}"))
    summary.add_answer(401)
    summary.unreadable = 1
    first, second, third, fourth = summary.lines()
    count = len(callbacks)
    assert first == f"{count + 2} requests: {count + 1} answered with 200, 1 answered with 401"
    assert second == "1 of them could not be read"
    assert third.endswith(f": connected ({count} requests)")
    assert fourth.endswith(": only popups (1 request)")


def test_a_summary_of_one_request():
    """The summary calls one request "1 requests"."""
    summary = Summary()
    summary.add_answer(200)
    assert list(summary.lines()) == ["1 request: 1 answered with 200"]


def test_an_empty_summary():
    """A command that got no request prints something else."""
    assert list(Summary().lines()) == ["0 requests"]


def test_the_memory_is_bounded(monkeypatch):
    """Events of very many calls, or of one call, fill the memory."""
    monkeypatch.setattr(capture, "_MEMORY_BYTES", 10_000)
    for calls in (100, 1):
        bodies = [
            json.dumps({"CallSid": f"c{n % calls}", "Status": "busy", "CustomField": str(n)}).encode()
            for n in range(100)
        ]
        summary = summarized(*map(request, bodies))
        shown = list(summary.lines())
        assert len(shown) <= 2 + 10_000 // 2_048
        assert shown[-1].endswith("earlier calls are not listed; run explain on the archive to see them")
        assert summary.answers == {200: 100}


def test_the_summary_of_an_event():
    """A line about a request shows personal data, or hides that there are issues or an error."""
    body = b"CallSid=a&Status=completed&EventType=terminal&From=09876543210&CustomField=order_7&StartTime=x"
    event = read_captured(request(body))
    assert isinstance(event, StatusCallback)
    assert line_about(event) == "StatusCallback (terminal): completed, outcome unknown, issues: 1"
    error = read_captured(request(b"From=09876543210"))
    assert line_about(error) == "not read: missing @ CallSid; missing @ Status"


def test_the_summary_of_values_that_are_not_exotels():
    """A line shows a number that a sender put in place of an event or of a party."""
    body = b"CallSid=a&EventType=09876543210&Stream[DisconnectedBy]=09876543210"
    assert line_about(read_captured(request(body))) == "Passthru (***): -, outcome unknown, ended by ***"
