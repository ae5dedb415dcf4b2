"""A caller's cancellation, on both event loops and by their own means, never stops the service."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest

from agora_rec.emulator import Delay, Emulator, Fate, Settings, SlowAnswer
from agora_rec.vocabulary import OperationName
from tests.emulator.stage import HandClock, Stage, example

pytestmark = pytest.mark.anyio

FAULTS = pytest.mark.parametrize("fault", [Delay(3), SlowAnswer(3)], ids=["delay", "slow"])


@asynccontextmanager
async def set_stage(fault: Delay | SlowAnswer) -> AsyncGenerator[tuple[Stage, str]]:
    """A start that would take three seconds, on a clock that stands still."""
    clock = HandClock()
    emulator = Emulator(clock=clock, settings=Settings(latency=0.0))
    auth = (emulator.customer_id, emulator.customer_secret)
    async with httpx.AsyncClient(
        base_url=emulator.base_url, transport=emulator.transport(), auth=auth
    ) as http:
        stage = Stage(emulator, http, clock)
        resource_id = await stage.acquired()
        emulator.inject(fault, operation=OperationName.START)
        yield stage, resource_id


async def check(stage: Stage, resource_id: str) -> None:
    """Something was cut off in the middle of its start; the service goes on with it."""
    assert stage.emulator.calls[-1].fate is Fate.PENDING
    stage.clock.pass_by(4)
    assert len(stage.emulator.running()) == 1
    answer = await stage.start(resource_id, example("start_mix_hls"))
    assert answer.status_code == 201
    assert [call.status for call in stage.emulator.calls] == [200, 200, 201]


@FAULTS
async def test_a_scope_that_is_cancelled(fault: Delay | SlowAnswer):
    async with set_stage(fault) as (stage, resource_id):
        async with anyio.create_task_group() as group:
            group.start_soon(stage.start, resource_id, example("start_mix_hls"))
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        await check(stage, resource_id)


@FAULTS
async def test_a_scope_that_gives_up(fault: Delay | SlowAnswer):
    async with set_stage(fault) as (stage, resource_id):
        with anyio.move_on_after(0.001) as scope:
            await stage.start(resource_id, example("start_mix_hls"))
        assert scope.cancelled_caught
        await check(stage, resource_id)


@FAULTS
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_task_that_is_cancelled(fault: Delay | SlowAnswer):
    async with set_stage(fault) as (stage, resource_id):
        task = asyncio.ensure_future(stage.start(resource_id, example("start_mix_hls")))
        await anyio.wait_all_tasks_blocked()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await check(stage, resource_id)


@FAULTS
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_wait_that_is_over(fault: Delay | SlowAnswer):
    async with set_stage(fault) as (stage, resource_id):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stage.start(resource_id, example("start_mix_hls")), 0.001)
        await check(stage, resource_id)
