"""What the service answers. All sets are open: an unknown word or number is kept, never refused."""

from datetime import datetime
from ipaddress import IPv4Address, IPv6Address

from attrs import field, frozen

from agora_rec.secret import Secret, hide
from agora_rec.vocabulary import OpenStrEnum, TaskStatus, UploadingStatus


class TrackType(OpenStrEnum):
    """What a file holds."""

    AUDIO = "audio"
    VIDEO = "video"
    AUDIO_AND_VIDEO = "audio_and_video"


class FileListMode(OpenStrEnum):
    """How the service wrote its list of files: one name, or a list."""

    STRING = "string"
    JSON = "json"


class ServiceName(OpenStrEnum):
    """The parts of a recording that report for themselves; the last three are legacy."""

    WEB_RECORDER = "web_recorder_service"
    RTMP_PUBLISH = "rtmp_publish_service"
    UPLOAD = "upload_service"
    ALIYUN_VOD = "aliyun_vod_service"
    ALIYUN_VOICE_ASYNC_SCAN = "aliyun_voice_async_scan"
    YITU_VOICE_ASYNC_SCAN = "yitu_voice_async_scan"


class ServiceState(OpenStrEnum):
    """How far such a part is; `IDLE` is said by ApsaraVideo VoD alone."""

    INIT = "init"
    IN_PROGRESS = "inProgress"
    EXIT = "exit"
    IDLE = "idle"


class RtmpStatus(OpenStrEnum):
    """How a push to a CDN is doing."""

    CONNECTING = "connecting"
    PUBLISHING = "publishing"
    ONHOLD = "onhold"
    DISCONNECTED = "disconnected"


class ModerationStatus(OpenStrEnum):
    """How the moderation of a stream is doing (legacy)."""

    IN_PROGRESS = "inProgress"
    FAILED = "failed"


@frozen
class RecordedFile:
    """A playlist or an MP4 file, as the service names it.

    Attributes:
        name: the object's key: the prefix and the file's name.
        track_type: what it holds.
        uid: whose it is; 0 for a mix; None: not said.
        mixed_all_user: whether all users are mixed in it.
        is_playable: whether it can be played online.
        slice_start_time: when its first slice begins.
    """

    name: str
    track_type: TrackType | None = field(default=None, kw_only=True)
    uid: int | None = field(default=None, kw_only=True)
    mixed_all_user: bool | None = field(default=None, kw_only=True)
    is_playable: bool | None = field(default=None, kw_only=True)
    slice_start_time: datetime | None = field(default=None, kw_only=True)


@frozen(kw_only=True)
class RtmpOutputState:
    """One push to a CDN.

    Attributes:
        rtmp_url: where to; secret, since it holds the stream's key.
        status: how it is doing.
    """

    rtmp_url: Secret | None = field(default=None, converter=hide)
    status: RtmpStatus | None = None


@frozen(kw_only=True)
class VodVideo:
    """One video at ApsaraVideo VoD (legacy)."""

    file_name: str | None = None
    video_id: str | None = None


@frozen(kw_only=True)
class StreamState:
    """The moderation of one stream (legacy).

    Attributes:
        uid: whose stream; 0 for a mixed one.
        stream_type: audio.
        status: how it is doing.
    """

    uid: int | None = None
    stream_type: TrackType | None = None
    status: ModerationStatus | None = None


@frozen(kw_only=True)
class ExtensionServiceState:
    """What one part of a recording says of itself; each part says only some of it.

    Attributes:
        service_name: which part.
        state: how far it is.
        status: how the push is doing, in the words of older servers.
        onhold: whether the page's recording is paused.
        files: the page's files.
        outputs: the pushes.
        uploading_status: where the files are.
        videos: what is at ApsaraVideo VoD (legacy).
        streams: the streams under moderation (legacy).
    """

    service_name: ServiceName | None = None
    state: ServiceState | None = None
    status: RtmpStatus | None = None
    onhold: bool | None = None
    files: tuple[RecordedFile, ...] = ()
    outputs: tuple[RtmpOutputState, ...] = ()
    uploading_status: UploadingStatus | None = None
    videos: tuple[VodVideo, ...] = ()
    streams: tuple[StreamState, ...] = ()


@frozen(kw_only=True)
class SubServiceState:
    """What older servers say of a part in words (legacy)."""

    name: str
    state: str | None = None


@frozen(kw_only=True)
class Answer:
    """The names that answers repeat; older servers leave some out."""

    cname: str | None = None
    uid: int | None = None


@frozen(kw_only=True)
class AcquireAnswer(Answer):
    """A resource was acquired.

    Attributes:
        resource_id: its ID; good for one start within five minutes.
    """

    resource_id: str


@frozen(kw_only=True)
class StartAnswer(Answer):
    """A start was accepted; whether it records is for a query or an event to say.

    Attributes:
        sid: the recording's ID.
        resource_id: as acquired.
    """

    sid: str
    resource_id: str | None = None


@frozen(kw_only=True)
class SessionAnswer(Answer):
    """What answers about a running recording repeat."""

    resource_id: str | None = None
    sid: str | None = None


@frozen(kw_only=True)
class UpdateAnswer(SessionAnswer):
    """An update was accepted."""


@frozen(kw_only=True)
class UpdateLayoutAnswer(SessionAnswer):
    """A new layout was accepted."""


@frozen(kw_only=True)
class QueryAnswer(SessionAnswer):
    """How a recording is doing.

    Attributes:
        status: how far the service's task is; 4 and 5 mean that it has begun.
        files: its files so far, those of a web page included.
        file_list_mode: how the service wrote the list.
        slice_start_time: when the recording's first slice begins; None: not yet.
        services: what its parts say of themselves.
        sub_services: the same from older servers (legacy).
    """

    status: TaskStatus | None = None
    files: tuple[RecordedFile, ...] = ()
    file_list_mode: FileListMode | None = None
    slice_start_time: datetime | None = None
    services: tuple[ExtensionServiceState, ...] = ()
    sub_services: tuple[SubServiceState, ...] = ()


@frozen(kw_only=True)
class StopAnswer(SessionAnswer):
    """A recording was stopped.

    Attributes:
        uploading_status: where the files are; None: not said.
        files: its files, those of a web page included.
        file_list_mode: how the service wrote the list.
        services: what its parts say of themselves.
    """

    uploading_status: UploadingStatus | None = None
    files: tuple[RecordedFile, ...] = ()
    file_list_mode: FileListMode | None = None
    services: tuple[ExtensionServiceState, ...] = ()


@frozen(kw_only=True)
class NcsIpAnswer:
    """Where the service's webhooks come from.

    Attributes:
        addresses: the addresses of today, as they were said; ask again every day.
    """

    addresses: tuple[IPv4Address | IPv6Address, ...] = ()


AnyAnswer = (
    AcquireAnswer | StartAnswer | QueryAnswer | UpdateAnswer | UpdateLayoutAnswer | StopAnswer | NcsIpAnswer
)
"""Every answer."""
