"""Compare the library with others that do the same work: from JSON bytes to a typed, frozen value, with every check.

First, the results are compared by value and type, and the errors by the fields that they name. Each difference is
printed. Then all are timed in one process, in turn, with payloads that are all different. The results are ratios: the
medians of paired rounds, and their middle half. Memory is that of a result without the decoded payload. Import times
are those of fresh interpreters, minus the time of one that does nothing. It needs the dependency group `bench` (and pip
25.1)::

    pip install -e . --group bench
    python tests/tools/benchmarks/compare.py --rounds 41
    python tests/tools/benchmarks/compare.py --rounds 41 --write docs/explanation

The second command writes ``speed.svg`` and the tables of ``speed.md`` there.
"""

import argparse
import json
import platform
import re
import statistics
import sys
from importlib.metadata import version
from pathlib import Path

import msgspec

from contenders import CONTENDERS, LEG_WIRE, WIRE
from gate import ISSUES, speeds
from measure import above_bare, bodies, memory, paired, payloads, rounds, spread

OURS = "exotel-callback"

# Changes of an ordinary payload. All contenders read the changed payloads in the same way.
SPELLINGS = [
    {"Status": "NO_ANSWER", "Direction": "Outbound Api", "EventType": "TERMINAL"},
    {"Status": " busy ", "From": " 09876543210 "},
    {"EndTime": None, "RecordingUrl": None, "To": None, "CustomField": None, "EventType": None},
    {"EndTime": "", "RecordingUrl": "", "To": "", "CustomField": "", "EventType": "", "ConversationDuration": ""},
    {"EndTime": "null", "RecordingUrl": "NULL", "To": "null", "Direction": "null", "ConversationDuration": "null"},
    {"CustomField": ..., "EventType": ..., "Legs": ..., "EndTime": ...},
    {"Price": "1.5", "Nested": {"a": [1]}},
    {"ConversationDuration": "320", "CustomField": "\u0905\u0930 \U0001f600"},
    {
        "Legs": [
            {"OnCallDuration": "5", "Status": "", "AnsweredBy": "NotSure"},
            {"OnCallDuration": None, "Status": None},
        ]
    },
    {"Legs": [{"Status": "canceled"}, {}]},
]

# One invalid value for each field.
BAD = [
    {"CallSid": ...},
    {"CallSid": True},
    {"Status": ...},
    {"Status": "free"},
    {"DateUpdated": "soon"},
    {"StartTime": "2024-02-30 12:00:00"},
    {"EndTime": "2024-01-15"},
    {"RecordingUrl": "a\0b"},
    {"EventType": "odd"},
    {"From": True},
    {"To": ["x"]},
    {"ConversationDuration": -1},
    {"ConversationDuration": True},
    {"Direction": {"a": 1}},
    {"Legs": [{"OnCallDuration": "x", "Status": "busy"}]},
    {"Legs": [{"OnCallDuration": 1, "Status": "busy"}, {"OnCallDuration": 1, "Status": "odd"}]},
]


def fields(value):
    """Return all fields with their types, including those of the legs."""
    legs = [[(name, type(getattr(leg, name)), getattr(leg, name)) for name in LEG_WIRE] for leg in value.legs]
    return legs, [(name, type(getattr(value, name)), getattr(value, name)) for name in WIRE if name != "legs"]


def plain(raw):
    return json.loads(json.dumps(raw, default=dict))


def named(contender, body):
    """Return the fields that the error names, or None if there is no error."""
    try:
        contender.read(body)
    except Exception as error:  # noqa: BLE001 - each contender has its own errors
        return contender.named(error)
    return None


def read(contender, body):
    """Return all fields of the value, or the error."""
    try:
        value = contender.read(body)
    except Exception as error:  # noqa: BLE001 - each contender has its own errors
        return error
    return fields(value), plain(value.raw)


def differences():
    """Return for each contender the changes that it reads in another way than this library."""
    found = {name: [] for name in CONTENDERS}
    ours = CONTENDERS[OURS]
    for changes in [{}, *SPELLINGS]:
        for body in bodies(payloads(20, **changes)):
            expected = fields(ours.read(body)), json.loads(body)
            for name, contender in CONTENDERS.items():
                if read(contender, body) != expected and changes not in found[name]:
                    found[name].append(changes)
    for changes in [*BAD, ISSUES]:
        (body,) = bodies(payloads(1, **changes))
        expected = named(ours, body)
        if not expected:
            sys.exit(f"{changes} is not bad")
        found_by = {name: named(contender, body) for name, contender in CONTENDERS.items()}
        for name, got in found_by.items():
            if got != expected:
                found[name].append({**changes, "fields of the error": got and sorted(got)})
    return found


def timed(count):
    """Return the time of each contender, and its ratios to `json.loads` and to this library."""
    sent = bodies(payloads())
    times = rounds({"json.loads": (json.loads, sent)} | {n: (c.read, sent) for n, c in CONTENDERS.items()}, count)
    return {name: (spread(paired(times, name, "json.loads")), spread(paired(times, OURS, name))) for name in CONTENDERS}


IMPORTS = {
    "exotel-callback": "import exotel_callback",
    "pydantic": "from pydantic import BaseModel",
    "msgspec": "import msgspec",
    "cattrs": "import attrs, cattrs",
    "mashumaro": "import mashumaro",
    "attrs": "import attrs",
}


def held():
    """Return the bytes of a result without its payload."""
    sent = bodies(payloads(1_000))
    results = {name: memory(lambda body, c=c: without_raw(c.read(body)), sent) for name, c in CONTENDERS.items()}
    return {"json.loads": memory(json.loads, sent)} | results


def without_raw(value):
    """Remove the payload from a value. No other object may hold the value."""
    put = msgspec.structs.force_setattr if isinstance(value, msgspec.Struct) else object.__setattr__
    put(value, "raw", None)
    return value


def machine():
    """Return a description of the machine and the Python version."""
    packages = ["pydantic", "msgspec", "cattrs", "attrs", "mashumaro", "multipart"]
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if sys.platform == "linux" else None
    return (
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{model[1] if model else platform.processor()}, {platform.system()}; "
        + ", ".join(f"{name} {version(name)}" for name in packages)
    )


def tables(times, bytes_held, imports, ratios):
    """Return the results as Markdown tables."""
    lines = [
        "| | time / `json.loads` | middle half | ours / theirs | memory / dict | import / attrs | omits |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    attrs_import = statistics.median(imports["attrs"])
    for name, ((median, low, high), (share, *_)) in sorted(times.items(), key=lambda item: item[1][0]):
        package = CONTENDERS[name].package
        imported = f"{statistics.median(imports[package]) / attrs_import:.2f}" if package in imports else ""
        lines.append(
            f"| {name} | {median:.2f} | {low:.2f} to {high:.2f} | {share:.2f} "
            f"| {bytes_held[name] / bytes_held['json.loads']:.2f} | {imported} | {CONTENDERS[name].leaves_out} |"
        )
    lines += ["", "| ours, by encoding and payload | ratio |", "| --- | --- |"]
    lines += [f"| {name} | {value:.2f} |" for name, value in ratios.items()]
    return "\n".join(lines)


# The chart follows the theme of the reader.
STYLE = """<style>
svg { background: #fff; fill: #444; }
.ours { fill: #1a7f5a; } .theirs { fill: #9aa5b1; } .half { stroke: #222; } .one { stroke: #c33; }
@media (prefers-color-scheme: dark) {
  svg { background: #131416; fill: #ccc; }
  .ours { fill: #2e9e72; } .theirs { fill: #5b6570; } .half { stroke: #eee; } .one { stroke: #f77; }
}
</style>"""


def chart(times):
    """Return a bar chart of the medians. A line across each bar shows the middle half."""
    rows = sorted((median, low, high, name) for name, ((median, low, high), _) in times.items())
    wide, scale = 130, 460 / max(high for _, _, high, _ in rows)
    size = f'viewBox="0 0 660 {34 * len(rows) + 40}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="sans-serif" font-size="13">',
        "<title>From JSON bytes to a checked value, as multiples of what json.loads takes</title>",
        STYLE,
    ]
    for place, (median, low, high, name) in enumerate(rows):
        top = 34 * place + 8
        bar = "ours" if name == OURS else "theirs"
        parts += [
            f'<text x="{wide - 8}" y="{top + 16}" text-anchor="end">{name}</text>',
            f'<rect x="{wide}" y="{top}" width="{median * scale:.1f}" height="22" class="{bar}"/>',
            f'<path d="M{wide + low * scale:.1f} {top + 11}H{wide + high * scale:.1f}" class="half"/>',
            f'<text x="{wide + high * scale + 8:.1f}" y="{top + 16}">{median:.2f}</text>',
        ]
    one = wide + scale
    parts += [
        f'<path d="M{one:.1f} 0V{34 * len(rows) + 8}" class="one" stroke-dasharray="3 3"/>',
        f'<text x="{one:.1f}" y="{34 * len(rows) + 26}" text-anchor="middle">json.loads = 1</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--write", type=Path, help="the directory of speed.md and speed.svg")
    options = parser.parse_args()
    found = differences()
    for name, changes in found.items():
        print(f"{name}: {'all equal' if not changes else f'{len(changes)} read in another way'}")
        for change in changes:
            print(f"    {change}")
    if found[OURS]:
        sys.exit("ours is what the others are compared with")
    encodings = speeds()  # First: what the contenders leave in memory would change the time of large bodies.
    times = timed(options.rounds)
    imports = above_bare(dict.fromkeys(IMPORTS.values()), 15)
    text = tables(times, held(), {name: imports[code] for name, code in IMPORTS.items()}, encodings)
    print(f"\n{machine()}\n\n{text}")
    if options.write:
        page = options.write / "speed.md"
        begin, end = "<!-- measured -->", "<!-- end -->"
        head, _, rest = page.read_text().partition(begin)
        block = f"{begin}\n\n{machine()}.\n\n{text}\n\n{end}"
        page.write_text(head + block + rest.partition(end)[2])
        (options.write / "speed.svg").write_text(chart(times))


if __name__ == "__main__":
    main()
