"""Telling those who follow a store what was written: by this process at once, by others when we look.

SQLite wakes nobody up. But it tells cheaply whether anybody else has written at all, so one task of each open
store asks for that ten times a second, while somebody follows.
"""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import anyio
from attrs import define, field

from agora_rec.errors import AgoraRecError
from agora_rec.store.listening import Listeners, Listening
from agora_rec.store.sqlite import rows
from agora_rec.store.sqlite.database import READ, Database, Session

logger: Final = logging.getLogger("agora_rec")

EVERY: Final = 0.1
"""Seconds between two looks into the file."""

_DATA_VERSION: Final = "PRAGMA data_version"


@define(eq=False)
class Following:
    """Those who follow one open store, and what they have been told."""

    _database: Database
    _listeners: Listeners = field(factory=Listeners, init=False)
    _followed: anyio.Event = field(factory=anyio.Event, init=False)
    _seen: int = field(default=0, init=False)
    _state: tuple[int, int] = field(default=(0, 0), init=False)
    _is_away: bool = field(default=False, init=False)

    @asynccontextmanager
    async def follow(self) -> AsyncGenerator[Listening]:
        """Follow while the block runs."""
        await self._database.run(READ, self._begin)
        async with self._listeners.follow() as listening:
            self._followed.set()
            yield listening

    def wrote(self, change: rows.Change) -> None:
        """Tell of a write of this process."""
        if change.number == self._seen + 1:  # nobody else has written before
            self._seen = change.number
        self._tell(change)

    async def run(self) -> None:
        """Look again and again, while somebody follows; until it is cancelled."""
        while True:
            if not self._listeners:
                self._followed = anyio.Event()
                await self._followed.wait()
            await self._database.clock.sleep(EVERY)
            await self._look()

    def end(self) -> None:
        """Let all go."""
        self._listeners.end()

    async def _look(self) -> None:
        try:
            changes = await self._database.run(READ, self._news)
        except AgoraRecError as error:
            if not self._is_away:
                logger.warning("what others write can't be followed: %s", error)
            self._is_away = True
            return
        if self._is_away:
            self._is_away = False
            logger.warning("what others write is followed again")
        for change in changes:
            self._seen = change.number
            self._tell(change)

    def _tell(self, change: rows.Change) -> None:
        self._listeners.tell(change.written.recording_id, change.written.version)

    def _begin(self, session: Session) -> None:
        """Let the first who follows hear only of what comes after this; for others it has begun already."""
        if not self._listeners:
            self._go_on_from_here(session)

    def _go_on_from_here(self, session: Session) -> None:
        self._state = self._state_of(session)
        self._seen = session.first(rows.LAST_CHANGE)[0]

    def _news(self, session: Session) -> list[rows.Change]:
        state = self._state_of(session)
        if state == self._state:
            return []
        if state[0] != self._state[0]:  # another connection, perhaps to another file
            self._go_on_from_here(session)
            self._listeners.tell_of_a_gap()
            return []
        self._state = state
        return rows.changed(session, self._seen)

    @staticmethod
    def _state_of(session: Session) -> tuple[int, int]:
        """Which connection it is, and a number of it that changes when anybody else has written."""
        return session.connected, session.first(_DATA_VERSION)[0]
