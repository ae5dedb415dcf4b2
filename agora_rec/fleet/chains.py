"""Which recordings of a store belong together: those that took each other's place, and those beside them."""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from agora_rec.client import CloudRecording
from agora_rec.recording import Take
from agora_rec.store import Checkpoint, Plan, Stored

LONGEST: Final = 100
"""How many are gone through at most, from one to the one before."""


@frozen
class Chain:
    """Recordings of one recorder, each of which took the place of the one before.

    Attributes:
        root: The id of the recording that all began with: the first one's of the first recorder.
        open: Those that are not over, oldest first; one at least.
        earlier: What those recorded that are over, oldest first.
    """

    root: str
    open: tuple[Stored, ...]
    earlier: tuple[Take, ...]

    @property
    def last(self) -> Stored:
        """The one that took the place of all others."""
        return self.open[-1]

    @property
    def is_beside(self) -> bool:
        """Whether it is that of a twin."""
        return _plan(self.last.checkpoint).beside is not None


async def chain_of(cloud: CloudRecording, last: Stored, free: Mapping[str, Stored]) -> Chain:
    """The recordings before one.

    Args:
        cloud: The client; its store is read.
        last: The last of them.
        free: Those that may be taken over, by id.

    Raises:
        Exception: Whatever the store raises.
    """
    still_open, earlier, stored = [last], tuple[Take, ...](), last
    for _ in range(LONGEST):
        before = _plan(stored.checkpoint).follows
        found = None if before is None else free.get(before) or await cloud.store.load(before)
        if found is None:
            break
        stored = found
        if stored.checkpoint.id in free:
            still_open.insert(0, stored)
        else:
            earlier = (*cloud.visit(stored).outcome.takes, *earlier)
    root = _plan(last.checkpoint).beside or stored.checkpoint.id
    return Chain(root, tuple(still_open), earlier)


def last_ones(free: Mapping[str, Stored]) -> tuple[Stored, ...]:
    """Those whose place no other one has taken."""
    followed = {_plan(stored.checkpoint).follows for stored in free.values()}
    return tuple(stored for recording_id, stored in free.items() if recording_id not in followed)


def _plan(checkpoint: Checkpoint) -> Plan:
    return checkpoint.plan or Plan()
