"""Parse the popup request that the Connect applet sends while it calls an agent.

Source: https://support.exotel.com/support/solutions/articles/3000106308.
"""

from datetime import tzinfo
from typing import Final

from .._errors import CallbackError, MissingFieldError, forget_context
from .._model.popup import PopupEvent
from .._options import DEFAULT_LIMITS, IST, Limits, ReadOptions, read_options
from .._wire.decode import without_address
from .._wire.payload import Payload, RawPayload
from .diagnose import decode_for, diagnose
from .event import read_event

_REQUIRED_NAMES: Final = frozenset({"CallSid", "EventType"})


def parse_popup(
    payload: Payload,
    content_type: str | None = None,
    *,
    strict: bool = False,
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> PopupEvent:
    """Parse a popup request of the Connect applet.

    :param payload: As for `parse_passthru`.
    :param content_type: As for `parse`. A query string doesn't need it.
    :param strict: As for `parse`.
    :param timezone: As for `parse`.
    :param limits: As for `parse`.
    :return: The request.
    :raises DecodeError: The payload can't be decoded as its content type, or it is too large.
    :raises MissingFieldError: ``CallSid`` or ``EventType`` is missing, or the payload is another event. The message
        says what the payload looks like.
    :raises InvalidCallbackError: The payload has an issue, and `strict` is true.
    :raises TypeError: An argument has the wrong type, such as a coroutine or a request object as `payload`.

    Source: https://support.exotel.com/support/solutions/articles/3000106308.
    """
    options = read_options(strict, timezone, limits)
    try:
        return read_popup(
            decode_for("parse_popup", without_address(payload, content_type, limits), content_type, limits), options
        )
    except CallbackError as error:
        forget_context(error)
        raise


parse_popup.__module__ = "exotel_callback"


def read_popup(raw: RawPayload, options: ReadOptions) -> PopupEvent:
    """Read a decoded request, as `parse_popup` does.

    :raises MissingFieldError: A required field is missing, or the payload is another event.
    :raises InvalidCallbackError: The payload has an issue in strict mode.
    """
    # A StatusCallback, for example, has the same required fields. If one is missing, the error below lists it.
    if raw.keys() >= _REQUIRED_NAMES and (advice := diagnose(raw, "parse_popup")):
        raise MissingFieldError(advice, advice=advice)
    return read_event(PopupEvent, None, raw, options, "parse_popup")
