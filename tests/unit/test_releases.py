"""Later releases load what a release has dumped: the dumps of each release are in ``releases``.

With a release its dumps are added, and never changed again::

    PYTHONPATH=tests python tests/unit/test_releases.py
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from exotel_callback import (
    StatusCallback,
    dump,
    load,
    load_call,
    merge,
    parse,
)
from exotel_callback.testing import SCENARIOS

SAMPLES = Path(__file__).parents[1] / "samples"
STORE = Path(__file__).parents[1] / "releases"
RELEASES = sorted(STORE.glob("*.json"))


def callbacks():
    """Yield callbacks by name: ordinary ones, and such with issues, unknown fields and many shapes of legs."""
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
    """Return values of every type that is dumped, by name."""
    found = dict(callbacks())
    found["call"] = merge(*(callback for name, callback in found.items() if name.startswith("out-of-order")))
    return found


def test_this_release_is_in_the_store():
    """Or nobody would notice when the next one can't load it."""
    assert version("exotel-callback") in {path.stem for path in RELEASES}


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_dumps_of_a_release(path):
    """They load as the same values, with the same key."""
    stored = json.loads(path.read_text())
    assert stored
    today = values()
    for name, dumped in stored.items():
        loaded = (load if isinstance(today[name], StatusCallback) else load_call)(dumped["dump"])
        assert loaded == today[name], name
        assert loaded.event_key == dumped["event_key"], name


LEAST = parse({"CallSid": "a", "Status": "busy"})


@pytest.mark.parametrize("read", [load, load_call])
def test_a_field_that_is_dumped_later(read):
    """Has its default in what was dumped before there was one."""
    value = LEAST if read is load else merge(LEAST)
    dumped = {name: item for name, item in dump(value).items() if item not in (None, [])}
    assert dumped.keys() <= {"schema", "type", "call_sid", "status", "events"}
    assert read(dumped) == value


def main():
    """Store the values of this release."""
    path = STORE / f"{version('exotel-callback')}.json"
    STORE.mkdir(exist_ok=True)
    dumped = {
        name: {"dump": dump(value), "event_key": value.event_key}
        for name, value in values().items()
        if hasattr(value, "event_key")
    }
    path.write_text(json.dumps(dumped, indent=1) + "\n")
    sys.stderr.write(f"{len(dumped)} values in {path.name}\n")


if __name__ == "__main__":
    main()
