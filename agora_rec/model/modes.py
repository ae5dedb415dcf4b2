"""The three ways to record, each with all that it needs to start.

What is None isn't sent: the service then takes its own default, which each class names.
"""

from typing import ClassVar

from attrs import field, frozen

from agora_rec.model.choices import (
    AudioProfile,
    AvFileType,
    ChannelType,
    DecryptionMode,
    ErrorHandlePolicy,
    Scene,
    SnapshotFileType,
    StreamMode,
    StreamTypes,
    SubscribeUidGroup,
    VideoStreamType,
)
from agora_rec.model.converters import optional_file_types, optional_secrets, snapshot_file_types
from agora_rec.model.layout import Layout
from agora_rec.model.legacy import ApsaraVideoVod, AudioModeration, Postponed
from agora_rec.model.storage import Storage
from agora_rec.model.subscription import Subscription
from agora_rec.secret import Secret, hide
from agora_rec.vocabulary import ModeName


@frozen(kw_only=True)
class Encryption:
    """How to read an encrypted channel.

    Attributes:
        decryption_mode: the channel's way of encryption.
        secret: its key; needed unless the mode is `NONE`.
        salt: base64 of 32 bytes; needed for the two GCM2 modes.
    """

    decryption_mode: DecryptionMode
    secret: Secret | None = field(default=None, converter=hide)
    salt: Secret | None = field(default=None, converter=hide)


@frozen(kw_only=True)
class Transcoding:
    """The picture of a mixed recording.

    Older documents want all four numbers as soon as one is given. Width times height is at most 1920*1080.

    Attributes:
        width: in pixels; the service's default is 360.
        height: in pixels; the service's default is 640.
        fps: pictures a second; the service's default is 15. Older documents know 1, 7, 10, 15, 24, 30 and
            60, and take any other value as 15.
        bitrate: in Kbps; the service's default is 500. Older documents allow at most 6500.
        layout: who is seen where; the service's default is `Floating`.
    """

    width: int | None = None
    height: int | None = None
    fps: int | None = None
    bitrate: int | None = None
    layout: Layout | None = None


@frozen(kw_only=True)
class Snapshots:
    """Screenshots of each user's video.

    Attributes:
        capture_interval: seconds between two of them, 1 to 3600; the service's default is 10. The pages on
            start and acquire begin at 5, the one on screenshots and the Chinese documents at 1; here 1 to 4
            are let through.
        file_type: JPG is the only kind.
    """

    capture_interval: int | None = None
    file_type: tuple[SnapshotFileType | str, ...] = field(
        default=(SnapshotFileType.JPG,), converter=snapshot_file_types
    )


@frozen(kw_only=True)
class ChannelRecording:
    """What recordings of a channel have in common.

    Attributes:
        storage: where the files go.
        channel_type: the channel's profile; must be that of the SDK clients.
        encryption: how to read an encrypted channel.
        max_idle_time: the recording ends after so many seconds in which nobody was there (in live channels:
            no host), 5 to 2592000; the service's default is 30, it recommends 300.
        stream_types: audio, video or both, the service's default.
        video_stream_type: high-quality (the service's default) or low-quality stream.
        subscription: whom to record; None: everybody.
        av_file_type: `("hls",)`, the service's default, or `("hls", "mp4")`; MP4 not in individual mode.
        private_params: a JSON object as text (legacy); the one known use is `{"correctEXTINF":true}`.
    """

    storage: Storage
    channel_type: ChannelType = ChannelType.COMMUNICATION
    encryption: Encryption | None = None
    max_idle_time: int | None = None
    stream_types: StreamTypes | None = None
    video_stream_type: VideoStreamType | None = None
    subscription: Subscription | None = None
    av_file_type: tuple[AvFileType | str, ...] | None = field(default=None, converter=optional_file_types)
    private_params: str | None = None


@frozen(kw_only=True)
class Mix(ChannelRecording):
    """Record a channel as one: all users mixed into one picture and one sound.

    Attributes:
        audio_profile: quality of the audio; the service's default is mono at 48 Kbps.
        transcoding: the picture.
        vod: a copy to ApsaraVideo VoD (legacy).
    """

    name: ClassVar[ModeName] = ModeName.MIX
    audio_profile: AudioProfile | None = None
    transcoding: Transcoding | None = None
    vod: ApsaraVideoVod | None = None


@frozen(kw_only=True)
class Individual(ChannelRecording):
    """Record each user of a channel apart, take screenshots, or both.

    With `snapshots` and without `av_file_type` only screenshots are taken; with both, streams
    are recorded too.

    Attributes:
        subscribe_uid_group: how many users there may be.
        stream_mode: what is made of each user's streams.
        snapshots: screenshots; they need a stream type with video.
        postponed: work after the recording (legacy).
        moderation: audio moderation (legacy).
    """

    name: ClassVar[ModeName] = ModeName.INDIVIDUAL
    subscribe_uid_group: SubscribeUidGroup
    stream_mode: StreamMode | None = None
    snapshots: Snapshots | None = None
    postponed: Postponed | None = None
    moderation: AudioModeration | None = None

    @property
    def snapshots_only(self) -> bool:
        """Whether screenshots are all that is made, so that no answer names a file."""
        return self.snapshots is not None and self.av_file_type is None


@frozen(kw_only=True)
class Web:
    """Record a web page, and push it to a CDN if wanted.

    Width times height is at most 1920*1080.

    Attributes:
        storage: where the files go.
        url: the page. It is shown in reprs and kept in checkpoints: put no secret there.
        audio_profile: quality of the audio.
        video_width: in pixels, 240 to 1920.
        video_height: in pixels, 240 to 1920.
        max_recording_hour: the recording ends after so many hours, 1 to 720; not more than acquire's
            `resource_expired_hour`, says the service.
        video_bitrate: in Kbps, 50 to 8000; the service's default is 2000 from 1280*720 pixels on, else 1500.
        video_fps: pictures a second, 5 to 60; the service's default is 15.
        mobile: show the page as on a phone; the service's default is no.
        max_video_duration: minutes of one MP4 file, 30 to 240; the service's default is 120.
        onhold: open the page, and record nothing until `update(onhold=False)`; the service's default is no.
        ready_timeout: seconds within which the page must say that it is ready, 0 to 60; 0, the service's
            default, doesn't watch it.
        av_file_type: `("hls",)`, the service's default, or `("hls", "mp4")`.
        rtmp_urls: one URL, rtmp or rtmps, to push to. Kept secret, since it holds the stream's key.
        error_handle_policy: for all services of the recording; only `ABORT`.
        recorder_error_handle_policy: for the page; only `ABORT`.
        rtmp_error_handle_policy: for the push; only `IGNORE`.
        api_version: `v1` in the documents of 2022 (legacy).
    """

    name: ClassVar[ModeName] = ModeName.WEB
    storage: Storage
    url: str
    audio_profile: AudioProfile
    video_width: int
    video_height: int
    max_recording_hour: int
    video_bitrate: int | None = None
    video_fps: int | None = None
    mobile: bool | None = None
    max_video_duration: int | None = None
    onhold: bool | None = None
    ready_timeout: int | None = None
    av_file_type: tuple[AvFileType | str, ...] | None = field(default=None, converter=optional_file_types)
    rtmp_urls: tuple[Secret, ...] | None = field(default=None, converter=optional_secrets)
    error_handle_policy: ErrorHandlePolicy | None = None
    recorder_error_handle_policy: ErrorHandlePolicy | None = None
    rtmp_error_handle_policy: ErrorHandlePolicy | None = None
    api_version: str | None = None


Mode = Mix | Individual | Web
"""Every way to record."""


def scene_of(mode: Mode) -> Scene:
    """The scene that a resource for this mode is acquired with."""
    if isinstance(mode, Web):
        return Scene.WEB
    postponed = isinstance(mode, Individual) and mode.postponed is not None
    return Scene.POSTPONED if postponed else Scene.RTC
