"""The typed values: `StatusCallback` and its `Leg`. Each field's line is also its row in the table of wire names.

Source of the names: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback. The aliases ``Sid`` (Call
Details API) and ``CallFrom``, ``CallTo`` (https://developer.exotel.com/docs/advanced-config/webhooks-setup) are other
pages' names of the same thing.
"""

from collections.abc import Mapping
from datetime import datetime

import attrs

from .._enums import AnsweredBy, CallStatus, Direction, EventType, LegStatus, Outcome
from .._errors import Issue
from .._fields.kinds import ANSWERED_BY, CALL_STATUS, DATE, DIRECTION, EVENT_TYPE, LEG_STATUS, SECONDS, STRING
from .._fields.names import CALL_DETAILS_ID
from .._fields.table import mask_number, mask_text, mask_url, read_only, unknown_fields, wire
from .._wire.payload import EMPTY_PAYLOAD
from ._open import restorable
from .event_key import event_key
from .outcome import Result, outcome_of


@restorable
@attrs.frozen(kw_only=True)
class Leg:
    """One party's part of a call. Leg 0 is the party that was called first, leg 1 the second.

    A leg of which nothing is known has None in every field. Its fields that this version does not know are in the
    callback's ``raw``. Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback.
    """

    __module__ = "exotel_callback"

    on_call_duration: int | None = attrs.field(default=None, metadata=wire(SECONDS, "OnCallDuration"))
    """Seconds this party was on the call; None if not sent or not readable."""
    status: LegStatus | None = attrs.field(default=None, metadata=wire(LEG_STATUS, "Status"))
    """What became of this leg: `LegStatus.NOT_ATTEMPTED` if sent as null or empty, None if not sent or not readable."""
    answered_by: AnsweredBy | None = attrs.field(default=None, metadata=wire(ANSWERED_BY, "AnsweredBy"))
    """Who answered; None unless answering-machine detection is on."""


# Nobody makes one of these: `StatusCallback` and `_call.Call` have the methods that attrs would write.
@attrs.frozen(kw_only=True, init=False, eq=False, repr=False)
class CallFields:
    """What a `StatusCallback` and a merged `Call` have in common: the fields, and what follows from them."""

    call_sid: str = attrs.field(metadata=wire(STRING, "CallSid", CALL_DETAILS_ID))
    """The call's identifier. Not always hexadecimal."""
    status: CallStatus = attrs.field(metadata=wire(CALL_STATUS, "Status"))
    """The status of the call as a whole, which does not say who failed to answer: see ``outcome``."""
    date_updated: datetime | None = attrs.field(default=None, metadata=wire(DATE, "DateUpdated"))
    """When the status last changed; aware, with a fixed offset."""
    date_created: datetime | None = attrs.field(default=None, metadata=wire(DATE, "DateCreated"))
    """When the call was asked for; aware, with a fixed offset."""
    start_time: datetime | None = attrs.field(default=None, metadata=wire(DATE, "StartTime"))
    """When the call was handed to the operator; aware, with a fixed offset."""
    end_time: datetime | None = attrs.field(default=None, metadata=wire(DATE, "EndTime"))
    """When the call ended; aware, with a fixed offset. None while it is not over, or its figures are not settled."""
    recording_url: str | None = attrs.field(default=None, metadata=wire(STRING, "RecordingUrl"), repr=mask_url)
    """Where the recording is; None without one. Untrusted: check the host before sending it a key."""
    event_type: EventType | None = attrs.field(default=None, metadata=wire(EVENT_TYPE, "EventType"))
    """What the callback was sent for; None if no events were subscribed."""
    from_number: str | None = attrs.field(default=None, metadata=wire(STRING, "From", "CallFrom"), repr=mask_number)
    """The party that was called first, as sent: trunk ``0``, E.164, masked, or a SIP address."""
    to_number: str | None = attrs.field(default=None, metadata=wire(STRING, "To", "CallTo"), repr=mask_number)
    """The party that was called second, as sent; None when the call went to a flow."""
    phone_number_sid: str | None = attrs.field(default=None, metadata=wire(STRING, "PhoneNumberSid"), repr=mask_number)
    """The identifier of the ExoPhone, often its number."""
    conversation_duration: int | None = attrs.field(default=None, metadata=wire(SECONDS, "ConversationDuration"))
    """Seconds that both parties were connected."""
    direction: Direction | None = attrs.field(default=None, metadata=wire(DIRECTION, "Direction"))
    """Who started the call."""
    custom_field: str | None = attrs.field(default=None, metadata=wire(STRING, "CustomField"), repr=mask_text)
    """The text that was handed over when the call was made."""
    legs: tuple[Leg, ...] = ()
    """The parties' parts of the call, in the order in which they were called. The position is meaning."""
    issues: tuple[Issue, ...] = ()
    """What was odd about the payload, in the order of the fields; empty for a clean one."""

    @property
    def is_terminal(self) -> bool:
        """Whether the call is over: the status is completed, failed, busy, no-answer or canceled."""
        return self.status.is_terminal

    @property
    def outcome(self) -> Outcome:
        """What became of the call, told from status, legs, duration and direction by ``docs/reference/outcome.md``.

        `Outcome.UNKNOWN` if that can't be told, as of a ``completed`` in the default payload, which has no legs.
        """
        return self._result().outcome

    @property
    def unreached_leg(self) -> int | None:
        """The position of the leg whose party was not reached, by the same table; None if none is known."""
        return self._result().unreached_leg

    @property
    def answered_by(self) -> AnsweredBy | None:
        """Who answered the last completed leg after the first; if none is completed, what is said of leg 1."""
        others = self.legs[1:]
        completed = [leg for leg in others if leg.status is LegStatus.COMPLETED]
        return next((leg.answered_by for leg in (*reversed(completed), *others)), None)

    @property
    def event_key(self) -> str:
        """``v1:`` and 32 hexadecimal digits: equal for equal events and for no others, in every encoding and release.

        Made for a unique column. ``raw`` and unknown fields do not count.
        """
        return event_key(self, self.legs, self.issues)

    def _result(self) -> Result:
        statuses = [leg.status for leg in self.legs]
        return outcome_of(self.status, statuses, self.answered_by, self.conversation_duration, self.direction)


@restorable
@attrs.frozen(kw_only=True)
class StatusCallback(CallFields):
    """What Exotel says of a call when it was answered or is over.

    Only ``call_sid``, ``date_updated``, ``status`` and ``recording_url`` are always sent; the rest needs
    ``StatusCallbackEvents`` and a call made with both ``From`` and ``To``. None means that a field was not sent, was
    empty, or could not be read; the last of these is in ``issues``. Values are immutable, hashable, comparable,
    picklable and safe to share between threads. The repr masks numbers, the URL after its host, and the custom field.

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback.
    """

    __module__ = "exotel_callback"

    raw: Mapping[str, object] = attrs.field(default=EMPTY_PAYLOAD, eq=False, repr=False, converter=read_only)
    """The decoded payload as it was received, read-only; no part of equality, hash and repr. Holds personal data."""

    @property
    def extra(self) -> Mapping[str, object]:
        """The fields of ``raw`` that this version does not know, and an alias whose primary name counts."""
        return unknown_fields(StatusCallback, Leg, read_only(self.raw))
