"""Recorders of one channel are adopted as a whole: none is left behind, none that is over is forgotten."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import pytest
from attrs import define, field

from agora_rec import Alternate, CloudRecording, Fleet, MemoryStore, Plan, Replacement, Result, Spec, Twin
from agora_rec.clock import LoopClock
from agora_rec.emulator import Delay, Emulator, Refuse
from agora_rec.fleet import ResultState, chains
from agora_rec.supervision import IncidentKind
from tests.support.backends import virtual_time
from tests.support.cloud import ACQUIRE, a_client, an_emulator, mix
from tests.support.secrets import WEBHOOK_SECRET

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


@define
class Workers:
    """Several of them, one after the other, with one store."""

    settings: dict[str, Any] = field(factory=dict[str, Any])
    client: dict[str, Any] = field(factory=dict[str, Any])
    clock: LoopClock = field(factory=LoopClock)
    emulator: Emulator = field(init=False)
    store: MemoryStore = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.emulator = an_emulator(clock=self.clock, **self.settings)
        self.store = MemoryStore(clock=self.clock)

    @asynccontextmanager
    async def fleet(self, on_exit: Any = "wait", **more: Any) -> AsyncGenerator[tuple[CloudRecording, Fleet]]:
        """A worker with a fleet."""
        async with (
            a_client(self.emulator, self.clock, store=self.store, **self.client) as cloud,
            Fleet(cloud, on_exit=on_exit, **more) as fleet,
        ):
            yield cloud, fleet

    def spec(self, **more: Any) -> Spec:
        """One with a twin, that ends in a while."""
        given: dict[str, Any] = {
            "key": "lesson",
            "twins": (Twin(uid=2),),
            "until": self.clock.now() + timedelta(hours=1),
        }
        return Spec("class-1", 1, mix(), **(given | more))

    async def begin_and_release(self, spec: Spec, *, stopped: int | None = None) -> None:
        """Have one worker begin it, stop one of its recorders, and let go of the rest."""
        async with self.fleet("release") as (_, fleet):
            await fleet.start(spec)
            await anyio.sleep(60)
            if stopped is not None:
                await fleet.recordings[stopped].ensure_stopped()
                await anyio.sleep(60)

    async def begin_to_replace(self, *, is_started: bool = False) -> Spec:
        """Have one worker die when another recording was to take the place of what it had begun."""
        spec = self.spec(twins=(), alternate=Alternate(uid=5), replacement=Replacement())
        async with self.fleet("release") as (cloud, fleet):
            recording = await fleet.start(spec)
            await anyio.sleep(60)
            follower = recording.driver.ledger.description.in_its_place(
                under=Alternate(uid=5), exclude=(), plan=Plan(follows=recording.id)
            )
            await recording.ensure_stopped()
            claimed = await cloud.claimed(follower)
            if is_started:
                await claimed.ensure_started()
        return spec

    async def adopt(self) -> tuple[Result, ...]:
        """Have another worker go on to the end; what it tells."""
        async with self.fleet(adopt=True) as (_, fleet):
            await anyio.sleep(600)
        return fleet.report().results

    def sids(self) -> set[str]:
        """All that were recorded."""
        return {session.sid for session in self.emulator.sessions}


@pytest.mark.parametrize("held", [0, 1])
async def test_a_group_of_which_somebody_holds_a_part_is_not_torn_apart(held: int):
    workers = Workers()
    await workers.begin_and_release(workers.spec())
    ids = [each.checkpoint.id async for each in workers.store.unfinished()]
    await workers.store.lease(ids[held], "somebody", seconds=200)
    async with workers.fleet(adopt=True) as (_, fleet):
        await anyio.sleep(150)
        assert not fleet.recordings
        assert await workers.store.lease(ids[1 - held], "anybody", seconds=10) is not None
        await anyio.sleep(150)
        assert len(fleet.recordings) == 2
    (result,) = fleet.report().results
    assert {take.sid for take in result.takes} == workers.sids()
    assert result.state is ResultState.UPLOADED
    assert not workers.emulator.running()


@pytest.mark.parametrize("stopped", [0, 1])
async def test_what_is_over_is_in_the_result_of_what_is_adopted(stopped: int):
    workers = Workers()
    await workers.begin_and_release(workers.spec(), stopped=stopped)
    (result,) = await workers.adopt()
    assert (result.spec.key, result.spec.uid) == ("lesson", 1)
    assert {take.sid for take in result.takes} == workers.sids()
    assert len(result.files) == 2


@pytest.mark.parametrize("stopped", [0, 1])
async def test_without_a_key_the_first_is_found_and_twins_that_are_over_are_not(stopped: int):
    workers = Workers()
    await workers.begin_and_release(workers.spec(key=None), stopped=stopped)
    (result,) = await workers.adopt()
    assert result.spec.uid == 1
    assert len(result.takes) == 2 - stopped


async def test_a_first_recorder_that_was_replaced_and_is_over_is_in_the_result_with_both_takes():
    workers = Workers()
    twin = Twin(uid=2, alternate=Alternate(uid=102))
    spec = workers.spec(alternate=Alternate(uid=101), twins=(twin,))
    async with workers.fleet("release", replacement=Replacement()) as (_, fleet):
        first = await fleet.start(spec)
        await anyio.sleep(60)
        for _ in range(4):
            workers.emulator.fail_over(first.sid or "", seconds=0.5)
            await anyio.sleep(1)
        await anyio.sleep(400)
        await next(each for each in fleet.recordings if each.uid == 101).ensure_stopped()
        await anyio.sleep(60)
    (result,) = await workers.adopt()
    assert {take.sid for take in result.takes} == workers.sids()
    assert len(result.takes) == 3


async def test_a_first_recorder_that_the_store_has_forgotten_keeps_nobody_from_adopting_its_twin():
    workers = Workers()
    workers.store = MemoryStore(clock=workers.clock, kept=0)
    await workers.begin_and_release(workers.spec(), stopped=0)
    (result,) = await workers.adopt()
    assert [take.uid for take in result.takes] == [2]


async def test_a_key_that_somebody_has_taken_since_leads_to_the_first_recorder_all_the_same():
    workers = Workers()
    await workers.begin_and_release(workers.spec(), stopped=0)
    async with a_client(workers.emulator, workers.clock, store=workers.store) as cloud:
        await cloud.claim("lesson", cname="class-1", uid=1, mode=mix())
    (result,) = await workers.adopt()
    assert {take.sid for take in result.takes} == workers.sids()


@pytest.mark.parametrize("is_adopted_first", [True, False])
async def test_a_twin_that_nobody_came_to_begin_is_begun_by_whoever_asks_for_it(is_adopted_first: bool):  # noqa: FBT001
    workers = Workers()
    await workers.begin_and_release(workers.spec(twins=()))
    async with workers.fleet(adopt=is_adopted_first) as (_, fleet):
        results = [each async for each in fleet.record([workers.spec()], resume=True)]
    assert [(take.uid, len(take.files)) for take in results[0].takes] == [(1, 1), (2, 1)]
    assert results[0].state is ResultState.UPLOADED


async def test_a_twin_that_can_not_be_begun_late_disturbs_nobody():
    workers = Workers()
    await workers.begin_and_release(workers.spec(twins=()))
    workers.emulator.inject(Refuse(400, code=2, reason="no"), operation=ACQUIRE, uid=2, times=None)
    async with workers.fleet() as (_, fleet):
        results = [each async for each in fleet.record([workers.spec()], resume=True)]
    assert [take.uid for take in results[0].takes] == [1]
    assert [each.kind for each in results[0].failures] == [IncidentKind.NOT_STARTED]
    assert results[0].state is ResultState.UPLOADED


async def test_a_twin_that_is_to_be_begun_late_is_not_when_all_is_stopped_meanwhile():
    workers = Workers()
    await workers.begin_and_release(workers.spec(twins=()))
    workers.emulator.inject(Delay(5), operation=ACQUIRE, uid=2)
    async with workers.fleet() as (_, fleet):
        feed = fleet.record([workers.spec()], resume=True)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anext, feed)
            await anyio.sleep(1)
            await fleet.stop_all()
        await feed.aclose()
    assert [take.uid for take in fleet.report().results[0].takes] == [1]
    assert not workers.emulator.running()


async def test_a_recording_whose_files_are_on_their_way_is_adopted_beside_the_next_one_of_its_key():
    slow = {"upload_seconds": 600.0, "sync_stop_seconds": 1.0}
    workers = Workers(settings=slow, client={"webhook_secret": WEBHOOK_SECRET})
    await workers.begin_and_release(workers.spec(twins=()), stopped=0)
    await workers.begin_and_release(workers.spec(twins=()))
    results = await workers.adopt()
    assert sorted(take.sid or "" for result in results for take in result.takes) == sorted(workers.sids())
    assert len(results) == 2


@pytest.mark.parametrize("stopped", [0, 1])
async def test_what_is_over_is_in_the_result_of_what_is_resumed(stopped: int):
    workers = Workers()
    spec = workers.spec()
    await workers.begin_and_release(spec, stopped=stopped)
    async with workers.fleet() as (_, fleet):
        (result,) = [each async for each in fleet.record([spec], resume=True)]
    assert {take.sid for take in result.takes} == workers.sids()
    assert len(result.files) == 2


async def test_what_was_to_take_a_place_and_never_began_leaves_the_result_of_what_it_was_for():
    workers = Workers()
    spec = await workers.begin_to_replace()
    await anyio.sleep(3600)  # its time is over
    async with workers.fleet() as (_, fleet):
        (result,) = [each async for each in fleet.record([spec], resume=True)]
    assert result.state is ResultState.UPLOADED
    assert {take.sid for take in result.takes} == workers.sids()


async def test_what_was_to_take_a_place_and_never_began_is_begun_while_there_is_time():
    workers = Workers()
    spec = await workers.begin_to_replace()
    async with workers.fleet() as (_, fleet):
        (result,) = [each async for each in fleet.record([spec], resume=True)]
    assert [take.uid for take in result.takes] == [1, 5]
    assert {take.sid for take in result.takes} == workers.sids()


async def test_a_chain_without_an_end_is_not_followed_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(chains, "LONGEST", 1)
    workers = Workers()
    spec = await workers.begin_to_replace(is_started=True)
    async with workers.fleet() as (_, fleet):
        (result,) = [each async for each in fleet.record([spec], resume=True)]
    assert [take.uid for take in result.takes] == [5]


async def test_a_twin_that_somebody_else_has_begun_is_joined():
    workers = Workers()
    async with a_client(workers.emulator, workers.clock, store=workers.store) as cloud:
        twin = await cloud.claim("lesson~1", cname="class-1", uid=2, mode=mix())
        await twin.ensure_started()
    async with workers.fleet() as (_, fleet):
        await fleet.start(workers.spec())
    (result,) = fleet.report().results
    assert [take.uid for take in result.takes] == [2, 1]
    assert {take.sid for take in result.takes} == workers.sids()
