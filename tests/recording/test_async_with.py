"""`async with recording:` acquires and starts on entry, stops on exit, and hides nobody's exception."""

import anyio
import pytest

from agora_rec import State
from agora_rec.emulator import LoseAnswer, Refuse, SlowAnswer, Upload
from agora_rec.errors import (
    ConcurrencyLimitReached,
    ResourceExpired,
    ServiceUnavailable,
    StartUnconfirmed,
)
from agora_rec.lifecycle import facts
from tests.support.backends import virtual_time
from tests.support.cloud import (
    ACQUIRE,
    START,
    STOP,
    a_client,
    an_emulator,
    calling,
    mix,
    stage,
    state_of,
    until,
)

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


class Body(Exception):  # noqa: N818 - what a user's code might raise
    """Raised by a body."""


async def test_it_acquires_starts_and_stops() -> None:
    async with stage() as on:
        async with on.recording() as recording:
            assert state_of(recording) is State.RECORDING
            await anyio.sleep(20)
        assert state_of(recording) is State.UPLOADED
        assert on.sent == [ACQUIRE, START, STOP]


async def test_it_stops_when_the_body_raises_and_the_exception_is_the_bodys_own() -> None:
    async with stage() as on:
        error = Body("mine")

        async def use() -> None:
            async with on.recording():
                await anyio.sleep(20)
                raise error

        with pytest.raises(Body) as caught:
            await use()
        assert caught.value is error
        assert not hasattr(error, "__notes__")
        assert on.running == []


async def test_it_stops_when_the_body_is_cancelled() -> None:
    async with stage() as on:
        recording = on.recording()
        with anyio.move_on_after(20) as scope:
            async with recording:
                await anyio.sleep_forever()
        assert scope.cancelled_caught
        await until(recording, State.UPLOADED)
        assert on.sent == [ACQUIRE, START, STOP]


async def test_it_sends_no_stop_when_the_end_is_known() -> None:
    async with stage() as on:
        async with on.recording() as recording:
            await anyio.sleep(20)
            await recording.stop()
        assert on.sent == [ACQUIRE, START, STOP]
        async with on.recording("class-43") as other:
            other._ledger.absorb(facts.Left(reason="event 41"))
        assert on.sent == [ACQUIRE, START, STOP, ACQUIRE, START]
        assert state_of(other) is State.STOPPING


@pytest.mark.parametrize(
    "fault",
    [Upload(seconds=30), Refuse(206, code=435), Refuse(400, code=49), Refuse(404, code=501)],
    ids=["206", "435", "49", "501"],
)
async def test_what_is_an_end_is_not_raised(fault: Upload | Refuse) -> None:
    async with stage() as on:
        async with on.recording() as recording:
            await anyio.sleep(20)
            on.emulator.inject(fault, operation=STOP)
        assert state_of(recording) in (State.STOPPING, State.UPLOADED)


async def test_a_stop_that_fails_is_raised_where_the_body_raised_nothing() -> None:
    async with stage() as on:
        recording = on.recording()
        with pytest.raises(ServiceUnavailable):
            async with recording:
                on.emulator.inject(Refuse(503), operation=STOP, times=None)
        assert recording.state is State.RECORDING


async def test_a_stop_that_fails_is_a_note_on_the_bodys_exception(caplog: pytest.LogCaptureFixture) -> None:
    async with stage() as on:
        error = Body("mine")
        recording = on.recording()

        async def use() -> None:
            async with recording:
                on.emulator.inject(Refuse(503), operation=STOP, times=None)
                raise error

        with pytest.raises(Body) as caught:
            await use()
        assert caught.value is error
        (note,) = error.__notes__
        assert note.startswith("agora_rec: recording class-42/880011 may still run: stop (")
        assert "recording class-42/880011 may still run" in caplog.text


async def test_a_recording_out_of_control_is_raised_for_it_may_still_run() -> None:
    async with stage() as on:
        recording = on.recording(mode=mix(max_idle_time=2592000), resource_expired_hour=1)
        with pytest.raises(ResourceExpired):
            async with recording:
                await anyio.sleep(3601)
        assert recording.state is State.FAILED


async def test_an_entry_that_fails_leaves_nothing_running() -> None:
    async with stage(concurrent_limit=0) as on:
        recording = on.recording()
        with pytest.raises(ConcurrencyLimitReached):
            async with recording:
                pytest.fail("entered")
        await anyio.wait_all_tasks_blocked()
        assert on.sent == [ACQUIRE]


async def test_an_entry_whose_answer_is_lost_stops_what_may_run() -> None:
    async with stage(repeated_start_with_sid=True) as on:
        recording = on.recording()
        on.emulator.inject(LoseAnswer(), operation=START, times=4)
        with pytest.raises(StartUnconfirmed):
            async with recording:
                pytest.fail("entered")
        await until(recording, State.STOPPING)
        await recording.ensure_stopped(wait_upload=False)
        assert on.running == []


async def test_an_entry_whose_answer_stays_lost_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with stage() as on:
        recording = on.recording()
        on.emulator.inject(LoseAnswer(), operation=START, times=4)
        with pytest.raises(StartUnconfirmed):
            async with recording:
                pytest.fail("entered")
        await anyio.sleep(5)
        assert "may still run: its stop failed" in caplog.text
        assert recording.state is State.STARTING


async def test_an_entry_that_is_cancelled_in_mid_start_stops_what_it_started() -> None:
    async with stage() as on:
        recording = on.recording()
        on.emulator.inject(SlowAnswer(5), operation=START)
        with anyio.move_on_after(2) as scope:
            async with recording:
                pytest.fail("entered")
        assert scope.cancelled_caught
        await until(recording, State.STOPPING)
        await recording.ensure_stopped()
        assert on.sent == [ACQUIRE, START, STOP]
        assert on.running == []


async def test_an_entry_that_is_cancelled_before_its_start_sends_none() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        on.emulator.inject(SlowAnswer(2), operation=ACQUIRE)
        entry = await calling(tasks, recording.__aenter__)
        entry.scope.cancel()
        await anyio.sleep(10)
        assert recording.state is State.ACQUIRED
        assert on.sent == [ACQUIRE]


async def test_an_exit_that_is_cancelled_leaves_its_stop_to_the_client() -> None:
    async with stage() as on:
        recording = on.recording()
        with anyio.move_on_after(21) as scope:
            async with recording:
                await anyio.sleep(20)
                on.emulator.inject(SlowAnswer(3), operation=STOP)
        assert scope.cancelled_caught
        assert state_of(recording) is State.STOPPING
        await until(recording, State.UPLOADED)


async def test_it_may_be_entered_when_it_records_already() -> None:
    async with stage() as on:
        recording = await on.started()
        await anyio.sleep(20)
        async with recording:
            pass
        assert on.sent == [ACQUIRE, START, STOP]


async def test_outside_of_the_clients_block_it_is_refused_and_its_exit_stays_quiet() -> None:
    emulator = an_emulator()
    cloud = a_client(emulator, qps=None)
    with pytest.raises(RuntimeError, match="not open"):
        async with cloud.recording("class-1", 1, mix()):
            pytest.fail("entered")
    async with cloud:
        recording = cloud.recording("class-2", 2, mix())
        await recording.__aenter__()
        await anyio.sleep(20)
        await recording.stop()
    await recording.__aexit__(None, None, None)


async def test_an_exit_after_the_client_has_closed_says_that_it_cannot_stop() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.__aenter__()
    with pytest.raises(RuntimeError, match="not open"):
        await recording.__aexit__(None, None, None)
    assert recording.state is State.RECORDING, "nothing was sent, so nothing seems to be stopping"
    error = Body("mine")
    await recording.__aexit__(Body, error, None)
    assert "may still run" in error.__notes__[0]
