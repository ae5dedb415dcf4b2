"""What spans tell of calls and attempts: in virtual time, over a wire that plays a script."""

import logging
from contextlib import suppress
from typing import Any

import anyio
import pytest
from attrs import evolve
from opentelemetry import context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from agora_rec import __version__
from agora_rec.clock import LoopClock
from agora_rec.errors import AgoraRecError, Attempt, ServiceUnavailable, Subject, TransportError
from agora_rec.operations import Operation
from agora_rec.telemetry import names
from agora_rec.transport import Hosts, Interrupt, Interrupted, LocalBudget, RetryPolicy, Transport
from agora_rec.transport.wire import FailureKind, WireAnswer, WireFailure
from agora_rec.vocabulary import Area, AttemptOutcome, OperationName
from tests.operations import samples
from tests.support.backends import virtual_time
from tests.support.reference import load
from tests.telemetry.seen import Seen, told
from tests.transport.scripts import (
    LOCAL,
    LOST,
    REFUSED,
    STALE,
    TOO_LARGE,
    UNRESOLVED,
    ScriptedWire,
    Step,
    said,
    transport_over,
)

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio

STARTED = WireAnswer(200, load("responses")["endpoints"]["start"][200]["variants"]["any"].encode(), "req-1")
START = samples.START
TEMPLATE = "/v1/apps/{app_id}/cloud_recording/resourceid/{resource_id}/mode/{mode}/start"
GARBLED = WireFailure(FailureKind.GARBLED, "RemoteProtocolError", sent=True)


@pytest.fixture
def seen() -> Seen:
    return Seen()


async def send(
    seen: Seen, steps: list[Step], operation: Operation[Any] = START, *, raises: Any = (), **more: Any
) -> Transport:
    """Make a call, observed, that may end in these errors."""
    options = {name: more.pop(name) for name in ("budget", "hosts", "retry") if name in more}
    transport = transport_over(
        ScriptedWire(steps), telemetry=more.pop("telemetry", seen.telemetry), **options
    )
    if raises:
        with pytest.raises(raises):
            await transport.send(operation, **more)
    else:
        await transport.send(operation, **more)
    return transport


def error_of(span: ReadableSpan) -> tuple[bool, Any, str | None]:
    """Whether a span is an error, its type, and the description of its status."""
    return (
        span.status.status_code is StatusCode.ERROR,
        told(span).get("error.type"),
        span.status.description,
    )


async def test_a_call_is_a_span_and_its_attempt_one_below_it(seen: Seen):
    await send(seen, [STARTED])
    assert seen.tree() == ["agora_rec start", "  POST"]
    call, attempt = seen.calls[0], seen.attempts[0]
    assert (call.kind, attempt.kind) == (SpanKind.INTERNAL, SpanKind.CLIENT)
    assert told(call) == {
        "agora_rec.operation": "start",
        "agora_rec.cname": "class-42",
        "agora_rec.uid": 880011,
        "agora_rec.resource_id": START.subject.resource_id,
        "agora_rec.outcome": "answered",
        "agora_rec.attempts": 1,
        "agora_rec.waited.queue": 0.0,
        "agora_rec.waited.pauses": 0.0,
    }
    assert attempt.name == f"POST {TEMPLATE}"
    assert told(attempt) == {
        "http.request.method": "POST",
        "server.address": "service.example.com",
        "server.port": 443,
        "url.full": f"https://service.example.com{START.path}",
        "url.template": TEMPLATE,
        "http.response.status_code": 200,
        "agora_rec.outcome": "answered",
        "agora_rec.request_id": "req-1",
    }
    assert {span.status.status_code for span in seen.spans} == {StatusCode.UNSET}
    assert not any(span.events for span in seen.spans)


async def test_the_scope_says_which_library_in_which_version(seen: Seen):
    await send(seen, [STARTED])
    scope = seen.spans[0].instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version, scope.schema_url) == ("agora_rec", __version__, names.SCHEMA_URL)


async def test_repetitions_are_counted_and_their_waits_told(seen: Seen):
    await send(seen, [LOST, said(500, 15), STARTED])
    assert seen.tree() == ["agora_rec start", "  POST", "  POST", "  POST"]
    attempts = [told(span) for span in seen.attempts]
    assert [each.get("http.request.resend_count") for each in attempts] == [None, 1, 2]
    assert [each.get("http.response.status_code") for each in attempts] == [None, 500, 200]
    assert [each.get("agora_rec.code") for each in attempts] == [None, 15, None]
    assert [each["agora_rec.outcome"] for each in attempts] == ["unanswered", "refused", "answered"]
    assert [error_of(span) for span in seen.attempts] == [
        (True, "connection_lost", "ReadError"),
        (True, "500", None),
        (False, None, None),
    ]
    (call,) = seen.calls
    assert error_of(call) == (False, None, None)
    assert told(call)["agora_rec.attempts"] == 3
    assert told(call)["agora_rec.waited.pauses"] == pytest.approx(4)
    waits = [(event.name, dict(event.attributes or {})) for event in call.events]
    assert waits == [
        ("agora_rec.wait", {"agora_rec.waited.pauses": pytest.approx(1), "agora_rec.waited.queue": 0}),
        ("agora_rec.wait", {"agora_rec.waited.pauses": pytest.approx(3), "agora_rec.waited.queue": 0}),
    ]


async def test_time_in_the_queue_is_told_apart_from_pauses(seen: Seen):
    budget = LocalBudget(0.5, 0.0)
    await budget.slot(START.priority)
    await send(seen, [said(500, 15), STARTED], budget=budget)
    (call,) = seen.calls
    assert told(call)["agora_rec.waited.queue"] == pytest.approx(2, rel=1e-4)
    assert told(call)["agora_rec.waited.pauses"] == pytest.approx(3)
    assert len(call.events) == 2


@pytest.mark.parametrize(
    ("step", "kind", "description"),
    [
        (REFUSED, "no_connection", "ConnectError: refused"),
        (UNRESOLVED, "name_not_resolved", "ConnectError: unknown name"),
        (LOST, "connection_lost", "ReadError"),
        (STALE, "idle_connection_closed", "closed while idle"),
        (GARBLED, "not_http", "RemoteProtocolError"),
        (TOO_LARGE, "answer_too_large", "too large"),
        (LOCAL, "not_sendable", "UnsupportedProtocol"),
        (said(400, 2), "400", None),
        (said(429), "429", None),
        (said(503), "503", None),
        (said(404, 404), "404", None),
        (WireAnswer(500, b"<html>"), "500", None),
        (WireAnswer(200, b"<html>"), "agora_rec.UnexpectedAnswer", "UnexpectedAnswer"),
        (said(302), "agora_rec.UnexpectedAnswer", "UnexpectedAnswer"),
    ],
)
async def test_an_attempt_that_failed_says_how(seen: Seen, step: Step, kind: str, description: str | None):
    await send(seen, [step], raises=AgoraRecError, retry=RetryPolicy.never())
    assert error_of(seen.attempts[-1]) == (True, kind, description)
    assert error_of(seen.calls[0])[0]


@pytest.mark.parametrize(
    ("operation", "step", "code"),
    [
        (samples.START, said(201, 7), 7),
        (samples.STOP, said(206, 435), 435),
        (samples.STOP, said(206, 50), 50),
    ],
)
async def test_answers_that_say_how_things_are_are_no_errors(
    seen: Seen, operation: Operation[Any], step: Step, code: int
):
    await send(seen, [step], operation, raises=AgoraRecError)
    assert [error_of(span) for span in seen.spans] == [(False, None, None)] * 2
    assert not seen.calls[0].events
    for span in seen.spans:
        assert (told(span)["agora_rec.outcome"], told(span)["agora_rec.code"]) == ("answered", code)


async def test_a_206_that_brings_no_answer_fails_the_call_and_not_its_attempts(seen: Seen):
    await send(seen, [said(206, 65)], samples.QUERY, raises=AgoraRecError)
    assert [error_of(span)[0] for span in seen.attempts] == [False] * 3
    assert error_of(seen.calls[0])[:2] == (True, "agora_rec.RequestNotCompleted")


async def test_a_call_that_fails_keeps_its_error(seen: Seen):
    await send(seen, [said(503)], samples.QUERY, raises=ServiceUnavailable)
    (call,) = seen.calls
    failed, kind, description = error_of(call)
    assert (failed, kind) == (True, "agora_rec.ServiceUnavailable")
    assert description is not None
    assert description.startswith("query")
    wait, exception = call.events
    assert (wait.name, exception.name) == ("agora_rec.wait", "exception")
    assert exception.attributes == {"exception.type": kind, "exception.message": description}
    assert told(call)["agora_rec.outcome"] == "unanswered"


async def test_a_call_that_never_went_out_says_so(seen: Seen):
    deadline = anyio.current_time() - 1
    await send(seen, [STARTED], raises=TransportError, deadline=deadline)
    assert seen.tree() == ["agora_rec start"]
    assert error_of(seen.calls[0])[:2] == (True, "agora_rec.TransportError")
    assert (told(seen.calls[0])["agora_rec.outcome"], told(seen.calls[0])["agora_rec.attempts"]) == (
        "not_sent",
        0,
    )


async def test_a_call_that_gives_way_is_no_error(seen: Seen):
    interrupt = Interrupt()
    async with anyio.create_task_group() as tasks:

        async def trigger() -> None:
            await anyio.sleep(2)
            interrupt.trigger()

        tasks.start_soon(trigger)
        await send(seen, [said(503)], samples.QUERY, raises=Interrupted, interrupt=interrupt)
    (call,) = seen.calls
    assert error_of(call) == (False, None, None)
    assert told(call)["agora_rec.outcome"] == "withdrawn"
    assert told(call)["agora_rec.waited.pauses"] == pytest.approx(2)
    assert [event.name for event in call.events] == ["agora_rec.wait"]


async def never() -> WireAnswer:
    await anyio.sleep_forever()
    raise AssertionError


@pytest.mark.parametrize("steps", [[never], [said(503)]])
async def test_a_cancelled_call_ends_its_spans_once(seen: Seen, steps: list[Step]):
    with anyio.move_on_after(2) as scope:
        await send(seen, steps)
    assert scope.cancelled_caught
    assert seen.tree() == ["agora_rec start", "  POST"]
    assert error_of(seen.calls[0]) == (True, "cancelled", None)
    assert told(seen.calls[0])["agora_rec.outcome"] == "cancelled"
    assert not [event for event in seen.calls[0].events if event.name == "exception"]
    assert error_of(seen.attempts[0]) == (
        (True, "cancelled", "cancelled") if steps == [never] else (True, "503", None)
    )
    assert not get_current_span().get_span_context().is_valid


async def test_an_attempt_that_takes_too_long_is_a_timeout(seen: Seen):
    await send(seen, [never], raises=TransportError, retry=RetryPolicy.never())
    assert error_of(seen.attempts[0]) == (True, "timeout", "no answer within 10 s")


async def test_of_a_fault_of_the_wire_itself_only_the_type_is_told(seen: Seen):
    class BrokenWireError(Exception):
        pass

    async def broken() -> WireAnswer:
        raise BrokenWireError("Authorization: something")

    await send(seen, [broken], raises=BrokenWireError)
    assert [error_of(span)[:2] for span in seen.spans] == [
        (True, f"{__name__}.{BrokenWireError.__qualname__}")
    ] * 2
    (event,) = seen.calls[0].events
    assert set(event.attributes or {}) == {"exception.type"}
    assert seen.calls[0].status.description is None


async def test_the_host_that_was_asked_is_told_with_its_port_and_path(seen: Seen):
    await send(seen, [STARTED], hosts=Hosts.of_base_url("http://127.0.0.1:8080/proxied"))
    attempt = told(seen.attempts[0])
    assert (attempt["server.address"], attempt["server.port"]) == ("127.0.0.1", 8080)
    assert attempt["url.full"] == f"http://127.0.0.1:8080/proxied{START.path}"
    assert attempt["url.template"] == f"/proxied{TEMPLATE}"
    await send(seen, [STARTED], hosts=Hosts.of_base_url("http://localhost"))
    assert told(seen.attempts[1])["server.port"] == 80


async def test_a_failover_is_seen_in_the_attempts(seen: Seen):
    await send(seen, [UNRESOLVED, UNRESOLVED, STARTED], hosts=Hosts.of_area(Area.EU))
    assert [told(span)["server.address"] for span in seen.attempts] == [
        "api.agora.io",
        "api.agora.io",
        "api.sd-rtn.com",
    ]


async def test_without_templates_attempts_are_called_by_their_method(seen: Seen):
    await send(seen, [STARTED], telemetry=seen.made(url_template=False))
    assert seen.attempts[0].name == "POST"
    assert "url.template" not in told(seen.attempts[0])
    (point,) = seen.points("http.client.request.duration")
    assert "url.template" not in dict(point)


async def test_who_is_recorded_can_be_left_out(seen: Seen):
    await send(
        seen, [said(503)], samples.STOP, telemetry=seen.made(identify=False), raises=ServiceUnavailable
    )
    for span in seen.spans:
        assert "class-42" not in span.to_json()
        assert "880011" not in span.to_json()
    (call,) = seen.calls
    assert told(call)["agora_rec.sid"] == samples.STOP.subject.sid
    assert error_of(call) == (True, "agora_rec.ServiceUnavailable", None)
    assert call.events[-1].attributes == {"exception.type": "agora_rec.ServiceUnavailable"}


async def test_a_call_about_nothing_says_nothing_about_it(seen: Seen):
    await send(seen, [said(401)], samples.NCS_IP, raises=AgoraRecError)
    assert seen.attempts[0].name == "GET /v1/ncs/ip"
    assert not {"agora_rec.cname", "agora_rec.uid", "agora_rec.sid"} & told(seen.calls[0]).keys()


async def test_hostile_texts_can_be_exported(seen: Seen):
    hostile = "a\nb\ud800" + "x" * 5000
    subject = Subject(operation=OperationName.QUERY, cname=hostile, resource_id=hostile, sid=hostile)
    lost = WireFailure(FailureKind.LOST, hostile, sent=True)
    answer = WireAnswer(503, b"", "id\n" * 99)
    await send(seen, [lost, answer], evolve(samples.QUERY, subject=subject), raises=AgoraRecError)
    for span in seen.spans:
        texts = [*told(span).values(), span.status.description]
        texts += [value for event in span.events for value in (event.attributes or {}).values()]
        for text in texts:
            if isinstance(text, str):
                assert text.isprintable()
                assert len(text) < 1100


async def test_what_runs_inside_has_the_attempt_as_its_parent_and_instruments_nothing(seen: Seen):
    async def instrumented() -> WireAnswer:
        with seen.tracer.start_as_current_span("inner"):
            pass
        assert context.get_value(context._SUPPRESS_HTTP_INSTRUMENTATION_KEY)
        return STARTED

    with seen.tracer.start_as_current_span("outer"):
        await send(seen, [instrumented])
        assert not context.get_value(context._SUPPRESS_HTTP_INSTRUMENTATION_KEY)
        with seen.tracer.start_as_current_span("after"):
            pass
    assert seen.tree() == ["outer", "  agora_rec start", "    POST", "      inner", "  after"]


async def test_log_records_are_made_inside_of_the_span_of_their_call(seen: Seen):
    found: list[int] = []

    class Correlation(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(get_current_span().get_span_context().span_id)

    logger, handler = logging.getLogger("agora_rec"), Correlation(logging.DEBUG)
    logger.addHandler(handler)
    try:
        await send(seen, [LOST, STARTED])
    finally:
        logger.removeHandler(handler)
    (call,) = seen.calls
    assert call.context is not None
    assert found == [call.context.span_id] * 2


async def test_nobody_has_to_listen(seen: Seen):
    from agora_rec.telemetry import OpenTelemetry  # noqa: PLC0415

    await send(seen, [LOST, STARTED], telemetry=OpenTelemetry())
    assert seen.spans == ()


def test_a_telemetry_says_what_it_tells():
    assert repr(Seen().made(identify=False)) == "OpenTelemetry(identify=False, url_template=True)"


async def test_an_observer_bears_to_be_told_too_little_or_too_much(seen: Seen):
    early = Attempt(host="h", outcome=AttemptOutcome.ANSWERED, seconds=1.0, at=LoopClock().now())
    with suppress(ZeroDivisionError), seen.telemetry.observe(START) as call:
        call.attempted(early)
        with call.attempt("https://service.example.com"):
            raise ZeroDivisionError
    assert seen.tree() == ["agora_rec start", "  POST"]
    assert error_of(seen.attempts[0])[:2] == (True, "builtins.ZeroDivisionError")
