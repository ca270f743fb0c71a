"""Convert archives of captured bodies into tables of events and of merged calls, on all cores and in constant memory.

This process reads and writes. Other processes parse, a bounded number of rows at a time. Each of them also spills its
events into files, by a digest of the call's identifier, so that all events of a call are in one part. Afterwards the
parts are merged, one at a time. Each step counts what the summary and the report show.
"""

import gc
import json
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo
from functools import partial, wraps
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple, TypeVar, cast

import pyarrow as pa
import pyarrow.compute as pc

from .._encode import JSON
from .._errors import CallbackError, IssueCode
from .._model.callback import StatusCallback
from .._options import IST
from .._parse import parse
from ..arrow import (
    CALL_SCHEMA,
    MERGED_FROM,
    SCHEMA,
    call_table,
    origins_of,
    parse_batches,
    results,
    unescaped,
    values_of,
    with_local_times,
    without_errors,
)
from .archive import Chunk, Columns, estimate_size, read_chunks
from .envelope import Envelope, fields_of_envelope, open_envelope
from .tables import Encoded, encode, writer
from .tally import CallColumns, Tally, Unrecognized
from .workers import map_in_order, pool_of

# A function that takes the name of a step, and the share of it that is done, or None if the share is unknown.
OnProgress = Callable[[str, float | None], None]

T = TypeVar("T", bound=Callable[..., Any])

_PART_BYTES: Final = 16_777_216
_MAX_PARTS: Final = 512
_COUNTED_LENGTH: Final = 30


class Spill(NamedTuple):
    """The folder of temporary files that hold events until they are merged, and the number of parts."""

    folder: Path
    parts: int


class Targets(NamedTuple):
    """The files to write. `exotel_callback._cli.tables` chooses the format by the name."""

    events: Path
    calls: Path | None = None
    rejects: Path | None = None
    """NDJSON of the bodies that can't be parsed, in envelopes."""


def convert(
    sources: Sequence[str],
    targets: Targets,
    columns: Columns,
    *,
    workers: int,
    on_progress: OnProgress,
    problems: list[str],
    zone: tzinfo | None = None,
) -> Tally:
    """Write the events of all sources and their calls to the targets, and return the counts, by the hours of a zone.

    A corrupt source is read up to the damage, and is reported in `problems`.

    :param zone: The time zone of additional columns with local times, and of the hours that are counted. If you omit
        it, there are no such columns, and the hours are those of Indian Standard Time.

    :raises ValueError: A source lacks the columns to read.
    """
    parts = min(max(sum(map(estimate_size, sources)) // _PART_BYTES, 1), _MAX_PARTS)
    tally = Tally()
    # The file system of the target has room for events, but the system's temporary folder may be in memory.
    with TemporaryDirectory(dir=targets.events.parent) as folder, pool_of(workers) as pool:
        spill = Spill(Path(folder), parts)
        schemas = [with_local_times(schema) if zone else schema for schema in (SCHEMA, CALL_SCHEMA)]
        with writer(targets.events, schemas[0]) as write, writer(targets.rejects, SCHEMA) as reject:
            chunks = read_chunks(sources, columns, partial(on_progress, "reading"), problems)
            parse_chunk = partial(_parse_chunk, spill, targets, zone)
            for rows, rejects, counted in map_in_order(pool, parse_chunk, chunks, ahead=2 * workers):
                write(rows)
                reject(rejects)
                tally += counted
        with writer(targets.calls, schemas[1]) as write:
            merge_part = partial(_merge_part, spill, targets.calls, zone)
            numbers = _part_numbers(parts, partial(on_progress, "merging"))
            for rows, counted in map_in_order(pool, merge_part, numbers, ahead=2 * workers):
                write(rows)
                tally += counted
    return tally


def _part_numbers(parts: int, on_progress: Callable[[float | None], None]) -> Iterator[int]:
    for part in range(parts):
        yield part
        on_progress((part + 1) / parts)


def _without_collection(function: T) -> T:
    """Pause the search for reference cycles while a function runs. It would search all events, again and again."""

    @wraps(function)
    def run(*arguments: Any) -> Any:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            return function(*arguments)
        finally:
            if was_enabled:
                gc.enable()

    return cast("T", run)


@_without_collection
def _parse_chunk(spill: Spill, targets: Targets, zone: tzinfo | None, chunk: Chunk) -> tuple[Encoded, bytes, Tally]:
    """Parse the bodies of a chunk and spill the events. Return the rows and the rejects to write, and the counts."""
    batch = _parse_rows(chunk) if isinstance(chunk.rows, pa.RecordBatch) else _parse_lines(chunk)
    _spill(spill, batch)
    rejects = _rejects(chunk, batch) if targets.rejects else b""
    return encode(batch, targets.events, zone), rejects, _counts(chunk, batch)


def _parse_rows(chunk: Chunk) -> pa.RecordBatch:
    """Parse rows of Parquet."""
    rows = cast("pa.RecordBatch", chunk.rows)
    columns = dict(zip(rows.schema.names, rows.columns, strict=True)) | _place(chunk)
    content_type, received_at = (name if name in columns else None for name in ("content_type", "received_at"))
    (batch,) = parse_batches(
        pa.RecordBatch.from_pydict(columns), "body", content_type, received_at=received_at, source="source", line="line"
    )
    return batch


def _parse_lines(chunk: Chunk) -> pa.RecordBatch:
    """Parse lines of NDJSON."""
    lines = cast("Sequence[bytes]", chunk.rows)
    opened = [_opened(line) for line in lines]
    received = [None if isinstance(envelope, CallbackError) else envelope.received_at for envelope in opened]
    rows = list(zip(lines, opened, strict=True))
    (batch,) = results(rows, _parse_line, _body_of, origins_of(received, *_place(chunk).values()))
    return batch


def _place(chunk: Chunk) -> dict[str, Any]:
    """Return the source and the line of each row as columns."""
    return {
        "source": pa.array([chunk.source] * len(chunk.numbers), pa.string()),
        "line": pa.array(chunk.numbers, pa.int64()),
    }


def _opened(line: bytes) -> Envelope | CallbackError:
    try:
        return open_envelope(line)
    except CallbackError as error:
        return error


def _parse_line(row: tuple[bytes, Envelope | CallbackError]) -> StatusCallback:
    _, envelope = row
    if isinstance(envelope, CallbackError):
        raise envelope
    return parse(envelope.body, envelope.likely_type)


def _body_of(row: tuple[bytes, Envelope | CallbackError]) -> bytes:
    """Return the body in a line as bytes, or the line itself if that isn't possible."""
    line, envelope = row
    if isinstance(envelope, CallbackError):
        return line
    try:
        return envelope.body.encode() if isinstance(envelope.body, str) else envelope.body
    except UnicodeEncodeError:
        return line


def _rejects(chunk: Chunk, batch: pa.RecordBatch) -> bytes:
    """Return the envelopes of the rows that can't be parsed, each with its error and its place in the source."""
    if isinstance(chunk.rows, pa.RecordBatch):
        envelopes = _envelopes_of_rows(chunk.rows, batch["body"])
    else:
        envelopes = map(_envelope_of_line, chunk.rows)
    rejects: list[dict[str, Any]] = [
        {**fields_of_envelope(envelope), "error": error["message"], "source": chunk.source, "line": number}
        for envelope, error, number in zip(envelopes, batch["error"].to_pylist(), chunk.numbers, strict=True)
        if error
    ]
    return "".join(f"{json.dumps(reject)}\n" for reject in rejects).encode()


def _envelope_of_line(line: bytes) -> Envelope:
    envelope = _opened(line)
    return Envelope(line, JSON) if isinstance(envelope, CallbackError) else envelope


def _envelopes_of_rows(rows: pa.RecordBatch, output: Any) -> Iterator[Envelope]:
    """Return envelopes that are the same as the rows that can't be parsed, whose bodies are in the output."""
    names = rows.schema.names
    bodies = values_of(output.cast(pa.string(), safe=False) if _is_text(rows["body"].type) else output)
    # The body of a struct is JSON in the output.
    has_types = "content_type" in names and not pa.types.is_nested(rows["body"].type)
    found = values_of(rows["content_type"]) if has_types else [None] * len(bodies)
    types = [kind.decode("latin-1") if isinstance(kind, bytes) else kind for kind in found]
    received = values_of(rows["received_at"]) if "received_at" in names else [None] * len(bodies)
    return map(Envelope, bodies, types, received)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _counts(chunk: Chunk, batch: pa.RecordBatch) -> Tally:
    tally = Tally(rows=batch.num_rows)
    for error, number in zip(batch["error"].to_pylist(), chunk.numbers, strict=True):
        if error:
            tally.add_unreadable(error["type"], error["message"], f"{chunk.source}:{number}")
    for issue in cast("list[dict[str, str]]", pc.list_flatten(batch["issues"]).to_pylist()):
        tally.issues[issue["code"]] += 1
        if issue["code"] == IssueCode.UNKNOWN_VALUE:
            value = unescaped(issue["value"])[:_COUNTED_LENGTH]
            tally.unrecognized[Unrecognized(issue["path"], value)] += 1
    times = [batch[name].cast(pa.int64()) for name in ("received_at", "date_updated")]
    tally.add_lateness(cast("list[int]", pc.subtract(*times).drop_null().to_pylist()))
    return tally


def _spill(spill: Spill, batch: pa.RecordBatch) -> None:
    """Append the events to the files of their calls' parts. Each process has its own files."""
    batch = without_errors(batch.select(list(MERGED_FROM)))
    parts = [zlib.crc32(sid.encode()) % spill.parts for sid in cast("list[str]", batch["call_sid"].to_pylist())]
    order = sorted(range(len(parts)), key=parts.__getitem__)
    batch = batch.take(pa.array(order, pa.int64()))
    start = 0
    for part, rows in groupby(order, parts.__getitem__):
        count = len([*rows])
        with (spill.folder / f"{part}-{os.getpid()}").open("ab") as file, pa.ipc.new_stream(file, batch.schema) as out:
            out.write_batch(batch.slice(start, count))
        start += count


@_without_collection
def _merge_part(spill: Spill, target: Path | None, zone: tzinfo | None, part: int) -> tuple[Encoded, Tally]:
    """Merge the calls of a part. Return the rows to write, and the counts."""
    calls = call_table(_spilled_events(spill, part))
    tally = Tally()
    dates = [calls[name].cast(pa.int64()) for name in ("start_time", "date_created", "date_updated")]
    counted: dict[str, Any] = {
        **{name: calls[name] for name in ("outcome", "unreached_leg", "conversation_duration")},
        "events": pc.list_value_length(calls["events"]),
        "began": pc.coalesce(*dates),
    }
    columns = {name: column.to_pylist() for name, column in counted.items()}
    tally.add_calls(cast("CallColumns", columns), zone or IST)
    return encode(calls, target, zone), tally


def _spilled_events(spill: Spill, part: int) -> Iterator[pa.RecordBatch]:
    for path in spill.folder.glob(f"{part}-*"):
        with path.open("rb") as file:
            while file.tell() < path.stat().st_size:
                yield from pa.ipc.open_stream(file)
