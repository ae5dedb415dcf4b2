"""From what the service notifies of to the facts that it is: pure functions and one table.

A class of events that isn't in the table says nothing of how the recording is doing: progress of the upload,
streams that come and go, warnings. Which recording an event belongs to is not decided here.

Event 13 isn't in it either: it confirms no start. It says that the recording is registered for high
availability, that is, will be moved if its server is lost; it comes before the recorder has started
(events.yaml `typical_order`), also to a recording that never gets into its channel, and one sentence of the
documents knows it. Like any event it proves the sid, and it is kept as evidence; what its absence means
(timing.yaml `event_13_within`) is for `recording/explaining`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from agora_rec.errors.text import escaped
from agora_rec.lifecycle import facts as f
from agora_rec.lifecycle.facts import Fact
from agora_rec.lifecycle.verdicts import CONFIRMED, LEAVING
from agora_rec.model import RecordedFile
from agora_rec.model import events as e
from agora_rec.model.notification import Notification, ServiceScene
from agora_rec.vocabulary import TaskStatus

_Files = tuple[RecordedFile, ...]

_LEFT_FOR_GOOD: Final = e.LeaveCode.NO_USERS | e.LeaveCode.CLIENT_LEAVE
_SHOWN: Final = 80
_AFTERWARDS: Final = frozenset({ServiceScene.POSTPONED_TRANSCODE, ServiceScene.POSTPONED_FAILOVER})
"""What works on the files after a recording: it has sessions, uploads and failovers of its own."""
_OF_INSTANCES: Final = frozenset(e.EVENTS) - {60, 61, 80, 81, 90, 201, 202, 203, 1001}
"""Types of events that come from an instance of the recording, not from what works for it or after it."""


def facts_heard(notification: Notification) -> tuple[Fact, ...]:
    """The facts that a notification brings to the recording that it is about.

    The first one is `Started` where it names a sid: any event proves that the recording has one. The next one
    says which instance it comes from, so that a failover is noticed although nobody told of it; then comes
    what the event itself says, under that instance's uid.
    """
    event, uid = notification.event, notification.uid or None
    started = () if notification.sid is None else (f.Started(sid=notification.sid),)
    if notification.service_scene in _AFTERWARDS:
        return (*started, *_more_files(event))
    if isinstance(event, e.SessionFailover):  # from which instance it comes is not documented
        return (*started, *_failed_over(event, notification))
    read = _FACTS.get(type(event))
    said = () if read is None else read(event, uid)
    if uid is None or notification.event_type not in _OF_INSTANCES:
        return (*started, *said)
    return (*started, f.HeardFrom(instance_uid=uid, sent_at=notification.sent_at), *said)


def _more_files(event: e.Event) -> tuple[Fact, ...]:
    files: _Files = getattr(event, "files", ())
    return (f.Alive(files=files),) if files else ()


def _failed_over(event: e.SessionFailover, notification: Notification) -> tuple[Fact, ...]:
    if not event.new_uid:
        return ()
    moved = f.FailedOver(new_uid=event.new_uid, sequence=notification.sequence, sent_at=notification.sent_at)
    return (moved,)


def _files(name: str | None) -> _Files:
    return (RecordedFile(name),) if name else ()


def _error(event: e.RecordingError, _: int | None) -> tuple[Fact, ...]:
    if event.error_level is None or event.error_level < e.ErrorLevel.FATAL:
        return ()
    module = "an unnamed part" if event.module is None else event.module.name.lower().replace("_", " ")
    words = f" {escaped(event.error_msg, _SHOWN)}" if event.error_msg else ""
    return (f.Suspected(reason=f"event 1: fatal error {event.error_code} of {module}{words}"),)


def _status(event: e.StatusUpdated, uid: int | None) -> tuple[Fact, ...]:
    status, files = event.status, _files(event.playlist)
    if status in CONFIRMED:
        return (f.Confirmed(files=files),)
    if status is not None and status in LEAVING:
        reason = f"event 3: status {int(status)} ({status.name.lower()})"
        return (f.Left(reason=reason, files=files, instance_uid=uid),)
    if status is TaskStatus.ABNORMAL_EXIT:
        reason = "event 3: status 20 (abnormal exit)"
        return (f.EndedWithoutFiles(reason=reason, files=files, instance_uid=uid),)
    return (f.Alive(files=files),)


def _playlist(event: e.FileInfos, _: int | None) -> tuple[Fact, ...]:
    return (f.Confirmed(files=_files(event.playlist)),)


def _exit(event: e.SessionExit, uid: int | None) -> tuple[Fact, ...]:
    if event.exit_status is e.ExitStatus.NORMAL:
        return (f.Exited(instance_uid=uid),)
    said = "no exit status" if event.exit_status is None else f"exit status {int(event.exit_status)}"
    if event.exit_status is e.ExitStatus.ABNORMAL:
        return (f.EndedWithoutFiles(reason=f"event 11: {said} (abnormal)", instance_uid=uid),)
    return (f.Left(reason=f"event 11: {said}", instance_uid=uid),)  # with files or without: not said


def _uploaded(event: e.FilesUploaded, uid: int | None) -> tuple[Fact, ...]:
    return (f.Uploaded(files=event.files, instance_uid=uid),)


def _backuped(event: e.FilesBackuped, uid: int | None) -> tuple[Fact, ...]:
    return (f.Backuped(files=event.files, instance_uid=uid),)


def _recorder_started(event: e.RecorderStarted, _: int | None) -> tuple[Fact, ...]:
    """The recorder is in the channel, which is what status 4 says ("recorder ready"); not so the uploader.

    Only another status than 0 is abnormal (`details_status`): without one, the event's name counts.
    """
    if event.status is None or event.status.is_normal:
        return (f.Confirmed(),)
    return (f.Suspected(reason=f"event 40: the recorder started with status {int(event.status)}"),)


def _recorder_left(event: e.RecorderLeft, uid: int | None) -> tuple[Fact, ...]:
    """It left for good, or perhaps only to go on elsewhere: then a query must tell."""
    code = event.leave_code
    if code is None:
        return (f.Suspected(reason="event 41: the recorder left, no leave code"),)
    reason = f"event 41: leave code {int(code)} ({_named(code)})"
    if code & _LEFT_FOR_GOOD:
        return (f.Left(reason=reason, instance_uid=uid),)
    return () if code == e.LeaveCode.TIMER_CATCH else (f.Suspected(reason=reason),)


def _named(code: e.LeaveCode) -> str:
    return (code.name or "unknown").lower().replace("_", " ").replace("|", ", ")


def _records(_event: e.SliceStarted | e.WebRecorderStarted, _: int | None) -> tuple[Fact, ...]:
    return (f.Confirmed(),)


def _snapshot(event: e.SnapshotTaken, _: int | None) -> tuple[Fact, ...]:
    return (f.Confirmed(files=_files(event.file_name)),)


def _web_stopped(event: e.WebRecorderStopped, uid: int | None) -> tuple[Fact, ...]:
    said = "no code" if event.code is None else f"code {int(event.code)} ({event.code.name.lower()})"
    return (f.Left(reason=f"event 71: {said}", files=event.files, instance_uid=uid),)


def _web_limit(event: e.WebCapabilityLimit, uid: int | None) -> tuple[Fact, ...]:
    """The recording stops at once, as the documents say; what event 71 adds to that may be lost."""
    limit = "" if event.limit_type is None else f": {escaped(event.limit_type, _SHOWN)}"
    return (f.Left(reason=f"event 72: the page does what can't be recorded{limit}", instance_uid=uid),)


def _transcoded(event: e.TranscoderCompleted, _: int | None) -> tuple[Fact, ...]:
    return (f.Alive(files=tuple(file for user in event.users for file in user.files)),)


def _postponed(event: e.PostponedTranscodingFinished, _: int | None) -> tuple[Fact, ...]:
    return (f.Alive(files=event.files),)


_FACTS: Final[Mapping[type[e.Event], Callable[[Any, int | None], tuple[Fact, ...]]]] = MappingProxyType(
    {
        e.RecordingError: _error,
        e.StatusUpdated: _status,
        e.FileInfos: _playlist,
        e.SessionExit: _exit,
        e.FilesUploaded: _uploaded,
        e.FilesBackuped: _backuped,
        e.RecorderStarted: _recorder_started,
        e.RecorderLeft: _recorder_left,
        e.SliceStarted: _records,
        e.SnapshotTaken: _snapshot,
        e.WebRecorderStarted: _records,
        e.WebRecorderStopped: _web_stopped,
        e.WebCapabilityLimit: _web_limit,
        e.TranscoderCompleted: _transcoded,
        e.PostponedTranscodingFinished: _postponed,
    }
)
"""What each class of events says, from the event and the uid of the instance that it comes from."""
