"""The legs of a call, in every way they are told.

Facts
-----
- JSON has a list of objects. PHP writes an empty object as an empty list, and a list with holes as an object keyed
  by index.
- Forms have bracket keys, counted from 0, or a JSON text under ``Legs``.
- Call Details wraps each leg in ``{"Leg": {"Id": 1, ...}}``, with ids from 1.
- The position is meaning (0 was called first), so a hole in the numbering keeps its place.

However they are told, they become the fields of each leg by its position, and only then they are read.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar, cast

import attrs

from .._enums import LegStatus
from .._errors import DecodeError, IssueCode
from .._fields.kinds import LEG_STATUS, Reading, as_text, is_empty
from .._fields.names import LEG_ID, LEGS, leg_key
from .._fields.table import WireField, wire_fields
from .._wire.decode import decode_json
from .._wire.payload import EMPTY_PAYLOAD, RawPayload, Repeated, collect

_WRAPPER: Final = "Leg"
_INDEX: Final = re.compile("0|[1-9][0-9]{0,8}")

_Legs = dict[int, Mapping[str, object]]

L = TypeVar("L", bound=attrs.AttrsInstance)


def read_legs(cls: type[L], raw: RawPayload, reading: Reading, most: int) -> tuple[L, ...]:
    """Read the legs as instances of `cls`; of more than `most`, the first ones stay."""
    table = wire_fields(cls)
    nested = _by_position(_nested_items(raw.get(LEGS), reading), reading, most)
    brackets = _by_position(_bracket_items(raw), reading, most)
    legs = _joined(nested, brackets, table, reading)
    size = max(legs, default=-1) + 1
    if size > most:
        reading.note(LEGS, IssueCode.TOO_MANY_LEGS, size)
    return tuple(
        cls(**_read_leg(table, legs.get(index, EMPTY_PAYLOAD), f"{LEGS}[{index}]", reading))
        for index in range(min(size, most))
    )


def _read_leg(
    table: tuple[WireField, ...], fields: Mapping[str, object], path: str, reading: Reading
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for attribute, (name,), kind, _ in table:
        if name in fields:
            values[attribute] = reading.value(kind, fields[name], f"{path}.{name}")
            if kind is LEG_STATUS and is_empty(fields[name]):
                values[attribute] = LegStatus.NOT_ATTEMPTED
    return values


def _nested_items(value: object, reading: Reading) -> Iterator[tuple[int, object]]:
    """Yield each leg that stands under ``Legs``, with its place there."""
    if isinstance(value, Repeated):  # JSON text that came several times, or a mapping's list of legs
        value = reading.first(value, LEGS) if all(isinstance(item, str) for item in value) else tuple(value)
    if is_empty(value):
        return
    if type(value) is str:
        with suppress(DecodeError):  # stays a text, which is no legs
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
        reading.note(LEGS, IssueCode.WRONG_TYPE, value)


def _bracket_items(raw: RawPayload) -> Iterator[tuple[int, object]]:
    """Yield each leg that is told by flat bracket keys, as it would stand under ``Legs``."""
    pairs: dict[int, list[tuple[str, object]]] = {}
    wrapped: set[int] = set()
    odd: list[tuple[int, object]] = []
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
        elif isinstance(value, RawPayload):  # a mapping that was flattened halfway
            pairs.setdefault(key.position, []).extend(value.items())
        else:
            odd.append((key.position, value))
    for index, fields in pairs.items():
        leg = collect(fields)
        yield index, RawPayload({_WRAPPER: leg}) if index in wrapped else leg
    yield from odd


def _by_position(items: Iterator[tuple[int, object]], reading: Reading, most: int) -> _Legs:
    """Place each leg where its id says, or else where it stands; of several in one place the first stays.

    There is one issue a place at the most, and none beyond the limit, so that a body can't be made of issues.
    """
    legs: _Legs = {}
    odd: set[int] = set()
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
        if code and position < most and position not in odd:
            odd.add(position)
            reading.note(f"{LEGS}[{position}]", code, leg)
    return legs


def _joined(nested: _Legs, brackets: _Legs, table: tuple[WireField, ...], reading: Reading) -> _Legs:
    """Put together what both ways tell; where they contradict each other, bracket keys win as a whole."""
    if not nested or not brackets:
        return nested or brackets
    for position, fields in brackets.items():
        others = nested.get(position, EMPTY_PAYLOAD)
        for _, (name,), kind, _ in table:
            if name in fields and name in others and reading.differs(kind, fields[name], others[name]):
                reading.note(LEGS, IssueCode.CONTRADICTING, others[name])
                return brackets
    positions = nested.keys() | brackets.keys()
    return {index: {**nested.get(index, EMPTY_PAYLOAD), **brackets.get(index, EMPTY_PAYLOAD)} for index in positions}
