"""Keeping pace with a store: learning what others write, and writing what it couldn't take at first."""

import logging
from typing import Final

from agora_rec.clock import Clock
from agora_rec.register import Register
from agora_rec.store import MISSED, Store

log: Final = logging.getLogger("agora_rec")

ANEW_AFTER: Final = 5.0
"""Seconds after which a store that could not be followed, or not written, is tried again."""


async def write_what_is_left(clock: Clock, register: Register) -> None:
    """Write what could not be written when it happened, until cancelled: other workers wait for it."""
    while True:
        await clock.sleep(ANEW_AFTER)
        for recording in register.made:
            await recording.hearing.write_what_is_left()


async def follow(store: Store, clock: Clock, register: Register) -> None:
    """Follow until cancelled. A store that fails is followed anew; who waits looks by himself meanwhile."""
    while True:
        try:
            async with store.changes() as changes:
                async for written in changes:
                    if written == MISSED:
                        for recording in register.made:
                            await recording.hearing.keep_pace()
                        continue
                    held = register.find(written.recording_id)
                    if held is not None:
                        await held.hearing.catch_up(written.version)
        except Exception:  # it may come back, and nobody depends on this alone
            log.warning("the store can't be followed; trying again in %g s", ANEW_AFTER, exc_info=True)
        await clock.sleep(ANEW_AFTER)
