"""The wire as one life sees it: below the choice of hosts, above the service. Here the trouble comes in."""

import random
import socket
from collections.abc import Callable

import httpx
from attrs import define

from agora_rec import Clock, OperationName
from agora_rec.emulator import Emulator
from tests.simulation.lives import Died, Life
from tests.simulation.oracle import Oracle, Sent
from tests.simulation.trace import Trace
from tests.simulation.weather import HostDown, Trouble, Weather

_VERBS = {
    "acquire": OperationName.ACQUIRE,
    "start": OperationName.START,
    "query": OperationName.QUERY,
    "update": OperationName.UPDATE,
    "updateLayout": OperationName.UPDATE_LAYOUT,
    "stop": OperationName.STOP,
}


@define(eq=False)
class WireDoor(httpx.AsyncBaseTransport):
    """An httpx transport to the emulator, watched by the oracle and beset by the weather."""

    life: Life
    emulator: Emulator
    weather: Weather
    oracle: Oracle
    trace: Trace
    clock: Clock
    rng: random.Random
    forbids: Callable[[Life, Sent], str | None]
    """What speaks against a call that is sent, beside what the oracle knows."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Bring one request to its answer, if the weather allows it."""
        self.life.passes("before a request is sent")
        at = self.trace.seconds()
        call = self.oracle.sent(
            self.life.number, at, request.url.raw_path.decode("ascii"), await request.aread()
        )
        if (reason := self.forbids(self.life, call)) is not None:
            self.trace.violate(f"{call.verb} for {call.who[0]} is sent {reason}")
        operation = _VERBS.get(call.verb, OperationName.NCS_IP)
        trouble = self.weather.trouble_for(at, operation, call.who[0], request.url.host)
        self._note(call, f"-> {call.verb} {call.who[0]} #{call.number}{_named(trouble)}")
        self.life.in_flight += 1
        try:
            return await self._exchange(request, call, trouble)
        finally:
            self.life.in_flight -= 1

    async def _exchange(self, request: httpx.Request, call: Sent, trouble: Trouble | None) -> httpx.Response:
        if isinstance(trouble, HostDown):
            self.oracle.unanswered(call, reached=False)
            await self.clock.sleep(self.rng.choice((0.0, 0.1, 2.0)))
            self.life.alive()
            raise _no_connection(request, dns=trouble.dns)
        self.emulator.clear_faults()
        if trouble is not None:
            self.emulator.inject(trouble)
        try:
            response = await self.emulator.transport().handle_async_request(request)
            self.life.passes("before an answer is read")
            body = await response.aread()
        except httpx.ConnectError:
            self._lost(call, "nobody there", reached=False)
            self.life.alive()
            raise
        except (httpx.TransportError, Died) as error:
            self._lost(call, type(error).__name__, reached=True)
            self.life.alive()
            raise
        except BaseException:
            self._lost(call, "the client doesn't wait any longer", reached=True)
            raise
        self.oracle.answered(call, self.trace.seconds(), response.status_code, body)
        self._note(call, f"<- {call.verb} {call.who[0]} #{call.number} {response.status_code}{_gist(body)}")
        return response

    def _lost(self, call: Sent, why: str, *, reached: bool) -> None:
        self.oracle.unanswered(call, reached=reached)
        self._note(call, f"xx {call.verb} {call.who[0]} #{call.number} {why}")

    def _note(self, call: Sent, what: str) -> None:
        self.trace.note(f"wire {call.life}", what)


def _no_connection(request: httpx.Request, *, dns: bool) -> httpx.ConnectError:
    error = httpx.ConnectError("no connection", request=request)
    if dns:
        error.__cause__ = socket.gaierror(-2, "Name or service not known")
    return error


def _named(trouble: Trouble | None) -> str:
    return "" if trouble is None else f"   [{trouble}]"


def _gist(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    return f" {text}" if len(text) < 100 else ""
