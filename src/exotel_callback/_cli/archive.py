"""Read archives of captured bodies, chunk by chunk: NDJSON, gzip-compressed or not, and Parquet."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeVar, cast

import pyarrow as pa
import pyarrow.parquet as pq

from ..arrow import TIMESTAMP, column_of
from .envelope import GZIP_START, Resumed, is_blank, lines_of, open_input

Item = TypeVar("Item")


class Chunk(NamedTuple):
    """Some lines of NDJSON, or some rows of Parquet, of one source."""

    rows: Sequence[bytes] | pa.RecordBatch
    """The columns of a record batch have the names of `Columns`, and ``received_at`` if the source has it."""
    source: str
    numbers: Sequence[int]
    """The number of each line or row in the source, counted from 1."""


_PARQUET_START: Final = b"PAR1"
_GZIP_RATIO: Final = 10
_CHUNK_ROWS: Final = 10_000
_CHUNK_BYTES: Final = 8_388_608
_PIPED_BYTES: Final = 1_073_741_824
# Parquet stores equal bodies once, but Arrow repeats them. So few rows are decoded at a time until their size is known.
_DECODED_ROWS: Final = 128


class Columns(NamedTuple):
    """The Parquet columns to read. If ``content_type`` is None, the column ``content_type`` is read if it exists.

    So is a column ``received_at``.
    """

    body: str
    content_type: str | None


def _peek(file: IO[bytes]) -> tuple[bytes, IO[bytes]]:
    """Return the first bytes of a file, and the file before they were read. A pipe can deliver them one by one."""
    position = file.tell() if file.seekable() else None
    start = file.read(len(_PARQUET_START))
    if position is None:
        return start, io.BufferedReader(Resumed(start, file))
    file.seek(position)
    return start, file


def estimate_size(source: str) -> int:
    """Estimate the uncompressed size of a source. A pipe counts as 1 GiB, because reading it would consume it."""
    if not Path(source).is_file():
        return _PIPED_BYTES
    with Path(source).open("rb") as file:
        ratio = _GZIP_RATIO if file.read(len(GZIP_START)) == GZIP_START else 1
    return ratio * Path(source).stat().st_size


def read_chunks(
    sources: Sequence[str], columns: Columns, on_progress: Callable[[float | None], None], problems: list[str]
) -> Iterator[Chunk]:
    """Yield the lines and rows of all sources in chunks of a bounded size, and report the share that has been read.

    :raises ValueError: A source lacks the columns to read.
    """
    sizes = [Path(source).stat().st_size if Path(source).is_file() else 0 for source in sources]
    for number, source in enumerate(sources):
        with open_input(source) as opened:
            start, file = _peek(opened)
            if start == _PARQUET_START:
                chunks = _row_chunks(source, columns)
            else:
                unpacked = gzip.open(file) if start.startswith(GZIP_START) else file  # noqa: SIM115 - closed with the file in it
                lines = _until_corrupt(lines_of(cast("IO[bytes]", unpacked)), source, problems)
                chunks = line_chunks(source, file, lines)
            for chunk, position in _until_corrupt(chunks, source, problems):
                yield chunk
                on_progress((sum(sizes[:number]) + position) / sum(sizes) if all(sizes) else None)


def _until_corrupt(items: Iterable[Item], source: str, problems: list[str]) -> Iterator[Item]:
    try:
        yield from items
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        problems.append(f"{source}: {error}")


def line_chunks(source: str, file: IO[bytes], lines: Iterable[bytes]) -> Iterator[tuple[Chunk, float]]:
    """Yield the lines in chunks, without blank ones, each chunk with the position in the file after it."""
    chunk, size = Chunk([], source, []), 0
    for number, line in enumerate(lines, 1):
        if is_blank(line):
            continue
        cast("list[bytes]", chunk.rows).append(line)
        cast("list[int]", chunk.numbers).append(number)
        size += len(line)
        if len(chunk.numbers) == _CHUNK_ROWS or size >= _CHUNK_BYTES:
            yield chunk, file.tell() if file.seekable() else 0
            chunk, size = Chunk([], source, []), 0
    if chunk.numbers:
        yield chunk, file.tell() if file.seekable() else 0


def _row_chunks(source: str, columns: Columns) -> Iterator[tuple[Chunk, float]]:
    """Yield the rows of a Parquet file in chunks. The columns get the names of `Columns`, and ``received_at``."""
    if not Path(source).is_file():
        raise ValueError("can't read Parquet from a pipe; pass the name of the file")
    file = pq.ParquetFile(source)
    found = file.schema_arrow.names
    names = {"body": columns.body}
    if columns.content_type or "content_type" in found:
        names["content_type"] = columns.content_type or "content_type"
    for name in names.values():
        if found.count(name) != 1:
            raise ValueError(
                f"{source}: expected exactly one column {name!r}, found {found}; "
                "pass --body and --content-type to name the columns"
            )
    if found.count("received_at") == 1:
        names["received_at"] = "received_at"
    size, done = Path(source).stat().st_size, 0
    for rows in _joined(
        _renamed(batch, names) for batch in file.iter_batches(_DECODED_ROWS, columns=[*names.values()])
    ):
        numbers = range(done + 1, done + rows.num_rows + 1)
        done += rows.num_rows
        yield Chunk(rows, source, numbers), size * done / file.metadata.num_rows


def _renamed(batch: pa.RecordBatch, names: dict[str, str]) -> pa.RecordBatch:
    arrays = [_decoded(column_of(batch, name)) for name in names.values()]
    if "received_at" in names and pa.types.is_timestamp(arrays[-1].type):
        arrays[-1] = arrays[-1].cast(TIMESTAMP, safe=False).cast(pa.string())
    return pa.RecordBatch.from_arrays(arrays, list(names))


def _decoded(column: Any) -> Any:
    """Return a column without a dictionary, so that its size counts each value."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _joined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Join small batches until they reach the size of a chunk."""
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if rows >= _CHUNK_ROWS or size >= _CHUNK_BYTES:
            yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()
            waiting, rows, size = [], 0, 0
    if waiting:
        yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()
