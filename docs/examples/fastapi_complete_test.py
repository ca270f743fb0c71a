"""Test ``fastapi_complete``.

Run ``EXOTEL_SECRET=right DATABASE_URL=... pytest fastapi_complete_test.py``.
"""

import asyncio
from collections.abc import Iterable

import httpx2
import pytest

from exotel_callback.testing import SCENARIOS, Delivery, Scenario
from fastapi_complete import Session, app, engine
from store_sqlalchemy import Base, CallRow


async def post(deliveries: Iterable[Delivery], secret: str) -> list[int]:
    """Send deliveries to the application, and return the statuses of its answers."""
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client:
        return [
            (
                await client.post(
                    f"/exotel?secret={secret}",
                    content=item.body,
                    headers={"Content-Type": item.content_type},
                )
            ).status_code
            for item in deliveries
        ]


async def play(scenario: Scenario) -> str:
    """Send a call to the application, and return the stored outcome."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
    assert set(await post(scenario.deliveries(), "right")) == {200}
    async with Session() as session:
        outcome = (await session.get_one(CallRow, scenario.call_sid)).outcome
    await engine.dispose()  # each test has its own event loop
    return outcome


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
def test_outcome(scenario: Scenario) -> None:
    """The stored outcome of a call is wrong."""
    assert asyncio.run(play(scenario)) == scenario.outcome.value


def test_wrong_secret() -> None:
    """A request with a wrong secret is accepted."""
    assert set(asyncio.run(post(SCENARIOS["busy"].deliveries(), "wrong"))) == {401}
