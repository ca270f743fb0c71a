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

import heapq
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

import httpx2

from ..testing import RETRY_DELAYS, Delivery
from .view import printable

_USER_AGENT: Final = "Exotel Servers"
_MAX_PORT: Final = 65_535
_MESSAGE_LENGTH: Final = 200
_BRANCHES: Final = frozenset({200, 302})


class Attempt(NamedTuple):
    """One attempt at a delivery, and its result."""

    number: int
    """The number of the delivery in the scenario, from 1."""
    repetition: int
    """The number of earlier attempts at the delivery."""
    answer: str
    """The HTTP status, or the reason why there is none."""
    seconds: float
    """The seconds until the answer."""
    is_acknowledged: bool
    is_dropped: bool
    """Whether the delivery is not acknowledged and will not be repeated."""


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


def public_addresses(url: httpx2.URL) -> list[str]:
    """Return the public addresses of a URL's host, which belong neither to this machine nor to a private network.

    :raises ValueError: The host cannot be resolved.
    """
    try:
        found = socket.getaddrinfo(url.raw_host.decode(), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise ValueError(f"cannot resolve {url.host}")
    addresses = {_address(str(address[0])) for *_, address in found}
    return sorted(str(address) for address in addresses if not _is_private(address))


def _is_private(address: IPv4Address | IPv6Address) -> bool:
    # Python counts link-local addresses as private, but clouds serve the credentials of their machines there.
    return address.is_private and not address.is_link_local


def _address(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text)
    # Python counts every IPv4-mapped IPv6 address as private.
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return inner or address


def play(
    deliveries: Iterable[Delivery],
    send: Callable[[Delivery], tuple[str, bool]],
    *,
    retries: int,
    speed: float,
    patience: float,
) -> Iterator[Attempt]:
    """Make the attempts in the order in which Exotel would make them, and yield the result of each.

    :param send: A function that sends a delivery, and returns the answer and whether it acknowledges the delivery.
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
        started = time.perf_counter()
        answer, is_success = send(delivery)
        seconds = time.perf_counter() - started
        is_acknowledged = is_success and seconds <= patience
        is_dropped = not is_acknowledged and repetition == (retries if delivery.method == "POST" else 0)
        if not is_acknowledged and not is_dropped:
            heapq.heappush(queue, (due + RETRY_DELAYS[repetition], number, repetition + 1, delivery))
        yield Attempt(number, repetition, answer, seconds, is_acknowledged, is_dropped)


def client_for(*, patience: float, anywhere: bool) -> httpx2.Client:
    """Return a client that doesn't follow redirects. It waits for twice the patience, to measure a late answer."""
    # A proxy can't reach this machine, so the proxies of the environment apply only to public addresses.
    return httpx2.Client(timeout=2 * patience, trust_env=anywhere)


def error_text(error: httpx2.TransportError) -> str:
    """Return the message of an error, escaped and shortened, because a handler may have written part of it."""
    return printable(str(error))[:_MESSAGE_LENGTH]


def sender(client: httpx2.Client, url: httpx2.URL) -> Callable[[Delivery], tuple[str, bool]]:
    """Return a function that sends a delivery, and returns the answer and whether it acknowledges the delivery."""

    def send(delivery: Delivery) -> tuple[str, bool]:
        headers = {"User-Agent": _USER_AGENT}
        if delivery.content_type:
            headers["Content-Type"] = delivery.content_type
        # The parameters stay as they are written, both in the URL and in the delivery.
        query = b"&".join(filter(None, (url.query, delivery.query.encode())))
        address = url.copy_with(query=query) if delivery.query else url
        try:
            # Exotel doesn't use the answer's body, so it isn't read.
            with client.stream(delivery.method, address, content=delivery.body or None, headers=headers) as response:
                is_branch = response.status_code in _BRANCHES
                return str(response.status_code), is_branch if delivery.method == "GET" else response.is_success
        except httpx2.TimeoutException:
            return "no answer", False
        except httpx2.ConnectError as error:
            return f"no connection ({error_text(error)})", False
        except httpx2.TransportError as error:
            return f"no valid HTTP answer ({error_text(error)})", False

    return send
