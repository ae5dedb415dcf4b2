"""Ctrl-C and SIGTERM as something to wait for, so that a command can end what it has begun."""

import signal
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Final

import anyio

_NAMES: Final = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


async def interrupts() -> AsyncGenerator[str]:
    """Go through what is heard from now on, and listen until cancelled or closed.

    Where the event loop can't listen to signals (on Windows) nothing is heard, and Ctrl-C does what Python
    makes of it: the command is cancelled.
    """
    with suppress(NotImplementedError), anyio.open_signal_receiver(*_NAMES) as signals:
        async for received in signals:
            yield _NAMES[received]
    await anyio.sleep_forever()


async def interrupted() -> str:
    """Wait until somebody wants the command to end; from then on another Ctrl-C kills it."""
    async with aclosing(interrupts()) as heard:
        name = await anext(heard)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return name
