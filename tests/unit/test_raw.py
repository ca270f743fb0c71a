"""Test ``raw``: a read-only snapshot of the payload as received."""

import copy
import pickle
from collections import UserDict
from collections.abc import Mapping
from decimal import Decimal
from enum import IntEnum, StrEnum
from fractions import Fraction

import pytest
from werkzeug.datastructures import MultiDict

from exotel_callback import CallStatus, DecodeError, Limits, StatusCallback, parse
from helpers import FORM, LEAST, PAGE, Upload, encode_json


class Broken(Mapping):
    """A mapping that raises while it is read."""

    def __init__(self, error):
        self.error = error

    def __getitem__(self, name):
        raise self.error

    def __iter__(self):
        return iter(["CallSid"])

    def __len__(self):
        return 1


def test_raw_holds_the_decoded_payload():
    """An object isn't a mapping, a list isn't a tuple, or another value changed."""
    raw = parse(*encode_json({**PAGE, "n": [None, True, 1.5, [1]]})).raw
    assert raw["Legs"][1]["OnCallDuration"] == 320
    assert raw["n"] == (None, True, 1.5, (1,))
    assert list(raw) == [*PAGE, "n"]
    assert len(raw) == len(PAGE) + 1
    assert "CallSid" in raw
    assert "callsid" not in raw


def test_keys_are_as_received_and_repeated_ones_hold_a_tuple():
    """A bracket key is expanded, or a repeated name has no tuple."""
    raw = parse("CallSid=a&Status=busy&Legs%5B0%5D%5BStatus%5D=busy&x=1&x=2&x=2", FORM).raw
    assert raw["Legs[0][Status]"] == "busy"
    assert raw["x"] == ("1", "2", "2")


def test_raw_is_read_only_at_every_depth():
    """A value in ``raw`` can be set or deleted."""
    raw = parse({**PAGE, "a": {"b": {}}}).raw
    for mapping in (raw, raw["a"], raw["a"]["b"], raw["Legs"][0]):
        with pytest.raises(TypeError):
            mapping["x"] = 1
        with pytest.raises(TypeError):
            del mapping["x"]
        with pytest.raises(AttributeError):
            mapping.x = 1
    with pytest.raises(TypeError):
        raw["Legs"][0] = None


def test_later_changes_of_the_callers_mapping_do_not_reach_it():
    """A later change of the caller's mapping changes ``raw``, or parsing changes the mapping."""
    payload = copy.deepcopy(PAGE)
    callback = parse(payload, limits=Limits())  # These limits equal the default ones, but are another object.
    assert payload == PAGE
    payload["Status"] = "failed"
    payload["Legs"][0]["Status"] = "failed"
    assert callback.raw["Status"] == "completed"
    assert callback.raw["Legs"][0]["Status"] == "completed"


def test_the_repr_of_raw_shows_only_names():
    """The repr of ``raw`` shows a value, which may be personal."""
    raw = parse(PAGE).raw
    assert repr(raw).startswith("RawPayload('CallSid', 'DateUpdated',")
    assert repr(raw["Legs"][0]) == "RawPayload('OnCallDuration', 'Status')"
    assert "09876543210" not in f"{raw} {raw!r}"


@pytest.mark.parametrize(
    "name",
    [
        "09876543210",
        "+919876543210",
        "Legs[0][+919876543210]",
        '{"From":"x"}',
        "Asha Rao",
        "a@example.com",
        "",
        "a" * 101,
    ],
)
def test_the_repr_masks_a_name_that_looks_like_a_value(name):
    """A value that is in the place of a name, as after an unescaped ``&`` in a custom field, is in logs."""
    raw = parse({**PAGE, name: "1"}).raw
    assert repr(raw).endswith(", '***')")
    assert name in raw


@pytest.mark.parametrize("name", ["Price", "Legs[1][Insights][RingingDuration]", "Legs%5B0%5D", "x-y.z:1", "n_12345"])
def test_the_repr_shows_a_plain_name(name):
    """The repr masks a name that Exotel could add."""
    assert repr(parse({**PAGE, name: "1"}).raw).endswith(f", '{name}')")


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda raw: pickle.loads(pickle.dumps(raw))])
def test_raw_can_be_copied_and_pickled(clone):
    """``raw`` can't be copied or pickled with the stand-in of an upload."""
    raw = parse({**PAGE, "file": Upload(), "x": [1, {"y": 2}]}).raw
    assert clone(raw) == raw
    assert raw == dict(raw)
    assert raw != {**raw, "x": 1}


@pytest.mark.parametrize(
    "look",
    [
        lambda raw: raw["Legs"],
        lambda raw: raw.get("Legs"),
        lambda raw: dict(raw)["Legs"],
        lambda raw: dict(raw.items())["Legs"],
        lambda raw: list(raw.values())[-1],
        lambda raw: pickle.loads(pickle.dumps(raw))["Legs"],
        lambda raw: copy.deepcopy(raw)["Legs"],
    ],
)
def test_the_legs_in_raw_are_read_only(look):
    """One way to read the legs in ``raw`` returns mutable ones."""
    raw = parse(*encode_json(PAGE)).raw
    legs = look(raw)
    assert (type(legs), [type(leg) for leg in legs]) == (tuple, [type(raw)] * 2)
    assert [dict(leg) for leg in legs] == PAGE["Legs"]
    assert raw["Legs"] is raw["Legs"]
    assert raw.get("Leg", []) == []


def test_objects_under_a_repeated_name_are_read_only():
    """A list of objects stays mutable if its name is repeated in a multi-dict."""
    form = MultiDict([("CallSid", "a"), ("Status", "busy"), ("Legs", [{"Status": "busy"}]), ("Legs", "again")])
    legs, again = parse(form).raw["Legs"]
    assert (again, type(legs), type(legs[0])) == ("again", tuple, type(parse(PAGE).raw))


def test_other_objects_are_replaced_by_the_name_of_their_type():
    """``raw`` holds a mutable object, or one that can't be pickled."""
    raw = parse({**LEAST, "a": object(), "b": b"bytes", "c": {"d": {1}}, "e": Fraction(1, 2), "f": [Upload()]}).raw
    assert (raw["a"], raw["b"], raw["c"]["d"], raw["e"], raw["f"]) == (
        "object",
        "bytes",
        "set",
        "Fraction",
        ("Upload",),
    )


@pytest.mark.parametrize("name", ["123", "", "null", "busy", "2024-01-15 14:30:45"])
def test_the_name_of_a_type_is_not_a_value(name):
    """An object is read as the value that its type is named like."""
    value = type(name, (), {})()
    named = dict.fromkeys(("Status", "ConversationDuration", "EndTime", "To"), value)
    callback = parse({"CallSid": "a", "DateUpdated": "2024-01-15 14:30:45", **named})
    assert (callback.status, callback.conversation_duration, callback.end_time) == (CallStatus.UNKNOWN, None, None)
    assert [issue.path for issue in callback.issues] == ["Status", "EndTime", "To", "ConversationDuration"]


def test_instances_of_subclasses_become_plain():
    """An enum member isn't replaced by its value, or a decimal is changed."""

    class Word(StrEnum):
        BUSY = "busy"

    class Number(IntEnum):
        TWO = 2

    class Real(float):
        pass

    raw = parse({**LEAST, Word.BUSY: Word.BUSY, "n": Number.TWO, "r": Real(1.5), "d": Decimal("1.500")}).raw
    assert (raw["busy"], raw["n"], raw["r"], raw["d"]) == ("busy", 2, 1.5, Decimal("1.500"))
    assert [type(raw[name]) for name in ("busy", "n", "r", "d")] == [str, int, float, Decimal]
    assert all(type(name) is str for name in raw)


def test_a_decimal_that_signals_can_be_compared():
    """Comparing a payload with a signaling NaN raises."""
    leg = {"Leg": {"Id": 1, "x": Decimal("sNaN")}}
    callback = parse({**LEAST, "x": Decimal("sNaN"), "Legs": [leg, {"Leg": {"Id": 1, "x": Decimal(1)}}]})
    assert callback.raw["x"].is_qnan()
    assert [issue.path for issue in callback.issues] == ["Legs[0]"]


def test_an_upload_is_not_a_field():
    """An upload under a known name is read as a field, or is in ``extra``."""
    callback = parse({**LEAST, "RecordingUrl": Upload(), "Legs": Upload(), "x": Upload()})
    assert callback == parse(LEAST)
    assert callback.raw["x"] == "Upload"
    assert not callback.extra


@pytest.mark.parametrize("kind", [dict, UserDict, lambda pairs: pairs, iter, lambda pairs: dict(pairs).items()])
def test_mappings_and_pairs(kind):
    """A kind of mapping or of iterable of pairs is refused."""
    assert parse(kind(list(PAGE.items()))) == parse(PAGE)
    assert parse(kind([list(pair) for pair in PAGE.items()])) == parse(PAGE)


def test_values_of_a_mapping_in_lists():
    """A one-item list of `urllib.parse.parse_qs` isn't the value, or a longer one isn't a repeated name."""
    assert parse({name: [value] for name, value in LEAST.items()}) == parse(LEAST)
    callback = parse({**LEAST, "To": ["1", "2"], "From": []})
    assert (callback.to_number, callback.from_number) == ("1", None)
    assert [issue.path for issue in callback.issues] == ["To"]


def test_a_list_as_a_value_in_json_and_pairs():
    """A list under a scalar field in JSON or pairs is read as a repeated name."""
    for payload in (encode_json({**LEAST, "To": ["1"]})[0], [*LEAST.items(), ("To", ["1"])]):
        callback = parse(payload)
        assert callback.to_number is None
        assert [(issue.path, issue.code, issue.value) for issue in callback.issues] == [("To", "wrong-type", '["1"]')]


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("x"), RecursionError(), DecodeError("x")], ids=repr)
def test_a_mapping_that_raises_while_it_is_read(error):
    """The exception of a mapping escapes, or our error quotes it."""
    with pytest.raises(DecodeError) as caught:
        parse(Broken(error))
    assert caught.value.__cause__ is None
    if not isinstance(error, DecodeError):
        assert str(caught.value) == f"reading the Broken raised {type(error).__name__}"


@pytest.mark.parametrize("name", [None, b"CallSid", ("a",), 1.5, True])
def test_names_that_are_not_strings(name):
    """A name of bytes is accepted. The raw body should be passed instead."""
    with pytest.raises(DecodeError, match=f"{type(name).__name__}, not a string"):
        parse({name: "x"})


def test_a_list_in_a_list():
    """A list inside a list is read as repeated values."""
    assert type(parse({**LEAST, "x": [["a", "b"]]}).raw["x"][0]) is tuple


def depth_of(value):
    items = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth_of, items)) if isinstance(value, dict | list) else 0


def test_the_depth_of_a_value():
    """A mapping or pairs can be nested deeper than JSON, or less deep."""
    for deepen in (lambda value: {"x": value}, lambda value: [value], lambda value: {"x": [value]}):
        value = "y"
        for _ in range(20):
            value = deepen(value)
            for payload in ({**LEAST, "x": value}, [*LEAST.items(), ("x", value)]):
                if depth_of({"x": value}) > 16:
                    with pytest.raises(DecodeError, match=r"^the payload is nested deeper than 16 levels$"):
                        parse(payload)
                else:
                    assert parse(payload).extra


def test_a_users_raw_is_limited():
    """A ``raw`` that a user passes isn't limited by default. Each name, list and value counts."""
    StatusCallback(call_sid="a", status=CallStatus.BUSY, raw={"x": [0] * 65_534})
    with pytest.raises(DecodeError, match="more values"):
        StatusCallback(call_sid="a", status=CallStatus.BUSY, raw={"x": [0] * 65_535})


def test_a_mapping_holds_no_more_than_a_body_could():
    """A mapping that is endless, contains itself, or expands to many values fills the memory."""
    says = r"^the payload has more values than its maximum size allows$"
    with pytest.raises(DecodeError, match=says) as caught:
        parse(("a", "b") for _ in iter(int, 1))
    assert caught.value.status_hint == 413
    loop = {**LEAST}
    loop["loop"] = loop
    with pytest.raises(DecodeError, match="nested"):
        parse(loop)
    bomb = [0]
    for _ in range(10):
        bomb = [bomb] * 10
    with pytest.raises(DecodeError, match="more values"):
        parse({**LEAST, "bomb": bomb})
    # Each value and each name counts for the limit.
    assert parse({**LEAST, "x": [0] * 4}, limits=Limits(body_bytes=10)).status is CallStatus.COMPLETED
    with pytest.raises(DecodeError, match="more values"):
        parse({**LEAST, "x": [0] * 5}, limits=Limits(body_bytes=10))
    assert len(parse({**LEAST, "Legs": [{"a": 0}] * 2}, limits=Limits(body_bytes=12)).legs) == 2
    with pytest.raises(DecodeError, match="more values"):
        parse({**LEAST, "Legs": [{"a": 0}] * 2}, limits=Limits(body_bytes=11))
