"""What holds of every policy and every course of events: waits that mean something, and an end."""

import math

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.transport.retries import Mishap, RetryPolicy, Trouble

pytestmark = pytest.mark.untraced

SPANS = st.floats(0, 1e5, allow_nan=False)
WAITS = st.lists(SPANS, max_size=4).map(tuple)
POLICIES = st.builds(
    RetryPolicy,
    no_answer=WAITS,
    unreadable=WAITS,
    rate_limited=WAITS,
    not_completed=WAITS,
    server=WAITS,
    start_server=WAITS,
    query_server=WAITS,
    stop_404=WAITS,
    stop_404_every=st.floats(10, 1e5),
    stop_404_for=st.floats(0, 200),
    retry_after_limit=SPANS,
)
ASKED = st.just(0.0) | st.floats(0, 1e9)
STEPS = st.lists(st.tuples(st.sampled_from(Trouble), st.floats(0, 100), ASKED), min_size=1, max_size=80)
Steps = list[tuple[Trouble, float, float]]


def played(policy: RetryPolicy, steps: Steps, deadline: float | None) -> tuple[list[Mishap], list[float]]:
    """The mishaps of a call and its waits: each attempt takes its time and ends in the next trouble."""
    mishaps: list[Mishap] = []
    waits: list[float] = []
    now = 0.0
    for trouble, seconds, asked in steps:
        now += seconds
        mishaps.append(Mishap(trouble, now, asked))
        wait = policy.wait(mishaps, deadline=deadline)
        if wait is None:
            break
        waits.append(wait)
        now += wait
    return mishaps, waits


def most_attempts(policy: RetryPolicy) -> int:
    """What the policy allows a call at most, whatever happens to it."""
    own = (len(getattr(policy, trouble.value)) for trouble in Trouble)
    return 1 + sum(own) + math.floor(policy.stop_404_for / policy.stop_404_every)


@given(POLICIES, STEPS, st.none() | SPANS)
def test_no_wait_is_negative_and_none_reaches_past_the_deadline(
    policy: RetryPolicy, steps: Steps, deadline: float | None
):
    mishaps, waits = played(policy, steps, deadline)
    assert all(wait >= 0 and math.isfinite(wait) for wait in waits)
    for mishap, wait in zip(mishaps, waits, strict=False):
        assert deadline is None or mishap.at + wait <= deadline


@given(POLICIES, STEPS)
def test_every_call_comes_to_an_end(policy: RetryPolicy, steps: Steps):
    mishaps, waits = played(policy, steps, None)
    assert len(waits) <= most_attempts(policy) - 1
    assert len(mishaps) <= most_attempts(policy)


@given(POLICIES, STEPS, SPANS)
def test_a_deadline_ends_a_call_earlier_and_changes_nothing_else(
    policy: RetryPolicy, steps: Steps, deadline: float
):
    _, bounded = played(policy, steps, deadline)
    _, free = played(policy, steps, None)
    assert bounded == free[: len(bounded)]


@given(POLICIES, STEPS)
def test_time_that_is_asked_for_only_ever_lengthens_a_wait_and_within_its_bound(
    policy: RetryPolicy, steps: Steps
):
    mishaps, _ = played(policy, steps, None)
    for count in range(1, len(mishaps) + 1):
        heeded = policy.wait(mishaps[:count])
        own = policy.wait([evolve(each, retry_after=0.0) for each in mishaps[:count]])
        assert (heeded is None) == (own is None)
        if heeded is not None and own is not None:
            assert own <= heeded <= max(own, policy.retry_after_limit)


@given(POLICIES, STEPS)
def test_a_trouble_counts_its_own_mishaps_and_no_others(policy: RetryPolicy, steps: Steps):
    mishaps, _ = played(policy, steps, None)
    same = [each for each in mishaps if each.trouble is mishaps[-1].trouble]
    assert policy.wait(mishaps) == policy.wait(same)


@given(POLICIES, STEPS)
def test_what_was_given_up_stays_given_up(policy: RetryPolicy, steps: Steps):
    mishaps, waits = played(policy, steps, None)
    # A 404 to a stop is bounded by time, and the next of its waits may be a shorter one.
    if len(waits) < len(mishaps) and mishaps[-1].trouble is not Trouble.STOP_404:
        later = evolve(mishaps[-1], at=mishaps[-1].at + 1.0)
        assert policy.wait([*mishaps, later]) is None
