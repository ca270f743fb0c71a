"""Parse an archive and merge its calls, with PySpark.

Run ``python calls_with_pyspark.py IN EVENTS CALLS``.
"""

import sys
from functools import partial

import pyarrow as pa
from pyspark.sql import SparkSession, functions
from pyspark.sql.types import StructType

from exotel_callback.arrow import CALL_SCHEMA, SCHEMA, call_table, parse_batches

# Each task merges one part of the calls. The events of one part must fit into its memory.
PARTS = 64


def schema_of(spark: SparkSession, schema: pa.Schema) -> StructType:
    """Convert an Arrow schema into a Spark schema."""
    return spark.createDataFrame(schema.empty_table()).schema


def main(archive: str, events: str, calls: str) -> None:
    """Write the events of an archive, and then their calls, each into a new directory."""
    builder = SparkSession.builder.config(
        "spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS"
    )
    with builder.getOrCreate() as spark:
        bodies = spark.read.parquet(archive).select("body", "content_type")
        parse = partial(parse_batches, content_type="content_type")
        bodies.mapInArrow(parse, schema_of(spark, SCHEMA)).write.parquet(events)

        parsed = spark.read.parquet(events).where("call_sid IS NOT NULL")
        parts = parsed.groupBy(functions.pmod(functions.hash("call_sid"), functions.lit(PARTS)))
        parts.applyInArrow(call_table, schema_of(spark, CALL_SCHEMA)).write.parquet(calls)


if __name__ == "__main__":
    main(*sys.argv[1:])
