"""Legs, in every way they are told: position is meaning, and a hole keeps its place."""

import json

import pytest

from exotel_callback import AnsweredBy, IssueCode, Leg, LegStatus, Limits, parse
from helpers import FORM, LEAST

COMPLETED = Leg(status=LegStatus.COMPLETED, on_call_duration=41)
BUSY = Leg(status=LegStatus.BUSY, on_call_duration=0, answered_by=AnsweredBy.NOT_APPLICABLE)
FIRST = {"OnCallDuration": 41, "Status": "completed"}
SECOND = {"OnCallDuration": 0, "Status": "busy", "AnsweredBy": "NA"}


def legs(*args, **fields):
    callback = parse({**LEAST, **dict(*args), **fields})
    assert callback.issues == ()
    return callback.legs


def issues(fields, **options):
    callback = parse({**LEAST, **fields}, **options)
    return callback.legs, [(issue.path, issue.code, issue.value) for issue in callback.issues]


def brackets(*told, form="Legs[{}][{}]"):
    return {form.format(index, name): str(value) for index, leg in enumerate(told) for name, value in leg.items()}


@pytest.mark.parametrize(
    "fields",
    [
        {"Legs": [FIRST, SECOND]},
        {"Legs": (FIRST, SECOND)},
        {"Legs": {"0": FIRST, "1": SECOND}},
        {"Legs": {1: SECOND, 0: FIRST}},
        {"Legs": {"1": SECOND, "0": FIRST, "count": 2}},
        {"Legs": [{"Leg": {"Id": 1, **FIRST}}, {"Leg": {"Id": 2, **SECOND}}]},
        {"Legs": [{"Leg": {"Id": "2", **SECOND}}, {"Leg": {"Id": "1", **FIRST}}]},
        {"Legs": [{"Leg": FIRST}, {"Leg": SECOND}]},
        {"Legs": [{"Leg": {"Id": 0, **FIRST}}, {"Leg": {"Id": "x", **SECOND}}]},
        {"Legs": {"Leg": [{"Id": 2, **SECOND}, {"Id": 1, **FIRST}]}},
        {"Legs": {"0": {"Leg": {"Id": 2, **SECOND}}, "1": {"Leg": {"Id": 1, **FIRST}}}},
        {"Legs": json.dumps([FIRST, SECOND])},
        {"Legs": [json.dumps([FIRST, SECOND])]},
        {"Legs": json.dumps({"1": SECOND, "0": FIRST})},
        brackets(FIRST, SECOND),
        brackets(FIRST, SECOND, form="Legs%5B{}%5D%5B{}%5D"),
        brackets(FIRST, SECOND, form="Legs%5b{}%5d%5b{}%5d"),
        brackets({"Id": 1, **FIRST}, {"Id": 2, **SECOND}, form="Legs[{}][Leg][{}]"),
        brackets({"Id": 2, **SECOND}, {"Id": 1, **FIRST}, form="Legs[{}][Leg][{}]"),
        {"Legs[0]": FIRST, "Legs[1]": SECOND},
        {"Legs[0][Leg]": FIRST, "Legs[1]": {"Leg": SECOND}},
        {"Legs[0]": {"Status": "completed"}, "Legs[0][OnCallDuration]": "41", "Legs[1]": SECOND},
        {"Legs": [FIRST], "Legs[1]": SECOND},
        {"Legs": [{"Status": "completed"}, SECOND], "Legs[0][OnCallDuration]": "41"},
        {"Legs": [FIRST, SECOND], **brackets(FIRST, SECOND)},
        {"Legs": "", **brackets(FIRST, SECOND)},
    ],
    ids=str,
)
def test_the_same_two_legs(fields):
    """Lists, objects, wrappers, JSON text, bracket keys, and a mix of them."""
    assert legs(fields) == (COMPLETED, BUSY)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Legs": None},
        {"Legs": []},
        {"Legs": {}},
        {"Legs": ""},
        {"Legs": "null"},
        {"Legs": "[]"},
        {"Legs": "{}"},
        {"Legs": {"Leg": []}},
        {"Legs[x][Status]": "completed"},
        {"Legs[][Status]": "completed"},
        {"Legs[01][Status]": "completed"},
        {"Legs[-1][Status]": "completed"},
        {"legs": [FIRST]},
        {"LegsInfo": "2"},
    ],
    ids=str,
)
def test_no_legs(fields):
    """Nothing, an empty one of either kind, and names that only resemble a leg's."""
    assert legs(fields) == ()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Legs": [FIRST, {"Status": None}]}, LegStatus.NOT_ATTEMPTED),
        ({"Legs": [FIRST, {"Status": ""}]}, LegStatus.NOT_ATTEMPTED),
        ({"Legs": [FIRST, {"Status": "NULL"}]}, LegStatus.NOT_ATTEMPTED),
        ({"Legs[1][Status]": ""}, LegStatus.NOT_ATTEMPTED),
        ({"Legs[1][Status]": "null"}, LegStatus.NOT_ATTEMPTED),
        ({"Legs": [FIRST, {"OnCallDuration": 0}]}, None),
        ({"Legs": [FIRST, {}]}, None),
        ({"Legs": [FIRST, []]}, None),
        ({"Legs": [FIRST, None]}, None),
        ({"Legs": {"1": ""}}, None),
        ({"Legs": {"1": {"Leg": None}}}, None),
        ({"Legs[1]": ""}, None),
        ({"Legs[1][NewField]": "x"}, None),
        ({"Legs[1][Insights][Status]": "completed"}, None),
        ({"Legs": [{}, {"Insights": {"Status": "completed"}}]}, None),
    ],
    ids=str,
)
def test_a_leg_that_was_not_attempted_is_not_one_of_which_nothing_was_sent(fields, expected):
    """Sent as null or empty is `NOT_ATTEMPTED`; not sent is None."""
    assert legs(fields)[1].status is expected


@pytest.mark.parametrize(
    "fields",
    [
        {"Legs": {"2": SECOND}},
        {"Legs": [None, {}, SECOND]},
        {"Legs": [{"Leg": {"Id": 3, **SECOND}}]},
        {"Legs[2]": SECOND},
    ],
    ids=str,
)
def test_a_hole_keeps_its_place(fields):
    """The second party stays the second party."""
    assert legs(fields) == (Leg(), Leg(), BUSY)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("completed", "completed"),
        (5, "5"),
        ("5", "5"),
        (True, "true"),
        ({"Status": "busy"}, '{"Status": "busy"}'),
        ("[1", "[1"),
        ("[" * 50 + "]" * 50, "[" * 50 + "]" * 50),
        ('[{"OnCallDuration": NaN}]', '[{"OnCallDuration": NaN}]'),
        ('"[]"', "[]"),
    ],
)
def test_what_is_no_legs(value, text):
    """A text that is no JSON, a number, or an object without indexes."""
    assert issues({"Legs": value}) == ((), [("Legs", IssueCode.WRONG_TYPE, text)])


@pytest.mark.parametrize("fields", [{"Legs": [FIRST, "x"]}, {"Legs": [FIRST], "Legs[1]": "x"}], ids=str)
def test_what_is_no_leg_keeps_its_place(fields):
    """It is an empty leg, and an issue."""
    assert issues(fields) == ((COMPLETED, Leg()), [("Legs[1]", IssueCode.WRONG_TYPE, "x")])


def test_issues_inside_of_legs_have_their_path():
    """Each in its place, in the order of the fields."""
    told = [FIRST, {"Status": "free", "AnsweredBy": {"a": 1}, "OnCallDuration": "-5"}]
    assert issues({"Legs": told})[1] == [
        ("Legs[1].OnCallDuration", IssueCode.NOT_A_NUMBER, "-5"),
        ("Legs[1].Status", IssueCode.UNKNOWN_VALUE, "free"),
        ("Legs[1].AnsweredBy", IssueCode.WRONG_TYPE, '{"a": 1}'),
    ]


def test_an_unreadable_status_of_a_leg_is_none():
    """It is neither unknown nor not attempted."""
    told, problems = issues({"Legs": [{"Status": {}}]})
    assert told == (Leg(),)
    assert problems == [("Legs[0].Status", IssueCode.WRONG_TYPE, "{}")]


@pytest.mark.parametrize(
    "nested", [[{"Status": "busy", "OnCallDuration": 41}, SECOND], json.dumps([{"Status": "busy"}]), [{"Status": None}]]
)
def test_bracket_keys_win_where_legs_are_told_in_two_contradicting_ways(nested):
    """They win as a whole: halves of two stories would make a third."""
    told, problems = issues({"Legs": nested, **brackets(FIRST)})
    assert told == (COMPLETED,)
    assert [(path, code) for path, code, _ in problems] == [("Legs", IssueCode.CONTRADICTING)]


def test_two_spellings_of_one_value_do_not_contradict_each_other():
    """So nothing that only one of them tells is lost."""
    nested = [{"OnCallDuration": 12, "Status": "No Answer", "AnsweredBy": "HUMAN"}]
    told, problems = issues({"Legs": nested, "Legs[0][OnCallDuration]": "12.0", "Legs[0][Status]": "no-answer"})
    assert told == (Leg(on_call_duration=12, status=LegStatus.NO_ANSWER, answered_by=AnsweredBy.HUMAN),)
    assert problems == []
    _, problems = issues({"Legs": [{"Status": "free"}], "Legs[0][Status]": "else"})
    assert [code for _, code, _ in problems] == [IssueCode.CONTRADICTING, IssueCode.UNKNOWN_VALUE]


@pytest.mark.parametrize("nothing", ["", "null", "None"])
def test_nothing_does_not_contradict_nothing(nothing):
    """However it is written."""
    told, problems = issues({"Legs": [{"Status": "busy", "AnsweredBy": None}], "Legs[0][AnsweredBy]": nothing})
    assert (told, problems) == ((Leg(status=LegStatus.BUSY),), [])


def test_a_repeated_value_contradicts_nothing_by_what_does_not_count():
    """Its first one is what it says."""
    told, problems = issues({"Legs": '[{"Status": "busy"}]', "Legs[0][Status]": ["busy", "failed"]})
    assert told == (Leg(status=LegStatus.BUSY),)
    assert [code for _, code, _ in problems] == [IssueCode.REPEATED]


def test_an_odd_leg_just_beyond_the_limit():
    """Is one of too many, and nothing else."""
    told, problems = issues({"Legs": [FIRST] * 64 + [1]})
    assert len(told) == 64
    assert [code for _, code, _ in problems] == [IssueCode.TOO_MANY_LEGS]


@pytest.mark.parametrize("leg", [1, {"Leg": {"Id": 1, "Status": "busy"}}], ids=str)
def test_odd_legs_leave_one_issue_a_place(leg):
    """And none beyond the limit: a body must not be worth more issues than it has legs."""
    _, problems = issues({"Legs": [leg, *({"Leg": {"Id": 1, "x": index}} for index in range(2)), *[leg] * 5_000]})
    assert len(problems) <= 65
    assert len({path for path, _, _ in problems}) == len(problems)


def test_one_leg_told_twice():
    """The first one stays; told the same twice, there is no issue."""
    wrapped = [{"Leg": {"Id": 1, **FIRST}}, {"Leg": {"Id": 1, **SECOND}}]
    told, problems = issues({"Legs": wrapped})
    assert told == (COMPLETED,)
    assert [(path, code) for path, code, _ in problems] == [("Legs[0]", IssueCode.REPEATED)]
    assert legs(Legs=[wrapped[0], wrapped[0]]) == (COMPLETED,)


def test_a_bracket_key_twice():
    """In its two spellings, or the same one twice: the first value, and an issue if they differ."""
    same = {"Legs[0][Status]": "busy", "Legs%5B0%5D%5BStatus%5D": "busy"}
    assert legs(same) == (Leg(status=LegStatus.BUSY),)
    body = "CallSid=a&Status=busy&Legs[0][Status]=busy&Legs[0][Status]=busy&Legs%255B0%255D%255BStatus%255D=failed"
    callback = parse(body, FORM)
    assert callback.legs == (Leg(status=LegStatus.BUSY),)
    assert [(issue.path, issue.code, issue.value) for issue in callback.issues] == [
        ("Legs[0].Status", IssueCode.REPEATED, "failed")
    ]


def test_a_bracket_key_twice_beside_json_text():
    """Told the same by both, there is no issue."""
    body = 'CallSid=a&Status=busy&Legs=[{"Status":"busy"}]&Legs[0][Status]=busy&Legs[0][Status]=busy'
    callback = parse(body, FORM)
    assert (callback.legs, callback.issues) == ((Leg(status=LegStatus.BUSY),), ())


def test_json_text_twice_in_a_form():
    """The first one counts."""
    callback = parse("CallSid=a&Status=busy&Legs=[]&Legs=[{}]", FORM)
    assert callback.legs == ()
    assert [(issue.path, issue.code) for issue in callback.issues] == [("Legs", IssueCode.REPEATED)]


@pytest.mark.parametrize("count", [64, 65, 300])
def test_the_limit_of_legs(count):
    """Of more, the first ones stay."""
    told, problems = issues({"Legs": [{"OnCallDuration": index} for index in range(count)]})
    assert [leg.on_call_duration for leg in told] == list(range(min(count, 64)))
    assert problems == ([] if count == 64 else [("Legs", IssueCode.TOO_MANY_LEGS, str(count))])


@pytest.mark.parametrize(
    "fields",
    [
        {"Legs[999999999][Status]": "busy"},
        {"Legs": {"999999999": SECOND}},
        {"Legs": [{"Leg": {"Id": 999999999, **SECOND}}]},
    ],
    ids=str,
)
def test_a_hole_of_a_thousand_million(fields):
    """It takes no memory."""
    told, problems = issues(fields, limits=Limits(legs=2))
    assert told == (Leg(), Leg())
    assert [(path, code) for path, code, _ in problems] == [("Legs", IssueCode.TOO_MANY_LEGS)]


def test_unknown_fields_of_a_leg_are_in_raw():
    """They cost nothing and are not lost."""
    callback = parse({**LEAST, "Legs": [{**FIRST, "Cause": "x"}]})
    assert callback.legs == (COMPLETED,)
    assert callback.raw["Legs"][0]["Cause"] == "x"
    assert not callback.extra
