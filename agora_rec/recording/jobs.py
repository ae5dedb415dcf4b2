"""Work that outlives the caller who asked for it: it runs in the client's task group, callers only wait.

Shielding would not be enough: on asyncio `task.cancel()`, `asyncio.timeout` and `wait_for` go through
anyio's shields. Here a cancelled caller leaves, and the work goes on to its own end.
"""

from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from types import coroutine
from typing import Any, Generic, TypeVar, TypeVarTuple

import anyio

from agora_rec.transport import Interrupt

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Job(Generic[T]):
    """One piece of work, its result, and a way to wait for it that may be cancelled at any time."""

    __slots__ = (
        "_error",
        "_gate",
        "_interrupt",
        "_is_left",
        "_tell",
        "_value",
        "_waiting",
        "is_done",
    )

    def __init__(self, interrupt: Interrupt | None = None) -> None:
        """Make a job; `interrupt` is triggered when all who waited have left before its end."""
        self.is_done: bool = False
        """Whether there is a result."""
        self._interrupt = interrupt
        self._is_left = False
        self._waiting = 0
        self._gate: anyio.Semaphore | None = None  # made by the first who waits
        self._tell: Callable[[], None] | None = None
        self._value: T | None = None
        self._error: Exception | None = None

    @property
    def is_left(self) -> bool:
        """Whether all who waited have left before its end, so that it ends as soon as it may."""
        return self._is_left

    @coroutine
    def run(
        self, context: Context, work: Callable[[*Ts], Coroutine[Any, Any, T]], *args: *Ts
    ) -> Generator[Any, Any, None]:
        """Do the work and keep what it gives or raises. Awaited once, where no cancellation reaches it.

        Args:
            context: That of whoever asked for the work; each step of it is done there, in whichever task.
            work: What to do.
            args: What with.
        """
        doing = work(*args)
        del work, args
        answer: Any = None
        thrown: BaseException | None = None
        try:
            while True:
                if thrown is None:
                    asked = context.run(doing.send, answer)
                else:
                    asked, thrown = context.run(doing.throw, thrown), None
                try:
                    answer = yield asked
                except BaseException as error:  # noqa: BLE001 - it is the work's, and no context of its own errors
                    thrown = error
        except StopIteration as ended:
            self._value = ended.value
            context.run(self._end)
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to those who wait
            context.run(self.fail, error)
        except BaseException:  # nobody cancels a job: the event loop itself is being torn down
            self.fail(RuntimeError("cut off in mid-work: the event loop was shut down"))
            raise
        finally:
            thrown = None  # its traceback holds this frame

    def fail(self, error: Exception) -> None:
        """End with an error; also a job that never ran."""
        self._error = error
        self._end()

    def judge(self, error: Exception | None) -> Exception | None:
        """Hear how the work has ended, and say what those who wait get to see of it."""
        return error

    async def finished(self) -> None:
        """Wait for the end, whatever it is; cancelling this ends the waiting, not the work."""
        if not self.is_done:
            self._waiting += 1
            try:
                await self._come().acquire()
            finally:
                self._leave()

    async def wait(self) -> T:
        """Wait for the end and give the result."""
        if not self.is_done:
            self._waiting += 1  # as in `finished`, which would be a coroutine more in every call
            try:
                await self._come().acquire()
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

    def _come(self) -> anyio.Semaphore:
        """What opens at the end, once for each who waits: to wait for an event takes more."""
        if self._gate is None:
            self._gate = anyio.Semaphore(0)
        return self._gate

    def _end(self) -> None:
        self._error = self.judge(self._error)
        self.is_done = True
        gate, self._gate = self._gate, None
        if gate is not None:
            for _ in range(self._waiting):
                gate.release()
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
