"""`SQLiteStore`: the store for several processes on one machine. Only what users hold stands here."""

import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from re import fullmatch
from types import TracebackType
from typing import Final, Self, TypeVar, cast

import anyio
from anyio.abc import TaskGroup

from agora_rec.clock import Clock, SystemClock
from agora_rec.errors import InvalidRequest, Violation
from agora_rec.store.checkpoint import Checkpoint
from agora_rec.store.protocol import Lease, Stored, Written
from agora_rec.store.reading import readable
from agora_rec.store.sqlite import rows
from agora_rec.store.sqlite.database import READ, WRITE, Database, Session
from agora_rec.store.sqlite.following import Following
from agora_rec.store.sqlite.schema import Schema, Synchronous
from agora_rec.transport.spans import wrong_span

T = TypeVar("T")

logger: Final = logging.getLogger("agora_rec")

KEPT: Final = 10_000
"""How many recordings of which nothing runs a `SQLiteStore` remembers."""

_NOT_OPEN: Final = (
    "the store is not open: use 'async with SQLiteStore(...) as store', or let a client open it"
)
_A_FILE: Final = "the path of a file that the processes share; for memory there is MemoryStore"


class SQLiteStore:
    """Checkpoints in one SQLite file that all processes of one machine share.

    The file is made when the store opens, with permissions for its owner only, and so are the tables. SQLite
    keeps two more files beside it (`-wal`, `-shm`). It must lie on a disk of the machine, not on a network's.
    Calls wait for other processes in the event loop, never in the loop's way; each then takes it for a
    fraction of a millisecond. There are no threads.

    It holds every recording that is unfinished, and of the others (ended, or not begun) the last `kept` that
    were written (and up to a hundredth more). Leases and marks go by the machine's clock. If that is put
    forward they end early; if it is put back, a lease lasts at most twice as long as it was taken for.

    An async context manager. A client that is given one that is not open opens it, and closes it with itself;
    one that is open can be shared by several clients on the same event loop. Each process opens its own.

    Args:
        path: The file; its directory must be there.
        timeout: Seconds for which a call waits for other processes, above 0; then it is `StoreUnavailable`.
        synchronous: What a write waits for: with `NORMAL` a machine that dies may lose the last seconds'
            writes, with `FULL` it loses none, and each write waits for the disk.
        kept: How many of which nothing runs are remembered, 1 or more.
        prefix: What the tables' names begin with, where the file holds other tables as well.
        clock: Where time comes from; the machine's by default.

    Raises:
        InvalidRequest: Arguments are wrong; names all of them.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        timeout: float = 5.0,
        synchronous: Synchronous = Synchronous.NORMAL,
        kept: int = KEPT,
        prefix: str = "agora_rec",
        clock: Clock | None = None,
    ) -> None:
        _check(path, timeout, synchronous, kept, prefix)
        self.path: Path = Path(path).absolute()
        self.timeout = timeout
        self.synchronous = synchronous
        self.kept = kept
        self._forget_every = max(1, kept // 100)
        self._clock: Clock = SystemClock() if clock is None else clock
        self._database = Database(self.path, Schema(prefix, synchronous), timeout, self._clock)
        self._following: Following | None = None
        self._group: TaskGroup | None = None

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self.path)!r}, synchronous={self.synchronous.name}, is_open={self.is_open})"

    @property
    def is_open(self) -> bool:
        """Whether it is open."""
        return self._following is not None

    async def __aenter__(self) -> Self:
        """Open it: make the file and the tables, where they are missing.

        Raises:
            RuntimeError: It is open already.
            StoreTooNew: A newer version of this library has been there; nothing was changed.
            StoreUnavailable: The file can't be made or used.
        """
        if self.is_open:
            raise RuntimeError("the store is open already")
        await self._database.open()
        group = anyio.create_task_group()
        await group.__aenter__()
        self._following = Following(self._database)
        self._group = group
        group.start_soon(self._following.run, name="agora_rec: what others write")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it. Whoever waits for other processes gets `StoreUnavailable`, and whoever follows an end."""
        group, following = self._group, self._following
        self._group = self._following = None
        self._database.close()
        if group is not None and following is not None:
            following.end()
            group.cancel_scope.cancel()
            await group.__aexit__(None, None, None)

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        """Keep a checkpoint; see `Store.save`."""

        def work(session: Session) -> rows.Change:
            return self._kept(session, rows.save(session, checkpoint, version, lease, self._now()))

        change = await self._run(WRITE, work)
        return self._wrote(change).version

    async def claim(self, checkpoint: Checkpoint) -> Stored:
        """Give the live recording of a key, or make it; see `Store.claim`."""

        def work(session: Session) -> rows.Row | rows.Change:
            found = rows.claim(session, checkpoint)
            return found if isinstance(found, rows.Row) else self._kept(session, found)

        found = await self._run(WRITE, work)
        return (
            found.stored() if isinstance(found, rows.Row) else Stored(checkpoint, self._wrote(found).version)
        )

    async def load(self, recording_id: str) -> Stored | None:
        """Read a checkpoint; see `Store.load`."""
        return await self._first(rows.BY_ID, id=recording_id)

    async def load_by_key(self, key: str) -> Stored | None:
        """Read a checkpoint; see `Store.load_by_key`."""
        return await self._first(rows.BY_KEY, key=key)

    async def load_by_sid(self, sid: str) -> Stored | None:
        """Read a checkpoint; see `Store.load_by_sid`."""
        return await self._first(rows.BY_SID, sid=sid)

    async def load_starting(self, cname: str, uid: int) -> tuple[Stored, ...]:
        """Read those that wait for their sid; see `Store.load_starting`.

        What can't be read is logged, and hides none of the others.
        """
        return tuple(readable(await self._find(rows.STARTING, cname=cname, uid=uid)))

    async def unfinished(self) -> AsyncGenerator[Stored]:
        """Go through what has begun and not ended; see `Store.unfinished`.

        Each is read when its turn comes. What can't be read is logged, and hides none of the others.
        """
        after, last = 0, await self._run(READ, lambda session: session.first(rows.LAST_BEGUN)[0])
        while found := await self._find(rows.UNFINISHED, after=after, last=last):
            after = found[0].began
            for stored in readable(found):
                yield stored

    async def lease(self, recording_id: str, holder: str, *, seconds: float) -> Lease | None:
        """Take or renew a lease; see `Store.lease`."""
        return await self._run(
            WRITE, lambda session: rows.take(session, recording_id, holder, seconds, self._now())
        )

    async def release(self, lease: Lease) -> None:
        """Give a lease back; see `Store.release`."""
        await self._run(WRITE, lambda session: rows.give_back(session, lease, self._now()))

    async def mark(self, keys: Iterable[str], *, seconds: float) -> None:
        """Remember texts; see `Store.mark`."""
        texts, now = tuple(keys), self._now()
        await self._run(WRITE, lambda session: rows.mark(session, texts, now + seconds, now))

    async def is_marked(self, keys: Iterable[str]) -> bool:
        """Whether a text is remembered; see `Store.is_marked`."""
        texts, now = tuple(keys), self._now()
        return await self._run(READ, lambda session: rows.is_marked(session, texts, now))

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Written]]:
        """Follow what is written, by other processes within a quarter of a second; see `Store.changes`."""
        return self._open().follow()

    def _open(self) -> Following:
        if self._following is None:
            raise RuntimeError(_NOT_OPEN)
        return self._following

    async def _run(self, begin: str, work: Callable[[Session], T]) -> T:
        self._open()
        return await self._database.run(begin, work)

    def _now(self) -> float:
        """The machine's clock, which its processes share."""
        return self._clock.now().timestamp()

    def _kept(self, session: Session, change: rows.Change) -> rows.Change:
        """Forget the oldest, once in a while."""
        if change.number % self._forget_every == 0:
            rows.forget(session, self.kept)
        return change

    def _wrote(self, change: rows.Change) -> Written:
        """Tell of a write that is done."""
        self._open().wrote(change)
        return change.written

    async def _find(self, statement: str, **values: str | int) -> list[rows.Row]:
        return await self._run(READ, lambda session: rows.find(session, statement, **values))

    async def _first(self, statement: str, **values: str) -> Stored | None:
        found = await self._find(statement, **values)
        return found[0].stored() if found else None


def _check(path: object, timeout: object, synchronous: object, kept: object, prefix: object) -> None:
    """Refuse what can't be used.

    Raises:
        InvalidRequest: With every fault.
    """
    faults: list[Violation] = []
    if not _is_path(path):
        faults.append(Violation("path", repr(path)[:100], _A_FILE))
    faults += wrong_span("timeout", timeout, above=True)
    if not isinstance(synchronous, Synchronous):
        faults.append(Violation("synchronous", repr(synchronous)[:100], "a Synchronous"))
    if not (isinstance(kept, int) and not isinstance(kept, bool) and kept >= 1):
        faults.append(Violation("kept", repr(kept)[:100], "a whole number of recordings, 1 or more"))
    if not (isinstance(prefix, str) and fullmatch(r"(?!sqlite_)[a-z_][a-z0-9_]{0,59}", prefix)):
        rule = "small letters, digits and underscores, 60 at most; not sqlite_, and no digit first"
        faults.append(Violation("prefix", repr(prefix)[:100], rule))
    if faults:
        raise InvalidRequest(tuple(faults))


def _is_path(path: object) -> bool:
    """Whether it names a file; SQLite takes some names for its memory, and some for URIs with options."""
    if not isinstance(path, str | os.PathLike):
        return False
    text = os.fspath(cast("str | bytes | os.PathLike[str]", path))
    if isinstance(text, bytes):
        return False
    return text != "" and "\0" not in text and not text.startswith((":memory:", "file:"))
