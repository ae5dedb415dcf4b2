"""Small trials in every test run; `python -m tests.fleets` are the whole ones. Mistakes are noticed."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from tests.fleets.judge import Stay, most_at_once
from tests.fleets.plan import Plan
from tests.fleets.planted import DOUBLED, FORGOTTEN, LOST, MISTAKES
from tests.fleets.trial import run

pytestmark = pytest.mark.anyio

SMALL = Plan(recordings=60, limit=30, shortest=0.2, longest=0.6, patience=60.0)
KILLED = Plan(
    recordings=16,
    limit=8,
    latency=0.2,
    shortest=0.2,
    longest=1.0,
    store="sqlite",
    kills=1,
    kill_after=(0.1, 0.6),
    patience=60.0,
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_all_are_recorded_within_the_limits_and_none_is_left_running():
    report = await run(SMALL)

    assert report.verdict.faults == []
    assert report.verdict.most_at_once == SMALL.limit
    assert report.recordings == SMALL.recordings


async def test_a_process_dies_and_nothing_is_lost_or_doubled():
    report = await run(KILLED)

    assert report.verdict.faults == []
    assert report.recordings == KILLED.recordings


async def test_each_mistake_is_noticed():
    report = await run(evolve(SMALL, recordings=8, limit=4, mistakes=(*MISTAKES,), enforced=False))

    faults = "\n".join(report.verdict.faults)
    assert "recordings at once, and 4 are the limit" in faults
    assert f"{DOUBLED}: recorded 2 times" in faults
    assert re.search(f"{FORGOTTEN}: .* was left running", faults)
    assert f"{LOST}: 0 results" in faults


def test_a_worker_that_goes_at_a_moment_makes_room_for_one_that_comes():
    zero = datetime(2026, 1, 1, tzinfo=UTC)
    stays = [Stay(zero + timedelta(seconds=since), zero + timedelta(seconds=since + 2)) for since in range(5)]
    assert most_at_once(stays) == 2
