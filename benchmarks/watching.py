"""Calls for each recording-hour, and what they are good for: `python -m benchmarks.watching`, about a minute.

Recordings run for two hours of virtual time over the emulator, which delivers its notifications into the
client. Some are lost on the way, some are only moved to another server. A fleet with and without
notifications takes its turn with a poller as it is written by hand: a query every 30 seconds, and a 404 is
the end.
"""

import argparse
import logging
import random
import statistics
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any, Final

import anyio
from attrs import define, field
from trio.testing import MockClock

from agora_rec import AmazonS3, AmazonS3Region, CloudRecording, LoopClock, Mix, State
from agora_rec.emulator import Emulator, EventType, WebhookSwitches
from agora_rec.errors import WorkerNotFound
from agora_rec.fleet import Fleet, Spec
from agora_rec.model import AcquireRequest, StartRequest, StopRequest
from agora_rec.notifications import NotificationApp
from agora_rec.vocabulary import ModeName, OperationName
from benchmarks import reporting

RECORDINGS: Final = 50
LOST: Final = range(10)
MOVED: Final = range(10, 20)
SECONDS: Final = 7200.0
POLL_EVERY: Final = 30.0
FAILOVERS: Final = 3
"""A server that is lost after these takes the recording with it (timing.yaml `failovers_max`)."""
USED_UP_AT: Final = 317.0
"""When those that will be lost use these up, in 0.1 s each: between two of the poller's queries."""
FAILOVER_SECONDS: Final = 60.0
STORAGE: Final = AmazonS3(region=AmazonS3Region.US_EAST_1, bucket="b", access_key="id", secret_key="key")
MODE: Final = Mix(storage=STORAGE)
SECRET: Final = "a secret for notifications"
QUIET: Final = WebhookSwitches(
    lost=frozenset({EventType.SESSION_EXIT, EventType.SESSION_FAILOVER, EventType.STATUS_UPDATE})
)
"""Notifications prove life as always, and those that tell of a lost server never come."""


def cname_of(number: int) -> str:
    """The channel of a recording."""
    return f"class-{number}"


@define(eq=False)
class Stage:
    """An emulator, and a client of it."""

    emulator: Emulator
    cloud: CloudRecording
    clock: LoopClock
    noticed: dict[str, datetime] = field(factory=dict[str, datetime])
    """When each channel's recording was taken for ended, before anybody stopped it."""


@asynccontextmanager
async def stage(webhooks: WebhookSwitches | None) -> AsyncGenerator[Stage]:
    """Open them; notifications are delivered as the switches say, None: not at all."""
    clock = LoopClock()
    emulator = Emulator(clock=clock, webhook_secret=SECRET, webhooks=webhooks)
    async with AsyncExitStack() as stack:
        cloud = CloudRecording(
            emulator.app_id,
            customer_id=emulator.customer_id,
            customer_secret=emulator.customer_secret,
            base_url=emulator.base_url,
            transport=emulator.transport(),
            clock=clock,
            webhook_secret=None if webhooks is None else SECRET,
        )
        await stack.enter_async_context(cloud)
        if webhooks is not None:
            emulator.webhooks_to = NotificationApp(cloud)
            await stack.enter_async_context(emulator.delivering())
        yield Stage(emulator, cloud, clock)


async def trouble(on: Stage) -> None:
    """Lose some recordings and move others, each at a moment of its own."""
    moments = random.Random(7)
    await anyio.sleep(USED_UP_AT)
    for _ in range(FAILOVERS):
        for number in LOST:
            fail_over(on, number, 0.1)
        await anyio.sleep(1)
    async with anyio.create_task_group() as tasks:
        for number in (*LOST, *MOVED):
            tasks.start_soon(fail_over_after, on, number, moments.uniform(900, 5400))


async def fail_over_after(on: Stage, number: int, seconds: float) -> None:
    """Lose a server later."""
    await anyio.sleep(seconds)
    fail_over(on, number, FAILOVER_SECONDS)


def fail_over(on: Stage, number: int, seconds: float) -> None:
    """Lose the server of a recording."""
    session = next(each for each in on.emulator.sessions if each.cname == cname_of(number))
    on.emulator.fail_over(session.sid, seconds=seconds)


async def by_fleet(on: Stage) -> None:
    """Let a fleet look after them."""
    async with Fleet(on.cloud, on_exit="stop") as fleet:
        recordings = [
            await fleet.start(Spec(cname_of(number), 1000 + number, MODE)) for number in range(RECORDINGS)
        ]
        await anyio.sleep(SECONDS)
        for recording in recordings:
            ends = [each.at for each in recording.history if each.before is State.RECORDING]
            if ends:
                on.noticed[recording.cname] = ends[0]


async def by_hand(on: Stage) -> None:
    """Poll each."""
    async with anyio.create_task_group() as tasks:
        for number in range(RECORDINGS):
            tasks.start_soon(poll, on, number)


async def poll(on: Stage, number: int) -> None:
    """Record one: a query every 30 seconds, until it isn't found any more or its time is over."""
    api, cname, uid = on.cloud.api, cname_of(number), 1000 + number
    resource_id = (await api.acquire(AcquireRequest(cname=cname, uid=uid))).resource_id
    sid = (await api.start(resource_id, StartRequest(cname=cname, uid=uid, mode=MODE))).sid
    until = on.clock.monotonic() + SECONDS
    while on.clock.monotonic() < until:
        await anyio.sleep(POLL_EVERY)
        try:
            await api.query(ModeName.MIX, resource_id, sid)
        except WorkerNotFound:
            on.noticed[cname] = on.clock.now()
            return
    await api.stop(ModeName.MIX, resource_id, sid, StopRequest(cname=cname, uid=uid))


CONTENDERS: Final[dict[str, tuple[Callable[[Stage], Coroutine[Any, Any, None]], WebhookSwitches | None]]] = {
    "a query every 30 s, by hand": (by_hand, None),
    "fleet": (by_fleet, None),
    "fleet with webhooks": (by_fleet, WebhookSwitches()),
    "fleet with webhooks, those of losses lost": (by_fleet, QUIET),
}


@define
class Figures:
    """What came of one contender.

    Attributes:
        calls: Calls of each kind for a recording-hour, of those that nothing happened to.
        delays: Seconds from each loss until it was noticed.
        wrong: How many that were only moved were taken for ended.
        unnoticed: How many losses were not noticed at all.
    """

    calls: dict[OperationName, float]
    delays: list[float]
    wrong: int
    unnoticed: int


async def measure(
    work: Callable[[Stage], Coroutine[Any, Any, None]], switches: WebhookSwitches | None
) -> Figures:
    """Two hours with one of them."""
    async with stage(switches) as on:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(trouble, on)
            await work(on)
        lost_at = {each.cname: each.ended_at for each in on.emulator.sessions}
        calm = {cname_of(number) for number in range(RECORDINGS)} - {
            cname_of(number) for number in (*LOST, *MOVED)
        }
        counted = Counter(
            call.operation for call in on.emulator.calls if call.operation is not None and call.cname in calm
        )
        hours = len(calm) * SECONDS / 3600
        losses = [(on.noticed.get(name), lost_at[name]) for name in map(cname_of, LOST)]
        return Figures(
            calls={operation: count / hours for operation, count in counted.items()},
            delays=[
                (seen - lost).total_seconds()
                for seen, lost in losses
                if seen is not None and lost is not None
            ],
            wrong=sum(cname_of(number) in on.noticed for number in MOVED),
            unnoticed=sum(seen is None for seen, _ in losses),
        )


def run() -> str:
    """Measure all; the table."""
    rows = [("", "queries", "all calls", "loss noticed after", "at most", "moved, taken for ended")]
    for name, (work, switches) in CONTENDERS.items():
        clock = MockClock(autojump_threshold=0)
        figures = anyio.run(measure, work, switches, backend="trio", backend_options={"clock": clock})
        assert not figures.unnoticed
        assert min(figures.delays) >= 0
        rows.append(
            (
                name,
                f"{figures.calls[OperationName.QUERY]:.1f}",
                f"{sum(figures.calls.values()):.1f}",
                f"{statistics.mean(figures.delays):.0f} s",
                f"{max(figures.delays):.0f} s",
                f"{figures.wrong} of {len(MOVED)}",
            )
        )
    return reporting.table(rows)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="write the part of the documents too")
    options = parser.parse_args()
    logging.getLogger("agora_rec").setLevel(logging.CRITICAL)  # losses are what it is about
    text = run()
    print(text)
    if options.markdown:
        command = "python -m benchmarks.watching --markdown"
        reporting.write_part("performance_watching.md", command, reporting.origin("trio"), text)


if __name__ == "__main__":
    main()
