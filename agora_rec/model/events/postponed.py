"""Events of postponed transcoding, which works on the files after a recording. All are legacy."""

from typing import ClassVar

from attrs import frozen

from agora_rec.model.answers import RecordedFile
from agora_rec.model.events.base import Event
from agora_rec.vocabulary import OpenStrEnum


class TranscodingResult(OpenStrEnum):
    """What became of transcoding, for all users together."""

    ALL_SUCCESS = "all_success"
    PARTIAL_SUCCESS = "partial_success"
    FAIL = "fail"


class UserTranscodingResult(OpenStrEnum):
    """What became of transcoding for one user."""

    SUCCESS = "success"
    FAIL = "fail"


class PostponedResult(OpenStrEnum):
    """What became of postponed transcoding or mixing in the end; other words than those of event 81."""

    TOTAL_SUCCESS = "total_success"
    PARTIAL_SUCCESS = "partial_success"
    FAILED = "failed"


@frozen(kw_only=True)
class TranscodedUser:
    """What was made of one user's files.

    Attributes:
        uid: The user.
        result: What became of it.
        files: The new files.
    """

    uid: int | None = None
    result: UserTranscodingResult | None = None
    files: tuple[RecordedFile, ...] = ()


@frozen(kw_only=True)
class TranscoderStarted(Event):
    """Transcoding has begun (80)."""

    event_type: ClassVar[int] = 80


@frozen(kw_only=True)
class TranscoderCompleted(Event):
    """Transcoding has ended (81).

    Attributes:
        result: What became of it.
        users: What was made for each user.
    """

    event_type: ClassVar[int] = 81
    result: TranscodingResult | None = None
    users: tuple[TranscodedUser, ...] = ()


@frozen(kw_only=True)
class DownloadFailed(Event):
    """The files to transcode could not be read from the storage (90); at most once in a recording.

    Attributes:
        vendor: The storage's vendor, by the service's number.
        region: The storage's region, by the vendor's number.
        bucket: The bucket.
        file_names: Playlists, or TS or WebM files.
    """

    event_type: ClassVar[int] = 90
    vendor: int | None = None
    region: int | None = None
    bucket: str | None = None
    file_names: tuple[str, ...] = ()


@frozen(kw_only=True)
class PostponedTranscodingFinished(Event):
    """What became of postponed transcoding or mixing in the end (1001); the service itself reports it.

    Attributes:
        result: What became of it.
        files: The new files.
    """

    event_type: ClassVar[int] = 1001
    result: PostponedResult | None = None
    files: tuple[RecordedFile, ...] = ()
