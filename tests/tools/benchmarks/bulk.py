"""Measure the speed and the memory of `exotel-callback convert` with a year of generated calls.

::

    python tests/tools/benchmarks/bulk.py                  # 1,000,000 events; minutes
    python tests/tools/benchmarks/bulk.py --events 100000 --mix rough

The events are in all three encodings, each in an envelope, and out of order. `MIXES` has the proportions. The time is
compared with a loop of `json.loads` over the same lines in the same run, and with two programs that do less:
`with_pandas` and `with_duckdb`. Pandas and DuckDB have to be installed.
"""

import argparse
import base64
import json
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl

import pyarrow.parquet as pq

from exotel_callback.testing import encode_form, encode_json, encode_multipart

ENCODERS = (encode_json, encode_form, encode_multipart)
ENDS = {"completed": 60, "no-answer": 20, "busy": 8, "failed": 7, "canceled": 5}
UNRECOGNIZED = ("to-leg-gone", "completed-no-answer", "free")
SHUFFLED = 500


class Mix(NamedTuple):
    """The proportions of an archive."""

    encodings: tuple[int, int, int]
    """The weights of JSON, forms and multipart."""
    answered: float
    """The number of ``answered`` events per call."""
    unrecognized: float
    """The share of events with an unrecognized value."""
    unknown_fields: float
    """The share of events with fields that the library doesn't know."""
    damaged: float
    repeated: float
    base64: float
    """The share of bodies that are in base64 in their envelope."""
    large: float
    """The share of events with a custom field of 8,000 characters."""


MIXES = {
    "even": Mix((1, 1, 1), 0.7, 0.01, 0.05, 0.0, 0.0, 0.0, 0.0),
    "rough": Mix((1, 2, 7), 1.6, 0.05, 0.25, 0.01, 0.05, 0.5, 0.002),
}


def calls(rng, mix):
    """Yield the events of calls, one call after another."""
    while True:
        began = datetime(2025, 4, 1) + timedelta(days=rng.randrange(365), hours=rng.triangular(8, 22, 15))  # noqa: DTZ001

        def date(seconds, began=began):
            return (began.replace(microsecond=0) + timedelta(seconds=seconds)).isoformat(" ")

        (status,) = rng.choices(list(ENDS), ENDS.values())
        talked = int(rng.expovariate(1 / 120)) if status == "completed" else 0
        common = {
            "CallSid": f"{rng.getrandbits(128):032x}",
            "From": f"0{rng.randrange(10**10):010}",
            "To": f"0{rng.randrange(10**10):010}",
            "PhoneNumberSid": "0XXXXXX4890",
            "Direction": "outbound-api",
            "DateCreated": date(0),
            "StartTime": date(1),
            "CustomField": f"order_{rng.randrange(10**6)}",
        }
        answered = {"Status": "in-progress", "EventType": "answered"}
        for number in range(int(mix.answered) + (rng.random() < mix.answered % 1)):
            legs = [{"Status": "in-progress"}, {"Status": "in-progress" if number else None}]
            yield varied(rng, mix, common | answered | {"DateUpdated": date(9 + number), "Legs": legs})
        terminal = {
            "Status": status,
            "EventType": "terminal",
            "DateUpdated": date(talked + 20),
            "EndTime": date(talked + 15),
            "ConversationDuration": talked,
            "RecordingUrl": f"https://recordings.exotel.com/exotelrecordings/example/{common['CallSid']}.mp3",
            "Legs": [
                {"OnCallDuration": talked + 8, "Status": "completed"},
                {"OnCallDuration": talked, "Status": status},
            ],
        }
        yield varied(rng, mix, common | terminal)


def varied(rng, mix, event):
    """Give some events an unrecognized value, unknown fields or a large field."""
    if rng.random() < mix.unrecognized:
        event |= {"Status": rng.choice(UNRECOGNIZED)}
    if rng.random() < mix.unknown_fields:
        event |= {"DisconnectedBy": rng.choice(["caller", "agent"]), "Price": "1.5"}
    if rng.random() < mix.large:
        event |= {"CustomField": "x" * 8_000}
    return event


def line(body, content_type, *, in_base64):
    """Return a body in its envelope, as one line."""
    envelope = {"received_at": "2026-01-15T09:00:48Z", "content_type": content_type}
    try:
        text = None if in_base64 else body.decode()
    except UnicodeDecodeError:
        text = None
    encoded = {"body_base64": base64.b64encode(body).decode()} if text is None else {"body": text}
    return json.dumps(envelope | encoded)


def lines(rng, mix):
    """Yield an endless series of lines: encoded, sometimes damaged or repeated, and out of order."""
    waiting = []
    for event in calls(rng, mix):
        (encode,) = rng.choices(ENCODERS, mix.encodings)
        body, content_type = encode(event)
        if rng.random() < mix.damaged:
            cut = body[: rng.randrange(len(body))]
            body = rng.choice((cut, b"\xff" + body))
        envelope = line(body, content_type, in_base64=rng.random() < mix.base64)
        waiting += [envelope] * (2 if rng.random() < mix.repeated else 1)
        while len(waiting) > SHUFFLED:
            place = rng.randrange(len(waiting))
            waiting[place], waiting[-1] = waiting[-1], waiting[place]
            yield waiting.pop()


def resident(pid):
    """Return the memory of a process and of its children, in MiB."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(row.split(":\t", 1) for row in status.read_text().splitlines() if ":\t" in row)
        except OSError:
            continue
        if str(pid) in {fields["Pid"], fields["PPid"]}:
            total += int(fields.get("VmRSS", "0 kB").split()[0])
    return total / 1024


def converted(source, folder, workers):
    """Convert, and return the seconds, the processor seconds, the memory over time, and the printed summary."""
    command = [sys.executable, "-m", "exotel_callback", "convert", source, folder / "out.parquet"]
    options = ["--calls", folder / "calls.parquet", "--overwrite", "--workers", str(workers)]
    start, used = time.perf_counter(), children_cpu()
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
    seen = [0.0]

    def watch():
        while process.poll() is None:
            seen.append(resident(process.pid))
            time.sleep(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    told, _ = process.communicate()
    watcher.join()
    if process.returncode:
        sys.exit(f"convert ended with {process.returncode}")
    return time.perf_counter() - start, children_cpu() - used, seen, told


def children_cpu():
    """Return the processor seconds of all child processes that have ended. Other programs hardly change them."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def loads_all(source):
    """Return the seconds and the processor seconds of a loop that decodes each line as JSON."""
    start, used = time.perf_counter(), time.process_time()
    with source.open("rb") as file:
        for text in file:
            json.loads(text)
    return time.perf_counter() - start, time.process_time() - used


def with_pandas(source, folder):
    """Write the events with pandas, as a plain script would, and return their number.

    It reads no multipart bodies, and no legs in forms. Values stay as they are received: there is no check of values,
    no outcome, no key, and no time zone. The last event that was received decides about its call.
    """
    import pandas as pd

    rows = []
    with source.open() as file:
        for text in file:
            envelope = json.loads(text)
            body = envelope.get("body") or base64.b64decode(envelope["body_base64"]).decode("utf-8", "replace")
            if "json" in envelope["content_type"]:
                with suppress(ValueError):
                    rows.append(json.loads(body))
            elif "urlencoded" in envelope["content_type"]:
                rows.append(dict(parse_qsl(body, keep_blank_values=True)))
    frame = pd.DataFrame(rows)
    for name in ("DateCreated", "DateUpdated", "StartTime", "EndTime"):
        frame[name] = pd.to_datetime(frame[name], errors="coerce")
    frame["ConversationDuration"] = pd.to_numeric(frame["ConversationDuration"], errors="coerce")
    frame.to_parquet(folder / "pandas.parquet")
    frame.groupby("CallSid").last().to_parquet(folder / "pandas-calls.parquet")
    return len(frame)


def with_duckdb(source, folder):
    """Write the events with DuckDB's reader of JSON, and return their number.

    It reads only the bodies in JSON that aren't in base64, and uses all cores. It leaves out what `with_pandas` does.
    """
    import duckdb

    duckdb.sql(f"""
        COPY (
            SELECT body->>'CallSid' AS call_sid, body->>'Status' AS status, body->>'EventType' AS event_type,
                body->>'From' AS from_number, body->>'To' AS to_number, body->>'Direction' AS direction,
                try_cast(body->>'DateCreated' AS TIMESTAMP) AS date_created,
                try_cast(body->>'DateUpdated' AS TIMESTAMP) AS date_updated,
                try_cast(body->>'StartTime' AS TIMESTAMP) AS start_time,
                try_cast(body->>'EndTime' AS TIMESTAMP) AS end_time,
                try_cast(body->>'ConversationDuration' AS INTEGER) AS conversation_duration,
                body->>'RecordingUrl' AS recording_url, body->>'CustomField' AS custom_field, body->'Legs' AS legs
            FROM (
                SELECT body::JSON AS body
                FROM read_ndjson('{source}', columns = {{content_type: 'VARCHAR', body: 'VARCHAR'}})
                WHERE content_type = 'application/json' AND json_valid(body)
            )
        ) TO '{folder / "duckdb.parquet"}'
    """)
    duckdb.sql(f"""
        COPY (SELECT call_sid, max_by(columns(* EXCLUDE call_sid), date_updated) FROM '{folder / "duckdb.parquet"}'
              GROUP BY call_sid) TO '{folder / "duckdb-calls.parquet"}'
    """)
    return pq.read_metadata(folder / "duckdb.parquet").num_rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--mix", choices=MIXES, default="even")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "in.ndjson"
        with source.open("w") as file:
            file.writelines(f"{text}\n" for text in islice(lines(random.Random(1), MIXES[options.mix]), options.events))
        size = source.stat().st_size
        print(f"{options.events:,} events, {size / 2**20:,.0f} MiB, {size / options.events:,.0f} bytes each")
        for workers in options.workers:
            before = loads_all(source)
            seconds, cpu, memory, told = converted(source, folder, workers)
            loop, loop_cpu = ((first + second) / 2 for first, second in zip(before, loads_all(source), strict=True))
            rows = pq.read_metadata(folder / "out.parquet").num_rows
            calls = pq.read_metadata(folder / "calls.parquet").num_rows
            tenths = [max(memory[part * len(memory) // 10 : (part + 1) * len(memory) // 10 + 1]) for part in range(10)]
            print(
                f"{workers} process(es): {seconds:.1f} s, {seconds / loop:.1f} times the loop, "
                f"{cpu / loop_cpu:.1f} times its processor time, "
                f"{options.events / seconds:,.0f} events a second, {rows:,} rows, {calls:,} calls; "
                f"MiB in each tenth of the time: {', '.join(f'{value:.0f}' for value in tenths)}"
            )
            if rows != options.events:
                sys.exit("rows were lost")
        print(told)
        for other in (with_pandas, with_duckdb):
            start = time.perf_counter()
            rows = other(source, folder)
            seconds = time.perf_counter() - start
            print(f"{other.__name__}: {seconds:.1f} s, {seconds / loop:.1f} times the loop, {rows:,} rows")


if __name__ == "__main__":
    main()
