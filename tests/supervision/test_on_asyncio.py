"""The supervisor on asyncio, where a task may be cancelled through every shield: what it began goes on."""

import asyncio
from contextlib import suppress

import pytest

from agora_rec.emulator import SlowAnswer
from tests.supervision.desk import at_work
from tests.support.cloud import STOP, stage

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21])
async def test_a_supervisor_whose_task_is_cancelled_after_any_number_of_turns_loses_no_stop(turns: int):
    async with stage(latency=0) as on:
        recording = await on.started()
        on.emulator.inject(SlowAnswer(0.02), operation=STOP)

        async def supervise() -> None:
            async with at_work(on, on.cloud) as at:
                at.look_after(recording, look_at=0.0, stop_at=-1.0)
                await asyncio.sleep(10)

        task = asyncio.create_task(supervise())
        for _ in range(turns + 2):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        if recording._driver.stop_job is None:  # it had not come to that: it runs, and is known to
            assert recording.state.may_record
            assert on.running == [recording.sid]
            await recording.ensure_stopped(wait_upload=False)
        else:
            with suppress(Exception):
                await recording._driver.stop_job.wait()
        assert on.running == []
