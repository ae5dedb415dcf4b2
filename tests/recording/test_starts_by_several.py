"""One start or stop, sent by several workers: refused it is when all were refused, and never before.

What these tests keep right, the simulation of several workers has found.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup
from attrs import define, evolve, field

from agora_rec import (
    Alternate,
    Checkpoint,
    CloudRecording,
    MemoryStore,
    Secrets,
    ServiceUnavailable,
    StartUnconfirmed,
    State,
    StoreConflict,
)
from agora_rec.clock import LoopClock
from agora_rec.emulator import Emulator, Fault, LoseAnswer, Refuse, SlowAnswer
from agora_rec.errors import IllegalTransition, Superseded
from agora_rec.lifecycle import facts
from agora_rec.recording import Recording
from agora_rec.store import Lease, Written
from agora_rec.store.listening import Listening
from agora_rec.transport import RetryPolicy
from tests.support.backends import virtual_time
from tests.support.cloud import (
    ACQUIRE,
    CNAME,
    START,
    STOP,
    UID,
    Caller,
    a_client,
    all_back,
    an_emulator,
    calling,
    mix,
    sent,
    stage,
    state_of,
)
from tests.support.stores import HandingOn

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

ONCE = RetryPolicy.never()
FAILED = Refuse(500, code=15)


@define(eq=False)
class Meddled(HandingOn):
    """A store in front of which something happens before the next write of a state."""

    state: State | None = None
    meddle: Callable[[], Awaitable[object]] | None = None

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[Written]]:
        yield Listening()

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        if checkpoint.standing.state is self.state and (meddle := self.meddle) is not None:
            self.meddle = None
            await meddle()
        return await super().save(checkpoint, version=version, lease=lease)


@define
class Office:
    """Two workers with one store, which tells nobody what was written."""

    emulator: Emulator
    cloud: CloudRecording
    other: CloudRecording
    store: Meddled = field()

    async def same(self, recording: Recording) -> Recording:
        """The recording as the other worker finds it now."""
        stored = await self.store.load(recording.id)
        assert stored is not None
        return self.other.attach(stored.checkpoint, mode=mix())

    def answers(self, *faults: Fault) -> None:
        """What comes of the next starts, in their order."""
        for fault in faults:
            self.emulator.inject(fault, operation=START)

    @property
    def starts(self) -> int:
        """How many starts have arrived."""
        return sent(self.emulator.calls).count(START)


@pytest.fixture
async def office() -> AsyncGenerator[Office]:
    async with an_office() as found:
        yield found


@asynccontextmanager
async def an_office() -> AsyncGenerator[Office]:
    clock, store = LoopClock(), Meddled(MemoryStore())
    emulator = an_emulator(clock=clock, repeated_start_with_sid=True)
    async with (
        a_client(emulator, clock, store=store, retry=ONCE) as cloud,
        a_client(emulator, clock, store=store, retry=ONCE) as other,
    ):
        yield Office(emulator, cloud, other, store)


async def _acquired(office: Office) -> Recording:
    recording = office.cloud.recording(CNAME, UID, mix())
    await recording.acquire()
    return recording


async def _refused(office: Office) -> tuple[Recording, Recording]:
    """A recording whose start was refused, as both workers have it."""
    recording = await _acquired(office)
    office.answers(FAILED)
    with pytest.raises(ServiceUnavailable):
        await recording.start()
    return recording, await office.same(recording)


async def _overtaken(
    tasks: TaskGroup, office: Office, recording: Recording, same: Recording
) -> tuple[Caller[Any], Caller[Any]]:
    """A slow acquire, which has the turn, and a start that waits for it while the other worker acquires."""
    office.emulator.inject(SlowAnswer(5), operation=ACQUIRE)
    acquire = await calling(tasks, recording.acquire)
    old = await calling(tasks, recording.start)
    await same.acquire()
    await recording.refresh()
    return acquire, old


async def test_a_refusal_proves_nothing_where_another_worker_has_sent_the_start_too(office: Office) -> None:
    recording = await _acquired(office)
    office.answers(LoseAnswer(), LoseAnswer(), FAILED)
    with pytest.raises(StartUnconfirmed):
        await recording.start()
    same = await office.same(recording)
    with pytest.raises(StartUnconfirmed):
        await same.driver.repeat_start().wait()
    with pytest.raises(StartUnconfirmed):
        await recording.driver.repeat_start().wait()
    assert recording.state is same.state is State.STARTING

    await recording.ensure_stopped()
    assert office.emulator.running() == ()


async def test_a_start_that_an_older_version_has_written_down_may_run_whoever_sent_it(office: Office) -> None:
    recording = await _acquired(office)
    office.answers(LoseAnswer(), FAILED)
    with pytest.raises(StartUnconfirmed):
        await recording.start()
    older = evolve(recording.checkpoint(), id="older", starters=())
    attached = office.cloud.attach(older, mode=mix())
    with pytest.raises(StartUnconfirmed):
        await attached.driver.repeat_start().wait()
    assert attached.state is State.STARTING
    await recording.ensure_stopped()


async def test_a_start_is_refused_when_all_who_have_sent_it_were_refused(office: Office) -> None:
    recording = await _acquired(office)
    office.answers(FAILED, FAILED)
    async with anyio.create_task_group() as tasks:
        start = await calling(tasks, recording.start)
        await anyio.sleep(0.005)
        same = await office.same(recording)
        repeated = await calling(tasks, same.driver.repeat_start().wait)
        await all_back(start, repeated)
        assert isinstance(start.error, StartUnconfirmed)  # of the other one nobody knows yet
        assert isinstance(repeated.error, ServiceUnavailable)
        await recording.refresh()
        assert recording.state is same.state is State.ACQUIRED


async def test_a_start_that_waits_goes_out_under_its_own_resource_id_or_not_at_all(office: Office) -> None:
    recording, same = await _refused(office)
    async with anyio.create_task_group() as tasks:
        acquire, old = await _overtaken(tasks, office, recording, same)
        assert recording.resource_id == same.resource_id
        new = await calling(tasks, recording.start)
        await all_back(acquire, old, new)
        assert isinstance(old.error, StoreConflict)
        assert new.error is None
    assert [each.resource_id for each in office.emulator.running()] == [same.resource_id]
    assert office.starts == 2

    await recording.ensure_stopped()


async def test_a_stop_withdraws_a_start_that_waits_under_another_resource_id_too(office: Office) -> None:
    recording, same = await _refused(office)
    async with anyio.create_task_group() as tasks:
        acquire, old = await _overtaken(tasks, office, recording, same)
        new = await calling(tasks, recording.start)
        stop = await calling(tasks, recording.stop)
        await all_back(acquire, old, new, stop)
        assert isinstance(old.error, Superseded)
        assert isinstance(new.error, Superseded)
    assert office.starts == 1
    assert state_of(recording) is State.ACQUIRED


async def test_a_refusal_that_is_written_too_late_is_taken_back(office: Office) -> None:
    recording = await _acquired(office)
    office.answers(FAILED, LoseAnswer())

    async def repeat() -> None:
        same = await office.same(recording)
        with pytest.raises(StartUnconfirmed):
            await same.driver.repeat_start().wait()

    office.store.state, office.store.meddle = State.ACQUIRED, repeat
    with pytest.raises(StartUnconfirmed):
        await recording.start()
    assert state_of(recording) is State.STARTING

    await recording.ensure_stopped()
    assert office.emulator.running() == ()


async def test_a_start_that_was_refused_meanwhile_is_not_repeated(office: Office) -> None:
    recording = await _acquired(office)
    office.answers(FAILED)
    found: list[Recording] = []

    async def find() -> None:
        found.append(await office.same(recording))

    office.store.state, office.store.meddle = State.ACQUIRED, find
    with pytest.raises(ServiceUnavailable):
        await recording.start()
    (same,) = found
    assert same.state is State.STARTING
    with pytest.raises(StoreConflict):
        await same.driver.repeat_start().wait()
    assert office.starts == 1


async def test_what_was_refused_under_another_resource_id_proves_nothing(office: Office) -> None:
    recording = await _acquired(office)
    office.answers(FAILED, LoseAnswer(), FAILED)
    with pytest.raises(ServiceUnavailable):
        await recording.start()
    same = await office.same(recording)
    await same.acquire()
    with pytest.raises(StartUnconfirmed):
        await same.start()
    await recording.refresh()
    with pytest.raises(StartUnconfirmed):
        await recording.driver.repeat_start().wait()
    assert recording.state is State.STARTING

    await recording.ensure_stopped()
    assert office.emulator.running() == ()


async def test_a_start_is_not_repeated_for_a_stop_when_its_sid_has_come_by_an_event() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(LoseAnswer(), operation=START, times=2)
        start = await calling(tasks, recording.start)
        await anyio.sleep(0.2)
        stop = await calling(tasks, recording.stop)  # which repeats the start at once
        await anyio.sleep(0.2)
        (session,) = on.emulator.sessions
        recording._ledger.absorb(facts.Started(sid=session.sid))
        await all_back(start, stop)
        assert on.sent == [ACQUIRE, START, START, STOP]
        assert on.running == []


async def test_a_goal_goes_on_where_the_acquire_that_it_joined_came_second() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        first = await calling(tasks, recording.acquire)
        second = await calling(tasks, recording.acquire)
        goal = await calling(tasks, recording.ensure_started)
        await all_back(first, second, goal)
        assert isinstance(second.error, IllegalTransition)
        assert goal.error is None
        assert recording.state is State.RECORDING


async def test_a_goal_is_reached_though_its_acquire_gave_way_to_the_start_of_another_worker() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = on.recording()
        on.emulator.inject(Refuse(504), operation=ACQUIRE)
        goal = await calling(tasks, recording.ensure_started)
        await anyio.sleep(0.2)
        for fact in (facts.Acquired(resource_id="R"), facts.StartSent(), facts.Started(sid="S")):
            recording._ledger.absorb(fact)
        await goal.finished()
        assert goal.error is None
        assert on.sent == [ACQUIRE]
        recording._ledger.absorb(facts.NoRecordedData())


async def test_a_stop_that_another_worker_remembered_is_sent_by_whoever_got_the_sid(office: Office) -> None:
    recording = await _acquired(office)

    async def remember() -> None:
        same = await office.same(recording)
        with pytest.raises(StartUnconfirmed):
            await same.stop()
        await anyio.wait_all_tasks_blocked()  # it is written down

    office.store.state, office.store.meddle = State.RECORDING, remember
    await recording.start()
    assert state_of(recording) is State.STOPPING

    await recording.wait_finished()
    assert office.emulator.running() == ()


async def test_a_stop_that_was_remembered_and_never_sent_can_be_sent_again(office: Office) -> None:
    recording = await _acquired(office)
    await recording.start()
    remembered = evolve(recording.checkpoint().standing, stop_requested=True)
    left_over = evolve(recording.checkpoint(), id="left over", standing=remembered)
    attached = office.other.attach(left_over, mode=mix())

    await attached.ensure_stopped()

    assert office.emulator.running() == ()
    await recording.ensure_stopped()


async def test_what_a_notification_has_set_in_motion_is_found_by_the_next_one(office: Office) -> None:
    recording = await _acquired(office)
    office.answers(LoseAnswer())
    with pytest.raises(StartUnconfirmed):
        await recording.start()
    with pytest.raises(StartUnconfirmed):
        await recording.stop()
    await anyio.wait_all_tasks_blocked()
    stored = await office.store.load(recording.id)
    assert stored is not None
    visited = office.other.visit(stored)
    assert not office.other.recordings
    (session,) = office.emulator.sessions
    visited._ledger.absorb(facts.Started(sid=session.sid))
    assert visited in office.other.recordings
    assert office.other.visit(stored) is visited
    assert office.other.known(sid=session.sid) is visited
    await visited.ensure_stopped()
    assert office.emulator.running() == ()


async def test_a_resource_id_for_the_first_uid_is_dropped_when_another_worker_has_taken_the_alternate(
    office: Office,
) -> None:
    alternate = Alternate(uid=UID + 1)
    recording = office.cloud.recording(CNAME, UID, mix(), alternate=alternate)
    await recording.acquire()
    office.answers(FAILED)
    with pytest.raises(ServiceUnavailable):
        await recording.start()
    office.emulator.inject(SlowAnswer(5), operation=ACQUIRE)
    async with anyio.create_task_group() as tasks:
        acquire = await calling(tasks, recording.acquire)
        under = recording.driver.ledger.description.under_alternate()
        assert under is not None
        recording.driver.ledger.take_alternate(under)
        await acquire.finished()
        assert isinstance(acquire.error, IllegalTransition)
    assert state_of(recording) is State.IDLE
    await recording.ensure_started()
    assert recording.uid == UID + 1
    await recording.ensure_stopped()


async def test_a_stop_that_is_under_way_is_joined_though_that_of_another_worker_has_failed() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        recording = await on.started()
        on.emulator.inject(SlowAnswer(5), operation=STOP)
        first = await calling(tasks, recording.stop)
        recording._ledger.absorb(facts.StopFailed(reason="at another worker"))
        assert recording.state is State.RECORDING
        second = await calling(tasks, recording.stop)
        assert state_of(recording) is State.STOPPING
        await all_back(first, second)
        assert first.error is second.error
        assert on.sent == [ACQUIRE, START, STOP]


@pytest.mark.parametrize("comes_meanwhile", [False, True])
async def test_a_stop_asks_for_the_secrets_of_the_start_that_it_must_repeat(*, comes_meanwhile: bool) -> None:
    clock, store = LoopClock(), MemoryStore()
    emulator = an_emulator(clock=clock, repeated_start_with_sid=True)
    found: list[Recording] = []

    async def secrets(_: Checkpoint) -> Secrets:
        if comes_meanwhile:
            (session,) = emulator.sessions
            found[0]._ledger.absorb(facts.Started(sid=session.sid))
        return Secrets(storage=mix().storage)

    given: dict[str, Any] = {"store": store, "retry": ONCE}
    async with (
        a_client(emulator, clock, **given) as cloud,
        a_client(emulator, clock, secrets=secrets, **given) as other,
    ):
        recording = cloud.recording(CNAME, UID, mix())
        await recording.acquire()
        emulator.inject(LoseAnswer(), operation=START)
        with pytest.raises(StartUnconfirmed):
            await recording.start()
        found.extend([each async for each in other.unfinished()])
        await found[0].ensure_stopped()
        assert sent(emulator.calls).count(START) == (1 if comes_meanwhile else 2)
        assert emulator.running() == ()
