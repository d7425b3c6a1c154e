"""What this process does at the moment: its rates and the lengths of its model calls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.metrics import Metrics

#: Calls that ended within this time make the percentiles.
RECENT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Totals:
    """Counters of one moment (`at`: monotonic seconds)."""

    at: float
    ended: int
    answered: int
    failed: int

    @staticmethod
    def of(metrics: Metrics, at: float) -> Totals:
        outcomes = metrics.labelled("model_calls")
        answered = outcomes.pop("answered", 0)
        return Totals(at, metrics.total("questions_settled"), answered, sum(outcomes.values()))


@dataclass(frozen=True, slots=True)
class Rates:
    """Per second, between two moments."""

    ended: float
    answered: float
    failed: float

    @staticmethod
    def between(before: Totals, after: Totals) -> Rates:
        seconds = max(1e-3, after.at - before.at)
        return Rates(
            (after.ended - before.ended) / seconds,
            (after.answered - before.answered) / seconds,
            (after.failed - before.failed) / seconds,
        )


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that `share` of the values (sorted) do not exceed; None of none."""
    if not values:
        return None
    return values[max(0, math.ceil(share * len(values)) - 1)]
