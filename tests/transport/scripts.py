"""A wire that plays a script, and a transport over it."""

from collections.abc import Awaitable, Callable, Sequence

import anyio
from attrs import define, field

from agora_rec.clock import LoopClock
from agora_rec.codec import Body
from agora_rec.transport import Budget, Hosts, RetryPolicy, Telemetry, Transport, Unpaced
from agora_rec.transport.wire import FailureKind, WireAnswer, WireFailure

Step = WireAnswer | WireFailure | Callable[[], Awaitable[WireAnswer]]

REFUSED = WireFailure(FailureKind.CONNECT, "ConnectError: refused", sent=False)
UNRESOLVED = WireFailure(FailureKind.CONNECT, "ConnectError: unknown name", sent=False, dns=True)
LOST = WireFailure(FailureKind.LOST, "ReadError", sent=True)
STALE = WireFailure(FailureKind.LOST, "closed while idle", sent=True, stale=True)
TOO_LARGE = WireFailure(FailureKind.TOO_LARGE, "too large", sent=True)
LOCAL = WireFailure(FailureKind.LOCAL, "UnsupportedProtocol", sent=False)


def said(
    status: int, code: int | None = None, text: str = "", *, retry_after: float | None = None
) -> WireAnswer:
    """An answer with a code and nothing else."""
    body = text if code is None else f'{{"code":{code},"reason":"r"}}'
    return WireAnswer(status, body.encode(), retry_after=retry_after)


@define(eq=False)
class ScriptedWire:
    """Plays one step per exchange; the last one again and again."""

    steps: list[Step]
    asked: list[tuple[float, str, str]] = field(factory=list)
    seconds: list[float] = field(factory=list)
    bodies: list[Body | None] = field(factory=list)
    fresh: list[bool] = field(factory=list)
    opened: tuple[str, ...] = ()
    closed: bool = False

    def open(self, hosts: Sequence[str]) -> None:
        self.opened = tuple(hosts)

    async def exchange(
        self, method: str, host: str, path: str, body: Body | None, seconds: float, *, fresh: bool = False
    ) -> WireAnswer:
        step = self.steps[min(len(self.asked), len(self.steps) - 1)]
        self.asked.append((anyio.current_time(), method, host + path))
        self.seconds.append(seconds)
        self.bodies.append(body)
        self.fresh.append(fresh)
        if isinstance(step, WireFailure):
            raise step
        return step if isinstance(step, WireAnswer) else await step()

    async def aclose(self) -> None:
        self.closed = True

    @property
    def moments(self) -> list[float]:
        """When each exchange began, counted from the first."""
        return [round(at - self.asked[0][0], 6) for at, _, _ in self.asked]

    @property
    def hosts(self) -> list[str]:
        """Which host each exchange went to."""
        return [url.split("/")[2] for _, _, url in self.asked]


def transport_over(
    wire: ScriptedWire,
    *,
    hosts: Hosts | None = None,
    budget: Budget | None = None,
    retry: RetryPolicy | None = None,
    timeout: float = 10.0,
    max_connections: int | None = None,
    telemetry: Telemetry | None = None,
) -> Transport:
    """A transport that sends by the script, by default to one host and without a budget."""
    return Transport(
        wire=wire,
        hosts=hosts or Hosts.of_base_url("https://service.example.com"),
        budget=budget or Unpaced(),
        retry=retry or RetryPolicy(),
        timeout=timeout,
        clock=LoopClock(),
        max_connections=max_connections,
        telemetry=telemetry,
    )
