"""When the service has lost a recording, and when another one may take its place. Pure."""

from typing import Final

from agora_rec.lifecycle import FactKey
from agora_rec.recording import Recording
from agora_rec.recording.explaining import CauseName, Certainty
from agora_rec.recording.watching import GONE
from agora_rec.vocabulary import State

WOULD_FAIL_AGAIN: Final = frozenset(
    {
        CauseName.STORAGE_MISCONFIGURED,
        CauseName.STORAGE_TOKEN_EXPIRED,
        CauseName.TOKEN_EXPIRED,
        CauseName.TOKEN_WRONG,
        CauseName.PAGE_NOT_RECORDABLE,
        CauseName.PAGE_NOT_READY,
        CauseName.PAGE_UNREACHABLE,
        CauseName.MAX_RECORDING_HOUR,
        CauseName.IDLE,
    }
)
"""What the service may say of a loss that another recording would meet as well: parameters, tokens, pages."""


def is_lost(recording: Recording) -> bool:
    """Whether the service has lost it, and nobody wanted it to end: it is gone for certain, or broke down."""
    standing = recording.driver.ledger.standing
    if standing.stop_requested or standing.stop_sent or recording.driver.stops_wanted:
        return False
    if GONE in standing.reasons:
        return True
    ends = (change.fact for change in reversed(recording.history) if change.after.is_end)
    return standing.state is State.FAILED and next(ends, None) is FactKey.ENDED_WITHOUT_FILES


def would_fail_again(recording: Recording) -> str | None:
    """What the service said of it that another one would meet as well; None: nothing."""
    causes = recording.explain().causes
    said = (each for each in causes if each.certainty is Certainty.SAID and each.name in WOULD_FAIL_AGAIN)
    return next((each.name.value for each in said), None)
