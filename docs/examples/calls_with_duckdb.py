"""Parse an archive and merge its calls, with DuckDB.

Run ``python calls_with_duckdb.py IN EVENTS CALLS``; all are Parquet.
"""

import sys
from collections.abc import Iterable, Iterator

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from exotel_callback.arrow import CALL_SCHEMA, SCHEMA, call_table, parse_batches

ROWS = 10_000  # parsed at a time
PARTS = 16  # The calls are merged in so many parts. The events of one part must fit into memory.

BODIES = "SELECT body, content_type FROM read_parquet(?)"
PART = "SELECT * FROM read_parquet(?) WHERE call_sid IS NOT NULL AND hash(call_sid) % ? = ?"


def read(query: str, *values: object) -> pa.RecordBatchReader:
    """Run a query, and return a reader for batches of its rows."""
    rows: pa.RecordBatchReader = duckdb.connect().sql(query, params=values).to_arrow_reader(ROWS)
    return rows


def write(path: str, schema: pa.Schema, tables: Iterable[pa.RecordBatch | pa.Table]) -> None:
    """Write each table into one file as soon as it is available."""
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for table in tables:
            writer.write(table)


def calls_of(events: str) -> Iterator[pa.Table]:
    """Merge the calls in a file of events, part by part. A call's events are in one part."""
    for part in range(PARTS):
        yield call_table(read(PART, events, PARTS, part))


def main(archive: str, events: str, calls: str) -> None:
    """Write the events of an archive, and then their calls."""
    write(events, SCHEMA, parse_batches(read(BODIES, archive), content_type="content_type"))
    write(calls, CALL_SCHEMA, calls_of(events))


if __name__ == "__main__":
    main(*sys.argv[1:])
