"""Following what the service says of a recording: an iterator that may be left at any time."""

from collections import deque
from typing import Final, Self

from agora_rec.model.notification import Notification
from agora_rec.recording.ledger import Ledger

LATE_NEWS: Final = 60.0
"""Seconds for which more is waited for after the end: the exit is reported after the files are."""


class Events:
    """The notifications that are kept, and all that come from then on."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._seen = 0
        self._news: deque[Notification] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Notification:
        """Give the next one, waiting for it."""
        ledger = self._ledger
        while not self._news:
            self._news.extend(ledger.heard.since(self._seen))
            self._seen = ledger.heard.count
            if self._news:
                break
            if ledger.is_closed or (ledger.state.is_end and not await self._comes_late()):
                raise StopAsyncIteration
            if not ledger.state.is_end:
                await ledger.news()
        return self._news.popleft()

    async def _comes_late(self) -> bool:
        """Whether something comes after the end, where something may."""
        ledger = self._ledger
        if ledger.standing.exited_at is None:
            with ledger.keeper.clock.move_on_after(LATE_NEWS):
                while ledger.heard.count == self._seen and not ledger.is_closed:
                    await ledger.news()
        return ledger.heard.count > self._seen
