"""Archives of captured bodies into tables of events and of merged calls, on all cores and in constant memory.

This process reads and writes; others parse, a bounded number of rows at a time. Each of these also puts its events
aside in files, by a digest of the call's identifier, so that all events of a call are in one part. In the end the parts
are merged, one at a time. What is told at the end, and drawn in the report, is counted on the way.
"""

# What is known of pyarrow's types is a package of stubs with gaps.
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

import gzip
import json
import os
import zlib
from base64 import b64encode
from bisect import bisect
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Final, NamedTuple, TypeVar, cast

import click
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.table import Table

from .._enums import Outcome
from .._errors import CallbackError, IssueCode
from .._parse import parse
from ..arrow import (
    CALL_SCHEMA,
    MERGED_FROM,
    SCHEMA,
    TIMESTAMP,
    call_table,
    column_of,
    date_of,
    parse_batches,
    results,
    rows_of,
)
from .envelope import from_envelope, lines_of

T = TypeVar("T")
R = TypeVar("R")

# What is counted: a kind of thing, and which one.
Counts = Counter["tuple[int, *tuple[Any, ...]]"]

# Lines of NDJSON, or rows of Parquet.
Chunk = Sequence[bytes] | pa.RecordBatch

_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_GZIP_RATIO: Final = 10

# Kinds of what is counted, each with what follows it in the key of a count:
#   ROWS, UNREADABLE  nothing
#   ISSUE             the code
#   WORD              path and text of an unknown word
#   DISTINCT          nothing: how many different WORDs are kept
#   OTHER_WORDS       nothing: how often further ones came
#   OUTCOME           the outcome
#   DAY, HOUR         the day since 1970 or the hour of the day, in India; the outcome
#   ANSWERED          the day, the party (0 or 1), whether it picked up
#   DURATION          the place of its class in DURATIONS
ROWS, UNREADABLE, ISSUE, WORD, DISTINCT, OTHER_WORDS, OUTCOME, DAY, HOUR, ANSWERED, DURATION = range(11)

_CHUNK_ROWS: Final = 10_000
_CHUNK_BYTES: Final = 8_388_608
_PART_BYTES: Final = 16_777_216
_MOST_PARTS: Final = 512
_PIPED_BYTES: Final = 64 * _PART_BYTES
_MOST_WORDS: Final = 1_000
_WORD_LENGTH: Final = 30
_PREFIX: Final = ".exotel-callback-"

_HOUR_MICROSECONDS: Final = 3_600_000_000  # as instants are told in
_IST_MICROSECONDS: Final = 5 * _HOUR_MICROSECONDS + _HOUR_MICROSECONDS // 2
_DATES: Final = [field.name for field in CALL_SCHEMA if field.type == TIMESTAMP]
_PICKED_UP: Final = frozenset({Outcome.CONNECTED, Outcome.MACHINE})
_DAYS: Final = range(-719_162, 2_932_897)  # those that a date can be of, from 1970 on

# The least seconds of each class of durations.
DURATIONS: Final = (0, 10, 30, 60, 120, 300, 600, 1_800, 3_600)


class Columns(NamedTuple):
    """The columns of Parquet to read. Where ``content_type`` is None, a column of that name is read if there is one."""

    body: str
    content_type: str | None


class Aside(NamedTuple):
    """Where events wait to be merged, and in how many parts."""

    folder: Path
    parts: int


class Targets(NamedTuple):
    """What is written: Parquet if the name ends in ``.parquet``, else NDJSON. The calls only if that is asked for."""

    events: Path
    calls: Path | None


def convert(  # noqa: PLR0913 - the command's options
    sources: Sequence[str],
    targets: Targets,
    columns: Columns,
    *,
    workers: int,
    tell: Callable[[str, float | None], None],
    problems: list[str],
) -> Counts:
    """Write the events of all sources, and their calls; return what was counted.

    What exists is replaced when all is done. `tell` is told the step, and which share of it is done, if that is known.
    What is damaged is read as far as it goes, and told in `problems`.

    :raises ValueError: A source has not the columns that are to be read.
    """
    parts = min(max(sum(map(_unpacked_size, sources)) // _PART_BYTES, 1), _MOST_PARTS)
    counts: Counts = Counter()
    # Beside the target, where there is room for events; what the system has for temporary files may be in memory.
    with TemporaryDirectory(prefix=_PREFIX, dir=targets.events.parent) as folder, _pool(workers) as pool:
        aside = Aside(Path(folder), parts)
        chunks = _chunks(sources, columns, partial(tell, "reading"), problems)
        steps: list[tuple[Path | None, pa.Schema, Callable[..., Any], Iterable[Any]]] = [
            (targets.events, SCHEMA, _parse_chunk, chunks),
            (targets.calls, CALL_SCHEMA, _merge_part, _parts(parts, partial(tell, "merging"))),
        ]
        for target, schema, step, items in steps:
            work = partial(step, aside, target)
            with _writer(target, schema) as write:
                for written, counted in in_turn(pool, work, items, ahead=2 * workers):
                    write(written)
                    add(counts, counted)
    return counts


def _unpacked_size(source: str) -> int:
    """Estimate how many bytes there are unpacked. Of a pipe nobody knows: to look would take bytes out of it."""
    if not Path(source).is_file():
        return _PIPED_BYTES
    with Path(source).open("rb") as file:
        ratio = _GZIP_RATIO if file.read(len(_GZIP)) == _GZIP else 1
    return ratio * Path(source).stat().st_size


@contextmanager
def _pool(workers: int) -> Generator[ProcessPoolExecutor | None, None, None]:
    if workers == 1:
        yield None
        return
    # A forked process would get Arrow's threads in whatever state they are.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def in_turn(
    pool: ProcessPoolExecutor | None, function: Callable[[T], R], items: Iterable[T], ahead: int
) -> Iterator[R]:
    """Call a function in other processes, as `map` does, with no more than so many items under way."""
    if pool is None:
        yield from map(function, items)
        return
    under_way: deque[Future[R]] = deque()
    for item in items:
        under_way.append(pool.submit(function, item))
        if len(under_way) > ahead:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def _chunks(
    sources: Sequence[str], columns: Columns, tell: Callable[[float | None], None], problems: list[str]
) -> Iterator[Chunk]:
    """Yield lines and rows in their order, never more than a bounded number, and tell how far that is."""
    sizes = [Path(source).stat().st_size if Path(source).is_file() else 0 for source in sources]
    for number, source in enumerate(sources):
        with click.open_file(source, "rb") as file:
            start = cast("Any", file).peek(len(_PARQUET))
            if start.startswith(_PARQUET):
                chunks: Iterator[tuple[Chunk, float]] = _rows(source, columns)
            else:
                unpacked = gzip.open(file) if start.startswith(_GZIP) else file  # noqa: SIM115 - ends with the file in it
                chunks = line_chunks(file, _undamaged(lines_of(cast("IO[bytes]", unpacked)), source, problems))
            for chunk, place in _undamaged(chunks, source, problems):
                yield chunk
                tell((sum(sizes[:number]) + place) / sum(sizes) if all(sizes) else None)


def _parts(parts: int, tell: Callable[[float | None], None]) -> Iterator[int]:
    for part in range(parts):
        yield part
        tell((part + 1) / parts)


def _undamaged(items: Iterable[T], source: str, problems: list[str]) -> Iterator[T]:
    try:
        yield from items
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        problems.append(f"{source}: {error}")


def line_chunks(file: IO[bytes], lines: Iterable[bytes]) -> Iterator[tuple[Chunk, float]]:
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        if line.isspace():
            continue
        chunk.append(line)
        size += len(line)
        if len(chunk) == _CHUNK_ROWS or size >= _CHUNK_BYTES:
            yield chunk, file.tell() if file.seekable() else 0
            chunk, size = [], 0
    if chunk:
        yield chunk, file.tell() if file.seekable() else 0


def _rows(source: str, columns: Columns) -> Iterator[tuple[Chunk, float]]:
    """Yield the rows of a Parquet file, with its columns called as in `Columns`."""
    if not Path(source).is_file():
        message = "Parquet can't be read from a pipe"
        raise ValueError(message)
    file = pq.ParquetFile(source)
    names = [columns.body]
    if columns.content_type or "content_type" in file.schema_arrow.names:
        names.append(columns.content_type or "content_type")
    for name in names:
        if file.schema_arrow.names.count(name) != 1:
            message = (
                f"{source}: not one column {name!r} among {file.schema_arrow.names}. "
                "Say which with --body and --content-type."
            )
            raise ValueError(message)
    size, done = Path(source).stat().st_size, 0
    for batch in file.iter_batches(_CHUNK_ROWS, columns=names):
        done += batch.num_rows
        arrays = [column_of(batch, name) for name in names]
        yield (
            pa.RecordBatch.from_arrays(arrays, list(Columns._fields[: len(names)])),
            size * done / file.metadata.num_rows,
        )


def _parse_chunk(aside: Aside, target: Path | None, chunk: Chunk) -> tuple[Any, Counts]:
    """Parse, put aside, and count; return what is to be written, and the counts."""
    if isinstance(chunk, pa.RecordBatch):
        (batch,) = parse_batches(chunk, *chunk.schema.names)
    else:
        batch = results(chunk, lambda line: parse(*from_envelope(line)), _body_of)
    _put_aside(aside, batch)
    counts: Counts = Counter({(ROWS,): batch.num_rows, (UNREADABLE,): batch.num_rows - batch["error"].null_count})
    for issue in cast("list[Any]", pc.list_flatten(batch["issues"]).to_pylist()):
        counts[ISSUE, issue["code"]] += 1
        if issue["code"] == IssueCode.UNKNOWN_VALUE:
            counts[WORD, issue["path"], issue["value"][:_WORD_LENGTH]] += 1
    return _encoded(batch, target), counts


def _body_of(line: bytes) -> bytes:
    """Return the body in a line, or the line if it has none that bytes can hold."""
    try:
        body, _ = from_envelope(line)
        return body.encode() if isinstance(body, str) else cast("bytes", body)
    except (CallbackError, UnicodeEncodeError):
        return line


def _put_aside(aside: Aside, batch: pa.RecordBatch) -> None:
    """Spread the events over the parts, by call. Each process has files of its own."""
    parts = [None if sid is None else zlib.crc32(sid.encode()) % aside.parts for sid in batch["call_sid"].to_pylist()]
    batch = batch.select(list(MERGED_FROM))
    for part in {*parts} - {None}:
        with (aside.folder / f"{part}-{os.getpid()}").open("ab") as file, pa.ipc.new_stream(file, batch.schema) as out:
            out.write_batch(batch.filter(pa.array([other == part for other in parts])))


def _merge_part(aside: Aside, target: Path | None, part: int) -> tuple[Any, Counts]:
    """Merge the calls of a part, and count them; return what is to be written, and the counts."""
    calls = call_table(_events_aside(aside, part))
    counts: Counts = Counter()
    for call in rows_of(calls):
        counts.update(counted_of(call))
    return _encoded(calls, target), counts


def counted_of(call: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield all that a call counts for."""
    outcome, unreached = call["outcome"], call["unreached_leg"]
    yield OUTCOME, outcome
    if outcome == Outcome.CONNECTED and call["conversation_duration"] is not None:
        yield DURATION, bisect(DURATIONS, call["conversation_duration"]) - 1
    began = next(
        (call[name] for name in ("start_time", "date_created", "date_updated") if call[name] is not None), None
    )
    hour = None if began is None else (began + _IST_MICROSECONDS) // _HOUR_MICROSECONDS
    if hour is None or hour // 24 not in _DAYS:
        return
    day = hour // 24
    yield DAY, day, outcome
    yield HOUR, hour % 24, outcome
    is_reached = outcome in _PICKED_UP
    if is_reached or unreached is not None:
        yield ANSWERED, day, 0, unreached != 0
        if unreached != 0:
            yield ANSWERED, day, 1, is_reached


def _events_aside(aside: Aside, part: int) -> Iterator[pa.RecordBatch]:
    for path in aside.folder.glob(f"{part}-*"):
        with path.open("rb") as file:
            while file.tell() < path.stat().st_size:
                yield from pa.ipc.open_stream(file)


def _encoded(rows: "pa.RecordBatch | pa.Table", target: Path | None) -> Any:
    """Return what is to be written of rows."""
    if target is None:  # they are only counted, and stay in their process
        return None
    if target.suffix == ".parquet":
        return rows
    return "".join(f"{json.dumps(_for_json(row))}\n" for row in rows_of(rows)).encode()


def _for_json(row: dict[str, Any]) -> dict[str, Any]:
    for name in _DATES:
        if row[name] is not None:
            row[name] = date_of(row[name]).isoformat()
    if row.get("extra") is not None:
        row["extra"] = json.loads(row["extra"])
    if row.get("body") is not None:
        try:
            row["body"] = row["body"].decode()
        except UnicodeDecodeError:
            row["body_base64"] = b64encode(row.pop("body")).decode()
    return row


@contextmanager
def _writer(target: Path | None, schema: pa.Schema) -> Generator[Callable[[Any], object], None, None]:
    """Yield what writes to a draft, which takes the place of the target when all is there."""
    if target is None:
        yield lambda _: None
        return
    with TemporaryDirectory(prefix=_PREFIX, dir=target.parent) as folder:
        draft = Path(folder) / target.name
        if target.suffix == ".parquet":
            with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
                yield writer.write
        else:
            with draft.open("wb") as file:
                yield file.write
        if target.exists():
            draft.chmod(target.stat().st_mode)
        draft.replace(target)


def add(counts: Counts, counted: Counts) -> None:
    """Add what was counted; of unknown words, whoever sends them, no more than memory holds."""
    for key, number in counted.items():
        if key[0] == WORD and key not in counts and counts[DISTINCT,] >= _MOST_WORDS:
            counts[OTHER_WORDS,] += number
            continue
        counts[DISTINCT,] += key[0] == WORD and key not in counts
        counts[key] += number


def summary(counts: Counts) -> Table:
    """Lay out for a person what was counted."""
    table = Table(box=None, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")

    def row(label: str, number: int) -> None:
        table.add_row(label, f"{number:,}")

    row("events", counts[ROWS,] - counts[UNREADABLE,])
    row("unreadable rows", counts[UNREADABLE,])
    for title, kind in (("calls", OUTCOME), ("issues", ISSUE)):
        found = counts_of(counts, kind)
        row(title, sum(found.values()))
        for name, number in found.most_common():
            row(f"  {name}", number)
    return table


def counts_of(counts: Counts, kind: int) -> "Counter[Any]":
    """Return what was counted of one kind: by a name or, if that takes more, by a tuple."""
    found = ((key[1:], number) for key, number in counts.items() if key[0] == kind)
    return Counter({which[0] if len(which) == 1 else which: number for which, number in found})
