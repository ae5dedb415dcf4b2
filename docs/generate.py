"""Write the parts of the documents that come from the library's tables: `python -m docs.generate`.

`tests/docs/test_generated.py` fails when a part and its table differ. What was measured stands in `MEASURED`,
each part with the command that writes it; no test can tell whether it is still true.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from agora_rec.errors import Retry, Row
from agora_rec.errors.table import OTHERWISE, TABLE
from docs import control_parts, lifecycle_parts, retries_parts

PARTS: Final = Path(__file__).with_name("parts")

_AGAIN: Final = {Retry.SAME: "yes", Retry.LATER: "later", Retry.NEVER: "no"}


def _status(status: int) -> str:
    return f"{status}xx" if status < 10 else str(status)  # noqa: PLR2004 - a class of statuses is one digit


def _row(operation: str, status: str, code: str, row: Row) -> str:
    cells = (operation, status, code, f"`{row.error.__name__}`", _AGAIN[row.retry], row.meaning, row.then)
    return f"| {' | '.join(cells)} |"


def errors() -> str:
    """The table of answers: what each one becomes, whether it is tried again, what it means, what to do."""
    lines = [
        "| operation | status | code | error | tried again | it most likely means | what to do |",
        "|---|---|---|---|---|---|---|",
    ]
    for (operation, status, code), row in TABLE.items():
        shown = "any" if code is None else f'"{code}"' if isinstance(code, str) else str(code)
        lines.append(_row(operation or "any", _status(status), shown, row))
    lines.append(_row("any", "any other", "any", OTHERWISE))
    return "\n".join(lines) + "\n"


GENERATED: Final[Mapping[str, Callable[[], str]]] = {
    "control.md": control_parts.endpoints,
    "control_faults.md": control_parts.faults,
    "errors.md": errors,
    "lifecycle.md": lifecycle_parts.tables,
    "lifecycle.svg": lifecycle_parts.diagram,
    "remedies.md": retries_parts.remedies,
    "retries.md": retries_parts.waits,
}

MEASURED: Final[Mapping[str, str]] = {
    "fleets.md": "python -m tests.fleets --markdown",
    "fuzzing.md": "python -m tests.fuzz --markdown",
    "performance_calls.md": "python -m benchmarks.transport_overhead --markdown",
    "performance_emulator_files.md": "python -m benchmarks.emulator_files --markdown",
    "performance_fleet.md": "python -m benchmarks.fleet --markdown",
    "performance_imports.md": "python -m benchmarks.import_time --markdown",
    "performance_notifications.md": "python -m benchmarks.notifications --markdown",
    "performance_profile.md": "python -m benchmarks.transport_overhead --markdown",
    "performance_spread.svg": "python -m benchmarks.fleet --markdown",
    "performance_stores.md": "python -m benchmarks.stores --markdown",
    "performance_watching.md": "python -m benchmarks.watching --markdown",
    "planted.md": "python -m tests.simulation.prove --markdown",
    "schema.md": "python -m tests.openapi --markdown",
    "simulation.md": "python -m tests.simulation --markdown",
    "workers.md": "python -m tests.workers --markdown",
}

PICTURED: Final[Mapping[str, str]] = {"emulator_page.png": "python -m tests.browser.screenshot"}
"""Pictures, each with the command that takes it."""


def main() -> None:
    """Write every part."""
    PARTS.mkdir(exist_ok=True)
    for name, generate in GENERATED.items():
        (PARTS / name).write_text(generate(), encoding="utf-8")


if __name__ == "__main__":
    main()
