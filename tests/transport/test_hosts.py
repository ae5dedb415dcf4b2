from operator import itemgetter
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.errors import InvalidRequest
from agora_rec.transport import RetryPolicy
from agora_rec.transport.hosts import BACK_AFTER, PLACES, SETTLE, SUFFIXES, Hosts, is_loopback
from agora_rec.vocabulary import Area
from tests.support.reference import load

HOSTS = load("hosts")
A, B, WEST = "https://api.agora.io", "https://api.sd-rtn.com", "https://api-us-west-1.agora.io"


def fallen(hosts: Hosts, failures: list[bool]) -> list[str]:
    """The hosts that a call meets which fails each time; each failure says whether it was DNS."""
    met = []
    for second, dns in enumerate(failures):
        met.append(hosts.current(second))
        hosts.failed(met[-1], second, second, dns=dns)
    return [*met, hosts.current(len(failures))]


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


def test_the_waits_between_the_attempts_of_one_call_are_long_enough_for_each_to_count():
    assert min(HOSTS["failover"]["waits_s"]) > SETTLE
    assert RetryPolicy().no_answer == tuple(HOSTS["failover"]["waits_s"])


def test_an_answer_in_between_renews_the_patience_with_a_host():
    hosts = Hosts.of_area(Area.US)
    for second in range(5):
        hosts.failed(A, second, second, dns=False)
        hosts.answered(A, second)
    assert hosts.current(5) == A


def test_calls_that_fail_together_are_one_failure():
    hosts = Hosts.of_area(Area.US)
    for _ in range(50):
        hosts.failed(A, 0.0, 4.0, dns=False)
    assert hosts.current(4) == A
    for _ in range(50):
        hosts.failed(A, 5.0, 9.0, dns=False)
    assert hosts.current(9) == WEST


def test_calls_that_fail_one_after_another_in_a_bad_second_do_not_rush_through_the_candidates():
    hosts = Hosts.of_area(Area.US)
    for hundredth in range(90):
        now = hundredth / 100
        hosts.failed(hosts.current(now), now, now + 0.001, dns=True)
    assert hosts.current(0.9) == A


def test_attempts_that_began_before_a_host_was_left_and_come_back_to_are_no_news():
    hosts = Hosts.of_area(Area.US)
    assert fallen(hosts, [False] * 7)[-1] == A  # once round
    hosts.failed(A, 1.0, 8.0, dns=False)
    assert hosts.current(8) == A


def test_after_a_while_one_call_looks_whether_the_preferred_host_answers_and_then_all_go_back():
    hosts = Hosts.of_area(Area.US)
    fallen(hosts, [True, True])
    hosts.answered(B, 2.0)
    back = 1.0 + BACK_AFTER
    assert hosts.current(back - 0.1) == B
    assert hosts.current(back) == A
    assert hosts.current(back) == hosts.current(back + 9) == B  # the others stay
    hosts.answered(B, back)
    hosts.answered(A, back)
    assert hosts.current(back + 9) == hosts.current(10 * BACK_AFTER) == A


@pytest.mark.parametrize("outcome", ["failed", "nothing"])
def test_a_look_that_is_not_answered_changes_nothing_and_the_next_one_comes(outcome: str):
    hosts = Hosts.of_area(Area.US)
    fallen(hosts, [True, True])
    back = 1.0 + BACK_AFTER
    assert hosts.current(back) == A
    if outcome == "failed":
        hosts.failed(A, back, back + 4, dns=False)
    assert hosts.current(back + BACK_AFTER - 0.1) == B
    assert hosts.current(back + BACK_AFTER) == A


def test_a_host_that_was_gone_back_to_is_asked_twice_before_it_is_left_again():
    hosts = Hosts.of_area(Area.US)
    fallen(hosts, [True, True])
    back = hosts.current(1.0 + BACK_AFTER)
    hosts.answered(back, 1.0 + BACK_AFTER)
    now = 2 * BACK_AFTER
    hosts.failed(A, now, now, dns=False)
    assert hosts.current(now + 1) == A
    hosts.failed(A, now + 1, now + 1, dns=False)
    assert hosts.current(now + 2) == WEST


def test_failures_of_other_hosts_do_not_put_off_the_preferred_ones_next_chance():
    hosts = Hosts.of_area(Area.US)
    fallen(hosts, [True, True])
    for second in range(10, 13):
        hosts.failed(hosts.current(second), second, second, dns=True)
    assert hosts.current(BACK_AFTER) != A
    assert hosts.current(BACK_AFTER + 1) == A


def test_a_late_answer_of_a_host_that_was_left_changes_nothing():
    hosts = Hosts.of_area(Area.US)
    fallen(hosts, [True, True])
    hosts.answered(A, 0.5)
    assert hosts.current(2) == B
    assert hosts.current(1.0 + BACK_AFTER) == A
    hosts.answered(A, 0.5)  # nor while a look is under way
    assert hosts.current(2.0 + BACK_AFTER) == B


def test_one_base_url_is_never_left():
    hosts = Hosts.of_base_url("https://proxy.example.com/agora/")
    assert set(fallen(hosts, [True, False] * 4)) == {"https://proxy.example.com/agora"}
    assert hosts.current(1e9) == "https://proxy.example.com/agora"


STORIES = st.lists(
    st.tuples(st.sampled_from(["dns", "network", "answer"]), st.floats(0, 50), st.floats(0, 10)), max_size=40
)


@given(st.sampled_from(Area), STORIES)
def test_whatever_happens_a_candidate_is_asked_and_one_that_answers_is_kept(
    area: Area, story: list[tuple[str, float, float]]
):
    hosts = Hosts.of_area(area)
    now = 0.0
    for what, pause, seconds in story:
        now += pause
        began, host = now, hosts.current(now)
        assert host in hosts.candidates
        now += seconds
        if what == "answer":
            hosts.answered(host, began)
            assert hosts._url(hosts._at) == host
        else:
            hosts.failed(host, began, now, dns=what == "dns")


@given(st.sampled_from(Area), STORIES, st.booleans())
def test_a_host_that_is_dead_is_left_after_two_failures_with_the_documented_wait_between(
    area: Area,
    story: list[tuple[str, float, float]],
    dns: bool,  # noqa: FBT001 - drawn
):
    hosts = Hosts.of_area(area)
    now = 0.0
    for what, pause, seconds in story:
        now += pause
        host = hosts.current(now)
        if what == "answer":
            hosts.answered(host, now)
        else:
            hosts.failed(host, now, now + seconds, dns=what == "dns")
        now += seconds
    before = hosts._url(hosts._at)
    for _ in range(2):
        now += 1
        hosts.failed(before, now, now, dns=dns)
        if hosts._url(hosts._at) != before:
            break
    assert hosts._url(hosts._at) != before


@given(st.lists(st.tuples(st.floats(0, 0.89), st.floats(0, 5)), min_size=1, max_size=60))
def test_attempts_that_all_began_within_moments_are_one_failure(attempts: list[tuple[float, float]]):
    hosts = Hosts.of_area(Area.EU)
    for began, end in sorted(((began, began + seconds) for began, seconds in attempts), key=itemgetter(1)):
        hosts.failed("https://api.agora.io", began, end, dns=False)
    assert hosts._url(hosts._at) == "https://api.agora.io"


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
