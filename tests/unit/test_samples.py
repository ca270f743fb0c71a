"""The samples: each folder of ``tests/samples`` is a test, and a folder dropped in is a new one.

A folder holds ``about.toml`` (title, source, date, level, the bodies and their content types, and what reads them if it
is not `parse`), the bodies, and ``expected.json``: what every one of the bodies must give, the fields that are not
None, what follows and what is left over, or the error. For a new folder, or when a field is added::

    PYTHONPATH=tests python tests/unit/test_samples.py NAME...

writes ``expected.json``, from the first body. Read it: nothing else says that it is right.
"""

import json
import sys
import tomllib
from datetime import datetime

import attrs
import pytest

import exotel_callback
from exotel_callback import CallbackError, CallList, PassthruEvent, dump
from helpers import SAMPLE_BODIES, SAMPLES, TESTS, without_nothing

DERIVED = ("outcome", "unreached_leg", "answered_by", "event_key")


def plain(value):
    return value.isoformat() if isinstance(value, datetime) else dict(value)


def result_of(folder, body, content_type):
    read = getattr(exotel_callback, tomllib.loads((folder / "about.toml").read_text()).get("function", "parse"))
    try:
        value = read(body, content_type or None)
    except CallbackError as error:
        return {
            "error": {
                "type": type(error).__name__,
                "status_hint": error.status_hint,
                "issues": [{"path": issue.path, "code": issue.code.value} for issue in error.issues],
            }
        }, str(error)
    if isinstance(value, CallList):
        result = {
            "calls": [without_nothing(dump(call)) for call in value.calls],
            "errors": [{"path": issue.path, "code": issue.code.value} for issue in value.errors],
            "metadata": value.metadata,
        }
    elif isinstance(value, PassthruEvent):
        fields = attrs.asdict(value, filter=lambda attribute, _: attribute.name != "raw")
        result = {"event": without_nothing(fields), "outcome": value.outcome, "extra": value.extra}
    else:
        result = {
            "callback": without_nothing(dump(value)),
            "derived": {name: getattr(value, name) for name in DERIVED},
            "extra": value.extra,
        }
    return json.loads(json.dumps(result, default=plain)), ""


@pytest.mark.parametrize(
    ("folder", "name", "content_type"),
    SAMPLE_BODIES,
    ids=[f"{folder.name}/{name}" for folder, name, _ in SAMPLE_BODIES],
)
def test_sample(folder, name, content_type):
    """The body gives what is expected."""
    expected = json.loads((folder / "expected.json").read_text())
    result, message = result_of(folder, (folder / name).read_bytes(), content_type)
    assert expected.get("error", {}).pop("says", "") in message
    if "callback" in expected and "extra" not in expected:
        del result["extra"]  # it is left out where the bodies differ in it
    assert result == expected


@pytest.mark.parametrize("folder", SAMPLES, ids=lambda folder: folder.name)
def test_what_is_said_about_a_sample(folder):
    """Where its shape comes from, when, and how sure that is; every file in it is used."""
    about = tomllib.loads((folder / "about.toml").read_text())
    assert about.keys() - {"note", "function"} == {"title", "source", "date", "level", "bodies"}
    assert about["source"].startswith("https://")
    assert about["level"] in {"doc", "seen", "inferred"}
    assert {path.name for path in folder.iterdir()} == {"about.toml", "expected.json", *about["bodies"]}


def test_there_are_samples():
    """An empty folder would pass everything above."""
    assert len(SAMPLES) >= 100


def main(*names):
    """Write what the first body of each gives."""
    for folder in (TESTS / "samples" / name for name in names):
        name, content_type = next(iter(tomllib.loads((folder / "about.toml").read_text())["bodies"].items()))
        result, _ = result_of(folder, (folder / name).read_bytes(), content_type)
        (folder / "expected.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
