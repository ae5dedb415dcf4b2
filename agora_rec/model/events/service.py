"""Events of the cloud recording service itself: errors, its status, the session's end and its failovers."""

from collections.abc import Mapping
from enum import IntFlag
from types import MappingProxyType
from typing import ClassVar, Final

from attrs import frozen

from agora_rec.model.events.base import Event, PartStatus
from agora_rec.vocabulary import OpenIntEnum, TaskStatus


class ErrorModule(OpenIntEnum):
    """The part of the service that an error or a warning comes from. Warnings know the first two."""

    RECORDER = 0
    UPLOADER = 1
    SERVICE = 2
    WEB_RECORDER = 6


class ErrorLevel(OpenIntEnum):
    """How bad an error is. A fatal one may end the recording: a query tells."""

    DEBUG = 1
    MINOR = 2
    MEDIUM = 3
    MAJOR = 4
    FATAL = 5


class RecorderErrorCode(OpenIntEnum):
    """What can be wrong with the recorder; other numbers are those of the API's answers."""

    TOKEN_EXPIRED = 109
    TOKEN_WRONG = 110


class UploaderErrorCode(OpenIntEnum):
    """What can be wrong with the upload."""

    STORAGE_MISCONFIGURED = 32
    UPLOAD_FAILED = 47
    FILES_NOT_PROCESSED = 51


class ServiceErrorCode(OpenIntEnum):
    """What can be wrong with the service."""

    UPLOAD_TIMED_OUT = 50
    START_TIMED_OUT = 52


class UploaderWarningCode(OpenIntEnum):
    """What goes on in the uploader when it warns."""

    UPLOADED_AGAIN = 31
    """A slice is uploaded again, to the customer's storage."""
    UPLOADED_TO_BACKUP = 32
    """A slice is uploaded again, to Agora's backup."""


ErrorCode = RecorderErrorCode | UploaderErrorCode | ServiceErrorCode
"""Codes of errors: the same number means something else in another module."""

_ERROR_CODES: Final[Mapping[int, type[ErrorCode]]] = MappingProxyType(
    {
        ErrorModule.RECORDER: RecorderErrorCode,
        ErrorModule.UPLOADER: UploaderErrorCode,
        ErrorModule.SERVICE: ServiceErrorCode,
    }
)


class ExitStatus(OpenIntEnum):
    """How the session ended."""

    NORMAL = 0
    """It ended, and its files were uploaded."""
    ABNORMAL = 1
    """For instance because of a wrong parameter: there are no files."""


class LeaveCode(IntFlag):
    """Why the recorder left the channel: bits that come together, so that 6 is SIG and NO_USERS.

    An old page numbers the same names 0, 1, 2, 4, 8. Nothing in an event tells which numbering it follows;
    the current one is taken.
    """

    INIT = 0
    """The recorder could not be initialised; a value of its own, not a bit."""
    SIG = 2
    """The recorder's process was interrupted, as in a failover."""
    NO_USERS = 4
    """Nobody was in the channel for `max_idle_time`."""
    TIMER_CATCH = 8
    """Says nothing (the documents: ignore it)."""
    CLIENT_LEAVE = 16
    """It left as it was told to, for instance by a stop."""


@frozen(kw_only=True)
class RecordingError(Event):
    """Something went wrong (1). At level 5 it may end the recording.

    Attributes:
        module: Where.
        error_level: How bad it is.
        error_code: What it is; each module has its own numbers, see `cause`.
        stat: Whether that part goes on normally.
        error_msg: The same in words, or empty.
    """

    event_type: ClassVar[int] = 1
    module: ErrorModule | None = None
    error_level: ErrorLevel | None = None
    error_code: int | None = None
    stat: PartStatus | None = None
    error_msg: str | None = None

    @property
    def cause(self) -> ErrorCode | None:
        """What the code means in this module; None where the documents list no codes."""
        codes = None if self.module is None else _ERROR_CODES.get(self.module)
        return None if codes is None or self.error_code is None else codes(self.error_code)


@frozen(kw_only=True)
class RecordingWarning(Event):
    """Something was not as it should be (2), and the recording goes on.

    Attributes:
        module: Where.
        warn_code: What it is; for the uploader a number of `UploaderWarningCode`.
    """

    event_type: ClassVar[int] = 2
    module: ErrorModule | None = None
    warn_code: int | None = None

    @property
    def cause(self) -> UploaderWarningCode | None:
        """What the code means; None where the documents list no codes."""
        if self.module is not ErrorModule.UPLOADER or self.warn_code is None:
            return None
        return UploaderWarningCode(self.warn_code)


@frozen(kw_only=True)
class StatusUpdated(Event):
    """The status of the service's task changed (3), or a call did not fit it (a second start).

    Attributes:
        status: The status of the moment.
        recording_mode: A number for the mode. The documents contradict each other about 0 and 1: don't rely
            on it.
        playlist: The name of the playlist.
    """

    event_type: ClassVar[int] = 3
    status: TaskStatus | None = None
    recording_mode: int | None = None
    playlist: str | None = None


@frozen(kw_only=True)
class FileInfos(Event):
    """The playlist was uploaded for the first time (4); later versions of it are not reported.

    Attributes:
        playlist: Its name.
    """

    event_type: ClassVar[int] = 4
    playlist: str | None = None


@frozen(kw_only=True)
class SessionExit(Event):
    """The service's task has ended (11).

    Attributes:
        exit_status: Whether in order.
    """

    event_type: ClassVar[int] = 11
    exit_status: ExitStatus | None = None


@frozen(kw_only=True)
class SessionFailover(Event):
    """The recording was moved to another server (12), within 90 s; its sid stays.

    Attributes:
        new_uid: The uid of the recorder there, by which its events are told from those of the old one.
    """

    event_type: ClassVar[int] = 12
    new_uid: int | None = None


@frozen(kw_only=True)
class HighAvailabilityRegistered(Event):
    """The recording is registered for high availability (13), within 10 s of the start.

    One sentence of the documents knows it and no table; what it says besides is in `extra`.
    """

    event_type: ClassVar[int] = 13
