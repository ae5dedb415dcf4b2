"""An emulator on a port of its own, for tests that are not coroutines."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from agora_rec.emulator import Emulator
from tests.support.secrets import ACCESS_KEY, CUSTOMER_ID, CUSTOMER_SECRET, SECRET_KEY


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


def environment_of(emulator: Emulator, url: str, **more: str) -> dict[str, str]:
    """What a program's environment says, so that it records there."""
    return {
        "AGORA_BASE_URL": url,
        "AGORA_APP_ID": emulator.app_id,
        "AGORA_CUSTOMER_ID": CUSTOMER_ID,
        "AGORA_CUSTOMER_SECRET": CUSTOMER_SECRET,
        "AGORA_STORAGE_ACCESS_KEY": ACCESS_KEY,
        "AGORA_STORAGE_SECRET_KEY": SECRET_KEY,
        **more,
    }
