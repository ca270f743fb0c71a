"""Define `PopupEvent`: the request that the Connect applet sends while it calls an agent.

Facts
-----
- It is a GET request, so that a CRM can show the caller to the agent. The applet ignores the answer.
- ``Status`` is the status of the agent: ``busy`` means that this agent is being called, or talks. It isn't the status
  of the call, which isn't over.
- Every agent whom the applet calls gets requests of their own. Two rings of one agent differ in ``CurrentTime``.

Sources: https://support.exotel.com/support/solutions/articles/3000106308 and
https://docs.exotel.com/business-phone-system/answeredringing-event-in-crm.
"""

from collections.abc import Mapping
from datetime import datetime

import attrs

from .._enums import AgentStatus, Direction, PopupEventType
from .._errors import Issue
from .._fields.kinds import AGENT_STATUS, DATE, DIRECTION, POPUP_EVENT_TYPE, STRING
from .._fields.table import mask_number, mask_text, mask_url, read_only, unknown_fields, wire
from .._wire.payload import EMPTY_PAYLOAD, RawPayload
from ._open import restorable
from ._validated import validated
from .event_key import POPUP_KEY, event_key


@validated
@restorable
@attrs.frozen(kw_only=True)
class PopupEvent:
    """A popup request of the Connect applet, which says that an agent is being called, talks, or is free again.

    It doesn't report the status of the call, so it never ends a call. Only ``call_sid`` and ``event_type`` are always
    present. None means that a field was not sent, is empty or is invalid. An invalid value is also in ``issues``. The
    repr masks numbers, the URL after its host, and the agent's address.

    Source: https://support.exotel.com/support/solutions/articles/3000106308.
    """

    __module__ = "exotel_callback"

    call_sid: str = attrs.field(metadata=wire(STRING, "CallSid"))
    """The call's identifier."""
    event_type: PopupEventType = attrs.field(metadata=wire(POPUP_EVENT_TYPE, "EventType"))
    """The event that the request reports."""
    agent_status: AgentStatus | None = attrs.field(default=None, metadata=wire(AGENT_STATUS, "Status"))
    """The status of the agent, and not of the call."""
    agent_email: str | None = attrs.field(default=None, metadata=wire(STRING, "AgentEmail"), repr=mask_text)
    """The agent's email address."""
    dialed_number: str | None = attrs.field(default=None, metadata=wire(STRING, "DialWhomNumber"), repr=mask_number)
    """The agent's number, as sent."""
    from_number: str | None = attrs.field(default=None, metadata=wire(STRING, "From", "CallFrom"), repr=mask_number)
    """The number of the caller, as sent."""
    to_number: str | None = attrs.field(default=None, metadata=wire(STRING, "To", "CallTo"), repr=mask_number)
    """The number that was called. For an incoming call, this is your ExoPhone."""
    direction: Direction | None = attrs.field(default=None, metadata=wire(DIRECTION, "Direction"))
    """The direction of the call."""
    created: datetime | None = attrs.field(default=None, metadata=wire(DATE, "Created", "DateCreated"))
    """The time when the call was created. This date and the others are aware, with a fixed offset."""
    current_time: datetime | None = attrs.field(default=None, metadata=wire(DATE, "CurrentTime"))
    """The time of this request, by Exotel's clock."""
    start_time: datetime | None = attrs.field(default=None, metadata=wire(DATE, "StartTime"))
    """The time when the call began."""
    end_time: datetime | None = attrs.field(default=None, metadata=wire(DATE, "EndTime"))
    """The time when the call ended. None while the call isn't over."""
    recording_url: str | None = attrs.field(default=None, metadata=wire(STRING, "RecordingUrl"), repr=mask_url)
    """The URL of the recording. Check its host before you send your API key to it."""
    recording_available_by: datetime | None = attrs.field(default=None, metadata=wire(DATE, "RecordingAvailableBy"))
    """The time by which the recording can be fetched. Exotel sends it with ``Terminal``."""
    issues: tuple[Issue, ...] = ()
    """The problems with the payload, in the order of the fields. Empty if there are none."""
    raw: Mapping[str, object] = attrs.field(default=EMPTY_PAYLOAD, eq=False, repr=False, converter=read_only)
    """The decoded payload, read-only. It holds personal data, and isn't part of equality, hash and repr."""

    @property
    def event_key(self) -> str:
        """The key of the request: ``v1:`` and 32 hexadecimal digits. Store it in a unique column.

        Equal requests have equal keys in every encoding and release, and other requests have other keys. Two rings of
        one agent differ in ``current_time``, so they are two events. ``raw`` and unknown fields don't change the key.
        """
        return event_key(POPUP_KEY, self)

    @property
    def extra(self) -> Mapping[str, object]:
        """The fields of ``raw`` that this version doesn't know, including your own query parameters."""
        return RawPayload(unknown_fields(PopupEvent, read_only(self.raw)))
