"""Parse a payload into a `StatusCallback`, in three steps. Begin reading the source here.

1. `exotel_callback._wire` decodes a body, a mapping or pairs into one read-only mapping of wire names. Later code
   doesn't depend on which of these it was.
2. `exotel_callback._parse.event` reads each field and each leg. An invalid value leaves an `Issue`.
3. It then checks that no required field is missing and, in strict mode, that there are no issues.
"""

from datetime import tzinfo

from .._errors import CallbackError, forget_context
from .._model.callback import Leg, StatusCallback
from .._options import DEFAULT_LIMITS, IST, Limits, ReadOptions, read_options
from .._wire.payload import Payload, RawPayload
from .diagnose import POPUP_MARK, decode_for, refuse_others
from .event import read_event


def parse(
    payload: Payload,
    content_type: str | None = None,
    *,
    strict: bool = False,
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> StatusCallback:
    """Parse a request that Exotel posted to your ``StatusCallback`` URL.

    :param payload: The body (`bytes`, `bytearray`, `memoryview` or `str`), or the form or JSON that your framework
        decoded: a mapping (a dict, nested or with bracket keys, or any multi-dict) or an iterable of pairs. It is not
        changed. See `Payload`.
    :param content_type: The value of the ``Content-Type`` header, with its parameters. A multipart body needs it.
        Without it, a body that begins with a brace or a bracket is read as JSON, and any other body as a urlencoded
        form. It is ignored for a mapping or pairs.
    :param strict: Whether any issue raises `InvalidCallbackError`. Otherwise an invalid value becomes None or
        ``UNKNOWN``, and leaves an `Issue`.
    :param timezone: The time zone of dates without one. Exotel writes Indian Standard Time.
    :param limits: The maximum size of the payload.
    :return: The callback.
    :raises DecodeError: The payload can't be decoded as its content type, or it is too large. Or it is another value
        that JSON can hold (None, a number, a list that isn't pairs), because ``request.get_json()`` returns these.
    :raises MissingFieldError: ``CallSid`` or ``Status`` is missing, or the payload is the popup request of the Connect
        applet, whose ``Status`` is an agent's. If the payload looks like another event, the message says which one.
    :raises InvalidCallbackError: The payload has an issue, and `strict` is true.
    :raises TypeError: An argument has the wrong type, such as a coroutine or a request object as `payload`.
    :raises ImportError: The body is unusual multipart, and ``python-multipart`` before 0.0.13 hides the package that
        decodes it.

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback.
    """
    options = read_options(strict, timezone, limits)
    try:
        return read_callback(decode_for("parse", payload, content_type, limits), options)
    except CallbackError as error:
        forget_context(error)
        raise


parse.__module__ = "exotel_callback"


def read_callback(raw: RawPayload, options: ReadOptions) -> StatusCallback:
    """Read a decoded callback, as `parse` does.

    :raises MissingFieldError: A required field is missing, or the payload is another event.
    :raises InvalidCallbackError: The payload has an issue in strict mode.
    """
    items = raw._items  # pyright: ignore[reportPrivateUsage] - a function takes longer
    if POPUP_MARK in items or not items.get("CallSid"):
        refuse_others(raw, "parse")
    return read_event(StatusCallback, Leg, raw, options, "parse")
