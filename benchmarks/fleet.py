"""What a large fleet costs beside its calls: `python -m benchmarks.fleet [recordings]`, about five minutes.

10,000 recordings are begun and then left alone for an hour of virtual time, in one process, without
notifications, at 100 calls a second. Measured are the memory of each, the CPU time of the hour beyond what
its calls would cost by hand, and how evenly the queries are spread. The service is
`tests/support/instant.py`.
"""

import argparse
import gc
import logging
import statistics
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Final

import anyio
from attrs import define, field
from trio.testing import MockClock

from agora_rec import AmazonS3, AmazonS3Region, CloudRecording, LoopClock, Mix, Recording, State
from agora_rec.fleet import Fleet, ResultState, Spec
from benchmarks import reporting
from benchmarks.plot import histogram
from benchmarks.reporting import Target
from tests.support.instant import InstantService, client_of

COMMAND: Final = "python -m benchmarks.fleet --markdown"
QPS: Final = 100.0
SETTLED_AFTER: Final = 900.0
"""Seconds after which all are confirmed and have been looked at a few times: 30,000 calls take 315."""
ROUNDS: Final = 10
FLEET_SECONDS, BY_HAND_SECONDS = 240.0, 60.0
"""Of each round: the fleet alone; the fleet and queries by hand; the fleet and the pauses between these."""
BY_HAND: Final = 1000
BY_HAND_EVERY: Final = 0.025
BIN: Final = 10.0

BYTES: Final = 6 * 1024
MILLISECONDS: Final = 1.0
UNEVEN: Final = 1.1


def a_mode() -> Mix:
    """A mode of its own for each, as from a database."""
    return Mix(
        storage=AmazonS3(
            region=AmazonS3Region.US_EAST_1,
            bucket="recordings",
            access_key="id",
            secret_key="key",
            file_name_prefix=("lessons", "2026"),
        )
    )


def specs(first: int, count: int) -> Iterator[Spec]:
    """What is recorded, each with a token as long as real ones."""
    for number in range(first, first + count):
        yield Spec(f"class-{number}", 1000 + number, a_mode(), token=f"{number:0139}")


@define
class Round:
    """CPU microseconds of one look of the fleet with all that comes with it, and of one query by hand."""

    look: float
    query: float


@define
class Figures:
    """What was measured.

    Attributes:
        recordings: How many there were.
        bytes_each: What each holds of the process's memory.
        looks_an_hour: Looks at each recording in an hour.
        rounds: CPU time, round by round.
        looks: The moments of all looks of the hour, in seconds from its beginning.
    """

    recordings: int
    bytes_each: float = 0.0
    looks_an_hour: float = 0.0
    rounds: list[Round] = field(factory=list[Round])
    looks: list[float] = field(factory=list[float])

    @property
    def seconds(self) -> float:
        """How long the hour was."""
        return ROUNDS * (FLEET_SECONDS + 2 * BY_HAND_SECONDS)

    @property
    def beyond(self) -> float:
        """CPU milliseconds for each recording-hour beyond its calls."""
        beyond = statistics.median(each.look - each.query for each in self.rounds)
        return self.looks_an_hour * beyond / 1000

    @property
    def bins(self) -> list[int]:
        """How many looks there were in each ten seconds."""
        counts = [0] * round(self.seconds / BIN)
        for moment in self.looks:
            counts[int(moment / BIN)] += 1
        return counts


@define(eq=False)
class Hour:
    """The hour: a fleet that is left alone, and recordings without one that are queried by hand."""

    fleet_service: InstantService
    by_hand_service: InstantService
    recordings: Sequence[Recording]
    clock: LoopClock
    _next: int = 0

    async def round(self) -> Round:
        """Each kind of work in turn, so that whatever else the machine does meets all of them."""
        fleet, looks = await self._of_fleet()
        with_queries, queries = await self._by_hand(is_asked=True)
        with_pauses, _ = await self._by_hand(is_asked=False)
        return Round(look=fleet / looks, query=(with_queries - with_pauses) / queries)

    async def _of_fleet(self) -> tuple[float, int]:
        calls, began = self.fleet_service.calls, time.process_time()
        await anyio.sleep(FLEET_SECONDS)
        return (time.process_time() - began) * 1e6, self.fleet_service.calls - calls

    async def _by_hand(self, *, is_asked: bool) -> tuple[float, int]:
        calls, began = self.by_hand_service.calls, time.process_time()
        for _ in range(round(BY_HAND_SECONDS / BY_HAND_EVERY)):
            await anyio.sleep(BY_HAND_EVERY)
            if is_asked:
                self._next = (self._next + 1) % len(self.recordings)
                await self.recordings[self._next].query()
        return (time.process_time() - began) * 1e6, self.by_hand_service.calls - calls


async def begin_by_hand(cloud: CloudRecording) -> list[Recording]:
    """Recordings without a fleet, of the same kind."""
    recordings = [
        cloud.recording(f"other-{number}", 1000 + number, a_mode(), token=f"{number:0139}")
        for number in range(BY_HAND)
    ]
    for recording in recordings:
        await recording.ensure_started()
    return recordings


async def record(fleet: Fleet, first: int, count: int) -> None:
    """Have so many recorded, and go on when all of them idle."""

    async def to_the_end() -> None:
        async for result in fleet.record(specs(first, count)):
            assert result.state is ResultState.UPLOADED, result

    fleet._roster.spawn(to_the_end)  # noqa: SLF001 - it ends with the fleet, whatever comes
    await anyio.sleep(SETTLED_AFTER)


async def measure(recordings: int) -> Figures:
    """All of it."""
    figures, clock = Figures(recordings), LoopClock()
    service, other = InstantService(), InstantService()
    async with AsyncExitStack() as stack:
        cloud = await stack.enter_async_context(client_of(service, qps=QPS, clock=clock))
        by_hand = await stack.enter_async_context(client_of(other, qps=QPS, clock=clock))
        fleet = await stack.enter_async_context(Fleet(cloud, limit=recordings + 1, on_exit="stop"))
        await record(fleet, 0, 1)  # what is made once
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        await record(fleet, 1, recordings)
        gc.collect()
        figures.bytes_each = (tracemalloc.get_traced_memory()[0] - before) / recordings
        tracemalloc.stop()
        assert all(recording.state is State.RECORDING for recording in fleet.recordings)

        hour = Hour(service, other, await begin_by_hand(by_hand), clock)
        began = clock.monotonic()
        service.on_query = lambda moment: figures.looks.append(moment - began)
        for _ in range(ROUNDS):
            figures.rounds.append(await hour.round())
        service.on_query = lambda _: None
        figures.looks_an_hour = len(figures.looks) / (recordings + 1) / figures.seconds * 3600
    assert fleet.report().states == {ResultState.UPLOADED: recordings + 1}
    return figures


def unevenness(bins: Sequence[int]) -> tuple[float, float]:
    """The coefficient of variation, and the largest over the mean."""
    mean = statistics.mean(bins)
    return statistics.pstdev(bins) / mean, max(bins) / mean


def told(figures: Figures) -> str:
    """The table."""
    varies, most = unevenness(figures.bins)
    look = statistics.median(each.look for each in figures.rounds)
    query = statistics.median(each.query for each in figures.rounds)
    return reporting.table(
        [
            (f"{figures.recordings:,} recordings, {QPS:g} calls a second", "measured", "at most"),
            (
                "memory of each above the empty fleet, KiB",
                f"{figures.bytes_each / 1024:.2f}",
                f"{BYTES / 1024:.0f}",
            ),
            ("looks at each in an hour", f"{figures.looks_an_hour:.1f}", ""),
            ("CPU of a look, scheduling included, µs", f"{look:.0f}", ""),
            ("CPU of a query by hand, µs", f"{query:.0f}", ""),
            ("CPU beyond its calls for a recording-hour, ms", f"{figures.beyond:.2f}", f"{MILLISECONDS:g}"),
            (f"looks in {BIN:.0f} s, coefficient of variation", f"{varies:.2%}", ""),
            (f"looks in {BIN:.0f} s, most over mean", f"{most:.3f}", f"{UNEVEN:g}"),
        ]
    )


def write_plot(figures: Figures, origin: str) -> None:
    """Draw how the looks of the hour are spread."""
    bins = figures.bins
    title = f"Queries of {figures.recordings:,} recordings in each {BIN:.0f} seconds of an hour"
    source = reporting.measured_by(COMMAND, origin)
    drawn = histogram(title, source, bins, ideal=statistics.mean(bins), minutes=figures.seconds / 60)
    reporting.write_drawing("performance_spread.svg", drawn)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", nargs="?", type=int, default=10_000)
    parser.add_argument("--markdown", action="store_true", help="write the parts of the documents too")
    options = parser.parse_args()
    logging.getLogger("agora_rec").setLevel(logging.ERROR)
    clock = MockClock(autojump_threshold=0)
    figures = anyio.run(measure, options.recordings, backend="trio", backend_options={"clock": clock})
    text = told(figures)
    print(text)
    print(Target("bytes for each recording", BYTES, figures.bytes_each))
    print(Target("CPU ms for a recording-hour beyond its calls", MILLISECONDS, figures.beyond))
    print(Target("most looks in ten seconds over their mean", UNEVEN, unevenness(figures.bins)[1]))
    if options.markdown:
        origin = reporting.origin("trio", "attrs")
        reporting.write_part("performance_fleet.md", COMMAND, origin, text)
        write_plot(figures, origin)


if __name__ == "__main__":
    main()
