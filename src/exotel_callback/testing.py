"""Test a handler with payloads, their bodies, and whole calls as Exotel delivers them.

Facts
-----
- Exotel waits 15 seconds for an answer. It repeats a delivery that was not acknowledged after 5 minutes, and again 15
  minutes later.
- Exotel sends ``answered`` once per leg, with the status ``in-progress``. If you subscribe to ``ringing``, Exotel sends
  an event with the status ``ringing`` before.

Sources: https://developer.exotel.com/docs/advanced-config/webhooks-setup and
https://developer.exotel.com/docs/voice-v1/api-reference/status-callback. The numbers and ids are invented.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from datetime import tzinfo
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import attrs

from ._encode import encode_form, encode_json, encode_multipart
from ._enums import Outcome
from ._errors import CallbackError
from ._model.callback import Leg, StatusCallback
from ._options import DEFAULT_LIMITS, IST, Limits
from ._parse import parse
from ._wire.payload import Payload

__all__ = [
    "SCENARIOS",
    "Delivery",
    "Scenario",
    "assert_valid",
    "encode_form",
    "encode_json",
    "encode_multipart",
    "payload",
]

# The seconds that Exotel waits for an answer, and between its attempts.
PATIENCE: Final = 15.0
RETRY_DELAYS: Final = (300.0, 900.0)

_CONNECTED: Final[dict[str, Any]] = {
    "CallSid": "c5797dcbaaeed7678c4062a4a3ed2f8k",
    "EventType": "terminal",
    "DateCreated": "2024-01-15 14:25:10",
    "DateUpdated": "2024-01-15 14:30:45",
    "To": "09123456789",
    "From": "09876543210",
    "PhoneNumberSid": "08012345678",
    "StartTime": "2024-01-15 14:25:12",
    "EndTime": "2024-01-15 14:30:45",
    "Status": "completed",
    "ConversationDuration": 320,
    "Direction": "outbound-api",
    "CustomField": "order_12345",
    "RecordingUrl": "https://recordings.exotel.com/exotelrecordings/example/f00.mp3",
    "Legs": [
        {"OnCallDuration": 333, "Status": "completed"},
        {"OnCallDuration": 320, "Status": "completed"},
    ],
}

_PYTHON_NAMES: Final = frozenset(dir(StatusCallback)) | frozenset(dir(Leg))


def payload(**overrides: object) -> dict[str, Any]:
    """Return the payload of a connected call in the shape of Exotel's JSON. It is a new dict, which you can change.

    :param overrides: Values by wire name, such as ``Status="busy"`` or ``Legs=[]``. An undocumented name adds a field.
        To omit a field, delete it from the result.
    :raises TypeError: A name is a Python name, such as ``status`` or ``answered_by``. Exotel never sends these.
    """
    for name in overrides:
        if name in _PYTHON_NAMES:
            raise TypeError(f"payload() takes wire names such as Status and CallSid, not {name}")
    return copy.deepcopy({**_CONNECTED, **overrides})


class Delivery(NamedTuple):
    """One request to the callback URL."""

    content_type: str
    """The ``Content-Type`` header."""
    body: bytes
    """The body."""
    delay: float = 0.0
    """The seconds that Exotel waits after the previous delivery."""


@attrs.frozen(kw_only=True, eq=False)
class Scenario:
    """The deliveries of one whole call."""

    name: str
    """The name in `SCENARIOS`."""
    description: str
    """The course of the call in one sentence."""
    outcome: Outcome
    """The outcome of the call that `exotel_callback.merge` returns for all deliveries."""
    _events: tuple[tuple[float, Mapping[str, Any]], ...] = attrs.field(alias="events", repr=False)

    @property
    def call_sid(self) -> str:
        """The ``CallSid``, which is unique to this scenario."""
        return self.name.replace("-", "").ljust(32, "0")

    def deliveries(
        self, encode: Callable[[Mapping[str, Any]], tuple[bytes, str]] = encode_multipart
    ) -> Iterator[Delivery]:
        """Yield the deliveries in the order of arrival.

        :param encode: The encoding: `encode_multipart`, which is Exotel's default, `encode_json` or `encode_form`.
        """
        for delay, event in self._events:
            body, content_type = encode({**event, "CallSid": self.call_sid})
            yield Delivery(content_type, body, delay)


def _answered(updated: str, second_party: str | None) -> dict[str, Any]:
    """Return the event that Exotel sends when a party answers."""
    return payload(
        EventType="answered",
        Status="in-progress",
        DateUpdated=f"2024-01-15 {updated}",
        EndTime="1970-01-01 05:30:00",
        ConversationDuration=0,
        RecordingUrl=None,
        Legs=[
            {"OnCallDuration": 0, "Status": "in-progress"},
            {"OnCallDuration": 0, "Status": second_party},
        ],
    )


def _unreached(status: str, *legs: tuple[str | None, int], **more: object) -> dict[str, Any]:
    """Return the last event of a call in which the parties didn't talk.

    :param legs: The status and the seconds of each leg.
    """
    fields = {"DateUpdated": "2024-01-15 14:25:52", "EndTime": "2024-01-15 14:25:52", "RecordingUrl": None, **more}
    shown = [{"OnCallDuration": seconds, "Status": leg} for leg, seconds in legs]
    return payload(Status=status, ConversationDuration=0, Legs=shown, **fields)


def _ringing() -> dict[str, Any]:
    """Return the event that Exotel sends while the first party's phone rings."""
    return _answered("14:25:13", None) | {
        "EventType": "ringing",
        "Status": "ringing",
        "Legs": [{"OnCallDuration": 0, "Status": "ringing"}],
    }


_DEFAULT_FIELDS: Final = ("CallSid", "DateUpdated", "Status", "RecordingUrl")
_FIRST_ANSWERED: Final = (0.0, _answered("14:25:18", None))
_BOTH_ANSWERED: Final = (8.0, _answered("14:25:25", "in-progress"))
_ENDED: Final = (320.0, payload())

_SCENARIOS: Final = (
    Scenario(
        name="connected",
        description="Both parties answer and talk.",
        outcome=Outcome.CONNECTED,
        events=(_FIRST_ANSWERED, _BOTH_ANSWERED, _ENDED),
    ),
    Scenario(
        name="machine",
        description="An answering machine answers for the second party.",
        outcome=Outcome.MACHINE,
        events=(
            _FIRST_ANSWERED,
            _BOTH_ANSWERED,
            (
                320.0,
                payload(
                    Legs=[
                        {"OnCallDuration": 333, "Status": "completed", "AnsweredBy": "Human"},
                        {"OnCallDuration": 320, "Status": "completed", "AnsweredBy": "Machine"},
                    ]
                ),
            ),
        ),
    ),
    Scenario(
        name="first-party-no-answer",
        description="The first party doesn't answer, so Exotel never calls the second.",
        outcome=Outcome.NO_ANSWER,
        events=((0.0, _unreached("no-answer", ("no-answer", 0), (None, 0))),),
    ),
    Scenario(
        name="second-party-no-answer",
        description="The first party answers; the second doesn't.",
        outcome=Outcome.NO_ANSWER,
        events=(_FIRST_ANSWERED, (34.0, _unreached("no-answer", ("completed", 34), ("no-answer", 0)))),
    ),
    Scenario(
        name="busy",
        description="The first party answers; the second is busy.",
        outcome=Outcome.BUSY,
        events=(_FIRST_ANSWERED, (12.0, _unreached("busy", ("completed", 12), ("busy", 0)))),
    ),
    Scenario(
        name="canceled",
        description="The first party hangs up while the second's phone rings; the status is failed.",
        outcome=Outcome.CANCELED,
        events=(_FIRST_ANSWERED, (9.0, _unreached("failed", ("completed", 9), ("canceled", 0)))),
    ),
    Scenario(
        name="inbound-missed",
        description="No agent answers an inbound call; the status is completed, leg 1 is no-answer.",
        outcome=Outcome.NO_ANSWER,
        events=((0.0, _unreached("completed", ("completed", 40), ("no-answer", 0), Direction="inbound")),),
    ),
    Scenario(
        name="default-payload-only",
        description="The default payload has four fields; they don't show who answered.",
        outcome=Outcome.UNKNOWN,
        events=((0.0, {name: _CONNECTED[name] for name in _DEFAULT_FIELDS}),),
    ),
    Scenario(
        name="redelivered",
        description="The last event arrives three times, as if your answers were lost.",
        outcome=Outcome.CONNECTED,
        events=(_FIRST_ANSWERED, _BOTH_ANSWERED, _ENDED, *((delay, payload()) for delay in RETRY_DELAYS)),
    ),
    Scenario(
        name="out-of-order",
        description="The answered events arrive after the terminal event.",
        outcome=Outcome.CONNECTED,
        events=((0.0, payload()), (300.0, _BOTH_ANSWERED[1]), (5.0, _FIRST_ANSWERED[1])),
    ),
    Scenario(
        name="ringing",
        description="Exotel also reports that the first party's phone rings; then both parties answer and talk.",
        outcome=Outcome.CONNECTED,
        events=((0.0, _ringing()), (5.0, _FIRST_ANSWERED[1]), _BOTH_ANSWERED, _ENDED),
    ),
    Scenario(
        name="to-leg-unanswered",
        description="The second party doesn't answer; only the status says so, as in the v3 API.",
        outcome=Outcome.NO_ANSWER,
        events=(_FIRST_ANSWERED, (34.0, _unreached("to_leg_unanswered"))),
    ),
)

SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType({scenario.name: scenario for scenario in _SCENARIOS})
"""The scenarios by name. Each has the deliveries of one call, and the outcome that your handler should find."""


def assert_valid(
    payload: Payload,
    content_type: str | None = None,
    *,
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> StatusCallback:
    """Parse a payload, and fail with all issues if it isn't a valid StatusCallback.

    :param payload: A payload as for `exotel_callback.parse`.
    :param content_type: As for `exotel_callback.parse`.
    :param timezone: As for `exotel_callback.parse`.
    :param limits: As for `exotel_callback.parse`.
    :return: The callback.
    :raises AssertionError: The payload isn't what Exotel documents. The message has one line for each issue, and quotes
        no value.
    :raises TypeError: An argument has the wrong type, such as a coroutine or a request object as `payload`.
    """
    __tracebackhide__ = True  # pytest then shows the line of the test.
    try:
        return parse(payload, content_type, strict=True, timezone=timezone, limits=limits)
    except CallbackError as error:
        faults = [*(issue.message for issue in error.issues), *filter(None, [error.advice])] or [str(error)]
        shown = "\n".join(f"  - {fault}" for fault in faults)
        failure = AssertionError(f"not a valid StatusCallback ({type(error).__name__}):\n{shown}")
    raise failure  # here it has no context, which pytest would print too
