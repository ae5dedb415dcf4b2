"""What importing costs, beside what importing httpx costs: `python -m benchmarks.import_time`.

Each statement runs in fresh processes, all of them in turns, with nothing on the path but this package and
what it needs (links to where that is installed here, so that no extra joins in: httpx loads the libraries of
its command where it finds them), and with all bytecode compiled before. CPU time of the fastest round counts,
less what Python takes to start: noise only ever adds. Takes about half a minute; `--markdown` writes the part
of docs/performance.md.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from benchmarks.reporting import Target, origin, table, write_part

ROUNDS: Final = 15
COMMAND: Final = "python -m benchmarks.import_time --markdown"
PACKAGES: Final = ("anyio", "attrs", "cattrs", "httpx")
OURS: Final = Path(__file__).resolve().parents[1] / "agora_rec"

START: Final = "pass"
HTTPX: Final = "import httpx"
AGORA_REC: Final = "import agora_rec"
STATEMENTS: Final = (
    HTTPX,
    "import attrs, anyio",
    "import httpx, attrs, cattrs, anyio",
    AGORA_REC,
    "from agora_rec import AmazonS3, CloudRecording, Mix",
    "from agora_rec import AmazonS3, CloudRecording, Mix, Recording",
)

_OPENED: Final = """
import anyio
from {library} import {client}

async def main():
    async with {client}({arguments}):
        pass

anyio.run(main)
"""
PROGRAMS: Final[Mapping[str, str]] = {each: each for each in STATEMENTS} | {
    "a client of httpx is opened": _OPENED.format(library="httpx", client="AsyncClient", arguments=""),
    "a client of ours is opened": _OPENED.format(
        library="agora_rec", client="CloudRecording", arguments="'app', customer_id='id', customer_secret='s'"
    ),
}
"""What is timed, by what the table calls it."""


def needed(packages: tuple[str, ...]) -> set[str]:
    """These packages and all that they need, as far as it is installed here."""
    found: set[str] = set()
    left = list(packages)
    while left:
        name = re.sub(r"[-_.]+", "-", left.pop()).lower()  # one spelling for each
        try:
            requires = distribution(name).requires or []
        except PackageNotFoundError:  # for another version of Python
            continue
        if name not in found:
            found.add(name)
            left += [re.split(r"[^\w.-]", each, maxsplit=1)[0] for each in requires if "extra ==" not in each]
    return found


def modules_of(package: Distribution) -> Iterator[Path]:
    """The files and folders that a package put beside others, where they are installed."""
    tops = {file.parts[0] for file in package.files or [] if file.suffix in {".py", ".so"}}
    for top in sorted(tops - {"..", "__pycache__"}):
        yield Path(str(package.locate_file(top)))


def path_without_extras(folder: Path) -> None:
    """Fill a folder with links to this package and what it needs."""
    for name in sorted(needed(PACKAGES)):
        for module in modules_of(distribution(name)):
            (folder / module.name).symlink_to(module)
    (folder / OURS.name).symlink_to(OURS)


def seconds(program: str, path: Path) -> float:
    """CPU time that a fresh process takes for it: with warm caches the wall shows nothing more but noise."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-S", "-c", program], check=True, env=environment | {"PYTHONPATH": str(path)}
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(programs: Mapping[str, str], rounds: int) -> dict[str, float]:
    """Seconds of each program beyond Python's own start, the best of all rounds."""
    best = dict.fromkeys([START, *programs], float("inf"))
    with tempfile.TemporaryDirectory() as folder:
        path_without_extras(Path(folder))
        for program in programs.values():  # compiles what isn't yet
            seconds(program, Path(folder))
        for _ in range(rounds):
            for name, program in {START: START, **programs}.items():
                best[name] = min(best[name], seconds(program, Path(folder)))
    return {name: took - best[START] for name, took in best.items() if name != START}


def results(measured: Mapping[str, float]) -> str:
    """The table, and what becomes of the target."""
    httpx = measured[HTTPX]
    rows = [["CPU time beyond Python's own start", "ms", f"ratio to `{HTTPX}`"]]
    for name, took in measured.items():
        shown = f"`{name}`" if name in STATEMENTS else name
        rows.append([shown, f"{took * 1e3:.0f}", f"{took / httpx:.2f}"])
    target = Target(f"`{AGORA_REC}`, as a part of `{HTTPX}`", 1.5, measured[AGORA_REC] / httpx)
    return f"{table(rows)}\n\n- {target}"


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--rounds", type=int, default=ROUNDS, help=f"fresh processes for each ({ROUNDS})")
    arguments.add_argument("--markdown", action="store_true", help="write docs/parts/performance_imports.md")
    given = arguments.parse_args()
    text = results(measure(PROGRAMS, given.rounds))
    said = f"best of {given.rounds} rounds, {origin(*PACKAGES)}"
    print(f"{text}\n\n{said}")
    if given.markdown:
        write_part("performance_imports.md", COMMAND, said, text)


if __name__ == "__main__":
    main()
