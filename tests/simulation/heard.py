"""What is added to the world of `world.py` where the service tells by webhook, and loses its servers.

Notifications are those of the emulator, delivered in virtual time to whoever lives: lost, doubled, shuffled
and late, as the seed has drawn. Afterwards what was delivered is given to fresh machines, twice and in other
orders. Callers are cancelled, and processes killed, also after the n-th step of any task, wherever that is.
"""

import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import anyio
from attrs import define, field

from agora_rec import Clock
from agora_rec.emulator import Emulator, WebhookSwitches
from agora_rec.notifications import NotificationApp, parse
from tests.simulation.checks import Checks
from tests.simulation.lives import Died, Life, MortalCloud
from tests.simulation.steps import Steps
from tests.simulation.trace import Trace
from tests.simulation.users import User
from tests.simulation.weather import FAILOVER, Weather
from tests.simulation.world import World
from tests.support.secrets import WEBHOOK_SECRET

ASGI_ERROR: Final = (
    {"type": "http.response.start", "status": 502, "headers": []},
    {"type": "http.response.body", "body": b""},
)
"""What a proxy answers for a process that is dead."""

NEWS_WITHIN: Final = 15.0
"""Seconds within which a client acts by what another one has written; a store that fails takes 5."""

STEPS: Final = (1, 2, 4, 10, 40, 150)
"""A caller is cancelled after one of the first so many steps of any task."""

STEPS_OF_A_LIFE: Final = (50, 300, 2000)
"""The same for a process."""


@define(eq=False)
class SteppedUser(User):
    """A caller whose patience may end in the middle of anything: after a number of steps, not of seconds."""

    steps: Steps = field(kw_only=True)

    async def within(self, patience: float | None, call: Callable[[], Any]) -> tuple[bool, Any]:
        """See `User.within`."""
        if patience is None or self.rng.random() < 0.5:
            return await super().within(patience, call)
        result: Any = None
        with anyio.CancelScope() as scope:
            self.steps.after(self.rng.randint(1, self.rng.choice(STEPS)), scope.cancel)
            result = await call()
        return not scope.cancelled_caught, result


@define(eq=False)
class Servers:
    """The service's own machines, which it loses: a recording is moved once at most, or lost for good.

    Twice would make 404s that last longer together than the documents allow.
    """

    emulator: Emulator
    weather: Weather
    checks: Checks
    clock: Clock
    trace: Trace
    rng: random.Random
    often: float
    """Seconds from one loss to the next, on average."""
    _moved: set[str] = field(factory=set[str], init=False)

    async def fail(self) -> None:
        """Lose servers until cancelled."""
        while True:
            await self.clock.sleep(self.rng.expovariate(1 / self.often))
            running = [each for each in self.emulator.running() if each.sid not in self._moved]
            if not running:
                continue
            session = self.rng.choice(running)
            with suppress(ValueError):  # it isn't ready yet, or has ended meanwhile
                if self.rng.random() < 0.3:
                    await self._lose(session.sid, session.cname)
                else:
                    self._move(session.sid, session.cname)

    def _move(self, sid: str, cname: str) -> None:
        seconds, old_reports = self.rng.uniform(5.0, FAILOVER), self.rng.random() < 0.3
        uid = self.emulator.fail_over(sid, seconds=seconds, old_reports=old_reports)
        self._moved.add(sid)
        self.weather.moving[cname] = self.trace.seconds() + seconds
        if old_reports:
            self.checks.misreported.add(sid)
        self.trace.note("service", f"moves {cname} to {uid} in {seconds:.0f} s, {old_reports=}")

    async def _lose(self, sid: str, cname: str) -> None:
        self.weather.moving[cname] = self.trace.seconds() + 10.0
        for _ in range(4):
            self.emulator.fail_over(sid, seconds=0.5)
            self._moved.add(sid)
            await self.clock.sleep(1.0)
        self.trace.note("service", f"has lost {cname} for good")


@define(eq=False, repr=False)
class HeardWorld(World):
    """A world with notifications."""

    steps: Steps = field(factory=Steps, kw_only=True)
    webhooks: WebhookSwitches | None = field(default=None, init=False)
    """How notifications come; None: they don't."""
    _way: random.Random = field(init=False)

    def _service(self, **more: Any) -> Emulator:
        self._way = self.rng("ways of notifications")
        self.webhooks = draw_webhooks(self.rng("webhooks"))
        if self.webhooks is None:
            return super()._service(**more)
        return super()._service(
            webhooks_to=self._receive, webhook_secret=WEBHOOK_SECRET, webhooks=self.webhooks, **more
        )

    @property
    def strangers(self) -> float:
        """None where notifications come: those of a stranger can't be told from our own."""
        return super().strangers if self.webhooks is None else 0.0

    @property
    def client_options(self) -> dict[str, Any]:
        """A client that notifications are for has their secret."""
        return {} if self.webhooks is None else {"webhook_secret": WEBHOOK_SECRET}

    @asynccontextmanager
    async def _telling(self) -> AsyncGenerator[None]:
        if self.webhooks is None:
            yield
            return
        async with self.emulator.delivering():
            yield

    async def _receive(self, scope: Any, receive: Any, send: Any) -> None:
        """Take a webhook to one of those who live; a process that is dead answers nothing good."""
        cloud = self._way.choice(self.living) if self.living else None
        if cloud is not None and not cloud.life.is_dead:
            with suppress(Died):
                await self._bring(cloud, scope, receive, send)
                return
        for message in ASGI_ERROR:
            await send(message)

    async def _bring(self, cloud: MortalCloud, scope: Any, receive: Any, send: Any) -> None:
        """Have one client answer a webhook; raises `Died` if it doesn't live to do that."""
        body, answer = bytearray(), []

        async def hear() -> Any:
            message = await receive()
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                self.oracle.delivered(bytes(body), self.trace.seconds())
            return message

        async def say(message: Any) -> None:
            answer.append(message)

        try:
            await NotificationApp(cloud)(scope, hear, say)
        except* Died:  # it struck while this was dealt with
            raise Died from None
        cloud.life.passes("before a notification is acknowledged")
        status = answer[0]["status"]
        notification = parse(bytes(body))
        if status == 200:
            zero = self.clock.now().timestamp() - self.trace.seconds()
            self.oracle.acknowledged(cloud.life.number, bytes(body), zero)
            before = self.delivered.setdefault(notification.sid or "", [])
            await self.checks.is_written_down(notification, self.store, before)
            before.append(notification)
        about = f"{notification.cname} as {notification.uid}"
        self.trace.note(f"hook {cloud.life.number}", f"{notification.event_type} of {about}: {status}")
        for message in answer:
            await send(message)

    async def _look_back(self) -> None:
        await super()._look_back()
        for sid, told in self.delivered.items():
            self.checks.order_makes_no_difference(sid, told, self.rng(f"orders {sid}"))


@define(eq=False, repr=False)
class SingleWorld(HeardWorld):
    """Single recordings and one client at a time, with notifications and servers that are lost."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.weather.failovers = {}  # the real ones take their place
        self.checks.was_told_over = self._was_told_over

    def _was_told_over(self, sid: str) -> bool:
        return self.oracle.was_told_over(sid, self.trace.seconds() - NEWS_WITHIN)

    def _user(self, name: str, members: Any, life: Life) -> User:
        return SteppedUser(
            name, members, life, self.clock, self.trace, self.checks, self.rng(name), steps=self.steps
        )

    async def _surroundings(self, name: str) -> None:
        rng = self.rng(f"servers {name}")
        servers = Servers(
            self.emulator,
            self.weather,
            self.checks,
            self.clock,
            self.trace,
            rng,
            rng.choice((60.0, 300.0, 3000.0)),
        )
        async with anyio.create_task_group() as group:
            group.start_soon(self._crowd, name)
            group.start_soon(servers.fail)

    async def _strike(self, life: Life) -> None:
        rng = self.rng(f"steps of life {life.number}")
        if rng.random() < 0.5:
            await super()._strike(life)
        else:
            number = rng.randint(1, rng.choice(STEPS_OF_A_LIFE))
            self.steps.after(number, lambda: life.die(f"in step {number}"))


def draw_webhooks(rng: random.Random) -> WebhookSwitches | None:
    """How notifications come in a seed."""
    if rng.random() < 0.4:
        return None
    return WebhookSwitches(
        redundant=rng.random() < 0.5,
        copies_share_id=rng.random() < 0.5,
        loss=rng.choice((0.0, 0.0, 0.2, 0.7)),
        delay=rng.choice(((0.0, 0.0), (0.0, 2.0), (0.0, 90.0))),
        reorder=rng.choice((0, 3, 10)),
        reorder_seconds=rng.choice((5.0, 60.0)),
    )
