"""Keep every event, and know what became of every call. SQLite is in the standard library; any database will do."""

import json
import logging
import sqlite3
from collections.abc import Callable

from exotel_callback import CallbackError, StatusCallback, dump, load, load_call, merge, parse, parse_call_details

log = logging.getLogger(__name__)

TABLES = """
CREATE TABLE IF NOT EXISTS calls_made (
    call_sid TEXT PRIMARY KEY,
    made_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
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
"""


def receive(db: sqlite3.Connection, body: bytes, content_type: str) -> int:
    """Keep what Exotel posted, and return the status to answer with. This is all that happens before the answer."""
    try:
        event = parse(body, content_type)
    except CallbackError as error:
        return error.status_hint
    keep(db, event)
    return 200


def keep(db: sqlite3.Connection, event: StatusCallback) -> None:
    """Keep an event; a redelivery has the key of one that is there, and changes nothing."""
    with db:
        db.execute(
            "INSERT OR IGNORE INTO events (event_key, call_sid, event) VALUES (?, ?, ?)",
            (event.event_key, event.call_sid, json.dumps(dump(event))),
        )


def merge_new(db: sqlite3.Connection) -> None:
    """Merge what is new into the calls. Run it in a worker, as often as you like: it may be stopped anywhere."""
    for (call_sid,) in db.execute("SELECT DISTINCT call_sid FROM events WHERE NOT is_merged").fetchall():
        with db:
            db.execute("BEGIN IMMEDIATE")  # so that two workers do not merge one call at a time
            known = db.execute("SELECT call FROM calls WHERE call_sid = ?", (call_sid,)).fetchall()
            new = db.execute("SELECT event FROM events WHERE call_sid = ? AND NOT is_merged", (call_sid,)).fetchall()
            if not new:  # another worker was faster
                continue
            call = merge(
                *(load_call(json.loads(stored)) for (stored,) in known),
                *(load(json.loads(stored)) for (stored,) in new),
            )
            db.execute(
                "INSERT OR REPLACE INTO calls (call_sid, is_settled, outcome, call) VALUES (?, ?, ?, ?)",
                (call_sid, call.is_terminal and call.end_time is not None, call.outcome.value, json.dumps(dump(call))),
            )
            db.execute("UPDATE events SET is_merged = 1 WHERE call_sid = ?", (call_sid,))


def missing(db: sqlite3.Connection, made_after: str, made_before: str) -> list[str]:
    """Return the calls that were made between two times (in UTC) and of whose end nothing certain is known."""
    rows = db.execute(
        "SELECT call_sid FROM calls_made LEFT JOIN calls USING (call_sid) "
        "WHERE made_at BETWEEN ? AND ? AND NOT coalesce(is_settled, 0) ORDER BY call_sid",
        (made_after, made_before),
    )
    return [call_sid for (call_sid,) in rows]


def ask_for(db: sqlite3.Connection, call_sids: list[str], get_call_details: Callable[[str], bytes]) -> None:
    """Ask the Call Details API for calls, and keep the answers beside the events."""
    for call_sid in call_sids:
        try:
            keep(db, parse_call_details(get_call_details(call_sid)))
        except CallbackError as error:
            log.warning("no details of call %s: %s", call_sid, error)  # the next run asks again
