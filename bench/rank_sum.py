"""How two groups of measurements differ: ratios of all pairs, and an interval from their ranks.

Nothing is supposed of how the values are spread (Mann-Whitney; Hodges and Lehmann): with three
values in each group no interval of 95 % exists, with four it is the whole range of the ratios.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from app.core.statistics import Interval, quantile


class Ratio(NamedTuple):
    """Head to base: the middle of all ratios; the interval, None with too few values."""

    middle: float
    interval: Interval | None


def ratio_of(base: Sequence[float], head: Sequence[float], confidence: float = 0.95) -> Ratio:
    """Return how many times as large the values of `head` are as those of `base`.

    Exact for values without ties, wider than need be with them. Raises ValueError where a value is
    not above 0 or a group is empty: there is no ratio then.
    """
    if not base or not head or min(*base, *head) <= 0:
        raise ValueError("a ratio needs values above 0 in both groups")
    ratios = sorted(math.log(h) - math.log(b) for h in head for b in base)
    middle = math.exp(quantile(ratios, 0.5))
    out = left_out(len(base), len(head), confidence)
    if out is None:
        return Ratio(middle, None)
    return Ratio(middle, Interval(math.exp(ratios[out]), math.exp(ratios[-1 - out])))


def left_out(n: int, m: int, confidence: float) -> int | None:
    """Return how many ratios the interval leaves out at each end; None where there is none.

    The interval from the (k+1)-th smallest to the (k+1)-th largest misses the true value with a
    chance of 2 P(U <= k), U being Mann-Whitney's statistic of two equal groups.
    """
    tail = (1 - confidence) / 2 + 1e-12  # 0.05 is to be 1 of 20
    missed, whole = 0, math.comb(n + m, n)
    for k in range(n * m // 2 + 1):
        missed += ways(n, m, k)
        if missed / whole > tail:
            return k - 1 if k else None
    return n * m // 2


@cache
def ways(n: int, m: int, u: int) -> int:
    """Count the orders of n and m different values in which U is `u`."""
    if u < 0:
        return 0
    if n == 0 or m == 0:
        return int(u == 0)
    return ways(n - 1, m, u - m) + ways(n, m - 1, u)


def needed(confidence: float) -> int:
    """Return the smallest size of two equal groups for which there is an interval."""
    size = 2
    while left_out(size, size, confidence) is None:
        size += 1
    return size
