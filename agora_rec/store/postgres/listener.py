"""Hearing what is written, here and by other workers: LISTEN, on a connection of its own.

What is heard is proved: whenever it has been quiet for a while, the store sends itself a message through the
server. If that doesn't come, the connection is dead without knowing it, or belongs to a pooler that
doesn't hand messages on; it is made anew then, and those who follow are told that they may have missed
something. So even behind such a pooler nobody waits for ever.
"""

import logging
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import anyio
from anyio.abc import TaskGroup
from attrs import define, field

from agora_rec.errors import StoreUnavailable
from agora_rec.errors.text import escaped
from agora_rec.store.listening import Listeners, Listening
from agora_rec.store.postgres.link import Link, LostError, Place, RefusedError
from agora_rec.store.postgres.names import Names
from agora_rec.store.postgres.server import Server, within

logger: Final = logging.getLogger("agora_rec")

QUIET_FOR: Final = 15.0
"""Seconds of silence after which it is looked whether anything would be heard."""

PROVED_WITHIN: Final = 5.0
"""Seconds within which the store's message to itself has to come."""

FIRST_WAIT: Final = 0.1
LONGEST_WAIT: Final = 10.0
"""Seconds between attempts to connect: the first, and what they grow to."""


@define(eq=False)
class Listener:
    """Follows one store's channel, from the first one who wants to hear of it.

    Args:
        place: The server itself, not a pooler.
        names: The names of the store.
        server: How the store asks, for the messages to itself.
        group: Where the listening goes on.
    """

    _place: Place
    _names: Names
    _server: Server
    _group: TaskGroup
    _listeners: Listeners = field(factory=Listeners, init=False)
    _probe: str = field(init=False)
    _up: anyio.Event = field(factory=anyio.Event, init=False)
    _has_begun: bool = field(default=False, init=False)
    _has_missed: bool = field(default=False, init=False)
    _is_away: bool = field(default=False, init=False)
    _wait: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._wait = FIRST_WAIT
        self._probe = f"agora_rec probe {secrets.token_hex(8)}"

    @asynccontextmanager
    async def follow(self) -> AsyncGenerator[Listening]:
        """Follow while the block runs. If the server doesn't answer in time, a gap will be told of."""
        if not self._has_begun:
            self._has_begun = True
            self._group.start_soon(self._run, name="agora_rec: changes in PostgreSQL")
        async with self._listeners.follow() as listening:
            with anyio.move_on_after(self._server.timeout) as waiting:
                await self._up.wait()
            self._has_missed = self._has_missed or waiting.cancelled_caught
            yield listening

    def close(self) -> None:
        """Let go those who still follow."""
        self._listeners.end()

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (LostError, RefusedError, StoreUnavailable) as error:
                self._up = anyio.Event() if self._up.is_set() else self._up
                self._has_missed = True
                self._log_away(error)
            await anyio.sleep(self._wait)
            self._wait = min(2 * self._wait, LONGEST_WAIT)

    async def _listen(self) -> None:
        """Connect, and hand on what is told until nothing would be heard any more."""
        link = await self._place.connect(self._server.timeout)
        try:
            with within(self._server.timeout):
                for channel in (self._names.channel, self._probe):
                    await link.run(f'LISTEN "{channel}"')
            if self._has_missed:
                self._listeners.tell_of_a_gap()
            self._has_missed = False
            self._up.set()
            while True:
                await self._prove(link)
                self._log_back()
                self._wait = FIRST_WAIT
                while await self._heard(link, QUIET_FOR):
                    pass
        finally:
            link.close()

    async def _prove(self, link: Link) -> None:
        """Raise unless what is told is heard."""
        await self._server.ask("SELECT pg_notify($1, '')", self._probe)
        if not await self._heard(link, PROVED_WITHIN):
            raise LostError("no message comes through; LISTEN needs the server itself, not a pooler")

    async def _heard(self, link: Link, seconds: float) -> bool:
        """Whether something was told within so many seconds; hands it on."""
        with anyio.move_on_after(seconds):
            for news in await link.news():
                if news.channel == self._names.channel:
                    self._tell(news.text)
            return True
        return False

    def _tell(self, text: str) -> None:
        version, _, recording_id = text.partition(" ")
        if version.isdecimal():
            self._listeners.tell(recording_id, int(version))
        else:
            self._listeners.tell_of_a_gap()

    def _log_away(self, error: Exception) -> None:
        """Say once that nothing is heard."""
        if not self._is_away:
            self._is_away = True
            cause = error.cause if isinstance(error, StoreUnavailable) else str(error)
            logger.warning("changes at %s can't be followed for now: %s", self._place.shown, escaped(cause))

    def _log_back(self) -> None:
        """Say once that all is well again."""
        if self._is_away:
            self._is_away = False
            logger.warning("changes at %s are followed again", self._place.shown)
