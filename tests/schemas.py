"""Make the JSON Schemas of the package from its classes, their docstrings and its enums.

After a change of a class or an enum::

    PYTHONPATH=tests python tests/schemas.py
"""

import ast
import json
import re
import sys
from datetime import datetime
from enum import StrEnum
from functools import cache
from inspect import cleandoc
from pathlib import Path
from types import NoneType
from typing import get_args

import attrs

import exotel_callback
from exotel_callback import (
    AnsweredBy,
    Call,
    Issue,
    Leg,
    Outcome,
    PassthruEvent,
    PassthruLeg,
    PopupEvent,
    StatusCallback,
    Stream,
)
from exotel_callback.testing import payload

SOURCE = Path(exotel_callback.__file__).parent
STORED = SOURCE / "_schemas"

EVENTS = {"status_callback": StatusCallback, "passthru_event": PassthruEvent, "popup_event": PopupEvent}
DUMPED = {**EVENTS, "call": Call}
PARTS = (Issue, Leg, PassthruLeg, Stream)

DATE = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?[+-][0-9]{2}:[0-9]{2}"
    r"(:[0-9]{2}(\.[0-9]{6})?)?$",
}
SECONDS = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
# What the types of the fields don't say.
NARROWER = {
    ("Issue", "value"): {"maxLength": 200},
    ("Issue", "digest"): {"pattern": "^(value:|sha256:[0-9a-f]{64}$)"},
    ("Call", "events"): {"minItems": 1, "maxItems": 10_000},
}


def described(text):
    """Return the first paragraph of a docstring, in Markdown and in the terms of JSON."""
    text = " ".join(cleandoc(text).split("\n\n")[0].split()).replace("``", "`")
    return re.sub(r"\bNone\b", "null", text.replace("; aware, with a fixed offset", ""))


@cache
def class_definitions():
    """Return the syntax trees of all classes of the package."""
    nodes = (node for path in SOURCE.rglob("*.py") for node in ast.parse(path.read_text()).body)
    return [node for node in nodes if isinstance(node, ast.ClassDef)]


def docstrings(cls):
    """Return the descriptions of a class's attributes and properties, those of its base classes too."""
    found = {}
    for node in class_definitions():
        if node.name in {base.__name__ for base in cls.__mro__}:
            for member, following in zip(node.body, [*node.body[1:], None], strict=True):
                if isinstance(member, ast.FunctionDef):
                    found[member.name] = ast.get_docstring(member)
                elif isinstance(member, ast.AnnAssign) and isinstance(following, ast.Expr):
                    found[member.target.id] = following.value.value
    return {name: described(text) for name, text in found.items() if text}


def of_type(declared):
    """Return the schema of a value of a declared type, as `dump` writes it."""
    kinds = get_args(declared) or (declared,)
    kind = kinds[0]
    if Ellipsis in kinds:
        return {"type": "array", "items": of_type(kind)}
    if attrs.has(kind):
        schema = {"$ref": f"#/$defs/{kind.__name__}"}
    elif issubclass(kind, StrEnum):
        schema = {"type": "string", "enum": [member.value for member in kind]}
    else:
        schema = {str: {"type": "string"}, int: SECONDS, datetime: DATE}[kind]
    if NoneType not in kinds:
        return schema
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    values = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **values}


def of_class(cls, **more):
    """Return the schema of the dict that `dump` writes for an instance.

    :param more: Additional properties.
    """
    attrs.resolve_types(cls)
    texts = docstrings(cls)
    kind = next((name for name, dumped in DUMPED.items() if dumped is cls), None)
    sealed = {"schema": {"const": 1}, "type": {"const": kind}} if kind else {}
    fields = {field.alias: field for field in attrs.fields(cls) if field.name != "raw"}
    properties = sealed | {
        name: {
            **of_type(field.type),
            **NARROWER.get((cls.__name__, name), {}),
            **({"description": texts[field.name]} if field.name in texts else {}),
        }
        for name, field in fields.items()
    }
    derived = {name: {**schema, "description": texts[name]} for name, schema in more.items()}
    return {
        "title": cls.__name__,
        "description": described(cls.__doc__),
        "type": "object",
        "properties": {**properties, **derived},
        "required": [name for name in (*properties, *derived) if name != "digest"],
        "additionalProperties": False,
    }


def document(schema, *classes):
    """Return a schema with the definitions that it and these definitions need."""
    definitions, needed = {}, schema
    while needed:
        names = [part.partition('"')[0] for part in json.dumps(needed).split("#/$defs/")[1:]]
        needed = {cls.__name__: of_class(cls) for cls in classes if cls.__name__ in {*names} - definitions.keys()}
        definitions |= needed
    found = {"$defs": dict(sorted(definitions.items()))} if definitions else {}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, **found}


KEY = {"type": "string", "pattern": "^v1:[0-9a-f]{32}$"}
OUTCOME = of_type(Outcome)
DERIVED = {
    StatusCallback: {
        "outcome": OUTCOME,
        "unreached_leg": {"type": ["integer", "null"], "minimum": 0},
        "answered_by": of_type(AnsweredBy | None),
        "is_terminal": {"type": "boolean"},
        "is_settled": {"type": "boolean"},
        "event_key": KEY,
    },
    PassthruEvent: {"outcome": OUTCOME, "event_key": KEY},
    PopupEvent: {"event_key": KEY},
}


def parse_line():
    """Return the schema of a line of ``exotel-callback parse``."""
    return {
        "title": "Line of exotel-callback parse",
        "description": "An event as `dump` writes it, with the values that derive from its fields.",
        "anyOf": [of_class(cls, **derived) for cls, derived in DERIVED.items()],
    }


SCALARS = {"type": ["string", "number", "null"]}
WIRE_EXAMPLES = {datetime: "2024-01-15 14:30:45", int: 320}


def of_wire(cls):
    """Return the properties of a class by their wire names. They accept values that Exotel doesn't document."""
    attrs.resolve_types(cls)
    texts = docstrings(cls)
    properties = {}
    for field in attrs.fields(cls):
        first, *others = field.metadata.get("wire", [None])
        if first is None:
            continue
        kind = (get_args(field.type) or (field.type,))[0]
        schema = dict(SCALARS)
        if issubclass(kind, StrEnum):
            values = [member.value for member in kind if member.name not in {"UNKNOWN", "NOT_ATTEMPTED"}]
            schema = {"anyOf": [{"enum": values}, SCALARS]}
        example = {"examples": [WIRE_EXAMPLES[kind]]} if kind in WIRE_EXAMPLES else {}
        properties[first] = {**schema, **example, "description": texts[field.name]}
        for other in others:
            properties[other] = {**schema, "description": f"Another name of `{first}`."}
    return properties


# A string that isn't empty, without whitespace around it, that every encoding can carry.
NOT_EMPTY = r"^(?!([Nn][Uu][Ll][Ll]|[Nn][Oo][Nn][Ee]|[Uu][Nn][Dd][Ee][Ff][Ii][Nn][Ee][Dd])$)[!-~]([ -~]*[!-~])?$"


def wire():
    """Return the schema of a StatusCallback as Exotel sends it, with or without issues."""
    properties = of_wire(StatusCallback)
    required = {name: properties.pop(name) for name in ("CallSid", "Status", "Sid")}
    statuses = required["Status"]["anyOf"][0]
    legs = {
        "type": "object",
        "properties": of_wire(Leg) | {"Id": SCALARS, "Leg": {"type": "object"}},
    }
    return {
        "title": "StatusCallback as Exotel sends it",
        "description": "The fields of a StatusCallback in JSON. In a form, `Legs` are bracket keys, such as "
        "`Legs[0][Status]`. Exotel can add fields and values at any time, so both are open.",
        "type": "object",
        "properties": {
            "CallSid": {
                "type": "string",
                "pattern": NOT_EMPTY,
                "maxLength": 64,
                "description": required["CallSid"]["description"],
            },
            "Status": {
                "anyOf": [statuses, {"type": "string", "pattern": NOT_EMPTY, "maxLength": 200}],
                "description": required["Status"]["description"],
            },
            **properties,
            "Legs": {
                "anyOf": [{"type": "array", "items": legs}, {"type": ["string", "null"]}],
                "description": docstrings(StatusCallback)["legs"],
            },
        },
        "patternProperties": {r"^Legs\[(0|[1-9][0-9]*)\]\[[^\]]*\]$": SCALARS},
        "required": ["CallSid", "Status"],
        "examples": [payload()],
    }


def documents():
    """Return the text of each schema by its name."""
    schemas = {
        **{name: document(of_class(cls), *PARTS, StatusCallback) for name, cls in DUMPED.items()},
        "parse_line": document(parse_line(), *PARTS),
        "wire": document(wire()),
    }
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}


if __name__ == "__main__":
    for schema_name, text in documents().items():
        (STORED / f"{schema_name}.json").write_text(text, encoding="utf-8")
        sys.stdout.write(f"{schema_name}\n")
