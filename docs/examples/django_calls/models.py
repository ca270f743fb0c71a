"""Store every event and the outcome of every call, with Django on PostgreSQL or SQLite."""

from __future__ import annotations  # only type checkers read the annotations of fields

import json
from typing import TYPE_CHECKING

from django.db import models, transaction

from exotel_callback import Call as MergedCall
from exotel_callback import Outcome, StatusCallback, dump, load_call, merge

if TYPE_CHECKING:
    from datetime import datetime

    Text = models.TextField[str, str]
    Time = models.DateTimeField[datetime, datetime]
    Flag = models.BooleanField[bool, bool]


class Event(models.Model):
    """An event. Its key is the same for each delivery."""

    event_key: Text = models.TextField(primary_key=True)
    call_sid: Text = models.TextField(db_index=True)
    received_at: Time = models.DateTimeField(auto_now_add=True, db_index=True)
    event: Text = models.TextField()  # not a JSONField, which refuses some values on PostgreSQL

    def __str__(self) -> str:
        return self.event_key


class Call(models.Model):
    """A call: its events merged, and the columns that you search for."""

    call_sid: Text = models.TextField(primary_key=True)
    status: Text = models.TextField(default="unknown", db_index=True)
    outcome: Text = models.TextField(
        default="unknown",
        db_index=True,
        choices=[(member.value, member.value) for member in Outcome],
    )
    is_settled: Flag = models.BooleanField(default=False)
    call: Text = models.TextField(default="")

    def __str__(self) -> str:
        return self.call_sid


class Ended(models.Model):
    """A call that has ended, until your worker has reacted to it."""

    call_sid: Text = models.TextField(primary_key=True)

    def __str__(self) -> str:
        return self.call_sid


@transaction.atomic
def store(event: StatusCallback) -> None:
    """Store and merge an event, in one transaction. A redelivery changes nothing."""
    sid = event.call_sid
    new = Event(event_key=event.event_key, call_sid=sid, event=json.dumps(dump(event)))
    Event.objects.bulk_create([new], ignore_conflicts=True)
    # This inserts the row or locks it. Another request for this call waits here.
    # `is_settled` gets its value below.
    Call.objects.bulk_create(
        [Call(call_sid=sid)],
        update_conflicts=True,
        unique_fields=["call_sid"],
        update_fields=["is_settled"],
    )
    row = Call.objects.get(call_sid=sid)
    known = [load_call(json.loads(row.call))] if row.call else []
    call = merge(*known, event)
    row.status, row.outcome = call.status.value, call.outcome.value
    row.is_settled, row.call = call.is_settled, json.dumps(dump(call))
    row.save()
    if call.is_terminal and not any(earlier.is_terminal for earlier in known):
        Ended.objects.create(call_sid=sid)


def take(sid: str) -> MergedCall | None:
    """Return an ended call, or None if another worker has it.

    Call it and react in ``transaction.atomic()``.
    """
    taken, _ = Ended.objects.filter(call_sid=sid).delete()
    return load_call(json.loads(Call.objects.get(call_sid=sid).call)) if taken else None


@transaction.atomic
def erase(sid: str) -> None:
    """Delete all personal data of a call."""
    # The call is first, so that an arriving event is stored before or after.
    for table in (Call, Event, Ended):
        table.objects.filter(call_sid=sid).delete()
