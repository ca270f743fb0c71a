"""Read the legs of a call, in every shape in which they arrive.

Facts
-----
- JSON has a list of objects. PHP writes an empty object as an empty list, and a list with gaps as an object keyed by
  index.
- Forms have bracket keys, counted from 0, or a JSON string under ``Legs``.
- The Call Details API wraps each leg in ``{"Leg": {"Id": 1, ...}}``, with ids from 1.
- The index has a meaning (leg 0 was called first). So a gap in the numbering becomes a leg without values.

Each shape is first converted to the fields of each leg by index. Only then are the fields read.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar, cast

import attrs

from .._errors import DecodeError, IssueCode
from .._fields.kinds import as_text, is_empty
from .._fields.names import LEG_ID, LEGS, leg_key
from .._fields.quick import UnreadLeg, quick_reader
from .._fields.reader import FieldReader
from .._fields.table import WireField, table_of, wire_fields
from .._wire.from_json import decode_json
from .._wire.payload import EMPTY_PAYLOAD, RawPayload, Repeated, collect, freeze_json

_WRAPPER: Final = "Leg"
_INDEX: Final = re.compile("0|[1-9][0-9]{0,8}")

Legs = dict[int, Mapping[str, object]]

L = TypeVar("L", bound=attrs.AttrsInstance)


def read_legs(cls: type[L], fields: FieldReader, max_legs: int, more: Legs) -> tuple[L, ...]:
    """Read legs of any shape as instances of `cls`. If there are more than `max_legs`, keep the first ones.

    :param more: The fields of legs that aren't in the payload, by index.
    """
    read, result = quick_reader(cls), list[Any]()
    for leg in _legs_of_any_shape(cls, fields, max_legs, more):
        unread: list[str] = []
        value = read(leg, fields.zone, unread, False)
        rows = table_of(cls).rows
        read_values(cls, [(value, len(result), name, leg[rows[name].names[0]]) for name in unread], fields)
        value.__class__ = cls
        result.append(value)
    return tuple(result)


def read_values(cls: type[attrs.AttrsInstance], unread: list[UnreadLeg], fields: FieldReader) -> None:
    """Read the values of legs whose quick lookup failed."""
    for leg, position, attribute, received in unread:
        _, (name,), kind, _ = table_of(cls).rows[attribute]
        value = fields.value(kind, freeze_json(received), f"{LEGS}[{position}].{name}")
        object.__setattr__(leg, attribute, value)  # The leg may be frozen already.


def _legs_of_any_shape(
    cls: type[attrs.AttrsInstance], fields: FieldReader, max_legs: int, more: Legs
) -> list[Mapping[str, object]]:
    nested = _by_position(_nested_items(fields.raw.get(LEGS), fields), fields, max_legs)
    brackets = _by_position(_bracket_items(fields.raw), fields, max_legs)
    brackets |= {position: {**brackets.get(position, EMPTY_PAYLOAD), **leg} for position, leg in more.items()}
    found = _joined(nested, brackets, wire_fields(cls), fields)
    size = max(found, default=-1) + 1
    if size > max_legs:
        fields.note(LEGS, IssueCode.TOO_MANY_LEGS, size)
    return [found.get(position, EMPTY_PAYLOAD) for position in range(min(size, max_legs))]


def _nested_items(value: object, reader: FieldReader) -> Iterator[tuple[int, object]]:
    """Yield each leg under ``Legs``, with its index there."""
    if isinstance(value, Repeated):  # A repeated JSON string, or the list of legs in a mapping.
        value = reader.first(value, LEGS) if all(isinstance(item, str) for item in value) else tuple(value)
    if is_empty(value):
        return
    if type(value) is str:
        with suppress(DecodeError):  # The value stays a string, which leaves an issue below.
            value = decode_json(value)
    if isinstance(value, RawPayload) and _WRAPPER in value:
        legs = value[_WRAPPER]
        legs = cast("tuple[object, ...]", legs) if isinstance(legs, tuple) else (legs,)
        value = tuple(RawPayload({_WRAPPER: leg}) for leg in legs)
    if isinstance(value, tuple):
        yield from enumerate(cast("tuple[object, ...]", value))
    elif isinstance(value, RawPayload) and (not value or any(map(_INDEX.fullmatch, value))):
        yield from ((int(name), leg) for name, leg in value.items() if _INDEX.fullmatch(name))
    else:
        reader.note(LEGS, IssueCode.WRONG_TYPE, value)


def _bracket_items(raw: RawPayload) -> Iterator[tuple[int, object]]:
    """Yield each leg that bracket keys describe, in the shape that it would have under ``Legs``."""
    pairs: dict[int, list[tuple[str, object]]] = {}
    wrapped: set[int] = set()
    invalid: list[tuple[int, object]] = []
    for name, value in raw.items():
        if (key := leg_key(name)) is None:
            continue
        if key.wrapped:
            wrapped.add(key.position)
        if key.is_deeper:
            pairs.setdefault(key.position, [])
        elif key.field is not None:
            values = value if isinstance(value, Repeated) else (value,)
            pairs.setdefault(key.position, []).extend((key.field, item) for item in values)
        elif isinstance(value, RawPayload):  # A mapping can be flattened only to the level of the leg.
            pairs.setdefault(key.position, []).extend(value.items())
        else:
            invalid.append((key.position, value))
    for index, fields in pairs.items():
        leg = collect(fields)
        yield index, RawPayload({_WRAPPER: leg}) if index in wrapped else leg
    yield from invalid


def _by_position(items: Iterator[tuple[int, object]], reader: FieldReader, max_legs: int) -> Legs:
    """Return the legs by the index that their ids give, or else by their own index. The first leg at an index is kept.

    There is at most one issue for each index, and none beyond the limit. So an attacker can't cause a flood of issues.
    """
    legs: Legs = {}
    noted: set[int] = set()
    for index, item in items:
        position, leg = index, item
        if isinstance(leg, RawPayload) and _WRAPPER in leg:
            leg = leg[_WRAPPER]
            number = as_text(leg.get(LEG_ID)) if isinstance(leg, RawPayload) else ""
            if _INDEX.fullmatch(number) and number != "0":
                position = int(number) - 1
        code = None
        if isinstance(leg, RawPayload):
            first = legs.setdefault(position, leg)
            if first is not leg and first != leg:
                code = IssueCode.REPEATED
        else:
            legs.setdefault(position, EMPTY_PAYLOAD)
            if leg != () and not is_empty(leg):
                code = IssueCode.WRONG_TYPE
        if code and position < max_legs and position not in noted:
            noted.add(position)
            reader.note(f"{LEGS}[{position}]", code, leg)
    return legs


def _joined(nested: Legs, brackets: Legs, rows: tuple[WireField, ...], reader: FieldReader) -> Legs:
    """Merge the legs under ``Legs`` with those of bracket keys. If they contradict each other, use only the latter."""
    if not nested or not brackets:
        return nested or brackets
    for position, fields in brackets.items():
        others = nested.get(position, EMPTY_PAYLOAD)
        for field in rows:
            name = field.names[0]
            if name in fields and name in others and reader.differs(field.kind, fields[name], others[name]):
                reader.note(LEGS, IssueCode.CONTRADICTING, others[name])
                return brackets
    positions = nested.keys() | brackets.keys()
    return {index: {**nested.get(index, EMPTY_PAYLOAD), **brackets.get(index, EMPTY_PAYLOAD)} for index in positions}
