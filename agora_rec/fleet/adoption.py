"""Taking over recordings that nobody looks after: those of a process that died, or that released them.

Whose they are, leases in the store tell. Recordings that took each other's place, or that record one channel
together, come back as one result.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Final

from agora_rec.fleet.chains import Chain, all_chains_of, last_ones, whole_chain_of
from agora_rec.fleet.spec import spec_of
from agora_rec.recording.lookout import LEASE_SECONDS
from agora_rec.store import Checkpoint, Lease, Stored

if TYPE_CHECKING:
    from agora_rec.fleet.roster import Roster

log: Final = logging.getLogger("agora_rec")

ADOPT_EVERY: Final = 60.0
"""Seconds from one look into the store to the next."""


class Adoption:
    """Looks for recordings that nobody looks after."""

    def __init__(self, roster: "Roster") -> None:
        self._roster = roster
        self._leases: Mapping[str, Lease] = {}
        self._unwanted: list[Lease] = []

    async def run(self) -> None:
        """Look again and again, until cancelled or the fleet begins nothing any more."""
        while not self._roster.is_draining:
            while self._unwanted:
                with suppress(Exception):  # it ends by itself
                    await self._roster.cloud.store.release(self._unwanted.pop())
            await self._roster.clock.sleep(ADOPT_EVERY)
            self.adopt(await self.search())

    async def search(self) -> Mapping[str, Sequence[Chain]]:
        """Find what nobody looks after, and have the right to do so; a store that fails is only reported.

        Returns:
            What belongs together, by the id of the recording that all began with.
        """
        try:
            return await self._search()
        except Exception:  # it may come back
            log.warning("the store can't be looked through for recordings to adopt", exc_info=True)
            return {}

    def adopt(self, found: Mapping[str, Sequence[Chain]]) -> None:
        """Go on with what was found, or let others do so where it is to be begun here or nobody adopts."""
        for root, chains in sorted(found.items(), key=_is_live):  # the last one of a key has it
            if self._is_wanted(chains):
                spec = spec_of(*(chain.last.checkpoint for chain in chains))
                self._roster.enter(spec, is_checked=True).adopt(root, chains, is_asked_for=False)
            else:
                ids = {stored.checkpoint.id for chain in chains for stored in chain.open}
                self._unwanted += [self._leases[each] for each in ids - self._roster.known_ids]

    def _is_wanted(self, chains: Sequence[Chain]) -> bool:
        """Whether that may be adopted still: things may have changed while the store was asked."""
        ids = {stored.checkpoint.id for chain in chains for stored in chain.open}
        keys = {chain.last.checkpoint.key for chain in chains if chain.last.checkpoint.is_live}
        fleet = self._roster
        return not fleet.is_draining and ids.isdisjoint(fleet.known_ids) and keys.isdisjoint(fleet.known_keys)

    async def _search(self) -> Mapping[str, Sequence[Chain]]:
        cloud, found = self._roster.cloud, dict[str, Stored]()
        by_hand = {each.id for each in cloud.recordings if each.driver.ledger.description.plan is None}
        known = self._roster.known_ids | by_hand
        async with aclosing(cloud.store.unfinished()) as all_stored:
            async for stored in all_stored:
                if stored.checkpoint.id not in known:
                    found[stored.checkpoint.id] = stored
        self._leases = {
            recording_id: lease
            for recording_id in found
            if (lease := await cloud.store.lease(recording_id, cloud.holder, seconds=LEASE_SECONDS))
        }

        def is_open(checkpoint: Checkpoint) -> bool:
            return checkpoint.id in found

        groups = defaultdict[str, list[Chain]](list)
        for last in last_ones(found):
            chain = await whole_chain_of(cloud, last, is_open)
            groups[chain.root].append(chain)
        free: dict[str, Sequence[Chain]] = {}
        for root, chains in groups.items():
            ids = {stored.checkpoint.id for chain in chains for stored in chain.open}
            if ids <= self._leases.keys():
                free[root] = await all_chains_of(cloud, chains, is_open)
            else:  # who looks after a part of it does so for the whole, or is dead and will be found to be
                self._unwanted += [self._leases[each] for each in ids & self._leases.keys()]
        return free


def _is_live(group: tuple[str, Sequence[Chain]]) -> bool:
    return any(chain.last.checkpoint.is_live for chain in group[1])
