"""httpx as the HTTP library: the only module of the client that imports it.

Its transports are used without `httpx.AsyncClient`: cookies, redirects, decompression and schemes of
authentication are not wanted here.

httpcore's pool looks at all its connections for every request, several times, and asks the system about each
idle one, so that a call costs the more the more of them there are. Here each connection is a transport of
its own, a lane, and the lane that became free last is used first: the number of the others costs nothing.

What is known about idle connections: httpcore looks whether a connection has been closed before it uses it
again, so the caller notices nothing. When the server closes it while the request is under way,
httpcore repeats nothing by itself; this comes out as LOST and `sent`, and the send loop repeats it like any
lost answer, a start with its own resource ID.
"""

import socket
import ssl
from collections import deque
from functools import cached_property
from typing import Final, cast
from urllib.request import getproxies

import anyio
import httpx

from agora_rec.codec import Body
from agora_rec.secret import Secret
from agora_rec.transport.outgoing import AUTHORIZATION, headers_of_get, headers_of_post, proxy_for
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

HttpxTransport = httpx.AsyncBaseTransport
"""What callers may pass in as a transport of their own."""

LIMITS: Final = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE)
"""Of one lane. How many lanes there are is bounded by the budget, not here: a stop may hold one for 30 s, and
must never wait for one."""

FAILURES: Final[dict[type[Exception], tuple[FailureKind, bool]]] = {
    # class: kind, may the request have reached the service
    httpx.ConnectTimeout: (FailureKind.CONNECT, False),
    httpx.PoolTimeout: (FailureKind.CONNECT, False),
    httpx.ReadTimeout: (FailureKind.TIMEOUT, True),
    httpx.WriteTimeout: (FailureKind.TIMEOUT, True),
    httpx.TimeoutException: (FailureKind.TIMEOUT, True),
    httpx.ConnectError: (FailureKind.CONNECT, False),
    httpx.ProxyError: (FailureKind.CONNECT, False),
    httpx.ReadError: (FailureKind.LOST, True),
    httpx.WriteError: (FailureKind.LOST, True),
    httpx.CloseError: (FailureKind.LOST, True),
    httpx.NetworkError: (FailureKind.LOST, True),
    # Also "Server disconnected without sending a response": httpcore has no class of its own for it.
    httpx.RemoteProtocolError: (FailureKind.LOST, True),
    httpx.LocalProtocolError: (FailureKind.LOCAL, False),
    httpx.ProtocolError: (FailureKind.GARBLED, True),
    httpx.UnsupportedProtocol: (FailureKind.LOCAL, False),
    httpx.InvalidURL: (FailureKind.LOCAL, False),
    httpx.TransportError: (FailureKind.LOST, True),
    httpx.DecodingError: (FailureKind.GARBLED, True),
    httpx.TooManyRedirects: (FailureKind.GARBLED, True),
    httpx.RequestError: (FailureKind.LOST, True),
    httpx.HTTPStatusError: (FailureKind.GARBLED, True),
    httpx.HTTPError: (FailureKind.LOST, True),
    httpx.CookieConflict: (FailureKind.GARBLED, True),
    httpx.StreamConsumed: (FailureKind.LOST, True),
    httpx.StreamClosed: (FailureKind.LOST, True),
    httpx.ResponseNotRead: (FailureKind.LOST, True),
    httpx.RequestNotRead: (FailureKind.LOST, True),
    httpx.StreamError: (FailureKind.LOST, True),
    ImportError: (FailureKind.LOCAL, False),  # a SOCKS proxy without the package for it
    Exception: (
        FailureKind.LOST,
        True,
    ),  # what a transport lets through untranslated: nothing is certain then
}
"""What each exception means; the most specific class counts."""


class HttpxWire:
    """Exchanges through httpx. Connections are opened when they are needed, and closed by `aclose`.

    TLS is always verified, against the bundle that SSL_CERT_FILE or SSL_CERT_DIR names where one of them is
    set. Proxies come from the environment, never for a loopback address.

    Args:
        authorization: The value of the Authorization header.
        transport: The caller's own httpx transport for all exchanges; it stays open when this object closes.
    """

    def __init__(self, authorization: Secret, transport: HttpxTransport | None = None) -> None:
        self._authorization = authorization
        self._given = transport
        self._lanes: set[HttpxTransport] = set()
        self._free: dict[str, deque[tuple[float, HttpxTransport]]] = {}  # by origin: (idle since, lane)
        self._proxies = getproxies() if transport is None else {}
        self._get = _raw(headers_of_get())
        self._post = _raw(headers_of_post())

    def __repr__(self) -> str:
        return (
            f"<HttpxWire {f'lanes={len(self._lanes)}' if self._given is None else 'over a given transport'}>"
        )

    async def exchange(self, method: str, url: str, body: Body | None, seconds: float) -> WireAnswer:
        """See `Wire.exchange`."""
        try:
            return await self._exchange(method, url, body, seconds)
        except WireFailure as failure:
            scrub(failure)
            raise
        except Exception as error:
            scrub(error)
            raise _failure(error) from error
        except BaseException as cancelled:
            scrub(cancelled)
            raise

    async def _exchange(self, method: str, url: str, body: Body | None, seconds: float) -> WireAnswer:
        if self._given is not None:
            return await self._over(self._given, method, url, body, seconds)
        free = self._free.setdefault(_origin(url), deque())
        for idle in list(self._free.values()):  # those of hosts that were left, too
            await self._close_stale(idle)
        lane = free.pop()[1] if free else self._open(url)
        try:
            answer = await self._over(lane, method, url, body, seconds)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._close(lane)
            raise
        free.append((anyio.current_time(), lane))
        return answer

    async def _over(
        self, transport: HttpxTransport, method: str, url: str, body: Body | None, seconds: float
    ) -> WireAnswer:
        response = await transport.handle_async_request(
            httpx.Request(
                method,
                url,
                headers=[
                    *(self._get if body is None else self._post),
                    (AUTHORIZATION.encode(), self._authorization.reveal().encode()),
                ],
                content=None if body is None else body.reveal(),
                extensions={"timeout": _phases(seconds)},
            )
        )
        try:
            request_id = short_request_id(response.headers.get("X-Request-Id"))
            retry_after = seconds_to_wait(response.headers.get("Retry-After"))
            return WireAnswer(response.status_code, await _read(response), request_id, retry_after)
        finally:
            await response.aclose()

    def _open(self, url: str) -> HttpxTransport:
        try:
            lane = httpx.AsyncHTTPTransport(
                verify=self._trust, limits=LIMITS, proxy=proxy_for(url, self._proxies)
            )
        except ValueError as error:  # a proxy of a kind that httpx doesn't know
            raise WireFailure(FailureKind.LOCAL, in_words(error), sent=False) from error
        self._lanes.add(lane)
        return lane

    async def _close(self, lane: HttpxTransport) -> None:
        self._lanes.discard(lane)
        await lane.aclose()

    async def _close_stale(self, free: deque[tuple[float, HttpxTransport]]) -> None:
        """Close what has been idle for too long; the longest idle are first."""
        now = anyio.current_time()
        while free and now - free[0][0] > KEEP_ALIVE:
            await self._close(free.popleft()[1])

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """One context for all hosts: reading a bundle costs tens of milliseconds."""
        return trust()

    async def aclose(self) -> None:
        """Close the connections that this object has opened. A later exchange opens new ones."""
        self._free.clear()
        for lane in list(self._lanes):
            await self._close(lane)


async def _read(response: httpx.Response) -> bytes:
    """The whole body as it came, up to the limit.

    httpcore reads through generators within generators. One that is left in the middle is cleaned up by the
    event loop, some time; so when there is too much, the connection is closed and the reading goes on
    until it fails, which is at once. A caller's transport that never stops is ended by the attempt's
    timeout.
    """
    refuse_large(response.headers.get("Content-Length"))
    reader = Reader()
    try:
        # Not aiter_raw(): a caller's transport may answer with a body that is read already.
        async for part in cast("httpx.AsyncByteStream", response.stream):
            reader.feed(part)
            if reader.is_full:
                await response.aclose()
    except (httpx.HTTPError, httpx.StreamError):
        if not reader.is_full:
            raise
    return reader.body()


def trust() -> ssl.SSLContext:
    """The context that verifies every host: the bundle of SSL_CERT_FILE or SSL_CERT_DIR, else certifi's.

    Raises:
        WireFailure: The bundle can't be read.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        detail = f"the certificates of SSL_CERT_FILE or SSL_CERT_DIR: {in_words(error)}"
        raise WireFailure(FailureKind.LOCAL, detail, sent=False) from error


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def _raw(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers]


def _phases(seconds: float) -> dict[str, float]:
    connect = seconds * CONNECT_SHARE
    return {"connect": connect, "read": seconds, "write": seconds, "pool": 2 * connect}


def _failure(error: Exception) -> WireFailure:
    kind, sent = next(FAILURES[each] for each in type(error).__mro__ if each in FAILURES)
    dns = not sent and any(isinstance(each, socket.gaierror) for each in chain(error))
    # A protocol error of our own side may quote the header that it complains of.
    detail = "LocalProtocolError" if isinstance(error, httpx.LocalProtocolError) else in_words(error)
    return WireFailure(kind, detail, sent=sent, dns=dns)
