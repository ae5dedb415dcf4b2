"""The wire names of everything that events say, and how each class of event is read and written.

One table: the fields of each class, by the name that the service gives them, each with its reader. Readers
are strict: a wrong field makes an `UnknownEvent` of the whole event, which keeps what was said. The envelope
around an event is in `notifications`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from math import isfinite
from typing import Any, Final, TypeVar, cast

from agora_rec.codec import leaves
from agora_rec.codec.answers import each
from agora_rec.codec.shape import BadShape, JsonObject, fields_of, is_list, is_object
from agora_rec.model import RecordedFile, RtmpStatus, ServiceName, TrackType, VodVideo
from agora_rec.model import events as e
from agora_rec.secret import MASK, Secret
from agora_rec.vocabulary import OpenIntEnum, OpenStrEnum, TaskStatus

Read = Callable[[object], Any]
Row = tuple[str, Read]
"""An attribute, and how it is read."""
Rows = Mapping[str, Row]
"""The fields of a value by their wire names; the first name of an attribute is the one that is written."""

N = TypeVar("N", bound=OpenIntEnum)
W = TypeVar("W", bound=OpenStrEnum)

_MOST_LEAVE_BITS: Final = 10  # Python keeps each combination of flags that it has met: 1024 at most
_STREAM_ADDRESS: Final = "rtmpurl"
_ADDRESS: Final = re.compile(r"rtmps?://\S*", re.IGNORECASE)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_SECONDS_END: Final = 10**11  # see `leaves.moment`: what is less is read as seconds


def number_of(cls: type[N]) -> Callable[[object], N]:
    """Read a number of an open set."""
    known: Mapping[int, N] = {member.value: member for member in cls}

    def read(value: object) -> N:
        found = known.get(value) if type(value) is int else None
        return cls(leaves.integer(value)) if found is None else found

    return read


def word_of(cls: type[W]) -> Callable[[object], W]:
    """Read a word of an open set."""
    known: Mapping[str, W] = {member.value: member for member in cls}

    def read(value: object) -> W:
        found = known.get(value) if type(value) is str else None
        return cls(leaves.text(value)) if found is None else found

    return read


def shielded(text: str) -> str:
    """A text of the service's without addresses of pushes, which end in the stream's key."""
    return _ADDRESS.sub(MASK, text) if "://" in text else text


def _words(value: object) -> str:
    return shielded(leaves.text(value))


def _uid(value: object) -> int:
    read = leaves.answered_uid(value)
    if read is None:
        raise BadShape("$", "expected a UID")
    return read


def _leave_code(value: object) -> e.LeaveCode:
    read = leaves.integer(value)
    if not 0 <= read < 1 << _MOST_LEAVE_BITS:
        raise BadShape("$", "a leave code with absurdly many bits")
    return e.LeaveCode(read)


def _rtmp_status(value: object) -> RtmpStatus:
    """A word; the documents' table says that it is a number."""
    return RtmpStatus(value if isinstance(value, str) and leaves.text(value) else str(leaves.integer(value)))


def _address(value: object) -> Secret:
    if not isinstance(value, str):
        raise BadShape("$", "expected a text")
    return Secret(value)


def _joined(value: object) -> tuple[str, ...]:
    return tuple(name for name in leaves.text(value).split(";") if name)


def _values(cls: type[Any], rows: Rows, *, demanded: str | None = None) -> Read:
    """Make the reader of a value inside of an event: what it says beyond the table is left out."""

    def read(value: object) -> Any:
        parts = {
            row[0]: row[1](part)
            for name, part in fields_of(value).items()
            if part is not None and (row := rows.get(name)) is not None
        }
        if demanded is not None and demanded not in parts:
            raise BadShape("$", f"no {demanded}")
        return cls(**parts)

    return read


_FILE: Final[Rows] = {
    "fileName": ("name", leaves.name),
    "filename": ("name", leaves.name),
    "trackType": ("track_type", word_of(TrackType)),
    "uid": ("uid", leaves.answered_uid),
    "mixedAllUser": ("mixed_all_user", leaves.flag),
    "isPlayable": ("is_playable", leaves.flag),
    "sliceStartTime": ("slice_start_time", leaves.moment),
}
_read_file: Final = _values(RecordedFile, _FILE, demanded="name")


def _files(value: object) -> tuple[RecordedFile, ...]:
    """A list of objects; names alone are understood as well."""
    if isinstance(value, str):
        return (RecordedFile(leaves.text(value)),) if value else ()
    return each(
        value, lambda item: RecordedFile(leaves.name(item)) if type(item) is str else _read_file(item)
    )


_TRANSCODED: Final[Rows] = {
    "uid": ("uid", _uid),
    "result": ("result", word_of(e.UserTranscodingResult)),
    "fileList": ("files", _files),
}
_VIDEO: Final[Rows] = {"videoId": ("video_id", leaves.text), "fileName": ("file_name", leaves.text)}
_read_transcoded: Final = _values(e.TranscodedUser, _TRANSCODED)


def _users(value: object) -> tuple[e.TranscodedUser, ...]:
    return each(value, _read_transcoded)


_STATUS: Final[Rows] = {"status": ("status", number_of(e.PartStatus))}
_PLAYLIST: Final[Rows] = {"fileList": ("playlist", leaves.text)}
_FILES: Final[Rows] = {"fileList": ("files", _files)}
_STREAM: Final[Rows] = {
    "streamUid": ("stream_uid", _uid),
    "state": ("state", number_of(e.StreamReception)),
    "UtcMs": ("changed_at", leaves.moment),
}
_EXTENSION: Final[Rows] = {
    "serviceName": ("service_name", word_of(ServiceName)),
    "streamType": ("stream_type", word_of(TrackType)),
    "streamUid": ("stream_uid", _uid),
}

EVENT_FIELDS: Final[Mapping[type[e.Event], Rows]] = {
    e.RecordingError: {
        "module": ("module", number_of(e.ErrorModule)),
        "errorLevel": ("error_level", number_of(e.ErrorLevel)),
        "errorCode": ("error_code", leaves.integer),
        "stat": ("stat", number_of(e.PartStatus)),
        "errorMsg": ("error_msg", _words),
    },
    e.RecordingWarning: {
        "module": ("module", number_of(e.ErrorModule)),
        "warnCode": ("warn_code", leaves.integer),
    },
    e.StatusUpdated: {
        "status": ("status", number_of(TaskStatus)),
        "recordingMode": ("recording_mode", leaves.integer),
        **_PLAYLIST,
    },
    e.FileInfos: _PLAYLIST,
    e.SessionExit: {"exitStatus": ("exit_status", number_of(e.ExitStatus))},
    e.SessionFailover: {"newUid": ("new_uid", _uid)},
    e.HighAvailabilityRegistered: {},
    e.UploaderStarted: _STATUS,
    e.FilesUploaded: {**_STATUS, **_FILES},
    e.FilesBackuped: {**_STATUS, **_FILES},
    e.UploadingProgress: {"progress": ("progress", leaves.integer)},
    e.StsExpired: {},
    e.RecorderStarted: _STATUS,
    e.RecorderLeft: {"leaveCode": ("leave_code", _leave_code)},
    e.SliceStarted: {
        "startUtcMs": ("started_at", leaves.moment),
        "discontinueUtcMs": ("discontinued_at", leaves.moment),
        "mixedAllUser": ("mixed_all_user", leaves.flag),
        "streamUid": ("stream_uid", _uid),
        "trackType": ("track_type", word_of(TrackType)),
    },
    e.AudioStreamChanged: _STREAM,
    e.VideoStreamChanged: _STREAM,
    e.SnapshotTaken: {"fileName": ("file_name", leaves.text)},
    e.AudioInfoChanged: {},
    e.VideoInfoChanged: {},
    e.VodStarted: {"aliVodInfo": ("video", _values(VodVideo, _VIDEO))},
    e.VodTriggered: {},
    e.WebRecorderStarted: {"recorderStartTime": ("recorder_start_time", leaves.moment)},
    e.WebRecorderStopped: {
        "code": ("code", number_of(e.WebStopCode)),
        "message": ("message", _words),
        "details": ("details", _words),
        **_FILES,
    },
    e.WebCapabilityLimit: {"limitType": ("limit_type", word_of(e.LimitType))},
    e.WebRecorderReloaded: {"reason": ("reason", word_of(e.ReloadReason))},
    e.TranscoderStarted: {},
    e.TranscoderCompleted: {"result": ("result", word_of(e.TranscodingResult)), "uids": ("users", _users)},
    e.DownloadFailed: {
        "vendor": ("vendor", leaves.integer),
        "region": ("region", leaves.integer),
        "bucket": ("bucket", leaves.text),
        "fileName": ("file_names", _joined),
        "filename": ("file_names", _joined),
    },
    e.RtmpPublishStatus: {"rtmpUrl": ("rtmp_url", _address), "status": ("status", _rtmp_status)},
    e.ExtensionServiceError: {**_EXTENSION, "errorCode": ("error_code", number_of(e.ExtensionErrorCode))},
    e.ExtensionServiceStarted: _EXTENSION,
    e.ExtensionServiceStopped: _EXTENSION,
    e.PostponedTranscodingFinished: {"result": ("result", word_of(e.PostponedResult)), **_FILES},
}
"""Each attribute of each class of event but `extra`, and `msgName`, which all have; by wire names."""


def kept(tree: JsonObject) -> e.Details:
    """What this library doesn't know, as it was said, but for addresses that end in a stream's key.

    Raises:
        BadShape: A number in it is beyond all bounds: nobody could write it down again.
    """
    return e.Details({name: _kept(value, name) for name, value in tree.items()})


def _kept(value: object, name: str = "") -> object:
    if isinstance(value, str):
        return Secret(value) if name.lower() == _STREAM_ADDRESS else shielded(value)
    if is_object(value):
        return {key: _kept(part, key) for key, part in value.items()}
    if is_list(value):
        return [_kept(part, name) for part in value]
    if isinstance(value, float) and not isfinite(value):
        raise BadShape("$", "a number beyond all bounds")
    return value


def _event_reader(cls: type[e.Event], fields: Rows) -> Callable[[JsonObject], e.Event]:
    rows = {"msgName": ("msg_name", _words), **fields}

    def read(details: JsonObject) -> e.Event:
        parts: dict[str, Any] = {}
        more: JsonObject = {}
        for name, value in details.items():
            row = rows.get(name)
            if row is None:
                more[name] = value
            elif value is not None:
                parts[row[0]] = row[1](value)
        if more:
            parts["extra"] = kept(more)
        return cls(**parts)

    return read


_READERS: Final = {cls.event_type: _event_reader(cls, fields) for cls, fields in EVENT_FIELDS.items()}


def read_event(event_type: int, details: JsonObject) -> e.Event:
    """Read an event from its details: as its class if they have its shape, else as an `UnknownEvent`.

    Raises:
        BadShape: A number in it is beyond all bounds.
    """
    read = _READERS.get(event_type)
    if read is not None:
        try:
            return read(details)
        except BadShape:
            pass  # it has another shape than documented: kept as it is
    everything = kept(details)
    return e.UnknownEvent(
        event_type=event_type, msg_name=leaves.echo(everything.get("msgName")), details=everything
    )


def write_event(event: e.Event) -> JsonObject:
    """Write an event's details as JSON that `read_event` reads, each secret as an empty text."""
    if isinstance(event, e.UnknownEvent):
        return plain_fields(event.details)
    tree = plain_fields(event.extra)
    if event.msg_name is not None:
        tree["msgName"] = event.msg_name
    return _write(event, EVENT_FIELDS[type(event)], tree)


_VALUE_FIELDS: Final[Mapping[type, Rows]] = {
    RecordedFile: _FILE,
    e.TranscodedUser: _TRANSCODED,
    VodVideo: _VIDEO,
}


def _write(value: object, rows: Rows, tree: JsonObject) -> JsonObject:
    written: set[str] = set()
    for name, (attribute, _) in rows.items():
        part = getattr(value, attribute)
        if part is not None and part != () and attribute not in written:
            tree[name] = ";".join(part) if attribute == "file_names" else plain(part)
            written.add(attribute)
    return tree


def plain_fields(fields: Mapping[str, object]) -> JsonObject:
    """Write fields that were kept as they were said."""
    return {name: plain(value) for name, value in fields.items()}


def plain(value: object) -> Any:
    """Write a value that stands in an event as JSON."""
    match value:
        case Secret():
            return ""
        case Enum():
            return value.value
        case datetime():
            return _unix(value)
        case Mapping():
            return plain_fields(cast("Mapping[str, object]", value))
        case tuple():
            return [plain(part) for part in cast("Iterable[object]", value)]
        case _:
            rows = _VALUE_FIELDS.get(type(value))
            return value if rows is None else _write(value, rows, {})


def _unix(moment: datetime) -> int:
    """A moment as `leaves.moment` reads it: in milliseconds, or in seconds where those are too few."""
    milliseconds = (moment - _EPOCH) // _MILLISECOND
    return milliseconds if milliseconds >= _SECONDS_END else milliseconds // 1000
