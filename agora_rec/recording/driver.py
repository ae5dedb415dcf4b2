"""The lifecycle driven over the API: each command takes its turn, is written down, sent, and ends as a fact.

Everything here runs in jobs of the client's task group, or synchronously between two awaits; no method waits
for anything on behalf of a caller. What callers see (waiting, goals, the context manager) stands in the
modules beside this one; how a start goes, with all its doubts, in `starting.py`.
"""

from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, Final, TypeVar, TypeVarTuple

from agora_rec import operations
from agora_rec.errors import (
    IllegalTransition,
    LeaseLost,
    ResourceExpired,
    StartUnconfirmed,
    Superseded,
    TransportError,
)
from agora_rec.lifecycle import Change, Fact, Verdict, facts, verdicts
from agora_rec.lifecycle.heard import facts_heard
from agora_rec.model import (
    AcquireAnswer,
    AnyAnswer,
    QueryAnswer,
    StartAnswer,
    StopAnswer,
    StopRequest,
    UpdateAnswer,
    UpdateLayoutAnswer,
)
from agora_rec.model.notification import Notification
from agora_rec.operations import Operation
from agora_rec.recording.description import Description
from agora_rec.recording.jobs import Job
from agora_rec.recording.keeper import Keeper
from agora_rec.recording.ledger import Ledger
from agora_rec.recording.lookout import Lookout
from agora_rec.recording.starting import NotedStart, Starting
from agora_rec.recording.turn import Turn
from agora_rec.transport import Interrupt, Interrupted
from agora_rec.vocabulary import Command, ModeName, OperationName, Priority, State, UploadingStatus

A = TypeVar("A")
N = TypeVar("N", bound=AnyAnswer)
Ts = TypeVarTuple("Ts")
S = TypeVar("S", UpdateAnswer, UpdateLayoutAnswer)
K = TypeVar("K", QueryAnswer, UpdateAnswer, UpdateLayoutAnswer)

STOP_BOUND: Final = 120.0
"""Seconds after which a stop makes no further attempt; its retries on 404 outlast a failover, and fit in."""

_UPLOADS = {State.UPLOADED: UploadingStatus.UPLOADED, State.BACKUPED: UploadingStatus.BACKUPED}


class Driver:
    """The commands of one recording, and the jobs that are under way."""

    __slots__ = (
        "_remembered",
        "_starting",
        "_stop_interrupt",
        "_turn",
        "_waiting",
        "acquire_job",
        "keeper",
        "ledger",
        "seen_at",
        "start_job",
        "stop_job",
        "stops_wanted",
    )

    def __init__(self, ledger: Ledger) -> None:
        self.ledger: Ledger = ledger
        self.keeper: Keeper = ledger.keeper
        self.acquire_job: Job[AcquireAnswer] | None = None
        """The last acquire, while it is under way."""
        self.start_job: Job[StartAnswer] | None = None
        """The last start, unless it has worked."""
        self.stop_job: Job[StopAnswer] | None = None
        self.seen_at: float | None = None
        """When (`clock.monotonic`) the service last answered for the recording as one that goes on."""
        self.stops_wanted: int = 0
        """How often somebody has wanted it stopped, whatever became of that; a goal that starts gives way."""
        self._starting = Starting(ledger)
        self._turn = Turn()
        self._waiting: tuple[Interrupt, ...] = ()
        self._stop_interrupt = Interrupt()
        self._remembered: tuple[Job[StopAnswer], bool, Context] | None = None

    def judge(self, command: Command) -> Verdict:
        """Judge a command now; a start that comes too late puts the recording back to IDLE.

        Raises:
            IllegalTransition: The state doesn't allow it.
            ResourceExpired: The resource ID is too old to be started.
        """
        ledger = self.ledger
        try:
            return ledger.standing.judge(
                command,
                at=self.keeper.clock.now(),
                mode=ledger.description.mode.name,
                subject=ledger.subject(OperationName.START) if command is Command.START else None,
            )
        except ResourceExpired:
            self.note(facts.Expired())
            raise

    def note(self, fact: Fact) -> None:
        """Take in a fact that no call of ours brought, and have it written down, in a job like all else."""
        self.keeper.spawn(Job(), self.ledger.save_after)
        self.ledger.absorb(fact)

    def hear(self, notification: Notification, keys: tuple[str, ...]) -> bool:
        """Take in a notification about this recording: what it means, and itself as evidence.

        Returns:
            Whether it had not been heard before.
        """
        said = facts_heard(notification)
        self.ledger.heard.suspect(said)
        for fact in said:
            self.ledger.absorb(fact)
        return self.ledger.hear(notification, keys)

    async def bring_secrets(self) -> None:
        """Ask for the secrets of the next start, or of an acquire that announces it."""
        if self.ledger.state is not State.IDLE or self.ledger.description.announce_start:
            await self._starting.bring_secrets()

    def acquire(self, *, under: Description | None = None) -> Job[AcquireAnswer]:
        """Begin to acquire a resource ID.

        Args:
            under: The recording under its alternate uid, which is taken as soon as there is a resource ID for
                it; None: the uid stays.
        """
        self.judge(Command.ACQUIRE)
        description = under or self.ledger.description
        if description.announce_start:
            self._starting.need_secrets()
        operation = operations.acquire(self.keeper.app_id, description.acquire_request())
        job: _Order[AcquireAnswer] = _Order(self, Command.ACQUIRE)
        self._launch(job, self._acquire, operation, under, description.uid)
        self.acquire_job = job
        return job

    def start(self) -> Job[StartAnswer]:
        """Begin to start."""
        self.judge(Command.START)
        return self._begin_start()

    def repeat_start(self) -> Job[StartAnswer]:
        """Send the same start once more, while the answer to an earlier one is missing."""
        return self._begin_start()

    def _begin_start(self) -> Job[StartAnswer]:
        start = self._starting.prepare()
        # Seen through without its callers: what a start brings about must not depend on who still waits.
        job: _Order[StartAnswer] = _Order(self, Command.START, is_seen_through=True)
        self._launch(job, self._start, start)
        # Noted when it can't fail to begin any more, and before it has its turn: taking that is an await.
        self._starting.begun(start)
        self.start_job = job
        return job

    def stop(self, *, async_stop: bool = False) -> Job[StopAnswer]:
        """Begin to stop: whatever only waits makes way. While a start is on its way, remember the stop."""
        self.stops_wanted += 1
        verdict = self.judge(Command.STOP)
        under_way = self.stop_job
        if under_way is not None and self.is_stopping and verdict is Verdict.SEND:
            self.note(facts.StopSent())  # that of another worker has failed, and ours goes on
            return under_way
        job: Job[StopAnswer] = Job()
        if verdict is Verdict.REMEMBER:
            self.note(facts.StopRequested())
            self.stop_job = job
            self._remembered = job, async_stop, copy_context()
            self._preempt()
            if self.start_job is None or self.start_job.is_done:
                self._settle_remembered_stop()
        else:
            self._begin_stop(job, async_stop=async_stop)
        return job

    def stop_or_repeat(self) -> Job[StopAnswer]:
        """Stop; or send a stop once more of which nobody knows whether it was ever sent."""
        if self.ledger.state is not State.STOPPING:
            return self.stop()
        job: Job[StopAnswer] = Job()
        self._begin_stop(job, async_stop=False)
        return job

    @property
    def may_need_stop(self) -> bool:
        """Whether something runs, or may run, or is being stopped by a job of ours."""
        return self.ledger.state.may_record or self.is_stopping or self.is_unsure_of_stop

    @property
    def is_stopping(self) -> bool:
        """Whether a stop of ours is under way, or waits for a sid that is under way."""
        return self.stop_job is not None and not self.stop_job.is_done

    @property
    def is_unsure_of_stop(self) -> bool:
        """Whether a stop was written down and nobody knows whether it was ever sent."""
        waiting = self.ledger.state is State.STOPPING and self.ledger.standing.left_at is None
        return waiting and not self.is_stopping

    @property
    def suspicions(self) -> int:
        """How many notifications said that it may be in trouble, here or at another worker."""
        return self.ledger.heard.suspicions

    @property
    def is_lapsed(self) -> bool:
        """Whether the resource ID is too old for a start."""
        return self.ledger.standing.is_lapsed(self.keeper.clock.now())

    @property
    def address(self) -> tuple[str, ModeName, str, str]:
        """What every call about a recording that has begun needs for its path."""
        mode = self.ledger.description.mode.name
        return self.keeper.app_id, mode, self.ledger.resource_id, self.ledger.sid

    def unconfirmed(self, cause: str) -> StartUnconfirmed:
        """What may be running, and until when."""
        return self._starting.unconfirmed(cause)

    def query(self, priority: Priority, lookout: Lookout | None = None) -> Job[QueryAnswer]:
        """Begin to query.

        Args:
            priority: Who goes first.
            lookout: The right to look, without which nothing is learnt from the answer; None: none is needed.
        """
        self.judge(Command.QUERY)
        operation = operations.query(
            *self.address,
            cname=self.ledger.description.cname,
            uid=self.ledger.description.uid,
            priority=priority,
        )
        job: _Order[QueryAnswer] = _Order(self, Command.QUERY)
        self._launch(job, self._ask, operation, verdicts.after_query, lookout)
        return job

    def change(self, command: Command, operation: Operation[S]) -> Job[S]:
        """Begin to update, or to update the layout; the command was judged before the operation was made."""
        job: _Order[S] = _Order(self, command)
        self._launch(job, self._ask, operation, None, None)
        return job

    def moved(self, change: Change) -> None:
        """Set in motion what follows from a change of state, wherever it came from."""
        standing = self.ledger.standing
        if change.before is State.STARTING and standing.sid is not None:
            self._starting.sid_known()
        if change.before is State.RECORDING or (change.before is State.STARTING and standing.sid is not None):
            # What still waits would ask for what stops or has left, or repeat a start whose sid is known.
            self._preempt()
        if change.before is State.STARTING and standing.sid is not None and self._remembered:
            self._begin_remembered_stop()  # perhaps stopped by another worker: the service tells
        elif change.before is State.STARTING:
            self._settle_remembered_stop()

    def _begin_remembered_stop(self) -> None:
        job, async_stop, context = self._remembered or (Job(), False, copy_context())
        self._remembered = None
        # In the context of whoever asked for it, not of the start: traces follow callers.
        context.run(self._begin_stop, job, async_stop=async_stop)

    def learnt(self) -> None:
        """End the repetitions of a stop as soon as the end is known in another way.

        And send one that another worker has remembered of a recording that still started, as he knew.
        """
        if self.ledger.state is State.RECORDING and self.ledger.standing.stop_requested:
            self._begin_remembered_stop()
        if self.ledger.standing.left_at is not None or self.ledger.state.is_end:
            self._stop_interrupt.trigger()

    def _launch(
        self, job: "_Order[A]", work: Callable[["_Order[A]", *Ts], Coroutine[Any, Any, A]], *args: *Ts
    ) -> None:
        self._waiting += (job.switch,)
        self.keeper.spawn(job, work, job, *args)

    def over(self, job: "_Order[Any]", error: Exception | None) -> Exception | None:
        """Forget a command that is over, and say what an interruption means to those who wait for it."""
        self._waiting = tuple([each for each in self._waiting if each is not job.switch])
        if job is self.acquire_job:
            self.acquire_job = None
        elif job is self.start_job and error is None:
            self.start_job = None
        if not isinstance(error, Interrupted):
            return error
        if self._has_left_by_itself:
            return IllegalTransition(job.command, self.ledger.state, note="it has left while this waited")
        return Superseded(job.command, self.ledger.state, attempts=error.attempts)

    @property
    def _has_left_by_itself(self) -> bool:
        standing = self.ledger.standing
        over = standing.left_at is not None or standing.state.is_end
        return over and not (standing.stop_sent or standing.stop_requested)

    def _preempt(self) -> None:
        for interrupt in self._waiting:
            interrupt.trigger()

    def _begin_stop(self, job: Job[StopAnswer], *, async_stop: bool) -> None:
        # First of all what may fail: where nothing can be sent any more, nothing may seem to be stopping.
        description = self.ledger.description
        request = StopRequest(cname=description.cname, uid=description.uid, async_stop=async_stop)
        self.keeper.spawn(job, self._stop, request)
        self.stop_job = job
        self._stop_interrupt = Interrupt()
        self.ledger.absorb(facts.StopSent())  # what waits makes way when the state changes: see `moved`

    def _settle_remembered_stop(self) -> None:
        """Tell those who wait for a remembered stop that no sid has come of the start."""
        if self._remembered is None:
            return
        job, _, _ = self._remembered
        self._remembered = None
        if self.ledger.state is State.STARTING:
            job.fail(self._starting.unconfirmed("the stop is remembered, and sent as soon as a sid is known"))
        else:
            note = "the start was withdrawn or refused: nothing runs"
            job.fail(IllegalTransition(Command.STOP, self.ledger.state, note=note))

    def _send(
        self, operation: Operation[N], *, interrupt: Interrupt, deadline: float | None = None
    ) -> Coroutine[Any, Any, N]:
        tried = self.ledger.attempts.add
        return self.keeper.send(operation, deadline=deadline, interrupt=interrupt, on_attempt=tried)

    async def _acquire(
        self,
        job: "_Order[AcquireAnswer]",
        operation: Operation[AcquireAnswer],
        under: Description | None,
        uid: int,
    ) -> AcquireAnswer:
        with await self._turn.take(job.switch):
            self.judge(Command.ACQUIRE)
            answer = await self._send(operation, interrupt=job.switch)
            if under is None and self.ledger.description.uid != uid:
                note = "another worker has taken the alternate uid"
                raise IllegalTransition(Command.ACQUIRE, self.ledger.state, note=note)
            if under is not None and self.ledger.state.is_before_start:  # nobody has repeated the start
                self.ledger.take_alternate(under)
            self.ledger.absorb(facts.Acquired(resource_id=answer.resource_id))
            await self.ledger.save_after()
            return answer

    async def _start(self, job: "_Order[StartAnswer]", start: NotedStart) -> StartAnswer:
        # A stop withdraws a start of which nothing was sent; one that may have worked must bring its sid.
        patience = Interrupt() if self._starting.may_run else job.switch
        sent = False
        try:
            with await self._turn.take(patience):
                sent = True
                return await self._starting.send(start, job.switch)
        except Interrupted:
            if not sent:
                await self._starting.withdrawn(start)
            raise
        finally:
            if self.start_job is job:  # another one may have begun, with a stop of its own
                self._settle_remembered_stop()

    async def _ask(
        self,
        job: "_Order[K]",
        operation: Operation[K],
        fact_of: Callable[[K], Fact] | None,
        lookout: Lookout | None,
    ) -> K:
        """Make a call about a recording that runs: an answer proves it, a failure may say otherwise."""
        with await self._turn.take(job.switch):
            self.judge(job.command)
            try:
                answer = await self._send(operation, interrupt=job.switch)
            except Interrupted:
                raise
            except Exception as error:
                await self._require_kept(lookout)
                fact = verdicts.after_failed_query(error)
                if fact is not None:
                    self.ledger.absorb(fact)
                await self.ledger.save_after()  # what failed is evidence, for other workers as well
                raise
            await self._require_kept(lookout)
            if fact_of is not None:
                self.ledger.absorb(fact_of(answer))
            if self.ledger.state is State.RECORDING:
                self.seen_at = self.keeper.clock.monotonic()
            await self.ledger.save_after()
            return answer

    async def _require_kept(self, lookout: Lookout | None) -> None:
        """Learn nothing from an answer after which another worker has taken over: it may be old."""
        if lookout is not None and not await lookout.is_kept():
            raise LeaseLost(key=self.ledger.description.id)

    async def _stop(self, request: StopRequest) -> StopAnswer:
        with await self._turn.take():
            try:
                operation = operations.stop(*self.address, request)
                # Written down first, but sent where that fails too: running on is worse than a missing line.
                await self.ledger.save_after()
                if self.ledger.state.is_end:  # so another worker has written
                    return self._known_end()
                answer = await self._send_stop(operation)
            except Interrupted:  # its end has become known in another way
                return self._known_end()
            except Exception as error:
                self.ledger.absorb(verdicts.after_failed_stop(error))
                await self.ledger.save_after()
                raise
            self.ledger.absorb(verdicts.after_stop(answer))
            await self.ledger.save_after()
            return answer

    async def _send_stop(self, operation: Operation[StopAnswer]) -> StopAnswer:
        while True:
            deadline = self.keeper.clock.monotonic() + STOP_BOUND
            try:
                return await self._send(operation, deadline=deadline, interrupt=self._stop_interrupt)
            except TransportError as error:
                if error.attempts:
                    raise
                # The whole bound went by in the queue of the budget: giving up there would leave it running.

    def _known_end(self) -> StopAnswer:
        return StopAnswer(
            cname=self.ledger.description.cname,
            uid=self.ledger.description.uid,
            resource_id=self.ledger.resource_id,
            sid=self.ledger.sid,
            uploading_status=_UPLOADS.get(self.ledger.state, UploadingStatus.UNKNOWN),
            files=self.ledger.standing.files,
        )


class _Order(Job[A]):
    """A command that is under way: a stop may end it while it only waits, by `switch`.

    So may its callers when all of them leave, unless it is seen through without them.
    """

    __slots__ = ("_driver", "command", "switch")

    def __init__(self, driver: Driver, command: Command, *, is_seen_through: bool = False) -> None:
        self.switch: Interrupt = Interrupt()
        super().__init__(None if is_seen_through else self.switch)
        self.command: Command = command
        self._driver: Driver | None = driver

    def judge(self, error: Exception | None) -> Exception | None:
        """See `Driver.over`."""
        driver, self._driver = self._driver, None  # which may hold on to this
        return error if driver is None else driver.over(self, error)
