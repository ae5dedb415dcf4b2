"""Which HTTP library does the work: decided once, by what is installed and which event loop runs."""

from collections.abc import Callable, Coroutine, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio

from agora_rec.codec import Body
from agora_rec.secret import Secret
from agora_rec.transport.wire import Wire, WireAnswer

if TYPE_CHECKING:
    from agora_rec.transport.http import HttpxTransport


class OwnWire:
    """The default: aiohttp on asyncio where it is installed and no proxy is in the way, httpx otherwise.

    The choice waits until the client opens, since it may be made before any event loop runs; no library is
    imported before that.

    Args:
        authorization: The value of the Authorization header.
        transport: The caller's own httpx transport, which is then used on every loop.
    """

    def __init__(self, authorization: Secret, transport: "HttpxTransport | None" = None) -> None:
        self._authorization = authorization
        self._transport = transport
        self._chosen: Wire | None = None

    def __repr__(self) -> str:
        return f"<OwnWire {self._chosen!r}>"

    def open(self, hosts: Sequence[str]) -> None:
        """See `Wire.open`."""
        wire = self._chosen or self._choose(hosts)
        wire.open(hosts)

    def exchange(
        self, method: str, host: str, path: str, body: Body | None, seconds: float, *, fresh: bool = False
    ) -> Coroutine[Any, Any, WireAnswer]:
        """See `Wire.exchange`."""
        wire = self._chosen or self._choose((host,))
        return wire.exchange(method, host, path, body, seconds, fresh=fresh)

    async def aclose(self) -> None:
        """Close what was opened. A later exchange chooses anew."""
        chosen, self._chosen = self._chosen, None
        if chosen is not None:
            await chosen.aclose()

    def _choose(self, hosts: Sequence[str]) -> Wire:
        self._chosen = self._best(hosts)
        return self._chosen

    def _best(self, hosts: Sequence[str]) -> Wire:
        from agora_rec.transport.environment import proxies_of  # noqa: PLC0415 - heavy

        # aiohttp knows fewer kinds of proxies than httpx does.
        if self._transport is None and _on_asyncio() and not proxies_of(hosts):
            over_aiohttp = _over_aiohttp()
            if over_aiohttp is not None:
                return over_aiohttp(self._authorization)
        from agora_rec.transport.http import HttpxWire  # noqa: PLC0415 - heavy

        return HttpxWire(self._authorization, self._transport)


def _over_aiohttp() -> Callable[[Secret], Wire] | None:
    """The wire over aiohttp; None where it is not installed, or too old (there for somebody else)."""
    try:
        module = import_module("agora_rec.transport.over_aiohttp")
    except (ImportError, AttributeError):
        return None
    wire: Callable[[Secret], Wire] = module.AiohttpWire
    if module.is_looked_on():
        wire = import_module("agora_rec.transport.aiohttp_client").AiohttpClientWire
    return wire


def _on_asyncio() -> bool:
    """Whether asyncio runs. Nothing else that is public in all versions of anyio tells the loops apart."""
    return anyio.get_cancelled_exc_class().__module__.partition(".")[0] == "asyncio"
