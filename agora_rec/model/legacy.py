"""What left the current documents: work after the recording, ApsaraVideo VoD, audio moderation."""

from typing import ClassVar

from attrs import field, frozen

from agora_rec.model.choices import (
    Channels,
    CombinationPolicy,
    ErrorHandlePolicy,
    MixBitrate,
    SampleRate,
    StreamTypes,
    TransFormat,
    TransMode,
)
from agora_rec.model.converters import one_secret
from agora_rec.secret import Secret


@frozen(kw_only=True)
class PostponedTranscoding:
    """An MP4 made after the recording. Not with Qiniu; the storage key must read and write.

    Such a recording is acquired with `Scene.POSTPONED`.

    Attributes:
        format: MP4; None: not sent.
    """

    combination_policy: ClassVar[CombinationPolicy] = CombinationPolicy.POSTPONE_TRANSCODING
    trans_mode: ClassVar[TransMode] = TransMode.POSTPONE_TRANSCODING
    format: TransFormat | None = None


@frozen(kw_only=True)
class PostponedAudioMix:
    """One audio file mixed after the recording. Not with Qiniu; the storage key must read and write.

    Such a recording is acquired with `Scene.POSTPONED`.

    Attributes:
        format: MP3 (the service's default), M4A or AAC.
        sample_rate: the service's default is 48000 Hz.
        bitrate: 48000 is the only value.
        channels: the service's default is stereo.
    """

    combination_policy: ClassVar[CombinationPolicy] = CombinationPolicy.POSTPONE_TRANSCODING
    trans_mode: ClassVar[TransMode] = TransMode.AUDIO_MIX
    format: TransFormat | None = None
    sample_rate: SampleRate | None = None
    bitrate: MixBitrate | None = None
    channels: Channels | None = None


Postponed = PostponedTranscoding | PostponedAudioMix
"""Work after an individual recording."""


@frozen(kw_only=True)
class LegacyService:
    """What the legacy extension services have in common.

    Attributes:
        error_handle_policy: for all services of the recording.
        service_error_handle_policy: for this one.
        api_version: `v1` in the documents of 2022.
    """

    error_handle_policy: ErrorHandlePolicy | None = None
    service_error_handle_policy: ErrorHandlePolicy | None = None
    api_version: str | None = None


@frozen(kw_only=True)
class ApsaraVideoVod(LegacyService):
    """A mixed recording's files also go to Alibaba's ApsaraVideo VoD.

    Attributes:
        access_key: the key's id at ApsaraVideo.
        secret_key: the key itself.
        region_id: ApsaraVideo's region.
        title: the video's title.
        description: a text about it.
        cover_url: a picture for it.
        cate_id: its category.
        tags: its tags.
        template_group_id: the group of transcoding templates.
        user_data: whatever ApsaraVideo is to hand back.
        storage_location: where ApsaraVideo keeps it.
        workflow_id: ApsaraVideo's workflow for it.
    """

    service_name: ClassVar[str] = "aliyun_vod_service"
    access_key: Secret = field(converter=one_secret)
    secret_key: Secret = field(converter=one_secret)
    region_id: str
    title: str
    description: str | None = None
    cover_url: str | None = None
    cate_id: str | None = None
    tags: str | None = None
    template_group_id: str | None = None
    user_data: str | None = None
    storage_location: str | None = None
    workflow_id: str | None = None


@frozen(kw_only=True)
class AlibabaAudioModeration(LegacyService):
    """An individual recording's audio is judged by Alibaba.

    Attributes:
        access_key: the key's id at Alibaba.
        secret_key: the key itself.
        callback_addr: where the judgements go.
        callback_seed: what they are signed with.
        biz_type: Alibaba's business scene.
        stream_types: only `StreamTypes.AUDIO`.
    """

    service_name: ClassVar[str] = "aliyun_voice_async_scan"
    access_key: Secret = field(converter=one_secret)
    secret_key: Secret = field(converter=one_secret)
    callback_addr: str
    callback_seed: Secret = field(converter=one_secret)
    biz_type: str | None = None
    stream_types: StreamTypes | None = None


@frozen(kw_only=True)
class YituAudioModeration(LegacyService):
    """An individual recording's audio is judged by Yitu.

    The service's name is all that is published: its parameters are sent as an empty object.

    Attributes:
        stream_types: only `StreamTypes.AUDIO`.
    """

    service_name: ClassVar[str] = "yitu_voice_async_scan"
    stream_types: StreamTypes | None = None


AudioModeration = AlibabaAudioModeration | YituAudioModeration
"""Who judges the audio of an individual recording."""
