"""A client's life, its two doors to the world, and how it dies.

A process acts on the world through two doors only: the wire and the store. So killing it means to shut both
at one moment. What a dead client's coroutines still do afterwards (`finally` blocks, shielded jobs that wait
for a lock or a timeout) can't be seen by anybody: at the next door they meet `Died`, a `BaseException` that
no handler of the library takes for an answer. Its callers are cancelled at once; the world goes on without
waiting for the rest. A death strikes at a moment, or at the n-th passage of a door, in or out: between two
passages the world can't tell one await from another, so this covers death at every await.
"""

import random
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Final, TypeVar, TypeVarTuple

import anyio
from attrs import define, field

from agora_rec import Checkpoint, Clock, CloudRecording, Stored
from agora_rec.recording.jobs import Job
from agora_rec.store import Lease
from tests.simulation.trace import Trace
from tests.support.stores import HandingOn

PASSAGES: Final = (6, 15, 60)
"""Deaths at a door strike at one of the first so many passages."""


class Died(BaseException):
    """The process is no more."""


class StoreError(Exception):
    """The store gave no answer: it has written nothing, or it has, and nobody knows."""


@define(eq=False)
class Life:
    """One client, from its opening to its closing or its death."""

    number: int
    trace: Trace
    dies_at_passage: int | None = None
    on_death: Callable[[], None] = field(default=lambda: None)
    is_mortal: bool = True
    is_dead: bool = field(default=False, init=False)
    scope: anyio.CancelScope = field(factory=anyio.CancelScope, init=False)
    over: anyio.Event = field(factory=anyio.Event, init=False)
    in_flight: int = field(default=0, init=False)
    _passages: int = field(default=0, init=False)

    def alive(self) -> None:
        """Raise `Died` if it isn't."""
        if self.is_dead:
            raise Died

    def passes(self, door: str) -> None:
        """Something goes through a door; it may be the last thing that this life does."""
        self.alive()
        self._passages += 1
        if self._passages == self.dies_at_passage and self.is_mortal:
            self.die(door)
            raise Died

    def die(self, where: str) -> None:
        """Shut the doors, if it can die at all and isn't over."""
        if self.is_mortal and not self.is_dead and not self.over.is_set():
            self.is_dead = True
            self.trace.note(f"life {self.number}", f"DIES: {where}")
            self.on_death()
            self.scope.cancel()
            self.over.set()


T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class MortalCloud(CloudRecording):
    """A client that can die: a dead one begins no more work."""

    life: Life

    def spawn(self, job: Job[T], work: Callable[[*Ts], Coroutine[Any, Any, T]], *args: *Ts) -> None:
        """See `CloudRecording.spawn`."""
        self.life.alive()
        super().spawn(job, work, *args)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close; a dead client looks after nobody any more, and only waits for its tasks to find out."""
        if self.life.is_dead:
            for recording in self.recordings:
                self.forget(recording)
        await super().__aexit__(kind, error, traceback)


@define(eq=False, kw_only=True)
class StoreDoor(HandingOn):
    """The store as one life sees it: it takes its time, and it may fail."""

    life: Life
    clock: Clock
    rng: random.Random
    fails: Callable[[], bool]

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        """Keep a checkpoint."""
        self.life.passes("before a checkpoint is written")
        await self.clock.sleep(self.rng.choice((0.0, 0.0, 0.001, 0.05)))
        self.life.alive()
        if self.fails():
            raise StoreError("the store can't be reached")
        new = await super().save(checkpoint, version=version, lease=lease)
        self.wrote(checkpoint)
        if self.fails():
            raise StoreError("the store's answer is lost")
        self.life.passes("after a checkpoint was written")
        return new

    def wrote(self, checkpoint: Checkpoint) -> None:
        """A checkpoint is in the store now."""

    async def load(self, recording_id: str) -> Stored | None:
        """Read a checkpoint."""
        self.life.alive()
        return await super().load(recording_id)

    async def load_by_sid(self, sid: str) -> Stored | None:
        """Read the checkpoint of the recording with that sid."""
        self.life.alive()
        return await super().load_by_sid(sid)

    async def load_starting(self, cname: str, uid: int) -> Sequence[Stored]:
        """Read those that wait for their sid."""
        self.life.alive()
        return await super().load_starting(cname, uid)

    async def unfinished(self) -> AsyncGenerator[Stored, None]:
        """Go through what hasn't ended."""
        self.life.alive()
        async for stored in super().unfinished():
            yield stored
