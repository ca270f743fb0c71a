"""Provide more Hypothesis strategies: events of few values, so that they collide, and hostile payloads."""

import random

from hypothesis import strategies as st

from hostile import hostile_payload

CALL_WORDS = ["queued", "ringing", "in-progress", "completed", "failed", "busy", "no-answer", "canceled", "cancelled"]


def deliveries():
    """Draw the payloads of one call's events, some of them repeated. They shrink to one event."""
    few = st.sampled_from
    leg = st.fixed_dictionaries({}, optional={"Status": few([None, "completed", "free", "Free"])})
    event = st.fixed_dictionaries(
        {"CallSid": st.just("a"), "Status": few([*CALL_WORDS, "free", "Free", "else"])},
        optional={
            "DateUpdated": few([None, *(f"{year}-01-15 14:30:45" for year in (1969, 2024, 2025)), "soon"]),
            "EndTime": few(["2024-01-15 14:30:45", "2024-01-15T09:00:45Z", "soon", None]),
            "RecordingUrl": few(["https://recordings.exotel.com/exotelrecordings/acme/f00.mp3", "", None]),
            "EventType": few(["terminal", "answered", "free"]),
            "To": few(["0", "1", "\0"]),
            "ConversationDuration": few([0, "0", 5, -1, ""]),
            "Direction": few(["inbound", "free", None]),
            "Legs": st.lists(leg, max_size=2),
        },
    )
    return st.lists(event, min_size=1, max_size=4)


def hostile_payloads():
    """Draw the hostile payloads of the fuzzer, each with its content type."""
    return st.integers(0, 2**32).map(lambda seed: hostile_payload(random.Random(seed)))
