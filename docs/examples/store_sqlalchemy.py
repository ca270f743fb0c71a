"""Store every event and the outcome of every call, with SQLAlchemy on PostgreSQL or SQLite."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from exotel_callback import Call, StatusCallback, dump, load_call, merge


class Base(DeclarativeBase):
    """The tables of this file."""


class EventRow(Base):
    """An event. Its key is the same for each delivery."""

    __tablename__ = "events"
    event_key: Mapped[str] = mapped_column(primary_key=True)
    call_sid: Mapped[str] = mapped_column(index=True)
    received_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), index=True
    )
    event: Mapped[dict[str, Any]] = mapped_column(JSON)  # not JSONB, which refuses some values


class CallRow(Base):
    """A call: its events merged, and the columns that you search for."""

    __tablename__ = "calls"
    call_sid: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(default="unknown", index=True)
    outcome: Mapped[str] = mapped_column(default="unknown", index=True)
    is_settled: Mapped[bool] = mapped_column(default=False)
    call: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class EndedRow(Base):
    """A call that has ended, until your worker has reacted to it."""

    __tablename__ = "ended"
    call_sid: Mapped[str] = mapped_column(primary_key=True)


def store(session: Session, event: StatusCallback) -> None:
    """Store and merge an event, in one transaction. A redelivery changes nothing."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    new = insert(EventRow).values(
        event_key=event.event_key, call_sid=event.call_sid, event=dump(event)
    )
    if session.scalar(new.on_conflict_do_nothing().returning(EventRow.event_key)) is None:
        return
    # This inserts the row or locks it. Another request for this call waits here.
    inserted = insert(CallRow).values(call_sid=event.call_sid)
    locked = inserted.on_conflict_do_update(
        index_elements=["call_sid"], set_={"call_sid": event.call_sid}
    )
    row = session.scalars(
        locked.returning(CallRow), execution_options={"populate_existing": True}
    ).one()
    known = [load_call(row.call)] if row.call else []
    call = merge(*known, event)
    row.status, row.outcome = call.status.value, call.outcome.value
    row.is_settled, row.call = call.is_settled, dump(call)
    if call.is_terminal and not any(earlier.is_terminal for earlier in known):
        session.add(EndedRow(call_sid=event.call_sid))


def ended(session: Session) -> list[str]:
    """Return the calls that have ended and that no worker has reacted to."""
    return list(session.scalars(select(EndedRow.call_sid)))


def take(session: Session, sid: str) -> Call | None:
    """Return an ended call, or None if another worker has it.

    After a rollback, the next run returns it again.
    """
    taken = delete(EndedRow).where(EndedRow.call_sid == sid).returning(EndedRow.call_sid)
    if session.scalar(taken) is None:
        return None
    stored = session.get_one(CallRow, sid).call
    return load_call(stored) if stored else None


def erase(session: Session, sid: str) -> None:
    """Delete all personal data of a call."""
    # The call is first, so that an arriving event is stored before or after.
    for table in (CallRow, EventRow, EndedRow):
        session.execute(delete(table).where(table.call_sid == sid))
