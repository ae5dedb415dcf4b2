"""Why a recording stands where it stands: what is known of it, and the documented causes that fit.

Pure: a checkpoint and a moment go in, an `Explanation` comes out. The causes are a table (`table.py`);
`known.py` answers what its rules ask.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from agora_rec.recording.explaining.known import Known
from agora_rec.recording.explaining.rules import answers
from agora_rec.recording.explaining.table import RULES
from agora_rec.recording.explaining.values import Cause, CauseName, Evidence, Explanation
from agora_rec.store import Checkpoint
from agora_rec.vocabulary import Certainty, State

__all__ = ["RULES", "Cause", "CauseName", "Certainty", "Evidence", "Explanation", "explain"]

_SUMMARIES: Final = {
    State.IDLE: "nothing was started, or what was started was refused",
    State.ACQUIRED: "there is a resource ID, and nothing was started with it, or that was refused",
    State.STARTING: "a start was sent, and whether it has worked is not known",
    State.RECORDING: "it records, as far as is known",
    State.STOPPING: "it has stopped, and where its files are is not known yet",
    State.UPLOADED: "it has ended, and all its files are in your bucket",
    State.BACKUPED: "it has ended, and a part of its files is in Agora's backup",
    State.FAILED: "it has ended, and nobody has said that there are files",
}


def explain(checkpoint: Checkpoint, *, at: datetime) -> Explanation:
    """Put together what is known of a recording, and the causes that fit, most likely first.

    Args:
        checkpoint: What is known of it.
        at: The moment to which it is told: what should have come by then and didn't is evidence too.
    """
    known = Known(checkpoint, at)
    standing, last = checkpoint.standing, known.last_change
    return Explanation(
        at=at,
        key=checkpoint.key,
        cname=checkpoint.cname,
        uid=checkpoint.uid,
        resource_id=standing.resource_id,
        sid=standing.sid,
        state=standing.state,
        since=None if last is None else last.at,
        summary=_summary(known),
        maybe_running=known.maybe_running,
        until=known.until if known.maybe_running else None,
        causes=tuple(_in_order(_causes(known))),
        reasons=tuple(sorted(standing.reasons)),
        history=checkpoint.history,
        tried=checkpoint.tried,
        notifications=checkpoint.notifications,
    )


def _summary(known: Known) -> str:
    if known.standing.no_data and not known.standing.files:
        return "it has ended in order; nobody sent a stream, so there are no files"
    if known.state is State.FAILED and known.maybe_running:
        return "the service takes no more calls for it, and it may still run"
    if known.state is State.FAILED and known.standing.sid is None:
        return "it was refused for good, and nothing was started"
    if known.state is State.STOPPING and known.maybe_running:
        return "a stop was sent, or was to be sent, and whether it has worked is not known"
    return _SUMMARIES[known.state]


def _causes(known: Known) -> Iterator[tuple[Cause, bool]]:
    """What fits, and whether it explains an end."""
    for cause in answers(known):
        yield cause, True
    for rule in RULES:
        found = rule.apply(known)
        if found is not None:
            yield found, rule.explains


def _in_order(found: Iterable[tuple[Cause, bool]]) -> list[Cause]:
    """The surest first, and as in the table; nothing is guessed at where something sure explains it."""
    causes = list(found)
    is_explained = any(cause.certainty is Certainty.SAID and explains for cause, explains in causes)
    counts = [cause for cause, _ in causes if cause.certainty is not Certainty.POSSIBLE or not is_explained]
    return sorted(counts, key=lambda cause: cause.certainty)
