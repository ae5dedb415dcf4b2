"""`NotificationApp`: webhooks as an ASGI application, to be mounted anywhere. No framework.

HTTP is its business: methods, sizes, times, and which answer makes the service send again. What a webhook
means is the receiver's. Every request is answered within `ANSWER_SECONDS`, since the service waits for ten
(events.yaml delivery.timeout_s) and takes silence for a failure.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

import anyio
from attrs import define, field

from agora_rec.errors import NotificationRejected
from agora_rec.model.notification import Notification
from agora_rec.notifications import answers
from agora_rec.notifications.answers import Answer
from agora_rec.notifications.logs import log_answer, log_left
from agora_rec.notifications.receiver import BeforeAck, Receiver

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

BODY_BYTES_MAX: Final = 256 * 1024
"""The largest body that is taken in; the service's own have some kilobytes."""

READ_BYTES_MAX: Final = 1024 * 1024
"""How much is read of a larger one, and thrown away: who is still sending might never see the answer."""

BODY_SECONDS: Final = 5.0
"""How long a body may take to come in; the service's come in one piece with their headers."""

ANSWER_SECONDS: Final = 9.0
"""When the answer goes out at the latest, counted from the request."""

_LENGTH_DIGITS_MAX: Final = 9

_Headers: TypeAlias = list[tuple[bytes, bytes]]


@define(eq=False)
class NotificationApp:
    """An ASGI application that takes in webhooks: POST, at whatever path it is mounted.

    It answers with JSON: 200 when all that comes of a notification is safe, also for duplicates, recordings
    that nobody knows, and events of kinds that don't exist yet; 401 for a bad signature, 400 for what is not
    a notification, 405, 408 for a body that takes more than five seconds, 413 over 256 KiB, and 503 if it
    could not be made safe: `before_ack` raised or took more than eight seconds, the store failed, or the
    client isn't open. The service sends again what is not answered 200.

    A notification that is whole is taken in to the end, though its sender leaves and the server cancels the
    request: within nine seconds of the request's beginning, like everything here.

    Args:
        cloud: The client; it is opened and closed by whoever made it.
        before_ack: Awaited with each new notification and its recording, if there is one, before the service
            is told that it has arrived: the place to save what must not be lost. What the body took beyond
            the first second goes from its eight.
    """

    _cloud: Receiver = field(alias="cloud")
    _before_ack: BeforeAck | None = field(default=None, alias="before_ack", kw_only=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one life of the server.

        Raises:
            NotImplementedError: This is neither HTTP nor a WebSocket nor a lifespan.
        """
        match scope["type"]:
            case "http":
                answer = await self._answer(scope, receive)
                if answer is not None:
                    await _send(send, answer, with_body=scope["method"] != "HEAD")
            case "lifespan":
                await _live(receive, send)
            case "websocket":
                await receive()
                await send({"type": "websocket.close"})  # before it is accepted: the server answers 403
            case kind:
                raise NotImplementedError(f"webhooks come by HTTP, not by {kind}")

    async def _answer(self, scope: Scope, receive: Receive) -> Answer | None:
        """What to answer; None: there is nobody any more to be answered."""
        began = anyio.current_time()
        headers = [(name, value) for name, value in scope["headers"]]
        body = await _read(headers, receive)
        if body is None:
            log_left()
            return None
        if scope["method"] != "POST":
            return _logged(answers.NOT_ALLOWED, began)
        if isinstance(body, Answer):
            return _logged(body, began)
        answered: list[Answer] = []

        async def take_in() -> None:
            answered.append(await self._take_in(headers, body, began))

        # In a task of its own: on asyncio `task.cancel()` goes through shields.
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(take_in)
        return answered[0]

    async def _take_in(self, headers: _Headers, body: bytes, began: float) -> Answer:
        with anyio.CancelScope(deadline=began + ANSWER_SECONDS, shield=True):
            try:
                notification = await self._cloud.receive(headers, body, before_ack=self._before_ack)
            except NotificationRejected as rejected:
                return _logged(answers.REFUSALS[rejected.reason], began, error=rejected)
            except Exception as error:  # noqa: BLE001 - whatever it is, the service shall send it again
                return _logged(answers.NOT_ACKNOWLEDGED, began, error=error)
            return _logged(answers.ACKNOWLEDGED, began, notification)
        return _logged(answers.TOO_LATE, began)


async def _read(headers: _Headers, receive: Receive) -> bytes | Answer | None:
    """The body; or what to answer instead; None if its sender left in the middle."""
    if _declared_length(headers) > READ_BYTES_MAX:
        return answers.TOO_LARGE
    size, body, more = 0, bytearray(), True
    with anyio.move_on_after(BODY_SECONDS):
        while more and size <= READ_BYTES_MAX:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= BODY_BYTES_MAX:
                body += chunk
            more = message.get("more_body", False)
        return bytes(body) if size <= BODY_BYTES_MAX else answers.TOO_LARGE
    return answers.TOO_SLOW


def _declared_length(headers: _Headers) -> int:
    """The body's length as its sender declares it; 0 if they don't, or in no way that can be read."""
    for name, value in headers:
        if name.lower() == b"content-length" and value.isdigit():
            return int(value) if len(value) <= _LENGTH_DIGITS_MAX else READ_BYTES_MAX + 1
    return 0


async def _send(send: Send, answer: Answer, *, with_body: bool) -> None:
    """Send it; whether the connection stays open is for the server to say."""
    body = answer.body
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *answer.headers,
    ]
    try:
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body if with_body else b""})
    except OSError:  # what the servers' rules say where the peer has left
        log_left()


async def _live(receive: Receive, send: Send) -> None:
    """Say yes to the server's beginning and end: the client is not opened here."""
    for phase in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{phase}.complete"})


def _logged(
    answer: Answer, began: float, notification: Notification | None = None, error: Exception | None = None
) -> Answer:
    """The same answer, told to the log."""
    seconds = anyio.current_time() - began
    log_answer(answer, seconds=seconds, notification=notification, error=error)
    return answer
