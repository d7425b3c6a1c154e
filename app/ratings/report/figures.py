"""The figures of a report, and what they come to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.ratings.changes import MovieTotal, RatingStats, Totals
from app.ratings.report.coverage import Coverage
from app.ratings.report.workers import workers_of
from models.ratings import StreamMetrics


@dataclass(frozen=True, slots=True)
class RatingFigures:
    """What was found at `taken_at` (Unix seconds)."""

    taken_at: float
    stats: RatingStats = field(default_factory=lambda: RatingStats(Totals(), 0))
    popular: Sequence[MovieTotal] = ()
    exposure: Mapping[int, int] = field(default_factory=dict)
    """To how many users each movie is recommended."""
    users_recommended: int = 0
    metrics: Sequence[StreamMetrics] = ()
    """By time, oldest first."""
    unreadable: int = 0
    """Messages of the topic `metrics` that are none."""
    lag: Mapping[str, int] | None = None
    """Events beyond the committed offset by partition; None when nobody could say."""

    @property
    def current(self) -> int:
        """Ratings that stand: one for each user and movie."""
        return sum(self.stats.totals.by_halves)

    @property
    def rejected(self) -> int:
        return sum(self.stats.totals.rejected.values())

    @property
    def events(self) -> int:
        """All events that were read: each is valid, a duplicate, stale or rejected."""
        totals = self.stats.totals
        return totals.valid + totals.duplicate + totals.stale + self.rejected

    @property
    def rmse(self) -> float | None:
        """Over all predictions that were made before the rating was learnt; None before any."""
        totals = self.stats.totals
        return math.sqrt(totals.squared_error / totals.predicted) if totals.predicted else None

    @property
    def coverage(self) -> Coverage:
        return Coverage(self.exposure, self.stats.movies)


def as_json(figures: RatingFigures) -> dict[str, Any]:
    """Return the report as `--json` prints it."""
    totals, coverage = figures.stats.totals, figures.coverage
    return {
        "taken_at": figures.taken_at,
        "events": figures.events,
        "valid": totals.valid,
        "duplicate": totals.duplicate,
        "stale": totals.stale,
        "rejected": dict(totals.rejected),
        "out_of_order": totals.out_of_order,
        "late": totals.late,
        "future": totals.future,
        "ratings": figures.current,
        "users": totals.users,
        "movies": figures.stats.movies,
        "mean": figures.stats.mean,
        "by_rating": by_rating(totals),
        "predicted": totals.predicted,
        "rmse": figures.rmse,
        "lag": None if figures.lag is None else dict(figures.lag),
        "coverage": {
            "users": figures.users_recommended,
            "movies": coverage.movies,
            "recommended": coverage.recommended,
            "share": coverage.share,
            "gini": coverage.gini,
        },
        "top_movies": [
            {
                "movieId": movie.movie_id,
                "count": movie.ratings,
                "mean": mean_of(movie),
                "last_timestamp": movie.last_timestamp,
            }
            for movie in figures.popular
        ],
        "workers": [worker.as_json() for worker in workers_of(figures.metrics)],
        "metrics": len(figures.metrics),
        "unreadable_metrics": figures.unreadable,
    }


def by_rating(totals: Totals) -> dict[str, int]:
    """Return the current ratings by stars: `0.5` to `5.0`."""
    return {f"{halves / 2:.1f}": totals.by_halves[halves] for halves in range(1, 11)}


def mean_of(movie: MovieTotal) -> float | None:
    """Return a movie's mean in stars; None without a rating."""
    return movie.sum_halves / 2 / movie.ratings if movie.ratings else None
