"""The last items of a series that goes on, and following it from any place."""

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from agora_rec.recording.ledger import Ledger

T = TypeVar("T")


class Tail(Generic[T]):
    """The last items of a series; whoever follows it counts from its beginning."""

    __slots__ = ("_most", "items", "total")

    def __init__(self, items: Iterable[T], *, most: int) -> None:
        self.items: tuple[T, ...] = tuple(items)[-most:]
        """The last ones, oldest first: a tuple, since checkpoints can share it."""
        self.total: int = len(self.items)
        """How many there were so far, those that made room included."""
        self._most = most

    def append(self, item: T) -> None:
        """Add one; the oldest makes room."""
        self.items = (*self.items, item)[-self._most :]
        self.total += 1

    def since(self, seen: int) -> tuple[T, ...]:
        """Those after the first `seen` ones, as far as they are kept."""
        missing = min(self.total - seen, len(self.items))
        return self.items[len(self.items) - missing :]


class Follower(Generic[T]):
    """Follows one of a recording's series: an iterator that may be left at any time."""

    def __init__(self, ledger: "Ledger", tail: Tail[T], seen: int) -> None:
        self._ledger = ledger
        self._tail = tail
        self._seen = seen
        self._news: deque[T] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """Give the next one, waiting for it; ends with the recording, or with the client."""
        while not self._news:
            self._news.extend(self._tail.since(self._seen))
            self._seen = self._tail.total
            if not self._news and not await self._goes_on():
                raise StopAsyncIteration
        return self._news.popleft()

    async def _goes_on(self) -> bool:
        """Wait until there may be more; False: there will be none."""
        if self._ledger.state.is_end or self._ledger.is_closed:
            return False
        await self._ledger.news()
        return True
