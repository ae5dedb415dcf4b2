"""One at a time: a lock that costs next to nothing while it is free, and whose waiting a stop can end.

Each recording has one for its commands on the wire, and one for its writing to the store. anyio's own lock
asks at each step which task runs: too dear for what is done several times in each call.
"""

from collections import deque
from types import TracebackType
from typing import Self

import anyio

from agora_rec.transport import Interrupt, Interrupted


class Turn:
    """Whoever asks takes his turn in the order of asking: `with await turn.take(...)`."""

    __slots__ = ("_line", "is_taken")

    def __init__(self) -> None:
        self.is_taken: bool = False
        """Whether somebody has it now."""
        self._line: deque[anyio.Event] | None = None  # most never wait

    async def take(self, interrupt: Interrupt | None = None) -> Self:
        """Wait for the turn; it is held until the block ends that is entered with what this gives.

        A turn that is free is taken without a trip round the event loop.

        Args:
            interrupt: Ends the waiting; None: nothing does.

        Raises:
            Interrupted: The switch was turned on before the turn came; it isn't taken.
        """
        if interrupt is not None and interrupt.requested:
            raise Interrupted
        if not self.is_taken:
            self.is_taken = True
        elif interrupt is None:
            await self._wait()
        else:
            await self._wait_unless(interrupt)
        return self

    def __enter__(self) -> None:
        """Nothing is left to do: the turn was taken."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the turn to whoever is next."""
        self._give_back()

    def _give_back(self) -> None:
        # Whoever is next has it from this moment on, so that nobody gets in between.
        if self._line:
            self._line.popleft().set()
        else:
            self.is_taken = False
            self._line = None

    async def _wait(self) -> None:
        come = anyio.Event()
        if self._line is None:
            self._line = deque()
        self._line.append(come)
        try:
            await come.wait()
        except BaseException:
            if come.is_set():  # it came, and could not be taken any more
                self._give_back()
            else:
                self._line.remove(come)
            raise

    async def _wait_unless(self, interrupt: Interrupt) -> None:
        held = False
        try:
            with interrupt.waiting():
                await self._wait()
                held = True
        except Interrupted:
            if held:
                self._give_back()
            raise
