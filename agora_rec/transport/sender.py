"""The send loop: one operation in, its answer or one typed error out.

Slot, attempt, judgement, wait, and again. What may be repeated is data (`retries.py`), which host is asked is
pure (`hosts.py`), how a request gets there is the wire's business. Whether the caller still waits is nobody's
business here: `send` runs in a task of the client. What is logged stands in `logs.py`, who looks on in
`observer.py`.
"""

from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

from attrs import define

from agora_rec.clock import Clock, SystemClock
from agora_rec.defaults import MAX_CONNECTIONS, QPS
from agora_rec.errors import (
    ApiError,
    Attempt,
    InvalidRequest,
    RateLimited,
    RequestNotCompleted,
    TransportError,
    UnexpectedAnswer,
    may_have_started,
)
from agora_rec.model import AnyAnswer
from agora_rec.operations import Operation, interpret
from agora_rec.secret import Secret, hide
from agora_rec.transport.budget import Budget, LocalBudget
from agora_rec.transport.hosts import Hosts
from agora_rec.transport.interrupt import Interrupt, Interrupted
from agora_rec.transport.logs import Sequel, log_attempt, log_wait, sequel_of
from agora_rec.transport.observer import CallObserver, Telemetry
from agora_rec.transport.outgoing import basic_authorization
from agora_rec.transport.places import Places
from agora_rec.transport.retries import Mishap, RetryPolicy, mishap_after
from agora_rec.transport.spans import wrong_span
from agora_rec.transport.wire import FailureKind, Wire, WireAnswer, WireFailure, scrub
from agora_rec.transport.wires import OwnWire
from agora_rec.vocabulary import Area, AttemptOutcome, OperationName

if TYPE_CHECKING:
    from agora_rec.transport.http import HttpxTransport

A = TypeVar("A", bound=AnyAnswer)

_NOT_THE_HOSTS_FAULT: Final = frozenset({FailureKind.LOCAL, FailureKind.TOO_LARGE})
_PROXY_GAVE_UP: Final = frozenset({408, 499})  # the service may have gone on
_TIMED_OUT_INSIDE: Final = 62


@define
class _Call(Generic[A]):
    """One call of `send`, with what it has come to."""

    operation: Operation[A]
    deadline: float | None
    interrupt: Interrupt
    on_attempt: Callable[[OperationName, Attempt], None] | None
    observer: CallObserver | None = None
    attempts: tuple[Attempt, ...] = ()
    mishaps: tuple[Mishap, ...] = ()
    now: float = 0.0
    """When the last wait was over."""
    waited: float = 0.0
    """Seconds that it took: the pause before a repetition, and the wait for a slot."""
    retry_after: float | None = None
    """Seconds that the last answer asked for."""
    too_late: bool = False
    """Whether the deadline kept another attempt from being made."""
    has_place: bool = False
    """Whether it holds one of the transport's `Places`."""
    is_fresh: bool = False
    """Whether the attempt has a connection of its own, since that of the one before was not to be trusted."""

    def is_over(self, now: float) -> bool:
        return self.deadline is not None and now > self.deadline

    def note(self, attempt: Attempt) -> None:
        """Keep an attempt and tell who asked to know."""
        self.attempts += (attempt,)
        if self.observer is not None:
            self.observer.attempted(attempt)
        if self.on_attempt is not None:
            self.on_attempt(self.operation.name, attempt)

    def note_wait(self, pause: float) -> None:
        """Tell who looks on that the wait is over."""
        if self.observer is not None:
            self.observer.waited(self.waited, pause)

    def log(self, sequel: Sequel, again_in: float | None) -> None:
        """Log the last attempt, with what comes of it."""
        log_attempt(self.operation.subject, self.attempts, sequel, again_in=again_in)

    def log_wait(self, sequel: Sequel) -> None:
        """Log that there is no other attempt, since the wait for it was ended."""
        log_wait(self.operation.subject, self.attempts, sequel, waited=self.waited)

    def final(self, error: ApiError | WireFailure | None) -> ApiError | TransportError:
        """What the caller gets, without the frames that read the answer; None: the deadline came first."""
        if isinstance(error, ApiError):
            scrub(error)
            error.deadline_came = self.too_late
            return error.with_attempts(self.attempts)
        failed = TransportError(
            subject=self.operation.subject, attempts=self.attempts, deadline_came=self.too_late
        )
        failed.__cause__ = None if error is None else error.__cause__
        return failed


class Transport:
    """Sends operations: paced by a budget, over hosts that stand in for each other, repeated as documented.

    An async context manager; leaving it closes the connections. One object serves many calls at once.

    Args:
        wire: What makes the single exchanges; closed with this object.
        hosts: Where they go.
        budget: When they may go.
        retry: What is repeated, and when.
        timeout: Seconds for one attempt, unless the operation needs more.
        clock: Where time comes from.
        telemetry: Who looks on.
        max_connections: How many calls may be under way at once; stops don't wait for it. None: any number.

    Raises:
        InvalidRequest: `timeout` is no span of time, `max_connections` no number of them.
    """

    def __init__(
        self,
        *,
        wire: Wire,
        hosts: Hosts,
        budget: Budget,
        retry: RetryPolicy,
        timeout: float,
        clock: Clock,
        telemetry: Telemetry | None = None,
        max_connections: int | None = MAX_CONNECTIONS,
    ) -> None:
        wrong = wrong_span("timeout", timeout, above=True)
        if wrong:
            raise InvalidRequest(tuple(wrong))
        self.hosts = hosts
        self.budget = budget
        self.retry = retry
        self.timeout = timeout
        self.places: Places = Places(max_connections)
        self._wire = wire
        self._clock = clock
        self._telemetry: Telemetry | None = telemetry

    def __repr__(self) -> str:
        return f"<Transport {self.hosts.candidates[0]} budget={self.budget!r}>"

    def send(
        self,
        operation: Operation[A],
        *,
        deadline: float | None = None,
        interrupt: Interrupt | None = None,
        on_attempt: Callable[[OperationName, Attempt], None] | None = None,
    ) -> Coroutine[Any, Any, A]:
        """Make a call, attempt by attempt, until it is answered or given up.

        Args:
            operation: What to send; every attempt sends the same.
            deadline: The moment (of the clock's `monotonic`) after which no attempt begins. One that has
                begun is waited for.
            interrupt: Ends the call while it only waits, for its slot or before a repetition.
            on_attempt: Is told of each attempt as soon as it is over; must not raise.

        Raises:
            ApiError: The service's last word, with all attempts.
            TransportError: There was no usable answer, or no attempt could begin before the deadline.
            Interrupted: `interrupt` was triggered; carries the attempts made before.
        """
        call = _Call(operation, deadline, interrupt or Interrupt(), on_attempt)
        if self._telemetry is None:  # as nearly always: then no coroutine and no block are made for it
            return self._send(call)
        return self._send_observed(call, self._telemetry)

    async def _send_observed(self, call: _Call[A], telemetry: Telemetry) -> A:
        with telemetry.observe(call.operation) as call.observer:
            return await self._send(call)

    async def _send(self, call: _Call[A]) -> A:
        last: ApiError | WireFailure | None = None
        pause: float | None = 0.0
        try:
            while pause is not None:
                ended = await self._wait(call, pause)
                if ended is not None:
                    call.log_wait(ended)
                    if ended is Sequel.WITHDRAWN:
                        raise Interrupted(call.attempts)
                    break
                sequel, pause = Sequel.CUT, None
                host = self.hosts.current(call.now)
                try:
                    answer = await self._attempt(call, host)
                    sequel = Sequel.DONE
                    return answer
                except (ApiError, WireFailure) as error:
                    last = error
                    sequel, pause = self._judge(call, error)
                finally:
                    call.log(sequel, pause)
            raise call.final(last)
        finally:
            self._give_back(call)

    def _attempt(self, call: _Call[A], host: str) -> Coroutine[Any, Any, A]:
        """Make one attempt, to its end, and note what became of it.

        Raises:
            ApiError: It was answered, and not with success.
            WireFailure: It was not answered.
        """
        if call.observer is None:
            return self._make_attempt(call, host)
        return self._make_observed(call, host, call.observer)

    async def _make_observed(self, call: _Call[A], host: str, observer: CallObserver) -> A:
        with observer.attempt(host):
            return await self._make_attempt(call, host)

    async def _wait(self, call: _Call[A], pause: float) -> Sequel | None:
        """Wait for pause, place and slot; None: an attempt may begin, otherwise what has ended the call."""
        self._give_back(call)
        call.now = began = self._clock.monotonic()
        call.waited = 0.0
        priority = call.operation.priority
        if not (pause or call.interrupt.requested or call.is_over(began)):
            call.has_place = self.places.enter_nowait(priority)
            if call.has_place and self.budget.slot_nowait(priority):
                call.note_wait(pause)
                return None
        in_time = False
        try:
            with call.interrupt.waiting():
                if pause:
                    await self._clock.sleep(pause)
                left = None if call.deadline is None else max(0.0, call.deadline - self._clock.monotonic())
                with self._clock.move_on_after(left):
                    if not call.has_place:
                        await self.places.enter(priority)
                        call.has_place = True
                    await self.budget.slot(priority)
                    in_time = True
        except Interrupted:
            return Sequel.WITHDRAWN
        finally:
            call.now = self._clock.monotonic()
            call.waited = call.now - began
            call.note_wait(pause)
        call.too_late = not in_time or call.is_over(call.now)
        return Sequel.GIVEN_UP if call.too_late else None

    def _give_back(self, call: _Call[A]) -> None:
        """Let the next one in, when an attempt is over or will not be made."""
        if call.has_place:
            call.has_place = False
            self.places.leave()

    async def _make_attempt(self, call: _Call[A], host: str) -> A:
        operation = call.operation
        at = self._clock.now()
        seconds = max(self.timeout, operation.timeout or 0.0)
        answer: WireAnswer | None = None
        outcome, detail, code = AttemptOutcome.UNANSWERED, "cancelled", None
        try:
            with self._clock.move_on_after(seconds) as scope:
                answer = await self._wire.exchange(
                    operation.method, host, operation.path, operation.body, seconds, fresh=call.is_fresh
                )
            if scope.cancelled_caught:
                raise WireFailure(FailureKind.TIMEOUT, f"no answer within {seconds:g} s", sent=True)  # noqa: TRY301 - one place judges failures
            self.hosts.answered(host, call.now)
            call.retry_after = answer.retry_after
            value = interpret(operation, answer.status, answer.body)
            outcome, detail = AttemptOutcome.ANSWERED, ""
            return value
        except ApiError as error:
            outcome, detail, code = _outcome(error), type(error).__name__, error.code
            raise
        except WireFailure as failure:
            outcome = AttemptOutcome.UNANSWERED if failure.sent else AttemptOutcome.NOT_SENT
            detail = failure.detail
            if failure.kind not in _NOT_THE_HOSTS_FAULT and not failure.stale:
                self.hosts.failed(host, call.now, self._clock.monotonic(), dns=failure.dns)
            raise
        except Exception as fault:  # of a transport that somebody plugged in, or ours
            detail = type(fault).__name__
            raise
        finally:
            attempt = Attempt(
                host=host.partition("//")[2],
                outcome=outcome,
                seconds=self._clock.monotonic() - call.now,
                waited=call.waited,
                at=at,
                status=None if answer is None else answer.status,
                code=code,
                detail=detail,
                request_id=None if answer is None else answer.request_id,
            )
            call.note(attempt)

    def _judge(self, call: _Call[A], error: ApiError | WireFailure) -> tuple[Sequel, float | None]:
        """What comes of a failure, and the seconds before the next attempt; None: there is none."""
        stale = isinstance(error, WireFailure) and error.stale and not call.is_fresh
        # An answer that can't be read may have left a part of itself on its connection.
        call.is_fresh = stale or isinstance(error, UnexpectedAnswer)
        if stale:  # nobody's trouble: servers close what is idle, and this time as it was used again
            return Sequel.ANEW, 0.0
        if isinstance(error, RateLimited):
            self.budget.slow_down()
        mishap = mishap_after(error, at=self._clock.monotonic(), retry_after=call.retry_after)
        pause: float | None = None
        if mishap is not None:
            call.mishaps += (mishap,)
            pause = self.retry.wait(call.mishaps, deadline=call.deadline)
            call.too_late = pause is None and self.retry.wait(call.mishaps) is not None
        return sequel_of(call.attempts[-1], pause, repeatable=mishap is not None), pause

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    async def __aenter__(self) -> Self:
        """Do beforehand what is heavy, so that no call has to.

        Raises:
            InvalidRequest: The environment names a proxy or certificates that can't be used.
        """
        self._wire.open(self.hosts.candidates)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


def open_transport(
    *,
    customer_id: str | Secret,
    customer_secret: str | Secret,
    area: Area = Area.US,
    base_url: str | Secret | None = None,
    transport: "HttpxTransport | None" = None,
    timeout: float = 10.0,
    budget: Budget | None = None,
    retry: RetryPolicy | None = None,
    clock: Clock | None = None,
    telemetry: Telemetry | None = None,
    max_connections: int | None = MAX_CONNECTIONS,
) -> Transport:
    """A transport over HTTPS. Opens no connection yet.

    Args:
        customer_id: The account's customer ID.
        customer_secret: Its secret.
        area: Which of the service's hosts are asked, unless `base_url` names one.
        base_url: The one host to ask: https, or plain http on a loopback address.
        transport: The caller's own httpx transport; it is not closed with this object.
        timeout: Seconds for one attempt of an ordinary call.
        budget: When calls may go; None: at most `QPS` a second.
        retry: What is repeated; None: as documented.
        clock: Where time comes from; None: the machine and the event loop.
        telemetry: Who looks on; None: nobody.
        max_connections: Calls under way at once; None: any number.

    Raises:
        InvalidRequest: An argument is out of range.
    """
    customer_id, customer_secret, base_url = Secret(customer_id), Secret(customer_secret), hide(base_url)
    own_clock: Clock = SystemClock() if clock is None else clock
    return Transport(
        wire=OwnWire(basic_authorization(customer_id, customer_secret), transport),
        hosts=Hosts.of_area(area) if base_url is None else Hosts.of_base_url(base_url),
        budget=LocalBudget(QPS, clock=own_clock) if budget is None else budget,
        retry=RetryPolicy() if retry is None else retry,
        timeout=timeout,
        clock=own_clock,
        telemetry=telemetry,
        max_connections=max_connections,
    )


def _outcome(error: ApiError) -> AttemptOutcome:
    """What an answer proves about its own attempt: REFUSED that it did nothing, UNANSWERED nothing at all."""
    status = error.status or 0
    if status < 300:  # noqa: PLR2004 - successes
        unclear = isinstance(error, RequestNotCompleted | UnexpectedAnswer)
        return AttemptOutcome.UNANSWERED if unclear else AttemptOutcome.ANSWERED
    if 400 <= status < 500:  # noqa: PLR2004 - definite refusals
        return AttemptOutcome.UNANSWERED if status in _PROXY_GAVE_UP else AttemptOutcome.REFUSED
    unclear = error.code in {None, _TIMED_OUT_INSIDE} or may_have_started(error.operation, status, error.code)
    return AttemptOutcome.UNANSWERED if unclear else AttemptOutcome.REFUSED
