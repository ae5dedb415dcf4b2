"""Opening a store whose server may be away for a while."""

import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from agora_rec.clock import Clock
from agora_rec.errors import StoreUnavailable
from agora_rec.store import SharedStore

log: Final = logging.getLogger("agora_rec")

OPEN_AGAIN: Final = 1.0
"""Seconds after which a store whose server is away is tried again."""


@asynccontextmanager
async def opened(store: SharedStore, clock: Clock, *, until: float) -> AsyncGenerator[None]:
    """Have a store open while the block runs, and wait for its server before that.

    Args:
        store: Which; not open.
        clock: Where time comes from.
        until: Until when (`clock.monotonic`) its server is waited for.

    Raises:
        StoreUnavailable: It is away, and was until then.
    """
    async with AsyncExitStack() as stack:
        while True:
            try:
                await stack.enter_async_context(store)
                break
            except StoreUnavailable as error:
                left = until - clock.monotonic()
                if left <= 0.0:
                    raise
                log.warning("the client waits for its store before it opens: %s", error)
                await clock.sleep(min(OPEN_AGAIN, left))
        yield
