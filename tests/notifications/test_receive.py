"""`CloudRecording.receive`: signed bodies come in, and the recording they belong to knows of it."""

import hmac
import json
from typing import Any, Final

import anyio
import pytest

from agora_rec import CloudRecording, State
from agora_rec.errors import InvalidRequest, NotificationRejected
from agora_rec.model.events import FilesUploaded, RtmpPublishStatus
from agora_rec.model.notification import Notification
from agora_rec.notifications import RejectionReason
from agora_rec.recording import Recording
from tests.support import secrets
from tests.support.backends import virtual_time
from tests.support.cloud import an_emulator, stage

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

OLD, NEW = "the old webhook secret", "the new webhook secret"
FILES: Final = [{"fileName": "a.m3u8", "trackType": "audio_and_video", "uid": "0", "mixedAllUser": True}]


def written(recording: Recording | None = None, event_type: int = 31, **details: Any) -> bytes:
    """A notification's body."""
    about: dict[str, Any] = {}
    if recording is not None:
        about = {"cname": recording.cname, "uid": str(recording.uid), "sid": recording.sid}
    payload = {**about, "sequence": 7, "sendts": 1767225600000, "serviceType": 2, "details": details}
    envelope = {"noticeId": "n-1", "productId": 3, "eventType": event_type, "notifyMs": 1767225600100}
    return json.dumps({**envelope, "payload": payload}).encode()


def signed(body: bytes, secret: str = NEW, *, sha1: bool = False) -> dict[str, str]:
    """The headers of a delivery."""
    digest = hmac.digest(secret.encode(), body, "sha1" if sha1 else "sha256").hex()
    return {"Agora-Signature" if sha1 else "Agora-Signature-V2": digest, "Content-Type": "application/json"}


async def test_a_signed_notification_ends_what_it_is_about() -> None:
    async with stage(client={"webhook_secret": NEW}) as on:
        recording = await on.started()
        await anyio.sleep(20)
        body = written(recording, fileList=FILES)
        received = await on.cloud.receive(signed(body), body)
        assert isinstance(received.event, FilesUploaded)
        assert recording.state is State.UPLOADED
        assert [file.name for file in recording.files] == ["a.m3u8"]
        assert (await recording.wait_finished()).in_bucket is True
        assert (await on.cloud.receive(signed(body), body)).duplicate


@pytest.mark.parametrize("secret", [OLD, NEW])
async def test_several_secrets_are_good_at_once(secret: str) -> None:
    async with stage(client={"webhook_secret": [NEW, OLD]}) as on:
        body = written()
        assert not (await on.cloud.receive(signed(body, secret), body)).duplicate


async def test_the_older_signature_is_accepted_unless_told_otherwise() -> None:
    body = written()
    async with stage(client={"webhook_secret": NEW}) as on:
        await on.cloud.receive(signed(body, sha1=True), body)
    async with stage(client={"webhook_secret": NEW, "accept_sha1": False}) as on:
        with pytest.raises(NotificationRejected) as caught:
            await on.cloud.receive(signed(body, sha1=True), body)
    assert caught.value.reason is RejectionReason.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        ({}, written(), RejectionReason.BAD_SIGNATURE),
        (signed(written(), "wrong"), written(), RejectionReason.BAD_SIGNATURE),
        (signed(b"[]"), b"[]", RejectionReason.MALFORMED),
        (signed(b"x" * 300_000), b"x" * 300_000, RejectionReason.TOO_LARGE),
    ],
    ids=["not signed", "wrongly signed", "none", "too large"],
)
async def test_what_is_no_notification_of_the_service_changes_nothing(
    headers: dict[str, str], body: bytes, reason: RejectionReason
) -> None:
    async with stage(client={"webhook_secret": NEW}) as on:
        with pytest.raises(NotificationRejected) as caught:
            await on.cloud.receive(headers, body)
        assert caught.value.reason is reason


async def test_without_a_secret_nothing_is_received() -> None:
    async with stage() as on:
        body = written()
        with pytest.raises(InvalidRequest, match="webhook_secret"):
            await on.cloud.receive(signed(body), body)


async def test_a_client_that_is_not_open_receives_nothing() -> None:
    async with stage(client={"webhook_secret": NEW}) as on:
        pass
    body = written()
    with pytest.raises(RuntimeError, match="not open"):
        await on.cloud.receive(signed(body), body)


@pytest.mark.parametrize("secret", ["", [""], ["fine", ""], [NEW, 7], 7])
def test_a_wrong_secret_is_refused_before_anything_else(secret: Any) -> None:
    with pytest.raises(InvalidRequest, match="webhook_secret"):
        CloudRecording(
            "app", customer_id="id", customer_secret=secrets.CUSTOMER_SECRET, webhook_secret=secret
        )


def test_an_empty_list_of_secrets_is_none() -> None:
    cloud = CloudRecording(
        "app", customer_id="id", customer_secret=secrets.CUSTOMER_SECRET, webhook_secret=[]
    )
    assert not cloud.expects_notifications


async def test_the_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    emulator = an_emulator()
    for name, value in {
        "AGORA_APP_ID": emulator.app_id,
        "AGORA_CUSTOMER_ID": "id",
        "AGORA_CUSTOMER_SECRET": secrets.CUSTOMER_SECRET,
        "AGORA_WEBHOOK_SECRET": OLD,
    }.items():
        monkeypatch.setenv(name, value)
    body = written()
    async with CloudRecording.from_env(transport=emulator.transport(), base_url=emulator.base_url) as cloud:
        assert not (await cloud.receive(signed(body, OLD), body)).duplicate
    given = CloudRecording.from_env(transport=emulator.transport(), webhook_secret=NEW)
    async with given as cloud:
        with pytest.raises(NotificationRejected):
            await cloud.receive(signed(body, OLD), body)


async def test_whoever_takes_it_over_sees_all_of_it_and_what_is_kept_holds_no_secret() -> None:
    seen: list[Notification] = []

    async def before_ack(notification: Notification, recording: Recording | None) -> None:
        assert recording is not None
        seen.append(notification)

    async with stage(client={"webhook_secret": NEW}) as on:
        recording = await on.started()
        body = written(recording, 100, rtmpUrl="rtmp://live/app/key-of-the-stream", status="publishing")
        await on.cloud.receive(signed(body), body, before_ack=before_ack)
        (event,) = [each.event for each in seen]
        assert isinstance(event, RtmpPublishStatus)
        assert event.rtmp_url is not None
        assert event.rtmp_url.reveal().endswith("key-of-the-stream")
        (kept,) = recording.notifications
        assert isinstance(kept.event, RtmpPublishStatus)
        assert not kept.event.rtmp_url
