"""The exact state of one partition of `ratings`: a pure function of its log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, compress
from typing import NamedTuple

from app.core.ratings.changes import (
    Changes,
    MovieTotal,
    StoredPartition,
    Totals,
    UserRecommendation,
)
from app.core.ratings.events import RatingLike
from app.core.ratings.segments import segment_of, users_of, worth_merging
from app.core.ratings.user_ratings import Ratings
from app.core.ratings.windows import Windows

#: User ids, movie ids and marks of applied ratings, side by side.
_Columns = tuple[list[int], list[int], list[int]]


class Applied(NamedTuple):
    """The ratings that changed the state, side by side and in their order; and how many not."""

    users: list[int]
    movies: list[int]
    halves: list[int]
    duplicate: int
    stale: int
    late: int
    """Of those that changed it, too late for their windows."""
    predicted: int
    squared_error: float
    """Sum over those that were predicted, in stars squared."""


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
        self.segments = len(stored.segments)
        self._totals = _copy(stored.totals)
        self._windows = Windows(self._totals)
        self._users = users_of(stored.segments)
        self._movies = {
            movie: [n, sum_halves, last] for movie, n, sum_halves, last in stored.movies
        }
        self._changed: set[int] = set()
        self._journal: list[_Columns] = []
        self._taken: tuple[Changes, set[int], list[_Columns]] | None = None

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
        users = [rating.userId for rating in ratings]
        movies = [rating.movieId for rating in ratings]
        times = [rating.timestamp for rating in ratings]
        halves = [int(rating.rating * 2) for rating in ratings]
        marks = [time << 4 | half_stars for time, half_stars in zip(times, halves, strict=True)]
        before = self._users.put_all(users, movies, marks)
        duplicate, stale = self._add_up(movies, halves, times, before)
        guesses: Sequence[float] = predicted if predicted is not None else ()
        if duplicate or stale:
            kept = [not old or old >> 4 < time for old, time in zip(before, times, strict=True)]
            users, movies, halves, times, marks = (
                list(compress(column, kept)) for column in (users, movies, halves, times, marks)
            )
            arrived, guesses = (list(compress(column, kept)) for column in (arrived, guesses))
        totals = self._totals
        errors = [guess - half / 2 for guess, half in zip(guesses, halves, strict=False)]
        squared_error = float(sum(error * error for error in errors))
        totals.predicted += len(errors)
        totals.squared_error += squared_error
        late_before = self._windows.late
        self._windows.add_all(times, halves, arrived)
        self._changed.update(movies)
        self._journal.append((users, movies, marks))
        totals.valid += len(users)
        totals.duplicate += duplicate
        totals.stale += stale
        late = self._windows.late - late_before
        return Applied(users, movies, halves, duplicate, stale, late, len(errors), squared_error)

    def _add_up(
        self,
        movies: Sequence[int],
        halves: Sequence[int],
        times: Sequence[int],
        before: Sequence[int],
    ) -> tuple[int, int]:
        """Bring movies and distribution up to date; return how many were duplicate, and stale.

        `before` holds the marks that were known of each rating's user and movie, 0 for none.
        """
        known, by_halves = self._movies, self._totals.by_halves
        duplicate = stale = 0
        for movie, half_stars, time, old in zip(movies, halves, times, before, strict=True):
            total = known.get(movie)
            if total is None:
                known[movie] = [1, half_stars, time]
            elif not old:
                total[0] += 1
                total[1] += half_stars
                if time > total[2]:  # noqa: PLR1730 (a call would cost more)
                    total[2] = time
            elif time > old >> 4:
                by_halves[old & 15] -= 1
                total[1] += half_stars - (old & 15)
                if time > total[2]:  # noqa: PLR1730 (as above)
                    total[2] = time
            else:
                if time == old >> 4:
                    duplicate += 1
                else:
                    stale += 1
                continue
            by_halves[half_stars] += 1
        return duplicate, stale

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
            segment=_segment(self._journal),
            recommendations=recommendations,
        )
        self._taken = (changes, self._changed, self._journal)
        self._changed, self._journal = set(), []
        return changes

    def saved(self) -> None:
        """What was taken is stored."""
        changes, _, _ = self._open_take()
        self.saved_offset = changes.next_offset
        self.journal_bytes += len(changes.segment)
        self.segments += bool(changes.segment)

    def not_saved(self) -> None:
        """What was taken is not stored: the next `take` returns it again."""
        _, changed, journal = self._open_take()
        self._changed |= changed
        self._journal = journal + self._journal

    def _open_take(self) -> tuple[Changes, set[int], list[_Columns]]:
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
        return worth_merging(self.journal_bytes, self.segments, self.ratings)

    def ratings_of(self, user: int) -> Ratings:
        """Return a user's movies, ascending, and marks: no copies, so not to be kept or changed."""
        return self._users.of(user)

    def users(self) -> list[int]:
        """Return all users of the partition."""
        return self._users.users()

    def movies(self) -> list[MovieTotal]:
        """Return all movies of the partition, by id."""
        return [MovieTotal(movie, *self._movies[movie]) for movie in sorted(self._movies)]


def _segment(journal: Sequence[_Columns]) -> bytes:
    """Return what was applied, chunk by chunk, as one segment."""
    users, movies, marks = (list(chain.from_iterable(parts)) for parts in _turned(journal))
    return segment_of(users, movies, marks)


def _turned(journal: Sequence[_Columns]) -> Iterator[list[list[int]]]:
    return ([columns[place] for columns in journal] for place in range(3))


def _copy(totals: Totals) -> Totals:
    return replace(
        totals,
        rejected=dict(totals.rejected),
        by_halves=list(totals.by_halves),
        windows=list(totals.windows),
    )
