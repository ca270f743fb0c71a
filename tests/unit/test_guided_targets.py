"""Run each target of the guided fuzzer for the samples and a few inputs that it makes of them.

The gate doesn't run the fuzzer. Without these tests, nobody would notice that a target calls an old name.
"""

import random

import pytest

from exotel_callback import CallbackError
from targets import TARGETS, check_messages

SAMPLES = 40
CHANGED = 40


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_samples_and_changed_samples(name):
    """A target fails on an ordinary input, or never gets a value or never an error."""
    target, rng = TARGETS[name], random.Random(name)
    samples = list(target.samples())
    samples = rng.sample(samples, min(SAMPLES, len(samples)))
    inputs = samples + [target.mutate(rng.choice(samples), rng, lambda part: part[:-1]) for _ in range(CHANGED)]
    results = [target.check(data) for data in inputs]
    for data, result in zip(inputs, results, strict=True):
        check_messages(result, data)
    assert any(isinstance(result, CallbackError) for result in results)
    assert not all(isinstance(result, CallbackError) for result in results)
