"""`python -m tests.simulation`: many seeds, or one seed again with its trace."""

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulation.running import Kind, Report, run_seed


def _reports(first: int, seeds: int, jobs: int, kind: Kind) -> Iterator[Report]:
    numbers = range(first, first + seeds)
    run = partial(run_seed, kind=kind)
    if jobs == 1 or seeds == 1:
        yield from map(run, numbers)
        return
    with ProcessPoolExecutor(jobs, initializer=_quiet) as pool:
        yield from pool.map(run, numbers, chunksize=20)


def _quiet() -> None:
    logging.getLogger("agora_rec").propagate = False


def main(arguments: list[str] | None = None) -> int:
    """Run seeds; 0 if no invariant was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=None, help="how many; 1 with --trace, else 1000")
    parser.add_argument("--first", type=int, default=None, help="the first seed; new ones by the time of day")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--kind", type=Kind, choices=list(Kind), default=Kind.SINGLE, help="what is played")
    parser.add_argument("--trace", action="store_true", help="show what happens, line by line")
    options = parser.parse_args(arguments)
    seeds = options.seeds or (1 if options.trace else 1000)
    first = options.first if options.first is not None else int(time.time()) * 1000
    _quiet()
    sys.stdout.write(f"seeds {first} to {first + seeds - 1}\n")
    began = time.perf_counter()
    sums: Counter[str] = Counter()
    slowest = 0.0
    failed: list[Report] = []
    for report in _reports(first, seeds, options.jobs, options.kind):
        sums.update(calls=report.calls, sessions=report.sessions, deaths=report.deaths)
        slowest = max(slowest, report.stopped_after)
        sums["virtual seconds"] += int(report.seconds)
        if report.violations:
            failed.append(report)
        if options.trace:
            sys.stdout.write("\n".join(report.lines) + "\n")
        elif report.violations:
            shown = report if len(failed) == 1 else report.headline
            sys.stdout.write(f"{shown}\n")
    seconds = time.perf_counter() - began
    told = ", ".join(f"{number} {name}" for name, number in sums.items())
    sys.stdout.write(
        f"{seeds} seeds in {seconds:.1f} s ({seeds / seconds:.1f} a second): {told}; "
        f"{'' if options.kind is Kind.FLEETS else f'stopped within {slowest:.0f} s of calm weather; '}"
        f"{len(failed)} seeds broke an invariant\n"
    )
    for report in failed[:20]:
        sys.stdout.write(f"  {report.command}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
