"""Parse the Passthru applet's request, which describes a call at one point of its flow.

Facts
-----
- It is a GET request with the fields in the query string, unless you set the applet to POST a form. Before a stream, it
  is a POST request with JSON. It has only the fields that the flow knows at that point.
- The fields of a stream are in bracket keys (``Stream[Status]``), in a nested object, or in a JSON string under
  ``Stream``. A ``stream-start`` has ``StreamSid`` and ``StreamUrl`` beside the other fields.

Sources: https://support.exotel.com/support/solutions/articles/48283-working-with-passthru-applet,
https://docs.exotel.com/exotel-agentstream/passthru-applet and
https://developer.exotel.com/docs/app-bazaar/passthru-applet-guide.
"""

from collections.abc import Iterator
from datetime import tzinfo
from typing import Any, Final

import attrs

from .._errors import CallbackError, Issue, IssueCode, forget_context
from .._fields.kinds import is_empty
from .._fields.names import STREAM, STREAM_NAMES_AT_TOP, is_stream_key, path_in
from .._fields.reader import FieldReader
from .._fields.shapes import decoded_object
from .._fields.table import wire_fields
from .._model.passthru import PassthruEvent, PassthruLeg, Stream
from .._options import DEFAULT_LIMITS, IST, Limits, ReadOptions, read_options
from .._wire.decode import without_address
from .._wire.payload import Payload, RawPayload, Repeated, collect
from .diagnose import decode_for, refuse_others
from .event import read_event

# The names of one field become its primary name, so that two values of the field meet.
_ALIASES_OF_STREAM: Final = {name: field.names[0] for field in wire_fields(Stream) for name in field.names}


def parse_passthru(
    payload: Payload,
    content_type: str | None = None,
    *,
    strict: bool = False,
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> PassthruEvent:
    """Parse the request of the Passthru applet.

    :param payload: The query string, alone or with the URL or path before it. Or the parameters that your framework
        parsed (``request.args``, ``request.GET``, ``request.query_params``). Or a body, as for `parse`.
    :param content_type: As for `parse`. A query string doesn't need it.
    :param strict: As for `parse`.
    :param timezone: As for `parse`.
    :param limits: As for `parse`.
    :return: The request.
    :raises DecodeError: The payload can't be decoded as its content type, or it is too large.
    :raises MissingFieldError: ``CallSid`` is missing, or the payload is a StatusCallback or the popup request of the
        Connect applet. The message says what the payload looks like.
    :raises InvalidCallbackError: The payload has an issue, and `strict` is true.
    :raises TypeError: An argument has the wrong type, such as a coroutine or a request object as `payload`.

    Source: https://support.exotel.com/support/solutions/articles/48283-working-with-passthru-applet.
    """
    options = read_options(strict, timezone, limits)
    try:
        query = without_address(payload, content_type, limits)
        return read_passthru(decode_for("parse_passthru", query, content_type, limits), options)
    except CallbackError as error:
        forget_context(error)
        raise


parse_passthru.__module__ = "exotel_callback"


def read_passthru(raw: RawPayload, options: ReadOptions) -> PassthruEvent:
    """Read a decoded request, as `parse_passthru` does.

    :raises MissingFieldError: ``CallSid`` is missing, or the payload is a StatusCallback or a popup.
    :raises InvalidCallbackError: The payload has an issue in strict mode.
    """
    refuse_others(raw, "parse_passthru")
    stream, found = _read_stream(raw, options)
    event = read_event(
        PassthruEvent, PassthruLeg, raw, options, reader="parse_passthru", found=found, others={"stream": stream}
    )
    if stream and not event.recording_url:
        return attrs.evolve(event, recording_url=stream.recording_url)
    return event


def _read_stream(raw: RawPayload, options: ReadOptions) -> tuple[Stream | None, tuple[Issue, ...]]:
    """Read the fields of a stream, and return its issues too. The stream is None if it has no value."""
    reader = FieldReader(raw, options.timezone)
    given = (*_bracket_fields(raw), *_nested_fields(raw, reader), *_fields_at_top(raw))
    # If a field occurs more than once, the first value counts, and a different one leaves an issue.
    reader.raw = collect((_ALIASES_OF_STREAM.get(name, name), item) for name, value in given for item in _sent(value))
    if not reader.raw:
        return None, tuple(reader.issues)
    fields: dict[str, Any] = {field.attribute: reader.field(field, f"{STREAM}.") for field in wire_fields(Stream)}
    stream = Stream(**fields)
    return None if stream == Stream() else stream, tuple(reader.issues)


def _sent(value: object) -> tuple[object, ...]:
    """Return the values of a field in one shape. An empty value doesn't hide the value of another shape."""
    if isinstance(value, Repeated):
        return value
    return () if is_empty(value) else (value,)


def _bracket_fields(raw: RawPayload) -> Iterator[tuple[str, object]]:
    for name, value in raw.items():
        if is_stream_key(name):
            field, *deeper = path_in(STREAM, name)
            if not deeper:
                yield field, value


def _nested_fields(raw: RawPayload, reader: FieldReader) -> Iterator[tuple[str, object]]:
    value = reader.first(raw.get(STREAM), STREAM)
    value = decoded_object(value)  # A string that isn't JSON leaves an issue below.
    if isinstance(value, RawPayload):
        yield from value.items()
    elif value != () and not is_empty(value):  # PHP writes an empty object as an empty list.
        reader.note(STREAM, IssueCode.WRONG_TYPE, value)


def _fields_at_top(raw: RawPayload) -> Iterator[tuple[str, object]]:
    return ((name, raw[name]) for name in STREAM_NAMES_AT_TOP if name in raw)
