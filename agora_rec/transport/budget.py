"""How many calls may go out, and who goes first.

The service allows an App ID a number of calls per second (timing.yaml `limits.qps`: 10 to begin with) and
answers 429 above it. `Pace` is the arithmetic, pure, with time passed in; `LocalBudget` is the thin async
shell that makes callers wait; `Unpaced` lets everybody through. Budgets that processes share live elsewhere.
"""

import math
from collections import deque
from heapq import heappop, heappush
from typing import Final, Protocol

import anyio
from attrs import define, field

from agora_rec.clock import Clock, SystemClock
from agora_rec.errors import InvalidRequest, Violation
from agora_rec.transport.spans import is_finite
from agora_rec.vocabulary import Priority

RECOVERY: Final = 10.0
"""Seconds without another 429 after which a slowed-down pace doubles again."""

SLOWEST: Final = 4
"""How often the pace is halved at most: to a sixteenth."""

CATCH_UP: Final = 0.02
"""Seconds of lateness that the next slots may make good: timers wake late, the rate need not suffer."""

_MARGIN: Final = 1.0 + 1e-6  # above the rounding of float sums, so that the bound holds to the last digit


class Budget(Protocol):
    """Something that hands out slots: one slot, one call to the service."""

    @property
    def waiting(self) -> int:
        """How many callers wait for a slot now."""
        ...

    @property
    def used(self) -> int:
        """How many slots have been handed out so far."""
        ...

    def slot_nowait(self, priority: Priority) -> bool:
        """Take a slot if there is one this moment and nobody waits for it; whether it was taken.

        A budget that can't tell without waiting says no, and is asked by `slot` then.
        """
        ...

    async def slot(self, priority: Priority) -> None:
        """Wait for a slot; the call is made at once when this returns. Cancelled: nothing is used."""
        ...

    def slow_down(self) -> None:
        """Take note of a 429: the service has counted more calls than it allows."""
        ...


@define
class Pace:
    """The arithmetic of a rate: when the next call may go out. Knows no clock and never waits.

    In any window of (1 s + `jitter`) at most `qps` calls go out, evenly spaced. A rate that is
    no whole number is rounded down to one that keeps this promise; below one call per second the window
    grows instead: 0.5 means one call in any (2 s + 2 `jitter`).

    Attributes:
        qps: Calls per second, above 0.
        jitter: Seconds by which the network may push two calls together.
    """

    qps: float
    jitter: float
    count: int = field(init=False)
    window: float = field(init=False)
    _given: deque[float] = field(init=False, repr=False)
    _ideal: float = field(default=-math.inf, init=False)
    _halvings: int = field(default=0, init=False)
    _slowed_at: float = field(default=-math.inf, init=False)

    def __attrs_post_init__(self) -> None:
        self.count = max(1, math.floor(self.qps))
        self.window = (1.0 + self.jitter) * _MARGIN * max(1.0, 1.0 / self.qps)
        self._given = deque(maxlen=self.count)

    def interval(self, now: float) -> float:
        """Seconds between two slots, as things stand at `now`."""
        return self.window / self.count * float(1 << self._halvings_at(now))

    def due(self, now: float) -> float:
        """The earliest moment, `now` or later, at which the next call may go out."""
        full = self._given[0] + self.window if len(self._given) == self.count else -math.inf
        return max(now, full, self._ideal)

    def take(self, at: float, due: float) -> None:
        """Note a call that goes out at `at` and was due at `due`, both from `due()` or later."""
        self._given.append(at)
        self._ideal = max(due, at - CATCH_UP) + self.interval(at)

    def slow_down(self, now: float) -> None:
        """Halve the rate; it doubles again after each `RECOVERY` seconds without a further call of this.

        Answers to calls that were on their way together count once: a second 429 within one
        window says nothing new.
        """
        if now - self._slowed_at < self.window:
            return
        self._halvings = min(SLOWEST, self._halvings_at(now) + 1)
        self._slowed_at = now
        self._ideal = max(self._ideal, now + self.interval(now))

    def _halvings_at(self, now: float) -> int:
        if not self._halvings:
            return 0
        return max(0, self._halvings - int((now - self._slowed_at) / RECOVERY))


@define(eq=False)
class _Waiter:
    asked_at: float
    turn: anyio.Event = field(factory=anyio.Event)
    gone: bool = False


class LocalBudget:
    """A budget for one process: at most `qps` calls in any window of (1 s + `jitter`), evenly spaced.

    Those who wait are served by `Priority`, and in order of arrival within one. Can be
    shared by several clients of one App ID that live on the same event loop.

    Args:
        qps: Calls per second, above 0; a fraction is fine (0.5: one call every two seconds).
        jitter: Seconds by which the network may push two calls together, 0 or more.
        clock: Where time comes from; the event loop's by default.

    Raises:
        InvalidRequest: `qps` or `jitter` is out of range.
    """

    def __init__(self, qps: float, jitter: float = 0.05, *, clock: Clock | None = None) -> None:
        require_rate(qps, jitter)
        self.qps = qps
        self.jitter = jitter
        self._clock: Clock = SystemClock() if clock is None else clock
        self._pace = Pace(qps, jitter)
        self._queue: list[tuple[Priority, int, _Waiter]] = []  # a heap: priority, then arrival
        self._waiting = 0
        self._used = 0
        self._arrivals = 0

    def __repr__(self) -> str:
        return f"LocalBudget(qps={self.qps}, jitter={self.jitter}, waiting={self.waiting}, used={self.used})"

    @property
    def waiting(self) -> int:
        """How many callers wait for a slot now."""
        return self._waiting

    @property
    def used(self) -> int:
        """How many slots have been handed out so far."""
        return self._used

    def slot_nowait(self, priority: Priority) -> bool:  # noqa: ARG002 - where nobody waits, nobody goes first
        """Take a slot if its moment has come and nobody waits; whether it was taken."""
        if self._waiting:
            return False
        now = self._clock.monotonic()
        if self._pace.due(now) > now:
            return False
        self._take(now, now)
        return True

    async def slot(self, priority: Priority) -> None:
        """Wait for a slot. Nobody else sleeps for the caller: whoever is first in the queue does.

        A caller that is cancelled gives its place back and wakes whoever is first then.
        """
        if self.slot_nowait(priority):
            return
        self._arrivals += 1
        waiter = _Waiter(self._clock.monotonic())
        heappush(self._queue, (priority, self._arrivals, waiter))
        self._waiting += 1
        try:
            await self._wait_for_turn(waiter)
        finally:
            waiter.gone = True
            self._waiting -= 1
            first = self._first()
            if first is not None:
                first.turn.set()

    def slow_down(self) -> None:
        """Halve the rate for a while (see `RECOVERY`): the service answered 429."""
        self._pace.slow_down(self._clock.monotonic())

    async def _wait_for_turn(self, waiter: _Waiter) -> None:
        """Return when `waiter` is first and its moment has come; the slot is then taken."""
        since = waiter.asked_at
        while True:
            waiter.turn = anyio.Event()
            if self._first() is not waiter:
                await waiter.turn.wait()
                continue
            due = self._pace.due(since)
            now = self._clock.monotonic()
            if due <= now:
                self._take(now, due)
                return
            with self._clock.move_on_after(due - now):
                await waiter.turn.wait()

    def _first(self) -> _Waiter | None:
        """Who is first of those that still wait; those that left are dropped on the way."""
        while self._queue and self._queue[0][2].gone:
            heappop(self._queue)
        return self._queue[0][2] if self._queue else None

    def _take(self, now: float, due: float) -> None:
        self._pace.take(now, due)
        self._used += 1


class Unpaced:
    """A budget without a limit: every slot is there at once. What `qps=None` means."""

    def __init__(self) -> None:
        self._used = 0

    def __repr__(self) -> str:
        return f"Unpaced(used={self._used})"

    @property
    def waiting(self) -> int:
        """Nobody ever waits."""
        return 0

    @property
    def used(self) -> int:
        """How many slots have been handed out so far."""
        return self._used

    def slot_nowait(self, priority: Priority) -> bool:  # noqa: ARG002 - the protocol's signature
        """Say yes."""
        self._used += 1
        return True

    async def slot(self, priority: Priority) -> None:
        """Return at once."""
        self.slot_nowait(priority)

    def slow_down(self) -> None:
        """Do nothing: the retry's own wait is all that slows down here."""


def require_rate(qps: float, jitter: float) -> None:
    """Refuse a rate that means nothing.

    Raises:
        InvalidRequest: With every fault.
    """
    faults: list[Violation] = []
    if not (is_finite(qps) and qps > 0):
        faults.append(Violation("qps", repr(qps)[:100], "a number of calls per second above 0"))
    if not (is_finite(jitter) and jitter >= 0):
        faults.append(Violation("jitter", repr(jitter)[:100], "seconds, 0 or more"))
    if faults:
        raise InvalidRequest(tuple(faults))
