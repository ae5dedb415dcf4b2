"""`RedisBudget`: the budget that all processes of an App ID share, through a Redis or Valkey server.

Only what users hold stands here: arguments, opening and closing, what is observable. How slots are asked for
stands in `messenger`, who gets them on the server in `slots.lua`.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final, Self

import anyio
from anyio.abc import TaskGroup

from agora_rec.clock import Clock, SystemClock
from agora_rec.defaults import QPS
from agora_rec.errors import InvalidRequest, Violation
from agora_rec.redis.address import RULE, is_address, shown
from agora_rec.secret import Secret
from agora_rec.transport.budget.grants import Grants
from agora_rec.transport.budget.messenger import Counter, Messenger
from agora_rec.transport.budget.pace import Pace
from agora_rec.transport.budget.protocol import faults_of_rate
from agora_rec.transport.budget.turnstile import Turnstile
from agora_rec.vocabulary import Priority

logger: Final = logging.getLogger("agora_rec")

_NOT_OPEN: Final = (
    "the budget is not open: use 'async with RedisBudget(...) as budget', or let a client open it"
)
_MISSING: Final = "RedisBudget needs coredis: pip install 'agora-rec[redis]'"
_SHORTEST_JITTER: Final = 0.01


class RedisBudget:
    """A budget for all processes of one App ID: together at most `qps` calls in any window of one second.

    Slots come from one script on a Redis or Valkey server, by the server's clock, evenly spaced. Priorities
    hold across the processes: a stop in one of them goes before the queries that wait in the others. When the
    server goes away, each process waits for one window and goes on with its share, `qps / workers`; it asks
    for the server once a window.

    An async context manager. A client that is given one that is not open opens it, and closes it with itself;
    one that is open can be shared by several clients on the same event loop.

    Args:
        url: The server: `redis://`, `rediss://` or `unix://`, as coredis reads it.
        qps: Calls per second of all processes together, above 0.
        workers: How many processes share the limit at most, 1 or more.
        jitter: Seconds by which the network to the server may push two calls together, 0.01 or more. A server
            that takes longer to answer than this is of no use.
        name: What the keys on the server begin with; one for each App ID.
        clock: Where time comes from; the event loop's by default.

    Raises:
        InvalidRequest: Arguments are wrong; names all of them.
        ImportError: The `redis` extra is not installed.
    """

    def __init__(
        self,
        url: str | Secret,
        qps: float = QPS,
        *,
        workers: int,
        jitter: float = 0.05,
        name: str = "agora_rec",
        clock: Clock | None = None,
    ) -> None:
        url = Secret(url)
        _check(url, qps, workers, jitter, name)
        self.qps = qps
        self.workers = workers
        self.jitter = jitter
        self._where = shown(url)
        self._clock: Clock = SystemClock() if clock is None else clock
        self._pace = Pace(qps, jitter)
        self._connect = _connector(url, name, self._pace)
        self._grants = Grants(jitter, workers, self._pace.interval(0.0))
        self._turnstile = Turnstile(self._grants, self._clock)
        self._messenger: Messenger | None = None
        self._group: TaskGroup | None = None

    def __repr__(self) -> str:
        return (
            f"RedisBudget({self._where!r}, qps={self.qps}, workers={self.workers}, jitter={self.jitter}, "
            f"is_shared={self.is_shared}, waiting={self.waiting}, used={self.used})"
        )

    @property
    def waiting(self) -> int:
        """How many callers of this process wait for a slot now."""
        return self._turnstile.waiting

    @property
    def used(self) -> int:
        """How many slots this process has used so far."""
        return self._turnstile.used

    @property
    def is_open(self) -> bool:
        """Whether slots can be had."""
        return self._messenger is not None

    @property
    def is_shared(self) -> bool:
        """Whether the limit is kept together with the other processes now; False while the server is away."""
        return self._messenger is not None and self._messenger.is_shared

    def slot_nowait(self, priority: Priority) -> bool:
        """Take a slot if one was granted that nobody here waits for; whether it was taken."""
        return self.is_open and self._turnstile.slot_nowait(priority)

    async def slot(self, priority: Priority) -> None:
        """Wait for a slot. A caller that is cancelled gives its place back.

        Raises:
            RuntimeError: The budget is not open.
        """
        if self._messenger is None:
            raise RuntimeError(_NOT_OPEN)
        self._messenger.wanted(priority)
        await self._turnstile.slot(priority)

    def slow_down(self) -> None:
        """Halve the rate of all processes for a while: the service answered 429."""
        if self._messenger is not None:
            self._messenger.slow_down()

    async def __aenter__(self) -> Self:
        """Open it. The server is not waited for: it may be away.

        Raises:
            RuntimeError: It is open already.
        """
        if self._group is not None:
            raise RuntimeError("the budget is open already")
        group = anyio.create_task_group()
        await group.__aenter__()
        self._group = group
        self._grants.drop()
        self._turnstile.slots = self._grants
        self._messenger = Messenger(
            self._turnstile,
            grants=self._grants,
            alone=Pace(self.qps / self.workers, self.jitter),
            window=self._pace.window,
            connect=self._connect,
            clock=self._clock,
            tell=self._log,
        )
        group.start_soon(self._messenger.run, name="agora_rec: shared budget")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection. Whoever waits still goes on with this process's share."""
        group, messenger = self._group, self._messenger
        self._group = self._messenger = None
        if group is not None and messenger is not None:
            group.cancel_scope.cancel()
            messenger.go_alone()
            await group.__aexit__(None, None, None)

    def _log(self, gone: str | None) -> None:
        """Say once that the server has gone, and once that it is back."""
        if gone is None:
            logger.warning("the shared budget at %s is back", self._where)
            return
        logger.warning(
            "the shared budget at %s is gone (%s): this process goes on alone, with %g calls per second",
            self._where,
            gone,
            self.qps / self.workers,
        )


def _connector(url: Secret, name: str, pace: Pace) -> Callable[[], AbstractAsyncContextManager[Counter]]:
    try:
        from agora_rec.transport.budget.over_redis import RedisConnector  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ImportError(_MISSING) from error
    return RedisConnector(url, name, pace).connect


def _check(url: Secret, qps: object, workers: object, jitter: object, name: object) -> None:
    """Refuse what can't be used.

    Raises:
        InvalidRequest: With every fault.
    """
    faults = faults_of_rate(qps, jitter)
    if not faults and isinstance(jitter, float | int) and jitter < _SHORTEST_JITTER:
        faults.append(Violation("jitter", repr(jitter)[:100], f"seconds, {_SHORTEST_JITTER:g} or more"))
    if not is_address(url):
        faults.insert(0, Violation("url", shown(url), RULE))
    if not (isinstance(workers, int) and not isinstance(workers, bool) and workers >= 1):
        faults.append(Violation("workers", repr(workers)[:100], "a whole number of processes, 1 or more"))
    if not (isinstance(name, str) and name and not set(name) & set("{}")):
        faults.append(Violation("name", repr(name)[:100], "a text that is not empty, without braces"))
    if faults:
        raise InvalidRequest(tuple(faults))
