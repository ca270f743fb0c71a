"""Convert an event or a call to a dict for a queue or a table, and back."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from ._errors import MAX_MESSAGES, DecodeError, forget_context
from ._model.call import Call
from ._model.callback import StatusCallback
from ._model.passthru import PassthruEvent
from ._model.popup import PopupEvent

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")


def dump(event: StatusCallback | Call | PassthruEvent | PopupEvent) -> dict[str, Any]:
    """Convert an event or a call to a dict that `json.dumps` accepts, for a queue or a table.

    The dict holds every field except ``raw`` under its Python name. Dates are in ISO 8601 with their offset, enums are
    their values, an absent value is None, and issues include their values. A call includes its events in the same form.
    ``"schema"`` is 1, and ``"type"`` is ``"status_callback"``, ``"call"``, ``"passthru_event"`` or ``"popup_event"``.
    The dict holds personal data.

    :raises TypeError: The argument has another type.
    """
    if not isinstance(cast("object", event), StatusCallback | Call | PassthruEvent | PopupEvent):
        raise TypeError(
            f"dump() takes a StatusCallback, a Call, a PassthruEvent or a PopupEvent, not {type(event).__name__}"
        )
    return _converter().unstructure(event)  # type: ignore[no-any-return]  # cattrs has no better type


dump.__module__ = "exotel_callback"


def load(mapping: Mapping[str, Any]) -> StatusCallback:
    """Convert a dict that `dump` returned for a callback back to an equal callback, with an empty ``raw``.

    It accepts a line of ``exotel-callback parse`` too, and ignores the derived values in it. So do the other loaders.

    :raises DecodeError: The mapping is anything else, or a newer version of this library made it.
    """
    return _load(mapping, StatusCallback)


load.__module__ = "exotel_callback"


def load_call(mapping: Mapping[str, Any]) -> Call:
    """Convert a dict that `dump` returned for a call back to an equal call. The ``raw`` of its events is empty.

    It merges the events again. So the call has the fields that this release gives it, also if an older release made
    the dict.

    :raises DecodeError: The mapping is anything else, has more than 10,000 events, or a newer version of this library
        made it.
    """
    return _load(mapping, Call)


load_call.__module__ = "exotel_callback"


def load_passthru(mapping: Mapping[str, Any]) -> PassthruEvent:
    """Convert a dict that `dump` returned for a Passthru request back to an equal request, with an empty ``raw``.

    :raises DecodeError: The mapping is anything else, or a newer version of this library made it.
    """
    return _load(mapping, PassthruEvent)


load_passthru.__module__ = "exotel_callback"


def load_popup(mapping: Mapping[str, Any]) -> PopupEvent:
    """Convert a dict that `dump` returned for a popup request back to an equal request, with an empty ``raw``.

    :raises DecodeError: The mapping is anything else, or a newer version of this library made it.
    """
    return _load(mapping, PopupEvent)


load_popup.__module__ = "exotel_callback"

# The class and the loader of each ``type`` in a dict that `dump` returned.
LOADERS: Final[Mapping[str, tuple[type[Any], Callable[[Any], Any]]]] = {
    "status_callback": (StatusCallback, load),
    "call": (Call, load_call),
    "passthru_event": (PassthruEvent, load_passthru),
    "popup_event": (PopupEvent, load_popup),
}


def _load(mapping: Mapping[str, Any], cls: type[T]) -> T:
    from cattrs import transform_error

    try:
        return _converter().structure(mapping, cls)
    except DecodeError as error:
        forget_context(error)
        raise
    except Exception as error:  # noqa: BLE001 - an exception group of cattrs, or any exception of the mapping
        problems = transform_error(error, "$", _describe)
        more = ["and more"] if len(problems) > MAX_MESSAGES else []
        failure = DecodeError("; ".join(problems[:MAX_MESSAGES] + more))
    raise failure  # Raised here, so that it has no context, which would hold the mapping.


def _describe(error: BaseException, _: type[Any] | None) -> str:
    """Describe an error of cattrs without quoting a value."""
    from cattrs import ForbiddenExtraKeysError

    if isinstance(error, KeyError):
        return "missing"
    if isinstance(error, DecodeError):  # The error of an event inside a call.
        return str(error)
    if isinstance(error, ForbiddenExtraKeysError):
        return "unexpected names"
    return "invalid value"


@cache
def _converter() -> "Converter":
    from .converters import make_converter

    return make_converter()
