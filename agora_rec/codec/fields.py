"""The wire names of everything that requests say: the tables of the codec, one for each value class.

Nothing but data lives here; `conversion` reads it. Names of answers are in `answers`.
"""

from datetime import datetime
from typing import Final, get_args

from agora_rec.codec.leaves import unix_seconds
from agora_rec.codec.shape import Mark, Wire, at, inline, mark
from agora_rec.model import (
    AcquireRequest,
    AlibabaAudioModeration,
    AlibabaCloud,
    AmazonS3,
    ApsaraVideoVod,
    AzureBlob,
    BaiduCloud,
    BestFit,
    Custom,
    Encryption,
    Floating,
    GoogleCloud,
    HuaweiCloud,
    Individual,
    KingsoftCloud,
    Layout,
    LayoutRegion,
    Mix,
    OtherStorage,
    Postponed,
    PostponedAudioMix,
    PostponedTranscoding,
    QiniuCloud,
    S3Compatible,
    Snapshots,
    StartParameter,
    StartRequest,
    StopRequest,
    Storage,
    Subscription,
    TencentCloud,
    Transcoding,
    Update,
    UpdateLayoutRequest,
    UpdateRequest,
    UserBackground,
    Vertical,
    Web,
    YituAudioModeration,
)

Fields = dict[str, Wire]


def _texts(uids: tuple[int | str, ...]) -> list[str]:
    return [str(uid) for uid in uids]


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _only_true(flag: bool) -> bool | None:  # noqa: FBT001 - the one argument of a writer
    return flag or None


_NAMES: Final[Fields] = {"cname": at("cname"), "uid": at("uid", write=str)}

_BUCKET: Final[Fields] = {
    "vendor": at("vendor", write=int),
    "region": at("region", write=int),
    "bucket": at("bucket"),
    "access_key": at("accessKey"),
    "secret_key": at("secretKey"),
    "file_name_prefix": at("fileNamePrefix"),
}
_TEMPORARY: Final[Fields] = {
    "sts_token": at("stsToken"),
    "sts_expiration": Wire("stsExpiration", write=_seconds, read=unix_seconds),
}
_SSE: Final[Fields] = {"sse": at("extensionParams.sse")}
_TAG: Final[Fields] = {"tag": at("extensionParams.tag")}
_ENDPOINT: Final[Fields] = {"endpoint": at("extensionParams.endpoint")}

_BACKGROUND: Final[Fields] = {
    "mixed_video_layout": at("mixedVideoLayout"),
    "background_color": at("backgroundColor"),
    "background_image": at("backgroundImage"),
    "default_user_background_image": at("defaultUserBackgroundImage"),
    "backgrounds": at("backgroundConfig"),
}

_CHANNEL: Final[Fields] = {
    "storage": at("storageConfig"),
    "channel_type": at("recordingConfig.channelType"),
    "encryption": inline("recordingConfig"),
    "max_idle_time": at("recordingConfig.maxIdleTime"),
    "stream_types": at("recordingConfig.streamTypes"),
    "video_stream_type": at("recordingConfig.videoStreamType"),
    "subscription": inline("recordingConfig"),
    "av_file_type": at("recordingFileConfig.avFileType"),
    "private_params": at("recordingConfig.privateParams"),
}

_EXTENSIONS: Final = "extensionServiceConfig"
_PAGE: Final = f"{_EXTENSIONS}.extensionServices[web_recorder_service]"
_PUSH: Final = f"{_EXTENSIONS}.extensionServices[rtmp_publish_service]"
_VOD: Final = f"{_EXTENSIONS}.extensionServices[aliyun_vod_service]"
_VOD_DATA: Final = f"{_VOD}.serviceParam.apiData.videoData"
_ALIBABA: Final = f"{_EXTENSIONS}.extensionServices[aliyun_voice_async_scan]"
_YITU: Final = f"{_EXTENSIONS}.extensionServices[yitu_voice_async_scan]"


def _legacy_service(path: str) -> Fields:
    return {
        "error_handle_policy": at(f"{_EXTENSIONS}.errorHandlePolicy"),
        "service_error_handle_policy": at(f"{path}.errorHandlePolicy"),
        "api_version": at(f"{_EXTENSIONS}.apiVersion"),
    }


_POSTPONED: Final[Fields] = {
    "combination_policy": at("appsCollection.combinationPolicy"),
    "trans_mode": at("transcodeOptions.transConfig.transMode"),
    "format": at("transcodeOptions.container.format"),
}

_UPDATED_SUBSCRIPTION: Final[Fields] = {
    "subscribe_audio_uids": at("audioUidList.subscribeAudioUids", write=_texts),
    "unsubscribe_audio_uids": at("audioUidList.unsubscribeAudioUids", write=_texts),
    "subscribe_video_uids": at("videoUidList.subscribeVideoUids", write=_texts),
    "unsubscribe_video_uids": at("videoUidList.unsubscribeVideoUids", write=_texts),
}

REQUEST_FIELDS: Final[dict[type, Fields]] = {
    AcquireRequest: _NAMES
    | {
        "scene": at("clientRequest.scene"),
        "resource_expired_hour": at("clientRequest.resourceExpiredHour"),
        "exclude_resource_ids": at("clientRequest.excludeResourceIds"),
        "region": at("clientRequest.region"),
        "region_affinity": at("clientRequest.regionAffinity"),
        "start_parameter": at("clientRequest.startParameter"),
    },
    StartRequest: _NAMES | {"parameter": at("clientRequest")},
    StartParameter: {"token": at("token"), "mode": inline()},
    UpdateRequest: _NAMES | {"change": at("clientRequest")},
    Update: {
        "subscription": inline("streamSubscribe", _UPDATED_SUBSCRIPTION),
        "onhold": at("webRecordingConfig.onhold"),
        "rtmp_urls": at("rtmpPublishConfig.outputs[].rtmpUrl"),
        "storage": at("storageConfig"),
    },
    UpdateLayoutRequest: _NAMES | {"layout": at("clientRequest")},
    StopRequest: _NAMES | {"async_stop": at("clientRequest.async_stop", write=_only_true)},
    Mix: _CHANNEL
    | {
        "audio_profile": at("recordingConfig.audioProfile"),
        "transcoding": at("recordingConfig.transcodingConfig"),
        "vod": inline(),
    },
    Individual: _CHANNEL
    | {
        "subscribe_uid_group": at("recordingConfig.subscribeUidGroup"),
        "stream_mode": at("recordingConfig.streamMode"),
        "snapshots": at("snapshotConfig"),
        "postponed": inline(),
        "moderation": inline(),
    },
    Web: {
        "storage": at("storageConfig"),
        "url": at(f"{_PAGE}.serviceParam.url"),
        "audio_profile": at(f"{_PAGE}.serviceParam.audioProfile"),
        "video_width": at(f"{_PAGE}.serviceParam.videoWidth"),
        "video_height": at(f"{_PAGE}.serviceParam.videoHeight"),
        "max_recording_hour": at(f"{_PAGE}.serviceParam.maxRecordingHour"),
        "video_bitrate": at(f"{_PAGE}.serviceParam.videoBitrate", f"{_PAGE}.serviceParam.VideoBitrate"),
        "video_fps": at(f"{_PAGE}.serviceParam.videoFps"),
        "mobile": at(f"{_PAGE}.serviceParam.mobile"),
        "max_video_duration": at(f"{_PAGE}.serviceParam.maxVideoDuration"),
        "onhold": at(f"{_PAGE}.serviceParam.onhold"),
        "ready_timeout": at(f"{_PAGE}.serviceParam.readyTimeout"),
        "av_file_type": at("recordingFileConfig.avFileType"),
        "rtmp_urls": at(f"{_PUSH}.serviceParam.outputs[].rtmpUrl"),
        "error_handle_policy": at(f"{_EXTENSIONS}.errorHandlePolicy"),
        "recorder_error_handle_policy": at(f"{_PAGE}.errorHandlePolicy"),
        "rtmp_error_handle_policy": at(f"{_PUSH}.errorHandlePolicy"),
        "api_version": at(f"{_EXTENSIONS}.apiVersion"),
    },
    Encryption: {
        "decryption_mode": at("decryptionMode"),
        "secret": at("secret"),
        "salt": at("salt"),
    },
    Subscription: {
        "subscribe_audio_uids": at("subscribeAudioUids", write=_texts),
        "unsubscribe_audio_uids": at("unsubscribeAudioUids", "unSubscribeAudioUids", write=_texts),
        "subscribe_video_uids": at("subscribeVideoUids", write=_texts),
        "unsubscribe_video_uids": at(
            "unsubscribeVideoUids", "unSubscribeVideoUids", "unsunscribeVideoUids", write=_texts
        ),
    },
    Transcoding: {
        "width": at("width"),
        "height": at("height"),
        "fps": at("fps"),
        "bitrate": at("bitrate"),
        "layout": inline(),
    },
    Snapshots: {"capture_interval": at("captureInterval"), "file_type": at("fileType")},
    Floating: _BACKGROUND,
    BestFit: _BACKGROUND,
    Vertical: _BACKGROUND | {"max_resolution_uid": at("maxResolutionUid", write=str)},
    Custom: _BACKGROUND | {"regions": at("layoutConfig")},
    LayoutRegion: {
        "uid": at("uid", write=str),
        "x_axis": at("x_axis"),
        "y_axis": at("y_axis"),
        "width": at("width"),
        "height": at("height"),
        "alpha": at("alpha"),
        "render_mode": at("render_mode"),
    },
    UserBackground: {
        "uid": at("uid", write=str),
        "image_url": at("image_url"),
        "render_mode": at("render_mode"),
    },
    AmazonS3: _BUCKET | _TEMPORARY | _SSE | _TAG,
    AlibabaCloud: _BUCKET | _TEMPORARY | _TAG,
    TencentCloud: _BUCKET | _TEMPORARY,
    AzureBlob: _BUCKET,
    GoogleCloud: _BUCKET,
    HuaweiCloud: _BUCKET,
    BaiduCloud: _BUCKET,
    S3Compatible: _BUCKET | _ENDPOINT,
    QiniuCloud: _BUCKET,
    KingsoftCloud: _BUCKET,
    OtherStorage: _BUCKET | _TEMPORARY | _SSE | _TAG | _ENDPOINT,
    PostponedTranscoding: _POSTPONED,
    PostponedAudioMix: _POSTPONED
    | {
        "sample_rate": at("transcodeOptions.audio.sampleRate"),
        "bitrate": at("transcodeOptions.audio.bitrate"),
        "channels": at("transcodeOptions.audio.channels"),
    },
    ApsaraVideoVod: _legacy_service(_VOD)
    | {
        "access_key": at(f"{_VOD}.serviceParam.accessKey"),
        "secret_key": at(f"{_VOD}.serviceParam.secretKey"),
        "region_id": at(f"{_VOD}.serviceParam.regionId"),
        "title": at(f"{_VOD_DATA}.title"),
        "description": at(f"{_VOD_DATA}.description"),
        "cover_url": at(f"{_VOD_DATA}.coverUrl"),
        "cate_id": at(f"{_VOD_DATA}.cateId"),
        "tags": at(f"{_VOD_DATA}.tags"),
        "template_group_id": at(f"{_VOD_DATA}.templateGroupId"),
        "user_data": at(f"{_VOD_DATA}.userData"),
        "storage_location": at(f"{_VOD_DATA}.storageLocation"),
        "workflow_id": at(f"{_VOD_DATA}.workflowId"),
    },
    AlibabaAudioModeration: _legacy_service(_ALIBABA)
    | {
        "stream_types": at(f"{_ALIBABA}.streamTypes"),
        "callback_addr": at(f"{_ALIBABA}.serviceParam.callbackAddr"),
        "callback_seed": at(f"{_ALIBABA}.serviceParam.apiData.callbackSeed"),
        "biz_type": at(f"{_ALIBABA}.serviceParam.apiData.bizType"),
        "access_key": at(f"{_ALIBABA}.serviceParam.apiData.accessKey"),
        "secret_key": at(f"{_ALIBABA}.serviceParam.apiData.secretKey"),
    },
    YituAudioModeration: _legacy_service(_YITU) | {"stream_types": at(f"{_YITU}.streamTypes")},
}
"""Each attribute of each value class of requests, and where the service wants it."""

ALWAYS: Final[dict[type, str]] = {
    AcquireRequest: "clientRequest",
    StopRequest: "clientRequest",
    YituAudioModeration: f"{_YITU}.serviceParam",
}
"""Objects that are sent even when they are empty."""

MARKS: Final[dict[type, Mark]] = {
    Encryption: mark("decryptionMode"),
    Subscription: mark(
        *(path for wire in REQUEST_FIELDS[Subscription].values() for path in (wire.path, *wire.aliases))
    ),
    ApsaraVideoVod: mark(_VOD),
    AlibabaAudioModeration: mark(_ALIBABA),
    YituAudioModeration: mark(_YITU),
    OtherStorage: mark("vendor"),
} | {
    cls: mark(REQUEST_FIELDS[cls][attribute].path, value=getattr(cls, attribute))
    for attribute, union in (("vendor", Storage), ("mixed_video_layout", Layout), ("trans_mode", Postponed))
    for cls in get_args(union)
    if cls is not OtherStorage
}
"""How to see that a value is there, and of which class it is, where several may be."""
