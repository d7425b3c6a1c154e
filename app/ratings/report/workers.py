"""What each worker says of itself on the topic `metrics`, and the course of all of them."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.charts.points import Point, unbroken
from models.ratings import StreamMetrics

#: Steps of a chart's time.
MOST_STEPS = 240


def events_of(message: StreamMetrics) -> int:
    """Return the events of a message's seconds, whatever became of them."""
    rejected = sum(message.rejected.values())
    return message.valid + message.duplicate + message.stale + rejected


@dataclass(frozen=True, slots=True)
class WorkerFigures:
    """One worker's messages added up. Latencies in seconds: the median and the worst message's."""

    worker: str
    first_at: float
    last_at: float
    events: int
    per_second: float
    latency_p50: float | None
    latency_p99: float | None
    lag: int
    model: str

    def as_json(self) -> dict[str, Any]:
        return {
            "worker": self.worker,
            "first_at": self.first_at,
            "last_at": self.last_at,
            "events": self.events,
            "per_second": self.per_second,
            "latency_p50_seconds": self.latency_p50,
            "latency_p99_seconds": self.latency_p99,
            "lag": self.lag,
            "model": self.model,
        }


def by_worker(metrics: Iterable[StreamMetrics]) -> dict[str, list[StreamMetrics]]:
    """Return messages by worker, workers in the order in which they came."""
    found: dict[str, list[StreamMetrics]] = defaultdict(list)
    for message in metrics:
        found[message.worker].append(message)
    return dict(found)


def workers_of(metrics: Iterable[StreamMetrics]) -> list[WorkerFigures]:
    """Return each worker's figures."""
    return [_figures(worker, messages) for worker, messages in by_worker(metrics).items()]


def _figures(worker: str, messages: Sequence[StreamMetrics]) -> WorkerFigures:
    busy = [each for each in messages if events_of(each)]
    seconds = sum(each.seconds for each in busy)
    events = sum(map(events_of, busy))
    p50 = [each.latency_p50_seconds for each in messages if each.latency_p50_seconds is not None]
    p99 = [each.latency_p99_seconds for each in messages if each.latency_p99_seconds is not None]
    return WorkerFigures(
        worker=worker,
        first_at=messages[0].at - messages[0].seconds,
        last_at=messages[-1].at,
        events=events,
        per_second=events / seconds if seconds else 0.0,
        latency_p50=statistics.median(p50) if p50 else None,
        latency_p99=max(p99, default=None),
        lag=messages[-1].lag,
        model=messages[-1].model,
    )


class Course:
    """Messages laid over a time in equal steps, from the first one's beginning on."""

    def __init__(self, metrics: Sequence[StreamMetrics]) -> None:
        self.metrics = metrics
        self.start = min(each.at - each.seconds for each in metrics)
        self.end = max(each.at for each in metrics) - self.start
        usual = statistics.median(each.seconds for each in metrics)
        self.step = max(usual, self.end / MOST_STEPS, 1e-3)
        self.steps = max(1, math.ceil(self.end / self.step - 1e-9))

    def rate(self, metrics: Sequence[StreamMetrics]) -> list[list[Point]]:
        """Return events a second, each message's spread evenly over its seconds."""
        events = [0.0] * self.steps
        told = [False] * self.steps
        for each in metrics:
            many, last = events_of(each), each.at - self.start
            first = last - each.seconds
            for n in self._within(first, last):
                left, right = n * self.step, (n + 1) * self.step
                share = (min(last, right) - max(first, left)) / each.seconds if each.seconds else 1
                events[n] += many * max(0.0, share)
                told[n] = True
        widths = [min(self.end, (n + 1) * self.step) - n * self.step for n in range(self.steps)]
        return self._lines(
            [
                events[n] / widths[n] if told[n] and widths[n] > 0 else None
                for n in range(self.steps)
            ]
        )

    def worst(self, value: Callable[[StreamMetrics], float | None]) -> list[list[Point]]:
        """Return the largest value that any worker gives in each step."""
        return self._folded(value, lambda found: max(number for _, number in found))

    def mean(self, value: Callable[[StreamMetrics], float | None]) -> list[list[Point]]:
        """Return the mean of each step, weighted by the valid ratings."""

        def fold(found: list[tuple[StreamMetrics, float]]) -> float:
            weight = sum(each.valid for each, _ in found)
            if not weight:
                return statistics.fmean(number for _, number in found)
            return sum(each.valid * number for each, number in found) / weight

        return self._folded(value, fold)

    def added(self, value: Callable[[StreamMetrics], float]) -> list[list[Point]]:
        """Return the sum over the workers of what each gives last in each step."""

        def fold(found: list[tuple[StreamMetrics, float]]) -> float:
            return sum({each.worker: number for each, number in found}.values())

        return self._folded(value, fold)

    def _folded(
        self,
        value: Callable[[StreamMetrics], float | None],
        fold: Callable[[list[tuple[StreamMetrics, float]]], float],
    ) -> list[list[Point]]:
        found: list[list[tuple[StreamMetrics, float]]] = [[] for _ in range(self.steps)]
        for each in self.metrics:
            number = value(each)
            if number is not None:
                for n in self._within(each.at - self.start - each.seconds, each.at - self.start):
                    found[n].append((each, number))
        return self._lines([fold(each) if each else None for each in found])

    def _within(self, first: float, last: float) -> range:
        """Return the steps that a time overlaps by more than a hair."""
        hair = self.step * 0.01
        begin = max(0, math.floor((first + hair) / self.step))
        end = max(begin + 1, math.ceil((last - hair) / self.step))
        return range(min(begin, self.steps - 1), min(end, self.steps))

    def _lines(self, values: list[float | None]) -> list[list[Point]]:
        middles = [min(self.end, (n + 0.5) * self.step) for n in range(self.steps)]
        return unbroken(middles, values)
