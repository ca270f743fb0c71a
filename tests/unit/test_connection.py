"""Test which addresses ``send`` may connect to. Nothing is sent to them."""

import socket
import time
from ipaddress import IPv4Address, ip_address, ip_network

import httpcore2
import pytest

from exotel_callback._cli import delivery
from exotel_callback._cli.connection import _Stream, is_metadata, is_private

METADATA = [
    "169.254.0.0",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.255.255",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fe80::1",
    "febf::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "fd00:42::42",
]
PRIVATE = ["127.0.0.1", "10.0.0.7", "172.16.0.1", "192.168.1.2", "::1", "::", "fd00::1", "fc00::1", "0.1.2.3"]
PUBLIC = ["8.8.8.8", "100.64.0.1", "100.100.100.199", "168.63.129.17", "172.32.0.1", "2001:4860:4860::8888"]


LOCAL_NAT64 = ip_network("64:ff9b:1::/48")


def embedded(address):
    """Yield the IPv6 addresses that stand for an IPv4 address."""
    number = int(IPv4Address(address))
    high, low = number >> 16, number & 0xFFFF
    yield f"::ffff:{address}"  # mapped
    yield f"2002:{high:x}:{low:x}::1"  # 6to4
    yield f"64:ff9b::{address}"
    yield f"64:ff9b:1::{address}"
    yield str(ip_address(0x0064_FF9B_0001 << 80 | high << 64 | low << 40))  # NAT64 with a prefix of 48 bits
    yield str(ip_address(0x0064_FF9B_0001 << 80 | number >> 24 << 64 | (number & 0xFF_FFFF) << 32))  # 56 bits
    yield str(ip_address(0x0064_FF9B_0001 << 80 | number << 24))  # 64 bits
    teredo = 0x2001_0000 << 96
    yield str(ip_address(teredo | int(IPv4Address("10.0.0.1")) << 64 | number ^ 0xFFFF_FFFF))  # the client
    yield str(ip_address(teredo | number << 64 | int(IPv4Address("10.0.0.1")) ^ 0xFFFF_FFFF))  # the server
    if high:  # Otherwise it can be the address of this machine, or none.
        yield f"::{address}"  # compatible


def all_of(addresses):
    """Return the addresses, and the IPv6 addresses that stand for the IPv4 addresses."""
    return [*addresses, *(each for address in addresses if "." in address for each in embedded(address))]


@pytest.mark.parametrize("address", all_of(METADATA))
def test_addresses_of_metadata(address):
    """An address where a cloud serves credentials is allowed."""
    assert is_metadata(ip_address(address))


@pytest.mark.parametrize("address", all_of(PRIVATE))
def test_private_addresses(address):
    """An address of this machine or of a private network is refused."""
    if ip_address(address) in LOCAL_NAT64 and "." not in address:
        return  # At another position, the address can have a public one.
    assert is_private(ip_address(address))
    assert not is_metadata(ip_address(address))


@pytest.mark.parametrize("address", all_of(PUBLIC))
def test_public_addresses(address):
    """A public address is taken for a private one, or for one of metadata."""
    assert not is_private(ip_address(address))
    assert not is_metadata(ip_address(address))


def test_the_zone_of_an_address():
    """A link-local address is allowed because it names an interface."""
    assert is_metadata(ip_address("fe80::1%eth0"))


def refusal(monkeypatch, host, *addresses, allow_public=False, proxy=""):
    """Return why a host with these addresses is refused, or None. No name is resolved and nothing is sent."""
    monkeypatch.setattr(delivery, "resolve", lambda asked: [*map(ip_address, addresses if asked == host else ["::1"])])
    url = delivery.parse_url(f"http://{host}:8000/")
    try:
        if proxy:
            delivery.sender_through(proxy, url, patience=1)
        else:
            assert [*map(str, delivery.checked_addresses(url, allow_public=allow_public))] == [*addresses]
    except ValueError as error:
        return str(error)


def test_every_address_of_a_host_is_checked(monkeypatch):
    """A host is allowed because one of its addresses is, or in another order than that of the resolver."""
    assert refusal(monkeypatch, "a.test", "127.0.0.2", "10.0.0.1", "::1") is None
    says = "a.test (8.8.8.8) isn't a private address; pass --allow-public to send there"
    assert refusal(monkeypatch, "a.test", "127.0.0.1", "8.8.8.8") == says
    assert refusal(monkeypatch, "a.test", "127.0.0.1", "8.8.8.8", allow_public=True) is None
    assert refusal(monkeypatch, "a.test") == "cannot resolve a.test"


@pytest.mark.parametrize("allow_public", [False, True])
def test_metadata_is_always_refused(monkeypatch, allow_public):
    """``--allow-public`` or a proxy allows an address where a cloud serves credentials."""
    says = "a.test (169.254.169.254) is an address where clouds serve credentials; use another one"
    addresses = ["127.0.0.1", "169.254.169.254"]
    assert refusal(monkeypatch, "a.test", *addresses, allow_public=allow_public) == says
    assert refusal(monkeypatch, "a.test", *addresses, proxy="http://proxy.test") == says
    assert refusal(monkeypatch, "a.test", *addresses, proxy="http://a.test") == says
    assert refusal(monkeypatch, "a.test", "127.0.0.1", proxy="http://proxy.test") is None


def test_the_errors_of_a_write():
    """A closed connection ends a delivery before the answer is read, or a write goes on after the deadline."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(TimeoutError):
            _Stream(ours, time.monotonic() + 0.05).write(b"x" * 30_000_000)
        theirs.close()
        with pytest.raises(httpcore2.WriteError, match="Broken pipe"):
            _Stream(ours, time.monotonic() + 5).write(b"x")
