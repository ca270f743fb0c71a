"""Test the classes as fields of pydantic models and in FastAPI, and the description of the adapter in OpenAPI."""

import copy
import json
import pickle
import re
import subprocess
import sys
from typing import Annotated, Any, Generic, TypeVar

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from exotel_callback import (
    Call,
    CallbackError,
    PassthruEvent,
    PopupEvent,
    StatusCallback,
    dump,
    load,
    merge,
    parse,
    parse_passthru,
    parse_popup,
)
from exotel_callback import strategies as drawn
from exotel_callback.schemas import json_schema
from exotel_callback.testing import payload
from helpers import ENCODERS, flat_pairs

pydantic = pytest.importorskip("pydantic")

CALLBACK = parse(payload(From="09876500001"))
EVENTS = (
    CALLBACK,
    merge(CALLBACK),
    parse_passthru({"CallSid": "a", "CallType": "completed"}),
    parse_popup({"CallSid": "a", "EventType": "Dial", "Status": "busy", "DialWhomNumber": "09876500001"}),
)
CLASSES = tuple(map(type, EVENTS))
ADAPTERS = {cls: pydantic.TypeAdapter(cls) for cls in CLASSES}
PERSONAL = "09876500001"
# ``errors(include_input=False)`` needs pydantic 2.4.
CAN_OMIT_INPUT = not re.match(r"2\.[0-3]\.", pydantic.VERSION)


class Several(pydantic.BaseModel):
    """A model with fields of all classes, and two fields of one class."""

    first: StatusCallback
    second: StatusCallback | None = None
    calls: tuple[Call, ...] = ()
    event: StatusCallback | PassthruEvent | PopupEvent | None = None


def test_every_class_is_tested():
    """An event above isn't of the class that it should be."""
    assert {*CLASSES} == {StatusCallback, Call, PassthruEvent, PopupEvent}


def is_encodable(event):
    """Return whether UTF-8 can carry the event. It can't carry a lone surrogate."""
    try:
        json.dumps(dump(event), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


@given(st.one_of(map(st.from_type, CLASSES)))
def test_a_dump_goes_in_and_comes_out(event):
    """A model writes another JSON than `dump`, reads another event than the loader, or replaces an instance."""
    adapter, dumped = ADAPTERS[type(event)], dump(event)
    assert adapter.validate_python(event) is event
    assert adapter.dump_python(event) is event
    assert adapter.dump_python(event, mode="json") == dumped
    assert adapter.validate_python(dumped) == event
    if is_encodable(event):
        text = adapter.dump_json(event)
        assert json.loads(text) == dumped
        assert adapter.validate_json(text) == event


@given(drawn.status_callbacks().filter(is_encodable), st.one_of(map(st.from_type, CLASSES)).filter(is_encodable))
def test_a_model_goes_round(callback, event):
    """A model with these classes changes in JSON, or a union reads an event as another class."""
    calls = (event,) if isinstance(event, Call) else ()
    model = Several(first=callback, second=callback, calls=calls, event=None if calls else event)
    again = Several.model_validate_json(model.model_dump_json())
    assert again == model
    assert type(again.event) is type(model.event)
    assert model.model_dump()["first"] is callback


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize(
    "other", [1, PERSONAL, None, [PERSONAL], {"from_number": PERSONAL}, *map(dump, EVENTS), *EVENTS]
)
def test_an_error_hides_the_input(event, other):
    """An invalid input is accepted, or the error shows it."""
    adapter = ADAPTERS[type(event)]
    if other in (event, dump(event)):
        assert adapter.validate_python(other) == event
        return
    with pytest.raises(pydantic.ValidationError) as caught:
        adapter.validate_python(other)
    error = caught.value
    shown = "".join([str(error), repr(error), str(error.errors()), error.json()])
    assert PERSONAL not in shown
    assert CALLBACK.call_sid not in shown
    assert [(found["type"], found["input"]) for found in error.errors()] == [("exotel_callback", "***")]
    assert (error.__cause__, error.__context__) == (None, None)


def test_an_error_says_what_is_wrong():
    """The message isn't that of the loader, in Python or in JSON, or a model loses the path."""
    dumped = dump(CALLBACK) | {"from_number": [PERSONAL], "{x}": PERSONAL}
    with pytest.raises(CallbackError) as expected:
        load(dumped)
    for validate in (Several.model_validate, lambda value: Several.model_validate_json(json.dumps(value))):
        with pytest.raises(pydantic.ValidationError) as caught:
            validate({"first": dumped})
        (found,) = caught.value.errors()
        assert (found["loc"], found["msg"]) == (("first",), str(expected.value))
        assert PERSONAL not in str(caught.value)


def test_a_union_hides_the_input():
    """The errors of a union show the input."""
    with pytest.raises(pydantic.ValidationError) as caught:
        Several(first=CALLBACK, event={"from_number": PERSONAL})
    members = [str(found["loc"][1]) for found in caught.value.errors()]
    assert [re.findall(r"\w+Event|StatusCallback", member) for member in members] == [
        ["StatusCallback"],
        ["PassthruEvent"],
        ["PopupEvent"],
    ]
    assert PERSONAL not in str(caught.value) + caught.value.json()


def test_errors_that_show_the_input():
    """The ways that the page gives don't hide the input in the errors of a model itself."""

    class Checked(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(hide_input_in_errors=True)
        queue: str
        callback: StatusCallback

        @pydantic.field_validator("callback")
        @classmethod
        def check(cls, callback):
            assert callback.is_settled

    for fields in ({}, {"queue": "sales"}):
        with pytest.raises(pydantic.ValidationError) as caught:
            Checked.model_validate({"callback": dump(parse(payload(From=PERSONAL, EndTime=""))), **fields})
        assert PERSONAL in str(caught.value.errors())
        assert PERSONAL not in str(caught.value)
        if CAN_OMIT_INPUT:
            assert PERSONAL not in str(caught.value.errors(include_input=False))


@pytest.mark.parametrize("kind", [StatusCallback | str, list[StatusCallback]])
def test_errors_of_another_type_that_show_the_input(kind):
    """The ways that the page gives don't hide the input that a type beside or around an event refuses."""
    adapter = pydantic.TypeAdapter(kind, config=pydantic.ConfigDict(hide_input_in_errors=True))
    with pytest.raises(pydantic.ValidationError) as caught:
        adapter.validate_python({"from_number": PERSONAL})
    assert PERSONAL in str(caught.value.errors())
    assert PERSONAL not in str(caught.value)
    if CAN_OMIT_INPUT:
        assert PERSONAL not in str(caught.value.errors(include_input=False))


@pytest.mark.parametrize("kind", [StatusCallback | int, int | StatusCallback, Call | StatusCallback | int])
def test_a_union_with_another_type(kind):
    """A union reads or writes a value as the wrong member."""
    adapter = pydantic.TypeAdapter(kind)
    for value, written in ((5, 5), (CALLBACK, dump(CALLBACK))):
        assert adapter.dump_python(value, mode="json") == written
        assert adapter.validate_python(written) == value
        assert adapter.validate_json(adapter.dump_json(value)) == value


def test_an_unexpected_value_is_written_with_a_warning():
    """A model writes a value that it didn't check without the warning of pydantic, or the warning shows it."""
    for value in (PERSONAL, {"from_number": PERSONAL}, None):
        model = Several.model_construct(first=value)
        with pytest.warns(UserWarning, match="expected StatusCallback, not") as caught:
            assert model.model_dump(mode="json")["first"] == value
        assert not any(PERSONAL in str(warning.message) for warning in caught)


class Plain(StatusCallback):
    """A subclass without fields."""

    @property
    def tenant(self):
        return self.custom_field


@attrs.frozen(kw_only=True)
class PlainCall(Call):
    """A subclass without fields, made by attrs."""


@attrs.frozen(kw_only=True)
class WithField(StatusCallback):
    """A subclass with a field that `dump` doesn't write."""

    tenant: str = ""


@pytest.mark.parametrize(("cls", "event"), [(Plain, CALLBACK), (PlainCall, EVENTS[1])])
def test_a_subclass(cls, event):
    """A subclass doesn't work as its base class does."""
    adapter = pydantic.TypeAdapter(cls)
    loaded = adapter.validate_json(json.dumps(dump(event)))
    assert type(loaded) is cls
    assert adapter.validate_python(loaded) is loaded
    assert adapter.dump_python(loaded, mode="json") == dump(event)
    assert dump(merge(loaded)) == dump(merge(event))
    assert adapter.json_schema() == ADAPTERS[type(event)].json_schema()
    with pytest.raises(pydantic.ValidationError, match="expected a mapping made by dump"):
        adapter.validate_python(event)
    both = pydantic.TypeAdapter(dict[str, cls | type(event)]).json_schema()
    assert {*both["$defs"]} == {cls.__name__, type(event).__name__}


def test_a_subclass_with_fields_is_refused():
    """A model accepts a class with a field that it would lose."""
    with pytest.raises(pydantic.errors.PydanticSchemaGenerationError, match="the fields that WithField adds; use Sta"):
        pydantic.TypeAdapter(WithField)
    fields = {field.alias: getattr(CALLBACK, field.name) for field in attrs.fields(StatusCallback)}
    event = WithField(tenant="a", **fields)
    assert pydantic.TypeAdapter(pydantic.InstanceOf[WithField]).validate_python(event) is event


T = TypeVar("T")


class Envelope(pydantic.BaseModel, Generic[T]):
    """A generic, strict and frozen model, which validates instances again."""

    model_config = pydantic.ConfigDict(strict=True, frozen=True, revalidate_instances="always")
    item: T
    items: tuple[T, ...] = ()


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_other_ways_to_use_a_model(event):
    """A generic, strict or frozen model, a copy, a pickle, or pydantic's own dataclass or decorator fails."""
    model = Envelope[type(event) | None](item=event, items=(event, None))
    dumped = {"item": dump(event), "items": [dump(event), None]}
    assert model.model_dump(mode="json") == dumped
    assert model == type(model).model_validate_json(json.dumps(dumped))
    assert model == type(model).model_validate({**dumped, "items": tuple(dumped["items"])})
    assert model == model.model_copy(deep=True) == copy.deepcopy(model)
    assert hash(model) == hash(model.model_copy())
    plain = Several(first=CALLBACK, event=None if isinstance(event, Call) else event)
    assert pickle.loads(pickle.dumps(plain)) == plain

    def same(value):
        return value

    same.__annotations__["value"] = type(event)
    assert pydantic.validate_call(same)(dump(event)) == event


def test_a_dataclass_and_assignment():
    """A pydantic dataclass that validates assignments doesn't read a dump, or accepts one of another class."""

    @pydantic.dataclasses.dataclass(config={"validate_assignment": True})
    class Job:
        callback: StatusCallback
        call: Call | None = None

    job = Job(dump(CALLBACK))
    job.call = dump(EVENTS[1])
    assert (job.callback, job.call) == (CALLBACK, EVENTS[1])
    with pytest.raises(pydantic.ValidationError):
        job.call = dump(CALLBACK)
    written = pydantic.TypeAdapter(Job).dump_python(job, mode="json")
    assert written == {"callback": dump(CALLBACK), "call": dump(EVENTS[1])}


def resolved(value, definitions):
    """Return a schema without references and lists of types."""
    if isinstance(value, list):
        return [resolved(item, definitions) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return resolved(definitions[value["$ref"].rpartition("/")[2]], definitions)
    if isinstance(value.get("type"), list):
        value = {**value, "anyOf": [{"type": kind} for kind in value["type"]], "type": None}
    return {
        name: resolved(item, definitions)
        for name, item in value.items()
        if name not in {"$defs", "$schema"} and item is not None
    }


@pytest.mark.parametrize("mode", ["validation", "serialization"])
@pytest.mark.parametrize("cls", CLASSES)
def test_the_json_schema_is_that_of_dump(cls, mode):
    """A model gives another JSON Schema than `json_schema`, or one with a reference that leads nowhere."""
    expected = json_schema(cls)
    schema = ADAPTERS[cls].json_schema(mode=mode)
    assert "$ref" not in json.dumps(schema)
    assert schema == resolved(expected, expected["$defs"])


def test_the_json_schema_of_a_model():
    """A model repeats the schema of a class in each field, or a reference leads nowhere."""
    schema = Several.model_json_schema()
    assert schema["properties"]["first"] == {"$ref": "#/$defs/StatusCallback"}
    assert {*schema["$defs"]} == {"StatusCallback", "Call", "PassthruEvent", "PopupEvent"}
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    model = Several(first=CALLBACK, second=CALLBACK, calls=(EVENTS[1],), event=EVENTS[2])
    validator.validate(json.loads(model.model_dump_json()))
    assert not validator.is_valid({"first": payload()})


@pytest.mark.parametrize("cls", CLASSES)
def test_the_schema_is_built_once(cls):
    """Each model builds a schema of its own."""
    assert cls.__get_pydantic_core_schema__(cls, None) is cls.__get_pydantic_core_schema__(cls, None)


def test_pydantic_is_imported_only_when_it_asks():
    """The package or its parser imports pydantic."""
    code = "import sys, exotel_callback.schemas as s; s.json_schema('call'); assert 'pydantic_core' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def client():
    """Return a client of an application whose handlers take and return these classes."""
    fastapi = pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    from exotel_callback.adapters.fastapi import OPENAPI, callback

    app = fastapi.FastAPI()
    received = Annotated[StatusCallback, fastapi.Depends(callback(secret="right"))]

    @app.post("/exotel", openapi_extra=OPENAPI)
    def exotel(callback: received, repeat: int = 0) -> Several:
        return Several(first=callback, second=callback if repeat else None)

    @app.post("/merged")
    def merged(callback: Annotated[StatusCallback, fastapi.Body()]) -> Call:
        return merge(callback)

    return TestClient(app)


def test_fastapi_takes_and_returns_the_classes(client):
    """A response model or a ``Body()`` parameter doesn't work."""
    answer = client.post("/exotel?secret=right", json=payload())
    first = answer.json()["first"]
    assert (answer.status_code, load(first)) == (200, parse(payload()))
    answer = client.post("/merged", json=first)
    assert (answer.status_code, answer.json()) == (200, dump(merge(load(first))))


def test_fastapi_hides_the_input(client):
    """The 422 of FastAPI for a ``Body()`` parameter quotes the input."""
    answer = client.post("/merged", json=dump(CALLBACK) | {"status": [PERSONAL]})
    assert answer.status_code == 422
    assert PERSONAL not in answer.text
    assert answer.json()["detail"][0]["input"] == "***"


def test_openapi_describes_the_callback(client):
    """OpenAPI lacks a field, its values, the secret, an answer or an example, or an example can't be parsed."""
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/exotel"]["post"]
    secret = next(parameter for parameter in operation["parameters"] if parameter["name"] == "secret")
    assert (secret["in"], secret["schema"]) == ("query", {"type": "string"})
    assert {"200", "400", "401", "413", "415", "422"} <= {*operation["responses"]}
    assert "first" in document["components"]["schemas"]["Several"]["properties"]
    body = operation["requestBody"]
    assert (body["required"], body["description"]) == (True, "Exotel's StatusCallback")
    contents: dict[str, Any] = body["content"]
    assert {*contents} == {*(encode({})[1].partition(";")[0] for encode in ENCODERS.values())}
    for content_type, content in contents.items():
        schema, example = content["schema"], content["example"]
        Draft202012Validator.check_schema(schema)
        assert '"type": [' not in json.dumps(schema)  # The oldest FastAPI can't describe it.
        Draft202012Validator(schema).validate(example)
        assert parse(example) == parse(payload())
        is_json = content_type == "application/json"
        assert example == (payload() if is_json else dict(flat_pairs(payload())))
        expected = {*json_schema("wire")["properties"]} - (set() if is_json else {"Legs"})
        assert {*schema["properties"]} == expected
        assert "to_leg_unanswered" in schema["properties"]["Status"]["anyOf"][0]["enum"]


def test_openapi_describes_the_answers(client):
    """The adapter answers with something that its description doesn't allow."""
    answers = client.get("/openapi.json").json()["paths"]["/exotel"]["post"]["responses"]
    for query, body, headers in [
        ("", b"", {}),
        ("?secret=right", b"{", {"Content-Type": "application/json"}),
        ("?secret=right", b"x" * 70_000, {}),
        ("?secret=right", b"x", {"Content-Type": "text/x"}),
        ("?secret=right", b"{}", {"Content-Type": "application/json"}),
    ]:
        answer = client.post(f"/exotel{query}", content=body, headers=headers)
        assert re.fullmatch("4..", str(answer.status_code))
        schema = answers[str(answer.status_code)]["content"]["application/json"]["schema"]
        if "$ref" not in schema:
            Draft202012Validator(schema).validate(answer.json())
