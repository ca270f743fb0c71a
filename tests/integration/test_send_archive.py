"""Test how ``send`` plays captured requests, and changes them."""

import io
import json

import pytest

from command import run
from exotel_callback import parse_any
from exotel_callback._cli import delivery as _delivery
from exotel_callback._cli.envelope import Envelope, fields_of_envelope
from exotel_callback._cli.replay import Selection, read_archive
from exotel_callback._model.instants import received_instant
from exotel_callback.testing import FLOW_SCENARIOS, SCENARIOS, Delivery, encode_form, encode_json, payload
from helpers import ENCODERS, FORM, JSON
from local_handler import FAST, handler_of_all


def archive_of(deliveries, path="/exotel", **more):
    """Return the lines that ``listen`` writes for requests."""
    lines = []
    for delivery in deliveries:
        query = f"?{delivery.query}" if delivery.query else ""
        envelope = Envelope(delivery.body, delivery.content_type or None, None, delivery.method, path + query)
        lines.append(json.dumps({**fields_of_envelope(envelope), **more}).encode())
    return b"\n".join(lines)


def requests_of(server):
    """Return the received requests as a scenario's deliveries, without their delays."""
    bodies = iter(server.came)
    found = []
    for path, headers in server.asked:
        if headers == "a POST":
            sent, body = next(bodies)
            found.append(Delivery(sent.get("Content-Type", ""), body, 0.0, "POST", path.partition("?")[2]))
        else:
            found.append(Delivery("", b"", 0.0, "GET", path.partition("?")[2]))
    return found


@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
@pytest.mark.parametrize("name", ["connected", "bot-hangs-up", "flow-connected"])
def test_an_archive_is_sent_as_it_was_received(tmp_path, name, encode):
    """A captured request is sent with another method, type, query or body, or in another order."""
    deliveries = list({**SCENARIOS, **FLOW_SCENARIOS}[name].deliveries(encode))
    path = tmp_path / "a.ndjson"
    path.write_bytes(archive_of(deliveries))
    for source, stdin in ((path, b""), ("-", path.read_bytes())):
        with handler_of_all(200) as (url, server):
            code, out, err = run("send", url.partition("?")[0], source, FAST, stdin=stdin)
        assert (code, err) == (0, "")
        assert requests_of(server) == [delivery._replace(delay=0.0) for delivery in deliveries]
        assert out.endswith(f"{len(deliveries)} of {len(deliveries)} deliveries acknowledged\n")


def read(lines, query="", **selection):
    """Return what `read_archive` returns for lines on standard input."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exotel_callback._cli.replay.open_input", lambda _: io.BytesIO(lines))
        return read_archive("a", Selection(**selection), query)


BODY = "CallSid=a&Status=busy"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"body": BODY}, Delivery(FORM, BODY.encode())),
        ({"body": BODY, "content_type": f" {FORM} "}, Delivery(FORM, BODY.encode())),
        ({"body": "", "content_type": JSON}, Delivery(JSON, b"")),
        (
            {"body": BODY, "method": "POST", "path": "/x?order=7&t=%20"},
            Delivery(FORM, BODY.encode(), query="order=7&t=%20"),
        ),
        ({"body": "", "method": "GET", "path": f"/x?{BODY}"}, Delivery("", b"", method="GET", query=BODY)),
        ({"body": "x", "method": "GET", "path": "/x?a=b"}, Delivery(FORM, b"x", method="GET", query="a=b")),
        ({"body": "", "method": "GET", "path": "/x"}, Delivery("", b"", method="GET")),
        ({"body": "a=\ud800"}, Delivery(FORM, b"a=\xed\xa0\x80")),
        ({"CallSid": "a", "Status": "busy"}, Delivery(JSON, b'{"CallSid": "a", "Status": "busy"}')),
    ],
)
def test_the_request_of_a_line(line, expected):
    """A request is read from a line as another one."""
    assert read(json.dumps(line).encode() + b"\r\n") == ([expected], [])


def test_the_parameters_of_the_url_replace_those_of_the_archive():
    """A secret that was captured is sent beside the one of the URL, so the handler refuses both."""
    line = json.dumps({"body": BODY, "path": "/x?secret=old&%73ecret=old&order=7&&x"}).encode()
    assert read(line, "secret=new")[0][0].query == "order=7&&x"
    assert read(line)[0][0].query == "secret=old&%73ecret=old&order=7&&x"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", "invalid JSON at line 1 column 2"),
        (b'{"body": 5}', "an envelope needs body"),
        (b'{"body": "", "method": "PUT"}', "only GET and POST requests can be sent"),
        (b'{"body": "", "content_type": "a\\nb"}', "the content type has a character that a header can't have"),
        (b'{"body": "", "content_type": "\xc3\xa9"}', "the content type has a character that a header can't have"),
    ],
)
def test_a_line_that_cannot_be_sent(line, says):
    """A line that can't be sent hides the other lines, or isn't reported."""
    other = json.dumps({"body": BODY}).encode()
    deliveries, problems = read(other + b"\n\n" + line + b"\n" + other)
    assert len(deliveries) == 2
    assert len(problems) == 1
    assert problems[0].startswith(f"a, line 3: {says}")


def test_calls_and_events_are_selected():
    """Another call or event is sent, or a selection without requests isn't reported."""
    deliveries = [
        each for name in ("busy", "flow-missed") for each in {**SCENARIOS, **FLOW_SCENARIOS}[name].deliveries()
    ]
    lines = archive_of(deliveries) + b'\n{"body": "not a call"}'
    bare = [each._replace(delay=0.0) for each in deliveries]
    busy, missed = SCENARIOS["busy"].call_sid, FLOW_SCENARIOS["flow-missed"].call_sid
    assert read(lines, call=busy) == (bare[:2], [])
    assert read(lines, call=missed) == (bare[2:], [])
    keys = [parse_any(each.body or each.query, each.content_type or None).event_key for each in deliveries]
    assert read(lines, events=(keys[0], keys[-1])) == ([bare[0], bare[-1]], [])
    assert read(lines, call=busy, events=(keys[0], keys[-1])) == (
        [bare[0]],
        [f"a: no selected request has the event key {keys[-1]}"],
    )
    assert read(lines, call="x") == ([], ["a: no request of the call x"])
    assert read(b"\n") == ([], ["a: no request"])
    assert len(read(lines)[0]) == len(deliveries) + 1


def test_the_pauses_of_an_archive():
    """A pause isn't that between two requests, is endless, or a line without a time changes the others."""
    times = [
        "2024-01-15T09:00:00Z",
        1705309210,
        None,
        "2024-01-15T14:30:05+05:30",
        "2024-01-15 09:00:30.5",
        "x",
        "2025-01-01",
    ]
    lines = b"\n".join(json.dumps({"body": BODY, "received_at": time}).encode() for time in times)
    assert [each.delay for each in read(lines, as_received=True)[0]] == [0, 10, 0, 0, 20.5, 0, 86_400]
    assert {each.delay for each in read(lines)[0]} == {0}


LONG = "2024-01-15 14:30:45." + "1" * 100  # `datetime` accepts it, and a cache would hold it.


@pytest.mark.parametrize("value", [None, True, "", "soon", 1e30, -1e30, 10**400, [], "2024-13-01", LONG])
def test_what_is_not_a_time(value):
    """A value that isn't a date raises an exception, or is a date."""
    assert received_instant(value) is None


def test_the_pace(monkeypatch, tmp_path):
    """``--as-received`` isn't divided by ``--speed``, or the archive has pauses without it."""
    slept = []
    monkeypatch.setattr(_delivery.time, "sleep", slept.append)
    path = tmp_path / "a.jsonl"
    times = ("2024-01-15T09:00:00Z", "2024-01-15T09:00:10Z")
    path.write_text("\n".join(json.dumps({"body": BODY, "received_at": time}) for time in times))
    with handler_of_all(200) as (url, _):
        assert run("send", url, path, "--as-received", "--speed=2")[0] == 0
        assert run("send", url, path)[0] == 0
    assert [pause for pause in slept if pause] == [5.0]


def test_lines_that_cannot_be_sent_are_reported(tmp_path):
    """The exit code is 0 although a line can't be sent, or the other requests aren't sent."""
    path = tmp_path / "bodies"
    path.write_text(f'{json.dumps({"body": BODY})}\n{{"body": 5}}\n')
    with handler_of_all(200) as (url, server):
        code, out, err = run("send", url, path, FAST)
    assert (code, len(server.came)) == (1, 1)
    assert out.endswith("1 of 1 deliveries acknowledged\n")
    assert err.startswith(f"Error: {path}, line 2: an envelope needs body")


def test_fields_are_set(tmp_path):
    """``--set`` doesn't change the requests of a scenario or of an archive."""
    path = tmp_path / "a.ndjson"
    path.write_bytes(archive_of([Delivery(*reversed(encode_form(payload())))]))
    for source in ("connected", path):
        with handler_of_all(200) as (url, server):
            changes = ["--set", "CustomField=order=777", "--set=Legs[1].Status=busy", "--set", "CallSid=x"]
            assert run("send", url, source, FAST, *changes)[0] == 0
        for headers, body in server.came:
            event = parse_any(body, headers["Content-Type"])
            assert (event.call_sid, event.custom_field, event.legs[1].status) == ("x", "order=777", "busy")
        assert (b'name="CustomField"' in body) == (source == "connected")


@pytest.mark.parametrize(
    ("source", "options", "says"),
    [
        ("nothing", [], "'nothing' is not one of"),
        ("missing.ndjson", [], "'missing.ndjson' does not exist"),
        ("connected", ["--call=a"], "Error: --call, --event and --as-received need an archive"),
        ("connected", ["--as-received"], "Error: --call, --event and --as-received need an archive"),
        ("-", ["--as=json"], "--as needs a scenario"),
        ("connected", ["--set=CallSid"], "'CallSid' isn't NAME=VALUE"),
        ("connected", ["--set==a"], "'=a' isn't NAME=VALUE"),
        ("-", ["--set=a=b"], "cannot set a in request 1: invalid JSON"),
    ],
)
def test_misuse(source, options, says):
    """A source or an option that can't be used isn't a usage error, or a request is sent."""
    line = json.dumps({"body": "{", "content_type": JSON}).encode()
    code, out, err = run("send", "http://127.0.0.1:1/", source, FAST, *options, stdin=line, COLUMNS="200")
    assert (code, out) == (2, "")
    assert says in " ".join(err.split())


def test_a_hostile_archive_is_sent():
    """A request with a query that a request line can't hold isn't sent, or it is sent as another one."""
    line = json.dumps({"body": "", "method": "GET", "path": "/x?a=\u0905 b\r\n\ud800#&c=%zz"}).encode()
    with handler_of_all(200) as (url, server):
        code, _, err = run("send", url.partition("?")[0], "-", stdin=line)
    assert (code, err) == (0, "")
    assert server.asked[0][0] == "/exotel?a=%E0%A4%85%20b%0D%0A%ED%A0%80%23&c=%zz"


def test_a_line_of_parse_any_json_is_a_body():
    """A JSON body on a line isn't sent."""
    body = encode_json(payload())[0]
    assert read(body) == ([Delivery(JSON, body)], [])
