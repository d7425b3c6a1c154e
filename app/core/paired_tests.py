"""Whether paired values changed: Wilcoxon's signed-rank test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

#: Up to so many changes the p-value is exact, ties and all; beyond, of the normal distribution.
MOST_EXACT = 60


def wilcoxon(changes: Sequence[float]) -> float:
    """Return the two-sided p-value that changes are as often and as far up as down.

    Changes of 0 say nothing and are left out, as Wilcoxon did; 1 where nothing changed.
    """
    ordered = sorted((change for change in changes if change), key=abs)
    if not ordered:
        return 1.0
    ranks, ties = _doubled_ranks(ordered)
    up = sum(rank for rank, change in zip(ranks, ordered, strict=True) if change > 0)
    if len(ordered) <= MOST_EXACT:
        return _exact(ranks, up)
    n = len(ordered)
    variance = n * (n + 1) * (2 * n + 1) / 24 - sum(t**3 - t for t in ties) / 48
    far = abs(up / 2 - n * (n + 1) / 4)
    return math.erfc(max(0.0, far - 0.5) / math.sqrt(2 * variance))


def _doubled_ranks(ordered: Sequence[float]) -> tuple[list[int], list[int]]:
    """Return twice the rank of each size, equal ones sharing their mean, and the ties' lengths."""
    ranks: list[int] = []
    ties: list[int] = []
    for _, group in groupby(ordered, key=abs):
        size, first = len(list(group)), len(ranks) + 1
        ranks += [2 * first + size - 1] * size
        ties.append(size)
    return ranks, ties


def _exact(ranks: Sequence[int], up: int) -> float:
    """Count the ways in which signs give each sum of ranks."""
    whole = sum(ranks)
    ways = [0] * (whole + 1)
    ways[0] = 1
    for rank in ranks:
        for total in range(whole, rank - 1, -1):
            ways[total] += ways[total - rank]
    low, high = sum(ways[: up + 1]), sum(ways[up:])
    return min(1.0, 2 * min(low, high) / sum(ways))
