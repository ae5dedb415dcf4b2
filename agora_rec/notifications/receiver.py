"""What `NotificationApp` knows of the client: one method. And what users hang in between.

The client is `CloudRecording`; anything with the same method will do, in tests above all.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol, TypeAlias

from agora_rec.model.notification import Notification

if TYPE_CHECKING:
    from agora_rec.recording import Recording

Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]
"""The headers of a request, as frameworks give them; names are case-insensitive."""

BeforeAck: TypeAlias = Callable[[Notification, "Recording | None"], Awaitable[None]]
"""What is awaited before a notification is acknowledged; the recording is None if nobody knows it."""


class Receiver(Protocol):
    """Somebody who takes in webhooks."""

    async def receive(
        self, headers: Headers, body: bytes, *, before_ack: BeforeAck | None = None
    ) -> Notification:
        """Take in one webhook; when this returns, all that comes of it is safe.

        Raises:
            NotificationRejected: It isn't the service's, too large, or malformed.
            NotAcknowledged: `before_ack` has raised, or took too long; the service shall send it again.
        """
        ...
