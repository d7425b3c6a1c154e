"""Tumbling windows by the ratings' own time, with a watermark that no odd event can push away."""

from __future__ import annotations

from collections.abc import Sequence

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

    def add_all(
        self, timestamps: Sequence[int], halves: Sequence[int], arrived: Sequence[float]
    ) -> None:
        """Count valid ratings in their order: times in Unix milliseconds, arrivals in seconds."""
        greatest, windows = self._greatest, self._open
        for timestamp, half_stars, seconds in zip(timestamps, halves, arrived, strict=True):
            if timestamp > greatest:
                if timestamp > seconds * 1000 + AHEAD_MS:
                    self.future += 1
                    continue
                greatest = timestamp
            elif timestamp < greatest:
                self.out_of_order += 1
            start = timestamp - timestamp % WINDOW_MS
            if start + WINDOW_MS + LATENESS_MS <= greatest:
                self.late += 1
                continue
            window = windows.get(start)
            if window is not None:
                window[0] += 1
                window[1] += half_stars
            else:
                windows[start] = [1, half_stars]
                if len(windows) > KEPT:
                    del windows[min(windows)]
        self._greatest = greatest

    def newest(self) -> list[Window]:
        """Return the kept windows, ascending."""
        return [Window(start, *self._open[start]) for start in sorted(self._open)]
