"""From a payload to a `StatusCallback`, in three steps. Begin reading here.

1. `exotel_callback._wire` decodes a body, a mapping or pairs into one read-only mapping of wire names. After that no
   code depends on which of these it was.
2. `exotel_callback._parse.event` reads each field and each leg. A value that can't be read leaves an `Issue`.
3. It then checks that required fields are there and, in strict mode, that there are no issues.
"""

from datetime import tzinfo

from .._errors import CallbackError, MissingFieldError, forget_context
from .._model.callback import Leg, StatusCallback
from .._options import DEFAULT_LIMITS, IST, Limits, read_options
from .._wire.decode import decode
from .diagnose import CALL_OBJECT, diagnose, identify
from .event import read_event


def parse(
    payload: object,
    content_type: str | None = None,
    *,
    strict: bool = False,
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> StatusCallback:
    """Parse what Exotel posted to a ``StatusCallback`` URL.

    :param payload: The body (`bytes`, `bytearray`, `memoryview` or `str`), or what a framework decoded of it: a mapping
        (a dict, nested or with bracket keys, or any multi-dict) or an iterable of pairs. It is not changed.
    :param content_type: The value of the ``Content-Type`` header, with its parameters. Without it, a body that begins
        with a brace is JSON, and anything else a urlencoded form; a multipart body needs it. Mappings and pairs do not.
    :param strict: Raise `InvalidCallbackError` for any issue, in place of None or ``UNKNOWN`` and an `Issue`.
    :param timezone: The zone of dates that name none. Exotel writes Indian Standard Time.
    :param limits: How large a payload may be.
    :raises DecodeError: The payload is not what it claims to be, or too large.
    :raises MissingFieldError: ``CallSid`` or ``Status`` is missing; the message says if it looks like another event.
    :raises InvalidCallbackError: In strict mode only.
    :raises TypeError: An argument other than `payload` is not what it should be.
    :raises ImportError: The body is multipart of an unusual shape, and a ``python-multipart`` before 0.0.13 hides the
        package that decodes it.

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback.
    """
    options = read_options(strict, timezone, limits)
    try:
        raw = decode(payload, content_type, limits)
        if "CallSid" not in raw and identify(raw) is CALL_OBJECT:  # whose legs would be lost
            raise MissingFieldError(diagnose(raw, "parse"))
        return read_event(StatusCallback, Leg, raw, options, reader="parse")
    except CallbackError as error:
        forget_context(error)
        raise


parse.__module__ = "exotel_callback"
