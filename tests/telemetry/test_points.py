"""What metrics tell: in virtual time, with a real client over the emulator."""

from typing import Any

import anyio
import pytest
from opentelemetry.sdk.metrics.export import HistogramDataPoint

from agora_rec import Recording, RetryPolicy
from agora_rec.emulator import LoseAnswer, Refuse, SlowAnswer, Unreachable
from agora_rec.errors import ServiceUnavailable, TransportError
from agora_rec.telemetry import names
from agora_rec.vocabulary import OperationName
from tests.support.backends import virtual_time
from tests.support.cloud import ACQUIRE, LATENCY, QUERY, START, STOP, UID, Stage, stage
from tests.telemetry.seen import Seen

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio

REQUESTS, CALLS, WAITS, RETRIES = (
    "http.client.request.duration",
    "agora_rec.call.duration",
    "agora_rec.queue.wait",
    "agora_rec.call.retries",
)
SERVER: dict[str, Any] = {"server.address": "127.0.0.1", "server.port": 80}


@pytest.fixture
def seen() -> Seen:
    return Seen()


def request(operation: OperationName, status: int | None = 200, **more: Any) -> frozenset[tuple[str, Any]]:
    """The attributes of a point about attempts."""
    told: dict[str, Any] = {
        **SERVER,
        "http.request.method": "GET" if operation is QUERY else "POST",
        "url.template": names.TEMPLATES[operation],
        **{name.replace("_", "."): value for name, value in more.items()},
    }
    if status is not None:
        told["http.response.status_code"] = status
    return frozenset(told.items())


def call(operation: OperationName, outcome: str = "answered", error: str = "") -> frozenset[tuple[str, Any]]:
    """The attributes of a point about calls."""
    told = {"agora_rec.operation": operation.value, "agora_rec.outcome": outcome}
    return frozenset((told | ({"error.type": error} if error else {})).items())


def about(operation: OperationName, **more: Any) -> frozenset[tuple[str, Any]]:
    """The attributes of a point about an operation."""
    told = {"agora_rec.operation": operation.value, **more}
    return frozenset((name.replace("error_type", "error.type"), value) for name, value in told.items())


async def test_a_recording_is_measured_by_its_calls_and_attempts(seen: Seen):
    async with stage(client={"telemetry": seen.telemetry}) as on:
        await on.started("one")
        await (await on.started("two")).query()
    assert seen.points(REQUESTS) == {
        request(ACQUIRE): (2, pytest.approx(2 * LATENCY)),
        request(START): (2, pytest.approx(2 * LATENCY)),
        request(QUERY): (1, pytest.approx(LATENCY)),
    }
    assert seen.points(CALLS) == {
        call(ACQUIRE): (2, pytest.approx(2 * LATENCY)),
        call(START): (2, pytest.approx(2 * LATENCY)),
        call(QUERY): (1, pytest.approx(LATENCY)),
    }
    assert seen.points(WAITS) == {
        about(each): (count, 0) for each, count in {ACQUIRE: 2, START: 2, QUERY: 1}.items()
    }
    assert seen.points(RETRIES) == {}


async def test_repetitions_are_counted_by_what_made_them_necessary(seen: Seen):
    async with stage(client={"telemetry": seen.telemetry}) as on:
        on.emulator.inject(Refuse(503), operation=ACQUIRE)
        on.emulator.inject(Unreachable(), operation=ACQUIRE)
        on.emulator.inject(SlowAnswer(4.0), operation=START)
        await on.started()
    assert seen.points(RETRIES) == {
        about(ACQUIRE, error_type="agora_rec.ServiceUnavailable"): 1,
        about(ACQUIRE, error_type="no_connection"): 1,
    }
    assert seen.points(REQUESTS) == {
        request(ACQUIRE, 503, error_type="503"): (1, pytest.approx(LATENCY)),
        request(ACQUIRE, None, error_type="no_connection"): (1, pytest.approx(0, abs=0.1)),
        request(ACQUIRE): (1, pytest.approx(LATENCY)),
        request(START): (1, pytest.approx(4 + LATENCY)),
    }
    # Two pauses of a second each: the troubles are of different kinds.
    assert seen.points(CALLS)[call(ACQUIRE)] == (1, pytest.approx(2 + 2 * LATENCY, abs=0.1))
    assert seen.points(CALLS)[call(START)] == (1, pytest.approx(4 + LATENCY))


async def test_calls_that_fail_are_told_apart(seen: Seen):
    options = {"telemetry": seen.telemetry, "retry": RetryPolicy.never()}
    async with stage(client=options) as on:
        recording = await on.started()
        on.emulator.inject(Refuse(503), operation=QUERY)
        on.emulator.inject(LoseAnswer(), operation=QUERY)
        for error in (ServiceUnavailable, TransportError):
            with pytest.raises(error):
                await recording.query()
        await recording.ensure_stopped()
    assert {key for key in seen.points(CALLS) if ("agora_rec.operation", "query") in key} == {
        call(QUERY, "unanswered", "agora_rec.ServiceUnavailable"),
        call(QUERY, "unanswered", "agora_rec.TransportError"),
    }
    assert call(STOP) in seen.points(CALLS)


async def test_the_wait_for_the_budget_is_measured(seen: Seen):
    async with stage(client={"telemetry": seen.telemetry, "qps": 1}) as on:
        recordings = [await on.started(f"class-{number}") for number in range(2)]
        async with anyio.create_task_group() as tasks:
            for recording in recordings:
                tasks.start_soon(recording.query)
    count, total = seen.points(WAITS)[about(QUERY)]
    assert count == 2
    assert total > 1
    assert seen.points(CALLS)[call(QUERY)][1] == pytest.approx(total + 2 * LATENCY)


async def test_the_buckets_fit_seconds(seen: Seen):
    async with stage(client={"telemetry": seen.telemetry}) as on:
        await on.started()
    data = seen.reader.get_metrics_data()
    assert data is not None
    found = {
        metric.name: (metric.unit, tuple(point.explicit_bounds))
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
        if isinstance(point, HistogramDataPoint)
    }
    assert found == {
        REQUESTS: ("s", names.HTTP_BUCKETS),
        CALLS: ("s", names.LONG_BUCKETS),
        WAITS: ("s", names.LONG_BUCKETS),
    }


async def play(on: Stage, recording: Recording) -> None:
    """Do a bit of everything, with trouble."""
    on.emulator.inject(Refuse(503), operation=START, cname=recording.cname)
    async with recording:
        await recording.query()


async def test_no_point_is_about_a_single_recording(seen: Seen):
    async with stage(client={"telemetry": seen.telemetry}) as on, anyio.create_task_group() as tasks:
        for number in range(12):
            tasks.start_soon(play, on, on.recording(f"class-{number}", UID + number))
    points = [point for metric in (REQUESTS, CALLS, WAITS, RETRIES) for point in seen.points(metric)]
    assert len(points) == 5 + 4 + 4 + 1
    allowed = {
        "http.request.method", "http.response.status_code", "server.address", "server.port",
        "url.template", "error.type", "agora_rec.operation", "agora_rec.outcome",
    }  # fmt: skip
    assert {name for point in points for name, _ in point} == allowed
