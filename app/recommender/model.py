"""A fitted model: what is stored in a model file and read by the live recommender."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from app.recommender.als import Regularisation
from app.recommender.solving import Floats, Penalty, Positions, Wholes

#: What is assumed of a rating before any is known: near the mean of MovieLens.
USUAL_STARS = 3.5


@dataclass(frozen=True, slots=True)
class Rmse:
    """Root mean square error on the held-out ratings, in stars."""

    model: float
    mean: float
    """Of the mean of all ratings as the prediction."""
    movie_mean: float
    """Of each movie's mean."""
    ratings: int
    """How many were held out."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Where a model comes from."""

    version: str
    created_at: float
    """Unix seconds."""
    ratings: int
    epochs: int
    seed: int
    regularisation: Regularisation
    first_timestamp: int = 0
    """Of the ratings, in their own unit."""
    last_timestamp: int = 0
    rmse: Rmse | None = None
    """None when nothing was held out."""


@dataclass(frozen=True, slots=True, eq=False)
class RatingModel:
    """Factors and biases of movies and users, and the ratings they were fitted on.

    Rows of `movies` and `users` end with the bias. User i rated the movies at the positions
    `columns[starts[i]:starts[i + 1]]` of `movie_ids` with `halves` half stars.
    """

    facts: ModelFacts
    mean: float
    movie_ids: Wholes
    """Ascending, without repeats; so are `user_ids`."""
    movies: Floats
    """(movies, factors + 1)."""
    movie_counts: Wholes
    movie_halves: Wholes
    """Sum of the half stars of each movie's ratings."""
    user_ids: Wholes
    users: Floats
    """(users, factors + 1)."""
    starts: Wholes
    columns: Positions
    halves: npt.NDArray[np.uint8]
    penalty: Penalty = field(init=False)
    """Of a user's vector: what the fit used, and the live fold-in uses."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "penalty", self.facts.regularisation.penalty(self.factors))

    @property
    def version(self) -> str:
        return self.facts.version

    @property
    def factors(self) -> int:
        return int(self.movies.shape[1]) - 1

    def faults(self) -> list[str]:
        """Say what is inconsistent; empty for a sound model."""
        found = []
        for name, ids in (("movie_ids", self.movie_ids), ("user_ids", self.user_ids)):
            if len(ids) and (ids[0] < 1 or (np.diff(ids) <= 0).any()):
                found.append(f"{name} are not ascending ids from 1")
        shapes = {
            "movies": (self.movies.shape, (len(self.movie_ids), self.factors + 1)),
            "users": (self.users.shape, (len(self.user_ids), self.factors + 1)),
            "movie_counts": (self.movie_counts.shape, (len(self.movie_ids),)),
            "movie_halves": (self.movie_halves.shape, (len(self.movie_ids),)),
            "starts": (self.starts.shape, (len(self.user_ids) + 1,)),
            "halves": (self.halves.shape, self.columns.shape),
        }
        found += [f"{name} has shape {a}, not {b}" for name, (a, b) in shapes.items() if a != b]
        if not all(np.isfinite(a).all() for a in (self.movies, self.users, self.mean)):
            found.append("factors or biases are not finite")
        if found:
            return found
        if self.starts[0] != 0 or self.starts[-1] != len(self.columns):
            found.append("starts do not span the ratings")
        if (np.diff(self.starts) < 0).any():
            found.append("starts are not ascending")
        if len(self.columns) and not (
            self.columns.min() >= 0 and self.columns.max() < len(self.movie_ids)
        ):
            found.append("columns point beyond the movies")
        if len(self.halves) and not (self.halves.min() >= 1 and self.halves.max() <= 10):
            found.append("halves are not 1 to 10")
        if (self.movie_counts < 0).any():
            found.append("movie_counts are negative")
        return found


def empty_model() -> RatingModel:
    """Return the model of no ratings: what there is before the first fit."""
    ids, bias = np.empty(0, dtype=np.int64), np.empty((0, 1), dtype=np.float32)
    return RatingModel(
        facts=ModelFacts("means", 0.0, 0, 0, 0, Regularisation()),
        mean=USUAL_STARS,
        movie_ids=ids,
        movies=bias,
        movie_counts=ids,
        movie_halves=ids,
        user_ids=ids,
        users=bias,
        starts=np.zeros(1, dtype=np.int64),
        columns=np.empty(0, dtype=np.int32),
        halves=np.empty(0, dtype=np.uint8),
    )
