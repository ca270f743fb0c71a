"""Test the readers of numbers, dates and strings: valid, empty and invalid values."""

import json
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exotel_callback import IST, IssueCode, parse
from helpers import LEAST, label

EMPTY_VALUES = [None, "", "  ", "null", "NULL", "Null", "None", "none", "undefined", " UNDEFINED "]
NOT_FINITE = ["NaN", "Infinity", "-Infinity"]


def read(wire, value, python, **options):
    callback = parse({**LEAST, wire: value}, **options)
    return getattr(callback, python), [(issue.code, issue.value) for issue in callback.issues]


def seconds(value):
    return read("ConversationDuration", value, "conversation_duration")


def date(value, **options):
    return read("StartTime", value, "start_time", **options)


def text(value):
    return read("CustomField", value, "custom_field")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (41, 41),
        ("41", 41),
        (" 41 ", 41),
        ("007", 7),
        (999_999_999, 999_999_999),
        ("999999999", 999_999_999),
        (12.0, 12),
        ("12.0", 12),
        ("12.000", 12),
        (Decimal("12.0"), 12),
        (0.0, 0),
    ],
)
def test_seconds(value, expected):
    """A valid number of seconds, as a number or a decimal string, is misread."""
    result, issues = seconds(value)
    assert (result, type(result), issues) == (expected, int, [])


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (-5, "-5"),
        ("-5", "-5"),
        (-0.0, "-0.0"),
        (12.5, "12.5"),
        ("12.5", "12.5"),
        ("12.", "12."),
        (".0", ".0"),
        ("+5", "+5"),
        ("1_000", "1_000"),
        ("1,000", "1,000"),
        ("1e3", "1e3"),
        (1e300, "1e+300"),
        ("0x1F", "0x1F"),
        ("\u0664\u0661", "\u0664\u0661"),
        ("\uff14\uff11", "\uff14\uff11"),
        (1_000_000_000, "1000000000"),
        ("0000000012", "0000000012"),
        (True, "true"),
        (False, "false"),
        *((number(name), name) for number in (float, Decimal) for name in NOT_FINITE),
        ("four", "four"),
        ("4 1", "4 1"),
        (10**5000, "int"),
    ],
    ids=lambda value: label(value) if not isinstance(value, int) or value < 10**10 else "huge",
)
def test_invalid_seconds(value, told):
    """An invalid number is accepted, such as a negative one or a boolean, or its issue lacks the value."""
    assert seconds(value) == (None, [(IssueCode.NOT_A_NUMBER, told)])


@pytest.mark.parametrize("value", EMPTY_VALUES, ids=label)
@pytest.mark.parametrize("read_as", [seconds, date, text], ids=["seconds", "date", "text"])
def test_empty_values(read_as, value):
    """Null, an empty string, or a string that means null isn't None, or leaves an issue."""
    assert read_as(value) == (None, [])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-01-15 14:30:45", datetime(2024, 1, 15, 14, 30, 45, tzinfo=IST)),
        ("2024-01-15T14:30:45", datetime(2024, 1, 15, 14, 30, 45, tzinfo=IST)),
        (" 2024-01-15 14:30:45 ", datetime(2024, 1, 15, 14, 30, 45, tzinfo=IST)),
        ("2024-01-15 14:30:45.5", datetime(2024, 1, 15, 14, 30, 45, 500_000, tzinfo=IST)),
        ("2024-01-15 14:30:45.123456789", datetime(2024, 1, 15, 14, 30, 45, 123_456, tzinfo=IST)),
        ("2024-01-15T09:05:00+05:30", datetime(2024, 1, 15, 9, 5, tzinfo=IST)),
        ("2024-01-15T09:05:00.25-0330", datetime(2024, 1, 15, 9, 5, 0, 250_000, timezone(-timedelta(hours=3.5)))),
        ("2024-01-15T09:05:00+08", datetime(2024, 1, 15, 9, 5, tzinfo=timezone(timedelta(hours=8)))),
        ("2024-01-15T09:05:00Z", datetime(2024, 1, 15, 9, 5, tzinfo=UTC)),
        ("2024-02-29 00:00:00", datetime(2024, 2, 29, tzinfo=IST)),
        ("Wed, 23 Feb 2022 12:31:59", datetime(2022, 2, 23, 12, 31, 59, tzinfo=IST)),
        ("Thu, 3 Mar 2022 01:02:03", datetime(2022, 3, 3, 1, 2, 3, tzinfo=IST)),
        ("Wed, 03 Mar 2022 01:02:03", datetime(2022, 3, 3, 1, 2, 3, tzinfo=IST)),
        ("1971-01-01 05:30:00", datetime(1971, 1, 1, 5, 30, tzinfo=IST)),
        ("1970-12-31T23:59:59.5-00:01", datetime(1970, 12, 31, 23, 59, 59, 500_000, timezone(-timedelta(minutes=1)))),
        ("Fri, 1 Jan 1971 05:30:00", datetime(1971, 1, 1, 5, 30, tzinfo=IST)),
        ("2024-01-15T09:05:00+23:59", datetime(2024, 1, 15, 9, 5, tzinfo=timezone(timedelta(hours=23, minutes=59)))),
    ],
)
def test_dates(value, expected):
    """A date without a zone isn't in Indian Standard Time, or one with an offset loses it."""
    result, issues = date(value)
    assert (result, issues) == (expected, [])
    assert result.utcoffset() == expected.utcoffset()


@pytest.mark.parametrize(
    "value",
    [
        "1970-01-01 05:30:00",
        "1970-01-01T05:30:00",
        "0000-00-00 00:00:00",
        "0000-00-00T00:00:00",
        "0001-01-01 00:00:00Z",
        "0001-01-01T00:00:00Z",
        "1970-01-01 00:00:00",
        "1970-01-01 05:30:00+05:30",
        "1970-01-01T00:00:00.000Z",
        "1969-12-31 19:00:00-0500",
        "0000-00-00 00:00:00.000",
        "0000-00-00T00:00:00+05:30",
        "0000-00-00T00:00:00Z",
        "0001-01-01 00:00:00",
        "0001-01-01T00:00:00+23:59",
        "1000-01-01 00:00:00",
        "1970-12-31T23:59:59Z",
        "1971-01-01T05:29:59+05:30",
        "Thu, 1 Jan 1970 05:30:00",
        "Thu, 01 Jan 1970 00:00:00",
        "Mon, 01 Jan 0001 00:00:00",
    ],
)
@pytest.mark.parametrize("zone", [IST, UTC, ZoneInfo("America/New_York")], ids=str)
def test_placeholders_of_dates(value, zone):
    """A placeholder is read as a date, or the zone changes that."""
    assert date(value, timezone=zone) == (None, [])


@pytest.mark.parametrize(
    "value",
    [
        "2024-01-15",
        "14:30:45",
        "2024-01-15 14:30",
        "2024-1-5 1:2:3",
        "15/01/2024 14:30:45",
        "2024-01-15 24:00:00",
        "2024-01-15 14:60:00",
        "2024-02-30 00:00:00",
        "2023-02-29 00:00:00",
        "2024-01-15 14:30:45 IST",
        "2024-01-15T09:05:00+25:00",
        "2024-01-15T09:05:00+24",
        "2024-01-15T09:05:00+05:60",
        "2024-01-15T09:05:00-0599",
        "1970-01-01T00:00:00+05:60",
        "2024-01-15 14:30:60",
        "0000-00-00",
        "0000-00-00 24:00:00",
        "0000-00-00T00:00:00+05:60",
        "0000-01-01 00:00:00",
        "1970-02-30 00:00:00",
        "2024-01-15T09:05:00 05:30",
        "2024-01-15\n14:30:45",
        "2024-01-15 14:30:45.",
        "2024-01-15 14:30:45,5",
        "20240115T143045Z",
        "2024-W03-1T09:05:00Z",
        "\u0662\u0660\u0662\u0664-01-15 14:30:45",
        "1705312245",
        1705312245,
        True,
        "Wed, 23 Feb 2022 12:31:59 +0530",
        "Wed, 31 Feb 2022 12:31:59",
        "Wed, 31 Feb 0022 12:31:59",
        "Sun, 00 Jan 2023 00:00:00",
        "Thu, 01 Jan 0000 00:00:00",
        "Wed, 23 feb 2022 12:31:59",
        "Wed, 23 Feb 2022 12:31:60",
        "23 Feb 2022 12:31:59",
        "tomorrow",
    ],
    ids=label,
)
def test_invalid_dates(value):
    """A date in another format, or of a day that doesn't exist, is accepted or leaves no issue."""
    result, issues = date(value)
    assert (result, [code for code, _ in issues]) == (None, [IssueCode.NOT_A_DATE])


@pytest.mark.parametrize(
    ("value", "zone", "offset"),
    [
        ("2024-07-01 12:00:00", ZoneInfo("America/New_York"), timedelta(hours=-4)),
        ("2024-12-01 12:00:00", ZoneInfo("America/New_York"), timedelta(hours=-5)),
        ("2024-11-03 01:30:00", ZoneInfo("America/New_York"), timedelta(hours=-4)),
        ("2024-07-01 12:00:00", UTC, timedelta()),
        ("Wed, 23 Feb 2022 12:31:59", ZoneInfo("Asia/Singapore"), timedelta(hours=8)),
    ],
    ids=label,
)
def test_dates_have_a_fixed_offset_whatever_the_zone(value, zone, offset):
    """A date holds the zone and not a fixed offset, so equal instants aren't equal values."""
    result, issues = date(value, timezone=zone)
    assert (type(result.tzinfo), result.utcoffset(), result.fold, issues) == (timezone, offset, 0, [])


class Eastern(tzinfo):
    """A zone as in the documentation of `datetime`: it gives no summer time for a date without the zone."""

    def utcoffset(self, when):
        return timedelta(hours=-5) + self.dst(when)

    def dst(self, when):
        return timedelta(hours=when.tzinfo is self and 3 < when.month < 11)


def test_a_zone_of_the_user():
    """A zone that a user wrote doesn't give summer time."""
    for month, hours in ((1, -5), (7, -4)):
        found, issues = date(f"2024-{month:02}-01 12:00:00", timezone=Eastern())
        assert (found.utcoffset(), issues) == (timedelta(hours=hours), [])


class Endless(tzinfo):
    """A zone that fails for some years."""

    def utcoffset(self, when):
        if when.year < 1990:
            raise OverflowError
        if 2050 < when.year < 2100:
            raise OSError  # Windows raises this for the dates of a zone that asks the system.
        return None if when.year > 2100 else timedelta(hours=1)


@pytest.mark.parametrize(
    "value", ["1980-01-01 00:00:00", "2060-01-01 00:00:00", "2200-01-01 00:00:00", "3000-01-01 00:00:00"]
)
def test_a_date_that_the_zone_does_not_reach_is_an_issue(value):
    """A zone that fails for a date makes the whole event invalid."""
    assert date(value, timezone=Endless()) == (None, [(IssueCode.NOT_A_DATE, value)])
    callback = parse({**LEAST, "EndTime": value}, timezone=Endless())
    assert (callback.end_time, [issue.path for issue in callback.issues]) == (None, ["EndTime"])


def test_a_placeholder_that_the_zone_does_not_reach():
    """A placeholder leaves an issue, because the zone fails for its year."""
    assert date("0001-01-01 00:00:00", timezone=Endless()) == (None, [])


NEAR_1971 = (datetime(1969, 12, 30), datetime(1971, 1, 3))  # noqa: DTZ001 - the strategy adds the offset
NEAR_THE_END = (datetime(9999, 12, 29), datetime(9999, 12, 31, 23, 59, 59))  # noqa: DTZ001 - the strategy adds the offset
OFFSETS = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def spellings_of(moment, divider, fraction):
    """Return a date without an offset in every spelling that has no offset, and then in those with its own one."""
    plain = moment.replace(tzinfo=None).isoformat(divider) + fraction
    minutes = moment.utcoffset() // timedelta(minutes=1)
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    without = [plain] if fraction else [plain, as_passthru(moment)]
    own = [plain + offset, plain + offset.replace(":", "")]
    return without, own + [f"{plain}Z"] * (minutes == 0) + [plain + offset[:3]] * offset.endswith("00")


def as_passthru(moment):
    day = "MonTueWedThuFriSatSun"[3 * moment.weekday() :][:3]
    month = "JanFebMarAprMayJunJulAugSepOctNovDec"[3 * moment.month - 3 :][:3]
    return f"{day}, {moment.day} {month} {moment.year:04} {moment:%H:%M:%S}"


@given(
    st.datetimes(timezones=OFFSETS)
    | st.datetimes(*NEAR_1971, timezones=OFFSETS)
    | st.datetimes(*NEAR_THE_END, timezones=OFFSETS),
    st.sampled_from(["T", " "]),
    st.sampled_from(["", ".0", ".000000", ".123456"]),
)
def test_the_first_and_the_last_date(moment, divider, fraction):
    """Some spelling of a date before 1971, of one that can't be converted to UTC, or of another one is misread."""
    moment = moment.replace(microsecond=0)
    without, own = spellings_of(moment, divider, fraction)
    instant = moment.replace(microsecond=int(fraction[1:] or 0))
    is_valid = instant <= datetime.max.replace(tzinfo=UTC)
    expected = instant if is_valid and instant >= datetime(1971, 1, 1, tzinfo=UTC) else None
    for value in without + own:
        issues = [] if is_valid else [(IssueCode.NOT_A_DATE, value)]
        zone = moment.tzinfo if value in without else IST
        assert date(value, timezone=zone) == (expected, issues), value


@pytest.mark.parametrize("value", ["9999-12-31T23:59:59-00:01", "9999-12-31 18:30:00-05:30"])
def test_a_date_after_the_last_one_in_json(value):
    """The quick lane returns a date that can't be converted to UTC."""
    callback = parse(json.dumps({"CallSid": "a", "Status": "busy", "EndTime": value}), "application/json")
    assert callback.end_time is None
    assert [(issue.path, issue.code) for issue in callback.issues] == [("EndTime", IssueCode.NOT_A_DATE)]


@given(st.datetimes(max_value=NEAR_THE_END[0]), st.integers(0, 99), st.integers(0, 99), st.sampled_from(["", ":"]))
def test_an_offset_that_does_not_exist(moment, hours, minutes, divider):
    """An offset of more than 23 hours or 59 minutes is read as another one."""
    value = f"{moment.replace(microsecond=0).isoformat()}+{hours:02}{divider}{minutes:02}"
    expected = [] if hours < 24 and minutes < 60 else [(IssueCode.NOT_A_DATE, value)]
    assert date(value)[1] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("order_12345", "order_12345"),
        ("  order  ", "order"),
        ('{"a": "b c"}', '{"a": "b c"}'),
        ("नमस्ते 📞", "नमस्ते 📞"),
        (12345, "12345"),
        (1.5, "1.5"),
        (1e22, "1e+22"),
        (Decimal("1.500"), "1.500"),
        ("nullable", "nullable"),
    ],
)
def test_strings(value, expected):
    """A string keeps the whitespace around it or loses other characters, or a number isn't a decimal string."""
    assert text(value) == (expected, [])


@pytest.mark.parametrize(
    ("value", "code", "told"),
    [
        ("a\0b", IssueCode.INVALID_STRING, "a\0b"),
        ("a\ud800b", IssueCode.INVALID_STRING, "a\ud800b"),
        (True, IssueCode.WRONG_TYPE, "true"),
        *((number(name), IssueCode.WRONG_TYPE, name) for number in (float, Decimal) for name in NOT_FINITE),
        (object(), IssueCode.WRONG_TYPE, "object"),
        ({"a": 1}, IssueCode.WRONG_TYPE, '{"a": 1}'),
        ({"a": [1, None, object()]}, IssueCode.WRONG_TYPE, '{"a": [1, null, "object"]}'),
        ({"a": Decimal(1)}, IssueCode.WRONG_TYPE, '{"a": "1"}'),
        *(({"a": number("nan")}, IssueCode.WRONG_TYPE, '{"a": NaN}') for number in (float, Decimal)),
        (b"bytes", IssueCode.WRONG_TYPE, "bytes"),
    ],
    ids=label,
)
def test_invalid_strings(value, code, told):
    """A string with NUL or a lone surrogate, a boolean, or an object is accepted, or its issue lacks the value."""
    assert text(value) == (None, [(code, told)])


@pytest.mark.parametrize("name", ["Status", "EventType", "Direction"])
def test_an_enum_value_that_is_not_a_string(name):
    """An enum field of the wrong type has another issue than a wrong type."""
    (issue,) = parse({**LEAST, name: True}).issues
    assert (issue.path, issue.code, issue.value) == (name, IssueCode.WRONG_TYPE, "true")


def test_the_value_of_an_issue_is_cut():
    """An issue holds more than 200 characters of a value."""
    _, [(_, told)] = seconds("x" * 1000)
    assert told == "x" * 200
