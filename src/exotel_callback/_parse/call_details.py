"""The answers of the Call Details API, where the events that never came are to be looked up.

Facts
-----
- ``GET /v1/Accounts/<sid>/Calls/<CallSid>.json?details=true`` answers ``{"Call": {...}}``, and a list
  ``{"Metadata": {...}, "Calls": [...]}``.
- A call has the names of a StatusCallback, but ``Sid``, and in ``Details`` what is told of the legs: their statuses in
  ``Leg1Status`` and ``Leg2Status``, their durations in ``Legs``, in wrappers with ids from 1.
- Without ``.json`` in the address the answer is XML.

Source: https://developer.exotel.com/docs/voice-v1/api-reference/call-details.

So a call is folded into the names of a StatusCallback, and then read as one.
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
from .._wire.decode import decode
from .._wire.payload import EMPTY_PAYLOAD, RawPayload
from .diagnose import diagnose
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
    """One page of the calls that `parse_call_list` was given: ``calls`` and ``errors`` together are all of them."""

    __module__ = "exotel_callback"

    calls: tuple[StatusCallback, ...] = ()
    """The calls, in the order of the page."""
    metadata: Mapping[str, object] = attrs.field(default=EMPTY_PAYLOAD, hash=False, converter=read_only)
    """What the page says of itself, by Exotel's names: ``NextPageUri`` is the next page's address, null on the last."""
    errors: tuple[Issue, ...] = ()
    """Why a call is not among ``calls``, one issue a call, with its place: ``missing @ Calls[3].Sid``."""


def parse_call_details(
    payload: object,
    content_type: str | None = None,
    *,
    strict: bool = False,
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> StatusCallback:
    """Parse what the Call Details API says of one call, as the `StatusCallback` that did not come.

    It merges with the callbacks of the same call. Ask for ``details=true``: without it there are no legs. The figures
    settle about two minutes after the call; until then ``end_time`` is None, and it is worth asking again. ``raw`` is
    the call's object as received, without the ``Call`` that may stand around it, so ``ParentCallSid``, ``Price``,
    ``Duration`` and the like are in ``extra``, and so is ``Details``, which may hold more than is understood.

    :param payload: The answer's body, or what `json.loads` made of it.
    :param content_type: The answer's ``Content-Type`` header; may be left out.
    :param strict: As for `parse`.
    :param timezone: As for `parse`.
    :param limits: As for `parse`.
    :raises DecodeError: The answer is not what it claims to be, or too large; if it is XML, the message says to add
        ``.json`` to the address.
    :raises MissingFieldError: There is no call in it; of an error answer (``RestException``) the message says so.
    :raises InvalidCallbackError: In strict mode only.
    :raises TypeError: An argument other than `payload` is not what it should be.

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/call-details.
    """
    options = read_options(strict, timezone, limits)
    try:
        return _read_call(decode(payload, content_type, limits, if_xml=XML), options, "parse_call_details")
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

    A call without ``Sid`` or ``Status``, or one with too many fields, costs the page nothing but itself: it is in
    ``errors``.

    :param payload: The answer's body, or what `json.loads` made of it.
    :param content_type: The answer's ``Content-Type`` header; may be left out.
    :param strict: Raise for any issue of any call, with all of them at once, each with its place.
    :param timezone: As for `parse`.
    :param limits: The body may have 1 MiB unless you say otherwise; ``fields`` and ``legs`` count for each call.
    :raises DecodeError: The answer is not what it claims to be, or too large; if it is XML, the message says to add
        ``.json`` to the address.
    :raises MissingFieldError: There are no ``Calls`` in it, or in strict mode a call lacks something.
    :raises InvalidCallbackError: In strict mode only.
    :raises TypeError: An argument other than `payload` is not what it should be.

    Source: https://developer.exotel.com/docs/voice-v1/api-reference/call-details.
    """
    options = read_options(strict, timezone, limits)
    try:
        return _read_list(decode(payload, content_type, limits, if_xml=XML), options)
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
    """Return a call by the names of a StatusCallback, what ``Details`` says of its legs, and issues of ``Details``."""
    names = {CALL_DETAILS_ID: None, **call}  # so that a missing identifier is missing by this name
    details = call.get(_DETAILS)
    if not isinstance(details, RawPayload):
        is_absent = is_empty(details) or details == ()  # PHP's empty object
        found = () if is_absent else (Issue.at(_DETAILS, IssueCode.WRONG_TYPE, as_text(details)),)
        return RawPayload(names), {}, found
    names |= {name: details[name] for name in _DETAILS_FIELDS if name in details}
    legs: Legs = {position: {"Status": details[name]} for position, name in enumerate(_LEG_STATUSES) if name in details}
    return RawPayload(names), legs, ()


def _placed(path: str, error: CallbackError) -> list[Issue]:
    """Return the issues of one call by their paths in the list."""
    if not error.issues:
        return [Issue(path=path, code=IssueCode.WRONG_TYPE, message=f"{error} @ {path}")]
    return [Issue.at(f"{path}.{issue.path}", issue.code, issue.value) for issue in error.issues]


def _reason(issues: list[Issue]) -> Issue:
    """Choose the issue for which a call could not be read: what is missing, or else the first field."""
    return next((issue for issue in issues if issue.code is IssueCode.MISSING), issues[0])


def _all_at_once(bad: list[list[Issue]]) -> InvalidCallbackError | MissingFieldError:
    issues = tuple(issue for issues_of_call in bad for issue in issues_of_call)
    is_missing = any(issue.code is IssueCode.MISSING for issue in issues)
    error = MissingFieldError if is_missing else InvalidCallbackError
    return error(message_of(issues), issues=issues)
