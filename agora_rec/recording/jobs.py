"""Work that outlives the caller who asked for it: it runs in the client's task group, callers only wait.

Shielding would not be enough: on asyncio `task.cancel()`, `asyncio.timeout` and `wait_for` go through
anyio's shields. Here a cancelled caller leaves, and the work goes on to its own end.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar, TypeVarTuple

import anyio

from agora_rec.transport import Interrupt

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Job(Generic[T]):
    """One piece of work, its result, and a way to wait for it that may be cancelled at any time."""

    __slots__ = (
        "_ended",
        "_error",
        "_interrupt",
        "_is_left",
        "_tell",
        "_value",
        "_waiting",
        "is_done",
        "on_end",
    )

    def __init__(self, interrupt: Interrupt | None = None) -> None:
        """Make a job; `interrupt` is triggered when all who waited have left before its end."""
        self.on_end: Callable[[Exception | None], Exception | None] | None = None
        """Hears how the work has ended, and says what those who wait get to see of it."""
        self.is_done: bool = False
        """Whether there is a result."""
        self._interrupt = interrupt
        self._is_left = False
        self._waiting = 0
        self._ended: anyio.Event | None = None  # made by the first who waits
        self._tell: Callable[[], None] | None = None
        self._value: T | None = None
        self._error: Exception | None = None

    @property
    def is_left(self) -> bool:
        """Whether all who waited have left before its end, so that it ends as soon as it may."""
        return self._is_left

    async def run(self, work: Callable[[*Ts], Awaitable[T]], *args: *Ts) -> None:
        """Do the work and keep what it gives or raises. Called once, in a task of the client's group."""
        with anyio.CancelScope(shield=True):
            try:
                self._value = await work(*args)
            except Exception as error:  # noqa: BLE001 - whatever it is belongs to those who wait
                self._error = error
            except BaseException:  # nobody cancels a job: the event loop itself is being torn down
                self._error = RuntimeError("cut off in mid-work: the event loop was shut down")
                raise
            finally:
                on_end, self.on_end = self.on_end, None
                if on_end is not None:
                    self._error = on_end(self._error)
                self._end()

    def fail(self, error: Exception) -> None:
        """End a job that never ran."""
        self._error = error
        self._end()

    async def finished(self) -> None:
        """Wait for the end, whatever it is; cancelling this ends the waiting, not the work."""
        if not self.is_done:
            self._waiting += 1
            try:
                await self._come().wait()
            finally:
                self._leave()

    async def wait(self) -> T:
        """Wait for the end and give the result."""
        if not self.is_done:
            self._waiting += 1  # as in `finished`, which would be a coroutine more in every call
            try:
                await self._come().wait()
            finally:
                self._leave()
        return self.result()

    def follow(self, tell: Callable[[], None]) -> None:
        """Be told of the end without waiting for it: for one who follows many, and has no task for each.

        Args:
            tell: Called at the end, when there is a result; must not raise.
        """
        self._waiting += 1
        self._tell = tell

    def unfollow(self) -> None:
        """Be told of nothing any more: whoever follows leaves before the end."""
        self._tell = None
        self._leave()

    def _come(self) -> anyio.Event:
        """What is set at the end."""
        if self._ended is None:
            self._ended = anyio.Event()
        return self._ended

    def _end(self) -> None:
        self.is_done = True
        ended, self._ended = self._ended, None
        if ended is not None:
            ended.set()
        tell, self._tell = self._tell, None
        if tell is not None:
            tell()

    def _leave(self) -> None:
        self._waiting -= 1
        if self._interrupt is not None and not self._waiting and not self.is_done:
            self._is_left = True
            self._interrupt.trigger()

    def result(self) -> T:
        """The result of a job that is done: its value, or its exception raised."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # without an error there is a value
