"""The shell around the timelines: waits for what is due, has it made and written, tells what was refused.

All of it happens inside the block of `writing`; no task or process outlives that. What waits when the block
ends is kept, and goes on in the next one. A process makes the files, started for the first recording that
needs it; this module only waits for it.
"""

from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime
from itertools import islice
from typing import Final

import anyio
from attrs import define, field

from agora_rec.clock import Clock
from agora_rec.emulator.files import logs
from agora_rec.emulator.files.access import find_url
from agora_rec.emulator.files.orders import Check, Order, Put, Target
from agora_rec.emulator.files.process import Maker, open_worker
from agora_rec.emulator.files.timeline import files
from agora_rec.emulator.files.tracks import File
from agora_rec.emulator.service import Service
from agora_rec.emulator.session import Session, seconds_after

_AT_ONCE: Final = 64
"""How many files of a recording are looked through at once for superseded playlists."""


@define(eq=False)
class Reader:
    """How far a recording's files have been written.

    `held` is what the bucket refused, until the backup hands it over; `pending` is what is due.
    """

    session: Session
    checked: bool = False
    held: list[File] = field(factory=list[File], init=False)
    pending: deque[File] = field(factory=deque[File], init=False)
    _coming: File | None = field(default=None, init=False)
    _rest: Iterator[File] = field(factory=lambda: iter(()), init=False)
    _last: datetime = field(init=False)
    _taken_then: int = field(default=0, init=False)
    _seen: object = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._last = self.session.started_at

    @property
    def coming_at(self) -> datetime | None:
        """When the next file is due that isn't yet in `pending`; None if there will be none."""
        return None if self._coming is None else self._coming.at

    def look(self, limit: datetime) -> None:
        """Take what is due by then; where many versions of a playlist are, only the last one is worth it."""
        seen = _what_was_done(self.session)
        if seen != self._seen:
            self._seen = seen
            self._rest = islice(files(self.session, self._last), self._taken_then, None)
            self._coming = next(self._rest, None)
        while not self.pending and self._coming is not None and self._coming.at <= limit:
            due = list(islice(self._take(limit), _AT_ONCE))
            latest = {each.name: number for number, each in enumerate(due)}
            self.pending.extend(each for number, each in enumerate(due) if latest[each.name] == number)

    def _take(self, limit: datetime) -> Iterator[File]:
        while self._coming is not None and self._coming.at <= limit:
            file = self._coming
            self._taken_then = self._taken_then + 1 if file.at == self._last else 1
            self._last = file.at
            self._coming = next(self._rest, None)
            yield file

    def is_over(self, now: datetime) -> bool:
        """Whether nothing will come any more."""
        return not self.pending and self._coming is None and self.checked and self.session.is_gone(now)


def _what_was_done(session: Session) -> object:
    stays = session.channel.stays
    return (
        session.stop_at,
        session.lost_at,
        session.refused_at,
        session.bucket_lost_at,
        session.upload_seconds,
        session.upload_fails,
        *(len(each) for each in (session.subscriptions, session.layouts, session.holds)),
        *(len(each) for each in (session.failovers, session.tokens, stays)),
        sum(stay.until is not None for stay in stays),
    )


@define(eq=False)
class Writer:
    """Writes the files of all recordings whose bucket may be written to.

    `endpoints` are those that may, beside this machine's: by the name that start gives them, with their URLs.
    """

    service: Service
    clock: Clock
    endpoints: Mapping[str, str]
    is_busy: bool = field(default=False, init=False)
    """Whether something that is due is being made or written."""
    _bell: anyio.Event | None = field(default=None, init=False)
    """There while files are written; rung when there may be something new to do."""
    _waiting: set[anyio.Event] = field(factory=set[anyio.Event], init=False)
    """Those who wait until nothing is due."""
    _watching: set[anyio.Event] = field(factory=set[anyio.Event], init=False)
    """Those who look again after each file."""
    _readers: dict[str, Reader] = field(factory=dict[str, Reader], init=False)
    _known: int = field(default=0, init=False)
    """How many recordings have been looked at."""

    @property
    def is_writing(self) -> bool:
        """Whether files are written."""
        return self._bell is not None

    def ring(self) -> None:
        """Look again: what will happen at the service may have changed."""
        if self._bell is not None:
            self._bell.set()

    @asynccontextmanager
    async def writing(
        self, opening: Callable[[], AbstractAsyncContextManager[Maker]] = open_worker
    ) -> AsyncGenerator[None]:
        """Write while the block runs. `opening` gives the maker of files, when there is one to make.

        Raises:
            RuntimeError: this is done already; or the process that makes files has died.
        """
        if self._bell is not None:
            raise RuntimeError("files are being written already")
        self._bell = anyio.Event()
        failures: list[Exception] = []  # raised again outside, so that no group wraps them

        async def work() -> None:
            try:
                await self._work(opening)
            except Exception as caught:  # noqa: BLE001
                failures.append(caught)
                group.cancel_scope.cancel()

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(work)
                try:
                    yield
                except Exception as caught:  # noqa: BLE001
                    failures.append(caught)
                finally:
                    group.cancel_scope.cancel()
        finally:
            self._bell, self.is_busy = None, False
            self._tell_the_waiting()
        if failures:
            raise failures[0]

    async def written(self) -> None:
        """Wait until all files are in their buckets that are there by now.

        Raises:
            RuntimeError: nothing is being written, or no longer.
        """
        self._check_writing()
        done = anyio.Event()
        self._waiting.add(done)
        self.ring()
        await done.wait()
        self._check_writing()

    async def stored(self, sid: str) -> None:
        """Wait until what is due of one recording by now is in its bucket; not if nothing is written."""
        now = self.clock.now()
        while self._bell is not None and self._is_behind(sid, now):
            one_more = anyio.Event()
            self._watching.add(one_more)
            await one_more.wait()

    def _is_behind(self, sid: str, now: datetime) -> bool:
        reader = self._readers.get(sid)
        if reader is None:
            return False
        reader.look(self._limit(now))
        due = reader.coming_at is not None and reader.coming_at <= now
        return due or bool(reader.pending) or not reader.checked

    def _check_writing(self) -> None:
        if self._bell is None:
            raise RuntimeError("nothing is written outside of `async with emulator.writing():`")

    def _tell_the_waiting(self) -> None:
        self._tell_the_watching()
        for event in self._waiting:
            event.set()
        self._waiting.clear()

    def _tell_the_watching(self) -> None:
        for event in self._watching:
            event.set()
        self._watching.clear()

    async def _work(self, opening: Callable[[], AbstractAsyncContextManager[Maker]]) -> None:
        async with AsyncExitStack() as stack:
            maker: Maker | None = None
            while True:
                now, self._bell = self.clock.now(), anyio.Event()
                due = self._next(now)
                self.is_busy = due is not None
                if due is None:
                    self._tell_the_waiting()
                    await self._rest(now, self._bell)
                    continue
                if maker is None:
                    maker = await stack.enter_async_context(opening())
                await self._serve(due, maker)
                self._tell_the_watching()

    async def _rest(self, now: datetime, bell: anyio.Event) -> None:
        """Wait for the next moment at which there is something to do, or for the bell."""
        moments = [each.coming_at for each in self._readers.values() if each.coming_at is not None]
        lag = self.service.settings.notice_seconds
        seconds = max(0.0, (min(moments) - now).total_seconds() + lag) if moments else None
        with self.clock.move_on_after(seconds):
            await bell.wait()

    def _next(self, now: datetime) -> Reader | None:
        """The recording that is to be served next: a new one, else that with the oldest file that is due."""
        self.service.catch_up(now)
        self._enrol()
        limit = self._limit(now)
        for reader in list(self._readers.values()):
            if not reader.checked:
                return reader
            reader.look(limit)
            if reader.is_over(now):
                del self._readers[reader.session.sid]
        due = [each for each in self._readers.values() if each.pending]
        return min(due, key=lambda each: each.pending[0].at, default=None)

    def _limit(self, now: datetime) -> datetime:
        """Until when all is certain: what is done at a moment can change what happens at it."""
        return seconds_after(now, -self.service.settings.notice_seconds)

    def _enrol(self) -> None:
        sessions = self.service.office.sessions
        if len(sessions) == self._known:
            return
        for session in islice(list(sessions.values()), self._known, None):
            access = session.access
            if access is None:
                continue
            if find_url(access.endpoint, self.endpoints) is None:
                logs.log_foreign(session.sid, access.endpoint)
            else:
                # Of one that can't begin nothing is to be seen in the bucket.
                self._readers[session.sid] = Reader(session, checked=session.plan.flaw is not None)
        self._known = len(sessions)

    async def _serve(self, reader: Reader, maker: Maker) -> None:
        session = reader.session
        if not reader.checked:
            refused = await self._carry_out(reader, maker, session.sid, None)
            reader.checked = True
            if refused:
                self.service.bucket_refused(session.sid, self.clock.now(), at_start=True)
            return
        file = reader.pending[0]
        lost_at = session.bucket_lost_at
        refused = lost_at is not None and file.at < lost_at  # no need to ask
        handed_over = lost_at is not None and file.at >= lost_at
        while handed_over and reader.held:
            await self._carry_out(reader, maker, reader.held[0].name, reader.held[0])
            del reader.held[0]
        refused = refused or await self._carry_out(reader, maker, file.name, file)
        reader.pending.popleft()
        if refused and not handed_over:
            # Of playlists the backup has a version of its own.
            reader.held += [] if file.is_playlist else [file]
            self.service.bucket_refused(session.sid, self.clock.now(), at_start=False)

    async def _carry_out(self, reader: Reader, maker: Maker, name: str, file: File | None) -> bool:
        """Have a file written, or without one the bucket looked at. Whether that was refused."""
        session = reader.session
        target = self._target(session)
        if target is None:
            return False
        order: Order = Check(target, name)
        if file is not None:
            order = Put(target, name, file.content(), kept=session.plan.mp4)
        result = await maker.carry_out(order)
        if result.refused is not None:
            logs.log_refused(session.sid, session.plan.bucket if file is None else name, result.refused)
        if result.failed is not None:
            logs.log_failed(session.sid, name, result.failed)
        return result.refused is not None

    def _target(self, session: Session) -> Target | None:
        """The bucket as it is to be opened now; None if an update named another that is foreign."""
        access = session.access
        url = None if access is None else find_url(access.endpoint, self.endpoints)
        if access is None or url is None:
            return None
        return Target(url, access.bucket, access.access_key.reveal(), access.secret_key.reveal())
