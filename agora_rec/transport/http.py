"""httpx as the HTTP library: the only module of the client that imports it, and not before a client opens.

Its transports are used without `httpx.AsyncClient`: cookies, redirects, decompression and schemes of
authentication are not wanted here.

httpcore's pool looks at all its connections for every request, several times, and asks the system about each
idle one, so that a call costs the more the more of them there are. Here each connection is a transport of
its own, a lane, and the lane that became free last is used first: the number of the others costs nothing.
What all requests to a host have in common is made once: httpx takes longer to parse a URL than the network
stack to send a request.

What is known about idle connections: httpcore looks whether a connection has been closed before it uses it
again, and opens another one then. When the server closes it while the request is under way, httpcore repeats
nothing by itself; this comes out as LOST, `sent` and `stale`, and the send loop sends the request once more
over a fresh connection.
"""

import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from typing import Final, cast

import anyio
import httpx
from attrs import define, field

from agora_rec.codec import Body
from agora_rec.secret import Secret
from agora_rec.transport.environment import bad_proxy, proxies_of, trust
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

HttpxTransport = httpx.AsyncBaseTransport
"""What callers may pass in as a transport of their own."""

LIMITS: Final = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE)
"""Of one lane. How many lanes there are at most is not decided here: see `max_connections`."""

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
    Exception: (
        FailureKind.LOST,
        True,
    ),  # what a transport lets through untranslated: nothing is certain then
}
"""What each exception means; the most specific class counts."""


_CUT: Final = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
"""What a connection is lost with. The last one can also mean an answer that is none."""


class _Content(httpx.AsyncByteStream):
    """The body of a request. httpx's own is a generator, and left unfinished where a connection breaks."""

    __slots__ = ("_left",)

    def __init__(self, *parts: bytes) -> None:
        self._left = list(parts)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


@define(eq=False)
class _Way:
    """A host, with what all requests to it have in common, and its idle lanes.

    Attributes:
        url: The base URL.
        prefix: The path in it, which comes before every other.
        get: The headers of a request without a body.
        post: Those of one with a body, all but its length.
        proxy: What the host is reached through; None: directly.
        idle: Since when which lane is free; the one that became free last is at the end.
    """

    url: httpx.URL
    prefix: bytes
    get: httpx.Headers
    post: httpx.Headers
    proxy: httpx.Proxy | None
    idle: deque[tuple[float, HttpxTransport]] = field(factory=deque[tuple[float, HttpxTransport]], init=False)


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
        self._ways: dict[str, _Way] = {}
        self._lanes: set[HttpxTransport] = set()

    def __repr__(self) -> str:
        return (
            f"<HttpxWire {f'lanes={len(self._lanes)}' if self._given is None else 'over a given transport'}>"
        )

    def open(self, hosts: Sequence[str]) -> None:
        """See `Wire.open`."""
        if self._given is not None:
            return
        proxies = proxies_of(hosts)
        for host in hosts:
            way = self._way(host, proxies.get(host))
            # One lane is made and forgotten: what can be wrong shows then, and nothing is connected yet.
            with suppress(ImportError):
                self._lane(way)
                self._ways[host] = way
            if host not in self._ways:
                rule = "a SOCKS proxy needs a package: pip install 'httpx[socks]'"
                raise bad_proxy(host, proxies[host], rule)

    async def exchange(
        self, method: str, host: str, path: str, body: Body | None, seconds: float, *, fresh: bool = False
    ) -> WireAnswer:
        """See `Wire.exchange`."""
        if host not in self._ways:
            self.open((host,))
        try:
            if self._given is not None:
                return await _over_given(self._given, self._whole(method, host, path, body, seconds))
            return await self._exchange(method, host, path, body, seconds, fresh=fresh)
        except WireFailure as failure:
            scrub(failure)
            raise
        except Exception as error:
            scrub(error)
            raise _failure(error) from error
        except BaseException as cancelled:
            scrub(cancelled)
            raise

    async def _exchange(
        self, method: str, host: str, path: str, body: Body | None, seconds: float, *, fresh: bool
    ) -> WireAnswer:
        way = self._ways[host]
        await self._close_stale(way if fresh else None)
        used = not fresh and bool(way.idle)
        lane = way.idle.pop()[1] if used else self._open(way)
        try:
            response = await self._send(lane, self._request(way, method, path, body, seconds), used=used)
            answer = await _read(response)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._close(lane)
            raise
        way.idle.append((anyio.current_time(), lane))
        return answer

    async def _send(self, lane: HttpxTransport, request: httpx.Request, *, used: bool) -> httpx.Response:
        try:
            return await lane.handle_async_request(request)
        except _CUT as error:
            if not used or _is_garbage(error):
                raise
            raise WireFailure(FailureKind.LOST, in_words(error), sent=True, stale=True) from error

    def _request(self, way: _Way, method: str, path: str, body: Body | None, seconds: float) -> httpx.Request:
        extensions: dict[str, object] = {"timeout": _opening(seconds)}
        url = way.url
        if way.proxy is None:
            extensions["target"] = way.prefix + path.encode("ascii")
        else:  # httpcore would take the target for that of its own request to the proxy, too
            url = httpx.URL(str(url).rstrip("/") + path)
        if body is None:
            return httpx.Request(method, url, headers=way.get, stream=_Content(), extensions=extensions)
        content = body.reveal()
        request = httpx.Request(
            method, url, headers=way.post, stream=_Content(content), extensions=extensions
        )
        request.headers["Content-Length"] = str(len(content))
        return request

    def _whole(self, method: str, host: str, path: str, body: Body | None, seconds: float) -> httpx.Request:
        """A request as a caller's own transport may expect it: nothing is left out, nothing is prepared."""
        return httpx.Request(
            method,
            host + path,
            headers=self._headers(headers_of_get() if body is None else headers_of_post()),
            content=None if body is None else body.reveal(),
            extensions={"timeout": {**_opening(seconds), "read": seconds, "write": seconds}},
        )

    def _headers(self, headers: list[tuple[str, str]]) -> httpx.Headers:
        return httpx.Headers([*headers, (AUTHORIZATION, self._authorization.reveal())])

    def _way(self, host: str, proxy: Secret | None) -> _Way:
        url = httpx.URL(host)
        own = [("Host", url.netloc.decode("ascii"))]
        return _Way(
            url=url,
            prefix=url.raw_path.rstrip(b"/"),
            get=self._headers(own + headers_of_get()),
            post=self._headers(own + headers_of_post()),
            proxy=None if proxy is None else self._proxy(host, proxy),
        )

    def _proxy(self, host: str, proxy: Secret) -> httpx.Proxy:
        # An https proxy is verified as the hosts behind it are.
        context = self._trust if proxy.reveal().startswith("https:") else None
        with suppress(ValueError, httpx.InvalidURL):
            return httpx.Proxy(proxy.reveal(), ssl_context=context)
        # Out here, so that no frame that has the password hangs on the error.
        raise bad_proxy(host, proxy, "the URL of an http, https, socks5 or socks5h proxy")

    def _lane(self, way: _Way) -> HttpxTransport:
        verify = self._trust if way.url.scheme == "https" else self._no_trust
        return httpx.AsyncHTTPTransport(verify=verify, limits=LIMITS, proxy=way.proxy)

    def _open(self, way: _Way) -> HttpxTransport:
        lane = self._lane(way)
        self._lanes.add(lane)
        return lane

    async def _close(self, lane: HttpxTransport) -> None:
        self._lanes.discard(lane)
        await lane.aclose()

    async def _close_stale(self, all_of: _Way | None) -> None:
        """Close what has been idle for too long, of hosts that were left too, and all of one host if asked.

        The longest idle are first.
        """
        too_old = anyio.current_time() - KEEP_ALIVE
        for way in tuple(self._ways.values()):
            while way.idle and (way is all_of or way.idle[0][0] < too_old):
                await self._close(way.idle.popleft()[1])

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """One context for all hosts: reading a bundle costs tens of milliseconds."""
        return trust()

    @cached_property
    def _no_trust(self) -> ssl.SSLContext:
        """For plain http: it trusts nobody, and spares httpx the reading of a bundle that is not used."""
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    async def aclose(self) -> None:
        """Close the connections that this object has opened. A later exchange opens new ones."""
        for way in self._ways.values():
            way.idle.clear()
        for lane in list(self._lanes):
            await self._close(lane)


async def _over_given(transport: HttpxTransport, request: httpx.Request) -> WireAnswer:
    return await _read(await transport.handle_async_request(request))


async def _read(response: httpx.Response) -> WireAnswer:
    """The answer with its whole body as it came, up to the limit; the response is closed.

    httpcore reads through generators within generators. One that is left in the middle is cleaned up by the
    event loop, some time; so when there is too much, the connection is closed and the reading goes on
    until it fails, which is at once. A caller's transport that never stops is ended by the attempt's
    timeout.
    """
    length = request_id = retry_after = None
    for name, value in response.headers.raw:
        match name.lower():
            case b"content-length":
                length = value.decode("latin-1")
            case b"x-request-id":
                request_id = short_request_id(value.decode("latin-1"))
            case b"retry-after":
                retry_after = seconds_to_wait(value.decode("latin-1"))
            case _:
                pass
    reader = Reader()
    try:
        refuse_large(length)
        # Not aiter_raw(): a caller's transport may answer with a body that is read already.
        async for part in cast("httpx.AsyncByteStream", response.stream):
            reader.feed(part)
            if reader.is_full:
                await response.aclose()
    except (httpx.HTTPError, httpx.StreamError):
        if not reader.is_full:
            raise
    finally:
        await response.aclose()
    return WireAnswer(response.status_code, reader.body(), request_id, retry_after)


def _is_garbage(error: BaseException) -> bool:
    """Whether an answer has come that was no HTTP; the parser then tells why."""
    return any(type(each).__module__.partition(".")[0] == "h11" for each in chain(error))


@lru_cache(maxsize=16)
def _opening(seconds: float) -> dict[str, float]:
    """What opening a connection may take, in httpx's words."""
    connect = seconds * CONNECT_SHARE
    return {"connect": connect, "pool": 2 * connect}


def _failure(error: Exception) -> WireFailure:
    kind, sent = next(FAILURES[each] for each in type(error).__mro__ if each in FAILURES)
    dns = not sent and any(isinstance(each, socket.gaierror) for each in chain(error))
    # A protocol error of our own side may quote the header that it complains of.
    detail = "LocalProtocolError" if isinstance(error, httpx.LocalProtocolError) else in_words(error)
    return WireFailure(kind, detail, sent=sent, dns=dns)
