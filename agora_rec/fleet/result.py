"""What has become of recordings: values, and how they are made of what is known. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final

from attrs import frozen

from agora_rec.fleet.spec import Spec
from agora_rec.lifecycle import merge_files
from agora_rec.model import RecordedFile
from agora_rec.recording import Take
from agora_rec.supervision.incidents import Incident
from agora_rec.vocabulary import State


@unique
class ResultState(StrEnum):
    """Where one spec of a fleet stands."""

    WAITING = "waiting"
    """For a place: as many record as may."""
    STARTING = "starting"
    """It is acquired and started, or started anew."""
    RECORDING = "recording"
    """It has its sid."""
    STOPPING = "stopping"
    """It has left; where its files are is not known yet."""
    UPLOADED = "uploaded"
    """Its files are in your bucket."""
    BACKUPED = "backuped"
    """Some of its files are in Agora's backup."""
    NO_DATA = "no data"
    """It ended in order, and nobody had sent a stream."""
    FAILED = "failed"
    """It ended without files, or out of control."""
    UPLOAD_UNKNOWN = "upload unknown"
    """It ended, and nobody has said in time where its files are."""
    UNCONFIRMED = "unconfirmed"
    """Its start was sent, and nobody knows whether it ran."""
    NOT_STARTED = "not started"
    """It was refused, or its time was over before it could begin."""
    WITHDRAWN = "withdrawn"
    """The fleet was stopped before it could begin."""
    RELEASED = "released"
    """It runs on, and the store has it: another process looks after it."""

    @property
    def is_final(self) -> bool:
        """Whether the fleet has nothing more to do for it."""
        return self not in _OPEN

    @property
    def is_recorded(self) -> bool:
        """Whether there are files, and it is known where."""
        return self in {ResultState.UPLOADED, ResultState.BACKUPED}


_OPEN: Final = frozenset(
    {ResultState.WAITING, ResultState.STARTING, ResultState.RECORDING, ResultState.STOPPING}
)

_RANKS: Final = (
    ResultState.NOT_STARTED,
    ResultState.FAILED,
    ResultState.NO_DATA,
    ResultState.UPLOADED,
    ResultState.BACKUPED,
    ResultState.UPLOAD_UNKNOWN,
    ResultState.UNCONFIRMED,
    ResultState.RELEASED,
    ResultState.STOPPING,
    ResultState.RECORDING,
    ResultState.STARTING,
)
"""Of several recordings that belong together, the one that says most about all of them is the last of these:
what may still change, then what somebody should look at, then the files that there are."""

_OF_STATES: Final[Mapping[State, ResultState]] = MappingProxyType(
    {
        State.IDLE: ResultState.STARTING,
        State.ACQUIRED: ResultState.STARTING,
        State.STARTING: ResultState.STARTING,
        State.RECORDING: ResultState.RECORDING,
        State.STOPPING: ResultState.STOPPING,
        State.UPLOADED: ResultState.UPLOADED,
        State.BACKUPED: ResultState.BACKUPED,
        State.FAILED: ResultState.FAILED,
    }
)


@frozen(kw_only=True)
class Gap:
    """A time in which a recorder that was replaced recorded nothing, as far as is known.

    Attributes:
        since: When the lost one was last known to record.
        until: When the one that took its place was started.
    """

    since: datetime
    until: datetime


@frozen(kw_only=True)
class Result:
    """What has become of one spec.

    Attributes:
        spec: What was asked for.
        state: Where it stands.
        takes: The stays of its recorders in the channel, in the order in which they began: more than one
            where one was replaced, or has twins.
        files: What all of them recorded, by name.
        gaps: Where a recorder was replaced, the time between.
        failures: What went wrong, or was about to, in the order of happening.
        error: Why it was not started; None: it was.
        calls: How many calls it took, each attempt counted.
    """

    spec: Spec
    state: ResultState
    takes: tuple[Take, ...] = ()
    files: tuple[RecordedFile, ...] = ()
    gaps: tuple[Gap, ...] = ()
    failures: tuple[Incident, ...] = ()
    error: Exception | None = None
    calls: int = 0

    @property
    def in_bucket(self) -> bool | None:
        """True: all files are in your bucket; False: some are in Agora's backup; None: none, or not known."""
        return _IN_BUCKET.get(self.state)


_IN_BUCKET: Final = {ResultState.UPLOADED: True, ResultState.BACKUPED: False}


@frozen(kw_only=True)
class Report:
    """What has become of all.

    Attributes:
        results: Those that go on, and the last ones that are over, in the order in which they came.
        forgotten: How many more are over, by their state.
        calls: How many calls all of them took, the forgotten ones included.
    """

    results: tuple[Result, ...]
    forgotten: Mapping[ResultState, int]
    calls: int

    @property
    def states(self) -> Mapping[ResultState, int]:
        """How many there were of each state, the forgotten ones included."""
        return Counter(result.state for result in self.results) + Counter(self.forgotten)

    @property
    def is_over(self) -> bool:
        """Whether nothing goes on any more."""
        return all(result.state.is_final for result in self.results)


def state_of(state: State, *, no_data: bool, is_given_up: bool) -> ResultState:
    """Where a recording stands, as a result.

    Args:
        state: Its state.
        no_data: It ended in order, without files because nobody sent a stream.
        is_given_up: Nobody waits any more for what is missing.
    """
    if is_given_up and not state.is_end:
        return ResultState.UPLOAD_UNKNOWN if state is State.STOPPING else ResultState.UNCONFIRMED
    return ResultState.NO_DATA if no_data else _OF_STATES[state]


def state_of_all(states: Iterable[ResultState]) -> ResultState:
    """Where several stand that belong together."""
    return max(states, key=_RANKS.index)


def files_of_all(takes: Iterable[Take]) -> tuple[RecordedFile, ...]:
    """The files of all takes, by name."""
    files: tuple[RecordedFile, ...] = ()
    for take in takes:
        files = merge_files(files, take.files)
    return files
