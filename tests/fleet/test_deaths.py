"""A process dies at any passage to service or store, and the next one goes on: with the specs or without.

Weather, webhooks and strangers are the simulation's business (`tests/simulation/fleets.py`); here nothing
but death happens, so that everything has to come out exactly.
"""

import logging
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

import anyio
import httpx
import pytest
from attrs import define, field

from agora_rec import Alternate, Fleet, MemoryStore, Replacement, Result, ResultState, Secrets, Spec, Twin
from agora_rec.clock import LoopClock
from agora_rec.emulator import Emulator, EndReason, SessionView
from agora_rec.store import Checkpoint, Lease, Stored
from agora_rec.vocabulary import OperationName
from tests.simulation.lives import Died, Life, MortalCloud, StoreDoor
from tests.simulation.trace import Trace
from tests.support.backends import virtual_time
from tests.support.cloud import an_emulator, bucket, mix

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

AWAY: Final = 200.0
"""Seconds from a death to the next process, where that has to wait for the leases of the dead."""
UPLOADED: Final = ResultState.UPLOADED
STOP_IN_DOUBT: Final = timedelta(seconds=45)
"""How much later a stop may come: one that the dead may have sent is not repeated at once."""
EVERY: Final = 29
"""Of so many passages one is tried; all of them take a minute."""


class Door(StoreDoor):
    """The store, where death may also come at a claim or a lease."""

    async def claim(self, checkpoint: Checkpoint) -> Stored:
        self.life.passes("before a claim")
        stored = await super().claim(checkpoint)
        self.life.passes("after a claim")
        return stored

    async def lease(self, recording_id: str, holder: str, *, seconds: float) -> Lease | None:
        self.life.passes("before a lease")
        return await super().lease(recording_id, holder, seconds=seconds)


@define(eq=False)
class Wire(httpx.AsyncBaseTransport):
    """The way to the service."""

    life: Life
    inner: httpx.AsyncBaseTransport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.life.passes("before a request is sent")
        response = await self.inner.handle_async_request(request)
        self.life.passes("before an answer is read")
        return response


async def keys(_: Checkpoint) -> Secrets:
    return Secrets(storage=bucket())


@define(eq=False)
class World:
    """A service, a store, and one process after another."""

    specs: Sequence[Spec]
    limit: int = 50
    replacement: Replacement | None = None
    lost_at: float | None = None
    """When the service loses the first recording for good."""
    clock: LoopClock = field(factory=LoopClock, init=False)
    emulator: Emulator = field(init=False)
    store: MemoryStore = field(init=False)
    passages: int = field(default=0, init=False)
    resumed_at: datetime = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.emulator = an_emulator(clock=self.clock, repeated_start_with_sid=True)
        self.store = MemoryStore(clock=self.clock)

    async def live(self, specs: Iterable[Spec], *, dies_at: int | None = None) -> dict[str, Result]:
        """Record these, and adopt what nobody looks after; what was told of each, by channel."""
        life = Life(0, Trace(self.clock), dies_at)
        door = Door(inner=self.store, life=life, clock=self.clock, rng=random.Random(0), fails=lambda: False)
        cloud = MortalCloud(
            self.emulator.app_id,
            customer_id=self.emulator.customer_id,
            customer_secret=self.emulator.customer_secret,
            base_url=self.emulator.base_url,
            transport=Wire(life, self.emulator.transport()),
            qps=None,
            store=door,
            secrets=keys,
            clock=self.clock,
        )
        cloud.life = life
        told: dict[str, Result] = {}
        try:
            with life.scope:
                async with (
                    cloud,
                    Fleet(
                        cloud, limit=self.limit, on_exit="wait", adopt=True, replacement=self.replacement
                    ) as fleet,
                ):
                    told = {each.spec.cname: each async for each in fleet.record(specs, resume=True)}
                told |= {each.spec.cname: each for each in fleet.report().results}
        except* Died:
            pass
        finally:
            self.passages = life._passages
        return told

    async def lose(self) -> None:
        """Lose the first recording for good, if it still runs then."""
        assert self.lost_at is not None
        await self.clock.sleep(self.lost_at)
        for session in self.emulator.running()[:1]:
            for _ in range(4):
                self.emulator.fail_over(session.sid, seconds=0.5)
                await self.clock.sleep(1.0)


def lessons() -> World:
    """Three that need four places of three: two last so long, one until then, with a twin."""
    clock = LoopClock()
    until = clock.epoch + timedelta(seconds=900)
    long = timedelta(seconds=40)
    return World(
        [
            Spec("class-1", 1, mix(), key="1", until=long),
            Spec("class-2", 2, mix(), key="2", until=until, twins=(Twin(uid=22),)),
            Spec("class-3", 3, mix(), key="3", until=long),
        ],
        limit=3,
    )


def a_loss() -> World:
    """One that the service loses, and whose twin it doesn't."""
    until = LoopClock().epoch + timedelta(seconds=500)
    return World(
        [
            Spec(
                "class-1",
                1,
                mix(),
                key="1",
                until=until,
                alternate=Alternate(uid=101),
                twins=(Twin(uid=2, alternate=Alternate(uid=102)),),
            )
        ],
        replacement=Replacement(),
        lost_at=30.0,
    )


async def play(world: World, dies_at: int | None, *, is_told_again: bool) -> dict[str, Result]:
    """Have one process die, and the next one go on; what that tells."""
    told: dict[str, Result] = {}
    async with anyio.create_task_group() as tasks:
        if world.lost_at is not None:
            tasks.start_soon(world.lose)
        await world.live(world.specs, dies_at=dies_at)
        if not is_told_again:
            await world.clock.sleep(AWAY)
        world.resumed_at = world.clock.now()
        told = await world.live(world.specs if is_told_again else ())
        tasks.cancel_scope.cancel()
    return told


def is_stop_repeated(world: World, spec: Spec) -> bool:
    """Whether the answer to a stop, with the names of the files, has died with a process."""
    return any(
        call.operation is OperationName.STOP and call.status == 404
        for call in world.emulator.calls
        if call.cname == spec.cname
    )


def in_time(world: World, spec: Spec, session: SessionView) -> None:
    """Make sure that it was stopped in time: not before, and soon after whoever wants that lives again."""
    if isinstance(spec.until, timedelta):
        wanted = session.started_at + spec.until
        latest = max(wanted, world.resumed_at + spec.until)  # where its sid was not known before
    else:
        assert spec.until is not None
        wanted = spec.until
        latest = max(wanted, world.resumed_at)
    assert session.ended_at is not None
    assert wanted - timedelta(seconds=0.1) <= session.ended_at <= latest + STOP_IN_DOUBT


def check(world: World, told: dict[str, Result], *, is_told_again: bool) -> None:
    """Compare what was told with the truth."""
    sessions = world.emulator.sessions
    assert not any(each.running for each in sessions)
    for spec in world.specs:
        mine = [each for each in sessions if each.cname == spec.cname]
        for recorder in spec.recorders:
            uids = {recorder.uid, recorder.alternate.uid if recorder.alternate else None}
            its = [each for each in mine if int(each.uid) in uids]
            assert all(
                one.ended_at is not None and one.ended_at <= other.started_at for one, other in pairwise(its)
            )
            assert len(its) == 1 or world.lost_at is not None or not is_told_again
            assert len(its) <= 1 or world.lost_at is not None
            if its and its[-1].end_reason is EndReason.STOPPED:
                in_time(world, spec, its[-1])
        if not is_told_again and spec.cname not in told:
            continue
        result = told[spec.cname]
        assert {take.sid for take in result.takes} == {each.sid for each in mine}
        files, told_files = (
            {file for each in mine for file in each.files},
            {each.name for each in result.files},
        )
        if world.lost_at is None and not is_stop_repeated(world, spec):
            assert result.state is UPLOADED
            assert told_files == files
        else:  # nobody has said where they are: there are no webhooks here
            assert told_files <= files


async def passages_of(make: Callable[[], World]) -> int:
    """How many passages there are where nobody dies; all must be well there too."""
    world, told = make(), dict[str, Result]()
    async with anyio.create_task_group() as tasks:
        if world.lost_at is not None:
            tasks.start_soon(world.lose)
        world.resumed_at = world.clock.now()
        told = await world.live(world.specs)
        tasks.cancel_scope.cancel()
    check(world, told, is_told_again=True)
    return world.passages


async def try_all(make: Callable[[], World], every: int, *, is_told_again: bool) -> None:
    """Have a process die at one passage after the other."""
    for passage in range(1, await passages_of(make) + 1, every):
        world = make()
        told = await play(world, passage, is_told_again=is_told_again)
        try:
            check(world, told, is_told_again=is_told_again)
        except BaseException as error:
            error.add_note(f"died at passage {passage}")
            raise


@pytest.fixture
def unheard() -> Iterator[None]:
    """Let nobody hear what the dead say."""
    logger = logging.getLogger("agora_rec")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


@pytest.mark.usefixtures("unheard")
@pytest.mark.parametrize("is_told_again", [True, False], ids=["told again", "adopting"])
@pytest.mark.parametrize("make", [lessons, a_loss])
async def test_wherever_a_process_dies_the_next_one_goes_on(make: Callable[[], World], is_told_again: bool):  # noqa: FBT001 - a parameter of pytest's
    await try_all(make, EVERY, is_told_again=is_told_again)
