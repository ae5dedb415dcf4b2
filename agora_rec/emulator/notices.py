"""What the service notifies of, in the order in which it happens: one growing list over all recordings.

A notice comes a little after what it tells of (`Settings.notice_seconds`). Therefore whatever anybody does
at the moment of a question can no longer change its answer: what was told stays as it was told, in the
same order, whenever and however often somebody asks.

Recordings stand in a heap by their next happening, so that a question costs what it finds, and silent
recordings cost nothing. Pure: no clock, no I/O.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from attrs import define, field, frozen

from agora_rec.emulator.events import EventType, Happening, payload
from agora_rec.emulator.happenings import happenings
from agora_rec.emulator.session import Session, seconds_after
from agora_rec.emulator.wire import object_of


@frozen(kw_only=True)
class Notice:
    """One notification that the service sends.

    `number` counts all of them from 1 and never changes, `at` is the moment at which the service sends it
    for the first time, `happened_at` that of which it tells (`sendts`). `sequence` counts from 0 for each
    sid. `uid` is that of the recorder's instance: after a failover another one. `payload` is the JSON
    object of that name in the notification.
    """

    number: int
    at: datetime
    happened_at: datetime
    app_id: str
    cname: str
    uid: str
    sid: str
    sequence: int
    event_type: EventType
    payload: Mapping[str, object] = field(repr=False)

    @property
    def details(self) -> Mapping[str, object]:
        """What this kind of event tells: the payload's `details`."""
        return object_of(self.payload, "details")


@define(eq=False)
class _Reader:
    """How far a recording's life has been told. `coming` is what comes next, None if nothing does."""

    session: Session
    order: int
    coming: Happening | None = field(default=None, init=False)
    edition: int = field(default=0, init=False)
    _rest: Iterator[Happening] = field(factory=lambda: iter(()), init=False)
    _last: datetime = field(init=False)
    _told: int = field(default=0, init=False)
    _told_then: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._last = self.session.started_at

    def look_again(self) -> None:
        """Something was done about the recording: what comes may be something else now."""
        self.edition += 1
        self._rest = happenings(self.session, self._last)
        for _ in range(self._told_then):
            next(self._rest)
        self.coming = next(self._rest, None)

    def take(self, happening: Happening) -> int:
        """Count what has come, and go on to the next. Its sequence number."""
        sequence = self._told
        self._told += 1
        self._told_then = self._told_then + 1 if happening.at == self._last else 1
        self._last = happening.at
        self.coming = next(self._rest, None)
        return sequence


class _Entry(NamedTuple):
    """A recording's place in the heap; there is one for each edition."""

    at: datetime
    order: int
    edition: int
    reader: _Reader
    happening: Happening


@define(eq=False)
class NoticeBoard:
    """All notices so far. `lag` is the time between a happening and its notice, in seconds.

    At least the `kept` latest are remembered. `watchers` are called whenever the next notice may come
    earlier than it looked before.
    """

    lag: float
    kept: int
    watchers: list[Callable[[], None]] = field(factory=list[Callable[[], None]], init=False)
    _told: list[Notice] = field(factory=list[Notice], init=False)
    _forgotten: int = field(default=0, init=False)
    _readers: dict[str, _Reader] = field(factory=dict[str, _Reader], init=False)
    _by_channel: dict[str, dict[str, _Reader]] = field(factory=dict[str, dict[str, _Reader]], init=False)
    _changed: dict[str, _Reader] = field(factory=dict[str, _Reader], init=False)
    _agenda: list[_Entry] = field(factory=list[_Entry], init=False)
    _followed: set[str] = field(factory=set[str], init=False)

    def follow(self, session: Session) -> None:
        """A recording has begun, or was asked to begin once more."""
        if session.sid not in self._followed:
            self._followed.add(session.sid)
            reader = _Reader(session, len(self._followed))
            self._readers[session.sid] = reader
            self._by_channel.setdefault(session.channel.name, {})[session.sid] = reader
        self.touch(session.sid)

    def touch(self, sid: str) -> None:
        """Something was asked of a recording."""
        self._change({sid: self._readers[sid]} if sid in self._readers else {})

    def touch_channel(self, cname: str) -> None:
        """Something changed in a channel."""
        self._change(self._by_channel.get(cname, {}))

    def _change(self, readers: Mapping[str, _Reader]) -> None:
        self._changed.update(readers)
        for watcher in list(self.watchers) if readers else ():
            watcher()

    def tell(self, now: datetime, after: int) -> tuple[Notice, ...]:
        """The notices by `now`, without the first `after` of them; what is forgotten is left out."""
        limit = seconds_after(now, -self.lag)
        while (entry := self._next()) is not None and entry.at <= limit:
            heapq.heappop(self._agenda)
            self._told.append(self._notice(entry.reader, entry.happening))
            self._schedule(entry.reader)
            if len(self._told) > 2 * self.kept:
                self._forgotten += self.kept
                del self._told[: self.kept]
        return tuple(self._told[max(0, after - self._forgotten) :])

    def next_at(self) -> datetime | None:
        """When the next notice will be due, if nobody does anything more; None if none will."""
        entry = self._next()
        return None if entry is None else seconds_after(entry.at, self.lag)

    def _next(self) -> _Entry | None:
        for reader in self._changed.values():
            reader.look_again()
            self._schedule(reader)
        self._changed.clear()
        while self._agenda and self._agenda[0].edition != self._agenda[0].reader.edition:
            heapq.heappop(self._agenda)
        return self._agenda[0] if self._agenda else None

    def _schedule(self, reader: _Reader) -> None:
        coming = reader.coming
        if coming is not None:
            heapq.heappush(self._agenda, _Entry(coming.at, reader.order, reader.edition, reader, coming))
            return
        # Its life is over; nobody can change that.
        sid, cname = reader.session.sid, reader.session.channel.name
        self._readers.pop(sid, None)
        self._by_channel.get(cname, {}).pop(sid, None)

    def _notice(self, reader: _Reader, happening: Happening) -> Notice:
        session = reader.session
        sequence = reader.take(happening)
        return Notice(
            number=self._forgotten + len(self._told) + 1,
            at=seconds_after(happening.at, self.lag),
            happened_at=happening.at,
            app_id=session.resource.app_id,
            cname=session.resource.cname,
            uid=happening.uid,
            sid=session.sid,
            sequence=sequence,
            event_type=happening.event_type,
            payload=payload(session, happening, sequence),
        )
