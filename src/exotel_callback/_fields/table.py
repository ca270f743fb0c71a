"""How a class says, on each field's line, what that field is called on the wire, how it is read, and how it is shown.

So a class is its own table of wire names, and everything that goes through the fields is derived from it.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar, cast

import attrs

from .._options import DEFAULT_LIMITS
from .._wire.payload import EMPTY_PAYLOAD, FilePart, RawPayload, Snapshot
from .kinds import Kind
from .names import LEG_ID, LEGS, chosen_name, leg_key

T = TypeVar("T")

_HOST: Final = r"(?i:https?)://[A-Za-z0-9.-]+(?::[0-9]+)?(?=[/?#]|$)"


def mask_number(number: str | None) -> str:
    """Show no more of a number than its last three digits."""
    if number is None:
        return "None"
    digits = re.sub("[^0-9]", "", number)
    return f"'***{digits[-3:]}'" if len(digits) > 3 else "'***'"  # noqa: PLR2004 - the three digits


def mask_url(url: str | None) -> str:
    """Show no more of a URL than its host; a user part, or what is no URL, is hidden as a whole."""
    if url is None:
        return "None"
    host = re.match(_HOST, url)
    return f"'{host[0]}/***'" if host else "'***'"


def mask_text(text: str | None) -> str:
    """Show only whether there is a text."""
    return "None" if text is None else "'***'"


def wire(kind: Kind, *names: str) -> dict[str, object]:
    """Say how a field is called on the wire, the primary name first, and how it is read."""
    return {"wire": names, "kind": kind}


def legs_of(cls: type[attrs.AttrsInstance]) -> dict[str, object]:
    """Say that a field holds the legs, and of which class they are."""
    return {"leg_class": cls}


def restorable(cls: type[T]) -> type[T]:
    """Let values that an earlier release pickled have the defaults of the fields that came later."""
    made_by_attrs: Any = cls
    restore = made_by_attrs.__setstate__
    defaults = {
        field.name: field.default for field in attrs.fields(made_by_attrs) if field.default is not attrs.NOTHING
    }

    def restore_with_defaults(value: T, state: Mapping[str, object]) -> None:
        restore(value, {**defaults, **state})

    made_by_attrs.__setstate__ = restore_with_defaults
    return cls


class WireField(NamedTuple):
    """One row of the table of wire names."""

    attribute: str
    names: tuple[str, ...]
    kind: Kind
    required: bool


@cache
def wire_fields(cls: type[attrs.AttrsInstance]) -> tuple[WireField, ...]:
    """Return the table of a class."""
    return tuple(
        WireField(field.name, field.metadata["wire"], field.metadata["kind"], field.default is attrs.NOTHING)
        for field in attrs.fields(cls)
        if "wire" in field.metadata
    )


@cache
def leg_class(cls: type[attrs.AttrsInstance]) -> type[attrs.AttrsInstance]:
    """Return the class of the legs that a class holds."""
    found: type[attrs.AttrsInstance] = next(
        field.metadata["leg_class"] for field in attrs.fields(cls) if "leg_class" in field.metadata
    )
    return found


def read_only(raw: Mapping[str, object]) -> RawPayload:
    """Copy a mapping that a caller made; the decoders' own is read-only already."""
    if isinstance(raw, RawPayload):
        return raw
    if not isinstance(cast("object", raw), Mapping):
        message = f"a mapping is needed, not {type(raw).__name__}"
        raise TypeError(message)
    return Snapshot(DEFAULT_LIMITS.body_bytes).of_mapping(raw)


@cache
def _primary_names(cls: type[attrs.AttrsInstance]) -> frozenset[str]:
    return frozenset({LEGS, *(field.names[0] for field in wire_fields(cls))})


def unknown_fields(cls: type[attrs.AttrsInstance], raw: RawPayload) -> RawPayload:
    """Return what belongs to no field of a class, and an alias whose primary name counts."""
    if raw.keys() <= _primary_names(cls):  # so it is mostly
        return EMPTY_PAYLOAD
    known = {LEGS}
    for field in wire_fields(cls):
        chosen = field.names.index(chosen_name(raw, field.names))
        known.update(field.names[: chosen + 1])
    leg_names = {None, LEG_ID, *(name for field in wire_fields(leg_class(cls)) for name in field.names)}

    def is_known(name: str) -> bool:
        key = leg_key(name)
        return name in known or (key is not None and key.field in leg_names and not key.is_deeper)

    return RawPayload(
        {name: value for name, value in raw.items() if not is_known(name) and not isinstance(value, FilePart)}
    )
