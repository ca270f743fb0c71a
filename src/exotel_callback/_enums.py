"""The words Exotel documents, and how a word on the wire is matched to them.

Facts
-----
- Exotel's pages spell one word in several ways (``Human`` and ``HUMAN``), and flows add others (``cancelled``,
  ``incoming``), so words are compared without case and without blanks, ``-`` and ``_``.
- Words that are in no document arrive at any time (``free``, ``to_leg_unanswered``). They become ``UNKNOWN``, which is
  therefore in no table: the word ``unknown`` on the wire is an unknown word like any other.

Each enum below is one table; its members' values are the documented words.
"""

import re
from collections.abc import Callable
from enum import StrEnum, unique
from typing import Final, TypeVar


@unique
class CallStatus(StrEnum):
    """What Exotel says of the whole call (``Status``).

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback and, for ``queued``, ``ringing``,
    ``in-progress`` and ``canceled``, the Call Details API and flows. It does not say which party failed to answer.
    """

    __module__ = "exotel_callback"

    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    FAILED = "failed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"
    UNKNOWN = "unknown"
    """A word that is in no table; the word itself is in the callback's ``issues`` and ``raw``."""

    @property
    def is_terminal(self) -> bool:
        """Whether the call is over: completed, failed, busy, no-answer or canceled."""
        return PROGRESS[self] == _TERMINAL

    def supersedes(self, other: "CallStatus") -> bool:
        """Whether a row that holds `other` may be overwritten with this one.

        Events arrive late and repeatedly. A terminal status supersedes every other, which is a correction, and is
        superseded by terminal ones only. Of queued, ringing and in-progress the same or a further one supersedes.
        ``UNKNOWN`` supersedes nothing, not even itself, and is superseded by everything known.

        :param other: What the row holds: a member, or its value as text.
        :raises ValueError: `other` is no `CallStatus`.
        """
        progress = PROGRESS[CallStatus(other)]
        return self is not CallStatus.UNKNOWN and PROGRESS[self] >= progress


_TERMINAL: Final = 4

# How far along a call is.
PROGRESS: Final[dict[CallStatus, int]] = {
    CallStatus.UNKNOWN: 0,
    CallStatus.QUEUED: 1,
    CallStatus.RINGING: 2,
    CallStatus.IN_PROGRESS: 3,
    CallStatus.COMPLETED: _TERMINAL,
    CallStatus.FAILED: _TERMINAL,
    CallStatus.BUSY: _TERMINAL,
    CallStatus.NO_ANSWER: _TERMINAL,
    CallStatus.CANCELED: _TERMINAL,
}


@unique
class LegStatus(StrEnum):
    """What became of one leg (``Legs[n].Status``).

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback, "Leg Status Values"; the three
    that are not terminal occur in ``answered`` events.
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
    """The status was sent as null or empty: this leg was not attempted. Exotel never sends this value itself."""
    UNKNOWN = "unknown"
    """A word that is in no table; the word itself is in the callback's ``issues`` and ``raw``."""

    @classmethod
    def _missing_(cls, value: object) -> "LegStatus | None":
        """Accept the value that 1.0.0 wrote for a leg that was not attempted."""
        return cls.NOT_ATTEMPTED if value == "null" else None


@unique
class AnsweredBy(StrEnum):
    """Who or what answered a leg (``Legs[n].AnsweredBy``), sent when answering-machine detection is on.

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback, "AnsweredBy Values".
    """

    __module__ = "exotel_callback"

    HUMAN = "Human"
    MACHINE = "Machine"
    NOT_SURE = "NotSure"
    NOT_APPLICABLE = "NA"
    UNKNOWN = "unknown"
    """A word that is in no table; the word itself is in the callback's ``issues`` and ``raw``."""


@unique
class Direction(StrEnum):
    """Who started the call (``Direction``).

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback.
    """

    __module__ = "exotel_callback"

    INBOUND = "inbound"
    OUTBOUND_DIAL = "outbound-dial"
    OUTBOUND_API = "outbound-api"
    UNKNOWN = "unknown"
    """A word that is in no table; the word itself is in the callback's ``issues`` and ``raw``."""


@unique
class EventType(StrEnum):
    """What the callback was sent for (``EventType``); absent when no events were subscribed.

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback; "more events can be added".
    """

    __module__ = "exotel_callback"

    TERMINAL = "terminal"
    ANSWERED = "answered"
    UNKNOWN = "unknown"
    """A word that is in no table; the word itself is in the callback's ``issues`` and ``raw``."""


@unique
class CallType(StrEnum):
    """What happened in a flow until the Passthru applet (``CallType``).

    Source: https://support.exotel.com/support/solutions/articles/48283-working-with-passthru-applet.
    """

    __module__ = "exotel_callback"

    CALL_ATTEMPT = "call-attempt"
    """The flow has connected nobody so far: a menu, for one."""
    COMPLETED = "completed"
    """There was a conversation."""
    CLIENT_HANGUP = "client-hangup"
    """The caller hung up while somebody was being called."""
    INCOMPLETE = "incomplete"
    """Nobody who was called picked up."""
    VOICEMAIL = "voicemail"
    """The caller was sent to the Voicemail applet."""
    UNKNOWN = "unknown"
    """A word that is in no table; the word itself is in the event's ``issues`` and ``raw``."""


@unique
class Outcome(StrEnum):
    """What became of a call, for a person who has to book it. Our own words: Exotel sends none for this."""

    __module__ = "exotel_callback"

    CONNECTED = "connected"
    """Both parties were on the call."""
    MACHINE = "machine"
    """The second party's voicemail, or a menu that speaks, answered."""
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    CANCELED = "canceled"
    FAILED = "failed"
    IN_PROGRESS = "in-progress"
    """Not over yet."""
    UNKNOWN = "unknown"
    """The payload does not tell."""


# Spellings that differ from the documented word by more than case, blanks, ``-`` and ``_``, and who sends them. Events
# with a spelling that is added here get another `event_key` than they had before: rather add a member.
_ALIASES = {
    "cancelled": "canceled",  # British spelling, seen in flows
    "incoming": "inbound",  # the Passthru applet
}

_IGNORED_IN_WORDS = re.compile(r"[\s_-]+")


# The members that stand for what isn't a value of Exotel's.
NOT_SENT_NAMES: Final = frozenset({"UNKNOWN", "NOT_ATTEMPTED"})


def normalized(word: str) -> str:
    """Return what is compared of a word."""
    return (word if word.isalnum() else _IGNORED_IN_WORDS.sub("", word)).lower()


W = TypeVar("W", bound=StrEnum)


def value_reader(enum: type[W]) -> Callable[[str], W | None]:
    """Make the function that finds a word's member in `enum`, or None for a word that is in no table."""
    table = {normalized(member): member for member in enum if member.name not in NOT_SENT_NAMES}
    table |= {alias: table[normalized(word)] for alias, word in _ALIASES.items() if normalized(word) in table}
    if "NOT_ATTEMPTED" in enum.__members__:
        table["null"] = enum["NOT_ATTEMPTED"]  # however it is spelled, as every value: ``nul l`` is one

    def read(word: str) -> W | None:
        return table.get(word) or table.get(normalized(word))

    return read
