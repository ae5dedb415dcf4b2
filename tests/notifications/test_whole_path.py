"""The whole path: the service notifies, a server takes it in, the client knows, and whoever waits is told."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import anyio
import pytest
from attrs import define, field

from agora_rec import CloudRecording, MemoryStore, State
from agora_rec.clock import Clock, LoopClock
from agora_rec.emulator import Emulator, LoseAnswer, Settings, Upload, WebhookSwitches
from agora_rec.emulator.serving import serve
from agora_rec.errors import UploadStatusUnknown
from agora_rec.model.events import FilesBackuped, SessionExit
from agora_rec.model.notification import Notification
from agora_rec.notifications import NotificationApp
from agora_rec.recording import Recording
from tests.emulator.stage import HandClock
from tests.support import secrets
from tests.support.backends import virtual_time
from tests.support.cloud import CNAME, START, STOP, UID, a_client, individual, mix

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

SECRET: Final = "the secret of the console"
TWICE_AND_SHUFFLED: Final = WebhookSwitches(
    redundant=True, reorder=3, delay=(0.0, 4.0), answer_seconds=3600.0
)


@define
class Listener:
    """What was taken over: each notification with the recording that it was said to belong to."""

    got: list[tuple[Notification, Recording | None]] = field(factory=list)

    async def __call__(self, notification: Notification, recording: Recording | None) -> None:
        self.got.append((notification, recording))

    @property
    def numbers(self) -> Counter[int | None]:
        """How often each notification was taken over, by its sequence."""
        return Counter(notification.sequence for notification, _ in self.got)


def an_emulator(clock: Clock, **switches: Any) -> Emulator:
    return Emulator(
        customer_id=secrets.CUSTOMER_ID,
        customer_secret=secrets.CUSTOMER_SECRET,
        qps=None,
        seed=7,
        clock=clock,
        settings=Settings(latency=0.0),
        webhook_secret=SECRET,
        **switches,
    )


@define
class Service:
    """A service that notifies a client in process, on both event loops in virtual time."""

    emulator: Emulator
    cloud: CloudRecording
    other: CloudRecording
    listener: Listener


@asynccontextmanager
async def in_process(
    receiver: Callable[[CloudRecording, CloudRecording], CloudRecording], **switches: Any
) -> AsyncGenerator[Service]:
    clock, listener, store = LoopClock(), Listener(), MemoryStore()
    emulator = an_emulator(clock, **switches)
    async with AsyncExitStack() as stack:
        cloud, other = [
            await stack.enter_async_context(
                a_client(emulator, clock, store=store, webhook_secret=["another", SECRET])
            )
            for _ in range(2)
        ]
        emulator.webhooks_to = NotificationApp(receiver(cloud, other), before_ack=listener)
        await stack.enter_async_context(emulator.delivering())
        yield Service(emulator, cloud, other, listener)


def the_same(cloud: CloudRecording, _: CloudRecording) -> CloudRecording:
    return cloud


def another(_: CloudRecording, other: CloudRecording) -> CloudRecording:
    return other


@pytest.mark.parametrize("receiver", [the_same, another])
async def test_a_slow_upload_that_ends_in_the_backup_is_known_whoever_is_told(receiver: Any) -> None:
    async with in_process(receiver, webhooks=TWICE_AND_SHUFFLED) as service:
        recording = service.cloud.recording(CNAME, UID, individual())
        heard: list[Notification] = []

        async def follow() -> None:
            heard.extend([each async for each in recording.events()])

        async with recording:
            await recording.wait_started()
            await anyio.sleep(200)
            service.emulator.inject(Upload(seconds=120, backuped=True), operation=STOP)
        assert recording.state is State.STOPPING
        outcome = await recording.wait_finished()
        await service.emulator.settled()
        await follow()
        (session,) = service.emulator.sessions
        assert (outcome.state, outcome.in_bucket) == (State.BACKUPED, False)
        assert sorted(file.name for file in outcome.files) == sorted(session.files)
        notices = service.emulator.notices
        assert service.listener.numbers == Counter(notice.sequence for notice in notices)
        assert len(service.emulator.deliveries) == 2 * len(notices)
        assert any(isinstance(each.event, FilesBackuped) for each in heard)
        assert any(isinstance(each.event, SessionExit) for each in recording.notifications)
        assert recording.progress == 1.0


@pytest.mark.parametrize("receiver", [the_same, another])
async def test_a_lost_start_is_found_again_and_can_be_stopped(receiver: Any) -> None:
    async with in_process(receiver) as service:
        recording = service.cloud.recording(CNAME, UID, mix())
        service.emulator.inject(LoseAnswer(), operation=START, times=None)
        await recording.ensure_started()
        (session,) = service.emulator.running()
        assert (recording.state, recording.sid) == (State.RECORDING, session.sid)
        await anyio.sleep(20)
        assert (await recording.ensure_stopped()).state is State.UPLOADED
        assert service.emulator.running() == ()


async def test_a_failover_moves_the_instance_and_the_end_of_the_old_one_ends_nothing() -> None:
    async with in_process(the_same, webhooks=TWICE_AND_SHUFFLED) as service:
        recording = service.cloud.recording(CNAME, UID, mix())
        await recording.ensure_started()
        await anyio.sleep(100)
        assert recording.sid is not None
        service.emulator.fail_over(recording.sid)
        await anyio.sleep(200)
        assert recording.state is State.RECORDING
        assert recording.instance_uid not in (UID, None)
        assert recording.uid == UID
        outcome = await recording.ensure_stopped()
        await service.emulator.settled()
        (session,) = service.emulator.sessions
        assert outcome.state is State.UPLOADED
        assert sorted(file.name for file in recording.files) == sorted(session.files)
        assert any("bak0_" in file.name for file in recording.files)


async def test_a_recording_that_leaves_by_itself_is_known_without_a_query() -> None:
    async with in_process(another) as service:
        recording = service.cloud.recording(CNAME, UID, mix(max_idle_time=30))
        await recording.ensure_started()
        await recording.wait_started()
        asked = len(service.emulator.calls)
        await anyio.sleep(60)
        service.emulator.channel(CNAME).empty()
        outcome = await recording.wait_finished()
        assert outcome.state is State.UPLOADED
        assert len(service.emulator.calls) == asked


async def test_without_the_files_last_news_what_is_known_is_said() -> None:
    async with in_process(the_same, webhooks=WebhookSwitches(lost=frozenset({31, 32}))) as service:
        recording = service.cloud.recording(CNAME, UID, mix())
        async with recording:
            await anyio.sleep(100)
            service.emulator.inject(Upload(seconds=60), operation=STOP)
        with pytest.raises(UploadStatusUnknown) as caught:
            await recording.wait_finished()
        assert any(isinstance(each.event, SessionExit) for each in recording.notifications)
        assert caught.value.evidence == recording.notifications


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_over_sockets_every_event_counts_once() -> None:
    clock, listener = HandClock(), Listener()
    emulator = an_emulator(clock, webhooks=TWICE_AND_SHUFFLED)

    async def pass_time() -> None:
        while True:
            await anyio.sleep(0.001)  # for the sockets, which know nothing of this clock
            clock.pass_by(0.25)

    async with AsyncExitStack() as stack:
        cloud = CloudRecording(
            emulator.app_id,
            customer_id=secrets.CUSTOMER_ID,
            customer_secret=secrets.CUSTOMER_SECRET,
            base_url="http://127.0.0.1:1",
            qps=None,
            clock=clock,
            timeout=3600.0,
            webhook_secret=SECRET,
        )
        app = NotificationApp(cloud, before_ack=listener)
        receiver = await stack.enter_async_context(
            serve(app, host="127.0.0.1", port=0, certificate=None, key=None)
        )
        emulator.webhooks_to = receiver.url
        served = await stack.enter_async_context(emulator.serve())
        cloud._transport.hosts = type(cloud._transport.hosts).of_base_url(served.url)
        await stack.enter_async_context(cloud)
        tasks = await stack.enter_async_context(anyio.create_task_group())
        tasks.start_soon(pass_time)
        recording = cloud.recording(CNAME, UID, individual())
        await recording.ensure_started()
        await clock.sleep(100)
        emulator.inject(Upload(seconds=120, backuped=True), operation=STOP)
        with pytest.raises(UploadStatusUnknown):
            await recording.stop()
        outcome = await recording.wait_finished()
        await emulator.settled()
        tasks.cancel_scope.cancel()
    (session,) = emulator.sessions
    assert outcome.state is State.BACKUPED
    assert sorted(file.name for file in outcome.files) == sorted(session.files)
    assert listener.numbers == Counter(notice.sequence for notice in emulator.notices)
    assert len(emulator.deliveries) == 2 * len(emulator.notices)
