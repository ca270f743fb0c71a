"""A seed gives the same payloads in every process, so that a failure can be repeated.

Run as a script, this module prints a digest of what each generator draws.
"""

import hashlib
import importlib
import json
import os
import random
import re
import subprocess
import sys
from functools import partial

import pytest
from hypothesis import Phase, given, settings

import payloads
from exotel_callback import parse, parse_call_details, strategies

FUZZERS = ["lanes.json_body", "lanes.form_body", "lanes.multipart_body", "lanes.items", "lanes.sent"]
FUZZERS += ["hostile.hostile_payload", "decoders.urlencoded", "decoders.parts"]
STRATEGIES = {
    **{f"strategies.{name}": getattr(strategies, name) for name in strategies.__all__},
    "payloads.events": partial(payloads.events, parse, parse_call_details),
    "payloads.hostile_payloads": payloads.hostile_payloads,
}


def fuzzed(name):
    """Return payloads that a fuzzer generates with one seed."""
    module, function = name.split(".")
    make, rng = getattr(importlib.import_module(module), function), random.Random(1)
    return [make(rng) for _ in range(500)]


def drawn(name):
    """Return the examples of a strategy in a derandomized run."""
    found = []

    @settings(max_examples=50, derandomize=True, database=None, phases=[Phase.generate])
    @given(STRATEGIES[name]())
    def collect(value):
        found.append(value)

    collect()
    return found


def digest(values):
    shown = re.sub(r" at 0x\w+", "", repr(values))  # The address of an object differs from run to run.
    return hashlib.sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()


@pytest.fixture(scope="module")
def digests():
    """Return the digests of two processes in which strings have different hashes."""
    found = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout))
    return found


@pytest.mark.parametrize("name", [*FUZZERS, *STRATEGIES])
def test_a_seed_gives_the_same_payloads_in_every_process(name, digests):
    """A generator draws from a set, whose order differs from process to process. Sort it."""
    first, second = digests
    assert first[name] == second[name]


if __name__ == "__main__":
    sys.set_int_max_str_digits(0)  # Hostile payloads have very long numbers.
    found = {**{name: digest(fuzzed(name)) for name in FUZZERS}, **{name: digest(drawn(name)) for name in STRATEGIES}}
    sys.stdout.write(json.dumps(found))
