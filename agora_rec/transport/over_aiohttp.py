"""aiohttp as the HTTP library, on asyncio, where it is installed: imported by `wires.py` only then.

Not through httpx: `httpx-aiohttp` makes a ConnectTimeout of every lost connection, also of one that was lost
after the request was written, and whether a start may have been sent is what all depends on here. Its
exceptions can also carry the request's headers.

aiohttp repeats a GET by itself when an idle connection turns out to be closed, nothing else.
"""

import socket
from typing import Final

import aiohttp
from yarl import URL

from agora_rec.codec import Body
from agora_rec.secret import Secret
from agora_rec.transport.http import trust
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
    aiohttp.ClientResponseError: (FailureKind.GARBLED, True),
    aiohttp.InvalidURL: (FailureKind.LOCAL, False),
    aiohttp.NonHttpUrlClientError: (FailureKind.LOCAL, False),
    aiohttp.ClientError: (FailureKind.LOST, True),
    Exception: (FailureKind.LOST, True),
}
"""What each exception means; the most specific class counts."""


class AiohttpWire:
    """Exchanges through aiohttp: one session, made by the first exchange and closed by `aclose`.

    Args:
        authorization: The value of the Authorization header.
    """

    def __init__(self, authorization: Secret) -> None:
        self._authorization = authorization
        self._session: aiohttp.ClientSession | None = None
        self._get = headers_of_get()
        self._post = headers_of_post()

    def __repr__(self) -> str:
        return f"<AiohttpWire {'closed' if self._session is None else 'open'}>"

    async def exchange(self, method: str, url: str, body: Body | None, seconds: float) -> WireAnswer:
        """See `Wire.exchange`."""
        try:
            return await self._exchange(method, url, body, seconds)
        except WireFailure as known:
            scrub(known)
            raise
        except Exception as error:  # noqa: BLE001 - the table says what each means
            scrub(error)
            failure = failure_of(error)
        except BaseException as cancelled:
            scrub(cancelled)
            raise
        raise failure  # out here, so that the library's exception doesn't become its context

    async def _exchange(self, method: str, url: str, body: Body | None, seconds: float) -> WireAnswer:
        if self._session is None:
            self._session = _session()
        connect = seconds * CONNECT_SHARE
        async with self._session.request(
            method,
            URL(url, encoded=True),
            headers=[
                *(self._get if body is None else self._post),
                (AUTHORIZATION, self._authorization.reveal()),
            ],
            data=None if body is None else body.reveal(),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=None, connect=2 * connect, sock_connect=connect, sock_read=seconds
            ),
        ) as response:
            request_id = short_request_id(response.headers.get("X-Request-Id"))
            retry_after = seconds_to_wait(response.headers.get("Retry-After"))
            return WireAnswer(response.status, await _read(response), request_id, retry_after)

    async def aclose(self) -> None:
        """Close the session. A later exchange opens a new one."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body as it came, up to the limit; a connection with more on it is closed."""
    try:
        refuse_large(response.headers.get("Content-Length"))
        reader = Reader()
        while not reader.is_full and (part := await response.content.readany()):
            reader.feed(part)
        return reader.body()
    except WireFailure:
        response.close()
        raise


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        # Without a limit, for the budget bounds the connections; see LIMITS in http.py.
        connector=aiohttp.TCPConnector(limit=0, ssl=trust(), keepalive_timeout=KEEP_ALIVE),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )


def failure_of(error: Exception) -> WireFailure:
    """The failure, with its cause; an exception that carries the request's headers is not kept."""
    kind, sent = next(FAILURES[each] for each in type(error).__mro__ if each in FAILURES)
    dns = not sent and any(isinstance(each, socket.gaierror) for each in chain(error))
    if isinstance(error, aiohttp.ClientResponseError):
        return WireFailure(kind, f"{type(error).__name__}: {error.message}", sent=sent)
    failure = WireFailure(kind, in_words(error), sent=sent, dns=dns)
    failure.__cause__ = error
    return failure
