"""Whole calls: each folder of ``tests/calls`` holds what came for one call, and a folder dropped in is a new test.

A folder holds ``about.toml`` (as that of a sample, and ``deliveries``: the bodies in the order in which they came, each
with its content type and what reads it if that is not `parse`), the bodies, and ``expected.json``: the call without
what is None, what follows from it, and the key of each delivery.
"""

import itertools
import json
import tomllib

import pytest

import exotel_callback
from exotel_callback import dump, merge
from helpers import TESTS, without_nothing

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
        "call": without_nothing(fields),
        "derived": {name: getattr(call, name) for name in DERIVED},
        "keys": [event.event_key for event in events],
    }


@pytest.mark.parametrize("folder", CALLS, ids=lambda folder: folder.name)
def test_call(folder):
    """The call is what is expected."""
    assert result_of(events_of(folder)) == json.loads((folder / "expected.json").read_text())


@pytest.mark.parametrize("folder", CALLS, ids=lambda folder: folder.name)
def test_any_order_gives_the_same_call(folder):
    """Each delivery alone after the others, in every order, and repeated."""
    events = events_of(folder)
    for order in itertools.permutations(events):
        call = merge(order[0])
        for event in (*order, order[0]):
            call = merge(call, event)
        assert call == merge(*events)


@pytest.mark.parametrize("folder", CALLS, ids=lambda folder: folder.name)
def test_what_is_said_about_a_call(folder):
    """Where its shape comes from, when, and how sure that is; every file in it is used."""
    about = tomllib.loads((folder / "about.toml").read_text())
    assert about.keys() == {"title", "source", "date", "level", "deliveries"}
    assert about["source"].startswith("https://")
    assert about["level"] in {"doc", "seen", "inferred"}
    bodies = {delivery["body"] for delivery in about["deliveries"]}
    assert {path.name for path in folder.iterdir()} == {"about.toml", "expected.json", *bodies}


def test_there_are_calls():
    """An empty folder would pass everything above."""
    assert len(CALLS) >= 6
