"""A few connections, each lent to one caller at a time: made when needed, kept while they are good."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import anyio
from attrs import define, field

from agora_rec.store.postgres.link import Connect, Link

IDLE_FOR: Final = 60.0
"""Seconds after which a connection that nobody wanted is not used again: firewalls forget such ones."""


@define(eq=False)
class Pool:
    """At most `size` connections to one server.

    Made where the event loop runs.
    """

    _connect: Connect
    _size: int
    _turns: anyio.Semaphore = field(init=False)
    _idle: list[tuple[Link, float]] = field(factory=list[tuple[Link, float]], init=False)
    _is_open: bool = field(default=True, init=False)

    def __attrs_post_init__(self) -> None:
        self._turns = anyio.Semaphore(self._size)

    @asynccontextmanager
    async def link(self) -> AsyncGenerator[Link]:
        """Lend a connection, or make one; waits for its turn.

        Raises:
            UnreachableError: No connection can be made.
        """
        async with self._turns:
            link = self._take() or await self._connect()
            try:
                yield link
            finally:
                self._give_back(link)

    def drop(self) -> None:
        """Close those that nobody uses: they may have gone the way of one that has failed."""
        idle, self._idle = self._idle, []
        for link, _ in idle:
            link.close()

    def close(self) -> None:
        """Close all; one that is in use is closed when it is given back."""
        self._is_open = False
        self.drop()

    def _take(self) -> Link | None:
        while self._idle:
            link, since = self._idle.pop()
            if anyio.current_time() - since < IDLE_FOR and link.is_idle:
                return link
            link.close()
        return None

    def _give_back(self, link: Link) -> None:
        if self._is_open and link.is_idle:
            self._idle.append((link, anyio.current_time()))
        else:
            link.close()
