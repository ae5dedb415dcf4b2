"""A small trial in every test run; `python -m tests.workers` is the whole one. Mistakes are noticed."""

import pytest
from attrs import evolve

from tests.workers.trial import Plan, run

pytestmark = [pytest.mark.anyio, pytest.mark.untraced]

SMALL = Plan(channels=4, rounds=1, workers=2, pause=0.3, spread=0.5, kill_every=1.0, seed=1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_workers_die_and_nothing_is_lost_or_doubled():
    report = await run(SMALL)
    assert report.faults == []
    assert report.sessions >= SMALL.channels


async def test_a_start_without_its_write_ahead_is_noticed():
    plan = evolve(SMALL, channels=1, workers=1, kill_every=None, patience=1.0, mistake="no-write-ahead")
    report = await run(plan)
    assert any("a start arrived that the store didn't know of" in fault for fault in report.faults)
