"""A receiver without a client: it does as a test tells it, and keeps what it was given."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from attrs import define, evolve, field

from agora_rec.model.events import RecorderStarted
from agora_rec.model.notification import Notification
from agora_rec.notifications.receiver import BeforeAck

STARTED: Final = Notification(
    notice_id="n-1", event_type=40, cname="class-42", uid=880011, sid="0f6c2a5d", event=RecorderStarted()
)


async def nothing() -> None:
    """Take no time and raise nothing."""


@define(repr=False)
class FakeReceiver:
    """Does `work` for each webhook, and gives `notification` for it."""

    work: Callable[[], Awaitable[None]] = nothing
    notification: Notification = STARTED
    begun: list[bytes] = field(factory=list[bytes])
    done: list[bytes] = field(factory=list[bytes])
    headers: list[Any] = field(factory=list[Any])
    hooks: list[BeforeAck | None] = field(factory=list["BeforeAck | None"])

    async def receive(
        self, headers: Any, body: bytes, *, before_ack: BeforeAck | None = None
    ) -> Notification:
        """See `Receiver`."""
        self.headers.append(headers)
        self.hooks.append(before_ack)
        self.begun.append(body)
        await self.work()
        self.done.append(body)
        return evolve(self.notification, duplicate=body in self.done[:-1])
