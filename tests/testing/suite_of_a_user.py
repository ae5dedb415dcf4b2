"""Tests of somebody who uses the fixtures, for any plugin that runs coroutines: its mark is in ASYNC_MARK."""

import os
from typing import Any

import pytest

from agora_rec import AmazonS3, AmazonS3Region, CloudRecording, Mix, Recording, State
from agora_rec.emulator import Cut, Refuse, WebhookSwitches
from agora_rec.notifications import FilesUploaded, Notification, NotificationApp
from agora_rec.testing import StagedCloud, StagedEmulator

pytestmark = [getattr(pytest.mark, name) for name in os.environ["ASYNC_MARK"].split()]


@pytest.fixture
def agora_emulator_options() -> dict[str, Any]:
    return {"webhooks": WebhookSwitches(path="/agora")}


def lesson(cloud: CloudRecording, name: str = "physics") -> Recording:
    storage = AmazonS3(region=AmazonS3Region.US_EAST_1, bucket="b", access_key="id", secret_key="key")
    return cloud.recording(name, uid=900, mode=Mix(storage=storage))


async def test_what_is_waited_for_comes_by_itself(agora_emulator: StagedEmulator, agora_cloud: StagedCloud):
    async with agora_cloud as cloud:
        recording = lesson(cloud)
        await recording.ensure_started()
        await recording.wait_started()
        outcome = await recording.ensure_stopped()
    assert outcome.state is State.UPLOADED
    assert not agora_emulator.running()


async def test_both_clocks_are_moved(agora_emulator: StagedEmulator, agora_cloud: StagedCloud):
    async with agora_cloud as cloud:
        await lesson(cloud).ensure_started()
        before = agora_emulator.clock.now()
        agora_emulator.advance(1000)
        await agora_emulator.sleep(1000)
        assert (cloud.clock.now() - before).total_seconds() == pytest.approx(2000)
        agora_emulator.channel("physics").empty()
        await agora_emulator.sleep(60)
        (session,) = agora_emulator.sessions
        assert not session.running


async def test_webhooks_reach_the_application(agora_emulator: StagedEmulator, agora_cloud: StagedCloud):
    heard: list[Notification] = []

    async def before_ack(notification: Notification, recording: Recording | None) -> None:
        heard.append(notification)

    agora_emulator.webhooks_to = NotificationApp(agora_cloud, before_ack=before_ack)
    async with agora_cloud as cloud:
        recording = lesson(cloud)
        await recording.ensure_started()
        await agora_emulator.sleep(600)
        await recording.ensure_stopped(wait_upload=False)
        await agora_emulator.sleep(60)
        await agora_emulator.settled()
    assert any(isinstance(each.event, FilesUploaded) for each in heard)
    assert {each.state for each in agora_emulator.deliveries} == {"delivered"}


@pytest.mark.agora_faults(Cut(), Refuse(500), operation="start")
async def test_faults_happen(agora_emulator: StagedEmulator, agora_cloud: StagedCloud):
    async with agora_cloud as cloud:
        await lesson(cloud).ensure_started()
    assert [call.status for call in agora_emulator.calls] == [200, None, 500, 200]
    assert len(agora_emulator.running()) == 1


@pytest.mark.agora_cloud(store=None, timeout=3.0)
async def test_two_clients_are_two_workers(agora_emulator: StagedEmulator, agora_cloud: StagedCloud):
    async with agora_cloud as cloud, agora_emulator.cloud(store=cloud.store) as other:
        await lesson(cloud).ensure_started()
        (found,) = [each async for each in other.unfinished()]
        assert found.cname == "physics"
