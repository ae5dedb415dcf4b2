"""The service on a port, with uvicorn (the extra `emulator`), which runs on asyncio only.

The only module that knows uvicorn; it is imported when somebody serves. What is answered is not its
business.
"""

import socket
import ssl
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import anyio
import uvicorn
from attrs import define, field, frozen
from uvicorn.protocols.http.h11_impl import H11Protocol

from agora_rec.emulator.app import ABORT, AsgiApp, Receive, Scope, Send

_GRACE_SECONDS: Final = 1.0


@frozen
class Served:
    """A service that listens. `url` has scheme, address and port, and no slash at its end."""

    url: str
    host: str
    port: int


class _Server(uvicorn.Server):
    """uvicorn, without its hands on the process's signals, and saying when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = anyio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone: the program that serves has its own way to end."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.listening.set()


@define(eq=False)
class _OpenRequests:
    """The requests that are being answered, so that closing need not wait for all of them."""

    _scopes: set[anyio.CancelScope] = field(factory=set[anyio.CancelScope], init=False)
    _last_gone: anyio.Event | None = field(default=None, init=False)

    @contextmanager
    def one(self) -> Generator[anyio.CancelScope]:
        """Count one request while the block runs, and be able to end it."""
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                yield scope
            finally:
                self._scopes.discard(scope)
                if self._last_gone is not None and not self._scopes:
                    self._last_gone.set()

    async def end(self) -> None:
        """Let open requests end by themselves for a moment; then end the others."""
        if self._scopes:
            self._last_gone = anyio.Event()
            with anyio.move_on_after(_GRACE_SECONDS, shield=True):
                await self._last_gone.wait()
        for scope in list(self._scopes):
            scope.cancel()


@asynccontextmanager
async def serve(
    app: AsgiApp, *, host: str, port: int, certificate: str | Path | None, key: str | Path | None
) -> AsyncGenerator[Served]:
    """Listen while the block runs; then end the open requests within a second, and close.

    Raises:
        RuntimeError: this isn't asyncio.
        OSError: the address can't be listened on, or the certificate can't be read.
    """
    if not anyio.get_cancelled_exc_class().__module__.startswith("asyncio"):
        raise RuntimeError("the emulator is served by uvicorn, which needs asyncio; use transport() on trio")

    async def with_abort(scope: Scope, receive: Receive, send: Send) -> None:
        async def abort() -> None:
            for connection in list(server.server_state.connections):
                if isinstance(connection, H11Protocol) and connection.client == scope["client"]:
                    connection.transport.abort()
            # uvicorn must have seen the end before the application returns, or it would answer 500.
            await receive()

        scope.setdefault("extensions", {})[ABORT] = abort
        with requests.one() as request:
            await app(scope, receive, send)
        if request.cancelled_caught:
            await abort()

    requests = _OpenRequests()
    config = uvicorn.Config(
        with_abort,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    try:
        config.load()
    except ssl.SSLError as error:
        raise OSError(f"the certificate {certificate} and its key can't be used: {error}") from error
    server = _Server(config)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    bound = int(listener.getsockname()[1])

    async def run() -> None:
        # Its end is should_exit; a cancellation would leave the sockets open.
        with anyio.CancelScope(shield=True):
            await server.serve(sockets=[listener])

    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(run)
        try:
            await server.listening.wait()
            yield Served(_url(host, bound, tls=certificate is not None), host, bound)
        except Exception as caught:  # noqa: BLE001 - raised again outside, so that no group wraps it
            failure = caught
        finally:
            server.should_exit = True
            await requests.end()
    if failure is not None:
        raise failure


def _url(host: str, port: int, *, tls: bool) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{shown}:{port}"
