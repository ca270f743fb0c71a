"""Test ``flask_complete``.

Run ``EXOTEL_SECRET=right DATABASE_URL=sqlite:///test.db pytest flask_complete_test.py``.
"""

import pytest

from exotel_callback.testing import SCENARIOS, Scenario
from flask_complete import Session, app, engine
from store_sqlalchemy import Base, CallRow


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
def test_outcome(scenario: Scenario) -> None:
    """The stored outcome of a call is wrong."""
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    client = app.test_client()
    for delivery in scenario.deliveries():
        response = client.post(
            "/exotel?secret=right", data=delivery.body, content_type=delivery.content_type
        )
        assert response.status_code == 200
    with Session() as session:
        assert session.get_one(CallRow, scenario.call_sid).outcome == scenario.outcome.value


def test_wrong_secret() -> None:
    """A request without the secret is accepted."""
    assert (
        app.test_client().post("/exotel", data={"CallSid": "a", "Status": "busy"}).status_code
        == 401
    )
