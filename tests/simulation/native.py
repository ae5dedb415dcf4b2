"""Seeds on asyncio, in virtual time: a loop whose time jumps, and callers cancelled by `task.cancel()`.

That goes through anyio's shields. What is played is the same as on trio; what strikes in mid-step there does
so between two turns of the loop here.
"""

import asyncio
import itertools
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from typing import Any, Final, TypeVar

import anyio
from attrs import define

from tests.simulation.steps import Steps
from tests.simulation.workers import WorkersUser

T = TypeVar("T")

STEPS: Final = (0, 1, 3, 10, 40, 200)
"""A caller is cancelled after one of these numbers of turns of the event loop."""


class JumpingSelector(selectors.DefaultSelector):
    """Waits for nothing: where a loop would wait, its time goes on."""

    passed: float = 0.0
    """Seconds since the loop began."""

    def __init__(self, turned: Callable[[], None]) -> None:
        super().__init__()
        self._turned = turned

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Tell what is ready now; if nothing is, move the time on."""
        self._turned()
        found = super().select(0)
        if not found and timeout is None:
            raise RuntimeError("all wait for each other, and nothing will ever happen")
        if not found:
            self.passed += timeout or 0.0
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to whatever comes next."""

    def __init__(self, steps: Steps) -> None:
        self._jumping = JumpingSelector(self._turned)
        self._steps = steps
        super().__init__(self._jumping)
        numbers = itertools.count()

        def numbered(loop: Any, work: Any, context: Context | None = None) -> "Numbered":
            return Numbered(next(numbers), work, loop=loop, context=context)

        self.set_task_factory(numbered)

    def _turned(self) -> None:
        for act in self._steps.due():
            self.create_task(_do(act))  # what anyio does is done by tasks

    def time(self) -> float:
        """Virtual seconds since it began."""
        return self._jumping.passed


async def _do(act: Callable[[], object]) -> None:
    act()


class Numbered(asyncio.Task[Any]):
    """A task whose place in a set doesn't depend on where it lies in memory."""

    def __init__(self, number: int, work: Any, **more: Any) -> None:
        self.number = number  # first of all: the task is put into sets by what follows
        super().__init__(work, **more)

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        return self is other


@define(eq=False)
class NativeUser(WorkersUser):
    """A caller whose task is cancelled after a number of turns of the event loop."""

    async def within(self, patience: float | None, call: Callable[[], Awaitable[Any]]) -> tuple[bool, Any]:
        """See `User.within`."""
        if patience is None:
            return True, await call()
        task = asyncio.ensure_future(call())
        try:
            for _ in range(self.rng.choice(STEPS)):
                await asyncio.sleep(0)
                if task.done():
                    break
        finally:
            task.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([task])
        return (False, None) if task.cancelled() else (True, task.result())


def run(work: Callable[[], Coroutine[Any, Any, T]], steps: Steps) -> T:
    """Do something on a loop of its own, in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(steps)) as runner:
        return runner.run(work())
