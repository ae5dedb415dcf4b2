"""Stopping one of many by its key, whoever records it just then."""

from functools import partial

import anyio
import pytest

from agora_rec import Alternate, Fleet, FleetClosed, IncidentKind, Replacement, ResultState, Spec, Twin
from tests.support.backends import virtual_time
from tests.support.cloud import START, Stage, calling, mix, stage

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


async def test_all_recorders_of_one_are_stopped_and_the_others_go_on():
    async with stage() as on, Fleet(on.cloud, on_exit="stop") as fleet:
        await fleet.start(Spec("class-1", 1, mix(), key="one", twins=[Twin(uid=1001), Twin(uid=1002)]))
        other = await fleet.start(Spec("class-2", 2, mix(), key="two"))
        await anyio.sleep(60)
        assert len(on.running) == 4

        result = await fleet.stop("one")

        assert result is not None
        assert result.state is ResultState.UPLOADED
        assert {take.uid for take in result.takes} == {1, 1001, 1002}
        await anyio.sleep(10)
        assert on.running == [other.sid]


async def test_what_is_not_there_is_not_stopped():
    async with stage() as on, Fleet(on.cloud, on_exit="stop") as fleet:
        assert await fleet.stop("one") is None
        await fleet.start(Spec("class-1", 1, mix(), key="one"))
        assert await fleet.stop("one") is not None
        await anyio.sleep(1)
        assert await fleet.stop("one") is None


async def test_one_that_waits_for_its_place_is_sent_away():
    async with (
        stage() as on,
        Fleet(on.cloud, on_exit="stop", limit=1) as fleet,
        anyio.create_task_group() as tasks,
    ):
        await fleet.start(Spec("class-1", 1, mix(), key="one"))
        waiting = await calling(tasks, partial(fleet.start, Spec("class-2", 2, mix(), key="two")))
        assert fleet.waiting == 1

        result = await fleet.stop("two")

        assert result is not None
        assert result.state is ResultState.WITHDRAWN
        await waiting.finished()
        assert isinstance(waiting.error, FleetClosed)
        assert fleet.waiting == 0
        assert len(on.calls(START)) == len(on.running) == 1


@pytest.mark.parametrize("after", [5, 20, 60, 100, 150, 240])
async def test_one_that_was_lost_is_not_replaced_any_more(after: float):
    async with stage() as on, Fleet(on.cloud, on_exit="stop", replacement=Replacement()) as fleet:
        await fleet.start(Spec("class-1", 1, mix(), key="one", alternate=Alternate(uid=2)))
        await anyio.sleep(30)
        await lose(on)
        await anyio.sleep(after)

        result = await fleet.stop("one")

        assert result is not None
        await anyio.sleep(400)
        assert on.running == []
        (result,) = fleet.report().results
        replaced = [each.kind for each in result.failures].count(IncidentKind.REPLACED)
        assert len(on.calls(START)) == 1 + replaced


async def lose(on: Stage) -> None:
    """Have the service lose what it records, for good."""
    (session,) = on.emulator.running()
    for _ in range(4):
        on.emulator.fail_over(session.sid, seconds=0.5)
        await anyio.sleep(1)
