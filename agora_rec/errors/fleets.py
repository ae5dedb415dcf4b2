"""Errors of fleets: there is no room for another recording, or nothing is begun any more."""

# ruff: noqa: N818 - the names are what has happened

from typing import final

from attrs import define, field

from agora_rec.errors.base import AgoraRecError, tell


@final
@define(slots=False, eq=False)
class QueueFull(AgoraRecError):
    """As many recordings wait for a place in the fleet as may wait; nothing was sent.

    `limit` says how many record at once, `queued` how many wait.
    """

    limit: int = field(kw_only=True)
    queued: int = field(kw_only=True)

    def message(self) -> str:
        """How many record and wait, and what to do."""
        return tell(
            f"{self.queued} recordings wait already while {self.limit} may run at once; nothing was sent.",
            "Ask again when some of them have ended, or give the fleet a longer queue (`queue=`).",
        )


@final
@define(slots=False, eq=False)
class FleetClosed(AgoraRecError):
    """The fleet doesn't begin this one any more: it is draining, was left, or was stopped."""

    def message(self) -> str:
        """Why nothing was begun."""
        return tell(
            "The fleet doesn't begin this any more: it is draining, was left, or was stopped.",
            "Give it to another process.",
        )
