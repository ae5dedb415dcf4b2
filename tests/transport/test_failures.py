"""What each exception of the HTTP libraries is taken for."""

import asyncio
import inspect
import socket
from collections.abc import AsyncIterator

import aiohttp
import anyio
import h11
import httpcore
import httpx
import pytest
from aiohttp import client_exceptions
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict

from agora_rec.transport import http, over_aiohttp
from agora_rec.transport.http import HttpxWire
from agora_rec.transport.outgoing import basic_authorization
from agora_rec.transport.wire import ANSWER_LIMIT, FailureKind, WireFailure, chain, in_words, scrub
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET, NEEDLE, shown_in
from tests.transport.servers import answer, hang_up, keep_silent, serving

pytestmark = pytest.mark.anyio

AUTHORIZATION = basic_authorization(CUSTOMER_ID, CUSTOMER_SECRET)
HOST = "https://service.example.com"
PATH = "/v1"
NEVER_SENT = {
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
}
HTTPX = [each for _, each in inspect.getmembers(httpx, inspect.isclass) if issubclass(each, Exception)]
HTTPCORE = [each for _, each in inspect.getmembers(httpcore, inspect.isclass) if issubclass(each, Exception)]
AIOHTTP = [
    each
    for _, each in inspect.getmembers(client_exceptions, inspect.isclass)
    if issubclass(each, aiohttp.ClientError)
]
AIOHTTP_NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)


KEY = ConnectionKey("host", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None)


class Raising(httpx.AsyncBaseTransport):
    """A transport of the caller's that fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise self.error

    async def aclose(self) -> None:
        self.closed = True


async def failure_over(transport: httpx.AsyncBaseTransport) -> WireFailure:
    with pytest.raises(WireFailure) as caught:
        await HttpxWire(AUTHORIZATION, transport).exchange("GET", HOST, PATH, None, 1.0)
    return caught.value


@pytest.mark.parametrize("kind", HTTPX, ids=lambda each: each.__name__)
def test_every_exception_of_httpx_is_in_the_table_and_only_what_was_surely_unsent_is_called_unsent(
    kind: type[Exception],
):
    assert kind in http.FAILURES
    assert http.FAILURES[kind][1] is (kind not in NEVER_SENT)


@pytest.mark.parametrize("kind", HTTPCORE, ids=lambda each: each.__name__)
def test_every_exception_of_httpcore_has_a_counterpart_in_httpx(kind: type[Exception]):
    internal = {httpcore.ConnectionNotAvailable}  # caught by its pool
    assert kind in internal or hasattr(httpx, kind.__name__)


@pytest.mark.parametrize("kind", AIOHTTP, ids=lambda each: each.__name__)
def test_every_exception_of_aiohttp_has_a_row_and_only_what_was_surely_unsent_is_called_unsent(
    kind: type[aiohttp.ClientError],
):
    row = next(over_aiohttp.FAILURES[each] for each in kind.__mro__ if each in over_aiohttp.FAILURES)
    assert row[1] is not issubclass(kind, AIOHTTP_NEVER_SENT)


async def test_what_a_transport_lets_through_untranslated_may_have_acted():
    failure = await failure_over(Raising(OSError("odd")))
    assert (failure.kind, failure.sent, failure.detail) == (FailureKind.LOST, True, "OSError: odd")


async def test_a_protocol_error_of_our_own_is_not_quoted():
    error = httpx.LocalProtocolError(f"Illegal header value {NEEDLE!r}")
    failure = await failure_over(Raising(error))
    error.args = ()
    assert (failure.kind, failure.sent, failure.detail) == (FailureKind.LOCAL, False, "LocalProtocolError")


async def test_the_librarys_exception_is_kept_as_the_cause_without_frames():
    inner = h11.RemoteProtocolError("bad")
    error = httpx.RemoteProtocolError("worse")
    error.__cause__ = inner
    failure = await failure_over(Raising(error))
    assert failure.__cause__ is error
    assert [each.__traceback__ for each in chain(failure)][1:] == [None, None]


async def test_only_a_request_that_was_not_sent_can_have_an_unresolved_name():
    lost = httpx.ReadError("lost")
    lost.__cause__ = socket.gaierror()
    assert not (await failure_over(Raising(lost))).dns
    unsent = httpx.ConnectError("unknown")
    unsent.__cause__ = OSError()
    unsent.__cause__.__context__ = socket.gaierror()
    assert (await failure_over(Raising(unsent))).dns


def test_scrubbing_reaches_members_of_groups_and_ends_in_circles():
    def fail(error: BaseException) -> None:
        raise error

    def raised(error: BaseException) -> BaseException:
        with pytest.raises(type(error)) as caught:
            fail(error)
        return caught.value

    first, second = raised(ValueError()), raised(KeyError())
    first.__context__, second.__cause__ = second, first
    group = raised(BaseExceptionGroup("g", [first, raised(TypeError())]))
    assert all(each.__traceback__ is not None for each in chain(group))
    scrub(group)
    assert [type(each).__name__ for each in chain(group)].count("ValueError") == 1
    assert {each.__traceback__ for each in chain(group)} == {None}
    assert len(list(chain(group))) == 4


def test_the_words_of_an_exception_are_the_first_there_are():
    empty = ValueError()
    assert in_words(empty) == "ValueError"
    empty.__cause__ = OSError("why")
    assert in_words(empty) == "ValueError: why"


INFO = aiohttp.RequestInfo(None, "POST", {"Authorization": AUTHORIZATION.reveal()}, None)  # type: ignore[arg-type] # enough of one


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ClientResponseError(INFO, (), message="bad"),
        HttpProcessingError(code=400, message="bad", headers=CIMultiDict({"Set-Cookie": NEEDLE})),
    ],
    ids=["request", "answer"],
)
def test_an_exception_of_aiohttp_that_carries_headers_is_not_kept(error: Exception):
    failure = over_aiohttp.failure_of(error, used=True)
    assert (failure.kind, failure.detail) == (FailureKind.GARBLED, f"{type(error).__name__}: bad")
    assert failure.__cause__ is None


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_connection_of_aiohttp_that_is_lost_before_anything_is_written_counts_as_cut():
    lost = Connection(
        aiohttp.TCPConnector(), KEY, ResponseHandler(asyncio.get_running_loop()), asyncio.get_running_loop()
    )
    with pytest.raises(aiohttp.ServerDisconnectedError) as caught:
        await over_aiohttp._conversed(lost, b"GET / HTTP/1.1\r\n\r\n")
    lost.close()
    failure = over_aiohttp.failure_of(caught.value, used=True)
    assert (failure.kind, failure.sent, failure.stale) == (FailureKind.LOST, True, True)


async def test_a_transport_of_the_callers_is_used_and_stays_open():
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(201, content=b"{}", headers={"X-Request-Id": "r"})

    transport = httpx.MockTransport(answer)
    wire = HttpxWire(AUTHORIZATION, transport)
    got = await wire.exchange("GET", HOST, PATH, None, 1.0)
    assert (got.status, got.body, got.request_id) == (201, b"{}", "r")
    assert str(asked[0].url) == HOST + PATH
    given = Raising(ValueError())
    await HttpxWire(AUTHORIZATION, given).aclose()
    assert not given.closed
    assert repr(wire) == "<HttpxWire over a given transport>"


class Large(httpx.AsyncByteStream):
    """A body that goes on after it was closed."""

    def __init__(self) -> None:
        self.parts = 0
        self.closed = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(9):
            self.parts += 1
            yield b"x" * (ANSWER_LIMIT // 4)

    async def aclose(self) -> None:
        self.closed += 1


async def test_what_a_transport_goes_on_to_give_after_too_much_is_dropped():
    body = Large()

    class Flooding(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, stream=body)

    failure = await failure_over(Flooding())
    assert failure.kind is FailureKind.TOO_LARGE
    assert body.parts == 9
    assert body.closed


async def test_a_cancellation_leaves_without_the_frames_of_the_library():
    class Sleeping(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            headers = dict(request.headers)
            await anyio.sleep_forever()
            raise AssertionError(headers)

    depth = 0
    with anyio.move_on_after(0.01):
        try:
            await HttpxWire(AUTHORIZATION, Sleeping()).exchange("GET", HOST, PATH, None, 1.0)
        except BaseException as cancelled:
            trace = cancelled.__traceback__
            while trace is not None:
                depth += 1
                trace = trace.tb_next
            raise
    assert depth == 1  # here


async def test_connections_that_were_idle_for_too_long_are_closed(monkeypatch: pytest.MonkeyPatch):
    wire = HttpxWire(AUTHORIZATION)
    async with serving(answer(b"{}")) as server:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(wire.exchange, "GET", server.url, PATH, None, 5.0)
        monkeypatch.setattr(http, "KEEP_ALIVE", -1.0)
        await wire.exchange("GET", server.url, PATH, None, 5.0)
        assert (server.connections, len(wire._lanes)) == (4, 1)
        await wire.aclose()
        assert repr(wire) == "<HttpxWire lanes=0>"


async def test_idle_connections_to_a_host_that_was_left_are_closed_too(monkeypatch: pytest.MonkeyPatch):
    wire = HttpxWire(AUTHORIZATION)
    async with serving(answer(b"{}")) as left, serving(answer(b"{}")) as used:
        await wire.exchange("GET", left.url, PATH, None, 5.0)
        monkeypatch.setattr(http, "KEEP_ALIVE", -1.0)
        await wire.exchange("GET", used.url, PATH, None, 5.0)
        with anyio.fail_after(5):
            await left.closed.wait()
        assert len(wire._lanes) == 1
        await wire.aclose()


async def test_a_connection_that_failed_is_given_up_at_once_whoever_ended_it():
    wire = HttpxWire(AUTHORIZATION)
    async with serving(hang_up, keep_silent) as server:
        with pytest.raises(WireFailure):
            await wire.exchange("GET", server.url, PATH, None, 5.0)
        assert wire._lanes == set()
        with anyio.move_on_after(0.05):
            await wire.exchange("GET", server.url, PATH, None, 5.0)
        assert wire._lanes == set()


def test_the_examples_of_this_module_are_secrets():
    assert shown_in(AUTHORIZATION.reveal())
