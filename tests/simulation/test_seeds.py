"""Seeds on the virtual clock: some of each kind in every run, and those that found something once.

Many new seeds are `nox -s simulate`'s; here are as many as a second brings.
"""

import os
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from tests.simulation.__main__ import main
from tests.simulation.planted import PLANTED
from tests.simulation.running import Kind, run_seed

pytestmark = pytest.mark.untraced

SECONDS: Final = {Kind.SILENT: 0.3, Kind.SINGLE: 0.6, Kind.WORKERS: 0.8, Kind.FLEETS: 0.6, Kind.NATIVE: 0.6}
"""Of real time, for new seeds."""

FOUND_SOMETHING: Final = {
    Kind.SILENT: (67, 255, 528, 735, 978, 997, 1142, 20730, 50219, 51554),
    Kind.SINGLE: (131,),
    Kind.WORKERS: (7, 13, 21, 102, 2039, 5338, 102829, 300159, 400211, 501931),
    Kind.FLEETS: (0, 6, 87, 118, 163, 1370),
    Kind.NATIVE: (),
}

ROOT: Final = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", Kind)
def test_new_seeds_keep_every_promise(kind: Kind, capsys: pytest.CaptureFixture[str]) -> None:
    first = int(time.time()) * 1000
    until = time.perf_counter() + SECONDS[kind]
    seeds = calls = 0
    while time.perf_counter() < until or not calls:
        report = run_seed(first + seeds, kind)
        assert not report.violations, str(report)
        calls += report.calls
        seeds += 1
    with capsys.disabled():
        sys.stdout.write(f" [{seeds} seeds from {first}, {calls} calls] ")


@pytest.mark.parametrize(("kind", "seed"), [(kind, each) for kind in Kind for each in FOUND_SOMETHING[kind]])
def test_a_seed_that_found_something_finds_nothing_more(kind: Kind, seed: int) -> None:
    report = run_seed(seed, kind)

    assert not report.violations, str(report)


def test_callers_on_asyncio_are_cancelled_before_their_calls_come_back() -> None:
    report = run_seed(7, Kind.NATIVE)

    assert any(line.endswith(": left") for line in report.lines)


def test_the_same_seed_gives_the_same_trace_in_any_process() -> None:
    seeds = (9, 10)
    here = _digests(*seeds)
    code = f"from tests.simulation.test_seeds import _digests; print(*_digests{seeds})"
    for hash_seed in ("1",):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        there = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert there.stdout.split() == here

    assert _digests(*seeds) == here


def test_a_failing_seed_prints_its_trace_and_the_command_that_replays_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plant, _ = PLANTED["no_pace"]
    with plant():
        assert main(["--kind", "silent", "--first", "1", "--seeds", "20"]) == 1
    told = capsys.readouterr().out

    assert "calls within a second" in told
    assert "-> acquire class-" in told
    command = next(line.strip() for line in told.splitlines() if "--trace" in line)
    seed = command.split()[command.split().index("--first") + 1]
    assert "--kind silent" in command
    with plant():
        assert main(["--kind", "silent", "--first", seed, "--trace"]) == 1
    assert "VIOLATION" in capsys.readouterr().out


def test_the_command_shares_seeds_among_processes() -> None:
    # Run as a command: other processes can't import what stands in the module that is run.
    arguments = ("--kind", "silent", "--first", "1", "--seeds", "2", "--jobs", "2")
    told = subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert told.startswith("seeds 1 to 2\n")
    assert "2 seeds" in told


def _digests(*seeds: int) -> list[str]:
    reports = (run_seed(seed, kind) for seed in seeds for kind in Kind)
    return [sha256("\n".join(report.lines).encode()).hexdigest() for report in reports]
