"""What a stop does to a start that is on its way: withdraws it, follows it, or asks for its sid."""

from datetime import timedelta

import anyio
import pytest
from attrs import define, field

from agora_rec import Checkpoint, State
from agora_rec.emulator import Delay, LoseAnswer, Refuse, SlowAnswer
from agora_rec.errors import (
    IllegalTransition,
    StartUnconfirmed,
    Superseded,
    TaskConflict,
)
from agora_rec.lifecycle import FactKey, facts
from agora_rec.model import StopAnswer
from agora_rec.recording.jobs import Job
from agora_rec.store import Lease
from agora_rec.transport import RetryPolicy
from agora_rec.vocabulary import Command
from tests.support.backends import virtual_time
from tests.support.cloud import ACQUIRE, START, STOP, SlowStore, all_back, calling, stage, state_of, until

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


async def test_a_stop_while_the_start_is_on_the_wire_is_sent_as_soon_as_the_sid_is_known() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(SlowAnswer(5), operation=START)
        start = await calling(tasks, recording.start)
        stop = await calling(tasks, lambda: recording.stop(async_stop=True))
        assert recording.state is State.STARTING
        with pytest.raises(IllegalTransition) as caught:
            await recording.stop()
        assert "remembered already" in str(caught.value)
        await start.finished()
        assert start.value is not None
        assert state_of(recording) is State.STOPPING
        await stop.finished()
        assert on.sent == [ACQUIRE, START, STOP]
        (call,) = on.calls(STOP)
        assert call.sid == start.value.sid
        assert isinstance(call.body, dict)
        assert call.body["clientRequest"] == {"async_stop": True}
        assert on.running == []


async def test_a_stop_withdraws_a_start_that_waits_for_its_turn() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        await recording.acquire()
        with await recording._driver._turn.take(recording._driver._stop_interrupt):
            start = await calling(tasks, recording.start)
            stop = await calling(tasks, recording.stop)
            await start.finished()
            await stop.finished()
        assert isinstance(start.error, Superseded)
        assert start.error.command is Command.START
        assert isinstance(stop.error, IllegalTransition)
        assert "withdrawn" in str(stop.error)
        assert recording.state is State.ACQUIRED
        assert on.sent == [ACQUIRE]
        stored = await on.cloud.store.load(recording.id)
        assert stored is not None
        assert not stored.checkpoint.standing.stop_requested


async def test_whoever_wants_it_started_learns_that_a_stop_came_first() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        await recording.acquire()
        with await recording._driver._turn.take(recording._driver._stop_interrupt):
            start = await calling(tasks, recording.ensure_started)
            stop = await calling(tasks, recording.stop)
        await start.finished()
        await stop.finished()
        assert isinstance(start.error, Superseded)
        assert isinstance(stop.error, IllegalTransition)
        assert recording.state is State.ACQUIRED
        assert on.sent == [ACQUIRE], "it is not started anew against the stop"


async def test_a_stop_withdraws_a_start_that_waits_for_its_slot() -> None:
    class NoStarts:
        def slot_nowait(self, priority: object) -> bool:
            return False

        async def slot(self, priority: object) -> None:
            if on.sent:
                await anyio.sleep_forever()

        def slow_down(self) -> None:
            raise NotImplementedError

    async with stage(client={"budget": NoStarts()}) as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        await recording.acquire()
        start = await calling(tasks, recording.start)
        outcome = await recording.ensure_stopped()
        assert outcome.state is State.ACQUIRED
        assert outcome.takes == ()
        await start.finished()
        assert isinstance(start.error, Superseded)
        assert on.sent == [ACQUIRE]


async def test_a_stop_withdraws_a_start_that_was_only_refused_and_waits_to_be_repeated() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(Refuse(429, message="API rate limit exceeded"), operation=START)
        start = await calling(tasks, recording.start)
        await anyio.sleep(0.5)
        stop = await calling(tasks, recording.stop)
        await stop.finished()
        await start.finished()
        assert isinstance(start.error, Superseded)
        assert [attempt.status for attempt in start.error.attempts] == [429]
        assert isinstance(stop.error, IllegalTransition)
        assert recording.state is State.ACQUIRED
        assert on.running == []


async def test_a_new_start_may_come_in_while_the_withdrawal_of_the_one_before_is_written_down() -> None:
    async with stage(client={"store": SlowStore()}) as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        await recording.acquire()
        start = await calling(tasks, recording.start)  # waits for its write-ahead
        stop = await calling(tasks, recording.stop)
        await until(recording, State.ACQUIRED)
        await anyio.wait_all_tasks_blocked()
        assert isinstance(stop.error, IllegalTransition), "settled by the transition, not by its write"
        assert not start.is_back
        second = await calling(tasks, recording.start)
        await second.finished()
        assert second.value is not None
        assert isinstance(start.error, Superseded)
        assert state_of(recording) is State.RECORDING
        assert on.sent == [ACQUIRE, START]


async def test_a_stop_cuts_the_backoff_of_a_start_that_may_have_worked_short_and_asks_for_its_sid() -> None:
    async with stage(repeated_start_with_sid=True) as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(LoseAnswer(), operation=START, times=2)
        start = await calling(tasks, recording.start)
        await anyio.sleep(2)  # the second attempt is over, too; the next would be after 3 s
        began = on.clock.monotonic()
        answer = await recording.stop(async_stop=True)
        assert answer.sid == recording.sid
        assert on.clock.monotonic() - began < 1
        assert start.value is not None
        assert on.sent == [ACQUIRE, START, START, START, STOP]
        assert on.running == []


async def test_a_start_that_a_stop_has_cut_short_keeps_its_minute() -> None:
    async with stage(client={"retry": RetryPolicy(no_answer=(20.0,) * 20)}) as on:
        async with anyio.create_task_group() as tasks:
            recording = on.recording()
            await recording.acquire()
            on.emulator.inject(LoseAnswer(), operation=START, times=None)
            await calling(tasks, recording.start)
            await anyio.sleep(50)
            with pytest.raises(StartUnconfirmed):
                await recording.stop()
        first, *_, last = on.calls(START)
        assert last.at - first.at <= timedelta(seconds=60)


async def test_a_stop_after_a_start_whose_answer_is_lost_is_remembered_and_sent_when_the_sid_comes() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(LoseAnswer(), operation=START)
        with pytest.raises(StartUnconfirmed):
            await recording.start()
        with pytest.raises(StartUnconfirmed, match="remembered"):
            await recording.stop()
        with pytest.raises(IllegalTransition):
            await recording.stop()
        await anyio.wait_all_tasks_blocked()
        stored = await on.cloud.store.load(recording.id)
        assert stored is not None
        assert stored.checkpoint.standing.stop_requested, "a process that dies now must not forget it"

        (sid,) = on.running
        recording._ledger.absorb(facts.Started(sid=sid))
        assert recording.state is State.STOPPING
        outcome = await recording.ensure_stopped()
        assert outcome.takes[0].sid == sid
        assert on.running == []
        assert on.sent.count(STOP) == 1


async def test_a_stop_remembered_during_a_start_whose_answers_are_lost_says_so() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(LoseAnswer(), operation=START, times=None)
        start = await calling(tasks, recording.start)
        stop = await calling(tasks, recording.stop)
        await start.finished()
        await stop.finished()
        assert isinstance(start.error, StartUnconfirmed)
        assert isinstance(stop.error, StartUnconfirmed)
        assert recording.state is State.STARTING
        assert STOP not in on.sent


async def test_a_stop_remembered_during_a_start_that_is_refused_has_nothing_to_stop() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(Delay(2), operation=START)
        conflicting = on.recording()
        await conflicting.acquire()
        start = await calling(tasks, recording.start)
        await conflicting.start()
        stop = await calling(tasks, recording.stop)
        await start.finished()
        await stop.finished()
        assert isinstance(start.error, TaskConflict)
        assert isinstance(stop.error, IllegalTransition)
        assert stop.error.state is State.IDLE
        assert recording.history[-1].fact is FactKey.START_REFUSED_RESOURCE


async def test_a_stop_remembered_for_the_next_start_is_not_settled_by_the_one_before() -> None:
    @define
    class Eventful(SlowStore):
        """Somebody stops again at the very end of a write."""

        armed: bool = False
        stops: list[Job[StopAnswer]] = field(factory=list)

        async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
            new = await super().save(checkpoint, version=version, lease=lease)
            if self.armed:
                self.armed = False
                self.stops.append(recording._driver.stop())
            return new

    store = Eventful()
    async with stage(client={"store": store}) as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        await recording.acquire()
        first = await calling(tasks, recording.start)  # waits for its write-ahead
        await calling(tasks, recording.stop)
        await until(recording, State.ACQUIRED)
        await anyio.wait_all_tasks_blocked()
        second = await calling(tasks, recording.start)  # waits for its turn
        await anyio.sleep(1.5)
        assert not first.is_back, "the last write of the first start is under way"
        store.armed = True
        await all_back(first, second)
        (stop,) = store.stops
        with pytest.raises(IllegalTransition, match="withdrawn"):
            await stop.wait()
        assert isinstance(second.error, Superseded)
        assert on.sent == [ACQUIRE]


async def test_a_stop_does_not_withdraw_the_repetition_of_a_start_that_may_have_worked() -> None:
    async with stage(repeated_start_with_sid=True) as on:
        recording = on.recording()
        on.emulator.inject(LoseAnswer(), operation=START, times=4)
        with pytest.raises(StartUnconfirmed):
            await recording.ensure_started()
        await anyio.sleep(5)
        recording._driver.repeat_start()  # not under way yet
        answer = await recording.stop()
        assert answer.sid == recording.sid
        assert on.running == []
