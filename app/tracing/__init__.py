"""Traces: one trace for each question, carried through every message, retry and regeneration.

`carrier` is the W3C trace context in headers, `port` what the stages see, `spans` the same on
OpenTelemetry, `exporting` the way to a collector, `opening` from settings to one of them. Nothing
here imports OpenTelemetry until `opening` is asked for a collector.
"""

from app.tracing.carrier import Carrier, carrier_of, carrier_of_text
from app.tracing.port import NO_TRACING, Tracing

__all__ = ["NO_TRACING", "Carrier", "Tracing", "carrier_of", "carrier_of_text"]
