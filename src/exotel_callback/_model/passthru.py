"""Define `PassthruEvent`: what the Passthru applet of a flow says about a call.

Facts
-----
- A missing value is the string ``null``. ``EndTime`` is the placeholder, because the call isn't over. ``digits`` is in
  double quotes. ``Created`` is written ``Wed, 23 Feb 2022 12:31:59``.
- ``DialCallDuration`` includes ringing. The leg's ``OnCallDuration`` is the time that the parties talked.
- The legs are the parties whom the Connect applet called. So leg 0 is the first of these, and not the caller.
- After a voice bot, the fields of the stream are in ``Stream``. Before it, a request with the ``EventType``
  ``stream-start`` has ``StreamSid`` and ``StreamUrl`` beside the other fields.

Sources:

- https://support.exotel.com/support/solutions/articles/48283-working-with-passthru-applet
- for ``Cause`` and ``CauseCode``:
  https://support.exotel.com/support/solutions/articles/3000087475-list-of-cause-codes-for-calls
- for streams: https://docs.exotel.com/exotel-agentstream/passthru-applet and
  https://developer.exotel.com/docs/agentstream/passthru-applet
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import attrs

from .._enums import CallStatus, CallType, Direction, Outcome, StreamStatus, normalized
from .._errors import Issue
from .._fields.kinds import CALL_STATUS, CALL_TYPE, DATE, DIGITS, DIRECTION, SECONDS, STREAM_STATUS, STRING
from .._fields.names import LEGS
from .._fields.table import (
    mask_message,
    mask_number,
    mask_text,
    mask_url,
    read_only,
    unknown_fields,
    wire,
    with_unknown_leg_fields,
    with_unknown_stream_fields,
)
from .._wire.payload import EMPTY_PAYLOAD, RawPayload
from ._open import restorable
from ._validated import validated
from .event_key import PASSTHRU_KEY, event_key
from .outcome import FAILURES, UNDER_WAY


@restorable
@attrs.frozen(kw_only=True)
class PassthruLeg:
    """One party whom the flow called. A field is None if it was not sent, is empty or is invalid."""

    __module__ = "exotel_callback"

    number: str | None = attrs.field(default=None, metadata=wire(STRING, "Number"), repr=mask_number)
    """The number that was called, as sent."""
    type: str | None = attrs.field(default=None, metadata=wire(STRING, "Type"))
    """The way in which this party was called, such as ``single``."""
    on_call_duration: int | None = attrs.field(default=None, metadata=wire(SECONDS, "OnCallDuration"))
    """The seconds that this party talked, without ringing."""
    caller_id: str | None = attrs.field(default=None, metadata=wire(STRING, "CallerId"), repr=mask_number)
    """The number that this party saw."""
    cause: str | None = attrs.field(default=None, metadata=wire(STRING, "Cause"))
    """The number of the cause for which this leg ended, such as ``16``. It is a string, because it isn't a quantity."""
    cause_code: str | None = attrs.field(default=None, metadata=wire(STRING, "CauseCode"))
    """The name of that cause, such as ``NORMAL_CLEARING``, ``USER_BUSY`` or ``RING_TIMEOUT``."""
    disconnected_by: str | None = attrs.field(default=None, metadata=wire(STRING, "DisconnectedBy"))
    """The party that hung up."""


@restorable
@attrs.frozen(kw_only=True)
class Stream:
    """The stream between a call and a voice bot. A field is None if it was not sent, is empty or is invalid.

    The repr masks both URLs, and the URLs and numbers in messages. Source: https://docs.exotel.com/exotel-agentstream/passthru-applet.
    """

    __module__ = "exotel_callback"

    stream_sid: str | None = attrs.field(default=None, metadata=wire(STRING, "StreamSID", "StreamSid"))
    """The identifier of the stream."""
    status: StreamStatus | None = attrs.field(default=None, metadata=wire(STREAM_STATUS, "Status"))
    """The status of the stream."""
    duration: int | None = attrs.field(default=None, metadata=wire(SECONDS, "Duration"))
    """The seconds that the caller was connected with the bot."""
    recording_url: str | None = attrs.field(default=None, metadata=wire(STRING, "RecordingUrl"), repr=mask_url)
    """The URL of the recording of the stream. Check its host before you send your API key to it."""
    stream_url: str | None = attrs.field(default=None, metadata=wire(STRING, "StreamUrl"), repr=mask_url)
    """The URL of your bot, to which Exotel streams the call."""
    disconnected_by: str | None = attrs.field(default=None, metadata=wire(STRING, "DisconnectedBy"))
    """The party that ended the stream: ``user``, ``bot`` or ``NA``."""
    error: str | None = attrs.field(default=None, metadata=wire(STRING, "Error"), repr=mask_message)
    """The error that ended the stream, as sent."""
    detailed_status: str | None = attrs.field(default=None, metadata=wire(STRING, "DetailedStatus"), repr=mask_message)
    """The details of the status, as sent."""


_STREAM_START: Final = normalized("stream-start")


@validated
@restorable
@attrs.frozen(kw_only=True)
class PassthruEvent:
    """A request of the Passthru applet, which describes the call at that point of the flow.

    Only ``call_sid`` is always present. None means that a field was not sent, is empty (``null``) or is invalid. An
    invalid value is also in ``issues``. The repr masks numbers, URLs, the custom field and the digits.

    Source: https://support.exotel.com/support/solutions/articles/48283-working-with-passthru-applet.
    """

    __module__ = "exotel_callback"

    call_sid: str = attrs.field(metadata=wire(STRING, "CallSid"))
    """The call's identifier."""
    from_number: str | None = attrs.field(default=None, metadata=wire(STRING, "From", "CallFrom"), repr=mask_number)
    """The number of the caller, as sent."""
    to_number: str | None = attrs.field(default=None, metadata=wire(STRING, "To", "CallTo"), repr=mask_number)
    """The number that was called. For an incoming call, this is your ExoPhone."""
    direction: Direction | None = attrs.field(default=None, metadata=wire(DIRECTION, "Direction"))
    """The direction of the call."""
    created: datetime | None = attrs.field(default=None, metadata=wire(DATE, "Created"))
    """The time when the call was created. This date and the others are aware, with a fixed offset."""
    start_time: datetime | None = attrs.field(default=None, metadata=wire(DATE, "StartTime"))
    """The time when the call began."""
    end_time: datetime | None = attrs.field(default=None, metadata=wire(DATE, "EndTime"))
    """The time when the call ended. None in practice, because the call isn't over and Exotel writes a placeholder."""
    current_time: datetime | None = attrs.field(default=None, metadata=wire(DATE, "CurrentTime"))
    """The time of this request, by Exotel's clock."""
    recording_available_by: datetime | None = attrs.field(default=None, metadata=wire(DATE, "RecordingAvailableBy"))
    """The time by which the recording can be fetched."""
    call_type: CallType | None = attrs.field(default=None, metadata=wire(CALL_TYPE, "CallType"))
    """The course of the call in the flow so far."""
    dial_status: CallStatus | None = attrs.field(default=None, metadata=wire(CALL_STATUS, "DialCallStatus"))
    """The result of calling the second party. None if the flow hasn't called a party."""
    ring_and_talk_duration: int | None = attrs.field(default=None, metadata=wire(SECONDS, "DialCallDuration"))
    """The seconds since the second party was called, including ringing. A missed call has this value too."""
    dialed_number: str | None = attrs.field(default=None, metadata=wire(STRING, "DialWhomNumber"), repr=mask_number)
    """The number that the Connect applet called."""
    outgoing_number: str | None = attrs.field(
        default=None, metadata=wire(STRING, "OutgoingPhoneNumber"), repr=mask_number
    )
    """Your number from which the second party was called."""
    forwarded_from: str | None = attrs.field(default=None, metadata=wire(STRING, "ForwardedFrom"), repr=mask_number)
    """The number that forwarded the call to you."""
    digits: str | None = attrs.field(default=None, metadata=wire(DIGITS, "digits"), repr=mask_text)
    """The digits that the caller typed in an earlier Gather applet, without the quotes that Exotel adds."""
    flow_id: str | None = attrs.field(default=None, metadata=wire(STRING, "flow_id"))
    """The identifier of the flow."""
    tenant_id: str | None = attrs.field(default=None, metadata=wire(STRING, "tenant_id"))
    """The identifier of your account."""
    account_sid: str | None = attrs.field(default=None, metadata=wire(STRING, "AccountSid"))
    """The name of your account."""
    event_type: str | None = attrs.field(default=None, metadata=wire(STRING, "EventType"))
    """The event, such as ``stream-start``, which asks whether the stream may begin. None for other requests."""
    recording_url: str | None = attrs.field(default=None, metadata=wire(STRING, "RecordingUrl"), repr=mask_url)
    """The URL of the recording, or else that of the stream. Check its host before you send your API key to it."""
    custom_field: str | None = attrs.field(default=None, metadata=wire(STRING, "CustomField"), repr=mask_text)
    """The string that you passed when you requested the call."""
    process_status: str | None = attrs.field(default=None, metadata=wire(STRING, "ProcessStatus"), repr=mask_message)
    """The value as sent. Exotel doesn't document its meaning."""
    legs: tuple[PassthruLeg, ...] = ()
    """The parties whom the flow called, in order. The caller isn't one of them."""
    stream: Stream | None = None
    """The stream between the call and a voice bot. None if the request has none of its fields."""
    issues: tuple[Issue, ...] = ()
    """The problems with the payload, in the order of the fields. Empty if there are none."""
    raw: Mapping[str, object] = attrs.field(default=EMPTY_PAYLOAD, eq=False, repr=False, converter=read_only)
    """The decoded payload, read-only. It holds personal data, and isn't part of equality, hash and repr."""

    @property
    def extra(self) -> Mapping[str, object]:
        """The fields of ``raw`` that this version doesn't know, including your own query parameters.

        Those of legs and of the stream have bracket keys in every encoding, such as ``Legs[0][NewField]`` and
        ``Stream[NewField]``. Values are as received.
        """
        raw = read_only(self.raw)
        unknown = with_unknown_leg_fields(unknown_fields(PassthruEvent, raw, LEGS), PassthruLeg, raw, len(self.legs))
        return RawPayload(with_unknown_stream_fields(unknown, Stream, raw))

    @property
    def event_key(self) -> str:
        """The key of the request: ``v1:`` and 32 hexadecimal digits. Store it in a unique column.

        Equal requests have equal keys in every encoding and release, and other requests have other keys. ``raw`` and
        unknown fields don't change the key.
        """
        return event_key(PASSTHRU_KEY, self, self.legs, self.stream)

    @property
    def outcome(self) -> Outcome:
        """The result of the call. UNKNOWN if the request doesn't say.

        It follows from ``dial_status``, or else from the stream's status, or else from ``call_type``.
        """
        stream_status = self.stream.status if self.stream else None
        return (
            _BY_DIAL_STATUS.get(self.dial_status)
            or _BY_STREAM_STATUS.get(stream_status)
            or (Outcome.IN_PROGRESS if normalized(self.event_type or "") == _STREAM_START else None)
            or _BY_CALL_TYPE.get(self.call_type, Outcome.UNKNOWN)
        )


_BY_DIAL_STATUS: Final[Mapping[str | None, Outcome]] = {
    **FAILURES,
    **dict.fromkeys(UNDER_WAY, Outcome.IN_PROGRESS),
    CallStatus.COMPLETED: Outcome.CONNECTED,
}
_BY_STREAM_STATUS: Final[Mapping[StreamStatus | None, Outcome]] = {
    StreamStatus.COMPLETED: Outcome.CONNECTED,
    StreamStatus.FAILED: Outcome.FAILED,
    StreamStatus.CANCELLED: Outcome.CANCELED,
    StreamStatus.IN_PROGRESS: Outcome.IN_PROGRESS,
}
# ``call-attempt`` isn't here, because the flow hasn't called a party yet. Its outcome is UNKNOWN.
_BY_CALL_TYPE: Final[Mapping[CallType | None, Outcome]] = {
    CallType.COMPLETED: Outcome.CONNECTED,
    CallType.CLIENT_HANGUP: Outcome.CANCELED,
    CallType.INCOMPLETE: Outcome.NO_ANSWER,
    CallType.VOICEMAIL: Outcome.NO_ANSWER,
}
