"""Who looks after a recording that several workers wait for: one of them, as long as it lives."""

import logging
from contextlib import suppress
from typing import Final

from agora_rec.recording.keeper import Keeper
from agora_rec.recording.ledger import Ledger
from agora_rec.store import Lease

log: Final = logging.getLogger("agora_rec")

LEASE_SECONDS: Final = 150.0
"""How long the right to look lasts: longer than from one look to the next (`watching.WATCH_EVERY`)."""


class Lookout:
    """A worker's right to look after one recording: a lease in the store, where others may have it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._keeper: Keeper = ledger.keeper
        self._lease: Lease | None = None
        self._seconds = LEASE_SECONDS

    async def take(self, seconds: float = LEASE_SECONDS) -> bool:
        """Take the right to look, or renew it; whether it is had.

        A store that can't be asked keeps nobody from looking: better two who look than none.
        """
        if not self._keeper.is_store_shared:
            return True
        try:
            self._lease = await self._renewed(seconds)
        except Exception:  # whatever its driver raises
            label, fields = self._ledger.description.label, self._ledger.log_fields
            log.warning("no lease could be had for recording %s", label, exc_info=True, extra=fields)
            return True
        return self._lease is not None

    async def is_kept(self) -> bool:
        """Whether the right that was taken last is had still: whoever was held up may have lost it."""
        lease = self._lease
        return lease is None or (await self.take(self._seconds) and self._lease == lease)

    async def give_back(self) -> None:
        """Let others look."""
        lease, self._lease = self._lease, None
        if lease is not None:
            with suppress(Exception):  # it ends by itself
                await self._keeper.store.release(lease)

    async def _renewed(self, seconds: float) -> Lease | None:
        self._seconds = seconds
        recording_id = self._ledger.description.id
        return await self._keeper.store.lease(recording_id, self._keeper.holder, seconds=seconds)
