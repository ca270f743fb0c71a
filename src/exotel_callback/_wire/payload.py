"""The payload as it was received, read-only: what every decoder makes and every reader reads.

Facts
-----
- JSON gives objects, lists, strings, numbers, booleans and null.
- A form gives strings only, and a name may come several times.
- A framework's mapping may hold anything: file uploads, decimals, objects of its own.

Readers must not depend on which of these it was. So there is one representation: `RawPayload` for objects, tuples for
lists, `Repeated` for the values of a repeated name, `StandIn` for objects of other types, and plain strings, numbers,
booleans and None.
"""

from collections.abc import ItemsView, Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn, cast, final

from .._errors import DecodeError

MAX_DEPTH: Final = 16
TOO_DEEP: Final = f"the payload is nested deeper than {MAX_DEPTH} levels"

# Python refuses to read or write integers of more than 4,300 digits. Longer ones than this are kept as opaque values.
MAX_INT_DIGITS: Final = 3_000

ATOMS: Final = frozenset({str, int, float, bool, type(None)})
# What `json` made of objects and lists, before somebody reads it.
_UNFROZEN: Final = frozenset({dict, list})


@final
class RawPayload(Mapping[str, object]):
    """A read-only mapping of a payload as it was received. Its repr shows names only, because values are personal.

    Objects inside are `RawPayload` too, and lists are tuples.
    """

    __module__ = "exotel_callback"
    __slots__ = ("_items", "is_storable")

    def __init__(self, items: dict[str, object] | None = None, *, is_storable: bool = False) -> None:
        """Take over `items`, which no other object may hold.

        Nested objects and lists may still be as `json` made them. They are frozen when they are first read: most
        callers never read them.

        :param is_storable: Whether it is known that no string in it holds NUL or a lone surrogate.
        """
        self._items: dict[str, object] = {} if items is None else items
        self.is_storable = is_storable

    def __getitem__(self, name: str) -> object:
        """Return the value of `name` as it was received."""
        value = self._items[name]
        if type(value) in _UNFROZEN:
            value = self._items[name] = freeze_json(value)
        return value

    def __contains__(self, name: object) -> bool:
        """Return whether the name was received."""
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
        """Show the names only."""
        return f"RawPayload({', '.join(map(repr, self._items))})"

    def __reduce__(self) -> tuple[type["RawPayload"], tuple[dict[str, object]]]:
        """Copy and pickle by the items."""
        return RawPayload, (dict(self.items()),)


def unfrozen_items(raw: RawPayload) -> dict[str, Any]:
    """Return the dict inside for quick reading. The caller must not change it, and nested values may be unfrozen."""
    return raw._items  # pyright: ignore[reportPrivateUsage]


class Repeated(tuple[object, ...]):
    """The values of one name that was given several times, or of a mapping's list; its first value is the field's."""

    __slots__ = ()


class StandIn(str):
    """The name of a type, in place of an object of that type.

    It is never read as a string, so it can neither be trimmed, nor taken apart, nor looked up, nor be a number.
    """

    __slots__ = ()

    def __hash__(self) -> NoReturn:
        raise TypeError

    def __getitem__(self, key: object) -> NoReturn:
        raise TypeError

    def strip(self, _: str | None = None, /) -> NoReturn:
        """Refuse to be trimmed."""
        raise TypeError

    def isdecimal(self) -> NoReturn:
        """Refuse to be a number."""
        raise TypeError


class FilePart(StandIn):
    """Stands in for an uploaded file, which is not a field at all."""

    __slots__ = ()


# A pickle names these by the public class.
for _part in (Repeated, StandIn, FilePart):
    _part.__module__ = "exotel_callback"
    _part.__qualname__ = f"RawPayload.{_part.__name__}"
    setattr(RawPayload, _part.__name__, _part)

EMPTY_PAYLOAD: Final = RawPayload()
# The payload of the JSON body ``{}``. Advice for it differs from the advice for an empty body or form.
EMPTY_OBJECT: Final = RawPayload()


def freeze_json(value: object, depth: int = 1) -> object:
    """Make what `json` decoded read-only, in place where possible: no other object holds it, and memory is bounded."""
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
    """Gather pairs into a payload; a name that comes again holds the tuple of its values."""
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
        items[name] = Repeated(values)
    return RawPayload(items)


def check_depth(depth: int) -> None:
    """Raise if a payload is nested too deeply."""
    if depth > MAX_DEPTH:
        raise DecodeError(TOO_DEEP)
