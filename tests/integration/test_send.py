"""Test ``sample`` and ``send``, which act as Exotel, against the real servers and against handlers that fail."""

import errno
import json
import os
import re

import pytest

from command import run
from exotel_callback._cli import connection as _connection
from exotel_callback._cli import delivery as _delivery
from exotel_callback._cli.delivery import Answer, Attempt, checked_addresses, error_text, parse_url, sender
from exotel_callback._cli.send import format_attempt
from exotel_callback.testing import FLOW_SCENARIOS, SCENARIOS
from helpers import ENCODERS
from local_handler import FAST, handler, handler_of_all


@pytest.mark.parametrize("encoding", ENCODERS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_sample(name, encoding):
    """The printed bodies aren't those of the scenario, or their content types and delays aren't on standard error."""
    deliveries = list(SCENARIOS[name].deliveries(ENCODERS[encoding]))
    code, out, err = run("sample", name, "--as", encoding)
    assert code == 0
    assert out.encode() == b"".join(
        delivery.body + (b"" if delivery.body.endswith(b"\n") else b"\n") for delivery in deliveries
    )
    assert [line.split("Content-Type: ")[1] for line in err.splitlines()] == [
        delivery.content_type for delivery in deliveries
    ]
    assert err.startswith(f"1 of {len(deliveries)}, after 0 s, ")


@pytest.mark.parametrize("name", FLOW_SCENARIOS)
def test_a_sample_of_a_flow(name):
    """A query string isn't printed as a line of its own, or standard error doesn't say that it is one."""
    deliveries = list(FLOW_SCENARIOS[name].deliveries(ENCODERS["json"]))
    code, out, err = run("sample", name, "--as=json")
    assert code == 0
    assert out.splitlines() == [delivery.query or delivery.body.decode() for delivery in deliveries]
    kinds = ["GET, query string" if delivery.query else "Content-Type: application/json" for delivery in deliveries]
    assert [line.split(" s, ")[1] for line in err.splitlines()] == kinds


def test_one_sample():
    """``--only`` prints more than the body, so another program can't read it."""
    code, out, _ = run("sample", "connected", "--only=3")
    assert (code, out.encode()) == (0, list(SCENARIOS["connected"].deliveries())[2].body)
    code, out, _ = run("explain", stdin=out.encode())
    assert "outcome connected" in out
    code, _, err = run("sample", "connected", "--only=4")
    assert code == 2
    assert "connected has only 3 deliveries" in err


def test_samples_are_read_by_the_other_commands():
    """Another command can't read a sample."""
    _, out, _ = run("sample", "connected", "--as=json")
    code, out, _ = run("parse", "--ndjson", stdin=out.encode())
    assert code == 0
    assert [json.loads(line)["event_type"] for line in out.splitlines()] == ["answered", "answered", "terminal"]


def test_an_unknown_scenario():
    """The error or the help doesn't list the scenarios."""
    code, _, err = run("sample", "nothing")
    assert code == 2
    names = [*SCENARIOS, *FLOW_SCENARIOS]
    assert all(name in err for name in names)
    for command in ("send", "sample"):
        shown = run(command, "--help", COLUMNS="200")[1]
        assert re.findall(r"^ +([a-z-]+) +[A-Z].*\.$", shown.partition("SCENARIO is one of:")[2], re.MULTILINE) == names


@pytest.mark.parametrize("encoding", ENCODERS)
def test_the_sent_requests(encoding):
    """A request isn't as Exotel sends it, is out of order, or the output shows the secret."""
    with handler(200) as (url, came):
        code, out, err = run("send", url, "connected", FAST, "--as", encoding)
    deliveries = list(SCENARIOS["connected"].deliveries(ENCODERS[encoding]))
    assert [(headers["Content-Type"], body) for headers, body in came] == [
        (delivery.content_type, delivery.body) for delivery in deliveries
    ]
    assert {headers["User-Agent"] for headers, _ in came} == {"Exotel Servers"}
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "3 of 3 deliveries acknowledged"
    assert all(line.startswith(f"{number} of 3: 200 after 0.") for number, line in enumerate(out.splitlines()[:3], 1))
    assert "right" not in out


@pytest.mark.parametrize(
    ("query", "own"), [("?secret=right", "secret=right&"), ("", ""), ("?a=%20+b&a=c%26", "a=%20+b&a=c%26&")]
)
@pytest.mark.parametrize("name", FLOW_SCENARIOS)
def test_the_sent_requests_of_a_flow(name, query, own):
    """A GET request isn't as Exotel sends it, the URL's own parameters are lost or changed, or the order is wrong."""
    with handler_of_all(200) as (url, server):
        code, out, err = run("send", url.partition("?")[0] + query, name, FAST)
    deliveries = list(FLOW_SCENARIOS[name].deliveries())
    assert [path for path, _ in server.asked] == [
        f"/exotel?{own}{delivery.query}" if delivery.query else f"/exotel{query}" for delivery in deliveries
    ]
    assert [headers == "a POST" for _, headers in server.asked] == [
        delivery.method == "POST" for delivery in deliveries
    ]
    assert [(headers["Content-Type"], body) for headers, body in server.came] == [
        (delivery.content_type, delivery.body) for delivery in deliveries if delivery.body
    ]
    for headers in (headers for _, headers in server.asked if headers != "a POST"):
        assert headers["User-Agent"] == "Exotel Servers"
        assert headers.keys().isdisjoint({"Content-Type", "Content-Length", "Transfer-Encoding"})
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == f"{len(deliveries)} of {len(deliveries)} deliveries acknowledged"


@pytest.mark.parametrize(("answer", "is_acknowledged"), [(200, True), (302, True), (204, False), (500, False)])
def test_a_get_request_is_sent_once(answer, is_acknowledged):
    """A GET request is repeated, or another answer than those of the two branches acknowledges it."""
    with handler_of_all(answer) as (url, server):
        code, out, _ = run("send", url, "flow-menu", FAST)
    assert (code, len(server.asked)) == (not is_acknowledged, 1)
    first, summary = out.splitlines()
    assert first.startswith(f"1 of 1: {answer} after 0.")
    assert first.endswith(" s" if is_acknowledged else "dropped, no retry left")
    assert summary == f"{int(is_acknowledged)} of 1 deliveries acknowledged"


FAILURES = {
    "error": (500, "500 after"),
    "redirect": (302, "302 after"),
    "dropped": ("drop", "no valid HTTP answer ("),
    "garbage": ("garbage", "no valid HTTP answer (illegal status line: bytearray(b'garbage"),
    "late": (0.7, "200 after 0."),
    "silent": (2.0, "no answer after 1."),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_handler_that_fails(name):
    """An attempt isn't reported, or the exit code isn't 1."""
    answer, told = FAILURES[name]
    with handler(answer) as (url, came):
        code, out, err = run("send", url, "inbound-missed", FAST, "--patience=0.5")
    assert (code, err, len(came)) == (1, "", 3)
    first, second, third, summary = out.splitlines()
    assert first.startswith(f"1 of 1: {told}")
    assert second.startswith(f"1 of 1, retry 1: {told}")
    assert third.startswith(f"1 of 1, retry 2: {told}")
    assert [line.endswith("will be retried") for line in (first, second, third)] == [True, True, False]
    assert third.endswith("dropped, no retry left")
    assert ("too late, Exotel waits 0.5 s" in first) == (name in {"late", "silent"})
    assert max(map(len, (first, second, third))) < 300
    assert summary == "0 of 1 deliveries acknowledged"


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "check the secret in the URL"),
        (403, "check the handler's access rules; in Django, exempt its view from CSRF checks"),
        (404, "check the path of the URL"),
        (308, "Exotel follows no redirect; check the slash at the end of the URL"),
    ],
)
def test_a_handler_that_is_set_up_wrongly(status, hint):
    """The output doesn't say what to check, or says it for each delivery."""
    with handler(status) as (url, _):
        code, out, _ = run("send", url, "connected", FAST, "--retries=0")
    assert code == 1
    assert out.splitlines()[3:] == ["0 of 3 deliveries acknowledged", f"{status}: {hint}"]


def test_a_repetition_that_is_acknowledged():
    """A delivery is lost although its repetition is acknowledged, or the others wait for it."""
    with handler(500, 200, 200, 200) as (url, came):
        code, out, _ = run("send", url, "second-party-no-answer", FAST)
    bodies = [delivery.body for delivery in SCENARIOS["second-party-no-answer"].deliveries()]
    assert [body for _, body in came] == [bodies[0], bodies[1], bodies[0]]
    assert code == 0
    assert out.endswith("2 of 2 deliveries acknowledged\n")


def test_a_delivery_that_is_lost_before_one_that_is_not():
    """A lost delivery isn't counted if a later one is acknowledged."""
    with handler(500, 200) as (url, _):
        code, out, _ = run("send", url, "second-party-no-answer", FAST, "--retries=0")
    assert (code, out.splitlines()[-1]) == (1, "1 of 2 deliveries acknowledged")


def test_the_order_of_repetitions(monkeypatch):
    """A repetition isn't sent at its time."""
    monkeypatch.setattr(_delivery.time, "sleep", lambda _: None)
    deliveries = list(SCENARIOS["connected"].deliveries())
    attempts = list(
        _delivery.play(
            deliveries, lambda _: Answer("500", is_success=False, seconds=0.0), retries=2, speed=1, patience=15
        )
    )
    order = [(attempt.number, attempt.repetition) for attempt in attempts]
    assert order == [(1, 0), (2, 0), (1, 1), (2, 1), (3, 0), (3, 1), (1, 2), (2, 2), (3, 2)]


def test_the_checked_name_is_the_requested_one(monkeypatch):
    """The check and the request encode a host name differently, so they use two hosts."""
    asked = []
    monkeypatch.setattr(
        _connection.socket, "getaddrinfo", lambda host, *_, **__: asked.append(host) or [(0, 0, 0, "", ("10.0.0.1", 0))]
    )
    url = parse_url("http://fa\xdf.example/")
    assert [*map(str, checked_addresses(url, allow_public=False))] == ["10.0.0.1"]
    assert asked == [url.raw_host.decode()] == ["xn--fa-hia.example"]


@pytest.mark.parametrize("option", ["--speed=nan", "--speed=inf", "--speed=0.5", "--patience=nan", "--patience=1e30"])
def test_invalid_numbers(option):
    """An option that isn't a valid number isn't a usage error."""
    code, out, err = run("send", "http://127.0.0.1:1/", "busy", option)
    assert (code, out) == (2, "")
    if option.endswith(("nan", "inf")):
        name, value = option.split("=")
        names = "'--timeout' / '--patience'" if name == "--patience" else f"'{name}'"
        assert f"{names}: {value}\n" in err


@pytest.mark.parametrize(("retries", "tries"), [(0, 1), (1, 2)])
def test_fewer_retries(retries, tries):
    """``--retries`` is ignored."""
    with handler(503) as (url, came):
        assert run("send", url, "inbound-missed", FAST, f"--retries={retries}")[0] == 1
    assert len(came) == tries


def test_no_server_listens():
    """A refused connection isn't reported."""
    with handler(200) as (url, _):
        pass
    code, out, _ = run("send", url, "inbound-missed", "--retries=0")
    assert code == 1
    refused = f"[Errno {errno.ECONNREFUSED}] {os.strerror(errno.ECONNREFUSED)}"
    assert out.startswith(f"1 of 1: no connection ({refused}) after 0.")


def test_speed(monkeypatch):
    """The delays aren't divided by ``--speed``."""
    slept = []
    monkeypatch.setattr(_delivery.time, "sleep", slept.append)
    deliveries = list(SCENARIOS["redelivered"].deliveries())
    attempts = list(
        _delivery.play(
            deliveries, lambda _: Answer("200", is_success=True, seconds=0.0), retries=2, speed=10, patience=15
        )
    )
    assert slept == [0, 0.8, 32, 30, 90]
    assert all(attempt.is_acknowledged for attempt in attempts)
    slept.clear()
    attempts = list(
        _delivery.play(
            deliveries[:1], lambda _: Answer("500", is_success=False, seconds=0.0), retries=2, speed=1, patience=15
        )
    )
    assert slept == [0, 300, 900]
    assert [attempt.is_dropped for attempt in attempts] == [False, False, True]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://127.0.0.1/", "must begin with http:// or https://"),
        ("127.0.0.1:8000", "must begin with http:// or https://"),
        ("http:///exotel", "must begin with http:// or https://"),
        ("http://127.0.0.1:port/", "Invalid port"),
        ("http://127.0.0.1:0/", "port 0 is out of range; use 1 to 65535"),
        ("http://127.0.0.1:65536/", "port 65536 is out of range; use 1 to 65535"),
        ("http://a..b/", "cannot resolve a..b"),
        ("http://no-such-host.invalid/", "cannot resolve no-such-host.invalid"),
    ],
)
def test_addresses_that_are_refused(url, says):
    """A refused address isn't a usage error, or a request is sent to it."""
    code, out, err = run("send", url, "busy", FAST)
    assert (code, out) == (2, "")
    assert says in " ".join(err.split())


@pytest.mark.parametrize(
    ("attempt", "told"),
    [
        (
            Attempt(1, 0, Answer("200", is_success=True, seconds=0.5), is_acknowledged=True, is_dropped=False),
            "1 of 3: 200 after 0.50 s",
        ),
        (
            Attempt(2, 1, Answer("500", is_success=False, seconds=0.5), is_acknowledged=False, is_dropped=False),
            "2 of 3, retry 1: 500 after 0.50 s; will be retried",
        ),
        (
            Attempt(2, 2, Answer("500", is_success=False, seconds=0.5), is_acknowledged=False, is_dropped=True),
            "2 of 3, retry 2: 500 after 0.50 s; dropped, no retry left",
        ),
        (
            Attempt(3, 0, Answer("200", is_success=True, seconds=20.0), is_acknowledged=False, is_dropped=False),
            "3 of 3: 200 after 20.00 s; too late, Exotel waits 15 s; will be retried",
        ),
    ],
)
def test_the_line_of_an_attempt(attempt, told):
    """The line of an attempt lacks its number, its result, or the next step."""
    assert format_attempt(attempt, 3, 15.0) == told


@pytest.mark.parametrize("url", ["https://localhost/exotel", "http://localhost:1/", "http://localhost:65535/"])
def test_other_urls(url):
    """A URL with TLS, or with the first or the last port, is refused."""
    assert str(parse_url(url)) == url


def test_an_invalid_url():
    """The error for an invalid URL doesn't say what a URL looks like."""
    with pytest.raises(ValueError, match=r"^must begin with http:// or https:// and a host$"):
        parse_url("ftp://localhost/")


def test_the_message_of_an_error_is_shortened():
    """The message of an error, which a handler may have written, isn't escaped and shortened."""
    assert error_text(OSError("x" * 300)) == "x" * 200


def test_a_proxy():
    """``--proxy`` isn't used, or a proxy of the environment is."""
    with handler(200) as (url, came):
        proxy = url.partition("/exotel")[0]
        code, _, err = run(
            "send",
            "http://no-such-host.invalid/exotel?a=b",
            "inbound-missed",
            "--allow-public",
            FAST,
            f"--proxy={proxy}",
        )
        assert (code, err, len(came)) == (0, "", 1)
        assert came[0][0]["Host"] == "no-such-host.invalid"
        assert "Proxy-Authorization" not in came[0][0]
        with_user = proxy.replace("//", "//user:key@")
        run("send", "http://no-such-host.invalid/", "inbound-missed", "--allow-public", FAST, f"--proxy={with_user}")
        assert came[1][0]["Proxy-Authorization"] == "Basic dXNlcjprZXk="
        run("send", url, "inbound-missed", "--anywhere", FAST, http_proxy="http://127.0.0.1:1", no_proxy="")
        assert len(came) == 3


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--proxy=http://127.0.0.1:1"], "pass --allow-public too"),
        (["--proxy=https://127.0.0.1:1", "--allow-public"], "must begin with http://"),
        (["--proxy=http://no-such-host.invalid", "--allow-public"], "cannot resolve no-such"),
    ],
)
def test_proxies_that_are_refused(options, says):
    """A proxy that can't be used isn't a usage error."""
    code, out, err = run("send", "http://127.0.0.1:1/", "busy", FAST, *options, COLUMNS="200")
    assert (code, out) == (2, "")
    assert says in err


def test_the_user_of_the_url():
    """The user and the password of the URL aren't sent, or they are printed."""
    with handler(200) as (url, came):
        code, out, _ = run("send", url.replace("//", "//user:key@"), "inbound-missed", FAST)
    assert (code, came[0][0]["Authorization"]) == (0, "Basic dXNlcjprZXk=")
    assert "@" not in came[0][0]["Host"]
    assert "key" not in out


@pytest.mark.parametrize(
    ("path", "scenario"),
    [
        *(("secret", scenario) for scenario in SCENARIOS.values()),
        *(("one-url", scenario) for scenario in FLOW_SCENARIOS.values()),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_every_scenario_is_acknowledged(server, path, scenario):
    """An adapter, or one with `parse_any`, doesn't acknowledge a scenario in an encoding."""
    url = parse_url(f"http://127.0.0.1:{server.port}/{path}?secret=right")
    send = sender(url, checked_addresses(url, allow_public=False), patience=15)
    for encode in ENCODERS.values():
        deliveries = list(scenario.deliveries(encode))
        attempts = list(_delivery.play(deliveries, send, retries=0, speed=1_000_000, patience=15))
        assert [attempt.is_acknowledged for attempt in attempts] == [True] * len(deliveries)


def test_the_command_against_a_server(server):
    """The command fails against a real server, or a wrong secret is accepted."""
    url = f"http://127.0.0.1:{server.port}/secret?secret="
    assert run("send", f"{url}right", "out-of-order", FAST)[0] == 0
    code, out, _ = run("send", f"{url}wrong", "out-of-order", FAST, "--retries=0")
    assert code == 1
    assert out.count(": 401 after ") == 3
