"""Test ``listen``, which must answer, archive and end whatever is sent to it."""

import asyncio
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from command import run, run_process
from exotel_callback._cli import forward, listen
from exotel_callback._cli.capture import ArchiveWriter
from exotel_callback._cli.delivery import parse_url
from exotel_callback._cli.envelope import open_envelope
from exotel_callback._cli.forward import Forwarder
from exotel_callback._cli.listen import Server, answer_of, short_type, shown_path
from exotel_callback.testing import SCENARIOS
from helpers import ENCODERS

MEMORY = Path(f"/proc/{os.getpid()}/status")


def post(body=b"CallSid=a&Status=busy", path="/exotel", content_type="application/x-www-form-urlencoded", more=b""):
    head = f"POST {path} HTTP/1.1\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + more + b"\r\n" + body


def serve(clients, forwarder=None, **options):
    """Run a server in this thread until `clients` is done, a function that gets the server and its port."""
    server = Server(**options)
    server.forwarder = forwarder

    async def both(listener):
        running = asyncio.create_task(server.run(listener))
        try:
            await asyncio.wait_for(clients(server, listener.getsockname()[1]), 20)
        finally:
            if not running.done():
                signal.raise_signal(signal.SIGTERM)
                signal.raise_signal(signal.SIGINT)
            await running

    with socket.create_server(("127.0.0.1", 0)) as listener:
        asyncio.run(both(listener))
    return server


async def exchange(port, data, *, ends=True):
    """Send bytes, and return all that is answered until the connection closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    if ends:
        writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def statuses(answer):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", answer)]


def test_answers_on_one_connection(tmp_path, capsys):
    """A request on a connection that stays open, or that was sent without waiting, gets no answer of its own."""
    archive = ArchiveWriter(tmp_path / "a.ndjson")

    async def clients(_, port):
        data = post() + b"GET /flow?CallSid=a&CallType=completed&secret=x HTTP/1.1\r\n\r\n" + post(b"nope")
        assert statuses(await exchange(port, data)) == [503, 503, 503]
        waiting = post(more=b"Expect: 100-continue\r\nConnection: close\r\n")
        assert statuses(await exchange(port, waiting, ends=False)) == [100, 503]
        assert await exchange(port, b"") == b""

    serve(clients, status=503, archive=archive)
    archive.close()
    lines = [open_envelope(line) for line in (tmp_path / "a.ndjson").read_bytes().splitlines()]
    assert [(line.method, line.path) for line in lines] == [
        ("POST", "/exotel"),
        ("GET", "/flow?CallSid=a&CallType=completed"),
        ("POST", "/exotel"),
        ("POST", "/exotel"),
    ]
    out = [re.sub(r"^(\d+) [\d:]{8}", r"\1 TIME", line) for line in capsys.readouterr().out.splitlines()]
    assert out[1:4] == [
        "1 TIME POST /exotel, form 21 B, 503: StatusCallback: busy, outcome busy",
        "2 TIME GET /flow, query 28 B, 503: Passthru: completed, outcome connected",
        "3 TIME POST /exotel, form 4 B, 503: not read: missing @ CallSid; missing @ Status",
    ]


def test_the_secret(capsys):
    """A request with a wrong secret is answered as others are, or the secret is printed."""

    async def clients(_, port):
        for path in ("/x", "/x?secret=", "/x?secret=wrong", "/x?secret=right&secret=right"):
            assert statuses(await exchange(port, post(path=path))) == [401]
        assert statuses(await exchange(port, post(path="/x?secret=right"))) == [200]

    server = serve(clients, secret="right")
    assert server.summary.answers == {401: 4, 200: 1}
    assert "right" not in capsys.readouterr().out


def test_explain(capsys):
    """``--explain`` shows personal data without being asked to, or nothing."""
    body = b"CallSid=a&Status=busy&From=09876543210"

    async def clients(_, port):
        await exchange(port, post(body))
        await exchange(port, post(b"nope"))

    for show_personal in (False, True):
        serve(clients, explain=True, show_personal=show_personal)
        out = capsys.readouterr().out
        assert "StatusCallback: busy, the call is over" in out
        assert ("09876543210" in out) == show_personal


def test_slow_clients(monkeypatch):
    """A client that sends nothing, or slowly, occupies a connection for ever."""
    monkeypatch.setattr(listen, "REQUEST_SECONDS", 0.05)
    monkeypatch.setattr(listen, "_LINGER_SECONDS", 0.05)

    async def clients(_, port):
        assert await exchange(port, b"", ends=False) == b""
        for part in (b"P", post()[:-1]):
            assert statuses(await exchange(port, part, ends=False)) == [408]

    serve(clients)


def test_too_many_connections(monkeypatch):
    """Clients that are slow keep others from connecting."""
    monkeypatch.setattr(listen, "CONNECTIONS", 2)

    async def clients(_, port):
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        for _, writer in slow:
            writer.write(b"POST / HTTP/1.1\r\n")
        assert statuses(await exchange(port, post())) == [200]
        for reader, _ in slow[:4]:
            with suppress(ConnectionError):
                assert await reader.read() == b""  # It ends only because the command closed the connection.
        for _, writer in slow:
            writer.close()

    serve(clients)


def test_a_large_body_is_answered(monkeypatch):
    """A client that sends a body that is too large loses the answer, or is read for ever."""
    monkeypatch.setattr(listen, "_LINGER_BYTES", 1)

    async def clients(_, port):
        answer = await exchange(port, post(bytes(100_000)))
        assert statuses(answer) == [413]
        assert answer.endswith(b"\r\n\r\nthe body is larger than 65536 bytes\n")

    serve(clients)


def test_a_client_that_sends_on_after_a_refusal():
    """The connection of a client that still sends is reset, so the client can't read why it is refused."""

    def send_on(port):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(post(bytes(100_000))[:50_000])
            for _ in range(3):
                time.sleep(0.02)
                connection.sendall(bytes(1_000))
            return connection.recv(65_536)

    async def clients(_, port):
        assert statuses(await asyncio.to_thread(send_on, port)) == [413]

    serve(clients)


def test_clients_that_hang_up(capsys):
    """A client that resets its connection ends the command."""

    async def clients(_, port):
        for data in (b"", b"P", post(), post() * 100):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(data)
            await asyncio.sleep(0.01)
            connection.close()
        assert statuses(await exchange(port, post())) == [200]

    serve(clients)
    assert "Traceback" not in capsys.readouterr().err


class Failing:
    """An archive, or a handler, that fails."""

    waiting = 0

    def append(self, *_):
        raise OSError(28, "No space left on device", "a.ndjson")

    async def run(self):
        raise ValueError("a bug")


def test_a_request_that_is_not_archived():
    """A request is acknowledged although it isn't in the archive, or the command goes on."""

    async def clients(_, port):
        assert statuses(await exchange(port, post() * 2)) == [500]

    with pytest.raises(OSError, match="No space left"):
        serve(clients, archive=Failing())


@pytest.mark.parametrize("data", [post(), b"nope\r\n\r\n"])
def test_standard_output_fails(data, monkeypatch):
    """A line that can't be printed is lost without an error."""

    async def clients(server, port):
        await exchange(port, post())

        def say(_):
            raise BrokenPipeError

        monkeypatch.setattr(server, "say", say)
        await exchange(port, data)

    with pytest.raises(BrokenPipeError):
        serve(clients)


def test_bugs_end_the_command(monkeypatch):
    """An unexpected exception, while a request is read or forwarded, is hidden."""

    async def nothing(_, __):
        await asyncio.sleep(0.05)

    async def clients(_, port):
        await exchange(port, post())

    def bug(_):
        raise ZeroDivisionError

    with pytest.raises(ValueError, match="a bug"):
        serve(nothing, forwarder=Failing())
    monkeypatch.setattr(listen, "read_captured", bug)
    with pytest.raises(ZeroDivisionError):
        serve(clients)


def test_problems_of_the_event_loop(capsys):
    """A problem such as too many open files is a traceback."""

    async def clients(*_):
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0.01)
        loop.call_exception_handler({"message": "one", "exception": OSError(24, "Too many open files")})
        loop.call_exception_handler({"message": "two"})

    serve(clients)
    assert capsys.readouterr().err.splitlines()[1:] == ["Note: [Errno 24] Too many open files", "Note: two"]


def test_lines_are_wrapped_on_a_terminal(capsys, monkeypatch):
    """A line is broken at another place than a space on a narrow terminal."""
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    Server().say("aaaa bbbb cccc dddd eeee")
    assert capsys.readouterr().out == "aaaa bbbb cccc dddd\n  eeee\n"


@pytest.mark.parametrize(
    ("name", "url", "notes"),
    [
        (("127.0.0.1", 80), "http://127.0.0.1:80/", []),
        (("::1", 80, 0, 0), "http://[::1]:80/", []),
        (("192.168.0.1", 80), "http://192.168.0.1:80/", ["Note: other machines can reach 192.168.0.1"]),
    ],
)
def test_the_address(name, url, notes, capsys):
    """The printed address can't be opened, or the command doesn't say that other machines can reach it."""
    Server(secret="s").greet(name)
    printed = capsys.readouterr()
    assert printed.out == f"Listening on {url} (Ctrl-C to end)\n"
    assert printed.err.splitlines() == notes


@pytest.mark.parametrize(
    ("content_type", "shown"),
    [
        (None, "no type"),
        ("", "no type"),
        ("nope", "other type"),
        ("multipart/form-data; boundary=x", "multipart"),
        ("application/JSON", "json"),
        ("text/plain", "plain"),
        ("text/x-09876543210", "x-***"),
    ],
)
def test_shown_content_types(content_type, shown):
    """A content type is shown as another one, in full, or with a number in it."""
    assert short_type(content_type) == shown


def test_shown_paths():
    """A path shows a number or the query string, or fills the screen."""
    assert shown_path("/exotel/09876543210?CallSid=a") == "/exotel/***"
    assert shown_path("/+91-98765-43210/098765%2043210/2024") == "/+***/***/2024"
    assert shown_path("/" + "x" * 59) == "/" + "x" * 59
    assert shown_path("/" + "x" * 60) == "/" + "x" * 59 + "..."


def test_answers():
    """An answer that must not have a length has one, or an unknown status fails."""
    assert answer_of(204, is_last=False) == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert answer_of(299, is_last=True) == b"HTTP/1.1 299 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


# Forwarding.


@contextmanager
def handler(answer):
    """Run a handler that answers each connection with some bytes, and yield its URL and the received bytes."""
    received = []

    def run_handler():
        while True:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    data = connection.recv(65_536)
                    if not data:
                        return
                    if data.startswith(b"POST") and data.endswith(b"\r\n\r\n"):
                        data += connection.recv(65_536)  # The body follows on its own.
                    received.append(data)
                    for part in answer:
                        connection.sendall(part)
                        time.sleep(0.01)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=run_handler)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
        finally:
            socket.create_connection(listener.getsockname()).close()
            thread.join()


def forwarding_to(url, requests, done):
    """Serve requests, and forward them until `done` lines about the handler are printed. Return these lines."""
    lines, answered = [], asyncio.Event()

    async def clients(_, port):
        for request in requests:
            await exchange(port, request)
        await answered.wait()

    def say(line):
        lines.append(re.sub(r"after [\d.]+ s", "after a time", line))
        if len(lines) == done:
            answered.set()

    serve(clients, forwarder=Forwarder(parse_url(url), say))
    return lines


def test_requests_are_forwarded(monkeypatch):
    """The handler gets another request, or the secret, or the cookies that it set, or a proxy gets the request."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    ok = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nSet-Cookie: a=b\r\nConnection: close\r\n\r\n"
    with handler([ok]) as (url, received):
        flow = b"GET /x?CallSid=a%20b&secret=right HTTP/1.1\r\nUser-Agent: Exotel Servers\r\n\r\n"
        lines = forwarding_to(f"{url}/own?a=%41", [post(content_type="\xff"), flow], 2)
    assert lines == ["1 handler: 302 after a time", "2 handler: 302 after a time"]
    first, second = received
    assert first.startswith(b"POST /own?a=%41 HTTP/1.1\r\n")
    assert b"\r\nContent-Type: \xc3\xbf\r\n" in first
    assert first.endswith(b"\r\n\r\nCallSid=a&Status=busy")
    assert second.startswith(b"GET /own?a=%41&CallSid=a%20b HTTP/1.1\r\n")
    assert b"\r\nUser-Agent: Exotel Servers\r\n" in second
    assert b"Cookie" not in second
    assert b"right" not in second


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ([], "no valid HTTP answer (Server disconnected without sending a response.)"),
        ([b"nope\r\n\r\n"], "no valid HTTP answer"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n"] * 100, "no answer"),
    ],
)
def test_a_handler_that_fails(answer, shown, monkeypatch):
    """A handler that fails ends the command, or endless answers block those that follow."""
    monkeypatch.setattr(forward, "PATIENCE", 0.2)
    with handler(answer) as (url, _):
        (line,) = forwarding_to(url, [post()], 1)
    assert line.startswith(f"1 handler: {shown}")


def test_a_handler_that_refuses():
    """The line doesn't say what to check if the handler refuses the secret of ``--forward-to``."""
    with handler([b"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n"]) as (url, _):
        assert forwarding_to(url, [post()], 1) == ["1 handler: 401 after a time; check the secret in the URL"]


def test_no_handler(monkeypatch, capsys):
    """A handler that isn't there, or is slow, delays the answers, or requests wait for it without a bound."""
    assert forwarding_to("http://127.0.0.1:1", [post()], 1)[0].startswith("1 handler: no connection (")
    monkeypatch.setattr(forward, "_QUEUED_REQUESTS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        lines = forwarding_to(url, [post() * 5], 1)
    assert re.fullmatch(r"\d not forwarded: 2 requests are waiting for the handler", lines[0])
    assert "Requests that still waited for the handler: 2\n" in capsys.readouterr().out


# The command.


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--secret", " "], 2, "the secret is None or empty"),
        (["--forward-to", "ftp://x", "--port=0"], 2, "must begin with http:// or https://"),
        (["--host", "nowhere.invalid"], 1, "port 8090: the address is unknown; check --host"),
        (["--host", "\udcff"], 1, "port 8090: the address is unknown; check --host"),
        (["--status", "100"], 2, "100 is not in the range"),
    ],
)
def test_misuse(options, code, message):
    """A wrong option is a traceback, or starts a server."""
    got, out, err = run("listen", *options)
    assert (got, out) == (code, "")
    assert message in err


@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_variable(value, monkeypatch):
    """The command accepts every request because the variable of the secret is empty."""
    monkeypatch.setattr(Server, "greet", lambda *_: signal.raise_signal(signal.SIGINT))
    code, out, err = run("listen", "--port=0", EXOTEL_CALLBACK_SECRET=value)
    assert (code, out) == (2, "")
    assert "the secret is None or empty: is the environment variable set?" in err


def test_the_command_in_this_process(tmp_path, monkeypatch):
    """An option doesn't reach the server, or the archive stays open."""
    servers, closed = [], []
    close = ArchiveWriter.close
    monkeypatch.setattr(ArchiveWriter, "close", lambda archive: closed.append(close(archive)))

    def greet(server, _):
        servers.append(server)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Server, "greet", greet)
    options = ["--archive", tmp_path / "a", "--forward-to", "http://127.0.0.1:1", "--secret=s", "--status=503"]
    assert run("listen", "--port=0", *options) == (0, "0 requests\n", "")
    assert run("listen", "--port=0") == (0, "0 requests\n", "")
    assert closed == [None]
    first, second = servers
    assert (first._status, first._secret, bool(first.forwarder), bool(first._archive)) == (503, "s", True, True)
    assert (second._status, second._secret, second.forwarder, second._archive) == (200, None, None, None)


def test_files_and_ports_that_cannot_be_used(tmp_path):
    """A port that is in use, or an archive that can't be written, is a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        code, out, err = run_process("listen", "--port", port)
    assert (code, out) == (1, "")
    assert err == f"Error: cannot listen on 127.0.0.1, port {port}: Address already in use; pass another --port\n"
    path = tmp_path / "missing/a.ndjson"
    assert run_process("listen", "--port=0", "--archive", path) == (
        1,
        "",
        f"Error: {path}: No such file or directory\n",
    )


@contextmanager
def listening(folder, *options, **environment):
    """Run the command in its own process. Yield the process and its port."""
    command = [sys.executable, "-m", "exotel_callback", "listen", "--port=0", *map(str, options)]
    environment = {**os.environ, "COLUMNS": "100", **environment}
    with (folder / "out").open("ab") as out, (folder / "err").open("ab") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env=environment)
    try:
        deadline = time.monotonic() + 30
        while not (found := re.findall(r":(\d+)/ \(", (folder / "out").read_text())):
            assert time.monotonic() < deadline, (folder / "err").read_text()
            time.sleep(0.02)
        yield process, int(found[-1])
    finally:
        process.kill()
        process.wait()


def talk(port, data):
    """Send bytes and the end of the connection, and return the answers."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection, suppress(ConnectionError):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while chunk := connection.recv(65_536):
            answer += chunk
    return answer


def test_the_sender_does_not_control_the_terminal(tmp_path):
    """An identifier or an event of a request moves the cursor or sets the title, in a line or in the summary."""
    with listening(tmp_path, "--explain") as (process, port):
        body = b"CallSid=%1b]0;title%07&EventType=%C2%9b2J\x1b[2J&CallType=x"
        assert statuses(talk(port, post(body, "/%1b[2J"))) == [200]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    shown = (tmp_path / "out").read_text()
    assert shown.endswith("\n\\x1b]0;title\\x07: unknown (1 request)\n")
    assert shown.replace("\n", "").isprintable()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_the_end(tmp_path, name):
    """A signal is a traceback or an error, takes long while clients are connected, or the summary is missing."""
    options = ["--archive", tmp_path / "a.ndjson", "--forward-to", "http://127.0.0.1:1/"]
    with listening(tmp_path, *options, EXOTEL_CALLBACK_SECRET="s") as (process, port):
        for each in SCENARIOS["second-party-no-answer"].deliveries():
            assert statuses(talk(port, post(each.body, "/?secret=s", each.content_type))) == [200]
        with socket.create_connection(("127.0.0.1", port)) as slow:
            slow.sendall(b"POST / HT")
            started = time.monotonic()
            process.send_signal(getattr(signal, name))
            assert process.wait(10) == 0
            assert time.monotonic() - started < 5
    assert (tmp_path / "err").read_text() == ""
    assert (tmp_path / "out").read_text().splitlines()[-2:] == [
        "2 requests: 2 answered with 200",
        "secondpartynoanswer0000000000000: no-answer (2 requests)",
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_full_disk(tmp_path):
    """A full disk is a traceback, or the request is acknowledged."""
    with listening(tmp_path, "--archive", "/dev/full", "--secret=s") as (process, port):
        assert statuses(talk(port, post(path="/?secret=s"))) == [500]
        assert process.wait(10) == 1
    assert (tmp_path / "err").read_text() == "Error: /dev/full: No space left on device\n"


def memory_of(pid):
    """Return the memory of a process, in bytes."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) * 1_024


def hostile(rng):
    """Return bytes that must not be acknowledged."""
    valid = post(b"CallSid=hostile&Status=busy")
    return rng.choice(
        [
            rng.randbytes(rng.randrange(1, 400)),
            valid[: rng.randrange(1, len(valid))],
            b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 20_000 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * rng.randrange(6, 3_000) + b"\r\n\r\n" + bytes(1_000),
            b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\nCallSid=hostile&Status=busy",
            b"POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n" + bytes(70_000),
            b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1000\r\n%b\r\n" % bytes(4_096) * 20,
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\n" + bytes(1_000),
            b"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nExpect: 200-maybe\r\nContent-Length: 1\r\n\r\nx",
            b"PUT / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(200),
        ]
    )


def numbered(number, rng):
    """Return a valid request whose call has a number. It is sometimes an event, and sometimes a large field."""
    encoder = rng.choice([*ENCODERS.values()])
    fields = {"CallSid": f"call-{number}", "Status": "completed", "CustomField": "x" * rng.choice([1, 1, 1, 40_000])}
    if rng.random() < 0.2:
        return f"GET /flow?CallSid=call-{number}&CallType=completed HTTP/1.1\r\n\r\n".encode()
    body, content_type = encoder(fields)
    return post(body, "/exotel?secret=x", content_type)


def is_hostile(number):
    return number // 8 % 2


def flood(port, numbers, seed, acknowledged):
    """Send numbered requests and hostile ones, each kind on a connection of its own, and note what is acknowledged."""
    rng = random.Random(seed)
    for number in numbers:
        if is_hostile(number):
            assert 200 not in statuses(talk(port, hostile(rng)))
        elif statuses(talk(port, numbered(number, rng))) == [200]:
            acknowledged.append(number)


def flood_from_eight(port, count):
    """Run 8 threads that send `count` requests. Return the numbers of those that were acknowledged."""
    acknowledged, failures = [], []

    def guarded(first):
        try:
            flood(port, range(first, count, 8), first, acknowledged)
        except ConnectionError:
            pass  # The command was killed.
        except Exception as error:  # noqa: BLE001 - the test reports it
            failures.append(error)

    threads = [Thread(target=guarded, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    return threads, acknowledged, failures


def archived(path):
    """Return the numbers of the calls in each line of an archive, and the number of lines that can't be read."""
    numbers, unreadable = [], 0
    for line in path.read_bytes().splitlines():
        try:
            fields = json.loads(line)
        except ValueError:
            unreadable += 1
            continue
        envelope = open_envelope(line)
        body = envelope.body if isinstance(envelope.body, str) else envelope.body.decode("latin-1")
        assert "received_at" in fields
        numbers.append(int(re.search(r"call-(\d+)", body)[1]))
    return numbers, unreadable


@pytest.mark.skipif(not MEMORY.exists(), reason="there is no list of processes")
def test_a_flood(tmp_path):
    """Of 2,000 requests, half of them hostile, a valid one isn't archived once, or memory grows."""
    path = tmp_path / "a.ndjson"
    with listening(tmp_path, "--archive", path) as (process, port):
        talk(port, numbered(1_000_000, random.Random(0)))
        before = memory_of(process.pid)
        threads, acknowledged, failures = flood_from_eight(port, 2_000)
        for thread in threads:
            thread.join()
        after = memory_of(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    numbers, unreadable = archived(path)
    assert not failures
    assert unreadable == 0
    assert sorted(numbers) == [*(number for number in range(2_000) if not is_hostile(number)), 1_000_000]
    assert sorted(acknowledged) == sorted(numbers)[:-1]
    assert after - before < 64 * 2**20
    assert "Traceback" not in (tmp_path / "err").read_text()
    assert "Error" not in (tmp_path / "err").read_text()


def test_a_kill(tmp_path):
    """After SIGKILL, a request that was acknowledged isn't in the archive, or the next run damages it."""
    path = tmp_path / "a.ndjson"
    with listening(tmp_path, "--archive", path) as (process, port):
        threads, acknowledged, failures = flood_from_eight(port, 100_000)
        while len(acknowledged) < 100 and not failures:
            time.sleep(0.01)
        process.kill()
        for thread in threads:
            thread.join()
    assert not failures
    numbers, unreadable = archived(path)
    assert {*acknowledged} <= {*numbers}
    assert len(numbers) == len({*numbers})
    assert unreadable <= 1
    with path.open("ab") as file:
        file.write(b'{"method": "POST", "pa')  # A line that another kill cut.
    (tmp_path / "out").unlink()
    with listening(tmp_path, "--archive", path) as (process, port):
        assert statuses(talk(port, numbered(1_000_000, random.Random(0)))) == [200]
    after, unreadable_after = archived(path)
    assert after == [*numbers, 1_000_000]
    assert unreadable_after == unreadable + 1
    assert f"Note: the last line of {path} was incomplete" in (tmp_path / "err").read_text()
