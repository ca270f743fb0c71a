"""Test legs in every shape: the index has a meaning, and a gap keeps its index."""

import json
from unittest import mock

import pytest

from exotel_callback import (
    AnsweredBy,
    InvalidCallbackError,
    IssueCode,
    Leg,
    LegStatus,
    Limits,
    RawPayload,
    parse,
    parse_call_details,
    parse_passthru,
)
from exotel_callback._fields import shapes
from helpers import FORM, LEAST, Upload

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
        {"Legs": [{"Leg": {"Id": 1, **FIRST}}, {"Leg": {"Id": 2, **SECOND}}]},
        {"Legs": [{"Leg": {"Id": "2", **SECOND}}, {"Leg": {"Id": "1", **FIRST}}]},
        {"Legs": [{"Leg": FIRST}, {"Leg": SECOND}]},
        {"Legs": [{"Leg": {"Id": 0, **FIRST}}, {"Leg": {"Id": "x", **SECOND}}]},
        {"Legs": {"Leg": [{"Id": 2, **SECOND}, {"Id": 1, **FIRST}]}},
        {"Legs": {"Leg": {"1": SECOND, "0": FIRST}}},
        {"Legs": {"Leg": FIRST}, "Legs[1]": SECOND},
        {"Legs": [{"Leg": None, **FIRST}, {**SECOND, "Leg": {"Id": 2, "Status": "busy"}}]},
        {"Legs": [{"Leg": {"Id": 2, **SECOND}, **SECOND}, {"Leg": {"Id": 1}, **FIRST}]},
        {"Legs": [{}, {"Leg": {"Id": 2, **SECOND}}, {"Leg": {"Id": 1, **FIRST}}]},
        {"Legs": {"0": {"Leg": {"Id": 2, **SECOND}}, "1": {"Leg": {"Id": 1, **FIRST}}}},
        {"Legs": json.dumps([FIRST, SECOND])},
        {"Legs": [json.dumps([FIRST, SECOND])]},
        {"Legs": json.dumps({"1": SECOND, "0": FIRST})},
        brackets(FIRST, SECOND),
        brackets(FIRST, SECOND, form="Legs%5B{}%5D%5B{}%5D"),
        brackets(FIRST, SECOND, form="Legs%5b{}%5d%5b{}%5d"),
        brackets({"Id": 1, **FIRST}, {"Id": 2, **SECOND}, form="Legs[{}][Leg][{}]"),
        brackets({"Id": 2, **SECOND}, {"Id": 1, **FIRST}, form="Legs[{}][Leg][{}]"),
        brackets(FIRST, SECOND, form="Legs[Leg][{}][{}]"),
        brackets(FIRST, SECOND, form="Legs[{}]%5B{}%5D"),
        brackets(FIRST, SECOND, form="Legs%5B%3{}]%5B{}%5D"),
        {"Legs[0]": FIRST, "Legs[1]": SECOND},
        {"Legs[Leg]": [FIRST, SECOND]},
        {"Legs[0]": FIRST, "Legs[1]": RawPayload.Repeated([SECOND, None])},
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
        {"Legs": {"Leg": {}}},
        {"Legs": {"Leg": None}},
        {"Legs": '""'},
        {"Legs": Upload()},
        {"Legs": [Upload(), Upload()]},
        {"Legs[0]": Upload()},
        {"Legs[0][Status]": Upload()},
        {"Legs[x]": [Upload(), Upload()]},
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


@pytest.mark.parametrize(
    "index", ["00", "01", "a", "", "-1", "+1", " 0", "0 ", "0.0", "0x0", "\u0663", "Status", "1e3"]
)
def test_an_invalid_index(index):
    """An index that isn't digits without a leading zero is read, or is silently an unknown field."""
    expected = ((COMPLETED,), [("Legs", IssueCode.WRONG_TYPE, json.dumps({index: {"Status": "busy"}}))])
    for fields in (
        {"Legs": {"0": FIRST, index: {"Status": "busy"}}},
        {"Legs": json.dumps({index: {"Status": "busy"}, "0": FIRST})},
        {**brackets(FIRST), f"Legs[{index}][Status]": "busy"},
        {**brackets(FIRST), f"Legs%5b{index}%5d[Status]": "busy"},
        {"Legs": [FIRST], f"Legs[{index}]": {"Status": "busy"}},
        {"Legs": {index: {"Status": "busy"}}, **brackets(FIRST), "Legs[x]": "y"},
    ):
        assert issues(fields) == expected
        assert parse({**LEAST, **fields}).extra == {}
        with pytest.raises(InvalidCallbackError):
            parse({**LEAST, **fields}, strict=True)


@pytest.mark.parametrize(
    "name", ["Legs[0", "Legs[", "Legs[0]x", "Legs[0]x[Status]", "Legs[0][Status", "Legs%5B0", "Legs[0]]"]
)
def test_broken_brackets(name):
    """A name with broken brackets is silently an unknown field."""
    text = json.dumps({name.replace("%5B", "[").removeprefix("Legs"): "x"})
    assert issues({name: "x"}) == ((), [("Legs", IssueCode.WRONG_TYPE, text)])
    assert parse({**LEAST, name: "x"}).extra == {}


@pytest.mark.parametrize("leg", [["failed"], {"0": "failed"}, {"1": 2, "0": "failed"}], ids=str)
def test_a_list_is_not_a_leg(leg):
    """A list in place of a leg is read as one, in one of the encodings."""
    text = '["failed", 2]' if len(leg) == 2 else '["failed"]'
    expected = ((Leg(),), [("Legs[0]", IssueCode.WRONG_TYPE, text)])
    names = leg if isinstance(leg, dict) else dict(enumerate(leg))
    deep = {f"Legs[0][{index}]": str(value) for index, value in names.items()}
    for fields in ({"Legs": [leg]}, {"Legs": json.dumps([leg])}, {"Legs": [{"Leg": leg}]}, {"Legs": {"0": leg}}, deep):
        assert issues(fields) == expected


def test_a_field_in_a_wrapper_and_beside_it():
    """The field beside the wrapper silently replaces the other one, or is silently lost."""
    expected = ((Leg(status=LegStatus.BUSY),), [("Legs[0].Status", IssueCode.REPEATED, "failed")])
    for fields in (
        {"Legs": [{"Leg": {"Status": "busy"}, "Status": "failed"}]},
        {"Legs": [{"Status": "failed", "Leg": {"Status": "busy"}}]},
        {"Legs[0][Status]": "failed", "Legs[0][Leg][Status]": "busy"},
    ):
        assert issues(fields) == expected


def test_a_value_and_deeper_brackets_of_one_name():
    """A value that is also an object is silently lost, in either order."""
    fields = {"Legs[0][Status]": "busy", "Legs[0][Status][a]": "1", "Legs[1]": "x", "Legs[1][Status]": "failed"}
    found, problems = issues(fields)
    assert found == (Leg(status=LegStatus.BUSY), Leg(status=LegStatus.FAILED))
    assert problems == [
        ("Legs[1]", IssueCode.WRONG_TYPE, "x"),
        ("Legs[0].Status", IssueCode.REPEATED, '{"a": 1}'),
    ]
    assert issues({"Legs[0][Status][a]": "1"})[1] == [("Legs[0].Status", IssueCode.WRONG_TYPE, '{"a": 1}')]


def test_values_in_an_issue_do_not_depend_on_the_encoding():
    """A number, boolean or null has another text in a form than in JSON, and so the event has another key."""
    values = [
        1,
        -5,
        4.39,
        1e300,
        10**20,
        True,
        "false",
        None,
        "",
        "007",
        "1.50",
        "x",
        "\u0661",
        [1, "2"],
        {"a": []},
        float("inf"),
    ]
    told = parse({**LEAST, "Legs": [{"Status": {"a": values}}]}).issues[0].value
    assert told == json.dumps(
        {
            "a": [
                1,
                -5,
                4.39,
                1e300,
                str(10**20),
                True,
                False,
                None,
                None,
                "007",
                "1.50",
                "x",
                "\u0661",
                [1, 2],
                {"a": None},
                float("inf"),
            ]
        }
    )
    repeated = {"Legs[x]": ["1"], "Legs[y]": ["1", "2"], "Legs[z]": []}
    assert issues(repeated)[1][0][2] == '{"x": 1, "y": [1, 2], "z": null}'


def test_names_that_are_nested_more_deeply_than_any_payload():
    """A bracket key with very many brackets raises `RecursionError`."""
    told = parse({**LEAST, "Legs[0]" + "[a]" * 20_000: "x"})
    assert (told.legs, told.issues) == ((Leg(),), ())
    assert list(told.extra) == ["Legs[0]"]


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


def test_objects_that_contradict_each_other():
    """Objects in two encodings contradict each other, or the issue's value depends on the encoding."""
    nested = {"Legs": [{"Status": {"a": 1, "b": "2"}}]}
    _, problems = issues({**nested, "Legs[0][Status][a]": "1", "Legs[0][Status][b]": "2"})
    assert problems == [("Legs[0].Status", IssueCode.WRONG_TYPE, '{"a": 1, "b": 2}')]
    _, problems = issues({**nested, "Legs[0][Status]": "busy"})
    assert problems == [("Legs", IssueCode.CONTRADICTING, '{"a": 1, "b": 2}')]


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


@pytest.mark.parametrize(
    ("fields", "path", "value"),
    [
        ({"Legs[0][Leg][Id]": ["2", "1"], "Legs[0][Leg][Status]": "busy"}, "Legs[1]", "1"),
        ({"Legs": [{"Leg": {"Id": 2, "Status": "busy"}, "Id": "1"}]}, "Legs[1]", "1"),
        ({"Legs[0][Leg][Id]": ["2", "2"], "Legs[0][Leg][Status]": "busy", "Legs[0][Id]": 2}, None, None),
        ({"Legs[1]": {"Status": "busy"}, "Legs[0][Leg][Id]": []}, None, None),
    ],
)
def test_a_repeated_id(fields, path, value):
    """The first id doesn't count, or a different one is silently lost."""
    expected = [(path, IssueCode.REPEATED, value)] if path else []
    assert issues(fields) == ((Leg(), Leg(status=LegStatus.BUSY)), expected)


def test_repeated_values_in_place_of_a_leg():
    """The last value counts."""
    pairs = [*LEAST.items(), ("Legs[0]", "x"), ("Legs[0]", "y"), ("Legs[0]", FIRST), ("Legs[0]", SECOND)]
    callback = parse(pairs)
    assert [(issue.path, issue.value) for issue in callback.issues] == [
        ("Legs[0]", "x"),
        ("Legs[0].OnCallDuration", "0"),
        ("Legs[0].Status", "busy"),
    ]
    assert callback.legs == (
        Leg(status=LegStatus.COMPLETED, on_call_duration=41, answered_by=AnsweredBy.NOT_APPLICABLE),
    )


def test_a_leg_that_is_repeated_in_another_order():
    """The order of names, or a number that is written as a string, makes an equal leg a different one."""
    first = {"Id": 1, "OnCallDuration": 41, "Status": "completed", "Insights": {"a": None, "b": [1.5]}}
    other = {"Insights": {"b": ["1.5"], "a": ""}, "Status": "completed", "OnCallDuration": "41", "Id": "1"}
    assert legs(Legs=[{"Leg": first}, {"Leg": other}]) == (COMPLETED,)


def test_the_first_of_many_problems_at_one_position_is_reported():
    """The last one is reported, or more than one."""
    told = [{"Leg": {"Id": 2, **FIRST}}, "x", *({"Leg": {"Id": 2, "Status": status}} for status in ("busy", "failed"))]
    _, problems = issues({"Legs": told})
    assert problems == [("Legs[1]", IssueCode.WRONG_TYPE, "x")]
    _, problems = issues({"Legs": [told[0], *told[2:]]})
    assert problems == [("Legs[1]", IssueCode.REPEATED, '{"Id": 2, "Status": "busy"}')]


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
        {"Legs": [{"Leg": {"Id": 1000000000, **SECOND}}]},
    ],
    ids=str,
)
def test_a_gap_of_a_thousand_million(fields):
    """A large gap in the numbering fills the memory."""
    told, problems = issues(fields, limits=Limits(legs=2))
    assert told == (Leg(), Leg())
    assert problems == [("Legs", IssueCode.TOO_MANY_LEGS, "1000000000")]


@pytest.mark.parametrize("digits", [2, 10, 18, 19, 200, 10_000])
def test_an_index_of_many_digits(digits):
    """An index of many digits is an unknown field, raises an exception, or leaves another number of legs."""
    number = "1" + "0" * digits
    for fields in (
        {f"Legs[{'9' * digits}][Status]": "busy"},
        {"Legs": {"9" * digits: SECOND}},
        {"Legs": {"9" * digits: ""}},
        {"Legs": [{"Leg": {"Id": number, **SECOND}}]},
    ):
        told, problems = issues(fields)
        assert (len(told), problems) == (64, [("Legs", IssueCode.TOO_MANY_LEGS, number[:200])])


def test_an_id_within_the_limit_under_an_index_beyond_it():
    """The index of a wrapped leg decides whether it is within the limit, and not its id."""
    for fields in (
        {"Legs": [{}, None, {"Leg": {"Id": 1, **FIRST}}]},
        {"Legs": {"Leg": [{}, None, {"Id": 1, **FIRST}]}},
        {"Legs": {"9" * 30: {"Leg": {"Id": 1, **FIRST}}, "1": ""}},
    ):
        assert issues(fields, limits=Limits(legs=2)) == ((COMPLETED, Leg()), [])


@pytest.mark.parametrize("limit", [1, 2, 99, 100])
def test_the_number_of_legs_beside_the_limit(limit):
    """A number with more digits than the limit is compared as a string."""
    told, problems = issues({"Legs[99][Status]": "busy"}, limits=Limits(legs=limit))
    assert (len(told), len(problems)) == (min(limit, 100), int(limit < 100))


def test_the_work_for_legs_that_claim_one_position():
    """Each leg is compared with the first one as a whole, so the time grows with the square of the size."""
    claims = [
        {"Leg": {"Id": 1, **{f"n{number}": 1 for number in range(500)}}},
        *({"Leg": {"Id": 1}} for _ in range(200)),
    ]
    for fields in ({"Legs": claims}, {"Legs": [claims[0]] * 20}):
        with mock.patch.object(shapes, "_identity", wraps=shapes._identity) as identity:
            parse({**LEAST, **fields})
        sizes = [len(call.args[0]) for call in identity.call_args_list]
        assert sum(sizes) <= sum(len(leg["Leg"]) for leg in fields["Legs"])


# --- Unknown fields of legs


def in_shapes(*told):
    """Return legs in every shape, each with the content type; numbers are strings, as in forms."""
    flat = {name: value for index, leg in enumerate(told) for name, value in flattened(f"Legs[{index}]", leg)}
    return [
        {"Legs": list(told)},
        {"Legs": json.dumps(told)},
        {"Legs": dict(enumerate(told))},
        {"Legs": [{"Leg": {**leg, "Id": index}} for index, leg in enumerate(told, 1)][::-1]},
        {"Legs": {"Leg": list(told)}},
        {f"Legs[{index}]": leg for index, leg in enumerate(told)},
        flat,
        {name.replace("[", "%5B").replace("]", "%5D"): value for name, value in flat.items()},
    ]


def flattened(name, value):
    if not value or not isinstance(value, dict | list):
        return [(name, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [pair for key, item in items for pair in flattened(f"{name}[{key}]", item)]


@pytest.mark.parametrize("read", [parse, parse_passthru, parse_call_details])
def test_unknown_fields_of_legs(read):
    """An unknown field of a leg has another name in one of the shapes, or leaves an issue."""
    second = {
        "RingingDuration": "7",
        "Insights": {"Status": "busy", "Tags": ["a", {"b": "c"}]},
        "DisconnectedBy": "Callee",
    }
    expected = {
        "X": "y",
        "Legs[0][Cause1]": "16",
        "Legs[1][RingingDuration]": "7",
        "Legs[1][Insights][Status]": "busy",
        "Legs[1][Insights][Tags][0]": "a",
        "Legs[1][Insights][Tags][1][b]": "c",
    }
    if read is not parse_passthru:
        expected["Legs[1][DisconnectedBy]"] = "Callee"
    else:
        expected["Status"] = LEAST["Status"]
    for fields in in_shapes({"OnCallDuration": "41", "Cause1": "16"}, second):
        event = read({"CallSid": "a", "Status": LEAST["Status"], "X": "y", **fields})
        assert (dict(event.extra), event.issues) == (expected, ())


def test_unknown_fields_are_as_received():
    """A value is converted to a string, or an empty one is lost."""
    leg = {"a": 7, "b": None, "c": [], "d": {"e": 1.5}, "f": True, "Id": 3, "Status": {"x": 1}}
    extra = parse({**LEAST, "Legs": [leg]}).extra
    assert extra == {"Legs[0][a]": 7, "Legs[0][b]": None, "Legs[0][c]": (), "Legs[0][d][e]": 1.5, "Legs[0][f]": True}
    repeated = parse("CallSid=a&Status=busy&Legs[0][x]=1&Legs[0][x]=2&Legs[0][y]=1&Legs[0][y][z]=2", FORM).extra
    assert repeated == {"Legs[0][x]": ("1", "2"), "Legs[0][y]": ("1",), "Legs[0][y][z]": "2"}
    assert parse({**LEAST, "Legs": [{"a": Upload(), "b": 1}]}).extra == {"Legs[0][b]": 1}


@pytest.mark.parametrize("name", ["", "a[b", "a]b", "[]", "a%5Bb", "a%5db", "x" * 300])
def test_a_name_that_brackets_can_not_hold(name):
    """A leg is given under names that other fields can have, too, or a long name is copied for each value below it."""
    for leg in ({"Status": "busy", name: "1"}, {"Status": "busy", "a": {name: {"b": "c"}}}):
        for fields in ({"Legs": [FIRST, leg]}, {"Legs": json.dumps([FIRST, leg])}, {"Legs": {"1": {"Leg": leg}}}):
            assert parse({**LEAST, **fields}).extra == {"Legs[1]": leg}
    if "]" not in name and "%" not in name:
        assert parse({**LEAST, f"Legs[1][{name}]": "1"}).extra == {"Legs[1]": {name: "1"}}


def test_unknown_fields_beyond_the_limit():
    """An unknown field of a leg beyond the limit is in `extra`, which so can be large."""
    told = [{"x": index} for index in range(5)]
    for fields in ({"Legs": told}, {f"Legs[{index}][x]": index for index in range(5)}):
        callback = parse({**LEAST, **fields}, limits=Limits(legs=2))
        assert callback.extra == {"Legs[0][x]": 0, "Legs[1][x]": 1}


def test_unknown_fields_under_legs_and_in_bracket_keys():
    """If both contain a field, the value under ``Legs`` counts, or the other fields are lost."""
    nested = [{"a": 1, "b": {"c": 2, "d": 3}}, {"e": 4}]
    extra = parse({**LEAST, "Legs": nested, "Legs[0][a]": "5", "Legs[0][b][c]": "6"}).extra
    assert extra == {"Legs[0][a]": "5", "Legs[0][b][c]": "6", "Legs[0][b][d]": 3, "Legs[1][e]": 4}
