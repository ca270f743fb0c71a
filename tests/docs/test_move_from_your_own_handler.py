"""Test the page on moving from a hand-written handler: the results of its handlers for twelve calls."""

import asyncio
import re

import pytest

from exotel_callback import Outcome
from exotel_callback.testing import SCENARIOS
from helpers import ENCODERS, ROOT

PAGE = ROOT / "docs" / "how-to" / "move-from-your-own-handler.md"
TARGET = "/exotel?key=right"


@pytest.fixture
def page(monkeypatch):
    """Return all names that the page defines."""
    monkeypatch.setenv("EXOTEL_SECRET", "right")
    namespace = {"__name__": "page"}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE):
        exec(compile(block, PAGE.name, "exec"), namespace)
    return namespace


def post_to_flask(page, which, delivery):
    client = page[f"flask_{which}"].test_client()
    return client.post(TARGET, data=delivery.body, content_type=delivery.content_type).status_code


def post_to_django(page, which, delivery):
    from django.conf import settings
    from django.test import RequestFactory

    if not settings.configured:
        settings.configure()
    request = RequestFactory().post(TARGET, delivery.body, content_type=delivery.content_type)
    return page[f"django_view_{which}"](request).status_code


def post_to_fastapi(page, which, delivery):
    from httpx2 import ASGITransport, AsyncClient

    async def post():
        transport = ASGITransport(page[f"fastapi_{which}"])
        async with AsyncClient(transport=transport, base_url="http://testserver") as client:
            headers = {"Content-Type": delivery.content_type}
            return (await client.post(TARGET, content=delivery.body, headers=headers)).status_code

    return asyncio.run(post())


def is_acknowledged(post, *delivery):
    """Return whether a delivery is answered with 200. A framework answers an exception with 500."""
    try:
        return post(*delivery) == 200
    except Exception:  # noqa: BLE001 - a user's handler may raise any exception
        return False


@pytest.mark.parametrize(
    ("framework", "post"), [("Flask", post_to_flask), ("Django", post_to_django), ("FastAPI", post_to_fastapi)]
)
@pytest.mark.parametrize(("column", "which"), [(0, "before"), (1, "after")])
def test_how_many_calls_are_right(page, framework, post, column, which):
    """A handler stores another number of calls correctly than the page says."""
    pytest.importorskip(framework.lower())
    answer = {"before": page["rows"].get, "after": page["talked"]}[which]
    right = 0
    for encode in ENCODERS.values():
        for scenario in SCENARIOS.values():
            page["rows"].clear()
            page["calls"].clear()
            acknowledged = [is_acknowledged(post, page, which, delivery) for delivery in scenario.deliveries(encode)]
            right += all(acknowledged) and answer(scenario.call_sid) is (scenario.outcome is Outcome.CONNECTED)
    (said,) = re.findall(rf"^\| {framework} \| (\d+) \| (\d+) \|$", PAGE.read_text(), re.MULTILINE)
    assert right == int(said[column])


@pytest.mark.parametrize("post", [post_to_flask, post_to_django, post_to_fastapi])
def test_a_wrong_secret(page, post, monkeypatch):
    """A delivery without the secret is stored."""
    monkeypatch.setitem(globals(), "TARGET", "/exotel?key=wrong")
    delivery = next(SCENARIOS["connected"].deliveries())
    assert post(page, "after", delivery) == 401
    assert not page["calls"]
