"""Define the enums of the values that Exotel documents, and match a received value to a member.

Facts
-----
- Exotel's pages spell one value in multiple ways (``Human`` and ``HUMAN``), and flows add others (``cancelled``,
  ``incoming``). So values are compared without case, whitespace, ``-`` and ``_``.
- Undocumented values can arrive at any time (``free``, ``completed-no-answer``). They become ``UNKNOWN``. The string
  ``unknown`` is an unrecognized value too, and leaves an issue.

Each member's value is the documented spelling.
"""

import re
from collections.abc import Callable
from enum import StrEnum, unique
from typing import ClassVar, Final, TypeVar


@unique
class CallStatus(StrEnum):
    """The status of the whole call (``Status``). It doesn't say which party failed to answer.

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback. The Call Details API and flows
    also send ``queued``, ``ringing``, ``in-progress`` and ``canceled``. The values that name a leg are those of
    https://developer.exotel.com/docs/voice-v3/api-reference/call-details; the from-leg is the first party.
    """

    __module__ = "exotel_callback"

    FINAL: ClassVar[frozenset["CallStatus"]]
    """The terminal statuses, for filters and SQL."""

    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    FAILED = "failed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"
    FROM_LEG_UNANSWERED = "from_leg_unanswered"
    TO_LEG_UNANSWERED = "to_leg_unanswered"
    FROM_LEG_CANCELLED = "from_leg_cancelled"
    TO_LEG_CANCELLED = "to_leg_cancelled"
    FROM_LEG_NO_DIAL = "from_leg_no_dial"
    TO_LEG_NO_DIAL = "to_leg_no_dial"
    UNKNOWN = "unknown"
    """An unrecognized value. The callback's ``issues`` and ``raw`` hold the value itself."""

    @property
    def is_terminal(self) -> bool:
        """Whether the call is over: the status is one of ``CallStatus.FINAL``."""
        return self in CallStatus.FINAL

    def supersedes(self, other: "CallStatus") -> bool:
        """Return whether this status may replace the stored status `other`.

        Events arrive late and repeatedly. A terminal status replaces every other status, and only a terminal status
        replaces it. Of queued, ringing and in-progress, a status replaces itself and the ones before it. ``UNKNOWN``
        replaces nothing, not even itself, and every other status replaces ``UNKNOWN``.

        :param other: The stored status: a member, or its value as a string.
        :raises ValueError: `other` isn't a `CallStatus`.
        """
        progress = PROGRESS[CallStatus(other)]
        return self is not CallStatus.UNKNOWN and PROGRESS[self] >= progress


_EARLIER: Final = (CallStatus.UNKNOWN, CallStatus.QUEUED, CallStatus.RINGING, CallStatus.IN_PROGRESS)
CallStatus.FINAL = frozenset(CallStatus).difference(_EARLIER)

# How far each status is in the course of a call.
PROGRESS: Final[dict[CallStatus, int]] = {
    **{status: progress for progress, status in enumerate(_EARLIER)},
    **dict.fromkeys(CallStatus.FINAL, len(_EARLIER)),
}


@unique
class LegStatus(StrEnum):
    """The status of one leg (``Legs[n].Status``).

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback, "Leg Status Values". The three
    statuses that aren't terminal occur in ``answered`` events.
    """

    __module__ = "exotel_callback"

    COMPLETED = "completed"
    BUSY = "busy"
    FAILED = "failed"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"
    IN_PROGRESS = "in-progress"
    RINGING = "ringing"
    QUEUED = "queued"
    NOT_ATTEMPTED = "not-attempted"
    """The leg was not attempted: its status was sent as null or empty. Exotel never sends this member's value."""
    UNKNOWN = "unknown"
    """An unrecognized value. The callback's ``issues`` and ``raw`` hold the value itself."""

    @classmethod
    def _missing_(cls, value: object) -> "LegStatus | None":
        """Accept the value that 1.0.0 wrote for a leg that was not attempted."""
        return cls.NOT_ATTEMPTED if value == "null" else None


@unique
class AnsweredBy(StrEnum):
    """The kind of answer on a leg (``Legs[n].AnsweredBy``), sent when answering-machine detection is on.

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback, "AnsweredBy Values".
    """

    __module__ = "exotel_callback"

    HUMAN = "Human"
    MACHINE = "Machine"
    NOT_SURE = "NotSure"
    NOT_APPLICABLE = "NA"
    UNKNOWN = "unknown"
    """An unrecognized value. The callback's ``issues`` and ``raw`` hold the value itself."""


@unique
class Direction(StrEnum):
    """The direction of the call (``Direction``).

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback.
    """

    __module__ = "exotel_callback"

    INBOUND = "inbound"
    OUTBOUND_DIAL = "outbound-dial"
    OUTBOUND_API = "outbound-api"
    OUTBOUND = "outbound"
    """An outbound call of either kind: the value doesn't say which one."""
    UNKNOWN = "unknown"
    """An unrecognized value. The callback's ``issues`` and ``raw`` hold the value itself."""


@unique
class EventType(StrEnum):
    """The event that the callback reports (``EventType``). Exotel sends it only if you subscribe to events.

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback; "more events can be added".
    """

    __module__ = "exotel_callback"

    TERMINAL = "terminal"
    RINGING = "ringing"
    ANSWERED = "answered"
    UNKNOWN = "unknown"
    """An unrecognized value. The callback's ``issues`` and ``raw`` hold the value itself."""


@unique
class CallType(StrEnum):
    """The course of a call in its flow before the Passthru applet (``CallType``).

    Source: https://support.exotel.com/support/solutions/articles/48283-working-with-passthru-applet.
    """

    __module__ = "exotel_callback"

    CALL_ATTEMPT = "call-attempt"
    """The flow hasn't tried to connect the caller yet, for example in a menu."""
    COMPLETED = "completed"
    """The caller talked with a party."""
    CLIENT_HANGUP = "client-hangup"
    """The caller hung up while the flow was calling a party."""
    INCOMPLETE = "incomplete"
    """No called party answered."""
    VOICEMAIL = "voicemail"
    """The caller was sent to the Voicemail applet."""
    UNKNOWN = "unknown"
    """An unrecognized value. The event's ``issues`` and ``raw`` hold the value itself."""


@unique
class StreamStatus(StrEnum):
    """The status of the stream between a call and a voice bot (``Stream[Status]``).

    Source: https://docs.exotel.com/exotel-agentstream/passthru-applet; ``in-progress`` was seen in public code.
    """

    __module__ = "exotel_callback"

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    IN_PROGRESS = "in-progress"
    UNKNOWN = "unknown"
    """An unrecognized value. The event's ``issues`` and ``raw`` hold the value itself."""


@unique
class PopupEventType(StrEnum):
    """The event that a popup request of the Connect applet reports (``EventType``).

    Source: https://support.exotel.com/support/solutions/articles/3000106308.
    """

    __module__ = "exotel_callback"

    DIAL = "Dial"
    """Exotel begins to call the agent."""
    RINGING = "Ringing"
    """The agent's phone rings."""
    ANSWERED = "Answered"
    """The agent answered."""
    TERMINAL = "Terminal"
    """The call to the agent is over."""
    UNKNOWN = "unknown"
    """An unrecognized value. The event's ``issues`` and ``raw`` hold the value itself."""


@unique
class AgentStatus(StrEnum):
    """The status of the agent in a popup request (``Status``). It isn't the status of the call.

    Source: https://support.exotel.com/support/solutions/articles/3000106308.
    """

    __module__ = "exotel_callback"

    BUSY = "busy"
    """The agent is being called, or talks."""
    FREE = "free"
    """The agent isn't on a call."""
    UNKNOWN = "unknown"
    """An unrecognized value. The event's ``issues`` and ``raw`` hold the value itself."""


@unique
class Outcome(StrEnum):
    """The result of a call. This library computes it from the whole payload; Exotel doesn't send it."""

    __module__ = "exotel_callback"

    CONNECTED = "connected"
    """Both parties were on the call."""
    MACHINE = "machine"
    """The second party's voicemail, or a recorded menu, answered."""
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    CANCELED = "canceled"
    FAILED = "failed"
    FIRST_PARTY_ONLY = "first-party-only"
    """Only the first party was on the call: a voice bot, a flow, or a caller who hung up first."""
    IN_PROGRESS = "in-progress"
    """The call isn't over yet."""
    UNKNOWN = "unknown"
    """The payload doesn't say."""


# Spellings that differ from the documented value by more than case, whitespace, ``-`` and ``_``. For a new spelling,
# add an enum member instead. A new alias changes the `event_key` of events that users have stored.
_ALIASES = {
    "cancelled": "canceled",  # British spelling, seen in flows
    "canceled": "cancelled",  # the American spelling of the statuses that Exotel spells the British way
    "fromlegcanceled": "from_leg_cancelled",
    "tolegcanceled": "to_leg_cancelled",
    "incoming": "inbound",  # the Passthru applet
    "outgoing": "outbound",  # the Passthru applet
}

_IGNORED_IN_VALUES = re.compile(r"[\s_-]+")


# The members whose values Exotel never sends.
NOT_SENT_NAMES: Final = frozenset({"UNKNOWN", "NOT_ATTEMPTED"})


def normalized(value: str) -> str:
    """Return a value in lower case, without whitespace, ``-`` and ``_``. Equal results match."""
    return (value if value.isalnum() else _IGNORED_IN_VALUES.sub("", value)).lower()


E = TypeVar("E", bound=StrEnum)


def value_reader(enum: type[E]) -> Callable[..., E | None]:
    """Make a function that returns the member of `enum` for a value, or None for an unrecognized value.

    It ignores a second argument, so that it can be the reader of a kind of fields.
    """
    table = {normalized(member): member for member in enum if member.name not in NOT_SENT_NAMES}
    table |= {alias: table[normalized(value)] for alias, value in _ALIASES.items() if normalized(value) in table}
    if "NOT_ATTEMPTED" in enum.__members__:
        table["null"] = enum["NOT_ATTEMPTED"]  # In any spelling, as for every value: ``nul l`` is one.

    def read(value: str, _: object = None) -> E | None:
        return table.get(value) or table.get(normalized(value))

    return read
