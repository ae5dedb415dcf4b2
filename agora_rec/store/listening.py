"""Telling those who follow a store what was written; nobody is waited for."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Self

import anyio

from agora_rec.store.protocol import MISSED, Written


class Listening:
    """One who follows. What he hasn't taken up yet is kept once for each recording."""

    def __init__(self) -> None:
        self._heard: dict[str, Written] = {}
        self._news = anyio.Event()
        self._has_ended = False

    def tell(self, news: Written) -> None:
        """Let him know that a recording was written."""
        self._heard[news.recording_id] = news
        self._news.set()

    def end(self) -> None:
        """Let him know that nothing more will come, after what he hasn't taken up yet."""
        self._has_ended = True
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Written:
        """Give the next one, waiting for it; the store's being closed is the end."""
        while not self._heard:
            if self._has_ended:
                raise StopAsyncIteration
            self._news = anyio.Event()
            await self._news.wait()
        return self._heard.pop(next(iter(self._heard)))


class Listeners:
    """All who follow one store in this process."""

    def __init__(self) -> None:
        self._all: set[Listening] = set()

    def __bool__(self) -> bool:
        return bool(self._all)

    @asynccontextmanager
    async def follow(self) -> AsyncGenerator[Listening]:
        """Follow while the block runs."""
        listening = Listening()
        self._all.add(listening)
        try:
            yield listening
        finally:
            self._all.discard(listening)

    def tell(self, recording_id: str, version: int) -> None:
        """Let all know that a recording was written."""
        if self._all:
            self._tell(Written(recording_id, version))

    def tell_of_a_gap(self) -> None:
        """Let all know that something may have been missed."""
        self._tell(MISSED)

    def end(self) -> None:
        """Let all go: the store is being closed."""
        for each in self._all:
            each.end()

    def _tell(self, news: Written) -> None:
        for each in self._all:
            each.tell(news)
