"""Replacing what the service has lost: under the other uid, when it is gone for certain, and not for ever."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import anyio
import pytest

from agora_rec import Alternate, Replacement, ResultState, StoreUnavailable, Twin
from agora_rec.emulator import Refuse
from agora_rec.emulator.views import SessionView
from agora_rec.lifecycle import facts
from agora_rec.store import Stored
from agora_rec.supervision import IncidentKind
from tests.fleet.courses import LOOK_LATER, a_fleet, a_spec, kinds, lose, only
from tests.support.backends import virtual_time
from tests.support.cloud import ACQUIRE, QUERY, START, STOP, Stage
from tests.support.stores import HandingOn

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

OTHER = Alternate(uid=2000)


def replaceable(number: int = 0, **more: Any) -> Any:
    given: dict[str, Any] = {"alternate": OTHER, "replacement": Replacement()}
    return a_spec(number, **(given | more))


def require_never_two_at_once(sessions: list[SessionView]) -> None:
    for one, other in pairwise(sessions):
        assert one.ended_at is not None
        assert one.ended_at <= other.started_at


async def lost(on: Stage, number: int = -1) -> None:
    await anyio.sleep(200)
    await lose(on, on.running[number])
    await anyio.sleep(LOOK_LATER)


async def test_a_recording_that_is_gone_goes_on_under_the_other_uid_as_one_result() -> None:
    async with a_fleet(limit=1) as (on, fleet):
        await fleet.start(replaceable(key="lesson"))
        first_resource = fleet.recordings[0].resource_id
        await lost(on)
        (recording,) = fleet.recordings
        assert (recording.uid, recording.key) == (2000, "lesson")
        assert recording.resource_id != first_resource
        assert (await on.cloud.find("lesson")) is recording
        await lost(on)
        assert fleet.recordings[0].uid == 1000
        require_never_two_at_once(list(on.emulator.sessions))
        await anyio.sleep(60)
    result = only(fleet)
    assert [take.uid for take in result.takes] == [1000, 2000, 1000]
    assert kinds(result)[:2] == [IncidentKind.LOST, IncidentKind.REPLACED]
    assert [gap.since < gap.until for gap in result.gaps] == [True, True]
    assert result.gaps[0].until == result.takes[1].started_at
    assert len(result.files) >= 1
    assert result.calls == len(on.emulator.calls)


async def test_it_is_replaced_so_often_and_not_more() -> None:
    async with a_fleet() as (on, fleet):
        await fleet.start(replaceable(replacement=Replacement(most=1)))
        await lost(on)
        await lost(on)
        assert not on.running
        await anyio.sleep(100)
        assert kinds(only(fleet)).count(IncidentKind.REPLACED) == 1
        assert IncidentKind.NOT_REPLACED in kinds(only(fleet))
        assert only(fleet).state is ResultState.UPLOAD_UNKNOWN


@pytest.mark.parametrize("replacement", [None, Replacement(most=0)])
async def test_without_a_policy_nothing_is_replaced(replacement: Replacement | None) -> None:
    async with a_fleet() as (on, fleet):
        await fleet.start(replaceable(replacement=replacement))
        await lost(on)
        assert not on.running
        assert IncidentKind.REPLACED not in kinds(only(fleet))


async def test_the_policy_of_the_fleet_is_that_of_specs_which_say_nothing() -> None:
    async with a_fleet(replacement=Replacement()) as (on, fleet):
        await fleet.start(a_spec(alternate=OTHER))
        await lost(on)
        assert fleet.recordings[0].uid == 2000


async def test_an_abnormal_end_is_a_loss_and_one_that_would_come_again_is_not_replaced() -> None:
    async with a_fleet(settings={"wrong_values": frozenset({"recordings"})}) as (on, fleet):
        await fleet.start(replaceable())
        await anyio.sleep(LOOK_LATER)
        assert not on.running
        assert len(on.emulator.sessions) <= 1 + Replacement().most


async def test_what_broke_down_goes_on_at_once() -> None:
    async with a_fleet() as (on, fleet):
        recording = await fleet.start(replaceable())
        await anyio.sleep(60)
        on.emulator.channel("class-0").empty()
        await anyio.sleep(5)
        recording.driver.note(facts.EndedWithoutFiles(reason="exit status 1"))
        await anyio.sleep(1)
        assert fleet.recordings[0].uid == 2000
        await anyio.sleep(60)


async def test_a_replacement_that_is_refused_is_told_and_frees_the_place() -> None:
    async with a_fleet(limit=1) as (on, fleet):
        await fleet.start(replaceable())
        on.emulator.inject(Refuse(401), operation=ACQUIRE, times=None)
        await lost(on)
        assert kinds(only(fleet))[-1] in {IncidentKind.NOT_REPLACED, IncidentKind.UPLOAD_UNKNOWN}
        assert IncidentKind.NOT_REPLACED in kinds(only(fleet))
        on.emulator.clear_faults()
        await fleet.start(a_spec(1))


async def test_a_service_that_is_down_for_a_while_when_one_is_lost_is_waited_for() -> None:
    async with a_fleet(limit=1) as (on, fleet):
        await fleet.start(replaceable())
        await anyio.sleep(1500)  # what matters is when the replacement began, and not the recording
        on.emulator.inject(Refuse(503), operation=ACQUIRE, times=12)
        await lost(on)
        assert fleet.recordings[0].uid == 2000


class Moody(HandingOn):
    """A store that claims nothing for anybody when it is told so."""

    is_down = False

    async def claim(self, checkpoint: Any) -> Stored:
        if self.is_down:
            raise StoreUnavailable("not now")
        return await super().claim(checkpoint)


async def test_a_store_that_is_down_for_a_while_when_one_is_lost_is_waited_for() -> None:
    store = Moody()
    async with a_fleet(client={"store": store}) as (on, fleet):
        await fleet.start(replaceable(key="lesson"))
        store.is_down = True
        await lost(on)
        assert not on.running
        store.is_down = False
        await anyio.sleep(60)
        assert fleet.recordings[0].uid == 2000


async def test_stopping_all_while_one_is_being_replaced_starts_nothing() -> None:
    async with a_fleet() as (on, fleet):
        await fleet.start(replaceable())
        on.emulator.inject(Refuse(503), operation=ACQUIRE, times=None)
        await lost(on)
        assert only(fleet).state is ResultState.STARTING
        await fleet.stop_all()
        on.emulator.clear_faults()
        await anyio.sleep(200)
        assert len(on.emulator.sessions) == 1
        assert fleet.report().is_over


async def test_what_somebody_stops_isnt_replaced() -> None:
    async with a_fleet() as (on, fleet):
        recording = await fleet.start(replaceable())
        await anyio.sleep(60)
        await recording.ensure_stopped()
        await anyio.sleep(LOOK_LATER)
        assert len(on.calls(START)) == 1
        assert only(fleet).state is ResultState.UPLOADED


async def test_twins_are_replaced_each_on_its_own_and_away_from_the_others() -> None:
    async with a_fleet(limit=2) as (on, fleet):
        twin = Twin(uid=1, alternate=Alternate(uid=2))
        await fleet.start(replaceable(twins=[twin], key="lesson"))
        await lost(on, number=1)
        first, second = fleet.recordings
        assert (first.uid, second.uid, second.key) == (1000, 2, "lesson~1")
        assert second.driver.ledger.description.exclude == (first.resource_id,)
        await lost(on, number=0)
        assert [each.uid for each in fleet.recordings] == [2000, 2]
        plan = fleet.recordings[1].checkpoint().plan
        assert plan is not None
        assert plan.beside == fleet._roster.entries[0].first_id


@pytest.mark.parametrize("is_relieved", [True, False])
async def test_one_whose_calls_will_soon_work_no_more_is_reported_and_relieved_if_asked(
    *, is_relieved: bool
) -> None:
    async with a_fleet(limit=1) as (on, fleet):
        policy = Replacement(lifetime=is_relieved)
        await fleet.start(replaceable(replacement=policy, resource_expired_hour=1))
        await anyio.sleep(3600 - 300)
        assert IncidentKind.LIFETIME in kinds(only(fleet))
        assert [each.uid for each in fleet.recordings] == [2000 if is_relieved else 1000]
        if is_relieved:
            sent = [each for each in on.sent if each != QUERY.value]
            assert sent == [each.value for each in (ACQUIRE, START, STOP, ACQUIRE, START)]
        require_never_two_at_once(list(on.emulator.sessions))


async def test_what_is_lost_when_the_time_is_nearly_over_ends_when_it_should() -> None:
    async with a_fleet() as (on, fleet):
        await fleet.start(replaceable(until=timedelta(seconds=900)))
        await lost(on)
        await anyio.sleep(300)
        assert not on.running
        assert len(on.emulator.sessions) == 2
