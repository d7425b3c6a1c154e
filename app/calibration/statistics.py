"""Shares, areas and thresholds with what is known of their precision. Plain Python, exact.

A score passes when it is at the threshold. All intervals are of 95 %.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from app.core.statistics import Interval, quantile, wilson

#: Thresholds are whole thousandths: what is written is what was measured.
_STEPS = 1000
#: Resamples of the bootstrap; fewer when there are many pairs.
RESAMPLES = 1000
_LEAST_RESAMPLES = 200
_MOST_STEPS = 6_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`passed` of `count`; the interval is Wilson's."""

    passed: int
    count: int

    @property
    def share(self) -> float | None:
        return self.passed / self.count if self.count else None

    @property
    def interval(self) -> Interval | None:
        return wilson(self.passed, self.count) if self.count else None

    def __add__(self, other: Rate) -> Rate:
        return Rate(self.passed + other.passed, self.count + other.count)


def pass_rate(values: Sequence[float], threshold: float) -> Rate:
    """Return how many of the values are at the threshold."""
    return Rate(sum(value >= threshold for value in values), len(values))


def roc_area(good: Sequence[float], bad: Sequence[float]) -> float:
    """Return the chance that a good value is above a bad one; equal ones count half."""
    ordered = sorted(bad)
    below = 0.0
    for value in good:
        below += (bisect_left(ordered, value) + bisect_right(ordered, value)) / 2
    return below / (len(good) * len(ordered))


def roc_points(good: Sequence[float], bad: Sequence[float]) -> list[tuple[float, float]]:
    """Return (share of bad passed, share of good passed) from the highest threshold down."""
    of_good, of_bad = sorted(good), sorted(bad)
    points = [(0.0, 0.0)]
    for threshold in sorted({*good, *bad}, reverse=True):
        passed_bad = len(of_bad) - bisect_left(of_bad, threshold)
        passed_good = len(of_good) - bisect_left(of_good, threshold)
        points.append((passed_bad / len(of_bad), passed_good / len(of_good)))
    return points


def allowed_passes(count: int, rate: float) -> int:
    """Return how many of `count` bad values may pass so that of others at most `rate` do.

    The next value is above the k + 1 highest of n with a chance of (k + 1) / (n + 1), whatever the
    distribution. 0 also where `count` is too small for the rate: `pairs_needed`.
    """
    return max(0, math.floor(rate * (count + 1) + 1e-9) - 1)


def pairs_needed(rate: float) -> int:
    """Return how many bad pairs show, with 95 %, that no more than `rate` pass, if none does."""
    return math.ceil(3 / rate)


def threshold_at(bad: Sequence[float], rate: float) -> float:
    """Return the least threshold, in thousandths, at which `allowed_passes` of the bad pass.

    At least one value. Above all values where none may pass.
    """
    ordered = sorted(bad, reverse=True)
    return just_above(ordered[allowed_passes(len(ordered), rate)])


def just_above(value: float) -> float:
    """Return the least whole thousandth above a value, within 0..1: what a gate may have."""
    step = math.floor(value * _STEPS)
    above = next(n / _STEPS for n in range(step, step + 3) if n / _STEPS > value)
    return min(1.0, max(0.0, above))


@dataclass(frozen=True, slots=True)
class Spread:
    """Intervals of the area under the ROC curve, and of the threshold; None: too few pairs."""

    area: Interval | None
    threshold: Interval | None


def bootstrap(
    good: Sequence[tuple[float, int]], bad: Sequence[tuple[float, int]], rate: float, seed: int
) -> Spread:
    """Return the intervals (percentiles) of area and threshold over resampled questions.

    Values come with the number of their question: the pairs of one are drawn together, since they
    resemble each other. The same seed gives the same intervals. An area of 1 stays 1 in every
    resample: its low end is what so many questions show when all of them come out right.
    """
    places: dict[int, int] = {}
    ordered = sorted(
        [(value, places.setdefault(source, len(places)), True) for value, source in good]
        + [(value, places.setdefault(source, len(places)), False) for value, source in bad],
        key=lambda each: each[0],
    )
    random = Random(seed)
    runs = min(RESAMPLES, max(_LEAST_RESAMPLES, _MOST_STEPS // max(1, len(ordered))))
    areas: list[float] = []
    thresholds: list[float] = []
    for _ in range(runs):
        weights = [0] * len(places)
        for place in random.choices(range(len(places)), k=len(places)):
            weights[place] += 1
        area = _weighted_area(ordered, weights)
        threshold = _weighted_threshold(ordered, weights, rate)
        if area is not None and threshold is not None:
            areas.append(area)
            thresholds.append(threshold)
    area_interval = _middle(areas)
    if area_interval is not None and area_interval.low == 1.0:
        questions = min(len({source for _, source in part}) for part in (good, bad))
        area_interval = Interval(wilson(questions, questions).low, 1.0)
    return Spread(area_interval, _middle(thresholds))


_Ordered = Sequence[tuple[float, int, bool]]


def _weighted_area(ordered: _Ordered, weights: Sequence[int]) -> float | None:
    """Return the area when each value counts as often as its question was drawn."""
    below = goods = equal_good = equal_bad = bads = 0
    last = -math.inf
    for value, place, is_good in ordered:
        if value != last:
            below += 2 * equal_good * (bads - equal_bad) + equal_good * equal_bad
            equal_good = equal_bad = 0
            last = value
        weight = weights[place]
        if is_good:
            goods += weight
            equal_good += weight
        else:
            bads += weight
            equal_bad += weight
    below += 2 * equal_good * (bads - equal_bad) + equal_good * equal_bad
    return below / (2 * goods * bads) if goods and bads else None


def _weighted_threshold(ordered: _Ordered, weights: Sequence[int], rate: float) -> float | None:
    count = sum(weights[place] for _, place, is_good in ordered if not is_good)
    left = allowed_passes(count, rate)
    for value, place, is_good in reversed(ordered):
        if not is_good:
            left -= weights[place]
            if left < 0:
                return just_above(value)
    return None


def _middle(values: list[float]) -> Interval | None:
    if len(values) < _LEAST_RESAMPLES // 2:
        return None
    values.sort()
    return Interval(quantile(values, 0.025), quantile(values, 0.975))
