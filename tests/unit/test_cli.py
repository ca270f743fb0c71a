"""Test the command in this process."""

import base64
import importlib
import io
import json
import os
import re
from importlib.metadata import version
from pathlib import Path

import pytest

import exotel_callback
from command import ARCHIVE, rows, run
from exotel_callback import dump, load, parse, parse_any
from exotel_callback._cli import cli
from exotel_callback._cli.envelope import bodies_in
from exotel_callback._cli.help import DOCS
from exotel_callback.testing import FLOW_SCENARIOS
from helpers import ENCODERS, FORM, LEAST, PAGE, ROOT, TESTS, encode_multipart, label

PERSONAL = ["09876543210", "09123456789", "0XXXXXX4890", "order_12345"]

CALLS = TESTS / "calls"
SAMPLES = TESTS / "samples"
STORED = TESTS / "explained"


@pytest.fixture
def captured(tmp_path):
    """Return a function that writes a body to a file and returns its path."""

    def write(body, name="body"):
        path = tmp_path / name
        path.write_bytes(body)
        return path

    return write


@pytest.mark.parametrize("encoding", ENCODERS)
def test_explain(captured, encoding):
    """The table lacks a field, the bars aren't to scale, or the content type is guessed wrongly."""
    payload = {**PAGE, "Legs": [{"OnCallDuration": 40, "Status": "completed"}, {"OnCallDuration": 20, "Status": None}]}
    code, out, err = run("explain", captured(ENCODERS[encoding](payload)[0]))
    assert (code, err) == (0, "")
    assert "StatusCallback (terminal): completed, the call is over; outcome connected\n" in out
    shown = rows(out)
    assert shown["StartTime"] == ["2024-01-15 14:25:12+05:30"]
    assert shown["ConversationDuration"] == ["320"]
    assert shown["RecordingUrl"] == ["https://s3-ap-southeast-1.amazonaws.com/***"]
    assert shown["0"][:3] == ["40", "completed", "-"]
    assert shown["1"][:3] == ["20", "not attempted", "-"]
    assert len(shown["0"][3]) == 2 * len(shown["1"][3]) > 0


# The cases whose output is stored in tests/explained, without escape codes. After an intended change::
#
#     PYTHONPATH=tests python tests/unit/test_cli.py
EXPLAINED = {
    "one-event": "samples/extended-payload/body.json",
    "no-legs": "samples/default-payload/body.json",
    "leg-not-reached": "samples/inbound-missed/body.form",
    "odd-values": "--show-personal samples/unknown-words-everywhere/body.json",
    "odd-values-masked": "samples/unknown-words-everywhere/body.json",
    "other-fields": "--show-personal samples/account-level-extras/body.json",
    "other-fields-masked": "samples/account-level-extras/body.json",
    "timeline-without-legs": "calls/default-payload-then-asked-for/*t calls/default-payload-then-asked-for/2*",
    "timeline-narrow": "calls/answered-by-both-then-over/*t",
    "timeline": "calls/answered-by-both-then-over/*t calls/answered-by-both-then-over/2*",
    "asked-for": "calls/lost-then-asked-for/*t calls/lost-then-asked-for/*d*.json",
    "flow": "samples/passthru-answered/query.form",
    "flow-shown": "--show-personal samples/passthru-answered/query.form",
    "one-event-narrow": "samples/extended-payload/body.json",
    "several-calls-narrow": "samples/inbound-missed/body.form samples/passthru-missed/query.form",
    "flow-and-callback": "samples/passthru-answered/query.form samples/passthru-status-callback/body.json",
    "stream": "samples/stream-without-flow-id/query.form",
    "popup": "samples/popup-answered/query.form",
    "popup-unknown": "samples/popup-unknown-values/query.form",
    "popups": "samples/popup-[adrt]*/query.form",
    "flow-with-popups": "sample:flow-connected",
    "page-of-calls": "samples/call-list/body.json",
    "archive": "archive:",
    "archive-80": "archive:",
    "archive-40": "archive:",
    "http-request": "samples/wrong-address-http-request/request.json",
    "several-calls": "samples/inbound-missed/body.form samples/passthru-missed/query.form calls/a*/*t",
}


WIDTHS = {
    "archive-40": "40",
    "archive-80": "80",
    "one-event-narrow": "40",
    "several-calls-narrow": "60",
    "timeline-narrow": "60",
}


def explained(name):
    """Return the printed lines with their escape codes. The paths in them are relative to the folder of the tests."""
    environment = {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": WIDTHS.get(name, "120")}
    if EXPLAINED[name].startswith("sample:"):
        sample = run("sample", EXPLAINED[name].removeprefix("sample:"))[1]
        return run("explain", stdin=sample.encode(), **environment)[1]
    if EXPLAINED[name] == "archive:":
        return run("explain", stdin=ARCHIVE, **environment)[1]
    arguments = [
        argument
        for pattern in EXPLAINED[name].split()
        for argument in ([pattern] if pattern.startswith("-") else sorted(map(str, Path().glob(pattern))))
    ]
    return run("explain", *arguments, **environment)[1]


def without_style(printed):
    return re.sub(r"\x1b\[[\d;]*m", "", printed)


@pytest.mark.parametrize("name", EXPLAINED)
def test_what_explain_prints(name, monkeypatch):
    """The output of ``explain`` differs from the stored one."""
    monkeypatch.chdir(TESTS)
    path = STORED / f"{name}.txt"
    stored = path.read_text() if path.exists() else ""
    assert without_style(explained(name)) == stored, (
        f"{path.name} in tests/explained is out of date: run `PYTHONPATH=tests python tests/unit/test_cli.py` "
        "and read the difference"
    )


def test_every_stored_output_is_compared():
    """A stored output has no test case."""
    assert {path.stem for path in STORED.iterdir()} == set(EXPLAINED), (
        "the files in tests/explained and the names in EXPLAINED differ: delete the file, or add its case"
    )


def test_the_styles_of_explain(monkeypatch):
    """A heading isn't bold, a hint isn't dim, the outcome has no color, or another style is used."""
    monkeypatch.chdir(TESTS)
    styled = re.findall(r"\x1b\[([\d;]+)m *(.*?) *\x1b\[0m", explained("leg-not-reached"))
    bold, dim = ({text for code, text in styled if text and code == wanted} for wanted in "12")
    assert {code for code, _ in styled} == {"1", "2", "1;31"}
    assert [text for code, text in styled if code == "1;31"] == ["no-answer"]
    assert bold == {
        "StatusCallback (terminal): completed, the call is over; outcome",
        ", the second party (leg 1) was not reached",
        *("Field", "Value"),
        "Legs, in the order in which they were called",
        *("Leg", "OnCallDuration", "Status", "AnsweredBy", "Time"),
    }
    assert dim == {"-", "Personal data is masked; pass --show-personal to show it."}


def test_the_bar_of_a_short_leg():
    """A short leg has no bar beside a long one."""
    legs = [{"OnCallDuration": 1_000}, {"OnCallDuration": 1}, {"OnCallDuration": 0}]
    shown = rows(run("explain", stdin=json.dumps({**LEAST, "Legs": legs}).encode())[1])
    assert [shown[index][-1] for index in "012"] == ["=" * 20, "=", ""]


def test_explain_reads_standard_input():
    """``explain`` can't read a pipe with a content type that can't be guessed."""
    code, out, _ = run("explain", stdin=b"CallSid=a&Status=busy")
    assert (code, rows(out)["Status"]) == (0, ["busy"])
    assert rows(out)["To"] == ["-"]
    body = "CallSid=a&Status=busy&CustomField=caf\xe9".encode("latin-1")
    code, out, _ = run("explain", "--show-personal", "--content-type", f"{FORM}; charset=latin1", stdin=body)
    assert rows(out)["CustomField"] == ["caf\xe9"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"CallSid=caf\xe9&CallType=completed", f"{FORM}; charset=latin1"),
        (b'{"Call": {"Sid": "caf\xe9", "Status": "busy"}}', "application/json; charset=latin1"),
        (b'{"Calls": [{"Sid": "caf\xe9", "Status": "busy"}]}', "application/json; charset=latin1"),
    ],
)
def test_explain_another_charset(body, content_type):
    """A body in another charset is misread by one of the functions."""
    code, out, _ = run("explain", "--content-type", content_type, stdin=body)
    assert (code, rows(out)["CallSid"]) == (0, ["caf\xe9"])


def test_explain_multipart_after_empty_lines():
    """A multipart body after empty lines, as copied from a log, is not recognized."""
    assert run("explain", stdin=b"\r\n\r\n" + encode_multipart(PAGE)[0])[0] == 0


@pytest.mark.parametrize("width", ["0", "1", "9"])
def test_a_width_that_no_terminal_has(width):
    """``explain`` prints nothing, or omits values, because a program has set ``COLUMNS`` to 0 or 1."""
    code, out, _ = run("explain", stdin=json.dumps(LEAST).encode(), COLUMNS=width)
    assert code == 0
    assert "".join(out.split()) == "".join(run("explain", stdin=json.dumps(LEAST).encode(), COLUMNS="30")[1].split())


def test_explain_masks_personal_data_unless_asked():
    """``explain`` shows personal data without ``--show-personal``, so users paste it into tickets."""
    payload = {**PAGE, "Status": "09876543210", "Caller": "09876543210", "a 09876543210": ""}
    body = json.dumps(payload).encode()
    _, masked, _ = run("explain", stdin=body)
    assert not [personal for personal in PERSONAL if personal in masked]
    assert rows(masked)["From"] == ["***210"]
    assert "Caller" in masked
    assert rows(masked)["unrecognized value @ Status"] == ["***"]
    _, shown, _ = run("explain", "--show-personal", stdin=body)
    assert all(personal in shown for personal in PERSONAL)
    assert rows(shown)["Caller"] == ["09876543210"]
    assert rows(shown)["unrecognized value @ Status"] == ["09876543210"]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Status", "on-Hold for_now", "on-Hold for_now"),
        ("Direction", "x" * 40, "x" * 40),
        ("Direction", "x" * 41, "***"),
        ("Status", "call 09876543210", "***"),
        ("Status", "a@example.com", "***"),
        ("Status", "caf\xe9", "***"),
        ("EndTime", "soon", "***"),
        ("ConversationDuration", "long", "***"),
    ],
)
def test_explain_shows_new_values_of_an_enum(name, value, shown):
    """A new value of Exotel's is hidden, or a value that may be personal is shown."""
    _, out, _ = run("explain", stdin=json.dumps({**LEAST, name: value}).encode())
    (issue,) = [cells for first, cells in rows(out).items() if first.endswith(f"@ {name}")]
    assert issue == [shown]


@pytest.mark.parametrize(
    ("leg", "party"),
    [(0, "the first party (leg 0)"), (1, "the second party (leg 1)"), (2, "leg 2"), (3, "leg 3")],
)
def test_explain_names_the_party_that_was_not_reached(leg, party):
    """A reader takes leg 1 for the first party."""
    legs = [{"Status": "completed"}] * leg + [{"Status": "busy"}]
    statuses = [legs[0], *({"Status": "no-answer"} for _ in legs[1:-1]), legs[-1]]
    _, out, _ = run("explain", stdin=json.dumps({**LEAST, "Status": "busy", "Legs": statuses}).encode())
    assert f"outcome busy, {party} was not reached\n" in out


def test_explain_is_safe_to_print():
    """A received value can control the terminal or use the markup of rich."""
    payload = {**LEAST, "CustomField": "\x1b[2J[red]x\u202e", "\x1b[31mname": "v"}
    _, out, _ = run("explain", "--show-personal", stdin=json.dumps(payload).encode())
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert r"\x1b[2J[red]x\u202e" in out
    assert r"\x1b[31mname" in out


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{}", "MissingFieldError: missing @ CallSid; missing @ Status. The payload is an empty JSON object."),
        (b"", "MissingFieldError: missing @ CallSid; missing @ Status. The payload is empty."),
        (b"hello\n", "Error: -: this doesn't look like a StatusCallback: it has no CallSid and no Status\n"),
        (b'{"Status": "busy"}', "MissingFieldError: missing @ CallSid\n"),
        (b"{", "DecodeError: invalid JSON at line 1 column 2"),
        (b"x" * 70_000, "DecodeError: the body is larger than 65536 bytes"),
        (encode_multipart(PAGE)[0][:-20], "DecodeError: not valid multipart"),
        (b"--\r\n", "DecodeError"),
        (b"<?xml version='1.0'?><TwilioResponse/>", "DecodeError: the body is XML; add .json"),
        (b'{"RestException": {"Status": 404}}', "This looks like a RestException"),
        (b'{"SmsSid": "a"}', "This looks like an SMS callback"),
        (b"[1]", "DecodeError: the JSON body is not an object"),
        (b'{"connection_id": "a", "call_sid": "b"}', "This looks like an ExoBridge event"),
        (b"{'CallSid': 'a', 'Status': 'busy'}\n", "This looks like a Python object that was printed, as in a log"),
    ],
)
def test_explain_an_invalid_body(body, says):
    """The error isn't printed, or the exit code isn't 1."""
    code, out, err = run("explain", stdin=body)
    assert (code, out) == (1, "")
    assert says in err


def files_of(call):
    return sorted(path for path in (CALLS / call).iterdir() if path.suffix != ".toml" and path.stem != "expected")


@pytest.mark.parametrize("shuffle", [sorted, lambda files: sorted(files, reverse=True)], ids=["in order", "reversed"])
def test_explain_shows_a_timeline_of_one_call(shuffle):
    """The timeline is in the order of the files and not of the times, or the merged call is missing."""
    code, out, err = run("explain", *shuffle(files_of("answered-by-both-then-over")), COLUMNS="200")
    assert (code, err) == (0, "")
    timeline, call = out.split("Call: completed, the call is over; outcome connected\n")
    events = timeline.split("│ 2026-02-03 ")[1:]
    assert [re.split(r"\s+│\s", event)[:3] for event in events] == [
        ["10:15:09+05:30", "+0 s", "StatusCallback (answered): in-progress, outcome in-progress"],
        ["10:15:17+05:30", "+8 s", "StatusCallback (answered): in-progress, outcome in-progress"],
        ["10:15:42+05:30", "+33 s", "StatusCallback (terminal): completed, outcome connected"],
    ]
    assert "legs: in-progress, not attempted" in events[0]
    assert "3-terminal.multipart" in events[2]
    assert rows(call)["ConversationDuration"] == ["24"]


def test_explain_shows_a_redelivery_with_its_event():
    """A redelivery has its own line in the timeline."""
    _, out, _ = run("explain", *files_of("redelivered-in-another-encoding"), COLUMNS="2000")
    timeline, _ = out.split("Call: ")
    assert timeline.count("│ 2026") == 1
    assert re.search(
        r"from: \S+1-terminal.json, repeated in \S+2-terminal.form, repeated in \S+3-terminal.multipart", timeline
    )


def test_explain_call_details():
    """An answer of the Call Details API isn't merged, or its unsettled figures aren't marked."""
    _, out, _ = run("explain", *files_of("lost-then-asked-for"))
    assert out.count("Call Details: completed, outcome connected") == 1
    assert out.count("Call Details (not settled): completed, outcome connected") == 1
    _, out, _ = run("explain", SAMPLES / "call-details-unsettled" / "body.json")
    assert "Call Details (not settled): completed, the call is over; outcome connected\n" in out
    status, out, _ = run("explain", SAMPLES / "call-details-v3" / "body.json")
    assert status == 0
    assert "Call Details: completed, the call is over; outcome connected\n" in out
    assert {"app_id", "legs", "state"} <= rows(out).keys()
    for name in ("call-details-shapes/flat.json", "call-details-shapes/xml.json", "call-list-one-call/body.json"):
        assert "outcome connected" in run("explain", SAMPLES / name)[1]


def test_explain_passthru():
    """A Passthru request lacks its fields, legs, causes or outcome, or isn't in the timeline."""
    query = SAMPLES / "passthru-missed" / "query.form"
    _, out, _ = run("explain", query)
    assert "Passthru: outcome no-answer\n" in out
    assert rows(out)["DialCallDuration"] == ["30"]
    assert rows(out)["0"] == ["***780", "single", "0", "***233", "1003", "RING_TIMEOUT", "-"]
    callback = {**PAGE, "CallSid": "4b5c6d7e8f90a1b2c3d4e5f60718293a", "DateUpdated": None}
    _, out, _ = run("explain", query, "-", stdin=json.dumps(callback).encode())
    timeline, call, passthru = re.split("\nCall: |\nPassthru: ", out)
    assert timeline.index("Passthru: no-answer, outcome no-answer") < timeline.index("│ -")
    assert timeline.index("│ -") < timeline.index("StatusCallback (terminal): completed, outcome connected")
    assert rows(call)["ConversationDuration"] == ["320"]
    assert rows(passthru)["DialCallStatus"] == ["no-answer"]


@pytest.mark.parametrize("name", FLOW_SCENARIOS)
def test_explain_a_call_in_a_flow(name):
    """The timeline lacks an event, isn't in the order of the times, or has another outcome than the scenario."""
    _, bodies, _ = run("sample", name)
    code, out, err = run("explain", stdin=bodies.encode(), COLUMNS="150")
    assert (code, err) == (0, "")
    scenario = FLOW_SCENARIOS[name]
    if len([*scenario.deliveries()]) == 1:
        assert f"Passthru: outcome {scenario.outcome}\n" in out
        return
    assert f"\nOutcome of the call, from its callbacks and Passthru requests: {scenario.outcome}\n" in out
    times = re.findall(r"│ (\d{4}-\S+ \S+|-) +│ (?:\+\d+ s|-) +│ (?:Popup|Passthru|StatusCallback)", out)
    assert len(times) == len([*scenario.deliveries()])
    assert times == sorted(times, key=lambda time: (time == "-", time))
    assert "9123456789" not in out


def test_explain_a_call_with_a_bot():
    """The timeline doesn't say what each event means."""
    _, bodies, _ = run("sample", "bot-fails")
    _, out, _ = run("explain", stdin=bodies.encode(), COLUMNS="150")
    assert "Passthru (stream-start): -, outcome in-progress" in out
    assert "Passthru (stream): failed, outcome failed, ended by NA" in out
    assert "\nPassthru (stream): outcome failed\n" in out
    assert rows(out.split("\nStream\n")[-1])["Error"] == ["connection to the bot timed out"]


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ("EventType=Dial&Status=busy", "Popup (Dial): agent ***456 is being called"),
        ("EventType=Ringing&Status=busy", "Popup (Ringing): agent ***456 rings"),
        ("EventType=Answered&Status=busy", "Popup (Answered): agent ***456 talks"),
        ("EventType=Terminal&Status=free", "Popup (Terminal): agent ***456 is free"),
        ("EventType=New&Status=busy", "Popup (unknown): agent ***456 is busy"),
        ("EventType=New&Status=free", "Popup (unknown): agent ***456 is free"),
        ("EventType=New&Status=away", "Popup (unknown): agent ***456 has an unknown status"),
        ("EventType=New&Status=", "Popup (unknown): agent ***456 has an unknown status"),
    ],
)
def test_explain_a_popup(fields, shown):
    """A popup isn't recognized, or its meaning or its mask is wrong."""
    code, out, _ = run("explain", stdin=f"CallSid=a&DialWhomNumber=09000000456&{fields}".encode())
    assert (code, out.splitlines()[0]) == (0, shown)
    _, out, _ = run("explain", stdin=f"CallSid=a&DialWhomNumber=&{fields}".encode())
    assert out.splitlines()[0] == shown.replace("agent ***456", "an agent")


def test_explain_popups_of_multiple_calls():
    """A popup has an outcome, or the agent's status is taken for that of the call."""
    one, other = (f"CallSid={sid}&DialWhomNumber=0&EventType=Dial&Status=busy" for sid in "ab")
    _, out, _ = run("explain", stdin=f"{one}\n{other}".encode())
    assert rows(out)["a"] == rows(out)["b"] == ["-", "1", "-"]
    _, out, _ = run("explain", stdin=f"{one}\nCallSid=a&CallType=completed\n{other}".encode())
    assert rows(out)["a"] == ["-", "2", "connected"]


def test_explain_a_passthru_request_without_a_stream():
    """Another event of Passthru isn't in the title, or it can control the terminal."""
    for event, shown in ((b"new-event", "new-event"), (b"n\x1bew", "***")):
        _, out, _ = run("explain", stdin=b"CallSid=a&flow_id=1&EventType=" + event)
        assert f"Passthru ({shown}): outcome unknown\n" in out


BODIES = {
    "JSON": [json.dumps(LEAST), json.dumps({**LEAST, "Status": "busy"})],
    "indented JSON": [json.dumps(PAGE, indent=2), json.dumps(PAGE, indent=2)],
    "forms": ["CallSid=a&Status=busy", "CallSid=a&Status=queued", "key=1&CallSid=a&Status=completed"],
    "multipart": [ENCODERS["multipart"](LEAST)[0].decode(), ENCODERS["multipart"](PAGE)[0].decode()],
    "all": [
        "CallSid=a&flow_id=1",
        ENCODERS["multipart"](LEAST)[0].decode(),
        json.dumps(PAGE, indent=2),
        "/exotel?CallSid=a&flow_id=1",
        json.dumps({**LEAST, "CustomField": "caf\xe9 }{"}, ensure_ascii=False),
        "--a b\nContent-Disposition: form-data; name=x\n\n1\n--a b--",
    ],
}


@pytest.mark.parametrize("between", ["\n", "\r\n", "\n\n \n"])
@pytest.mark.parametrize("name", BODIES)
def test_bodies_that_follow_each_other(name, between):
    """A body after another one is ignored, or cut in the middle."""
    parts = [body.strip().encode() for body in BODIES[name]]
    found = bodies_in(between.encode().join(parts))
    assert [body.strip() for body in found] == parts
    assert [body.strip() for body in bodies_in(between.encode().join(parts) + b"\n")] == parts


@pytest.mark.parametrize(
    "body",
    [
        "",
        "\n",
        "{",
        '{"a": 1}',
        '{"a": 1} x',
        '{"a": 1}\nx',
        '{"a": 1}{"CallSid": "a"}',
        '{"a": [1,]}\n{"CallSid": "a"}',
        '{"a":' * 60_000 + '\n{"CallSid": "a"}',
        "hello\nworld",
        "CallSid=a&CustomField=two\nlines&Status=busy",
        "CallSid=a&CustomField=two\nlines of [CallSid=a",
        "CallSid=a&CustomField=two\n[CallSid=a&b=c",
        "--x\r\nContent-Disposition: form-data; name=a\r\n\r\nCallSid=a",
        "--x",
    ],
    ids=label,
)
def test_a_body_that_is_one(body):
    """A body is cut where nothing says that another one begins."""
    assert bodies_in(body.encode()) == [body.encode()]


def test_explain_reads_every_body_of_a_file(captured):
    """The second body of a file is ignored, or an error doesn't say which body it is in."""
    path = captured(b"CallSid=a&Status=queued\nCallSid=a&DateUpdated=x\n{}\n")
    code, out, err = run("explain", path)
    assert (code, rows(out)["Status"]) == (1, ["queued"])
    assert err == (
        f"Error: {path} (2 of 3): MissingFieldError: missing @ Status; not a valid date @ DateUpdated\n"
        f"Error: {path} (3 of 3): MissingFieldError: missing @ CallSid; missing @ Status. "
        "The payload is an empty JSON object.\n"
    )
    _, out, _ = run("explain", "--content-type", FORM, "--show-personal", stdin=b"CallSid=a&Status=x\nCallSid=b")
    assert rows(out)["unrecognized value @ Status"] == ["x\\nCallSid=b"]


def test_explain_events_without_times(captured):
    """An event without a time is missing in the timeline."""
    first, second = (
        captured(json.dumps({**LEAST, "Status": status}).encode(), status) for status in ("busy", "queued")
    )
    _, out, _ = run("explain", first, second)
    assert "Call: busy, the call is over; outcome busy\n" in out
    for status in ("busy, outcome busy", "queued, outcome in-progress"):
        assert re.search(rf"│ - +│ - +│ StatusCallback: {status} +│", out)


def test_explain_multiple_calls(captured):
    """A call has no line, or an invalid body isn't reported on standard error."""
    page = SAMPLES / "call-list" / "body.json"
    query = SAMPLES / "passthru-rejected" / "query.form"
    code, out, err = run("explain", page, page, query, captured(b"{}"), COLUMNS="80")
    assert rows(out)["18293a4b5c6d7e8f90a1b2c3d4e5f607"][1:] == ["1", "connected"]
    assert rows(out)["293a4b5c6d7e8f90a1b2c3d4e5f60718"][1:] == ["1", "busy (leg 1)"]
    assert rows(out)["5c6d7e8f90a1b2c3d4e5f60718293a4b"][1:] == ["1", "busy"]
    assert code == 1
    assert err.count(f"Error: {page}: missing @ Calls[1].Sid\n") == 2
    assert "MissingFieldError: missing @ CallSid; missing @ Status. The payload is an empty JSON object" in err


def test_explain_a_page_without_calls():
    """An empty page of calls is an error, or the output doesn't say that it is empty."""
    code, out, err = run("explain", stdin=b'{"Metadata": {"Total": 0}, "Calls": []}')
    assert (code, err) == (0, "")
    assert "Calls\n" in out


def test_explain_escapes_the_names_of_files(captured):
    """A file name can control the terminal."""
    _, _, err = run("explain", captured(b"{}", "e\x1b[31mvil"))
    assert r"e\x1b[31mvil: MissingFieldError" in err


def test_explain_a_callback_with_names_of_others():
    """A callback of an account-level webhook is taken for a Passthru request."""
    _, out, _ = run("explain", stdin=json.dumps({**PAGE, "CallType": "completed"}).encode())
    assert "StatusCallback" in out


def test_explain_reads_a_page_of_calls_that_is_larger_than_a_callback():
    """``explain`` cuts a page of calls at the limit of a callback."""
    page = {"Calls": [{"Sid": str(number), "Status": "busy", "CallerName": "x" * 900} for number in range(100)]}
    code, out, _ = run("explain", stdin=json.dumps(page).encode())
    assert (code, rows(out)["99"]) == (0, ["-", "1", "busy"])


def test_parse_files(captured):
    """A callback isn't one line as `dump` returns it, or an error isn't a line on standard error."""
    good = [captured(encode(PAGE)[0], name) for name, encode in ENCODERS.items()]
    bad = captured(b"Status=busy", "bad")
    code, out, err = run("parse", *good, bad)
    assert code == 1
    assert [load(json.loads(line)) for line in out.splitlines()] == [parse(PAGE)] * 3
    assert json.loads(err) == {
        "file": str(bad),
        "error": "MissingFieldError",
        "message": "missing @ CallSid",
        "status_hint": 422,
        "issues": [{"path": "CallSid", "code": "missing"}],
    }
    assert run("parse", *good)[::2] == (0, "")
    derived = {"outcome": "busy", "unreached_leg": None, "answered_by": None, "is_terminal": True, "is_settled": False}
    callback = parse("CallSid=a&Status=busy")
    line = {**dump(callback), **derived, "event_key": callback.event_key}
    assert run("parse", stdin=b"CallSid=a&Status=busy")[1] == json.dumps(line) + "\n"


@pytest.mark.parametrize(
    ("query", "kind", "derived"),
    [
        (b"CallSid=a&CallType=incomplete", "passthru_event", {"outcome": "no-answer"}),
        (b"CallSid=a&EventType=Dial&Status=busy&DialWhomNumber=1", "popup_event", {}),
    ],
)
def test_parse_a_request_of_a_flow(query, kind, derived):
    """The line of a Passthru request or a popup lacks a derived value, or has one that the event doesn't have."""
    code, out, _ = run("parse", stdin=query)
    event = parse_any(query.decode())
    line = json.loads(out)
    assert (code, line["type"]) == (0, kind)
    assert line == {**dump(event), **derived, "event_key": event.event_key}


def test_parse_strictly():
    """``parse --strict`` accepts a callback with an issue."""
    body = b"CallSid=a&Status=free"
    assert run("parse", stdin=body)[0] == 0
    code, out, err = run("parse", "--strict", stdin=body)
    assert (code, out, json.loads(err)["error"]) == (1, "", "InvalidCallbackError")


def envelope(**fields):
    return json.dumps(fields)


MULTIPART, MULTIPART_TYPE = encode_multipart(LEAST)
IN_BASE64 = base64.b64encode(MULTIPART).decode()


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(LEAST),
        json.dumps({**LEAST, "body": "x"}),
        envelope(body=json.dumps(LEAST)),
        envelope(content_type="application/json", body=json.dumps(LEAST), received_at="2024-01-15T09:05:00Z"),
        envelope(content_type=FORM, body=ENCODERS["form"](LEAST)[0].decode()),
        envelope(body=ENCODERS["form"](LEAST)[0].decode(), content_type=None),
        envelope(content_type=MULTIPART_TYPE, body_base64=IN_BASE64),
        envelope(body_base64=IN_BASE64),
        envelope(body=MULTIPART.decode()),
    ],
)
def test_parse_ndjson(line):
    """A line of JSON, or an envelope around a body of any kind, is misread."""
    code, out, err = run("parse", "--ndjson", stdin=line.encode() + b"\n")
    assert (code, err) == (0, "")
    assert load(json.loads(out)) == parse(LEAST)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("nope", "DecodeError"),
        ("[1]", "DecodeError"),
        ("{}", "MissingFieldError"),
        (envelope(received_at="x"), "DecodeError"),
        (envelope(body=5), "DecodeError"),
        (envelope(body_base64="!"), "DecodeError"),
        (envelope(body_base64="é"), "DecodeError"),
        (envelope(body="CallSid=a&Status=busy", content_type=5), "DecodeError"),
        (envelope(body="CallSid=a", content_type="text/plain"), "DecodeError"),
        (envelope(body=""), "MissingFieldError"),
        (envelope(body="\ud800"), "MissingFieldError"),
        pytest.param("x" * 500_000, "DecodeError", id="too long"),
    ],
)
def test_errors_of_ndjson_name_the_line(line, error):
    """An error has the wrong line number, or affects the other lines."""
    good = json.dumps(LEAST)
    code, out, err = run("parse", "--ndjson", stdin=f"{good}\n\n{line}\n{good}".encode())
    assert (code, len(out.splitlines())) == (1, 2)
    problem = json.loads(err)
    assert (problem["file"], problem["line"], problem["error"]) == ("-", 3, error)


LINE_BYTES = 6 * 65_536 + 4_096


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"x" * LINE_BYTES + b"\n", f"the line is longer than {LINE_BYTES} bytes"),
        (b"x" * 2 * LINE_BYTES + b"\n", f"the line is longer than {LINE_BYTES} bytes"),
        (b"x" * (LINE_BYTES - 1) + b"\n", "invalid JSON at line 1 column 1"),
        (
            b'{"content_type": "text/plain"}\n',
            "an envelope needs body (a string) or body_base64, and its content_type must be a string",
        ),
        (b'{"body": 5}\n', "an envelope needs body (a string) or body_base64, and its content_type must be a string"),
        (b"\xff\n", "invalid JSON at line 1 column 1"),
    ],
)
def test_the_error_of_a_line(line, says):
    """The error of a line doesn't say what is wrong, or the next line is not read."""
    code, out, err = run("parse", "--ndjson", stdin=line + json.dumps(LEAST).encode())
    assert (code, len(out.splitlines())) == (1, 1)
    problem = json.loads(err)
    assert problem["message"] == says
    assert problem["status_hint"] == (413 if "longer" in says else 400)


class CountingStream(io.BytesIO):
    """A stream that records how many bytes each call requests."""

    def __init__(self, body):
        super().__init__(body)
        self.sizes = set()

    def read(self, size=-1):
        self.sizes.add(size)
        return super().read(size)

    def readline(self, size=-1):
        self.sizes.add(size)
        return super().readline(size)


@pytest.mark.parametrize(
    ("arguments", "most"), [(["explain"], 1_048_576), (["parse"], 65_536), (["parse", "--ndjson"], LINE_BYTES)]
)
def test_a_large_body_is_not_read_completely(arguments, most):
    """More than one byte over the limit is read of a large file."""
    stdin = CountingStream(b"x" * 3_000_000)
    assert run(*arguments, stdin=stdin)[0] == 1
    assert stdin.sizes - {0} == {most + 1}  # click reads 0 bytes to check the stream.


def test_multiple_files_of_ndjson(captured):
    """The line numbers of the second file continue those of the first one."""
    one = captured(json.dumps(LEAST).encode() + b"\nnope\n", "one")
    other = captured(b"\nnope", "other")
    _, out, err = run("parse", "--ndjson", one, other)
    assert len(out.splitlines()) == 1
    assert [(problem["file"], problem["line"]) for problem in map(json.loads, err.splitlines())] == [
        (str(one), 2),
        (str(other), 2),
    ]


def test_a_missing_file():
    """The error doesn't name the missing file, or the exit code isn't that of a misused command."""
    code, out, err = run("parse", "none.json")
    assert (code, out) == (2, "")
    assert "none.json" in err


def test_it_does_not_run_when_imported():
    """Importing ``__main__`` runs the command."""
    assert callable(importlib.import_module("exotel_callback.__main__").main)


def test_version_and_help():
    """``--version`` prints another version, or ``--help`` lacks a command."""
    assert run("--version")[1] == f"exotel-callback, version {version('exotel-callback')}\n"
    assert "--show-personal" in run("explain", "-h")[1]


def test_the_help_lists_every_command():
    """A module in the folder isn't in the table of commands, or a summary is cut off."""
    _, out, _ = run("--help", COLUMNS="80")
    listed = [line.split(maxsplit=1) for line in out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()]
    modules = Path(exotel_callback.__file__).parent.glob("_cli/*.py")
    commands = sorted(path.stem for path in modules if "@click.command(" in path.read_text())
    assert [name for name, _ in listed] == commands
    assert not [summary for _, summary in listed if summary.endswith("...")]


@pytest.mark.parametrize("name", ["", *cli.list_commands(None)])
def test_the_help_has_examples(name):
    """The help of a command lacks examples or the address of the documentation, or an example is cut at 80 columns."""
    code, out, _ = run(*filter(None, [name]), "--help", COLUMNS="80")
    assert (code, out.count(f"Documentation: {DOCS}\n")) == (0, 1)
    assert (ROOT / DOCS).is_file()
    examples = [line for line in out.partition("Examples:\n")[2].splitlines() if line.startswith("    ")]
    assert examples
    assert all(line.startswith(f"    exotel-callback {name}") for line in examples if name not in {"", "explain"})


@pytest.mark.parametrize("command", [["sample"], ["send", "http://127.0.0.1:1/"]])
def test_a_misspelled_scenario(command):
    """The error doesn't suggest the similar scenario, or suggests one for any other name."""
    code, out, err = run(*command, "conectedd")
    assert (code, out) == (2, "")
    assert "unknown scenario conectedd; did you mean connected?" in err
    code, out, err = run(*command, "x")
    assert (code, out, "did you mean" in err) == (2, "", False)


def test_an_unknown_command():
    """The error doesn't name the command, or isn't that of a misused command."""
    code, out, err = run("expose")
    assert (code, out) == (2, "")
    assert "No such command 'expose'" in err


if __name__ == "__main__":
    os.chdir(TESTS)
    for name in EXPLAINED:
        (STORED / f"{name}.txt").write_text(without_style(explained(name)))
