"""When requests are due: a rate over time, and arrivals evenly or at random (Poisson) along it.

A rate over time is made of straight pieces. Its integral says how many arrivals are due by a time;
the n-th arrival is where the integral reaches n (evenly spaced), or the sum of n exponential
variates of mean 1 (a Poisson process of that rate, homogeneous or not: time rescaling).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle
from random import Random

from app.errors import InputError

#: Evenly spaced arrivals are due a hair before their nominal time, or rounding would lose the last.
_HAIR = 1e-9


@dataclass(frozen=True, slots=True)
class Piece:
    """A rate that goes from `start` to `end` requests a second within `seconds` (may be inf)."""

    seconds: float
    start: float
    end: float

    def arrivals(self) -> float:
        """Return how many arrivals the whole piece has."""
        return self.seconds * (self.start + self.end) / 2 if self.start + self.end else 0.0

    def reach(self, arrivals: float) -> float:
        """Return the second of the piece by which so many arrivals are due."""
        slope = 0.0 if math.isinf(self.seconds) else (self.end - self.start) / self.seconds
        if slope == 0.0:
            return arrivals / self.start
        # start * t + slope * t^2 / 2 = arrivals, in the form that is exact for small slopes, too.
        root = math.sqrt(max(0.0, self.start**2 + 2 * slope * arrivals))
        return 2 * arrivals / (self.start + root) if self.start + root else 0.0


def constant(rate: float) -> list[Piece]:
    return [Piece(math.inf, rate, rate)]


def ramp(first: float, last: float, seconds: float) -> list[Piece]:
    """Return a rate that goes straight from `first` to `last`."""
    return [Piece(seconds, first, last)]


def bursts(rate: float, on_seconds: float, off_seconds: float) -> Iterator[Piece]:
    """Give `rate` for `on_seconds`, nothing for `off_seconds`, without end."""
    return cycle([Piece(on_seconds, rate, rate), Piece(off_seconds, 0.0, 0.0)])


def steps(text: str) -> list[Piece]:
    """Read `5x30,10x30`: 5 a second for 30 seconds, then 10. Raises InputError."""
    found = []
    for part in text.split(","):
        rate, _, seconds = part.strip().partition("x")
        try:
            piece = Piece(float(seconds), float(rate), float(rate))
        except ValueError:
            piece = None
        if piece is None or not (0 < piece.seconds < math.inf and 0 <= piece.start < math.inf):
            raise InputError(
                f"--steps: {part.strip()[:40]!r} is no step: write RATExSECONDS, as in 5x30,10x30",
                field="steps",
            )
        found.append(piece)
    if not any(piece.start for piece in found):
        raise InputError("--steps: a step must have a rate above 0", field="steps")
    return found


def due_times(pieces: Iterable[Piece], draw: Random | None = None) -> Iterator[float]:
    """Give the seconds, ascending from 0 on, at which requests are due.

    With `draw` they are a Poisson process of that rate; without it they are evenly spaced along
    the rate, the first one at once.
    """
    began, before = 0.0, 0.0
    wanted = -math.log(1.0 - draw.random()) if draw else 0.0
    for piece in pieces:
        whole = piece.arrivals()
        while wanted - before < whole - _HAIR:
            yield began + piece.reach(max(0.0, wanted - before))
            wanted += -math.log(1.0 - draw.random()) if draw else 1.0
        began, before = began + piece.seconds, before + whole


def until(times: Iterable[float], seconds: float | None, count: int | None) -> Iterator[float]:
    """Give the times that lie before `seconds`, `count` of them at most."""
    for n, at in enumerate(times):
        if (count is not None and n >= count) or (seconds is not None and at >= seconds):
            return
        yield at
