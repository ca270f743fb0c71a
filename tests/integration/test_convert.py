"""Test the command that converts archives: one output row per input row, in constant memory, on any number of cores."""

import base64
import gc
import gzip
import io
import json
import os
import random
import re
import signal
import stat
import threading
from collections import Counter
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.progress import Progress

from command import convert, envelope, ndjson, run, run_on_terminal, run_process
from exotel_callback import parse, testing
from exotel_callback._cli import archive, pipeline
from exotel_callback._cli.archive import Columns
from exotel_callback._cli.convert import progress_reporter
from exotel_callback._cli.envelope import LINE_BYTES
from exotel_callback._cli.pipeline import Targets
from exotel_callback._cli.signals import interruptible
from exotel_callback.arrow import CALL_SCHEMA, SCHEMA, call_table, parse_batches
from helpers import ENCODERS, JSON, LEAST, PAGE

DAMAGED = [(b'{"CallSid": "a"', JSON), (b"\xff", None), (b"", JSON), (b"CallSid=a&Status=completed-no-answer", None)]
UNREADABLE = DAMAGED[:3]

DATES = ["date_updated", "date_created", "start_time", "end_time"]

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - it is another file system


def bodies(seed=0):
    """Return deliveries of whole calls in all encodings, repeated and reordered, and some damaged bodies."""
    rng = random.Random(seed)
    rows = list(DAMAGED)
    for number, (scenario, encode) in enumerate((s, e) for s in testing.SCENARIOS.values() for e in ENCODERS.values()):
        for delivery in scenario.deliveries(encode):
            body = delivery.body.replace(b"00000000", f"{number:08}".encode())
            rows += [(body, delivery.content_type)] * rng.choice([1, 1, 2])
    rng.shuffle(rows)
    return rows


def batch_of(rows, names=("body", "content_type")):
    bodies, types = zip(*rows, strict=True)
    return pa.record_batch([pa.array(bodies, pa.binary()), pa.array(types, pa.string())], names=list(names))


@pytest.fixture
def folder(tmp_path):
    """Write the same archive in each format."""
    rows = bodies()
    (tmp_path / "in.ndjson").write_bytes(ndjson(rows))
    (tmp_path / "in.gz").write_bytes(gzip.compress(ndjson(rows)))
    with pq.ParquetWriter(tmp_path / "in.parquet", batch_of(rows).schema) as writer:
        writer.write(batch_of(rows), row_group_size=10)
    return tmp_path


def tally_of(first, *others, on_progress=lambda *_: None):
    """Convert files in this process, and return the counts."""
    targets, columns = Targets(first.parent / "out.parquet"), Columns("body", None)
    sources = [str(source) for source in (first, *others)]
    return pipeline.convert(sources, targets, columns, workers=1, on_progress=on_progress, problems=[])


def without_bodies(table):
    return table.drop_columns("body")


@pytest.mark.parametrize("form", ["ndjson", "gz", "parquet"])
@pytest.mark.parametrize("workers", [1, 2])
def test_every_format(folder, form, workers, monkeypatch):
    """A format or a number of workers gives other rows or calls than the functions, or another order."""
    monkeypatch.setattr(pipeline, "_PART_BYTES", 10_000)  # So there are multiple parts.
    out, calls = folder / "out.parquet", folder / "calls.parquet"
    code, _, err = convert(folder / f"in.{form}", out, "--calls", calls, "--workers", workers)
    assert (code, err) == (0, "")
    expected = pa.Table.from_batches(parse_batches(batch_of(bodies()), content_type="content_type"))
    table = pq.read_table(out)
    assert table.schema.equals(SCHEMA)
    assert table.drop_columns(["source", "line"]) == expected.drop_columns(["source", "line"])
    assert set(table["source"].to_pylist()) == {str(folder / f"in.{form}")}
    assert table["line"].to_pylist() == [*range(1, len(bodies()) + 1)]
    assert pq.read_table(calls).sort_by("call_sid") == call_table(expected)
    assert sorted(path.name for path in folder.iterdir()) == [
        "calls.parquet",
        "in.gz",
        "in.ndjson",
        "in.parquet",
        "out.parquet",
    ]


def summary_of(table, calls):
    """Compute the summary of the tables in another way."""
    bad = table.num_rows - table["error"].null_count
    issues = Counter(issue["code"] for issues in table["issues"].to_pylist() for issue in issues)
    outcomes = Counter(calls["outcome"].to_pylist())
    groups = [("events", table.num_rows - bad), ("unreadable rows", bad), ("calls", calls.num_rows), *outcomes.items()]
    return dict([*groups, ("issues", issues.total()), *issues.items()])


def test_the_summary(folder):
    """The summary has a wrong number of events, calls, outcomes, issues or unreadable rows."""
    code, told, _ = run("convert", "--workers", 1, folder / "in.ndjson", folder / "out.parquet", COLUMNS="40")
    counts, _, reasons = told.partition("\nunreadable rows by reason\n")
    lines = [line.rsplit(maxsplit=1) for line in counts.splitlines()]
    table = pq.read_table(folder / "out.parquet")
    assert {label.strip(): int(number) for label, number in lines} == summary_of(table, call_table(table))
    bad = [index for index, error in enumerate(table["error"].to_pylist(), 1) if error]
    assert sum(int(number) for number in re.findall(r"^  (\d+)  ", reasons, re.MULTILINE)) == len(bad)
    assert {int(number) for number in re.findall(r"in\.ndjson:(\d+)", reasons)} <= {*bad}
    assert "DecodeError: invalid JSON at line N column N" in reasons
    assert all(line.startswith("  ") for line in reasons.splitlines())  # A long line isn't wrapped.
    assert "unknown-value" in told
    assert "missing" in told
    assert code == 0


@pytest.mark.parametrize("source", ["in.parquet", "in.ndjson"])
def test_ndjson_out(folder, source):
    """NDJSON doesn't have one object per row with the names of the columns, or can't be converted again."""
    out, calls = folder / "out.ndjson", folder / "calls.jsonl"
    assert convert(folder / source, out, "--calls", calls)[0] == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == len(bodies())
    for row, (body, content_type) in zip(rows, bodies(), strict=True):
        if row["error"]:
            kept = row["body"].encode() if "body" in row else base64.b64decode(row["body_base64"])
            assert kept == body
        else:
            callback = parse(body, content_type)
            assert row["event_key"] == callback.event_key
            date = callback.date_updated
            assert row["date_updated"] == (date and date.astimezone(UTC).isoformat())
            assert (row["extra"] or {}) == dict(callback.extra)
            assert list(row) == SCHEMA.names
    assert [json.loads(line)["call_sid"] for line in calls.read_text().splitlines()]
    assert list(json.loads(calls.read_text().splitlines()[0])) == CALL_SCHEMA.names
    again = folder / "again.ndjson"
    code, _, err = convert(out, again)
    assert (code, err.startswith("Error: no row could be parsed; IN must be NDJSON")) == (1, True)
    errors = [json.loads(line)["error"] for line in again.read_text().splitlines()]
    assert any(row["error"] for row in rows)
    assert all(error == row["error"] for error, row in zip(errors, rows, strict=True) if row["error"])


def test_extra_in_ndjson(tmp_path):
    """``extra`` is a JSON string and not an object."""
    (tmp_path / "in.ndjson").write_text(json.dumps({**LEAST, "Price": {"amount": [1]}}))
    convert(tmp_path / "in.ndjson", tmp_path / "out.ndjson")
    assert json.loads((tmp_path / "out.ndjson").read_text())["extra"] == {"Price": {"amount": [1]}}


def test_when_a_call_began(folder):
    """A call is counted for another hour than that of its first known date, in this order."""
    names = ("StartTime", "DateCreated", "DateUpdated")
    dates = {name: f"2024-01-15 {hour}:30:00" for hour, name in enumerate(names, 10)}
    bodies = [
        {**LEAST, "CallSid": name, **dict(islice(dates.items(), start, None))} for start, name in enumerate(names)
    ]
    (folder / "dates.ndjson").write_text("".join(f"{json.dumps(body)}\n" for body in bodies))
    assert {hour for hour, _ in tally_of(folder / "dates.ndjson").by_hour} == {10, 11, 12}


def test_standard_input(folder):
    """A compressed or an uncompressed standard input, or a second input, is not read."""
    out = folder / "out.parquet"
    for name in ("in.ndjson", "in.gz"):
        stdin = (folder / name).read_bytes()
        assert (
            run_process("convert", "-", folder / "in.parquet", out, "--overwrite", "--workers", 1, stdin=stdin)[0] == 0
        )
        assert pq.read_metadata(out).num_rows == 2 * len(bodies())
    code, _, err = run_process("convert", "-", out, "--overwrite", stdin=(folder / "in.parquet").read_bytes())
    assert (code, err) == (1, "Error: can't read Parquet from a pipe; pass the name of the file\n")


def test_a_pipe(folder):
    """A row of a named pipe, such as the shell's <(zcat ...), is lost while its format is detected."""
    os.mkfifo(folder / "pipe")
    content = (folder / "in.ndjson").read_bytes()
    writer = threading.Thread(target=(folder / "pipe").write_bytes, args=[content])
    writer.start()
    code, _, err = convert(folder / "pipe", folder / "out.parquet")
    writer.join()
    assert (code, err) == (0, "")
    assert pq.read_metadata(folder / "out.parquet").num_rows == len(bodies())


@pytest.mark.skipif(not SHARED_MEMORY.is_dir(), reason="there is no other file system that is known")
def test_another_file_system(folder):
    """A target on another file system can't be written, because a file can't be renamed to it."""
    with TemporaryDirectory(dir=SHARED_MEMORY) as other:
        calls, report = Path(other) / "calls.parquet", Path(other) / "report.html"
        assert convert(folder / "in.gz", folder / "out.parquet", "--calls", calls, "--report", report)[0] == 0
        assert pq.read_table(calls).schema.equals(CALL_SCHEMA)
        assert sorted(path.name for path in Path(other).iterdir()) == ["calls.parquet", "report.html"]


class Dripping(io.RawIOBase):
    """A pipe that gives one byte at a time."""

    def __init__(self, content):
        self.content = iter(content)

    def readable(self):
        return True

    def readinto(self, buffer):
        found = bytes(islice(self.content, 1))
        buffer[: len(found)] = found
        return len(found)


@pytest.mark.parametrize(
    "content", [gzip.compress(b"CallSid=a"), b"PAR1...", b"{}\n", b""], ids=["gzip", "parquet", "ndjson", "empty"]
)
def test_a_slow_pipe(content):
    """The format of a pipe isn't recognized, because its first write is shorter than the mark of the format."""
    start, file = archive._peek(io.BufferedReader(Dripping(content)))
    assert start == content[:4]
    assert not file.seekable()
    assert file.read() == content


def test_a_file_that_was_read_before(folder):
    """A file is read from its beginning, although the shell read its first line."""
    with (folder / "in.ndjson").open("rb") as file:
        first = file.readline()
        start, again = archive._peek(file)
        assert again.read() == (folder / "in.ndjson").read_bytes()[len(first) :]
        assert start == b'{"co'


def test_received_at_of_parquet():
    """A date of receipt in Parquet isn't read, or one that isn't a date raises."""
    seconds = pa.array([1_700_000_000, None])
    columns = {
        "2023-11-14T22:13:20Z": 1_700_000_000,
        "no date": None,
    }
    for column, expected in [
        (seconds, 1_700_000_000),
        (seconds.cast(pa.timestamp("s")), 1_700_000_000),
        (seconds.cast(pa.timestamp("s")).cast(pa.timestamp("ns", "Asia/Kolkata")), 1_700_000_000),
        *((pa.array([text, None]), instant) for text, instant in columns.items()),
        (pa.array([[1], None]), None),
    ]:
        batch = pa.record_batch({"body": ["", ""], "received_at": column})
        rows = archive._renamed(batch, {"body": "body", "received_at": "received_at"})
        found = pipeline._parse_rows(archive.Chunk(rows, "in", [1, 2]))["received_at"].cast(pa.int64()).to_pylist()
        assert found == [None if expected is None else expected * 1_000_000, None]


def test_a_missing_folder(folder):
    """A missing folder of a target isn't reported in one sentence."""
    nowhere = folder / "no" / "where"
    for arguments in (
        [nowhere / "out.parquet"],
        [folder / "a.parquet", "--calls", nowhere / "calls.parquet"],
        [folder / "b.parquet", "--report", nowhere / "report.html"],
    ):
        code, _, err = convert(folder / "in.gz", *arguments)
        assert (code, err.splitlines()[-1]) == (2, f"Error: the folder {nowhere} doesn't exist; create it first")


def test_an_input_is_not_replaced(folder):
    """An input that is also a target is replaced."""
    before = (folder / "in.ndjson").read_bytes()
    (folder / "other.ndjson").symlink_to(folder / "in.ndjson")
    for arguments in (
        [folder / "in.ndjson"],
        [folder / "other.ndjson"],
        [folder / "out.parquet", "--calls", folder / "in.ndjson"],
    ):
        code, _, err = convert(folder / "in.gz", folder / "in.ndjson", *arguments, "--overwrite")
        assert code == 2
        assert err.splitlines()[-1].endswith("is an input file; choose another name for the output")
    assert (folder / "in.ndjson").read_bytes() == before


@pytest.mark.parametrize(
    ("leads_to", "message"),
    [
        ("events", "is a link to events, which must also end in .csv.gz"),
        ("events.gz", "is a link to events.gz, which must also end in .csv.gz"),
        ("events.parquet", "is a link to events.parquet, which must also end in .csv.gz"),
        ("out.csv.gz", "is a loop of links; choose another name for the output"),
    ],
)
def test_a_link_that_leads_elsewhere(folder, leads_to, message):
    """A link to another format or to itself ends the command with a traceback, or gets rows in that format."""
    (folder / "out.csv.gz").symlink_to(folder / leads_to)
    for options in ([], ["--overwrite"]):
        code, _, err = convert(folder / "in.gz", folder / "out.csv.gz", *options)
        assert (code, err.splitlines()[-1].endswith(f"out.csv.gz {message}")) == (2, True)
    assert not (folder / leads_to).exists()


def test_a_link_to_the_same_format(folder):
    """The command replaces a link, or refuses to write the file that it names."""
    (folder / "out.csv.gz").symlink_to(folder / "events.csv.gz")
    assert convert(folder / "in.gz", folder / "out.csv.gz")[0] == 0
    assert (folder / "out.csv.gz").is_symlink()
    assert (folder / "events.csv.gz").is_file()


def test_the_permissions_of_a_replaced_file(folder):
    """Replacing a file changes its permissions, so other users can read the numbers in it."""
    out = folder / "out.parquet"
    out.touch(0o600)
    assert convert(folder / "in.gz", out, "--overwrite")[0] == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_an_ignored_signal_stays_ignored():
    """A signal that nohup ignores terminates the process, or the handlers aren't restored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) not in {signal.SIG_DFL, signal.SIG_IGN}
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_process_that_is_killed(folder, monkeypatch):
    """A worker that the system kills, for example without memory, isn't reported."""

    def killed(*_, **__):
        raise BrokenProcessPool

    monkeypatch.setattr(pipeline, "convert", killed)
    code, _, err = convert(folder / "in.gz", folder / "out.parquet")
    assert code == 1
    assert "pass a smaller number to --workers" in err


def test_lines(tmp_path):
    """A line in one of the accepted shapes is misread, or a line that is too long isn't an error row."""
    long = b'{"CallSid": "' + b"x" * (2 * LINE_BYTES) + b'"}'
    lines = [
        b"\xef\xbb\xbf" + json.dumps(LEAST).encode(),
        b"",
        b"  ",
        b'{"body": 5}',
        long,
        b"no JSON",
        envelope(*ENCODERS["form"](PAGE)),
    ]
    (tmp_path / "in.ndjson").write_bytes(b"\r\n".join(lines))
    convert(tmp_path / "in.ndjson", tmp_path / "out.parquet")
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["call_sid"] for row in rows] == [LEAST["CallSid"], None, None, None, PAGE["CallSid"]]
    assert [row["error"] and row["error"]["status_hint"] for row in rows] == [None, 400, 413, 400, None]
    assert rows[1]["body"] == b'{"body": 5}\r\n'
    assert rows[2]["body"] == long[: LINE_BYTES + 1]


@pytest.mark.parametrize("rest", [b"", json.dumps(LEAST).encode()])
def test_a_long_line_of_spaces(tmp_path, rest):
    """A line that begins with too much whitespace is lost: no row, no error, and the exit code 0."""
    (tmp_path / "in.ndjson").write_bytes(b" " * 400_000 + rest + b"\n" + json.dumps(LEAST).encode())
    convert(tmp_path / "in.ndjson", tmp_path / "out.parquet")
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["error"] and row["error"]["status_hint"] for row in rows] == [413, None]
    assert run("parse", "--ndjson", tmp_path / "in.ndjson")[0] == 1


@pytest.mark.parametrize("source", ["in.ndjson", "in.parquet", "texts.parquet", "structs.parquet"])
def test_rejects(folder, source):
    """A body that can't be parsed isn't in the rejects as it was received, or it can't be converted again."""
    rows = [row for row in bodies() if row in UNREADABLE]
    texts = [(body, kind) for body, kind in rows if body != b"\xff"]
    pq.write_table(
        pa.Table.from_batches([batch_of(texts)]).cast(
            pa.schema([("body", pa.string()), ("content_type", pa.string())])
        ),
        folder / "texts.parquet",
    )
    pq.write_table(pa.table({"body": [{"CallSid": "a"}]}), folder / "structs.parquet")
    rejects, again = folder / "rejects.ndjson", folder / "again.ndjson"
    convert(folder / source, folder / "out.parquet", "--rejects", rejects)
    found = [json.loads(line) for line in rejects.read_text().splitlines()]
    errors = [error for error in pq.read_table(folder / "out.parquet")["error"].to_pylist() if error]
    assert [reject["error"] for reject in found] == [error["message"] for error in errors]
    assert {reject["source"] for reject in found} == {str(folder / source)}
    received = [
        (
            base64.b64decode(reject["body_base64"]) if "body_base64" in reject else reject["body"].encode(),
            reject.get("content_type"),
        )
        for reject in found
    ]
    if source != "structs.parquet":
        wanted = texts if source == "texts.parquet" else rows
        assert received == wanted
        numbers = [
            number
            for number, row in enumerate(texts if source == "texts.parquet" else bodies(), 1)
            if row in UNREADABLE
        ]
        assert [reject["line"] for reject in found] == numbers
    convert(rejects, folder / "errors.parquet", "--rejects", again)
    assert pq.read_table(folder / "errors.parquet")["error"].to_pylist() == errors
    places = {"source": str(rejects)}
    assert [json.loads(line) for line in again.read_text().splitlines()] == [
        {**reject, **places, "line": number} for number, reject in enumerate(found, 1)
    ]


def test_other_reasons(tmp_path):
    """The summary omits the rows of rare reasons."""
    lines = ["no JSON", "NaN", '{"body": 5}', "[]", "{}", '{"CallSid": "a"}', '{"Status": "busy"}']
    (tmp_path / "in.ndjson").write_text("\n".join(lines))
    _, told, _ = convert(tmp_path / "in.ndjson", tmp_path / "out.parquet")
    assert told.endswith("\n  2  for other reasons\n")


@pytest.mark.parametrize("form", ["ndjson", "parquet"])
def test_lateness_and_redeliveries(tmp_path, form):
    """A date of receipt isn't compared with the date of its event, or a redelivery isn't counted."""
    received = "2024-01-15T09:00:50+00:00"  # 5 seconds after 14:30:45 in India.
    body = json.dumps(PAGE)
    stored = {"body": body, "received_at": received}
    (tmp_path / "in.ndjson").write_text("\n".join([json.dumps(stored), json.dumps(stored), json.dumps({"body": body})]))
    pq.write_table(pa.table({"body": [body] * 3, "received_at": [received, received, None]}), tmp_path / "in.parquet")
    tally = tally_of(tmp_path / f"in.{form}")
    assert tally.lateness == {2: 2}
    assert (tally.events, tally.redeliveries) == (3, 2)


def test_rejects_of_lines(tmp_path):
    """A line that isn't an envelope is missing in the rejects, or the date of receipt is lost."""
    stored = {"content_type": "text/plain", "body": "a", "received_at": "2024-01-15T09:05:00Z"}
    lines = [json.dumps(stored), "no JSON", json.dumps({"CallSid": "a"}), '{"body": "\\ud800"}']
    (tmp_path / "in.ndjson").write_text("\n".join(lines))
    convert(tmp_path / "in.ndjson", tmp_path / "out.parquet", "--rejects", tmp_path / "rejects.jsonl")
    rejects = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert stored.items() <= rejects[0].items()
    assert [reject["body"].strip() for reject in rejects[1:]] == [*lines[1:3], "\ud800"]
    assert [reject.get("content_type") for reject in rejects[1:]] == [JSON, JSON, None]


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (pa.array([b"text/plain"] * 2), {"content_type": "text/plain"}),
        (pa.array([b"\xff"] * 2), {"content_type": "\xff"}),
        (pa.array([datetime(2024, 1, 15).date()] * 2), {}),  # noqa: DTZ001 - only the day
    ],
)
def test_rejects_of_unusual_rows(tmp_path, kind, written):
    """One null body, or a column of another type, ends the command, or makes a reject that isn't JSON."""
    received = pa.array([float("nan"), 1.5])
    rows = pa.table({"body": ["a", None], "content_type": kind, "received_at": received})
    pq.write_table(rows, tmp_path / "in.parquet")
    convert(tmp_path / "in.parquet", tmp_path / "out.parquet", "--rejects", tmp_path / "rejects.ndjson")
    lines = (tmp_path / "rejects.ndjson").read_text().splitlines()
    rejects = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    places = [{"error": reject["error"], "source": reject["source"], "line": reject["line"]} for reject in rejects]
    assert rejects == [
        {**written, "body": "a", **places[0]},
        {**written, "received_at": 1.5, "body": None, **places[1]},
    ]


def test_damaged_files(folder):
    """A damaged file isn't read up to the damage or reported, or the other files aren't converted."""
    packed = (folder / "in.gz").read_bytes()
    (folder / "cut.gz").write_bytes(packed[: len(packed) // 2])
    (folder / "flipped.gz").write_bytes(packed[:-8] + bytes(8))
    (folder / "no.parquet").write_bytes(b"PAR1 and nothing else")
    parquet = (folder / "in.parquet").read_bytes()
    (folder / "holes.parquet").write_bytes(parquet[:100] + bytes(2_000) + parquet[2_100:])
    names = ["cut.gz", "flipped.gz", "no.parquet", "holes.parquet"]
    out = folder / "out.parquet"
    code, _, err = convert(*(folder / name for name in names), folder / "in.ndjson", out)
    assert code == 1
    assert [line.split(": ")[1] for line in err.splitlines()] == [str(folder / name) for name in names]
    count = pq.read_metadata(out).num_rows
    assert 2 * len(bodies()) < count < 4 * len(bodies())


def test_the_output_as_an_option(folder):
    """``-o`` isn't the same as the last argument, or the errors for a missing or wrong file don't say what to do."""
    source, out, other = folder / "in.ndjson", folder / "a.parquet", folder / "b.parquet"
    assert convert(source, source, out)[0] == 0
    for option in ("-o", "--output"):
        assert convert(source, option, other, source, "--overwrite")[0] == 0
        assert pq.read_table(other) == pq.read_table(out)
    for arguments, says in [
        ([source], "pass IN... and OUT, or --output OUT"),
        (["-o", folder / "c.parquet"], "Missing argument"),
        ([source, folder / "c.txt"], "c.txt must end in .parquet"),
        ([source, "-o", folder / "c.txt"], "c.txt must end in .parquet"),
        ([folder / "none.ndjson", folder / "c.parquet"], "none.ndjson' does not exist"),
    ]:
        code, _, err = convert(*arguments)
        assert (code, says in err) == (2, True)
        assert not [*folder.glob("c.*")]


@pytest.mark.parametrize("options", [("--body", "--content-type"), ("--body-column", "--content-type-column")])
@pytest.mark.parametrize("names", [("payload", "kind"), ("body", "kind")])
def test_columns(folder, names, options):
    """The columns of the options aren't read, or the types aren't guessed without a column of types."""
    pq.write_table(pa.Table.from_batches([batch_of(bodies(), names)]), folder / "other.parquet")
    columns = [options[0], names[0], options[1], names[1]]
    assert convert(folder / "other.parquet", folder / "out.parquet", *columns)[0] == 0
    pq.write_table(pa.Table.from_batches([batch_of(bodies(), names)]).select([names[0]]), folder / "one.parquet")
    assert convert(folder / "one.parquet", folder / "guessed.parquet", options[0], names[0])[0] == 0
    tables = [without_bodies(pq.read_table(folder / name)) for name in ("out.parquet", "guessed.parquet")]
    keys = [table["event_key"].to_pylist() for table in tables]
    assert keys[0] == keys[1]


def test_a_missing_column(folder):
    """The error for a missing column doesn't list the columns, or a target is written."""
    pq.write_table(pa.Table.from_batches([batch_of(bodies(), ("payload", "kind"))]), folder / "other.parquet")
    code, _, err = convert(folder / "other.parquet", folder / "no.parquet")
    told = (
        "expected exactly one column 'body', found ['payload', 'kind']; "
        "pass --body and --content-type to name the columns"
    )
    assert (code, err) == (1, f"Error: {folder / 'other.parquet'}: {told}\n")
    assert not (folder / "no.parquet").exists()


def test_nothing_is_replaced_by_accident(folder):
    """A forgotten output replaces an input, or a file without a known suffix is accepted."""
    before = (folder / "in.ndjson").read_bytes()
    code, _, err = convert(folder / "in.gz", folder / "in.ndjson")
    assert code == 2
    assert "in.ndjson already exists; pass --overwrite to replace it" in " ".join(err.split())
    assert (folder / "in.ndjson").read_bytes() == before
    for arguments, complaint in [
        (["out.xlsx"], "must end in .parquet or .ndjson or .jsonl or .csv or .csv.gz"),
        (["out.parquet", "--rejects", "rejects.parquet"], "must end in .ndjson or .jsonl"),
        (["out.parquet", "--report", "report.txt"], "must end in .html"),
        (["out.parquet", "--workers", "257"], "257 is not in the range 1<=x<=256"),
        (["out.parquet", "--calls", "./out.parquet"], "must be different files"),
    ]:
        code, _, err = convert(folder / "in.gz", *(str(folder / a) if "." in a else a for a in arguments))
        assert code == 2
        assert complaint in " ".join(err.split())


def test_a_failure_leaves_nothing_behind(folder, monkeypatch):
    """A failure leaves an incomplete file, or changes an existing target."""
    out = folder / "out.parquet"
    out.write_text("precious")
    before = sorted(path.name for path in folder.iterdir())

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(pipeline, "_spill", fail)
    assert convert(folder / "in.gz", out, "--overwrite", "--workers", 1) == (
        1,
        "",
        "Error: disk full; no file was written\n",
    )
    assert out.read_text() == "precious"
    assert sorted(path.name for path in folder.iterdir()) == before


def test_no_rows(tmp_path):
    """An empty archive doesn't give an empty table."""
    for name, content in [("a.ndjson", b""), ("a.gz", gzip.compress(b"\n"))]:
        (tmp_path / name).write_bytes(content)
        assert convert(tmp_path / name, tmp_path / "out.parquet", "--overwrite")[0] == 0
        assert pq.read_table(tmp_path / "out.parquet").equals(SCHEMA.empty_table())


def test_progress(folder):
    """The progress of reading or merging doesn't rise to 1."""
    told = []
    sources = (folder / name for name in ("in.ndjson", "in.gz", "in.parquet"))
    tally_of(*sources, on_progress=lambda *step: told.append(step))
    shares = {step: [share for name, share in told if name == step] for step in ("reading", "merging")}
    assert all(found == sorted(found) and found[-1] == 1 for found in shares.values())


def test_one_bar_for_each_step():
    """A step has more than one bar, or a total although its size is unknown."""
    progress = Progress()
    on_progress = progress_reporter(progress)
    for step in [("reading", 0.25), ("reading", 0.5), ("merging", None), ("merging", None)]:
        on_progress(*step)
    found = [(task.description, task.total, task.completed) for task in progress.tasks]
    assert found == [("reading", 1, 0.5), ("merging", None, 0)]


def test_progress_on_a_terminal(folder):
    """A step has no bar on a terminal, or a bar is on standard output."""
    shown = run_on_terminal(folder / "told", "convert", folder / "in.ndjson", folder / "out.parquet", "--workers", 1)
    assert b"reading" in shown
    assert b"merging" in shown
    assert b"100%" in shown
    assert (folder / "told").read_text().split()[:1] == ["events"]


def test_chunks_are_bounded(monkeypatch):
    """A chunk has more lines or bytes than its limit, so the memory depends on the input."""
    monkeypatch.setattr(archive, "_CHUNK_ROWS", 3)
    monkeypatch.setattr(archive, "_CHUNK_BYTES", 10)
    from io import BytesIO

    file = BytesIO(b"1\n2\n\n3\n4\n5\n6789abcdef\n7\n")
    chunks = [chunk for chunk, _ in archive.line_chunks("in", file, file)]
    assert [chunk.numbers for chunk in chunks] == [[1, 2, 4], [5, 6, 7], [8]]
    assert [len(chunk.rows) for chunk in chunks] == [3, 3, 1]
    assert {chunk.source for chunk in chunks} == {"in"}


def test_chunks_of_parquet_are_bounded(tmp_path, monkeypatch):
    """Equal bodies, which Parquet stores once, fill the memory, or a row has another number."""
    body = b"CallSid=a&Status=busy&CustomField=" + b"x" * 1_000
    pq.write_table(pa.table({"body": pa.array([body] * 2_000).dictionary_encode()}), tmp_path / "in.parquet")
    monkeypatch.setattr(archive, "_CHUNK_BYTES", 200_000)
    source = str(tmp_path / "in.parquet")
    chunks = [*archive.read_chunks([source], Columns("body", None), lambda _: None, [])]
    assert [len(chunk.rows["body"].cast(pa.binary()).to_pylist()) for chunk in chunks] == [256] * 7 + [208]
    assert [number for chunk in chunks for number in chunk.numbers] == [*range(1, 2_001)]
    assert sum(chunk.rows.num_rows for chunk in chunks) == 2_000
    monkeypatch.setattr(archive, "_CHUNK_ROWS", 200)
    monkeypatch.setattr(archive, "_CHUNK_BYTES", 10**9)
    chunks = [*archive.read_chunks([source], Columns("body", None), lambda _: None, [])]
    assert [chunk.rows.num_rows for chunk in chunks][:2] == [256, 256]


def test_the_number_of_chunks_in_progress_is_bounded():
    """A chunk is read before an earlier one is written."""
    read, most = [0], 0

    def items():
        for number in range(100):
            read[0] += 1
            yield number

    class Pool:
        def submit(self, function, item):
            from concurrent.futures import Future

            done = Future()
            done.set_result(function(item))
            return done

    for written, result in enumerate(pipeline.map_in_order(Pool(), str, items(), ahead=4)):
        assert result == str(written)
        most = max(most, read[0] - written)
    assert most == 5


def test_long_unrecognized_values_are_cut(tmp_path):
    """More than 30 characters of an unrecognized value are counted."""
    (tmp_path / "in.ndjson").write_text(json.dumps({**LEAST, "Status": "x" * 31}))
    assert tally_of(tmp_path / "in.ndjson").unrecognized == {("Status", "x" * 30): 1}


def test_local_times_and_places(tmp_path):
    """The columns with local times, or those of the archive, are missing or wrong."""
    body = "CallSid=a&Status=busy&DateUpdated=2026-01-15+09:00:48"
    line = json.dumps({"received_at": "2026-01-15T03:31:00Z", "body": body})
    (tmp_path / "in.ndjson").write_text(f"\n{line}\nnothing\n")
    out, calls = tmp_path / "out.ndjson", tmp_path / "calls.parquet"
    options = ["--calls", calls, "--timezone", "Asia/Kolkata"]
    assert convert(tmp_path / "in.ndjson", out, *options)[0] == 0
    event, error = map(json.loads, out.read_text().splitlines())
    assert list(event)[-5:] == [f"{name}_local" for name in (*DATES, "received_at")]
    assert event["date_updated_local"] == "2026-01-15T09:00:48"
    assert (event["received_at"], event["received_at_local"]) == ("2026-01-15T03:31:00+00:00", "2026-01-15T09:01:00")
    assert [row["line"] for row in (event, error)] == [2, 3]
    assert (error["received_at"], error["source"]) == (None, str(tmp_path / "in.ndjson"))
    (call,) = pq.read_table(calls).to_pylist()
    assert call["date_updated_local"].isoformat() == "2026-01-15T09:00:48"
    code, _, err = convert(tmp_path / "in.ndjson", out, "--overwrite", "--timezone", "Asia/Nowhere")
    assert (code, "unknown time zone Asia/Nowhere; pass a name such as Asia/Kolkata" in " ".join(err.split())) == (
        2,
        True,
    )


def test_when_rows_of_parquet_were_received(tmp_path):
    """The column ``received_at`` of a Parquet file is lost."""
    received = datetime(2026, 1, 15, 3, 31, tzinfo=UTC)
    pq.write_table(pa.table({"body": ["CallSid=a&Status=busy"], "received_at": [received]}), tmp_path / "in.parquet")
    assert convert(tmp_path / "in.parquet", tmp_path / "out.parquet")[0] == 0
    (row,) = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert (row["received_at"], row["line"]) == (received, 1)


@pytest.mark.parametrize("is_enabled", [True, False])
def test_the_collector_is_as_before(folder, is_enabled):
    """The search for reference cycles is switched on or off after the command, although it wasn't before."""
    (gc.enable if is_enabled else gc.disable)()
    try:
        assert convert(folder / "in.ndjson", folder / "out.parquet", "--workers", 1)[0] == 0
        assert gc.isenabled() is is_enabled
    finally:
        gc.enable()


def test_a_body_that_has_no_bytes(tmp_path):
    """A body with a lone surrogate that can't be parsed raises, or its line is lost."""
    line = json.dumps({"body": "\ud800"})
    (tmp_path / "in.ndjson").write_text(f"{line}\nCallSid\n")
    convert(tmp_path / "in.ndjson", tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["body"].to_pylist() == [f"{line}\n".encode(), b"CallSid\n"]
