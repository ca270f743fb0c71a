"""Store every event and the outcome of every call, with asyncpg on PostgreSQL."""

import json

import asyncpg

from exotel_callback import StatusCallback, dump, load_call, merge


async def store(pool: asyncpg.Pool, event: StatusCallback) -> None:
    """Store and merge an event, in one transaction. A redelivery changes nothing."""
    sid = event.call_sid
    async with pool.acquire() as db, db.transaction():
        new = await db.fetchval(
            "INSERT INTO events (event_key, call_sid, event) VALUES ($1, $2, $3) "
            "ON CONFLICT DO NOTHING RETURNING event_key",
            event.event_key,
            sid,
            json.dumps(dump(event)),  # asyncpg takes and returns JSON as a string
        )
        if new is None:
            return
        # This inserts the row or locks it. Another request for this call waits here.
        stored = await db.fetchval(
            "INSERT INTO calls (call_sid) VALUES ($1) "
            "ON CONFLICT (call_sid) DO UPDATE SET call_sid = excluded.call_sid RETURNING call",
            sid,
        )
        known = [load_call(json.loads(stored))] if stored else []
        call = merge(*known, event)
        await db.execute(
            "UPDATE calls SET status = $2, outcome = $3, is_settled = $4, call = $5 "
            "WHERE call_sid = $1",
            sid,
            call.status.value,
            call.outcome.value,
            call.is_settled,
            json.dumps(dump(call)),
        )
        if call.is_terminal and not any(earlier.is_terminal for earlier in known):
            await db.execute("INSERT INTO ended VALUES ($1)", sid)
