"""Test legs in every shape: the index has a meaning, and a gap keeps its index."""

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
    """One of the shapes of legs is misread: a list, an object, wrappers, a JSON string, bracket keys, or a mix."""
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
    """An absent or empty value, or a similar name, is read as legs."""
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
def test_an_empty_status_and_an_absent_one(fields, expected):
    """A status sent as null or empty isn't `NOT_ATTEMPTED`, or an absent one isn't None."""
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
def test_a_gap_keeps_its_index(fields):
    """A gap in the numbering moves the second party to another index."""
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
def test_invalid_legs(value, text):
    """A value that can't be legs leaves no issue: a string that isn't JSON, a number, or an object without indexes."""
    assert issues({"Legs": value}) == ((), [("Legs", IssueCode.WRONG_TYPE, text)])


@pytest.mark.parametrize("fields", [{"Legs": [FIRST, "x"]}, {"Legs": [FIRST], "Legs[1]": "x"}], ids=str)
def test_an_invalid_leg_keeps_its_index(fields):
    """An invalid leg moves the legs after it, or leaves no issue."""
    assert issues(fields) == ((COMPLETED, Leg()), [("Legs[1]", IssueCode.WRONG_TYPE, "x")])


def test_issues_inside_of_legs_have_their_path():
    """An issue inside a leg has another path or order."""
    told = [FIRST, {"Status": "free", "AnsweredBy": {"a": 1}, "OnCallDuration": "-5"}]
    assert issues({"Legs": told})[1] == [
        ("Legs[1].OnCallDuration", IssueCode.NOT_A_NUMBER, "-5"),
        ("Legs[1].Status", IssueCode.UNKNOWN_VALUE, "free"),
        ("Legs[1].AnsweredBy", IssueCode.WRONG_TYPE, '{"a": 1}'),
    ]


def test_an_invalid_status_of_a_leg_is_none():
    """An invalid status of a leg becomes unknown or not attempted."""
    told, problems = issues({"Legs": [{"Status": {}}]})
    assert told == (Leg(),)
    assert problems == [("Legs[0].Status", IssueCode.WRONG_TYPE, "{}")]


@pytest.mark.parametrize(
    "nested", [[{"Status": "busy", "OnCallDuration": 41}, SECOND], json.dumps([{"Status": "busy"}]), [{"Status": None}]]
)
def test_bracket_keys_win_over_contradicting_legs(nested):
    """Contradicting legs are mixed, which describes a call that never happened."""
    told, problems = issues({"Legs": nested, **brackets(FIRST)})
    assert told == (COMPLETED,)
    assert [(path, code) for path, code, _ in problems] == [("Legs", IssueCode.CONTRADICTING)]


def test_two_spellings_of_one_value_do_not_contradict_each_other():
    """Two spellings of one value count as a contradiction, so a value in only one of them is lost."""
    nested = [{"OnCallDuration": 12, "Status": "No Answer", "AnsweredBy": "HUMAN"}]
    told, problems = issues({"Legs": nested, "Legs[0][OnCallDuration]": "12.0", "Legs[0][Status]": "no-answer"})
    assert told == (Leg(on_call_duration=12, status=LegStatus.NO_ANSWER, answered_by=AnsweredBy.HUMAN),)
    assert problems == []
    _, problems = issues({"Legs": [{"Status": "free"}], "Legs[0][Status]": "else"})
    assert [code for _, code, _ in problems] == [IssueCode.CONTRADICTING, IssueCode.UNKNOWN_VALUE]


@pytest.mark.parametrize("nothing", ["", "null", "None"])
def test_empty_values_do_not_contradict_each_other(nothing):
    """Two spellings of an empty value count as a contradiction."""
    told, problems = issues({"Legs": [{"Status": "busy", "AnsweredBy": None}], "Legs[0][AnsweredBy]": nothing})
    assert (told, problems) == ((Leg(status=LegStatus.BUSY),), [])


def test_the_first_of_repeated_values_is_compared():
    """A later value of a repeated name counts as a contradiction."""
    told, problems = issues({"Legs": '[{"Status": "busy"}]', "Legs[0][Status]": ["busy", "failed"]})
    assert told == (Leg(status=LegStatus.BUSY),)
    assert [code for _, code, _ in problems] == [IssueCode.REPEATED]


def test_an_invalid_leg_just_beyond_the_limit():
    """An invalid leg beyond the limit leaves its own issue too."""
    told, problems = issues({"Legs": [FIRST] * 64 + [1]})
    assert len(told) == 64
    assert [code for _, code, _ in problems] == [IssueCode.TOO_MANY_LEGS]


@pytest.mark.parametrize("leg", [1, {"Leg": {"Id": 1, "Status": "busy"}}], ids=str)
def test_invalid_legs_leave_one_issue_for_each_index(leg):
    """A body can cause more issues than it has legs."""
    _, problems = issues({"Legs": [leg, *({"Leg": {"Id": 1, "x": index}} for index in range(2)), *[leg] * 5_000]})
    assert len(problems) <= 65
    assert len({path for path, _, _ in problems}) == len(problems)


def test_a_repeated_leg():
    """The first leg isn't kept, or an equal repetition leaves an issue."""
    wrapped = [{"Leg": {"Id": 1, **FIRST}}, {"Leg": {"Id": 1, **SECOND}}]
    told, problems = issues({"Legs": wrapped})
    assert told == (COMPLETED,)
    assert [(path, code) for path, code, _ in problems] == [("Legs[0]", IssueCode.REPEATED)]
    assert legs(Legs=[wrapped[0], wrapped[0]]) == (COMPLETED,)


def test_a_repeated_bracket_key():
    """The first value isn't used, or only a different value should leave an issue."""
    same = {"Legs[0][Status]": "busy", "Legs%5B0%5D%5BStatus%5D": "busy"}
    assert legs(same) == (Leg(status=LegStatus.BUSY),)
    body = "CallSid=a&Status=busy&Legs[0][Status]=busy&Legs[0][Status]=busy&Legs%255B0%255D%255BStatus%255D=failed"
    callback = parse(body, FORM)
    assert callback.legs == (Leg(status=LegStatus.BUSY),)
    assert [(issue.path, issue.code, issue.value) for issue in callback.issues] == [
        ("Legs[0].Status", IssueCode.REPEATED, "failed")
    ]


def test_a_repeated_bracket_key_beside_a_json_string():
    """Equal legs in bracket keys and a JSON string leave an issue."""
    body = 'CallSid=a&Status=busy&Legs=[{"Status":"busy"}]&Legs[0][Status]=busy&Legs[0][Status]=busy'
    callback = parse(body, FORM)
    assert (callback.legs, callback.issues) == ((Leg(status=LegStatus.BUSY),), ())


def test_a_repeated_json_string_in_a_form():
    """The first JSON string isn't used."""
    callback = parse("CallSid=a&Status=busy&Legs=[]&Legs=[{}]", FORM)
    assert callback.legs == ()
    assert [(issue.path, issue.code) for issue in callback.issues] == [("Legs", IssueCode.REPEATED)]


@pytest.mark.parametrize("count", [64, 65, 300])
def test_the_limit_of_legs(count):
    """More legs than the limit are kept, or not the first ones."""
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
def test_a_gap_of_a_thousand_million(fields):
    """A large gap in the numbering fills the memory."""
    told, problems = issues(fields, limits=Limits(legs=2))
    assert told == (Leg(), Leg())
    assert [(path, code) for path, code, _ in problems] == [("Legs", IssueCode.TOO_MANY_LEGS)]


def test_unknown_fields_of_a_leg_are_in_raw():
    """An unknown field of a leg leaves an issue, or is lost."""
    callback = parse({**LEAST, "Legs": [{**FIRST, "Cause": "x"}]})
    assert callback.legs == (COMPLETED,)
    assert callback.raw["Legs"][0]["Cause"] == "x"
    assert not callback.extra
