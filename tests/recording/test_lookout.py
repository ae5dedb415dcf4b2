"""Of several workers that wait for one recording one looks after it, and when it is gone another one."""

from collections.abc import AsyncGenerator

import anyio
import pytest
from attrs import define

from agora_rec import MemoryStore, State
from agora_rec.clock import LoopClock
from agora_rec.emulator import Delay
from agora_rec.errors import LeaseLost, WaitTimedOut
from agora_rec.recording import Recording
from agora_rec.recording.lookout import LEASE_SECONDS, Lookout
from agora_rec.recording.watching import OTHERS_WATCH, WATCH_EVERY
from agora_rec.store import Lease
from agora_rec.vocabulary import Priority
from tests.support.backends import virtual_time
from tests.support.cloud import CNAME, QUERY, UID, Stage, a_client, an_emulator, calling, mix, state_of
from tests.support.stores import HandingOn

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

KEY = "lesson"


@define
class Office:
    """Three workers that know one recording, which is confirmed; the first one has started it."""

    on: Stage
    store: "Leasing"
    recordings: list[Recording]


@define(eq=False)
class Leasing(HandingOn):
    """A store whose leases can't be had when a test says so."""

    is_down: bool = False

    async def release(self, lease: Lease) -> None:
        raise OSError

    async def lease(self, recording_id: str, holder: str, *, seconds: float) -> Lease | None:
        if self.is_down:
            raise OSError
        return await super().lease(recording_id, holder, seconds=seconds)


@pytest.fixture
async def office() -> AsyncGenerator[Office]:
    clock, store = LoopClock(), Leasing(MemoryStore())
    emulator = an_emulator(clock=clock)
    async with (
        a_client(emulator, clock, store=store) as one,
        a_client(emulator, clock, store=store) as two,
        a_client(emulator, clock, store=store) as three,
    ):
        recording = await one.claim(KEY, cname=CNAME, uid=UID, mode=mix())
        await recording.ensure_started()
        await recording.wait_started()
        others = [await cloud.find(KEY) for cloud in (two, three)]
        found = [each for each in others if each is not None]
        yield Office(Stage(emulator, one, clock), store, [recording, *found])


async def test_one_of_those_who_wait_looks(office: Office) -> None:
    before = len(office.on.times_of(QUERY))
    async with anyio.create_task_group() as tasks:
        waiters = [await calling(tasks, each.wait_finished) for each in office.recordings]
        await anyio.sleep(4.5 * WATCH_EVERY)
        assert len(office.on.times_of(QUERY)) == before + 4
        await office.recordings[1].stop()
        for waiter in waiters:
            await waiter.finished()
            assert waiter.value is not None
            assert waiter.value.state is State.UPLOADED


async def test_when_the_one_that_looks_is_gone_another_takes_its_place(office: Office) -> None:
    async with anyio.create_task_group() as tasks:
        waiters = [await calling(tasks, each.wait_finished) for each in office.recordings]
        await anyio.sleep(2.5 * WATCH_EVERY)
        waiters[0].scope.cancel()
        last = office.on.times_of(QUERY)[-1]
        await anyio.sleep(LEASE_SECONDS + WATCH_EVERY)
        after = [at for at in office.on.times_of(QUERY) if at > last]
        assert after
        assert after[0] - last <= LEASE_SECONDS + OTHERS_WATCH + 1
        tasks.cancel_scope.cancel()


async def test_whoever_was_held_up_and_has_lost_the_lease_learns_nothing(office: Office) -> None:
    recording = office.recordings[0]
    lookout = Lookout(recording._ledger)
    assert await lookout.take()
    office.on.emulator.inject(Delay(LEASE_SECONDS + 1), operation=QUERY)
    office.on.cloud._transport.timeout = 1000.0
    version = recording._ledger.version
    async with anyio.create_task_group() as tasks:
        job = recording._driver.query(Priority.WATCH, lookout)
        held_up = await calling(tasks, job.wait)
        await anyio.sleep(LEASE_SECONDS + 0.5)
        assert await Lookout(office.recordings[1]._ledger).take()
        await held_up.finished()
        assert isinstance(held_up.error, LeaseLost)
    assert recording._ledger.version == version
    assert state_of(recording) is State.RECORDING


async def test_a_store_that_gives_no_leases_keeps_nobody_from_looking(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.store.is_down = True
    before = len(office.on.times_of(QUERY))
    with pytest.raises(WaitTimedOut):
        await office.recordings[0].wait_finished(2.5 * WATCH_EVERY)
    assert len(office.on.times_of(QUERY)) == before + 2
    assert "no lease could be had for recording class-42/880011" in caplog.text
