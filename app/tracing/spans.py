"""Tracing on OpenTelemetry. Names of spans and attributes are in docs/tracing.md."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.context import Context as TraceContext
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from app.core.strategies import Prompt
from app.ports.model import ModelAnswer
from app.tracing import attributes
from app.tracing.attributes import Attributes
from app.tracing.batches import BatchTracing
from app.tracing.carrier import Carrier, carrier_of
from app.tracing.contexts import carrier_of_span, context_of, links_to, recorded_trace_id
from app.tracing.failing import fail, record
from app.tracing.port import EndedWait, Facts, Incoming, MessageHeaders, Resumed
from app.wire import Arrival
from models.questions import LlmRequest

#: The spans of what this task has in hand, by question id (of what can't be read: by its place).
_IN_HAND: ContextVar[dict[str, Span]] = ContextVar("answerloop_spans")
_NONE: dict[str, Span] = {}


class OtelTracing(BatchTracing):
    """Fulfils `Tracing`. `now` gives Unix seconds; `given_back` is what interrupts a stage."""

    on = True

    def __init__(
        self,
        tracer: Tracer,
        now: Callable[[], float],
        close: Callable[[], Awaitable[None]],
        given_back: type[Exception],
    ) -> None:
        super().__init__(tracer, (given_back, CancelledError))
        self._now = now
        self._close = close

    @contextmanager
    def intake(self, questions: Sequence[Incoming], source: str) -> Iterator[None]:
        def span(each: Incoming) -> Span:
            about = {"answerloop.source": source, **attributes.of_question(each.question)}
            return self._start("intake", each.parent, SpanKind.PRODUCER, about, before=each.before)

        with self._in_hand({each.question.question_id: span(each) for each in questions}):
            yield

    @contextmanager
    def redrive(self, letters: Sequence[Resumed]) -> Iterator[None]:
        with self._in_hand(
            {
                each.key: self._start(
                    "redrive",
                    None,
                    SpanKind.PRODUCER,
                    attributes.known(each.facts),
                    before=each.stored,
                )
                for each in letters
            }
        ):
            yield

    @contextmanager
    def sweep(self, questions: Sequence[Resumed]) -> Iterator[None]:
        with self._in_hand(
            {
                each.key: self._start(
                    "sweep", each.stored, SpanKind.PRODUCER, attributes.known(each.facts)
                )
                for each in questions
            }
        ):
            yield

    @contextmanager
    def stage(self, stage: str, arrivals: Sequence[Arrival]) -> Iterator[_StageSpan]:
        now = self._now()
        spans: dict[str, Span] = {}
        more: list[Span] = []  # of one question several messages may be in one chunk
        for arrival in arrivals:
            about = attributes.of_arrival(stage, arrival, now)
            if about is None:
                continue
            span = self._start(stage, carrier_of(arrival.headers), SpanKind.CONSUMER, about)
            key = attributes.key_of(arrival)
            if key in spans:
                more.append(spans[key])
            spans[key] = span
        with self._in_hand(spans, more):
            yield _StageSpan([*spans.values(), *more])

    @contextmanager
    def call(
        self, request: LlmRequest, model: str, prompt: Prompt, where: str
    ) -> Iterator[_CallSpan]:
        about = attributes.of_call(request, model, prompt, where)
        with self._child(request.question_id, f"chat {model}", SpanKind.CLIENT, about) as span:
            yield _CallSpan(span)

    @contextmanager
    def scoring(self, question_id: str, scorer: str) -> Iterator[None]:
        about: Attributes = {"answerloop.question_id": question_id, "answerloop.scorer": scorer}
        with self._child(question_id, "score", SpanKind.INTERNAL, about):
            yield

    def waited(self, wait: EndedWait, parent: Carrier | None) -> None:
        now = self._now()
        about = attributes.of_wait(wait, now)
        span = self._start("wait", parent, SpanKind.INTERNAL, about, started_at=wait.began_at)
        span.end(_nanoseconds(max(now, wait.began_at)))
        spans = _IN_HAND.get(_NONE)
        if spans is not _NONE:
            spans[wait.question_id] = span

    def note(self, question_id: str, facts: Facts, *, error: str | None = None) -> None:
        span = _IN_HAND.get(_NONE).get(question_id)
        if span is None:
            return
        span.set_attributes(attributes.known(facts))
        if error is not None:
            span.set_attribute("error.type", error)
            span.set_status(Status(StatusCode.ERROR, error))

    def carrier(self, key: str) -> Carrier | None:
        span = _IN_HAND.get(_NONE).get(key)
        return None if span is None else carrier_of_span(span)

    def headers(self, key: str) -> MessageHeaders | None:
        found = self.carrier(key)
        return None if found is None else found.headers

    def trace_id(self, question_id: str | None = None) -> str | None:
        spans = _IN_HAND.get(_NONE)
        if question_id is None:
            return _only_trace_id(spans)
        span = spans.get(question_id)
        return None if span is None else recorded_trace_id(span)

    async def close(self) -> None:
        await self._close()

    def _start(
        self,
        name: str,
        parent: Carrier | None,
        kind: SpanKind,
        about: Attributes,
        *,
        before: Carrier | None = None,
        started_at: float | None = None,
    ) -> Span:
        """`parent`: the span above; `before`: what the new trace is linked to."""
        began = None if started_at is None else _nanoseconds(started_at)
        context, links = context_of(parent), links_to(before)
        return self._tracer.start_span(name, context, kind, about, links, start_time=began)

    @contextmanager
    def _child(
        self, question_id: str, name: str, kind: SpanKind, about: Attributes
    ) -> Iterator[Span]:
        above = _IN_HAND.get(_NONE).get(question_id)
        context = (
            TraceContext() if above is None else trace.set_span_in_context(above, TraceContext())
        )
        span = self._tracer.start_span(name, context, kind, about)
        try:
            yield span
        except BaseException as error:
            fail(span, error, self._given_back)
            raise
        finally:
            span.end()

    @contextmanager
    def _in_hand(self, spans: dict[str, Span], more: Sequence[Span] = ()) -> Iterator[None]:
        """Have spans in hand, and end them; what ends the work is theirs."""
        mine = [*spans.values(), *more]
        token = _IN_HAND.set(spans)
        try:
            yield
        except BaseException as error:
            for span in mine:
                fail(span, error, self._given_back)
            raise
        finally:
            _IN_HAND.reset(token)
            for span in mine:
                span.end()


class _StageSpan:
    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = spans

    @property
    def trace_id(self) -> str | None:
        return recorded_trace_id(self._spans[0]) if len(self._spans) == 1 else None

    def failed(self, error: BaseException) -> None:
        for span in self._spans:
            record(span, error)


class _CallSpan:
    def __init__(self, span: Span) -> None:
        self._span = span

    def answered(self, answer: ModelAnswer) -> None:
        self._span.set_attributes(attributes.of_answer(answer))


def _only_trace_id(spans: Mapping[str, Span]) -> str | None:
    return recorded_trace_id(next(iter(spans.values()))) if len(spans) == 1 else None


def _nanoseconds(at: float) -> int:
    return int(at * 1_000_000_000)
