"""Provide payloads, encoders and paths, which share no code with the parser, and lists of the public functions."""

import os
import re
import shutil
import tomllib
from enum import Enum
from pathlib import Path

import exotel_callback
from exotel_callback import (
    Call,
    PassthruEvent,
    PopupEvent,
    StatusCallback,
    _encode,
    load,
    load_call,
    load_passthru,
    load_popup,
    parse,
    parse_any,
    parse_call_details,
    parse_call_list,
    parse_passthru,
    parse_popup,
)
from exotel_callback._encode import FORM, JSON, encode_form, encode_json, encode_multipart
from exotel_callback._encode import form_pairs as flat_pairs

__all__ = [
    "CHROMIUM",
    "CHROMIUM_OPTIONS",
    "ENCODERS",
    "ENUMS",
    "EVERY_READER",
    "FORM",
    "JSON",
    "LEAST",
    "LOADERS",
    "MULTIPART",
    "PAGE",
    "PUBLIC_MODULES",
    "READERS",
    "ROOT",
    "SAMPLES",
    "SAMPLE_BODIES",
    "TESTS",
    "Upload",
    "encode_form",
    "encode_json",
    "encode_multipart",
    "flat_pairs",
    "label",
    "multipart",
    "search_path",
    "without_none",
]

TESTS = Path(__file__).parent
ROOT = TESTS.parent
# The environment for a process whose coverage is measured. The fixture `_plain_environment` changes that of the tests.
MEASURED = {**os.environ}

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
    "exotel_callback.schemas",
    "exotel_callback.strategies",
    "exotel_callback.testing",
    "exotel_callback.adapters",
    "exotel_callback.adapters.aiohttp",
    "exotel_callback.adapters.asgi",
    "exotel_callback.adapters.aws_lambda",
    "exotel_callback.adapters.django",
    "exotel_callback.adapters.fastapi",
    "exotel_callback.adapters.flask",
    "exotel_callback.adapters.starlette",
    "exotel_callback.adapters.wsgi",
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

# The smallest StatusCallback.
LEAST = {"CallSid": "c5797dcbaaeed7678c4062a4a3ed2f8a", "Status": "completed"}


# The content type of the bodies that `multipart` returns by default.
MULTIPART = "multipart/form-data; boundary=x"


def multipart(pairs, boundary="x", headers=""):
    """Return a multipart body of pairs. `headers` are added to each part."""
    return _encode.multipart(pairs, boundary, headers)[0]


class Upload:
    """An uploaded file, as frameworks represent it."""

    filename = "a.txt"

    def __repr__(self):
        return "Upload()"


def without_none(value):
    """Remove values that are None, as in stored results. So adding a field doesn't change a stored result."""
    if isinstance(value, dict):
        return {name: without_none(item) for name, item in value.items() if item is not None}
    return [*map(without_none, value)] if isinstance(value, list | tuple) else value


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
    """Return the ``PYTHONPATH`` for another process: a folder, and then the paths of this process."""
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))


def label(value):
    """Return a value as a test id, without the characters that pytest escapes."""
    return re.sub(r" at 0x\w+", "", ascii(value)).replace("\\", "/")[:40]


ENCODERS = {"json": encode_json, "form": encode_form, "multipart": encode_multipart}

ENUMS = [value for value in vars(exotel_callback).values() if isinstance(value, type) and issubclass(value, Enum)]
# The function that parses each kind of event, and the one that loads its dump.
READERS = {StatusCallback: parse, PassthruEvent: parse_passthru, PopupEvent: parse_popup}
LOADERS = {StatusCallback: load, Call: load_call, PassthruEvent: load_passthru, PopupEvent: load_popup}
EVERY_READER = [*READERS.values(), parse_any, parse_call_details, parse_call_list]
