"""Quantiles of durations in a few hundred counters: buckets that grow by a ninth."""

from __future__ import annotations

from math import log2

_LEAST_SECONDS = 1e-4
_BUCKETS_PER_DOUBLING = 6
_BUCKETS = 200


class LatencyHistogram:
    """Counts durations from 0.1 ms to days; a quantile is at most 12 % too large."""

    __slots__ = ("_counts", "_greatest", "count")

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self._greatest = 0.0
        self.count = 0

    def add(self, seconds: float, times: int = 1) -> None:
        """Count a duration `times` times. A negative one (clocks differ) counts as none."""
        bucket = 0
        if seconds > _LEAST_SECONDS:
            bucket = 1 + int(log2(seconds / _LEAST_SECONDS) * _BUCKETS_PER_DOUBLING)
        self._counts[min(bucket, _BUCKETS - 1)] += times
        self._greatest = max(self._greatest, seconds)
        self.count += times

    def quantile(self, share: float) -> float | None:
        """Return the duration that this share of all did not exceed; None while there is none."""
        if not self.count:
            return None
        below = 0
        for bucket, count in enumerate(self._counts):
            below += count
            if count and below >= share * self.count:
                return min(_upper_end(bucket), self._greatest)
        return self._greatest


def _upper_end(bucket: int) -> float:
    """Return the greatest duration of a bucket, in seconds."""
    return float(_LEAST_SECONDS * 2 ** (bucket / _BUCKETS_PER_DOUBLING))
