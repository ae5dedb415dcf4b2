"""Which of many is due next: a heap of moments. Pure, with time passed in.

A moment that is put off costs nothing: who is due too early is asked again then.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Generic, Protocol, TypeVar


class HasDue(Protocol):
    """Something that is due at a moment."""

    due: float
    """When (`clock.monotonic`), infinity for never. Nobody but the agenda sets it."""


T = TypeVar("T", bound=HasDue)


class Agenda(Generic[T]):
    """Who is due when."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._numbers = count()  # of equal moments the earlier note comes first

    @property
    def next_due(self) -> float:
        """The moment at which somebody may be due; infinity: nobody ever is."""
        return self._heap[0][0] if self._heap else inf

    def note(self, item: T, due: float) -> bool:
        """Have it due at that moment, unless it is due before; whether that is the first moment now."""
        if due >= item.due:
            return False
        is_first = due < self.next_due
        item.due = due
        heappush(self._heap, (due, next(self._numbers), item))
        return is_first

    def drop(self, item: T) -> None:
        """Have it due no more."""
        item.due = inf

    def take_due(self, now: float) -> Iterator[T]:
        """Take out those that are due, the earliest first; note them anew as it fits."""
        while self._heap and self._heap[0][0] <= now:
            due, _, item = heappop(self._heap)
            if item.due == due:
                item.due = inf
                yield item
