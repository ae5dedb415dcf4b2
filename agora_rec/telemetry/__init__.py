"""What calls look like from outside: spans and metrics for OpenTelemetry (the extra `otel`).

`CloudRecording(..., telemetry=OpenTelemetry())` turns it on. Whoever wants something else writes an
`agora_rec.Telemetry` of their own, which needs neither this package nor the extra.
"""

try:
    from agora_rec.telemetry.otel import OpenTelemetry
except ModuleNotFoundError as _missing:
    raise ImportError(f"agora_rec.telemetry needs {_missing.name}: pip install 'agora-rec[otel]'") from None

__all__ = ["OpenTelemetry"]
