"""Store every event, and find out the outcome of every call, with SQLite."""

import json
import logging
import sqlite3
from collections.abc import Callable

from exotel_callback import (
    Call,
    CallbackError,
    StatusCallback,
    dump,
    load,
    load_call,
    merge,
    parse,
    parse_call_details,
)

log = logging.getLogger(__name__)

MAX_EVENTS_OF_A_CALL = 500  # Exotel sends a handful. More come from a sender who knows your secret.

TABLES = """
CREATE TABLE IF NOT EXISTS bodies (
    received_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    content_type TEXT,
    body BLOB NOT NULL,
    event_key TEXT
);
CREATE TABLE IF NOT EXISTS events (
    event_key TEXT PRIMARY KEY,
    call_sid TEXT NOT NULL,
    event TEXT NOT NULL,
    is_merged INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS new_events ON events (call_sid) WHERE NOT is_merged;
CREATE INDEX IF NOT EXISTS events_of_calls ON events (call_sid);
CREATE TABLE IF NOT EXISTS calls (
    call_sid TEXT PRIMARY KEY,
    is_settled INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    call TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS ended (call_sid TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS calls_made (
    call_sid TEXT PRIMARY KEY,
    made_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
"""


def connect(path: str) -> sqlite3.Connection:
    """Open the database, once per request and in the worker. A connection is for one thread."""
    db = sqlite3.connect(path, timeout=30)
    db.execute("PRAGMA journal_mode = WAL")  # so that the handler doesn't wait for the worker
    db.executescript(TABLES)
    return db


def handle(db: sqlite3.Connection, body: bytes, content_type: str | None) -> int:
    """Store a request's body and event, and return the status to answer with."""
    try:
        event = parse(body, content_type)
    except CallbackError as error:
        log.warning("not a StatusCallback: %s", error)
        store_body(db, body, content_type, None)
        return error.status_hint
    store_body(db, body, content_type, event.event_key)
    store_event(db, event)
    return 200


def store_body(
    db: sqlite3.Connection, body: bytes, content_type: str | None, event_key: str | None
) -> None:
    """Store a raw body, for audits and for a later release that can read more than this one."""
    with db:
        db.execute(
            "INSERT INTO bodies (content_type, body, event_key) VALUES (?, ?, ?)",
            (content_type, body, event_key),
        )


def store_event(db: sqlite3.Connection, event: StatusCallback) -> None:
    """Store an event. A redelivery has the key of a stored event, so it changes nothing."""
    for issue in event.issues:
        log.warning("%s in call %s", issue.message, event.call_sid)
    with db:
        (number,) = db.execute(
            "SELECT count(*) FROM events WHERE call_sid = ?", (event.call_sid,)
        ).fetchone()
        if number >= MAX_EVENTS_OF_A_CALL:
            log.warning("too many events of call %s", event.call_sid)
            return
        db.execute(
            "INSERT OR IGNORE INTO events (event_key, call_sid, event) VALUES (?, ?, ?)",
            (event.event_key, event.call_sid, json.dumps(dump(event))),
        )


def merge_new(db: sqlite3.Connection) -> None:
    """Merge new events into their calls.

    Run it in a worker, as often as you like; you can stop it at any point.
    """
    for (call_sid,) in db.execute(
        "SELECT DISTINCT call_sid FROM events WHERE NOT is_merged"
    ).fetchall():
        try:
            with db:
                # Two workers must not merge one call at the same time.
                db.execute("BEGIN IMMEDIATE")
                _merge_call(db, call_sid)
        except CallbackError as error:  # for example, a newer release wrote the row
            log.warning("call %s is not merged: %s", call_sid, error)


def _merge_call(db: sqlite3.Connection, call_sid: str) -> None:
    before = db.execute("SELECT call FROM calls WHERE call_sid = ?", (call_sid,)).fetchall()
    new = db.execute(
        "SELECT event FROM events WHERE call_sid = ? AND NOT is_merged", (call_sid,)
    ).fetchall()
    if not new:  # another worker has merged them
        return
    known = [load_call(json.loads(stored)) for (stored,) in before]
    call = merge(*known, *(load(json.loads(stored)) for (stored,) in new))
    if call.is_terminal and not any(earlier.is_terminal for earlier in known):
        # Exactly once for each call, because it is in one transaction with the merged call.
        db.execute("INSERT INTO ended (call_sid) VALUES (?)", (call_sid,))
    db.execute(
        "INSERT OR REPLACE INTO calls (call_sid, is_settled, outcome, call) VALUES (?, ?, ?, ?)",
        (call_sid, call.is_settled, call.outcome.value, json.dumps(dump(call))),
    )
    db.execute("UPDATE events SET is_merged = 1 WHERE call_sid = ?", (call_sid,))


def react_to_ended(db: sqlite3.Connection, react: Callable[[Call], None]) -> None:
    """Call `react` with each call that has just ended.

    It sees a call again only if it was stopped or raised.
    """
    rows = db.execute(
        "SELECT call_sid, call FROM ended JOIN calls USING (call_sid) ORDER BY call_sid"
    ).fetchall()
    for call_sid, stored in rows:
        react(load_call(json.loads(stored)))
        with db:
            db.execute("DELETE FROM ended WHERE call_sid = ?", (call_sid,))


def record_call(db: sqlite3.Connection, call_sid: str) -> None:
    """Record a call that you have made, by the ``Sid`` in the API's answer."""
    with db:
        db.execute("INSERT OR IGNORE INTO calls_made (call_sid) VALUES (?)", (call_sid,))


def find_missing(
    db: sqlite3.Connection, since: str = "-2 days", until: str = "-5 hours"
) -> list[str]:
    """Return the calls that you made between two times and that aren't settled.

    Some calls never settle. `since` limits how long you request them.
    """
    rows = db.execute(
        "SELECT call_sid FROM calls_made LEFT JOIN calls USING (call_sid) "
        "WHERE made_at BETWEEN datetime('now', ?) AND datetime('now', ?) "
        "AND NOT coalesce(is_settled, 0) "
        "ORDER BY call_sid",
        (since, until),
    )
    return [call_sid for (call_sid,) in rows]


def fetch_details(
    db: sqlite3.Connection, call_sids: list[str], get_call_details: Callable[[str], bytes]
) -> None:
    """Request calls from the Call Details API, and store the answers as events.

    The next run retries failures.
    """
    for call_sid in call_sids:
        try:
            body = get_call_details(call_sid)
            event = parse_call_details(body)
        # Your HTTP client raises OSError: refused, timed out, 404.
        except (CallbackError, OSError) as error:
            log.warning("no details of call %s: %s", call_sid, error)
        else:
            store_body(db, body, "application/json", event.event_key)
            store_event(db, event)
