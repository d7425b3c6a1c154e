"""Matrix factorisation with biases for explicit ratings, fitted by alternating least squares.

    stars(user, movie) = mean + user's bias + movie's bias + user's factors . movie's factors

Users and movies are solved in turn, bias and factors of each together. The penalty of the factors
is a constant, which keeps a movie with few ratings near the average, and a part that grows with the
number of ratings, which keeps surplus factors of well-known movies and active users from fitting
noise (docs/recommender.md has the figures). A user's vector is exactly what the live fold-in
computes from the same ratings.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from app.recommender.solving import Floats, Penalty, Positions, Wholes, solve_rows, with_zero_row

#: Standard deviation of the factors at the start.
_START_SPREAD = 0.1


class Factors(NamedTuple):
    """What is fitted. A side's last column is the bias, the others are factors."""

    mean: float
    users: Floats
    """(users, factors + 1)."""
    movies: Floats
    """(movies, factors + 1)."""


class Sparse(NamedTuple):
    """Ratings by row (CSR): `columns` and `stars` of row i are at `starts[i]:starts[i + 1]`."""

    starts: Wholes
    columns: Positions
    stars: Floats


def sparse_by(rows: Wholes, columns: Wholes, stars: Floats, count: int) -> Sparse:
    """Sort entries by row, then column, into CSR with `count` rows."""
    order = np.lexsort((columns, rows))
    starts = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=count), out=starts[1:])
    return Sparse(starts, columns[order].astype(np.int32), stars[order].astype(np.float32))


class Regularisation(NamedTuple):
    """How strongly vectors are kept small."""

    factors: float = 5.0
    factors_per_rating: float = 0.05
    bias: float = 2.0

    def penalty(self, factors: int) -> Penalty:
        """Return the penalty of a side's columns: its factors, then its bias."""
        return Penalty(
            np.array([self.factors] * factors + [self.bias]),
            np.array([self.factors_per_rating] * factors + [0.0]),
        )


def fit_factors(
    by_user: Sparse,
    by_movie: Sparse,
    *,
    factors: int,
    regularisation: Regularisation,
    epochs: int,
    seed: int,
    progress: Callable[[int], None] | None = None,
) -> Factors:
    """Fit both sides; ends with the users, so that theirs are the fold-in of their own ratings.

    The same input gives the same result on the same machine, on any number of cores.
    `progress` is called after each epoch, from 1.
    """
    draw = np.random.default_rng(seed)
    mean = float(by_user.stars.mean(dtype=np.float64)) if len(by_user.stars) else 0.0
    movies = np.zeros((len(by_movie.starts) - 1, factors + 1), dtype=np.float32)
    movies[:, :-1] = draw.standard_normal((len(movies), factors)) * _START_SPREAD
    movies[:, -1] = _damped_means(by_movie, mean, regularisation.bias)
    penalty = regularisation.penalty(factors)
    with _workers() as pool:
        users = solve_side(by_user, movies, mean, penalty, pool)
        for epoch in range(1, epochs + 1):
            movies = solve_side(by_movie, users, mean, penalty, pool)
            users = solve_side(by_user, movies, mean, penalty, pool)
            if progress is not None:
                progress(epoch)
    return Factors(mean, users, movies)


def solve_side(
    ratings: Sparse,
    other: Floats,
    mean: float,
    penalty: Penalty,
    pool: Executor | None = None,
) -> Floats:
    """Solve the rows of `ratings` against the other side's factors and biases."""
    known = other.copy()
    known[:, -1] = 1.0
    targets = ratings.stars - np.float32(mean) - other[ratings.columns, -1]
    return solve_rows(ratings.starts, ratings.columns, targets, with_zero_row(known), penalty, pool)


def _damped_means(ratings: Sparse, mean: float, damping: float) -> Floats:
    counts = np.diff(ratings.starts)
    rows = np.repeat(np.arange(len(counts)), counts)
    sums = np.bincount(rows, weights=ratings.stars - mean, minlength=len(counts))
    found: Floats = (sums / (counts + damping)).astype(np.float32)
    return found


@contextmanager
def _workers() -> Iterator[Executor]:
    """Give one thread for each core; each multiplies small matrices, which BLAS can't share out."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(cores or 1) as pool:
        yield pool
