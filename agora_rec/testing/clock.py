"""The clock of the fixtures: it is moved by the test, and moves by itself when all wait for it.

It knows nothing of pytest, of the service or of its client.
"""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from math import inf
from typing import Any, Final

import anyio
import anyio.to_thread
from attrs import Attribute, define, field

from agora_rec.emulator import SteppedClock
from agora_rec.emulator.dial import span
from agora_rec.emulator.loops import Loop, current_loop

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
    _watched: Loop | None = field(default=None, init=False, repr=False)
    """Where somebody watches whether anything happens."""

    def advance(self, seconds: float) -> None:
        """Move it, as `SteppedClock.advance`; without waiting, if the sleepers' event loop is another one."""
        here, there = _loop_here(), self._loop
        if here is None or there is None or not self.is_elsewhere:
            super().advance(seconds)
        else:
            there.call_soon(lambda: self._set_out(seconds, there))

    async def pass_time(self, seconds: float) -> None:
        """Move it, and wait until all others have come along."""
        if self.is_elsewhere:
            await anyio.to_thread.run_sync(super().advance, seconds)
        else:
            super().advance(seconds)
            await self.sleep(0.0)

    @contextmanager
    def flowing(self) -> Generator[None]:
        """Run as fast as the machine's while the block runs, and be moved as well: for clients on that."""
        patience, pause = self.patience, self.pause
        self.patience = None
        self.pause: float = max(pause, _PAUSE)
        self._began = time.monotonic()
        self.speed: float = 1.0
        try:
            yield
        finally:
            flowed = self._flowed()
            self.speed = 0.0
            self._stepped += flowed
            self._goal += flowed
            self.patience = patience
            self.pause = pause

    @property
    def is_elsewhere(self) -> bool:
        """Whether those who sleep are in another event loop than the caller."""
        return self._loop is not None and self._loop != _loop_here() and self._loop.is_running()

    @contextmanager
    def _waiting(self, due: float, wake: Callable[[], object] | None = None) -> Generator[anyio.CancelScope]:
        with super()._waiting(due, wake) as scope:
            if self.patience is not None and self._watched != self._loop and self._loop is not None:
                self._watched = self._loop
                self._loop.spawn(self._watch)
            yield scope

    async def _watch(self) -> None:
        """Go on to the next moment whenever nothing has happened for some time, while anybody waits."""
        try:
            while self._living and self.patience is not None:
                seen = self._touched
                await anyio.sleep(self.patience)
                await self._rest()
                due = self._next()
                if seen == self._touched and not self._moving and due < inf:
                    self._goal = max(self._goal, due - self._flowed())
                    self._move(self._goal)
        finally:
            self._watched = None


def _loop_here() -> Loop | None:
    try:
        return current_loop()
    except RuntimeError:
        return None
