"""Whether budgets keep what they promise, and what it costs: `python -m benchmarks.budget`, about a minute.

`LocalBudget` runs in virtual time, with 5,000 callers queued; `RedisBudget` in real time, in ten processes
that share one limit through a Valkey server of their own. Windows are judged from outside, by the moments at
which callers got their slots.
"""

import itertools
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

import anyio
import trio
from attrs import define, field
from trio.testing import MockClock

from agora_rec.transport.budget import LocalBudget
from agora_rec.vocabulary import Priority
from tests.support.shared_limit import Job, Workers, moments
from tests.support.valkey import served_valkey
from tests.support.windows import most_in_any_window

QUEUED: Final = 5_000
AT_ONCE: Final = 200_000
JITTER: Final = 0.05


@define
class Course:
    """Callers of a budget, and when each class had its slots."""

    qps: float
    budget: LocalBudget = field(init=False)
    served: list[tuple[float, Priority]] = field(factory=list[tuple[float, Priority]])
    seconds: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.budget = LocalBudget(self.qps, JITTER)

    async def call(self, priority: Priority) -> float:
        """Wait for a slot; the moment at which it came."""
        await self.budget.slot(priority)
        now = anyio.current_time()
        self.served.append((now, priority))
        return now

    @property
    def moments(self) -> list[float]:
        """All moments, counted from the first."""
        return [moment - self.served[0][0] for moment, _ in self.served]


def in_virtual_time(work: Callable[[], Coroutine[Any, Any, None]]) -> float:
    """Run to the end without waiting; the CPU time that it took."""
    began = time.process_time()
    trio.run(work, clock=MockClock(autojump_threshold=0))
    return time.process_time() - began


def long_queue(qps: float) -> None:
    """5,000 queries at once: is the rate used, and kept in every window?"""
    course = Course(qps)

    async def work() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(QUEUED):
                tasks.start_soon(course.call, Priority.WATCH)

    cpu = in_virtual_time(work)
    rate = (QUEUED - 1) / course.moments[-1]
    most = most_in_any_window(course.moments, 1 + JITTER)
    print(f"  {QUEUED} queries queued")
    print(f"    used of what the margin leaves  {rate * (1 + JITTER) / qps:8.2%}   (target: 98 %)")
    print(f"    most in any window of 1.05 s    {most:8}   (limit: {qps:g})")
    print(f"    CPU of a slot, waiting included {cpu / QUEUED * 1e6:8.1f} us")


def urgent_behind_many(qps: float) -> None:
    """Stops, one after another, behind 5,000 queries: how many slots does each wait?"""
    course, waits = Course(qps), list[int]()

    async def work() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(QUEUED):
                tasks.start_soon(course.call, Priority.WATCH)
            for number in range(50):
                await anyio.sleep((1 + number / 50) / qps)
                before = len(course.served)
                await course.call(Priority.STOP)
                waits.append(len(course.served) - before)
            tasks.cancel_scope.cancel()

    in_virtual_time(work)
    print(f"    slots that a stop waits         {max(waits):8}   (target: 2)")


def flood_of_stops(qps: float) -> None:
    """Stops without end: do watching queries get their share, and starts their two seconds?"""
    course, delays = Course(qps), list[float]()

    async def record() -> None:
        acquired = await course.call(Priority.ACQUIRE)
        await anyio.sleep(0.3)
        delays.append(await course.call(Priority.START) - acquired)

    async def stop() -> None:
        while True:
            await course.call(Priority.STOP)

    async def work() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(round(qps)):
                tasks.start_soon(record)
            await anyio.sleep(0.29)  # some have acquired, none has started
            for _ in range(round(qps) * 2):
                tasks.start_soon(stop)
            for _ in range(round(qps)):
                tasks.start_soon(course.call, Priority.WATCH)
            await anyio.sleep(8)
            tasks.cancel_scope.cancel()

    in_virtual_time(work)
    flooded = [priority for moment, priority in course.served if moment > course.served[0][0] + 0.3]
    others = itertools.groupby(flooded, key=lambda priority: priority is Priority.WATCH)
    in_a_row = [len(list(group)) for is_watch, group in others if not is_watch]
    print("  a flood of stops")
    print(f"    others between watching queries {max(in_a_row[:-1]):8}   (limit: 9)")
    print(f"    longest from acquire to start   {max(delays):8.2f} s (limit: 2 s; {len(delays)} starts)")


def nobody_waits() -> None:
    """What a slot costs that is there at once."""

    async def work() -> None:
        budget = LocalBudget(1e9)
        began = time.process_time()
        for _ in range(AT_ONCE):
            await budget.slot(Priority.CONFIRM)
        cpu = time.process_time() - began
        print(f"\n  CPU of a slot that is there at once {cpu / AT_ONCE * 1e6:6.1f} us")

    anyio.run(work)


def processes(qps: float, count: int, seconds: float) -> None:
    """Ten processes that want more than there is, through one Valkey server."""
    with served_valkey() as server:
        served = Workers(Job(server.url, qps, count, seconds)).served()
        asked = server.calls("evalsha")
    everything = moments(served)
    busy = [moment for moment in everything if everything[0] + 0.5 < moment < everything[-1] - 0.5]
    rate = (len(busy) - 1) / (busy[-1] - busy[0])
    shares = sorted(map(len, served))
    print(f"\nRedisBudget, {count} processes (asyncio and trio), qps {qps:g}, {seconds:g} s of real time")
    print(f"    used of what the margin leaves  {rate * (1 + JITTER) / qps:8.2%}")
    print(f"    most in any window of 1 s       {most_in_any_window(everything, 1.0):8}   (limit: {qps:g})")
    print(f"    questions to the server a slot  {asked / len(everything):8.2f}")
    print(f"    slots of a process, least, most {shares[0]:5} {shares[-1]:5}")


def main() -> None:
    """Run all."""
    for qps in (10.0, 1000.0):
        print(f"\nLocalBudget, qps {qps:g}, virtual time")
        long_queue(qps)
        urgent_behind_many(qps)
        flood_of_stops(qps)
    nobody_waits()
    for qps, seconds in ((10.0, 12.0), (200.0, 6.0), (1000.0, 6.0)):
        processes(qps, 10, seconds)


if __name__ == "__main__":
    main()
