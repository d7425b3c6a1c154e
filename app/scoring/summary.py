"""What a scored file comes to, in memory that does not grow with it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from app.core.gate import Gate
from app.scoring.judged import Judged

METRICS = ("precision", "recall", "f1")
QUANTILES = {"p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}
#: A figure is counted in a class of this width: quantiles are right to half of it.
WIDTH = 0.0005


class Distribution:
    """How one figure is spread."""

    def __init__(self) -> None:
        self._classes: Counter[int] = Counter()
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._classes[round(value / WIDTH)] += 1
        self._sum += value

    def as_json(self) -> dict[str, float | None]:
        """Return mean and quantiles; None where nothing was added."""
        count = self._classes.total()
        if not count:
            return dict.fromkeys(("mean", *QUANTILES))
        found: dict[str, float | None] = {"mean": round(self._sum / count, 6)}
        for name, share in QUANTILES.items():
            found[name] = self._quantile(share * (count - 1))
        return found

    def _quantile(self, rank: float) -> float:
        """Return the value at a rank from 0, between two neighbours by straight line."""
        below = math.floor(rank)
        low, high = self._value(below), self._value(math.ceil(rank))
        return round(low + (high - low) * (rank - below), 4)

    def _value(self, rank: int) -> float:
        seen = 0
        for each in sorted(self._classes):
            seen += self._classes[each]
            if seen > rank:
                return each * WIDTH
        raise ValueError(f"rank {rank} is beyond the {seen} values")


class Summary:
    """Counts and distributions of judged rows."""

    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()
        self.guards: Counter[str] = Counter()
        self.unobjected = 0
        self._figures = {metric: Distribution() for metric in METRICS}

    @property
    def pairs(self) -> int:
        """Rows that were judged."""
        return self.verdicts.total()

    def add(self, judged: Judged) -> None:
        """Count a row."""
        self.verdicts[judged.verdict] += 1
        self.guards.update(each.guard for each in judged.objections)
        self.unobjected += judged.verdict == "pass" and not judged.objections
        if judged.score is not None:
            for metric, figures in self._figures.items():
                figures.add(getattr(judged.score, metric))

    @property
    def figures(self) -> Mapping[str, Mapping[str, float | None]]:
        """Mean and quantiles of each metric."""
        return {metric: each.as_json() for metric, each in self._figures.items()}

    def as_json(self, gate: Gate) -> dict[str, Any]:
        """Return everything; `pass_rate` is the share of the rows that have a score."""
        scored = self.verdicts["pass"] + self.verdicts["fail"]
        return {
            "pairs": self.pairs,
            "passed": self.verdicts["pass"],
            "failed": self.verdicts["fail"],
            "unscored": self.verdicts["unscored"],
            "errors": self.verdicts["error"],
            "pass_rate": round(self.verdicts["pass"] / scored, 6) if scored else None,
            "passed_without_objection": self.unobjected,
            **self.figures,
            "guards": dict(self.guards.most_common()),
            "metric": str(gate.metric),
            "threshold": gate.threshold,
            "gate": gate.source,
        }
