"""Read an event: its fields by the table of its class, then its legs. Then check the required fields.

Quick lookups read the fields. Only if a lookup fails, the full reader reads that field. So one unusual value costs one
slow read.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import attrs

from .._errors import DecodeError, InvalidCallbackError, Issue, MissingFieldError, message_of
from .._fields.names import count_names
from .._fields.quick import UnreadLeg, quick_event_reader
from .._fields.reader import FieldReader
from .._fields.table import table_of
from .._options import ReadOptions
from .._wire.payload import RawPayload, is_file
from .diagnose import diagnose
from .legs import Legs, read_legs, read_values

T = TypeVar("T", bound=attrs.AttrsInstance)


def read_event(
    cls: type[T],
    leg_cls: type[attrs.AttrsInstance] | None,
    raw: RawPayload,
    options: ReadOptions,
    reader: str,
    source: RawPayload | None = None,
    more_legs: Legs | None = None,
    complete: Callable[[tuple[Any, ...], FieldReader], tuple[Any, ...]] | None = None,
    found: tuple[Issue, ...] = (),
    others: Mapping[str, object] | None = None,
) -> T:
    """Read an event by the table of `cls`.

    :param leg_cls: The class of its legs. None if the event has none.
    :param raw: The event as it was received.
    :param reader: The name of the calling public function, so that the advice doesn't recommend it.
    :param source: The same event under the names of the table, if these differ.
    :param more_legs: The fields of legs that aren't in `source`, by index.
    :param complete: A function that completes the legs with another field of the event, and returns them.
    :param found: The issues that were found while `source` or `others` was made.
    :param others: The values of fields that the table doesn't have, by attribute.
    :raises DecodeError: The event has too many fields.
    :raises MissingFieldError: A required field is missing. The error holds all issues.
    :raises InvalidCallbackError: The event has an issue in strict mode. The error holds all issues.
    """
    zone, limits = options.timezone, options.limits
    source = raw if source is None else source
    items = source._items  # pyright: ignore[reportPrivateUsage] - a function takes longer
    if len(items) > limits.fields and count_names(raw) > limits.fields:
        raise DecodeError(f"more than {limits.fields} fields", status_hint=413)
    unread: list[str] = []
    unread_legs: list[UnreadLeg] = []
    event = quick_event_reader(cls, leg_cls)(items, zone, unread, source.is_storable, limits.legs, unread_legs)
    issues = found
    needs_legs = leg_cls is not None and (event.legs is None or more_legs)
    if unread or unread_legs or needs_legs or complete:
        rows = table_of(cls).rows
        fields = FieldReader(source, zone)
        for attribute in unread:
            setattr(event, attribute, fields.field(rows[attribute]))
        if leg_cls and (needs_legs or (unread_legs and any(is_file(received) for *_, received in unread_legs))):
            event.legs = read_legs(leg_cls, fields, limits.legs, more_legs or {})
        elif leg_cls and unread_legs:
            read_values(leg_cls, unread_legs, fields)
        if complete:
            event.legs = complete(cast("Any", event.legs), fields)
        issues = (*fields.issues, *found)
    event.issues = issues
    event.raw = raw
    if others:
        for attribute, value in others.items():
            setattr(event, attribute, value)
    event.__class__ = cls
    if issues:
        _check(cls, event, options, reader)
    return event  # type: ignore[no-any-return]  # generated code returns Any


def _check(cls: type[attrs.AttrsInstance], event: Any, options: ReadOptions, reader: str) -> None:
    """Raise an error if the event lacks a required field, or has an issue in strict mode."""
    for row in table_of(cls).required:
        if getattr(event, row.attribute) is None:
            advice = diagnose(event.raw, reader)
            raise MissingFieldError(message_of(event.issues, advice), issues=event.issues, advice=advice)
    if options.strict:
        raise InvalidCallbackError(message_of(event.issues), issues=event.issues)
