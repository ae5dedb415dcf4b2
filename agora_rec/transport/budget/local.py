"""`LocalBudget`: the budget of one process, or of one event loop in it.

What is shared by processes lives elsewhere.
"""

from agora_rec.clock import Clock, SystemClock
from agora_rec.errors import InvalidRequest
from agora_rec.transport.budget.pace import Pace
from agora_rec.transport.budget.protocol import faults_of_rate
from agora_rec.transport.budget.turnstile import Turnstile
from agora_rec.vocabulary import Priority


class LocalBudget:
    """A budget for one process: at most `qps` calls in any window of (1 s + `jitter`), evenly spaced.

    Those who wait are served by `Priority`, and in order of arrival within one. While watching queries
    wait, one slot in ten at least is theirs. An acquire goes only when its start can follow within two
    seconds, and a start that can't wait any longer goes before everything else.

    Can be shared by several clients of one App ID that live on the same event loop.

    Args:
        qps: Calls per second, above 0; a fraction is fine (0.5: one call every two seconds).
        jitter: Seconds by which the network may push two calls together, 0 or more.
        clock: Where time comes from; the event loop's by default.

    Raises:
        InvalidRequest: `qps` or `jitter` is out of range.
    """

    def __init__(self, qps: float, jitter: float = 0.05, *, clock: Clock | None = None) -> None:
        faults = faults_of_rate(qps, jitter)
        if faults:
            raise InvalidRequest(tuple(faults))
        self.qps = qps
        self.jitter = jitter
        self._clock: Clock = SystemClock() if clock is None else clock
        self._pace = Pace(qps, jitter)
        self._turnstile = Turnstile(self._pace, self._clock)

    def __repr__(self) -> str:
        return f"LocalBudget(qps={self.qps}, jitter={self.jitter}, waiting={self.waiting}, used={self.used})"

    @property
    def waiting(self) -> int:
        """How many callers wait for a slot now."""
        return self._turnstile.waiting

    @property
    def used(self) -> int:
        """How many slots have been handed out so far."""
        return self._turnstile.used

    def slot_nowait(self, priority: Priority) -> bool:
        """Take a slot if its moment has come and nobody waits; whether it was taken."""
        return self._turnstile.slot_nowait(priority)

    async def slot(self, priority: Priority) -> None:
        """Wait for a slot. A caller that is cancelled gives its place back."""
        await self._turnstile.slot(priority)

    def slow_down(self) -> None:
        """Halve the rate for a while (it doubles again after ten seconds each): the service answered 429."""
        self._pace.slow_down(self._clock.monotonic())
