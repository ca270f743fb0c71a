"""Payloads and encoders for the tests. They share no code with the parser."""

import json
from urllib.parse import urlencode

# The example of https://developer.exotel.com/docs/voice-v1/api-reference/status-callback.
PAGE = {
    "CallSid": "80bfbec2d78bbbf10fb851f4fa165211",
    "DateUpdated": "2024-01-15 14:30:45",
    "Status": "completed",
    "RecordingUrl": "https://s3-ap-southeast-1.amazonaws.com/...",
    "EventType": "terminal",
    "DateCreated": "2024-01-15 14:25:10",
    "To": "09123456789",
    "From": "09876543210",
    "PhoneNumberSid": "0XXXXXX4890",
    "StartTime": "2024-01-15 14:25:12",
    "EndTime": "2024-01-15 14:30:45",
    "ConversationDuration": 320,
    "Direction": "outbound-api",
    "CustomField": "order_12345",
    "Legs": [
        {"OnCallDuration": 335, "Status": "completed"},
        {"OnCallDuration": 320, "Status": "completed"},
    ],
}

# The least that is a StatusCallback.
LEAST = {"CallSid": "c5797dcbaaeed7678c4062a4a3ed2f8a", "Status": "completed"}

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def flat_pairs(value, name=""):
    """Flatten nested values as PHP's http_build_query does, but keep null as an empty value."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flat_pairs(item, f"{name}[{key}]" if name else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from flat_pairs(item, f"{name}[{index}]")
    else:
        yield name, "" if value is None else str(value)


def encode_json(payload):
    """Return a JSON body and its content type."""
    return json.dumps(payload).encode(), JSON


def encode_form(payload):
    """Return a urlencoded body and its content type."""
    return urlencode(list(flat_pairs(payload))).encode(), FORM


def encode_multipart(payload, boundary="------------------------d74496d66958873e"):
    """Return a multipart body, as curl writes it, and its content type."""
    return multipart(flat_pairs(payload), boundary), f"multipart/form-data; boundary={boundary}"


def multipart(pairs, boundary="x", headers=""):
    """Return a multipart body of pairs; `headers` are added to each part."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n{headers}\r\n{value}\r\n'
        for name, value in pairs
    ]
    return ("".join(parts) + f"--{boundary}--\r\n").encode("utf-8", "surrogatepass")


ENCODERS = {"json": encode_json, "form": encode_form, "multipart": encode_multipart}
