"""The store of a fleet under trial: its leases are short, and it makes mistakes where those are planned."""

from attrs import define

from agora_rec.store import Lease, SharedStore
from tests.fleets.plan import Plan
from tests.workers.planted import MISTAKES, Opening
from tests.workers.stores import open_to


@define(eq=False)
class ShortLeases(Opening):
    """A store that lets leases end after a short time: nobody can wait here for minutes.

    They are renewed as late as others, so a living process may lose one; but there is one process at a time.
    """

    seconds: float

    async def lease(self, recording_id: str, holder: str, *, seconds: float) -> Lease | None:
        """Take a lease, for a short time."""
        return await super().lease(recording_id, holder, seconds=min(seconds, self.seconds))


def the_store(plan: Plan, address: str) -> SharedStore:
    """The store at an address, not yet open."""
    store = open_to(address)
    for mistake in plan.mistakes:
        store = MISTAKES[mistake](store) if mistake in MISTAKES else store
    return ShortLeases(store, seconds=plan.lease)
