"""The typed values: `StatusCallback` and its `Leg`. Each field's line is also its row in the table of wire names.

Source of the names: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback. The aliases ``Sid`` (Call
Details API) and ``CallFrom``, ``CallTo`` (https://developer.exotel.com/docs/advanced-config/webhooks-setup) are other
pages' names of the same thing.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

import attrs

from ._errors import Issue
from ._names import LEG_ID, LEGS, chosen_name, leg_key
from ._raw import EMPTY, FilePart, RawPayload, Snapshot
from ._read import ANSWERED_BY, CALL_STATUS, DATE, DIRECTION, EVENT_TYPE, LEG_STATUS, SECONDS, TEXT, Kind
from ._words import AnsweredBy, CallStatus, Direction, EventType, LegStatus

_HOST: Final = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?(?=[/?#]|$)", re.IGNORECASE)


def mask_number(number: str | None) -> str:
    """Show no more of a number than its last three digits."""
    if number is None:
        return "None"
    digits = re.sub("[^0-9]", "", number)
    return f"'***{digits[-3:]}'" if len(digits) > 3 else "'***'"  # noqa: PLR2004 - the three digits


def mask_url(url: str | None) -> str:
    """Show no more of a URL than its host; a user part, or what is no URL, is hidden as a whole."""
    if url is None:
        return "None"
    host = _HOST.match(url)
    return f"'{host[0]}/***'" if host else "'***'"


def mask_text(text: str | None) -> str:
    """Show only whether there is a text."""
    return "None" if text is None else "'***'"


def wire(kind: Kind, *names: str) -> dict[str, object]:
    """Say how a field is called on the wire, the primary name first, and how it is read."""
    return {"wire": names, "kind": kind}


class WireField(NamedTuple):
    """One row of the table of wire names."""

    attribute: str
    names: tuple[str, ...]
    kind: Kind
    required: bool


def _wire_fields(cls: type[attrs.AttrsInstance]) -> tuple[WireField, ...]:
    return tuple(
        WireField(field.name, field.metadata["wire"], field.metadata["kind"], field.default is attrs.NOTHING)
        for field in attrs.fields(cls)
        if "wire" in field.metadata
    )


def _frozen(raw: Mapping[str, object]) -> RawPayload:
    """Copy a mapping that a caller made; the decoders' own is read-only already."""
    return raw if isinstance(raw, RawPayload) else Snapshot().of_mapping(raw)


@attrs.frozen(kw_only=True)
class Leg:
    """One party's part of a call. Leg 0 is the party that was called first, leg 1 the second.

    A leg of which nothing is known has None in every field. Its fields that this version does not know are in the
    callback's ``raw``. Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback.
    """

    on_call_duration: int | None = attrs.field(default=None, metadata=wire(SECONDS, "OnCallDuration"))
    """Seconds this party was on the call; None if not sent or not readable."""
    status: LegStatus | None = attrs.field(default=None, metadata=wire(LEG_STATUS, "Status"))
    """What became of this leg: `LegStatus.NOT_ATTEMPTED` if sent as null or empty, None if not sent or not readable."""
    answered_by: AnsweredBy | None = attrs.field(default=None, metadata=wire(ANSWERED_BY, "AnsweredBy"))
    """Who answered; None unless answering-machine detection is on."""


@attrs.frozen(kw_only=True)
class StatusCallback:
    """What Exotel says of a call when it was answered or is over.

    Only ``call_sid``, ``date_updated``, ``status`` and ``recording_url`` are always sent; the rest needs
    ``StatusCallbackEvents`` and a call made with both ``From`` and ``To``. None means that a field was not sent, was
    empty, or could not be read; the last of these is in ``issues``. Values are immutable, hashable, comparable,
    picklable and safe to share between threads. The repr masks numbers, the URL after its host, and the custom field.

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback.
    """

    call_sid: str = attrs.field(metadata=wire(TEXT, "CallSid", "Sid"))
    """The call's identifier. Not always hexadecimal."""
    status: CallStatus = attrs.field(metadata=wire(CALL_STATUS, "Status"))
    """The status of the call as a whole, which does not say who failed to answer."""
    date_updated: datetime | None = attrs.field(default=None, metadata=wire(DATE, "DateUpdated"))
    """When the status last changed; aware, with a fixed offset."""
    date_created: datetime | None = attrs.field(default=None, metadata=wire(DATE, "DateCreated"))
    """When the call was asked for; aware, with a fixed offset."""
    start_time: datetime | None = attrs.field(default=None, metadata=wire(DATE, "StartTime"))
    """When the call was handed to the operator; aware, with a fixed offset."""
    end_time: datetime | None = attrs.field(default=None, metadata=wire(DATE, "EndTime"))
    """When the call ended; aware, with a fixed offset. None while it is not over."""
    recording_url: str | None = attrs.field(default=None, metadata=wire(TEXT, "RecordingUrl"), repr=mask_url)
    """Where the recording is; None without one. Untrusted: check the host before sending it a key."""
    event_type: EventType | None = attrs.field(default=None, metadata=wire(EVENT_TYPE, "EventType"))
    """What the callback was sent for; None when no events were subscribed."""
    from_number: str | None = attrs.field(default=None, metadata=wire(TEXT, "From", "CallFrom"), repr=mask_number)
    """The party that was called first, as sent: with a trunk ``0``, E.164, masked, or a SIP address."""
    to_number: str | None = attrs.field(default=None, metadata=wire(TEXT, "To", "CallTo"), repr=mask_number)
    """The party that was called second, as sent; None when the call went to a flow."""
    phone_number_sid: str | None = attrs.field(default=None, metadata=wire(TEXT, "PhoneNumberSid"), repr=mask_number)
    """The identifier of the ExoPhone, often its number."""
    conversation_duration: int | None = attrs.field(default=None, metadata=wire(SECONDS, "ConversationDuration"))
    """Seconds that both parties were connected."""
    direction: Direction | None = attrs.field(default=None, metadata=wire(DIRECTION, "Direction"))
    """Who started the call."""
    custom_field: str | None = attrs.field(default=None, metadata=wire(TEXT, "CustomField"), repr=mask_text)
    """The text that was handed over when the call was made."""
    legs: tuple[Leg, ...] = ()
    """The parties' parts of the call, in the order in which they were called. The position is meaning."""
    issues: tuple[Issue, ...] = ()
    """What was odd about the payload, in the order of the fields; empty for a clean one."""
    raw: Mapping[str, object] = attrs.field(default=EMPTY, eq=False, repr=False, converter=_frozen)
    """The decoded payload as it was received, read-only; no part of equality, hash and repr. Holds personal data."""

    @property
    def is_terminal(self) -> bool:
        """Whether the call is over: the status is completed, failed, busy, no-answer or canceled."""
        return self.status.is_terminal

    @property
    def extra(self) -> Mapping[str, object]:
        """The fields of ``raw`` that this version does not know, and an alias whose primary name counts."""
        raw = _frozen(self.raw)
        known = {LEGS}
        for field in CALLBACK_FIELDS:
            chosen = field.names.index(chosen_name(raw, field.names))
            known.update(field.names[: chosen + 1])
        return RawPayload(
            {
                name: value
                for name, value in raw.items()
                if name not in known and not isinstance(value, FilePart) and not _is_known_leg_key(name)
            }
        )


CALLBACK_FIELDS: Final = _wire_fields(StatusCallback)
LEG_FIELDS: Final = _wire_fields(Leg)
_LEG_NAMES: Final = {None, LEG_ID, *(name for field in LEG_FIELDS for name in field.names)}


def _is_known_leg_key(name: str) -> bool:
    key = leg_key(name)
    return key is not None and key.field in _LEG_NAMES and not key.is_deeper
