"""The laws: what holds for every payload, whatever it is."""

import copy
import locale
import os
import pickle
import time
from datetime import timedelta, timezone
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exotel_callback import (
    IST,
    CallbackError,
    CallStatus,
    StatusCallback,
    dump,
    load,
    parse,
    parse_call_details,
    parse_call_list,
    parse_passthru,
    strategies,
)
from helpers import ENCODERS, JSON
from payloads import hostile_payloads

READERS = [parse, parse_call_details, parse_call_list, parse_passthru]


def outcome(payload, content_type=None, read=parse, **options):
    """Return the callback, or what is known of the error; any other exception escapes."""
    try:
        return read(payload, content_type, **options)
    except CallbackError as error:
        return type(error), str(error), error.status_hint, error.issues


@given(hostile_payloads(), st.booleans())
@example((b"[" * 65_000, JSON), False)
@example((b'{"a":' * 13_000, JSON), False)
@pytest.mark.parametrize("read", READERS)
def test_only_our_errors_escape(read, hostile, strict):
    """Every payload parses or raises a `CallbackError`; the same one does the same again."""
    assert outcome(*hostile, read=read, strict=strict) == outcome(*hostile, read=read, strict=strict)


@given(st.binary(max_size=300), st.none() | st.text(max_size=80))
def test_only_our_errors_escape_for_random_bytes(body, content_type):
    """Whatever the header says."""
    for read in READERS:
        outcome(body, content_type, read)


@given(strategies.payloads())
def test_encodings_agree(payload):
    """The same event is an equal callback from JSON, urlencoded, multipart and a mapping."""
    callback = parse(payload)
    for encode in ENCODERS.values():
        assert parse(*encode(payload)) == callback


@given(strategies.payloads(allow_issues=False))
def test_what_is_documented_has_no_issues(payload):
    """So strict mode takes it."""
    assert parse(payload, strict=True).issues == ()


@given(strategies.payloads(), st.sampled_from(["free", "to_leg_unanswered", "completed-no-answer", "unknown"]))
def test_unknown_words_keep_their_original(payload, word):
    """In ``raw`` and in the issue."""
    callback = parse(payload | {"Status": word})
    assert callback.status is CallStatus.UNKNOWN
    assert [issue.value for issue in callback.issues if issue.path == "Status"] == [word]
    assert callback.raw["Status"] == word


@given(hostile_payloads())
def test_load_undoes_dump(hostile):
    """For every callback that can come out of the parser."""
    callback = outcome(*hostile)
    if isinstance(callback, StatusCallback):
        assert load(dump(callback)) == callback


@given(hostile_payloads())
def test_inputs_are_not_changed(hostile):
    """Neither by parsing, nor through the result."""
    payload, content_type = hostile
    before = pickle.dumps(payload)
    for read in READERS:
        outcome(payload, content_type, read)
    assert pickle.dumps(payload) == before


@given(hostile_payloads())
def test_results_are_values(hostile):
    """They can be pickled, copied, hashed and compared, and so can errors."""
    result = outcome(*hostile)
    for clone in (copy.copy(result), copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert clone == result
        assert hash(clone) == hash(result)
    if isinstance(result, StatusCallback):
        assert pickle.loads(pickle.dumps(result)).raw.keys() == result.raw.keys()


@given(hostile_payloads())
def test_messages_quote_nothing_personal(hostile):
    """No phone number of the payload in a message or a repr."""
    payload, content_type = hostile
    for result in (outcome(payload, content_type, read) for read in READERS):
        shown = result[1] + repr(result[3]) if isinstance(result, tuple) else repr(result)
        for personal in ("9876543210", "9123456789", "order_12345"):
            assert personal not in shown


@given(strategies.payloads() | hostile_payloads().map(lambda hostile: hostile[0]))
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_the_machines_zone_does_not_count(zone, payload):
    """The same payload gives the same result under any TZ."""
    expected = outcome(payload)
    with mock.patch.dict(os.environ, {"TZ": zone}):
        time.tzset()
        try:
            assert outcome(payload) == expected
        finally:
            os.environ["TZ"] = "UTC"
            time.tzset()


@given(strategies.payloads())
@pytest.mark.parametrize("name", ["C", "C.UTF-8", "POSIX"])
def test_the_locale_does_not_count(name, payload):
    """Names of days and months are English, digits are ASCII."""
    payload = {**payload, "EndTime": "Wed, 23 Feb 2022 12:31:59"}
    expected = outcome(payload)
    before = locale.setlocale(locale.LC_ALL)
    locale.setlocale(locale.LC_ALL, name)
    try:
        assert outcome(payload) == expected
    finally:
        locale.setlocale(locale.LC_ALL, before)


@given(strategies.payloads(), st.integers(-18 * 60, 18 * 60))
def test_the_zone_only_shifts_dates(payload, minutes):
    """All else is the same, and a date that names its offset too."""
    zone = timezone(timedelta(minutes=minutes))
    one, other = parse(payload), parse(payload, timezone=zone)
    for name in ("date_updated", "date_created", "start_time", "end_time"):
        here, there = getattr(one, name), getattr(other, name)
        assert (here and here.replace(tzinfo=None)) == (there and there.replace(tzinfo=None))
        # None of these payloads has a date that names IST's offset, so that is the zone of those that name none.
        assert here is None or there.tzinfo == (zone if here.tzinfo == IST else here.tzinfo)
    assert (one.status, one.legs, one.issues) == (other.status, other.legs, other.issues)
