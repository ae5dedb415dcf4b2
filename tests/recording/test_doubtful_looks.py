"""When 404s are no proof: somebody has seen the recording, or a look brought no answer.

The simulation found these.
"""

import anyio
import pytest

from agora_rec import RecordingGone, State, Superseded, WaitTimedOut
from agora_rec.emulator import Refuse
from agora_rec.errors import IllegalTransition
from agora_rec.lifecycle import facts
from tests.support.backends import virtual_time
from tests.support.cloud import QUERY, Stage, calling, stage, state_of

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

MOVING = Refuse(404, code=404, reason="failed to find worker")
NO_ANSWER = Refuse(504, code=62, reason="request timeout")


async def _moves(on: Stage, begin: float, end: float) -> None:
    """A failover, in seconds from now: the service doesn't know the recording, then it does again."""
    await anyio.sleep(begin)
    on.emulator.inject(MOVING, operation=QUERY, times=None)
    await anyio.sleep(end - begin)
    on.emulator.clear_faults()


async def test_what_a_query_of_somebody_else_has_seen_is_not_said_to_have_never_begun() -> None:
    async with stage(start_seconds=200.0) as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        await recording.query()
        tasks.start_soon(_moves, on, 1, 91.5)

        with pytest.raises(WaitTimedOut):
            await recording.wait_started(100)

        assert state_of(recording) is State.RECORDING


async def test_a_recording_that_is_seen_between_two_failovers_is_not_gone() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        await recording.wait_started()
        watcher = await calling(tasks, lambda: recording.wait_finished(400))
        tasks.start_soon(_moves, on, 115, 131)
        await anyio.sleep(133)
        await recording.query()
        tasks.start_soon(_moves, on, 1, 88)
        await anyio.sleep(90)

        assert state_of(recording) is State.RECORDING
        assert not watcher.is_back
        watcher.scope.cancel()


async def test_looks_without_an_answer_leave_the_verdict_open() -> None:
    async with stage(start_seconds=200.0) as on, anyio.create_task_group() as tasks:
        on.emulator.inject(NO_ANSWER, operation=QUERY, times=2)
        recording = await on.started()
        tasks.start_soon(_moves, on, 12, 92)

        with pytest.raises(WaitTimedOut):
            await recording.wait_started(91)

        assert state_of(recording) is State.RECORDING


async def test_a_look_that_is_denied_when_it_is_repeated_leaves_the_verdict_open() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        on.emulator.inject(NO_ANSWER, operation=QUERY, times=1)
        recording = await on.started()
        tasks.start_soon(_moves, on, 9, 98)

        with pytest.raises(WaitTimedOut):
            await recording.wait_started(95)

        assert state_of(recording) is State.RECORDING


async def test_denials_that_last_are_a_proof_all_the_same() -> None:
    async with stage(users=()) as on:
        recording = await on.started()
        on.emulator.inject(NO_ANSWER, operation=QUERY, times=2)
        await anyio.sleep(60)

        with pytest.raises(RecordingGone):
            await recording.wait_started(200)


async def test_a_query_that_waits_to_be_repeated_ends_when_the_recording_has_left() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        on.emulator.inject(NO_ANSWER, operation=QUERY)
        waiting = await calling(tasks, recording.query)
        await anyio.sleep(1)

        recording._driver.note(facts.Left(reason="nobody was there"))

        await waiting.finished()
        assert isinstance(waiting.error, IllegalTransition)
        assert not isinstance(waiting.error, Superseded)
        assert "has left" in str(waiting.error)
        assert len(on.calls(QUERY)) == 1
