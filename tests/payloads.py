"""Provide more Hypothesis strategies: events of few values, so that they collide, and hostile payloads."""

import random

from hypothesis import strategies as st

from hostile import hostile_payload

LEG_STATUSES = [
    "completed",
    "busy",
    "failed",
    "no-answer",
    "canceled",
    "in-progress",
    "ringing",
    "queued",
    None,
    "free",
]
# Few values, so that events collide: with v1 and v3 statuses, and two spellings of an unrecognized one.
CALL_STATUSES = [
    "queued",
    "ringing",
    "in-progress",
    "completed",
    "failed",
    "busy",
    "no-answer",
    "canceled",
    "cancelled",
]
CALL_STATUSES += ["from_leg_unanswered", "to_leg_unanswered", "from_leg_cancelled", "to_leg_no_dial"]
CALL_STATUSES += ["free", "Free", "else"]


def events(read, read_details):
    """Draw the events of one call: callbacks, and settled and unsettled Call Details. They shrink to one event.

    :param read: `parse`.
    :param read_details: `parse_call_details`.
    """
    few = st.sampled_from
    answers = few(["Human", "Machine", "NotSure", "NA", "free", None])
    common = {
        "DateUpdated": few([None, *(f"{year}-01-15 14:30:45" for year in (2023, 2024, 2025)), "soon"]),
        "EndTime": few(["2024-01-15 14:30:45", "2024-01-15T09:00:45Z", "soon", None]),
        "RecordingUrl": few(["https://recordings.exotel.com/exotelrecordings/acme/f00.mp3", "", None]),
        "To": few(["0", "1", "\0"]),
        "Duration": few([None, 0, 40, 60]),
        "Direction": few(["inbound", "outbound-api", "free", None]),
    }
    leg = st.fixed_dictionaries(
        {}, optional={"Status": few(LEG_STATUSES), "OnCallDuration": few([0, 5, 6, -1]), "AnsweredBy": answers}
    )
    callback = st.fixed_dictionaries(
        {"CallSid": st.just("a"), "Status": few(CALL_STATUSES)},
        optional={
            **common,
            "EventType": few(["terminal", "answered", "ringing", "free"]),
            "ConversationDuration": few([0, "0", 5, -1, ""]),
            "Legs": st.lists(leg, max_size=3),
        },
    )
    details = st.fixed_dictionaries(
        {},
        optional={
            "ConversationDuration": few([0, 5, None]),
            "Leg1Status": few(LEG_STATUSES),
            "Leg2Status": few(LEG_STATUSES),
            "Legs": few([[{"Leg": {"Id": 1, "OnCallDuration": 7}}], [{"Leg": {"Id": 2, "OnCallDuration": 0}}]]),
        },
    )
    answer = st.fixed_dictionaries(
        {"Sid": st.just("a"), "Status": few(CALL_STATUSES)},
        optional={**common, "AnsweredBy": answers, "Details": details},
    )
    return st.lists(callback.map(read) | answer.map(read_details), min_size=1, max_size=4)


def hostile_payloads():
    """Draw the hostile payloads of the fuzzer, each with its content type."""
    return st.integers(0, 2**32).map(lambda seed: hostile_payload(random.Random(seed)))
