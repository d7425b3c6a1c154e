"""Tumbling windows by the ratings' own time, with a watermark that no odd event can push away."""

from __future__ import annotations

from app.core.ratings.changes import Totals, Window

WINDOW_MS = 60_000
#: A window is open for so long after its end, by the greatest time seen.
LATENESS_MS = 60_000
#: A rating may be so far ahead of its arrival: clocks differ.
AHEAD_MS = 300_000
#: The newest windows that are kept.
KEPT = 60


class Windows:
    """The windows of one partition: a function of its valid ratings, in their order.

    The watermark is the greatest time seen less the allowed lateness. It begins at 0, as if a
    time of `LATENESS_MS` had been seen.
    """

    __slots__ = ("_greatest", "_open", "future", "late", "out_of_order")

    def __init__(self, totals: Totals) -> None:
        self._greatest = totals.watermark + LATENESS_MS
        self._open = {start: [ratings, halves] for start, ratings, halves in totals.windows}
        self.out_of_order, self.late, self.future = totals.out_of_order, totals.late, totals.future

    @property
    def watermark(self) -> int:
        return self._greatest - LATENESS_MS

    def add(self, timestamp: int, halves: int, arrived_ms: int) -> None:
        """Count one valid rating; all times in Unix milliseconds."""
        if timestamp > self._greatest:
            if timestamp > arrived_ms + AHEAD_MS:
                self.future += 1
                return
            self._greatest = timestamp
        elif timestamp < self._greatest:
            self.out_of_order += 1
        start = timestamp - timestamp % WINDOW_MS
        window = self._open.get(start)
        if start + WINDOW_MS + LATENESS_MS <= self._greatest:
            self.late += 1
        elif window is not None:
            window[0] += 1
            window[1] += halves
        else:
            self._open[start] = [1, halves]
            if len(self._open) > KEPT:
                del self._open[min(self._open)]

    def newest(self) -> list[Window]:
        """Return the kept windows, ascending."""
        return [Window(start, *self._open[start]) for start in sorted(self._open)]
