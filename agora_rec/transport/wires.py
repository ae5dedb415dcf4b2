"""Which HTTP library does the work: decided once, by what is installed and which event loop runs."""

from collections.abc import Callable
from importlib import import_module
from urllib.request import getproxies

import anyio

from agora_rec.codec import Body
from agora_rec.secret import Secret
from agora_rec.transport.http import HttpxTransport, HttpxWire
from agora_rec.transport.wire import Wire, WireAnswer


class OwnWire:
    """The default: aiohttp on asyncio where it is installed and no proxy is set, httpx otherwise.

    The choice waits for the first exchange, since a client may be made before any event loop runs.

    Args:
        authorization: The value of the Authorization header.
        transport: The caller's own httpx transport, which is then used on every loop.
    """

    def __init__(self, authorization: Secret, transport: HttpxTransport | None = None) -> None:
        self._authorization = authorization
        self._transport = transport
        self._chosen: Wire | None = None

    def __repr__(self) -> str:
        return f"<OwnWire {self._chosen!r}>"

    async def exchange(self, method: str, url: str, body: Body | None, seconds: float) -> WireAnswer:
        """See `Wire.exchange`."""
        if self._chosen is None:
            self._chosen = self._choose()
        return await self._chosen.exchange(method, url, body, seconds)

    async def aclose(self) -> None:
        """Close what was opened. A later exchange chooses anew."""
        chosen, self._chosen = self._chosen, None
        if chosen is not None:
            await chosen.aclose()

    def _choose(self) -> Wire:
        # aiohttp knows fewer kinds of proxies than httpx does.
        if self._transport is None and not getproxies() and _on_asyncio():
            over_aiohttp = _over_aiohttp()
            if over_aiohttp is not None:
                return over_aiohttp(self._authorization)
        return HttpxWire(self._authorization, self._transport)


def _over_aiohttp() -> Callable[[Secret], Wire] | None:
    """The wire over aiohttp; None where it is not installed, or too old (there for somebody else)."""
    try:
        module = import_module("agora_rec.transport.over_aiohttp")
    except (ImportError, AttributeError):
        return None
    wire: Callable[[Secret], Wire] = module.AiohttpWire
    return wire


def _on_asyncio() -> bool:
    """Whether asyncio runs. Nothing else that is public in all versions of anyio tells the loops apart."""
    return anyio.get_cancelled_exc_class().__module__.partition(".")[0] == "asyncio"
