"""`python -m tests.simulation.prove`: plant each mistake in the client, and look how soon seeds find it.

One mistake at a time is planted (`planted.py`), and seeds are played from the first one on until an invariant
is broken. A mistake that nobody notices is an error. The table is a part of the documents.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Final

from attrs import frozen

from benchmarks import reporting
from tests.simulation.planted import PLANTED
from tests.simulation.running import run_seed

PART: Final = "planted.md"
SHOWN: Final = 110
"""Characters of a violation in the table."""

MISFITS: Final = ("TypeError", "AttributeError")
"""What a patch leads to that no longer fits: any seed finds that, and it proves nothing."""


@frozen
class Finding:
    """What came of one mistake: after how many seeds it was found, and by what; or not at all."""

    name: str
    seeds: int | None
    violation: str = ""

    @property
    def row(self) -> list[str]:
        """The same for a table."""
        plant, kind = PLANTED[self.name]
        found = "NOT FOUND" if self.seeds is None else str(self.seeds)
        said = self.violation.replace("|", "/")
        said = said if len(said) <= SHOWN else f"{said[: SHOWN - 3]}..."
        return [(plant.__doc__ or "").strip().rstrip("."), said, kind.value, found]


def look_for(name: str, seeds: Iterable[int]) -> Finding:
    """Plant a mistake, and play seeds until one of them finds it."""
    plant, kind = PLANTED[name]
    with plant():
        for number, seed in enumerate(seeds, 1):
            report = run_seed(seed, kind)
            if report.violations:
                said = report.violations[0].strip().splitlines()[-1]
                fits = not any(error in said for error in MISFITS)
                return Finding(name, number, said) if fits else Finding(name, None, f"doesn't fit: {said}")
    return Finding(name, None)


def _findings(names: list[str], seeds: Iterable[int], jobs: int) -> Iterator[Finding]:
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(partial(look_for, seeds=seeds), names)


def main(arguments: list[str] | None = None) -> int:
    """Plant mistakes; 0 if each was found."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.prove",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", choices=list(PLANTED), action="append", help="which; all if not given")
    parser.add_argument("--seeds", type=int, default=1000, help="within how many seeds each must be found")
    parser.add_argument("--first", type=int, help="the first seed; by the time of day if not given")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--markdown", action="store_true", help="write the table into the documents")
    options = parser.parse_args(arguments)
    first = options.first if options.first is not None else int(time.time()) * 1000
    sys.stdout.write(f"seeds from {first} on\n")
    found: list[Finding] = []
    for finding in _findings(
        options.only or list(PLANTED), range(first, first + options.seeds), options.jobs
    ):
        found.append(finding)
        sys.stdout.write(f"{finding.name}: {finding.seeds or 'NOT FOUND'} {finding.violation}\n")
        sys.stdout.flush()
    missed = [each.name for each in found if each.seeds is None]
    sys.stdout.write(f"{len(found) - len(missed)} of {len(found)} mistakes were found\n")
    if options.markdown:
        head = ["mistake in the client", "what noticed it", "kind of seeds", "seeds it took"]
        measured = f"{reporting.origin('trio', 'attrs')}, first seed: {first}"
        table = reporting.table([head, *(each.row for each in found)], texts=3)
        reporting.write_part(PART, "python -m tests.simulation.prove --markdown", measured, table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
