"""Users' ratings as one table: those of the model overlaid with those of the stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from app.ports.recommender import History
from app.recommender.model import RatingModel
from app.recommender.slots import Wholes
from app.recommender.solving import Floats


class Ratings(NamedTuple):
    """Ratings by row, then movie id, each pair once. Row i is the i-th user that was asked for."""

    starts: Wholes
    """(users + 1)."""
    rows: Wholes
    movies: Wholes
    stars: Floats


def overlaid(histories: Sequence[History], model: RatingModel, filed: Wholes) -> Ratings:
    """Put together what is known of these users; the stream's rating of a movie wins.

    `filed` is each user's row in the model, -1 for none.
    """
    lengths = np.fromiter((len(h.movies) for h in histories), dtype=np.int64, count=len(histories))
    parts = [np.frombuffer(h.movies, dtype=np.uint32) for h in histories if len(h.movies)]
    marks = [np.frombuffer(h.marks, dtype=np.int64) for h in histories if len(h.movies)]
    movies = np.concatenate(parts).astype(np.int64) if parts else np.empty(0, dtype=np.int64)
    halves = np.concatenate(marks) & 15 if marks else np.empty(0, dtype=np.int64)
    rows = np.repeat(np.arange(len(histories)), lengths)
    if (filed >= 0).any():
        old_rows, old_movies, old_halves = _of_the_model(model, filed)
        rows = np.concatenate((rows, old_rows))
        movies = np.concatenate((movies, old_movies))
        halves = np.concatenate((halves, old_halves))
        # Stable: of equal pairs the first, which is the stream's, is kept.
        _, kept = np.unique((rows << 32) | movies, return_index=True)
        rows, movies, halves = rows[kept], movies[kept], halves[kept]
        lengths = np.bincount(rows, minlength=len(histories))
    starts = np.zeros(len(histories) + 1, dtype=np.int64)
    np.cumsum(lengths, out=starts[1:])
    return Ratings(starts, rows, movies, (halves / 2).astype(np.float32))


def _of_the_model(model: RatingModel, filed: Wholes) -> tuple[Wholes, Wholes, Wholes]:
    there = np.flatnonzero(filed >= 0)
    first, last = model.starts[filed[there]], model.starts[filed[there] + 1]
    lengths = last - first
    ends = np.cumsum(lengths)
    at = np.arange(int(ends[-1])) + np.repeat(first - (ends - lengths), lengths)
    return (
        np.repeat(there, lengths),
        model.movie_ids[model.columns[at]],
        model.halves[at].astype(np.int64),
    )
