"""Stores for tests: one that hands everything on, to be spoilt where a test wants it."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager

from attrs import define, field

from agora_rec import Checkpoint, MemoryStore
from agora_rec.store import Lease, Store, Stored, Written


@define(eq=False)
class HandingOn:
    """A store in front of another one."""

    inner: Store = field(factory=MemoryStore)

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        return await self.inner.save(checkpoint, version=version, lease=lease)

    async def claim(self, checkpoint: Checkpoint) -> Stored:
        return await self.inner.claim(checkpoint)

    async def load(self, recording_id: str) -> Stored | None:
        return await self.inner.load(recording_id)

    async def load_by_key(self, key: str) -> Stored | None:
        return await self.inner.load_by_key(key)

    async def load_by_sid(self, sid: str) -> Stored | None:
        return await self.inner.load_by_sid(sid)

    async def load_starting(self, cname: str, uid: int) -> Sequence[Stored]:
        return await self.inner.load_starting(cname, uid)

    async def unfinished(self) -> AsyncGenerator[Stored]:
        async for stored in self.inner.unfinished():
            yield stored

    async def lease(self, recording_id: str, holder: str, *, seconds: float) -> Lease | None:
        return await self.inner.lease(recording_id, holder, seconds=seconds)

    async def release(self, lease: Lease) -> None:
        await self.inner.release(lease)

    async def mark(self, keys: Iterable[str], *, seconds: float) -> None:
        await self.inner.mark(keys, seconds=seconds)

    async def is_marked(self, keys: Iterable[str]) -> bool:
        return await self.inner.is_marked(keys)

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Written]]:
        return self.inner.changes()
