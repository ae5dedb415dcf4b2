"""Which recordings of a store belong together: those that took each other's place, and those beside them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from attrs import frozen

from agora_rec.client import CloudRecording
from agora_rec.fleet.spec import twin_key
from agora_rec.recording import Recording
from agora_rec.store import Checkpoint, Plan, Stored

LONGEST: Final = 100
"""How many are gone through at most, from one to the one before."""


@frozen(kw_only=True)
class Chain:
    """Recordings of one recorder, each of which took the place of the one before.

    Attributes:
        root: The id of the recording that all began with: the first one's of the first recorder.
        last: The one that took the place of all others.
        open: Those that are to be followed, oldest first.
        earlier: The others, oldest first.
    """

    root: str
    last: Stored
    open: tuple[Stored, ...]
    earlier: tuple[Recording, ...]

    @property
    def number(self) -> int:
        """Which of the recorders of a spec it is: 0 for its own, then its twins."""
        return _plan(self.last.checkpoint).number


async def chain_of(cloud: CloudRecording, last: Stored, is_open: Callable[[Checkpoint], bool]) -> Chain:
    """A recording, and those before it.

    Args:
        cloud: The client; its store is read.
        last: The last of them.
        is_open: Which are to be followed.

    Raises:
        Exception: Whatever the store raises.
    """
    still_open, earlier, stored = list[Stored](), tuple[Recording, ...](), last
    for _ in range(LONGEST):
        if is_open(stored.checkpoint):
            still_open.insert(0, stored)
        else:
            earlier = (cloud.visit(stored), *earlier)
        before = _plan(stored.checkpoint).follows
        found = None if before is None else await cloud.store.load(before)
        if found is None:
            break
        stored = found
    root = _plan(last.checkpoint).beside or stored.checkpoint.id
    return Chain(root=root, last=last, open=tuple(still_open), earlier=earlier)


async def whole_chain_of(
    cloud: CloudRecording, stored: Stored, is_open: Callable[[Checkpoint], bool]
) -> Chain:
    """The recordings of one recorder, when all that is known is one that is to be followed.

    Others may have taken its place and be over already: its key tells, if it has one.
    """
    key = stored.checkpoint.key
    newest = None if key is None else await cloud.store.load_by_key(key)
    if newest is not None and newest.checkpoint.id != stored.checkpoint.id:
        chain = await chain_of(cloud, newest, is_open)
        if any(each.checkpoint.id == stored.checkpoint.id for each in chain.open):
            return chain
    return await chain_of(cloud, stored, is_open)


async def all_chains_of(
    cloud: CloudRecording, chains: Sequence[Chain], is_open: Callable[[Checkpoint], bool]
) -> tuple[Chain, ...]:
    """Those of all recorders of one spec, when all that is known are some: the others may be over already.

    The first one's is found by the id that all of them know, its twins' by their keys.
    """
    root = chains[0].root
    first = await cloud.store.load(root)
    numbers, others = {chain.number for chain in chains}, list[Chain]()
    if first is None:
        return tuple(chains)
    key = first.checkpoint.key
    if 0 not in numbers:
        newest = None if key is None else await cloud.store.load_by_key(key)
        chain = await chain_of(cloud, newest or first, is_open)
        others.append(chain if chain.root == root else await chain_of(cloud, first, is_open))
    number = 1
    while key is not None and (twin := await cloud.store.load_by_key(twin_key(key, number))) is not None:
        is_of_this = _plan(twin.checkpoint).beside == root
        if is_of_this and number not in numbers and not twin.checkpoint.standing.state.is_before_start:
            others.append(await chain_of(cloud, twin, is_open))
        number += 1
    return tuple(sorted((*chains, *others), key=lambda chain: chain.number))


def last_ones(found: Mapping[str, Stored]) -> tuple[Stored, ...]:
    """Those whose place no other one has taken."""
    followed = {_plan(stored.checkpoint).follows for stored in found.values()}
    return tuple(stored for recording_id, stored in found.items() if recording_id not in followed)


def _plan(checkpoint: Checkpoint) -> Plan:
    return checkpoint.plan or Plan()
