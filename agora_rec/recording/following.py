"""Keeping pace with a store: learning what others write, and writing what it couldn't take at first."""

import logging
from collections.abc import Callable, Iterable
from typing import Final

from agora_rec.clock import Clock
from agora_rec.recording.recording import Recording
from agora_rec.store import MISSED, Store

log: Final = logging.getLogger("agora_rec")

ANEW_AFTER: Final = 5.0
"""Seconds after which a store that could not be followed, or not written, is tried again."""


async def write_what_is_left(clock: Clock, find_all: Callable[[], Iterable[Recording]]) -> None:
    """Write what could not be written when it happened, until cancelled: other workers wait for it.

    Args:
        clock: Where time comes from.
        find_all: All that somebody here holds.
    """
    while True:
        await clock.sleep(ANEW_AFTER)
        for recording in find_all():
            await recording.hearing.write_what_is_left()


async def follow(
    store: Store,
    clock: Clock,
    find: Callable[[str], Recording | None],
    find_all: Callable[[], Iterable[Recording]],
) -> None:
    """Follow until cancelled. A store that fails is followed anew; whoever waits looks by himself meanwhile.

    Args:
        store: What is followed.
        clock: Where time comes from.
        find: The recording with that id, if somebody here holds it.
        find_all: All that somebody here holds.
    """
    while True:
        try:
            async with store.changes() as changes:
                async for written in changes:
                    if written == MISSED:
                        for recording in find_all():
                            await recording.hearing.keep_pace()
                        continue
                    held = find(written.recording_id)
                    if held is not None:
                        await held.hearing.catch_up(written.version)
        except Exception:  # it may come back, and nobody depends on this alone
            log.warning("the store can't be followed; trying again in %g s", ANEW_AFTER, exc_info=True)
        await clock.sleep(ANEW_AFTER)
