"""Ratings for the recommender's benchmarks: a MovieLens file, or synthetic ones."""

from __future__ import annotations

import argparse

import numpy as np

from app.ratings.synthetic import synthetic_arrays
from app.recommender.table import RatingTable

#: Synthetic ratings begin here (Unix milliseconds): 1 January 2010.
START_MS = 1_262_304_000_000


def read_table(arguments: argparse.Namespace) -> RatingTable:
    """Read `--ratings`, or make `--count` ratings of `--users` and `--movies` by `--seed`."""
    if arguments.ratings:
        rows = np.loadtxt(arguments.ratings, delimiter=",", skiprows=1, ndmin=2)
        whole = rows[:, (0, 1, 3)].astype(np.int64)
        return RatingTable.of(whole[:, 0], whole[:, 1], rows[:, 2], whole[:, 2])
    made = synthetic_arrays(
        arguments.count,
        seed=arguments.seed,
        users=arguments.users,
        movies=arguments.movies,
        start_ms=START_MS,
    )
    return RatingTable.of(*made)
