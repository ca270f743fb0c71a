"""Convert archives of captured bodies into tables of events and of merged calls, on all cores and in constant memory.

This process reads and writes. Other processes parse, a bounded number of rows at a time. Each of them also spills its
events into files, by a digest of the call's identifier, so that all events of a call are in one part. Afterwards the
parts are merged, one at a time. Each step counts what the summary and the report show.
"""

import gc
import json
import os
import zlib
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from datetime import datetime, tzinfo
from functools import partial, wraps
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple, TypeVar, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .._errors import CallbackError, IssueCode
from .._model.callback import StatusCallback
from .._parse import parse
from .._wire.decode import guess_content_type
from ..arrow import (
    CALL_SCHEMA,
    MERGED_FROM,
    SCHEMA,
    TIMESTAMP,
    add_local_times,
    call_table,
    date_of,
    origins_of,
    parse_batches,
    results,
    rows_of,
    with_local_times,
)
from .archive import Chunk, Columns, estimate_size, read_chunks
from .envelope import Envelope, open_envelope
from .tally import CallRow, Tally, Unrecognized

Item = TypeVar("Item")
Returned = TypeVar("Returned")

Rows = pa.RecordBatch | pa.Table

# The rows of a target in its format: Arrow rows for Parquet, bytes for NDJSON, and None if there is no target.
Encoded = Rows | bytes | None

# A function that takes the name of a step, and the share of it that is done, or None if the share is unknown.
OnProgress = Callable[[str, float | None], None]

_PART_BYTES: Final = 16_777_216
_MAX_PARTS: Final = 512
_COUNTED_LENGTH: Final = 30
_TEMPORARY_PREFIX: Final = ".exotel-callback-"
_DATE_COLUMNS: Final = [field.name for field in SCHEMA if field.type == TIMESTAMP]


class Spill(NamedTuple):
    """The folder of temporary files that hold events until they are merged, and the number of parts."""

    folder: Path
    parts: int


class Targets(NamedTuple):
    """The files to write: Parquet if the name ends in ``.parquet``, else NDJSON. ``calls`` may be omitted."""

    events: Path
    calls: Path | None


def convert(
    sources: Sequence[str],
    targets: Targets,
    columns: Columns,
    *,
    workers: int,
    on_progress: OnProgress,
    problems: list[str],
    local: tzinfo | None = None,
) -> Tally:
    """Write the events of all sources and their calls to the targets, and return the counts.

    :param local: The time zone of additional columns with local times.

    Existing targets are replaced after all rows are written. A corrupt source is read up to the damage, and is reported
    in `problems`.

    :raises ValueError: A source lacks the columns to read.
    """
    parts = min(max(sum(map(estimate_size, sources)) // _PART_BYTES, 1), _MAX_PARTS)
    tally = Tally()
    # The file system of the target has room for events, but the system's temporary folder may be in memory.
    with TemporaryDirectory(prefix=_TEMPORARY_PREFIX, dir=targets.events.parent) as folder, _pool(workers) as pool:
        spill = Spill(Path(folder), parts)
        schemas = [with_local_times(schema) if local else schema for schema in (SCHEMA, CALL_SCHEMA)]
        with _writer(targets.events, schemas[0]) as write:
            chunks = read_chunks(sources, columns, partial(on_progress, "reading"), problems)
            parse_chunk = partial(_parse_chunk, spill, targets.events, local)
            for rows, counted in map_in_order(pool, parse_chunk, chunks, ahead=2 * workers):
                write(rows)
                tally += counted
        with _writer(targets.calls, schemas[1]) as write:
            merge_part = partial(_merge_part, spill, targets.calls, local)
            numbers = _part_numbers(parts, partial(on_progress, "merging"))
            for rows, counted in map_in_order(pool, merge_part, numbers, ahead=2 * workers):
                write(rows)
                tally += counted
    return tally


@contextmanager
def _pool(workers: int) -> Generator[ProcessPoolExecutor | None, None, None]:
    if workers == 1:
        yield None
        return
    # A forked process would inherit Arrow's threads in an undefined state.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def map_in_order(
    pool: ProcessPoolExecutor | None, function: Callable[[Item], Returned], items: Iterable[Item], ahead: int
) -> Iterator[Returned]:
    """Call a function in other processes, as `map` does, with at most `ahead` items in progress."""
    if pool is None:
        yield from map(function, items)
        return
    futures: deque[Future[Returned]] = deque()
    for item in items:
        futures.append(pool.submit(function, item))
        if len(futures) > ahead:
            yield futures.popleft().result()
    while futures:
        yield futures.popleft().result()


def _part_numbers(parts: int, on_progress: Callable[[float | None], None]) -> Iterator[int]:
    for part in range(parts):
        yield part
        on_progress((part + 1) / parts)


T = TypeVar("T", bound=Callable[..., Any])


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
def _parse_chunk(spill: Spill, target: Path | None, local: tzinfo | None, chunk: Chunk) -> tuple[Encoded, Tally]:
    """Parse the bodies of a chunk and spill the events. Return the rows to write, and the counts."""
    batch = _parse_rows(chunk) if isinstance(chunk.rows, pa.RecordBatch) else _parse_lines(chunk)
    _spill(spill, batch)
    tally = Tally(rows=batch.num_rows, unreadable_rows=batch.num_rows - batch["error"].null_count)
    for issue in cast("list[dict[str, str]]", pc.list_flatten(batch["issues"]).to_pylist()):
        tally.issues[issue["code"]] += 1
        if issue["code"] == IssueCode.UNKNOWN_VALUE:
            tally.unrecognized[Unrecognized(issue["path"], issue["value"][:_COUNTED_LENGTH])] += 1
    return _encode(batch, target, local), tally


def _parse_rows(chunk: Chunk) -> pa.RecordBatch:
    """Parse rows of Parquet."""
    rows = cast("pa.RecordBatch", chunk.rows)
    columns = dict(zip(rows.schema.names, rows.columns, strict=True)) | _place(chunk)
    content_type, received_at = (name if name in columns else None for name in ("content_type", "received_at"))
    batches = parse_batches(
        pa.RecordBatch.from_pydict(columns), "body", content_type, received_at=received_at, source="source", line="line"
    )
    (batch,) = batches
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


def _spill(spill: Spill, batch: pa.RecordBatch) -> None:
    """Append the events to the files of their calls' parts. Each process has its own files."""
    batch = batch.select(list(MERGED_FROM)).filter(pc.is_valid(batch["call_sid"]))
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
def _merge_part(spill: Spill, target: Path | None, local: tzinfo | None, part: int) -> tuple[Encoded, Tally]:
    """Merge the calls of a part. Return the rows to write, and the counts."""
    calls = call_table(_spilled_events(spill, part))
    tally = Tally()
    for call in rows_of(calls.select(list(CallRow.__annotations__))):
        tally.add_call(cast("CallRow", call))
    return _encode(calls, target, local), tally


def _spilled_events(spill: Spill, part: int) -> Iterator[pa.RecordBatch]:
    for path in spill.folder.glob(f"{part}-*"):
        with path.open("rb") as file:
            while file.tell() < path.stat().st_size:
                yield from pa.ipc.open_stream(file)


def _encode(rows: Rows, target: Path | None, local: tzinfo | None) -> Encoded:
    if target is None:  # The rows are only counted, so they don't have to leave their process.
        return None
    if local:
        rows = add_local_times(rows, local)
    if target.suffix == ".parquet":
        return rows
    return "".join(f"{json.dumps(_for_json(row))}\n" for row in rows_of(rows)).encode()


def _for_json(row: dict[str, Any]) -> dict[str, Any]:
    for name in _DATE_COLUMNS:
        if row.get(name) is not None:
            row[name] = date_of(row[name]).isoformat()
    row = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
    if row.get("extra") is not None:
        row["extra"] = json.loads(row["extra"])
    if row.get("body") is not None:
        try:
            row["body"] = row["body"].decode()
        except UnicodeDecodeError:
            row["body_base64"] = b64encode(row.pop("body")).decode()
    return row


@contextmanager
def _writer(target: Path | None, schema: pa.Schema) -> Generator[Callable[[Encoded], object], None, None]:
    """Yield a function that writes rows to a temporary file, which replaces the target after all rows are written."""
    if target is None:
        yield lambda _: None
        return
    with TemporaryDirectory(prefix=_TEMPORARY_PREFIX, dir=target.parent) as folder:
        draft = Path(folder) / target.name
        if target.suffix == ".parquet":
            with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
                yield cast("Callable[[Encoded], object]", writer.write)
        else:
            with draft.open("wb") as file:
                yield cast("Callable[[Encoded], object]", file.write)
        if target.exists():
            draft.chmod(target.stat().st_mode)
        draft.replace(target)
