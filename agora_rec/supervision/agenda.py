"""Which of many is due next: a heap of moments. Pure, with time passed in.

A moment that is put off costs nothing: who is due too early is asked again then. Moments that don't count any
more are swept out when they are the larger part: one that is hours away would be held until then.
"""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import Final, Generic, Protocol, TypeVar

_LEFT: Final = 32
"""How many moments that don't count are always left where they are."""


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
        self._due = 0

    @property
    def next_due(self) -> float:
        """The moment at which somebody may be due; infinity: nobody ever is."""
        return self._heap[0][0] if self._heap else inf

    def note(self, item: T, due: float) -> bool:
        """Have it due at that moment, unless it is due before; whether that is the first moment now."""
        if due >= item.due:
            return False
        is_first = due < self.next_due
        self._due += item.due == inf
        item.due = due
        heappush(self._heap, (due, next(self._numbers), item))
        if len(self._heap) > 2 * self._due + _LEFT:
            self._sweep()
        return is_first

    def drop(self, item: T) -> None:
        """Have it due no more."""
        self._due -= item.due != inf
        item.due = inf

    def take_due(self, now: float) -> Iterator[T]:
        """Take out those that are due, the earliest first; note them anew as it fits."""
        while self._heap and self._heap[0][0] <= now:
            due, _, item = heappop(self._heap)
            if item.due == due:
                self.drop(item)
                yield item

    def _sweep(self) -> None:
        self._heap = [each for each in self._heap if each[2].due == each[0]]
        heapify(self._heap)
