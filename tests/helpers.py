"""Payloads, encoders and paths for the tests. They share no code with the parser."""

import os
import re
import shutil
import tomllib
from pathlib import Path

from exotel_callback import _encode
from exotel_callback._encode import FORM, JSON, encode_form, encode_json, encode_multipart
from exotel_callback._encode import form_pairs as flat_pairs

__all__ = [
    "CHROMIUM",
    "CHROMIUM_OPTIONS",
    "ENCODERS",
    "FORM",
    "JSON",
    "LEAST",
    "MULTIPART",
    "PAGE",
    "PUBLIC_MODULES",
    "ROOT",
    "SAMPLES",
    "SAMPLE_BODIES",
    "TESTS",
    "encode_form",
    "encode_json",
    "encode_multipart",
    "flat_pairs",
    "label",
    "multipart",
    "search_path",
    "without_nothing",
]

TESTS = Path(__file__).parent
ROOT = TESTS.parent

# The folders of samples, and each body in them with its content type.
SAMPLES = sorted(path.parent for path in TESTS.glob("samples/*/about.toml"))
SAMPLE_BODIES = [
    (folder, name, content_type)
    for folder in SAMPLES
    for name, content_type in tomllib.loads((folder / "about.toml").read_text())["bodies"].items()
]

# The modules that users import.
PUBLIC_MODULES = [
    "exotel_callback",
    "exotel_callback.arrow",
    "exotel_callback.auth",
    "exotel_callback.converters",
    "exotel_callback.phones",
    "exotel_callback.recordings",
    "exotel_callback.strategies",
    "exotel_callback.testing",
    "exotel_callback.adapters",
    "exotel_callback.adapters.aiohttp",
    "exotel_callback.adapters.aws_lambda",
    "exotel_callback.adapters.django",
    "exotel_callback.adapters.fastapi",
    "exotel_callback.adapters.flask",
]

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


# The content type of what `multipart` returns, if nothing else is said.
MULTIPART = "multipart/form-data; boundary=x"


def multipart(pairs, boundary="x", headers=""):
    """Return a multipart body of pairs; `headers` are added to each part."""
    return _encode.multipart(pairs, boundary, headers)[0]


def without_nothing(value):
    """Leave out what is None, as stored results do: so a field that is added changes none of them."""
    if isinstance(value, dict):
        return {name: without_nothing(item) for name, item in value.items() if item is not None}
    return [*map(without_nothing, value)] if isinstance(value, list | tuple) else value


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMIUM_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def search_path(folder=""):
    """Return what a process of its own gets as ``PYTHONPATH``: a folder, before those that this one has."""
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))


def label(value):
    """Return the name of a value in the name of a test, without what pytest escapes each time it collects."""
    return re.sub(r" at 0x\w+", "", ascii(value)).replace("\\", "/")[:40]


ENCODERS = {"json": encode_json, "form": encode_form, "multipart": encode_multipart}
