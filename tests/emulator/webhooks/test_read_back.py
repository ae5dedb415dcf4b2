"""What the emulator sends, read by the client's own reader: two independent halves that must agree."""

from typing import Any

import anyio
import pytest

from agora_rec.clock import LoopClock
from agora_rec.emulator import Emulator, WebhookSwitches
from agora_rec.model.events import UnknownEvent
from agora_rec.notifications import parse, verify
from tests.emulator.webhooks.receiving import Inbox
from tests.support.backends import virtual_time
from tests.support.cloud import CNAME, UID, a_client, individual, mix, web
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET, WEBHOOK_SECRET

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


@pytest.mark.parametrize("mode", [mix(), individual(), web()], ids=["mix", "individual", "web"])
@pytest.mark.parametrize("sid_in_envelope", [False, True])
async def test_every_delivery_is_verified_and_understood(mode: Any, sid_in_envelope: bool):  # noqa: FBT001 - a parameter
    clock, inbox = LoopClock(), Inbox()
    emulator = Emulator(
        customer_id=CUSTOMER_ID,
        customer_secret=CUSTOMER_SECRET,
        webhook_secret=WEBHOOK_SECRET,
        webhooks_to=inbox,
        webhooks=WebhookSwitches(sid_in_envelope=sid_in_envelope),
        clock=clock,
    )
    async with a_client(emulator, clock) as cloud, emulator.delivering():
        recording = cloud.recording(CNAME, UID, mode)
        await recording.ensure_started()
        await anyio.sleep(200)
        await recording.ensure_stopped()
        await anyio.sleep(60)
        await emulator.settled()
    assert len(inbox.got) == len(emulator.notices) > 5
    for got, notice in zip(inbox.got, emulator.notices, strict=True):
        verify(WEBHOOK_SECRET, got.headers, got.raw)
        older = {name: value for name, value in got.headers.items() if not name.endswith("-v2")}
        verify(WEBHOOK_SECRET, older, got.raw)
        said = parse(got.raw)
        assert not isinstance(said.event, UnknownEvent), said
        assert (said.cname, said.uid, said.sid) == (CNAME, UID, notice.sid)
        assert (said.product_id, said.event_type, said.sequence) == (3, notice.event_type, notice.sequence)
        assert said.notice_id == got.body["noticeId"]


async def test_a_test_event_of_the_console_is_understood():
    inbox = Inbox()
    emulator = Emulator(webhook_secret=WEBHOOK_SECRET, webhooks_to=inbox, clock=LoopClock())
    assert all(each.is_healthy for each in await emulator.send_health_check())
    for got in inbox.got:
        verify(WEBHOOK_SECRET, got.headers, got.raw)
        said = parse(got.raw)
        assert (said.cname, said.sid, said.event_type) == (None, None, got.body["eventType"])
