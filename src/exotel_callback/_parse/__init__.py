"""From what came in to a `StatusCallback`, in three steps.

1. `_decode`: a body, a mapping or pairs become one read-only mapping of wire names. Then nothing knows which it was.
2. `_read` and `_legs`, driven by the tables in `_model`: each value becomes a typed one, and what is odd an `Issue`.
3. Here: what is required must be there, and in strict mode nothing may be odd.

Before the first step, or after it, `_fast` may have finished an ordinary payload, with the same value.
"""

from datetime import tzinfo
from typing import Any, TypeVar

import attrs

from .._enums import CallStatus
from .._errors import DecodeError, InvalidCallbackError, Issue, IssueCode, MissingFieldError, join_messages
from .._fast import read_flat, read_ordinary
from .._fields.kinds import CALL_STATUS, Reading, is_empty
from .._fields.names import chosen_name, count_names
from .._fields.table import WireField, leg_class, wire_fields
from .._model.callback import StatusCallback
from .._options import DEFAULT_LIMITS, IST, Limits, check_options
from .._wire.decode import decode
from .._wire.payload import RawPayload
from .diagnose import CALL_OBJECT, diagnose, identify
from .legs import read_legs

T = TypeVar("T", bound=attrs.AttrsInstance)


def parse(
    payload: object,
    content_type: str | None = None,
    *,
    strict: bool = False,
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> StatusCallback:
    """Parse what Exotel posted to a ``StatusCallback`` URL.

    :param payload: The body (`bytes`, `bytearray`, `memoryview` or `str`), or what a framework decoded of it: a mapping
        (a dict, nested or with bracket keys, or any multi-dict) or an iterable of pairs. It is not changed.
    :param content_type: The value of the ``Content-Type`` header, with its parameters. Without it, a body that begins
        with a brace is JSON, and anything else a urlencoded form; a multipart body needs it. Mappings and pairs do not.
    :param strict: Raise `InvalidCallbackError` for any issue, in place of None or ``UNKNOWN`` and an `Issue`.
    :param timezone: The zone of dates that name none. Exotel writes Indian Standard Time.
    :param limits: How large a payload may be.
    :raises DecodeError: The payload is not what it claims to be, or too large.
    :raises MissingFieldError: ``CallSid`` or ``Status`` is missing; the message says if it looks like another event.
    :raises InvalidCallbackError: In strict mode only.
    :raises TypeError: An argument other than `payload` is not what it should be.
    :raises ImportError: The body is multipart, and a ``python-multipart`` before 0.0.13, which is installed too, hides
        the package that decodes it.

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback.
    """
    # Other options and misused ones are for the plain path. Strict or not is one to `_fast`: it gives up at any issue.
    has_defaults = timezone is IST and limits is DEFAULT_LIMITS and type(strict) is bool
    if has_defaults and (callback := read_ordinary(payload, content_type)):
        return callback
    check_options(timezone, limits, strict=strict, content_type=content_type)
    raw = decode(payload, content_type, limits)
    if has_defaults and (callback := read_flat(raw)):
        return callback
    if "CallSid" not in raw and identify(raw) is CALL_OBJECT:  # whose legs would be lost
        raise MissingFieldError(diagnose(raw, "parse"))
    return read_event(StatusCallback, raw, raw, reader="parse", strict=strict, timezone=timezone, limits=limits)


def read_event(  # noqa: PLR0913 - what is read, what is kept of it, and the caller's three options
    cls: type[T],
    raw: RawPayload,
    source: RawPayload,
    odd: tuple[Issue, ...] = (),
    *,
    reader: str,
    strict: bool,
    timezone: tzinfo,
    limits: Limits,
) -> T:
    """Read an event by the table of `cls`, and raise what is missing, or in strict mode what is odd, all at once.

    :param raw: The event as it came, which it keeps.
    :param source: The same by the names of the table.
    :param odd: Issues that were found on the way to `source`.
    :param reader: The name of the public function, which an error does not advise to call instead.
    """
    if len(raw) > limits.fields and count_names(raw) > limits.fields:
        message = f"more than {limits.fields} fields"
        raise DecodeError(message, status_hint=413)
    reading = Reading(timezone)
    values = _read_fields(wire_fields(cls), source, reading)
    values["legs"] = read_legs(leg_class(cls), source, reading, limits.legs)
    issues = (*reading.issues, *odd)
    if any(required and values[attribute] is None for attribute, _, _, required in wire_fields(cls)):
        problem, diagnosis = join_messages(issues), diagnose(raw, reader)
        raise MissingFieldError(f"{problem}. {diagnosis}" if diagnosis else problem, issues=issues)
    if strict and issues:
        raise InvalidCallbackError(join_messages(issues), issues=issues)
    values |= {"issues": issues, "raw": raw}
    return cls(**values)


def _read_fields(table: tuple[WireField, ...], raw: RawPayload, reading: Reading) -> dict[str, Any]:
    """Read the fields in the order of the table, which is also the order of their issues."""
    values: dict[str, Any] = {}
    for attribute, names, kind, required in table:
        name = names[0] if len(names) == 1 else chosen_name(raw, names)
        value = reading.value(kind, raw.get(name), name)
        if value is None and required:
            if is_empty(raw.get(name)):
                reading.note(name, IssueCode.MISSING)
            elif kind is CALL_STATUS:  # a status that can't be read is still the news that something happened
                value = CallStatus.UNKNOWN
        values[attribute] = value
    return values
