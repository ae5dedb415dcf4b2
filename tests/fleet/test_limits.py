"""A full fleet and the limit of the service: neither is ever passed, and all get their turn."""

from datetime import timedelta

import pytest

from agora_rec import Fleet, ResultState, Spec
from agora_rec.supervision import IncidentKind
from tests.support.backends import virtual_time
from tests.support.cloud import ACQUIRE, Stage, mix, stage

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

NO_ROOM = 406


def specs(count: int) -> list[Spec]:
    return [
        Spec(f"class-{number}", 1000 + number, mix(), until=timedelta(seconds=30 + number % 3))
        for number in range(count)
    ]


def refused(on: Stage) -> int:
    return sum(call.code == NO_ROOM for call in on.calls(ACQUIRE))


async def test_a_place_is_given_on_when_the_worker_is_gone_so_the_service_never_says_that_it_is_full():
    async with (
        stage(concurrent_limit=5) as on,
        Fleet(on.cloud, limit=5, on_exit="wait") as fleet,
    ):
        results = [result async for result in fleet.record(specs(20))]

        assert [result.state for result in results] == [ResultState.UPLOADED] * 20
        assert refused(on) == 0


async def test_where_the_service_has_less_room_than_the_fleet_believes_all_wait_their_turn():
    async with (
        stage(concurrent_limit=5) as on,
        Fleet(on.cloud, limit=8, on_exit="wait") as fleet,
    ):
        results = [result async for result in fleet.record(specs(20))]

        assert [result.state for result in results] == [ResultState.UPLOADED] * 20
        failures = {failure.kind for result in results for failure in result.failures}
        assert failures == {IncidentKind.LIMIT_REACHED}
        assert 0 < refused(on) < 60
