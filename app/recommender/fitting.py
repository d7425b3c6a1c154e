"""From ratings to a model, with its error on ratings that it has not seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import product
from typing import NamedTuple

import numpy as np

from app.errors import InputError
from app.recommender.als import Factors, Regularisation, Sparse, fit_factors, sparse_by
from app.recommender.model import ModelFacts, RatingModel, Rmse
from app.recommender.table import Floats, RatingTable, Wholes, split_last_of_each

FACTORS, EPOCHS = 16, 10
REGULARISATION = Regularisation()
#: What `tune` tries.
STRENGTHS = tuple(Regularisation(factors_per_rating=share) for share in (0.02, 0.05, 0.1))
HELD_OUT = 0.1

Progress = Callable[[str, int, int], None]
"""Called with what is being done, steps done, steps in all."""


class Trial(NamedTuple):
    """One setting that was tried, and its error on the held-out ratings, in stars."""

    factors: int
    regularisation: Regularisation
    rmse: float


def fit(
    ratings: RatingTable,
    *,
    factors: int = FACTORS,
    regularisation: Regularisation | float = REGULARISATION,
    epochs: int = EPOCHS,
    seed: int = 1,
    held_out: float = HELD_OUT,
    progress: Progress | None = None,
    created_at: float | None = None,
) -> RatingModel:
    """Fit a model on the newest rating of each user and movie.

    First `held_out` of each user's ratings, his last, are kept back and predicted from the rest
    (0 leaves this out); then the model is fitted on all of them. `created_at` (Unix seconds,
    default now) names the version. A number as `regularisation` is that of the factors, with the
    usual rest. Raises InputError for no ratings or impossible numbers.
    """
    if not isinstance(regularisation, Regularisation):
        regularisation = REGULARISATION._replace(factors=float(regularisation))
    _check(ratings, factors, regularisation, epochs, held_out)
    table = ratings.newest()
    rmse = None
    if held_out > 0:
        rest, last = split_last_of_each(table, held_out)
        if len(last.users):
            judged = _Fit(rest)
            judged.run(factors, regularisation, epochs, seed, "judging", progress)
            rmse = judged.rmse(last)
    whole = _Fit(table)
    whole.run(factors, regularisation, epochs, seed, "fitting", progress)
    now = time.time() if created_at is None else created_at
    facts = ModelFacts(
        version=f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%S.%f}"[:-3] + "Z",
        created_at=now,
        ratings=len(table.users),
        epochs=epochs,
        seed=seed,
        regularisation=regularisation,
        first_timestamp=int(table.timestamps.min()),
        last_timestamp=int(table.timestamps.max()),
        rmse=rmse,
    )
    return whole.model(facts)


def tune(
    ratings: RatingTable,
    *,
    factors: Sequence[int] = (8, 16, 32),
    regularisations: Sequence[Regularisation] = STRENGTHS,
    epochs: int = 6,
    seed: int = 1,
    progress: Progress | None = None,
) -> list[Trial]:
    """Try each pair of settings on each user's last ratings; the best comes first."""
    for width, strength in product(factors, regularisations):
        _check(ratings, width, strength, epochs, HELD_OUT)
    rest, last = split_last_of_each(ratings.newest(), HELD_OUT)
    if not len(last.users):
        raise InputError("too few ratings to tune on: no user has ten")
    trials = []
    pairs = list(product(factors, regularisations))
    fitting = _Fit(rest)
    for done, (width, strength) in enumerate(pairs):
        if progress is not None:
            progress("tuning", done, len(pairs))
        fitting.run(width, strength, epochs, seed, "", None)
        trials.append(Trial(width, strength, fitting.rmse(last).model))
    if progress is not None:
        progress("tuning", len(pairs), len(pairs))
    return sorted(trials, key=lambda trial: (trial.rmse, trial.factors))


class _Fit:
    """Ratings as sparse rows of both sides, and what was fitted on them last."""

    fitted: Factors

    def __init__(self, table: RatingTable) -> None:
        self.user_ids, users = np.unique(table.users, return_inverse=True)
        self.movie_ids, movies = np.unique(table.movies, return_inverse=True)
        self.by_user: Sparse = sparse_by(users, movies, table.stars, len(self.user_ids))
        self.by_movie: Sparse = sparse_by(movies, users, table.stars, len(self.movie_ids))

    def run(
        self,
        factors: int,
        regularisation: Regularisation,
        epochs: int,
        seed: int,
        what: str,
        progress: Progress | None,
    ) -> None:
        def report(epoch: int) -> None:
            if progress is not None:
                progress(what, epoch, epochs)

        self.fitted = fit_factors(
            self.by_user,
            self.by_movie,
            factors=factors,
            regularisation=regularisation,
            epochs=epochs,
            seed=seed,
            progress=report,
        )

    def rmse(self, held: RatingTable) -> Rmse:
        """Judge what was fitted. An unknown user or movie counts as an average one."""
        fitted, counts = self.fitted, np.diff(self.by_movie.starts)
        sums = np.add.reduceat(self.by_movie.stars.astype(np.float64), self.by_movie.starts[:-1])
        means = np.append(sums / counts, fitted.mean)
        squares = np.zeros(3)
        for part in _parts(len(held.users)):
            rows = held.rows(part)
            users = _rows_of(fitted.users, self.user_ids, rows.users)
            movies = _rows_of(fitted.movies, self.movie_ids, rows.movies)
            found = fitted.mean + users[:, -1] + movies[:, -1]
            found += np.einsum("ij,ij->i", users[:, :-1], movies[:, :-1])
            guesses = (found.clip(0.5, 5.0), fitted.mean, means[_at(self.movie_ids, rows.movies)])
            squares += [float(np.sum((guess - rows.stars) ** 2)) for guess in guesses]
        model, mean, movie_mean = (float(x) for x in np.sqrt(squares / len(held.users)))
        return Rmse(model, mean, movie_mean, len(held.users))

    def model(self, facts: ModelFacts) -> RatingModel:
        halves = np.rint(self.by_movie.stars * 2).astype(np.int64)
        return RatingModel(
            facts=facts,
            mean=self.fitted.mean,
            movie_ids=self.movie_ids,
            movies=self.fitted.movies,
            movie_counts=np.diff(self.by_movie.starts),
            movie_halves=np.add.reduceat(halves, self.by_movie.starts[:-1]),
            user_ids=self.user_ids,
            users=self.fitted.users,
            starts=self.by_user.starts,
            columns=self.by_user.columns,
            halves=np.rint(self.by_user.stars * 2).astype(np.uint8),
        )


def _at(known: Wholes, ids: Wholes) -> Wholes:
    """Return the position of each id among the known ones; their number for an unknown one."""
    at = np.searchsorted(known, ids)
    there = at < len(known)
    there[there] = known[at[there]] == ids[there]
    return np.where(there, at, len(known))


def _rows_of(side: Floats, known: Wholes, ids: Wholes) -> Floats:
    """Return each id's row; zeros for an unknown one."""
    at = _at(known, ids)
    rows: Floats = side[np.minimum(at, len(known) - 1)]
    rows[at == len(known)] = 0.0
    return rows


def _parts(count: int, size: int = 200_000) -> Iterator[slice]:
    return (slice(first, first + size) for first in range(0, count, size))


def _check(
    ratings: RatingTable,
    factors: int,
    regularisation: Regularisation,
    epochs: int,
    held_out: float,
) -> None:
    if not len(ratings.users):
        raise InputError("there are no ratings to fit on")
    if not 1 <= factors <= 512:
        raise InputError("factors must be 1 to 512", field="factors")
    if not 1 <= epochs <= 1000:
        raise InputError("epochs must be 1 to 1000", field="epochs")
    least = (1e-6, 0.0, 1e-6)
    for (name, value), low in zip(regularisation._asdict().items(), least, strict=True):
        if not low <= value < 1e6:
            where = f"regularisation.{name}"
            raise InputError(f"{where} must be {low} to a million", field=where)
    if not 0 <= held_out <= 0.5:
        raise InputError("held_out must be 0 to 0.5", field="held_out")
