"""How a start goes, with all its doubts: the same body each time, written down first, never guessed at."""

from datetime import datetime, timedelta
from typing import Final, TypeAlias, cast

from agora_rec import operations
from agora_rec.codec import Body
from agora_rec.errors import (
    AgoraRecError,
    Attempt,
    ResourceExpired,
    SecretsRequired,
    StartUnconfirmed,
    StoreConflict,
)
from agora_rec.lifecycle import RESOURCE_ID_LIFETIME, Fact, facts, hours_of, verdicts
from agora_rec.model import StartAnswer
from agora_rec.operations import Operation
from agora_rec.recording.ledger import Ledger
from agora_rec.transport import Interrupt, Interrupted
from agora_rec.vocabulary import AttemptOutcome, OperationName, State

START_BOUND: Final = 60.0
"""Seconds after which a start makes no further attempt, whoever waits for it."""
_ANNOUNCED: Final = ""

_Identity: TypeAlias = tuple[str | None, str | None]
"""The resource ID of a start, and the digest of its body."""


class NotedStart:
    """A start and what it was noted as, which says whether it may go out when its turn has come."""

    __slots__ = ("identity", "operation")

    def __init__(self, operation: Operation[StartAnswer]) -> None:
        self.operation: Operation[StartAnswer] = operation
        self.identity: _Identity = (None, None)


class Starting:
    """The starts of one recording: the attempts for the present resource ID are kept until one works."""

    __slots__ = ("_asked_for", "_attempts", "_begun", "_has_worked", "_keeper", "_ledger", "_until_sid")

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._keeper = ledger.keeper
        self._attempts: tuple[Attempt, ...] = ()
        self._has_worked = False
        self._begun: _Identity = (None, None)  # of the last one
        self._until_sid: Interrupt | None = None  # ends what a stop doesn't
        self._asked_for: str | None = None  # the resource ID for which somebody was asked for secrets
        if ledger.state is State.STARTING and not ledger.starters:  # nobody knows who, and what became of it
            self._attempts = (
                Attempt(host="", outcome=AttemptOutcome.UNANSWERED, seconds=0.0, at=self._first_at()),
            )

    async def bring_secrets(self) -> None:
        """Ask for the secrets of the next start, if there is somebody to ask and it wasn't done yet.

        Once for each resource ID: a repeated start must not differ. Where acquire announces what start will
        send, they are asked for before it, and are good for the start too.

        Raises:
            InvalidRequest: They are wrong, or not those of the start that is to be repeated.
            SecretsRequired: The mode needs more than they have.
            Exception: What the provider raises.
        """
        provider, ledger = self._keeper.secrets, self._ledger
        if provider is None or self._asked_for == (wanted := self._wanted):
            return
        if ledger.state is State.ACQUIRED and self._asked_for == _ANNOUNCED:
            self._asked_for = wanted
            return
        secrets = await provider(ledger.checkpoint())
        if self._wanted == wanted:  # nobody was quicker
            description = ledger.description.with_secrets(secrets, now=self._keeper.clock.now())
            ledger.learn_secrets(description, is_new=ledger.state.is_before_start)
            self._asked_for = wanted

    @property
    def _wanted(self) -> str:
        """What the secrets are for: a resource ID, or the announcement to get one by."""
        return self._ledger.resource_id if self._ledger.state is not State.IDLE else _ANNOUNCED

    def prepare(self) -> NotedStart:
        """Make the start; nothing is noted yet.

        Raises:
            SecretsRequired: The recording was made from a checkpoint, and nobody brought its secrets.
        """
        self.need_secrets()
        ledger = self._ledger
        request = ledger.description.start_request()
        return NotedStart(operations.start(self._keeper.app_id, ledger.resource_id, request))

    def begun(self, start: NotedStart) -> None:
        """Note that a start is on its way."""
        ledger = self._ledger
        if ledger.state is not State.STARTING:
            self._attempts, self._has_worked = (), False
            ledger.starters = frozenset()
            ledger.start_digest = self._keeper.digest(cast("Body", start.operation.body))  # it has one
        elif self._begun not in ((None, None), self._identity):
            self._attempts, self._has_worked = (), False  # they were those of another resource ID
        ledger.starters |= {self._keeper.holder}
        start.identity = self._begun = self._identity
        ledger.absorb(facts.StartSent(instance_uid=ledger.description.uid))

    def need_secrets(self) -> None:
        """Raise `SecretsRequired` unless mode and token are complete."""
        if not self._ledger.description.has_secrets:
            raise SecretsRequired("the mode with its storage keys, and the token if it has one, to start")

    async def send(self, start: NotedStart, interrupt: Interrupt) -> StartAnswer:
        """Write it down, send it, and turn what comes of it into a fact.

        Raises:
            StartUnconfirmed: Something may be running.
            AgoraRecError: The start was refused for certain, and nothing runs.
            StoreConflict: Another worker has acquired or started it meanwhile; nothing was sent.
            Interrupted: A stop came before anything was sent.
        """
        ledger, ours = self._ledger, start.identity
        try:
            await ledger.save()
        except Exception as error:
            await self._failed(start, error)
            raise
        is_withdrawn = ledger.standing.sid is None and ledger.state is not State.STARTING
        if self._identity != ours or is_withdrawn:  # refused at another worker: it isn't repeated
            raise StoreConflict(key=ledger.description.id, expected=None, found=ledger.version)
        if ledger.standing.sid is not None:  # another worker knows it
            return self._known()
        try:
            answer = await self._send_through(start.operation, interrupt, self._deadline())
        except Exception as error:
            if not isinstance(error, AgoraRecError | Interrupted):  # a fault of ours proves nothing
                self._attempts += (self._lost(error),)
            if self._keeper.is_store_shared:
                await ledger.look_up()  # another worker may have sent it too, or been notified of its sid
            fact = self._after_failure(error)
            self._ledger.absorb(fact)
            if self._is_lapsed:
                self._ledger.absorb(facts.Expired())
            # Judged at once: while it is written down, the next start may begin.
            answer_or_error = self._judge_failure(fact, error)
            await self._ledger.save_after()
            if isinstance(answer_or_error, StartAnswer):
                return answer_or_error
            if isinstance(fact, facts.StartRefused) and self._others and self._identity == ours:
                raise self.unconfirmed("another worker has sent it too") from error
            raise answer_or_error  # noqa: B904 - an unconfirmed start has its cause already
        self._attempts, self._has_worked = (), True  # nobody asks any more what came of each
        self._ledger.absorb(facts.Started(sid=answer.sid))
        await self._ledger.save_after()
        return answer

    @property
    def _identity(self) -> _Identity:
        """What a start must go out with: another worker may have acquired or started in between."""
        return self._ledger.standing.resource_id, self._ledger.start_digest

    async def withdrawn(self, start: NotedStart) -> None:
        """A stop came before the start had its turn."""
        await self._failed(start, Interrupted())

    @property
    def may_run(self) -> bool:
        """Whether an attempt was made that may have worked."""
        return (
            self._has_worked
            or bool(self._others)
            or any(verdicts.refusal_kind(attempt) is None for attempt in self._attempts)
        )

    @property
    def _is_lapsed(self) -> bool:
        return self._ledger.standing.is_lapsed(self._keeper.clock.now())

    def unconfirmed(self, cause: str) -> StartUnconfirmed:
        """What may be running, and until when."""
        hours = hours_of(self._ledger.description.resource_expired_hour)
        return StartUnconfirmed(
            subject=self._ledger.subject(OperationName.START),
            attempts=self._attempts,
            until=self._first_at() + timedelta(hours=hours),
            cause=cause,
        )

    async def _send_through(
        self, operation: Operation[StartAnswer], interrupt: Interrupt, deadline: float
    ) -> StartAnswer:
        while True:
            if self._is_lapsed:  # it was judged in time, but its turn or its writing down took too long
                raise ResourceExpired(subject=self._ledger.subject(OperationName.START))
            try:
                return await self._keeper.send(
                    operation,
                    deadline=deadline,
                    interrupt=interrupt,
                    on_attempt=self._tried,
                )
            except Interrupted:
                if self._ledger.standing.sid is not None or not self.may_run:
                    raise
                # Ours may run. The stop that interrupts needs its sid: the same start brings it, or an event.
                interrupt = self._until_sid = Interrupt()

    def sid_known(self) -> None:
        """End the repetitions of a start whose sid has come in another way."""
        if self._until_sid is not None:
            self._until_sid.trigger()

    def _tried(self, operation: OperationName, attempt: Attempt) -> None:
        self._attempts += (attempt,)
        self._ledger.attempts.add(operation, attempt)

    @property
    def _others(self) -> frozenset[str]:
        """The other clients of which we don't know that all their attempts were refused."""
        return self._ledger.starters - {self._keeper.holder}

    def _after_failure(self, error: Exception) -> Fact:
        """What follows for the recording: refused it is when all who have sent the start were refused."""
        fact = verdicts.after_failed_start(self._attempts, error)
        if isinstance(fact, facts.StartRefused) and self._ledger.state is State.STARTING:
            self._ledger.starters = self._others
        return facts.StartUnanswered() if self._others and isinstance(fact, facts.StartRefused) else fact

    async def _failed(self, start: NotedStart, error: Exception) -> None:
        # While it waited another worker may have acquired, and a start under that resource ID may have begun.
        if start.identity == self._identity:
            self._ledger.absorb(self._after_failure(error))
        await self._ledger.save_after()

    def _judge_failure(self, fact: Fact, error: Exception) -> StartAnswer | Exception:
        if self._ledger.standing.sid is not None:
            return self._known()
        if not isinstance(fact, facts.StartRefused):
            unconfirmed = self.unconfirmed(str(error))
            unconfirmed.__cause__ = error
            return unconfirmed
        return error

    def _known(self) -> StartAnswer:
        """The answer to a start whose sid has come in another way."""
        ledger = self._ledger
        return StartAnswer(
            cname=ledger.description.cname,
            uid=ledger.description.uid,
            resource_id=ledger.resource_id,
            sid=ledger.sid,
        )

    def _deadline(self) -> float:
        """The moment for the last attempt: our bound, or the end of the resource ID's five minutes."""
        clock = self._keeper.clock
        acquired_at = self._ledger.standing.acquired_at or clock.now()
        left = (acquired_at + RESOURCE_ID_LIFETIME - clock.now()).total_seconds()
        return clock.monotonic() + max(0.0, min(START_BOUND, left))

    def _first_at(self) -> datetime:
        return self._ledger.standing.start_sent_at or self._keeper.clock.now()

    def _lost(self, error: Exception) -> Attempt:
        return Attempt(
            host="",
            outcome=AttemptOutcome.UNANSWERED,
            seconds=0.0,
            at=self._keeper.clock.now(),
            detail=type(error).__name__,
        )
