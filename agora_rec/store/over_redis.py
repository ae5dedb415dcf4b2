"""How a `RedisStore` speaks with its server: over a connection for questions, and another one for news.

Both are made anew when they are lost. Imported only where the `redis` extra is installed and somebody makes a
`RedisStore`. Knows nothing of checkpoints: what is asked, and what the answers mean, stands in `redis` and in
`redis.lua`.
"""

import hashlib
import logging
from collections.abc import Callable
from contextlib import aclosing
from importlib.resources import files
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup, TaskStatus
from attrs import define, field
from coredis import Redis
from coredis.connection import BaseConnection
from coredis.exceptions import ConnectionError as NotConnected
from coredis.exceptions import NoScriptError

from agora_rec.clock import Clock
from agora_rec.errors import StoreTooNew, StoreUnavailable
from agora_rec.redis.faults import FAILURES, Fault, fault_of, root
from agora_rec.redis.opening import opened
from agora_rec.secret import Secret

logger: Final = logging.getLogger("agora_rec")

SCHEMA: Final = 1
"""The version of what stands on the server; it grows with the checkpoint's format too."""

CLOSED: Final = "the store was closed meanwhile"

_PAUSE, _LONGEST_PAUSE = 0.02, 0.5  # seconds between attempts to reach the server
_SILENCE: Final = 10.0  # seconds after which the server is asked whether it is still there

_SCRIPT: Final = (files("agora_rec.store") / "redis.lua").read_text(encoding="utf-8")
_DIGEST: Final = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()  # the server's name for it

Answer = list[Any]
"""A word, and what belongs to it; texts are bytes."""


class _NotMadeError(Exception):
    """A connection could not be made."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.words)
        self.fault = fault


@define(eq=False)
class _Connection:
    """One connection, until it is dropped; whoever waits for an answer on it learns of that at once."""

    client: "Redis[bytes]"
    key: str
    dropped: anyio.Event = field(factory=anyio.Event, init=False)
    _waiting: set[anyio.CancelScope] = field(factory=set[anyio.CancelScope], init=False)

    def drop(self) -> None:
        """Give it up."""
        self.dropped.set()
        for each in self._waiting:
            each.cancel()

    async def ask(self, command: str, arguments: tuple[bytes | int, ...]) -> Answer:
        """Run the script; its text is sent where the server doesn't know it, or not any more."""
        keys, words = (self.key,), (command, SCHEMA, *arguments)
        with anyio.CancelScope() as scope:
            self._waiting.add(scope)
            try:
                try:
                    answer: Any = await self.client.evalsha(_DIGEST, keys=keys, args=words)
                except NoScriptError:
                    answer = await self.client.eval(_SCRIPT, keys=keys, args=words)
                return list(answer)
            finally:
                self._waiting.discard(scope)
        raise NotConnected("the connection is gone")


class Server:
    """The server, as one process speaks with it while its store is open.

    Args:
        group: Where the connections live.
        url: Where the server is.
        where: The same, as it may be shown.
        base: What all keys begin with.
        timeout: Seconds for each question, connecting anew included.
        clock: Where time comes from.
        hear: Is told of each message in the channel; None: some may have been missed.
    """

    def __init__(
        self,
        group: TaskGroup,
        url: Secret,
        *,
        where: str,
        base: str,
        timeout: float,
        clock: Clock,
        hear: Callable[[bytes | None], None],
    ) -> None:
        self._group = group
        self._url = url
        self._where = where
        self._base = base
        self._timeout = timeout
        self._clock = clock
        self._hear = hear
        self._connecting = anyio.Lock()
        self._attempt = anyio.CancelScope()
        self._connection: _Connection | None = None
        self._is_closed = False
        self._follows = False
        self._hears = anyio.Event()
        self._has_missed = False

    async def ask(self, command: str, *arguments: bytes | int) -> Answer:
        """Ask until there is an answer, as long as the time allows; the same question twice does no harm.

        Raises:
            StoreUnavailable: There is none.
            StoreTooNew: A newer version of the library has been there.
        """
        connection: _Connection | None = None
        fault: Fault | None = None
        cause: Exception | None = None
        pause = _PAUSE
        with self._clock.move_on_after(self._timeout) as scope:
            while not self._is_closed:
                try:
                    connection = await self._connected()
                    return _understood(await connection.ask(command, arguments))
                except _NotMadeError as failure:
                    fault, cause = failure.fault, None
                except FAILURES as failure:
                    fault, cause = fault_of(failure), failure
                if connection is not None and fault.loses:
                    connection.drop()
                if not fault.passes:
                    break
                await self._clock.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        if scope.cancelled_caught and connection is not None:
            connection.drop()  # nobody else shall wait as long
        raise self._unavailable(fault, too_late=scope.cancelled_caught) from cause

    async def follow(self) -> None:
        """Wait until what is written is heard of; that goes on until the store is closed.

        Raises:
            StoreUnavailable: The server can't be reached.
        """
        if not self._follows:
            self._follows = True
            self._group.start_soon(self._listen, name="agora_rec: news of the store")
        with self._clock.move_on_after(self._timeout):
            await self._hears.wait()
            return
        raise StoreUnavailable(f"no news from the server within {self._timeout:g} s")

    async def warn(self) -> None:
        """Say in the log what of the server's settings doesn't fit a store; not all servers tell."""
        with self._clock.move_on_after(self._timeout):
            try:
                told = await (await self._connected()).client.info()
            except FAILURES:
                return
            policy = told.get("maxmemory_policy", "noeviction")
            if policy != "noeviction" and told.get("maxmemory"):
                logger.warning(
                    "the server at %s forgets recordings when its memory is full: "
                    "set its maxmemory-policy to noeviction, not %s",
                    self._where,
                    policy,
                )
            if told.get("aof_enabled") == 0:
                logger.info("the server at %s keeps no log (appendonly): its death costs writes", self._where)

    def close(self) -> None:
        """Let nobody wait any more."""
        self._is_closed = True
        self._hears.set()
        self._attempt.cancel()
        if self._connection is not None:
            self._connection.drop()

    async def _connected(self) -> _Connection:
        """The connection for questions; the first who misses it makes it."""
        async with self._connecting:
            if self._connection is not None and not self._connection.dropped.is_set():
                return self._connection
            made: _Connection | Exception = _NotMadeError(Fault(CLOSED, passes=False, loses=False))
            if not self._is_closed:
                with (
                    anyio.CancelScope() as self._attempt
                ):  # the group's own leaves alone what hasn't started yet
                    made = await self._group.start(self._hold)
            if isinstance(made, Exception):
                raise made
            self._connection = made
            return made

    async def _hold(self, *, task_status: "TaskStatus[_Connection | Exception]") -> None:
        """Connect, and stay so until the connection is dropped."""
        is_up = False
        try:
            async with opened(self._url, patience=self._timeout) as client:
                connection = _Connection(client, f"{self._base}schema")
                _understood(await connection.ask("open", ()))
                is_up = True
                task_status.started(connection)
                await self._stay(connection)
        except Exception as error:  # noqa: BLE001 - for those who ask; what breaks later, they meet by themselves
            if not is_up:
                first = root(error)
                what = first if isinstance(first, StoreTooNew) else _NotMadeError(fault_of(first))
                task_status.started(what)

    async def _stay(self, connection: _Connection) -> None:
        """Wait until the connection is dropped; drop it when the server has gone without a word."""
        try:
            while True:
                with self._clock.move_on_after(_SILENCE) as silence:
                    await connection.dropped.wait()
                if not silence.cancelled_caught:
                    return
                with self._clock.move_on_after(self._timeout) as patience:
                    await connection.client.ping()
                if patience.cancelled_caught:
                    return
        finally:
            connection.drop()

    async def _listen(self) -> None:
        """Follow the channel, for ever."""
        pause = _PAUSE
        while True:
            try:
                await self._hear_all()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                if not self._has_missed:
                    words = fault_of(root(error)).words
                    logger.warning("no news of the store at %s for a while: %s", self._where, words)
            if self._hears.is_set():
                self._hears, pause = anyio.Event(), _PAUSE
            self._has_missed = True
            await self._clock.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _hear_all(self) -> None:
        """Follow the channel until the connection is lost."""
        async with (
            opened(self._url, patience=self._timeout, answers_within=self._timeout) as client,
            client.connection_pool.acquire() as connection,
            anyio.create_task_group() as group,
            aclosing(connection.push_messages) as messages,
        ):
            connection.send_command(b"SUBSCRIBE", f"{self._base}changes")
            group.start_soon(self._look_after, connection)
            async for kind, _, content in messages:
                if kind == b"message":
                    self._hear(content)
                    continue
                if self._has_missed:
                    logger.warning("news of the store at %s come again", self._where)
                    self._hear(None)
                self._has_missed = False
                self._hears.set()

    async def _look_after(self, connection: BaseConnection) -> None:
        """Notice a server that has gone without a word."""
        while True:
            await self._clock.sleep(_SILENCE)
            await connection.create_request(b"PING")

    def _unavailable(self, fault: Fault | None, *, too_late: bool) -> StoreUnavailable:
        if self._is_closed:
            return StoreUnavailable(CLOSED)
        parts = [f"no answer from {self._where} within {self._timeout:g} s"] if too_late else []
        return StoreUnavailable(": ".join(parts + ([] if fault is None else [fault.words])))


def _understood(answer: Answer) -> Answer:
    """The answer, unless it is that the asker is too old.

    Raises:
        StoreTooNew: That.
    """
    if answer and answer[0] == b"too_new":
        raise StoreTooNew(found=answer[1], known=SCHEMA)
    return answer
