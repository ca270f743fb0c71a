"""Define `StatusCallback` and its `Leg`. Each field's line is also its row in the table of wire names.

Source of the names: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback. Other pages use the
aliases ``Sid`` and ``PhoneNumber`` (Call Details API) and ``CallFrom`` and ``CallTo``
(https://developer.exotel.com/docs/advanced-config/webhooks-setup).
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final

import attrs

from .._enums import AnsweredBy, CallStatus, Direction, EventType, LegStatus, Outcome
from .._errors import Issue
from .._fields.answers import without_v3_names
from .._fields.kinds import ANSWERED_BY, CALL_STATUS, DATE, DIRECTION, EVENT_TYPE, LEG_STATUS, SECONDS, STRING
from .._fields.names import CALL_DETAILS_ID, LEGS
from .._fields.table import (
    has_only_usual_names,
    mask_number,
    mask_text,
    mask_url,
    read_only,
    unknown_fields,
    wire,
    with_unknown_leg_fields,
)
from .._wire.payload import EMPTY_PAYLOAD, RawPayload
from ._open import restorable
from ._validated import validated
from .event_key import CALLBACK_KEY, event_key
from .outcome import FINAL_LEGS, Result, answered_by_of, outcome_of


@restorable
@attrs.frozen(kw_only=True)
class Leg:
    """One party's part of a call. Leg 0 is the party that was called first, and leg 1 is the second party.

    If nothing is known about a leg, every field is None. The callback's ``extra`` has the fields that this version
    doesn't know. Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback.
    """

    __module__ = "exotel_callback"

    on_call_duration: int | None = attrs.field(default=None, metadata=wire(SECONDS, "OnCallDuration"))
    """The seconds that this party was on the call. None if the value was not sent or is invalid."""
    status: LegStatus | None = attrs.field(default=None, metadata=wire(LEG_STATUS, "Status"))
    """The status of this leg: `LegStatus.NOT_ATTEMPTED` if sent as null or empty, None if not sent or invalid."""
    answered_by: AnsweredBy | None = attrs.field(default=None, metadata=wire(ANSWERED_BY, "AnsweredBy"))
    """The kind of answer: a human or a machine. None unless answering-machine detection is on."""


class _Derived:
    """Slots for values that follow from an instance's fields and are computed once.

    They aren't fields, so equality, reprs, pickles and copies ignore them.
    """

    __slots__ = ("_key", "_sources")

    _key: str
    """The event key."""
    _sources: frozenset[str]
    """The keys of the events of a call that its fields come from (see `exotel_callback._model.call.merged`)."""


# This class has no instances, so attrs doesn't write its methods. It writes those of `StatusCallback` and `Call`.
@attrs.frozen(kw_only=True, init=False, eq=False, repr=False)
class CallFields(_Derived):
    """The base class of `StatusCallback` and `Call`: their fields, and the properties that follow from these."""

    call_sid: str = attrs.field(metadata=wire(STRING, "CallSid", CALL_DETAILS_ID))
    """The call's identifier. It isn't always hexadecimal."""
    status: CallStatus = attrs.field(metadata=wire(CALL_STATUS, "Status"))
    """The status of the whole call. It doesn't say which party failed to answer; ``outcome`` does."""
    date_updated: datetime | None = attrs.field(default=None, metadata=wire(DATE, "DateUpdated"))
    """The time when the status last changed; aware, with a fixed offset."""
    date_created: datetime | None = attrs.field(default=None, metadata=wire(DATE, "DateCreated"))
    """The time when the call was requested; aware, with a fixed offset."""
    start_time: datetime | None = attrs.field(default=None, metadata=wire(DATE, "StartTime"))
    """The time when Exotel passed the call to the operator; aware, with a fixed offset."""
    end_time: datetime | None = attrs.field(default=None, metadata=wire(DATE, "EndTime"))
    """The time when the call ended; aware, with a fixed offset. None until the call is over and its figures settle."""
    recording_url: str | None = attrs.field(default=None, metadata=wire(STRING, "RecordingUrl"), repr=mask_url)
    """The URL of the recording. None without one. Check its host before you send your API key to it."""
    event_type: EventType | None = attrs.field(default=None, metadata=wire(EVENT_TYPE, "EventType"))
    """The event that the callback reports. None if you didn't subscribe to events."""
    from_number: str | None = attrs.field(default=None, metadata=wire(STRING, "From", "CallFrom"), repr=mask_number)
    """The party that was called first, as sent: with a trunk ``0``, in E.164, masked, or a SIP address."""
    to_number: str | None = attrs.field(default=None, metadata=wire(STRING, "To", "CallTo"), repr=mask_number)
    """The party that was called second, as sent. None if the call went to a flow."""
    phone_number_sid: str | None = attrs.field(
        default=None, metadata=wire(STRING, "PhoneNumberSid", "PhoneNumber"), repr=mask_number
    )
    """The identifier of the ExoPhone, often its number."""
    conversation_duration: int | None = attrs.field(default=None, metadata=wire(SECONDS, "ConversationDuration"))
    """The seconds that both parties were connected."""
    duration: int | None = attrs.field(default=None, metadata=wire(SECONDS, "Duration"))
    """The seconds of the whole call, ringing included. It isn't part of ``event_key``."""
    direction: Direction | None = attrs.field(default=None, metadata=wire(DIRECTION, "Direction"))
    """The direction of the call."""
    custom_field: str | None = attrs.field(default=None, metadata=wire(STRING, "CustomField"), repr=mask_text)
    """The string that you passed when you requested the call."""
    legs: tuple[Leg, ...] = ()
    """The parties' parts of the call, in the order in which they were called. The index has this meaning."""
    issues: tuple[Issue, ...] = ()
    """The problems with the payload, in the order of the fields. Empty if there are none."""

    @property
    def is_terminal(self) -> bool:
        """Whether the call is over: the status is one of ``CallStatus.FINAL``."""
        return self.status.is_terminal

    @property
    def is_settled(self) -> bool:
        """Whether the call is over and its figures are final, so that you needn't ask Exotel for it (again).

        It is over, ``end_time`` is known, and the payload says what happened to the parties: a leg has a final status,
        or ``conversation_duration`` is known. Some calls never settle, so ask for them only for a limited time.
        """
        if not self.is_terminal or self.end_time is None:
            return False
        return self.conversation_duration is not None or any(leg.status in FINAL_LEGS for leg in self.legs)

    @property
    def outcome(self) -> Outcome:
        """The result of the call, from status, legs, duration and direction. See ``docs/reference/outcome.md``.

        It is `Outcome.UNKNOWN` if the payload doesn't say. An example is ``completed`` in the default payload, which
        has no legs.
        """
        return self._result.outcome

    @property
    def unreached_leg(self) -> int | None:
        """The index of the leg whose party was not reached. None if all were reached, or the payload doesn't say."""
        return self._result.unreached_leg

    @property
    def answered_by(self) -> AnsweredBy | None:
        """Who answered: the ``answered_by`` of the last completed leg after leg 0.

        If no such leg is completed, that of leg 1. If leg 1 has none, and no leg after leg 0 was attempted, that of
        leg 0, unless it is ``NA``.
        """
        return answered_by_of([leg.status for leg in self.legs], [leg.answered_by for leg in self.legs])

    @property
    def event_key(self) -> str:
        """The key of the event: ``v1:`` and 32 hexadecimal digits. Store it in a unique column.

        Equal events have equal keys in every encoding and release, and other events have other keys. ``raw``,
        ``duration`` and unknown fields don't change the key.
        """
        try:
            return self._key
        except AttributeError:
            key = event_key(CALLBACK_KEY, self, self.legs)
            object.__setattr__(self, "_key", key)  # Only a cache, so the instance stays immutable.
            return key

    @property
    def _result(self) -> Result:
        legs, duration = self.legs, self.conversation_duration
        statuses, answers = tuple([leg.status for leg in legs]), tuple([leg.answered_by for leg in legs])
        return _outcome_of(self.status, statuses, answers, duration and 1, self.direction)


# Few combinations are frequent. It doesn't matter how long a conversation was.
_outcome_of: Final = lru_cache(maxsize=1_024)(outcome_of)


@validated
@restorable
@attrs.frozen(kw_only=True)
class StatusCallback(CallFields):
    """A callback that Exotel sends when a call is answered or is over.

    Exotel always sends only ``call_sid``, ``date_updated``, ``status`` and ``recording_url``. The other fields need
    ``StatusCallbackEvents`` and a call with both ``From`` and ``To``. None means that a field was not sent, was empty
    or was invalid. An invalid value is also in ``issues``.

    Instances are immutable, hashable, comparable, picklable and safe to share between threads. The repr masks numbers,
    the URL after its host, and the custom field.

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback.
    """

    __module__ = "exotel_callback"

    raw: Mapping[str, object] = attrs.field(default=EMPTY_PAYLOAD, eq=False, repr=False, converter=read_only)
    """The decoded payload, read-only. It holds personal data, and isn't part of equality, hash and repr."""

    @property
    def extra(self) -> Mapping[str, object]:
        """The fields of ``raw`` that this version doesn't know, and each alias whose primary name is used.

        Those of legs have bracket keys in every encoding, such as ``Legs[1][RingingDuration]``. Values are as received.
        For an answer of the Call Details API, see ``docs/reference/call-details.md``.
        """
        raw = read_only(self.raw)
        if has_only_usual_names(StatusCallback, Leg, raw):
            return EMPTY_PAYLOAD
        raw = without_v3_names(raw)
        return RawPayload(with_unknown_leg_fields(unknown_fields(StatusCallback, raw, LEGS), Leg, raw, len(self.legs)))
