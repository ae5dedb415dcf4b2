"""Events of extension services: ApsaraVideo VoD and audio moderation. All are legacy."""

from typing import ClassVar

from attrs import frozen

from agora_rec.model.answers import ServiceName, TrackType, VodVideo
from agora_rec.model.events.base import Event
from agora_rec.vocabulary import OpenIntEnum


class ExtensionErrorCode(OpenIntEnum):
    """What went wrong between the recording and an extension service."""

    PULL_REQUEST_FAILED = 1
    STATE_REQUEST_FAILED = 2
    PULL_ERROR = 3
    STOP_REQUEST_FAILED = 4
    SERVICE_ERROR = 5


@frozen(kw_only=True)
class VodStarted(Event):
    """The upload to ApsaraVideo VoD has begun (60).

    Attributes:
        video: The video that it becomes there.
    """

    event_type: ClassVar[int] = 60
    video: VodVideo | None = None


@frozen(kw_only=True)
class VodTriggered(Event):
    """ApsaraVideo VoD works on the video (61)."""

    event_type: ClassVar[int] = 61


@frozen(kw_only=True)
class ExtensionServiceError(Event):
    """An extension service failed (201).

    Attributes:
        service_name: Which one.
        stream_type: What it was given: audio.
        stream_uid: Whose stream; 0 for the mixed one.
        error_code: What went wrong.
    """

    event_type: ClassVar[int] = 201
    service_name: ServiceName | None = None
    stream_type: TrackType | None = None
    stream_uid: int | None = None
    error_code: ExtensionErrorCode | None = None


@frozen(kw_only=True)
class ExtensionServiceStarted(Event):
    """An extension service has begun with a stream (202).

    Attributes:
        service_name: Which one.
        stream_type: What it is given: audio.
        stream_uid: Whose stream; 0 for the mixed one.
    """

    event_type: ClassVar[int] = 202
    service_name: ServiceName | None = None
    stream_type: TrackType | None = None
    stream_uid: int | None = None


@frozen(kw_only=True)
class ExtensionServiceStopped(Event):
    """An extension service has ended with a stream (203).

    Attributes:
        service_name: Which one.
        stream_type: What it was given: audio.
        stream_uid: Whose stream; 0 for the mixed one.
    """

    event_type: ClassVar[int] = 203
    service_name: ServiceName | None = None
    stream_type: TrackType | None = None
    stream_uid: int | None = None
