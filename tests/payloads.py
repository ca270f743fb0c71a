"""Hypothesis strategies for payloads, as Exotel could send them and as it should not. They do not use the parser."""

import random
import sys
from pathlib import Path

from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).with_name("fuzz")))

from hostile import hostile_payload

# What every encoding can carry: no control characters, no lone surrogates, no blanks at the ends, no word for nothing.
_TEXT = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
    .map(str.strip)
    .filter(lambda text: text.lower() not in {"", "null", "none", "undefined"})
)
_DATES = st.datetimes().map(lambda date: date.replace(microsecond=0).isoformat(sep=" "))
_SECONDS = st.integers(0, 999_999_999) | st.integers(0, 9_999).map(str)

CALL_WORDS = ["queued", "ringing", "in-progress", "completed", "failed", "busy", "no-answer", "canceled", "cancelled"]
LEG_WORDS = [*CALL_WORDS, None, "COMPLETED", "in progress"]
ANSWERED_BY = ["Human", "HUMAN", "Machine", "NotSure", "NA"]
DIRECTIONS = ["inbound", "outbound-dial", "outbound-api", "incoming"]
EVENT_TYPES = ["terminal", "answered"]
UNKNOWN_WORDS = ["free", "to_leg_unanswered", "completed-no-answer", "unknown"]

_OPTIONAL = {
    "DateUpdated": _DATES | st.just("1970-01-01 05:30:00"),
    "DateCreated": _DATES,
    "StartTime": _DATES.map(lambda date: date.replace(" ", "T") + "+05:30"),
    "EndTime": _DATES | st.just("0000-00-00 00:00:00"),
    "RecordingUrl": st.just("https://recordings.exotel.com/exotelrecordings/acme/f00.mp3"),
    "EventType": st.sampled_from(EVENT_TYPES),
    "From": st.from_regex(r"(\+91|0)[0-9]{10}", fullmatch=True),
    "To": st.from_regex(r"(\+91|0)[0-9]{10}", fullmatch=True) | st.just("sip:agent"),
    "PhoneNumberSid": st.from_regex("0[0-9]{10}", fullmatch=True),
    "ConversationDuration": _SECONDS,
    "Direction": st.sampled_from(DIRECTIONS),
    "CustomField": _TEXT,
}


def payloads(words=CALL_WORDS):
    """Payloads as Exotel documents them, of one call; shrinks to a sid and the first word."""
    leg = st.fixed_dictionaries(
        {"Status": st.sampled_from(LEG_WORDS)},
        optional={"OnCallDuration": _SECONDS, "AnsweredBy": st.sampled_from(ANSWERED_BY)},
    )
    optional = {name: values | st.none() for name, values in _OPTIONAL.items()}
    return st.fixed_dictionaries(
        {"CallSid": st.from_regex("[a-z0-9]{32}", fullmatch=True), "Status": st.sampled_from(words)},
        optional={**optional, "Legs": st.lists(leg, max_size=3), "Unknown": _TEXT},
    )


def deliveries():
    """Payloads of some events of one call, the same one several times among them; shrinks to one."""
    few = st.sampled_from
    leg = st.fixed_dictionaries({}, optional={"Status": few([None, "completed", "free", "Free"])})
    event = st.fixed_dictionaries(
        {"CallSid": st.just("a"), "Status": few([*CALL_WORDS, "free", "Free", "else"])},
        optional={
            "DateUpdated": few([None, *(f"{year}-01-15 14:30:45" for year in (1969, 2024, 2025)), "soon"]),
            "EndTime": few(["2024-01-15 14:30:45", "2024-01-15T09:00:45Z", "soon", None]),
            "RecordingUrl": few(["https://recordings.exotel.com/exotelrecordings/acme/f00.mp3", "", None]),
            "EventType": few([*EVENT_TYPES, "free"]),
            "To": few(["0", "1", "\0"]),
            "ConversationDuration": few([0, "0", 5, -1, ""]),
            "Direction": few(["inbound", "free", None]),
            "Legs": st.lists(leg, max_size=2),
        },
    )
    return st.lists(event, min_size=1, max_size=4)


def hostile_payloads():
    """Payloads with their content type, made as the fuzzer makes them."""
    return st.integers(0, 2**32).map(lambda seed: hostile_payload(random.Random(seed)))
