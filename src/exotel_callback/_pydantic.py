"""Validate and serialize events and calls in pydantic v2.

Facts
-----
- A `ValidationError` of pydantic shows the input of the validator that failed, in its text and in ``errors()``. If the
  validator raises a `ValidationError` itself, pydantic shows the input that this one names.
- pydantic adds its own data to the core schema of a class, always the same data. So all models can share the schema.
- In the path of an error, pydantic names a member of a union after the function that validates it.
- A serializer that raises `PydanticSerializationUnexpectedValue` lets a union try its next member. Without a union,
  pydantic warns.
"""

from functools import cache
from typing import Any, Final

import attrs
from pydantic import PydanticSchemaGenerationError
from pydantic_core import CoreSchema, PydanticCustomError, PydanticSerializationUnexpectedValue, ValidationError
from pydantic_core import core_schema as schemas

from ._errors import CallbackError
from ._serialize import LOADERS, dump

_LOADERS_BY_CLASS: Final = dict(LOADERS.values())


@cache
def core_schema(cls: Any, base: type) -> CoreSchema:
    """Return pydantic's schema of a class: an instance or its dump goes in, and JSON mode writes a dump.

    :param cls: One of the four classes, or a subclass of it.
    :param base: The one of the four classes.
    """
    load_it = _LOADERS_BY_CLASS[base]
    fields = attrs.fields(cls)
    if fields != attrs.fields(base):
        raise PydanticSchemaGenerationError(
            f"dump() doesn't write the fields that {cls.__name__} adds; use {base.__name__}, and add them to your model"
        )

    def read(value: object) -> object:
        if isinstance(value, cls):
            return value
        try:
            loaded = load_it(value)
        except CallbackError as error:
            raise _refused(cls.__name__, str(error)) from None
        return loaded if cls is base else cls(**{field.alias: getattr(loaded, field.name) for field in fields})

    def write(value: Any) -> object:
        if not isinstance(value, cls):
            raise PydanticSerializationUnexpectedValue(f"expected {cls.__name__}, not {type(value).__name__}")
        return dump(value)

    read.__name__ = read.__qualname__ = cls.__name__
    return schemas.no_info_plain_validator_function(
        read,
        ref=f"{cls.__module__}.{cls.__qualname__}:{id(cls)}",
        serialization=schemas.plain_serializer_function_ser_schema(write, when_used="json"),
    )


def _refused(title: str, message: str) -> ValidationError:
    problem = PydanticCustomError("exotel_callback", "{message}", {"message": message})
    return ValidationError.from_exception_data(title, [{"type": problem, "input": "***"}])
