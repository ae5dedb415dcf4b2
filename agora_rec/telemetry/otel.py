"""`OpenTelemetry`: what users hand to a client to have its calls traced and measured."""

from opentelemetry import metrics, trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from agora_rec.model import AnyAnswer
from agora_rec.operations import Operation
from agora_rec.telemetry import names
from agora_rec.telemetry.instruments import Instruments
from agora_rec.telemetry.observed import ObservedCall, Scope
from agora_rec.version import __version__


class OpenTelemetry:
    """Spans and metrics of every call, after OpenTelemetry's conventions for HTTP clients.

    Each call is an INTERNAL span (`agora_rec start`) below the span that is current where the call is asked
    for; each of its attempts is a CLIENT span below it. One object can serve any number of clients. It keeps
    nothing, and needs no closing: the providers are the application's.

    Args:
        tracer_provider: Where spans go; None: the globally configured one.
        meter_provider: Where points go; None: the globally configured one.
        identify: Whether spans tell the channel's name and the recorder's uid, and errors in full. Names of
            channels may be personal data. Metrics never tell them.
        url_template: Whether attempts are named by the templates of their paths, on spans and in metrics.
            The convention leaves it to the application; without it they are called `POST` and `GET`.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        identify: bool = True,
        url_template: bool = True,
    ) -> None:
        meter = metrics.get_meter(names.SCOPE, __version__, meter_provider, names.SCHEMA_URL)
        self._scope = Scope(
            tracer=trace.get_tracer(names.SCOPE, __version__, tracer_provider, names.SCHEMA_URL),
            instruments=Instruments(meter),
            identify=identify,
            url_template=url_template,
        )

    def __repr__(self) -> str:
        return f"OpenTelemetry(identify={self._scope.identify}, url_template={self._scope.url_template})"

    def observe(self, operation: Operation[AnyAnswer]) -> ObservedCall:
        """Open the span of a call when the block is entered; see `agora_rec.Telemetry`."""
        return ObservedCall(self._scope, operation)
