"""The points of the live charts: what this worker does from second to second."""

from __future__ import annotations

import time
from typing import Any

from app.metrics import Metrics
from app.web.dashboard.figures import Rates, Totals
from app.web.live import SAMPLE_SECONDS, Point

#: Nobody looked for longer than this: the rate since then says nothing of now.
GAP_SECONDS = 3 * SAMPLE_SECONDS


class Sampler:
    """Makes a point of a state; rates are those since the point before."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._before: Totals | None = None

    def point(self, state: dict[str, Any]) -> Point:
        """Return one point, `at` in Unix seconds; a rate is None after a gap."""
        now = Totals.of(self._metrics, time.monotonic())
        before, self._before = self._before, now
        model = state["model"] or {}
        known = before is not None and now.at - before.at <= GAP_SECONDS
        rates = Rates.between(before, now) if known and before is not None else None
        questions = state["questions"] or {}
        return {
            "at": round(time.time(), 3),
            "ended_per_second": None if rates is None else round(rates.ended, 3),
            "answered_per_second": None if rates is None else round(rates.answered, 3),
            "failed_per_second": None if rates is None else round(rates.failed, 3),
            "p50_seconds": model.get("p50_seconds"),
            "p95_seconds": model.get("p95_seconds"),
            "in_progress": questions.get("in_progress"),
            "in_flight": model.get("in_flight"),
            "limit": model.get("limit"),
        }
