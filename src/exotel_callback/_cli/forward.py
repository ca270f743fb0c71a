"""Forward captured requests to a handler, one after the other, while new ones come in."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import httpx2

from ..testing import PATIENCE
from .delivery import error_text, hint_of
from .requests import Request

_QUEUED_REQUESTS: Final = 100


class Forwarder:
    """A bounded queue of requests, and the task that sends them."""

    def __init__(self, url: httpx2.URL, say: Callable[[str], None]) -> None:
        """Store the handler's URL, and the function that prints a line."""
        self._url = url
        self._say = say
        self._queue: asyncio.Queue[tuple[int, Request]] = asyncio.Queue(_QUEUED_REQUESTS)

    @property
    def waiting(self) -> int:
        """The number of requests that were not sent yet."""
        return self._queue.qsize()

    def add(self, number: int, request: Request) -> None:
        """Queue a request, or say that the queue is full. This never waits."""
        try:
            self._queue.put_nowait((number, request))
        except asyncio.QueueFull:
            self._say(f"{number} not forwarded: {_QUEUED_REQUESTS} requests are waiting for the handler")

    async def run(self) -> None:
        """Send the requests, and print the handler's answers, until the task is cancelled."""
        # The proxies of the environment can't reach this machine, and each request is a client of its own.
        async with httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
            while True:
                number, request = await self._queue.get()
                client.cookies.clear()
                started = time.perf_counter()
                answer = await self._send(client, request)
                line = f"{number} handler: {answer} after {time.perf_counter() - started:.2f} s"
                self._say("; ".join(filter(None, (line, hint_of(answer)))))

    async def _send(self, client: httpx2.AsyncClient, request: Request) -> str:
        # The parameters stay as they are written, both in the handler's URL and in the request.
        query = b"&".join(filter(None, (self._url.query, request.query.encode())))
        url = self._url.copy_with(query=query) if request.query else self._url
        received = {b"Content-Type": request.content_type, b"User-Agent": request.user_agent}
        headers = {name: value.encode("latin-1") for name, value in received.items() if value is not None}
        try:
            async with asyncio.timeout(PATIENCE):
                async with client.stream(
                    request.method, url, content=request.body or None, headers=headers
                ) as response:
                    return str(response.status_code)
        except (TimeoutError, httpx2.TimeoutException):
            return "no answer"
        except httpx2.ConnectError as error:
            return f"no connection ({error_text(error)})"
        except httpx2.TransportError as error:
            return f"no valid HTTP answer ({error_text(error)})"
