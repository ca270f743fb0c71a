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
from .names import LEG_ID, LEGS, STREAM, STREAM_NAMES_AT_TOP, chosen_name, is_leg_key, is_stream_key
from .shapes import unknown_leg_fields, unknown_stream_fields

USUAL_LEGS: Final = 8
"""The number of legs whose bracket keys are found quickly. Exotel sends two."""

_HOST: Final = r"(?i:https?|wss?)://[A-Za-z0-9.-]+(?::[0-9]+)?(?=[/?#]|$)"
# A word with a URL, an e-mail or SIP address, or a number of six or more digits of any script, also with separators.
_PERSONAL_PART: Final = r"(?<!\S)\S*(?:://|@)\S*|\+?\d(?:[\s().-]{0,2}\d){5,}"


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


def mask_message(text: str | None) -> str:
    """Return the repr of a message of Exotel without the URLs, addresses and numbers in it."""
    return repr(text and re.sub(_PERSONAL_PART, "***", text))


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


def unknown_fields(cls: type[attrs.AttrsInstance], raw: RawPayload, *nested: str) -> dict[str, object]:
    """Return the items that belong to no field of a class, and each alias whose primary name is used.

    :param nested: The names of objects whose unknown fields another function finds.
    """
    items, usual = unfrozen_items(raw), _primary_names(cls)
    unusual = dict.fromkeys(name for name in items if name not in usual and name not in nested)
    aliases = {
        name
        for field in wire_fields(cls)
        if not unusual.keys().isdisjoint(field.names)
        for name in field.names[: field.names.index(chosen_name(raw, field.names)) + 1]
    }
    return {name: raw[name] for name in unusual if name not in aliases and not is_file(items[name])}


def with_unknown_leg_fields(
    unknown: dict[str, object], leg_cls: type[attrs.AttrsInstance], raw: RawPayload, leg_count: int
) -> dict[str, object]:
    """Replace the bracket keys of legs by the unknown fields of the first `leg_count` legs."""
    leg_names, usual_keys = _leg_names(leg_cls)
    items = unfrozen_items(raw)
    others = {name: value for name, value in unknown.items() if not is_leg_key(name)}
    if _has_only(leg_names, items.get(LEGS)) and all(name in usual_keys for name in items if is_leg_key(name)):
        return others
    return {**others, **unknown_leg_fields(raw, leg_names, leg_count)}


def with_unknown_stream_fields(unknown: dict[str, object], stream_cls: type[Any], raw: RawPayload) -> dict[str, object]:
    """Replace ``Stream``, its bracket keys and its names beside the other fields by the unknown fields of a stream."""
    names = {name for field in wire_fields(stream_cls) for name in field.names}
    known = {STREAM, *STREAM_NAMES_AT_TOP}
    others = {name: value for name, value in unknown.items() if name not in known and not is_stream_key(name)}
    return {**others, **unknown_stream_fields(raw, names)}


def has_only_usual_names(cls: type[attrs.AttrsInstance], leg_cls: type[attrs.AttrsInstance], raw: RawPayload) -> bool:
    """Return whether a payload has no unknown fields and no aliases. If it returns false, it may still have none."""
    items = unfrozen_items(raw)
    return items.keys() <= _usual_names(cls, leg_cls) and _has_only(_leg_names(leg_cls)[0], items.get(LEGS))


@cache
def _usual_names(cls: type[attrs.AttrsInstance], leg_cls: type[attrs.AttrsInstance]) -> frozenset[str]:
    """Return the primary names of a class, ``Legs``, and the usual bracket keys of its legs."""
    return frozenset({LEGS}) | _primary_names(cls) | _leg_names(leg_cls)[1]


@cache
def _primary_names(cls: type[attrs.AttrsInstance]) -> frozenset[str]:
    return frozenset(field.names[0] for field in wire_fields(cls))


@cache
def _leg_names(leg_cls: type[attrs.AttrsInstance]) -> tuple[frozenset[str], frozenset[str]]:
    """Return all names of a leg, and the usual bracket keys of legs."""
    names = [name for field in wire_fields(leg_cls) for name in field.names]
    keys = (f"{LEGS}[{position}][{name}]" for position in range(USUAL_LEGS) for name in names)
    return frozenset({LEG_ID, *names}), frozenset(keys)


# A set, because type checkers narrow the type after a comparison with a class.
_LIST_AS_DECODED: Final = frozenset({list})


def _has_only(leg_names: frozenset[str], legs: Any) -> bool:
    """Return whether ``Legs`` is absent, or is a list of objects with these names as `json` returned it."""
    if type(legs) not in _LIST_AS_DECODED:
        return legs is None
    return all(type(leg) is dict and leg.keys() <= leg_names for leg in legs)
