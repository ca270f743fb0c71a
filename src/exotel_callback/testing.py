"""Test a handler with payloads, their bodies, and whole calls as Exotel delivers them.

Facts
-----
- Exotel waits 15 seconds for an answer. It repeats a delivery that was not acknowledged after 5 minutes, and again 15
  minutes later.
- Exotel sends ``answered`` once per leg, with the status ``in-progress``. If you subscribe to ``ringing``, Exotel sends
  an event with the status ``ringing`` before.
- The applets of a flow send GET requests with the fields in the query string. Only the request before a stream, with
  the event ``stream-start``, is a POST request with JSON.

Sources: https://developer.exotel.com/docs/advanced-config/webhooks-setup,
https://developer.exotel.com/docs/voice-v1/api-reference/status-callback,
https://support.exotel.com/support/solutions/articles/48283-working-with-passthru-applet,
https://docs.exotel.com/exotel-agentstream/passthru-applet and
https://support.exotel.com/support/solutions/articles/3000106308. The numbers and ids are invented.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import tzinfo
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar, overload

import attrs

from ._encode import encode_form, encode_json, encode_multipart, encode_query
from ._enums import Outcome
from ._errors import CallbackError
from ._model.callback import Leg, StatusCallback
from ._model.passthru import PassthruEvent, PassthruLeg, Stream
from ._model.popup import PopupEvent
from ._options import DEFAULT_LIMITS, IST, Limits
from ._parse import parse
from ._wire.payload import Payload

__all__ = [
    "FLOW_SCENARIOS",
    "SCENARIOS",
    "Delivery",
    "Scenario",
    "assert_valid",
    "encode_form",
    "encode_json",
    "encode_multipart",
    "encode_query",
    "passthru_payload",
    "payload",
    "popup_payload",
]

T = TypeVar("T")

Encoder = Callable[[Mapping[str, Any]], tuple[bytes, str]]

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

_TALKED_WITH_AGENT: Final[dict[str, Any]] = {
    "CallSid": "d6898edcbbffe8789d5173b5b4fe3f9l",
    "CallFrom": "09876543210",
    "CallTo": "08012345678",
    "Direction": "incoming",
    "Created": "Mon, 15 Jan 2024 14:25:10",
    "DialCallDuration": "38",
    "RecordingUrl": "https://recordings.exotel.com/exotelrecordings/example/f00.mp3",
    "StartTime": "2024-01-15 14:25:12",
    "EndTime": "1970-01-01 05:30:00",
    "CallType": "completed",
    "DialWhomNumber": "09123456789",
    "flow_id": "123456",
    "tenant_id": "7890",
    "From": "09876543210",
    "To": "08012345678",
    "RecordingAvailableBy": "Mon, 15 Jan 2024 14:30:52",
    "CurrentTime": "2024-01-15 14:25:52",
    "DialCallStatus": "completed",
    "ForwardedFrom": None,
    "ProcessStatus": None,
    "OutgoingPhoneNumber": "08012345678",
    "CustomField": None,
    "digits": '"1"',
    "Legs": [
        {
            "Number": "09123456789",
            "Type": "single",
            "OnCallDuration": "24",
            "CallerId": "08012345678",
            "CauseCode": "NORMAL_CLEARING",
            "Cause": "16",
            "DisconnectedBy": "Callee",
        },
    ],
}

_AGENT_ANSWERED: Final[dict[str, Any]] = {
    "CallSid": "d6898edcbbffe8789d5173b5b4fe3f9l",
    "CallFrom": "09876543210",
    "CallTo": "08012345678",
    "Direction": "incoming",
    "Created": "Mon, 15 Jan 2024 14:25:10",
    "From": "09876543210",
    "To": "08012345678",
    "CurrentTime": "2024-01-15 14:25:28",
    "DialWhomNumber": "09123456789",
    "AgentEmail": "agent@example.com",
    "Status": "busy",
    "EventType": "Answered",
}


def _python_names(*classes: type[attrs.AttrsInstance]) -> frozenset[str]:
    """Return the attributes of classes that aren't wire names too, as ``digits`` is."""
    sent = {name for cls in classes for field in attrs.fields(cls) for name in field.metadata.get("wire", ())}
    return frozenset(name for cls in classes for name in dir(cls)) - sent


_PYTHON_NAMES: Final = _python_names(StatusCallback, Leg)
_PYTHON_NAMES_OF_PASSTHRU: Final = _python_names(PassthruEvent, PassthruLeg, Stream)
_PYTHON_NAMES_OF_POPUP: Final = _python_names(PopupEvent)


def payload(**overrides: object) -> dict[str, Any]:
    """Return the payload of a connected call in the shape of Exotel's JSON. It is a new dict, which you can change.

    :param overrides: Values by wire name, such as ``Status="busy"`` or ``Legs=[]``. An undocumented name adds a field.
        To omit a field, delete it from the result.
    :raises TypeError: A name is a Python name, such as ``status`` or ``answered_by``. Exotel never sends these.
    """
    return _overridden("payload", _CONNECTED, overrides, _PYTHON_NAMES, "Status and CallSid")


def passthru_payload(**overrides: object) -> dict[str, Any]:
    """Return the fields of a Passthru request after a conversation with an agent. It is a new dict.

    `encode_query` makes the query string of it.

    :param overrides: Values by wire name, such as ``DialCallStatus="busy"`` or ``Stream={"Status": "completed"}``. An
        undocumented name adds a field. To omit a field, delete it from the result.
    :raises TypeError: A name is a Python name, such as ``call_type``. Exotel never sends these.
    """
    names = _PYTHON_NAMES_OF_PASSTHRU
    return _overridden("passthru_payload", _TALKED_WITH_AGENT, overrides, names, "CallType and CallSid")


def popup_payload(**overrides: object) -> dict[str, Any]:
    """Return the fields of a popup request: an agent answered. It is a new dict.

    `encode_query` makes the query string of it.

    :param overrides: Values by wire name, such as ``EventType="Terminal"``. An undocumented name adds a field. To omit
        a field, delete it from the result.
    :raises TypeError: A name is a Python name, such as ``event_type``. Exotel never sends these.
    """
    return _overridden("popup_payload", _AGENT_ANSWERED, overrides, _PYTHON_NAMES_OF_POPUP, "EventType and CallSid")


def _overridden(
    function: str,
    fields: Mapping[str, Any],
    overrides: Mapping[str, object],
    python_names: frozenset[str],
    examples: str,
) -> dict[str, Any]:
    _check_names(function, overrides, python_names, examples)
    return copy.deepcopy({**fields, **overrides})


def _check_names(function: str, names: Iterable[str], python_names: frozenset[str], examples: str) -> None:
    for name in names:
        if name in python_names:
            raise TypeError(f"{function}() takes wire names such as {examples}, not {name}")


class Delivery(NamedTuple):
    """One request to your URL.

    Later releases may add fields at the end, so read the fields by name.
    """

    content_type: str
    """The ``Content-Type`` header. Empty if the request has no body."""
    body: bytes
    """The body. Empty for a GET request."""
    delay: float = 0.0
    """The seconds that Exotel waits after the previous delivery."""
    method: str = "POST"
    """The method of the request: ``POST``, or ``GET`` for popups and most Passthru requests."""
    query: str = ""
    """The query string of a GET request, without the question mark. Append it to your URL."""


class _Event(NamedTuple):
    """The event of a delivery, before it is encoded."""

    delay: float
    fields: Mapping[str, Any]
    is_query: bool = False
    """Whether the request is a GET request with the fields in its query string."""
    encode: Encoder | None = None
    """The encoding of the body if Exotel always uses the same one."""

    def delivery(self, fields: Mapping[str, Any], encode: Encoder) -> Delivery:
        if self.is_query:
            return Delivery("", b"", self.delay, "GET", encode_query(fields))
        body, content_type = (self.encode or encode)(fields)
        return Delivery(content_type, body, self.delay)


@attrs.frozen(kw_only=True, eq=False)
class Scenario:
    """The deliveries of one whole call."""

    name: str
    """The name in `SCENARIOS` or `FLOW_SCENARIOS`."""
    description: str
    """The course of the call in one sentence."""
    outcome: Outcome
    """The outcome of the call that `exotel_callback.merge` returns for all deliveries.

    For a call in a flow, it is what `exotel_callback.combined_outcome` returns for that call and the Passthru requests.
    """
    _events: tuple[_Event, ...] = attrs.field(alias="events", repr=False)

    @property
    def call_sid(self) -> str:
        """The ``CallSid``, which is unique to this scenario."""
        return self.name.replace("-", "").ljust(32, "0")

    def deliveries(
        self, encode: Callable[[Mapping[str, Any]], tuple[bytes, str]] = encode_multipart, **fields: object
    ) -> Iterator[Delivery]:
        """Yield the deliveries in the order of arrival.

        :param encode: The encoding of the callbacks: `encode_multipart`, which is Exotel's default, `encode_json` or
            `encode_form`. Popups and Passthru requests are GET requests, and ``stream-start`` is JSON.
        :param fields: Values by wire name, such as ``CallSid="a"`` or ``CustomField="order_1"``. Each replaces the
            field in the requests that have it. If no request of the scenario has it, it is added to all of them.
        :raises TypeError: A name is a Python name, such as ``call_sid``. Exotel never sends these.
        """
        python_names = _PYTHON_NAMES | _PYTHON_NAMES_OF_PASSTHRU | _PYTHON_NAMES_OF_POPUP
        _check_names("deliveries", fields, python_names, "CallSid and CustomField")
        sent = [{**event.fields, "CallSid": self.call_sid} for event in self._events]
        new = fields.keys() - set[str]().union(*sent)
        for event_fields in sent:
            event_fields.update({name: fields[name] for name in fields if name in new or name in event_fields})
        return (event.delivery(changed, encode) for event, changed in zip(self._events, sent, strict=True))


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
_FIRST_ANSWERED: Final = _Event(0.0, _answered("14:25:18", None))
_BOTH_ANSWERED: Final = _Event(8.0, _answered("14:25:25", "in-progress"))
_ENDED: Final = _Event(320.0, payload())

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
            _Event(
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
        events=(_Event(0.0, _unreached("no-answer", ("no-answer", 0), (None, 0))),),
    ),
    Scenario(
        name="second-party-no-answer",
        description="The first party answers; the second doesn't.",
        outcome=Outcome.NO_ANSWER,
        events=(_FIRST_ANSWERED, _Event(34.0, _unreached("no-answer", ("completed", 34), ("no-answer", 0)))),
    ),
    Scenario(
        name="busy",
        description="The first party answers; the second is busy.",
        outcome=Outcome.BUSY,
        events=(_FIRST_ANSWERED, _Event(12.0, _unreached("busy", ("completed", 12), ("busy", 0)))),
    ),
    Scenario(
        name="canceled",
        description="The first party hangs up while the second's phone rings; the status is failed.",
        outcome=Outcome.CANCELED,
        events=(_FIRST_ANSWERED, _Event(9.0, _unreached("failed", ("completed", 9), ("canceled", 0)))),
    ),
    Scenario(
        name="inbound-missed",
        description="No agent answers an inbound call; the status is completed, leg 1 is no-answer.",
        outcome=Outcome.NO_ANSWER,
        events=(_Event(0.0, _unreached("completed", ("completed", 40), ("no-answer", 0), Direction="inbound")),),
    ),
    Scenario(
        name="default-payload-only",
        description="The default payload has four fields; they don't show who answered.",
        outcome=Outcome.UNKNOWN,
        events=(_Event(0.0, {name: _CONNECTED[name] for name in _DEFAULT_FIELDS}),),
    ),
    Scenario(
        name="redelivered",
        description="The last event arrives three times, as if your answers were lost.",
        outcome=Outcome.CONNECTED,
        events=(_FIRST_ANSWERED, _BOTH_ANSWERED, _ENDED, *(_Event(delay, payload()) for delay in RETRY_DELAYS)),
    ),
    Scenario(
        name="out-of-order",
        description="The answered events arrive after the terminal event.",
        outcome=Outcome.CONNECTED,
        events=(_Event(0.0, payload()), _BOTH_ANSWERED._replace(delay=300.0), _FIRST_ANSWERED._replace(delay=5.0)),
    ),
    Scenario(
        name="ringing",
        description="Exotel also reports that the first party's phone rings; then both parties answer and talk.",
        outcome=Outcome.CONNECTED,
        events=(_Event(0.0, _ringing()), _FIRST_ANSWERED._replace(delay=5.0), _BOTH_ANSWERED, _ENDED),
    ),
    Scenario(
        name="to-leg-unanswered",
        description="The second party doesn't answer; only the status says so, as in the v3 API.",
        outcome=Outcome.NO_ANSWER,
        events=(_FIRST_ANSWERED, _Event(34.0, _unreached("to_leg_unanswered"))),
    ),
)

SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType({scenario.name: scenario for scenario in _SCENARIOS})
"""The scenarios by name. Each has the deliveries of one call, and the outcome that your handler should find."""


_AT: Final = "2024-01-15 14:25:"


def _popup(delay: float, event_type: str, second: str, **more: object) -> _Event:
    """Return the popup request of an event of an agent."""
    status = "free" if event_type == "Terminal" else "busy"
    fields = popup_payload(EventType=event_type, Status=status, CurrentTime=_AT + second, **more)
    return _Event(delay, fields, is_query=True)


def _passthru(delay: float, second: str, **fields: object) -> _Event:
    """Return a Passthru request."""
    return _Event(delay, passthru_payload(CurrentTime=_AT + second, **fields), is_query=True)


# The fields of a Passthru request in a flow that has called no party.
_NO_PARTY_CALLED: Final[dict[str, Any]] = {
    "DialCallDuration": None,
    "DialCallStatus": None,
    "DialWhomNumber": None,
    "OutgoingPhoneNumber": None,
    "RecordingUrl": None,
    "RecordingAvailableBy": None,
    "CallType": "call-attempt",
    "digits": None,
    "Legs": [],
}
_STREAM_SID: Final = "6f048d2e897a0d2d4029560f3f540000"
_STREAM_URL: Final = "wss://bot.example.com/media"
_STREAM_STARTS: Final = _Event(
    0.0,
    {
        "CallSid": "",
        "StreamSid": _STREAM_SID,
        "StreamUrl": _STREAM_URL,
        "AccountSid": "example",
        "EventType": "stream-start",
        "Direction": "outbound",
        "From": "09876543210",
        "To": "08012345678",
    },
    encode=encode_json,
)
# Only the first party is on a call with a bot.
_BOT_CALL: Final = payload(
    To=None,
    DateUpdated=_AT + "50",
    EndTime=_AT + "50",
    ConversationDuration=0,
    Legs=[{"OnCallDuration": 38, "Status": "completed"}],
)

_FLOW_SCENARIOS: Final = (
    Scenario(
        name="flow-missed",
        description="A flow rings an agent for an inbound call; the agent doesn't answer. No callback arrives.",
        outcome=Outcome.NO_ANSWER,
        events=(
            _popup(0.0, "Dial", "12"),
            _popup(2.0, "Ringing", "14"),
            _popup(30.0, "Terminal", "44"),
            _passthru(
                1.0,
                "45",
                CallType="incomplete",
                DialCallStatus="no-answer",
                DialCallDuration="32",
                RecordingUrl=None,
                RecordingAvailableBy=None,
                Legs=[{"Number": "09123456789", "OnCallDuration": "0", "CauseCode": "RING_TIMEOUT", "Cause": "1003"}],
            ),
        ),
    ),
    Scenario(
        name="flow-connected",
        description="A flow rings an agent for an inbound call; they talk. No callback arrives.",
        outcome=Outcome.CONNECTED,
        events=(
            _popup(0.0, "Dial", "12"),
            _popup(2.0, "Ringing", "14"),
            _popup(14.0, "Answered", "28"),
            _popup(24.0, "Terminal", "52", RecordingAvailableBy="Mon, 15 Jan 2024 14:30:52"),
            _passthru(0.0, "52"),
        ),
    ),
    Scenario(
        name="flow-menu",
        description="A caller hangs up in the menu of a flow, before it calls an agent.",
        outcome=Outcome.UNKNOWN,
        events=(_passthru(0.0, "20", **_NO_PARTY_CALLED),),
    ),
    Scenario(
        name="flow-outbound",
        description="You call a customer into a flow, which connects them with an agent.",
        outcome=Outcome.CONNECTED,
        events=(
            _Event(
                0.0,
                payload(
                    EventType="answered",
                    Status="in-progress",
                    To=None,
                    DateUpdated=_AT + "18",
                    EndTime="1970-01-01 05:30:00",
                    ConversationDuration=0,
                    RecordingUrl=None,
                    Legs=[{"OnCallDuration": 0, "Status": "in-progress"}],
                ),
            ),
            _passthru(34.0, "52", Direction="outbound-dial"),
            _Event(3.0, {**_BOT_CALL, "DateUpdated": _AT + "55", "EndTime": _AT + "55"}),
        ),
    ),
    Scenario(
        name="bot-hangs-up",
        description="You call a customer, who talks with your voice bot; the bot ends the call.",
        outcome=Outcome.CONNECTED,
        events=(
            _STREAM_STARTS,
            _passthru(
                28.0,
                "48",
                Direction="outbound-dial",
                **_NO_PARTY_CALLED,
                Stream={
                    "StreamSID": _STREAM_SID,
                    "Status": "completed",
                    "Duration": "28",
                    "RecordingUrl": "https://recordings.exotel.com/exotelrecordings/example/f01.mp3",
                    "StreamUrl": _STREAM_URL,
                    "DisconnectedBy": "bot",
                },
            ),
            _Event(2.0, _BOT_CALL),
        ),
    ),
    Scenario(
        name="bot-fails",
        description="You call a customer, but your voice bot can't be reached; the status is completed.",
        outcome=Outcome.FAILED,
        events=(
            _STREAM_STARTS,
            _passthru(
                5.0,
                "25",
                Direction="outbound-dial",
                **_NO_PARTY_CALLED,
                Stream={
                    "StreamSID": _STREAM_SID,
                    "Status": "failed",
                    "Duration": "0",
                    "StreamUrl": _STREAM_URL,
                    "DisconnectedBy": "NA",
                    "Error": "connection to the bot timed out",
                    "DetailedStatus": "bot_unreachable",
                },
            ),
            _Event(2.0, {**_BOT_CALL, "DateUpdated": _AT + "27", "EndTime": _AT + "27"}),
        ),
    ),
)

FLOW_SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType(
    {scenario.name: scenario for scenario in _FLOW_SCENARIOS}
)
"""More scenarios by name: calls that go through a flow. Their deliveries are callbacks, Passthru requests and popups.

`exotel_callback.parse_any` reads each: pass it the query string of a GET request, and the body of a POST request.
"""


@overload
def assert_valid(
    payload: Payload,
    content_type: str | None = None,
    *,
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> StatusCallback: ...
@overload
def assert_valid(
    payload: object,
    content_type: str | None = None,
    *,
    reader: Callable[..., T],
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> T: ...
def assert_valid(
    payload: object,
    content_type: str | None = None,
    *,
    reader: Callable[..., object] = parse,
    timezone: tzinfo = IST,
    limits: Limits = DEFAULT_LIMITS,
) -> object:
    """Parse a payload, and fail with all issues if it isn't a valid StatusCallback, or a valid event of another kind.

    :param payload: A payload as for `exotel_callback.parse`.
    :param content_type: As for `exotel_callback.parse`.
    :param reader: The function that parses the payload: `exotel_callback.parse`, `exotel_callback.parse_passthru`,
        `exotel_callback.parse_popup` or `exotel_callback.parse_any`.
    :param timezone: As for `exotel_callback.parse`.
    :param limits: As for `exotel_callback.parse`.
    :return: The event. It is a `exotel_callback.StatusCallback` unless you pass another `reader`.
    :raises AssertionError: The payload isn't what Exotel documents. The message has one line for each issue, and quotes
        no value.
    :raises TypeError: An argument has the wrong type, such as a coroutine or a request object as `payload`.
    """
    __tracebackhide__ = True  # pytest then shows the line of the test.
    try:
        return reader(payload, content_type, strict=True, timezone=timezone, limits=limits)
    except CallbackError as error:
        faults = [*(issue.message for issue in error.issues), *filter(None, [error.advice])] or [str(error)]
        shown = "\n".join(f"  - {fault}" for fault in faults)
        what = "StatusCallback" if reader is parse else f"payload for {reader.__name__}()"
        failure = AssertionError(f"not a valid {what} ({type(error).__name__}):\n{shown}")
    raise failure  # here it has no context, which pytest would print too
