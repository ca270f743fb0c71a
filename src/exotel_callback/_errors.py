"""Define the issues of a payload, and the exceptions.

Messages and reprs never quote a phone number, a URL or a custom field, because both end up in logs.
"""

from collections.abc import Sequence
from enum import StrEnum, unique
from typing import ClassVar, Final

import attrs

from ._enums import normalized
from ._model._open import open_class, restorable


@unique
class IssueCode(StrEnum):
    """The kind of problem that an `Issue` reports.

    The issue's ``message`` describes it. This library defines the codes; Exotel doesn't send them.
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
        """Accept the two values that 1.0.0 wrote under other names."""
        former = {"unknown-word": cls.UNKNOWN_VALUE, "not-text": cls.INVALID_STRING}
        return former.get(value) if isinstance(value, str) else None


# The message of each code, by its value, because Python hashes a member slowly. The path of the value follows it.
_DESCRIPTIONS: Final = {
    IssueCode.UNKNOWN_VALUE.value: "unrecognized value @ ",
    IssueCode.NOT_A_NUMBER.value: "not a valid number of seconds @ ",
    IssueCode.NOT_A_DATE.value: "not a valid date @ ",
    IssueCode.INVALID_STRING.value: "not a valid string @ ",
    IssueCode.WRONG_TYPE.value: "unexpected type @ ",
    IssueCode.REPEATED.value: "sent more than once with different values; using the first @ ",
    IssueCode.CONTRADICTING.value: "`Legs` and the bracket keys disagree; using the bracket keys @ ",
    IssueCode.TOO_MANY_LEGS.value: "more legs than the limit; using the first ones @ ",
    IssueCode.MISSING.value: "missing @ ",
}
_DISAGREEMENT: Final = "terminal events disagree about the outcome @ "

MAX_VALUE_LENGTH: Final = 200
MAX_MESSAGES: Final = 100


@restorable
@attrs.frozen(kw_only=True, cache_hash=True)  # Merging a call hashes the issues of all events, each time.
class Issue:
    """One problem with a value in a payload, for logs and alerts."""

    __module__ = "exotel_callback"

    path: str
    """The path of the value in Exotel's spelling, such as ``Status`` or ``Legs[1].OnCallDuration``."""
    code: IssueCode
    """The kind of problem."""
    message: str = attrs.field(eq=False)
    """The problem and the path in one phrase, such as ``unrecognized value @ Status``. It quotes no value.

    It isn't part of equality, because it follows from ``path`` and ``code``, and a later release may reword it.
    """
    value: str = attrs.field(default="", repr=False)
    """The value as a string of at most 200 characters. Empty if there is none. Not in the repr: it may be personal."""
    _digest: str = attrs.field(default="", repr=False, alias="digest")
    # What identifies a value that is longer than ``value``. It is part of equality and of the event key. Empty for
    # other values, and for those that 1.0.0 dumped.

    @classmethod
    def at(cls, path: str, code: IssueCode, value: str = "") -> "Issue":
        """Make an issue with the message of its path and code."""
        issue = _open_issue()
        issue.path = path
        issue.code = code
        issue.message = _DESCRIPTIONS[code._value_] + path
        issue.value = value
        issue._digest = ""
        if len(value) > MAX_VALUE_LENGTH:
            issue.value, issue._digest = value[:MAX_VALUE_LENGTH], _long_value_digest(code, value)
        if path == "Status" and code is IssueCode.CONTRADICTING:
            issue.message = _DISAGREEMENT + path
        issue._attrs_cached_hash = None
        issue.__class__ = cls
        return issue  # type: ignore[no-any-return]  # `open_class` returns Any


_open_issue: Final = open_class(Issue)


def _long_value_digest(code: IssueCode, value: str) -> str:
    """Return what identifies a long value: a digest, or the normalized value if that is an unrecognized short one.

    A later release that recognizes the value then computes the same event key, because it digests the normalized form.
    """
    from hashlib import sha256

    text = value
    if code is IssueCode.UNKNOWN_VALUE:
        text = normalized(value) or value
        if len(text) <= MAX_VALUE_LENGTH:
            return f"value:{text}"
    return f"sha256:{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def digest_of(issue: Issue) -> str:
    """Return the digest of an issue's whole value. Empty if ``value`` is the whole value."""
    return issue._digest  # pyright: ignore[reportPrivateUsage] - only users must not read it


def message_of(issues: Sequence[Issue], advice: str = "") -> str:
    """Return the message of an error, shortened for logs. The error itself holds all issues."""
    shown = [issue.message for issue in issues[:MAX_MESSAGES]]
    if len(issues) > MAX_MESSAGES:
        shown.append(f"and {len(issues) - MAX_MESSAGES} more")
    return ". ".join(filter(None, ("; ".join(shown), advice)))


class CallbackError(ValueError):
    """The base class of every error that a payload or its sender can cause.

    The message quotes nothing of the payload, so it is safe to log and to send back.
    """

    __module__ = "exotel_callback"

    issues: tuple[Issue, ...]
    """All issues of the payload. Empty if the error was raised before the fields were read."""
    status_hint: int
    """The HTTP status to answer with: 400, 401, 413, 415 or 422."""
    advice: str
    """The part of the message that says what the payload looks like and what to do. Empty if there is no advice."""

    _status: ClassVar[int] = 400

    def __init__(
        self, message: str, *, issues: tuple[Issue, ...] = (), status_hint: int | None = None, advice: str = ""
    ) -> None:
        super().__init__(message)
        self.issues = issues
        self.advice = advice
        self.status_hint = self._status if status_hint is None else status_hint


class DecodeError(CallbackError):
    """The error for a payload that can't be decoded, or is larger than the limits allow.

    ``status_hint`` is 413 for a payload with too many bytes or fields, 415 for an unsupported content type or charset,
    and 400 otherwise.
    """

    __module__ = "exotel_callback"


class MissingFieldError(CallbackError):
    """The error for a payload without a required field, such as ``CallSid`` or ``Status``. ``status_hint`` is 422.

    If the payload looks like another event, the message says which one.
    """

    __module__ = "exotel_callback"

    _status = 422


class InvalidCallbackError(CallbackError):
    """The error of strict mode for a payload with issues. ``issues`` holds all of them, and ``status_hint`` is 422."""

    __module__ = "exotel_callback"

    _status = 422


class AuthenticationError(CallbackError):
    """The error of an adapter for a request with a wrong or missing secret. ``status_hint`` is 401."""

    __module__ = "exotel_callback"

    _status = 401


def forget_context(error: CallbackError) -> None:
    """Remove the cause and the context of an error before it leaves a public function. They can hold the payload."""
    error.__cause__ = error.__context__ = None
