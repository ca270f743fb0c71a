"""What can be odd or wrong about a payload: issues, and the one family of exceptions.

Nothing here ever quotes a phone number, URL or custom field in a message or a repr, because both end up in logs.
"""

from collections.abc import Sequence
from enum import StrEnum, unique
from typing import ClassVar, Final

import attrs

from ._model._open import restorable


@unique
class IssueCode(StrEnum):
    """What kind of odd thing an `Issue` tells of.

    What each means is in the issue's ``message``. These are our own words: Exotel sends none.
    """

    __module__ = "exotel_callback"

    UNKNOWN_VALUE = "unknown-value"
    NOT_A_NUMBER = "not-a-number"
    NOT_A_DATE = "not-a-date"
    INVALID_STRING = "invalid-string"
    WRONG_TYPE = "wrong-type"
    REPEATED = "repeated"
    CONTRADICTING = "contradicting"
    TOO_MANY_LEGS = "too-many-legs"
    MISSING = "missing"

    @classmethod
    def _missing_(cls, value: object) -> "IssueCode | None":
        """Accept the names that 1.0.0 wrote."""
        former = {"unknown-word": cls.UNKNOWN_VALUE, "not-text": cls.INVALID_STRING}
        return former.get(value) if isinstance(value, str) else None


# What a person on call reads; the path follows.
_DESCRIPTIONS: Final = {
    IssueCode.UNKNOWN_VALUE: "unrecognized value",
    IssueCode.NOT_A_NUMBER: "not a valid number of seconds",
    IssueCode.NOT_A_DATE: "not a valid date",
    IssueCode.INVALID_STRING: "not a valid string",
    IssueCode.WRONG_TYPE: "unexpected type",
    IssueCode.REPEATED: "sent more than once with different values; using the first",
    IssueCode.CONTRADICTING: "`Legs` and the bracket keys disagree; using the bracket keys",
    IssueCode.TOO_MANY_LEGS: "more legs than the limit; using the first ones",
    IssueCode.MISSING: "missing",
}

_VALUE_LENGTH: Final = 200
_MAX_MESSAGES: Final = 100


@restorable
@attrs.frozen(kw_only=True)
class Issue:
    """One odd thing about a payload, for logs and alerts."""

    __module__ = "exotel_callback"

    path: str
    """Where, in Exotel's spelling: ``Status``, ``Legs[1].OnCallDuration``."""
    code: IssueCode
    """What kind of thing it is."""
    message: str = attrs.field(eq=False)
    """The same in words, such as ``not a valid number of seconds @ Legs[1].OnCallDuration``. Quotes no value.

    Not compared: it follows from the other two, and another release may word it better.
    """
    value: str = attrs.field(default="", repr=False)
    """The value as a string, at most 200 characters; empty where there is none. May be personal: not in the repr."""

    @classmethod
    def at(cls, path: str, code: IssueCode, value: str = "") -> "Issue":
        """Make an issue with the message that belongs to its code."""
        return cls(path=path, code=code, message=f"{_DESCRIPTIONS[code]} @ {path}", value=value[:_VALUE_LENGTH])


def message_of(issues: Sequence[Issue], advice: str = "") -> str:
    """Make the message of an error, in a length that a log can take: the error has all of the issues."""
    shown = [issue.message for issue in issues[:_MAX_MESSAGES]]
    if len(issues) > _MAX_MESSAGES:
        shown.append(f"and {len(issues) - _MAX_MESSAGES} more")
    return ". ".join(filter(None, ("; ".join(shown), advice)))


class CallbackError(ValueError):
    """Base of everything that a payload or its sender can cause.

    The message is safe to log and to send back: it quotes nothing of the payload.
    """

    __module__ = "exotel_callback"

    issues: tuple[Issue, ...]
    """All issues of the payload; empty for an error that comes before the fields are read."""
    status_hint: int
    """The HTTP status that fits: 400, 401, 413, 415 or 422."""
    advice: str
    """What the payload looks like and what to do instead, as the message says it; empty if there is no advice."""

    _status: ClassVar[int] = 400

    def __init__(
        self, message: str, *, issues: tuple[Issue, ...] = (), status_hint: int | None = None, advice: str = ""
    ) -> None:
        super().__init__(message)
        self.issues = issues
        self.advice = advice
        self.status_hint = self._status if status_hint is None else status_hint


class DecodeError(CallbackError):
    """The payload is not what it claims to be, or is larger than the limits allow.

    ``status_hint`` is 413 for too large or too many fields, 415 for an unknown type or charset, and 400 for the rest.
    """

    __module__ = "exotel_callback"


class MissingFieldError(CallbackError):
    """``CallSid`` or ``Status`` is missing. If the payload looks like something else, the message says what (422)."""

    __module__ = "exotel_callback"

    _status = 422


class InvalidCallbackError(CallbackError):
    """Strict mode only: the payload has issues, all of which are in ``issues`` (422)."""

    __module__ = "exotel_callback"

    _status = 422


class AuthenticationError(CallbackError):
    """The request does not carry the secret it should (401). Raised by the adapters only."""

    __module__ = "exotel_callback"

    _status = 401


def forget_context(error: CallbackError) -> None:
    """Remove the causes of an error, which can hold the payload, before it leaves a public function."""
    error.__cause__ = error.__context__ = None
