"""Faults to plant in the client, one at a time: each is a mistake that somebody could make in good faith.

They show that the simulation can fail. A fault is a patch that is taken away again; what it names is private
to the library, so a change there may ask for a change here.
"""

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any, Final
from unittest.mock import patch

from agora_rec import AlreadyStarted, ApiError, RetryPolicy, StartUnconfirmed, State, operations
from agora_rec.lifecycle import RefusalKind, Standing, facts, verdicts
from agora_rec.recording import goals, remedies, watching
from agora_rec.recording.driver import Driver
from agora_rec.recording.ledger import Ledger
from agora_rec.recording.recording import Recording
from agora_rec.recording.starting import Starting
from agora_rec.transport import Interrupt, retries
from agora_rec.transport import sender as send_loop
from agora_rec.transport.budget.pace import Pace
from agora_rec.transport.retries import Trouble, trouble_of
from agora_rec.transport.wire import WireFailure
from agora_rec.vocabulary import OperationName

Plant = Callable[[], AbstractContextManager[Any]]


def _stop_does_not_preempt() -> AbstractContextManager[Any]:
    """Commands that wait, above all for a repetition, go on while the recording is being stopped."""
    return patch.object(Driver, "_preempt", lambda _: None)


def _no_turns() -> AbstractContextManager[Any]:
    """Several commands of one recording are on the wire at once."""

    @asynccontextmanager
    async def take(_: object, interrupt: Interrupt) -> AsyncGenerator[None]:
        with interrupt.waiting():
            pass
        yield

    return patch("agora_rec.recording.turn.Turn.take", take)


def _lost_start_has_failed() -> AbstractContextManager[Any]:
    """A start without an answer is taken for a start that failed."""

    def judge(_: object, error: BaseException) -> facts.Fact:
        return facts.StartRefused(kind=RefusalKind.RESOURCE, reason=type(error).__name__)

    return patch.object(verdicts, "after_failed_start", judge)


@contextmanager
def _retry_with_new_resource() -> Iterator[None]:
    """An unconfirmed start is tried again with another resource ID."""
    original = Starting.send

    async def send(self: Starting, operation: Any, interrupt: Interrupt) -> Any:
        result = None
        try:
            result = await original(self, operation, interrupt)
        except ApiError:
            raise
        except Exception:
            ledger, host = self._ledger, self._keeper
            if ledger.state is not State.STARTING:
                raise
            answer = await host.send(operations.acquire(host.app_id, ledger.description.acquire_request()))
            again = operations.start(host.app_id, answer.resource_id, ledger.description.start_request())
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


PLANTED: Final[Mapping[str, Plant]] = {
    plant.__name__.strip("_"): plant
    for plant in (
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
}
