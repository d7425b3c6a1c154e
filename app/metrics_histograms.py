"""Histograms of seconds: cheap to fill, a whole chunk at once, and read in both forms.

The client library's own take a microsecond for each value, and one value at a time; the packed
stages have 200 messages that took equally long. Its exposition is used all the same.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

#: Up to the longest model call that is usual: the default of Faust's sensor ends at 10 s.
SECONDS = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
    5,
    10,
    20,
    30,
    60,
    120,
    180,
    300,
)
CALL_SECONDS = SECONDS[5:]
#: A question may wait for hours, and its deadline is a day: up to a week.
_HOURS = (3600, 10_800, 43_200, 86_400, 259_200, 604_800)
LIFE_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, *_HOURS)


class HistogramSpec(NamedTuple):
    """What a histogram measures, its label (empty: none), and its upper bounds in seconds."""

    about: str
    label: str = ""
    bounds: tuple[float, ...] = SECONDS


#: Every one is in docs/metrics.md. Names end in their unit.
HISTOGRAMS: dict[str, HistogramSpec] = {
    "model_call_seconds": HistogramSpec("Length of model calls", bounds=CALL_SECONDS),
    "stage_seconds": HistogramSpec("Work of a stage on a message, its chunk's for each", "stage"),
    "queue_seconds": HistogramSpec("From a message's time stamp to its stage", "stage"),
    "scoring_seconds": HistogramSpec("Scoring of one answer, its wait for a batch included"),
    "database_seconds": HistogramSpec("Work of a stage's batch in the database"),
    "broker_seconds": HistogramSpec("From sending a batch to the log's acknowledgement"),
    "retry_lateness_seconds": HistogramSpec("From a retry's due time to its release"),
    "question_seconds": HistogramSpec("From acceptance to the stored end", "status", LIFE_SECONDS),
    "http_request_seconds": HistogramSpec("Length of HTTP requests", "route"),
}

#: Shares whose values the JSON form tells.
QUANTILES = (("p50", 0.50), ("p95", 0.95), ("p99", 0.99))


@dataclass(slots=True)
class Series:
    """The values of one histogram and label. The last bucket is for what is above all bounds."""

    bounds: tuple[float, ...]
    counts: list[int] = field(init=False)
    count: int = 0
    sum: float = 0.0
    exemplars: dict[int, Exemplar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, seconds: float, times: int = 1, trace_id: str | None = None) -> None:
        """Add a value `times` times; a negative one (clocks differ) is 0."""
        seconds = max(seconds, 0.0)
        bucket = bisect_left(self.bounds, seconds)
        self.counts[bucket] += times
        self.count += times
        self.sum += seconds * times
        if trace_id is not None:
            self.exemplars[bucket] = Exemplar({"trace_id": trace_id}, seconds, time.time())

    def add_all(self, values: Iterable[float]) -> None:
        """Add each of some values."""
        bounds, counts = self.bounds, self.counts
        for value in values:
            seconds = value if value > 0.0 else 0.0
            counts[bisect_left(bounds, seconds)] += 1
            self.count += 1
            self.sum += seconds

    def quantile(self, share: float) -> float:
        """Return the value that a share of the values does not exceed, as Prometheus estimates it.

        Values lie evenly in their bucket; what is above all bounds counts as the last one. 0.0
        when there is no value.
        """
        wanted, below = share * self.count, 0
        for number, (bound, count) in enumerate(zip(self.bounds, self.counts, strict=False)):
            if count and below + count >= wanted:
                lower = self.bounds[number - 1] if number else 0.0
                return lower + (bound - lower) * (wanted - below) / count
            below += count
        return self.bounds[-1] if self.count else 0.0

    def as_json(self) -> dict[str, float]:
        """Return count, sum and quantiles in seconds."""
        return {
            "count": self.count,
            "sum": round(self.sum, 6),
            **{name: round(self.quantile(share), 6) for name, share in QUANTILES},
        }

    def buckets(self) -> Iterator[tuple[str, int, Exemplar | None]]:
        """Give (upper bound, how many are not above it, an example) of each bucket."""
        below = 0
        for number, count in enumerate(self.counts):
            below += count
            bound = self.bounds[number] if number < len(self.bounds) else inf
            yield floatToGoString(bound), below, self.exemplars.get(number)


class Histograms:
    """The histograms of a process, or some of them. A collector of the client library's registry.

    One without a label is there from the start, one with a label at the label's first value.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._series: dict[str, dict[str, Series]] = {name: {} for name in names}
        for name in self._series:
            if not HISTOGRAMS[name].label:
                self.of(name)

    def of(self, name: str, label: str = "") -> Series:
        """Return the series of a label, made when it is new. KeyError: no such histogram here."""
        found = self._series[name].get(label)
        if found is None:
            found = self._series[name][label] = Series(HISTOGRAMS[name].bounds)
        return found

    def as_json(self) -> dict[str, dict[str, float] | dict[str, dict[str, float]]]:
        """Return each histogram's figures, those of one with a label by its values."""
        return {
            name: {label: each.as_json() for label, each in sorted(series.items())}
            if HISTOGRAMS[name].label
            else series[""].as_json()
            for name, series in self._series.items()
        }

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """Give the families without values: the registry checks their names."""
        for name in self._series:
            spec = HISTOGRAMS[name]
            yield HistogramMetricFamily(
                f"answerloop_{name}", spec.about, labels=[spec.label] if spec.label else []
            )

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Give the families with their values."""
        for family, series in zip(self.describe(), self._series.values(), strict=True):
            for label, each in list(series.items()):
                family.add_metric([label] if label else [], list(each.buckets()), each.sum)
            yield family
