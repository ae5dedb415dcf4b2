"""What callers do: flows over the public interface, with pauses, deadlines and cancellations at random."""

import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import anyio
import anyio.lowlevel
from attrs import define, field

from agora_rec import (
    AgoraRecError,
    BestFit,
    Clock,
    Floating,
    IllegalTransition,
    Outcome,
    Recording,
    RecordingGone,
    StartUnconfirmed,
    State,
    Subscription,
    Superseded,
    Web,
)
from tests.simulation.checks import Checks
from tests.simulation.lives import Life, StoreError
from tests.simulation.specs import Spec
from tests.simulation.trace import Trace

Command: TypeAlias = Callable[["User", Recording], Awaitable[Any]]
Flow: TypeAlias = Callable[["User", "Member"], Awaitable[None]]

_PAUSES: Final = (0.0, 0.0, 0.02, 0.3, 1.0, 4.0, 12.0, 45.0, 130.0, 305.0, 3700.0)
_PAUSE_WEIGHTS: Final = (8, 8, 8, 8, 8, 8, 6, 4, 2, 1, 0.3)
_ONLY_11: Final = Subscription(subscribe_audio_uids=("11",), subscribe_video_uids=("11",))
_LAYOUTS: Final = (BestFit(), Floating())
_PATIENCE: Final = (0.0, 0.005, 0.02, 0.3, 1.0, 5.0, 20.0)
_STARTABLE: Final = frozenset({State.IDLE, State.ACQUIRED, State.STARTING})
_MAY_BE_UNCONFIRMED: Final = frozenset({"start", "stop", "ensure_started", "ensure_stopped", "async with"})


class OopsError(Exception):
    """What goes wrong in the body of an `async with`."""


@define(eq=False)
class Member:
    """A recording that is to be, and the object for it in the present life."""

    spec: Spec
    recording: Recording
    has_secrets: bool = True
    had_begun: bool = True
    """Whether it had begun, as far as the store knew, when the present call was made."""


@define(eq=False)
class User:
    """One caller: goes from one flow to the next, until all is over or it is sent home."""

    name: str
    members: list[Member]
    life: Life
    clock: Clock
    trace: Trace
    checks: Checks
    rng: random.Random
    impatience: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.impatience = self.rng.choice((0.0, 0.1, 0.3))

    async def play(self) -> None:
        """Do one thing after another, for as long as something is left to be done; then a last thing."""
        while going_on := self.going_on():
            await self.pause()
            flow = self.draw_flow()
            await flow(self, self.rng.choice(going_on))
        await chaos(self, self.rng.choice(self.members))

    def draw_flow(self) -> Flow:
        """What to do next."""
        return self.rng.choices(_FLOWS, weights=_FLOW_WEIGHTS)[0]

    def going_on(self) -> list[Member]:
        """What is left to be done."""
        return [member for member in self.members if not member.recording.state.is_end]

    async def pause(self, longest: float = 4000.0) -> None:
        """Think for a while."""
        seconds = self.rng.choices(_PAUSES, weights=_PAUSE_WEIGHTS)[0]
        await self.clock.sleep(min(seconds, longest))

    async def do(
        self, member: Member, name: str, call: Callable[[], Awaitable[Any]], patience: float | None = None
    ) -> bool:
        """Make one call, perhaps with too little patience for it; judge what it gives. True: it succeeded."""
        if patience is None and self.rng.random() < self.impatience:
            patience = self.rng.choice(_PATIENCE) * self.rng.random()
        label = member.spec.label
        self.trace.note(self.name, f"{name} {label}" + ("" if patience is None else f" ({patience:.3f} s)"))
        finished, is_good = await self.within(patience, lambda: self._judged(member, name, call))
        if not finished:
            self.trace.note(self.name, f"{name} {label}: left")
        return finished and bool(is_good)

    async def _judged(self, member: Member, name: str, call: Callable[[], Awaitable[Any]]) -> bool:
        """Make a call and judge what it gives at that very moment: soon another user may have changed it."""
        label = member.spec.label
        try:
            result = await call()
        except (AgoraRecError, StoreError, OopsError) as error:
            self._failed(member, name, error)
            return False
        except Exception as error:  # noqa: BLE001 - whatever else comes out is a defect
            if not self.life.is_dead:
                self.trace.violate(f"{name} {label} raised {type(error).__name__}: {error}")
            return False
        self.trace.note(self.name, f"{name} {label}: done")
        self._succeeded(member, name, result)
        return True

    async def within(self, patience: float | None, call: Callable[[], Awaitable[Any]]) -> tuple[bool, Any]:
        """Await a call, and cancel it when patience is over: whether it came to its end, and its result."""
        result: Any = None
        with self.clock.move_on_after(patience) as scope:
            result = await call()
        return not scope.cancelled_caught, result

    def _failed(self, member: Member, name: str, error: Exception) -> None:
        label = member.spec.label
        text = str(error).partition("\n")[0]
        self.trace.note(self.name, f"{name} {label}: {type(error).__name__}: {text[:100]}")
        if self.life.is_dead:
            return
        self.checks.state_is_true(member.spec, member.recording)
        if isinstance(error, RecordingGone):
            self.checks.is_gone(member.spec, member.recording)
        refused_in = error.state if isinstance(error, IllegalTransition) else None
        if name == "ensure_started" and refused_in in _STARTABLE and not isinstance(error, Superseded):
            self.trace.violate(f"{name} {label} raised {error!r}")
        if isinstance(error, StartUnconfirmed) and name not in _MAY_BE_UNCONFIRMED:
            self.trace.violate(f"{name} {label} raised StartUnconfirmed")
        if isinstance(error, OopsError) and not getattr(error, "__notes__", ()):
            self.checks.has_stopped(member.spec, member.recording, "async with")

    def _succeeded(self, member: Member, name: str, result: object) -> None:
        if self.life.is_dead:
            return
        self.checks.state_is_true(member.spec, member.recording)
        if member.had_begun and name in {"stop", "ensure_stopped", "wait_finished", "async with"}:
            self.checks.has_stopped(member.spec, member.recording, name)
        if isinstance(result, Outcome):
            self.checks.outcome_is_true(member.spec, member.recording, result)

    async def command(self, member: Member, name: str) -> bool:
        """Make one call by its name."""
        return await self.do(member, name, lambda: COMMANDS[name](self, member.recording))


async def _update(user: User, recording: Recording) -> Any:
    if isinstance(recording.mode, Web):
        return await recording.update(onhold=user.rng.random() < 0.5)
    return await recording.update(
        subscription=Subscription(subscribe_audio_uids=("11",), subscribe_video_uids=("11",))
    )


async def _changes(user: User, recording: Recording) -> None:
    with user.clock.move_on_after(user.rng.uniform(0, 60)):
        async for _ in recording.changes():
            pass


def _deadline(user: User) -> float | None:
    return user.rng.choice((None, None, 1.0, 10.0, 100.0))


COMMANDS: Final[dict[str, Command]] = {
    "acquire": lambda _, recording: recording.acquire(),
    "start": lambda _, recording: recording.start(),
    "query": lambda _, recording: recording.query(),
    "update": _update,
    "update_layout": lambda user, recording: recording.update_layout(
        user.rng.choice((BestFit(), Floating()))
    ),
    "stop": lambda user, recording: recording.stop(async_stop=user.rng.random() < 0.2),
    "ensure_started": lambda user, recording: recording.ensure_started(_deadline(user)),
    "ensure_stopped": lambda user, recording: recording.ensure_stopped(
        _deadline(user), wait_upload=user.rng.random() < 0.5
    ),
    "wait_started": lambda user, recording: recording.wait_started(user.rng.choice((10.0, 90.0, 120.0))),
    "wait_finished": lambda user, recording: recording.wait_finished(user.rng.choice((10.0, 300.0, 600.0))),
    "changes": _changes,
}
_DURING: Final = ("query", "query", "update", "update_layout", "wait_started", "changes")


async def classic(user: User, member: Member) -> None:
    """The documented sequence."""
    if await user.command(member, "acquire"):
        await user.pause()
    if await user.command(member, "start"):
        await _meanwhile(user, member)
    await user.command(member, "stop")
    if user.rng.random() < 0.5:
        await user.command(member, "wait_finished")


async def start_late(user: User, member: Member) -> None:
    """A start about five minutes after its acquire."""
    if await user.command(member, "acquire"):
        await user.clock.sleep(user.rng.uniform(290.0, 310.0))
    if await user.command(member, user.rng.choice(("start", "ensure_started"))):
        await user.command(member, "ensure_stopped")


async def goals(user: User, member: Member) -> None:
    """Have it run, have it ended."""
    await user.command(member, "ensure_started")
    await _meanwhile(user, member)
    await user.command(member, "ensure_stopped")


async def context(user: User, member: Member) -> None:
    """`async with`, with a body that may fail."""
    fails = user.rng.random() < 0.3

    async def body() -> None:
        async with member.recording:
            await _meanwhile(user, member)
            if fails:
                raise OopsError

    await user.do(member, "async with", body, user.rng.choice((None, None, 2.0, 20.0)))


async def _meanwhile(user: User, member: Member) -> None:
    for _ in range(user.rng.randrange(4)):
        await user.pause()
        await user.command(member, user.rng.choice(_DURING))
    await user.pause()


async def race(user: User, member: Member) -> None:
    """Several calls at once for one recording."""
    names = user.rng.choices(tuple(COMMANDS), weights=_RACE_WEIGHTS, k=user.rng.choice((2, 2, 3, 4)))
    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(user.command, member, name)
            for _ in range(user.rng.randrange(3)):
                await anyio.lowlevel.checkpoint()


async def look_after(user: User, member: Member) -> None:
    """One waits for the end, another one asks now and then how it is doing."""
    await user.command(member, "ensure_started")
    async with anyio.create_task_group() as group:
        group.start_soon(user.command, member, "wait_finished")
        for _ in range(user.rng.randrange(12)):
            await user.pause(12.0)
            await user.command(member, "query")


async def stop_in_mid_start(user: User, member: Member) -> None:
    """A start, and a stop on its heels."""
    async with anyio.create_task_group() as group:
        group.start_soon(user.command, member, user.rng.choice(("start", "ensure_started")))
        await user.pause(5.0)
        group.start_soon(user.command, member, user.rng.choice(("stop", "ensure_stopped")))


async def chaos(user: User, member: Member) -> None:
    """Anything, in any state."""
    await user.command(member, user.rng.choice(tuple(COMMANDS)))


async def leave_in_mid_start(user: User, member: Member) -> None:
    """A web handler that times out."""
    call = user.rng.choice((member.recording.start, member.recording.ensure_started))
    await user.do(member, "start", call, user.rng.uniform(0, 3))


_RACE_WEIGHTS: Final = (1, 2, 3, 2, 2, 3, 2, 3, 1, 1, 1)
_FLOWS: Final[tuple[Flow, ...]] = (
    classic,
    goals,
    context,
    race,
    stop_in_mid_start,
    chaos,
    leave_in_mid_start,
    start_late,
    look_after,
)
_FLOW_WEIGHTS: Final = (3, 4, 3, 3, 3, 1, 1, 1, 3)
