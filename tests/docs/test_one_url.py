"""Test the page "One URL for everything": its handlers take whole calls, in any order, and write one row for each."""

import random
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exotel_callback import Outcome, PassthruEvent, PopupEvent, parse_any
from exotel_callback.testing import FLOW_SCENARIOS, SCENARIOS, encode_form, encode_json, encode_multipart
from helpers import ROOT
from pages import python_blocks

PAGE = ROOT / "docs" / "how-to" / "one-url.md"
ALL = {**SCENARIOS, **FLOW_SCENARIOS}
ENCODERS = [encode_form, encode_json, encode_multipart]
AGENTS = {"flow-missed", "flow-connected", "flow-outbound"}


@pytest.fixture(scope="module")
def example():
    """Run the example, and return its names."""
    namespace = {"__name__": "one_url"}
    exec(compile((ROOT / "docs" / "examples" / "one_url.py").read_text(), "one_url.py", "exec"), namespace)
    return namespace


def row(name):
    """Return the row of the call of a scenario."""
    scenario = ALL[name]
    return scenario.call_sid, scenario.outcome.value, "09123456789" if name in AGENTS else None


def rows(db):
    return db.execute("SELECT call_sid, outcome, agent FROM flow_calls ORDER BY call_sid").fetchall()


@settings(
    max_examples=min(100, settings.default.max_examples), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.sampled_from(list(FLOW_SCENARIOS)), min_size=1, max_size=3, unique=True),
    st.sampled_from(ENCODERS),
    st.randoms(use_true_random=False),
)
def test_one_row_for_each_call(example, names, encode, rng):
    """The events of calls in flows, in some order and repeated, don't end in one right row for each call."""
    deliveries = [delivery for name in names for delivery in ALL[name].deliveries(encode)]
    deliveries += [delivery for name in names for delivery in ALL[name].deliveries(rng.choice(ENCODERS))]
    rng.shuffle(deliveries)
    db = sqlite3.connect(":memory:")
    db.executescript(example["TABLES"])
    for delivery in deliveries:
        example["keep"](db, parse_any(delivery.query or delivery.body, delivery.content_type or None))
    assert rows(db) == sorted(map(row, names))
    assert db.execute("SELECT count(*) FROM flow_events").fetchone() == (len(deliveries) // 2,)
    db.close()


def test_the_agent_who_was_called_last(example):
    """An event without a time, or another offset of a time, decides which agent was called last."""
    popup = "CallSid=a&EventType=Dial&Status=busy&DialWhomNumber="
    events = [
        parse_any(f"{popup}2&CurrentTime=2026-03-04+10:15:09"),
        parse_any(f"{popup}1&CurrentTime=2026-03-04T04:45:08Z"),
        parse_any(f"{popup}3"),
    ]
    for shuffled in (events, events[::-1]):
        assert example["row_of"](shuffled) == ("unknown", "2")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("CallSid=a&Status=busy", 200),
        ("CallSid=a&DialCallStatus=busy", 302),
        ("CallSid=a&DialCallStatus=completed", 200),
        ("CallSid=a&EventType=Dial&Status=busy&DialWhomNumber=0", 200),
        ("CallSid=a&EventType=stream-start&StreamSid=b", 200),
        ("CallSid=a&EventType=stream-start&StreamSid=b&DialCallStatus=busy", 200),
        ("CallSid=a&Stream[Status]=failed", 302),
    ],
)
def test_the_status_of_each_answer(example, query, status):
    """The answer takes another branch of the flow than the page says, or doesn't let a stream start."""
    assert example["status_for"](parse_any(query)) == status


@pytest.fixture
def page(monkeypatch, tmp_path):
    """Run the code of the page with a database in an empty folder, and return its names."""
    for package in ("flask", "django", "fastapi"):
        pytest.importorskip(package)
    from django.conf import settings as django_settings

    if not django_settings.configured:
        django_settings.configure()
    monkeypatch.setenv("EXOTEL_SECRET", "right")
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "page"}
    for block in python_blocks(PAGE):
        exec(compile(block, PAGE.name, "exec"), namespace)
    return namespace


def flask_sender(page):
    client = page["app"].test_client()

    def send(method, query, body, content_type):
        return client.open(f"/exotel?{query}", method=method, data=body, content_type=content_type).status_code

    return send


def django_sender(page):
    from django.test import RequestFactory

    def send(method, query, body, content_type):
        request = RequestFactory().generic(
            method, f"/exotel?{query}", body, content_type=content_type or "application/octet-stream"
        )
        return page["exotel_view"](request).status_code

    return send


def fastapi_sender(page):
    from fastapi.testclient import TestClient

    client = TestClient(page["api"], follow_redirects=False)

    def send(method, query, body, content_type):
        headers = {"Content-Type": content_type} if content_type else {}
        return client.request(method, f"/exotel?{query}", content=body, headers=headers).status_code

    return send


@pytest.mark.parametrize("sender", [flask_sender, django_sender, fastapi_sender])
def test_the_handlers_of_the_page(page, sender, tmp_path):
    """A handler of the page refuses an event, answers with another status, or stores another row."""
    send = sender(page)
    deliveries = [delivery for name in FLOW_SCENARIOS for delivery in ALL[name].deliveries(encode_json)] * 2
    random.Random(1).shuffle(deliveries)
    for delivery in deliveries:
        event = parse_any(delivery.query or delivery.body, delivery.content_type or None)
        missed = {Outcome.NO_ANSWER, Outcome.FAILED}
        expected = 302 if isinstance(event, PassthruEvent) and event.outcome in missed else 200
        query = f"secret=right&{delivery.query}"
        assert send(delivery.method, query, delivery.body, delivery.content_type) == expected, event
        if isinstance(event, PopupEvent):
            assert send(delivery.method, f"secret=wrong&{delivery.query}", b"", "") == 401
    assert send("GET", "secret=right", b"", "") == 422
    db = sqlite3.connect(tmp_path / "calls.db")
    assert rows(db) == sorted(map(row, FLOW_SCENARIOS))
    stored = [text for (text,) in db.execute("SELECT event FROM flow_events")]
    assert not any("right" in text for text in stored)
    db.close()
