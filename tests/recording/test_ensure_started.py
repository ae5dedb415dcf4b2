"""A goal: a recording that runs, whatever it takes and whoever else wants the same."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from agora_rec import Alternate, Recording, RetryPolicy, State
from agora_rec.emulator import Delay, LoseAnswer, Refuse, SlowAnswer
from agora_rec.errors import (
    ConcurrencyLimitReached,
    IllegalTransition,
    ResourceExpired,
    ServiceUnavailable,
    StartUnconfirmed,
    TaskConflict,
    WaitTimedOut,
)
from tests.support.backends import virtual_time
from tests.support.cloud import (
    ACQUIRE,
    START,
    STOP,
    all_back,
    calling,
    stage,
    state_of,
)

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


async def test_it_acquires_and_starts() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.ensure_started()
        assert recording.state is State.RECORDING
        assert on.sent == [ACQUIRE, START]


async def test_it_returns_at_once_if_it_records_already() -> None:
    async with stage() as on:
        recording = await on.started()
        await recording.ensure_started()
        assert on.sent == [ACQUIRE, START]


async def test_it_starts_what_was_acquired() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
        await recording.ensure_started()
        assert on.sent == [ACQUIRE, START]


async def test_it_acquires_anew_what_was_acquired_more_than_five_minutes_ago() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
        await anyio.sleep(301)
        await recording.ensure_started()
        assert on.sent == [ACQUIRE, ACQUIRE, START]


async def test_many_callers_at_once_cost_one_acquire_and_one_start() -> None:
    async with stage() as on:
        recording = on.recording()
        async with anyio.create_task_group() as tasks:
            callers = [await calling(tasks, recording.ensure_started) for _ in range(5)]
            await all_back(*callers)
            assert [caller.error for caller in callers] == [None] * 5
        assert on.sent == [ACQUIRE, START]


async def test_callers_who_come_during_the_start_join_it() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        on.emulator.inject(SlowAnswer(5), operation=START)
        await calling(tasks, recording.ensure_started)
        await anyio.sleep(1)
        assert state_of(recording) is State.STARTING
        await recording.ensure_started()
        assert state_of(recording) is State.RECORDING
        assert on.sent == [ACQUIRE, START]


@pytest.mark.parametrize("callers", [1, 3])
async def test_a_start_without_capacity_is_answered_with_a_new_acquire_after_a_wait(callers: int) -> None:
    async with stage() as on:
        recording = on.recording()
        on.emulator.inject(Refuse(500, code=502), operation=START)
        async with anyio.create_task_group() as tasks:
            for _ in range(callers):
                tasks.start_soon(recording.ensure_started)
        assert on.sent == [ACQUIRE, START, ACQUIRE, START]
        first, second = on.calls(START)
        assert first.resource_id != second.resource_id
        assert (second.at - first.at).total_seconds() == pytest.approx(3, abs=0.1)


async def test_a_lasting_want_of_capacity_is_raised_after_the_documented_waits() -> None:
    async with stage() as on:
        recording = on.recording()
        on.emulator.inject(Refuse(500, code=502), operation=START, times=None)
        with pytest.raises(ServiceUnavailable):
            await recording.ensure_started()
        assert on.sent == [ACQUIRE, START] * 4
        assert on.times_of(ACQUIRE, since=on.times_of(ACQUIRE)[0]) == pytest.approx([0, 3, 9, 18], abs=0.2)
        assert len({call.resource_id for call in on.calls(START)}) == 4
        assert recording.state is State.ACQUIRED


async def test_the_waits_are_those_of_the_policy() -> None:
    async with stage(client={"retry": RetryPolicy(start_server=(1,))}) as on:
        recording = on.recording()
        on.emulator.inject(Refuse(500, code=502), operation=START, times=None)
        with pytest.raises(ServiceUnavailable):
            await recording.ensure_started()
        first, second = on.times_of(ACQUIRE)
        assert second - first == pytest.approx(1, abs=0.1)


async def test_a_start_that_somebody_else_begins_meanwhile_is_joined_at_once() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        on.emulator.inject(Refuse(500, code=502), operation=START)
        waiting = await calling(tasks, recording.ensure_started)
        await anyio.sleep(1)
        await recording.ensure_started()
        await anyio.sleep(0.1)
        assert (waiting.is_back, waiting.error) == (True, None)
        assert on.sent == [ACQUIRE, START, ACQUIRE, START]


async def ensure_stopped(recording: Recording) -> None:
    await recording.ensure_stopped()


async def stop(recording: Recording) -> None:
    with pytest.raises(IllegalTransition):
        await recording.stop()


async def leave(recording: Recording) -> None:
    await recording.__aexit__(None, None, None)


@pytest.mark.parametrize("stopping", [ensure_stopped, stop, leave])
async def test_whoever_wants_it_stopped_between_two_starts_has_his_way(
    stopping: Callable[[Recording], Awaitable[None]],
) -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording(alternate=Alternate(uid=1))
        on.emulator.inject(Refuse(500, code=502), operation=START, times=2)
        starting = await calling(tasks, recording.ensure_started)
        await anyio.sleep(1)
        await stopping(recording)
        await starting.finished()
        assert isinstance(starting.error, ServiceUnavailable)
        assert on.sent == [ACQUIRE, START]
        on.emulator.clear_faults()
        await recording.ensure_started()
        assert on.running == [recording.sid]


async def test_nothing_is_begun_anew_when_the_client_has_closed_meanwhile() -> None:
    async with anyio.create_task_group() as tasks:
        async with stage() as on:
            recording = on.recording()
            on.emulator.inject(Refuse(500, code=502), operation=START)
            starting = await calling(tasks, recording.ensure_started)
            await anyio.sleep(1)
        await starting.finished()
        assert isinstance(starting.error, RuntimeError)
        assert on.sent == [ACQUIRE, START]


async def test_a_resource_that_the_service_calls_expired_is_acquired_anew_once() -> None:
    async with stage() as on:
        recording = on.recording()
        on.emulator.inject(Refuse(400, code=433), operation=START, times=2)
        with pytest.raises(ResourceExpired):
            await recording.ensure_started()
        assert on.sent == [ACQUIRE, START, ACQUIRE, START]
        await recording.ensure_started()
        assert state_of(recording) is State.RECORDING


async def test_each_of_both_refusals_is_forgiven_once() -> None:
    async with stage() as on:
        recording = on.recording()
        on.emulator.inject(Refuse(400, code=433), operation=START)
        on.emulator.inject(Refuse(500, code=502), operation=START)
        await recording.ensure_started()
        assert on.sent == [ACQUIRE, START] * 3


async def test_an_acquire_that_fails_is_raised_and_not_repeated_for_ever() -> None:
    async with stage(concurrent_limit=0) as on:
        recording = on.recording()
        with pytest.raises(ConcurrencyLimitReached):
            await recording.ensure_started()
        on.emulator.inject(Refuse(503), operation=ACQUIRE, times=None)
        with pytest.raises(ServiceUnavailable):
            await recording.ensure_started()
        assert recording.state is State.IDLE
        assert START not in on.sent


async def test_a_conflict_is_raised_and_the_recording_can_be_tried_again() -> None:
    async with stage() as on:
        other = await on.started()
        recording = on.recording()
        with pytest.raises(TaskConflict):
            await recording.ensure_started()
        assert state_of(recording) is State.IDLE
        await anyio.sleep(5)
        await other.ensure_stopped()
        await anyio.sleep(5)
        await recording.ensure_started()
        assert state_of(recording) is State.RECORDING


async def test_a_start_whose_answer_is_lost_is_repeated_by_the_next_call() -> None:
    async with stage(repeated_start_with_sid=True) as on:
        recording = on.recording()
        on.emulator.inject(LoseAnswer(), operation=START, times=4)
        with pytest.raises(StartUnconfirmed):
            await recording.ensure_started()
        await recording.ensure_started()
        assert on.running == [recording.sid]
        bodies = [call.body for call in on.calls(START)]
        assert bodies == bodies[:1] * 5, "a repeated start must not differ"


async def test_what_may_run_is_not_asked_again_after_its_five_minutes() -> None:
    async with stage(repeated_start_with_sid=True) as on:
        recording = on.recording()
        on.emulator.inject(LoseAnswer(), operation=START, times=None)
        with pytest.raises(StartUnconfirmed):
            await recording.ensure_started()
        before = on.sent
        await anyio.sleep(300)
        with pytest.raises(StartUnconfirmed, match="too old"):
            await recording.ensure_started()
        assert on.sent == before
        assert recording.state is State.STARTING


async def test_a_deadline_ends_the_waiting_and_not_the_start() -> None:
    async with stage() as on:
        recording = on.recording()
        on.emulator.inject(SlowAnswer(3), operation=START)
        with pytest.raises(WaitTimedOut) as caught:
            await recording.ensure_started(deadline=1)
        assert isinstance(caught.value, TimeoutError)
        assert (caught.value.state, caught.value.seconds) == (State.STARTING, 1)
        assert recording.is_abandoned
        await anyio.sleep(3)
        assert state_of(recording) is State.RECORDING
        await recording.ensure_started()
        assert not recording.is_abandoned


async def test_it_starts_nothing_that_stops_or_has_ended() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        await anyio.sleep(5)
        on.emulator.inject(Delay(1), operation=STOP)
        await calling(tasks, recording.stop)
        with pytest.raises(IllegalTransition):
            await recording.ensure_started()
        await anyio.sleep(5)
        with pytest.raises(IllegalTransition):
            await recording.ensure_started()
        assert on.sent == [ACQUIRE, START, STOP]


async def test_it_is_refused_when_a_remembered_stop_went_out_with_the_sid() -> None:
    async with stage(repeated_start_with_sid=True) as on:
        recording = on.recording()
        on.emulator.inject(LoseAnswer(), operation=START, times=4)
        with pytest.raises(StartUnconfirmed):
            await recording.ensure_started()
        with pytest.raises(StartUnconfirmed):
            await recording.stop()
        await anyio.sleep(3)
        with pytest.raises(IllegalTransition) as caught:
            await recording.ensure_started()
        assert caught.value.state is State.STOPPING
