"""Spans of calls that go over real sockets, through both HTTP libraries, beside instrumentations of those."""

import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

from agora_rec.emulator import Emulator, Refuse, Settings
from agora_rec.transport import RetryPolicy, open_transport
from tests.operations import samples
from tests.support.cloud import QUERY, UID, a_client, mix
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET, shown_in
from tests.support.served import served_emulator
from tests.telemetry.seen import Seen, told
from tests.transport.servers import answer, serving

pytestmark = pytest.mark.anyio

KEYS: dict[str, Any] = {"customer_id": CUSTOMER_ID, "customer_secret": CUSTOMER_SECRET}
STARTED = b'{"cname":"c","uid":"1","resourceId":"r","sid":"s"}'
QUICK = Settings(latency=0.0, start_seconds=0.0, upload_seconds=0.0, exit_seconds=0.0)


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture(params=["aiohttp", "httpx"], autouse=True)
def library(request: pytest.FixtureRequest, anyio_backend: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The library that does the work: on trio httpx, on asyncio aiohttp unless it isn't there."""
    if request.param == "httpx":
        monkeypatch.setitem(sys.modules, "agora_rec.transport.over_aiohttp", None)
    name: str = request.param if anyio_backend == "asyncio" else "httpx"
    return name


@pytest.fixture
def instrumented(seen: Seen) -> Iterator[None]:
    """Both libraries as applications instrument them that want to see all of their calls."""
    options: dict[str, Any] = {
        "tracer_provider": seen.tracer_provider,
        "meter_provider": seen.meter_provider,
    }
    instrumentors = (HTTPXClientInstrumentor(), AioHttpClientInstrumentor())
    for instrumentor in instrumentors:
        instrumentor.instrument(**options)
    yield
    for instrumentor in instrumentors:
        instrumentor.uninstrument()


async def test_a_recording_over_a_port_is_one_trace(seen: Seen):
    emulator = Emulator(customer_id=CUSTOMER_ID, customer_secret=CUSTOMER_SECRET, qps=None, settings=QUICK)
    options: dict[str, Any] = {"transport": None, "telemetry": seen.telemetry}
    options["retry"] = RetryPolicy(query_server=(0.01,))
    with served_emulator(emulator) as (_, url):
        async with a_client(emulator, **options, base_url=url) as cloud:
            with seen.tracer.start_as_current_span("lesson"):
                async with cloud.recording("class-42", UID, mix()) as recording:
                    emulator.inject(Refuse(503), operation=QUERY)
                    await recording.query()
    assert seen.tree() == [
        "lesson",
        "  agora_rec acquire",
        "    POST",
        "  agora_rec start",
        "    POST",
        "  agora_rec query",
        "    GET",
        "    GET",
        "  agora_rec stop",
        "    POST",
    ]
    port = httpx.URL(url).port
    attempts = [told(span) for span in seen.attempts]
    assert {(each["server.address"], each["server.port"]) for each in attempts} == {("127.0.0.1", port)}
    assert [each.get("error.type") for each in attempts] == [None, None, "503", None, None]
    assert all(each["agora_rec.request_id"] for each in attempts)


@pytest.mark.usefixtures("instrumented")
async def test_instrumented_libraries_tell_no_attempt_twice_and_send_nothing_of_the_trace(seen: Seen):
    async with (
        serving(answer(STARTED)) as server,
        open_transport(**KEYS, base_url=server.url, telemetry=seen.telemetry) as transport,
    ):
        with seen.tracer.start_as_current_span("app"):
            await transport.send(samples.START)
    assert seen.tree() == ["app", "  agora_rec start", "    POST"]
    assert [count for count, _ in seen.points("http.client.request.duration").values()] == [1]
    (request,) = server.requests
    head = request.partition(b"\r\n\r\n")[0].lower()
    assert b"traceparent" not in head
    assert b"tracestate" not in head
    assert b"baggage" not in head


@pytest.mark.usefixtures("instrumented")
async def test_without_a_telemetry_they_go_on_as_the_application_has_it(seen: Seen, library: str):
    async with (
        serving(answer(STARTED)) as server,
        open_transport(**KEYS, base_url=server.url) as transport,
    ):
        await transport.send(samples.START)
    assert len(seen.spans) == 1
    scope = seen.spans[0].instrumentation_scope
    assert scope is not None
    assert library in scope.name
    assert not shown_in(seen.spans[0].to_json())
