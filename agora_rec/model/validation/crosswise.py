"""Rules that look at several fields at once: one small function each.

Each is given a value whose single fields may be wrong in any way, judges only what it understands, and never
raises. What a single field may be is in `tables`.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeGuard, cast, get_args

from attrs import frozen

from agora_rec.model.alternate import Alternate
from agora_rec.model.choices import DecryptionMode, Scene, StreamMode, StreamTypes
from agora_rec.model.layout import LayoutRegion
from agora_rec.model.modes import Encryption, Individual, Mix, Mode, Transcoding, Web, scene_of
from agora_rec.model.regions import Vendor
from agora_rec.model.requests import AcquireRequest, StartParameter, Update
from agora_rec.model.storage import (
    AlibabaCloud,
    AmazonS3,
    AzureBlob,
    BaiduCloud,
    Bucket,
    GoogleCloud,
    HuaweiCloud,
    KingsoftCloud,
    OtherStorage,
    QiniuCloud,
    S3Compatible,
    Storage,
    TemporaryKeyBucket,
    TencentCloud,
    area_of,
)
from agora_rec.model.subscription import ALL_STREAMS, Subscription
from agora_rec.model.validation.rules import is_whole
from agora_rec.model.validation.tables import MAX_PIXELS, MAX_PREFIX, WantedRecording
from agora_rec.vocabulary import Region

NEEDED_TOO: Final = "needed beside token: a token is made for one uid"
MIN_STS: Final = timedelta(hours=4)
_DEFAULT_WIDTH: Final = 360
_DEFAULT_HEIGHT: Final = 640
_STEPS: Final = 1_000_000  # the service knows six decimals of a part of the canvas


@frozen
class Fault:
    """A field that doesn't fit the others: its path, what stands there, what would be right."""

    path: str
    value: object
    says: str


@frozen
class Context:
    """What a value is judged against besides itself.

    Attributes:
        now: the moment now; None: expiries aren't judged.
        mode: how the recording was started, for updates; None: not known, so not judged.
    """

    now: datetime | None = None
    mode: Mode | None = None


Faults = Iterator[Fault]
_Crosswise = Callable[[Any, Context], Faults]


def not_too_many_pixels(picture: Transcoding | Web, _: Context) -> Faults:
    """Width times height is at most 1920*1080; a side that isn't sent has the service's default."""
    if isinstance(picture, Web):
        names, width, height = ("video_width", "video_height"), picture.video_width, picture.video_height
    else:
        names = ("width", "height")
        width = _DEFAULT_WIDTH if picture.width is None else picture.width
        height = _DEFAULT_HEIGHT if picture.height is None else picture.height
    if is_whole(width) and is_whole(height) and width > 0 and height > 0 and width * height > MAX_PIXELS:
        larger = names[0] if width >= height else names[1]
        says = f"{' times '.join(names)} at most {MAX_PIXELS} (1920*1080)"
        yield Fault(larger, getattr(picture, larger), says)


def inside_the_canvas(region: LayoutRegion, _: Context) -> Faults:
    """A region doesn't leave the canvas, counted in the service's six decimals."""
    for edge, size in (("x_axis", "width"), ("y_axis", "height")):
        begin, length = getattr(region, edge), getattr(region, size)
        if _millionths(begin) + _millionths(length) > _STEPS:
            yield Fault(size, length, f"{edge} + {size} at most 1")


def _millionths(part: object) -> int:
    """A part of the canvas in whole steps; what is none takes no room."""
    return round(part * _STEPS) if isinstance(part, float) and 0 <= part <= 1 else 0


def key_and_salt(encryption: Encryption, _: Context) -> Faults:
    """Every decryption mode needs a key, the GCM2 modes a salt too."""
    mode = encryption.decryption_mode
    if not is_whole(mode) or mode not in _DECRYPTION_MODES or mode == DecryptionMode.NONE:
        return
    name = DecryptionMode(mode).name
    if encryption.secret is None:
        yield Fault("secret", None, f"needed for DecryptionMode.{name}")
    if encryption.salt is None and mode in {DecryptionMode.AES_128_GCM2, DecryptionMode.AES_256_GCM2}:
        yield Fault("salt", None, f"needed for DecryptionMode.{name}: base64 of 32 bytes")


_DECRYPTION_MODES: Final = frozenset(map(int, DecryptionMode))


def lists_exclude_each_other(subscription: Subscription, _: Context) -> Faults:
    """For audio and for video there is one list: to subscribe to, or to leave out."""
    for kind in ("audio", "video"):
        taken = getattr(subscription, f"subscribe_{kind}_uids")
        left = getattr(subscription, f"unsubscribe_{kind}_uids")
        if taken is not None and left is not None:
            yield Fault(f"unsubscribe_{kind}_uids", left, f"not together with subscribe_{kind}_uids")


def everybody_stands_alone(subscription: Subscription, _: Context) -> Faults:
    """ALL_STREAMS is the only element of its list."""
    for kind in ("audio", "video"):
        uids = _elements(getattr(subscription, f"subscribe_{kind}_uids"))
        if len(uids) > 1 and any(map(_is_everybody, uids)):
            yield Fault(f"subscribe_{kind}_uids", uids, "ALL_STREAMS alone, or UIDs without it")


def _elements(items: object) -> tuple[object, ...]:
    """The elements of a list, or none if it is no list."""
    return cast("tuple[object, ...]", items) if isinstance(items, tuple) else ()


def _is_everybody(uid: object) -> bool:
    return isinstance(uid, str) and uid == ALL_STREAMS


def _only(kind: object, wanted: StreamTypes) -> bool:
    return is_whole(kind) and kind == wanted


def _lists_against(subscription: object, stream_types: object) -> Faults:
    if not isinstance(subscription, Subscription):
        return
    for kind, other in (("audio", StreamTypes.VIDEO), ("video", StreamTypes.AUDIO)):
        for name in (f"subscribe_{kind}_uids", f"unsubscribe_{kind}_uids"):
            uids = getattr(subscription, name)
            if uids is not None and _only(stream_types, other):
                yield Fault(f"subscription.{name}", uids, f"not with StreamTypes.{other.name}")


def lists_fit_stream_types(mode: Mix | Individual, _: Context) -> Faults:
    """Audio lists need a stream type with audio, video lists one with video."""
    yield from _lists_against(mode.subscription, mode.stream_types)


def original_audio_alone(mode: Individual, _: Context) -> Faults:
    """Stream mode `original` records audio only."""
    original = isinstance(mode.stream_mode, str) and mode.stream_mode == StreamMode.ORIGINAL
    if original and not _only(mode.stream_types, StreamTypes.AUDIO):
        yield Fault("stream_types", mode.stream_types, "StreamTypes.AUDIO, for StreamMode.ORIGINAL")


def screenshots_need_video(mode: Individual, _: Context) -> Faults:
    """Screenshots need a stream type with video, and a video list beside an audio list."""
    if mode.snapshots is None:
        return
    if _only(mode.stream_types, StreamTypes.AUDIO):
        yield Fault("stream_types", mode.stream_types, "with video, for screenshots")
    lists = mode.subscription if isinstance(mode.subscription, Subscription) else Subscription()
    if lists.subscribe_audio_uids is not None and lists.subscribe_video_uids is None:
        says = "needed beside subscribe_audio_uids, for screenshots"
        yield Fault("subscription.subscribe_video_uids", None, says)


def postponed_not_with_qiniu(mode: Individual, _: Context) -> Faults:
    """Work after the recording isn't done on Qiniu's storage."""
    if mode.postponed is not None and isinstance(mode.storage, QiniuCloud):
        yield Fault("storage", mode.storage, "another vendor than Qiniu, for postponed work")


def policy_of_something(mode: Web, _: Context) -> Faults:
    """A policy for the push needs a push."""
    if mode.rtmp_error_handle_policy is not None and mode.rtmp_urls is None:
        yield Fault("rtmp_error_handle_policy", mode.rtmp_error_handle_policy, "only beside rtmp_urls")


def prefix_not_too_long(storage: Bucket, _: Context) -> Faults:
    """All folders together, with the slashes between them, have at most 128 characters."""
    folders = _elements(storage.file_name_prefix)
    length = sum(len(folder) for folder in folders if isinstance(folder, str)) + len(folders) - 1
    if length > MAX_PREFIX:
        says = f"at most {MAX_PREFIX} characters in all, slashes between them included"
        yield Fault("file_name_prefix", folders, says)


def sts_lasts(storage: TemporaryKeyBucket, context: Context) -> Faults:
    """A temporary key says when it ends: at least four hours from now."""
    ends = storage.sts_expiration
    if storage.sts_token is not None and ends is None:
        yield Fault("sts_expiration", None, "needed beside sts_token")
    soon = None if context.now is None else context.now + MIN_STS
    if soon is not None and isinstance(ends, datetime) and ends.tzinfo is UTC and ends < soon:
        yield Fault("sts_expiration", ends, "at least 4 hours from now")


def vendor_without_class(storage: OtherStorage, _: Context) -> Faults:
    """A vendor that has a class of its own is described with it."""
    if is_whole(storage.vendor) and storage.vendor in set(Vendor):
        says = f"the class for {Vendor(storage.vendor).name}, not OtherStorage"
        yield Fault("vendor", storage.vendor, says)


def _bucket_in_region(region: object, mode: object, path: str) -> Faults:
    storage = mode.storage if _is_mode(mode) else None
    if not _is_storage(storage) or not isinstance(region, str):
        return
    area = area_of(storage)
    if area is not None and region in set(Region) and area != region:
        yield Fault(f"{path}.storage.region", storage.region, f"in {region!s}, the region to record in")


def _is_mode(value: object) -> TypeGuard[Mode]:
    return isinstance(value, Mix | Individual | Web)


def _is_storage(value: object) -> TypeGuard[Storage]:
    return isinstance(value, get_args(Storage))


def wanted_bucket_in_region(wanted: WantedRecording, _: Context) -> Faults:
    """The bucket lies in the region that the recording is restricted to, as far as we know where it lies."""
    yield from _bucket_in_region(wanted.region, wanted.mode, "mode")


def announced_bucket_in_region(request: AcquireRequest, _: Context) -> Faults:
    """The same for what acquire announces."""
    if isinstance(request.start_parameter, StartParameter):
        yield from _bucket_in_region(request.region, request.start_parameter.mode, "start_parameter.mode")


def scene_fits_mode(request: AcquireRequest, _: Context) -> Faults:
    """Web pages are acquired as such, and nothing else is. Older pages disagree about postponed mixing."""
    if not isinstance(request.start_parameter, StartParameter):
        return
    mode = request.start_parameter.mode
    if not _is_mode(mode):
        return
    scene = Scene.RTC if request.scene is None else request.scene
    wanted = scene_of(mode)
    allowed = {wanted, Scene.RTC} if wanted is Scene.POSTPONED else {wanted}
    if is_whole(scene) and scene not in allowed:
        yield Fault("scene", request.scene, f"Scene.{wanted.name}, for this mode")


def update_fits_mode(update: Update, context: Context) -> Faults:
    """What can be updated depends on how the recording was started."""
    mode = context.mode
    if isinstance(mode, Web):
        if update.subscription is not None:
            yield Fault("subscription", update.subscription, "not for web pages")
        if update.rtmp_urls is not None and not mode.rtmp_urls:
            yield Fault("rtmp_urls", update.rtmp_urls, "only for web pages that were started with one")
    elif mode is not None:
        yield from _lists_against(update.subscription, mode.stream_types)
        for name in ("onhold", "rtmp_urls"):
            if getattr(update, name) is not None:
                yield Fault(name, getattr(update, name), "only for web pages")


def alternate_is_another(wanted: WantedRecording, _: Context) -> Faults:
    """An alternate has a uid of its own, and a token of its own where tokens are needed at all."""
    alternate = wanted.alternate
    if type(alternate) is not Alternate:
        return
    if is_whole(alternate.uid) and alternate.uid == wanted.uid:
        yield Fault("alternate.uid", alternate.uid, "another uid than the recording's own")
    if alternate.token is None and wanted.token is not None:
        yield Fault("alternate.token", None, NEEDED_TOO)


_BUCKET: Final[tuple[_Crosswise, ...]] = (prefix_not_too_long,)
_TEMPORARY: Final[tuple[_Crosswise, ...]] = (prefix_not_too_long, sts_lasts)

CROSSWISE: Final[Mapping[type, tuple[_Crosswise, ...]]] = {
    WantedRecording: (wanted_bucket_in_region, alternate_is_another),
    AcquireRequest: (announced_bucket_in_region, scene_fits_mode),
    Update: (update_fits_mode,),
    Mix: (lists_fit_stream_types,),
    Individual: (
        lists_fit_stream_types,
        original_audio_alone,
        screenshots_need_video,
        postponed_not_with_qiniu,
    ),
    Web: (not_too_many_pixels, policy_of_something),
    Transcoding: (not_too_many_pixels,),
    LayoutRegion: (inside_the_canvas,),
    Encryption: (key_and_salt,),
    Subscription: (lists_exclude_each_other, everybody_stands_alone),
    AmazonS3: _TEMPORARY,
    AlibabaCloud: _TEMPORARY,
    TencentCloud: _TEMPORARY,
    OtherStorage: (*_TEMPORARY, vendor_without_class),
    AzureBlob: _BUCKET,
    GoogleCloud: _BUCKET,
    HuaweiCloud: _BUCKET,
    BaiduCloud: _BUCKET,
    S3Compatible: _BUCKET,
    QiniuCloud: _BUCKET,
    KingsoftCloud: _BUCKET,
}
"""Which rules a class has beyond those of its single fields."""
