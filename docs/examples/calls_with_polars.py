"""Parse an archive and merge its calls, with Polars.

Run ``python calls_with_polars.py IN EVENTS CALLS``; all are Parquet.
"""

import sys
from collections.abc import Iterable, Iterator

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from exotel_callback.arrow import CALL_SCHEMA, SCHEMA, call_table, parse_batches

ROWS = 10_000  # parsed at a time
PARTS = 16  # The calls are merged in so many parts. The events of one part must fit into memory.


def bodies_of(archive: str) -> Iterator[pa.RecordBatch]:
    """Read the bodies of an archive in batches."""
    bodies = pl.scan_parquet(archive).select("body", "content_type")
    for frame in bodies.collect_batches(chunk_size=ROWS, maintain_order=True):
        yield from frame.to_arrow().to_batches()


def calls_of(events: str) -> Iterator[pa.Table]:
    """Merge the calls in a file of events, part by part. A call's events are in one part."""
    parsed = pl.scan_parquet(events).drop_nulls("call_sid")
    for part in range(PARTS):
        yield call_table(
            parsed.filter(pl.col("call_sid").hash() % PARTS == part)
            .collect(engine="streaming")
            .to_arrow()
        )


def write(path: str, schema: pa.Schema, tables: Iterable[pa.RecordBatch | pa.Table]) -> None:
    """Write each table into one file as soon as it is available."""
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for table in tables:
            writer.write(table)


def main(archive: str, events: str, calls: str) -> None:
    """Write the events of an archive, and then their calls."""
    write(events, SCHEMA, parse_batches(bodies_of(archive), content_type="content_type"))
    write(calls, CALL_SCHEMA, calls_of(events))


if __name__ == "__main__":
    main(*sys.argv[1:])
