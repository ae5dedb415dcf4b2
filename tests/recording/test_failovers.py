"""A failover that is learnt late: what ended was another instance, and the recording still runs."""

import logging

import anyio
import pytest

from agora_rec import State
from agora_rec.lifecycle import FactKey, facts
from tests.support.backends import virtual_time
from tests.support.cloud import UID, stage

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

NEW_UID = 1840226113


async def test_an_end_that_is_taken_back_brings_the_recording_back(caplog: pytest.LogCaptureFixture):
    async with stage() as on:
        recording = await on.started()
        recording._ledger.absorb(facts.Uploaded(instance_uid=UID))
        assert (recording.state, list(on.cloud.recordings)) == (State.UPLOADED, [])
        assert (await recording.wait_finished()).takes[0].ended_at == recording.history[-1].at
        with caplog.at_level(logging.WARNING, "agora_rec"):
            recording._ledger.absorb(facts.FailedOver(new_uid=NEW_UID))
        assert "uploaded -> recording (failed over after its end): what ended was an instance" in caplog.text
        assert (recording.state, recording.instance_uid) == (State.RECORDING, NEW_UID)
        assert list(on.cloud.recordings) == [recording]
        await anyio.sleep(30)
        outcome = await recording.ensure_stopped()
        assert outcome.state is State.UPLOADED
        assert outcome.takes[0].ended_at == recording.history[-1].at
        assert FactKey.FAILED_OVER_AFTER_END in {change.fact for change in recording.history}
    assert not on.emulator.running()


async def test_a_recording_that_an_end_was_taken_back_from_has_not_ended():
    async with stage() as on:
        recording = await on.started()
        recording._ledger.absorb(facts.EndedWithoutFiles(reason="exit status 1", instance_uid=UID))
        assert recording.state is State.FAILED
        recording._ledger.absorb(facts.HeardFrom(instance_uid=NEW_UID))
        waited: list[State] = []

        async def wait() -> None:
            waited.append((await recording.wait_finished()).state)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.sleep(5)
            assert waited == []
            await recording.stop()
        assert waited == [State.UPLOADED]
