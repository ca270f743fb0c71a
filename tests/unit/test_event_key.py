"""Test the key of an event: a redelivery has the same key, and every other event has another one."""

import pickle
import re
import time
from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exotel_callback import (
    AnsweredBy,
    CallStatus,
    Direction,
    EventType,
    Issue,
    IssueCode,
    Leg,
    LegStatus,
    StatusCallback,
    dump,
    load,
    parse,
    strategies,
)
from exotel_callback._model import event_key as _event_key
from helpers import ENCODERS, LEAST, PAGE

UNKNOWN_VALUE = IssueCode.UNKNOWN_VALUE

CALLBACK = parse({**PAGE, "Legs": [{"Status": "completed"}, {"Status": "free", "AnsweredBy": "Human"}]})


def test_the_form_of_a_key():
    """A key isn't a version and 32 hexadecimal digits."""
    assert re.fullmatch("v1:[0-9a-f]{32}", CALLBACK.event_key)


@given(strategies.payloads())
def test_a_redelivery_has_the_key_in_every_encoding(payload):
    """The encoding, an unknown field or a queue changes the key."""
    callback = parse(payload)
    keys = {parse(*encode({**payload, "NewField": encoding})).event_key for encoding, encode in ENCODERS.items()}
    assert keys == {callback.event_key} == {load(dump(callback)).event_key}


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


@given(FEW, FEW)
def test_keys_are_equal_where_callbacks_are(one, other):
    """Equal callbacks have different keys, or different callbacks have equal keys."""
    one, other = parse(one), parse(other)
    assert (one.event_key == other.event_key) is (one == other)


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


@pytest.mark.parametrize("name", [*_event_key._KEY_FIELDS, "legs", "issues"])
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


WORDS = [
    (place, spelling, member)
    for place, enum in [
        ("Status", CallStatus),
        ("Direction", Direction),
        ("EventType", EventType),
        ("Legs[1].Status", LegStatus),
        ("Legs[1].AnsweredBy", AnsweredBy),
    ]
    for member in enum
    if member.name not in {"UNKNOWN", "NOT_ATTEMPTED"}
    for spelling in (member.value, member.value.upper(), member.value.replace("-", " "))
]


@pytest.mark.parametrize(("place", "spelling", "member"), WORDS)
def test_a_newly_recognized_value_has_the_same_key(place, spelling, member):
    """A redelivery after an upgrade that adds a member has another key."""

    def with_value(value):
        name = {"EventType": "event_type", "Legs[1].AnsweredBy": "answered_by"}.get(place, place.lower())
        if place.startswith("Legs"):
            return attrs.evolve(CALLBACK, legs=(Leg(), Leg(**{name.removeprefix("legs[1]."): value})), issues=())
        return attrs.evolve(CALLBACK, **{name: value}, legs=(), issues=())

    newer = with_value(member)
    older = attrs.evolve(
        with_value(type(member).UNKNOWN),
        issues=(
            Issue.at(place, IssueCode.UNKNOWN_VALUE, spelling),
            Issue.at("EndTime", IssueCode.NOT_A_DATE, "soon"),
        ),
    )
    newer = attrs.evolve(newer, issues=older.issues[1:])
    assert newer.event_key == older.event_key
    assert newer != older


def test_issues_of_fields_that_come_later_do_not_count():
    """An issue of a field that a later release adds changes the key."""
    later = [
        Issue.at(path, IssueCode.INVALID_STRING, "x") for path in ("NewField", "Legs[0].NewField", "Legs[0]Status")
    ]
    assert attrs.evolve(CALLBACK, issues=(*CALLBACK.issues, *later)).event_key == CALLBACK.event_key


@pytest.mark.parametrize(
    "path",
    [
        *PAGE,
        "Sid",
        "CallFrom",
        "CallTo",
        "Details",
        "Legs[0]",
        "Legs[63].OnCallDuration",
        "Legs[1].Status",
        "Legs[7].AnsweredBy",
    ],
)
def test_issues_of_its_own_fields_count(path):
    """An issue of a field of ``v1``, or its value, doesn't change the key."""
    keys = {
        attrs.evolve(CALLBACK, issues=issues).event_key
        for issues in [
            (),
            (Issue.at(path, IssueCode.INVALID_STRING, "x"),),
            (Issue.at(path, IssueCode.INVALID_STRING, "y"),),
            (Issue.at(path, IssueCode.REPEATED, "x"),),
        ]
    }
    assert len(keys) == 4


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
        # A value that looks like the digest of another one.
        ({"Status": LONG + "a"}, {"Status": dump(parse({**LEAST, "Status": LONG + "a"}))["issues"][0]["digest"]}),
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


def test_a_key_takes_linear_time():
    """The key of an event with many issues takes quadratic time, so an attacker can keep a worker busy."""
    events = {
        number: attrs.evolve(
            CALLBACK,
            legs=(Leg(status=LegStatus.UNKNOWN),) * number,
            issues=tuple(Issue.at(f"Legs[{index}].Status", UNKNOWN_VALUE, f"x{index}") for index in range(number)),
        )
        for number in (1_000, 8_000)
    }
    seconds = {}
    for number, event in events.items():
        start = time.process_time()
        assert event.event_key
        seconds[number] = time.process_time() - start
    assert seconds[8_000] < 30 * seconds[1_000]


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
