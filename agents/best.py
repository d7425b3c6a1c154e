"""Which of a question's attempts is its best."""

from __future__ import annotations

from app.core.gate import Metric
from app.core.guards import guard_of
from models.questions import ScoredAttempt


def better(best: ScoredAttempt | None, this: ScoredAttempt, metric: Metric) -> ScoredAttempt:
    """Return the better of the best attempt so far and this one; at a tie the earlier.

    An attempt that no guard objects to is better than one with an objection, whatever the scores.
    Figures of two scorers say nothing about each other: then the later one, by the scorer in force.
    """
    if best is None:
        return this
    if _objected(this) != _objected(best):
        return best if _objected(this) else this
    if best.scorer is not None and this.scorer is not None and best.scorer != this.scorer:
        return this
    return this if getattr(this, metric.value) > getattr(best, metric.value) else best


def _objected(attempt: ScoredAttempt) -> bool:
    return attempt.why is not None and guard_of(attempt.why) is not None
