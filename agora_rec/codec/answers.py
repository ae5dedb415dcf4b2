"""The wire names of everything that answers say, and how their lists are read.

Answers of one field come in several forms: a list of files may be one name, services may be one object. All
forms give the same values. Names of requests are in `fields`.
"""

from collections.abc import Callable
from typing import Any, Final

from agora_rec.codec.leaves import address, answered_uid, echo, name, text
from agora_rec.codec.shape import BadShape, Wire, at, is_object, items
from agora_rec.model import (
    AcquireAnswer,
    ExtensionServiceState,
    NcsIpAnswer,
    QueryAnswer,
    RecordedFile,
    RtmpOutputState,
    StartAnswer,
    StopAnswer,
    StreamState,
    SubServiceState,
    UpdateAnswer,
    UpdateLayoutAnswer,
    VodVideo,
)

Fields = dict[str, Wire]
Structure = Callable[[object, type[Any]], Any]
"""Reads JSON into a value of that type; raises `BadShape`."""


def _reads(path: str, read: Callable[[object], object], *aliases: str) -> Wire:
    return Wire(path, aliases, read=read)


def each(value: object, read: Callable[[object], Any]) -> tuple[Any, ...]:
    """Read every element of a list; a fault is told with its index."""
    read_items: list[Any] = []
    for index, item in enumerate(items(value)):
        try:
            read_items.append(read(item))
        except BadShape as bad:
            raise bad.under(f"[{index}]") from None
    return tuple(read_items)


def files_of(value: object, structure: Structure) -> tuple[RecordedFile, ...]:
    """Read a list of files: one name, an empty text, or a list of objects or names."""
    if isinstance(value, str):
        return (RecordedFile(text(value)),) if value else ()

    def one(item: object) -> RecordedFile:
        return RecordedFile(name(item)) if isinstance(item, str) else structure(item, RecordedFile)

    return each(value, one)


def services_of(value: object, structure: Structure) -> tuple[ExtensionServiceState, ...]:
    """Read what the parts say: a list, or one object where there is one part."""
    return each([value] if is_object(value) else value, lambda item: structure(item, ExtensionServiceState))


def sub_services_of(value: object) -> tuple[SubServiceState, ...]:
    """Read what older servers say of each part, under the part's name."""
    if not is_object(value):
        return ()
    named = ((echo(part), echo(state)) for part, state in list(value.items())[:_MAX_PARTS])
    return tuple(SubServiceState(name=part, state=state) for part, state in named if part)


def addresses_of(value: object) -> tuple[Any, ...]:
    """Read from where webhooks come: never nothing, since a firewall that believes it lets none through."""
    found = each(value, address)
    if not found:
        raise BadShape("$", "expected an address at least")
    return found


_MAX_PARTS: Final = 100

_ECHOES: Final[Fields] = {
    "cname": _reads("cname", echo),
    "uid": _reads("uid", answered_uid),
}
_SESSION: Final[Fields] = _ECHOES | {
    "resource_id": _reads("resourceId", echo),
    "sid": _reads("sid", echo),
}
_FILES: Final[Fields] = {
    "files": at("serverResponse.fileList"),
    "file_list_mode": at("serverResponse.fileListMode"),
    "services": at("serverResponse.extensionServiceState"),
}

ANSWER_FIELDS: Final[dict[type, Fields]] = {
    AcquireAnswer: _ECHOES | {"resource_id": _reads("resourceId", name)},
    StartAnswer: _SESSION | {"sid": _reads("sid", name)},
    UpdateAnswer: _SESSION,
    UpdateLayoutAnswer: _SESSION,
    QueryAnswer: _SESSION
    | _FILES
    | {
        "status": at("serverResponse.status"),
        "slice_start_time": at("serverResponse.sliceStartTime"),
        "sub_services": _reads("serverResponse.subServiceStatus", sub_services_of),
    },
    StopAnswer: _SESSION | _FILES | {"uploading_status": at("serverResponse.uploadingStatus")},
    NcsIpAnswer: {
        "addresses": _reads("data.service.hosts[].primaryIP", addresses_of),
    },
    RecordedFile: {
        "name": _reads("fileName", name, "filename"),
        "track_type": at("trackType"),
        "uid": _reads("uid", answered_uid),
        "mixed_all_user": at("mixedAllUser"),
        "is_playable": at("isPlayable"),
        "slice_start_time": at("sliceStartTime"),
    },
    ExtensionServiceState: {
        "service_name": at("serviceName"),
        "state": at("payload.state", "playload.state"),
        "status": at("payload.status", "playload.status"),
        "onhold": at("payload.onhold", "playload.onhold"),
        "files": at("payload.fileList", "playload.fileList"),
        "outputs": at("payload.outputs", "playload.outputs"),
        "uploading_status": at("payload.uploadingStatus", "playload.uploadingStatus"),
        "videos": at("payload.videoInfo", "playload.videoInfo"),
        "streams": at("streamState"),
    },
    RtmpOutputState: {"rtmp_url": at("rtmpUrl"), "status": at("status")},
    VodVideo: {"file_name": at("fileName"), "video_id": at("videoId")},
    StreamState: {
        "uid": _reads("uid", answered_uid),
        "stream_type": at("streamType"),
        "status": at("status"),
    },
}
"""Each attribute of each value class of answers, and where the service says it."""

DEMANDED: Final[dict[type, str]] = {
    QueryAnswer: "serverResponse",
    NcsIpAnswer: "data.service.hosts",
}
"""Objects without which an answer says nothing at all."""
