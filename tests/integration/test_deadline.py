"""Test the connections of ``send`` against servers that never end an answer, or that are at changing addresses."""

import socket
import ssl
import subprocess
import time
from contextlib import contextmanager, suppress
from itertools import repeat
from shutil import which
from threading import Event, Thread

import httpcore2
import pytest

from command import run
from exotel_callback._cli import connection, delivery
from exotel_callback._cli.delivery import checked_addresses, parse_url, sender
from exotel_callback.testing import Delivery, encode_form, payload

POST = Delivery(*reversed(encode_form(payload())))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
# The seconds after which a delivery must have ended. Its deadline is 0.3 seconds.
PATIENCE, BOUND = 0.15, 1.5


@contextmanager
def server(answer, host="127.0.0.1", tls=None):
    """Run a server that passes each connection to a function, and yield its port."""
    ended = Event()

    def serve(listener):
        while not ended.is_set():
            with suppress(OSError):
                accepted, _ = listener.accept()
                # The client hangs up in each of these tests, or the handshake fails.
                with suppress(OSError), tls.wrap_socket(accepted, server_side=True) if tls else accepted as stream:
                    stream.settimeout(10)
                    answer(stream, ended)

    with socket.create_server((host, 0)) as listener:
        listener.settimeout(0.05)
        thread = Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            thread.join()


def slowly(start, repeated, pause=0.02):
    """Return a function that sends the start of an answer, and then the same bytes again and again."""

    def answer(stream, ended):
        stream.recv(65_536)
        stream.sendall(start)
        while not ended.is_set():
            stream.sendall(repeated)
            time.sleep(pause)

    return answer


def silent(_, ended):
    """Read and answer nothing."""
    ended.wait(10)


HOSTILE = {
    "silent": (silent, "no answer after 0."),
    "a flood of early hints": (slowly(b"", b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * 50, 0), "no answer after"),
    "early hints": (slowly(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), "no answer after 0."),
    "a header byte by byte": (slowly(b"HTTP/1.1 200 OK\r\nA: ", b"a"), "no answer after 0."),
    "endless headers": (slowly(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), "no answer after 0."),
    "a body byte by byte": (slowly(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), "200 after 0."),
    "chunks of nothing": (
        slowly(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        "200 after 0.",
    ),
    "an endless body": (slowly(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536, 0), "200 after 0."),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_delivery_ends_at_its_deadline(name):
    """A delivery goes on although its deadline is over, because the server sends a byte before each timeout."""
    answer, told = HOSTILE[name]
    with server(answer) as port:
        started = time.monotonic()
        code, out, _ = run(
            "send", f"http://127.0.0.1:{port}/", "inbound-missed", "--retries=0", f"--timeout={PATIENCE}"
        )
        assert time.monotonic() - started < BOUND
    assert out.startswith(f"1 of 1: {told}")
    assert code == (not told.startswith("200"))
    assert len(out) < 400


def test_a_server_that_never_reads():
    """A large body is written for ever, because the server never reads it."""
    with server(silent) as port:
        url = parse_url(f"http://127.0.0.1:{port}/")
        started = time.monotonic()
        answer = sender(url, checked_addresses(url, allow_public=False), patience=PATIENCE)(
            POST._replace(body=b"x" * 30_000_000)
        )
        assert time.monotonic() - started < BOUND
    assert answer.status == "no answer"


def test_a_server_that_answers_before_it_has_read_all():
    """The answer to a body that is too large is lost, because the server hangs up."""

    def refuse(stream, _):
        stream.recv(1_024)
        stream.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        stream.shutdown(socket.SHUT_RDWR)

    with server(refuse) as port:
        url = parse_url(f"http://127.0.0.1:{port}/")
        answer = sender(url, checked_addresses(url, allow_public=False), patience=5)(
            POST._replace(body=b"x" * 30_000_000)
        )
    # The system can discard the answer together with the connection.
    assert answer.status == "413" or answer.status.startswith("no valid HTTP answer (")


def test_a_handshake_ends_at_the_deadline():
    """A handshake of TLS goes on for ever."""
    with server(slowly(b"", b"")) as port:
        started = time.monotonic()
        _, out, _ = run("send", f"https://127.0.0.1:{port}/", "inbound-missed", "--retries=0", f"--timeout={PATIENCE}")
        assert time.monotonic() - started < BOUND
    assert out.startswith("1 of 1: no answer after 0.")


def test_a_deadline_that_is_over():
    """An operation begins although no time is left."""
    with pytest.raises(TimeoutError):
        connection.Backend(connection.resolve("127.0.0.1"), -1).connect_tcp("127.0.0.1", 1)


def recording(requests, answer=OK):
    """Return a function that stores each request and answers it."""

    def respond(stream, _):
        # With TLS 1.3, the server can find out that the client refused its certificate only when it reads.
        if request := stream.recv(65_536):
            requests.append(request)
            stream.sendall(answer)
            # To close a connection before all is read would discard the answer.
            while stream.recv(65_536):
                pass

    return respond


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"", ""),
        (b"\r\n \n  Saved\x1b[2J order\nmore", "Saved\\x1b[2J order"),
        (b"\xff" + b"y" * 5_000, "\ufffd" + "y" * 199),
        (b" \n" * 3_000 + b"late", ""),
    ],
)
def test_the_first_line_of_the_answer_is_shown(body, line):
    """The first line of an answer isn't shown, isn't shortened, or controls the terminal."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    with server(recording([], answer)) as port:
        code, out, _ = run("send", f"http://127.0.0.1:{port}/", "inbound-missed")
    assert code == 0
    assert out.splitlines()[1:-1] == ([f"    {line}"] if line else [])


@pytest.mark.parametrize(("chunk", "count"), [(b"x" * 1_000, 5), (b"a\n", 1)])
def test_no_more_of_an_answer_is_read_than_is_shown(chunk, count):
    """An endless body is read until the deadline, and fills the memory."""
    chunks = repeat(chunk, 1_000)
    response = httpcore2.Response(200, content=chunks)
    assert delivery._first_line(response)
    assert len(list(chunks)) == 1_000 - count


def test_no_cookies_and_no_shared_connection():
    """A cookie or a connection of one delivery is used for the next one."""
    requests = []
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\n\r\n"
    with server(recording(requests, answer)) as port:
        assert run("send", f"http://127.0.0.1:{port}/", "connected", "--speed=100000")[0] == 0
    assert len(requests) == 3  # The server answers once per connection.
    assert not any(b"cookie" in request.lower() for request in requests)


@contextmanager
def names(monkeypatch, table):
    """Resolve names by a table of lists: each lookup takes the next list, and the last one repeats. Yield the names."""
    asked, resolve = [], socket.getaddrinfo

    def fake(host, *arguments, **more):
        if host not in table:
            return resolve(host, *arguments, **more)
        asked.append(host)
        found = table[host].pop(0) if len(table[host]) > 1 else table[host][0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 0)) for address in found]

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", fake)
        yield asked


def test_the_checked_address_is_the_one_that_is_connected_to(monkeypatch):
    """A name that has another address after the check gets the request there."""
    requests = []
    with server(recording(requests)) as port, names(monkeypatch, {"a.test": [["127.0.0.1"], ["127.0.0.2"]]}) as asked:
        assert run("send", f"http://a.test:{port}/", "connected", "--speed=100000")[0] == 0
    assert asked == ["a.test"]
    assert len(requests) == 3
    assert all(f"\r\nHost: a.test:{port}\r\n".encode() in request for request in requests)


def test_the_next_address_is_tried(monkeypatch):
    """A server isn't found if it doesn't listen at the first address of its name."""
    requests = []
    with server(recording(requests)) as port, names(monkeypatch, {"a.test": [["127.0.0.2", "127.0.0.1"]]}):
        assert run("send", f"http://a.test:{port}/", "inbound-missed")[0] == 0
    assert len(requests) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Return the files of a certificate for ``a.test`` and its key."""
    if not which("openssl"):
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "certificate.pem", folder / "key.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    names = ["-subj", "/CN=a.test", "-addext", "subjectAltName=DNS:a.test"]
    command = ["openssl", "req", "-x509", *curve, *names, "-out", files[0], "-keyout", files[1]]
    subprocess.run(command, check=True, capture_output=True)
    return files


def test_tls_uses_the_name(monkeypatch, certificate):
    """TLS checks or names the address in place of the host, or it accepts the certificate of another host."""
    file, key = certificate
    monkeypatch.setattr(delivery.httpcore2, "default_ssl_context", lambda: ssl.create_default_context(cafile=str(file)))
    tls, named, requests = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), [], []
    tls.load_cert_chain(file, key)
    tls.sni_callback = lambda _, name, __: named.append(name)
    addresses = {"a.test": [["127.0.0.1"]], "b.test": [["127.0.0.1"]]}
    with server(recording(requests), tls=tls) as port, names(monkeypatch, addresses):
        assert run("send", f"https://a.test:{port}/", "inbound-missed")[0] == 0
        code, out, _ = run("send", f"https://b.test:{port}/", "inbound-missed", "--retries=0")
    assert (code, len(requests), named) == (1, 1, ["a.test", "b.test"])
    assert out.startswith("1 of 1: no connection (")
    assert "certificate verify failed" in out
