"""The WSGI and the ASGI example of the page "Write your own adapter", as servers call them."""

import asyncio
import io
import re
from pathlib import Path

import pytest

from helpers import ENCODERS, JSON, PAGE

PAGE_TEXT = (Path(__file__).parents[1] / "docs" / "how-to" / "write-your-own-adapter.md").read_text()

RIGHT = "secret=right"


@pytest.fixture
def examples(monkeypatch):
    """Run the page's code."""
    monkeypatch.setenv("EXOTEL_SECRET", "right")
    namespace = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE_TEXT, re.DOTALL | re.MULTILINE):
        exec(block, namespace)  # noqa: S102 - our own page
    return namespace


def call_wsgi(examples, body, content_type, query):
    statuses = []
    environ = {"QUERY_STRING": query, "CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))}
    examples["wsgi_app"]({**environ, "wsgi.input": io.BytesIO(body)}, lambda status, _: statuses.append(status))
    return int(statuses[0].split()[0])


def call_asgi(examples, body, content_type, query):
    half = len(body) // 2
    messages = [
        {"type": "http.request", "body": body[:half], "more_body": True},
        {"type": "http.request", "body": body[half:]},
    ]
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "query_string": query.encode(), "headers": [(b"content-type", content_type.encode())]}
    asyncio.run(examples["asgi_app"](scope, receive, send))
    return sent[0]["status"]


@pytest.mark.parametrize("call", [call_wsgi, call_asgi])
@pytest.mark.parametrize(
    ("body", "content_type", "query", "status"),
    [
        *((*encode(PAGE), RIGHT, 200) for encode in ENCODERS.values()),
        (*ENCODERS["json"](PAGE), "", 401),
        (*ENCODERS["json"](PAGE), "secret=wrong", 401),
        (*ENCODERS["json"]({**PAGE, "CustomField": "x" * 70_000}), RIGHT, 413),
        (b"{", JSON, RIGHT, 400),
        (b"CallSid=a&Status=busy", "text/plain", RIGHT, 415),
        (b"", "", RIGHT, 422),
    ],
)
def test_the_examples(examples, call, body, content_type, query, status):  # noqa: PLR0913, PLR0917 - a row of the table
    """They let in who has the secret, and answer what each error hints at."""
    assert call(examples, body, content_type, query) == status
