"""Seeds are run here: in virtual time, with trio's own chance tamed, and never for ever."""

import asyncio
import gc
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum, unique
from typing import Final
from unittest.mock import patch
from uuid import UUID

import anyio
import trio
import trio._core._run as trio_internals
from attrs import frozen
from trio.testing import MockClock

from agora_rec import LoopClock
from tests.simulation import native
from tests.simulation.fleets import ENDED_WITHIN, FleetWorld
from tests.simulation.heard import SingleWorld
from tests.simulation.steps import Steps
from tests.simulation.workers import WorkersWorld
from tests.simulation.world import CLOSED_WITHIN, STOPPED_WITHIN, World

BOUND_OF_A_LIFE: Final = 2 * STOPPED_WITHIN + 2 * CLOSED_WITHIN
"""Seconds that a life may last after its users were sent home; whatever lasts longer hangs."""
BOUND_OF_FLEETS: Final = BOUND_OF_A_LIFE + 2 * ENDED_WITHIN
"""The same for fleets, which wait for their results."""


@unique
class Kind(StrEnum):
    """What is played."""

    SILENT = "silent"
    """Single recordings, one client at a time, no notifications."""
    SINGLE = "single"
    """The same with notifications, failovers, and cancellation and death at any step."""
    WORKERS = "workers"
    """Several workers over one store, which die and are replaced; with all that."""
    FLEETS = "fleets"
    """Fleets, with notifications and losses."""
    NATIVE = "native"
    """Several workers on asyncio, whose callers are cancelled by `task.cancel()`."""


@frozen(kw_only=True)
class Report:
    """What came of a seed. `seconds` are virtual; `stopped_after` counts from the return of calm weather."""

    seed: int | str
    violations: tuple[str, ...]
    lines: tuple[str, ...]
    seconds: float
    calls: int
    sessions: int
    notifications: int
    deaths: int
    stopped_after: float
    kind: Kind

    @property
    def command(self) -> str:
        """What replays it."""
        return f"python -m tests.simulation --kind {self.kind} --first {self.seed} --trace"

    @property
    def headline(self) -> str:
        """The seed and its first violation."""
        return f"{self.seed}: {self.violations[0] if self.violations else 'all is well'}"

    def __str__(self) -> str:
        """The violations, the trace and the command."""
        wrong = "\n".join(f"  {each}" for each in self.violations)
        return f"seed {self.seed}:\n{wrong}\n" + "\n".join(self.lines) + f"\nreplay: {self.command}"


def keep_quiet() -> None:
    """Have nobody told what the client logs: bad days are full of warnings."""
    logging.getLogger("agora_rec").propagate = False


def run_seed(seed: int | str, kind: Kind) -> Report:
    """Play a seed in virtual time, on trio or asyncio. The same seed gives the same report."""
    steps = Steps()
    instruments = () if kind is Kind.SILENT else (steps,)
    with _chance(seed), _no_garbage_collected():
        if kind is Kind.NATIVE:
            return native.run(lambda: _main_natively(seed, steps), steps)
        return trio.run(
            _main, seed, kind, steps, clock=MockClock(autojump_threshold=0), instruments=instruments
        )


@contextmanager
def _chance(seed: int | str) -> Iterator[None]:
    """Have trio shuffle its tasks by the seed.

    It shuffles them on purpose, by a source of chance that is private to it, and offers no public way to seed
    it (python-trio/trio#890; hypothesis' own plugin for trio does the same as is done here).
    """
    state = trio_internals._r.getstate()
    before = trio_internals._ALLOW_DETERMINISTIC_SCHEDULING
    trio_internals._r.seed(f"{seed}/trio")
    trio_internals._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]  # Final to everybody else
    ids = random.Random(f"{seed}/uuids")
    try:
        with patch("uuid.uuid4", lambda: UUID(int=ids.getrandbits(128), version=4)):
            yield
    finally:
        trio_internals._ALLOW_DETERMINISTIC_SCHEDULING = before  # type: ignore[misc]  # as above
        trio_internals._r.setstate(state)


@contextmanager
def _no_garbage_collected() -> Iterator[None]:
    """Keep Python from collecting cycles, and what was there before from being looked at.

    A client knows a recording for as long as it exists, so when cycles are collected is part of the play:
    `WorkersUser` says when.
    """
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()


async def _main(seed: int | str, kind: Kind, steps: Steps) -> Report:
    world = _world(seed, kind, steps)
    here = trio.lowlevel.current_task()
    bound = _bound(world, kind)
    try:
        with trio.fail_after(bound):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_watch, world, bound - 1.0, here)
                await world.play_safely()
                nursery.cancel_scope.cancel()
    except trio.TooSlowError:
        pass
    if here.child_nurseries:
        world.trace.violate("tasks are left over")
    return _report(world, kind)


async def _main_natively(seed: int | str, steps: Steps) -> Report:
    world = _world(seed, Kind.NATIVE, steps)
    bound = _bound(world, Kind.NATIVE)
    with anyio.move_on_after(bound) as scope:
        await world.play_safely()
    if scope.cancelled_caught:
        world.trace.violate(f"not over after {bound:g} s")
    await anyio.sleep(1.0)  # what was to strike in the last step has come to nothing
    if len(asyncio.all_tasks()) > 1:
        world.trace.violate("tasks are left over")
    return _report(world, Kind.NATIVE)


def _bound(world: World, kind: Kind) -> float:
    """Virtual seconds after which a seed hangs."""
    rest = BOUND_OF_FLEETS if kind is Kind.FLEETS else BOUND_OF_A_LIFE
    return world.scenario.lives * (2 * world.scenario.horizon + rest)


def _report(world: World, kind: Kind) -> Report:
    return Report(
        seed=world.seed,
        violations=tuple(world.trace.violations),
        lines=tuple(world.trace.lines),
        seconds=world.trace.seconds(),
        calls=len(world.emulator.calls),
        sessions=len(world.emulator.sessions),
        notifications=sum(map(len, world.delivered.values())),
        deaths=world.deaths,
        stopped_after=world.stopped_after,
        kind=kind,
    )


def _world(seed: int | str, kind: Kind, steps: Steps) -> World:
    match kind:
        case Kind.SILENT:
            return World(seed, LoopClock())
        case Kind.SINGLE:
            return SingleWorld(seed, LoopClock(), steps=steps)
        case Kind.WORKERS:
            return WorkersWorld(seed, LoopClock(), steps=steps)
        case Kind.FLEETS:
            return FleetWorld(seed, LoopClock(), steps=steps)
        case Kind.NATIVE:
            return WorkersWorld(seed, LoopClock(), steps=steps, user_type=native.NativeUser)


async def _watch(world: World, seconds: float, root: trio.lowlevel.Task) -> None:
    """Find a seed that hangs: tell where each task waits, and take all shields away, so that it ends."""
    await trio.sleep(seconds)
    world.trace.violate(f"not over after {seconds:g} s")
    waiting = [root]
    while waiting:
        task = waiting.pop()
        frames = [
            f"{frame.f_code.co_name}:{line}"
            for frame, line in task.iter_await_frames()
            if "agora_rec" in frame.f_code.co_filename or "simulation" in frame.f_code.co_filename
        ]
        world.trace.note("hangs", f"{task.name}: {' > '.join(frames)}")
        if task is not root:
            _unshield(task)
        waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]


def _unshield(task: trio.lowlevel.Task) -> None:
    """Let the cancellation of the whole run through to a task: nothing else ends what waits for ever."""
    status: trio_internals.CancelStatus | None = task._cancel_status
    while status is not None:
        status._scope.shield = False
        status = status._parent
