"""Receive callbacks with FastAPI, store them with SQLAlchemy, and react to ended calls."""

import asyncio
import logging
import os
import sys
from typing import Annotated

from fastapi import Depends, FastAPI
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from exotel_callback import Call, Outcome, StatusCallback
from exotel_callback.adapters import fastapi as adapter
from exotel_callback.auth import require_secret
from store_sqlalchemy import Base, ended, store, take

SECRET = require_secret(os.environ.get("EXOTEL_SECRET"))  # without it, the server doesn't start
MISSED = {Outcome.NO_ANSWER, Outcome.BUSY, Outcome.CANCELED, Outcome.FAILED}

engine = create_async_engine(os.environ["DATABASE_URL"])
Session = async_sessionmaker(engine)
app = FastAPI()
log = logging.getLogger("calls")

Callback = Annotated[StatusCallback, Depends(adapter.callback(secret=SECRET))]


@app.post("/exotel", openapi_extra=adapter.OPENAPI)
async def exotel(event: Callback) -> None:
    """Store the event, and answer Exotel."""
    for issue in event.issues:
        log.warning("%s in call %s", issue.message, event.call_sid)
    async with Session.begin() as session:
        await session.run_sync(store, event)


async def react(call: Call) -> None:
    """Do what you want to do after a call. This is an example."""
    if call.outcome in MISSED:
        log.warning("call back: %s", call.call_sid)


async def work() -> None:
    """React once to each call that has ended. If `react` raises, the next run tries again."""
    async with Session() as session:
        waiting = await session.run_sync(ended)
    for sid in waiting:
        try:
            async with Session.begin() as session:
                if call := await session.run_sync(take, sid):
                    await react(call)
        except Exception:
            log.exception("no reaction to call %s", sid)


async def main(command: str) -> None:
    """Create the tables, or react to calls that have ended until the process is stopped."""
    if command == "create-tables":
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
    while command == "worker":
        await work()
        await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
