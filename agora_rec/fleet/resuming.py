"""What has become of a spec that was begun before, by this process or another one, as the store has it."""

from datetime import datetime

from agora_rec.client import CloudRecording
from agora_rec.fleet.chains import Chain, chain_of
from agora_rec.fleet.result import Result, files_of_all, state_of, state_of_all
from agora_rec.fleet.spec import Spec
from agora_rec.store import Checkpoint, Plan, Stored


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
        begun = await _begun(cloud, spec, spec.key_of(number) or "")
        if begun is not None:
            chains.append(await chain_of(cloud, begun, _is_unfinished))
        elif not number:
            return None
    if not any(chain.open for chain in chains):
        return _result(spec, chains)
    for chain in chains:
        if chain.open:  # its start may have to be sent again, which needs its secrets
            checkpoint, recorder = chain.open[-1].checkpoint, spec.recorders[chain.number]
            cloud.attach(checkpoint, mode=spec.mode, token=recorder.token, alternate=recorder.alternate)
    return chains


async def _begun(cloud: CloudRecording, spec: Spec, key: str) -> Stored | None:
    """The last recording of a key that was started.

    One that was to take its place, and never began, is begun still: unless the time for that is over.
    """
    newest = begun = await cloud.store.load_by_key(key)
    while begun is not None and begun.checkpoint.standing.state.is_before_start:
        plan = begun.checkpoint.plan
        before = None if plan is None else plan.follows
        begun = None if before is None else await cloud.store.load(before)
    if begun is None or begun is newest:
        return begun
    until = spec.until if isinstance(spec.until, datetime) else (begun.checkpoint.plan or Plan()).until
    return begun if until is not None and until <= cloud.clock.now() else None


def _is_unfinished(checkpoint: Checkpoint) -> bool:
    return checkpoint.is_unfinished


def _result(spec: Spec, chains: list[Chain]) -> Result:
    recordings = [each for chain in chains for each in chain.earlier]
    takes = tuple(take for each in recordings for take in each.outcome.takes)
    states = (state_of(each.state, no_data=each.no_data, is_given_up=True) for each in recordings)
    return Result(
        spec=spec,
        state=state_of_all(states),
        takes=takes,
        files=files_of_all(takes),
        calls=sum(each.driver.ledger.attempts.calls for each in recordings),
    )
