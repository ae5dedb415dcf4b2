"""`NotificationIps`: an allow list as firewalls and web applications use it."""

from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agora_rec import NotificationIps
from tests.support.reference import load

ASKED_AT = datetime(2026, 11, 25, 22, 0, tzinfo=UTC)


def told(*addresses: str) -> NotificationIps:
    return NotificationIps(addresses=map(ip_address, addresses), asked_at=ASKED_AT)


def test_it_is_a_list_in_order_of_each_address_once():
    ips = told("2001:db8::2", "192.0.2.10", "2001:db8::1", "192.0.2.9", "192.0.2.10")
    assert list(map(str, ips)) == ["192.0.2.9", "192.0.2.10", "2001:db8::1", "2001:db8::2"]
    assert ips.addresses == tuple(ips)
    assert len(ips) == 4
    assert ips == told("192.0.2.9", "192.0.2.10", "2001:db8::1", "2001:db8::2")
    assert ips != told("192.0.2.9")


def test_it_is_good_for_a_day():
    documented = load("timing")["times"]["ncs_ip_refresh"]
    assert documented["unit"] == "hours"
    assert told("192.0.2.9").refresh_before - ASKED_AT == timedelta(hours=documented["value"])
    elsewhere = NotificationIps(addresses=(), asked_at=ASKED_AT.astimezone(timezone(timedelta(hours=8))))
    assert elsewhere.refresh_before == ASKED_AT + timedelta(days=1)


@pytest.mark.parametrize(
    ("peer", "passes"),
    [
        ("192.0.2.10", True),
        ("::ffff:192.0.2.10", True),
        ("2001:0DB8:0::5", True),
        ("192.0.2.11", False),
        ("192.0.2.10/32", False),
        ("testclient", False),
        ("", False),
        (ip_address("192.0.2.10"), True),
        (ip_address("::ffff:192.0.2.10"), True),
        (ip_address("192.0.2.1"), False),
        (None, False),
        (3221225994, False),  # the same as a number: not how a peer is named
    ],
)
def test_it_knows_who_may_pass(peer: Any, passes: bool):  # noqa: FBT001 - a column of the table
    assert (peer in told("192.0.2.10", "2001:db8::5")) is passes


addresses = st.ip_addresses() | st.integers(0, 40).map(lambda last: ip_address(f"192.0.2.{last}"))


@given(st.lists(addresses, max_size=40))
def test_its_networks_hold_the_same_addresses(given_addresses: list[Any]):
    ips = NotificationIps(addresses=given_addresses, asked_at=ASKED_AT)
    assert all(any(address in network for network in ips.networks) for address in ips)
    assert sum(network.num_addresses for network in ips.networks) == len(ips)


def test_its_networks_are_as_few_as_can_be():
    ips = told("192.0.2.9", "192.0.2.8", "192.0.2.11", "192.0.2.10", "2001:db8::5")
    assert ips.networks == (ip_network("192.0.2.8/30"), ip_network("2001:db8::5/128"))
