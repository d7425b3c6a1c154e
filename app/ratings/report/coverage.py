"""How much of the catalogue is recommended at all, and how unequally."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate

from app.charts.points import Point

#: A curve of more points is no finer on a page.
_MOST_POINTS = 120


class Coverage:
    """Of `exposure` (users by movie) over a catalogue of `rated` movies or more.

    The catalogue is every movie that has a current rating, and every recommended one.
    """

    def __init__(self, exposure: Mapping[int, int], rated: int) -> None:
        self._counts = sorted(count for count in exposure.values() if count > 0)
        self.recommended = len(self._counts)
        self.movies = max(rated, self.recommended)
        self.places = sum(self._counts)

    @property
    def share(self) -> float | None:
        """Share of the catalogue that is recommended to anybody; None without a catalogue."""
        return self.recommended / self.movies if self.movies else None

    @cached_property
    def gini(self) -> float | None:
        """0 when every movie is recommended equally often, near 1 when one takes every place."""
        if not self.places:
            return None
        absent = self.movies - self.recommended
        weighted = sum(rank * count for rank, count in enumerate(self._counts, absent + 1))
        n = self.movies
        return (2 * weighted / (n * self.places)) - (n + 1) / n

    def top_share(self, share: float) -> float | None:
        """Return which share of all places the most recommended `share` of the movies takes."""
        if not self.places:
            return None
        most = max(1, round(self.movies * share))
        return sum(self._counts[-most:]) / self.places

    @cached_property
    def curve(self) -> list[Point]:
        """Return (movies, share of all places that so many of the most recommended take)."""
        if not self.places:
            return []
        sums = list(accumulate(reversed(self._counts)))
        points = [(float(n), sums[n - 1] / self.places) for n in steps(self.recommended)]
        return points if self.recommended == self.movies else [*points, (float(self.movies), 1.0)]

    @cached_property
    def equal_curve(self) -> list[Point]:
        """Return the same if every movie were recommended equally often."""
        return [(float(n), n / self.movies) for n in steps(self.movies)] if self.movies else []


def steps(most: int) -> list[int]:
    """Return whole numbers from 1 to `most`, even on a logarithmic axis, few enough to draw."""
    ratio = most ** (1 / _MOST_POINTS)
    return sorted({1, most, *(round(ratio**n) for n in range(_MOST_POINTS))})
