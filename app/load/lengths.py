"""How many words a synthetic question has."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from random import Random

from app.errors import InputError

MOST_WORDS = 2000
_FORM = re.compile(
    r"fixed:(?P<fixed>\d+)"
    r"|uniform:(?P<low>\d+)-(?P<high>\d+)"
    r"|lognormal:(?P<median>\d+(?:\.\d+)?),(?P<sigma>\d+(?:\.\d+)?)"
)


@dataclass(frozen=True, slots=True)
class Lengths:
    """Words from `low` to `high`, about `median` of them; `sigma` is of the logarithm.

    Without `sigma` every number from `low` to `high` is as likely.
    """

    low: int
    high: int
    median: float = 0.0
    sigma: float | None = None

    def draw(self, draw: Random) -> int:
        if self.sigma is None:
            return draw.randint(self.low, self.high)
        words = round(math.exp(draw.gauss(math.log(self.median), self.sigma)))
        return min(self.high, max(self.low, words))


def read_lengths(text: str) -> Lengths:
    """Read `fixed:12`, `uniform:5-40` or `lognormal:12,0.6` (median, sigma). Raises InputError."""
    found = _FORM.fullmatch(text.strip().lower())
    lengths = _lengths(found) if found else None
    if lengths is None:
        raise InputError(
            f"--words: {text[:60]!r} is no distribution: write fixed:12, uniform:5-40 or"
            f" lognormal:12,0.6 (median, sigma; 1 to {MOST_WORDS} words)",
            field="words",
        )
    return lengths


def _lengths(found: re.Match[str]) -> Lengths | None:
    if found["median"]:
        median, sigma = float(found["median"]), float(found["sigma"])
        fits = 1 <= median <= MOST_WORDS and sigma <= 5
        return Lengths(1, MOST_WORDS, median, sigma) if fits else None
    low, high = (int(found[name] or found["fixed"]) for name in ("low", "high"))
    return Lengths(low, high) if 1 <= low <= high <= MOST_WORDS else None
