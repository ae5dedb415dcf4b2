"""aiohttp's own client as the HTTP library, where somebody looks on at it: chosen by `wires.py` only then.

An application that has instrumented aiohttp sees the calls of this library too. That costs what the client
costs: see `over_aiohttp.py`, which goes round it.

aiohttp repeats a GET by itself when its connection is lost. That attempt would be in no record and in no
budget, so the connector here gives each exchange one connection and no second.
"""

import ssl
from collections.abc import Sequence
from contextvars import ContextVar
from enum import Enum, auto
from typing import Final
from weakref import WeakSet

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from attrs import frozen
from yarl import URL

from agora_rec.codec import Body
from agora_rec.secret import Secret
from agora_rec.transport.environment import trust
from agora_rec.transport.outgoing import AUTHORIZATION, headers_of_get, headers_of_post
from agora_rec.transport.over_aiohttp import answer_of, failure_of, opening
from agora_rec.transport.wire import KEEP_ALIVE, FailureKind, WireAnswer, WireFailure, scrub

_CONTENT_TYPE: Final = dict(headers_of_post())["Content-Type"]


class _Link(Enum):
    """Which connection an exchange wants, and then which it got."""

    ANY = auto()
    FRESH = auto()
    USED = auto()
    NEW = auto()


_link: Final[ContextVar[_Link]] = ContextVar("agora_rec.link")
"""Of the exchange that runs: aiohttp hands its connector nothing of ours."""


class _SecondConnection(Exception):  # noqa: N818 - a signal, which ends aiohttp's own repetition
    """An exchange has lost its connection and asks for another."""


class _Connector(aiohttp.TCPConnector):
    """Gives each exchange one connection, and says whether it had been used before."""

    def __init__(self) -> None:
        # Without a limit of its own: see `max_connections`.
        super().__init__(limit=0, keepalive_timeout=KEEP_ALIVE)  # pyright: ignore[reportUnknownMemberType] - aiohttp's own
        self._met: WeakSet[object] = WeakSet()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own
    ) -> Connection:
        """Give a connection from the pool, or a new one."""
        wanted = _link.get()
        if wanted is _Link.USED or wanted is _Link.NEW:
            raise _SecondConnection
        connection = await super().connect(req, traces, timeout)
        while connection.protocol in self._met:
            protocol = connection.protocol
            if wanted is _Link.ANY and protocol is not None and not protocol.should_close:
                _link.set(_Link.USED)
                return connection
            connection.close()
            connection = await super().connect(req, traces, timeout)
        self._met.add(connection.protocol)
        _link.set(_Link.NEW)
        return connection


@frozen
class _Way:
    """A host: its base URL, the path in it that comes before every other, whom TLS trusts there."""

    url: URL
    prefix: str
    ssl: ssl.SSLContext | bool


class AiohttpClientWire:
    """Exchanges through aiohttp: one session, made when it opens and closed by `aclose`.

    Args:
        authorization: The value of the Authorization header.
    """

    def __init__(self, authorization: Secret) -> None:
        self._authorization = authorization
        self._session: aiohttp.ClientSession | None = None
        self._ways: dict[str, _Way] = {}

    def __repr__(self) -> str:
        return f"<AiohttpClientWire {'closed' if self._session is None else 'open'}>"

    def open(self, hosts: Sequence[str]) -> None:
        """See `Wire.open`."""
        urls = {host: URL(host, encoded=True) for host in hosts}
        verified = trust() if any(url.scheme == "https" for url in urls.values()) else True
        for host, url in urls.items():
            self._ways[host] = _Way(url, url.raw_path.rstrip("/"), verified)

    async def exchange(
        self, method: str, host: str, path: str, body: Body | None, seconds: float, *, fresh: bool = False
    ) -> WireAnswer:
        """See `Wire.exchange`."""
        if host not in self._ways:
            self.open((host,))
        way = self._ways[host]
        _link.set(_Link.FRESH if fresh else _Link.ANY)
        try:
            session = self._session or self._open_session()
            response = await session.request(
                method,
                way.url.with_path(way.prefix + path, encoded=True),
                data=None if body is None else _content(body),
                allow_redirects=False,
                timeout=opening(seconds),
                ssl=way.ssl,
            )
            try:
                answer = await answer_of(response.status, response.headers, response.content)
            except BaseException:
                response.close()
                raise
            response.release()
            return answer
        except WireFailure as known:
            scrub(known)
            raise
        except Exception as error:  # noqa: BLE001 - the table says what each means
            scrub(error)
            used = _link.get() is _Link.USED
            if isinstance(error, _SecondConnection):
                detail = "the connection was closed before an answer"
                failure = WireFailure(FailureKind.LOST, detail, sent=True, stale=used)
            else:
                failure = failure_of(error, used=used)
        except BaseException as cancelled:
            scrub(cancelled)
            raise
        raise failure  # out here, so that the library's exception doesn't become its context

    def _open_session(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=_Connector(),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers=[*headers_of_get(), (AUTHORIZATION, self._authorization.reveal())],
        )
        return self._session

    async def aclose(self) -> None:
        """Close the session. A later exchange opens a new one."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _content(body: Body) -> aiohttp.BytesPayload:
    return aiohttp.BytesPayload(body.reveal(), content_type=_CONTENT_TYPE)
