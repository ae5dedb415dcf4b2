"""The shell: delivering on a clock, into applications that answer, fail, hang and crash."""

import asyncio
import logging
from datetime import timedelta
from typing import Any

import anyio
import pytest

from agora_rec.clock import Clock, LoopClock
from agora_rec.emulator import DeliveryState, Reception
from agora_rec.emulator.app import Receive, Scope, Send
from agora_rec.emulator.webhooks.courier import Courier
from agora_rec.emulator.webhooks.envelope import sign
from agora_rec.secret import Secret
from tests.emulator.stage import HandClock
from tests.emulator.webhooks.notices import Script
from tests.emulator.webhooks.receiving import Hangs, Inbox, a_courier, answer, to
from tests.support.backends import virtual_time
from tests.support.secrets import WEBHOOK_SECRET

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


def put_by(clock: Clock, *seconds: float) -> Script:
    """A script whose notices happen so many seconds from now."""
    source = Script()
    now = clock.now()
    for sequence, each in enumerate(seconds, 1):
        source.tell(now + timedelta(seconds=each), sid="0f6c", sequence=sequence)
    return source


def receptions(courier: Courier) -> list[list[str]]:
    """How the attempts of each delivery ended."""
    return [[str(each.reception) for each in delivery.attempts] for delivery in courier.schedule.deliveries]


def moments(courier: Courier, clock: LoopClock) -> list[float]:
    """When all attempts began, in seconds."""
    return [
        round((each.at - clock.epoch).total_seconds(), 3)
        for delivery in courier.schedule.deliveries
        for each in delivery.attempts
    ]


async def test_each_notice_comes_signed_when_it_happens():
    clock = LoopClock()
    source, inbox = put_by(clock, 0, 60, 60, 3600), Inbox()
    courier = a_courier(source, clock)
    async with courier.delivering(to(inbox, "/hooks/agora%20")):
        await anyio.sleep(59)
        assert len(inbox.got) == 1
        await anyio.sleep(3600)
        assert [each.sequence for each in inbox.got] == [1, 2, 3, 4]
    assert moments(courier, clock) == [0, 60, 60, 3600]
    for each in inbox.got:
        signed = {name.lower(): value for name, value in sign(Secret(WEBHOOK_SECRET), each.raw).items()}
        assert signed.items() <= each.headers.items()
        assert each.headers["content-length"] == str(len(each.raw))
        assert (each.scope["method"], each.scope["path"]) == ("POST", "/hooks/agora ")
        assert each.scope["raw_path"] == b"/hooks/agora%20"
        assert each.body["notifyMs"] >= each.body["payload"]["sequence"]
    assert source.asked < 20, "nobody asks over and over while nothing happens"


async def test_the_envelope_can_repeat_the_sid():
    clock = LoopClock()
    inbox = Inbox()
    async with a_courier(put_by(clock, 0), clock, sid_in_envelope=True).delivering(to(inbox)):
        await anyio.sleep(1)
    assert inbox.got[0].body["sid"] == "0f6c"


@pytest.mark.parametrize(
    ("status", "body", "reception"),
    [
        (500, b"{}", "refused"),
        (201, b"{}", "refused"),
        (302, b"", "refused"),
        (200, b"", "not_json"),
        (200, b"ok", "not_json"),
        (200, b"\xff", "not_json"),
        (200, b"[" * 100 + b"]" * 100, "not_json"),
        (200, b'"' + b"a" * 70_000 + b'"', "too_large"),
    ],
)
async def test_anything_but_200_with_json_is_sent_again(status: int, body: bytes, reception: str):
    clock = LoopClock()
    inbox = Inbox(answers=[(status, body)] * 2)
    courier = a_courier(put_by(clock, 0), clock)
    async with courier.delivering(to(inbox)):
        await courier.settled()
    assert receptions(courier) == [[reception, reception, "accepted"]]
    assert moments(courier, clock) == [0, 0, 10]
    assert {each.status for each in courier.schedule.deliveries[0].attempts} == {status, 200}
    assert len({each.body["noticeId"] for each in inbox.got}) == 1
    assert len({each.body["notifyMs"] for each in inbox.got}) == 3


async def test_any_json_will_do():
    clock = LoopClock()
    inbox = Inbox(answers=[(200, b"null"), (200, b"[]"), (200, b'""')])
    courier = a_courier(put_by(clock, 0, 0, 0), clock)
    async with courier.delivering(to(inbox)):
        await courier.settled()
    assert receptions(courier) == [["accepted"]] * 3


async def test_an_answer_in_parts_is_read_whole_and_no_further_than_it_must_be():
    parts = [[b"[1", b",2", b"]"], [b"a" * 40_000] * 50]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200, *parts.pop(0))

    clock = LoopClock()
    courier = a_courier(put_by(clock, 0, 0), clock, retry_gaps=())
    async with courier.delivering(to(app)):
        await courier.settled()
    assert receptions(courier) == [["accepted"], ["too_large"]]


async def test_no_answer_in_ten_seconds_is_a_failure_and_holds_up_nobody():
    clock = LoopClock()
    hangs = Hangs()
    courier = a_courier(put_by(clock, 0, 1), clock)
    async with courier.delivering(to(hangs)):
        await anyio.sleep(12)
        assert receptions(courier) == [["timed_out"], ["timed_out"]]
        assert [message["type"] for message in hangs.messages] == ["http.disconnect"] * 2
        hangs.go.set()
        await courier.settled()
    assert moments(courier, clock) == [0, 10, 1, 11]
    assert receptions(courier) == [["timed_out", "accepted"]] * 2
    seconds = [each.seconds for delivery in courier.schedule.deliveries for each in delivery.attempts]
    assert seconds == pytest.approx([10, 2, 10, 1])


async def test_a_handler_that_nobody_waits_for_goes_on_and_does_its_work_once():
    """As under a server: what took too long comes again while the first one is still at it."""
    done: list[int] = []
    inbox = Inbox()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        got = await inbox.take(scope, receive)
        await anyio.sleep(15)
        done.append(got.body["notifyMs"])
        await answer(send, 200, b"{}")

    clock = LoopClock()
    courier = a_courier(put_by(clock, 0), clock, retry_gaps=(0,))
    async with courier.delivering(to(slow)):
        await courier.settled()
        assert receptions(courier) == [["timed_out", "timed_out"]]
        assert len(done) == 1
        await anyio.sleep(5)
    assert len(done) == 2
    assert courier.schedule.deliveries[0].state is DeliveryState.DROPPED


async def test_an_application_works_at_so_many_at_once_and_the_others_wait():
    clock = LoopClock()
    hangs = Hangs()
    courier = a_courier(put_by(clock, *[0] * 9), clock, at_once=3, retry_gaps=())
    async with courier.delivering(to(hangs, at_once=3)):
        await anyio.sleep(5)
        assert len(hangs.got) == 3
        await anyio.sleep(10)
        assert len(hangs.got) == 3, "its handlers are all at work still"
        hangs.go.set()
        await courier.settled()
    assert [each for [each] in receptions(courier)] == ["timed_out"] * 3 + ["accepted"] * 6


async def test_what_an_application_does_wrong_is_what_its_server_would_make_of_it(
    caplog: pytest.LogCaptureFixture,
):
    async def raises(scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError("mine")

    async def says_nothing(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    async def raises_in_the_middle(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise LookupError("mine")

    async def begins_with_the_body(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.body", "body": b"{}"})

    async def raises_afterwards(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200, b"{}")
        await send({"type": "http.response.trailers", "headers": []})
        raise LookupError("mine")

    apps: list[Any] = [raises, says_nothing, raises_in_the_middle, begins_with_the_body, raises_afterwards]
    found: list[tuple[str, int | None, str]] = []
    for app in apps:
        clock = LoopClock()
        courier = a_courier(put_by(clock, 0), clock, retry_gaps=())
        async with courier.delivering(to(app)):
            await courier.settled()
        (attempt,) = courier.schedule.deliveries[0].attempts
        found.append((str(attempt.reception), attempt.status, attempt.detail))
    assert found == [
        ("refused", 500, "LookupError"),
        ("refused", 500, "no whole answer"),
        ("broken", None, "LookupError"),
        ("refused", 500, "RuntimeError"),
        ("accepted", 200, ""),
    ]
    logged = [each for each in caplog.records if each.name == "agora_rec.emulator" and each.exc_info]
    assert [each.levelno for each in logged] == [logging.ERROR] * 4, (
        "who wrote the application wants to see where"
    )


async def test_what_is_given_up_is_in_the_log_and_nothing_else(caplog: pytest.LogCaptureFixture):
    clock = LoopClock()
    inbox = Inbox(answers=[(500, b""), (500, b""), (503, b""), (200, b"")])
    courier = a_courier(put_by(clock, 0, 30), clock, retry_gaps=(0, 1))
    async with courier.delivering(to(inbox)):
        await anyio.sleep(30)
        await courier.settled()
    said = [each.getMessage() for each in caplog.records if each.name == "agora_rec.emulator"]
    assert said == ["notification 1 (eventType 40) was given up after 3 attempts; the last one: refused 503"]


async def test_settled_waits_for_all_that_has_happened_and_for_nothing_later():
    clock = LoopClock()
    source = put_by(clock, 0, 500)
    inbox = Inbox(answers=[(500, b"")] * 3)
    courier = a_courier(source, clock, delay=(2, 2))
    async with courier.delivering(to(inbox)):
        await courier.settled()
        assert (clock.now() - clock.epoch).total_seconds() == pytest.approx(72)
        await courier.settled()
        assert (clock.now() - clock.epoch).total_seconds() == pytest.approx(72), (
            "there is nothing to wait for"
        )
    assert [delivery.state for delivery in courier.schedule.deliveries] == [DeliveryState.DELIVERED]


async def test_settled_at_the_very_moment_at_which_something_happens():
    clock = LoopClock()
    source, inbox = put_by(clock), Inbox()
    courier = a_courier(source, clock)
    async with courier.delivering(to(inbox)):
        await anyio.sleep(3)
        source.tell(clock.now(), sequence=1)
        await courier.settled()
        assert [each.sequence for each in inbox.got] == [1]


async def test_what_happens_unexpectedly_is_sent_when_the_bell_rings():
    clock = LoopClock()
    source, inbox = Script(), Inbox()
    courier = a_courier(source, clock)
    courier.ring()  # nobody listens yet
    async with courier.delivering(to(inbox)):
        await anyio.sleep(100)
        source.tell(clock.now(), sequence=1)
        await anyio.sleep(100)
        assert inbox.got == [], "nobody said so"
        source.tell(clock.now(), sequence=2)
        courier.ring()
        await anyio.wait_all_tasks_blocked()
        assert [each.sequence for each in inbox.got] == [1, 2]


async def test_settled_outside_of_delivering_says_so_instead_of_waiting_for_ever():
    clock = LoopClock()
    courier = a_courier(put_by(clock, 0), clock)
    with pytest.raises(RuntimeError, match=r"emulator\.delivering"):
        await courier.settled()
    caught: list[Exception] = []

    async def wait() -> None:
        try:
            await courier.settled()
        except RuntimeError as error:
            caught.append(error)

    async with anyio.create_task_group() as group, courier.delivering(to(Hangs())):
        group.start_soon(wait)
        await anyio.sleep(1)
        assert caught == []
    assert len(caught) == 1


async def test_there_is_one_block_at_a_time():
    courier = a_courier(Script(), LoopClock())
    async with courier.delivering(to(Inbox())):
        with pytest.raises(RuntimeError, match="already"):
            async with courier.delivering(to(Inbox())):
                raise AssertionError
    async with courier.delivering(to(Inbox())):
        pass


async def test_what_is_interrupted_goes_on_in_the_next_block():
    clock = LoopClock()
    courier = a_courier(put_by(clock, 0, 0, 1), clock, retry_gaps=(0, 10))
    hangs, inbox = Hangs(), Inbox(answers=[(500, b"")])
    async with courier.delivering(to(hangs)):
        await anyio.sleep(0.5)
        assert len(hangs.got) == 2
    assert receptions(courier) == [["abandoned"]] * 2
    assert [each.state for each in courier.schedule.deliveries] == [DeliveryState.WAITING] * 2
    await anyio.sleep(100)
    async with courier.delivering(to(inbox)):
        await courier.settled()
    assert sorted(receptions(courier)) == [
        ["abandoned", "accepted"],
        ["abandoned", "refused", "accepted"],
        ["accepted"],
    ]


async def test_the_bodys_exception_comes_through_as_it_is():
    courier = a_courier(Script(), LoopClock())
    with pytest.raises(LookupError, match="mine"):
        async with courier.delivering(to(Hangs())):
            raise LookupError("mine")


async def test_a_cancelled_block_leaves_nothing_behind():
    clock = LoopClock()
    hangs = Hangs()
    courier = a_courier(put_by(clock, 0), clock)
    with anyio.CancelScope() as scope:
        async with courier.delivering(to(hangs)):
            await anyio.sleep(1)
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert receptions(courier) == [["abandoned"]]
    assert hangs.messages == []


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancelled_task_of_asyncio_leaves_no_other_task_behind():
    before = asyncio.all_tasks()
    hangs = Hangs()

    async def deliver() -> None:
        clock = HandClock()
        async with a_courier(put_by(clock, 0, 60), clock).delivering(to(hangs)):
            await asyncio.sleep(3600)

    task = asyncio.create_task(deliver())
    await anyio.wait_all_tasks_blocked()
    assert len(hangs.got) == 1
    assert len(asyncio.all_tasks() - before) > 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before


async def test_a_switch_bounds_the_attempts_at_the_same_time():
    clock = LoopClock()
    hangs = Hangs()
    courier = a_courier(put_by(clock, *[0] * 5), clock, at_once=2, retry_gaps=())
    async with courier.delivering(to(hangs, at_once=9)):
        await anyio.sleep(25)
        assert len(hangs.got) == 5
    assert moments(courier, clock) == [0, 0, 10, 10, 20]


async def test_what_waits_is_bounded_and_comes_when_there_is_room():
    clock = LoopClock()
    hangs = Hangs()
    source = put_by(clock, *[0] * 5, 30)
    courier = a_courier(source, clock, retry_gaps=(40,))
    courier.schedule.open_max = 2
    async with courier.delivering(to(hangs)):
        await anyio.sleep(65)
        assert len(courier.schedule.deliveries) == 4, "the first two are dropped, the next two are open"
        hangs.go.set()
        await courier.settled()
    assert [each.number for each in courier.schedule.deliveries] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_on_either_event_loop_by_a_clock_that_the_test_moves():
    clock = HandClock()
    hangs = Hangs()
    courier = a_courier(put_by(clock, 0, 0, 60), clock)
    async with courier.delivering(to(hangs)):
        await clock.advance(59)
        assert [each.sequence for each in hangs.got] == [1, 2, 1, 2, 1, 2]
        hangs.go.set()
        await clock.advance(60)
        assert [each.sequence for each in hangs.got[6:]] == [3, 1, 2]
    assert [each.state for each in courier.schedule.deliveries] == [DeliveryState.DELIVERED] * 3
    assert receptions(courier)[2] == ["accepted"]
    assert Reception.TIMED_OUT in {each.reception for each in courier.schedule.deliveries[0].attempts}


async def test_each_test_event_is_sent_once_and_its_result_is_what_the_console_shows():
    clock = LoopClock()
    inbox = Inbox(answers=[(200, b"{}"), (200, b"no"), (404, b"{}"), (200, b"{}")])
    courier = a_courier(Script(), clock)
    async with to(inbox) as receiver:
        found = [(await courier.check_health(receiver, [event_type]))[0] for event_type in (40, 31, 11, 1)]
    assert [each.code for each in found] == [200, 590, 590, 200]
    assert [each.is_healthy for each in found] == [True, False, False, True]
    assert (
        [each.event_type for each in found]
        == [each.body["eventType"] for each in inbox.got]
        == [40, 31, 11, 1]
    )
    assert [each.attempt.status for each in found] == [200, 200, 404, 200]
    assert courier.schedule.deliveries == ()
    async with to(Hangs()) as receiver:
        both = await courier.check_health(receiver, [40, 31])
    assert [(each.event_type, each.code) for each in both] == [(40, 590), (31, 590)]
    assert (clock.now() - clock.epoch).total_seconds() == pytest.approx(10), "at the same time"
