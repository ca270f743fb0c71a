"""Test that this release loads the dumps and pickles of earlier releases, which are stored in ``releases``.

Each release adds its own values, which never change again::

    PYTHONPATH=tests python tests/unit/test_releases.py

The stored pickles begin with 1.1.0. Pickles of earlier releases name private modules.
"""

import json
import pickle
import sys
from importlib.metadata import version
from pathlib import Path

import attrs
import pytest

from exotel_callback import (
    CallbackError,
    CallList,
    Issue,
    IssueCode,
    Leg,
    Limits,
    PassthruLeg,
    Stream,
    dump,
    merge,
    parse,
    parse_call_list,
    parse_passthru,
    parse_popup,
)
from exotel_callback.testing import SCENARIOS
from helpers import LOADERS

SAMPLES = Path(__file__).parents[1] / "samples"
STORE = Path(__file__).parents[1] / "releases"
RELEASES = sorted(STORE.glob("*.json"))
PICKLES = sorted(STORE.glob("*.pickle"))


def callbacks():
    """Yield callbacks by name: ordinary ones, and ones with issues, unknown fields and many shapes of legs."""
    for name, scenario in SCENARIOS.items():
        for number, delivery in enumerate(scenario.deliveries()):
            yield f"{name} {number}", parse(delivery.body, delivery.content_type)
    for name in (
        "json-wrong-types",
        "extended-payload",
        "legs-with-a-hole",
        "dates-with-offset",
        "unknown-words-everywhere",
    ):
        yield name, parse((SAMPLES / name / "body.json").read_bytes(), "application/json")


def values():
    """Return values of every public type by name."""
    found = dict(callbacks())
    found["call"] = merge(*(callback for name, callback in found.items() if name.startswith("out-of-order")))
    found["list"] = parse_call_list((SAMPLES / "call-list" / "body.json").read_bytes())
    found["passthru"] = parse_passthru(
        {"CallSid": "a", "CallType": "completed", "digits": '"1"', "Legs[0][Cause]": "x"}
    )
    found["stream"] = parse_passthru(
        "CallSid=a&CurrentTime=2024-01-15+14:25:12&EndTime=soon&Stream[Status]=failed&Stream[Duration]=5&Stream[New]=1"
    )
    found["popup"] = parse_popup("CallSid=a&EventType=Dial&Status=away&CurrentTime=2024-01-15+14:25:12&key=1")
    found["limits"] = Limits(legs=5)
    try:
        parse({"Status": "free"})
    except CallbackError as error:
        found["error"] = error
    return found


def compared(value):
    """Return all parts of a value, including those that equality ignores."""
    if isinstance(value, CallbackError):
        return type(value), value.args, value.issues, value.status_hint
    return value, type(value), [getattr(value, field.name) for field in attrs.fields(type(value))]


def test_this_release_is_in_the_store():
    """The store lacks this release, so no test would notice when a later one can't load its values."""
    assert version("exotel-callback") in {path.stem for path in RELEASES}


def test_every_release_since_1_1_has_a_pickle():
    """A release left no pickle, so no test would notice when a later one can't load it."""
    assert {path.stem for path in PICKLES} == {path.stem for path in RELEASES} - {"0.1.0", "1.0.0"}


def test_pickles_of_releases():
    """A stored pickle doesn't load as what the same payloads give today, ``raw`` and issues included."""
    today = values()
    for path in PICKLES:
        stored = pickle.loads(path.read_bytes())
        assert stored
        for name, value in stored.items():
            assert compared(value) == compared(today[name]), (path.name, name)


# The values that this release reads differently. Their keys are those of the earlier releases.
READ_DIFFERENTLY = {(release, "unknown-words-everywhere") for release in ("0.1.0", "1.0.0")}


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_dumps_of_a_release(path):
    """A stored dump doesn't load as an equal value with the same key."""
    stored = json.loads(path.read_text())
    assert stored
    today = values()
    for name, dumped in stored.items():
        loaded = LOADERS[type(today[name])](dumped["dump"])
        assert (loaded == today[name]) is ((path.stem, name) not in READ_DIFFERENTLY), name
        assert loaded.event_key == today[name].event_key == dumped["event_key"], name


LEAST = parse({"CallSid": "a", "Status": "busy"})


@pytest.mark.parametrize(
    "value",
    [
        LEAST,
        merge(LEAST),
        parse_passthru({"CallSid": "a", "CallType": None}),
        Leg(),
        PassthruLeg(),
        Stream(),
        parse_popup("CallSid=a&EventType=Dial"),
        CallList(),
        Limits(),
        Issue.at("To", IssueCode.MISSING),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_field_that_came_later(value):
    """A pickle from before a field was added can't be loaded, or the field lacks its default."""
    required = {field.name for field in attrs.fields(type(value)) if field.default is attrs.NOTHING}
    older = type(value).__new__(type(value))
    older.__setstate__({name: item for name, item in value.__getstate__().items() if name in required})
    assert older == value
    assert all(hasattr(older, field.name) for field in attrs.fields(type(value)))


@pytest.mark.parametrize(
    "value",
    [LEAST, merge(LEAST), parse_passthru({"CallSid": "a", "CallType": None}), parse_popup("CallSid=a&EventType=Dial")],
    ids=lambda value: type(value).__name__,
)
def test_a_field_that_is_dumped_later(value):
    """A dump from before a field was added can't be loaded, or the field lacks its default."""
    dumped = {name: item for name, item in dump(value).items() if item not in (None, [])}
    assert dumped.keys() <= {"schema", "type", "call_sid", "status", "event_type", "events"}
    assert LOADERS[type(value)](dumped) == value


def main():
    """Store the values of this release."""
    found = values()
    path = STORE / f"{version('exotel-callback')}.pickle"
    STORE.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps(found, protocol=4))
    dumped = {
        name: {"dump": dump(value), "event_key": value.event_key}
        for name, value in found.items()
        if hasattr(value, "event_key")
    }
    path.with_suffix(".json").write_text(json.dumps(dumped, indent=1) + "\n")
    sys.stderr.write(f"{len(found)} values in {path.name}\n")


if __name__ == "__main__":
    main()
