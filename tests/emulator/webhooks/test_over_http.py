"""Delivery over real sockets: what a receiver at a URL can do, on both event loops."""

import socket
import ssl
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme
from anyio.abc import ByteStream

from agora_rec.clock import SystemClock
from agora_rec.emulator import DeliveryAttempt, DeliveryState, HealthCheck
from agora_rec.emulator.serving import serve
from agora_rec.emulator.webhooks.envelope import sign
from agora_rec.emulator.webhooks.over_http import open_http
from agora_rec.emulator.webhooks.receivers import ANSWER_BYTES_MAX, Intake, check_url
from agora_rec.errors import InvalidRequest
from agora_rec.secret import Secret
from tests.emulator.test_serving import make_certificate
from tests.emulator.webhooks.notices import Script
from tests.emulator.webhooks.receiving import Inbox, a_courier
from tests.support.secrets import NEEDLE, WEBHOOK_SECRET
from tests.transport import servers

pytestmark = pytest.mark.anyio

ACCEPT = servers.answer(b'{"ok":true}')
IMPATIENT = 0.2


async def deliver(
    url: str, notices: int = 1, *, verify: Any = None, **switches: Any
) -> list[DeliveryAttempt]:
    """Deliver notices to a URL, and give all attempts."""
    clock = SystemClock()
    source = Script()
    for sequence in range(notices):
        source.tell(clock.now(), sequence=sequence)
    given: dict[str, Any] = {"retry_gaps": ()} | switches
    courier = a_courier(source, clock, **given)
    receiver = open_http(check_url(Secret(url)), verify=verify)
    with anyio.fail_after(30):
        async with courier.delivering(receiver):
            await courier.settled()
    assert all(delivery.state.is_over for delivery in courier.schedule.deliveries)
    return [attempt for delivery in courier.schedule.deliveries for attempt in delivery.attempts]


async def test_a_post_as_the_service_sends_it():
    async with servers.serving(ACCEPT) as server:
        (attempt,) = await deliver(f"{server.url}/hooks/agora?token=abc")
    assert (attempt.reception, attempt.status, attempt.detail) == ("accepted", 200, "")
    assert attempt.seconds > 0
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    assert first == "POST /hooks/agora?token=abc HTTP/1.1"
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}
    signed = sign(Secret(WEBHOOK_SECRET), body)
    assert {name.lower(): value for name, value in signed.items()}.items() <= headers.items()
    assert headers["content-length"] == str(len(body))
    assert body.startswith(b'{"noticeId":"')
    assert body.endswith(b'"payload":{"sequence":0}}')


async def test_connections_are_kept_alive():
    async with servers.serving(ACCEPT) as server:
        attempts = await deliver(server.url, 20, at_once=2)
        assert len(server.requests) == len(attempts) == 20
        assert server.connections <= 2


@pytest.mark.parametrize(
    ("reply", "reception", "status"),
    [
        (servers.answer(b"{}", 500), "refused", 500),
        (servers.answer(b"{}", 204), "refused", 204),
        (servers.answer(b"", 307, "Location: /elsewhere"), "refused", 307),
        (servers.answer(b"thanks"), "not_json", 200),
        (servers.answer(b""), "not_json", 200),
        (servers.answer(b"\x1f\x8b", 200, "Content-Encoding: gzip"), "not_json", 200),
        (servers.answer(b"{}", 200, "Content-Encoding: gzip"), "accepted", 200),
        (servers.flood, "too_large", 200),
        (servers.keep_silent, "timed_out", None),
        (servers.drip(0.01), "timed_out", None),
        (servers.hang_up, "broken", None),
        (servers.reset, "broken", None),
        (servers.raw(b"220 mail ready\r\n\r\n"), "broken", None),
        (servers.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}", keep=False), "broken", None),
        (servers.raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000), "broken", None),
    ],
)
async def test_whatever_a_receiver_does_ends_one_attempt(
    reply: servers.Reply, reception: str, status: int | None
):
    async with servers.serving(reply) as server:
        (attempt,) = await deliver(server.url, answer_seconds=IMPATIENT if status is None else 10)
        assert len(server.requests) == 1, "nothing is followed, nothing is sent again by itself"
    assert (str(attempt.reception), attempt.status) == (reception, status)
    assert (attempt.detail != "") == (reception == "broken")


async def test_the_receivers_url_is_in_no_log_and_its_cookies_come_to_nothing(
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level("INFO")
    async with servers.serving(servers.answer(b"{}", 200, "Set-Cookie: who=me")) as server:
        await deliver(f"{server.url}/{NEEDLE}", 2, at_once=1)
    assert all(b"cookie" not in request.lower() for request in server.requests)
    assert [record.name for record in caplog.records if "127.0.0.1" in record.getMessage()] == []


async def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (attempt,) = await deliver(f"http://localhost:{port}/")
    assert (str(attempt.reception), attempt.detail) == ("unreachable", "ConnectError")


async def test_a_name_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    (attempt,) = await deliver("https://receiver.invalid/")
    assert str(attempt.reception) == "unresolved"


async def test_tls_is_verified(tmp_path: Path):
    authority, stranger = trustme.CA(), trustme.CA()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    trusting, doubting = ssl.create_default_context(), ssl.create_default_context()
    authority.configure_trust(trusting)
    stranger.configure_trust(doubting)
    async with servers.serving(ACCEPT, tls=server_side) as server:
        assert server.url.startswith("https:")
        found = [
            str((await deliver(server.url, verify=verify))[0].reception)
            for verify in (trusting, doubting, None)
        ]
        wrong_name = server.url.replace("127.0.0.1", "localhost")
        (misnamed,) = await deliver(wrong_name, verify=trusting)
    assert found == ["accepted", "untrusted", "untrusted"]
    assert str(misnamed.reception) == "untrusted"
    assert len(server.requests) == 1


async def test_authorities_of_the_environment_are_not_what_everybody_trusts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    authority = trustme.CA()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    async with servers.serving(ACCEPT, tls=server_side) as server:
        (attempt,) = await deliver(server.url)
    assert str(attempt.reception) == "untrusted"


def test_of_a_huge_answer_only_its_beginning_is_kept():
    intake = Intake()
    intake.add(b"x" * (1 << 24))
    intake.add(b"x" * (1 << 24))
    assert intake.is_too_large
    assert len(intake._bytes) == ANSWER_BYTES_MAX + 1


async def test_many_at_once_are_many_connections():
    all_are_here = anyio.Event()

    async def when_all_are_here(stream: ByteStream) -> bool:
        if len(server.requests) == 110:
            all_are_here.set()
        await all_are_here.wait()
        return await ACCEPT(stream)

    async with servers.serving(when_all_are_here) as server:
        attempts = await deliver(server.url, 110, at_once=110, answer_seconds=25)
    assert [str(each.reception) for each in attempts] == ["accepted"] * 110


async def test_proxies_of_the_environment_are_none_of_the_services(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with servers.serving(ACCEPT) as server:
        (attempt,) = await deliver(server.url)
    assert str(attempt.reception) == "accepted"


async def test_one_who_is_slow_holds_up_nobody_else():
    all_are_here = anyio.Event()

    async def when_all_others_are_through(stream: ByteStream) -> bool:
        await all_are_here.wait()
        return await ACCEPT(stream)

    async def at_once(stream: ByteStream) -> bool:
        if len(server.requests) == 30:
            all_are_here.set()
        return await ACCEPT(stream)

    async with servers.serving(when_all_others_are_through, at_once) as server:
        attempts = await deliver(server.url, 30)
    assert [str(each.reception) for each in attempts] == ["accepted"] * 30


async def test_what_fails_comes_again_and_the_receiver_can_tell():
    async with servers.serving(servers.answer(b"", 503), servers.answer(b"no"), ACCEPT) as server:
        attempts = await deliver(server.url, retry_gaps=(0, 0.05))
    assert [str(each.reception) for each in attempts] == ["refused", "not_json", "accepted"]
    bodies = [request.partition(b"\r\n\r\n")[2] for request in server.requests]
    assert len(set(bodies)) == 3
    assert len({body.partition(b'"notifyMs"')[0] for body in bodies}) == 1


async def see_the_end(stream: ByteStream) -> bool:
    """Wait for more from the other side, which there is none of."""
    await stream.receive()
    raise AssertionError


async def test_the_end_of_the_block_ends_what_is_on_the_wire():
    clock = SystemClock()
    source = Script()
    source.tell(clock.now())
    courier = a_courier(source, clock)
    async with servers.serving(see_the_end) as server:
        receiver = open_http(Secret(server.url), verify=None)
        with anyio.fail_after(5):
            async with courier.delivering(receiver):
                await server.asked.wait()
            await server.down_to(0)
    (delivery,) = courier.schedule.deliveries
    assert (delivery.state, str(delivery.attempts[0].reception)) == (DeliveryState.WAITING, "abandoned")


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_into_a_real_server(tls: bool, tmp_path: Path):  # noqa: FBT001 - a parameter of the test
    certificate, context = make_certificate(tmp_path)
    inbox = Inbox(answers=[(500, b"{}")])
    options: dict[str, Any] = {"certificate": certificate if tls else None, "key": None}
    async with serve(inbox, host="127.0.0.1", port=0, **options) as served:
        attempts = await deliver(
            f"{served.url}/hooks", 3, verify=context if tls else None, retry_gaps=(0,), redundant=True
        )
    assert sorted(str(each.reception) for each in attempts) == ["accepted"] * 6 + ["refused"]
    assert {each.scope["path"] for each in inbox.got} == {"/hooks"}
    for each in inbox.got:
        signed = {name.lower(): value for name, value in sign(Secret(WEBHOOK_SECRET), each.raw).items()}
        assert signed.items() <= each.headers.items()


async def test_what_the_console_shows_of_each_failure(monkeypatch: pytest.MonkeyPatch):
    courier = a_courier(Script(), SystemClock(), answer_seconds=IMPATIENT)
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(server_side)

    async def check(url: str) -> HealthCheck:
        async with open_http(check_url(Secret(url)), verify=None) as receiver:
            return (await courier.check_health(receiver, [40]))[0]

    async with (
        servers.serving(ACCEPT) as healthy,
        servers.serving(servers.keep_silent) as silent,
        servers.serving(ACCEPT, tls=server_side) as unknown,
    ):
        codes = [(await check(each.url)).code for each in (healthy, silent, unknown)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: (_ for _ in ()).throw(socket.gaierror()))
    codes.append((await check("https://receiver.invalid")).code)
    assert codes == [200, 590, 592, 591]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/hooks",
        "https://example.org:8443/hooks?token=abc",
        "http://localhost:8000",
        "http://127.1.2.3/",
        "http://[::1]:80/",
        "HTTPS://[2001:db8::1]/",
    ],
)
def test_urls_that_the_service_would_take(url: str):
    assert check_url(Secret(url)).reveal() == url


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://example.org/hooks", "no longer supported"),
        ("http://192.0.2.1/hooks", "no longer supported"),
        ("http://localhost.example.org", "no longer supported"),
        ("ftp://example.org", "http(s)"),
        ("example.org/hooks", "http(s)"),
        ("https://", "http(s)"),
        ("https://example.org:0/", "http(s)"),
        ("", "http(s)"),
        ("https://example.org:99999/", "a URL"),
        ("https://[::1/", "a URL"),
        ("https://größe.example.org/", "ASCII"),
        ("https://example.org/a b", "blanks"),
        ("https://example.org/a\nb", "blanks"),
        (f"https://me:{NEEDLE}@example.org/", "password"),
        ("https://example.org/#part", "fragment"),
        ("https://xn--/", "httpx"),
        (f"https://example.org/{'a' * 70_000}", "httpx"),
    ],
)
def test_urls_that_it_would_not(url: str, rule: str):
    with pytest.raises(InvalidRequest) as refused:
        check_url(Secret(url))
    (violation,) = refused.value.violations
    assert violation.path == "webhooks_to"
    assert rule in violation.rule
