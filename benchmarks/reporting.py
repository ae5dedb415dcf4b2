"""Tables, verdicts, and where a figure comes from: on the terminal, and as parts of the documents.

A part is written by the benchmark that measured it and never by hand; `docs/generate.py` names them.
"""

import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from attrs import frozen

PARTS: Final = Path(__file__).resolve().parents[1] / "docs" / "parts"


@frozen
class Target:
    """What a ratio is to be at most, and what was measured."""

    text: str
    most: float
    measured: float

    def __str__(self) -> str:
        reached = "reached" if self.measured <= self.most else "NOT reached"
        return f"{reached}: {self.text} at most {self.most:.3g}, measured {self.measured:.3g}"


def origin(*packages: str) -> str:
    """Where and when this is measured, with the versions of what takes part."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    today = datetime.now(UTC)
    return (
        f"{today.day} {today:%B %Y}, {_processor()} with {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {versions}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def table(rows: Sequence[Sequence[str]], *, texts: int = 1) -> str:
    """A table of Markdown, which reads well on a terminal too; the first row is its head.

    Args:
        rows: The cells.
        texts: How many columns are texts; the others are figures, which stand on the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [" | ".join(_cells(row, widths, texts)).join(("| ", " |")) for row in rows]
    rules = ["-" * width if at < texts else "-" * (width - 1) + ":" for at, width in enumerate(widths)]
    return "\n".join([lines[0], " | ".join(rules).join(("| ", " |")), *lines[1:]])


def _cells(row: Sequence[str], widths: Sequence[int], texts: int) -> list[str]:
    cells = enumerate(zip(row, widths, strict=True))
    return [cell.ljust(width) if at < texts else cell.rjust(width) for at, (cell, width) in cells]


def measured_by(command: str, measured: str) -> str:
    """The line that says where a figure comes from."""
    return f"Measured by `{command}`: {measured}."


def write_part(name: str, command: str, measured: str, text: str) -> None:
    """Write a part of the documents, with the command and the machine that it comes from."""
    _write(name, f"{text}\n\n{measured_by(command, measured)}\n")


def write_drawing(name: str, drawing: str) -> None:
    """Write a drawing for the documents; it says itself where it comes from."""
    _write(name, drawing)


def _write(name: str, text: str) -> None:
    PARTS.mkdir(exist_ok=True)
    (PARTS / name).write_text(text, encoding="utf-8")
    print(f"wrote {PARTS / name}", file=sys.stderr)
