"""Counters and gauges of one engine, as JSON and in the Prometheus text format."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from app.metrics_histograms import HISTOGRAMS, Histograms

#: name -> (meaning, labels). Every one is in docs/metrics.md.
COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "questions_accepted": ("Questions put on the log by this process", ("source",)),
    "questions_admitted": ("Questions and generations that became model calls", ()),
    "questions_settled": ("Questions that ended, by state", ("status",)),
    "model_calls": ("Model calls that ended, by outcome", ("outcome",)),
    "model_tokens": ("Tokens of model calls: of the prompts, and of the answers", ("kind",)),
    "model_seconds": ("Seconds of model calls that ended", ()),
    "model_timeouts": ("Model calls that ended in our own time-out", ()),
    "rate_limit_pauses": ("Rate limits (429) after which no call started for a while", ()),
    "breaker_opened": ("Times the circuit breaker opened", ()),
    "breaker_probes": ("Probes of a model server that was left alone", ()),
    "calls_reused": ("Calls not made because their outcome was stored already", ()),
    "retries_scheduled": ("Waits that began, by kind", ("kind",)),
    "retries_released": ("Waits that ended", ()),
    "regenerations": ("Weak answers asked again", ()),
    "guards_fired": ("Answers that a guard rejected, whatever their score", ("guard",)),
    "dead_letters": ("Messages that went to the dead letters, by cause", ("cause",)),
    "floods": ("Times that too many deaths stopped the intake", ()),
    "letters_redriven": ("Dead letters that this process sent again", ()),
    "questions_swept": ("Questions without an event, put on the log again", ("why",)),
    "repeats_dropped": ("Questions dropped because they are being answered already", ()),
    "cache_hits": ("Queries answered from the cache", ()),
    "cache_misses": ("Queries not found in the cache", ()),
    "cache_errors": ("Failed cache operations", ()),
    "db_errors": ("Failed database operations (tried again)", ()),
    "broker_errors": ("Failed sends (tried again)", ()),
    "scorer_errors": ("Failed scorings (tried again)", ()),
    "scorer_texts_cut": ("Answers judged on a text that was cut at the scorer's limit", ()),
    "score_pairs": ("Pairs that the score server scored", ()),
    "score_batches": ("Batches in which the score server scored them", ()),
    "score_seconds": ("Seconds in which the score server was scoring", ()),
    "score_failures": ("Pairs for which the score server found no score", ()),
    "score_pairs_dropped": ("Pairs not scored because their client had gone", ()),
    "score_requests_refused": ("Score requests refused because the queue was full", ()),
    "scores_retried": ("Pairs scored again because no score came of them", ()),
    "stage_errors": ("Unexpected errors inside a stage", ("stage",)),
    "events_released": ("Events given back because of a rebalance or a stop", ("stage",)),
    "ratings_valid": ("Ratings that were applied by this process", ()),
    "ratings_rejected": ("Rating events that were refused, by rule", ("rule",)),
    "ratings_duplicate": ("Ratings that were there already", ()),
    "ratings_stale": ("Ratings older than the known one of the same user and movie", ()),
    "ratings_late": ("Ratings that were applied, but came too late for their window", ()),
    "ratings_fenced": ("Saves refused because another worker has gone on with the partition", ()),
    "recommendations_published": ("Recommendations made and published", ()),
    "http_requests": ("HTTP requests", ("route", "code")),
    "trace_spans_sent": ("Spans that the collector of traces took", ()),
    "trace_spans_dropped": ("Spans that were lost: the queue was full, or nobody took them", ()),
}

GAUGES: dict[str, str] = {
    "breaker_state": "Circuit breaker: 0 closed, 1 half-open, 2 open",
    "flood_open": "1 while too many deaths have stopped the intake",
    "calls_waiting": "Events that wait for leave to call the model",
    "llm_limit": "Limit on model calls in flight that is in force",
    "calls_in_flight": "Model calls in flight in this process",
    "log_lines_suppressed": "Log lines that were not written because they repeat others",
    "stuck": "Partitions that make no progress",
    "ratings_lag": "Ratings in the log that are not stored yet, on this process's partitions",
    "rating_rmse": "Root mean square error, in stars, of predictions made before learning",
    "rating_latency_p50": "Seconds from a rating's time stamp in the log to its place in the state",
    "rating_latency_p95": "The same: 95 of 100 take no longer",
    "rating_latency_p99": "The same: 99 of 100 take no longer",
    "rating_users_waiting": "Users whose recommendations are to be made anew",
    "retries_waiting": "Waits on the partitions of this process",
    "score_queue": "Pairs that the score server has taken and not answered yet",
    "score_fill": "Mean share of the score server's batches that was filled",
    "scorer_reference_hit_rate": "Share of the references whose embedding the scorer had kept",
}

#: What the score server counts: it has no pipeline.
SCORE_SERVER_FIGURES = frozenset(
    name
    for name in (*COUNTERS, *GAUGES, *HISTOGRAMS)
    if name.startswith(("score_", "http_")) or name == "scorer_reference_hit_rate"
)

#: JSON's counts by the first label of a counter.
BY_LABEL = {
    "settled_by_status": "questions_settled",
    "dead_letters_by_cause": "dead_letters",
    "guards_fired_by_guard": "guards_fired",
    "ratings_rejected_by_rule": "ratings_rejected",
    "model_calls_by_outcome": "model_calls",
    "model_tokens_by_kind": "model_tokens",
}

#: Ended calls of which each length is known: percentiles of the last minute need no buckets.
KEPT_CALLS = 4096


class Metrics:
    """The figures of one engine; constructing registers nothing globally.

    With `only` those of a process that counts nothing else.
    """

    def __init__(self, only: Collection[str] | None = None) -> None:
        counters = {name: row for name, row in COUNTERS.items() if only is None or name in only}
        gauges = {name: about for name, about in GAUGES.items() if only is None or name in only}
        self.registry = CollectorRegistry()
        self._totals: dict[str, float] = dict.fromkeys(counters, 0)
        self._labelled: dict[tuple[str, tuple[str, ...]], float] = {}
        self._counters = {
            name: Counter(f"answerloop_{name}", about, labels, registry=self.registry)
            for name, (about, labels) in counters.items()
        }
        self._watched: dict[str, list[Callable[[], float]]] = {}
        self._gauges = {
            name: Gauge(f"answerloop_{name}", about, registry=self.registry)
            for name, about in gauges.items()
        }
        self._recent: deque[tuple[float, float]] = deque(maxlen=KEPT_CALLS)
        self._histograms = Histograms(n for n in HISTOGRAMS if only is None or n in only)
        self.registry.register(self._histograms)

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        """Add to a counter; `labels` in the order of `COUNTERS`."""
        self._totals[name] += by
        counter = self._counters[name]
        (counter.labels(*labels) if labels else counter).inc(by)
        if labels:
            key = (name, labels)
            self._labelled[key] = self._labelled.get(key, 0) + by

    def observe(
        self,
        name: str,
        seconds: float,
        label: str = "",
        *,
        times: int = 1,
        trace_id: str | None = None,
    ) -> None:
        """Add a length to a histogram of `HISTOGRAMS`, or the same one `times` times.

        `trace_id` is kept as the example of its bucket.
        """
        self._histograms.of(name, label).add(seconds, times, trace_id)

    def observe_all(self, name: str, values: Iterable[float], label: str = "") -> None:
        """Add lengths to a histogram, in seconds."""
        self._histograms.of(name, label).add_all(values)

    def observe_call(self, seconds: float, trace_id: str | None = None) -> None:
        """Add the length of an answered model call."""
        self.observe("model_call_seconds", seconds, trace_id=trace_id)
        self._recent.append((time.monotonic(), seconds))

    def recent_calls(self, within_seconds: float) -> list[float]:
        """Return the lengths of answered calls (the last `KEPT_CALLS`) that ended so lately."""
        since = time.monotonic() - within_seconds
        return [seconds for ended_at, seconds in self._recent if ended_at >= since]

    def watch(self, name: str, read: Callable[[], float]) -> None:
        """Read a gauge's value by calling `read` whenever metrics are asked for.

        What several pipelines of one process watch under one name is added up; the same `read`
        counts once.
        """
        readers = self._watched.setdefault(name, [])
        if read not in readers:
            readers.append(read)
        self._gauges[name].set_function(lambda: self._read(name))

    def _read(self, name: str) -> float:
        return sum(read() for read in self._watched[name])

    def total(self, name: str) -> int:
        return int(self._totals[name])

    def labelled(self, name: str) -> dict[str, int]:
        """Return a counter's values by its first label."""
        found: dict[str, int] = {}
        for (counter, labels), value in self._labelled.items():
            if counter == name:
                found[labels[0]] = found.get(labels[0], 0) + int(value)
        return found

    def as_json(self) -> dict[str, Any]:
        """Return every total, `total_responses` (questions that ended), counts by label, and of
        each histogram count, sum and percentiles.
        """
        responses = "questions_settled" in self._totals
        return {
            **({"total_responses": self.total("questions_settled")} if responses else {}),
            **{name: _shown(name, value) for name, value in self._totals.items()},
            **{name: self._read(name) for name in self._watched},
            **{
                name: self.labelled(counter)
                for name, counter in BY_LABEL.items()
                if counter in self._totals
            },
            **self._histograms.as_json(),
        }

    def as_prometheus(self) -> bytes:
        return bytes(generate_latest(self.registry))

    def as_openmetrics(self) -> bytes:
        """Return the same in the OpenMetrics text format: it has the examples of histograms."""
        return bytes(generate_openmetrics(self.registry))


def _shown(name: str, value: float) -> float:
    """Return a total as JSON shows it: a count is whole, seconds are not."""
    return round(value, 3) if name.endswith("_seconds") else int(value)
