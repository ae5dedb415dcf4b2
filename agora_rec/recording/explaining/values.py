"""An explanation as values: where a recording stands, and the causes that fit, each with its evidence."""

from datetime import datetime
from enum import StrEnum, unique

from attrs import frozen

from agora_rec.lifecycle import Change
from agora_rec.model.notification import Notification
from agora_rec.store import Tried
from agora_rec.vocabulary import Certainty, State


@unique
class CauseName(StrEnum):
    """The causes that are known, by name: for programs."""

    STORAGE_MISCONFIGURED = "storage misconfigured"
    STORAGE_TOKEN_EXPIRED = "storage token expired"  # noqa: S105 - no password
    TOKEN_EXPIRED = "token expired"  # noqa: S105
    TOKEN_WRONG = "token wrong"  # noqa: S105
    PAGE_NOT_RECORDABLE = "page can't be recorded"
    PAGE_NOT_READY = "page not ready in time"
    PAGE_UNREACHABLE = "page can't be opened"
    ENGINE_FAILED = "engine of the page didn't start"
    PAGE_RECORDER_FAILED = "recorder of the page can't go on"
    MAX_RECORDING_HOUR = "max_recording_hour reached"
    RECORDER_NOT_INITIALISED = "recorder not initialised"
    START_TIMED_OUT = "start timed out inside the service"
    UPLOAD_FAILED = "upload failed"
    FILES_NOT_PROCESSED = "files not processed"
    UPLOAD_TIMED_OUT = "upload timed out"
    IDLE = "nobody was there"
    NOBODY_SENT = "nobody sent a stream"
    OUT_OF_CONTROL = "out of control"
    REFUSED = "call refused"
    UNDECIDED = "call answered without success"
    UNANSWERED = "call not answered"
    FATAL_ERROR = "fatal error"
    PART_ABNORMAL = "a part didn't start normally"
    ABNORMAL_EXIT = "abnormal exit"
    FAILOVERS_USED_UP = "no failover left"
    FAILED_OVER = "moved to another server"
    STOP_FAILED = "stop failed"
    PUSH_FAILED = "push to the CDN failed"
    EXTENSION_FAILED = "extension service failed"
    TRANSCODING_FAILED = "transcoding failed"
    IN_BACKUP = "files in Agora's backup"
    START_UNCONFIRMED = "start without an answer"
    STOP_REMEMBERED = "stop remembered"
    STOP_UNCONFIRMED = "stop without an answer"
    STOPPED_ELSEWHERE = "stopped by somebody else"
    INTERRUPTED = "recorder interrupted"
    GAP = "gap in the recording"
    OTHER_ERROR = "error"
    UPLOADED_AGAIN = "slices uploaded again"
    PAGE_RELOADED = "page loaded again"
    NOT_CONFIRMED = "not confirmed in time"
    UPLOAD_SLOW = "upload slow"
    NO_NEWS_OF_FILES = "no news of the files"
    CHECK_FAILED = "storage or transcoding wrong"
    TOKEN_SUSPECTED = "token missing or not accepted"  # noqa: S105
    UID_TAKEN = "uid taken in the channel"
    IDS_WRONG = "wrong IDs"
    BEING_MOVED = "being moved to another server"
    PAGE_SUSPECTED = "page in trouble"
    NOT_REGISTERED = "not registered for high availability"


@frozen(kw_only=True)
class Evidence:
    """One thing that speaks for a cause.

    Attributes:
        at: When it happened, or when this library learnt it (UTC); None: nobody has said.
        what: It in short, such as `event 1, module 1, code 32`; texts of the service are escaped.
        item: The notification, attempt or transition itself; None where it is what the recording's values
            say, or what didn't come.
    """

    at: datetime | None = None
    what: str
    item: Notification | Tried | Change | None = None


@frozen(kw_only=True)
class Cause:
    """Something that has happened, or may have, and explains how the recording stands.

    Attributes:
        name: Which of the known causes it is.
        certainty: How sure it is.
        evidence: What speaks for it, oldest first; never empty.
        meaning: What it means, by the service's documents.
        then: What to do.
        source: Where the documents' facts stand: a table of the project's `reference`, and the row.
    """

    name: CauseName
    certainty: Certainty
    evidence: tuple[Evidence, ...]
    meaning: str
    then: str
    source: str

    def __str__(self) -> str:
        """Name, evidence and moment in one line."""
        from agora_rec.recording.explaining.text import headline  # noqa: PLC0415 - it needs these values

        return headline(self)


@frozen(kw_only=True)
class Explanation:
    """Why a recording stands where it stands, as far as is known. `str()` of it is a report for people.

    Attributes:
        at: The moment of which this speaks.
        key: What its users call it, if it was claimed under a key.
        cname: The channel.
        uid: The recorder's uid, as acquired.
        resource_id: The resource ID, once acquired.
        sid: The service's name for it, once known.
        state: Where it stands.
        since: When it came there; None: it was always there.
        summary: That in a sentence.
        maybe_running: Whether something may be running at the service.
        until: When the resource ID's hours are over, and the service takes no more calls for it; None
            where nothing may be running.
        causes: What fits, most likely first; possible ones only where nothing sure explains it.
        reasons: Why it was refused, left or failed, as it was learnt.
        history: The transitions, oldest first.
        tried: The last attempts of its calls that failed, and what ended the trouble.
        notifications: The last notifications, in the order in which they came.
    """

    at: datetime
    key: str | None
    cname: str
    uid: int
    resource_id: str | None
    sid: str | None
    state: State
    since: datetime | None
    summary: str
    maybe_running: bool
    until: datetime | None
    causes: tuple[Cause, ...]
    reasons: tuple[str, ...]
    history: tuple[Change, ...]
    tried: tuple[Tried, ...]
    notifications: tuple[Notification, ...]

    @property
    def said(self) -> tuple[str, ...]:
        """What the service has said by notification of how the recording is doing, in short, oldest first."""
        from agora_rec.recording.explaining.text import said  # noqa: PLC0415 - it needs these values

        return said(self)

    def __str__(self) -> str:
        """A report for people: where it stands, the causes, and what has happened."""
        from agora_rec.recording.explaining.text import report  # noqa: PLC0415 - it needs these values

        return report(self)
