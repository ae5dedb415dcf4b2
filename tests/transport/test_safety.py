"""What holds against whoever is at the other end: paths, certificates, and the time that an attempt may take.

Over real sockets, each wire on each event loop.
"""

import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anyio
import pytest
import trustme
from anyio.abc import ByteStream
from attrs import evolve
from cryptography import x509

from agora_rec import operations
from agora_rec.codec import Body
from agora_rec.errors import TransportError
from agora_rec.transport import RetryPolicy, Transport, Unpaced, open_transport
from agora_rec.vocabulary import AttemptOutcome, ModeName
from tests.operations import samples
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET
from tests.transport.servers import Reply, answer, drip, flood, keep_silent, raw, serving
from tests.transport.test_sender import QUERIED, STARTED

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("the_library")]

SHORT = 0.3


@pytest.fixture(name="anyio_backend")
def the_event_loop(stack: tuple[str, str]) -> str:
    return stack[0]


def transport_to(url: str, timeout: float = 5.0) -> Transport:
    return open_transport(
        customer_id=CUSTOMER_ID,
        customer_secret=CUSTOMER_SECRET,
        base_url=url,
        budget=Unpaced(),
        retry=RetryPolicy.never(),
        timeout=timeout,
    )


@pytest.mark.parametrize(
    "part",
    ["a/b", "../..", "./a", "a/../b", "%2e%2e", "%2F", "a?b=c", "a#b", "a b", "a\r\nX-Evil: 1",
     "ü\u2028\U0001f600", "a;b", "http://evil.example.com/", "@evil", "\\\\evil", "\x00", "+", "~", "a:b"],
    ids=ascii,
)  # fmt: skip
async def test_whatever_a_part_of_a_path_holds_stays_in_it_on_the_wire(part: str):
    async with serving(answer(QUERIED.body)) as server, transport_to(server.url) as transport:
        await transport.send(operations.query(part, ModeName.MIX, part, part))
    line, *headers = server.requests[0].partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")
    method, path, version = line.split(" ")
    assert (method, version) == ("GET", "HTTP/1.1")
    parts = [
        "",
        "v1",
        "apps",
        part,
        "cloud_recording",
        "resourceid",
        part,
        "sid",
        part,
        "mode",
        "mix",
        "query",
    ]
    assert [unquote(each) for each in path.split("/")] == parts
    assert not any(header.startswith("X-Evil") for header in headers)


@pytest.fixture(scope="module", name="authority")
def a_throwaway_authority() -> trustme.CA:
    return trustme.CA()


def context_of(authority: trustme.CA, name: str = "127.0.0.1", **more: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, **more).configure_cert(context)
    return context


def name_by_hash(authority: trustme.CA) -> str:
    """What OpenSSL looks for in a folder of certificates: `openssl x509 -subject_hash`."""

    def der(tag: int, content: bytes) -> bytes:
        return bytes([tag, len(content)]) + content

    numbers = {x509.NameOID.ORGANIZATION_NAME: 10, x509.NameOID.ORGANIZATIONAL_UNIT_NAME: 11}
    subject = x509.load_pem_x509_certificate(authority.cert_pem.bytes()).subject
    canonical = b"".join(
        der(0x31, der(0x30, der(6, bytes([85, 4, numbers[each.oid]])) + der(12, each.value.lower().encode())))
        for each in subject
        if isinstance(each.value, str)
    )
    return f"{int.from_bytes(hashlib.sha1(canonical).digest()[:4], 'little'):08x}.0"  # noqa: S324 - OpenSSL's choice


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
async def test_authorities_of_ones_own_are_trusted_and_connections_kept(
    variable: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)  # it goes first
    file = tmp_path / name_by_hash(authority)
    authority.cert_pem.write_to_path(str(file))
    monkeypatch.setenv(variable, str(file if variable == "SSL_CERT_FILE" else tmp_path))
    async with serving(answer(STARTED.body), tls=context_of(authority)) as server:
        async with transport_to(server.url) as transport:
            for _ in range(3):
                await transport.send(samples.START)
        with anyio.fail_after(5):
            await server.down_to(0)
    assert (server.connections, len(server.requests)) == (1, 3)


YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "more", "trusted"),
    [
        ("localhost", {}, True),
        ("api.agora.io", {}, True),
        ("127.0.0.1", {"not_before": YESTERDAY - timedelta(days=9), "not_after": YESTERDAY}, True),
        ("127.0.0.1", {"not_before": datetime.now(UTC) + timedelta(days=1)}, True),
        ("127.0.0.1", {}, False),
    ],
    ids=["another_name", "the_real_name", "expired", "not_yet", "unknown_authority"],
)
async def test_a_host_that_proves_nothing_gets_to_see_nothing(  # noqa: PLR0917 - parameters and fixtures
    name: str,
    more: dict[str, Any],
    trusted: bool,  # noqa: FBT001 - a parameter
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = context_of(authority, name, **more)
    async with serving(answer(STARTED.body), tls=tls) as server, transport_to(server.url) as transport:
        with pytest.raises(TransportError) as caught:
            await transport.send(samples.START)
    (attempt,) = caught.value.attempts
    assert attempt.outcome is AttemptOutcome.NOT_SENT
    assert "certificate" in attempt.detail.lower()
    assert server.requests == []


async def stop_reading(stream: ByteStream) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.aclose_forcefully(stream)


def half(body: bytes) -> Reply:
    async def reply(stream: ByteStream) -> bool:
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:9])
        return await keep_silent(stream)

    return reply


async def interim_answers(stream: ByteStream) -> bool:
    while True:
        await stream.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
        await anyio.sleep(0.001)


@pytest.mark.parametrize(
    "reply",
    [keep_silent, half(STARTED.body), drip(0.01), interim_answers],
    ids=["silent", "half", "drip", "1xx"],
)
async def test_an_answer_that_does_not_come_to_its_end_ends_the_attempt_in_time(reply: Reply):
    async with serving(answer(STARTED.body), reply) as server, transport_to(server.url) as transport:
        await transport.send(samples.START)  # so that no time goes into the connection
        transport.timeout = SHORT
        with anyio.fail_after(5), pytest.raises(TransportError) as caught:
            await transport.send(samples.START)
    (attempt,) = caught.value.attempts
    assert (attempt.outcome, attempt.detail) == (AttemptOutcome.UNANSWERED, "no answer within 0.3 s")


async def test_a_host_that_does_not_read_ends_the_attempt_in_time():
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - anyio's word, not Django's
    large = evolve(samples.START, body=Body(b"x" * 1_000_000))
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, stop_reading)
        async with transport_to(f"http://127.0.0.1:{port}", timeout=SHORT) as transport:
            with anyio.fail_after(5), pytest.raises(TransportError) as caught:
                await transport.send(large)
        assert [each.outcome for each in caught.value.attempts] == [AttemptOutcome.UNANSWERED]
        tasks.cancel_scope.cancel()


async def test_tls_that_does_not_come_to_its_end_was_not_sent_anything(authority: trustme.CA):
    async with serving(keep_silent) as server:
        url = server.url.replace("http:", "https:")
        async with transport_to(url, timeout=SHORT) as transport:
            with anyio.fail_after(5), pytest.raises(TransportError) as caught:
                await transport.send(samples.START)
    assert [each.outcome for each in caught.value.attempts] == [AttemptOutcome.NOT_SENT]
    assert server.requests == []


async def endless_head(stream: ByteStream) -> bool:
    await stream.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await stream.send(b"".join(b"X-%d: %s\r\n" % (number, b"y" * 100) for number in range(100)))


async def endless_line(stream: ByteStream) -> bool:
    await stream.send(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        await stream.send(b"y" * 65536)


@pytest.mark.parametrize(
    "reply",
    [endless_head, endless_line, flood, raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n")],
    ids=["head", "line", "body", "announced"],
)
async def test_an_answer_without_bounds_is_ended_at_once_and_its_connection_closed(reply: Reply):
    async with serving(reply) as server, transport_to(server.url, timeout=60.0) as transport:
        with anyio.fail_after(5), pytest.raises(TransportError) as caught:
            await transport.send(samples.START)
        with anyio.fail_after(5):
            await server.down_to(0)
    assert [each.outcome for each in caught.value.attempts] == [AttemptOutcome.UNANSWERED]
