"""Failovers in their order: which instance is the last one, in whatever order they are told."""

from datetime import UTC, datetime
from typing import Final

from attrs import frozen

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@frozen(kw_only=True)
class Move:
    """A failover of a recording to another instance.

    Attributes:
        uid: The new instance's uid.
        sequence: The number of the event that told it; None: none did, or it had no number.
        sent_at: When it happened; if no event told it, when the instance was first heard from.
        is_told: Whether the service said so.
    """

    uid: int
    sequence: int | None = None
    sent_at: datetime | None = None
    is_told: bool = True


def with_move(moves: tuple[Move, ...], move: Move) -> tuple[Move, ...]:
    """Add a failover to those that are known; the earliest comes first.

    They are ordered by their numbers if all have one, else by their moments. That is a rule for all of them
    together: compared pair by pair, two rules could go round in circles. An instance that is known already
    keeps what the service told of it, or else the first moment at which it was heard from.
    """
    there = [known for known in moves if known.uid == move.uid]
    others = [known for known in moves if known.uid != move.uid]
    everyone = [*others, min(move, *there, key=_evidence) if there else move]
    by = _number if all(each.sequence is not None for each in everyone) else _moment
    return tuple(sorted(everyone, key=by))


def _evidence(move: Move) -> tuple[bool, bool, int, bool, datetime]:
    """What is told comes before what is guessed at, and what was first before what came again."""
    number, moment = move.sequence, move.sent_at
    return not move.is_told, number is None, number or 0, moment is None, moment or _LONG_AGO


def _number(move: Move) -> tuple[int, datetime, int]:
    return move.sequence or 0, move.sent_at or _LONG_AGO, move.uid


def _moment(move: Move) -> tuple[datetime, bool, int, int]:
    return move.sent_at or _LONG_AGO, move.is_told, move.sequence or 0, move.uid
