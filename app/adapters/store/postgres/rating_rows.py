"""Rows of the ratings' tables to values of ours, and back."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import chain
from typing import Any

import msgspec

from app.core.ratings.changes import (
    MovieTotal,
    RecommendedMovie,
    Totals,
    UserRecommendation,
    Window,
)

#: A recommended movie in `rating_recommendations.movies`: id, score, confidence.
_RECOMMENDED = struct.Struct("<qdd")
#: The columns that `totals_values` gives, in its order.
TOTAL_COLUMNS = (
    "valid",
    "duplicate",
    "stale",
    "rejected",
    "out_of_order",
    "late",
    "future",
    "users",
    "by_halves",
    "predicted",
    "squared_error",
    "watermark",
    "windows",
)

_MOVIES = """
SELECT movie_id, ratings, sum_halves, last_timestamp FROM rating_movies
WHERE partition = $1 ORDER BY movie_id
"""


def totals_values(totals: Totals) -> tuple[Any, ...]:
    """Return totals in the order of `TOTAL_COLUMNS`."""
    return (
        totals.valid,
        totals.duplicate,
        totals.stale,
        msgspec.json.encode(totals.rejected).decode(),
        totals.out_of_order,
        totals.late,
        totals.future,
        totals.users,
        totals.by_halves,
        totals.predicted,
        float(totals.squared_error),
        totals.watermark,
        msgspec.json.encode(totals.windows).decode(),
    )


def totals_of(row: Any) -> Totals:
    """Return the totals of a row of `rating_partitions`."""
    values = {name: row[name] for name in TOTAL_COLUMNS}
    values["rejected"] = msgspec.json.decode(row["rejected"], type=dict[str, int])
    windows = msgspec.json.decode(row["windows"], type=list[tuple[int, int, int]])
    values["windows"] = [Window(*window) for window in windows]
    return Totals(**values)


async def read_movies(connection: Any, partition: int) -> list[MovieTotal]:
    """Return a partition's movies by id."""
    return [MovieTotal(*row) for row in await connection.fetch(_MOVIES, partition)]


def recommendation_values(each: UserRecommendation) -> tuple[Any, ...]:
    """Return a recommendation in the order of the columns of its table."""
    return (
        each.user_id,
        struct.pack("<" + "qdd" * len(each.movies), *chain.from_iterable(each.movies)),
        each.model,
        each.ratings,
        float(each.made_at),
    )


def recommendation_of(row: Any) -> UserRecommendation:
    """Return the recommendation of a row."""
    return UserRecommendation(
        user_id=row["user_id"],
        movies=recommended_movies(row["movies"]),
        model=row["model"],
        ratings=row["ratings"],
        made_at=row["made_at"],
    )


def recommended_movies(packed: bytes) -> tuple[RecommendedMovie, ...]:
    return tuple(RecommendedMovie(*values) for values in _RECOMMENDED.iter_unpack(packed))


def newest_by_id(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return rows by their id, the first column; of several with one id the last."""
    return sorted({row[0]: row for row in rows}.values(), key=lambda row: row[0])
