"""Files of a user's tests: written while a client of the emulator is open, whoever runs the tests."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partialmethod

import anyio
import pytest
from anyio.from_thread import start_blocking_portal

from agora_rec import CloudRecording, Mix, Recording, S3Compatible, Transcoding
from agora_rec.emulator.files.orders import Order, Result
from agora_rec.emulator.files.process import Maker
from agora_rec.emulator.files.writing import Writer
from agora_rec.testing import StagedEmulator
from tests.emulator.files.setting import Inline, inline
from tests.support.s3 import S3
from tests.support.secrets import ACCESS_KEY, CUSTOMER_ID, CUSTOMER_SECRET, SECRET_KEY
from tests.support.staged import staged

SLOW = 0.02
"""Seconds of the machine that a file takes: five times as long as the clock is patient."""


class Slow(Inline):
    async def carry_out(self, order: Order) -> Result:
        await anyio.sleep(SLOW)
        return await super().carry_out(order)


@asynccontextmanager
async def slowly() -> AsyncGenerator[Maker]:
    async with inline() as maker:
        assert isinstance(maker, Inline)
        yield Slow(maker.workshop)


@pytest.fixture
def emulator(s3: S3, monkeypatch: pytest.MonkeyPatch) -> StagedEmulator:
    """An emulator that makes its files in the event loop."""
    monkeypatch.setattr(Writer, "writing", partialmethod(Writer.writing, slowly))
    return staged(patience=SLOW / 5, endpoints=s3.endpoints)


async def begun(cloud: CloudRecording, s3: S3, bucket: str) -> Recording:
    storage = S3Compatible(endpoint=s3.endpoint, bucket=bucket, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
    small = Transcoding(width=64, height=64, fps=1, bitrate=50)
    recording = cloud.recording("physics", uid=900, mode=Mix(storage=storage, transcoding=small))
    await recording.ensure_started()
    return recording


def slices(s3: S3, bucket: str) -> int:
    return sum(name.endswith(".ts") for name in s3.names(bucket))


@pytest.mark.anyio
async def test_files_are_written_while_a_client_is_open(emulator: StagedEmulator, s3: S3, bucket: str):
    async with emulator.cloud() as cloud, emulator.cloud():
        recording = await begun(cloud, s3, bucket)
        await emulator.sleep(40)
        await emulator.written()
        assert slices(s3, bucket) == 2
        await recording.ensure_stopped()
        await emulator.written()
        names = [str(file.name) for file in recording.files]
    assert set(names) <= set(s3.names(bucket)) != set()
    with pytest.raises(RuntimeError, match="nothing is written"):
        await emulator.written()


@pytest.mark.anyio
async def test_the_clock_stands_while_a_file_is_made(emulator: StagedEmulator, s3: S3, bucket: str):
    async with emulator.cloud() as cloud, anyio.create_task_group() as tasks:
        await begun(cloud, s3, f"no-{bucket}")
        began = emulator.clock.monotonic()
        tasks.start_soon(emulator.clock.sleep, 3600)
        await emulator.written()
        assert emulator.clock.monotonic() == began
        await anyio.sleep(SLOW)
        assert emulator.clock.monotonic() > began
        tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_a_block_has_nothing_to_do_where_a_client_writes(emulator: StagedEmulator, s3: S3, bucket: str):
    async with emulator.writing(), emulator.cloud() as cloud, emulator.writing():
        await begun(cloud, s3, bucket)
        await emulator.sleep(25)
        await emulator.written()
    assert slices(s3, bucket) == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_they_are_there_when_a_test_that_is_no_coroutine_has_moved_the_clock(
    emulator: StagedEmulator, s3: S3, bucket: str, backend: str
):
    with (
        start_blocking_portal(backend) as portal,
        portal.wrap_async_context_manager(emulator.cloud()) as cloud,
    ):
        portal.call(begun, cloud, s3, bucket)
        emulator.advance(40)
        assert slices(s3, bucket) == 2
    emulator.advance(40)  # nobody writes any more, and nobody waits


@pytest.mark.anyio
async def test_files_of_another_thread_are_waited_for(emulator: StagedEmulator, s3: S3, bucket: str):
    with emulator.served_from_thread() as url:
        async with CloudRecording(
            emulator.app_id, customer_id=CUSTOMER_ID, customer_secret=CUSTOMER_SECRET, base_url=url
        ) as cloud:
            await begun(cloud, s3, bucket)
            await emulator.sleep(40)
            await emulator.written()
            assert slices(s3, bucket) == 2
