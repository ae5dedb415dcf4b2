"""Ctrl-C and SIGTERM as something to wait for, so that a command can end what it has begun."""

import signal
from contextlib import suppress

import anyio


async def interrupted() -> str:
    """Wait until somebody wants the command to end; from then on another Ctrl-C kills it.

    Where the event loop can't listen to signals (on Windows) this waits for ever, and Ctrl-C does what Python
    makes of it: the command is cancelled.
    """
    received: signal.Signals | None = None
    with suppress(NotImplementedError), anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        received = await anext(signals)
    if received is None:
        await anyio.sleep_forever()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return "Ctrl-C" if received is signal.SIGINT else "SIGTERM"
