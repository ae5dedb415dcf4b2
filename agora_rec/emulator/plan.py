"""What a start asked for, read from a body that has passed its checks.

Values only, without the secrets: of keys and tokens just what they lead to is kept.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum, unique
from typing import Final
from urllib.parse import urlsplit

from attrs import field, frozen

from agora_rec.emulator.layouts import Layout, read_layout
from agora_rec.emulator.schema.forms import ALL_STREAMS
from agora_rec.emulator.schema.regions import area_of
from agora_rec.emulator.settings import PageTrouble, Settings
from agora_rec.emulator.wire import (
    TOKEN_EXPIRED,
    TOKEN_WRONG,
    JsonObject,
    Refusal,
    as_object,
    flag_of,
    int_of,
    object_of,
    objects_of,
    text_of,
    texts_of,
)
from agora_rec.vocabulary import ModeName

AUDIO, VIDEO = "audio", "video"
_MEDIA: Final[Mapping[int, frozenset[str]]] = {
    0: frozenset({AUDIO}),
    1: frozenset({VIDEO}),
    2: frozenset({AUDIO, VIDEO}),
}
_GROUP_USERS: Final = (2, 7, 12, 17, 32, 49)
"""How many users each `subscribeUidGroup` records at most."""
_AUDIO: Final = ((48, False), (128, False), (192, True))
"""Kbps, and whether it is stereo, of each `audioProfile`."""
_FPS: Final = 15
_OLDER_FPS: Final = frozenset({1, 7, 10, 15, 24, 30, 60})
_HD_PIXELS: Final = 1280 * 720
_PAGE_SERVICE: Final = "web_recorder_service"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_SECONDS: Final = 253_402_300_799
"""The end of the year 9999; a token that runs out later never does."""


@unique
class Flaw(Enum):
    """What the asynchronous check will find wrong."""

    STORAGE = "storage"
    IMAGE = "image"
    TOKEN = "token"  # noqa: S105 - a word, not a token


@unique
class FileList(Enum):
    """What the answers to query and stop tell of files, and how."""

    ONE_NAME = "string"
    ARRAY = "json"
    NOTHING = "none"
    WEB = "web"


@frozen
class Chosen:
    """Whose streams of one medium are taken: those listed (None: everybody) except those refused."""

    listed: frozenset[str] | None = None
    refused: frozenset[str] = frozenset()

    def takes(self, uid: str) -> bool:
        """Whether that user's stream is taken."""
        return uid not in self.refused and (self.listed is None or uid in self.listed)


NOBODY: Final = Chosen(listed=frozenset())


@frozen
class Subscription:
    """Whose audio and whose video is recorded."""

    audio: Chosen
    video: Chosen

    def takes(self, uid: str, medium: str) -> bool:
        """Whether that user's stream of that medium is recorded."""
        return (self.audio if medium == AUDIO else self.video).takes(uid)


@frozen(kw_only=True)
class WebPlan:
    """What a web recording adds."""

    hours_max: int
    mp4_seconds: float
    onhold: bool
    ready_timeout: float
    """How long the page may take until it says that it is ready; 0: nobody waits for that."""
    trouble: PageTrouble | None
    outputs: tuple[str, ...] | None = field(repr=False)
    """The addresses to push to; None if start had no rtmp_publish_service."""
    address: str
    """Whose page it is: host and path. What may be secret in a URL (user, query, fragment) isn't kept."""
    width: int
    height: int
    fps: int
    kbps: int


@frozen(kw_only=True)
class MixPlan:
    """What a mixed picture is at the start: its size in pixels, and how it is put together."""

    width: int
    height: int
    fps: int
    kbps: int
    layout: Layout


@frozen(kw_only=True)
class Plan:
    """What a recording does.

    `flaw` says that it will fail soon after its start, and why. `capture_seconds` is the time between two
    screenshots, `token_runs_out` the end of the storage's temporary token; None where there are none.
    `audio_kbps` and `stereo` are what `audioProfile` means, `commas` is `correctEXTINF` (files.yaml).
    """

    mode: ModeName
    media: frozenset[str]
    subscription: Subscription
    live: bool
    idle_seconds: float
    users_max: int | None
    records: bool
    snapshots: bool
    mp4: bool
    folders: tuple[str, ...]
    bucket: str
    area: str | None
    postponed: bool
    capture_seconds: int | None
    token_runs_out: datetime | None
    flaw: Flaw | None
    token_refusal: Refusal | None
    web: WebPlan | None
    mix: MixPlan | None
    """None where nothing is seen: in other modes, and of audio alone."""
    audio_kbps: int
    stereo: bool
    commas: bool
    standard: bool
    """`streamMode` standard: then audio from browsers is WebM too."""

    @property
    def file_list(self) -> FileList:
        """How files are told."""
        if self.mode is ModeName.WEB:
            return FileList.WEB
        if self.snapshots:
            return FileList.NOTHING
        return FileList.ONE_NAME if self.mode is ModeName.MIX and not self.mp4 else FileList.ARRAY


def read_plan(mode: ModeName, request: JsonObject, settings: Settings) -> Plan:
    """Read a checked clientRequest of start."""
    recording = object_of(request, "recordingConfig")
    storage = object_of(request, "storageConfig")
    snapshots = "snapshotConfig" in request
    refusal = None if mode is ModeName.WEB else _judge_token(text_of(request, "token") or "", settings)
    media = _MEDIA[int_of(recording, "streamTypes", 2)]
    mp4 = "mp4" in (texts_of(object_of(request, "recordingFileConfig"), "avFileType") or ())
    policy = text_of(object_of(request, "appsCollection"), "combinationPolicy")
    web = _read_web(request, settings) if mode is ModeName.WEB else None
    audio_kbps, stereo = _AUDIO[_audio_profile(request, mode)]
    return Plan(
        mode=mode,
        media=media,
        subscription=read_subscription(recording, recording, media),
        live=int_of(recording, "channelType", 0) == 1,
        idle_seconds=int_of(recording, "maxIdleTime", 30),
        users_max=_GROUP_USERS[int_of(recording, "subscribeUidGroup", 0)]
        if mode is ModeName.INDIVIDUAL
        else None,
        records=not snapshots or "recordingFileConfig" in request,
        snapshots=snapshots,
        mp4=mp4,
        folders=texts_of(storage, "fileNamePrefix") or (),
        bucket=text_of(storage, "bucket") or "",
        area=read_area(storage),
        postponed=policy == "postpone_transcoding",
        capture_seconds=int_of(object_of(request, "snapshotConfig"), "captureInterval", 10)
        if snapshots
        else None,
        token_runs_out=read_expiration(storage),
        flaw=Flaw.TOKEN if refusal is not None else _find_flaw(recording, storage, settings),
        token_refusal=refusal,
        web=web,
        mix=_read_mix(recording, settings) if mode is ModeName.MIX and VIDEO in media else None,
        audio_kbps=audio_kbps,
        stereo=stereo,
        commas=_wants_commas(text_of(recording, "privateParams")),
        standard=mode is ModeName.INDIVIDUAL and text_of(recording, "streamMode") == "standard",
    )


def read_subscription(
    audio: Mapping[str, object], video: Mapping[str, object], media: frozenset[str]
) -> Subscription:
    """The two pairs of lists, given what kinds of stream are recorded at all.

    Both may be the same object (start); then one medium's list without any of the other's means that
    nobody's stream of the other is recorded.
    """
    chosen_audio, chosen_video = _read_chosen(audio, "Audio"), _read_chosen(video, "Video")
    if audio is video:
        if chosen_audio is not None and chosen_video is None:
            chosen_video = NOBODY
        elif chosen_video is not None and chosen_audio is None:
            chosen_audio = NOBODY
    return Subscription(
        audio=(chosen_audio or Chosen()) if AUDIO in media else NOBODY,
        video=(chosen_video or Chosen()) if VIDEO in media else NOBODY,
    )


def _read_chosen(lists: Mapping[str, object], medium: str) -> Chosen | None:
    wanted = texts_of(lists, f"subscribe{medium}Uids")
    if wanted is not None:
        return Chosen() if ALL_STREAMS in wanted else Chosen(listed=frozenset(wanted))
    refused = texts_of(lists, f"unsubscribe{medium}Uids")
    # Refusing somebody is no list in the sense of the rule: everybody else is still wanted.
    return None if refused is None else Chosen(refused=frozenset(refused))


def _judge_token(token: str, settings: Settings) -> Refusal | None:
    if token in settings.expired_tokens:
        return TOKEN_EXPIRED
    if token in settings.wrong_tokens or (settings.token_required and not token):
        return TOKEN_WRONG
    return None


def read_area(storage: JsonObject) -> str | None:
    """In which area the bucket is; None where that isn't known."""
    return area_of(int_of(storage, "vendor", 0), int_of(storage, "region", 0))


def is_refusing(storage: JsonObject, settings: Settings) -> bool:
    """Whether that storage takes no files: the bucket refuses all, or it or a key is wrong."""
    values = {text_of(storage, name) for name in ("bucket", "accessKey", "secretKey")}
    return bool(values & settings.wrong_values) or text_of(storage, "bucket") in settings.backup_buckets


def read_expiration(storage: JsonObject) -> datetime | None:
    """When the storage's temporary token runs out; None if it has none, or a lasting one."""
    seconds = int_of(storage, "stsExpiration", 0)
    if not text_of(storage, "stsToken") or seconds > _LATEST_SECONDS:
        return None
    return _EPOCH + timedelta(seconds=seconds)


def _find_flaw(recording: JsonObject, storage: JsonObject, settings: Settings) -> Flaw | None:
    transcoding = object_of(recording, "transcodingConfig")
    keys = [text_of(storage, name) for name in ("bucket", "accessKey", "secretKey")]
    images = [text_of(transcoding, name) for name in ("backgroundImage", "defaultUserBackgroundImage")]
    images += [text_of(each, "image_url") for each in objects_of(transcoding, "backgroundConfig")]
    for flaw, values in ((Flaw.STORAGE, keys), (Flaw.IMAGE, images)):
        if any(value in settings.wrong_values for value in values):
            return flaw
    return None


def _services(request: JsonObject) -> dict[str | None, JsonObject]:
    services = objects_of(object_of(request, "extensionServiceConfig"), "extensionServices")
    return {text_of(each, "serviceName"): object_of(each, "serviceParam") for each in services}


def _audio_profile(request: JsonObject, mode: ModeName) -> int:
    web = mode is ModeName.WEB
    holder = _services(request)[_PAGE_SERVICE] if web else object_of(request, "recordingConfig")
    return int_of(holder, "audioProfile", 0)


def _wants_commas(private: str | None) -> bool:
    # An empty text is a missing one.
    return flag_of(as_object(json.loads(private or "{}")) or {}, "correctEXTINF")


def _read_web(request: JsonObject, settings: Settings) -> WebPlan:
    services = _services(request)
    page, push = services[_PAGE_SERVICE], services.get("rtmp_publish_service")
    width, height = int_of(page, "videoWidth", 0), int_of(page, "videoHeight", 0)
    parts = urlsplit(text_of(page, "url") or "")
    return WebPlan(
        hours_max=int_of(page, "maxRecordingHour", 1),
        mp4_seconds=int_of(page, "maxVideoDuration", 120) * 60,
        onhold=flag_of(page, "onhold"),
        ready_timeout=int_of(page, "readyTimeout", 0),
        trouble=settings.page_troubles.get(text_of(page, "url") or ""),
        outputs=None if push is None else read_outputs(push),
        address=f"{parts.hostname}{parts.path}",
        width=width,
        height=height,
        fps=int_of(page, "videoFps", 15),
        kbps=int_of(page, "videoBitrate", 2000 if width * height >= _HD_PIXELS else 1500),
    )


def _read_mix(recording: JsonObject, settings: Settings) -> MixPlan:
    transcoding = object_of(recording, "transcodingConfig")
    fps = int_of(transcoding, "fps", _FPS)
    return MixPlan(
        width=int_of(transcoding, "width", 360),
        height=int_of(transcoding, "height", 640),
        fps=_FPS if settings.older_transcoding and fps not in _OLDER_FPS else fps,
        kbps=int_of(transcoding, "bitrate", 500),
        layout=read_layout(transcoding),
    )


def read_outputs(holder: Mapping[str, object]) -> tuple[str, ...]:
    """The addresses to push to."""
    return tuple(text_of(each, "rtmpUrl") or "" for each in objects_of(holder, "outputs"))
