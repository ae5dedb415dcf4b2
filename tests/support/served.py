"""An emulator on a port of its own, for tests that are not coroutines."""

from collections.abc import Iterator
from contextlib import contextmanager

from anyio.from_thread import start_blocking_portal

from agora_rec.emulator import Emulator


@contextmanager
def served_emulator(emulator: Emulator | None = None) -> Iterator[tuple[Emulator, str]]:
    """Serve the emulator from a thread with an event loop: gives it and its URL."""
    emulator = emulator or Emulator()
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(emulator.serve()) as served,
    ):
        yield emulator, served.url
