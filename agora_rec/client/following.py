"""Keeping pace with a store: learning what others write, and writing what it couldn't take at first.

What that is, `Unwritten` knows.
"""

import logging
from typing import Final

from agora_rec.clock import Clock
from agora_rec.recording import Unwritten
from agora_rec.register import Register
from agora_rec.store import MISSED, Store

log: Final = logging.getLogger("agora_rec")

ANEW_AFTER: Final = 5.0
"""Seconds after which a store that could not be followed, or not written, is tried again."""

WRITE_WITHIN: Final = 30.0
"""Seconds that a client which closes gives its store to take what it couldn't before."""


async def write_what_is_left(clock: Clock, unwritten: Unwritten) -> None:
    """Write what could not be written when it happened, until cancelled: other workers wait for it."""
    while True:
        await clock.sleep(ANEW_AFTER)
        await write_once(unwritten)


async def write_before_closing(clock: Clock, unwritten: Unwritten) -> None:
    """Write what is left for the last time, and say what the store doesn't know when its client is gone."""
    with clock.move_on_after(WRITE_WITHIN) as scope:
        scope.shield = True
        await write_once(unwritten)
    unwritten.give_up()


async def write_once(unwritten: Unwritten) -> None:
    """Write what is left, up to the first failure: a store that is away need not be asked for each."""
    for ledger in unwritten.ledgers:
        await ledger.save_after()
        if ledger in unwritten:
            return


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
