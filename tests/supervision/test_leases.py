"""Who looks where several workers could: one of them, as long as it lives, and then another."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import anyio
import pytest
from attrs import define

from agora_rec import MemoryStore, Recording, State
from agora_rec.clock import LoopClock
from agora_rec.model.events import ErrorLevel, RecordingError, UploadingProgress
from agora_rec.recording.lookout import LEASE_SECONDS, Lookout
from agora_rec.recording.watching import OTHERS_WATCH, WATCH_EVERY
from agora_rec.store import Lease
from agora_rec.supervision import Charge
from tests.supervision.desk import NOT_FOUND, Desk, at_work, tell
from tests.support import secrets
from tests.support.backends import virtual_time
from tests.support.cloud import CNAME, QUERY, UID, Stage, a_client, an_emulator, mix, state_of
from tests.support.stores import HandingOn

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

KEY: Final = "lesson"


@define(eq=False)
class SlowLeases(HandingOn):
    """A store that takes its time for leases, and knows which were given back."""

    seconds: float = 0.0
    given_back: int = 0

    async def lease(self, recording_id: str, holder: str, *, seconds: float) -> Lease | None:
        await anyio.sleep(self.seconds)
        return await super().lease(recording_id, holder, seconds=seconds)

    async def release(self, lease: Lease) -> None:
        self.given_back += 1
        await super().release(lease)


@define(eq=False)
class Office:
    """Two workers that look after one recording."""

    store: SlowLeases
    one: Desk
    other: Desk
    recordings: tuple[Recording, Recording]
    charges: tuple[Charge, Charge]

    @property
    def looks(self) -> list[float]:
        return self.one.on.times_of(QUERY)


@asynccontextmanager
async def office() -> AsyncGenerator[Office]:
    clock, store = LoopClock(), SlowLeases(MemoryStore())
    emulator = an_emulator(clock=clock, latency=0)
    more = {"store": store, "webhook_secret": secrets.WEBHOOK_SECRET}
    async with a_client(emulator, clock, **more) as first, a_client(emulator, clock, **more) as second:
        on = Stage(emulator, first, clock)
        async with at_work(on, second) as other, at_work(on, first) as one:
            mine = await first.claim(KEY, cname=CNAME, uid=UID, mode=mix())
            await mine.ensure_started()
            theirs = await second.find(KEY)
            assert theirs is not None
            charge = one.look_after(mine)
            await anyio.sleep(0.5)
            yield Office(store, one, other, (mine, theirs), (charge, other.look_after(theirs)))


async def test_one_of_two_looks_and_the_other_learns_from_the_store():
    async with office() as at:
        await anyio.sleep(10 * WATCH_EVERY)
        assert 10 <= len(at.looks) <= 12
        assert [charge.is_ours for charge in at.charges] == [True, False]
        at.one.supervisor.stop(at.charges[0])
        await anyio.sleep(60)
        assert all(charge.is_closed for charge in at.charges)
        assert at.other.owner.told == ["left", "ended"]
        assert at.one.on.sent.count("stop") == 1


async def test_when_whoever_looks_dies_the_other_takes_over():
    async with office() as at:
        await anyio.sleep(2 * WATCH_EVERY + 20)
        at.one.leave()
        with anyio.CancelScope(shield=True):
            last = at.looks[-1]
            await anyio.sleep(LEASE_SECONDS + WATCH_EVERY)
            after = [moment for moment in at.looks if moment > last]
            assert after[0] - last <= LEASE_SECONDS + OTHERS_WATCH + WATCH_EVERY
            await anyio.sleep(WATCH_EVERY)
            assert at.charges[1].is_ours
            assert state_of(at.recordings[1]) is State.RECORDING


async def test_a_loss_is_found_by_the_other_when_whoever_looked_is_dead():
    async with office() as at:
        await anyio.sleep(WATCH_EVERY)
        at.one.leave()
        with anyio.CancelScope(shield=True):
            at.one.on.emulator.inject(NOT_FOUND, operation=QUERY, times=None)
            await anyio.sleep(LEASE_SECONDS + OTHERS_WATCH + WATCH_EVERY + 100)
            assert at.other.owner.told[:2] == ["left", "lost"]


async def test_what_is_let_go_is_taken_over_without_waiting_for_its_lease():
    async with office() as at:
        await anyio.sleep(20)
        await at.one.supervisor.let_go(at.charges[0])
        await anyio.sleep(OTHERS_WATCH + 1)
        assert at.charges[1].is_ours


async def test_the_right_to_look_is_kept_while_notifications_put_the_looks_off():
    async with office() as at:
        await anyio.sleep(WATCH_EVERY + 10)
        seen = len(at.looks)
        for number in range(15):
            await anyio.sleep(30)
            await tell(at.one.cloud, at.recordings[0], UploadingProgress(progress=number))
            assert not await Lookout(at.recordings[1]._ledger).take()
        assert len(at.looks) - seen <= 1
        assert not at.charges[1].is_ours


async def test_trouble_that_another_worker_was_told_of_is_looked_at_at_once():
    async with office() as at:
        await anyio.sleep(20)
        at.charges[0].look_at = at.one.on.clock.monotonic() + 100
        seen = len(at.looks)
        await tell(at.other.cloud, at.recordings[1], RecordingError(error_level=ErrorLevel.FATAL))
        await anyio.sleep(2)
        assert len(at.looks) == seen + 1


async def test_a_lease_that_comes_when_nobody_looks_any_more_is_given_back():
    async with office() as at:
        await anyio.sleep(20)
        at.store.seconds = 5.0
        charge = at.charges[0]
        charge.lease_at = at.one.on.clock.monotonic()
        at.one.supervisor.touch(charge)
        await anyio.sleep(1)
        at.one.supervisor.dismiss(charge)
        given_back = at.store.given_back
        await anyio.sleep(10)
        assert at.store.given_back == given_back + 1
        seen = len(at.looks)
        charge.look_at = at.one.on.clock.monotonic()
        await anyio.sleep(20)
        assert len(at.looks) == seen


async def test_a_look_that_is_dismissed_while_it_waits_for_its_right_is_not_made():
    async with office() as at:
        await anyio.sleep(20)
        at.store.seconds = 5.0
        seen, charge = len(at.looks), at.charges[0]
        charge.look_at = at.one.on.clock.monotonic()
        at.one.supervisor.touch(charge)
        await anyio.sleep(1)
        at.one.supervisor.dismiss(charge)
        await anyio.sleep(10)
        assert len(at.looks) == seen


async def test_what_is_closed_gives_its_right_back():
    async with office() as at:
        await anyio.sleep(20)
        at.one.supervisor.stop(at.charges[0])
        await anyio.sleep(30)
        assert at.charges[0].is_closed
        assert at.store.given_back >= 1


async def test_whatever_fails_in_a_look_is_tried_again_with_its_lease(monkeypatch: pytest.MonkeyPatch):
    async with office() as at:
        await anyio.sleep(20)
        charge = at.charges[0]

        async def broken(*_: object, **__: object) -> bool:
            raise ValueError

        assert charge.lookout is not None
        monkeypatch.setattr(Lookout, "take", broken)
        await anyio.sleep(2 * WATCH_EVERY)
        monkeypatch.undo()
        seen = len(at.looks)
        await anyio.sleep(2 * WATCH_EVERY + 1)
        assert len(at.looks) > seen
