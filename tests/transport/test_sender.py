"""The send loop in virtual time, over a wire that plays a script."""

import math
from itertools import pairwise
from typing import Any

import anyio
import pytest

from agora_rec.errors import (
    AlreadyStarted,
    AlreadyStopping,
    ApiError,
    Attempt,
    AuthenticationFailed,
    InvalidRequest,
    NoRecordedData,
    RateLimited,
    RequestNotCompleted,
    ServiceUnavailable,
    TransportError,
    UnexpectedAnswer,
    UploadStatusUnknown,
    WorkerNotFound,
)
from agora_rec.model import StartAnswer
from agora_rec.transport import Hosts, Interrupt, Interrupted, LocalBudget, RetryPolicy, Transport
from agora_rec.transport.wire import WireAnswer, WireFailure
from agora_rec.vocabulary import Area, AttemptOutcome, OperationName
from tests.operations import samples
from tests.operations.samples import ALL
from tests.support.backends import virtual_time
from tests.support.reference import load
from tests.transport.scripts import (
    LOCAL,
    LOST,
    REFUSED,
    STALE,
    TOO_LARGE,
    UNRESOLVED,
    ScriptedWire,
    said,
    transport_over,
)

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio

ENDPOINTS = load("responses")["endpoints"]
STARTED = WireAnswer(200, ENDPOINTS["start"][200]["variants"]["any"].encode(), "request-1")
STOPPED = WireAnswer(200, ENDPOINTS["stop"][200]["variants"]["mix_hls"].encode())
QUERIED = WireAnswer(200, ENDPOINTS["query"][200]["variants"]["mix_hls"].encode())
ACQUIRED = WireAnswer(200, ENDPOINTS["acquire"][200]["variants"]["any"].encode())

NOT_SENT, UNANSWERED = AttemptOutcome.NOT_SENT, AttemptOutcome.UNANSWERED
REFUSAL, ANSWERED = AttemptOutcome.REFUSED, AttemptOutcome.ANSWERED


async def never() -> WireAnswer:
    await anyio.sleep_forever()
    raise AssertionError


async def test_a_plain_success_takes_one_attempt():
    wire = ScriptedWire([STARTED])
    seen: list[Attempt] = []
    answer = await transport_over(wire).send(
        samples.START, on_attempt=lambda _, attempt: seen.append(attempt)
    )
    assert answer == StartAnswer(
        cname="class-42", uid=880011, resource_id="Qm3-xT_a91", sid="0f6c2a5d9b1e4c7f8a3d2e1b0c9f8e7d"
    )
    assert [(method, url) for _, method, url in wire.asked] == [
        ("POST", f"https://service.example.com{samples.START.path}")
    ]
    assert wire.bodies == [samples.START.body]
    assert [(each.outcome, each.status, each.host) for each in seen] == [
        (ANSWERED, 200, "service.example.com")
    ]


@pytest.mark.parametrize(
    ("failure", "outcome", "maybe"), [(REFUSED, NOT_SENT, False), (LOST, UNANSWERED, True)]
)
async def test_a_start_without_an_answer_is_repeated_after_the_documented_waits_and_then_given_up(
    failure: WireFailure,
    outcome: AttemptOutcome,
    maybe: bool,  # noqa: FBT001 - a parameter
):
    wire = ScriptedWire([failure])
    seen: list[Attempt] = []
    with pytest.raises(TransportError) as caught:
        await transport_over(wire).send(samples.START, on_attempt=lambda _, attempt: seen.append(attempt))
    assert wire.moments == [0, 1, 4, 10]
    assert {body is samples.START.body for body in wire.bodies} == {True}
    assert tuple(seen) == caught.value.attempts
    assert [each.outcome for each in seen] == [outcome] * 4
    assert {each.detail for each in seen} == {failure.detail}
    assert caught.value.maybe_running is maybe
    assert caught.value.subject == samples.START.subject


async def test_a_lost_answer_and_then_a_success_is_a_success():
    wire = ScriptedWire([LOST, STARTED])
    assert (await transport_over(wire).send(samples.START)).sid.startswith("0f6c")
    assert wire.moments == [0, 1]


async def test_a_start_that_had_worked_after_all_says_so_with_every_attempt():
    wire = ScriptedWire([LOST, said(201, 7)])
    with pytest.raises(AlreadyStarted) as caught:
        await transport_over(wire).send(samples.START)
    assert [(each.outcome, each.status, each.code) for each in caught.value.attempts] == [
        (UNANSWERED, None, None),
        (ANSWERED, 201, 7),
    ]


@pytest.mark.parametrize(
    ("operation", "answer", "error", "moments"),
    [
        (samples.START, said(206, 65), RequestNotCompleted, [0, 3, 9]),
        (samples.START, said(500, 15), ServiceUnavailable, [0, 3, 9, 18]),
        (samples.START, said(500, 62), ServiceUnavailable, [0, 3, 9, 18]),
        (samples.START, said(503), ServiceUnavailable, [0, 3, 9, 18]),
        (samples.START, said(400, 53), ApiError, [0]),
        (samples.ACQUIRE, said(500, 501), ServiceUnavailable, [0, 1, 4, 10]),
        (samples.QUERY, said(206, 65), RequestNotCompleted, [0, 3, 9]),
        (samples.QUERY, said(504, 62), ServiceUnavailable, [0, 5]),
        (samples.QUERY, said(404, 404), WorkerNotFound, [0]),
        (samples.UPDATE, said(404, 404), WorkerNotFound, [0]),
        (samples.UPDATE_LAYOUT, said(404, 404), WorkerNotFound, [0]),
        (samples.UPDATE, said(504, 62), ServiceUnavailable, [0, 1, 4, 10]),
        (samples.STOP, said(404, 404), WorkerNotFound, [0, 5, 15, 30, 45, 60, 75, 90]),
        (samples.STOP, said(206, 435), NoRecordedData, [0]),
        (samples.STOP, said(206, 50), UploadStatusUnknown, [0]),
        (samples.STOP, said(400, 49), AlreadyStopping, [0]),
        (samples.STOP, said(404, 501), ApiError, [0]),
        (samples.NCS_IP, said(401), UnexpectedAnswer, [0]),
        (samples.NCS_IP, WireAnswer(401, b'{"message":"Unauthorized"}'), AuthenticationFailed, [0]),
        (samples.START, said(200, None, "{}"), UnexpectedAnswer, [0, 1, 4, 10]),
        (samples.START, said(302), UnexpectedAnswer, [0]),
        (samples.QUERY, said(429), RateLimited, [0, 1, 4, 10]),
        (samples.START, TOO_LARGE, TransportError, [0]),
        (samples.START, LOCAL, TransportError, [0]),
    ],
    ids=lambda each: each.name.value if hasattr(each, "subject") else None,
)
async def test_each_answer_is_repeated_by_its_own_schedule(
    operation: Any, answer: Any, error: type[Exception], moments: list[float]
):
    wire = ScriptedWire([answer])
    with pytest.raises(error) as caught:
        await transport_over(wire).send(operation)
    assert wire.moments == moments
    assert isinstance(caught.value, ApiError | TransportError)
    assert len(caught.value.attempts) == len(moments)


async def test_a_stop_whose_recording_is_being_moved_reaches_it_in_the_end():
    wire = ScriptedWire([*[said(404, 404)] * 6, STOPPED])
    answer = await transport_over(wire).send(samples.STOP)
    assert [each.name for each in answer.files] == ["0f6c2a5d_class-42.m3u8"]
    assert wire.moments[-1] == 75


async def test_a_stop_that_had_worked_ends_its_repetitions():
    wire = ScriptedWire([said(404, 404), LOST, said(400, 49)])
    with pytest.raises(AlreadyStopping) as caught:
        await transport_over(wire).send(samples.STOP)
    assert [each.outcome for each in caught.value.attempts] == [REFUSAL, UNANSWERED, REFUSAL]


@pytest.mark.parametrize(
    ("operation", "answer", "outcome"),
    [
        (samples.START, said(201, 7), ANSWERED),
        (samples.STOP, said(206, 435), ANSWERED),
        (samples.START, said(206, 65), UNANSWERED),
        (samples.START, said(200, None, "<html>"), UNANSWERED),
        (samples.START, said(301), UNANSWERED),
        (samples.START, said(400, 53), REFUSAL),
        (samples.START, said(408), UNANSWERED),
        (samples.START, said(499), UNANSWERED),
        (samples.START, said(500, 15), REFUSAL),
        (samples.START, said(500, 502), REFUSAL),
        (samples.START, said(500, 62), UNANSWERED),
        (samples.START, said(500, 999), UNANSWERED),
        (samples.START, said(502), UNANSWERED),
        (samples.ACQUIRE, said(500, 501), REFUSAL),
        (samples.UPDATE, said(504, 62), UNANSWERED),
        (samples.UPDATE, said(504), UNANSWERED),
    ],
)
async def test_an_attempt_is_called_refused_only_if_it_certainly_did_nothing(
    operation: Any, answer: WireAnswer, outcome: AttemptOutcome
):
    seen: list[Attempt] = []
    with pytest.raises(ApiError):
        await transport_over(ScriptedWire([answer]), retry=RetryPolicy.never()).send(
            operation, on_attempt=lambda _, attempt: seen.append(attempt)
        )
    assert [(each.outcome, each.status) for each in seen] == [(outcome, answer.status)]


async def test_an_attempt_that_takes_too_long_is_ended_and_may_have_acted():
    wire = ScriptedWire([never])
    began = anyio.current_time()
    with pytest.raises(TransportError) as caught:
        await transport_over(wire, retry=RetryPolicy.never()).send(samples.START)
    assert anyio.current_time() - began == pytest.approx(10)
    (attempt,) = caught.value.attempts
    assert (attempt.outcome, attempt.detail) == (UNANSWERED, "no answer within 10 s")
    assert attempt.seconds == pytest.approx(10)


@pytest.mark.parametrize(("usual", "seconds"), [(10.0, 30.0), (45.0, 45.0)])
async def test_a_synchronous_stop_is_given_the_services_own_time(usual: float, seconds: float):
    wire = ScriptedWire([never])
    with pytest.raises(TransportError) as caught:
        await transport_over(wire, timeout=usual, retry=RetryPolicy.never()).send(samples.STOP)
    assert caught.value.attempts[0].seconds == pytest.approx(seconds)
    assert wire.seconds == [seconds]


async def test_attempts_know_when_they_began_and_how_long_they_took():
    async def slowly() -> WireAnswer:
        await anyio.sleep(2)
        return STARTED

    seen: list[Attempt] = []
    await transport_over(ScriptedWire([REFUSED, slowly])).send(
        samples.START, on_attempt=lambda _, attempt: seen.append(attempt)
    )
    assert [each.seconds for each in seen] == pytest.approx([0, 2])
    assert (seen[1].at - seen[0].at).total_seconds() == pytest.approx(1)


async def test_connections_that_fail_change_the_host_and_answers_do_not():
    wire = ScriptedWire([UNRESOLVED, UNRESOLVED, UNRESOLVED, ACQUIRED])
    transport = transport_over(wire, hosts=Hosts.of_area(Area.EU))
    await transport.send(samples.ACQUIRE)
    assert wire.hosts == [
        "api.agora.io", "api.agora.io", "api.sd-rtn.com", "api-eu-west-1.agora.io",
    ]  # fmt: skip
    wire = ScriptedWire([said(503), said(429), said(500, 501), said(504), ACQUIRED])
    await transport_over(wire, hosts=Hosts.of_area(Area.EU)).send(samples.ACQUIRE)
    assert set(wire.hosts) == {"api.agora.io"}


async def test_fifty_calls_that_fail_at_once_ask_each_host_as_one_call_would():
    async def refused() -> WireAnswer:
        await anyio.sleep(0.01)
        raise UNRESOLVED

    wire = ScriptedWire([refused])
    transport = transport_over(wire, hosts=Hosts.of_area(Area.EU))

    async def call() -> None:
        with pytest.raises(TransportError):
            await transport.send(samples.QUERY)

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(call)
    assert [(host, wire.hosts.count(host)) for host in dict.fromkeys(wire.hosts)] == [
        ("api.agora.io", 100), ("api.sd-rtn.com", 50), ("api-eu-west-1.agora.io", 50),
    ]  # fmt: skip


@pytest.mark.parametrize("policy", [RetryPolicy(), RetryPolicy.never()], ids=["documented", "never"])
async def test_an_idle_connection_that_was_closed_costs_an_attempt_and_a_slot_but_no_wait_and_no_host(
    policy: RetryPolicy,
):
    budget = LocalBudget(10)
    hosts = Hosts.of_area(Area.EU)
    wire = ScriptedWire([STALE, STARTED])
    seen: list[Attempt] = []
    await transport_over(wire, budget=budget, hosts=hosts, retry=policy).send(
        samples.START, on_attempt=lambda _, attempt: seen.append(attempt)
    )
    assert [each.outcome for each in seen] == [UNANSWERED, ANSWERED]
    assert (wire.fresh, wire.hosts) == ([False, True], ["api.agora.io"] * 2)
    assert (budget.used, wire.moments[1] < 0.2) == (2, True)
    now = anyio.current_time() + 10
    hosts.failed("https://api.agora.io", now, now, dns=True)
    assert hosts.current(now) == "https://api.agora.io"  # that was the first failure of two


async def test_a_connection_that_is_lost_twice_is_repeated_by_its_schedule_and_may_be_stale_again_then():
    wire = ScriptedWire([STALE, LOST, STALE, STARTED])
    await transport_over(wire).send(samples.START)
    assert wire.moments == [0, 0, 1, 1]
    assert wire.fresh == [False, True, False, True]


async def test_after_an_answer_that_cannot_be_read_its_connection_is_not_used_again():
    wire = ScriptedWire([said(200, None, '{"resourceId":'), said(503), STARTED])
    await transport_over(wire).send(samples.START)
    assert wire.fresh == [False, True, False]


async def test_a_wire_that_calls_even_fresh_connections_stale_gets_no_more_attempts_than_others():
    wire = ScriptedWire([STALE])
    with pytest.raises(TransportError):
        await transport_over(wire, retry=RetryPolicy(no_answer=(1,))).send(samples.QUERY)
    assert wire.moments == [0, 0, 1, 1]


async def test_an_idle_connection_that_was_closed_does_not_outlive_deadline_or_interrupt():
    with pytest.raises(TransportError) as caught:
        await transport_over(ScriptedWire([STALE]), budget=LocalBudget(0.1)).send(
            samples.QUERY, deadline=anyio.current_time() + 1
        )
    assert [each.outcome for each in caught.value.attempts] == [UNANSWERED]
    attempts = await interrupted_after(1, transport_over(ScriptedWire([STALE]), budget=LocalBudget(0.1)))
    assert [each.outcome for each in attempts] == [UNANSWERED]


async def test_what_is_not_the_hosts_fault_does_not_change_it():
    hosts = Hosts.of_area(Area.EU)
    for failure in (LOCAL, TOO_LARGE, LOCAL, TOO_LARGE):
        with pytest.raises(TransportError):
            await transport_over(ScriptedWire([failure]), hosts=hosts).send(samples.QUERY)
    assert hosts.current(0.0) == "https://api.agora.io"


async def test_no_attempt_begins_after_the_deadline():
    wire = ScriptedWire([REFUSED])
    deadline = anyio.current_time() + 3.9
    with pytest.raises(TransportError) as caught:
        await transport_over(wire).send(samples.START, deadline=deadline)
    assert wire.moments == [0, 1]
    assert len(caught.value.attempts) == 2
    assert anyio.current_time() < deadline - 2.5, "given up at once: nobody waits for what would be too late"
    assert caught.value.deadline_came
    assert "no attempt begins after the deadline" in str(caught.value)


@pytest.mark.parametrize(("deadline", "came"), [(100.0, False), (9.9, True), (None, False)])
async def test_an_answer_that_is_not_asked_for_again_says_whether_that_is_for_want_of_time(
    deadline: float | None,
    came: bool,  # noqa: FBT001 - a parameter
):
    until = None if deadline is None else anyio.current_time() + deadline
    with pytest.raises(ServiceUnavailable) as caught:
        await transport_over(ScriptedWire([said(503)])).send(samples.ACQUIRE, deadline=until)
    assert caught.value.deadline_came is came
    assert ("after the deadline" in str(caught.value)) is came


async def test_an_attempt_that_has_begun_is_waited_for_past_the_deadline():
    async def late() -> WireAnswer:
        await anyio.sleep(5)
        return STARTED

    answer = await transport_over(ScriptedWire([late])).send(samples.START, deadline=anyio.current_time() + 1)
    assert answer.sid


@pytest.mark.parametrize("ahead", [-1.0, 0.5])
async def test_a_deadline_that_comes_before_the_slot_means_that_nothing_was_sent(ahead: float):
    wire = ScriptedWire([STARTED])
    budget = LocalBudget(0.5)
    await budget.slot(samples.START.priority)
    deadline = anyio.current_time() + ahead
    with pytest.raises(TransportError) as caught:
        await transport_over(wire, budget=budget).send(samples.START, deadline=deadline)
    assert (wire.asked, caught.value.attempts, caught.value.maybe_running) == ([], (), False)
    assert caught.value.deadline_came
    assert anyio.current_time() == pytest.approx(max(deadline, anyio.current_time()))
    assert budget.waiting == 0


async def test_a_deadline_in_the_past_is_kept_even_if_a_slot_is_free():
    wire = ScriptedWire([STARTED])
    with pytest.raises(TransportError):
        await transport_over(wire).send(samples.START, deadline=anyio.current_time() - 0.001)
    assert wire.asked == []


async def test_a_deadline_while_a_repetition_waits_for_its_slot_raises_what_the_last_attempt_met():
    budget = LocalBudget(0.1)
    wire = ScriptedWire([said(503)])
    with pytest.raises(ServiceUnavailable) as caught:
        await transport_over(wire, budget=budget).send(samples.START, deadline=anyio.current_time() + 5)
    assert len(caught.value.attempts) == 1
    assert caught.value.deadline_came


async def test_every_attempt_takes_a_slot_of_the_budget():
    budget = LocalBudget(1, 0.0)
    wire = ScriptedWire([REFUSED, REFUSED, STARTED])
    await transport_over(wire, budget=budget).send(samples.START)
    assert budget.used == 3


async def test_a_429_slows_the_budget_down():
    budget = LocalBudget(10, 0.0)
    wire = ScriptedWire([said(429), QUERIED])
    transport = transport_over(wire, budget=budget)
    for _ in range(4):
        await transport.send(samples.QUERY)
    gaps = [later - earlier for earlier, later in pairwise(wire.moments)]
    assert gaps == pytest.approx([1.0, 0.2, 0.2, 0.2], rel=1e-4)


@pytest.mark.parametrize(
    ("answers", "moments"),
    [
        ([said(429, retry_after=5)] * 2, [0, 5, 10]),
        ([said(503, retry_after=5)] * 3, [0, 5, 10, 16]),
        ([said(429, retry_after=0.5)], [0, 1]),
        ([said(429, retry_after=86400)], [0, 30]),
        ([said(500, retry_after=20)], [0, 1]),
        ([said(504, 62, retry_after=20)], [0, 1]),
        ([said(206, 65, retry_after=20)], [0, 3]),
        ([said(429, retry_after=5), said(429)], [0, 5, 8]),
        ([said(429, retry_after=5), REFUSED], [0, 5, 6]),
    ],
)
async def test_a_gateway_that_asks_for_time_is_given_it_within_bounds(
    answers: list[Any], moments: list[float]
):
    wire = ScriptedWire([*answers, ACQUIRED])
    await transport_over(wire).send(samples.ACQUIRE)
    assert wire.moments == moments


async def test_time_that_would_outlast_the_deadline_is_not_waited():
    wire = ScriptedWire([said(429, retry_after=20), ACQUIRED])
    began = anyio.current_time()
    with pytest.raises(RateLimited) as caught:
        await transport_over(wire).send(samples.ACQUIRE, deadline=began + 10)
    assert (wire.moments, anyio.current_time(), caught.value.deadline_came) == ([0], began, True)


@pytest.mark.parametrize(("step", "attempts"), [(REFUSED, 1), (None, 0)])
async def test_an_interrupt_ends_the_waiting_and_tells_what_was_attempted(
    step: WireFailure | None, attempts: int
):
    budget = LocalBudget(0.1)
    if step is None:
        await budget.slot(samples.START.priority)
    wire = ScriptedWire([step or REFUSED])
    ended = await interrupted_after(0.5, transport_over(wire, budget=budget))
    assert len(ended) == len(wire.asked) == attempts
    assert budget.waiting == 0


async def interrupted_after(seconds: float, transport: Transport) -> tuple[Attempt, ...]:
    """The attempts that a call tells of which is interrupted then."""
    interrupt = Interrupt()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(trigger_after, seconds, interrupt)
        try:
            await transport.send(samples.QUERY, interrupt=interrupt)
        except Interrupted as interrupted:
            return interrupted.attempts
    raise AssertionError


async def trigger_after(seconds: float, interrupt: Interrupt) -> None:
    await anyio.sleep(seconds)
    interrupt.trigger()


async def test_an_interrupt_never_cuts_an_attempt():
    async def slowly() -> WireAnswer:
        await anyio.sleep(3)
        return QUERIED

    interrupt = Interrupt()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(trigger_after, 1, interrupt)
        answer = await transport_over(ScriptedWire([slowly])).send(samples.QUERY, interrupt=interrupt)
        assert answer.sid == "0f6c2a5d"
    assert interrupt.requested


async def test_an_interrupt_during_an_attempt_ends_what_would_come_after_it():
    async def slowly() -> WireAnswer:
        await anyio.sleep(3)
        return said(503)

    attempts = await interrupted_after(1, transport_over(ScriptedWire([slowly])))
    assert [each.status for each in attempts] == [503]


async def test_a_cancelled_attempt_is_noted_as_unanswered_and_the_cancellation_goes_on():
    seen: list[Attempt] = []
    with anyio.move_on_after(1) as scope:
        await transport_over(ScriptedWire([never])).send(
            samples.START, on_attempt=lambda _, attempt: seen.append(attempt)
        )
    assert scope.cancelled_caught
    assert [(each.outcome, each.detail) for each in seen] == [(UNANSWERED, "cancelled")]


async def test_a_fault_of_the_wire_itself_is_noted_and_goes_through():
    async def broken() -> WireAnswer:
        raise ZeroDivisionError

    seen: list[Attempt] = []
    with pytest.raises(ZeroDivisionError):
        await transport_over(ScriptedWire([broken])).send(
            samples.START, on_attempt=lambda _, attempt: seen.append(attempt)
        )
    assert [(each.outcome, each.detail) for each in seen] == [(UNANSWERED, "ZeroDivisionError")]


async def test_leaving_it_closes_the_wire():
    wire = ScriptedWire([STARTED])
    async with transport_over(wire) as transport:
        assert repr(transport) == "<Transport https://service.example.com budget=Unpaced(used=0)>"
        assert not wire.closed
    assert wire.closed


@pytest.mark.parametrize("seconds", [0, -1, math.inf, math.nan, "10", None])
async def test_a_timeout_that_means_nothing_is_refused(seconds: Any):
    with pytest.raises(InvalidRequest) as caught:
        transport_over(ScriptedWire([STARTED]), timeout=seconds)
    assert [each.path for each in caught.value.violations] == ["timeout"]


@pytest.mark.parametrize("name", OperationName)
async def test_every_operation_can_be_sent(name: OperationName):
    wire = {OperationName.UPDATE_LAYOUT: "updateLayout", OperationName.NCS_IP: "ncsIp"}.get(name, name.value)
    body = next(iter(ENDPOINTS[wire][200]["variants"].values()))
    answer = await transport_over(ScriptedWire([WireAnswer(200, body.encode())])).send(ALL[name])
    assert type(answer) is ALL[name].answer
