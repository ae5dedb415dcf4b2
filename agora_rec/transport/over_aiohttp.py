"""aiohttp as the HTTP library, on asyncio, where it is installed: imported by `wires.py` only then.

Its connections and its parser, without its client: what that does for each request (URLs, cookies, redirects,
middlewares, a task that writes the body) costs more than all else in a call, and nothing here needs it. Where
somebody looks on at that client, calls go through it all the same: see `aiohttp_client.py`.

Not through httpx: `httpx-aiohttp` makes a ConnectTimeout of every lost connection, also of one that was lost
after the request was written, and whether a start may have been sent is what all depends on here.
"""

import socket
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, cast
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from attrs import frozen
from yarl import URL

from agora_rec.codec import Body
from agora_rec.errors import InvalidRequest
from agora_rec.secret import Secret
from agora_rec.transport.environment import trust
from agora_rec.transport.outgoing import AUTHORIZATION, headers_of_get, headers_of_post
from agora_rec.transport.wire import (
    CONNECT_SHARE,
    KEEP_ALIVE,
    FailureKind,
    Reader,
    WireAnswer,
    WireFailure,
    chain,
    in_words,
    refuse_large,
    scrub,
    seconds_to_wait,
    short_request_id,
)

FAILURES: Final[dict[type[Exception], tuple[FailureKind, bool]]] = {
    # class: kind, may the request have reached the service
    aiohttp.ClientConnectorError: (FailureKind.CONNECT, False),
    aiohttp.ConnectionTimeoutError: (FailureKind.CONNECT, False),
    aiohttp.ServerFingerprintMismatch: (FailureKind.CONNECT, False),
    aiohttp.SocketTimeoutError: (FailureKind.TIMEOUT, True),
    aiohttp.ServerTimeoutError: (FailureKind.TIMEOUT, True),
    aiohttp.ClientConnectionError: (FailureKind.LOST, True),
    aiohttp.ClientPayloadError: (FailureKind.LOST, True),
    aiohttp.ClientError: (FailureKind.LOST, True),
    aiohttp.ClientResponseError: (FailureKind.GARBLED, True),
    HttpProcessingError: (FailureKind.GARBLED, True),
    aiohttp.InvalidURL: (FailureKind.LOCAL, False),
    aiohttp.NonHttpUrlClientError: (FailureKind.LOCAL, False),
    Exception: (FailureKind.LOST, True),
}
"""What each exception means; the most specific class counts."""


_PROVISIONAL: Final = frozenset(range(100, 200)) - {101}
"""Statuses after which the answer is still to come."""


@frozen
class _Way:
    """A host: what connects to it, the path in its URL, and what each request to it begins and ends with."""

    request: aiohttp.ClientRequest
    prefix: str
    head: Secret


def is_looked_on() -> bool:
    """Whether somebody has wrapped aiohttp's client, as instrumentations of applications do."""
    wrapped = ("__init__", "_request")
    return any(hasattr(getattr(aiohttp.ClientSession, name), "__wrapped__") for name in wrapped)


class AiohttpWire:
    """Exchanges over aiohttp's connections: one connector, made when it is needed, closed by `aclose`.

    Args:
        authorization: The value of the Authorization header.
    """

    def __init__(self, authorization: Secret) -> None:
        self._authorization = authorization
        self._connector: aiohttp.TCPConnector | None = None
        self._met: WeakSet[ResponseHandler] = WeakSet()
        self._ways: dict[str, _Way] = {}

    def __repr__(self) -> str:
        return f"<AiohttpWire {'closed' if self._connector is None else 'open'}>"

    def open(self, hosts: Sequence[str]) -> None:
        """See `Wire.open`."""
        urls = {host: URL(host, encoded=True) for host in hosts}
        verified = trust() if any(url.scheme == "https" for url in urls.values()) else True
        for host, url in urls.items():
            if url.scheme not in {"http", "https"}:
                raise aiohttp.NonHttpUrlClientError(url)
            request = aiohttp.ClientRequest("GET", url, ssl=verified)  # what its connector wants to be asked
            headers = [
                ("Host", request.headers["Host"]),
                *headers_of_get(),
                (AUTHORIZATION, self._authorization.reveal()),
            ]
            self._ways[host] = _Way(request, url.raw_path.rstrip("/"), Secret(_lines(headers)))

    async def exchange(
        self, method: str, host: str, path: str, body: Body | None, seconds: float, *, fresh: bool = False
    ) -> WireAnswer:
        """See `Wire.exchange`."""
        used = False
        try:
            if host not in self._ways:
                self.open((host,))
            way = self._ways[host]
            connection, used = await self._connected(way, seconds, fresh=fresh)
            try:
                answer = await _conversed(connection, _written(way, method, path, body))
            except BaseException:
                connection.close()
                raise
            connection.release()
            return answer
        except (WireFailure, InvalidRequest) as known:
            scrub(known)
            raise
        except Exception as error:  # noqa: BLE001 - the table says what each means
            scrub(error)
            failure = failure_of(error, used=used)
        except BaseException as cancelled:
            scrub(cancelled)
            raise
        raise failure  # out here, so that the library's exception doesn't become its context

    async def _connected(self, way: _Way, seconds: float, *, fresh: bool) -> tuple[Connection, bool]:
        """A connection, and whether it had been used before; for a fresh one those that idle are closed."""
        connector = self._connector
        if connector is None:
            # Without a limit of its own: see `max_connections`.
            connector = self._connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE)
        while True:
            try:
                connection = await connector.connect(way.request, [], opening(seconds))
            except TimeoutError as error:
                raise aiohttp.ConnectionTimeoutError("no connection in time") from error
            protocol = _protocol_of(connection)
            if protocol not in self._met:
                self._met.add(protocol)
                return connection, False
            if not (fresh or protocol.should_close):  # as it must be if something came while it was idle
                return connection, True
            connection.close()

    async def aclose(self) -> None:
        """Close the connections. A later exchange opens new ones."""
        connector, self._connector = self._connector, None
        if connector is not None:
            await connector.close()


def _lines(headers: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers)


_OF_POST: Final = _lines(header for header in headers_of_post() if header not in headers_of_get())


def _written(way: _Way, method: str, path: str, body: Body | None) -> bytes:
    """The request as it goes out; a path is percent-encoded, and no header comes from a caller."""
    line = f"{method} {way.prefix}{path} HTTP/1.1\r\n".encode("ascii")  # an error quotes it all
    head = way.head.reveal()
    if body is None:
        return line + f"{head}\r\n".encode()
    content = body.reveal()
    return line + f"{head}{_OF_POST}Content-Length: {len(content)}\r\n\r\n".encode() + content


async def _conversed(connection: Connection, request: bytes) -> WireAnswer:
    """Send a request, and read the answer."""
    protocol = _protocol_of(connection)
    protocol.set_response_params(read_until_eof=True, auto_decompress=False)
    transport = protocol.transport
    if transport is None:
        raise aiohttp.ServerDisconnectedError
    transport.write(request)
    message, content = await protocol.read()
    while message.code in _PROVISIONAL:
        message, content = await protocol.read()
    return await answer_of(message.code, message.headers, content)


async def answer_of(status: int, headers: Mapping[str, str], content: aiohttp.StreamReader) -> WireAnswer:
    """The answer with its whole body as it came, up to the limit."""
    refuse_large(headers.get("Content-Length"))
    reader = Reader()
    while not reader.is_full and not content.at_eof():
        reader.feed(await content.readany())
    request_id = short_request_id(headers.get("X-Request-Id"))
    retry_after = seconds_to_wait(headers.get("Retry-After"))
    return WireAnswer(status, reader.body(), request_id, retry_after)


def _protocol_of(connection: Connection) -> ResponseHandler:
    return cast("ResponseHandler", connection.protocol)  # there is one until it is given back


@lru_cache(maxsize=16)
def opening(seconds: float) -> aiohttp.ClientTimeout:
    """What opening a connection may take, in aiohttp's words."""
    connect = seconds * CONNECT_SHARE
    return aiohttp.ClientTimeout(total=None, connect=2 * connect, sock_connect=connect)


def failure_of(error: Exception, *, used: bool) -> WireFailure:
    """The failure, with its cause; an exception that carries headers, ours or the answer's, is not kept.

    Args:
        error: What aiohttp raised.
        used: Whether the connection had been used before.
    """
    kind, sent = next(FAILURES[each] for each in type(error).__mro__ if each in FAILURES)
    dns = not sent and any(isinstance(each, socket.gaierror) for each in chain(error))
    if isinstance(error, HttpProcessingError | aiohttp.ClientResponseError):
        return WireFailure(kind, f"{type(error).__name__}: {error.message}", sent=sent)
    failure = WireFailure(kind, in_words(error), sent=sent, dns=dns, stale=used and _is_cut(error))
    failure.__cause__ = error
    return failure


def _is_cut(error: Exception) -> bool:
    """Whether the connection was closed with no part of an answer on it."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)  # else it is what came of the answer's head
    return isinstance(error, aiohttp.ClientOSError) and not isinstance(error, aiohttp.ClientConnectorError)
