"""One command at a time on the wire for each recording: a lock whose waiting can be ended by a stop."""

from types import TracebackType

import anyio

from agora_rec.transport import Interrupt, Interrupted


class Turn:
    """Commands take their turn in the order in which they ask."""

    def __init__(self) -> None:
        self._lock = anyio.Lock(fast_acquire=True)

    def take(self, interrupt: Interrupt) -> "_Taking":
        """Wait for the turn and hold it, as an async context manager.

        Raises:
            Interrupted: The switch was turned on while the command waited; the turn isn't taken.
        """
        return _Taking(self._lock, interrupt)


class _Taking:
    """The waiting and the holding. A turn that is free costs no scope and no trip round the event loop."""

    __slots__ = ("_interrupt", "_lock")

    def __init__(self, lock: anyio.Lock, interrupt: Interrupt) -> None:
        self._lock = lock
        self._interrupt = interrupt

    async def __aenter__(self) -> None:
        if self._interrupt.requested:
            raise Interrupted
        try:
            self._lock.acquire_nowait()
        except anyio.WouldBlock:
            await self._acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.release()

    async def _acquire(self) -> None:
        held = False
        try:
            with self._interrupt.waiting():
                await self._lock.acquire()
                held = True
        except Interrupted:
            if held:
                self._lock.release()
            raise
