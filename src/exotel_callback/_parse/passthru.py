"""The Passthru applet's request, which takes the place of a StatusCallback when a call goes through a flow.

Facts
-----
- It is a GET with the fields in the query string, and only those that the flow knows of at that point.
- What is missing is the text ``null``; ``EndTime`` is the placeholder, since the call is not over; ``digits`` stand in
  double quotes; ``Created`` is written ``Wed, 23 Feb 2022 12:31:59``.
- ``DialCallDuration`` includes ringing. What was talked is the leg's ``OnCallDuration``.
- The legs are the parties whom the Connect applet called, so leg 0 is the first of these and not the caller.

Sources: https://support.exotel.com/support/solutions/articles/48283-working-with-passthru-applet and, for ``Cause`` and
``CauseCode``, https://support.exotel.com/support/solutions/articles/3000087475-list-of-cause-codes-for-calls.
"""

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Final, cast

import attrs

from .._enums import CallStatus, CallType, Direction, Outcome
from .._errors import CallbackError, Issue, MissingFieldError, forget_context
from .._fields.kinds import CALL_STATUS, CALL_TYPE, DATE, DIGITS, DIRECTION, SECONDS, STRING
from .._fields.table import mask_number, mask_text, mask_url, read_only, unknown_fields, wire
from .._model._open import restorable
from .._model.outcome import FAILURES, UNDER_WAY
from .._options import DEFAULT_LIMITS, IST, Limits, read_options
from .._wire.decode import Body, decode, size_of
from .._wire.payload import EMPTY_PAYLOAD
from .diagnose import STATUS_CALLBACK, diagnose, identify
from .event import read_event

_ADDRESS: Final = r"(?i)\A(?:(?:https?:/)?/[^?]*)?\?"


@restorable
@attrs.frozen(kw_only=True)
class PassthruLeg:
    """One party whom the flow called. Every field is None if it was not sent, says nothing or can't be read."""

    __module__ = "exotel_callback"

    number: str | None = attrs.field(default=None, metadata=wire(STRING, "Number"), repr=mask_number)
    """Who was called, as sent."""
    type: str | None = attrs.field(default=None, metadata=wire(STRING, "Type"))
    """How this party was called, such as ``single``."""
    on_call_duration: int | None = attrs.field(default=None, metadata=wire(SECONDS, "OnCallDuration"))
    """Seconds that this party talked, without ringing."""
    caller_id: str | None = attrs.field(default=None, metadata=wire(STRING, "CallerId"), repr=mask_number)
    """The number that this party saw."""
    cause: str | None = attrs.field(default=None, metadata=wire(STRING, "Cause"))
    """The number of the cause for which this leg ended, such as ``16``; as text, because it is no quantity."""
    cause_code: str | None = attrs.field(default=None, metadata=wire(STRING, "CauseCode"))
    """The name of that cause, such as ``NORMAL_CLEARING``, ``USER_BUSY`` or ``RING_TIMEOUT``."""
    disconnected_by: str | None = attrs.field(default=None, metadata=wire(STRING, "DisconnectedBy"))
    """Who hung up."""


@restorable
@attrs.frozen(kw_only=True)
class PassthruEvent:
    """What a flow says of its call at the point where the Passthru applet stands.

    Only ``call_sid`` is always there. None means that a field was not sent, says nothing (``null``), or could not be
    read; the last of these is in ``issues``. The repr masks numbers, URLs, the custom field and the digits.

    Source: https://support.exotel.com/support/solutions/articles/48283-working-with-passthru-applet.
    """

    __module__ = "exotel_callback"

    call_sid: str = attrs.field(metadata=wire(STRING, "CallSid"))
    """The call's identifier."""
    from_number: str | None = attrs.field(default=None, metadata=wire(STRING, "From", "CallFrom"), repr=mask_number)
    """Who called, as sent."""
    to_number: str | None = attrs.field(default=None, metadata=wire(STRING, "To", "CallTo"), repr=mask_number)
    """What was called: of an incoming call your ExoPhone."""
    direction: Direction | None = attrs.field(default=None, metadata=wire(DIRECTION, "Direction"))
    """Who started the call."""
    created: datetime | None = attrs.field(default=None, metadata=wire(DATE, "Created"))
    """When the call came into being; aware, with a fixed offset, as all dates here."""
    start_time: datetime | None = attrs.field(default=None, metadata=wire(DATE, "StartTime"))
    """When the call began."""
    end_time: datetime | None = attrs.field(default=None, metadata=wire(DATE, "EndTime"))
    """None in practice: Exotel writes a placeholder, since the call is not over."""
    current_time: datetime | None = attrs.field(default=None, metadata=wire(DATE, "CurrentTime"))
    """When this request was made, by Exotel's clock."""
    recording_available_by: datetime | None = attrs.field(default=None, metadata=wire(DATE, "RecordingAvailableBy"))
    """When the recording can be fetched at the latest."""
    call_type: CallType | None = attrs.field(default=None, metadata=wire(CALL_TYPE, "CallType"))
    """What happened in the flow so far."""
    dial_status: CallStatus | None = attrs.field(default=None, metadata=wire(CALL_STATUS, "DialCallStatus"))
    """What became of calling the second party; None if the flow has called nobody."""
    ring_and_talk_duration: int | None = attrs.field(default=None, metadata=wire(SECONDS, "DialCallDuration"))
    """Seconds since the second party was called, ringing included: a missed call has some too."""
    dialed_number: str | None = attrs.field(default=None, metadata=wire(STRING, "DialWhomNumber"), repr=mask_number)
    """Whom the Connect applet called."""
    outgoing_number: str | None = attrs.field(
        default=None, metadata=wire(STRING, "OutgoingPhoneNumber"), repr=mask_number
    )
    """Your number from which the second party was called."""
    forwarded_from: str | None = attrs.field(default=None, metadata=wire(STRING, "ForwardedFrom"), repr=mask_number)
    """The number that forwarded the call to you."""
    digits: str | None = attrs.field(default=None, metadata=wire(DIGITS, "digits"), repr=mask_text)
    """What the caller typed into the Gather applet before, without the quotes that Exotel puts around it."""
    flow_id: str | None = attrs.field(default=None, metadata=wire(STRING, "flow_id"))
    """The identifier of the flow."""
    tenant_id: str | None = attrs.field(default=None, metadata=wire(STRING, "tenant_id"))
    """The identifier of your account."""
    recording_url: str | None = attrs.field(default=None, metadata=wire(STRING, "RecordingUrl"), repr=mask_url)
    """Where the recording is. Untrusted: check the host before sending it a key."""
    custom_field: str | None = attrs.field(default=None, metadata=wire(STRING, "CustomField"), repr=mask_text)
    """The text that was handed over when the call was made."""
    process_status: str | None = attrs.field(default=None, metadata=wire(STRING, "ProcessStatus"))
    """As sent; Exotel does not say what it means."""
    legs: tuple[PassthruLeg, ...] = ()
    """The parties whom the flow called, in order. The caller is not among them."""
    issues: tuple[Issue, ...] = ()
    """What was odd about the payload, in the order of the fields; empty for a clean one."""
    raw: Mapping[str, object] = attrs.field(default=EMPTY_PAYLOAD, eq=False, repr=False, converter=read_only)
    """The decoded payload as it was received, read-only; no part of equality, hash and repr. Holds personal data."""

    @property
    def extra(self) -> Mapping[str, object]:
        """The fields of ``raw`` that this version does not know, your own query parameters among them."""
        return unknown_fields(PassthruEvent, PassthruLeg, read_only(self.raw))

    @property
    def outcome(self) -> Outcome:
        """What became of the call: by its dial status, or if that says nothing by its call type; else UNKNOWN."""
        return _BY_DIAL_STATUS.get(self.dial_status) or _BY_CALL_TYPE.get(self.call_type, Outcome.UNKNOWN)


_BY_DIAL_STATUS: Final[Mapping[str | None, Outcome]] = {
    **FAILURES,
    **dict.fromkeys(UNDER_WAY, Outcome.IN_PROGRESS),
    CallStatus.COMPLETED: Outcome.CONNECTED,
}
# After ``call-attempt`` nobody was called, so there is nothing to be told.
_BY_CALL_TYPE: Final[Mapping[CallType | None, Outcome]] = {
    CallType.COMPLETED: Outcome.CONNECTED,
    CallType.CLIENT_HANGUP: Outcome.CANCELED,
    CallType.INCOMPLETE: Outcome.NO_ANSWER,
    CallType.VOICEMAIL: Outcome.NO_ANSWER,
}


def parse_passthru(
    payload: object,
    content_type: str | None = None,
    *,
    strict: bool = False,
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> PassthruEvent:
    """Parse the request of the Passthru applet.

    :param payload: The query string, with or without the address or the path before it, or what your framework made of
        it (``request.args``, ``request.GET``, ``request.query_params``), or a body, as for `parse`.
    :param content_type: As for `parse`; a query string needs none.
    :param strict: As for `parse`.
    :param timezone: As for `parse`.
    :param limits: As for `parse`.
    :raises DecodeError: The payload is not what it claims to be, or too large.
    :raises MissingFieldError: ``CallSid`` is missing, or it is a StatusCallback; the message says what it looks like.
    :raises InvalidCallbackError: In strict mode only.
    :raises TypeError: An argument other than `payload` is not what it should be.

    Source: https://support.exotel.com/support/solutions/articles/48283-working-with-passthru-applet.
    """
    options = read_options(strict, timezone, limits)
    try:
        raw = decode(_query_of(payload, limits.body_bytes), content_type, limits)
        if identify(raw) is STATUS_CALLBACK:  # which would be read as a request with hardly any field
            raise MissingFieldError(diagnose(raw, "parse_passthru"))
        return read_event(PassthruEvent, PassthruLeg, raw, options, reader="parse_passthru")
    except CallbackError as error:
        forget_context(error)
        raise


parse_passthru.__module__ = "exotel_callback"


def _query_of(payload: object, most: int) -> object:
    """Cut the address or path before a query string, which would become part of the first name."""
    if not isinstance(payload, bytes | bytearray | memoryview | str):
        return payload
    body = cast("Body", payload)
    if size_of(body, most) > most:  # which is refused
        return body
    return re.sub(_ADDRESS, "", body) if isinstance(body, str) else re.sub(_ADDRESS.encode(), b"", bytes(body))
