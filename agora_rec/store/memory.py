"""The store that a client has by itself: everything in this process's memory, gone with it."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Final

from agora_rec.clock import Clock, SystemClock
from agora_rec.errors import InvalidRequest, LeaseLost, StoreConflict, Violation
from agora_rec.store.checkpoint import Checkpoint
from agora_rec.store.listening import Listeners
from agora_rec.store.protocol import Lease, Stored, Written
from agora_rec.vocabulary import State

KEPT: Final = 1000
"""How many recordings of which nothing runs a `MemoryStore` remembers; the oldest are forgotten first."""

MARKS_KEPT: Final = 10_000
"""How many marks a `MemoryStore` remembers; the oldest are forgotten first."""


class MemoryStore:
    """Checkpoints in memory: enough for one process that needn't survive its own death.

    Several clients of one process may share one. It holds every recording that is unfinished, and of the
    others (ended, or not begun) the last `kept` that were written. What was forgotten may be written again.

    Args:
        kept: How many of which nothing runs are remembered.
        clock: Where time comes from, for leases and marks; None: the event loop.

    Raises:
        InvalidRequest: `kept` is no number of recordings.
    """

    def __init__(self, *, kept: int = KEPT, clock: Clock | None = None) -> None:
        if type(kept) is not int or kept < 0:
            raise InvalidRequest((Violation("kept", repr(kept)[:100], "a whole number, 0 or more"),))
        self._kept = kept
        self._clock: Clock = SystemClock() if clock is None else clock
        self._unfinished: dict[str, Stored] = {}
        self._others: dict[str, Stored] = {}
        self._by_key: dict[str, str] = {}
        self._by_sid: dict[str, str] = {}
        self._starting: dict[tuple[str, int], dict[str, None]] = {}  # in the order of their starts
        self._leases: dict[str, tuple[Lease, float]] = {}
        self._marks: dict[str, float] = {}
        self._listeners = Listeners()

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        """Keep a checkpoint; see `Store.save`."""
        if lease is not None and not self._is_held(lease):
            raise LeaseLost(key=checkpoint.id)
        there = await self.load(checkpoint.id)
        if there is not None and there.version != version:
            raise StoreConflict(key=checkpoint.id, expected=version, found=there.version)
        return self._keep(Stored(checkpoint, version + 1), there).version

    async def claim(self, checkpoint: Checkpoint) -> Stored:
        """Give the live recording of a key, or make it; see `Store.claim`."""
        key = checkpoint.key or ""
        there = await self.load_by_key(key)
        if there is not None and there.checkpoint.is_live:
            return there
        self._by_key[key] = checkpoint.id
        return self._keep(Stored(checkpoint, 1), None)

    async def load(self, recording_id: str) -> Stored | None:
        """Read a checkpoint; see `Store.load`."""
        return self._unfinished.get(recording_id) or self._others.get(recording_id)

    async def load_by_key(self, key: str) -> Stored | None:
        """Read a checkpoint; see `Store.load_by_key`."""
        return await self.load(self._by_key.get(key, ""))

    async def load_by_sid(self, sid: str) -> Stored | None:
        """Read a checkpoint; see `Store.load_by_sid`."""
        return await self.load(self._by_sid.get(sid, ""))

    async def load_starting(self, cname: str, uid: int) -> tuple[Stored, ...]:
        """Read those that wait for their sid; see `Store.load_starting`."""
        return tuple(self._unfinished[each] for each in self._starting.get((cname, uid), ()))

    async def unfinished(self) -> AsyncGenerator[Stored]:
        """Go through what has begun and not ended; see `Store.unfinished`."""
        for stored in tuple(self._unfinished.values()):
            yield stored

    async def lease(self, recording_id: str, holder: str, *, seconds: float) -> Lease | None:
        """Take or renew a lease; see `Store.lease`."""
        now = self._clock.monotonic()
        lease, until = self._leases.get(recording_id, (None, 0.0))
        if lease is None or (lease.holder != holder and until <= now):
            token = 1 if lease is None else lease.token + 1
            lease = Lease(recording_id=recording_id, holder=holder, token=token)
        elif lease.holder != holder:
            return None
        self._leases[recording_id] = lease, now + seconds
        return lease

    async def release(self, lease: Lease) -> None:
        """Give a lease back; see `Store.release`."""
        if self._is_held(lease):
            self._leases[lease.recording_id] = lease, self._clock.monotonic()

    async def mark(self, keys: Iterable[str], *, seconds: float) -> None:
        """Remember texts; see `Store.mark`."""
        until = self._clock.monotonic() + seconds
        for key in keys:
            self._marks.pop(key, None)
            self._marks[key] = until
        while len(self._marks) > MARKS_KEPT:
            del self._marks[next(iter(self._marks))]

    async def is_marked(self, keys: Iterable[str]) -> bool:
        """Whether a text is remembered; see `Store.is_marked`."""
        now = self._clock.monotonic()
        return any(self._marks.get(key, now) > now for key in keys)

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Written]]:
        """Follow what is written; see `Store.changes`."""
        return self._listeners.follow()

    def _is_held(self, lease: Lease) -> bool:
        held, until = self._leases.get(lease.recording_id, (None, 0.0))
        return held == lease and until > self._clock.monotonic()

    def _keep(self, stored: Stored, before: Stored | None) -> Stored:
        checkpoint = stored.checkpoint
        if before is None or _has_moved(before.checkpoint, checkpoint):
            self._index(before, checkpoint)
        if checkpoint.is_unfinished:
            self._others.pop(checkpoint.id, None)
            self._unfinished[checkpoint.id] = stored
        else:
            self._unfinished.pop(checkpoint.id, None)
            self._others.pop(checkpoint.id, None)
            self._others[checkpoint.id] = stored
            while len(self._others) > self._kept:
                self._forget(next(iter(self._others)))
        self._listeners.tell(checkpoint.id, stored.version)
        return stored

    def _index(self, before: Stored | None, checkpoint: Checkpoint) -> None:
        """Keep a recording where callers and notifications will look for it."""
        if before is not None:
            self._leave_place(before.checkpoint)
        if checkpoint.key is not None:
            self._by_key.setdefault(checkpoint.key, checkpoint.id)  # a later claim is not undone
        if checkpoint.standing.sid is not None:
            self._by_sid[checkpoint.standing.sid] = checkpoint.id
        if checkpoint.standing.state is State.STARTING:
            self._starting.setdefault(_place(checkpoint), {})[checkpoint.id] = None

    def _leave_place(self, checkpoint: Checkpoint) -> None:
        """Take a recording that waited for its sid out of where its channel and uid have put it."""
        waiting = self._starting.get(_place(checkpoint), {})
        waiting.pop(checkpoint.id, None)
        if not waiting:
            self._starting.pop(_place(checkpoint), None)

    def _forget(self, recording_id: str) -> None:
        checkpoint = self._others.pop(recording_id).checkpoint
        for index, name in ((self._by_key, checkpoint.key), (self._by_sid, checkpoint.standing.sid)):
            if name is not None and index.get(name) == recording_id:
                del index[name]
        self._leases.pop(recording_id, None)


def _place(checkpoint: Checkpoint) -> tuple[str, int]:
    return checkpoint.cname, checkpoint.uid


def _has_moved(before: Checkpoint, after: Checkpoint) -> bool:
    """Whether a recording is found elsewhere now; not so after nearly every notification."""
    return before.standing is not after.standing or _place(before) != _place(after)
