"""The exact state of one partition of `ratings`: a pure function of its log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from app.core.ratings.changes import (
    Changes,
    MovieTotal,
    StoredPartition,
    Totals,
    UserRecommendation,
)
from app.core.ratings.events import RatingLike
from app.core.ratings.segments import rows_to_bytes, users_of, worth_merging
from app.core.ratings.user_ratings import Ratings
from app.core.ratings.windows import Windows


class Applied(NamedTuple):
    """The ratings that changed the state, side by side and in their order; and how many not."""

    users: list[int]
    movies: list[int]
    halves: list[int]
    duplicate: int
    stale: int
    late: int
    """Of those that changed it, too late for their windows."""


class PartitionState:
    """What a partition's log adds up to below `next_offset`, and what of it is not stored yet.

    A save has three steps: `take` what changed, write it, then `saved` or `not_saved`. Ratings
    may be applied between them.
    """

    def __init__(self, partition: int, stored: StoredPartition | None = None) -> None:
        stored = stored if stored is not None else StoredPartition()
        self.partition = partition
        self.next_offset = self.saved_offset = stored.next_offset
        self.journal_bytes = sum(map(len, stored.segments))
        self._totals = _copy(stored.totals)
        self._windows = Windows(self._totals)
        self._users = users_of(stored.segments)
        self._movies = {
            movie: [n, sum_halves, last] for movie, n, sum_halves, last in stored.movies
        }
        self._changed: set[int] = set()
        self._rows: list[int] = []
        self._taken: tuple[Changes, set[int], list[int]] | None = None

    # -- the log

    def apply_all(
        self,
        ratings: Sequence[RatingLike],
        arrived: Sequence[float],
        predicted: Sequence[float] | None = None,
    ) -> Applied:
        """Apply valid ratings in the order of the log.

        `arrived` are their time stamps in the log (Unix seconds), `predicted` is what was expected
        of them. A user's newer rating of a movie replaces the older one in all aggregates; one of
        the same time is a duplicate, an older one is stale: both change nothing but their count.
        """
        movies, put, by_halves = self._movies, self._users.put, self._totals.by_halves
        duplicate = stale = 0
        rows, places = self._rows, list[int]()
        applied_users, applied_movies = list[int](), list[int]()
        applied_halves, times = list[int](), list[int]()
        for place, rating in enumerate(ratings):
            user, movie, timestamp = rating.userId, rating.movieId, rating.timestamp
            halves = int(rating.rating * 2)
            mark = timestamp << 4 | halves
            before = put(user, movie, mark)
            if before:
                known = before >> 4
                if timestamp <= known:
                    if timestamp == known:
                        duplicate += 1
                    else:
                        stale += 1
                    continue
                by_halves[before & 15] -= 1
                total = movies[movie]
                total[1] += halves - (before & 15)
            elif movie in movies:
                total = movies[movie]
                total[0] += 1
                total[1] += halves
            else:
                total = movies[movie] = [1, halves, 0]
            if timestamp > total[2]:  # noqa: PLR1730 (a call would cost more)
                total[2] = timestamp
            by_halves[halves] += 1
            rows += (movie << 32 | user, mark)
            places.append(place)
            applied_users.append(user)
            applied_movies.append(movie)
            applied_halves.append(halves)
            times.append(timestamp)
        self._changed.update(applied_movies)
        late = -self._windows.late
        self._windows.add_all(times, applied_halves, [arrived[place] for place in places])
        late += self._windows.late
        totals = self._totals
        totals.valid += len(places)
        totals.duplicate += duplicate
        totals.stale += stale
        if predicted is not None:
            errors = [predicted[p] - h / 2 for p, h in zip(places, applied_halves, strict=True)]
            totals.predicted += len(places)
            totals.squared_error += float(sum(error * error for error in errors))
        return Applied(applied_users, applied_movies, applied_halves, duplicate, stale, late)

    def refuse(self, rule: str) -> None:
        """Count an event that broke a rule."""
        rejected = self._totals.rejected
        rejected[rule] = rejected.get(rule, 0) + 1

    def passed(self, next_offset: int) -> None:
        """All events below `next_offset` are applied or refused."""
        self.next_offset = next_offset

    # -- saving

    def take(self, recommendations: Sequence[UserRecommendation] = ()) -> Changes:
        """Return all that is not stored, to be written in one transaction."""
        if self._taken is not None:
            raise RuntimeError("the last save is not over")
        movies = self._movies
        changes = Changes(
            partition=self.partition,
            from_offset=self.saved_offset,
            next_offset=self.next_offset,
            totals=self.totals(),
            movies=[MovieTotal(movie, *movies[movie]) for movie in self._changed],
            segment=rows_to_bytes(self._rows),
            recommendations=recommendations,
        )
        self._taken = (changes, self._changed, self._rows)
        self._changed, self._rows = set(), []
        return changes

    def saved(self) -> None:
        """What was taken is stored."""
        changes, _, _ = self._open_take()
        self.saved_offset = changes.next_offset
        self.journal_bytes += len(changes.segment)

    def not_saved(self) -> None:
        """What was taken is not stored: the next `take` returns it again."""
        _, changed, rows = self._open_take()
        self._changed |= changed
        self._rows = rows + self._rows

    def _open_take(self) -> tuple[Changes, set[int], list[int]]:
        if self._taken is None:
            raise RuntimeError("nothing was taken")
        taken, self._taken = self._taken, None
        return taken

    @property
    def is_saved(self) -> bool:
        """Whether everything is stored."""
        return self.saved_offset == self.next_offset and self._taken is None

    @property
    def saving(self) -> bool:
        return self._taken is not None

    # -- reading

    def totals(self) -> Totals:
        """Return the totals as they are now, as a value of its own."""
        windows = self._windows
        return replace(
            _copy(self._totals),
            users=len(self._users),
            out_of_order=windows.out_of_order,
            late=windows.late,
            future=windows.future,
            watermark=windows.watermark,
            windows=windows.newest(),
        )

    @property
    def ratings(self) -> int:
        """How many ratings are current."""
        return sum(self._totals.by_halves)

    @property
    def worth_merging(self) -> bool:
        return worth_merging(self.journal_bytes, self.ratings)

    def ratings_of(self, user: int) -> Ratings:
        """Return a user's movies, ascending, and marks: no copies, so not to be kept or changed."""
        return self._users.of(user)

    def users(self) -> list[int]:
        """Return all users of the partition."""
        return self._users.users()

    def movies(self) -> list[MovieTotal]:
        """Return all movies of the partition, by id."""
        return [MovieTotal(movie, *self._movies[movie]) for movie in sorted(self._movies)]


def _copy(totals: Totals) -> Totals:
    return replace(
        totals,
        rejected=dict(totals.rejected),
        by_halves=list(totals.by_halves),
        windows=list(totals.windows),
    )
