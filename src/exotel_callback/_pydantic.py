"""Validate and serialize events and calls in pydantic v2.

Facts
-----
- A `ValidationError` of pydantic shows the input of the validator that failed, in its text and in ``errors()``. So the
  first of two validators replaces an input that it refuses by a placeholder, and the second one refuses the
  placeholder.
- pydantic adds its own data to the core schema of a class, always the same data. So all models can share the schema.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core import core_schema as schemas

from ._errors import CallbackError
from ._model.call import Call
from ._model.callback import StatusCallback
from ._model.passthru import PassthruEvent
from ._model.popup import PopupEvent
from ._serialize import dump, load, load_call, load_passthru, load_popup

_PYDANTIC_LOADERS: Final[dict[type, Callable[[Any], object]]] = {
    StatusCallback: load,
    Call: load_call,
    PassthruEvent: load_passthru,
    PopupEvent: load_popup,
}


class _Refused(str):
    """The placeholder that pydantic shows instead of the input."""

    __slots__ = ("message",)
    message: str


@cache
def core_schema(cls: type) -> CoreSchema:
    """Return pydantic's schema of a class: an instance or its dump goes in, and JSON mode writes a dump."""
    load_it = _PYDANTIC_LOADERS[cls]

    def read(value: Any) -> object:
        if isinstance(value, cls):
            return value
        try:
            return load_it(value)
        except CallbackError as error:
            refused = _Refused("***")
            refused.message = str(error)
            return refused

    return schemas.chain_schema(
        [schemas.no_info_plain_validator_function(read), schemas.no_info_plain_validator_function(_refuse)],
        ref=f"exotel_callback.{cls.__name__}:1",
        serialization=schemas.plain_serializer_function_ser_schema(dump, when_used="json"),
    )


def _refuse(value: object) -> object:
    if isinstance(value, _Refused):
        raise PydanticCustomError("exotel_callback", "{message}", {"message": value.message})
    return value
