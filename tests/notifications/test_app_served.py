"""The application under real servers, over real sockets."""

import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import trustme
from anyio.abc import SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream
from starlette.applications import Starlette
from starlette.routing import Mount

from agora_rec.errors import NotificationRejected, RejectionReason
from agora_rec.notifications import NotificationApp, app
from agora_rec.notifications.body import MAX_BYTES
from tests.notifications.fakes import FakeReceiver
from tests.support.asgi import Message, served

pytestmark = pytest.mark.anyio

SERVERS = [("asyncio", "uvicorn"), ("asyncio", "hypercorn"), ("trio", "hypercorn")]


@pytest.fixture(params=SERVERS, ids="-".join, name="stack")
def an_event_loop_and_a_server(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def anyio_backend(stack: tuple[str, str]) -> str:
    return stack[0]


@pytest.fixture
def receiver() -> FakeReceiver:
    return FakeReceiver()


@pytest.fixture
async def url(receiver: FakeReceiver, stack: tuple[str, str]) -> AsyncIterator[str]:
    async with served(NotificationApp(receiver), stack[1]) as url:
        yield url


async def test_one_connection_serves_all_that_is_small(stack: tuple[str, str], receiver: FakeReceiver):
    peers: set[Any] = set()

    async def watched(scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            peers.add(tuple(scope["client"]))
        await NotificationApp(receiver)(scope, receive, send)

    async def forged() -> None:
        raise NotificationRejected(RejectionReason.BAD_SIGNATURE)

    good = receiver.work
    async with served(watched, stack[1]) as url, httpx.AsyncClient(base_url=url) as web:
        answers = [await web.post("/agora", content=b"{}"), await web.get("/agora"), await web.head("/agora")]
        receiver.work = forged
        answers.append(await web.post("/agora", content=b"{}"))
        receiver.work = good
        answers.append(await web.post("/agora", content=b" " * MAX_BYTES))
    assert [answer.status_code for answer in answers] == [200, 405, 405, 401, 200]
    assert [answer.headers["content-type"] for answer in answers] == ["application/json"] * 5
    assert [len(answer.content) for answer in answers] == [11, 42, 0, 37, 11]
    assert answers[0].json() == {"ok": True}
    assert [len(body) for body in receiver.done] == [2, MAX_BYTES]
    assert len(peers) == 1


async def test_too_large_a_body_is_refused_and_the_next_one_is_not(url: str, receiver: FakeReceiver):
    async def without_a_length() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 65536

    async with httpx.AsyncClient(base_url=url) as web:
        assert (await web.post("/", content=b" " * (MAX_BYTES + 1))).status_code == 413
        assert (await web.post("/", content=without_a_length())).status_code == 413
        assert (await web.post("/", content=b"{}")).status_code == 200
    assert receiver.done == [b"{}"]


async def connect(url: str) -> SocketStream:
    return await anyio.connect_tcp("127.0.0.1", httpx.URL(url).port or 0)


HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"


async def test_a_body_in_drops_is_answered_in_time(
    url: str, receiver: FakeReceiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app, "BODY_SECONDS", 0.1)

    async def drip(stream: SocketStream) -> None:
        while True:
            await stream.send(b" ")
            await anyio.sleep(0.02)

    async with await connect(url) as stream, anyio.create_task_group() as tasks:
        await stream.send(HEAD)
        tasks.start_soon(drip, stream)
        head = await BufferedByteReceiveStream(stream).receive_until(b"\r\n\r\n", 65536)
        assert head.startswith(b"HTTP/1.1 408 ")
        tasks.cancel_scope.cancel()
    assert receiver.begun == []


async def test_a_sender_who_leaves_in_the_middle_troubles_nobody(
    stack: tuple[str, str], receiver: FakeReceiver, caplog: pytest.LogCaptureFixture
):
    left = anyio.Event()

    async def watched(scope: Message, receive: Any, send: Any) -> None:
        await NotificationApp(receiver)(scope, receive, send)
        left.set()

    caplog.set_level(logging.DEBUG, "agora_rec")
    async with served(watched, stack[1]) as url:
        async with await connect(url) as stream:
            await stream.send(HEAD + b"{")
        with anyio.fail_after(app.BODY_SECONDS):
            await left.wait()
        async with httpx.AsyncClient(base_url=url) as web:
            assert (await web.post("/", content=b"{}")).status_code == 200
    assert "webhook: its sender left before the answer" in caplog.messages
    assert receiver.begun == [b"{}"]
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_what_was_begun_is_done_though_its_sender_leaves(
    url: str, receiver: FakeReceiver, caplog: pytest.LogCaptureFixture
):
    begun, go_on, done = anyio.Event(), anyio.Event(), anyio.Event()

    async def work() -> None:
        begun.set()
        await go_on.wait()
        done.set()

    receiver.work = work
    async with await connect(url) as stream:
        await stream.send(HEAD.replace(b"100000", b"2") + b"{}")
        await begun.wait()
    await anyio.sleep(0.02)  # the server sees that nobody is there any more
    go_on.set()
    with anyio.fail_after(5):
        await done.wait()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_websocket_is_refused(stack: tuple[str, str], receiver: FakeReceiver):
    asked = (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    async with served(NotificationApp(receiver), stack[1]) as url, await connect(url) as stream:
        await stream.send(asked)
        head = await BufferedByteReceiveStream(stream).receive_until(b"\r\n\r\n", 65536)
    assert head.split()[1] in {b"403", b"405"}  # a server without WebSockets takes it for a GET


async def test_it_is_served_over_tls_and_http_2_too(
    stack: tuple[str, str], receiver: FakeReceiver, tmp_path: Path
):
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with (
        served(NotificationApp(receiver), stack[1], certificate=tmp_path / "both.pem") as url,
        httpx.AsyncClient(base_url=url, verify=trusting, http2=True) as web,
    ):
        answers = [
            await web.post("/", content=b"{}"),
            await web.get("/"),
            await web.post("/", content=b" " * (MAX_BYTES + 1)),
        ]
    assert [answer.status_code for answer in answers] == [200, 405, 413]
    version = "HTTP/1.1" if stack[1] == "uvicorn" else "HTTP/2"
    assert {answer.http_version for answer in answers} == {version}


async def test_it_can_be_mounted_at_any_path(stack: tuple[str, str], receiver: FakeReceiver):
    outer = Starlette(routes=[Mount("/hooks/agora", NotificationApp(receiver))])
    async with served(outer, stack[1]) as url, httpx.AsyncClient(base_url=url) as web:
        assert (await web.post("/hooks/agora/", content=b"{}")).status_code == 200
        assert (await web.post("/elsewhere", content=b"{}")).status_code == 404
    assert receiver.done == [b"{}"]
