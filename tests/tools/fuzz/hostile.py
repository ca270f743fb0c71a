"""Parse millions of hostile payloads, and check the invariant for each.

parse() returns a callback or raises CallbackError, and so do the functions for Call Details, Passthru, popups and one
URL for all events. They raise TypeError only for an object that JSON can't hold, which is a mistake of the calling
code. A callback survives dump() and load(), alone and merged. Parsing a body of up to 64 KiB takes less than 100 ms,
and at most 80 times the body's size plus 256 KiB of memory.

Run it by hand. It uses all cores, and a seed with the same number of jobs repeats a run::

    python tests/tools/fuzz/hostile.py --count 1000000 --seed 1 --jobs 2

``hostile_payload`` makes one payload. The laws in ``tests/unit/test_laws.py`` use it too.
"""

import argparse
import io
import json
import multiprocessing
import os
import random
import sys
import time
import tracemalloc
from collections import Counter
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from exotel_callback import (
    CallbackError,
    PassthruEvent,
    combined_outcome,
    dump,
    load,
    load_call,
    merge,
    parse,
    parse_any,
    parse_call_details,
    parse_call_list,
    parse_passthru,
    parse_popup,
)
from exotel_callback.testing import passthru_payload, popup_payload
from helpers import ENCODERS, FORM, JSON, MULTIPART, PAGE, flat_pairs, multipart

SECONDS = 0.1
BODY_BYTES = 65_536

NAMES = [
    *PAGE,
    "Sid",
    "CallFrom",
    "CallTo",
    "Legs[0][Status]",
    "Legs[1][OnCallDuration]",
    "Legs%5B1%5D%5BAnsweredBy%5D",
    "Legs[999999999][Status]",
    "Legs[0]",
    "Legs[0][Leg][Id]",
    "Legs[1][Insights][Status]",
    "Legs[",
    "Legs[]]",
    "Stream[RecordingUrl]",
    "Stream[Status]",
    "Stream%5BStreamSID%5D",
    "Stream[StreamSid]",
    "Stream[Deep][Status]",
    "Stream[",
    "Stream",
    "StreamSid",
    "StreamUrl",
    "DialWhomNumber",
    "DialCallStatus",
    "AgentEmail",
    "CurrentTime",
    "SmsSid",
    "Call",
    "Calls",
    "Metadata",
    "Details",
    "Leg1Status",
    "CallType",
    "DialCallDuration",
    "Created",
    "digits",
    "Legs[0][Cause]",
    "",
    "\0",
    "\ud800",
    "__class__",
]
VALUES = [
    None,
    True,
    False,
    0,
    -1,
    10**9,
    10**40,
    1.5,
    -0.0,
    1e308,
    "",
    " ",
    "null",
    "undefined",
    "completed",
    "NO_ANSWER",
    "free",
    "2024-01-15 14:30:45",
    "0000-00-00 00:00:00",
    "9999-12-31T23:59:59.999999-23:59",
    "0001-01-01T00:00:00+23:59",
    "Wed, 23 Feb 2022 12:31:59",
    "1" * 5_000,
    "\0",
    "\ud800",
    "\u202e\u0661",
    "[1",
    '[{"Status": "busy"}]',
    '{"Leg": {"Id": 2}}',
    "[" * 100,
    [],
    {},
    [None],
    [[]],
    [{"Status": "busy", "Leg": {}}],
    {"0": {"Status": "busy"}, "7": {}},
    {"Leg": [{"Id": 3, "Status": "busy"}]},
    [{"Leg": {"Id": 10**9}}],
    {"Leg1Status": "completed", "Leg2Status": None, "ConversationDuration": "x"},
    {"Leg2Status": ["busy"], "Legs": [{"Leg": {"Id": 2, "Status": "failed"}}]},
    {"Sid": "a", "Status": "busy", "Details": {"Leg1Status": {}}},
    [{"Sid": "a", "Status": "busy"}, {}, None, {"Sid": "b", "Status": "free", "Details": [[]]}],
    '"42"',
    '"',
    {"Status": "completed", "StreamSid": ["a", "b"], "Duration": "x"},
    '{"Status": "failed", "Duration": 1e400}',
    '{"Status": {"a": [1]}, "StreamSID": "\\ud800"}',
    "stream-start",
    "Answered",
]
# Bytes that are repeated up to the maximum size of a body. Each attacks a loop, a copy or a recursion.
FILLERS = [
    b"[",
    b"[[],",
    b"[{},",
    b'{"a":',
    b'{"":{"":{}},"a":',
    b"1",
    b"-",
    b"1e",
    b'"\\u0000",',
    b"&",
    b"a&",
    b"=&",
    b"%",
    b"%F",
    b"+",
    b"Legs[0][Status]=a&",
    b"Legs[%5B",
    b"Stream[Status]=a&",
    b"Stream[%5B",
    b"?",
    b"/?",
    b"--x\r\n",
    b"\r\n--",
    b"Content-Disposition: form-data; name=a\r\n",
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n',
    b"; a=\\",
    b" ",
    b"\xff",
    b"\0",
    b"\xed\xa0\x80",
]
STARTS = [
    b"",
    b'{"CallSid": "a", "Status": "busy", "x": ',
    b'{"CallSid": "a", "Status": "busy", "Legs": [',
    b'{"CallSid": "a", "Status": "busy", "Legs": "',
    b'{"Call": {"Sid": "a", "Status": "busy", "Details": {"Legs": [',
    b'{"Calls": [',
    b"<",
    b"CallSid=a&Status=busy&x=",
    b"/exotel?CallSid=a&flow_id=1&Stream=",
    b'{"CallSid": "a", "flow_id": "1", "Stream": "',
    b"?CallSid=a&EventType=Dial&Status=busy&DialWhomNumber=0&CurrentTime=",
    b"https://",
    b"CallSid=a&Status=busy&ConversationDuration=",
    b"CallSid=a&Status=busy&StartTime=2024-01-15 14:30:45.",
    b'--x\r\nContent-Disposition: form-data; name="CallSid"\r\n\r\na\r\n',
]
CONTENT_TYPES = [
    None,
    JSON,
    FORM,
    MULTIPART,
    'multipart/form-data; boundary="x',
    f"{JSON}; charset=utf-16",
    f"{FORM}; charset=iso-8859-1",
    f"{FORM}; charset=utf-32",
    "text/plain",
    "; " * 400,
    'application/json; a="' + "\\" * 900,
]


def hostile_payload(rng):
    """Return one payload and its content type: a changed valid one, or random data."""
    return rng.choice(MAKERS)(rng)


_EVENTS = [PAGE, PAGE, PAGE, passthru_payload(), popup_payload(), passthru_payload(Stream={"Status": "completed"})]


def _unusual_fields(rng):
    payload = dict(rng.choice(_EVENTS))
    for _ in range(rng.randrange(6)):
        payload[rng.choice(NAMES)] = rng.choice(VALUES)
    if rng.random() < 0.3:
        payload.pop(rng.choice(list(payload)))
    return payload


def _encoded(rng):
    return rng.choice([_json, _form, _multipart])(rng)


def _json(rng):
    return json.dumps(_unusual_fields(rng)).encode(), JSON


def _form(rng):
    pairs = [*flat_pairs(_unusual_fields(rng))]
    pairs += [(rng.choice(NAMES), str(rng.choice(VALUES))) for _ in range(rng.randrange(3))]
    text = rng.choice(["", "", "", "?", "https://example.com/exotel?"])
    text += "&".join(f"{name}={value}" for name, value in pairs)
    return (text if rng.random() < 0.3 else text.encode("utf-8", "replace")), FORM


def _multipart(rng):
    headers = rng.choice(["", "Content-Type: text/plain; charset=latin1\r\n", "Content-Type: a/b; charset=none\r\n"])
    return multipart(flat_pairs(_unusual_fields(rng)), headers=headers), MULTIPART


def _damaged(rng):
    body, content_type = _encoded(rng)
    body = bytearray(body.encode("utf-8", "replace") if isinstance(body, str) else body)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(body) + 1)
        match rng.randrange(5):
            case 0:
                del body[at : at + rng.randrange(20)]
            case 1:
                body[at:at] = rng.randbytes(rng.randrange(4))
            case 2:
                body[at : at + 1] = rng.choice(
                    [b'"', b"{", b"[", b"]", b"}", b"&", b"=", b"%", b"\r\n", b"\0", b"\xff"]
                )
            case 3:
                body[at:at] = body[: rng.randrange(60)]
            case _:
                body[at:at] = rng.choice(FILLERS)
    return bytes(body), content_type if rng.random() < 0.8 else rng.choice(CONTENT_TYPES)


def _noise(rng):
    return rng.randbytes(rng.randrange(200)), rng.choice(CONTENT_TYPES)


def _filled(rng):
    start, filler = rng.choice(STARTS), rng.choice(FILLERS)
    # Most bodies are small, so that the run doesn't take too long.
    size = rng.choice([64, 256, 1_024, BODY_BYTES] if rng.random() < 0.1 else [64, 256, 1_024])
    return (start + filler * (size // len(filler)))[:size], rng.choice(CONTENT_TYPES[:4])


def _mapping(rng):
    payload = _unusual_fields(rng)
    if rng.random() < 0.5:
        payload = dict(flat_pairs(payload))
    payload[rng.choice(NAMES)] = rng.choice([object(), b"", {1}, parse, [object()], {"a": object()}, 10**5_000])
    match rng.randrange(4):
        case 0:
            return list(payload.items()), None
        case 1:
            return {name: [value] for name, value in payload.items()}, None
        case 2:
            return rng.choice(VALUES), rng.choice(CONTENT_TYPES)
        case _:
            return payload, None


# Objects that only a mistake of the calling code can pass, made of a payload that a sender decides.
MISUSES = {
    "an object": lambda payload: type("Wrapped", (), {"payload": payload})(),
    "a function": lambda payload: lambda: payload,
    "a class": lambda payload: type("Wrapped", (dict,), {"payload": payload}),
    "a request": lambda payload: type("Request", (dict,), {"method": "POST", "headers": {}})(payload=payload),
    "a file": lambda payload: io.BytesIO(payload if type(payload) is bytes else b""),
    "a set": lambda payload: {("payload", id(payload))},
    "chunks": lambda payload: iter([payload if isinstance(payload, bytes | str) else b""]),
}


def check_misuse(payload, content_type):
    """Check that every reader raises `TypeError` for each mistake, whatever the payload is."""
    for name, make in MISUSES.items():
        for read in (parse, parse_call_details, parse_call_list, parse_passthru):
            try:
                read(make(payload), content_type)
            except TypeError:
                continue
            message = f"{read.__name__} takes {name} for a payload"
            raise AssertionError(message)


MAKERS = [_encoded, _damaged, _damaged, _damaged, _noise, _filled, _mapping]


def check(payload, content_type, *, strict=False):
    """Parse one payload and return the kind of result. Any exception except `CallbackError` escapes."""
    for read in (parse_call_details, parse_call_list, parse_passthru, parse_popup, parse_any):
        with suppress(CallbackError):
            value = read(payload, content_type, strict=strict)
            hash(value)
            if isinstance(value, PassthruEvent):
                combined_outcome(None, value)
    try:
        callback = parse(payload, content_type, strict=strict)
    except CallbackError as error:
        return type(error).__name__
    if load(dump(callback)) != callback:
        message = "load(dump(callback)) is another callback"
        raise AssertionError(message)
    call = merge(callback)
    if load_call(dump(call)) != call or call.event_key != callback.event_key or call.outcome is not callback.outcome:
        message = "the call of one event says something else"
        raise AssertionError(message)
    return "parsed, with issues" if callback.issues else "parsed"


def measure(payload, content_type):
    """Return the processor time in seconds, and the maximum memory in bytes, of one call of `parse`."""
    tracemalloc.start()  # Only here, because it doubles the time of everything.
    start = time.process_time()
    with suppress(CallbackError):
        parse(payload, content_type)
    seconds = time.process_time() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return seconds, peak


def run(seed, count):
    """Check and measure `count` payloads, and count the kinds of results."""
    rng = random.Random(seed)
    outcomes = Counter()
    slowest = largest = 0.0
    for encode in ENCODERS.values():  # The first call imports modules, which must not count for a payload.
        check(*encode({**PAGE, "EndTime": "Wed, 23 Feb 2022 12:31:59"}))
    check({"CallSid": object()}, None)
    for _ in range(count):
        payload, content_type = hostile_payload(rng)
        size = len(payload) if isinstance(payload, bytes | str) else BODY_BYTES
        seconds, peak = measure(payload, content_type)
        if seconds > SECONDS:  # Other work on the machine may have caused it, so measure again.
            seconds = min(measure(payload, content_type)[0] for _ in range(5))
        share = peak / (80 * size + 256 * 1_024)
        slowest, largest = max(slowest, seconds), max(largest, share)
        if seconds > SECONDS or share > 1:
            outcomes[f"TOO MUCH: {seconds:.3f} s, {share:.2f} of the memory, {str(payload)[:80]} {content_type}"] += 1
        outcomes[check(payload, content_type, strict=rng.random() < 0.2)] += 1
        if rng.random() < 0.01:
            check_misuse(payload, content_type)
    return outcomes, slowest, largest


def main():
    """Run the checks in parallel, and print the results."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="the number of processes")
    arguments = options.parse_args()
    jobs, each = arguments.jobs, -(-arguments.count // arguments.jobs)
    start = time.perf_counter()
    with multiprocessing.Pool(jobs) as pool:
        results = pool.starmap(run, [(f"{arguments.seed} {job}", each) for job in range(jobs)], chunksize=1)
    outcomes = sum((outcome for outcome, _, _ in results), Counter())
    print(
        f"{outcomes.total()} payloads, seed {arguments.seed}, {time.perf_counter() - start:.0f} s in {jobs} processes"
    )
    for outcome, number in outcomes.most_common():
        print(f"{number:10} {outcome}")
    print(f"slowest: {max(slowest for _, slowest, _ in results) * 1000:.1f} ms (while memory is traced)")
    print(f"largest: {max(largest for _, _, largest in results):.2f} of the memory that is allowed")
    sys.exit(any(outcome.startswith("TOO MUCH") for outcome in outcomes))


if __name__ == "__main__":
    main()
