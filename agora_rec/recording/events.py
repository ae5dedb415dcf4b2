"""Following what the service says of a recording."""

from typing import Final

from agora_rec.model.notification import Notification
from agora_rec.recording.ledger import Ledger
from agora_rec.recording.tail import Follower

LATE_NEWS: Final = 60.0
"""Seconds for which more is waited for after the end: the exit is reported after the files are."""


class Events(Follower[Notification]):
    """The notifications that are kept, and all that come from then on."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, ledger.heard.kept, 0)

    async def _goes_on(self) -> bool:
        """As for every series; but after the end something may still come."""
        ledger, kept = self._ledger, self._ledger.heard.kept
        if ledger.is_closed or not ledger.state.is_end:
            return await super()._goes_on()
        if ledger.standing.exited_at is None:
            with ledger.keeper.clock.move_on_after(LATE_NEWS):
                while kept.total == self._seen and not ledger.is_closed:
                    await ledger.news()
        return kept.total > self._seen
