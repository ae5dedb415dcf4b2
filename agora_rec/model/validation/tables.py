"""The rules of every field of every value, as the service documents them.

The tables are held against the reference by a test. Rules that look at several fields are in `crosswise`.
"""

from collections.abc import Sequence
from typing import Final, get_args

from attrs import evolve, field, frozen

from agora_rec.model.alternate import Alternate
from agora_rec.model.choices import (
    AudioProfile,
    AvFileType,
    Channels,
    ChannelType,
    DecryptionMode,
    ErrorHandlePolicy,
    MixBitrate,
    RegionAffinity,
    RenderMode,
    SampleRate,
    Scene,
    ServerSideEncryption,
    SnapshotFileType,
    StreamMode,
    StreamTypes,
    SubscribeUidGroup,
    TransFormat,
    VideoStreamType,
)
from agora_rec.model.converters import one_uid, optional_texts
from agora_rec.model.layout import (
    BestFit,
    Custom,
    Floating,
    Layout,
    LayoutRegion,
    UserBackground,
    Vertical,
)
from agora_rec.model.legacy import (
    AlibabaAudioModeration,
    ApsaraVideoVod,
    AudioModeration,
    Postponed,
    PostponedAudioMix,
    PostponedTranscoding,
    YituAudioModeration,
)
from agora_rec.model.modes import Encryption, Individual, Mix, Mode, Snapshots, Transcoding, Web
from agora_rec.model.regions import (
    AlibabaCloudRegion,
    AmazonS3Region,
    BaiduCloudRegion,
    HuaweiCloudRegion,
    KingsoftCloudRegion,
    QiniuCloudRegion,
    TencentCloudRegion,
)
from agora_rec.model.requests import (
    AcquireRequest,
    StartParameter,
    StartRequest,
    StopRequest,
    Update,
    UpdateLayoutRequest,
    UpdateRequest,
)
from agora_rec.model.storage import (
    AlibabaCloud,
    AmazonS3,
    AzureBlob,
    BaiduCloud,
    GoogleCloud,
    HuaweiCloud,
    KingsoftCloud,
    OtherStorage,
    QiniuCloud,
    S3Compatible,
    Storage,
    TencentCloud,
)
from agora_rec.model.subscription import Subscription
from agora_rec.model.validation.rules import (
    Rule,
    choice,
    exactly,
    flag,
    fraction,
    hidden,
    json_text,
    listed,
    matching,
    moment,
    open_choice,
    optional,
    salt,
    text,
    uid,
    uid_or_all,
    url,
    value_of,
    whole,
)
from agora_rec.secret import Secret, hide
from agora_rec.vocabulary import Region

Rules = dict[str, Rule]

MAX_PIXELS: Final = 1920 * 1080
MAX_PREFIX: Final = 128
MAX_UIDS: Final = 32
MAX_REGIONS: Final = 17

_HLS: Final = (AvFileType.HLS,)
_HLS_MP4: Final = (AvFileType.HLS, AvFileType.MP4)


@frozen(kw_only=True)
class WantedRecording:
    """What a caller says of a recording before anything is sent, under the names of the call."""

    cname: str
    uid: int | str = field(converter=one_uid)
    mode: Mode
    token: Secret | None = field(default=None, converter=hide)
    region: Region | None = None
    resource_expired_hour: int | None = None
    exclude: Sequence[str] | None = field(default=None, converter=optional_texts)
    alternate: Alternate | None = None


_CNAME: Final = matching(
    r"[a-zA-Z0-9 !#$%&()+\-:;<=.>?@\[\]^_{}|~,]{1,1024}",
    "1 to 1024 characters of a-z A-Z 0-9 space ! # $ % & ( ) + - : ; < = . > ? @ [ ] ^ _ { } | ~ ,",
)
_NAMES: Final[Rules] = {"cname": _CNAME, "uid": uid()}
_RESOURCE_IDS: Final = optional(listed(text(), of="resource IDs"))
_HOURS: Final = optional(whole(1, 720))
_LAYOUT: Final = value_of(*get_args(Layout))
_MODE: Final = value_of(*get_args(Mode))
_STORAGE: Final = value_of(*get_args(Storage))
_SUBSCRIPTION: Final = optional(value_of(Subscription))
_TOKEN: Final = optional(hidden())
_REGION: Final = optional(open_choice(Region))

_BUCKET: Final[Rules] = {
    "bucket": text(),
    "access_key": hidden(),
    "secret_key": hidden(),
    "file_name_prefix": optional(
        listed(matching("[a-zA-Z0-9]+", "characters a-z A-Z 0-9, at least one"), of="folder names")
    ),
}
_TEMPORARY: Final[Rules] = {"sts_token": optional(hidden()), "sts_expiration": optional(moment())}
_SSE: Final[Rules] = {"sse": optional(choice(ServerSideEncryption))}
_TAG: Final[Rules] = {"tag": optional(text())}
_ENDPOINT: Final = matching(
    r"(?=.{1,253}$)[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?)*",
    "a bare host name, without scheme, port or path",
)

_PICTURE: Final = optional(url("http", "https"))
_BACKGROUND: Final[Rules] = {
    "background_color": optional(matching("#[0-9a-fA-F]{6}", "# and six hex digits")),
    "background_image": _PICTURE,
    "default_user_background_image": _PICTURE,
    "backgrounds": optional(listed(value_of(UserBackground), of="UserBackgrounds")),
}

_CHANNEL: Final[Rules] = {
    "storage": _STORAGE,
    "channel_type": choice(ChannelType),
    "encryption": optional(value_of(Encryption)),
    "max_idle_time": optional(whole(5, 2_592_000)),
    "stream_types": optional(choice(StreamTypes)),
    "video_stream_type": optional(choice(VideoStreamType)),
    "subscription": _SUBSCRIPTION,
    "private_params": optional(json_text()),
}

_ANY_POLICY: Final = optional(choice(ErrorHandlePolicy))


def _only(policy: ErrorHandlePolicy) -> Rule:
    return optional(matching(policy.value, f"ErrorHandlePolicy.{policy.name}"))


_LEGACY_SERVICE: Final[Rules] = {
    "error_handle_policy": _only(ErrorHandlePolicy.ABORT),
    "service_error_handle_policy": _ANY_POLICY,
    "api_version": optional(text()),
}
_AUDIO_ONLY: Final[Rules] = {
    "stream_types": optional(evolve(whole(StreamTypes.AUDIO, StreamTypes.AUDIO), says="StreamTypes.AUDIO"))
}
_SUBSCRIBE: Final = optional(listed(uid_or_all(), most=MAX_UIDS, of="UIDs"))
_UNSUBSCRIBE: Final = optional(listed(uid(), most=MAX_UIDS, of="UIDs"))
_RTMP_URL: Final = hidden(url("rtmp", "rtmps"))

RULES: Final[dict[type, Rules]] = {
    WantedRecording: _NAMES
    | {
        "mode": _MODE,
        "token": _TOKEN,
        "region": _REGION,
        "resource_expired_hour": _HOURS,
        "exclude": _RESOURCE_IDS,
        "alternate": optional(value_of(Alternate)),
    },
    Alternate: {"uid": uid(), "token": _TOKEN},
    AcquireRequest: _NAMES
    | {
        "scene": optional(choice(Scene)),
        "resource_expired_hour": _HOURS,
        "exclude_resource_ids": _RESOURCE_IDS,
        "region": _REGION,
        "region_affinity": optional(choice(RegionAffinity)),
        "start_parameter": optional(value_of(StartParameter)),
    },
    StartParameter: {"mode": _MODE, "token": _TOKEN},
    StartRequest: _NAMES | {"mode": _MODE, "token": _TOKEN},
    UpdateRequest: _NAMES | {"change": value_of(Update)},
    Update: {
        "subscription": _SUBSCRIPTION,
        "onhold": optional(flag()),
        "rtmp_urls": optional(listed(_RTMP_URL, most=1, of="URLs")),
        "storage": optional(_STORAGE),
    },
    UpdateLayoutRequest: _NAMES | {"layout": _LAYOUT},
    StopRequest: _NAMES | {"async_stop": flag()},
    Mix: _CHANNEL
    | {
        "av_file_type": optional(exactly(_HLS, _HLS_MP4)),
        "audio_profile": optional(choice(AudioProfile)),
        "transcoding": optional(value_of(Transcoding)),
        "vod": optional(value_of(ApsaraVideoVod)),
    },
    Individual: _CHANNEL
    | {
        "av_file_type": optional(exactly(_HLS)),
        "subscribe_uid_group": choice(SubscribeUidGroup),
        "stream_mode": optional(choice(StreamMode)),
        "snapshots": optional(value_of(Snapshots)),
        "postponed": optional(value_of(*get_args(Postponed))),
        "moderation": optional(value_of(*get_args(AudioModeration))),
    },
    Web: {
        "storage": _STORAGE,
        "url": url("http", "https"),
        "audio_profile": choice(AudioProfile),
        "video_width": whole(240, 1920),
        "video_height": whole(240, 1920),
        "max_recording_hour": whole(1, 720),
        "video_bitrate": optional(whole(50, 8000)),
        "video_fps": optional(whole(5, 60)),
        "mobile": optional(flag()),
        "max_video_duration": optional(whole(30, 240)),
        "onhold": optional(flag()),
        "ready_timeout": optional(whole(0, 60)),
        "av_file_type": optional(exactly(_HLS, _HLS_MP4)),
        "rtmp_urls": optional(listed(_RTMP_URL, least=1, most=1, of="URLs")),
        "error_handle_policy": _only(ErrorHandlePolicy.ABORT),
        "recorder_error_handle_policy": _only(ErrorHandlePolicy.ABORT),
        "rtmp_error_handle_policy": _only(ErrorHandlePolicy.IGNORE),
        "api_version": optional(text()),
    },
    Encryption: {
        "decryption_mode": choice(DecryptionMode),
        "secret": optional(hidden()),
        "salt": optional(salt()),
    },
    Subscription: {
        "subscribe_audio_uids": _SUBSCRIBE,
        "unsubscribe_audio_uids": _UNSUBSCRIBE,
        "subscribe_video_uids": _SUBSCRIBE,
        "unsubscribe_video_uids": _UNSUBSCRIBE,
    },
    Transcoding: {
        "width": optional(whole(1)),
        "height": optional(whole(1)),
        "fps": optional(whole(1)),
        "bitrate": optional(whole(1)),
        "layout": optional(_LAYOUT),
    },
    Snapshots: {
        "capture_interval": optional(whole(1, 3600)),
        "file_type": exactly((SnapshotFileType.JPG,)),
    },
    Floating: _BACKGROUND,
    BestFit: _BACKGROUND,
    Vertical: _BACKGROUND | {"max_resolution_uid": uid()},
    Custom: _BACKGROUND
    | {"regions": listed(value_of(LayoutRegion), least=1, most=MAX_REGIONS, of="LayoutRegions")},
    LayoutRegion: {
        "x_axis": fraction(),
        "y_axis": fraction(),
        "width": fraction(),
        "height": fraction(),
        "uid": optional(uid()),
        "alpha": optional(fraction()),
        "render_mode": optional(choice(RenderMode)),
    },
    UserBackground: {
        "uid": uid(),
        "image_url": url("http", "https"),
        "render_mode": optional(choice(RenderMode)),
    },
    AmazonS3: _BUCKET | _TEMPORARY | _SSE | _TAG | {"region": open_choice(AmazonS3Region)},
    AlibabaCloud: _BUCKET | _TEMPORARY | _TAG | {"region": open_choice(AlibabaCloudRegion)},
    TencentCloud: _BUCKET | _TEMPORARY | {"region": open_choice(TencentCloudRegion)},
    AzureBlob: _BUCKET,
    GoogleCloud: _BUCKET,
    HuaweiCloud: _BUCKET | {"region": open_choice(HuaweiCloudRegion)},
    BaiduCloud: _BUCKET | {"region": open_choice(BaiduCloudRegion)},
    S3Compatible: _BUCKET | {"endpoint": _ENDPOINT},
    QiniuCloud: _BUCKET | {"region": open_choice(QiniuCloudRegion)},
    KingsoftCloud: _BUCKET | {"region": open_choice(KingsoftCloudRegion)},
    OtherStorage: _BUCKET
    | _TEMPORARY
    | _SSE
    | _TAG
    | {"vendor": whole(0), "region": whole(0), "endpoint": optional(_ENDPOINT)},
    PostponedTranscoding: {
        "format": optional(matching(TransFormat.MP4.value, "TransFormat.MP4")),
    },
    PostponedAudioMix: {
        "format": optional(matching("mp3|m4a|aac", "TransFormat.MP3, M4A or AAC")),
        "sample_rate": optional(choice(SampleRate)),
        "bitrate": optional(choice(MixBitrate)),
        "channels": optional(choice(Channels)),
    },
    ApsaraVideoVod: _LEGACY_SERVICE
    | {"access_key": hidden(), "secret_key": hidden(), "region_id": text(), "title": text()}
    | dict.fromkeys(
        (
            "description",
            "cover_url",
            "cate_id",
            "tags",
            "template_group_id",
            "user_data",
            "storage_location",
            "workflow_id",
        ),
        optional(text()),
    ),
    AlibabaAudioModeration: _LEGACY_SERVICE
    | _AUDIO_ONLY
    | {
        "access_key": hidden(),
        "secret_key": hidden(),
        "callback_addr": text(),
        "callback_seed": hidden(),
        "biz_type": optional(text()),
    },
    YituAudioModeration: _LEGACY_SERVICE | _AUDIO_ONLY,
}
"""What each attribute of each value class of requests may be."""
