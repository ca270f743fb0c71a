"""Test the adapters behind real servers, over real connections."""

import gzip
import json
import random
import shutil
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from exotel_callback import Outcome, PassthruEvent, dump, parse, parse_any, parse_passthru
from exotel_callback.testing import FLOW_SCENARIOS
from helpers import (
    ENCODERS,
    FORM,
    JSON,
    LEAST,
    MULTIPART,
    PAGE,
    encode_form,
    encode_json,
    encode_multipart,
    flat_pairs,
    multipart,
)

PATHS = ["/plain", "/form-first", "/body-first"]
DUMP = json.loads(json.dumps(dump(parse(PAGE))))
NAMES = {encoding: sorted({name for name, _ in flat_pairs(PAGE)}) for encoding in ENCODERS} | {"json": sorted(PAGE)}
TOO_LARGE = 70 * 1024


only_fastapi = pytest.mark.parametrize("server", ["fastapi"], indirect=True)


def chunks(body, size=1000):
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("encoding", ENCODERS)
def test_ordinary(server, encoding, path):
    """A callback is misread, or fails after a middleware read the form or the body."""
    status, answer = server.send(path, *ENCODERS[encoding](PAGE))
    assert (status, answer) == (200, {"dump": DUMP, "raw": NAMES[encoding]})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("encoding", ENCODERS)
def test_the_receivers_own_query_parameters(server, encoding, path):
    """A query parameter is read as a field, or is in ``raw``."""
    status, answer = server.send(f"{path}?key=1&Status=busy&Custom=x", *ENCODERS[encoding](PAGE))
    assert (status, answer) == (200, {"dump": DUMP, "raw": NAMES[encoding]})


@pytest.mark.parametrize("encoding", ENCODERS)
def test_in_chunks(server, encoding):
    """A chunked body is misread."""
    body, content_type = ENCODERS[encoding](PAGE)
    status, answer = server.send("/plain", chunks(body), content_type)
    assert (status, answer) == (200, {"dump": DUMP, "raw": NAMES[encoding]})


@pytest.mark.parametrize("path", PATHS)
def test_upload(server, path):
    """An upload is read as a field."""
    upload = '--x\r\nContent-Disposition: form-data; name="To"; filename="a.txt"\r\n\r\n1\r\n'
    status, answer = server.send(path, upload.encode() + multipart(flat_pairs(PAGE)), MULTIPART)
    assert (status, answer) == (200, {"dump": DUMP, "raw": NAMES["multipart"]})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("part_type", ["text/plain; charset=utf-8", "application/json", "application/octet-stream"])
def test_parts_with_a_content_type(server, part_type, path):
    """A part with a content type but without a file name isn't a field."""
    fields = {**PAGE, "CustomField": "caf\xe9"}
    body = multipart(flat_pairs(fields), headers=f"Content-Type: {part_type}\r\n")
    status, answer = server.send(path, body, MULTIPART)
    assert (status, answer) == (200, {"dump": {**DUMP, "custom_field": "caf\xe9"}, "raw": NAMES["multipart"]})


@pytest.mark.parametrize("path", ["/plain", "/body-first"])
@pytest.mark.parametrize("in_chunks", [False, True], ids=["with its length", "in chunks"])
@pytest.mark.parametrize("encoding", ENCODERS)
def test_too_large(server, encoding, in_chunks, path):
    """A body that is too large is accepted, with or without a ``Content-Length``."""
    body, content_type = ENCODERS[encoding]({**PAGE, "CustomField": "x" * TOO_LARGE})
    status, answer = server.send(path, chunks(body) if in_chunks else body, content_type)
    assert (status, answer["error"]) == (413, "DecodeError")
    assert "larger than 65536 bytes" in answer["message"]


def test_too_large_is_refused_before_it_is_read(server):
    """A body that is too large by its ``Content-Length`` is read."""
    head = f"POST /plain HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {JSON}\r\nContent-Length: 4000000000\r\n\r\n"
    assert server.send_bytes(head.encode()) == 413


def test_chunks_without_an_end_are_refused(server):
    """Chunks without an end are read beyond the limit."""
    head = f"POST /plain HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {JSON}\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"2000\r\n" + b" " * 0x2000 + b"\r\n"
    assert server.send_bytes(head.encode() + 9 * chunk) == 413


@pytest.mark.parametrize("end", [b"\r\nzz\r\n", b"xx0\r\n\r\n", b"", b"\r\n"])
@pytest.mark.parametrize("path", ["/plain", "/form-first"])
def test_broken_chunks(server, path, end):
    """Broken chunks are parsed, or are answered as an error of the server."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"15\r\nCallSid=a&Status=busy" + end
    assert server.send_bytes(head.encode() + body, hangs_up=True) in {400, None}


@pytest.mark.parametrize("compression", ["gzip", "deflate"])
def test_a_body_that_is_not_compressed_as_its_header_says(server, compression):
    """A body that doesn't match its ``Content-Encoding`` is answered as an error of the server."""
    headers = {
        "Content-Type": JSON,
        "Content-Encoding": compression,
        "Connection": "close",  # aiohttp closes the connection after such a body.
    }
    response = server.client.post("/plain", content=encode_json(PAGE)[0], headers=headers)
    assert response.status_code == (400 if server.name == "aiohttp" else 200)


@pytest.mark.parametrize("server", ["aiohttp"], indirect=True)
def test_compressed(server):
    """The limit doesn't apply to the decompressed body."""
    for more, status in ((0, 200), (1_000_000, 413)):
        body, content_type = encode_json({**PAGE, "CustomField": "x" * more})
        headers = {"Content-Type": content_type, "Content-Encoding": "gzip", "Connection": "close"}
        assert server.client.post("/plain", content=gzip.compress(body), headers=headers).status_code == status


BROKEN = {
    "JSON": (encode_json(PAGE)[0][:-1], JSON),
    "no object": (b"[]", JSON),
    "form of other bytes": (b"CallSid=a&Status=\xff", FORM),
    "multipart without its end": (encode_multipart(PAGE)[0][:-20], encode_multipart(PAGE)[1]),
    "multipart cut off in a field": (encode_multipart(PAGE)[0][:1000], encode_multipart(PAGE)[1]),
    "another boundary": (encode_multipart(PAGE)[0], MULTIPART),
    "no boundary": (encode_multipart(PAGE)[0], "multipart/form-data"),
    "no multipart": (b"garbage\xff\x00", MULTIPART),
    "too many fields": (multipart((f"n{number}", "") for number in range(1_500)), MULTIPART),
}


@pytest.mark.parametrize("path", ["/plain", "/body-first"])
@pytest.mark.parametrize("name", BROKEN)
def test_broken(server, name, path):
    """A broken body is answered as an error of the server."""
    status, answer = server.send(path, *BROKEN[name])
    assert (status, answer["error"]) == (413 if name == "too many fields" else 400, "DecodeError")


# These frameworks read such a body into some fields or none. An adapter can't detect that it was broken.
READ_ALL_THE_SAME = {
    "flask": set(),
    "django": {"form of other bytes", "multipart without its end", "multipart cut off in a field", "another boundary"},
    "fastapi": {"form of other bytes", "multipart without its end", "multipart cut off in a field"},
    "aiohttp": set(),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_form_that_was_read(server, name):
    """A broken form that a framework read as empty is accepted as an event without fields."""
    status, answer = server.send("/form-first", *BROKEN[name])
    if name in READ_ALL_THE_SAME[server.name]:
        assert status in {200, 400, 422}
    else:
        assert (status in {400, 413}, answer["error"]) == (True, "DecodeError")


@pytest.mark.parametrize("path", PATHS)
def test_wrong_content_type(server, path):
    """A body with an unsupported content type is read, or the answer doesn't list the supported ones."""
    status, answer = server.send(path, encode_json(PAGE)[0], "text/plain")
    assert (status, answer["error"]) == (415, "DecodeError")
    assert JSON in answer["message"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("encoding", ["json", "form"])
def test_no_content_type(server, encoding, path):
    """A content type isn't guessed from the body."""
    status, answer = server.send(path, ENCODERS[encoding](PAGE)[0])
    assert (status, answer) == (200, {"dump": DUMP, "raw": NAMES[encoding]})


def test_multipart_without_content_type(server):
    """The answer for multipart without its header doesn't say that the boundary is missing."""
    status, answer = server.send("/plain", encode_multipart(PAGE)[0])
    assert (status, answer["error"]) == (400, "DecodeError")
    assert "Content-Type" in answer["message"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("content_type", [None, JSON, FORM, MULTIPART])
def test_empty(server, content_type, path):
    """An empty body is not answered as an event without fields."""
    status, answer = server.send(path, b"", content_type)
    assert (status, answer["error"]) == (422, "MissingFieldError")


@pytest.mark.parametrize("path", PATHS)
def test_get(server, path):
    """A GET that probes the URL is answered as an error of the server."""
    status, answer = server.send(path, method="GET")
    assert (status, answer["error"]) == (422, "MissingFieldError")


def test_strict(server):
    """An unrecognized value isn't an error in strict mode, or isn't an issue otherwise."""
    body = encode_form({**LEAST, "Status": "exploded"})
    status, answer = server.send("/plain", *body)
    assert (status, answer["dump"]["status"], len(answer["dump"]["issues"])) == (200, "unknown", 1)
    status, answer = server.send("/strict", *body)
    assert (status, answer["error"]) == (422, "InvalidCallbackError")
    assert answer["message"].endswith("@ Status")
    assert server.send("/strict", *encode_form(PAGE))[0] == 200


@pytest.mark.parametrize("encoding", ENCODERS)
def test_right_secret(server, encoding):
    """The right secret is refused, or is in ``raw``."""
    status, answer = server.send("/secret?key=1&secret=right", *ENCODERS[encoding](PAGE))
    assert (status, answer) == (200, {"dump": DUMP, "raw": NAMES[encoding]})


@pytest.mark.parametrize("query", ["secret=%FF%FE", "secret=%ff%fe&key=1"])
def test_a_secret_of_bytes(server, query):
    """A secret of bytes that aren't UTF-8 is refused, or another one is accepted."""
    assert server.send(f"/bytes?{query}", *encode_form(PAGE))[0] == 200
    assert server.send("/bytes?secret=%FF%FD", *encode_form(PAGE))[0] == 401
    assert server.send("/bytes?secret=%EF%BF%BD%EF%BF%BD", *encode_form(PAGE))[0] == 401


def test_again_after_a_body_that_is_too_large(server):
    """A handler that parses a request again after a 413 gets a part of the body as a whole one."""
    half = b"CallSid=a&Status=busy&"
    assert len(half) == 22
    body = half + b"x&CallSid=b&Status=failed"
    status, answer = server.send("/again", body, FORM)
    assert (status, answer["raw"]) == (200, ["CallSid", "Status", "x"])
    status, answer = server.send("/again", chunks(body), FORM)
    assert (status, answer["error"]) == (400, "DecodeError")


# Every query except one with the right secret exactly once.
CLOSED = [
    "",
    "?secret",
    "?secret=",
    "?secret=wrong",
    "?Secret=right",
    "?secret=Right",
    "?secret=right%20",
    "?secret=%FF",
    "?secret=wrong&secret=right",
    "?secret=right&secret=wrong",
]


@pytest.mark.parametrize("query", CLOSED)
def test_no_secret(server, query):
    """A wrong, missing or repeated secret is accepted, or the answer reveals it."""
    status, answer = server.send(f"/secret{query}", *encode_form({**PAGE, "secret": "right"}))
    assert (status, answer["error"]) == (401, "AuthenticationError")
    assert "right" not in answer["message"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [*BROKEN.values(), (b"", None), (b"x" * TOO_LARGE, FORM), (b"x", "text/plain")],
)
def test_the_secret_comes_first(server, body, content_type):
    """The body is parsed before the secret is checked, so the answer describes it to an attacker."""
    assert server.send("/secret?secret=wrong", body, content_type)[0] == 401


def test_get_without_the_secret(server):
    """A GET without the secret gets another answer than 401."""
    assert server.send("/secret", method="GET")[0] == 401


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(server):
    """The multipart of curl is misread."""
    fields = [f"-F{name}={value}" for name, value in flat_pairs(PAGE)]
    url = f"http://127.0.0.1:{server.port}/plain?key=1"
    command = ["curl", "-q", "--silent", "--noproxy", "*", "--max-time", "30", *fields, url]
    done = subprocess.run(command, capture_output=True, check=True)
    assert json.loads(done.stdout) == {"dump": DUMP, "raw": NAMES["multipart"]}


@only_fastapi
@pytest.mark.parametrize("encoding", ENCODERS)
def test_dependency(server, encoding):
    """The dependency doesn't pass the callback to the handler."""
    status, answer = server.send("/depends?secret=right&key=1", *ENCODERS[encoding](PAGE))
    assert (status, answer) == (200, {"dump": DUMP, "raw": NAMES[encoding]})


@only_fastapi
def test_dependency_in_the_documentation(server):
    """FastAPI documents an option of the dependency as a parameter of the request."""
    status, schema = server.send("/openapi.json", method="GET")
    assert status == 200
    assert not schema["paths"]["/depends"]["post"].keys() & {"parameters", "requestBody"}


AGENTS = {"flow-missed", "flow-connected", "flow-outbound"}


@pytest.mark.parametrize("seed", [1, 2])
def test_one_url_for_whole_calls(server, seed):
    """A handler at one URL doesn't end in one right row for each call, whatever the order and the repetitions."""
    rng = random.Random(seed)
    requests, expected = [], []
    for name, scenario in FLOW_SCENARIOS.items():
        sid = f"{name}-{seed}"
        for delivery in scenario.deliveries(rng.choice(list(ENCODERS.values()))):
            query = delivery.query.replace(scenario.call_sid, sid)
            body = delivery.body.replace(scenario.call_sid.encode(), sid.encode())
            event = parse_any(query or body, delivery.content_type or None)
            is_missed = isinstance(event, PassthruEvent) and event.outcome in {Outcome.NO_ANSWER, Outcome.FAILED}
            request = f"/one-url?secret=right&{query}", body, delivery.content_type, delivery.method
            requests += [(request, 302 if is_missed else 200, event)] * rng.choice([1, 2, 3])
        expected.append((sid, scenario.outcome.value, "09123456789" if name in AGENTS else None))
    rng.shuffle(requests)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda request: server.send(*request[0]), requests))
    for (status, answer), (_, wanted, event) in zip(answers, requests, strict=True):
        assert (status, answer["dump"]) == (wanted, json.loads(json.dumps(dump(event))))
        assert answer["raw"] == sorted(event.raw)
    with closing(sqlite3.connect(server.log.parent / "calls.db")) as db:
        rows = db.execute("SELECT call_sid, outcome, agent FROM flow_calls WHERE call_sid LIKE ?", (f"%-{seed}",))
        assert sorted(rows) == sorted(expected)


def message_of(answer):
    """Return the message of an error. The dependency of FastAPI names it differently."""
    return answer.get("message") or answer["detail"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_one_url_checks_the_secret_first(server, method):
    """A request without the right secret is read, or the answer describes it."""
    for query in CLOSED:
        path = f"/one-url{query or '?'}&CallSid=a&flow_id=%FF"
        assert server.client.request(method, path).status_code == 401
    if method == "GET":
        status, answer = server.send("/one-url?secret=right", method="GET")
        assert status == 422
        assert "a probe of the URL" in message_of(answer)


@pytest.mark.parametrize("query", ["CallSid=%FF&flow_id=1", "CallSid=a&flow_id=%C3"])
def test_a_query_that_is_not_utf_8(server, query):
    """A query that isn't UTF-8 is answered as an error of the server, or is read as other characters."""
    status, answer = server.send(f"/one-url?secret=right&{query}", method="GET")
    assert (status, message_of(answer)) == (400, "the body is not valid utf-8")


def test_a_query_with_escapes(server):
    """A server or a framework changes the escapes of a query, so that a field is misread."""
    query = "CallSid=a%2Bb+c&flow_id=%E0%A4%A8&CustomField=x%3D1%26y%3D%2520"
    query += "&Legs%5B0%5D%5BCause%5D=16&Stream[Status]=failed"
    status, answer = server.send(f"/one-url?secret=right&{query}", method="GET")
    assert (status, answer["dump"]) == (302, json.loads(json.dumps(dump(parse_passthru(query)))))
