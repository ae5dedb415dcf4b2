"""The application by itself: which request gets which answer, on both event loops."""

import asyncio
import json
import logging
import tracemalloc
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from attrs import evolve

from agora_rec.errors import NotAcknowledged, NotificationRejected, RejectionReason, StoreConflict
from agora_rec.model.events import UnknownEvent
from agora_rec.model.notification import Notification
from agora_rec.notifications.app import READ_BYTES_MAX, NotificationApp
from agora_rec.notifications.body import MAX_BYTES
from tests.notifications.fakes import STARTED, FakeReceiver
from tests.support.asgi import Exchange, Message
from tests.support.secrets import RTMP_URL

pytestmark = pytest.mark.anyio

HOSTILE = "\n<script>\x1b[31m\u202e"


def post(*headers: tuple[bytes, bytes], method: str = "POST") -> dict[str, Any]:
    return {"type": "http", "method": method, "path": "/", "headers": list(headers)}


def whole(body: bytes) -> list[Message]:
    return [{"type": "http.request", "body": body}]


def raising(error: Exception) -> FakeReceiver:
    async def fail() -> None:
        await anyio.lowlevel.checkpoint()
        raise error

    return FakeReceiver(fail)


async def ask(receiver: FakeReceiver, *messages: Message, scope: Message | None = None) -> Exchange:
    exchange = Exchange(NotificationApp(receiver), list(messages))
    return await exchange.run(scope or post())


async def test_what_was_taken_in_is_answered_200_with_json():
    receiver = FakeReceiver()
    answer = await ask(receiver, *whole(b"{}"))
    assert (answer.status, json.loads(answer.body)) == (200, {"ok": True})
    assert answer.headers == {
        b"content-type": b"application/json",
        b"content-length": str(len(answer.body)).encode(),
    }
    assert receiver.done == [b"{}"]


async def test_the_receiver_gets_the_raw_body_the_headers_and_the_hook():
    async def before_ack(notification: Notification, recording: object) -> None:
        raise AssertionError(notification, recording)

    receiver = FakeReceiver()
    app = NotificationApp(receiver, before_ack=before_ack)
    await Exchange(app, whole("größe\n".encode())).run(post((b"Agora-Signature-V2", b"00")))
    assert receiver.begun == ["größe\n".encode()]
    assert receiver.headers == [[(b"Agora-Signature-V2", b"00")]]
    assert receiver.hooks == [before_ack]


async def test_a_body_may_come_in_pieces():
    receiver = FakeReceiver()
    pieces = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.request", "more_body": True},
        {"type": "http.request", "body": b"}", "more_body": False},
    ]
    assert (await ask(receiver, *pieces)).status == 200
    assert receiver.done == [b"{}"]


@pytest.mark.parametrize(
    "notification",
    [
        evolve(STARTED, duplicate=True),
        evolve(STARTED, sid="nobody-knows-it"),
        Notification(event_type=4711, event=UnknownEvent(event_type=4711)),
    ],
    ids=["duplicate", "unknown recording", "test event of the console"],
)
async def test_all_that_can_be_read_is_acknowledged(notification: Notification):
    assert (await ask(FakeReceiver(notification=notification), *whole(b"{}"))).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "post"])
@pytest.mark.parametrize("size", [0, 2, MAX_BYTES + 1])
async def test_only_post_is_allowed(method: str, size: int):
    receiver = FakeReceiver()
    answer = await ask(receiver, *whole(b" " * size), scope=post(method=method))
    assert (answer.status, answer.headers[b"allow"]) == (405, b"POST")
    assert answer.body == (b"" if method == "HEAD" else b'{"ok":false,"reason":"method_not_allowed"}')
    assert answer.headers[b"content-length"] == b"42"
    assert receiver.begun == []


@pytest.mark.parametrize("length", [READ_BYTES_MAX + 1, "1" * 9, "0" * 10, "9" * 5000])
async def test_what_is_declared_much_too_large_is_not_read(length: int | str):
    answer = await ask(FakeReceiver(), scope=post((b"Content-Length", str(length).encode())))
    assert (answer.status, answer.body) == (413, b'{"ok":false,"reason":"too_large"}')


@pytest.mark.parametrize("length", [b"2", b"-1", b"two", b"", str(READ_BYTES_MAX).encode()])
async def test_what_is_declared_otherwise_is_read(length: bytes):
    scope = post((b"host", b"localhost"), (b"content-length", length))
    assert (await ask(FakeReceiver(), *whole(b"{}"), scope=scope)).status == 200


@pytest.mark.parametrize(
    ("sizes", "status"),
    [
        ([MAX_BYTES], 200),
        ([MAX_BYTES - 1, 1], 200),
        ([MAX_BYTES + 1], 413),
        ([MAX_BYTES, 1], 413),
        ([MAX_BYTES, 1, MAX_BYTES], 413),
        ([READ_BYTES_MAX, 1], 413),
    ],
)
async def test_a_body_is_bounded_whatever_was_declared(sizes: list[int], status: int):
    receiver = FakeReceiver()
    pieces: list[Message] = [
        {"type": "http.request", "body": b" " * size, "more_body": True} for size in sizes
    ]
    pieces[-1]["more_body"] = sum(sizes) > READ_BYTES_MAX  # what is much too large needs no end
    assert (await ask(receiver, *pieces)).status == status
    assert len(receiver.begun) == (status == 200)


async def test_what_is_too_large_is_not_kept():
    async def ten_megabytes() -> Message:
        await anyio.lowlevel.checkpoint()
        return {"type": "http.request", "body": b" " * 10_000, "more_body": next(left) > 0}

    async def send(message: Message) -> None:
        sent.append(message)

    sent: list[Message] = []
    left = iter(range(1000, -1, -1))
    tracemalloc.start()
    await NotificationApp(FakeReceiver())(post(), ten_megabytes, send)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sent[0]["status"] == 413
    assert peak < 2 * MAX_BYTES
    assert 1000 - next(left) < 120


STATUSES = {
    RejectionReason.MALFORMED: (400, "malformed"),
    RejectionReason.BAD_SIGNATURE: (401, "bad_signature"),
    RejectionReason.TOO_LARGE: (413, "too_large"),
}


@pytest.mark.parametrize("reason", RejectionReason)
async def test_a_rejection_is_answered_by_its_reason_and_shows_nothing_of_what_came(reason: RejectionReason):
    answer = await ask(raising(NotificationRejected(reason, HOSTILE)), *whole(HOSTILE.encode()))
    status, word = STATUSES[reason]
    assert (answer.status, json.loads(answer.body)) == (status, {"ok": False, "reason": word})
    assert (b"www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(
    "error",
    [
        NotAcknowledged("before_ack raised"),
        StoreConflict(key="k", expected=1, found=2),
        OSError("the store is away"),
        TimeoutError("of somebody else"),
        RuntimeError("the client is not open"),
        ExceptionGroup("several", [ValueError("one")]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_could_not_be_made_safe_shall_come_again(error: Exception):
    answer = await ask(raising(error), *whole(b"{}"))
    assert (answer.status, answer.body) == (503, b'{"ok":false,"reason":"not_acknowledged"}')


async def test_a_sender_who_leaves_in_the_middle_of_a_body_was_never_here():
    receiver = FakeReceiver()
    part = {"type": "http.request", "body": b"{", "more_body": True}
    assert (await ask(receiver, part, {"type": "http.disconnect"})).sent == []
    assert receiver.begun == []


async def test_a_server_that_fails_shows_nothing_of_what_has_come():
    async def receive() -> Message:
        if pieces:
            return pieces.pop()
        raise ZeroDivisionError

    async def send(message: Message) -> None:
        raise AssertionError(message)

    pieces = [{"type": "http.request", "body": RTMP_URL.encode(), "more_body": True}]
    with pytest.raises(ZeroDivisionError):  # the canary looks into its frames
        await NotificationApp(FakeReceiver())(post(), receive, send)


async def test_a_sender_who_leaves_before_the_answer_is_no_error():
    receiver = FakeReceiver()

    async def receive() -> Message:
        return whole(b"{}")[0]

    async def send(message: Message) -> None:
        raise OSError(message)

    await NotificationApp(receiver)(post(), receive, send)
    assert receiver.done == [b"{}"]


async def test_what_has_begun_is_done_though_the_request_is_cancelled():
    begun, go_on = anyio.Event(), anyio.Event()

    async def work() -> None:
        begun.set()
        await go_on.wait()
        await anyio.lowlevel.checkpoint()

    receiver = FakeReceiver(work)
    exchange = Exchange(NotificationApp(receiver), whole(b"{}"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(exchange.run, post())
        await begun.wait()
        tasks.cancel_scope.cancel()
        go_on.set()
    assert receiver.done == [b"{}"]
    assert exchange.sent == []


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_what_has_begun_is_done_though_asyncio_cancels_the_request_again_and_again():
    begun, go_on = anyio.Event(), anyio.Event()

    async def work() -> None:
        begun.set()
        await go_on.wait()

    receiver = FakeReceiver(work)
    exchange = Exchange(NotificationApp(receiver), whole(b"{}"))
    request = asyncio.ensure_future(exchange.run(post()))
    await begun.wait()
    for _ in range(3):
        request.cancel()
        await anyio.wait_all_tasks_blocked()
    assert not request.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert receiver.done == [b"{}"]
    assert exchange.sent == []


async def test_a_request_that_is_cancelled_before_its_body_is_there_begins_nothing():
    receiver = FakeReceiver()
    exchange = Exchange(
        NotificationApp(receiver), [{"type": "http.request", "body": b"{", "more_body": True}]
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(exchange.run, post())
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert (receiver.begun, exchange.sent) == ([], [])


async def test_it_lives_as_long_as_its_server():
    receiver = FakeReceiver()
    messages: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    answer = await ask(receiver, *messages, scope={"type": "lifespan"})
    assert [message["type"] for message in answer.sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


async def test_a_websocket_is_refused():
    answer = await ask(FakeReceiver(), {"type": "websocket.connect"}, scope={"type": "websocket"})
    assert (answer.messages, answer.sent) == ([], [{"type": "websocket.close"}])


async def test_what_is_not_known_is_not_served():
    with pytest.raises(NotImplementedError, match="telegraph"):
        await ask(FakeReceiver(), scope={"type": "telegraph"})


def record_of(caplog: pytest.LogCaptureFixture) -> Any:
    (record,) = [record for record in caplog.records if record.name == "agora_rec"]
    return record


async def test_the_log_tells_what_was_taken_in(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG, "agora_rec")
    await ask(FakeReceiver(notification=evolve(STARTED, cname=HOSTILE, sid=HOSTILE)), *whole(b"{}"))
    record = record_of(caplog)
    assert (record.levelno, record.getMessage()) == (logging.DEBUG, "webhook: answered 200 in 0.0 s")
    assert (record.status, record.reason, record.detail) == (200, None, None)
    assert (record.notice_id, record.event_type, record.uid, record.duplicate) == ("n-1", 40, 880011, False)
    assert record.cname == record.sid == "\\n<script>\\x1b[31m\\u202e"
    assert record.seconds >= 0


async def test_the_log_tells_why_something_was_refused(caplog: pytest.LogCaptureFixture):
    await ask(raising(NotificationRejected(RejectionReason.BAD_SIGNATURE, HOSTILE)), *whole(b"{}"))
    record = record_of(caplog)
    assert (record.levelno, record.status, record.reason) == (logging.WARNING, 401, "bad_signature")
    escaped = "\\n<script>\\x1b[31m\\u202e"
    assert record.getMessage() == f"webhook: answered 401 bad_signature in 0.0 s: {escaped}"
    assert record.detail == escaped
    assert (record.cname, record.duplicate, record.exc_info) == (None, None, None)


async def test_the_log_shows_where_the_fault_is_when_something_could_not_be_made_safe(
    caplog: pytest.LogCaptureFixture,
):
    error = OSError("the store is away")
    await ask(raising(error), *whole(RTMP_URL.encode()))  # the canary looks into the frames of the traceback
    record = record_of(caplog)
    assert (record.levelno, record.detail) == (logging.ERROR, "OSError: the store is away")
    assert record.exc_info[1] is error


async def test_a_log_that_is_not_wanted_is_not_written(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "agora_rec")
    await ask(FakeReceiver(), *whole(b"{}"))
    assert [record for record in caplog.records if record.name == "agora_rec"] == []
