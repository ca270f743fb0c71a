"""Test that ``explain`` reads the tables that ``convert`` writes."""

import io
import json

from command import convert, envelope, run
from exotel_callback import parse, parse_passthru
from exotel_callback._cli.sources import read_source
from helpers import PAGE

JSON_BODY = json.dumps(PAGE).encode()


def test_rows_of_convert(tmp_path):
    """A row of a table isn't read, or its body isn't tried with the other functions."""
    archive, events, calls = (tmp_path / name for name in ("in.ndjson", "events.ndjson", "calls.ndjson"))
    issues = json.dumps({**PAGE, "Status": "on-hold", "New": "x"}).encode()
    archive.write_bytes(
        b"\n".join([envelope(JSON_BODY, None), envelope(issues, None), b'{"body": "CallSid=a&CallType=busy"}', b"{}"])
    )
    convert(archive, events, "--calls", calls)
    row, with_issues, passthru, unreadable = read_source(io.BytesIO(events.read_bytes()))
    assert [event.event_key for event in row.events] == [parse(PAGE).event_key]
    assert with_issues.events[0].issues == parse(issues).issues
    assert passthru.events == [parse_passthru("CallSid=a&CallType=busy")]
    assert (unreadable.events, unreadable.place) == ([], "line 4")
    assert unreadable.problems[0].startswith("MissingFieldError: missing @ CallSid")
    assert run("explain", events)[1].partition("\n")[0] == "Found 4 rows of convert."
    (call,) = read_source(io.BytesIO(calls.read_bytes()))
    assert call.events[0].outcome == "connected"
    lost = {**json.loads(events.read_bytes().splitlines()[3]), "body": None}
    assert next(read_source(io.BytesIO(json.dumps(lost).encode()))).problems == [
        "DecodeError: the row has an error and no body"
    ]
