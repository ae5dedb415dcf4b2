"""Stopping in time, and again for as long as it may run: nothing keeps a stop waiting."""

from datetime import timedelta

import anyio
import pytest
from attrs import evolve

from agora_rec import MemoryStore, State
from agora_rec.emulator import Delay, Fault, LoseAnswer, Refuse
from agora_rec.lifecycle import facts
from agora_rec.supervision import IncidentKind
from tests.supervision.desk import at_work, desk
from tests.support.backends import virtual_time
from tests.support.cloud import (
    CNAME,
    QUERY,
    START,
    STOP,
    UID,
    a_client,
    calling,
    mix,
    state_of,
)

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


async def test_it_is_stopped_when_its_time_is_over_and_closed_when_its_files_are_known():
    async with desk(latency=0) as at:
        recording = await at.on.started()
        began = at.on.clock.monotonic()
        charge = at.look_after(recording)
        charge.until = at.on.clock.now() + timedelta(seconds=300)
        at.supervisor.touch(charge)
        await anyio.sleep(310)
        assert at.on.times_of(STOP, since=began) == [300]
        assert at.owner.told == ["left", "ended"]
        assert charge.is_closed
        assert at.supervisor.rota.count == 0
        assert (recording.state, at.on.running) == (State.UPLOADED, [])


@pytest.mark.parametrize(
    "fault",
    [Refuse(206, code=65), Refuse(500), Refuse(401, message="Unauthorized"), LoseAnswer(), Delay(200)],
    ids=repr,
)
async def test_a_stop_that_fails_is_sent_again_until_it_is_acknowledged(fault: Fault):
    async with desk() as at:
        charge = await at.confirmed()
        at.on.emulator.inject(fault, operation=STOP, times=None)
        at.supervisor.stop(charge)
        await anyio.sleep(600)
        stops = len(at.on.calls(STOP))
        assert stops >= 3
        at.on.emulator.clear_faults()
        await anyio.sleep(600)
        assert charge.is_closed
        assert at.on.running == []


async def test_a_stop_that_is_refused_is_sent_again_after_15_30_and_60_seconds_and_told_of():
    async with desk(latency=0) as at:
        charge = await at.confirmed()
        at.on.emulator.inject(Refuse(401, message="Unauthorized"), operation=STOP, times=None)
        began = at.on.clock.monotonic()
        at.supervisor.stop(charge)
        await anyio.sleep(200)
        assert at.on.times_of(STOP, since=began) == [0, 15, 45, 105, 165]
        assert at.owner.kinds == [IncidentKind.STOP_FAILED] * 4
        at.on.emulator.clear_faults()
        await anyio.sleep(60)
        assert charge.is_closed


async def test_a_look_that_waits_makes_way_for_a_stop():
    async with desk() as at:
        charge = await at.confirmed()
        at.on.emulator.inject(Refuse(503), operation=QUERY, times=None)
        await at.next_look()
        await anyio.sleep(1)
        assert charge.is_busy
        began = at.on.clock.monotonic()
        at.supervisor.stop(charge)
        await anyio.sleep(3)
        assert at.on.times_of(STOP, since=began) == [pytest.approx(0, abs=0.1)]
        assert at.on.running == []


async def test_what_was_written_down_as_stopping_is_stopped_at_once_by_whoever_comes_next():
    async with desk() as at:
        recording = await at.on.started()
        await anyio.sleep(20)
        checkpoint = recording.checkpoint()
        standing = checkpoint.standing.absorb(facts.StopSent(), at=at.on.clock.now())
        async with a_client(at.on.emulator, at.on.clock) as successor, at_work(at.on, successor) as desk_:
            charge = desk_.look_after(successor.attach(evolve(checkpoint, standing=standing)))
            await anyio.sleep(5)
            assert at.on.running == []
            assert charge.is_closed
            assert desk_.owner.told == ["left", "ended"]
        assert len(at.on.calls(STOP)) == 1


async def test_a_stop_that_another_worker_has_sent_is_left_to_him():
    store = MemoryStore()
    async with (
        desk(client={"store": store}) as at,
        a_client(at.on.emulator, at.on.clock, store=store) as other,
    ):
        recording = await at.cloud.claim("lesson", cname=CNAME, uid=UID, mode=mix())
        await recording.ensure_started()
        charge = at.look_after(recording)
        await anyio.sleep(20)
        found = await other.find("lesson")
        assert found is not None
        at.on.emulator.inject(Delay(8), operation=STOP)
        async with anyio.create_task_group() as tasks:
            stopping = await calling(tasks, found.stop)
            await anyio.sleep(4)
            assert state_of(recording) is State.STOPPING
            await stopping.finished()
        await anyio.sleep(60)
        assert len(at.on.calls(STOP)) == 1
        assert charge.is_closed
        assert at.owner.told == ["left", "ended"]


async def test_a_stop_of_a_worker_that_died_before_it_was_sent_is_sent_by_another():
    store = MemoryStore()
    async with (
        desk(client={"store": store}) as at,
        a_client(at.on.emulator, at.on.clock, store=store) as other,
    ):
        recording = await at.cloud.claim("lesson", cname=CNAME, uid=UID, mode=mix())
        await recording.ensure_started()
        at.look_after(recording)
        await anyio.sleep(20)
        found = await other.find("lesson")
        assert found is not None
        found._ledger.absorb(facts.StopSent())
        await found._ledger.save()
        await anyio.sleep(20)
        assert state_of(recording) is State.STOPPING
        assert len(at.on.running) == 1
        await anyio.sleep(15)
        assert at.on.running == []


async def test_a_start_without_an_answer_that_nobody_wants_is_sent_again_for_its_sid_and_stopped():
    async with desk(repeated_start_with_sid=True) as at:
        charge = await at.unanswered()
        await anyio.sleep(60)
        assert len(at.on.running) == 1
        at.supervisor.stop(charge)
        await anyio.sleep(10)
        assert at.on.running == []
        assert (charge.is_closed, at.owner.told) == (True, ["left", "ended"])


async def test_a_sid_that_nobody_can_bring_is_asked_for_as_long_as_that_may_work():
    async with desk() as at:
        charge = await at.unanswered()
        starts = len(at.on.calls(START))
        at.supervisor.stop(charge)
        await anyio.sleep(290)
        known = len(at.on.calls(START))
        assert 3 <= known - starts <= 8
        await anyio.sleep(180)
        assert len(at.on.calls(START)) == known
        assert charge.is_closed
        assert at.owner.kinds[-1] is IncidentKind.UNCONFIRMED
