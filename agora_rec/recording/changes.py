"""Following a recording's transitions: an iterator that holds nothing, so that it may be left at any time."""

from collections import deque
from typing import Self

from agora_rec.lifecycle import Change
from agora_rec.recording.ledger import Ledger


class Changes:
    """The transitions from the moment on in which this was made, as far as history keeps them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._seen = ledger.changes_seen
        self._news: deque[Change] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        """Give the next one, waiting for it; ends with the recording, or with the client."""
        while not self._news:
            self._news.extend(self._ledger.changes_since(self._seen))
            self._seen = self._ledger.changes_seen
            if self._news:
                break
            if self._ledger.state.is_end or self._ledger.is_closed:
                raise StopAsyncIteration
            await self._ledger.news()
        return self._news.popleft()
