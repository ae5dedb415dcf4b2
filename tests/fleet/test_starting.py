"""`Fleet.start`: comes back with a sid or with what stood against it, and may be left at any moment."""

import asyncio
from datetime import timedelta
from typing import Any

import anyio
import pytest

from agora_rec import (
    Alternate,
    AuthenticationFailed,
    Fleet,
    FleetClosed,
    InvalidRequest,
    QueueFull,
    Replacement,
    ResultState,
    SecretsRequired,
    StartUnconfirmed,
    State,
    TaskConflict,
    Twin,
)
from agora_rec.emulator import Cut, LoseAnswer, Refuse, SlowAnswer, Unreachable
from agora_rec.lifecycle import facts
from agora_rec.supervision import IncidentKind
from tests.fleet.courses import SOON, a_fleet, a_spec, kinds, minutes, only, specs
from tests.support.backends import virtual_time
from tests.support.cloud import ACQUIRE, START, STOP, all_back, calling, individual, stage, web

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


async def test_it_comes_back_as_soon_as_the_sid_is_known_and_the_recording_is_looked_after() -> None:
    async with a_fleet() as (on, fleet):
        recording = await fleet.start(a_spec())
        assert on.running == [recording.sid]
        assert fleet.recordings == (recording,)
        assert fleet.report().results[0].state is ResultState.RECORDING
        assert repr(fleet) == "<Fleet stop recordings=1 waiting=0 limit=50>"
        await anyio.sleep(60)
        assert "query" in on.sent
    assert only(fleet).state is ResultState.UPLOADED
    assert only(fleet).calls == len(on.emulator.calls)


@pytest.mark.parametrize("seconds", [0.0, 5.0])
async def test_whoever_asks_for_the_same_key_gets_the_same_recording_when_its_sid_is_known(
    seconds: float,
) -> None:
    async with a_fleet() as (on, fleet), anyio.create_task_group() as tasks:
        on.emulator.inject(SlowAnswer(seconds), operation=START)
        callers = [await calling(tasks, lambda: fleet.start(a_spec(key="lesson"))) for _ in range(3)]
        await all_back(*callers)
        assert len({caller.value for caller in callers}) == 1
        assert callers[0].value is not None
        assert callers[0].value.sid == on.running[0]
        assert len(on.calls(START)) == 1


@pytest.mark.parametrize(
    ("more", "path"),
    [({"cname": "another"}, "cname"), ({"uid": 7}, "uid"), ({"mode": individual()}, "mode")],
    ids=["cname", "uid", "mode"],
)
async def test_another_recording_under_the_same_key_is_refused(more: dict[str, Any], path: str) -> None:
    async with a_fleet() as (on, fleet):
        await fleet.start(a_spec(key="lesson", alternate=Alternate(uid=9)))
        with pytest.raises(InvalidRequest) as raised:
            await fleet.start(a_spec(key="lesson", **more))
        assert [each.path for each in raised.value.violations] == [path]
        assert len(on.calls(START)) == 1


async def test_a_start_that_is_refused_for_good_raises_that_and_gives_its_place_back() -> None:
    async with a_fleet(limit=1) as (on, fleet):
        on.emulator.inject(Refuse(401), operation=ACQUIRE)
        with pytest.raises(AuthenticationFailed):
            await fleet.start(a_spec())
        assert (await fleet.start(a_spec(1))).state is State.RECORDING
        first = fleet.report().results[0]
        assert (first.state, kinds(first)) == (ResultState.NOT_STARTED, [IncidentKind.NOT_STARTED])
        assert isinstance(first.error, AuthenticationFailed)


async def test_a_fault_of_a_provider_of_secrets_is_raised_and_told_without_its_text() -> None:
    async def secrets(_: object) -> object:
        raise LookupError("password")

    async with a_fleet(client={"secrets": secrets}) as (on, fleet):
        with pytest.raises(LookupError):
            await fleet.start(a_spec())
        assert "password" not in str(only(fleet).failures)
        assert not on.calls(START)


@pytest.mark.parametrize("fault", [Refuse(503), Refuse(429), Unreachable(), Cut()], ids=repr)
async def test_what_passes_is_waited_out_and_nothing_is_doubled(fault: Refuse | Unreachable | Cut) -> None:
    async with a_fleet(limit=1) as (on, fleet):
        on.emulator.inject(fault, times=None)
        async with anyio.create_task_group() as tasks:
            caller = await calling(tasks, lambda: fleet.start(a_spec()))
            await anyio.sleep(120)
            on.emulator.clear_faults()
            await caller.finished()
            assert caller.value is not None
        assert len(on.emulator.sessions) == 1
        await anyio.sleep(60)
    assert IncidentKind.START_RETRIED in kinds(only(fleet))
    assert only(fleet).state is ResultState.UPLOADED
    assert only(fleet).error is None


async def test_what_never_passes_is_given_up_in_time() -> None:
    async with a_fleet(start_within=30.0) as (on, fleet):
        on.emulator.inject(Refuse(503), operation=ACQUIRE, times=None)
        began = anyio.current_time()
        with pytest.raises(Exception, match="503"):
            await fleet.start(a_spec())
        assert anyio.current_time() - began < 60
        with pytest.raises(Exception, match="503"):  # its time would be over before that
            await fleet.start(a_spec(1, until=timedelta(seconds=100), key="k"))
        assert not on.calls(START)


async def test_an_answer_that_is_lost_to_the_end_is_reported_and_nothing_is_doubled() -> None:
    async with a_fleet(limit=1) as (on, fleet):
        on.emulator.inject(LoseAnswer(), operation=START, times=None)
        with pytest.raises(StartUnconfirmed):
            await fleet.start(a_spec())
        assert len(on.emulator.sessions) == 1
        await anyio.sleep(300)
        assert only(fleet).state is ResultState.UNCONFIRMED
        assert kinds(only(fleet))[-1] is IncidentKind.UNCONFIRMED
        assert IncidentKind.NOT_STARTED not in kinds(only(fleet))
        on.emulator.clear_faults()
        await fleet.start(a_spec(1))  # it keeps no place for ever
        on.emulator.channel("class-0").empty()
        await anyio.sleep(60)


async def test_a_sid_that_comes_too_late_is_stopped_and_accounted_for() -> None:
    async with a_fleet() as (on, fleet):
        on.emulator.inject(LoseAnswer(), operation=START, times=None)
        with pytest.raises(StartUnconfirmed):
            await fleet.start(a_spec())
        await anyio.sleep(300)
        assert only(fleet).state is ResultState.UNCONFIRMED
        (recording,) = on.cloud.recordings
        recording.driver.note(facts.Started(sid=on.running[0]))
        await anyio.sleep(30)
        assert not on.running
        assert (only(fleet).state, only(fleet).error) == (ResultState.UPLOADED, None)


async def test_a_channel_in_which_somebody_else_records_under_this_uid_is_refused() -> None:
    async with a_fleet() as (on, fleet):
        theirs = await on.started(cname="class-0", uid=1000)
        with pytest.raises(TaskConflict):
            await fleet.start(a_spec())
        await theirs.ensure_stopped()


async def test_a_uid_that_is_refused_goes_on_under_the_other_one_and_can_come_back_to_it() -> None:
    async with a_fleet() as (on, fleet):
        on.emulator.inject(Refuse(500, 15), operation=START, uid=1000, times=None)
        recording = await fleet.start(a_spec(alternate=Alternate(uid=2000)))
        plan = recording.checkpoint().plan
        assert plan is not None
        assert (recording.uid, plan.other_uid) == (2000, 1000)


async def test_cancelled_in_the_queue_nothing_is_begun_and_the_next_one_is() -> None:
    async with a_fleet(limit=1) as (on, fleet), anyio.create_task_group() as tasks:
        await fleet.start(a_spec(until=timedelta(seconds=60)))
        left = await calling(tasks, lambda: fleet.start(a_spec(1)))
        stays = await calling(tasks, lambda: fleet.start(a_spec(2)))
        assert fleet.waiting == 2
        left.scope.cancel()
        await stays.finished()
        assert [session.cname for session in on.emulator.sessions] == ["class-0", "class-2"]
        assert fleet.report().results[1].state is ResultState.WITHDRAWN


@pytest.mark.parametrize("operation", [ACQUIRE, START])
async def test_cancelled_in_the_middle_the_start_goes_on_and_is_looked_after(operation: object) -> None:
    async with a_fleet() as (on, fleet), anyio.create_task_group() as tasks:
        on.emulator.inject(SlowAnswer(3), operation=operation)  # type: ignore[arg-type]  # it is one
        caller = await calling(tasks, lambda: fleet.start(a_spec(until=timedelta(seconds=60))))
        await anyio.sleep(1)
        caller.scope.cancel()
        await anyio.sleep(100)
        assert only(fleet).state is ResultState.UPLOADED


async def test_a_full_queue_is_said_to_who_comes_next() -> None:
    async with a_fleet(limit=1, queue=1) as (_, fleet), anyio.create_task_group() as tasks:
        await fleet.start(a_spec())
        waits = await calling(tasks, lambda: fleet.start(a_spec(1)))
        with pytest.raises(QueueFull):
            await fleet.start(a_spec(2))
        await fleet.stop_all()
        await waits.finished()
        assert isinstance(waits.error, FleetClosed)


async def test_pages_have_places_of_their_own() -> None:
    async with a_fleet(limit=1, web_limit=1) as (on, fleet), anyio.create_task_group() as tasks:
        await fleet.start(a_spec())
        await fleet.start(a_spec(1, mode=web()))
        callers = [await calling(tasks, lambda: fleet.start(a_spec(2))) for _ in range(1)]
        callers += [await calling(tasks, lambda: fleet.start(a_spec(3, mode=web())))]
        await anyio.sleep(60)
        assert (fleet.waiting, len(on.running)) == (2, 2)
        await fleet.stop_all()


async def test_after_a_drain_and_outside_of_the_block_nothing_is_begun() -> None:
    async with stage() as on:
        async with Fleet(on.cloud, on_exit="wait") as fleet:
            recording = await fleet.start(a_spec(until=timedelta(seconds=60)))
            fleet.drain()
            with pytest.raises(FleetClosed):
                await fleet.start(a_spec(1))
            (withdrawn,) = [each async for each in fleet.record(specs(3))]
            assert withdrawn.state is ResultState.WITHDRAWN
            assert recording.state is State.RECORDING
        with pytest.raises(FleetClosed):
            await fleet.start(a_spec(2))
        with pytest.raises(FleetClosed):
            await anext(fleet.record(specs(3)))
        assert len(on.emulator.sessions) == 1


async def test_a_time_that_is_over_before_there_is_a_place_is_said_at_once() -> None:
    async with a_fleet(limit=1) as (on, fleet):
        await fleet.start(a_spec())
        began = anyio.current_time()
        with pytest.raises(InvalidRequest, match="until"):
            await fleet.start(a_spec(1, until=on.clock.now() + timedelta(seconds=30)))
        assert anyio.current_time() - began == pytest.approx(30)
        results = [
            each async for each in fleet.record([a_spec(2, until=on.clock.now() + timedelta(seconds=30))])
        ]
        assert [each.state for each in results] == [ResultState.NOT_STARTED]


async def test_twins_are_started_in_different_areas_and_are_one_result() -> None:
    async with a_fleet(limit=3) as (on, fleet):
        twins = [Twin(uid=1), Twin(uid=2)]
        first = await fleet.start(a_spec(twins=twins, key="lesson"))
        await anyio.sleep(1)
        assert len(on.running) == 3
        excluded = [each.driver.ledger.description.exclude for each in fleet.recordings]
        ids = [each.resource_id for each in fleet.recordings]
        assert excluded == [(), (ids[0],), (ids[0], ids[1])]
        assert [each.key for each in fleet.recordings] == ["lesson", "lesson~1", "lesson~2"]
        assert fleet.recordings[0] is first
        await anyio.sleep(60)
    assert [take.uid for take in only(fleet).takes] == [1000, 1, 2]
    assert len(only(fleet).files) == 3
    assert only(fleet).calls == len(on.emulator.calls)


async def test_a_twin_that_is_refused_leaves_the_others_alone_and_gives_its_place_back() -> None:
    async with a_fleet(limit=3) as (on, fleet):
        on.emulator.inject(Refuse(400, 2), operation=START, uid=1)
        await fleet.start(a_spec(twins=[Twin(uid=1), Twin(uid=2)]))
        await anyio.sleep(1)
        assert len(on.running) == 2
        await fleet.start(a_spec(1))
        await anyio.sleep(60)
    assert kinds(fleet.report().results[0]) == [IncidentKind.NOT_STARTED]
    assert fleet.report().results[0].state is ResultState.UPLOADED


async def test_twins_wait_for_all_of_their_places_and_nobody_overtakes_them() -> None:
    async with a_fleet(limit=2) as (on, fleet), anyio.create_task_group() as tasks:
        await fleet.start(a_spec(until=timedelta(seconds=60)))
        both = await calling(tasks, lambda: fleet.start(a_spec(1, twins=[Twin(uid=1)], until=minutes(1))))
        last = await calling(tasks, lambda: fleet.start(a_spec(2)))
        await all_back(both, last)
        assert [each.cname for each in on.emulator.sessions] == ["class-0", "class-1", "class-1", "class-2"]


async def test_secrets_that_nobody_brings_are_missed_before_anything_is_sent() -> None:
    async with a_fleet() as (on, fleet):
        recording = on.recording(cname="class-0", uid=1000)
        checkpoint = recording.checkpoint()
        with pytest.raises(SecretsRequired):
            await on.cloud.attach(checkpoint).ensure_started()
        with pytest.raises(InvalidRequest):
            await fleet.start(a_spec(mode=checkpoint.described_mode(), replacement=Replacement()))
        assert len(on.calls(STOP)) == 0


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("seconds", [0.0, 0.005, 0.015, 0.025, 0.04])
async def test_a_native_cancellation_at_any_moment_loses_nothing(seconds: float) -> None:
    async with stage() as on:
        async with Fleet(on.cloud, on_exit="stop", exit_timeout=0.0) as fleet:
            task = asyncio.ensure_future(fleet.start(a_spec()))
            await asyncio.sleep(seconds)
            task.cancel()
            await asyncio.wait([task])
            await asyncio.sleep(SOON)
            assert [each.sid for each in fleet.recordings if each.sid] == on.running
        assert all(not session.running or session.ended_at for session in on.emulator.sessions)
        assert not fleet._roster.entries
