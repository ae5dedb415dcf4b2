"""Following notifications: `events`, `notifications`, `progress`, and how long `wait_finished` has hope."""

import pickle
from collections.abc import AsyncGenerator
from typing import Any

import anyio
import pytest

from agora_rec import CloudRecording, State
from agora_rec.emulator import Upload
from agora_rec.errors import PartialContent, UploadStatusUnknown, WaitTimedOut
from agora_rec.model.events import (
    ErrorLevel,
    Event,
    ExitStatus,
    FilesBackuped,
    FilesUploaded,
    RecorderStarted,
    RecordingError,
    RtmpPublishStatus,
    SessionExit,
    UploadingProgress,
)
from agora_rec.model.notification import Notification
from agora_rec.recording import Recording
from tests.support.backends import virtual_time
from tests.support.cloud import QUERY, STOP, Stage, calling, stage, state_of

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


@pytest.fixture
async def on() -> AsyncGenerator[Stage]:
    async with stage(client={"webhook_secret": "console"}) as found:
        yield found


async def tell(on: Stage, recording: Recording, event: Event, **more: Any) -> Notification:
    """Let the service say something."""
    sequence = more.pop("sequence", len(recording.notifications))
    notification = Notification(
        notice_id=f"{sequence} of {recording.sid}",
        event_type=event.event_type,
        cname=recording.cname,
        uid=recording.uid,
        sid=recording.sid,
        sequence=sequence,
        sent_at=on.clock.now(),
        event=event,
        **more,
    )
    return await on.cloud._inbox.take(notification, None)


async def stopped(on: Stage, seconds: float = 3600.0) -> Recording:
    """A recording that was stopped, and whose files are on their way."""
    recording = await on.started()
    await anyio.sleep(20)
    on.emulator.inject(Upload(seconds=seconds), operation=STOP)
    with pytest.raises(PartialContent):
        await recording.stop()
    assert recording.state is State.STOPPING
    return recording


async def test_events_begin_with_what_is_kept_and_go_on_to_the_exit(on: Stage) -> None:
    recording = await on.started()
    await tell(on, recording, RecorderStarted())
    heard: list[Event] = []

    async def follow() -> None:
        heard.extend([each.event async for each in recording.events()])

    async with anyio.create_task_group() as tasks:
        follower = await calling(tasks, follow)
        await tell(on, recording, UploadingProgress(progress=1))
        await tell(on, recording, FilesUploaded())
        await anyio.sleep(30)
        assert not follower.is_back
        await tell(on, recording, SessionExit(exit_status=ExitStatus.NORMAL))
        await follower.finished()
    assert [type(each) for each in heard] == [RecorderStarted, UploadingProgress, FilesUploaded, SessionExit]
    assert [each.event for each in recording.notifications] == heard


async def test_events_end_a_minute_after_the_end_where_no_exit_is_reported(on: Stage) -> None:
    recording = await on.started()
    async with anyio.create_task_group() as tasks:
        follower = await calling(tasks, lambda: anext(aiter(recording.events()), None))
        await tell(on, recording, FilesUploaded())
        await follower.finished()
        rest = recording.events()
        assert (await anext(rest)).event == FilesUploaded()
        last = await calling(tasks, lambda: anext(rest, None))
        await anyio.sleep(50)
        waits = not last.is_back
        await anyio.sleep(15)
        assert (waits, last.is_back, last.value) == (True, True, None)


async def test_events_end_with_the_client() -> None:
    async with anyio.create_task_group() as tasks:
        async with stage(client={"webhook_secret": "console"}) as on:
            recording = await on.started()
            follower = await calling(tasks, lambda: anext(aiter(recording.events()), None))
            assert not follower.is_back
            await recording.ensure_stopped()
        await follower.finished()
        assert follower.value is None


async def test_progress_follows_the_upload(on: Stage) -> None:
    recording = await on.started()
    seen = [recording.progress]
    for sequence, event in (
        (2, UploadingProgress(progress=8750)),
        (1, UploadingProgress(progress=5000)),
        (3, FilesUploaded()),
    ):
        await tell(on, recording, event, sequence=sequence)
        seen.append(recording.progress)
    assert seen == [None, 0.875, 0.875, 1.0]


async def test_what_is_kept_holds_no_secret_and_can_be_attached_to_errors(on: Stage) -> None:
    recording = await stopped(on)
    await tell(on, recording, RtmpPublishStatus(rtmp_url="rtmp://live/app/stream-key"))
    (kept,) = recording.notifications
    assert isinstance(kept.event, RtmpPublishStatus)
    with pytest.raises(WaitTimedOut) as caught:
        await recording.wait_finished(timeout=1.0)
    assert caught.value.evidence == (kept,)
    assert pickle.loads(pickle.dumps(caught.value)).evidence == (kept,)  # noqa: S301 - ours
    assert kept.event.status is None
    assert "stream-key" not in recording.checkpoint().to_json()


async def test_after_a_206_the_files_come_by_notification(on: Stage) -> None:
    recording = await stopped(on)
    async with anyio.create_task_group() as tasks:
        waiter = await calling(tasks, recording.wait_finished)
        await anyio.sleep(600)
        assert not waiter.is_back
        await tell(on, recording, FilesBackuped())
        await waiter.finished()
        assert waiter.value is not None
        assert (waiter.value.state, waiter.value.in_bucket) == (State.BACKUPED, None)


async def waited(on: Stage, cloud: CloudRecording, recording: Recording) -> float:
    """For how long `wait_finished` has hope."""
    del cloud
    began = on.clock.monotonic()
    with pytest.raises(UploadStatusUnknown) as caught:
        await recording.wait_finished(timeout=7200.0)
    assert caught.value.evidence == recording.notifications
    assert state_of(recording) is State.STOPPING
    return on.clock.monotonic() - began


async def test_without_notifications_a_minute_decides() -> None:
    async with stage() as on:
        recording = await stopped(on)
        assert await waited(on, on.cloud, recording) == pytest.approx(60.0)


async def test_with_notifications_the_documented_time_of_an_upload_decides(on: Stage) -> None:
    recording = await stopped(on)
    assert await waited(on, on.cloud, recording) == pytest.approx(1200.0, abs=30.0)


async def test_while_the_upload_makes_progress_there_is_hope(on: Stage) -> None:
    recording = await stopped(on)
    async with anyio.create_task_group() as tasks:
        waiter = await calling(tasks, lambda: waited(on, on.cloud, recording))
        for minute in range(30):
            await anyio.sleep(60)
            await tell(on, recording, UploadingProgress(progress=minute), sequence=minute)
        await waiter.finished()
        assert waiter.value == pytest.approx(32 * 60.0, abs=1.0)


async def test_after_the_exit_a_minute_decides(on: Stage) -> None:
    recording = await stopped(on)
    async with anyio.create_task_group() as tasks:
        waiter = await calling(tasks, lambda: waited(on, on.cloud, recording))
        await anyio.sleep(100)
        await tell(on, recording, SessionExit(exit_status=ExitStatus.NORMAL))
        await waiter.finished()
        assert waiter.value == pytest.approx(160.0, abs=1.0)


async def test_a_goal_waits_for_a_minute_all_the_same(on: Stage) -> None:
    recording = await on.started()
    await anyio.sleep(20)
    on.emulator.inject(Upload(seconds=3600), operation=STOP)
    began = on.clock.monotonic()
    outcome = await recording.ensure_stopped()
    assert outcome.state is State.STOPPING
    assert on.clock.monotonic() - began == pytest.approx(80.0, abs=1.0)


async def test_a_fatal_error_makes_whoever_watches_look_at_once(on: Stage) -> None:
    recording = await on.started()
    await recording.wait_started()
    async with anyio.create_task_group() as tasks:
        waiter = await calling(tasks, recording.wait_finished)
        before = on.times_of(QUERY)
        await anyio.sleep(10)
        await tell(on, recording, RecordingError(error_level=ErrorLevel.FATAL))
        await anyio.sleep(1)
        assert len(on.times_of(QUERY)) == len(before) + 1
        assert state_of(recording) is State.RECORDING
        await recording.stop()
        await waiter.finished()
