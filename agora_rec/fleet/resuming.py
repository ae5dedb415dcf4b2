"""What has become of a spec that was begun before, by this process or another one, as the store has it."""

from agora_rec.client import CloudRecording
from agora_rec.fleet.chains import Chain, chain_of
from agora_rec.fleet.result import Result, files_of_all, state_of, state_of_all
from agora_rec.fleet.spec import Spec
from agora_rec.store import Checkpoint


async def begun_before(cloud: CloudRecording, spec: Spec) -> Result | list[Chain] | None:
    """What there is under a spec's key: its result, or what goes on; None: it was never started.

    Args:
        cloud: The client.
        spec: What is to be recorded.

    Raises:
        InvalidRequest: What goes on is another recording than the spec says.
        Exception: Whatever the store raises.
    """
    chains = list[Chain]()
    for number in range(len(spec.recorders)):
        stored = await cloud.store.load_by_key(spec.key_of(number) or "")
        if stored is not None and not stored.checkpoint.standing.state.is_before_start:
            chains.append(await chain_of(cloud, stored, _is_unfinished))
        elif not number:
            return None
    if not any(chain.open for chain in chains):
        return _result(cloud, spec, chains)
    for recorder, chain in zip(spec.recorders, chains, strict=False):
        if chain.open:  # its start may have to be sent again, which needs its secrets
            checkpoint = chain.open[-1].checkpoint
            cloud.attach(checkpoint, mode=spec.mode, token=recorder.token, alternate=recorder.alternate)
    return chains


def _is_unfinished(checkpoint: Checkpoint) -> bool:
    return checkpoint.is_unfinished


def _result(cloud: CloudRecording, spec: Spec, chains: list[Chain]) -> Result:
    takes = tuple(take for chain in chains for take in chain.earlier)
    last = [cloud.visit(chain.last) for chain in chains]
    return Result(
        spec=spec,
        state=state_of_all(state_of(each.state, no_data=each.no_data, is_given_up=False) for each in last),
        takes=takes,
        files=files_of_all(takes),
        calls=sum(chain.last.checkpoint.calls for chain in chains),
    )
