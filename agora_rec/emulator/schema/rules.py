"""What must hold between the fields of one object. Each rule names the field that is wrong, or None.

A rule sees the object after its fields were checked one by one, so types and ranges are right.
"""

from collections.abc import Mapping
from datetime import timedelta
from math import inf
from typing import Final

from agora_rec.emulator.schema.fields import Context, Rule
from agora_rec.emulator.schema.forms import ALL_STREAMS
from agora_rec.emulator.schema.regions import (
    ANYWHERE_VENDORS,
    AREAS,
    LEGACY_REGIONS,
    QINIU,
    S3_COMPATIBLE,
    SSE_VENDORS,
    STS_VENDORS,
    TAG_VENDORS,
)
from agora_rec.emulator.wire import int_of, object_of, objects_of, text_of, texts_of

PIXELS_MAX: Final = 1920 * 1080
PREFIX_CHARACTERS_MAX: Final = 128
STS_VALIDITY: Final = timedelta(hours=4)
AUDIO_ONLY, VIDEO_ONLY, AUDIO_AND_VIDEO = 0, 1, 2
_WITH_AUDIO: Final = frozenset({AUDIO_ONLY, AUDIO_AND_VIDEO})
_WITH_VIDEO: Final = frozenset({VIDEO_ONLY, AUDIO_AND_VIDEO})
_SALTED_MODES: Final = frozenset({7, 8})
_VERTICAL, _CUSTOM = 2, 3
_OLDER_MEASURES: Final[Mapping[str, float]] = {"width": 1920, "height": 1920, "fps": inf, "bitrate": 6500}
_DECIMALS: Final = 6
"""So exact are positions and sizes."""
_FORMATS: Final[Mapping[str, frozenset[str]]] = {
    "postponeTranscoding": frozenset({"mp4"}),
    "audioMix": frozenset({"mp3", "m4a", "aac"}),
}
"""What is made by each `transMode`."""
_MODERATIONS: Final = frozenset({"aliyun_voice_async_scan", "yitu_voice_async_scan"})

_SERVICES: Final[Mapping[str, frozenset[str]]] = {
    "web": frozenset({"web_recorder_service", "rtmp_publish_service"}),
    "mix": frozenset({"aliyun_vod_service"}),
    "individual": _MODERATIONS,
}
_POLICIES: Final[Mapping[str, str]] = {
    "web_recorder_service": "error_abort",
    "rtmp_publish_service": "error_ignore",
}


def one_list_of(first: str, second: str) -> Rule:
    """The two lists exclude each other."""

    def rule(given: Mapping[str, object], context: Context) -> str | None:
        return second if first in given and second in given else None

    return rule


def lists_hold_somebody(*names: str) -> Rule:
    """A list of uids isn't empty, where the settings say so."""

    def rule(given: Mapping[str, object], context: Context) -> str | None:
        empty = [name for name in names if texts_of(given, name) == ()]
        return empty[0] if empty and context.settings.empty_lists_refused else None

    return rule


def all_streams_stand_alone(*names: str) -> Rule:
    """Who subscribes to everybody subscribes to nobody beside."""

    def rule(given: Mapping[str, object], context: Context) -> str | None:
        lists = {name: texts_of(given, name) or () for name in names}
        return next((name for name, uids in lists.items() if ALL_STREAMS in uids and len(uids) > 1), None)

    return rule


def subscriptions_fit_streams(given: Mapping[str, object], context: Context) -> str | None:
    """Audio lists need audio, video lists need video."""
    streams = int_of(given, "streamTypes", AUDIO_AND_VIDEO)
    for medium, allowed in (("Audio", _WITH_AUDIO), ("Video", _WITH_VIDEO)):
        for verb in ("subscribe", "unsubscribe"):
            if f"{verb}{medium}Uids" in given and streams not in allowed:
                return f"{verb}{medium}Uids"
    return None


def original_is_audio(given: Mapping[str, object], context: Context) -> str | None:
    """StreamMode original goes with audio only."""
    streams = int_of(given, "streamTypes", AUDIO_AND_VIDEO)
    return "streamMode" if given.get("streamMode") == "original" and streams != AUDIO_ONLY else None


def encryption_is_whole(given: Mapping[str, object], context: Context) -> str | None:
    """Encryption needs its secret, GCM2 its salt too."""
    mode = int_of(given, "decryptionMode", 0)
    if mode and not text_of(given, "secret"):
        return "secret"
    if mode in _SALTED_MODES and not text_of(given, "salt"):
        return "salt"
    return None


def uid_group_is_given(given: Mapping[str, object], context: Context) -> str | None:
    """Individual recordings say how many users they expect."""
    if context.mode != "individual" or not context.settings.uid_group_required or context.by_go_client:
        return None
    return None if "subscribeUidGroup" in given else "subscribeUidGroup"


def area_in(width: str, height: str, defaults: tuple[int, int]) -> Rule:
    """The picture is at most 1920 x 1080 pixels large."""

    def rule(given: Mapping[str, object], context: Context) -> str | None:
        pixels = int_of(given, width, defaults[0]) * int_of(given, height, defaults[1])
        return width if pixels > PIXELS_MAX else None

    return rule


def transcoding_is_whole(given: Mapping[str, object], context: Context) -> str | None:
    """In older documents the four measures belong together, and have limits of their own."""
    if not context.settings.older_transcoding:
        return None
    for name, most in _OLDER_MEASURES.items():
        if name not in given or int_of(given, name, 0) > most:
            return name
    return None


def image_is_safe(given: Mapping[str, object], context: Context) -> str | None:
    """A user's background comes over https."""
    over_https = (text_of(given, "image_url") or "").startswith("https:")
    return None if over_https or context.settings.http_images_taken else "image_url"


def layout_fits_config(given: Mapping[str, object], context: Context) -> str | None:
    """A custom layout has regions, and only a custom layout has them; a vertical one says who is large."""
    layout = int_of(given, "mixedVideoLayout", 0)
    custom = layout == _CUSTOM
    if layout == _VERTICAL and not text_of(given, "maxResolutionUid"):
        return None if context.settings.large_uid_optional else "maxResolutionUid"
    regions = objects_of(given, "layoutConfig")
    if custom and not regions:
        return "layoutConfig"
    return "layoutConfig" if not custom and "layoutConfig" in given else None


def region_in_picture(given: Mapping[str, object], context: Context) -> str | None:
    """A region of a layout ends inside the picture."""
    for start, size in (("x_axis", "width"), ("y_axis", "height")):
        first, second = given[start], given[size]
        if (
            isinstance(first, int | float)
            and isinstance(second, int | float)
            and round(first + second, _DECIMALS) > 1
        ):
            return size
    return None


def snapshots_fit(given: Mapping[str, object], context: Context) -> str | None:
    """Screenshots need video, and an audio list needs a video list beside it."""
    if "snapshotConfig" not in given:
        return None
    recording = object_of(given, "recordingConfig")
    if int_of(recording, "streamTypes", AUDIO_AND_VIDEO) not in _WITH_VIDEO:
        return "snapshotConfig"
    if "subscribeAudioUids" in recording and "subscribeVideoUids" not in recording:
        return "snapshotConfig"
    interval = int_of(object_of(given, "snapshotConfig"), "captureInterval", 10)
    return "snapshotConfig.captureInterval" if interval < context.settings.snapshot_interval_min else None


def files_fit_mode(given: Mapping[str, object], context: Context) -> str | None:
    """MP4 exists in mix and web only."""
    types = texts_of(object_of(given, "recordingFileConfig"), "avFileType") or ()
    return "recordingFileConfig.avFileType" if context.mode == "individual" and "mp4" in types else None


def mode_has_its_config(given: Mapping[str, object], context: Context) -> str | None:
    """Individual and mix need recordingConfig, web needs its services."""
    needed = "extensionServiceConfig" if context.mode == "web" else "recordingConfig"
    return None if needed in given else needed


def transcoding_fits_vendor(given: Mapping[str, object], context: Context) -> str | None:
    """Postponed transcoding is not to be had with Qiniu."""
    vendor = int_of(object_of(given, "storageConfig"), "vendor", QINIU)
    return "transcodeOptions" if "transcodeOptions" in given and vendor == QINIU else None


def postponed_has_options(given: Mapping[str, object], context: Context) -> str | None:
    """Postponed transcoding and mixing say what is to be made."""
    policy = text_of(object_of(given, "appsCollection"), "combinationPolicy")
    missing = policy == "postpone_transcoding" and "transcodeOptions" not in given
    return "transcodeOptions" if missing else None


def file_config_is_given(given: Mapping[str, object], context: Context) -> str | None:
    """What is recorded beside screenshots says what files it makes, where the settings say so."""
    needed = context.settings.file_config_required and "snapshotConfig" not in given
    return "recordingFileConfig" if needed and "recordingFileConfig" not in given else None


def format_fits_trans_mode(given: Mapping[str, object], context: Context) -> str | None:
    """Postponed transcoding makes MP4 files, postponed mixing audio files."""
    made = text_of(object_of(given, "container"), "format")
    allowed = _FORMATS[text_of(object_of(given, "transConfig"), "transMode") or ""]
    return "container.format" if made and made not in allowed else None


def region_fits_vendor(given: Mapping[str, object], context: Context) -> str | None:
    """The region number is one of the vendor's."""
    vendor = int_of(given, "vendor", QINIU)
    if vendor in ANYWHERE_VENDORS and context.settings.older_regions:
        return None
    region = int_of(given, "region", 0)
    if (vendor, region) in LEGACY_REGIONS and not context.settings.legacy_taken:
        return "region"
    return None if 0 <= region < len(AREAS[vendor]) else "region"


def sts_is_whole(given: Mapping[str, object], context: Context) -> str | None:
    """A temporary token belongs to some vendors, and is good for at least four hours."""
    if not text_of(given, "stsToken"):
        return None
    if int_of(given, "vendor", QINIU) not in STS_VENDORS:
        return "stsToken"
    earliest = (context.now + STS_VALIDITY).timestamp()
    return None if int_of(given, "stsExpiration", 0) >= earliest else "stsExpiration"


def prefix_is_short(given: Mapping[str, object], context: Context) -> str | None:
    """The folders, joined, have at most 128 characters."""
    prefix = texts_of(given, "fileNamePrefix") or ()
    return "fileNamePrefix" if len("/".join(prefix)) > PREFIX_CHARACTERS_MAX else None


def params_fit_vendor(given: Mapping[str, object], context: Context) -> str | None:
    """Encryption at rest, tags and endpoints belong to some vendors; S3-compatible needs its endpoint."""
    vendor = int_of(given, "vendor", QINIU)
    params = object_of(given, "extensionParams")
    if text_of(params, "sse") and vendor not in SSE_VENDORS:
        return "extensionParams.sse"
    if text_of(params, "tag") and vendor not in TAG_VENDORS:
        return "extensionParams.tag"
    if vendor == S3_COMPATIBLE and not text_of(params, "endpoint"):
        return "extensionParams.endpoint"
    return None


def services_fit_mode(given: Mapping[str, object], context: Context) -> str | None:
    """Each mode has its services; web has exactly one recorder, and at most one push beside it."""
    names = [text_of(each, "serviceName") or "" for each in objects_of(given, "extensionServices")]
    allowed = _SERVICES.get(context.mode or "", frozenset())
    if not names or len(set(names)) != len(names) or not set(names) <= allowed:
        return "extensionServices"
    if context.mode == "web" and "web_recorder_service" not in names:
        return "extensionServices"
    return None


def policy_fits_service(given: Mapping[str, object], context: Context) -> str | None:
    """Page recording knows only error_abort, pushing only error_ignore."""
    policy = text_of(given, "errorHandlePolicy")
    only = _POLICIES.get(text_of(given, "serviceName") or "")
    return "errorHandlePolicy" if policy and only is not None and policy != only else None


def streams_fit_service(given: Mapping[str, object], context: Context) -> str | None:
    """Only audio moderation is told a kind of stream, which is audio."""
    moderates = text_of(given, "serviceName") in _MODERATIONS
    fits = moderates and int_of(given, "streamTypes", AUDIO_ONLY) == AUDIO_ONLY
    return "streamTypes" if "streamTypes" in given and not fits else None


def pushes_somewhere(given: Mapping[str, object], context: Context) -> str | None:
    """Who pushes says where to."""
    return None if objects_of(given, "outputs") else "outputs"


def update_fits_mode(given: Mapping[str, object], context: Context) -> str | None:
    """An update of what the mode doesn't have is refused, not silently left undone."""
    foreign = ("streamSubscribe",) if context.mode == "web" else ("webRecordingConfig", "rtmpPublishConfig")
    return next((name for name in foreign if name in given), None)
