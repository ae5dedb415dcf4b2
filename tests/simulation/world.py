"""One seed, played from its first call to the last check."""

import random
import traceback
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
from attrs import Factory, define, evolve, field

from agora_rec import (
    AgoraRecError,
    Area,
    Clock,
    MemoryStore,
    Recording,
    SecretsRequired,
    StartUnconfirmed,
    State,
)
from agora_rec.emulator import Emulator
from agora_rec.model.notification import Notification
from tests.simulation.checks import Checks
from tests.simulation.lives import PASSAGES, Died, Life, MortalCloud, StoreDoor
from tests.simulation.oracle import Oracle, Sent
from tests.simulation.specs import Scenario, Spec
from tests.simulation.strangers import Stranger
from tests.simulation.trace import Trace, Transitions
from tests.simulation.users import Member, User
from tests.simulation.weather import Weather
from tests.simulation.wire import WireDoor

STOPPED_WITHIN: Final = 300.0
"""Seconds from the return of calm weather within which every recording is to be stopped: what is left of a
stop that was begun in bad weather (120 s and its last attempt), another one, a minute for news of files."""

CLOSED_WITHIN: Final = 200.0
"""Seconds within which a client closes in whatever weather, its starts and stops included."""

STRANGERS: Final = 0.1
"""How many of the recordings meet somebody who records the same channel with the same uid."""

REBIRTH: Final = (1.2, 40.0)
"""Seconds from the end of one client to the next; budgets of two processes don't know of each other, and a
second lies between them."""


# Not for reprs: it knows all tokens.
@define(eq=False, repr=False)
class World:
    """Everything in one seed: the service, the weather, and one client after the other."""

    seed: int | str
    clock: Clock
    scenario: Scenario = field(
        default=Factory(lambda world: Scenario.draw(world.seed), takes_self=True)  # what the seed draws
    )
    user_type: type[User] = User
    leniency: float = 1.0
    """What the bounds on time are multiplied with."""
    trace: Trace = field(init=False)
    emulator: Emulator = field(init=False)
    weather: Weather = field(init=False)
    oracle: Oracle = field(init=False)
    checks: Checks = field(init=False)
    store: MemoryStore = field(factory=MemoryStore, init=False)
    members: list[Member] = field(factory=list[Member], init=False)
    nobodys: list[Member] = field(factory=list[Member], init=False)
    """Recordings whose only caller left in mid-start, in calm weather."""
    ids: dict[str, str] = field(factory=dict[str, str], init=False)
    """The library's own id of each recording, by label: what a user would keep in a database."""
    living: list[MortalCloud] = field(factory=list[MortalCloud], init=False)
    """The clients that are open and alive."""
    closed: list[tuple[int, MortalCloud]] = field(factory=list[tuple[int, MortalCloud]], init=False)
    """Those that were closed in order, and the number of the life of each."""
    delivered: dict[str, list[Notification]] = field(factory=dict[str, list[Notification]], init=False)
    """What somebody has acknowledged, by sid, in the order of that."""
    deaths: int = field(default=0, init=False)
    stopped_after: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self.trace = Trace(self.clock)
        self.emulator = self._service()
        cnames = [spec.cname for spec in self.scenario.specs]
        whole = self.scenario.horizon * self.scenario.lives
        self.weather = Weather.draw(self.seed, cnames, whole)
        self.oracle = Oracle(self.trace.violate, first_uids=_first_uids(self.scenario))
        self.checks = Checks(self.emulator, self.trace)

    def _service(self, **more: Any) -> Emulator:
        """The service, before anything has happened there."""
        return Emulator(
            clock=self.clock,
            seed=self.rng("ids").getrandbits(30),
            qps=self.scenario.qps,
            settings=self.scenario.settings,
            **more,
        )

    def rng(self, who: str) -> random.Random:
        """A source of chance of one's own, so that what one does leaves the others' choices alone."""
        return random.Random(f"{self.seed}/{who}")

    async def play_safely(self) -> None:
        """Play; a client that breaks is a finding like others."""
        try:
            await self.play()
        except Exception as error:  # noqa: BLE001 - whatever it is
            self.trace.violate("".join(traceback.format_exception(error)))

    async def play(self) -> None:
        """Play the seed to its end, and look back at it."""
        self.trace.note("seed", f"{self.seed}: {_summary(self.scenario)}")
        with Transitions(self.trace):
            async with self._telling():
                await self._play_lives()
        await self._look_back()

    @asynccontextmanager
    async def _telling(self) -> AsyncGenerator[None]:
        """Have the service tell what happens, while the block runs."""
        yield

    async def _play_lives(self) -> None:
        async with anyio.create_task_group() as group:
            last = self.scenario.lives
            for spec in self.scenario.specs:
                if self._meets_stranger(spec):
                    group.start_soon(self._stranger(spec).intrude, self.scenario.horizon)
            for number in range(1, last + 1):
                life = self._born(number, mortal=number < last)
                group.start_soon(self._live, life, number == last)
                if number < last and self.rng(f"death {number}").random() < 0.5:
                    group.start_soon(self._strike, life)
                await life.over.wait()
                if number < last:
                    await self.clock.sleep(self.rng(f"rebirth {number}").uniform(*REBIRTH))

    async def _look_back(self) -> None:
        """What is judged when all is over."""
        for spec in self.scenario.specs:
            self.checks.never_doubled(spec)
        self.checks.kept_to_the_rate(self.scenario.qps, self.oracle.moments)
        await self.checks.nothing_unknown_runs(self.store)
        self.checks.nobody_follows(self.store)
        for life, cloud in self.closed:
            self.checks.nothing_is_held(life, cloud)

    @property
    def strangers(self) -> float:
        """How many of the recordings meet a stranger."""
        return STRANGERS

    @property
    def client_options(self) -> dict[str, Any]:
        """More for each life's client."""
        return {}

    def forbids(self, life: Life, call: Sent) -> str | None:
        """What the client itself knows that forbids a call, as it is sent; None: nothing."""
        mine = [member.recording for member in self.members if member.spec.cname == call.who[0]]
        is_stopping = any(recording.state is State.STOPPING for recording in mine)
        return "while it is being stopped" if is_stopping and call.verb != "stop" else None

    def _meets_stranger(self, spec: Spec) -> bool:
        return self.rng(f"stranger {spec.label}").random() < self.strangers

    def _stranger(self, spec: Spec) -> Stranger:
        rng = self.rng(f"stranger {spec.label} comes")
        return Stranger(spec, self.emulator, self.checks, self.clock, self.trace, rng)

    def _born(self, number: int, *, mortal: bool) -> Life:
        rng = self.rng(f"life {number}")
        passage = rng.randint(1, rng.choice(PASSAGES)) if mortal and rng.random() < 0.6 else None
        return Life(
            number,
            self.trace,
            dies_at_passage=passage,
            on_death=lambda: self._mourn(number),
        )

    def _mourn(self, number: int) -> None:
        self.deaths += 1
        self.oracle.died(number)

    async def _strike(self, life: Life) -> None:
        """Kill a life at a moment, if it lasts that long."""
        seconds = self.rng(f"death {life.number}").uniform(0, self.scenario.horizon)
        with self.clock.move_on_after(seconds):
            await life.over.wait()
        life.die("by a moment's chance")

    async def _live(self, life: Life, is_last: bool) -> None:  # noqa: FBT001 - start_soon takes no keywords
        """One client, from its opening to its end."""
        cloud = self._open(life)
        began_to_close = 0.0
        try:
            with life.scope:
                async with cloud:
                    self.living.append(cloud)
                    await self._recover(cloud, life)
                    await self._play_users(life)
                    if is_last:
                        await self._bring_to_an_end(life)
                        await self._leave_in_mid_start(cloud, life)
                    began_to_close = self.clock.monotonic()
                    self.trace.note(f"life {life.number}", "closes")
        except* Died:
            pass
        finally:
            self._left(cloud)
            life.over.set()
        if not life.is_dead:
            self._check_closed(cloud, life, self.clock.monotonic() - began_to_close)

    def _left(self, cloud: MortalCloud) -> None:
        """A client is closed, or dead."""
        if cloud in self.living:
            self.living.remove(cloud)

    def _open(self, life: Life) -> MortalCloud:
        rng = self.rng(f"doors {life.number}")
        cloud = MortalCloud(
            self.emulator.app_id,
            **self.client_options,
            customer_id=self.emulator.customer_id,
            customer_secret=self.emulator.customer_secret,
            area=Area.US,
            base_url=self.emulator.base_url if self.scenario.single_host else None,
            transport=WireDoor(
                life, self.emulator, self.weather, self.oracle, self.trace, self.clock, rng, self.forbids
            ),
            qps=self.scenario.qps,
            store=self._store_door(life, rng),
            clock=self.clock,
        )
        cloud.life = life
        return cloud

    def _store_door(self, life: Life, rng: random.Random) -> StoreDoor:
        return StoreDoor(
            inner=self.store,
            life=life,
            clock=self.clock,
            rng=rng,
            fails=lambda: self.weather.store_fails(self.trace.seconds()),
        )

    async def _recover(self, cloud: MortalCloud, life: Life) -> None:
        """Take up what the store shows as unfinished; begin anew what never began."""
        rng = self.rng(f"recovery {life.number}")
        self.ids |= {member.spec.label: member.recording.id for member in self.members}
        self.members = []
        known = {each.checkpoint.id: each.checkpoint async for each in cloud.store.unfinished()}
        resources = {each.standing.resource_id for each in known.values()}
        for session in self.emulator.running():
            if session.resource_id not in resources | self.checks.foreign:
                self.trace.violate(f"{session.cname} runs, and the store doesn't know of it")
        for spec in self.scenario.specs:
            recording_id = self.ids.get(spec.label, "")
            checkpoint = known.get(recording_id)
            if checkpoint is not None:
                bring = rng.random() < 0.7
                recording = cloud.attach(
                    checkpoint,
                    mode=spec.mode if bring else None,
                    token=spec.token if bring else None,
                    alternate=spec.alternate if bring else None,
                )
                self.members.append(Member(spec, recording, has_secrets=bring))
                if recording.state is State.STARTING:
                    self.oracle.attached(recording.resource_id)
                self.trace.note(f"life {life.number}", f"attaches {spec.label}: {recording.state.value}")
                continue
            stored = await self.store.load(recording_id)
            if stored is None or not stored.checkpoint.standing.state.is_end:
                self.members.append(Member(spec, self._new(cloud, spec)))

    def _new(self, cloud: MortalCloud, spec: Spec) -> Recording:
        return cloud.recording(
            spec.cname,
            spec.uid,
            spec.mode,
            token=spec.token,
            resource_expired_hour=spec.hours,
            announce_start=spec.announce,
            alternate=spec.alternate,
        )

    async def _play_users(self, life: Life) -> None:
        """Let users do what they like with the recordings, until they are sent home."""
        if not self.members:
            return
        if life.number > 1 and self.rng(f"haste {life.number}").random() < 0.5:
            return
        with self.clock.move_on_after(self.scenario.horizon):
            async with anyio.create_task_group() as outside:
                outside.start_soon(self._surroundings, f"{life.number}")
                async with anyio.create_task_group() as group:
                    for number in range(1, self.scenario.users + 1):
                        group.start_soon(self._user(f"user {life.number}.{number}", self.members, life).play)
                outside.cancel_scope.cancel()

    def _user(self, name: str, members: list[Member], life: Life) -> User:
        return self.user_type(name, members, life, self.clock, self.trace, self.checks, self.rng(name))

    async def _surroundings(self, name: str) -> None:
        """What goes on around the users, until they are sent home."""
        await self._crowd(name)

    async def _crowd(self, name: str) -> None:
        """People come and go; now and then somebody takes a recorder's uid."""
        rng = self.rng(f"crowd {name}")
        while True:
            await self.clock.sleep(rng.expovariate(1 / 25))
            spec = rng.choice(self.scenario.specs)
            channel = self.emulator.channel(spec.cname)
            match rng.randrange(5):
                case 0 | 1:
                    channel.empty()
                    self.trace.note("crowd", f"everybody leaves {spec.cname}")
                case 2 | 3:
                    channel.join(11)
                    self.trace.note("crowd", f"somebody joins {spec.cname}")
                case _ if rng.random() < 0.3:
                    channel.join(spec.uid)
                    self.trace.note("crowd", f"somebody takes the uid {spec.uid} in {spec.cname}")
                    channel.leave(spec.uid)
                case _:
                    pass

    async def _bring_to_an_end(self, life: Life) -> None:
        """The weather becomes calm, and every recording is ended through `ensure_stopped`."""
        self.weather.calm_at = self.trace.seconds()
        self.trace.note("weather", "is calm from now on")
        async with anyio.create_task_group() as group:
            for member in self.members:
                group.start_soon(self._end, member, life)

    async def _end(self, member: Member, life: Life) -> None:
        spec, recording = member.spec, member.recording
        began = self.clock.monotonic()
        wait_upload = self.rng(f"end {spec.label}").random() < 0.5
        with self.clock.move_on_after(2 * STOPPED_WITHIN * self.leniency):
            try:
                try:
                    await recording.ensure_stopped(wait_upload=wait_upload)
                except AgoraRecError as error:
                    # It may have joined a stop that was given up in bad weather; its own must succeed.
                    self.trace.note("the end", f"{spec.label}: again, after {type(error).__name__}")
                    await recording.ensure_stopped(wait_upload=wait_upload)
            except (StartUnconfirmed, SecretsRequired) as error:
                self.trace.note("the end", f"{spec.label}: {type(error).__name__}")
                if recording.state is not State.STARTING:
                    self.trace.violate(f"{spec.label} is {recording.state}, and {type(error).__name__}")
                if isinstance(error, SecretsRequired) and member.has_secrets:
                    self.trace.violate(f"{spec.label} has its secrets, and SecretsRequired")
            except AgoraRecError as error:
                self.trace.violate(f"{spec.label} can't be stopped: {type(error).__name__}: {error}")
            else:
                self.trace.note("the end", f"{spec.label}: {recording.state.value}")
                self.checks.has_stopped(spec, recording, "the last ensure_stopped")
        took = self.clock.monotonic() - began
        self.stopped_after = max(self.stopped_after, took)
        if took > STOPPED_WITHIN * self.leniency:
            self.trace.violate(f"{spec.label}: stopping took {took:.1f} s, {life.in_flight} calls in flight")
        self.checks.ended_as_said(spec, recording)

    async def _leave_in_mid_start(self, cloud: MortalCloud, life: Life) -> None:
        """One more caller who starts a recording and is cancelled, just before the client closes."""
        rng = self.rng("the last one")
        if rng.random() < 0.5:
            return
        spec = evolve(self.scenario.specs[0], label="r0", cname="class-0", uid=1000)
        self.members.append(member := Member(spec, self._new(cloud, spec)))
        user = self.user_type("the last", [member], life, self.clock, self.trace, self.checks, rng)
        if not await user.do(
            member,
            "ensure_started",
            member.recording.ensure_started,
            rng.uniform(0, 4 * self.scenario.settings.latency + 0.6),
        ):
            self.nobodys.append(member)

    def _check_closed(self, cloud: MortalCloud, life: Life, took: float) -> None:
        """(7) Nothing is left over of a client that has closed."""
        if took > CLOSED_WITHIN * self.leniency:
            self.trace.violate(f"life {life.number} took {took:.1f} s to close")
        if life.in_flight:
            self.trace.violate(f"life {life.number} left {life.in_flight} calls on the wire")
        if cloud.budget.waiting:
            self.trace.violate(f"life {life.number} left {cloud.budget.waiting} in the queue of its budget")
        self.closed.append((life.number, cloud))
        for member in self.members:
            self.checks.state_is_true(member.spec, member.recording)
        for member in self.nobodys:
            self.checks.has_stopped(member.spec, member.recording, "the client's closing, its caller gone,")


def _first_uids(scenario: Scenario) -> dict[tuple[str, str], tuple[str, str]]:
    """The first uid of whoever has an alternate one, by that: what the oracle must know beforehand."""
    return {
        (spec.cname, str(spec.alternate.uid)): (spec.cname, str(spec.uid))
        for spec in scenario.specs
        if spec.alternate is not None
    }


def _summary(scenario: Scenario) -> str:
    modes = " ".join(f"{spec.label}={spec.mode.name}" for spec in scenario.specs)
    return (
        f"{modes}; {scenario.users} users, {scenario.lives} lives of {scenario.horizon:g} s, "
        f"{scenario.qps:g} calls/s"
    )
