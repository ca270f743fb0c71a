"""Parse Exotel's voice webhooks into typed, immutable values, without I/O.

>>> from exotel_callback import parse
>>> callback = parse(b'{"CallSid": "c5797dcbaaeed7678c4062a4a3ed2f8a", "Status": "no-answer"}')
>>> callback.status
<CallStatus.NO_ANSWER: 'no-answer'>
"""

import sys
from typing import TYPE_CHECKING

from ._enums import (
    AgentStatus,
    AnsweredBy,
    CallStatus,
    CallType,
    Direction,
    EventType,
    LegStatus,
    Outcome,
    PopupEventType,
    StreamStatus,
)
from ._errors import (
    AuthenticationError,
    CallbackError,
    DecodeError,
    InvalidCallbackError,
    Issue,
    IssueCode,
    MissingFieldError,
)
from ._model.callback import Leg, StatusCallback
from ._options import IST, Limits
from ._parse import parse
from ._wire.payload import Payload, RawPayload

if TYPE_CHECKING:
    from ._model.call import Call, merge
    from ._model.combined import combined_outcome
    from ._model.passthru import PassthruEvent, PassthruLeg, Stream
    from ._model.popup import PopupEvent
    from ._parse.any_event import parse_any
    from ._parse.call_details import CallList, parse_call_details, parse_call_list
    from ._parse.passthru import parse_passthru
    from ._parse.popup import parse_popup
    from ._serialize import dump, load, load_call, load_passthru, load_popup
else:
    # `parse` doesn't need these modules, so each is imported when one of its names is first used. Type checkers see the
    # imports above instead, so that they know every name and its type.
    _LATER = {
        "_model.call": ("Call", "merge"),
        "_model.combined": ("combined_outcome",),
        "_parse.call_details": ("CallList", "parse_call_details", "parse_call_list"),
        "_model.passthru": ("PassthruEvent", "PassthruLeg", "Stream"),
        "_model.popup": ("PopupEvent",),
        "_parse.any_event": ("parse_any",),
        "_parse.passthru": ("parse_passthru",),
        "_parse.popup": ("parse_popup",),
        "_serialize": ("dump", "load", "load_call", "load_passthru", "load_popup"),
    }

    def __getattr__(name: str) -> object:
        """Import a name from its module when it is first used."""
        from importlib import import_module

        for module, names in _LATER.items():
            if name in names:
                value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        """Return all names, including those that aren't imported yet."""
        return sorted({*globals(), *__all__})


__all__ = [
    "IST",
    "AgentStatus",
    "AnsweredBy",
    "AuthenticationError",
    "Call",
    "CallList",
    "CallStatus",
    "CallType",
    "CallbackError",
    "DecodeError",
    "Direction",
    "EventType",
    "InvalidCallbackError",
    "Issue",
    "IssueCode",
    "Leg",
    "LegStatus",
    "Limits",
    "MissingFieldError",
    "Outcome",
    "PassthruEvent",
    "PassthruLeg",
    "Payload",
    "PopupEvent",
    "PopupEventType",
    "RawPayload",
    "StatusCallback",
    "Stream",
    "StreamStatus",
    "combined_outcome",
    "dump",
    "load",
    "load_call",
    "load_passthru",
    "load_popup",
    "merge",
    "parse",
    "parse_any",
    "parse_call_details",
    "parse_call_list",
    "parse_passthru",
    "parse_popup",
]

# Hypothesis loads its entry points when it is imported. If that was before this import, the types are registered here.
if sys.modules.get("hypothesis") and sys.modules.get("hypothesis.strategies"):
    from ._hypothesis import register

    register()
    del register
