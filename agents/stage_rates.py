"""How many messages each stage of this worker has done, from second to second, for a minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic

#: The stretch of time that rates are of.
RATE_SECONDS = 60


class StageRates:
    """Counts by whole seconds of `clock` (monotonic seconds). A stage without a count has none."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._done: dict[str, deque[list[int]]] = {}

    def done(self, stage: str, messages: int) -> None:
        """Count messages that a stage has worked on to the end."""
        now = int(self._clock())
        if (row := self._done.get(stage)) is None:
            row = self._done[stage] = deque(maxlen=RATE_SECONDS + 1)
        if row and row[-1][0] == now:
            row[-1][1] += messages
        else:
            row.append([now, messages])

    def last_minute(self, stage: str) -> int:
        """Return how many messages a stage has done in the last minute."""
        since = self._clock() - RATE_SECONDS
        return sum(count for second, count in self._done.get(stage, ()) if second > since)

    def per_second(self, stage: str) -> float:
        """Return the mean rate over the last minute, or over the time since the start."""
        seconds = min(float(RATE_SECONDS), max(1.0, self._clock() - self._began))
        return self.last_minute(stage) / seconds
