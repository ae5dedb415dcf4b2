"""Every wire over real sockets: what is sent, what is read, and what each failure is taken for."""

import gzip
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme
from anyio.abc import ByteStream

import agora_rec
from agora_rec.codec import Body
from agora_rec.errors import InvalidRequest
from agora_rec.transport.aiohttp_client import AiohttpClientWire
from agora_rec.transport.http import HttpxWire
from agora_rec.transport.outgoing import basic_authorization
from agora_rec.transport.over_aiohttp import AiohttpWire
from agora_rec.transport.wire import ANSWER_LIMIT, FailureKind, Wire, WireFailure
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET, TOKEN, exposures, shown_in
from tests.transport.servers import answer, drip, flood, hang_up, keep_silent, raw, reset, serving

pytestmark = pytest.mark.anyio

AUTHORIZATION = basic_authorization(CUSTOMER_ID, CUSTOMER_SECRET)
BODY = Body(f'{{"token":"{TOKEN}"}}'.encode())
SHORT = 0.1
LONG = 5.0
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(
    params=[
        ("asyncio", HttpxWire),
        ("trio", HttpxWire),
        ("asyncio", AiohttpWire),
        ("asyncio", AiohttpClientWire),
    ],
    ids=lambda p: f"{p[0]}-{p[1].__name__}",
)
def stack(request: pytest.FixtureRequest) -> Any:
    """An event loop, and a wire that runs on it."""
    return request.param


@pytest.fixture
def anyio_backend(stack: tuple[str, type[Any]]) -> str:
    """The event loop of the stack."""
    return stack[0]


@pytest.fixture
async def wire(stack: tuple[str, type[Any]]) -> AsyncIterator[Wire]:
    """The wire of the stack."""
    made: Wire = stack[1](AUTHORIZATION)
    yield made
    await made.aclose()


async def failure_of(wire: Wire, url: str, seconds: float = LONG, method: str = "POST") -> WireFailure:
    """How an exchange fails; it shows no secret and holds on to no frame it went through."""
    with pytest.raises(WireFailure) as caught:
        await wire.exchange(method, url, "/", BODY if method == "POST" else None, seconds)
    failure = caught.value
    assert not any(shown_in(text) for _, text in exposures(failure))
    for inner in (failure.__cause__, failure.__context__):
        assert inner is None or inner.__traceback__ is None
    return failure


async def test_a_post_carries_the_documented_headers_and_nothing_else(wire: Wire):
    async with serving(answer(b"{}")) as server:
        await wire.exchange("POST", server.url, "/v1/a%2Fb%20c/%C3%BC", BODY, LONG)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    assert line == "POST /v1/a%2Fb%20c/%C3%BC HTTP/1.1"
    assert body == BODY.reveal()
    sent = {name.lower(): value.strip() for name, _, value in (header.partition(":") for header in headers)}
    assert len(sent) == len(headers)
    assert sent.pop("connection", "keep-alive") == "keep-alive"
    assert sent == {
        "host": server.url.removeprefix("http://"),
        "user-agent": f"agora-rec/{agora_rec.__version__}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(BODY)),
        "authorization": AUTHORIZATION.reveal(),
    }


async def test_a_get_has_neither_body_nor_content_type(wire: Wire):
    async with serving(answer(b"{}")) as server:
        await wire.exchange("GET", server.url, "/v1/ncs/ip", None, LONG)
    head, _, body = server.requests[0].lower().partition(b"\r\n\r\n")
    assert head.startswith(b"get /v1/ncs/ip http/1.1\r\n")
    assert body == b""
    for name in (b"content-type", b"content-length", b"transfer-encoding"):
        assert name not in head


async def test_status_body_and_the_services_own_id_come_back(wire: Wire):
    async with serving(answer(b'{"code":7}', 201, f"X-Request-Id: {'r' * 300}")) as server:
        got = await wire.exchange("POST", server.url, "/", BODY, LONG)
    assert (got.status, got.body, got.request_id) == (201, b'{"code":7}', "r" * 100)


async def test_what_is_said_ahead_of_an_answer_is_not_the_answer(wire: Wire):
    ahead = b"HTTP/1.1 103 Early Hints\r\nX-Request-Id: ahead\r\n\r\n"
    async with serving(raw(ahead + ahead + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")) as server:
        got = await wire.exchange("POST", server.url, "/", BODY, LONG)
    assert (got.status, got.body, got.request_id) == (200, b"{}", None)


async def test_an_answer_without_an_id_has_none(wire: Wire):
    async with serving(answer(b"")) as server:
        assert (await wire.exchange("POST", server.url, "/", BODY, LONG)).request_id is None


async def test_an_answer_may_ask_for_time(wire: Wire):
    async with serving(answer(b"{}", 429, "retry-after: 7"), answer(b"{}", 429)) as server:
        assert (await wire.exchange("POST", server.url, "/", BODY, LONG)).retry_after == 7
        assert (await wire.exchange("POST", server.url, "/", BODY, LONG)).retry_after is None


async def test_a_refused_connection_was_not_sent(wire: Wire):
    async with serving(hang_up) as server:
        url = server.url
    failure = await failure_of(wire, url)
    assert (failure.kind, failure.sent, failure.dns) == (FailureKind.CONNECT, False, False)


async def test_a_name_that_does_not_resolve_was_not_sent_and_is_known_for_what_it_is(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
):
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    failure = await failure_of(wire, "http://api.agora.invalid")
    assert (failure.kind, failure.sent, failure.dns) == (FailureKind.CONNECT, False, True)


async def test_a_connection_closed_instead_of_an_answer_may_have_acted(wire: Wire):
    async with serving(hang_up) as server:
        failure = await failure_of(wire, server.url)
    assert (failure.kind, failure.sent) == (FailureKind.LOST, True)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        CHUNKED + b"5\r\n{\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
    ],
    ids=["length", "chunked", "head"],
)
async def test_an_answer_that_is_cut_may_have_acted(wire: Wire, start: bytes):
    async with serving(raw(start, keep=False)) as server:
        failure = await failure_of(wire, server.url)
    assert (failure.kind, failure.sent) == (FailureKind.LOST, True)


async def test_a_server_that_never_finishes_tls_was_not_sent_anything(wire: Wire):
    async with serving(keep_silent) as server:
        failure = await failure_of(wire, server.url.replace("http:", "https:"), SHORT)
    assert (failure.kind, failure.sent) == (FailureKind.CONNECT, False)
    assert server.requests == []


@pytest.mark.parametrize(
    "garbage", [b"\x00\xff\x00\r\n\r\n", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/9.9 abc\r\n\r\n"]
)
async def test_garbage_may_have_acted(wire: Wire, garbage: bytes):
    async with serving(raw(garbage, keep=False)) as server:
        failure = await failure_of(wire, server.url)
    assert failure.kind in {FailureKind.LOST, FailureKind.GARBLED}
    assert failure.sent


async def test_an_answer_of_the_largest_size_is_read(wire: Wire):
    async with serving(answer(b"x" * ANSWER_LIMIT)) as server:
        assert len((await wire.exchange("POST", server.url, "/", BODY, LONG)).body) == ANSWER_LIMIT


@pytest.mark.parametrize("reply", [answer(b"x" * (ANSWER_LIMIT + 1)), flood], ids=["known", "endless"])
async def test_a_larger_answer_is_refused_and_its_connection_closed(wire: Wire, reply: Any):
    async with serving(reply, answer(b"ok")) as server:
        failure = await failure_of(wire, server.url)
        assert (failure.kind, failure.sent) == (FailureKind.TOO_LARGE, True)
        assert (await wire.exchange("POST", server.url, "/", BODY, LONG)).body == b"ok"
    assert server.connections == 2


async def test_nothing_is_decompressed(wire: Wire):
    packed = gzip.compress(b"0" * 10_000_000)
    async with serving(answer(packed, 200, "Content-Encoding: gzip")) as server:
        assert (await wire.exchange("POST", server.url, "/", BODY, LONG)).body == packed


async def test_redirects_are_answers_and_cookies_are_left_alone(wire: Wire):
    async with serving(answer(b"", 307, "Location: /elsewhere", "Set-Cookie: a=b; Path=/")) as server:
        for _ in range(2):
            assert (await wire.exchange("POST", server.url, "/", BODY, LONG)).status == 307
    assert [request.split(b" ")[1] for request in server.requests] == [b"/", b"/"]
    assert not any(b"cookie" in request.lower() for request in server.requests)


async def test_a_connection_is_used_again(wire: Wire):
    async with serving(answer(b"{}")) as server:
        for _ in range(5):
            await wire.exchange("POST", server.url, "/", BODY, LONG)
    assert (server.connections, len(server.requests)) == (1, 5)


async def test_calls_at_once_have_a_connection_each_and_leave_them_to_the_next(wire: Wire):
    async with serving(answer(b"{}")) as server:
        for _ in range(3):
            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(wire.exchange, "POST", server.url, "/", BODY, LONG)
    assert (server.connections, len(server.requests)) == (10, 30)


async def test_an_idle_connection_that_the_server_closed_is_not_noticed(wire: Wire):
    async with serving(answer(b"{}", keep=False)) as server:
        for _ in range(3):
            assert (await wire.exchange("POST", server.url, "/", BODY, LONG)).status == 200
            await anyio.sleep(0.01)  # for the end of the connection to arrive
    assert (server.connections, len(server.requests)) == (3, 3)


async def test_what_comes_unasked_on_an_idle_connection_is_no_answer_to_the_next_request(wire: Wire):
    async def say_more_than_was_asked(stream: ByteStream) -> bool:
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await anyio.sleep(0.01)
        await stream.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        return True

    async with serving(say_more_than_was_asked) as server:
        for _ in range(3):
            assert (await wire.exchange("POST", server.url, "/", BODY, LONG)).status == 200
            await anyio.sleep(0.03)  # for what is unasked to arrive
    assert (server.connections, len(server.requests)) == (3, 3)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_used_connection_that_closes_under_a_request_is_known_for_stale_and_nothing_is_repeated(
    wire: Wire, method: str
):
    async with serving(answer(b"{}"), hang_up) as server:
        await wire.exchange("POST", server.url, "/", BODY, LONG)
        failure = await failure_of(wire, server.url, method=method)
    assert (failure.kind, failure.sent, failure.stale) == (FailureKind.LOST, True, True)
    assert (server.connections, len(server.requests)) == (1, 2)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_new_connection_that_closes_is_not_stale_and_nothing_is_repeated(wire: Wire, method: str):
    async with serving(hang_up) as server:
        failure = await failure_of(wire, server.url, method=method)
    assert (failure.kind, failure.sent, failure.stale) == (FailureKind.LOST, True, False)
    assert (server.connections, len(server.requests)) == (1, 1)


async def test_a_used_connection_that_is_reset_is_stale(wire: Wire):
    async with serving(answer(b"{}"), reset) as server:
        await wire.exchange("POST", server.url, "/", BODY, LONG)
        failure = await failure_of(wire, server.url)
    assert (failure.kind, failure.sent, failure.stale) == (FailureKind.LOST, True, True)


@pytest.mark.parametrize(
    "part",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", b"\x00\xff\x00\r\n\r\n", CHUNKED],
    ids=["body", "garbage", "head"],
)
async def test_a_used_connection_on_which_an_answer_has_begun_is_not_stale(wire: Wire, part: bytes):
    async with serving(answer(b"{}"), raw(part, keep=False)) as server:
        await wire.exchange("POST", server.url, "/", BODY, LONG)
        failure = await failure_of(wire, server.url)
    assert (failure.sent, failure.stale) == (True, False)


async def test_a_fresh_connection_is_new_and_the_idle_ones_are_given_up_for_it(wire: Wire):
    async with serving(answer(b"{}")) as server:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(wire.exchange, "POST", server.url, "/", BODY, LONG)
        await wire.exchange("POST", server.url, "/", BODY, LONG, fresh=True)
        assert server.connections == 4
        with anyio.fail_after(LONG):
            await server.down_to(1)
        await wire.exchange("POST", server.url, "/", BODY, LONG)
    assert server.connections == 4


async def test_a_slow_body_is_ended_by_a_cancellation_which_shows_nothing_and_closes_the_connection(
    wire: Wire,
):
    ended: list[str] = []
    scope = anyio.CancelScope()

    async def exchange() -> None:
        with scope:
            try:
                await wire.exchange("POST", server.url, "/", BODY, LONG)
            except BaseException as cancelled:
                ended.extend([where for where, text in exposures(cancelled) if shown_in(text)] or ["clean"])
                raise

    async with serving(drip(0.01)) as server, anyio.create_task_group() as tasks:
        tasks.start_soon(exchange)
        with anyio.fail_after(LONG):
            await server.asked.wait()
            await anyio.sleep(0.02)
            scope.cancel()
            await server.closed.wait()
    assert ended == ["clean"]


async def test_after_closing_it_opens_new_connections(wire: Wire):
    async with serving(answer(b"{}")) as server:
        await wire.exchange("POST", server.url, "/", BODY, LONG)
        await wire.aclose()
        with anyio.fail_after(LONG):
            await server.closed.wait()
        await wire.exchange("POST", server.url, "/", BODY, LONG)
    assert server.connections == 2


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A throwaway certificate authority."""
    return trustme.CA()


def context_of(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def trusted(authority: trustme.CA, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))


async def test_a_custom_bundle_is_trusted(
    wire: Wire, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    trusted(authority, tmp_path, monkeypatch)
    async with serving(answer(b"{}"), tls=context_of(authority, "127.0.0.1")) as server:
        for _ in range(2):
            assert (await wire.exchange("POST", server.url, "/", BODY, LONG)).status == 200
    assert server.connections == 1


async def test_an_unknown_authority_is_not_trusted_with_anything(wire: Wire, authority: trustme.CA):
    async with serving(answer(b"{}"), tls=context_of(authority, "127.0.0.1")) as server:
        failure = await failure_of(wire, server.url)
    assert (failure.kind, failure.sent) == (FailureKind.CONNECT, False)
    assert "certificate" in failure.detail.lower()
    assert server.requests == []


async def test_a_certificate_for_another_name_is_not_trusted_with_anything(
    wire: Wire, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    trusted(authority, tmp_path, monkeypatch)
    async with serving(answer(b"{}"), tls=context_of(authority, "api.agora.io")) as server:
        failure = await failure_of(wire, server.url)
    assert (failure.kind, failure.sent) == (FailureKind.CONNECT, False)
    assert server.requests == []


async def test_a_url_that_cannot_be_asked_is_our_own_fault_and_not_sent(wire: Wire):
    failure = await failure_of(wire, "gopher://127.0.0.1")
    assert (failure.kind, failure.sent) == (FailureKind.LOCAL, False)


async def test_a_host_that_it_was_not_opened_for_is_prepared_by_the_first_exchange(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
):
    wire.open(())
    async with serving(answer(b"{}")) as server:
        assert (await wire.exchange("POST", server.url, "/", BODY, LONG)).status == 200
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/bundle.pem")
    with pytest.raises(InvalidRequest) as caught:
        await wire.exchange("POST", "https://127.0.0.1:1", "/", BODY, LONG)
    assert [each.path for each in caught.value.violations] == ["SSL_CERT_FILE"]


async def test_a_base_url_with_a_path_keeps_it(wire: Wire):
    async with serving(answer(b"{}")) as server:
        await wire.exchange("POST", f"{server.url}/gate/way", "/v1/x", BODY, LONG)
    assert server.requests[0].startswith(b"POST /gate/way/v1/x HTTP/1.1\r\n")


async def test_the_repr_shows_no_credentials(wire: Wire):
    assert not shown_in(repr(wire))
    assert not shown_in(repr(vars(wire)))
