"""Time as a dial, for the emulator and its clients alike: it runs faster, or stands until it is moved.

Both are clocks as `agora_rec.clock` describes them: hand the same one to `Emulator(clock=...)` and
`CloudRecording(clock=...)`. Nothing here knows of the service.
"""

import heapq
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from itertools import count
from math import inf
from typing import Any, Final, TypeVar

import anyio
import anyio.lowlevel
from attrs import Attribute, define, field

from agora_rec.emulator.loops import Loop, current_loop, loop_here
from agora_rec.emulator.spans import require_span

T = TypeVar("T")

_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
_PAUSE: Final = 0.05
_TIDY_OVER: Final = 64


def span(clock: object, attribute: "Attribute[Any]", value: object) -> None:
    """Refuse what is no number of seconds; a validator for fields of clocks."""
    del clock
    require_span(attribute.name, value)


@define(eq=False)
class _Waiter:
    """Who waits for a moment. `scope` has a deadline of its own where time flows by itself."""

    due: float
    wake: Callable[[], object]
    scope: anyio.CancelScope
    over: bool = False


@define(eq=False, kw_only=True)
class SteppedClock:
    """A clock that stands still until somebody moves it: `clock.advance(120)`.

    Those who sleep, and the scopes of `move_on_after`, wake in the order of their moments, and at each of
    these moments time stands until all that it woke waits again. So an hour that is passed by at once is
    no different from one that is waited for, and who sleeps every minute wakes sixty times in it.

    That takes some rounds of the event loop, and `advance` doesn't wait for them. But who has called it is in
    the new time already: `now()` tells it, and what they, or tasks that they begin, sleep for counts from
    there. So `await clock.sleep(0)` returns when all others have come along. Called in a thread without an
    event loop, while the sleepers' runs in another one, `advance` returns when it is done. The sleepers of
    one clock are in one event loop at a time.

    Clocks of this library that go on in their own way build on `_step`, `_is_quiet_for`, `_is_waited_for`,
    `_begins_to_wait`, `_advance_elsewhere` and `_flowing`.

    Attributes:
        epoch: The moment at which it begins.
        speed: How many seconds pass by themselves in a second of the machine; 0: none do.
        pause: How many seconds of the machine it stands at each moment at least. More than 0 gives those a
            chance who wait for sockets or threads, which no event loop knows to be busy.
    """

    epoch: datetime = _EPOCH
    speed: float = field(default=0.0, validator=span)
    pause: float = field(default=0.0, validator=span)
    _stepped: float = field(default=0.0, init=False)
    """Seconds that it was moved by."""
    _goal: float = field(default=0.0, init=False)
    """Where `_stepped` is to get."""
    _began: float = field(factory=time.monotonic, init=False, repr=False)
    _own: ContextVar[float] = field(init=False, repr=False)
    """Where whoever has moved the clock is already, in seconds stepped."""
    _waiters: list[tuple[float, int, _Waiter]] = field(
        factory=list[tuple[float, int, _Waiter]], init=False, repr=False
    )
    _numbers: "count[int]" = field(factory=count, init=False, repr=False)
    _living: int = field(default=0, init=False, repr=False)
    _touched: int = field(default=0, init=False, repr=False)
    _loop: Loop | None = field(default=None, init=False, repr=False)
    """Where the latest waiter is."""
    _moving: bool = field(default=False, init=False, repr=False)
    _when_there: list[Callable[[], object]] = field(
        factory=list[Callable[[], object]], init=False, repr=False
    )

    def __attrs_post_init__(self) -> None:
        self._own = ContextVar("agora_rec.SteppedClock", default=0.0)

    def now(self) -> datetime:
        """`epoch`, and what has passed since."""
        return self.epoch + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Seconds since `epoch`."""
        self._touched += 1
        return self._flowed() + max(self._stepped, self._own.get())

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved that far."""
        due = self.monotonic() + max(0.0, seconds)
        await anyio.lowlevel.checkpoint()
        if self._stepped < self._own.get():
            arrived = anyio.Event()
            self._when_there.append(arrived.set)
            await arrived.wait()
        while self._moment() < due:
            woken = anyio.Event()
            with self._waiting(due, woken.set):
                await woken.wait()

    def move_on_after(self, seconds: float | None) -> AbstractContextManager[anyio.CancelScope]:
        """A scope that is cancelled when the clock has been moved that far; None: never."""
        if seconds is None:
            return anyio.CancelScope()
        return self._waiting(self.monotonic() + max(0.0, seconds))

    def advance(self, seconds: float) -> None:
        """Move the clock, and wake whom that wakes.

        Args:
            seconds: How far; 0 to `spans.SECONDS_MAX`.

        Raises:
            ValueError: That is no number of seconds to move by.
        """
        require_span("how far a clock is moved", seconds)
        here = loop_here()
        if here is None:
            there = threading.Event()
            self._advance_elsewhere(seconds, there.set)
            there.wait()
        else:
            self._set_out(seconds, here)
            self._own.set(self._goal)

    async def run_until(self, work: Callable[[], Awaitable[T]], *, within: float = inf) -> T:
        """Do something, and let time pass, from moment to moment, whenever all wait for it.

        Args:
            work: What is to be done.
            within: How many seconds of this clock it may take.

        Returns:
            What came of it.

        Raises:
            TimeoutError: It wasn't over by then; it has been cancelled.
        """
        results: list[T] = []
        failures: list[Exception] = []
        limit = self.monotonic() + within

        async def do() -> None:
            try:
                results.append(await work())
            except Exception as failure:  # noqa: BLE001 - raised below, so that no group wraps it
                failures.append(failure)
            group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(do)
            while True:
                await self._rest()
                if self._step(limit):
                    continue
                if limit < self._next() < inf:
                    break
                # It waits for something else than this clock: a socket, a thread.
                await anyio.sleep(0.001)
            group.cancel_scope.cancel()
        if failures:
            raise failures[0]
        if not results:
            raise TimeoutError(f"not over within {within} seconds of the clock")
        return results[0]

    @property
    def is_elsewhere(self) -> bool:
        """Whether those who sleep are in another event loop than the caller, in another thread."""
        return self._loop is not None and self._loop != loop_here() and self._loop.is_running()

    def _advance_elsewhere(self, seconds: float, when_there: Callable[[], object] = lambda: None) -> None:
        """Begin to move it where those sleep who are in another event loop."""
        loop = self._loop
        if loop is None or not loop.is_running():
            self._goal += seconds
            self._jump()
            when_there()
            return

        def set_out() -> None:
            self._when_there.append(when_there)
            self._set_out(seconds, loop)

        loop.call_soon(set_out)

    def _step(self, limit: float = inf) -> bool:
        """Go on to the next moment at which somebody wakes; whether there is one, `limit` at most."""
        due = self._next()
        if self._moving or due > limit or due == inf:
            return False
        self._goal = max(self._goal, due - self._flowed())
        self._move(self._goal)
        return True

    async def _is_quiet_for(self, seconds: float) -> bool:
        """Whether nobody asks this clock for so many seconds of the machine, or ceases to wait for it."""
        seen = self._touched
        await anyio.sleep(seconds)
        await self._rest()
        return seen == self._touched

    @property
    def _is_waited_for(self) -> bool:
        """Whether anybody sleeps, or has a deadline."""
        return self._living > 0

    def _begins_to_wait(self, loop: Loop) -> None:
        """Hear that somebody begins to wait, in that event loop."""

    @contextmanager
    def _flowing(self, *, speed: float, pause: float) -> Generator[None]:
        """Let it pass by itself while the block runs, so many times as fast as the machine's."""
        before = self.speed, self.pause
        self._change_speed(speed, pause)
        try:
            yield
        finally:
            self._change_speed(*before)

    def _change_speed(self, speed: float, pause: float) -> None:
        flowed, self._began = self._flowed(), time.monotonic()
        self.speed, self.pause = speed, pause
        self._stepped += flowed
        self._goal += flowed

    def _flowed(self) -> float:
        return (time.monotonic() - self._began) * self.speed if self.speed else 0.0

    def _moment(self) -> float:
        """The moment at which the clock stands, wherever whoever has moved it is already."""
        return self._flowed() + self._stepped

    @contextmanager
    def _waiting(self, due: float, wake: Callable[[], object] | None = None) -> Generator[anyio.CancelScope]:
        """A place among those who wait; without `wake` the block is cancelled when it is due."""
        scope = anyio.CancelScope()
        waiter = _Waiter(due, wake or scope.cancel, scope)
        self._loop = loop = current_loop()
        self._living += 1
        heapq.heappush(self._waiters, (due, next(self._numbers), waiter))
        try:
            with scope:
                self._arm(waiter)
                self._begins_to_wait(loop)
                yield scope
        finally:
            self._touched += 1
            waiter.over = True
            self._living -= 1
            if len(self._waiters) > 2 * self._living + _TIDY_OVER:
                self._waiters = [each for each in self._waiters if not each[2].over]
                heapq.heapify(self._waiters)

    def _arm(self, waiter: _Waiter) -> None:
        left = waiter.due - self._moment()
        if left <= 0:
            waiter.wake()
        elif self.speed:
            waiter.scope.deadline = anyio.current_time() + left / self.speed

    def _next(self) -> float:
        """When the next one is due."""
        while self._waiters and self._waiters[0][2].over:
            heapq.heappop(self._waiters)
        return self._waiters[0][0] if self._waiters else inf

    def _move(self, stepped: float) -> None:
        self._stepped = max(self._stepped, stepped)
        while self._next() <= self._moment():
            heapq.heappop(self._waiters)[2].wake()
        for _, _, waiter in self._waiters if self.speed else ():
            self._arm(waiter)

    def _set_out(self, seconds: float, loop: Loop) -> None:
        self._goal += seconds
        if not self._moving:
            self._moving = True
            loop.spawn(self._go)

    async def _go(self) -> None:
        """Go to where it is to get, with a rest at each moment at which somebody wakes."""
        try:
            while True:
                await self._rest()
                if self._stepped >= self._goal:
                    break
                self._move(min(self._goal, self._next() - self._flowed()))
        finally:
            self._moving = False
            self._jump()
            for tell in self._when_there:
                tell()
            self._when_there.clear()

    def _jump(self) -> None:
        """Get there at once: nobody runs who could come along."""
        while self._stepped < self._goal:
            self._move(min(self._goal, self._next() - self._flowed()))

    async def _rest(self) -> None:
        loop = current_loop()
        await loop.rest(lambda: self._touched)
        if self.pause:
            await anyio.sleep(self.pause)
            await loop.rest(lambda: self._touched)


class AcceleratedClock(SteppedClock):
    """A clock that begins now and runs so many times as fast as the machine's; it can be moved as well.

    Args:
        factor: How many of its seconds pass in one of the machine's; more than 0.

    Raises:
        ValueError: With that factor no time would pass.
    """

    def __init__(self, factor: float = 1.0) -> None:
        require_span("how many times as fast as the machine's a clock runs", factor, above=True)
        super().__init__(epoch=datetime.now(UTC), speed=factor, pause=_PAUSE)
