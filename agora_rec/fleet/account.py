"""What has become of a spec by now, of all its recordings together: its result. Pure."""

from typing import TYPE_CHECKING

from agora_rec.errors import FleetClosed
from agora_rec.fleet.result import Result, ResultState, files_of_all, state_of, state_of_all
from agora_rec.supervision import Charge

if TYPE_CHECKING:
    from agora_rec.fleet.entry import Entry


def account_of(entry: "Entry") -> Result:
    """The result of an entry, which may not be its last."""
    charges = [charge for member in entry.members for charge in member.charges]
    recordings = (*entry.earlier, *(charge.recording for charge in charges))
    takes = tuple(take for each in recordings for take in each.outcome.takes)
    return Result(
        spec=entry.spec,
        state=_state(entry, charges),
        takes=tuple(sorted(takes, key=lambda take: take.started_at)),
        files=files_of_all(takes),
        gaps=entry.gaps,
        failures=entry.failures,
        error=None if any(each.sid is not None for each in recordings) else entry.error,
        calls=sum(each.driver.ledger.attempts.calls for each in recordings),
    )


def _state(entry: "Entry", charges: list[Charge]) -> ResultState:
    begun = [charge for charge in charges if not charge.recording.state.is_before_start]
    if any(member.is_beginning for member in entry.members):
        return ResultState.STARTING
    earlier = [state_of(each.state, no_data=each.no_data, is_given_up=True) for each in entry.earlier]
    if begun or earlier:
        return state_of_all((*earlier, *(_state_of(entry, charge) for charge in begun)))
    if not entry.is_begun:
        return ResultState.WAITING if entry.is_waiting else ResultState.STARTING
    return ResultState.WITHDRAWN if isinstance(entry.error, FleetClosed) else ResultState.NOT_STARTED


def _state_of(entry: "Entry", charge: Charge) -> ResultState:
    recording = charge.recording
    if entry.is_released and not recording.state.is_end:
        return ResultState.RELEASED
    return state_of(recording.state, no_data=recording.no_data, is_given_up=charge.is_closed)
