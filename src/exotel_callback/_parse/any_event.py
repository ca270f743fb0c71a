"""Parse a request to one URL that receives callbacks, Passthru requests and popups."""

from datetime import tzinfo
from typing import Final

from .._errors import CallbackError, forget_context
from .._fields.kinds import is_empty
from .._fields.names import STREAM, STREAM_NAMES_AT_TOP
from .._fields.table import table_of
from .._model.callback import StatusCallback
from .._model.passthru import PassthruEvent
from .._model.popup import PopupEvent
from .._options import DEFAULT_LIMITS, IST, Limits, read_options
from .._wire.decode import without_address
from .._wire.payload import Payload
from . import read_callback
from .diagnose import POPUP, decode_for, identify, names_of
from .passthru import read_passthru
from .popup import read_popup

# The names that only a Passthru request has.
_PASSTHRU_NAMES: Final = (table_of(PassthruEvent).names - table_of(StatusCallback).names) | {
    STREAM,
    *STREAM_NAMES_AT_TOP,
}


def parse_any(
    payload: Payload,
    content_type: str | None = None,
    *,
    strict: bool = False,
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> StatusCallback | PassthruEvent | PopupEvent:
    """Parse a request to a URL that you gave Exotel for callbacks, Passthru applets and popups alike.

    The payload decides, and not the method of the request. A popup becomes a `PopupEvent`. Any other payload with a
    ``Status`` becomes a `StatusCallback`, and one with a name of Passthru or of a stream becomes a `PassthruEvent`. The
    result and the errors are those of `parse`, `parse_passthru` and `parse_popup`.

    :param payload: A body, as for `parse`, or a query string, as for `parse_passthru`. Pass the body of a POST request,
        and the query string of a GET request.
    :param content_type: As for `parse`. A query string doesn't need it.
    :param strict: As for `parse`.
    :param timezone: As for `parse`.
    :param limits: As for `parse`.
    :return: The event. Use ``match`` or `isinstance` to distinguish the three classes.
    :raises DecodeError: The payload can't be decoded as its content type, or it is too large.
    :raises MissingFieldError: A required field is missing, or the payload is something else, such as an answer of the
        Call Details API. The message says what the payload looks like.
    :raises InvalidCallbackError: The payload has an issue, and `strict` is true.
    :raises TypeError: An argument has the wrong type, such as a coroutine or a request object as `payload`.
    """
    options = read_options(strict, timezone, limits)
    try:
        query = without_address(payload, content_type, limits)
        raw = decode_for("parse", query, content_type, limits)
        kind = identify(raw)
        if kind is POPUP:
            return read_popup(raw, options)
        # Notifications of other products can have a name of Passthru too.
        may_be_passthru = kind is None or kind.reader == "parse_passthru"
        if may_be_passthru and is_empty(raw.get("Status")) and not _PASSTHRU_NAMES.isdisjoint(names_of(raw)):
            return read_passthru(raw, options)
        return read_callback(raw, options)
    except CallbackError as error:
        forget_context(error)
        raise


parse_any.__module__ = "exotel_callback"
