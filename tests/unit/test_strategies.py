"""The strategies held against the parser, which they do not know, and against handlers that go wrong."""

import ast
import json
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from random import Random
from unicodedata import category

import attrs
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

import exotel_callback
import handlers
from exotel_callback import (
    AnsweredBy,
    Call,
    CallbackError,
    CallStatus,
    Direction,
    EventType,
    IssueCode,
    Leg,
    LegStatus,
    StatusCallback,
    _encode,
    dump,
    load,
    merge,
    parse,
    strategies,
)
from exotel_callback._fields import wire_fields
from exotel_callback.testing import RETRY_DELAYS, Delivery
from helpers import FORM, JSON, MULTIPART, flat_pairs

SID = "0" * 32
LEAST = {"CallSid": SID, "Status": "completed"}
BODIES = [strategies.json_bodies, strategies.form_bodies, strategies.multipart_bodies]

# The quick profile's number of examples does not reach everything; the same ones each time do.
REACHED = settings(max_examples=2_000, database=None, phases=[Phase.generate], derandomize=True)


def least(strategy, condition=lambda _: True, seed=0):
    """Return what the strategy shrinks to, in less than 1,000 examples."""
    thorough = settings(max_examples=1_000, database=None, phases=[Phase.generate, Phase.shrink])
    return find(strategy, condition, settings=thorough, random=Random(seed))


def one(strategy, condition, count=10_000):
    """Return an example that is not made smaller."""
    drawn = settings(max_examples=count, database=None, phases=[Phase.generate])
    return find(strategy, condition, settings=drawn, random=Random(0))


def seen(strategy, facts, expected):
    """Return what is seen in examples, until all that is expected is, or something else."""
    found = set()

    def is_over(facts):
        found.update(facts)
        return not found < expected

    one(strategy.map(facts), is_over, 1_000)
    return found


def drawn(strategy, count):
    """Return what the strategy draws, the same each time."""
    found = []

    @settings(REACHED, max_examples=count)
    @given(strategy)
    def collect(value):
        found.append(value)

    collect()
    return found


DATE = datetime(2024, 1, 5, 14, 30, 45)  # noqa: DTZ001 - the writer has the zone

# What is drawn from a list, as handlers get to see it.
VOCABULARY = [
    ([sent.wire for sent in strategies._NOTHING], [None, "", "null", "NULL", "None", "undefined"]),
    (
        [sent.wire for sent in strategies._NO_DATE],
        ["1970-01-01 05:30:00", "0000-00-00 00:00:00", "0001-01-01T00:00:00Z"],
    ),
    ([sent.wire for sent in strategies._NO_DATES], ["soon", "2024-02-30 12:00:00", "15/01/2024"]),
    ([sent.wire for sent in strategies._NO_NUMBERS], [-1, "1_000", "soon", 1.5]),
    (strategies._UNKNOWN_WORDS, ("free", "to_leg_unanswered", "completed-no-answer", "unknown")),
    ([*strategies._spellings("canceled")], ["CANCELED", "cancelled"]),
    ([*strategies._spellings("inbound")], ["INBOUND", "incoming"]),
    ([*strategies._spellings("no-answer")], ["NO-ANSWER", "no answer", "no_answer"]),
    (
        [(write(DATE), zone.utcoffset(None)) for write, zone in strategies._DATE_WRITERS],
        [
            ("2024-01-05 14:30:45", timedelta(hours=5.5)),
            ("2024-01-05T14:30:45", timedelta(hours=5.5)),
            ("2024-01-05 14:30:45.000", timedelta(hours=5.5)),
            ("2024-01-05T14:30:45Z", timedelta(0)),
            ("2024-01-05T14:30:45-03:00", timedelta(hours=-3)),
            ("Fri, 05 Jan 2024 14:30:45", timedelta(hours=5.5)),
        ],
    ),
    (
        [write({"b": "\xe9", "a": [1]}) for write in strategies._JSON_WRITERS],
        [
            '{"b": "\\u00e9", "a": [1]}',
            '{"b":"\xe9","a":[1]}',
            '{\n  "a": [\n    1\n  ],\n  "b": "\\u00e9"\n}',
        ],
    ),
    (
        [write([("a[0]", "b c")]) for write in strategies._FORM_WRITERS],
        ["a[0]=b+c", "a%5B0%5D=b+c", "a%5B0%5D=b%20c"],
    ),
    ([write(({},)) for write in strategies._LEG_WRITERS], [[{}], "[{}]"]),
    (
        strategies._BOUNDARIES,
        ("------------------------d74496d66958873e", "----WebKitFormBoundaryAbCdEf012345", "5f3c8e1d9a7b"),
    ),
    (strategies._PART_HEADERS, ("", "Content-Type: text/plain; charset=utf-8\r\n", "X-Part: 1\r\n")),
    ([*strategies._LEG], [field.names[0] for field in wire_fields(Leg)]),
    (
        sorted({**strategies._REQUIRED, **strategies._OPTIONAL}),
        sorted(field.names[0] for field in wire_fields(StatusCallback)),
    ),
    ([*strategies._MORE], ["Price", "Carrier"]),
    (
        [strategies._sid(number) for number in (0, 10, 35, 36, 36**32 - 1)],
        [SID, f"{SID[1:]}a", f"{SID[1:]}z", f"{SID[2:]}10", "z" * 32],
    ),
    (strategies._with_a_byte(b"abcd", "text/plain", 0.5), (b"ab\xffcd", "text/plain")),
    (strategies._with_a_byte(b"abcd", "text/plain", 1), (b"abcd\xff", "text/plain")),
    (strategies._body((b"abcd", "text/plain")), b"abcd"),
    (
        strategies._answered(SID, "14:25:18", None),
        {
            "CallSid": SID,
            "Status": "in-progress",
            "EventType": "answered",
            "DateUpdated": "2024-01-15 14:25:18",
            "Legs": [{"Status": "in-progress"}, {"Status": None}],
        },
    ),
]


@pytest.mark.parametrize(("drawn", "expected"), VOCABULARY)
def test_the_vocabulary(drawn, expected):
    """Of each list every member, for nobody draws often enough to miss one."""
    assert drawn == expected


def test_dates_as_passthru_writes_them():
    """Every day of a week and every month, as the C locale has them."""
    dates = [DATE + timedelta(days=number) for number in range(366)]
    assert [*map(strategies._passthru_date, dates)] == [date.strftime("%a, %d %b %Y %H:%M:%S") for date in dates]


@pytest.mark.parametrize("text", ["", "null", "NULL", "None", "Undefined"])
def test_words_for_nothing(text):
    """Are not drawn where something is."""
    assert strategies._is_nothing(text)
    assert not strategies._is_nothing(f"{text}x")


def test_texts():
    """They hold what every encoding can carry, and no blanks around it."""

    @settings(REACHED, max_examples=1_000)
    @given(strategies._TEXTS)
    def check(text):
        assert text == text.strip()
        assert not {*map(category, text)} & {"Cs", "Cc"}

    check()


JSONS = ["application/json", "application/json; charset=utf-8", "Application/JSON"]
FORMS = ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=UTF-8"]
MULTIPARTS = [f"multipart/form-data; boundary={boundary}" for boundary in strategies._BOUNDARIES]

SPELLED = {**LEAST, "To": None, "CustomField": "a b", "Legs": [{"Status": "busy"}]}
PAIRS = [
    tuple(flat_pairs({**SPELLED, "Legs": legs}, null))
    for legs, null in product([SPELLED["Legs"], '[{"Status": "busy"}]'], ["", "null"])
]


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        (
            strategies.json_bodies,
            {(write(SPELLED).encode(), header) for write, header in product(strategies._JSON_WRITERS, JSONS)},
        ),
        (
            strategies.form_bodies,
            {
                (write(pairs).encode(), header)
                for write, pairs, header in product(strategies._FORM_WRITERS, PAIRS, FORMS)
            },
        ),
        (
            strategies.multipart_bodies,
            {
                _encode.multipart(pairs, boundary, headers)
                for pairs, boundary, headers in product(PAIRS, strategies._BOUNDARIES, strategies._PART_HEADERS)
            },
        ),
    ],
)
def test_all_spellings_of_a_payload(bodies, expected):
    """Nothing else is drawn, and nothing is missing."""
    assert set(drawn(bodies(payloads=st.just(SPELLED)), 500)) == expected


# What the bodies of each damage look like, and how they are called.
WHOLE = {*product(["json"], JSONS), *product(["form"], FORMS), *product(["multipart"], MULTIPARTS)}
DAMAGED = [
    {("", JSON)},
    {("", FORM)},
    {("json", JSON), ("", JSON)},
    {("multipart", MULTIPARTS[0]), ("", MULTIPARTS[0])},
    {("json", JSON), ("form", FORM)},
    {("json", MULTIPART)},
    {("form", JSON)},
    {*product(["multipart"], [JSON, "multipart/form-data", "multipart/form-data; boundary=another"])},
    {*product(["json", "form", "multipart"], ["text/plain", "application/xml", "application/json; charset=klingon"])},
    {("", JSON), ("json", JSON)},
    WHOLE,
    {*WHOLE, *product([""], FORMS)},
    WHOLE,
    WHOLE,
    {("json", JSON)},
]


def kind(body):
    if body.replace(b"\xff", b"").startswith((b"{", b"--")):
        return "json" if b"{" in body[:2] else "multipart"
    return "form" if b"=" in body else ""


@st.composite  # the repr of some is too long
def damage(draw, place):
    return draw(strategies._damages()[place])


@pytest.mark.parametrize("place", range(len(DAMAGED)))
def test_how_damaged_bodies_are_called(place):
    """Each kind in all the types that do not fit it."""
    found = seen(damage(place), lambda drawn: {(kind(drawn[0]), drawn[1])}, DAMAGED[place])
    assert found == DAMAGED[place]


def test_damaged_payloads():
    """What is missing, what is of another event, too large, or nested; and what is no object at all."""

    def payload(body):
        return json.loads(body[0]) if kind(body[0]) == "json" else {}

    def alike(strategy, expected):
        return seen(strategy, lambda body: {payload(body) == expected} if payload(body) else (), {True}) == {True}

    def missing(body):
        return {(name, value) for name, value in payload(body).items() if name in LEAST and value in nothing}

    nothing = {None, "", "null"}
    assert [drawn(damage(place), 1) for place in (0, 1)] == [[(b"", JSON)], [(b"", FORM)]]
    expected = {*product(LEAST, nothing)}
    assert seen(damage(10), missing, expected) == expected
    expected = {json.dumps(event) for event in [{"SmsSid": SID, "Status": "sent"}, {"CallSid": SID}, {}]}
    assert seen(damage(11), lambda body: {json.dumps(payload(body))}, expected) == expected
    expected = {b"[]", b"null", b"1", b'"CallSid"', b'{"CallSid": "a", "Status": NaN}'}
    assert seen(damage(9), lambda body: {body[0]}, expected) == expected
    nested = []
    for _ in range(20):
        nested = [nested]
    assert alike(damage(12), {**LEAST, "CustomField": "x" * 66_000})
    assert alike(damage(13), {**LEAST, **{f"Field{number}": "" for number in range(300)}})
    assert alike(damage(14), {**LEAST, "Nested": nested})


def test_the_shortest_cuts(monkeypatch):
    """The last brace of an object, and what ends a multipart body."""
    cuts = []
    monkeypatch.setattr(strategies, "_cut", lambda _, shortest: cuts.append(shortest))
    strategies._damages.__wrapped__()
    assert cuts == [len("}"), len("--\r\n")]


def test_nothing_else_is_wrong_with_damaged_bodies():
    """A byte may come before all else; and what is called something else is clean."""
    assert one(damage(4), lambda drawn: drawn[0].startswith(b"\xff"))
    for body, _ in drawn(damage(5), 50):
        parse(body, JSON, strict=True)


def test_every_delivery():
    """One to six of the three events, each as it is documented, and later each time that it is repeated."""
    expected = {
        *range(1, 7),
        ("in-progress", "answered", "2024-01-15 14:25:18"),
        ("in-progress", "answered", "2024-01-15 14:25:25"),
        *product(["completed", "no-answer", "busy", "failed", "canceled"], ["terminal"], ["2024-01-15 14:30:45"]),
    }

    def facts(deliveries):
        delays = defaultdict(list)
        for delivery in deliveries:
            delays[parse(delivery.body, delivery.content_type).date_updated].append(delivery.delay)
        for came in delays.values():
            assert came == [0, *RETRY_DELAYS, *RETRY_DELAYS[-1:] * 3][: len(came)]
        events = [json.loads(delivery.body) for delivery in deliveries if kind(delivery.body) == "json"]
        return {len(deliveries), *((event["Status"], event["EventType"], event["DateUpdated"]) for event in events)}

    assert seen(strategies.deliveries(), facts, expected) == expected


def test_calls():
    """They have at most three events."""
    assert {len(call.events) for call in drawn(strategies._calls(), 50)} == {1, 2, 3}


@pytest.mark.parametrize(
    ("strategy", "is_odd"),
    [
        (strategies.status_callbacks, lambda callback: callback.issues),
        (strategies.legs, lambda leg: leg.status is LegStatus.UNKNOWN),
        (strategies.payloads, lambda payload: parse(payload).issues),
        (
            strategies.deliveries,
            lambda came: any(parse(delivery.body, delivery.content_type).issues for delivery in came),
        ),
    ],
)
def test_issues_are_drawn_if_they_are_allowed(strategy, is_odd):
    """Which they are if nothing is said."""
    assert is_odd(one(strategy(), is_odd))
    assert is_odd(one(strategy(allow_issues=True), is_odd))
    assert not any(map(is_odd, drawn(strategy(allow_issues=False), 50)))


def test_odd_numbers_are_drawn():
    """Some that are no digits, and some that are longer; texts that are JSON; a price of the account's own."""
    expected = {
        ("From", "0XXXXX30240"),
        ("From", "sip:agent"),
        ("CustomField", '{"order": 42}'),
        ("ConversationDuration", "12.0"),
        ("ConversationDuration", 7.0),
        ("Price", "1.500"),
    }
    payloads = strategies.payloads(allow_issues=False)
    assert (
        seen(payloads, lambda payload: expected & {(name, payload.get(name)) for name, _ in expected}, expected)
        == expected
    )


@given(strategies._events(allow_issues=True))
def test_payloads_mean_what_they_are_drawn_with(event):
    """The parser comes to the same value, issues, and raw, from nothing but the payload."""
    payload, callback = event
    parsed = parse(payload)
    assert parsed == callback
    assert parsed.raw == callback.raw
    assert [date.utcoffset() for date in dates(parsed)] == [date.utcoffset() for date in dates(callback)]


def dates(callback):
    return filter(None, (callback.date_updated, callback.date_created, callback.start_time, callback.end_time))


@pytest.mark.parametrize("bodies", BODIES)
@given(data=st.data())
def test_bodies_mean_what_their_payload_means(bodies, data):
    """In every spelling of every encoding."""
    payload, callback = data.draw(strategies._events(allow_issues=True))
    assert parse(*data.draw(bodies(payloads=st.just(payload)))) == callback


@given(strategies.status_callbacks(allow_issues=False))
def test_callbacks_without_issues(callback):
    """And without unknown words."""
    assert callback.issues == ()
    words = {callback.status, callback.direction, callback.event_type}
    for leg in callback.legs:
        words |= {leg.status, leg.answered_by}
    assert "unknown" not in words


@given(strategies.status_callbacks())
def test_callbacks(callback):
    """They are whole values, which go through a queue."""
    assert load(dump(callback)) == callback
    assert parse(callback.raw) == callback


@pytest.mark.parametrize("place", range(len(strategies._damages())))
@given(data=st.data())
def test_every_damage(place, data):
    """Each kind for itself, as the quick profile has few examples."""
    with pytest.raises(CallbackError):
        parse(*data.draw(strategies._damages()[place]))


def test_what_is_cut_off():
    """Everything, or no more than what ends a multipart body."""
    body, content_type = exotel_callback.testing.encode_multipart(LEAST)
    bodies = strategies._cut(st.just((body, content_type)), len("--\r\n"))
    assert least(bodies) == (b"", content_type)
    cut = least(bodies, lambda drawn: len(drawn[0]) > len(body) - 5)
    assert cut[0] == body[:-4]
    with pytest.raises(CallbackError):
        parse(*cut)


def test_damages_of_all_hints():
    """All that a handler may have to answer."""

    def hints(body):
        with pytest.raises(CallbackError) as caught:
            parse(*body)
        return {caught.value.status_hint}

    assert seen(strategies.damaged_bodies(), hints, {400, 413, 415, 422}) == {400, 413, 415, 422}


@given(strategies.deliveries())
def test_deliveries(deliveries):
    """They are of one call, at least one arrives, and a repeated one comes later."""
    assert deliveries
    call = merge(*(parse(delivery.body, delivery.content_type) for delivery in deliveries))
    assert 1 <= len(call.events) <= min(3, len(deliveries))
    assert all(isinstance(delivery, Delivery) for delivery in deliveries)
    assert sum(delivery.delay > 0 for delivery in deliveries) >= len(deliveries) - 3


@pytest.mark.parametrize(
    "what",
    [
        lambda events: len(events) > len(set(events)),  # duplicated
        lambda events: [event.is_terminal for event in events] == [True, False],  # reordered
        lambda events: not any(event.is_terminal for event in events),  # lost
        lambda events: len(set(events)) == 3,  # complete
    ],
)
def test_what_happens_to_deliveries(what):
    """All that may happen to a call's events does."""

    def happens(deliveries):
        return what([parse(delivery.body, delivery.content_type) for delivery in deliveries])

    assert one(strategies.deliveries(), happens)


def test_deliveries_in_mixed_encodings():
    """One call in all three."""
    assert one(
        strategies.deliveries(), lambda came: len({delivery.content_type[:20].lower() for delivery in came}) == 3
    )


@pytest.mark.parametrize(
    ("strategy", "shrunk"),
    [
        (strategies.payloads(), LEAST),
        (strategies.status_callbacks(), parse(LEAST)),
        (strategies.legs(), Leg(status=LegStatus.COMPLETED)),
        (strategies.json_bodies(), (f'{{"CallSid": "{SID}", "Status": "completed"}}'.encode(), "application/json")),
        (
            strategies.form_bodies(),
            (f"CallSid={SID}&Status=completed".encode(), "application/x-www-form-urlencoded"),
        ),
        (strategies.multipart_bodies(), exotel_callback.testing.encode_multipart(LEAST)),
        (strategies.damaged_bodies(), (b"", "application/json")),
        (
            strategies.deliveries(),
            [
                Delivery(
                    "application/json",
                    f'{{"CallSid": "{SID}", "Status": "completed", "EventType": "terminal", "DateUpdated": '
                    '"2024-01-15 14:30:45"}'.encode(),
                )
            ],
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_each_shrinks_to(strategy, shrunk):
    """As its docstring says."""
    assert least(strategy) == shrunk


def test_what_a_leg_that_was_not_attempted_shrinks_to():
    """The null of JSON, and not a text for it."""

    def is_there(payload):
        return any(leg.status is LegStatus.NOT_ATTEMPTED for leg in parse(payload).legs)

    assert least(strategies.payloads(), is_there) == {**LEAST, "Legs": [{"Status": None}]}


# Each field with a value and without one, but for those that are always there.
ALWAYS = {"call_sid", "status", "legs", "issues", "raw"}
FILLED = {(field.name, is_there) for field in attrs.fields(StatusCallback) for is_there in (True, False)}
MEMBERS = {
    *[("status", member) for member in CallStatus],
    *[("direction", member) for member in [*Direction, None]],
    *[("event_type", member) for member in [*EventType, None]],
    *[("leg's status", member) for member in [*LegStatus, None]],
    *[("answered_by", member) for member in [*AnsweredBy, None]],
    *[("code", code) for code in (IssueCode.UNKNOWN_WORD, IssueCode.NOT_A_NUMBER, IssueCode.NOT_A_DATE)],
    *[("number of legs", number) for number in range(4)],
    *FILLED - {(name, False) for name in ALWAYS},
}


def test_every_member_is_reached():
    """Of every enum, and every issue that is drawn."""

    def facts(callback):
        return {
            *[(name, getattr(callback, name)) for name in ("status", "direction", "event_type")],
            *[("leg's status", leg.status) for leg in callback.legs],
            *[("answered_by", leg.answered_by) for leg in callback.legs],
            *[("code", issue.code) for issue in callback.issues],
            ("number of legs", len(callback.legs)),
            *[(name, value is not None) for name, value in attrs.asdict(callback, recurse=False).items()],
        }

    assert seen(strategies.status_callbacks(), facts, MEMBERS) == MEMBERS


# What payloads are promised to hold.
VARIETY = {
    "a date without a blank": (strategies.payloads(), lambda payload: "T1" in str(payload.get("EndTime"))),
    "a date with a fraction": (strategies.payloads(), lambda payload: str(payload.get("EndTime")).endswith(".000")),
    "a date in UTC": (strategies.payloads(), lambda payload: str(payload.get("EndTime")).endswith(":00Z")),
    "a date with an offset": (strategies.payloads(), lambda payload: str(payload.get("EndTime")).endswith("-03:00")),
    "a date with its day": (strategies.payloads(), lambda payload: str(payload.get("EndTime"))[3:4] == ","),
    "a placeholder": (strategies.payloads(), lambda payload: payload.get("EndTime") == "0000-00-00 00:00:00"),
    "a float": (strategies.payloads(), lambda payload: type(payload.get("ConversationDuration")) is float),
    "a number as text": (strategies.payloads(), lambda payload: payload.get("ConversationDuration") == "0"),
    "another spelling": (strategies.payloads(), lambda payload: payload["Status"] == "in progress"),
    "a British one": (strategies.payloads(), lambda payload: payload["Status"] == "cancelled"),
    "an unknown field": (strategies.payloads(), lambda payload: {"Price", "Carrier"} <= payload.keys()),
    "a masked number": (strategies.payloads(), lambda payload: payload.get("To") == "0XXXXX30240"),
    "JSON in the custom field": (strategies.payloads(), lambda payload: payload.get("CustomField") == '{"order": 42}'),
}


@pytest.mark.parametrize("name", VARIETY)
def test_variety(name):
    """All that the strategy is there for is drawn."""
    strategy, condition = VARIETY[name]
    assert condition(one(strategy, condition))


def test_nothing_is_shared_with_the_parser():
    """Or the two could be wrong together."""
    tree = ast.parse(Path(strategies.__file__).read_text())
    ours = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level}
    assert ours == {"_call", "_encode", "_errors", "_model", "_options", "_words", "testing"}
    tree = ast.parse((Path(strategies.__file__).parent / "_encode.py").read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]


def request(body, content_type):
    return Request(EnvironBuilder(method="POST", data=body, content_type=content_type).get_environ())


def is_wrong(handler, judge):
    """Return what tells whether a handler fails, or keeps something else than the deliveries say."""

    def is_wrong(deliveries):
        rows = {}
        for delivery in deliveries:
            if handler(request(delivery.body, delivery.content_type), rows) != 200:
                return True
        call = merge(*(parse(delivery.body, delivery.content_type) for delivery in deliveries))
        return not judge(rows[call.call_sid], call)

    return is_wrong


DELIVERED_ONCE = st.one_of([bodies() for bodies in BODIES]).map(lambda body: [Delivery(body[1], body[0])])


def answered(second, second_party):
    return (
        f'{{"CallSid": "{SID}", "Status": "in-progress", "EventType": "answered", '
        f'"DateUpdated": "2024-01-15 14:25:{second}", '
        f'"Legs": [{{"Status": "in-progress"}}, {{"Status": {second_party}}}]}}'
    )


OVER = f'{{"CallSid": "{SID}", "Status": "completed", "EventType": "terminal", "DateUpdated": "2024-01-15 14:30:45"}}'

PLANTED = {
    "legs_lost_in_forms": (
        DELIVERED_ONCE,
        lambda row, call: row["legs"] == len(call.legs),
        [[f"CallSid={SID}&Status=completed&Legs[0][Status]=completed"]],
    ),
    "multipart_refused": (
        DELIVERED_ONCE,
        lambda row, _: row == {},
        [[exotel_callback.testing.encode_multipart(LEAST)[0].decode()]],
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
        [[OVER, answered(18, "null")]],
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_bugs_are_found(name):
    """In less than 1,000 examples, and shown by the least that goes wrong."""
    strategy, judge, shown = PLANTED[name]
    found = least(strategy, is_wrong(getattr(handlers, name), judge))
    assert [delivery.body.decode() for delivery in found] in shown


def test_every_handler_is_tried():
    """A handler that is added is found out too."""
    assert {name for name in vars(handlers) if callable(getattr(handlers, name))} - {"decoded"} == set(PLANTED)


def test_from_type():
    """Without a line of the user's, because Hypothesis asks for it when it is imported."""
    assert least(st.from_type(StatusCallback)) == parse(LEAST)
    assert least(st.from_type(tuple[Leg, ...]), len) == (Leg(status=LegStatus.COMPLETED),)
    assert least(st.from_type(Call)) == merge(parse(LEAST))
    assert one(st.from_type(Call), lambda call: len(call.events) == 3)
