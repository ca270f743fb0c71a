"""Parse callbacks in bulk: Arrow record batches of bodies into record batches of events. Needs the extra ``arrow``.

Use it for archives of raw bodies, in any engine that supports Arrow: PySpark's ``mapInArrow``, DuckDB, Polars, Ray, or
pyarrow alone. Each input row becomes one output row at the same index. A body that can't be parsed becomes a row with
its error and its body.

Facts
-----
- A timestamp column has one time zone, here UTC. Near the years 1 and 10000, a `datetime` can hold some instants only
  in other zones.
- An Arrow string can't hold lone surrogates. The value of an issue can, so it is stored with the escapes of JSON.

``docs/how-to/bulk.md`` has examples.
"""

# The stubs of pyarrow have gaps.
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from functools import cache, partial
from itertools import accumulate, chain, groupby, islice, repeat
from operator import attrgetter
from types import NoneType
from typing import Any, Final, TypeVar, cast, get_args

import attrs

try:
    import pyarrow as pa
    import pyarrow.compute as pc
except ModuleNotFoundError as _error:
    raise ImportError("the bulk functions need the extra 'arrow'; run pip install 'exotel-callback[arrow]'") from _error

from ._enums import Outcome
from ._errors import CallbackError, DecodeError, Issue
from ._model._open import maker
from ._model.call import Call, distinct, merged
from ._model.callback import CallFields, Leg, StatusCallback
from ._model.instants import UNIX_EPOCH, instant, received_instant
from ._model.outcome import Result
from ._options import DEFAULT_LIMITS, IST, Limits, read_options
from ._parse import parse
from ._wire.decode import guess_content_type
from ._wire.payload import EMPTY_PAYLOAD, shown_name

__all__ = ["CALL_SCHEMA", "SCHEMA", "call_table", "parse_batches"]

T = TypeVar("T")

_BATCH_ROWS: Final = 10_000
_MAX_VALUE_BYTES: Final = 2**31 - 2
_JSON_ATOMS: Final = frozenset({str, int, bool, NoneType})

TIMESTAMP: Final = pa.timestamp("us", "UTC")
_TYPES: Final[Mapping[type[Any], Any]] = {str: pa.string(), int: pa.int64(), bool: pa.bool_(), datetime: TIMESTAMP}


def _kind(annotation: Any) -> Any:
    """Return ``X`` for ``X | None`` and ``tuple[X, ...]``. Return any other annotation unchanged."""
    return next((arg for arg in get_args(annotation) if arg not in {NoneType, Ellipsis}), annotation)


class _Escaped(str):
    """The annotation of a string that can hold lone surrogates. It is stored with the escapes of JSON."""

    __slots__ = ()


@cache
def _annotations(cls: type[Any]) -> Mapping[str, Any]:
    """Return the fields of a class that a table stores. The key of an event is a column, so it needs no digests."""
    found = {field.name: field.type for field in attrs.fields(cls) if not field.name.startswith("_")}
    return found | {"value": _Escaped} if cls is Issue else found


def _columns(annotations: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, _type(annotation)) for name, annotation in annotations.items()]


def _type(annotation: Any) -> Any:
    """Return the Arrow type for an annotation. An enum is stored as the values of its members."""
    kind = _kind(annotation)
    if Ellipsis in get_args(annotation):
        return pa.list_(_type(kind))
    if attrs.has(kind):
        return pa.struct(_columns(_annotations(kind)))
    return _TYPES.get(kind, pa.string())


# The columns that hold attributes, each with the attribute's type.
_FIELD_TYPES: Final[Mapping[str, Any]] = {field.name: field.type for field in attrs.fields(CallFields)}
# The columns that are newer than 1.0.0 are at the end of each schema. Tables of 1.0.0 lack them.
_LATER_COLUMNS: Final[Mapping[str, Any]] = {"duration": int | None, "is_settled": bool}
# Where and when an event was stored. Its archive knows it, and no callback.
_ORIGINS: Final[Mapping[str, Any]] = {"received_at": datetime, "source": str, "line": int}
_OF_CALLS: Final[Mapping[str, Any]] = {
    **{name: annotation for name, annotation in _FIELD_TYPES.items() if name not in _LATER_COLUMNS},
    "outcome": Outcome,
    "unreached_leg": int | None,
}
_OF_EVENTS: Final[Mapping[str, Any]] = {**_OF_CALLS, "event_key": str}
_EVENT_COLUMNS: Final[Mapping[str, Any]] = {**_OF_EVENTS, **_LATER_COLUMNS}
_CALL_COLUMNS: Final[Mapping[str, Any]] = {**_OF_CALLS, **_LATER_COLUMNS}
# The columns from which calls are merged.
MERGED_FROM: Final[Mapping[str, Any]] = {**_FIELD_TYPES, "event_key": str}


_ISSUES: Final = _type(_FIELD_TYPES["issues"])
# 1.0.0 called the value of an issue ``text``.
_FORMER_ISSUES: Final = pa.list_(
    pa.struct([("text" if field.name == "value" else field.name, field.type) for field in _ISSUES.value_type])
)


# Internal tables may have more bytes in a column than an array with offsets of 32 bits.
_MERGED_SCHEMA: Final = pa.schema(
    [
        (name, pa.large_string() if kind == pa.string() else kind)
        for name, kind in ((name, _type(annotation)) for name, annotation in MERGED_FROM.items())
    ]
)

# The attributes that tables don't hold.
_HIDDEN: Final[Mapping[type[Any], Mapping[str, Any]]] = {
    StatusCallback: {"raw": EMPTY_PAYLOAD},
    Leg: {},
    Issue: {"_digest": "", "_attrs_cached_hash": None},
}


_ERROR: Final = pa.struct([("type", pa.string()), ("message", pa.string()), ("status_hint", pa.int64())])

SCHEMA: Final = pa.schema(
    [
        *_columns(_OF_EVENTS),
        ("extra", pa.string()),
        ("error", _ERROR),
        ("body", pa.binary()),
        *_columns(_LATER_COLUMNS),
        *_columns(_ORIGINS),
    ]
)
"""The schema of events, one per row: the fields of `exotel_callback.StatusCallback`. It holds personal data.

Timestamps are in UTC, and enums are strings. ``extra`` is JSON, or null if it is empty. ``error`` (``type``,
``message``, ``status_hint``) and ``body`` are null if the body was parsed. Otherwise only these two and ``issues`` have
values. ``received_at``, ``source`` and ``line`` come from the archive, and are null if it doesn't have them.
"""

CALL_SCHEMA: Final = pa.schema([*_columns(_OF_CALLS), ("events", pa.list_(pa.string())), *_columns(_LATER_COLUMNS)])
"""The schema of calls, one per row: the fields of `exotel_callback.Call`, with the keys of its distinct events.

It holds personal data.
"""


def parse_batches(
    batches: "pa.Table | pa.RecordBatch | Iterable[pa.RecordBatch]",
    body: str = "body",
    content_type: str | None = None,
    *,
    received_at: str | None = None,
    source: str | None = None,
    line: str | None = None,
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[pa.RecordBatch]:
    """Parse record batches of raw bodies into record batches of `SCHEMA`.

    There is one output batch per input batch, with the same rows in the same order. If a column of the output would
    have more than 2 GiB, there are multiple. An invalid body never raises; its row holds the error. Only one batch is
    in memory at a time. The function can be pickled. For PySpark's ``mapInArrow``, bind its arguments with
    `functools.partial`.

    :param batches: Batches, a reader of batches, or a table.
    :param body: The name of the column of bodies. They are binary, strings, or structs with decoded payloads.
    :param content_type: The name of the column of ``Content-Type`` headers. If you omit it, or a header is null, the
        type is guessed from the body. The boundary of a multipart body is in its first line.
    :param received_at: The name of the column of times when the bodies were received: timestamps, strings in ISO 8601
        or seconds since 1970. A value without an offset is in UTC. Any other value becomes null.
    :param source: The name of the column of the files or tables that the bodies come from, as strings.
    :param line: The name of the column of the positions in them, as integers.
    :param timezone: The time zone of dates without one. Exotel writes Indian Standard Time.
    :param limits: The maximum size of a body.
    :return: An iterator over the output batches.
    :raises ValueError: A batch lacks one of these columns. The iterator raises it when it reaches the batch.
    :raises TypeError: An option has the wrong type.
    """
    read_options(False, timezone, limits)
    read = partial(_parse_row, timezone=timezone, limits=limits)
    names = {"body": body, "content_type": content_type, "received_at": received_at, "source": source, "line": line}
    return chain.from_iterable(map(partial(_parse_batch, read, names), _batches_of(batches)))


def call_table(events: "pa.Table | pa.RecordBatch | Iterable[pa.RecordBatch]") -> pa.Table:
    """Merge events into calls as `exotel_callback.merge` does, and return a table of `CALL_SCHEMA`, one row per call.

    The same events give the same table, in any order and with any repetition, because it is sorted by ``call_sid``.
    Rows that could not be parsed are omitted. All events are in memory at once. If they don't fit, pass the events of
    some calls at a time, but always all events of a call.

    :param events: A table or batches with the columns of `SCHEMA`. Another engine may have written and read them.
    :raises ValueError: A column is missing or has another type, or a newer version of this library wrote the events.
    """
    table = pa.Table.from_batches([_cast(batch, _MERGED_SCHEMA) for batch in _batches_of(events)], _MERGED_SCHEMA)
    table = without_errors(table).sort_by("call_sid")
    for name in ("status", "event_key"):
        if table[name].null_count:
            raise ValueError(f"an event has no {name}")
    calls = map(_merged, _grouped(keyed_events(table)))
    return pa.Table.from_batches(map(_call_batch, iter(lambda: [*islice(calls, _BATCH_ROWS)], [])), CALL_SCHEMA)


def without_errors(rows: Any) -> Any:
    """Return the rows of a table or a record batch that could be parsed. If all could, nothing is copied."""
    return rows.filter(pc.is_valid(rows["call_sid"])) if rows["call_sid"].null_count else rows


def keyed_events(table: "pa.Table") -> Iterator[tuple[str, StatusCallback]]:
    """Yield each event of a table, without its payload, and its key."""
    for start in range(0, table.num_rows, _BATCH_ROWS):
        rows = table.slice(start, _BATCH_ROWS)
        columns = {name: _values_in(rows[name].combine_chunks(), kind) for name, kind in MERGED_FROM.items()}
        keys = columns.pop("event_key")
        yield from zip(keys, _objects(columns, StatusCallback), strict=True)


def _grouped(events: Iterable[tuple[str, StatusCallback]]) -> Iterator[list[tuple[str, StatusCallback]]]:
    """Yield the events of each call. Those of one call are adjacent."""
    for _, of_call in groupby(events, lambda item: item[1].call_sid):
        yield [*of_call]


def _merged(events: list[tuple[str, StatusCallback]]) -> tuple[Call, list[str]]:
    """Merge the events of one call. Return the call, and the keys of its distinct events."""
    by_key = dict(events)
    found = distinct([by_key] if len(by_key) == len(events) else [{key: event} for key, event in events])
    return merged(found), [*found]


def _call_batch(calls: list[tuple[Call, list[str]]]) -> pa.RecordBatch:
    columns = _columns_of([call for call, _ in calls], _CALL_COLUMNS)
    columns["events"] = _array([keys for _, keys in calls], tuple[str, ...])
    return pa.RecordBatch.from_arrays([columns[name] for name in CALL_SCHEMA.names], schema=CALL_SCHEMA)


def origins_of(received: Iterable[Any], sources: Any, lines: Any) -> dict[str, Any]:
    """Return the columns of `_ORIGINS`. A value of `received` that isn't a time becomes null."""
    instants = pa.array(map(received_instant, received), pa.int64())
    return {"received_at": instants.cast(TIMESTAMP), "source": sources, "line": lines}


def _batches_of(batches: Any) -> Iterable[pa.RecordBatch]:
    if isinstance(batches, pa.RecordBatch):
        return [batches]
    return batches.to_batches() if isinstance(batches, pa.Table) else cast("Iterable[pa.RecordBatch]", batches)


def column_of(table: "pa.Table | pa.RecordBatch", name: str) -> Any:
    if table.schema.names.count(name) != 1:
        raise ValueError(f"expected exactly one column {name!r}, found {table.schema.names}")
    return table.column(name)


def _parse_batch(
    read: Callable[[tuple[Any, Any]], StatusCallback], names: Mapping[str, str | None], batch: pa.RecordBatch
) -> Iterator[pa.RecordBatch]:
    columns = {name: column_of(batch, column) for name, column in names.items() if column}
    if "received_at" in columns and str(columns["received_at"].type).startswith("timestamp[ns"):
        columns["received_at"] = columns["received_at"].cast(TIMESTAMP, safe=False)  # Python has no nanoseconds.
    nothing = [None] * batch.num_rows
    bodies, types, received = (
        values_of(columns[name]) if name in columns else nothing for name in ("body", "content_type", "received_at")
    )
    sources, lines = (
        _with_type(columns[name], kind, str(names[name])) if name in columns else pa.nulls(batch.num_rows, kind)
        for name, kind in (("source", pa.string()), ("line", pa.int64()))
    )
    rows = list(zip(bodies, types, strict=True))
    return results(rows, read, lambda row: _as_bytes(row[0]), origins_of(received, sources, lines))


def values_of(column: Any) -> list[Any]:
    """Return the values of a column. A string that isn't valid UTF-8 becomes bytes.

    A value that Python can't hold becomes the exception that reading it raised.
    """
    try:
        return cast("list[Any]", column.to_pylist())
    except (ValueError, OverflowError):  # Arrow's own errors are subclasses of ValueError.
        return [_value(scalar) for scalar in column]


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError) as error:
        return error.object if isinstance(error, UnicodeDecodeError) and hasattr(scalar, "as_buffer") else error


def _parse_row(row: tuple[Any, Any], **options: Any) -> StatusCallback:
    body, content_type = row
    if body is None or isinstance(body, Exception):
        raise DecodeError("the body is null" if body is None else "Python cannot represent the body")
    if isinstance(content_type, bytes):
        content_type = content_type.decode("latin-1")
    if not isinstance(content_type, str | None):
        raise DecodeError("the content type is not a string")
    if not isinstance(body, str | bytes | dict | list):  # For `parse`, a date is a mistake of the calling code.
        raise DecodeError(f"the body must be a string, bytes, a struct or a list, not {type(body).__name__}")
    if content_type is None and isinstance(body, str | bytes):
        content_type = guess_content_type(body)
    return parse(body, content_type, **options)


def _as_bytes(body: Any) -> bytes | None:
    if isinstance(body, str):
        return body.encode()
    if body is None or isinstance(body, bytes):
        return body
    return None if isinstance(body, Exception) else json.dumps(body, default=str, skipkeys=True).encode()


def results(
    items: Sequence[T],
    read: Callable[[T], StatusCallback],
    body_of: Callable[[T], bytes | None],
    origins: Mapping[str, Any],
) -> Iterator[pa.RecordBatch]:
    """Read items, and yield the events in columns. An item that can't be read has its error and its body.

    :param origins: The columns of `_ORIGINS`.
    """
    found = [_result(item, read) for item in items]
    bodies = [
        body_of(item) if isinstance(result, CallbackError) else None for item, result in zip(items, found, strict=True)
    ]
    # Arrow can't hold a longer value, and the archive has it.
    bodies = [None if body is None or len(body) > _MAX_VALUE_BYTES else body for body in bodies]
    return _event_batches(found, bodies, origins)


def _event_batches(
    found: Sequence[StatusCallback | CallbackError], bodies: Sequence[bytes | None], origins: Mapping[str, Any]
) -> Iterator[pa.RecordBatch]:
    """Yield one batch, or multiple ones if a column is too large for an array."""
    try:
        yield _event_batch(found, bodies, origins)
    except _TooLargeError:
        half = len(found) // 2
        for part in (slice(half), slice(half, None)):
            places = {name: column[part] for name, column in origins.items()}
            yield from _event_batches(found[part], bodies[part], places)


def _event_batch(
    found: Sequence[StatusCallback | CallbackError], bodies: Sequence[bytes | None], origins: Mapping[str, Any]
) -> pa.RecordBatch:
    columns = _columns_of(found, _EVENT_COLUMNS)
    columns["extra"] = _flat([_extra(result) for result in found], pa.string())
    errors = [_described(result) if isinstance(result, CallbackError) else None for result in found]
    columns["error"] = pa.array(errors, _ERROR)
    columns["body"] = _flat(bodies, pa.binary())
    columns |= origins
    return pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _result(item: T, read: Callable[[T], StatusCallback]) -> StatusCallback | CallbackError:
    try:
        return read(item)
    except CallbackError as error:
        return error


def _columns_of(
    values: Sequence[StatusCallback | Call | CallbackError], annotations: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an array for each attribute. An error has none of these attributes except ``issues``."""
    names = [name for name in annotations if name not in Result._fields]
    if len(names) < len(annotations):
        names.append("_result")  # One computation gives both.
    read = attrgetter(*names)
    rows = [_error_row(value, names) if isinstance(value, CallbackError) else read(value) for value in values]
    columns: dict[str, Sequence[Any]] = dict(
        zip(names, zip(*rows, strict=True) if rows else repeat((), len(names)), strict=True)
    )
    results = columns.pop("_result", ())
    columns |= {name: [result[index] for result in results] for index, name in enumerate(Result._fields)}
    return {name: _array(columns[name], annotation) for name, annotation in annotations.items()}


def _error_row(error: CallbackError, names: Iterable[str]) -> tuple[Any, ...]:
    values = {"issues": error.issues, "_result": (None, None)}
    return tuple(map(values.get, names))


def _array(values: Sequence[Any], annotation: Any) -> Any:
    """Return an array of values. Arrow converts aware dates and members of enums by itself."""
    kind = _kind(annotation)
    if Ellipsis in get_args(annotation):
        lengths = [0 if items is None else len(items) for items in values]
        # The offset of a list that is null is null.
        offsets = [
            None if items is None else end - len(items) for items, end in zip(values, accumulate(lengths), strict=True)
        ]
        flat = [item for items in values if items for item in items]
        return pa.ListArray.from_arrays(_flat([*offsets, len(flat)], pa.int32()), _array(flat, kind))
    if attrs.has(kind):
        columns = _columns_of(values, _annotations(kind))
        return pa.StructArray.from_arrays([*columns.values()], fields=[*_type(kind)])
    return _flat([*map(escaped, values)] if kind is _Escaped else values, _type(kind))


class _TooLargeError(Exception):
    """A column has more bytes than an array can hold."""


def _flat(values: Sequence[Any], kind: Any) -> Any:
    array = pa.array(values, kind)
    if isinstance(array, pa.ChunkedArray):  # Arrow counts the bytes of an array in 32 bits.
        raise _TooLargeError
    return array


def _extra(result: StatusCallback | CallbackError) -> str | None:
    extra = result.extra if isinstance(result, StatusCallback) else None
    return json.dumps(_plain(extra)) if extra else None


def _plain(value: object) -> object:
    """Return a value in ``raw`` as an object that JSON can hold. A number that JSON can't hold is a string."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value if type(value) in _JSON_ATOMS or (type(value) is float and math.isfinite(value)) else str(value)


def _described(error: CallbackError) -> dict[str, Any]:
    return {"type": type(error).__name__, "message": str(error), "status_hint": error.status_hint}


_ESCAPED_DIGITS: Final = "d[89a-f][0-9a-f]{2}|005c"


def escaped(text: str) -> str:
    r"""Escape each lone surrogate, and each backslash that would read as the start of such an escape."""
    return re.sub(rf"[\ud800-\udfff]|\\(?=u(?:{_ESCAPED_DIGITS}))", lambda found: f"\\u{ord(found[0]):04x}", text)


def unescaped(text: str) -> str:
    """Reverse `escaped`."""
    return re.sub(rf"\\u({_ESCAPED_DIGITS})", lambda found: chr(int(found[1], 16)), text)


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return the columns of a schema, with its types. An engine may have changed the types."""
    return pa.RecordBatch.from_arrays([_column(batch, field) for field in schema], schema=schema)


def _column(batch: pa.RecordBatch, field: Any) -> Any:
    if field.name in _LATER_COLUMNS and field.name not in batch.schema.names:
        return pa.nulls(batch.num_rows, field.type)
    return _with_type(column_of(batch, field.name), field.type, field.name)


def _with_type(column: Any, kind: Any, name: str) -> Any:
    """Return a column with another type.

    :raises ValueError: That isn't possible. Arrow's own message can quote a value, which can be personal.
    """
    with suppress(pa.ArrowException):
        if kind == _ISSUES and _has_former_issues(column.type):
            return column.cast(_FORMER_ISSUES).view(kind)
        return column.cast(kind)
    raise ValueError(f"a column has an unexpected type: cannot cast {name!r} from {column.type} to {kind}")


def _has_former_issues(kind: Any) -> bool:
    items = getattr(kind, "value_type", None)
    return isinstance(items, pa.StructType) and items.get_field_index("text") >= 0


def rows_of(table: "pa.Table | pa.RecordBatch") -> Iterator[dict[str, Any]]:
    """Yield the rows, with timestamps in microseconds, because a `datetime` in UTC can't hold every instant."""
    for start in range(0, table.num_rows, 1_000):
        columns = [
            (column.cast(pa.int64()) if column.type == TIMESTAMP else column).to_pylist()
            for column in table.slice(start, 1_000).columns
        ]
        for row in zip(*columns, strict=True):
            yield dict(zip(table.schema.names, row, strict=True))


def _objects(values: Mapping[str, Iterable[Any]], cls: type[T]) -> list[T]:
    """Return the instances of a class whose attributes are in columns."""
    hidden = _HIDDEN[cls]
    return list(map(_maker(cls, (*values, *hidden)), *values.values(), *map(repeat, hidden.values())))


_maker: Final = cast("Callable[[type[Any], tuple[str, ...]], Callable[..., Any]]", cache(maker))


def _values_in(column: Any, annotation: Any) -> list[Any]:
    """Return the values of an array, which `_array` made, as the annotated type."""
    kind = _kind(annotation)
    if Ellipsis in get_args(annotation):
        items = iter(_values_in(column.flatten(), kind))
        lengths = pc.list_value_length(column).fill_null(0).to_pylist()
        return [tuple(islice(items, length)) if length else () for length in lengths]
    if attrs.has(kind):
        columns = {name: _values_in(column.field(name), field) for name, field in _annotations(kind).items()}
        return _objects(columns, kind)
    if kind is datetime:
        numbers = column.cast(pa.int64()).to_pylist()
        dates = {number: None if number is None else date_of(number) for number in set(numbers)}
        return [dates[number] for number in numbers]
    if kind is _Escaped:
        return [*map(unescaped, column.to_pylist())]
    if issubclass(kind, StrEnum):
        encoded = column.dictionary_encode()
        members = [_member_of(kind, value) for value in encoded.dictionary.to_pylist()]
        return [None if index is None else members[index] for index in encoded.indices.to_pylist()]
    return cast("list[Any]", column.to_pylist())


def _member_of(enum: type[StrEnum], value: str) -> StrEnum:
    with suppress(ValueError):
        return enum(value)
    # The message of Python would quote any value, which can be personal.
    raise ValueError(
        f"{shown_name(value)} isn't a member of {enum.__name__}; did a newer version of exotel-callback write it?"
    )


def with_local_times(schema: pa.Schema) -> pa.Schema:
    """Return a schema with one more column for each column of times: the time on a clock in a time zone."""
    local = [pa.field(f"{field.name}_local", pa.timestamp("us")) for field in schema if field.type == TIMESTAMP]
    return pa.schema([*schema, *local])


def add_local_times(rows: "pa.RecordBatch | pa.Table", zone: tzinfo) -> "pa.Table":
    """Return rows with the columns of `with_local_times`. An instant that the zone's calendar lacks becomes null."""
    schema = with_local_times(rows.schema)
    arrays = [_local_times(rows[field.name], zone) for field in rows.schema if field.type == TIMESTAMP]
    return pa.Table.from_arrays([*rows.columns, *arrays], schema=schema)


def _local_times(column: Any, zone: tzinfo) -> Any:
    numbers = column.cast(pa.int64()).to_pylist()
    dates = {number: None if number is None else _local_time(number, zone) for number in set(numbers)}
    return pa.array([dates[number] for number in numbers], pa.timestamp("us"))


def _local_time(microseconds: int, zone: tzinfo) -> datetime | None:
    try:
        return date_of(microseconds).astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


_FIRST_INSTANT: Final = instant(datetime.min.replace(tzinfo=UTC))
_LAST_INSTANT: Final = instant(datetime.max.replace(tzinfo=UTC))
_MINUTE_MICROSECONDS: Final = 60_000_000


def date_of(microseconds: int) -> datetime:
    """Return the date of an instant in UTC, or in the nearest zone that can hold it if UTC can't.

    The offset is whole minutes, because Arrow ignores the microseconds of an offset.
    """
    if _FIRST_INSTANT <= microseconds <= _LAST_INSTANT:
        return UNIX_EPOCH + timedelta(microseconds=microseconds)
    missing = max(_FIRST_INSTANT - microseconds, microseconds - _LAST_INSTANT)
    minutes = -(-missing // _MINUTE_MICROSECONDS) * (1 if microseconds < _FIRST_INSTANT else -1)
    there = UNIX_EPOCH + timedelta(microseconds=microseconds + minutes * _MINUTE_MICROSECONDS)
    return there.replace(tzinfo=timezone(timedelta(minutes=minutes)))
