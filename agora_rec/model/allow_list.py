"""`NotificationIps`: from where the service's webhooks come, as a firewall's list of who may pass."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
)
from typing import Final

from attrs import field, frozen

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFRESH: Final = timedelta(hours=24)
"""How long the addresses are good for at most (timing.yaml `ncs_ip_refresh`)."""


def _in_order(addresses: Iterable[Address]) -> tuple[Address, ...]:
    return tuple(sorted(set(addresses), key=lambda address: (address.version, address.packed)))


@frozen(kw_only=True)
class NotificationIps:
    """The addresses from which the service sends its webhooks, for allow lists.

    It is a collection of its addresses: `for`, `len`, and `in`, which takes a text as well, such as the peer
    of a connection, and knows an IPv4 address that a socket for both kinds shows as `::ffff:192.0.2.10`.

    Attributes:
        addresses: Each once, in order: IPv4 first. Two lists of the same addresses are therefore equal texts.
        asked_at: The moment at which the service was asked, with its time zone.
    """

    addresses: tuple[Address, ...] = field(converter=_in_order)
    asked_at: datetime

    @property
    def refresh_before(self) -> datetime:
        """When to have asked again: 24 hours later (timing.yaml `ncs_ip_refresh`)."""
        return self.asked_at + REFRESH

    @property
    def networks(self) -> tuple[Network, ...]:
        """The fewest networks that hold these addresses and no other, for firewalls that want networks."""
        version_4 = [IPv4Network(address) for address in self.addresses if isinstance(address, IPv4Address)]
        version_6 = [IPv6Network(address) for address in self.addresses if isinstance(address, IPv6Address)]
        return (*collapse_addresses(version_4), *collapse_addresses(version_6))

    def __iter__(self) -> Iterator[Address]:
        return iter(self.addresses)

    def __len__(self) -> int:
        return len(self.addresses)

    def __contains__(self, address: object) -> bool:
        if isinstance(address, str):
            try:
                address = ip_address(address)
            except ValueError:
                return False  # "unknown", "testclient", a socket's path: whoever it is, it isn't the service
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        return address in self.addresses
