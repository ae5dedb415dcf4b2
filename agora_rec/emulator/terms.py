"""The values that a recording's life is described with: its ends, servers, moves and playlists.

What they come to at which moment is worked out by `session`.
"""

from datetime import datetime
from enum import StrEnum, unique

from attrs import frozen


@unique
class EndReason(StrEnum):
    """Why a recording ended."""

    STOPPED = "stopped"
    IDLE = "idle"
    HOURS_OVER = "hours_over"
    """maxRecordingHour of a web recording."""
    WRONG_PARAMETERS = "wrong_parameters"
    """The asynchronous check: storage, images or token."""
    UID_TAKEN = "uid_taken"
    """Somebody in the channel has the recorder's uid."""
    PAGE_TROUBLE = "page_trouble"
    """A web page that can't be recorded (any more): `Settings.page_troubles`."""
    FAILED_OVER_TOO_OFTEN = "failed_over_too_often"
    """A fourth server was lost."""


@frozen
class End:
    """When and why a recording left the channel."""

    at: datetime
    reason: EndReason


@frozen
class Failover:
    """A move to another server: the old one was lost at `at`, and at `until` the new one is there."""

    at: datetime
    until: datetime
    uid: str
    old_reports: bool = False
    """Whether the old one still reports that it was ended."""


@frozen
class Worker:
    """One server's part of a recording.

    `number` counts from 0, `uid` is the recorder's in the channel. `lost_at` is None unless it was lost.
    """

    number: int
    uid: str
    ready_at: datetime
    lost_at: datetime | None

    @property
    def failover(self) -> int | None:
        """The number of the move that began it, as file names count them; None for the first."""
        return self.number - 1 if self.number else None


@frozen
class Track:
    """One playlist: whose streams, of which media, and when its first slice began.

    `failover` is the number of the move to another server that made it begin, None before the first.
    """

    uid: str
    track_type: str
    begin: datetime
    failover: int | None = None
