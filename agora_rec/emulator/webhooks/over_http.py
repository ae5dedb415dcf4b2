"""Notifications over HTTP, as the service sends them: POST over verified TLS, no redirects, no proxies."""

import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
from attrs import define

from agora_rec.emulator.webhooks.receivers import Intake, Receipt, Receiver
from agora_rec.emulator.webhooks.records import Reception
from agora_rec.secret import Secret

KEEP_ALIVE: Final = 10.0
"""Seconds for which an idle connection is kept (events.yaml `delivery.receiver_settings`)."""

_HEADERS: Final = {
    "User-Agent": "agora_rec-emulator",
    "Accept": "application/json",
    # Bytes are judged as they come: nobody unpacks an answer that may be a bomb.
    "Accept-Encoding": "identity",
}


@define(eq=False)
class HttpReceiver:
    """Whoever listens at a URL."""

    _url: Secret
    _http: httpx.AsyncHTTPTransport

    async def post(self, headers: dict[str, str], body: bytes) -> Receipt:
        """Send one, and judge the answer; no exception of the network leaves this."""
        # Past httpx's client, which would keep cookies, and write the URL into its log.
        request = httpx.Request("POST", self._url.reveal(), headers=_HEADERS | headers, content=body)
        request.stream = _Content(body)
        try:
            answer = await self._http.handle_async_request(request)
            return (await _read(answer)).judge(answer.status_code)
        except httpx.HTTPError as error:
            return Receipt(_reception(error), detail=type(error).__name__)


@define(eq=False)
class _Content(httpx.AsyncByteStream):
    """The body of a request. httpx's own is a generator, and left half way where a connection breaks."""

    _left: bytes

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        data, self._left = self._left, b""
        return data


async def _read(answer: httpx.Response) -> Intake:
    """The body, as far as anybody needs it; the answer is closed."""
    intake = Intake()
    try:
        async for data in answer.aiter_raw():
            intake.add(data)
            if intake.is_too_large:
                # Reading on fails at once, and leaves none of httpx's generators half way.
                await answer.aclose()
    except (httpx.HTTPError, httpx.StreamError):
        if not intake.is_too_large:
            raise
    finally:
        await answer.aclose()
    return intake


@asynccontextmanager
async def open_http(url: Secret, *, verify: ssl.SSLContext | None) -> AsyncGenerator[Receiver]:
    """A receiver at a URL; its connections are kept alive, and closed at the end of the block.

    There are as many as there are attempts at once, which are the courier's business.
    """
    async with httpx.AsyncHTTPTransport(
        verify=verify or url.reveal().lower().startswith("https:"),
        limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE),
        trust_env=False,
    ) as http:
        yield HttpReceiver(url, http)


def _reception(error: httpx.HTTPError) -> Reception:
    if not isinstance(error, httpx.ConnectError):
        return Reception.BROKEN
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Reception.UNRESOLVED
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Reception.UNTRUSTED
    return Reception.UNREACHABLE


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What led to it; the links of a chain don't close a circle."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
