"""Hypothesis strategies: modes that pass the validation, and junk for any field."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from hypothesis import strategies as st

from agora_rec.model import (
    ALL_STREAMS,
    AlibabaAudioModeration,
    AlibabaCloud,
    AlibabaCloudRegion,
    AmazonS3,
    AmazonS3Region,
    ApsaraVideoVod,
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
    LayoutRegion,
    Mix,
    MixBitrate,
    Mode,
    OtherStorage,
    PostponedAudioMix,
    PostponedTranscoding,
    QiniuCloud,
    QiniuCloudRegion,
    RenderMode,
    S3Compatible,
    SampleRate,
    ServerSideEncryption,
    Snapshots,
    StreamMode,
    StreamTypes,
    SubscribeUidGroup,
    Subscription,
    TencentCloud,
    TencentCloudRegion,
    Transcoding,
    TransFormat,
    UserBackground,
    Vertical,
    VideoStreamType,
    Web,
    YituAudioModeration,
)
from tests.model.samples import IMAGE, NOW
from tests.support import secrets

Strategy = st.SearchStrategy[Any]


def maybe(strategy: Strategy) -> Strategy:
    return st.none() | strategy


def of(cls: type[Enum]) -> Strategy:
    return st.sampled_from(list(cls))


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
uids = st.integers(1, 2**32 - 1) | st.integers(1, 2**32 - 1).map(str)
keys = st.sampled_from([secrets.ACCESS_KEY, secrets.SECRET_KEY])
moments = st.datetimes(datetime(2026, 6, 18), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001

_BUCKET: dict[str, Strategy] = {
    "bucket": texts,
    "access_key": keys,
    "secret_key": keys,
    "file_name_prefix": maybe(st.lists(st.text("abcXYZ019", min_size=1, max_size=10), max_size=5)),
}


def _sts(cls: Any, **more: Strategy) -> Strategy:
    plain = st.builds(cls, **_BUCKET, **more)
    return plain | st.builds(
        cls, sts_token=st.just(secrets.STS_TOKEN), sts_expiration=moments, **_BUCKET, **more
    )


def storages() -> Strategy:
    """Every vendor."""
    tag = maybe(texts)
    regions: list[tuple[Any, type[Enum]]] = [
        (HuaweiCloud, HuaweiCloudRegion),
        (BaiduCloud, BaiduCloudRegion),
        (QiniuCloud, QiniuCloudRegion),
        (KingsoftCloud, KingsoftCloudRegion),
    ]
    return st.one_of(
        _sts(AmazonS3, region=of(AmazonS3Region), tag=tag, sse=maybe(of(ServerSideEncryption))),
        _sts(AlibabaCloud, region=of(AlibabaCloudRegion), tag=tag),
        _sts(TencentCloud, region=of(TencentCloudRegion)),
        st.builds(AzureBlob, **_BUCKET),
        st.builds(GoogleCloud, **_BUCKET),
        st.builds(S3Compatible, endpoint=st.sampled_from(["s3.example.org", "localhost"]), **_BUCKET),
        *(st.builds(cls, region=of(enum), **_BUCKET) for cls, enum in regions),
        _sts(OtherStorage, vendor=st.integers(12, 99), region=st.integers(0, 99), tag=tag),
    )


def layouts() -> Strategy:
    """Every layout."""
    render: Strategy = maybe(of(RenderMode))
    background: dict[str, Strategy] = {
        "background_color": maybe(st.just("#00ffCC")),
        "background_image": maybe(st.just(IMAGE)),
        "default_user_background_image": maybe(st.just(IMAGE)),
        "backgrounds": maybe(
            st.lists(
                st.builds(UserBackground, uid=uids, image_url=st.just(IMAGE), render_mode=render), max_size=3
            )
        ),
    }
    half = st.floats(0, 0.5)
    region = st.builds(
        LayoutRegion,
        x_axis=half,
        y_axis=half,
        width=half,
        height=half,
        uid=maybe(uids),
        alpha=maybe(st.floats(0, 1)),
        render_mode=render,
    )
    return st.one_of(
        st.builds(Floating, **background),
        st.builds(BestFit, **background),
        st.builds(Vertical, max_resolution_uid=uids, **background),
        st.builds(Custom, regions=st.lists(region, min_size=1, max_size=17), **background),
    )


_TAKEN = st.just([ALL_STREAMS]) | st.lists(uids, max_size=32)
_LEFT = st.lists(uids, max_size=32)


@st.composite
def subscriptions(draw: st.DrawFn, *, audio: bool = True, video: bool = True) -> Subscription:
    """A list for audio, one for video, or both."""
    lists: dict[str, Any] = {}
    for kind in [kind for kind, wanted in (("audio", audio), ("video", video)) if wanted]:
        name = draw(st.sampled_from([f"subscribe_{kind}_uids", f"unsubscribe_{kind}_uids"]))
        lists[name] = draw(_TAKEN if name.startswith("sub") else _LEFT)
    return Subscription(**lists)


encryptions = st.builds(
    Encryption,
    decryption_mode=of(DecryptionMode),
    secret=st.just(secrets.ENCRYPTION_SECRET),
    salt=st.just(secrets.ENCRYPTION_SALT),
)

_CHANNEL: dict[str, Strategy] = {
    "storage": storages(),
    "channel_type": of(ChannelType),
    "encryption": maybe(encryptions),
    "max_idle_time": maybe(st.integers(5, 2592000)),
    "video_stream_type": maybe(of(VideoStreamType)),
    "private_params": maybe(st.just('{"correctEXTINF":true}')),
}
_SERVICE: dict[str, Strategy] = {
    "error_handle_policy": maybe(st.just(ErrorHandlePolicy.ABORT)),
    "service_error_handle_policy": maybe(of(ErrorHandlePolicy)),
    "api_version": maybe(st.just("v1")),
}
_FILES: Strategy = maybe(st.sampled_from([["hls"], ["hls", "mp4"]]))
_SIDE = st.integers(240, 1080)


def _mixes() -> Strategy:
    transcoding = st.builds(
        Transcoding,
        width=maybe(_SIDE),
        height=maybe(_SIDE),
        fps=maybe(st.integers(1, 60)),
        bitrate=maybe(st.integers(1, 6500)),
        layout=maybe(layouts()),
    )
    vod = st.builds(
        ApsaraVideoVod,
        access_key=keys,
        secret_key=keys,
        region_id=texts,
        title=texts,
        description=maybe(texts),
        tags=maybe(texts),
        **_SERVICE,
    )
    return st.builds(
        Mix,
        av_file_type=_FILES,
        audio_profile=maybe(of(AudioProfile)),
        transcoding=maybe(transcoding),
        vod=maybe(vod),
        subscription=maybe(subscriptions()),
        stream_types=maybe(st.just(StreamTypes.AUDIO_AND_VIDEO)),
        **_CHANNEL,
    )


def _individuals() -> Strategy:
    audio = maybe(st.just(StreamTypes.AUDIO))
    postponed = st.builds(PostponedTranscoding, format=maybe(st.just(TransFormat.MP4))) | st.builds(
        PostponedAudioMix,
        format=maybe(st.sampled_from([TransFormat.MP3, TransFormat.AAC])),
        sample_rate=maybe(of(SampleRate)),
        bitrate=maybe(of(MixBitrate)),
        channels=maybe(of(Channels)),
    )
    moderation = st.builds(
        AlibabaAudioModeration,
        access_key=keys,
        secret_key=keys,
        callback_addr=texts,
        callback_seed=keys,
        biz_type=maybe(texts),
        stream_types=audio,
        **_SERVICE,
    ) | st.builds(YituAudioModeration, stream_types=audio, **_SERVICE)
    common = {
        **_CHANNEL,
        "storage": storages().filter(lambda storage: not isinstance(storage, QiniuCloud)),
        "subscribe_uid_group": of(SubscribeUidGroup),
        "av_file_type": maybe(st.just(["hls"])),
        "postponed": maybe(postponed),
        "moderation": maybe(moderation),
    }
    streams = st.builds(
        Individual,
        stream_types=maybe(st.just(StreamTypes.AUDIO_AND_VIDEO)),
        subscription=maybe(subscriptions()),
        stream_mode=maybe(st.sampled_from([StreamMode.DEFAULT, StreamMode.STANDARD])),
        **common,
    )
    sound = st.builds(
        Individual,
        stream_types=st.just(StreamTypes.AUDIO),
        subscription=maybe(subscriptions(video=False)),
        stream_mode=maybe(of(StreamMode)),
        **common,
    )
    pictures = st.builds(
        Individual,
        stream_types=st.just(StreamTypes.VIDEO),
        subscription=maybe(subscriptions(audio=False)),
        snapshots=st.builds(Snapshots, capture_interval=maybe(st.integers(1, 3600))),
        **common,
    )
    return streams | sound | pictures


def _webs() -> Strategy:
    push: dict[str, Strategy] = {
        "rtmp_urls": st.just([secrets.RTMP_URL]),
        "rtmp_error_handle_policy": maybe(st.just(ErrorHandlePolicy.IGNORE)),
    }
    page: dict[str, Strategy] = {
        "storage": storages(),
        "url": st.just("https://example.org/board"),
        "audio_profile": of(AudioProfile),
        "video_width": _SIDE,
        "video_height": _SIDE,
        "max_recording_hour": st.integers(1, 720),
        "video_bitrate": maybe(st.integers(50, 8000)),
        "video_fps": maybe(st.integers(5, 60)),
        "mobile": maybe(st.booleans()),
        "max_video_duration": maybe(st.integers(30, 240)),
        "onhold": maybe(st.booleans()),
        "ready_timeout": maybe(st.integers(0, 60)),
        "av_file_type": _FILES,
        "error_handle_policy": maybe(st.just(ErrorHandlePolicy.ABORT)),
        "recorder_error_handle_policy": maybe(st.just(ErrorHandlePolicy.ABORT)),
        "api_version": maybe(st.just("v1")),
    }
    return st.builds(Web, **page) | st.builds(Web, **page, **push)


def modes() -> st.SearchStrategy[Mode]:
    """Modes that pass the validation, of every kind and with every part."""
    return st.one_of(_mixes(), _individuals(), _webs())


class Anything:
    """A value of a class that nobody knows."""


_HUGE = 10**5000
junk: Strategy = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.sampled_from([_HUGE, -_HUGE]),
    st.floats(),
    st.decimals().map(Decimal),
    st.text(max_size=20),
    st.sampled_from(["\ud800", "#allstream#", "rtmp://[", "https://[::1", "\0", "ä" * 2000, "1" * 5000]),
    st.binary(max_size=5),
    st.datetimes() | st.datetimes(timezones=st.timezones()) | st.just(NOW) | st.just(timedelta(1)),
    st.builds(Anything) | st.just(Anything) | st.just(ChannelType.LIVE) | st.just(AmazonS3Region.EU_WEST_1),
    st.lists(st.none() | st.integers() | st.text(max_size=5) | st.builds(Anything), max_size=40),
    st.lists(st.text(max_size=5)).map(tuple),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=3),
    st.sets(st.integers(), max_size=3),
)
"""What a caller may give by mistake."""
