"""What several workers write of one recording's plan, and of how many calls it took, becomes one."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import anyio
import pytest
from attrs import evolve

from agora_rec import CloudRecording, MemoryStore, Recording
from agora_rec.clock import LoopClock
from agora_rec.emulator import Emulator, Refuse
from agora_rec.store import Checkpoint, Plan
from tests.support.backends import virtual_time
from tests.support.cloud import CNAME, UID, a_client, an_emulator, mix

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

PLAN = Plan(until=datetime(2100, 1, 1, tzinfo=UTC), other_uid=7, follows="a", beside="b")
KEY = "lesson"


class Shared:
    """Two workers of one store."""

    def __init__(
        self, emulator: Emulator, store: MemoryStore, one: CloudRecording, two: CloudRecording
    ) -> None:
        self.emulator, self.store, self.one, self.two = emulator, store, one, two

    async def stored(self) -> Checkpoint:
        stored = await self.store.load_by_key(KEY)
        assert stored is not None
        return stored.checkpoint


@pytest.fixture
async def at() -> AsyncGenerator[Shared]:
    clock, store = LoopClock(), MemoryStore()
    emulator = an_emulator(clock=clock)
    async with a_client(emulator, clock, store=store) as one, a_client(emulator, clock, store=store) as two:
        yield Shared(emulator, store, one, two)


async def plan(recording: Recording, plan: Plan | None) -> None:
    """Plan as a fleet does."""
    recording._ledger.description = evolve(recording._ledger.description, plan=plan)
    await recording._ledger.save()


async def found(cloud: CloudRecording) -> Recording:
    recording = await cloud.find(KEY)
    assert recording is not None
    return recording


async def test_a_worker_who_knew_an_older_plan_does_not_write_over_the_newer_one(at: Shared):
    supervised = await at.one.claim(KEY, cname=CNAME, uid=UID, mode=mix())
    await supervised.ensure_started()
    handled = await found(at.two)
    await plan(supervised, PLAN)
    await handled.query()
    await anyio.sleep(10)
    await handled.query()
    await anyio.sleep(10)
    assert (await at.stored()).plan == PLAN
    assert handled.checkpoint().plan == PLAN
    await plan(supervised, None)
    await handled.stop()
    assert (await at.stored()).plan is None


async def test_a_plan_that_is_not_written_yet_is_added_to_what_others_have_written(at: Shared):
    supervised = await at.one.claim(KEY, cname=CNAME, uid=UID, mode=mix())
    await supervised.ensure_started()
    handled = await found(at.two)
    ledger = supervised._ledger
    ledger.description = evolve(ledger.description, plan=PLAN)
    await handled.query()
    await anyio.sleep(10)  # the first one has heard of that by now
    await ledger.save()
    assert (await at.stored()).plan == PLAN


async def test_calls_that_several_workers_have_made_are_all_counted(at: Shared):
    one = await at.one.claim(KEY, cname=CNAME, uid=UID, mode=mix())
    await one.ensure_started()
    await anyio.sleep(20)
    two = await found(at.two)
    at.emulator.inject(Refuse(503), times=1)
    for each in (one, two, two, one, two):
        await each.query()
        await anyio.sleep(0.1)
    await two.stop()
    await anyio.sleep(10)
    assert one.checkpoint().calls == len(at.emulator.calls) == 2 + 5 + 1 + 1


async def test_whoever_goes_on_from_a_checkpoint_counts_on_from_there(at: Shared):
    one = await at.one.claim(KEY, cname=CNAME, uid=UID, mode=mix())
    await one.ensure_started()
    one_more = at.two.attach(one.checkpoint())
    assert one_more.checkpoint().calls == 2
    await one_more.query()
    assert one_more.checkpoint().calls == 3
