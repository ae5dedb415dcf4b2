"""Applications that receive notifications, well or badly, and a courier to serve them."""

import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
from attrs import define, field, frozen

from agora_rec.clock import Clock
from agora_rec.emulator import WebhookSwitches
from agora_rec.emulator.app import Message, Receive, Scope, Send
from agora_rec.emulator.webhooks.courier import Courier
from agora_rec.emulator.webhooks.over_asgi import open_asgi
from agora_rec.emulator.webhooks.receivers import Receiver
from agora_rec.emulator.webhooks.schedule import Schedule
from agora_rec.secret import Secret
from tests.emulator.webhooks.notices import Script
from tests.support.secrets import WEBHOOK_SECRET


@frozen
class Got:
    """One request that came in."""

    body: Any
    headers: Mapping[str, str] = field(repr=False)
    raw: bytes = field(repr=False)
    scope: Mapping[str, Any] = field(repr=False)

    @property
    def sequence(self) -> object:
        return self.body["payload"].get("sequence")


@define(eq=False)
class Inbox:
    """Keeps what comes, and answers: with `answers` one after another, then with 200 and JSON."""

    got: list[Got] = field(factory=list[Got])
    answers: list[tuple[int, bytes]] = field(factory=list[tuple[int, bytes]])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.take(scope, receive)
        status, body = self.answers.pop(0) if self.answers else (200, b'{"ok":true}')
        await answer(send, status, body)

    async def take(self, scope: Scope, receive: Receive) -> Got:
        """Read one request whole."""
        raw = b""
        more = True
        while more:
            message = await receive()
            raw += message["body"]
            more = message["more_body"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.got.append(Got(json.loads(raw), headers, raw, scope))
        return self.got[-1]


async def answer(send: Send, status: int, *parts: bytes) -> None:
    """A whole answer, its body in these parts."""
    await send({"type": "http.response.start", "status": status, "headers": []})
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


@define(eq=False)
class Hangs(Inbox):
    """Answers when `go` is set; sees it when its caller hangs up before."""

    go: anyio.Event = field(factory=anyio.Event)
    messages: list[Message] = field(factory=list[Message])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.take(scope, receive)
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                self.messages.append(await receive())

            group.start_soon(watch)
            await self.go.wait()
            group.cancel_scope.cancel()
        await answer(send, 200, b"{}")


def a_courier(source: Script, clock: Clock, **switches: Any) -> Courier:
    """A courier with a secret that nobody may see."""
    return Courier(source, Schedule(WebhookSwitches(**switches)), clock, Secret(WEBHOOK_SECRET))


def to(app: Any, path: str = "/", at_once: int = 64) -> AbstractAsyncContextManager[Receiver]:
    """A receiver that is an application."""
    return open_asgi(app, path=path, at_once=at_once)
