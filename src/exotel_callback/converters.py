"""Add hooks to a `cattrs` converter, so that it can convert your own classes that contain events.

Every event and `Call` unstructures to the dict that `exotel_callback.dump` returns, and structures only from such a
dict. Only the classes of this library get hooks. Your converter's hooks for strings, numbers, dates and other enums
don't change.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from types import NoneType
from typing import Any, Final, TypeVar, cast, get_args

import attrs
from cattrs import Converter, IterableValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from ._errors import MAX_MESSAGES, MAX_VALUE_LENGTH, DecodeError, Issue
from ._model.call import MAX_EVENTS, Call, merge
from ._model.callback import Leg, StatusCallback
from ._model.passthru import PassthruEvent, PassthruLeg, Stream
from ._model.popup import PopupEvent

__all__ = ["configure_converter", "make_converter"]

_SCHEMA: Final = 1
_CALL_TYPE: Final = "call"
# The ``type`` in the dicts of each class, and the function that loads them.
_LOADERS: Final = {
    "status_callback": "load",
    _CALL_TYPE: "load_call",
    "passthru_event": "load_passthru",
    "popup_event": "load_popup",
}
_EVENT_TYPES: Final[Mapping[str, type[Any]]] = {
    "status_callback": StatusCallback,
    "passthru_event": PassthruEvent,
    "popup_event": PopupEvent,
}

# The values that ``exotel-callback parse`` adds to a dump. They follow from the other fields.
DERIVED_NAMES: Final = ("outcome", "unreached_leg", "answered_by", "is_terminal", "is_settled", "event_key")

# Limits that no dump exceeds. A number beyond them is a mistake, and Python refuses to write one of 5,000 digits.
_SCHEMAS: Final = range(1_000)
_SECONDS_RANGE: Final = range(10**9)

T = TypeVar("T")


def make_converter() -> Converter:
    """Return a new `cattrs.Converter` with hooks for the classes of this library."""
    converter = Converter()
    configure_converter(converter)
    return converter


def configure_converter(converter: Converter) -> None:
    """Add hooks for the classes of this library to your converter.

    Structuring an event or a `Call` raises `exotel_callback.DecodeError` if `exotel_callback.dump` didn't make it,
    or if a newer version of it did. Your converter reports errors inside the value in its own way.
    """
    parts: tuple[type[Any], ...] = (Leg, PassthruLeg, Stream)
    for cls in parts:
        read, write = _class_hooks(cls, converter)
        converter.register_structure_hook(cls, read)
        converter.register_unstructure_hook(cls, write)
    read_issue, write_issue = _class_hooks(Issue, converter)
    converter.register_structure_hook(Issue, lambda value, cls: _checked_issue(read_issue(_with_value(value), cls)))
    converter.register_unstructure_hook(Issue, write_issue)
    for kind, event_cls in _EVENT_TYPES.items():
        _add_event_hooks(event_cls, kind, converter)

    read_call, write_call = _class_hooks(Call, converter)

    def structure_call(value: object, cls: type[Call]) -> Call:
        fields = _unsealed(value, _CALL_TYPE)
        events = fields.get("events")
        if isinstance(events, list) and not 0 < len(cast("list[object]", events)) <= MAX_EVENTS:
            raise DecodeError(f"a call has 1 to {MAX_EVENTS:,} events")
        return merge(*read_call(fields, cls).events)

    converter.register_structure_hook(Call, structure_call)
    converter.register_unstructure_hook(Call, lambda call: _sealed(write_call(call), _CALL_TYPE))


def _add_event_hooks(cls: type[Any], kind: str, converter: Converter) -> None:
    read, write = _class_hooks(cls, converter)
    converter.register_structure_hook(cls, lambda value, declared: read(_unsealed(value, kind), declared))
    converter.register_unstructure_hook(cls, lambda event: _sealed(write(event), kind))


def _class_hooks(cls: type[T], converter: Converter) -> tuple[Callable[[Any, Any], T], Callable[[T], dict[str, Any]]]:
    """Return the hooks of one class, with one reader and one writer for all of its fields except ``raw``."""
    read, write = _field_reader(converter), _field_writer(converter)
    fields: dict[str, Any] = {
        field.name: override(omit=True)
        if field.name == "raw"
        else override(
            rename=field.alias,
            omit_if_default=field.name.startswith("_") or None,  # Few issues have a digest.
            struct_hook=read,
            unstruct_hook=write,
        )
        for field in attrs.fields(cast("type[attrs.AttrsInstance]", cls))
    }
    return (
        make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True, _cattrs_use_alias=False, **fields),
        make_dict_unstructure_fn(cls, converter, _cattrs_use_alias=False, **fields),
    )


def _with_value(issue: object) -> object:
    """Rename the field ``text`` of an issue that 1.0.0 dumped to ``value``."""
    if not isinstance(issue, Mapping):
        return issue
    fields = dict(cast("Mapping[str, Any]", issue))
    return {"value": fields.pop("text"), **fields} if "text" in fields else fields


def _checked_issue(issue: Issue) -> Issue:
    if len(issue.value) > MAX_VALUE_LENGTH:
        raise ValueError(f"the value of an issue has at most {MAX_VALUE_LENGTH} characters")
    return issue


def _unsealed(value: object, kind: str) -> dict[str, Any]:
    """Check the schema and the type that `dump` adds. Return the fields without them and without derived values."""
    if not isinstance(value, Mapping):
        raise DecodeError(f"expected a mapping made by dump(), not {type(value).__name__}")
    fields = dict(cast("Mapping[str, Any]", value))
    schema, found = fields.pop("schema", None), fields.pop("type", None)
    if type(schema) is int and schema > _SCHEMA and schema in _SCHEMAS:
        raise DecodeError(f"a newer version of exotel-callback made this (schema {schema}); upgrade exotel-callback")
    if type(schema) is not int or schema != _SCHEMA or found != kind:
        loader = _LOADERS.get(found) if isinstance(found, str) else None
        advice = f"; use {loader}() for type {found}" if loader else ""
        raise DecodeError(f"expected a mapping made by dump() with schema {_SCHEMA} and type {kind}{advice}")
    return {name: item for name, item in fields.items() if name not in DERIVED_NAMES}


def _sealed(fields: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"schema": _SCHEMA, "type": kind, **fields}


def _field_reader(converter: Converter) -> Callable[[Any, Any], object]:
    """Return a strict reader of a field by its declared type. The default hooks of cattrs read ``"1_000"`` as 1000."""

    def read(value: object, declared: Any) -> object:
        kinds: tuple[Any, ...] = get_args(declared) or (declared,)
        if value is None and NoneType in kinds:
            return None
        if Ellipsis in kinds:
            return _read_items(_checked(value, list), declared, converter)
        kind = kinds[0]
        if attrs.has(kind):
            return converter.structure(value, kind)
        return _READERS[kind](value) if kind in _READERS else kind(value)

    return read


def _read_items(items: list[object], declared: Any, converter: Converter) -> tuple[object, ...]:
    """Read a list as cattrs does, but stop when there are enough problems. A problem takes more memory than an item.

    :param declared: The type of the tuple.
    """
    kind = get_args(declared)[0]
    found: list[object] = []
    problems: list[Exception] = []
    left = MAX_MESSAGES
    for index, item in enumerate(items):
        try:
            found.append(converter.structure(item, kind))
        except Exception as error:
            if not converter.detailed_validation:
                raise
            error.add_note(IterableValidationNote(f"Structuring {declared} @ index {index}", index, kind))
            problems.append(error)
            left -= _count_problems(error)
            if left < 0:
                break
    if problems:
        group: Any = IterableValidationError  # pyright takes its arguments for those of `ExceptionGroup`.
        raise group(f"While structuring {declared}", problems, declared)
    return tuple(found)


def _count_problems(error: BaseException) -> int:
    if not isinstance(error, BaseExceptionGroup):
        return 1
    return sum(map(_count_problems, cast("BaseExceptionGroup[BaseException]", error).exceptions))


def _checked(value: object, kind: type[Any]) -> Any:
    if type(value) is not kind:
        raise TypeError(f"must be {kind.__name__}, not {type(value).__name__}")
    return value


def _read_seconds(value: object) -> int:
    seconds: int = _checked(value, int)
    if seconds < 0:
        raise ValueError("the number of seconds must not be negative")
    if seconds not in _SECONDS_RANGE:
        raise ValueError("the number of seconds must have at most nine digits")
    return seconds


def _read_date(value: object) -> datetime:
    date = datetime.fromisoformat(_checked(value, str))
    if date.tzinfo is None or date.isoformat() != value:
        raise ValueError("not a date with an offset as datetime.isoformat() writes it")
    return date


# The readers by declared type. An enum isn't here, because calling the enum reads its value.
_READERS: Final[dict[Any, Callable[[object], object]]] = {
    str: lambda value: _checked(value, str),
    int: _read_seconds,
    datetime: _read_date,
}


def _field_writer(converter: Converter) -> Callable[[object], object]:
    def write(value: object) -> object:
        if isinstance(value, StrEnum):
            return value.value
        if isinstance(value, datetime):
            return value.isoformat()
        if isinstance(value, tuple):
            return [converter.unstructure(item) for item in cast("tuple[object, ...]", value)]
        return converter.unstructure(value) if attrs.has(type(value)) else value

    return write
