"""Jobs: work that outlives the caller who asked for it."""

from contextvars import copy_context

import anyio
import pytest

from agora_rec.recording.jobs import Job
from agora_rec.transport import Interrupt
from tests.support.cloud import calling

pytestmark = pytest.mark.anyio


async def test_a_job_gives_its_value_to_all_who_wait() -> None:
    job: Job[int] = Job()

    async def work() -> int:
        await anyio.lowlevel.checkpoint()
        return 7

    async with anyio.create_task_group() as tasks:
        one = await calling(tasks, job.wait)
        two = await calling(tasks, job.wait)
        assert not job.is_done
        await job.run(copy_context(), work)
        await one.finished()
        await two.finished()
        assert (one.value, two.value) == (7, 7)
    assert job.is_done
    assert job.result() == 7


async def test_a_job_gives_its_error_to_all_who_wait() -> None:
    job: Job[int] = Job()

    async def work() -> int:
        raise KeyError("no")

    await job.run(copy_context(), work)
    for _ in range(2):
        with pytest.raises(KeyError):
            await job.wait()


async def test_a_job_that_is_torn_down_with_its_loop_still_wakes_those_who_wait() -> None:
    job: Job[int] = Job()

    async def work() -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await job.run(copy_context(), work)
    with pytest.raises(RuntimeError, match="cut off"):
        await job.wait()


async def test_a_job_may_fail_without_ever_having_run() -> None:
    job: Job[int] = Job()
    job.fail(ValueError("never"))
    assert job.is_done
    with pytest.raises(ValueError, match="never"):
        job.result()


async def test_who_follows_a_job_is_told_of_its_end_once_and_who_has_left_is_not() -> None:
    told: list[str] = []

    async def work() -> int:
        return 7

    followed: Job[int] = Job()
    followed.follow(lambda: told.append("followed"))
    left: Job[int] = Job()
    left.follow(lambda: told.append("left"))
    left.unfollow()
    for job in (followed, left):
        await job.run(copy_context(), work)
        await job.finished()
    assert told == ["followed"]


async def test_a_job_ends_as_soon_as_it_may_when_nobody_follows_it_any_more() -> None:
    switch = Interrupt()
    job: Job[int] = Job(switch)
    job.follow(lambda: None)
    requested = [switch.requested]
    job.unfollow()
    assert [*requested, switch.requested] == [False, True]
    assert job.is_left
