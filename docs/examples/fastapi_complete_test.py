"""Test ``fastapi_complete``.

Run ``EXOTEL_SECRET=right DATABASE_URL=... pytest fastapi_complete_test.py``.
"""

import asyncio
from collections.abc import Iterable, Iterator

import httpx2
import pytest
from hypothesis import given, settings

from exotel_callback import load_call, merge, parse
from exotel_callback.strategies import deliveries
from exotel_callback.testing import SCENARIOS, Delivery, Scenario
from fastapi_complete import Session, app, engine
from store_sqlalchemy import Base, CallRow, erase


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """Run all tests in one event loop, because connections to the database belong to a loop."""
    with asyncio.Runner() as runner:
        yield runner
        runner.run(engine.dispose())


async def post(posted: Iterable[Delivery], secret: str) -> set[int]:
    """Send requests to the application, and return the statuses of its answers."""
    transport = httpx2.ASGITransport(app)
    statuses: set[int] = set()
    async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client:
        for item in posted:
            headers = {"Content-Type": item.content_type}
            response = await client.post(
                f"/exotel?secret={secret}", content=item.body, headers=headers
            )
            statuses.add(response.status_code)
    return statuses


async def play(call_sid: str, posted: Iterable[Delivery]) -> CallRow:
    """Send the requests of a call to the application, and return the stored call."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with Session.begin() as session:
        await session.run_sync(erase, call_sid)
    assert await post(posted, "right") == {200}
    async with Session() as session:
        return await session.get_one(CallRow, call_sid)


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
def test_outcome(scenario: Scenario, runner: asyncio.Runner) -> None:
    """The stored outcome of a call is wrong."""
    assert (
        runner.run(play(scenario.call_sid, scenario.deliveries())).outcome == scenario.outcome.value
    )


@settings(deadline=None, max_examples=50)
@given(posted=deliveries())
def test_fuzz(posted: list[Delivery], runner: asyncio.Runner) -> None:
    """A repeated, late, lost or unusual request makes the stored call wrong."""
    call = merge(*(parse(item.body, item.content_type) for item in posted))
    stored = runner.run(play(call.call_sid, posted)).call
    assert stored
    assert load_call(stored) == call


def test_wrong_secret(runner: asyncio.Runner) -> None:
    """A request with a wrong secret is accepted."""
    assert runner.run(post(SCENARIOS["busy"].deliveries(), "wrong")) == {401}
