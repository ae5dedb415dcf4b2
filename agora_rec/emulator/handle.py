"""A channel as the emulator's users hold it: who is in it, and who comes, goes and sends what."""

from datetime import datetime

from attrs import define, field

from agora_rec.clock import Clock
from agora_rec.emulator.service import Service


@define(eq=False)
class ChannelHandle:
    """One channel, and who is in it; each change happens at the emulator's now."""

    name: str
    _service: Service = field(repr=False)
    _clock: Clock = field(repr=False)

    @property
    def users(self) -> tuple[int, ...]:
        """The uids of those who are in the channel, in the order in which they came."""
        return tuple(int(uid) for uid in self._service.office.channel(self.name).users())

    def join(
        self,
        uid: int,
        *,
        audio: bool = True,
        video: bool = True,
        host: bool = True,
        webm: bool = False,
    ) -> None:
        """Somebody comes, or, if they are there already, begins to send something else.

        `host` False is audience: in a live broadcast (channelType 1) they can't send, and don't keep it
        from being idle. `webm`: a browser whose video (VP8) is stored as WebM in individual mode.
        """
        now = self._now()
        channel = self._service.office.channel(self.name)
        channel.join(str(uid), now, audio=audio, video=video, host=host, webm=webm)
        self._service.channel_changed(self.name)

    def publish(self, uid: int, *, audio: bool = True, video: bool = True) -> None:
        """Somebody who is there begins to send these; who was audience is a host now.

        Raises:
            LookupError: they aren't there.
        """
        self._publish(uid, audio=True if audio else None, video=True if video else None)

    def unpublish(self, uid: int, *, audio: bool = True, video: bool = True) -> None:
        """Somebody who is there ceases to send these, and stays.

        Raises:
            LookupError: they aren't there.
        """
        self._publish(uid, audio=False if audio else None, video=False if video else None)

    def _publish(self, uid: int, *, audio: bool | None, video: bool | None) -> None:
        now = self._now()
        self._service.office.channel(self.name).publish(str(uid), now, audio=audio, video=video)
        self._service.channel_changed(self.name)

    def leave(self, uid: int) -> None:
        """Somebody goes; nothing happens if they aren't there."""
        now = self._now()
        self._service.office.channel(self.name).leave(str(uid), now)
        self._service.channel_changed(self.name)

    def empty(self) -> None:
        """Everybody goes."""
        now = self._now()
        self._service.office.channel(self.name).empty(now)
        self._service.channel_changed(self.name)

    def _now(self) -> datetime:
        # What is overdue comes first: it must still find the channel as it was.
        now = self._clock.now()
        self._service.catch_up(now)
        return now
