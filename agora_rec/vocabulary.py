"""The words that all floors of the house share.

Here live the names of states, commands and operations, the enums that answers and requests have in
common, and the two bases for sets that the service may extend. No behaviour, no wire format, no I/O:
nothing here imports from the rest of the package.
"""

from enum import Enum, IntEnum, StrEnum, unique
from typing import Self


class OpenStrEnum(StrEnum):
    """A set of words that the service may extend: an unknown word becomes a member of its own.

    Such a member compares equal to its word and to itself and says `is_known` False; it is not added
    to the class, so that hostile answers can't make the process grow.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = "UNKNOWN"
        member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        """Whether this library knew the word when it was released."""
        return type(self).__members__.get(self._name_) is self


class OpenIntEnum(IntEnum):
    """A set of numbers that the service may extend; see `OpenStrEnum`."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        """Whether this library knew the number when it was released."""
        return type(self).__members__.get(self._name_) is self


@unique
class State(StrEnum):
    """Where a recording stands. STARTING and STOPPING mean: on its way, not yet known to have worked."""

    IDLE = "idle"
    ACQUIRED = "acquired"
    STARTING = "starting"
    RECORDING = "recording"
    STOPPING = "stopping"
    UPLOADED = "uploaded"
    BACKUPED = "backuped"
    FAILED = "failed"

    @property
    def is_end(self) -> bool:
        """Whether the recording has ended: nothing is recorded any more, and nothing can be asked of it."""
        return self in _ENDS

    @property
    def is_before_start(self) -> bool:
        """Whether no start is on its way or has worked: nothing runs, and nothing ever did."""
        return self in _BEFORE_START

    @property
    def may_record(self) -> bool:
        """Whether something records, or may record, that nobody is stopping."""
        return self in _MAY_RECORD

    @property
    def is_unfinished(self) -> bool:
        """Whether it has begun and not ended: it may record, or its files may be on their way."""
        return self not in _ENDS and self not in _BEFORE_START


_BEFORE_START = frozenset({State.IDLE, State.ACQUIRED})
_MAY_RECORD = frozenset({State.STARTING, State.RECORDING})
_ENDS = frozenset({State.UPLOADED, State.BACKUPED, State.FAILED})


@unique
class Command(StrEnum):
    """What a caller can want of a recording."""

    ACQUIRE = "acquire"
    START = "start"
    QUERY = "query"
    UPDATE = "update"
    UPDATE_LAYOUT = "update_layout"
    STOP = "stop"


@unique
class OperationName(StrEnum):
    """The seven calls of the service."""

    ACQUIRE = "acquire"
    START = "start"
    QUERY = "query"
    UPDATE = "update"
    UPDATE_LAYOUT = "update_layout"
    STOP = "stop"
    NCS_IP = "ncs_ip"


@unique
class Priority(IntEnum):
    """Who goes first when calls wait for the budget; the lower number wins."""

    STOP = 0
    START = 1
    CONFIRM = 2
    ACQUIRE = 3
    UPDATE = 4
    WATCH = 5


@unique
class ModeName(StrEnum):
    """The service's three ways to record; part of every URL after acquire."""

    INDIVIDUAL = "individual"
    MIX = "mix"
    WEB = "web"


@unique
class Area(StrEnum):
    """Where the calls go: which of the service's host names are asked (hosts.yaml `regions`)."""

    US = "US"
    EU = "EU"
    AP = "AP"
    CN = "CN"


class Region(OpenStrEnum):
    """Where the service may record: acquire's `region`, a restriction (the bucket must lie in it)."""

    CN = "CN"
    AP = "AP"
    EU = "EU"
    NA = "NA"


class TaskStatus(OpenIntEnum):
    """How far the service's own task is: the `status` of a query's answer and of event 3."""

    NOT_STARTED = 0
    INITIALISED = 1
    PARTS_STARTING = 2
    PART_READY = 3
    READY = 4
    IN_PROGRESS = 5
    STOP_REQUESTED = 6
    PARTS_STOPPED = 7
    EXITED = 8
    ABNORMAL_EXIT = 20


class UploadingStatus(OpenStrEnum):
    """Where the files are: `uploadingStatus` of a stop's answer."""

    UPLOADED = "uploaded"
    BACKUPED = "backuped"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if value == "unknow":  # the spelling of older documents and older servers
            return cls("unknown")
        return super()._missing_(value)


@unique
class AttemptOutcome(Enum):
    """What became of one attempt to make a call.

    The difference between the last three decides whether a recording may run because of a start:
    NOT_SENT and REFUSED prove that this attempt did nothing, UNANSWERED proves nothing at all.
    """

    ANSWERED = "answered"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    NOT_SENT = "not_sent"


@unique
class Certainty(IntEnum):
    """How sure a cause is; the lower, the surer."""

    SAID = 1
    """The service says so, or this library has done it."""
    LIKELY = 2
    """What was said, or wasn't said in time, points to it."""
    POSSIBLE = 3
    """The documents name it for a case like this; nothing that is known speaks for it or against it."""
