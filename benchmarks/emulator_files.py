"""What the emulator's files cost: `python -m benchmarks.emulator_files`.

CPU time for each recorded minute, of the process that makes the files and of the event loop that has it
done, by kind of recording. Uploads are left out. Takes half a minute; `--markdown` writes the part of
docs/emulator.md.
"""

import argparse
import copy
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import anyio
from attrs import frozen

from agora_rec.emulator import Settings
from agora_rec.emulator.files.orders import Put, Target
from agora_rec.emulator.files.timeline import files
from agora_rec.emulator.files.worker import Workshop
from benchmarks.reporting import measured_by, origin, table, write_part
from tests.emulator.stage import example, set_stage

COMMAND: Final = "python -m benchmarks.emulator_files --markdown"
ROUNDS: Final = 3
MINUTES: Final = 1
NOWHERE: Final = Target("http://127.0.0.1:9", "b", "a", "s")
STILL: Final = Settings(latency=0.0)

KINDS: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "mix as it is by default: 360 x 640, 15 pictures a second": ("start_mix_hls", {}),
    "mix, 1280 x 720": (
        "start_mix_hls",
        {"recordingConfig": {"channelType": 0, "transcodingConfig": {"width": 1280, "height": 720}}},
    ),
    "the same with MP4": ("start_mix_hls_mp4", {}),
    "individual, two users with audio and video": ("start_individual", {}),
    "screenshots of two users every 10 seconds": ("start_snapshot_only", {}),
    "a page, 1280 x 720": ("start_web", {"recordingFileConfig": {"avFileType": ["hls"]}}),
}


@frozen
class Cost:
    """CPU time in seconds, and bytes, for each minute."""

    made: float
    planned: float
    size: float


async def measure(name: str, changes: dict[str, Any]) -> Cost:
    """Make everything that a recording of so many minutes writes."""
    async with set_stage(STILL) as stage:
        started = await stage.record(name, request=copy.deepcopy(example(name)) | changes)
        stage.clock.pass_by(10)
        session = stage.emulator._service.office.sessions[started.sid]  # noqa: SLF001 - as the writer does
        stage.clock.moment = session.ready_at
        stage.clock.pass_by(60 * MINUTES)
        await stage.stop(started, async_stop=True)
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        begun = time.process_time()
        orders = [
            Put(NOWHERE, file.name, file.content(), kept=session.plan.mp4)
            for file in files(session, session.started_at)
        ]
        planned = time.process_time()
        size = sum(_size(workshop.make(order)) for order in orders)
        over = time.process_time()
    return Cost((over - planned) / MINUTES, (planned - begun) / MINUTES, size / MINUTES)


def _size(file: bytes | Path) -> int:
    return len(file) if isinstance(file, bytes) else file.stat().st_size


async def best(name: str, changes: dict[str, Any]) -> Cost:
    """The fastest round: whatever else runs on the machine only adds to it."""
    rounds = [await measure(name, changes) for _ in range(ROUNDS)]
    return min(rounds, key=lambda cost: cost.made)


async def main() -> None:
    """Measure all kinds, and print or write what they cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="write the part of the documents")
    given = parser.parse_args()
    rows = [("one recorded minute", "making the files", "of the event loop", "size")]
    for kind, (name, changes) in KINDS.items():
        cost = await best(name, changes)
        rows.append(
            (kind, f"{cost.made:.2f} s", f"{cost.planned * 1000:.1f} ms", f"{cost.size / 1e6:.1f} MB")
        )
    measured = f"CPU time, fastest of {ROUNDS} rounds, without uploads, {origin('av')}"
    if given.markdown:
        write_part("performance_emulator_files.md", COMMAND, measured, table(rows))
    else:
        print(table(rows), measured_by(COMMAND, measured), sep="\n\n")


if __name__ == "__main__":
    anyio.run(main)
