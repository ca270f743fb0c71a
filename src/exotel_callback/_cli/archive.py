"""Read archives of captured bodies, chunk by chunk: NDJSON, gzip-compressed or not, and Parquet."""

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NamedTuple, TypeVar, cast

import click
import pyarrow as pa
import pyarrow.parquet as pq

from ..arrow import column_of
from .envelope import lines_of

if TYPE_CHECKING:
    from io import BufferedReader

Item = TypeVar("Item")


class Chunk(NamedTuple):
    """Some lines of NDJSON, or some rows of Parquet, of one source."""

    rows: Sequence[bytes] | pa.RecordBatch
    """The columns of a record batch have the names of `Columns`, and ``received_at`` if the source has it."""
    source: str
    numbers: Sequence[int]
    """The number of each line or row in the source, counted from 1."""


_GZIP_START: Final = b"\x1f\x8b"
_PARQUET_START: Final = b"PAR1"
_GZIP_RATIO: Final = 10
_CHUNK_ROWS: Final = 10_000
_CHUNK_BYTES: Final = 8_388_608
_PIPED_BYTES: Final = 1_073_741_824


class Columns(NamedTuple):
    """The Parquet columns to read. If ``content_type`` is None, the column ``content_type`` is read if it exists."""

    body: str
    content_type: str | None


def estimate_size(source: str) -> int:
    """Estimate the uncompressed size of a source. A pipe counts as 1 GiB, because reading it would consume it."""
    if not Path(source).is_file():
        return _PIPED_BYTES
    with Path(source).open("rb") as file:
        ratio = _GZIP_RATIO if file.read(len(_GZIP_START)) == _GZIP_START else 1
    return ratio * Path(source).stat().st_size


def read_chunks(
    sources: Sequence[str], columns: Columns, on_progress: Callable[[float | None], None], problems: list[str]
) -> Iterator[Chunk]:
    """Yield the lines and rows of all sources in chunks of a bounded size, and report the share that has been read.

    :raises ValueError: A source lacks the columns to read.
    """
    sizes = [Path(source).stat().st_size if Path(source).is_file() else 0 for source in sources]
    for number, source in enumerate(sources):
        with click.open_file(source, "rb") as file:
            start = cast("BufferedReader", file).peek(len(_PARQUET_START))
            if start.startswith(_PARQUET_START):
                chunks: Iterator[tuple[Chunk, float]] = _row_chunks(source, columns)
            else:
                unpacked = gzip.open(file) if start.startswith(_GZIP_START) else file  # noqa: SIM115 - closed with the file in it
                lines = _until_corrupt(lines_of(cast("IO[bytes]", unpacked)), source, problems)
                chunks = line_chunks(file, lines, source)
            for chunk, position in _until_corrupt(chunks, source, problems):
                yield chunk
                on_progress((sum(sizes[:number]) + position) / sum(sizes) if all(sizes) else None)


def _until_corrupt(items: Iterable[Item], source: str, problems: list[str]) -> Iterator[Item]:
    try:
        yield from items
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        problems.append(f"{source}: {error}")


def line_chunks(file: IO[bytes], lines: Iterable[bytes], source: str = "") -> Iterator[tuple[Chunk, float]]:
    """Yield the lines in chunks, without empty ones, each chunk with the position in the file after it."""
    chunk: list[bytes] = []
    numbers: list[int] = []
    size = 0
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        chunk.append(line)
        numbers.append(number)
        size += len(line)
        if len(chunk) == _CHUNK_ROWS or size >= _CHUNK_BYTES:
            yield Chunk(chunk, source, numbers), file.tell() if file.seekable() else 0
            chunk, numbers, size = [], [], 0
    if chunk:
        yield Chunk(chunk, source, numbers), file.tell() if file.seekable() else 0


def _row_chunks(source: str, columns: Columns) -> Iterator[tuple[Chunk, float]]:
    """Yield the rows of a Parquet file in chunks. The columns get the names of `Columns`."""
    if not Path(source).is_file():
        raise ValueError("can't read Parquet from a pipe; pass the name of the file")
    file = pq.ParquetFile(source)
    names = [columns.body]
    if columns.content_type or "content_type" in file.schema_arrow.names:
        names.append(columns.content_type or "content_type")
    stored = ["received_at"] if "received_at" in file.schema_arrow.names else []
    for name in names:
        if file.schema_arrow.names.count(name) != 1:
            raise ValueError(
                f"{source}: expected exactly one column {name!r}, found {file.schema_arrow.names}; "
                "pass --body and --content-type to name the columns"
            )
    size, done = Path(source).stat().st_size, 0
    for batch in file.iter_batches(_CHUNK_ROWS, columns=[*names, *stored]):
        numbers = range(done + 1, done + batch.num_rows + 1)
        done += batch.num_rows
        arrays = [column_of(batch, name) for name in [*names, *stored]]
        rows = pa.RecordBatch.from_arrays(arrays, [*Columns._fields[: len(names)], *stored])
        yield Chunk(rows, source, numbers), size * done / file.metadata.num_rows
