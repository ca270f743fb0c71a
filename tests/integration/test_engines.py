"""Test that pyarrow, the command, DuckDB, Polars and PySpark give the same events and calls for one archive."""

import os
import random
import shutil
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exotel_callback import CallbackError, StatusCallback, merge, parse
from exotel_callback.arrow import CALL_SCHEMA, SCHEMA, call_table, parse_batches
from exotel_callback.testing import SCENARIOS, payload
from helpers import ENCODERS, ROOT, search_path

EXAMPLES = ROOT / "docs" / "examples"

# The first date that isn't a placeholder, and the last valid one.
DATES = [
    "1971-01-01 05:30:00",
    "9999-12-31 05:29:59",
]


def archive_rows():
    """Return bodies with their types: shuffled calls in all encodings, each delivery twice, and invalid bodies."""
    deliveries = [
        (body, content_type)
        for encode in ENCODERS.values()
        for scenario in SCENARIOS.values()
        for content_type, body, *_ in scenario.deliveries(encode)
    ]
    dated = [payload(CallSid=f"dated-{number}", StartTime=date) for number, date in enumerate(DATES)]
    worded = [payload(CallSid="worded", Status=word, Extra="é") for word in ("Free", "free", "फ्री")]
    odd = [encode(event) for event in [*dated, *worded] for encode in [ENCODERS["json"], ENCODERS["multipart"]]]
    body, content_type = deliveries[0]
    unreadable = [(body[:40], content_type), (b"\xff\xfe\x00", "application/json"), (None, content_type), (b"", None)]
    rows = [*deliveries, *deliveries, *odd, *unreadable]
    random.Random(1).shuffle(rows)
    return rows


ROWS = archive_rows()


def parsed(row):
    """Return the event or the error of a row."""
    body, content_type = row
    try:
        return parse(body, content_type)
    except (CallbackError, TypeError) as error:
        return error


EVENTS = [parsed(row) for row in ROWS]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    bodies, types = zip(*ROWS, strict=True)
    path = tmp_path_factory.mktemp("archive") / "in.parquet"
    pq.write_table(pa.table({"body": pa.array(bodies, pa.binary()), "content_type": types}), path, row_group_size=50)
    return path


@pytest.fixture(scope="module")
def expected(archive):
    """Return the events and the calls that pyarrow alone gives."""
    events = pa.Table.from_batches(parse_batches(pq.read_table(archive), content_type="content_type"), SCHEMA)
    return rows(events, SCHEMA), rows(call_table(events), CALL_SCHEMA)


def rows(table, schema):
    """Return the rows of a table. Timestamps are numbers, because Python can't hold some of these dates in UTC."""
    assert table.schema.names == schema.names
    table = table.cast(schema)
    numbers = [
        column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in table.itercolumns()
    ]
    return pa.table(numbers, names=schema.names).to_pylist()


def read(path, schema):
    return rows(pq.read_table(path), schema)


def in_order(found):
    return sorted(found, key=repr)


def run(*command, **env):
    """Run a command as a user would. A deprecation warning is an error."""
    environment = {**os.environ, "PYTHONPATH": search_path(ROOT / "src"), **env}
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", *map(str, command)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_the_readable_rows_are_what_parse_reads(expected):
    """The key of an event, or the error of a row, differs from the one of `parse`, or a call has other keys."""
    events, calls = expected
    readable = [isinstance(event, StatusCallback) for event in EVENTS]
    assert [row["error"] is None for row in events] == readable
    assert [row["event_key"] for row in events] == [getattr(event, "event_key", None) for event in EVENTS]
    assert {row["call_sid"] for row in calls} == {row["call_sid"] for row in events} - {None}
    dated = {row["call_sid"]: row["start_time"] for row in events}
    assert all(dated[f"dated-{number}"] is not None for number in range(len(DATES)))
    for call in calls:
        whole = merge(*(event for event in EVENTS if getattr(event, "call_sid", None) == call["call_sid"]))
        assert call["events"] == [event.event_key for event in whole.events]
        assert call["outcome"] == whole.outcome
        assert [issue["value"] for issue in call["issues"]] == [issue.value for issue in whole.issues]


COMMANDS = {
    "convert": lambda source, events, calls: ("-m", "exotel_callback", "convert", source, events, "--calls", calls),
    "duckdb": lambda *paths: (EXAMPLES / "calls_with_duckdb.py", *paths),
    "polars": lambda *paths: (EXAMPLES / "calls_with_polars.py", *paths),
}


@pytest.mark.parametrize("engine", COMMANDS)
def test_an_engine_gives_the_same(engine, archive, expected, tmp_path):
    """An engine gives other events, another order, or other calls."""
    events, calls = tmp_path / "events.parquet", tmp_path / "calls.parquet"
    run(*COMMANDS[engine](archive, events, calls))
    found = read(events, SCHEMA)
    if engine == "convert":  # It also says where each event is in the archive.
        assert [row.pop("line") for row in found] == [*range(1, len(ROWS) + 1)]
        assert {row.pop("source") for row in found} == {str(archive)}
        found = [{**row, "source": None, "line": None} for row in found]
    assert found == expected[0]
    assert in_order(read(calls, CALL_SCHEMA)) == in_order(expected[1])


@pytest.mark.spark
def test_pyspark_gives_the_same(archive, expected, tmp_path):
    """PySpark in another time zone gives other events or calls. Spark doesn't keep the order."""
    pytest.importorskip("pyspark", reason="no pyspark")
    if not shutil.which("java"):
        pytest.skip("no java")
    events, calls = tmp_path / "events.parquet", tmp_path / "calls.parquet"
    submit = (
        "--master local[2] --conf spark.sql.session.timeZone=Asia/Kolkata --conf spark.ui.enabled=false pyspark-shell"
    )
    python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    run(EXAMPLES / "calls_with_pyspark.py", archive, events, calls, PYSPARK_SUBMIT_ARGS=submit, **python)
    assert in_order(read(events, SCHEMA)) == in_order(expected[0])
    assert in_order(read(calls, CALL_SCHEMA)) == in_order(expected[1])


@pytest.mark.parametrize("words", [("Free", "free"), ("free", "Free")])
def test_of_events_of_one_key_the_same_is_kept(words):
    """The table keeps another event of one key than `merge` does, or the order decides."""
    table = pa.table({"body": [f"CallSid=a&Status={word}" for word in words]})
    (call,) = call_table(parse_batches(table)).to_pylist()
    assert call["issues"][0]["value"] == "Free"
