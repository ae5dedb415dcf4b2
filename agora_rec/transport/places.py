"""How many calls may be under way at once, so that a program doesn't run out of connections.

Who waits here is first let in, and then waits for its slot of the budget: a call that has its slot goes out.
"""

from typing import Final

import anyio

from agora_rec.errors import InvalidRequest, Violation
from agora_rec.vocabulary import Priority

_IN_ORDER: Final = tuple(sorted(Priority))


class Places:
    """A limited number of places. Those who wait are let in by `Priority`, and as they came within one.

    A stop is let in at once, over the limit if need be: it must not wait for the calls that it ends.

    Args:
        limit: How many places there are; None: no end of them.

    Raises:
        InvalidRequest: `limit` is no whole number above 0.
    """

    def __init__(self, limit: int | None) -> None:
        if limit is not None and not _is_count(limit):
            rule = "a whole number of connections, 1 or more; None for no limit"
            raise InvalidRequest((Violation("max_connections", repr(limit)[:100], rule),))
        self.limit = limit
        self.taken: int = 0
        self._lines: tuple[dict[anyio.Event, None], ...] = tuple({} for _ in _IN_ORDER)

    def __repr__(self) -> str:
        return f"Places(limit={self.limit}, taken={self.taken}, waiting={self.waiting})"

    @property
    def waiting(self) -> int:
        """How many callers wait for a place now."""
        return sum(map(len, self._lines))

    def enter_nowait(self, priority: Priority) -> bool:
        """Take a place if one is to be had without waiting; whether it was."""
        # Where a place is free nobody waits: it is handed on when it is given back.
        if self.limit is None or self.taken < self.limit or priority is Priority.STOP:
            self.taken += 1
            return True
        return False

    async def enter(self, priority: Priority) -> None:
        """Wait for a place and take it. A caller that is cancelled takes none."""
        if self.enter_nowait(priority):
            return
        turn, line = anyio.Event(), self._lines[priority]
        line[turn] = None
        try:
            await turn.wait()
        except BaseException:
            if line.pop(turn, turn) is turn:  # it was let in, and cancelled before it could go on
                self.leave()
            raise

    def leave(self) -> None:
        """Give a place back. Whoever is next has it from this moment on, so that nobody gets in between."""
        self.taken -= 1
        if self.limit is None or self.taken >= self.limit:
            return
        for line in self._lines:
            if line:
                turn = next(iter(line))
                del line[turn]
                self.taken += 1
                turn.set()
                return


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
