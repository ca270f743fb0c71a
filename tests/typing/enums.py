"""Match over each enum completely. mypy and pyright report a member that this file doesn't handle."""

from typing import assert_never

from exotel_callback import (
    AgentStatus,
    AnsweredBy,
    CallStatus,
    CallType,
    Direction,
    EventType,
    IssueCode,
    LegStatus,
    Outcome,
    PopupEventType,
    StreamStatus,
)


def every_agent_status(word: AgentStatus) -> None:
    """Match over `AgentStatus`."""
    match word:
        case AgentStatus.BUSY | AgentStatus.FREE | AgentStatus.UNKNOWN:
            return
        case _:
            assert_never(word)


def every_answered_by(word: AnsweredBy) -> None:
    """Match over `AnsweredBy`."""
    match word:
        case (
            AnsweredBy.HUMAN | AnsweredBy.MACHINE | AnsweredBy.NOT_SURE | AnsweredBy.NOT_APPLICABLE | AnsweredBy.UNKNOWN
        ):
            return
        case _:
            assert_never(word)


def every_call_status(word: CallStatus) -> None:
    """Match over `CallStatus`."""
    match word:
        case (
            CallStatus.QUEUED
            | CallStatus.RINGING
            | CallStatus.IN_PROGRESS
            | CallStatus.COMPLETED
            | CallStatus.FAILED
            | CallStatus.BUSY
            | CallStatus.NO_ANSWER
            | CallStatus.CANCELED
            | CallStatus.FROM_LEG_UNANSWERED
            | CallStatus.TO_LEG_UNANSWERED
            | CallStatus.FROM_LEG_CANCELLED
            | CallStatus.TO_LEG_CANCELLED
            | CallStatus.FROM_LEG_NO_DIAL
            | CallStatus.TO_LEG_NO_DIAL
            | CallStatus.UNKNOWN
        ):
            return
        case _:
            assert_never(word)


def every_call_type(word: CallType) -> None:
    """Match over `CallType`."""
    match word:
        case (
            CallType.CALL_ATTEMPT
            | CallType.COMPLETED
            | CallType.CLIENT_HANGUP
            | CallType.INCOMPLETE
            | CallType.VOICEMAIL
            | CallType.UNKNOWN
        ):
            return
        case _:
            assert_never(word)


def every_direction(word: Direction) -> None:
    """Match over `Direction`."""
    match word:
        case (
            Direction.INBOUND
            | Direction.OUTBOUND_DIAL
            | Direction.OUTBOUND_API
            | Direction.OUTBOUND
            | Direction.UNKNOWN
        ):
            return
        case _:
            assert_never(word)


def every_event_type(word: EventType) -> None:
    """Match over `EventType`."""
    match word:
        case EventType.TERMINAL | EventType.RINGING | EventType.ANSWERED | EventType.UNKNOWN:
            return
        case _:
            assert_never(word)


def every_issue_code(word: IssueCode) -> None:
    """Match over `IssueCode`."""
    match word:
        case (
            IssueCode.UNKNOWN_VALUE
            | IssueCode.NOT_A_NUMBER
            | IssueCode.NOT_A_DATE
            | IssueCode.INVALID_STRING
            | IssueCode.WRONG_TYPE
            | IssueCode.REPEATED
            | IssueCode.CONTRADICTING
            | IssueCode.TOO_MANY_LEGS
            | IssueCode.MISSING
        ):
            return
        case _:
            assert_never(word)


def every_leg_status(word: LegStatus) -> None:
    """Match over `LegStatus`."""
    match word:
        case (
            LegStatus.COMPLETED
            | LegStatus.BUSY
            | LegStatus.FAILED
            | LegStatus.NO_ANSWER
            | LegStatus.CANCELED
            | LegStatus.IN_PROGRESS
            | LegStatus.RINGING
            | LegStatus.QUEUED
            | LegStatus.NOT_ATTEMPTED
            | LegStatus.UNKNOWN
        ):
            return
        case _:
            assert_never(word)


def every_outcome(word: Outcome) -> None:
    """Match over `Outcome`."""
    match word:
        case (
            Outcome.CONNECTED
            | Outcome.MACHINE
            | Outcome.NO_ANSWER
            | Outcome.BUSY
            | Outcome.CANCELED
            | Outcome.FAILED
            | Outcome.FIRST_PARTY_ONLY
            | Outcome.IN_PROGRESS
            | Outcome.UNKNOWN
        ):
            return
        case _:
            assert_never(word)


def every_popup_event_type(word: PopupEventType) -> None:
    """Match over `PopupEventType`."""
    match word:
        case (
            PopupEventType.DIAL
            | PopupEventType.RINGING
            | PopupEventType.ANSWERED
            | PopupEventType.TERMINAL
            | PopupEventType.UNKNOWN
        ):
            return
        case _:
            assert_never(word)


def every_stream_status(word: StreamStatus) -> None:
    """Match over `StreamStatus`."""
    match word:
        case (
            StreamStatus.COMPLETED
            | StreamStatus.FAILED
            | StreamStatus.CANCELLED
            | StreamStatus.IN_PROGRESS
            | StreamStatus.UNKNOWN
        ):
            return
        case _:
            assert_never(word)
