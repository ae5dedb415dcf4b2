"""Stores with a mistake, each breaking one guarantee: a trial that doesn't notice is worth nothing."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

from attrs import define, field

from agora_rec import Checkpoint
from agora_rec.store import Lease, SharedStore, Store, Stored
from agora_rec.vocabulary import State
from tests.support.stores import HandingOn


@define(eq=False)
class Opening(HandingOn):
    """A store in front of one that is opened with it."""

    inner: Store = field(kw_only=False)
    is_open: bool = field(default=False, init=False)
    _own: AsyncExitStack = field(factory=AsyncExitStack, init=False)

    async def __aenter__(self) -> Self:
        assert isinstance(self.inner, SharedStore)
        await self._own.enter_async_context(self.inner)
        self.is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.is_open = False
        await self._own.__aexit__(kind, error, traceback)


class NoWriteAhead(Opening):
    """A start is not written down before it is sent."""

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        if checkpoint.standing.state is State.STARTING:
            return version
        return await super().save(checkpoint, version=version, lease=lease)


class NoClaim(Opening):
    """Whoever claims a key gets a recording of his own."""

    async def claim(self, checkpoint: Checkpoint) -> Stored:
        return Stored(checkpoint, await super().save(checkpoint, version=0))


class NoCompare(Opening):
    """What another worker has written in between is written over."""

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        there = await self.load(checkpoint.id)
        known = 0 if there is None else there.version
        return await super().save(checkpoint, version=known, lease=lease)


class NoSid(Opening):
    """No recording is found by its sid, so what the service says of it is lost."""

    async def load_by_sid(self, sid: str) -> Stored | None:
        return None


MISTAKES: Final[Mapping[str, Callable[[SharedStore], SharedStore]]] = {
    "no-write-ahead": NoWriteAhead,
    "no-claim": NoClaim,
    "no-compare": NoCompare,
    "no-sid": NoSid,
}


def spoilt(store: SharedStore, mistake: str | None) -> SharedStore:
    """The store with that mistake; without one, the store itself."""
    return MISTAKES[mistake](store) if mistake else store
