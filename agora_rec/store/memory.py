"""The store that a client has by itself: checkpoints in this process's memory, gone with it."""

from collections.abc import AsyncGenerator
from typing import Final

from agora_rec.errors import StoreConflict
from agora_rec.store.checkpoint import Checkpoint
from agora_rec.store.protocol import Stored

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

    async def save(self, checkpoint: Checkpoint, *, version: int) -> int:
        """Keep a checkpoint; see `Store.save`."""
        there = await self.load(checkpoint.id)
        if there is not None and there.version != version:
            raise StoreConflict(key=checkpoint.id, expected=version, found=there.version)
        stored = Stored(checkpoint, version + 1)
        if checkpoint.is_unfinished:
            self._others.pop(checkpoint.id, None)
            self._unfinished[checkpoint.id] = stored
        else:
            self._unfinished.pop(checkpoint.id, None)
            self._others.pop(checkpoint.id, None)
            self._others[checkpoint.id] = stored
            while len(self._others) > self._kept:
                del self._others[next(iter(self._others))]
        return stored.version

    async def load(self, recording_id: str) -> Stored | None:
        """Read a checkpoint; see `Store.load`."""
        return self._unfinished.get(recording_id) or self._others.get(recording_id)

    async def unfinished(self) -> AsyncGenerator[Stored]:
        """Go through what has begun and not ended; see `Store.unfinished`."""
        for stored in tuple(self._unfinished.values()):
            yield stored
