"""Who is in which channel, and since when: the world outside the service that recordings depend on.

Stays are kept after they end, so that whatever happened to a recording can be worked out later from
them. Pure: the moments come in.
"""

from datetime import UTC, datetime
from typing import Final

from attrs import define, field

from agora_rec.emulator.settings import User

EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
EVERMORE: Final = datetime(9999, 1, 1, tzinfo=UTC)


@define
class Stay:
    """One user's time in a channel with the same streams; `until` is None while it lasts.

    `webm`: they come from a browser whose codec ends in WebM files.
    """

    uid: str
    since: datetime
    audio: bool
    video: bool
    host: bool
    until: datetime | None = None
    webm: bool = False


@define
class Channel:
    """One channel. It begins with the users that it is given, who have been there for ever."""

    name: str
    stays: list[Stay] = field(factory=list[Stay])

    @classmethod
    def populated(cls, name: str, users: tuple[User, ...]) -> "Channel":
        """A channel in which these users always were."""
        return cls(
            name,
            [Stay(str(user.uid), EVER, user.audio, user.video, user.host, webm=user.webm) for user in users],
        )

    def join(
        self, uid: str, now: datetime, *, audio: bool, video: bool, host: bool, webm: bool = False
    ) -> None:
        """Somebody comes, or begins to send something else."""
        self.leave(uid, now)
        self.stays.append(Stay(uid, now, audio, video, host, webm=webm))

    def publish(self, uid: str, now: datetime, *, audio: bool | None, video: bool | None) -> None:
        """Somebody who is there begins or ceases to send something; None: as before. Senders are hosts.

        Raises:
            LookupError: they aren't there.
        """
        stay = next((stay for stay in self.stays if stay.uid == uid and stay.until is None), None)
        if stay is None:
            raise LookupError(f"{uid} is not in the channel {self.name}")
        # An audience has sent nothing that counts in a live broadcast.
        before = (stay.audio and stay.host, stay.video and stay.host)
        after = (before[0] if audio is None else audio, before[1] if video is None else video)
        if after != before:
            self.join(uid, now, audio=after[0], video=after[1], host=True, webm=stay.webm)

    def webm_stays(self, uid: str) -> tuple[Stay, ...]:
        """When that user sent what ends in WebM files."""
        return tuple(stay for stay in self.stays if stay.uid == uid and stay.webm)

    def leave(self, uid: str, now: datetime) -> None:
        """Somebody goes; nothing happens if they aren't there."""
        for stay in self.stays:
            if stay.uid == uid and stay.until is None:
                stay.until = now

    def empty(self, now: datetime) -> None:
        """Everybody goes."""
        for stay in self.stays:
            stay.until = stay.until or now

    def users(self) -> tuple[str, ...]:
        """The uids of those who are there, in the order in which they came."""
        return tuple(stay.uid for stay in self.present(EVERMORE))

    def present(self, moment: datetime) -> tuple[Stay, ...]:
        """Who was there at a moment, in the order in which they came: whoever sends something else stays."""
        latest: dict[str, tuple[datetime, int, Stay]] = {}
        there: list[tuple[datetime, int, Stay]] = []
        for number, stay in enumerate(self.stays):
            came, place, before = latest.get(stay.uid, (stay.since, number, stay))
            goes_on = before.until == stay.since
            latest[stay.uid] = (came, place, stay) if goes_on else (stay.since, number, stay)
            if stay.since <= moment and (stay.until is None or moment < stay.until):
                there.append(latest[stay.uid])
        return tuple(stay for *_, stay in sorted(there, key=lambda each: each[:2]))

    def idle_since(
        self, begin: datetime, now: datetime, seconds: float, *, hosts_only: bool
    ) -> datetime | None:
        """When the first gap from `begin` on began that nobody ended within `seconds`, if there is one.

        With `hosts_only` the audience doesn't count. A gap that still lasts at `now` counts if it is long
        enough by then.
        """
        idle = begin
        counted = [stay for stay in self.stays if stay.host or not hosts_only]
        for stay in sorted(counted, key=lambda stay: stay.since):
            until = stay.until or now
            if stay.until is not None and until <= idle:
                continue
            if (stay.since - idle).total_seconds() >= seconds:
                return idle
            if stay.until is None:
                return None
            idle = until
        return idle if (now - idle).total_seconds() >= seconds else None

    def first_presence(self, uid: str, begin: datetime) -> datetime | None:
        """The first moment from `begin` on at which that user is there."""
        moments = [
            max(stay.since, begin)
            for stay in self.stays
            if stay.uid == uid and (stay.until is None or stay.until > begin)
        ]
        return min(moments, default=None)
