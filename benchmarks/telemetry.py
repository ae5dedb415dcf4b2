"""What it costs a call to be looked at: CPU time per call without a telemetry, and with OpenTelemetry's.

Run with `python -m benchmarks.telemetry`; takes a few seconds. The wire answers at once and in process, so
that nothing but the library and OpenTelemetry is measured; a real call's HTTP comes on top of each figure.
All contenders take turns within one run, so that their differences can be compared even on a busy machine.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence

from attrs import define, field
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from agora_rec import operations
from agora_rec.clock import SystemClock
from agora_rec.codec import Body
from agora_rec.model import AcquireAnswer, AcquireRequest
from agora_rec.operations import Operation
from agora_rec.telemetry import OpenTelemetry
from agora_rec.transport import Hosts, RetryPolicy, Telemetry, Transport, Unpaced
from agora_rec.transport.wire import WireAnswer

ANSWER = WireAnswer(
    200, b'{"cname":"class-42","uid":"880011","resourceId":"' + b"Qm3-xT_a91" * 20 + b'"}', "r" * 32
)
HOST = "https://api.agora.io"
CALLS = 500
ROUNDS = 12


class InstantWire:
    """Answers everything at once."""

    def open(self, hosts: Sequence[str]) -> None:
        """Need nothing."""

    async def exchange(
        self,
        method: str,  # noqa: ARG002 - the protocol's signature
        host: str,  # noqa: ARG002
        path: str,  # noqa: ARG002
        body: Body | None,  # noqa: ARG002
        seconds: float,  # noqa: ARG002
        *,
        fresh: bool = False,  # noqa: ARG002
    ) -> WireAnswer:
        """Answer."""
        return ANSWER

    async def aclose(self) -> None:
        """Have nothing to close."""


@define
class Contender:
    """One way to look on, and the CPU seconds that a call took with it, round by round."""

    name: str
    telemetry: Telemetry | None
    after: Callable[[], object] = field(default=lambda: None)
    seconds: list[float] = field(factory=list[float])


def contenders() -> list[Contender]:
    """All of them, the one without a telemetry first."""
    exporter = InMemorySpanExporter()
    spans_go_to = TracerProvider(shutdown_on_exit=False)
    spans_go_to.add_span_processor(SimpleSpanProcessor(exporter))
    points_go_to = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    unsampled = TracerProvider(ALWAYS_OFF, shutdown_on_exit=False)
    return [
        Contender("without", None),
        Contender("the API alone, no SDK", OpenTelemetry()),
        Contender("SDK, metrics alone", OpenTelemetry(meter_provider=points_go_to)),
        Contender(
            "SDK, nothing sampled", OpenTelemetry(tracer_provider=unsampled, meter_provider=points_go_to)
        ),
        Contender(
            "SDK, spans and metrics in memory",
            OpenTelemetry(tracer_provider=spans_go_to, meter_provider=points_go_to),
            exporter.clear,
        ),
    ]


def an_operation() -> Operation[AcquireAnswer]:
    """The call that is made again and again."""
    return operations.acquire("benchmark", AcquireRequest(cname="class-42", uid=880011))


async def take(contender: Contender) -> None:
    """One round: CPU seconds per call."""
    transport = Transport(
        wire=InstantWire(),
        hosts=Hosts.of_base_url(HOST),
        budget=Unpaced(),
        retry=RetryPolicy(),
        timeout=10.0,
        clock=SystemClock(),
        telemetry=contender.telemetry,
    )
    operation = an_operation()
    await transport.send(operation)
    began = time.process_time()
    for _ in range(CALLS):
        await transport.send(operation)
    contender.seconds.append((time.process_time() - began) / CALLS)
    contender.after()


async def main() -> None:
    """Measure, and print what came out."""
    rivals = contenders()
    for _ in range(ROUNDS):
        for contender in rivals:
            await take(contender)
    medians = [statistics.median(contender.seconds) for contender in rivals]
    print(f"CPU time of a call with one attempt, {CALLS} calls a round, median of {ROUNDS} rounds")
    for contender, median in zip(rivals, medians, strict=True):
        print(f"{contender.name:34}{median * 1e6:8.1f} us{(median - medians[0]) * 1e6:+9.1f} us")


if __name__ == "__main__":
    asyncio.run(main())
