from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.errors import InvalidRequest
from agora_rec.transport.hosts import BACK_AFTER, PLACES, SUFFIXES, Hosts, is_loopback
from agora_rec.vocabulary import Area
from tests.support.reference import load

HOSTS = load("hosts")


def fallen(hosts: Hosts, failures: list[bool]) -> list[str]:
    """The hosts that a call meets which fails each time; each failure says whether it was DNS."""
    met = []
    for dns in failures:
        met.append(hosts.current(0.0))
        hosts.failed(met[-1], 0.0, dns=dns)
    return [*met, hosts.current(0.0)]


@pytest.mark.parametrize("area", Area)
def test_candidates_are_the_documented_domains_and_regions(area: Area):
    names = {url.removeprefix("https://") for url in Hosts.of_area(area).candidates}
    regions = [row["prefix"] for row in HOSTS["regions"] if row["area"] == area.value]
    domains = [row["name"] for row in HOSTS["domains"]]
    suffixes = [name.removeprefix("api.") for name in domains]
    assert names == {*domains, *(f"{region}.{suffix}" for region in regions for suffix in suffixes)}


@pytest.mark.parametrize("area", ["XX", "us", None, []])
def test_an_area_that_there_is_not_is_refused_by_name(area: Any):
    with pytest.raises(InvalidRequest) as caught:
        Hosts.of_area(area)
    assert [each.path for each in caught.value.violations] == ["area"]


def test_an_area_may_be_given_as_its_word():
    assert Hosts.of_area(cast("Area", "EU")) == Hosts.of_area(Area.EU)


@pytest.mark.parametrize("area", Area)
def test_regions_and_suffixes_come_in_the_order_of_the_official_clients(area: Area):
    go = HOSTS["official_clients"]["go"]
    assert list(PLACES[area]) == ["api", *go["areas"][area.value]]
    assert list(SUFFIXES[area]) == go["suffixes"][area.value]


@pytest.mark.parametrize("area", Area)
def test_the_primary_domain_is_the_one_for_callers_of_that_area(area: Area):
    chinese = {row["name"]: "in mainland China" in row["primary_for"] for row in HOSTS["domains"]}
    preferred = Hosts.of_area(area).current(0.0).removeprefix("https://")
    assert chinese[preferred] is (area is Area.CN)


@pytest.mark.parametrize("row", HOSTS["regions"], ids=lambda row: str(row["prefix"]))
def test_the_two_regions_of_an_area_are_neighbours(row: dict[str, str]):
    assert set(PLACES[Area(row["area"])]) == {"api", row["prefix"], row["neighbour"]}


def test_a_name_that_does_not_resolve_leads_to_the_other_domain_and_then_to_the_regions():
    assert HOSTS["failover"]["order"][0].startswith("1. same request to the primary domain again")
    assert fallen(Hosts.of_area(Area.EU), [True] * 7) == [
        "https://api.agora.io",
        "https://api.agora.io",
        "https://api.sd-rtn.com",
        "https://api-eu-west-1.agora.io",
        "https://api-eu-west-1.sd-rtn.com",
        "https://api-eu-central-1.agora.io",
        "https://api-eu-central-1.sd-rtn.com",
        "https://api.agora.io",
    ]


def test_any_other_failure_of_the_network_leads_straight_to_the_regions():
    assert fallen(Hosts.of_area(Area.CN), [False] * 7) == [
        "https://api.sd-rtn.com",
        "https://api.sd-rtn.com",
        "https://api-cn-east-1.sd-rtn.com",
        "https://api-cn-north-1.sd-rtn.com",
        "https://api.agora.io",
        "https://api-cn-east-1.agora.io",
        "https://api-cn-north-1.agora.io",
        "https://api.sd-rtn.com",
    ]


def test_an_answer_in_between_renews_the_patience_with_a_host():
    hosts = Hosts.of_area(Area.US)
    for _ in range(5):
        hosts.failed("https://api.agora.io", 0.0, dns=False)
        hosts.answered("https://api.agora.io")
    assert hosts.current(0.0) == "https://api.agora.io"


def test_calls_that_failed_together_on_a_host_leave_it_once():
    hosts = Hosts.of_area(Area.US)
    for _ in range(50):
        hosts.failed("https://api.agora.io", 0.0, dns=False)
    assert hosts.current(0.0) == "https://api-us-west-1.agora.io"


def test_the_host_that_answers_is_kept_until_the_preferred_one_gets_another_chance():
    hosts = Hosts.of_area(Area.US)
    fallen(hosts, [True, True])
    hosts.answered("https://api.sd-rtn.com")
    assert hosts.current(BACK_AFTER - 0.1) == "https://api.sd-rtn.com"
    assert hosts.current(BACK_AFTER) == "https://api.agora.io"
    hosts.answered("https://api.agora.io")
    assert hosts.current(10 * BACK_AFTER) == "https://api.agora.io"


def test_a_preferred_host_that_fails_again_is_left_at_once_for_the_one_that_answered():
    hosts = Hosts.of_area(Area.US)
    fallen(hosts, [True, True])
    hosts.answered("https://api.sd-rtn.com")
    assert hosts.current(BACK_AFTER) == "https://api.agora.io"
    hosts.failed("https://api.agora.io", BACK_AFTER, dns=False)
    assert hosts.current(BACK_AFTER) == "https://api.sd-rtn.com"
    assert hosts.current(2 * BACK_AFTER - 0.1) == "https://api.sd-rtn.com"
    assert hosts.current(2 * BACK_AFTER) == "https://api.agora.io"


def test_failures_of_other_hosts_do_not_put_off_the_preferred_ones_next_chance():
    hosts = Hosts.of_area(Area.US)
    fallen(hosts, [True, True])
    for _ in range(3):
        hosts.failed(hosts.current(BACK_AFTER - 1), BACK_AFTER - 1, dns=True)
    assert hosts.current(BACK_AFTER - 1) != "https://api.agora.io"
    assert hosts.current(BACK_AFTER) == "https://api.agora.io"


def test_a_late_answer_of_a_host_that_was_left_changes_nothing():
    hosts = Hosts.of_area(Area.US)
    fallen(hosts, [True, True])
    hosts.answered("https://api.agora.io")
    assert hosts.current(0.0) == "https://api.sd-rtn.com"


def test_one_base_url_is_never_left():
    hosts = Hosts.of_base_url("https://proxy.example.com/agora/")
    assert set(fallen(hosts, [True, False] * 4)) == {"https://proxy.example.com/agora"}
    assert hosts.current(1e9) == "https://proxy.example.com/agora"


@given(
    st.sampled_from(Area),
    st.lists(st.tuples(st.sampled_from(["dns", "network", "answer"]), st.floats(0, 100)), max_size=40),
)
def test_the_current_host_is_always_a_candidate_and_a_dead_host_is_left_after_two_failures(
    area: Area, story: list[tuple[str, float]]
):
    hosts = Hosts.of_area(area)
    now = 0.0
    for what, seconds in story:
        now += seconds
        host = hosts.current(now)
        assert host in hosts.candidates
        if what == "answer":
            hosts.answered(host)
            assert hosts.current(now) == host
        else:
            hosts.failed(host, now, dns=what == "dns")
            hosts.failed(host, now, dns=what == "dns")
            assert hosts.current(now) != host


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.sd-rtn.com",
        "https://api.sd-rtn.com:8443",
        "https://gateway.example.com/agora",
        "http://127.0.0.1:8080",
        "http://127.9.9.9",
        "http://[::1]:8080",
        "http://localhost:80",
        "http://LocalHost",
    ],
)
def test_https_and_loopback_addresses_are_taken(base_url: str):
    assert Hosts.of_base_url(base_url).current(0.0) == base_url
    assert Hosts.of_base_url(f"{base_url}/").current(0.0) == base_url


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.agora.io",
        "http://api.agora.io",
        "http://128.0.0.1",
        "http://127.1",
        "http://localhost.example.com",
        "http://[::2]",
        "http://[::1",
        "ftp://localhost",
        "https://",
        "https://host:port",
        "https://host:99999",
        "https://user:Qz7Marked7zQ@host",
        "https://host/?q=1",
        "https://host/?",
        "https://host/#",
        "https://ho st",
        "https://host\n",
        "https://host\\@evil",
        "https://höst",
    ],
)
def test_other_base_urls_are_refused_by_name_and_without_repeating_a_password(base_url: str):
    with pytest.raises(InvalidRequest) as caught:
        Hosts.of_base_url(base_url)
    assert [each.path for each in caught.value.violations] == ["base_url"]
    assert "Qz7Marked7zQ" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("local", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, loopback: bool):  # noqa: FBT001 - a parameter
    assert is_loopback(host) is loopback
