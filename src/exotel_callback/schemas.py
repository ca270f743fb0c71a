"""Provide the JSON Schemas (draft 2020-12) of what this library writes and of what Exotel sends.

The schemas are files of the package, so that programs in any language can use them. ``exotel-callback schema`` prints
them.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final

from ._model.call import Call
from ._model.callback import StatusCallback
from ._model.passthru import PassthruEvent
from ._model.popup import PopupEvent
from ._serialize import LOADERS

__all__ = ["SCHEMA_NAMES", "json_schema"]

SCHEMA_NAMES: Final = ("status_callback", "call", "passthru_event", "popup_event", "parse_line", "wire")
"""The names of the schemas.

The first four describe the dicts that `exotel_callback.dump` returns, by their ``type``. ``parse_line`` describes a
line of ``exotel-callback parse``, and ``wire`` describes a StatusCallback as Exotel sends it in JSON.
"""

_NAMES_BY_CLASS: Final[dict[Any, str]] = {cls: name for name, (cls, _) in LOADERS.items()}


def json_schema(of: type[StatusCallback | Call | PassthruEvent | PopupEvent] | str) -> dict[str, Any]:
    """Return a JSON Schema as a new dict, which you can change.

    :param of: A class, for the schema of the dict that `exotel_callback.dump` returns for its instances, or a name in
        `SCHEMA_NAMES`.
    :raises ValueError: The class or the name has no schema.
    """
    name = _NAMES_BY_CLASS.get(of, of)
    if name not in SCHEMA_NAMES:
        raise ValueError(f"unknown schema; pass one of {', '.join(SCHEMA_NAMES)}, or a class that dump() accepts")
    schema: dict[str, Any] = json.loads(schema_text(str(name)))
    return schema


def openapi_schema(of: Any) -> dict[str, Any]:
    """Return a JSON Schema that can be a part of another one and of an OpenAPI document.

    References would lead nowhere there, so the definitions replace them. FastAPI 0.115.5 accepts only a string as
    a ``type``, so each list of types is an ``anyOf``.
    """
    schema = json_schema(of)
    definitions: dict[str, dict[str, Any]] = schema.pop("$defs", {})
    del schema["$schema"]

    def simpler(found: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in found:
            return definitions[found["$ref"].removeprefix("#/$defs/")]
        if isinstance(found.get("type"), list):
            return {"anyOf": [{"type": kind} for kind in found.pop("type")], **found}
        return found

    # A definition can contain a reference to another one, so this can take several rounds.
    text = ""
    while text != (text := json.dumps(schema)):
        schema = json.loads(text, object_hook=simpler)
    return schema


@cache
def schema_text(name: str) -> str:
    """Return the file of a schema."""
    return (files(__package__ or "") / "_schemas" / f"{name}.json").read_text(encoding="utf-8")
