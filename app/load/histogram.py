"""Latencies in logarithmic buckets: any number of them in bounded memory, each to 0.5 %.

As in HdrHistogram the relative error is the same everywhere. What never came, or came too late to
be measured, counts as longer than everything: a percentile that falls there is infinite.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil, exp, floor, inf, log

#: Latencies in one bucket differ by 1 % at most: its middle is at most 0.5 % off.
_WIDTH = log(1.01)
#: Shorter ones (and negative ones, of clocks that differ) are as if they took a microsecond.
LEAST_SECONDS = 1e-6


@dataclass
class Histogram:
    """Counts of latencies in seconds."""

    count: int = 0
    """Measured ones; `missing` come on top."""
    missing: int = 0
    """Longer than could be measured."""
    total: float = 0.0
    longest: float = 0.0
    _buckets: Counter[int] = field(default_factory=Counter)

    def record(self, seconds: float) -> None:
        self.count += 1
        self.total += seconds
        self.longest = max(self.longest, seconds)
        self._buckets[floor(log(max(seconds, LEAST_SECONDS)) / _WIDTH)] += 1

    def miss(self) -> None:
        """Count one that had not ended when it was given up."""
        self.missing += 1

    def add(self, other: Histogram) -> None:
        self.count += other.count
        self.missing += other.missing
        self.total += other.total
        self.longest = max(self.longest, other.longest)
        self._buckets.update(other._buckets)

    @property
    def mean(self) -> float | None:
        """Return the mean of the measured ones."""
        return self.total / self.count if self.count else None

    def quantile(self, share: float) -> float | None:
        """Return what this share did not exceed: inf when it falls on missing ones.

        None when nothing was counted.
        """
        everything = self.count + self.missing
        if not everything:
            return None
        rank = max(1, ceil(share * everything - 1e-9))
        if rank > self.count:
            return inf
        if rank == self.count:
            return self.longest
        for seconds, seen in self.steps():
            if seen >= rank:
                return min(seconds, self.longest)
        return self.longest

    def steps(self) -> Iterator[tuple[float, int]]:
        """Give the middle of each bucket, and how many took no longer than it."""
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            yield exp((bucket + 0.5) * _WIDTH), seen
