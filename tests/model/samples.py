"""One value of each class with every field filled in, and small ones that pass the checks.

The full ones serve tests of names and secrecy. Some of their fields exclude each other, so that not all of
them would pass the validation.
"""

from datetime import UTC, datetime
from typing import Any, Final

from agora_rec.model import (
    AcquireRequest,
    AlibabaAudioModeration,
    AlibabaCloud,
    AlibabaCloudRegion,
    AmazonS3,
    AmazonS3Region,
    ApsaraVideoVod,
    AudioModeration,
    AudioProfile,
    AzureBlob,
    BaiduCloud,
    BaiduCloudRegion,
    BestFit,
    Channels,
    ChannelType,
    Custom,
    DecryptionMode,
    Encryption,
    ErrorHandlePolicy,
    Floating,
    GoogleCloud,
    HuaweiCloud,
    HuaweiCloudRegion,
    Individual,
    KingsoftCloud,
    KingsoftCloudRegion,
    Layout,
    LayoutRegion,
    Mix,
    MixBitrate,
    Mode,
    OtherStorage,
    Postponed,
    PostponedAudioMix,
    PostponedTranscoding,
    QiniuCloud,
    QiniuCloudRegion,
    RegionAffinity,
    RenderMode,
    S3Compatible,
    SampleRate,
    Scene,
    ServerSideEncryption,
    Snapshots,
    StartParameter,
    StartRequest,
    StopRequest,
    Storage,
    StreamMode,
    StreamTypes,
    SubscribeUidGroup,
    Subscription,
    TencentCloud,
    TencentCloudRegion,
    Transcoding,
    TransFormat,
    Update,
    UpdateLayoutRequest,
    UpdateRequest,
    UserBackground,
    Vertical,
    VideoStreamType,
    Web,
    YituAudioModeration,
)
from agora_rec.vocabulary import Region
from tests.support import secrets

NOW: Final = datetime(2026, 6, 17, 12, 0, tzinfo=UTC)
LATER: Final = datetime(2026, 6, 18, 12, 0, tzinfo=UTC)
IMAGE: Final = "https://example.org/picture.jpg"

KEYS: Final[dict[str, Any]] = {
    "bucket": "b",
    "access_key": secrets.ACCESS_KEY,
    "secret_key": secrets.SECRET_KEY,
}
_STS: Final[dict[str, Any]] = {"sts_token": secrets.STS_TOKEN, "sts_expiration": LATER}
_PREFIX: Final[dict[str, Any]] = {"file_name_prefix": ["term1", "day2"]}

S3: Final = AmazonS3(region=AmazonS3Region.EU_WEST_1, **KEYS)
"""The storage of small values."""

MIX: Final = Mix(storage=S3)
INDIVIDUAL: Final = Individual(storage=S3, subscribe_uid_group=SubscribeUidGroup.UP_TO_2)
WEB: Final = Web(
    storage=S3,
    url="https://example.org/board",
    audio_profile=AudioProfile.MONO_48_KBPS,
    video_width=1280,
    video_height=720,
    max_recording_hour=3,
)

STORAGES: Final[tuple[Storage, ...]] = (
    AmazonS3(
        region=AmazonS3Region.EU_WEST_1, sse=ServerSideEncryption.KMS, tag="class", **KEYS, **_STS, **_PREFIX
    ),
    AlibabaCloud(region=AlibabaCloudRegion.CN_SHANGHAI, tag="class", **KEYS, **_STS, **_PREFIX),
    TencentCloud(region=TencentCloudRegion.AP_TOKYO, **KEYS, **_STS, **_PREFIX),
    AzureBlob(**KEYS, **_PREFIX),
    GoogleCloud(**KEYS, **_PREFIX),
    HuaweiCloud(region=HuaweiCloudRegion.CN_EAST_2, **KEYS, **_PREFIX),
    BaiduCloud(region=BaiduCloudRegion.SUZHOU, **KEYS, **_PREFIX),
    S3Compatible(endpoint="s3.example.org", **KEYS, **_PREFIX),
    QiniuCloud(region=QiniuCloudRegion.EAST_CHINA, **KEYS, **_PREFIX),
    KingsoftCloud(region=KingsoftCloudRegion.CN_BEIJING, **KEYS, **_PREFIX),
    OtherStorage(
        vendor=12,
        region=3,
        sse=ServerSideEncryption.AES256,
        tag="class",
        endpoint="s3.example.org",
        **KEYS,
        **_STS,
        **_PREFIX,
    ),
)

_BACKGROUND: Final[dict[str, Any]] = {
    "background_color": "#203040",
    "background_image": IMAGE,
    "default_user_background_image": IMAGE,
    "backgrounds": [UserBackground(uid=11, image_url=IMAGE, render_mode=RenderMode.FIT)],
}
REGION: Final = LayoutRegion(
    uid=11, x_axis=0.0, y_axis=0.0, width=0.5, height=1.0, alpha=0.9, render_mode=RenderMode.FIT
)
LAYOUTS: Final[tuple[Layout, ...]] = (
    Floating(**_BACKGROUND),
    BestFit(**_BACKGROUND),
    Vertical(max_resolution_uid=11, **_BACKGROUND),
    Custom(regions=[REGION, LayoutRegion(x_axis=0.5, y_axis=0.0, width=0.5, height=1.0)], **_BACKGROUND),
)

SUBSCRIPTION: Final = Subscription(
    subscribe_audio_uids=["#allstream#"],
    unsubscribe_audio_uids=[13],
    subscribe_video_uids=[11, "12"],
    unsubscribe_video_uids=[14],
)
ENCRYPTION: Final = Encryption(
    decryption_mode=DecryptionMode.AES_256_GCM2,
    secret=secrets.ENCRYPTION_SECRET,
    salt=secrets.ENCRYPTION_SALT,
)
_CHANNEL: Final[dict[str, Any]] = {
    "channel_type": ChannelType.LIVE,
    "encryption": ENCRYPTION,
    "max_idle_time": 300,
    "stream_types": StreamTypes.AUDIO_AND_VIDEO,
    "video_stream_type": VideoStreamType.LOW,
    "subscription": SUBSCRIPTION,
    "private_params": '{"correctEXTINF":true}',
}
_POLICIES: Final[dict[str, Any]] = {
    "error_handle_policy": ErrorHandlePolicy.ABORT,
    "service_error_handle_policy": ErrorHandlePolicy.IGNORE,
    "api_version": "v1",
}
VOD: Final = ApsaraVideoVod(
    access_key=secrets.ACCESS_KEY,
    secret_key=secrets.SECRET_KEY,
    region_id="cn-shanghai",
    title="t",
    description="d",
    cover_url=IMAGE,
    cate_id="1",
    tags="a,b",
    template_group_id="g",
    user_data="{}",
    storage_location="l",
    workflow_id="w",
    **_POLICIES,
)
MODERATIONS: Final[tuple[AudioModeration, ...]] = (
    AlibabaAudioModeration(
        access_key=secrets.ACCESS_KEY,
        secret_key=secrets.SECRET_KEY,
        callback_addr="https://example.org/callback",
        callback_seed=secrets.WEBHOOK_SECRET,
        biz_type="class",
        stream_types=StreamTypes.AUDIO,
        **_POLICIES,
    ),
    YituAudioModeration(stream_types=StreamTypes.AUDIO, **_POLICIES),
)
POSTPONED: Final[tuple[Postponed, ...]] = (
    PostponedTranscoding(format=TransFormat.MP4),
    PostponedAudioMix(
        format=TransFormat.M4A,
        sample_rate=SampleRate.HZ_32000,
        bitrate=MixBitrate.BPS_48000,
        channels=Channels.MONO,
    ),
)

FULL_WEB: Final = Web(
    storage=STORAGES[7],
    url="https://example.org/board",
    audio_profile=AudioProfile.STEREO_192_KBPS,
    video_width=1280,
    video_height=720,
    max_recording_hour=3,
    video_bitrate=2000,
    video_fps=15,
    mobile=True,
    max_video_duration=60,
    onhold=False,
    ready_timeout=20,
    av_file_type=["hls", "mp4"],
    rtmp_urls=[secrets.RTMP_URL],
    error_handle_policy=ErrorHandlePolicy.ABORT,
    recorder_error_handle_policy=ErrorHandlePolicy.ABORT,
    rtmp_error_handle_policy=ErrorHandlePolicy.IGNORE,
    api_version="v1",
)
MODES: Final[tuple[Mode, ...]] = (
    *(
        Mix(
            storage=storage,
            av_file_type=["hls", "mp4"],
            audio_profile=AudioProfile.STEREO_192_KBPS,
            transcoding=Transcoding(width=640, height=360, fps=15, bitrate=600, layout=layout),
            vod=VOD,
            **_CHANNEL,
        )
        for storage, layout in zip(STORAGES, LAYOUTS * 3, strict=False)
    ),
    *(
        Individual(
            storage=S3,
            av_file_type=["hls"],
            subscribe_uid_group=SubscribeUidGroup.FROM_3_TO_7,
            stream_mode=StreamMode.STANDARD,
            snapshots=Snapshots(capture_interval=30),
            postponed=postponed,
            moderation=moderation,
            **_CHANNEL,
        )
        for postponed, moderation in zip(POSTPONED, MODERATIONS, strict=True)
    ),
    FULL_WEB,
)
"""Every mode, and in them every storage, layout and legacy part, with all fields filled in."""

STARTS: Final = tuple(
    StartRequest(cname="class-42", uid=880011, mode=mode, token=secrets.TOKEN) for mode in MODES
)
ACQUIRES: Final = tuple(
    AcquireRequest(
        cname="class-42",
        uid=880011,
        scene=Scene.RTC,
        resource_expired_hour=24,
        exclude_resource_ids=["Qm3-xT_a90"],
        region=Region.EU,
        region_affinity=RegionAffinity.EUROPE,
        start_parameter=start.parameter,
    )
    for start in STARTS
)
CHANGES: Final = tuple(
    Update(subscription=SUBSCRIPTION, onhold=True, rtmp_urls=[secrets.RTMP_URL], storage=storage)
    for storage in STORAGES
)
UPDATES: Final = tuple(UpdateRequest(cname="class-42", uid=880011, change=change) for change in CHANGES)
LAYOUT_UPDATES: Final = tuple(
    UpdateLayoutRequest(cname="class-42", uid=880011, layout=layout) for layout in LAYOUTS
)
STOPS: Final = (StopRequest(cname="class-42", uid=880011, async_stop=True),)

VALUES: Final[tuple[object, ...]] = (
    *STORAGES,
    *LAYOUTS,
    UserBackground(uid=11, image_url=IMAGE, render_mode=RenderMode.FIT),
    REGION,
    SUBSCRIPTION,
    ENCRYPTION,
    VOD,
    *MODERATIONS,
    *POSTPONED,
    Transcoding(width=640, height=360, fps=15, bitrate=600, layout=LAYOUTS[0]),
    Snapshots(capture_interval=30),
    *MODES,
    StartParameter(mode=MODES[0], token=secrets.TOKEN),
    *STARTS,
    *ACQUIRES,
    *CHANGES,
    *UPDATES,
    *LAYOUT_UPDATES,
    *STOPS,
)
"""At least one full value of every class of requests."""
