"""One command on the wire at a time for each recording; a stop makes whatever only waits give way."""

from datetime import timedelta

import anyio
import pytest

from agora_rec import BestFit, LocalBudget, State, Subscription
from agora_rec.emulator import Delay, Garble, LoseAnswer, Refuse, SlowAnswer
from agora_rec.errors import (
    AgoraRecError,
    AlreadyStopping,
    IllegalTransition,
    ServiceUnavailable,
    Superseded,
    WorkerNotFound,
)
from agora_rec.lifecycle import Fact, facts
from agora_rec.recording.turn import Turn
from agora_rec.transport import Interrupt, Interrupted
from agora_rec.vocabulary import AttemptOutcome, Command, Priority
from tests.support.backends import virtual_time
from tests.support.cloud import (
    ACQUIRE,
    QUERY,
    START,
    STOP,
    UPDATE,
    UPDATE_LAYOUT,
    all_back,
    calling,
    stage,
    state_of,
)

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


async def test_a_stop_waits_for_the_query_on_the_wire_and_the_service_answers_no_206() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        await anyio.sleep(20)
        on.emulator.inject(SlowAnswer(4), operation=QUERY)
        query = await calling(tasks, recording.query)
        await anyio.sleep(1)
        answer = await recording.stop()
        assert query.value is not None
        assert query.value.files
        assert answer.files
        assert [(call.operation, call.status, call.overlapped) for call in on.emulator.calls[2:]] == [
            (QUERY, 200, False),
            (STOP, 200, False),
        ]
        (asked,), (stopped,) = on.calls(QUERY), on.calls(STOP)
        assert asked.answered_at is not None
        assert stopped.at >= asked.answered_at


async def test_a_query_whose_caller_has_left_keeps_the_turn_until_its_answer() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        await anyio.sleep(20)
        on.emulator.inject(SlowAnswer(4), operation=QUERY)
        query = await calling(tasks, recording.query)
        query.scope.cancel()
        await query.finished()
        assert not query.is_back
        answer = await recording.stop()
        assert answer.files
        assert not any(call.overlapped for call in on.emulator.calls)
        assert on.calls(STOP)[0].at - on.calls(QUERY)[0].at == timedelta(seconds=4.01)


async def test_a_caller_who_leaves_takes_a_query_that_only_waits_with_him() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        on.emulator.inject(SlowAnswer(4), operation=UPDATE)
        await calling(tasks, lambda: recording.update(subscription=Subscription()))
        query = await calling(tasks, recording.query)
        query.scope.cancel()
        await anyio.sleep(10)
        assert on.sent == [ACQUIRE, START, UPDATE]


async def test_updates_go_one_after_another_in_the_order_in_which_they_were_asked_for() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        await anyio.sleep(5)
        on.emulator.inject(SlowAnswer(2), operation=UPDATE, times=2)
        await calling(tasks, lambda: recording.update(subscription=Subscription(subscribe_audio_uids=(1,))))
        await calling(tasks, lambda: recording.update(subscription=Subscription(subscribe_audio_uids=(2,))))
        await calling(tasks, lambda: recording.update_layout(BestFit()))
        await calling(tasks, recording.query)
        await anyio.sleep(10)
        assert on.sent[2:] == [UPDATE, UPDATE, UPDATE_LAYOUT, QUERY]
        assert not any(call.overlapped for call in on.emulator.calls)
        first, second = (call.body for call in on.calls(UPDATE))
        assert isinstance(first, dict)
        assert isinstance(second, dict)
        assert first["clientRequest"]["streamSubscribe"]["audioUidList"] == {"subscribeAudioUids": ["1"]}
        assert second["clientRequest"]["streamSubscribe"]["audioUidList"] == {"subscribeAudioUids": ["2"]}


async def test_a_stop_supersedes_what_waits_for_its_turn() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        await anyio.sleep(20)
        on.emulator.inject(SlowAnswer(2), operation=UPDATE)
        update = await calling(tasks, lambda: recording.update(subscription=Subscription()))
        query = await calling(tasks, recording.query)
        layout = await calling(tasks, lambda: recording.update_layout(BestFit()))
        stop = await calling(tasks, recording.stop)
        for waiting, command in ((query, Command.QUERY), (layout, Command.UPDATE_LAYOUT)):
            await waiting.finished()
            assert isinstance(waiting.error, Superseded)
            assert (waiting.error.command, waiting.error.attempts) == (command, ())
            assert waiting.error.state is State.STOPPING
        assert not stop.is_back
        await stop.finished()
        assert update.value is not None
        assert stop.value is not None
        assert on.sent[2:] == [UPDATE, STOP]


async def test_a_stop_supersedes_what_waits_before_a_repetition_and_tells_its_attempts() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        await anyio.sleep(20)
        on.emulator.inject(Refuse(503), operation=QUERY, times=None)
        query = await calling(tasks, recording.query)
        await anyio.sleep(1)
        stop = await calling(tasks, recording.stop)
        await query.finished()
        assert isinstance(query.error, Superseded)
        assert [attempt.status for attempt in query.error.attempts] == [503]
        await stop.finished()
        assert stop.value is not None
        assert on.sent[2:] == [QUERY, STOP]


async def test_a_stop_supersedes_what_waits_for_its_slot() -> None:
    async with (
        stage(client={"budget": LocalBudget(0.1, jitter=0.0)}) as on,
        anyio.create_task_group() as tasks,
    ):
        recording = await on.started()
        query = await calling(tasks, recording.query)
        stop = await calling(tasks, recording.stop)
        await query.finished()
        assert isinstance(query.error, Superseded)
        await stop.finished()
        assert on.sent == [ACQUIRE, START, STOP]


async def test_what_was_asked_for_after_the_stop_is_illegal() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        await anyio.sleep(20)
        on.emulator.inject(Delay(2), operation=STOP)
        await calling(tasks, recording.stop)
        with pytest.raises(IllegalTransition) as caught:
            await recording.query()
        assert caught.value.state is State.STOPPING
        with pytest.raises(IllegalTransition):
            await recording.stop()


async def test_a_second_acquire_that_waited_for_its_turn_is_judged_again_and_sends_nothing() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        first = await calling(tasks, recording.acquire)
        with pytest.raises(IllegalTransition) as caught:
            await recording.acquire()
        assert caught.value.state is State.ACQUIRED
        assert first.value is not None
        assert on.sent == [ACQUIRE]


async def test_a_query_whose_recording_ends_while_it_waits_is_judged_again_and_sends_nothing() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        await anyio.sleep(20)
        on.emulator.inject(Refuse(404, code=501, reason="service exiting"), operation=UPDATE)
        update = await calling(tasks, lambda: recording.update(subscription=Subscription()))
        with pytest.raises(IllegalTransition) as caught:
            await recording.query()
        assert caught.value.state is State.STOPPING
        await all_back(update)
        assert isinstance(update.error, AlreadyStopping)
        assert on.sent[2:] == [UPDATE]


async def test_a_404_to_a_query_is_raised_at_once_and_proves_nothing() -> None:
    async with stage() as on:
        recording = await on.started()
        on.emulator.inject(Refuse(404, code=404), operation=QUERY)
        before = on.clock.monotonic()
        with pytest.raises(WorkerNotFound):
            await recording.query()
        assert on.clock.monotonic() - before < 1
        assert recording.state is State.RECORDING


async def test_what_a_query_says_of_the_end_becomes_the_state() -> None:
    async with stage(users=()) as on:
        recording = await on.started()
        await anyio.sleep(33)
        await recording.query()
        assert state_of(recording) is State.STOPPING
        assert "query: status" in recording.reasons[0]
        with pytest.raises(IllegalTransition):
            await recording.query()


async def test_a_stop_answered_404_is_repeated_for_longer_than_a_failover_takes() -> None:
    async with stage() as on:
        recording = await on.started()
        await anyio.sleep(20)
        on.emulator.inject(Refuse(404, code=404, reason="failed to find worker"), operation=STOP, times=6)
        began = on.clock.monotonic()
        answer = await recording.stop()
        assert answer.files, "it came back on another server, and was stopped there"
        assert on.times_of(STOP, since=began) == [0.0, 5.01, 15.02, 30.03, 45.04, 60.05, 75.06]


async def test_a_stop_that_is_not_known_for_longer_than_that_is_an_end() -> None:
    async with stage() as on:
        recording = await on.started()
        on.emulator.inject(Refuse(404, code=404, reason="failed to find worker"), operation=STOP, times=None)
        with pytest.raises(WorkerNotFound) as caught:
            await recording.stop()
        assert len(caught.value.attempts) > 5
        assert recording.state is State.STOPPING
        assert recording.outcome.takes[0].ended_at is not None


async def test_a_stop_that_fails_leaves_the_recording_running_and_can_be_sent_again() -> None:
    async with stage() as on:
        recording = await on.started()
        await anyio.sleep(20)
        on.emulator.inject(Refuse(503), operation=STOP, times=4)
        with pytest.raises(ServiceUnavailable):
            await recording.stop()
        assert state_of(recording) is State.RECORDING
        answer = await recording.stop()
        assert answer.files
        assert state_of(recording) is State.UPLOADED


class CrowdedForStops:
    """A budget in which stops wait for minutes."""

    def slot_nowait(self, priority: Priority) -> bool:
        return False

    async def slot(self, priority: Priority) -> None:
        if priority is Priority.STOP:
            await anyio.sleep_until(500)

    def slow_down(self) -> None:
        raise NotImplementedError


async def test_a_stop_that_waits_for_its_slot_for_minutes_is_not_given_up() -> None:
    async with stage(client={"budget": CrowdedForStops()}) as on:
        recording = await on.started()
        answer = await recording.stop()
        assert answer.sid == recording.sid
        assert on.calls(STOP)[0].at - on.calls(START)[0].at > timedelta(seconds=400)


@pytest.mark.parametrize(
    "fact", [facts.Uploaded(), facts.Backuped(), facts.Left(reason="event 41"), facts.Exited()], ids=repr
)
async def test_an_end_that_becomes_known_ends_the_repetitions_of_a_stop(fact: Fact) -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        on.emulator.inject(Refuse(404, code=404), operation=STOP, times=None)
        stop = await calling(tasks, recording.stop)
        await anyio.sleep(1)
        recording._ledger.absorb(fact)
        await stop.finished()
        assert stop.value is not None
        assert stop.value.sid == recording.sid
        assert on.sent == [ACQUIRE, START, STOP]


async def test_a_stop_that_cannot_be_made_is_an_error_and_nothing_seems_to_be_stopping() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
        body = b'{"cname":"class-42","uid":"880011","resourceId":"r","sid":".."}'
        on.emulator.inject(Garble(body), operation=START)
        await recording.start()
        for stop in (recording.stop, recording.ensure_stopped):
            with pytest.raises(AgoraRecError, match="sid"):
                await stop()
            assert state_of(recording) is State.RECORDING


async def test_a_query_whose_answer_is_lost_is_repeated_by_the_transport() -> None:
    async with stage() as on:
        recording = await on.started()
        on.emulator.inject(LoseAnswer(), operation=QUERY)
        answer = await recording.query()
        assert answer.sid == recording.sid
        assert [call.status for call in on.calls(QUERY)] == [200, 200]


async def test_a_turn_that_comes_together_with_the_interrupt_is_given_back() -> None:
    turn, interrupt = Turn(), Interrupt()
    async with anyio.create_task_group() as tasks:
        with await turn.take(Interrupt()):

            async def wait() -> None:
                with await turn.take(interrupt):
                    pytest.fail("an interrupted command took its turn")

            caller = await calling(tasks, wait)
        interrupt.trigger()  # the lock has been handed to the one who waits, and he hasn't run yet
        await caller.finished()
        assert isinstance(caller.error, Interrupted)
        with await turn.take(Interrupt()):
            pass


async def test_attempts_of_a_superseded_command_are_all_over() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        await anyio.sleep(20)
        on.emulator.inject(LoseAnswer(), operation=QUERY, times=None)
        query = await calling(tasks, recording.query)
        await anyio.sleep(0.5)
        stop = await calling(tasks, recording.stop)
        await query.finished()
        assert isinstance(query.error, Superseded)
        assert [attempt.outcome for attempt in query.error.attempts] == [AttemptOutcome.UNANSWERED]
        assert not query.error.maybe_running
        await stop.finished()
        assert stop.value is not None


def test_a_stop_goes_before_everything_else_in_the_budget() -> None:
    assert min(Priority) is Priority.STOP
