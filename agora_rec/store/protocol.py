"""What the library asks of a store: a place for checkpoints that outlives a call, and perhaps the process.

The protocol is small so that others can write their own. A store keeps the newest checkpoint of each
recording under the recording's id, finds it also by what notifications say of it, and lets nobody write over
a checkpoint that he hasn't seen.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from attrs import frozen

from agora_rec.store.checkpoint import Checkpoint


@frozen
class Stored:
    """A checkpoint as the store has it; `version` grows by one with each write."""

    checkpoint: Checkpoint
    version: int


class Store(Protocol):
    """A place for checkpoints. All methods may raise the store's own errors; nothing is sent then.

    A store must come to an end by itself, with an error of its own if it has to: a start or a stop waits for
    its checkpoint to be written, and so does closing the client.
    """

    async def save(self, checkpoint: Checkpoint, *, version: int) -> int:
        """Write a checkpoint over the one that was read, and only over that one (compare-and-swap).

        Args:
            checkpoint: What is to be kept.
            version: The version that was read; 0 when the recording must not be there yet.

        Returns:
            The new version.

        Raises:
            StoreConflict: Somebody else has written in between.
        """
        ...

    async def load(self, recording_id: str) -> Stored | None:
        """Read the newest checkpoint of a recording; None if the store doesn't know it."""
        ...

    async def load_by_sid(self, sid: str) -> Stored | None:
        """Read the newest checkpoint of the recording that the service knows by this sid, ended or not."""
        ...

    async def load_starting(self, cname: str, uid: int) -> Sequence[Stored]:
        """Read those in STARTING under this channel and uid: the start was sent, the sid isn't known."""
        ...

    def unfinished(self) -> AsyncGenerator[Stored]:
        """Go through the recordings that have begun and not ended, in the order in which they began.

        Whoever leaves early closes it (`contextlib.aclosing`).
        """
        ...
