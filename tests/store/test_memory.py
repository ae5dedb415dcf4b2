"""The store in memory: the contract, and its bound."""

import pytest

from agora_rec import MemoryStore, State
from agora_rec.store import memory
from agora_rec.testing.store_contract import StoreContract, a_checkpoint, in_state, names

pytestmark = pytest.mark.anyio


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


@pytest.mark.parametrize("state", [State.IDLE, State.ACQUIRED, State.UPLOADED, State.BACKUPED, State.FAILED])
async def test_of_what_does_not_run_the_last_ones_are_kept(state: State) -> None:
    store = MemoryStore(kept=3)
    for number in range(10):
        await store.save(a_checkpoint(str(number), state), version=0)
    kept = [number for number in range(10) if await store.load(str(number)) is not None]
    assert kept == [7, 8, 9]


async def test_what_is_written_again_counts_as_new() -> None:
    store = MemoryStore(kept=2)
    for name in "12":
        await store.save(a_checkpoint(name, State.FAILED), version=0)
    await store.save(a_checkpoint("1", State.UPLOADED), version=1)
    await store.save(a_checkpoint("3", State.UPLOADED), version=0)
    assert await store.load("2") is None
    assert await store.load("1") is not None


async def test_what_is_unfinished_is_never_forgotten() -> None:
    store = MemoryStore(kept=0)
    for number in range(100):
        await store.save(a_checkpoint(str(number)), version=0)
    assert len(await names(store)) == 100
    await store.save(in_state(a_checkpoint("7"), State.UPLOADED), version=1)
    assert await store.load("7") is None


async def test_what_was_forgotten_may_be_written_again() -> None:
    store = MemoryStore(kept=0)
    checkpoint = a_checkpoint("1", State.ACQUIRED)
    version = await store.save(checkpoint, version=0)
    assert await store.save(in_state(checkpoint, State.STARTING), version=version) == 2
    assert await names(store) == ["1"]


def test_a_thousand_are_kept_by_default() -> None:
    assert MemoryStore()._kept == memory.KEPT == 1000
