"""Nothing that is exported shows a secret, whatever goes wrong."""

import pytest

from agora_rec import AgoraRecError, CloudRecording, Recording
from agora_rec.emulator import Fault
from agora_rec.vocabulary import OperationName
from tests.project.test_secrets import COMMANDS, FAULTS, MODES, Stage
from tests.support import secrets
from tests.support.backends import virtual_time
from tests.support.cloud import a_client
from tests.support.secrets import shown_in
from tests.telemetry.seen import Seen

anyio_backend = virtual_time
pytestmark = [pytest.mark.anyio, pytest.mark.untraced]


def assert_clean(seen: Seen) -> None:
    """Look at everything that has gone out."""
    assert seen.spans
    for span in seen.spans:
        assert not shown_in(span.to_json())
    data = seen.reader.get_metrics_data()
    assert data is not None
    assert not shown_in(data.to_json())


def client(stage: Stage, seen: Seen) -> CloudRecording:
    """A client of the stage that is observed."""
    return a_client(stage.emulator, stage.clock, telemetry=seen.telemetry)


@pytest.mark.parametrize("mode", MODES)
async def test_a_life_in_every_mode(mode: str):
    stage, seen = Stage(), Seen()
    async with client(stage, seen) as cloud:
        recording = cloud.recording("c", 7, MODES[mode], token=secrets.TOKEN, announce_start=True)
        async with recording:
            await recording.wait_started()
    assert len(seen.calls) > 3
    assert_clean(seen)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", [OperationName.ACQUIRE, OperationName.START, *COMMANDS])
async def test_every_failure_of_every_call(operation: OperationName, fault: str):
    stage, seen = Stage(), Seen()
    wrong: Fault = FAULTS[fault]
    stage.emulator.inject(wrong, operation=operation, times=None)
    async with client(stage, seen) as cloud:
        recording = cloud.recording("c", 7, MODES["mix"], token=secrets.TOKEN, announce_start=True)
        with pytest.raises(AgoraRecError):
            await fail(recording, operation)
        stage.emulator.clear_faults()
        await recording.ensure_stopped()
    failed = [span for span in seen.spans if (span.attributes or {}).get("error.type")]
    assert failed
    assert_clean(seen)


async def fail(recording: Recording, operation: OperationName) -> None:
    """Come as far as the call that goes wrong."""
    await recording.ensure_started()
    await COMMANDS[operation](recording)
