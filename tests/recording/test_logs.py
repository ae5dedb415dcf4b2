"""Every log record about a recording says in fields which one it is."""

import logging

import anyio
import anyio.lowlevel
import pytest

from agora_rec import MemoryStore, Recording
from agora_rec.emulator import LoseAnswer
from agora_rec.errors import AgoraRecError, TransportError
from agora_rec.store import Checkpoint, Lease
from tests.support.backends import virtual_time
from tests.support.cloud import CNAME, STOP, UID, mix, stage

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio


def fields(record: logging.LogRecord) -> tuple[object, ...]:
    """What it says of the recording."""
    return tuple(vars(record)[name] for name in ("cname", "uid", "resource_id", "sid", "state"))


def identity(recording: Recording) -> tuple[object, ...]:
    """What it should say, but for the state."""
    return CNAME, UID, recording.resource_id, recording.sid


def only(caplog: pytest.LogCaptureFixture, text: str) -> logging.LogRecord:
    """The one record with this text."""
    (record,) = [each for each in caplog.records if text in each.message]
    return record


async def test_changes_of_state(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG, "agora_rec"):
        async with stage() as on:
            recording = await on.started()
    assert fields(only(caplog, "idle -> acquired")) == (CNAME, UID, recording.resource_id, None, "acquired")
    assert fields(only(caplog, "starting -> recording")) == (*identity(recording), "recording")


async def test_changes_of_state_are_not_told_to_those_who_want_warnings(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "agora_rec"):
        async with stage() as on:
            await on.started()
    assert [record for record in caplog.records if record.name == "agora_rec"] == []


async def test_a_stop_that_failed(caplog: pytest.LogCaptureFixture):
    async with stage() as on:
        recording = await on.started()
        on.emulator.inject(LoseAnswer(), operation=STOP, times=None)
        with pytest.raises(TransportError):
            await recording.ensure_stopped()
        on.emulator.clear_faults()
    record = only(caplog, "may still run: its stop failed")
    assert (record.levelname, fields(record)) == ("ERROR", (*identity(recording), "recording"))


async def test_a_recording_that_is_gone(caplog: pytest.LogCaptureFixture):
    async with stage(latency=0) as on:
        recording = await on.started(mode=mix(max_idle_time=30))
        on.emulator.channel(recording.cname).empty()
        with pytest.raises(AgoraRecError):
            await recording.wait_finished()
    record = only(caplog, "is gone")
    assert (record.levelname, fields(record)[:4]) == ("WARNING", identity(recording))


class Broken(MemoryStore):
    """Fails to write what has happened."""

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        await anyio.lowlevel.checkpoint()
        raise OSError(f"no space left after {version}")


async def test_a_checkpoint_that_could_not_be_written(caplog: pytest.LogCaptureFixture):
    async with stage(client={"store": Broken()}) as on:
        recording = on.recording()
        await recording.acquire()
        record = only(caplog, "could not be written")
    assert (record.levelname, fields(record)) == ("ERROR", (*identity(recording), "acquired"))
