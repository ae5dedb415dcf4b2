"""A TCP proxy of our own on the loopback address, between a client and a server, that does harm.

It reads whole requests and whole answers (both with a Content-Length), so that it can cut, stall and garble
them at any place. Without a fault it is as good as a wire.
"""

import socket
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum
from typing import Final

import anyio
import anyio.lowlevel
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream
from attrs import define, field

_ENDED: Final = (
    anyio.EndOfStream,
    anyio.IncompleteRead,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.DelimiterNotFound,
)


class Fault(Enum):
    """What happens to a request, or to its connection."""

    IDLE_CLOSED = "all idle connections are closed before it"
    IDLE_RESET = "all idle connections are reset before it"
    SLAMMED = "there is no connection for it, and new ones are closed as soon as they are there"
    CUT_REQUEST = "the connection is closed when a part of it has come"
    CUT = "the connection is closed when it has come; the service has not seen it"
    RESET = "the connection is reset then"
    LOST = "the service has acted, and the connection is closed instead of an answer"
    LOST_BY_RESET = "the connection is reset instead of an answer"
    CUT_HEAD = "the connection is closed in the middle of the answer's head"
    CUT_BODY = "the connection is closed in the middle of the answer's body"
    CLOSED_AFTER = "the connection is closed right after the answer"
    RESET_AFTER = "the connection is reset a moment after the answer"
    STALLED = "nothing happens; the service has not seen it"
    STALLED_ANSWER = "the service has acted, and nothing comes"
    STALLED_BODY = "half an answer comes"
    GARBLED_STATUS = "the answer's status line is none"
    GARBLED_HEADER = "a header of the answer is none"
    GARBLED_BODY = "bytes of the answer's body are others"
    LONGER = "the answer says that it is longer than it is"
    SHORTER = "the answer says that it is shorter than it is"
    ENDLESS_HEAD = "the answer's head has no end"
    ENDLESS_BODY = "the answer's body has no end"
    INTERIM = "a flood of interim answers comes, and no other"
    SLOW = "the answer comes late, and byte by byte"


IDLE: Final = frozenset({Fault.IDLE_CLOSED, Fault.IDLE_RESET})
UNSEEN: Final = IDLE | {Fault.SLAMMED, Fault.CUT_REQUEST, Fault.CUT, Fault.RESET, Fault.STALLED}
"""The service sees nothing of the request then."""
HARMLESS: Final = IDLE | {Fault.CLOSED_AFTER, Fault.RESET_AFTER, Fault.SLOW}
"""The caller should notice nothing."""
STALLS: Final = frozenset({Fault.STALLED, Fault.STALLED_ANSWER, Fault.STALLED_BODY, Fault.INTERIM})
"""Only the client's own timeout ends them."""

Chooser = Callable[[], Fault | None]


@define(eq=False)
class _Link:
    stream: SocketStream
    scope: anyio.CancelScope = field(factory=anyio.CancelScope)
    is_idle: bool = True

    def end(self, *, reset: bool) -> None:
        """End the connection under whoever waits on it: in good order, or with a reset."""
        if reset:
            raw = self.stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - anyio's word, not Django's
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.scope.cancel()


@define(eq=False)
class BadNetwork:
    """The proxy. `choose` is asked for each request what happens to it.

    Attributes:
        url: Where clients find it.
        requests: The paths of all requests that have come whole.
        connections: How many connections there have been.
        open: How many there are.
    """

    port: int
    choose: Chooser = field(default=lambda: None)
    url: str = ""
    requests: list[str] = field(factory=list[str])
    connections: int = 0
    _links: set[_Link] = field(factory=set[_Link])
    _left: anyio.Event = field(factory=anyio.Event)

    @property
    def open(self) -> int:
        """How many connections there are now."""
        return len(self._links)

    def harm(self, fault: Fault, times: int | None = None) -> None:
        """Let this happen to the next requests, that many or all."""
        left = [fault] * (times or 0)

        def choose() -> Fault | None:
            if times is None:
                return fault
            return left.pop() if left else None

        self.choose = choose
        if fault in IDLE or fault is Fault.SLAMMED:
            for link in [each for each in self._links if each.is_idle]:
                link.end(reset=fault is Fault.IDLE_RESET)
        if fault in IDLE:
            self.heal()

    def heal(self) -> None:
        """Do no harm any more."""
        self.choose = lambda: None

    async def all_gone(self) -> None:
        """Wait until no connection is left."""
        while self._links:
            self._left = anyio.Event()
            await self._left.wait()

    async def handle(self, stream: SocketStream) -> None:
        """Serve one connection."""
        self.connections += 1
        link = _Link(stream)
        self._links.add(link)
        try:
            with link.scope, suppress(*_ENDED):
                await self._serve(link)
        finally:
            self._links.discard(link)
            self._left.set()
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(stream)

    async def _serve(self, link: _Link) -> None:
        fault = self.choose()
        if fault is Fault.SLAMMED:
            return
        incoming = BufferedByteReceiveStream(link.stream)
        async with await anyio.connect_tcp("127.0.0.1", self.port) as server:
            answers = BufferedByteReceiveStream(server)
            while True:
                begun = await incoming.receive(20)
                link.is_idle = False
                fault = fault or self.choose()
                if fault is Fault.CUT_REQUEST:
                    return
                request = begun + await _message(incoming)
                self.requests.append(request.split(b" ", 2)[1].decode())
                if not await _play(fault, request, link, server, answers):
                    return
                fault, link.is_idle = None, True


async def _play(
    fault: Fault | None,
    request: bytes,
    link: _Link,
    server: SocketStream,
    answers: BufferedByteReceiveStream,
) -> bool:
    """Bring a request to its answer, or not; whether the connection is still good."""
    if fault in UNSEEN - IDLE:
        if fault is Fault.STALLED:
            await _until_closed(link.stream)
        if fault is Fault.RESET:
            link.end(reset=True)
        return False
    await server.send(request)
    return await _deliver(fault, await _message(answers), link)


async def _deliver(fault: Fault | None, answer: bytes, link: _Link) -> bool:  # noqa: PLR0911, PLR0912 - a way for each fault
    client = link.stream
    head, _, body = answer.partition(b"\r\n\r\n")
    match fault:
        case Fault.LOST:
            return False
        case Fault.LOST_BY_RESET:
            link.end(reset=True)
            return False
        case Fault.CUT_HEAD:
            await client.send(head[: len(head) // 2])
            return False
        case Fault.CUT_BODY:
            await client.send(answer[: -len(body) // 2])
            return False
        case Fault.CLOSED_AFTER:
            await client.send(answer)
            return False
        case Fault.RESET_AFTER:
            await client.send(answer)
            await anyio.sleep(0.005)
            link.end(reset=True)
            return False
        case Fault.STALLED_ANSWER:
            await _until_closed(client)
            return False
        case Fault.STALLED_BODY:
            await client.send(answer[: -len(body) // 2])
            await _until_closed(client)
            return False
        case Fault.GARBLED_STATUS:
            await client.send(b"\x01HTTQ/x.y zwei\r\n\r\n" + body)
            return False
        case Fault.GARBLED_HEADER:
            await client.send(head + b"\r\n\x00\x01 no header\r\n\r\n" + body)
            return False
        case Fault.GARBLED_BODY:
            await client.send(head + b"\r\n\r\n" + bytes(byte ^ 0x15 for byte in body))
            return True
        case Fault.LONGER:
            await client.send(_with_length(head, len(body) + 10) + body)
            return False
        case Fault.SHORTER:
            await client.send(_with_length(head, len(body) - 10) + body)
            return True
        case Fault.ENDLESS_HEAD:
            await client.send(b"HTTP/1.1 200 OK\r\n")
            while True:
                await client.send(b"".join(b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(50)))
        case Fault.ENDLESS_BODY:
            await client.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                await client.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        case Fault.INTERIM:
            while True:
                await client.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 20)
                await anyio.sleep(0.001)
        case Fault.SLOW:
            await anyio.sleep(0.02)
            for start in range(0, len(answer), 64):
                await client.send(answer[start : start + 64])
                await anyio.lowlevel.checkpoint()
            return True
        case _:
            await client.send(answer)
            return True


def _with_length(head: bytes, length: int) -> bytes:
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join([*lines, b"Content-Length: %d" % length]) + b"\r\n\r\n"


async def _message(stream: BufferedByteReceiveStream) -> bytes:
    head = await stream.receive_until(b"\r\n\r\n", 65536)
    lines = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    size = int(lines[0].partition(b":")[2]) if lines else 0
    return head + b"\r\n\r\n" + (await stream.receive_exactly(size) if size else b"")


async def _until_closed(client: SocketStream) -> None:
    while True:
        await client.receive()


@asynccontextmanager
async def bad_network(port: int) -> AsyncGenerator[BadNetwork]:
    """A proxy to a port of the loopback address, while the block runs."""
    network = BadNetwork(port)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    network.url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"  # noqa: S610 - as above
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, network.handle)
        try:
            yield network
        finally:
            tasks.cancel_scope.cancel()
