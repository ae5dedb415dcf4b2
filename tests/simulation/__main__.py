"""`python -m tests.simulation`: many seeds, or one seed again with its trace.

A seed is one bad day of a program that records. Kinds of seeds:

  silent   single recordings, one client at a time, no notifications
  single   the same with notifications, failovers, and cancellation and death at any step
  workers  several workers over one store, which die and are replaced, with all that
  fleets   fleets, with notifications and losses
  native   workers on asyncio, in virtual time too, with callers who are cancelled by `task.cancel()`

What fails is shown with its trace, whose columns `tests/simulation/trace.py` explains, and with the command
that replays it.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Final

from attrs import define, field

from benchmarks import reporting
from tests.simulation.running import Kind, Report, keep_quiet, run_seed

PART: Final = "simulation.md"
HOUR: Final = 3600


@define
class Tally:
    """What came of the seeds of one kind."""

    kind: Kind
    jobs: int
    sums: Counter[str] = field(factory=Counter[str])
    slowest: float = 0.0
    """Seconds that the slowest stop took, from the return of calm weather."""
    seconds: float = 0.0
    """Of real time."""
    failed: list[Report] = field(factory=list[Report])

    def add(self, report: Report) -> None:
        """Count a seed."""
        self.sums.update(
            seeds=1,
            calls=report.calls,
            sessions=report.sessions,
            notifications=report.notifications,
            deaths=report.deaths,
        )
        self.sums["virtual hours"] += int(report.seconds)
        self.slowest = max(self.slowest, report.stopped_after)
        if report.violations:
            self.failed.append(report)

    @property
    def an_hour(self) -> int:
        """How many seeds an hour would bring."""
        return int(self.sums["seeds"] / self.seconds * HOUR)

    def __str__(self) -> str:
        told = ", ".join(f"{number} {name}" for name, number in self._shown().items() if name != "seeds")
        return (
            f"{self.kind}: {self.sums['seeds']} seeds in {self.seconds:.1f} s ({self.an_hour:,} an hour, "
            f"processes: {self.jobs}): {told}; stopped within {self.slowest:.0f} s of calm weather; "
            f"{len(self.failed)} seeds broke an invariant\n"
        )

    def _shown(self) -> dict[str, int]:
        return {**self.sums, "virtual hours": self.sums["virtual hours"] // HOUR}

    def column(self) -> list[str]:
        """The same for a table."""
        stopped = "" if self.kind is Kind.FLEETS else f"{self.slowest:.0f}"
        figures = [f"{number:,}" for number in self._shown().values()]
        return [self.kind.value, *figures, stopped, f"{self.an_hour:,}", str(len(self.failed))]


ROWS: Final = (
    "what",
    "seeds",
    "calls that reached the service",
    "recordings begun there",
    "notifications acknowledged",
    "deaths of processes",
    "hours of virtual time",
    "slowest stop, s from calm weather on",
    "seeds an hour",
    "seeds that broke an invariant",
)


def _reports(first: int, seeds: int, jobs: int, kind: Kind) -> Iterator[Report]:
    numbers = range(first, first + seeds)
    run = partial(run_seed, kind=kind)
    if jobs == 1 or seeds == 1:
        yield from map(run, numbers)
        return
    with ProcessPoolExecutor(jobs, initializer=keep_quiet) as pool:
        yield from pool.map(run, numbers, chunksize=10)


def _play(kind: Kind, first: int, seeds: int, jobs: int, *, traced: bool) -> Tally:
    tally = Tally(kind, jobs)
    began = time.perf_counter()
    for report in _reports(first, seeds, jobs, kind):
        tally.add(report)
        if traced:
            sys.stdout.write("\n".join(report.lines) + "\n")
        elif report.violations:
            sys.stdout.write(f"{report if len(tally.failed) == 1 else report.headline}\n")
    tally.seconds = time.perf_counter() - began
    sys.stdout.write(str(tally))
    for report in tally.failed[:20]:
        sys.stdout.write(f"  {report.command}\n")
    sys.stdout.flush()
    return tally


def main(arguments: list[str] | None = None) -> int:
    """Run seeds; 0 if no invariant was broken."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kind", choices=list(Kind), action="append", help="which; all if not given")
    parser.add_argument("--seeds", type=int, help="how many of each; 1 with --trace, else 1000")
    parser.add_argument("--first", type=int, help="the first seed; by the time of day if not given")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--trace", action="store_true", help="show what happens, line by line")
    parser.add_argument("--markdown", action="store_true", help="write the figures into the documents")
    options = parser.parse_args(arguments)
    seeds = options.seeds or (1 if options.trace else 1000)
    first = options.first if options.first is not None else int(time.time()) * 1000
    sys.stdout.write(f"seeds {first} to {first + seeds - 1}\n")
    kinds = [Kind(kind) for kind in options.kind or Kind]
    tallies = [_play(kind, first, seeds, options.jobs, traced=options.trace) for kind in kinds]
    if options.markdown:
        rows = [list(row) for row in zip(ROWS, *(tally.column() for tally in tallies), strict=True)]
        measured = f"{reporting.origin('trio', 'attrs')}, processes: {options.jobs}"
        reporting.write_part(PART, "python -m tests.simulation --markdown", measured, reporting.table(rows))
    return 1 if any(tally.failed for tally in tallies) else 0


if __name__ == "__main__":
    keep_quiet()  # here, for whoever calls `main` may want to hear of it
    sys.exit(main())
