"""When running recordings are looked at: as often the budget allows, evenly, less where life is proved."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.supervision import Rota

seconds = st.floats(0.0, 1e6)


@given(st.integers(0, 100_000), st.floats(0.1, 10_000.0) | st.just(inf))
def test_a_look_takes_its_turn_every_two_minutes_or_as_half_of_the_rate_allows(count: int, qps: float):
    assert Rota(qps, count).interval == max(120.0, count / (qps / 2))


@given(st.integers(1, 300), st.data())
def test_those_that_begin_whenever_they_like_are_looked_at_evenly(count: int, data: st.DataObject):
    rota = Rota(inf, count)
    kind = data.draw(st.sampled_from(["at once", "in a row", "anyhow"]))
    step = 0.0 if kind == "at once" else data.draw(st.floats(0.0, 240.0))
    began = [number * step for number in range(count)]
    if kind == "anyhow":
        began = sorted(data.draw(st.lists(seconds, min_size=count, max_size=count)))
    looks = [rota.first(at) for at in began]
    assert all(at < look <= at + rota.interval + 1e-6 for at, look in zip(began, looks, strict=True))
    phases = sorted(look % rota.interval for look in looks)
    gaps = [b - a for a, b in zip(phases, [*phases[1:], phases[0] + rota.interval], strict=True)]
    assert max(gaps) <= 2.7 * rota.interval / count


@given(seconds, seconds, st.integers(0, 20_000))
def test_notifications_put_a_look_off_by_an_interval_and_five_in_all(
    answered: float, heard: float, count: int
):
    rota = Rota(100.0, count)
    at = rota.after(answered, heard)
    assert at >= answered + rota.interval
    assert at <= answered + 5 * rota.interval
    assert at <= max(answered, heard) + rota.interval


def test_what_was_never_heard_of_is_looked_at_an_interval_after_its_last_look():
    assert Rota(100.0).after(50.0, -inf) == 170.0


@given(st.lists(st.floats(0.0, 30.0), min_size=1, max_size=200), st.integers(1, 20_000))
def test_looks_that_come_due_at_once_keep_their_distance(waits: list[float], count: int):
    rota, now, last = Rota(100.0, count), 0.0, -inf
    spacing = min(1.0, 0.98 * rota.interval / count)
    for wait in waits:
        now += wait
        place = rota.place(now)
        assert place == now or place > now + 0.09 * spacing, "nobody is woken twice for nothing"
        assert place - last >= 0.89 * spacing
        assert place <= max(now, last + 1.1 * spacing), "nobody waits for a place that nobody has"
        last = place


@pytest.mark.parametrize("count", [1, 100, 6_000, 20_000])
def test_even_if_all_come_due_at_once_all_are_looked_at_before_their_turn_comes_again(count: int):
    rota = Rota(100.0, count)
    places = [rota.place(1000.0) for _ in range(count)]
    assert places[0] == 1000.0
    assert places[-1] <= 1000.0 + rota.interval
    assert len({round(at, 6) for at in places}) == count
