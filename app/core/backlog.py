"""How full the pipeline is, and when a client that was refused may come back.

Times are seconds on a clock that never goes back.
"""

from __future__ import annotations

import math
from collections import deque

LEAST_SECONDS, MOST_SECONDS = 1, 300
#: What a client is told while nobody knows yet how fast questions end.
UNKNOWN_SECONDS = 5
#: How far back the rate looks, and how long it must have looked to be believed.
WINDOW_SECONDS, BELIEVED_SECONDS = 60.0, 5.0


class Drain:
    """How many questions end in a second, from a count that only grows."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, now: float, ended: int) -> None:
        """Note how many have ended so far."""
        self._seen.append((now, ended))
        while len(self._seen) > 2 and self._seen[1][0] <= now - WINDOW_SECONDS:
            self._seen.popleft()

    def per_second(self) -> float | None:
        """Return the rate over the last minute; None while it is not known."""
        if not self._seen:
            return None
        (since, before), (now, ended) = self._seen[0], self._seen[-1]
        if now - since < BELIEVED_SECONDS:
            return None
        return (ended - before) / (now - since)


class ComeBack:
    """Gives each client that is refused the next place that will be free, as a `Retry-After`.

    Clients that are refused together are not told to come back together: the pipeline would
    refuse them together again.
    """

    def __init__(self) -> None:
        self._last = -math.inf

    def after(self, now: float, excess: int, per_second: float | None) -> int:
        """Return whole seconds, 1 to 300. `excess`: questions that must end before a place is free.

        >>> back = ComeBack()
        >>> [back.after(0.0, 1, 0.5) for _ in range(3)]
        [2, 4, 6]
        """
        if per_second is None:
            return UNKNOWN_SECONDS
        if per_second <= 0:
            return MOST_SECONDS
        place = max(now + max(1, excess) / per_second, self._last + 1 / per_second)
        self._last = min(place, now + MOST_SECONDS)
        return max(LEAST_SECONDS, min(MOST_SECONDS, math.ceil(self._last - now)))
