"""Seeds on the virtual clock: new ones in every run, and those that found something once."""

import os
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

from tests.simulation.__main__ import main
from tests.simulation.planted import PLANTED
from tests.simulation.running import run_seed

pytestmark = pytest.mark.untraced

SECONDS = 4.0
"""Of real time, for new seeds."""

FOUND_SOMETHING = (255, 528, 735, 978, 997, 1142, 20730, 50219, 51554)

ROOT = Path(__file__).parents[2]


def test_new_seeds_keep_every_promise(capsys: pytest.CaptureFixture[str]) -> None:
    first = int(time.time()) * 1000
    until = time.perf_counter() + SECONDS
    seeds = calls = 0
    while time.perf_counter() < until:
        report = run_seed(first + seeds)
        assert not report.violations, str(report)
        calls += report.calls
        seeds += 1
    with capsys.disabled():
        sys.stdout.write(f" [{seeds} seeds from {first}, {calls} calls] ")
    assert seeds
    assert calls


@pytest.mark.parametrize("seed", FOUND_SOMETHING)
def test_a_seed_that_found_something_finds_nothing_more(seed: int) -> None:
    report = run_seed(seed)

    assert not report.violations, str(report)


def test_the_same_seed_gives_the_same_trace_in_any_process() -> None:
    seeds = (3, 16)
    here = _digests(*seeds)
    code = f"from tests.simulation.test_seeds import _digests; print(*_digests{seeds})"
    for hash_seed in ("1", "2"):
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
    with PLANTED["no_pace"]():
        assert main(["--first", "1", "--seeds", "20"]) == 1
    told = capsys.readouterr().out

    assert "calls within a second" in told
    assert "-> acquire class-" in told
    command = next(line.strip() for line in told.splitlines() if "--trace" in line)
    seed = command.split()[command.split().index("--first") + 1]
    with PLANTED["no_pace"]():
        assert main(["--first", seed, "--trace"]) == 1
    assert "VIOLATION" in capsys.readouterr().out
    assert main(["--first", seed, "--seeds", "2", "--jobs", "2"]) == 0


def _digests(*seeds: int) -> list[str]:
    return [sha256("\n".join(run_seed(seed).lines).encode()).hexdigest() for seed in seeds]
