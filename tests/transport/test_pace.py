import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.transport.budget.pace import CATCH_UP, RECOVERY, SLOWEST, Pace
from tests.support.windows import most_in_any_window

rates = st.one_of(
    st.floats(0.05, 20.0),
    st.integers(1, 50).map(float),
    st.sampled_from([0.5, 2.5, 10.0, 999.5, 1000.0, 10_000.0]),
)
jitters = st.sampled_from([0.0, 0.05, 0.3])
gaps = st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60)


def played(pace: Pace, asked: list[float], late: list[float]) -> list[float]:
    """Moments of calls that are asked for one after another; each goes out a little late."""
    moments: list[float] = []
    now = 0.0
    for index, gap in enumerate(asked):
        due = pace.due(now + gap)
        now = due + late[index % len(late)]
        pace.take(now, due)
        moments.append(now)
    return moments


@given(rates, jitters, gaps, st.lists(st.floats(0.0, 0.5), min_size=1, max_size=5))
def test_no_window_holds_more_calls_than_the_rate_allows(
    qps: float, jitter: float, asked: list[float], late: list[float]
):
    moments = played(Pace(qps, jitter), asked, late)
    window = (1 + jitter) * max(1.0, 1 / qps)
    assert most_in_any_window(moments, window) <= max(1, math.floor(qps))


@given(st.integers(1, 40), jitters)
def test_a_long_queue_is_served_evenly_and_at_the_full_rate(qps: int, jitter: float):
    moments = played(Pace(float(qps), jitter), [0.0] * (qps * 4), [0.0])
    spaces = [later - earlier for earlier, later in pairwise(moments)]
    even = (1 + jitter) / qps
    assert spaces == pytest.approx([even] * len(spaces), rel=1e-5)


@given(rates, gaps)
def test_an_idle_budget_gives_no_burst_afterwards(qps: float, asked: list[float]):
    pace = Pace(qps, 0.05)
    moments = played(pace, [0.0, 100.0 / qps, *([0.0] * 5)], [0.0])
    assert all(later - earlier >= pace.interval(0) * (1 - 1e-9) for earlier, later in pairwise(moments))


@given(st.integers(2, 2000))
def test_timers_that_wake_late_cost_one_lateness_per_window_not_one_per_call(qps: int):
    pace = Pace(float(qps), 0.05)
    late = [CATCH_UP / 2, 0.0, CATCH_UP / 3]
    now = began = pace.due(0.0)
    for number in range(400):  # all of them have waited since the beginning
        due = pace.due(0.0)
        now = max(now, due + late[number % 3])
        pace.take(now, due)
    windows = 399 / qps
    assert now - began <= windows * pace.window + (windows + 2) * CATCH_UP / 2


def test_a_rate_below_one_stretches_the_window():
    assert played(Pace(0.5, 0.05), [0.0] * 3, [0.0]) == pytest.approx([0.0, 2.1, 4.2], rel=1e-5)


def test_a_broken_rate_is_rounded_down_to_whole_calls_in_the_window():
    assert Pace(2.9, 0.0).count == 2


def test_slowing_down_halves_the_rate_and_it_recovers_step_by_step():
    pace = Pace(10.0, 0.0)
    usual = pace.interval(0.0)
    pace.slow_down(100.0)
    assert pace.interval(100.0) == 2 * usual
    pace.slow_down(102.0)
    assert pace.interval(102.0) == 4 * usual
    assert pace.interval(102.0 + RECOVERY) == 2 * usual
    assert pace.interval(102.0 + 2 * RECOVERY) == usual
    assert pace.interval(102.0 + 9 * RECOVERY) == usual


def test_answers_of_calls_that_were_under_way_together_slow_down_once():
    pace = Pace(10.0, 0.0)
    for late in range(10):
        pace.slow_down(50.0 + late / 20)
    assert pace.interval(50.5) == 2 * pace.window / pace.count


def test_it_never_gets_slower_than_the_slowest():
    pace = Pace(10.0, 0.0)
    for second in range(20):
        pace.slow_down(second * 2.0)
    assert pace.interval(38.0) == pace.window / pace.count * 2**SLOWEST


def test_slowing_down_moves_the_next_call_away():
    pace = Pace(10.0, 0.0)
    pace.take(0.0, 0.0)
    pace.slow_down(0.05)
    assert pace.due(0.05) == pytest.approx(0.25, rel=1e-5)


@given(rates, gaps, st.sets(st.integers(0, 59), max_size=6))
def test_the_bound_holds_while_it_slows_down_and_recovers(qps: float, asked: list[float], refused: set[int]):
    pace = Pace(qps, 0.05)
    moments: list[float] = []
    now = 0.0
    for index, gap in enumerate(asked):
        if index in refused:
            pace.slow_down(now)
        now = pace.due(now + gap)
        pace.take(now, now)
        moments.append(now)
    assert most_in_any_window(moments, 1.05 * max(1.0, 1 / qps)) <= max(1, math.floor(qps))
