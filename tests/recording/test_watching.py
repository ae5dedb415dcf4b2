"""Waiting for the confirmation and for the end: when it is asked, what counts as proof, how it can end."""

import logging

import anyio
import pytest

from agora_rec import Recording, State
from agora_rec.emulator import Delay, Garble, LoseAnswer, Refuse, SlowAnswer, Upload
from agora_rec.errors import (
    IllegalTransition,
    RecordingGone,
    StartUnconfirmed,
    UploadStatusUnknown,
    WaitTimedOut,
    WorkerNotFound,
)
from agora_rec.lifecycle import facts
from agora_rec.recording import watching
from tests.support.backends import virtual_time
from tests.support.cloud import ACQUIRE, QUERY, START, STOP, all_back, calling, mix, stage, state_of
from tests.support.reference import load

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

NOT_FOUND = Refuse(404, code=404, reason="failed to find worker")
TIMES = load("timing")["times"]


def test_the_numbers_are_the_documented_ones() -> None:
    schedules = load("timing")["retry_schedules"]
    assert TIMES["first_query_after_sid"]["value"] == watching.FIRST_LOOK
    assert tuple(schedules["confirm_start"]["waits"]) == watching.LOOKS
    assert TIMES["start_confirmed_within"]["value"] == watching.CONFIRMED_WITHIN
    assert TIMES["failover_total"]["value"] == watching.CONFIRMED_WITHIN
    assert TIMES["query_interval_watch"]["value"] == watching.WATCH_EVERY


class TestWaitStarted:
    async def test_it_asks_after_five_seconds_and_is_content_with_status_4(self) -> None:
        async with stage() as on:
            recording = await on.started()
            began = on.clock.monotonic()
            await recording.wait_started()
            assert on.times_of(QUERY, since=began) == [5.0]
            assert recording.state is State.RECORDING
            await recording.wait_started()
            assert len(on.calls(QUERY)) == 1, "what is confirmed is not asked again"

    async def test_it_asks_again_on_the_documented_schedule_until_it_has_begun(self) -> None:
        async with stage(start_seconds=40, latency=0) as on:
            recording = await on.started()
            began = on.clock.monotonic()
            await recording.wait_started()
            assert on.times_of(QUERY, since=began) == [5, 10, 20, 35, 50]

    async def test_what_is_denied_for_90_seconds_after_its_sid_never_began(self) -> None:
        async with stage(latency=0) as on:
            recording = await on.started()
            began = on.clock.monotonic()
            on.emulator.inject(NOT_FOUND, operation=QUERY, times=None)
            with pytest.raises(RecordingGone) as caught:
                await recording.wait_started()
            assert on.times_of(QUERY, since=began) == [5, 10, 20, 35, 50, 65, 80]
            assert on.clock.monotonic() - began == 90
            assert caught.value.sid == recording.sid
            assert recording.state is State.STOPPING
            assert "not known it for 90 s" in recording.reasons[0]
            await anyio.wait_all_tasks_blocked()
            stored = await on.cloud.store.load(recording.id)
            assert stored is not None
            assert stored.checkpoint.standing.state is State.STOPPING

    async def test_the_verdict_comes_before_a_longer_timeout(self) -> None:
        async with stage(latency=0) as on:
            recording = await on.started()
            began = on.clock.monotonic()
            on.emulator.inject(NOT_FOUND, operation=QUERY, times=None)
            with pytest.raises(RecordingGone):
                await recording.wait_started(timeout=1000)
            assert on.clock.monotonic() - began == 90

    async def test_fewer_than_three_answers_are_no_verdict(self) -> None:
        async with stage(latency=0) as on:
            recording = await on.started()
            on.emulator.inject(Refuse(500), operation=QUERY, times=12)
            on.emulator.inject(NOT_FOUND, operation=QUERY, times=None)
            with pytest.raises(WaitTimedOut) as caught:
                await recording.wait_started()
            assert caught.value.state is State.RECORDING
            assert recording.state is State.RECORDING

    @pytest.mark.parametrize(
        "fault", [Refuse(500), Refuse(401, message="Unauthorized"), LoseAnswer(), Garble(b"<html>")], ids=repr
    )
    async def test_what_cannot_be_asked_is_not_ended(self, fault: Refuse | LoseAnswer | Garble) -> None:
        async with stage() as on:
            recording = await on.started()
            on.emulator.inject(fault, operation=QUERY, times=None)
            with pytest.raises(WaitTimedOut):
                await recording.wait_started(timeout=300)
            assert recording.state is State.RECORDING

    async def test_a_window_of_404s_that_a_failover_makes_heals(self) -> None:
        async with stage(latency=0) as on:
            recording = await on.started()
            on.emulator.inject(NOT_FOUND, operation=QUERY, times=6)
            await recording.wait_started()
            assert recording.state is State.RECORDING
            assert len(on.calls(QUERY)) == 7

    async def test_what_was_found_once_is_given_the_time_of_a_whole_failover(self) -> None:
        async with stage(latency=0, start_seconds=500) as on:
            recording = await on.started()
            began = on.clock.monotonic()
            async with anyio.create_task_group() as tasks:
                waiting = await calling(tasks, lambda: recording.wait_started(timeout=1000))
                await anyio.sleep(40)
                on.emulator.inject(NOT_FOUND, operation=QUERY, times=None)
                await waiting.finished()
                assert isinstance(waiting.error, RecordingGone)
            assert on.times_of(QUERY, since=began) == [5, 10, 20, 35, 50, 65, 80, 95, 110, 125, 140]

    async def test_where_nobody_has_looked_only_what_is_denied_from_now_on_counts(self) -> None:
        async with stage(latency=0) as on:
            recording = await on.started()
            await anyio.sleep(3600)
            on.emulator.inject(NOT_FOUND, operation=QUERY, times=6)  # a failover, an hour later
            await recording.wait_started(timeout=1000)
            assert recording.state is State.RECORDING

    async def test_it_waits_for_the_sid_first(self) -> None:
        async with stage() as on, anyio.create_task_group() as tasks:
            recording = on.recording()
            await recording.acquire()
            on.emulator.inject(SlowAnswer(5), operation=START)
            await calling(tasks, recording.start)
            await recording.wait_started()
            assert on.sent == [ACQUIRE, START, QUERY]

    async def test_of_what_nobody_has_started_it_does_not_wait(self) -> None:
        async with stage() as on:
            recording = on.recording()
            with pytest.raises(IllegalTransition, match="Nobody has started it"):
                await recording.wait_started()
            await recording.acquire()
            with pytest.raises(IllegalTransition, match="Nobody has started it"):
                await recording.wait_started()

    async def test_a_start_that_fails_meanwhile_ends_it(self) -> None:
        async with stage() as on, anyio.create_task_group() as tasks:
            recording = on.recording()
            await recording.acquire()
            on.emulator.inject(Refuse(500, code=502), operation=START)
            await calling(tasks, recording.start)
            with pytest.raises(IllegalTransition, match="did not start"):
                await recording.wait_started()

    async def test_a_stop_meanwhile_ends_it(self) -> None:
        async with stage() as on, anyio.create_task_group() as tasks:
            recording = await on.started()
            waiting = await calling(tasks, recording.wait_started)
            await anyio.sleep(4)
            await recording.stop()
            await waiting.finished()
            assert isinstance(waiting.error, IllegalTransition)
            assert QUERY not in on.sent
            with pytest.raises(IllegalTransition):
                await recording.wait_started()

    async def test_a_stop_supersedes_its_query_and_ends_it(self) -> None:
        async with stage() as on, anyio.create_task_group() as tasks:
            recording = await on.started()
            on.emulator.inject(Refuse(503), operation=QUERY)
            waiting = await calling(tasks, recording.wait_started)
            await anyio.sleep(7)
            await recording.ensure_stopped()
            await waiting.finished()
            assert isinstance(waiting.error, IllegalTransition)

    async def test_an_end_by_itself_says_why(self) -> None:
        async with stage(wrong_values=frozenset({"recordings"}), check_seconds=3, exit_seconds=30) as on:
            recording = await on.started()
            with pytest.raises(RecordingGone, match="abnormal exit"):
                await recording.wait_started()
            assert recording.state is State.FAILED

    async def test_a_caller_who_leaves_takes_his_query_with_him(self) -> None:
        async with stage() as on, anyio.create_task_group() as tasks:
            recording = await on.started()
            on.emulator.inject(Refuse(503), operation=QUERY)
            waiting = await calling(tasks, recording.wait_started)
            await anyio.sleep(7)
            waiting.scope.cancel()
            await anyio.sleep(60)
            assert len(on.calls(QUERY)) == 1


class TestWaitFinished:
    async def test_a_stop_by_somebody_else_ends_it(self) -> None:
        async with stage() as on, anyio.create_task_group() as tasks:
            recording = await on.started()
            waiting = await calling(tasks, recording.wait_finished)
            await anyio.sleep(20)
            await recording.stop()
            await waiting.finished()
            assert waiting.value is not None
            assert waiting.value.state is State.UPLOADED
            assert waiting.value == recording.outcome

    async def test_it_looks_every_two_minutes_while_it_runs(self) -> None:
        async with stage(latency=0) as on:
            recording = await on.started()
            began = on.clock.monotonic()
            with pytest.raises(WaitTimedOut) as caught:
                await recording.wait_finished(timeout=500)
            assert on.times_of(QUERY, since=began) == [120, 240, 360, 480]
            assert caught.value.state is State.RECORDING
            assert caught.value.files == recording.files != ()

    async def test_an_idle_exit_ends_in_doubt_about_the_files(self, caplog: pytest.LogCaptureFixture) -> None:
        async with stage(latency=0) as on:
            recording = await on.started(mode=mix(max_idle_time=30))
            began = on.clock.monotonic()
            on.emulator.channel(recording.cname).empty()
            with pytest.raises(UploadStatusUnknown) as caught:
                await recording.wait_finished()
            # 404 from the first look on: the documented waits, past a failover, and a minute for the files
            assert on.times_of(QUERY, since=began) == [120, 125, 135, 150, 165, 180, 195, 210]
            assert on.clock.monotonic() - began == 270
            assert (caught.value.status, caught.value.sid) == (None, recording.sid)
            assert recording.state is State.STOPPING
            assert [record.levelno for record in caplog.records if "is gone" in record.message] == [
                logging.WARNING
            ]

    async def test_a_second_failover_is_looked_at_as_closely_as_the_first(self) -> None:
        async with stage(latency=0) as on, anyio.create_task_group() as tasks:
            recording = await on.started()
            began = on.clock.monotonic()
            on.emulator.inject(NOT_FOUND, operation=QUERY, times=2)
            waiting = await calling(tasks, recording.wait_finished)
            await anyio.sleep(200)
            on.emulator.inject(NOT_FOUND, operation=QUERY, times=1)
            await anyio.sleep(100)
            assert on.times_of(QUERY, since=began) == [120, 125, 135, 255, 260]
            await recording.stop()
            await waiting.finished()

    async def test_404s_that_a_failover_makes_do_not_end_it(self) -> None:
        async with stage(latency=0) as on, anyio.create_task_group() as tasks:
            recording = await on.started()
            began = on.clock.monotonic()
            on.emulator.inject(NOT_FOUND, operation=QUERY, times=6)
            waiting = await calling(tasks, recording.wait_finished)
            await anyio.sleep(400)
            assert on.times_of(QUERY, since=began) == [120, 125, 135, 150, 165, 180, 195, 315]
            assert state_of(recording) is State.RECORDING
            await recording.stop()
            await waiting.finished()
            assert waiting.value is not None

    async def test_5xx_never_count(self) -> None:
        async with stage() as on:
            recording = await on.started()
            on.emulator.inject(Refuse(500), operation=QUERY, times=None)
            with pytest.raises(WaitTimedOut):
                await recording.wait_finished(timeout=1200)
            assert recording.state is State.RECORDING

    async def test_a_backup_is_an_end(self) -> None:
        async with stage(backup_buckets=frozenset({"recordings"})) as on:
            recording = await on.started()
            await anyio.sleep(20)
            await recording.stop()
            outcome = await recording.wait_finished()
            assert (outcome.state, outcome.in_bucket) == (State.BACKUPED, False)

    async def test_no_data_is_an_end(self) -> None:
        async with stage(users=()) as on, anyio.create_task_group() as tasks:
            recording = await on.started()
            waiting = await calling(tasks, recording.wait_finished)
            await anyio.sleep(5)
            await recording.ensure_stopped()
            await waiting.finished()
            assert waiting.value is not None
            assert (waiting.value.state, waiting.value.no_data) == (State.UPLOADED, True)

    async def test_a_failure_is_an_end_with_its_reason(self) -> None:
        async with stage(wrong_values=frozenset({"recordings"}), check_seconds=118, exit_seconds=30) as on:
            recording = await on.started()
            outcome = await recording.wait_finished()
            assert (outcome.state, outcome.in_bucket, outcome.files) == (State.FAILED, None, ())
            assert "abnormal exit" in recording.reasons[0]
            assert outcome.takes[0].ended_at is not None

    async def test_news_of_the_files_within_the_minute_is_in_time(self) -> None:
        async with stage() as on, anyio.create_task_group() as tasks:
            recording = await on.started()
            await anyio.sleep(20)
            on.emulator.inject(Upload(seconds=100), operation=STOP)
            with pytest.raises(UploadStatusUnknown):
                await recording.stop()
            waiting = await calling(tasks, recording.wait_finished)
            await anyio.sleep(50)
            recording._ledger.absorb(facts.Exited())
            await anyio.sleep(5)
            recording._ledger.absorb(facts.Uploaded())
            await waiting.finished()
            assert waiting.value is not None
            assert waiting.value.state is State.UPLOADED

    async def test_what_has_ended_is_told_at_once(self) -> None:
        async with stage() as on:
            recording = await on.started()
            await anyio.sleep(20)
            await recording.stop()
            before = on.clock.monotonic()
            assert (await recording.wait_finished()).state is State.UPLOADED
            assert on.clock.monotonic() == before

    async def test_it_waits_through_a_start_and_a_stop_that_is_remembered(self) -> None:
        async with stage() as on, anyio.create_task_group() as tasks:
            recording = on.recording()
            await recording.acquire()
            on.emulator.inject(SlowAnswer(8), operation=START)
            await calling(tasks, recording.start)
            waiting = await calling(tasks, recording.wait_finished)
            await anyio.sleep(5)
            await calling(tasks, recording.stop)
            await waiting.finished()
            assert waiting.value is not None
            assert waiting.value.state is State.UPLOADED

    async def test_what_nobody_has_started_has_no_end_to_wait_for(self) -> None:
        async with stage() as on:
            recording = on.recording()
            with pytest.raises(IllegalTransition):
                await recording.wait_finished()
            await recording.acquire()
            with pytest.raises(IllegalTransition):
                await recording.wait_finished()

    async def test_a_stop_that_fails_leaves_it_waiting(self) -> None:
        async with stage() as on, anyio.create_task_group() as tasks:
            recording = await on.started()
            await anyio.sleep(20)
            waiting = await calling(tasks, recording.wait_finished)
            on.emulator.inject(Refuse(401, message="Unauthorized"), operation=STOP)
            stop = await calling(tasks, recording.stop)
            await stop.finished()
            await anyio.sleep(10)
            assert not waiting.is_back
            await recording.stop()
            await waiting.finished()
            assert waiting.value is not None

    async def test_a_stop_that_comes_during_its_query_is_not_confused_with_an_end(self) -> None:
        async with stage() as on, anyio.create_task_group() as tasks:
            recording = await on.started()
            on.emulator.inject(Delay(5), operation=QUERY)
            waiting = await calling(tasks, recording.wait_finished)
            await anyio.sleep(121)
            answer = await recording.stop()
            assert answer.files
            await waiting.finished()
            assert waiting.value is not None
            assert not any(call.overlapped for call in on.emulator.calls)

    async def test_a_start_that_stays_unconfirmed_is_waited_for_until_the_timeout(self) -> None:
        async with stage() as on:
            recording = on.recording()
            on.emulator.inject(LoseAnswer(), operation=START, times=None)
            with pytest.raises(StartUnconfirmed):
                await recording.ensure_started()
            with pytest.raises(WaitTimedOut) as caught:
                await recording.wait_finished(timeout=60)
            assert caught.value.state is State.STARTING
            assert caught.value.maybe_running


async def test_many_may_wait_for_the_same_recording() -> None:
    async with stage() as on:
        recording = await on.started()
        async with anyio.create_task_group() as tasks:
            finished = [await calling(tasks, recording.wait_finished) for _ in range(3)]
            started = [await calling(tasks, recording.wait_started) for _ in range(3)]
            await anyio.sleep(30)
            await recording.stop()
            await all_back(*finished, *started)
            assert [caller.error for caller in started] == [None] * 3
            assert [caller.value for caller in finished] == [recording.outcome] * 3
        assert not any(call.overlapped for call in on.emulator.calls)


async def test_a_query_that_proves_the_end_is_told_to_those_who_wait() -> None:
    async with stage(users=(), exit_seconds=30) as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        waiting = await calling(tasks, recording.wait_finished)
        await anyio.sleep(34)
        await recording.query()
        assert state_of(recording) is State.STOPPING
        await waiting.finished()
        assert isinstance(waiting.error, UploadStatusUnknown)
        assert QUERY in on.sent


async def test_a_404_to_a_query_of_ones_own_is_no_proof_for_those_who_watch() -> None:
    async with stage() as on:
        recording: Recording = await on.started()
        on.emulator.inject(NOT_FOUND, operation=QUERY, times=5)
        for _ in range(5):
            with pytest.raises(WorkerNotFound):
                await recording.query()
            await anyio.sleep(30)
        assert recording.state is State.RECORDING
