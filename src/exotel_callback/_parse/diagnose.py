"""Recognize a payload that a reader can't read, and advise what to do with it."""

import re
from typing import Final, NamedTuple

from .._wire.payload import EMPTY_OBJECT, RawPayload


class OtherEvent(NamedTuple):
    """A kind of payload that a caller may pass to the wrong function."""

    marks: frozenset[str]
    """The names that identify it. They occur together in no kind of payload further down in the table."""
    what: str
    advice: str = ""
    """The advice if no function of this library reads it."""
    reader: str | None = None
    """The name of the function of this library that reads it."""


def _other(marks: str, what: str, advice: str = "", *, reader: str | None = None) -> OtherEvent:
    return OtherEvent(frozenset(marks.split()), what, advice, reader)


_PASSTHRU: Final = "a Passthru request"
_SMS: Final = ("an SMS callback", "use a separate callback URL for SMS")
_WHATSAPP: Final = ("a WhatsApp or RCS callback", "use a separate status_callback URL for messages")
_SOFTPHONE: Final = ("a softphone (WebRTC) notification", "set a separate URL in the app's settings")

# https://developer.exotel.com/docs/voice-v1/api-reference/status-callback
STATUS_CALLBACK: Final = _other("CallSid DateUpdated Status", "a StatusCallback", reader="parse")
# https://developer.exotel.com/docs/voice-v1/api-reference/call-details, without what surrounds the call
CALL_OBJECT: Final = _other("Sid Details", "a call from the Call Details API", reader="parse_call_details")

POPUP: Final = _other("DialWhomNumber EventType Status", "a popup request", reader="parse_popup")

# The first row applies whose marks are all present. The comment above a row is the page that documents it.
_OTHER_EVENTS: Final = (
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
    # https://developer.exotel.com/docs/ip-pstn-webrtc/api-reference/call-notifications
    _other("event call_sid", *_SOFTPHONE),
    # https://developer.exotel.com/api/receive-outbound-call-notifications
    _other("CallState", *_SOFTPHONE),
    _other("AppUserID", *_SOFTPHONE),
    # https://developer.exotel.com/docs/voice-v1/api-reference/call-details
    _other("Call", "an answer from the Call Details API", reader="parse_call_details"),
    _other("Calls", "a list of calls from the Call Details API", reader="parse_call_list"),
    CALL_OBJECT,
    _other("RestException", "a RestException, an error from Exotel's API", "see its Message for the reason"),
    POPUP,
    # https://support.exotel.com/support/solutions/articles/48283-working-with-passthru-applet
    _other("DialCallStatus", _PASSTHRU, reader="parse_passthru"),
    _other("DialCallDuration", _PASSTHRU, reader="parse_passthru"),
    _other("DialWhomNumber", _PASSTHRU, reader="parse_passthru"),
    _other("CallType", _PASSTHRU, reader="parse_passthru"),
    _other("flow_id", _PASSTHRU, reader="parse_passthru"),
    # The dicts that `dump` returns.
    _other("schema call_sid events", "a call that dump() converted", reader="load_call"),
    _other("schema call_sid", "a callback that dump() converted", reader="load"),
    STATUS_CALLBACK,
)


# The beginnings of the first name if the body was read as a form, but is something else.
_TAKEN_FOR_A_FORM: Final = {"{": "JSON", "--": "multipart"}

# Some forms escape the brackets twice.
_BRACKET: Final = re.compile(r"\[|%5[Bb]")

_EMPTY_OBJECT: Final = "The payload is an empty JSON object."
# By the function that was called.
_EMPTY: Final = {
    "parse": "The payload is empty. If Exotel sends JSON, pass the raw body, not the parsed form. "
    "A body can be read only once.",
    "parse_passthru": "The payload is empty; pass the query string of the request.",
    "parse_popup": "The payload is empty; pass the query string of the request.",
    "parse_call_details": "The answer is empty.",
    "parse_call_list": "The answer is empty.",
}


def names_of(raw: RawPayload) -> set[str]:
    """Return the names of a payload. In a form, ``Details[Leg1Status]`` belongs to ``Details``."""
    return {_BRACKET.split(name, 1)[0] for name in raw}


def identify(raw: RawPayload) -> OtherEvent | None:
    """Return the kind of event that a payload looks like, or None."""
    names = names_of(raw)
    return next((event for event in _OTHER_EVENTS if event.marks <= names), None)


def diagnose(raw: RawPayload, reader: str) -> str:
    """Return advice on a payload that `reader` can't read: its likely kind and what to do. Empty if there is none."""
    if not raw:
        return _EMPTY_OBJECT if raw is EMPTY_OBJECT else _EMPTY[reader]
    name = next(iter(raw)).lstrip()
    for start, what in _TAKEN_FOR_A_FORM.items():
        if name.startswith(start):
            return f"This looks like {what} that was read as a form; pass its own content type."
    event = identify(raw)
    if event is None or event.reader == reader:
        return ""
    return f"This looks like {event.what}; {event.advice or f'use {event.reader}'}."
