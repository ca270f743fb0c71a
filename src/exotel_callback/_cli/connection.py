"""Connect to the addresses that were checked, and end each delivery at its deadline, whatever the server sends.

Facts
-----
- A name can have another address a second later. So each name is resolved once, and the connection goes to an address
  that was checked. TLS and the ``Host`` header still use the name.
- A server can send a byte, or a ``103 Early Hints``, before each timeout of a read. So every operation gets the time
  that is left.
- Clouds serve the credentials of their machines at fixed addresses: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html,
  https://cloud.google.com/compute/docs/metadata/querying-metadata,
  https://learn.microsoft.com/en-us/azure/virtual-network/what-is-ip-address-168-63-129-16,
  https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata and
  https://docs.oracle.com/en-us/iaas/Content/Compute/Tasks/gettingmetadata.htm.
- An IPv6 address can stand for an IPv4 address: RFC 3056 (6to4), 4291 (mapped and compatible), 4380 (Teredo), and 6052
  and 8215 (NAT64, whose local prefix has the IPv4 address at one of four positions).
"""

import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

import httpcore2

Address = IPv4Address | IPv6Address

_CREDENTIALS: Final[tuple[IPv4Network | IPv6Network, ...]] = tuple(
    ip_network(network)
    for network in (
        "169.254.0.0/16",  # Link-local, which most clouds use.
        "fe80::/10",  # Link-local.
        "100.100.100.200",  # Alibaba Cloud.
        "168.63.129.16",  # Azure.
        "192.0.0.192",  # Oracle.
        "fd00:ec2::/32",  # AWS.
        "fd20:ce::/32",  # Google.
        "fd00:c1::/32",  # Oracle.
        "fd00:42::42",  # Scaleway.
    )
)
_COMPATIBLE: Final = IPv6Network("::/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64: Final = IPv6Network("64:ff9b:1::/48")


def resolve(host: str) -> list[Address]:
    """Return the addresses of a host in the order of the system's resolver. There are none if it can't be resolved."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(ip_address(str(address[0])) for *_, address in found))


def is_metadata(address: Address) -> bool:
    """Return whether a cloud can serve the credentials of its machines at an address."""
    return any(each in network for each in _meant(address) for network in _CREDENTIALS)


def is_private(address: Address) -> bool:
    """Return whether an address belongs to this machine or to a private network."""
    return all(each.is_private for each in _meant(address))


def _meant(address: Address) -> Sequence[Address]:
    """Return the IPv4 addresses that an IPv6 address stands for or can stand for, or the address itself."""
    if isinstance(address, IPv4Address):
        return [address]
    if inner := address.ipv4_mapped or address.sixtofour:
        return [inner]
    if address.teredo:
        return address.teredo
    number = int(address)
    if address in _NAT64 or (address in _COMPATIBLE and not (address.is_loopback or address.is_unspecified)):
        return [_low_bits(number)]
    if address in _LOCAL_NAT64:
        # The bits 64 to 71 of the address are skipped.
        without_gap = number >> 64 << 56 | number & (1 << 56) - 1
        return [_low_bits(number), *(_low_bits(without_gap >> 120 - end) for end in (80, 88, 96))]
    return [address]


def _low_bits(number: int) -> IPv4Address:
    return IPv4Address(number & 0xFFFF_FFFF)


class Backend(httpcore2.NetworkBackend):
    """Connect to the first of some addresses that accepts a connection, and end everything at a deadline."""

    def __init__(self, addresses: Sequence[Address], seconds: float) -> None:
        """Store the addresses, and begin to count the seconds."""
        self._addresses = addresses
        self._deadline = time.monotonic() + seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to an address. Each address that is left gets an equal share of the time that is left."""
        failure: OSError | None = None
        for number, address in enumerate(self._addresses):
            share = _seconds_until(self._deadline) / (len(self._addresses) - number)
            try:
                connection = socket.create_connection((str(address), port), share)
            except OSError as error:
                failure = error
            else:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return _Stream(connection, self._deadline)
        raise httpcore2.ConnectError(str(failure))


class _Stream(httpcore2.NetworkStream):
    """A connection whose operations end together at a deadline. They raise `TimeoutError` then."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._connection.settimeout(_seconds_until(self._deadline))
        return self._connection.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        while rest:
            self._connection.settimeout(_seconds_until(self._deadline))
            try:
                rest = rest[self._connection.send(rest) :]
            except TimeoutError:
                raise
            except OSError as error:
                # A server can answer and close the connection before it has read all. Then the answer is read.
                raise httpcore2.WriteError(str(error)) from error

    def close(self) -> None:
        self._connection.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        self._connection.settimeout(_seconds_until(self._deadline))
        try:
            connection = ssl_context.wrap_socket(self._connection, server_hostname=server_hostname)
        except TimeoutError:
            raise
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        return _Stream(connection, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return None


def _seconds_until(deadline: float) -> float:
    """Return the seconds that are left.

    :raises TimeoutError: None are left.
    """
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
