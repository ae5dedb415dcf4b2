"""What many recordings cost while they idle: memory, tasks and wake-ups; and how their looks are spread.

A small version of `benchmarks/fleet.py`, with what doesn't depend on the machine.
"""

import gc
import logging
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from math import inf
from typing import Final

import anyio
import pytest
import trio
from attrs import define, field
from trio.testing import MockClock

from agora_rec import LoopClock, State
from agora_rec.fleet import Fleet, Spec
from agora_rec.supervision.agenda import Agenda
from agora_rec.supervision.rota import Rota
from tests.supervision.desk import desk
from tests.support.backends import virtual_time
from tests.support.cloud import QUERY, mix
from tests.support.instant import InstantService, client_of

anyio_backend = virtual_time

FEW: Final = 30
MANY: Final = 60
SECONDS: Final = 720.0
MEMORY: Final = 6.75 * 1024
"""Bytes for each; alone it was 5,700 when this was written, and 6,291 once in a process with other tests.
`benchmarks.fleet` holds ten thousand to 6 KiB."""
SUPERVISOR: Final = "agora_rec.supervision.supervisor.Supervisor.run"


@define(eq=False)
class Day(trio.abc.Instrument):
    """What was seen of a fleet that is left alone."""

    bytes_each: float = 0.0
    tasks_of_few: int = 0
    tasks_of_many: int = 0
    looks: list[float] = field(factory=list[float])
    spawned: int = 0
    steps: Counter[str] = field(factory=Counter[str])

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        self.spawned += 1

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.steps[task.name] += 1


def specs(first: int, count: int) -> Iterator[Spec]:
    for uid in range(first, first + count):
        yield Spec(f"class-{uid}", uid, mix(), token=f"{uid:0139}")


async def begin(fleet: Fleet, first: int, count: int) -> None:
    """Have so many record, and wait until they are confirmed and idle."""

    async def to_the_end() -> None:
        async for _ in fleet.record(specs(first, count)):
            pass

    fleet._roster.spawn(to_the_end)
    await anyio.sleep(250)
    assert {recording.state for recording in fleet.recordings} == {State.RECORDING}


def living() -> int:
    return trio.lowlevel.current_statistics().tasks_living


async def live(day: Day) -> None:
    clock, service = LoopClock(), InstantService()
    async with (
        client_of(service, qps=100, clock=clock) as cloud,
        Fleet(cloud, limit=FEW + MANY, on_exit="stop") as fleet,
    ):
        await begin(fleet, 1, FEW)
        gc.collect()
        day.tasks_of_few = living()
        before, _ = tracemalloc.get_traced_memory()
        await begin(fleet, 1 + FEW, MANY)
        day.tasks_of_many = living() - 1  # the second reader of results
        gc.collect()
        day.bytes_each = (tracemalloc.get_traced_memory()[0] - before) / MANY
        tracemalloc.stop()
        service.on_query = day.looks.append
        trio.lowlevel.add_instrument(day)
        await anyio.sleep(SECONDS)
        trio.lowlevel.remove_instrument(day)
        service.on_query = lambda _: None


@pytest.fixture(scope="module")
def day() -> Day:
    seen, logger = Day(), logging.getLogger("agora_rec")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # what is logged, pytest keeps
    tracemalloc.start()
    try:
        clock = MockClock(autojump_threshold=0)
        anyio.run(live, seen, backend="trio", backend_options={"clock": clock})
    finally:
        tracemalloc.stop()
        logger.setLevel(level)
    return seen


def test_a_recording_of_a_fleet_takes_little_memory_however_often_it_was_looked_at(day: Day):
    assert day.bytes_each < MEMORY


def test_a_recording_that_idles_has_no_task(day: Day):
    assert day.tasks_of_many == day.tasks_of_few


def test_a_look_takes_no_new_task_and_one_wake_up_of_the_supervisor(day: Day):
    assert len(day.looks) == pytest.approx((FEW + MANY) * SECONDS / 120, rel=0.02)
    assert day.spawned == 0
    assert day.steps[SUPERVISOR] <= 1.05 * len(day.looks)


def test_looks_are_spread_evenly(day: Day):
    ideal = SECONDS / len(day.looks)
    gaps = [after - before for before, after in pairwise(day.looks)]
    assert max(gaps) < 3 * ideal
    bins = Counter(int((moment - day.looks[0]) / 40) for moment in day.looks)
    full = [bins[number] for number in range(int(SECONDS / 40) - 1)]
    mean = sum(full) / len(full)
    assert max(full) <= 1.1 * mean + 1
    assert min(full) >= 0.85 * mean - 1


@define
class Somebody:
    due: float = inf


def test_moments_that_count_no_more_are_not_held_until_they_come():
    agenda, item = Agenda[Somebody](), Somebody()
    for moment in range(1000):
        agenda.note(item, 1e6)
        agenda.note(item, moment)
        assert list(agenda.take_due(moment)) == [item]
    assert len(agenda._heap) < 100
    agenda.note(item, 2e6)
    agenda.drop(item)
    assert list(agenda.take_due(3e6)) == []


def test_a_burst_is_spread_over_nearly_the_whole_interval_and_less_than_it():
    rota = Rota(100.0, 1000)
    places = [rota.place(0.0) for _ in range(1000)]
    assert 0.95 * rota.interval < places[-1] < rota.interval
    assert len(set(places)) == len(places)


def test_what_comes_a_little_early_is_not_put_off():
    rota = Rota(100.0, 1200)
    assert rota.place(0.0) == 0.0
    assert rota.place(0.09) == 0.09
    assert rota.place(0.09) > 0.18


@pytest.mark.anyio
async def test_a_look_that_waits_for_its_slot_is_withdrawn_when_nobody_looks_after_the_recording_any_more():
    async with desk(client={"qps": 0.2}, latency=0) as at:
        charge = await at.confirmed()
        await anyio.sleep(10)
        await charge.recording.query()  # takes the slot
        charge.look_at = at.on.clock.monotonic()
        at.supervisor.touch(charge)
        await anyio.wait_all_tasks_blocked()
        assert charge.is_busy
        before = len(at.on.calls(QUERY))
        at.supervisor.dismiss(charge)
        await anyio.sleep(60)
        assert len(at.on.calls(QUERY)) == before
        assert not charge.is_busy
