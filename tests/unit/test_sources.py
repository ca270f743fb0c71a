"""Test how ``explain`` recognizes and reads its input."""

import base64
import gzip
import io
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from command import ARCHIVE, RUNNER, envelope, rows, run
from exotel_callback import dump, merge, parse, parse_passthru, parse_popup
from exotel_callback._cli import cli, explain, sources
from exotel_callback._cli.sources import read_source
from exotel_callback._cli.view import Located, explain_call
from exotel_callback._enums import Outcome
from exotel_callback.testing import FLOW_SCENARIOS, SCENARIOS
from helpers import ENCODERS, FORM, LEAST, PAGE, encode_multipart

JSON_BODY = json.dumps(PAGE).encode()
FORM_BODY = ENCODERS["form"](PAGE)[0]
MULTIPART_BODY, MULTIPART_TYPE = encode_multipart(PAGE)
QUERY = FORM_BODY.decode()
EVENT = parse(PAGE)


def read(data, content_type=None):
    return [*read_source(io.BytesIO(data), content_type)]


def sentence(data):
    """Return how `explain` names what it found."""
    return run("explain", stdin=data)[1].partition("\n")[0]


def http(first, body=b"", *headers, end=b"\r\n"):
    return end.join([first.encode(), *(header.encode() for header in headers), b"", b""]) + body


def chunked(body, size):
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x;name=value\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def gateway_v1(method="POST", **fields):
    return {"httpMethod": method, "requestContext": {}, "headers": {"Content-Type": MULTIPART_TYPE}, **fields}


def gateway_v2(method="POST", **fields):
    return {
        "version": "2.0",
        "requestContext": {"http": {"method": method}},
        "headers": {"content-type": FORM},
        **fields,
    }


N8N = {"headers": {"content-type": FORM}, "params": {}, "query": {}, "body": {}, "webhookUrl": "https://n8n.example/"}
LENGTH = f"Content-Length: {len(JSON_BODY)}"
JSON_TYPE = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
IN_BASE64 = base64.b64encode(MULTIPART_BODY).decode()
POST, GET = "POST /exotel?x=1 HTTP/1.1", f"GET /exotel?{QUERY} HTTP/1.1"

# What is read, and how the output names it.
SOURCES = {
    "JSON": (JSON_BODY, "a body"),
    "BOM": (b"\xef\xbb\xbf" + JSON_BODY, "a body"),
    "multipart": (MULTIPART_BODY, "a body"),
    "envelope": (envelope(MULTIPART_BODY, MULTIPART_TYPE), "an archive of 1 request"),
    "a form that begins like XML": (b"<a>=1&" + FORM_BODY, "a body"),
    "indented envelope": (json.dumps({"body": JSON_BODY.decode()}, indent=2).encode(), "an archive of 1 request"),
    "envelope of a GET": (
        json.dumps({"method": "GET", "path": f"/x?{QUERY}", "body": ""}).encode(),
        "an archive of 1 request",
    ),
    "list of envelopes": (b"[" + envelope(JSON_BODY, None) + b"]", "an archive of 1 request"),
    "line of parse": (json.dumps(dump(EVENT)).encode(), "a line of parse"),
    "line of parse with more": (
        json.dumps({**dump(EVENT), "outcome": "connected", "is_terminal": True, "event_key": "v1:0"}).encode(),
        "a line of parse",
    ),
    "call": (json.dumps(dump(merge(EVENT))).encode(), "a line of parse"),
    "n8n": (json.dumps([{**N8N, "body": PAGE}]).encode(), "an n8n item"),
    "one n8n item": (json.dumps({**N8N, "body": PAGE}, indent=2).encode(), "an n8n item"),
    "n8n pinned": (json.dumps([{"json": {**N8N, "body": PAGE}, "pairedItem": {"item": 0}}]).encode(), "an n8n item"),
    "n8n query": (json.dumps({**N8N, "query": PAGE}).encode(), "an n8n item"),
    "n8n without a query": (json.dumps({"headers": {}, "body": PAGE}).encode(), "an n8n item"),
    "n8n string": (json.dumps({**N8N, "body": QUERY}).encode(), "an n8n item"),
    "n8n without a type": (json.dumps({**N8N, "headers": {}, "body": QUERY}).encode(), "an n8n item"),
    "gateway 1": (json.dumps(gateway_v1(body=IN_BASE64, isBase64Encoded=True)).encode(), "an API Gateway event"),
    "gateway 2": (json.dumps(gateway_v2(body=QUERY), indent=1).encode(), "an API Gateway event"),
    "gateway GET": (json.dumps(gateway_v2("GET", rawQueryString=QUERY)).encode(), "an API Gateway event"),
    "POST": (http(POST, JSON_BODY, "Host: a", JSON_TYPE, LENGTH), "a raw HTTP request"),
    "POST without headers": (http(POST, JSON_BODY), "a raw HTTP request"),
    "multipart POST": (http(POST, MULTIPART_BODY, f"content-type:{MULTIPART_TYPE}"), "a raw HTTP request"),
    "POST with other line ends": (
        http(POST, JSON_BODY + b"\n", JSON_TYPE, f"Content-Length: {len(JSON_BODY) - 5}", end=b"\n"),
        "a raw HTTP request",
    ),
    "chunked": (http(POST, chunked(JSON_BODY, 7), JSON_TYPE, CHUNKED), "a raw HTTP request"),
    "decoded chunks": (http(POST, JSON_BODY, JSON_TYPE, CHUNKED), "a raw HTTP request"),
    "GET": (http(GET, b"", "Host: a"), "a raw HTTP request"),
    "HEAD": (http(GET.replace("GET", "HEAD"), b"", "Host: a"), "a raw HTTP request"),
    "GET of HTTP/2": (GET.replace("1.1", "2").encode(), "a raw HTTP request"),
    "gzip": (gzip.compress(envelope(JSON_BODY, None)), "an archive of 1 request"),
    "gzip of a body": (gzip.compress(JSON_BODY), "a body"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_source(name):
    """A source isn't recognized, or its event is misread."""
    data, what = SOURCES[name]
    (found,) = read(data)
    assert found.problems == []
    assert [event.event_key for event in found.events] == [EVENT.event_key]
    assert found.kind.one == what
    if what != "a body":
        assert sentence(data) == f"Found {what}."


def test_names_of_other_events():
    """An unknown field makes a command read a callback as something else than `parse` does."""
    (found,) = read(json.dumps({"Sid": "a", "Status": "busy", "Calls": ""}).encode())
    assert [event.call_sid for event in found.events] == ["a"]
    (found,) = read(json.dumps({"Sid": "a", "Status": "busy", "Leg1Status": "busy"}).encode())
    assert [len(event.legs) for event in found.events] == [1]
    (found,) = read(json.dumps({**LEAST, "headers": {}}).encode())
    assert [event.call_sid for event in found.events] == [LEAST["CallSid"]]


def test_dumps_of_other_events():
    """A dump of a Passthru request or of a popup isn't read."""
    request = parse_passthru("CallSid=a&CallType=completed")
    popup = parse_popup("CallSid=a&DialWhomNumber=0&EventType=Dial&Status=busy")
    lines = b"\n".join(json.dumps(dump(event)).encode() for event in (request, popup, EVENT))
    keys = [event.event_key for found in read(lines) for event in found.events]
    assert keys == [request.event_key, popup.event_key, EVENT.event_key]
    assert sentence(lines) == "Found 3 lines of parse."
    broken = json.dumps({**dump(EVENT), "status": 5}).encode()
    assert read(broken)[0].problems == ["DecodeError: invalid value @ $.status"]


def test_requests_that_follow_each_other():
    """A request after another one is ignored, or is taken for a part of the body before it."""
    found = read(
        http(POST, JSON_BODY, JSON_TYPE, LENGTH)
        + http(POST, chunked(MULTIPART_BODY, 100), f"Content-Type: {MULTIPART_TYPE}", CHUNKED)
        + http(POST, FORM_BODY + b"\r\n", "Content-Length: 5")
        + http(GET)
        + http(POST, JSON_BODY)
    )
    assert [[event.event_key for event in each.events] for each in found] == [[EVENT.event_key]] * 5
    assert [each.place for each in found] == [f"{number} of 5" for number in range(1, 6)]


def test_pieces_of_different_kinds():
    """One file with different kinds of pieces is read in part."""
    parts = [FORM_BODY, envelope(JSON_BODY, None), json.dumps({**N8N, "body": PAGE}).encode(), b"nope", JSON_BODY]
    found = read(b"\n".join(parts))
    assert [len(each.events) for each in found] == [1, 1, 1, 0, 1]
    assert [each.place for each in found if each.problems] == ["line 4"]
    assert sentence(b"\n".join(parts)) == "Found 3 bodies and an archive of 1 request and an n8n item."


@pytest.mark.parametrize("name", [*SCENARIOS, *FLOW_SCENARIOS])
@pytest.mark.parametrize("encoding", ["multipart", "json", "form"])
def test_the_output_of_sample(name, encoding):
    """``explain`` ignores requests that ``sample`` printed after the first one."""
    deliveries = [*{**SCENARIOS, **FLOW_SCENARIOS}[name].deliveries()]
    assert sum(len(each.events) for each in read(run("sample", name, "--as", encoding)[1].encode())) == len(deliveries)


def test_a_torn_archive():
    """A torn line of an archive makes the other lines unreadable."""
    line = envelope(JSON_BODY, None)
    found = read(b"\n".join([line[9:], line, b"", line[:-9], line]))
    assert [(each.place, len(each.events)) for each in found] == [
        ("line 1", 0),
        ("line 2", 1),
        ("line 4", 0),
        ("line 5", 1),
    ]


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("line", [envelope(JSON_BODY, None), JSON_BODY], ids=["envelopes", "bodies"])
def test_an_archive_that_is_larger_than_a_body(line, compress):
    """A large archive is cut."""
    number = sources.MAX_SOURCE_BYTES // len(line) + 2
    found = read(compress((line + b"\n") * number))
    assert [(each.place, len(each.events)) for each in found] == [(f"line {n + 1}", 1) for n in range(number)]


def test_a_source_that_is_too_large():
    """The rest of a source is ignored without a message, or the last body is read although it isn't complete."""
    body = json.dumps(PAGE, indent=1).encode()
    *found, problem = read((body + b"\n") * (sources.MAX_SOURCE_BYTES // len(body) + 2))
    assert [each.problems for each in found if not each.events] == []
    assert problem.problems == ["only the first 1048576 bytes were read; split the file"]


def test_a_wrong_checksum():
    """The message quotes bytes of the file."""
    data = gzip.compress(JSON_BODY)
    problem = read(data[:-8] + b"3333" + data[-4:])[-1]
    assert problem.problems == ["the gzip data is corrupt, and was read up to the damage: CRC check failed"]


def test_a_source_of_the_maximum_size(monkeypatch):
    """The last body is ignored, although it is complete."""
    data = (JSON_BODY + b"\n") * 2
    monkeypatch.setattr(sources, "MAX_SOURCE_BYTES", len(data))
    assert [each.events for each in read(data)] == [[EVENT]] * 2


@pytest.mark.parametrize("lines", [3, 2_000])
def test_a_damaged_gzip_file(lines):
    """The lines before the damage aren't read, or the damage isn't reported."""
    body = b"CallSid=a&Status=busy&CustomField=" + b"x" * 600
    data = (envelope(body, FORM) + b"\n") * lines
    *found, damage = read(gzip.compress(data, 0)[:-100])
    assert (damage.kind, damage.events) == (None, [])
    assert damage.problems[0].startswith("the gzip data is corrupt, and was read up to the damage: ")
    assert [len(each.events) for each in found] == [1] * (lines - 1)


NAMES = ["body", "body_base64", "content_type", "received_at", "method", "path", "json", "headers", "query", "error"]
NAMES += ["requestContext", "httpMethod", "isBase64Encoded", "schema", "type", "call_sid", "outcome", "legs", "CallSid"]
NAMES += ["http", "multiValueHeaders", "rawQueryString", "status", "Status", "issues", "events", "content-type"]
VALUES = ["status_callback", "call", "passthru_event", "popup_event", "GET", QUERY, "application/json", "busy", 1, ""]
VALUES = st.recursive(
    st.sampled_from(VALUES) | st.none() | st.booleans() | st.text(max_size=5) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)
REQUESTS = st.tuples(
    st.sampled_from([POST, GET, "HEAD / HTTP/1.0", "PUT  HTTP/1.1"]),
    st.sampled_from([b"", b"0\r\n\r\n", b"3\r\nabc", b"ffffffff\r\na", JSON_BODY]),
    st.lists(st.sampled_from([CHUNKED, LENGTH, JSON_TYPE, "Content-Length: -1", "Content-Length: 3", "a", ": b"])),
).map(lambda parts: http(parts[0], parts[1], *parts[2]))
PIECES = st.binary(max_size=50) | OBJECTS.map(lambda value: json.dumps(value).encode()) | REQUESTS
HOSTILE = (
    st.lists(PIECES | st.sampled_from([data for data, _ in SOURCES.values()]), max_size=4).map(b"\n".join)
    | st.lists(OBJECTS, max_size=3).map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=99).map(lambda data: b"\x1f\x8b" + data)
    | st.binary(max_size=99).map(lambda data: gzip.compress(b"")[:10] + data)
)


@given(HOSTILE)
@example(b'{"json":' * 100_000)
@example(b"[" * 100_000)
@example(b'[{"a":' + b"[" * 900 + b"]" * 900 + b"}]")
@example(b'{"headers": {}, "body": ' + b"[" * 900 + b"]" * 900 + b"}")
@example(b'{"a": ' + b"9" * 5_000 + b"}")
@example(b'{"schema": 1, "type": []}')
def test_any_bytes(data):
    """Hostile input raises an exception, so the command prints a traceback."""
    for found in read(data):
        assert found.events or found.problems or found.kind is sources.BODY
    assert run("explain", stdin=data)[0] in {0, 1}


def test_one_call_of_an_archive():
    """``--call`` shows another call, or doesn't say that the call isn't there."""
    code, out, _ = run("explain", "--call", "busy0000000000000000000000000000", stdin=ARCHIVE)
    assert (code, out.count("(leg 1) was not reached")) == (0, 1)
    assert "Calls\n" not in out
    assert "(line " in out
    code, out, err = run("explain", "--call", "nope", stdin=ARCHIVE)
    assert (code, out) == (1, "Found an archive of 49 requests.\n")
    assert err == "Error: no event belongs to the call nope\n"


def test_the_filters_of_calls():
    """A filter shows other calls, or not all of them."""
    _, out, _ = run("explain", "--outcome", "busy", "--outcome", "machine", stdin=ARCHIVE)
    assert {"busy0000000000000000000000000000", "machine0000000000000000000000000"} == rows(out).keys() - {"", "Call"}
    for code in ("not-a-date", "unknown-value"):
        _, out, _ = run("explain", "--issue", code, "--issue", "missing", stdin=ARCHIVE)
        assert "Calls\n" not in out
        assert rows(out)["CallSid"] == [PAGE["CallSid"]]
    _, out, _ = run("explain", "--issue", "missing", stdin=ARCHIVE)
    assert rows(out).keys() <= {"", "Call"}
    _, out, _ = run("explain", "--outcome", "machine", "--call", "busy0000000000000000000000000000", stdin=ARCHIVE)
    assert rows(out).keys() <= {"", "Call"}
    assert run("explain", "--outcome", "nope")[0] == run("explain", "--issue", "nope")[0] == 2


def test_the_order_of_calls():
    """The calls of an archive aren't in the order of their times."""
    _, out, _ = run("explain", stdin=ARCHIVE + b'{"CallSid": "a", "Status": "busy"}', COLUMNS="150")
    dates = [line.split("│")[2].strip() for line in out.splitlines() if "│ " in line and "│  " not in line[:3]]
    assert dates == sorted(dates, key=lambda date: (date == "-", date))
    assert dates[-1] == "-"


def test_a_maximum_of_events(monkeypatch):
    """The memory isn't bounded, or a limit is hit without a message."""
    monkeypatch.setattr(explain, "_MAX_EVENTS_READ", 5)
    code, out, err = run("explain", "-", "nope-is-not-opened", stdin=b"")
    assert code == 2
    code, out, err = run("explain", stdin=ARCHIVE)
    assert (code, out.partition("\n")[0]) == (1, "Found an archive of 5 requests.")
    assert err == "Error: only the first 5 events were read; pass --call to show one call, or use convert\n"
    code, _, err = run("explain", "--call", "busy0000000000000000000000000000", stdin=ARCHIVE)
    assert (code, err) == (0, "")
    monkeypatch.setattr(explain, "_MAX_EVENTS_READ", len(ARCHIVE.splitlines()))
    code, _, err = run("explain", stdin=ARCHIVE)
    assert (code, err) == (0, "")


def test_a_maximum_of_problems():
    """An archive of unreadable lines prints thousands of problems."""
    code, _, err = run("explain", stdin=envelope(JSON_BODY, None) + b"\nnope" * 1_030)
    assert (code, len(err.splitlines())) == (1, 21)
    assert err.endswith("Error: and 1,010 more problems\n")


class Terminal(io.BytesIO):
    """Standard input that is a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize(("command", "arguments"), [("explain", []), ("parse", []), ("parse", ["--ndjson"])])
def test_a_terminal_without_input(command, arguments, tmp_path):
    """A command waits for a terminal without a message, or says so although it reads a file."""
    done = RUNNER.invoke(cli, [command, *arguments], input=Terminal(JSON_BODY))
    assert done.stderr == "reading standard input; paste a body, then press Ctrl-D; or pass a FILE\n"
    path = tmp_path / "body.json"
    path.write_bytes(JSON_BODY)
    assert RUNNER.invoke(cli, [command, *arguments, str(path)], input=Terminal()).stderr == ""


def test_one_event_without_a_file():
    """Another command that explains an event shows something else than ``explain``, or personal data."""
    console = Console(highlight=False, width=100, file=io.StringIO())
    console.print(explain_call([Located("", EVENT)], show_personal=False))
    assert console.file.getvalue() == run("explain", stdin=MULTIPART_BODY)[1]


# A list has the names of the columns beside their values, and doesn't have these two columns.
HEADINGS = {"Field", "Value", "Name", "Issue", "Time"}


def words(printed):
    """Return the parts that can be values of an enum, names of fields or calls. URLs and dates may be broken."""
    return set(re.findall(r"(?<!\S)\(?([A-Za-z][\w-]*)[,:;)]*(?!\S)", printed)) - HEADINGS


@pytest.mark.parametrize("columns", [40, 60, 80])
@pytest.mark.parametrize("name", [*SCENARIOS, *FLOW_SCENARIOS])
def test_narrow_terminals(name, columns):
    """A narrow terminal cuts an outcome, a status or an issue, or has an empty column."""
    bodies = run("sample", name)[1].encode()
    wide, narrow = (run("explain", stdin=bodies, COLUMNS=str(width))[1] for width in (300, columns))
    assert max(map(len, narrow.splitlines())) <= columns
    assert words(wide) <= words(narrow)
    assert "┳┓" not in narrow


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_an_overview_on_a_narrow_terminal(columns):
    """A narrow terminal cuts a call, an outcome or an issue."""
    wide, narrow = (run("explain", stdin=ARCHIVE, COLUMNS=str(width))[1] for width in (300, columns))
    assert max(map(len, narrow.splitlines())) <= columns
    assert words(wide) <= words(narrow)


@pytest.mark.parametrize("outcome", Outcome)
def test_the_color_of_an_outcome(outcome):
    """An outcome has no color, or a color although ``NO_COLOR`` is set."""
    color = {"connected": "32", "machine": "36", "first-party-only": "35", "in-progress": "33", "unknown": "33"}
    payloads = {
        **{name: {"Status": name} for name in ("no-answer", "busy", "canceled", "failed", "in-progress")},
        "unknown": {"Status": "new"},
        "connected": {"Status": "completed", "Legs": [{"Status": "completed"}, {"Status": "completed"}]},
        "machine": {
            "Status": "completed",
            "Legs": [{"Status": "completed"}, {"Status": "completed", "AnsweredBy": "Machine"}],
        },
        "first-party-only": {"Status": "completed", "Legs": [{"Status": "completed"}]},
    }
    body = json.dumps({**LEAST, **payloads[outcome]}).encode()
    environment = {"FORCE_COLOR": "1", "TERM": "xterm"}
    _, out, _ = run("explain", stdin=body, **environment)
    assert f"\x1b[1;{color.get(outcome, '31')}m{outcome}\x1b[0m" in out
    _, out, _ = run("explain", stdin=body, NO_COLOR="1", **environment)
    assert f"outcome {outcome}" in re.sub(r"\x1b\[\d*m", "", out)
    assert "\x1b[1;3" not in out
