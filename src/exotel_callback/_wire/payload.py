"""Represent a received payload, read-only. Every decoder returns this representation, and every reader takes it.

Facts
-----
- JSON contains objects, lists, strings, numbers, booleans and null.
- A form contains only strings, and a name may be repeated.
- A framework's mapping may contain anything, such as file uploads, decimals and the framework's own objects.

Readers must not depend on the encoding. So there is one representation: `RawPayload` for an object, a tuple for a list,
`Repeated` for the values of a repeated name, `StandIn` for an object of another type, and plain strings, numbers,
booleans and None.
"""

import re
import sys
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn, TypeAlias, cast, final

from .._errors import DecodeError

MAX_DEPTH: Final = 16
TOO_DEEP: Final = f"the payload is nested deeper than {MAX_DEPTH} levels"

Payload: TypeAlias = (
    bytes | bytearray | memoryview | str | Mapping[str, Any] | Iterable[tuple[str, Any] | list[Any]] | None
)
"""The type of the argument `payload` of every parser: a body, a mapping or pairs.

- A body is `bytes`, `bytearray`, `memoryview` or `str`.
- A mapping is what a framework decoded: a dict or any multi-dict.
- Pairs are a list, a generator or another iterable of names and values.

None is included because a framework returns it for a body that it can't decode. It raises `DecodeError`. An object of
any other type raises `TypeError`.
"""

# Python refuses to read or write an integer of more than 4,300 digits, or of fewer if the process has a lower limit. An
# integer longer than this stays an opaque value.
MAX_INT_DIGITS: Final = min(3_000, (sys.get_int_max_str_digits() or 4_300) - 20)

ATOMS: Final = frozenset({str, int, float, bool, type(None)})
# A name of any other form is a value that lost its own name, such as the rest of a custom field with an unescaped "&".
_PUBLIC_NAME: Final = re.compile(r"(?!.*[0-9]{6})[A-Za-z0-9_.:%\[\]-]{1,100}")
# The types that `json` returns for objects and lists. They are frozen when they are first read.
_UNFROZEN: Final = frozenset({dict, list})


class ListOfObjectsError(DecodeError):
    """The error for a list of objects, with the names of one of them. It never leaves the package."""

    def __init__(self, message: str, names: Iterable[str]) -> None:
        super().__init__(message)
        self.names = tuple(names)


@final
class RawPayload(Mapping[str, object]):
    """A read-only mapping of a payload as it was received. Its repr shows only names, because values are personal.

    A nested object is a `RawPayload` too, and a list is a tuple.
    """

    __module__ = "exotel_callback"
    __slots__ = ("_items", "is_storable")

    def __init__(self, items: dict[str, object] | None = None, *, is_storable: bool = False) -> None:
        """Take ownership of `items`. No other object may hold a reference to it.

        Nested objects and lists may still be mutable. They are frozen when they are first read, because most callers
        never read them.

        :param is_storable: Whether the strings are known to hold neither NUL nor a lone surrogate.
        """
        self._items: dict[str, object] = {} if items is None else items
        self.is_storable: bool = is_storable

    def __getitem__(self, name: str) -> object:
        """Return the value of `name` as it was received."""
        value = self._items[name]
        if type(value) in _UNFROZEN:
            value = self._items[name] = freeze_json(value)
        return value

    def __contains__(self, name: object) -> bool:
        """Return whether `name` was received."""
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names in the order of arrival."""
        return iter(self._items)

    def __len__(self) -> int:
        """Count the names."""
        return len(self._items)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of `name`, or `default` if it was not received."""
        value = self._items.get(name, default)
        return self[name] if type(value) in _UNFROZEN and name in self._items else value

    def items(self) -> ItemsView[str, object]:
        """Return a view of the names and values."""
        for name, value in self._items.items():
            if type(value) in _UNFROZEN:
                self._items[name] = freeze_json(value)
        return self._items.items()

    def __repr__(self) -> str:
        """Show the names only, and mask those that look like a value."""
        return f"RawPayload({', '.join(repr(shown_name(name)) for name in self._items)})"

    def __reduce__(self) -> tuple[type["RawPayload"], tuple[dict[str, object]]]:
        """Return how to copy and pickle the mapping: from its items."""
        return RawPayload, (dict(self.items()),)


def shown_name(name: str) -> str:
    """Return a name as a log may show it. The sender chooses the names, so one can be a phone number or a sentence."""
    return name if _PUBLIC_NAME.fullmatch(name) else "***"


def unfrozen_items(raw: RawPayload) -> dict[str, Any]:
    """Return the inner dict of a payload. The caller must not change it. Nested values may still be mutable."""
    return raw._items  # pyright: ignore[reportPrivateUsage]


def owning(items: dict[str, object], is_storable: bool) -> RawPayload:  # noqa: FBT001 - a keyword takes longer
    """Make a payload as the constructor does, in half the time."""
    raw = _new_payload(RawPayload)
    raw._items = items  # pyright: ignore[reportPrivateUsage]
    raw.is_storable = is_storable
    return raw


_new_payload: Final = cast("Callable[[type[RawPayload]], RawPayload]", object.__new__)


class Repeated(tuple[object, ...]):
    """The values of one name that is repeated, or whose value in a mapping is a list. The first one is the field's."""

    __slots__ = ()


class StandIn(str):
    """A type's name that replaces an object of that type.

    A stand-in must never be read as a field's value. So it can't be trimmed, indexed, hashed or parsed as a number.
    """

    __slots__ = ()

    def __hash__(self) -> NoReturn:
        raise TypeError

    def __getitem__(self, key: object) -> NoReturn:
        raise TypeError

    def strip(self, _: str | None = None, /) -> NoReturn:
        """Raise `TypeError`, because a stand-in can't be trimmed."""
        raise TypeError

    def isdecimal(self) -> NoReturn:
        """Raise `TypeError`, because a stand-in isn't a number."""
        raise TypeError


class FilePart(StandIn):
    """A stand-in for an uploaded file, which isn't a field."""

    __slots__ = ()


# Pickles refer to these classes as attributes of the public class, so that a later release can move them.
for _part in (Repeated, StandIn, FilePart):
    _part.__module__ = "exotel_callback"
    _part.__qualname__ = f"RawPayload.{_part.__name__}"
    setattr(RawPayload, _part.__name__, _part)

EMPTY_PAYLOAD: Final = RawPayload()
# The payload of the JSON body ``{}``. Advice for it differs from the advice for an empty body or form.
EMPTY_OBJECT: Final = RawPayload()


def freeze_json(value: object, depth: int = 1) -> object:
    """Freeze a value that `json` decoded, and raise `DecodeError` if it is nested too deeply.

    The containers change in place to save memory, so no other object may hold a reference to them.
    """
    if type(value) is dict:
        check_depth(depth)
        items = cast("dict[str, object]", value)
        for name, item in items.items():
            if type(item) not in ATOMS:
                items[name] = freeze_json(item, depth + 1)
        return RawPayload(items)
    if type(value) is list:
        check_depth(depth)
        values = cast("list[object]", value)
        for index, item in enumerate(values):
            if type(item) not in ATOMS:
                values[index] = freeze_json(item, depth + 1)
        return tuple(values)
    return value


def collect(pairs: Iterable[tuple[str, object]]) -> RawPayload:
    """Collect pairs into a payload. The values of a repeated name become one `Repeated`."""
    pairs = list(pairs)
    items: dict[str, object] = dict(pairs)
    if len(items) == len(pairs):
        return RawPayload(items)
    items = {}
    repeated: dict[str, list[object]] = {}
    for name, value in pairs:
        if name in items:
            repeated.setdefault(name, [items[name]]).append(value)
        else:
            items[name] = value
    for name, values in repeated.items():
        items[name] = values_of_name(map(freeze_json, values))  # A `RawPayload` freezes only its own values later.
    return RawPayload(items)


def values_of_name(values: Iterable[object]) -> object:
    """Return the values of one name. An uploaded file doesn't count beside another value, as in a multipart body."""
    given = tuple(values)
    kept = [value for value in given if not isinstance(value, FilePart)]
    if len(kept) in {0, len(given)}:
        return Repeated(given)
    return Repeated(kept) if len(kept) > 1 else kept[0]


def is_file(value: object) -> bool:
    """Return whether a value is an uploaded file, or a list of them."""
    return isinstance(value, FilePart) or (isinstance(value, Repeated) and bool(value) and is_file(value[0]))


def check_depth(depth: int) -> None:
    """Raise `DecodeError` if a payload is nested too deeply."""
    if depth > MAX_DEPTH:
        raise DecodeError(TOO_DEEP)
