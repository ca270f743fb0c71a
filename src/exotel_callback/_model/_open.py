"""Make instances of frozen classes quickly, and restore instances that an earlier release pickled.

A frozen class sets each field by a function call. An open subclass sets fields like an ordinary object, in a quarter of
the time. At the end its instance becomes one of the frozen class: ``value.__class__ = Frozen``. The subclass adds no
slot, so both have the same layout. It also overrides ``__delattr__``, because CPython otherwise keeps the slow slot.
Defaults, converters and validators are skipped, so every field must be set.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

import attrs

T = TypeVar("T")


def open_class(frozen: type) -> Any:
    """Return a subclass of a frozen class whose instances take no arguments and can be changed."""
    members = {name: getattr(object, name) for name in ("__init__", "__setattr__", "__delattr__")}
    return type(frozen.__name__, (frozen,), {"__slots__": (), **members})


def maker(frozen: type[T], names: Iterable[str]) -> Callable[..., T]:
    """Generate a function that makes an instance of a frozen class from its fields, in this order."""
    scope = {"__new": open_class(frozen), "__frozen": frozen}  # No field has a name with two underscores.
    code = f"def make({', '.join(names)}):\n    __made = __new()\n"
    code += "".join(f"    __made.{name} = {name}\n" for name in names)
    exec(code + "    __made.__class__ = __frozen\n    return __made\n", scope)
    return cast("Callable[..., T]", scope["make"])


def restorable(cls: type[T]) -> type[T]:
    """Make pickles of earlier releases loadable: a field that they lack gets its default."""
    made_by_attrs: Any = cls
    restore = made_by_attrs.__setstate__
    defaults = {
        field.name: field.default for field in attrs.fields(made_by_attrs) if field.default is not attrs.NOTHING
    }

    def restore_with_defaults(value: T, state: Mapping[str, object]) -> None:
        restore(value, {**defaults, **state})

    made_by_attrs.__setstate__ = restore_with_defaults
    return cls
