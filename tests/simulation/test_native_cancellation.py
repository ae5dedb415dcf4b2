"""A smaller run on asyncio: callers are cancelled by `task.cancel()`, which goes through anyio's shields."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from attrs import evolve

from tests.simulation.specs import Scenario
from tests.simulation.users import User
from tests.simulation.world import World

pytestmark = pytest.mark.anyio

SPEED = 200.0
"""Seconds of the play in one real second."""

AT_ONCE = 24
"""Seeds that share the event loop."""


@pytest.fixture
def anyio_backend() -> str:
    """Only asyncio has tasks that can be cancelled so."""
    return "asyncio"


class FastClock:
    """The event loop's clock, faster."""

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return anyio.current_time() * SPEED

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds / SPEED)

    def move_on_after(self, seconds: float | None) -> AbstractContextManager[anyio.CancelScope]:
        return anyio.move_on_after(None if seconds is None else seconds / SPEED)


class NativeUser(User):
    """A caller whose task is cancelled after a random number of steps of the event loop."""

    async def within(self, patience: float | None, call: Callable[[], Awaitable[Any]]) -> tuple[bool, Any]:
        if patience is None:
            return True, await call()
        task = asyncio.ensure_future(call())
        try:
            for _ in range(self.rng.choice((0, 1, 3, 10, 40, 200))):
                await asyncio.sleep(0)
                if task.done():
                    break
            task.cancel()
            await asyncio.wait([task])
        finally:
            task.cancel()
        return (False, None) if task.cancelled() else (True, task.result())


async def test_callers_are_cancelled_natively_at_any_step() -> None:
    first = int(time.time()) * 1000
    worlds: list[World] = []
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for seed in range(first, first + AT_ONCE):
                worlds.append(_world(seed))
                group.start_soon(worlds[-1].play)

    for world in worlds:
        assert not world.trace.violations, "\n".join([f"asyncio, {world.seed}", *world.trace.lines])
    # How far a play comes depends on how busy the machine is; of so many one has come to a recording.
    assert any(world.emulator.sessions for world in worlds)
    assert any("left" in line for world in worlds for line in world.trace.lines)


def _world(seed: int) -> World:
    drawn = Scenario.draw(seed)
    settings = evolve(drawn.settings, latency=0.01, start_seconds=2.0, upload_seconds=0.5)
    # One life, since deaths are played on the virtual clock; no pace, since time is too coarse for it here.
    scenario = evolve(drawn, settings=settings, lives=1, horizon=30.0, qps=10_000.0)
    world = World(seed, FastClock(), scenario, user_type=NativeUser, leniency=10.0)
    world.weather.failovers = {}
    world.weather.rng = random.Random(seed)
    return world
