"""The ratings' figures as the API and the commands show them: plain values for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

from app.core.questions import timestamp
from app.core.ratings.changes import (
    MovieStats,
    MovieTotal,
    RatingStats,
    RecommendedMovie,
    UserRecommendation,
)
from app.core.ratings.events import MAX_HALVES, MIN_HALVES, Rule
from app.core.ratings.windows import WINDOW_MS

#: A mean of this many ratings is half sure.
_HALF_SURE_RATINGS = 20


def stats_json(stats: RatingStats) -> dict[str, Any]:
    """Return the counts of the whole stream; every rule and every rating has its own."""
    totals = stats.totals
    known = {str(rule): totals.rejected.get(rule, 0) for rule in Rule}
    predicted = totals.predicted
    return {
        "valid": totals.valid,
        "rejected": known | {rule: n for rule, n in totals.rejected.items() if rule not in known},
        "duplicate": totals.duplicate,
        "stale": totals.stale,
        "by_rating": {
            f"{halves / 2}": totals.by_halves[halves]
            for halves in range(MIN_HALVES, MAX_HALVES + 1)
        },
        "users": totals.users,
        "movies": stats.movies,
        "mean": stats.mean,
        "out_of_order": totals.out_of_order,
        "late": totals.late,
        "future": totals.future,
        "rmse": sqrt(totals.squared_error / predicted) if predicted else None,
        "predicted": predicted,
    }


def windows_json(stats: RatingStats, limit: int) -> dict[str, Any]:
    """Return the newest windows, ascending; `start` in Unix milliseconds, `mean` in stars."""
    return {
        "window_seconds": WINDOW_MS // 1000,
        "windows": [
            {
                "start": window.start,
                "count": window.ratings,
                "mean": window.sum_halves / 2 / window.ratings,
            }
            for window in stats.totals.windows[-limit:]
            if window.ratings
        ],
    }


def movie_json(movie: MovieStats) -> dict[str, Any]:
    return {
        "movieId": movie.movie_id,
        "count": movie.count,
        "mean": movie.mean,
        "last_timestamp": movie.last_timestamp,
    }


def recommendation_json(stored: UserRecommendation, n: int) -> dict[str, Any]:
    """Return the best `n` of what is stored for a user."""
    return {
        "userId": stored.user_id,
        "movies": _movies(stored.movies[:n]),
        "source": "user",
        "model": stored.model,
        "ratings": stored.ratings,
        "made_at": timestamp(stored.made_at),
    }


def popular_json(user_id: int, movies: Sequence[RecommendedMovie], model: str) -> dict[str, Any]:
    """Return what a user gets of whom nothing is known."""
    return {
        "userId": user_id,
        "movies": _movies(movies),
        "source": "popular",
        "model": model,
        "ratings": 0,
        "made_at": None,
    }


def as_recommended(movie: MovieTotal) -> RecommendedMovie:
    """Return a movie by its mean alone, for a process whose recommender has seen no rating."""
    mean = movie.sum_halves / 2 / movie.ratings
    return RecommendedMovie(
        movie.movie_id, mean, movie.ratings / (movie.ratings + _HALF_SURE_RATINGS)
    )


def _movies(movies: Sequence[RecommendedMovie]) -> list[dict[str, Any]]:
    return [
        {"movieId": each.movie_id, "score": each.score, "confidence": each.confidence}
        for each in movies
    ]
