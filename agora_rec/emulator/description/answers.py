"""What the service's good answers look like, as JSON Schemas: the other side of the emulator's `answers`."""

from typing import Final

from agora_rec.emulator.extras import MODERATION, VOD
from agora_rec.emulator.schema.forms import UID
from agora_rec.emulator.schema.told import Told, any_of, listed, record, values_of
from agora_rec.emulator.settings import Settings
from agora_rec.vocabulary import ModeName, OperationName, TaskStatus, UploadingStatus

_TEXT: Final[Told] = {"type": "string"}
_TIME: Final[Told] = {"type": "integer", "minimum": 0}
_FLAG: Final[Told] = {"type": "boolean"}
_UID_OF_FILE: Final = any_of({"const": "0"}, UID.told)
_PAGE_STATES: Final[Told] = {"enum": ["init", "inProgress", "exit"]}
_PUSH_STATES: Final[Told] = {"enum": ["connecting", "publishing", "onhold", "disconnected"]}


def good(operation: OperationName, mode: ModeName | None, settings: Settings) -> Told:
    """The body of an answer 200."""
    head: dict[str, Told] = {"cname": _TEXT, "uid": UID.told, "resourceId": _TEXT}
    if operation is OperationName.NCS_IP:
        hosts = listed(record({"primaryIP": _TEXT}))
        return record({"data": record({"service": record({"hosts": hosts})})})
    if settings.oldest_answers and operation in {OperationName.ACQUIRE, OperationName.START}:
        del head["cname"], head["uid"]
    if operation is OperationName.ACQUIRE:
        return record(head)
    head["sid"] = _TEXT
    if operation is OperationName.QUERY:
        return record({**head, "serverResponse": _query(mode, settings)})
    if operation is OperationName.STOP:
        return record({**head, "serverResponse": _stop(mode, settings)})
    return record(head)


def incomplete(operation: OperationName, settings: Settings) -> list[Told]:
    """The bodies of 206 that are no refusals: of a stop whose upload is slow, or that met a query."""
    if operation is not OperationName.STOP:
        return []
    said = record({"uploadingStatus": {"const": str(UploadingStatus.UNKNOWN)}})
    head = {"cname": _TEXT, "uid": UID.told, "resourceId": _TEXT, "sid": _TEXT, "serverResponse": said}
    code = settings.slow_stop_code
    slow = [] if code is None else [record({**head, "code": {"const": code}})]
    return [record(head), *slow]


def _query(mode: ModeName | None, settings: Settings) -> Told:
    status = values_of(TaskStatus)
    if mode is ModeName.WEB:
        states = {"state": _PAGE_STATES} if settings.rtmp_state_in_query else {}
        services = [_page(settings), _pushes(states)]
        return record({"status": status, "extensionServiceState": listed({"oneOf": services})})
    services = [_vod()] if mode is ModeName.MIX else [_moderation()]
    optional = {"extensionServiceState": listed({"oneOf": services})}
    if settings.slice_start_in_mix or mode is ModeName.INDIVIDUAL:
        optional["sliceStartTime"] = _TIME
    lists = _file_lists(mode)
    return {"oneOf": [record({"status": status, **each}, optional=optional) for each in lists]}


def _stop(mode: ModeName | None, settings: Settings) -> Told:
    uploading = values_of(UploadingStatus)
    if settings.older_unknown:
        uploading = {"enum": ["uploaded", "backuped", "unknow"]}
    if mode is ModeName.WEB:
        upload = _service("upload_service", record({"uploadingStatus": uploading}))
        services = [_page(settings), upload]
        if settings.rtmp_in_stop:
            services.append(_pushes({"status": _PUSH_STATES}))
        return record({"extensionServiceState": listed({"oneOf": services})})
    return {"oneOf": [record({"uploadingStatus": uploading, **each}) for each in _file_lists(mode)]}


def _file_lists(mode: ModeName | None) -> list[dict[str, Told]]:
    """How files are told: as a list; in mix also as one name; of screenshots not at all."""
    file = record(
        {
            "fileName": {"type": "string", "minLength": 1},
            "trackType": {"enum": ["audio", "video", "audio_and_video"]},
            "uid": _UID_OF_FILE,
            "mixedAllUser": {"const": mode is ModeName.MIX},
            "isPlayable": _FLAG,
            "sliceStartTime": _TIME,
        }
    )
    many: dict[str, Told] = {"fileListMode": {"const": "json"}, "fileList": listed(file)}
    one: dict[str, Told] = {"fileListMode": {"const": "string"}, "fileList": _TEXT}
    return [many, one] if mode is ModeName.MIX else [many, {}]


def _service(name: str, payload: Told) -> Told:
    return record({"serviceName": {"const": name}, "payload": payload})


def _page(settings: Settings) -> Told:
    file = record({settings.web_file_key: {"type": "string", "minLength": 1}, "sliceStartTime": _TIME})
    payload = record({"state": _PAGE_STATES, "onhold": _FLAG, "fileList": listed(file)})
    return _service("web_recorder_service", payload)


def _pushes(states: dict[str, Told]) -> Told:
    outputs = listed(record({"rtmpUrl": _TEXT, "status": _PUSH_STATES}))
    return _service("rtmp_publish_service", record({**states, "outputs": outputs}))


def _vod() -> Told:
    videos = listed(record({"fileName": _TEXT, "videoId": _TEXT}))
    return _service(VOD, record({"state": {"enum": ["inProgress", "idle"]}, "videoInfo": videos}))


def _moderation() -> Told:
    stream = {"uid": UID.told, "streamType": {"const": "audio"}, "status": {"enum": ["inProgress", "failed"]}}
    return record({"serviceName": {"enum": sorted(MODERATION)}, "streamState": listed(record(stream))})
