"""Fleets on bad days: one after the other over the same specs, in the world of `world.py`.

Each life is a process with a client and a fleet that is told to record all specs, to go on with what others
began, and to adopt what nobody looks after. Instead of users who call, there are people who come and go, a
service that loses recordings for good, deaths, and releases. What a fleet reports in the end is compared with
the service's truth.
"""

import random
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

import anyio
from attrs import define, field

from agora_rec import Alternate, Fleet, OnExit, Replacement, Result, ResultState, State
from agora_rec.fleet import Spec as FleetSpec
from tests.simulation.checks import Checks
from tests.simulation.heard import HeardWorld
from tests.simulation.lives import Died, Life
from tests.simulation.oracle import Oracle, Sent
from tests.simulation.specs import Spec
from tests.simulation.world import CLOSED_WITHIN, STOPPED_WITHIN

ENDED_WITHIN: Final = STOPPED_WITHIN + 1500.0
"""Seconds from the return of calm weather within which all results are there: what is to be confirmed takes
90 s, a start without an answer 7 minutes; news of files that never come a minute."""
LIMITS: Final = (1, 2, 3, 50)

_OVER: Final = frozenset(
    {ResultState.UPLOADED, ResultState.BACKUPED, ResultState.NO_DATA, ResultState.FAILED}
)


@define(eq=False)
class FleetOracle(Oracle):
    """Judges replacements by the truth: another recording may begin where none runs any more."""

    world: "FleetWorld" = field(kw_only=True)

    def _judge_acquire(self, call: Sent) -> None:
        mine = [each for each in self._resources.values() if each.who[0] == call.who[0]]
        if self._may_begin_anew(call):
            for each in mine:
                each.open = False
        elif any(each.open for each in mine):
            self._illegal(call, "one of its recordings runs, or a start of it may have worked")

    def _may_begin_anew(self, call: Sent) -> bool:
        foreign = self.world.checks.foreign
        running = [each for each in self.world.emulator.running() if each.resource_id not in foreign]
        return not any(session.cname == call.who[0] for session in running)


class FleetChecks(Checks):
    """As for single recordings; but another one may take the place of one that was lost, or was over."""

    def never_doubled(self, spec: Spec) -> None:
        """(3) Of one recording there was at most one session at a time."""
        for one, other in pairwise(self.sessions(spec)):
            if one.ended_at is None or other.started_at < one.ended_at:
                self.trace.violate(f"{spec.label}: {one.sid} and {other.sid} recorded at once")


@define(eq=False, repr=False)
class FleetWorld(HeardWorld):
    """Everything in one seed of fleets."""

    fleet: Fleet | None = field(default=None, init=False)
    results: dict[str, Result] = field(factory=dict[str, Result], init=False)
    earlier: dict[str, Result] = field(factory=dict[str, Result], init=False)
    """Of the lives before this one: whoever stops all need not look at what had ended by then."""
    wanted: tuple[FleetSpec, ...] = field(default=(), init=False)
    limit: int = field(default=50, init=False)
    has_stopped_all: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.checks = FleetChecks(self.emulator, self.trace)
        self.oracle = FleetOracle(self.trace.violate, world=self)
        rng = self.rng("fleet")
        self.limit = rng.choice(LIMITS)
        began = self.clock.now()
        self.wanted = tuple(_wanted(spec, rng, began, self.scenario.horizon) for spec in self.scenario.specs)

    def forbids(self, life: Life, call: Sent) -> str | None:
        """Nothing but a stop goes out while a recording is being stopped, and none has taken its place."""
        fleet, cname = self.fleet, call.who[0]
        mine = [] if fleet is None else [each for each in fleet.recordings if each.cname == cname]
        is_stopping = bool(mine) and mine[-1].state is State.STOPPING and mine[-1].driver.is_stopping
        return "while it is being stopped" if is_stopping and call.verb != "stop" else None

    async def _live(self, life: Life, is_last: bool) -> None:  # noqa: FBT001 - start_soon takes no keywords
        cloud = self._open(life)
        rng = self.rng(f"fleet of life {life.number}")
        began_to_close = 0.0
        self.earlier |= {cname: each for cname, each in self.results.items() if each.state in _OVER}
        self.results = {}
        async for stored in self.store.unfinished():
            if stored.checkpoint.standing.state is State.STARTING:
                self.oracle.attached(stored.checkpoint.standing.resource_id)
        try:
            with life.scope:
                async with cloud:
                    self.living.append(cloud)
                    fleet = Fleet(
                        cloud,
                        on_exit=rng.choice((OnExit.WAIT, OnExit.STOP)) if is_last else OnExit.RELEASE,
                        limit=self.limit,
                        web_limit=self.limit,
                        adopt=True,
                        replacement=rng.choice((None, Replacement(), Replacement(most=1, lifetime=True))),
                    )
                    async with fleet:
                        self.fleet = fleet
                        await self._record(fleet, life, is_last=is_last)
                    for result in fleet.report().results:  # adopted, and never asked for before it was over
                        self.results.setdefault(result.spec.cname, result)
                    self._check_left(fleet, is_last=is_last)
                    began_to_close = self.clock.monotonic()
                    self.trace.note(f"life {life.number}", "closes")
        except* Died:
            pass
        finally:
            self._left(cloud)
            life.over.set()
        if not life.is_dead and is_last:
            took = self.clock.monotonic() - began_to_close
            if took > CLOSED_WITHIN * self.leniency:
                self.trace.violate(f"life {life.number} took {took:.1f} s to close")
            self._judge()

    async def _record(self, fleet: Fleet, life: Life, *, is_last: bool) -> None:
        collected = anyio.Event()
        async with anyio.create_task_group() as outside:
            outside.start_soon(self._crowd, f"{life.number}")
            outside.start_soon(self._lose, life)
            outside.start_soon(self._collect, fleet, life, collected)
            await self.clock.sleep(self.scenario.horizon)
            if is_last:
                await self._end_all(fleet, life, collected)
            outside.cancel_scope.cancel()

    async def _end_all(self, fleet: Fleet, life: Life, collected: anyio.Event) -> None:
        self.weather.calm_at = self.trace.seconds()
        self.trace.note("weather", "is calm from now on")
        is_endless = any(spec.until is None for spec in self.wanted)
        if is_endless or self.rng("end").random() < 0.5:
            self.has_stopped_all = True
            await fleet.stop_all()
            self.trace.note(f"life {life.number}", "has stopped all")
        with self.clock.move_on_after(self.scenario.horizon + ENDED_WITHIN) as scope:
            await collected.wait()
        if scope.cancelled_caught:
            self.trace.violate(f"results are missing: {fleet.report().states}")

    async def _collect(self, fleet: Fleet, life: Life, collected: anyio.Event) -> None:
        async for result in fleet.record(self.wanted, resume=True):
            self.results[result.spec.cname] = result
            self.trace.note(f"life {life.number}", f"{result.spec.cname}: {result.state.value}")
        collected.set()

    async def _lose(self, life: Life) -> None:
        """Now and then the service loses a recording for good."""
        rng = self.rng(f"losses {life.number}")
        while True:
            await self.clock.sleep(rng.expovariate(1 / 400))
            running = self.emulator.running()
            if running and rng.random() < 0.5:
                session = rng.choice(running)
                self.trace.note("service", f"loses {session.cname} for good")
                with suppress(ValueError):  # it has ended meanwhile
                    for _ in range(4):
                        self.emulator.fail_over(session.sid, seconds=0.5)
                        await self.clock.sleep(1.0)

    def _check_left(self, fleet: Fleet, *, is_last: bool) -> None:
        """(7) Nothing is left over of a fleet that was left."""
        if is_last and fleet.recordings:
            self.trace.violate(f"the fleet was left with {fleet.recordings}")
        for places in (fleet._roster.places, fleet._roster.web_places):
            left = sum(count for _, count in places._leaving)
            if is_last and (places.used != left or places.waiting):
                self.trace.violate(f"{places.used} places are taken still, {places.waiting} wait")

    def _judge(self) -> None:
        """(1) to (3): nothing runs, nothing was doubled, and results are true."""
        for spec in self.wanted:
            sessions = [
                each
                for each in self.emulator.sessions
                if each.cname == spec.cname and each.resource_id not in self.checks.foreign
            ]
            result = self.results.get(spec.cname)
            if result is None and self.has_stopped_all:
                result = self.earlier.get(spec.cname)
            if result is None:
                if sessions or not self.has_stopped_all:
                    self.trace.violate(f"{spec.cname}: there is no result")
                continue
            given_up = {ResultState.UNCONFIRMED, ResultState.FAILED}
            if any(each.running for each in sessions) and result.state not in given_up:
                self.trace.violate(f"{spec.cname} is {result.state.value}, and it runs")
            told = {take.sid for take in result.takes}
            unknown = {each.sid for each in sessions} - told
            if unknown and result.state is not ResultState.UNCONFIRMED:
                self.trace.violate(f"{spec.cname}: {sorted(unknown)} are in no take of {result.state.value}")
            self.checks.files_exist(spec.cname, result.files, sessions)


def _wanted(spec: Spec, rng: random.Random, began: datetime, horizon: float) -> FleetSpec:
    until = began + timedelta(seconds=rng.uniform(10.0, 1.5 * horizon)) if rng.random() < 0.8 else None
    alternate = spec.alternate or Alternate(uid=spec.uid + 1000, token=spec.token)
    return FleetSpec(
        spec.cname,
        spec.uid,
        spec.mode,
        key=spec.label,
        until=until,
        token=spec.token,
        resource_expired_hour=spec.hours,
        announce_start=spec.announce,
        alternate=alternate,
    )
