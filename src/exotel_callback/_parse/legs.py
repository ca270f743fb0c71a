"""Read the legs of a call, in every shape in which they arrive.

Facts
-----
- A usual payload has a list of objects, or bracket keys without gaps. `exotel_callback._fields.shapes` has the rules
  for all shapes.
- The index has a meaning (leg 0 was called first). So a gap in the numbering becomes a leg without values.

Each shape is first converted to the fields of each leg by index. Only then are the fields read.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import attrs

from .._errors import IssueCode
from .._fields.names import LEGS
from .._fields.quick import UnreadLeg, quick_reader
from .._fields.reader import FieldReader
from .._fields.shapes import are_strings, digits_of, legs_in_names, legs_in_value, normal
from .._fields.table import WireField, table_of, wire_fields
from .._wire.payload import EMPTY_PAYLOAD, freeze_json

Legs = dict[int, Mapping[str, object]]

L = TypeVar("L", bound=attrs.AttrsInstance)


def read_legs(cls: type[L], reader: FieldReader, max_legs: int, more: Legs) -> tuple[L, ...]:
    """Read legs of any shape as instances of `cls`. If there are more than `max_legs`, keep the first ones.

    :param more: The fields of legs that aren't in the payload, by index.
    """
    read, result = quick_reader(cls), list[Any]()
    for leg in _legs_of_any_shape(cls, reader, max_legs, more):
        unread: list[str] = []
        value = read(leg, reader.zone, unread, False)
        rows = table_of(cls).rows
        read_values(cls, [(value, len(result), name, leg[rows[name].names[0]]) for name in unread], reader)
        value.__class__ = cls
        result.append(value)
    return tuple(result)


def read_values(cls: type[attrs.AttrsInstance], unread: list[UnreadLeg], reader: FieldReader) -> None:
    """Read the values of legs whose quick lookup failed."""
    for leg, position, attribute, received in unread:
        _, (name,), kind, _ = table_of(cls).rows[attribute]
        value = reader.value(kind, normal(freeze_json(received)), f"{LEGS}[{position}].{name}")
        object.__setattr__(leg, attribute, value)  # The leg may be frozen already.


def _legs_of_any_shape(
    cls: type[attrs.AttrsInstance], reader: FieldReader, max_legs: int, more: Legs
) -> list[Mapping[str, object]]:
    """Return the fields of each leg. Those of bracket keys win over those under ``Legs``, and `more` wins over both."""
    value = reader.raw.get(LEGS)
    if are_strings(value):
        reader.first(value, LEGS)  # A different one leaves an issue.
    nested, brackets = legs_in_value(value, max_legs), legs_in_names(reader.raw, max_legs)
    # Those of ``Legs`` come first. Of two at one path, that of ``Legs`` counts.
    for problem in {**nested.problems, **brackets.problems, **nested.problems}.values():
        reader.note(*problem)
    found: Legs = {**brackets.by_position}
    for position, leg in more.items():
        found[position] = {**found.get(position, EMPTY_PAYLOAD), **leg}
    count = max(brackets.count, digits_of(max(more, default=-1) + 1))
    if not _contradict(nested.by_position, found, wire_fields(cls), reader):
        count = max(count, nested.count)
        found = {
            position: {**nested.by_position.get(position, EMPTY_PAYLOAD), **found.get(position, EMPTY_PAYLOAD)}
            for position in nested.by_position.keys() | found.keys()
        }
    size = max_legs
    if count > digits_of(max_legs):
        reader.note(LEGS, IssueCode.TOO_MANY_LEGS, count.digits)
    else:
        size = int(count.digits)
    return [found.get(position, EMPTY_PAYLOAD) for position in range(size)]


def _contradict(
    nested: Mapping[int, Mapping[str, object]], brackets: Legs, rows: tuple[WireField, ...], reader: FieldReader
) -> bool:
    """Return whether the legs under ``Legs`` contradict those of bracket keys. Then use only the latter."""
    for position, fields in brackets.items():
        others = nested.get(position, EMPTY_PAYLOAD)
        for field in rows:
            name = field.names[0]
            if name not in fields or name not in others:
                continue
            value = normal(others[name])
            if reader.differs(field.kind, normal(fields[name]), value):
                reader.note(LEGS, IssueCode.CONTRADICTING, value)
                return True
    return False
