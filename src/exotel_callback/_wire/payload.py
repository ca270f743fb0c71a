"""The payload as it was received, read-only: what every decoder makes and every reader reads.

Facts
-----
- JSON gives objects, lists, text, numbers, booleans and null.
- A form gives text only, and a name may come several times.
- A framework's mapping may hold anything: file uploads, decimals, objects of its own.

Readers must not know which of these it was. So there is one representation: `RawPayload` for objects, tuples for
lists, `Repeated` for a name's several values, `StandIn` for objects of other types, and plain text, numbers, booleans
and None.
"""

from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, cast, final

from .._errors import DecodeError

MAX_DEPTH: Final = 16
TOO_DEEP: Final = f"the payload is nested deeper than {MAX_DEPTH} levels"

# Python refuses to read or write whole numbers of more than 4,300 digits. Longer ones than this are no numbers here.
MAX_INT_DIGITS: Final = 3_000
_MAX_INT_BITS: Final = 10_000

ATOMS: Final = frozenset({str, int, float, bool, type(None)})
# What `json` made and nobody has looked at yet.
_UNFROZEN: Final = frozenset({list})

# How a value of a subclass, an enum's member for one, becomes a plain one.
_SUBCLASSED: Final[dict[type, Callable[[Any], object]]] = {
    str: str.__str__,
    int: lambda value: _plain_int(int.__int__(value)),
    float: float.__float__,
}


@final
class RawPayload(Mapping[str, object]):
    """A read-only mapping whose repr shows names only, because values are personal."""

    __slots__ = ("_items",)

    def __init__(self, items: dict[str, object] | None = None) -> None:
        """Take over `items`, which nobody else may hold.

        What `json` made of a list may be among them. It is made read-only when somebody first looks at it, which mostly
        nobody does.
        """
        self._items: dict[str, object] = {} if items is None else items

    def __getitem__(self, name: str) -> object:
        """Return the value of `name` as it was received."""
        value = self._items[name]
        if type(value) in _UNFROZEN:
            value = self._items[name] = freeze_json(value)
        return value

    def __contains__(self, name: object) -> bool:
        """Tell whether the name was received."""
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
        return RawPayload, (dict(self._items),)


class Repeated(tuple[object, ...]):
    """The values of one name that was given several times, or of a mapping's list; its first value is the field's."""

    __slots__ = ()


class StandIn(str):
    """The name of a type, in place of an object of that type. Never read as text."""

    __slots__ = ()


class FilePart(StandIn):
    """Stands in for an uploaded file, which is no field at all."""

    __slots__ = ()


EMPTY_PAYLOAD: Final = RawPayload()


def freeze_json(value: object, depth: int = 1) -> object:
    """Make what `json` decoded read-only, in place where it can be: nobody else holds it, and memory is bounded."""
    if type(value) is dict:
        _check_depth(depth)
        items = cast("dict[str, object]", value)
        for name, item in items.items():
            if type(item) not in ATOMS:
                items[name] = freeze_json(item, depth + 1)
        return RawPayload(items)
    if type(value) is list:
        _check_depth(depth)
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


class Snapshot:
    """Copies what a caller handed over, so that later changes of it do not reach the result.

    A body bounds its own decoding; a caller's mapping may be endless or contain itself. It may hold no more values than
    a body of the largest size could.
    """

    def __init__(self, values: int) -> None:
        self._left = values

    def of_mapping(self, mapping: Mapping[Any, Any], depth: int = 1) -> RawPayload:
        """Copy a mapping of any kind, with every value of every name."""
        _check_depth(depth)
        return collect(
            (self.name(name), self.of_value(value, depth, in_mapping=True)) for name, value in _all_pairs(mapping)
        )

    def of_pairs(self, pairs: Iterable[Any]) -> RawPayload:
        """Copy an iterable of pairs."""
        return collect(
            (self.name(name), self.of_value(value, 1, in_mapping=False)) for name, value in map(_checked_pair, pairs)
        )

    def name(self, name: object) -> str:
        """Return a name as text. The indexes of legs may be numbers."""
        self._count()
        if isinstance(name, str):
            return str.__str__(name)
        if type(name) is int:
            return str(name)
        message = f"a name in the payload is {type(name).__name__}, not text: hand over the body as it came"
        raise DecodeError(message)

    def of_value(self, value: Any, depth: int, *, in_mapping: bool) -> object:
        """Copy one value. A list in a mapping is a name's several values, as `urllib.parse.parse_qs` has it."""
        self._count()
        if type(value) is int:
            return _plain_int(value)
        if type(value) in ATOMS:
            return value
        if isinstance(value, Mapping):
            return self.of_mapping(cast("Mapping[object, Any]", value), depth + 1)
        if isinstance(value, list | tuple):
            _check_depth(depth + 1)
            items = (self.of_value(item, depth + 1, in_mapping=False) for item in cast("Iterable[Any]", value))
            return Repeated(items) if in_mapping else tuple(items)
        return _copy_atom(value)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            message = "the payload holds more values than a body of the allowed size could"
            raise DecodeError(message, status_hint=413)


def _copy_atom(value: object) -> object:
    from decimal import Decimal  # noqa: PLC0415 - an ordinary payload holds none

    for kind, to_plain in _SUBCLASSED.items():
        if isinstance(value, kind):
            return to_plain(cast("Any", value))
    if type(value) is Decimal:  # a signalling NaN could not even be compared
        return Decimal("NaN") if value.is_snan() else value
    # Werkzeug's FileStorage, Starlette's UploadFile and aiohttp's FileField have this in common.
    return (FilePart if hasattr(value, "filename") else StandIn)(type(value).__name__)


def _plain_int(value: int) -> object:
    return value if value.bit_length() <= _MAX_INT_BITS else StandIn("int")


def _checked_pair(pair: object) -> tuple[Any, Any]:
    if isinstance(pair, tuple | list) and len(cast("Sequence[object]", pair)) == 2:  # noqa: PLR2004 - two make a pair
        return cast("tuple[Any, Any]", pair)
    message = "not a body, a mapping or an iterable of pairs"
    raise DecodeError(message)


def _all_pairs(mapping: Mapping[Any, Any]) -> Iterable[tuple[Any, Any]]:
    """Return every value of every name, found by what a multi-dict can do, so that no framework is imported."""
    multi_dict = cast("Any", mapping)
    if hasattr(mapping, "multi_items"):  # Starlette
        return cast("Iterable[tuple[Any, Any]]", multi_dict.multi_items())
    if hasattr(mapping, "lists"):  # Werkzeug, Django
        return ((name, value) for name, values in multi_dict.lists() for value in values)
    return mapping.items()  # a dict has one value a name, and aiohttp's multi-dict yields every pair


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise DecodeError(TOO_DEEP)
