"""The form in which a callback or a call goes through a queue, and back."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ._errors import DecodeError, forget_context
from ._model.call import Call
from ._model.callback import StatusCallback

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")


def dump(callback_or_call: StatusCallback | Call) -> dict[str, Any]:
    """Turn a callback or a call into a dict that `json.dumps` takes, for a queue or a table.

    It holds every field but ``raw``: Python names, dates in ISO 8601 with their offset, the enums' values, None for
    what is absent, the issues with their texts, ``"schema": 1`` and ``"type"``, which is ``"status_callback"`` or
    ``"call"``. A call holds its events in the same form. It holds personal data.

    :raises TypeError: It is neither.
    """
    if not isinstance(cast("object", callback_or_call), StatusCallback | Call):
        raise TypeError(f"dump() takes a StatusCallback or a Call, not {type(callback_or_call).__name__}")
    return _converter().unstructure(callback_or_call)  # type: ignore[no-any-return]  # cattrs has no better type


dump.__module__ = "exotel_callback"


def load(mapping: Mapping[str, Any]) -> StatusCallback:
    """Turn what `dump` made of a callback back into an equal one, without ``raw``.

    :raises DecodeError: It is anything else, or a newer version of this library made it.
    """
    return _load(mapping, StatusCallback)


load.__module__ = "exotel_callback"


def load_call(mapping: Mapping[str, Any]) -> Call:
    """Turn what `dump` made of a call back into an equal one; its events have no ``raw``.

    :raises DecodeError: It is anything else, its fields do not follow from its events, or a newer version of this
        library made it.
    """
    return _load(mapping, Call)


load_call.__module__ = "exotel_callback"


def _load(mapping: Mapping[str, Any], cls: type[T]) -> T:
    from cattrs import transform_error

    try:
        return _converter().structure(mapping, cls)
    except DecodeError as error:
        forget_context(error)
        raise
    except Exception as error:  # noqa: BLE001 - cattrs' groups, and whatever the mapping does while it is read
        failure = DecodeError("; ".join(transform_error(error, "$", _describe)))
    raise failure  # here it has no context, which would hold the mapping


def _describe(error: BaseException, _: type[Any] | None) -> str:
    """Describe what cattrs found, without quoting it."""
    from cattrs import ForbiddenExtraKeysError

    if isinstance(error, KeyError):
        return "missing"
    if isinstance(error, DecodeError):  # of an event inside of a call
        return str(error)
    if isinstance(error, ForbiddenExtraKeysError):
        return "unexpected names"
    return "invalid value"


@cache
def _converter() -> "Converter":
    from .converters import make_converter

    return make_converter()
