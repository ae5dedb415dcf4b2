"""A hundred recordings that begin at once, at any rate: starts follow their acquires, and no look starves."""

from datetime import timedelta

import pytest

from agora_rec import Fleet, ResultState, Spec
from agora_rec.recording.watching import FIRST_LOOK
from agora_rec.transport.budget.bookings import START_WITHIN
from agora_rec.vocabulary import OperationName
from tests.support.backends import virtual_time
from tests.support.cloud import ACQUIRE, LATENCY, QUERY, START, Stage, mix, stage

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

COUNT = 100
SLOTS = 6
"""How many slots a first look may wait for its own, at most: the others start, stop, and look again."""


@pytest.mark.parametrize("qps", [1, 2, 10, 50, 200])
async def test_a_hundred_that_begin_at_once_are_paced_in_pairs_and_confirmed_in_time(qps: int):
    until = timedelta(seconds=10.0 + 3 * SLOTS / qps)
    async with (
        stage(client={"qps": qps}, qps=qps, concurrent_limit=COUNT) as on,
        Fleet(on.cloud, limit=COUNT, on_exit="wait") as fleet,
    ):
        specs = (Spec(f"class-{number}", 1000 + number, mix(), until=until) for number in range(COUNT))
        results = [result async for result in fleet.record(specs)]

        assert [result.state for result in results] == [ResultState.UPLOADED] * COUNT
        assert not any(result.failures for result in results)
        acquired, started, looked = (first(on, each) for each in (ACQUIRE, START, QUERY))
        assert len(acquired) == len(started) == len(looked) == COUNT
        assert max(started[each] - acquired[each] for each in started) < START_WITHIN
        late = max(looked[each] - started[each] - LATENCY - FIRST_LOOK for each in looked)
        assert late <= SLOTS * 1.05 / qps
        assert on.emulator.peak_calls_per_second <= qps


def first(on: Stage, operation: OperationName) -> dict[str | None, float]:
    """When the first call of that kind for each channel arrived."""
    moments: dict[str | None, float] = {}
    for call in on.calls(operation):
        moments.setdefault(call.cname, call.at.timestamp())
    return moments
