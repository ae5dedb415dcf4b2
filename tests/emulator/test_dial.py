"""Time as a dial: clocks that run faster, and the one that stands until somebody moves it."""

import json
from datetime import timedelta
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from agora_rec import CloudRecording, WorkerNotFound
from agora_rec.emulator import AcceleratedClock, Emulator, Settings, SteppedClock
from tests.support.cloud import a_client, mix

pytestmark = pytest.mark.anyio


def client_of(emulator: Emulator, clock: SteppedClock) -> CloudRecording:
    return a_client(
        emulator, clock, customer_id=emulator.customer_id, customer_secret=emulator.customer_secret
    )


async def nap(clock: SteppedClock, log: list[tuple[str, float]], name: str, *naps: float) -> None:
    """Sleep for each of these, and note when that was over."""
    for seconds in naps:
        await clock.sleep(seconds)
        log.append((name, clock.monotonic()))


async def test_a_stepped_clock_stands_still():
    clock = SteppedClock()
    before = clock.now()
    with anyio.move_on_after(0.02) as scope:
        await clock.sleep(0.000001)
    assert clock.now() == before == clock.epoch
    assert scope.cancelled_caught


async def test_who_sleeps_wakes_in_the_order_of_the_moments_and_each_at_its_own():
    clock = SteppedClock()
    log: list[tuple[str, float]] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(nap, clock, log, "minutes", *[60.0] * 5)
        tasks.start_soon(nap, clock, log, "odd", 90.0, 45.0, 90.0)
        clock.advance(300)
        await clock.sleep(0)
        assert log == [
            ("minutes", 60),
            ("odd", 90),
            ("minutes", 120),
            ("odd", 135),
            ("minutes", 180),
            ("odd", 225),
            ("minutes", 240),
            ("minutes", 300),
        ]


async def test_who_has_moved_the_clock_is_in_the_new_time_at_once_and_others_come_along():
    clock = SteppedClock()
    log: list[tuple[str, float]] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(nap, clock, log, "other", 5.0)
        tasks.start_soon(nap, clock, log, "late", 15.0)
        await anyio.wait_all_tasks_blocked()
        clock.advance(10)
        assert (clock.monotonic(), log) == (10, [])
        assert clock.now() == clock.epoch + timedelta(seconds=10)
        tasks.start_soon(nap, clock, log, "begun here", 3.0)
        await clock.sleep(0)
        assert log == [("other", 5)]
        clock.advance(3)
        clock.advance(4)
        await clock.sleep(0)
        assert log == [("other", 5), ("begun here", 13), ("late", 15)]


async def test_what_is_over_in_time_is_not_cut_by_a_scope_that_the_same_move_reaches():
    clock = SteppedClock()
    log: list[tuple[str, float]] = []

    async def ask() -> None:
        with clock.move_on_after(10) as patience:
            await nap(clock, log, "answer", 2.0)
        assert not patience.cancelled_caught
        with clock.move_on_after(10) as patience:
            await nap(clock, log, "too late", 11.0)
        log.append(("given up", clock.monotonic()))
        assert patience.cancelled_caught
        with clock.move_on_after(None) as patience:
            await nap(clock, log, "whenever", 100.0)
        with clock.move_on_after(0) as patience:
            await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        clock.advance(3600)
    assert log == [("answer", 2), ("given up", 12), ("whenever", 112)]


async def test_who_no_longer_waits_is_forgotten():
    clock = SteppedClock()
    for _ in range(500):
        with clock.move_on_after(3600):
            await clock.sleep(0)
    with clock.move_on_after(10):
        assert len(clock._waiters) < 100
    clock.advance(20)
    await clock.sleep(0)
    assert len(clock._waiters) < 100


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
async def test_a_clock_is_not_moved_by(seconds: float):
    with pytest.raises(ValueError, match="moved"):
        SteppedClock().advance(seconds)


async def test_work_runs_through_all_the_time_that_it_needs():
    clock = SteppedClock()
    log: list[tuple[str, float]] = []

    async def work() -> str:
        await anyio.sleep(0.002)
        await nap(clock, log, "work", 60.0, 3600.0)
        return "done"

    assert await clock.run_until(work) == "done"
    assert log == [("work", 60), ("work", 3660)]
    assert clock.monotonic() == 3660


async def test_work_may_take_so_long_only():
    clock = SteppedClock()
    with pytest.raises(TimeoutError, match="within 59"):
        await clock.run_until(lambda: clock.sleep(60), within=59)
    assert clock.monotonic() == 0


async def test_what_goes_wrong_in_work_comes_out_as_itself():
    async def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await SteppedClock().run_until(fail)


async def test_work_goes_on_while_the_clock_is_being_moved():
    clock = SteppedClock()
    clock.advance(100)
    await clock.run_until(lambda: clock.sleep(50))
    assert clock.monotonic() == 150


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_who_never_rests_does_not_keep_the_clock_from_moving():
    clock = SteppedClock()

    async def fidget() -> None:
        while True:
            clock.now()
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fidget)
        clock.advance(10)
        await clock.sleep(0)
        tasks.cancel_scope.cancel()
    assert clock.monotonic() == 10


async def test_an_hour_of_a_client_and_its_emulator_is_one_move():
    clock = SteppedClock()
    emulator = Emulator(clock=clock, settings=Settings(latency=0.0), qps=None)
    assert emulator.clock is clock
    async with client_of(emulator, clock) as cloud:
        recording = cloud.recording("class-42", 7, mix())
        await recording.ensure_started()
        clock.advance(3600)
        await recording.query()
        assert emulator.running()[0].files
        emulator.channel("class-42").empty()
        clock.advance(400)
        with pytest.raises(WorkerNotFound):
            await recording.query()
        assert emulator.running() == ()
        began = clock.monotonic()
        outcome = await clock.run_until(recording.ensure_stopped)
    # A 404 to stop is asked again for as long as a move to another server may take.
    assert clock.monotonic() - began >= 90
    assert outcome.files


async def test_notifications_of_an_hour_that_is_one_move_come_each_at_its_own_moment():
    clock = SteppedClock()
    heard: list[tuple[int, int]] = []

    async def notebook(scope: Any, receive: Any, send: Any) -> None:
        body = json.loads((await receive())["body"])
        await clock.sleep(1)  # less than the sender's patience
        heard.append((body["eventType"], body["notifyMs"] - body["payload"]["sendts"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    emulator = Emulator(clock=clock, settings=Settings(latency=0.0), qps=None, webhooks_to=notebook)
    async with client_of(emulator, clock) as cloud, emulator.delivering():
        await cloud.recording("class-42", 7, mix()).ensure_started()
        clock.advance(3600)
        await clock.sleep(0)
        notices = emulator.notices
        assert len(notices) > 60
    assert sorted(event_type for event_type, _ in heard) == sorted(int(each.event_type) for each in notices)
    assert {late for _, late in heard} == {100}


def test_without_an_event_loop_it_is_moved_at_once():
    clock = SteppedClock()
    clock.advance(10)
    assert clock.monotonic() == 10
    log: list[tuple[str, float]] = []

    async def sleeper() -> None:
        with anyio.move_on_after(0.001):
            await nap(clock, log, "cut", 60.0)

    anyio.run(sleeper)
    clock.advance(60)
    assert (clock.monotonic(), log) == (70, [])

    async def whose_loop_ends() -> None:
        clock.advance(20)

    anyio.run(whose_loop_ends)
    assert clock.monotonic() == 90


def test_from_a_thread_without_a_loop_all_have_come_along_when_it_returns(anyio_backend_name: str):
    clock = SteppedClock()
    log: list[tuple[str, float]] = []
    with anyio.from_thread.start_blocking_portal(anyio_backend_name) as portal:
        future = portal.start_task_soon(lambda: nap(clock, log, "there", 30.0, 30.0, 30.0))
        portal.call(anyio.wait_all_tasks_blocked)
        clock.advance(75)
        assert log == [("there", 30), ("there", 60)]
        clock.advance(15)
        future.result()
    assert log[2:] == [("there", 90)]
    clock.advance(10)
    assert clock.monotonic() == 100


async def test_time_runs_as_fast_as_it_is_told():
    clock = AcceleratedClock(10_000)
    before = clock.monotonic()
    await clock.sleep(30)
    assert clock.monotonic() - before >= 30
    with clock.move_on_after(30) as scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught


async def test_time_that_runs_can_be_moved_as_well():
    clock = AcceleratedClock(0.001)
    log: list[str] = []

    async def sleep(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        log.append(name)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sleep, "hour", 3600)
        tasks.start_soon(sleep, "day", 86400)
        clock.advance(7200)
        await clock.sleep(0)
        assert log == ["hour"]
        clock.advance(86400)
    assert log == ["hour", "day"]


async def test_what_is_nearly_over_needs_less_time_after_a_move():
    clock = SteppedClock(speed=1000.0)
    with clock.move_on_after(3600):
        clock.advance(3590)
        await anyio.sleep_forever()
    assert clock.monotonic() >= 3600


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
async def test_a_clock_does_not_run(factor: float):
    with pytest.raises(ValueError, match="fast"):
        AcceleratedClock(factor)
