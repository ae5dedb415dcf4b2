"""`PostgresStore`: what users hold. Arguments, opening and closing, and what each method asks stand here."""

import json
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

import anyio
from anyio.abc import TaskGroup
from attrs import define

from agora_rec.errors import InvalidRequest, LeaseLost, StoreConflict, StoreUnavailable, Violation
from agora_rec.errors.text import escaped
from agora_rec.secret import Secret, hide
from agora_rec.store.checkpoint import Checkpoint
from agora_rec.store.postgres.link import RULE, Place, Row, Value
from agora_rec.store.postgres.listener import Listener
from agora_rec.store.postgres.names import (
    RULE_OF_PREFIX,
    RULE_OF_SCHEMA,
    Names,
    is_prefix,
    is_schema,
    storable,
)
from agora_rec.store.postgres.pool import Pool
from agora_rec.store.postgres.schema import prepare
from agora_rec.store.postgres.server import Server, within
from agora_rec.store.protocol import Lease, Stored, Written
from agora_rec.store.reading import Kept, readable
from agora_rec.transport.spans import wrong_span

logger: Final = logging.getLogger("agora_rec")

KEPT: Final = 7 * 24 * 3600.0
"""Seconds for which recordings of which nothing runs are kept: a week."""

MARKS_KEPT: Final = 100_000
"""How many marks are kept at most; the oldest are forgotten first, once a minute."""

SWEPT_EVERY: Final = 60.0
"""Seconds between two looks for what has been kept long enough."""

_LONGEST_PATIENCE: Final = 2**31 - 1
"""Milliseconds: the server counts them in 32 bits."""
_PAGE: Final = 100
_SWEPT_AT_ONCE: Final = 1000  # as the function on the server does it
_MISSING: Final = "PostgresStore needs psycopg: pip install 'agora-rec[postgres]'"
_NOT_OPEN: Final = (
    "the store is not open: use 'async with PostgresStore(...) as store', or let a client open it"
)


@define(eq=False)
class _Open:
    """What an open store has."""

    group: TaskGroup
    server: Server
    listener: Listener


class PostgresStore:
    """Checkpoints in a PostgreSQL database (12 or later), for workers on any number of machines.

    The tables are made when a store opens, in a schema of their own, and brought up to date by newer
    versions of this library. Time, for leases and marks, is the server's. Every call is one transaction
    on the server, in one round trip, on one of a few connections; a call that gets no answer in time raises
    `StoreUnavailable`, and the next one connects anew. Collisions with other workers (serialization failures,
    deadlocks) are tried again. Whoever follows `changes()` hears of them through LISTEN/NOTIFY.

    An async context manager. A client that is given one that is not open opens it, and closes it with itself;
    one that is open can be shared by several clients on the same event loop.

    Args:
        url: The server, as libpq reads it: `postgresql://user:password@host:port/database?sslmode=verify-full`.
            Several hosts are tried in turn. Passwords may come from the environment or a password file too.
        schema: The schema for the tables; made if it is not there.
        prefix: What the tables' names begin with, for a schema that others use as well.
        listen_url: The server itself, where `url` leads to a pooler in transaction mode (PgBouncer): LISTEN
            needs a session of its own. Without it `changes()` says `MISSED` every few seconds there.
        connections: How many connections there are at most, 1 or more, beside the one that listens.
        timeout: Seconds for one call in all, above 0.
        kept: Seconds for which a recording of which nothing runs is kept after it was written last;
            unfinished ones are kept always.

    Raises:
        InvalidRequest: Arguments are wrong; names all of them.
        ImportError: The `postgres` extra is not installed.
    """

    def __init__(
        self,
        url: str | Secret,
        *,
        schema: str = "agora_rec",
        prefix: str = "",
        listen_url: str | Secret | None = None,
        connections: int = 5,
        timeout: float = 5.0,
        kept: float = KEPT,
    ) -> None:
        url, listen_url = Secret(url), hide(listen_url)
        self._place = _place(url)
        self._listen_place = self._place if listen_url is None else _place(listen_url)
        _check(
            place=self._place,
            listen_place=self._listen_place,
            schema=schema,
            prefix=prefix,
            connections=connections,
            timeout=timeout,
            kept=kept,
        )
        self.connections = connections
        self.timeout = timeout
        self.kept = kept
        self._names = Names(schema, prefix)
        # The server gives up waiting for another's lock before we give up waiting for the server.
        self._patience = f"{min(math.ceil(timeout * 900), _LONGEST_PATIENCE)}ms"
        self._opened: _Open | None = None

    def __repr__(self) -> str:
        return (
            f"PostgresStore({self._place.shown!r}, schema={self._names.schema!r}, "
            f"prefix={self._names.prefix!r}, connections={self.connections}, timeout={self.timeout}, "
            f"kept={self.kept}, is_open={self.is_open})"
        )

    @property
    def is_open(self) -> bool:
        """Whether it is open."""
        return self._opened is not None

    async def __aenter__(self) -> Self:
        """Open it: connect, and make the tables or bring them up to date.

        Raises:
            StoreTooNew: A newer version of this library has made the tables; nothing was changed.
            StoreUnavailable: The server can't be reached, or refuses.
            RuntimeError: It is open already.
        """
        if self._opened is not None:
            raise RuntimeError("the store is open already")
        pool = Pool(lambda: self._place.connect(self.timeout), self.connections)
        server = Server(pool, self.timeout)
        try:
            with within(self.timeout):
                async with pool.link() as link:
                    await prepare(link, self._names)
        except BaseException:
            pool.close()
            raise
        group = anyio.create_task_group()
        await group.__aenter__()
        listener = Listener(self._listen_place, self._names, server, group)
        self._opened = _Open(group, server, listener)
        group.start_soon(self._sweep, server, name="agora_rec: sweeping PostgreSQL")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close its connections; nobody is waited for. Whoever follows `changes()` comes to their end."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.server.pool.close()
            opened.listener.close()
            opened.group.cancel_scope.cancel()
            await opened.group.__aexit__(None, None, None)

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        """Write a checkpoint; see `Store.save`."""
        holder, token = (None, None) if lease is None else (storable(lease.holder), lease.token)
        identity, written, key, sid = _columns(checkpoint)
        ((outcome, there),) = await self._ask(
            "SELECT * FROM @save@($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            *(identity, version, *written, key, sid, holder, token, uuid4().hex, self._patience),
        )
        if outcome == "lease lost":
            raise LeaseLost(key=checkpoint.id)
        found = None if there is None else int(there)
        if outcome == "conflict" or found is None:
            raise StoreConflict(key=checkpoint.id, expected=version, found=found)
        return found

    async def claim(self, checkpoint: Checkpoint) -> Stored:
        """Give the live recording of a key, or make it; see `Store.claim`."""
        identity, written, key, sid = _columns(checkpoint)
        (row,) = await self._ask(
            "SELECT * FROM @claim@($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            *(identity, *written, key or "", sid, self._patience),
        )
        return _kept(row).stored()

    async def load(self, recording_id: str) -> Stored | None:
        """Read a checkpoint; see `Store.load`."""
        return await self._load(
            "SELECT id, version, checkpoint FROM @recordings@ WHERE id = $1", recording_id
        )

    async def load_by_key(self, key: str) -> Stored | None:
        """Read a checkpoint; see `Store.load_by_key`."""
        return await self._load(
            "SELECT r.id, r.version, r.checkpoint FROM @keys@ k JOIN @recordings@ r ON r.id = k.recording_id "
            "WHERE k.key = $1",
            key,
        )

    async def load_by_sid(self, sid: str) -> Stored | None:
        """Read a checkpoint; see `Store.load_by_sid`."""
        return await self._load(
            "SELECT r.id, r.version, r.checkpoint FROM @sids@ s JOIN @recordings@ r ON r.id = s.recording_id "
            "WHERE s.sid = $1",
            sid,
        )

    async def load_starting(self, cname: str, uid: int) -> tuple[Stored, ...]:
        """Read those that wait for their sid; see `Store.load_starting`."""
        rows = await self._ask(
            "SELECT id, version, checkpoint FROM @recordings@ "
            "WHERE cname = $1 AND uid = $2 AND state = 'starting' ORDER BY began",
            storable(cname),
            uid,
        )
        return tuple(readable(map(_kept, rows)))

    async def unfinished(self) -> AsyncGenerator[Stored]:
        """Go through what has begun and not ended; see `Store.unfinished`. Nothing stays open meanwhile."""
        ((last,),) = await self._ask("SELECT max(began) FROM @recordings@ WHERE began IS NOT NULL")
        seen: str | None = "0"
        while seen is not None and last is not None:
            rows = await self._ask(
                "SELECT id, version, checkpoint, began FROM @recordings@ "
                "WHERE began > $1 AND began <= $2 ORDER BY began LIMIT $3",
                seen,
                last,
                _PAGE,
            )
            seen = rows[-1][3] if len(rows) == _PAGE else None
            for stored in readable(map(_kept, rows)):
                yield stored

    async def lease(self, recording_id: str, holder: str, *, seconds: float) -> Lease | None:
        """Take or renew a lease; see `Store.lease`."""
        ((token,),) = await self._ask(
            "SELECT @lease@($1, $2, $3, $4)",
            storable(recording_id),
            storable(holder),
            seconds,
            self._patience,
        )
        return None if token is None else Lease(recording_id=recording_id, holder=holder, token=int(token))

    async def release(self, lease: Lease) -> None:
        """Give a lease back; see `Store.release`."""
        await self._ask(
            "UPDATE @leases@ SET until = '-infinity' WHERE recording_id = $1 AND holder = $2 AND token = $3",
            storable(lease.recording_id),
            storable(lease.holder),
            lease.token,
        )

    async def mark(self, keys: Iterable[str], *, seconds: float) -> None:
        """Remember texts; see `Store.mark`."""
        await self._ask(
            "INSERT INTO @marks@ (mark, until, marked_at) "
            "SELECT mark, clock_timestamp() + make_interval(secs => $2), clock_timestamp() "
            "FROM json_array_elements_text($1) AS mark "
            "ON CONFLICT (mark) DO UPDATE SET until = excluded.until, marked_at = excluded.marked_at",
            _listed(keys),
            seconds,
        )

    async def is_marked(self, keys: Iterable[str]) -> bool:
        """Whether a text is remembered; see `Store.is_marked`."""
        ((found,),) = await self._ask(
            "SELECT EXISTS (SELECT FROM json_array_elements_text($1) AS asked "
            "JOIN @marks@ m ON m.mark = asked WHERE m.until > clock_timestamp())",
            _listed(keys),
        )
        return found == "t"

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Written]]:
        """Follow what is written; see `Store.changes`. It begins when the server has said that it listens."""
        return self._now_open().listener.follow()

    async def _load(self, statement: str, text: str) -> Stored | None:
        rows = await self._ask(statement, storable(text))
        return _kept(rows[0]).stored() if rows else None

    async def _ask(self, statement: str, *values: Value) -> list[Row]:
        return await self._now_open().server.ask(self._names.fill(statement), *values)

    def _now_open(self) -> _Open:
        if self._opened is None:
            raise RuntimeError(_NOT_OPEN)
        return self._opened

    async def _sweep(self, server: Server) -> None:
        """Have forgotten what was kept long enough, while the store is open."""
        while True:
            try:
                ((swept,),) = await server.ask(
                    self._names.fill("SELECT @sweep@($1, $2)"), self.kept, MARKS_KEPT
                )
            except StoreUnavailable as error:
                logger.debug("old recordings could not be swept away: %s", escaped(error.cause))
                swept = None
            if swept != str(_SWEPT_AT_ONCE):
                await anyio.sleep(SWEPT_EVERY)


def _columns(checkpoint: Checkpoint) -> tuple[str, tuple[Value, ...], str | None, str | None]:
    """What is written of a checkpoint: its id, the columns of its row in their order, its key and its sid."""
    key, sid = checkpoint.key, checkpoint.standing.sid
    written = (
        checkpoint.to_json(),
        checkpoint.standing.state.value,
        checkpoint.is_live,
        checkpoint.is_unfinished,
        storable(checkpoint.cname),
        checkpoint.uid,
    )
    return (
        storable(checkpoint.id),
        written,
        None if key is None else storable(key),
        None if sid is None else storable(sid),
    )


def _kept(row: Row) -> Kept:
    """A row that begins with id, version and checkpoint."""
    recording_id, version, text = row[:3]
    return Kept(recording_id or "", version or "", text or "")


def _listed(keys: Iterable[str]) -> str:
    """Texts as a JSON list, each once, in an order that is the same for everybody: that of their locks."""
    return json.dumps(sorted({storable(key) for key in keys}))


def _place(url: Secret) -> Place:
    try:
        from agora_rec.store.postgres.over_libpq import LibpqPlace  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ImportError(_MISSING) from error
    return LibpqPlace(url)


def _check(
    *,
    place: Place,
    listen_place: Place,
    schema: object,
    prefix: object,
    connections: object,
    timeout: object,
    kept: object,
) -> None:
    """Refuse what can't be used.

    Raises:
        InvalidRequest: With every fault.
    """
    faults = [
        Violation(name, each.shown, RULE)
        for name, each in {"url": place, "listen_url": listen_place}.items()
        if not each.is_valid and not (name == "listen_url" and each is place)
    ]
    if not is_schema(schema):
        faults.append(Violation("schema", repr(schema)[:100], RULE_OF_SCHEMA))
    if not is_prefix(prefix):
        faults.append(Violation("prefix", repr(prefix)[:100], RULE_OF_PREFIX))
    if not (isinstance(connections, int) and not isinstance(connections, bool) and connections >= 1):
        faults.append(Violation("connections", repr(connections)[:100], "a whole number, 1 or more"))
    faults += wrong_span("timeout", timeout, above=True)
    faults += wrong_span("kept", kept)
    if faults:
        raise InvalidRequest(tuple(faults))
