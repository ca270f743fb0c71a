"""Parse answers of the Call Details API, which has the calls whose events were lost.

Facts
-----
- ``GET /v1/Accounts/<sid>/Calls/<CallSid>.json?details=true`` answers ``{"Call": {...}}``. A list of calls is
  ``{"Metadata": {...}, "Calls": [...]}``.
- A call has the names of a StatusCallback, except that ``Sid`` replaces ``CallSid``. ``Details`` describes the legs:
  their statuses in ``Leg1Status`` and ``Leg2Status``, and their durations in ``Legs``, in wrappers with ids from 1.
- Some answers have ``Leg1Status``, ``Leg2Status`` and ``ConversationDuration`` beside ``Status``, without ``Details``.
- ``AnsweredBy`` of the call is about the second party. ``CustomField`` is ``N/A`` if there is none. The list calls the
  ExoPhone ``PhoneNumber``.
- Without ``.json`` in the URL, the answer is XML. Turned into a mapping, it has the root ``TwilioResponse``, and one
  call or one leg is an object instead of a list.
- Version 3 has other names (see `exotel_callback._fields.answers`), and no legs.

Sources: https://developer.exotel.com/docs/voice-v1/api-reference/call-details and
https://developer.exotel.com/docs/voice-v3/api-reference/call-details.

So this module renames the fields of version 3 to those of version 1, and these to the fields of a StatusCallback. Then
it reads the call as one. So issues have the names of a StatusCallback in every shape, and the same call has the same
`event_key`.
"""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from functools import partial
from typing import Final, cast

import attrs

from .._enums import AnsweredBy, LegStatus, normalized
from .._errors import (
    CallbackError,
    InvalidCallbackError,
    Issue,
    IssueCode,
    MissingFieldError,
    forget_context,
    message_of,
)
from .._fields.answers import V3_NAMES, unwrapped, v3_call
from .._fields.kinds import ANSWERED_BY, as_text, is_empty
from .._fields.names import CALL_DETAILS_ID, LEG_ID, LEGS
from .._fields.reader import FieldReader
from .._fields.shapes import LEG_WRAPPER
from .._fields.table import read_only
from .._model._open import restorable
from .._model.callback import Leg, StatusCallback
from .._options import DEFAULT_LIMITS, IST, Limits, ReadOptions, read_options
from .._wire.payload import EMPTY_PAYLOAD, Payload, RawPayload, Repeated
from .diagnose import POPUP_MARK, decode_for, diagnose, refuse_others
from .event import read_event
from .legs import Legs

LIST_LIMITS: Final = Limits(body_bytes=1_048_576)
XML: Final = "the body is XML; add .json to the address to get JSON"

_CALL: Final = "Call"
_CALLS: Final = "Calls"
_METADATA: Final = "Metadata"
_DETAILS: Final = "Details"
_LEG_STATUSES: Final = ("Leg1Status", "Leg2Status")
_DETAILS_FIELDS: Final = ("ConversationDuration", LEGS, *_LEG_STATUSES)
_ANSWERED_BY: Final = "AnsweredBy"
_CUSTOM_FIELD: Final = "CustomField"
_STATUS_OF_STATE: Final = {"active": "in-progress"}


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
    payload: Payload,
    content_type: str | None = None,
    *,
    strict: bool = False,
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> StatusCallback:
    """Parse one call of the Call Details API into the `StatusCallback` that you didn't receive.

    It reads the answers of version 1 and version 3. You can merge the result with callbacks of the same call. Request
    ``details=true``, because without it there are no legs; version 3 never has legs. The figures settle about two
    minutes after the call. Until then ``end_time`` is None, and you can ask again.

    ``raw`` is the object of the call, without the ``Call`` around it. So ``extra`` holds ``ParentCallSid``, ``Price``
    and other fields. It also holds ``Details``, which may contain more than this library reads. For version 3, ``raw``
    is the whole answer, and ``extra`` holds what isn't read.

    The paths of issues have the names of a StatusCallback, such as ``Status`` for ``response.call_details.status``,
    because ``event_key`` depends on them.

    :param payload: The answer's body, or the object that `json.loads` or a parser of XML returned for it.
    :param content_type: The answer's ``Content-Type`` header. You can omit it.
    :param strict: As for `parse`.
    :param timezone: As for `parse`.
    :param limits: As for `parse`.
    :return: The call as a callback.
    :raises DecodeError: The answer can't be decoded as its content type, or it is too large. If it is XML, the message
        says to add ``.json`` to the URL.
    :raises MissingFieldError: The answer contains no call. If it is an error (``RestException``, or an ``http_code``
        other than 200), or a popup, the message says so.
    :raises InvalidCallbackError: The call has an issue, and `strict` is true.
    :raises TypeError: An argument has the wrong type, such as a coroutine or a request object as `payload`.

    Sources: https://developer.exotel.com/docs/voice-v1/api-reference/call-details and
    https://developer.exotel.com/docs/voice-v3/api-reference/call-details.
    """
    options = read_options(strict, timezone, limits)
    try:
        answer = decode_for("parse_call_details", payload, content_type, limits, if_xml=XML)
        if POPUP_MARK in answer:
            refuse_others(answer, "parse_call_details")
        return _read_call(answer, options, "parse_call_details")
    except CallbackError as error:
        forget_context(error)
        raise


parse_call_details.__module__ = "exotel_callback"


def parse_call_list(
    payload: Payload,
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
    :raises TypeError: An argument has the wrong type, such as a coroutine or a request object as `payload`.

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
    answer = unwrapped(answer)
    calls = _calls_in(answer)
    if not isinstance(calls, tuple):
        code = IssueCode.MISSING if is_empty(calls) else IssueCode.WRONG_TYPE
        issues = (Issue.at(_CALLS, code, as_text(calls)),)
        advice = diagnose(answer, "parse_call_list")
        raise MissingFieldError(message_of(issues, advice), issues=issues, advice=advice)
    parsed: list[StatusCallback] = []
    bad: list[Issue] = []
    for index, call in enumerate(cast("tuple[object, ...]", calls)):
        path = f"{_CALLS}[{index}]"
        if isinstance(call, RawPayload):
            try:
                parsed.append(_read_call(call, options, "parse_call_list"))
            except CallbackError as error:
                bad += _placed(path, error, is_strict=options.strict)
        else:
            bad.append(Issue.at(path, IssueCode.WRONG_TYPE, as_text(call)))
    if options.strict and bad:
        raise _all_at_once(bad)
    metadata = answer.get(_METADATA)
    if not isinstance(metadata, RawPayload):
        metadata = RawPayload({name: value for name, value in answer.items() if name not in {_CALLS, _CALL}})
    return CallList(calls=tuple(parsed), metadata=metadata, errors=tuple(bad))


def _calls_in(answer: RawPayload) -> object:
    """Return the list of calls. XML that was turned into a mapping has ``Call`` for each, and one call isn't a list."""
    calls = answer.get(_CALLS)
    if isinstance(calls, RawPayload) and _CALL in calls:
        calls = calls[_CALL]
    elif calls is None and isinstance(answer.get(_CALL), tuple):
        calls = answer[_CALL]
    return (calls,) if isinstance(calls, RawPayload) and calls else calls


def _read_call(raw: RawPayload, options: ReadOptions, reader: str) -> StatusCallback:
    raw = unwrapped(raw)
    inner = raw.get(_CALL)
    call = inner if isinstance(inner, RawPayload) else raw
    details, found = _details_of(call)
    fields = _v1_fields(call) | {name: details[name] for name in _DETAILS_FIELDS if name in details}
    if LEGS in fields:
        fields[LEGS] = _wrapped_legs(fields[LEGS])
    if as_text(fields.get(_CUSTOM_FIELD)).strip().lower() == "n/a":
        fields[_CUSTOM_FIELD] = None
    return read_event(
        StatusCallback,
        Leg,
        call,
        options,
        reader,
        source=RawPayload(fields),
        more_legs=_leg_statuses(fields),
        complete=partial(_add_answered_by, fields.get(_ANSWERED_BY), options.limits.legs),
        found=found,
    )


def _details_of(call: RawPayload) -> tuple[RawPayload, tuple[Issue, ...]]:
    """Return the ``Details`` of a call, and the issues that they leave."""
    details = call.get(_DETAILS)
    if isinstance(details, RawPayload):
        return details, ()
    is_absent = is_empty(details) or details == ()  # PHP writes an empty object as an empty list.
    return EMPTY_PAYLOAD, () if is_absent else (Issue.at(_DETAILS, IssueCode.WRONG_TYPE, as_text(details)),)


def _v1_fields(call: RawPayload) -> dict[str, object]:
    """Return the fields of a call under the names of version 1. A missing identifier has the name ``Sid``."""
    v3 = v3_call(call)
    if v3 is None:
        return {CALL_DETAILS_ID: None, **call}
    fields = {CALL_DETAILS_ID: None, **{name: v3[v3_name] for v3_name, name in V3_NAMES.items() if v3_name in v3}}
    fields["RecordingUrl"] = _first_url(v3.get("recordings"))
    if is_empty(fields.get("Status")):  # A state that doesn't say the status is an unrecognized status.
        state = as_text(v3.get("state"))
        fields["Status"] = _STATUS_OF_STATE.get(normalized(state), state)
    return fields


def _first_url(recordings: object) -> object:
    if isinstance(recordings, tuple):
        recordings = next(iter(cast("tuple[object, ...]", recordings)), None)
    return recordings.get("url") if isinstance(recordings, RawPayload) else recordings


def _wrapped_legs(legs: object) -> object:
    """Wrap each leg that has an ``Id`` and no wrapper, so that its id decides its position. A leg may be on its own."""
    if isinstance(legs, Repeated):
        return Repeated(map(_wrapped_legs, legs))
    if isinstance(legs, tuple):
        return tuple(map(_wrapped_legs, cast("tuple[object, ...]", legs)))
    is_bare = isinstance(legs, RawPayload) and LEG_ID in legs and LEG_WRAPPER not in legs
    return RawPayload({LEG_WRAPPER: legs}) if is_bare else legs


def _leg_statuses(fields: Mapping[str, object]) -> Legs:
    return {index: {"Status": fields[name]} for index, name in enumerate(_LEG_STATUSES) if name in fields}


def _add_answered_by(value: object, max_legs: int, legs: tuple[Leg, ...], reader: FieldReader) -> tuple[Leg, ...]:
    """Add the ``AnsweredBy`` of the call to the last completed leg after leg 0, or else to leg 1.

    The leg's own value wins. An empty, invalid or inapplicable value creates no leg.
    """
    completed = [index for index, leg in enumerate(legs) if index and leg.status is LegStatus.COMPLETED]
    index = completed[-1] if completed else 1
    is_new = index >= len(legs)
    if is_empty(value) or value == () or (not is_new and legs[index].answered_by is not None):
        return legs
    answered_by = cast("AnsweredBy | None", reader.value(ANSWERED_BY, value, f"{LEGS}[{index}].{_ANSWERED_BY}"))
    if is_new and answered_by in {None, AnsweredBy.NOT_APPLICABLE}:
        return legs
    if index >= max_legs:
        reader.note(LEGS, IssueCode.TOO_MANY_LEGS, index + 1)
        return legs
    padded = (*legs, *(Leg(),) * (index + 1 - len(legs)))
    return (*padded[:index], attrs.evolve(padded[index], answered_by=answered_by), *padded[index + 1 :])


def _placed(path: str, error: CallbackError, *, is_strict: bool) -> list[Issue]:
    """Return the issues of one call with their paths in the list: all in strict mode, else the one that explains it."""
    if not error.issues:
        return [Issue(path=path, code=IssueCode.WRONG_TYPE, message=f"{error} @ {path}")]
    issues = error.issues if is_strict else (_reason(error.issues),)
    return [Issue.at(f"{path}.{issue.path}", issue.code, issue.value) for issue in issues]


def _reason(issues: Sequence[Issue]) -> Issue:
    """Return the issue that explains why a call was not parsed: the first missing field, or else the first issue."""
    return next((issue for issue in issues if issue.code is IssueCode.MISSING), issues[0])


def _all_at_once(issues: Sequence[Issue]) -> InvalidCallbackError | MissingFieldError:
    is_missing = any(issue.code is IssueCode.MISSING for issue in issues)
    error = MissingFieldError if is_missing else InvalidCallbackError
    return error(message_of(issues), issues=tuple(issues))
