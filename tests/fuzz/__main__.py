"""`python -m tests.fuzz`: hand notifications of every kind to the library, and say what came of it.

It needs the extra `fuzz`. What is found is kept in a file, with the command that tries it again; then the
exit code is 1.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from attrs import frozen

from benchmarks import reporting
from tests.fuzz import corpus
from tests.fuzz.target import WAYS

ROOT: Final = Path(__file__).resolve().parents[2]
LARGEST: Final = 4096
"""Bytes of an input: whatever depends on size alone is for the property-based tests."""
DEFAULT_RUNS: Final = 1_000_000
PART: Final = "fuzzing.md"

_DONE: Final = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_STATUS: Final = re.compile(r"^#\d+\s.*?\bcov: (\d+) ft: (\d+) corp: (\d+)/", re.MULTILINE)
_MEMORY: Final = re.compile(r"stat::peak_rss_mb:\s*(\d+)")
_SECONDS: Final = re.compile(r"^Done \d+ runs in (\d+) second", re.MULTILINE)


@frozen
class Outcome:
    """What a session came to."""

    inputs: int
    seeds: int
    edges: int
    features: int
    kept: int
    seconds: int
    memory: int
    findings: int

    @classmethod
    def of(cls, said: str, *, seeds: int, findings: int) -> "Outcome":
        """Read what libFuzzer said."""
        edges, features, kept = map(int, (_STATUS.findall(said) or [(0, 0, 0)])[-1])
        inputs, seconds, memory = (_number(pattern, said) for pattern in (_DONE, _SECONDS, _MEMORY))
        return cls(inputs, seeds, edges, features, kept, seconds, memory, findings)

    def table(self) -> str:
        """As a table of Markdown."""
        rows = [
            ("what", "how many"),
            ("inputs", f"{self.inputs:,}"),
            ("of these to begin with", f"{self.seeds:,}"),
            ("edges of the library's code reached", f"{self.edges:,}"),
            ("features (edges and comparisons, by how often)", f"{self.features:,}"),
            ("inputs kept, since they reached something new", f"{self.kept:,}"),
            ("seconds", f"{self.seconds:,}"),
            ("memory of the process at its largest, MiB", f"{self.memory:,}"),
            ("findings", f"{self.findings:,}"),
        ]
        return reporting.table(rows)


def _write_seeds(folder: Path) -> int:
    """Every body, signed; and one of them in every way."""
    bodies = corpus.bodies()
    seeds = [b"\x00" + body for body in bodies] + [bytes([way]) + bodies[0] for way in range(1, len(WAYS))]
    for number, seed in enumerate(seeds):
        (folder / f"{number:03}").write_bytes(seed)
    return len(seeds)


def _write_dictionary(file: Path) -> None:
    texts = [*corpus.names(), *corpus.words(), "Agora-Signature", "Agora-Signature-V2"]
    file.write_text("".join(f'"{text}"\n' for text in texts), encoding="ascii")


def run(runs: int, seed: int, findings: Path) -> Outcome:
    """Run one session in a process of its own, and give what it came to."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, "corpus")
        folder.mkdir()
        seeds = _write_seeds(folder)
        _write_dictionary(Path(work, "words"))
        before = {*findings.glob("*")}
        options = {
            "runs": runs,
            "seed": seed,
            "max_len": LARGEST,
            "dict": Path(work, "words"),
            "artifact_prefix": f"{findings}/",
            "timeout": 60,
            "rss_limit_mb": 1024,
            "print_final_stats": 1,
        }
        command = [sys.executable, "-m", "tests.fuzz.session"]
        command += [f"-{name}={value}" for name, value in options.items()]
        said = _watch([*command, str(folder)])
        found = {*findings.glob("*")} - before
    for file in sorted(found):
        print(f"finding: python -m tests.fuzz.session {file}")
    return Outcome.of(said, seeds=seeds, findings=len(found))


def _watch(command: list[str]) -> str:
    """Run it, pass on what it says, and give that."""
    lines: list[str] = []
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        for line in process.stderr or ():
            lines.append(line)
            print(line, end="", file=sys.stderr)
    return "".join(lines)


def _number(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.findall(text)
    return int(found[-1]) if found else 0


def main() -> int:
    """Run, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--runs", type=int, default=DEFAULT_RUNS, help="how many inputs; default: a million")
    parser.add_argument("--seed", type=int, default=1, help="where chance begins; default: 1")
    parser.add_argument("--findings", type=Path, default=Path(tempfile.gettempdir(), "agora_rec-findings"))
    parser.add_argument("--markdown", action="store_true", help="write the figures into the documents")
    given = parser.parse_args()
    given.findings.mkdir(parents=True, exist_ok=True)
    outcome = run(given.runs, given.seed, given.findings)
    print(outcome.table())
    if given.markdown:
        measured = reporting.origin("atheris", "attrs")
        reporting.write_part(PART, "python -m tests.fuzz --markdown", measured, outcome.table())
    return 0 if outcome.inputs >= given.runs and not outcome.findings else 1


if __name__ == "__main__":
    sys.exit(main())
