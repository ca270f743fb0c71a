"""Double the size of each input, and check that time and memory grow at most linearly and that messages stay short.

It is part of the checks, and exits with 1 if a case grows faster or has a longer message::

    python tests/tools/benchmarks/doubling.py
    python tests/tools/benchmarks/doubling.py legs merge

Arguments select the cases whose names contain one of them. Each case grows until a call takes long enough, or until its
maximum size. Then it is compared with a quarter of its size. The growth is that of one doubling: 2.0 is linear, and 4.0
is quadratic. Two doublings are measured, because at one size malloc begins to map memory, which takes longer.
"""

import gc
import importlib.util
import json
import pickle
import sys
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import urlencode

import attrs
from werkzeug.datastructures import MultiDict

from exotel_callback import (
    CallbackError,
    Limits,
    auth,
    dump,
    load,
    load_call,
    merge,
    parse,
    parse_call_details,
    parse_call_list,
    parse_passthru,
    phones,
    recordings,
    testing,
)
from exotel_callback._cli.sources import read_source
from exotel_callback._encode import multipart
from exotel_callback.adapters._shared import read_at_most
from exotel_callback.adapters.aws_lambda import parse_event
from measure import payloads

ALLOWED = 3.0
"""The maximum growth, with head-room for noise and for the caches of the processor."""
MESSAGE_CHARACTERS = 20_000
"""The maximum length of an error's message."""
SECONDS = 0.01
ATTEMPTS = 5
ROUNDS = 3
PAIRS = 1_024
"""The maximum number of pairs in a form."""

LIMITS = Limits(body_bytes=2**28, fields=2**24, legs=2**24)
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MINIMUM = {"CallSid": "a1", "Status": "busy"}
UNKNOWN = {"Status": "strange", "OnCallDuration": -1, "AnsweredBy": "x"}
FULL = payloads(1)[0]

Case = Callable[[int], tuple[Callable[[Any], object], Any]]
"""Return a function and its argument of the given size."""


class Row(NamedTuple):
    """The result of one case."""

    name: str
    size: int
    seconds: tuple[float, float]
    """The time at a quarter of the size, and at the size."""
    memory: tuple[int, int]
    """The peak of the memory at these sizes, in bytes."""
    message: int
    """The length of the error's message. 0 without an error."""

    @property
    def growth(self):
        """Return how much the time and the memory grew with each doubling."""
        return tuple((large / small) ** 0.5 for small, large in (self.seconds, self.memory))

    @property
    def is_bad(self):
        """Return whether something grew more than linearly. Memory that doesn't grow may vary a little."""
        in_time, in_memory = self.growth
        return (
            in_time > ALLOWED or (in_memory > ALLOWED and self.memory[1] > 2**18) or self.message > MESSAGE_CHARACTERS
        )


# --- Inputs of a size


def new_key(callback):
    """Return the event key of a copy, which hasn't computed it yet."""
    return attrs.evolve(callback).event_key


def names(count, value="x"):
    return {f"n{number}": value for number in range(count)}


def body(payload):
    return json.dumps(payload).encode()


def with_legs(legs):
    return body({**MINIMUM, "Legs": legs})


def events(count, **changes):
    """Return events of one call, all different."""
    made = payloads(1, **changes)[0]
    return [parse({**made, "CallSid": "a1", "CustomField": f"order {number}"}) for number in range(count)]


def claimed(count):
    """Return legs that claim one index: a large one, and many small ones."""
    return [{"Leg": {"Id": 1, **names(3 * count)}}, *({"Leg": {"Id": 1}} for _ in range(count))]


def claimed_by_brackets(count):
    """Return the same as bracket keys."""
    large = {f"Legs[0][Leg][{name}]": "x" for name in names(count // 2)}
    small = {f"Legs[{number}][Leg][Id]": "1" for number in range(count // 2 - 2)}
    return {**MINIMUM, **large, **small}


def form(pairs):
    return urlencode(pairs).encode()


def calls(count, **changes):
    call = {"Sid": "a1", "Status": "busy", **changes}
    return body({"Calls": [call] * count})


def read(function, payload, content_type=None, **options):
    return partial(function, content_type=content_type, limits=LIMITS, **options), payload


def parts(pairs, **options):
    encoded, content_type = multipart(pairs, **options)
    return read(parse, encoded, content_type)


def of_callback(function, payload):
    return function, parse(payload, limits=LIMITS)


def loaded(count, function=load, **fields):
    """Return a function that loads a dump with `count` times each of these values."""
    event = dump(parse(FULL))
    dumped = event if function is load else {**dump(merge(parse(FULL))), "events": [event]}
    return function, {**dumped, **{name: [value] * count for name, value in fields.items()}}


def of_stream(sent):
    stream = BytesIO(sent)
    return read_at_most(lambda _: stream.read(1), len(sent))


def of_file(content):
    """Return what `explain` does to read a file."""
    return (lambda data: list(read_source(BytesIO(data), None))), content


PLAIN = 'Content-Disposition: form-data; name="CallSid"\r\n\r\na1\r\n'
ISSUE = {"path": "x", "code": "missing", "message": "x", "value": ""}

CASES: dict[str, Case] = {
    "parse: unknown fields, JSON": lambda n: read(parse, body({**MINIMUM, **names(n)}), JSON),
    "parse: unknown fields, nested": lambda n: read(parse, body({**MINIMUM, "x": [names(4)] * n}), JSON),
    "parse: unknown fields, dict": lambda n: read(parse, {**MINIMUM, **names(n)}),
    "parse: unknown fields, pairs": lambda n: read(parse, [*MINIMUM.items(), *names(n).items()]),
    "parse: unknown fields, MultiDict": lambda n: read(parse, MultiDict({**MINIMUM, **names(n)})),
    "parse: one long value": lambda n: read(parse, body({**FULL, "CustomField": "\u0905" * n}), JSON),
    "parse: one long invalid value": lambda n: read(parse, body({**FULL, "Status": "x-" * n, "To": "\0" * n}), JSON),
    "parse: one long name": lambda n: read(parse, body({**FULL, "Legs[" * n: "x"}), JSON),
    "parse: one long number": lambda n: read(parse, b'{"CallSid":"a","Status":1,"EndTime":' + b"1" * n + b"}", JSON),
    "parse: one long decimal": lambda n: read(parse, {**FULL, "ConversationDuration": "1." + "0" * n}),
    "parse: one long date": lambda n: read(parse, {**FULL, "EndTime": "2024-01-15 14:30:45." + "1" * n}),
    "parse: legs": lambda n: read(parse, with_legs(FULL["Legs"] * n), JSON),
    "parse: legs in a dict": lambda n: read(parse, {**MINIMUM, "Legs": FULL["Legs"] * n}),
    "parse: legs with unknown values": lambda n: read(parse, with_legs([UNKNOWN] * n), JSON),
    "parse: unknown values in legs, strict": lambda n: read(parse, with_legs([UNKNOWN] * n), JSON, strict=True),
    "parse: no status, many issues": lambda n: read(parse, body({"CallSid": "a", "Legs": [UNKNOWN] * n}), JSON),
    "parse: legs in wrappers": lambda n: read(parse, with_legs([{"Leg": {"Id": i + 1}} for i in range(n)]), JSON),
    "parse: legs by index": lambda n: read(parse, with_legs({str(i): {} for i in range(n)}), JSON),
    "parse: legs that are strings": lambda n: read(parse, with_legs(["x"] * n), JSON),
    "parse: legs as a JSON string": lambda n: read(parse, {**MINIMUM, "Legs": json.dumps([UNKNOWN] * n)}),
    "parse: legs as a repeated string": lambda n: read(parse, {**MINIMUM, "Legs": ["[]"] * n}),
    "parse: legs in bracket keys": lambda n: read(
        parse, {**MINIMUM, **{f"Legs[{i // 2}][{'Status' if i % 2 else 'x'}]": "busy" for i in range(n)}}
    ),
    "parse: legs in both ways": lambda n: read(
        parse, {**MINIMUM, "Legs": FULL["Legs"] * (n // 2), **{f"Legs[{i}][Status]": "completed" for i in range(n)}}
    ),
    "parse: legs at one index, JSON": lambda n: read(parse, with_legs(claimed(n)), JSON),
    "parse: legs at one index, string": lambda n: read(parse, form({**MINIMUM, "Legs": json.dumps(claimed(n))}), FORM),
    "parse: legs at one index, form": lambda n: read(parse, form(claimed_by_brackets(n)), FORM),
    "parse: legs at one index, dict": lambda n: read(parse, claimed_by_brackets(n)),
    "parse: one name repeated, form": lambda n: read(parse, form([*MINIMUM.items(), *[("To", "1")] * (n - 2)]), FORM),
    "parse: one name repeated, list": lambda n: read(parse, {**MINIMUM, "To": ["1"] * n, "From": ["1", "2"] * n}),
    "parse: many names repeated": lambda n: read(parse, [*MINIMUM.items(), *[*names(n).items()] * 2]),
    "parse: form": lambda n: read(parse, form({**MINIMUM, **names(n - 2)}), FORM),
    "parse: form, percent signs": lambda n: read(parse, b"CallSid=a&Status=busy&x=" + b"%" * n, FORM),
    "parse: form, half escapes": lambda n: read(parse, b"CallSid=a&Status=busy&x=" + b"%4+" * n, FORM),
    "parse: form, escapes": lambda n: read(parse, b"CallSid=a&Status=busy&x=" + b"%41+%zz" * n, FORM),
    "parse: form, separators": lambda n: read(parse, b"&" * n, FORM),
    "parse: multipart": lambda n: parts({**MINIMUM, **names(n - 2)}.items()),
    "parse: multipart, headers": lambda n: parts(
        {**MINIMUM, **names(n - 2)}.items(), headers="Content-Type: text/plain; charset=latin1\r\n"
    ),
    "parse: multipart, one long part": lambda n: parts({**FULL, "x": "\r\n--x\r" * n, "Legs": "", "y": "\\"}.items()),
    "parse: multipart, similar boundaries": lambda n: parts(
        {**MINIMUM, "x": "\r\n--" + "-x" * n}.items(), boundary="-" * 60
    ),
    "parse: multipart, cut off": lambda n: read(
        parse, f"--x\r\n{PLAIN}{f'--x{chr(13)}{chr(10)}' * n}".encode(), "multipart/form-data; boundary=x"
    ),
    "parse: JSON that ends too early": lambda n: read(parse, b'{"a": ["' + b'\\"x' * n, JSON),
    "parse: JSON with many strings": lambda n: read(parse, b"{" + b'"a": "b", ' * n + b"}", JSON),
    "parse: JSON with brackets": lambda n: read(parse, b'{"a":' + b"[[],[" * n, JSON),
    "parse: UTF-16": lambda n: read(
        parse, body({**FULL, **names(n)}).decode().encode("utf-16"), f"{JSON}; charset=utf-16"
    ),
    "parse: another payload": lambda n: read(parse, body({"SmsSid": "a", **names(n)}), JSON),
    "parse_passthru: query": lambda n: read(
        parse_passthru, "https://host/path?" + form({"CallSid": "a", **names(n - 1)}).decode()
    ),
    "parse_passthru: legs": lambda n: read(
        parse_passthru, {"CallSid": "a", **{f"Legs[{i}][OnCallDuration]": "x" for i in range(n)}}
    ),
    "parse_passthru: one long address": lambda n: read(parse_passthru, "/" * n + "http://?CallSid=a"),
    "parse_call_details: wide": lambda n: read(
        parse_call_details, body({"Call": {"Sid": "a", "Status": "busy", **names(n)}})
    ),
    "parse_call_details: legs": lambda n: read(
        parse_call_details,
        body({"Sid": "a", "Status": "busy", "Details": {"Leg1Status": "x", "Legs": [{"Leg": UNKNOWN}] * n}}),
    ),
    "parse_call_details: legs at one index": lambda n: read(
        parse_call_details, body({"Sid": "a", "Status": "busy", "Details": {"Legs": claimed(n)}})
    ),
    "parse_call_list: calls": lambda n: read(parse_call_list, calls(n)),
    "parse_call_list: calls with issues": lambda n: read(parse_call_list, calls(n, Direction="x", Details=[1])),
    "parse_call_list: issues, strict": lambda n: read(
        parse_call_list, calls(n, Direction="x", Details=[1]), strict=True
    ),
    "parse_call_list: bad calls": lambda n: read(parse_call_list, calls(n, Sid=None)),
    "parse_call_list: bad calls, strict": lambda n: read(parse_call_list, calls(n, Sid=None, Details=[1]), strict=True),
    "parse_call_list: numbers": lambda n: read(parse_call_list, body({"Calls": [5] * n})),
    "parse_call_list: legs at one index": lambda n: read(parse_call_list, calls(2, Details={"Legs": claimed(n)})),
    "parse_event: query": lambda n: (
        partial(parse_event, secret="s", limits=LIMITS),
        {"rawQueryString": form({**names(n), "secret": "s"}).decode(), "body": form(MINIMUM).decode()},
    ),
    "read_at_most: chunks of one byte": lambda n: (of_stream, b"x" * n),
    "extra: fields": lambda n: of_callback(lambda c: c.extra, {**MINIMUM, **names(n)}),
    "extra: bracket keys": lambda n: of_callback(
        lambda c: c.extra, {**MINIMUM, **{f"Legs[{i // 4}][n{i % 4}]": "x" for i in range(n)}}
    ),
    "extra: legs": lambda n: of_callback(lambda c: c.extra, {**MINIMUM, "Legs": [names(4)] * n}),
    "event_key: legs": lambda n: of_callback(new_key, {**MINIMUM, "Legs": FULL["Legs"] * n}),
    "event_key: legs with unknown values": lambda n: of_callback(new_key, {**MINIMUM, "Legs": [UNKNOWN] * n}),
    "event_key: one long value": lambda n: of_callback(new_key, {**MINIMUM, "CustomField": "x" * n}),
    "outcome: legs": lambda n: of_callback(lambda c: c.outcome, {**MINIMUM, "Legs": [{"Status": "completed"}] * n}),
    "repr: legs with unknown values": lambda n: of_callback(repr, {**MINIMUM, "Legs": [UNKNOWN] * n}),
    "hash: legs with unknown values": lambda n: of_callback(hash, {**MINIMUM, "Legs": [UNKNOWN] * n}),
    "pickle: legs with unknown values": lambda n: of_callback(
        lambda c: pickle.loads(pickle.dumps(c)), {**MINIMUM, "Legs": [UNKNOWN] * n}
    ),
    "dump: legs with unknown values": lambda n: of_callback(dump, {**MINIMUM, "Legs": [UNKNOWN] * n}),
    "dump: a call": lambda n: (dump, merge(*events(n))),
    "load: legs and issues": lambda n: loaded(n, legs={"status": "busy"}, issues=ISSUE),
    "load: bad issues": lambda n: loaded(n, issues={}),
    "load: bad legs": lambda n: loaded(n, legs={"status": "x", "y": 1}),
    "load: unknown names": lambda n: (load, {**dump(parse(FULL)), **names(n)}),
    "load_call: events": lambda n: (load_call, dump(merge(*events(n)))),
    "load_call: bad events": lambda n: loaded(n, load_call, events={}),
    "load_call: events with bad issues": lambda n: loaded(n, load_call, events={**dump(parse(FULL)), "issues": [{}]}),
    "merge: events at once": lambda n: (lambda given: merge(*given), events(n)),
    "merge: one event into a call": lambda n: (
        lambda given: merge(given[0], given[1]),
        [merge(*events(n)), parse(FULL | {"CallSid": "a1"})],
    ),
    "merge: one event repeated": lambda n: (lambda given: merge(*given), events(1, Status="odd") * n),
    "merge: events with issues": lambda n: (lambda given: merge(*given), events(n, Legs=[UNKNOWN] * 8)),
    "check_secret: long": lambda n: (lambda text: auth.check_secret(text, "secret"), "x" * n),
    "check_secret: many": lambda n: (lambda accepted: auth.check_secret("x", accepted), [f"s{i}" for i in range(n)]),
    "check_basic_auth: long": lambda n: (lambda header: auth.check_basic_auth(header, "u", "p"), "Basic " + "YWFh" * n),
    "check_basic_auth: spaces": lambda n: (
        lambda header: auth.check_basic_auth(header, "u", "p"),
        "Basic" + " " * n + "!",
    ),
    "sign_url: parameters": lambda n: (
        lambda url: auth.sign_url(url, "s", "order"),
        "https://host/?" + "token=&a&" * n,
    ),
    "verify_url: parameters": lambda n: (
        lambda url: auth.verify_url(url, "s", "order"),
        "https://host/?" + "&token=" * min(n, 1_000) + "x" * n,
    ),
    "verify_url: one long token": lambda n: (lambda url: auth.verify_url(url, "s", "order"), "?token=" + "v1.x" * n),
    "to_e164: digits": lambda n: (phones.to_e164, "0" * n),
    "to_e164: spaces": lambda n: (phones.to_e164, " " * n + "98765 43210" + " " * n),
    "is_trusted: path": lambda n: (recordings.is_trusted, recordings.EXOTEL_PREFIXES[0] + "a/..;/%2e" * n),
    "is_trusted: host": lambda n: (recordings.is_trusted, "https://" + "a.-" * n),
    "is_trusted: prefixes": lambda n: (
        lambda trusted: recordings.is_trusted("https://a/b/c", trusted),
        ["https://a/x/"] * n,
    ),
    "explain: chunks": lambda n: of_file(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * n),
    "explain: requests": lambda n: of_file(b"GET / HTTP/1.1\n\n" * n),
    "explain: headers": lambda n: of_file(b"GET / HTTP/1.1\n" * n),
    "explain: one line": lambda n: of_file(b"POST " + b"x" * n),
    "testing.payload": lambda n: (lambda fields: testing.payload(**fields), names(n, [{}])),
    "encode_json": lambda n: (testing.encode_json, {**FULL, **names(n)}),
    "encode_form": lambda n: (testing.encode_form, {**MINIMUM, **names(n), "Legs": [UNKNOWN] * n}),
    "encode_multipart": lambda n: (testing.encode_multipart, {**MINIMUM, **names(n), "Legs": [UNKNOWN] * n}),
    "encode_multipart: boundaries": lambda n: (
        testing.encode_multipart,
        {"x": multipart([])[0].decode().removesuffix("--\r\n") + "x" * n},
    ),
    "assert_valid: many fields": lambda n: read(testing.assert_valid, body({**FULL, **names(n)}), JSON),
}
# The forms that end with an error if they are longer.
MAXIMUM = dict.fromkeys(
    (
        "parse: legs at one index, form",
        "parse: one name repeated, form",
        "parse: form",
        "parse: form, separators",
        "parse: multipart",
        "parse: multipart, headers",
        "parse: multipart, cut off",
        "parse_passthru: query",
    ),
    PAIRS,
) | dict.fromkeys(
    ("load_call: bad events", "load_call: events with bad issues", "merge: one event into a call", "dump: a call"),
    2**13,  # A call has at most 10,000 events.
)


def with_arrow():
    """Return the cases of the bulk functions."""
    import pyarrow as pa

    from exotel_callback import arrow

    def parsed(batch):
        return list(arrow.parse_batches(batch, limits=LIMITS))

    def of_bodies(bodies):
        return pa.record_batch({"body": bodies})

    return {
        "parse_batches: rows": lambda n: (parsed, of_bodies([body(FULL)] * n)),
        "parse_batches: bad rows": lambda n: (parsed, of_bodies([b"x"] * n)),
        "parse_batches: a row with many legs": lambda n: (parsed, of_bodies([with_legs([UNKNOWN] * n)])),
        "parse_batches: a row with many fields": lambda n: (parsed, of_bodies([body({**MINIMUM, **names(n)})])),
        "call_table: events of one call": lambda n: (
            arrow.call_table,
            parsed(of_bodies([body({**FULL, "To": str(i)}) for i in range(n)])),
        ),
        "call_table: calls": lambda n: (
            arrow.call_table,
            parsed(of_bodies([body({**FULL, "CallSid": str(i)}) for i in range(n)])),
        ),
    }


def called(function, argument):
    """Call a function, and return its error if it raises one."""
    try:
        function(argument)
    except (CallbackError, AssertionError) as error:
        return error
    return None


def timed(function, argument, repeats):
    """Return the time of one call, as CPU time of this process, which other work on the machine disturbs less."""
    gc.collect()
    gc.disable()
    start = time.process_time()
    for _ in range(repeats):
        called(function, argument)
    seconds = time.process_time() - start
    gc.enable()
    return seconds / repeats


def peak(function, argument):
    """Return the memory that a call needs at most, and the length of the error's message."""
    tracemalloc.start()
    error = called(function, argument)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return memory, len(str(error)) if error else 0


def measure(name, make):
    """Double the size until one call takes long enough, then compare the two largest sizes."""
    maximum = MAXIMUM.get(name, 2**18)
    size, large = 16, make(16)
    while (found := timed(*large, 1)) < SECONDS and size < maximum:
        size, large = 2 * size, make(2 * size)
    small = make(size // 4)
    repeats = max(1, round(SECONDS / max(found, 1e-6)))
    best = [float("inf")] * 2
    for _ in range(ATTEMPTS):
        for _ in range(ROUNDS):
            best = [min(time, timed(*each, repeats)) for time, each in zip(best, (small, large), strict=True)]
        if best[1] < ALLOWED**2 * best[0]:
            break
    (least, _), (most, message) = peak(*small), peak(*large)
    return Row(name, size, tuple(best), (least, most), message)


def main():
    cases = dict(CASES)
    if importlib.util.find_spec("pyarrow"):
        cases |= with_arrow()
    else:
        print("The cases with Arrow are skipped: there is no pyarrow.")
    wanted = sys.argv[1:]
    print(f"{'case':40}{'size':>9}{'ms':>9}{'4 x size':>9}{'growth':>8}{'MiB':>8}{'growth':>8}{'message':>9}")
    bad = 0
    for name, make in cases.items():
        if wanted and not any(part in name for part in wanted):
            continue
        row = measure(name, make)
        in_time, in_memory = row.growth
        print(
            f"{name:40}{row.size // 4:9,}{row.seconds[0] * 1e3:9.2f}{row.seconds[1] * 1e3:9.2f}{in_time:8.2f}"
            f"{row.memory[1] / 2**20:8.2f}{in_memory:8.2f}{row.message:9,}{'   TOO MUCH' if row.is_bad else ''}",
            flush=True,
        )
        bad += row.is_bad
    print(f"{bad} cases grow faster than their input" if bad else "No case grows faster than its input.")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
