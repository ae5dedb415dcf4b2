"""Events of page recording, and of the push to a CDN that goes with it."""

from datetime import datetime
from typing import ClassVar

from attrs import field, frozen

from agora_rec.model.answers import RecordedFile, RtmpStatus
from agora_rec.model.events.base import Event
from agora_rec.secret import Secret, hide
from agora_rec.vocabulary import OpenIntEnum, OpenStrEnum


class WebStopCode(OpenIntEnum):
    """Why the recording of a page stopped."""

    OK = 0
    """The user stopped it."""
    MAX_RECORDING_HOUR = 1
    """`max_recording_hour` was reached."""
    CAPABILITY_LIMIT = 2
    """The page uses something unsupported (`WebCapabilityLimit` says what)."""
    START_ENGINE_FAILED = 3
    PAGE_LOAD_TIMEOUT = 4
    """The page was not ready within `ready_timeout`."""
    ACCESS_URL_FAILED = 5
    """The page could not be opened."""
    RECORDER_ERROR = 6


class LimitType(OpenStrEnum):
    """What a page does that can't be recorded."""

    RESOLUTION = "resolution"
    """A video that is too large; the documents name 1280 x 720 and 1920 x 1080."""
    WEBGL = "WebGL"
    BANDWIDTH = "bandwidth"
    """More than 10 Mbit/s up or 1 Gbit/s down."""


class ReloadReason(OpenStrEnum):
    """Why a page was loaded again."""

    AUDIO_SILENCE = "audio_silence"
    """Its sound was lost."""
    PAGE_LOAD_TIMEOUT = "page_load_timeout"
    """It was not ready within `ready_timeout`, once."""


@frozen(kw_only=True)
class WebRecorderStarted(Event):
    """The recording of the page has begun (70).

    Attributes:
        recorder_start_time: When (UTC).
    """

    event_type: ClassVar[int] = 70
    recorder_start_time: datetime | None = None


@frozen(kw_only=True)
class WebRecorderStopped(Event):
    """The recording of the page has stopped (71).

    Attributes:
        code: Why.
        message: The word that belongs to the code.
        details: More about it in words.
        files: The files.
    """

    event_type: ClassVar[int] = 71
    code: WebStopCode | None = None
    message: str | None = None
    details: str | None = None
    files: tuple[RecordedFile, ...] = ()


@frozen(kw_only=True)
class WebCapabilityLimit(Event):
    """The page does what can't be recorded (72): the recording stops at once.

    Attributes:
        limit_type: What it is.
    """

    event_type: ClassVar[int] = 72
    limit_type: LimitType | None = None


@frozen(kw_only=True)
class WebRecorderReloaded(Event):
    """The page was loaded again (73).

    Attributes:
        reason: Why.
    """

    event_type: ClassVar[int] = 73
    reason: ReloadReason | None = None


@frozen(kw_only=True)
class RtmpPublishStatus(Event):
    """How a push to a CDN is doing has changed (100).

    Attributes:
        rtmp_url: Where to; secret, since it holds the stream's key.
        status: How it is doing.
    """

    event_type: ClassVar[int] = 100
    rtmp_url: Secret | None = field(default=None, converter=hide)
    status: RtmpStatus | None = None
