"""The fast path against the plain one: payloads that are ordinary, or nearly so, read by both.

What must hold: `parse` gives, and refuses, the same with and without it, value by value and type by type, ``raw``
among it. (Limits that equal the default ones, but are not these, are for the plain path.) Run by hand; it ends with 1
at the first difference::

    python tests/tools/fuzz/fast_path.py --count 2000000 --seed 1
"""

import argparse
import json
import random
import sys
import time
from pathlib import Path
from urllib.parse import quote, urlencode

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import attrs
from exotel_callback._fast import read_ordinary

from exotel_callback import CallbackError, Limits, StatusCallback, parse
from exotel_callback._encode import FORM, JSON, encode_multipart, form_pairs
from exotel_callback._fields.kinds import EMPTY_DATES
from helpers import PAGE

DATES = [
    "2024-01-15 14:25:12",
    "2024-01-15T14:25:12",
    "1970-01-01 05:30:00",
    "0000-00-00 00:00:00",
    "2024-02-30 12:00:00",
    "2024-01-15 24:00:00",
    "2024-01-15 23:59:60",
    "2024-01-15_14:25:12",
    "2024-W03-1T14:25:12",
    "20240115T142512.123",
    "2024-01-15T14:25+05",
    "2024-01-15 14:25:1\u0662",
    "\uff12024-01-15 14:25:12",
    " 024-01-15 14:25:12",
    "2024-01-15 14:25:12 ",
    "2024-01-15T14:25:12Z",
    "2024-01-15 14:25:12.5",
    "Mon, 15 Jan 2024 14:25:12",
    # Sorted, because the order of a set differs from process to process, and a seed must not.
    *sorted(EMPTY_DATES),
    *map(str.upper, sorted(EMPTY_DATES)),
]
WORDS = ["completed", "COMPLETED", "in-progress", "in progress", "In_Progress", "cancelled", "free", "unknown", "null"]
WORDS += [
    "terminal",
    "answered",
    "inbound",
    "incoming",
    "outbound-api",
    "Human",
    "NA",
    "not sure",
    " busy ",
    "b\u0131sy",
]
EMPTY_VALUES = [None, "", " ", "null", "NULL", "None", "undefined", "nul"]
NUMBERS = [0, 5, 999_999_999, 1_000_000_000, -1, 1.5, 12.0, True, "0", "007", "12.0", "999999999", "1000000000", "-1"]
NUMBERS += ["1_0", "\u0661", "\u00b2", " 5 ", "+5", "5\n", 10**30, float("1e300")]
TEXTS = [
    "x",
    " x ",
    "a\0b",
    "\ud800",
    "\U0001f600",
    "caf\u00e9",
    "a&b=c",
    "a+b",
    "100%",
    "%41",
    '"q"',
    "\\u0041",
    "\\",
    "\ufeffx",
]
ODD = [[], [1], {}, {"a": 1}, ["a", "a"], "Legs", 10**400]
ALL = [DATES, WORDS, EMPTY_VALUES, NUMBERS, TEXTS, ODD]
KINDS = {
    **dict.fromkeys(("DateUpdated", "DateCreated", "StartTime", "EndTime"), DATES),
    **dict.fromkeys(("Status", "EventType", "Direction"), WORDS),
    "ConversationDuration": NUMBERS,
}
NAMES = [
    "CallFrom",
    "CallTo",
    "Sid",
    "Price",
    "Carrier",
    "Legs[0][Status]",
    "Legs[1][OnCallDuration]",
    "Legs[0]",
    "legs",
]
NAMES += [
    "Legs[2][Status]",
    "Legs%5B0%5D%5BStatus%5D",
    "Legs[0][Insights][Status]",
    "\ufeffX",
    "a=b",
    "",
    "Legsy",
    "status",
]


def value_of(name, rng):
    pool = KINDS.get(name, TEXTS) if rng.random() < 0.6 else rng.choice(ALL)
    return rng.choice(pool)


def leg(rng):
    made = {"OnCallDuration": rng.choice([0, 5, "5", "", None]), "Status": rng.choice(["completed", "busy", None, ""])}
    if rng.random() < 0.3:
        made["AnsweredBy"] = rng.choice(["Human", "Machine", None, "", "NotSure"])
    if rng.random() < 0.1:
        made.pop(rng.choice(list(made)))
    if rng.random() < 0.1:
        made[rng.choice(["OnCallDuration", "Status", "AnsweredBy", "Id", "Leg"])] = value_of("", rng)
    return made


def payload(rng):
    """Return an ordinary payload with a few changes, or none."""
    made = {
        **PAGE,
        "CallSid": f"{rng.getrandbits(128):032x}",
        "Legs": [leg(rng) for _ in range(rng.choice([0, 1, 2, 2, 2, 3]))],
    }
    for _ in range(rng.choice([0, 0, 1, 1, 2, 4])):
        match rng.randrange(6):
            case 0:
                made.pop(rng.choice(list(made)), None)
            case 1 | 2 | 3:
                name = rng.choice(list(PAGE))
                made[name] = value_of(name, rng)
            case 4:
                made[rng.choice(NAMES)] = value_of("", rng)
            case _:
                items = list(made.items())
                rng.shuffle(items)
                made = dict(items)
    return made


def pairs(made, rng):
    found = list(form_pairs(made, rng.choice(["", "null"])))
    if rng.random() < 0.05 and found:
        found.append(rng.choice(found) if rng.random() < 0.5 else (rng.choice(found)[0], "other"))
    return found


def sent(rng):
    """Return a payload as it is handed to `parse`, in some form, and its content type."""
    made = payload(rng)
    match rng.randrange(5):
        case 0 | 1:
            body = json.dumps(made, ensure_ascii=rng.random() < 0.7).encode("utf-8", "surrogatepass")
            sent, content_type = body, rng.choice([JSON, JSON, f"{JSON}; charset=utf-8", None])
        case 2:
            quoted = {"quote_via": quote} if rng.random() < 0.3 else {}
            safe = rng.choice(["", "[]", "[]:", "[]: &="])
            text = urlencode(pairs(made, rng), errors="surrogatepass", safe=safe, **quoted)
            sent, content_type = text.encode(), rng.choice([FORM, FORM, None])
        case 3:
            return (made if rng.random() < 0.5 else dict(pairs(made, rng))), None
        case _:
            return encode_multipart(dict(pairs(made, rng)))
    if rng.random() < 0.05:
        place = rng.randrange(len(sent) + 1)
        sent = (
            sent[:place]
            + rng.choice([b"\xff", b"\0", b"\\u0000", b"\\ud800", b"&", b"=", b"%00", b"%C3", b"+", b" "])
            + sent[place:]
        )
    return sent, content_type


def typed(value):
    """Return a value with the types of all that is in it."""
    if isinstance(value, tuple):
        return type(value), [typed(item) for item in value]
    if hasattr(value, "items"):
        return type(value), [(typed(name), typed(item)) for name, item in value.items()]
    if hasattr(value, "tzinfo"):
        return type(value), value.isoformat(), repr(value.tzinfo), value.fold
    return type(value), repr(value)


def everything(given, content_type, **options):
    """Return all of a callback, or of the error, in a form that tells the slightest difference."""
    try:
        callback = parse(given, content_type, **options)
    except CallbackError as error:
        return type(error), str(error), error.status_hint, error.issues
    fields = [typed(getattr(callback, field.name)) for field in attrs.fields(StatusCallback) if field.name != "legs"]
    legs = [(type(leg), typed(attrs.astuple(leg))) for leg in callback.legs]
    return type(callback), fields, type(callback.legs), legs, hash(callback)


def is_fast(given, content_type):
    return read_ordinary(given, content_type) is not None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    start, fast, refused = time.perf_counter(), 0, 0
    for number in range(options.count):
        given, content_type = sent(rng)
        fast += is_fast(given, content_type)
        first, second = everything(given, content_type), everything(given, content_type, limits=Limits())
        refused += issubclass(first[0], CallbackError)
        if first != second:
            sys.exit(f"number {number}: {given!r} {content_type!r}\n{first}\n{second}")
    seconds = time.perf_counter() - start
    print(
        f"{options.count:,} compared in {seconds:.0f} s: {fast:,} by the fast path, {refused:,} refused, no difference"
    )


if __name__ == "__main__":
    main()
