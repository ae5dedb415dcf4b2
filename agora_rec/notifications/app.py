"""`NotificationApp`: webhooks as an ASGI application, to be mounted anywhere. No framework.

HTTP is its business: methods, sizes, times, and which answer makes the service send again. What a webhook
means is the receiver's. Every request is answered within `ANSWER_SECONDS`, since the service waits for ten
(events.yaml delivery.timeout_s) and takes silence for a failure.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import anyio
from attrs import define, field

from agora_rec.errors import NotificationRejected
from agora_rec.model.notification import Notification
from agora_rec.notifications import answers
from agora_rec.notifications.answers import Answer
from agora_rec.notifications.body import MAX_BYTES
from agora_rec.notifications.logs import log_answer, log_left
from agora_rec.notifications.receiver import BeforeAck, Receiver

# Each framework types these mappings in its own way.
Scope: TypeAlias = Any
Message: TypeAlias = Any
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

READ_BYTES_MAX: Final = 1024 * 1024
"""How much is read of a body that is too large: who is still sending might never see the answer."""

BODY_SECONDS: Final = 5.0
"""How long a body may take to come in; the service's come in one piece with their headers."""

ANSWER_SECONDS: Final = 9.0
"""When the answer goes out at the latest, counted from the request."""

_LENGTH_DIGITS_MAX: Final = 9


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
        request = _Request([(name, value) for name, value in scope["headers"]])
        refusal = await _read(request, receive)
        if request.is_left:
            log_left()
            return None
        if scope["method"] != "POST":
            return _logged(answers.NOT_ALLOWED, began)
        if refusal is not None:
            return _logged(refusal, began)
        answered: list[Answer] = []

        async def take_in() -> None:
            answered.append(await self._take_in(request, began))

        # In a task of its own: on asyncio `task.cancel()` goes through shields.
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(take_in)
        return answered[0]

    async def _take_in(self, request: "_Request", began: float) -> Answer:
        with anyio.CancelScope(deadline=began + ANSWER_SECONDS, shield=True):
            try:
                notification = await self._cloud.receive(
                    request.headers, bytes(request.body), before_ack=self._before_ack
                )
            except NotificationRejected as rejected:
                return _logged(answers.REFUSALS[rejected.reason], began, error=rejected)
            except Exception as error:  # noqa: BLE001 - whatever it is, the service shall send it again
                return _logged(answers.NOT_ACKNOWLEDGED, began, error=error)
            return _logged(answers.ACKNOWLEDGED, began, notification)
        return _logged(answers.TOO_LATE, began)


@define(eq=False)
class _Request:
    """A request that comes in. Its repr shows nothing of that: a body may hold the key of a stream."""

    headers: list[tuple[bytes, bytes]] = field(repr=False)
    body: bytearray = field(factory=bytearray, init=False, repr=False)
    size: int = field(default=0, init=False)
    is_whole: bool = field(default=False, init=False)
    is_left: bool = field(default=False, init=False)

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to come, or nothing that matters."""
        return self.is_whole or self.is_left or self.size > READ_BYTES_MAX

    @property
    def declared_size(self) -> int:
        """The body's length as its sender declares it; 0 if they don't, or in no way that can be read."""
        for name, value in self.headers:
            if name.lower() == b"content-length" and value.isdigit():
                return int(value) if len(value) <= _LENGTH_DIGITS_MAX else READ_BYTES_MAX + 1
        return 0

    def add(self, message: Message) -> None:
        """Take what the server has read; what is too large is counted, and not kept."""
        self.is_left = message["type"] == "http.disconnect"
        chunk: bytes = message.get("body", b"")
        self.size += len(chunk)
        if self.size <= MAX_BYTES:
            self.body += chunk
        self.is_whole = not message.get("more_body", False)


async def _read(request: _Request, receive: Receive) -> Answer | None:
    """Read the body; gives what to answer if it is none that can be taken in."""
    if request.declared_size > READ_BYTES_MAX:
        return answers.TOO_LARGE
    with anyio.move_on_after(BODY_SECONDS):
        while not request.is_over:
            request.add(await receive())
        return answers.TOO_LARGE if request.size > MAX_BYTES else None
    return answers.TOO_SLOW


async def _send(send: Send, answer: Answer, *, with_body: bool) -> None:
    """Send an answer; whether the connection stays open is for the server to say."""
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
