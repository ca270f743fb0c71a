"""Parse the Passthru applet's request, which describes a call at one point of its flow.

Facts
-----
- It is a GET request with the fields in the query string. It has only the fields that the flow knows at that point.

Source: https://support.exotel.com/support/solutions/articles/48283-working-with-passthru-applet.
"""

import re
from datetime import tzinfo
from typing import Final, cast

from .._errors import CallbackError, MissingFieldError, forget_context
from .._model.passthru import PassthruEvent, PassthruLeg
from .._options import DEFAULT_LIMITS, IST, Limits, read_options
from .._wire.decode import Body, decode, size_of
from .diagnose import STATUS_CALLBACK, diagnose, identify
from .event import read_event

_ADDRESS: Final = r"(?i)\A(?:(?:https?:)?/[^?]*)?\?"


def parse_passthru(
    payload: object,
    content_type: str | None = None,
    *,
    strict: bool = False,
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> PassthruEvent:
    """Parse the request of the Passthru applet.

    :param payload: The query string, alone or with the URL or path before it. Or the parameters that your framework
        parsed (``request.args``, ``request.GET``, ``request.query_params``). Or a body, as for `parse`.
    :param content_type: As for `parse`. A query string doesn't need it.
    :param strict: As for `parse`.
    :param timezone: As for `parse`.
    :param limits: As for `parse`.
    :return: The request.
    :raises DecodeError: The payload can't be decoded as its content type, or it is too large.
    :raises MissingFieldError: ``CallSid`` is missing, or the payload is a StatusCallback. The message says what the
        payload looks like.
    :raises InvalidCallbackError: The payload has an issue, and `strict` is true.
    :raises TypeError: An argument other than `payload` has the wrong type.

    Source: https://support.exotel.com/support/solutions/articles/48283-working-with-passthru-applet.
    """
    options = read_options(strict, timezone, limits)
    try:
        raw = decode(_query_of(payload, limits.body_bytes), content_type, limits)
        if identify(raw) is STATUS_CALLBACK:  # It would become an event with almost no fields.
            raise MissingFieldError(diagnose(raw, "parse_passthru"))
        return read_event(PassthruEvent, PassthruLeg, raw, options, reader="parse_passthru")
    except CallbackError as error:
        forget_context(error)
        raise


parse_passthru.__module__ = "exotel_callback"


def _query_of(payload: object, max_bytes: int) -> object:
    """Remove the URL or path before a query string, because it would become part of the first name."""
    if not isinstance(payload, bytes | bytearray | memoryview | str):
        return payload
    body = cast("Body", payload)
    if size_of(body, max_bytes) > max_bytes:  # `decode` rejects it.
        return body
    return re.sub(_ADDRESS, "", body) if isinstance(body, str) else re.sub(_ADDRESS.encode(), b"", bytes(body))
