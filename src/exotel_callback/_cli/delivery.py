"""Plays Exotel against a handler under development: the deliveries of a scenario, with repetitions, over HTTP.

Facts
-----
- A 2xx within 15 seconds acknowledges a delivery. Anything else, a redirect too, makes Exotel repeat it, 5 minutes
  later and then 15 minutes after that. Then it is dropped.
- Meanwhile the other events of the call go on. Here each waits until the one before it is answered or given up.
- One receiver lets in the User-Agent ``Exotel Servers`` only.

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
_MOST_PORT: Final = 65_535
_MESSAGE_LENGTH: Final = 200


class Attempt(NamedTuple):
    """One delivery that was tried, and what came of it."""

    number: int
    """Which delivery of the scenario it is, from 1."""
    repetition: int
    """0 for the first try."""
    answer: str
    """The status, or why there is none."""
    seconds: float
    """How long that took."""
    is_acknowledged: bool
    is_dropped: bool
    """Whether it is not acknowledged and not tried again."""


def target(url: str) -> httpx2.URL:
    """Read a URL.

    :raises ValueError: It is none of HTTP.
    """
    try:
        read = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ValueError(str(error)) from None
    if read.scheme not in {"http", "https"} or not read.host:
        message = "it must begin with http:// or https:// and a host"
        raise ValueError(message)
    if read.port is not None and not 0 < read.port <= _MOST_PORT:
        message = f"there is no port {read.port}"
        raise ValueError(message)
    return read


def far_addresses(url: httpx2.URL) -> list[str]:
    """Return the addresses of a URL's host that are neither this machine nor in a private network.

    :raises ValueError: It has no address.
    """
    try:
        found = socket.getaddrinfo(url.raw_host.decode(), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []
    if not found:
        message = f"there is no address of {url.host}"
        raise ValueError(message)
    addresses = {_address(str(address[0])) for *_, address in found}
    return sorted(str(address) for address in addresses if not _is_near(address))


def _is_near(address: IPv4Address | IPv6Address) -> bool:
    # What clouds tell their machines is at link-local addresses.
    return address.is_private and not address.is_link_local


def _address(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text)
    # Python takes every IPv4 address that is written in IPv6 for a private one.
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return inner or address


def play(
    deliveries: Iterable[Delivery],
    post: Callable[[Delivery], tuple[str, bool]],
    *,
    retries: int,
    speed: float,
    patience: float,
) -> Iterator[Attempt]:
    """Yield what became of each try, in the order in which Exotel would make them.

    :param post: Sends a delivery, and returns what was answered and whether that is a 2xx.
    :param retries: How often a delivery is repeated, at most twice.
    :param speed: What the waiting is divided by.
    :param patience: Seconds after which an answer comes too late.
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
        answer, is_success = post(delivery)
        seconds = time.perf_counter() - started
        is_acknowledged = is_success and seconds <= patience
        is_dropped = not is_acknowledged and repetition == retries
        if not is_acknowledged and not is_dropped:
            heapq.heappush(queue, (due + RETRY_DELAYS[repetition], number, repetition + 1, delivery))
        yield Attempt(number, repetition, answer, seconds, is_acknowledged, is_dropped)


def client_for(*, patience: float, anywhere: bool) -> httpx2.Client:
    """Return a client that follows no redirect, and waits long enough to tell how much too late an answer comes."""
    # On the way to one's own machine there is no proxy.
    return httpx2.Client(timeout=2 * patience, trust_env=anywhere)


def _told(error: httpx2.TransportError) -> str:
    """Return what an error says, in print and short: a handler may have written part of it."""
    return printable(str(error))[:_MESSAGE_LENGTH]


def poster(client: httpx2.Client, url: httpx2.URL) -> Callable[[Delivery], tuple[str, bool]]:
    """Return what posts a delivery and says in words what was answered."""

    def post(delivery: Delivery) -> tuple[str, bool]:
        headers = {"Content-Type": delivery.content_type, "User-Agent": _USER_AGENT}
        try:
            # The answer's body does not matter, so it is not read.
            with client.stream("POST", url, content=delivery.body, headers=headers) as response:
                return str(response.status_code), response.is_success
        except httpx2.TimeoutException:
            return "no answer", False
        except httpx2.ConnectError as error:
            return f"no connection ({_told(error)})", False
        except httpx2.TransportError as error:
            return f"no answer that is HTTP ({_told(error)})", False

    return post
