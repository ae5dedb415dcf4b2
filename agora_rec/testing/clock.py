"""The clock of the fixtures: it is moved by the test, and moves by itself when all wait for it.

It knows nothing of pytest, of the service or of its client.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

import anyio
import anyio.to_thread
from attrs import Attribute, define, field

from agora_rec.emulator import SteppedClock
from agora_rec.emulator.dial import span
from agora_rec.emulator.loops import Loop, loop_here
from agora_rec.emulator.spans import require_span

PATIENCE: Final = 0.01
"""Seconds of the machine: enough for a database nearby, and little to wait for time to pass."""

_PAUSE: Final = 0.02
"""Seconds of the machine that each moment lasts at least where calls and notifications go over sockets."""


def _patience(clock: object, attribute: "Attribute[Any]", value: float | None) -> None:
    if value is not None:
        span(clock, attribute, value)


@define(eq=False, kw_only=True)
class PatientClock(SteppedClock):
    """A `SteppedClock` that goes on to the next moment at which somebody wakes when nothing else happens.

    So what a test waits for comes by itself, and takes no longer than `patience`. Something happens as long
    as somebody asks this clock: what takes longer in sockets and threads, it doesn't see.

    Attributes:
        patience: Seconds of the machine in which nothing has happened, until it goes on; None: it never
            does, and waits for `advance`.
    """

    patience: float | None = field(default=PATIENCE, validator=_patience)
    _is_held: Callable[[], bool] = field(default=lambda: False, init=False, repr=False)
    _watched: Loop | None = field(default=None, init=False, repr=False)
    """Where somebody watches whether anything happens."""

    def advance(self, seconds: float) -> None:
        """Move it, as `SteppedClock.advance`; without waiting, if it is called in another event loop."""
        if self.is_elsewhere and loop_here() is not None:
            require_span("how far a clock is moved", seconds)
            self._advance_elsewhere(seconds)
        else:
            super().advance(seconds)

    async def pass_time(self, seconds: float) -> None:
        """Move it, and wait until all others have come along."""
        if self.is_elsewhere:
            await anyio.to_thread.run_sync(super().advance, seconds)
        else:
            super().advance(seconds)
            await self.sleep(0.0)

    def hold_while(self, is_held: Callable[[], bool]) -> None:
        """Have it not go on by itself while something else takes the machine's time.

        Args:
            is_held: Whether that is so now.
        """
        self._is_held = is_held

    @contextmanager
    def flowing(self) -> Generator[None]:
        """Run as fast as the machine's while the block runs, and be moved as well: for clients on that."""
        patience, self.patience = self.patience, None
        try:
            with self._flowing(speed=1.0, pause=max(self.pause, _PAUSE)):
                yield
        finally:
            self.patience = patience

    def _begins_to_wait(self, loop: Loop) -> None:
        if self.patience is not None and self._watched != loop:
            self._watched = loop
            loop.spawn(self._watch)

    async def _watch(self) -> None:
        """Go on to the next moment whenever nothing has happened for some time, while anybody waits."""
        try:
            while self._is_waited_for and self.patience is not None:
                if await self._is_quiet_for(self.patience) and not self._is_held():
                    self._step()
        finally:
            self._watched = None
