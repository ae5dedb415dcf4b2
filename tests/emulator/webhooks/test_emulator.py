"""The emulator as a whole: what a recording goes through arrives at whoever receives its notifications."""

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest
import trustme

from agora_rec import CloudRecording, LoopClock
from agora_rec.emulator import DeliveryState, Emulator, EventType, Settings, Upload, WebhookSwitches
from agora_rec.emulator.serving import serve
from agora_rec.emulator.webhooks.envelope import sign
from agora_rec.errors import InvalidRequest
from agora_rec.secret import Secret
from tests.emulator.stage import HandClock
from tests.emulator.stage import Stage as HttpStage
from tests.emulator.webhooks.receiving import Hangs, Inbox
from tests.support.backends import virtual_time
from tests.support.cloud import CNAME, UID, a_client, mix
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET, NEEDLE, WEBHOOK_SECRET
from tests.transport import servers

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


def an_emulator(to: Any = None, **more: Any) -> Emulator:
    """An emulator whose secrets nobody may see."""
    given: dict[str, Any] = {
        "customer_id": CUSTOMER_ID,
        "customer_secret": CUSTOMER_SECRET,
        "webhook_secret": WEBHOOK_SECRET,
        "webhooks_to": to,
        "qps": None,
    }
    return Emulator(**(given | more))


@asynccontextmanager
async def at_work(
    to: Any, *, settings: Settings | None = None, **switches: Any
) -> AsyncGenerator[tuple[Emulator, CloudRecording]]:
    """An emulator that delivers in virtual time, and a client of it."""
    clock = LoopClock()
    emulator = an_emulator(to, clock=clock, settings=settings, webhooks=WebhookSwitches(**switches))
    async with a_client(emulator, clock) as cloud, emulator.delivering():
        yield emulator, cloud


async def told(emulator: Emulator, event_type: EventType) -> None:
    """Wait until the service has told of that event."""
    while event_type not in {each.event_type for each in emulator.notices}:  # noqa: ASYNC110 - it tells nobody here
        await anyio.sleep(0.05)


async def fly(clock: HandClock) -> None:
    """Let time pass quickly, for as long as it takes."""
    while True:
        clock.pass_by(0.25)
        await anyio.sleep(0.001)


async def test_everything_that_the_service_tells_arrives_once_signed_and_in_order():
    inbox = Inbox()
    async with at_work(inbox) as (emulator, cloud):
        recording = cloud.recording(CNAME, UID, mix())
        await recording.ensure_started()
        await anyio.sleep(90)
        await recording.ensure_stopped()
        await anyio.sleep(60)
        await emulator.settled()
    assert [each.body["payload"] for each in inbox.got] == [each.payload for each in emulator.notices]
    assert [each.body["eventType"] for each in inbox.got] == [each.event_type for each in emulator.notices]
    types = {each.body["eventType"] for each in inbox.got}
    assert {13, 40, 30, 42, 33, 41, 31, 11} <= types
    assert [each.state for each in emulator.deliveries] == [DeliveryState.DELIVERED] * len(inbox.got)
    for each in inbox.got:
        signed = {name.lower(): value for name, value in sign(Secret(WEBHOOK_SECRET), each.raw).items()}
        assert signed.items() <= each.headers.items()


async def test_each_arrives_at_its_moment():
    inbox = Inbox()
    async with at_work(inbox, settings=Settings(latency=0.0, notice_seconds=0.1)) as (emulator, cloud):
        recording = cloud.recording(CNAME, UID, mix())
        await recording.ensure_started()
        await recording.ensure_stopped()
        await anyio.sleep(1)
        await emulator.settled()
    for each, notice in zip(inbox.got, emulator.notices, strict=True):
        assert each.body["notifyMs"] - each.body["payload"]["sendts"] == 100
        assert each.body["notifyMs"] == int(notice.at.timestamp() * 1000)


async def test_an_upload_that_ends_in_the_backup_minutes_later_with_every_copy_delayed():
    inbox = Inbox()
    async with at_work(inbox, redundant=True, delay=(0, 3), reorder=2) as (emulator, cloud):
        recording = cloud.recording(CNAME, UID, mix())
        await recording.ensure_started()
        await anyio.sleep(60)
        emulator.inject(Upload(seconds=120, backuped=True))
        await recording.stop(async_stop=True)
        await anyio.sleep(130)
        await emulator.settled()
    types = [each.body["eventType"] for each in inbox.got]
    assert types.count(32) == types.count(11) == 2
    assert 31 not in types
    assert types != sorted(types, key=types.index)
    assert len(inbox.got) == 2 * len(emulator.notices)


async def test_a_change_in_a_channel_is_told_though_nobody_calls():
    inbox = Inbox()
    async with at_work(inbox, settings=Settings(users=())) as (emulator, cloud):
        await cloud.recording(CNAME, UID, mix(max_idle_time=3000)).ensure_started()
        await anyio.sleep(10)
        emulator.channel(CNAME).join(11)
        await anyio.sleep(1)
        assert {43, 44, 42} <= {each.body["eventType"] for each in inbox.got}
        emulator.channel(CNAME).empty()
        await anyio.sleep(3010)
        assert {41, 31, 11} <= {each.body["eventType"] for each in inbox.got}


async def test_what_happened_before_the_block_arrives_when_it_begins():
    clock, inbox = LoopClock(), Inbox()
    emulator = an_emulator(clock=clock)
    async with a_client(emulator, clock) as cloud:
        await cloud.recording(CNAME, UID, mix()).ensure_started()
        await anyio.sleep(30)
        emulator.webhooks_to = inbox
        async with emulator.delivering():
            await emulator.settled()
    assert [each.body["payload"] for each in inbox.got] == [each.payload for each in emulator.notices]


async def test_unsubscribed_and_lost_events_never_come():
    inbox = Inbox()
    async with at_work(inbox, subscribed={40, 31, 11}, lost={31}) as (emulator, cloud):
        recording = cloud.recording(CNAME, UID, mix())
        await recording.ensure_started()
        await anyio.sleep(30)
        await recording.ensure_stopped()
        await anyio.sleep(60)
        await emulator.settled()
    assert [each.body["eventType"] for each in inbox.got] == [40, 11]
    assert [(each.event_type, str(each.state)) for each in emulator.deliveries] == [
        (40, "delivered"),
        (31, "lost"),
        (11, "delivered"),
    ]
    emulator.clear_deliveries()
    assert emulator.deliveries == ()


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_same_seed_gives_the_same_deliveries(seed: int):
    async def run() -> list[Any]:
        clock, inbox = LoopClock(), Inbox()
        switches = WebhookSwitches(loss=0.3, delay=(0, 5), redundant=True, copies_share_id=False)
        emulator = an_emulator(inbox, clock=clock, seed=seed, webhooks=switches)
        async with a_client(emulator, clock) as cloud, emulator.delivering():
            await cloud.recording(CNAME, UID, mix()).ensure_started()
            await anyio.sleep(120)
            await emulator.settled()
        begin = clock.epoch.timestamp()
        return [
            (
                each.event_type,
                each.notice_id,
                str(each.state),
                [at.at.timestamp() - begin for at in each.attempts],
            )
            for each in emulator.deliveries
        ]

    assert await run() == await run()


async def test_an_application_is_asked_where_it_is_mounted():
    inbox = Inbox()
    async with at_work(inbox, path="/hooks/agora") as (emulator, cloud):
        await cloud.recording(CNAME, UID, mix()).ensure_started()
        await anyio.sleep(10)
        await emulator.settled()
    assert {each.scope["path"] for each in inbox.got} == {"/hooks/agora"}


async def test_an_application_that_never_answers_has_no_more_handlers_than_it_may():
    hangs = Hangs()
    async with at_work(hangs, at_once=2) as (_, cloud):
        await cloud.recording(CNAME, UID, mix()).ensure_started()
        await anyio.sleep(600)
        assert len(hangs.got) == 2


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_the_receivers_certificate_is_judged_by_the_context_that_was_given():
    authority = trustme.CA()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    codes: list[int] = []
    async with servers.serving(servers.answer(b"{}"), tls=server_side) as receiver:
        for verify in (trusting, None):
            emulator = an_emulator(receiver.url, webhooks_verify=verify)
            codes += [each.code for each in await emulator.send_health_check(EventType.UPLOADED)]
    assert codes == [200, 592]


async def test_only_one_block_delivers():
    emulator = an_emulator(Inbox(), clock=LoopClock())
    async with emulator.delivering():
        with pytest.raises(RuntimeError, match="already"):
            async with emulator.delivering():
                raise AssertionError


async def test_somebody_must_receive():
    emulator = an_emulator()
    with pytest.raises(ValueError, match="webhooks_to"):
        emulator.delivering()
    with pytest.raises(ValueError, match="webhooks_to"):
        await emulator.send_health_check()
    with pytest.raises(RuntimeError, match=r"delivering\(\)"):
        await emulator.settled()


@pytest.mark.parametrize("to", ["http://example.org/", f"https://me:{NEEDLE}@example.org/", 8000])
def test_a_wrong_receiver_is_refused_at_once_and_shows_no_secret(to: Any):
    with pytest.raises(InvalidRequest) as refused:
        an_emulator(to)
    assert [violation.path for violation in refused.value.violations] == ["webhooks_to"]
    emulator = an_emulator()
    with pytest.raises(InvalidRequest):
        emulator.webhooks_to = to
    assert emulator.webhooks_to is None


def test_a_url_stays_as_it_was_given_and_nothing_secret_is_shown():
    emulator = an_emulator(f"https://example.org/{NEEDLE}")
    assert emulator.webhooks_to == f"https://example.org/{NEEDLE}"
    assert emulator.webhook_secret == WEBHOOK_SECRET
    assert NEEDLE not in repr(emulator)


async def test_a_health_check_tries_what_is_subscribed():
    inbox = Inbox()
    emulator = an_emulator(inbox, clock=LoopClock(), webhooks=WebhookSwitches(subscribed={31, 11, 40}))
    found = await emulator.send_health_check()
    assert [(each.event_type, each.code) for each in found] == [(11, 200), (31, 200), (40, 200)]
    assert sorted(each.body["eventType"] for each in inbox.got) == [11, 31, 40]
    assert [each.event_type for each in await emulator.send_health_check(EventType.UPLOADED)] == [31]
    every = await an_emulator(inbox, clock=LoopClock()).send_health_check()
    assert {each.event_type for each in every} == set(EventType)
    assert emulator.deliveries == ()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_serving_delivers_over_real_sockets_on_both_sides():
    inbox = Inbox(answers=[(500, b"")])
    settings = Settings(
        latency=0.0, start_seconds=0.0, upload_seconds=0.01, exit_seconds=0.02, notice_seconds=0.001
    )
    async with serve(inbox, host="127.0.0.1", port=0, certificate=None, key=None) as receiver:
        emulator = an_emulator(
            f"{receiver.url}/hooks", settings=settings, webhooks=WebhookSwitches(redundant=True)
        )
        auth = (emulator.customer_id, emulator.customer_secret)
        async with (
            emulator.serve() as served,
            httpx.AsyncClient(base_url=served.url, auth=auth, trust_env=False) as http,
        ):
            with pytest.raises(RuntimeError, match="already"):
                async with emulator.delivering():
                    raise AssertionError
            stage = HttpStage(emulator, http)
            assert (await stage.stop(await stage.record())).status_code == 200
            with anyio.fail_after(20):
                await told(emulator, EventType.SESSION_EXIT)
                await emulator.settled()
    assert {each.state for each in emulator.deliveries} == {DeliveryState.DELIVERED}
    assert len(inbox.got) == 2 * len(emulator.notices) + 1


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_sockets_can_be_real_while_time_is_not():
    clock, inbox = HandClock(), Inbox(answers=[(503, b"")])
    async with serve(inbox, host="127.0.0.1", port=0, certificate=None, key=None) as receiver:
        emulator = an_emulator(
            receiver.url,
            clock=clock,
            settings=Settings(latency=0.0),
            # Sockets have no part in this clock's time: no answer is too late.
            webhooks=WebhookSwitches(redundant=True, delay=(0, 3), reorder=2, answer_seconds=3600),
        )
        auth = (emulator.customer_id, emulator.customer_secret)
        async with (
            emulator.serve() as served,
            httpx.AsyncClient(base_url=served.url, auth=auth, trust_env=False) as http,
        ):
            stage = HttpStage(emulator, http, clock)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(fly, clock)
                recording = await stage.record()
                await told(emulator, EventType.UPLOADING_PROGRESS)
                emulator.inject(Upload(seconds=120, backuped=True))
                await stage.stop(recording, async_stop=True)
                await told(emulator, EventType.BACKUPED)
                await emulator.settled()
                tasks.cancel_scope.cancel()
    assert [each.state for each in emulator.deliveries] == [DeliveryState.DELIVERED] * 2 * len(
        emulator.notices
    )
    assert [each.body["eventType"] for each in inbox.got].count(32) == 2
    (backuped,) = [each for each in emulator.notices if each.event_type is EventType.BACKUPED]
    assert (backuped.at - emulator.calls[-1].at).total_seconds() == pytest.approx(120, abs=1)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_serving_without_a_receiver_delivers_nothing():
    emulator = an_emulator()
    async with emulator.serve():
        with pytest.raises(ValueError, match="webhooks_to"):
            emulator.delivering()
        emulator.webhooks_to = Inbox()
        async with emulator.delivering():
            pass


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_serving_passes_on_what_is_raised_in_its_block():
    async with servers.serving(servers.answer(b"{}")) as receiver:
        emulator = an_emulator(receiver.url)
        with pytest.raises(LookupError, match="mine"):
            async with emulator.serve():
                raise LookupError("mine")
