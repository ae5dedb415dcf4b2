"""One call and its attempts as spans and points: what is opened is closed once, however it ends.

A call is an INTERNAL span, each attempt a CLIENT span below it that follows the conventions for HTTP. Times
in metrics and attributes are the client's clock's; the spans' own moments are OpenTelemetry's business.
"""

from functools import lru_cache
from typing import Final, Self
from urllib.parse import urlsplit

from attrs import frozen
from opentelemetry import context, trace
from opentelemetry.trace import SpanKind, StatusCode, Tracer

from agora_rec.errors import AgoraRecError, ApiError, Attempt, UnexpectedAnswer
from agora_rec.errors.text import as_field, escaped
from agora_rec.model import AnyAnswer
from agora_rec.operations import Operation
from agora_rec.telemetry import names
from agora_rec.telemetry.instruments import Instruments
from agora_rec.transport import Interrupted
from agora_rec.transport.wire import WireFailure
from agora_rec.vocabulary import AttemptOutcome

_NOTICEABLE: Final = 0.001
"""Seconds from which on a wait is an event of its own."""

_CLIENT_ERRORS: Final = 400

_PORTS: Final = {"http": 80, "https": 443}

_FINE: Final = frozenset({AttemptOutcome.ANSWERED.value, names.WITHDRAWN})
"""Outcomes of calls that are no errors, even if the caller gets an exception."""

_CANCELLATIONS: Final = frozenset({"asyncio.exceptions.CancelledError", "trio.Cancelled"})
"""By name: where an event loop is being torn down, nobody can be asked any more which one it was."""

# Instrumentations of HTTP libraries ask for this key, and stay silent under it. OpenTelemetry has promised no
# public name for it yet; where it is gone, the attempts are told twice, and nothing else happens.
_SUPPRESS: Final[str] = getattr(
    context, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", "suppress_http_instrumentation"
)


@frozen(kw_only=True)
class Scope:
    """Where spans and points go, and what they may tell."""

    tracer: Tracer
    instruments: Instruments
    identify: bool
    url_template: bool


class ObservedCall:
    """One call: a span that is open while its block runs. A `CallObserver`."""

    def __init__(self, scope: Scope, operation: Operation[AnyAnswer]) -> None:
        self._scope = scope
        self._operation = operation
        self._operation_name = operation.name.value
        self._number = 0
        self._attempt: ObservedAttempt | None = None
        self._in_queue = 0.0
        self._in_pauses = 0.0
        self._in_attempts = 0.0

    def __enter__(self) -> Self:
        self._span = self._scope.tracer.start_span(
            f"{names.SCOPE} {self._operation_name}", attributes=self._about()
        )
        self._token = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        last = self._attempt
        outcome = _outcome(last, error)
        point = {names.OPERATION: self._operation_name, names.OUTCOME: outcome}
        if error is not None and outcome not in _FINE:
            point[names.ERROR_TYPE] = error_type(error)
            self._tell_failure(error, point[names.ERROR_TYPE])
        if self._span.is_recording():
            told: dict[str, str | int | float] = {
                names.OUTCOME: outcome,
                names.ATTEMPTS: self._number,
                names.WAITED_QUEUE: self._in_queue,
                names.WAITED_PAUSES: self._in_pauses,
            }
            if last is not None and last.code is not None:
                told[names.CODE] = last.code
            self._span.set_attributes(told)
        seconds = self._in_queue + self._in_pauses + self._in_attempts
        self._scope.instruments.calls.record(seconds, point)
        context.detach(self._token)
        self._span.end()

    def waited(self, seconds: float, pause: float) -> None:
        """See `CallObserver.waited`."""
        paused = min(seconds, pause)
        queued = seconds - paused
        self._in_pauses += paused
        self._in_queue += queued
        self._scope.instruments.queue_waits.record(queued, {names.OPERATION: self._operation_name})
        if seconds >= _NOTICEABLE:
            told = {names.WAITED_QUEUE: queued, names.WAITED_PAUSES: paused}
            self._span.add_event(names.WAIT_EVENT, told)

    def attempt(self, host: str) -> "ObservedAttempt":
        """See `CallObserver.attempt`."""
        if self._attempt is not None and self._attempt.cause is not None:
            point = {names.OPERATION: self._operation_name, names.ERROR_TYPE: self._attempt.cause}
            self._scope.instruments.retries.add(1, point)
        self._attempt = ObservedAttempt(self._scope, self._operation, host, resent=self._number)
        self._number += 1
        return self._attempt

    def attempted(self, attempt: Attempt) -> None:
        """See `CallObserver.attempted`."""
        self._in_attempts += attempt.seconds
        if self._attempt is not None:
            self._attempt.tell(attempt)

    def _about(self) -> dict[str, str | int]:
        subject = self._operation.subject
        told: dict[str, str | int | None] = {
            names.OPERATION: self._operation_name,
            names.RESOURCE_ID: as_field(subject.resource_id),
            names.SID: as_field(subject.sid),
        }
        if self._scope.identify:
            told |= {names.CNAME: as_field(subject.cname), names.UID: subject.uid}
        return {name: value for name, value in told.items() if value is not None}

    def _tell_failure(self, error: BaseException, kind: str) -> None:
        """Put an error on the span. Of foreign exceptions only the type: their texts may hold anything."""
        ours = isinstance(error, AgoraRecError) and self._scope.identify  # it names the recording
        message = as_field(str(error)) if ours else None
        self._span.set_attribute(names.ERROR_TYPE, kind)
        self._span.set_status(StatusCode.ERROR, message)
        if kind != names.CANCELLED:
            told = {names.EXCEPTION_TYPE: kind}
            if message is not None:
                told[names.EXCEPTION_MESSAGE] = message
            self._span.add_event(names.EXCEPTION_EVENT, told)


class ObservedAttempt:
    """One attempt: a span that is open while its block runs.

    Attributes:
        outcome: What the attempt proves; until it is told, nothing.
        code: The service's code.
        cause: What it failed with, if it failed: the reason for another one.
    """

    def __init__(self, scope: Scope, operation: Operation[AnyAnswer], host: str, *, resent: int) -> None:
        self.outcome: AttemptOutcome = AttemptOutcome.UNANSWERED
        self.code: int | None = None
        self.cause: str | None = None
        self._scope = scope
        self._operation = operation
        self._host = host
        self._resent = resent
        self._status: int | None = None
        self._request_id: str | None = None
        self._detail = ""
        self._seconds = 0.0

    def __enter__(self) -> None:
        address, port, prefix = _parts(self._host)
        name = self._operation.method
        self._point: dict[str, str | int] = {
            names.HTTP_REQUEST_METHOD: name,
            names.SERVER_ADDRESS: address,
            names.SERVER_PORT: port,
        }
        if self._scope.url_template:
            template = prefix + names.TEMPLATES[self._operation.name]
            self._point[names.URL_TEMPLATE] = template
            name = f"{name} {template}"
        told = {**self._point, names.URL_FULL: self._host + self._operation.path}
        if self._resent:
            told[names.HTTP_REQUEST_RESEND_COUNT] = self._resent
        self._span = self._scope.tracer.start_span(name, kind=SpanKind.CLIENT, attributes=told)
        inside = context.set_value(_SUPPRESS, value=True, context=trace.set_span_in_context(self._span))
        self._token = context.attach(inside)

    def tell(self, attempt: Attempt) -> None:
        """Take in what became of it."""
        self.outcome, self.code = attempt.outcome, attempt.code
        self._status, self._request_id = attempt.status, attempt.request_id
        self._detail, self._seconds = attempt.detail, attempt.seconds

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        end: dict[str, str | int] = {}
        if self._status is not None:
            end[names.HTTP_RESPONSE_STATUS_CODE] = self._status
        if error is not None:
            self.cause = error_type(error)
            refused = self._status is not None and self._status >= _CLIENT_ERRORS
            if refused or not _is_answer(error):
                end[names.ERROR_TYPE] = str(self._status) if refused else self.cause
                # A status says by itself why.
                self._span.set_status(StatusCode.ERROR, None if refused else as_field(self._detail))
        self._scope.instruments.requests.record(self._seconds, self._point | end)
        if self._span.is_recording():
            end[names.OUTCOME] = self.outcome.value
            if self.code is not None:
                end[names.CODE] = self.code
            if self._request_id is not None:
                end[names.REQUEST_ID] = escaped(self._request_id)
            self._span.set_attributes(end)
        context.detach(self._token)
        self._span.end()


def error_type(error: BaseException) -> str:
    """One of few words for an error, the same on every event loop: the convention's `error.type`."""
    if isinstance(error, WireFailure):
        return _failure_type(error)
    if isinstance(error, AgoraRecError):
        return f"{names.SCOPE}.{type(error).__name__}"
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    return names.CANCELLED if name in _CANCELLATIONS else name


def _failure_type(failure: WireFailure) -> str:
    if failure.dns:
        return names.NAME_NOT_RESOLVED
    return names.IDLE_CONNECTION_CLOSED if failure.stale else names.FAILURES[failure.kind]


def _is_answer(error: BaseException) -> bool:
    """Whether an error stands for an answer that was understood; 206 and 201 are no faults of HTTP."""
    return isinstance(error, ApiError) and not isinstance(error, UnexpectedAnswer)


def _outcome(last: ObservedAttempt | None, error: BaseException | None) -> str:
    """What a call has come to: what its last attempt proves, unless the call ended beside it."""
    if isinstance(error, Interrupted):
        return names.WITHDRAWN
    if error is not None and error_type(error) == names.CANCELLED:
        return names.CANCELLED
    return (AttemptOutcome.NOT_SENT if last is None else last.outcome).value


@lru_cache(maxsize=64)
def _parts(host: str) -> tuple[str, int, str]:
    """The name or address, the port and the path of a base URL."""
    parts = urlsplit(host)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme], parts.path
