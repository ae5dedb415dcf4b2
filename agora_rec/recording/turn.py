"""One command at a time on the wire for each recording: a lock whose waiting can be ended by a stop."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from agora_rec.transport import Interrupt, Interrupted


class Turn:
    """Commands take their turn in the order in which they ask."""

    def __init__(self) -> None:
        self._lock = anyio.Lock()

    @asynccontextmanager
    async def take(self, interrupt: Interrupt) -> AsyncGenerator[None]:
        """Wait for the turn and hold it.

        Raises:
            Interrupted: The switch was turned on while the command waited; the turn isn't taken.
        """
        await self._acquire(interrupt)
        try:
            yield
        finally:
            self._lock.release()

    async def _acquire(self, interrupt: Interrupt) -> None:
        held = False
        try:
            with interrupt.waiting():
                await self._lock.acquire()
                held = True
        except Interrupted:
            if held:
                self._lock.release()
            raise
