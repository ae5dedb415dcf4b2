"""The inbox: whose a notification is, and that each is dealt with once, and counts when that is safe."""

from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from typing import Any

import anyio
import pytest
from attrs import define, field

from agora_rec import CloudRecording, MemoryStore, State
from agora_rec.clock import LoopClock
from agora_rec.emulator import LoseAnswer
from agora_rec.errors import NotAcknowledged, StartUnconfirmed
from agora_rec.model.events import (
    Event,
    FilesBackuped,
    FilesUploaded,
    RecorderStarted,
    SessionExit,
    UnknownEvent,
    UploadingProgress,
)
from agora_rec.model.notification import Notification
from agora_rec.notifications import inbox
from agora_rec.recording import Recording, identity
from agora_rec.store import memory
from tests.support.backends import virtual_time
from tests.support.cloud import (
    CNAME,
    START,
    UID,
    SlowStore,
    Stage,
    a_client,
    all_back,
    an_emulator,
    calling,
    mix,
    state_of,
)

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


class StoreDown(Exception):  # noqa: N818 - what a store's driver might raise
    """The store can't be reached."""


@define
class Listener:
    """A `before_ack` that notes what it was given."""

    seen: list[tuple[Event, Recording | None]] = field(factory=list)
    error: Exception | None = None
    seconds: float = 0.0

    async def __call__(self, notification: Notification, recording: Recording | None) -> None:
        self.seen.append((notification.event, recording))
        await anyio.sleep(self.seconds)
        if self.error is not None:
            raise self.error

    @property
    def events(self) -> list[type[Event]]:
        return [type(event) for event, _ in self.seen]


@define
class Desk:
    """A service and two workers that share a store."""

    on: Stage
    other: CloudRecording
    store: MemoryStore
    _numbers: int = 0

    def about(self, recording: Recording, event: Event, **more: Any) -> Notification:
        """A notification about a recording, newer than the one before."""
        self._numbers += 1
        given: dict[str, Any] = {
            "notice_id": f"notice-{self._numbers}",
            "event_type": event.event_type,
            "cname": recording.cname,
            "uid": recording.uid,
            "sid": recording.sid,
            "sequence": self._numbers,
            "sent_at": self.now,
            "event": event,
        }
        return Notification(**(given | more))

    @property
    def now(self) -> datetime:
        return self.on.clock.now()

    async def take(
        self,
        notification: Notification,
        before_ack: Listener | None = None,
        *,
        by: CloudRecording | None = None,
    ) -> Notification:
        worker = self.on.cloud if by is None else by
        return await worker._inbox.take(notification, before_ack)

    async def lost_start(
        self, cloud: CloudRecording | None = None, cname: str = CNAME
    ) -> tuple[Recording, str]:
        """A recording whose start has worked and whose answer is lost; and the sid that nobody knows."""
        self.on.emulator.inject(LoseAnswer(), operation=START, cname=cname, times=4)
        recording = (self.on.cloud if cloud is None else cloud).recording(cname, UID, mix())
        with pytest.raises(StartUnconfirmed):
            await recording.ensure_started()
        return recording, next(each.sid for each in self.on.emulator.running() if each.cname == cname)


@pytest.fixture
async def desk() -> AsyncGenerator[Desk]:
    clock, store = LoopClock(), MemoryStore()
    emulator = an_emulator(clock=clock)
    async with (
        a_client(emulator, clock, store=store, webhook_secret="console") as cloud,
        a_client(emulator, clock, store=store, webhook_secret="console") as other,
    ):
        yield Desk(Stage(emulator, cloud, clock), other, store)


async def test_what_it_says_is_absorbed_and_saved(desk: Desk) -> None:
    recording = await desk.on.started()
    await anyio.sleep(20)
    taken = await desk.take(desk.about(recording, FilesUploaded()))
    assert not taken.duplicate
    assert recording.state is State.UPLOADED
    stored = await desk.store.load(recording.id)
    assert stored is not None
    assert stored.checkpoint.standing.state is State.UPLOADED
    assert stored.checkpoint.notifications == recording.notifications == (taken,)
    assert list(desk.on.cloud.recordings) == []


async def test_the_worker_that_receives_it_need_not_have_started_the_recording(desk: Desk) -> None:
    recording = await desk.on.started()
    await anyio.sleep(20)
    listener = Listener()
    async with anyio.create_task_group() as tasks:
        waiter = await calling(tasks, recording.wait_finished)
        await desk.take(desk.about(recording, FilesUploaded()), listener, by=desk.other)
        (told,) = listener.seen
        assert told[1] is not None
        assert (told[1].id, told[1].state) == (recording.id, State.UPLOADED)
        assert told[1] is not recording
        assert list(desk.other.recordings) == [], "it was only visited"
        await waiter.finished()
        assert waiter.value is not None
        assert waiter.value.state is State.UPLOADED
    assert recording.notifications[0].event == FilesUploaded()


@pytest.mark.parametrize("here", [True, False], ids=["the same worker", "another worker"])
@pytest.mark.parametrize("listens", [True, False], ids=["with before_ack", "without"])
async def test_what_comes_again_is_dealt_with_once(desk: Desk, *, here: bool, listens: bool) -> None:
    recording = await desk.on.started()
    listener = Listener() if listens else None
    first = desk.about(recording, UploadingProgress(progress=100))
    again = desk.on.cloud if here else desk.other
    assert not (await desk.take(first, listener)).duplicate
    resent = desk.about(recording, first.event, notice_id=first.notice_id, sequence=first.sequence)
    copied = desk.about(
        recording, first.event, notice_id="another", sequence=first.sequence, sent_at=first.sent_at
    )
    for repetition in (first, resent, copied):
        assert (await desk.take(repetition, listener, by=again)).duplicate
    assert listener is None or listener.events == [UploadingProgress]
    await recording._ledger.refresh()
    assert [each.event for each in recording.notifications] == [first.event]


async def test_what_another_worker_has_dealt_with_is_not_handed_over_again(desk: Desk) -> None:
    recording = await desk.on.started()
    listener = Listener()
    first = desk.about(recording, UploadingProgress(progress=100))
    await desk.take(first, listener, by=desk.other)
    assert (await desk.take(first, listener)).duplicate
    assert listener.events == [UploadingProgress]
    assert recording.notifications == (first,)


async def test_whoever_was_slower_hands_nothing_over(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = await desk.on.started()
    listener = Listener()
    notification = desk.about(recording, UploadingProgress(progress=100))
    save = desk.store.save

    async def overtaken(checkpoint: Any, **more: Any) -> int:
        if desk.on.cloud.known(sid=recording.sid or "") is recording and not listener.seen:
            monkeypatch.undo()
            await desk.take(notification, listener, by=desk.other)
        return await save(checkpoint, **more)

    monkeypatch.setattr(desk.store, "save", overtaken)
    assert (await desk.take(notification, listener)).duplicate
    assert listener.events == [UploadingProgress]


async def test_what_two_workers_hear_at_once_is_kept_by_the_store(desk: Desk) -> None:
    recording = await desk.on.started()
    one, other = (desk.about(recording, UploadingProgress(progress=each)) for each in (100, 200))
    stored = await desk.store.load(recording.id)
    assert stored is not None
    same = desk.other.attach(stored.checkpoint)
    await same.refresh()
    await desk.take(one)
    assert not same.notifications, "it has not learnt of that"
    await desk.take(other, by=desk.other)
    stored = await desk.store.load(recording.id)
    assert stored is not None
    assert set(stored.checkpoint.heard) >= {*identity(one), *identity(other)}
    assert {each.event for each in stored.checkpoint.notifications} == {one.event, other.event}


async def test_two_at_once_are_one(desk: Desk) -> None:
    recording = await desk.on.started()
    listener = Listener(seconds=2.0)
    notification = desk.about(recording, RecorderStarted())
    async with anyio.create_task_group() as tasks:
        first = await calling(tasks, lambda: desk.take(notification, listener))
        second = await calling(tasks, lambda: desk.take(notification, listener))
        assert not second.is_back
        await all_back(first, second)
        assert first.value is not None
        assert second.value is not None
        assert (first.value.duplicate, second.value.duplicate) == (False, True)
    assert listener.events == [RecorderStarted]


@pytest.mark.parametrize(
    "listener", [Listener(error=ValueError("no")), Listener(seconds=8.5)], ids=["raises", "slow"]
)
async def test_what_was_not_taken_over_counts_for_nothing_and_comes_again(
    desk: Desk, listener: Listener
) -> None:
    recording = await desk.on.started()
    await anyio.sleep(20)
    notification = desk.about(recording, FilesBackuped())
    with pytest.raises(NotAcknowledged) as caught:
        await desk.take(notification, listener)
    assert isinstance(caught.value.__cause__, ValueError) == (listener.error is not None)
    assert recording.state is State.BACKUPED, "its effect is saved all the same"
    second = Listener()
    assert not (await desk.take(notification, second, by=desk.other)).duplicate
    assert second.events == [FilesBackuped]
    assert (await desk.take(notification, second)).duplicate
    await recording._ledger.refresh()
    assert len(recording.notifications) == 1


async def test_when_the_first_of_two_fails_the_second_one_counts(desk: Desk) -> None:
    recording = await desk.on.started()
    notification = desk.about(recording, RecorderStarted())
    failing, good = Listener(seconds=1.0, error=ValueError("no")), Listener()
    async with anyio.create_task_group() as tasks:
        first = await calling(tasks, lambda: desk.take(notification, failing))
        second = await calling(tasks, lambda: desk.take(notification, good))
        await all_back(first, second)
        assert isinstance(first.error, NotAcknowledged)
        assert second.value == notification
    assert good.events == [RecorderStarted]


async def test_whoever_is_cancelled_has_dealt_with_nothing(desk: Desk) -> None:
    recording = await desk.on.started()
    notification = desk.about(recording, RecorderStarted())
    async with anyio.create_task_group() as tasks:
        first = await calling(tasks, lambda: desk.take(notification, Listener(seconds=5.0)))
        first.scope.cancel()
        await first.finished()
    assert not (await desk.take(notification)).duplicate


async def test_a_store_that_fails_lets_nothing_count(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = await desk.on.started()
    await anyio.sleep(20)
    listener = Listener()
    notification = desk.about(recording, FilesUploaded())

    async def down(*_: object, **__: object) -> int:
        raise StoreDown

    with monkeypatch.context() as patch:
        patch.setattr(desk.store, "save", down)
        with pytest.raises(StoreDown):
            await desk.take(notification, listener)
    assert listener.seen == []
    assert not (await desk.take(notification, listener)).duplicate
    assert listener.events == [FilesUploaded]


async def test_what_was_settled_here_and_never_written_is_not_acknowledged_when_it_comes_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = await desk.on.started()
    told = desk.about(recording, FilesUploaded())

    async def down(*_: object, **__: object) -> int:
        raise StoreDown

    with monkeypatch.context() as patch:
        patch.setattr(desk.store, "save", down)
        for _ in range(2):
            with pytest.raises(StoreDown):
                await desk.take(told)
    await desk.take(told)
    stored = await desk.store.load(recording.id)
    assert stored is not None
    assert stored.checkpoint.standing.state is State.UPLOADED


@pytest.mark.parametrize("here", [True, False], ids=["the same worker", "another worker"])
async def test_a_lost_start_gets_its_sid_from_the_first_notification(desk: Desk, *, here: bool) -> None:
    recording, sid = await desk.lost_start()
    assert state_of(recording) is State.STARTING
    started = desk.about(recording, RecorderStarted(), sid=sid)
    await desk.take(started, by=desk.on.cloud if here else desk.other)
    await recording.wait_started()
    assert (recording.state, recording.sid) == (State.RECORDING, sid)
    await anyio.sleep(20)
    assert (await recording.ensure_stopped()).state is State.UPLOADED
    assert desk.on.running == []


@pytest.mark.parametrize("here", [True, False], ids=["the same worker", "another worker"])
async def test_a_stop_that_waits_for_the_sid_goes_out_with_it(desk: Desk, *, here: bool) -> None:
    recording, sid = await desk.lost_start()
    with pytest.raises(StartUnconfirmed):
        await recording.stop()
    await anyio.sleep(20)
    await desk.take(
        desk.about(recording, RecorderStarted(), sid=sid), by=desk.on.cloud if here else desk.other
    )
    await recording.wait_finished()
    assert desk.on.running == []


async def test_a_start_that_is_repeated_ends_when_a_notification_brings_the_sid(desk: Desk) -> None:
    desk.on.emulator.inject(LoseAnswer(), operation=START, times=4)
    recording = desk.on.recording()
    async with anyio.create_task_group() as tasks:
        start = await calling(tasks, recording.ensure_started)
        await anyio.sleep(2.5)
        before = len(desk.on.sent)
        (sid,) = desk.on.running
        await desk.take(desk.about(recording, RecorderStarted(), sid=sid))
        await start.finished()
        assert start.error is None
        assert len(desk.on.sent) == before
        assert recording.sid == sid


@pytest.mark.parametrize(
    "more",
    [
        {"cname": "another"},
        {"uid": UID + 1},
        {"cname": None},
        {"uid": None},
        {"sent_at": None},
        {"sid": None},
        {"sent_at": timedelta(seconds=-61)},
    ],
    ids="-".join,
)
async def test_an_event_that_may_be_anothers_brings_no_sid(desk: Desk, more: dict[str, Any]) -> None:
    recording, sid = await desk.lost_start()
    begun = recording.checkpoint().standing.start_sent_at
    assert begun is not None
    if isinstance(more.get("sent_at"), timedelta):
        more = {"sent_at": begun + more["sent_at"]}
    listener = Listener()
    await desk.take(desk.about(recording, RecorderStarted(), **({"sid": sid} | more)), listener)
    assert listener.seen == [(RecorderStarted(), None)]
    assert state_of(recording) is State.STARTING


async def test_a_sid_that_belongs_to_another_recording_is_no_start_of_ours(desk: Desk) -> None:
    another = await desk.on.started("another")
    recording, _ = await desk.lost_start()
    await desk.take(desk.about(recording, RecorderStarted(), sid=another.sid))
    assert state_of(recording) is State.STARTING
    assert [type(each.event) for each in another.notifications] == [RecorderStarted]


async def test_of_what_nobody_knows_the_last_ones_are_remembered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "SETTLED_KEPT", 4)
    monkeypatch.setattr(memory, "MARKS_KEPT", 4)
    strangers = [
        Notification(notice_id=str(number), event_type=9999, event=UnknownEvent(event_type=9999))
        for number in range(6)
    ]
    listener = Listener()
    for stranger in strangers:
        assert not (await desk.take(stranger, listener)).duplicate
    assert [(await desk.take(each, listener)).duplicate for each in reversed(strangers)] == [
        *[True] * 4,
        *[False] * 2,
    ]
    assert [recording for _, recording in listener.seen] == [None] * 8


async def test_what_belongs_to_nobody_is_handed_over_once_by_all_workers(desk: Desk) -> None:
    stranger = Notification(notice_id="n", event_type=9999, event=UnknownEvent(event_type=9999))
    failing, good = Listener(error=ValueError("no")), Listener()
    with pytest.raises(NotAcknowledged):
        await desk.take(stranger, failing)
    assert not (await desk.take(stranger, good, by=desk.other)).duplicate
    assert (await desk.take(stranger, good)).duplicate
    assert good.seen == [(stranger.event, None)]


async def test_nothing_tells_test_events_apart(desk: Desk) -> None:
    for _ in range(2):
        bare = Notification(event_type=10, event=UnknownEvent(event_type=10))
        assert not (await desk.take(bare)).duplicate


async def test_a_recording_that_somebody_here_holds_is_told_itself_after_its_end_too(desk: Desk) -> None:
    recording = await desk.on.started()
    await anyio.sleep(20)
    await recording.stop()
    await desk.take(desk.about(recording, FilesBackuped()))
    assert recording.state is State.BACKUPED
    await desk.take(desk.about(recording, SessionExit()))
    assert len(recording.notifications) == 2


async def test_one_recording_that_takes_its_time_holds_up_no_other(desk: Desk) -> None:
    one, two = await desk.on.started("one"), await desk.on.started("two")
    slow, quick = Listener(seconds=5.0), Listener()
    async with anyio.create_task_group() as tasks:
        first = await calling(tasks, lambda: desk.take(desk.about(one, RecorderStarted()), slow))
        same = await calling(tasks, lambda: desk.take(desk.about(one, SessionExit()), quick))
        second = await calling(tasks, lambda: desk.take(desk.about(two, RecorderStarted()), quick))
        assert (first.is_back, same.is_back, second.is_back) == (False, True, True)
        await first.finished()
    assert quick.events == [SessionExit, RecorderStarted]


async def test_a_slow_store_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = await desk.on.started()
    save = desk.store.save

    async def slow(checkpoint: Any, *, version: int) -> int:
        await SlowStore(seconds=3.0).save(checkpoint, version=version)
        return await save(checkpoint, version=version)

    monkeypatch.setattr(desk.store, "save", slow)
    began = desk.on.clock.monotonic()
    listener = Listener()
    await desk.take(desk.about(recording, RecorderStarted()), listener)
    assert desk.on.clock.monotonic() - began == pytest.approx(6.0)
    assert listener.events == [RecorderStarted]
