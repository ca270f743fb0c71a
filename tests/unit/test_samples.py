"""Test the samples. Each folder of ``tests/samples`` is a test. A new folder is a new test.

A folder holds ``about.toml``, the bodies, and ``expected.json``. ``about.toml`` has the title, source, date and level,
the bodies with their content types, and the reader if it isn't `parse`. ``expected.json`` is the result of each body:
the fields that aren't None, the properties and the unknown fields, or the error. For a new folder, or a new field,
write it from the first body::

    PYTHONPATH=tests python tests/unit/test_samples.py NAME...

Then read it, because no test checks that it is right.

Each optional wire name, each member of an enum and each issue must occur in a sample.
"""

import json
import sys
import tomllib
from datetime import datetime
from enum import Enum
from functools import cache

import attrs
import pytest

import exotel_callback
from exotel_callback import (
    CallbackError,
    CallList,
    IssueCode,
    Leg,
    Outcome,
    PassthruEvent,
    PassthruLeg,
    PopupEvent,
    StatusCallback,
    Stream,
    dump,
)
from helpers import ENUMS, ROOT, SAMPLE_BODIES, SAMPLES, TESTS, without_none

DERIVED = ("outcome", "unreached_leg", "answered_by", "event_key")


def plain(value):
    return value.isoformat() if isinstance(value, datetime) else dict(value)


def reader_of(folder):
    return getattr(exotel_callback, tomllib.loads((folder / "about.toml").read_text()).get("function", "parse"))


def result_of(folder, body, content_type):
    read = reader_of(folder)
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
            "calls": [without_none(dump(call)) for call in value.calls],
            "errors": [{"path": issue.path, "code": issue.code.value} for issue in value.errors],
            "metadata": value.metadata,
        }
    elif isinstance(value, PassthruEvent | PopupEvent):
        fields = attrs.asdict(value, filter=lambda attribute, _: attribute.name not in {"raw", "_digest"})
        outcome = {"outcome": value.outcome} if isinstance(value, PassthruEvent) else {}
        result = {"event": without_none(fields), **outcome, "extra": value.extra}
    else:
        result = {
            "callback": without_none(dump(value)),
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
    """A body doesn't give the expected result."""
    expected = json.loads((folder / "expected.json").read_text())
    result, message = result_of(folder, (folder / name).read_bytes(), content_type)
    assert expected.get("error", {}).pop("says", "") in message
    if "extra" not in expected:
        result.pop("extra", None)  # It is omitted if the bodies differ in it.
    assert result == expected


@pytest.mark.parametrize("folder", SAMPLES, ids=lambda folder: folder.name)
def test_about_a_sample(folder):
    """A sample lacks its source, date or level of confidence, or a file of it is unused."""
    path = folder.relative_to(ROOT) / "about.toml"
    about = tomllib.loads((folder / "about.toml").read_text())
    keys = {"title", "source", "date", "level", "bodies"}
    assert about.keys() - {"note", "function"} == keys, f"{path} needs {keys}, and may have note and function"
    assert about["source"].startswith("https://"), f"{path}: source is the URL of the page that shows the payload"
    assert about["level"] in {"doc", "seen", "inferred"}, f"{path}: level is doc, seen or inferred"
    used = {"about.toml", "expected.json", *about["bodies"]}
    assert {file.name for file in folder.iterdir()} == used, f"the folder's files and those that {path} names differ"


@cache
def found_in_samples():
    """Return the wire names with a value, and the enum members, that occur in samples."""
    names, members = set(), set()
    for folder, body, content_type in SAMPLE_BODIES:
        try:
            value = reader_of(folder)((folder / body).read_bytes(), content_type or None)
        except CallbackError as error:
            members.update((IssueCode, issue.code) for issue in error.issues)
            continue
        for call in value.calls if isinstance(value, CallList) else [value]:
            members.update((IssueCode, issue.code) for issue in call.issues)
            parts = [call]
            if not isinstance(call, PopupEvent):
                members.add((Outcome, call.outcome))
                parts += call.legs
            if isinstance(call, PassthruEvent) and call.stream:
                parts.append(call.stream)
            for found in parts:
                for field in attrs.fields(type(found)):
                    given = getattr(found, field.name)
                    if isinstance(given, Enum):
                        members.add((type(given), given))
                    # A leg or a stream is read by one table. A field of an event can have multiple names.
                    sent = field.metadata.get("wire", ()) if given is not None else ()
                    names.update((type(found), name) for name in sent if found is not call or name in call.raw)
    return names, members


@pytest.mark.parametrize("cls", [StatusCallback, Leg, PassthruEvent, PassthruLeg, Stream, PopupEvent])
def test_every_wire_name_is_in_a_sample(cls):
    """No sample has this wire name, so nothing confirms its spelling."""
    wanted = [name for field in attrs.fields(cls) for name in field.metadata.get("wire", ())]
    missing = [name for name in wanted if (cls, name) not in found_in_samples()[0]]
    assert missing == [], f"no sample has a {cls.__name__} with {', '.join(missing)}: add a folder to tests/samples"


@pytest.mark.parametrize("enum", ENUMS)
def test_every_member_is_in_a_sample(enum):
    """No sample has this value, so no payload shows what it means."""
    missing = [str(member) for member in enum if (enum, member) not in found_in_samples()[1]]
    assert missing == [], f"no sample gives {enum.__name__} {', '.join(missing)}: add a folder to tests/samples"


def test_there_are_samples():
    """There are no samples, so the tests above pass without testing anything."""
    assert len(SAMPLES) >= 100


def main(*names):
    """Write the expected result of each named sample, from its first body."""
    for folder in (TESTS / "samples" / name for name in names):
        name, content_type = next(iter(tomllib.loads((folder / "about.toml").read_text())["bodies"].items()))
        result, _ = result_of(folder, (folder / name).read_bytes(), content_type)
        (folder / "expected.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
