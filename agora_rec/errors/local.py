"""Errors that this side finds out: illegal commands, wrong requests, lost answers, waits that were too short.

What the service itself refuses is in `api.py`.
"""

# ruff: noqa: N818 - the names are what the service says, and promised in the design

from datetime import datetime
from typing import Final, final

from attrs import define, field

from agora_rec.errors.base import (
    DEADLINE_CAME,
    AboutRecording,
    AgoraRecError,
    HasAttempts,
    HasCauses,
    tell,
    tell_attempts,
    tell_causes,
)
from agora_rec.errors.text import escaped, sentence
from agora_rec.errors.values import Attempt, DocumentedCause, Subject, Violation, left_open
from agora_rec.vocabulary import Command, OperationName, State

_INSTEAD: Final = {
    Command.ACQUIRE: "acquire is legal once, in IDLE; to get a recording going whatever its state, "
    "call ensure_started()",
    Command.START: "start is legal in ACQUIRED; to get a recording going whatever its state, "
    "call ensure_started()",
    Command.QUERY: "query is legal in RECORDING; what is known without it is in state, files and history",
    Command.UPDATE: "update is legal in RECORDING; wait for wait_started()",
    Command.UPDATE_LAYOUT: "update_layout is legal in RECORDING, in mix mode only",
    Command.STOP: "stop is legal in RECORDING and STARTING; to see a recording ended whatever its state, "
    "call ensure_stopped()",
}


@define(slots=False, eq=False)
class IllegalTransition(AgoraRecError):
    """The command is not legal in this state; nothing was sent and nothing has changed.

    `note` says why when the state alone doesn't (for instance the mode).
    """

    command: Command
    state: State
    note: str = ""

    def message(self) -> str:
        """The command, the state and the way to mean a goal instead of a call."""
        return tell(
            f"{self.command.value} is not legal in state {self.state.name}; nothing was sent.",
            sentence(self.note),
            sentence(_INSTEAD[self.command]),
        )


@final
@define(slots=False, eq=False)
class Superseded(IllegalTransition, HasAttempts):
    """A stop came first and this command gave way to it; none of its attempts is on the wire any more."""

    attempts: tuple[Attempt, ...] = field(default=(), kw_only=True)

    @property
    def maybe_running(self) -> bool:
        """Whether an attempt of a start was sent before, and not definitely refused."""
        return self.command is Command.START and left_open(OperationName.START, self.attempts)

    def message(self) -> str:
        """The command, the stop that it gave way to, and the attempts that had been made."""
        return tell(
            f"{self.command.value} gave way to a stop (state {self.state.name}).",
            sentence(self.note),
            tell_attempts(self.attempts) or "Nothing was sent.",
            "Wait for the stop; make a new recording if one is wanted.",
        )


@final
@define(slots=False, eq=False)
class InvalidRequest(AgoraRecError, ValueError):
    """The request breaks the service's rules; every wrong field is listed, and nothing was sent."""

    violations: tuple[Violation, ...]

    def message(self) -> str:
        """Every violation on a line of its own."""
        count = f"{len(self.violations)} wrong field{'' if len(self.violations) == 1 else 's'}"
        lines = (f"\n  {violation}" for violation in self.violations)
        return f"{count}; nothing was sent. Correct what follows:{''.join(lines)}"


@final
@define(slots=False, eq=False)
class SecretsRequired(AgoraRecError):
    """A recording that was found or attached needs its mode or its token for this; nothing was sent.

    `what` names what is missing and for what, for instance "the mode with its storage keys, to start".
    """

    what: str

    def message(self) -> str:
        """What is missing and where to give it."""
        return tell(
            "This recording came from a checkpoint, and checkpoints hold no secrets.",
            f"Missing: {escaped(self.what)}.",
            "Give mode= and token= to attach().",
        )


@final
@define(slots=False, eq=False)
class StartUnconfirmed(AgoraRecError, AboutRecording, HasAttempts):
    """A start was sent and its answer lost: a recording may be running, and its sid is not known.

    `until` is the moment after which nothing of it can run any more (None: not known), `cause` says in words
    what was lost.
    """

    subject: Subject
    attempts: tuple[Attempt, ...] = field(kw_only=True)
    until: datetime | None = field(default=None, kw_only=True)
    cause: str = field(default="", kw_only=True)

    @property
    def maybe_running(self) -> bool:
        """Always: that is what this error says."""
        return True

    def message(self) -> str:
        """What may be running, until when, and how to clear it up."""
        until = "" if self.until is None else f" until {self.until.isoformat(sep=' ', timespec='seconds')}"
        return tell(
            f"start: sent, but its answer is lost; a recording may be running{until} ({self.subject}).",
            sentence(self.cause),
            tell_attempts(self.attempts),
            "The state stays STARTING: ensure_started() sends the same start again while the resource ID is",
            "valid, and so does ensure_stopped(); or wait for an event, which brings the sid. stop() is",
            "remembered and sent then.",
            "Don't start another one with the same cname and uid.",
        )


@final
@define(slots=False, eq=False)
class RecordingGone(AgoraRecError, AboutRecording, HasCauses):
    """The recording's disappearance is confirmed: only this justifies a new one in its place.

    `cause` says in words how it was confirmed; `said`, `causes` and `evidence` (notifications) say why it is
    gone, as far as that is known.
    """

    subject: Subject
    cause: str = field(default="", kw_only=True)
    said: tuple[str, ...] = field(default=(), kw_only=True)
    causes: tuple[DocumentedCause, ...] = field(default=(), kw_only=True)

    def message(self) -> str:
        """Which recording, how it is known, what to do, what the service said, and what explains it."""
        told = tell(
            f"The recording is gone ({self.subject}).",
            sentence(self.cause),
            "See its files and events for what there is of it; start anew with another uid if it should run.",
        )
        return told + tell_causes(self)


@final
@define(slots=False, eq=False)
class WaitTimedOut(AgoraRecError, AboutRecording, HasCauses, TimeoutError):
    """The time of a wait is over; what is known by then is attached. The recording goes on undisturbed.

    `waited_for` names what did not come, `seconds` how long it was waited for, `files` what files are known;
    from `wait_started` and `wait_finished`, `said` and `causes` say what may be in the way.
    """

    subject: Subject
    waited_for: str = field(kw_only=True)
    state: State = field(kw_only=True)
    seconds: float = field(kw_only=True)
    files: tuple[object, ...] = field(default=(), kw_only=True)
    said: tuple[str, ...] = field(default=(), kw_only=True)
    causes: tuple[DocumentedCause, ...] = field(default=(), kw_only=True)

    @property
    def maybe_running(self) -> bool:
        """Whether the recording that was waited for may be running."""
        return self.state.is_unfinished

    def message(self) -> str:
        """What did not come, what is known, what to do, what the service said, and what may explain it."""
        told = tell(
            f"No {escaped(self.waited_for)} within {self.seconds:g} s ({self.subject}):",
            f"the state is {self.state.name}, known: {len(self.files)} files, {len(self.evidence)} events.",
            "The recording goes on: wait again, query() it, or ensure_stopped().",
        )
        return told + tell_causes(self)


@final
@define(slots=False, eq=False)
class TransportError(AgoraRecError, AboutRecording, HasAttempts):
    """No usable answer: no connection, no answer in time, or the deadline came first (`deadline_came`)."""

    subject: Subject
    attempts: tuple[Attempt, ...] = field(kw_only=True)
    deadline_came: bool = field(default=False, kw_only=True)

    @property
    def maybe_running(self) -> bool:
        """Whether an attempt of a start reached the service, or may have, and was not definitely refused."""
        return left_open(self.subject.operation, self.attempts)

    def message(self) -> str:
        """The operation, its attempts, and what to do."""
        about = str(self.subject)
        advice = (
            "A recording may be running: start it again with the same resource ID, or wait for its events."
            if self.maybe_running
            else "Look at the network and the hosts' names, then call again."
        )
        return tell(
            f"{self.operation.value}: no usable answer{f' ({about})' if about else ''}.",
            tell_attempts(self.attempts) or "No attempt was made.",
            DEADLINE_CAME if self.deadline_came else "",
            advice,
        )
