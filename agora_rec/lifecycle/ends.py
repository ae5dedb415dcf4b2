"""Ends in their order: what the recording has come to, from all that was reported, in whatever order.

An end is reported by an instance, or of the recording as a whole (None). What an instance reports that was
left behind in a failover ends nothing. Where its files are counts all the same, once the recording has ended:
its files are files of the recording.
"""

from collections.abc import Mapping
from typing import Final

from agora_rec.lifecycle import facts as f
from agora_rec.lifecycle.facts import FactKey
from agora_rec.vocabulary import State

End = f.EndedWithoutFiles | f.OutOfControl | f.NoRecordedData | f.Uploaded | f.Backuped
"""The facts that are ends by themselves."""
Report = f.EndFact | End
"""All facts that tell of an end, if only that the recorder left."""
Reported = frozenset[tuple[int | None, State]]
"""Which instance has reported which end."""

_ENDS: Final[Mapping[type, State]] = {
    f.EndedWithoutFiles: State.FAILED,
    f.OutOfControl: State.FAILED,
    f.NoRecordedData: State.UPLOADED,
    f.Uploaded: State.UPLOADED,
    f.Backuped: State.BACKUPED,
}
_RANKS: Final = (State.FAILED, State.UPLOADED, State.BACKUPED)
"""The lowest first: what is known of the files can only get better."""
KEYS: Final[Mapping[State, FactKey]] = {
    State.FAILED: FactKey.ENDED_WITHOUT_FILES,
    State.UPLOADED: FactKey.UPLOADED,
    State.BACKUPED: FactKey.BACKUPED,
}
"""The columns of ends that were reported before, and count only now."""


def reported(fact: End) -> tuple[int | None, State]:
    """Who reports which end."""
    return fact.instance_uid if isinstance(fact, f.EndFact) else None, _ENDS[type(fact)]


def end_of(ends: Reported, superseded: frozenset[int]) -> State | None:
    """The end that a recording has come to; None: it goes on.

    Args:
        ends: All that was reported.
        superseded: The instances that were left behind.
    """
    if all(instance in superseded for instance, _ in ends):
        return None
    counts = [end for instance, end in ends if instance not in superseded or end is not State.FAILED]
    return max(counts, key=_RANKS.index)


def key_of_end(fact: Report, ends: Reported, superseded: frozenset[int]) -> FactKey:
    """The column of an end: its own, unless another instance's report weighs more, or it ends nothing."""
    if isinstance(fact, f.Left | f.Exited):
        return FactKey.SUPERSEDED_END if fact.instance_uid in superseded else fact.key
    instance, end = new = reported(fact)
    if instance in superseded:
        before, after = end_of(ends, superseded), end_of(ends | {new}, superseded)
        return FactKey.SUPERSEDED_END if after is before or after is None else KEYS[after]
    behind = [end for instance, end in ends if instance in superseded and end is not State.FAILED]
    furthest = max([end, *behind], key=_RANKS.index)
    return fact.key if furthest is end else KEYS[furthest]
