"""Notifications to whoever is to receive them: a test may change that at any time, and in any thread."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import anyio
import anyio.lowlevel
from anyio.abc import TaskStatus
from attrs import define, field

from agora_rec.emulator.loops import Loop, current_loop


@define(eq=False)
class Deliverer:
    """A task that delivers to one receiver until there is another one.

    `begin` gives the block in which that is done; one that does nothing if there is no receiver.
    """

    begin: Callable[[], AbstractAsyncContextManager[None]]
    is_behind: bool = field(default=False, init=False)
    """Whether it has not yet come to the present receiver."""
    _loop: Loop = field(factory=current_loop, init=False)
    _changed: anyio.Event = field(factory=anyio.Event, init=False)

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Deliver for ever; it has started when the first receiver gets what there is."""
        status: TaskStatus[None] | None = task_status
        while True:
            self._changed = anyio.Event()
            self.is_behind = False
            async with self.begin():
                if status is not None:
                    status.started()
                    status = None
                await self._changed.wait()

    def receiver_changed(self) -> None:
        """Go over to another receiver, soon."""
        self.is_behind = True
        self._loop.call_soon(lambda: self._changed.set())  # noqa: PLW0108 - the one that is waited for then

    async def caught_up(self) -> None:
        """Wait until it delivers to the present receiver."""
        while self.is_behind:
            await anyio.lowlevel.checkpoint()
