"""What this worker has seen of the last time that the database was away."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Outages:
    """The last outage: from its first failure to its last one (Unix seconds)."""

    _began: float | None = None
    _last: float = 0.0

    def failed(self, now: float, gap_seconds: float = 15.0) -> None:
        """Take note of a failure; one long after the last belongs to another outage."""
        if self._began is None or now - self._last > gap_seconds:
            self._began = now
        self._last = now

    def settle_left(self, now: float, long_seconds: float, settle_seconds: float) -> float:
        """Return how many of `settle_seconds` after an outage of `long_seconds` or more are left.

        They count from its last failure: when exactly it ended nobody knows.
        """
        if self._began is None or self._last - self._began < long_seconds:
            return 0.0
        return max(0.0, self._last + settle_seconds - now)
