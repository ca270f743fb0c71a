"""Callbacks in bulk, as Arrow: record batches of bodies in, record batches of events out. Needs the extra ``arrow``.

For archives of raw bodies, on whatever speaks Arrow: PySpark's ``mapInArrow``, DuckDB, Polars, Ray, or pyarrow alone. A
row in is a row out, in its place; what can't be parsed is a row with its error and its body.

Facts
-----
- A timestamp has one zone for the whole column: here UTC. Near the years 1 and 10000 it can be an instant that a
  `datetime` has in some zones only.
- Arrow's text has no half surrogate pairs. The texts of issues can have them, and store them as JSON would.

``docs/how-to/bulk.md`` shows it at work.
"""

# What is known of pyarrow's types is a package of stubs with gaps.
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache, partial
from itertools import groupby
from operator import itemgetter
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
from ._model.call import Call, distinct, merged
from ._model.callback import CallFields, Leg, StatusCallback
from ._model.event_key import instant
from ._options import DEFAULT_LIMITS, IST, Limits, read_options
from ._parse import parse
from ._wire.decode import guess_content_type

__all__ = ["CALL_SCHEMA", "SCHEMA", "call_table", "parse_batches"]

T = TypeVar("T")

TIMESTAMP: Final = pa.timestamp("us", "UTC")
_TYPES: Final[Mapping[type[Any], Any]] = {str: pa.string(), int: pa.int64(), datetime: TIMESTAMP}


def _kind(annotation: Any) -> Any:
    """Return the type in ``X | None`` and ``tuple[X, ...]``."""
    return next((arg for arg in get_args(annotation) if arg not in {NoneType, Ellipsis}), annotation)


def _type(annotation: Any) -> Any:
    """Return how an attribute of that type is stored; the members of enums as their values."""
    kind = _kind(annotation)
    if Ellipsis in get_args(annotation):
        return pa.list_(_type(kind))
    if attrs.has(kind):
        return pa.struct([(field.name, _type(field.type)) for field in attrs.fields(kind)])
    return _TYPES.get(kind, pa.string())


# The columns that hold attributes, each with the attribute's type.
_FIELD_TYPES: Final[Mapping[str, Any]] = {field.name: field.type for field in attrs.fields(CallFields)}
_OF_CALLS: Final[Mapping[str, Any]] = {**_FIELD_TYPES, "outcome": Outcome, "unreached_leg": int | None}
_OF_EVENTS: Final[Mapping[str, Any]] = {**_OF_CALLS, "event_key": str}
MERGED_FROM: Final[Mapping[str, Any]] = {**_FIELD_TYPES, "event_key": str}  # what calls are merged from


_ISSUES: Final = _type(_FIELD_TYPES["issues"])
# 1.0.0 called the value of an issue ``text``.
_FORMER_ISSUES: Final = pa.list_(
    pa.struct([("text" if field.name == "value" else field.name, field.type) for field in _ISSUES.value_type])
)


def _columns(annotations: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, _type(annotation)) for name, annotation in annotations.items()]


_ERROR: Final = pa.struct([("type", pa.string()), ("message", pa.string()), ("status_hint", pa.int64())])

SCHEMA: Final = pa.schema([*_columns(_OF_EVENTS), ("extra", pa.string()), ("error", _ERROR), ("body", pa.binary())])
"""One row per event: the fields of `exotel_callback.StatusCallback`, timestamps in UTC, words for enums.

``extra`` is JSON, null where there is none. ``error`` (``type``, ``message``, ``status_hint``) and ``body`` are null
where it could be parsed; where it could not, these two and ``issues`` are all there is. Holds personal data.
"""

CALL_SCHEMA: Final = pa.schema([*_columns(_OF_CALLS), ("events", pa.list_(pa.string()))])
"""One row per call: the fields of `exotel_callback.Call`, and the keys of its distinct events. Holds personal data."""


def parse_batches(
    batches: "pa.Table | pa.RecordBatch | Iterable[pa.RecordBatch]",
    body: str = "body",
    content_type: str | None = None,
    *,
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[pa.RecordBatch]:
    """Parse record batches of raw bodies into record batches of `SCHEMA`, one for one and row for row.

    No row fails, and no more than a batch is held. The function can be pickled; `functools.partial` makes of it what
    PySpark's ``mapInArrow`` takes.

    :param batches: Batches, a reader of them, or a table.
    :param body: The name of the column of bodies: binary or text, or structs of what was decoded already.
    :param content_type: The name of the column of ``Content-Type`` headers. Where there is none, or it is null, the
        type is guessed as by the command: that of a multipart body by its first line.
    :param timezone: The zone of dates that name none. Exotel writes Indian Standard Time.
    :param limits: How large a body may be.
    :raises ValueError: A batch has no such column; raised when the batch is reached.
    :raises TypeError: An option is not what it should be.
    """
    read_options(False, timezone, limits)
    read = partial(_parse_row, timezone=timezone, limits=limits)
    return map(partial(_parse_batch, read, body, content_type), _batches_of(batches))


def call_table(events: "pa.Table | pa.RecordBatch | Iterable[pa.RecordBatch]") -> pa.Table:
    """Merge events into calls, one row each, as `exotel_callback.merge` does: a table of `CALL_SCHEMA`.

    The same events give the same table, in whatever order and however often they come: it is sorted by ``call_sid``.
    What could not be parsed is left out. All events are held at once. Of more than that, hand over those of some calls
    at a time, but always all that there are of a call.

    :param events: A table or batches with the columns of `SCHEMA`, also as another engine gave them back.
    :raises ValueError: A column is missing or of another type, or a newer version of this library wrote the events.
    """
    schema = pa.schema(_columns(MERGED_FROM))
    table = pa.Table.from_batches([_cast(batch, schema) for batch in _batches_of(events)], schema)
    table = table.filter(pc.is_valid(table["call_sid"])).sort_by("call_sid")
    if table["status"].null_count:
        raise ValueError("an event has no status")
    calls: list[Call] = []
    keys: list[list[str]] = []
    for _, rows in groupby(rows_of(table), itemgetter("call_sid")):
        events_of_call = distinct((row["event_key"], event_of(row)) for row in rows)
        calls.append(merged(events_of_call))
        keys.append(list(events_of_call))
    arrays = [*_arrays(calls, _OF_CALLS), pa.array(keys, CALL_SCHEMA.field("events").type)]
    return pa.Table.from_arrays(arrays, schema=CALL_SCHEMA)


def _batches_of(batches: Any) -> Iterable[pa.RecordBatch]:
    if isinstance(batches, pa.RecordBatch):
        return [batches]
    return batches.to_batches() if isinstance(batches, pa.Table) else cast("Iterable[pa.RecordBatch]", batches)


def column_of(table: "pa.Table | pa.RecordBatch", name: str) -> Any:
    if table.schema.names.count(name) != 1:
        raise ValueError(f"expected exactly one column {name!r}, found {table.schema.names}")
    return table.column(name)


def _parse_batch(
    read: Callable[[tuple[Any, str | None]], StatusCallback], body: str, content_type: str | None, batch: pa.RecordBatch
) -> pa.RecordBatch:
    bodies = _values(column_of(batch, body))
    types = _values(column_of(batch, content_type)) if content_type else [None] * len(bodies)
    return results(list(zip(bodies, types, strict=True)), read, lambda row: _as_bytes(row[0]))


def _values(column: Any) -> list[Any]:
    """Return the values of a column: bytes for text that is no UTF-8, and an exception for what Python can't hold."""
    try:
        return cast("list[Any]", column.to_pylist())
    except (ValueError, OverflowError):  # which Arrow's own errors are
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
    if content_type is None and isinstance(body, str | bytes):
        content_type = guess_content_type(body)
    return parse(body, content_type, **options)


def _as_bytes(body: Any) -> bytes | None:
    if isinstance(body, str):
        return body.encode()
    if body is None or isinstance(body, bytes):
        return body
    return None if isinstance(body, Exception) else json.dumps(body, default=str).encode()


def results(
    items: Sequence[T], read: Callable[[T], StatusCallback], body_of: Callable[[T], bytes | None]
) -> pa.RecordBatch:
    """Read items, and lay out the events in columns; of an item that can't be read, the error and its body."""
    found = [_result(item, read) for item in items]
    errors = [result if isinstance(result, CallbackError) else None for result in found]
    arrays = [
        *_arrays(found, _OF_EVENTS),
        pa.array([_extra(result) for result in found], pa.string()),
        pa.array([error and _described(error) for error in errors], _ERROR),
        pa.array([body_of(item) if error else None for item, error in zip(items, errors, strict=True)], pa.binary()),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _result(item: T, read: Callable[[T], StatusCallback]) -> StatusCallback | CallbackError:
    try:
        return read(item)
    except CallbackError as error:
        return error


def _arrays(values: Sequence[object], annotations: Mapping[str, Any]) -> list[Any]:
    """Lay out attributes in columns. An error has none of them but ``issues``."""
    return [
        pa.array([_stored(getattr(value, name, None)) for value in values], _type(annotation))
        for name, annotation in annotations.items()
    ]


def _extra(result: StatusCallback | CallbackError) -> str | None:
    extra = result.extra if isinstance(result, StatusCallback) else None
    return json.dumps(_plain(extra)) if extra else None


def _plain(value: object) -> object:
    """Return what JSON can hold of a value in ``raw``."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _described(error: CallbackError) -> dict[str, Any]:
    return {"type": type(error).__name__, "message": str(error), "status_hint": error.status_hint}


# What is stored of a value, and how it is read back. Members of these enums are texts.


def _stored(value: Any) -> Any:
    write = _WRITERS.get(type(value))
    return write(value) if write else value


def _fields_of(value: Any) -> dict[str, Any]:
    return {field.name: _stored(getattr(value, field.name)) for field in attrs.fields(type(value))}


_HALF: Final = "d[89a-f][0-9a-f]{2}|005c"


def escaped(text: str) -> str:
    """Escape half surrogate pairs, and the backslash of what looks like an escaped one already."""
    return re.sub(rf"[\ud800-\udfff]|\\(?=u(?:{_HALF}))", lambda found: f"\\u{ord(found[0]):04x}", text)


def unescaped(text: str) -> str:
    return re.sub(rf"\\u({_HALF})", lambda found: chr(int(found[1], 16)), text)


_WRITERS: Final[Mapping[type[Any], Callable[[Any], Any]]] = {
    datetime: instant,
    tuple: lambda items: [_stored(item) for item in items],
    Leg: _fields_of,
    Issue: lambda issue: _fields_of(issue) | {"value": escaped(issue.value)},
}


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Take the columns of a schema out of what an engine made of them."""
    try:
        arrays = [_with_type(column_of(batch, field.name), field.type) for field in schema]
    except pa.ArrowException as error:
        raise ValueError(f"a column has an unexpected type: {error}") from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _with_type(column: Any, kind: Any) -> Any:
    if kind == _ISSUES and column.type != kind and column.type.value_type.get_field_index("text") >= 0:
        return column.cast(_FORMER_ISSUES).view(kind)
    return column.cast(kind)


def rows_of(table: "pa.Table | pa.RecordBatch") -> Iterator[dict[str, Any]]:
    """Yield the rows, with timestamps in microseconds: not every instant is a `datetime` in UTC."""
    for start in range(0, table.num_rows, 1_000):
        columns = [
            (column.cast(pa.int64()) if column.type == TIMESTAMP else column).to_pylist()
            for column in table.slice(start, 1_000).columns
        ]
        for row in zip(*columns, strict=True):
            yield dict(zip(table.schema.names, row, strict=True))


def event_of(row: Mapping[str, Any]) -> StatusCallback:
    return StatusCallback(**{name: _reader(annotation)(row[name]) for name, annotation in _FIELD_TYPES.items()})


@cache
def _reader(annotation: Any) -> Callable[[Any], Any]:
    """Return what reads a stored value of that type."""
    kind = _kind(annotation)
    if Ellipsis in get_args(annotation):
        read_item = _reader(kind)
        return lambda items: tuple(map(read_item, items or ()))
    if attrs.has(kind):
        readers = {field.name: _reader(field.type) for field in attrs.fields(kind)}
        if kind is Issue:
            readers["value"] = unescaped
        return lambda fields: kind(**{name: read(fields[name]) for name, read in readers.items()})
    read = date_of if kind is datetime else kind
    return lambda value: None if value is None else read(value)


_FIRST_INSTANT: Final = instant(datetime.min.replace(tzinfo=UTC))
_LAST_INSTANT: Final = instant(datetime.max.replace(tzinfo=UTC))


def date_of(microseconds: int) -> datetime:
    """Return the date of an instant: in UTC or, where that has no such year, in the nearest zone that has."""
    there = min(max(microseconds, _FIRST_INSTANT), _LAST_INSTANT)
    zone = timezone(timedelta(microseconds=there - microseconds))
    return datetime.min.replace(tzinfo=zone) + timedelta(microseconds=there - _FIRST_INSTANT)
