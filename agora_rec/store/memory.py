"""The store that a client has by itself: checkpoints in this process's memory, gone with it."""

from collections.abc import AsyncIterator
from typing import Final

from agora_rec.errors import StoreConflict
from agora_rec.store.checkpoint import Checkpoint
from agora_rec.store.protocol import Stored

ENDED_KEPT: Final = 1000
"""How many recordings that have ended a `MemoryStore` remembers; the oldest are forgotten first."""


class MemoryStore:
    """Checkpoints in memory: enough for one process that needn't survive its own death.

    Several clients of one process may share one. It holds every recording that hasn't ended, and the last
    `ended_kept` that have.
    """

    def __init__(self, *, ended_kept: int = ENDED_KEPT) -> None:
        self._ended_kept = ended_kept
        self._stored: dict[str, Stored] = {}
        self._ended: dict[str, None] = {}

    async def save(self, checkpoint: Checkpoint, *, version: int) -> int:
        """Keep a checkpoint; see `Store.save`."""
        there = self._stored.get(checkpoint.id)
        found = there.version if there else 0
        if found != version:
            raise StoreConflict(key=checkpoint.id, expected=version, found=found)
        self._stored[checkpoint.id] = Stored(checkpoint, version + 1)
        if checkpoint.standing.state.is_end:
            self._ended[checkpoint.id] = None
            while len(self._ended) > self._ended_kept:
                oldest = next(iter(self._ended))
                del self._ended[oldest], self._stored[oldest]
        return version + 1

    async def load(self, recording_id: str) -> Stored | None:
        """Read a checkpoint; see `Store.load`."""
        return self._stored.get(recording_id)

    async def unfinished(self) -> AsyncIterator[Stored]:
        """Go through what has begun and not ended; see `Store.unfinished`."""
        for stored in tuple(self._stored.values()):
            if stored.checkpoint.is_unfinished:
                yield stored
