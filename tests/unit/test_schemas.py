"""Test that the JSON Schemas describe what is written and sent, and reject anything else."""

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import schemas
from command import run
from exotel_callback import (
    Call,
    CallbackError,
    PassthruEvent,
    PopupEvent,
    StatusCallback,
    Stream,
    dump,
    parse,
)
from exotel_callback import strategies as drawn
from exotel_callback._cli.parse import line_of
from exotel_callback.schemas import SCHEMA_NAMES, json_schema
from exotel_callback.testing import SCENARIOS
from helpers import LOADERS, SAMPLE_BODIES

CLASSES = (StatusCallback, Call, PassthruEvent, PopupEvent)
VALIDATORS = {name: Draft202012Validator(json_schema(name)) for name in SCHEMA_NAMES}


def is_valid(name, value):
    return VALIDATORS[name].is_valid(value)


@pytest.mark.parametrize("name", SCHEMA_NAMES)
def test_the_schema_is_as_the_classes_say(name):
    """A class, a docstring or an enum changed. Run ``PYTHONPATH=tests python tests/schemas.py`` and read the change."""
    assert (schemas.STORED / f"{name}.json").read_text(encoding="utf-8") == schemas.documents()[name]
    assert {path.stem for path in schemas.STORED.iterdir()} == {*SCHEMA_NAMES}


@pytest.mark.parametrize("name", SCHEMA_NAMES)
def test_the_schema_is_valid(name):
    """A schema isn't one of draft 2020-12, or it has a Python term."""
    schema = json_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "None" not in json.dumps(schema)


@pytest.mark.parametrize("cls", CLASSES)
def test_a_class_has_a_schema(cls):
    """The class and the ``type`` of its dumps have different schemas, or two calls share one dict."""
    schema = json_schema(cls)
    assert schema == json_schema(schema["properties"]["type"]["const"])
    schema.clear()
    assert json_schema(cls)


@pytest.mark.parametrize("of", [Stream, "stream", "", None])
def test_there_is_no_schema(of):
    """Another class or name doesn't raise `ValueError` that lists the names."""
    with pytest.raises(ValueError, match="unknown schema; pass one of status_callback, call"):
        json_schema(of)


@given(st.one_of(map(st.from_type, CLASSES)))
def test_every_dump_and_line_is_valid(event):
    """`dump`, or ``exotel-callback parse``, writes something that its schema rejects, or a loader rejects the line."""
    dumped = json.loads(json.dumps(dump(event)))
    VALIDATORS[dumped["type"]].validate(dumped)
    line = json.loads(json.dumps(line_of(event)))
    assert LOADERS[type(event)](line) == event
    if not isinstance(event, Call):
        VALIDATORS["parse_line"].validate(line)


MUTATIONS = ["omitted", "added", "another type", "another string"]


@given(st.one_of(map(st.from_type, CLASSES)), st.sampled_from(MUTATIONS), st.data())
def test_a_changed_dump_is_invalid(event, mutation, data):
    """A schema accepts a dump that lacks a name, has another name, or has a value that `dump` can't write."""
    dumped = json.loads(json.dumps(dump(event)))
    name = data.draw(st.sampled_from(sorted(dumped)))
    closed = {field.name for field in attrs.fields(type(event)) if "str |" not in str(field.type)} - {"call_sid"}
    if mutation == "omitted":
        del dumped[name]
    elif mutation == "added":
        dumped[f"{name}s"] = dumped[name]
    elif mutation == "another type":
        dumped[name] = data.draw(st.sampled_from([1.5, True, {"a": 1}, [[]]]))
    else:
        dumped[data.draw(st.sampled_from(sorted(closed & dumped.keys())))] = "none of these"
    assert not is_valid(json.loads(json.dumps(dump(event)))["type"], dumped)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("outcome", "talked"),
        ("unreached_leg", -1),
        ("answered_by", "human"),
        ("is_terminal", None),
        ("is_settled", 1),
        ("event_key", "v1:0"),
    ],
)
def test_a_changed_line_is_invalid(name, value):
    """The schema of lines accepts a wrong derived value, or a line without it."""
    delivery = next(SCENARIOS["connected"].deliveries())
    line = json.loads(json.dumps(line_of(parse(delivery.body, delivery.content_type))))
    assert is_valid("parse_line", line)
    assert not is_valid("parse_line", {**line, name: value})
    assert not is_valid("parse_line", {other: line[other] for other in line if other != name})


@given(drawn.payloads())
def test_every_payload_is_valid(payload):
    """The schema of what Exotel sends rejects a payload that `parse` accepts."""
    VALIDATORS["wire"].validate(json.loads(json.dumps(payload)))


@pytest.mark.parametrize("name", ["CallSid", "Status"])
@pytest.mark.parametrize("value", [None, "", "null", "None", "undefined", {}, "\0"])
def test_a_payload_without_a_required_value_is_invalid(name, value):
    """The schema of what Exotel sends accepts a payload that `parse` refuses."""
    payload = {"CallSid": "a", "Status": "busy"}
    assert is_valid("wire", payload)
    assert not is_valid("wire", payload | {name: value})
    assert not is_valid("wire", {other: payload[other] for other in payload if other != name})


def test_the_samples_are_valid():
    """A line of ``parse`` for a captured body is invalid."""
    for folder, file, content_type in SAMPLE_BODIES:
        try:
            event = parse((folder / file).read_bytes(), content_type)
        except CallbackError:
            continue
        VALIDATORS["parse_line"].validate(json.loads(json.dumps(line_of(event))))


def test_the_command():
    """``schema`` doesn't print the names or a schema, or it accepts another name."""
    assert run("schema")[:2] == (0, "".join(f"{name}\n" for name in SCHEMA_NAMES))
    for name in SCHEMA_NAMES:
        code, out, _ = run("schema", name)
        assert (code, json.loads(out)) == (0, json_schema(name))
    assert run("schema", "stream")[0] == 2
