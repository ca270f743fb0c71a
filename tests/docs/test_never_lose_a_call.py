"""Test the example of the page "Never lose a call" with shuffled, repeated and lost deliveries."""

import json
import random
import runpy
from types import SimpleNamespace

import pytest
from hypothesis import settings

from exotel_callback import load_call
from helpers import ENCODERS, FORM, PAGE, ROOT

EXAMPLE = ROOT / "docs" / "examples" / "never_lose_a_call.py"
example = SimpleNamespace(**runpy.run_path(str(EXAMPLE)))

# Three thousand deliveries of 600 calls in the thorough profile, a third of them in the quick one.
CALLS = min(600, 4 * settings.default.max_examples)
DELIVERIES = 5 * CALLS

# The status of a call, that of its second leg and who answered it, the seconds of conversation, and the outcome.
ENDS = [
    ("completed", "completed", None, 320, "connected"),
    ("completed", "completed", "Machine", 12, "machine"),
    ("completed", "no-answer", None, 0, "no-answer"),
    ("no-answer", "no-answer", None, 0, "no-answer"),
    ("failed", "canceled", None, 0, "canceled"),
    ("busy", "busy", None, 0, "busy"),
    ("completed", "one party", None, 0, "first-party-only"),
    ("to_leg_unanswered", "no-answer", None, 0, "no-answer"),
]


def end_of_call(number):
    return ENDS[number % len(ENDS)]


def events_of_call(number):
    """Return the payloads of one call in order: one or two ``answered`` events, and the last one."""
    status, second, answered_by, seconds, _ = end_of_call(number)
    common = {**PAGE, "CallSid": f"{number:032}", "CustomField": f"order_{number}"}
    answered = {**common, "Status": "in-progress", "EventType": "answered", "EndTime": None, "RecordingUrl": None}
    events = [
        {
            **answered,
            "DateUpdated": f"2024-01-15 14:25:{20 + place}",
            "ConversationDuration": 0,
            "Legs": [{"Status": "in-progress"}, {"Status": leg, "OnCallDuration": 0}],
        }
        for place, leg in enumerate([None, "in-progress"][: 2 if seconds else 1])
    ]
    over = {**common, "Status": status, "ConversationDuration": seconds}
    over["Legs"] = [
        {"Status": "completed", "OnCallDuration": 335},
        {"Status": second, "OnCallDuration": seconds} | ({"AnsweredBy": answered_by} if answered_by else {}),
    ]
    if second == "one party":
        for event in (*events, over):
            event.update(To=None, Legs=event["Legs"][:1])
    return [*events, over]


@pytest.fixture
def database(tmp_path):
    """Return a function that makes a database with calls that were made six hours ago."""
    databases = []

    def make(*calls_made):
        db = example.connect(":memory:" if databases else tmp_path / "calls.db")
        databases.append(db)
        with db:
            db.executemany(
                "INSERT INTO calls_made VALUES (?, datetime('now', '-6 hours'))",
                [(call_sid,) for call_sid in calls_made],
            )
        return db

    yield make
    for db in databases:
        db.close()


def post(db, payload, rng):
    encode = rng.choice(list(ENCODERS.values()))
    assert example.handle(db, *encode(payload)) == 200


def rows(db):
    return db.execute("SELECT * FROM calls ORDER BY call_sid").fetchall()


def ended(db):
    """Return the calls that have ended since the last time."""
    calls = []
    example.react_to_ended(db, calls.append)
    return sorted(call.call_sid for call in calls)


def test_thousands_of_deliveries(database):
    """A call isn't stored once, differs from in-order delivery, or isn't requested although its event was lost."""
    rng = random.Random(1)
    calls = [events_of_call(number) for number in range(CALLS)]
    lost_ends = set(rng.sample(range(CALLS), CALLS * 3 // 40))
    lost_altogether = set(rng.sample(sorted(lost_ends), CALLS // 100 + 1))
    arriving = []
    for number, events in enumerate(calls):
        if number not in lost_altogether:
            arriving += [event for event in events if number not in lost_ends or event["EventType"] == "answered"]

    sids = [f"{number:032}" for number in range(CALLS)]
    in_order = database(*sids)
    for event in arriving:
        post(in_order, event, rng)
        example.merge_new(in_order)

    deliveries = arriving + rng.choices(arriving, k=DELIVERIES - len(arriving))
    rng.shuffle(deliveries)
    assert len(deliveries) == DELIVERIES
    assert len(arriving) < DELIVERIES / 2
    db = database(*sids)
    noticed = []
    for place, event in enumerate(deliveries):
        post(db, event, rng)
        if place % 500 == 0:
            example.merge_new(db)
            noticed += ended(db)
    example.merge_new(db)
    noticed += ended(db)

    assert rows(db) == rows(in_order)
    assert sorted(noticed) == ended(in_order) == [sids[number] for number in range(CALLS) if number not in lost_ends]
    assert len(rows(db)) == CALLS - len(lost_altogether)
    assert db.execute("SELECT count(*) FROM events").fetchone() == (len(arriving),)
    left = example.find_missing(db)
    assert left == [f"{number:032}" for number in sorted(lost_ends)]

    def get_call_details(call_sid, end_time="2024-01-15 14:30:45"):
        over = calls[int(call_sid)][-1]
        details = {"ConversationDuration": over["ConversationDuration"]}
        details |= {f"Leg{leg}Status": party["Status"] for leg, party in enumerate(over["Legs"], 1)}
        call = {"Sid": call_sid, "Status": over["Status"], "EndTime": end_time, "Details": details}
        return json.dumps({"Call": call}).encode()

    example.fetch_details(db, left, get_call_details)
    example.merge_new(db)
    assert example.find_missing(db) == []
    assert len(rows(db)) == CALLS
    for call_sid, is_settled, outcome, stored in rows(db):
        call = load_call(json.loads(stored))
        assert (call.call_sid, call.outcome.value, is_settled) == (call_sid, outcome, 1)
        assert call.status.value == calls[int(call_sid)][-1]["Status"]
        expected = end_of_call(int(call_sid))[-1]
        # The details that were requested don't say who answered.
        assert outcome == ("connected" if expected == "machine" and int(call_sid) in lost_ends else expected)
    assert ended(db) == left


LEGS = {"Leg1Status": "completed", "Leg2Status": "no-answer"}
SETTLED = {"Sid": "a", "Status": "completed", "EndTime": "2024-01-15 14:30:45", "Details": LEGS}


@pytest.mark.parametrize(
    ("answer", "is_left"),
    [
        ({"Call": SETTLED}, False),
        ({"Call": {**SETTLED, "EndTime": None}}, True),
        ({"Call": {**SETTLED, "Status": "in-progress"}}, True),
        ({"Call": {**SETTLED, "Details": None}}, True),
        ({"RestException": {"Status": 503}}, True),
        (TimeoutError("timed out"), True),
    ],
    ids=["settled", "not settled", "not over", "without details", "an error answer", "no answer"],
)
def test_the_calls_that_are_left_to_request(answer, is_left, database, caplog):
    """A call without a known end isn't requested again, or a failed request stops the others."""
    db = database("a", "b")

    def get_call_details(call_sid):
        if call_sid == "b":
            return json.dumps({"Call": {**SETTLED, "Sid": "b"}}).encode()
        if isinstance(answer, Exception):
            raise answer
        return json.dumps(answer).encode()

    assert example.find_missing(db) == ["a", "b"]
    example.fetch_details(db, ["a", "b"], get_call_details)
    example.merge_new(db)
    assert example.find_missing(db) == (["a"] if is_left else [])
    assert example.find_missing(db, since="-5 hours", until="-1 hours") == []
    assert example.find_missing(db, since="-9 hours", until="-7 hours") == []
    assert ("no details of call a" in caplog.text) is ("Call" not in str(answer))


def test_a_default_payload_is_requested(database):
    """A call with only the default payload, which has no outcome, isn't requested."""
    db = database("a")
    example.handle(db, b"CallSid=a&Status=completed&DateUpdated=2024-01-15+14%3A30%3A45&RecordingUrl=", FORM)
    example.merge_new(db)
    assert example.find_missing(db) == ["a"]


def test_an_end_is_noticed_once(database):
    """A call that ends is noticed twice, or before it ends, or not again after the reaction failed."""
    db = database()

    def post_one(**fields):
        post(db, {"CallSid": "a", **fields}, random.Random(1))
        example.merge_new(db)

    def fail(_):
        raise RuntimeError

    post_one(Status="in-progress")
    assert ended(db) == []
    post_one(Status="completed")
    with pytest.raises(RuntimeError):
        example.react_to_ended(db, fail)
    assert ended(db) == ["a"]
    post_one(Status="completed", To="01")
    post_one(Status="in-progress", To="02")
    assert ended(db) == []


def test_a_flood_of_events_affects_only_its_call(database, caplog):
    """A sender who knows the secret stops the worker, or the events of other calls, with many events of one call."""
    db = database()
    for number in range(505):
        assert example.handle(db, f"CallSid=a&Status=busy&To={number}".encode(), FORM) == 200
    example.handle(db, b"CallSid=b&Status=busy", FORM)
    example.merge_new(db)
    assert [call_sid for call_sid, *_ in rows(db)] == ["a", "b"]
    assert len(load_call(json.loads(rows(db)[0][-1])).events) == 500
    assert caplog.text.count("too many events of call a") == 5
    assert db.execute("SELECT count(*) FROM bodies").fetchone() == (506,)


def test_a_recent_call_is_not_requested(database):
    """A call that may not be over is requested."""
    db = database()
    example.record_call(db, "a")
    example.record_call(db, "a")
    assert (example.find_missing(db), example.find_missing(db, until="+1 second")) == ([], ["a"])


def test_an_invalid_body_is_refused(database, caplog):
    """An invalid body is answered with another status, is stored as an event, or its body is lost."""
    db = database()
    assert example.handle(db, b"{", "application/json") == 400
    assert example.handle(db, b"a=b", FORM) == 422
    assert example.handle(db, b"CallSid=a&Status=free", FORM) == 200
    assert db.execute("SELECT body, event_key IS NULL FROM bodies").fetchall() == [
        (b"{", 1),
        (b"a=b", 1),
        (b"CallSid=a&Status=free", 0),
    ]
    assert db.execute("SELECT count(*) FROM events").fetchone() == (1,)
    assert "unrecognized value @ Status in call a" in caplog.text


def test_a_worker_that_is_stopped_loses_nothing(database):
    """An event is lost when a worker stops, or two workers disturb each other."""
    db = database()
    example.handle(db, *ENCODERS["json"](PAGE))
    with pytest.raises(KeyboardInterrupt):
        example.merge_new(Interrupted(db))
    assert rows(db) == []
    example.merge_new(db)
    example.merge_new(db)
    assert len(rows(db)) == 1


def test_an_unreadable_row_affects_only_its_call(database, caplog):
    """A row of a newer version, after a rollback, stops the other calls."""
    db = database()
    for call_sid in "ab":
        example.handle(db, f"CallSid={call_sid}&Status=busy".encode(), FORM)
    db.execute("UPDATE events SET event = replace(event, '\"schema\": 1', '\"schema\": 2') WHERE call_sid = 'a'")
    db.commit()
    example.merge_new(db)
    assert [call_sid for call_sid, *_ in rows(db)] == ["b"]
    assert "call a is not merged: a newer version of exotel-callback made this" in caplog.text


class Interrupted:
    """A connection whose worker stops after it has written the call."""

    def __init__(self, db):
        self._db = db

    def __enter__(self):
        return self._db.__enter__()

    def __exit__(self, *error):
        return self._db.__exit__(*error)

    def execute(self, statement, *arguments):
        if statement.startswith("UPDATE"):
            raise KeyboardInterrupt
        return self._db.execute(statement, *arguments)
