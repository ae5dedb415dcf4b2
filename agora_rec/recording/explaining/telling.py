"""Notifications, attempts and transitions in a few words each, as evidence; one table for the events.

Whatever the service may have written is escaped.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from agora_rec.errors.text import escaped, shown
from agora_rec.lifecycle import Change
from agora_rec.model import events as e
from agora_rec.model.notification import Notification
from agora_rec.recording.explaining.values import Evidence
from agora_rec.recording.heard import PROGRESS_DONE
from agora_rec.store import Tried

_SHOWN: Final = 80

_Part = Callable[[Any], str | None]


def _number(label: str, name: str) -> _Part:
    def tell(event: e.Event) -> str | None:
        value = getattr(event, name)
        return None if value is None else f"{label} {int(value)}"

    return tell


def _word(label: str, name: str) -> _Part:
    def tell(event: e.Event) -> str | None:
        value = getattr(event, name)
        return f"{label} {shown(str(value), _SHOWN)}".lstrip() if value else None

    return tell


def _leave_code(event: e.RecorderLeft) -> str | None:
    code = event.leave_code
    return None if code is None else f"leave code {int(code)} ({(code.name or 'unknown').lower()})"


def _progress(event: e.UploadingProgress) -> str | None:
    return None if event.progress is None else f"{100 * event.progress / PROGRESS_DONE:g} % uploaded"


def _gap(event: e.SliceStarted) -> str | None:
    if event.started_at is None or event.discontinued_at is None or event.started_at <= event.discontinued_at:
        return None
    return f"after a gap of {(event.started_at - event.discontinued_at).total_seconds():.1f} s"


_PARTS: Final[Mapping[type[e.Event], tuple[_Part, ...]]] = MappingProxyType(
    {
        e.RecordingError: (
            _number("module", "module"),
            _number("code", "error_code"),
            _word("", "error_msg"),
        ),
        e.RecordingWarning: (_number("module", "module"), _number("code", "warn_code")),
        e.StatusUpdated: (_number("status", "status"),),
        e.SessionExit: (_number("exit status", "exit_status"),),
        e.SessionFailover: (_number("new uid", "new_uid"),),
        e.UploaderStarted: (_number("status", "status"),),
        e.FilesUploaded: (_number("status", "status"),),
        e.FilesBackuped: (_number("status", "status"),),
        e.UploadingProgress: (_progress,),
        e.RecorderStarted: (_number("status", "status"),),
        e.RecorderLeft: (_leave_code,),
        e.SliceStarted: (_gap,),
        e.WebRecorderStopped: (_number("code", "code"), _word("", "message"), _word("", "details")),
        e.WebCapabilityLimit: (_word("limit", "limit_type"),),
        e.WebRecorderReloaded: (_word("", "reason"),),
        e.RtmpPublishStatus: (_word("status", "status"),),
        e.ExtensionServiceError: (_word("service", "service_name"), _number("code", "error_code")),
        e.TranscoderCompleted: (_word("", "result"),),
        e.PostponedTranscodingFinished: (_word("", "result"),),
    }
)
"""What is told of an event beside its number, by its class."""


_OF_THE_COURSE: Final = (
    e.RecordingError,
    e.StatusUpdated,
    e.SessionExit,
    e.SessionFailover,
    e.HighAvailabilityRegistered,
    e.UploaderStarted,
    e.StsExpired,
    e.RecorderStarted,
    e.RecorderLeft,
    e.WebRecorderStarted,
    e.WebRecorderStopped,
    e.WebCapabilityLimit,
    e.WebRecorderReloaded,
)
"""What says how a recording begins, goes on and ends; the rest speaks of its streams and files."""


def is_of_the_course(notification: Notification) -> bool:
    """Whether a notification says how the recording is doing, as a whole or in a part of it."""
    return isinstance(notification.event, _OF_THE_COURSE)


def of_notification(notification: Notification) -> Evidence:
    """A notification as evidence: the event's number, and what matters of what it says."""
    event = notification.event
    parts = (part(event) for part in _PARTS.get(type(event), ()))
    told = ", ".join((f"event {notification.event_type}", *(part for part in parts if part)))
    at = notification.sent_at or notification.notified_at
    return Evidence(at=at, what=told, item=notification)


def name_of(notification: Notification) -> str:
    """What kind of event it is, in this library's words."""
    name = type(notification.event).__name__
    words = "".join(f" {char.lower()}" if char.isupper() else char for char in name)
    return words.strip()


def of_attempt(tried: Tried) -> Evidence:
    """An attempt as evidence: the call, and what was answered."""
    attempt = tried.attempt
    parts = (
        attempt.outcome.value.replace("_", " ") if attempt.status is None else f"HTTP {attempt.status}",
        None if attempt.code is None else f"code {attempt.code}",
        escaped(attempt.detail, _SHOWN) if attempt.status is None and attempt.detail else None,
    )
    what = f"{tried.operation.value}: {', '.join(part for part in parts if part)}"
    return Evidence(at=attempt.at, what=what, item=tried)


def of_change(change: Change) -> Evidence:
    """A transition as evidence."""
    return Evidence(at=change.at, what=f"{change.before} -> {change.after} ({change.fact})", item=change)
