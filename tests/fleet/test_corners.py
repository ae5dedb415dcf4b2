"""Rare moments in the life of a fleet: two things at once, and what comes when nobody expects it any more."""

from datetime import timedelta
from typing import Any

import anyio
import pytest

from agora_rec import (
    Alternate,
    FleetClosed,
    MemoryStore,
    Replacement,
    Result,
    ResultState,
    StartUnconfirmed,
    State,
    Twin,
)
from agora_rec.emulator import LoseAnswer, Refuse, SlowAnswer, Unreachable
from agora_rec.fleet import roster
from agora_rec.lifecycle import facts
from agora_rec.recording.watching import GONE
from agora_rec.store import Stored
from agora_rec.supervision import IncidentKind
from tests.fleet.courses import LOOK_LATER, a_fleet, a_spec, kinds, lose, only, taken
from tests.support import secrets
from tests.support.backends import virtual_time
from tests.support.cloud import ACQUIRE, START, STOP, calling
from tests.support.stores import HandingOn

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


async def test_a_start_that_a_user_withdraws_is_told_as_withdrawn() -> None:
    async with a_fleet() as (on, fleet), anyio.create_task_group() as tasks:
        on.emulator.inject(Unreachable(), operation=START, times=None)
        caller = await calling(tasks, lambda: fleet.start(a_spec()))
        await anyio.sleep(2)
        fleet.recordings[0].stop_behind()
        await caller.finished()
        assert isinstance(caller.error, FleetClosed)
        assert only(fleet).state is ResultState.WITHDRAWN


async def test_a_start_that_a_user_stops_is_seen_to_its_end() -> None:
    async with a_fleet() as (on, fleet), anyio.create_task_group() as tasks:
        on.emulator.inject(SlowAnswer(5), operation=START)
        caller = await calling(tasks, lambda: fleet.start(a_spec()))
        await anyio.sleep(1)
        await fleet.recordings[0].ensure_stopped()
        await caller.finished()
        assert caller.value is not None
        await anyio.sleep(60)
        assert fleet.report().is_over


async def test_twins_whose_first_is_stopped_in_mid_start_are_not_begun() -> None:
    async with a_fleet() as (on, fleet), anyio.create_task_group() as tasks:
        on.emulator.inject(SlowAnswer(5), operation=START)
        await calling(tasks, lambda: fleet.start(a_spec(twins=[Twin(uid=1)])))
        await anyio.sleep(1)
        assert only(fleet).state is ResultState.STARTING
        await fleet.stop_all()
        assert len(on.emulator.sessions) == 1
        assert taken(fleet) == 0


async def test_who_is_given_up_just_when_his_turn_has_come_keeps_no_place() -> None:
    async with a_fleet(limit=1) as (_, fleet), anyio.create_task_group() as tasks:
        await fleet.start(a_spec())
        caller = await calling(tasks, lambda: fleet.start(a_spec(1)))
        assert fleet.report().results[1].state is ResultState.WAITING
        fleet._roster.places.give_back()
        fleet._roster.entries[1].give_up()
        await caller.finished()
        assert isinstance(caller.error, FleetClosed)
        fleet._roster.places.seize()
        assert fleet._roster.places.used == 1


async def test_what_happens_to_one_that_is_over_stands_in_its_result() -> None:
    async with a_fleet() as (_, fleet):
        recording = await fleet.start(a_spec(until=timedelta(seconds=60)))
        await anyio.sleep(100)
        fleet._roster.over[0].happened(IncidentKind.LOST, "late", recording)
        assert kinds(only(fleet)) == [IncidentKind.LOST]


@pytest.mark.parametrize("results", [0, 10])
async def test_a_sid_that_comes_when_nobody_waits_is_stopped_even_if_the_result_is_forgotten(
    results: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster, "GIVEN_UP_KEPT", 0)
    async with a_fleet(results=results) as (on, fleet):
        on.emulator.inject(LoseAnswer(), operation=START, times=None)
        with pytest.raises(StartUnconfirmed):
            await fleet.start(a_spec())
        await anyio.sleep(300)
        (recording,) = on.cloud.recordings
        assert on.running
        recording.driver.note(facts.Started(sid=on.running[0]))
        await anyio.sleep(30)
        assert not on.running
        assert (len(fleet.report().results) == 0) is (results == 0)


async def test_one_that_seemed_to_have_left_records_on_and_takes_its_place_again() -> None:
    async with a_fleet(limit=1) as (on, fleet):
        recording = await fleet.start(a_spec())
        await anyio.sleep(60)
        recording.driver.note(facts.Left(reason="no users", instance_uid=1000))
        await anyio.sleep(10)
        assert taken(fleet) == 0
        recording.driver.note(facts.FailedOver(new_uid=77, sequence=9, sent_at=on.clock.now()))
        await anyio.sleep(10)
        assert recording.state is State.RECORDING
        assert taken(fleet) == 1


class Broken(HandingOn):
    """A store that claims nothing for anybody when it is told so, for somebody's code is wrong."""

    is_broken = False

    async def claim(self, checkpoint: Any) -> Stored:
        if self.is_broken:
            raise TypeError("somebody's code is wrong")
        return await super().claim(checkpoint)


async def test_a_store_that_is_broken_is_told_and_begins_and_replaces_nothing() -> None:
    store = Broken()
    async with a_fleet(client={"store": store}) as (on, fleet):
        spec = a_spec(key="lesson", alternate=Alternate(uid=2000), replacement=Replacement())
        await fleet.start(spec)
        store.is_broken = True
        with pytest.raises(TypeError):
            await fleet.start(a_spec(1, key="another"))
        await anyio.sleep(200)
        await lose(on, on.running[0])
        await anyio.sleep(LOOK_LATER)
        told = [each for each in fleet.report().results[0].failures if each.kind is IncidentKind.NOT_REPLACED]
        assert [each.text for each in told] == ["TypeError was raised"]


async def test_stopping_all_while_one_is_relieved_begins_nothing_in_its_place() -> None:
    async with a_fleet() as (on, fleet):
        policy = Replacement(lifetime=True)
        spec = a_spec(alternate=Alternate(uid=2000), replacement=policy, resource_expired_hour=1)
        await fleet.start(spec)
        on.emulator.inject(Refuse(503), operation=STOP, times=4)
        await anyio.sleep(3600 - 359)
        assert fleet.recordings[0].state is State.STOPPING
        await fleet.stop_all()
        await anyio.sleep(60)
        assert len(on.emulator.sessions) == 1


async def test_a_key_that_another_process_records_is_joined() -> None:
    store = MemoryStore()
    async with a_fleet(client={"store": store}) as (on, fleet):
        theirs = await on.cloud.claim("lesson", cname="class-0", uid=1000, mode=a_spec().mode)
        await theirs.ensure_started()
        async with a_fleet(client={"store": store, "transport": on.emulator.transport()}) as (other, joining):
            del other
            assert (await joining.start(a_spec(key="lesson"))).sid == theirs.sid
        assert len(on.calls(ACQUIRE)) == 1
        assert not fleet.recordings


@pytest.mark.parametrize(
    ("state", "in_bucket", "is_recorded"),
    [
        (ResultState.UPLOADED, True, True),
        (ResultState.BACKUPED, False, True),
        (ResultState.NO_DATA, None, False),
        (ResultState.UPLOAD_UNKNOWN, None, False),
    ],
)
def test_a_result_says_where_its_files_are(
    state: ResultState, *, in_bucket: bool | None, is_recorded: bool
) -> None:
    assert Result(spec=a_spec(), state=state).in_bucket is in_bucket
    assert state.is_recorded is is_recorded


async def test_one_that_is_lost_while_its_start_is_asked_for_is_replaced_at_once() -> None:
    async with a_fleet() as (on, fleet), anyio.create_task_group() as tasks:
        on.emulator.inject(LoseAnswer(), operation=START, times=None)
        spec = a_spec(alternate=Alternate(uid=2000), replacement=Replacement())
        await calling(tasks, lambda: fleet.start(spec))
        await anyio.sleep(20)
        sid, (recording,) = on.running[0], fleet.recordings
        recording.driver.note(facts.Started(sid=sid))
        recording.driver.note(facts.Left(reason=GONE))
        on.emulator.clear_faults()
        await anyio.sleep(60)
        assert [each.uid for each in fleet.recordings] == [2000]
        on.emulator.channel("class-0").empty()
        await anyio.sleep(100)


async def test_a_sid_that_comes_late_after_all_were_stopped_is_stopped_as_well() -> None:
    async with a_fleet() as (on, fleet):
        on.emulator.inject(LoseAnswer(), operation=START, times=None)
        with pytest.raises(StartUnconfirmed):
            await fleet.start(a_spec())
        (recording,) = on.cloud.recordings
        await fleet.stop_all()
        assert only(fleet).state is ResultState.UNCONFIRMED
        recording.driver.note(facts.Started(sid=on.running[0]))
        await anyio.sleep(30)
        assert not on.running


async def test_one_that_comes_back_when_another_has_its_place_is_stopped() -> None:
    async with a_fleet() as (on, fleet):
        lost = await fleet.start(a_spec(alternate=Alternate(uid=2000), replacement=Replacement()))
        await anyio.sleep(60)
        lost.driver.note(facts.EndedWithoutFiles(reason="exit status 1", instance_uid=1000))
        await anyio.sleep(10)
        assert [each.uid for each in fleet.recordings] == [2000]
        lost.driver.note(facts.FailedOver(new_uid=77, sequence=9, sent_at=on.clock.now()))
        await anyio.sleep(10)
        assert [call.uid for call in on.calls(STOP)] == ["1000"]
        assert [session.uid for session in on.emulator.running()] == ["2000"]
        assert taken(fleet) == 1


async def test_several_may_stop_all_at_once() -> None:
    async with a_fleet() as (on, fleet), anyio.create_task_group() as tasks:
        await fleet.start(a_spec())
        on.emulator.inject(SlowAnswer(5), operation=STOP)
        callers = [await calling(tasks, fleet.stop_all) for _ in range(2)]
        for caller in callers:
            await caller.finished()
            assert caller.error is None


async def test_who_doesnt_wait_for_news_of_files_leaves_at_once() -> None:
    client = {"webhook_secret": secrets.WEBHOOK_SECRET}
    async with a_fleet(exit_timeout=0.0, client=client, settings={"upload_seconds": 3000.0}) as (_, fleet):
        await fleet.start(a_spec())
        await anyio.sleep(60)
    assert only(fleet).state is ResultState.UPLOAD_UNKNOWN


class Slow(HandingOn):
    """A store that takes its time for a claim."""

    async def claim(self, checkpoint: Any) -> Stored:
        await anyio.sleep(30)
        return await super().claim(checkpoint)


async def test_stopping_all_waits_for_no_claim() -> None:
    async with a_fleet(client={"store": Slow()}) as (on, fleet), anyio.create_task_group() as tasks:
        caller = await calling(tasks, lambda: fleet.start(a_spec(key="lesson")))
        began = anyio.current_time()
        await fleet.stop_all()
        assert anyio.current_time() - began < 1
        await caller.finished()
        assert isinstance(caller.error, FleetClosed)
        assert not on.emulator.calls
