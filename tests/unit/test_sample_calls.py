"""Test whole calls. Each folder of ``tests/calls`` holds the deliveries of one call. A new folder is a new test.

A folder holds ``about.toml``, the bodies, and ``expected.json``. ``about.toml`` is as for a sample, with
``deliveries``: the bodies in the order of arrival, each with its content type and, if it isn't `parse`, its reader.
``expected.json`` holds the fields of the call that aren't None, its properties, and the key of each delivery.
"""

import itertools
import json
import tomllib

import pytest

import exotel_callback
from exotel_callback import dump, merge
from helpers import TESTS, without_none

CALLS = sorted(path.parent for path in TESTS.glob("calls/*/about.toml"))

DERIVED = ("is_terminal", "outcome", "unreached_leg", "answered_by")


def events_of(folder):
    return [
        getattr(exotel_callback, delivery.get("function", "parse"))(
            (folder / delivery["body"]).read_bytes(), delivery.get("content_type")
        )
        for delivery in tomllib.loads((folder / "about.toml").read_text())["deliveries"]
    ]


def result_of(events):
    call = merge(*events)
    fields = {name: value for name, value in dump(call).items() if name != "events"}
    return {
        "call": without_none(fields),
        "derived": {name: getattr(call, name) for name in DERIVED},
        "keys": [event.event_key for event in events],
    }


@pytest.mark.parametrize("folder", CALLS, ids=lambda folder: folder.name)
def test_call(folder):
    """The merged call differs from the expected one."""
    assert result_of(events_of(folder)) == json.loads((folder / "expected.json").read_text())


@pytest.mark.parametrize("folder", CALLS, ids=lambda folder: folder.name)
def test_any_order_gives_the_same_call(folder):
    """Another order, a later single delivery or a repetition gives another call."""
    events = events_of(folder)
    for order in itertools.permutations(events):
        call = merge(order[0])
        for event in (*order, order[0]):
            call = merge(call, event)
        assert call == merge(*events)


@pytest.mark.parametrize("folder", CALLS, ids=lambda folder: folder.name)
def test_about_a_call(folder):
    """A call lacks its source, date or level of confidence, or a file of it is unused."""
    about = tomllib.loads((folder / "about.toml").read_text())
    assert about.keys() == {"title", "source", "date", "level", "deliveries"}
    assert about["source"].startswith("https://")
    assert about["level"] in {"doc", "seen", "inferred"}
    bodies = {delivery["body"] for delivery in about["deliveries"]}
    assert {path.name for path in folder.iterdir()} == {"about.toml", "expected.json", *bodies}


def test_there_are_calls():
    """There are no calls, so the tests above pass without testing anything."""
    assert len(CALLS) >= 6
