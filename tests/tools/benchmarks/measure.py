"""Measure for the benchmarks: in one process, in turn, with payloads that are all different, and only as ratios."""

import gc
import json
import statistics
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helpers import ENCODERS, PAGE

__all__ = ["ENCODERS", "above_bare", "bodies", "first_with_issues", "memory", "paired", "payloads", "rounds", "spread"]

COUNT = 500


def payloads(count=COUNT, **changes):
    """Return ordinary payloads. No two of them share an identifier, a number, a date or a duration."""
    made = []
    for number in range(count):
        seconds = f"{number // 60 % 60:02}:{number % 60:02}"
        over = f"2024-01-15 15:{seconds}"
        payload = {
            **PAGE,
            "CallSid": f"{number:032x}",
            "DateUpdated": over,
            "DateCreated": f"2024-01-15 13:{seconds}",
            "StartTime": f"2024-01-15 14:{seconds}",
            "EndTime": over,
            "To": f"09{number:09}",
            "From": f"08{number:09}",
            "ConversationDuration": number,
            "CustomField": f"order_{number}",
            "RecordingUrl": f"https://recordings.exotel.com/exotelrecordings/example/{number:032x}.mp3",
            "Legs": [{"OnCallDuration": number + 15, "Status": "completed"}, dict(PAGE["Legs"][1])],
        }
        made.append({name: value for name, value in (payload | changes).items() if value is not ...})
    return made


def seconds(function, arguments):
    """Return the time of a function for all arguments. Each result is dropped before the next call.

    It is the CPU time of this process, which other work on the machine disturbs less.
    """
    gc.collect()
    start = time.process_time()
    for argument in arguments:
        function(argument)
    return time.process_time() - start


def rounds(contenders, count):
    """Time each ``(function, arguments)`` once per round, in turn. Each round begins with another one."""
    names = list(contenders)
    times = {name: [] for name in names}
    for function, arguments in contenders.values():
        seconds(function, arguments)  # Warm up.
    for number in range(count):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            times[name].append(seconds(*contenders[name]) / len(contenders[name][1]))
    return times


def paired(times, name, base):
    """Return the ratio of two times in each round."""
    return [mine / other for mine, other in zip(times[name], times[base], strict=True)]


def spread(values):
    """Return the median, and the middle half."""
    low, _, high = statistics.quantiles(values, n=4)
    return statistics.median(values), low, high


def memory(make, arguments):
    """Return the bytes that one result holds, after everything else is freed."""
    make(arguments[0])
    gc.collect()
    tracemalloc.start()
    kept = [make(argument) for argument in arguments]
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held / len(kept)


def import_seconds(statement):
    """Return the time of a fresh interpreter that only imports."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", statement], check=True)
    return time.perf_counter() - start


def above_bare(statements, count):
    """Return for each statement `count` times, minus the time of an interpreter that does nothing."""
    times = {statement: [] for statement in ("pass", *statements)}
    for _ in range(count):
        for statement, found in times.items():
            found.append(import_seconds(statement))
    bare = statistics.median(times["pass"])
    return {statement: [found - bare for found in times[statement]] for statement in statements}


FIRST = """
import json, sys, time
sys.path.insert(0, {tests!r})
from helpers import ENCODERS, PAGE
from exotel_callback import parse
good, bad, worse = (json.dumps(PAGE | changes).encode() for changes in (
    {{}}, {{"Status": "free", "EndTime": "soon", "To": True}}, {{"Status": "odd", "EndTime": "late", "To": False}}))
def timed(body):
    start = time.perf_counter()
    parse(body, "application/json")
    return time.perf_counter() - start
timed(good)
first, second = timed(bad), timed(worse)
print(first - second)
"""


def first_with_issues():
    """Return how many seconds longer the first payload with issues takes than the second, in a fresh interpreter."""
    code = FIRST.format(tests=str(Path(__file__).resolve().parents[2]))
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def bodies(made):
    """Encode payloads as JSON."""
    return [json.dumps(payload).encode() for payload in made]
