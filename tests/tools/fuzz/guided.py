"""Fuzz with atheris, guided by coverage, starting with the samples.

The invariant, for any body, content type or mapping: `parse` returns a `StatusCallback` or raises a `CallbackError`.
The result is the same with and without the quick lanes, by value and type. The issues of a strict error are those of
the callback. A callback survives `dump` and `load`, and `merge`. Its repr doesn't show a masked value.
`parse_call_details`, `parse_call_list`, `parse_passthru`, `parse_popup` and `parse_any` return a value or raise a
`CallbackError`. `parse_any` gives a Passthru request or a popup as the function for its kind gives it. Each reader
raises `TypeError` only for an object that JSON can't hold, which is a mistake of the calling code.

An input is a line with the content type, and a body. In half of the cases the mutator changes bytes. In the other half
it changes the payload: it drops, repeats, renames or exchanges fields, and encodes the payload again or passes it as a
mapping. atheris isn't a dependency of the tests::

    pip install atheris
    python tests/tools/fuzz/guided.py -max_total_time=600 corpus

The fuzzer writes a failing input to ``crash-…``. To try it again, run ``python tests/tools/fuzz/guided.py crash-…``.
"""

import json
import random
import re
import sys
import tomllib
from contextlib import suppress
from pathlib import Path

import atheris
import attrs

TESTS = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TESTS), str(TESTS / "tools" / "fuzz")]

with atheris.instrument_imports(include=["exotel_callback"]):
    from exotel_callback import (
        CallbackError,
        InvalidCallbackError,
        PassthruEvent,
        PopupEvent,
        StatusCallback,
        dump,
        load,
        merge,
        parse,
        parse_any,
        parse_call_details,
        parse_call_list,
        parse_passthru,
        parse_popup,
    )
    from exotel_callback._options import DEFAULT_LIMITS
    from exotel_callback._wire.decode import decode
    from exotel_callback._wire.payload import RawPayload
    from helpers import ENCODERS, LEAST, PAGE
    from hostile import CONTENT_TYPES, FILLERS, NAMES, VALUES, check_misuse
    from lanes import everything, without_lanes

REPORTED = 50_000
REQUIRED = 0.8  # The share of payloads that get the required fields. Otherwise most payloads would be rejected.
MAPPING = "mapping"
PAIRS = "pairs"
MASKED = ("from_number", "to_number", "phone_number_sid", "custom_field")

READERS = {PassthruEvent: parse_passthru, PopupEvent: parse_popup}

counts = dict.fromkeys(("executions", "callbacks", "with issues", "refused"), 0)


def split(data):
    """Return the arguments of `parse` for an input: its payload and its content type."""
    line, _, body = data.partition(b"\n")
    content_type = line.decode("latin-1")
    if content_type in {MAPPING, PAIRS}:
        with suppress(ValueError, RecursionError):
            made = json.loads(body)
            if isinstance(made, dict):
                return (made if content_type == MAPPING else list(made.items())), None
    return body, content_type or None


def fail(message):
    raise AssertionError(message)


def check(data):
    """Check the invariant for one input."""
    payload, content_type = split(data)
    counts["executions"] += 1
    if counts["executions"] % REPORTED == 0:
        print(counts, file=sys.stderr)
    result = everything(parse, payload, content_type)
    with without_lanes():
        if everything(parse, payload, content_type) != result:
            fail("the quick lanes and the general code differ")
    if len(data) % 4 == 0:  # They share most of their code with `parse`, so a quarter is enough.
        for read in (parse_call_details, parse_call_list, parse_passthru, parse_popup):
            with suppress(CallbackError):
                read(payload, content_type)
        check_misuse(payload, content_type)
        with suppress(CallbackError):
            event = parse_any(payload, content_type)
            # `parse` cuts no address before the fields.
            if not isinstance(event, StatusCallback) and READERS[type(event)](payload, content_type) != event:
                fail("parse_any gives another event")
    if issubclass(result[0], CallbackError):
        counts["refused"] += 1
    else:
        check_callback(parse(payload, content_type), payload, content_type)


def check_callback(callback, payload, content_type):
    """Check the invariant for a callback."""
    counts["callbacks"] += 1
    counts["with issues"] += bool(callback.issues)
    if load(dump(callback)) != callback or merge(callback, callback).event_key != callback.event_key:
        fail("another callback after a queue or a merge")
    others = {name: as_masked(getattr(callback, name)) for name in MASKED}
    if repr(attrs.evolve(callback, **others)) != repr(callback):
        fail("the repr tells values apart that are masked alike")
    found = ()
    try:
        parse(payload, content_type, strict=True)
    except InvalidCallbackError as error:
        found = error.issues
    if found != callback.issues:
        fail("strict mode has other issues")


def as_masked(text):
    """Return another string with the same mask: at most its last three digits are the same."""
    digits = re.sub("[^0-9]", "", text or "")
    if text is None:
        return None
    return f"+{'7' * 9}{digits[-3:]}" if len(digits) > 3 else "7"


def plain_value(value):
    if isinstance(value, RawPayload):
        return {name: plain_value(item) for name, item in value.items()}
    return [plain_value(item) for item in value] if isinstance(value, tuple) else value


def change(made, rng):
    """Make one change to a payload."""
    names = list(made) or ["Status"]
    name = rng.choice(names)
    match rng.randrange(7):
        case 0:
            made.pop(name, None)
        case 1:
            made[rng.choice(NAMES)] = made.get(name)
        case 2:
            made[name] = rng.choice(VALUES)
        case 3:
            made[rng.choice(NAMES)] = rng.choice(VALUES)
        case 4:
            other = rng.choice(names)
            made[name], made[other] = made.get(other), made.get(name)
        case 5 if isinstance(made.get(name), str):
            text = made[name]
            at = rng.randrange(len(text) + 1)
            made[name] = (
                text[:at]
                + rng.choice(["", " ", "-", "_", "0", ".0", "\0", "T", "Z", "+05:30", "\u0661", "%"])
                + text[at + rng.randrange(2) :]
            )
        case _:
            made["Legs"] = [
                {"OnCallDuration": rng.choice(VALUES), "Status": rng.choice(VALUES)} for _ in range(rng.randrange(4))
            ]


def as_input(made, rng):
    if rng.random() < 0.2:
        return rng.choice([MAPPING, PAIRS]).encode() + b"\n" + json.dumps(made).encode()
    body, content_type = rng.choice(list(ENCODERS.values()))(made)
    return content_type.encode() + b"\n" + body


def mutate(data, max_size, seed):
    rng = random.Random(seed)
    line, _, body = data.partition(b"\n")
    match rng.randrange(8):
        case 0:
            line = (rng.choice(CONTENT_TYPES) or "").encode("latin-1", "replace").replace(b"\n", b" ")
        case 1:
            line = atheris.Mutate(line, 60).replace(b"\n", b" ")
        case 2 | 3:
            body = atheris.Mutate(body, max(1, max_size - len(line) - 1))
        case 4:
            at = rng.randrange(len(body) + 1)
            body = body[:at] + rng.choice(FILLERS) * rng.choice([1, 1, 2, 30]) + body[at:]
        case _:
            payload, content_type = split(data)
            made = dict(PAGE)
            with suppress(CallbackError):
                made = plain_value(decode(payload, content_type, DEFAULT_LIMITS))
            for _ in range(rng.choice([1, 1, 2, 5])):
                change(made, rng)
            if rng.random() < REQUIRED:
                made = {**LEAST, **{name: value for name, value in made.items() if value or name not in LEAST}}
            with suppress(ValueError):  # The encoders refuse NaN.
                return as_input(made, rng)[:max_size]
    return (line + b"\n" + body)[:max_size]


def samples():
    """Yield every sample as an input."""
    for about in sorted(TESTS.glob("samples/*/about.toml")):
        for name, content_type in tomllib.loads(about.read_text())["bodies"].items():
            yield content_type.encode() + b"\n" + (about.parent / name).read_bytes()


def main():
    corpus = next((Path(argument) for argument in sys.argv[1:] if Path(argument).is_dir()), None)
    if corpus:
        for number, data in enumerate(samples()):
            (corpus / f"sample-{number}").write_bytes(data)
    atheris.Setup([*sys.argv, "-max_len=8192", "-len_control=0"], check, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
