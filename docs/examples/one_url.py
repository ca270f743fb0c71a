"""Take callbacks, Passthru requests and popups at one URL, and store a row for each call."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

from exotel_callback import (
    Outcome,
    PassthruEvent,
    PopupEvent,
    StatusCallback,
    combined_outcome,
    dump,
    load,
    load_passthru,
    load_popup,
    merge,
)

Event = StatusCallback | PassthruEvent | PopupEvent

LOADERS: dict[str, Callable[[dict[str, Any]], Event]] = {
    "status_callback": load,
    "passthru_event": load_passthru,
    "popup_event": load_popup,
}

MISSED = {Outcome.NO_ANSWER, Outcome.BUSY, Outcome.CANCELED, Outcome.FAILED}

TABLES = """
CREATE TABLE IF NOT EXISTS flow_events (
    event_key TEXT PRIMARY KEY,
    call_sid TEXT NOT NULL,
    event TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_call ON flow_events (call_sid);
CREATE TABLE IF NOT EXISTS flow_calls (
    call_sid TEXT PRIMARY KEY,
    outcome TEXT NOT NULL,
    agent TEXT
);
"""


def connect(path: str) -> sqlite3.Connection:
    """Open the database, and create its tables if they are missing."""
    db = sqlite3.connect(path, timeout=30)
    db.executescript(TABLES)
    return db


def store(path: str, event: Event) -> None:
    """Store an event of a request. Each request opens a connection, which is for one thread."""
    with closing(connect(path)) as db:
        keep(db, event)


def keep(db: sqlite3.Connection, event: Event) -> None:
    """Store an event and write its call's row, in one transaction. A repetition does nothing."""
    with db:
        # Two requests must not write the row of one call at the same time.
        db.execute("BEGIN IMMEDIATE")
        new = db.execute(
            "INSERT OR IGNORE INTO flow_events (event_key, call_sid, event) VALUES (?, ?, ?)",
            (event.event_key, event.call_sid, json.dumps(dump(event))),
        )
        if new.rowcount:
            row = row_of([load_any(stored) for stored in events_of(db, event.call_sid)])
            db.execute("INSERT OR REPLACE INTO flow_calls VALUES (?, ?, ?)", (event.call_sid, *row))


def events_of(db: sqlite3.Connection, call_sid: str) -> list[str]:
    """Return the stored events of a call."""
    rows = db.execute(
        "SELECT event FROM flow_events WHERE call_sid = ? ORDER BY event_key", (call_sid,)
    )
    return [event for (event,) in rows]


def load_any(stored: str) -> Event:
    """Load an event of any of the three classes."""
    event = json.loads(stored)
    loader = LOADERS[event["type"]]
    return loader(event)


def row_of(events: list[Event]) -> tuple[str, str | None]:
    """Return the outcome of a call, and the number of the agent whom Exotel called last."""
    callbacks = [event for event in events if isinstance(event, StatusCallback)]
    passthru = [event for event in events if isinstance(event, PassthruEvent)]
    outcome = Outcome.UNKNOWN  # as long as there are only popups
    if callbacks or passthru:
        outcome = combined_outcome(merge(*callbacks) if callbacks else None, *passthru)
    agents = [
        (event.current_time.timestamp() if event.current_time else 0.0, event.dialed_number)
        for event in events
        if not isinstance(event, StatusCallback) and event.dialed_number
    ]
    return outcome.value, max(agents)[1] if agents else None


def status_for(event: Event) -> int:
    """Return the status to answer with.

    For Passthru it chooses the branch: 302 after a missed call, else 200.
    """
    if not isinstance(event, PassthruEvent) or event.event_type == "stream-start":
        return 200
    return 302 if event.outcome in MISSED else 200
