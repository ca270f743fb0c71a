"""Test callbacks in bulk: batches give the results of `parse` and `merge`, row by row and call by call."""

import json
import pickle
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from struct import pack
from zoneinfo import ZoneInfo

import attrs
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exotel_callback import (
    CallbackError,
    CallStatus,
    Issue,
    IssueCode,
    Leg,
    Limits,
    StatusCallback,
    merge,
    parse,
    strategies,
)
from exotel_callback import arrow as ours
from exotel_callback.arrow import CALL_SCHEMA, SCHEMA, call_table, parse_batches, rows_of
from helpers import ENCODERS, FORM, JSON, LEAST, PAGE

BODIES = strategies.json_bodies() | strategies.form_bodies() | strategies.multipart_bodies()
# A whole table takes longer to draw than a single value.
TABLES = settings(max_examples=max(10, settings.default.max_examples // 5))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

KEPT = [field.name for field in attrs.fields(StatusCallback) if field.name != "raw"]


def archive(rows):
    """Return a batch of bodies and their content types."""
    bodies, types = zip(*rows, strict=True) if rows else ((), ())
    return pa.record_batch({"body": pa.array(bodies, pa.binary()), "type": pa.array(types, pa.string())})


def table_of(*batches, **options):
    """Parse batches with a column of content types."""
    return pa.Table.from_batches(parse_batches(batches, content_type="type", **options), SCHEMA)


def public(cls):
    return [field.name for field in attrs.fields(cls) if not field.name.startswith("_")]


def stored(value):
    """Return a value as Arrow stores it, computed in another way."""
    if isinstance(value, datetime):
        return (value - EPOCH) // timedelta(microseconds=1)
    if isinstance(value, tuple):
        return [{name: stored(getattr(item, name)) for name in public(type(item))} for item in value]
    return str(value) if isinstance(value, str) else value


def expected(event):
    """Return the expected row of an event or a call, without the columns that only one of them has."""
    names = [*KEPT, "outcome", "unreached_leg", "is_settled"]
    return {name: stored(getattr(event, name)) for name in names}


@TABLES
@given(BODIES, BODIES)
def test_rows_are_what_parse_returns(first, second):
    """A row isn't the callback that `parse` returns, or is at another index."""
    bodies = [first, second]
    table = table_of(archive(bodies))
    table.validate(full=True)
    callbacks = [parse(*body) for body in bodies]
    rows = [*rows_of(table)]
    nothing = dict.fromkeys(["error", "body", "received_at", "source", "line"])
    assert [row | {"extra": None} for row in rows] == [
        expected(callback) | nothing | {"extra": None, "event_key": callback.event_key} for callback in callbacks
    ]
    assert [json.loads(row["extra"] or "{}") for row in rows] == [
        json.loads(json.dumps(dict(callback.extra), default=dict)) for callback in callbacks
    ]


@TABLES
@given(strategies.damaged_bodies())
def test_an_invalid_body_is_a_row(body):
    """An invalid body raises, or its row lacks the error, the issues or the body."""
    with pytest.raises(CallbackError) as caught:
        parse(*body)
    (row,) = rows_of(table_of(archive([body])))
    assert row.pop("issues") == stored(caught.value.issues)
    assert row.pop("body") == body[0]
    error = {"type": caught.type.__name__, "message": str(caught.value), "status_hint": caught.value.status_hint}
    assert row.pop("error") == error
    assert set(row.values()) == {None}


@TABLES
@given(st.lists(strategies.deliveries(), max_size=3), st.randoms())
def test_calls_are_what_merge_returns(calls, random):
    """A call isn't the one that `merge` returns, or depends on the order or the batches."""
    deliveries = [(delivery.body, delivery.content_type) for call in calls for delivery in call]
    callbacks = [parse(*delivery) for delivery in deliveries]
    random.shuffle(deliveries)
    batches = [archive([delivery]) for delivery in deliveries]
    table = call_table(table_of(*batches))
    assert table.schema == CALL_SCHEMA
    by_sid = {}
    for callback in callbacks:
        by_sid.setdefault(callback.call_sid, []).append(callback)
    merged = [merge(*by_sid[sid]) for sid in sorted(by_sid)]
    assert [*rows_of(table)] == [
        expected(call) | {"events": [event.event_key for event in call.events]} for call in merged
    ]


def test_events_that_differ_after_200_characters_are_two():
    """A table cuts values at 200 characters, and two events become one when they are merged."""
    bodies = [({"CallSid": "a", "Status": "x" * 200 + end}, "application/json") for end in "ab"]
    table = call_table(table_of(archive([(json.dumps(body).encode(), kind) for body, kind in bodies])))
    assert sorted(table["events"].to_pylist()[0]) == sorted(parse(body).event_key for body, _ in bodies)


def test_schema():
    """A column was added, removed, renamed or changed, which breaks users' tables."""
    leg = "struct<on_call_duration: int64, status: string, answered_by: string>"
    issue = "struct<path: string, code: string, message: string, value: string>"
    kinds = {
        datetime | None: "timestamp[us, tz=UTC]",
        int | None: "int64",
        tuple[Leg, ...]: f"list<item: {leg}>",
        tuple[Issue, ...]: f"list<item: {issue}>",
    }
    fields = {field.name: kinds.get(field.type, "string") for field in attrs.fields(StatusCallback)}
    del fields["raw"]
    later = {"duration": fields.pop("duration"), "is_settled": "bool"}  # They are newer than 1.0.0.
    origins = {"received_at": "timestamp[us, tz=UTC]", "source": "string", "line": "int64"}
    both = {**fields, "outcome": "string", "unreached_leg": "int64"}
    error = "struct<type: string, message: string, status_hint: int64>"
    events = {**both, "event_key": "string", "extra": "string", "error": error, "body": "binary", **later, **origins}
    assert [(field.name, str(field.type)) for field in SCHEMA] == [*events.items()]
    calls = {**both, "events": "list<item: string>", **later}
    assert [(field.name, str(field.type)) for field in CALL_SCHEMA] == [*calls.items()]


@pytest.mark.parametrize("name", ENCODERS)
def test_no_content_types(name):
    """Without content types, a type or a boundary is guessed wrongly, from bytes or a string."""
    body, _ = ENCODERS[name](PAGE)
    for kind in (pa.binary(), pa.string(), pa.large_binary(), pa.large_string(), pa.binary_view(), pa.string_view()):
        is_text = kind in {pa.string(), pa.large_string(), pa.string_view()}
        batch = pa.record_batch({"body": pa.array([body.decode() if is_text else body], kind)})
        (row,) = rows_of(next(parse_batches(batch)))
        assert row["event_key"] == parse(PAGE).event_key, kind


def test_bodies_in_other_columns():
    """Bodies in a dictionary column, in structs, null bodies, or bodies of a wrong type are misread."""
    encoded = pa.array([b"CallSid=a&Status=busy"] * 2).dictionary_encode()
    (batch,) = parse_batches(pa.record_batch({"body": encoded}))
    assert batch["call_sid"].to_pylist() == ["a", "a"]
    (batch,) = parse_batches(pa.record_batch({"body": [{"CallSid": "a", "Status": "busy"}, None]}))
    assert batch["status"].to_pylist() == ["busy", None]
    assert batch["error"].to_pylist()[1]["message"] == "the body is null"
    assert batch["body"].to_pylist() == [None, None]
    (batch,) = parse_batches(pa.record_batch({"body": [1.5]}))
    assert batch["body"].to_pylist() == [b"1.5"]
    assert batch["error"][0]["type"].as_py() == "DecodeError"
    (batch,) = parse_batches(pa.record_batch({"body": pa.array([1, None], pa.date32())}))
    assert [error["message"] for error in batch["error"].to_pylist()] == [
        "the body must be a string, bytes, a struct or a list, not date",
        "the body is null",
    ]


def test_decoded_bodies_that_json_can_not_hold():
    """A decoded body with a date raises, or its row has no readable body."""
    (batch,) = parse_batches(pa.record_batch({"body": [{"CallSid": EPOCH}]}))
    assert batch["error"].to_pylist()[0]["status_hint"] == 422
    assert batch["body"].to_pylist() == [b'{"CallSid": "1970-01-01 00:00:00+00:00"}']


def test_content_types_of_some_rows():
    """The type of a row with a null content type isn't guessed."""
    batch = pa.record_batch({"body": [b'{"CallSid": "a", "Status": "busy"}'] * 3, "type": [None, JSON, FORM]})
    assert table_of(batch)["status"].to_pylist() == ["busy", "busy", None]


def test_options():
    """An option of `parse` is ignored."""
    batch = archive([ENCODERS["json"](PAGE)])
    (row,) = table_of(batch, timezone=UTC).to_pylist()
    assert row["date_updated"] == datetime(2024, 1, 15, 14, 30, 45, tzinfo=UTC)
    (row,) = table_of(batch, limits=Limits(body_bytes=10)).to_pylist()
    assert row["error"]["status_hint"] == 413


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"body": "Body"}, ValueError),
        ({"content_type": "Type"}, ValueError),
        ({"timezone": ZoneInfo}, TypeError),
        ({"limits": 5}, TypeError),
    ],
)
def test_misuse(options, error):
    """A misused argument becomes an invalid row and doesn't raise."""
    with pytest.raises(error):
        list(parse_batches(archive([(b"", "")]), **options))
    with pytest.raises(ValueError, match="exactly one column 'call_sid', found"):
        call_table(pa.table({"body": [b""]}))
    two = pa.record_batch([pa.array([b""])] * 2, names=["body", "body"])
    with pytest.raises(ValueError, match="exactly one column 'body'"):
        list(parse_batches(two))


def test_options_are_checked_at_once():
    """An invalid option raises only with the first batch."""
    with pytest.raises(TypeError):
        parse_batches([], limits=5)


def test_streaming():
    """More than one batch is read before its result is returned, from a reader, a table or batches."""
    asked = []

    def batches():
        for number in range(3):
            asked.append(number)
            yield archive([(b"CallSid=a&Status=busy", FORM)] * number)

    results = parse_batches(batches(), content_type="type")
    assert not asked
    assert next(results).num_rows == 0
    assert asked == [0]
    assert [batch.num_rows for batch in results] == [1, 2]
    table = pa.Table.from_batches(batches())
    for bodies in (table, table.to_reader()):
        assert [batch.num_rows for batch in parse_batches(bodies, content_type="type")] == [0, 1, 2]


def test_pickle():
    """An engine can't send the function to its workers."""
    function = pickle.loads(pickle.dumps(partial(parse_batches, content_type="type")))
    (batch,) = function([archive([(b"CallSid=a&Status=busy", FORM)])])
    assert batch["outcome"].to_pylist() == ["busy"]
    assert pickle.loads(pickle.dumps(call_table)) is call_table


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:01+05:30",
        "0001-01-01T00:00:01.5+05:30",
        "0001-01-01T00:00:01-05:30",
        "9999-12-31T23:59:59.999999-05:30",
        "1969-12-31T23:00:00Z",
    ],
)
def test_dates_at_the_edges(text):
    """A date whose instant no `datetime` in UTC can hold is lost."""
    callback = StatusCallback(call_sid="a", status=CallStatus.BUSY, date_updated=datetime.fromisoformat(text))
    origins = ours.origins_of([None], pa.nulls(1, pa.string()), pa.nulls(1, pa.int64()))
    (batch,) = ours.results([callback], lambda event: event, lambda _: None, origins)
    (row,) = rows_of(batch)
    assert ours.date_of(row["date_updated"]) == callback.date_updated
    (call,) = rows_of(call_table(batch))
    assert call["date_updated"] == row["date_updated"]
    assert call["events"] == [callback.event_key]


@given(st.text(st.characters() | st.characters(categories=["Cs"]) | st.sampled_from("\\ud80c5")))
def test_values_of_issues(text):
    """The value of an issue changes in the table, for example a lone surrogate."""
    assert ours.unescaped(ours.escaped(text)) == text
    ours.escaped(text).encode()


def test_values_that_arrow_can_not_hold():
    """A call that is merged from a table has another key for an event with a lone surrogate."""
    body = json.dumps({**LEAST, "Direction": "\ud800 \\ud800"})
    (batch,) = parse_batches(pa.record_batch({"body": [body]}))
    callback = parse(body)
    assert [issue.value for issue in callback.issues] == ["\ud800 \\ud800"]
    assert batch["issues"].to_pylist()[0][0]["value"] == "\\ud800 \\u005cud800"
    ((key, event),) = ours.keyed_events(pa.Table.from_batches([batch]))
    assert (key, event) == (callback.event_key, callback)
    assert event.event_key == key


def test_a_table_of_1_0_0():
    """A table of 1.0.0, which has other names for issues and for a leg that was not attempted, doesn't load."""
    body = {**LEAST, "Direction": "sideways", "To": "\0", "Legs": [{"Status": "completed"}, {"Status": None}]}
    table = pa.Table.from_batches(parse_batches(pa.table({"body": [json.dumps(body)]})))
    rows = table.to_pylist()
    codes = {"unknown-value": "unknown-word", "invalid-string": "not-text"}
    for row in rows:
        row["issues"] = [{**issue, "code": codes[issue["code"]], "text": issue["value"]} for issue in row["issues"]]
        row["legs"][1]["status"] = "null"
    issue = pa.struct([(name, pa.string()) for name in ("path", "code", "message", "text")])
    kinds = {"issues": pa.list_(issue)}
    former = pa.schema([(field.name, kinds.get(field.name, field.type)) for field in table.schema])
    assert call_table(pa.Table.from_pylist(rows, former)) == call_table(table)


def test_extra():
    """``extra`` isn't valid JSON, for example for NaN."""
    extra = {"Price": "1.5", "Deep": [{"a": None}], "Large": float("inf"), "\ud800": 1}
    (batch,) = parse_batches(pa.record_batch({"body": [json.dumps({**LEAST, **extra}).replace("Infinity", "1e999")]}))
    text = batch["extra"].to_pylist()[0]
    assert json.loads(text, parse_constant=pytest.fail) == extra | {"Large": "inf"}


def test_no_extra():
    """An empty ``extra`` isn't null."""
    (batch,) = parse_batches(pa.record_batch({"body": [json.dumps(LEAST)]}))
    assert batch["extra"].to_pylist() == [None]


def test_rows_of_a_long_table():
    """A row of a long table is lost or repeated."""
    assert [row["number"] for row in rows_of(pa.table({"number": range(2_002)}))] == [*range(2_002)]


def test_tables_of_other_engines():
    """A table of another engine can't be read, with other types, more columns, another zone or another order."""
    (batch,) = parse_batches(pa.record_batch({"body": [json.dumps(PAGE), "", json.dumps({**PAGE, "CallSid": "0"})]}))
    table = pa.Table.from_batches([batch])
    wanted = call_table(table)
    assert wanted["call_sid"].to_pylist() == ["0", PAGE["CallSid"]]
    legs = SCHEMA.field("legs").type
    text = {pa.string(): pa.large_string()}
    leg = pa.struct([(field.name, text.get(field.type, field.type)) for field in legs.value_type])
    other = {
        pa.string(): pa.string_view(),
        pa.timestamp("us", "UTC"): pa.timestamp("us", "Asia/Kolkata"),
        legs: pa.large_list(leg),
    }
    schema = pa.schema([pa.field(field.name, other.get(field.type, field.type)) for field in SCHEMA])
    theirs = table.cast(schema).append_column("agent", pa.array([1, 2, 3]))
    assert call_table(theirs.select(theirs.column_names[::-1])) == wanted
    assert call_table(theirs.to_batches()[0]) == wanted
    assert call_table(reversed(theirs.to_batches(max_chunksize=1))) == wanted


def test_the_duration_in_tables():
    """The duration is lost in a table, or a table of 1.0.0, which has no such column, can't be read."""
    (batch,) = parse_batches(pa.record_batch({"body": [json.dumps({**LEAST, "Duration": "60"}), ""]}))
    assert batch["duration"].to_pylist() == [60, None]
    calls = call_table(batch)
    assert calls["duration"].to_pylist() == [60]
    older = call_table(batch.drop_columns(["duration"]))
    assert older["duration"].to_pylist() == [None]
    assert older.drop_columns(["duration"]) == calls.drop_columns(["duration"])


def test_no_events():
    """No events don't give an empty table."""
    assert call_table([]).to_pylist() == []
    assert call_table(SCHEMA.empty_table()).schema == CALL_SCHEMA


def unchecked_text(*values):
    """Return strings of any bytes, as other engines accept them."""
    return pa.Array.from_buffers(pa.string(), len(values), pa.array(values, pa.binary()).buffers())


def test_strings_that_are_not_utf8():
    """A string that isn't UTF-8 raises, or affects other rows."""
    texts = unchecked_text(b"CallSid=a&Status=busy", b"CallSid=\xff&Status=busy", None)
    (batch,) = parse_batches(pa.record_batch({"body": texts}))
    assert batch["call_sid"].to_pylist() == ["a", None, None]
    assert [error and error["message"] for error in batch["error"].to_pylist()] == [
        None,
        "the body is not valid utf-8",
        "the body is null",
    ]
    assert batch["body"].to_pylist() == [None, b"CallSid=\xff&Status=busy", None]


@pytest.mark.parametrize(
    "body",
    [
        pa.array([{"CallSid": 2**60}], pa.struct([("CallSid", pa.timestamp("s"))])),
        pa.array([2**31 - 1], pa.date32()),
    ],
)
def test_values_that_python_can_not_hold(body):
    """A value that Python can't hold raises and isn't an error of its row."""
    (row,) = next(parse_batches(pa.record_batch({"body": body}))).to_pylist()
    assert (row["error"]["message"], row["body"]) == ("Python cannot represent the body", None)


@pytest.mark.parametrize(
    ("types", "message"),
    [
        (pa.array([JSON.encode()]), None),
        (pa.array([5]), "the content type is not a string"),
        (unchecked_text(b"\xff"), f"unsupported content type; expected one of {JSON}, {FORM}, multipart/form-data"),
    ],
)
def test_content_types_in_other_columns(types, message):
    """A binary content type isn't read as a header, or another type isn't an error of its row."""
    batch = pa.record_batch({"body": [json.dumps(LEAST)], "type": types})
    (row,) = next(parse_batches(batch, content_type="type")).to_pylist()
    assert (row["error"] and row["error"]["message"]) == message


def test_invalid_events():
    """A column of another type, or an event without a status or a key, doesn't raise `ValueError`."""
    (batch,) = parse_batches(pa.record_batch({"body": [json.dumps(LEAST)]}))
    table = pa.Table.from_batches([batch])
    place = SCHEMA.get_field_index("status")
    with pytest.raises(ValueError, match=r"^a column has an unexpected type: "):
        call_table(table.set_column(place, "status", [[["busy"]]]))
    for name in ("status", "event_key"):
        place = SCHEMA.get_field_index(name)
        with pytest.raises(ValueError, match=rf"^an event has no {name}$"):
            call_table(table.set_column(place, name, pa.array([None], pa.string())))


def test_values_of_a_newer_version():
    """An enum value of a newer version is accepted, although its meaning is unknown."""
    (batch,) = parse_batches(pa.record_batch({"body": [json.dumps(LEAST)]}))
    column = SCHEMA.get_field_index("status")
    newer = pa.Table.from_batches([batch]).set_column(column, "status", [["exploded"]])
    with pytest.raises(ValueError, match=r"^exploded isn't a member of CallStatus; "):
        call_table(newer)


@pytest.mark.parametrize("name", ["status", "conversation_duration", "date_updated", "legs", "issues"])
def test_an_error_about_a_column_quotes_no_number(name):
    """A log has the number of a caller, because a column of numbers was passed as another one."""
    (batch,) = parse_batches(pa.record_batch({"body": [json.dumps(LEAST)]}))
    table = pa.Table.from_batches([batch])
    with pytest.raises(
        ValueError, match=rf"^a column has an unexpected type: cannot cast '{name}'|^\*\*\* isn't a"
    ) as caught:
        call_table(table.set_column(SCHEMA.get_field_index(name), name, [["+919876543210"]]))
    assert "987" not in str(caught.value)
    assert caught.value.__context__ is None


def test_issues_are_equal_after_a_table():
    """An issue isn't equal, or lacks its message, after a table."""
    body = json.dumps({**LEAST, "ConversationDuration": "soon"})
    (batch,) = parse_batches(pa.record_batch({"body": [body]}))
    issue = next(ours.keyed_events(pa.Table.from_batches([batch])))[1].issues[0]
    assert issue == Issue.at("ConversationDuration", IssueCode.NOT_A_NUMBER, "soon")
    assert issue.message == "not a valid number of seconds @ ConversationDuration"


def test_without_pyarrow():
    """The error without pyarrow doesn't say what to install."""
    code = "import sys; sys.modules['pyarrow'] = None\nimport exotel_callback.arrow"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.endswith(
        "ImportError: the bulk functions need the extra 'arrow'; run pip install 'exotel-callback[arrow]'\n"
    )


def test_a_bug_is_not_an_invalid_row(monkeypatch):
    """A bug of the library becomes an invalid row and doesn't raise."""
    monkeypatch.setattr(ours, "parse", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(parse_batches(pa.record_batch({"body": [b""]})))


FLOATS = (1.5, float("nan"), float("inf"))


def columns_of_any_type():
    """Draw columns of one row. The value has any type of Arrow, and is a value that Python can read or can't."""
    numbers = st.sampled_from([None, 0, 1, -1, 255, 2**31 - 1, 2**60])
    integers = [
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.date32(), pa.date64(), pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
        *(pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in (None, "UTC", "Asia/Kolkata")),
        *(pa.duration(unit) for unit in ("s", "ms", "us", "ns")),
    ]
    texts = [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view()]
    others = [
        pa.array([None]),
        pa.array([True]),
        *(pa.array([number]) for number in FLOATS),
        # Old versions of Arrow make a half float only of one of NumPy's.
        *(pa.Array.from_buffers(pa.float16(), 1, [None, pa.py_buffer(pack("<e", number))]) for number in FLOATS),
        *(pa.array([Decimal("1.5")], kind(5, 2)) for kind in (pa.decimal128, pa.decimal256)),
        pa.array([b"abc"], pa.binary(3)),
        pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
        pa.array([[("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int64())),
        pa.array([date(2026, 1, 1)]),
        pa.array([time(9)]),
        pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1]), pa.array(["a"])]),
        pc.run_end_encode(pa.array(["a"])),
    ]
    plain = st.one_of(
        st.builds(integer_column, numbers, st.sampled_from(integers)),
        st.builds(
            lambda text, kind: pa.array([text], kind), st.sampled_from(["", "a=1", "\0", "é"]), st.sampled_from(texts)
        ),
        st.just(unchecked_text(b"\xff")),
        st.sampled_from(others),
    )
    return st.recursive(
        plain,
        lambda inner: st.one_of(
            st.builds(lambda item: pa.StructArray.from_arrays([item, item], ["CallSid", "a"]), inner),
            st.builds(lambda item: pa.ListArray.from_arrays([0, 1], item), inner),
            st.builds(lambda item: pa.LargeListArray.from_arrays([0, 1], item), inner),
            st.builds(lambda item: pa.FixedSizeListArray.from_arrays(item, 1), inner),
            st.builds(lambda item: pa.DictionaryArray.from_arrays(pa.array([0]), item), inner),
        ),
        max_leaves=4,
    )


def integer_column(number, kind):
    """Return a column whose value has the bits of a number, even if that isn't a valid value of its type."""
    bits = kind.bit_width
    number = None if number is None else (number + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)
    return pa.array([number], getattr(pa, f"int{bits}")()).view(kind)


@given(columns_of_any_type(), st.booleans())
def test_no_row_fails(column, is_whole):
    """A value of some type raises, gives an invalid row, or can't be merged."""
    if not is_whole:
        known = [pa.array(["a"]), pa.array(["busy"])]
        column = pa.StructArray.from_arrays([*known, column], ["CallSid", "Status", "Price"])
    batch = pa.RecordBatch.from_arrays([column, column], names=["body", "type"])
    (parsed,) = parse_batches(batch, content_type="type" if is_whole else None, received_at="type")
    parsed.validate(full=True)
    (row,) = rows_of(parsed)
    assert is_whole or row["error"] is None or row["error"]["message"] == "Python cannot represent the body"
    assert isinstance(json.loads(row["extra"] or "{}"), dict)
    assert call_table(parsed).num_rows == (row["error"] is None)


def test_a_decimal():
    """A decimal in a struct, as DuckDB writes one, raises."""
    body = {"CallSid": "a", "Status": "busy", "Price": Decimal("1.50"), "Deep": {"a": [Decimal(2)]}}
    (row,) = next(parse_batches(pa.record_batch({"body": [body]}))).to_pylist()
    assert json.loads(row["extra"]) == {"Price": "1.50", "Deep": {"a": ["2"]}}


def test_a_column_of_more_than_2_gib(monkeypatch):
    """A column that is too large for one array raises, or a row is lost or at another index."""
    flat = ours._flat

    def small(values, kind):
        if kind == pa.binary() and sum(value is not None for value in values) > 2:
            raise ours._TooLargeError
        return flat(values, kind)

    monkeypatch.setattr(ours, "_flat", small)
    bodies = [b"CallSid=a&Status=busy", b"b", b"c", b"d", b"e"]
    batches = list(parse_batches(pa.record_batch({"body": bodies, "at": range(5)}), line="at"))
    assert len(batches) > 1
    table = pa.Table.from_batches(batches)
    assert table["body"].to_pylist() == [None, b"b", b"c", b"d", b"e"]
    assert table["line"].to_pylist() == [0, 1, 2, 3, 4]


def test_an_array_in_chunks(monkeypatch):
    """A column that Arrow splits, because it is too large, isn't recognized."""
    monkeypatch.setattr(ours.pa, "array", lambda _, kind: pa.chunked_array([[1], [2]], kind))
    with pytest.raises(ours._TooLargeError):
        ours._flat([1, 2], pa.int64())


def test_a_body_that_arrow_can_not_hold(monkeypatch):
    """A body of more than 2 GiB raises."""
    monkeypatch.setattr(ours, "_MAX_VALUE_BYTES", 3)
    (batch,) = parse_batches(pa.record_batch({"body": [b"abc", b"abcd"]}))
    assert batch["body"].to_pylist() == [b"abc", None]
    assert batch["error"].null_count == 0


RECEIVED = EPOCH + timedelta(days=20_000, microseconds=5)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (
            pa.array(["2024-10-04T00:00:00.000005", "2024-10-04T05:30:00.000005+05:30", "soon"]),
            [RECEIVED, RECEIVED, None],
        ),
        (pa.array([1_728_000_000, None, 2**62]), [RECEIVED.replace(microsecond=0), None, None]),
        (pa.array([1_728_000_000.000005, float("nan"), float("inf")]), [RECEIVED, None, None]),
        (pa.array([RECEIVED, None, None]), [RECEIVED, None, None]),
        (pa.array([RECEIVED.replace(tzinfo=None), None, None]), [RECEIVED, None, None]),
        (pa.array([1_728_000_000_000_005_001, None, 0]).cast(pa.timestamp("ns")), [RECEIVED, None, EPOCH]),
        (pa.array([True, False, None]), [None, None, None]),
        (pa.array([{"a": 1}, None, None]), [None, None, None]),
    ],
)
def test_where_events_come_from(column, expected):
    """The columns of the archive are lost, or a time isn't read."""
    columns = {"body": ["CallSid=a&Status=busy", "", "CallSid=b&Status=busy"], "at": column}
    places = {"name": pa.array(["x", None, "y"]).dictionary_encode(), "row": pa.array([1, 2, None], pa.int16())}
    batch = pa.record_batch(columns | places)
    (parsed,) = parse_batches(batch, received_at="at", source="name", line="row")
    assert parsed["received_at"].to_pylist() == expected
    assert parsed["source"].to_pylist() == ["x", None, "y"]
    assert parsed["line"].to_pylist() == [1, 2, None]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1970-01-01T00:00:10Z", 10),
        ("1970-01-01T05:30:10+05:30", 10),
        ("1970-01-01 00:00:10.5", 10.5),
        (10, 10),
        (10.25, 10.25),
        ("10", None),
        ("yesterday", None),
        (True, None),
        (10**400, None),
        (1e30, None),
        (None, None),
        ([], None),
    ],
)
def test_the_dates_of_receipt(value, seconds):
    """A date of receipt is misread, or one that isn't a date raises."""
    found = ours.origins_of([value], None, None)["received_at"]
    assert found.cast(pa.int64()).to_pylist() == [None if seconds is None else seconds * 1_000_000]


def test_places_of_another_type():
    """A column of lines that aren't integers doesn't raise `ValueError`."""
    batch = pa.record_batch({"body": [""], "row": ["first"]})
    message = r"^a column has an unexpected type: cannot cast 'row' from string to int64$"
    with pytest.raises(ValueError, match=message) as caught:
        next(parse_batches(batch, line="row"))
    assert caught.value.__context__ is None


def test_calls_of_many_events(monkeypatch):
    """A call whose events are in several batches is split, or a call is lost."""
    monkeypatch.setattr(ours, "_BATCH_ROWS", 2)
    bodies = [f"CallSid={sid}&Status={status}" for sid in "cab" for status in ("ringing", "in-progress", "busy")]
    table = call_table(parse_batches(pa.table({"body": bodies})))
    assert table["call_sid"].to_pylist() == ["a", "b", "c"]
    assert table["status"].to_pylist() == ["busy"] * 3
    assert [len(keys) for keys in table["events"].to_pylist()] == [3] * 3


def test_local_times():
    """A local time isn't that of the zone, or an instant that the zone's calendar lacks raises."""
    dates = [RECEIVED, None, datetime.fromisoformat("0001-01-01T00:00:01+05:30")]
    table = pa.table({"at": pa.array(dates, ours.TIMESTAMP), "other": [1, 2, 3]})
    local = ours.add_local_times(table, ZoneInfo("Asia/Kolkata"))
    assert local.schema == ours.with_local_times(table.schema)
    assert local.column_names == ["at", "other", "at_local"]
    assert local["at_local"].to_pylist()[:2] == [datetime(2024, 10, 4, 5, 30, 0, 5), None]  # noqa: DTZ001 - a local time
    assert ours.add_local_times(table, UTC)["at_local"].to_pylist()[2] is None
