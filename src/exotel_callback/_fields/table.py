"""Define the table of wire names. Each field's line in a class is one row: its wire names, its kind and its mask.

A class is therefore its own table, and all code that loops over the fields is derived from it.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple, cast

import attrs

from .._options import DEFAULT_LIMITS
from .._wire.from_mapping import copy_payload
from .._wire.payload import RawPayload, is_file, unfrozen_items
from .kinds import Kind
from .names import LEG_ID, LEGS, chosen_name, is_leg_key
from .shapes import unknown_leg_fields

USUAL_LEGS: Final = 8
"""The number of legs whose bracket keys are found quickly. Exotel sends two."""

_HOST: Final = r"(?i:https?)://[A-Za-z0-9.-]+(?::[0-9]+)?(?=[/?#]|$)"


def mask_number(number: str | None) -> str:
    """Return a masked repr of a number that shows only its last three digits."""
    if number is None:
        return "None"
    digits = re.sub("[^0-9]", "", number)
    return f"'***{digits[-3:]}'" if len(digits) > 3 else "'***'"


def mask_url(url: str | None) -> str:
    """Return a masked repr of a URL that shows only its host.

    A URL with a user part, and a string that isn't a URL, is hidden completely.
    """
    if url is None:
        return "None"
    host = re.match(_HOST, url)
    return f"'{host[0]}/***'" if host else "'***'"


def mask_text(text: str | None) -> str:
    """Return a masked repr of a string that shows only whether it is None."""
    return "None" if text is None else "'***'"


class WireField(NamedTuple):
    """One row of the table of wire names."""

    attribute: str
    names: tuple[str, ...]
    """The wire names, the primary name first."""
    kind: Kind
    is_required: bool


def wire(kind: Kind, *names: str) -> dict[str, object]:
    """Return the metadata of a field: its kind and its wire names, the primary name first."""
    return {"wire": names, "kind": kind}


class Table(NamedTuple):
    """The table of wire names of a class."""

    rows: Mapping[str, WireField]
    """The rows by attribute, in the order of the class."""
    names: frozenset[str]
    """All wire names, including aliases and ``Legs``."""
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
    """Return a read-only copy of a mapping. A `RawPayload` is already read-only and is returned unchanged."""
    if isinstance(raw, RawPayload):
        return raw
    if not isinstance(cast("object", raw), Mapping):
        raise TypeError(f"expected a mapping, not {type(raw).__name__}")
    return copy_payload(raw, DEFAULT_LIMITS.body_bytes)


def unknown_fields(
    cls: type[attrs.AttrsInstance], leg_cls: type[attrs.AttrsInstance], raw: RawPayload, leg_count: int
) -> RawPayload:
    """Return the items that belong to no field of a class or its legs, and each alias whose primary name is used.

    The unknown fields of the first `leg_count` legs have bracket keys.
    """
    usual_names, leg_names = _usual_names(cls, leg_cls)
    items = unfrozen_items(raw)
    unusual = {name for name in items if name not in usual_names}
    aliases = {
        name
        for field in wire_fields(cls)
        if not unusual.isdisjoint(field.names)
        for name in field.names[: field.names.index(chosen_name(raw, field.names)) + 1]
    }
    unknown = {
        name: raw[name]
        for name in items
        if name in unusual and name not in aliases and not is_leg_key(name) and not is_file(items[name])
    }
    if _has_only(leg_names, items.get(LEGS)) and not any(map(is_leg_key, unusual)):
        return RawPayload(unknown)
    return RawPayload(unknown | unknown_leg_fields(raw, leg_names, leg_count))


def has_only_usual_names(cls: type[attrs.AttrsInstance], leg_cls: type[attrs.AttrsInstance], raw: RawPayload) -> bool:
    """Return whether a payload has no unknown fields and no aliases. If it returns false, it may still have none."""
    usual_names, leg_names = _usual_names(cls, leg_cls)
    items = unfrozen_items(raw)
    return items.keys() <= usual_names and _has_only(leg_names, items.get(LEGS))


@cache
def _usual_names(
    cls: type[attrs.AttrsInstance], leg_cls: type[attrs.AttrsInstance]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the primary names of a class and the usual bracket keys of its legs, and all names of a leg."""
    leg_names = [name for field in wire_fields(leg_cls) for name in field.names]
    keys = [f"{LEGS}[{position}][{name}]" for position in range(USUAL_LEGS) for name in leg_names]
    return frozenset({LEGS, *(field.names[0] for field in wire_fields(cls)), *keys}), frozenset({LEG_ID, *leg_names})


# A set, because type checkers narrow the type after a comparison with a class.
_LIST_AS_DECODED: Final = frozenset({list})


def _has_only(leg_names: frozenset[str], legs: Any) -> bool:
    """Return whether ``Legs`` is absent, or is a list of objects with these names as `json` returned it."""
    if type(legs) not in _LIST_AS_DECODED:
        return legs is None
    return all(type(leg) is dict and leg.keys() <= leg_names for leg in legs)
