"""Whether parsing became slower: ratios with head-room, the best of five attempts, no absolute times but one.

Part of the checks; it ends with 1 if a ratio is too large::

    python tests/tools/benchmarks/gate.py
"""

import json
import statistics
import sys
from functools import partial
from urllib.parse import parse_qsl

import attrs

from exotel_callback import Limits, parse
from exotel_callback._wire.from_multipart import read_parts
from exotel_callback._wire.payload import EMPTY_PAYLOAD
from measure import ENCODERS, above_bare, bodies, first_with_issues, memory, paired, payloads, rounds

ATTEMPTS = 5
ROUNDS = 5
JSON = "application/json"
ISSUES = {
    **dict.fromkeys(("Status", "EventType", "Direction"), "odd"),
    **dict.fromkeys(("DateUpdated", "DateCreated", "StartTime", "EndTime"), "soon"),
    **dict.fromkeys(("RecordingUrl", "From", "To", "PhoneNumberSid", "CustomField"), True),
    "ConversationDuration": -1,
    "Legs": [{"OnCallDuration": -1, "Status": "odd", "AnsweredBy": "odd"}] * 2,
}

# What is measured, and how much it may be. The head-room is for other machines, Pythons and noise.
ALLOWED = {
    "JSON / json.loads": 2.3,
    "dict / json.loads": 2.0,
    "urlencoded / parse_qsl": 0.5,
    "multipart / multipart": 1.6,
    "without CustomField / ordinary": 1.5,
    "an unknown field / ordinary": 1.5,
    "both / ordinary": 1.5,
    "plain path / ordinary": 10.0,
    "an unknown word / plain path": 1.8,
    "an issue in every field / plain path": 2.2,
    "a leg of 2,000 / of 200": 1.3,
    "a field of 1,000 / of 100": 1.3,
    "a byte of 200,000 / of 20,000": 1.3,
    "memory / decoded dict": 0.4,
    "import / import attrs": 1.8,
    "first with issues - second, ms": 1.0,
}


def ours(body):
    return parse(body, JSON)


def without_raw(body):
    return attrs.evolve(ours(body), raw=EMPTY_PAYLOAD)


def speeds():
    made = payloads(200)
    sent = {name: [encode(payload)[0] for payload in made] for name, encode in ENCODERS.items()}
    types = {name: encode(made[0])[1] for name, encode in ENCODERS.items()}
    boundary = types["multipart"].partition("boundary=")[2].encode()
    many = Limits(body_bytes=2**24, legs=2_000, fields=2_000)
    legs = {n: bodies([{**made[0], "Legs": made[0]["Legs"] * (n // 2)}]) for n in (200, 2_000)}
    fields = {n: bodies([made[0] | {f"n{number}": "x" for number in range(n)}]) for n in (100, 1_000)}
    text = {n: bodies([made[0] | {"CustomField": "\u0905 " * (n // 7)}]) for n in (20_000, 200_000)}
    times = rounds(
        {
            "json.loads": (json.loads, sent["json"]),
            "ordinary": (ours, sent["json"]),
            "dict": (parse, made),
            "parse_qsl": (parse_qsl, sent["form"]),
            "urlencoded": (partial(parse, content_type=types["form"]), sent["form"]),
            "package": (lambda body: read_parts(body, boundary), sent["multipart"]),
            "multipart": (partial(parse, content_type=types["multipart"]), sent["multipart"]),
            "missing": (ours, bodies(payloads(200, CustomField=...))),
            "unknown": (ours, bodies(payloads(200, Price="1.5"))),
            "both": (ours, bodies(payloads(200, CustomField=..., Price="1.5"))),
            "plain": (partial(parse, content_type=JSON, limits=Limits()), sent["json"]),
            "word": (ours, bodies(payloads(200, Status="free"))),
            "issues": (ours, bodies(payloads(200, **ISSUES))),
            "200 legs": (partial(parse, limits=many), legs[200] * 10),
            "2000 legs": (partial(parse, limits=many), legs[2_000]),
            "100 fields": (partial(parse, limits=many), fields[100] * 10),
            "1000 fields": (partial(parse, limits=many), fields[1_000]),
            "20 kB": (partial(parse, limits=many), text[20_000] * 10),
            "200 kB": (partial(parse, limits=many), text[200_000]),
        },
        ROUNDS,
    )

    def ratio(name, base, share=1):
        return statistics.median(paired(times, name, base)) / share

    return {
        "JSON / json.loads": ratio("ordinary", "json.loads"),
        "dict / json.loads": ratio("dict", "json.loads"),
        "urlencoded / parse_qsl": ratio("urlencoded", "parse_qsl"),
        "multipart / multipart": ratio("multipart", "package"),
        "without CustomField / ordinary": ratio("missing", "ordinary"),
        "an unknown field / ordinary": ratio("unknown", "ordinary"),
        "both / ordinary": ratio("both", "ordinary"),
        "plain path / ordinary": ratio("plain", "ordinary"),
        "an unknown word / plain path": ratio("word", "plain"),
        "an issue in every field / plain path": ratio("issues", "plain"),
        "a leg of 2,000 / of 200": ratio("2000 legs", "200 legs", 10),
        "a field of 1,000 / of 100": ratio("1000 fields", "100 fields", 10),
        "a byte of 200,000 / of 20,000": ratio("200 kB", "20 kB", 10),
    }


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
    best = dict.fromkeys(ALLOWED, float("inf"))
    for _ in range(ATTEMPTS):
        best = {name: min(best[name], value) for name, value in (speeds() | others()).items()}
        slow = [name for name in best if best[name] > ALLOWED[name]]
        if not slow:
            break
    for name, value in best.items():
        print(f"{name:40}{value:7.2f}  of {ALLOWED[name]:.2f} at the most{'   TOO MUCH' if name in slow else ''}")
    sys.exit(bool(slow))


if __name__ == "__main__":
    main()
