"""What must hold for whatever a client receives: what holds for reading it, and its recording stays whole."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from attrs import define, evolve

from agora_rec import Checkpoint, CloudRecording, Recording
from agora_rec.errors import NotificationRejected
from agora_rec.model.notification import Notification
from tests.fuzz.target import RUNNING, SECRETS, Delivery, feed_both
from tests.support.cloud import a_client, an_emulator


@define
class Desk:
    """A client that takes in notifications, and the recording that most of them are about."""

    cloud: CloudRecording
    recording: Recording

    async def take(self, given: Delivery) -> None:
        """Receive it twice: once for its effect, once more as the service would.

        Raises:
            AssertionError: What must hold doesn't. Any other exception is a finding as well.
        """
        is_verified, read = feed_both(given)
        received = await self._received(given)
        if read is None or not is_verified:
            assert isinstance(received, NotificationRejected)
            return
        assert isinstance(received, Notification)
        assert evolve(received, duplicate=False) == read
        if received.notice_id or received.sid:
            again = await self._received(given)
            assert isinstance(again, Notification)
            assert again.duplicate

    async def _received(self, given: Delivery) -> Notification | NotificationRejected:
        try:
            return await self.cloud.receive(given.headers, given.body)
        except NotificationRejected as rejected:
            return rejected

    async def check(self) -> None:
        """Make sure that the recording can be shown, written down and gone on from."""
        assert repr(self.recording)
        assert repr(self.recording.outcome)
        checkpoint = self.recording.checkpoint()
        again = Checkpoint.from_json(checkpoint.to_json())
        # Of notifications the secrets are not kept; that the rest is, stands in `target`.
        assert evolve(again, notifications=()) == evolve(checkpoint, notifications=())
        assert len(again.notifications) == len(checkpoint.notifications)
        stored = await self.cloud.store.load(self.recording.id)
        assert stored is None or stored.checkpoint.standing == checkpoint.standing


@asynccontextmanager
async def open_desk() -> AsyncGenerator[Desk]:
    """Open a client that knows the recording."""
    async with a_client(an_emulator(), webhook_secret=SECRETS) as cloud:
        desk = Desk(cloud, cloud.attach(RUNNING))
        yield desk
        await desk.check()
