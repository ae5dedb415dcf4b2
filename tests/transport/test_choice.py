"""Which HTTP library does the work, and the whole transport over real sockets."""

import logging
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import aiohttp
import anyio
import httpx
import pytest

from agora_rec.clock import SystemClock
from agora_rec.errors import InvalidRequest, TransportError, UnexpectedAnswer
from agora_rec.transport import Hosts, LocalBudget, RetryPolicy, Unpaced, open_transport
from agora_rec.transport.outgoing import basic_authorization
from agora_rec.transport.wire import FailureKind, WireFailure
from agora_rec.transport.wires import OwnWire
from agora_rec.vocabulary import Area, AttemptOutcome
from tests.operations import samples
from tests.support.reference import load
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET, shown_in
from tests.transport.servers import answer, hang_up, keep_silent, serving

pytestmark = pytest.mark.anyio

AUTHORIZATION = basic_authorization(CUSTOMER_ID, CUSTOMER_SECRET)
KEYS: dict[str, Any] = {"customer_id": CUSTOMER_ID, "customer_secret": CUSTOMER_SECRET}
STARTED = load("responses")["endpoints"]["start"][200]["variants"]["any"].encode()


@pytest.fixture
def chosen(anyio_backend: str) -> str:
    """What is used on this loop when all is installed."""
    return {"asyncio": "AiohttpWire", "trio": "HttpxWire"}[anyio_backend]


async def used(wire: OwnWire) -> str:
    """The name of the wire that an exchange goes through."""
    async with serving(answer(b"{}")) as server:
        assert (await wire.exchange("GET", server.url, "/", None, 5.0)).status == 200
        shown = repr(wire)
        await wire.aclose()
    return shown.removeprefix("<OwnWire <").split()[0]


async def test_aiohttp_is_used_on_asyncio_and_httpx_on_trio(chosen: str):
    assert await used(OwnWire(AUTHORIZATION)) == chosen


@pytest.mark.parametrize("missing", ["agora_rec.transport.over_aiohttp", "aiohttp"])
async def test_httpx_is_used_where_aiohttp_is_not_installed(missing: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "agora_rec.transport.over_aiohttp", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    assert await used(OwnWire(AUTHORIZATION)) == "HttpxWire"


async def test_httpx_is_used_where_aiohttp_is_too_old(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "agora_rec.transport.over_aiohttp", raising=False)
    monkeypatch.delattr("aiohttp.ConnectionTimeoutError")
    assert await used(OwnWire(AUTHORIZATION)) == "HttpxWire"


@pytest.mark.parametrize("method", ["__init__", "_request"])
async def test_the_client_of_aiohttp_is_used_where_somebody_looks_on_at_it(
    method: str, chosen: str, monkeypatch: pytest.MonkeyPatch
):
    of_aiohttp: Callable[..., Any] = getattr(aiohttp.ClientSession, method)

    @wraps(of_aiohttp)
    def looking_on(*args: Any, **more: Any) -> Any:
        return of_aiohttp(*args, **more)

    monkeypatch.setattr(aiohttp.ClientSession, method, looking_on)
    expected = "AiohttpClientWire" if chosen == "AiohttpWire" else chosen
    assert await used(OwnWire(AUTHORIZATION)) == expected


async def test_httpx_is_used_where_a_proxy_is_in_the_way(chosen: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    wire = OwnWire(AUTHORIZATION)
    wire.open(Hosts.of_area(Area.EU).candidates)
    assert "HttpxWire" in repr(wire)
    await wire.aclose()
    monkeypatch.setenv("no_proxy", "agora.io,sd-rtn.com")
    wire.open(Hosts.of_area(Area.EU).candidates)
    assert chosen in repr(wire)
    assert await used(OwnWire(AUTHORIZATION)) == chosen  # a loopback address is reached directly


async def test_a_given_transport_is_used_on_every_loop():
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=b"{}"))
    assert await used(OwnWire(AUTHORIZATION, transport)) == "HttpxWire"


async def test_it_can_be_closed_unused_and_used_again_after_closing(chosen: str):
    wire = OwnWire(AUTHORIZATION)
    await wire.aclose()
    assert repr(wire) == "<OwnWire None>"
    assert [await used(wire), await used(wire)] == [chosen, chosen]


async def test_opening_loads_the_one_that_is_used_and_reads_the_certificates_so_that_no_call_has_to(
    anyio_backend: str,
):
    code = f"""
import anyio, ssl, sys
from agora_rec import CloudRecording
made = []
create = ssl.create_default_context
def counted(*args, **more):
    made.extend(["bundle"] if more else [])  # aiohttp makes one for itself
    return create(*args, **more)
async def main():
    ssl.create_default_context = counted
    cloud = CloudRecording("app", customer_id="i", customer_secret="s")
    print(sorted({{"aiohttp", "httpx"}} & set(sys.modules)), len(made))
    async with cloud:
        print(sorted({{"aiohttp", "httpx"}} & set(sys.modules)), len(made))
anyio.run(main, backend={anyio_backend!r})
"""
    done = await anyio.run_process([sys.executable, "-c", code])
    library = {"asyncio": "aiohttp", "trio": "httpx"}[anyio_backend]
    assert done.stdout.decode().splitlines() == ["[] 0", f"['{library}'] 1"]


async def test_credentials_go_through_a_proxy_inside_tls_only(monkeypatch: pytest.MonkeyPatch):
    async with serving(answer(b"", 502)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        wire = OwnWire(AUTHORIZATION)
        with pytest.raises(WireFailure) as caught:
            await wire.exchange("GET", "https://service.example.com", "/v1", None, 5.0)
        await wire.aclose()
    assert (caught.value.kind, caught.value.sent) == (FailureKind.CONNECT, False)
    (request,) = proxy.requests
    assert request.startswith(b"CONNECT service.example.com:443")
    assert not shown_in(request.decode())


async def test_a_call_goes_all_the_way_and_connections_are_closed_at_the_end():
    async with serving(answer(STARTED)) as server:
        async with open_transport(**KEYS, base_url=server.url) as transport:
            begun = await transport.send(samples.START)
        with anyio.fail_after(5):
            await server.closed.wait()
    assert begun.sid == "0f6c2a5d9b1e4c7f8a3d2e1b0c9f8e7d"
    assert server.requests[0].startswith(f"POST {samples.START.path} HTTP/1.1".encode())


async def test_no_more_connections_are_opened_than_allowed_and_those_are_kept():
    async with serving(answer(STARTED)) as server:
        transport = open_transport(**KEYS, base_url=server.url, budget=Unpaced(), max_connections=4)
        async with transport, anyio.create_task_group() as tasks:
            for _ in range(40):
                tasks.start_soon(transport.send, samples.START)
        with anyio.fail_after(5):
            await server.down_to(0)
    assert (server.connections, len(server.requests)) == (4, 40)


async def test_a_refused_connection_ends_as_not_sent():
    async with serving(hang_up) as server:
        url = server.url
    async with open_transport(**KEYS, base_url=url, retry=RetryPolicy.never()) as transport:
        with pytest.raises(TransportError) as caught:
            await transport.send(samples.START)
    assert [each.outcome for each in caught.value.attempts] == [AttemptOutcome.NOT_SENT]
    assert not caught.value.maybe_running
    assert caught.value.__cause__ is not None


async def test_a_lost_start_is_sent_again_the_same_and_found_out():
    retry = RetryPolicy(no_answer=(0.001,))
    async with (
        serving(hang_up, answer(b'{"code":7,"reason":"already started","sid":"s1"}', 201)) as server,
        open_transport(**KEYS, base_url=server.url, retry=retry, budget=LocalBudget(1000)) as transport,
    ):
        with pytest.raises(Exception, match="already started") as caught:
            await transport.send(samples.START)
    assert getattr(caught.value, "sid", None) == "s1"
    bodies = [request.partition(b"\r\n\r\n")[2] for request in server.requests]
    assert bodies[0] == bodies[1] != b""


async def test_a_service_that_is_silent_ends_as_unanswered_in_time():
    async with (
        serving(answer(STARTED), keep_silent) as server,
        open_transport(**KEYS, base_url=server.url, retry=RetryPolicy.never()) as transport,
    ):
        await transport.send(samples.START)  # so that no time goes into the connection
        transport.timeout = 0.1
        with pytest.raises(TransportError) as caught, anyio.fail_after(5):
            await transport.send(samples.START)
    assert [each.outcome for each in caught.value.attempts] == [AttemptOutcome.UNANSWERED]
    assert caught.value.maybe_running


async def test_a_redirect_is_an_unexpected_answer_and_not_followed():
    async with (
        serving(answer(b"", 301, "Location: https://elsewhere.example.com/")) as server,
        open_transport(**KEYS, base_url=server.url) as transport,
    ):
        with pytest.raises(UnexpectedAnswer) as caught:
            await transport.send(samples.START)
    assert caught.value.status == 301
    assert len(server.requests) == 1


async def test_all_that_it_logs_and_raises_is_free_of_secrets(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    async with (
        serving(hang_up) as server,
        open_transport(**KEYS, base_url=server.url, retry=RetryPolicy(no_answer=(0.0,))) as transport,
    ):
        with pytest.raises(TransportError) as caught:
            await transport.send(samples.START)
    assert len(caught.value.attempts) == 2
    assert not shown_in(caplog.text)
    assert not shown_in(f"{caught.value!r} {caught.value} {caught.value.__cause__!r} {transport!r}")


async def test_without_more_it_paces_itself_as_the_service_allows_to_begin_with():
    transport = open_transport(**KEYS, area=Area.CN, clock=SystemClock())
    assert isinstance(transport.budget, LocalBudget)
    assert transport.budget.qps == load("timing")["limits"]["qps"]["value"]
    assert transport.hosts.candidates == Hosts.of_area(Area.CN).candidates
    assert (transport.timeout, transport.retry) == (10.0, RetryPolicy())


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"base_url": "http://api.agora.io"}, "base_url"),
        ({"customer_id": "a:b"}, "customer_id"),
        ({"customer_secret": ""}, "customer_secret"),
        ({"timeout": 0}, "timeout"),
    ],
)
async def test_wrong_settings_are_named(wrong: dict[str, Any], path: str):
    with pytest.raises(InvalidRequest) as caught:
        open_transport(**{**KEYS, **wrong})
    assert [each.path for each in caught.value.violations] == [path]


def test_a_budget_that_is_false_is_used_all_the_same() -> None:
    class Idle(LocalBudget):
        def __bool__(self) -> bool:
            return self.waiting > 0

    budget = Idle(1)
    assert open_transport(**KEYS, base_url="http://127.0.0.1:1", budget=budget).budget is budget
