"""Test the key of an event: a redelivery has the same key, and every other event has another one."""

import pickle
import re
import tracemalloc
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exotel_callback import (
    AgentStatus,
    AnsweredBy,
    CallStatus,
    CallType,
    Direction,
    EventType,
    Issue,
    IssueCode,
    Leg,
    LegStatus,
    PassthruEvent,
    PassthruLeg,
    PopupEvent,
    PopupEventType,
    StatusCallback,
    Stream,
    StreamStatus,
    dump,
    load,
    parse,
    parse_passthru,
    parse_popup,
    strategies,
)
from helpers import ENCODERS, LEAST, LOADERS, PAGE, READERS

UNKNOWN_VALUE = IssueCode.UNKNOWN_VALUE

CALLBACK = parse({**PAGE, "Legs": [{"Status": "completed"}, {"Status": "free", "AnsweredBy": "Human"}]})


def test_the_form_of_a_key():
    """A key isn't a version and 32 hexadecimal digits."""
    assert re.fullmatch("v1:[0-9a-f]{32}", CALLBACK.event_key)


@pytest.mark.parametrize(
    ("cls", "payloads"),
    [
        (StatusCallback, strategies.payloads()),
        (PassthruEvent, strategies.passthru_payloads()),
        (PopupEvent, strategies.popup_payloads()),
    ],
)
@given(st.data())
def test_a_redelivery_has_the_key_in_every_encoding(cls, payloads, data):
    """The encoding, an unknown field or a queue changes the key."""
    payload, read = data.draw(payloads), READERS[cls]
    event = read(payload)
    keys = {read(*encode({**payload, "NewField": encoding})).event_key for encoding, encode in ENCODERS.items()}
    assert keys == {event.event_key} == {LOADERS[cls](dump(event)).event_key}


def test_the_two_answered_events_of_a_call_have_two_keys():
    """The two ``answered`` events of a call have the same key."""
    answered = {**LEAST, "Status": "in-progress", "EventType": "answered"}
    first = parse({**answered, "Legs": [{"Status": "in-progress"}, {"Status": None}]})
    second = parse({**answered, "Legs": [{"Status": "in-progress"}, {"Status": "in-progress"}]})
    assert first.event_key != second.event_key


# The values are few, so that equal callbacks are drawn.
FEW = st.fixed_dictionaries(
    {"CallSid": st.sampled_from("ab"), "Status": st.sampled_from(["busy", "BUSY", "free", "else", True])},
    optional={
        "EndTime": st.sampled_from(["2024-01-15 14:30:45", "2024-01-15T09:00:45Z", "soon", "later"]),
        "To": st.sampled_from(["0", "\0", None, "Status"]),
        "From": st.sampled_from(["0", "\0", None]),
        "ConversationDuration": st.sampled_from([0, "0", "", "-1", "-2"]),
        "Legs": st.lists(
            st.fixed_dictionaries(
                {}, optional={"Status": st.sampled_from([None, "busy", "free"]), "AnsweredBy": st.just("free")}
            ),
            max_size=2,
        ),
    },
)


FIELDS_OF_V1 = [field.name for field in attrs.fields(StatusCallback) if "wire" in field.metadata]
FIELDS_OF_V1.remove("duration")

OTHER_VALUES = {
    "status": CallStatus.FAILED,
    **{
        name: getattr(CALLBACK, name) + timedelta(microseconds=1)
        for name in ("date_updated", "date_created", "start_time", "end_time")
    },
    "recording_url": None,
    "event_type": EventType.ANSWERED,
    "conversation_duration": 0,
    "direction": Direction.INBOUND,
    "legs": (),
    "issues": (*CALLBACK.issues, Issue.at("EndTime", IssueCode.NOT_A_DATE, "soon")),
}


@pytest.mark.parametrize("name", [*FIELDS_OF_V1, "legs", "issues"])
def test_every_field_of_the_first_version_counts(name):
    """A change of a field of ``v1`` doesn't change the key."""
    other = OTHER_VALUES.get(name, f"{getattr(CALLBACK, name)}0")
    assert attrs.evolve(CALLBACK, **{name: other}).event_key != CALLBACK.event_key


@pytest.mark.parametrize(
    "leg",
    [
        Leg(),
        Leg(status=LegStatus.NOT_ATTEMPTED),
        Leg(status=LegStatus.UNKNOWN),
        Leg(on_call_duration=0),
        Leg(answered_by=AnsweredBy.HUMAN),
    ],
)
def test_every_field_of_a_leg_counts(leg):
    """A change of a leg's field, index or presence doesn't change the key."""
    callback = StatusCallback(call_sid="a", status=CallStatus.COMPLETED)
    variants = [(), (leg,), (leg, Leg(on_call_duration=1)), (Leg(on_call_duration=1), leg)]
    keys = {attrs.evolve(callback, legs=legs).event_key for legs in variants}
    assert len(keys) == len(variants)


@pytest.mark.parametrize(
    "date",
    [
        datetime(2024, 1, 15, 9, 0, 45, tzinfo=UTC),
        datetime.min.replace(tzinfo=UTC),
        datetime(9999, 12, 31, 23, tzinfo=UTC),
    ],
)
def test_the_offset_of_a_date_does_not_count(date):
    """The offset of a date changes the key, or a date that can't be converted to UTC raises."""
    callback = StatusCallback(call_sid="a", status=CallStatus.BUSY, end_time=date)
    zone = timezone(timedelta(hours=-23 if date.year == 9999 else 23))
    shifted = datetime.combine(date.date(), date.time(), zone)
    assert attrs.evolve(callback, end_time=shifted).event_key != callback.event_key
    if date.year == 2024:
        assert attrs.evolve(callback, end_time=date.astimezone(zone)).event_key == callback.event_key


def test_unrecognized_values_without_letters_have_different_keys():
    """Two unrecognized values that normalize to an empty string have the same key."""
    assert parse({**LEAST, "Status": "-"}).event_key != parse({**LEAST, "Status": "_"}).event_key


LONG = "x" * 200


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"Status": LONG + "a"}, {"Status": LONG + "b"}),
        ({"Status": LONG + "a"}, {"Status": LONG}),
        ({"Status": "busy" + "-" * 200 + "x"}, {"Status": "busy"}),
        ({"Status": "-" * 201}, {"Status": "-" * 200}),
        ({"EndTime": LONG + "a"}, {"EndTime": LONG + "b"}),
        ({"EndTime": LONG + "a"}, {"EndTime": LONG}),
        ({"To": "\0" + LONG + "a"}, {"To": "\0" + LONG + "b"}),
        ({"Legs": [LONG + "a"]}, {"Legs": [LONG + "b"]}),
        ({"Legs": [{"AnsweredBy": LONG + "a"}]}, {"Legs": [{"AnsweredBy": LONG + "b"}]}),
        # A value that is the digest of another one.
        ({"Status": LONG + "a"}, {"Status": sha256((LONG + "a").encode()).hexdigest()}),
    ],
)
def test_values_that_differ_after_200_characters_have_different_keys(one, other):
    """Two events have one key or are equal because only the beginning of a value counts, so `merge` drops one."""
    one, other = parse({**LEAST, **one}), parse({**LEAST, **other})
    assert one.event_key != other.event_key
    assert one != other
    assert len({one, other}) == 2
    for event in (one, other):
        for clone in (load(dump(event)), pickle.loads(pickle.dumps(event))):
            assert (clone, hash(clone), clone.event_key) == (event, hash(event), event.event_key)


def test_a_long_value_that_is_recognized_later_has_the_same_key():
    """A redelivery of a long value after an upgrade that adds it as a member has another key."""
    value = "no" + "-" * 300 + "answer"
    older = attrs.evolve(parse(LEAST), status=CallStatus.UNKNOWN, issues=(Issue.at("Status", UNKNOWN_VALUE, value),))
    assert older.event_key == parse({**LEAST, "Status": value}).event_key
    spelled = attrs.evolve(older, issues=(Issue.at("Status", UNKNOWN_VALUE, value.upper()),))
    assert spelled.event_key == older.event_key


def test_a_dump_of_1_0_0_keeps_its_key():
    """A stored event with a long value, of which 1.0.0 stored 200 characters, has another key than it had."""
    dumped = dump(parse({**LEAST, "Status": LONG + "a", "EndTime": LONG + "a"}))
    for issue in dumped["issues"]:
        del issue["digest"]
    assert load(dumped).event_key == "v1:4b5103eac18dee1c5dacb77daf16029f"
    assert load(dumped) != parse({**LEAST, "Status": LONG + "a", "EndTime": LONG + "a"})


def test_a_key_is_computed_once():
    """The key is computed anew at each access, so merging many events is slow."""
    event = parse(PAGE)
    assert event.event_key is event.event_key
    assert pickle.dumps(event) == pickle.dumps(parse(PAGE))
    assert attrs.evolve(event, call_sid="a").event_key != event.event_key


def test_the_duration_of_the_call_does_not_count():
    """``duration``, which 1.0.0 didn't know, changes the key."""
    assert attrs.evolve(CALLBACK, duration=60).event_key == CALLBACK.event_key


def test_the_message_of_an_issue_does_not_count():
    """The message of an issue, which a later release may reword, changes the key."""
    (issue,) = CALLBACK.issues
    reworded = attrs.evolve(CALLBACK, issues=(attrs.evolve(issue, message="odd"),))
    assert reworded == CALLBACK
    assert reworded.event_key == CALLBACK.event_key


@pytest.mark.parametrize("durations", [(1, True), (True, 1)])
def test_the_keys_before_do_not_count(durations):
    """The key of an event depends on the keys that were computed before it, because equal legs share a cache."""
    keys = [
        StatusCallback(call_sid="a", status=CallStatus.BUSY, legs=(Leg(on_call_duration=duration),)).event_key
        for duration in durations
    ]
    assert len(set(keys)) == 2


def test_a_key_holds_no_payload():
    """The strings of a Passthru leg stay in memory after its key is computed, so hostile legs fill the memory."""
    tracemalloc.start()
    try:
        for number in range(20):
            assert parse_passthru({"CallSid": "a", "Legs": [{"Number": f"{number}{'x' * 50_000}"}]}).event_key
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 500_000


def test_values_of_subclasses():
    """A date or a string of a subclass, such as a fake clock's, gives another key."""

    class Date(datetime):
        pass

    class Text(str):
        __slots__ = ()

    callback = parse(PAGE)
    date = callback.date_updated
    assert date
    there = Date.combine(date, date.time(), date.tzinfo)
    other = attrs.evolve(callback, date_updated=there, from_number=Text(callback.from_number))
    assert other.event_key == callback.event_key


PASSTHRU = PassthruEvent(call_sid="a", legs=(PassthruLeg(), PassthruLeg()), stream=Stream())
POPUP = PopupEvent(call_sid="a", event_type=PopupEventType.DIAL)


def other_values(cls):
    """Return the fields of a class with a value other than their defaults."""
    date = datetime(2024, 1, 15, 9, 0, 45, tzinfo=UTC)
    values = {"str": "b", "int": 5, "datetime": date, "Direction": Direction.INBOUND, "CallType": CallType.COMPLETED}
    values |= {"CallStatus": CallStatus.BUSY, "StreamStatus": StreamStatus.FAILED, "AgentStatus": AgentStatus.FREE}
    values["PopupEventType"] = PopupEventType.TERMINAL
    for field in attrs.fields(cls):
        if "wire" in field.metadata:
            yield field.name, values[getattr(field.type, "__args__", (field.type,))[0].__name__]


CHANGED = [
    *(attrs.evolve(PASSTHRU, **{name: value}) for name, value in other_values(PassthruEvent)),
    *(
        attrs.evolve(PASSTHRU, legs=legs)
        for name, value in other_values(PassthruLeg)
        for leg in [PassthruLeg(**{name: value})]
        for legs in [(leg, PassthruLeg()), (PassthruLeg(), leg)]
    ),
    *(attrs.evolve(PASSTHRU, stream=Stream(**{name: value})) for name, value in other_values(Stream)),
    attrs.evolve(PASSTHRU, stream=None),
    attrs.evolve(PASSTHRU, legs=()),
    attrs.evolve(PASSTHRU, legs=(PassthruLeg(),)),
    *(attrs.evolve(POPUP, **{name: value}) for name, value in other_values(PopupEvent)),
]


def test_every_field_of_a_passthru_request_and_of_a_popup_counts():
    """A field of a Passthru request, its legs, its stream or a popup doesn't change the key, or two share one."""
    events = [PASSTHRU, POPUP, *CHANGED]
    assert len(CHANGED) == sum(len(list(other_values(cls))) for cls in (PassthruEvent, Stream, PopupEvent)) + 17
    assert len({event.event_key for event in events}) == len(events)


def test_the_class_counts():
    """Events of two classes whose fields are all absent have the same key."""
    events = [
        StatusCallback(call_sid="a", status=CallStatus.UNKNOWN),
        PassthruEvent(call_sid="a"),
        PopupEvent(call_sid="a", event_type=PopupEventType.UNKNOWN),
    ]
    assert len({event.event_key for event in events}) == len(events)


def test_two_rings_of_one_agent_have_two_keys():
    """Two rings of one agent, which differ only in ``CurrentTime``, have one key, so that one of them is lost."""
    ring = "CallSid=a&EventType=Dial&Status=busy&DialWhomNumber=0&CurrentTime=2026-03-04+10:15:0"
    first, again, second = (parse_popup(f"{ring}{second}") for second in "998")
    assert first.event_key == again.event_key != second.event_key


@pytest.mark.parametrize(
    ("event", "key"),
    [
        (PASSTHRU, "v1:9c905893df0b28daeabd74a44e76ba65"),
        (PassthruEvent(call_sid="a"), "v1:772ec29d1725054847bc4fccd5a534f3"),
        (
            parse_passthru(
                "CallSid=a&Direction=incoming&CallType=incomplete&DialCallStatus=no-answer&DialCallDuration=30&digits=%2242%22"
                "&CurrentTime=2022-02-23+12:32:41&Legs[0][CauseCode]=RING_TIMEOUT&Stream[Status]=free&EndTime=soon"
            ),
            "v1:eb09f12edc635988bf9ec0a99d025bf9",
        ),
        (POPUP, "v1:3c81919838b8e9096a703e53a10eacff"),
        (
            parse_popup("CallSid=a&EventType=else&Status=busy&CurrentTime=2026-03-04+10:15:09&EndTime=soon"),
            "v1:5d81670a435c3bee303d3bccacb16185",
        ),
    ],
)
def test_stored_keys(event, key):
    """The key of a Passthru request or a popup is another one than that of the release that fixed it."""
    assert event.event_key == key


# The values are few, so that equal events are drawn.
FEW_DATES = st.sampled_from(["2024-01-15 14:30:45", "2024-01-15T09:00:45Z", "soon", "later", None])
FEW_OF_FLOWS = {
    "From": st.sampled_from(["0", "\0", None]),
    "CallFrom": st.sampled_from(["0", "1"]),
    "CurrentTime": FEW_DATES,
    "Direction": st.sampled_from(["incoming", "inbound", "free", "other", "else", True]),
}
FEW_STREAMS = st.fixed_dictionaries(
    {},
    optional={
        "StreamSID": st.sampled_from(["a", ["a"]]),
        "StreamSid": st.sampled_from(["a", "b"]),
        "Status": st.sampled_from(["failed", "free", "else"]),
        "Duration": st.sampled_from([0, "0", "-1"]),
    },
)
FEW_PASSTHRU = st.fixed_dictionaries(
    {"CallSid": st.sampled_from("ab")},
    optional={
        **FEW_OF_FLOWS,
        "DialCallStatus": st.sampled_from(["busy", "BUSY", "free", None]),
        "Legs": st.lists(
            st.fixed_dictionaries({}, optional={"Cause": st.sampled_from("12"), "OnCallDuration": st.just("x")}),
            max_size=2,
        )
        | st.sampled_from(["x", None]),
        "Stream": FEW_STREAMS | st.sampled_from(["x", None, 5]),
        "Stream[Status]": st.sampled_from(["failed", "free", ""]),
        "Stream[StreamSid]": st.sampled_from("ab"),
        "StreamSid": st.sampled_from("ab"),
        "StreamUrl": st.sampled_from(["\0", "b"]),
    },
)
FEW_POPUPS = st.fixed_dictionaries(
    {"CallSid": st.sampled_from("ab"), "EventType": st.sampled_from(["Dial", "DIAL", "free", "else"])},
    optional={
        **FEW_OF_FLOWS,
        "Status": st.sampled_from(["busy", "free", "FREE", "else", "other", 5]),
        "DateCreated": FEW_DATES,
        "Created": FEW_DATES,
    },
)


@pytest.mark.parametrize(("read", "few"), [(parse, FEW), (parse_passthru, FEW_PASSTHRU), (parse_popup, FEW_POPUPS)])
@given(st.data())
def test_keys_are_equal_where_events_are(read, few, data):
    """Equal events have different keys, or different events have equal keys."""
    one, other = (read(data.draw(few)) for _ in range(2))
    assert (one.event_key == other.event_key) is (one == other)


@given(
    FEW_PASSTHRU.map(parse_passthru)
    | FEW_POPUPS.map(parse_popup)
    | strategies.passthru_events()
    | strategies.popup_events()
)
def test_every_issue_counts(event):
    """An issue of a Passthru request or a popup doesn't change its key, so that two of them are taken for one."""
    without = {attrs.evolve(event, issues=event.issues[:i] + event.issues[i + 1 :]) for i in range(len(event.issues))}
    assert event.event_key not in {other.event_key for other in without}


@pytest.mark.parametrize(
    ("read", "name"),
    [
        (parse_passthru, "DialCallStatus"),
        (parse_passthru, "CallType"),
        (parse_passthru, "Stream[Status]"),
        (parse_passthru, "StartTime"),
        (parse_passthru, "Legs[0][OnCallDuration]"),
        (parse_passthru, "Direction"),
        (parse_popup, "Status"),
        (parse_popup, "EventType"),
        (parse_popup, "EndTime"),
    ],
)
def test_long_values_of_flows(read, name):
    """The end of a long value doesn't change the key of a Passthru request or a popup."""
    events = [read({"CallSid": "a", "EventType": "Dial", name: LONG + end}) for end in ("", "a", "b")]
    assert len({event.event_key for event in events}) == len({*events}) == len(events)
    for event in events:
        for clone in (LOADERS[type(event)](dump(event)), pickle.loads(pickle.dumps(event))):
            assert (clone, hash(clone), clone.event_key) == (event, hash(event), event.event_key)


@pytest.mark.parametrize("event", [CALLBACK, PASSTHRU, POPUP], ids=type)
def test_issues_of_fields_that_come_later_do_not_count(event):
    """An issue of a field that a later release adds changes the key."""
    paths = ["NewField", "Legs[0].NewField", "Legs[0]Status", "Stream.NewField", "StreamStatus", "Streams"]
    paths += [] if event is CALLBACK else ["Sid", "Details"]
    later = [Issue.at(path, IssueCode.INVALID_STRING, "x") for path in paths]
    assert attrs.evolve(event, issues=(*event.issues, *later)).event_key == event.event_key


def with_value(event, name, value, *issues):
    """Return an event with another value of a field, of a field of leg 1, or of a field of the stream."""
    name, _, inner = name.partition(".")
    if inner:
        value = (Leg(), Leg(**{inner: value})) if name == "legs" else Stream(**{inner: value})
    return attrs.evolve(event, issues=issues, **{"legs": (), name: value} if event is CALLBACK else {name: value})


@pytest.mark.parametrize(
    ("event", "name", "enum", "path"),
    [
        (CALLBACK, "status", CallStatus, "Status"),
        (CALLBACK, "direction", Direction, "Direction"),
        (CALLBACK, "event_type", EventType, "EventType"),
        (CALLBACK, "legs.status", LegStatus, "Legs[1].Status"),
        (CALLBACK, "legs.answered_by", AnsweredBy, "Legs[1].AnsweredBy"),
        (PASSTHRU, "dial_status", CallStatus, "DialCallStatus"),
        (PASSTHRU, "call_type", CallType, "CallType"),
        (PASSTHRU, "stream.status", StreamStatus, "Stream.Status"),
        (POPUP, "agent_status", AgentStatus, "Status"),
        (POPUP, "event_type", PopupEventType, "EventType"),
    ],
)
def test_a_newly_recognized_value_has_the_same_key(event, name, enum, path):
    """A redelivery after an upgrade that adds a member has another key."""
    other = Issue.at("EndTime", IssueCode.NOT_A_DATE, "soon")
    for member in enum:
        if member.name not in {"UNKNOWN", "NOT_ATTEMPTED"}:
            newer = with_value(event, name, member, other)
            for spelling in (member.value, member.value.upper(), member.value.replace("-", " ")):
                older = with_value(event, name, enum.UNKNOWN, Issue.at(path, UNKNOWN_VALUE, spelling), other)
                assert older.event_key == newer.event_key, spelling
                assert older != newer


def issue_paths(cls):
    """Return the paths of the issues of a class and its parts, under each wire name."""
    for field in attrs.fields(cls):
        yield from field.metadata.get("wire", ())


@pytest.mark.parametrize(
    ("event", "path"),
    [
        *((CALLBACK, path) for path in (*PAGE, "Sid", "CallFrom", "CallTo", "Details", "Legs[0]")),
        *((CALLBACK, path) for path in ("Legs[63].OnCallDuration", "Legs[1].Status", "Legs[7].AnsweredBy")),
        *((PASSTHRU, path) for path in issue_paths(PassthruEvent)),
        *((PASSTHRU, f"Legs[{index}].{path}") for index in (0, 63) for path in issue_paths(PassthruLeg)),
        *((PASSTHRU, f"Stream.{path}") for path in issue_paths(Stream)),
        *((PASSTHRU, path) for path in ("Legs", "Legs[0]", "Legs[7]", "Stream")),
        *((POPUP, path) for path in issue_paths(PopupEvent)),
    ],
)
def test_issues_of_its_own_fields_count(event, path):
    """An issue of a field that the key digests, or its value, doesn't change the key."""
    keys = {
        attrs.evolve(event, issues=issues).event_key
        for issues in [
            (),
            (Issue.at(path, IssueCode.INVALID_STRING, "x"),),
            (Issue.at(path, IssueCode.INVALID_STRING, "y"),),
            (Issue.at(path, IssueCode.REPEATED, "x"),),
        ]
    }
    assert len(keys) == 4
