"""Convert archives of captured bodies into tables of events and of merged calls, on all cores and in constant memory.

This process reads and writes. Other processes parse, a bounded number of rows at a time. Each of them also spills its
events into files, by a digest of the call's identifier, so that all events of a call are in one part. Afterwards the
parts are merged, one at a time. Each step counts what the summary and the report show.
"""

import json
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple, cast

import pyarrow as pa
import pyarrow.compute as pc

from .._encode import JSON
from .._errors import CallbackError, IssueCode
from .._model.callback import StatusCallback
from .._options import IST
from .._parse import parse
from .._wire.decode import guess_content_type
from ..arrow import CALL_SCHEMA, MERGED_FROM, SCHEMA, call_table, parse_batches, results, rows_of, unescaped, values_of
from .archive import Chunk, Columns, estimate_size, read_chunks
from .envelope import Envelope, fields_of_envelope, open_envelope, received_instant
from .tables import Encoded, encode, writer
from .tally import CallRow, Tally, Unrecognized
from .workers import map_in_order, pool_of

# A function that takes the name of a step, and the share of it that is done, or None if the share is unknown.
OnProgress = Callable[[str, float | None], None]

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
    zone: tzinfo = IST,
) -> Tally:
    """Write the events of all sources and their calls to the targets, and return the counts, by the hours of a zone.

    A corrupt source is read up to the damage, and is reported in `problems`.

    :raises ValueError: A source lacks the columns to read.
    """
    parts = min(max(sum(map(estimate_size, sources)) // _PART_BYTES, 1), _MAX_PARTS)
    tally = Tally()
    # The file system of the target has room for events, but the system's temporary folder may be in memory.
    with TemporaryDirectory(dir=targets.events.parent) as folder, pool_of(workers) as pool:
        spill = Spill(Path(folder), parts)
        with writer(targets.events, SCHEMA) as write, writer(targets.rejects, SCHEMA) as reject:
            chunks = read_chunks(sources, columns, partial(on_progress, "reading"), problems)
            parse_chunk = partial(_parse_chunk, spill, targets)
            for rows, rejects, counted in map_in_order(pool, parse_chunk, chunks, ahead=2 * workers):
                write(rows)
                reject(rejects)
                tally += counted
        with writer(targets.calls, CALL_SCHEMA) as write:
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


def _parse_chunk(spill: Spill, targets: Targets, chunk: Chunk) -> tuple[Encoded, bytes, Tally]:
    """Parse the bodies of a chunk and spill the events. Return the rows and the rejects to write, and the counts."""
    batch, envelopes = _parse_rows(chunk.rows) if isinstance(chunk.rows, pa.RecordBatch) else _parse_lines(chunk.rows)
    _spill(spill, batch)
    rejects = _rejects(chunk, batch, envelopes) if targets.rejects else b""
    return encode(batch, targets.events), rejects, _counts(chunk, batch, envelopes)


def _parse_lines(lines: Sequence[bytes]) -> tuple[pa.RecordBatch, list[Envelope]]:
    """Parse lines of NDJSON. Return the events, and the envelopes that were read."""
    opened = [_opened(line) for line in lines]
    batch = results(list(zip(lines, opened, strict=True)), _parse_line, _body_of)
    return batch, [
        Envelope(line, JSON) if isinstance(envelope, CallbackError) else envelope
        for line, envelope in zip(lines, opened, strict=True)
    ]


def _opened(line: bytes) -> Envelope | CallbackError:
    try:
        return open_envelope(line)
    except CallbackError as error:
        return error


def _parse_line(row: tuple[bytes, Envelope | CallbackError]) -> StatusCallback:
    _, envelope = row
    if isinstance(envelope, CallbackError):
        raise envelope
    return parse(envelope.body, envelope.content_type or guess_content_type(envelope.body))


def _body_of(row: tuple[bytes, Envelope | CallbackError]) -> bytes:
    """Return the body in a line as bytes, or the line itself if that isn't possible."""
    line, envelope = row
    if isinstance(envelope, CallbackError):
        return line
    try:
        return envelope.body.encode() if isinstance(envelope.body, str) else envelope.body
    except UnicodeEncodeError:
        return line


def _parse_rows(rows: pa.RecordBatch) -> tuple[pa.RecordBatch, list[Envelope]]:
    """Parse rows of Parquet. Return the events, and envelopes that are the same as the rows that can't be parsed."""
    names = rows.schema.names
    (batch,) = parse_batches(rows, "body", "content_type" if "content_type" in names else None)
    bodies = values_of(batch["body"].cast(pa.string(), safe=False) if _is_text(rows["body"].type) else batch["body"])
    # The body of a struct is JSON in the output.
    has_types = "content_type" in names and not pa.types.is_nested(rows["body"].type)
    types = values_of(rows["content_type"]) if has_types else [None] * len(bodies)
    received = values_of(rows["received_at"]) if "received_at" in names else [None] * len(bodies)
    return batch, list(map(Envelope, bodies, types, received))


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _rejects(chunk: Chunk, batch: pa.RecordBatch, envelopes: Sequence[Envelope]) -> bytes:
    """Return the envelopes of the rows that can't be parsed, each with its error and its place in the source."""
    rejects: list[dict[str, Any]] = [
        {**fields_of_envelope(envelope), "error": error["message"], "source": chunk.source, "line": number}
        for envelope, error, number in zip(envelopes, batch["error"].to_pylist(), chunk.numbers, strict=True)
        if error
    ]
    return "".join(f"{json.dumps(reject)}\n" for reject in rejects).encode()


def _counts(chunk: Chunk, batch: pa.RecordBatch, envelopes: Sequence[Envelope]) -> Tally:
    tally = Tally(rows=batch.num_rows)
    for error, number in zip(batch["error"].to_pylist(), chunk.numbers, strict=True):
        if error:
            tally.add_unreadable(error["type"], error["message"], f"{chunk.source}:{number}")
    for issue in cast("list[dict[str, str]]", pc.list_flatten(batch["issues"]).to_pylist()):
        tally.issues[issue["code"]] += 1
        if issue["code"] == IssueCode.UNKNOWN_VALUE:
            value = unescaped(issue["value"])[:_COUNTED_LENGTH]
            tally.unrecognized[Unrecognized(issue["path"], value)] += 1
    received = pa.array([received_instant(envelope.received_at) for envelope in envelopes], pa.int64())
    lateness = pc.subtract(received, batch["date_updated"].cast(pa.int64())).drop_null()
    for microseconds in cast("list[int]", lateness.to_pylist()):
        tally.add_lateness(microseconds)
    return tally


def _spill(spill: Spill, batch: pa.RecordBatch) -> None:
    """Append the events to the files of their calls' parts. Each process has its own files."""
    parts = [None if sid is None else zlib.crc32(sid.encode()) % spill.parts for sid in batch["call_sid"].to_pylist()]
    batch = batch.select(list(MERGED_FROM))
    for part in {*parts} - {None}:
        with (spill.folder / f"{part}-{os.getpid()}").open("ab") as file, pa.ipc.new_stream(file, batch.schema) as out:
            out.write_batch(batch.filter(pa.array([other == part for other in parts])))


def _merge_part(spill: Spill, target: Path | None, zone: tzinfo, part: int) -> tuple[Encoded, Tally]:
    """Merge the calls of a part. Return the rows to write, and the counts."""
    calls = call_table(_spilled_events(spill, part))
    tally = Tally()
    for call in rows_of(calls):
        tally.add_call(cast("CallRow", call), zone)
    return encode(calls, target), tally


def _spilled_events(spill: Spill, part: int) -> Iterator[pa.RecordBatch]:
    for path in spill.folder.glob(f"{part}-*"):
        with path.open("rb") as file:
            while file.tell() < path.stat().st_size:
                yield from pa.ipc.open_stream(file)
