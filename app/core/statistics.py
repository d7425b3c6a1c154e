"""Statistics with standard library alone: intervals of shares and means, exact tests, quantiles.

Every random draw comes from a seed that the caller gives: the same data gives the same interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from statistics import NormalDist
from typing import NamedTuple, TypeVar

Value = TypeVar("Value")

#: Means of more values than this have an interval from the normal distribution, which the
#: bootstrap no longer differs from: it would draw hundreds of millions of values.
MOST_RESAMPLED = 2_000


class Interval(NamedTuple):
    """From `low` to `high`, both included."""

    low: float
    high: float

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Return Wilson's score interval of a share `successes / n`; (0, 1) where n is 0.

    Unlike the normal interval it is right near 0 and 1 and for small n, and stays within 0 to 1.
    """
    if n <= 0:
        return Interval(0.0, 1.0)
    z = _z(confidence)
    share, square = successes / n, z * z
    middle = (share + square / (2 * n)) / (1 + square / n)
    wide = z * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    low = 0.0 if successes == 0 else max(0.0, middle - wide)
    return Interval(low, 1.0 if successes == n else min(1.0, middle + wide))


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of values in ascending order, between two neighbours by straight line.

    Raises ValueError without values.
    """
    if not ordered:
        raise ValueError("a quantile of no values")
    place = (len(ordered) - 1) * min(1.0, max(0.0, share))
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def bootstrap(
    values: Sequence[Value],
    statistic: Callable[[Sequence[Value]], float],
    *,
    seed: int,
    resamples: int = 2_000,
    confidence: float = 0.95,
) -> Interval:
    """Return the percentile bootstrap interval of a statistic of `values` (one or more)."""
    random, n = Random(seed), len(values)
    found = sorted(statistic(random.choices(values, k=n)) for _ in range(resamples))
    tail = (1 - confidence) / 2
    return Interval(quantile(found, tail), quantile(found, 1 - tail))


def bootstrap_mean(
    values: Sequence[float], *, seed: int, resamples: int = 2_000, confidence: float = 0.95
) -> Interval | None:
    """Return the interval of a mean; None with fewer than two values, which tell no spread.

    Percentile bootstrap up to MOST_RESAMPLED values, normal beyond.
    """
    n = len(values)
    if n < 2:
        return None
    if n > MOST_RESAMPLED:
        mean = math.fsum(values) / n
        spread = math.sqrt(math.fsum((each - mean) ** 2 for each in values) / (n - 1))
        wide = _z(confidence) * spread / math.sqrt(n)
        return Interval(mean - wide, mean + wide)
    return bootstrap(
        values,
        lambda drawn: math.fsum(drawn) / n,
        seed=seed,
        resamples=resamples,
        confidence=confidence,
    )


def paired_bootstrap(
    before: Sequence[float],
    after: Sequence[float],
    *,
    seed: int,
    resamples: int = 2_000,
    confidence: float = 0.95,
) -> Interval | None:
    """Return the interval of the mean of `after - before`, pair by pair; as `bootstrap_mean`.

    Raises ValueError where the lengths differ.
    """
    changes = [b - a for a, b in zip(before, after, strict=True)]
    return bootstrap_mean(changes, seed=seed, resamples=resamples, confidence=confidence)


def mcnemar_exact(gained: int, lost: int) -> float:
    """Return the two-sided p-value of McNemar's exact test; 1 where nothing changed.

    `gained` pairs went from fail to pass, `lost` from pass to fail: if nothing has changed but
    chance, each is a toss of a fair coin.
    """
    n = gained + lost
    return min(1.0, 2 * _binomial_tail(min(gained, lost), n)) if n else 1.0


def fisher_less(successes: int, n: int, other_successes: int, other_n: int) -> float:
    """Return the one-sided p-value of Fisher's exact test: that this share is no smaller.

    The chance of `successes` or fewer of `n`, if both groups were drawn from the same urn.
    """
    total, all_successes = n + other_n, successes + other_successes
    least = max(0, all_successes - other_n)
    whole = _log_choose(total, n)

    def chance(k: int) -> float:
        return math.exp(
            _log_choose(all_successes, k) + _log_choose(total - all_successes, n - k) - whole
        )

    likeliest = (n + 1) * (all_successes + 1) // (total + 2)
    return _tail(chance, successes, least, likeliest)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm's step-down), in the order given."""
    order = sorted(range(len(p_values)), key=lambda n: p_values[n])
    corrected, highest = [1.0] * len(p_values), 0.0
    for rank, n in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[n]))
        corrected[n] = highest
    return corrected


def _binomial_tail(k: int, n: int) -> float:
    """Return the chance of `k` or fewer heads in `n` tosses of a fair coin."""
    half = n * math.log(2)
    return _tail(lambda heads: math.exp(_log_choose(n, heads) - half), k, 0, n // 2)


def _tail(chance: Callable[[int], float], first: int, least: int, likeliest: int) -> float:
    """Add chances from `first` down to `least`; beyond the likeliest, until they add nothing."""
    found = 0.0
    for k in range(first, least - 1, -1):
        term = chance(k)
        found += term
        if k < likeliest and term < found * 1e-18:
            break
    return min(1.0, found)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
