"""A start that was judged in time and is ready too late: nothing is sent (found by the simulation)."""

import pytest

from agora_rec import ResourceExpired, State
from tests.support.backends import virtual_time
from tests.support.cloud import ACQUIRE, START, SlowStore, stage, state_of

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


async def test_a_start_whose_checkpoint_outlasts_the_five_minutes_is_not_sent() -> None:
    async with stage(client={"store": SlowStore(seconds=1.0)}) as scene:
        recording = scene.recording()
        await recording.acquire()
        await scene.clock.sleep(298.5)

        with pytest.raises(ResourceExpired) as caught:
            await recording.start()

        assert caught.value.status is None
        assert scene.sent == ["acquire"]
        assert state_of(recording) is State.IDLE
        await recording.acquire()
        await recording.start()
        assert state_of(recording) is State.RECORDING


async def test_ensure_started_acquires_anew_then() -> None:
    async with stage(client={"store": SlowStore(seconds=1.0)}) as scene:
        recording = scene.recording()
        await recording.acquire()
        await scene.clock.sleep(298.5)

        await recording.ensure_started()

        assert state_of(recording) is State.RECORDING
        assert len(scene.calls(ACQUIRE)) == 2
        assert len(scene.calls(START)) == 1
