"""`python -m tests.fleets`: the trials at full size, one after the other; 0 if nothing was wrong."""

import argparse
import sys
from pathlib import Path
from typing import Final

import anyio
from attrs import evolve

from benchmarks import reporting
from tests.fleets.plan import Plan
from tests.fleets.planted import MISTAKES
from tests.fleets.trial import Report, run
from tests.workers.planted import MISTAKES as MISTAKES_OF_STORES
from tests.workers.stores import SERVERS

_FAULTS_SHOWN: Final = 40
_PLANS: Final = (
    Plan(),
    Plan(limit=1000, shortest=20.0, longest=30.0),
    Plan(recordings=200, believed=60),
)
"""What is tried where nobody is killed."""
_KILLED: Final = Plan(recordings=120, limit=40, longest=6.0, latency=0.4, kills=8)
"""What is tried with each store."""


def main() -> int:
    """Hold one trial after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.fleets", description=__doc__)
    parser.add_argument(
        "--store", choices=[*SERVERS, "none"], action="append", help="which; all if not given"
    )
    parser.add_argument("--recordings", type=int, help="how many")
    parser.add_argument("--limit", type=int, help="how many at once")
    parser.add_argument("--kills", type=int, help="how often the process is killed, where there is a store")
    mistakes = [*MISTAKES, *MISTAKES_OF_STORES]
    parser.add_argument("--mistake", choices=mistakes, action="append", help="which promise is broken")
    parser.add_argument("--seed", type=int, default=0, help="where chance begins")
    parser.add_argument("--log", type=Path, help="where what the processes say is kept")
    parser.add_argument("--markdown", action="store_true", help="write the figures into the documents")
    options = parser.parse_args()
    stores = options.store or ["none", *SERVERS]
    plans = [*_PLANS] if "none" in stores else []
    plans += [evolve(_KILLED, store=store) for store in stores if store != "none"]
    reports: list[Report] = []
    for plan in plans:
        changed = {"recordings": options.recordings, "limit": options.limit}
        if plan.store is not None:
            changed["kills"] = options.kills
        given = {name: value for name, value in changed.items() if value is not None}
        report = anyio.run(
            run, evolve(plan, seed=options.seed, mistakes=tuple(options.mistake or ()), **given)
        )
        reports.append(report)
        faults = report.verdict.faults
        sys.stdout.write("".join(f"{plan.name}: {fault}\n" for fault in faults[:_FAULTS_SHOWN]))
        sys.stdout.write(f"{_table([report])}\n")
        sys.stdout.flush()
        if options.log is not None:
            name = plan.name.replace(" ", "-").replace(",", "")
            options.log.with_suffix(f".{name}.log").write_text(report.said, encoding="utf-8")
    if options.markdown:
        measured = reporting.origin("uvicorn", "httpx", "coredis", "psycopg")
        reporting.write_part("fleets.md", "python -m tests.fleets --markdown", measured, _table(reports))
    return 1 if any(report.verdict.faults for report in reports) else 0


def _table(reports: list[Report]) -> str:
    rows = [
        ("what", *(report.plan.name for report in reports)),
        ("recordings", *(f"{report.recordings:,}" for report in reports)),
        ("most at once, as the service counts", *(f"{report.verdict.most_at_once:,}" for report in reports)),
        ("calls", *(f"{report.calls:,}" for report in reports)),
        ("busiest second", *(f"{report.verdict.busiest_second:,}" for report in reports)),
        ("answered 429", *(f"{report.verdict.rate_refused:,}" for report in reports)),
        ("answered 406", *(f"{report.verdict.no_room:,}" for report in reports)),
        ("processes killed", *(f"{report.killed:,}" for report in reports)),
        ("stopped too late, at most", *(f"{report.verdict.latest_stop:.1f} s" for report in reports)),
        ("seconds", *(f"{report.seconds:.0f}" for report in reports)),
        ("left running, lost or doubled", *(f"{len(report.verdict.faults):,}" for report in reports)),
    ]
    return reporting.table(rows)


if __name__ == "__main__":
    sys.exit(main())
