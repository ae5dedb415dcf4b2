"""Where one recording stands: the state, what is known, and the one way in for commands and facts.

Pure: no I/O and no clock; moments come in as arguments, and every step gives a new value. The rules are in
`tables.py`; here are only the guards that choose the column, and what a fact leaves behind.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, TypedDict, Unpack, get_args

from attrs import evolve, frozen

from agora_rec.errors import IllegalTransition, ResourceExpired, Subject
from agora_rec.lifecycle import facts as f
from agora_rec.lifecycle.ends import KEYS, Report, Reported, end_of, key_of_end, reported
from agora_rec.lifecycle.facts import Fact, FactKey
from agora_rec.lifecycle.moves import Move, with_move
from agora_rec.lifecycle.tables import COMMANDS, FACTS, CommandKey, Stay, Verdict
from agora_rec.model import RecordedFile
from agora_rec.vocabulary import Command, ModeName, OperationName, State

RESOURCE_ID_LIFETIME: Final = timedelta(minutes=5)
"""How long a resource ID may be used for a start (timing.yaml `resource_id_valid`)."""

HOURS: Final = 72
"""The service's own `resourceExpiredHour` (timing.yaml)."""


def hours_of(asked: int | None) -> int:
    """For how many hours the service takes calls for a recording, by what acquire asked for."""
    return HOURS if asked is None else asked


class _Moments(TypedDict, total=False):
    """What an end leaves behind beside files and reasons."""

    left_by: frozenset[int | None]
    left_at: datetime | None
    exited_at: datetime | None
    confirmed_at: datetime | None
    ended_by: Reported
    no_data: bool


@frozen(kw_only=True)
class Standing:
    """All that the machine knows of one recording. Immutable: `absorb` gives the next one."""

    state: State = State.IDLE
    resource_id: str | None = None
    acquired_at: datetime | None = None
    start_sent_at: datetime | None = None
    """When the first start that may have worked was written down; those refused for certain don't count."""
    sid: str | None = None
    instance_uid: int | None = None
    """The recorder's uid of the moment; after a failover not the uid that was acquired."""
    superseded: frozenset[int] = frozenset()
    """The instances that it has left behind."""
    moves: tuple[Move, ...] = ()
    """The failovers that are known, the earliest first."""
    files: tuple[RecordedFile, ...] = ()
    no_data: bool = False
    reasons: frozenset[str] = frozenset()
    """Why it left or failed, as far as the service or we said."""
    start_refused: bool = False
    stop_requested: bool = False
    """A stop is remembered, or was and is on its way."""
    stop_sent: bool = False
    """A stop was sent and has not failed."""
    left_by: frozenset[int | None] = frozenset()
    """The instances that were said to have left; None stands for the recording as a whole."""
    ended_by: Reported = frozenset()
    """The ends that were reported, and of which instance; None stands for the recording as a whole."""
    left_at: datetime | None = None
    exited_at: datetime | None = None
    confirmed_at: datetime | None = None

    def judge(
        self, command: Command, *, at: datetime, mode: ModeName, subject: Subject | None = None
    ) -> Verdict:
        """Say what becomes of a command; changes nothing.

        Args:
            command: What the caller wants.
            at: The moment of asking, for the five-minute rule.
            mode: `update_layout` exists in `mix` only.
            subject: Who it is about, for the error.

        Returns:
            `Verdict.SEND` or `Verdict.REMEMBER`.

        Raises:
            IllegalTransition: The state doesn't allow it.
            ResourceExpired: A start more than five minutes after the acquire; absorb `Expired` then.
        """
        key = self._command_key(command, at, mode)
        verdict = COMMANDS[self.state].get(key)
        if verdict is None:
            raise IllegalTransition(command, self.state, note="" if key == command.value else key.value)
        if verdict is Verdict.TOO_LATE:
            about = subject or Subject(operation=OperationName.START, resource_id=self.resource_id)
            raise ResourceExpired(subject=about)
        return verdict

    def absorb(self, fact: Fact, *, at: datetime) -> "Standing":
        """Take in a fact. Duplicates and late ones are never an error.

        Args:
            fact: What was said or done.
            at: When we learnt it.

        Returns:
            What is known now; the same value when the fact brought nothing new.
        """
        cell = FACTS[self.state][self.key_of(fact)]
        learnt = self._learn(fact, at, self.state if isinstance(cell, Stay) else cell)
        return self if learnt is self or learnt == self else learnt

    @property
    def end(self) -> State | None:
        """The end that it has come to, by all that was reported; None: it goes on."""
        return end_of(self.ended_by, self.superseded)

    @property
    def is_stopping(self) -> bool:
        """Whether it has left, or a stop is on its way: what STOPPING means."""
        return self.has_left or self.stop_sent

    @property
    def has_left(self) -> bool:
        """Whether the recorder left, or a stop was acknowledged; a superseded instance doesn't count."""
        return not self.left_by <= self.superseded

    def key_of(self, fact: Fact) -> FactKey:
        """The column of the fact table that a fact meets now: its kind, with the guards worked out."""
        if self.sid is None and isinstance(fact, _ABOUT_THE_END):
            return FactKey.END_WITHOUT_SID
        if isinstance(fact, f.FailedOver | f.HeardFrom):
            return self._key_of_move(fact, self._moved(fact))
        if isinstance(fact, Report):
            return key_of_end(fact, self.ended_by, self.superseded)
        if isinstance(fact, f.StopFailed) and self.has_left:
            return FactKey.STOP_FAILED_AFTER_LEAVING
        return fact.key

    def is_lapsed(self, at: datetime) -> bool:
        """Whether the resource ID is too old for a start."""
        return self.acquired_at is not None and at - self.acquired_at >= RESOURCE_ID_LIFETIME

    def _command_key(self, command: Command, at: datetime, mode: ModeName) -> CommandKey:
        if command is Command.ACQUIRE and (self.start_refused or self.is_lapsed(at)):
            return CommandKey.ACQUIRE_ANEW
        if command is Command.START and self.is_lapsed(at):
            return CommandKey.START_TOO_LATE
        if command is Command.UPDATE_LAYOUT and mode is not ModeName.MIX:
            return CommandKey.UPDATE_LAYOUT_NOT_MIX
        if command is Command.STOP and self.stop_requested:
            return CommandKey.STOP_AGAIN
        return _COMMAND_KEYS[command]

    def _learn(self, fact: Fact, at: datetime, to: State) -> "Standing":
        """What a fact leaves behind, in the state that it leads to: in one step, since a copy costs time."""
        match fact:
            case f.Acquired(resource_id=new) if self.state.is_before_start and new != self.resource_id:
                learnt = evolve(
                    self, state=to, resource_id=new, acquired_at=at, start_sent_at=None, start_refused=False
                )
            case f.AlternateTaken() if self.state.is_before_start:
                learnt = evolve(
                    self,
                    state=to,
                    resource_id=None,
                    instance_uid=None,
                    acquired_at=None,
                    start_sent_at=None,
                    start_refused=False,
                )
            case f.StartSent(instance_uid=uid) if self.state is State.ACQUIRED:
                first = uid or self.instance_uid
                learnt = evolve(self, state=to, start_sent_at=at, start_refused=False, instance_uid=first)
            case f.Started(sid=sid) if self.state is State.STARTING:
                learnt = evolve(self, state=to, sid=sid)
            case f.StartRefused(reason=reason) if self.state is State.STARTING:
                reasons = self.reasons | {reason}
                learnt = evolve(self, state=to, start_refused=True, stop_requested=False, reasons=reasons)
            case f.StopRequested() if self.state is State.STARTING:
                learnt = evolve(self, state=to, stop_requested=True)
            case f.StopSent() if self.state in _RUNNING:
                learnt = evolve(self, state=to, stop_sent=True)
            case f.StopFailed() if self.stop_sent:
                learnt = evolve(self, state=to, stop_requested=False, stop_sent=False)
            case f.FailedOver() | f.HeardFrom():
                learnt = self._settled(self._moved(fact), at, to)
            case _ if self.sid is not None:
                learnt = self._learn_of_the_end(fact, at, to)
            case _:
                learnt = self._in(to)
        return learnt

    def _learn_of_the_end(self, fact: Fact, at: datetime, to: State) -> "Standing":
        """Keep what an end leaves behind: sets that grow, and first moments; so the order doesn't matter."""
        match fact:
            case f.Left(files=files, reason=reason, instance_uid=instance):
                learnt = self._gone(to, instance, at, files, reason)
            case f.Exited(files=files, reason=reason, instance_uid=instance):
                learnt = self._gone(to, instance, at, files, reason, exited=True)
            case f.StopAcknowledged(files=files):
                learnt = self._gone(to, None, at, files)
            case f.EndedWithoutFiles(files=files, reason=reason):
                learnt = self._with(to, files, reason, ended_by=self.ended_by | {reported(fact)})
            case f.OutOfControl(reason=reason):
                learnt = self._with(to, (), reason, ended_by=self.ended_by | {reported(fact)})
            case f.Uploaded(files=files) | f.Backuped(files=files):
                learnt = self._with(to, files, ended_by=self.ended_by | {reported(fact)})
            case f.NoRecordedData():
                learnt = self._with(to, (), ended_by=self.ended_by | {reported(fact)}, no_data=True)
            case f.Confirmed(files=files):
                known = self.confirmed_at is not None
                learnt = self._with(to, files) if known else self._with(to, files, confirmed_at=at)
            case f.Alive(files=files):
                learnt = self._with(to, files)
            case _:
                learnt = self._in(to)
        return learnt

    def _in(self, to: State) -> "Standing":
        return self if to is self.state else evolve(self, state=to)

    def _key_of_move(self, fact: f.FailedOver | f.HeardFrom, moved: "Standing") -> FactKey:
        """What a failover changes: what left or ended before may have been another instance than the last."""
        if moved is self:
            return fact.key
        before, after = self.end, moved.end
        if after is not None:
            return FactKey.FAILED_OVER if after is before else KEYS[after]
        if before is not None:
            stopping = moved.is_stopping
            return FactKey.FAILED_OVER_WHILE_STOPPING if stopping else FactKey.FAILED_OVER_AFTER_END
        if moved.is_stopping:
            return FactKey.FAILED_OVER if self.is_stopping else FactKey.LEFT
        return FactKey.FAILED_OVER_AFTER_LEAVING if self.is_stopping else FactKey.FAILED_OVER

    def _moved(self, fact: f.FailedOver | f.HeardFrom) -> "Standing":
        """The same with one failover more; the same value if that is known already, or can't be ours."""
        if self.sid is None:
            return self
        if isinstance(fact, f.HeardFrom):
            if self.instance_uid is None or (fact.instance_uid == self.instance_uid and not self.moves):
                return self  # as nearly every notification says it
            move = Move(uid=fact.instance_uid, sent_at=fact.sent_at, is_told=False)
        else:
            move = Move(uid=fact.new_uid, sequence=fact.sequence, sent_at=fact.sent_at)
        known = self.superseded if self.instance_uid is None else self.superseded | {self.instance_uid}
        if move.uid in known and all(move.uid != each.uid for each in self.moves):
            return self  # where it was started: nothing is ever moved back there
        moves = with_move(self.moves, move)
        if moves == self.moves:
            return self
        last = moves[-1].uid
        return evolve(self, moves=moves, instance_uid=last, superseded=(known | {move.uid}) - {last})

    def _settled(self, moved: "Standing", at: datetime, to: State) -> "Standing":
        """After a failover: in the state that it leads to, and with the moments that still hold."""
        if moved is self:
            return self._in(to)
        if moved.has_left or moved.end is not None:
            return evolve(moved, state=to, left_at=self.left_at or (at if moved.has_left else None))
        return evolve(moved, state=to, left_at=None, exited_at=None)

    def _with(
        self, to: State, files: tuple[RecordedFile, ...], reason: str | None = None, **more: Unpack[_Moments]
    ) -> "Standing":
        reasons = self.reasons if reason is None else self.reasons | {reason}
        # A recording that is watched is told of the same files again and again.
        merged = self.files if not files or files == self.files else merge_files(self.files, files)
        if to is self.state and merged is self.files and reasons is self.reasons and not more:
            return self
        return evolve(self, state=to, files=merged, reasons=reasons, **more)

    def _gone(
        self,
        to: State,
        instance: int | None,
        at: datetime,
        files: tuple[RecordedFile, ...],
        reason: str | None = None,
        *,
        exited: bool = False,
    ) -> "Standing":
        left_at, exited_at = self.left_at, self.exited_at
        if instance not in self.superseded:
            left_at = left_at or at
            exited_at = exited_at or at if exited else exited_at
        return self._with(
            to, files, reason, left_by=self.left_by | {instance}, left_at=left_at, exited_at=exited_at
        )


_RUNNING: Final = frozenset({State.RECORDING, State.STOPPING})
_ABOUT_THE_END: Final = (*get_args(f.EndFact), f.NoRecordedData)
_COMMAND_KEYS: Final = {command: CommandKey(command.value) for command in Command}


def merge_files(known: Iterable[RecordedFile], more: Iterable[RecordedFile]) -> tuple[RecordedFile, ...]:
    """Bring two lists of files together by name, so that the order in which they came doesn't matter.

    Where both know a file, the one that says more about it stays.
    """
    by_name: dict[str, RecordedFile] = {}
    for file in (*known, *more):
        there = by_name.get(file.name)
        by_name[file.name] = file if there is None else max(there, file, key=_detail)
    return tuple(by_name[name] for name in sorted(by_name))


def _detail(file: RecordedFile) -> tuple[int, str]:
    facts = (file.track_type, file.uid, file.mixed_all_user, file.is_playable, file.slice_start_time)
    return sum(value is not None for value in facts), repr(file)


@frozen(kw_only=True)
class Change:
    """An entry of a recording's history: the state changed."""

    at: datetime
    fact: FactKey
    before: State
    after: State
