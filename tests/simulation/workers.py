"""Several workers over one store, as a web backend has them: one dies, one is replaced, the others go on.

What is recorded has a key, and users call whichever worker lives: one claims, another one stops. Each
worker lives one life after the other. They share the store and the budget, and nothing else; notifications
come to any of them. When the users were sent home the weather becomes calm, and whatever the store shows as
unfinished is ended by any worker that finds it there.
"""

import gc
import math
import random
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

import anyio
from attrs import define, evolve, field

from agora_rec import (
    Checkpoint,
    CloudRecording,
    LocalBudget,
    Recording,
    Secrets,
    State,
    Stored,
    Web,
)
from agora_rec.emulator import SessionView
from agora_rec.store import Lease
from tests.simulation.checks import Checks
from tests.simulation.heard import NEWS_WITHIN, SingleWorld, SteppedUser
from tests.simulation.lives import Died, Life, MortalCloud, StoreDoor, StoreError
from tests.simulation.oracle import Oracle, Resource, Sent
from tests.simulation.specs import Spec
from tests.simulation.users import (
    COMMANDS,
    Command,
    Flow,
    Member,
    User,
    chaos,
    classic,
    goals,
    look_after,
    race,
    start_late,
    stop_in_mid_start,
)
from tests.simulation.world import CLOSED_WITHIN, REBIRTH
from tests.support.secrets import TOKEN, TOKEN_OF_ALTERNATE

LONGEST: Final = 700.0
"""Seconds of one seed: there is something to do all the time, since keys are claimed again and again."""

NOTICE_PERIOD: Final = (0.0, 0.0, 3.0, 30.0)
"""Seconds that a worker which is replaced gives its callers."""

COLLECTED: Final = 0.1
"""How often garbage is collected before a call."""

_STARTS: Final = frozenset({"acquire", "start", "ensure_started"})
_BEFORE: Final = frozenset({State.IDLE, State.ACQUIRED})


@define(eq=False)
class Known:
    """What the store has, as the world knows it without asking: kept by the doors."""

    checkpoints: dict[str, Checkpoint] = field(factory=dict[str, Checkpoint], init=False)
    over_since: dict[str, float] = field(factory=dict[str, float], init=False)
    """By sid: when it was written that it has left or ended."""
    started_by: dict[str, dict[str, float]] = field(factory=dict[str, dict[str, float]], init=False)
    """By resource ID: who has sent a start or is about to, and until when that was written there."""

    def written(self, checkpoint: Checkpoint, at: float) -> None:
        """A checkpoint is in the store now."""
        before = self.checkpoints.get(checkpoint.id)
        for each, until in ((before, at), (checkpoint, math.inf)):
            if each is not None and each.standing.resource_id is not None:
                starters = self.started_by.setdefault(each.standing.resource_id, {})
                starters.update(dict.fromkeys(each.starters, until))
        self.checkpoints[checkpoint.id] = checkpoint
        standing = checkpoint.standing
        if standing.left_at is None and not standing.state.is_end:
            self.over_since.pop(standing.sid or "", None)
        elif standing.sid is not None:
            self.over_since.setdefault(standing.sid, at)

    def is_written_ahead(self, resource: str | None) -> bool:
        """Whether the store knows that a start under this resource ID is on its way, or more."""
        found = (each.standing for each in self.checkpoints.values())
        return any(each.resource_id == resource and each.state not in _BEFORE for each in found)


@define(eq=False, kw_only=True)
class SharedStoreDoor(StoreDoor):
    """The store as one of several workers sees it."""

    known: Known

    async def claim(self, checkpoint: Checkpoint) -> Stored:
        """Give the live recording of a key, or make it."""
        self.life.passes("before a key is claimed")
        await self.clock.sleep(self.rng.choice((0.0, 0.0, 0.001, 0.05)))
        self.life.alive()
        if self.fails():
            raise StoreError("the store can't be reached")
        stored = await super().claim(checkpoint)
        self.wrote(stored.checkpoint)
        if self.fails():
            raise StoreError("the store's answer is lost")
        self.life.passes("after a key was claimed")
        return stored

    async def load_by_key(self, key: str) -> Stored | None:
        """Read the checkpoint of a key."""
        self.life.passes("before a key is looked up")
        if self.fails():
            raise StoreError("the store can't be read")
        return await super().load_by_key(key)

    async def lease(self, recording_id: str, holder: str, *, seconds: float) -> Lease | None:
        """Take or renew a lease."""
        self.life.passes("before a lease is taken")
        return await super().lease(recording_id, holder, seconds=seconds)

    def wrote(self, checkpoint: Checkpoint) -> None:
        """Note what the store has now."""
        self.known.written(checkpoint, self.clock.monotonic())


@define(eq=False)
class WorkersOracle(Oracle):
    """Judges several workers: what one was told binds that one, and a recording that is over makes room."""

    world: "WorkersWorld" = field(kw_only=True)
    _ended: set[str] = field(factory=set[str], init=False)
    """Resource IDs of what has ended at the service, whoever knows that."""
    _replaced: set[str] = field(factory=set[str], init=False)
    """Those that seemed to be over when their key got a new recording, which has it from then on."""

    def _judge_acquire(self, call: Sent) -> None:
        self._make_room()
        mine = [
            each for key, each in self._resources.items() if each.who[0] == call.who[0] and self._may_run(key)
        ]
        if any(call.life in each.senders | each.started_in for each in mine):
            self._illegal(call, "a start of it may have worked, or has worked: a new one may double it")

    def _judge_start(self, call: Sent, body: bytes) -> None:
        over = self._make_room(but=call.resource)
        for other in self._on_the_wire.values():
            is_same = other.verb == "start" and other.who[0] == call.who[0]
            if is_same and other.resource != call.resource and other.resource not in over:
                self._illegal(call, f"#{other.number} is on the wire, with another resource ID")
        super()._judge_start(call, body)

    def _is_spent(self, call: Sent, resource: Resource) -> bool:
        # One that another worker has sent too, or was about to send, may have worked there. If it has not,
        # that may be no news here yet.
        starters = self.world.known.started_by.get(call.resource or "", {})
        lately = {
            name for name, until in starters.items() if until >= self.world.clock.monotonic() - NEWS_WITHIN
        }
        alone = lately <= {self.world.clouds[call.life].holder}
        return alone and super()._is_spent(call, resource)

    def _may_run(self, resource: str) -> bool:
        # An instance that was left behind has reported its end, and nobody was told more: what is claimed
        # then begins a new recording, and the service refuses it while the old one runs on.
        told = [sid for sid, under in self._sids.items() if under == resource]
        if any(map(self.world._was_told_over, told)):
            self._replaced.add(resource)
        return resource not in self._ended | self._replaced and super()._may_run(resource)

    def is_over(self, life: int, sid: str) -> bool:
        """As far as it is written down: what a failing store has not taken may be asked for again."""
        return super().is_over(life, sid) and sid in self.world.known.over_since

    def _line(self, call: Sent) -> tuple[Any, ...]:
        # What takes the place of one that is over may begin beside the last calls of that.
        return call.life, call.resource or call.number

    def _make_room(self, but: str | None = None) -> set[str]:
        """Take what has begun and ended at the service for over, whoever was told that; gives those."""
        over = self.world.checks.ended(self._resources) - {but}
        self._ended |= over
        return over


@define(eq=False)
class WorkersChecks(Checks):
    """As for single recordings; but a key may have one after the other, and workers know what was written."""

    known: Known = field(kw_only=True)

    def sessions(self, spec: Spec, recording: Recording | None = None) -> tuple[SessionView, ...]:
        """What there ever was of a recording, or of its key, at the service."""
        if recording is not None and recording.resource_id is None:
            return ()
        every = super().sessions(spec)
        if recording is None:
            return every
        return tuple(each for each in every if each.resource_id == recording.resource_id)

    def state_is_true(self, spec: Spec, recording: Recording) -> None:
        """(2) An end tells the truth at any moment; that nothing has begun, if the store says so too."""
        known = self.known.checkpoints.get(recording.id)
        is_known_to_begin = known is not None and known.standing.state not in _BEFORE
        if recording.state not in _BEFORE or not is_known_to_begin:
            super().state_is_true(spec, recording)

    def never_doubled(self, spec: Spec) -> None:
        """(3) Of one key there was at most one session at a time."""
        for one, other in pairwise(self.sessions(spec)):
            if one.ended_at is None or other.started_at < one.ended_at:
                self.trace.violate(f"{spec.label}: {one.sid} and {other.sid} recorded at once")


async def refresh(user: User, member: Member) -> None:
    """Ask how it is, wherever it is."""
    await user.command(member, "refresh")


_COMMANDS: Final[Mapping[str, Command]] = {**COMMANDS, "refresh": lambda _, recording: recording.refresh()}
_FLOWS: Final[tuple[Flow, ...]] = (
    classic,
    goals,
    race,
    stop_in_mid_start,
    start_late,
    look_after,
    chaos,
    refresh,
)
_FLOW_WEIGHTS: Final = (3, 6, 4, 4, 1, 3, 1, 2)


@define(eq=False)
class Worker:
    """One process of the backend, while it takes requests."""

    life: Life
    cloud: MortalCloud
    callers: dict[anyio.CancelScope, None] = field(factory=dict[anyio.CancelScope, None], init=False)
    """A dict and no set, which would dismiss them in another order each time."""

    def dismiss(self) -> None:
        """Cancel all who wait here."""
        for scope in tuple(self.callers):
            scope.cancel()


@define(eq=False)
class WorkersUser(SteppedUser):
    """A caller who meets another worker with each call."""

    workers: list[Worker] = field(kw_only=True)
    known: Known = field(kw_only=True)

    def going_on(self) -> list[Member]:
        """There is always something left to do: what has ended may be claimed anew."""
        return self.members

    async def command(self, member: Member, name: str) -> bool:
        """Make one call at any worker."""
        if not self.workers:
            self.trace.note(self.name, f"{name} {member.spec.label}: nobody serves")
            return False
        worker = self.rng.choice(self.workers)
        if self.rng.random() < COLLECTED:
            gc.collect()  # what nobody holds is forgotten by its client
        at_worker = evolve(self, name=f"{self.name}@{worker.life.number}", life=worker.life)
        done = False
        with anyio.CancelScope() as scope:
            worker.callers[scope] = None
            try:
                done = await at_worker._ask(worker, member.spec, name)
            except* Died:
                pass
            finally:
                del worker.callers[scope]
        return done

    async def _ask(self, worker: Worker, spec: Spec, name: str) -> bool:
        """Make one call at the worker whose life this one has."""
        try:
            recording = await self._found(worker.cloud, spec, name)
        except (StoreError, RuntimeError) as error:  # it is answered 503; RuntimeError: it closes just now
            self.trace.note(self.name, f"{name} {spec.label}: {error}")
            return False
        if recording is None:
            return False
        known = self.known.checkpoints.get(recording.id)
        had_begun = known is not None and known.standing.state not in _BEFORE
        mine = Member(spec, recording, had_begun=had_begun)
        return await self.do(mine, name, lambda: _COMMANDS[name](self, recording))

    def draw_flow(self) -> Flow:
        """What to do next."""
        return self.rng.choices(_FLOWS, weights=_FLOW_WEIGHTS)[0]

    async def _found(self, cloud: CloudRecording, spec: Spec, name: str) -> Recording | None:
        if name in _STARTS:
            return await claim(cloud, spec)
        return await cloud.find(spec.label)


async def claim(cloud: CloudRecording, spec: Spec) -> Recording:
    """The live recording of a spec's key, or a new one."""
    return await cloud.claim(
        spec.label,
        cname=spec.cname,
        uid=spec.uid,
        mode=spec.mode,
        token=spec.token,
        resource_expired_hour=spec.hours,
        announce_start=spec.announce,
        alternate=spec.alternate,
    )


@define(eq=False, repr=False)
class WorkersWorld(SingleWorld):
    """Everything in one seed of several workers."""

    user_type: type[WorkersUser] = WorkersUser  # pyright: ignore[reportIncompatibleVariableOverride] - set once
    workers: list[Worker] = field(factory=list[Worker], init=False)
    """Those that take requests."""
    places: int = field(default=1, init=False)
    """How many there are when none is dead or being replaced."""
    is_calm: bool = field(default=False, init=False)
    is_over: anyio.Event = field(factory=anyio.Event, init=False)
    budget: LocalBudget = field(init=False)
    lives: list[Life] = field(factory=list[Life], init=False)
    """All there were, in the order of their births."""
    known: Known = field(factory=Known, init=False)
    clouds: dict[int, MortalCloud] = field(factory=dict[int, MortalCloud], init=False)
    """The client of each life."""

    def __attrs_post_init__(self) -> None:
        self.scenario = evolve(self.scenario, horizon=min(self.scenario.horizon, LONGEST))
        super().__attrs_post_init__()
        rng = self.rng("workers")
        self.places = rng.choice((1, 2, 2, 3))
        self.budget = LocalBudget(self.scenario.qps, clock=self.clock)
        self.checks = WorkersChecks(
            self.emulator, self.trace, was_told_over=self._was_told_over, known=self.known
        )
        self.oracle = WorkersOracle(self.trace.violate, first_uids=self.oracle.first_uids, world=self)

    @property
    def client_options(self) -> dict[str, Any]:
        """One budget for all; and somebody to ask for secrets, in some seeds."""
        asked = self.rng("secrets").random() < 0.5
        return {
            **super().client_options,
            "budget": self.budget,
            "secrets": self._secrets if asked else None,
        }

    async def _secrets(self, checkpoint: Checkpoint) -> Secrets:
        spec = next(each for each in self.scenario.specs if each.cname == checkpoint.cname)
        await self.clock.sleep(0.02)
        token = TOKEN if checkpoint.uid == spec.uid else TOKEN_OF_ALTERNATE
        return Secrets(token=token if checkpoint.has_token else None, storage=spec.mode.storage)

    def _store_door(self, life: Life, rng: random.Random) -> StoreDoor:
        return SharedStoreDoor(
            inner=self.store,
            life=life,
            clock=self.clock,
            rng=rng,
            fails=lambda: self.weather.store_fails(self.trace.seconds()),
            known=self.known,
        )

    def forbids(self, life: Life, call: Sent) -> str | None:
        """Nothing but a stop goes out where it is being stopped, or another worker's end has been heard."""
        known = self.known
        if call.verb == "start" and not known.is_written_ahead(call.resource):
            return "and the store doesn't know of it"
        if call.verb in {"acquire", "start", "stop"}:
            return None
        mine = self.clouds[life.number].recordings
        if any(each.sid == call.sid and each.state is State.STOPPING for each in mine):
            return "while it is being stopped"
        since = known.over_since.get(call.sid or "", self.clock.monotonic())
        late = self.clock.monotonic() - since
        return f"{late:.1f} s after the store knew its end" if late > NEWS_WITHIN * self.leniency else None

    async def _play_lives(self) -> None:
        async with anyio.create_task_group() as group:
            for spec in self.scenario.specs:
                if self._meets_stranger(spec):
                    group.start_soon(self._stranger(spec).intrude, self.scenario.horizon)
            for place in range(1, self.places + 1):
                group.start_soon(self._keep_up, place, group)
            await self._play_callers()
            self.weather.calm_at = self.trace.seconds()
            self.is_calm = True
            self.trace.note("weather", "is calm from now on")
            for life in self.lives:
                life.is_mortal = False
            await self._end_all()
            self.is_over.set()

    async def _play_callers(self) -> None:
        found_by_each_call: Any = None
        members = [Member(spec, found_by_each_call) for spec in self.scenario.specs]
        with self.clock.move_on_after(self.scenario.horizon):
            async with anyio.create_task_group() as group:
                group.start_soon(self._surroundings, "of all")
                for number in range(1, self.scenario.users + 1):
                    name = f"user {number}"
                    user = self.user_type(
                        name,
                        members,
                        Life(0, self.trace),
                        self.clock,
                        self.trace,
                        self.checks,
                        self.rng(name),
                        steps=self.steps,
                        workers=self.workers,
                        known=self.known,
                    )
                    group.start_soon(user.play)

    async def _keep_up(self, place: int, group: Any) -> None:
        """Have one life after the other in a place."""
        rng = self.rng(f"place {place}")
        while not self.is_over.is_set():
            life = self._born(len(self.lives) + 1, mortal=rng.random() < 0.6)
            life.is_mortal = life.is_mortal and not self.is_calm
            self.lives.append(life)
            if rng.random() < 0.4:
                group.start_soon(self._strike, life)
            replaced_after = rng.uniform(0, self.scenario.horizon) if rng.random() < 0.4 else None
            group.start_soon(self._serve, life, replaced_after)
            await life.over.wait()
            with self.clock.move_on_after(rng.uniform(*REBIRTH)):
                await self.is_over.wait()

    async def _serve(self, life: Life, replaced_after: float | None) -> None:
        """One worker, from its opening to its end."""
        cloud = self.clouds[life.number] = self._open(life)
        worker = Worker(life, cloud)
        began_to_close = 0.0
        try:
            with life.scope:
                async with cloud:
                    self.living.append(cloud)
                    self.workers.append(worker)
                    with self.clock.move_on_after(replaced_after):
                        await self.is_over.wait()
                    if self.is_calm:  # nobody is replaced any more
                        await self.is_over.wait()
                    await self._retire(worker)
                    began_to_close = self.clock.monotonic()
                    self.trace.note(f"life {life.number}", "closes")
        except* Died:
            pass
        finally:
            self._gone(worker)
            life.over.set()
        if not life.is_dead:
            self._check_closed(cloud, life, self.clock.monotonic() - began_to_close)

    async def _retire(self, worker: Worker) -> None:
        """Take no more requests, wait a while for those that are under way, and cut them off."""
        self._gone(worker, dismissed=False)
        self.trace.note(f"life {worker.life.number}", f"is replaced, with {len(worker.callers)} callers")
        if worker.callers:
            await self.clock.sleep(self.rng(f"notice {worker.life.number}").choice(NOTICE_PERIOD))
        worker.dismiss()

    def _gone(self, worker: Worker, *, dismissed: bool = True) -> None:
        if worker in self.workers:
            self.workers.remove(worker)
        self._left(worker.cloud)
        if dismissed:
            worker.dismiss()

    def _mourn(self, number: int) -> None:
        super()._mourn(number)
        for worker in [each for each in self.workers if each.life.number == number]:
            self._gone(worker)

    async def _end_all(self) -> None:
        """Have whatever is unfinished ended, each by a worker that finds it in the store."""
        while not self.workers:
            await self.clock.sleep(1.0)
        rng = self.rng("the end")
        chosen: dict[str, Worker] = {}
        async with anyio.create_task_group() as group:
            for worker in tuple(self.workers):
                async for recording in worker.cloud.unfinished():
                    if chosen.setdefault(recording.id, rng.choice(self.workers)) is worker:
                        spec = next(each for each in self.scenario.specs if each.label == recording.key)
                        is_pushed = isinstance(spec.mode, Web) and spec.mode.rtmp_urls is not None
                        has_secrets = worker.cloud.secrets is not None and not is_pushed
                        member = Member(spec, recording, has_secrets=has_secrets)
                        group.start_soon(self._end, member, worker.life)

    def _check_closed(self, cloud: MortalCloud, life: Life, took: float) -> None:
        if took > CLOSED_WITHIN * self.leniency:
            self.trace.violate(f"life {life.number} took {took:.1f} s to close")
        if life.in_flight:
            self.trace.violate(f"life {life.number} left {life.in_flight} calls on the wire")
        self.closed.append((life.number, cloud))

    async def _look_back(self) -> None:
        await super()._look_back()
        if self.budget.waiting:
            self.trace.violate(f"{self.budget.waiting} are left in the queue of the budget")
