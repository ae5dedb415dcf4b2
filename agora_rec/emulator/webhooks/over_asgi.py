"""Notifications straight into an ASGI application: as a server would hand them in, without one.

No sockets, no other event loop, no lifespan events. As under a server, a handler whose caller has hung up
is not cancelled but told so, and goes on; the end of the block ends all handlers.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import unquote

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup
from attrs import define, field

from agora_rec.emulator.app import AsgiApp, Message
from agora_rec.emulator.webhooks.logs import log_crash
from agora_rec.emulator.webhooks.receivers import Intake, Receipt, Receiver
from agora_rec.emulator.webhooks.records import Reception

_SERVER_ERROR: Final = 500


@define(eq=False)
class _Exchange:
    """One request and its answer, from the application's side."""

    _request: bytes | None
    _intake: Intake = field(factory=Intake, init=False)
    _status: int | None = field(default=None, init=False)
    _receipt: Receipt | None = field(default=None, init=False)
    _answered: anyio.Event = field(factory=anyio.Event, init=False)
    _hung_up: anyio.Event = field(factory=anyio.Event, init=False)

    async def receive(self) -> Message:
        """The request, once; then, when it comes to that, that the caller is gone."""
        if self._request is not None:
            body, self._request = self._request, None
            await anyio.lowlevel.checkpoint()
            return {"type": "http.request", "body": body, "more_body": False}
        await self._hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take in what the application says."""
        await anyio.lowlevel.checkpoint()
        if message["type"] == "http.response.start":
            self._status = message["status"]
        elif message["type"] == "http.response.body":
            if self._status is None:
                raise RuntimeError("http.response.body came before http.response.start")
            self._intake.add(message.get("body", b""))
            if not message.get("more_body", False):
                self._end(self._intake.judge(self._status))

    def returned(self, problem: str) -> None:
        """The application has come to its end; what it left out is an error of its server."""
        if self._status is None:
            self._end(Receipt(Reception.REFUSED, _SERVER_ERROR, problem))
        else:
            self._end(Receipt(Reception.BROKEN, detail=problem))

    def _end(self, receipt: Receipt) -> None:
        if self._receipt is None:
            self._receipt = receipt
            self._answered.set()
            self._hung_up.set()

    async def answer(self) -> Receipt:
        """Wait for it; who stops waiting has hung up."""
        try:
            await self._answered.wait()
        finally:
            self._hung_up.set()
        assert self._receipt is not None  # noqa: S101 - it is what the event says
        return self._receipt


@define(eq=False)
class AsgiReceiver:
    """An application, and the handlers that are at work in it: so many at once, others wait."""

    _app: AsgiApp
    _path: str
    _handlers: TaskGroup
    _slots: anyio.Semaphore

    async def post(self, headers: dict[str, str], body: bytes) -> Receipt:
        """Hand one in, and wait for the answer."""
        await self._slots.acquire()
        exchange = _Exchange(body)
        self._handlers.start_soon(self._handle, _scope(self._path, headers, body), exchange)
        return await exchange.answer()

    async def _handle(self, scope: dict[str, Any], exchange: _Exchange) -> None:
        problem = "no whole answer"
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - an application may raise anything
            # As any server does: it must not end the service, and somebody wants to read it.
            problem = type(error).__name__
            log_crash(error)
        finally:
            exchange.returned(problem)
            self._slots.release()


@asynccontextmanager
async def open_asgi(app: AsgiApp, *, path: str, at_once: int) -> AsyncGenerator[Receiver]:
    """A receiver in this process; the end of the block ends its handlers."""
    async with anyio.create_task_group() as handlers:
        yield AsgiReceiver(app, path, handlers, anyio.Semaphore(at_once))
        handlers.cancel_scope.cancel()


def _scope(path: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    given = {"Host": "localhost", "Content-Length": str(len(body)), **headers}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 0),
        "server": ("localhost", 443),
        "extensions": {},
    }
