"""Test the examples that store calls in a database: on SQLite and, if it is installed, on PostgreSQL."""

import json
import random
import sys
import time

import pytest
from hypothesis import settings

from deliveries import EXAMPLES, PROCESSES, STACKS, deliver, deliveries_of, query, storing
from exotel_callback import CallStatus, Outcome, load, load_call, merge, parse
from helpers import ROOT
from pages import run_page

PAGE = ROOT / "docs" / "how-to" / "store-calls.md"
CALLS = 2_000 if settings.default.max_examples > 1_000 else 100  # 2,000 with the profile exhaustive
ON_SQLITE = ["sqlalchemy", "sqlalchemy_async", "django"]
KINDS = [*(("postgresql", stack) for stack in STACKS), *(("sqlite", stack) for stack in ON_SQLITE)]

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*datetime adapter is deprecated:DeprecationWarning"),
]
for package in ("aiosqlite", "asyncpg", "django", "psycopg", "sqlalchemy"):
    pytest.importorskip(package)


def tables(stack):
    """Return the names of the tables of events, of calls and of ended calls."""
    return (
        [f"django_calls_{name}" for name in ("event", "call", "ended")]
        if stack == "django"
        else ["events", "calls", "ended"]
    )


@pytest.mark.parametrize(("kind", "stack"), KINDS)
def test_eight_processes(kind, stack, database):
    """An event or a call is lost, a call is wrong, or an end is noticed twice, when eight processes store events."""
    url = database(kind)
    deliveries, calls = deliveries_of(CALLS, random.Random(1))
    assert PROCESSES == 8
    deliver(stack, url, deliveries)
    events_table, calls_table, ended_table = tables(stack)
    rows = query(url, f"SELECT call_sid, status, outcome, is_settled, call FROM {calls_table}")
    assert {sid: load_call(call) for sid, *_, call in rows} == calls
    for sid, status, outcome, is_settled, _ in rows:
        call = calls[sid]
        assert (status, outcome, is_settled) == (call.status.value, call.outcome.value, call.is_settled)
    stored = query(url, f"SELECT event_key, call_sid, event FROM {events_table}")
    assert {key: load(event) for key, _, event in stored} == {
        event.event_key: event for call in calls.values() for event in call.events
    }
    ended = query(url, f"SELECT call_sid FROM {ended_table} ORDER BY 1")
    assert ended == [(sid,) for sid, call in calls.items() if call.is_terminal]


def wait_for_lock(db):
    """Wait until another connection waits for a lock of this transaction."""
    for _ in range(200):
        waiting = db.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
        if waiting != (0,):
            return
        time.sleep(0.05)
    pytest.fail("no connection waits for the lock")


EVENTS = [parse({"CallSid": "a", "Status": status}) for status in ("in-progress", "completed")]


@pytest.mark.parametrize("stack", STACKS)
def test_a_row_that_another_transaction_changes(stack, database):
    """An event is lost if another transaction creates or erases the row of its call at the same time."""
    import psycopg

    url = database("postgresql")
    events_table, calls_table, ended_table = tables(stack)
    first, second = ((json.dumps({"CallSid": "a", "Status": event.status.value}).encode(),) for event in EVENTS)
    nothing = "''" if stack == "django" else "NULL"
    create = f"INSERT INTO {calls_table} VALUES ('a', 'unknown', 'unknown', false, {nothing})"
    erase = f"DELETE FROM {calls_table}; DELETE FROM {events_table}; DELETE FROM {ended_table}"
    lock = f"SELECT FROM {calls_table} FOR UPDATE"

    def stored():
        events = [load(event) for (event,) in query(url, f"SELECT event FROM {events_table}")]
        return events, [load_call(call) for (call,) in query(url, f"SELECT call FROM {calls_table}")]

    with storing(stack, url) as store, psycopg.connect(url) as db:
        for before, after, delivery, expected in (
            (create, "ROLLBACK", first, EVENTS[:1]),
            (erase, "COMMIT", second, EVENTS[1:]),
            (lock, f"{erase}; COMMIT", first, EVENTS[:1]),
            (lock, "COMMIT", second, EVENTS),
        ):
            db.execute(before)
            done = store(delivery)
            wait_for_lock(db)
            db.execute(after)
            done.result(20)
            assert stored() == (expected, [merge(*expected)])


@pytest.mark.parametrize("stack", ["sqlalchemy", "psycopg", "django"])
def test_erasing_a_call_while_an_event_arrives(stack, database):
    """An event that is stored while its call is erased stays in the database."""
    import psycopg

    url = database("postgresql")
    events_table, calls_table, _ = tables(stack)
    with storing(stack, url) as store, psycopg.connect(url) as db:
        store((json.dumps({"CallSid": "a", "Status": "busy"}).encode(),)).result(20)
        db.execute(f"INSERT INTO {events_table} SELECT 'v1:2', call_sid, received_at, event FROM {events_table}")
        db.execute(f"SELECT FROM {calls_table} FOR UPDATE")
        done = store.erase("a")
        wait_for_lock(db)
        db.commit()
        done.result(20)
    assert [query(url, f"SELECT count(*) FROM {table}") for table in tables(stack)] == [[(0,)]] * 3


def test_a_session_that_has_read_the_call(database, monkeypatch):
    """A session that has read a call before overwrites the event that another session has stored since."""
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    monkeypatch.setattr("sys.path", [*sys.path, str(EXAMPLES)])
    import store_sqlalchemy as example

    engine = create_engine(database("sqlite"))
    example.Base.metadata.create_all(engine)
    first, second, third = (parse({"CallSid": "a", "Status": status}) for status in ("queued", "ringing", "completed"))
    with Session(engine) as session, Session(engine) as other:
        example.store(other, first)
        other.commit()
        row = session.get_one(example.CallRow, "a")
        example.store(other, second)
        other.commit()
        example.store(session, third)
        assert load_call(row.call) == merge(first, second, third)
    engine.dispose()


HOSTILE = [
    f'{{"CallSid": "{sid}", "Status": "busy", "From": "1{value}"}}'
    for sid, value in (("a", "\\u0000"), ("b", "\\ud800"))
]


@pytest.mark.parametrize(("kind", "stack"), KINDS)
def test_values_that_jsonb_refuses(kind, stack, database):
    """The database refuses an event with NUL or a lone surrogate, so the event is lost."""
    url = database(kind)
    deliver(stack, url, [(body.encode(), "application/json") for body in HOSTILE])
    assert query(url, f"SELECT count(*) FROM {tables(stack)[0]}") == [(2,)]


def test_a_call_sid_that_is_too_long(database):
    """PostgreSQL stores a very long CallSid, although the page denies it, or stores half an event."""
    from psycopg.errors import ProgramLimitExceeded

    url = database("postgresql")
    long = random.Random(1).randbytes(4_000).hex()
    with storing("psycopg", url) as store:
        with pytest.raises(ProgramLimitExceeded):
            store((json.dumps({"CallSid": long, "Status": "busy"}).encode(),)).result(20)
        store((b"CallSid=a&Status=busy",)).result(20)
    assert [query(url, f"SELECT call_sid FROM {table}") for table in tables("psycopg")] == [[("a",)]] * 3


def test_the_page(database, monkeypatch):
    """The SQL on the page fails, or has another result than the page shows."""
    monkeypatch.setenv("DATABASE_URL", database("postgresql"))
    monkeypatch.setattr("sys.path", [*sys.path, str(EXAMPLES)])
    shown = [path.read_text() for path in EXAMPLES.glob("store_*.py") if path.stem != "store_psycopg"]
    run_page(ROOT / "docs" / "how-to" / "store-calls.md", without=shown)["db"].close()


def test_enums_in_sqlalchemy():
    """`Mapped[CallStatus]` stores values, although the page warns of it, or its advice stores names."""
    from sqlalchemy import Enum, create_engine
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

    class Base(DeclarativeBase):
        pass

    class Row(Base):
        __tablename__ = "rows"
        key: Mapped[int] = mapped_column(primary_key=True)
        wrong: Mapped[CallStatus]
        right: Mapped[CallStatus] = mapped_column(
            Enum(CallStatus, native_enum=False, length=40, values_callable=lambda enum: [m.value for m in enum])
        )

    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Row(key=1, wrong=CallStatus.COMPLETED, right=CallStatus.COMPLETED))
        session.flush()
        assert session.connection().exec_driver_sql("SELECT wrong, right FROM rows").one() == ("COMPLETED", "completed")
    engine.dispose()
    assert max(len(status.value) for status in CallStatus) <= 40


def test_choices_in_django():
    """`choices=Outcome` works, although the page warns of it, or its advice doesn't."""
    set_up = pytest.importorskip("django.conf").settings
    if not set_up.configured:
        set_up.configure()
    from django.core.exceptions import ValidationError
    from django.db.models import TextField

    with pytest.raises((TypeError, ValueError)):  # depends on the version of Django
        TextField(choices=Outcome).clean("busy", None)
    field = TextField(choices=[(member.value, member.value) for member in Outcome])
    assert field.clean("busy", None) == "busy"
    with pytest.raises(ValidationError):
        field.clean("free", None)
