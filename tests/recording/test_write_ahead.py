"""Checkpoints are written ahead: the store knows of each start and stop before the service does."""

from collections.abc import AsyncGenerator

import anyio
import httpx
import pytest
from attrs import define, field

from agora_rec import Checkpoint, CloudRecording, MemoryStore, State
from agora_rec.clock import LoopClock
from agora_rec.emulator import Emulator, LoseAnswer, Refuse, SlowAnswer
from agora_rec.errors import IllegalTransition, StartUnconfirmed, Superseded
from agora_rec.store import Lease, Stored
from tests.support.backends import virtual_time
from tests.support.cloud import (
    ACQUIRE,
    QUERY,
    START,
    STOP,
    Stage,
    a_client,
    all_back,
    an_emulator,
    calling,
    state_of,
)
from tests.support.stores import HandingOn

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


class StoreDown(Exception):  # noqa: N818 - what a store's driver might raise
    """The store can't be reached."""


@define
class SpyStore(HandingOn):
    """A store in memory that can fail, before or after it has written, and knows what it was asked."""

    fail_before: bool = False
    fail_after: bool = False
    written: list[tuple[State, int]] = field(factory=list)

    @property
    def memory(self) -> MemoryStore:
        assert isinstance(self.inner, MemoryStore)
        return self.inner

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        await anyio.sleep(0.001)
        if self.fail_before:
            raise StoreDown
        new = await self.inner.save(checkpoint, version=version, lease=lease)
        self.written.append((checkpoint.standing.state, new))
        if self.fail_after:
            raise StoreDown
        return new

    async def load(self, recording_id: str) -> Stored | None:
        if self.fail_before:
            raise StoreDown
        return await self.inner.load(recording_id)


@define
class Witness(httpx.AsyncBaseTransport):
    """Looks into the store at the moment in which a call goes to the service."""

    inner: httpx.AsyncBaseTransport
    store: SpyStore
    seen: list[tuple[str, State | None]] = field(factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        known = [*self.store.memory._unfinished.values(), *self.store.memory._others.values()]
        state = known[0].checkpoint.standing.state if known else None
        self.seen.append((request.url.path.rpartition("/")[2], state))
        return await self.inner.handle_async_request(request)


@define
class Desk:
    """A stage whose store is watched."""

    store: SpyStore
    witness: Witness
    on: Stage

    @property
    def cloud(self) -> CloudRecording:
        return self.on.cloud

    @property
    def emulator(self) -> Emulator:
        return self.on.emulator


@pytest.fixture
async def desk() -> AsyncGenerator[Desk]:
    clock = LoopClock()
    emulator = an_emulator(clock=clock, repeated_start_with_sid=True)
    store = SpyStore()
    witness = Witness(emulator.transport(), store)
    async with a_client(emulator, clock, transport=witness, store=store) as cloud:
        yield Desk(store, witness, Stage(emulator, cloud, clock))


async def test_each_start_and_stop_is_in_the_store_before_it_is_at_the_service(desk: Desk) -> None:
    recording = await desk.on.started()
    await anyio.sleep(20)
    await recording.query()
    await recording.stop()
    assert desk.witness.seen == [
        ("acquire", None),
        ("start", State.STARTING),
        ("query", State.RECORDING),
        ("stop", State.STOPPING),
    ]


async def test_each_transition_is_written_down_when_the_call_is_over(desk: Desk) -> None:
    recording = desk.on.recording()
    await recording.acquire()
    assert desk.store.written == [(State.ACQUIRED, 1)]
    await recording.start()
    assert desk.store.written[1:] == [(State.STARTING, 2), (State.RECORDING, 3)]
    await anyio.sleep(20)
    await recording.query()
    await recording.query()
    await recording.stop()
    assert desk.store.written[3:] == [(State.RECORDING, 4), (State.STOPPING, 5), (State.UPLOADED, 6)]


async def test_what_has_not_changed_is_not_written_again(desk: Desk) -> None:
    recording = await desk.on.started()
    await anyio.sleep(3)
    await recording.query()
    before = len(desk.store.written)
    await recording.query()
    assert len(desk.store.written) == before


async def test_each_repetition_of_a_start_is_written_ahead(desk: Desk) -> None:
    recording = desk.on.recording()
    await recording.acquire()
    desk.emulator.inject(LoseAnswer(), operation=START, times=4)
    with pytest.raises(StartUnconfirmed):
        await recording.start()
    await recording.ensure_started()
    assert desk.witness.seen[1:] == [("start", State.STARTING)] * 5


async def test_a_start_that_cannot_be_written_down_is_not_sent(desk: Desk) -> None:
    recording = desk.on.recording()
    await recording.acquire()
    desk.store.fail_before = True
    with pytest.raises(StoreDown):
        await recording.start()
    assert desk.on.sent == [ACQUIRE]
    assert state_of(recording) is State.ACQUIRED
    desk.store.fail_before = False
    await recording.start()
    assert state_of(recording) is State.RECORDING


async def test_a_stop_that_cannot_be_written_down_is_sent_all_the_same(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    recording = await desk.on.started()
    await anyio.sleep(20)
    desk.store.fail_before = True
    await recording.stop()
    assert desk.on.running == []
    assert state_of(recording) is State.UPLOADED
    assert "the checkpoint of recording class-42/880011 could not be written" in caplog.text
    desk.store.fail_before = False
    await recording.hearing.save()
    stored = await desk.store.load(recording.id)
    assert stored is not None
    assert stored.checkpoint.standing.state is State.UPLOADED


async def test_a_stop_waits_for_a_start_whose_write_fails_and_has_nothing_to_stop(desk: Desk) -> None:
    recording = desk.on.recording()
    await recording.acquire()
    desk.store.fail_before = True
    async with anyio.create_task_group() as tasks:
        start = await calling(tasks, recording.start)
        stop = await calling(tasks, recording.stop)
        await all_back(start, stop)
        assert isinstance(start.error, StoreDown)
        assert isinstance(stop.error, IllegalTransition)
    assert recording.state is State.ACQUIRED
    assert desk.on.sent == [ACQUIRE]


async def test_a_store_that_fails_afterwards_takes_nothing_back(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    recording = desk.on.recording()
    desk.store.fail_before = True
    await recording.acquire()
    assert recording.state is State.ACQUIRED
    assert "the checkpoint of recording class-42/880011 could not be written" in caplog.text
    assert desk.store.written == []


async def test_a_store_that_fails_after_the_start_takes_nothing_back(desk: Desk) -> None:
    recording = desk.on.recording()
    await recording.acquire()
    desk.emulator.inject(SlowAnswer(2), operation=START)
    async with anyio.create_task_group() as tasks:
        start = await calling(tasks, recording.start)
        await anyio.sleep(1)
        desk.store.fail_before = True
        await start.finished()
        assert start.value is not None
    assert recording.state is State.RECORDING
    assert desk.store.written[-1] == (State.STARTING, 2)
    desk.store.fail_before = False
    await anyio.sleep(20)
    await recording.stop()
    assert desk.witness.seen[-1] == ("stop", State.STOPPING)


async def test_a_store_that_has_written_and_fails_all_the_same_blocks_no_stop(desk: Desk) -> None:
    recording = await desk.on.started()
    await anyio.sleep(20)
    desk.store.fail_after = True
    await recording.query()
    desk.store.fail_after = False
    await recording.stop()
    assert recording.state is State.UPLOADED
    assert desk.witness.seen[-1] == ("stop", State.STOPPING)


async def test_a_failed_write_that_did_not_happen_is_done_by_the_next(desk: Desk) -> None:
    recording = await desk.on.started()
    await anyio.sleep(20)
    desk.store.fail_before = True
    await recording.query()
    desk.store.fail_before = False
    await recording.query()
    stored = await desk.store.load(recording.id)
    assert stored is not None
    assert stored.checkpoint.standing.confirmed_at is not None
    assert stored.version == 4


async def test_somebody_elses_write_in_between_keeps_no_stop_from_being_sent(desk: Desk) -> None:
    recording = await desk.on.started()
    await anyio.sleep(20)
    await desk.store.inner.save(recording.checkpoint(), version=3)
    await recording.stop()
    assert desk.witness.seen[-1] == ("stop", State.STOPPING)
    assert desk.store.written[3:] == [(State.STOPPING, 5), (State.UPLOADED, 6)]


async def test_a_slow_write_of_a_query_does_not_let_a_stop_overtake_it(desk: Desk) -> None:
    recording = await desk.on.started()
    await anyio.sleep(20)
    async with anyio.create_task_group() as tasks:
        query = await calling(tasks, recording.query)
        stop = await calling(tasks, recording.stop)
        await all_back(query, stop)
        assert query.error is None or isinstance(query.error, Superseded)
        assert stop.value is not None
    versions = [version for _, version in desk.store.written]
    assert versions == sorted(versions)
    assert desk.on.sent[:2] == [ACQUIRE, START]
    assert desk.on.sent[-1] == STOP
    assert set(desk.on.sent[2:-1]) <= {QUERY}


async def test_a_refused_start_is_written_down(desk: Desk) -> None:
    recording = desk.on.recording()
    await recording.acquire()
    desk.emulator.inject(Refuse(400, code=53), operation=START)
    with pytest.raises(Exception, match="53"):
        await recording.start()
    assert desk.store.written[-1][0] is State.IDLE
