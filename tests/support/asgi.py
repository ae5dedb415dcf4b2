"""ASGI applications in tests: called by hand, and served over real sockets by other people's servers."""

import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import anyio.lowlevel
import hypercorn.asyncio
import hypercorn.config
import hypercorn.trio
import uvicorn
from attrs import define, field

Message: TypeAlias = MutableMapping[str, Any]
App: TypeAlias = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


@define
class Exchange:
    """One request to an application, without a server: what it was given, and what it sent.

    When all messages are given, the next `receive` waits for ever.
    """

    app: App
    messages: list[Message]
    sent: list[Message] = field(factory=list[Message], init=False)

    async def run(self, scope: Message) -> "Exchange":
        """Call the application; gives this back."""
        await self.app(scope, self._receive, self._send)
        return self

    async def _receive(self) -> Message:
        await anyio.lowlevel.checkpoint()
        if not self.messages:
            await anyio.sleep_forever()
        return self.messages.pop(0)

    async def _send(self, message: Message) -> None:
        await anyio.lowlevel.checkpoint()
        self.sent.append(message)

    @property
    def status(self) -> int:
        """The status of the answer."""
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[bytes, bytes]:
        """The headers of the answer."""
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        """The body of the answer."""
        return b"".join(message["body"] for message in self.sent[1:])


@define
class Listening:
    """A socket of the loopback address that listens already: whoever connects waits until it is served."""

    socket: socket.socket

    @property
    def port(self) -> int:
        """Its port."""
        port: int = self.socket.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Its URL, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def listening() -> Generator[Listening]:
    """Listen on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Listening(listener)


@asynccontextmanager
async def served(
    app: App, server: str = "uvicorn", *, at: Listening | None = None, certificate: Path | None = None
) -> AsyncGenerator[str]:
    """Serve an application while the block runs; gives its URL.

    Args:
        app: The application; it is told when the server begins and ends (lifespan).
        server: `uvicorn`, which needs asyncio, or `hypercorn`.
        at: Where; a free port if it isn't given.
        certificate: A PEM file with certificate and key; with it TLS is spoken.
    """
    if at is None:
        with listening() as free:
            async with served(app, server, at=free, certificate=certificate) as url:
                yield url
        return
    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_SERVERS[server], app, at, certificate, stop)
        try:
            yield at.url if certificate is None else at.url.replace("http:", "https:")
        finally:
            stop.set()


async def _by_uvicorn(app: App, at: Listening, certificate: Path | None, stop: anyio.Event) -> None:
    config = uvicorn.Config(
        app, lifespan="on", log_config=None, access_log=False, ws="none", ssl_certfile=certificate
    )
    server = _Uvicorn(config)
    async with anyio.create_task_group() as tasks:

        async def end() -> None:
            await stop.wait()
            server.should_exit = True

        tasks.start_soon(end)
        with anyio.CancelScope(shield=True):  # its end is should_exit
            await server.serve(sockets=[at.socket.dup()])
        if not stop.is_set():
            raise RuntimeError("the application did not start")


class _Uvicorn(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to pytest."""
        yield


async def _by_hypercorn(app: App, at: Listening, certificate: Path | None, stop: anyio.Event) -> None:
    config = hypercorn.config.Config()
    if certificate is not None:
        config.certfile = config.keyfile = str(certificate)
    config.bind = [f"fd://{at.socket.dup().detach()}"]
    config.errorlog = config.accesslog = None
    on_asyncio = anyio.get_cancelled_exc_class().__module__.startswith("asyncio")
    serve = hypercorn.asyncio.serve if on_asyncio else hypercorn.trio.serve
    await serve(app, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type] # the same scopes, typed


_SERVERS = {"uvicorn": _by_uvicorn, "hypercorn": _by_hypercorn}
