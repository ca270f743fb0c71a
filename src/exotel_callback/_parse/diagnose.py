"""Recognize a payload that a reader can't read, and advise what to do with it.

Facts
-----
- The popup of the Connect applet has ``Status`` too, where ``busy`` means that this agent is being called.
- The same applet's request for numbers to dial ("Dial Whom") has the names of Passthru, and ``CallStatus``.

Sources: https://support.exotel.com/support/solutions/articles/3000106308 and
https://support.exotel.com/support/solutions/articles/3000088074-working-with-connect-applet-dial-whom-.
"""

import re
from contextlib import suppress
from typing import Final, NamedTuple, cast

from .._errors import DecodeError, MissingFieldError
from .._fields.answers import unwrapped, v3_marks
from .._fields.names import STREAM, STREAM_NAMES_AT_TOP
from .._options import Limits
from .._wire.decode import decode
from .._wire.payload import EMPTY_OBJECT, ListOfObjectsError, RawPayload


class OtherEvent(NamedTuple):
    """A kind of payload that a caller may pass to the wrong function."""

    marks: frozenset[str]
    """The names that identify it. They occur together in no kind of payload further down in the table."""
    what: str
    advice: str = ""
    """The advice if no function of this library reads it."""
    reader: str | None = None
    """The name of the function of this library that reads it."""
    unless: frozenset[str] = frozenset()
    """The names of which it has none."""
    misread_by: frozenset[str] = frozenset()
    """The names of the functions that would find their required fields in it, but would misread it."""


def _other(
    marks: str, what: str, advice: str = "", *, reader: str | None = None, unless: str = "", misread_by: str = ""
) -> OtherEvent:
    names, absent, readers = (frozenset(text.split()) for text in (marks, unless, misread_by))
    return OtherEvent(names, what, advice, reader, absent, readers)


POPUP_MARK: Final = "DialWhomNumber"
_PASSTHRU: Final = "a Passthru request"
_SMS: Final = ("an SMS callback", "use a separate callback URL for SMS")
_WHATSAPP: Final = ("a WhatsApp or RCS callback", "use a separate status_callback URL for messages")
_EXOBRIDGE: Final = ("an ExoBridge event", "use a separate URL for ExoBridge")
_API_GATEWAY: Final = (
    "an event of API Gateway",
    "use parse_event of exotel_callback.adapters.aws_lambda, or pass its body",
)
_SOFTPHONE: Final = ("a softphone (WebRTC) notification", "set a separate URL in the app's settings")

_CALL_ANSWER: Final = "an answer from the Call Details API"

# https://support.exotel.com/support/solutions/articles/3000106308
POPUP: Final = _other(
    f"{POPUP_MARK} EventType Status",
    "the popup request of the Connect applet, whose Status is that of an agent",
    reader="parse_popup",
    unless="DateUpdated DialCallStatus Legs",
    misread_by="parse parse_passthru parse_call_details",
)

# The first row applies whose marks are all present. The comment above a row is the page that documents it.
_OTHER_EVENTS: Final = (
    POPUP,
    # https://developer.exotel.com/docs/sms-support/sms-webhooks
    _other("SmsSid", *_SMS),
    _other("SMSMessage", *_SMS),
    # https://developer.exotel.com/docs/whatsapp-support/webhooks and https://developer.exotel.com/api/receive-messages
    _other("whatsapp", *_WHATSAPP),
    _other("rcs", *_WHATSAPP),
    _other("exo_status_code", *_WHATSAPP),
    _other("type account_sid data", *_WHATSAPP),
    # https://developer.exotel.com/docs/whatsapp-api/api-reference/receive-messages
    _other("event message contact", *_WHATSAPP),
    # https://developer.exotel.com/docs/campaigns/api-reference/webhooks
    _other("campaign_sid", "a campaign callback", "use a separate callback URL for campaigns"),
    # https://developer.exotel.com/docs/heartbeat/webhook-format
    _other("status_type incoming_affected", "an ExoPhone heartbeat", "use a separate URL for the heartbeat"),
    # https://developer.exotel.com/docs/exoml/event-endpoint
    _other("event_sid event_name", "an ExoML event", "use a separate event endpoint for ExoML"),
    # https://developer.exotel.com/api/events-call-backs and https://developer.exotel.com/api/events-call-backs-2
    _other("connection_id", *_EXOBRIDGE),
    _other("greenpin_id", *_EXOBRIDGE),
    # The contact center's API, whose reference begins at https://developer.exotel.com/api/ccm-calls
    _other("call_sid event_type call_state", "a contact-center webhook", "use a separate URL for the contact center"),
    # https://developer.exotel.com/docs/ip-pstn-webrtc/api-reference/call-notifications
    _other("event call_sid", *_SOFTPHONE),
    # https://developer.exotel.com/api/receive-outbound-call-notifications
    _other("CallState", *_SOFTPHONE),
    _other("AppUserID", *_SOFTPHONE),
    # https://developer.exotel.com/docs/voice-v1/api-reference/call-details
    _other("Call", _CALL_ANSWER, reader="parse_call_details"),
    _other("Calls", "a list of calls from the Call Details API", reader="parse_call_list"),
    # A call without what surrounds it. Without the wrapper, `parse` would lose its legs.
    *(
        _other(f"Sid {name}", "a call from the Call Details API", reader="parse_call_details", misread_by="parse")
        for name in ("Details", "Leg1Status", "Leg2Status")
    ),
    _other("TwilioResponse", f"{_CALL_ANSWER}, converted from XML", reader="parse_call_details"),
    _other("RestException", "a RestException, an error from Exotel's API", "see its Message for the reason"),
    # https://developer.exotel.com/docs/voice-v3/api-reference/call-details
    _other("response.error", "an error from Exotel's v3 API", "see its error_data for the reason"),
    _other("response.call_details", "an answer from the v3 Call Details API", reader="parse_call_details"),
    _other("http_code response", "an answer from another v3 API", "request the call's Call Details"),
    _other("sid state virtual_number", "a call without the answer around it", "pass the whole answer"),
    # https://support.exotel.com/support/solutions/articles/3000088074-working-with-connect-applet-dial-whom-
    _other(
        "CallStatus",
        "the Connect applet's request for the numbers to dial",
        "answer it with the numbers; parse_passthru reads its fields",
        reader="parse_passthru",
        unless="Status",
    ),
    # The dicts that `dump` returns. Some of their names are those of Passthru.
    _other("schema type=call", "a call that dump() converted", reader="load_call"),
    _other("schema type=passthru_event", "a Passthru request that dump() converted", reader="load_passthru"),
    _other("schema type=popup_event", "a popup request that dump() converted", reader="load_popup"),
    _other("schema call_sid", "a callback that dump() converted", reader="load"),
    # https://support.exotel.com/support/solutions/articles/48283-working-with-passthru-applet
    _other("DialCallStatus", _PASSTHRU, reader="parse_passthru"),
    _other("DialCallDuration", _PASSTHRU, reader="parse_passthru"),
    _other(POPUP_MARK, _PASSTHRU, reader="parse_passthru"),
    _other("CallType", _PASSTHRU, reader="parse_passthru"),
    _other("flow_id", _PASSTHRU, reader="parse_passthru"),
    # https://developer.exotel.com/docs/voice-v1/api-reference/status-callback
    _other("CallSid DateUpdated Status", "a StatusCallback", reader="parse", misread_by="parse_passthru"),
    # https://developer.exotel.com/docs/agentstream/passthru-applet
    *(_other(name, _PASSTHRU, reader="parse_passthru") for name in (STREAM, *STREAM_NAMES_AT_TOP)),
    # Requests inside those of other programs.
    _other("body requestContext", *_API_GATEWAY),
    _other("body httpMethod", *_API_GATEWAY),
    _other("body headers", "a request that another program wrapped, such as an n8n item", "pass its body"),
)


class OtherText(NamedTuple):
    """A kind of text that is not a body."""

    pattern: str
    what: str
    advice: str


_OTHER_CONTENT_TYPE: Final = "pass its own content type"
_OTHER_TEXTS: Final = (
    OtherText(
        r"\A\s*(?:GET|HEAD|POST|PUT) (?:https?:/)?/",
        "a whole HTTP request",
        "pass its body and its Content-Type header, or the query string of a GET request",
    ),
    OtherText(r"[{(]'[^']{1,100}'[:,] ?", "a Python object that was printed, as in a log", "pass the body itself"),
)
# Text that is a body, but was read as a form.
_OTHER_BODIES: Final = (
    OtherText(r"\A\s*[{\[]", "JSON that was read as a form", _OTHER_CONTENT_TYPE),
    OtherText(r"\A\s*--", "multipart that was read as a form", _OTHER_CONTENT_TYPE),
)
_TEXT_LENGTH: Final = 1_000
_NOT_DECODED: Final = 400
_EACH_BY_ITSELF: Final = "Pass each object of the list by itself."

_EMPTY_OBJECT: Final = "The payload is an empty JSON object."
# By the function that was called.
_EMPTY: Final = {
    "parse": "The payload is empty. If Exotel sends JSON, pass the raw body, not the parsed form. "
    "A body can be read only once. A GET request without a body is a probe of the URL.",
    "parse_passthru": "The payload is empty; pass the query string of the request. "
    "A request without one is a probe of the URL.",
    "parse_popup": "The payload is empty; pass the query string of the request. "
    "A request without one is a probe of the URL.",
    "parse_call_details": "The answer is empty.",
    "parse_call_list": "The answer is empty.",
}


# Some forms escape the brackets twice.
_OPENING_BRACKET: Final = re.compile(r"\[|%5B", re.IGNORECASE)


def decode_for(reader: str, payload: object, content_type: object, limits: Limits, if_xml: str = "") -> RawPayload:
    """Decode a payload for a reader as `decode` does. If it can't be decoded, the error says what it looks like."""
    try:
        return decode(payload, content_type, limits, if_xml)
    except ListOfObjectsError as error:
        item = RawPayload(cast("dict[str, object]", dict.fromkeys(error.names)))
        advice = (diagnose(item, reader) if item else "") or _EACH_BY_ITSELF
        raise DecodeError(f"{error}. {advice}", advice=advice) from None
    except DecodeError as error:
        advice = _advice_on_text(_beginning(payload), _OTHER_TEXTS) if error.status_hint == _NOT_DECODED else ""
        if not advice:
            raise
        raise DecodeError(f"{error}. {advice}", advice=advice) from None


def _beginning(payload: object) -> str:
    """Return the beginning of a body as a string. Empty if the payload isn't a body."""
    if isinstance(payload, str):
        return payload[:_TEXT_LENGTH]
    with suppress(TypeError, ValueError):  # It isn't a body, or is a memoryview that was released.
        return bytes(memoryview(cast("bytes", payload)))[:_TEXT_LENGTH].decode("latin-1")
    return ""


def _advice_on_text(text: str, kinds: tuple[OtherText, ...]) -> str:
    found = next((kind for kind in kinds if re.search(kind.pattern, text)), None)
    return f"This looks like {found.what}; {found.advice}." if found else ""


def names_of(raw: RawPayload) -> set[str]:
    """Return the names of a payload. In a form, ``Details[Leg1Status]`` belongs to ``Details``."""
    # Most names are plain, and need no pattern.
    return {name if name.isidentifier() else _OPENING_BRACKET.split(name, 1)[0] for name in raw}


def identify(raw: RawPayload) -> OtherEvent | None:
    """Return the kind of event that a payload looks like, or None."""
    raw = unwrapped(raw)
    names = names_of(raw) | v3_marks(raw)
    kind = raw.get("type")
    if isinstance(kind, str):
        names.add(f"type={kind}")
    return next((event for event in _OTHER_EVENTS if event.marks <= names and event.unless.isdisjoint(names)), None)


def refuse_others(raw: RawPayload, reader: str) -> None:
    """Raise `MissingFieldError` for a payload that `reader` would misread."""
    event = identify(raw)
    if event and reader in event.misread_by:
        advice = diagnose(raw, reader)
        raise MissingFieldError(advice, advice=advice)


def diagnose(raw: RawPayload, reader: str) -> str:
    """Return advice on a payload that `reader` can't read: its likely kind and what to do. Empty if there is none."""
    if not raw:
        return _EMPTY_OBJECT if raw is EMPTY_OBJECT else _EMPTY[reader]
    if advice := _advice_on_text(next(iter(raw))[:_TEXT_LENGTH], _OTHER_TEXTS + _OTHER_BODIES):
        return advice
    event = identify(raw)
    if event is None or event.reader == reader:
        return ""
    return f"This looks like {event.what}; {event.advice or f'use {event.reader}'}."
