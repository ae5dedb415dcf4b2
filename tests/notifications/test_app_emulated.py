"""The whole way in virtual time: the emulator sends, the application answers, the client absorbs."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import pytest
from attrs import define, field

from agora_rec import Checkpoint, CloudRecording, MemoryStore, Recording, State
from agora_rec.emulator import Delivery, DeliveryState, Emulator, EventType, Settings, WebhookSwitches
from agora_rec.notifications import BeforeAck, FilesUploaded, Notification
from agora_rec.store import Lease
from tests.support.backends import virtual_time
from tests.support.cloud import CNAME, UID, mix, notified
from tests.support.secrets import WEBHOOK_SECRET

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


def at_work(
    before_ack: BeforeAck | None = None, *, secret: str = WEBHOOK_SECRET, **more: Any
) -> AbstractAsyncContextManager[tuple[Emulator, CloudRecording]]:
    """An emulator that delivers news of files to the application of a client of its own."""
    return notified(
        switches=WebhookSwitches(subscribed={31}),
        settings=Settings(upload_seconds=60),
        client={"webhook_secret": secret, **more},
        before_ack=before_ack,
    )


async def a_lesson(cloud: CloudRecording) -> Recording:
    """One that has been stopped, and whose files are on their way."""
    recording = cloud.recording(CNAME, UID, mix())
    await recording.ensure_started()
    await recording.wait_started()
    await recording.stop(async_stop=True)
    return recording


async def delivered(emulator: Emulator) -> Delivery:
    """What became of the news of the files."""
    while not emulator.notices or emulator.notices[-1].event_type is not EventType.SESSION_EXIT:  # noqa: ASYNC110
        await anyio.sleep(1)
    await emulator.settled()
    (delivery,) = emulator.deliveries
    return delivery


def answers(delivery: Delivery) -> list[tuple[int | None, float]]:
    """The answers to all attempts: their status, and after how many seconds they came."""
    return [(attempt.status, round(attempt.seconds, 1)) for attempt in delivery.attempts]


@define
class Database:
    """Somebody's `before_ack`: saves files, and fails as often as it is told to."""

    failures: list[Callable[[], Any]]
    saved: list[tuple[str, ...]] = field(factory=list[tuple[str, ...]])

    async def save(self, notification: Notification, recording: Recording | None) -> None:
        """Fail, or save."""
        assert recording is not None
        assert isinstance(notification.event, FilesUploaded)
        if self.failures:
            await self.failures.pop(0)()
        self.saved.append(tuple(file.name for file in recording.files))


async def is_away() -> None:
    raise ConnectionError("the database is away")


async def takes_long() -> None:
    await anyio.sleep(8.5)


async def takes_its_time() -> None:
    await anyio.sleep(7.5)


async def test_what_could_not_be_saved_comes_again_until_it_is():
    database = Database([is_away, takes_long, takes_its_time])
    async with at_work(database.save) as (emulator, cloud):
        recording = await a_lesson(cloud)
        delivery = await delivered(emulator)
        assert delivery.state is DeliveryState.DELIVERED
        assert answers(delivery) == [(503, 0.0), (503, 8.0), (200, 7.5)]
        assert database.saved == [tuple(file.name for file in recording.files)]
        assert (recording.state, recording.files != ()) == (State.UPLOADED, True)


async def test_the_effect_is_there_though_nobody_could_save_it():
    database = Database([is_away] * 4)
    async with at_work(database.save) as (emulator, cloud):
        recording = await a_lesson(cloud)
        delivery = await delivered(emulator)
        assert delivery.state is DeliveryState.DROPPED
        assert [status for status, _ in answers(delivery)] == [503] * 4
        assert (recording.state, database.saved) == (State.UPLOADED, [])


async def test_with_another_secret_than_the_services_nothing_gets_in():
    async with at_work(secret=WEBHOOK_SECRET[::-1]) as (emulator, cloud):
        recording = await a_lesson(cloud)
        delivery = await delivered(emulator)
        assert answers(delivery) == [(401, 0.0)] * 4
        assert recording.state is State.STOPPING


class ForgetfulStore(MemoryStore):
    """Takes too long for the first writes after it was told to, and then is well again."""

    slow: int = 0

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        """Keep it, late."""
        if self.slow:
            self.slow -= 1
            await anyio.sleep(60)
        return await super().save(checkpoint, version=version, lease=lease)


async def test_a_store_that_takes_too_long_is_not_waited_for():
    store = ForgetfulStore()
    async with at_work(store=store) as (emulator, cloud):
        recording = await a_lesson(cloud)
        store.slow = 1
        delivery = await delivered(emulator)
        assert answers(delivery) == [(503, 9.0), (200, 0.0)]
        assert recording.state is State.UPLOADED


async def test_the_console_may_try_it_out():
    seen: list[tuple[int, Recording | None]] = []

    async def before_ack(notification: Notification, recording: Recording | None) -> None:
        seen.append((notification.event_type, recording))

    async with at_work(before_ack) as (emulator, _):
        checks = await emulator.send_health_check(*EventType)
        assert {check.code for check in checks} == {200}
        assert {event_type for event_type, _ in seen} == set(EventType)
        assert {recording for _, recording in seen} == {None}


async def test_a_client_that_has_closed_takes_in_nothing():
    async with at_work() as (emulator, _):
        pass
    (check,) = await emulator.send_health_check(31)
    assert (check.code, check.attempt.status) == (590, 503)
