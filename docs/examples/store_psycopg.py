"""Store every event and the outcome of every call, with psycopg on PostgreSQL."""

from typing import Any

import psycopg
from psycopg.types.json import Json

from exotel_callback import Call, StatusCallback, dump, load_call, merge

Connection = psycopg.Connection[tuple[Any, ...]]

TABLES = """
CREATE TABLE IF NOT EXISTS events (
    event_key text PRIMARY KEY,
    call_sid text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    event json NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_calls ON events (call_sid);
CREATE INDEX IF NOT EXISTS old_events ON events (received_at);
CREATE TABLE IF NOT EXISTS calls (
    call_sid text PRIMARY KEY,
    status text NOT NULL DEFAULT 'unknown',
    outcome text NOT NULL DEFAULT 'unknown',
    is_settled boolean NOT NULL DEFAULT false,
    call json
);
CREATE INDEX IF NOT EXISTS calls_by_outcome ON calls (outcome);
CREATE TABLE IF NOT EXISTS ended (call_sid text PRIMARY KEY);
"""


def store(db: Connection, event: StatusCallback) -> None:
    """Store and merge an event, in one transaction. A redelivery changes nothing."""
    sid = event.call_sid
    with db.transaction():
        new = db.execute(
            "INSERT INTO events (event_key, call_sid, event) VALUES (%s, %s, %s) "
            "ON CONFLICT DO NOTHING",
            (event.event_key, sid, Json(dump(event))),
        )
        if not new.rowcount:
            return
        # This inserts the row or locks it. Another request for this call waits here.
        rows = db.execute(
            "INSERT INTO calls (call_sid) VALUES (%s) "
            "ON CONFLICT (call_sid) DO UPDATE SET call_sid = excluded.call_sid RETURNING call",
            (sid,),
        )
        known = [load_call(stored) for (stored,) in rows if stored]
        call = merge(*known, event)
        db.execute(
            "UPDATE calls SET status = %s, outcome = %s, is_settled = %s, call = %s "
            "WHERE call_sid = %s",
            (call.status.value, call.outcome.value, call.is_settled, Json(dump(call)), sid),
        )
        if call.is_terminal and not any(earlier.is_terminal for earlier in known):
            db.execute("INSERT INTO ended VALUES (%s)", (sid,))


def ended(db: Connection) -> list[str]:
    """Return the calls that have ended and that no worker has reacted to."""
    return [sid for (sid,) in db.execute("SELECT call_sid FROM ended")]


def take(db: Connection, sid: str) -> Call | None:
    """Return an ended call, or None if another worker has it.

    Call it and react in ``with db.transaction():``.
    """
    if not db.execute("DELETE FROM ended WHERE call_sid = %s", (sid,)).rowcount:
        return None
    rows = db.execute("SELECT call FROM calls WHERE call_sid = %s", (sid,))
    return next((load_call(stored) for (stored,) in rows if stored), None)
