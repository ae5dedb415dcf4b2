"""The instruments of the metrics, made once. No attribute of a point ever names a single recording."""

from collections.abc import Mapping
from typing import Final

from opentelemetry.metrics import Counter, Histogram, Meter

from agora_rec.telemetry import names

Attributes = Mapping[str, str | int]


class Instruments:
    """Four instruments of one meter; their points have few distinct attributes."""

    def __init__(self, meter: Meter) -> None:
        self.requests: Final[Histogram] = meter.create_histogram(
            names.HTTP_CLIENT_REQUEST_DURATION,
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=names.HTTP_BUCKETS,
        )
        self.calls: Final[Histogram] = meter.create_histogram(
            names.CALL_DURATION,
            unit="s",
            description="Duration of calls of the service, with their waits and repetitions.",
            explicit_bucket_boundaries_advisory=names.LONG_BUCKETS,
        )
        self.queue_waits: Final[Histogram] = meter.create_histogram(
            names.QUEUE_WAIT,
            unit="s",
            description="Time for which attempts waited for the budget and for a connection.",
            explicit_bucket_boundaries_advisory=names.LONG_BUCKETS,
        )
        self.retries: Final[Counter] = meter.create_counter(
            names.RETRIES, unit="{retry}", description="Attempts that repeated a failed one."
        )
