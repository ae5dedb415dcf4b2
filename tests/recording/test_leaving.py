"""Callers who leave: what only waits ends with the last of them, what must be seen through goes on."""

import anyio
import pytest

from agora_rec import State
from agora_rec.emulator import Unreachable
from tests.support.backends import virtual_time
from tests.support.cloud import ACQUIRE, QUERY, calling, stage

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio


async def test_an_acquire_that_nobody_waits_for_is_not_repeated() -> None:
    async with stage() as run:
        run.emulator.inject(Unreachable(), operation=ACQUIRE, times=None)
        recording = run.recording()
        with anyio.move_on_after(0.5):
            await recording.acquire()
        began = run.clock.monotonic()
    assert run.clock.monotonic() - began < 0.1, "closing the client waited for repetitions in vain"
    assert recording.state is State.IDLE


async def test_an_acquire_goes_on_for_those_who_still_wait() -> None:
    async with stage() as run:
        run.emulator.inject(Unreachable(), operation=ACQUIRE)
        recording = run.recording()
        async with anyio.create_task_group() as tasks:
            other = await calling(tasks, recording.ensure_started)
            with anyio.move_on_after(0.5):
                await recording.ensure_started()
            await other.finished()
        assert recording.state is State.RECORDING
        assert len(run.calls(ACQUIRE)) == 1
        await recording.ensure_stopped()


async def test_a_query_that_nobody_waits_for_is_not_repeated() -> None:
    async with stage() as run:
        recording = await run.started()
        run.emulator.inject(Unreachable(), operation=QUERY, times=None)
        with anyio.move_on_after(0.5):
            await recording.query()
        began = run.clock.monotonic()
        await recording.ensure_stopped()
        assert run.clock.monotonic() - began < 1.0
        assert run.calls(QUERY) == []


async def test_one_who_comes_back_at_once_gets_an_acquire_of_his_own() -> None:
    async with stage() as run:
        run.emulator.inject(Unreachable(), operation=ACQUIRE)
        recording = run.recording()
        with anyio.move_on_after(0.5):
            await recording.ensure_started()
        await recording.ensure_started()
        assert recording.state is State.RECORDING
        await recording.ensure_stopped()
