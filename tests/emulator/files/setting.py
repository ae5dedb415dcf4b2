"""A stage on which recordings really write into a bucket; the files are made in this process or another."""

import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import define, field

from agora_rec.emulator import Settings
from agora_rec.emulator.files.orders import Order, Result
from agora_rec.emulator.files.process import Maker
from agora_rec.emulator.files.worker import Workshop
from tests.emulator.stage import Stage, Started, example, set_stage
from tests.support.s3 import S3

STILL = Settings(latency=0.0, sync_stop_seconds=5.0)
"""Without latency, so that the clock stands where the test puts it."""
TINY = {"channelType": 0, "transcodingConfig": {"width": 64, "height": 64, "fps": 1, "bitrate": 50}}
"""A recordingConfig of files that are made in no time."""


@define
class Inline:
    """Makes files at once, in this process, and remembers what it was asked for."""

    workshop: Workshop
    orders: list[Order] = field(factory=list[Order])

    async def carry_out(self, order: Order) -> Result:
        self.orders.append(order)
        return self.workshop.carry_out(order)


@asynccontextmanager
async def inline() -> AsyncGenerator[Maker]:
    with tempfile.TemporaryDirectory() as folder:
        yield Inline(Workshop(Path(folder)))


@asynccontextmanager
async def writing_stage(s3: S3, settings: Settings = STILL, **options: Any) -> AsyncGenerator[Stage]:
    """A stage that knows where the storage is; files are made in this process."""
    endpoints = {"endpoints": s3.endpoints, **options}
    async with set_stage(settings, **endpoints) as stage, stage.emulator._writer.writing(inline):
        yield stage


async def begin(
    stage: Stage, name: str, storage: dict[str, Any], *, uid: str = "880011", **changes: Any
) -> Started:
    """Start a recording of one of the reference's examples in that storage, and wait for the look at it.

    `changes` are merged into the request's objects.
    """
    request = {**example(name), "storageConfig": storage}
    for key, value in changes.items():
        request[key] = {**request.get(key, {}), **value}
    started = await stage.record(name, request=request, uid=uid)
    await stage.emulator.written()
    return started


async def go_on(stage: Stage, seconds: float) -> None:
    """Let time pass, and what is due then be written."""
    stage.clock.pass_by(seconds)
    await stage.emulator.written()
