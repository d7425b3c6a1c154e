"""The aggregation of one partition as a plain loop: the same figures as the product's.

The newest rating of each user and movie, the movies' totals, the histogram, users, duplicates and
stale ones. No windows, no predictions.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Annotated

import msgspec

from app.core.ratings.changes import SEGMENT_ROW, Changes, MovieTotal, Totals


class Rating(msgspec.Struct, forbid_unknown_fields=True):
    """A rating, with the limits that the product checks."""

    userId: Annotated[int, msgspec.Meta(ge=1, le=138_493)]  # noqa: N815
    movieId: Annotated[int, msgspec.Meta(ge=1, le=131_262)]  # noqa: N815
    rating: Annotated[float, msgspec.Meta(ge=0.5, le=5.0, multiple_of=0.5)]
    timestamp: Annotated[int, msgspec.Meta(gt=0, le=253_402_300_799_999)]


class Aggregate:
    """One partition's state, and what has changed since the last `take_changes`."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.totals = Totals()
        self.users: dict[int, dict[int, int]] = {}
        self.movies: dict[int, list[int]] = {}
        self.saved_offset = 0
        self._changed: set[int] = set()
        self._segment: list[int] = []

    def apply(self, ratings: Iterable[Rating]) -> None:
        """Take ratings up in their order."""
        users, movies, changed = self.users, self.movies, self._changed
        by_halves, segment = self.totals.by_halves, self._segment
        valid = duplicate = stale = 0
        for rating in ratings:
            user_id, movie_id, time = rating.userId, rating.movieId, rating.timestamp
            halves = int(rating.rating * 2)
            seen = users.get(user_id)
            if seen is None:
                seen = users[user_id] = {}
            old = seen.get(movie_id)
            total = movies.get(movie_id)
            if total is None:
                total = movies[movie_id] = [0, 0, 0]
            if old is None:
                total[0] += 1
                total[1] += halves
            elif time <= old >> 4:
                if time == old >> 4:
                    duplicate += 1
                else:
                    stale += 1
                continue
            else:
                total[1] += halves - (old & 15)
                by_halves[old & 15] -= 1
            mark = time * 16 + halves
            total[2] = max(total[2], time)
            by_halves[halves] += 1
            seen[movie_id] = mark
            changed.add(movie_id)
            segment += (user_id, movie_id, mark)
            valid += 1
        self.totals.valid += valid
        self.totals.duplicate += duplicate
        self.totals.stale += stale

    def take_changes(self, next_offset: int) -> Changes:
        """Return what changed since the last time, for the store."""
        self.totals.users = len(self.users)
        rows, packed = self._segment, struct.Struct(SEGMENT_ROW)
        changes = Changes(
            partition=self.partition,
            from_offset=self.saved_offset,
            next_offset=next_offset,
            totals=self.totals,
            movies=[MovieTotal(movie_id, *self.movies[movie_id]) for movie_id in self._changed],
            segment=b"".join(packed.pack(*rows[n : n + 3]) for n in range(0, len(rows), 3)),
        )
        self._changed.clear()
        self._segment.clear()
        self.saved_offset = next_offset
        return changes


def facts(aggregates: Iterable[Aggregate]) -> dict[str, int]:
    """Return the figures in which all contestants must agree."""
    found = list(aggregates)
    movies: set[int] = set()
    for each in found:
        movies.update(movie_id for movie_id, total in each.movies.items() if total[0])
    return {
        "valid": sum(each.totals.valid for each in found),
        "duplicate": sum(each.totals.duplicate for each in found),
        "stale": sum(each.totals.stale for each in found),
        "users": sum(len(each.users) for each in found),
        "movies": len(movies),
        "sum_halves": sum(h * n for each in found for h, n in enumerate(each.totals.by_halves)),
    }
