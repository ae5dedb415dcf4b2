"""`RedisStore`: the store that all workers share through a Redis or Valkey server.

Only what users hold stands here: arguments, opening and closing, and each of a store's methods as a question
to the server. How the server is spoken with stands in `over_redis`, what it does in `redis.lua`.
"""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import uuid4

import anyio
from anyio.abc import TaskGroup

from agora_rec.clock import Clock, SystemClock
from agora_rec.errors import InvalidRequest, LeaseLost, StoreConflict, Violation
from agora_rec.redis.address import RULE, is_address, shown
from agora_rec.secret import Secret
from agora_rec.store.checkpoint import Checkpoint
from agora_rec.store.listening import Listeners
from agora_rec.store.protocol import Lease, Stored, Written
from agora_rec.store.reading import Kept, readable
from agora_rec.transport.spans import LONGEST, is_finite, wrong_span
from agora_rec.vocabulary import State

if TYPE_CHECKING:
    from agora_rec.store.over_redis import Server

logger: Final = logging.getLogger("agora_rec")

KEPT: Final = 7 * 86_400.0
"""Seconds for which a `RedisStore` keeps a recording of which nothing runs."""

TIMEOUT: Final = 5.0
"""Seconds within which a `RedisStore` must have its answer."""

PAGE: Final = 100
"""How many checkpoints are read at once where all are gone through."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NOT_OPEN: Final = "the store is not open: use 'async with RedisStore(...) as store', or let a client open it"
_MISSING: Final = "RedisStore needs coredis: pip install 'agora-rec[redis]'"


class RedisStore:
    """Checkpoints on a Redis or Valkey server, for as many workers and machines as there are.

    What must be one step is one script there; leases and marks end by the server's clock. What one worker
    writes, those who follow `changes` hear of at once. All keys begin with `{prefix}:`. A cluster can't be
    used, nor a replica that can't be written to; what the server must be set to says the page on stores.

    An async context manager. A client that is given one that is not open opens it, and closes it with itself;
    one that is open can be shared by several clients on the same event loop. It has two connections at most:
    one for all questions, and one for news as soon as somebody follows them. Those that are lost are made
    anew; a question waits for that, as long as `timeout` allows.

    Args:
        url: The server: `redis://`, `rediss://` or `unix://`, as coredis reads it.
        prefix: What all keys begin with; those who share a store have the same.
        kept: Seconds for which a recording of which nothing runs (ended, or not begun) is kept after its last
            write, 1 or more; one that is unfinished is kept until it ends.
        timeout: Seconds within which each call ends, above 0.
        clock: Where time comes from, for `timeout`; the event loop's by default.

    Raises:
        InvalidRequest: Arguments are wrong; names all of them.
        ImportError: The `redis` extra is not installed.
    """

    def __init__(
        self,
        url: str | Secret,
        *,
        prefix: str = "agora_rec",
        kept: float = KEPT,
        timeout: float = TIMEOUT,
        clock: Clock | None = None,
    ) -> None:
        url = Secret(url)
        _check(url, prefix, kept, timeout)
        self.prefix = prefix
        self.kept = kept
        self.timeout = timeout
        self._url = url
        self._where = shown(url)
        self._clock: Clock = SystemClock() if clock is None else clock
        self._make_server = _server()
        self._listeners = Listeners()
        self._group: TaskGroup | None = None
        self._server: Server | None = None

    def __repr__(self) -> str:
        return (
            f"RedisStore({self._where!r}, prefix={self.prefix!r}, kept={self.kept}, timeout={self.timeout}, "
            f"is_open={self.is_open})"
        )

    @property
    def is_open(self) -> bool:
        """Whether it is open."""
        return self._server is not None

    async def __aenter__(self) -> Self:
        """Open it: connect to the server.

        Raises:
            RuntimeError: It is open already.
            StoreUnavailable: The server can't be reached in time, or can't be used.
            StoreTooNew: A newer version of this library has written there.
        """
        if self._group is not None:
            raise RuntimeError("the store is open already")
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._server = self._make_server(
            self._group,
            self._url,
            where=self._where,
            base=f"{{{self.prefix}}}:",
            timeout=self.timeout,
            clock=self._clock,
            hear=self._hear,
        )
        try:
            await self._server.ask("open")
            await self._server.warn()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections. Whoever still waits for an answer gets `StoreUnavailable`."""
        group, server = self._group, self._server
        self._group = self._server = None
        if group is not None and server is not None:
            server.close()
            group.cancel_scope.cancel()
            self._listeners.end()
            await group.__aexit__(None, None, None)

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        """Keep a checkpoint; see `Store.save`."""
        holder, token = ("", 0) if lease is None else (lease.holder, lease.token)
        word, *found = await self._ask("save", *self._entry(checkpoint), version, _raw(holder), token)
        if word == b"lost":
            raise LeaseLost(key=checkpoint.id)
        if word == b"conflict":
            raise StoreConflict(key=checkpoint.id, expected=version, found=found[0])
        return int(found[0])

    async def claim(self, checkpoint: Checkpoint) -> Stored:
        """Give the live recording of a key, or make it; see `Store.claim`."""
        word, *found = await self._ask("claim", *self._entry(checkpoint))
        if word == b"written":
            return Stored(checkpoint, found[0])
        (kept,) = _kept(found)
        return kept.stored()

    async def load(self, recording_id: str) -> Stored | None:
        """Read a checkpoint; see `Store.load`."""
        return _one(await self._ask("load", _raw(recording_id)))

    async def load_by_key(self, key: str) -> Stored | None:
        """Read a checkpoint; see `Store.load_by_key`."""
        return _one(await self._ask("look_up", _raw(f"key:{key}")))

    async def load_by_sid(self, sid: str) -> Stored | None:
        """Read a checkpoint; see `Store.load_by_sid`."""
        return _one(await self._ask("look_up", _raw(f"sid:{sid}")))

    async def load_starting(self, cname: str, uid: int) -> tuple[Stored, ...]:
        """Read those that wait for their sid; see `Store.load_starting`."""
        _, *found = await self._ask("load_starting", _raw(_place(cname, uid)))
        return tuple(readable(_kept(found)))

    async def unfinished(self) -> AsyncGenerator[Stored]:
        """Go through what has begun and not ended; see `Store.unfinished`.

        Which recordings those are is asked once, at the beginning: what begins later isn't among them. Their
        checkpoints are read in pages, each as it is by then; what has ended by then is left out.
        """
        _, *names = await self._ask("list_unfinished")
        for first in range(0, len(names), PAGE):
            _, *found = await self._ask("load_unfinished", *names[first : first + PAGE])
            for stored in readable(_kept(found)):
                yield stored

    async def lease(self, recording_id: str, holder: str, *, seconds: float) -> Lease | None:
        """Take or renew a lease; see `Store.lease`."""
        word, *found = await self._ask("lease", _raw(recording_id), _raw(holder), _milliseconds(seconds))
        return Lease(recording_id=recording_id, holder=holder, token=found[0]) if word == b"leased" else None

    async def release(self, lease: Lease) -> None:
        """Give a lease back; see `Store.release`."""
        await self._ask("release", _raw(lease.recording_id), _raw(lease.holder), lease.token)

    async def mark(self, keys: Iterable[str], *, seconds: float) -> None:
        """Remember texts; see `Store.mark`."""
        await self._ask("mark", _milliseconds(seconds), *map(_raw, keys))

    async def is_marked(self, keys: Iterable[str]) -> bool:
        """Whether a text is remembered; see `Store.is_marked`."""
        (word,) = await self._ask("is_marked", *map(_raw, keys))
        return bool(word == b"yes")

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[Written]]:
        """Follow what is written; see `Store.changes`.

        While there is no connection nothing is heard, and afterwards `MISSED`.

        Raises:
            StoreUnavailable: The server can't be reached in time.
        """
        async with self._listeners.follow() as listening:
            await self._opened().follow()
            yield listening

    def _opened(self) -> "Server":
        if self._server is None:
            raise RuntimeError(_NOT_OPEN)
        return self._server

    async def _ask(self, command: str, *arguments: bytes | int) -> list[Any]:
        return await self._opened().ask(command, *arguments)

    def _hear(self, message: bytes | None) -> None:
        """Pass on what came in the channel, VERSION:ID; None: something may have been missed."""
        if message is None:
            self._listeners.tell_of_a_gap()
            return
        version, _, recording_id = message.partition(b":")
        self._listeners.tell(_text(recording_id), int(version))

    def _entry(self, checkpoint: Checkpoint) -> tuple[bytes | int, ...]:
        """A checkpoint with what it is found by, as the script takes it; empty: not to be found by that."""
        standing = checkpoint.standing
        begun = standing.start_sent_at or standing.acquired_at or checkpoint.saved_at
        is_starting = standing.state is State.STARTING
        return (
            _raw(checkpoint.id),
            _raw(checkpoint.to_json()),
            uuid4().hex.encode(),
            int(checkpoint.is_live),
            _raw(checkpoint.key or ""),
            _raw(standing.sid or ""),
            _raw(_place(checkpoint.cname, checkpoint.uid) if is_starting else ""),
            (begun - _EPOCH) // _MICROSECOND if checkpoint.is_unfinished else b"",
            _milliseconds(self.kept),
        )


def _raw(text: str) -> bytes:
    """Any text as bytes, half a surrogate pair included: what comes from outside may be anything."""
    return text.encode(errors="surrogatepass")


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogatepass")


def _place(cname: str, uid: int) -> str:
    return f"{uid}:{cname}"


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _one(answer: list[Any]) -> Stored | None:
    _, *found = answer
    return next((kept.stored() for kept in _kept(found)), None)


def _kept(found: list[bytes]) -> Iterator[Kept]:
    """Recordings as the server has them: id, checkpoint and version of each."""
    for first in range(0, len(found), 3):
        recording_id, text, version = found[first : first + 3]
        yield Kept(_text(recording_id), version, text)


def _server() -> "type[Server]":
    try:
        from agora_rec.store.over_redis import Server  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ImportError(_MISSING) from error
    return Server


def _check(url: Secret, prefix: object, kept: object, timeout: object) -> None:
    """Refuse what can't be used.

    Raises:
        InvalidRequest: With every fault.
    """
    faults: list[Violation] = []
    if not is_address(url):
        faults.append(Violation("url", shown(url), RULE))
    if not (isinstance(prefix, str) and prefix and prefix.isprintable() and not set(prefix) & set("{}")):
        faults.append(Violation("prefix", repr(prefix)[:100], "a text that is not empty, without braces"))
    if not (is_finite(kept) and 1 <= kept <= LONGEST):
        faults.append(Violation("kept", repr(kept)[:100], f"seconds, from 1 to {LONGEST:g}"))
    faults += wrong_span("timeout", timeout, above=True)
    if faults:
        raise InvalidRequest(tuple(faults))
