"""One SQLite file: opening it, transactions that nobody waits for inside of the event loop, and its errors.

A transaction is one function that is run between BEGIN and COMMIT without a pause: it can't be cancelled in
the middle, and holds the file for a fraction of a millisecond. While another process holds it, we sleep in
the event loop and try again. What is read and written stands in `rows`.
"""

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import anyio
from anyio.lowlevel import checkpoint
from attrs import define, field, frozen

from agora_rec.clock import Clock
from agora_rec.errors import StoreUnavailable
from agora_rec.store.sqlite.schema import Schema

T = TypeVar("T")

READ: Final = "BEGIN"
WRITE: Final = "BEGIN IMMEDIATE"

_SHORTEST: Final = 0.001
_LONGEST: Final = 0.01
"""Seconds between two tries while another process writes; they double from one to the other."""

_HELD: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_CAUSES: Final = {
    sqlite3.SQLITE_CANTOPEN: "it can't be opened: is its directory there, and may it be written to",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_FULL: "there is no room left",
    sqlite3.SQLITE_IOERR: "the disk failed",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database",
    sqlite3.SQLITE_READONLY: "it may not be written to",
}


@frozen
class Session:
    """What a transaction works with: statements, with the tables' names and the values filled in.

    `connected` tells one connection of this process from the next.
    """

    connected: int
    _connection: sqlite3.Connection
    _schema: Schema

    def run(self, statement: str, **values: str | float | None) -> sqlite3.Cursor:
        """Run one statement."""
        bound = {name: _bound(value) for name, value in values.items()}
        return self._connection.execute(self._schema.named(statement), bound)

    def first(self, statement: str, **values: str | float | None) -> Any:
        """Run one statement and give its first row; None if there is none."""
        return self.run(statement, **values).fetchone()


@define(eq=False)
class Database:
    """The file, for one process.

    Args:
        path: Where it is.
        schema: What is in it.
        timeout: Seconds for which others are waited for.
        clock: Where time comes from.
    """

    path: Path
    schema: Schema
    timeout: float
    clock: Clock
    is_open: bool = field(default=False, init=False)
    _turn: anyio.Lock = field(init=False)
    _connection: sqlite3.Connection | None = field(default=None, init=False)
    _connected: int = field(default=0, init=False)
    _file: tuple[int, int] | None = field(default=None, init=False)

    async def open(self) -> None:
        """Make the file and the tables, where they are missing.

        Raises:
            StoreTooNew: A newer version of this library has been there.
            StoreUnavailable: The file can't be used.
        """
        self._create()
        self._turn = anyio.Lock()
        self.is_open = True
        try:
            await self.run(WRITE, lambda _: None)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the file go. Who waits for it then waits no more."""
        self.is_open = False
        self._disconnect()

    async def run(self, begin: str, work: Callable[[Session], T]) -> T:
        """Do a piece of work in a transaction, which is undone if it raises; it may be done several times.

        Raises:
            StoreTooNew: A newer version of this library has been there.
            StoreUnavailable: The file can't be used, or others have held it for too long.
        """
        until = self.clock.monotonic() + self.timeout
        if begin == READ:
            await checkpoint()
            return await self._try(begin, work, until)
        async with self._turn:
            return await self._try(begin, work, until)

    async def _try(self, begin: str, work: Callable[[Session], T], until: float) -> T:
        """Try until it is done, the others have had their time, or the store is closed."""
        pause = _SHORTEST
        while self.is_open:
            try:
                return self._attempt(begin, work)
            except sqlite3.DatabaseError as error:
                if _code(error) not in _HELD:
                    self._disconnect()
                    raise self._unavailable(_cause(error)) from error
                left = until - self.clock.monotonic()
                if left <= 0:
                    raise self._unavailable(f"others have held it for {self.timeout:g} s") from error
            jittered = pause * random.uniform(0.5, 1.0)  # noqa: S311 - so that processes don't fall in step
            await self.clock.sleep(min(jittered, left))
            pause = min(2 * pause, _LONGEST)
        raise self._unavailable("the store was closed meanwhile")

    def _attempt(self, begin: str, work: Callable[[Session], T]) -> T:
        connection = self._ready()
        try:
            connection.execute(begin)
            self.schema.check(connection)
            result = work(Session(self._connected, connection, self.schema))
            connection.execute("COMMIT")
        except BaseException:
            _undo(connection)
            raise
        return result

    def _ready(self) -> sqlite3.Connection:
        """Give the connection: a new one where the file is not the one that it was."""
        try:
            status = self.path.stat()
        except OSError as error:
            self._disconnect()
            raise self._unavailable(f"it is gone: {error.strerror}") from error
        file = status.st_dev, status.st_ino
        if self._connection is None or self._file != file:
            self._disconnect()
            self._connection, self._file = self._connect(), file
            self._connected += 1
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode=rw", uri=True, timeout=0, isolation_level=None
        )
        connection.text_factory = _text
        try:
            self.schema.prepare(connection)
        except BaseException:
            connection.close()  # and what it had begun is undone
            raise
        return connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _create(self) -> None:
        """Make the file, for its owner only; one that is there stays as it is. SQLite's others follow it."""
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            pass
        except OSError as error:
            raise self._unavailable(f"it can't be made: {error.strerror}") from error

    def _unavailable(self, cause: str) -> StoreUnavailable:
        return StoreUnavailable(f"the file {self.path}: {cause}")


def _undo(connection: sqlite3.Connection) -> None:
    """Undo a transaction, where SQLite hasn't done so already."""
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _code(error: sqlite3.Error) -> int:
    """The primary code; 0 where an error is not SQLite's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _cause(error: sqlite3.Error) -> str:
    return f"{_CAUSES.get(_code(error), 'it fails')} ({error})"


def _bound(value: str | float | None) -> str | bytes | float | None:
    """A value as SQLite takes it: texts that are no UTF-8 (halves of surrogate pairs) as bytes."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode(errors="surrogatepass")
    return value


def text_of(value: str | bytes) -> str:
    """Give a text as it was before it was stored."""
    return value.decode(errors="surrogatepass") if isinstance(value, bytes) else value


def _text(data: bytes) -> str:
    """Read any text: one that is spoilt must not hide the others."""
    return data.decode(errors="replace")
