"""The course of a run: what happened in each stretch of time, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.load.histogram import Histogram

#: When there are more windows than this, each two become one.
MOST_WINDOWS = 720


@dataclass
class Window:
    """Counts by when it happened; latencies and lag by when the request was due."""

    due: int = 0
    not_sent: int = 0
    accepted: int = 0
    refused: int = 0
    errors: int = 0
    settled: int = 0
    longest_lag: float = 0.0
    accept_seconds: Histogram = field(default_factory=Histogram)
    settle_seconds: Histogram = field(default_factory=Histogram)

    def add(self, other: Window) -> None:
        self.due += other.due
        self.not_sent += other.not_sent
        self.accepted += other.accepted
        self.refused += other.refused
        self.errors += other.errors
        self.settled += other.settled
        self.longest_lag = max(self.longest_lag, other.longest_lag)
        self.accept_seconds.add(other.accept_seconds)
        self.settle_seconds.add(other.settle_seconds)


class Windows:
    """Windows of equal length from the start of a run on; those in which nothing was are empty."""

    def __init__(self, seconds: float = 1.0, most: int = MOST_WINDOWS) -> None:
        self.seconds = seconds
        self._most = most
        self._windows: dict[int, Window] = {}

    def at(self, second: float) -> Window:
        """Return the window of a time since the start."""
        number = int(max(0.0, second) / self.seconds)
        while number >= self._most:
            self._coarsen()
            number = int(second / self.seconds)
        found = self._windows.get(number)
        if found is None:
            found = self._windows[number] = Window()
        return found

    def all(self) -> list[tuple[float, Window]]:
        """Return the start of each window, and the window; none is left out."""
        last = max(self._windows, default=-1)
        return [(n * self.seconds, self._windows.get(n, Window())) for n in range(last + 1)]

    def last_before(self, second: float) -> Window:
        """Return the latest window that was over by a time; an empty one when there is none."""
        return self._windows.get(int(second / self.seconds) - 1, Window())

    def _coarsen(self) -> None:
        before, self._windows = self._windows, {}
        self.seconds *= 2
        for number, window in before.items():
            kept = self._windows.get(number // 2)
            if kept is None:
                self._windows[number // 2] = window
            else:
                kept.add(window)
