"""The crew: tasks that do a client's work, one piece after another."""

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskGroup
from trio.testing import MockClock

from agora_rec.client.crew import THINNED_EVERY, Crew
from agora_rec.clock import LoopClock
from agora_rec.recording.jobs import Job

pytestmark = pytest.mark.anyio

who: ContextVar[object] = ContextVar("who", default=None)


class Request:
    """What a caller's context holds."""


@asynccontextmanager
async def a_crew() -> AsyncGenerator[tuple[Crew, TaskGroup]]:
    async with anyio.create_task_group() as group:
        crew = Crew(group, LoopClock())
        try:
            yield crew, group
        finally:
            crew.dismiss()


async def task_of_a_job(crew: Crew) -> int:
    job: Job[int] = Job()
    crew.spawn(job, its_task)
    return await job.wait()


async def its_task() -> int:
    await anyio.lowlevel.checkpoint()
    return anyio.get_current_task().id


async def at_once(crew: Crew, number: int) -> set[int]:
    """Have so many jobs done that are all under way at the same time; gives their tasks."""
    go = anyio.Event()

    async def wait() -> int:
        await go.wait()
        return anyio.get_current_task().id

    jobs: list[Job[int]] = [Job() for _ in range(number)]
    for job in jobs:
        crew.spawn(job, wait)
    await anyio.wait_all_tasks_blocked()
    go.set()
    return {await job.wait() for job in jobs}


def tasks() -> int:
    return len(anyio.get_running_tasks())


async def test_one_task_does_what_is_to_be_done_one_after_another() -> None:
    async with a_crew() as (crew, _):
        assert len({await task_of_a_job(crew) for _ in range(5)}) == 1


async def test_what_is_to_be_done_at_once_is_done_at_once_and_the_next_time_by_the_same_tasks() -> None:
    async with a_crew() as (crew, _):
        first = await at_once(crew, 5)
        assert len(first) == 5
        assert await at_once(crew, 5) == first


async def test_every_step_of_a_job_is_in_the_context_of_whoever_asked_for_it() -> None:
    async def two_steps(name: str) -> list[object]:
        found = [who.get()]
        await anyio.lowlevel.checkpoint()
        who.set(f"{name}'s own")
        await anyio.lowlevel.checkpoint()
        with anyio.move_on_after(0):
            await anyio.sleep_forever()
        return [*found, who.get()]

    async with a_crew() as (crew, _):
        for name in ("one", "two"):
            who.set(name)
            job: Job[list[object]] = Job()
            crew.spawn(job, two_steps, name)
            who.set("somebody else")
            assert await job.wait() == [name, f"{name}'s own"]
            assert who.get() == "somebody else"


async def test_who_waits_for_a_job_is_told_of_its_end_in_the_jobs_context() -> None:
    told: list[object] = []

    async def fail() -> None:
        raise KeyError

    async with a_crew() as (crew, _):
        for number, work in enumerate((anyio.lowlevel.checkpoint, fail)):
            who.set(number)
            job: Job[None] = Job()
            job.follow(lambda: told.append(who.get()))
            crew.spawn(job, work)
            who.set("somebody else")
            await job.finished()
    assert told == [0, 1]


async def test_a_task_that_rests_holds_on_to_nothing_of_what_it_did_or_of_where_it_was_begun() -> None:
    async with a_crew() as (crew, _):
        request = Request()
        who.set(request)
        await task_of_a_job(crew)
        await anyio.wait_all_tasks_blocked()
        who.set(None)
        gone = weakref.ref(request)
        del request
        gc.collect()
        assert gone() is None


async def test_a_job_goes_on_when_its_group_is_cancelled() -> None:
    async def work() -> int:
        await anyio.sleep(0.01)
        return 7

    job: Job[int] = Job()
    async with a_crew() as (crew, group):
        crew.spawn(job, work)
        group.cancel_scope.cancel()
    assert job.result() == 7


class TestOverTime:
    @pytest.fixture
    def anyio_backend(self) -> tuple[str, dict[str, Any]]:
        return "trio", {"clock": MockClock(autojump_threshold=0)}

    async def test_tasks_that_nothing_needs_for_a_while_end_and_the_others_stay(self) -> None:
        async with a_crew() as (crew, _):
            before = tasks()
            first = await at_once(crew, 5)
            assert tasks() == before + 5 + 1
            for _ in range(3):
                await anyio.sleep(THINNED_EVERY / 2)
                again = await at_once(crew, 2)
                assert again < first
            assert tasks() == before + 2 + 1
            await anyio.sleep(3 * THINNED_EVERY)
            assert tasks() == before
            await task_of_a_job(crew)
            assert tasks() == before + 1 + 1

    async def test_a_crew_that_had_to_grow_lets_nobody_go_at_once(self) -> None:
        async with a_crew() as (crew, _):
            await at_once(crew, 2)
            await anyio.sleep(THINNED_EVERY / 2)
            first = await at_once(crew, 3)
            await anyio.sleep(THINNED_EVERY / 2 + 1)
            assert await at_once(crew, 3) == first

    async def test_a_crew_that_is_dismissed_ends_at_once_and_with_what_is_under_way(self) -> None:
        job: Job[None] = Job()
        began = anyio.current_time()
        async with anyio.create_task_group() as group:
            crew = Crew(group, LoopClock())
            await at_once(crew, 3)
            crew.spawn(job, anyio.sleep, THINNED_EVERY / 10)
            crew.dismiss()
        assert job.is_done
        assert anyio.current_time() - began == pytest.approx(THINNED_EVERY / 10)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_task_that_is_cut_off_while_it_rests_ends_and_nothing_is_lost() -> None:
    async with a_crew() as (crew, group):
        before = tasks()
        first = await task_of_a_job(crew)
        (resting,) = [task for task in asyncio.all_tasks() if id(task) == first]
        job: Job[int] = Job()
        crew.spawn(job, its_task)
        resting.cancel()
        assert await job.wait() == first
        resting.cancel()
        await anyio.wait_all_tasks_blocked()
        assert tasks() == before + 1
        assert await task_of_a_job(crew) != first
        assert not group.cancel_scope.cancel_called
