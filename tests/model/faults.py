"""Values with faults, each with the paths of what is wrong in them; without paths: nothing is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from agora_rec.model import (
    ALL_STREAMS,
    AcquireRequest,
    AlibabaCloudRegion,
    AmazonS3Region,
    AudioProfile,
    BestFit,
    Custom,
    DecryptionMode,
    Encryption,
    ErrorHandlePolicy,
    Floating,
    LayoutRegion,
    Mix,
    Mode,
    OtherStorage,
    PostponedAudioMix,
    PostponedTranscoding,
    QiniuCloud,
    QiniuCloudRegion,
    RegionAffinity,
    S3Compatible,
    SampleRate,
    Scene,
    Snapshots,
    StartParameter,
    StartRequest,
    StopRequest,
    StreamMode,
    StreamTypes,
    Subscription,
    Transcoding,
    TransFormat,
    Update,
    UpdateLayoutRequest,
    UpdateRequest,
    UserBackground,
    Vertical,
    YituAudioModeration,
    validation,
)
from agora_rec.vocabulary import Region
from tests.model.samples import (
    INDIVIDUAL,
    KEYS,
    LATER,
    MIX,
    MODERATIONS,
    NOW,
    S3,
    STORAGES,
    VOD,
    WEB,
)
from tests.support import secrets

NAMES: dict[str, Any] = {"cname": "class-42", "uid": 880011}


def wrong(value: Any, now: datetime | None = NOW) -> list[str]:
    """The paths of all faults of a value."""
    return [violation.path for violation in validation.check(value, now=now)]


def of(cls: Any, **fields: Any) -> Any:
    """A value with anything in its fields."""
    return cls(**fields)


def change(value: Any, **fields: Any) -> Any:
    return attrs.evolve(value, **fields)


def mix(**fields: Any) -> Any:
    return change(MIX, **fields)


def individual(**fields: Any) -> Any:
    return change(INDIVIDUAL, **fields)


def web(**fields: Any) -> Any:
    return change(WEB, **fields)


def s3(**fields: Any) -> Any:
    return change(S3, **fields)


def picture(**fields: Any) -> Any:
    return Transcoding(**fields)


def place(**fields: Any) -> Any:
    return LayoutRegion(**({"x_axis": 0, "y_axis": 0, "width": 0.1, "height": 0.1} | fields))


UIDS_33 = list(range(1, 34))
GCM2 = DecryptionMode.AES_128_GCM2
KEY: dict[str, Any] = {"secret": secrets.ENCRYPTION_SECRET}
SALT: dict[str, Any] = {"salt": secrets.ENCRYPTION_SALT}
AUDIO = StreamTypes.AUDIO
VIDEO = StreamTypes.VIDEO

FAULTS: list[tuple[Any, list[str]]] = [
    # names, acquire
    (StopRequest(cname="class/42", uid=1), ["cname"]),
    (StopRequest(cname="c" * 1025, uid=1), ["cname"]),
    (StopRequest(cname="c", uid="abc"), ["uid"]),
    (of(StopRequest, async_stop=1, **NAMES), ["async_stop"]),
    (AcquireRequest(resource_expired_hour=721, **NAMES), ["resource_expired_hour"]),
    (of(AcquireRequest, scene=3, **NAMES), ["scene"]),
    (of(AcquireRequest, region="US", **NAMES), ["region"]),
    (AcquireRequest(region=Region("JP"), **NAMES), []),
    (AcquireRequest(region=Region(""), **NAMES), ["region"]),
    (AcquireRequest(region_affinity=RegionAffinity.CHINA, **NAMES), []),
    (AcquireRequest(exclude_resource_ids=["r", "", "s"], **NAMES), ["exclude_resource_ids[1]"]),
    (of(AcquireRequest, start_parameter=MIX, **NAMES), ["start_parameter"]),
    (AcquireRequest(start_parameter=of(StartParameter, mode="mix"), **NAMES), ["start_parameter.mode"]),
    (AcquireRequest(start_parameter=StartParameter(mode=WEB), **NAMES), ["scene"]),
    (AcquireRequest(scene=Scene.WEB, start_parameter=StartParameter(mode=WEB), **NAMES), []),
    (AcquireRequest(scene=Scene.WEB, start_parameter=StartParameter(mode=MIX), **NAMES), ["scene"]),
    (AcquireRequest(scene=Scene.RTC, start_parameter=StartParameter(mode=individual(
        postponed=PostponedAudioMix())), **NAMES), []),
    (AcquireRequest(region=Region.EU, start_parameter=StartParameter(mode=MIX), **NAMES), []),
    (AcquireRequest(region=Region.AP, start_parameter=StartParameter(mode=MIX), **NAMES),
        ["start_parameter.mode.storage.region"]),
    (AcquireRequest(region=Region("JP"), start_parameter=StartParameter(mode=MIX), **NAMES), []),
    (AcquireRequest(region=Region.AP, start_parameter=StartParameter(mode=mix(
        storage=s3(region=AmazonS3Region.SA_EAST_1))), **NAMES), []),
    (of(StartRequest, mode="mix", **NAMES), ["mode"]),
    (StartRequest(mode=MIX, token="", **NAMES), ["token"]),
    # channel recordings
    (mix(channel_type=2), ["channel_type"]),
    (mix(channel_type=AudioProfile.STEREO_192_KBPS), ["channel_type"]),
    (mix(max_idle_time=4), ["max_idle_time"]),
    (mix(max_idle_time=2592001), ["max_idle_time"]),
    (mix(av_file_type=["mp4"]), ["av_file_type"]),
    (mix(av_file_type="hls"), ["av_file_type"]),
    (individual(av_file_type=["hls", "mp4"]), ["av_file_type"]),
    (individual(subscribe_uid_group=None), ["subscribe_uid_group"]),
    (individual(subscribe_uid_group=6), ["subscribe_uid_group"]),
    (mix(private_params="correctEXTINF"), ["private_params"]),
    (mix(private_params="[1]"), ["private_params"]),
    (mix(private_params="[" * 60_000), ["private_params"]),
    (mix(private_params=""), ["private_params"]),
    # encryption
    (Encryption(decryption_mode=DecryptionMode.NONE), []),
    (Encryption(decryption_mode=DecryptionMode.AES_128_XTS), ["secret"]),
    (of(Encryption, decryption_mode=9, **KEY), ["decryption_mode"]),
    (Encryption(decryption_mode=GCM2, **KEY), ["salt"]),
    (Encryption(decryption_mode=GCM2), ["secret", "salt"]),
    (of(Encryption, decryption_mode=8, salt="c2hvcnQ=", **KEY), ["salt"]),
    (Encryption(decryption_mode=GCM2, salt="not base64!" + "A" * 33, **KEY), ["salt"]),
    (Encryption(decryption_mode=GCM2, salt="A" * 45, **KEY), ["salt"]),
    (Encryption(decryption_mode=GCM2, salt="ä" * 44, **KEY), ["salt"]),
    (Encryption(decryption_mode=GCM2, **KEY, **SALT), []),
    # subscription
    (Subscription(subscribe_audio_uids=UIDS_33), ["subscribe_audio_uids"]),
    (Subscription(unsubscribe_video_uids=UIDS_33), ["unsubscribe_video_uids"]),
    (Subscription(subscribe_video_uids=UIDS_33[:32]), []),
    (Subscription(subscribe_audio_uids=[1], unsubscribe_audio_uids=[2]), ["unsubscribe_audio_uids"]),
    (Subscription(subscribe_video_uids=[1], unsubscribe_video_uids=[2]), ["unsubscribe_video_uids"]),
    (Subscription(subscribe_video_uids=[ALL_STREAMS, 1]), ["subscribe_video_uids"]),
    (Subscription(unsubscribe_audio_uids=[ALL_STREAMS]), ["unsubscribe_audio_uids[0]"]),
    (Subscription(subscribe_audio_uids="11"), ["subscribe_audio_uids"]),
    (Subscription(subscribe_audio_uids=[0, 1, "a"]), ["subscribe_audio_uids[0]", "subscribe_audio_uids[2]"]),
    (mix(stream_types=AUDIO, subscription=Subscription(subscribe_video_uids=[1])),
        ["subscription.subscribe_video_uids"]),
    (mix(stream_types=VIDEO, subscription=Subscription(unsubscribe_audio_uids=[1])),
        ["subscription.unsubscribe_audio_uids"]),
    (mix(subscription=[1]), ["subscription"]),
    # individual
    (individual(stream_types=AUDIO, subscription=Subscription(unsubscribe_video_uids=[1])),
        ["subscription.unsubscribe_video_uids"]),
    (individual(stream_mode=StreamMode.ORIGINAL), ["stream_types"]),
    (individual(stream_mode=StreamMode.ORIGINAL, stream_types=AUDIO), []),
    (individual(snapshots=Snapshots(), stream_types=AUDIO), ["stream_types"]),
    (individual(snapshots=Snapshots(), subscription=Subscription(subscribe_audio_uids=[1])),
        ["subscription.subscribe_video_uids"]),
    (individual(snapshots=Snapshots(), subscription=Subscription(
        subscribe_audio_uids=[1], subscribe_video_uids=[1])), []),
    (individual(snapshots=Snapshots(capture_interval=0)), ["snapshots.capture_interval"]),
    (individual(snapshots=Snapshots(capture_interval=1)), []),
    (individual(snapshots=Snapshots(capture_interval=3601)), ["snapshots.capture_interval"]),
    (individual(snapshots=Snapshots(file_type=["png"])), ["snapshots.file_type"]),
    (of(individual, snapshots=of(Snapshots, file_type=None)), ["snapshots.file_type"]),
    (individual(postponed=PostponedTranscoding(format=TransFormat.MP3)), ["postponed.format"]),
    (individual(postponed=PostponedAudioMix(format=TransFormat.MP4)), ["postponed.format"]),
    (individual(postponed=PostponedAudioMix(format=TransFormat.MP3, sample_rate=SampleRate.HZ_16000)), []),
    (individual(postponed=PostponedTranscoding(), storage=QiniuCloud(
        region=QiniuCloudRegion.EAST_CHINA, **KEYS)), ["storage"]),
    (individual(moderation=YituAudioModeration(stream_types=VIDEO)), ["moderation.stream_types"]),
    (individual(moderation=change(MODERATIONS[0], callback_addr="", callback_seed="")),
        ["moderation.callback_addr", "moderation.callback_seed"]),
    # pictures
    (picture(width=1920, height=1080), []),
    (picture(width=1920, height=1088), ["width"]),
    (picture(width=1080, height=1921), ["height"]),
    (picture(width=4000), ["width"]),
    (picture(height=10_000), ["height"]),
    (picture(width=0, height=-5, fps=0, bitrate=0.5), ["width", "height", "fps", "bitrate"]),
    (picture(layout=Mix), ["layout"]),
    (place(x_axis=0.7, width=0.3, y_axis=0.9, height=0.1), []),
    (place(x_axis=0.1 + 0.2, width=0.7), []),
    (place(x_axis=1 / 3, width=2 / 3), []),
    (place(x_axis=0.7, width=0.300001), ["width"]),
    (place(y_axis=0.5, height=0.6), ["height"]),
    (place(x_axis=1.5), ["x_axis"]),
    (place(x_axis=-0.1, alpha=1.1, render_mode=2, uid="0"), ["x_axis", "uid", "alpha", "render_mode"]),
    (place(x_axis=float("nan"), y_axis=float("inf"), width="1", height=True),
        ["x_axis", "y_axis", "width", "height"]),
    (Custom(regions=[]), ["regions"]),
    (Custom(regions=[place()] * 17), []),
    (Custom(regions=[place()] * 18), ["regions"]),
    (Custom(regions=[place()] * 17 + [place(x_axis=1.5)]), ["regions", "regions[17].x_axis"]),
    (Vertical(max_resolution_uid=0), ["max_resolution_uid"]),
    (of(Vertical, max_resolution_uid=None), ["max_resolution_uid"]),
    (Floating(background_color="203040"), ["background_color"]),
    (Floating(background_color="#20304"), ["background_color"]),
    (Floating(background_color="#203040\n"), ["background_color"]),
    (Floating(background_color="#ff00cc"), []),
    (BestFit(background_image="picture.jpg"), ["background_image"]),
    (BestFit(default_user_background_image="https://[::1"), ["default_user_background_image"]),
    (BestFit(default_user_background_image="https:// x"), ["default_user_background_image"]),
    (BestFit(backgrounds=[UserBackground(uid="x", image_url="ftp://a/b")]),
        ["backgrounds[0].uid", "backgrounds[0].image_url"]),
    (BestFit(backgrounds=[UserBackground(uid=1, image_url="http://a/b.jpg")]), []),
    # legacy
    (change(VOD, region_id="", title=None), ["region_id", "title"]),
    (change(VOD, error_handle_policy=ErrorHandlePolicy.IGNORE), ["error_handle_policy"]),
    # storage
    (s3(bucket="", access_key="", secret_key=None), ["bucket", "access_key", "secret_key"]),
    (s3(bucket="\ud800"), ["bucket"]),
    (s3(bucket="b" * 70_000), ["bucket"]),
    (s3(region=99), ["region"]),
    (s3(region=4), []),
    (s3(region=AmazonS3Region(99)), []),
    (s3(region=AmazonS3Region(-1)), ["region"]),
    (s3(region=AlibabaCloudRegion.CN_BEIJING), ["region"]),
    (s3(region=True), ["region"]),
    (s3(sse="none", tag=""), ["sse", "tag"]),
    (s3(sts_token=secrets.STS_TOKEN), ["sts_expiration"]),
    (s3(sts_token="", sts_expiration=LATER), ["sts_token"]),
    (s3(sts_token="t", sts_expiration=NOW + timedelta(hours=4)), []),
    (s3(sts_token="t", sts_expiration=NOW + timedelta(hours=4) - timedelta(seconds=1)), ["sts_expiration"]),
    (s3(sts_token="t", sts_expiration=datetime(2027, 1, 1)), ["sts_expiration"]),  # noqa: DTZ001 - the point
    (s3(sts_token="t", sts_expiration=datetime(1960, 1, 1, tzinfo=UTC)), ["sts_expiration"] * 2),
    (s3(file_name_prefix=["term1", "day2"]), []),
    (s3(file_name_prefix=["a/b"]), ["file_name_prefix[0]"]),
    (s3(file_name_prefix=["", "ä", "_", "a b", 5]), [f"file_name_prefix[{index}]" for index in range(5)]),
    (s3(file_name_prefix=["a" * 128]), []),
    (s3(file_name_prefix=["a" * 64, "b" * 63]), []),
    (s3(file_name_prefix=["a" * 64, "b" * 64]), ["file_name_prefix"]),
    (s3(file_name_prefix="term1"), ["file_name_prefix"]),
    (S3Compatible(endpoint="s3.example.org", **KEYS), []),
    *((S3Compatible(endpoint=endpoint, **KEYS), ["endpoint"]) for endpoint in (
        "https://s3.example.org", "s3.example.org/x", "s3.example.org:9000",
        "", "-a", "a..b", "ä.org", "a" * 254)),
    (OtherStorage(vendor=12, **KEYS), []),
    (OtherStorage(vendor=-1, region=-1, **KEYS), ["vendor", "region"]),
    (OtherStorage(vendor=1, **KEYS), ["vendor"]),
    # web
    (web(url="board"), ["url"]),
    (web(url="https:///path"), ["url"]),
    (web(audio_profile=3), ["audio_profile"]),
    (web(video_width=239, video_height=1921), ["video_width", "video_height"]),
    (web(video_width=1920, video_height=1081), ["video_width"]),
    (web(max_recording_hour=0), ["max_recording_hour"]),
    (web(video_bitrate=49, video_fps=61, max_video_duration=29, ready_timeout=61),
        ["video_bitrate", "video_fps", "max_video_duration", "ready_timeout"]),
    (web(ready_timeout=-1), ["ready_timeout"]),
    (web(ready_timeout=1.5), ["ready_timeout"]),
    (web(mobile=1, onhold="no"), ["mobile", "onhold"]),
    (web(rtmp_urls=["rtmps://a/b"]), []),
    (web(rtmp_urls=["https://a/b"]), ["rtmp_urls[0]"]),
    (web(rtmp_urls=[]), ["rtmp_urls"]),
    (web(rtmp_urls=["rtmp://a/b", "rtmp://a/c"]), ["rtmp_urls"]),
    (web(rtmp_urls="rtmp://a/b"), ["rtmp_urls"]),
    (web(rtmp_error_handle_policy=ErrorHandlePolicy.IGNORE), ["rtmp_error_handle_policy"]),
    (web(recorder_error_handle_policy=ErrorHandlePolicy.IGNORE), ["recorder_error_handle_policy"]),
    # requests that hold other values
    (of(UpdateLayoutRequest, layout=None, **NAMES), ["layout"]),
    (of(UpdateRequest, change=of(Update, onhold=1), **NAMES), ["change.onhold"]),
    (StartRequest(mode=mix(transcoding=picture(
        layout=Custom(regions=[place()] * 17 + [place(x_axis=2)]))), **NAMES),
        ["mode.transcoding.layout.regions", "mode.transcoding.layout.regions[17].x_axis"]),
]  # fmt: skip


SUBSCRIBED = Update(subscription=Subscription(subscribe_video_uids=[1]))
PUSHED = Update(rtmp_urls=["rtmp://a/b"])
UPDATES: list[tuple[Any, Mode | None, list[str]]] = [
    (Update(), MIX, []),
    (SUBSCRIBED, MIX, []),
    (SUBSCRIBED, INDIVIDUAL, []),
    (SUBSCRIBED, None, []),
    (SUBSCRIBED, WEB, ["subscription"]),
    (SUBSCRIBED, mix(stream_types=AUDIO), ["subscription.subscribe_video_uids"]),
    (Update(subscription=Subscription(unsubscribe_audio_uids=[1])), mix(stream_types=VIDEO),
        ["subscription.unsubscribe_audio_uids"]),
    (Update(subscription=Subscription(subscribe_audio_uids=UIDS_33)), MIX,
        ["subscription.subscribe_audio_uids"]),
    (Update(onhold=True), WEB, []),
    (Update(onhold=False), MIX, ["onhold"]),
    (Update(onhold=False), None, []),
    (PUSHED, web(rtmp_urls=["rtmp://a/c"]), []),
    (PUSHED, WEB, ["rtmp_urls"]),
    (PUSHED, INDIVIDUAL, ["rtmp_urls"]),
    (Update(rtmp_urls=["rtmp://a/b", "https://a/b"]), None, ["rtmp_urls", "rtmp_urls[1]"]),
    (Update(storage=STORAGES[0]), WEB, []),
    (Update(storage=s3(sts_token="t", sts_expiration=NOW)), MIX, ["storage.sts_expiration"]),
    (MIX, MIX, ["update"]),
    (None, MIX, ["update"]),
]  # fmt: skip


INVALID: list[tuple[str, Any]] = [
    ("resourceExpiredHour 0 or 721", AcquireRequest(resource_expired_hour=0, **NAMES)),
    ("uid", AcquireRequest(cname="c", uid="4294967296")),
    ("cname", AcquireRequest(cname="c*", uid=1)),
    ('avFileType ["mp4"]', mix(av_file_type=["mp4"])),
    (
        "subscribeAudioUids and unsubscribeAudioUids",
        Subscription(subscribe_audio_uids=[1], unsubscribe_audio_uids=[1]),
    ),
    ("33 uids", Subscription(subscribe_audio_uids=UIDS_33)),
    ("decryptionMode 7 without salt", Encryption(decryption_mode=GCM2, secret="x")),
    ("transcodingConfig 1920 x 1088", picture(width=1920, height=1088)),
    ("snapshotConfig with streamTypes 0", individual(snapshots=Snapshots(), stream_types=AUDIO)),
]
