"""`Fleet.record` from within: takes specs one by one, as there are places, and hands out results.

Wrong specs and those that can't begin are results like all others.
"""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, Self

import anyio

from agora_rec.errors import FleetClosed, InvalidRequest
from agora_rec.fleet.entry import Entry
from agora_rec.fleet.result import Result, ResultState
from agora_rec.fleet.resuming import begun_before
from agora_rec.fleet.spec import Spec

if TYPE_CHECKING:
    from agora_rec.fleet.roster import Roster

UNREAD: Final = 1000
"""How many results may wait for their reader before no more specs are taken."""


class Feeder:
    """The specs of one call of `record`, and its results: an iterator of these.

    Args:
        roster: Where they are recorded.
        specs: What is to be recorded.
        resume: Whether those are skipped that were recorded to their end before.
    """

    def __init__(
        self, roster: "Roster", specs: Iterable[Spec] | AsyncIterable[Spec], *, resume: bool
    ) -> None:
        self._roster = roster
        self._specs = specs
        self._resume = resume
        self._scope = anyio.CancelScope()
        self._under_way = 0
        self._results: deque[Result] = deque()
        self._error: Exception | None = None
        self._is_fed = False
        self._changed = anyio.Event()
        self._on_close = self._closed  # bound once: each entry holds it

    def close(self) -> None:
        """Take no more specs."""
        self._scope.cancel()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Result:
        """The next result, as soon as something is over."""
        while not self._results:
            if self._is_fed and not self._under_way:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            await self._news()
        result = self._results.popleft()
        self._pulse()
        return result

    async def run(self) -> None:
        """Go through the specs, until there are no more or nobody wants any."""
        try:
            with self._scope:
                async with aclosing(_each(self._specs)) as specs:
                    async for spec in specs:
                        await self._feed(spec)
        except FleetClosed:
            pass  # those that could not begin are results already; the rest is not taken any more
        except Exception as error:  # noqa: BLE001 - raised to the reader, when he has all results
            self._error = error
        finally:
            self._is_fed = True
            self._pulse()

    async def _feed(self, spec: Spec) -> None:
        while len(self._results) >= UNREAD:
            await self._news()
        try:
            entry = self._roster.joined(spec)
            if entry is not None:
                self._follow(entry)
                return
            if self._resume and await self._resumed(spec):
                return
            entry = self._roster.enter(spec)
        except Exception as error:  # noqa: BLE001 - a wrong spec, or whatever the store raises
            self._give(Result(spec=spec, state=ResultState.NOT_STARTED, error=error))
            return
        self._follow(entry)
        try:
            await entry.take_places(is_bounded=False)
        except InvalidRequest:  # its time was over before: so its result says
            return
        self._roster.spawn(entry.begin)

    async def _resumed(self, spec: Spec) -> bool:
        """Whether it was begun before: then it is followed, or its result is given."""
        before = None if spec.key is None else await begun_before(self._roster.cloud, spec)
        if before is None:
            return False
        if isinstance(before, Result):
            self._give(before)
            return True
        entry = self._roster.enter(spec, is_checked=True)
        self._follow(entry)
        entry.adopt(before[0].root, before, is_asked_for=True)
        return True

    def _follow(self, entry: Entry) -> None:
        self._under_way += 1
        entry.on_close = (*entry.on_close, self._on_close)

    def _closed(self, entry: Entry) -> None:
        self._under_way -= 1
        self._give(entry.result or entry.so_far())

    def _give(self, result: Result) -> None:
        self._results.append(result)
        self._pulse()

    def _pulse(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    async def _news(self) -> None:
        await self._changed.wait()


async def _each(specs: Iterable[Spec] | AsyncIterable[Spec]) -> AsyncGenerator[Spec]:
    if isinstance(specs, AsyncIterable):
        async for spec in specs:
            yield spec
    else:
        for spec in specs:
            yield spec
