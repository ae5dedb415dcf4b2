"""Notifications over HTTP, as the service sends them: POST over verified TLS, no redirects, no proxies."""

import socket
import ssl
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import httpx
from attrs import define, field

from agora_rec.emulator.webhooks.receivers import Intake, Receipt, Receiver
from agora_rec.emulator.webhooks.records import Reception
from agora_rec.secret import Secret


@define(eq=False)
class HttpReceiver:
    """Whoever listens at a URL."""

    _url: Secret
    _http: httpx.AsyncClient = field(repr=False)

    async def post(self, headers: dict[str, str], body: bytes) -> Receipt:
        """Send one, and judge the answer; no exception of the network leaves this."""
        intake = Intake()
        try:
            async with self._http.stream("POST", self._url.reveal(), content=body, headers=headers) as answer:
                async for data in answer.aiter_raw():
                    intake.add(data)
                    if intake.is_too_large:
                        break
            return intake.judge(answer.status_code)
        except httpx.HTTPError as error:
            return Receipt(_reception(error), detail=type(error).__name__)


@asynccontextmanager
async def open_http(url: Secret, *, at_once: int, verify: ssl.SSLContext | None) -> AsyncGenerator[Receiver]:
    """A receiver at a URL; its connections are kept alive, and closed at the end of the block."""
    async with httpx.AsyncClient(
        # Bytes are judged as they come: nobody unpacks an answer that may be a bomb.
        headers={"User-Agent": "agora_rec-emulator", "Accept-Encoding": "identity"},
        verify=verify or url.reveal().startswith("https:"),
        timeout=None,  # noqa: S113 - the courier's clock ends what takes too long
        limits=httpx.Limits(max_connections=at_once),
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
