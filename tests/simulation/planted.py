"""Faults to plant in the client, one at a time: each is a mistake that somebody could make in good faith.

They show that the simulation can fail. A fault is a patch that is taken away again; what it names is private
to the library, so a change there may ask for a change here.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final
from unittest.mock import patch

from attrs import evolve

from agora_rec import (
    AlreadyStarted,
    ApiError,
    Checkpoint,
    MemoryStore,
    RetryPolicy,
    StartUnconfirmed,
    State,
    Stored,
    operations,
)
from agora_rec.lifecycle import RefusalKind, Standing, ends, facts, standing, verdicts
from agora_rec.recording import goals, remedies, watching
from agora_rec.recording.driver import Driver
from agora_rec.recording.hearing import Hearing
from agora_rec.recording.ledger import Ledger
from agora_rec.recording.recording import Recording
from agora_rec.recording.starting import NotedStart, Starting
from agora_rec.recording.turn import Turn
from agora_rec.transport import Interrupt, Interrupted, retries
from agora_rec.transport import sender as send_loop
from agora_rec.transport.budget.pace import Pace
from agora_rec.transport.retries import Trouble, trouble_of
from agora_rec.transport.wire import WireFailure
from agora_rec.vocabulary import OperationName
from tests.simulation.running import Kind

Plant = Callable[[], AbstractContextManager[Any]]


def _stop_does_not_preempt() -> AbstractContextManager[Any]:
    """Commands that wait, above all for a repetition, go on while the recording is being stopped."""
    return patch.object(Driver, "_preempt", lambda _: None)


def _no_turns() -> AbstractContextManager[Any]:
    """Several commands of one recording are on the wire at once."""

    async def take(_: object, interrupt: Interrupt | None = None) -> AbstractContextManager[None]:
        if interrupt is not None and interrupt.requested:
            raise Interrupted
        return nullcontext()

    return patch.object(Turn, "take", take)


def _lost_start_has_failed() -> AbstractContextManager[Any]:
    """A start without an answer is taken for a start that failed."""

    def judge(_: object, error: BaseException) -> facts.Fact:
        return facts.StartRefused(kind=RefusalKind.RESOURCE, reason=type(error).__name__)

    return patch.object(verdicts, "after_failed_start", judge)


@contextmanager
def _retry_with_new_resource() -> Iterator[None]:
    """An unconfirmed start is tried again with another resource ID."""
    original = Starting.send

    async def send(self: Starting, start: NotedStart, interrupt: Interrupt) -> Any:
        result = None
        try:
            result = await original(self, start, interrupt)
        except ApiError:
            raise
        except Exception:
            ledger, host = self._ledger, self._keeper
            if ledger.state is not State.STARTING:
                raise
            answer = await host.send(operations.acquire(host.app_id, ledger.description.acquire_request()))
            request = ledger.description.start_request()
            again = NotedStart(operations.start(host.app_id, answer.resource_id, request))
            again.identity = start.identity
            return await original(self, again, interrupt)
        return result

    with patch.object(Starting, "send", send):
        yield


def _one_404_to_stop_is_an_end() -> AbstractContextManager[Any]:
    """A stop that is answered 404 once counts as done, though the recording may just be moving."""

    @contextmanager
    def both() -> Iterator[None]:
        impatient = RetryPolicy(stop_404=(), stop_404_for=0.0)
        original = send_loop.Transport.__init__

        def init(self: send_loop.Transport, **arguments: Any) -> None:
            original(self, **{**arguments, "retry": impatient})

        with (
            patch.object(verdicts, "_outlasts_failover", lambda _: True),
            patch.object(send_loop.Transport, "__init__", init),
        ):
            yield

    return both()


def _one_404_to_query_is_an_end() -> AbstractContextManager[Any]:
    """A query that is answered 404 once counts as a disappearance."""
    return patch.object(watching.Looks, "are_conclusive", property(lambda self: self.denied > 0))


def _no_write_ahead() -> AbstractContextManager[Any]:
    """Checkpoints are written after the calls only."""
    original = Ledger.save

    async def save(self: Ledger) -> None:
        if self.state is not State.STARTING and not self.standing.stop_sent:
            await original(self)

    return patch.object(Ledger, "save", save)


def _remembered_stop_is_forgotten() -> AbstractContextManager[Any]:
    """A stop during a start is noted, and never sent."""
    return patch.object(Driver, "moved", lambda *_: None)


def _five_minutes_are_ignored() -> AbstractContextManager[Any]:
    """A resource ID is started however old it is."""
    return patch.object(Standing, "is_lapsed", lambda *_: False)


def _no_pace() -> AbstractContextManager[Any]:
    """Calls go out whenever somebody wants them to."""
    return patch.object(Pace, "due", lambda _, since, *_now: since)


def _failed_stop_is_a_stop() -> AbstractContextManager[Any]:
    """A stop that came to nothing counts as done."""
    return patch.object(verdicts, "after_failed_stop", lambda _: facts.StopAcknowledged())


def _unsent_and_unanswered_are_one() -> AbstractContextManager[Any]:
    """A request whose answer is lost counts as one that was never sent."""
    original = WireFailure.__init__

    def init(self: WireFailure, kind: Any, detail: str, *, sent: bool, dns: bool = False) -> None:
        original(self, kind, detail, sent=sent and False, dns=dns)

    return patch.object(WireFailure, "__init__", init)


def _started_already_is_a_refusal() -> AbstractContextManager[Any]:
    """A 201 with code 7 counts as "not started", though it says the contrary."""
    original = verdicts.after_failed_start

    def judge(attempts: Any, error: BaseException) -> facts.Fact:
        if isinstance(error, AlreadyStarted):
            return facts.StartRefused(kind=RefusalKind.FOR_NOW, reason="started already")
        return original(attempts, error)

    return patch.object(verdicts, "after_failed_start", judge)


def _nobody_is_missed() -> AbstractContextManager[Any]:
    """A start whose caller has left is left running when the client closes."""
    return patch.object(Recording, "is_abandoned", property(lambda _: False))


def _stopping_is_stopped() -> AbstractContextManager[Any]:
    """After a crash, a stop that was written down counts as one that was sent."""
    return patch.object(Driver, "is_unsure_of_stop", property(lambda _: False))


def _answers_of_impatient_callers_are_dropped() -> AbstractContextManager[Any]:
    """What a start brings when its caller has left is thrown away."""
    original = Recording.start

    async def start(self: Recording) -> Any:
        try:
            return await original(self)
        except Exception:
            raise
        except BaseException:
            if self.state is State.STARTING:
                reason = "the caller left"
                self._ledger.absorb(facts.StartRefused(kind=RefusalKind.RESOURCE, reason=reason))
            raise

    return patch.object(Recording, "start", start)


def _task_cancel_is_a_refusal() -> AbstractContextManager[Any]:
    """What a start brings is thrown away when the task of its caller was cancelled by asyncio's own means."""
    return _answers_of_impatient_callers_are_dropped()


def _query_again_after_the_end() -> AbstractContextManager[Any]:
    """A query that finds the recording leaving teaches nothing."""
    return patch.object(verdicts, "after_query", lambda answer: facts.Alive(files=answer.files))


def _a_start_forgets_its_first_attempts() -> AbstractContextManager[Any]:
    """Only the last attempt counts: a refusal after a lost answer counts as a refusal."""
    original = verdicts.after_failed_start
    return patch.object(
        verdicts, "after_failed_start", lambda attempts, error: original(list(attempts)[-1:], error)
    )


@contextmanager
def _alternate_after_a_lost_start() -> Iterator[None]:
    """The alternate uid is taken when nobody knows whether the first one records."""
    original = goals.reach_started

    async def reach(driver: Driver) -> None:
        under = driver.ledger.description.under_alternate()
        try:
            await original(driver)
        except StartUnconfirmed:
            if under is None or driver.ledger.description.alternate is None:
                raise
            reason = "no answer"
            driver.ledger.absorb(facts.StartRefused(kind=RefusalKind.FOR_NOW, reason=reason))
            await driver.acquire(under=under).wait()
            await original(driver)

    with patch.object(goals, "reach_started", reach):
        yield


def _alternate_after_a_conflict() -> AbstractContextManager[Any]:
    """The alternate uid is taken where a recording of the first one runs."""
    conflict = remedies.Remedy((remedies.Way.ALTERNATE,), "somebody has read errors.yaml too quickly")
    return patch.object(remedies, "REMEDIES", {**remedies.REMEDIES, 53: conflict})


def _alternate_in_name_only() -> AbstractContextManager[Any]:
    """A resource ID is acquired for the alternate uid, and started under the first one."""
    return patch.object(Ledger, "take_alternate", lambda self, _: self.absorb(facts.AlternateTaken()))


def _spent_resources_are_tried_again() -> AbstractContextManager[Any]:
    """A start is repeated whatever it was refused with."""

    def retry(error: ApiError | WireFailure) -> Any:
        if isinstance(error, ApiError) and error.operation is OperationName.START:
            return Trouble.START_SERVER
        return trouble_of(error)

    return patch.object(retries, "trouble_of", retry)


def _refusals_of_one_are_those_of_all() -> AbstractContextManager[Any]:
    """A worker whose own attempts were refused takes the start for refused, though others have sent it."""
    return patch.object(Starting, "_others", property(lambda _: frozenset()))


def _sid_ends_no_repetition() -> AbstractContextManager[Any]:
    """A start is repeated though a notification has brought its sid, where a stop waits for that."""
    return patch.object(Starting, "sid_known", lambda _: None)


def _old_instances_end_all() -> AbstractContextManager[Any]:
    """What an instance reports that was left behind counts for the recording."""

    @contextmanager
    def both() -> Iterator[None]:
        reading, judging = ends.key_of_end, ends.end_of
        with (
            patch.object(standing, "key_of_end", lambda fact, ended, _: reading(fact, ended, frozenset())),
            patch.object(standing, "end_of", lambda ended, _: judging(ended, frozenset())),
        ):
            yield

    return both()


def _last_word_counts() -> AbstractContextManager[Any]:
    """Of two ends the one that is told last counts: a matter of order."""
    original = Standing._learn_of_the_end

    def learn(self: Standing, fact: Any, at: Any, to: Any) -> Standing:
        learnt = original(self, fact, at, to)
        return evolve(learnt, reasons=frozenset({type(fact).__name__})) if learnt is not self else learnt

    return patch.object(Standing, "_learn_of_the_end", learn)


def _claims_are_not_atomic() -> AbstractContextManager[Any]:
    """Each worker that claims a key has a recording of its own for it."""

    async def claim(self: MemoryStore, checkpoint: Checkpoint) -> Stored:
        self._by_key[checkpoint.key or ""] = checkpoint.id
        return self._keep(Stored(checkpoint, 1), None)

    return patch.object(MemoryStore, "claim", claim)


def _versions_are_not_compared() -> AbstractContextManager[Any]:
    """Whoever writes last has written over what others knew."""
    original = MemoryStore.save

    async def save(self: MemoryStore, checkpoint: Checkpoint, *, version: int, lease: Any = None) -> int:
        there = await self.load(checkpoint.id)
        found = version if there is None else there.version
        return await original(self, checkpoint, version=found, lease=lease)

    return patch.object(MemoryStore, "save", save)


def _others_are_not_followed() -> AbstractContextManager[Any]:
    """What another worker writes is never read by those who have the recording."""

    async def nothing(*_: object) -> None:
        return None

    return patch.multiple(Ledger, refresh=nothing, look_up=nothing)


def _acknowledged_before_it_is_saved() -> AbstractContextManager[Any]:
    """A notification is answered 200, and what follows from it isn't written down."""

    async def nothing(_: object) -> None:
        return None

    return patch.object(Hearing, "save", nothing)


def _locks_are_kept() -> AbstractContextManager[Any]:
    """Whoever is cancelled while the store is written keeps the turn."""
    return patch.object(Turn, "_give_back", _give_back_unless_alone)


def _give_back_unless_alone(self: Turn) -> None:
    if self._line:
        self._line.popleft().set()


def _stops_ask_nobody_for_secrets() -> AbstractContextManager[Any]:
    """A stop that must repeat a start asks nobody for what that needs."""

    async def nothing(_: object) -> None:
        return None

    return patch.object(Driver, "bring_secrets", nothing)


SILENT: Final[tuple[Plant, ...]] = (
    _stop_does_not_preempt,
    _no_turns,
    _lost_start_has_failed,
    _retry_with_new_resource,
    _one_404_to_stop_is_an_end,
    _one_404_to_query_is_an_end,
    _no_write_ahead,
    _remembered_stop_is_forgotten,
    _five_minutes_are_ignored,
    _no_pace,
    _failed_stop_is_a_stop,
    _unsent_and_unanswered_are_one,
    _started_already_is_a_refusal,
    _nobody_is_missed,
    _stopping_is_stopped,
    _answers_of_impatient_callers_are_dropped,
    _query_again_after_the_end,
    _a_start_forgets_its_first_attempts,
    _alternate_after_a_lost_start,
    _alternate_after_a_conflict,
    _alternate_in_name_only,
    _spent_resources_are_tried_again,
)

SINGLE: Final[tuple[Plant, ...]] = (_sid_ends_no_repetition, _old_instances_end_all, _last_word_counts)
WORKERS: Final[tuple[Plant, ...]] = (
    _refusals_of_one_are_those_of_all,
    _claims_are_not_atomic,
    _versions_are_not_compared,
    _others_are_not_followed,
    _acknowledged_before_it_is_saved,
    _locks_are_kept,
    _stops_ask_nobody_for_secrets,
)

NATIVE: Final[tuple[Plant, ...]] = (_task_cancel_is_a_refusal,)

PLANTED: Final[Mapping[str, tuple[Plant, Kind]]] = {
    plant.__name__.strip("_"): (plant, kind)
    for kind, plants in (
        (Kind.SILENT, SILENT),
        (Kind.SINGLE, SINGLE),
        (Kind.WORKERS, WORKERS),
        (Kind.NATIVE, NATIVE),
    )
    for plant in plants
}
"""Each with the kind of seeds in which it is looked for."""
