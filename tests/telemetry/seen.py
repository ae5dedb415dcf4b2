"""OpenTelemetry's own SDK with everything kept in memory, and what a test wants to know of it."""

from collections.abc import Sequence
from typing import Any

from attrs import define, field
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

from agora_rec.telemetry import OpenTelemetry


@define(eq=False)
class Seen:
    """A telemetry, and all that it has exported."""

    reader: InMemoryMetricReader = field(factory=InMemoryMetricReader)
    exporter: InMemorySpanExporter = field(factory=InMemorySpanExporter)
    tracer_provider: TracerProvider = field(init=False)
    meter_provider: MeterProvider = field(init=False)
    telemetry: OpenTelemetry = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meter_provider = MeterProvider(metric_readers=[self.reader], shutdown_on_exit=False)
        self.telemetry = self.made()

    def made(self, **options: Any) -> OpenTelemetry:
        """Another telemetry that exports to the same place."""
        return OpenTelemetry(
            tracer_provider=self.tracer_provider, meter_provider=self.meter_provider, **options
        )

    @property
    def tracer(self) -> Tracer:
        """A tracer of the application."""
        return self.tracer_provider.get_tracer("app")

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """All spans that have ended, in that order."""
        return self.exporter.get_finished_spans()

    def span(self, name: str) -> ReadableSpan:
        """The one span of that name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    @property
    def calls(self) -> list[ReadableSpan]:
        """The spans of calls."""
        return [span for span in self.spans if span.name.startswith("agora_rec ")]

    @property
    def attempts(self) -> list[ReadableSpan]:
        """The spans of attempts."""
        return [span for span in self.spans if span.name.startswith(("GET", "POST"))]

    def tree(self) -> list[str]:
        """The names of all spans in the order of their beginnings, indented below their parents."""
        known = {span.context.span_id: span for span in self.spans if span.context is not None}

        def depth(span: ReadableSpan) -> int:
            return 0 if span.parent is None else 1 + depth(known[span.parent.span_id])

        begun = sorted(self.spans, key=lambda span: (span.start_time or 0, depth(span)))
        return ["  " * depth(span) + span.name.partition("/v1")[0].strip() for span in begun]

    def points(self, metric: str) -> dict[frozenset[tuple[str, Any]], Any]:
        """The points of a metric by their attributes: number and sum of a histogram, a counter's value."""
        data = self.reader.get_metrics_data()
        found: dict[frozenset[tuple[str, Any]], Any] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for one in scope.metrics:
                    for point in one.data.data_points if one.name == metric else ():
                        key = frozenset((point.attributes or {}).items())
                        if isinstance(point, HistogramDataPoint):
                            found[key] = (point.count, point.sum)
                        elif isinstance(point, NumberDataPoint):
                            found[key] = point.value
        return found


def told(span: ReadableSpan) -> dict[str, Any]:
    """The attributes of a span."""
    return dict(span.attributes or {})
