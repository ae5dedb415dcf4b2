"""The steps of all tasks, counted: so that something can happen in the middle of anything.

A step is what a task does from one await to the next. To cancel after the n-th one, for all n, is to cancel
at any await: of the caller, of the job that he waits for, and of all who run beside them.
"""

import heapq
from collections.abc import Callable, Iterator

import trio


class Steps(trio.abc.Instrument):
    """Counts the steps of a run, and does what comes due."""

    def __init__(self) -> None:
        self.done = 0
        self._due: list[tuple[int, int, Callable[[], object]]] = []
        self._number = 0

    def after(self, steps: int, act: Callable[[], object]) -> None:
        """Do something after so many steps from now, 1 or more; it must not await."""
        self._number += 1
        heapq.heappush(self._due, (self.done + steps, self._number, act))

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """A task has done a step."""
        for act in self.due():
            act()

    def due(self) -> Iterator[Callable[[], object]]:
        """Count a step, and give what is to be done now.

        On asyncio, whose loop doesn't tell of steps, it is one of each task that was ready.
        """
        self.done += 1
        while self._due and self._due[0][0] <= self.done:
            yield heapq.heappop(self._due)[2]
