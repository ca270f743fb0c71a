"""Read stored bodies again after an upgrade, rebuild events and calls, and report differences.

It uses the tables of ``never_lose_a_call.py``.
"""

import json
import logging
import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from exotel_callback import (
    CallbackError,
    StatusCallback,
    dump,
    load,
    merge,
    parse,
    parse_call_details,
)

log = logging.getLogger(__name__)


class Change(NamedTuple):
    """A value before and after the upgrade. None means that there was none."""

    call_sid: str
    before: str | None
    after: str | None


class Report(NamedTuple):
    """The keys of events and the outcomes of calls that changed."""

    keys: list[Change]
    outcomes: list[Change]


def rebuild(db: sqlite3.Connection) -> Report:
    """Rebuild all events and calls in one transaction.

    Stop the worker before, and keep a copy of the database.
    """
    with db:
        db.execute("BEGIN IMMEDIATE")
        keys = list(rebuild_events(db))
        outcomes = list(rebuild_calls(db))
    return Report(keys, outcomes)


def read(body: bytes, content_type: str | None) -> StatusCallback:
    """Read a stored body: a callback, or an answer of the Call Details API."""
    try:
        return parse(body, content_type)
    except CallbackError as error:
        try:
            return parse_call_details(body, content_type)
        except CallbackError:
            raise error from None


def rebuild_events(db: sqlite3.Connection) -> Iterator[Change]:
    """Read every body again, store its event under its new key, and yield the keys that changed.

    An event whose body isn't stored keeps its key.
    """
    bodies = db.execute("SELECT rowid, content_type, body, event_key FROM bodies").fetchall()
    for number, content_type, body, former in bodies:
        try:
            event = read(body, content_type)
        except CallbackError as error:
            log.info("body %s can't be read: %s", number, error)
            continue
        key = event.event_key
        if key != former:
            db.execute("UPDATE bodies SET event_key = ? WHERE rowid = ?", (key, number))
            db.execute("DELETE FROM events WHERE event_key = ?", (former,))
            yield Change(event.call_sid, former, key)
        db.execute(
            "INSERT OR REPLACE INTO events (event_key, call_sid, event, is_merged) "
            "VALUES (?, ?, ?, 1)",
            (key, event.call_sid, json.dumps(dump(event))),
        )


def rebuild_calls(db: sqlite3.Connection) -> Iterator[Change]:
    """Merge the events of every call again, and yield the outcomes that changed."""
    before = dict(db.execute("SELECT call_sid, outcome FROM calls"))
    for (call_sid,) in db.execute(
        "SELECT DISTINCT call_sid FROM events ORDER BY call_sid"
    ).fetchall():
        events = db.execute("SELECT event FROM events WHERE call_sid = ?", (call_sid,)).fetchall()
        try:
            call = merge(*(load(json.loads(event)) for (event,) in events))
        except CallbackError as error:
            log.warning("call %s is not merged: %s", call_sid, error)
            continue
        db.execute(
            "INSERT OR REPLACE INTO calls (call_sid, is_settled, outcome, call) "
            "VALUES (?, ?, ?, ?)",
            (call_sid, call.is_settled, call.outcome.value, json.dumps(dump(call))),
        )
        if call.outcome != before.get(call_sid):
            yield Change(call_sid, before.get(call_sid), call.outcome.value)
