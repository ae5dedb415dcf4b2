"""Several workers know the same recording: what they learn becomes one, and no start is sent twice."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from attrs import define, evolve

from agora_rec import (
    Alternate,
    Checkpoint,
    CloudRecording,
    MemoryStore,
    RetryPolicy,
    State,
    StoreConflict,
)
from agora_rec.client.following import ANEW_AFTER
from agora_rec.clock import LoopClock
from agora_rec.emulator import LoseAnswer, Refuse
from agora_rec.lifecycle import FactKey
from agora_rec.recording import Recording
from agora_rec.recording.ledger import STORE_LOOK_EVERY, WRITES_TRIED
from agora_rec.store import MISSED, Lease, Stored, Written
from agora_rec.store.listening import Listening
from tests.support.backends import virtual_time
from tests.support.cloud import (
    ACQUIRE,
    CNAME,
    START,
    STOP,
    UID,
    Stage,
    a_client,
    an_emulator,
    calling,
    mix,
    state_of,
)
from tests.support.stores import HandingOn

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


@define
class Office:
    """Two workers with one store."""

    on: Stage
    other: CloudRecording
    store: MemoryStore

    async def same(self, recording: Recording, **secrets: Any) -> Recording:
        """The recording as the other worker finds it in the store."""
        stored = await self.store.load(recording.id)
        assert stored is not None
        return self.other.attach(stored.checkpoint, **secrets)


class Silent(HandingOn):
    """Tells nobody what was written: whoever wants to know must look."""

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[Written]]:
        yield Listening()


@asynccontextmanager
async def an_office(*, silent: bool, retry: RetryPolicy | None = None) -> AsyncGenerator[Office]:
    clock, store = LoopClock(), MemoryStore()
    emulator = an_emulator(clock=clock)
    seen = Silent(store) if silent else store
    async with (
        a_client(emulator, clock, store=seen, retry=retry) as cloud,
        a_client(emulator, clock, store=seen, retry=retry) as other,
    ):
        yield Office(Stage(emulator, cloud, clock), other, store)


@pytest.fixture
async def office() -> AsyncGenerator[Office]:
    async with an_office(silent=True) as found:
        yield found


async def test_whoever_waits_learns_from_the_store_what_another_worker_was_told(office: Office) -> None:
    recording = await office.on.started()
    await anyio.sleep(20)
    same = await office.same(recording)
    seen: list[FactKey] = []

    async def follow() -> None:
        seen.extend([change.fact async for change in recording.changes()])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow)
        waiter = await calling(tasks, recording.wait_finished)
        await same.stop()
        assert state_of(recording) is State.RECORDING
        began = office.on.clock.monotonic()
        await waiter.finished()
        assert waiter.value is not None
        assert waiter.value.state is State.UPLOADED
        assert waiter.value.files == same.files
        assert office.on.clock.monotonic() - began <= STORE_LOOK_EVERY
    assert seen == [FactKey.STOP_SENT, FactKey.UPLOADED]
    assert recording.history == same.history
    assert list(office.on.cloud.recordings) == []


async def test_whoever_holds_a_recording_learns_at_once_what_another_worker_writes() -> None:
    async with an_office(silent=False) as office:
        recording = await office.on.started()
        await anyio.sleep(20)
        same = await office.same(recording)
        async with anyio.create_task_group() as tasks:
            waiter = await calling(tasks, recording.wait_finished)
            await same.stop()
            began = office.on.clock.monotonic()
            await waiter.finished()
            assert waiter.value is not None
            assert waiter.value.files == same.files
            assert office.on.clock.monotonic() == began
        assert recording.history == same.history


async def test_a_stop_that_another_worker_was_quicker_with_is_not_sent(office: Office) -> None:
    recording = await office.on.started()
    await anyio.sleep(20)
    same = await office.same(recording)
    files = (await same.stop()).files
    assert (await recording.stop()).files == files
    assert office.on.sent.count(STOP) == 1


@define(eq=False)
class Patchy(HandingOn):
    """A store that can't be followed at first, and then may have missed something."""

    refused: int = 0

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[Written]]:
        if not self.refused:
            self.refused += 1
            raise OSError
        async with self.inner.changes() as changes:

            async def patchy() -> AsyncIterator[Written]:
                yield MISSED
                async for written in changes:
                    yield written

            yield patchy()


async def test_a_store_that_could_not_be_followed_is_followed_anew(caplog: pytest.LogCaptureFixture) -> None:
    clock, memory = LoopClock(), MemoryStore()
    emulator = an_emulator(clock=clock)
    async with (
        a_client(emulator, clock, store=memory) as one,
        a_client(emulator, clock, store=Patchy(memory)) as two,
    ):
        recording = await one.claim("lesson", cname=CNAME, uid=UID, mode=mix())
        there = await two.find("lesson")
        assert there is not None
        await recording.ensure_started()
        states = [there.state]
        await anyio.sleep(ANEW_AFTER + 1)
        states.append(there.state)
        await anyio.sleep(20)
        await recording.stop()
        await anyio.sleep(0.1)
        states.append(there.state)
        assert states == [State.IDLE, State.RECORDING, State.UPLOADED]
    assert "the store can't be followed; trying again in 5 s" in caplog.text


async def test_what_could_not_be_written_is_written_when_the_store_is_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = await office.on.started()
    await anyio.sleep(20)

    async def down(*_: object, **__: object) -> int:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(office.store, "save", down)
        await recording.stop()
        await anyio.sleep(2 * ANEW_AFTER)
    for seconds in (0.0, ANEW_AFTER + 1):
        await anyio.sleep(seconds)
        stored = await office.store.load(recording.id)
        assert stored is not None
        assert stored.checkpoint.standing.state is (State.UPLOADED if seconds else State.RECORDING)
    assert (await office.same(recording)).state is State.UPLOADED


async def test_a_store_that_cannot_be_read_ends_no_wait(
    office: Office, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = await office.on.started()
    await anyio.sleep(20)

    async def broken(recording_id: str) -> Stored | None:
        raise OSError(recording_id)

    async with anyio.create_task_group() as tasks:
        waiter = await calling(tasks, recording.wait_finished)
        with monkeypatch.context() as patch:
            patch.setattr(office.store, "load", broken)
            await anyio.sleep(2 * STORE_LOOK_EVERY)
        assert "the store could not be asked for recording class-42/880011" in caplog.text
        await recording.stop()
        await waiter.finished()
        assert waiter.value is not None


async def test_a_start_of_another_workers_resource_id_is_not_sent(office: Office) -> None:
    recording = office.on.recording()
    await recording.acquire()
    same = await office.same(recording, mode=mix())
    office.on.emulator.inject(Refuse(400, code=53), operation=START)
    with pytest.raises(Exception, match="53"):
        await recording.start()
    await recording.ensure_started()
    with pytest.raises(StoreConflict) as caught:
        await same.start()
    stored = await office.store.load(recording.id)
    assert stored is not None
    assert caught.value.found == stored.version
    assert state_of(same) is State.RECORDING
    assert same.sid == recording.sid
    assert office.on.sent == [ACQUIRE, START, ACQUIRE, START]
    await anyio.sleep(20)
    await same.stop()
    assert office.on.running == []


async def test_the_same_start_by_two_workers_is_one(office: Office) -> None:
    recording = office.on.recording()
    await recording.acquire()
    same = await office.same(recording, mode=mix())
    await recording.start()
    answer = await same.start()
    assert answer.sid == recording.sid
    assert office.on.sent == [ACQUIRE, START], "the second worker found the sid in the store"


async def test_a_start_without_an_answer_takes_the_sid_that_another_worker_was_notified_of() -> None:
    async with (
        an_office(silent=True, retry=RetryPolicy.never()) as office,
        anyio.create_task_group() as tasks,
    ):
        office.on.emulator.inject(LoseAnswer(), operation=START)
        recording = office.on.recording()
        start = await calling(tasks, recording.ensure_started)
        await anyio.sleep(1)
        assert not start.is_back, "it is given up, but others may know more for a while"
        stored = await office.store.load(recording.id)
        assert stored is not None
        (sid,) = office.on.running
        standing = evolve(stored.checkpoint.standing, state=State.RECORDING, sid=sid)
        await office.store.save(evolve(stored.checkpoint, standing=standing), version=stored.version)
        assert state_of(recording) is State.STARTING
        await start.finished()
        assert start.error is None
        assert state_of(recording) is State.RECORDING
        assert recording.sid == sid
        assert office.on.sent == [ACQUIRE, START]


async def test_a_remembered_stop_that_another_worker_has_sent_brings_its_end(office: Office) -> None:
    office.on.emulator.inject(LoseAnswer(), operation=START, times=4)
    recording = office.on.recording()
    async with anyio.create_task_group() as tasks:
        start = await calling(tasks, recording.ensure_started)
        await anyio.sleep(0.5)
        stop = await calling(tasks, recording.stop)
        assert (start.is_back, stop.is_back) == (False, False)
        stored = await office.store.load(recording.id)
        assert stored is not None
        (sid,) = office.on.running
        standing = evolve(
            stored.checkpoint.standing,
            state=State.STOPPING,
            sid=sid,
            stop_requested=True,
            stop_sent=True,
        )
        await office.store.save(evolve(stored.checkpoint, standing=standing), version=stored.version)
        await recording._ledger.refresh()
        await start.finished()
        await stop.finished()
        assert recording.sid == sid
    assert office.on.running == []
    assert office.on.sent[-1] == STOP


@pytest.mark.parametrize("alternate", [None, Alternate(uid=77)], ids=["unknown", "known"])
async def test_an_alternate_that_another_worker_has_taken_is_taken_here_too(
    office: Office, alternate: Alternate | None
) -> None:
    mine = office.on.recording(alternate=Alternate(uid=77))
    await mine.acquire()
    office.on.emulator.inject(Refuse(500, code=15, extra={"sid": ""}), operation=START, times=4)
    if alternate is None:
        theirs, follower = mine, await office.same(mine)
    else:
        theirs, follower = await office.same(mine, mode=mix(), alternate=alternate), mine
    await theirs.ensure_started()
    assert theirs.uid == 77
    await anyio.sleep(20)
    await follower._ledger.refresh()
    assert (follower.uid, follower.sid) == (77, theirs.sid)
    await follower.stop()
    assert office.on.running == []


async def test_what_is_found_is_as_the_store_has_it_though_it_is_held_here(office: Office) -> None:
    first, second = office.on.cloud, office.other
    recording = await first.claim("lesson", cname=CNAME, uid=UID, mode=mix())
    await recording.ensure_started()
    await anyio.sleep(20)
    there = await second.find("lesson")
    assert there is not None
    await there.stop()
    assert state_of(recording) is State.RECORDING, "nobody has told this worker"
    found = await first.find("lesson")
    assert found is recording
    assert state_of(recording) is State.UPLOADED
    await anyio.sleep(5)
    running = await first.claim("lesson", cname=CNAME, uid=UID, mode=mix())
    await running.ensure_started()
    await anyio.sleep(20)
    other = await second.claim("lesson", cname=CNAME, uid=UID, mode=mix())
    await other.query()
    assert await first.claim("lesson", cname=CNAME, uid=UID, mode=mix()) is running
    assert running.checkpoint().standing.confirmed_at is not None
    await running.stop()


async def test_an_alternate_that_was_taken_here_stays_taken(office: Office) -> None:
    recording = office.on.recording(alternate=Alternate(uid=77))
    await recording.acquire()
    stored = await office.store.load(recording.id)
    assert stored is not None
    ledger = recording._ledger
    description = ledger.description.under_alternate()
    assert description is not None
    ledger.take_alternate(description)
    await office.store.save(stored.checkpoint, version=stored.version)
    await ledger.refresh()
    assert recording.uid == 77
    await recording.hearing.save()
    assert (await office.same(recording)).uid == 77


async def test_a_store_that_is_always_in_conflict_is_given_up(office: Office) -> None:
    @define
    class Contested(HandingOn):
        tried: int = 0

        async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
            self.tried += 1
            there = await self.load(checkpoint.id)
            await super().save(checkpoint, version=0 if there is None else there.version)
            return await super().save(checkpoint, version=version, lease=lease)

    store = Contested()
    async with a_client(office.on.emulator, office.on.clock, store=store) as cloud:
        recording = cloud.recording(CNAME, UID, mix())
        await recording.acquire()
        assert store.tried == WRITES_TRIED
        with pytest.raises(StoreConflict):
            await recording.start()
    assert office.on.sent == [ACQUIRE]
