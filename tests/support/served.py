"""An emulator on a port of its own, for tests that are not coroutines."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from agora_rec.emulator import Emulator
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET


@contextmanager
def served_emulator(
    emulator: Emulator | None = None, *, certificate: Path | None = None
) -> Iterator[tuple[Emulator, str]]:
    """Serve an emulator from a thread with an event loop; gives it and its URL."""
    emulator = emulator or Emulator(customer_id=CUSTOMER_ID, customer_secret=CUSTOMER_SECRET)
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(emulator.serve(certificate=certificate)) as served,
    ):
        yield emulator, served.url
