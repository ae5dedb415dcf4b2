"""Every request is answered within ten seconds, whoever takes their time: in virtual time."""

import anyio
import pytest

from agora_rec.notifications.app import ANSWER_SECONDS, BODY_SECONDS, NotificationApp
from tests.notifications.fakes import FakeReceiver
from tests.notifications.test_app import post, whole
from tests.support.asgi import Exchange, Message
from tests.support.backends import virtual_time

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio

SERVICE_WAITS = 10.0


class Drops(Exchange):
    """A body that comes byte by byte, with a pause before each."""

    pause: float = 0.0

    async def _receive(self) -> Message:
        await anyio.sleep(self.pause)
        return await super()._receive()


def drops(receiver: FakeReceiver, count: int, pause: float) -> Drops:
    pieces: list[Message] = [
        {"type": "http.request", "body": b" ", "more_body": number < count} for number in range(1, count + 1)
    ]
    exchange = Drops(NotificationApp(receiver), pieces)
    exchange.pause = pause
    return exchange


async def seconds_of(exchange: Exchange) -> float:
    began = anyio.current_time()
    await exchange.run(post())
    return anyio.current_time() - began


async def test_a_body_in_drops_is_not_waited_for():
    receiver = FakeReceiver()
    exchange = drops(receiver, 1000, 0.3)
    assert await seconds_of(exchange) == BODY_SECONDS < SERVICE_WAITS
    assert (exchange.status, exchange.body) == (408, b'{"ok":false,"reason":"too_slow"}')
    assert receiver.begun == []


async def test_a_body_that_never_comes_is_not_waited_for():
    exchange = Exchange(NotificationApp(FakeReceiver()), [])
    assert await seconds_of(exchange) == BODY_SECONDS
    assert exchange.status == 408


async def test_eight_seconds_are_there_for_those_who_save():
    async def eight_seconds() -> None:
        await anyio.sleep(8)

    exchange = drops(FakeReceiver(eight_seconds), 5, 0.1)
    assert await seconds_of(exchange) == pytest.approx(8.5)
    assert exchange.status == 200


@pytest.mark.parametrize(("pieces", "pause"), [(1, 0.0), (4, 1.0)])
async def test_a_receiver_without_end_is_answered_for_in_time(pieces: int, pause: float):
    receiver = FakeReceiver(anyio.sleep_forever)
    exchange = drops(receiver, pieces, pause)
    assert await seconds_of(exchange) == pytest.approx(ANSWER_SECONDS)
    assert ANSWER_SECONDS < SERVICE_WAITS
    assert (exchange.status, exchange.body) == (503, b'{"ok":false,"reason":"too_late"}')
    assert (len(receiver.begun), receiver.done) == (1, [])


async def test_a_cancelled_request_holds_its_server_no_longer_than_others():
    receiver = FakeReceiver(anyio.sleep_forever)
    exchange = Exchange(NotificationApp(receiver), whole(b"{}"))
    with anyio.move_on_after(1):
        await exchange.run(post())
    assert anyio.current_time() == pytest.approx(ANSWER_SECONDS)
    assert exchange.sent == []
