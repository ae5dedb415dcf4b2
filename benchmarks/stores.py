"""What each store costs: `python -m benchmarks.stores [recordings]`, about a minute.

Recordings are claimed, started, stopped and waited for on each store in turn within one run: several at once
for how many there are in a second, and one after another for what the store adds to each. The emulated
service is in this process and answers at once, so what is left of a recording's time is the library's and
the store's own. The servers of Redis (Valkey) and PostgreSQL are processes on this machine.
"""

import argparse
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import anyio
from attrs import define, field

from agora_rec import (
    AmazonS3,
    AmazonS3Region,
    CloudRecording,
    MemoryStore,
    Mix,
    PostgresStore,
    RedisStore,
    SQLiteStore,
)
from agora_rec.emulator import Emulator, Settings
from agora_rec.store import Store
from benchmarks import reporting
from tests.support.postgres import served_postgres
from tests.support.stores import HandingOn
from tests.support.valkey import served_valkey

STORAGE: Final = AmazonS3(region=AmazonS3Region.US_EAST_1, bucket="b", access_key="id", secret_key="key")
AT_ONCE: Final = 20
ROUNDS: Final = 3


@define(eq=False)
class Counted(HandingOn):
    """A store whose calls are counted."""

    calls: Counter[str] = field(factory=Counter)

    def __getattribute__(self, name: str) -> Any:
        if name in _METHODS:
            self.calls[name] += 1
        return super().__getattribute__(name)


_METHODS: Final = frozenset(name for name in vars(HandingOn) if not name.startswith("_")) - {
    "inner",
    "changes",
}


async def one(cloud: CloudRecording, key: str, seconds: list[float]) -> None:
    """One recording from its claim to its files."""
    began = time.perf_counter()
    recording = await cloud.claim(key, cname=key, uid=7, mode=Mix(storage=STORAGE))
    await recording.ensure_started()
    await recording.ensure_stopped()
    await recording.wait_finished()
    seconds.append(time.perf_counter() - began)


@define
class Round:
    """What one round on one store took."""

    seconds: float
    each: list[float]
    calls: Counter[str]


async def measure(store: Store, recordings: int, prefix: str, at_once: int) -> Round:
    """One round."""
    settings = Settings(concurrent_limit=recordings, latency=0.0, start_seconds=0.0, upload_seconds=0.0)
    emulator, counted, each = Emulator(qps=None, settings=settings), Counted(store), list[float]()
    limiter = anyio.CapacityLimiter(at_once)

    async def paced(number: int) -> None:
        async with limiter:
            await one(cloud, f"{prefix}-{number}", each)

    async with CloudRecording(
        emulator.app_id,
        customer_id=emulator.customer_id,
        customer_secret=emulator.customer_secret,
        base_url=emulator.base_url,
        transport=emulator.transport(),
        qps=None,
        store=counted,
    ) as cloud:
        began = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for number in range(recordings):
                tasks.start_soon(paced, number)
        return Round(time.perf_counter() - began, each, counted.calls)


@asynccontextmanager
async def in_memory() -> AsyncIterator[Store]:
    """This process's memory."""
    yield MemoryStore()


@asynccontextmanager
async def in_sqlite() -> AsyncIterator[Store]:
    """A file in a temporary directory."""
    with TemporaryDirectory() as directory:
        async with SQLiteStore(Path(directory) / "recordings.db") as store:
            yield store


@asynccontextmanager
async def in_redis() -> AsyncIterator[Store]:
    """A server of its own, over its socket."""
    with served_valkey() as server:
        async with RedisStore(server.url) as store:
            yield store


@asynccontextmanager
async def in_postgres() -> AsyncIterator[Store]:
    """A server of its own, over TCP; it doesn't wait for the disk (`fsync=off`)."""
    with served_postgres() as server:
        async with PostgresStore(server.url()) as store:
            yield store


STORES: Final[dict[str, Callable[[], AbstractAsyncContextManager[Store]]]] = {
    "MemoryStore": in_memory,
    "SQLiteStore": in_sqlite,
    "RedisStore": in_redis,
    "PostgresStore": in_postgres,
}


def _milliseconds(rounds: list[Round]) -> float:
    """What one recording takes, from its claim to its files."""
    return statistics.median(statistics.median(each.each) for each in rounds) * 1000


async def run(recordings: int) -> str:
    """Measure all of them, in turns; the table."""
    busy: dict[str, list[Round]] = {name: [] for name in STORES}
    calm: dict[str, list[Round]] = {name: [] for name in STORES}
    async with AsyncExitStack() as stack:
        stores = {name: await stack.enter_async_context(make()) for name, make in STORES.items()}
        for number in range(ROUNDS):
            for name, store in stores.items():
                busy[name].append(await measure(store, recordings, f"busy-{number}", AT_ONCE))
                calm[name].append(await measure(store, recordings // 4, f"calm-{number}", 1))
    rows = [("store", "recordings a second", "ms added to each", "round trips for each")]
    base = _milliseconds(calm["MemoryStore"])
    for name, measured in busy.items():
        seconds = statistics.median(each.seconds for each in measured)
        calls = statistics.median(each.calls.total() for each in measured) / recordings
        added = _milliseconds(calm[name]) - base
        rows.append((name, f"{recordings / seconds:,.0f}", f"{added:.1f}", f"{calls:.1f}"))
    return reporting.table(rows)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", nargs="?", type=int, default=200)
    parser.add_argument("--markdown", action="store_true", help="write the part of the documents too")
    options = parser.parse_args()
    text = anyio.run(run, options.recordings)
    print(text)
    if options.markdown:
        command = "python -m benchmarks.stores --markdown"
        reporting.write_part("performance_stores.md", command, reporting.origin("attrs"), text)


if __name__ == "__main__":
    main()
