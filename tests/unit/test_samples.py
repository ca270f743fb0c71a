"""The samples: each folder of ``tests/samples`` is a test, and a folder dropped in is a new one.

A folder holds ``about.toml`` (title, source, date, level, the bodies and their content types, and what reads them if it
is not `parse`), the bodies, and ``expected.json``: what every one of the bodies must give, the fields that are not
None, what follows and what is left over, or the error. For a new folder, or when a field is added::

    PYTHONPATH=tests python tests/unit/test_samples.py NAME...

writes ``expected.json``, from the first body. Read it: nothing else says that it is right.

Each optional wire name, each member of an enum and each issue occurs in some sample.
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
    AnsweredBy,
    CallbackError,
    CallList,
    CallStatus,
    CallType,
    Direction,
    EventType,
    IssueCode,
    Leg,
    LegStatus,
    Outcome,
    PassthruEvent,
    PassthruLeg,
    StatusCallback,
    dump,
)
from helpers import ROOT, SAMPLE_BODIES, SAMPLES, TESTS, without_nothing

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
    """Return the wire names that a sample has with a value, and the members of enums that a sample gives."""
    names, members = set(), set()
    for folder, body, content_type in SAMPLE_BODIES:
        try:
            value = reader_of(folder)((folder / body).read_bytes(), content_type or None)
        except CallbackError as error:
            members.update((IssueCode, issue.code) for issue in error.issues)
            continue
        for call in value.calls if isinstance(value, CallList) else [value]:
            members.update([(Outcome, call.outcome), *((IssueCode, issue.code) for issue in call.issues)])
            for found in (call, *call.legs):
                for field in attrs.fields(type(found)):
                    given = getattr(found, field.name)
                    if isinstance(given, Enum):
                        members.add((type(given), given))
                    # A leg has one name for each field. Of an event's names, several may stand for one field.
                    sent = field.metadata.get("wire", ()) if given is not None else ()
                    names.update((type(found), name) for name in sent if found is not call or name in call.raw)
    return names, members


@pytest.mark.parametrize("cls", [StatusCallback, Leg, PassthruEvent, PassthruLeg])
def test_every_wire_name_is_in_a_sample(cls):
    """A field that no sample has is a field whose spelling nothing has confirmed."""
    wanted = [name for field in attrs.fields(cls) for name in field.metadata.get("wire", ())]
    missing = [name for name in wanted if (cls, name) not in found_in_samples()[0]]
    assert missing == [], f"no sample has a {cls.__name__} with {', '.join(missing)}: add a folder to tests/samples"


@pytest.mark.parametrize(
    "enum", [CallStatus, LegStatus, AnsweredBy, Direction, EventType, CallType, Outcome, IssueCode]
)
def test_every_member_is_in_a_sample(enum):
    """What a value means is shown by a payload that has it."""
    missing = [str(member) for member in enum if (enum, member) not in found_in_samples()[1]]
    assert missing == [], f"no sample gives {enum.__name__} {', '.join(missing)}: add a folder to tests/samples"


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
