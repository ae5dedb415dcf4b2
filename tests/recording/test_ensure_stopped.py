"""A goal: a recording that has ended, whatever its state and whoever else wants the same."""

import anyio
import pytest

from agora_rec import State
from agora_rec.emulator import Delay, LoseAnswer, Refuse, SlowAnswer, Upload
from agora_rec.errors import (
    AgoraRecError,
    AlreadyStopping,
    AuthenticationFailed,
    ResourceExpired,
    ServiceUnavailable,
    StartUnconfirmed,
    Superseded,
    TaskConflict,
    TransportError,
    WaitTimedOut,
)
from agora_rec.lifecycle import Change
from tests.support.backends import virtual_time
from tests.support.cloud import (
    ACQUIRE,
    QUERY,
    START,
    STOP,
    SlowStore,
    all_back,
    calling,
    mix,
    stage,
    state_of,
)

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


async def test_it_stops_and_says_where_the_files_are() -> None:
    async with stage() as on:
        recording = await on.started()
        await anyio.sleep(20)
        outcome = await recording.ensure_stopped()
        assert (outcome.state, outcome.in_bucket, outcome.no_data) == (State.UPLOADED, True, False)
        assert outcome.files == recording.files
        (take,) = outcome.takes
        assert (take.uid, take.resource_id, take.sid) == (880011, recording.resource_id, recording.sid)
        assert take.files == outcome.files
        assert take.ended_at is not None
        assert (take.ended_at - take.started_at).total_seconds() == pytest.approx(20.5, abs=0.1)


async def test_repeated_it_sends_nothing_more() -> None:
    async with stage() as on:
        recording = await on.started()
        await anyio.sleep(20)
        first = await recording.ensure_stopped()
        assert await recording.ensure_stopped() == first
        assert on.sent == [ACQUIRE, START, STOP]


async def test_of_what_never_began_there_is_nothing_to_stop() -> None:
    async with stage() as on:
        recording = on.recording()
        assert (await recording.ensure_stopped()).state is State.IDLE
        await recording.acquire()
        outcome = await recording.ensure_stopped()
        assert (outcome.state, outcome.takes, outcome.in_bucket) == (State.ACQUIRED, (), None)
        assert on.sent == [ACQUIRE]


async def test_two_callers_at_once_cost_one_stop_and_get_the_same_outcome() -> None:
    async with stage() as on:
        recording = await on.started()
        await anyio.sleep(20)
        async with anyio.create_task_group() as tasks:
            one = await calling(tasks, recording.ensure_stopped)
            two = await calling(tasks, recording.ensure_stopped)
            await all_back(one, two)
            assert one.value is not None
            assert one.value == two.value
        assert on.sent == [ACQUIRE, START, STOP]


async def test_it_joins_a_stop_that_is_under_way() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        await anyio.sleep(20)
        stop = await calling(tasks, recording.stop)
        outcome = await recording.ensure_stopped()
        assert stop.value is not None
        assert outcome.files == stop.value.files
        assert on.sent == [ACQUIRE, START, STOP]


async def test_no_recorded_data_is_an_outcome() -> None:
    async with stage(users=()) as on:
        recording = await on.started()
        await anyio.sleep(5)
        outcome = await recording.ensure_stopped()
        assert (outcome.state, outcome.no_data, outcome.files) == (State.UPLOADED, True, ())
        assert outcome.in_bucket is None
        assert recording.no_data


async def test_backuped_is_an_outcome() -> None:
    async with stage(backup_buckets=frozenset({"recordings"})) as on:
        recording = await on.started()
        await anyio.sleep(20)
        outcome = await recording.ensure_stopped()
        assert (outcome.state, outcome.in_bucket) == (State.BACKUPED, False)


async def test_an_upload_that_takes_long_is_an_outcome_after_a_minute() -> None:
    async with stage() as on:
        recording = await on.started()
        await anyio.sleep(20)
        on.emulator.inject(Upload(seconds=600), operation=STOP)
        before = on.clock.monotonic()
        outcome = await recording.ensure_stopped()
        assert (outcome.state, outcome.in_bucket) == (State.STOPPING, None)
        assert on.clock.monotonic() - before == pytest.approx(80, abs=1)


async def test_nobody_has_to_wait_for_the_upload() -> None:
    async with stage() as on:
        recording = await on.started()
        await anyio.sleep(20)
        on.emulator.inject(Upload(seconds=600), operation=STOP)
        before = on.clock.monotonic()
        await recording.ensure_stopped(wait_upload=False)
        assert on.clock.monotonic() - before == pytest.approx(20, abs=1)


async def test_stopped_already_is_an_outcome() -> None:
    async with stage() as on:
        recording = await on.started()
        on.emulator.inject(Refuse(400, code=49, reason="invalid operation"), operation=STOP)
        outcome = await recording.ensure_stopped(wait_upload=False)
        assert outcome.state is State.STOPPING


async def test_gone_for_longer_than_a_failover_is_an_outcome() -> None:
    async with stage(users=()) as on:
        recording = await on.started()
        await anyio.sleep(200)
        outcome = await recording.ensure_stopped(wait_upload=False)
        assert outcome.state is State.STOPPING
        assert recording.reasons


async def test_a_stop_that_fails_is_raised_since_it_may_still_run() -> None:
    async with stage() as on:
        recording = await on.started()
        await anyio.sleep(20)
        on.emulator.inject(Refuse(503), operation=STOP, times=None)
        with pytest.raises(ServiceUnavailable):
            await recording.ensure_stopped()
        assert state_of(recording) is State.RECORDING
        on.emulator.clear_faults()
        outcome = await recording.ensure_stopped()
        assert outcome.state is State.UPLOADED


@pytest.mark.parametrize(("operation", "error"), [(STOP, AuthenticationFailed), (STOP, TransportError)])
async def test_a_stop_that_the_service_never_took_is_raised(
    operation: object, error: type[AgoraRecError]
) -> None:
    async with stage() as on:
        recording = await on.started()
        fault = LoseAnswer() if error is TransportError else Refuse(401, message="Unauthorized")
        on.emulator.inject(fault, operation=STOP, times=None)
        with pytest.raises(error):
            await recording.ensure_stopped()
        assert recording.state is State.RECORDING


async def test_a_recording_that_is_out_of_control_is_raised_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with stage() as on:
        recording = await on.started(mode=mix(max_idle_time=2592000), resource_expired_hour=1)
        await anyio.sleep(3600)
        with pytest.raises(ResourceExpired):
            await recording.ensure_stopped()
        assert recording.state is State.FAILED
        assert on.running == [recording.sid]
        assert "may still run" in caplog.text


async def test_a_deadline_ends_the_waiting_and_not_the_stop() -> None:
    async with stage() as on:
        recording = await on.started()
        await anyio.sleep(20)
        on.emulator.inject(Delay(3), operation=STOP)
        with pytest.raises(WaitTimedOut) as caught:
            await recording.ensure_stopped(deadline=1)
        assert caught.value.state is State.STOPPING
        assert len(on.running) == 1
        await anyio.sleep(5)
        assert recording.state is State.UPLOADED


async def test_a_deadline_while_only_the_upload_is_awaited_gives_what_is_known() -> None:
    async with stage() as on:
        recording = await on.started()
        await anyio.sleep(20)
        on.emulator.inject(Upload(seconds=600), operation=STOP)
        outcome = await recording.ensure_stopped(deadline=30)
        assert outcome.state is State.STOPPING


async def test_during_a_start_it_stops_what_comes_of_it() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        on.emulator.inject(SlowAnswer(5), operation=START)
        await calling(tasks, recording.ensure_started)
        await anyio.sleep(1)
        one = await calling(tasks, recording.ensure_stopped)
        two = await calling(tasks, recording.ensure_stopped)
        await one.finished()
        await two.finished()
        assert on.sent == [ACQUIRE, START, STOP]
        assert one.value is not None
        assert one.value == two.value
        assert on.running == []


async def test_during_a_start_that_is_refused_there_is_nothing_left_to_do() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(Delay(2), operation=START)
        other = on.recording()
        await other.acquire()
        start = await calling(tasks, recording.start)
        await other.start()
        outcome = await recording.ensure_stopped()
        assert outcome.state is State.IDLE
        await start.finished()
        assert isinstance(start.error, TaskConflict)


async def test_it_asks_for_a_lost_sid_by_the_same_start_and_stops_it() -> None:
    async with stage(repeated_start_with_sid=True) as on:
        recording = on.recording()
        on.emulator.inject(LoseAnswer(), operation=START, times=4)
        with pytest.raises(StartUnconfirmed):
            await recording.ensure_started()
        await anyio.sleep(5)
        outcome = await recording.ensure_stopped()
        assert outcome.state is State.UPLOADED
        assert on.running == []
        assert on.sent == [ACQUIRE, *[START] * 5, STOP]


async def test_a_lost_sid_that_the_service_does_not_tell_is_raised() -> None:
    async with stage() as on:
        recording = on.recording()
        on.emulator.inject(LoseAnswer(), operation=START, times=4)
        with pytest.raises(StartUnconfirmed):
            await recording.ensure_started()
        with pytest.raises(StartUnconfirmed) as caught:
            await recording.ensure_stopped()
        assert [attempt.status for attempt in caught.value.attempts] == [None, None, None, None, 201]
        assert recording.state is State.STARTING


async def test_its_work_on_a_lost_sid_goes_on_when_its_caller_has_left() -> None:
    async with stage(repeated_start_with_sid=True) as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        on.emulator.inject(LoseAnswer(), operation=START, times=6)
        with pytest.raises(StartUnconfirmed):
            await recording.ensure_started()
        await anyio.sleep(5)
        stop = await calling(tasks, recording.ensure_stopped)
        await anyio.sleep(0.5)
        stop.scope.cancel()
        await anyio.sleep(20)
        assert not stop.is_back
        assert recording.state is State.UPLOADED
        assert on.running == []


async def test_during_a_start_whose_answers_are_lost_it_asks_once_more() -> None:
    async with stage(repeated_start_with_sid=True) as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(LoseAnswer(), operation=START, times=5)
        start = await calling(tasks, recording.start)
        outcome = await recording.ensure_stopped()
        await start.finished()
        assert isinstance(start.error, StartUnconfirmed)
        assert outcome.takes[0].sid is not None
        assert on.running == []
        assert on.sent == [ACQUIRE, *[START] * 6, STOP]


async def test_a_start_that_somebody_makes_after_the_withdrawal_of_another_is_stopped_too() -> None:
    async with stage(client={"store": SlowStore()}) as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        await recording.acquire()
        first = await calling(tasks, recording.start)  # waits for its write-ahead
        driver = recording._driver
        learnt = driver.ledger.on_news

        def start_again(change: Change | None) -> None:
            learnt(change)
            if driver.ledger.state is State.ACQUIRED and len(recording.history) < 4:
                driver.start()

        driver.ledger.on_news = start_again  # at the very moment of the withdrawal
        outcome = await recording.ensure_stopped()
        await first.finished()
        assert isinstance(first.error, Superseded)
        assert outcome.state is State.ACQUIRED
        assert on.sent == [ACQUIRE], "the other one was withdrawn too"


async def test_two_callers_after_a_lost_sid_repeat_one_start() -> None:
    async with stage(repeated_start_with_sid=True) as on:
        recording = on.recording()
        on.emulator.inject(LoseAnswer(), operation=START, times=4)
        with pytest.raises(StartUnconfirmed):
            await recording.ensure_started()
        await anyio.sleep(5)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(recording.ensure_stopped)
            tasks.start_soon(recording.ensure_stopped)
        assert on.sent == [ACQUIRE, *[START] * 5, STOP]


async def test_a_stop_that_fails_for_one_caller_is_sent_anew_by_the_next() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        await anyio.sleep(20)
        on.emulator.inject(Refuse(401, message="Unauthorized"), operation=STOP)
        stop = await calling(tasks, recording.stop)
        outcome = await calling(tasks, recording.ensure_stopped)
        await stop.finished()
        await outcome.finished()
        assert isinstance(stop.error, AuthenticationFailed)
        assert isinstance(outcome.error, AuthenticationFailed)
        assert state_of(recording) is State.RECORDING


async def test_it_supersedes_what_waits() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        await anyio.sleep(20)
        on.emulator.inject(Refuse(503), operation=QUERY, times=None)
        query = await calling(tasks, recording.query)
        await anyio.sleep(1)
        await recording.ensure_stopped()
        assert query.is_back
        assert on.sent == [ACQUIRE, START, QUERY, STOP]


async def test_an_error_that_says_stopped_already_is_raised_by_the_plain_call() -> None:
    async with stage() as on:
        recording = await on.started()
        on.emulator.inject(Refuse(404, code=501, reason="service exiting"), operation=STOP)
        with pytest.raises(AlreadyStopping):
            await recording.stop()
        assert recording.state is State.STOPPING
