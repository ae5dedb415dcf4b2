"""Small servers on real sockets that answer as badly as a test wants."""

import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
from anyio.abc import ByteStream, Listener, SocketAttribute
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSListener
from attrs import define, field

Reply = Callable[[ByteStream], Awaitable[bool]]
"""What a server does about one request; True: the connection stays open for the next one."""


@define(eq=False)
class Server:
    """Plays one reply per request, the last one again and again, and keeps what it was sent."""

    replies: list[Reply]
    url: str = ""
    requests: list[bytes] = field(factory=list)
    connections: int = 0
    open: int = 0
    asked: anyio.Event = field(factory=anyio.Event)
    closed: anyio.Event = field(factory=anyio.Event)
    left: anyio.Event = field(factory=anyio.Event)

    async def down_to(self, connections: int) -> None:
        """Wait until no more than that many connections are open."""
        while self.open > connections:
            self.left = anyio.Event()
            await self.left.wait()

    async def handle(self, stream: ByteStream) -> None:
        self.connections += 1
        self.open += 1
        incoming = BufferedByteReceiveStream(stream)
        try:
            while await self._one(incoming, stream):
                pass
        except (
            anyio.IncompleteRead,
            anyio.EndOfStream,
            anyio.BrokenResourceError,
            anyio.ClosedResourceError,
        ):
            self.closed.set()
        finally:
            self.open -= 1
            self.left.set()
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(stream)

    async def _one(self, incoming: BufferedByteReceiveStream, stream: ByteStream) -> bool:
        head = await incoming.receive_until(b"\r\n\r\n", 65536)
        size = next(
            (
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            ),
            0,
        )
        body = await incoming.receive_exactly(size) if size else b""
        reply = self.replies[min(len(self.requests), len(self.replies) - 1)]
        self.requests.append(head + b"\r\n\r\n" + body)
        self.asked.set()
        return await reply(stream)


@asynccontextmanager
async def serving(*replies: Reply, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Serve on a free port of the loopback address."""
    server = Server(list(replies))
    tcp = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    listener: Listener[ByteStream] = tcp if tls is None else TLSListener(tcp, tls, standard_compatible=False)
    port = tcp.extra(SocketAttribute.local_port)  # noqa: S610 - anyio's word, not Django's
    server.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, server.handle)
        try:
            yield server
        finally:
            tasks.cancel_scope.cancel()


def raw(data: bytes, *, keep: bool = True) -> Reply:
    """Send these bytes."""

    async def reply(stream: ByteStream) -> bool:
        await stream.send(data)
        return keep

    return reply


def answer(body: bytes, status: int = 200, *headers: str, keep: bool = True) -> Reply:
    """Send a proper answer."""
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return raw("\r\n".join(head).encode() + b"\r\n\r\n" + body, keep=keep)


async def hang_up(stream: ByteStream) -> bool:
    """Close the connection instead of an answer."""
    del stream
    return False


async def reset(stream: ByteStream) -> bool:
    """Reset the connection instead of an answer."""
    lingering = struct.pack("ii", 1, 0)
    stream.extra(SocketAttribute.raw_socket).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingering)  # noqa: S610 - anyio's word, not Django's
    return False


async def keep_silent(stream: ByteStream) -> bool:
    """Never answer."""
    del stream
    await anyio.sleep_forever()
    raise AssertionError


async def flood(stream: ByteStream) -> bool:
    """Send a body without an end."""
    await stream.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    while True:
        await stream.send(chunk)


def drip(gap: float) -> Reply:
    """Send a body byte by byte, without an end."""

    async def reply(stream: ByteStream) -> bool:
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            await stream.send(b" ")
            await anyio.sleep(gap)

    return reply
