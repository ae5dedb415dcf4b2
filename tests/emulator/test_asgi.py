"""The ASGI application by itself: any server may carry it."""

from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from agora_rec.emulator import Emulator, LoseAnswer
from agora_rec.emulator.app import ConnectionBroken
from tests.emulator.stage import EXAMPLES, JSON

pytestmark = pytest.mark.anyio


def scope_of(emulator: Emulator, **changes: Any) -> dict[str, Any]:
    path = f"/v1/apps/{emulator.app_id}/cloud_recording/acquire"
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "headers": [(b"Content-Type", b"application/json"), (b"Authorization", credentials(emulator))],
        **changes,
    }


def credentials(emulator: Emulator) -> bytes:
    request = httpx.Request("GET", "http://x")
    auth = httpx.BasicAuth(emulator.customer_id, emulator.customer_secret)
    return next(auth.auth_flow(request)).headers["authorization"].encode()


async def run(
    emulator: Emulator, scope: dict[str, Any], *messages: dict[str, Any]
) -> list[MutableMapping[str, Any]]:
    incoming = list(messages)
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return incoming.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await emulator.app(scope, receive, send)
    return sent


async def test_a_body_may_come_in_pieces():
    emulator = Emulator()
    whole = EXAMPLES["acquire_rtc"].encode()
    first, last = await run(
        emulator,
        scope_of(emulator),
        {"type": "http.request", "body": whole[:9], "more_body": True},
        {"type": "http.request", "more_body": True},
        {"type": "http.request", "body": whole[9:]},
    )
    assert first["status"] == 200
    headers = dict(first["headers"])
    assert headers[b"content-length"] == str(len(last["body"])).encode()
    assert len(headers[b"x-request-id"]) == 32


async def test_a_server_without_raw_paths_will_do():
    emulator = Emulator()
    scope = scope_of(emulator, raw_path=None)
    first, _ = await run(emulator, scope, {"type": "http.request", "body": EXAMPLES["acquire_rtc"].encode()})
    assert first["status"] == 200


async def test_more_than_the_limit_is_not_kept():
    emulator = Emulator()
    piece = {"type": "http.request", "body": b" " * (1 << 20), "more_body": True}
    first, last = await run(emulator, scope_of(emulator), piece, piece, piece, {"type": "http.request"})
    assert (first["status"], b'"code":2' in last["body"]) == (400, True)


async def test_a_caller_who_leaves_in_the_middle_of_a_body_was_never_here():
    emulator = Emulator()
    part = {"type": "http.request", "body": b"{", "more_body": True}
    assert await run(emulator, scope_of(emulator), part, {"type": "http.disconnect"}) == []
    assert emulator.calls == ()


@pytest.mark.parametrize("extensions", [None, {}])
async def test_a_server_that_can_not_break_connections_is_told_by_an_exception(extensions: Any):
    emulator = Emulator()
    emulator.inject(LoseAnswer())
    body = {"type": "http.request", "body": EXAMPLES["acquire_rtc"].encode()}
    with pytest.raises(ConnectionBroken):
        await run(emulator, scope_of(emulator, extensions=extensions), body)


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
async def test_it_speaks_only_http(kind: str):
    emulator = Emulator()
    with pytest.raises(NotImplementedError, match=kind):
        await run(emulator, scope_of(emulator, type=kind))


@pytest.mark.parametrize(
    ("header", "host"),
    [
        (b"api.agora.io", "api.agora.io"),
        (b"localhost:80", "localhost"),
        (b"[::1]:80", "::1"),
        (b"[::1]", "::1"),
    ],
)
async def test_faults_of_a_host_find_it_by_its_name_alone(header: bytes, host: str):
    emulator = Emulator()
    emulator.inject(LoseAnswer(), host=host)
    scope = scope_of(emulator)
    scope["headers"] += [(b"Host", header)]
    with pytest.raises(ConnectionBroken):
        await run(emulator, scope, {"type": "http.request", "body": EXAMPLES["acquire_rtc"].encode()})


async def test_it_can_be_mounted_in_another_application():
    emulator = Emulator()
    app = Starlette(routes=[Mount("/agora", emulator.app)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://host/agora") as http:
        http.auth = (emulator.customer_id, emulator.customer_secret)
        answer = await http.post(
            f"/v1/apps/{emulator.app_id}/cloud_recording/acquire",
            content=EXAMPLES["acquire_rtc"],
            headers=JSON,
        )
        assert answer.status_code == 200
