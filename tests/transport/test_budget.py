"""The async shell of the budget, in virtual time."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

import anyio
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from agora_rec.clock import SystemClock
from agora_rec.errors import InvalidRequest
from agora_rec.transport.budget import LocalBudget, Unpaced
from agora_rec.vocabulary import Priority
from tests.support.backends import virtual_time
from tests.support.windows import most_in_any_window

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio


class Callers:
    """Callers of a budget that note when each got its slot; leaving waits for them."""

    def __init__(self, budget: LocalBudget) -> None:
        self.budget = budget
        self.tasks = anyio.create_task_group()
        self.served: list[tuple[str, float]] = []

    async def __aenter__(self) -> Self:
        await self.tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.tasks.__aexit__(kind, error, trace)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.served]

    @property
    def moments(self) -> list[float]:
        """When each got its slot, counted from the first."""
        return [round(moment - self.served[0][1], 3) for _, moment in self.served]

    def ask(self, name: str, priority: Priority = Priority.WATCH) -> Callable[[], None]:
        """Queue up; the result leaves the queue again."""
        scope = anyio.CancelScope()

        async def ask() -> None:
            with scope:
                await self.budget.slot(priority)
                self.served.append((name, anyio.current_time()))

        self.tasks.start_soon(ask)
        return scope.cancel

    async def ask_behind(self, name: str, priority: Priority = Priority.WATCH) -> Callable[[], None]:
        """Queue up behind those who asked before: trio starts tasks in any order."""
        leave = self.ask(name, priority)
        await settled()
        return leave


async def settled() -> None:
    """Let all tasks run that can, without the clock moving on."""
    for _ in range(2):
        await anyio.lowlevel.checkpoint()


@pytest.mark.untraced
async def test_five_thousand_callers_use_the_rate_that_the_margin_leaves():
    budget = LocalBudget(10)
    async with Callers(budget) as callers:
        for number in range(5000):
            await callers.ask_behind(str(number))
    moments = [moment for _, moment in callers.served]
    assert most_in_any_window(moments, 1.05) <= 10
    assert 4999 / (moments[-1] - moments[0]) >= 0.98 * 10 / 1.05
    assert callers.names == [str(number) for number in range(5000)]
    assert (budget.waiting, budget.used) == (0, 5000)


@pytest.mark.untraced
async def test_a_stop_behind_five_thousand_queries_waits_no_longer_than_two_slots():
    budget = LocalBudget(10)
    async with Callers(budget) as callers:
        for number in range(5000):
            callers.ask(str(number))
        await anyio.sleep(1.02)
        callers.ask("stop", Priority.STOP)
        await anyio.sleep(0.3)
        callers.tasks.cancel_scope.cancel()
    assert dict(callers.served)["stop"] - callers.served[0][1] - 1.02 <= 2 * 1.05 / 10


async def test_waiters_go_by_priority_then_by_arrival():
    async with Callers(LocalBudget(10)) as callers:
        await callers.ask_behind("first")
        for name, priority in [
            ("watch", Priority.WATCH),
            ("update 1", Priority.UPDATE),
            ("start", Priority.START),
            ("update 2", Priority.UPDATE),
            ("acquire", Priority.ACQUIRE),
            ("confirm", Priority.CONFIRM),
            ("stop", Priority.STOP),
        ]:
            await callers.ask_behind(name, priority)
    assert callers.names == [
        "first", "stop", "start", "confirm", "acquire", "update 1", "update 2", "watch",
    ]  # fmt: skip


async def test_who_comes_first_later_on_takes_over_the_sleeping_from_who_was_first():
    async with Callers(LocalBudget(1, 0.0)) as callers:
        await callers.ask_behind("now")
        await callers.ask_behind("patient")
        await anyio.sleep(0.5)
        await callers.ask_behind("urgent", Priority.STOP)
    assert callers.names == ["now", "urgent", "patient"]
    assert callers.moments == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("leaver", ["b", "c", "d"])
async def test_who_leaves_gives_the_place_back(leaver: str):
    budget = LocalBudget(1, 0.0)
    async with Callers(budget) as callers:
        leave = {name: await callers.ask_behind(name) for name in "abcd"}
        await anyio.sleep(0.5)
        assert budget.waiting == 3
        leave[leaver]()
        await settled()
        assert budget.waiting == 2
    assert callers.names == [name for name in "abcd" if name != leaver]
    assert callers.moments == [0.0, 1.0, 2.0]
    assert budget.used == 3


@given(st.integers(0, 2**32), st.sampled_from([0.5, 3.0, 10.0, 400.0]))
def test_no_caller_is_lost_or_overtaken_whoever_comes_and_goes(seed: int, qps: float):
    chance = random.Random(seed)
    stayed: list[tuple[Priority, int]] = []
    served: list[tuple[Priority, int, float]] = []

    async def caller(budget: LocalBudget, priority: Priority, number: int, patience: float) -> None:
        with anyio.move_on_after(patience):
            await budget.slot(priority)
            served.append((priority, number, anyio.current_time()))
            return
        assert patience != float("inf")

    async def main() -> None:
        budget = LocalBudget(qps)
        async with anyio.create_task_group() as tasks:
            for number in range(40):
                priority = chance.choice(list(Priority))
                stays = chance.random() < 0.7
                patience = float("inf") if stays else chance.random() * 20 / qps
                if stays:
                    stayed.append((priority, number))
                tasks.start_soon(caller, budget, priority, number, patience)
                await anyio.sleep(chance.choice([0.0, 0.0, 0.3 / qps, 2 / qps]))
                if chance.random() < 0.05:
                    budget.slow_down()
        assert (budget.waiting, budget.used) == (0, len(served))

    trio.run(main, clock=MockClock(autojump_threshold=0))  # anyio.run forgets the clock before 4.14
    assert set(stayed) <= {(priority, number) for priority, number, _ in served}
    moments = [moment for _, _, moment in served]
    assert most_in_any_window(moments, 1.05 * max(1.0, 1 / qps)) <= max(1, int(qps))
    for priority in Priority:
        numbers = [number for each, number, _ in served if each is priority]
        assert numbers == sorted(numbers)


async def test_through_a_flood_of_stops_a_start_comes_in_time_and_watching_queries_have_their_share():
    async with Callers(LocalBudget(10, 0.0)) as callers:
        await callers.ask_behind("acquire", Priority.ACQUIRE)
        for number in range(40):
            await callers.ask_behind(f"stop {number}", Priority.STOP)
        await callers.ask_behind("watch 1")
        await callers.ask_behind("watch 2")
        await callers.ask_behind("start", Priority.START)
    served = dict(zip(callers.names, callers.moments, strict=True))
    assert served["start"] == pytest.approx(1.7), (
        "the last moment with a slot in reserve, for a watching query"
    )
    assert (served["watch 1"], served["watch 2"]) == (1.0, 2.0)


async def test_a_start_that_can_wait_no_longer_takes_over_from_a_stop_that_was_next_already():
    budget = LocalBudget(10, 0.0)
    async with Callers(budget) as callers:
        await callers.ask_behind("acquire", Priority.ACQUIRE)
        await callers.ask_behind("start", Priority.START)
        for number in range(40):
            await callers.ask_behind(f"stop {number}", Priority.STOP)
        await anyio.sleep(1.45)
        budget.slow_down()
    served = dict(zip(callers.names, callers.moments, strict=True))
    assert served["start"] == pytest.approx(1.65), "the next slot of the slower pace"


async def test_an_acquire_waits_until_there_is_room_for_its_start():
    budget = LocalBudget(10, 0.0)
    async with Callers(budget) as callers:
        for number in range(17):
            await callers.ask_behind(str(number), Priority.ACQUIRE)
        await anyio.sleep(1.75)
        await callers.ask_behind("update", Priority.UPDATE)
    assert callers.moments[:16] == pytest.approx([number / 10 for number in range(16)])
    assert callers.served[16][0] == "update"
    assert callers.moments[16:] == pytest.approx([1.75, 2.0], abs=1e-3)


async def test_an_acquire_that_needs_no_waiting_waits_for_room_all_the_same():
    budget = LocalBudget(1, 0.0)
    await budget.slot(Priority.ACQUIRE)
    await anyio.sleep(1.5)
    began = anyio.current_time()
    async with Callers(budget) as callers:
        callers.ask("acquire", Priority.ACQUIRE)
        await anyio.sleep(0.1)
        callers.ask("start", Priority.START)
    assert callers.names == ["start", "acquire"]
    assert callers.served[1][1] - began == pytest.approx(1.1, abs=1e-3)


async def test_who_queues_up_behind_others_disturbs_nobody():
    class Counting(SystemClock):
        sleeps = 0

        def move_on_after(self, seconds: float | None) -> AbstractContextManager[anyio.CancelScope]:
            self.sleeps += 1
            return super().move_on_after(seconds)

    clock = Counting()
    async with Callers(LocalBudget(0.1, clock=clock)) as callers:
        for number in range(100):
            await callers.ask_behind(str(number))
        assert clock.sleeps == 99, "each of those that wait went to sleep once"
        callers.tasks.cancel_scope.cancel()


async def test_slowing_down_is_felt_by_those_who_wait_already():
    budget = LocalBudget(10, 0.0)
    async with Callers(budget) as callers:
        for name in "abcd":
            await callers.ask_behind(name)
        await anyio.sleep(0.05)
        budget.slow_down()
    assert callers.moments == [0.0, 0.25, 0.45, 0.65]


async def test_time_comes_from_the_clock_that_was_given():
    class Shifted(SystemClock):
        def monotonic(self) -> float:
            return super().monotonic() + 1e6

    budget = LocalBudget(1, 0.0, clock=Shifted())
    began = anyio.current_time()
    for _ in range(3):
        await budget.slot(Priority.STOP)
    assert anyio.current_time() - began == pytest.approx(2.0, rel=1e-4)


async def test_a_slot_is_there_at_once_only_if_its_moment_has_come_and_nobody_waits():
    budget = LocalBudget(1, 0.0)
    async with Callers(budget) as callers:
        assert budget.slot_nowait(Priority.WATCH)
        assert not budget.slot_nowait(Priority.STOP)
        await callers.ask_behind("waits")
        await anyio.sleep(1.0 - 1e-9)
        assert not budget.slot_nowait(Priority.STOP)
    await anyio.sleep(1.01)
    assert budget.slot_nowait(Priority.WATCH)
    assert budget.used == 3


async def test_unpaced_lets_everybody_through_at_once():
    budget = Unpaced()
    began = anyio.current_time()
    for _ in range(1000):
        await budget.slot(Priority.WATCH)
    budget.slow_down()
    assert (anyio.current_time(), budget.waiting, budget.used) == (began, 0, 1000)
    assert repr(budget) == "Unpaced(used=1000)"


async def test_the_repr_says_how_busy_it_is():
    budget = LocalBudget(10)
    await budget.slot(Priority.STOP)
    assert repr(budget) == "LocalBudget(qps=10, jitter=0.05, waiting=0, used=1)"


@pytest.mark.parametrize(
    ("qps", "jitter", "paths"),
    [
        (0, 0.05, ["qps"]),
        (-1, 0.05, ["qps"]),
        (float("nan"), 0.05, ["qps"]),
        (float("inf"), 0.05, ["qps"]),
        ("10", 0.05, ["qps"]),
        (10**400, 0.05, ["qps"]),
        (True, None, ["qps", "jitter"]),
        (10, -0.1, ["jitter"]),
        (0, float("nan"), ["qps", "jitter"]),
    ],
)
async def test_a_rate_that_means_nothing_is_refused(qps: Any, jitter: Any, paths: list[str]):
    with pytest.raises(InvalidRequest) as caught:
        LocalBudget(qps, jitter)
    assert [each.path for each in caught.value.violations] == paths
