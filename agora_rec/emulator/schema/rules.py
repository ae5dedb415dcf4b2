"""What must hold between the fields of one object. Each rule names the field that is wrong, or None.

A rule sees the object after its fields were checked one by one, so types and ranges are right. Above each
stands how it is told in JSON Schema, to those who read the emulator's description.
"""

from collections.abc import Mapping
from itertools import permutations
from math import inf
from typing import Final

from agora_rec.emulator.schema.fields import Context, Rule, rule
from agora_rec.emulator.schema.forms import ALL_STREAMS, CNAME, SAFE_URL
from agora_rec.emulator.schema.regions import (
    QINIU,
)
from agora_rec.emulator.schema.told import (
    ANYTHING,
    Told,
    any_of,
    both,
    field,
    field_there,
    has,
    is_filled,
    is_one_of,
    lacks,
    one_group_at_most,
    when,
)
from agora_rec.emulator.settings import Settings
from agora_rec.emulator.wire import (
    INVALID_CNAME,
    INVALID_CNAME_OLDER,
    int_of,
    object_of,
    objects_of,
    text_of,
    texts_of,
)

PIXELS_MAX: Final = 1920 * 1080
_OLD_CNAME_BYTES_MAX: Final = 63
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
_MODERATIONS: Final = ("aliyun_voice_async_scan", "yitu_voice_async_scan")

SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "unsubscribeAudioUids": ("unSubscribeAudioUids",),
    "unsubscribeVideoUids": ("unSubscribeVideoUids", "unsunscribeVideoUids"),
}
"""How fields are written too."""

_PAGE: Final = "web_recorder_service"
_POSTPONED: Final = "postpone_transcoding"
_SERVICES: Final[Mapping[str, tuple[str, ...]]] = {
    "web": (_PAGE, "rtmp_publish_service"),
    "mix": ("aliyun_vod_service",),
    "individual": _MODERATIONS,
}
_POLICIES: Final[Mapping[str, str]] = {
    _PAGE: "error_abort",
    "rtmp_publish_service": "error_ignore",
}


def _spelled(name: str) -> tuple[str, ...]:
    return name, *SPELLINGS.get(name, ())


def _longest_cname(settings: Settings) -> int:
    return _OLD_CNAME_BYTES_MAX if settings.older_cname_code else settings.cname_bytes


@rule(
    lambda context: field("cname", {**CNAME.told, "maxLength": _longest_cname(context.settings)}),
    refusal=lambda settings: INVALID_CNAME_OLDER if settings.older_cname_code else INVALID_CNAME,
)
def cname_is_allowed(given: Mapping[str, object], context: Context) -> str | None:
    """A channel's name has its characters, and isn't too long."""
    cname = text_of(given, "cname") or ""
    return None if CNAME(cname) and len(cname) <= _longest_cname(context.settings) else "cname"


def one_list_of(first: str, second: str) -> Rule:
    """The two lists exclude each other."""

    # Each spelling by itself would be too much for those who make values of this.
    @rule(
        one_group_at_most((first,), (second,), SPELLINGS[second]),
        f"{second} is there in one spelling at most",
    )
    def excluded(given: Mapping[str, object], context: Context) -> str | None:
        return second if first in given and second in given else None

    return excluded


def lists_hold_somebody(*names: str) -> Rule:
    """A list of uids isn't empty, where the settings say so."""
    filled = both(*(field(each, {"minItems": 1}) for name in names for each in _spelled(name)))

    @rule(lambda context: filled if context.settings.empty_lists_refused else ANYTHING)
    def held(given: Mapping[str, object], context: Context) -> str | None:
        empty = [name for name in names if texts_of(given, name) == ()]
        return empty[0] if empty and context.settings.empty_lists_refused else None

    return held


def all_streams_stand_alone(*names: str) -> Rule:
    """Who subscribes to everybody subscribes to nobody beside."""

    @rule(ANYTHING)  # told with the lists
    def alone(given: Mapping[str, object], context: Context) -> str | None:
        lists = {name: texts_of(given, name) or () for name in names}
        return next((name for name, uids in lists.items() if ALL_STREAMS in uids and len(uids) > 1), None)

    return alone


def _no_lists_of(medium: str) -> Told:
    return lacks(*(each for verb in ("subscribe", "unsubscribe") for each in _spelled(f"{verb}{medium}Uids")))


def _streams_told(context: Context) -> Told:
    """What goes with which streams, `streamMode` included: two choices would be more to choose from."""
    individual = context.mode == "individual"
    transcoded = field("streamMode", {"not": {"const": "original"}}) if individual else ANYTHING
    return any_of(
        both(field("streamTypes", {"const": AUDIO_AND_VIDEO}), transcoded),
        both(is_one_of("streamTypes", {VIDEO_ONLY}), _no_lists_of("Audio"), transcoded),
        both(is_one_of("streamTypes", {AUDIO_ONLY}), _no_lists_of("Video")),
    )


@rule(_streams_told)
def subscriptions_fit_streams(given: Mapping[str, object], context: Context) -> str | None:
    """Audio lists need audio, video lists need video."""
    streams = int_of(given, "streamTypes", AUDIO_AND_VIDEO)
    for medium, allowed in (("Audio", _WITH_AUDIO), ("Video", _WITH_VIDEO)):
        for verb in ("subscribe", "unsubscribe"):
            if f"{verb}{medium}Uids" in given and streams not in allowed:
                return f"{verb}{medium}Uids"
    return None


@rule(ANYTHING)  # told with the streams
def original_is_audio(given: Mapping[str, object], context: Context) -> str | None:
    """StreamMode original goes with audio only."""
    streams = int_of(given, "streamTypes", AUDIO_AND_VIDEO)
    return "streamMode" if given.get("streamMode") == "original" and streams != AUDIO_ONLY else None


@rule(
    any_of(
        field("decryptionMode", {"const": 0}),
        both(field("decryptionMode", {"not": {"enum": sorted(_SALTED_MODES)}}), is_filled("secret")),
        both(is_filled("secret"), is_filled("salt")),
    )
)
def encryption_is_whole(given: Mapping[str, object], context: Context) -> str | None:
    """Encryption needs its secret, GCM2 its salt too."""
    mode = int_of(given, "decryptionMode", 0)
    if mode and not text_of(given, "secret"):
        return "secret"
    if mode in _SALTED_MODES and not text_of(given, "salt"):
        return "salt"
    return None


@rule(
    lambda context: (
        has("subscribeUidGroup")
        if context.mode == "individual" and context.settings.uid_group_required
        else ANYTHING
    )
)
def uid_group_is_given(given: Mapping[str, object], context: Context) -> str | None:
    """Individual recordings say how many users they expect."""
    if context.mode != "individual" or not context.settings.uid_group_required or context.by_go_client:
        return None
    return None if "subscribeUidGroup" in given else "subscribeUidGroup"


def area_in(width: str, height: str, defaults: tuple[int, int]) -> Rule:
    """The picture is at most 1920 x 1080 pixels large."""

    @rule(ANYTHING, f"{width} times {height} is at most {PIXELS_MAX}")
    def bounded(given: Mapping[str, object], context: Context) -> str | None:
        pixels = int_of(given, width, defaults[0]) * int_of(given, height, defaults[1])
        return width if pixels > PIXELS_MAX else None

    return bounded


@rule(
    lambda context: (
        both(
            {"required": list(_OLDER_MEASURES)},
            *(field(name, {"maximum": most}) for name, most in _OLDER_MEASURES.items() if most < inf),
        )
        if context.settings.older_transcoding
        else ANYTHING
    )
)
def transcoding_is_whole(given: Mapping[str, object], context: Context) -> str | None:
    """In older documents the four measures belong together, and have limits of their own."""
    if not context.settings.older_transcoding:
        return None
    for name, most in _OLDER_MEASURES.items():
        if name not in given or int_of(given, name, 0) > most:
            return name
    return None


@rule(lambda context: ANYTHING if context.settings.http_images_taken else field("image_url", SAFE_URL.told))
def image_is_safe(given: Mapping[str, object], context: Context) -> str | None:
    """A user's background comes over https."""
    over_https = SAFE_URL(text_of(given, "image_url") or "")
    return None if over_https or context.settings.http_images_taken else "image_url"


def _layouts_told(context: Context) -> Told:
    large = ANYTHING if context.settings.large_uid_optional else is_filled("maxResolutionUid")
    return any_of(
        both(is_one_of("mixedVideoLayout", {_CUSTOM}), field_there("layoutConfig", {"minItems": 1})),
        both(is_one_of("mixedVideoLayout", {_VERTICAL}), large, lacks("layoutConfig")),
        both(field("mixedVideoLayout", {"not": {"enum": [_VERTICAL, _CUSTOM]}}), lacks("layoutConfig")),
    )


@rule(_layouts_told)
def layout_fits_config(given: Mapping[str, object], context: Context) -> str | None:
    """A custom layout has regions, and only a custom layout has them; a vertical one says who is large."""
    layout = int_of(given, "mixedVideoLayout", 0)
    custom = layout == _CUSTOM
    nobody_large = layout == _VERTICAL and not text_of(given, "maxResolutionUid")
    if nobody_large and not context.settings.large_uid_optional:
        return "maxResolutionUid"
    regions = objects_of(given, "layoutConfig")
    if custom and not regions:
        return "layoutConfig"
    return "layoutConfig" if not custom and "layoutConfig" in given else None


@rule(ANYTHING, "x_axis + width and y_axis + height are at most 1")
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


def _snapshots_told(context: Context) -> Told:
    if context.mode != "individual":
        return ANYTHING
    interval = field("captureInterval", {"minimum": context.settings.snapshot_interval_min})
    recording = both(
        field("streamTypes", {"enum": sorted(_WITH_VIDEO)}),
        when(has("subscribeAudioUids"), has("subscribeVideoUids")),
    )
    return when(
        has("snapshotConfig"), both(field("snapshotConfig", interval), field("recordingConfig", recording))
    )


@rule(_snapshots_told)
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


@rule(
    lambda context: (
        field("recordingFileConfig", field("avFileType", {"items": {"not": {"const": "mp4"}}}))
        if context.mode == "individual"
        else ANYTHING
    )
)
def files_fit_mode(given: Mapping[str, object], context: Context) -> str | None:
    """MP4 exists in mix and web only."""
    types = texts_of(object_of(given, "recordingFileConfig"), "avFileType") or ()
    return "recordingFileConfig.avFileType" if context.mode == "individual" and "mp4" in types else None


def _needed_in(mode: str | None) -> str:
    return "extensionServiceConfig" if mode == "web" else "recordingConfig"


@rule(lambda context: has(_needed_in(context.mode)))
def mode_has_its_config(given: Mapping[str, object], context: Context) -> str | None:
    """Individual and mix need recordingConfig, web needs its services."""
    needed = _needed_in(context.mode)
    return None if needed in given else needed


@rule(
    lambda context: (
        when(has("transcodeOptions"), field("storageConfig", field("vendor", {"not": {"const": QINIU}})))
        if context.mode == "individual" and not context.settings.configs_checked_later
        else ANYTHING
    )
)
def transcoding_fits_vendor(given: Mapping[str, object], context: Context) -> str | None:
    """Postponed transcoding is not to be had with Qiniu."""
    vendor = int_of(object_of(given, "storageConfig"), "vendor", QINIU)
    return "transcodeOptions" if "transcodeOptions" in given and vendor == QINIU else None


@rule(
    lambda context: (
        when(
            field_there("appsCollection", is_one_of("combinationPolicy", {_POSTPONED})),
            has("transcodeOptions"),
        )
        if context.mode == "individual"
        else ANYTHING
    )
)
def postponed_has_options(given: Mapping[str, object], context: Context) -> str | None:
    """Postponed transcoding and mixing say what is to be made."""
    policy = text_of(object_of(given, "appsCollection"), "combinationPolicy")
    missing = policy == _POSTPONED and "transcodeOptions" not in given
    return "transcodeOptions" if missing else None


def _file_config_told(context: Context) -> Told:
    if not context.settings.file_config_required:
        return ANYTHING
    return has("recordingFileConfig", *(["snapshotConfig"] if context.mode == "individual" else []))


@rule(_file_config_told)
def file_config_is_given(given: Mapping[str, object], context: Context) -> str | None:
    """What is recorded beside screenshots says what files it makes, where the settings say so."""
    needed = context.settings.file_config_required and "snapshotConfig" not in given
    return "recordingFileConfig" if needed and "recordingFileConfig" not in given else None


@rule(
    any_of(
        *(
            both(
                field("transConfig", field("transMode", {"const": mode})),
                field("container", field("format", {"enum": ["", *sorted(formats)]})),
            )
            for mode, formats in _FORMATS.items()
        )
    )
)
def format_fits_trans_mode(given: Mapping[str, object], context: Context) -> str | None:
    """Postponed transcoding makes MP4 files, postponed mixing audio files."""
    made = text_of(object_of(given, "container"), "format")
    allowed = _FORMATS[text_of(object_of(given, "transConfig"), "transMode") or ""]
    return "container.format" if made and made not in allowed else None


def _service_lists(context: Context) -> tuple[tuple[str, ...], ...]:
    """Every list of services that a recording may have: in web there is a recorder, and maybe a push."""
    mode = context.mode
    allowed = _SERVICES.get(mode or "", ()) if mode == "web" or context.settings.legacy_taken else ()
    lists = [each for count in range(1, len(allowed) + 1) for each in permutations(allowed, count)]
    return tuple(each for each in lists if mode != "web" or _PAGE in each)


def _services_told(context: Context) -> Told:
    lists: list[Told] = [
        {
            "minItems": len(names),
            "maxItems": len(names),
            "prefixItems": [field("serviceName", {"const": name}) for name in names],
        }
        for names in _service_lists(context)
    ]
    return field("extensionServices", any_of(*lists)) if lists else lacks("extensionServices")


@rule(_services_told)
def services_fit_mode(given: Mapping[str, object], context: Context) -> str | None:
    """Each mode has its services, none of them twice; web has exactly one recorder."""
    names = [text_of(each, "serviceName") or "" for each in objects_of(given, "extensionServices")]
    return None if tuple(names) in _service_lists(context) else "extensionServices"


@rule(
    both(
        *(
            when(is_one_of("serviceName", {name}), field("errorHandlePolicy", {"enum": ["", policy]}))
            for name, policy in _POLICIES.items()
        )
    )
)
def policy_fits_service(given: Mapping[str, object], context: Context) -> str | None:
    """Page recording knows only error_abort, pushing only error_ignore."""
    policy = text_of(given, "errorHandlePolicy")
    only = _POLICIES.get(text_of(given, "serviceName") or "")
    return "errorHandlePolicy" if policy and only is not None and policy != only else None


@rule(
    any_of(
        both(is_one_of("serviceName", _MODERATIONS), field("streamTypes", {"const": AUDIO_ONLY})),
        both(field("serviceName", {"not": {"enum": list(_MODERATIONS)}}), lacks("streamTypes")),
    )
)
def streams_fit_service(given: Mapping[str, object], context: Context) -> str | None:
    """Only audio moderation is told a kind of stream, which is audio."""
    moderates = text_of(given, "serviceName") in _MODERATIONS
    fits = moderates and int_of(given, "streamTypes", AUDIO_ONLY) == AUDIO_ONLY
    return "streamTypes" if "streamTypes" in given and not fits else None


@rule(field("outputs", {"minItems": 1}))
def pushes_somewhere(given: Mapping[str, object], context: Context) -> str | None:
    """Who pushes says where to."""
    return None if objects_of(given, "outputs") else "outputs"


def _foreign_in(mode: str | None) -> tuple[str, ...]:
    return ("streamSubscribe",) if mode == "web" else ("webRecordingConfig", "rtmpPublishConfig")


@rule(lambda context: lacks(*_foreign_in(context.mode)))
def update_fits_mode(given: Mapping[str, object], context: Context) -> str | None:
    """An update of what the mode doesn't have is refused, not silently left undone."""
    return next((name for name in _foreign_in(context.mode) if name in given), None)
