"""The trial: several workers of one application, and everything happens to them that happens to workers.

A service that is emulated in this process, with real deliveries; a store with its real server; uvicorn with
its workers as processes of their own, of which one is killed every few seconds; and users, who ask again when
they get no answer. Whether all went well the judge says.
"""

import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
from attrs import field, frozen

from agora_rec.emulator import Emulator, Settings, WebhookSwitches
from tests.support.asgi import served
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET, WEBHOOK_SECRET
from tests.support.worker_processes import WorkerProcesses, free_port
from tests.workers.judge import Gate, judge
from tests.workers.stores import SERVERS, Server, open_to
from tests.workers.users import User, Web

SUBSCRIBED: Final = frozenset({1, 11, 12, 31, 32, 40, 41})
"""The events that docs/webhooks.md recommends, for recordings that are no pages and take no hours."""


@frozen(kw_only=True)
class Plan:
    """What is tried.

    Attributes:
        store: Which store; see `SERVERS`.
        channels: How many keys, each with a user.
        rounds: How many lessons each of them has.
        workers: How many processes.
        pause: Seconds at most between two wishes of a user.
        spread: Seconds over which users come.
        kill_every: Seconds between two deaths; None: nobody dies.
        away: Seconds for which the store's server is away, once, in the middle; 0: never.
        redundant: Whether each notification is sent twice.
        patience: Seconds after which a user gives up who gets no answer.
        mistake: One of `planted.MISTAKES`.
        seed: For all that is random here; processes and sockets have their own will.
    """

    store: str = "sqlite"
    channels: int = 200
    rounds: int = 2
    workers: int = 4
    pause: float = 3.0
    spread: float = 30.0
    kill_every: float | None = 3.0
    away: float = 0.0
    redundant: bool = True
    patience: float = 90.0
    mistake: str | None = None
    seed: int = 0


@frozen(kw_only=True)
class Report:
    """What came of it."""

    plan: Plan
    seconds: float
    sessions: int
    starts_and_stops: int
    webhooks: int
    killed: int
    statuses: Counter[str]
    workers: int
    faults: list[str] = field(repr=False)
    said: str = field(repr=False)
    """What the workers have said."""


async def run(plan: Plan) -> Report:
    """Hold the trial, and give the verdict."""
    began = time.perf_counter()
    port = free_port()
    emulator = Emulator(
        customer_id=CUSTOMER_ID,
        customer_secret=CUSTOMER_SECRET,
        qps=None,
        webhooks_to=f"http://127.0.0.1:{port}/agora",
        webhook_secret=WEBHOOK_SECRET,
        webhooks=WebhookSwitches(
            subscribed=SUBSCRIBED,
            redundant=plan.redundant,
            reorder=3,
            retry_gaps=(0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0),
        ),
        settings=Settings(
            start_seconds=0.1,
            exit_seconds=0.1,
            upload_seconds=0.5,
            sync_stop_seconds=0.2,
            concurrent_limit=10_000,
        ),
    )
    chance = random.Random(plan.seed)
    async with (
        SERVERS[plan.store]() as server,
        open_to(server.address) as store,
    ):
        gate = Gate(emulator.app, store, looks_at_stops=not plan.away)
        async with served(gate) as service, emulator.delivering():
            with tempfile.TemporaryDirectory(prefix="trial") as directory:
                processes = _processes(
                    plan,
                    port=port,
                    app_id=emulator.app_id,
                    service=service,
                    server=server,
                    log=Path(directory) / "log",
                )
                async with processes, _asked(processes.url, plan.patience, chance) as web:
                    users = [
                        User(f"lesson-{number}", web, plan.rounds, plan.pause)
                        for number in range(plan.channels)
                    ]
                    killed = await _live(plan, users, processes, server, chance)
                    faults = await judge(emulator, store, users, settled_within=plan.patience / 3)
                    await gate.look_again()
                    faults += gate.faults + web.faults
                    if not plan.mistake:
                        faults += _said_aloud(processes.said)
                    said = processes.said
    return Report(
        plan=plan,
        seconds=time.perf_counter() - began,
        sessions=len(emulator.sessions),
        starts_and_stops=gate.passed,
        webhooks=len(emulator.deliveries),
        killed=killed,
        statuses=web.statuses,
        workers=len(web.workers),
        faults=faults,
        said=said,
    )


def _processes(
    plan: Plan, *, port: int, app_id: str, service: str, server: Server, log: Path
) -> WorkerProcesses:
    return WorkerProcesses(
        "tests.workers.app:app",
        workers=plan.workers,
        port=port,
        log=log,
        environment={
            "AGORA_BASE_URL": service,
            "AGORA_APP_ID": app_id,
            "AGORA_CUSTOMER_ID": CUSTOMER_ID,
            "AGORA_CUSTOMER_SECRET": CUSTOMER_SECRET,
            "AGORA_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "TRIAL_STORE": server.address,
            "TRIAL_MISTAKE": plan.mistake or "",
        },
    )


@asynccontextmanager
async def _asked(url: str, patience: float, chance: random.Random) -> AsyncGenerator[Web]:
    web = Web(url, chance, patience)
    try:
        yield web
    finally:
        await web.aclose()


async def _live(
    plan: Plan, users: list[User], processes: WorkerProcesses, server: Server, chance: random.Random
) -> int:
    """Let users come, workers die, and the store's server go away; how many workers died."""
    killed = 0

    async def come(user: User) -> None:
        await anyio.sleep(chance.uniform(0.0, plan.spread))
        await user.run()

    async def kill_now_and_then(every: float) -> None:
        nonlocal killed
        while True:
            await anyio.sleep(every)
            if processes.pids:  # as soon as there is one again
                processes.kill(chance.choice(processes.pids))
                killed += 1

    async def go_away() -> None:
        await anyio.sleep(plan.spread / 2)
        await server.be_away(plan.away)

    async with anyio.create_task_group() as background:
        if plan.kill_every is not None:
            background.start_soon(kill_now_and_then, plan.kill_every)
        async with anyio.create_task_group() as tasks:
            if plan.away:
                tasks.start_soon(go_away)
            for user in users:
                tasks.start_soon(come, user)
        background.cancel_scope.cancel()
    return killed


def _said_aloud(said: str) -> list[str]:
    """Tracebacks that no library of this kind may leave in a log."""
    return [
        f"in the log: {line}"
        for line in said.splitlines()
        if "Task exception" in line or "Exception in ASGI" in line
    ]
