"""Events of the recorder in the channel: its coming and leaving, streams, slices and screenshots."""

from datetime import datetime
from typing import ClassVar

from attrs import frozen

from agora_rec.model.answers import TrackType
from agora_rec.model.events.base import Event, PartStatus
from agora_rec.model.events.service import LeaveCode
from agora_rec.vocabulary import OpenIntEnum


class StreamReception(OpenIntEnum):
    """Whether a stream arrives at the recorder."""

    RECEIVING = 0
    NOT_RECEIVING = 1


@frozen(kw_only=True)
class RecorderStarted(Event):
    """The recorder has joined the channel (40).

    Attributes:
        status: Whether it goes on normally.
    """

    event_type: ClassVar[int] = 40
    status: PartStatus | None = None


@frozen(kw_only=True)
class RecorderLeft(Event):
    """The recorder has left the channel (41).

    Attributes:
        leave_code: Why.
    """

    event_type: ClassVar[int] = 41
    leave_code: LeaveCode | None = None


@frozen(kw_only=True)
class SliceStarted(Event):
    """The first slice of a stream begins (42); once for each stream, and again after an interruption.

    Attributes:
        started_at: When it begins (UTC).
        discontinued_at: The same moment; after an interruption the end of the last good slice.
        mixed_all_user: Whether all users are mixed in it.
        stream_uid: Whose stream; 0 for a mix.
        track_type: What it holds.
    """

    event_type: ClassVar[int] = 42
    started_at: datetime | None = None
    discontinued_at: datetime | None = None
    mixed_all_user: bool | None = None
    stream_uid: int | None = None
    track_type: TrackType | None = None


@frozen(kw_only=True)
class AudioStreamChanged(Event):
    """A user's audio begins to arrive, or stops (43).

    Attributes:
        stream_uid: Whose stream; 0 can be the mixed one.
        state: Whether it arrives.
        changed_at: Since when (UTC).
    """

    event_type: ClassVar[int] = 43
    stream_uid: int | None = None
    state: StreamReception | None = None
    changed_at: datetime | None = None


@frozen(kw_only=True)
class VideoStreamChanged(Event):
    """A user's video begins to arrive, or stops (44).

    Attributes:
        stream_uid: Whose stream; 0 can be the mixed one.
        state: Whether it arrives.
        changed_at: Since when (UTC).
    """

    event_type: ClassVar[int] = 44
    stream_uid: int | None = None
    state: StreamReception | None = None
    changed_at: datetime | None = None


@frozen(kw_only=True)
class SnapshotTaken(Event):
    """A screenshot has been taken and uploaded (45).

    Attributes:
        file_name: The object's key: the prefix and the file's name.
    """

    event_type: ClassVar[int] = 45
    file_name: str | None = None


@frozen(kw_only=True)
class AudioInfoChanged(Event):
    """Something about the recorder's audio has changed (46). Seen by others, not documented."""

    event_type: ClassVar[int] = 46


@frozen(kw_only=True)
class VideoInfoChanged(Event):
    """Something about the recorder's video has changed (47). Seen by others, not documented."""

    event_type: ClassVar[int] = 47
