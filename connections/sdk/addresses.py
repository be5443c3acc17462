"""Which addresses may be called: names are resolved once, every address is checked, and that answer is kept."""

from __future__ import annotations

import ipaddress
import socket
from typing import NamedTuple

from connections.sdk.errors import SyncError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Cloud metadata services outside the link-local range. They hand out credentials to whoever asks.
METADATA = frozenset(
    map(ipaddress.ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)


class Endpoint(NamedTuple):
    """One resolved address; rest: what getaddrinfo gives after address and port (IPv6 flow and scope)."""

    family: int
    address: str
    rest: tuple[int, ...]

    def sockaddr(self, port: int) -> tuple[str | int, ...]:
        return (self.address, port, *self.rest)


class AddressBook:
    """Resolve each host once and keep the checked answer, so that DNS cannot change its mind afterwards."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._endpoints: dict[str, tuple[Endpoint, ...]] = {}

    def endpoints(self, host: str) -> tuple[Endpoint, ...]:
        """Return where to connect for host. Raises SyncError connection_failed(dns) or address_refused."""
        if host not in self._endpoints:
            endpoints = _resolve(host)
            for endpoint in endpoints:
                reason = refusal(ipaddress.ip_address(endpoint.address), allow_private=self._allow_private)
                if reason:
                    detail = f"{host} is {endpoint.address}"
                    raise SyncError("address_refused", detail=detail, host=host, reason=reason)
            self._endpoints[host] = endpoints
        return self._endpoints[host]


def refusal(address: Address, *, allow_private: bool) -> str | None:
    """Say why address must not be called: metadata, reserved, private; None when it may.

    Link-local addresses (cloud metadata live there) and those that name no single host are refused even
    where private ones are allowed.
    """
    address = _meant(address)
    if address.is_link_local or address in METADATA:
        return "metadata"
    if address.is_multicast or address.is_unspecified or (address.is_reserved and not address.is_loopback):
        return "reserved"
    is_site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    if (is_site_local or not address.is_global) and not allow_private:
        return "private"
    return None


def _meant(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one carries inside, if it does: that is where packets end up."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _resolve(host: str) -> tuple[Endpoint, ...]:
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # UnicodeError: a label over 63 characters
        answers = []
    found = (
        Endpoint(family, str(sockaddr[0]).partition("%")[0], tuple(sockaddr[2:]))
        for family, *_, sockaddr in answers
        if family in (socket.AF_INET, socket.AF_INET6)
    )
    endpoints = tuple(dict.fromkeys(found))
    if not endpoints:
        raise SyncError("connection_failed", host=host, reason="dns")
    return endpoints
