"""Small data for the recommender's tests: seeded, with tastes to be learnt."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from functools import cache

import numpy as np

from app.core.ratings.changes import mark_of
from app.ports.recommender import History
from app.ratings.synthetic import synthetic_arrays
from app.recommender.fitting import fit
from app.recommender.model import RatingModel
from app.recommender.table import RatingTable

USERS, MOVIES, COUNT = 200, 120, 8_000
START_MS = 1_262_304_000_000


@cache
def small_table() -> RatingTable:
    made = synthetic_arrays(COUNT, seed=7, users=USERS, movies=MOVIES, start_ms=START_MS)
    return RatingTable.of(*made)


@cache
def small_model() -> RatingModel:
    return fit(small_table(), factors=4, epochs=5, created_at=1_700_000_000.0)


def history(user: int, stars: Mapping[int, float]) -> History:
    """Return a user's ratings by movie."""
    rated = dict(sorted(stars.items()))
    marks = [mark_of(START_MS, int(value * 2)) for value in rated.values()]
    return History(user, array("I", rated), array("q", marks))


def rated_in(table: RatingTable, user: int) -> dict[int, float]:
    """Return a user's ratings in a table."""
    own = table.rows(table.users == user).newest()
    return dict(zip(own.movies.tolist(), own.stars.tolist(), strict=True))


def histories_of(table: RatingTable) -> list[History]:
    return [history(user, rated_in(table, user)) for user in np.unique(table.users).tolist()]
