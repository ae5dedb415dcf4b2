"""Adopting what nobody looks after: after a release, a death, in mid-start; as the whole that it was."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import pytest
from attrs import define

from agora_rec import Alternate, CloudRecording, Fleet, MemoryStore, Replacement, ResultState, State, Twin
from agora_rec.clock import LoopClock
from agora_rec.emulator import Emulator, LoseAnswer
from agora_rec.store import Stored
from agora_rec.supervision import IncidentKind
from tests.fleet.courses import LOOK_LATER, a_spec, lose, only, require_nothing_left
from tests.support.backends import virtual_time
from tests.support.cloud import START, a_client, an_emulator, calling
from tests.support.stores import HandingOn

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


@define
class Site:
    """A service and a store, for one process after the other."""

    emulator: Emulator
    store: Any
    clock: LoopClock

    @asynccontextmanager
    async def process(self, **more: Any) -> AsyncGenerator[tuple[CloudRecording, Fleet]]:
        """A process that adopts, and stops all in the end."""
        given: dict[str, Any] = {"on_exit": "stop", "adopt": True}
        async with a_client(self.emulator, self.clock, store=self.store) as cloud:
            async with Fleet(cloud, **(given | more)) as fleet:
                yield cloud, fleet
            require_nothing_left(fleet)

    async def died(self, *specs: Any, seconds: float = 60.0, **more: Any) -> None:
        """A process that has begun these and is gone; its leases are over."""
        async with self.process(on_exit="release", adopt=False, **more) as (_, fleet):
            for spec in specs:
                await fleet.start(spec)
            await anyio.sleep(seconds)

    @property
    def running(self) -> int:
        return len(self.emulator.running())


@pytest.fixture
def site() -> Site:
    clock = LoopClock()
    return Site(an_emulator(clock=clock, repeated_start_with_sid=True), MemoryStore(clock=clock), clock)


async def test_what_was_released_is_adopted_at_once_with_its_key_and_its_end(site: Site) -> None:
    await site.died(a_spec(key="lesson", until=timedelta(seconds=600), alternate=Alternate(uid=7)))
    async with site.process(on_exit="wait", limit=1) as (_, fleet):
        (recording,) = fleet.recordings
        assert recording.key == "lesson"
        assert (await fleet.start(a_spec(key="lesson", alternate=Alternate(uid=7)))) is recording
        assert fleet._roster.places.used == 1
    assert only(fleet).state is ResultState.UPLOADED
    assert site.running == 0
    (session,) = site.emulator.sessions
    assert session.ended_at is not None
    assert (session.ended_at - session.started_at).total_seconds() == pytest.approx(600, abs=5)
    assert only(fleet).calls == len(site.emulator.calls)


async def test_what_somebody_looks_after_is_left_to_him_until_he_is_gone(site: Site) -> None:
    async with site.process(adopt=False, on_exit="release") as (_, theirs):
        await theirs.start(a_spec())
        async with site.process(on_exit="release") as (_, fleet):
            await anyio.sleep(200)
            assert not [*fleet.recordings]
        await anyio.sleep(10)
    async with site.process() as (_, fleet):
        assert len(fleet.recordings) == 1


async def test_what_is_released_while_others_run_is_found_within_a_minute(site: Site) -> None:
    async with site.process() as (_, fleet):
        await site.died(a_spec())
        assert site.running == 1
        await anyio.sleep(61)
        assert len(fleet.recordings) == 1
    assert site.running == 0


@pytest.mark.parametrize("lasts", [timedelta(minutes=10), None])
async def test_one_that_was_in_mid_start_is_gone_on_with(site: Site, lasts: timedelta | None) -> None:
    site.emulator.inject(LoseAnswer(), operation=START, times=None)
    async with site.process(on_exit="release", adopt=False) as (_, fleet), anyio.create_task_group() as tasks:
        await calling(tasks, lambda: fleet.start(a_spec(key="lesson", until=lasts)))
        await anyio.sleep(20)
        tasks.cancel_scope.cancel()
    site.emulator.clear_faults()
    assert site.running == 1
    async with site.process() as (_, fleet):
        results = list[ResultState]()
        async for result in fleet.record(
            [a_spec(key="lesson", until=lasts or timedelta(minutes=5))], resume=True
        ):
            results.append(result.state)
        assert len(results) == 1
    assert site.running == 0
    assert len(site.emulator.sessions) == 1


async def test_what_is_recorded_together_comes_back_as_one(site: Site) -> None:
    twins = [Twin(uid=1, alternate=Alternate(uid=11)), Twin(uid=2, alternate=Alternate(uid=12))]
    spec = a_spec(twins=twins, key="lesson", alternate=Alternate(uid=10), replacement=Replacement())
    await site.died(spec)
    async with site.process(limit=3, replacement=Replacement()) as (_, fleet):
        assert [each.uid for each in fleet.recordings] == [1000, 1, 2]
        assert len(fleet.report().results) == 1
        assert fleet._roster.places.used == 3
        await anyio.sleep(60)
    assert only(fleet).spec.cname == "class-0"
    assert len(only(fleet).takes) == 3
    assert site.running == 0


async def test_what_was_replaced_comes_back_with_what_was_before(site: Site) -> None:
    spec = a_spec(key="lesson", alternate=Alternate(uid=2000), replacement=Replacement())

    async with site.process(on_exit="release", adopt=False) as (_, fleet):
        await fleet.start(spec)
        await anyio.sleep(200)
        await lose(site, site.emulator.running()[0].sid)
        await anyio.sleep(LOOK_LATER)
        assert fleet.recordings[0].uid == 2000
    async with site.process(replacement=Replacement()) as (_, fleet):
        await anyio.sleep(30)
        assert [each.uid for each in fleet.recordings] == [2000]
        assert site.running == 1
    assert [take.uid for take in only(fleet).takes] == [1000, 2000]
    assert len(site.emulator.sessions) == 2


async def test_what_a_user_of_the_same_client_drives_by_hand_is_left_to_him(site: Site) -> None:
    async with site.process() as (cloud, fleet):
        recording = await cloud.claim("mine", cname="class-9", uid=9, mode=a_spec().mode)
        await recording.ensure_started()
        await anyio.sleep(200)
        assert not [*fleet.recordings]
        assert fleet.report().results == ()
    assert recording.state in {State.RECORDING, State.STOPPING}


async def test_what_was_given_up_isnt_adopted_again_and_again(site: Site) -> None:
    site.emulator.inject(LoseAnswer(), operation=START, times=None)
    async with site.process(on_exit="release", adopt=False) as (_, fleet), anyio.create_task_group() as tasks:
        await calling(tasks, lambda: fleet.start(a_spec()))
        await anyio.sleep(20)
        tasks.cancel_scope.cancel()
    async with site.process() as (_, fleet):
        await anyio.sleep(1200)
        assert len(fleet.report().results) == 1
        assert only(fleet).state is ResultState.UNCONFIRMED
        site.emulator.channel("class-0").empty()


class Moody(HandingOn):
    """A store that can't be looked through when it is told so."""

    is_down = True

    async def unfinished(self) -> AsyncGenerator[Stored]:
        if self.is_down:
            raise OSError("not now")
        async for stored in self.inner.unfinished():
            yield stored


async def test_a_store_that_fails_is_looked_through_again(site: Site) -> None:
    await site.died(a_spec())
    site.store = Moody(site.store)
    async with site.process() as (_, fleet):
        await anyio.sleep(70)
        assert not [*fleet.recordings]
        site.store.is_down = False
        await anyio.sleep(60)
        assert [*fleet.recordings]
    assert site.running == 0


async def test_a_fleet_that_drains_adopts_nothing_more(site: Site) -> None:
    async with site.process(on_exit="wait") as (_, fleet):
        await site.died(a_spec())
        fleet.drain()
        await anyio.sleep(200)
        assert not [*fleet.recordings]
    async with site.process() as (_, fleet):
        await anyio.sleep(70)
        assert len(fleet.recordings) == 1


@pytest.mark.parametrize(
    ("alternate", "why"), [(None, "another uid"), (Alternate(uid=2000), "storage keys")], ids=["uid", "keys"]
)
async def test_what_was_adopted_and_is_lost_cant_always_be_replaced_and_it_is_told_why(
    site: Site, alternate: Alternate | None, why: str
) -> None:
    await site.died(a_spec(alternate=alternate))
    async with site.process(replacement=Replacement()) as (_, fleet):
        await anyio.sleep(200)
        await lose(site, site.emulator.running()[0].sid)
        await anyio.sleep(LOOK_LATER)
        told = [each.text for each in only(fleet).failures if each.kind is IncidentKind.NOT_REPLACED]
        assert len(told) == 1
        assert why in told[0]
    assert len(site.emulator.sessions) == 1
