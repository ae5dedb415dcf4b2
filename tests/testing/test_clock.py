"""The clock of the fixtures, on both event loops."""

import time
from collections.abc import Callable
from concurrent.futures import Future

import anyio
import anyio.to_thread
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from agora_rec.testing import PatientClock

pytestmark = pytest.mark.anyio


async def test_time_passes_while_all_wait_for_it():
    clock = PatientClock(patience=0.0)
    await clock.sleep(3600)
    with clock.move_on_after(60) as scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert clock.monotonic() == 3660


async def test_all_wake_in_the_order_of_their_moments():
    clock = PatientClock(patience=0.0)
    woke: list[float] = []

    async def wake_each(seconds: float, times: int) -> None:
        for _ in range(times):
            await clock.sleep(seconds)
            woke.append(clock.monotonic())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wake_each, 20.0, 3)
        tasks.start_soon(wake_each, 7.0, 4)
    assert woke == [7, 14, 20, 21, 28, 40, 60]


async def test_no_time_passes_while_somebody_asks_the_clock():
    clock = PatientClock(patience=0.02)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(clock.sleep, 60)
        for _ in range(10):
            await anyio.sleep(0.01)
            assert clock.monotonic() == 0
        clock.advance(60)


async def test_who_has_no_patience_to_be_lost_waits_for_ever():
    clock = PatientClock(patience=None)
    with anyio.move_on_after(0.05) as waited:
        await clock.sleep(1)
    assert waited.cancelled_caught
    assert clock.monotonic() == 0


async def test_a_clock_that_nobody_waits_for_stands():
    clock = PatientClock(patience=0.0)
    await clock.sleep(1)
    await anyio.sleep(0.02)
    assert clock.monotonic() == 1
    await clock.sleep(1)
    assert clock.monotonic() == 2


async def test_who_lets_time_pass_comes_back_when_all_have_come_along():
    clock = PatientClock(patience=None)
    woke: list[float] = []

    async def wake_each_minute() -> None:
        while True:
            await clock.sleep(60)
            woke.append(clock.monotonic())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wake_each_minute)
        await anyio.wait_all_tasks_blocked()
        await clock.pass_time(200)
        tasks.cancel_scope.cancel()
    assert woke == [60, 120, 180]
    assert clock.monotonic() == 200


def sleeper_in_a_thread(portal: BlockingPortal, clock: PatientClock) -> "Future[None]":
    """Somebody who sleeps there, as soon as they do."""
    sleeper = portal.start_task_soon(clock.sleep, 60)
    while not clock.is_elsewhere:
        time.sleep(0.001)
    return sleeper


async def test_who_lets_time_pass_waits_for_sleepers_in_a_thread_too():
    clock = PatientClock(patience=None)
    with start_blocking_portal("asyncio") as portal:
        sleeper = await anyio.to_thread.run_sync(sleeper_in_a_thread, portal, clock)
        await clock.pass_time(60)
        assert clock.monotonic() == 60
        await anyio.to_thread.run_sync(sleeper.result)


async def test_sleepers_in_a_thread_come_along_with_who_does_not_wait():
    clock = PatientClock(patience=None)
    with start_blocking_portal("asyncio") as portal:
        sleeper = await anyio.to_thread.run_sync(sleeper_in_a_thread, portal, clock)
        clock.advance(60)
        await anyio.to_thread.run_sync(sleeper.result)
        assert clock.monotonic() == 60


async def test_a_clock_may_flow_for_a_while_and_be_moved_meanwhile():
    clock = PatientClock(patience=0.0)
    await clock.sleep(60)
    with clock.flowing():
        await clock.sleep(0.01)
        assert 60.01 <= clock.monotonic() < 80
        await clock.pass_time(20)
        assert 80 <= clock.monotonic() < 100
    after = clock.monotonic()
    assert 80 <= after < 100
    await clock.sleep(10)
    assert clock.monotonic() == after + 10


def moved(clock: PatientClock) -> float:
    clock.advance(60)
    return clock.monotonic()


def asked(clock: PatientClock) -> float:
    assert not clock.is_elsewhere
    return clock.monotonic()


@pytest.mark.parametrize(("act", "seconds"), [(moved, 60), (asked, 0)])
def test_outside_of_every_event_loop_it_is_moved_at_once(
    act: Callable[[PatientClock], float], seconds: float
):
    assert act(PatientClock()) == seconds


def test_patience_is_not_negative():
    with pytest.raises(ValueError, match="should be a number"):
        PatientClock(patience=-1.0)


def test_each_event_loop_is_watched_anew():
    clock = PatientClock(patience=0.0)
    anyio.run(clock.sleep, 60, backend="asyncio")
    anyio.run(clock.sleep, 60, backend="trio")
    assert clock.monotonic() == 120
