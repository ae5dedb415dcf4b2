"""`python -m tests.openapi`: many cases, in process and on a socket; 0 if all was as described."""

import argparse
import multiprocessing
import os
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from math import ceil
from typing import Final

from benchmarks import reporting
from tests.openapi.session import Report, Way, run

_SHARES: Final[dict[Way, float]] = {
    "schemathesis": 0.09,
    "schemathesis on a socket": 0.05,
    "programmes": 0.86,
}
"""How many of all cases come from where: schemathesis takes ten times as long for each."""
_APART: Final = 1_000_000
"""Between the seeds of two processes, each of which counts on from its own."""
_STATUSES: Final = {
    200: "as asked",
    201: "started already",
    206: "incomplete",
    400: "wrong, or not now",
    401: "without credentials",
    404: "not there",
    405: "with another method",
    409: "not possible in this emulator",
}


def main() -> int:
    """Ask, and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.openapi", description=__doc__)
    parser.add_argument("--cases", type=int, default=50_000, help="how many at least; 50000 if not given")
    parser.add_argument("--seed", type=int, default=0, help="where chance begins")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes at once")
    parser.add_argument("--markdown", action="store_true", help="write the figures into the documents")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        asked = [
            pool.submit(run, way, cases=cases, seed=options.seed + number * _APART)
            for number, (way, cases) in enumerate(_shares(options.cases, options.jobs))
        ]
        reports = [each.result() for each in asked]
    whole = [_merged(way, [each for each in reports if each.way == way]) for way in _SHARES]
    for report in whole:
        for what, shown in report.faults.items():
            sys.stdout.write(f"{report.way}: {what}\n{shown}\n\n")
    sys.stdout.write(f"{_by_operation(whole)}\n\n{_table(whole)}\n")
    if options.markdown:
        origin = f"{reporting.origin('schemathesis', 'hypothesis', 'uvicorn')}, processes: {options.jobs}"
        reporting.write_part("schema.md", "python -m tests.openapi --markdown", origin, _table(whole))
    return 1 if any(report.faults for report in whole) else 0


def _shares(cases: int, jobs: int) -> Iterable[tuple[Way, int]]:
    for way, share in _SHARES.items():
        parts = jobs if way == "programmes" else 1
        for _ in range(parts):
            yield way, ceil(cases * share / parts)


def _merged(way: Way, parts: list[Report]) -> Report:
    whole = Report(way)
    for part in parts:
        whole.add(part)
    return whole


def _by_operation(reports: list[Report]) -> str:
    names = sorted({name for report in reports for name in report.by_operation})
    rows = [(name, *(f"{report.by_operation[name]:,}" for report in reports)) for name in names]
    return reporting.table([("operation", *(report.way for report in reports)), *rows])


def _table(reports: list[Report]) -> str:
    statuses = sorted({status for report in reports for status in report.by_status})
    rows = [
        ("what", *(report.way for report in reports)),
        ("cases", *(f"{report.cases:,}" for report in reports)),
        *((_said(status), *(f"{each.by_status[status]:,}" for each in reports)) for status in statuses),
        ("recordings begun", *(f"{report.recordings:,}" for report in reports)),
        ("calls about a recording that was there", *(f"{report.deep:,}" for report in reports)),
        ("operations", *(f"{len(report.by_operation)}" for report in reports)),
        ("slowest answer, s", *(f"{report.slowest:.2f}" for report in reports)),
        ("answers unlike the description", *(f"{len(report.faults)}" for report in reports)),
    ]
    return reporting.table(rows)


def _said(status: int) -> str:
    return f"answered {status}, {_STATUSES.get(status, 'otherwise')}"


if __name__ == "__main__":
    sys.exit(main())
