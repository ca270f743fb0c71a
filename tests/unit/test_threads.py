"""Test that eight threads in one process need no lock."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from exotel_callback import CallbackError, dump, load, merge, parse
from exotel_callback.testing import SCENARIOS, encode_json
from helpers import ENCODERS, PAGE, SAMPLE_BODIES

THREADS = 8


@pytest.fixture(autouse=True)
def switching_often():
    """Make threads switch as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(function):
    """Call a function in all threads at the same time, and return the results."""
    barrier = threading.Barrier(THREADS)

    def call(_):
        barrier.wait()
        return function()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(call, range(THREADS)))


def read_everything():
    """Read all samples and scenarios, and return the results."""
    found = []
    for folder, name, content_type in SAMPLE_BODIES:
        try:
            callback = parse((folder / name).read_bytes(), content_type or None)
        except CallbackError as error:
            found.append((str(error), error.issues))
        else:
            found.append((callback, callback.raw, callback.event_key, callback.outcome, load(dump(callback))))
    for scenario in SCENARIOS.values():
        for encode in ENCODERS.values():
            events = [parse(body, content_type) for content_type, body, *_ in scenario.deliveries(encode)]
            found.append((merge(*events), events))
    return found


def test_reading():
    """A thread reads another value than one that runs alone."""
    alone = read_everything()
    assert len(alone) > len(SAMPLE_BODIES)
    assert at_once(read_everything) == [alone] * THREADS


def test_reading_one_value():
    """Threads that read the legs of a new value for the first time get different results."""
    body, content_type = encode_json(PAGE)
    for _ in range(200):
        callback = parse(body, content_type)
        looks = at_once(
            lambda callback=callback: (callback.raw["Legs"], dict(callback.raw), hash(callback), callback.extra)
        )
        assert looks == [looks[0]] * THREADS
        assert {type(legs) for legs, *_ in looks} == {tuple}
