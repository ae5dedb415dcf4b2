"""The emulator and its client as fixtures hand them out: who delivers, and where."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from attrs import define, field

from agora_rec import CloudRecording
from agora_rec.emulator import Emulator
from agora_rec.testing import StagedCloud, StagedEmulator
from tests.support import secrets
from tests.support.cloud import CNAME, UID, mix
from tests.support.staged import staged

pytestmark = pytest.mark.anyio


@define(eq=False)
class Notebook:
    """An application that notes which events it was told of."""

    events: list[int] = field(factory=list[int])

    async def __call__(
        self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        self.events.append(json.loads((await receive())["body"])["eventType"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


def delivers(emulator: StagedEmulator) -> bool:
    """Whether it delivers, read anew: type checkers believe that an attribute stays what an assert found."""
    return emulator.is_delivering


def expects(cloud: StagedCloud) -> bool:
    """Whether it expects notifications, read anew."""
    return cloud.expects_notifications


async def record(cloud: CloudRecording, emulator: StagedEmulator) -> None:
    recording = cloud.recording(CNAME, UID, mix())
    await recording.ensure_started()
    await emulator.sleep(5)
    await emulator.settled()


async def test_the_client_that_is_opened_first_has_notifications_delivered():
    emulator = staged()
    emulator.webhooks_to = notebook = Notebook()
    assert not delivers(emulator)
    async with emulator.cloud() as first:
        assert delivers(emulator)
        async with emulator.cloud():
            await record(first, emulator)
        assert delivers(emulator)
    assert not delivers(emulator)
    assert {13, 40, 3} <= set(notebook.events)


async def test_without_a_receiver_nothing_is_delivered_and_nothing_expected():
    emulator = staged()
    async with emulator.cloud() as cloud:
        assert not delivers(emulator)
        assert not expects(cloud)
        with pytest.raises(RuntimeError, match="nothing is delivered"):
            await emulator.settled()


async def test_the_receiver_may_be_another_one_at_any_time():
    emulator = staged()
    first, second = Notebook(), Notebook()
    async with emulator.cloud() as cloud:
        emulator.webhooks_to = first
        assert expects(cloud)
        await record(cloud, emulator)
        emulator.webhooks_to = second
        await emulator.settled()
        await emulator.sleep(30)
        await emulator.settled()
        emulator.webhooks_to = None
        await emulator.sleep(30)
        assert not delivers(emulator)
        told = len(second.events)
    assert {13, 40} <= set(first.events)
    assert 4 in second.events
    assert 13 not in second.events
    assert len(second.events) == told


async def test_without_a_client_of_its_own_a_block_delivers():
    emulator = staged()
    emulator.webhooks_to = notebook = Notebook()
    async with CloudRecording(
        emulator.app_id,
        customer_id=secrets.CUSTOMER_ID,
        customer_secret=secrets.CUSTOMER_SECRET,
        base_url=emulator.base_url,
        transport=emulator.transport(),
        clock=emulator.clock,
    ) as cloud:
        async with emulator.delivering():
            await emulator.settled()
            async with emulator.cloud():  # which lets that go on
                await record(cloud, emulator)
        assert not delivers(emulator)
    assert {13, 40} <= set(notebook.events)


async def test_a_block_has_nothing_to_do_where_a_client_delivers():
    emulator = staged()
    emulator.webhooks_to = Notebook()
    async with emulator.cloud():
        async with emulator.delivering():
            assert delivers(emulator)
        assert delivers(emulator)


async def test_a_client_whose_deliveries_fail_to_begin_is_closed(monkeypatch: pytest.MonkeyPatch):
    emulator = staged()
    emulator.webhooks_to = Notebook()

    def delivering(self: Emulator) -> Any:
        raise OSError("no")

    monkeypatch.setattr(Emulator, "delivering", delivering)
    cloud = emulator.cloud()
    with pytest.raises(OSError, match="no"):
        async with cloud:
            pytest.fail("it is open")
    with pytest.raises(RuntimeError, match="not open"):
        cloud.require_open()


async def test_an_error_of_the_test_comes_out_as_it_is():
    emulator = staged()
    emulator.webhooks_to = Notebook()
    with pytest.raises(ZeroDivisionError):
        async with emulator.cloud():
            _ = 1 / 0
    assert not delivers(emulator)


async def test_a_client_is_given_what_is_said_instead():
    emulator = staged(qps=3)
    cloud = emulator.cloud(customer_secret="another", timeout=3.0)
    assert isinstance(cloud, StagedCloud)
    async with cloud:
        with pytest.raises(Exception, match="401"):
            await cloud.recording(CNAME, UID, mix()).acquire()


async def test_served_from_a_thread_it_delivers_to_whom_it_is_told_to(monkeypatch: pytest.MonkeyPatch):
    emulator = staged()
    emulator.webhooks_to = first = Notebook()
    second = Notebook()
    with emulator.served_from_thread() as url:
        assert emulator.base_url == url == emulator.environment["AGORA_BASE_URL"]
        for name, value in emulator.environment.items():
            monkeypatch.setenv(name, value)
        async with CloudRecording.from_env() as cloud:
            await record(cloud, emulator)
            emulator.webhooks_to = second
            await emulator.sleep(30)
            await emulator.settled()
    assert not delivers(emulator)
    assert emulator.base_url == "http://127.0.0.1"
    assert {13, 40} <= set(first.events)
    assert 4 in second.events
    assert 13 not in second.events


async def test_served_from_a_thread_for_nobody_it_delivers_nothing():
    emulator = staged()
    with emulator.served_from_thread():
        assert not delivers(emulator)
        with pytest.raises(RuntimeError, match="nothing is delivered"):
            await emulator.settled()
