"""Parse answers of the Call Details API, which has the calls whose events were lost.

Facts
-----
- ``GET /v1/Accounts/<sid>/Calls/<CallSid>.json?details=true`` answers ``{"Call": {...}}``. A list of calls is
  ``{"Metadata": {...}, "Calls": [...]}``.
- A call has the names of a StatusCallback, except that ``Sid`` replaces ``CallSid``. ``Details`` describes the legs:
  their statuses in ``Leg1Status`` and ``Leg2Status``, and their durations in ``Legs``, in wrappers with ids from 1.
- Without ``.json`` in the URL, the answer is XML.

Source: https://developer.exotel.com/docs/voice-v1/api-reference/call-details.

So this module renames the fields of a call to those of a StatusCallback, and then reads it as one.
"""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Final, cast

import attrs

from .._errors import (
    CallbackError,
    InvalidCallbackError,
    Issue,
    IssueCode,
    MissingFieldError,
    forget_context,
    message_of,
)
from .._fields.kinds import as_text, is_empty
from .._fields.names import CALL_DETAILS_ID, LEGS
from .._fields.table import read_only
from .._model._open import restorable
from .._model.callback import Leg, StatusCallback
from .._options import DEFAULT_LIMITS, IST, Limits, ReadOptions, read_options
from .._wire.payload import EMPTY_PAYLOAD, RawPayload
from .diagnose import decode_for, diagnose
from .event import read_event
from .legs import Legs

LIST_LIMITS: Final = Limits(body_bytes=1_048_576)
XML: Final = "the body is XML; add .json to the address to get JSON"

_CALL: Final = "Call"
_CALLS: Final = "Calls"
_METADATA: Final = "Metadata"
_DETAILS: Final = "Details"
_LEG_STATUSES: Final = ("Leg1Status", "Leg2Status")
_DETAILS_FIELDS: Final = ("ConversationDuration", LEGS)


@restorable
@attrs.frozen(kw_only=True)
class CallList:
    """One page of calls. Every call of the page is either in ``calls`` or in ``errors``."""

    __module__ = "exotel_callback"

    calls: tuple[StatusCallback, ...] = ()
    """The calls, in the order of the page."""
    metadata: Mapping[str, object] = attrs.field(default=EMPTY_PAYLOAD, hash=False, converter=read_only)
    """The metadata of the page under Exotel's names. ``NextPageUri`` is the next page's URI, or null on the last."""
    errors: tuple[Issue, ...] = ()
    """One issue for each call that could not be parsed, with its path: ``missing @ Calls[3].Sid``."""


def parse_call_details(
    payload: object,
    content_type: str | None = None,
    *,
    strict: bool = False,
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> StatusCallback:
    """Parse one call of the Call Details API into the `StatusCallback` that you didn't receive.

    You can merge the result with callbacks of the same call. Request ``details=true``, because without it there are no
    legs. The figures settle about two minutes after the call. Until then ``end_time`` is None, and you can ask again.

    ``raw`` is the object of the call, without the ``Call`` around it. So ``extra`` holds ``ParentCallSid``, ``Price``
    and other fields. It also holds ``Details``, which may contain more than this library reads.

    :param payload: The answer's body, or the object that `json.loads` returned for it.
    :param content_type: The answer's ``Content-Type`` header. You can omit it.
    :param strict: As for `parse`.
    :param timezone: As for `parse`.
    :param limits: As for `parse`.
    :return: The call as a callback.
    :raises DecodeError: The answer can't be decoded as its content type, or it is too large. If it is XML, the message
        says to add ``.json`` to the URL.
    :raises MissingFieldError: The answer contains no call. If it is an error (``RestException``), the message says so.
    :raises InvalidCallbackError: The call has an issue, and `strict` is true.
    :raises TypeError: An argument other than `payload` has the wrong type.

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/call-details.
    """
    options = read_options(strict, timezone, limits)
    try:
        answer = decode_for("parse_call_details", payload, content_type, limits, if_xml=XML)
        return _read_call(answer, options, "parse_call_details")
    except CallbackError as error:
        forget_context(error)
        raise


parse_call_details.__module__ = "exotel_callback"


def parse_call_list(
    payload: object,
    content_type: str | None = None,
    *,
    strict: bool = False,
    timezone: tzinfo = IST,
    limits: Limits = LIST_LIMITS,
) -> CallList:
    """Parse one page of calls of the Call Details API, each as `parse_call_details` does.

    A call without ``Sid`` or ``Status``, or with too many fields, doesn't affect the other calls. It is in ``errors``.

    :param payload: The answer's body, or the object that `json.loads` returned for it.
    :param content_type: The answer's ``Content-Type`` header. You can omit it.
    :param strict: Whether any issue of any call raises one error, which holds all issues with their paths.
    :param timezone: As for `parse`.
    :param limits: As for `parse`, but the default for the body is 1 MiB. ``fields`` and ``legs`` apply to each call.
    :return: The calls of the page, its metadata, and the calls that could not be parsed.
    :raises DecodeError: The answer can't be decoded as its content type, or it is too large. If it is XML, the message
        says to add ``.json`` to the URL.
    :raises MissingFieldError: The answer has no ``Calls``. Or a call lacks a required field, and `strict` is true.
    :raises InvalidCallbackError: A call has an issue, and `strict` is true.
    :raises TypeError: An argument other than `payload` has the wrong type.

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/call-details.
    """
    options = read_options(strict, timezone, limits)
    try:
        return _read_list(decode_for("parse_call_list", payload, content_type, limits, if_xml=XML), options)
    except CallbackError as error:
        forget_context(error)
        raise


parse_call_list.__module__ = "exotel_callback"


def _read_list(answer: RawPayload, options: ReadOptions) -> CallList:
    calls = answer.get(_CALLS)
    if not isinstance(calls, tuple):
        code = IssueCode.MISSING if is_empty(calls) else IssueCode.WRONG_TYPE
        issues = (Issue.at(_CALLS, code, as_text(calls)),)
        advice = diagnose(answer, "parse_call_list")
        raise MissingFieldError(message_of(issues, advice), issues=issues, advice=advice)
    parsed: list[StatusCallback] = []
    bad: list[list[Issue]] = []
    for index, call in enumerate(cast("tuple[object, ...]", calls)):
        if isinstance(call, RawPayload):
            try:
                parsed.append(_read_call(call, options, "parse_call_list"))
                continue
            except CallbackError as error:
                bad.append(_placed(f"{_CALLS}[{index}]", error))
        else:
            bad.append([Issue.at(f"{_CALLS}[{index}]", IssueCode.WRONG_TYPE, as_text(call))])
    if options.strict and bad:
        raise _all_at_once(bad)
    metadata = answer.get(_METADATA)
    if not isinstance(metadata, RawPayload):
        metadata = RawPayload({name: value for name, value in answer.items() if name != _CALLS})
    return CallList(calls=tuple(parsed), metadata=metadata, errors=tuple(map(_reason, bad)))


def _read_call(raw: RawPayload, options: ReadOptions, reader: str) -> StatusCallback:
    inner = raw.get(_CALL)
    call = inner if isinstance(inner, RawPayload) else raw
    source, legs, found = _as_callback_fields(call)
    return read_event(StatusCallback, Leg, call, options, reader=reader, source=source, more_legs=legs, found=found)


def _as_callback_fields(call: RawPayload) -> tuple[RawPayload, Legs, tuple[Issue, ...]]:
    """Return a call under the names of a StatusCallback, the legs in its ``Details``, and the issues of ``Details``."""
    names = {CALL_DETAILS_ID: None, **call}  # The issue of a missing identifier then has this name.
    details = call.get(_DETAILS)
    if not isinstance(details, RawPayload):
        is_absent = is_empty(details) or details == ()  # PHP writes an empty object as an empty list.
        found = () if is_absent else (Issue.at(_DETAILS, IssueCode.WRONG_TYPE, as_text(details)),)
        return RawPayload(names), {}, found
    names |= {name: details[name] for name in _DETAILS_FIELDS if name in details}
    legs: Legs = {position: {"Status": details[name]} for position, name in enumerate(_LEG_STATUSES) if name in details}
    return RawPayload(names), legs, ()


def _placed(path: str, error: CallbackError) -> list[Issue]:
    """Return the issues of one call with their paths in the list."""
    if not error.issues:
        return [Issue(path=path, code=IssueCode.WRONG_TYPE, message=f"{error} @ {path}")]
    return [Issue.at(f"{path}.{issue.path}", issue.code, issue.value) for issue in error.issues]


def _reason(issues: list[Issue]) -> Issue:
    """Return the issue that explains why a call was not parsed: the first missing field, or else the first issue."""
    return next((issue for issue in issues if issue.code is IssueCode.MISSING), issues[0])


def _all_at_once(bad: list[list[Issue]]) -> InvalidCallbackError | MissingFieldError:
    issues = tuple(issue for issues_of_call in bad for issue in issues_of_call)
    is_missing = any(issue.code is IssueCode.MISSING for issue in issues)
    error = MissingFieldError if is_missing else InvalidCallbackError
    return error(message_of(issues), issues=issues)
