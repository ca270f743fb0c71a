"""Encode tables of events and of calls as Parquet, NDJSON or CSV, and write them.

Facts
-----
- A spreadsheet runs a cell as a formula if it begins with ``=``, ``+``, ``-`` or ``@``. Some ignore whitespace and
  unprintable characters before it, and some read the full-width forms of these characters.
- A cell that begins with an apostrophe is a string in every spreadsheet.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from typing import IO, Any, Final, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from ..arrow import SCHEMA, TIMESTAMP, add_local_times, date_of, rows_of
from .envelope import text_of

Rows = pa.RecordBatch | pa.Table

# The rows of a target in its format: Arrow rows for Parquet, bytes for the others, and None if there is no target.
Encoded = Rows | bytes | None

_DATE_COLUMNS: Final = [field.name for field in SCHEMA if field.type == TIMESTAMP]
_FLAT_LEGS: Final = 2
_RISKY_CELL: Final = r"^(?:'|[\s\pZ\pC]*[=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}])"


def encode(rows: Rows, target: Path | None, zone: tzinfo | None = None) -> Encoded:
    """Return rows as they are written to a target.

    :param zone: The time zone of additional columns with local times.
    """
    if target is None:  # The rows are only counted, so they don't have to leave their process.
        return None
    return _FORMATS[_suffix(target)](add_local_times(rows, zone) if zone else rows)


@contextmanager
def writer(target: Path | None, schema: pa.Schema) -> Generator[Callable[[Encoded], object], None, None]:
    """Yield a function that writes encoded rows to a file. The suffix of its name says in which format."""
    if target is None:
        yield lambda _: None
    elif _suffix(target) == ".parquet":
        with pq.ParquetWriter(target, schema, compression="zstd") as parquet:
            yield cast("Callable[[Encoded], object]", parquet.write)
    else:
        with target.open("wb") as file, _compressed(file, target) as out:
            if "csv" in _suffix(target):
                out.write((",".join(flat(schema.empty_table()).column_names) + "\n").encode())
            yield cast("Callable[[Encoded], object]", out.write)


@contextmanager
def _compressed(file: IO[bytes], target: Path) -> Generator[IO[bytes], None, None]:
    if _suffix(target).endswith(".gz"):
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:  # Level 9 takes much longer for little.
            yield cast("IO[bytes]", packed)
    else:
        yield file


def _suffix(target: Path) -> str:
    return next(suffix for suffix in _FORMATS if target.name.endswith(suffix))


def _as_arrow(rows: Rows) -> Rows:
    return rows


def _as_ndjson(rows: Rows) -> bytes:
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


def _as_csv(rows: Rows) -> bytes:
    out = pa.BufferOutputStream()
    csv.write_csv(flat(rows), out, csv.WriteOptions(include_header=False))
    return out.getvalue().to_pybytes()


_FORMATS: Final[Mapping[str, Callable[[Rows], Encoded]]] = {
    ".parquet": _as_arrow,
    ".ndjson": _as_ndjson,
    ".jsonl": _as_ndjson,
    ".csv": _as_csv,
    ".csv.gz": _as_csv,
}


def flat(rows: Rows) -> pa.Table:
    """Return rows without nested columns, for CSV. No string in them runs as a formula."""
    table = pa.table(rows.columns, rows.schema.names).combine_chunks()
    columns = {
        name: _as_cells(column)
        for field in rows.schema
        for name, column in _flat_columns(field.name, table[field.name]).items()
    }
    return pa.table(columns)


def _flat_columns(name: str, column: Any) -> dict[str, Any]:
    kind = column.type
    if name == "legs":
        return _leg_columns(column)
    if pa.types.is_struct(kind):
        return {f"{name}_{field.name}": pc.struct_field(column, field.name) for field in kind}
    if pa.types.is_list(kind):
        items = [json.dumps(value) if value else None for value in column.to_pylist()]
        return {name: pa.array(items, pa.string())}
    if pa.types.is_binary(kind):
        return _body_columns(name, column)
    return {name: column}


def _leg_columns(column: Any) -> dict[str, Any]:
    """Return the fields of the first two legs, and the others as JSON."""
    calls = [legs or [] for legs in column.to_pylist()]
    columns = {
        f"leg_{index}_{field.name}": pa.array(
            [legs[index][field.name] if index < len(legs) else None for legs in calls], field.type
        )
        for index in range(_FLAT_LEGS)
        for field in column.type.value_type
    }
    others = [json.dumps(legs[_FLAT_LEGS:]) if len(legs) > _FLAT_LEGS else None for legs in calls]
    return {**columns, "other_legs": pa.array(others, pa.string())}


def _body_columns(name: str, column: Any) -> dict[str, Any]:
    """Return the bodies that are UTF-8, and the others in base64."""
    bodies: list[bytes | None] = column.to_pylist()
    texts = [None if body is None else text_of(body) for body in bodies]
    encoded = [
        None if body is None or text is not None else b64encode(body).decode()
        for body, text in zip(bodies, texts, strict=True)
    ]
    return {name: pa.array(texts, pa.string()), f"{name}_base64": pa.array(encoded, pa.string())}


def _as_cells(column: Any) -> Any:
    """Return a column as CSV holds it. A string that could run as a formula gets an apostrophe before it."""
    if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        return column
    texts = column.cast(pa.string())
    if pa.types.is_timestamp(column.type):
        return pc.replace_substring_regex(texts, r"\.000000(Z?)$", r"\1")
    return pc.if_else(pc.match_substring_regex(texts, _RISKY_CELL), pc.binary_join_element_wise("'", texts, ""), texts)
