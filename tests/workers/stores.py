"""The stores that are put to trial: their servers, and what it means that one goes away."""

import sqlite3
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread
from attrs import field, frozen

from agora_rec import PostgresStore, RedisStore, SQLiteStore
from agora_rec.store import SharedStore
from tests.support.postgres import served_postgres
from tests.support.valkey import Valkey

TIMEOUT: Final = 2.0
"""Seconds for which the stores wait for their servers."""


@frozen
class Server:
    """Where a store keeps things."""

    address: str = field(repr=False)
    """What `open_to` makes a store of."""
    be_away: Callable[[float], Awaitable[None]]
    """Be out of reach for so many seconds."""


def open_to(address: str) -> SharedStore:
    """A store by its address, not yet open."""
    kind, _, where = address.partition(":")
    return _STORES[kind](where)


def _sqlite(where: str) -> SharedStore:
    return SQLiteStore(where, timeout=TIMEOUT)


def _redis(where: str) -> SharedStore:
    return RedisStore(where, timeout=TIMEOUT)


def _postgres(where: str) -> SharedStore:
    return PostgresStore(where, timeout=TIMEOUT)


_STORES: Final[Mapping[str, Callable[[str], SharedStore]]] = {
    "sqlite": _sqlite,
    "redis": _redis,
    "postgres": _postgres,
}


@asynccontextmanager
async def serve_sqlite() -> AsyncGenerator[Server]:
    """A file; it is away while somebody else has it to himself."""
    with tempfile.TemporaryDirectory(prefix="trial") as directory:
        path = Path(directory) / "recordings.db"

        async def be_away(seconds: float) -> None:
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                connection.execute("PRAGMA busy_timeout = 0")
                while True:
                    try:
                        connection.execute("BEGIN EXCLUSIVE")
                        break
                    except sqlite3.OperationalError:
                        await anyio.sleep(0.001)
                await anyio.sleep(seconds)
                connection.execute("ROLLBACK")

        yield Server(f"sqlite:{path}", be_away)


@asynccontextmanager
async def serve_redis() -> AsyncGenerator[Server]:
    """A Valkey that writes everything to the disk before it answers; it is away when it is killed."""
    with Valkey(None, "--appendonly", "yes", "--appendfsync", "always") as server:

        async def be_away(seconds: float) -> None:
            server.stop()
            await anyio.sleep(seconds)
            await anyio.to_thread.run_sync(server.start)

        yield Server(f"redis:{server.url}", be_away)


@asynccontextmanager
async def serve_postgres() -> AsyncGenerator[Server]:
    """A PostgreSQL; it is away when it is ended without being asked."""
    with served_postgres() as server:

        async def be_away(seconds: float) -> None:
            server.stop()
            await anyio.sleep(seconds)
            await anyio.to_thread.run_sync(server.start)  # it takes a while

        yield Server(f"postgres:{server.url()}", be_away)


SERVERS: Final[Mapping[str, Callable[[], AbstractAsyncContextManager[Server]]]] = {
    "sqlite": serve_sqlite,
    "redis": serve_redis,
    "postgres": serve_postgres,
}
