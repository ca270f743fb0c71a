"""Copy a mapping or pairs, from a framework or a caller, into a `RawPayload`.

Facts
-----
- A handler passes on whatever its framework decoded. So the sender decides every value that JSON can hold, and a list
  that holds no pairs is invalid data.
- Only the handler's own code can pass an object of another type. So such an object is a mistake in that code.
- The requests of Starlette and aiohttp are mappings, and Django's request is an iterable of lines.
- Werkzeug's `LocalProxy`, such as ``flask.request``, is awaitable and callable whatever it stands for. Its
  ``__class__`` is that of the other object.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import islice
from typing import Any, Final, cast

from .._errors import DecodeError
from .from_form import MAX_PAIRS
from .payload import (
    ATOMS,
    MAX_INT_DIGITS,
    FilePart,
    ListOfObjectsError,
    RawPayload,
    StandIn,
    check_depth,
    collect,
    owning,
    values_of_name,
)

_MAX_INT_BITS: Final = MAX_INT_DIGITS * 10 // 3  # A digit has about 3.32 bits.

# Frozensets of exact types, because type checkers reject a comparison with a class.
_DICT: Final = frozenset({dict})
_STRING: Final = frozenset({str})
_PAIR: Final = frozenset({tuple})

# The conversion of an instance of a subclass, such as an enum member, to the plain type.
_PLAIN: Final[dict[type, Callable[[Any], object]]] = {
    str: str.__str__,
    int: lambda value: _plain_int(int.__int__(value)),
    float: float.__float__,
}


def copy_payload(payload: object, max_values: int) -> RawPayload:
    """Copy a mapping or an iterable of pairs, so that later changes to it don't change the result.

    :param max_values: The maximum number of names and values. A body limits its own decoding, but a caller's mapping
        may be endless or contain itself.
    :raises DecodeError: The payload is another value that JSON can hold, is too large, or raised an exception while it
        was read.
    :raises TypeError: The payload has any other type.
    """
    copier = _Copier(max_values)
    try:
        if type(payload) in _DICT:
            return copier.mapping(cast("dict[object, Any]", payload))
        kind = payload.__class__
        advice = _advice_for(payload, kind)
        if advice is None and issubclass(kind, Mapping):
            return copier.mapping(cast("Mapping[object, Any]", payload))
        if advice is None and issubclass(kind, Iterable):
            return copier.pairs(cast("Iterable[object]", payload))
    except DecodeError:
        raise
    except _NotPairsError as error:
        problem = f"{_EXPECTED}; the {type(payload).__name__} yields {error}; pass the whole body instead"
    except Exception as error:  # noqa: BLE001 - a caller's mapping may do anything while it is read
        raise DecodeError(f"reading the {type(payload).__name__} raised {type(error).__name__}") from None
    else:
        problem = f"{_EXPECTED}, not {kind.__name__}{advice or ''}"
        if _is_json(payload):
            raise DecodeError(problem)
    raise TypeError(problem)


_EXPECTED: Final = "the payload must be a body, a mapping or an iterable of pairs"


class _NotPairsError(Exception):
    """An iterable that JSON can't hold yields an object that isn't a pair."""


def _advice_for(payload: object, kind: Any) -> str | None:
    """Return the advice for an object that is never a payload, although it may be a mapping or an iterable."""
    given: Any = kind
    if issubclass(kind, Mapping):
        # The sender decides the names in a mapping, and some mappings have them as attributes. So its class decides.
        return _BODY_OF_REQUEST if hasattr(given, "headers") and hasattr(given, "method") else None
    if hasattr(payload, "headers"):
        return _BODY_OF_REQUEST
    if issubclass(kind, Awaitable):
        return "; did you forget await?"
    if issubclass(kind, cast("Any", Callable)):  # A class is callable too.
        return "; did you forget to call it?"
    if hasattr(given, "read"):
        return "; pass the result of its read()"
    return "; pass a list, because a set has no order" if issubclass(kind, set | frozenset) else None


_BODY_OF_REQUEST: Final = (
    "; use an adapter, or pass the body: request.get_data() in Flask, request.body in Django, "
    "await request.body() in FastAPI, await request.read() in aiohttp, response.content of an HTTP client"
)


def _is_json(payload: object) -> bool:
    """Return whether a decoder of JSON can return the value. Some decoders return decimals."""
    from decimal import Decimal

    return payload is None or isinstance(payload, int | float | Decimal)


class _Copier:
    """A copier of values that counts them."""

    def __init__(self, max_values: int) -> None:
        self._left = max_values

    def mapping(self, mapping: Mapping[Any, Any], depth: int = 1) -> RawPayload:
        """Copy a mapping of any type, with every value of every name."""
        check_depth(depth)
        given: Any = mapping
        if type(given) in _DICT:
            items = cast("dict[str, object]", given).copy()
            others = [name for name, value in items.items() if type(value) is not str or type(name) is not str]
            if _STRING.issuperset(map(type, others)):
                self._count(2 * len(items) - len(others))
                for name in others:
                    items[name] = self.value(items[name], depth, in_mapping=depth == 1)
                return owning(items, False)
        return self._collect(_all_pairs(mapping), depth, in_mapping=depth == 1)

    def pairs(self, pairs: Iterable[Any]) -> RawPayload:
        """Copy an iterable of pairs."""
        check = _checked_pair if isinstance(pairs, list | tuple) else _checked_pair_of_iterator
        return self._collect(map(check, pairs), 1, in_mapping=False)

    def _collect(self, pairs: Iterable[tuple[Any, Any]], depth: int, *, in_mapping: bool) -> RawPayload:
        given = list(islice(pairs, self._left // 2 + 1))
        if _PAIR.issuperset(map(type, given)):
            items = dict(given)
            if len(items) == len(given) and _STRING.issuperset(map(type, (*items, *items.values()))):
                self._count(2 * len(items))
                return owning(items, False)
        return collect((self._name(name), self.value(value, depth, in_mapping=in_mapping)) for name, value in given)

    def _name(self, name: object) -> str:
        """Return a name as a string. The indexes of legs may be numbers."""
        self._count(1)
        if isinstance(name, str):
            return str.__str__(name)
        if type(name) is int:
            return str(name)
        raise DecodeError(f"a name in the payload is {type(name).__name__}, not a string; pass the raw body instead")

    def value(self, value: Any, depth: int, *, in_mapping: bool) -> object:
        """Copy one value.

        A list in the payload's own mapping holds the values of one name, as `urllib.parse.parse_qs` returns them, or
        objects, as in JSON. Deeper lists are lists.
        """
        self._count(1)
        if type(value) is int:
            return _plain_int(value)
        if type(value) in ATOMS:
            return value
        is_list = type(value) is list  # To look for a `Mapping` takes much longer.
        if not is_list and isinstance(value, Mapping):
            return self.mapping(cast("Mapping[object, Any]", value), depth + 1)
        if is_list or isinstance(value, list | tuple):
            check_depth(depth + 1)
            if in_mapping and (copies := self._copy_objects(value)):
                check_depth(depth + 2)
                return copies
            items = tuple(self.value(item, depth + 1, in_mapping=False) for item in cast("Iterable[Any]", value))
            are_objects = bool(items) and all(type(item) is RawPayload for item in items)
            return values_of_name(items) if in_mapping and not are_objects else items
        return _copy_atom(value)

    def _copy_objects(self, given: Any) -> list[dict[str, object]] | None:
        """Copy a list of objects without objects inside, such as legs, which are frozen when they are first read."""
        if type(given) is not list:
            return None
        copies: list[dict[str, object]] = []
        for item in cast("Iterable[Any]", given):
            if type(item) not in _DICT:
                return None
            copy = cast("dict[str, object]", item).copy()
            for name, value in copy.items():
                if type(name) is not str:
                    return None
                if type(value) is int:
                    if value.bit_length() > _MAX_INT_BITS:
                        return None
                elif type(value) not in ATOMS:
                    return None
            copies.append(copy)
        self._count(len(copies) + 2 * sum(map(len, copies)))
        return copies

    def _count(self, values: int) -> None:
        self._left -= values
        if self._left < 0:
            raise DecodeError("the payload has more values than its maximum size allows", status_hint=413)


def _copy_atom(value: object) -> object:
    from decimal import Decimal

    for kind, to_plain in _PLAIN.items():
        if isinstance(value, kind):
            return to_plain(cast("Any", value))
    if type(value) is Decimal:  # Comparing a signaling NaN raises an exception.
        return Decimal("NaN") if value.is_snan() else value
    # Werkzeug's FileStorage, Starlette's UploadFile and aiohttp's FileField all have this attribute.
    return (FilePart if hasattr(value, "filename") else StandIn)(type(value).__name__)


def _plain_int(value: int) -> object:
    return value if value.bit_length() <= _MAX_INT_BITS else StandIn("int")


def _checked_pair(pair: object) -> tuple[Any, Any]:
    if isinstance(pair, tuple | list) and len(cast("tuple[object, ...]", pair)) == 2:
        return cast("tuple[Any, Any]", pair)
    if isinstance(pair, Mapping):
        names = islice(cast("Mapping[object, Any]", pair), MAX_PAIRS)
        raise ListOfObjectsError(_EXPECTED, (name for name in names if isinstance(name, str)))
    raise DecodeError(_EXPECTED)


def _checked_pair_of_iterator(pair: object) -> tuple[Any, Any]:
    if not isinstance(pair, tuple | list):
        raise _NotPairsError(type(pair).__name__)
    return _checked_pair(cast("object", pair))


def _all_pairs(mapping: Mapping[Any, Any]) -> Iterable[tuple[Any, Any]]:
    """Return every value of every name. Recognize a multi-dict by its methods, so that no framework is imported."""
    multi_dict = cast("Any", mapping)
    kind = mapping.__class__  # Some mappings have their names as attributes, so the class decides.
    if hasattr(kind, "multi_items"):  # Starlette
        return cast("Iterable[tuple[Any, Any]]", multi_dict.multi_items())
    if hasattr(kind, "lists"):  # Werkzeug, Django
        return ((name, value) for name, values in multi_dict.lists() for value in values)
    return mapping.items()  # A dict has one value for each name, and aiohttp's multi-dict yields every pair.
