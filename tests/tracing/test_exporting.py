"""The collector is away, slow, or broken: spans are dropped and counted, and nobody waits."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from app.adapters.llm.memory import ScriptedModel
from app.metrics import Metrics
from app.tracing.exporting import BoundedProcessor, Tally
from tests.flow.engine import make_ports, question, running


class Lines:
    """A log that keeps its events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def warning(self, event: str, **facts: Any) -> None:
        self.events.append((event, facts))

    info = warning

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]


class Gated(SpanExporter):
    """An exporter that holds every batch until it is let go, and then takes it or not."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go = threading.Event()
        self.result: SpanExportResult | Exception = SpanExportResult.SUCCESS
        self.taken = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.entered.set()
        assert self.go.wait(30)
        if isinstance(self.result, Exception):
            raise self.result
        self.taken += len(spans)
        return self.result

    def shutdown(self) -> None:
        self.go.set()


@pytest.fixture
def gated(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Gated, Any, Metrics, Lines]]:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "5")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10")
    exporter, metrics, lines = Gated(), Metrics(), Lines()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BoundedProcessor(exporter, Tally(metrics, lines, "here"), 10))
    yield exporter, provider.get_tracer("test"), metrics, lines
    exporter.go.set()
    provider.shutdown()


def figures(metrics: Metrics) -> tuple[int, int]:
    return metrics.total("trace_spans_sent"), metrics.total("trace_spans_dropped")


def until(check: Any) -> None:
    end = time.monotonic() + 30
    while not check():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_full_queue_drops_new_spans_counts_each_and_says_so_once(gated: Any) -> None:
    exporter, tracer, metrics, lines = gated
    tracer.start_span("held").end()
    assert exporter.entered.wait(30)  # the thread hangs with one span in its hands
    for _ in range(25):
        tracer.start_span("more").end()
    assert figures(metrics) == (0, 15)
    assert lines.names == ["traces_dropped"]
    assert lines.events[0][1]["reason"] == "10 spans wait for the collector"
    exporter.go.set()
    until(lambda: figures(metrics) == (11, 15))
    assert lines.names == ["traces_dropped", "traces_sent_again"]


@pytest.mark.parametrize("outcome", [SpanExportResult.FAILURE, RuntimeError("no room on disk")])
def test_what_is_not_taken_is_counted_and_the_next_batch_is_tried(gated: Any, outcome: Any) -> None:
    exporter, tracer, metrics, lines = gated
    exporter.result = outcome
    exporter.go.set()
    for round_ in (1, 2):
        tracer.start_span("lost").end()
        until(lambda round_=round_: figures(metrics) == (0, round_))
    assert lines.names == ["traces_dropped"]
    exporter.result = SpanExportResult.SUCCESS
    tracer.start_span("taken").end()
    until(lambda: figures(metrics) == (1, 2))


async def answered(url: str) -> tuple[Any, Metrics]:
    """Answer a question while the collector is at `url`, and stop; return its row, the figures."""
    model = ScriptedModel(lambda prompt: "An answer")
    async with running(make_ports(model=model), otel_endpoint=url) as engine:
        sent = question("¿Qué?")
        await engine.submit(sent)
        row = await engine.final(sent.question_id)
        await engine.idle()
    return row, engine.context.metrics


async def test_nobody_listens_and_the_question_is_answered_as_ever(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    row, metrics = await answered(f"http://127.0.0.1:{unused_port()}")
    assert str(row.status) == "validated"
    sent, dropped = figures(metrics)
    assert (sent, dropped >= 6) == (0, True), "intake is not of this question, six spans are"
    said = "".join(capfd.readouterr())
    # Where lines go depends on whether this process has set up its logging.
    assert max(said.count("traces_dropped"), caplog.text.count("traces_dropped")) == 1
    assert "opentelemetry" not in said
    assert "Traceback" not in said


async def test_a_collector_that_never_answers_holds_up_no_question_and_no_stop(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    hangs = asyncio.Event()

    async def never(_: web.Request) -> web.Response:
        await hangs.wait()
        return web.Response(status=400)

    app = web.Application()
    app.router.add_post("/v1/traces", never)
    async with TestServer(app) as server:
        row, metrics = await answered(str(server.make_url("")))
        assert str(row.status) == "validated"
        sent, dropped = figures(metrics)
        assert (sent, dropped >= 6) == (0, True)
        left = [each for each in threading.enumerate() if each.name == "last-spans"]
        assert left, "the stop waits for the thread that sends, without limit"
        hangs.set()
        for thread in left:
            await asyncio.to_thread(thread.join, 30)
    said = "".join(capfd.readouterr()) + caplog.text
    assert "400" not in said, "what the thread still hears is nobody's business"
    assert "Traceback" not in said
