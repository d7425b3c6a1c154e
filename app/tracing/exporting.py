"""The way to the collector: a bounded queue and a thread, which the pipeline never waits for.

What finds no room or is not taken is dropped and counted; one log line says so until the collector
takes spans again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from app.metrics import Metrics


class Tally:
    """Counts spans, and tells once that they are lost. Called from both threads."""

    def __init__(self, metrics: Metrics, log: Any, where: str) -> None:
        self._metrics = metrics
        self._log = log
        self._where = where
        self._lock = threading.Lock()
        self._losing = False
        self.words = LastWords()

    def sent(self, spans: int) -> None:
        with self._lock:
            self._metrics.count("trace_spans_sent", by=spans)
            if self._losing:
                self._losing = False
                self._log.info("traces_sent_again", collector=self._where)

    def dropped(self, spans: int, reason: str) -> None:
        with self._lock:
            self._metrics.count("trace_spans_dropped", by=spans)
            if not self._losing:
                self._losing = True
                self._log.warning("traces_dropped", collector=self._where, reason=reason)


_TOP = "opentelemetry"
#: What sends. Others of its loggers quote what came with a request: anybody's words.
_HEARD = ("opentelemetry.exporter", "opentelemetry.sdk")
_SILENT = logging.NullHandler()


class LastWords(logging.Handler):
    """Keeps the last thing that an exporter says, instead of a line for each try."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage()[:300]

    def listen(self) -> None:
        top = logging.getLogger(_TOP)
        top.addHandler(_SILENT)
        top.propagate = False
        for name in _HEARD:
            logging.getLogger(name).addHandler(self)

    def leave(self) -> None:
        for name in _HEARD:
            logging.getLogger(name).removeHandler(self)
        if not any(logging.getLogger(name).handlers for name in _HEARD):
            top = logging.getLogger(_TOP)
            top.removeHandler(_SILENT)
            top.propagate = True


class CountingExporter(SpanExporter):
    """Hands batches to an exporter; what it does not take is counted, whatever it raises."""

    def __init__(self, exporter: SpanExporter, tally: Tally) -> None:
        self._exporter = exporter
        self._tally = tally
        self._lock = threading.Lock()
        self._waiting = 0
        self._in_hands = 0
        self._given_up = False

    def queued(self, capacity: int) -> bool:
        """Take a place in the queue; False when it is full."""
        with self._lock:
            if self._waiting >= capacity or self._given_up:
                return False
            self._waiting += 1
            return True

    def give_up(self) -> int:
        """Return how many spans were not taken so far; what becomes of them is not counted."""
        with self._lock:
            self._given_up = True
            return self._waiting + self._in_hands

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with self._lock:
            self._waiting -= len(spans)
            self._in_hands += len(spans)
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # noqa: BLE001 (a thread that ends would lose all the rest)
            result, reason = SpanExportResult.FAILURE, repr(error)[:300]
        else:
            reason = self._tally.words.text or "it does not take them"
        with self._lock:
            self._in_hands -= len(spans)
            if self._given_up:
                return result
        if result is SpanExportResult.SUCCESS:
            self._tally.sent(len(spans))
        else:
            self._tally.dropped(len(spans), reason)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class BoundedProcessor(BatchSpanProcessor):
    """The SDK's batches, whose queue of `capacity` spans refuses new ones when it is full."""

    def __init__(self, exporter: SpanExporter, tally: Tally, capacity: int) -> None:
        self._counting = CountingExporter(exporter, tally)
        self._tally = tally
        self._capacity = capacity
        super().__init__(self._counting, max_queue_size=capacity)

    def give_up(self) -> None:
        """Count what was not taken until now as lost."""
        if left := self._counting.give_up():
            self._tally.dropped(left, "the process ends")

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self._counting.queued(self._capacity):
            super().on_end(span)
        else:
            self._tally.dropped(1, f"{self._capacity} spans wait for the collector")
