"""Find the legs of a payload. Every shape in which they arrive has one meaning.

Facts
-----
- JSON has a list of objects. PHP writes an empty object as an empty list, and a list with gaps as an object keyed by
  index.
- Forms have bracket keys, counted from 0, or a JSON string under ``Legs``.
- The Call Details API wraps each leg in ``{"Leg": {"Id": 1, ...}}``, with ids from 1. XML that was converted to a
  mapping has ``{"Leg": [...]}``, or ``{"Leg": {...}}`` for one leg.

So a value under ``Legs``, and the tree that bracket keys make, are read by the same rules, as if PHP had read both:

- A list is an object whose names are ``0``, ``1``, ``2`` and so on, in any order.
- A number or boolean is its string in JSON. Null, an empty string, an empty list and an empty object are all empty.
- The names of the outermost object are indexes: ``0``, or digits without a leading zero. ``Leg`` holds the legs, or one
  leg, each of which counts as wrapped. Any other name is an error.
- A wrapper may have other fields beside ``Leg``, which belong to the leg, too. A field in both is a repeated field.
- An id is digits without a leading zero. It gives the position of a wrapped leg. Otherwise the index does. The first of
  different ids counts.
- A leg is an object. An empty leg claims no position, but the legs before it exist. Any other value is an error.
- If several legs claim one position, the first one counts. A different one is an error.

A form can't contain an empty list or object, a boolean, or a name with ``]``. It contains the empty string, the string
``true`` or nothing instead, which may mean something else where a field is expected. In a mapping, a list of strings
under ``Legs`` holds the values of a repeated name.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, cast

from .._errors import DecodeError, IssueCode
from .._wire.from_json import decode_json
from .._wire.payload import EMPTY_PAYLOAD, RawPayload, Repeated, is_file
from .kinds import as_text, is_empty, scalar_text
from .names import LEG_ID, LEGS, STREAM, is_leg_key, is_stream_key, path_in

LEG_WRAPPER: Final = "Leg"

_INDEX: Final = re.compile("0|[1-9][0-9]*")
_LEG_NUMBER: Final = re.compile("[1-9][0-9]*")
_JSON_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,20})?(?:e[-+][0-9]{1,3})?")
_WORDS: Final = {"true": True, "false": False}
_KEY_LENGTH: Final = 250
_UNNAMED: Final = re.compile(r"\A\Z|[\[\]]|%5[BDbd]")


class Problem(NamedTuple):
    """A problem with the shape of the legs: the arguments of an issue."""

    path: str
    code: IssueCode
    value: object


class Digits(NamedTuple):
    """A number that isn't negative, as its decimal digits. It may have any number of them, and can be compared."""

    length: int
    digits: str


def digits_of(number: int) -> Digits:
    """Return the digits of a number."""
    digits = str(number)
    return Digits(len(digits), digits)


class FoundLegs:
    """The legs that a value or bracket keys describe, up to a limit."""

    __slots__ = ("_identities", "_limit", "_max_legs", "by_position", "count", "problems")

    def __init__(self, max_legs: int) -> None:
        self._max_legs = max_legs
        self._limit = digits_of(max_legs)
        self.count = digits_of(0)
        """The number of legs, including gaps."""
        self._identities: dict[int, str] = {}
        self.by_position: dict[int, RawPayload] = {}
        """The fields of each leg that isn't empty."""
        self.problems: dict[str, Problem] = {}
        """At most one problem for each path, and none beyond the limit. So an attacker can't cause a flood of them."""

    def add_all(self, legs: object) -> None:
        """Add the legs in an object or list."""
        if type(legs) is tuple:
            self._add_list(cast("tuple[object, ...]", legs))
            return
        unknown: dict[str, object] = {}
        for name, leg in _items(legs):
            if _INDEX.fullmatch(name):
                self._add(_successor(name), leg)
            elif name == LEG_WRAPPER:
                self._add_list([RawPayload({LEG_WRAPPER: wrapped}) for wrapped in _members(leg)])
            else:
                unknown[name] = leg
        if unknown:
            self.report(LEGS, IssueCode.WRONG_TYPE, RawPayload(unknown))

    def _add_list(self, legs: Sequence[object]) -> None:
        """Add the legs of a list. Beyond the limit, only the id of a wrapped leg matters."""
        far = 0
        for number, leg in enumerate(legs, 1):
            if number <= self._max_legs or (isinstance(leg, RawPayload) and LEG_WRAPPER in leg):
                self._add(str(number), leg)
            else:
                far = number
        self.count = max(self.count, digits_of(far))

    def report(self, path: str, code: IssueCode, value: object) -> None:
        """Report a problem, unless there is one at this path already."""
        self.problems.setdefault(path, Problem(path, code, normal(value)))

    def _add(self, number: str, item: object) -> None:
        """Add one leg. Its number counts from 1."""
        leg, stray, given = _unwrapped(item)
        digits = Digits(len(given or number), given or number)
        self.count = max(self.count, digits)
        if digits > self._limit:
            return
        position = int(digits.digits) - 1
        path = f"{LEGS}[{position}]"
        for other in _values(leg.get(LEG_ID)) if given else ():
            if as_text(other) != given:
                self.report(path, IssueCode.REPEATED, other)
        if stray is not None:
            self.report(path, IssueCode.WRONG_TYPE, stray)
        if not leg:
            return
        first = self.by_position.setdefault(position, leg)
        if first is not leg and not self._is_same(position, leg):
            self.report(path, IssueCode.REPEATED, leg)

    def _is_same(self, position: int, leg: RawPayload) -> bool:
        """Compare a leg with the first one at its position.

        The text of the first one is made once. So the time doesn't depend on the product of the number and the size.
        """
        if position not in self._identities:
            self._identities[position] = _identity(self.by_position[position])
        return self._identities[position] == _identity(leg)


def legs_in_value(value: object, max_legs: int) -> FoundLegs:
    """Find the legs in the value under ``Legs``."""
    found = FoundLegs(max_legs)
    if is_file(value):
        return found
    if isinstance(value, Repeated):
        value = value[0] if are_strings(value) else tuple(value)
    value = decoded_object(value)  # A string that isn't JSON is an error below.
    if _is_container(value):
        found.add_all(value)
    elif not is_empty(value):
        found.report(LEGS, IssueCode.WRONG_TYPE, value)
    return found


def are_strings(value: object) -> bool:
    """Return whether a value under ``Legs`` is a repeated JSON string, and not the list of legs in a mapping."""
    return isinstance(value, Repeated) and bool(value) and all(type(item) is str for item in value)


def legs_in_names(raw: RawPayload, max_legs: int) -> FoundLegs:
    """Find the legs in bracket keys."""
    found = FoundLegs(max_legs)
    found.add_all(_tree(LEGS, {name: value for name, value in raw.items() if is_leg_key(name)}))
    return found


def _tree(root: str, keys: Mapping[str, object]) -> object:
    """Return the object that the bracket keys of one root make."""
    node = _Node()
    for name, value in keys.items():
        node.add(path_in(root, name), value)
    return node.tree()


def decoded_object(value: object) -> object:
    """Return the object in a JSON string. Return any other value unchanged."""
    if type(value) is str:
        with suppress(DecodeError):
            return decode_json(value)
    return value


def unknown_stream_fields(raw: RawPayload, known: Collection[str]) -> dict[str, object]:
    """Return the unknown fields of a stream under bracket keys, with each value as it was received."""
    nested, unknown = raw.get(STREAM), dict[str, object]()
    brackets = _tree(STREAM, {name: value for name, value in raw.items() if is_stream_key(name)})
    for fields in (decoded_object(_values(nested)[0] if nested else None), brackets):
        if isinstance(fields, RawPayload):
            unknown |= _unknown_fields(STREAM, fields, known)
    return unknown


def unknown_leg_fields(raw: RawPayload, known: Collection[str], max_legs: int) -> dict[str, object]:
    """Return the unknown fields of the legs under bracket keys, with each value as it was received.

    If both ``Legs`` and bracket keys contain a field, return that of the bracket key.
    """
    unknown: dict[str, object] = {}
    for found in (legs_in_value(raw.get(LEGS), max_legs), legs_in_names(raw, max_legs)):
        for position, leg in found.by_position.items():
            unknown |= _unknown_fields(f"{LEGS}[{position}]", leg, known)
    return unknown


def _unknown_fields(path: str, leg: RawPayload, known: Collection[str]) -> dict[str, object]:
    fields = RawPayload({name: value for name, value in leg.items() if name not in known})
    flat: dict[str, object] = {}
    return flat if not fields or _flatten(path, fields, flat) else {path: leg}


def _flatten(path: str, value: object, flat: dict[str, object]) -> bool:
    """Add the leaves of a value under bracket keys. Return whether these can hold all of the names."""
    if is_file(value):
        return True
    if len(path) > _KEY_LENGTH:  # Otherwise a long name would be copied for each value below it.
        return False
    leaves = [item for item in _values(value) if not _is_full(item)]
    if leaves:
        flat[path] = value if len(leaves) == len(_values(value)) else Repeated(leaves)
    return all(
        not _UNNAMED.search(name) and _flatten(f"{path}[{name}]", item, flat)
        for container in _values(value)
        if _is_full(container)
        for name, item in _items(container)
    )


def normal(value: object) -> object:
    """Return the normal form of a value, which is the same in every encoding. Its JSON is in issues."""
    if isinstance(value, Repeated):
        return Repeated(map(normal, value))
    if not _is_container(value):
        return value
    if _is_list(value):
        return tuple(map(_normal_inside, _members(value)))
    return RawPayload({name: _normal_inside(item) for name, item in _items(value)})


def _normal_inside(value: object) -> object:
    """Return the normal form of a value inside a container."""
    if isinstance(value, Repeated):
        items = tuple(map(_normal_inside, value))
        return items[0] if len(items) == 1 else items or None
    if _is_container(value):
        return normal(value) if value else None
    if is_empty(value):
        return None
    text = scalar_text(value)
    if text in _WORDS:
        return _WORDS[text]
    if text is None or not _JSON_NUMBER.fullmatch(text):
        return value if text is None else text
    number = float(text) if "." in text or "e" in text else int(text)
    return number if str(number) == text else text


def _identity(leg: RawPayload) -> str:
    return json.dumps(normal(leg), default=_sortable, sort_keys=True)


def _sortable(value: object) -> object:
    return dict(value) if isinstance(value, RawPayload) else as_text(value)


def _successor(digits: str) -> str:
    """Add one to a number. `int` takes quadratic time for many digits, and refuses very many."""
    head = digits.rstrip("9")
    return (head[:-1] + str(int(head[-1]) + 1) if head else "1") + "0" * (len(digits) - len(head))


def _unwrapped(item: object) -> tuple[RawPayload, object, str]:
    """Return the fields of a leg, any value that isn't empty where a leg should be, and the leg's number by its id."""
    leg, stray = _parted(item)
    if LEG_WRAPPER not in leg:
        return leg, stray, ""
    inner, other = _parted(leg[LEG_WRAPPER])
    beside = {name: value for name, value in leg.items() if name != LEG_WRAPPER}
    number = as_text((*_values(inner.get(LEG_ID)), None)[0])
    if beside:
        both = {name: Repeated((*_values(inner[name]), *_values(beside[name]))) for name in inner if name in beside}
        inner = RawPayload({**beside, **inner, **both})
    return inner, other if stray is None else stray, number if _LEG_NUMBER.fullmatch(number) else ""


def _parted(value: object) -> tuple[RawPayload, object]:
    """Return the object in a value, and a value that isn't an object; None if it is empty."""
    leg, stray = EMPTY_PAYLOAD, None
    for item in reversed(_values(value)):
        if isinstance(item, RawPayload) and not _is_list(item):
            leg = item
        elif (item or not _is_container(item)) and not is_empty(item):
            stray = item
    return leg, stray


def _values(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, Repeated) else (value,)


def _is_container(value: object) -> bool:
    return type(value) is tuple or isinstance(value, RawPayload)


def _is_full(value: object) -> bool:
    """Return whether a value is a container that isn't empty."""
    return _is_container(value) and bool(value)


def _is_list(value: object) -> bool:
    """Return whether a container is a list that isn't empty, or an object with the names of one."""
    if isinstance(value, RawPayload):
        return bool(value) and all(str(index) in value for index in range(len(value)))
    return bool(value)


def _items(value: object) -> Iterable[tuple[str, object]]:
    """Return the names and values of a container. The names of a list are its indexes."""
    if isinstance(value, RawPayload):
        return value.items()
    return ((str(index), item) for index, item in enumerate(cast("tuple[object, ...]", value)))


def _members(value: object) -> Iterator[object]:
    """Yield the members of a list in their order. Any other value is its own only member, unless it is empty."""
    for item in _values(value):
        if isinstance(item, RawPayload) and _is_list(item):
            yield from (item[str(index)] for index in range(len(item)))
        elif type(item) is tuple:
            yield from cast("tuple[object, ...]", item)
        elif item or not (_is_container(item) or is_empty(item)):
            yield item


class _Node:
    """A node of the tree that bracket keys make."""

    __slots__ = ("_below", "_values")

    def __init__(self) -> None:
        self._below: dict[str, _Node] = {}
        self._values: list[object] = []

    def add(self, path: list[str], value: object) -> None:
        """Add a value at a path below this node. An uploaded file isn't a value."""
        if is_file(value):
            return
        node = self
        for name in path:
            if name not in node._below:
                node._below[name] = _Node()
            node = node._below[name]
        for part in _values(value):
            if _is_full(part):
                for name, item in _items(part):
                    node.add([name], item)
            else:
                node._values.append(part)

    def tree(self) -> object:
        """Return the values as objects. A name with several values, or with values and an object, is repeated."""
        below = [RawPayload({name: node.tree() for name, node in self._below.items()})] if self._below else []
        if len(self._values) + len(below) == 1:
            return (*self._values, *below)[0]
        return Repeated((*self._values, *below))
