"""Keep every event, and know what became of every call. SQLite is in the standard library; any database will do."""

import json
import logging
import sqlite3
from collections.abc import Callable

from exotel_callback import CallbackError, StatusCallback, dump, load, load_call, merge, parse, parse_call_details

log = logging.getLogger(__name__)

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
CREATE TABLE IF NOT EXISTS calls (
    call_sid TEXT PRIMARY KEY,
    is_settled INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    call TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS calls_made (
    call_sid TEXT PRIMARY KEY,
    made_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
"""


def connect(path: str) -> sqlite3.Connection:
    """Open the database: once a request, and once in the worker. A connection belongs to its thread."""
    db = sqlite3.connect(path, timeout=30)
    db.execute("PRAGMA journal_mode = WAL")  # so that the worker does not keep the handler waiting
    db.executescript(TABLES)
    return db


def receive(db: sqlite3.Connection, body: bytes, content_type: str | None) -> int:
    """Keep what Exotel posted, and return the status to answer with. This is all that happens before the answer."""
    try:
        event = parse(body, content_type)
    except CallbackError as error:
        log.warning("not a StatusCallback: %s", error)
        keep_body(db, body, content_type, None)
        return error.status_hint
    keep_body(db, body, content_type, event.event_key)
    keep(db, event)
    return 200


def keep_body(db: sqlite3.Connection, body: bytes, content_type: str | None, event_key: str | None) -> None:
    """Keep a body as it came: for audit, and so that a later release can read what this one does not."""
    with db:
        db.execute(
            "INSERT INTO bodies (content_type, body, event_key) VALUES (?, ?, ?)", (content_type, body, event_key)
        )


def keep(db: sqlite3.Connection, event: StatusCallback) -> None:
    """Keep an event; a redelivery has the key of one that is there, and changes nothing."""
    for issue in event.issues:
        log.warning("%s in call %s", issue.message, event.call_sid)
    with db:
        db.execute(
            "INSERT OR IGNORE INTO events (event_key, call_sid, event) VALUES (?, ?, ?)",
            (event.event_key, event.call_sid, json.dumps(dump(event))),
        )


def merge_new(db: sqlite3.Connection) -> None:
    """Merge what is new into the calls. Run it in a worker, as often as you like: it may be stopped anywhere."""
    for (call_sid,) in db.execute("SELECT DISTINCT call_sid FROM events WHERE NOT is_merged").fetchall():
        try:
            with db:
                db.execute("BEGIN IMMEDIATE")  # so that two workers do not merge one call at a time
                _merge_call(db, call_sid)
        except CallbackError as error:  # a row that a newer release wrote, for one
            log.warning("call %s is not merged: %s", call_sid, error)


def _merge_call(db: sqlite3.Connection, call_sid: str) -> None:
    known = db.execute("SELECT call FROM calls WHERE call_sid = ?", (call_sid,)).fetchall()
    new = db.execute("SELECT event FROM events WHERE call_sid = ? AND NOT is_merged", (call_sid,)).fetchall()
    if not new:  # another worker was faster
        return
    call = merge(
        *(load_call(json.loads(stored)) for (stored,) in known),
        *(load(json.loads(stored)) for (stored,) in new),
    )
    # Some event must tell of the end and of both parties: the default payload and Call Details without details do not.
    is_settled = any(event.is_terminal and event.end_time and event.legs for event in call.events)
    db.execute(
        "INSERT OR REPLACE INTO calls (call_sid, is_settled, outcome, call) VALUES (?, ?, ?, ?)",
        (call_sid, is_settled, call.outcome.value, json.dumps(dump(call))),
    )
    db.execute("UPDATE events SET is_merged = 1 WHERE call_sid = ?", (call_sid,))


def made(db: sqlite3.Connection, call_sid: str) -> None:
    """Write down a call that you have made, with the ``Sid`` that the API answered."""
    with db:
        db.execute("INSERT OR IGNORE INTO calls_made (call_sid) VALUES (?)", (call_sid,))


def missing(db: sqlite3.Connection, since: str = "-2 days", until: str = "-5 hours") -> list[str]:
    """Return the calls that were made between two times, and of whose end nothing certain is known."""
    rows = db.execute(
        "SELECT call_sid FROM calls_made LEFT JOIN calls USING (call_sid) "
        "WHERE made_at BETWEEN datetime('now', ?) AND datetime('now', ?) AND NOT coalesce(is_settled, 0) "
        "ORDER BY call_sid",
        (since, until),
    )
    return [call_sid for (call_sid,) in rows]


def ask_for(db: sqlite3.Connection, call_sids: list[str], get_call_details: Callable[[str], bytes]) -> None:
    """Ask the Call Details API for calls, and keep the answers beside the events; what fails is asked for next time."""
    for call_sid in call_sids:
        try:
            event = parse_call_details(get_call_details(call_sid))
        except (CallbackError, OSError) as error:  # an OSError of your HTTP client: refused, timed out, 404
            log.warning("no details of call %s: %s", call_sid, error)
        else:
            keep(db, event)
