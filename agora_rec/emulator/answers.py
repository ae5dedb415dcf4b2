"""The bodies of good answers: what query and stop tell of a recording (responses.yaml `endpoints`).

Pure functions of a session and a moment. Which answer is due is decided in `acts`.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from agora_rec.emulator.plan import AUDIO, FileList
from agora_rec.emulator.resources import Resource
from agora_rec.emulator.session import Session, Track
from agora_rec.emulator.wire import JsonObject
from agora_rec.files import Media, mixed_mp4, mixed_playlist, user_playlist, web_cname
from agora_rec.vocabulary import ModeName, TaskStatus, UploadingStatus

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PUSH_CONNECTS: Final = timedelta(seconds=1)


def recording(resource: Resource, sid: str) -> JsonObject:
    """What start, update and updateLayout answer, and query and stop begin with."""
    return {"cname": resource.cname, "uid": resource.uid, "resourceId": resource.resource_id, "sid": sid}


def milliseconds(moment: datetime) -> int:
    """Unix milliseconds."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def query(session: Session, now: datetime) -> JsonObject:
    """The `serverResponse` of a query."""
    status = session.status(now)
    said: JsonObject = {"status": int(status)}
    if session.plan.file_list is FileList.WEB:
        state = (
            "init"
            if status < TaskStatus.READY
            else "inProgress"
            if status < TaskStatus.STOP_REQUESTED
            else "exit"
        )
        services = [_page_service(session, now, state)]
        if session.outputs_since is not None:
            services.append(
                {
                    "serviceName": "rtmp_publish_service",
                    "payload": {"state": state, "outputs": _pushes(session, now)},
                }
            )
        return {**said, "extensionServiceState": services}
    said.update(_files(session, now))
    if session.plan.records:
        begins = [track.begin for track in session.tracks(now)]
        said["sliceStartTime"] = milliseconds(min(begins)) if begins else 0
    return said


def stop(session: Session, now: datetime, uploading: UploadingStatus) -> JsonObject:
    """The `serverResponse` of a stop."""
    word = "unknow" if session.settings.older_unknown and uploading == "unknown" else str(uploading)
    if session.plan.file_list is FileList.WEB:
        services = [_page_service(session, now, "exit")]
        if session.settings.rtmp_in_stop and session.outputs_since is not None:
            payload: JsonObject = {"status": _push_status(session, now), "outputs": _pushes(session, now)}
            services.append({"serviceName": "rtmp_publish_service", "payload": payload})
        services.append({"serviceName": "upload_service", "payload": {"uploadingStatus": word}})
        return {"extensionServiceState": services}
    return {**_files(session, now), "uploadingStatus": word}


def file_names(session: Session, now: datetime) -> tuple[str, ...]:
    """The names of all playlists and MP4 files that exist by `now`."""
    return tuple(name for name, _, _ in _named(session, now))


def _named(session: Session, now: datetime) -> list[tuple[str, Track, datetime]]:
    plan, sid, cname = session.plan, session.sid, session.resource.cname
    found: list[tuple[str, Track, datetime]] = []
    if not plan.records:
        return found
    if plan.mode is ModeName.WEB:
        cname = web_cname(cname)
    for track in session.listed_tracks(now):
        if plan.mode is ModeName.INDIVIDUAL:
            media = Media.AUDIO if track.track_type == AUDIO else Media.VIDEO
            name = user_playlist(sid, cname, int(track.uid), media, folders=plan.folders)
            found.append((str(name), track, track.begin))
            continue
        found.append((str(mixed_playlist(sid, cname, folders=plan.folders)), track, track.begin))
        for index, begin in enumerate(session.mp4_begins(track, now) if plan.mp4 else ()):
            found.append((str(mixed_mp4(sid, cname, index, folders=plan.folders)), track, begin))
    return found


def _file_time(session: Session, begin: datetime) -> int:
    in_milliseconds = milliseconds(begin)
    return in_milliseconds // 1000 if session.settings.file_times_in_seconds else in_milliseconds


def _files(session: Session, now: datetime) -> JsonObject:
    how = session.plan.file_list
    if how is FileList.NOTHING:
        return {}
    named = _named(session, now)
    if how is FileList.ONE_NAME:
        return {"fileListMode": "string", "fileList": named[0][0] if named else ""}
    mixed = session.plan.mode is ModeName.MIX
    return {
        "fileListMode": "json",
        "fileList": [
            {
                "fileName": name,
                "trackType": track.track_type,
                "uid": track.uid,
                "mixedAllUser": mixed,
                "isPlayable": True,
                "sliceStartTime": _file_time(session, begin),
            }
            for name, track, begin in named
        ],
    }


def _page_service(session: Session, now: datetime, state: str) -> JsonObject:
    files = [
        {session.settings.web_file_key: name, "sliceStartTime": _file_time(session, begin)}
        for name, _, begin in _named(session, now)
    ]
    return {
        "serviceName": "web_recorder_service",
        "payload": {"state": state, "onhold": session.onhold(now), "fileList": files},
    }


def _push_status(session: Session, now: datetime) -> str:
    if session.onhold(now):
        return "onhold"
    begun = max(session.ready_at, session.outputs_since or session.ready_at)
    return "connecting" if now < begun + _PUSH_CONNECTS else "publishing"


def _pushes(session: Session, now: datetime) -> list[JsonObject]:
    status = _push_status(session, now)
    return [{"rtmpUrl": url, "status": status} for url in session.outputs]
