"""A start with all its doubts: what was refused, and what may run."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from datetime import timedelta
from typing import Any

import anyio
import pytest

from agora_rec import State
from agora_rec.emulator import Cut, Garble, LoseAnswer, Refuse, SlowAnswer, Unreachable
from agora_rec.errors import (
    AgoraRecError,
    ApiError,
    InvalidParameter,
    RateLimited,
    ResourceExpired,
    ServiceUnavailable,
    StartUnconfirmed,
    TaskConflict,
    TokenRejected,
    TransportError,
)
from agora_rec.lifecycle import facts
from agora_rec.recording.jobs import Job
from agora_rec.vocabulary import AttemptOutcome
from tests.support.backends import virtual_time
from tests.support.cloud import ACQUIRE, START, SlowStore, Stage, calling, stage

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


async def test_a_lost_answer_is_made_good_by_the_second_one_if_that_has_the_sid() -> None:
    async with stage(repeated_start_with_sid=True) as on:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(LoseAnswer(), operation=START)
        answer = await recording.start()
        assert [call.status for call in on.calls(START)] == [200, 201]
        assert on.running == [answer.sid] == [recording.sid]
        assert recording.state is State.RECORDING


async def test_a_lost_answer_and_a_201_without_a_sid_leave_it_unconfirmed() -> None:
    async with stage() as on:
        recording = on.recording(resource_expired_hour=5)
        await recording.acquire()
        on.emulator.inject(LoseAnswer(), operation=START)
        with pytest.raises(StartUnconfirmed) as caught:
            await recording.start()
        said = caught.value
        assert said.maybe_running
        assert [attempt.status for attempt in said.attempts] == [None, 201]
        assert (said.resource_id, said.sid) == (recording.resource_id, None)
        began = recording.outcome.takes[0].started_at
        assert said.until == began + timedelta(hours=5)
        assert recording.state is State.STARTING
        assert recording in on.cloud.recordings
        assert len(on.running) == 1


async def test_until_is_72_hours_where_nobody_chose() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(LoseAnswer(), operation=START, times=None)
        with pytest.raises(StartUnconfirmed) as caught:
            await recording.start()
        assert caught.value.until == recording.outcome.takes[0].started_at + timedelta(hours=72)


async def test_a_sid_that_comes_by_another_way_ends_the_doubt() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(LoseAnswer(), operation=START)
        with pytest.raises(StartUnconfirmed):
            await recording.start()
        await anyio.sleep(5)
        (sid,) = on.running
        recording._ledger.absorb(facts.Started(sid=sid))
        answer = await recording.stop()
        assert answer.sid == sid
        assert on.running == []


async def test_a_sid_that_comes_by_another_way_while_the_start_is_repeated_is_its_answer() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(LoseAnswer(), operation=START)
        start = await calling(tasks, recording.start)
        await anyio.sleep(0.5)
        (sid,) = on.running
        recording._ledger.absorb(facts.Started(sid=sid))
        await start.finished()
        assert start.value is not None
        assert (start.value.sid, start.value.resource_id) == (sid, recording.resource_id)


@pytest.mark.parametrize(
    ("fault", "error", "state"),
    [
        (Refuse(400, code=53, reason="task conflict"), TaskConflict, State.IDLE),
        (Refuse(400, code=433, reason="resource expired"), ResourceExpired, State.IDLE),
        (Refuse(400, code=2, reason="bad"), InvalidParameter, State.FAILED),
        (Refuse(400, code=109), TokenRejected, State.FAILED),
        (Refuse(400, code=1001), ApiError, State.FAILED),
        (Refuse(500, code=502), ServiceUnavailable, State.ACQUIRED),
        (Refuse(500, code=15), ServiceUnavailable, State.ACQUIRED),
        (Refuse(429, message="API rate limit exceeded"), RateLimited, State.ACQUIRED),
        (Unreachable(), TransportError, State.ACQUIRED),
    ],
)
async def test_a_start_that_was_refused_for_certain_left_nothing_running(
    fault: Refuse | Unreachable, error: type[AgoraRecError], state: State
) -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(fault, operation=START, times=None)
        with pytest.raises(error) as caught:
            await recording.start()
        assert not caught.value.maybe_running
        assert recording.state is state
        assert recording.reasons
        assert recording not in on.cloud.recordings
        assert recording.outcome.takes == ()
        assert on.running == []
        stored = await on.cloud.store.load(recording.id)
        assert stored is not None
        assert stored.checkpoint.standing.state is state


@pytest.mark.parametrize(
    "fault",
    [
        Refuse(503),
        Refuse(500, code=62),
        Refuse(206, code=65),
        Garble(b"<html>"),
        LoseAnswer(),
        Cut(),
        SlowAnswer(30),
        Refuse(201, code=7, reason="already started"),
    ],
    ids=repr,
)
async def test_a_start_that_was_not_refused_for_certain_may_run(
    fault: Refuse | Garble | LoseAnswer | Cut,
) -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(fault, operation=START, times=None)
        with pytest.raises(StartUnconfirmed) as caught:
            await recording.start()
        assert recording.state is State.STARTING
        assert caught.value.until is not None
        last = on.calls(START)[-1].at - on.calls(START)[0].at
        assert last <= timedelta(seconds=60), "a start makes no attempt after a minute"


async def test_a_conflict_after_an_attempt_without_an_answer_stays_unknown() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(LoseAnswer(), operation=START)
        on.emulator.inject(Refuse(400, code=53, reason="task conflict"), operation=START)
        with pytest.raises(StartUnconfirmed) as caught:
            await recording.start()
        assert [attempt.code for attempt in caught.value.attempts] == [None, 53]
        assert isinstance(caught.value.__cause__, TaskConflict)
        assert recording.state is State.STARTING


async def test_a_start_that_was_refused_for_now_can_be_sent_again_with_the_same_resource() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(Refuse(500, code=502), operation=START)
        with pytest.raises(ServiceUnavailable):
            await recording.start()
        await recording.start()
        assert on.sent == [ACQUIRE, START, START]
        assert recording.state is State.RECORDING


async def test_a_doubt_is_told_with_the_attempts_of_its_own_start() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(Refuse(500, code=502), operation=START)
        with pytest.raises(ServiceUnavailable):
            await recording.start()
        on.emulator.inject(Refuse(201, code=7), operation=START)
        with pytest.raises(StartUnconfirmed) as caught:
            await recording.start()
        assert [attempt.status for attempt in caught.value.attempts] == [201]


async def test_a_start_makes_no_attempt_after_its_five_minutes() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
        await anyio.sleep(297)
        on.emulator.inject(LoseAnswer(), operation=START, times=None)
        with pytest.raises(StartUnconfirmed):
            await recording.start()
        acquired, *_, last = on.emulator.calls
        assert last.at - acquired.at < timedelta(seconds=300)
        assert len(on.calls(START)) == 2


async def test_a_start_that_gets_no_slot_in_time_was_never_sent() -> None:
    class Crowded:
        def slot_nowait(self, priority: object) -> bool:
            return False

        async def slot(self, priority: object) -> None:
            if on.sent:
                await anyio.sleep_forever()

        def slow_down(self) -> None:
            raise NotImplementedError

    async with stage(client={"budget": Crowded()}) as on:
        recording = on.recording()
        await recording.acquire()
        with pytest.raises(TransportError) as caught:
            await recording.start()
        assert caught.value.attempts == ()
        assert recording.state is State.ACQUIRED
        assert on.sent == [ACQUIRE]
        assert on.clock.monotonic() == pytest.approx(60, abs=1)


async def test_a_fault_of_our_own_in_mid_start_proves_nothing() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()

        async def broken(*_: object, **__: object) -> None:
            raise KeyError("a bug")

        on.cloud.send = broken  # type: ignore[method-assign,assignment] # as if the transport had a bug
        with pytest.raises(StartUnconfirmed) as caught:
            await recording.start()
        assert [attempt.outcome for attempt in caught.value.attempts] == [AttemptOutcome.UNANSWERED]
        assert caught.value.attempts[0].detail == "KeyError"
        assert recording.state is State.STARTING


async def test_a_start_whose_writing_down_takes_until_it_is_too_late_is_not_sent() -> None:
    async with stage(client={"store": SlowStore(seconds=5)}) as on:
        recording = on.recording()
        await recording.acquire()
        await anyio.sleep(293)
        with pytest.raises(ResourceExpired):
            await recording.start()
        assert recording.state is State.IDLE
        assert on.sent == [ACQUIRE]
        await recording.ensure_started()
        assert on.sent == [ACQUIRE, ACQUIRE, START]


async def test_an_acquire_that_is_answered_during_a_start_changes_nothing() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(Refuse(500, code=502), operation=START)
        with pytest.raises(ServiceUnavailable):
            await recording.start()
        on.emulator.inject(SlowAnswer(2), operation=ACQUIRE)
        acquire = await calling(tasks, recording.acquire)
        resource_id = recording.resource_id
        await recording.start()
        await acquire.finished()
        assert recording.resource_id == resource_id
        assert on.calls(START)[-1].resource_id == resource_id
        assert recording.state is State.RECORDING


async def everything_stops(on: Stage) -> None:
    for recording in on.cloud.recordings:
        await recording.ensure_stopped(wait_upload=False)
    assert on.running == []


async def test_many_starts_at_once_have_a_session_each() -> None:
    async with stage() as on:
        recordings = [on.recording(f"class-{number}") for number in range(30)]
        async with anyio.create_task_group() as tasks:
            for recording in recordings:
                tasks.start_soon(recording.ensure_started)
        assert sorted(on.running) == sorted(str(recording.sid) for recording in recordings)
        await anyio.sleep(10)
        await everything_stops(on)


async def test_a_start_that_cannot_begin_any_more_leaves_no_doubt() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
    with pytest.raises(RuntimeError, match="not open"):
        recording._driver.start()
    assert recording.state is State.ACQUIRED
    assert on.cloud.recordings == ()


async def test_a_start_may_begin_before_its_caller_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def take(self, interrupt: object) -> None:
            raise LookupError("as far as this test goes")

    def run_eagerly(job: Job[Any], work: Callable[..., Coroutine[Any, Any, Any]], *args: object) -> None:
        """Run at once what comes before the first await, as `asyncio.eager_task_factory` does."""

        async def run() -> None:
            await job.run(copy_context(), work, *args)

        with suppress(StopIteration):
            run().send(None)

    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
        monkeypatch.setattr(on.cloud, "spawn", run_eagerly)
        monkeypatch.setattr(recording._driver, "_turn", Broken())
        with pytest.raises(LookupError):
            recording._driver.start().result()
