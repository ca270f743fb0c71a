"""Test the laws: properties that hold for every payload."""

import copy
import locale
import os
import pickle
import time
from datetime import timedelta, timezone
from unittest import mock

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exotel_callback import (
    IST,
    CallbackError,
    CallStatus,
    StatusCallback,
    dump,
    parse,
    parse_any,
    strategies,
)
from helpers import ENCODERS, EVERY_READER, JSON, LOADERS, READERS
from hostile import check_misuse
from payloads import hostile_payloads


def outcome(payload, content_type=None, read=parse, **options):
    """Return the callback, or the type, message and issues of the error. Any other exception escapes."""
    try:
        return read(payload, content_type, **options)
    except CallbackError as error:
        return type(error), str(error), error.status_hint, error.issues


@given(hostile_payloads(), st.booleans())
@example((b"[" * 65_000, JSON), False)
@example((b'{"a":' * 13_000, JSON), False)
@pytest.mark.parametrize("read", EVERY_READER)
def test_only_our_errors_escape(read, hostile, strict):
    """A payload raises an exception that isn't a `CallbackError`, or a second call has another result."""
    assert outcome(*hostile, read=read, strict=strict) == outcome(*hostile, read=read, strict=strict)


@given(hostile_payloads())
def test_misuse_is_not_the_senders_fault(hostile):
    """A mistake of the calling code raises an exception that isn't `TypeError`, or does so only for some payloads."""
    check_misuse(*hostile)


@given(st.binary(max_size=300), st.none() | st.text(max_size=80))
def test_only_our_errors_escape_for_random_bytes(body, content_type):
    """Random bytes raise an exception that isn't a `CallbackError`."""
    for read in EVERY_READER:
        outcome(body, content_type, read)


@given(strategies.payloads())
def test_encodings_agree(payload):
    """An event differs between JSON, urlencoded, multipart and a mapping."""
    callback = parse(payload)
    for encode in ENCODERS.values():
        assert parse(*encode(payload)) == callback


@given(strategies.payloads(allow_issues=False))
def test_documented_payloads_have_no_issues(payload):
    """A documented payload has an issue, so strict mode refuses it."""
    assert parse(payload, strict=True).issues == ()


@given(strategies.payloads(), st.sampled_from(["free", "completed-no-answer", "unknown"]))
def test_unrecognized_values_keep_their_original(payload, word):
    """The original of an unrecognized value is lost in ``raw`` or in the issue."""
    callback = parse(payload | {"Status": word})
    assert callback.status is CallStatus.UNKNOWN
    assert [issue.value for issue in callback.issues if issue.path == "Status"] == [word]
    assert callback.raw["Status"] == word


@given(hostile_payloads())
def test_inputs_are_not_changed(hostile):
    """Parsing, or reading the result, changes the input."""
    payload, content_type = hostile
    before = pickle.dumps(payload)
    for read in EVERY_READER:
        outcome(payload, content_type, read)
    assert pickle.dumps(payload) == before


@given(hostile_payloads())
def test_results_are_values(hostile):
    """A result or an error can't be pickled, copied, hashed or compared."""
    result = outcome(*hostile)
    for clone in (copy.copy(result), copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert clone == result
        assert hash(clone) == hash(result)
    if isinstance(result, StatusCallback):
        assert pickle.loads(pickle.dumps(result)).raw.keys() == result.raw.keys()


@given(hostile_payloads(), st.sampled_from([parse_any, *READERS.values()]))
def test_every_event_can_be_stored(hostile, read):
    """A hostile event has no key, or isn't the same after `dump` and its loader."""
    event = outcome(*hostile, read)
    if not isinstance(event, tuple):
        loaded = LOADERS[type(event)](dump(event))
        assert (loaded, loaded.event_key) == (event, event.event_key)


def unmasked(value):
    """Yield the strings that the repr of an event shows. A damaged body can put a number into an identifier."""
    for field in attrs.fields(type(value)):
        item = getattr(value, field.name)
        if isinstance(item, str) and field.repr is True:
            yield item
        elif field.name in {"calls", "legs", "stream"}:
            for part in item if isinstance(item, tuple) else (item,) if item else ():
                yield from unmasked(part)


@given(hostile_payloads())
def test_messages_quote_nothing_personal(hostile):
    """A message or a repr contains a phone number of the payload."""
    payload, content_type = hostile
    for result in (outcome(payload, content_type, read) for read in EVERY_READER):
        shown = result[1] + repr(result[3]) if isinstance(result, tuple) else repr(result)
        identifiers = [] if isinstance(result, tuple) else [*unmasked(result)]
        for personal in ("9876543210", "9123456789", "order_12345"):
            assert personal not in shown or any(personal in identifier for identifier in identifiers)


@given(strategies.payloads() | hostile_payloads().map(lambda hostile: hostile[0]))
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_the_machines_zone_does_not_count(zone, payload):
    """The time zone of the machine changes the result."""
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
    """The locale changes how names of days and months, or digits, are read."""
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
    """The option ``timezone`` changes another field, or a date with its own offset."""
    zone = timezone(timedelta(minutes=minutes))
    one, other = parse(payload), parse(payload, timezone=zone)
    for name in ("date_updated", "date_created", "start_time", "end_time"):
        here, there = getattr(one, name), getattr(other, name)
        assert (here and here.replace(tzinfo=None)) == (there and there.replace(tzinfo=None))
        # No date in these payloads names the offset of IST, so a date with that offset had none.
        assert here is None or there.tzinfo == (zone if here.tzinfo == IST else here.tzinfo)
    assert (one.status, one.legs, one.issues) == (other.status, other.legs, other.issues)
