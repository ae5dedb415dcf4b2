"""Time as the library asks for it: one small protocol, so that tests and the emulator can bring their own.

Nothing in the package reads a clock in any other way. Moments are aware datetimes in UTC, spans are
seconds.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Protocol

import anyio
from attrs import define, field


class Clock(Protocol):
    """What the library needs of a clock. All methods are called inside a running event loop."""

    def now(self) -> datetime:
        """The moment now, aware, in UTC: for ages that outlive the process, and for humans."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back: for waits and durations inside one process."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for that many seconds of this clock; a checkpoint even for 0."""
        ...

    def move_on_after(self, seconds: float | None) -> AbstractContextManager[anyio.CancelScope]:
        """A cancel scope that ends its block after that many seconds of this clock; None: never."""
        ...


def nth_pause(pauses: Sequence[float], number: int) -> float:
    """The pause before one of many repetitions; the last pause repeats.

    Args:
        pauses: Seconds before each of them; one at least.
        number: How many repetitions there were before: 0 for the first.
    """
    return pauses[min(number, len(pauses) - 1)]


class SystemClock:
    """The machine's wall clock, and the event loop's own clock for spans."""

    def now(self) -> datetime:
        """The machine's idea of now."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """The event loop's clock."""
        return anyio.current_time()

    async def sleep(self, seconds: float) -> None:
        """Sleep in the event loop."""
        await anyio.sleep(max(0.0, seconds))

    def move_on_after(self, seconds: float | None) -> AbstractContextManager[anyio.CancelScope]:
        """A scope of anyio's own, with a deadline."""
        return anyio.move_on_after(seconds)


@define
class LoopClock(SystemClock):
    """A clock whose wall time follows the event loop's, so that trio's `MockClock` moves both.

    It starts at `epoch` at the moment of its first use.
    """

    epoch: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    _origin: float | None = field(default=None, init=False)

    def now(self) -> datetime:
        """`epoch` plus what has passed on the event loop since the first call."""
        passed = anyio.current_time()
        if self._origin is None:
            self._origin = passed
        return self.epoch + timedelta(seconds=passed - self._origin)
