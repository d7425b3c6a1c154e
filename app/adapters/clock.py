"""Clocks: the system's, and one that tests set by hand."""

from __future__ import annotations

import time


class SystemClock:
    """Wall clock time of this machine."""

    def now(self) -> float:
        return time.time()


class ManualClock:
    """A clock that stands still until it is advanced."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward; going back is refused."""
        if seconds < 0:
            raise ValueError(f"{seconds} s: time does not go back")
        self._now += seconds
