"""Leaving a fleet, in whatever way: nothing is left running, unless it was to be released."""

import asyncio
from datetime import timedelta
from functools import partial

import anyio
import pytest

from agora_rec import Fleet, FleetClosed, MemoryStore, Recording, ResultState, State, Twin
from agora_rec.clock import LoopClock
from agora_rec.emulator import LoseAnswer, Refuse, SlowAnswer, Unreachable
from agora_rec.supervision import IncidentKind
from tests.fleet.courses import a_fleet, a_spec, kinds, only, require_nothing_left
from tests.support.backends import virtual_time
from tests.support.cloud import ACQUIRE, START, STOP, Caller, a_client, all_back, an_emulator, calling, stage
from tests.support.secrets import WEBHOOK_SECRET

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("on_exit", "seconds"), [("wait", 60.0), ("stop", 1.0)])
async def test_a_block_that_ends_waits_or_stops_as_it_was_told(on_exit: str, seconds: float) -> None:
    async with a_fleet(on_exit=on_exit) as (_, fleet):
        await fleet.start(a_spec(until=MINUTE))
        began = anyio.current_time()
    assert anyio.current_time() - began == pytest.approx(seconds + 5, abs=1.0)
    assert only(fleet).state in {ResultState.UPLOADED, ResultState.NO_DATA}


@pytest.mark.parametrize("on_exit", ["wait", "stop"])
async def test_a_body_that_raises_has_its_recordings_stopped_and_its_error_told(on_exit: str) -> None:
    async with stage() as on:
        fleet = Fleet(on.cloud, on_exit=on_exit)  # type: ignore[arg-type]  # one of them
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - leaving the block is what is tested
            async with fleet:
                await fleet.start(a_spec())
                await anyio.sleep(60)
                raise ZeroDivisionError
        assert not on.running
        assert only(fleet).state is ResultState.UPLOADED
        require_nothing_left(fleet)


@pytest.mark.parametrize("on_exit", ["wait", "stop"])
@pytest.mark.parametrize("is_leaving", [True, False], ids=["while leaving", "in the body"])
async def test_a_fleet_that_is_cancelled_has_the_client_see_its_stops_through(
    on_exit: str, *, is_leaving: bool
) -> None:
    async with stage() as on:
        fleet = Fleet(on.cloud, on_exit=on_exit)  # type: ignore[arg-type]  # one of them
        with anyio.CancelScope() as scope:
            async with fleet:
                await fleet.start(a_spec(twins=[Twin(uid=1)]))
                on.emulator.inject(Refuse(503), operation=STOP, times=3)
                if is_leaving:
                    scope.deadline = anyio.current_time() + 1
                else:
                    scope.cancel()
                    await anyio.sleep(1)
        assert on.running
        require_nothing_left(fleet)
    assert not on.running


@pytest.mark.parametrize("operation", [ACQUIRE, START])
async def test_cancelled_in_mid_start_nothing_is_left_running(operation: object) -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        on.emulator.inject(SlowAnswer(5), operation=operation)  # type: ignore[arg-type]  # it is one
        fleet = Fleet(on.cloud, on_exit="stop", limit=1)
        callers = list[Caller[Recording]]()
        with anyio.CancelScope() as scope:
            async with fleet:
                callers += [await calling(tasks, partial(fleet.start, a_spec(number))) for number in (0, 1)]
                await anyio.sleep(1)
                scope.cancel()
                await anyio.sleep(1)
        first, second = callers
        await all_back(first, second)
        assert isinstance(second.error, FleetClosed)
        assert isinstance(first.error, FleetClosed) or first.value is not None
        require_nothing_left(fleet)
    assert not on.running


async def test_a_service_that_cant_be_reached_is_asked_until_it_has_stopped_them() -> None:
    async with a_fleet() as (on, fleet):
        await fleet.start(a_spec())
        await anyio.sleep(20)
        on.emulator.inject(Unreachable(), times=None)

        async def repair() -> None:
            await anyio.sleep(400)
            on.emulator.clear_faults()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(repair)
            await fleet.stop_all()
            assert not on.running
        assert fleet.report().results[0].state in {ResultState.UPLOADED, ResultState.STOPPING}
    assert IncidentKind.STOP_FAILED in kinds(only(fleet))


async def test_news_of_files_are_waited_for_and_not_for_ever() -> None:
    async with a_fleet(exit_timeout=30.0, settings={"upload_seconds": 3000.0}) as (_, fleet):
        await fleet.start(a_spec())
        await anyio.sleep(60)
        began = anyio.current_time()
    assert 30 <= anyio.current_time() - began - 5 < 90
    assert only(fleet).state is ResultState.UPLOAD_UNKNOWN


async def test_what_nobody_tells_of_in_time_is_given_up_when_all_was_stopped() -> None:
    settings = {"sync_stop_seconds": 1.0, "upload_seconds": 10_000.0}
    async with a_fleet(client={"webhook_secret": WEBHOOK_SECRET}, settings=settings) as (_, fleet):
        await fleet.start(a_spec())
        await anyio.sleep(60)
    (result,) = fleet.report().results
    assert result.state is ResultState.UPLOAD_UNKNOWN


async def test_stopping_all_comes_back_when_it_is_acknowledged_and_does_not_wait_for_files() -> None:
    settings = {"sync_stop_seconds": 1.0, "upload_seconds": 10_000.0}
    async with a_fleet(client={"webhook_secret": WEBHOOK_SECRET}, settings=settings) as (on, fleet):
        await fleet.start(a_spec())
        await anyio.sleep(60)
        began = anyio.current_time()
        report = await fleet.stop_all()
        assert anyio.current_time() - began < 5
        assert not on.running
        assert report.results[0].state is ResultState.STOPPING


async def test_stopping_all_sends_away_who_waits_for_room_at_the_service() -> None:
    async with a_fleet(settings={"concurrent_limit": 1}) as (on, fleet), anyio.create_task_group() as tasks:
        await fleet.start(a_spec())
        callers = [await calling(tasks, partial(fleet.start, a_spec(number))) for number in (1, 2, 3)]
        await anyio.sleep(40)
        began = anyio.current_time()
        report = await fleet.stop_all()
        assert anyio.current_time() - began < 2
        assert [type(caller.error) for caller in callers] == [FleetClosed] * 3
        assert [each.state for each in report.results[1:]] == [ResultState.WITHDRAWN] * 3
        assert len(on.emulator.sessions) == 1


async def test_no_room_is_waited_out_until_the_time_of_a_recording_is_over() -> None:
    async with a_fleet(settings={"concurrent_limit": 1}) as (on, fleet), anyio.create_task_group() as tasks:
        await fleet.start(a_spec())
        until = on.clock.now() + timedelta(seconds=50)
        callers = [
            await calling(tasks, partial(fleet.start, a_spec(number, until=until))) for number in (1, 2)
        ]
        await anyio.sleep(51)
        assert all(caller.error is not None for caller in callers)
        assert [each.state for each in fleet.report().results[1:]] == [ResultState.NOT_STARTED] * 2


async def test_a_place_that_gets_free_at_the_service_is_taken_at_once() -> None:
    async with a_fleet(settings={"concurrent_limit": 1}) as (_, fleet), anyio.create_task_group() as tasks:
        await fleet.start(a_spec(until=MINUTE))
        caller = await calling(tasks, lambda: fleet.start(a_spec(1)))
        await anyio.sleep(70)
        assert caller.value is not None


@pytest.mark.parametrize("operation", [ACQUIRE, START])
async def test_stopping_all_in_mid_start_comes_back_when_nothing_runs(operation: object) -> None:
    async with a_fleet() as (on, fleet), anyio.create_task_group() as tasks:
        on.emulator.inject(SlowAnswer(5), operation=operation)  # type: ignore[arg-type]  # it is one
        caller = await calling(tasks, lambda: fleet.start(a_spec()))
        await anyio.sleep(1)
        await fleet.stop_all()
        assert not on.running
        await caller.finished()
        await anyio.sleep(30)
        assert not on.running


async def test_a_start_without_an_answer_is_stopped_as_soon_as_the_same_start_brings_its_sid() -> None:
    settings = {"repeated_start_with_sid": True}
    async with a_fleet(settings=settings) as (on, fleet), anyio.create_task_group() as tasks:
        on.emulator.inject(LoseAnswer(), operation=START, times=12)
        await calling(tasks, lambda: fleet.start(a_spec()))
        await anyio.sleep(70)
        assert on.running
        await fleet.stop_all()
        await anyio.sleep(300)


async def test_released_recordings_go_on_and_their_leases_are_free() -> None:
    clock = LoopClock()
    store, emulator = MemoryStore(clock=clock), an_emulator(clock=clock)
    async with a_client(emulator, clock, store=store) as cloud, anyio.create_task_group() as tasks:
        async with Fleet(cloud, on_exit="release", limit=2) as fleet:
            recording = await fleet.start(a_spec(until=timedelta(seconds=600)))
            emulator.inject(SlowAnswer(5), operation=ACQUIRE)
            begins = await calling(tasks, lambda: fleet.start(a_spec(1)))
            waits = await calling(tasks, lambda: fleet.start(a_spec(2)))
            await anyio.sleep(1)
        require_nothing_left(fleet)
        await begins.finished()
        await waits.finished()
        assert isinstance(waits.error, FleetClosed)
        states = [each.state for each in fleet.report().results]
        assert states == [ResultState.RELEASED, ResultState.WITHDRAWN, ResultState.WITHDRAWN]
        assert recording.state is State.RECORDING
        assert await store.lease(recording.id, "another", seconds=1) is not None
        assert len(emulator.running()) == 1


async def test_a_start_on_its_way_is_released_and_not_stopped() -> None:
    clock = LoopClock()
    store, emulator = MemoryStore(clock=clock), an_emulator(clock=clock)
    emulator.inject(SlowAnswer(5), operation=START)
    async with a_client(emulator, clock, store=store) as cloud, anyio.create_task_group() as tasks:
        async with Fleet(cloud, on_exit="release") as fleet:
            await calling(tasks, lambda: fleet.start(a_spec()))
            await anyio.sleep(1)
        require_nothing_left(fleet)
    (session,) = emulator.running()
    stored = await store.load_by_sid(session.sid)
    assert stored is not None
    assert stored.checkpoint.standing.state is State.RECORDING


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("on_exit", ["wait", "stop"])
async def test_a_native_cancellation_of_the_block_leaves_nothing_running(on_exit: str) -> None:
    async with stage() as on:

        async def work() -> None:
            async with Fleet(on.cloud, on_exit=on_exit) as fleet:  # type: ignore[arg-type]  # one of them
                fleets.append(fleet)
                await fleet.start(a_spec())
                await asyncio.sleep(10)

        fleets = list[Fleet]()
        task = asyncio.ensure_future(work())
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
        require_nothing_left(fleets[0])
    assert not on.running
