"""Ending a fleet when the process is told to go: at once, and beside what its web server does then.

A web server that is sent SIGTERM waits for its open requests first and ends the lifespan after that. By then
half of the time is over that the process has, and no notification gets in any more.
"""

import logging
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from types import FrameType
from typing import Final

import anyio

from agora_rec.fleet.fleet import Fleet, OnExit

log: Final = logging.getLogger("agora_rec")

_ENDS: Final = (Exception, KeyboardInterrupt, SystemExit)
"""By what a block ends that isn't cancelled."""


@asynccontextmanager
async def drain_on(fleet: Fleet, *signals: int) -> AsyncGenerator[None]:
    """Drain a fleet as soon as one of these signals comes, while the block runs.

    Whoever listens to the signal already (uvicorn, hypercorn) still gets it. If nobody does, so that the
    signal would end the process on the spot, the block is cancelled instead; the program goes on after it,
    where the fleet's own block ends. As with any fleet whose block is cancelled, its recordings are stopped
    then, unless it releases them.

    Python hears signals in its main thread alone. Elsewhere, where the test clients of web frameworks open
    lifespans, nothing is listened to, and a warning says so.

    Args:
        fleet: Which; see `Fleet.drain`.
        signals: Which; SIGTERM if none is given.

    Raises:
        ValueError: There is no such signal.
    """
    numbers = dict.fromkeys(map(int, signals or (signal.SIGTERM,)))
    if not _can_listen():
        log.warning("no signal drains the fleet: it was opened outside of the main thread")
        yield
        return
    heard, waker = socket.socketpair()
    handlers: dict[int, _Handler] = {}
    with heard, waker:
        heard.setblocking(False)
        waker.setblocking(False)
        try:
            for each in numbers:
                handlers[each] = _Handler(each, waker)
            failure: BaseException | None = None
            async with anyio.create_task_group() as tasks:
                with anyio.CancelScope() as block:
                    tasks.start_soon(_drain_when_heard, fleet, heard, block, handlers)
                    try:
                        yield
                    except _ENDS as caught:  # raised again outside, so that no group wraps it
                        failure = caught
                tasks.cancel_scope.cancel()
            if failure is not None:
                raise failure
        finally:
            for handler in handlers.values():
                handler.restore()


def _can_listen() -> bool:
    """Whether this is the main thread: only there Python lets handlers be set, be it the same again."""
    try:
        signal.signal(signal.SIGINT, signal.getsignal(signal.SIGINT))
    except ValueError:
        return False
    return True


class _Handler:
    """Listens to a signal beside whoever did before."""

    def __init__(self, number: int, waker: socket.socket) -> None:
        self._number = number
        self._waker = waker
        self._before = signal.getsignal(number)  # known before the first signal can come
        signal.signal(number, self._heard)

    @property
    def is_alone(self) -> bool:
        """Whether nobody else listens, so that the signal would end the process."""
        return self._before == signal.SIG_DFL

    def _heard(self, number: int, frame: FrameType | None) -> None:
        with suppress(OSError):  # it is full: then somebody is being woken
            self._waker.send(number.to_bytes())  # an event loop isn't to be touched in here
        if callable(self._before):
            self._before(number, frame)

    def restore(self) -> None:
        """Listen no more, unless somebody else has taken the place."""
        if signal.getsignal(self._number) == self._heard:
            signal.signal(self._number, self._before)


async def _drain_when_heard(
    fleet: Fleet, heard: socket.socket, block: anyio.CancelScope, handlers: dict[int, _Handler]
) -> None:
    while True:
        await anyio.wait_readable(heard)
        is_told_to_go = any(handlers[number].is_alone for number in heard.recv(64))
        if is_told_to_go and fleet.on_exit is OnExit.WAIT:
            fleet.on_exit = OnExit.STOP  # the fleet's block will not see that this one was cancelled
        fleet.drain()
        if is_told_to_go:
            block.cancel()
