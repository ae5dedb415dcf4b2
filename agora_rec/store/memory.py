"""The store that a client has by itself: checkpoints in this process's memory, gone with it."""

from collections.abc import AsyncGenerator
from typing import Final

from agora_rec.errors import StoreConflict
from agora_rec.store.checkpoint import Checkpoint
from agora_rec.store.protocol import Stored
from agora_rec.vocabulary import State

KEPT: Final = 1000
"""How many recordings of which nothing runs a `MemoryStore` remembers; the oldest are forgotten first."""


class MemoryStore:
    """Checkpoints in memory: enough for one process that needn't survive its own death.

    Several clients of one process may share one. It holds every recording that is unfinished, and of the
    others (ended, or not begun) the last `kept` that were written. What was forgotten may be written again.
    """

    def __init__(self, *, kept: int = KEPT) -> None:
        self._kept = kept
        self._unfinished: dict[str, Stored] = {}
        self._others: dict[str, Stored] = {}
        self._by_sid: dict[str, str] = {}
        self._starting: dict[tuple[str, int], set[str]] = {}

    async def save(self, checkpoint: Checkpoint, *, version: int) -> int:
        """Keep a checkpoint; see `Store.save`."""
        there = await self.load(checkpoint.id)
        if there is not None and there.version != version:
            raise StoreConflict(key=checkpoint.id, expected=version, found=there.version)
        stored = Stored(checkpoint, version + 1)
        self._index(there, stored)
        if checkpoint.is_unfinished:
            self._others.pop(checkpoint.id, None)
            self._unfinished[checkpoint.id] = stored
        else:
            self._unfinished.pop(checkpoint.id, None)
            self._others.pop(checkpoint.id, None)
            self._others[checkpoint.id] = stored
            while len(self._others) > self._kept:
                self._forget(self._others.pop(next(iter(self._others))))
        return stored.version

    async def load(self, recording_id: str) -> Stored | None:
        """Read a checkpoint; see `Store.load`."""
        return self._unfinished.get(recording_id) or self._others.get(recording_id)

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

    def _index(self, before: Stored | None, after: Stored) -> None:
        """Keep the recording where notifications will look for it."""
        checkpoint = after.checkpoint
        if before is not None:
            known = before.checkpoint
            if known.standing is checkpoint.standing and known.uid == checkpoint.uid:
                return  # as after nearly every notification
            self._forget(before)
        if checkpoint.standing.sid is not None:
            self._by_sid[checkpoint.standing.sid] = checkpoint.id
        if checkpoint.standing.state is State.STARTING:
            self._starting.setdefault(_place(checkpoint), set()).add(checkpoint.id)

    def _forget(self, stored: Stored) -> None:
        """Take it out of the indexes."""
        checkpoint = stored.checkpoint
        if self._by_sid.get(checkpoint.standing.sid or "") == checkpoint.id:
            del self._by_sid[checkpoint.standing.sid or ""]
        waiting = self._starting.get(_place(checkpoint), set())
        waiting.discard(checkpoint.id)
        if not waiting:
            self._starting.pop(_place(checkpoint), None)


def _place(checkpoint: Checkpoint) -> tuple[str, int]:
    return checkpoint.cname, checkpoint.uid
