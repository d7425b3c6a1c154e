"""What the scores of known pairs say: distributions, areas, thresholds, and what they are worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.calibration.pairs import Kind, Pair
from app.calibration.statistics import (
    Rate,
    bootstrap,
    pass_rate,
    roc_area,
    threshold_at,
)
from app.core.gate import Metric, Score
from app.core.guards import Evidence, object_to
from app.core.statistics import Interval, quantile

#: The quantiles that are told of each distribution.
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


class Scored(NamedTuple):
    """A pair, its score, and the guard that objects to it (None: none does)."""

    pair: Pair
    score: Score
    guard: str | None

    def value(self, metric: Metric) -> float:
        return float(getattr(self.score, metric.value))


@dataclass(frozen=True, slots=True)
class Tried:
    """A threshold chosen on one half of the questions, tried on the other, and the reverse.

    `thresholds` are those of the two halves; the rates add both trials up.
    """

    thresholds: tuple[float, float]
    good: Rate
    bad: Rate


@dataclass(frozen=True, slots=True)
class Separation:
    """How well one metric parts good from bad pairs, and at which threshold. None: too few pairs.

    `good` and `bad` are the rates at `threshold` on the pairs it was chosen on: optimistic.
    """

    good_pairs: int
    bad_pairs: int
    area: float | None
    area_interval: Interval | None
    threshold: float | None
    threshold_interval: Interval | None
    good: Rate | None
    bad: Rate | None
    tried: Tried | None

    def can_promise(self, rate: float, least: int) -> bool:
        """Tell whether a threshold of these pairs alone can keep to a false-pass rate.

        The next bad one is above the highest of n with a chance of 1 / (n + 1).
        """
        enough = self.good_pairs >= least and (self.bad_pairs + 1) * rate >= 1 - 1e-9
        return enough and self.tried is not None


@dataclass(frozen=True, slots=True)
class Passing:
    """Pairs of one kind at a threshold: by score alone, and when guards look, too.

    `objected`: to how many a guard objects, whatever their score.
    """

    score: Rate
    objected: Rate
    both: Rate


@dataclass(frozen=True, slots=True)
class MetricFigures:
    """All that is told of one metric. Languages, where there are two or more, by their code."""

    metric: Metric
    quantiles: dict[Kind, tuple[float, ...]]
    whole: Separation
    languages: dict[str, Separation]
    #: At the threshold of `whole`; by kind, and by language and kind.
    passing: dict[Kind, Passing]
    passing_by_language: dict[str, dict[Kind, Passing]]


def guarded(pair: Pair, score: Score, guards: Iterable[str]) -> Scored:
    """Return a scored pair, looked at by the named guards as the engine would."""
    evidence = Evidence(pair.candidate, pair.question, pair.reference)
    found = object_to(evidence, guards)
    return Scored(pair, score, found.guard if found else None)


def bad_kind(scored: Iterable[Scored]) -> Kind:
    """Return the pairs that must not pass: those that are labelled so, else the unrelated ones."""
    return Kind.BAD if any(each.pair.kind is Kind.BAD for each in scored) else Kind.UNRELATED


def measure(metric: Metric, scored: Sequence[Scored], rate: float, seed: int) -> MetricFigures:
    """Return what one metric is worth at a false-pass rate; the same seed: the same figures."""
    negative = bad_kind(scored)
    whole = _separation(metric, scored, negative, rate, seed)
    by_language: dict[str, list[Scored]] = {}
    for each in scored:
        by_language.setdefault(each.pair.language, []).append(each)
    if len(by_language) < 2:
        by_language = {}
    threshold = whole.threshold if whole.threshold is not None else 1.0
    return MetricFigures(
        metric,
        {
            kind: tuple(quantile(sorted(values), share) for share in QUANTILES)
            for kind, values in _values(metric, scored).items()
        },
        whole,
        {
            language: _separation(metric, part, negative, rate, seed)
            for language, part in sorted(by_language.items())
        },
        passing(metric, threshold, scored),
        {
            language: passing(metric, threshold, part)
            for language, part in sorted(by_language.items())
        },
    )


def passing(metric: Metric, threshold: float, scored: Iterable[Scored]) -> dict[Kind, Passing]:
    """Return by kind what passes at a threshold."""
    counts: dict[Kind, list[int]] = {}
    for each in scored:
        count = counts.setdefault(each.pair.kind, [0, 0, 0, 0])
        passed, free = each.value(metric) >= threshold, each.guard is None
        for n, yes in enumerate((True, passed, not free, passed and free)):
            count[n] += yes
    return {
        kind: Passing(Rate(passed, n), Rate(objected, n), Rate(both, n))
        for kind in Kind
        if kind in counts
        for n, passed, objected, both in [counts[kind]]
    }


def best_of(figures: Sequence[MetricFigures]) -> MetricFigures:
    """Return the metric whose threshold passes most good pairs that it was not chosen on.

    Equal ones: the larger area under the curve, then the order given.
    """

    def worth(each: MetricFigures) -> tuple[float, float]:
        tried = each.whole.tried
        good = tried.good.share if tried is not None else None
        return good or 0.0, each.whole.area or 0.0

    return max(figures, key=worth)


def _values(metric: Metric, scored: Iterable[Scored]) -> dict[Kind, list[float]]:
    found: dict[Kind, list[float]] = {}
    for each in scored:
        found.setdefault(each.pair.kind, []).append(each.value(metric))
    return {kind: found[kind] for kind in Kind if kind in found}


def _separation(
    metric: Metric, scored: Sequence[Scored], negative: Kind, rate: float, seed: int
) -> Separation:
    good = [each for each in scored if each.pair.kind is Kind.GOOD]
    bad = [each for each in scored if each.pair.kind is negative]
    if not good or not bad:
        return Separation(len(good), len(bad), None, None, None, None, None, None, None)
    values = [[each.value(metric) for each in part] for part in (good, bad)]
    sourced_good, sourced_bad = (
        [(each.value(metric), each.pair.source) for each in part] for part in (good, bad)
    )
    spread = bootstrap(sourced_good, sourced_bad, rate, seed)
    threshold = threshold_at(values[1], rate)
    return Separation(
        len(good),
        len(bad),
        roc_area(*values),
        spread.area,
        threshold,
        spread.threshold,
        pass_rate(values[0], threshold),
        pass_rate(values[1], threshold),
        _tried(metric, good, bad, rate),
    )


def _tried(
    metric: Metric, good: Sequence[Scored], bad: Sequence[Scored], rate: float
) -> Tried | None:
    halves = [
        [[each.value(metric) for each in part if each.pair.half == half] for part in (good, bad)]
        for half in (0, 1)
    ]
    if not all(part for half in halves for part in half):
        return None
    first, second = (threshold_at(half[1], rate) for half in halves)
    rates = [pass_rate(halves[1][n], first) + pass_rate(halves[0][n], second) for n in (0, 1)]
    return Tried((first, second), *rates)
