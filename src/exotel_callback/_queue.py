"""The form in which a callback goes through a queue, and back."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from ._errors import DecodeError
from ._model import StatusCallback

if TYPE_CHECKING:
    from cattrs import Converter


def dump(callback: StatusCallback) -> dict[str, Any]:
    """Turn a callback into a dict that `json.dumps` takes, for a queue or a table.

    It holds every field but ``raw``: Python names, dates in ISO 8601 with their offset, the enums' values, None for
    what is absent, the issues with their texts, ``"schema": 1`` and ``"type": "status_callback"``. It holds personal
    data.
    """
    return _converter().unstructure(callback, StatusCallback)  # type: ignore[no-any-return]  # cattrs has no better type


def load(mapping: Mapping[str, Any]) -> StatusCallback:
    """Turn what `dump` made back into an equal callback, without ``raw``.

    :raises DecodeError: It is anything else, or a newer version of this library made it.
    """
    from cattrs import transform_error  # noqa: PLC0415 - parsing alone does not need cattrs

    try:
        return _converter().structure(mapping, StatusCallback)
    except DecodeError:
        raise
    except Exception as error:  # noqa: BLE001 - cattrs' groups, and whatever the mapping does while it is read
        problems = transform_error(error, "$", _describe)
    raise DecodeError("; ".join(problems))


def _describe(error: BaseException, _: type[Any] | None) -> str:
    """Describe what cattrs found, without quoting it."""
    from cattrs import ForbiddenExtraKeysError  # noqa: PLC0415 - parsing alone does not need cattrs

    if isinstance(error, KeyError):
        return "missing"
    return (
        "names that dump() does not write" if isinstance(error, ForbiddenExtraKeysError) else "not what dump() writes"
    )


@cache
def _converter() -> "Converter":
    from .converters import make_converter  # noqa: PLC0415 - parsing alone does not need cattrs

    return make_converter()
