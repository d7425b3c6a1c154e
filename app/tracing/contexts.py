"""Between OpenTelemetry's contexts and the carriers that travel in messages and rows."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, SamplingResult
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, TraceFlags, TraceState
from opentelemetry.util.types import Attributes

from app.tracing.carrier import Carrier


def context_of(parent: Carrier | None) -> Context:
    """Return the context of a parent elsewhere; without one a trace begins.

    Never the context that is current here: it is another question's, or none.
    """
    if parent is None:
        return Context()
    above = _span_context(parent)
    return trace.set_span_in_context(trace.NonRecordingSpan(above), Context())


def links_to(before: Carrier | None) -> list[Link]:
    """Return the link to what a new trace comes after, if that was traced."""
    return [] if before is None else [Link(_span_context(before))]


def carrier_of_span(span: Span) -> Carrier | None:
    """Return what is sent, or stored, for the trace to go on below a span."""
    context = span.get_span_context()
    if not context.is_valid:
        return None
    flags = context.trace_flags & TraceFlags.SAMPLED
    text = f"00-{context.trace_id:032x}-{context.span_id:016x}-{flags:02x}"
    return Carrier(text, context.trace_state.to_header() or None)


def recorded_trace_id(span: Span) -> str | None:
    """Return the id of a trace that is recorded."""
    context = span.get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid and context.trace_flags.sampled else None


def _span_context(carrier: Carrier) -> SpanContext:
    return SpanContext(
        trace_id=int(carrier.trace_id, 16),
        span_id=int(carrier.traceparent[36:52], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(carrier.traceparent[53:55], 16)),
        trace_state=TraceState.from_header([carrier.tracestate]) if carrier.tracestate else None,
    )


class LinkedAsParent(Sampler):
    """Decides on a trace that begins with a link as on a child of what it is linked to.

    Else a question of which one in a hundred is recorded could hardly be followed into its next
    round.
    """

    def __init__(self, rule: ParentBased) -> None:
        self._rule = rule

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        above = trace.get_current_span(parent_context).get_span_context()
        if links and not above.is_valid:
            linked = links[0].context
            # Without its state, which is of the other trace.
            bare = SpanContext(linked.trace_id, linked.span_id, True, linked.trace_flags)
            parent_context = trace.set_span_in_context(trace.NonRecordingSpan(bare), Context())
        return self._rule.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        return f"LinkedAsParent{{{self._rule.get_description()}}}"
