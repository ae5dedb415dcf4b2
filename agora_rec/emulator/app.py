"""The service as an ASGI application: bytes in, bytes out, and the waiting in between. No framework.

What is right to answer is the core's business (`service`); sockets are a server's (`serving`).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from attrs import define

from agora_rec.clock import Clock
from agora_rec.emulator import wire
from agora_rec.emulator.control.app import Control
from agora_rec.emulator.resources import Ids
from agora_rec.emulator.service import Service
from agora_rec.emulator.wire import Answer, Reply, Request

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
"""Somebody's application: each framework types the three in its own way."""

_BODILESS: Final = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
"""Statuses after which HTTP allows no body; only faults answer with them."""

ABORT: Final = "agora_rec.abort"
"""The name of the server's extension that breaks the connection of a request."""


class ConnectionBroken(Exception):  # noqa: N818 - it happened, and the server shall make it true
    """The connection is to break, and the server has offered no way to do it.

    A server closes the connection (or answers 500) when an application raises.
    """


async def handle(service: Service, clock: Clock, request: Request) -> Reply:
    """Bring one request to its reply, waiting on the clock; at least one checkpoint on the way.

    Being cancelled here changes nothing at the service: what has arrived is carried out.
    """
    arrival = service.arrive(request, clock.now())
    while True:
        await clock.sleep(max(0.0, (arrival.due - clock.now()).total_seconds()))
        reply = service.complete(arrival, clock.now())
        if reply is not None:
            return reply


@define(eq=False)
class App:
    """The ASGI callable. Only HTTP; no lifespan of its own. Below `/_emulator` is the control API."""

    _service: Service
    _clock: Clock
    _ids: Ids
    _control: Control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            ConnectionBroken: the connection is to break, and only the server can do that.
        """
        if scope["type"] != "http":
            raise NotImplementedError(f"the emulator speaks HTTP only, not {scope['type']}")
        request = await _read_request(scope, receive)
        if request is None:
            return
        if self._control.answers(request.path):
            await self._answer_control(scope, send, request)
            return
        reply = await handle(self._service, self._clock, request)
        if isinstance(reply, Answer):
            await _send(send, reply, self._ids.request_id())
            return
        extensions: Mapping[str, Any] = scope.get("extensions") or {}
        abort: Callable[[], Awaitable[None]] | None = extensions.get(ABORT)
        if abort is None:
            raise ConnectionBroken
        await abort()

    async def _answer_control(self, scope: Scope, send: Send, request: Request) -> None:
        client = scope.get("client")
        response = await self._control.answer(
            request,
            query=scope.get("query_string", b""),
            scheme=scope.get("scheme", "http"),
            client=client[0] if client else None,
            root=scope.get("root_path", ""),
        )
        headers = {**response.all_headers, "content-length": str(len(response.body))}
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": encoded})
        await send({"type": "http.response.body", "body": response.body})


async def _read_request(scope: Scope, receive: Receive) -> Request | None:
    """The whole request; None if its sender left in the middle. More than the limit is not kept."""
    chunks = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if len(chunks) <= wire.BODY_BYTES_MAX:
            chunks += message.get("body", b"")
        more = message.get("more_body", False)
    headers = _read_headers(scope["headers"])
    # Mounted in another application, its paths begin below that place.
    raw = (scope.get("raw_path") or scope["path"].encode()).removeprefix(scope.get("root_path", "").encode())
    return Request(
        method=scope["method"],
        path=raw.partition(b"?")[0].decode("latin-1"),
        headers=headers,
        body=bytes(chunks),
        host=_host_of(headers.get("host", "")),
    )


def _host_of(header: str) -> str:
    """A Host header without its port; an IPv6 address without its brackets, as httpx names it."""
    name, bracket, _ = header.removeprefix("[").partition("]")
    return name if bracket else header.partition(":")[0]


def _read_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in pairs}


async def _send(send: Send, answer: Answer, request_id: str) -> None:
    headers = [
        (b"content-type", answer.content_type.encode("latin-1")),
        (b"x-request-id", request_id.encode()),
    ]
    has_body = answer.status not in _BODILESS
    if has_body:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body if has_body else b""})
