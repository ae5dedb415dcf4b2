"""Facts: what the service said, and what we did, as values that the state machine absorbs.

A fact carries what is worth keeping (files, reasons, ids). Which cell of the table it meets is its `key`;
where that depends on what is known of the recording, the guard is worked out in `standing.py`. How an answer
or an exception becomes a fact stands in `verdicts.py`.
"""

from datetime import datetime
from enum import StrEnum, unique
from typing import ClassVar

from attrs import frozen

from agora_rec.model import RecordedFile


@unique
class FactKey(StrEnum):
    """The columns of the fact table: kinds of facts, told apart as far as the machine must."""

    ACQUIRED = "acquired"
    EXPIRED = "expired"
    ALTERNATE_TAKEN = "alternate uid taken"
    START_SENT = "start was sent"
    STARTED = "started"
    START_REFUSED_RESOURCE = "start refused: conflict or expired"
    START_REFUSED_FOR_GOOD = "start refused for good"
    START_REFUSED = "start refused otherwise"
    START_UNANSWERED = "start unanswered"
    STOP_REQUESTED = "stop remembered"
    STOP_SENT = "stop was sent"
    STOP_FAILED = "stop failed"
    STOP_FAILED_AFTER_LEAVING = "stop failed, but it had left"
    STOP_ACKNOWLEDGED = "stop acknowledged"
    LEFT = "left"
    EXITED = "exited"
    ENDED_WITHOUT_FILES = "proven end without files"
    OUT_OF_CONTROL = "out of control"
    NO_RECORDED_DATA = "no recorded data"
    UPLOADED = "uploaded"
    BACKUPED = "backuped"
    SUPERSEDED_END = "end of a superseded instance"
    END_WITHOUT_SID = "end, but no sid is known"
    ALIVE = "alive"
    CONFIRMED = "confirmed"
    SUSPECTED = "suspected"
    HEARD_FROM = "heard from a known instance"
    FAILED_OVER = "failed over"
    FAILED_OVER_AFTER_LEAVING = "failed over after leaving"
    FAILED_OVER_AFTER_END = "failed over after its end"
    FAILED_OVER_WHILE_STOPPING = "failed over while stopping"


@frozen(kw_only=True)
class Acquired:
    """An answer to acquire: a resource ID that lives for five minutes."""

    key: ClassVar[FactKey] = FactKey.ACQUIRED
    resource_id: str


@frozen
class Expired:
    """Five minutes have passed since the acquire, and no start was sent."""

    key: ClassVar[FactKey] = FactKey.EXPIRED


@frozen
class AlternateTaken:
    """It goes on under its alternate uid, since its start was refused for certain under the first one."""

    key: ClassVar[FactKey] = FactKey.ALTERNATE_TAKEN


@frozen(kw_only=True)
class StartSent:
    """A start is on its way; written down before the first byte goes out.

    Attributes:
        instance_uid: The uid that it is started under: that of its first instance.
    """

    key: ClassVar[FactKey] = FactKey.START_SENT
    instance_uid: int | None = None


@frozen(kw_only=True)
class Started:
    """The recording's sid is known, from an answer or from any event that names it."""

    key: ClassVar[FactKey] = FactKey.STARTED
    sid: str


@unique
class RefusalKind(StrEnum):
    """What a start can hope for after every attempt was refused for certain."""

    RESOURCE = "resource"
    """The resource ID is spent (53, 433): acquire again."""
    FOR_GOOD = "for good"
    """The same request will never be accepted (2, 109, 110, 432, 1001, 1003)."""
    FOR_NOW = "for now"
    """Nothing was started; the same resource ID may be tried again."""


_REFUSED = {
    RefusalKind.RESOURCE: FactKey.START_REFUSED_RESOURCE,
    RefusalKind.FOR_GOOD: FactKey.START_REFUSED_FOR_GOOD,
    RefusalKind.FOR_NOW: FactKey.START_REFUSED,
}


@frozen(kw_only=True)
class StartRefused:
    """Every attempt to start was definitely refused, or never left this machine."""

    kind: RefusalKind
    reason: str

    @property
    def key(self) -> FactKey:
        """The column that belongs to the kind of refusal."""
        return _REFUSED[self.kind]


@frozen
class StartUnanswered:
    """At least one attempt to start may have worked, and no sid is known."""

    key: ClassVar[FactKey] = FactKey.START_UNANSWERED


@frozen
class StopRequested:
    """A stop was asked for while the start is on its way: it goes out as soon as the sid is known."""

    key: ClassVar[FactKey] = FactKey.STOP_REQUESTED


@frozen
class StopSent:
    """A stop is on its way; written down before the first byte goes out."""

    key: ClassVar[FactKey] = FactKey.STOP_SENT


@frozen(kw_only=True)
class StopFailed:
    """A stop that was refused, or got no answer, to the end of its retries."""

    key: ClassVar[FactKey] = FactKey.STOP_FAILED
    reason: str


@frozen(kw_only=True)
class StopAcknowledged:
    """The service stops or has stopped; where the files are is not known yet."""

    key: ClassVar[FactKey] = FactKey.STOP_ACKNOWLEDGED
    files: tuple[RecordedFile, ...] = ()


@frozen(kw_only=True)
class Left:
    """The recorder left: no users, stop by request, status 6 to 8, or a confirmed disappearance."""

    key: ClassVar[FactKey] = FactKey.LEFT
    reason: str
    files: tuple[RecordedFile, ...] = ()
    instance_uid: int | None = None


@frozen(kw_only=True)
class Exited:
    """The service's task ended in order: the files are somewhere, in the bucket or in the backup."""

    key: ClassVar[FactKey] = FactKey.EXITED
    reason: str = "the service's task has exited"
    files: tuple[RecordedFile, ...] = ()
    instance_uid: int | None = None


@frozen(kw_only=True)
class EndedWithoutFiles:
    """The service's task ended abnormally (exit status 1, status 20): there will be no files."""

    key: ClassVar[FactKey] = FactKey.ENDED_WITHOUT_FILES
    reason: str
    files: tuple[RecordedFile, ...] = ()
    instance_uid: int | None = None


@frozen(kw_only=True)
class OutOfControl:
    """The service no longer takes calls for this recording (433, resource hours over); it may still run."""

    key: ClassVar[FactKey] = FactKey.OUT_OF_CONTROL
    reason: str


@frozen
class NoRecordedData:
    """Stopped, and there is nothing to upload: nobody sent a stream (435)."""

    key: ClassVar[FactKey] = FactKey.NO_RECORDED_DATA


@frozen(kw_only=True)
class Uploaded:
    """All files are in the customer's storage."""

    key: ClassVar[FactKey] = FactKey.UPLOADED
    files: tuple[RecordedFile, ...] = ()
    instance_uid: int | None = None


@frozen(kw_only=True)
class Backuped:
    """All files are safe, at least one of them in Agora's backup, which passes it on by itself."""

    key: ClassVar[FactKey] = FactKey.BACKUPED
    files: tuple[RecordedFile, ...] = ()
    instance_uid: int | None = None


@frozen(kw_only=True)
class Alive:
    """The service knows the task or names its files, and doesn't say that it records (status 0 to 3)."""

    key: ClassVar[FactKey] = FactKey.ALIVE
    files: tuple[RecordedFile, ...] = ()


@frozen(kw_only=True)
class Confirmed:
    """A query or an event says that it records (status 4 or 5)."""

    key: ClassVar[FactKey] = FactKey.CONFIRMED
    files: tuple[RecordedFile, ...] = ()


@frozen(kw_only=True)
class Suspected:
    """A fatal error event, or a leave code that may be a failover: worth a query, no proof."""

    key: ClassVar[FactKey] = FactKey.SUSPECTED
    reason: str


@frozen(kw_only=True)
class FailedOver:
    """The service moved the recording to another server; the recorder there has another uid.

    Attributes:
        new_uid: The new instance's uid.
        sequence: The number of the event that says so.
        sent_at: When it happened. Of several failovers the latest decides, in whatever order they are told.
    """

    key: ClassVar[FactKey] = FactKey.FAILED_OVER
    new_uid: int
    sequence: int | None = None
    sent_at: datetime | None = None


@frozen(kw_only=True)
class HeardFrom:
    """An event came from this instance. If nobody knew it, the recording was moved there, and nobody said so.

    Attributes:
        instance_uid: The instance's uid.
        sent_at: When the event happened: some time after the failover.
    """

    key: ClassVar[FactKey] = FactKey.HEARD_FROM
    instance_uid: int
    sent_at: datetime | None = None


Fact = (
    Acquired
    | Expired
    | AlternateTaken
    | StartSent
    | Started
    | StartRefused
    | StartUnanswered
    | StopRequested
    | StopSent
    | StopFailed
    | StopAcknowledged
    | Left
    | Exited
    | EndedWithoutFiles
    | OutOfControl
    | NoRecordedData
    | Uploaded
    | Backuped
    | Alive
    | Confirmed
    | Suspected
    | FailedOver
    | HeardFrom
)
EndFact = Left | Exited | EndedWithoutFiles | Uploaded | Backuped
