"""Test ``flask_complete``.

Run ``EXOTEL_SECRET=right DATABASE_URL=sqlite:///test.db pytest flask_complete_test.py``.
"""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings

from exotel_callback import load_call, merge, parse
from exotel_callback.strategies import deliveries
from exotel_callback.testing import SCENARIOS, Delivery, Scenario
from flask_complete import Session, app, engine
from store_sqlalchemy import Base, CallRow, erase


def play(call_sid: str, posted: Iterable[Delivery]) -> CallRow:
    """Send the requests of a call to the application, and return the stored call."""
    Base.metadata.create_all(engine)
    with Session.begin() as session:
        erase(session, call_sid)
    client = app.test_client()
    for item in posted:
        response = client.post(
            "/exotel?secret=right", data=item.body, content_type=item.content_type
        )
        assert response.status_code == 200
    with Session() as session:
        return session.get_one(CallRow, call_sid)


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
def test_outcome(scenario: Scenario) -> None:
    """The stored outcome of a call is wrong."""
    assert play(scenario.call_sid, scenario.deliveries()).outcome == scenario.outcome.value


@settings(deadline=None, max_examples=50)
@given(deliveries())
def test_fuzz(posted: list[Delivery]) -> None:
    """A repeated, late, lost or unusual request makes the stored call wrong."""
    call = merge(*(parse(item.body, item.content_type) for item in posted))
    stored = play(call.call_sid, posted).call
    assert stored
    assert load_call(stored) == call


def test_wrong_secret() -> None:
    """A request without the secret is accepted."""
    assert (
        app.test_client().post("/exotel", data={"CallSid": "a", "Status": "busy"}).status_code
        == 401
    )
