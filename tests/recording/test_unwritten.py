"""What the store could not take: the client keeps it until it is written, and says what isn't at closing."""

import gc
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest
from attrs import define, field

from agora_rec import Checkpoint, CloudRecording, Recording, State
from agora_rec.client.following import ANEW_AFTER, WRITE_WITHIN
from agora_rec.lifecycle import facts
from agora_rec.recording import Unwritten
from agora_rec.store import Lease
from agora_rec.testing import PatientClock
from tests.support.cloud import CNAME, UID, a_client, mix, state_of
from tests.support.staged import staged
from tests.support.stores import HandingOn

pytestmark = pytest.mark.anyio


@define(eq=False)
class Failing(HandingOn):
    """A store that takes no checkpoint of some uids, or doesn't come to an end with it."""

    refused: set[int] = field(factory=set)
    hangs: bool = False
    asked: list[int] = field(factory=list)

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        self.asked.append(checkpoint.uid)
        if self.hangs:
            await anyio.sleep_forever()
        if checkpoint.uid in self.refused:
            raise OSError
        return await super().save(checkpoint, version=version, lease=lease)


@define
class Desk:
    """A client whose store fails when it is told to, on a clock that is moved by hand."""

    cloud: CloudRecording
    store: Failing
    clock: PatientClock

    async def ended_unwritten(self, *uids: int) -> list[str]:
        """Recordings that have ended while the store was away, and that nobody holds; their ids."""
        recordings = [self.cloud.recording(CNAME, uid, mix()) for uid in uids]
        for recording in recordings:
            await self.clock.run_until(recording.ensure_started)
        await self.clock.pass_time(20)
        self.store.refused.update(uids)
        for recording in recordings:
            await self.clock.run_until(recording.stop)
            assert recording.state is State.UPLOADED
        return [recording.id for recording in recordings]

    async def state_in_store(self, recording_id: str) -> State:
        stored = await self.store.load(recording_id)
        assert stored is not None
        return stored.checkpoint.standing.state


@asynccontextmanager
async def a_desk() -> AsyncGenerator[Desk]:
    emulator, store = staged(patience=None, qps=None), Failing()
    async with a_client(emulator, emulator.clock, store=store) as cloud:
        yield Desk(cloud, store, emulator.clock)


async def test_an_end_that_nobody_holds_is_written_when_the_store_is_back():
    async with a_desk() as desk:
        (ended,) = await desk.ended_unwritten(UID)
        gc.collect()
        await desk.clock.pass_time(2 * ANEW_AFTER)
        assert await desk.state_in_store(ended) is State.RECORDING
        desk.store.refused.clear()
        await desk.clock.pass_time(ANEW_AFTER)
        assert await desk.state_in_store(ended) is State.UPLOADED
        asked = len(desk.store.asked)
        await desk.clock.pass_time(10 * ANEW_AFTER)
        gc.collect()
        assert len(desk.store.asked) == asked
        assert desk.cloud.unwritten.ledgers == ()


async def test_what_is_left_is_written_when_the_client_closes(caplog: pytest.LogCaptureFixture):
    async with a_desk() as desk:
        (ended,) = await desk.ended_unwritten(UID)
        desk.store.refused.clear()
    assert await desk.state_in_store(ended) is State.UPLOADED
    assert "the client closes" not in caplog.text


async def test_a_client_that_closes_says_what_the_store_does_not_know(caplog: pytest.LogCaptureFixture):
    async with a_desk() as desk:
        (ended,) = await desk.ended_unwritten(UID)
    assert await desk.state_in_store(ended) is State.RECORDING
    said = [each for each in caplog.records if "the client closes" in each.getMessage()]
    assert [each.levelno for each in said] == [logging.ERROR]
    assert f"was not told that recording {CNAME}/{UID} is uploaded" in said[0].getMessage()
    assert said[0].__dict__["state"] == "uploaded"
    assert desk.cloud.unwritten.ledgers == ()


async def test_a_store_that_hangs_keeps_no_client_from_closing(caplog: pytest.LogCaptureFixture):
    async with a_desk() as desk:
        await desk.ended_unwritten(UID)
        desk.store.hangs = True
        desk.clock.patience = 0.0
        began = desk.clock.monotonic()
    assert desk.clock.monotonic() - began == pytest.approx(WRITE_WITHIN)
    assert "the client closes" in caplog.text


async def test_a_client_whose_caller_is_cancelled_writes_all_the_same():
    desks: list[Desk] = []
    with anyio.CancelScope() as scope:
        async with a_desk() as desk:
            await desk.ended_unwritten(UID)
            desk.store.refused.clear()
            desks.append(desk)
            scope.cancel()
            await anyio.sleep_forever()
    assert [[stored async for stored in each.store.unfinished()] for each in desks] == [[]]


async def test_one_that_can_never_be_written_keeps_no_other_from_it():
    async with a_desk() as desk:
        never, later = await desk.ended_unwritten(UID, UID + 1)
        desk.store.refused.remove(UID + 1)
        await desk.clock.pass_time(3 * ANEW_AFTER)
        assert await desk.state_in_store(never) is State.RECORDING
        assert await desk.state_in_store(later) is State.UPLOADED


async def test_a_store_that_is_away_is_asked_for_one_of_many():
    async with a_desk() as desk:
        await desk.ended_unwritten(*range(UID, UID + 5))
        asked = len(desk.store.asked)
        await desk.clock.pass_time(ANEW_AFTER)
        assert len(desk.store.asked) == asked + 1


async def test_what_a_notification_has_brought_is_kept_though_its_sender_was_refused():
    async with a_desk() as desk:
        recording = desk.cloud.recording(CNAME, UID, mix())
        await desk.clock.run_until(recording.ensure_started)
        desk.store.refused.add(UID)
        recording.driver.ledger.absorb(facts.Left(reason="no users"))
        with pytest.raises(OSError, match=r"^$"):
            await recording.hearing.save()
        desk.store.refused.clear()
        await desk.clock.pass_time(ANEW_AFTER)
        assert await desk.state_in_store(recording.id) is State.STOPPING


async def test_of_too_many_the_oldest_that_has_ended_is_let_go(caplog: pytest.LogCaptureFixture):
    kept = Unwritten(most=2)
    async with a_desk() as desk:
        running = desk.cloud.recording(CNAME, UID, mix())
        await desk.clock.run_until(running.ensure_started)
        kept.add(running.driver.ledger)
        await desk.ended_unwritten(UID + 1, UID + 2)
        first, second = desk.cloud.unwritten.ledgers
        kept.add(first)
        assert not caplog.messages or "wait for the store" not in caplog.text
        kept.add(second)
        assert kept.ledgers == (running.driver.ledger, second)
        assert "more than 2 recordings wait for the store" in caplog.text
        assert state_of(running) is State.RECORDING


async def test_those_that_run_are_never_let_go():
    kept = Unwritten(most=1)
    async with a_desk() as desk:
        running: list[Recording] = [desk.cloud.recording(CNAME, uid, mix()) for uid in (1, 2)]
        for each in running:
            await desk.clock.run_until(each.ensure_started)
            kept.add(each.driver.ledger)
        assert kept.ledgers == tuple(each.driver.ledger for each in running)
