"""The driver: libpq's non-blocking calls through `psycopg.pq`, and anyio to wait for its socket.

Imported only where the `postgres` extra is installed and somebody makes a `PostgresStore`. Why it is built on
this stands in the package's docstring.
"""

from collections.abc import Callable
from typing import Final, Self, TypeVar

import anyio
import psycopg
from attrs import define, frozen
from psycopg import pq
from psycopg.pq.abc import PGconn, PGresult

from agora_rec.secret import Secret
from agora_rec.store.postgres import address
from agora_rec.store.postgres.link import LostError, News, RefusedError, Row, UnreachableError, Value

_T = TypeVar("_T")

_ENDED: Final = frozenset({"57P01", "57P02", "57P03", "57P05", "08006"})
"""The last words of a server that closes the connection: it shuts down, crashes, or was told to."""

_FAILED: Final = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE)


@frozen
class LibpqPlace:
    """A server, by what libpq reads."""

    _url: Secret

    @property
    def is_valid(self) -> bool:
        """Whether libpq can read it."""
        return address.is_address(self._url)

    @property
    def shown(self) -> str:
        """Hosts and database."""
        return address.shown(self._url)

    async def connect(self, seconds: float) -> "LibpqLink":
        """Connect to the first server that takes the connection; each attempt has its share of the time.

        Raises:
            UnreachableError: None did.
        """
        until = anyio.current_time() + seconds
        why = "no address was found for the server's name"
        places = await address.look_up(self._url)
        for done, place in enumerate(places):
            share = (until - anyio.current_time()) / (len(places) - done)
            why = f"no answer from {place[0] or 'the server'} within {share:.3g} s"
            with anyio.move_on_after(share):
                try:
                    return await LibpqLink.open(address.conninfo(self._url, *place))
                except LostError as error:
                    why = str(error)
        raise UnreachableError(why)


@define(eq=False)
class LibpqLink:
    """A connection; see `Link`."""

    _conn: PGconn

    @classmethod
    async def open(cls, conninfo: Secret) -> Self:
        """Make one attempt.

        Raises:
            LostError: It failed.
        """
        link = cls(pq.PGconn.connect_start(conninfo.reveal().encode()))
        try:
            await link._connected()
        except BaseException:
            link.close()
            raise
        return link

    async def _connected(self) -> None:
        # Before the first poll libpq wants to be treated as if it had asked to write.
        status = pq.PollingStatus.WRITING
        while status != pq.PollingStatus.OK:
            if status == pq.PollingStatus.FAILED or self._conn.status == pq.ConnStatus.BAD:
                raise LostError(self._said())
            wait = anyio.wait_readable if status == pq.PollingStatus.READING else anyio.wait_writable
            await wait(self._socket)
            status = pq.PollingStatus(self._conn.connect_poll())
        self._conn.nonblocking = 1

    async def run(self, statement: str, *values: Value) -> list[Row]:
        """Send one statement with its values, which is one transaction; give its rows.

        Raises:
            RefusedError: The server refused it.
            LostError: The connection broke.
        """
        sent = [None if each is None else str(each).encode() for each in values]
        self._do(lambda: self._conn.send_query_params(statement.encode(), sent))
        return _rows(await self._result())

    async def script(self, statements: str) -> None:
        """Send several statements without values; raises as `run` does."""
        self._do(lambda: self._conn.send_query(statements.encode()))
        await self._result()

    async def news(self) -> list[News]:
        """Wait for what is told on the channels that were listened to. May be cancelled at any time.

        Raises:
            LostError: The connection broke.
        """
        while not (told := self._told()):
            await self._wait_for_input()
        return told

    @property
    def is_idle(self) -> bool:
        """Whether it can be used: it is connected, nothing is under way, and the server hasn't hung up."""
        if self._conn.status != pq.ConnStatus.OK:
            return False
        if self._conn.transaction_status != pq.TransactionStatus.IDLE:
            return False
        try:
            self._conn.consume_input()
        except psycopg.Error:
            return False
        return True

    def close(self) -> None:
        """Close it; nobody is waited for."""
        self._conn.finish()

    async def _result(self) -> PGresult:
        """Send what is left to send, and wait for the end of the answer; give its last part."""
        while self._do(self._conn.flush):
            await anyio.wait_writable(self._socket)
        last: PGresult | None = None
        while (result := await self._next_result()) is not None:
            last = result
        code = "" if last is None else _field(last, pq.DiagnosticField.SQLSTATE)
        if last is None or code in _ENDED:
            raise LostError(self._said())
        if last.status in _FAILED:
            raise RefusedError(code, _field(last, pq.DiagnosticField.MESSAGE_PRIMARY))
        return last

    async def _next_result(self) -> PGresult | None:
        while self._do(self._conn.is_busy):
            await self._wait_for_input()
        return self._do(self._conn.get_result)

    async def _wait_for_input(self) -> None:
        await anyio.wait_readable(self._socket)
        self._do(self._conn.consume_input)

    @property
    def _socket(self) -> int:
        return self._do(lambda: self._conn.socket)

    def _told(self) -> list[News]:
        told: list[News] = []
        while (each := self._do(self._conn.notifies)) is not None:
            told.append(News(each.relname.decode(), each.extra.decode()))
        return told

    def _do(self, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except (psycopg.Error, OSError) as error:
            raise LostError(self._said()) from error

    def _said(self) -> str:
        """What libpq says of the connection: server, user and database, never the password."""
        return (
            " ".join(self._conn.error_message.decode(errors="replace").split()) or "the connection is closed"
        )


def _field(result: PGresult, which: pq.DiagnosticField) -> str:
    return (result.error_field(which) or b"?").decode(errors="replace")


def _rows(result: PGresult) -> list[Row]:
    return [
        tuple(_text(result.get_value(row, column)) for column in range(result.nfields))
        for row in range(result.ntuples)
    ]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
