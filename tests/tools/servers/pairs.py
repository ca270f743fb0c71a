"""Send unusual requests to 15 pairs of server and framework, over real connections.

For each request, the status must be one that is expected here: no error of the server, no hang, no half body that is
taken for a whole one. On a connection that stays open, the next request must be answered as if it were the first.

Run it by hand. It needs these packages, skips the pairs whose server or framework is missing, and names them::

    pip install aiohttp daphne django fastapi flask gevent gunicorn h11 httptools hypercorn python-multipart
    pip install uvicorn waitress
    python tests/tools/servers/pairs.py

To run some pairs only, pass parts of their names: ``python tests/tools/servers/pairs.py daphne``. It exits with 1 if an
answer is not expected.
"""

import argparse
import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from exotel_callback.testing import encode_form, encode_json, encode_multipart

TESTS = Path(__file__).resolve().parents[2]
PATIENCE = 10.0
CLOSED = None  # The server closed the connection instead of answering.
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
LIMIT = 65_536

GUNICORN = ["gunicorn", "--bind=fd://{fd}", "--log-level=error"]
WAITRESS = (
    "import socket, waitress, {module}; waitress.serve({module}.app, sockets=[socket.socket(fileno={fd})], threads=2)"
)
UVICORN = (
    "import socket, uvicorn, {module}; "
    "uvicorn.Server(uvicorn.Config({module}.app, http='{http}')).run(sockets=[socket.socket(fileno={fd})])"
)


class Pair(NamedTuple):
    """A server with an application: the packages that it needs, its command, and the traits that change an answer."""

    name: str
    packages: list[str]
    command: list[str]
    # The server reads a whole body before it calls the application, so it never answers a request with half a body.
    buffers: bool = False
    # The application gets no chunked body. The adapter then refuses it.
    loses_chunks: bool = False
    # The server decompresses a body.
    decompresses: bool = False
    # The server answers 500 if the application's answer has no body, not even an empty string.
    fails_without_body: bool = False
    # A form that breaks off is half a form to the framework, and the adapter can't find out. The docs advise against
    # reading the form before the adapter.
    keeps_half_forms: bool = False


def pairs():
    """Return the 15 pairs."""
    found = []
    for framework in ("flask", "django"):
        for worker in ("sync", "gthread", "gevent"):
            command = [*GUNICORN, f"--worker-class={worker}", f"{framework}_app:app"]
            packages = ["gunicorn", framework, *(["gevent"] if worker == "gevent" else [])]
            keeps = framework == "flask"
            found.append(Pair(f"gunicorn {worker}, {framework}", packages, command, keeps_half_forms=keeps))
        command = ["-c", WAITRESS.replace("{module}", f"{framework}_app")]
        found.append(Pair(f"waitress, {framework}", ["waitress", framework], command, buffers=True))
    command = ["hypercorn", "--bind=fd://{fd}", "--log-level=error"]
    wsgi = [*command, "wsgi:flask_app:app"]
    traits = {"buffers": True, "loses_chunks": True, "fails_without_body": True}
    found.append(Pair("hypercorn WSGI, flask", ["hypercorn", "flask"], wsgi, **traits))
    found.append(
        Pair("hypercorn, fastapi", ["hypercorn", "fastapi", "python_multipart"], [*command, "fastapi_app:app"])
    )
    for http in ("h11", "httptools"):
        command = ["-c", UVICORN.replace("{module}", "fastapi_app").replace("{http}", http)]
        found.append(Pair(f"uvicorn {http}, fastapi", ["uvicorn", http, "fastapi", "python_multipart"], command))
    command = ["daphne", "--fd={fd}", "--verbosity=0"]
    found.append(Pair("daphne, fastapi", ["daphne", "fastapi"], [*command, "fastapi_app:app"], buffers=True))
    found.append(Pair("daphne, django", ["daphne", "django"], [*command, "django_app:asgi"], buffers=True))
    found.append(Pair("aiohttp, aiohttp", ["aiohttp"], ["aiohttp_app.py", "{fd}"], decompresses=True))
    return found


@contextmanager
def serving(pair, log):
    """Start a pair on a free port of this machine, yield the port, and always stop it."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener, log.open("wb") as output:
        port, fd = listener.getsockname()[1], listener.fileno()
        is_module = pair.command[0] not in {"-c", "aiohttp_app.py"}
        arguments = [*(["-m"] if is_module else []), *(part.replace("{fd}", str(fd)) for part in pair.command)]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                str(TESTS.parent / name) for name in ("src", "tests/servers", "docs/examples")
            ),
            "CALLS_DB": str(log.parent / "calls.db"),
            "XDG_RUNTIME_DIR": str(log.parent),
        }
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=TESTS / "servers",
            env=environment,
            stdout=output,
            stderr=output,
            pass_fds=[fd],
        )
    try:
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Case(NamedTuple):
    """What is sent on one connection, and the statuses that each answer may have."""

    name: str
    # Bytes to send, seconds to wait, or None to close our side of the connection.
    pieces: list
    # For each request, its expected statuses.
    expected: list
    is_head: bool = False


def body_of(sid, **more):
    return encode_form({"CallSid": sid, "Status": "busy", **more})[0]


def chunked(body, size=1_000, extension=b"", end=b"0\r\n\r\n"):
    """Return a body in chunks."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts) + end


def request(body=b"", *headers, path="/plain", content_type=FORM, method="POST", length=None, version="1.1"):
    """Return a request. Its body is in chunks if `length` is False."""
    lines = [f"{method} {path} HTTP/{version}", "Host: 127.0.0.1", *headers]
    lines += [f"Content-Type: {content_type}"] if content_type else []
    if length is False:
        lines.append("Transfer-Encoding: chunked")
        body = chunked(body)
    elif length is None:
        lines.append(f"Content-Length: {len(body)}")
    elif length:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


SMUGGLED = request(body_of("smuggled"))
OK = {200}
REFUSED = {400, CLOSED}


def next_one():
    """Return another request for the same connection, which the server may have closed."""
    return request(body_of("next")), {200, CLOSED}


def followed(name, first, expected):
    """Return a case with one request and the next one on its connection."""
    after, afterwards = next_one()
    return Case(name, [first, 0.05, after], [expected, afterwards])


def cases(pair):
    """Return the requests for a pair."""
    in_chunks = {400} if pair.loses_chunks else OK
    payload = {"CallSid": "first", "Status": "busy", "To": "0"}
    encoded = {"form": encode_form(payload), "JSON": encode_json(payload), "multipart": encode_multipart(payload)}
    body = body_of("first")
    whole = body_of("first", x="y" * (LIMIT - len(body_of("first", x=""))))
    half = b"CallSid=first&Status=b"
    again = half + b"usy&x=1&CallSid=rest&Status=failed"
    packed = gzip.compress(body, mtime=0)
    made = []
    # The encodings, with a length and in chunks, also after a middleware.
    for kind, (encoded_body, content_type) in encoded.items():
        made.append(Case(f"{kind} with its length", [request(encoded_body, content_type=content_type)], [OK]))
        first = request(encoded_body, content_type=content_type, length=False)
        made.append(Case(f"{kind} in chunks", [first], [in_chunks]))
    made += [
        Case(f"{path} in chunks", [request(body, path=path, length=False)], [in_chunks])
        for path in ("/body-first", "/form-first")
    ]
    head = request(b"", "Transfer-Encoding: chunked", length="")
    made += [
        Case("chunks of one byte", [head + chunked(body, 1)], [in_chunks]),
        Case("chunks with an extension", [head + chunked(body, extension=b";a=b")], [in_chunks]),
        Case("chunks with a trailer", [head + chunked(body, end=b"0\r\nX-A: 1\r\n\r\n")], [in_chunks | {400}]),
        Case("slow chunks", [head, 0.2, chunked(body, end=b""), 0.2, b"0\r\n\r\n"], [in_chunks]),
        Case("a slow body", [request(b"", length=len(body)), 0.2, body[:9], 0.2, body[9:]], [OK]),
        # Other methods, and no body.
        Case("no length", [request(length="")], [{422, 411}]),
        Case("a length of 0", [request()], [{422}]),
        Case("GET", [request(method="GET", content_type=None, length="")], [{422}]),
        Case(
            "HEAD",
            [request(method="HEAD", content_type=None, length="")],
            [{405, 422} | ({500} if pair.fails_without_body else set())],
            is_head=True,
        ),
        Case("PUT", [request(body, method="PUT")], [{200, 405}]),
        Case("HTTP/1.0", [request(body, version="1.0")], [OK]),
        Case("query parameters", [request(body, path="/plain?Status=failed&CallSid=query")], [OK]),
        Case("a long query", [request(body, path=f"/plain?a={'x' * 7_000}")], [{200, 400, 414, 431}]),
        # The secret.
        *[
            followed(f"a secret as {query or 'nothing'}", request(body, path=f"/secret{query}"), {status})
            for query, status in [
                ("", 401),
                ("?secret=wrong", 401),
                ("?secret=right", 200),
                ("?%73ecret=%72ight", 200),
                ("?secret=right&secret=right", 401),
                ("?secret=wrong&%73ecret=right", 401),
                ("?secret=right%20", 401),
            ]
        ],
        Case("a secret of bytes", [request(body, path="/bytes?secret=%FF%fe")], [OK]),
        Case("another secret of bytes", [request(body, path="/bytes?secret=%FF%FD")], [{401}]),
        Case("replacement characters", [request(body, path="/bytes?secret=%EF%BF%BD%EF%BF%BD")], [{401}]),
        Case("a secret that isn't escaped", [request(body, path="/bytes?secret=\xff\xfe")], [{200, 400, 401}]),
        followed("401 in chunks", request(body, path="/secret", length=False), {401}),
        followed("401 with a large body", request(whole, path="/secret"), {401}),
        # The limit.
        Case("a body of the limit", [request(whole)], [OK]),
        Case("a body of the limit in chunks", [request(whole, length=False)], [in_chunks]),
        followed("413", request(whole + b"x"), {413}),
        followed("413 in chunks", request(whole + b"x", length=False), {400} if pair.loses_chunks else {413}),
        Case("413 before the body", [request(length=4_000_000), None], [{413, *REFUSED}]),
        Case("twice, with its length", [request(again, path="/again")], [OK]),
        # Servers that buffer give the whole body to the second call, too.
        Case(
            "twice, in chunks", [request(again, path="/again", length=False)], [{200, 400} if pair.buffers else {400}]
        ),
        # The content type.
        followed("a wrong type", request(body, content_type="text/plain"), {415}),
        Case("no type", [request(body, content_type=None)], [OK]),
        Case("an unknown charset", [request(body, content_type=f"{FORM}; charset=klingon")], [{415}]),
        followed("invalid JSON", request(b"{", content_type=JSON), {400}),
        Case(
            "half of multipart", [request(encoded["multipart"][0][:-9], content_type=encoded["multipart"][1])], [{400}]
        ),
        Case("multipart without a boundary", [request(body, content_type="multipart/form-data")], [{400}]),
        # Bodies that look like a request.
        followed("401 for a request in a body", request(SMUGGLED, path="/secret"), {401}),
        followed("415 for a request in a body", request(SMUGGLED, content_type="text/plain"), {415}),
        followed("a large request in a body", request(SMUGGLED + b"x" * LIMIT), {413}),
        followed(
            "a request in chunks", request(SMUGGLED + b"x" * LIMIT, length=False), {400} if pair.loses_chunks else {413}
        ),
        # Compression.
        Case("gzip", [request(packed, "Content-Encoding: gzip")], [OK if pair.decompresses else {400}]),
        Case("not gzip", [request(body, "Content-Encoding: gzip")], [REFUSED if pair.decompresses else OK]),
        Case(
            "a large gzip body",
            [request(gzip.compress(whole + b"x" * LIMIT, mtime=0), "Content-Encoding: gzip")],
            [{413} if pair.decompresses else {400}],
        ),
        # Expect, and bodies that break off.
        Case("100-continue", [request(b"", "Expect: 100-continue", length=len(body)), 0.1, body], [OK]),
        Case(
            "100-continue and 401",
            [request(b"", "Expect: 100-continue", path="/secret", length=len(body)), 0.1, body],
            [{401}],
        ),
        Case("half a body", [request(body[:-4], length=len(body)), None], [REFUSED]),
        Case("half a body that is a callback", [request(body, length=len(body) + 9), None], [REFUSED]),
        Case(
            "half a form",
            [request(body, path="/form-first", length=len(body) + 9), None],
            [REFUSED | OK if pair.keeps_half_forms else REFUSED],
        ),
        Case("no last chunk", [head + chunked(body, end=b""), None], [REFUSED]),
        Case("half a chunk", [head + b"40\r\n" + body, None], [REFUSED]),
        Case("an invalid chunk", [head + chunked(body, end=b"zz\r\n"), None], [REFUSED]),
        # Invalid lengths. The server decides.
        Case("a length of -1", [request(body, length="-1"), None], [REFUSED]),
        Case("a length of letters", [request(body, length="abc"), None], [REFUSED]),
        Case("two lengths", [request(body, "Content-Length: 5"), None], [REFUSED]),
        Case(
            "a length and chunks",
            [request(chunked(body), "Transfer-Encoding: chunked", length=5), None],
            [{200, *REFUSED}],
        ),
        # Pipelining.
        Case("two at once", [request(body) + request(body_of("next"))], [OK, {200, CLOSED}]),
        Case(
            "three at once",
            [request(body) + request(body, path="/secret") + request(body_of("next"))],
            [OK, {401, CLOSED}, {200, CLOSED}],
        ),
    ]
    return made


class Answers:
    """The answers on one connection."""

    def __init__(self, connection):
        self.file = connection.makefile("rb")

    def read(self, *, is_head=False):
        """Return the status and the body of the next answer, or None for a connection that was closed."""
        line = self.file.readline()
        if not line:
            return CLOSED, b""
        status = int(line.split()[1])
        headers = {}
        while (header := self.file.readline()) not in {b"\r\n", b"\n", b""}:
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        if 100 <= status < 200:
            return self.read(is_head=is_head)
        if is_head or status in {204, 304}:
            return status, b""
        if "chunked" in headers.get("transfer-encoding", ""):
            body = b""
            while size := int(self.file.readline().split(b";")[0] or b"0", 16):
                body += self.file.read(size)
                self.file.readline()
            self.file.readline()
            return status, body
        length = headers.get("content-length")
        return status, self.file.read() if length is None else self.file.read(int(length))


def play(port, case):
    """Send the pieces of a case, and return a line for each fault."""
    answers = []
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        for piece in case.pieces:
            # A server may refuse a request, and close the connection, while we send it.
            with suppress(ConnectionError):
                if piece is None:
                    connection.shutdown(socket.SHUT_WR)
                elif isinstance(piece, float):
                    time.sleep(piece)
                else:
                    connection.sendall(piece)
        reader = Answers(connection)
        for _ in case.expected:
            try:
                answers.append(reader.read(is_head=case.is_head))
            except TimeoutError:
                return [f"no answer in {PATIENCE:.0f} seconds"]
            except ConnectionError:
                answers.append((CLOSED, b""))
    return [
        fault
        for number, ((status, body), expected) in enumerate(zip(answers, case.expected, strict=True))
        for fault in faults_of(number, status, body, expected)
    ]


def faults_of(number, status, body, expected):
    """Yield the faults of one answer."""
    if status not in expected:
        yield f"answer {number + 1} is {status}, not one of {expected}: {body[:100]!r}"
    if b"smuggled" in body:
        yield f"answer {number + 1} is that of a part of a body"
    if status == 200 and body:
        found = json.loads(body)["dump"]
        if found["call_sid"] not in {"first", "next"} or found["status"] != "busy":
            yield f"answer {number + 1} has another callback: {body[:100]!r}"


def wait(port, log):
    """Wait until a server answers."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(request(method="GET", content_type=None, length=""))
        try:
            status, _ = Answers(connection).read()
        except OSError:
            status = CLOSED
    if status != 422:
        sys.exit(f"the server did not start:\n{log.read_text()}")


def check(pair):
    """Send all requests to a pair, and return the number of requests and the faults."""
    made = cases(pair)
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with serving(pair, log) as port:
            wait(port, log)
            for case in made:
                faults += [f"{case.name}: {fault}" for fault in play(port, case)]
    return sum(len(case.expected) for case in made), faults


def main():
    """Check the pairs one after another, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help="parts of the names of pairs")
    parts = parser.parse_args().parts
    is_right = True
    skipped = []
    for pair in pairs():
        if parts and not any(part in pair.name for part in parts):
            continue
        missing = [package for package in pair.packages if find_spec(package) is None]
        if missing:
            skipped.append(f"{pair.name} ({', '.join(missing)})")
            continue
        start = time.perf_counter()
        count, faults = check(pair)
        is_right &= not faults
        print(
            f"{pair.name:28} {count:3} requests {len(faults):3} faults {time.perf_counter() - start:5.1f} s", flush=True
        )
        for fault in faults:
            print(f"    {fault}", flush=True)
    if skipped:
        print(f"skipped, because a package is missing: {'; '.join(skipped)}")
    sys.exit(not is_right)


if __name__ == "__main__":
    main()
