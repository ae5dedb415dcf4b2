"""What can be chosen about the emulated service: times, limits, and which of two documented ways it plays.

Values only. Where the reference records a conflict, the default is what the current pages say and a
setting plays the other side. Faults of single calls are in `faults`, users in channels in `channels`.
"""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Final

from attrs import field, fields, frozen, validators

from agora_rec.emulator.spans import require_span


@frozen(kw_only=True)
class User:
    """Somebody in a channel. Only hosts keep a live broadcast (channelType 1) from being idle.

    `webm`: sends from a browser what is stored as WebM in individual mode (VP8; in some documents VP9).
    """

    uid: int
    audio: bool = True
    video: bool = True
    host: bool = True
    webm: bool = False


@unique
class AppIdRefusal(Enum):
    """How an App ID is answered that is wrong or lacks the service; the documents know four ways."""

    GATEWAY = "400 appid is invalid"
    SERVICE = "acquire: 400 code 400 invalid_appid"
    OLDER = "401 invalid appid"
    OLDER_SERVICE = "acquire: 400 code 62"


@unique
class PageTrouble(Enum):
    """What is wrong with a web page; what comes of it is told by events 72, 73 and 71 (events.yaml)."""

    NEVER_READY = "never_ready"
    """It never says that it is ready. Matters with `readyTimeout` only: reloaded once, then given up."""
    UNREACHABLE = "unreachable"
    """It can't be opened."""
    NO_ENGINE = "no_engine"
    """The engine that shall show it doesn't start."""
    GOES_SILENT = "goes_silent"
    """Its sound is lost: reloaded, and goes on."""
    RESOLUTION = "resolution"
    WEBGL = "WebGL"
    BANDWIDTH = "bandwidth"
    """Like the two before: it uses more than is supported, which ends the recording."""
    BREAKS = "breaks"
    """The recorder can't go on."""


_LEAST: Final = 0.001
AREAS: Final = ("NA", "EU", "AP", "CN")
"""The areas of acquire's `region`: North America, Europe, Asia without mainland China, mainland China."""


@frozen(kw_only=True)
class Settings:
    """How the service behaves. All times are seconds, 0 to a billion; others are a ValueError.

    Times:
        latency: what every call takes at least; calls overlap during it.
        start_seconds: from the accepted start until everything is ready (status 4), individual and mix.
        web_start_seconds: the same for web (webpage-mode.md: about 5).
        check_seconds: from the start until a recording with wrong parameters fails.
        exit_seconds: what the worker takes at least to go after it has left; status 6 to 8, code 49.
        upload_seconds: from the end until all files are stored.
        handover_seconds: from then on, until files that went to the backup are handed over to the bucket
            (timing.yaml backup_playable_after: within 5 minutes).
        sync_stop_seconds: longer than this a stop doesn't wait for the upload (206, code 50).
        first_slice_mix, first_slice_individual, first_slice_web: until the first playlist exists.
        resource_seconds: how long a resource ID is good for a start (else code 433).
        mix_mp4_seconds: length of one MP4 of a mix recording (some pages: about three hours).
        register_seconds: from the start until the recording is safe from the loss of its server (event
            13; timing.yaml event_13_within: 10); None: that never comes.
        progress_seconds: between two reports of the upload's progress (event 33; timing.yaml
            uploading_progress_every: 60); at least 0.001, as the next two.
        slice_seconds: length of a slice, which is what progress counts (timing.yaml slice_length: 15).
        notice_seconds: from what happens until the service sends its notification.
        mixing_seconds: what postponed audio mixing takes when everything is stored (timing.yaml: 24 hours at
            most, usually).
        page_trouble_seconds: from the beginning of a web recording until the trouble of its page shows.

    Limits:
        concurrent_limit, web_concurrent_limit: recordings at once; over it acquire says 406, start 502.
        mp4_bytes: about how large an MP4 gets until the next one begins; at least 1.
        cname_bytes: longest channel name. The older documents have 64 with `older_cname_code`.
        snapshot_interval_min: smallest `captureInterval` (older pages: 1).

    The world:
        users: who is in a channel that nobody has said anything about.
        nearest_area: the area (of `region`) that is nearest to callers, unless a regional host name says so.
        other_app_ids: further App IDs of the same account (for code 1003).
        inactive_app_ids: those whose account isn't active, unpaid for example: acquire says 405.
        token_required: the project has its App Certificate on.
        expired_tokens, wrong_tokens: tokens that the channel refuses (109, 110).
        wrong_values: buckets, keys and image URLs that pass start and make the recording fail later; in an
            update of the storage they send files to the backup.
        backup_buckets: buckets that refuse files, so that these go to the backup.
        notification_ips: what ncs/ip answers.
        page_troubles: what is wrong with which page, by URL.
        broken_services: audio moderation services that can't listen (event 201).
        dead_outputs: addresses for pushes that can't be reached (event 100, `disconnected`).

    Memory:
        notices_kept: how many of the latest notices are kept at least; older ones may be forgotten.

    Ways to play:
        unknown_fields_refused: names and spellings that the service doesn't know are code 2.
        uid_group_required: `subscribeUidGroup` may not be absent in individual mode; from Agora's Go client,
            which leaves out the value 0, it may always be.
        file_config_required: what isn't screenshots alone needs a `recordingFileConfig` (the documents' text;
            their tables and samples do without).
        large_uid_optional: a vertical layout is taken without its `maxResolutionUid`, and has nobody in the
            large region (layout.md); else it is required.
        legacy_taken: what has left the current documents is still taken: fields, services, vendors, storage
            regions, scene 2; else it is code 2.
        client_request_optional: acquire is taken without a clientRequest (Shengwang's table).
        configs_checked_later: what is wrong in `storageConfig` or `transcodingConfig` passes start and ends
            the recording later, as wrong buckets do (the first document); else start answers code 2.
        empty_lists_refused: an empty list of uids is code 2 (Shengwang); else it is nobody.
        http_images_taken: `image_url` may be http (Shengwang, one official client); else https only.
        older_transcoding: `transcodingConfig` has all of width, height, fps and bitrate, no side is over
            1920 pixels, the bitrate not over 6500 Kbps; `fps` is 1, 7, 10, 15, 24, 30, 60, or counts as 15.
        older_regions: any storage region is taken for the vendors 5 and 6 (until 2025-12); else only 0.
        tokens_checked_at_start: start itself answers 109 or 110 (older); else the recording fails later.
        app_id_refusal: the answer to a wrong App ID.
        repeated_start_with_sid: the body of 201 carries resourceId and sid.
        observed_bodies: 404 and 49 with the bodies seen in the wild instead of code and reason.
        exiting_refused: query and stop of a recording that is exiting answer 404 with 501 (older).
        async_stop_swapped: a stop waits for the upload if `async_stop` is true, and else not (Chinese page).
        slow_stop_code: the code beside 206 of a stop whose upload is slow; None as in the oldest text.
        older_content_type: a body's Content-Type is exactly `application/json;charset=utf-8` (2022).
        older_form_code: a wrong Content-Type, or a body that is no JSON, is code 8 instead of 2.
        older_cname_code: a bad channel name is code 1013 instead of 401.
        older_layout_code: a bad layout update is code 1028 instead of 2.
        oldest_answers: acquire answers a resourceId alone, and start resourceId and sid.
        slice_start_in_mix: a query of a mix recording has `sliceStartTime` as well (older pages, clients,
            samples); else only those of individual ones have.
        older_playable: of an individual recording only audio is said to be playable online.
        file_times_in_seconds: `fileList[].sliceStartTime` in seconds instead of milliseconds.
        unix_times_in_playlists: the moments in Agora's tags are Unix milliseconds instead of 17 digits.
        web_file_key: how a web file's name is spelled, `filename` or `fileName`.
        event_file_key: the same in events 31, 32 and 90 (one Shengwang table has `filename`).
        rtmp_state_in_query: a query's rtmp_publish_service has a `state` (2022: it hasn't).
        rtmp_in_stop: a web stop's answer also has the rtmp_publish_service (2022).
        older_unknown: `uploadingStatus` says `unknow`.
        older_leave_codes: event 41 numbers its leave codes 0, 1, 2, 4 and 8, as an old page.
        modes_swapped_in_events: `recordingMode` of event 3 is 0 for mix and 1 for individual (Shengwang).
        mixed_streams_by_user: in mix, events 43 and 44 speak of each user instead of the mixed stream.
        failover_under_new_uid: event 12 comes under the new recorder's uid instead of the old one's.
        scene_in_events: events have a `serviceScene` (Shengwang since 2021; not in the current pages).
    """

    latency: float = 0.01
    start_seconds: float = 2.0
    web_start_seconds: float = 5.0
    check_seconds: float = 5.0
    exit_seconds: float = 2.0
    upload_seconds: float = 0.5
    handover_seconds: float = 300.0
    sync_stop_seconds: float = 20.0
    first_slice_mix: float = 15.0
    first_slice_individual: float = 60.0
    first_slice_web: float = 15.0
    resource_seconds: float = 300.0
    mix_mp4_seconds: float = 7200.0
    register_seconds: float | None = 1.0
    progress_seconds: float = 60.0
    slice_seconds: float = 15.0
    notice_seconds: float = 0.1
    mixing_seconds: float = 60.0
    page_trouble_seconds: float = 60.0

    concurrent_limit: int = 50
    web_concurrent_limit: int = 200
    mp4_bytes: float = field(default=2e9, validator=validators.ge(1))
    cname_bytes: int = 1024
    snapshot_interval_min: int = 5

    users: tuple[User, ...] = (User(uid=11), User(uid=12))
    nearest_area: str = field(default="NA", validator=validators.in_(AREAS))
    other_app_ids: frozenset[str] = frozenset()
    inactive_app_ids: frozenset[str] = frozenset()
    token_required: bool = False
    expired_tokens: frozenset[str] = field(default=frozenset(), repr=False)
    wrong_tokens: frozenset[str] = field(default=frozenset(), repr=False)
    wrong_values: frozenset[str] = field(default=frozenset(), repr=False)
    backup_buckets: frozenset[str] = frozenset()
    notification_ips: tuple[str, ...] = ("192.0.2.10", "192.0.2.11")
    page_troubles: Mapping[str, PageTrouble] = field(factory=dict[str, PageTrouble], hash=False)
    broken_services: frozenset[str] = frozenset()
    dead_outputs: frozenset[str] = field(default=frozenset(), repr=False)

    notices_kept: int = 100_000

    unknown_fields_refused: bool = True
    uid_group_required: bool = True
    file_config_required: bool = False
    large_uid_optional: bool = False
    legacy_taken: bool = True
    client_request_optional: bool = False
    configs_checked_later: bool = False
    empty_lists_refused: bool = False
    http_images_taken: bool = False
    older_transcoding: bool = False
    older_regions: bool = False
    tokens_checked_at_start: bool = False
    app_id_refusal: AppIdRefusal = AppIdRefusal.GATEWAY
    repeated_start_with_sid: bool = False
    observed_bodies: bool = False
    exiting_refused: bool = False
    async_stop_swapped: bool = False
    slow_stop_code: int | None = 50
    older_content_type: bool = False
    older_form_code: bool = False
    older_cname_code: bool = False
    older_layout_code: bool = False
    oldest_answers: bool = False
    slice_start_in_mix: bool = True
    older_playable: bool = False
    file_times_in_seconds: bool = False
    unix_times_in_playlists: bool = False
    web_file_key: str = "filename"
    event_file_key: str = "fileName"
    rtmp_state_in_query: bool = True
    rtmp_in_stop: bool = False
    older_unknown: bool = False
    older_leave_codes: bool = False
    modes_swapped_in_events: bool = False
    mixed_streams_by_user: bool = False
    failover_under_new_uid: bool = False
    scene_in_events: bool = True

    def __attrs_post_init__(self) -> None:
        for name in _SPANS:
            if name != "register_seconds" or self.register_seconds is not None:
                require_span(f"Settings.{name}", getattr(self, name))
        for name in _NOT_NOTHING:
            if getattr(self, name) < _LEAST:
                least = f"should be {_LEAST:g} or more"
                raise ValueError(f"Settings.{name} is {getattr(self, name)!r}, and {least}")


_SPANS: Final = tuple(
    each.name for each in fields(Settings) if each.type in (float, float | None) and each.name != "mp4_bytes"
)
_NOT_NOTHING: Final = ("progress_seconds", "slice_seconds", "notice_seconds")
"""What happens again and again; at once it would for ever."""
