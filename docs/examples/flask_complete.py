"""Receive callbacks with Flask, store them with SQLAlchemy, and react to calls that have ended."""

import logging
import os
import time

from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from exotel_callback import Call, CallbackError, Outcome
from exotel_callback.adapters.flask import parse_request
from exotel_callback.auth import require_secret
from store_sqlalchemy import Base, ended, store, take

SECRET = require_secret(os.environ.get("EXOTEL_SECRET"))  # without it, the server doesn't start
MISSED = {Outcome.NO_ANSWER, Outcome.BUSY, Outcome.CANCELED, Outcome.FAILED}

engine = create_engine(os.environ["DATABASE_URL"])
Session = sessionmaker(engine)
app = Flask(__name__)
log = logging.getLogger("calls")


@app.post("/exotel")
def exotel() -> tuple[str, int]:
    """Store the event, and answer Exotel."""
    try:
        event = parse_request(secret=SECRET)
    except CallbackError as error:
        log.warning("refused: %s", error)
        return "", error.status_hint
    for issue in event.issues:
        log.warning("%s in call %s", issue.message, event.call_sid)
    with Session.begin() as session:
        store(session, event)
    return "", 200


def react(call: Call) -> None:
    """Do what you want to do after a call. This is an example."""
    if call.outcome in MISSED:
        log.warning("call back: %s", call.call_sid)


def work() -> None:
    """React once to each call that has ended. If `react` raises, the next run tries again."""
    with Session() as session:
        waiting = ended(session)
    for sid in waiting:
        try:
            with Session.begin() as session:
                if call := take(session, sid):
                    react(call)
        except Exception:
            log.exception("no reaction to call %s", sid)


@app.cli.command("create-tables")
def create_tables() -> None:
    """Create the tables that are missing. Use Alembic to change tables."""
    Base.metadata.create_all(engine)


@app.cli.command("worker")
def worker() -> None:
    """React to calls that have ended, until the process is stopped."""
    while True:
        work()
        time.sleep(1)
