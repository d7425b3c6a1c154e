"""Spans of many messages, or rows, at once: what a stage does with a chunk, not with each of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.context import Context as TraceContext
from opentelemetry.trace import Link, Span, SpanKind, Tracer

from app.tracing import attributes
from app.tracing.carrier import Carrier, carrier_of
from app.tracing.contexts import carrier_of_span, links_to
from app.tracing.failing import GivenBack, fail, record
from app.tracing.port import Facts, MessageHeaders
from app.transports import RawRecord

#: Links of one span: where every message has a context, the first different ones stand for all.
MAX_LINKS = 32


class BatchTracing:
    """The part of `OtelTracing` that is about batches."""

    def __init__(self, tracer: Tracer, given_back: GivenBack) -> None:
        self._tracer = tracer
        self._given_back = given_back

    @contextmanager
    def batch(self, stage: str, raws: Sequence[RawRecord], now: float) -> Iterator[_BatchSpan]:
        about = attributes.of_batch(stage, raws, now)
        with self._span(stage, SpanKind.CONSUMER, about, _links(_contexts(raws))) as span:
            yield span

    @contextmanager
    def work(self, name: str, after: Sequence[Carrier] = ()) -> Iterator[_BatchSpan]:
        with self._span(name, SpanKind.INTERNAL, {}, _links(after)) as span:
            yield span

    @contextmanager
    def _span(
        self, name: str, kind: SpanKind, about: attributes.Attributes, links: Sequence[Link]
    ) -> Iterator[_BatchSpan]:
        span = self._tracer.start_span(name, TraceContext(), kind, about, links)
        try:
            yield _BatchSpan(span)
        except BaseException as error:
            fail(span, error, self._given_back)
            raise
        finally:
            span.end()


class _BatchSpan:
    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def carrier(self) -> Carrier | None:
        return carrier_of_span(self._span)

    @property
    def headers(self) -> MessageHeaders | None:
        found = self.carrier
        return None if found is None else found.headers

    def note(self, facts: Facts, *, event: str | None = None) -> None:
        self._span.set_attributes(attributes.known(facts))
        if event is not None:
            self._span.add_event(event)

    def failed(self, error: BaseException) -> None:
        record(self._span, error)


def _contexts(raws: Sequence[RawRecord]) -> Iterator[Carrier]:
    for raw in raws:
        if raw.headers and (found := carrier_of(raw.headers)) is not None:
            yield found


def _links(after: Iterable[Carrier]) -> list[Link]:
    """Return a link to each of the first different contexts."""
    different: dict[Carrier, None] = {}
    for each in after:
        different[each] = None
        if len(different) == MAX_LINKS:
            break
    return [link for each in different for link in links_to(each)]
