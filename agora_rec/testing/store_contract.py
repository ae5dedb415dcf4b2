"""What every store must do: a class of tests, to be inherited with a `store` fixture of one's own.

    class TestMyStore(StoreContract):
        @pytest.fixture
        async def store(self) -> AsyncIterator[Store]: ...

It runs under anyio's pytest plugin, on whatever backends the `anyio_backend` fixture names. A store that
several processes share is opened by the fixture; `other` is a second object on the same data, as another
worker has it.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Final

import anyio
import pytest
from attrs import evolve

from agora_rec.codec import dump_mode
from agora_rec.errors import LeaseLost, StoreConflict
from agora_rec.lifecycle import Standing
from agora_rec.model import AmazonS3, AmazonS3Region, Mix
from agora_rec.store import Checkpoint, Lease, Plan, Store, Written
from agora_rec.vocabulary import Region, State

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
ODD: Final = (
    "lesson ",
    "Lesson",
    "lesson\0",
    "l'\";--",
    "{l}:%_*?",
    "\u00e9",
    "e\u0301",
    "\ud800",
    "\U0001f600" * 99,
)
"""Texts that a store might take for others, or not take at all."""
_STORAGE: Final = AmazonS3(region=AmazonS3Region.US_EAST_1, bucket="b", access_key="", secret_key="")
_MODE: Final = dump_mode(Mix(storage=_STORAGE))


def a_checkpoint(name: str, state: State = State.RECORDING, **more: object) -> Checkpoint:
    """A checkpoint of a recording in some state."""
    begun = state not in (State.IDLE, State.ACQUIRED)
    standing = Standing(
        state=state,
        resource_id=f"resource-{name}",
        acquired_at=NOW,
        start_sent_at=NOW if begun else None,
        sid=f"sid-{name}" if begun and state is not State.STARTING else None,
    )
    checkpoint = Checkpoint(
        id=name, cname=f"class-{name}", uid=4294967295, mode=_MODE, standing=standing, saved_at=NOW
    )
    return evolve(checkpoint, **more)  # type: ignore[arg-type] # what the caller wants


def in_state(checkpoint: Checkpoint, state: State, seconds: float = 1.0) -> Checkpoint:
    """The same recording, a little later."""
    later = checkpoint.saved_at + timedelta(seconds=seconds)
    return evolve(checkpoint, standing=evolve(checkpoint.standing, state=state), saved_at=later)


async def names(store: Store) -> list[str]:
    """Who is unfinished, in the order of the store."""
    return [stored.checkpoint.id async for stored in store.unfinished()]


@pytest.mark.anyio
class StoreContract:
    """Inherit it; the tests ask for a fixture `store` that gives an empty one."""

    @pytest.fixture
    async def other(self, store: Store) -> Store:
        """Another worker's object on the same data; the same one where a store is of one process only."""
        return store

    async def test_what_was_saved_is_loaded_as_it_was(self, store: Store) -> None:
        plan = Plan(until=NOW + timedelta(microseconds=1), other_uid=4294967295, follows="0", beside="2")
        more = {"region": Region.EU, "exclude": ("a", "b"), "resource_expired_hour": 5}
        checkpoint = a_checkpoint("1", State.RECORDING, **more, calls=2**40, plan=plan)
        assert await store.save(checkpoint, version=0) == 1
        stored = await store.load("1")
        assert stored is not None
        assert (stored.checkpoint, stored.version) == (checkpoint, 1)

    async def test_nobody_else_is_loaded(self, store: Store) -> None:
        await store.save(a_checkpoint("1"), version=0)
        assert await store.load("2") is None
        assert await store.load("") is None

    async def test_each_write_over_what_was_read_makes_the_next_version(self, store: Store) -> None:
        checkpoint = a_checkpoint("1", State.STARTING)
        version = await store.save(checkpoint, version=0)
        for expected, state in enumerate((State.RECORDING, State.STOPPING, State.UPLOADED), start=2):
            checkpoint = in_state(checkpoint, state)
            version = await store.save(checkpoint, version=version)
            assert version == expected
            stored = await store.load("1")
            assert stored is not None
            assert (stored.checkpoint, stored.version) == (checkpoint, version)

    @pytest.mark.parametrize("version", [0, 1, 3])
    async def test_nobody_writes_over_what_he_has_not_read(self, store: Store, version: int) -> None:
        checkpoint = a_checkpoint("1", State.STARTING)
        await store.save(checkpoint, version=0)
        newer = in_state(checkpoint, State.RECORDING)
        await store.save(newer, version=1)
        with pytest.raises(StoreConflict) as caught:
            await store.save(in_state(checkpoint, State.STOPPING), version=version)
        assert (caught.value.key, caught.value.expected, caught.value.found) == ("1", version, 2)
        stored = await store.load("1")
        assert stored is not None
        assert (stored.checkpoint, stored.version) == (newer, 2)

    async def test_of_many_who_write_at_once_one_wins(self, store: Store) -> None:
        checkpoint = a_checkpoint("1")
        await store.save(checkpoint, version=0)
        won: list[int] = []
        lost: list[int] = []

        async def write(number: int) -> None:
            try:
                await store.save(in_state(checkpoint, State.STOPPING, seconds=number), version=1)
            except StoreConflict:
                lost.append(number)
            else:
                won.append(number)

        async with anyio.create_task_group() as tasks:
            for number in range(1, 11):
                tasks.start_soon(write, number)
        assert len(won) == 1
        assert len(lost) == 9
        stored = await store.load("1")
        assert stored is not None
        assert stored.checkpoint.saved_at == NOW + timedelta(seconds=won[0])

    async def test_unfinished_is_what_has_begun_and_not_ended(self, store: Store) -> None:
        for state in State:
            await store.save(a_checkpoint(state.value, state), version=0)
        assert set(await names(store)) == {"starting", "recording", "stopping"}

    async def test_unfinished_comes_in_the_order_in_which_it_began(self, store: Store) -> None:
        one, two, three = (a_checkpoint(name, State.ACQUIRED) for name in "123")
        for checkpoint in (one, two, three):
            await store.save(checkpoint, version=0)
        for seconds, checkpoint in enumerate((three, one, two)):
            begun = in_state(checkpoint, State.STARTING, seconds)
            sent_at = NOW + timedelta(seconds=seconds)
            standing = evolve(begun.standing, start_sent_at=sent_at)
            await store.save(evolve(begun, standing=standing), version=1)
        assert await names(store) == ["3", "1", "2"]
        stored = await store.load("3")
        assert stored is not None
        await store.save(in_state(stored.checkpoint, State.RECORDING, 9), version=2)
        assert await names(store) == ["3", "1", "2"]

    async def test_unfinished_has_the_newest_checkpoint_and_its_version(self, store: Store) -> None:
        checkpoint = a_checkpoint("1", State.STARTING)
        await store.save(checkpoint, version=0)
        newer = in_state(checkpoint, State.RECORDING)
        await store.save(newer, version=1)
        (stored,) = [each async for each in store.unfinished()]
        assert (stored.checkpoint, stored.version) == (newer, 2)

    async def test_what_ends_is_unfinished_no_more(self, store: Store) -> None:
        checkpoint = a_checkpoint("1")
        await store.save(checkpoint, version=0)
        await store.save(in_state(checkpoint, State.FAILED), version=1)
        assert await names(store) == []

    async def test_it_may_be_written_to_while_somebody_goes_through_it(self, store: Store) -> None:
        for number in range(3):
            await store.save(a_checkpoint(str(number)), version=0)
        seen: list[str] = []
        async for stored in store.unfinished():
            seen.append(stored.checkpoint.id)
            await store.save(in_state(stored.checkpoint, State.UPLOADED), version=1)
            await store.save(a_checkpoint(f"new-{len(seen)}"), version=0)
            assert len(seen) <= 20, "it never ends"
        assert seen[:3] == ["0", "1", "2"]

    async def test_going_through_it_may_be_given_up(self, store: Store) -> None:
        for number in range(3):
            await store.save(a_checkpoint(str(number)), version=0)
        async with aclosing(store.unfinished()) as going:
            assert (await anext(going)).checkpoint.id == "0"
        assert len(await names(store)) == 3

    async def test_a_recording_is_found_by_its_sid_ended_or_not(self, store: Store) -> None:
        await store.save(a_checkpoint("1", State.STARTING), version=0)
        assert await store.load_by_sid("sid-1") is None
        assert await store.load_by_sid("") is None
        for version, state in enumerate((State.RECORDING, State.STOPPING, State.UPLOADED), start=1):
            await store.save(a_checkpoint("1", state), version=version)
            stored = await store.load_by_sid("sid-1")
            assert stored is not None
            assert (stored.checkpoint, stored.version) == (a_checkpoint("1", state), version + 1)

    async def test_those_who_wait_for_their_sid_are_found_by_channel_and_uid(self, store: Store) -> None:
        one, other = (
            evolve(a_checkpoint(name, State.STARTING), cname="class", uid=uid)
            for name, uid in (("1", 7), ("2", 8))
        )
        again = evolve(a_checkpoint("3", State.STARTING), cname="class", uid=7)
        for checkpoint in (one, other, again):
            await store.save(checkpoint, version=0)
        found = await store.load_starting("class", 7)
        assert {stored.checkpoint.id for stored in found} == {"1", "3"}
        assert all(stored.version == 1 for stored in found)
        assert await store.load_starting("class", 9) == ()
        for version, state in enumerate((State.RECORDING, State.UPLOADED), start=1):
            await store.save(in_state(one, state), version=version)
            (left,) = await store.load_starting("class", 7)
            assert left.checkpoint == again
        await store.save(in_state(again, State.IDLE), version=1)
        assert await store.load_starting("class", 7) == ()

    async def test_whoever_begins_anew_waits_for_his_sid_again(self, store: Store) -> None:
        checkpoint = a_checkpoint("1", State.STARTING)
        await store.save(checkpoint, version=0)
        await store.save(in_state(checkpoint, State.ACQUIRED), version=1)
        taken = evolve(in_state(checkpoint, State.STARTING), uid=8)
        await store.save(taken, version=2)
        assert await store.load_starting(checkpoint.cname, checkpoint.uid) == ()
        (stored,) = await store.load_starting(checkpoint.cname, 8)
        assert (stored.checkpoint, stored.version) == (taken, 3)

    async def test_of_many_who_claim_a_key_one_makes_it_and_all_get_the_same(
        self, store: Store, other: Store
    ) -> None:
        got: list[str] = []

        async def claim(number: int) -> None:
            stored = await (store, other)[number % 2].claim(
                a_checkpoint(str(number), State.IDLE, key="lesson")
            )
            got.append(stored.checkpoint.id)
            assert stored.version == 1

        async with anyio.create_task_group() as tasks:
            for number in range(10):
                tasks.start_soon(claim, number)
        assert len(got) == 10
        assert len(set(got)) == 1
        for each in (store, other):
            stored = await each.load_by_key("lesson")
            assert stored is not None
            assert stored.checkpoint.id == got[0]
            assert await each.load_by_key("another lesson") is None

    @pytest.mark.parametrize(
        "state", [State.IDLE, State.ACQUIRED, State.STARTING, State.RECORDING, State.STOPPING]
    )
    async def test_what_is_live_is_claimed_as_it_is(self, store: Store, state: State) -> None:
        checkpoint = a_checkpoint("1", State.IDLE, key="lesson")
        await store.claim(checkpoint)
        await store.save(in_state(checkpoint, state), version=1)
        stored = await store.claim(a_checkpoint("2", State.IDLE, key="lesson"))
        assert (stored.checkpoint, stored.version) == (in_state(checkpoint, state), 2)
        assert await store.load("2") is None

    @pytest.mark.parametrize("state", [State.UPLOADED, State.BACKUPED, State.FAILED, State.STOPPING])
    async def test_what_has_left_or_ended_makes_room_for_another(self, store: Store, state: State) -> None:
        checkpoint = a_checkpoint("1", State.IDLE, key="lesson")
        await store.claim(checkpoint)
        standing = evolve(checkpoint.standing, state=state, left_at=NOW)
        gone = evolve(checkpoint, standing=standing)
        await store.save(gone, version=1)
        stored = await store.claim(a_checkpoint("2", State.IDLE, key="lesson"))
        assert (stored.checkpoint.id, stored.version) == ("2", 1)
        await store.save(evolve(gone, saved_at=NOW + timedelta(seconds=9)), version=2)
        found = await store.load_by_key("lesson")
        assert found is not None
        assert found.checkpoint.id == "2", "what is written late of the one before doesn't take the key back"

    async def test_a_key_that_somebody_else_has_written_can_be_found(self, store: Store) -> None:
        await store.save(a_checkpoint("1", key="lesson"), version=0)
        found = await store.load_by_key("lesson")
        assert found is not None
        assert found.checkpoint.key == "lesson"

    @pytest.mark.parametrize("odd", ODD)
    async def test_any_text_is_a_name_of_its_own(self, store: Store, odd: str) -> None:
        starting = a_checkpoint(f"starting-{odd}", State.STARTING, cname=odd)
        await store.save(starting, version=0)
        leases: list[Lease | None] = []
        for name, text in (("1", "lesson"), ("2", odd), ("3", "e")):
            assert await store.load_by_key(text) is None
            await store.claim(a_checkpoint(name, State.IDLE, key=text))
            standing = evolve(a_checkpoint(name).standing, sid=text)
            await store.save(a_checkpoint(name, key=text, standing=standing), version=1)
            leases.append(await store.lease(text, text, seconds=60))
            await store.mark([text], seconds=60)
        for found in (await store.load_by_key(odd), await store.load_by_sid(odd)):
            assert found is not None
            assert (found.checkpoint.id, found.checkpoint.standing.sid) == ("2", odd)
        (waiting,) = await store.load_starting(odd, starting.uid)
        assert waiting.checkpoint == starting
        assert await store.load(starting.id) == waiting
        assert await store.is_marked([odd])
        lease = await store.lease(odd, odd, seconds=60)
        assert lease is not None
        assert (lease.recording_id, lease.holder) == (odd, odd)
        assert lease == leases[1], "his own is renewed"

    async def test_whoever_is_cancelled_leaves_a_store_that_works(self, store: Store) -> None:
        for number in range(3):
            with anyio.move_on_after(0):
                await store.save(a_checkpoint(f"cancelled-{number}"), version=0)
        assert await store.save(a_checkpoint("1"), version=0) == 1
        assert "1" in await names(store)

    async def test_one_holds_a_lease_until_he_gives_it_back(self, store: Store, other: Store) -> None:
        lease = await store.lease("1", "worker-a", seconds=60)
        assert lease is not None
        assert await other.lease("1", "worker-b", seconds=60) is None
        assert await store.lease("1", "worker-a", seconds=60) == lease
        another = await other.lease("2", "worker-b", seconds=60)
        assert another is not None
        await store.release(lease)
        taken = await other.lease("1", "worker-b", seconds=60)
        assert taken is not None
        assert taken.token > lease.token
        await store.release(lease)
        assert await store.lease("1", "worker-a", seconds=60) is None, "he has lost it already"

    async def test_a_lease_that_nobody_renews_is_over(self, store: Store, other: Store) -> None:
        lease = await store.lease("1", "worker-a", seconds=0.3)
        assert lease is not None
        renewed = await store.lease("2", "worker-a", seconds=0.3)
        assert await store.lease("2", "worker-a", seconds=60) == renewed
        await store.save(a_checkpoint("1"), version=0)
        await anyio.sleep(0.5)
        with pytest.raises(LeaseLost):
            await store.save(a_checkpoint("1"), version=1, lease=lease)
        assert await other.lease("2", "worker-b", seconds=60) is None
        taken = await other.lease("1", "worker-b", seconds=60)
        assert taken is not None
        assert taken.token > lease.token

    async def test_whoever_has_lost_the_lease_writes_nothing(self, store: Store, other: Store) -> None:
        checkpoint = a_checkpoint("1")
        await store.save(checkpoint, version=0)
        lease = await store.lease("1", "worker-a", seconds=60)
        assert lease is not None
        assert await store.save(in_state(checkpoint, State.STOPPING), version=1, lease=lease) == 2
        await store.release(lease)
        for _ in range(2):
            with pytest.raises(LeaseLost):
                await store.save(in_state(checkpoint, State.UPLOADED), version=2, lease=lease)
            await other.lease("1", "worker-b", seconds=60)
        stored = await store.load("1")
        assert stored is not None
        assert stored.version == 2

    async def test_marks_are_remembered_for_their_time(self, store: Store, other: Store) -> None:
        await store.mark(["a", "b"], seconds=60)
        await store.mark(["c", "d"], seconds=0.3)
        await store.mark(["d"], seconds=60)
        await store.mark([], seconds=60)
        assert await other.is_marked(["x", "b"])
        assert await other.is_marked(["c"])
        assert not await other.is_marked(["x"])
        assert not await other.is_marked([])
        await anyio.sleep(0.5)
        assert not await other.is_marked(["c"])
        assert await other.is_marked(["d"])
        await store.mark(["c"], seconds=60)
        assert await other.is_marked(["c"])

    async def test_whoever_follows_hears_of_each_recording(self, store: Store, other: Store) -> None:
        await store.save(a_checkpoint("before"), version=0)
        async with other.changes() as changes:
            await store.save(a_checkpoint("1"), version=0)
            await store.claim(a_checkpoint("2", State.IDLE, key="lesson"))
            await store.save(in_state(a_checkpoint("1"), State.STOPPING), version=1)
            with anyio.fail_after(5):
                await _hear(changes, {Written("1", 2), Written("2", 1)})
            await store.save(a_checkpoint("3"), version=0)
            with anyio.fail_after(5):
                await _hear(changes, {Written("3", 1)})

    async def test_all_who_follow_hear_of_it(self, store: Store, other: Store) -> None:
        async with store.changes() as here, store.changes() as here_too, other.changes() as there:
            await store.save(a_checkpoint("1"), version=0)
            await other.save(a_checkpoint("2"), version=0)
            with anyio.fail_after(5):
                for changes in (here, here_too, there):
                    await _hear(changes, {Written("1", 1), Written("2", 1)})


async def _hear(changes: AsyncIterator[Written], awaited: set[Written]) -> None:
    """Follow until all of this was told."""
    while awaited:
        awaited.discard(await anext(changes))
