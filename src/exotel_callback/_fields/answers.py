"""Find the call in an answer of the Call Details API, and define the names of its version 3.

Facts
-----
- The XML answer, turned into a mapping, is ``{"TwilioResponse": {"Call": {...}}}``.
- Version 3 answers ``{"request_id": ..., "http_code": 200, "response": {"call_details": {...}}}``. An error has another
  ``http_code``, and the reason in ``response.error_data``.
  Source: https://developer.exotel.com/docs/voice-v3/api-reference/call-details.
"""

from typing import Final, cast

from .._wire.payload import RawPayload
from .kinds import as_text, is_empty
from .names import CALL_DETAILS_ID

# The names of the calls of version 3, each with the name of the field in version 1. ``state`` isn't here, because it is
# read only if there is no status.
V3_NAMES: Final = {
    "sid": CALL_DETAILS_ID,
    "status": "Status",
    "updated_time": "DateUpdated",
    "created_time": "DateCreated",
    "start_time": "StartTime",
    "end_time": "EndTime",
    "recordings": "RecordingUrl",
    "virtual_number": "PhoneNumberSid",
    "total_talk_time": "ConversationDuration",
    "total_duration": "Duration",
    "direction": "Direction",
    "custom_field": "CustomField",
}

_XML_ROOT: Final = "TwilioResponse"
_HTTP_CODE: Final = "http_code"
_RESPONSE: Final = "response"


def unwrapped(raw: RawPayload) -> RawPayload:
    """Return an answer without the root element of its XML form."""
    inner = raw.get(_XML_ROOT)
    return inner if isinstance(inner, RawPayload) else raw


def v3_marks(raw: RawPayload) -> frozenset[str]:
    """Return the marks of an answer of version 3: ``response.error``, or the names in its response."""
    if _RESPONSE not in raw:
        return frozenset()
    code, response = raw.get(_HTTP_CODE), raw[_RESPONSE]
    if not is_empty(code) and as_text(code).strip() != "200":
        return frozenset({f"{_RESPONSE}.error"})
    return frozenset(f"{_RESPONSE}.{name}" for name in response) if isinstance(response, RawPayload) else frozenset()


def v3_call(raw: RawPayload) -> RawPayload | None:
    """Return the call in a successful answer of version 3. Return None for a payload with an identifier beside it."""
    if f"{_RESPONSE}.call_details" not in v3_marks(raw) or "CallSid" in raw or CALL_DETAILS_ID in raw:
        return None
    call = cast("RawPayload", raw[_RESPONSE])["call_details"]
    return call if isinstance(call, RawPayload) else None


def without_v3_names(raw: RawPayload) -> RawPayload:
    """Return the fields of an answer of version 3 that have no row in `V3_NAMES`. Return another payload unchanged."""
    call = v3_call(raw)
    if call is None:
        return raw
    beside = {name: value for name, value in raw.items() if name not in {_HTTP_CODE, _RESPONSE}}
    return RawPayload(beside | {name: value for name, value in call.items() if name not in V3_NAMES})


def is_call_details(raw: RawPayload) -> bool:
    """Return whether a payload that was read as a callback is an answer of the Call Details API."""
    return CALL_DETAILS_ID in raw or v3_call(raw) is not None
