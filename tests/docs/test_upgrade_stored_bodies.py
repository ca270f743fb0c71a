"""Test the example of the page "Read stored bodies again" on the tables of "Never lose a call"."""

import json
import runpy
from types import SimpleNamespace

import pytest

from exotel_callback import dump, load, load_call, merge
from helpers import ENCODERS, FORM, PAGE, ROOT

EXAMPLES = ROOT / "docs" / "examples"
store = SimpleNamespace(**runpy.run_path(str(EXAMPLES / "never_lose_a_call.py")))
upgrade = SimpleNamespace(**runpy.run_path(str(EXAMPLES / "upgrade_stored_bodies.py")))

DETAILS = json.dumps({"Call": {"Sid": "a", "Status": "completed", "EndTime": "2024-01-15 14:30:45"}}).encode()


@pytest.fixture
def db():
    """Return a database with three calls: one with Call Details, one with a long value, and one with a body."""
    connection = store.connect(":memory:")
    for payload in ({"CallSid": "a", "Status": "in-progress"}, {"CallSid": "b", "Status": "x" * 201}, PAGE):
        assert store.handle(connection, *ENCODERS["json"](payload)) == 200
    store.handle(connection, b"CallSid=", FORM)
    store.fetch_details(connection, ["a"], lambda _: DETAILS)
    store.merge_new(connection)
    yield connection
    connection.close()


def events(db):
    return db.execute("SELECT * FROM events ORDER BY event_key").fetchall()


def calls(db):
    return db.execute("SELECT * FROM calls ORDER BY call_sid").fetchall()


def test_nothing_changes_without_an_upgrade(db):
    """Reading the bodies again with the same release changes an event or a call."""
    before = events(db), calls(db)
    assert upgrade.rebuild(db) == ([], [])
    assert (events(db), calls(db)) == before


def test_what_an_older_release_stored_is_read_again(db):
    """An event that an older release read otherwise stays as it was, or a change isn't reported."""
    before = events(db), calls(db)
    keys = {call_sid: key for key, call_sid, *_ in events(db)}
    with db:
        # An older release knew neither the whole of the long value, nor the status of the first call.
        db.execute("UPDATE events SET event_key = 'v1:old' WHERE call_sid = 'b'")
        db.execute("UPDATE bodies SET event_key = 'v1:old' WHERE event_key = ?", (keys["b"],))
        db.execute("UPDATE events SET event = replace(event, 'completed', 'in-progress') WHERE call_sid = 'a'")
        db.execute("UPDATE calls SET outcome = 'in-progress' WHERE call_sid = 'a'")
        db.execute("DELETE FROM calls WHERE call_sid = 'b'")
    report = upgrade.rebuild(db)
    assert report.keys == [("b", "v1:old", keys["b"])]
    outcome = load_call(json.loads(calls(db)[1][-1])).outcome.value
    assert report.outcomes == [("a", "in-progress", outcome), ("b", None, "unknown")]
    assert (events(db), calls(db)) == before
    assert db.execute("SELECT count(*) FROM ended").fetchone() == (2,)


def test_an_event_without_a_body_stays(db):
    """An event whose body wasn't stored is lost."""
    before = events(db), calls(db)
    with db:
        db.execute("DELETE FROM bodies")
    assert upgrade.rebuild(db) == ([], [])
    assert (events(db), calls(db)) == before


def test_an_unreadable_row_affects_only_its_call(db, caplog):
    """A row that can't be read stops the others."""
    with db:
        db.execute("DELETE FROM bodies")
        db.execute("UPDATE events SET event = '{}' WHERE call_sid = 'b'")
        db.execute("UPDATE calls SET outcome = 'unknown'")
    assert [change.call_sid for change in upgrade.rebuild(db).outcomes] == [PAGE["CallSid"]]
    assert "call b is not merged" in caplog.text


def test_the_stored_call_of_1_0_0_follows_the_rules_of_today():
    """A call that 1.0.0 merged can't be loaded, or keeps its fields."""
    busy = {"CallSid": "a", "Status": "completed", "Legs": [{"Status": "completed"}, {"Status": "busy"}]}
    call = merge(store.parse(busy), store.parse_call_details(DETAILS))
    stored = {**dump(call), "legs": [], "issues": []}
    assert load_call(stored) == call
    assert load(stored["events"][0]) in call.events
