"""Test the WSGI and ASGI examples of the page "Use another framework", called as servers call them."""

import asyncio
import io
import re

import pytest

from helpers import ENCODERS, JSON, PAGE, ROOT

PAGE_TEXT = (ROOT / "docs" / "how-to" / "write-your-own-adapter.md").read_text()

RIGHT = "secret=right"


@pytest.fixture
def examples(monkeypatch):
    """Run the code of the page, and return its names."""
    monkeypatch.setenv("EXOTEL_SECRET", "right")
    namespace = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE_TEXT, re.DOTALL | re.MULTILINE):
        if ">>>" not in block:
            exec(block, namespace)
    return namespace


def call_wsgi(examples, body, content_type, query, **environ):
    statuses = []
    environ = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body), **environ}
    environ |= {"QUERY_STRING": query, "CONTENT_TYPE": content_type}
    examples["wsgi_app"](environ, lambda status, _: statuses.append(status))
    return int(statuses[0].split()[0])


def call_asgi(examples, body, content_type, query, last="http.request"):
    half = len(body) // 2
    messages = [
        {"type": "http.request", "body": body[:half], "more_body": True},
        {"type": last, "body": body[half:]},
    ]
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    headers = [(b"content-type", content_type.encode())]
    scope = {"type": "http", "method": "POST", "query_string": query.encode(), "headers": headers}
    asyncio.run(examples["asgi_app"](scope, receive, send))
    return sent[0]["status"] if sent else None


@pytest.mark.parametrize("call", [call_wsgi, call_asgi])
@pytest.mark.parametrize(
    ("body", "content_type", "query", "status"),
    [
        *((*encode(PAGE), RIGHT, 200) for encode in ENCODERS.values()),
        (*ENCODERS["json"](PAGE), "", 401),
        (*ENCODERS["json"](PAGE), "secret=wrong", 401),
        (*ENCODERS["json"](PAGE), f"{RIGHT}&secret=", 401),
        (*ENCODERS["json"]({**PAGE, "CustomField": "x" * 70_000}), RIGHT, 413),
        (b"{", JSON, RIGHT, 400),
        (b"CallSid=a&Status=busy", "text/plain", RIGHT, 415),
        (b"", "", RIGHT, 422),
    ],
)
def test_the_examples(examples, call, body, content_type, query, status):
    """An example refuses the right secret, accepts a wrong one, or answers with another status."""
    assert call(examples, body, content_type, query) == status


def test_a_body_that_breaks_off(examples):
    """A body that breaks off is parsed."""
    call = (b"CallSid=a&Status=busy", "", RIGHT)
    assert call_wsgi(examples, *call, CONTENT_LENGTH="50") == 400
    assert call_asgi(examples, *call, last="http.disconnect") == 400


@pytest.mark.parametrize(("is_terminated", "status"), [(True, 200), (False, 400)])
def test_a_chunked_body(examples, is_terminated, status):
    """A chunked body isn't read, although the server marks its end."""
    environ = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": is_terminated}
    assert call_wsgi(examples, *ENCODERS["json"](PAGE), RIGHT, **environ) == status
