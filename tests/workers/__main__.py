"""`python -m tests.workers`: the trial at full size, one store after the other; 0 if nothing was wrong."""

import argparse
import sys
from pathlib import Path
from typing import Final

import anyio

from benchmarks import reporting
from tests.workers.planted import MISTAKES
from tests.workers.stores import SERVERS
from tests.workers.trial import Plan, Report, run

_FAULTS_SHOWN: Final = 40


def main() -> int:
    """Hold one trial after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.workers", description=__doc__)
    parser.add_argument("--store", choices=[*SERVERS], action="append", help="which; all if not given")
    parser.add_argument("--channels", type=int, default=200, help="how many keys, each with a user")
    parser.add_argument("--rounds", type=int, default=1, help="how many lessons each user has")
    parser.add_argument("--workers", type=int, default=4, help="how many processes")
    parser.add_argument("--pause", type=float, default=3.0, help="seconds at most between two wishes")
    parser.add_argument("--spread", type=float, default=30.0, help="seconds over which users come")
    parser.add_argument("--kill-every", type=float, default=3.0, help="seconds; 0: nobody dies")
    parser.add_argument("--away", type=float, default=4.0, help="seconds without the store's server")
    parser.add_argument("--patience", type=float, default=90.0, help="seconds until a user gives up")
    parser.add_argument("--once", action="store_true", help="send each notification once, not twice")
    parser.add_argument("--mistake", choices=[*MISTAKES], help="which guarantee is broken")
    parser.add_argument("--seed", type=int, default=0, help="where chance begins")
    parser.add_argument("--log", type=Path, help="where what the workers say is kept")
    parser.add_argument("--markdown", action="store_true", help="write the figures into the documents")
    options = parser.parse_args()
    reports: list[Report] = []
    for store in options.store or SERVERS:
        plan = Plan(
            store=store,
            channels=options.channels,
            rounds=options.rounds,
            workers=options.workers,
            pause=options.pause,
            spread=options.spread,
            kill_every=options.kill_every or None,
            away=options.away,
            patience=options.patience,
            redundant=not options.once,
            mistake=options.mistake,
            seed=options.seed,
        )
        report = anyio.run(run, plan)
        reports.append(report)
        sys.stdout.write("".join(f"{store}: {fault}\n" for fault in report.faults[:_FAULTS_SHOWN]))
        sys.stdout.write(f"{_table([report])}\n")
        sys.stdout.flush()
        if options.log is not None:
            options.log.with_suffix(f".{store}.log").write_text(report.said, encoding="utf-8")
    if options.markdown:
        measured = reporting.origin("uvicorn", "coredis", "psycopg")
        reporting.write_part("workers.md", "python -m tests.workers --markdown", measured, _table(reports))
    return 1 if any(report.faults for report in reports) else 0


def _table(reports: list[Report]) -> str:
    kinds = sorted({kind for report in reports for kind in report.statuses})
    rows = [
        ("what", *(report.plan.store for report in reports)),
        ("recordings", *(f"{report.sessions:,}" for report in reports)),
        ("starts and stops at the service", *(f"{report.starts_and_stops:,}" for report in reports)),
        ("webhooks", *(f"{report.webhooks:,}" for report in reports)),
        ("workers killed", *(f"{report.killed:,}" for report in reports)),
        ("seconds", *(f"{report.seconds:.0f}" for report in reports)),
        *((f"answers: {kind}", *(f"{report.statuses[kind]:,}" for report in reports)) for kind in kinds),
        ("faults", *(f"{len(report.faults):,}" for report in reports)),
    ]
    return reporting.table(rows)


if __name__ == "__main__":
    sys.exit(main())
