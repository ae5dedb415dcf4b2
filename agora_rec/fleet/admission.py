"""Who may begin: so many at once as the account allows, the others wait their turn.

The rules are plain and have no `await` in them; only waiting has. What the service itself says (code 406)
counts more than what we count: somebody else may record under the same App ID.
"""

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import anyio
from attrs import define, field

from agora_rec.clock import Clock, nth_pause
from agora_rec.errors import FleetClosed, QueueFull

LIMIT_AGAIN: Final = (5.0, 10.0, 20.0, 30.0)
"""Seconds after which an acquire that met 406 is sent again, unless one of ours ends before."""


EXIT_SECONDS: Final = 3.0
"""Seconds for which the place of a recording that has left is kept free: the service counts its worker until
that is gone, which takes a moment that no document names (the emulator's takes 2 s)."""

_AT_ONCE: Final = 1e-6
"""Seconds that aren't worth waiting for: sums of seconds aren't exact, and a clock may stand still."""


@define(eq=False)
class _Ticket:
    places: int
    woken: anyio.Event = field(factory=anyio.Event)
    is_admitted: bool = False


class Admission:
    """The places of one kind of recordings.

    Args:
        limit: How many may run at once.
        queue: How many may wait.
        clock: Where time comes from.
    """

    def __init__(self, limit: int, queue: int, clock: Clock) -> None:
        self.limit = limit
        self.queue = queue
        self.used: int = 0
        """How many places are taken."""
        self._clock = clock
        self._line: deque[_Ticket] = deque()
        self._leaving: deque[tuple[float, int]] = deque()  # places that are free soon, and when
        self._refused = 0
        self._probe = anyio.Lock()
        self._freed = False
        self._news = anyio.Event()  # for the one who probes
        self._open = True

    @property
    def is_open(self) -> bool:
        """Whether anybody is let in."""
        return self._open

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._line)

    async def take(self, places: int = 1, *, is_bounded: bool = True) -> None:
        """Wait for so many places at once, and take them. Cancelled: none is taken.

        Args:
            places: How many.
            is_bounded: Whether there may be too many that wait.

        Raises:
            QueueFull: As many wait as may.
            FleetClosed: Nobody begins any more.
        """
        if not self._open:
            raise FleetClosed
        self._let_go()
        if is_bounded and len(self._line) >= self.queue and not self._has_room(places):
            raise QueueFull(limit=self.limit, queued=len(self._line))
        ticket = _Ticket(places)
        self._line.append(ticket)
        self._call()
        try:
            while not ticket.is_admitted and self.is_open:
                is_first = self._line[0] is ticket
                ticket.woken = anyio.Event()
                with self._clock.move_on_after(self._next_place if is_first else None):
                    await ticket.woken.wait()
                self._call()
        except BaseException:
            self._withdraw(ticket)
            raise
        if not ticket.is_admitted:
            self._withdraw(ticket)
            raise FleetClosed

    def _withdraw(self, ticket: _Ticket) -> None:
        if ticket.is_admitted:
            self.give_back(ticket.places)
        else:
            self._line.remove(ticket)
            self._call()

    def seize(self, places: int = 1) -> None:
        """Take places for what runs already, whether there are any or not."""
        self.used += places

    def give_back(self, places: int = 1) -> None:
        """Give places back in which nothing has run; whoever is next has them at once."""
        self.used -= places
        self._freed = True
        self._news.set()
        self._call()

    def leave(self, places: int = 1) -> None:
        """Give places back in which something has run; whoever is next has them when its worker is gone."""
        self._leaving.append((self._clock.monotonic() + EXIT_SECONDS, places))
        self._news.set()
        self._call()

    @asynccontextmanager
    async def probing(self) -> AsyncGenerator[None]:
        """Be the one who asks the service that has said that there is no room (406), while the block runs.

        Whoever meets the same meanwhile waits here for his turn, and nobody else begins.
        """
        self._refused += 1
        try:
            async with self._probe:
                yield
        finally:
            self._refused -= 1
            self._call()

    async def room(self, times: int) -> bool:
        """Wait until it is worth while to ask again; whether that is because a place was given back.

        Args:
            times: How often the service has said no since one was.
        """
        self._freed = False
        until = self._clock.monotonic() + nth_pause(LIMIT_AGAIN, times)
        while not self._freed and (left := until - self._clock.monotonic()) > 0:
            self._news = anyio.Event()
            next_place = self._next_place
            with self._clock.move_on_after(left if next_place is None else min(left, next_place)):
                await self._news.wait()
            self._let_go()
        return self._freed

    def close(self) -> None:
        """Send all away who wait, and let nobody in any more."""
        self._open = False
        for ticket in self._line:
            ticket.woken.set()

    def _has_room(self, places: int) -> bool:
        return not self._line and not self._refused and self.used + places <= self.limit

    @property
    def _next_place(self) -> float | None:
        """Seconds until a place is free that was left; None: there is none."""
        return max(0.0, self._leaving[0][0] - self._clock.monotonic()) if self._leaving else None

    def _let_go(self) -> None:
        now = self._clock.monotonic()
        while self._leaving and self._leaving[0][0] <= now + _AT_ONCE:
            self.used -= self._leaving.popleft()[1]
            self._freed = True

    def _call(self) -> None:
        self._let_go()
        while (
            self._line and not self._refused and self._open and self.used + self._line[0].places <= self.limit
        ):
            ticket = self._line.popleft()
            self.used += ticket.places
            ticket.is_admitted = True
            ticket.woken.set()
        if self._line:
            self._line[0].woken.set()  # it may be the first only now, or sleep too long
