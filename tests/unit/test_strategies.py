"""Test the strategies: compare them with the parser, which they don't use, and find bugs in example handlers."""

import ast
import json
import re
from collections import defaultdict
from datetime import datetime
from itertools import product
from pathlib import Path
from random import Random
from typing import get_args
from urllib.parse import parse_qsl

import attrs
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

import exotel_callback
import handlers
from exotel_callback import (
    Call,
    CallbackError,
    CallStatus,
    EventType,
    IssueCode,
    Leg,
    LegStatus,
    PassthruEvent,
    PassthruLeg,
    PopupEvent,
    StatusCallback,
    Stream,
    StreamStatus,
    dump,
    load,
    merge,
    parse,
    parse_passthru,
    parse_popup,
    strategies,
)
from exotel_callback.testing import RETRY_DELAYS, Delivery, encode_query
from helpers import ENUMS, FORM, JSON

SID = "0" * 32
SMALLEST = {"CallSid": SID, "Status": "completed"}
SMALLEST_POPUP = {"CallSid": SID, "EventType": "Dial", "Status": "busy", "DialWhomNumber": "00000000000"}
BODIES = [strategies.json_bodies, strategies.form_bodies, strategies.multipart_bodies]


def examples(strategy, count):
    """Return examples of a strategy, the same ones in every run.

    They are made of random bytes, so they are more even and quicker to draw than those of Hypothesis' search.
    """
    found = []

    @settings(database=None)
    @given(strategy)
    def collect(value):
        found.append(value)

    random = Random(0)
    while len(found) < count:
        collect.hypothesis.fuzz_one_input(random.randbytes(2_000))
    return found


def smallest(strategy, condition=lambda _: True):
    """Return the example to which the condition shrinks. Fail if none of 1,000 examples meets the condition."""
    options = settings(max_examples=1_000, database=None, phases=[Phase.generate, Phase.shrink])
    return find(strategy, condition, settings=options, random=Random(0))


def parsed(delivery):
    return parse(delivery.body, delivery.content_type)


@pytest.fixture(scope="module")
def callbacks():
    return examples(strategies.status_callbacks(), 700)


@pytest.fixture(scope="module")
def damaged():
    return examples(strategies.damaged_bodies(), 500)


@pytest.fixture(scope="module")
def calls():
    """Return examples of `deliveries()`."""
    return examples(strategies.deliveries(), 150)


@pytest.fixture(scope="module")
def requests():
    return examples(strategies.passthru_events(), 400)


@pytest.fixture(scope="module")
def popups():
    return examples(strategies.popup_events(), 300)


def assert_drawn(expected, found, where):
    """Fail with the expected values that no example has."""
    missing = sorted(map(repr, {*expected} - {*found}))
    assert not missing, f"{where} draws no example of {', '.join(missing)}; see the tables in strategies.py"


def assert_fields_are_drawn(values, where):
    """Fail if a field is never None, although it can be, or never has a member of its enum or any other value."""
    expected, found = set(), set()
    for field in attrs.fields(type(values[0])):
        if field.name in {"legs", "issues", "raw"}:
            continue
        enum = next((kind for kind in get_args(field.type) or (field.type,) if kind in ENUMS), None)
        absent = [] if field.default is attrs.NOTHING else [None]
        expected |= {*product([field.name], [*(enum or ["a value"]), *absent])}
        drawn = {getattr(value, field.name) for value in values}
        found |= {(field.name, value if enum or value is None else "a value") for value in drawn}
    assert_drawn(expected, found, where)


def test_every_parsed_value_is_drawn(callbacks):
    """status_callbacks() never draws an enum member, an issue, a number of legs, or an absent or present field."""
    assert_fields_are_drawn(callbacks, "status_callbacks()")
    assert_fields_are_drawn([leg for callback in callbacks for leg in callback.legs], "legs()")
    expected = {IssueCode.UNKNOWN_VALUE, IssueCode.NOT_A_NUMBER, IssueCode.NOT_A_DATE, *range(4)}
    found = {issue.code for callback in callbacks for issue in callback.issues}
    found |= {len(callback.legs) for callback in callbacks}
    assert_drawn(expected, found, "status_callbacks()")


def test_every_parsed_value_of_passthru_is_drawn(requests):
    """passthru_events() never draws an enum member, an issue, a shape of a stream, or an absent or present field."""
    assert_fields_are_drawn(requests, "passthru_events()")
    assert_fields_are_drawn([leg for event in requests for leg in event.legs], "passthru_events()")
    assert_fields_are_drawn([event.stream for event in requests if event.stream], "passthru_events()")
    expected = {
        *product(["digits"], ["0", "42", "4*2#"]),
        *product(["event_type"], ["stream-start", "Stream-Start"]),
        *product(["issues"], [IssueCode.UNKNOWN_VALUE, IssueCode.NOT_A_NUMBER, IssueCode.NOT_A_DATE]),
        *product(["issues at"], ["Stream.Status", "Stream.Duration", "Legs[1].OnCallDuration", "DialCallDuration"]),
        *product(["number of legs"], range(4)),
        *product(["names"], ["From", "CallFrom", "To", "CallTo", "Price", "Carrier"]),
        *product(["names"], ["Stream[Status]", "Stream", "StreamSid", "StreamUrl"]),
        *product(["the type of Stream"], ["str", "RawPayload"]),
        *product(["a stream"], ["in text without an issue", "with a recording"]),
    }
    found = set()
    for event in requests:
        found |= {("digits", event.digits), ("event_type", event.event_type), ("number of legs", len(event.legs))}
        found |= {("issues", issue.code) for issue in event.issues}
        found |= {("issues at", issue.path) for issue in event.issues}
        found |= {("names", name) for name in event.raw}
        if event.stream and event.recording_url == event.stream.recording_url is not None:
            found.add(("a stream", "with a recording"))
        if "Stream" in event.raw:
            found.add(("the type of Stream", type(event.raw["Stream"]).__name__))
            if type(event.raw["Stream"]) is str and not event.issues:
                found.add(("a stream", "in text without an issue"))
    assert_drawn(expected, found, "passthru_events()")


def test_every_parsed_value_of_popups_is_drawn(popups):
    """popup_events() never draws an enum member, an issue, a name, or an absent or present field."""
    assert_fields_are_drawn(popups, "popup_events()")
    expected = {IssueCode.UNKNOWN_VALUE, IssueCode.NOT_A_DATE}
    expected |= {"From", "CallFrom", "To", "CallTo", "Created", "DateCreated", "Price", "Carrier"}
    found = {issue.code for event in popups for issue in event.issues} | {
        name for event in popups for name in event.raw
    }
    assert_drawn(expected, found, "popup_events()")


NULLS = [None, "", "null", "NULL", "None", "undefined"]
UNRECOGNIZED = ["free", "completed-no-answer", "['completed']", "unknown"]

# Spellings that payloads have, by field. In a shape, each digit is 9, and each name of a day or month is Aaa.
SPELLINGS = {
    "Status": [
        *("no-answer", "NO-ANSWER", "no answer", "no_answer", "canceled", "cancelled"),
        *("to_leg_cancelled", "TO_LEG_CANCELLED", "to leg cancelled", "to-leg-cancelled", "to_leg_canceled"),
        "from_leg_canceled",
        *UNRECOGNIZED,
    ],
    "Direction": ["inbound", "INBOUND", "incoming", "outbound", "outgoing", *UNRECOGNIZED, *NULLS],
    "EventType": ["terminal", "TERMINAL", *UNRECOGNIZED, *NULLS],
    "a date": [
        "9999-99-99 99:99:99",
        "9999-99-99T99:99:99",
        "9999-99-99 99:99:99.999",
        "9999-99-99T99:99:99Z",
        "9999-99-99T99:99:99-99:99",
        "Aaa, 99 Aaa 9999 99:99:99",
        "1970-01-01 05:30:00",
        "0000-00-00 00:00:00",
        "0001-01-01T00:00:00Z",
        "1970-01-01 05:30:00+05:30",
        "0000-00-00T00:00:00.000",
        "Thu, 01 Jan 1970 05:30:00",
        "soon",
        "2024-02-30 12:00:00",
        "15/01/2024",
        "2024-01-15 14:30:45+05:60",
        *NULLS,
    ],
    "a duration": [int, "9", "9999", "12.0", 7.0, -1, "1_000", "soon", 1.5, *NULLS],
    "a phone number": ["99999999999", "+999999999999", "0XXXXX30240", "sip:agent", *NULLS],
    "RecordingUrl": NULLS,
    "CustomField": ['{"order": 42}', *NULLS],
    "Price": ["1.500"],
    "a leg's Status": ["no-answer", "NO-ANSWER", *UNRECOGNIZED, *NULLS],
    "a leg's AnsweredBy": ["Human", "HUMAN", *UNRECOGNIZED, *NULLS],
}


def shape(value):
    """Return the part of a spelling that it shares with other values of its kind."""
    if isinstance(value, str):
        return re.sub(r"\b[A-Z][a-z]{2}\b", "Aaa", re.sub(r"\d", "9", value))
    return int if isinstance(value, int) and value >= 0 else value


KINDS = {
    **dict.fromkeys(("DateUpdated", "DateCreated", "StartTime", "EndTime"), "a date"),
    **dict.fromkeys(("From", "To", "PhoneNumberSid"), "a phone number"),
    **dict.fromkeys(("ConversationDuration", "Duration", "OnCallDuration"), "a duration"),
}


@pytest.fixture(scope="module")
def spellings(callbacks):
    """Return the wire values, and their shapes, by the names of `SPELLINGS`."""
    found = defaultdict(set)
    for payload in [callback.raw for callback in callbacks]:
        for name, value in payload.items():
            if name != "Legs":
                found[KINDS.get(name, name)] |= {value, shape(value)}
        for leg in payload.get("Legs", ()):
            for name, value in leg.items():
                found[KINDS.get(name, f"a leg's {name}")] |= {value, shape(value)}
    return found


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_is_drawn(name, spellings):
    """Payloads never have a spelling that Exotel was seen to send, or an invalid value."""
    assert_drawn(SPELLINGS[name], spellings[name], f"payloads(): {name}")


def test_many_strings_are_drawn(callbacks):
    """status_callbacks() draws few custom fields, so a handler is never tested with an unusual one."""
    assert len({callback.custom_field for callback in callbacks}) > 50


def test_fields_that_the_library_does_not_know_are_drawn(callbacks):
    """Payloads never have undocumented fields, or always have them."""
    found = {frozenset(callback.extra) for callback in callbacks}
    assert found == {frozenset(names) for names in ((), ("Price",), ("Carrier",), ("Price", "Carrier"))}


def test_dates_as_passthru_writes_them_are_right(callbacks):
    """A date has the name of another day or month."""
    found = set()
    for callback in callbacks:
        dates = {
            "DateUpdated": callback.date_updated,
            "DateCreated": callback.date_created,
            "StartTime": callback.start_time,
            "EndTime": callback.end_time,
        }
        for name, date in dates.items():
            wire = callback.raw.get(name)
            if date and isinstance(wire, str) and "," in wire:
                assert wire == date.strftime("%a, %d %b %Y %H:%M:%S")
                found |= {date.strftime("%a"), date.strftime("%b")}
    assert len(found) == 7 + 12, "not all days and months are drawn"


PAYLOAD = {**SMALLEST, "To": None, "CustomField": "\xe9 b", "Legs": [{"Status": "busy"}]}
BODY_SPELLINGS = [
    (
        strategies.json_bodies,
        {
            "as json.dumps writes it": r'^{"CallSid": .*\\u00e9',
            "compact, not escaped": '^{"CallSid":"0.*\xe9',
            "indented": '^{\n  "CallSid": "',
            JSON: f"^{JSON}$",
            f"{JSON}; charset=utf-8": f"^{JSON}; charset=utf-8$",
            "Application/JSON": "^Application/JSON$",
        },
    ),
    (
        strategies.form_bodies,
        {
            "bracket keys": r"&Legs\[0\]\[Status\]=busy",
            "escaped bracket keys": "&Legs%5B0%5D%5BStatus%5D=busy",
            "legs as a JSON string": "&Legs=(\\[|%5B)%7B",
            "null as an empty string": "&To=&",
            "null as null": "&To=null&",
            "whitespace as +": r"=%C3%A9\+b",
            "whitespace as %20": "=%C3%A9%20b",
            FORM: f"^{FORM}$",
            f"{FORM}; charset=UTF-8": f"^{FORM}; charset=UTF-8$",
        },
    ),
    (
        strategies.multipart_bodies,
        {
            "bracket keys": r'name="Legs\[0\]\[Status\]"',
            "legs as a JSON string": r'name="Legs"\r\n(.*\r\n)?\r\n\[{"Status": "busy"}\]\r\n',
            "null as an empty string": r'name="To"\r\n(.*\r\n)?\r\n\r\n',
            "null as null": r'name="To"\r\n(.*\r\n)?\r\nnull\r\n',
            "the boundary of curl": "^multipart/form-data; boundary=------------------------[0-9a-f]{16}$",
            "the boundary of a browser": "^multipart/form-data; boundary=----WebKitFormBoundary[A-Za-z0-9]+$",
            "the boundary of Guzzle": "^multipart/form-data; boundary=[0-9a-f]{12}$",
            "a content type in each part": "\r\nContent-Type: text/plain; charset=utf-8\r\n",
            "another header in each part": "\r\nX-Part: 1\r\n",
            "no other header": '; name="To"\r\n\r\n',
        },
    ),
]


@pytest.mark.parametrize(("bodies", "patterns"), BODY_SPELLINGS)
def test_bodies_come_in_every_spelling(bodies, patterns):
    """A way to write a body is never drawn."""
    drawn = examples(bodies(payloads=st.just(PAYLOAD)), 150)
    texts = [text for body, content_type in drawn for text in (body.decode(), content_type)]
    found = {name for name, pattern in patterns.items() if any(re.search(pattern, text) for text in texts)}
    assert_drawn(patterns, found, f"{bodies.__name__}()")


@given(strategies.status_callbacks())
def test_the_parser_makes_the_same_callback_of_the_payload(callback):
    """A drawn callback differs from the one that `parse` returns for its payload, or doesn't survive a queue."""
    from_payload = parse(callback.raw)
    assert from_payload == callback
    assert from_payload.raw == callback.raw
    for name in ("date_updated", "date_created", "start_time", "end_time"):
        date, expected = getattr(from_payload, name), getattr(callback, name)
        assert (date is None and expected is None) or date.utcoffset() == expected.utcoffset()
    assert load(dump(callback)) == callback


@pytest.mark.parametrize("bodies", BODIES)
@given(data=st.data())
def test_the_parser_makes_the_same_callback_of_each_body(bodies, data):
    """A body means something else than its payload."""
    payload = data.draw(strategies.payloads())
    assert parse(*data.draw(bodies(payloads=st.just(payload)))) == parse(payload)


FLOW_READERS = [(strategies.passthru_events, parse_passthru), (strategies.popup_events, parse_popup)]


@pytest.mark.parametrize(("events", "read"), FLOW_READERS)
@given(data=st.data())
def test_the_parser_makes_the_same_event_of_the_payload(events, read, data):
    """A drawn Passthru request or popup differs from the one that the parser returns for its payload."""
    event = data.draw(events())
    from_payload = read(event.raw)
    assert from_payload == event
    assert from_payload.raw == event.raw
    for field in attrs.fields(type(event)):
        date = getattr(event, field.name)
        if isinstance(date, datetime):
            assert getattr(from_payload, field.name).utcoffset() == date.utcoffset()


@pytest.mark.parametrize("bodies", BODIES)
@pytest.mark.parametrize(
    ("payloads", "read"),
    [(strategies.passthru_payloads(), parse_passthru), (strategies.popup_payloads(), parse_popup)],
    ids=["passthru", "popup"],
)
@given(data=st.data())
def test_the_parser_makes_the_same_event_of_each_body(payloads, read, bodies, data):
    """A body or a query string means something else than its payload."""
    payload = data.draw(payloads)
    event = read(payload)
    assert read(*data.draw(bodies(payloads=st.just(payload)))) == event
    assert read(data.draw(strategies.query_strings(payloads=st.just(payload)))) == event
    assert read(encode_query(payload)) == event


@given(strategies.query_strings())
def test_query_strings_are_of_flows(query):
    """query_strings() draws a query string that neither parser reads, or that no GET request can have."""
    assert re.fullmatch(r"[!-~]+", query)
    assert "#" not in query
    read = parse_popup if "Status" in dict(parse_qsl(query, keep_blank_values=True)) else parse_passthru
    assert read(query).raw


def test_query_strings_are_of_both_kinds():
    """query_strings() never draws a Passthru request, or never a popup."""
    drawn = examples(strategies.query_strings(), 20)
    assert {"&Status=" in query for query in drawn} == {True, False}


@given(strategies.status_callbacks(allow_issues=False))
def test_callbacks_without_issues_have_no_unknown_values(callback):
    """Issues or unknown enum members are drawn although allow_issues is false."""
    assert callback.issues == ()
    members = {callback.status, callback.direction, callback.event_type}
    members |= {member for leg in callback.legs for member in (leg.status, leg.answered_by)}
    assert "unknown" not in members


@pytest.mark.parametrize(
    ("strategy", "has_issue"),
    [
        (strategies.status_callbacks, lambda callback: callback.issues),
        (strategies.legs, lambda leg: leg.status is LegStatus.UNKNOWN),
        (strategies.payloads, lambda payload: parse(payload).issues),
        (strategies.deliveries, lambda deliveries: any(parsed(delivery).issues for delivery in deliveries)),
        (strategies.passthru_events, lambda event: event.issues),
        (strategies.passthru_payloads, lambda payload: parse_passthru(payload).issues),
        (strategies.popup_events, lambda event: event.issues),
        (strategies.popup_payloads, lambda payload: parse_popup(payload).issues),
    ],
)
def test_issues_are_drawn_only_if_they_are_allowed(strategy, has_issue):
    """allow_issues has no effect, or its default isn't true."""
    assert any(map(has_issue, examples(strategy(), 30)))
    assert not any(map(has_issue, examples(strategy(allow_issues=False), 30)))


@given(strategies.damaged_bodies())
def test_no_damaged_body_is_a_callback(damaged):
    """`parse` accepts a damaged body."""
    with pytest.raises(CallbackError):
        parse(*damaged)


def json_object(body):
    try:
        decoded = json.loads(body)
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def lacks(name):
    return lambda body, _: name in (fields := json_object(body)) and fields[name] in (None, "", "null")


MULTIPART_TYPE = "multipart/form-data"
DAMAGE = {
    "an empty JSON body": lambda body, header: (body, header) == (b"", JSON),
    "an empty form": lambda body, header: (body, header) == (b"", FORM),
    "a JSON object that is cut off": lambda body, header: header == JSON and body[:1] == b"{" and b"}" not in body[-2:],
    "a multipart body that is cut off": lambda body, header: (
        f"boundary={body[2:26].decode('latin-1')}" in header and not body.endswith(b"--\r\n")
    ),
    "JSON that isn't UTF-8": lambda body, header: header == JSON and b"\xff" in body,
    "a form that isn't UTF-8": lambda body, header: header == FORM and b"\xff" in body,
    "an invalid byte before all others": lambda body, _: body.startswith(b"\xff"),
    "JSON sent as multipart": lambda body, header: MULTIPART_TYPE in header and body.startswith(b"{"),
    "a form sent as JSON": lambda body, header: header == JSON and body.startswith(b"CallSid="),
    "multipart sent as JSON": lambda body, header: header == JSON and body.startswith(b"--"),
    "multipart without a boundary in the header": lambda _, header: header == MULTIPART_TYPE,
    "multipart with another boundary": lambda _, header: header == f"{MULTIPART_TYPE}; boundary=another",
    "text": lambda _, header: header == "text/plain",
    "XML": lambda _, header: header == "application/xml",
    "an unknown charset": lambda _, header: "klingon" in header,
    "JSON that is an array": lambda body, _: body == b"[]",
    "JSON that is a string": lambda body, _: body == b'"CallSid"',
    "JSON that is a number": lambda body, _: body == b"1",
    "JSON that is null": lambda body, _: body == b"null",
    "JSON with NaN": lambda body, _: body.endswith(b"NaN}"),
    "no CallSid": lacks("CallSid"),
    "no Status": lacks("Status"),
    "a CallSid alone": lambda body, _: json_object(body).keys() == {"CallSid"},
    "an empty object": lambda body, _: body == b"{}",
    "an SMS callback": lambda body, _: b"SmsSid" in body,
    "a body that is too large": lambda body, _: len(body) > 66_000,
    "too many fields": lambda body, _: b"Field299" in body,
    "values that are nested too deep": lambda body, _: b"[" * 20 in body,
}


def test_every_damage_is_drawn(damaged):
    """damaged_bodies() never draws a kind of damage."""
    found = {name for name, is_damaged in DAMAGE.items() if any(is_damaged(*body) for body in damaged)}
    assert_drawn(DAMAGE, found, "damaged_bodies()")


def test_damaged_bodies_need_every_error_status(damaged):
    """A status that a handler may have to answer with is never needed."""
    hints = set()
    for body in damaged:
        with pytest.raises(CallbackError) as caught:
            parse(*body)
        hints.add(caught.value.status_hint)
    assert hints == {400, 413, 415, 422}


@given(strategies.deliveries())
def test_deliveries_are_of_one_call(deliveries):
    """The deliveries of a call can't be merged, there are none, or a redelivery has another delay than Exotel's."""
    assert deliveries
    delays = defaultdict(list)
    for delivery in deliveries:
        delays[parsed(delivery).date_updated].append(delivery.delay)
    for found in delays.values():
        assert found == [0, *RETRY_DELAYS, *RETRY_DELAYS[-1:] * 3][: len(found)]
    assert len(merge(*map(parsed, deliveries)).events) == len(delays) <= 3


def test_everything_happens_to_deliveries(calls):
    """deliveries() never draws an event, a number of deliveries, or one of the things that can happen to them."""
    answered = {
        ("answered", "in-progress", "14:25:18", (LegStatus.IN_PROGRESS, LegStatus.NOT_ATTEMPTED)),
        ("answered", "in-progress", "14:25:25", (LegStatus.IN_PROGRESS, LegStatus.IN_PROGRESS)),
    }
    found = set()
    for deliveries in calls:
        events = [*map(parsed, deliveries)]
        for event in events:
            legs = tuple(leg.status for leg in event.legs) if event.event_type is EventType.ANSWERED else "any"
            found.add((event.event_type, event.status, str(event.date_updated.time()), legs))
        is_terminal = [event.is_terminal for event in events]
        happens = {
            f"{len(events)} deliveries": True,
            "a repeated event": len({*events}) < len(events),
            "the terminal event before another": True in is_terminal[:-1] and not is_terminal[-1],
            "a lost terminal event": not any(is_terminal),
            "all three events": len({*events}) == 3,
            "three encodings": len({delivery.content_type[:20].lower() for delivery in deliveries}) == 3,
        }
        found |= {what for what, is_so in happens.items() if is_so}
    statuses = [*CallStatus.FINAL]
    expected = {
        *answered,
        *product(["terminal"], statuses, ["14:30:45"], ["any"]),
        *[f"{number} deliveries" for number in range(1, 7)],
        "a repeated event",
        "the terminal event before another",
        "a lost terminal event",
        "all three events",
        "three encodings",
    }
    assert_drawn(expected, found, "deliveries()")
    assert {fact for fact in found if isinstance(fact, tuple)} <= expected


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (strategies.payloads(), SMALLEST),
        (strategies.status_callbacks(), parse(SMALLEST)),
        (strategies.legs(), Leg(status=LegStatus.COMPLETED)),
        (strategies.json_bodies(), (f'{{"CallSid": "{SID}", "Status": "completed"}}'.encode(), JSON)),
        (strategies.form_bodies(), (f"CallSid={SID}&Status=completed".encode(), FORM)),
        (strategies.multipart_bodies(), exotel_callback.testing.encode_multipart(SMALLEST)),
        (strategies.damaged_bodies(), (b"", JSON)),
        (strategies.passthru_payloads(), {"CallSid": SID}),
        (strategies.passthru_events(), parse_passthru({"CallSid": SID})),
        (strategies.popup_payloads(), SMALLEST_POPUP),
        (strategies.popup_events(), parse_popup(SMALLEST_POPUP)),
        (strategies.query_strings(), encode_query(SMALLEST_POPUP)),
        (
            strategies.deliveries(),
            [
                Delivery(
                    JSON,
                    f'{{"CallSid": "{SID}", "Status": "completed", "EventType": "terminal", "DateUpdated": '
                    '"2024-01-15 14:30:45"}'.encode(),
                )
            ],
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_each_strategy_shrinks_as_documented(strategy, expected):
    """A strategy shrinks to something else than its docstring says."""
    assert smallest(strategy) == expected


def test_a_failing_test_shows_the_smallest_query_string():
    """With the default settings, a test with query_strings() shows another string than the documented one."""
    found = find(strategies.query_strings(), lambda _: True, settings=settings(database=None))
    assert found == encode_query(SMALLEST_POPUP)


@pytest.mark.parametrize(
    ("condition", "fields"),
    [
        (lambda callback: callback.end_time, {"EndTime": "2000-01-01 00:00:00"}),
        (lambda callback: callback.conversation_duration is not None, {"ConversationDuration": 0}),
        (lambda callback: callback.from_number, {"From": "00000000000"}),
        (lambda callback: callback.custom_field, {"CustomField": "0"}),
        (lambda callback: callback.direction, {"Direction": "outbound-api"}),
        (
            lambda callback: any(leg.status is LegStatus.NOT_ATTEMPTED for leg in callback.legs),
            {"Legs": [{"Status": None}]},
        ),
    ],
)
def test_a_field_shrinks_to_its_documented_spelling(condition, fields):
    """A failure that one field causes is shown with other fields, or with an unusual spelling."""
    assert smallest(strategies.payloads(), lambda payload: condition(parse(payload))) == {**SMALLEST, **fields}


@pytest.mark.parametrize(
    ("condition", "fields"),
    [
        (lambda event: event.from_number, {"From": "00000000000"}),
        (lambda event: event.digits, {"digits": '"0"'}),
        (lambda event: event.legs, {"Legs": [{"Type": "single"}]}),
        (lambda event: event.stream and event.stream.status, {"Stream[Status]": "completed"}),
        (lambda event: event.stream and event.stream.stream_sid, {"Stream[StreamSID]": SID}),
        (lambda event: event.recording_url, {"RecordingUrl": strategies._URLS[0]}),
    ],
)
def test_a_field_of_passthru_shrinks_to_its_documented_spelling(condition, fields):
    """A failure that one field causes is shown with other fields, or with an unusual spelling."""
    found = smallest(strategies.passthru_payloads(), lambda payload: condition(parse_passthru(payload)))
    assert found == {"CallSid": SID, **fields}


def test_nothing_is_shared_with_the_parser():
    """The strategies import a part of the parser, so that both can be wrong in the same way."""
    tree = ast.parse(Path(strategies.__file__).read_text())
    ours = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level}
    models = {"_model.call", "_model.callback", "_model.passthru", "_model.popup"}
    assert ours == {"_encode", "_enums", "_errors", "_options", "testing", *models}
    tree = ast.parse((Path(strategies.__file__).parent / "_encode.py").read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]


def request(delivery):
    builder = EnvironBuilder(method="POST", data=delivery.body, content_type=delivery.content_type)
    return Request(builder.get_environ())


def fails(handler, is_right):
    """Return a function that reports whether a handler fails, or stores something else than the deliveries say."""

    def handler_fails(deliveries):
        rows = {}
        if any(handler(request(delivery), rows) != 200 for delivery in deliveries):
            return True
        call = merge(*map(parsed, deliveries))
        return not is_right(rows[call.call_sid], call)

    return handler_fails


DELIVERED_ONCE = st.one_of([bodies() for bodies in BODIES]).map(lambda body: [Delivery(body[1], body[0])])


def answered(second, second_leg):
    return (
        f'{{"CallSid": "{SID}", "Status": "in-progress", "EventType": "answered", '
        f'"DateUpdated": "2024-01-15 14:25:{second}", '
        f'"Legs": [{{"Status": "in-progress"}}, {{"Status": {second_leg}}}]}}'
    )


TERMINAL = (
    f'{{"CallSid": "{SID}", "Status": "completed", "EventType": "terminal", "DateUpdated": "2024-01-15 14:30:45"}}'
)

PLANTED = {
    "legs_lost_in_forms": (
        DELIVERED_ONCE,
        lambda row, call: row["legs"] == len(call.legs),
        [[f"CallSid={SID}&Status=completed&Legs[0][Status]=completed"]],
    ),
    "multipart_refused": (
        DELIVERED_ONCE,
        lambda row, _: row == {},
        [[exotel_callback.testing.encode_multipart(SMALLEST)[0].decode()]],
    ),
    "empty_number": (
        DELIVERED_ONCE,
        lambda row, _: row,
        [
            [f'{{"CallSid": "{SID}", "Status": "completed", "ConversationDuration": ""}}'],
            [f"CallSid={SID}&Status=completed&ConversationDuration="],
        ],
    ),
    "second_answered_dropped": (
        strategies.deliveries(),
        lambda row, call: row["answered"] == sum(event.event_type is EventType.ANSWERED for event in call.events),
        [[answered(18, "null"), answered(25, '"in-progress"')]],
    ),
    "late_event_undoes_a_finished_call": (
        strategies.deliveries(),
        lambda row, call: row["status"] == call.status,
        [[TERMINAL, answered(18, "null")]],
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_bugs_are_found(name):
    """The strategies don't find a handler's mistake in 1,000 examples, or don't show it with the smallest one."""
    strategy, is_right, shown = PLANTED[name]
    found = smallest(strategy, fails(getattr(handlers, name), is_right))
    assert [delivery.body.decode() for delivery in found] in shown


def test_every_handler_is_tried():
    """A handler was added to handlers.py, but not to PLANTED."""
    assert {name for name in vars(handlers) if callable(getattr(handlers, name))} - {"decoded"} == set(PLANTED)


def test_from_type():
    """Hypothesis doesn't know the strategies of our types, although the user has imported nothing."""
    assert smallest(st.from_type(StatusCallback)) == parse(SMALLEST)
    assert smallest(st.from_type(tuple[Leg, ...]), len) == (Leg(status=LegStatus.COMPLETED),)
    assert smallest(st.from_type(Call)) == merge(parse(SMALLEST))
    assert {len(call.events) for call in examples(st.from_type(Call), 50)} == {1, 2, 3}
    assert smallest(st.from_type(PassthruEvent)) == PassthruEvent(call_sid=SID)
    assert smallest(st.from_type(PassthruLeg)) == PassthruLeg(type="single")
    assert smallest(st.from_type(Stream)) == Stream(status=StreamStatus.COMPLETED)
    assert smallest(st.from_type(PopupEvent)) == parse_popup(SMALLEST_POPUP)
    for cls in (Stream, PassthruLeg, PassthruEvent, PopupEvent):
        assert len({*examples(st.from_type(cls), 20)}) > 10
