"""The bodies of good answers: what query and stop tell of a recording (responses.yaml `endpoints`).

Pure functions of a session and a moment. Which answer is due is decided in `acts`.
"""

from datetime import datetime

from agora_rec.emulator import pushing
from agora_rec.emulator.extra_events import states
from agora_rec.emulator.plan import FileList
from agora_rec.emulator.recorded import channel_file_list, milliseconds, page_file_list, recorded_files
from agora_rec.emulator.resources import Resource
from agora_rec.emulator.session import Session
from agora_rec.emulator.wire import JsonObject
from agora_rec.vocabulary import ModeName, TaskStatus, UploadingStatus


def recording(resource: Resource, sid: str) -> JsonObject:
    """What start, update and updateLayout answer, and query and stop begin with."""
    return {"cname": resource.cname, "uid": resource.uid, "resourceId": resource.resource_id, "sid": sid}


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
        if session.pushes:
            told: JsonObject = {"state": state} if session.settings.rtmp_state_in_query else {}
            payload = {**told, "outputs": _pushes(session, now)}
            services.append({"serviceName": "rtmp_publish_service", "payload": payload})
        return {**said, "extensionServiceState": services}
    extras = states(session, now)
    if extras:
        said["extensionServiceState"] = extras
    said.update(_files(session, now))
    tells = session.settings.slice_start_in_mix or session.plan.mode is ModeName.INDIVIDUAL
    if session.plan.records and tells:
        begins = [track.begin for track in session.tracks(now)]
        said["sliceStartTime"] = milliseconds(min(begins)) if begins else 0
    return said


def stop(session: Session, now: datetime, uploading: UploadingStatus) -> JsonObject:
    """The `serverResponse` of a stop."""
    word = "unknow" if session.settings.older_unknown and uploading == "unknown" else str(uploading)
    if session.plan.file_list is FileList.WEB:
        services = [_page_service(session, now, "exit")]
        if session.settings.rtmp_in_stop and session.pushes:
            payload: JsonObject = {"status": pushing.overall(session, now), "outputs": _pushes(session, now)}
            services.append({"serviceName": "rtmp_publish_service", "payload": payload})
        services.append({"serviceName": "upload_service", "payload": {"uploadingStatus": word}})
        return {"extensionServiceState": services}
    return {**_files(session, now), "uploadingStatus": word}


def _files(session: Session, now: datetime) -> JsonObject:
    how = session.plan.file_list
    if how is FileList.NOTHING:
        return {}
    if how is FileList.ONE_NAME:
        # After a move to another server the new one knows of its own playlist.
        names = [each.name for each in recorded_files(session, now)]
        return {"fileListMode": "string", "fileList": names[-1] if names else ""}
    in_seconds = session.settings.file_times_in_seconds
    return {"fileListMode": "json", "fileList": channel_file_list(session, now, in_seconds=in_seconds)}


def _page_service(session: Session, now: datetime, state: str) -> JsonObject:
    files = page_file_list(session, now, in_seconds=session.settings.file_times_in_seconds)
    return {
        "serviceName": "web_recorder_service",
        "payload": {"state": state, "onhold": session.onhold(now), "fileList": files},
    }


def _pushes(session: Session, now: datetime) -> list[JsonObject]:
    return [{"rtmpUrl": url, "status": word} for url, word in pushing.outputs(session, now)]
