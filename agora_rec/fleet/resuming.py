"""Results of what was recorded before, by this process or another one, as the store has them."""

from agora_rec.client import CloudRecording
from agora_rec.fleet.chains import chain_of
from agora_rec.fleet.result import Result, files_of_all, state_of
from agora_rec.fleet.spec import Spec
from agora_rec.store import Stored


async def result_of_key(cloud: CloudRecording, spec: Spec) -> Result | None:
    """What has become of a spec's key, if that was recorded to its end; None: it was not.

    Args:
        cloud: The client.
        spec: What is to be recorded.
    """
    recording = None if spec.key is None else await cloud.find(spec.key)
    if recording is None or not recording.state.is_end or recording.sid is None:
        return None
    stored = Stored(recording.checkpoint(), recording.driver.ledger.version)
    takes = (*(await chain_of(cloud, stored, {})).earlier, *recording.outcome.takes)
    return Result(
        spec=spec,
        state=state_of(recording.state, no_data=recording.no_data, is_given_up=False),
        takes=takes,
        files=files_of_all(takes),
        calls=recording.driver.ledger.attempts.calls,
    )
