"""What the library asks of a store: a place for what all workers must know, which outlives each of them.

The protocol is small so that others can write their own; `agora_rec.testing.StoreContract` tests it. A store
keeps the newest checkpoint of each recording under the recording's id, finds it also by what callers and
notifications say of it, and lets nobody write over a checkpoint that he hasn't seen. What it promises beside
that is narrow: one claim for each key, one lease for each recording, marks that go away by themselves.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final, Protocol, Self, runtime_checkable

from attrs import frozen

from agora_rec.store.checkpoint import Checkpoint


@frozen
class Stored:
    """A checkpoint as the store has it; `version` grows by one with each write."""

    checkpoint: Checkpoint
    version: int


@frozen(kw_only=True)
class Lease:
    """The right to look after a recording, which one holder has at a time, and only for a while.

    Attributes:
        recording_id: Which recording.
        holder: Who has it; a name that is chosen anew by each process.
        token: Grows each time that the lease passes to another holder: who has an older one has lost it.
    """

    recording_id: str
    holder: str
    token: int


@frozen
class Written:
    """News of a store: a recording has this version now, or a later one."""

    recording_id: str
    version: int


MISSED: Final = Written("", 0)
"""The news that something may have been missed: all recordings should be looked at."""


class Store(Protocol):
    """A place for checkpoints. All methods may raise the store's own errors; no start is sent then.

    A store must come to an end by itself, with an error of its own if it has to: a start or a stop waits for
    its checkpoint to be written, and so does closing the client. Time is the store's own, where several
    workers have to agree on it.
    """

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        """Write a checkpoint over the one that was read, and only over that one (compare-and-swap).

        Args:
            checkpoint: What is to be kept.
            version: The version that was read; 0 when the recording must not be there yet.
            lease: The writer's lease, if he writes only as long as it is his.

        Returns:
            The new version.

        Raises:
            StoreConflict: Somebody else has written in between.
            LeaseLost: The lease has passed to somebody else, or is over.
        """
        ...

    async def claim(self, checkpoint: Checkpoint) -> Stored:
        """Give the live recording of the checkpoint's key; if there is none, write the checkpoint as that.

        Atomic: of many workers that claim a key at once, one writes, and all get the same. Live is what
        `Checkpoint.is_live` says.
        """
        ...

    async def load(self, recording_id: str) -> Stored | None:
        """Read the newest checkpoint of a recording; None if the store doesn't know it."""
        ...

    async def load_by_key(self, key: str) -> Stored | None:
        """Read the newest checkpoint of the recording that was claimed last under this key, ended or not."""
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

    async def lease(self, recording_id: str, holder: str, *, seconds: float) -> Lease | None:
        """Take the lease of a recording, or renew one's own, for so many seconds from now.

        Returns:
            The lease; None if somebody else has it.
        """
        ...

    async def release(self, lease: Lease) -> None:
        """Give a lease back before its time; nothing happens if it has passed to somebody else."""
        ...

    async def mark(self, keys: Iterable[str], *, seconds: float) -> None:
        """Remember these texts for so many seconds; a store may forget the oldest ones earlier, by number."""
        ...

    async def is_marked(self, keys: Iterable[str]) -> bool:
        """Whether one of these texts is remembered."""
        ...

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Written]]:
        """Follow what is written, here and by other workers, while the block runs.

        The iterator gives each recording that was written since the block began, as soon as it can, several
        writes of one recording perhaps as one; and `MISSED` where it can't know. It ends when the store is
        closed.
        """
        ...


@runtime_checkable
class SharedStore(Store, Protocol):
    """A store that has to be opened, as those are that several processes share: an async context manager.

    A client that is given one that is not open opens it in its own `__aenter__` and closes it last in its own
    `__aexit__`.
    """

    @property
    def is_open(self) -> bool:
        """Whether it is open."""
        ...

    async def __aenter__(self) -> Self:
        """Open it: look for the server or the file, and make what is missing there.

        Raises:
            StoreTooNew: A newer version of this library has written there.
        """
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it. Whoever waits for it still must not wait for ever."""
        ...
