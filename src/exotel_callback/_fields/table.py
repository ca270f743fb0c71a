"""How a class states, on each field's line, what the field is called on the wire, how it is read, and how it is shown.

So a class is its own table of wire names, and all code that goes through the fields is derived from it.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple, cast

import attrs

from .._options import DEFAULT_LIMITS
from .._wire.from_mapping import copy_payload
from .._wire.payload import FilePart, RawPayload
from .kinds import Kind
from .names import LEG_ID, LEGS, chosen_name, leg_key

_HOST: Final = r"(?i:https?)://[A-Za-z0-9.-]+(?::[0-9]+)?(?=[/?#]|$)"


def mask_number(number: str | None) -> str:
    """Show only the last three digits of a number."""
    if number is None:
        return "None"
    digits = re.sub("[^0-9]", "", number)
    return f"'***{digits[-3:]}'" if len(digits) > 3 else "'***'"


def mask_url(url: str | None) -> str:
    """Show only the host of a URL; one with a user part, and a string that isn't a URL, is hidden as a whole."""
    if url is None:
        return "None"
    host = re.match(_HOST, url)
    return f"'{host[0]}/***'" if host else "'***'"


def mask_text(text: str | None) -> str:
    """Show only whether there is a string."""
    return "None" if text is None else "'***'"


class WireField(NamedTuple):
    """One row of the table of wire names."""

    attribute: str
    names: tuple[str, ...]
    """The names on the wire, the primary name first."""
    kind: Kind
    is_required: bool


def wire(kind: Kind, *names: str) -> dict[str, object]:
    """Return the metadata of a field: how it is read, and its names on the wire, the primary name first."""
    return {"wire": names, "kind": kind}


class Table(NamedTuple):
    """The table of wire names of a class."""

    rows: Mapping[str, WireField]
    """By attribute, in the order of the class."""
    names: frozenset[str]
    """All names, aliases and ``Legs`` included."""
    required: tuple[WireField, ...]


@cache
def table_of(cls: type[attrs.AttrsInstance]) -> Table:
    """Return the table of a class."""
    rows = {
        field.name: WireField(
            field.name, field.metadata["wire"], field.metadata["kind"], field.default is attrs.NOTHING
        )
        for field in attrs.fields(cls)
        if "wire" in field.metadata
    }
    names = frozenset({LEGS, *(name for row in rows.values() for name in row.names)})
    return Table(rows, names, tuple(row for row in rows.values() if row.is_required))


def wire_fields(cls: type[attrs.AttrsInstance]) -> tuple[WireField, ...]:
    """Return the rows of the table of a class."""
    return tuple(table_of(cls).rows.values())


def read_only(raw: Mapping[str, object]) -> RawPayload:
    """Copy a mapping that a caller made; the decoders' own is read-only already."""
    if isinstance(raw, RawPayload):
        return raw
    if not isinstance(cast("object", raw), Mapping):
        raise TypeError(f"expected a mapping, not {type(raw).__name__}")
    return copy_payload(raw, DEFAULT_LIMITS.body_bytes)


def unknown_fields(cls: type[Any], leg_cls: type[Any], raw: RawPayload) -> RawPayload:
    """Return what belongs to no field of a class or its legs, and an alias whose primary name counts."""
    known = {LEGS}
    for field in wire_fields(cls):
        chosen = field.names.index(chosen_name(raw, field.names))
        known.update(field.names[: chosen + 1])
    leg_names = {None, LEG_ID, *(name for field in wire_fields(leg_cls) for name in field.names)}

    def is_known(name: str) -> bool:
        key = leg_key(name)
        return name in known or (key is not None and key.field in leg_names and not key.is_deeper)

    return RawPayload(
        {name: value for name, value in raw.items() if not is_known(name) and not isinstance(value, FilePart)}
    )
