"""The two tables of the state machine: commands judged, facts absorbed. Data, and nothing else.

`COMMANDS` says what a caller may ask for in each state; a command without an entry is illegal there.
`FACTS` is total: each (state, fact) cell is the next state or an explicit `Stay` with its reason, so that
no fact is ignored by oversight. Guards (the age of a resource ID, the mode, the kind of a refusal, a
superseded instance) are part of the keys; they are worked out in `standing.py` before the one look-up.
The diagram in the documentation is drawn from these tables.
"""

from collections.abc import Mapping
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final

from attrs import frozen

from agora_rec.lifecycle.facts import FactKey
from agora_rec.vocabulary import State


@unique
class CommandKey(StrEnum):
    """Commands as the table tells them apart."""

    ACQUIRE = "acquire"
    ACQUIRE_ANEW = "acquire (start refused for certain, or five minutes over)"
    START = "start"
    START_TOO_LATE = "start (more than five minutes after acquire)"
    QUERY = "query"
    UPDATE = "update"
    UPDATE_LAYOUT = "update_layout"
    UPDATE_LAYOUT_NOT_MIX = "update_layout (not Mix)"
    STOP = "stop"
    STOP_AGAIN = "stop (one is remembered already)"


@unique
class Verdict(StrEnum):
    """What becomes of a legal command."""

    SEND = "send"
    REMEMBER = "remember"
    """Sent later, when the sid is known."""
    TOO_LATE = "too late"
    """Not sent: the resource ID has expired, and the state goes back to IDLE."""


@frozen
class Stay:
    """A cell in which the fact changes no state, and why."""

    why: str


COMMANDS: Final[Mapping[State, Mapping[CommandKey, Verdict]]] = MappingProxyType(
    {
        State.IDLE: {CommandKey.ACQUIRE: Verdict.SEND, CommandKey.ACQUIRE_ANEW: Verdict.SEND},
        State.ACQUIRED: {
            CommandKey.ACQUIRE_ANEW: Verdict.SEND,
            CommandKey.START: Verdict.SEND,
            CommandKey.START_TOO_LATE: Verdict.TOO_LATE,
        },
        State.STARTING: {CommandKey.STOP: Verdict.REMEMBER},
        State.RECORDING: {
            CommandKey.QUERY: Verdict.SEND,
            CommandKey.UPDATE: Verdict.SEND,
            CommandKey.UPDATE_LAYOUT: Verdict.SEND,
            CommandKey.STOP: Verdict.SEND,
            CommandKey.STOP_AGAIN: Verdict.SEND,  # whoever remembered it was closed before he could send it
        },
        State.STOPPING: {},
        State.UPLOADED: {},
        State.BACKUPED: {},
        State.FAILED: {},
    }
)

_K = FactKey
_NOT_STARTED = Stay("no start is on its way: this is about another recording, or late")
_NO_STOP = Stay("no stop is on its way")
_HAS_RESOURCE = Stay("the resource ID in use decides; another one just lapses")
_RUNS = Stay("a sid is known: it started, whatever else is said of the start")
_UNKNOWN = Stay("without a sid nothing about the end can be ours")
_SID_KNOWN = Stay("a sid is known here, so this can't be")
_ELSEWHERE = Stay("the recording goes on under another instance_uid")
_EVIDENCE = Stay("kept as evidence; it proves neither a start nor an end")
_OVER = Stay("it has ended; only the place of the files can still change")
_IN_BACKUP = Stay("the files' last known place is the highest there is")

_BEFORE_START: Final[Mapping[FactKey, State | Stay]] = {
    _K.STARTED: _NOT_STARTED,
    _K.START_REFUSED_RESOURCE: _NOT_STARTED,
    _K.START_REFUSED_FOR_GOOD: _NOT_STARTED,
    _K.START_REFUSED: _NOT_STARTED,
    _K.START_UNANSWERED: _NOT_STARTED,
    _K.STOP_REQUESTED: _NO_STOP,
    _K.STOP_SENT: _NO_STOP,
    _K.STOP_FAILED: _NO_STOP,
    _K.STOP_FAILED_AFTER_LEAVING: _NO_STOP,
    _K.STOP_ACKNOWLEDGED: _NO_STOP,
    _K.LEFT: _NOT_STARTED,
    _K.EXITED: _NOT_STARTED,
    _K.ENDED_WITHOUT_FILES: _NOT_STARTED,
    _K.OUT_OF_CONTROL: _NOT_STARTED,
    _K.NO_RECORDED_DATA: _NOT_STARTED,
    _K.UPLOADED: _NOT_STARTED,
    _K.BACKUPED: _NOT_STARTED,
    _K.SUPERSEDED_END: _NOT_STARTED,
    _K.END_WITHOUT_SID: _NOT_STARTED,
    _K.ALIVE: _NOT_STARTED,
    _K.CONFIRMED: _NOT_STARTED,
    _K.SUSPECTED: _NOT_STARTED,
    _K.HEARD_FROM: _NOT_STARTED,
    _K.FAILED_OVER: _NOT_STARTED,
    _K.FAILED_OVER_AFTER_LEAVING: _NOT_STARTED,
    _K.FAILED_OVER_AFTER_END: _NOT_STARTED,
    _K.FAILED_OVER_WHILE_STOPPING: _NOT_STARTED,
}
_AFTER_START: Final[Mapping[FactKey, State | Stay]] = {
    _K.ACQUIRED: _HAS_RESOURCE,
    _K.EXPIRED: Stay("the five minutes bound the start, not the recording"),
    _K.ALTERNATE_TAKEN: Stay("it has begun: its uid stays"),
    _K.START_SENT: _RUNS,
    _K.STARTED: _RUNS,
    _K.START_REFUSED_RESOURCE: _RUNS,
    _K.START_REFUSED_FOR_GOOD: _RUNS,
    _K.START_REFUSED: _RUNS,
    _K.START_UNANSWERED: _RUNS,
    _K.SUPERSEDED_END: Stay("the recording goes on in another instance"),
    _K.END_WITHOUT_SID: _SID_KNOWN,
    _K.ALIVE: _EVIDENCE,
    _K.CONFIRMED: _EVIDENCE,
    _K.SUSPECTED: Stay("may be a failover: a query will tell"),
    _K.HEARD_FROM: Stay("it comes from where the recording is known to be, or to have been"),
    _K.FAILED_OVER: _ELSEWHERE,
    _K.FAILED_OVER_AFTER_LEAVING: _ELSEWHERE,
    _K.FAILED_OVER_AFTER_END: _ELSEWHERE,
    _K.FAILED_OVER_WHILE_STOPPING: _ELSEWHERE,
}
_NOT_THE_END: Final[Mapping[FactKey, State | Stay]] = {
    _K.FAILED_OVER_AFTER_END: State.RECORDING,
    _K.FAILED_OVER_WHILE_STOPPING: State.STOPPING,
}
"""What ended was an instance that had been left: the recording goes on, and must not be left running."""

_AFTER_END: Final[Mapping[FactKey, State | Stay]] = {
    **dict.fromkeys(FactKey, _OVER),
    _K.SUPERSEDED_END: Stay("the end of another instance was known already"),
    _K.END_WITHOUT_SID: _SID_KNOWN,
    **_NOT_THE_END,
}

FACTS: Final[Mapping[State, Mapping[FactKey, State | Stay]]] = MappingProxyType(
    {
        State.IDLE: {
            **_BEFORE_START,
            _K.ACQUIRED: State.ACQUIRED,
            _K.EXPIRED: Stay("there is no resource ID that could expire"),
            _K.ALTERNATE_TAKEN: Stay("the next acquire is for the alternate uid"),
            _K.START_SENT: Stay("a start needs a resource ID: it was judged illegal"),
        },
        State.ACQUIRED: {
            **_BEFORE_START,
            _K.ACQUIRED: Stay("a newer resource ID takes the place of the old one"),
            _K.EXPIRED: State.IDLE,
            _K.ALTERNATE_TAKEN: State.IDLE,
            _K.START_SENT: State.STARTING,
        },
        State.STARTING: {
            _K.ACQUIRED: _HAS_RESOURCE,
            _K.EXPIRED: Stay("ours may run; the expiry of the resource ID changes nothing"),
            _K.ALTERNATE_TAKEN: Stay("ours may run, under the uid that was started"),
            _K.START_SENT: Stay("the same start is sent again"),
            _K.STARTED: State.RECORDING,
            _K.START_REFUSED_RESOURCE: State.IDLE,
            _K.START_REFUSED_FOR_GOOD: State.FAILED,
            _K.START_REFUSED: State.ACQUIRED,
            _K.START_UNANSWERED: Stay("ours may run: unknown is a state, never failed"),
            _K.STOP_REQUESTED: Stay("sent as soon as the sid is known"),
            _K.STOP_SENT: _UNKNOWN,
            _K.STOP_FAILED: _UNKNOWN,
            _K.STOP_FAILED_AFTER_LEAVING: _UNKNOWN,
            _K.STOP_ACKNOWLEDGED: _UNKNOWN,
            _K.LEFT: _UNKNOWN,
            _K.EXITED: _UNKNOWN,
            _K.ENDED_WITHOUT_FILES: _UNKNOWN,
            _K.OUT_OF_CONTROL: _UNKNOWN,
            _K.NO_RECORDED_DATA: _UNKNOWN,
            _K.UPLOADED: _UNKNOWN,
            _K.BACKUPED: _UNKNOWN,
            _K.SUPERSEDED_END: _UNKNOWN,
            _K.END_WITHOUT_SID: _UNKNOWN,
            _K.ALIVE: _UNKNOWN,
            _K.CONFIRMED: _UNKNOWN,
            _K.SUSPECTED: _EVIDENCE,
            _K.HEARD_FROM: _UNKNOWN,
            _K.FAILED_OVER: _UNKNOWN,
            _K.FAILED_OVER_AFTER_LEAVING: _UNKNOWN,
            _K.FAILED_OVER_AFTER_END: _UNKNOWN,
            _K.FAILED_OVER_WHILE_STOPPING: _UNKNOWN,
        },
        State.RECORDING: {
            **_AFTER_START,
            _K.STOP_REQUESTED: Stay("the sid is known: the stop is sent, not remembered"),
            _K.STOP_SENT: State.STOPPING,
            _K.STOP_FAILED: Stay("no stop is on its way any more: it still runs"),
            _K.STOP_FAILED_AFTER_LEAVING: _NO_STOP,
            _K.STOP_ACKNOWLEDGED: State.STOPPING,
            _K.LEFT: State.STOPPING,
            _K.EXITED: State.STOPPING,
            _K.ENDED_WITHOUT_FILES: State.FAILED,
            _K.OUT_OF_CONTROL: State.FAILED,
            _K.NO_RECORDED_DATA: State.UPLOADED,
            _K.UPLOADED: State.UPLOADED,
            _K.BACKUPED: State.BACKUPED,
        },
        State.STOPPING: {
            **_AFTER_START,
            _K.STOP_REQUESTED: Stay("it is stopping"),
            _K.STOP_SENT: Stay("the same stop is sent again"),
            _K.STOP_FAILED: State.RECORDING,
            _K.STOP_FAILED_AFTER_LEAVING: Stay("it left by itself: nothing is left to stop"),
            _K.STOP_ACKNOWLEDGED: Stay("where the files are is not known yet"),
            _K.LEFT: Stay("it is stopping"),
            _K.FAILED_OVER_AFTER_LEAVING: State.RECORDING,
            _K.EXITED: Stay("the files are in the bucket or in the backup: not known which"),
            _K.ENDED_WITHOUT_FILES: State.FAILED,
            _K.OUT_OF_CONTROL: State.FAILED,
            _K.NO_RECORDED_DATA: State.UPLOADED,
            _K.UPLOADED: State.UPLOADED,
            _K.BACKUPED: State.BACKUPED,
        },
        State.FAILED: {
            **_AFTER_END,
            _K.END_WITHOUT_SID: Stay("the start was refused: the end is another recording's"),
            _K.NO_RECORDED_DATA: State.UPLOADED,
            _K.UPLOADED: State.UPLOADED,
            _K.BACKUPED: State.BACKUPED,
        },
        State.UPLOADED: {**_AFTER_END, _K.BACKUPED: State.BACKUPED},
        State.BACKUPED: {**dict.fromkeys(FactKey, _IN_BACKUP), **_NOT_THE_END},
    }
)
