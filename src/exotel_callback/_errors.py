"""What can be odd or wrong about a payload: issues, and the one family of exceptions.

Nothing here ever quotes a phone number, URL or custom field in a message or a repr, because both end up in logs.
"""

from collections.abc import Sequence
from enum import StrEnum, unique
from typing import ClassVar, Final, cast

import attrs

from ._model._open import opened


@unique
class IssueCode(StrEnum):
    """What kind of odd thing an `Issue` tells of.

    What each means is in the issue's ``message``. These are our own words: Exotel sends none.
    """

    UNKNOWN_VALUE = "unknown-value"
    NOT_A_NUMBER = "not-a-number"
    NOT_A_DATE = "not-a-date"
    INVALID_STRING = "invalid-string"
    WRONG_TYPE = "wrong-type"
    REPEATED = "repeated"
    CONTRADICTING = "contradicting"
    TOO_MANY_LEGS = "too-many-legs"
    MISSING = "missing"


# What a person on call reads; the path follows.
_DESCRIPTIONS: Final = {
    IssueCode.UNKNOWN_VALUE: "a word that is in no table",
    IssueCode.NOT_A_NUMBER: "not a whole number of seconds",
    IssueCode.NOT_A_DATE: "not a date in a format that Exotel sends",
    IssueCode.INVALID_STRING: "not text that can be stored",
    IssueCode.WRONG_TYPE: "of a type that does not belong here",
    IssueCode.REPEATED: "sent more than once with different values, the first one counts",
    IssueCode.CONTRADICTING: "told in two contradicting ways, the bracket keys count",
    IssueCode.TOO_MANY_LEGS: "more legs than the limit, the first ones stay",
    IssueCode.MISSING: "missing",
}

_TEXT_LENGTH: Final = 200
_MOST_MESSAGES: Final = 100


@attrs.frozen(kw_only=True)
class Issue:
    """One odd thing about a payload, for logs and alerts."""

    path: str
    """Where, in Exotel's spelling: ``Status``, ``Legs[1].OnCallDuration``."""
    code: IssueCode
    """What kind of thing it is."""
    message: str = attrs.field(eq=False)
    """The same in words, such as ``not a whole number of seconds @ Legs[1].OnCallDuration``. Quotes no value.

    Not compared: it follows from the other two, and another release may word it better.
    """
    text: str = attrs.field(default="", repr=False)
    """The value as text, at most 200 characters; empty where there is none. May be personal: it is not in the repr."""

    @classmethod
    def at(cls, path: str, code: IssueCode, text: str = "") -> "Issue":
        """Make an issue with the message that belongs to its code."""
        issue = _new_issue()
        issue.path = path
        issue.code = code
        issue.message = f"{_DESCRIPTIONS[code]} @ {path}"
        issue.text = text[:_TEXT_LENGTH]
        issue.__class__ = cls
        return cast("Issue", issue)


# A body can have thousands of issues.
_new_issue: Final = opened(Issue)


def join_messages(issues: Sequence[Issue]) -> str:
    """Put the messages of issues together, in a length that a log can take: the error has all of them."""
    shown = [issue.message for issue in issues[:_MOST_MESSAGES]]
    if len(issues) > _MOST_MESSAGES:
        shown.append(f"and {len(issues) - _MOST_MESSAGES} more")
    return "; ".join(shown)


class CallbackError(ValueError):
    """Base of everything that a payload or its sender can cause.

    The message is safe to log and to send back: it quotes nothing of the payload.
    """

    issues: tuple[Issue, ...]
    """All issues of the payload; empty for an error that comes before the fields are read."""
    status_hint: int
    """The HTTP status that fits: 400, 401, 413, 415 or 422."""

    _status: ClassVar[int] = 400

    def __init__(self, message: str, *, issues: tuple[Issue, ...] = (), status_hint: int | None = None) -> None:
        super().__init__(message)
        self.issues = issues
        self.status_hint = self._status if status_hint is None else status_hint


class DecodeError(CallbackError):
    """The payload is not what it claims to be, or is larger than the limits allow.

    ``status_hint`` is 413 for too large or too many fields, 415 for an unknown type or charset, and 400 for the rest.
    """


class MissingFieldError(CallbackError):
    """``CallSid`` or ``Status`` is missing. If the payload looks like something else, the message says what (422)."""

    _status = 422


class InvalidCallbackError(CallbackError):
    """Strict mode only: the payload has issues, all of which are in ``issues`` (422)."""

    _status = 422


class AuthenticationError(CallbackError):
    """The request does not carry the secret it should (401). Raised by the adapters only."""

    _status = 401
