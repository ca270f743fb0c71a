"""Check that parsing didn't become slower: ratios, the best of five attempts, and one absolute time.

It is part of the checks, and exits with 1 if a value is more than a quarter above its target::

    python tests/tools/benchmarks/gate.py
"""

import json
import statistics
import sys
from functools import partial
from typing import NamedTuple
from urllib.parse import parse_qsl

import attrs
from werkzeug.datastructures import MultiDict

from exotel_callback import Limits, parse
from exotel_callback._wire.from_multipart import read_parts
from exotel_callback._wire.payload import EMPTY_PAYLOAD
from measure import ENCODERS, above_bare, bodies, first_with_issues, memory, paired, payloads, rounds

ATTEMPTS = 5
ROUNDS = 7
MARGIN = 1.25
"""The head-room for other machines, Pythons and noise."""
JSON = "application/json"
# A payload with 14 invalid values.
ISSUES = {
    **dict.fromkeys(("Status", "EventType", "Direction"), "strange"),
    **dict.fromkeys(("DateUpdated", "DateCreated", "StartTime", "EndTime"), "soon"),
    **dict.fromkeys(("RecordingUrl", "From", "To", "PhoneNumberSid", "CustomField"), True),
    "ConversationDuration": -1,
    "Legs": [{"OnCallDuration": -1, "Status": "completed"}, {"OnCallDuration": 320, "Status": "completed"}],
}
ANSWERED = {
    "Status": "in-progress",
    "EventType": "answered",
    "EndTime": None,
    "Legs": [{"Status": "in-progress"}, {"Status": None}],
}


class Ratio(NamedTuple):
    """Two cases whose times are compared, and the target for their ratio."""

    case: str
    base: str
    target: float
    size: int = 1
    """How many times as large the payload of the case is."""


RATIOS = {
    "JSON / json.loads": Ratio("ordinary", "json.loads", 2.0),
    "with charset / ordinary": Ratio("charset", "ordinary", 1.15),
    "with capitals in the content type / ordinary": Ratio("capitals", "ordinary", 1.15),
    "with limits made before / ordinary": Ratio("limits", "ordinary", 1.15),
    "without a header / ordinary": Ratio("no header", "ordinary", 1.3),
    "an unknown value / ordinary": Ratio("unknown value", "ordinary", 1.4),
    "an alias / ordinary": Ratio("alias", "ordinary", 1.4),
    "an ISO date / ordinary": Ratio("ISO date", "ordinary", 1.4),
    "two unknown fields / ordinary": Ratio("unknown fields", "ordinary", 1.4),
    "answered, legs with a status only / ordinary": Ratio("answered", "ordinary", 1.3),
    "an issue in each of 14 values / ordinary": Ratio("issues", "ordinary", 5.0),
    "200 additional fields / json.loads": Ratio("wide", "json.loads of wide", 2.5),
    "urlencoded / parse_qsl": Ratio("urlencoded", "parse_qsl", 0.5),
    "multipart / multipart": Ratio("multipart", "package", 0.4),
    "dict / json.loads": Ratio("dict", "json.loads", 2.0),
    "MultiDict / parse_qsl": Ratio("MultiDict", "parse_qsl", 0.8),
    "a leg of 2,000 / of 200": Ratio("2000 legs", "200 legs", 1.2, 10),
    "a field of 1,000 / of 100": Ratio("1000 fields", "100 fields", 1.2, 10),
    "a byte of 100,000 / of 10,000": Ratio("100 kB", "10 kB", 1.2, 10),
}
TARGETS = {
    **{name: ratio.target for name, ratio in RATIOS.items()},
    "memory / decoded dict": 0.4,
    "import / import attrs": 1.8,
    "first with issues - second, ms": 1.0,
}


def ours(body):
    return parse(body, JSON)


def without_raw(body):
    return attrs.evolve(ours(body), raw=EMPTY_PAYLOAD)


def cases():
    """Return the cases: each function with the payloads that it reads."""
    made = payloads(200)
    sent = {name: [encode(payload)[0] for payload in made] for name, encode in ENCODERS.items()}
    types = {name: encode(made[0])[1] for name, encode in ENCODERS.items()}
    boundary = types["multipart"].partition("boundary=")[2].encode()
    wide = bodies([payload | {f"field_{number:03}": "x" * 40 for number in range(200)} for payload in made[:50]])
    alias = bodies([{name if name != "From" else "CallFrom": payload[name] for name in payload} for payload in made])
    forms = [MultiDict(parse_qsl(body.decode(), keep_blank_values=True)) for body in sent["form"]]

    large = partial(parse, limits=Limits(body_bytes=2**24, legs=2_000, fields=2_000))
    legs = {count: bodies([{**made[0], "Legs": made[0]["Legs"] * (count // 2)}]) for count in (200, 2_000)}
    fields = {count: bodies([made[0] | {f"n{number}": "x" for number in range(count)}]) for count in (100, 1_000)}
    text = {size: bodies([made[0] | {"CustomField": "\u0905 " * (size // 7)}]) for size in (10_000, 100_000)}

    def changed(**changes):
        return bodies(payloads(200, **changes))

    return {
        "json.loads": (json.loads, sent["json"]),
        "ordinary": (ours, sent["json"]),
        "charset": (partial(parse, content_type="application/json;charset=utf-8"), sent["json"]),
        "capitals": (partial(parse, content_type="Application/JSON"), sent["json"]),
        "limits": (partial(parse, content_type=JSON, limits=Limits()), sent["json"]),
        "no header": (parse, sent["json"]),
        "unknown value": (ours, changed(Direction="sideways")),
        "alias": (ours, alias),
        "ISO date": (ours, changed(StartTime="2024-01-15T14:25:12+05:30")),
        "unknown fields": (ours, changed(Price="1.5", Carrier="x")),
        "answered": (ours, changed(**ANSWERED)),
        "issues": (ours, changed(**ISSUES)),
        "json.loads of wide": (json.loads, wide),
        "wide": (partial(parse, content_type=JSON, limits=Limits(fields=300)), wide),
        "parse_qsl": (parse_qsl, sent["form"]),
        "urlencoded": (partial(parse, content_type=types["form"]), sent["form"]),
        "package": (lambda body: read_parts(body, boundary), sent["multipart"]),
        "multipart": (partial(parse, content_type=types["multipart"]), sent["multipart"]),
        "dict": (parse, made),
        "MultiDict": (parse, forms),
        "200 legs": (large, legs[200] * 10),
        "2000 legs": (large, legs[2_000]),
        "100 fields": (large, fields[100] * 10),
        "1000 fields": (large, fields[1_000]),
        "10 kB": (large, text[10_000] * 10),
        "100 kB": (large, text[100_000]),
    }


def speeds():
    times = rounds(cases(), ROUNDS)
    return {name: statistics.median(paired(times, r.case, r.base)) / r.size for name, r in RATIOS.items()}


def others():
    sent = bodies(payloads())
    above = above_bare(["import exotel_callback", "import attrs"], 5)
    ours_above, theirs = map(statistics.median, above.values())
    return {
        "memory / decoded dict": memory(without_raw, sent) / memory(json.loads, sent),
        "import / import attrs": ours_above / theirs,
        "first with issues - second, ms": first_with_issues() * 1e3,
    }


def main():
    best = dict.fromkeys(TARGETS, float("inf"))
    for _ in range(ATTEMPTS):
        best = {name: min(best[name], value) for name, value in (speeds() | others()).items()}
        slow = [name for name in best if best[name] > MARGIN * TARGETS[name]]
        if not slow:
            break
    for name, value in best.items():
        print(f"{name:48}{value:7.2f}  target {TARGETS[name]:.2f}{'   TOO MUCH' if name in slow else ''}")
    sys.exit(bool(slow))


if __name__ == "__main__":
    main()
