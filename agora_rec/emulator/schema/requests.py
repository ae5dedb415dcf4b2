"""The fields of all request bodies: requests.yaml `types`, row by row, as data.

A test compares these rows with the reference. The legacy services' own parameters are in `legacy`.
"""

from collections.abc import Callable, Mapping
from typing import Final

from agora_rec.emulator.schema import forms, rules, storage_rules
from agora_rec.emulator.schema.fields import Field, Kind, Rule, Shape
from agora_rec.emulator.schema.legacy import LEGACY_SHAPES
from agora_rec.emulator.schema.regions import AREAS, LEGACY_VENDORS
from agora_rec.emulator.settings import Settings

_TEXT, _INTEGER, _NUMBER, _FLAG = Kind.TEXT, Kind.INTEGER, Kind.NUMBER, Kind.FLAG
_OBJECT, _TEXTS, _OBJECTS = Kind.OBJECT, Kind.TEXTS, Kind.OBJECTS
_RTC: Final = frozenset({"individual", "mix"})
_MIX: Final = frozenset({"mix"})
_INDIVIDUAL: Final = frozenset({"individual"})
_HLS: Final = ("hls",)
_UIDS_MAX: Final = 32
_REGIONS_MAX: Final = 17


def _choices(*values: object) -> frozenset[object]:
    return frozenset(values)


def _client_request(shape: str, waived: Callable[[Settings], bool] | None = None) -> Field:
    return Field(name="clientRequest", kind=_OBJECT, required=True, shape=shape, waived=waived)


def _identified(client_request: Field, *rules: Rule) -> Shape:
    return Shape(
        rules=rules,
        fields=(
            Field(name="cname", kind=_TEXT, required=True),
            Field(name="uid", kind=_TEXT, required=True, form=forms.UID),
            client_request,
        ),
    )


def _uids(verb: str, medium: str) -> Field:
    name = f"{verb}{medium}Uids"
    return Field(
        name=name,
        kind=_TEXTS,
        items_max=_UIDS_MAX,
        form=forms.UID_OR_ALL if verb == "subscribe" else forms.UID,
        spellings=rules.SPELLINGS.get(name, ()),
    )


def _checked_later(settings: Settings) -> bool:
    return settings.configs_checked_later


_SUBSCRIBE_AUDIO: Final = _uids("subscribe", "Audio")
_UNSUBSCRIBE_AUDIO: Final = _uids("unsubscribe", "Audio")
_SUBSCRIBE_VIDEO: Final = _uids("subscribe", "Video")
_UNSUBSCRIBE_VIDEO: Final = _uids("unsubscribe", "Video")
_LISTS_HOLD_SOMEBODY: Final = rules.lists_hold_somebody(
    "subscribeAudioUids", "unsubscribeAudioUids", "subscribeVideoUids", "unsubscribeVideoUids"
)
_ALL_STREAMS_ALONE: Final = rules.all_streams_stand_alone("subscribeAudioUids", "subscribeVideoUids")
_ONE_AUDIO_LIST: Final = rules.one_list_of("subscribeAudioUids", "unsubscribeAudioUids")
_ONE_VIDEO_LIST: Final = rules.one_list_of("subscribeVideoUids", "unsubscribeVideoUids")

_LAYOUT: Final = (
    Field(name="maxResolutionUid", kind=_TEXT, form=forms.UID),
    Field(name="mixedVideoLayout", kind=_INTEGER, default=0, choices=_choices(0, 1, 2, 3)),
    Field(name="backgroundColor", kind=_TEXT, default="#000000", form=forms.COLOUR),
    Field(name="backgroundImage", kind=_TEXT, form=forms.WEB_URL),
    Field(name="defaultUserBackgroundImage", kind=_TEXT, form=forms.WEB_URL),
    Field(name="layoutConfig", kind=_OBJECTS, items_max=_REGIONS_MAX, shape="LayoutRegion"),
    Field(name="backgroundConfig", kind=_OBJECTS, shape="UserBackground"),
)

SHAPES: Final[Mapping[str, Shape]] = {
    "AcquireBody": _identified(
        _client_request("AcquireClientRequest", lambda settings: settings.client_request_optional),
        rules.cname_is_allowed,
    ),
    "AcquireClientRequest": Shape(
        fields=(
            Field(
                name="scene",
                kind=_INTEGER,
                default=0,
                choices=_choices(0, 1, 2),
                legacy_choices=_choices(2),
            ),
            Field(name="resourceExpiredHour", kind=_INTEGER, default=72, low=1, high=720),
            Field(name="excludeResourceIds", kind=_TEXTS, form=forms.FILLED),
            Field(name="region", kind=_TEXT, choices=_choices("CN", "AP", "EU", "NA")),
            Field(
                name="regionAffinity",
                kind=_INTEGER,
                default=0,
                choices=_choices(0, 1, 2, 3, 4),
                legacy=True,
            ),
            # Not looked into: a wrong one is found when the start differs from it.
            Field(name="startParameter", kind=_OBJECT),
        )
    ),
    "StartBody": _identified(_client_request("StartClientRequest")),
    "StartClientRequest": Shape(
        fields=(
            Field(name="token", kind=_TEXT, modes=_RTC),
            Field(
                name="storageConfig",
                kind=_OBJECT,
                required=True,
                shape="StorageConfig",
                postponed=_checked_later,
            ),
            Field(name="recordingConfig", kind=_OBJECT, modes=_RTC, shape="RecordingConfig"),
            Field(name="recordingFileConfig", kind=_OBJECT, shape="RecordingFileConfig"),
            Field(name="snapshotConfig", kind=_OBJECT, modes=_INDIVIDUAL, shape="SnapshotConfig"),
            Field(name="extensionServiceConfig", kind=_OBJECT, shape="ExtensionServiceConfig"),
            Field(
                name="appsCollection",
                kind=_OBJECT,
                modes=_INDIVIDUAL,
                shape="AppsCollection",
                legacy=True,
            ),
            Field(
                name="transcodeOptions",
                kind=_OBJECT,
                modes=_INDIVIDUAL,
                shape="TranscodeOptions",
                legacy=True,
            ),
        ),
        rules=(
            rules.mode_has_its_config,
            rules.file_config_is_given,
            rules.files_fit_mode,
            rules.snapshots_fit,
            rules.transcoding_fits_vendor,
            rules.postponed_has_options,
        ),
    ),
    "StorageConfig": Shape(
        fields=(
            Field(
                name="vendor",
                kind=_INTEGER,
                required=True,
                choices=_choices(*AREAS),
                legacy_choices=LEGACY_VENDORS,
            ),
            Field(name="region", kind=_INTEGER, required=True),
            Field(name="bucket", kind=_TEXT, required=True),
            Field(name="accessKey", kind=_TEXT, required=True),
            Field(name="secretKey", kind=_TEXT, required=True),
            Field(name="stsToken", kind=_TEXT),
            Field(name="stsExpiration", kind=_INTEGER, low=0, high=(1 << 64) - 1),
            Field(name="fileNamePrefix", kind=_TEXTS, form=forms.FOLDER),
            Field(name="extensionParams", kind=_OBJECT, shape="StorageExtensionParams"),
        ),
        rules=(
            storage_rules.region_fits_vendor,
            storage_rules.sts_is_whole,
            storage_rules.prefix_is_short,
            storage_rules.params_fit_vendor,
        ),
    ),
    "StorageExtensionParams": Shape(
        fields=(
            Field(name="sse", kind=_TEXT, choices=_choices("kms", "aes256")),
            Field(name="tag", kind=_TEXT),
            Field(name="endpoint", kind=_TEXT, form=forms.HOST),
        )
    ),
    "RecordingConfig": Shape(
        fields=(
            Field(name="channelType", kind=_INTEGER, required=True, default=0, choices=_choices(0, 1)),
            Field(name="decryptionMode", kind=_INTEGER, default=0, choices=_choices(*range(9))),
            Field(name="secret", kind=_TEXT),
            Field(name="salt", kind=_TEXT, form=forms.SALT),
            Field(name="maxIdleTime", kind=_INTEGER, default=30, low=5, high=2592000, modes=_RTC),
            Field(name="streamTypes", kind=_INTEGER, default=2, choices=_choices(0, 1, 2)),
            Field(name="videoStreamType", kind=_INTEGER, default=0, choices=_choices(0, 1)),
            _SUBSCRIBE_AUDIO,
            _UNSUBSCRIBE_AUDIO,
            _SUBSCRIBE_VIDEO,
            _UNSUBSCRIBE_VIDEO,
            Field(name="subscribeUidGroup", kind=_INTEGER, choices=_choices(*range(6)), modes=_INDIVIDUAL),
            Field(
                name="streamMode",
                kind=_TEXT,
                default="default",
                choices=_choices("default", "standard", "original"),
                modes=_INDIVIDUAL,
            ),
            Field(name="audioProfile", kind=_INTEGER, default=0, choices=_choices(0, 1, 2), modes=_MIX),
            Field(
                name="transcodingConfig",
                kind=_OBJECT,
                modes=_MIX,
                shape="TranscodingConfig",
                postponed=_checked_later,
            ),
            Field(name="privateParams", kind=_TEXT, form=forms.JSON_OBJECT, legacy=True),
        ),
        rules=(
            _ONE_AUDIO_LIST,
            _ONE_VIDEO_LIST,
            _LISTS_HOLD_SOMEBODY,
            _ALL_STREAMS_ALONE,
            rules.subscriptions_fit_streams,
            rules.original_is_audio,
            rules.encryption_is_whole,
            rules.uid_group_is_given,
        ),
    ),
    "TranscodingConfig": Shape(
        fields=(
            Field(name="width", kind=_INTEGER, default=360, low=1),
            Field(name="height", kind=_INTEGER, default=640, low=1),
            Field(name="fps", kind=_INTEGER, default=15, low=1),
            Field(name="bitrate", kind=_INTEGER, default=500, low=1),
            *_LAYOUT,
        ),
        rules=(
            rules.area_in("width", "height", (360, 640)),
            rules.transcoding_is_whole,
            rules.layout_fits_config,
        ),
    ),
    "LayoutRegion": Shape(
        fields=(
            Field(name="uid", kind=_TEXT, form=forms.UID),
            Field(name="x_axis", kind=_NUMBER, required=True, low=0, high=1),
            Field(name="y_axis", kind=_NUMBER, required=True, low=0, high=1),
            Field(name="width", kind=_NUMBER, required=True, low=0, high=1),
            Field(name="height", kind=_NUMBER, required=True, low=0, high=1),
            Field(name="alpha", kind=_NUMBER, default=1, low=0, high=1),
            Field(name="render_mode", kind=_INTEGER, default=0, choices=_choices(0, 1)),
        ),
        rules=(rules.region_in_picture,),
    ),
    "UserBackground": Shape(
        fields=(
            Field(name="uid", kind=_TEXT, required=True, form=forms.UID),
            Field(name="image_url", kind=_TEXT, required=True, form=forms.WEB_URL),
            Field(name="render_mode", kind=_INTEGER, default=0, choices=_choices(0, 1)),
        ),
        rules=(rules.image_is_safe,),
    ),
    "RecordingFileConfig": Shape(
        fields=(Field(name="avFileType", kind=_TEXTS, default=_HLS, lists=(_HLS, ("hls", "mp4"))),)
    ),
    "SnapshotConfig": Shape(
        fields=(
            # The lower bound is a setting, see `rules.snapshots_fit`.
            Field(name="captureInterval", kind=_INTEGER, default=10, low=1, high=3600),
            Field(name="fileType", kind=_TEXTS, required=True, lists=(("jpg",),)),
        )
    ),
    "ExtensionServiceConfig": Shape(
        fields=(
            Field(
                name="errorHandlePolicy", kind=_TEXT, default="error_abort", choices=_choices("error_abort")
            ),
            Field(name="apiVersion", kind=_TEXT, default="v1", legacy=True),
            Field(name="extensionServices", kind=_OBJECTS, required=True, shape="ExtensionService"),
        ),
        rules=(rules.services_fit_mode,),
    ),
    "ExtensionService": Shape(
        fields=(
            Field(
                name="serviceName",
                kind=_TEXT,
                required=True,
                choices=_choices(
                    "web_recorder_service",
                    "rtmp_publish_service",
                    "aliyun_vod_service",
                    "aliyun_voice_async_scan",
                    "yitu_voice_async_scan",
                ),
                legacy_choices=_choices(
                    "aliyun_vod_service", "aliyun_voice_async_scan", "yitu_voice_async_scan"
                ),
            ),
            Field(name="errorHandlePolicy", kind=_TEXT, choices=_choices("error_abort", "error_ignore")),
            Field(name="streamTypes", kind=_INTEGER, legacy=True),
            Field(
                name="serviceParam",
                kind=_OBJECT,
                required=True,
                shape_by=(
                    "serviceName",
                    {
                        "web_recorder_service": "WebRecorderParam",
                        "rtmp_publish_service": "RtmpPublishParam",
                        "aliyun_vod_service": "AliyunVodParam",
                        "aliyun_voice_async_scan": "AliyunScanParam",
                        "yitu_voice_async_scan": "YituScanParam",
                    },
                ),
            ),
        ),
        rules=(rules.policy_fits_service, rules.streams_fit_service),
    ),
    "WebRecorderParam": Shape(
        fields=(
            Field(name="url", kind=_TEXT, required=True, form=forms.WEB_URL),
            Field(name="audioProfile", kind=_INTEGER, required=True, choices=_choices(0, 1, 2)),
            Field(name="videoWidth", kind=_INTEGER, required=True, low=240, high=1920),
            Field(name="videoHeight", kind=_INTEGER, required=True, low=240, high=1920),
            Field(name="maxRecordingHour", kind=_INTEGER, required=True, low=1, high=720),
            Field(name="videoBitrate", kind=_INTEGER, low=50, high=8000),
            Field(name="videoFps", kind=_INTEGER, default=15, low=5, high=60),
            Field(name="mobile", kind=_FLAG, default=False),
            Field(name="maxVideoDuration", kind=_INTEGER, default=120, low=30, high=240),
            Field(name="onhold", kind=_FLAG, default=False),
            Field(name="readyTimeout", kind=_INTEGER, default=0, low=0, high=60, nullable=True),
        ),
        rules=(rules.area_in("videoWidth", "videoHeight", (0, 0)),),
        by_go_client=frozenset({"VideoBitrate"}),
    ),
    "RtmpPublishParam": Shape(
        fields=(Field(name="outputs", kind=_OBJECTS, required=True, items_max=1, shape="RtmpOutput"),),
        rules=(rules.pushes_somewhere,),
    ),
    "RtmpOutput": Shape(fields=(Field(name="rtmpUrl", kind=_TEXT, required=True, form=forms.RTMP_URL),)),
    "UpdateBody": _identified(_client_request("UpdateClientRequest")),
    "UpdateClientRequest": Shape(
        fields=(
            Field(name="streamSubscribe", kind=_OBJECT, shape="StreamSubscribe"),
            Field(name="webRecordingConfig", kind=_OBJECT, shape="WebRecordingConfig"),
            Field(name="rtmpPublishConfig", kind=_OBJECT, shape="RtmpPublishConfig"),
            Field(name="storageConfig", kind=_OBJECT, shape="StorageConfig"),
        ),
        rules=(rules.update_fits_mode,),
    ),
    "StreamSubscribe": Shape(
        fields=(
            Field(name="audioUidList", kind=_OBJECT, shape="AudioUidList"),
            Field(name="videoUidList", kind=_OBJECT, shape="VideoUidList"),
        )
    ),
    "AudioUidList": Shape(
        fields=(_SUBSCRIBE_AUDIO, _UNSUBSCRIBE_AUDIO),
        rules=(_ONE_AUDIO_LIST, _LISTS_HOLD_SOMEBODY, _ALL_STREAMS_ALONE),
    ),
    "VideoUidList": Shape(
        fields=(_SUBSCRIBE_VIDEO, _UNSUBSCRIBE_VIDEO),
        rules=(_ONE_VIDEO_LIST, _LISTS_HOLD_SOMEBODY, _ALL_STREAMS_ALONE),
    ),
    "WebRecordingConfig": Shape(fields=(Field(name="onhold", kind=_FLAG, default=False),)),
    "RtmpPublishConfig": Shape(
        fields=(Field(name="outputs", kind=_OBJECTS, items_max=1, shape="RtmpOutput"),)
    ),
    "UpdateLayoutBody": _identified(_client_request("LayoutClientRequest")),
    "LayoutClientRequest": Shape(fields=_LAYOUT, rules=(rules.layout_fits_config,)),
    "StopBody": _identified(_client_request("StopClientRequest")),
    "StopClientRequest": Shape(fields=(Field(name="async_stop", kind=_FLAG, default=False),)),
    **LEGACY_SHAPES,
}
