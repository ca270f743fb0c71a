"""Send the deliveries of a scenario to a handler, and repeat those that it doesn't acknowledge, as Exotel does.

Facts
-----
- A 2xx within 15 seconds acknowledges a delivery. After any other answer, including a redirect, Exotel repeats the
  delivery 5 minutes later and then 15 minutes after that. Then Exotel drops it.
- An applet of a flow sends a GET request, with the fields after the parameters of the URL. A 200 or a 302 chooses the
  branch of the flow. Nothing says that such a request is repeated.
- Exotel delivers the other events of the call in the meantime. This module sends one delivery at a time.
- One receiver accepts only the User-Agent ``Exotel Servers``.

Sources: https://developer.exotel.com/docs/advanced-config/webhooks-setup, https://github.com/grafana/oncall.
"""

import base64
import heapq
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from typing import Final, NamedTuple
from urllib.parse import quote

import httpcore2
import httpx2

from ..testing import RETRY_DELAYS, Delivery
from .connection import Address, Backend, is_metadata, is_private, resolve
from .view import printable

_USER_AGENT: Final = "Exotel Servers"
# What to check if the cause of an answer isn't the payload.
_HINTS: Final = {
    "401": "check the secret in the URL",
    "403": "check the handler's access rules; in Django, exempt its view from CSRF checks",
    "404": "check the path of the URL",
    **dict.fromkeys(("301", "307", "308"), "Exotel follows no redirect; check the slash at the end of the URL"),
}
_MAX_PORT: Final = 65_535
_MESSAGE_LENGTH: Final = 200
_BRANCHES: Final = frozenset({200, 302})
_ACKNOWLEDGING: Final = range(200, 300)
# The bytes of an answer that are read to show its first line.
_ANSWER_BYTES: Final = 4_096
# The characters of a query that stay as they are: all that a request line can hold, except "#".
_QUERY_CHARACTERS: Final = "!\"$%&'()*+,/:;<=>?@[\\]^`{|}"


class Answer(NamedTuple):
    """The answer to a delivery."""

    status: str
    """The HTTP status, or the reason why there is none."""
    is_success: bool
    """Whether the status acknowledges the delivery."""
    seconds: float
    """The seconds until the status."""
    line: str = ""
    """The first line of the body that isn't blank, escaped and shortened, as far as it arrived."""


class Attempt(NamedTuple):
    """One attempt at a delivery, and its result."""

    number: int
    """The number of the delivery in the scenario, from 1."""
    repetition: int
    """The number of earlier attempts at the delivery."""
    answer: Answer
    is_acknowledged: bool
    is_dropped: bool
    """Whether the delivery is not acknowledged and will not be repeated."""


def hint_of(status: str) -> str:
    """Return what to check after the status of an answer, or an empty string."""
    return _HINTS.get(status, "")


def parse_url(url: str) -> httpx2.URL:
    """Parse an HTTP or HTTPS URL.

    :raises ValueError: The string isn't such a URL.
    """
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ValueError(str(error)) from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError("must begin with http:// or https:// and a host")
    if parsed.port is not None and not 0 < parsed.port <= _MAX_PORT:
        raise ValueError(f"port {parsed.port} is out of range; use 1 to {_MAX_PORT}")
    return parsed


def checked_addresses(url: httpx2.URL, *, allow_public: bool) -> list[Address]:
    """Return the addresses of a URL's host, each of which is allowed.

    :raises ValueError: The host cannot be resolved, or an address isn't allowed.
    """
    addresses = resolve(url.raw_host.decode())
    if not addresses:
        raise ValueError(f"cannot resolve {url.host}")
    refuse_metadata(url.host, addresses)
    public = [] if allow_public else [str(address) for address in addresses if not is_private(address)]
    if public:
        raise ValueError(f"{url.host} ({', '.join(public)}) isn't a private address; pass --allow-public to send there")
    return addresses


def refuse_metadata(host: str, addresses: Iterable[Address]) -> None:
    """Raise `ValueError` if clouds serve the credentials of their machines at an address of a host."""
    if refused := [str(address) for address in addresses if is_metadata(address)]:
        raise ValueError(f"{host} ({', '.join(refused)}) is an address where clouds serve credentials; use another one")


def sender_through(proxy: str, url: httpx2.URL, *, patience: float) -> Callable[[Delivery], Answer]:
    """Return a function as `sender` does, which sends through an HTTP proxy. The proxy looks the URL's host up.

    :raises ValueError: The proxy can't be used, or the host isn't allowed.
    """
    address = parse_url(proxy)
    if address.scheme != "http":
        raise ValueError("must begin with http://")
    refuse_metadata(url.host, resolve(url.raw_host.decode()))
    addresses = checked_addresses(address, allow_public=True)
    # The package finds no user in the address.
    auth = (address.username, address.password) if address.userinfo else None
    return sender(url, addresses, patience=patience, proxy=httpcore2.Proxy(str(address), auth))


def play(
    deliveries: Iterable[Delivery],
    send: Callable[[Delivery], Answer],
    *,
    retries: int,
    speed: float,
    patience: float,
) -> Iterator[Attempt]:
    """Make the attempts in the order in which Exotel would make them, and yield the result of each.

    :param send: A function that sends a delivery and returns the answer.
    :param retries: The maximum number of repetitions of a POST request, at most 2.
    :param speed: The factor by which the delays are shortened.
    :param patience: The seconds after which an answer is too late.
    """
    due = 0.0
    queue: list[tuple[float, int, int, Delivery]] = []
    for number, delivery in enumerate(deliveries, 1):
        due += delivery.delay
        heapq.heappush(queue, (due, number, 0, delivery))
    now = 0.0
    while queue:
        due, number, repetition, delivery = heapq.heappop(queue)
        time.sleep((due - now) / speed)
        now = due
        answer = send(delivery)
        is_acknowledged = answer.is_success and answer.seconds <= patience
        is_dropped = not is_acknowledged and repetition == (retries if delivery.method == "POST" else 0)
        if not is_acknowledged and not is_dropped:
            heapq.heappush(queue, (due + RETRY_DELAYS[repetition], number, repetition + 1, delivery))
        yield Attempt(number, repetition, answer, is_acknowledged, is_dropped)


def error_text(error: Exception) -> str:
    """Return the message of an error, escaped and shortened, because a handler may have written part of it."""
    return printable(str(error))[:_MESSAGE_LENGTH]


def sender(
    url: httpx2.URL, addresses: list[Address], *, patience: float, proxy: httpcore2.Proxy | None = None
) -> Callable[[Delivery], Answer]:
    """Return a function that sends a delivery and returns the answer.

    Each delivery has a connection of its own, without cookies and without redirects. It ends after twice the patience,
    so that a late answer is measured.

    :param addresses: The addresses to connect to: those of the proxy if there is one, else those of the URL.
    """
    tls = httpcore2.default_ssl_context() if url.scheme == "https" else None

    def send(delivery: Delivery) -> Answer:
        started = time.perf_counter()
        backend = Backend(addresses, 2 * patience)
        try:
            with (
                httpcore2.ConnectionPool(ssl_context=tls, proxy=proxy, network_backend=backend) as pool,
                _request(pool, url, delivery) as response,
            ):
                seconds = time.perf_counter() - started
                is_success = response.status in (_BRANCHES if delivery.method == "GET" else _ACKNOWLEDGING)
                return Answer(str(response.status), is_success, seconds, _first_line(response))
        except TimeoutError:
            failure = "no answer"
        except (httpcore2.ConnectError, httpcore2.ProxyError) as error:
            failure = f"no connection ({error_text(error)})"
        except (OSError, httpcore2.ProtocolError) as error:
            failure = f"no valid HTTP answer ({error_text(error)})"
        return Answer(failure, is_success=False, seconds=time.perf_counter() - started)

    return send


def _request(
    pool: httpcore2.ConnectionPool, url: httpx2.URL, delivery: Delivery
) -> AbstractContextManager[httpcore2.Response]:
    """Send a delivery. The parameters stay as they are written, both in the URL and in the delivery."""
    path = url.raw_path.partition(b"?")[0]
    query = b"&".join(
        filter(None, (url.query, quote(delivery.query, _QUERY_CHARACTERS, errors="surrogatepass").encode()))
    )
    target = httpcore2.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"?".join(filter(None, (path, query)))
    )
    headers: dict[bytes | str, bytes | str] = {"Host": url.netloc, "User-Agent": _USER_AGENT}
    if url.userinfo:
        user = f"{url.username}:{url.password}".encode()
        headers["Authorization"] = b"Basic " + base64.b64encode(user)
    if delivery.content_type:
        headers["Content-Type"] = delivery.content_type
    body = None if delivery.method == "GET" and not delivery.body else delivery.body
    return pool.stream(delivery.method, target, headers=headers, content=body)


def _first_line(response: httpcore2.Response) -> str:
    """Read the beginning of the body, and return its first line that isn't blank, as far as it arrived."""
    start = b""
    # The status counts, whatever happens afterwards.
    with suppress(OSError, httpcore2.ProtocolError):
        for chunk in response.iter_stream():
            start += chunk
            if len(start) >= _ANSWER_BYTES or b"\n" in start.lstrip():
                break
    lines = start[:_ANSWER_BYTES].decode(errors="replace").strip().splitlines()
    return printable(lines[0])[:_MESSAGE_LENGTH] if lines else ""
