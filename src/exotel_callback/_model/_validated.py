"""Give a class the two methods that pydantic calls. pydantic is imported only when it calls them."""

from importlib import import_module
from typing import Any, TypeVar

T = TypeVar("T")


def validated(cls: type[T]) -> type[T]:
    """Make a class and its subclasses usable in pydantic models. `exotel_callback._pydantic` does the work."""

    def core_schema(found: type, _source: Any, _handler: Any) -> Any:
        return import_module("exotel_callback._pydantic").core_schema(found, cls)

    def json_schema(_: type, _core_schema: Any, _handler: Any) -> dict[str, Any]:
        schema: dict[str, Any] = import_module("exotel_callback.schemas").openapi_schema(cls)
        return schema

    hooked: Any = cls
    hooked.__get_pydantic_core_schema__ = classmethod(core_schema)
    hooked.__get_pydantic_json_schema__ = classmethod(json_schema)
    return cls
