"""Ratings as columns, and how they are split to judge a model."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Wholes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
#: Ids are stored as unsigned 32-bit numbers everywhere.
MAX_ID = 2**32 - 1


class RatingTable(NamedTuple):
    """Ratings as columns of equal length, in any order."""

    users: Wholes
    movies: Wholes
    stars: Floats
    """0.5 to 5.0 in halves."""
    timestamps: Wholes
    """Of one unit (seconds or milliseconds): only their order counts."""

    @classmethod
    def of(cls, users: Any, movies: Any, stars: Any, timestamps: Any) -> RatingTable:
        """Check and convert four sequences. Raises ValueError that names the column and the row."""
        table = cls(
            _column(users, "users", np.int64),
            _column(movies, "movies", np.int64),
            _column(stars, "stars", np.float32),
            _column(timestamps, "timestamps", np.int64),
        )
        if len({len(column) for column in table}) != 1:
            lengths = ", ".join(str(len(column)) for column in table)
            raise ValueError(f"the columns differ in length: {lengths}")
        for name, ids in (("users", table.users), ("movies", table.movies)):
            _refuse((ids < 1) | (ids > MAX_ID), ids, f"{name}: not an id of 1 to {MAX_ID}")
        halves = table.stars * 2
        bad = ~((halves >= 1) & (halves <= 10) & (halves == np.rint(halves)))
        _refuse(bad, table.stars, "stars: not 0.5 to 5.0 in halves")
        return table

    def rows(self, chosen: Any) -> RatingTable:
        """Return the rows of a mask, an index or a slice."""
        return RatingTable(*(column[chosen] for column in self))

    def newest(self) -> RatingTable:
        """Keep the newest rating of each user and movie (of equal times, the later row).

        The rows come back by user, then movie.
        """
        order = np.lexsort((self.timestamps, self.movies, self.users))
        users, movies = self.users[order], self.movies[order]
        last = np.ones(len(order), dtype=np.bool_)
        last[:-1] = (users[1:] != users[:-1]) | (movies[1:] != movies[:-1])
        return self.rows(order[last])


def split_by_time(table: RatingTable, *shares: float) -> list[RatingTable]:
    """Cut the ratings, oldest first, into parts of these shares and a last part of the rest."""
    order = np.argsort(table.timestamps, kind="stable")
    cuts = np.rint(np.cumsum(shares) * len(order)).astype(np.int64)
    return [table.rows(part) for part in np.split(order, cuts)]


def split_last_of_each(table: RatingTable, share: float) -> tuple[RatingTable, RatingTable]:
    """Put each user's last ratings apart: `share` of them, rounded down. Returns (rest, last)."""
    order = np.lexsort((table.timestamps, table.users))
    users = table.users[order]
    _, firsts, counts = np.unique(users, return_index=True, return_counts=True)
    turn = np.arange(len(users)) - np.repeat(firsts, counts)
    size = np.repeat(counts, counts)
    last = turn >= size - (size * share).astype(np.int64)
    return table.rows(order[~last]), table.rows(order[last])


def _column(values: Any, name: str, kind: Any) -> Any:
    found = np.asarray(values)
    if found.ndim != 1 or found.dtype.kind not in "iuf":
        raise ValueError(f"{name}: not a sequence of numbers")
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise ValueError(f"{name}: row {int(np.argmin(np.isfinite(found)))} is not a finite number")
    return np.ascontiguousarray(found, dtype=kind)


def _refuse(bad: Any, values: Any, why: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"{why} (row {row}: {values[row]})")
