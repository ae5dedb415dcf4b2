"""The notifications that the service sends: their numbers, names and owners, and the payload around them.

Tables alone (events.yaml `events`, `payload`, `enums`). What happens when is in `happenings`; how a
notification reaches somebody is none of this.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum, unique
from typing import Final

from attrs import field, frozen

from agora_rec.emulator.recorded import milliseconds
from agora_rec.emulator.session import Session
from agora_rec.emulator.wire import JsonObject, int_of
from agora_rec.vocabulary import ModeName


@unique
class EventType(IntEnum):
    """The events that the service sends and the emulator plays.

    Not played: what was only ever seen by others, without its form (46, 47), and the end of postponed
    transcoding (81), whose files are named in no document.
    """

    ERROR = 1
    WARNING = 2
    STATUS_UPDATE = 3
    FILE_INFOS = 4
    SESSION_EXIT = 11
    SESSION_FAILOVER = 12
    HA_REGISTERED = 13
    UPLOADER_STARTED = 30
    UPLOADED = 31
    BACKUPED = 32
    UPLOADING_PROGRESS = 33
    STS_EXPIRED = 34
    RECORDER_STARTED = 40
    RECORDER_LEAVE = 41
    SLICE_START = 42
    AUDIO_STATE_CHANGED = 43
    VIDEO_STATE_CHANGED = 44
    SNAPSHOT_FILE = 45
    VOD_STARTED = 60
    VOD_TRIGGERED = 61
    WEB_RECORDER_STARTED = 70
    WEB_RECORDER_STOPPED = 71
    WEB_CAPABILITY_LIMIT = 72
    WEB_RECORDER_RELOAD = 73
    TRANSCODER_STARTED = 80
    DOWNLOAD_FAILED = 90
    RTMP_PUBLISH_STATUS = 100
    EXTENSION_SERVICE_ERROR = 201
    EXTENSION_SERVICE_START = 202
    EXTENSION_SERVICE_STOP = 203
    FINAL_RESULT = 1001
    """Of postponed audio mixing."""


_SERVICE, _RECORDER, _UPLOADER, _EXTENSION, _PAGE, _TRANSCODER, _DOWNLOAD = 0, 1, 2, 4, 6, 7, 8

EVENTS: Final[Mapping[EventType, tuple[str, int]]] = {
    EventType.SESSION_FAILOVER: ("session_failover", _SERVICE),
    # Its name is in no document.
    EventType.HA_REGISTERED: ("ha_register_success", _SERVICE),
    EventType.RECORDER_STARTED: ("recorder_started", _RECORDER),
    EventType.WEB_RECORDER_STARTED: ("web_recorder_started", _PAGE),
    EventType.UPLOADER_STARTED: ("uploader_started", _UPLOADER),
    EventType.AUDIO_STATE_CHANGED: ("recorder_audio_stream_state_changed", _RECORDER),
    EventType.VIDEO_STATE_CHANGED: ("recorder_video_stream_state_changed", _RECORDER),
    EventType.SLICE_START: ("recorder_slice_start", _RECORDER),
    EventType.EXTENSION_SERVICE_ERROR: ("extension_service_error", _EXTENSION),
    EventType.EXTENSION_SERVICE_START: ("extension_service_start", _EXTENSION),
    EventType.RTMP_PUBLISH_STATUS: ("rtmp_publish_status", _PAGE),
    EventType.FILE_INFOS: ("cloud_recording_file_infos", _SERVICE),
    EventType.VOD_STARTED: ("vod_started", _EXTENSION),
    EventType.WARNING: ("cloud_recording_warning", _SERVICE),
    EventType.STS_EXPIRED: ("STSExpired", _UPLOADER),
    EventType.SNAPSHOT_FILE: ("recorder_snapshot_file", _RECORDER),
    EventType.WEB_RECORDER_RELOAD: ("web_recorder_reload", _PAGE),
    EventType.WEB_CAPABILITY_LIMIT: ("web_recorder_capability_limit", _PAGE),
    EventType.ERROR: ("cloud_recording_error", _SERVICE),
    EventType.RECORDER_LEAVE: ("recorder_leave", _RECORDER),
    EventType.EXTENSION_SERVICE_STOP: ("extension_service_stop", _EXTENSION),
    EventType.WEB_RECORDER_STOPPED: ("web_recorder_stopped", _PAGE),
    EventType.STATUS_UPDATE: ("cloud_recording_status_update", _SERVICE),
    EventType.UPLOADING_PROGRESS: ("uploading_progress", _UPLOADER),
    EventType.UPLOADED: ("uploaded", _UPLOADER),
    EventType.BACKUPED: ("backuped", _UPLOADER),
    EventType.VOD_TRIGGERED: ("vod_triggered", _EXTENSION),
    EventType.SESSION_EXIT: ("session_exit", _SERVICE),
    EventType.TRANSCODER_STARTED: ("transcoder_started", _TRANSCODER),
    EventType.DOWNLOAD_FAILED: ("download_failed", _DOWNLOAD),
    EventType.FINAL_RESULT: ("postpone_transcode_final_result", _SERVICE),
}
"""msgName and serviceType of each event, in the order of what happens at one moment (`typical_order`)."""

_AFTERWARDS: Final = frozenset(
    {EventType.TRANSCODER_STARTED, EventType.DOWNLOAD_FAILED, EventType.FINAL_RESULT}
)
RANKS: Final[Mapping[EventType, int]] = {event_type: rank for rank, event_type in enumerate(EVENTS)}


@frozen(kw_only=True)
class Happening:
    """One thing that the service tells of: when it happened, which recorder's uid it names, and what it says.

    `details` is without `msgName`.
    """

    at: datetime
    event_type: EventType
    uid: str
    details: JsonObject = field(repr=False)


def payload(session: Session, happening: Happening, sequence: int) -> JsonObject:
    """The whole payload of a notification."""
    name, service_type = EVENTS[happening.event_type]
    scene = _scene(session, happening.event_type)
    details = happening.details
    if happening.event_type is EventType.RECORDER_LEAVE and session.settings.older_leave_codes:
        # The same bits without the lowest one, which that page doesn't know.
        details = {**details, "leaveCode": int_of(details, "leaveCode", 0) >> 1}
    return {
        "cname": session.resource.cname,
        "uid": happening.uid,
        "sid": session.sid,
        "sequence": sequence,
        "sendts": milliseconds(happening.at),
        "serviceType": service_type,
        **({"serviceScene": scene} if session.settings.scene_in_events else {}),
        "details": {"msgName": name, **details},
    }


def _scene(session: Session, event_type: EventType) -> str:
    plan = session.plan
    if plan.mode is ModeName.WEB:
        return "web_record"
    if event_type in _AFTERWARDS:
        return "postpone_transcode::transcode"
    if plan.postponed:
        return "postpone_transcode::rtc_record"
    return "rtc_snapshot" if not plan.records or event_type is EventType.SNAPSHOT_FILE else "rtc_record"
