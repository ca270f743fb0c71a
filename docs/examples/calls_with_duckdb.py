"""Parse an archive and merge its calls, with DuckDB: python calls_with_duckdb.py IN EVENTS CALLS, all Parquet."""

import sys
from collections.abc import Iterable, Iterator

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from exotel_callback.arrow import CALL_SCHEMA, SCHEMA, call_table, parse_batches

ROWS = 10_000  # that are parsed at a time
PARTS = 16  # of the calls, merged one at a time: so many that the events of one fit into memory

BODIES = "SELECT body, content_type FROM read_parquet(?)"
PART = "SELECT * FROM read_parquet(?) WHERE call_sid IS NOT NULL AND hash(call_sid) % ? = ?"


def read(query: str, *values: object) -> pa.RecordBatchReader:
    """Run a query, and read its rows as they come."""
    rows: pa.RecordBatchReader = duckdb.connect().sql(query, params=values).to_arrow_reader(ROWS)
    return rows


def write(path: str, schema: pa.Schema, tables: Iterable[pa.RecordBatch | pa.Table]) -> None:
    """Write tables into one file, as they come."""
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for table in tables:
            writer.write(table)


def calls_of(events: str) -> Iterator[pa.Table]:
    """Merge the calls of a file of events, part by part; all events of a call are in one part."""
    for part in range(PARTS):
        yield call_table(read(PART, events, PARTS, part))


def main(archive: str, events: str, calls: str) -> None:
    """Write the events of an archive, and then their calls."""
    write(events, SCHEMA, parse_batches(read(BODIES, archive), content_type="content_type"))
    write(calls, CALL_SCHEMA, calls_of(events))


if __name__ == "__main__":
    main(*sys.argv[1:])
