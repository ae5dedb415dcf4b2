"""Event loops as a clock needs them that is moved by hand: which one runs here, and when all rests in it.

The only module of the emulator that knows trio; it doesn't import it, for who runs it has.
"""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Protocol

import anyio
from attrs import field, frozen

_QUIET_ROUNDS: Final = 30
_ROUNDS_MAX: Final = 3000


class Loop(Protocol):
    """One event loop."""

    def is_running(self) -> bool:
        """Whether somebody runs it, in this thread or another one."""
        ...

    def call_soon(self, act: Callable[[], object]) -> None:
        """Call something there soon; from any thread."""
        ...

    def spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        """Begin a task that nobody waits for. Called inside of this loop."""
        ...

    async def rest(self, touched: Callable[[], int]) -> None:
        """Wait until all tasks wait for something. `touched` counts what they do, as far as one sees it."""
        ...


@frozen
class _Asyncio:
    """asyncio doesn't tell when all tasks wait: rest is when nothing was done for some rounds."""

    loop: asyncio.AbstractEventLoop
    _tasks: set[object] = field(factory=set[object], init=False, eq=False)

    def is_running(self) -> bool:
        return self.loop.is_running()

    def call_soon(self, act: Callable[[], object]) -> None:
        self.loop.call_soon_threadsafe(act)

    def spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await work()

        task = self.loop.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def rest(self, touched: Callable[[], int]) -> None:
        seen, quiet = touched(), 0
        for _ in range(_ROUNDS_MAX):
            await asyncio.sleep(0)
            quiet = quiet + 1 if touched() == seen else 0
            seen = touched()
            if quiet == _QUIET_ROUNDS:
                return


@frozen
class _Trio:
    trio: Any
    token: Any

    def is_running(self) -> bool:
        try:
            self.token.run_sync_soon(bool)
        except self.trio.RunFinishedError:
            return False
        return True

    def call_soon(self, act: Callable[[], object]) -> None:
        self.token.run_sync_soon(act)

    def spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        self.trio.lowlevel.spawn_system_task(work)

    async def rest(self, touched: Callable[[], int]) -> None:  # noqa: ARG002 - trio knows by itself
        await anyio.wait_all_tasks_blocked()


def current_loop() -> Loop:
    """The event loop that runs in this thread.

    Raises:
        RuntimeError: None does.
    """
    with suppress(KeyError, RuntimeError):
        trio: Any = sys.modules["trio"]
        return _Trio(trio, trio.lowlevel.current_trio_token())
    return _Asyncio(asyncio.get_running_loop())


def loop_here() -> Loop | None:
    """The event loop that runs in this thread; None: none does."""
    try:
        return current_loop()
    except RuntimeError:
        return None


def do_there(loop: Loop, work: Callable[[], Awaitable[None]]) -> None:
    """Do something in another event loop, and wait for it in this thread, in which none runs.

    Args:
        loop: Which; it runs.
        work: What; it raises nothing.
    """
    done = threading.Event()

    async def do() -> None:
        try:
            await work()
        finally:
            done.set()

    loop.call_soon(lambda: loop.spawn(do))
    done.wait()
